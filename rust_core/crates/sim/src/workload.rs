//! Seeded command streams. A stream is data: it depends on profile and seed alone, never on what the
//! engine answers, so that a failing stream can be cut down command by command.
//!
//! Profiles:
//! - `retail`: sane orders of many accounts around a wandering price; every kind, class and flag.
//! - `hostile`: the same with a tenth of everything wrong: bad numbers, foreign ids, replays of request
//!   keys with and without change, halts, splits, suspended accounts, tiny limits, jumps of days.
//! - `outside`: three feeds quote and print against a few accounts; silences, crossed and stale quotes.
//! - `sweep`: few accounts with thousands of resting orders and stops, swept by huge ones, so that
//!   commands are cut into `Continue`s.
//! - `whale`: quantities near `MAX_QUANTITY` until users and houses meet `MAX_POSITION`.
//! - [`market_maker`]: the flow of the bench, described there.
//!
//! Prices are small numbers of ticks (20 to 2,000) on purpose: rounding then matters everywhere.

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
