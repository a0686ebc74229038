//! Floats on a grid: prices in ticks, quantities in lots.
//!
//! The book is exact, Python's numbers are floats. A float within [`TOLERANCE`] steps of a whole number of steps is
//! that number; any other is an error, not rounded: an order at a price that does not exist is a bug of the caller.

/// How far from a whole number of steps a float may be, in steps: room for the rounding of `price / tick`.
const TOLERANCE: f64 = 1e-4;

/// Highest number of steps, either way: 2⁴⁰ steps are exact in a float with room for the tolerance.
pub const MAX_STEPS: i64 = 1 << 40;

/// Steps of one size.
#[derive(Clone, Copy, Debug)]
pub struct Grid {
    step: f64,
    per_unit: f64,
    /// `1 / step` is whole (0.01 → 100): then division gives the float nearest to the decimal.
    whole: bool,
}

impl Grid {
    /// `None`: not a step.
    pub fn new(step: f64) -> Option<Grid> {
        if !(step > 0.0 && step.is_finite()) {
            return None;
        }
        let per_unit = 1.0 / step;
        let nearest = per_unit.round();
        let whole = nearest >= 1.0 && (per_unit - nearest).abs() < 1e-9 * nearest;
        Some(Grid {
            step,
            per_unit: if whole { nearest } else { per_unit },
            whole,
        })
    }

    pub fn step(&self) -> f64 {
        self.step
    }

    /// Whole steps of a value; `None`: between steps, too far out, or not a number.
    #[inline]
    pub fn steps(&self, value: f64) -> Option<i64> {
        let scaled = value * self.per_unit;
        // Rounds half away from zero; `round` would be a call into libm on the baseline. Saturates, NaN → 0.
        let nearest = (scaled + f64::copysign(0.5, scaled)) as i64;
        let close = (scaled - nearest as f64).abs() < TOLERANCE;
        (close && nearest.abs() <= MAX_STEPS).then_some(nearest)
    }

    #[inline]
    pub fn value(&self, steps: i64) -> f64 {
        if self.whole {
            steps as f64 / self.per_unit
        } else {
            steps as f64 * self.step
        }
    }
}
