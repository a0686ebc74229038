//! A dead letter, brought to its handler once more.
//!
//! Whoever brings events to a function listens at `relay.<shard>.replay.<function>` (relay, or the process that pumps) and
//! is asked `{"sequence": …, "within_ms": …}`, a sequence of `DLQ`. It is posted between two batches, as itself and to that
//! handler only; a letter that was taken is removed. The answer: `{"outcome": "done" | "poison" | "failed" | "gone",
//! "message": …}`. Asked twice it is done once: the second finds it gone.
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

/// Where whoever asks does not say.
const WITHIN_DEFAULT: Duration = Duration::from_secs(20);

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Taken, and removed.
    Done,
    /// Refused again; it stays.
    Poison(String),
    /// Not now; it stays.
    Failed(String),
    /// There is no such letter of this handler.
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

/// Somebody wants a letter brought again.
pub struct Request {
    pub sequence: u64,
    answer_to: Option<Subject>,
    until: Instant,
}

impl Request {
    fn read(message: &async_nats::Message) -> Option<Request> {
        let said: Value = serde_json::from_slice(&message.payload).ok()?;
        let within = said["within_ms"].as_u64().map_or(WITHIN_DEFAULT, Duration::from_millis);
        Some(Request {
            sequence: said["sequence"].as_u64()?,
            answer_to: message.reply.clone(),
            until: Instant::now() + within,
        })
    }
    /// Nobody waits for it any more.
    pub fn is_late(&self) -> bool {
        Instant::now() > self.until
    }
    pub async fn answer(self, bus: &Bus, outcome: Outcome) {
        let message = match &outcome {
            Outcome::Poison(sentence) | Outcome::Failed(sentence) => sentence.as_str(),
            Outcome::Done | Outcome::Gone => "",
        };
        let answer = json!({"outcome": outcome.name(), "message": message}).to_string();
        if let Some(subject) = self.answer_to {
            // Where it is lost, whoever asked looks whether the letter is still there.
            let _ = bus.client.publish(subject, answer.into()).await;
        }
    }
}

/// What is asked of one handler, in order; of a handler without effects nothing ever is.
pub struct Replays(Option<mpsc::Receiver<Request>>);

impl Replays {
    pub fn none() -> Replays {
        Replays(None)
    }
    /// Listens for what is asked for `function`.
    pub fn of(bus: &Bus, shard: &str, function: &str) -> Replays {
        let (sender, receiver) = mpsc::channel(REPLAYS_WAITING_MAX);
        tokio::spawn(listen(bus.clone(), shard.to_owned(), function.to_owned(), sender));
        Replays(Some(receiver))
    }
    /// Waits for the next.
    pub async fn next(&mut self) -> Request {
        let asked = match &mut self.0 {
            Some(receiver) => receiver.recv().await,
            None => None,
        };
        match asked {
            Some(request) => request,
            None => std::future::pending().await,
        }
    }
    /// One that waits already.
    pub fn ready(&mut self) -> Option<Request> {
        self.0.as_mut().and_then(|receiver| receiver.try_recv().ok())
    }
}

/// Hands what is asked to the handler; beyond a bound it is refused.
async fn listen(bus: Bus, shard: String, function: String, sender: mpsc::Sender<Request>) {
    let subject = subject::replay(&shard, &function);
    let mut asked = match bus.client.subscribe(subject.clone()).await {
        Ok(asked) => asked,
        Err(error) => {
            log::error(
                "cannot listen",
                json!({"subject": subject, "reason": error.to_string()}),
            );
            return;
        }
    };
    while let Some(message) = asked.next().await {
        let Some(request) = Request::read(&message) else {
            continue;
        };
        if let Err(refused) = sender.try_send(request) {
            let sentence = format!("{REPLAYS_WAITING_MAX} replays wait already");
            refused.into_inner().answer(&bus, Outcome::Failed(sentence)).await;
        }
    }
}

/// The POST that a letter is.
pub async fn letter(bus: &Bus, function: &str, sequence: u64) -> Result<CloudEvent, Outcome> {
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
        Some(of) if of == function => Ok(event),
        _ => Err(Outcome::Gone),
    }
}

/// Removes a letter that was taken.
pub async fn remove(bus: &Bus, sequence: u64) -> Outcome {
    let subject = format!("STREAM.MSG.DELETE.{DEAD_LETTER_STREAM}");
    match bus.ask(subject, json!({"seq": sequence, "no_erase": true})).await {
        Ok(_) => Outcome::Done,
        Err(refusal) => Outcome::Failed(format!("it was taken, and cannot be removed: {refusal}")),
    }
}
