//! The visible book of each symbol, kept from the events of the journal. The fan-out builds quotes and
//! checksums from it.
use crate::checksum::checksum;
use cift_engine::{Engine, Level, Price, Quantity, Side, Symbol, Timestamp};
use std::collections::{BTreeMap, HashMap};

/// The visible quantity at each price, and the last trade.
#[derive(Default)]
struct VisibleBook {
    bids: BTreeMap<Price, Quantity>,
    asks: BTreeMap<Price, Quantity>,
    tick: Price,
    last: Option<(Price, Quantity, Timestamp)>,
    halted: bool,
}

/// The quote of a symbol: best bid and ask (`None` = empty side), last price, halt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TopOfBook {
    pub bid: Option<(Price, Quantity)>,
    pub ask: Option<(Price, Quantity)>,
    pub last: Option<(Price, Quantity, Timestamp)>,
    pub halted: bool,
}

#[derive(Default)]
pub struct VisibleBooks(HashMap<Symbol, VisibleBook>);

impl VisibleBooks {
    /// Copies the books of the engine.
    pub fn of(engine: &Engine) -> VisibleBooks {
        let mut books = VisibleBooks::default();
        let (mut bids, mut asks): (Vec<Level>, Vec<Level>) = (Vec::new(), Vec::new());
        for instrument in engine.instruments() {
            bids.clear();
            asks.clear();
            engine.book(instrument.symbol, usize::MAX, &mut bids, &mut asks);
            let quote = engine.quote(instrument.symbol);
            let book = books.0.entry(instrument.symbol).or_default();
            book.bids.extend(bids.iter().map(|l| (l.price, l.quantity)));
            book.asks.extend(asks.iter().map(|l| (l.price, l.quantity)));
            book.tick = instrument.tick;
            book.last = quote.and_then(|quote| quote.last);
            book.halted = quote.is_some_and(|quote| quote.halted);
        }
        books
    }
    /// Adds an instrument.
    pub fn define(&mut self, symbol: Symbol, tick: Price) {
        self.0.entry(symbol).or_default().tick = tick;
    }
    /// Sets the total quantity of a level; 0 removes it.
    pub fn set_level(&mut self, symbol: Symbol, side: Side, price: Price, quantity: Quantity) {
        let book = self.0.entry(symbol).or_default();
        let levels = match side {
            Side::Buy => &mut book.bids,
            Side::Sell => &mut book.asks,
        };
        if quantity == 0 {
            levels.remove(&price);
        } else {
            levels.insert(price, quantity);
        }
    }
    /// Sets the last trade: a trade in this book or a print of an outside feed.
    pub fn set_last(&mut self, symbol: Symbol, price: Price, quantity: Quantity, at: Timestamp) {
        self.0.entry(symbol).or_default().last = Some((price, quantity, at));
    }
    pub fn set_halted(&mut self, symbol: Symbol, halted: bool) {
        self.0.entry(symbol).or_default().halted = halted;
    }
    /// Adjusts the last price for a split, rounded down to whole ticks as in the engine.
    pub fn split(&mut self, symbol: Symbol, numerator: u32, denominator: u32) {
        let book = self.0.entry(symbol).or_default();
        let tick = book.tick.max(1);
        if let Some((price, ..)) = &mut book.last {
            let ticks = i128::from(*price / tick) * i128::from(denominator) / i128::from(numerator);
            *price = (ticks as i64).max(1) * tick;
        }
    }
    pub fn top(&self, symbol: Symbol) -> TopOfBook {
        self.0.get(&symbol).map_or(TopOfBook::default(), |book| {
            let best = |level: Option<(&Price, &Quantity)>| level.map(|(&price, &quantity)| (price, quantity));
            TopOfBook {
                bid: best(book.bids.last_key_value()),
                ask: best(book.asks.first_key_value()),
                last: book.last,
                halted: book.halted,
            }
        })
    }
    /// The checksum of the best levels, as `docs/book-protocol.md` defines it.
    pub fn checksum(&self, symbol: Symbol) -> u32 {
        let pair = |(&price, &quantity): (&Price, &Quantity)| (price, quantity);
        match self.0.get(&symbol) {
            Some(book) => checksum(book.bids.iter().rev().map(pair), book.asks.iter().map(pair)),
            None => checksum([], []),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_top_of_the_book_follows_level_changes() {
        let (mut books, s) = (VisibleBooks::default(), Symbol([1; 16]));
        let best = |books: &VisibleBooks| (books.top(s).bid, books.top(s).ask);
        assert_eq!(books.top(s), TopOfBook::default());
        books.set_level(s, Side::Buy, 10, 5);
        books.set_level(s, Side::Buy, 11, 6);
        books.set_level(s, Side::Sell, 13, 7);
        books.set_level(s, Side::Sell, 12, 8);
        assert_eq!(best(&books), (Some((11, 6)), Some((12, 8))));
        let before = books.checksum(s);
        books.set_level(s, Side::Buy, 11, 0);
        books.set_level(s, Side::Sell, 12, 1);
        assert_eq!(best(&books), (Some((10, 5)), Some((12, 1))));
        assert_ne!(books.checksum(s), before);
    }

    #[test]
    fn the_last_price_follows_trades_and_splits() {
        let (mut books, s) = (VisibleBooks::default(), Symbol([2; 16]));
        books.define(s, 10);
        books.split(s, 2, 1);
        assert_eq!(books.top(s).last, None);
        books.set_last(s, 990, 3, 7);
        books.split(s, 2, 1);
        assert_eq!(books.top(s).last, Some((490, 3, 7)), "rounded down to whole ticks");
        books.split(s, 1000, 1);
        assert_eq!(books.top(s).last, Some((10, 3, 7)), "at least one tick");
        books.set_halted(s, true);
        assert!(books.top(s).halted);
    }
}
