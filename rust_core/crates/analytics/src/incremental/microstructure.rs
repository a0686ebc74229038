//! Features of quotes, books and trades, updated with each of them.
//!
//! Sources: Cont, Kukanov and Stoikov (2014) and Xu, Gould and Howison (2019), see `market::order_flow`;
//! Lee and Ready, Journal of Finance 46 (1991); Kyle, Econometrica 53 (1985); Easley, López de Prado and
//! O'Hara, Review of Financial Studies 25 (2012); Amihud, Journal of Financial Markets 5 (2002); Huang and
//! Stoll, Journal of Financial Economics 41 (1996) for spreads.

use super::window::{Moments, Sum};
use super::Feature;
use crate::market::depth::{book_pressure, book_slope};
use crate::market::order_flow::{contribution, Quote};
use crate::market::spreads::microprice;

const NAN: f64 = f64::NAN;

/// Inputs: price, volume. NaN until the window is full, and while it has no volume.
pub struct Vwap {
    pub notional: Sum,
    pub volume: Sum,
}
impl Feature for Vwap {
    fn inputs(&self) -> usize {
        2
    }
    fn update(&mut self, x: &[f64], out: &mut [f64]) {
        self.notional.push(x[0] * x[1]);
        self.volume.push(x[1]);
        out[0] = self.notional.total() / self.volume.total();
    }
}

/// Inputs: bid, bid size, ask, ask size.
pub struct Microprice;
impl Feature for Microprice {
    fn inputs(&self) -> usize {
        4
    }
    fn update(&mut self, x: &[f64], out: &mut [f64]) {
        out[0] = microprice(x[0], x[1], x[2], x[3]);
    }
}

/// Inputs: price, mid, side of the taker (1, −1; 0 unknown). 2·side·(price − mid).
pub struct EffectiveSpread;
impl Feature for EffectiveSpread {
    fn inputs(&self) -> usize {
        3
    }
    fn update(&mut self, x: &[f64], out: &mut [f64]) {
        out[0] = 2.0 * x[2] * (x[0] - x[1]);
    }
}

/// Inputs: price, mid, side. The realized spread of the trade `horizon` trades ago, with the mid of now:
/// 2·side'·(price' − mid). It is known only now, so it stands here.
pub struct RealizedSpread {
    pub price: Sum,
    pub side: Sum,
}
impl Feature for RealizedSpread {
    fn inputs(&self) -> usize {
        3
    }
    fn update(&mut self, x: &[f64], out: &mut [f64]) {
        out[0] = match (self.price.push(x[0]), self.side.push(x[2])) {
            (Some(price), Some(side)) => 2.0 * side * (price - x[1]),
            _ => NAN,
        };
    }
}

fn quote(x: &[f64]) -> Quote {
    Quote {
        bid: x[0],
        bid_size: x[1],
        ask: x[2],
        ask_size: x[3],
    }
}

/// Inputs: bid, bid size, ask, ask size of each level, best first. Output: the sum of the last `n`
/// contributions of each level. With one level this is the plain OFI.
pub struct OrderFlow {
    last: Vec<Option<Quote>>,
    sums: Vec<Sum>,
}
impl OrderFlow {
    pub fn new(window: usize, levels: usize) -> OrderFlow {
        OrderFlow {
            last: vec![None; levels],
            sums: vec![Sum::new(window); levels],
        }
    }
}
impl Feature for OrderFlow {
    fn inputs(&self) -> usize {
        4 * self.last.len()
    }
    fn outputs(&self) -> usize {
        self.last.len()
    }
    fn update(&mut self, x: &[f64], out: &mut [f64]) {
        for level in 0..self.last.len() {
            let after = quote(&x[4 * level..]);
            if let Some(before) = self.last[level].replace(after) {
                self.sums[level].push(contribution(before, after));
            }
            out[level] = self.sums[level].total();
        }
    }
}

/// Inputs as [`OrderFlow`] with one level. w = keep·w + contribution: the flow `k` changes ago has the weight keep^k.
pub struct WeightedOrderFlow {
    pub last: Option<Quote>,
    pub keep: f64,
    pub value: f64,
}
impl Feature for WeightedOrderFlow {
    fn inputs(&self) -> usize {
        4
    }
    fn update(&mut self, x: &[f64], out: &mut [f64]) {
        let after = quote(x);
        out[0] = NAN;
        if let Some(before) = self.last.replace(after) {
            self.value = self.keep * self.value + contribution(before, after);
            out[0] = self.value;
        }
    }
}

