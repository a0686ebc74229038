//! One turn of the leader's loop: take in, apply, publish.
use crate::crash;
use crate::in_flight::{Append, InFlight};
use crate::leader::Leader;
use crate::metrics::Metrics;
use crate::settings::JOURNAL_ALARM_PERCENT;
use crate::work::{Item, Ticket};
use async_nats::Message;
use bytes::Bytes;
use cift_daemon::log::{self, Level};
use cift_engine::{Command, Outcome};
use cift_wire::limits::BATCH_CLOSES_AT_BYTES;
use cift_wire::text::uuid_text;
use cift_wire::{encode_results, CommandBatch, CommandResult, Meta, Status};
use futures_util::FutureExt;
use serde_json::json;
use std::sync::atomic::Ordering;
use std::time::Instant;

/// The same definite no for every command of a request (one, where it cannot be read).
pub(crate) fn refuse_all(message: &Message, reason: &str) -> Bytes {
    let count = CommandBatch::open(&message.payload)
        .and_then(|batch| batch.for_each(|_| {}))
        .unwrap_or(1);
    encode_results(&vec![CommandResult::unsequenced(Status::Unavailable, reason); count]).into()
}

impl Leader {
    /// Into the queue, or a definite no where it is full.
    pub(crate) fn accept(&mut self, message: Message) {
        self.inbox_bytes += message.payload.len();
        self.inbox.push_back(message);
    }

    /// Applies what waits, until the batch is large enough or nothing waits.
    pub(crate) fn fill(&mut self) {
        self.bound_queue();
        loop {
            if self.batch.bytes() >= BATCH_CLOSES_AT_BYTES {
                return;
            }
            if self.replica.engine.needs_continue() {
                self.apply(&Meta::default(), &Command::Continue, None);
            } else if self.batch.is_empty() && self.deadline_due() {
                // Time comes before what was asked after it.
                self.apply(&Meta::default(), &Command::AdvanceTime, None);
            } else if let Some(item) = self.desk.items.pop_front() {
                self.take(item);
            } else if let Some(message) = self.inbox.pop_front() {
                self.inbox_bytes -= message.payload.len();
                self.decode(message);
            } else {
                return;
            }
        }
    }

    /// Refuses what is beyond the queue's bounds: the newest, so that those who wait keep their place.
    fn bound_queue(&mut self) {
        while self.inbox.len() > self.settings.queue_requests || self.inbox_bytes > self.settings.queue_bytes {
            let Some(message) = self.inbox.pop_back() else { return };
            self.inbox_bytes -= message.payload.len();
            self.refuse(message, "queue_full");
        }
    }

    fn refuse(&mut self, message: Message, reason: &str) {
        let refusal = refuse_all(&message, reason);
        Metrics::add(&self.metrics.unavailable, 1);
        self.noes.extend(message.reply.map(|reply| (reply, refusal)));
    }

    /// A request becomes items; what must not be sequenced is settled here.
    fn decode(&mut self, message: Message) {
        let in_flight = self.in_flight.as_ref().map_or(0, |f| f.record.len());
        let wanted = self.journal_bytes + (self.batch.bytes() + in_flight + 4 * message.payload.len()) as u64;
        if wanted > self.settings.journal_usable_bytes() {
            return self.refuse(message, "journal_full");
        }
        let mut items = Vec::new();
        let read = CommandBatch::open(&message.payload)
            .and_then(|batch| batch.for_each(|envelope| items.push(Item::new(None, &envelope))));
        if let Err(error) = read {
            log::warn("unreadable request", json!({"reason": error.to_string()}));
            return self.refuse(message, "malformed_request");
        }
        let now = log::wall_clock_ns();
        let slot = self.desk.open(message.reply, items.len());
        if items.is_empty() {
            return self.reply_now(slot);
        }
        let mut settled = None;
        for (index, mut item) in items.into_iter().enumerate() {
            item.ticket = Some((slot, index));
            let refusal = match item.command {
                Command::EngineStarted { .. } | Command::AdvanceTime | Command::Continue => Some("internal_command"),
                _ if item.expires_at != 0 && item.expires_at < now => Some("expired"),
                _ => None,
            };
            match refusal {
                None => self.desk.items.push_back(item),
                Some(reason) => {
                    Metrics::add(&self.metrics.unavailable, 1);
                    trace(Level::Info, "refused before sequencing", &item.meta(), reason);
                    let result = CommandResult::unsequenced(Status::Unavailable, reason);
                    settled = self.desk.settle(item.ticket, result).or(settled);
                }
            }
        }
        if let Some(slot) = settled {
            self.reply_now(slot);
        }
    }

    /// A request of which nothing was sequenced: a definite no needs no record.
    fn reply_now(&mut self, slot: usize) {
        self.noes.extend(self.desk.reply(slot));
        self.desk.close(slot);
    }

    /// Quotes wait behind the orders of the batch; all else is applied.
    fn take(&mut self, item: Item) {
        match item.command {
            Command::OutsideQuote {
                feed,
                symbol,
                source_sequence,
                ..
            } => {
                if let Some(superseded) = self.quotes.put(feed, symbol, source_sequence, item) {
                    Metrics::add(&self.metrics.conflated, 1);
                    self.settle_conflated(superseded.ticket);
                }
            }
            Command::OutsideTrade { feed, symbol, .. } => {
                if let Some(quote) = self.quotes.take(feed, symbol) {
                    self.apply_item(&quote);
                }
                if self.replica.engine.needs_continue() {
                    // The quote's work comes first.
                    self.desk.items.push_front(item);
                } else {
                    self.apply_item(&item);
                }
            }
            _ => self.apply_item(&item),
        }
    }

