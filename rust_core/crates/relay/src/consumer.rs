//! The durable consumer of a handler: messages that were received in order and are not acknowledged yet.
//!
//! Opening the consumer resets it to the last acknowledgement (`CONSUMER.RESET`, one atomic step of the
//! server). Messages that were delivered to a process that died then come at once and in order, and not
//! after `ACK_WAIT` behind newer messages. A consumer in memory (`keeps_offset`) is lost with its server; it
//! is made again after the last message that this process acknowledged, or at the first message.
//!
//! One pull request is open at a time, and only while there is space: at most two batches are held, or
//! `PULL_BYTES_MAX` above `POST_BYTES_MAX`.
//!
//! Strict order: each message carries the number of its delivery to the consumer. If a number is missing, a
//! message was lost on the way. The messages after it are not accepted, and the consumer ends with
//! [`ConsumerError::Gap`].
use crate::bus::{Bus, JetStreamError};
use crate::cloud_event::{self, CloudEvent, Message, Source};
use crate::config::{Handler, StreamTrigger};
use crate::settings::{ACK_WAIT, POST_BYTES_MAX, PULL_BYTES_MAX, PULL_EXPIRES, PULL_LOST_AFTER};
use async_nats::{StatusCode, Subject, Subscriber};
use bytes::Bytes;
use cift_daemon::trace::Context;
use cift_wire::subject::JOURNAL_ID_KEY;
use futures_util::{FutureExt, StreamExt};
use serde_json::{json, Value};
use std::collections::VecDeque;
use tokio::time::Instant;

const IN_PROGRESS: &[u8] = b"+WPI";
const ACK: &[u8] = b"+ACK";

/// Why a consumer ended. The caller opens a new one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConsumerError {
    /// NATS, the stream or the consumer is not available, or returned an error.
    Nats(String),
    /// A message is missing between two others.
    Gap,
}

struct HeldMessage {
    message: Message,
    arrived_at: Instant,
    /// Subject of its acknowledgement.
    reply: Subject,
    /// Number of messages in the stream after it.
    pending: u64,
}

/// The progress of a handler, kept from one consumer to the next.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Creation time of the stream that `done` belongs to.
    pub created: String,
    /// Sequence of the last message that was acknowledged; the acknowledgement may have been lost.
    pub done: u64,
}

/// A consumer with its open pull request and the messages that it holds.
pub struct Consumer {
    bus: Bus,
    pub source: Source,
    durable: String,
    journal: bool,
    batch: usize,
    inbox: String,
    subscription: Subscriber,
    /// Messages that the open pull may still deliver; 0: no pull is open.
    pull_remaining: usize,
    pull_lost_at: Instant,
    held: VecDeque<HeldMessage>,
    held_bytes: usize,
    last_sequence: u64,
    last_delivery: u64,
    pub progress: Progress,
}

impl Consumer {
    /// Opens the consumer after the last acknowledged message, as JetStream or `progress` knows it, or at
    /// `start_at`.
    pub async fn open(
        bus: &Bus,
        handler: &Handler,
        trigger: &StreamTrigger,
        shard: &str,
        progress: &Progress,
        start_at: Option<u64>,
    ) -> Result<Consumer, ConsumerError> {
        let (stream, durable) = (trigger.stream.as_str(), handler.durable());
        let info = bus
            .request(format!("STREAM.INFO.{stream}"), json!({}))
            .await
            .map_err(consumer_error)?;
        let created = info["created"].as_str().unwrap_or_default().to_owned();
        let journal_id = info["config"]["metadata"][JOURNAL_ID_KEY].as_str().unwrap_or_default();
        let journal_id = if trigger.journal { journal_id } else { "" };
        let acknowledged = ensure_consumer(bus, handler, trigger).await?;
        let done = if progress.created == created { progress.done } else { 0 };
        let start_at = start_at.unwrap_or(if done > acknowledged { done + 1 } else { 0 });
        let first = match reset_consumer(bus, stream, durable, start_at).await {
            Ok(first) => first,
            // A consumer with a later start sequence cannot be reset to an earlier message: create it again.
            Err(JetStreamError::Rejected(_)) if start_at > 0 => {
                let subject = format!("CONSUMER.DELETE.{stream}.{durable}");
                bus.request(subject, json!({})).await.map_err(consumer_error)?;
                ensure_consumer(bus, handler, trigger).await?;
                reset_consumer(bus, stream, durable, start_at)
                    .await
                    .map_err(consumer_error)?
            }
            Err(error) => return Err(consumer_error(error)),
        };
        let inbox = bus.client.new_inbox();
        let subscription = bus.client.subscribe(inbox.clone()).await;
        let subscription = subscription.map_err(|error| ConsumerError::Nats(error.to_string()))?;
        Ok(Consumer {
            bus: bus.clone(),
            source: Source {
                function: handler.function.clone(),
                stream: stream.to_owned(),
                shard: shard.to_owned(),
                journal_id: journal_id.to_owned(),
                created: created.clone(),
            },
            durable: durable.to_owned(),
            journal: trigger.journal,
            batch: trigger.batch,
            inbox,
            subscription,
            pull_remaining: 0,
            pull_lost_at: Instant::now(),
            held: VecDeque::new(),
            held_bytes: 0,
            last_sequence: first.saturating_sub(1),
            last_delivery: 0,
            progress: Progress {
                created,
                done: first.saturating_sub(1),
            },
        })
    }

    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Whether no further message is taken before the first ones are acknowledged.
    pub fn is_full(&self) -> bool {
        self.held.len() >= self.batch || self.held_bytes >= POST_BYTES_MAX
    }

