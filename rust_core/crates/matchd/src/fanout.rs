//! The fan-out: the leader publishes EVENTS and MARKET_DATA from the journal.
//!
//! It runs in its own task on its own connection at a bounded rate. It may lag, but it does not slow the
//! order path. The leader queues each acknowledged record for it; records that did not fit into the queue
//! are read from the journal.
//!
//! It resumes after the last message of each stream (`Nats-Msg-Id` = sequence:index). If a stream is gone,
//! it publishes a bounded number of records again. Publishes are pipelined: only the last message of a
//! chunk and stream waits for its PubAck. On one connection and one stream that PubAck confirms the
//! messages before it.
use crate::fault::{nats, Fault};
use crate::journal::{connect, Journal};
use crate::metrics::Metrics;
use crate::projection::{Message, Projector, Stream};
use crate::settings::{Settings, FANOUT_REBUILD_RECORDS};
use crate::visible_books::VisibleBooks;
use async_nats::header::{HeaderMap, NATS_MESSAGE_ID};
use async_nats::jetstream::{self, context::Context};
use async_nats::{Client, Request};
use bytes::Bytes;
use cift_daemon::log;
use cift_wire::subject;
use serde_json::json;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// Messages between two acknowledgements.
const CHUNK_MESSAGES: usize = 500;
const ACK_TIMEOUT: Duration = Duration::from_secs(5);
/// Factor on the rate while the order path is not busy.
const IDLE_RATE_FACTOR: u64 = 5;
const BUSY_COMMANDS_PER_SECOND: f64 = 20_000.0;
const LOAD_WINDOW: Duration = Duration::from_millis(250);

pub struct AcknowledgedRecord {
    pub sequence: u64,
    pub record: Bytes,
}

/// Id of the last message in a stream: (record sequence, index).
type LastId = Option<(u64, u32)>;

/// The visible books after record `sequence`.
struct BooksAt {
    books: VisibleBooks,
    sequence: u64,
}

struct Fanout<'a> {
    /// Publishes. The journal is read over the leader's connection.
    client: Client,
    journal: &'a Journal,
    metrics: &'a Metrics,
    books_at: &'a mut BooksAt,
    projector: Projector,
    pending: Vec<Message>,
    last_event: LastId,
    last_market_data: LastId,
    next_sequence: u64,
    rate: u64,
    next_send_at: Instant,
    /// Number of sequenced commands at the last measurement of the load, and its time.
    measured: (u64, Instant),
    busy: bool,
}

