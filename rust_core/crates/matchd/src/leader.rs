//! One term of leadership: from the PubAck of `EngineStarted` until the first fault.
//!
//! The loop has one record in flight while it applies commands to the open batch. `replica` is the
//! *applied* state.
//!
//! Invariant: a reply or query answer is attached to the record whose state it shows, and is sent after
//! that record's PubAck.
use crate::batch::Batch;
use crate::clock::Clock;
use crate::conflate::PendingQuotes;
use crate::crash;
use crate::fanout::AcknowledgedRecord;
use crate::fault::Fault;
use crate::health::Role;
use crate::in_flight::{append, InFlight};
use crate::inbox::Inbox;
use crate::journal::Journal;
use crate::journal_space::JournalSpace;
use crate::metrics::Metrics;
use crate::pending::{PendingRequests, ResultSlot};
use crate::quarantine::Quarantine;
use crate::replica::Replica;
use crate::settings::{Settings, QUERIES_PER_TURN, STOP_WITHIN, TICK};
use crate::trace::{Traced, Traces};
use async_nats::{Message, Subject, Subscriber};
use bytes::Bytes;
use cift_daemon::log;
use cift_daemon::trace::Tracer;
use cift_engine::Command;
use cift_wire::limits::BATCH_CLOSES_AT_BYTES;
use cift_wire::{subject, Meta};
use futures_util::{FutureExt, StreamExt};
use serde_json::json;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};

/// The state of one term.
pub struct Leader {
    pub(crate) settings: Settings,
    pub(crate) clock: Clock,
    pub(crate) quarantine: Quarantine,
    /// The engine panicked; its state must not be used.
    pub(crate) panicked: Option<String>,
    pub(crate) clock_alarm: bool,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) journal: Journal,
    pub(crate) replica: Replica,
    pub(crate) instance: String,
    pub(crate) fanout: mpsc::Sender<AcknowledgedRecord>,
    /// Messages from the subscription that are not decoded yet.
    pub(crate) inbox: Inbox,
    pub(crate) requests: PendingRequests,
    pub(crate) quotes: PendingQuotes,
    /// The open batch: applied, not published.
    pub(crate) batch: Batch,
    pub(crate) spare_batch: Batch,
    /// Numbers of the requests that the open batch completes.
    pub(crate) batch_completed: Vec<usize>,
    /// Replies that wait for the PubAck of the open batch.
    pub(crate) batch_replies: Vec<(Subject, Bytes)>,
    /// The applied command that still needs `Continue`, and the record in which it began.
    pub(crate) continued: Option<(ResultSlot, u64)>,
    pub(crate) in_flight: Option<InFlight>,
    pub(crate) space: JournalSpace,
    pub(crate) journal_alarm: bool,
    /// Sequence and size of the journal at the last snapshot.
    pub(crate) snapshot_sequence: u64,
    pub(crate) snapshot_journal_bytes: u64,
    pub(crate) snapshot_running: Arc<AtomicBool>,
    pub(crate) snapshot_at: Instant,
    /// A cut has made the stream smaller.
    pub(crate) cut_made: Arc<AtomicBool>,
    /// Rejections before sequencing that are not sent yet. They need a proof of leadership that starts
    /// after the request arrived: another leader would have received the request too, and may have accepted
    /// it.
    pub(crate) rejections: Vec<(Subject, Bytes)>,
    pub(crate) traces: Traces,
    last_iteration: Instant,
    /// Start of the last proof of leadership: an acknowledged append, or a journal tail that was ours.
    verified_at: Instant,
}

/// A term that ended without a fault.
pub struct Stopped;

/// What one wait of the loop received. A received command goes directly to the inbox.
#[derive(Default)]
struct Received {
    query: Option<Message>,
    owner_query: Option<Message>,
    acknowledged: Option<Result<u64, Fault>>,
}

/// The subscriptions of a leader.
struct Subscriptions {
    commands: Subscriber,
    queries: Subscriber,
    owner_queries: Subscriber,
}