    /// When the first held message arrived.
    pub fn first_arrived_at(&self) -> Option<Instant> {
        self.held.front().map(|held| held.arrived_at)
    }

    /// How many of the first held messages fit into one POST.
    pub fn postable(&self) -> usize {
        let mut bytes = 0;
        let fits = self.held.iter().take(self.batch).take_while(|held| {
            bytes += held.message.size();
            bytes <= POST_BYTES_MAX
        });
        fits.count().max(usize::from(!self.held.is_empty()))
    }

    /// The first `count` messages as one POST.
    pub fn cloud_event(&self, count: usize) -> CloudEvent {
        cloud_event::batch(&self.source, self.held.iter().take(count).map(|held| &held.message))
    }

    /// The sampled trace contexts of the first `count` messages.
    pub fn traces(&self, count: usize) -> Vec<Context> {
        self.held
            .iter()
            .take(count)
            .flat_map(|held| cloud_event::traces(&held.message))
            .collect()
    }

    /// Sequence of the last of the first `count` messages.
    pub fn last_sequence_of(&self, count: usize) -> u64 {
        self.held[count - 1].message.sequence
    }

    /// Acknowledges and drops the first `count` messages. Returns how many messages the stream has after
    /// them.
    pub async fn acknowledge(&mut self, count: usize) -> Result<u64, ConsumerError> {
        let mut last = None;
        for held in self.held.drain(..count) {
            self.held_bytes -= held.message.size();
            last = Some(held);
        }
        let last = last.expect("count is at least 1");
        self.progress.done = last.message.sequence;
        self.send(last.reply, ACK).await?;
        Ok(last.pending)
    }

    /// Reports the held messages as in progress, so that JetStream does not redeliver them.
    pub async fn report_in_progress(&self) -> Result<(), ConsumerError> {
        for held in &self.held {
            self.send(held.reply.clone(), IN_PROGRESS).await?;
        }
        Ok(())
    }

    /// Waits for the next message. Does not resolve while there is no space for one. Cancel safe.
    pub async fn receive(&mut self) -> Result<(), ConsumerError> {
        loop {
            if self.pull_remaining == 0 {
                if self.is_full() {
                    return std::future::pending().await;
                }
                self.pull().await?;
            }
            match tokio::time::timeout_at(self.pull_lost_at, self.subscription.next()).await {
                Ok(Some(message)) => {
                    if self.accept(message)? {
                        return Ok(());
                    }
                }
                Ok(None) => return Err(ConsumerError::Nats("the subscription ended".into())),
                // The server would have reported the end of the pull: the pull is lost.
                Err(_) => self.pull_remaining = 0,
            }
        }
    }

    /// Takes the messages that have already arrived, without waiting.
    pub fn receive_ready(&mut self) -> Result<(), ConsumerError> {
        while let Some(Some(message)) = self.subscription.next().now_or_never() {
            self.accept(message)?;
        }
        Ok(())
    }

