//! One-minute bars of the trades on this exchange and of outside prints, made from the journal alone.
//!
//! A bar ends at the last record whose time is within its minute: its place among the items of the journal does not
//! depend on when it is published. Times of records never decrease, so no trade is late.
use cift_engine::{Money, Price, Quantity, Symbol, Timestamp};
use cift_wire::market::{Bar, Origin};

pub const MINUTE_NS: i64 = 60_000_000_000;

/// The bars of the current minute, in the order of their first trade.
#[derive(Default)]
pub struct MinuteBars {
    start: Timestamp,
    bars: Vec<Bar>,
}

/// Start of the minute that contains `at`.
pub fn minute_of(at: Timestamp) -> Timestamp {
    at.div_euclid(MINUTE_NS) * MINUTE_NS
}

impl MinuteBars {
    /// Whether bars have ended by `now`: take them with [`MinuteBars::end`] before the next trade is added.
    pub fn ended(&self, now: Timestamp) -> bool {
        !self.bars.is_empty() && now >= self.start + MINUTE_NS
    }
    /// The bars that have ended. The caller sets their origins.
    pub fn end(&mut self) -> std::vec::Drain<'_, Bar> {
        self.bars.drain(..)
    }
    /// Adds a trade of the current minute.
    pub fn add(&mut self, symbol: Symbol, at: Timestamp, price: Price, quantity: Quantity) {
        if self.bars.is_empty() {
            self.start = minute_of(at);
        }
        debug_assert!(!self.ended(at), "the caller takes ended bars first");
        let turnover = Money::from(price) * Money::from(quantity);
        if let Some(bar) = self.bars.iter_mut().find(|bar| bar.symbol == symbol) {
            bar.high = bar.high.max(price);
            bar.low = bar.low.min(price);
            bar.close = price;
            bar.volume += quantity;
            bar.turnover += turnover;
            bar.trades += 1;
        } else {
            self.bars.push(Bar {
                origin: Origin::default(),
                symbol,
                start: self.start,
                open: price,
                high: price,
                low: price,
                close: price,
                volume: quantity,
                turnover,
                trades: 1,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_has_the_trades_of_its_minute() {
        let (spy, ibm) = (
            Symbol(*b"SPY\0\0\0\0\0\0\0\0\0\0\0\0\0"),
            Symbol(*b"IBM\0\0\0\0\0\0\0\0\0\0\0\0\0"),
        );
        let mut bars = MinuteBars::default();
        assert!(!bars.ended(i64::MAX));
        for (symbol, second, price, quantity) in [
            (spy, 61, 100, 2),
            (ibm, 62, 5, 1),
            (spy, 90, 103, 1),
            (spy, 119, 101, 1),
        ] {
            bars.add(symbol, second * 1_000_000_000, price, quantity);
        }
        assert!(!bars.ended(2 * MINUTE_NS - 1) && bars.ended(2 * MINUTE_NS));
        let ended: Vec<Bar> = bars.end().collect();
        assert_eq!(ended.iter().map(|bar| bar.symbol).collect::<Vec<_>>(), [spy, ibm]);
        let bar = ended[0];
        assert_eq!((bar.open, bar.high, bar.low, bar.close), (100, 103, 100, 101));
        assert_eq!(
            (bar.start, bar.volume, bar.turnover, bar.trades),
            (MINUTE_NS, 4, 404, 3)
        );
        assert!(!bars.ended(i64::MAX));
    }
}
