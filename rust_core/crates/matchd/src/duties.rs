//! What a leader does beside sequencing: snapshots and cuts, answers to queries, metrics.
use crate::clock::ALARM_NS;
use crate::leader::Leader;
use crate::metrics::Metrics;
use crate::query;
use crate::retention;
use crate::snapshot::{self, JournalPosition};
use async_nats::Message;
use bytes::Bytes;
use cift_daemon::log;
use cift_wire::{subject, RecordHash};
use serde_json::json;
use std::sync::atomic::Ordering;
use std::sync::Arc;

impl Leader {
    pub(crate) fn upload_snapshot(&self, position: JournalPosition, state: Vec<u8>) {
        let (journal, shard, metrics) = (
            self.journal.clone(),
            self.settings.daemon.shard.clone(),
            Arc::clone(&self.metrics),
        );
        let running = Arc::clone(&self.snapshot_running);
        let (cut_made, settings, nearly_full) = (Arc::clone(&self.cut_made), self.settings.clone(), self.journal_alarm);
        tokio::spawn(async move {
            match snapshot::upload(&journal, &shard, position, state).await {
                Ok(bytes) => {
                    Metrics::set(&metrics.snapshot_sequence, position.sequence);
                    Metrics::set(&metrics.snapshot_bytes, bytes as u64);
                    log::info(
                        "snapshot stored",
                        json!({"sequence": position.sequence, "bytes": bytes}),
                    );
                }
                Err(fault) => log::warn("snapshot not stored", json!({"reason": fault.to_string()})),
            }
            if let Some(archive) = &journal.archive {
                match retention::cut(&journal, archive, &settings, nearly_full).await {
                    Ok(cut) if cut.records > 0 => {
                        cut_made.store(true, Ordering::Release);
                        Metrics::add(&metrics.cut_records, cut.records);
                        Metrics::set(&metrics.cut_failed, 0);
                        log::info(
                            "journal cut",
                            json!({"records": cut.records, "segments": cut.segments, "first": cut.first}),
                        );
                    }
                    Ok(_) => {}
                    Err(fault) => {
                        Metrics::set(&metrics.cut_failed, 1);
                        log::error("the journal is not cut", json!({"reason": fault.to_string()}));
                    }
                }
            }
            running.store(false, Ordering::Release);
        });
    }

    /// Publishes that this leader answers. A caller that waits for a reply of the previous leader then
    /// knows that the reply will not come. A caller that misses the message waits for its own timeout.
    pub(crate) async fn announce_leadership(&self) {
        let message = json!({"epoch": self.replica.epoch, "instance": self.instance});
        let subject = subject::leading(&self.settings.daemon.shard);
        let _ = self.journal.client.publish(subject, message.to_string().into()).await;
    }

    pub(crate) async fn answer_owner_query(&self, message: Message) {
        let Some(reply_to) = message.reply else { return };
        let answer = json!({
            "epoch": self.replica.epoch,
            "instance": self.instance,
            "sequence": self.replica.sequence,
        });
        let _ = self.journal.client.publish(reply_to, answer.to_string().into()).await;
    }

    /// Answers a query from memory. The answer is sent after the PubAck of the record whose state it shows.
    pub(crate) async fn answer_query(&mut self, message: Message) {
        let Some(reply_to) = message.reply else { return };
        Metrics::add(&self.metrics.queries, 1);
        let now = self.now();
        let state = query::QueryState {
            replica: &self.replica,
            sequence: self.replica.sequence + u64::from(!self.batch.is_empty()),
            now,
            journal_bytes: self.space.used,
            journal_max_bytes: self.space.max,
            pending: self.inbox.len(),
        };
        let bytes = Bytes::from(query::answer(&state, &message.payload));
        if !self.batch.is_empty() {
            self.batch_replies.push((reply_to, bytes));
        } else if let Some(in_flight) = &mut self.in_flight {
            in_flight.replies.push((reply_to, bytes));
        } else {
            let _ = self.journal.client.publish(reply_to, bytes).await;
        }
    }

    pub(crate) fn journal_position(&self, sequence: u64, hash: RecordHash) -> JournalPosition {
        JournalPosition {
            sequence,
            hash,
            timestamp: self.replica.timestamp,
            epoch: self.replica.epoch,
            rules: self.replica.rules,
        }
    }

    pub(crate) fn update_gauges(&mut self) {
        let offset = self.clock.offset();
        let alarm = offset.abs() >= ALARM_NS;
        if alarm && !self.clock_alarm {
            log::error(
                "the wall clock is away from the journal's time, which approaches it slowly: check the machine's clock",
                json!({"ahead_ms": offset / 1_000_000}),
            );
        }
        self.clock_alarm = alarm;
        let m = &self.metrics;
        Metrics::set(&m.clock_alarm, u64::from(alarm));
        Metrics::set(&m.epoch, self.replica.epoch);
        Metrics::set(&m.sequence, self.replica.sequence);
        Metrics::set(&m.journal_bytes, self.space.used);
        Metrics::set(&m.journal_max_bytes, self.space.max);
        Metrics::set(&m.journal_alarm, u64::from(self.journal_alarm));
        Metrics::set(&m.queue_requests, self.inbox.len() as u64);
        Metrics::set(&m.queue_bytes, self.inbox.bytes() as u64);
    }
}