    async fn pull(&mut self) -> Result<(), ConsumerError> {
        self.pull_remaining = self.batch * 2 - self.held.len();
        self.pull_lost_at = Instant::now() + PULL_LOST_AFTER;
        let request = json!({
            "batch": self.pull_remaining,
            "max_bytes": PULL_BYTES_MAX,
            "expires": PULL_EXPIRES.as_nanos() as u64,
        });
        let subject = format!("$JS.API.CONSUMER.MSG.NEXT.{}.{}", self.source.stream, self.durable);
        let sent = self
            .bus
            .client
            .publish_with_reply(subject, self.inbox.clone(), request.to_string().into());
        sent.await.map_err(|error| ConsumerError::Nats(error.to_string()))
    }

    /// Handles a message of the stream or a status of the server. Returns whether a new message is held.
    fn accept(&mut self, received: async_nats::Message) -> Result<bool, ConsumerError> {
        if let Some(status) = received.status {
            let description = received.description.unwrap_or_default();
            return match status {
                StatusCode::IDLE_HEARTBEAT => Ok(false),
                StatusCode::NOT_FOUND | StatusCode::TIMEOUT => self.pull_ended(),
                // The pull delivered all its messages, which `pull_remaining` counts. The next pull may
                // already be open.
                _ if description == "Batch Completed" => Ok(false),
                _ if description.to_lowercase().contains("max") => self.pull_ended(),
                _ => Err(ConsumerError::Nats(format!(
                    "the server ended the consumer: {status} {description}"
                ))),
            };
        }
        let reply = received.reply.unwrap_or_else(|| Subject::from(""));
        let Some(delivery) = Delivery::parse(&reply) else {
            return Err(ConsumerError::Nats(format!(
                "received a message that is not from JetStream: reply subject {reply:?}"
            )));
        };
        self.pull_remaining = self.pull_remaining.saturating_sub(1);
        if delivery.number != self.last_delivery + 1 {
            return Err(ConsumerError::Gap);
        }
        self.last_delivery = delivery.number;
        if delivery.sequence <= self.last_sequence {
            return Ok(false); // a redelivery of a message that is held or acknowledged
        }
        if self.journal && delivery.sequence != self.last_sequence + 1 {
            return Err(ConsumerError::Gap);
        }
        self.last_sequence = delivery.sequence;
        let message = Message {
            sequence: delivery.sequence,
            time_ns: delivery.time_ns,
            subject: received.subject.to_string(),
            headers: cloud_event::header_block(received.headers.as_ref()),
            data: received.payload,
        };
        self.held_bytes += message.size();
        self.held.push_back(HeldMessage {
            message,
            arrived_at: Instant::now(),
            reply,
            pending: delivery.pending,
        });
        Ok(true)
    }

    fn pull_ended(&mut self) -> Result<bool, ConsumerError> {
        self.pull_remaining = 0;
        Ok(false)
    }

    async fn send(&self, subject: Subject, payload: &'static [u8]) -> Result<(), ConsumerError> {
        let sent = self.bus.client.publish(subject, Bytes::from_static(payload)).await;
        sent.map_err(|error| ConsumerError::Nats(error.to_string()))
    }
}

/// Number of messages in the stream that a consumer has not acknowledged.
pub async fn lag(bus: &Bus, stream: &str, durable: &str) -> Result<u64, JetStreamError> {
    let info = bus
        .request(format!("CONSUMER.INFO.{stream}.{durable}"), json!({}))
        .await?;
    Ok(info["num_pending"].as_u64().unwrap_or(0) + info["num_ack_pending"].as_u64().unwrap_or(0))
}

