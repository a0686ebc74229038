//! The end of a term: the last replies after a fault, and the graceful stop.
use crate::fault::Fault;
use crate::leader::{Leader, Stopped};
use crate::metrics::Metrics;
use crate::pending::reply_after_fault;
use crate::sequencing::reject_all;
use crate::snapshot;
use cift_daemon::log;
use cift_wire::Status;
use serde_json::json;
use std::time::Duration;

impl Leader {
    /// Sends the last replies of a term that ended with a fault. After lost leadership it sends none:
    /// another leader may have replied, or will reply.
    pub(crate) async fn abandon(&mut self, fault: &Fault) {
        let in_doubt = self
            .in_flight
            .as_ref()
            .map_or(self.replica.sequence + 1, |f| f.sequence);
        let for_in_doubt = match fault {
            Fault::LeadershipLost(_) | Fault::Nats(_) | Fault::Archive(_) | Fault::Halt(_) => return,
            Fault::JournalFull => (Status::Unavailable, "journal_full"),
            Fault::AppendInDoubt(_) => (Status::Unknown, "outcome_unknown"),
            // No record was in flight.
            Fault::Panicked(_) => (Status::Unavailable, "engine_restarting"),
        };
        let for_unpublished = if self.no_other_leader(in_doubt).await {
            (Status::Unavailable, "engine_restarting")
        } else {
            (Status::Unknown, "outcome_unknown")
        };
        let mut replies = self
            .requests
            .abandon(in_doubt, for_in_doubt, for_unpublished, self.continued);
        for (reply_to, reply) in self.rejections.drain(..) {
            let reply = reply_after_fault(&reply, in_doubt, for_in_doubt, for_unpublished);
            replies.extend(reply.map(|reply| (reply_to, reply)));
        }
        if for_unpublished.0 == Status::Unavailable {
            for message in self.inbox.drain() {
                let rejection = reject_all(&message, for_unpublished.1);
                replies.extend(message.reply.map(|reply_to| (reply_to, rejection)));
            }
        }
        let counter = if for_in_doubt.0 == Status::Unknown {
            &self.metrics.unknown
        } else {
            &self.metrics.unavailable
        };
        Metrics::add(counter, replies.len() as u64);
        let send_all = async {
            for (reply_to, bytes) in replies {
                let _ = self.journal.client.publish(reply_to, bytes).await;
            }
            let _ = self.journal.client.flush().await;
        };
        let _ = tokio::time::timeout(Duration::from_secs(1), send_all).await;
    }

    /// Whether the journal proves that no other leader has started: it ends before the record in doubt, or
    /// with it.
    async fn no_other_leader(&self, in_doubt: u64) -> bool {
        let check = async {
            let tail = self.journal.tail().await.ok()?;
            if tail.sequence < in_doubt {
                return Some(tail.sequence + 1 == in_doubt);
            }
            let last = self.journal.record(in_doubt).await.ok()??;
            Some(tail.sequence == in_doubt && self.in_flight.as_ref().is_some_and(|f| f.record == last))
        };
        tokio::time::timeout(Duration::from_millis(500), check)
            .await
            .ok()
            .flatten()
            .unwrap_or(false)
    }

    /// Ends the term after a stop signal. If all requests have their reply (`idle`), it stores a final
    /// snapshot.
    pub(crate) async fn stop(&mut self, idle: bool) -> Result<Stopped, Fault> {
        if idle && !self.replica.engine.needs_continue() {
            let position = self.journal_position(self.replica.sequence, self.replica.hash);
            let (_, state) = self.replica.state();
            let state = state.to_vec();
            match snapshot::upload(&self.journal, &self.settings.daemon.shard, position, state).await {
                Ok(bytes) => log::info(
                    "final snapshot stored",
                    json!({"sequence": position.sequence, "bytes": bytes}),
                ),
                Err(fault) => log::warn("final snapshot not stored", json!({"reason": fault.to_string()})),
            }
        } else {
            self.abandon(&Fault::AppendInDoubt("stopped".into())).await;
        }
        let _ = tokio::time::timeout(Duration::from_secs(1), self.journal.client.flush()).await;
        Ok(Stopped)
    }
}
