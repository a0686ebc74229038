//! Outside quotes of one batch: the newest a (feed, symbol) counts, and it goes behind the orders.
//!
//! A print of the same feed and symbol goes behind the quote that came before it: the source's own order of the two
//! is kept, and a later print cannot make the earlier quote stale.
use crate::work::Item;
use cift_engine::Symbol;
use std::collections::HashMap;

/// Waiting quotes in the order in which their (feed, symbol) first came.
#[derive(Default)]
pub struct Quotes {
    waiting: Vec<Option<(u64, Item)>>,
    places: HashMap<(u32, Symbol), usize>,
}

impl Quotes {
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }
    /// Keeps the quote `item` of `feed` and `symbol`; gives back the one that is superseded, which is the new one where
    /// it is no newer than that which waits (the engine would call it stale).
    pub fn put(&mut self, feed: u32, symbol: Symbol, source_sequence: u64, item: Item) -> Option<Item> {
        match self.places.get(&(feed, symbol)) {
            None => {
                self.places.insert((feed, symbol), self.waiting.len());
                self.waiting.push(Some((source_sequence, item)));
                None
            }
            Some(&place) => match &mut self.waiting[place] {
                Some((waiting, _)) if source_sequence <= *waiting => Some(item),
                kept => kept.replace((source_sequence, item)).map(|(_, superseded)| superseded),
            },
        }
    }
    /// Takes the quote of this feed and symbol, if one waits.
    pub fn take(&mut self, feed: u32, symbol: Symbol) -> Option<Item> {
        self.places
            .remove(&(feed, symbol))
            .and_then(|place| self.waiting[place].take())
            .map(|(_, item)| item)
    }
    /// Takes all, in order.
    pub fn drain(&mut self) -> impl Iterator<Item = Item> + '_ {
        self.places.clear();
        self.waiting.drain(..).flatten().map(|(_, item)| item)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cift_engine::Command;

    /// A stand-in for a quote: only its number is looked at.
    fn item(number: u32) -> Item {
        Item::internal(Command::SetRules { version: number })
    }
    fn number(item: Item) -> u32 {
        match item.command {
            Command::SetRules { version } => version,
            _ => 0,
        }
    }

    #[test]
    fn the_newest_quote_of_each_feed_and_symbol_is_left() {
        let (a, b) = (Symbol([1; 16]), Symbol([2; 16]));
        let mut quotes = Quotes::default();
        assert!(quotes.put(1, a, 5, item(10)).is_none());
        assert!(quotes.put(1, b, 6, item(11)).is_none());
        assert!(quotes.put(2, a, 1, item(12)).is_none());
        assert_eq!(quotes.put(1, a, 7, item(13)).map(number), Some(10));
        assert_eq!(
            quotes.put(1, a, 6, item(14)).map(number),
            Some(14),
            "an older one does not replace"
        );
        assert_eq!(quotes.take(1, b).map(number), Some(11));
        assert!(quotes.take(1, b).is_none());
        assert_eq!(quotes.drain().map(number).collect::<Vec<_>>(), [13, 12]);
        assert!(quotes.is_empty());
    }
}