/// Creates the consumer at the start of the stream, or updates its settings. Returns the sequence of its last
/// acknowledged message.
async fn ensure_consumer(bus: &Bus, handler: &Handler, trigger: &StreamTrigger) -> Result<u64, ConsumerError> {
    let (stream, durable) = (&trigger.stream, handler.durable());
    let found = match bus
        .request(format!("CONSUMER.INFO.{stream}.{durable}"), json!({}))
        .await
    {
        Ok(info) => Some(info),
        Err(JetStreamError::NotFound(_)) => None,
        Err(error) => return Err(consumer_error(error)),
    };
    let mut config = json!({
        "durable_name": durable,
        "description": handler.function,
        "ack_policy": "all",
        "ack_wait": ACK_WAIT.as_nanos() as u64,
        "max_ack_pending": trigger.batch * 4,
        "max_deliver": -1,
        "deliver_policy": "all",
        "replay_policy": "instant",
        "mem_storage": trigger.keeps_offset,
    });
    if let Some(subject) = &trigger.subject {
        config["filter_subject"] = json!(subject);
    }
    let acknowledged = found
        .as_ref()
        .map_or(0, |info| info["ack_floor"]["stream_seq"].as_u64().unwrap_or(0));
    // The storage of a consumer cannot be changed.
    let is_moved = |info: &Value| info["config"]["mem_storage"].as_bool().unwrap_or(false) != trigger.keeps_offset;
    if found.as_ref().is_some_and(is_moved) {
        let subject = format!("CONSUMER.DELETE.{stream}.{durable}");
        bus.request(subject, json!({})).await.map_err(consumer_error)?;
    } else if let Some(info) = found {
        let current = &info["config"];
        let fields = ["description", "ack_wait", "max_ack_pending", "filter_subject"];
        if fields.iter().all(|field| current[field] == config[field]) {
            return Ok(acknowledged);
        }
        // The start of a consumer cannot be changed. It does not affect the current position.
        for field in ["deliver_policy", "opt_start_seq"] {
            config[field] = current[field].clone();
        }
    }
    let subject = format!("CONSUMER.DURABLE.CREATE.{stream}.{durable}");
    let request = json!({"stream_name": stream, "config": config});
    bus.request(subject, request).await.map_err(consumer_error)?;
    Ok(acknowledged)
}

/// Resets the consumer to a sequence (0: after the last acknowledgement). Returns the sequence of its next
/// message.
async fn reset_consumer(bus: &Bus, stream: &str, durable: &str, sequence: u64) -> Result<u64, JetStreamError> {
    let subject = format!("CONSUMER.RESET.{stream}.{durable}");
    let reply = bus.request(subject, json!({ "seq": sequence })).await?;
    let first = reply["reset_seq"].as_u64();
    first.ok_or_else(|| JetStreamError::NoReply(format!("the reply of CONSUMER.RESET has no reset_seq: {reply}")))
}

fn consumer_error(error: JetStreamError) -> ConsumerError {
    ConsumerError::Nats(error.to_string())
}

/// The metadata of a message in its reply subject:
/// `$JS.ACK.[domain.account.]stream.consumer.delivered.sequence.number.time.pending[.token]`.
#[derive(Debug, PartialEq, Eq)]
struct Delivery {
    sequence: u64,
    /// Number of this delivery to the consumer, from 1 after a reset.
    number: u64,
    time_ns: i64,
    pending: u64,
}

impl Delivery {
    fn parse(reply: &str) -> Option<Delivery> {
        let tokens: Vec<&str> = reply.strip_prefix("$JS.ACK.")?.split('.').collect();
        let start = match tokens.len() {
            7 => 3,
            9.. => 5,
            _ => return None,
        };
        Some(Delivery {
            sequence: tokens[start].parse().ok()?,
            number: tokens[start + 1].parse().ok()?,
            time_ns: tokens[start + 2].parse().ok()?,
            pending: tokens[start + 3].parse().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_subject_is_parsed_in_both_forms() {
        let expected = Delivery {
            sequence: 41,
            number: 7,
            time_ns: 1_767_225_600_123_456_789,
            pending: 9,
        };
        for reply in [
            "$JS.ACK.ORDERS.project_orders.1.41.7.1767225600123456789.9",
            "$JS.ACK._.acc.ORDERS.project_orders.1.41.7.1767225600123456789.9",
            "$JS.ACK._.acc.ORDERS.project_orders.1.41.7.1767225600123456789.9.token",
        ] {
            assert_eq!(Delivery::parse(reply).as_ref(), Some(&expected), "{reply}");
        }
        for reply in [
            "",
            "_INBOX.x",
            "$JS.ACK.ORDERS.c.1.41.7.9",
            "$JS.ACK.ORDERS.c.1.x.7.1.9",
        ] {
            assert_eq!(Delivery::parse(reply), None, "{reply}");
        }
    }
}
