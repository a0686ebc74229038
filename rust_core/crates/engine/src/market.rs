//! Instruments, and the outside feeds that quote in them.
//!
//! A `Market` holds the book, the stops, the last print and the outside quotes of one instrument. Inside it
//! all prices are in ticks and all quantities in lots. `unit` is the money of one lot at a price of one
//! tick, a whole number of nanos.

use crate::bands::Base;
use crate::book::Book;
use crate::ladder::Ladder;
use crate::types::*;
use std::collections::VecDeque;

/// This bit in the `owner` of a queue entry marks a chunk of an outside quote; the other bits are its slot
/// in `Market::chunks`.
pub(crate) const OUTSIDE_CHUNK: u32 = 1 << 31;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Print {
    pub price: i64,
    pub quantity: i64,
    pub at: Timestamp,
}

/// One side of a feed's quote.
#[derive(Clone, Debug, Default)]
pub(crate) struct QuoteSide {
    /// Price of its chunks. 0: no quote on this side.
    pub price: i64,
    /// Slots in `Market::chunks`, oldest first.
    pub chunks: VecDeque<u32>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct FeedQuote {
    pub last_source_sequence: Option<u64>,
    pub bid: QuoteSide,
    pub ask: QuoteSide,
}

impl FeedQuote {
    pub fn side(&self, side: Side) -> &QuoteSide {
        match side {
            Side::Buy => &self.bid,
            Side::Sell => &self.ask,
        }
    }
    pub fn side_mut(&mut self, side: Side) -> &mut QuoteSide {
        match side {
            Side::Buy => &mut self.bid,
            Side::Sell => &mut self.ask,
        }
    }
}

/// A part of an outside quote in the book.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chunk {
    pub feed: u32,
    pub side: Side,
    pub node: u32,
}

pub(crate) struct Market {
    pub unit: i128,
    pub tick: i64,
    pub lot: i64,
    pub band_ppm: i64,
    pub collar_ppm: i64,
    pub currency: u32,
    /// The currency's smallest unit.
    pub fee_unit: Money,
    /// Largest position, in lots.
    pub max_position: i64,
    pub halted: bool,
    pub last: Option<Print>,
    pub base: Base,
    /// Nanos by which the exact price is above `last`, less than a tick: a split and a dividend keep values exact (R9.3).
    pub beyond: i64,
    pub book: Book,
    pub stop_buys: Ladder,
    pub stop_sells: Ladder,
    /// Trailing stops keyed by the best price that they have seen: sells lowest first, buys highest first.
    pub trail_buys: Ladder,
    pub trail_sells: Ladder,
    /// Orders that became active while trading was not possible.
    pub waiting: VecDeque<u32>,
    /// By index of the feed.
    pub quotes: Vec<FeedQuote>,
    pub chunks: Vec<Chunk>,
    pub free_chunks: Vec<u32>,
    /// Lots of `WORLD`.
    pub world: i128,
}

impl Market {
    pub fn new(instrument: &Instrument, currency: u32) -> Market {
        Market {
            unit: i128::from(instrument.tick) * i128::from(instrument.lot) / i128::from(NANOS),
            tick: instrument.tick,
            lot: instrument.lot,
            band_ppm: i64::from(instrument.band_ppm),
            collar_ppm: i64::from(instrument.collar_ppm),
            currency,
            fee_unit: instrument.currency.smallest_unit(),
            max_position: MAX_POSITION / instrument.lot,
            halted: false,
            last: None,
            base: Base::NONE,
            beyond: 0,
            book: Book::new(),
            stop_buys: Ladder::new(true),
            stop_sells: Ladder::new(false),
            trail_buys: Ladder::new(false),
            trail_sells: Ladder::new(true),
            waiting: VecDeque::new(),
            quotes: Vec::new(),
            chunks: Vec::new(),
            free_chunks: Vec::new(),
            world: 0,
        }
    }

    #[inline]
    pub fn notional(&self, price: i64, lots: i64) -> Money {
        i128::from(price) * i128::from(lots) * self.unit
    }

    /// Value of a position at the mark, toward zero. `None`: there is no mark.
    #[inline]
    pub fn value(&self, lots: i64) -> Option<Money> {
        let mark = self.mark()?;
        let value = self.notional(mark, lots);
        if self.beyond == 0 || self.last.is_none_or(|last| last.price != mark) {
            return Some(value);
        }
        let quantity = i128::from(lots) * i128::from(self.lot);
        Some(value + i128::from(self.beyond) * quantity / i128::from(NANOS))
    }

    /// Sets the last price to exactly this many nanos.
    pub fn set_exact_price(&mut self, nanos: i128) {
        if let Some(last) = &mut self.last {
            last.price = (nanos / i128::from(self.tick)) as i64;
            self.beyond = (nanos % i128::from(self.tick)) as i64;
            self.base.restart(last.price);
        }
    }

    /// The last price with what is beyond the tick, in nanos.
    pub fn exact_price(&self) -> Option<i128> {
        Some(i128::from(self.last?.price) * i128::from(self.tick) + i128::from(self.beyond))
    }

    pub fn stops_mut(&mut self, side: Side) -> &mut Ladder {
        match side {
            Side::Buy => &mut self.stop_buys,
            Side::Sell => &mut self.stop_sells,
        }
    }
    pub fn trails_mut(&mut self, side: Side) -> &mut Ladder {
        match side {
            Side::Buy => &mut self.trail_buys,
            Side::Sell => &mut self.trail_sells,
        }
    }

    /// Would an order of `side` with this limit trade now?
    #[inline]
    pub fn crosses(&self, side: Side, limit: i64) -> bool {
        self.book
            .best(side.opposite())
            .is_some_and(|best| Book::acceptable(side, limit, best))
    }

    /// Does a stop of `side` at `stop` trigger on a print at `price`?
    #[inline]
    pub fn triggers(side: Side, stop: i64, price: i64) -> bool {
        match side {
            Side::Buy => price >= stop,
            Side::Sell => price <= stop,
        }
    }

    /// Stop price of a trailing stop whose best price is `best` (R5.24).
    pub fn trailed(&self, side: Side, best: i64, trail: Trail) -> i64 {
        match (side, trail) {
            (Side::Buy, Trail::Amount(amount)) => best + amount / self.tick,
            (Side::Sell, Trail::Amount(amount)) => best - amount / self.tick,
            (Side::Buy, Trail::Ppm(ppm)) => crate::money::scale_ppm_ceiling(best, 1_000_000 + i64::from(ppm)),
            (Side::Sell, Trail::Ppm(ppm)) => crate::money::scale_ppm_floor(best, 1_000_000 - i64::from(ppm)),
        }
    }

    /// Collar: the limit of a market order of `side` at the reference price `reference` (R5.4).
    pub fn collar(&self, side: Side, reference: i64) -> i64 {
        match side {
            Side::Buy => crate::money::scale_ppm_floor(reference, 1_000_000 + self.collar_ppm),
            Side::Sell => crate::money::scale_ppm_ceiling(reference, 1_000_000 - self.collar_ppm),
        }
    }

    pub fn price(&self, ticks: i64) -> Option<Price> {
        (ticks != 0).then(|| ticks * self.tick)
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Feed {
    pub id: u32,
    /// Index of the house account.
    pub house_account: u32,
    pub silence_ns: i64,
    /// Time of the last accepted message. `None`: silent, its quotes are withdrawn.
    pub last_message_at: Option<Timestamp>,
}