impl Leader {
    /// Appends `EngineStarted{epoch + 1}` after the records that `replica` has replayed. Its PubAck settles
    /// every append that was in doubt.
    pub async fn start_term(
        settings: &Settings,
        metrics: Arc<Metrics>,
        journal: Journal,
        mut replica: Replica,
        instance: &str,
        fanout: mpsc::Sender<AcknowledgedRecord>,
        quarantine: Quarantine,
    ) -> Result<Leader, Fault> {
        let tail = journal.tail().await?;
        if tail.sequence != replica.sequence {
            return Err(Fault::LeadershipLost(format!(
                "record {} was appended during the recovery",
                tail.sequence
            )));
        }
        let epoch = replica.epoch + 1;
        let mut clock = Clock::start(replica.timestamp, log::wall_clock_ns());
        let mut batch = Batch::default();
        let mut space = JournalSpace::new(tail.bytes, settings.journal_max_bytes, &journal.subject);
        loop {
            batch.begin(clock.now().max(replica.timestamp), replica.engine.sequence() + 1);
            // Work that the last leader left for `Continue` comes first, in as many records as it needs.
            while replica.engine.needs_continue() && batch.bytes() < BATCH_CLOSES_AT_BYTES {
                let (batch, engine) = (&mut batch, &mut replica.engine);
                let applied = catch_unwind(AssertUnwindSafe(|| {
                    batch.apply(engine, &Meta::default(), &Command::Continue)
                }));
                if applied.is_err() {
                    return Err(Fault::Halt(format!(
                        "the engine panics when it continues the last command of record {}",
                        replica.sequence
                    )));
                }
            }
            let last = !replica.engine.needs_continue();
            if last {
                batch.apply(&mut replica.engine, &Meta::default(), &Command::EngineStarted { epoch });
            }
            let record = Bytes::from(batch.encode(replica.rules, epoch, replica.hash, None));
            let sequence = journal
                .append(record.clone(), replica.sequence, settings.append_timeout(), &[])
                .await?;
            for entry in batch.entries() {
                replica.accounts.note(sequence, entry.command, entry.events);
            }
            replica.advance(sequence, &batch);
            replica.hash = cift_wire::blake3(&record);
            space.add(record.len(), sequence - 1);
            if last {
                break;
            }
        }
        replica.epoch = epoch;
        crash::point("after_engine_started");
        Ok(Leader {
            settings: settings.clone(),
            clock,
            quarantine,
            panicked: None,
            clock_alarm: false,
            metrics,
            journal,
            snapshot_sequence: replica.sequence,
            snapshot_journal_bytes: space.used,
            replica,
            instance: instance.to_owned(),
            fanout,
            inbox: Inbox::default(),
            requests: PendingRequests::default(),
            quotes: PendingQuotes::default(),
            batch: Batch::default(),
            spare_batch: Batch::default(),
            batch_completed: Vec::new(),
            batch_replies: Vec::new(),
            continued: None,
            in_flight: None,
            space,
            journal_alarm: false,
            snapshot_running: Arc::default(),
            snapshot_at: Instant::now(),
            cut_made: Arc::default(),
            rejections: Vec::new(),
            traces: Traces::default(),
            last_iteration: Instant::now(),
            verified_at: Instant::now(),
        })
    }

    /// Exports the spans of traced commands from now on.
    pub fn trace_with(&mut self, tracer: Option<Tracer>) {
        self.traces = Traces::new(tracer);
    }

    /// Serves until the first fault or until `stop`. After a fault it sends the replies that are still
    /// correct.
    pub async fn lead(mut self, stop: watch::Receiver<bool>) -> Result<Stopped, Fault> {
        Metrics::add(&self.metrics.terms, 1);
        Metrics::set(&self.metrics.leader, 1);
        self.metrics.health.set_role(Role::Leader);
        let end = self.run_loop(stop).await;
        Metrics::set(&self.metrics.leader, 0);
        self.metrics.health.set_role(Role::Recovering);
        if let Err(fault) = &end {
            self.abandon(fault).await;
        }
        end
    }

