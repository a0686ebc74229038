//! The fan-out: the leader publishes UPDATES from the journal, one message for each record that changed something
//! for clients.
//!
//! It runs in its own task on its own connection at a bounded rate. It may lag, but it does not slow the
//! order path. The leader queues each acknowledged record for it; records that did not fit into the queue
//! are read from the journal.
//!
//! It resumes after the last update in the stream. Books, open orders and bars at that record come from a snapshot
//! and the journal after it, so what it publishes does not depend on restarts. If the stream is gone, it publishes a
//! bounded number of records again. Each update names the update before it, so a reader notices a missing one.
//! Publishes are pipelined: only the last message of a chunk waits for its PubAck. On one connection and one
//! stream that PubAck confirms the messages before it.
use crate::fault::{nats, Fault};
use crate::journal::{connect, Journal};
use crate::metrics::Metrics;
use crate::minute_bars::MINUTE_NS;
use crate::projection::Projector;
use crate::settings::{Settings, FANOUT_REBUILD_RECORDS};
use crate::snapshot;
use crate::trace;
use async_nats::header::{HeaderMap, NATS_MESSAGE_ID};
use async_nats::jetstream;
use async_nats::{Client, Request};
use bytes::Bytes;
use cift_daemon::log;
use cift_daemon::trace::{Context as TraceContext, Kind, Span, Tracer};
use cift_wire::update::{self, Item, ItemId, UpdateHeader};
use cift_wire::{subject, Record};
use futures_util::StreamExt;
use serde_json::json;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// Items between two acknowledgements.
const CHUNK_ITEMS: usize = 500;
/// Bytes of the items of one message. The items of a larger record are published as several.
const MESSAGE_BYTES: usize = 1024 * 1024;
const ACK_TIMEOUT: Duration = Duration::from_secs(5);
/// Factor on the rate while the order path is not busy.
const IDLE_RATE_FACTOR: u64 = 5;
const BUSY_COMMANDS_PER_SECOND: f64 = 20_000.0;
const LOAD_WINDOW: Duration = Duration::from_millis(250);
/// How long after a minute its bars are published while no record arrives. By then the records of the minute have
/// arrived.
const BARS_GRACE_NS: i64 = 1_000_000_000;
const BARS_CHECK: Duration = Duration::from_millis(250);

pub struct AcknowledgedRecord {
    pub sequence: u64,
    pub record: Bytes,
    /// Of its traced commands.
    pub traces: Vec<TraceContext>,
}

/// One message to publish.
struct Update {
    last: ItemId,
    items: usize,
    payload: Vec<u8>,
    /// Of the traced commands of its record, and when it was queued.
    traces: Vec<TraceContext>,
    queued_ns: i64,
}

struct Fanout<'a> {
    /// Publishes. The journal is read over the leader's connection.
    client: Client,
    subject: String,
    journal: &'a Journal,
    metrics: &'a Metrics,
    tracer: Option<Tracer>,
    projector: Projector,
    items: Vec<Item<Vec<u8>>>,
    pending: Vec<Update>,
    pending_items: usize,
    /// Id up to which everything is published or pending.
    last: ItemId,
    rate: u64,
    next_send_at: Instant,
    /// Number of sequenced commands at the last measurement of the load, and its time.
    measured: (u64, Instant),
    busy: bool,
}

