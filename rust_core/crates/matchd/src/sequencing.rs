//! Sequencing, one iteration of the leader's loop: accept requests, apply their commands to the open batch,
//! publish the batch as one record.
use crate::crash;
use crate::in_flight::{Append, InFlight};
use crate::journal_space::Purpose;
use crate::leader::Leader;
use crate::metrics::Metrics;
use crate::pending::{PendingCommand, ResultSlot};
use crate::segment::hex;
use crate::settings::{JOURNAL_ALARM_PERCENT, QUOTES_SHARE_BYTES, SNAPSHOT_PAUSE};
use crate::trace::{self, Traced};
use async_nats::Message;
use bytes::Bytes;
use cift_daemon::log::{self, Level};
use cift_engine::{Command, Outcome, Refusal};
use cift_wire::limits::BATCH_CLOSES_AT_BYTES;
use cift_wire::text::uuid_text;
use cift_wire::{encode_results, CommandBatch, CommandResult, Meta, Status};
use futures_util::FutureExt;
use serde_json::json;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::Ordering;
use std::time::Instant;

/// The reply that rejects every command of a request with `reason`. A request that cannot be decoded gets
/// one result.
pub(crate) fn reject_all(message: &Message, reason: &str) -> Bytes {
    let count = CommandBatch::open(&message.payload)
        .and_then(|batch| batch.for_each(|_| {}))
        .unwrap_or(1);
    encode_results(&vec![CommandResult::unsequenced(Status::Unavailable, reason); count]).into()
}

impl Leader {
    /// Adds a message to the inbox; [`Leader::enforce_queue_limits`] bounds it.
    pub(crate) fn accept(&mut self, message: Message) {
        self.traces.received(&message);
        self.inbox.push(message);
    }

    /// Applies pending work until the open batch is large enough or no work is left.
    pub(crate) fn fill_batch(&mut self) {
        self.enforce_queue_limits();
        loop {
            if self.batch.bytes() >= BATCH_CLOSES_AT_BYTES || self.panicked.is_some() {
                return;
            }
            if self.replica.engine.needs_continue() {
                self.apply(&Meta::default(), &Command::Continue, None);
            } else if self.batch.is_empty() && self.deadline_due() {
                // A deadline that has passed is applied before the commands that arrived after it.
                self.apply(&Meta::default(), &Command::AdvanceTime, None);
            } else if let Some(pending) = self.requests.commands.pop_front() {
                if self.quarantine.has(&pending.command) {
                    self.reject_command(&pending, "command_quarantined");
                } else if self.has_space(&pending.command) {
                    self.apply_or_conflate(pending);
                } else {
                    self.reject_command(&pending, "journal_full");
                    self.set_journal_alarm(true);
                }
            } else if let Some(message) = self.inbox.pop() {
                self.decode(message);
            } else {
                return;
            }
        }
    }

    /// Rejects the newest requests while the inbox is over its limits. Older requests keep their position.
    fn enforce_queue_limits(&mut self) {
        while self.inbox.len() > self.settings.queue_requests || self.inbox.bytes() > self.settings.queue_bytes {
            let Some(message) = self.inbox.pop_newest() else { return };
            self.reject(message, "queue_full");
        }
    }

    fn reject(&mut self, message: Message, reason: &str) {
        let rejection = reject_all(&message, reason);
        Metrics::add(&self.metrics.unavailable, 1);
        self.rejections
            .extend(message.reply.map(|reply_to| (reply_to, rejection)));
    }