/// Runs until the channel closes at the end of the term. `books` are the books after record `tip`.
pub async fn run(
    settings: Settings,
    journal: Journal,
    metrics: Arc<Metrics>,
    books: VisibleBooks,
    tip: u64,
    mut records: mpsc::Receiver<AcknowledgedRecord>,
) {
    let mut books_at = BooksAt { books, sequence: tip };
    while !(records.is_closed() && records.is_empty()) {
        let result = match Fanout::open(&settings, &journal, &metrics, &mut books_at, tip).await {
            Ok(mut fanout) => fanout.publish_records(&mut records, tip).await,
            Err(fault) => Err(fault),
        };
        match result {
            Ok(()) => return,
            Err(fault) => log::warn("fan-out interrupted", json!({"reason": fault.to_string()})),
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

impl<'a> Fanout<'a> {
    async fn open(
        settings: &Settings,
        journal: &'a Journal,
        metrics: &'a Metrics,
        books_at: &'a mut BooksAt,
        tip: u64,
    ) -> Result<Fanout<'a>, Fault> {
        let (client, _) = connect(settings, "matchd fan-out").await?;
        let context = jetstream::new(client.clone());
        let last_event = last_id(&context, subject::EVENTS_STREAM).await?;
        let last_market_data = last_id(&context, subject::MARKET_DATA_STREAM).await?;
        // A stream that is gone is filled again over a bounded number of records. For the other stream,
        // messages up to its own last id are dropped.
        let oldest = (tip + 1).saturating_sub(FANOUT_REBUILD_RECORDS).max(1);
        let resume = |last: LastId| last.map_or(oldest, |(sequence, _)| sequence.max(oldest));
        let next_sequence = resume(last_event).min(resume(last_market_data));
        let rate = settings.fanout_rate.max(1);
        Ok(Fanout {
            client,
            journal,
            metrics,
            books_at,
            projector: Projector::default(),
            pending: Vec::new(),
            last_event,
            last_market_data,
            next_sequence,
            rate,
            next_send_at: Instant::now(),
            measured: (0, Instant::now()),
            busy: true,
        })
    }

    async fn publish_records(
        &mut self,
        records: &mut mpsc::Receiver<AcknowledgedRecord>,
        tip: u64,
    ) -> Result<(), Fault> {
        self.catch_up(tip + 1).await?;
        loop {
            if records.is_empty() {
                self.send().await?;
            }
            let Some(acknowledged) = records.recv().await else {
                return self.send().await;
            };
            self.catch_up(acknowledged.sequence).await?;
            if acknowledged.sequence == self.next_sequence {
                self.add(&acknowledged.record).await?;
            }
        }
    }

    /// Reads the records before `end` that were not queued from the journal.
    async fn catch_up(&mut self, end: u64) -> Result<(), Fault> {
        while self.next_sequence < end {
            let Some(record) = self.journal.record(self.next_sequence).await? else {
                return Err(Fault::Nats(format!("record {} cannot be read", self.next_sequence)));
            };
            self.add(&record).await?;
        }
        Ok(())
    }

    /// Projects the next record. Sends the pending messages if they fill a chunk.
    async fn add(&mut self, record: &[u8]) -> Result<(), Fault> {
        let books = if self.next_sequence == self.books_at.sequence + 1 {
            self.books_at.sequence += 1;
            Some(&mut self.books_at.books)
        } else {
            None
        };
        let already_pending = self.pending.len();
        self.projector
            .project(self.next_sequence, record, books, &mut self.pending)
            .map_err(|e| Fault::Nats(format!("record {} cannot be projected: {e}", self.next_sequence)))?;
        let (sequence, last_event, last_market_data) = (self.next_sequence, self.last_event, self.last_market_data);
        let mut seen = 0;
        self.pending.retain(|message| {
            seen += 1;
            let last = match message.stream {
                Stream::Events => last_event,
                Stream::MarketData => last_market_data,
            };
            seen <= already_pending || last.is_none_or(|last| (sequence, message.index) > last)
        });
        self.next_sequence += 1;
        let tip = self.metrics.sequence.load(Relaxed);
        Metrics::set(&self.metrics.fanout_lag, (tip + 1).saturating_sub(self.next_sequence));
        if self.pending.len() >= CHUNK_MESSAGES {
            self.send().await?;
        }
        Ok(())
    }

    /// Whether the order path is busy: commands per second since the last measurement.
    fn is_busy(&mut self) -> bool {
        let (before, since) = self.measured;
        if since.elapsed() > LOAD_WINDOW {
            let now = self.metrics.commands.load(Relaxed);
            self.busy = (now - before.min(now)) as f64 / since.elapsed().as_secs_f64() > BUSY_COMMANDS_PER_SECOND;
            self.measured = (now, Instant::now());
        }
        self.busy
    }

    /// Publishes the pending messages at the allowed rate.
    async fn send(&mut self) -> Result<(), Fault> {
        let messages = std::mem::take(&mut self.pending);
        for chunk in messages.chunks(CHUNK_MESSAGES) {
            let now = Instant::now();
            // Unused rate of the last 50 ms may be caught up.
            self.next_send_at = self.next_send_at.max(now - Duration::from_millis(50));
            if self.next_send_at > now {
                tokio::time::sleep(self.next_send_at - now).await;
            }
            let rate = if self.is_busy() {
                self.rate
            } else {
                self.rate * IDLE_RATE_FACTOR
            };
            self.next_send_at += Duration::from_nanos(1_000_000_000 / rate) * chunk.len() as u32;
            for stream in [Stream::Events, Stream::MarketData] {
                let last = chunk.iter().rposition(|m| m.stream == stream);
                for (index, message) in chunk.iter().enumerate() {
                    if message.stream == stream {
                        self.publish(message, Some(index) == last).await?;
                    }
                }
            }
            Metrics::add(&self.metrics.fanout_messages, chunk.len() as u64);
        }
        Ok(())
    }

    async fn publish(&self, message: &Message, wait_for_ack: bool) -> Result<(), Fault> {
        let mut headers = HeaderMap::new();
        headers.insert(NATS_MESSAGE_ID, format!("{}:{}", message.sequence, message.index));
        let (subject, payload) = (message.subject.clone(), Bytes::copy_from_slice(&message.payload));
        if !wait_for_ack {
            let sent = self.client.publish_with_headers(subject, headers, payload).await;
            return sent.map_err(|e| nats("cannot publish to a fan-out stream")(e.into()));
        }
        let request = Request::new()
            .payload(payload)
            .headers(headers)
            .timeout(Some(ACK_TIMEOUT));
        let ack = self.client.send_request(subject, request).await;
        let ack = ack.map_err(|e| nats("no PubAck from a fan-out stream")(e.into()))?;
        if ack.payload.windows(7).any(|w| w == b"\"error\"") {
            let text = String::from_utf8_lossy(&ack.payload).into_owned();
            return Err(Fault::Nats(format!("a fan-out stream rejected a message: {text}")));
        }
        Ok(())
    }
}

async fn last_id(context: &Context, name: &str) -> Result<LastId, Fault> {
    let stream = context
        .get_stream(name)
        .await
        .map_err(|e| nats("cannot open a fan-out stream")(e.into()))?;
    let last = stream.cached_info().state.last_sequence;
    if stream.cached_info().state.messages == 0 {
        return Ok(None);
    }
    let message = stream
        .direct_get(last)
        .await
        .map_err(|e| nats("cannot read the last message of a fan-out stream")(e.into()))?;
    let id = message
        .headers
        .get(NATS_MESSAGE_ID)
        .map(|id| id.as_str().to_owned())
        .unwrap_or_default();
    Ok(id
        .split_once(':')
        .and_then(|(sequence, index)| Some((sequence.parse().ok()?, index.parse().ok()?))))
}
