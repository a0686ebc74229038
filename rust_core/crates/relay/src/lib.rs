//! relay: brings the streams to the event functions, and tells the timed ones when they are due.
//!
//! One process for all handlers, a task for each. Where things are:
//! | file | what |
//! |---|---|
//! | `service` | the life of the process: start every handler, stop in order |
//! | `deliver` | one handler of a stream: pull, post, act on the answer |
//! | `feed` | its durable consumer: what has arrived and is not dealt with |
//! | `portion` | how much of that is posted next; finding a poison by halving |
//! | `cloud_event`, `dead_letter` | what is posted, and what is put aside: bytes both sides agree upon (`tests/vectors`) |
//! | `replay` | a dead letter, brought to its handler once more |
//! | `timer` | one `every` function: due times |
//! | `standing` | whether a handler works, and what is said when that changes |
//! | `post`, `answer` | HTTP/1.1 to one address; what an answer means |
//! | `bus` | NATS: the connection, JetStream's API |
//! | `config`, `settings`, `back_off`, `metrics` | what the name says |
//!
//! Invariants (design §5):
//! - At most one batch is in flight for a handler, and the order within a stream is strict: what does not follow what
//!   came before is not posted, the consumer is set back instead.
//! - A batch is acknowledged (all up to its last) after a 2xx and never before. Nothing else moves a handler on but a
//!   dead letter that JetStream has acknowledged, and only handlers of effects have those.
//! - Failures are tried again for ever. A handler that fails holds up nobody else.
//! - Consumers are named and set as `cift/platform/pump.py` does, its twin within one process: where one stopped the
//!   other goes on.
//! - Memory is bounded: a handler holds at most two batches, in count and in bytes (`settings`).
//!
//! Known limits: effects are brought at least once: an acknowledgement lost with the connection or a killed process means
//! that its batch comes again. A timer is fired once when relay starts, for what may have been missed.
#![forbid(unsafe_code)]

pub mod answer;
pub mod back_off;
pub mod bus;
pub mod cloud_event;
pub mod config;
pub mod dead_letter;
pub mod deliver;
pub mod feed;
pub mod metrics;
pub mod portion;
pub mod post;
pub mod replay;
pub mod service;
pub mod settings;
pub mod standing;
pub mod timer;
