//! Settings, ticks, requests, and the callbacks of a strategy.

use cift_engine::*;

#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Cash at the start, in nanos.
    pub cash: i64,
    /// Gross exposure in percent of equity. 100: a cash account, without short sales.
    pub leverage_percent: u32,
    pub maker_ppm: i32,
    pub taker_ppm: i32,
    pub latency_ns: i64,
    /// Each request takes up to this much longer, uniformly.
    pub jitter_ns: i64,
    pub seed: u64,
    /// Time between two points of the equity curve. 0: none.
    pub sample_ns: i64,
    /// Length of a bar. 0: no bars.
    pub bar_ns: i64,
    /// Time between two calls of [`Strategy::timer`]. 0: none.
    pub timer_ns: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TickKind {
    Trade,
    Quote,
}

/// A recorded tick. Prices and quantities in nanos. A trade has `price` and `quantity` in `bid`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tick {
    pub at: Timestamp,
    pub kind: TickKind,
    pub symbol: u32,
    pub bid: OutsideSide,
    pub ask: OutsideSide,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bar {
    pub symbol: u32,
    /// Start of the interval.
    pub at: Timestamp,
    pub open: Price,
    pub high: Price,
    pub low: Price,
    pub close: Price,
    pub volume: Quantity,
    pub trades: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Executed {
    pub order: u64,
    pub symbol: u32,
    pub side: Side,
    pub price: Price,
    pub quantity: Quantity,
    pub fee: i64,
    pub leaves: Quantity,
    /// Position and cash after this fill.
    pub position: Quantity,
    pub cash: i64,
    pub is_maker: bool,
}

/// What a strategy sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    Place {
        order: u64,
        symbol: u32,
        side: Side,
        quantity: Quantity,
        /// `None`: a market order.
        limit: Option<Price>,
        time_in_force: TimeInForce,
        post_only: bool,
    },
    Cancel {
        order: u64,
    },
}

/// The callbacks. `E` stops the run.
pub trait Strategy<E> {
    fn quote(&mut self, tick: &Tick) -> Result<(), E>;
    fn trade(&mut self, tick: &Tick) -> Result<(), E>;
    fn bar(&mut self, at: Timestamp, bar: &Bar) -> Result<(), E>;
    fn fill(&mut self, at: Timestamp, fill: &Executed) -> Result<(), E>;
    /// An order ended without a complete fill: its reason, or that of its refusal.
    fn ended(&mut self, at: Timestamp, order: u64, reason: &'static str) -> Result<(), E>;
    fn timer(&mut self, at: Timestamp) -> Result<(), E>;
    /// Moves the requests since the last call into `to`.
    fn take_requests(&mut self, to: &mut Vec<Request>);
}

/// A point of the equity curve, in nanos.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    pub at: Timestamp,
    pub equity: i64,
    pub cash: i64,
    pub gross: i64,
}
