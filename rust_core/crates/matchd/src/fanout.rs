//! EVENTS and MARKET_DATA, published from the journal by the leader.
//!
//! A task of its own, on a connection of its own, at a bounded rate: it may lag, it never slows the order path. The
//! leader hands it each acknowledged record; what did not fit into that queue it reads from the journal. It resumes
//! behind the last message of each stream (`Nats-Msg-Id` = sequence:index) and builds a bounded stretch anew where a
//! stream is gone. Publishes are pipelined: the last of a chunk is acknowledged, which, on one connection and one
//! stream, says that those before it were taken too.
use crate::fault::{nats, Fault};
use crate::journal::{connect, Journal};
use crate::ladder::Ladders;
use crate::metrics::Metrics;
use crate::project::{Message, Projector, Stream};
use crate::settings::{Settings, FANOUT_REBUILD_RECORDS};
use async_nats::header::{HeaderMap, NATS_MESSAGE_ID};
use async_nats::jetstream::{self, context::Context};
use async_nats::{Client, Request};
use bytes::Bytes;
use cift_daemon::log;
use cift_wire::subject;
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// Messages between two acknowledgements.
const CHUNK_MESSAGES: usize = 500;
const ACK_TIMEOUT: Duration = Duration::from_secs(5);
/// How much faster the fan-out may be while the order path is quiet.
const QUIET_FACTOR: u64 = 5;
const BUSY_COMMANDS_PER_SECOND: f64 = 20_000.0;
const LOAD_WINDOW: Duration = Duration::from_millis(250);

/// An acknowledged record.
pub struct Handoff {
    pub sequence: u64,
    pub record: Bytes,
}

/// Id of the last message of a stream: what is not beyond it is there already.
type Last = Option<(u64, u32)>;

/// The books that quotes are made from, and the record that they are the state after.
struct Books {
    ladders: Ladders,
    at: u64,
}

struct Fanout<'a> {
    client: Client,
    /// Keeps what `client` was opened with; the journal is read by the leader's connection.
    journal: &'a Journal,
    metrics: &'a Metrics,
    books: &'a mut Books,
    projector: Projector,
    pending: Vec<Message>,
    events: Last,
    market: Last,
    next: u64,
    rate: u64,
    allowed: Instant,
    /// Commands sequenced when the load was last looked at, and when.
    looked: (u64, Instant),
    busy: bool,
}

