//! matchd: the always-on service around the engine. It sequences commands, journals them and replies.
//!
//! One process serves one shard. Where things are:
//! | file | what |
//! |---|---|
//! | `service` | the cycle of a process: connect, recover, stand by, lead, repeat |
//! | `leader`, `sequencing`, `duties`, `term_end` | one term of leadership: batch → apply → one record → append → reply |
//! | `inbox` | requests that wait, in classes that share each turn |
//! | `pending`, `conflate` | requests without a reply, commands not applied yet, conflation of quotes |
//! | `clock` | the journal's time: the wall clock with bounded steps |
//! | `quarantine` | commands whose application panicked |
//! | `batch` | commands with their events on the way into one record |
//! | `replica` | the engine and its position in the journal; replay that compares every byte |
//! | `journal` | JetStream: streams, fenced append, reading records |
//! | `journal_space` | the journal's size, and who may write when it is nearly full |
//! | `snapshot` | snapshots in the object store |
//! | `retention` | cuts the journal: old records move to the archive |
//! | `archive`, `segment`, `archive_store`, `s3` | the archive, in a folder or an object store |
//! | `query`, `query_order` | queries, answered from acknowledged state |
//! | `fanout`, `projection`, `order_items`, `visible_books`, `minute_bars` | UPDATES from the journal |
//! | `trace` | spans of traced commands |
//! | `verify` | replay of the whole journal |
//! | `crash`, `health`, `metrics`, `settings` | what their names state |
//!
//! Invariants:
//! - No reply shows state that the journal has not acknowledged.
//! - Every append carries the expected last sequence. After an error or timeout of an append the process
//!   drops its state and recovers. Only the PubAck of its own `EngineStarted` settles an append in doubt.
//! - Only the leader subscribes to commands, queries and owner queries. A process that does not lead sends
//!   no reply.
//! - A rejection before sequencing is sent only after a proof that no other leader exists: a PubAck, or a
//!   journal tail that is ours. The proof starts after the request arrived, because another leader would
//!   have received the request too. Query replies need a proof that is not older than `stall_ms`.
//! - After the loop stalls (SIGSTOP), it reads the journal's tail before it sends any reply.
//! - The engine reads no clock. The leader takes the time once per batch; it never decreases, and it is
//!   journaled.
//!
//! Known limits:
//! - A graceful stop replies to what the server had sent before it processed the end of the subscription,
//!   as far as the client still reads it. A request lost there has no reply, as after a crash.
//! - A query reply may be up to `stall_ms` old if this process lost leadership without noticing. A `done`
//!   stays true.
#![forbid(unsafe_code)]

pub mod archive;
pub mod archive_store;
pub mod batch;
pub mod checksum;
pub mod clock;
pub mod conflate;
pub mod crash;
mod duties;
pub mod fanout;
pub mod fault;
pub mod health;
mod in_flight;
pub mod inbox;
pub mod journal;
pub mod journal_space;
pub mod leader;
pub mod metrics;
pub mod minute_bars;
pub mod order_items;
pub mod pending;
pub mod projection;
pub mod quarantine;
pub mod query;
pub mod query_order;
pub mod replica;
pub mod retention;
mod s3;
pub mod segment;
pub mod sequencing;
pub mod service;
pub mod settings;
pub mod snapshot;
mod term_end;
pub mod trace;
pub mod verify;
pub mod visible_books;
