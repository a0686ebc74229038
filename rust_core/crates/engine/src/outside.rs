//! The outside market: feeds whose quotes and prints act in the book through a house account.
//!
//! # Layout
//! One side of a feed's quote is a list of *chunks*, oldest first. A chunk is a queue entry of the book. A
//! larger quote at the same price adds a chunk at the end of the level. A smaller one takes quantity from
//! the newest chunks. So users keep their place in the queue. A quote at a new price removes all chunks of
//! the side and enters again.
//!
//! A print consumes the orders at or better than its price in time order, users' orders included. Consumed
//! quantity comes back only with a new quote.
//!
//! # Known limits
//! The position of a house account is bounded like a user's. A house account that cannot trade more
//! withdraws its quote.

use crate::engine::Engine;
use crate::market::{Chunk, FeedQuote, Print, OUTSIDE_CHUNK};
use crate::types::*;
use crate::work::{Job, Pass, Scan, Taker};
use crate::Events;

impl Engine {
    /// R7.7 to R7.12: checks a message of a feed and records its source sequence and time. Returns (feed,
    /// instrument).
    fn accept_feed_message(
        &mut self,
        feed: u32,
        source: u64,
        symbol: Symbol,
        sides: [OutsideSide; 2],
    ) -> Result<(u32, u32), Refusal> {
        let feed = self
            .feeds
            .iter()
            .position(|known| known.id == feed)
            .ok_or(Refusal::UnknownFeed)? as u32;
        let instrument = self.find_symbol(symbol).ok_or(Refusal::UnknownSymbol)?;
        let market = &mut self.markets[instrument as usize];
        let house_account = self.feeds[feed as usize].house_account;
        if self.ledger.accounts[house_account as usize].currency != market.currency {
            return Err(Refusal::CurrencyMismatch);
        }
        for side in sides {
            if !(0..=MAX_QUANTITY).contains(&side.quantity) {
                return Err(Refusal::QuantityOutOfRange);
            }
            if side.quantity > 0 && !(1..=MAX_PRICE).contains(&side.price) {
                return Err(Refusal::PriceOutOfRange);
            }
        }
        if market.quotes.len() <= feed as usize {
            market.quotes.resize(feed as usize + 1, FeedQuote::default());
        }
        let quote = &mut market.quotes[feed as usize];
        if quote.last_source_sequence.is_some_and(|last| source <= last) {
            return Err(Refusal::StaleSourceSequence);
        }
        quote.last_source_sequence = Some(source);
        self.work.recorded = true;
        let known = &mut self.feeds[feed as usize];
        known.last_message_at = Some(self.now);
        self.next_due_at = self.next_due_at.min(self.now.saturating_add(known.silence_ns));
        Ok((feed, instrument))
    }

    pub(crate) fn outside_quote(
        &mut self,
        feed: u32,
        source: u64,
        symbol: Symbol,
        bid: OutsideSide,
        ask: OutsideSide,
        events: &mut Events,
    ) {
        let (feed, instrument) = match self.accept_feed_message(feed, source, symbol, [bid, ask]) {
            Ok(found) => found,
            Err(reason) => return self.refuse(reason, events),
        };
        if self.closed {
            return self.refuse(Refusal::MarketClosed, events);
        }
        let market = &self.markets[instrument as usize];
        let (tick, lot) = (market.tick, market.lot);
        // Round away from the market: the bid down, the ask up. A bid that rounds to 0 is an empty side.
        let bid = (bid.price / tick, bid.quantity / lot);
        let ask = (ask.price / tick + i64::from(ask.price % tick != 0), ask.quantity / lot);
        let bid = if bid.1 > 0 && bid.0 > 0 { bid } else { (0, 0) };
        let ask = if ask.1 > 0 { ask } else { (0, 0) };
        if bid.1 > 0 && ask.1 > 0 && bid.0 >= ask.0 {
            for side in [Side::Buy, Side::Sell] {
                self.withdraw_side(instrument, feed, side);
            }
            return self.refuse(Refusal::CrossedQuote, events);
        }
        if bid.1 > 0 && ask.1 > 0 {
            self.markets[instrument as usize].record_outside_quote(bid.0, ask.0);
        }
        if self.markets[instrument as usize].halted {
            return;
        }
        for (side, new) in [(Side::Buy, bid), (Side::Sell, ask)] {
            if self.markets[instrument as usize].quotes[feed as usize].side(side).price != new.0 {
                self.withdraw_side(instrument, feed, side);
            }
        }
        self.work.job = Job::Quote {
            feed,
            instrument,
            step: 0,
            bid,
            ask,
        };
    }

