//! The engine's book with the caller's order ids.
//!
//! `cift_engine::book::Book` identifies resting orders by an owner index. This module maps the index to the
//! caller's id of the order, and the id back to the index.
//!
//! Invariant: `slots[i]` is in use exactly when `by_id[slots[i].id] == i`. The book's `owner` is that index.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use cift_engine::book::{Book, Handle};
use cift_engine::Side;

/// A match of one incoming order with one resting order. The layout is that of the NumPy dtype in `fills.rs`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Match {
    pub taker: i64,
    pub maker: i64,
    /// In ticks.
    pub price: i64,
    /// In lots.
    pub quantity: i64,
    /// Side of the taker.
    pub side: Side,
}

/// A 64-bit multiplicative hash. The caller chooses the ids, so the hash needs no protection against an
/// attacker. SipHash would take a third of the time of an order.
#[derive(Default)]
pub struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(self.0 ^ u64::from(byte));
        }
    }

    fn write_u64(&mut self, word: u64) {
        let mixed = u128::from(word).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        self.0 = (mixed as u64) ^ (mixed >> 64) as u64;
    }

    fn write_i64(&mut self, word: i64) {
        self.write_u64(word as u64);
    }
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    id: i64,
    handle: Handle,
    price: i64,
}

/// A resting order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resting {
    pub side: Side,
    pub price: i64,
    /// Open quantity in lots.
    pub left: i64,
}

#[derive(Debug, Default)]
pub struct NamedBook {
    book: Book,
    slots: Vec<Slot>,
    free: Vec<u32>,
    by_id: HashMap<i64, u32, BuildHasherDefault<IdHasher>>,
}

impl NamedBook {
    pub fn book(&self) -> &Book {
        &self.book
    }

    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    pub fn contains(&self, id: i64) -> bool {
        self.by_id.contains_key(&id)
    }

    /// Reserves capacity for this many more resting orders.
    pub fn reserve(&mut self, orders: usize) {
        self.by_id.reserve(orders);
        self.slots.reserve(orders.saturating_sub(self.free.len()));
    }

    /// Matches an order. The unmatched rest of a limit order rests in the book, with `display` as an
    /// iceberg. Without `limit` the order matches at any price, and nothing rests. Returns the unmatched
    /// lots. No order with this id may rest already.
    pub fn submit(
        &mut self,
        id: i64,
        side: Side,
        limit: Option<i64>,
        quantity: i64,
        display: Option<i64>,
        matches: &mut Vec<Match>,
    ) -> i64 {
        let NamedBook {
            book,
            slots,
            free,
            by_id,
        } = self;
        let left = book.take(side, limit, quantity, |trade| {
            let maker = slots[trade.owner as usize].id;
            matches.push(Match {
                taker: id,
                maker,
                price: trade.price,
                quantity: trade.quantity,
                side,
            });
            if trade.done {
                by_id.remove(&maker);
                free.push(trade.owner);
            }
        });
        if let (Some(price), true) = (limit, left > 0) {
            self.rest(id, side, price, left, display);
        }
        left
    }

    fn rest(&mut self, id: i64, side: Side, price: i64, left: i64, display: Option<i64>) {
        let owner = self.free.pop().unwrap_or(self.slots.len() as u32);
        let handle = match display {
            Some(display) => self.book.add_iceberg(side, price, left, display, owner),
            None => self.book.add(side, price, left, owner),
        };
        let slot = Slot { id, handle, price };
        match self.slots.get_mut(owner as usize) {
            Some(free) => *free = slot,
            None => self.slots.push(slot),
        }
        self.by_id.insert(id, owner);
    }

    fn slot(&self, id: i64) -> Option<(u32, Slot)> {
        let owner = *self.by_id.get(&id)?;
        Some((owner, self.slots[owner as usize]))
    }

    pub fn resting(&self, id: i64) -> Option<Resting> {
        let (_, slot) = self.slot(id)?;
        Some(Resting {
            side: slot.handle.side,
            price: slot.price,
            left: self.book.left(slot.handle),
        })
    }

    /// Removes a resting order; `None` if there is none with this id.
    pub fn cancel(&mut self, id: i64) -> Option<Resting> {
        let resting = self.resting(id)?;
        let (owner, slot) = self.slot(id)?;
        self.book.cancel(slot.handle);
        self.by_id.remove(&id);
        self.free.push(owner);
        Some(resting)
    }

    /// Reduces a resting order, which keeps its time priority. `left` must be positive and at most the open
    /// quantity.
    pub fn shrink(&mut self, id: i64, left: i64) {
        if let Some((_, slot)) = self.slot(id) {
            self.book.reduce(slot.handle, left);
        }
    }
}
