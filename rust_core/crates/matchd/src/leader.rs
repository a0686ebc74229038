//! One term of leadership: from the PubAck of `EngineStarted` to the first doubt.
//!
//! The loop has one record in flight while the next one gathers and is applied. `replica` is the state *applied*;
//! `acknowledged` is how far the journal has it. What is told to anybody hangs on the record that it was seen in and
//! leaves when that record's PubAck is there.
use crate::batch::Batch;
use crate::conflate::Quotes;
use crate::crash;
use crate::fanout::Handoff;
use crate::fault::Fault;
use crate::health::Role;
use crate::in_flight::{append, InFlight};
use crate::journal::Journal;
use crate::metrics::Metrics;
use crate::query;
use crate::replica::Replica;
use crate::settings::{Settings, STOP_WITHIN, TICK};
use crate::snapshot::{self, Place};
use crate::work::{Desk, Ticket};
use async_nats::{Message, Subject, Subscriber};
use bytes::Bytes;
use cift_daemon::log;
use cift_engine::Command;
use cift_wire::limits::BATCH_CLOSES_AT_BYTES;
use cift_wire::{subject, Meta, RecordHash, Status};
use futures_util::{FutureExt, StreamExt};
use serde_json::json;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};

/// See the module's header.
pub struct Leader {
    pub(crate) settings: Settings,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) journal: Journal,
    pub(crate) replica: Replica,
    pub(crate) instance: String,
    pub(crate) handoff: mpsc::Sender<Handoff>,
    /// Messages taken from the subscription, not decoded yet.
    pub(crate) inbox: VecDeque<Message>,
    pub(crate) inbox_bytes: usize,
    pub(crate) desk: Desk,
    pub(crate) quotes: Quotes,
    /// The record that gathers: applied, not published.
    pub(crate) batch: Batch,
    pub(crate) spare: Batch,
    pub(crate) batch_finished: Vec<usize>,
    pub(crate) batch_answers: Vec<(Subject, Bytes)>,
    /// A command that was applied and needs `Continue`, and the record it began in.
    pub(crate) continued: Option<(Ticket, u64)>,
    pub(crate) in_flight: Option<InFlight>,
    pub(crate) journal_bytes: u64,
    pub(crate) journal_alarm: bool,
    pub(crate) snapshot_at: u64,
    pub(crate) snapshot_at_bytes: u64,
    pub(crate) snapshot_runs: Arc<std::sync::atomic::AtomicBool>,
    /// Definite noes of this turn. They leave with a proof that nobody else leads which began after they were asked
    /// for: another leader would have been asked too, and may have said yes.
    pub(crate) noes: Vec<(Subject, Bytes)>,
    last_turn: Instant,
    /// When the last proof began: an append that was acknowledged, or a tail that was ours.
    proven: Instant,
}

/// How a term ends without a fault.
pub struct Stopped;

impl Leader {
    /// Appends `EngineStarted{epoch + 1}` to what `replica` has replayed. Its PubAck settles whatever was in doubt.
    pub async fn begin(
        settings: &Settings,
        metrics: Arc<Metrics>,
        journal: Journal,
        mut replica: Replica,
        instance: &str,
        handoff: mpsc::Sender<Handoff>,
    ) -> Result<Leader, Fault> {
        let tail = journal.tail().await?;
        if tail.sequence != replica.sequence {
            return Err(Fault::Lost(format!("record {} came while recovering", tail.sequence)));
        }
        let epoch = replica.epoch + 1;
        let mut batch = Batch::default();
        let mut journal_bytes = tail.bytes;
        loop {
            batch.begin(
                replica.timestamp.max(log::wall_clock_ns()),
                replica.engine.sequence() + 1,
            );
            // What the last leader left to be continued comes first, in as many records as it takes.
            while replica.engine.needs_continue() && batch.bytes() < BATCH_CLOSES_AT_BYTES {
                batch.apply(&mut replica.engine, &Meta::default(), &Command::Continue);
            }
            let last = !replica.engine.needs_continue();
            if last {
                batch.apply(&mut replica.engine, &Meta::default(), &Command::EngineStarted { epoch });
            }
            let record = Bytes::from(batch.encode(replica.rules, epoch, replica.hash, None));
            let sequence = journal
                .append(record.clone(), replica.sequence, settings.append_timeout())
                .await?;
            for entry in batch.entries() {
                replica.accounts.note(sequence, entry.command, entry.events);
            }
            replica.advance(sequence, &batch);
            replica.hash = cift_wire::blake3(&record);
            journal_bytes += record.len() as u64;
            if last {
                break;
            }
        }
        replica.epoch = epoch;
        crash::point("after_engine_started");
        Ok(Leader {
            settings: settings.clone(),
            metrics,
            journal,
            snapshot_at: replica.sequence,
            snapshot_at_bytes: journal_bytes,
            replica,
            instance: instance.to_owned(),
            handoff,
            inbox: VecDeque::new(),
            inbox_bytes: 0,
            desk: Desk::default(),
            quotes: Quotes::default(),
            batch: Batch::default(),
            spare: Batch::default(),
            batch_finished: Vec::new(),
            batch_answers: Vec::new(),
            continued: None,
            in_flight: None,
            journal_bytes,
            journal_alarm: false,
            snapshot_runs: Arc::default(),
            noes: Vec::new(),
            last_turn: Instant::now(),
            proven: Instant::now(),
        })
    }