    /// A superseded quote was never applied: done, with nothing to show for it, and told with this batch.
    fn settle_conflated(&mut self, ticket: Ticket) {
        let done = Outcome::Done {
            order: None,
            affected: 0,
        };
        let record = self.replica.sequence + 1;
        let mut result = CommandResult::sequenced(&done, record, 0, self.replica.timestamp);
        result.reason = "conflated".into();
        if let Some(slot) = self.desk.settle(ticket, result) {
            self.batch_finished.push(slot);
        }
    }

    fn apply_item(&mut self, item: &Item) {
        self.apply(&item.meta(), &item.command, item.ticket);
    }

    /// Applies to the gathering batch; begins it, with its time, where it is empty.
    fn apply(&mut self, meta: &Meta<'_>, command: &Command, ticket: Ticket) {
        let record = self.replica.sequence + 1;
        if self.batch.is_empty() {
            let now = self.replica.timestamp.max(log::wall_clock_ns());
            self.batch.begin(now, self.replica.engine.sequence() + 1);
        }
        let engine = &mut self.replica.engine;
        let before = self.batch.events().len();
        let (sequence, outcome) = self.batch.apply(engine, meta, command);
        self.replica
            .accounts
            .note(record, command, &self.batch.events()[before..]);
        // A command that needs Continue is settled by the last of them.
        let ticket = match self.continued {
            Some((ticket, _)) if matches!(command, Command::Continue) => ticket,
            _ => ticket,
        };
        if engine.needs_continue() {
            self.continued.get_or_insert((ticket, record));
            return;
        }
        self.continued = None;
        if log::enabled(Level::Debug) {
            trace(Level::Debug, "sequenced", meta, &format!("{outcome:?}"));
        }
        let result = CommandResult::sequenced(&outcome, record, sequence, self.batch.timestamp());
        if let Some(slot) = self.desk.settle(ticket, result) {
            self.batch_finished.push(slot);
        }
    }

    /// Closes the gathering batch and publishes it, if none is in flight and there is something to tell.
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
        let snapshot = state.map(|(_, state)| (self.place(expected + 1, self.replica.hash), state));
        if snapshot.is_some() {
            self.snapshot_at = expected + 1;
            self.snapshot_at_bytes = self.journal_bytes;
        }
        crash::point("before_publish");
        let append = self
            .journal
            .append(record.clone(), expected, self.settings.append_timeout());
        let mut append: Append = Box::pin(append);
        // The first poll sends it: the journal writes while the replies are encoded and the next batch gathers. The
        // connection's own thread may have the PubAck before that poll returns.
        if let Some(result) = append.as_mut().now_or_never() {
            append = Box::pin(std::future::ready(result));
        }
        crash::point("after_publish_before_ack");
        self.journal_bytes += record.len() as u64;
        self.watch_journal();
        let finished = std::mem::take(&mut self.batch_finished);
        let mut replies = std::mem::take(&mut self.batch_answers);
        replies.extend(finished.iter().filter_map(|&slot| self.desk.reply(slot)));
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
            finished,
            replies,
            snapshot,
            since: Instant::now(),
        });
        std::mem::swap(&mut self.batch, &mut self.spare);
        self.batch.begin(0, 0);
    }

    /// Whether time alone has something to do. Not where the journal has no room for it.
    fn deadline_due(&self) -> bool {
        let room = self.journal_bytes < self.settings.journal_usable_bytes();
        let due = |deadline: i64| deadline <= self.replica.timestamp.max(log::wall_clock_ns());
        room && self.replica.engine.next_deadline().is_some_and(due)
    }

    fn flush_quotes(&mut self) {
        if self.quotes.is_empty() || self.replica.engine.needs_continue() {
            return;
        }
        let quotes: Vec<Item> = self.quotes.drain().collect();
        for (at, quote) in quotes.iter().enumerate() {
            if self.replica.engine.needs_continue() || self.batch.bytes() >= BATCH_CLOSES_AT_BYTES {
                // In the next record, before anything newer.
                for quote in quotes[at..].iter().rev() {
                    self.desk.items.push_front(quote.clone());
                }
                return;
            }
            self.apply_item(quote);
        }
    }

    fn snapshot_due(&self) -> bool {
        let due = self.replica.sequence + 1 - self.snapshot_at >= self.settings.snapshot_records
            || self.journal_bytes - self.snapshot_at_bytes >= self.settings.snapshot_bytes;
        due && !self.snapshot_runs.swap(true, Ordering::AcqRel)
    }

    fn watch_journal(&mut self) {
        let alarm = self.journal_bytes * 100 >= self.settings.journal_usable_bytes() * JOURNAL_ALARM_PERCENT;
        if alarm && !self.journal_alarm {
            log::error(
                "the journal is nearly full",
                json!({"bytes": self.journal_bytes, "max_bytes": self.settings.journal_max_bytes}),
            );
        }
        self.journal_alarm = alarm;
    }
}

fn trace(level: Level, message: &str, meta: &Meta<'_>, what: &str) {
    if log::enabled(level) {
        let fields = json!({
            "trace_id": uuid_text(meta.trace).replace('-', ""),
            "client_order_id": meta.client_order_id,
            "what": what,
        });
        log::write(level, message, fields);
    }
}
