//! Bytes ↔ engine types: the only crate that knows Cap'n Proto, blake3 and the names of subjects and streams.
//!
//! Layout: `schema/*.capnp` is the contract; `src/generated/*.gen.rs` is derived from it by `examples/generate.rs`, and
//! committed so that a build needs no `capnp` tool. The modules convert engine values to messages and back without
//! intermediate types. [`query`] defines the JSON of queries; [`annotation`] describes all messages for Python.
//!
//! Invariants:
//! - Equal values give equal bytes, in one segment (sizes are computed first). So recovery compares the events that it
//!   derives with the journal by comparing whole messages ([`record`]).
//! - The journal has records in a packed and compressed form (`compact`). Only messages are compared.
//! - Decoding checks every enum, code, length and count. A message cannot make the reader walk more than a small
//!   multiple of its own size ([`frame`]).
//! - A digest ([`digest`]) is over a byte form of its own, not over Cap'n Proto: a new field in a schema does not change
//!   idempotency keys.
//! - Every limit has a name in [`limits`].
//!
//! Absent on purpose: sockets, clocks, floats.
#![forbid(unsafe_code)]

pub mod account;
pub mod annotation;
pub mod command;
mod command_read;
mod compact;
mod convert;
pub mod digest;
pub mod event;
mod event_write;
mod facts;
pub mod frame;
pub mod json;
pub mod limits;
pub mod market;
pub mod names;
pub mod query;
pub mod record;
pub mod result;
pub mod subject;
pub mod text;
pub mod ticks;
pub mod update;

/// Generated from `schema/`, see the crate's header. Public for readers that need a message without engine types.
#[rustfmt::skip]
#[allow(clippy::all, clippy::pedantic, dead_code, unused)]
#[path = "generated/types_capnp.gen.rs"]
pub mod types_capnp;
#[rustfmt::skip]
#[allow(clippy::all, clippy::pedantic, dead_code, unused)]
#[path = "generated/command_capnp.gen.rs"]
pub mod command_capnp;
#[rustfmt::skip]
#[allow(clippy::all, clippy::pedantic, dead_code, unused)]
#[path = "generated/result_capnp.gen.rs"]
pub mod result_capnp;
#[rustfmt::skip]
#[allow(clippy::all, clippy::pedantic, dead_code, unused)]
#[path = "generated/record_capnp.gen.rs"]
pub mod record_capnp;
#[rustfmt::skip]
#[allow(clippy::all, clippy::pedantic, dead_code, unused)]
#[path = "generated/market_capnp.gen.rs"]
pub mod market_capnp;
#[rustfmt::skip]
#[allow(clippy::all, clippy::pedantic, dead_code, unused)]
#[path = "generated/account_capnp.gen.rs"]
pub mod account_capnp;
#[rustfmt::skip]
#[allow(clippy::all, clippy::pedantic, dead_code, unused)]
#[path = "generated/ticks_capnp.gen.rs"]
pub mod ticks_capnp;
#[rustfmt::skip]
#[allow(clippy::all, clippy::pedantic, dead_code, unused)]
#[path = "generated/update_capnp.gen.rs"]
pub mod update_capnp;

pub use command::{encode_commands, CommandBatch, Envelope, Meta};
#[doc(hidden)]
pub use compact::pack_words;
pub use digest::{blake3, body_digest, request_key};
pub use frame::WireError;
pub use json::{Decimal, Json};
pub use names::Named;
pub use record::{encode_record, record_message, Entry, Header, Record, RecordHash};
pub use result::{decode_results, encode_results, CommandResult, Status};
pub use subject::subject_symbol;
