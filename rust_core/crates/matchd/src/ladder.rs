//! The best prices of each symbol, from the level changes of the journal: what the fan-out's quotes are made of.
use cift_engine::{Engine, Level, Price, Quantity, Side, Symbol};
use std::collections::{BTreeMap, HashMap};

/// Visible quantity a price.
#[derive(Default)]
struct Sides {
    bids: BTreeMap<Price, Quantity>,
    asks: BTreeMap<Price, Quantity>,
}

/// Bid and ask; `None` = nobody there.
pub type Best = (Option<(Price, Quantity)>, Option<(Price, Quantity)>);

#[derive(Default)]
pub struct Ladders(HashMap<Symbol, Sides>);

impl Ladders {
    /// The books as the engine has them.
    pub fn of(engine: &Engine) -> Ladders {
        let mut ladders = Ladders::default();
        let (mut bids, mut asks): (Vec<Level>, Vec<Level>) = (Vec::new(), Vec::new());
        for instrument in engine.instruments() {
            bids.clear();
            asks.clear();
            engine.book(instrument.symbol, usize::MAX, &mut bids, &mut asks);
            let sides = ladders.0.entry(instrument.symbol).or_default();
            sides.bids.extend(bids.iter().map(|l| (l.price, l.quantity)));
            sides.asks.extend(asks.iter().map(|l| (l.price, l.quantity)));
        }
        ladders
    }
    /// A level's new total; 0 = gone.
    pub fn set(&mut self, symbol: Symbol, side: Side, price: Price, quantity: Quantity) {
        let sides = self.0.entry(symbol).or_default();
        let levels = match side {
            Side::Buy => &mut sides.bids,
            Side::Sell => &mut sides.asks,
        };
        if quantity == 0 {
            levels.remove(&price);
        } else {
            levels.insert(price, quantity);
        }
    }
    pub fn best(&self, symbol: Symbol) -> Best {
        self.0.get(&symbol).map_or((None, None), |sides| {
            let best = |level: Option<(&Price, &Quantity)>| level.map(|(&price, &quantity)| (price, quantity));
            (best(sides.bids.last_key_value()), best(sides.asks.first_key_value()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_follows_the_changes() {
        let (mut ladders, s) = (Ladders::default(), Symbol([1; 16]));
        assert_eq!(ladders.best(s), (None, None));
        ladders.set(s, Side::Buy, 10, 5);
        ladders.set(s, Side::Buy, 11, 6);
        ladders.set(s, Side::Sell, 13, 7);
        ladders.set(s, Side::Sell, 12, 8);
        assert_eq!(ladders.best(s), (Some((11, 6)), Some((12, 8))));
        ladders.set(s, Side::Buy, 11, 0);
        ladders.set(s, Side::Sell, 12, 1);
        assert_eq!(ladders.best(s), (Some((10, 5)), Some((12, 1))));
    }
}
