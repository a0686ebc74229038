//! relay: delivers the messages of streams to event functions, and calls timed functions when they are due.
//!
//! One process serves all handlers, with one task per handler. Where things are:
//! | file | what |
//! |---|---|
//! | `service` | start every handler, stop in order |
//! | `delivery` | one handler of a stream: pull, post, act on the response |
//! | `consumer` | its durable consumer: messages that were received and are not acknowledged |
//! | `post_size` | how many of them go into the next POST; finding a poison message by halving |
//! | `cloud_event`, `dead_letter` | the bytes of a POST and of a dead letter, shared with Python (`tests/vectors`) |
//! | `replay` | delivers a dead letter to its handler again |
//! | `timer` | one `every` function: due times |
//! | `handler_state` | whether a handler works: log line and alarm on a change |
//! | `post`, `response` | HTTP/1.1 to one address; what a response means |
//! | `bus` | NATS: the connection, JetStream's API |
//! | `config`, `settings`, `back_off`, `metrics` | what their names state |
//!
//! Invariants:
//! - At most one batch per handler is in flight, and the order within a stream is strict. A message that
//!   does not follow the last one is not posted; the consumer is reset instead.
//! - A batch is acknowledged (up to its last message) only after a 2xx. The only other way to advance is a
//!   dead letter that JetStream has acknowledged, and only handlers with effects have dead letters.
//! - Failures are retried without end. A failing handler delays no other handler.
//! - Memory is bounded: a handler holds at most two batches, limited in count and in bytes (`settings`).
//!
//! Known limits: effects are delivered at least once. If an acknowledgement is lost with the connection or
//! a killed process, its batch is delivered again. Each timer fires once when relay starts, for a due time
//! that may have been missed.
#![forbid(unsafe_code)]

pub mod back_off;
pub mod bus;
pub mod cloud_event;
pub mod config;
pub mod consumer;
pub mod dead_letter;
pub mod delivery;
pub mod handler_state;
pub mod metrics;
pub mod post;
pub mod post_size;
pub mod replay;
pub mod response;
pub mod service;
pub mod settings;
pub mod timer;