/// Runs until the channel closes at the end of the term. `tip` is the last record before the term's own.
pub async fn run(
    settings: Settings,
    journal: Journal,
    metrics: Arc<Metrics>,
    tip: u64,
    mut records: mpsc::Receiver<AcknowledgedRecord>,
    tracer: Option<Tracer>,
) {
    while !(records.is_closed() && records.is_empty()) {
        let result = match Fanout::open(&settings, &journal, &metrics, tip).await {
            Ok(mut fanout) => {
                fanout.tracer.clone_from(&tracer);
                fanout.publish_records(&mut records, tip).await
            }
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
        tip: u64,
    ) -> Result<Fanout<'a>, Fault> {
        let shard = &settings.daemon.shard;
        let (client, _) = connect(settings, "matchd fan-out").await?;
        let last = last_update(&client, &subject::updates_stream(shard)).await?;
        // A stream that is gone is filled again over a bounded number of records.
        let resume = match last {
            Some(header) => header.record,
            None => tip.saturating_sub(FANOUT_REBUILD_RECORDS),
        };
        let projector = projector_at(journal, shard, resume).await?;
        Ok(Fanout {
            client,
            subject: subject::updates(shard),
            journal,
            metrics,
            tracer: None,
            // A stream that is gone begins after the state: what follows is complete.
            last: last.map_or(projector.last_id(), |header| {
                if projector.record() > header.record {
                    projector.last_id()
                } else {
                    header.last
                }
            }),
            projector,
            items: Vec::new(),
            pending: Vec::new(),
            pending_items: 0,
            rate: settings.fanout_rate.max(1),
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
            let received = tokio::time::timeout(BARS_CHECK, records.recv()).await;
            let Ok(received) = received else {
                self.end_bars_of_quiet_minute();
                continue;
            };
            let Some(acknowledged) = received else {
                return self.send().await;
            };
            self.catch_up(acknowledged.sequence).await?;
            if acknowledged.sequence == self.projector.record() + 1 {
                self.add(&acknowledged.record, &acknowledged.traces).await?;
            }
        }
    }

    /// Reads the records before `end` that were not queued from the journal.
    async fn catch_up(&mut self, end: u64) -> Result<(), Fault> {
        let from = self.projector.record() + 1;
        if from >= end {
            return Ok(());
        }
        let journal = self.journal;
        let mut records = std::pin::pin!(journal.records(from, end - 1));
        while let Some(record) = records.next().await {
            self.add(&record?.1, &[]).await?;
        }
        Ok(())
    }

    /// Projects the next record. Sends the pending updates if they fill a chunk.
    async fn add(&mut self, record: &[u8], traces: &[TraceContext]) -> Result<(), Fault> {
        let sequence = self.projector.record() + 1;
        let unreadable = |e| Fault::Nats(format!("record {sequence} cannot be projected: {e}"));
        let record = Record::open(record).map_err(unreadable)?;
        let timestamp = record.header().map_err(unreadable)?.timestamp;
        self.end_bars(timestamp);
        self.projector
            .project(sequence, &record, &mut self.items)
            .map_err(unreadable)?;
        self.queue(timestamp, self.projector.last_id(), traces);
        let tip = self.metrics.sequence.load(Relaxed);
        Metrics::set(&self.metrics.fanout_lag, tip.saturating_sub(sequence));
        if self.pending_items >= CHUNK_ITEMS {
            self.send().await?;
        }
        Ok(())
    }

    /// Queues the bars that end before `now`.
    fn end_bars(&mut self, now: i64) {
        if self.projector.bars_ended(now) {
            let last = self.projector.end_bars(&mut self.items);
            self.queue(self.projector.minute_end(), last, &[]);
        }
    }

    fn end_bars_of_quiet_minute(&mut self) {
        if self.metrics.sequence.load(Relaxed) == self.projector.record() {
            self.end_bars(log::wall_clock_ns() - BARS_GRACE_NS);
        }
    }

    /// Queues the projected items that are not published yet; together they are complete up to `last`.
    fn queue(&mut self, timestamp: i64, last: ItemId, traces: &[TraceContext]) {
        let mut items = std::mem::take(&mut self.items);
        let published = self.last;
        items.retain(|item| item.id > published);
        let mut rest = items.as_slice();
        while !rest.is_empty() {
            let mut bytes = 0;
            let fitting = rest.iter().take_while(|item| {
                bytes += item.data.len() + 48;
                bytes <= MESSAGE_BYTES
            });
            let count = fitting.count().max(1);
            let (now, later) = rest.split_at(count);
            rest = later;
            let header = UpdateHeader {
                record: self.projector.record(),
                timestamp,
                previous: self.last,
                last: if rest.is_empty() { last } else { now[count - 1].id },
            };
            self.last = header.last;
            self.pending_items += count;
            self.pending.push(Update {
                last: header.last,
                items: count,
                payload: update::encode(&header, now),
                traces: traces.to_vec(),
                queued_ns: if traces.is_empty() { 0 } else { log::wall_clock_ns() },
            });
        }
        items.clear();
        self.items = items;
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

    /// Publishes the pending updates at the allowed rate.
    async fn send(&mut self) -> Result<(), Fault> {
        let updates = std::mem::take(&mut self.pending);
        self.pending_items = 0;
        if updates.is_empty() {
            return Ok(());
        }
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
        let items: usize = updates.iter().map(|update| update.items).sum();
        self.next_send_at += Duration::from_nanos(1_000_000_000 * items as u64 / rate);
        let count = updates.len();
        for (at, update) in updates.into_iter().enumerate() {
            self.publish(update, at + 1 == count).await?;
        }
        Metrics::add(&self.metrics.fanout_messages, items as u64);
        Ok(())
    }

    async fn publish(&self, update: Update, wait_for_ack: bool) -> Result<(), Fault> {
        let mut headers = HeaderMap::new();
        headers.insert(
            NATS_MESSAGE_ID,
            format!("{}:{}", update.last.command, update.last.index),
        );
        self.trace(&update, &mut headers);
        let (subject, payload) = (self.subject.clone(), Bytes::from(update.payload));
        if !wait_for_ack {
            let sent = self.client.publish_with_headers(subject, headers, payload).await;
            return sent.map_err(|e| nats("cannot publish an update")(e.into()));
        }
        let request = Request::new()
            .payload(payload)
            .headers(headers)
            .timeout(Some(ACK_TIMEOUT));
        let ack = self.client.send_request(subject, request).await;
        let ack = ack.map_err(|e| nats("no PubAck from the stream of updates")(e.into()))?;
        if ack.payload.windows(7).any(|w| w == b"\"error\"") {
            let text = String::from_utf8_lossy(&ack.payload).into_owned();
            return Err(Fault::Nats(format!("the stream of updates rejected a message: {text}")));
        }
        Ok(())
    }

    /// Adds the trace contexts of an update to its headers, with a span each from its queue to the stream.
    fn trace(&self, update: &Update, headers: &mut HeaderMap) {
        let Some(tracer) = &self.tracer else { return };
        let ended_ns = if update.traces.is_empty() {
            0
        } else {
            log::wall_clock_ns()
        };
        let mut contexts = Vec::new();
        for parent in &update.traces {
            let context = TraceContext {
                trace: parent.trace,
                span: tracer.new_id(),
            };
            contexts.push(context);
            tracer.record(Span {
                name: "publish update".into(),
                context,
                parent: parent.span,
                kind: Kind::Producer,
                started_ns: update.queued_ns,
                ended_ns,
                attributes: vec![("cift.items", update.items.to_string())],
                error: None,
            });
        }
        trace::append_to(headers, &contexts);
    }
}

/// The last update in the stream.
async fn last_update(client: &Client, name: &str) -> Result<Option<UpdateHeader>, Fault> {
    let stream = jetstream::new(client.clone())
        .get_stream(name)
        .await
        .map_err(|e| nats("cannot open the stream of updates")(e.into()))?;
    let state = &stream.cached_info().state;
    if state.messages == 0 {
        return Ok(None);
    }
    let message = stream
        .direct_get(state.last_sequence)
        .await
        .map_err(|e| nats("cannot read the last update")(e.into()))?;
    let header = update::decode(&message.payload, |_| {});
    header
        .map(Some)
        .map_err(|e| Fault::Nats(format!("the last update cannot be read: {e}")))
}

/// The state after record `sequence`: of a snapshot, and of the records after it.
async fn projector_at(journal: &Journal, shard: &str, sequence: u64) -> Result<Projector, Fault> {
    let mut replica = snapshot::restore_up_to(journal, shard, sequence).await?;
    if replica.sequence == 0 && journal.tail().await?.first > 1 {
        // The journal was cut after that record. What was not published before is a gap that readers notice.
        replica = snapshot::restore_newest(journal, shard).await?;
    }
    let mut projector = Projector::at(&replica.engine, replica.sequence, replica.timestamp);
    drop(replica);
    add_trades_of_minute(journal, &mut projector).await?;
    let mut discarded = Vec::new();
    let mut records = std::pin::pin!(journal.records(projector.record() + 1, sequence));
    while let Some(record) = records.next().await {
        let (at, record) = record?;
        let unreadable = |e| Fault::Nats(format!("record {at} cannot be projected: {e}"));
        let record = Record::open(&record).map_err(unreadable)?;
        let timestamp = record.header().map_err(unreadable)?.timestamp;
        if projector.bars_ended(timestamp) {
            projector.end_bars(&mut discarded);
        }
        projector.project(at, &record, &mut discarded).map_err(unreadable)?;
        discarded.clear();
    }
    Ok(projector)
}

/// Adds the trades of the minute in which the snapshot was taken.
async fn add_trades_of_minute(journal: &Journal, projector: &mut Projector) -> Result<(), Fault> {
    let minute = projector.minute_end() - MINUTE_NS;
    let mut records = Vec::new();
    let mut at = projector.record();
    while at > 0 {
        // A record that is no longer in the journal ends the search: the bar then begins with the oldest one.
        let Some(record) = journal.record(at).await? else { break };
        let header = Record::open(&record).and_then(|record| record.header());
        let header = header.map_err(|e| Fault::Nats(format!("record {at} cannot be read: {e}")))?;
        if header.timestamp < minute {
            break;
        }
        records.push(record);
        at -= 1;
    }
    for record in records.iter().rev() {
        projector
            .add_trades(record)
            .map_err(|e| Fault::Nats(format!("a record cannot be projected: {e}")))?;
    }
    Ok(())
}
