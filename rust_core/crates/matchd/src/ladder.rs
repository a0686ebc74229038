//! What is visible of each symbol after a record, from the events of the journal: what the fan-out's quotes and
//! checksums are made of.
use crate::checksum::checksum;
use cift_engine::{Engine, Level, Price, Quantity, Side, Symbol, Timestamp};
use std::collections::{BTreeMap, HashMap};

/// Visible quantity a price, and the tape's last word.
#[derive(Default)]
struct Shown {
    bids: BTreeMap<Price, Quantity>,
    asks: BTreeMap<Price, Quantity>,
    tick: Price,
    last: Option<(Price, Quantity, Timestamp)>,
    halted: bool,
}

/// A symbol's quote: bid and ask (`None` = nobody there), last price, halt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Top {
    pub bid: Option<(Price, Quantity)>,
    pub ask: Option<(Price, Quantity)>,
    pub last: Option<(Price, Quantity, Timestamp)>,
    pub halted: bool,
}

#[derive(Default)]
pub struct Ladders(HashMap<Symbol, Shown>);

impl Ladders {
    /// The books as the engine has them.
    pub fn of(engine: &Engine) -> Ladders {
        let mut ladders = Ladders::default();
        let (mut bids, mut asks): (Vec<Level>, Vec<Level>) = (Vec::new(), Vec::new());
        for instrument in engine.instruments() {
            bids.clear();
            asks.clear();
            engine.book(instrument.symbol, usize::MAX, &mut bids, &mut asks);
            let quote = engine.quote(instrument.symbol);
            let shown = ladders.0.entry(instrument.symbol).or_default();
            shown.bids.extend(bids.iter().map(|l| (l.price, l.quantity)));
            shown.asks.extend(asks.iter().map(|l| (l.price, l.quantity)));
            shown.tick = instrument.tick;
            shown.last = quote.and_then(|quote| quote.last);
            shown.halted = quote.is_some_and(|quote| quote.halted);
        }
        ladders
    }
    /// A new instrument.
    pub fn define(&mut self, symbol: Symbol, tick: Price) {
        self.0.entry(symbol).or_default().tick = tick;
    }
    /// A level's new total; 0 = gone.
    pub fn set(&mut self, symbol: Symbol, side: Side, price: Price, quantity: Quantity) {
        let shown = self.0.entry(symbol).or_default();
        let levels = match side {
            Side::Buy => &mut shown.bids,
            Side::Sell => &mut shown.asks,
        };
        if quantity == 0 {
            levels.remove(&price);
        } else {
            levels.insert(price, quantity);
        }
    }
    /// A trade here, or a print of the outside.
    pub fn traded(&mut self, symbol: Symbol, price: Price, quantity: Quantity, at: Timestamp) {
        self.0.entry(symbol).or_default().last = Some((price, quantity, at));
    }
    pub fn halt(&mut self, symbol: Symbol, halted: bool) {
        self.0.entry(symbol).or_default().halted = halted;
    }
    /// The last price in new units, in whole ticks, as the engine has it.
    pub fn split(&mut self, symbol: Symbol, numerator: u32, denominator: u32) {
        let shown = self.0.entry(symbol).or_default();
        let tick = shown.tick.max(1);
        if let Some((price, ..)) = &mut shown.last {
            let ticks = i128::from(*price / tick) * i128::from(denominator) / i128::from(numerator);
            *price = (ticks as i64).max(1) * tick;
        }
    }
    pub fn top(&self, symbol: Symbol) -> Top {
        self.0.get(&symbol).map_or(Top::default(), |shown| {
            let best = |level: Option<(&Price, &Quantity)>| level.map(|(&price, &quantity)| (price, quantity));
            Top {
                bid: best(shown.bids.last_key_value()),
                ask: best(shown.asks.first_key_value()),
                last: shown.last,
                halted: shown.halted,
            }
        })
    }
    /// Of the best levels, as `docs/book-protocol.md` has it.
    pub fn checksum(&self, symbol: Symbol) -> u32 {
        let pair = |(&price, &quantity): (&Price, &Quantity)| (price, quantity);
        match self.0.get(&symbol) {
            Some(shown) => checksum(shown.bids.iter().rev().map(pair), shown.asks.iter().map(pair)),
            None => checksum([], []),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_top_follows_the_changes() {
        let (mut ladders, s) = (Ladders::default(), Symbol([1; 16]));
        let best = |ladders: &Ladders| (ladders.top(s).bid, ladders.top(s).ask);
        assert_eq!(ladders.top(s), Top::default());
        ladders.set(s, Side::Buy, 10, 5);
        ladders.set(s, Side::Buy, 11, 6);
        ladders.set(s, Side::Sell, 13, 7);
        ladders.set(s, Side::Sell, 12, 8);
        assert_eq!(best(&ladders), (Some((11, 6)), Some((12, 8))));
        let before = ladders.checksum(s);
        ladders.set(s, Side::Buy, 11, 0);
        ladders.set(s, Side::Sell, 12, 1);
        assert_eq!(best(&ladders), (Some((10, 5)), Some((12, 1))));
        assert_ne!(ladders.checksum(s), before);
    }

    #[test]
    fn the_last_price_follows_trades_and_splits() {
        let (mut ladders, s) = (Ladders::default(), Symbol([2; 16]));
        ladders.define(s, 10);
        ladders.split(s, 2, 1);
        assert_eq!(ladders.top(s).last, None);
        ladders.traded(s, 990, 3, 7);
        ladders.split(s, 2, 1);
        assert_eq!(ladders.top(s).last, Some((490, 3, 7)), "whole ticks, downward");
        ladders.split(s, 1000, 1);
        assert_eq!(ladders.top(s).last, Some((10, 3, 7)), "never below one tick");
        ladders.halt(s, true);
        assert!(ladders.top(s).halted);
    }
}
