//! Floats on a grid: prices in ticks, quantities in lots.
//!
//! The book is exact, and Python passes floats. A float within [`TOLERANCE`] steps of a whole number of
//! steps is that number. Any other float is an error and is not rounded: an order at a price off the grid
//! is a bug of the caller.

/// How far a float may be from a whole number of steps, in steps. It covers the rounding of `price / tick`.
const TOLERANCE: f64 = 1e-4;

/// Largest number of steps in either direction: a float represents 2⁴⁰ steps exactly, with bits left for
/// the tolerance.
pub const MAX_STEPS: i64 = 1 << 40;

/// Steps of one size.
#[derive(Clone, Copy, Debug)]
pub struct Grid {
    step: f64,
    per_unit: f64,
    /// `1 / step` is a whole number (0.01 → 100). Then a division yields the float nearest to the decimal.
    whole: bool,
}

impl Grid {
    /// `None` if `step` is not a positive finite number.
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

    /// The whole steps of a value; `None` if it is between steps, out of range, or not a number.
    #[inline]
    pub fn steps(&self, value: f64) -> Option<i64> {
        let scaled = value * self.per_unit;
        // Rounds half away from zero. `round` would be a call into libm on the baseline. The cast
        // saturates; NaN becomes 0.
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
