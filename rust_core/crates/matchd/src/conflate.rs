//! Outside quotes of one batch: the newest a (feed, symbol) counts, and it goes behind the orders.
//!
//! A print of the same feed and symbol goes behind the quote that came before it: the source's own order of the two
//! is kept, and a later print cannot make the earlier quote stale.
use crate::work::Item;
use cift_engine::{Command, Symbol};
use std::collections::HashMap;

/// Waiting quotes in the order in which their (feed, symbol) first came.
#[derive(Default)]
pub struct Quotes {
    waiting: Vec<Option<Item>>,
    places: HashMap<(u32, Symbol), usize>,
}

impl Quotes {
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }
    /// Keeps a quote; gives back the one that it supersedes. `None` for any other command would be a mistake of the
    /// caller: the item is given back untouched as `Err`.
    pub fn put(&mut self, item: Item) -> Result<Option<Item>, Item> {
        let Command::OutsideQuote {
            feed,
            symbol,
            source_sequence,
            ..
        } = item.command
        else {
            return Err(item);
        };
        match self.places.get(&(feed, symbol)) {
            None => {
                self.places.insert((feed, symbol), self.waiting.len());
                self.waiting.push(Some(item));
                Ok(None)
            }
            Some(&place) => {
                // An older one than that which waits is stale already: it is the superseded one.
                let newer = matches!(self.waiting[place].as_ref().map(|w| w.command),
                    Some(Command::OutsideQuote { source_sequence: waiting, .. }) if source_sequence > waiting);
                if newer {
                    Ok(self.waiting[place].replace(item))
                } else {
                    Ok(Some(item))
                }
            }
        }
    }
    /// Takes the quote of this feed and symbol, if one waits.
    pub fn take(&mut self, feed: u32, symbol: Symbol) -> Option<Item> {
        self.places
            .remove(&(feed, symbol))
            .and_then(|place| self.waiting[place].take())
    }
    /// Takes all, in order.
    pub fn drain(&mut self) -> impl Iterator<Item = Item> + '_ {
        self.places.clear();
        self.waiting.drain(..).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cift_engine::OutsideSide;

    fn quote(feed: u32, symbol: u8, source_sequence: u64) -> Item {
        let side = OutsideSide { price: 1, quantity: 1 };
        let symbol = Symbol([symbol; 16]);
        Item::internal(Command::OutsideQuote {
            feed,
            source_sequence,
            symbol,
            bid: side,
            ask: side,
        })
    }
    fn sequence(item: &Item) -> u64 {
        match item.command {
            Command::OutsideQuote { source_sequence, .. } => source_sequence,
            _ => 0,
        }
    }

    #[test]
    fn the_newest_quote_of_each_feed_and_symbol_is_left() {
        let mut quotes = Quotes::default();
        assert!(quotes.put(quote(1, 1, 5)).unwrap().is_none());
        assert!(quotes.put(quote(1, 2, 6)).unwrap().is_none());
        assert!(quotes.put(quote(2, 1, 1)).unwrap().is_none());
        assert_eq!(sequence(&quotes.put(quote(1, 1, 7)).unwrap().unwrap()), 5);
        assert_eq!(
            sequence(&quotes.put(quote(1, 1, 6)).unwrap().unwrap()),
            6,
            "an older one does not replace"
        );
        assert_eq!(sequence(&quotes.take(1, Symbol([2; 16])).unwrap()), 6);
        assert!(quotes.take(1, Symbol([2; 16])).is_none());
        assert_eq!(quotes.drain().map(|i| sequence(&i)).collect::<Vec<_>>(), [7, 1]);
        assert!(quotes.is_empty());
        assert!(quotes.put(Item::internal(Command::AdvanceTime)).is_err());
    }
}