/// Runs until the channel closes (the term ended). `tip`: the record that `ladders` are the state after.
pub async fn run(
    settings: Settings,
    journal: Journal,
    metrics: Arc<Metrics>,
    ladders: Ladders,
    tip: u64,
    mut records: mpsc::Receiver<Handoff>,
) {
    let mut books = Books { ladders, at: tip };
    while !(records.is_closed() && records.is_empty()) {
        let end = match Fanout::begin(&settings, &journal, &metrics, &mut books, tip).await {
            Ok(mut fanout) => fanout.pump(&mut records, tip).await,
            Err(fault) => Err(fault),
        };
        match end {
            Ok(()) => return,
            Err(fault) => log::warn("fan-out interrupted", json!({"reason": fault.to_string()})),
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

impl<'a> Fanout<'a> {
    async fn begin(
        settings: &Settings,
        journal: &'a Journal,
        metrics: &'a Metrics,
        books: &'a mut Books,
        tip: u64,
    ) -> Result<Fanout<'a>, Fault> {
        let (client, _) = connect(settings, "matchd fan-out").await?;
        let context = jetstream::new(client.clone());
        let events = last_id(&context, subject::EVENTS_STREAM).await?;
        let market = last_id(&context, subject::MARKET_DATA_STREAM).await?;
        // A stream that is gone is built anew over a bounded stretch; the other drops what it has by its own last id.
        let oldest = (tip + 1).saturating_sub(FANOUT_REBUILD_RECORDS).max(1);
        let resume = |last: Last| last.map_or(oldest, |(sequence, _)| sequence.max(oldest));
        let next = resume(events).min(resume(market));
        let rate = settings.fanout_rate.max(1);
        Ok(Fanout {
            client,
            journal,
            metrics,
            books,
            projector: Projector::default(),
            pending: Vec::new(),
            events,
            market,
            next,
            rate,
            allowed: Instant::now(),
            looked: (0, Instant::now()),
            busy: true,
        })
    }

    async fn pump(&mut self, records: &mut mpsc::Receiver<Handoff>, tip: u64) -> Result<(), Fault> {
        self.catch_up(tip + 1).await?;
        loop {
            if records.is_empty() {
                self.send().await?;
            }
            let Some(handoff) = records.recv().await else {
                return self.send().await;
            };
            self.catch_up(handoff.sequence).await?;
            if handoff.sequence == self.next {
                self.take(&handoff.record).await?;
            }
        }
    }

    /// Reads from the journal what was not handed over, up to `end` (not included).
    async fn catch_up(&mut self, end: u64) -> Result<(), Fault> {
        while self.next < end {
            let Some(record) = self.journal.record(self.next).await? else {
                return Err(Fault::Nats(format!("record {} cannot be read", self.next)));
            };
            self.take(&record).await?;
        }
        Ok(())
    }

    async fn take(&mut self, record: &[u8]) -> Result<(), Fault> {
        let books = if self.next == self.books.at + 1 {
            self.books.at += 1;
            Some(&mut self.books.ladders)
        } else {
            None
        };
        let from = self.pending.len();
        self.projector
            .project(self.next, record, books, &mut self.pending)
            .map_err(|e| Fault::Nats(format!("record {} cannot be projected: {e}", self.next)))?;
        let (next, events, market) = (self.next, self.events, self.market);
        let mut at = 0;
        self.pending.retain(|message| {
            at += 1;
            let last = if message.stream == Stream::Events {
                events
            } else {
                market
            };
            at <= from || last.is_none_or(|last| (next, message.index) > last)
        });
        self.next += 1;
        let tip = self.metrics.sequence.load(std::sync::atomic::Ordering::Relaxed);
        Metrics::set(&self.metrics.fanout_lag, (tip + 1).saturating_sub(self.next));
        if self.pending.len() >= CHUNK_MESSAGES {
            self.send().await?;
        }
        Ok(())
    }

    /// Whether the order path needs the machine: commands a second since the last look.
    fn is_busy(&mut self) -> bool {
        let (before, since) = self.looked;
        if since.elapsed() > LOAD_WINDOW {
            let now = self.metrics.commands.load(std::sync::atomic::Ordering::Relaxed);
            self.busy = (now - before.min(now)) as f64 / since.elapsed().as_secs_f64() > BUSY_COMMANDS_PER_SECOND;
            self.looked = (now, Instant::now());
        }
        self.busy
    }

    /// Publishes what is pending, at the rate allowed; the last of each stream is acknowledged.
    async fn send(&mut self) -> Result<(), Fault> {
        let messages = std::mem::take(&mut self.pending);
        for chunk in messages.chunks(CHUNK_MESSAGES) {
            let now = Instant::now();
            // A short silence may be made up for, a long one may not.
            self.allowed = self.allowed.max(now - Duration::from_millis(50));
            if self.allowed > now {
                tokio::time::sleep(self.allowed - now).await;
            }
            let rate = if self.is_busy() {
                self.rate
            } else {
                self.rate * QUIET_FACTOR
            };
            self.allowed += Duration::from_nanos(1_000_000_000 / rate) * chunk.len() as u32;
            for stream in [Stream::Events, Stream::MarketData] {
                let last = chunk.iter().rposition(|m| m.stream == stream);
                for (at, message) in chunk.iter().enumerate() {
                    if message.stream != stream {
                        continue;
                    }
                    let mut headers = HeaderMap::new();
                    headers.insert(NATS_MESSAGE_ID, format!("{}:{}", message.sequence, message.index));
                    let (subject, payload) = (message.subject.clone(), Bytes::copy_from_slice(&message.payload));
                    if Some(at) != last {
                        let sent = self.client.publish_with_headers(subject, headers, payload).await;
                        sent.map_err(|e| nats("fan-out")(e.into()))?;
                    } else {
                        let request = Request::new()
                            .payload(payload)
                            .headers(headers)
                            .timeout(Some(ACK_TIMEOUT));
                        let ack = self.client.send_request(subject, request).await;
                        let ack = ack.map_err(|e| nats("fan-out")(e.into()))?;
                        if ack.payload.windows(7).any(|w| w == b"\"error\"") {
                            let text = String::from_utf8_lossy(&ack.payload).into_owned();
                            return Err(Fault::Nats(format!("fan-out refused: {text}")));
                        }
                    }
                }
            }
            Metrics::add(&self.metrics.fanout_messages, chunk.len() as u64);
        }
        Ok(())
    }
}

async fn last_id(context: &Context, name: &str) -> Result<Last, Fault> {
    let stream = context
        .get_stream(name)
        .await
        .map_err(|e| nats("fan-out stream")(e.into()))?;
    let last = stream.cached_info().state.last_sequence;
    if stream.cached_info().state.messages == 0 {
        return Ok(None);
    }
    let message = stream
        .direct_get(last)
        .await
        .map_err(|e| nats("fan-out stream's last message")(e.into()))?;
    let id = message
        .headers
        .get(NATS_MESSAGE_ID)
        .map(|id| id.as_str().to_owned())
        .unwrap_or_default();
    Ok(id
        .split_once(':')
        .and_then(|(sequence, index)| Some((sequence.parse().ok()?, index.parse().ok()?))))
}
