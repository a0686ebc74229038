//! Market figures that are updated with each trade and each quote.
//!
//! A [`Stream`] holds the last `window` trades (VWAP, trade imbalance) and the last `window` changes of the
//! quote (OFI). An update is O(1). Memory is bounded by two rings of `window` elements.
//!
//! The sums are updated from step to step and recomputed each time a ring starts over, so that rounding
//! errors do not accumulate.

use super::indicators::smoothing;
use super::order_flow::{contribution, Quote};
use super::spreads::microprice;

/// Longest window: 2²⁴ elements, which need 400 MB for the rings.
pub const MAX_WINDOW: usize = 1 << 24;

#[derive(Clone, Copy, Debug, Default)]
struct Print {
    notional: f64,
    volume: f64,
    signed: f64,
}

/// The figures of one instrument.
#[derive(Clone, Debug)]
pub struct Stream {
    window: usize,
    prints: Vec<Print>,
    next_print: usize,
    sums: Print,
    flow: Vec<f64>,
    next_flow: usize,
    ofi: f64,
    quote: Option<Quote>,
    last: f64,
    alpha: f64,
    ema: f64,
    trades: u64,
}

impl Stream {
    /// A stream over `window` trades and `window` changes of the quote, with an EMA of trade prices over
    /// `span` trades. `None` if the window is outside 1..=[`MAX_WINDOW`] or the span is below 1.
    pub fn new(window: usize, span: f64) -> Option<Stream> {
        if window == 0 || window > MAX_WINDOW || !span.is_finite() || span < 1.0 {
            return None;
        }
        Some(Stream {
            window,
            prints: Vec::with_capacity(window),
            next_print: 0,
            sums: Print::default(),
            flow: Vec::with_capacity(window),
            next_flow: 0,
            ofi: 0.0,
            quote: None,
            last: f64::NAN,
            alpha: smoothing(span),
            ema: f64::NAN,
            trades: 0,
        })
    }

    /// Adds a trade. `side` is that of the taker: +1 buy, −1 sell, 0 unknown.
    pub fn on_trade(&mut self, price: f64, volume: f64, side: i8) {
        let print = Print {
            notional: price * volume,
            volume,
            signed: volume * f64::from(side.signum()),
        };
        if self.prints.len() < self.window {
            self.prints.push(print);
            self.add(print, 1.0);
        } else {
            let removed = std::mem::replace(&mut self.prints[self.next_print], print);
            self.next_print += 1;
            self.add(removed, -1.0);
            self.add(print, 1.0);
            if self.next_print == self.window {
                self.next_print = 0;
                self.sums = Print::default();
                for index in 0..self.prints.len() {
                    self.add(self.prints[index], 1.0);
                }
            }
        }
        self.last = price;
        self.ema = if self.ema.is_nan() {
            price
        } else {
            self.ema + self.alpha * (price - self.ema)
        };
        self.trades += 1;
    }

    fn add(&mut self, print: Print, sign: f64) {
        self.sums.notional += sign * print.notional;
        self.sums.volume += sign * print.volume;
        self.sums.signed += sign * print.signed;
    }

    /// Adds a change of the quote.
    pub fn on_quote(&mut self, quote: Quote) {
        let Some(before) = self.quote.replace(quote) else {
            return;
        };
        let change = contribution(before, quote);
        if self.flow.len() < self.window {
            self.flow.push(change);
            self.ofi += change;
        } else {
            self.ofi += change - std::mem::replace(&mut self.flow[self.next_flow], change);
            self.next_flow += 1;
            if self.next_flow == self.window {
                self.next_flow = 0;
                self.ofi = self.flow.iter().sum();
            }
        }
    }

    /// The VWAP of the window; NaN without volume.
    pub fn vwap(&self) -> f64 {
        if self.sums.volume == 0.0 {
            f64::NAN
        } else {
            self.sums.notional / self.sums.volume
        }
    }

    /// Order flow imbalance of the window.
    pub fn ofi(&self) -> f64 {
        self.ofi
    }

    /// (bought − sold) / all volume of the window; NaN without volume.
    pub fn trade_imbalance(&self) -> f64 {
        if self.sums.volume == 0.0 {
            f64::NAN
        } else {
            self.sums.signed / self.sums.volume
        }
    }

    /// Exponential average of trade prices; NaN before the first.
    pub fn ema(&self) -> f64 {
        self.ema
    }

    /// Price of the last trade; NaN before the first.
    pub fn last(&self) -> f64 {
        self.last
    }

    /// Volume of the window.
    pub fn volume(&self) -> f64 {
        self.sums.volume
    }

    /// Number of trades since the start.
    pub fn trades(&self) -> u64 {
        self.trades
    }

    /// The last quote.
    pub fn quote(&self) -> Option<Quote> {
        self.quote
    }

    /// Ask − bid of the last quote; NaN before the first.
    pub fn spread(&self) -> f64 {
        self.quote.map_or(f64::NAN, |quote| quote.ask - quote.bid)
    }

    /// Size-weighted mid of the last quote; NaN before the first.
    pub fn microprice(&self) -> f64 {
        self.quote.map_or(f64::NAN, |quote| {
            microprice(quote.bid, quote.bid_size, quote.ask, quote.ask_size)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::order_flow::{ofi, Quotes};
    use super::super::prices::vwap;
    use super::*;

    #[test]
    fn the_figures_equal_those_of_the_window() {
        let length = 1_000usize;
        let prices: Vec<f64> = (0..length).map(|i| 50.0 + (i * 17 % 23) as f64 * 0.01).collect();
        let volumes: Vec<f64> = (0..length).map(|i| 1.0 + (i * 7 % 13) as f64).collect();
        for window in [1, 3, 64] {
            let mut stream = Stream::new(window, 10.0).unwrap();
            for index in 0..length {
                stream.on_trade(prices[index], volumes[index], 1);
                stream.on_quote(Quote {
                    bid: prices[index],
                    bid_size: volumes[index],
                    ask: prices[index] + 1.0,
                    ask_size: 2.0,
                });
                let range = (index + 1).saturating_sub(window)..=index;
                let expected = vwap(&prices[range.clone()], &volumes[range]).unwrap();
                assert!((stream.vwap() - expected).abs() < 1e-9);
                assert!((stream.trade_imbalance() - 1.0).abs() < 1e-12);
                let first = index.saturating_sub(window);
                let asks: Vec<f64> = prices[first..=index].iter().map(|price| price + 1.0).collect();
                let expected = ofi(&Quotes {
                    bids: &prices[first..=index],
                    bid_sizes: &volumes[first..=index],
                    asks: &asks,
                    ask_sizes: &vec![2.0; asks.len()],
                });
                assert!((stream.ofi() - expected.unwrap()).abs() < 1e-9);
            }
            assert_eq!(stream.trades(), length as u64);
        }
    }

    #[test]
    fn an_empty_stream_has_no_figures() {
        let stream = Stream::new(4, 2.0).unwrap();
        assert!(stream.vwap().is_nan() && stream.spread().is_nan() && stream.ema().is_nan());
        assert_eq!(stream.ofi(), 0.0);
        assert!(Stream::new(0, 2.0).is_none() && Stream::new(1, 0.5).is_none());
    }
}