    /// Serves until the first doubt, or until `stop`. Answers on its way out what may be answered.
    pub async fn lead(mut self, stop: watch::Receiver<bool>) -> Result<Stopped, Fault> {
        Metrics::add(&self.metrics.terms, 1);
        Metrics::set(&self.metrics.leader, 1);
        self.metrics.health.becomes(Role::Leader);
        let end = self.serve(stop).await;
        Metrics::set(&self.metrics.leader, 0);
        self.metrics.health.becomes(Role::Recovering);
        if let Err(fault) = &end {
            self.abandon(fault).await;
        }
        end
    }

    async fn serve(&mut self, mut stop: watch::Receiver<bool>) -> Result<Stopped, Fault> {
        let client = self.journal.client.clone();
        let shard = self.settings.shard.clone();
        let subscribe = |name: String| {
            let client = client.clone();
            async move { client.subscribe(name).await.map_err(|e| Fault::Nats(e.to_string())) }
        };
        let mut commands = subscribe(subject::command(&shard)).await?;
        let mut queries = subscribe(subject::query(&shard)).await?;
        let mut owner = subscribe(subject::owner(&shard)).await?;
        client.flush().await.map_err(|e| Fault::Nats(e.to_string()))?;
        self.announce().await;
        log::info(
            "leading",
            json!({"epoch": self.replica.epoch, "sequence": self.replica.sequence, "instance": self.instance}),
        );
        let mut broken = self.journal.broken.clone();
        let mut stopping: Option<Instant> = None;
        // Nothing more comes from the subscription to commands.
        let mut drained = false;
        self.last_turn = Instant::now();
        loop {
            let deadline = self.until_deadline();
            let mut asked_query = None;
            let mut asked_owner = None;
            let mut acknowledged = None;
            tokio::select! {
                biased;
                _ = broken.wait_for(|broken| *broken) => return Err(Fault::Nats("the connection broke".into())),
                result = append(&mut self.in_flight) => acknowledged = Some(result),
                message = commands.next(), if !drained => match message {
                    Some(message) => self.accept(message),
                    None => drained = true,
                },
                Some(message) = owner.next() => asked_owner = Some(message),
                Some(message) = queries.next() => asked_query = Some(message),
                _ = stop.wait_for(|stop| *stop), if stopping.is_none() => {
                    stopping = Some(Instant::now());
                    log::info("stopping", json!({"waiting": self.inbox.len()}));
                    // Drained, not dropped: what the client still reads before it forgets them is answered.
                    for subscription in [&mut queries, &mut owner, &mut commands] {
                        let _ = subscription.drain().await;
                    }
                }
                () = tokio::time::sleep(deadline) => {}
            }
            if self.last_turn.elapsed() > self.settings.freeze() {
                Metrics::add(&self.metrics.frozen, 1);
                let for_ms = self.last_turn.elapsed().as_millis() as u64;
                log::warn("the loop stood still; reading the tail", json!({"for_ms": for_ms}));
                if let Some(result) = acknowledged.take() {
                    self.acknowledge(result?).await?;
                }
                self.reassure().await?;
            }
            self.last_turn = Instant::now();
            self.metrics.health.turned();
            if let Some(result) = acknowledged {
                self.acknowledge(result?).await?;
            }
            self.drain(&mut commands);
            let asked = asked_owner.is_some() || asked_query.is_some();
            if asked && self.proven.elapsed() > self.settings.freeze() {
                self.reassure().await?;
            }
            if let Some(message) = asked_owner {
                self.tell_owner(message).await;
            }
            while let Some(message) = asked_query.take() {
                self.answer(message).await;
                asked_query = queries.next().now_or_never().flatten();
            }
            self.fill();
            self.tell_noes().await?;
            self.publish();
            self.gauge();
            if let Some(since) = stopping {
                let idle = drained && self.in_flight.is_none() && self.desk.is_empty() && self.inbox.is_empty();
                if idle || since.elapsed() > STOP_WITHIN {
                    return self.stop(idle).await;
                }
            }
        }
    }

