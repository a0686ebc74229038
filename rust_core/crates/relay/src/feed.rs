//! A handler's durable consumer: what has arrived of its stream, in order, and is not dealt with yet.
//!
//! The consumer is the one of `cift/platform/pump.py`, setting by setting. Opening it sets it back to what was last
//! acknowledged (`CONSUMER.RESET`, one atomic step of the server), so that what a dead process had been given comes at
//! once and in order, not after `ACK_WAIT` behind newer messages. One pull request is open at a time, and only while
//! there is room: what is held is at most two batches, or `PULL_BYTES_MAX` above `POST_BYTES_MAX`.
//!
//! Strict order: each message bears the number of its delivery to the consumer. One that is not the next was lost on the
//! way here, and what follows it is not taken: the feed ends with [`Trouble::Gap`].
use crate::bus::{Bus, Refusal};
use crate::cloud_event::{self, CloudEvent, Message, Source};
use crate::config::{Handler, StreamTrigger};
use crate::settings::{ACK_WAIT, POST_BYTES_MAX, PULL_BYTES_MAX, PULL_EXPIRES, PULL_SILENCE};
use async_nats::{StatusCode, Subject, Subscriber};
use bytes::Bytes;
use cift_wire::subject::JOURNAL_ID_KEY;
use futures_util::{FutureExt, StreamExt};
use serde_json::json;
use std::collections::VecDeque;
use tokio::time::Instant;

const IN_PROGRESS: &[u8] = b"+WPI";
const ACK: &[u8] = b"+ACK";

/// Why a feed ends; a new one goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// NATS, the stream or the consumer is not there, or refuses.
    Bus(String),
    /// A message is missing between two others.
    Gap,
}

struct Held {
    message: Message,
    /// Where it is acknowledged.
    reply: Subject,
    /// Messages of the stream beyond it.
    beyond: u64,
}

/// Where a handler stands, kept from one feed to the next.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// When the stream was made that `done` is of.
    pub created: String,
    /// Last sequence dealt with; its acknowledgement may have been lost.
    pub done: u64,
}

/// See the module's header.
pub struct Feed {
    bus: Bus,
    pub source: Source,
    durable: String,
    journal: bool,
    batch: usize,
    inbox: String,
    subscription: Subscriber,
    /// Messages that the open pull may still bring; 0: none is open.
    asked: usize,
    asked_until: Instant,
    held: VecDeque<Held>,
    held_bytes: usize,
    /// Last sequence received.
    last: u64,
    /// Last delivery received.
    delivery: u64,
    pub place: Place,
}

impl Feed {
    /// Opens it behind what was dealt with: what JetStream knows, or what `place` knows better. `start_at`: at that
    /// sequence instead.
    pub async fn open(
        bus: &Bus,
        handler: &Handler,
        trigger: &StreamTrigger,
        shard: &str,
        place: &Place,
        start_at: Option<u64>,
    ) -> Result<Feed, Trouble> {
        let (stream, durable) = (trigger.stream.as_str(), handler.durable());
        let info = bus
            .ask(format!("STREAM.INFO.{stream}"), json!({}))
            .await
            .map_err(told)?;
        let created = info["created"].as_str().unwrap_or_default().to_owned();
        let journal_id = info["config"]["metadata"][JOURNAL_ID_KEY].as_str().unwrap_or_default();
        let journal_id = if trigger.journal { journal_id } else { "" };
        let floor = ensure(bus, handler, trigger).await?;
        let known = if place.created == created { place.done } else { 0 };
        let wanted = start_at.unwrap_or(if known > floor { known + 1 } else { 0 });
        let begins_at = match reset(bus, stream, durable, wanted).await {
            Ok(begins_at) => begins_at,
            // One that was made to begin later cannot be set back beyond that: it is made anew.
            Err(Refusal::Refused(_)) if wanted > 0 => {
                let subject = format!("CONSUMER.DELETE.{stream}.{durable}");
                bus.ask(subject, json!({})).await.map_err(told)?;
                ensure(bus, handler, trigger).await?;
                reset(bus, stream, durable, wanted).await.map_err(told)?
            }
            Err(refusal) => return Err(told(refusal)),
        };
        let inbox = bus.client.new_inbox();
        let subscription = bus.client.subscribe(inbox.clone()).await;
        let subscription = subscription.map_err(|error| Trouble::Bus(error.to_string()))?;
        Ok(Feed {
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
            asked: 0,
            asked_until: Instant::now(),
            held: VecDeque::new(),
            held_bytes: 0,
            last: begins_at.saturating_sub(1),
            delivery: 0,
            place: Place {
                created,
                done: begins_at.saturating_sub(1),
            },
        })
    }

    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// How many of those at the front make one POST.
    pub fn postable(&self) -> usize {
        let mut bytes = 0;
        let fits = self.held.iter().take(self.batch).take_while(|held| {
            bytes += held.message.size();
            bytes <= POST_BYTES_MAX
        });
        fits.count().max(usize::from(!self.held.is_empty()))
    }

