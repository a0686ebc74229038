//! Replay of a dead letter: it is delivered to its handler again.
//!
//! relay subscribes to `relay.<shard>.replay.<function>`. A request is
//! `{"sequence": …, "within_ms": …}`, where the sequence is that of `DLQ`. The dead letter is posted
//! between two batches, unchanged and to that handler only. If the handler accepts it, it is removed from
//! `DLQ`.
//!
//! The reply is `{"outcome": "done" | "poison" | "failed" | "gone", "message": …}`. A second request for
//! the same letter changes nothing: its outcome is `gone`.
use crate::bus::Bus;
use crate::cloud_event::CloudEvent;
use crate::dead_letter;
use crate::settings::REPLAYS_WAITING_MAX;
use async_nats::Subject;
use cift_daemon::log;
use cift_wire::subject::{self, DEAD_LETTER_STREAM};
use futures_util::StreamExt;
use serde_json::{json, Value};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// Used for a request without `within_ms`.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(20);

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The handler accepted the letter, and it was removed.
    Done,
    /// The handler rejected it as poison again. It stays.
    Poison(String),
    /// It could not be delivered now. It stays.
    Failed(String),
    /// This handler has no such letter.
    Gone,
}

impl Outcome {
    pub fn name(&self) -> &'static str {
        match self {
            Outcome::Done => "done",
            Outcome::Poison(_) => "poison",
            Outcome::Failed(_) => "failed",
            Outcome::Gone => "gone",
        }
    }
}

/// A request to replay one dead letter.
pub struct ReplayRequest {
    pub sequence: u64,
    reply_to: Option<Subject>,
    expires_at: Instant,
}

impl ReplayRequest {
    fn parse(message: &async_nats::Message) -> Option<ReplayRequest> {
        let request: Value = serde_json::from_slice(&message.payload).ok()?;
        let timeout = request["within_ms"]
            .as_u64()
            .map_or(DEFAULT_TIMEOUT, Duration::from_millis);
        Some(ReplayRequest {
            sequence: request["sequence"].as_u64()?,
            reply_to: message.reply.clone(),
            expires_at: Instant::now() + timeout,
        })
    }
    /// Whether the client has stopped waiting for the reply.
    pub fn has_expired(&self) -> bool {
        Instant::now() > self.expires_at
    }
    pub async fn reply(self, bus: &Bus, outcome: Outcome) {
        let message = match &outcome {
            Outcome::Poison(reason) | Outcome::Failed(reason) => reason.as_str(),
            Outcome::Done | Outcome::Gone => "",
        };
        let reply = json!({"outcome": outcome.name(), "message": message}).to_string();
        if let Some(subject) = self.reply_to {
            // If the reply is lost, the client checks whether the letter still exists.
            let _ = bus.client.publish(subject, reply.into()).await;
        }
    }
}

/// The replay requests for one handler, in order. A handler without effects has none.
pub struct ReplayRequests(Option<mpsc::Receiver<ReplayRequest>>);

impl ReplayRequests {
    pub fn none() -> ReplayRequests {
        ReplayRequests(None)
    }
    /// Subscribes to the requests for `function`.
    pub fn subscribe(bus: &Bus, shard: &str, function: &str) -> ReplayRequests {
        let (sender, receiver) = mpsc::channel(REPLAYS_WAITING_MAX);
        tokio::spawn(receive(bus.clone(), shard.to_owned(), function.to_owned(), sender));
        ReplayRequests(Some(receiver))
    }
    /// Waits for the next request.
    pub async fn next(&mut self) -> ReplayRequest {
        let request = match &mut self.0 {
            Some(receiver) => receiver.recv().await,
            None => None,
        };
        match request {
            Some(request) => request,
            None => std::future::pending().await,
        }
    }
    /// A request that has already arrived.
    pub fn ready(&mut self) -> Option<ReplayRequest> {
        self.0.as_mut().and_then(|receiver| receiver.try_recv().ok())
    }
}

/// Queues the requests for the handler. Rejects them while the queue is full.
async fn receive(bus: Bus, shard: String, function: String, sender: mpsc::Sender<ReplayRequest>) {
    let subject = subject::replay(&shard, &function);
    let mut messages = match bus.client.subscribe(subject.clone()).await {
        Ok(messages) => messages,
        Err(error) => {
            log::error(
                "cannot subscribe to replay requests",
                json!({"subject": subject, "reason": error.to_string()}),
            );
            return;
        }
    };
    while let Some(message) = messages.next().await {
        let Some(request) = ReplayRequest::parse(&message) else {
            continue;
        };
        if let Err(rejected) = sender.try_send(request) {
            let reason = format!("{REPLAYS_WAITING_MAX} replay requests are already waiting: try again later");
            rejected.into_inner().reply(&bus, Outcome::Failed(reason)).await;
        }
    }
}

/// Loads a dead letter of `function` as the POST that delivers it.
pub async fn load(bus: &Bus, function: &str, sequence: u64) -> Result<CloudEvent, Outcome> {
    let found = bus
        .message(DEAD_LETTER_STREAM, sequence)
        .await
        .map_err(Outcome::Failed)?;
    let letter = found.ok_or(Outcome::Gone)?;
    let event = CloudEvent {
        headers: dead_letter::post_headers(&letter.headers),
        body: letter.payload,
    };
    match event.header("ce-cift-function") {
        Some(handler) if handler == function => Ok(event),
        _ => Err(Outcome::Gone),
    }
}

/// Removes a dead letter that its handler accepted.
pub async fn remove(bus: &Bus, sequence: u64) -> Outcome {
    let subject = format!("STREAM.MSG.DELETE.{DEAD_LETTER_STREAM}");
    match bus.request(subject, json!({"seq": sequence, "no_erase": true})).await {
        Ok(_) => Outcome::Done,
        Err(error) => Outcome::Failed(format!(
            "the handler accepted the letter, but it cannot be removed from DLQ: {error}"
        )),
    }
}
