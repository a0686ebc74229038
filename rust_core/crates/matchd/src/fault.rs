//! Why an incarnation (one connection, one recovery, at most one term) came to its end.
use std::fmt;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// NATS is gone, slow or errs: try again, with back-off.
    Nats(String),
    /// Another leader has appended: stand by, say nothing.
    Lost(String),
    /// An append is in doubt: recover.
    Doubt(String),
    /// The journal has no room for the record; it was not stored.
    Full,
    /// Nothing to be tried: the journal or a snapshot contradicts this program. A person must look.
    Halt(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Nats(text) => write!(f, "NATS: {text}"),
            Fault::Lost(text) => write!(f, "leadership lost: {text}"),
            Fault::Doubt(text) => write!(f, "append in doubt: {text}"),
            Fault::Full => write!(f, "the journal is full"),
            Fault::Halt(text) => write!(f, "{text}"),
        }
    }
}
impl std::error::Error for Fault {}

/// Any error of the client, as a fault of NATS.
pub fn nats(what: &'static str) -> impl Fn(Box<dyn std::error::Error>) -> Fault {
    move |error| Fault::Nats(format!("{what}: {error}"))
}
