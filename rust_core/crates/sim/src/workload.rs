//! Seeded command streams. A stream depends only on its profile and seed, never on the engine's results. So
//! a failing stream can be shortened command by command.
//!
//! Profiles:
//! - `retail`: valid orders of many accounts around a wandering price, with every kind, class and flag.
//! - `hostile`: the same, but a tenth of all values is wrong: invalid numbers, ids of others, repeated
//!   request keys with and without a changed body, halts, splits, suspended accounts, tiny limits, jumps of
//!   days.
//! - `outside`: three feeds quote and print against a few accounts, with silences, crossed and stale
//!   quotes.
//! - `sweep`: few accounts with thousands of resting orders and stops, which huge orders sweep, so that
//!   commands continue in `Continue`s.
//! - `whale`: quantities near `MAX_QUANTITY`, until users and house accounts reach `MAX_POSITION`.
//! - [`market_maker()`]: the flow of the benchmark; its module describes it.
//!
//! Prices are small numbers of ticks (20 to 2,000), so that rounding matters everywhere.

mod bursts;
mod generator;
mod market_maker;
mod operations;
mod orders;

pub use generator::generate;
pub use market_maker::{market_maker, MarketMaker};

use cift_engine::types::*;

pub type Stream = Vec<(Timestamp, Command)>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    Retail,
    Hostile,
    Outside,
    Sweep,
    Whale,
}

impl Profile {
    pub const ALL: [Profile; 5] = [
        Profile::Retail,
        Profile::Hostile,
        Profile::Outside,
        Profile::Sweep,
        Profile::Whale,
    ];
    pub fn name(self) -> &'static str {
        match self {
            Profile::Retail => "retail",
            Profile::Hostile => "hostile",
            Profile::Outside => "outside",
            Profile::Sweep => "sweep",
            Profile::Whale => "whale",
        }
    }
}

pub fn symbol(text: &str) -> Symbol {
    let mut bytes = [0; 16];
    bytes[..text.len()].copy_from_slice(text.as_bytes());
    Symbol(bytes)
}
pub fn currency(text: &str) -> Currency {
    let mut bytes = [0; 8];
    bytes[..text.len()].copy_from_slice(text.as_bytes());
    Currency(bytes)
}