    /// Decodes a request into pending commands. Commands that must not be sequenced get their result here.
    fn decode(&mut self, message: Message) {
        let mut commands = Vec::new();
        let decoded = CommandBatch::open(&message.payload)
            .and_then(|batch| batch.for_each(|envelope| commands.push(PendingCommand::new(None, &envelope))));
        if let Err(error) = decoded {
            log::warn("malformed request", json!({"reason": error.to_string()}));
            return self.reject(message, "malformed_request");
        }
        let now = log::wall_clock_ns();
        let number = self.requests.open(message.reply, commands.len());
        if commands.is_empty() {
            return self.reply_without_record(number);
        }
        let mut completed = None;
        for (index, mut pending) in commands.into_iter().enumerate() {
            pending.slot = Some((number, index));
            let rejection = match pending.command {
                Command::EngineStarted { .. } | Command::AdvanceTime | Command::Continue => Some("internal_command"),
                _ if pending.expires_at != 0 && pending.expires_at < now => Some("expired"),
                _ => None,
            };
            match rejection {
                None => self.requests.commands.push_back(pending),
                Some(reason) => {
                    Metrics::add(&self.metrics.unavailable, 1);
                    log_command(Level::Info, "rejected before sequencing", &pending.meta(), reason);
                    self.traces.rejected(&pending.meta(), reason);
                    let result = CommandResult::unsequenced(Status::Unavailable, reason);
                    completed = self.requests.set_result(pending.slot, result).or(completed);
                }
            }
        }
        if let Some(number) = completed {
            self.reply_without_record(number);
        }
    }

    /// Whether the journal has space for a command of this kind (`journal_space`).
    fn has_space(&self, command: &Command) -> bool {
        let open_orders = self.replica.engine.open_orders();
        self.space.has(Purpose::of(command), self.batch.bytes(), open_orders)
    }

    fn reject_command(&mut self, pending: &PendingCommand, reason: &str) {
        Metrics::add(&self.metrics.unavailable, 1);
        log_command(Level::Info, "rejected before sequencing", &pending.meta(), reason);
        self.traces.rejected(&pending.meta(), reason);
        let result = CommandResult::unsequenced(Status::Unavailable, reason);
        if let Some(number) = self.requests.set_result(pending.slot, result) {
            self.reply_without_record(number);
        }
    }

    /// Queues the reply to a request whose last result is not in a record.
    fn reply_without_record(&mut self, number: usize) {
        self.rejections.extend(self.requests.reply(number));
        self.requests.close(number);
    }

    /// Applies a command. An outside quote is kept until the batch closes, so that it comes after the
    /// orders and a newer quote can supersede it.
    fn apply_or_conflate(&mut self, pending: PendingCommand) {
        match pending.command {
            Command::OutsideQuote {
                feed,
                symbol,
                source_sequence,
                ..
            } => {
                if let Some(superseded) = self.quotes.insert(feed, symbol, source_sequence, pending) {
                    Metrics::add(&self.metrics.conflated, 1);
                    self.complete_conflated(superseded.slot);
                }
            }
            Command::OutsideTrade { feed, symbol, .. } => {
                if let Some(quote) = self.quotes.take(feed, symbol) {
                    self.apply_pending(&quote);
                }
                if self.replica.engine.needs_continue() {
                    // The rest of the quote's work comes first.
                    self.requests.commands.push_front(pending);
                } else {
                    self.apply_pending(&pending);
                }
            }
            _ => self.apply_pending(&pending),
        }
    }

    /// Sets the result of a superseded quote: done with reason `conflated`. It is sent with the open batch.
    fn complete_conflated(&mut self, slot: ResultSlot) {
        let done = Outcome::Done {
            order: None,
            affected: 0,
        };
        let record = self.replica.sequence + 1;
        let mut result = CommandResult::sequenced(&done, record, 0, self.replica.timestamp);
        result.reason = "conflated".into();
        if let Some(number) = self.requests.set_result(slot, result) {
            self.batch_completed.push(number);
        }
    }

    fn apply_pending(&mut self, pending: &PendingCommand) {
        self.apply(&pending.meta(), &pending.command, pending.slot);
    }

