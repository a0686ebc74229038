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
    /// The journal or a snapshot contradicts this program. A retry does not help; a person must look at it.
    Halt(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Nats(text) => write!(f, "NATS: {text}"),
            Fault::LeadershipLost(text) => write!(f, "leadership lost: {text}"),
            Fault::AppendInDoubt(text) => write!(f, "append in doubt: {text}"),
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