    async fn run_loop(&mut self, mut stop: watch::Receiver<bool>) -> Result<Stopped, Fault> {
        let mut subscriptions = self.subscribe().await?;
        self.announce_leadership().await;
        log::info(
            "leading",
            json!({"epoch": self.replica.epoch, "sequence": self.replica.sequence, "instance": self.instance}),
        );
        let mut broken = self.journal.broken.clone();
        let mut stopping_since: Option<Instant> = None;
        // The subscription to commands has ended.
        let mut drained = false;
        self.last_iteration = Instant::now();
        loop {
            let wait = self.time_to_next_deadline();
            let mut received = Received::default();
            let Subscriptions {
                commands,
                queries,
                owner_queries,
            } = &mut subscriptions;
            tokio::select! {
                biased;
                _ = broken.wait_for(|broken| *broken) => return Err(Fault::Nats("the connection broke".into())),
                result = append(&mut self.in_flight) => received.acknowledged = Some(result),
                message = commands.next(), if !drained => match message {
                    Some(message) => self.accept(message),
                    None => drained = true,
                },
                Some(message) = owner_queries.next() => received.owner_query = Some(message),
                Some(message) = queries.next() => received.query = Some(message),
                _ = stop.wait_for(|stop| *stop), if stopping_since.is_none() => {
                    stopping_since = Some(Instant::now());
                    log::info("stopping", json!({"waiting": self.inbox.len()}));
                    // Drain instead of dropping: the client still delivers messages that the server sent
                    // before it processed the end of the subscription, and they get a reply.
                    for subscription in [queries, owner_queries, commands] {
                        let _ = subscription.drain().await;
                    }
                }
                () = tokio::time::sleep(wait) => {}
            }
            self.handle(received, &mut subscriptions).await?;
            self.fill_batch();
            if let Some(text) = self.panicked.take() {
                return Err(self.end_after_panic(text).await);
            }
            self.send_rejections().await?;
            self.publish();
            self.update_gauges();
            if let Some(since) = stopping_since {
                let idle = drained && self.in_flight.is_none() && self.requests.is_empty() && self.inbox.is_empty();
                if idle || since.elapsed() > STOP_WITHIN {
                    return self.stop(idle).await;
                }
            }
        }
    }

    async fn subscribe(&self) -> Result<Subscriptions, Fault> {
        let (client, shard) = (&self.journal.client, &self.settings.daemon.shard);
        let subscribe =
            |name: String| async move { client.subscribe(name).await.map_err(|e| Fault::Nats(e.to_string())) };
        let subscriptions = Subscriptions {
            commands: subscribe(subject::command(shard)).await?,
            queries: subscribe(subject::query(shard)).await?,
            owner_queries: subscribe(subject::owner(shard)).await?,
        };
        client.flush().await.map_err(|e| Fault::Nats(e.to_string()))?;
        Ok(subscriptions)
    }

    /// Handles what one wait of the loop received: the PubAck first, then commands into the inbox, then
    /// queries. If the loop stalled, it verifies leadership before anything else is sent.
    async fn handle(&mut self, mut received: Received, subscriptions: &mut Subscriptions) -> Result<(), Fault> {
        let since_last_iteration = self.last_iteration.elapsed();
        if since_last_iteration > self.settings.stall() {
            Metrics::add(&self.metrics.stalls, 1);
            log::warn(
                "the loop stalled: reading the journal's tail",
                json!({"for_ms": since_last_iteration.as_millis() as u64}),
            );
            if let Some(result) = received.acknowledged.take() {
                self.acknowledge(result?).await?;
            }
            self.verify_leadership().await?;
        }
        self.last_iteration = Instant::now();
        self.metrics.health.heartbeat();
        if let Some(result) = received.acknowledged {
            self.acknowledge(result?).await?;
        }
        if self.cut_made.swap(false, Ordering::AcqRel) {
            self.verify_leadership().await?; // it reads the stream's new size too
        }
        while let Some(Some(message)) = subscriptions.commands.next().now_or_never() {
            self.accept(message);
        }
        // Commands may never leave the wait to the queries, so these have a share of each turn of their own.
        if received.query.is_none() {
            received.query = subscriptions.queries.next().now_or_never().flatten();
        }
        let queried = received.owner_query.is_some() || received.query.is_some();
        if queried && self.verified_at.elapsed() > self.settings.stall() {
            self.verify_leadership().await?;
        }
        if let Some(message) = received.owner_query {
            self.answer_owner_query(message).await;
        }
        for turn in 0..QUERIES_PER_TURN {
            let Some(message) = received.query.take() else { break };
            self.answer_query(message).await;
            if turn + 1 < QUERIES_PER_TURN {
                received.query = subscriptions.queries.next().now_or_never().flatten();
            }
        }
        Ok(())
    }

