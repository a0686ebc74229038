//! Open orders: a pool with a free list, and the location of each order.
//!
//! # Invariants
//! - A slot in use has `acceptance > 0`, a free slot has 0.
//! - Acceptances count from 1 and are never reused. So `(slot, acceptance)` identifies an order even after
//!   its slot was reused.
//! - Slots have no meaning: no event depends on which slot an order got.
//!
//! Prices are in ticks and quantities in lots. 0 means "no price" where the kind of order has none.

use crate::index::FlatIndex;
use crate::ladder::NIL;
use crate::types::*;

/// The structure that holds an open order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Location {
    /// None: a held leg, the taker of the current pass, or an order in the queue of activated orders.
    Detached,
    Book,
    /// The stops, and for a trailing stop also the trailing stops.
    Stops,
    /// It became active in a halt or a closed session and enters when trading resumes.
    Waiting,
}

/// Four cache lines, hottest first: a cancel or a fill reads only the first two.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(crate) struct Order {
    pub id: OrderId,
    pub acceptance: u64,
    pub account: u32,
    pub instrument: u32,
    /// Slot of the account's position in the instrument.
    pub position: u32,
    /// Node in the book or in the stops.
    pub node: u32,
    pub quantity: i64,
    pub filled: i64,
    pub side: Side,
    pub kind: OrderKind,
    pub self_trade: SelfTradePrevention,
    /// `Held`, `Pending` or `New`. A partially filled order is `New` with `filled > 0`.
    pub status: OrderStatus,
    pub location: Location,
    pub post_only: bool,
    pub reduce_only: bool,

    /// Cover of the remainder for adverse prices and fees (R4.53). 0 for reduce-only orders.
    pub cover: Money,
    /// Neighbours in the account's list of orders, by acceptance.
    pub older: u32,
    pub newer: u32,
    /// Links of a group. A leg has `parent` while its entry is open, an entry has its legs, an active leg has
    /// `sibling`.
    pub parent: u32,
    pub take_profit: u32,
    pub stop_loss: u32,
    pub sibling: u32,
    /// Slot of the idempotency record that is kept as long as this order is open.
    pub request: u32,
    /// The fee schedule at admission (a leg: at its entry's): R1.14.
    pub maker_ppm: i32,
    pub taker_ppm: i32,
    /// What the order paid beyond its fees so far by rounding, in 1e-6 nanos (R1.12).
    pub fee_credit: i64,
    /// Ticks by which a fill can be worse than the reference price at admission (R4.43).
    pub adverse: i64,
    /// The order is part of the open quantity of its side.
    pub counted: bool,

    pub time_in_force: TimeInForce,
    pub filled_notional: Money,
    pub reserve_price: i64,
    pub limit: i64,
    pub display: i64,

    pub stop: i64,
    /// Best price that a trailing stop has seen.
    pub best: i64,
    pub trail: Option<Trail>,
    /// Node in the trailing stops.
    pub trail_node: u32,
}

impl Order {
    #[inline]
    pub fn leaves(&self) -> i64 {
        self.quantity - self.filled
    }

    pub fn reported_status(&self) -> OrderStatus {
        if self.status == OrderStatus::New && self.filled > 0 {
            OrderStatus::PartiallyFilled
        } else {
            self.status
        }
    }

    /// The worst price at which the order may open a position (R5.5).
    #[inline]
    pub fn worst_price(&self) -> i64 {
        match self.side {
            Side::Buy => self.reserve_price,
            Side::Sell => self.reserve_price - self.adverse,
        }
    }

    /// The highest fee rate that the order may pay.
    #[inline]
    pub fn highest_ppm(&self) -> i32 {
        self.maker_ppm.max(self.taker_ppm).max(0)
    }

    /// True for market orders and for stops that become market orders.
    #[inline]
    pub fn is_market(&self) -> bool {
        matches!(self.kind, OrderKind::Market | OrderKind::Stop | OrderKind::TrailingStop)
    }
}

pub(crate) struct Orders {
    pub slots: Vec<Order>,
    free: Vec<u32>,
    index: FlatIndex,
    pub count: usize,
    /// Acceptance of the last accepted order.
    pub last_acceptance: u64,
}

impl Orders {
    pub fn new() -> Orders {
        Orders {
            slots: Vec::new(),
            free: Vec::new(),
            index: FlatIndex::with_bits(12),
            count: 0,
            last_acceptance: 0,
        }
    }

    #[inline]
    pub fn find(&self, id: OrderId) -> Option<u32> {
        self.index.find(id.0, |slot| self.slots[slot as usize].id == id)
    }

    /// Is the order in this slot still the one with this acceptance?
    #[inline]
    pub fn is_current(&self, slot: u32, acceptance: u64) -> bool {
        self.slots[slot as usize].acceptance == acceptance
    }

    /// Adds an order whose `acceptance` is set. Its fields are stored directly in the slot, without a copy.
    #[inline(always)]
    pub fn insert(&mut self, order: Order) -> u32 {
        debug_assert!(order.acceptance > 0);
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
        self.count += 1;
        slot
    }

    /// Allocates and touches memory for this many orders in advance.
    pub fn warm_up(&mut self, orders: usize) {
        let used = self.slots.len();
        if used < orders {
            self.slots.resize(orders, BLANK);
            self.slots.truncate(used);
            self.free.reserve(orders);
        }
        self.index.warm_up(orders);
    }

    pub fn remove(&mut self, slot: u32) {
        let order = &mut self.slots[slot as usize];
        debug_assert!(order.acceptance > 0);
        order.acceptance = 0;
        let id = order.id.0;
        self.index.remove(id, slot);
        self.free.push(slot);
        self.count -= 1;
    }

    /// Slots of all open orders, oldest first.
    pub fn by_acceptance(&self) -> Vec<u32> {
        let mut slots: Vec<u32> = (0..self.slots.len() as u32)
            .filter(|&s| self.slots[s as usize].acceptance > 0)
            .collect();
        slots.sort_unstable_by_key(|&s| self.slots[s as usize].acceptance);
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

/// An order without links, as a base for struct update syntax.
///
pub(crate) const BLANK: Order = Order {
    id: OrderId(0),
    acceptance: 0,
    account: 0,
    instrument: 0,
    position: 0,
    side: Side::Buy,
    kind: OrderKind::Market,
    time_in_force: TimeInForce::Gtc,
    self_trade: SelfTradePrevention::CancelNewest,
    status: OrderStatus::New,
    location: Location::Detached,
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
    adverse: 0,
    reserve_price: 0,
    maker_ppm: 0,
    taker_ppm: 0,
    fee_credit: 0,
    cover: 0,
    request: NIL,
    parent: NIL,
    take_profit: NIL,
    stop_loss: NIL,
    sibling: NIL,
    older: NIL,
    newer: NIL,
};