    /// Applies a command to the open batch. If the batch is empty, this starts it and takes its time.
    fn apply(&mut self, meta: &Meta<'_>, command: &Command, slot: ResultSlot) {
        let record = self.replica.sequence + 1;
        if self.batch.is_empty() {
            let now = self.now();
            self.batch.begin(now, self.replica.engine.sequence() + 1);
        }
        let engine = &mut self.replica.engine;
        let before = self.batch.events().len();
        let tracing = self.traces.begin(meta, engine);
        let batch = &mut self.batch;
        let applied = catch_unwind(AssertUnwindSafe(|| {
            crash::panic_on(command);
            batch.apply(engine, meta, command)
        }));
        let Ok((sequence, outcome)) = applied else {
            return self.panicked_on(meta, command);
        };
        if let Some(tracing) = tracing {
            let engine = &mut self.replica.engine;
            self.traces.applied(tracing, command, &outcome, sequence > 0, engine);
        }
        let engine = &mut self.replica.engine;
        if sequence == 0 {
            return self.reply_without_trace(meta, &outcome, slot);
        }
        self.replica
            .accounts
            .note(record, command, &self.batch.events()[before..]);
        // The last `Continue` has the result of the command that needed it.
        let slot = match self.continued {
            Some((slot, _)) if matches!(command, Command::Continue) => slot,
            _ => slot,
        };
        if engine.needs_continue() {
            self.continued.get_or_insert((slot, record));
            return;
        }
        self.continued = None;
        if log::enabled(Level::Debug) {
            log_command(Level::Debug, "sequenced", meta, &format!("{outcome:?}"));
        }
        let mut result = CommandResult::sequenced(&outcome, record, sequence, self.batch.timestamp());
        if matches!(outcome, Outcome::Refused(_)) {
            result.order = engine.refused_order();
        }
        if let Some(number) = self.requests.set_result(slot, result) {
            self.batch_completed.push(number);
        }
    }

    /// The panic's own message is in the log already, from the standard hook.
    fn panicked_on(&mut self, meta: &Meta<'_>, command: &Command) {
        Metrics::add(&self.metrics.panics, 1);
        let hash = hex(&self.quarantine.add(command));
        log_command(
            Level::Error,
            "the engine panicked on a command, which is quarantined",
            meta,
            &hash,
        );
        self.panicked = Some(format!("on command {hash}, which is quarantined: {command:?}"));
    }

    /// Sets the result of a command that left no trace in the engine. The reply goes out with the open batch,
    /// whose state the result may show, or after a proof of leadership.
    fn reply_without_trace(&mut self, meta: &Meta<'_>, outcome: &Outcome, slot: ResultSlot) {
        Metrics::add(&self.metrics.untraced, 1);
        if log::enabled(Level::Debug) {
            log_command(Level::Debug, "not sequenced", meta, &format!("{outcome:?}"));
        }
        // A first result is in this record or in one before it.
        let record = match outcome {
            Outcome::Repeated { .. } => self.replica.sequence + u64::from(!self.batch.is_empty()),
            _ => 0,
        };
        let mut result = CommandResult::sequenced(outcome, record, 0, self.now());
        if *outcome == Outcome::Refused(Refusal::IdempotencyConflict) {
            result.order = self.replica.engine.refused_order();
        }
        if let Some(number) = self.requests.set_result(slot, result) {
            self.reply_without_record(number);
        }
    }

    /// Closes the open batch and appends it as one record, if it is not empty and no record is in flight.
    pub(crate) fn publish(&mut self) {
        if self.in_flight.is_some() {
            return;
        }
        self.flush_quotes();
        if self.batch.is_empty() {
            return;
        }
        let expected = self.replica.sequence;
        let snapshot_due = self.snapshot_due();
        let state = snapshot_due.then(|| {
            let (hash, state) = self.replica.state();
            (hash, state.to_vec())
        });
        let state_hash = state.as_ref().map(|(hash, _)| *hash);
        let record = self
            .batch
            .encode(self.replica.rules, self.replica.epoch, self.replica.hash, state_hash);
        let record = Bytes::from(record);
        self.replica.advance(expected + 1, &self.batch);
        self.replica.hash = cift_wire::blake3(&record);
        let snapshot = state.map(|(_, state)| (self.journal_position(expected + 1, self.replica.hash), state));
        if snapshot.is_some() {
            self.snapshot_sequence = expected + 1;
            self.snapshot_at = Instant::now();
            self.snapshot_journal_bytes = self.space.used;
        }
        crash::point("before_publish");
        let traced = self.traces.take_batch();
        let contexts: Vec<_> = traced.iter().map(Traced::context).collect();
        let append = self
            .journal
            .append(record.clone(), expected, self.settings.append_timeout(), &contexts);
        let mut append: Append = Box::pin(append);
        // The first poll sends the record. The journal writes it while the replies are encoded and the next
        // batch fills. The connection's thread may have the PubAck before this poll returns.
        if let Some(result) = append.as_mut().now_or_never() {
            append = Box::pin(std::future::ready(result));
        }
        crash::point("after_publish_before_ack");
        self.space
            .add(record.len() + trace::header_bytes(contexts.len()), expected);
        self.update_journal_alarm();
        let completed = std::mem::take(&mut self.batch_completed);
        let mut replies = std::mem::take(&mut self.batch_replies);
        replies.extend(completed.iter().filter_map(|&number| self.requests.reply(number)));
        self.in_flight = Some(InFlight {
            append,
            sequence: expected + 1,
            commands: self.batch.len(),
            refused: self
                .batch
                .entries()
                .filter(|e| matches!(e.outcome, Outcome::Refused(_)))
                .count() as u64,
            record,
            completed,
            replies,
            snapshot,
            since: Instant::now(),
            published_ns: if traced.is_empty() { 0 } else { log::wall_clock_ns() },
            traced,
        });
        std::mem::swap(&mut self.batch, &mut self.spare_batch);
        self.batch.begin(0, 0);
    }

