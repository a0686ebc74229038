//! Windows over the last `n` values: sums, moments, extremes. An update is O(1), amortised.
//!
//! Sums are updated from value to value and recomputed each time the ring starts over, so that rounding
//! errors do not accumulate.

use std::collections::VecDeque;

/// The last `n` values and their sum.
#[derive(Clone, Debug)]
pub struct Sum {
    values: Vec<f64>,
    next: usize,
    size: usize,
    total: f64,
    /// Number of equal values at the end. Rounding errors of a flat window would dominate the root of its mean.
    same: usize,
    last: f64,
}

impl Sum {
    pub fn new(size: usize) -> Sum {
        Sum {
            values: Vec::with_capacity(size),
            next: 0,
            size,
            total: 0.0,
            same: 0,
            last: f64::NAN,
        }
    }

    /// Adds a value and returns the one that left the window.
    #[inline]
    pub fn push(&mut self, x: f64) -> Option<f64> {
        self.same = if x == self.last { self.same + 1 } else { 1 };
        self.last = x;
        if self.values.len() < self.size {
            self.values.push(x);
            self.total += x;
            return None;
        }
        let removed = std::mem::replace(&mut self.values[self.next], x);
        self.next += 1;
        if self.next == self.size {
            self.next = 0;
            self.total = self.values.iter().sum();
        } else {
            self.total += x - removed;
        }
        Some(removed)
    }

    #[inline]
    pub fn is_full(&self) -> bool {
        self.values.len() == self.size
    }

    /// The sum; NaN until the window is full.
    #[inline]
    pub fn total(&self) -> f64 {
        if self.is_full() && self.same >= self.size {
            self.last * self.size as f64
        } else if self.is_full() {
            self.total
        } else {
            f64::NAN
        }
    }

    /// The mean; NaN until the window is full.
    #[inline]
    pub fn mean(&self) -> f64 {
        self.total() / self.size as f64
    }

    pub fn size(&self) -> usize {
        self.size
    }
}

/// Means and second moments of the last `n` pairs (x, y), taken about a centre near their means.
#[derive(Clone, Debug)]
pub struct Moments {
    pairs: Vec<(f64, f64)>,
    next: usize,
    size: usize,
    centre: (f64, f64),
    x: f64,
    y: f64,
    xx: f64,
    xy: f64,
    /// Number of equal x at the end. Rounding errors of a flat window would dominate its moments.
    same: usize,
    last: f64,
}

impl Moments {
    pub fn new(size: usize) -> Moments {
        Moments {
            pairs: Vec::with_capacity(size),
            next: 0,
            size,
            centre: (0.0, 0.0),
            x: 0.0,
            y: 0.0,
            xx: 0.0,
            xy: 0.0,
            same: 0,
            last: f64::NAN,
        }
    }

    #[inline]
    pub fn push(&mut self, x: f64, y: f64) {
        self.same = if x == self.last { self.same + 1 } else { 1 };
        self.last = x;
        if self.pairs.len() < self.size {
            self.pairs.push((x, y));
            if self.pairs.len() == self.size {
                self.recompute();
            }
            return;
        }
        let removed = std::mem::replace(&mut self.pairs[self.next], (x, y));
        self.next += 1;
        if self.next == self.size {
            self.next = 0;
            self.recompute();
        } else {
            self.add(removed, -1.0);
            self.add((x, y), 1.0);
        }
    }

    #[inline]
    fn add(&mut self, pair: (f64, f64), sign: f64) {
        let (x, y) = (pair.0 - self.centre.0, pair.1 - self.centre.1);
        self.x += sign * x;
        self.y += sign * y;
        self.xx += sign * (x * x);
        self.xy += sign * (x * y);
    }

    fn recompute(&mut self) {
        let n = self.size as f64;
        let (x, y) = self
            .pairs
            .iter()
            .fold((0.0, 0.0), |(x, y), pair| (x + pair.0, y + pair.1));
        self.centre = (x / n, y / n);
        (self.x, self.y, self.xx, self.xy) = (0.0, 0.0, 0.0, 0.0);
        for at in 0..self.pairs.len() {
            self.add(self.pairs[at], 1.0);
        }
    }

    pub fn is_full(&self) -> bool {
        self.pairs.len() == self.size
    }

    /// Mean of x; NaN until the window is full.
    pub fn mean(&self) -> f64 {
        if self.is_full() {
            self.centre.0 + self.x / self.size as f64
        } else {
            f64::NAN
        }
    }

    /// Σ (x − mean)²; NaN until the window is full.
    pub fn squares(&self) -> f64 {
        if self.is_full() && self.same >= self.size {
            0.0
        } else if self.is_full() {
            (self.xx - self.x * self.x / self.size as f64).max(0.0)
        } else {
            f64::NAN
        }
    }

    /// Σ (x − mean x)·(y − mean y); NaN until the window is full.
    pub fn products(&self) -> f64 {
        if self.is_full() && self.same >= self.size {
            0.0
        } else if self.is_full() {
            self.xy - self.x * self.y / self.size as f64
        } else {
            f64::NAN
        }
    }

    /// The deviation of x with the denominator n.
    pub fn deviation(&self) -> f64 {
        (self.squares() / self.size as f64).sqrt()
    }
}

/// The largest of the last `n` values: a queue of candidates in decreasing order.
#[derive(Clone, Debug)]
pub struct Largest {
    candidates: VecDeque<(u64, f64)>,
    count: u64,
    size: u64,
}

impl Largest {
    pub fn new(size: usize) -> Largest {
        Largest {
            candidates: VecDeque::with_capacity(size),
            count: 0,
            size: size as u64,
        }
    }

    /// Adds a value and returns the largest; NaN until the window is full.
    #[inline]
    pub fn push(&mut self, x: f64) -> f64 {
        while self.candidates.back().is_some_and(|&(_, value)| value <= x) {
            self.candidates.pop_back();
        }
        self.candidates.push_back((self.count, x));
        self.count += 1;
        if self.candidates[0].0 + self.size < self.count {
            self.candidates.pop_front();
        }
        if self.count >= self.size {
            self.candidates[0].1
        } else {
            f64::NAN
        }
    }
}

/// An average that starts as the mean of its first `n` values and then moves by `alpha`: Wilder's with
/// alpha = 1/n.
#[derive(Clone, Debug)]
pub struct Smoothed {
    n: f64,
    alpha: f64,
    count: f64,
    value: f64,
}

impl Smoothed {
    pub fn new(n: usize, alpha: f64) -> Smoothed {
        Smoothed {
            n: n as f64,
            alpha,
            count: 0.0,
            value: 0.0,
        }
    }

    pub fn wilder(n: usize) -> Smoothed {
        Smoothed::new(n, 1.0 / n as f64)
    }

    /// Adds a value and returns the average; NaN before the n-th value.
    #[inline]
    pub fn push(&mut self, x: f64) -> f64 {
        if self.count < self.n {
            self.count += 1.0;
            self.value += x / self.n;
            return if self.count < self.n { f64::NAN } else { self.value };
        }
        self.value += self.alpha * (x - self.value);
        self.value
    }
}