    /// The first `count` as one POST.
    pub fn event(&self, count: usize) -> CloudEvent {
        cloud_event::batch(&self.source, self.held.iter().take(count).map(|held| &held.message))
    }

    /// Sequence of the last of the first `count`.
    pub fn last_of(&self, count: usize) -> u64 {
        self.held[count - 1].message.sequence
    }

    /// The first `count` are dealt with: acknowledged and forgotten. Returns how many messages there are beyond.
    pub async fn done(&mut self, count: usize) -> Result<u64, Trouble> {
        let mut last = None;
        for held in self.held.drain(..count) {
            self.held_bytes -= held.message.size();
            last = Some(held);
        }
        let last = last.expect("something was dealt with");
        self.place.done = last.message.sequence;
        self.send(last.reply, ACK).await?;
        Ok(last.beyond)
    }

    /// Tells JetStream that what is held is in work.
    pub async fn keep(&self) -> Result<(), Trouble> {
        for held in &self.held {
            self.send(held.reply.clone(), IN_PROGRESS).await?;
        }
        Ok(())
    }

    /// Waits for the next message; for ever while there is no room for one. Cancel safe.
    pub async fn receive(&mut self) -> Result<(), Trouble> {
        loop {
            if self.asked == 0 {
                if self.held.len() >= self.batch || self.held_bytes >= POST_BYTES_MAX {
                    return std::future::pending().await;
                }
                self.ask().await?;
            }
            match tokio::time::timeout_at(self.asked_until, self.subscription.next()).await {
                Ok(Some(message)) => {
                    if self.take(message)? {
                        return Ok(());
                    }
                }
                Ok(None) => return Err(Trouble::Bus("the subscription ended".into())),
                Err(_) => self.asked = 0, // its end would have been told: it is lost
            }
        }
    }

    /// Takes what is here already, without waiting.
    pub fn receive_ready(&mut self) -> Result<(), Trouble> {
        while let Some(Some(message)) = self.subscription.next().now_or_never() {
            self.take(message)?;
        }
        Ok(())
    }

    async fn ask(&mut self) -> Result<(), Trouble> {
        self.asked = self.batch * 2 - self.held.len();
        self.asked_until = Instant::now() + PULL_SILENCE;
        let request = json!({
            "batch": self.asked,
            "max_bytes": PULL_BYTES_MAX,
            "expires": PULL_EXPIRES.as_nanos() as u64,
        });
        let subject = format!("$JS.API.CONSUMER.MSG.NEXT.{}.{}", self.source.stream, self.durable);
        let sent = self
            .bus
            .client
            .publish_with_reply(subject, self.inbox.clone(), request.to_string().into());
        sent.await.map_err(|error| Trouble::Bus(error.to_string()))
    }

    /// A message or a word of the server; whether something is held that was not.
    fn take(&mut self, arrived: async_nats::Message) -> Result<bool, Trouble> {
        if let Some(status) = arrived.status {
            let said = arrived.description.unwrap_or_default();
            return match status {
                StatusCode::IDLE_HEARTBEAT => Ok(false),
                StatusCode::NOT_FOUND | StatusCode::TIMEOUT => self.pull_ended(),
                // It brought all that it was asked for, which is counted here: the next one may be open already.
                _ if said == "Batch Completed" => Ok(false),
                _ if said.to_lowercase().contains("max") => self.pull_ended(),
                _ => Err(Trouble::Bus(format!("the consumer ended: {status} {said}"))),
            };
        }
        let reply = arrived.reply.unwrap_or_else(|| Subject::from(""));
        let Some(at) = Delivery::read(&reply) else {
            return Err(Trouble::Bus(format!("not a message of JetStream: {reply}")));
        };
        self.asked = self.asked.saturating_sub(1);
        if at.delivery != self.delivery + 1 {
            return Err(Trouble::Gap);
        }
        self.delivery = at.delivery;
        if at.sequence <= self.last {
            return Ok(false); // once more: held, or dealt with
        }
        if self.journal && at.sequence != self.last + 1 {
            return Err(Trouble::Gap);
        }
        self.last = at.sequence;
        let message = Message {
            sequence: at.sequence,
            time_ns: at.time_ns,
            subject: arrived.subject.to_string(),
            headers: cloud_event::header_block(arrived.headers.as_ref()),
            data: arrived.payload,
        };
        self.held_bytes += message.size();
        self.held.push_back(Held {
            message,
            reply,
            beyond: at.beyond,
        });
        Ok(true)
    }

    fn pull_ended(&mut self) -> Result<bool, Trouble> {
        self.asked = 0;
        Ok(false)
    }