    /// Starts the pass of one side. Step 0: the bid; step 1: the ask.
    pub(crate) fn quote_step(&mut self, feed: u32, instrument: u32, step: u8, bid: (i64, i64), ask: (i64, i64)) {
        let (side, (price, lots)) = if step == 0 { (Side::Buy, bid) } else { (Side::Sell, ask) };
        if step == 0 {
            self.work.job = Job::Quote {
                feed,
                instrument,
                step: 1,
                bid,
                ask,
            };
        }
        if lots == 0 {
            return;
        }
        let market = &self.markets[instrument as usize];
        let current = market.quotes[feed as usize].side(side);
        if current.price == price {
            let ladder = market.book.ladder(side);
            let left: i64 = current
                .chunks
                .iter()
                .map(|&chunk| ladder.node(market.chunks[chunk as usize].node).quantity)
                .sum();
            if lots > left {
                self.start_quote_pass(instrument, feed, side, price, lots - left);
            } else {
                self.shrink_side(instrument, feed, side, left - lots);
            }
            return;
        }
        self.start_quote_pass(instrument, feed, side, price, lots);
    }

    fn start_quote_pass(&mut self, instrument: u32, feed: u32, side: Side, price: i64, left: i64) {
        self.markets[instrument as usize].quotes[feed as usize]
            .side_mut(side)
            .price = price;
        self.work.pass = Some(Pass {
            taker: Taker::Quote { feed, left },
            instrument,
            side,
            limit: price,
            own_limit: price,
            low: 0,
            high: 0,
        });
    }

    /// Adds a chunk at the end of its level.
    pub(crate) fn add_chunk(&mut self, instrument: u32, feed: u32, side: Side, price: i64, lots: i64) {
        let market = &mut self.markets[instrument as usize];
        let slot = match market.free_chunks.pop() {
            Some(slot) => slot,
            None => {
                market.chunks.push(Chunk { feed, side, node: 0 });
                (market.chunks.len() - 1) as u32
            }
        };
        let node = market
            .book
            .ladder_mut(side)
            .push(price, lots, 0, 0, OUTSIDE_CHUNK | slot);
        market.chunks[slot as usize] = Chunk { feed, side, node };
        let quote = market.quotes[feed as usize].side_mut(side);
        quote.price = price;
        quote.chunks.push_back(slot);
        self.touch(instrument, side, node);
    }

    /// Removes `lots` from a side, newest chunk first.
    fn shrink_side(&mut self, instrument: u32, feed: u32, side: Side, mut lots: i64) {
        while lots > 0 {
            let market = &self.markets[instrument as usize];
            let Some(&chunk) = market.quotes[feed as usize].side(side).chunks.back() else {
                return;
            };
            let node = market.chunks[chunk as usize].node;
            let held = market.book.ladder(side).node(node).quantity;
            self.touch(instrument, side, node);
            let market = &mut self.markets[instrument as usize];
            if held <= lots {
                market.book.ladder_mut(side).remove(node);
                market.quotes[feed as usize].side_mut(side).chunks.pop_back();
                market.free_chunks.push(chunk);
            } else {
                market.book.ladder_mut(side).shrink(node, held - lots);
            }
            lots -= held.min(lots);
        }
    }

    /// Removes all chunks of a side.
    pub(crate) fn withdraw_side(&mut self, instrument: u32, feed: u32, side: Side) {
        let Some(quote) = self.markets[instrument as usize].quotes.get_mut(feed as usize) else {
            return;
        };
        quote.side_mut(side).price = 0;
        while let Some(chunk) = self.markets[instrument as usize].quotes[feed as usize]
            .side_mut(side)
            .chunks
            .pop_front()
        {
            let node = self.markets[instrument as usize].chunks[chunk as usize].node;
            self.touch(instrument, side, node);
            let market = &mut self.markets[instrument as usize];
            market.book.ladder_mut(side).remove(node);
            market.free_chunks.push(chunk);
        }
    }

    /// Withdraws the quotes of one feed from an instrument. A number that is not a feed's index means all
    /// feeds.
    pub(crate) fn withdraw_quotes(&mut self, instrument: u32, feed: u32) {
        let all = feed as usize >= self.feeds.len();
        for at in 0..self.markets[instrument as usize].quotes.len() as u32 {
            if all || at == feed {
                self.withdraw_side(instrument, at, Side::Buy);
                self.withdraw_side(instrument, at, Side::Sell);
            }
        }
    }

