//! Bars that close by a count of trades, by volume, notional, imbalance, or when a key changes.
//!
//! Source: López de Prado, "Advances in Financial Machine Learning" (2018), chapter 2. His imbalance bars
//! adapt their threshold to past bars, and it may then grow without bound; here the threshold is fixed.

use super::Feature;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closing {
    /// The key (the first input) changes: bars by time, with key = ⌊time / interval⌋.
    Key,
    Trades,
    Volume,
    Notional,
    /// |Σ volume·side| reaches the size.
    Imbalance,
}

/// Inputs: key, price, volume, side. Outputs: 1 if a bar closed with this trade, else 0; then the open,
/// high, low, close, volume, notional and number of trades of that bar (NaN if none closed). A bar by key
/// closes with the first trade after it, all others include the trade that closes them.
pub struct Bars {
    closing: Closing,
    size: f64,
    key: f64,
    bar: [f64; 7],
    imbalance: f64,
}

const EMPTY: [f64; 7] = [f64::NAN, f64::NEG_INFINITY, f64::INFINITY, f64::NAN, 0.0, 0.0, 0.0];

impl Bars {
    pub fn new(closing: Closing, size: f64) -> Bars {
        Bars {
            closing,
            size,
            key: f64::NAN,
            bar: EMPTY,
            imbalance: 0.0,
        }
    }

    fn close(&mut self, out: &mut [f64]) {
        out[0] = 1.0;
        out[1..].copy_from_slice(&self.bar);
        self.bar = EMPTY;
        self.imbalance = 0.0;
    }
}

impl Feature for Bars {
    fn inputs(&self) -> usize {
        4
    }
    fn outputs(&self) -> usize {
        8
    }
    fn update(&mut self, x: &[f64], out: &mut [f64]) {
        out.fill(f64::NAN);
        out[0] = 0.0;
        let [key, price, volume, side] = [x[0], x[1], x[2], x[3]];
        if self.closing == Closing::Key && key != self.key && self.bar[6] > 0.0 {
            self.close(out);
        }
        self.key = key;
        let bar = &mut self.bar;
        if bar[6] == 0.0 {
            bar[0] = price;
        }
        bar[1] = bar[1].max(price);
        bar[2] = bar[2].min(price);
        bar[3] = price;
        bar[4] += volume;
        bar[5] += price * volume;
        bar[6] += 1.0;
        self.imbalance += volume * side;
        let reached = match self.closing {
            Closing::Key => return,
            Closing::Trades => bar[6],
            Closing::Volume => bar[4],
            Closing::Notional => bar[5],
            Closing::Imbalance => self.imbalance.abs(),
        };
        if reached >= self.size {
            self.close(out);
        }
    }
}
