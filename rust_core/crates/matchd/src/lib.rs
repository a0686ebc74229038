//! matchd: the always-on service around the engine. It sequences commands, journals them, answers.
//!
//! One process, one shard. Where things are:
//! | file | what |
//! |---|---|
//! | `service` | the life of a process: connect, recover, stand by, lead, and again |
//! | `leader`, `turn` | one term of leadership: gather → apply → one record → append → reply |
//! | `work`, `conflate` | what has been asked and not yet applied; whom to answer |
//! | `batch` | commands with their events on the way into one record |
//! | `replica` | engine + place in the journal; replay that compares every byte |
//! | `journal` | JetStream: streams, append with the fence, reading records |
//! | `snapshot` | snapshots in the object store |
//! | `query`, `query_order` | questions, answered from acknowledged state |
//! | `fanout`, `project`, `ladder` | EVENTS and MARKET_DATA from the journal |
//! | `verify` | replay of the whole journal |
//! | `crash`, `health`, `metrics`, `settings` | what the name says |
//!
//! Invariants (design §2):
//! - Nothing is answered from state that the journal has not acknowledged.
//! - Every append carries the expected last sequence. After any error or timeout of one, memory is dropped and the
//!   process recovers; only the PubAck of its own `EngineStarted` settles what was in doubt.
//! - While not leader: no subscription to commands, queries or owner, so no answer.
//! - A definite *no* leaves only with a proof, begun after it was asked for, that nobody else leads (a PubAck, or a
//!   tail that is ours): another leader would have been asked too. Questions need one not older than `freeze_ms`.
//! - After a pause of the loop (SIGSTOP) nothing is answered before the tail of the journal has been read again.
//! - The engine never sees a clock: time is taken once a batch, never falls, and is journaled.
//!
//! Known limits: a graceful stop answers what the server had sent before it heard that nobody listens any more, as far
//! as the client reads it before it forgets the subscription; a request lost there has no reply, as after a crash. An
//! answer to a question may be as old as `freeze_ms` where this process lost its leadership without
//! noticing; a `done` is true whatever happened since. Quotes of MARKET_DATA for records older than
//! the present term are not rebuilt, all else is.
#![forbid(unsafe_code)]

pub mod batch;
pub mod checksum;
pub mod conflate;
pub mod crash;
pub mod fanout;
pub mod fault;
pub mod health;
mod in_flight;
pub mod journal;
pub mod ladder;
pub mod leader;
pub mod metrics;
pub mod project;
pub mod query;
pub mod query_order;
pub mod replica;
pub mod service;
pub mod settings;
pub mod snapshot;
pub mod turn;
pub mod verify;
pub mod work;