    async fn send(&self, subject: Subject, what: &'static [u8]) -> Result<(), Trouble> {
        let sent = self.bus.client.publish(subject, Bytes::from_static(what)).await;
        sent.map_err(|error| Trouble::Bus(error.to_string()))
    }
}

/// Messages of the stream that a consumer has not acknowledged.
pub async fn lag(bus: &Bus, stream: &str, durable: &str) -> Result<u64, Refusal> {
    let info = bus.ask(format!("CONSUMER.INFO.{stream}.{durable}"), json!({})).await?;
    Ok(info["num_pending"].as_u64().unwrap_or(0) + info["num_ack_pending"].as_u64().unwrap_or(0))
}

/// Has the consumer as it shall be, where it stands or at the stream's begin; the last sequence acknowledged.
async fn ensure(bus: &Bus, handler: &Handler, trigger: &StreamTrigger) -> Result<u64, Trouble> {
    let (stream, durable) = (&trigger.stream, handler.durable());
    let found = match bus.ask(format!("CONSUMER.INFO.{stream}.{durable}"), json!({})).await {
        Ok(info) => Some(info),
        Err(Refusal::NotFound(_)) => None,
        Err(refusal) => return Err(told(refusal)),
    };
    let mut wanted = json!({
        "durable_name": durable,
        "description": handler.function,
        "ack_policy": "all",
        "ack_wait": ACK_WAIT.as_nanos() as u64,
        "max_ack_pending": trigger.batch * 4,
        "max_deliver": -1,
        "deliver_policy": "all",
        "replay_policy": "instant",
    });
    if let Some(subject) = &trigger.subject {
        wanted["filter_subject"] = json!(subject);
    }
    let floor = found
        .as_ref()
        .map_or(0, |info| info["ack_floor"]["stream_seq"].as_u64().unwrap_or(0));
    if let Some(info) = found {
        let is = &info["config"];
        let fields = ["description", "ack_wait", "max_ack_pending", "filter_subject"];
        if fields.iter().all(|field| is[field] == wanted[field]) {
            return Ok(floor);
        }
        // Where it begins is its own: it cannot be changed, and says nothing of where it stands.
        for field in ["deliver_policy", "opt_start_seq"] {
            wanted[field] = is[field].clone();
        }
    }
    let subject = format!("CONSUMER.DURABLE.CREATE.{stream}.{durable}");
    let request = json!({"stream_name": stream, "config": wanted});
    bus.ask(subject, request).await.map_err(told)?;
    Ok(floor)
}

/// Sets the consumer to begin at a sequence (0: behind what was acknowledged); where it begins.
async fn reset(bus: &Bus, stream: &str, durable: &str, sequence: u64) -> Result<u64, Refusal> {
    let subject = format!("CONSUMER.RESET.{stream}.{durable}");
    let answer = bus.ask(subject, json!({ "seq": sequence })).await?;
    let begins_at = answer["reset_seq"].as_u64();
    begins_at.ok_or_else(|| Refusal::Silence("JetStream does not say where the consumer was set to".into()))
}

fn told(refusal: Refusal) -> Trouble {
    Trouble::Bus(refusal.to_string())
}

/// What JetStream says of a message in its reply subject:
/// `$JS.ACK.[domain.account.]stream.consumer.delivered.sequence.delivery.time.beyond[.token]`.
#[derive(Debug, PartialEq, Eq)]
struct Delivery {
    sequence: u64,
    /// Number of this delivery to the consumer, from 1 since it was set.
    delivery: u64,
    time_ns: i64,
    beyond: u64,
}

impl Delivery {
    fn read(reply: &str) -> Option<Delivery> {
        let words: Vec<&str> = reply.strip_prefix("$JS.ACK.")?.split('.').collect();
        let from = match words.len() {
            7 => 3,
            9.. => 5,
            _ => return None,
        };
        Some(Delivery {
            sequence: words[from].parse().ok()?,
            delivery: words[from + 1].parse().ok()?,
            time_ns: words[from + 2].parse().ok()?,
            beyond: words[from + 3].parse().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_subject_is_read_in_both_forms() {
        let wanted = Delivery {
            sequence: 41,
            delivery: 7,
            time_ns: 1_767_225_600_123_456_789,
            beyond: 9,
        };
        for reply in [
            "$JS.ACK.ORDERS.project_orders.1.41.7.1767225600123456789.9",
            "$JS.ACK._.acc.ORDERS.project_orders.1.41.7.1767225600123456789.9",
            "$JS.ACK._.acc.ORDERS.project_orders.1.41.7.1767225600123456789.9.token",
        ] {
            assert_eq!(Delivery::read(reply).as_ref(), Some(&wanted), "{reply}");
        }
        for reply in [
            "",
            "_INBOX.x",
            "$JS.ACK.ORDERS.c.1.41.7.9",
            "$JS.ACK.ORDERS.c.1.x.7.1.9",
        ] {
            assert_eq!(Delivery::read(reply), None, "{reply}");
        }
    }
}