    /// Does the feed have a quote in the instrument? A number that is not a feed's index means any feed.
    pub(crate) fn is_quoted(&self, instrument: u32, feed: u32) -> bool {
        let Some(market) = self.markets.get(instrument as usize) else {
            return false;
        };
        let all = feed as usize >= self.feeds.len();
        let mut quotes = market
            .quotes
            .iter()
            .enumerate()
            .filter(|(at, _)| all || *at == feed as usize);
        quotes.any(|(_, quote)| !quote.bid.chunks.is_empty() || !quote.ask.chunks.is_empty())
    }

    /// Removes traded lots from a chunk. The caller has already touched its level.
    pub(crate) fn fill_chunk(&mut self, instrument: u32, node: u32, chunk: u32, lots: i64) {
        let market = &mut self.markets[instrument as usize];
        let Chunk { feed, side, .. } = market.chunks[chunk as usize];
        if market.book.ladder_mut(side).fill(node, lots) == 0 {
            // Chunks of a side are consumed in the order in which they were added.
            let consumed = market.quotes[feed as usize].side_mut(side).chunks.pop_front();
            debug_assert_eq!(consumed, Some(chunk));
            market.free_chunks.push(chunk);
        }
    }

    /// Lots that the feed's house account may still trade on this side within `MAX_POSITION`.
    pub(crate) fn house_account_capacity(&self, feed: u32, instrument: u32, side: Side) -> i64 {
        let position = self
            .ledger
            .position(self.feeds[feed as usize].house_account, instrument);
        let lots = position.map_or(0, |slot| self.ledger.positions[slot as usize].lots);
        let signed = if side == Side::Buy { lots } else { -lots };
        self.markets[instrument as usize]
            .max_position
            .saturating_sub(signed)
            .max(0)
    }

    pub(crate) fn outside_trade(
        &mut self,
        feed: u32,
        source: u64,
        symbol: Symbol,
        side: OutsideSide,
        events: &mut Events,
    ) {
        let (feed, instrument) = match self.accept_feed_message(feed, source, symbol, [side, OutsideSide::default()]) {
            Ok(found) => found,
            Err(reason) => return self.refuse(reason, events),
        };
        let market = &self.markets[instrument as usize];
        let (price, lots) = (side.price / market.tick, side.quantity / market.lot);
        if price == 0 || lots == 0 {
            return;
        }
        self.work.job = Job::Tape {
            feed,
            instrument,
            price,
            quantity: lots,
        };
        self.work.print_range = (0, 0);
        if !self.trading(instrument) {
            return;
        }
        // The house account sells to the bids at or above the price; otherwise it buys from the asks at or
        // below it.
        let side = [Side::Sell, Side::Buy]
            .into_iter()
            .find(|&side| market.crosses(side, price));
        if let Some(side) = side {
            self.work.pass = Some(Pass {
                taker: Taker::Print { feed, left: lots },
                instrument,
                side,
                limit: price,
                own_limit: price,
                low: 0,
                high: 0,
            });
        }
    }

    /// Records the print itself, after the fills that it caused, and starts the scan of the stops.
    pub(crate) fn tape(&mut self, feed: u32, instrument: u32, price: i64, lots: i64, events: &mut Events) {
        let market = &mut self.markets[instrument as usize];
        let quantity = lots * market.lot;
        market.record_outside_print(Print {
            price,
            quantity,
            at: self.now,
        });
        events.push(Event::OutsideTraded {
            feed: self.feeds[feed as usize].id,
            symbol: self.definitions[instrument as usize].symbol,
            price: price * market.tick,
            quantity,
        });
        self.arm_margin_check(self.markets[instrument as usize].currency);
        let (low, high) = self.work.print_range;
        let low = if high == 0 { price } else { low.min(price) };
        if self.trading(instrument) {
            self.work.scan = Some(Scan {
                instrument,
                low,
                high: high.max(price),
                phase: 0,
            });
        }
    }

    /// The first feed whose silence has reached its limit.
    pub(crate) fn silent_feed(&self) -> Option<u32> {
        let silent = |feed: &crate::market::Feed| {
            feed.last_message_at
                .is_some_and(|at| at.saturating_add(feed.silence_ns) <= self.now)
        };
        self.feeds.iter().position(silent).map(|at| at as u32)
    }
}
