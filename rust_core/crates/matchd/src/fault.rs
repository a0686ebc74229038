//! Why one cycle of the service (one connection, one recovery, at most one term) ended.
use std::fmt;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// NATS is unreachable, slow or returns an error: retry with back-off.
    Nats(String),
    /// Another leader has appended: stand by and send no reply.
    LeadershipLost(String),
    /// The outcome of an append is unknown: recover.
    AppendInDoubt(String),
    /// The journal has no space for the record and did not store it.
    JournalFull,
    /// The engine panicked on a command: its state is dropped and recovered.
    Panicked(String),
    /// The archive cannot be read or written: the journal is not cut.
    Archive(String),
    /// The journal or a snapshot contradicts this program. A retry does not help; a person must look at it.
    Halt(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Nats(text) => write!(f, "NATS: {text}"),
            Fault::LeadershipLost(text) => write!(f, "leadership lost: {text}"),
            Fault::AppendInDoubt(text) => write!(f, "append in doubt: {text}"),
            Fault::Panicked(text) => write!(f, "the engine panicked: {text}"),
            Fault::Archive(text) => write!(f, "archive: {text}"),
            Fault::JournalFull => write!(f, "the journal is full"),
            Fault::Halt(text) => write!(f, "{text}"),
        }
    }
}
impl std::error::Error for Fault {}

/// Turns an error of the NATS client into a [`Fault::Nats`].
pub fn nats(action: &'static str) -> impl Fn(Box<dyn std::error::Error>) -> Fault {
    move |error| Fault::Nats(format!("{action}: {error}"))
}
