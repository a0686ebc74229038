//! A Prometheus histogram, counted without locks.
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Most buckets of a histogram, not counting the `+Inf` bucket.
pub const BUCKETS_MAX: usize = 12;

pub struct Histogram {
    bounds: &'static [u64],
    counts: [AtomicU64; BUCKETS_MAX + 1],
    sum: AtomicU64,
}
impl Histogram {
    /// `bounds`: upper bounds of the buckets in increasing order, at most [`BUCKETS_MAX`].
    pub const fn new(bounds: &'static [u64]) -> Histogram {
        assert!(bounds.len() <= BUCKETS_MAX);
        Histogram {
            bounds,
            counts: [const { AtomicU64::new(0) }; BUCKETS_MAX + 1],
            sum: AtomicU64::new(0),
        }
    }
    pub fn observe(&self, value: u64) {
        let at = self
            .bounds
            .iter()
            .position(|&bound| value <= bound)
            .unwrap_or(self.bounds.len());
        self.counts[at].fetch_add(1, Relaxed);
        self.sum.fetch_add(value, Relaxed);
    }
    /// Appends the lines of this histogram, without `# TYPE`.
    /// `labels` is `name="value"` or empty. `per_unit` converts observed values to the unit in the name:
    /// 1e6 for microseconds observed and seconds in the name.
    pub fn write(&self, out: &mut String, name: &str, labels: &str, per_unit: f64) {
        let (prefix, braced) = match labels {
            "" => (String::new(), String::new()),
            labels => (format!("{labels},"), format!("{{{labels}}}")),
        };
        let mut total = 0;
        for (at, count) in self.counts.iter().enumerate().take(self.bounds.len() + 1) {
            total += count.load(Relaxed);
            let bound = match self.bounds.get(at) {
                Some(&bound) => (bound as f64 / per_unit).to_string(),
                None => "+Inf".to_owned(),
            };
            let _ = writeln!(out, "{name}_bucket{{{prefix}le=\"{bound}\"}} {total}");
        }
        let sum = self.sum.load(Relaxed) as f64 / per_unit;
        let _ = writeln!(out, "{name}_sum{braced} {sum}\n{name}_count{braced} {total}");
    }
}

#[cfg(test)]
mod tests {
    use super::Histogram;

    #[test]
    fn buckets_are_cumulative_and_carry_the_labels() {
        static BOUNDS: [u64; 2] = [1_000, 2_000];
        let histogram = Histogram::new(&BOUNDS);
        for value in [1, 1_000, 1_500, 9_000] {
            histogram.observe(value);
        }
        let mut out = String::new();
        histogram.write(&mut out, "x_seconds", "function=\"a.b\"", 1e3);
        assert_eq!(
            out,
            "x_seconds_bucket{function=\"a.b\",le=\"1\"} 2\nx_seconds_bucket{function=\"a.b\",le=\"2\"} 3\n\
             x_seconds_bucket{function=\"a.b\",le=\"+Inf\"} 4\nx_seconds_sum{function=\"a.b\"} 11.501\n\
             x_seconds_count{function=\"a.b\"} 4\n"
        );
    }
}
