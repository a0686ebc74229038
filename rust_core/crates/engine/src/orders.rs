//! Live orders: a pool with a free list, and where each order is.
//!
//! Invariants: a slot in use has `age > 0`, a free one `age == 0`; ages count acceptances from 1 and
//! are never used twice, so `(slot, age)` names an order even after the slot was used again. Slots
//! have no meaning: nothing that the engine says depends on which slot an order got.
//! Prices are in ticks, quantities in lots; 0 stands for "no price" where the kind has none.

use crate::index::FlatIndex;
use crate::ladder::NIL;
use crate::types::*;

/// Where a live order is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Held leg, taker in its pass, or in the queue of activated orders.
    Nowhere,
    Book,
    /// Among the stops (and the trailing stops).
    Stops,
    /// Became active in a halt or a closed session: enters when trading goes on.
    Waiting,
}

/// Four cache lines, hottest first: what a cancel or a fill reads lies in the first two.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(crate) struct Order {
    pub id: OrderId,
    pub age: u64,
    pub account: u32,
    pub instrument: u32,
    /// The account's position in the instrument.
    pub position: u32,
    /// Handle in the book or among the stops.
    pub node: u32,
    pub quantity: i64,
    pub filled: i64,
    pub side: Side,
    pub kind: OrderKind,
    pub self_trade: SelfTradePrevention,
    /// Held, Pending or New; partly filled is New with `filled > 0`.
    pub status: OrderStatus,
    pub place: Place,
    pub post_only: bool,
    pub reduce_only: bool,

    pub reserved: Money,
    /// Neighbours among the account's orders, by acceptance.
    pub older: u32,
    pub newer: u32,
    /// Held leg: its entry. Entry: its held legs. Active leg: the other of the pair.
    pub parent: u32,
    pub take_profit: u32,
    pub stop_loss: u32,
    pub sibling: u32,
    /// Slot of the idempotency record that lives as long as this order.
    pub request: u32,
    /// Highest fee rate when it was admitted (a leg: its entry); it never pays more.
    pub reserve_ppm: i32,
    /// Lots that open or add to a position, at admission.
    pub increase: i64,
    /// Counts among the open quantity of its side.
    pub counted: bool,

    pub time_in_force: TimeInForce,
    pub filled_notional: Money,
    pub reserve_price: i64,
    pub limit: i64,
    pub display: i64,

    pub stop: i64,
    /// Trailing stop: best price seen.
    pub best: i64,
    pub trail: Option<Trail>,
    /// Handle among the trailing stops.
    pub trail_node: u32,
}

impl Order {
    #[inline]
    pub fn leaves(&self) -> i64 {
        self.quantity - self.filled
    }

    pub fn shown_status(&self) -> OrderStatus {
        if self.status == OrderStatus::New && self.filled > 0 {
            OrderStatus::PartiallyFilled
        } else {
            self.status
        }
    }

    /// Market orders, and stops that became one.
    #[inline]
    pub fn is_market(&self) -> bool {
        matches!(self.kind, OrderKind::Market | OrderKind::Stop | OrderKind::TrailingStop)
    }
}

pub(crate) struct Orders {
    pub slots: Vec<Order>,
    free: Vec<u32>,
    index: FlatIndex,
    pub live: usize,
    /// Age of the last order accepted.
    pub last_age: u64,
}

impl Orders {
    pub fn new() -> Orders {
        Orders {
            slots: Vec::new(),
            free: Vec::new(),
            index: FlatIndex::with_bits(12),
            live: 0,
            last_age: 0,
        }
    }

    #[inline]
    pub fn find(&self, id: OrderId) -> Option<u32> {
        self.index.find(id.0, |slot| self.slots[slot as usize].id == id)
    }

    /// Is this still the order that had this age?
    #[inline]
    pub fn is(&self, slot: u32, age: u64) -> bool {
        self.slots[slot as usize].age == age
    }

    /// The order's age must be set. It is written straight into its slot: one store a field, no copy.
    #[inline(always)]
    pub fn insert(&mut self, order: Order) -> u32 {
        debug_assert!(order.age > 0);
        let slot = self.allocate(order.id);
        self.slots[slot as usize] = order;
        slot
    }

    #[inline]
    fn allocate(&mut self, id: OrderId) -> u32 {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(BLANK);
            (self.slots.len() - 1) as u32
        });
        self.index.insert(id.0, slot);
        self.live += 1;
        slot
    }

    /// Room for so many without growing; memory is touched now rather than later.
    pub fn warm_up(&mut self, orders: usize) {
        let live = self.slots.len();
        if live < orders {
            self.slots.resize(orders, BLANK);
            self.slots.truncate(live);
            self.free.reserve(orders);
        }
        self.index.warm_up(orders);
    }

    pub fn remove(&mut self, slot: u32) {
        let order = &mut self.slots[slot as usize];
        debug_assert!(order.age > 0);
        order.age = 0;
        let id = order.id.0;
        self.index.remove(id, slot);
        self.free.push(slot);
        self.live -= 1;
    }

    /// Live orders, oldest first.
    pub fn by_age(&self) -> Vec<u32> {
        let mut slots: Vec<u32> = (0..self.slots.len() as u32)
            .filter(|&s| self.slots[s as usize].age > 0)
            .collect();
        slots.sort_unstable_by_key(|&s| self.slots[s as usize].age);
        slots
    }
}

impl std::ops::Index<u32> for Orders {
    type Output = Order;
    #[inline]
    fn index(&self, slot: u32) -> &Order {
        &self.slots[slot as usize]
    }
}

impl std::ops::IndexMut<u32> for Orders {
    #[inline]
    fn index_mut(&mut self, slot: u32) -> &mut Order {
        &mut self.slots[slot as usize]
    }
}

/// An order without links, to be filled in.
pub(crate) const BLANK: Order = Order {
    id: OrderId(0),
    age: 0,
    account: 0,
    instrument: 0,
    position: 0,
    side: Side::Buy,
    kind: OrderKind::Market,
    time_in_force: TimeInForce::Gtc,
    self_trade: SelfTradePrevention::CancelNewest,
    status: OrderStatus::New,
    place: Place::Nowhere,
    post_only: false,
    reduce_only: false,
    counted: false,
    quantity: 0,
    filled: 0,
    filled_notional: 0,
    limit: 0,
    stop: 0,
    best: 0,
    trail: None,
    display: 0,
    node: NIL,
    trail_node: NIL,
    increase: 0,
    reserve_price: 0,
    reserve_ppm: 0,
    reserved: 0,
    request: NIL,
    parent: NIL,
    take_profit: NIL,
    stop_loss: NIL,
    sibling: NIL,
    older: NIL,
    newer: NIL,
};
