//! A limit order book on its own: prices in ticks, quantities in lots, no accounts, no money.
//!
//! The engine matches on [`Book`], and it can also be used alone: [`Book::add`], [`Book::cancel`],
//! [`Book::best`], [`Book::levels`], [`Book::take`].
//!
//! # Ordering
//! Price, then time. Within a level the first order in is the first out. An iceberg's refill goes to the
//! end of its level.
//!
//! # Known limits
//! - `add` rests an order without matching it, so a caller can cross the book. Call `take` first and `add`
//!   the remainder; [`Book::submit`] does both.
//! - A [`Handle`] is a slot, which is reused after its order ends. A caller that stores handles must delete
//!   those of finished orders ([`Trade::done`]).

use crate::ladder::{Ladder, PAGE_TICKS};
use crate::types::Side;

/// Identifies a resting order until it is cancelled or filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handle {
    pub side: Side,
    pub slot: u32,
}

/// One price level: total shown lots and number of orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BookLevel {
    pub price: i64,
    pub quantity: i64,
    pub orders: u32,
}

/// A fill of a resting order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trade {
    /// The value that was given to [`Book::add`].
    pub owner: u32,
    pub price: i64,
    pub quantity: i64,
    /// The resting order is filled and its handle is no longer valid.
    pub done: bool,
}

/// Bids and asks of one instrument.
#[derive(Clone, Debug)]
pub struct Book {
    bids: Ladder,
    asks: Ladder,
}

impl Book {
    pub fn new() -> Book {
        Book {
            bids: Ladder::new(false),
            asks: Ladder::new(true),
        }
    }

    /// Allocates memory for this many orders, and for this many ticks of price range beyond those in use,
    /// on each side. Then neither `add` nor `take` pays for growth, except for new entries of the directory of pages.
    pub fn warm_up(&mut self, orders: usize, ticks: usize) {
        for ladder in [&mut self.bids, &mut self.asks] {
            ladder.warm_up(orders, ticks.div_ceil(PAGE_TICKS) + 1);
        }
    }

    #[inline]
    pub(crate) fn ladder(&self, side: Side) -> &Ladder {
        match side {
            Side::Buy => &self.bids,
            Side::Sell => &self.asks,
        }
    }

    #[inline]
    pub(crate) fn ladder_mut(&mut self, side: Side) -> &mut Ladder {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        }
    }

    /// Rests an order of `quantity > 0` lots at the end of its level. `owner` is returned in trades.
    pub fn add(&mut self, side: Side, price: i64, quantity: i64, owner: u32) -> Handle {
        let ladder = self.ladder_mut(side);
        Handle {
            side,
            slot: ladder.push(price, quantity, 0, 0, owner),
        }
    }

    /// Rests an iceberg: it shows `display` lots and refills them from the hidden remainder.
    pub fn add_iceberg(&mut self, side: Side, price: i64, quantity: i64, display: i64, owner: u32) -> Handle {
        let ladder = self.ladder_mut(side);
        let shown = display.min(quantity);
        Handle {
            side,
            slot: ladder.push(price, shown, quantity - shown, display, owner),
        }
    }

    /// Removes a resting order. The handle must be valid.
    pub fn cancel(&mut self, handle: Handle) {
        let ladder = self.ladder_mut(handle.side);
        ladder.remove(handle.slot);
        ladder.trim();
    }

    /// Reduces a resting order to `left` lots, which must be positive and not more than now. The order
    /// keeps its place.
    pub fn reduce(&mut self, handle: Handle, left: i64) {
        self.ladder_mut(handle.side).shrink(handle.slot, left);
    }

    /// Lots left of a resting order, hidden ones included.
    pub fn left(&self, handle: Handle) -> i64 {
        let ladder = self.ladder(handle.side);
        ladder.node(handle.slot).quantity + ladder.hidden(handle.slot)
    }

    /// Limit price of a resting order.
    pub fn price(&self, handle: Handle) -> i64 {
        self.ladder(handle.side).node(handle.slot).price
    }

    /// Best price of a side.
    pub fn best(&self, side: Side) -> Option<i64> {
        self.ladder(side).best()
    }

    /// Best level of a side.
    pub fn best_level(&self, side: Side) -> Option<BookLevel> {
        let ladder = self.ladder(side);
        let price = ladder.best()?;
        let (quantity, orders) = ladder.at(price);
        Some(BookLevel {
            price,
            quantity,
            orders,
        })
    }

    /// Shown lots and number of orders at a price.
    pub fn level(&self, side: Side, price: i64) -> BookLevel {
        let (quantity, orders) = self.ladder(side).at(price);
        BookLevel {
            price,
            quantity,
            orders,
        }
    }

    /// Levels of a side, best first.
    pub fn levels(&self, side: Side) -> impl Iterator<Item = BookLevel> + '_ {
        let ladder = self.ladder(side);
        std::iter::successors(ladder.best(), |&price| ladder.next_price(price)).map(|price| {
            let (quantity, orders) = ladder.at(price);
            BookLevel {
                price,
                quantity,
                orders,
            }
        })
    }

    /// Number of resting orders of a side.
    pub fn orders(&self, side: Side) -> usize {
        self.ladder(side).len()
    }

    /// May an order of `side` with this limit trade at `price`?
    #[inline]
    pub(crate) fn acceptable(side: Side, limit: i64, price: i64) -> bool {
        match side {
            Side::Buy => price <= limit,
            Side::Sell => price >= limit,
        }
    }

    /// Matches an incoming order of `quantity` lots against the other side, up to `limit` (`None`: any
    /// price). Calls `on` for each fill of a resting order. Returns the unmatched lots.
    pub fn take(&mut self, side: Side, limit: Option<i64>, mut quantity: i64, mut on: impl FnMut(Trade)) -> i64 {
        let ladder = self.ladder_mut(side.opposite());
        while quantity > 0 {
            let Some(slot) = ladder.front() else { break };
            let node = *ladder.node(slot);
            if limit.is_some_and(|limit| !Book::acceptable(side, limit, node.price)) {
                break;
            }
            let lots = quantity.min(node.quantity);
            quantity -= lots;
            let done = ladder.fill(slot, lots) == 0;
            on(Trade {
                owner: node.owner,
                price: node.price,
                quantity: lots,
                done,
            });
        }
        ladder.trim();
        quantity
    }

    /// Submits a limit order: matches it, then rests the remainder. `None`: nothing was left.
    ///
    pub fn submit(
        &mut self,
        side: Side,
        price: i64,
        quantity: i64,
        owner: u32,
        on: impl FnMut(Trade),
    ) -> Option<Handle> {
        let left = self.take(side, Some(price), quantity, on);
        (left > 0).then(|| self.add(side, price, left, owner))
    }
}

impl Default for Book {
    fn default() -> Self {
        Book::new()
    }
}