    /// The next wake-up without a message: a deadline of the engine, or the tick.
    fn until_deadline(&self) -> Duration {
        match self.replica.engine.next_deadline() {
            // One in flight: the ack wakes us, and what is due goes into the next record.
            Some(deadline) if self.in_flight.is_none() => {
                Duration::from_nanos(deadline.saturating_sub(log::wall_clock_ns()).max(0) as u64).min(TICK)
            }
            _ => TICK,
        }
    }

    fn drain(&mut self, commands: &mut Subscriber) {
        while let Some(Some(message)) = commands.next().now_or_never() {
            self.accept(message);
        }
    }

    /// Proves that nobody else leads: the tail of the journal is ours. Any other leader appends before it subscribes.
    /// A record of ours in flight is waited for first; its PubAck is true however late it is.
    async fn reassure(&mut self) -> Result<(), Fault> {
        if self.in_flight.is_some() {
            let sequence = append(&mut self.in_flight).await?;
            self.acknowledge(sequence).await?;
        }
        let begun = Instant::now();
        let tail = self
            .journal
            .tail()
            .await
            .map_err(|fault| Fault::Doubt(fault.to_string()))?;
        if tail.sequence != self.replica.sequence {
            return Err(Fault::Lost(format!("record {} was appended by another", tail.sequence)));
        }
        self.proven = begun;
        Ok(())
    }

    /// The noes of this turn: with the record that gathers, whose PubAck is the proof, or after a look at the tail.
    async fn tell_noes(&mut self) -> Result<(), Fault> {
        if self.noes.is_empty() {
            return Ok(());
        }
        if self.batch.is_empty() {
            self.reassure().await?;
            for (reply, bytes) in std::mem::take(&mut self.noes) {
                let _ = self.journal.client.publish(reply, bytes).await;
            }
        } else {
            self.batch_answers.append(&mut self.noes);
        }
        Ok(())
    }

    /// The PubAck of the record in flight: now what hangs on it may be told.
    async fn acknowledge(&mut self, sequence: u64) -> Result<(), Fault> {
        let Some(done) = self.in_flight.take() else {
            return Ok(());
        };
        debug_assert_eq!(done.sequence, sequence);
        self.proven = self.proven.max(done.since);
        let m = &self.metrics;
        m.append.observe(done.since.elapsed().as_micros() as u64);
        m.batch.observe(done.commands as u64);
        Metrics::add(&m.records, 1);
        Metrics::add(&m.commands, done.commands as u64);
        Metrics::add(&m.refused, done.refused);
        crash::point("after_ack_before_reply");
        for (reply, bytes) in done.replies {
            // Failing means the connection is gone, which ends the term by itself.
            let _ = self.journal.client.publish(reply, bytes).await;
        }
        for slot in done.finished {
            self.desk.close(slot);
        }
        crash::point("after_reply");
        // A full queue is no harm: the fan-out reads what it missed from the journal.
        let _ = self.handoff.try_send(Handoff {
            sequence,
            record: done.record,
        });
        if let Some((place, state)) = done.snapshot {
            self.upload(place, state);
        }
        Ok(())
    }

    fn upload(&self, place: Place, state: Vec<u8>) {
        let (journal, shard, metrics) = (
            self.journal.clone(),
            self.settings.shard.clone(),
            Arc::clone(&self.metrics),
        );
        let runs = Arc::clone(&self.snapshot_runs);
        tokio::spawn(async move {
            match snapshot::upload(&journal, &shard, place, state).await {
                Ok(bytes) => {
                    Metrics::set(&metrics.snapshot_sequence, place.sequence);
                    Metrics::set(&metrics.snapshot_bytes, bytes as u64);
                    log::info("snapshot stored", json!({"sequence": place.sequence, "bytes": bytes}));
                }
                Err(fault) => log::warn("snapshot not stored", json!({"reason": fault.to_string()})),
            }
            runs.store(false, std::sync::atomic::Ordering::Release);
        });
    }

    /// Tells callers that this leader answers: what they asked of the one before and have no answer to, they never
    /// will have. A caller who does not hear it waits for his own deadline.
    async fn announce(&self) {
        let words = json!({"epoch": self.replica.epoch, "instance": self.instance});
        let subject = subject::leading(&self.settings.shard);
        let _ = self.journal.client.publish(subject, words.to_string().into()).await;
    }

    async fn tell_owner(&self, message: Message) {
        let Some(reply) = message.reply else { return };
        let answer = json!({
            "epoch": self.replica.epoch,
            "instance": self.instance,
            "sequence": self.replica.sequence,
        });
        let _ = self.journal.client.publish(reply, answer.to_string().into()).await;
    }

