//! The one record that is on its way to the journal, and what waits for its PubAck.
use crate::fault::Fault;
use crate::snapshot::Place;
use async_nats::Subject;
use bytes::Bytes;
use std::future::Future;
use std::pin::Pin;
use std::time::Instant;

/// Ends with the record's sequence.
pub(crate) type Append = Pin<Box<dyn Future<Output = Result<u64, Fault>> + Send>>;

/// A record on its way.
pub(crate) struct InFlight {
    pub(crate) append: Append,
    pub(crate) sequence: u64,
    pub(crate) record: Bytes,
    pub(crate) commands: usize,
    pub(crate) refused: u64,
    /// Requests that are whole with this record.
    pub(crate) finished: Vec<usize>,
    /// Their replies, and answers to questions that saw its state.
    pub(crate) replies: Vec<(Subject, Bytes)>,
    pub(crate) snapshot: Option<(Place, Vec<u8>)>,
    pub(crate) since: Instant,
}

/// Waits for the record in flight; for ever where there is none.
pub(crate) async fn append(in_flight: &mut Option<InFlight>) -> Result<u64, Fault> {
    match in_flight {
        Some(in_flight) => in_flight.append.as_mut().await,
        None => std::future::pending().await,
    }
}