    /// Whether a deadline of the engine has passed. False while the journal is full.
    fn deadline_due(&mut self) -> bool {
        let now = self.now();
        let has_space = self.has_space(&Command::AdvanceTime);
        let due = |deadline: i64| deadline <= now;
        has_space && self.replica.engine.next_deadline().is_some_and(due)
    }

    fn flush_quotes(&mut self) {
        if self.quotes.is_empty() || self.replica.engine.needs_continue() {
            return;
        }
        let quotes: Vec<PendingCommand> = self.quotes.drain().collect();
        for (index, quote) in quotes.iter().enumerate() {
            let full = self.batch.bytes() >= BATCH_CLOSES_AT_BYTES + QUOTES_SHARE_BYTES;
            if self.replica.engine.needs_continue() || full {
                // The other quotes go into the next record, before newer commands.
                for quote in quotes[index..].iter().rev() {
                    self.requests.commands.push_front(quote.clone());
                }
                return;
            }
            self.apply_pending(quote);
        }
    }

    fn snapshot_due(&self) -> bool {
        if self.replica.engine.needs_continue() {
            return false; // the state in the middle of a command is not stored
        }
        let due = self.replica.sequence + 1 - self.snapshot_sequence >= self.settings.snapshot_records
            || self.space.used.saturating_sub(self.snapshot_journal_bytes) >= self.settings.snapshot_bytes;
        // A cut needs a snapshot behind it.
        let needed = self.journal_alarm
            && self.journal.archive.is_some()
            && self.replica.sequence > self.snapshot_sequence
            && self.snapshot_at.elapsed() > SNAPSHOT_PAUSE;
        (due || needed) && !self.snapshot_running.swap(true, Ordering::AcqRel)
    }

    fn update_journal_alarm(&mut self) {
        // An alarm of a refusal stays until the journal was cut. The size of a record is only known when it is packed,
        // so in a small journal an order may be refused before the percentage is reached.
        let percent = self.space.used_percent(self.replica.engine.open_orders());
        let limit = if self.journal_alarm {
            JOURNAL_ALARM_PERCENT / 2
        } else {
            JOURNAL_ALARM_PERCENT
        };
        self.set_journal_alarm(percent >= limit);
    }

    fn set_journal_alarm(&mut self, alarm: bool) {
        if alarm && !self.journal_alarm {
            log::error(
                "the journal is nearly full",
                json!({"bytes": self.space.used, "max_bytes": self.space.max}),
            );
        }
        self.journal_alarm = alarm;
    }
}

fn log_command(level: Level, message: &str, meta: &Meta<'_>, detail: &str) {
    if log::enabled(level) {
        let fields = json!({
            "trace_id": uuid_text(meta.trace).replace('-', ""),
            "client_order_id": meta.client_order_id,
            "detail": detail,
        });
        log::write(level, message, fields);
    }
}