    /// Answers a question from memory; the answer leaves with the record that it saw.
    async fn answer(&mut self, message: Message) {
        let Some(reply) = message.reply else { return };
        Metrics::add(&self.metrics.queries, 1);
        let view = query::View {
            replica: &self.replica,
            applying: self.replica.sequence + u64::from(!self.batch.is_empty()),
            now: self.replica.timestamp.max(log::wall_clock_ns()),
            journal_bytes: self.journal_bytes,
            journal_max_bytes: self.settings.journal_max_bytes,
            pending: self.inbox.len(),
        };
        let bytes = Bytes::from(query::answer(&view, &message.payload));
        if !self.batch.is_empty() {
            self.batch_answers.push((reply, bytes));
        } else if let Some(in_flight) = &mut self.in_flight {
            in_flight.replies.push((reply, bytes));
        } else {
            let _ = self.journal.client.publish(reply, bytes).await;
        }
    }

    /// The end of a term by a fault. Whoever lost says nothing: another may have answered, or will.
    async fn abandon(&mut self, fault: &Fault) {
        let in_doubt = self
            .in_flight
            .as_ref()
            .map_or(self.replica.sequence + 1, |f| f.sequence);
        let of_doubt = match fault {
            Fault::Lost(_) | Fault::Nats(_) | Fault::Halt(_) => return,
            Fault::Full => (Status::Unavailable, "journal_full"),
            Fault::Doubt(_) => (Status::Unknown, "outcome_unknown"),
        };
        let behind = if self.nobody_else(in_doubt).await {
            (Status::Unavailable, "engine_restarting")
        } else {
            (Status::Unknown, "outcome_unknown")
        };
        let mut replies = self.desk.abandon(in_doubt, of_doubt, behind, self.continued);
        if behind.0 == Status::Unavailable {
            for message in self.inbox.drain(..) {
                let refusal = crate::turn::refuse_all(&message, behind.1);
                replies.extend(message.reply.map(|reply| (reply, refusal)));
            }
        }
        let counter = if of_doubt.0 == Status::Unknown {
            &self.metrics.unknown
        } else {
            &self.metrics.unavailable
        };
        Metrics::add(counter, replies.len() as u64);
        let answer_all = async {
            for (reply, bytes) in replies {
                let _ = self.journal.client.publish(reply, bytes).await;
            }
            let _ = self.journal.client.flush().await;
        };
        let _ = tokio::time::timeout(Duration::from_secs(1), answer_all).await;
    }

    /// Whether the journal says that no other leader has begun: it ends before the record in doubt, or with it.
    async fn nobody_else(&self, in_doubt: u64) -> bool {
        let look = async {
            let tail = self.journal.tail().await.ok()?;
            if tail.sequence < in_doubt {
                return Some(tail.sequence + 1 == in_doubt);
            }
            let last = self.journal.record(in_doubt).await.ok()??;
            Some(tail.sequence == in_doubt && self.in_flight.as_ref().is_some_and(|f| f.record == last))
        };
        tokio::time::timeout(Duration::from_millis(500), look)
            .await
            .ok()
            .flatten()
            .unwrap_or(false)
    }

    /// A graceful end: everything taken in is answered; the state is kept.
    async fn stop(&mut self, idle: bool) -> Result<Stopped, Fault> {
        if idle {
            let place = self.place(self.replica.sequence, self.replica.hash);
            let (_, state) = self.replica.state();
            let state = state.to_vec();
            match snapshot::upload(&self.journal, &self.settings.shard, place, state).await {
                Ok(bytes) => log::info("final snapshot", json!({"sequence": place.sequence, "bytes": bytes})),
                Err(fault) => log::warn("final snapshot not stored", json!({"reason": fault.to_string()})),
            }
        } else {
            self.abandon(&Fault::Doubt("stopped".into())).await;
        }
        let _ = tokio::time::timeout(Duration::from_secs(1), self.journal.client.flush()).await;
        Ok(Stopped)
    }

    pub(crate) fn place(&self, sequence: u64, hash: RecordHash) -> Place {
        Place {
            sequence,
            hash,
            timestamp: self.replica.timestamp,
            epoch: self.replica.epoch,
            rules: self.replica.rules,
        }
    }

    fn gauge(&self) {
        let m = &self.metrics;
        Metrics::set(&m.epoch, self.replica.epoch);
        Metrics::set(&m.sequence, self.replica.sequence);
        Metrics::set(&m.journal_bytes, self.journal_bytes);
        Metrics::set(&m.journal_max_bytes, self.settings.journal_max_bytes);
        Metrics::set(&m.journal_alarm, u64::from(self.journal_alarm));
        Metrics::set(&m.queue_requests, self.inbox.len() as u64);
        Metrics::set(&m.queue_bytes, self.inbox_bytes as u64);
    }
}