    /// The wait of the loop if no message arrives: until the next deadline of the engine, at most [`TICK`].
    fn time_to_next_deadline(&mut self) -> Duration {
        let now = self.now();
        match self.replica.engine.next_deadline() {
            // With a record in flight the PubAck wakes the loop, and due work goes into the next record.
            Some(deadline) if self.in_flight.is_none() => {
                Duration::from_nanos(deadline.saturating_sub(now).max(0) as u64).min(TICK)
            }
            _ => TICK,
        }
    }

    /// Proves that no other leader exists: the journal's tail is ours, and another leader appends before it
    /// subscribes. Waits first for the record in flight; its PubAck is valid however late it arrives.
    async fn verify_leadership(&mut self) -> Result<(), Fault> {
        if self.in_flight.is_some() {
            let sequence = append(&mut self.in_flight).await?;
            self.acknowledge(sequence).await?;
        }
        let started = Instant::now();
        let tail = self
            .journal
            .tail()
            .await
            .map_err(|fault| Fault::AppendInDoubt(fault.to_string()))?;
        if tail.sequence != self.replica.sequence {
            return Err(Fault::LeadershipLost(format!(
                "another leader appended record {}",
                tail.sequence
            )));
        }
        self.space.used = tail.bytes;
        self.verified_at = started;
        Ok(())
    }

    /// The time of the journal. Never before that of the last record.
    pub(crate) fn now(&mut self) -> i64 {
        self.clock.now().max(self.replica.timestamp)
    }

    /// The record in flight is not affected by a panic: its replies are sent after its PubAck.
    async fn end_after_panic(&mut self, text: String) -> Fault {
        if self.in_flight.is_some() {
            let settled = match append(&mut self.in_flight).await {
                Ok(sequence) => self.acknowledge(sequence).await,
                Err(fault) => Err(fault),
            };
            if let Err(fault) = settled {
                return fault;
            }
        }
        Fault::Panicked(text)
    }

    /// Sends pending rejections. Attaches them to the open batch: its PubAck proves that we still lead.
    /// Without a batch, re-reads the journal's tail first.
    async fn send_rejections(&mut self) -> Result<(), Fault> {
        if self.rejections.is_empty() {
            return Ok(());
        }
        if self.batch.is_empty() {
            self.verify_leadership().await?;
            for (reply_to, bytes) in std::mem::take(&mut self.rejections) {
                let _ = self.journal.client.publish(reply_to, bytes).await;
            }
        } else {
            self.batch_replies.append(&mut self.rejections);
        }
        Ok(())
    }

    /// Handles the PubAck of the record in flight: sends the replies that are attached to it.
    async fn acknowledge(&mut self, sequence: u64) -> Result<(), Fault> {
        let Some(done) = self.in_flight.take() else {
            return Ok(());
        };
        debug_assert_eq!(done.sequence, sequence);
        self.verified_at = self.verified_at.max(done.since);
        let m = &self.metrics;
        m.append.observe(done.since.elapsed().as_micros() as u64);
        m.batch.observe(done.commands as u64);
        Metrics::add(&m.records, 1);
        Metrics::add(&m.commands, done.commands as u64);
        Metrics::add(&m.refused, done.refused);
        crash::point("after_ack_before_reply");
        let acknowledged_ns = match done.traced.is_empty() {
            true => 0,
            false => log::wall_clock_ns(),
        };
        for (reply_to, bytes) in done.replies {
            // An error means that the connection is gone, which ends the term anyway.
            let _ = self.journal.client.publish(reply_to, bytes).await;
        }
        for number in done.completed {
            self.requests.close(number);
        }
        crash::point("after_reply");
        if !done.traced.is_empty() {
            let (published, traced) = (done.published_ns, &done.traced);
            self.traces.acknowledged(traced, sequence, published, acknowledged_ns);
        }
        // If the queue is full, the fan-out reads the record from the journal.
        let _ = self.fanout.try_send(AcknowledgedRecord {
            sequence,
            record: done.record,
            traces: done.traced.iter().map(Traced::context).collect(),
        });
        if let Some((position, state)) = done.snapshot {
            self.upload_snapshot(position, state);
        }
        Ok(())
    }
}
