//! Conflation of outside quotes within one batch: only the newest quote of each (feed, symbol) is applied,
//! after the orders.
//!
//! A print of the same feed and symbol is applied directly after the quote that came before it. This keeps
//! the order of the source, and a later print cannot make the earlier quote stale.
use crate::pending::PendingCommand;
use cift_engine::Symbol;
use std::collections::HashMap;

/// Pending quotes in the order in which the first quote of each (feed, symbol) arrived.
#[derive(Default)]
pub struct PendingQuotes {
    quotes: Vec<Option<(u64, PendingCommand)>>,
    indexes: HashMap<(u32, Symbol), usize>,
}

impl PendingQuotes {
    pub fn is_empty(&self) -> bool {
        self.indexes.is_empty()
    }
    /// Adds a quote and returns the one that is superseded. That is the new quote itself if it is not newer
    /// than the pending one: the engine would refuse it as stale.
    pub fn insert(
        &mut self,
        feed: u32,
        symbol: Symbol,
        source_sequence: u64,
        quote: PendingCommand,
    ) -> Option<PendingCommand> {
        match self.indexes.get(&(feed, symbol)) {
            None => {
                self.indexes.insert((feed, symbol), self.quotes.len());
                self.quotes.push(Some((source_sequence, quote)));
                None
            }
            Some(&index) => match &mut self.quotes[index] {
                Some((pending, _)) if source_sequence <= *pending => Some(quote),
                kept => kept.replace((source_sequence, quote)).map(|(_, superseded)| superseded),
            },
        }
    }
    /// Removes the pending quote of this feed and symbol.
    pub fn take(&mut self, feed: u32, symbol: Symbol) -> Option<PendingCommand> {
        self.indexes
            .remove(&(feed, symbol))
            .and_then(|index| self.quotes[index].take())
            .map(|(_, quote)| quote)
    }
    /// Removes all quotes, in order.
    pub fn drain(&mut self) -> impl Iterator<Item = PendingCommand> + '_ {
        self.indexes.clear();
        self.quotes.drain(..).flatten().map(|(_, quote)| quote)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cift_engine::Command;

    /// A command that stands for a quote: the test compares only its number.
    fn quote(number: u32) -> PendingCommand {
        PendingCommand::internal(Command::SetRules { version: number })
    }
    fn number(quote: PendingCommand) -> u32 {
        match quote.command {
            Command::SetRules { version } => version,
            _ => 0,
        }
    }

    #[test]
    fn only_the_newest_quote_of_each_feed_and_symbol_remains() {
        let (a, b) = (Symbol([1; 16]), Symbol([2; 16]));
        let mut quotes = PendingQuotes::default();
        assert!(quotes.insert(1, a, 5, quote(10)).is_none());
        assert!(quotes.insert(1, b, 6, quote(11)).is_none());
        assert!(quotes.insert(2, a, 1, quote(12)).is_none());
        assert_eq!(quotes.insert(1, a, 7, quote(13)).map(number), Some(10));
        assert_eq!(
            quotes.insert(1, a, 6, quote(14)).map(number),
            Some(14),
            "an older quote does not replace a newer one"
        );
        assert_eq!(quotes.take(1, b).map(number), Some(11));
        assert!(quotes.take(1, b).is_none());
        assert_eq!(quotes.drain().map(number).collect::<Vec<_>>(), [13, 12]);
        assert!(quotes.is_empty());
    }
}
