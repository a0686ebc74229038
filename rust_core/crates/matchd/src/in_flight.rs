//! The record that is being appended to the journal, and what is sent after its PubAck.
use crate::fault::Fault;
use crate::snapshot::JournalPosition;
use crate::trace::Traced;
use async_nats::Subject;
use bytes::Bytes;
use std::future::Future;
use std::pin::Pin;
use std::time::Instant;

/// Resolves to the record's sequence.
pub(crate) type Append = Pin<Box<dyn Future<Output = Result<u64, Fault>> + Send>>;

pub(crate) struct InFlight {
    pub(crate) append: Append,
    pub(crate) sequence: u64,
    pub(crate) record: Bytes,
    pub(crate) commands: usize,
    pub(crate) refused: u64,
    /// Numbers of the requests whose last result is in this record.
    pub(crate) completed: Vec<usize>,
    /// Replies to those requests, and to queries that saw the state of this record.
    pub(crate) replies: Vec<(Subject, Bytes)>,
    pub(crate) snapshot: Option<(JournalPosition, Vec<u8>)>,
    pub(crate) since: Instant,
    pub(crate) traced: Vec<Traced>,
    /// Wall clock at `since`; 0 if no command is traced.
    pub(crate) published_ns: i64,
}

/// Waits for the PubAck of the record in flight. Never resolves if there is none.
pub(crate) async fn append(in_flight: &mut Option<InFlight>) -> Result<u64, Fault> {
    match in_flight {
        Some(in_flight) => in_flight.append.as_mut().await,
        None => std::future::pending().await,
    }
}