/// Inputs: bid, bid size, ask, ask size of each level. Output: book pressure with exponential weights.
pub struct Pressure {
    pub levels: usize,
    pub decay: f64,
}
impl Feature for Pressure {
    fn inputs(&self) -> usize {
        4 * self.levels
    }
    fn update(&mut self, x: &[f64], out: &mut [f64]) {
        let side = |field: usize| -> Vec<f64> { x.chunks_exact(4).map(|level| level[field]).collect() };
        out[0] = book_pressure(&side(1), &side(3), self.decay);
    }
}

/// Inputs: bid, bid size, ask, ask size of each level. Outputs: depth slope of the bids, of the asks.
pub struct Slope {
    pub levels: usize,
}
impl Feature for Slope {
    fn inputs(&self) -> usize {
        4 * self.levels
    }
    fn outputs(&self) -> usize {
        2
    }
    fn update(&mut self, x: &[f64], out: &mut [f64]) {
        let side = |field: usize| -> Vec<f64> { x.chunks_exact(4).map(|level| level[field]).collect() };
        let mid = (x[0] + x[2]) / 2.0;
        out[0] = book_slope(&side(0), &side(1), mid).unwrap_or(NAN);
        out[1] = book_slope(&side(2), &side(3), mid).unwrap_or(NAN);
    }
}

/// The sign of the last price change that was not zero; 0 before the first.
#[derive(Default)]
pub struct TickRule {
    last: Option<f64>,
    sign: f64,
}
impl TickRule {
    #[inline]
    fn push(&mut self, price: f64) -> f64 {
        if let Some(last) = self.last.replace(price) {
            if price != last {
                self.sign = if price > last { 1.0 } else { -1.0 };
            }
        }
        self.sign
    }
}
impl Feature for TickRule {
    fn update(&mut self, x: &[f64], out: &mut [f64]) {
        out[0] = self.push(x[0]);
    }
}

/// Inputs: price, bid, ask. Above the mid 1, below −1, at the mid the tick rule.
#[derive(Default)]
pub struct LeeReady(TickRule);
impl Feature for LeeReady {
    fn inputs(&self) -> usize {
        3
    }
    fn update(&mut self, x: &[f64], out: &mut [f64]) {
        let (tick, mid) = (self.0.push(x[0]), (x[1] + x[2]) / 2.0);
        out[0] = if x[0] > mid {
            1.0
        } else if x[0] < mid {
            -1.0
        } else {
            tick
        };
    }
}

/// Inputs: price, signed volume. Slope of the price change on the signed volume, over `n` changes.
pub struct KyleLambda {
    pub last: f64,
    pub moments: Moments,
}
impl Feature for KyleLambda {
    fn inputs(&self) -> usize {
        2
    }
    fn update(&mut self, x: &[f64], out: &mut [f64]) {
        let change = x[0] - std::mem::replace(&mut self.last, x[0]);
        if !change.is_nan() {
            self.moments.push(x[1], change);
        }
        out[0] = self.moments.products() / self.moments.squares();
    }
}

/// Inputs: volume, side. Buckets of `bucket` volume; a trade may span several. Output: the mean of
/// |bought − sold| / bucket over the last `n` full buckets.
pub struct Vpin {
    pub bucket: f64,
    pub filled: f64,
    pub signed: f64,
    pub window: Sum,
}
impl Feature for Vpin {
    fn inputs(&self) -> usize {
        2
    }
    fn update(&mut self, x: &[f64], out: &mut [f64]) {
        let mut left = if x[0].is_finite() { x[0] } else { 0.0 };
        if self.filled + left >= self.bucket {
            let part = self.bucket - self.filled;
            self.window.push((self.signed + part * x[1]).abs() / self.bucket);
            left -= part;
            (self.filled, self.signed) = (0.0, 0.0);
            // The buckets that this trade fills alone. More than the window holds change nothing.
            let whole = (left / self.bucket).floor();
            for _ in 0..whole.min(self.window.size() as f64) as usize {
                self.window.push(x[1].abs());
            }
            left = (left - whole * self.bucket).max(0.0);
        }
        self.filled += left;
        self.signed += left * x[1];
        out[0] = self.window.mean();
    }
}

/// Inputs: close, traded notional. Mean of |return| / notional over `n` bars; bars without trades are left out.
pub struct Amihud {
    pub last: f64,
    pub window: Sum,
}
impl Feature for Amihud {
    fn inputs(&self) -> usize {
        2
    }
    fn update(&mut self, x: &[f64], out: &mut [f64]) {
        let last = std::mem::replace(&mut self.last, x[0]);
        let impact = (x[0] / last - 1.0).abs() / x[1];
        if impact.is_finite() {
            self.window.push(impact);
        }
        out[0] = self.window.mean();
    }
}
