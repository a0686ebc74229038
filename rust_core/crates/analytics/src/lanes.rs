//! Reductions with several accumulators, compiled twice: for the baseline and for AVX2.
//!
//! A single accumulator is limited by the latency of an addition (4 cycles per point). [`LANES`]
//! accumulators keep the adders busy and let the compiler use vector registers. The AVX2 copy is chosen at
//! run time, because wheels are built for the baseline. Both copies have the same source and the same order
//! of additions (no fused multiply-add), so they return the same bits.
//!
//! Rejected: AVX-512 (it needs a newer Rust than the workspace supports, and loads from L1 already limit the
//! loops) and explicit intrinsics (the compiler generates the same code from this source).

/// Number of interleaved partial sums: four AVX2 registers of four values.
pub const LANES: usize = 16;

/// Defines a function with a baseline copy and an AVX2 copy.
macro_rules! with_avx2 {
    ($(#[$doc:meta])* pub fn $name:ident($($arg:ident: $type:ty),* $(,)?) -> $out:ty $body:block) => {
        $(#[$doc])*
        #[inline]
        pub fn $name($($arg: $type),*) -> $out {
            #[inline(always)]
            fn plain($($arg: $type),*) -> $out $body

            #[cfg(target_arch = "x86_64")]
            #[allow(unsafe_code)]
            {
                #[target_feature(enable = "avx2")]
                unsafe fn avx2($($arg: $type),*) -> $out {
                    plain($($arg),*)
                }
                if std::arch::is_x86_feature_detected!("avx2") {
                    // SAFETY: the body is safe code. Its only requirement is AVX2, which was checked above.
                    return unsafe { avx2($($arg),*) };
                }
            }
            plain($($arg),*)
        }
    };
}
pub(crate) use with_avx2;

/// Adds up the partial sums, pairwise.
///
/// Never inlined, which keeps the callers fast. If the compiler inlines two calls into one function, it
/// combines lanes of the two sums, and the loops of the caller become two-wide shuffles (measured: 380 ns
/// instead of 110 ns for [`weighted_sums`] of 1,000 points).
#[inline(never)]
pub(crate) fn fold(lanes: &[f64; LANES]) -> f64 {
    let mut lanes = *lanes;
    let mut width = LANES / 2;
    while width > 0 {
        for lane in 0..width {
            lanes[lane] += lanes[lane + width];
        }
        width /= 2;
    }
    lanes[0]
}

with_avx2! {
    /// Σ x.
    pub fn sum(x: &[f64]) -> f64 {
        let mut lanes = [0.0; LANES];
        let mut chunks = x.chunks_exact(LANES);
        for chunk in &mut chunks {
            for lane in 0..LANES {
                lanes[lane] += chunk[lane];
            }
        }
        for (lane, x) in lanes.iter_mut().zip(chunks.remainder()) {
            *lane += x;
        }
        fold(&lanes)
    }
}

with_avx2! {
    /// (Σ x·w, Σ w) in one pass. The slices should have equal lengths; extra elements of the longer are
    /// ignored.
    pub fn weighted_sums(x: &[f64], w: &[f64]) -> (f64, f64) {
        let length = x.len().min(w.len());
        let (x, w) = (&x[..length], &w[..length]);
        let (mut products, mut weights) = ([0.0; LANES], [0.0; LANES]);
        let (mut xs, mut ws) = (x.chunks_exact(LANES), w.chunks_exact(LANES));
        for (x, w) in (&mut xs).zip(&mut ws) {
            for lane in 0..LANES {
                products[lane] += x[lane] * w[lane];
                weights[lane] += w[lane];
            }
        }
        for (lane, (x, w)) in xs.remainder().iter().zip(ws.remainder()).enumerate() {
            products[lane] += x * w;
            weights[lane] += w;
        }
        (fold(&products), fold(&weights))
    }
}

with_avx2! {
    /// Σ x·y. The slices should have equal lengths; extra elements of the longer are ignored.
    pub fn dot(x: &[f64], y: &[f64]) -> f64 {
        let length = x.len().min(y.len());
        let (x, y) = (&x[..length], &y[..length]);
        let mut lanes = [0.0; LANES];
        let (mut xs, mut ys) = (x.chunks_exact(LANES), y.chunks_exact(LANES));
        for (x, y) in (&mut xs).zip(&mut ys) {
            for lane in 0..LANES {
                lanes[lane] += x[lane] * y[lane];
            }
        }
        for (lane, (x, y)) in xs.remainder().iter().zip(ys.remainder()).enumerate() {
            lanes[lane] += x * y;
        }
        fold(&lanes)
    }
}

with_avx2! {
    /// Σ (x − centre)².
    pub fn squares_about(x: &[f64], centre: f64) -> f64 {
        let mut lanes = [0.0; LANES];
        let mut chunks = x.chunks_exact(LANES);
        for chunk in &mut chunks {
            for lane in 0..LANES {
                let distance = chunk[lane] - centre;
                lanes[lane] += distance * distance;
            }
        }
        for (lane, x) in lanes.iter_mut().zip(chunks.remainder()) {
            *lane += (x - centre) * (x - centre);
        }
        fold(&lanes)
    }
}

/// Arithmetic mean; NaN of an empty slice.
pub fn mean(x: &[f64]) -> f64 {
    sum(x) / x.len() as f64
}

/// Mean and standard deviation with the denominator `n - ddof`, in two passes. The deviation is NaN if the
/// denominator is not positive.
pub fn mean_and_deviation(x: &[f64], ddof: usize) -> (f64, f64) {
    let mean = mean(x);
    let freedom = x.len() as f64 - ddof as f64;
    if freedom <= 0.0 {
        return (mean, f64::NAN);
    }
    (mean, (squares_about(x, mean) / freedom).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whole numbers add exactly in any order, so every length must give the exact sum.
    #[test]
    fn every_length_is_summed_completely() {
        for length in 0..200usize {
            let x: Vec<f64> = (0..length).map(|i| (i * 7 % 31) as f64).collect();
            let w: Vec<f64> = (0..length).map(|i| (i * 5 % 17) as f64).collect();
            let (mut total, mut weights, mut products, mut squares) = (0.0, 0.0, 0.0, 0.0);
            for i in 0..length {
                total += x[i];
                weights += w[i];
                products += x[i] * w[i];
                squares += (x[i] - 3.0) * (x[i] - 3.0);
            }
            assert_eq!(sum(&x), total);
            assert_eq!(weighted_sums(&x, &w), (products, weights));
            assert_eq!(dot(&x, &w), products);
            assert_eq!(squares_about(&x, 3.0), squares);
        }
    }

    #[test]
    fn an_empty_slice_has_no_mean() {
        assert!(mean(&[]).is_nan());
        assert!(mean_and_deviation(&[1.0], 1).1.is_nan());
        assert_eq!(mean_and_deviation(&[1.0, 3.0], 0), (2.0, 1.0));
    }
}
