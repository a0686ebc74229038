//! One handler of a stream: what has arrived is posted, and the answer acted on, for ever.
//!
//! A batch that is in flight, or waits for its function to work again, is said to be in progress all the while, so that
//! JetStream does not bring it twice. What arrives meanwhile joins the next try.
use crate::answer::Answer;
use crate::back_off::BackOff;
use crate::bus::Bus;
use crate::cloud_event::CloudEvent;
use crate::config::{Handler, StreamTrigger};
use crate::dead_letter;
use crate::feed::{Feed, Place, Trouble};
use crate::metrics::HandlerMetrics;
use crate::portion::Portion;
use crate::post::Target;
use crate::replay::{self, Outcome, Replays, Request};
use crate::settings::{KEEP_EVERY, POISON_RETRY, STOP_WITHIN};
use crate::standing::Standing;
use cift_daemon::log;
use cift_wire::subject;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, Interval};

/// What every handler is given.
#[derive(Clone)]
pub struct Given {
    pub bus: Bus,
    pub shard: String,
    pub cold_start: Duration,
    pub stop: Stop,
}

/// The wish of the outside that the process ends.
#[derive(Clone)]
pub struct Stop(pub watch::Receiver<bool>);

impl Stop {
    /// Resolves when it is there; again and again.
    pub async fn told(&mut self) {
        let _ = self.0.wait_for(|stop| *stop).await;
    }
}

/// Why a feed was left.
enum End {
    Stopped,
    /// Another connection: what was asked of the server before is lost.
    Reconnected,
    /// The function wants that record.
    GoTo(u64),
    Trouble(Trouble),
}
impl From<Trouble> for End {
    fn from(trouble: Trouble) -> End {
        End::Trouble(trouble)
    }
}

/// See the module's header.
pub struct Deliver {
    given: Given,
    handler: Handler,
    trigger: StreamTrigger,
    metrics: Arc<HandlerMetrics>,
    standing: Standing,
    target: Target,
    replays: Replays,
    place: Place,
    portion: Portion,
    back_off: BackOff,
    keep: Interval,
    /// Something was dealt with since a feed was last opened.
    progress: bool,
}

impl Deliver {
    pub fn new(
        given: Given,
        handler: Handler,
        trigger: StreamTrigger,
        metrics: Arc<HandlerMetrics>,
        replays: Replays,
    ) -> Deliver {
        let mut keep = tokio::time::interval_at(Instant::now() + KEEP_EVERY, KEEP_EVERY);
        keep.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        Deliver {
            target: Target::new(&handler.url),
            portion: Portion::new(trigger.batch),
            standing: Standing::new(Arc::clone(&metrics)),
            given,
            handler,
            trigger,
            metrics,
            replays,
            place: Place::default(),
            back_off: BackOff::new(),
            keep,
            progress: false,
        }
    }

    /// Until the process is told to stop.
    pub async fn run(mut self) {
        let mut start_at = None;
        loop {
            let end = self.bring(start_at.take()).await;
            if std::mem::take(&mut self.progress) {
                self.back_off.reset();
            }
            let function = &self.handler.function;
            match end {
                End::Stopped => return,
                End::Reconnected => continue,
                End::GoTo(sequence) => {
                    HandlerMetrics::add(&self.metrics.rewinds, 1);
                    log::warn(
                        "goes where its function asks",
                        json!({"function": function, "sequence": sequence}),
                    );
                    start_at = Some(sequence);
                }
                End::Trouble(Trouble::Gap) => {
                    log::warn(
                        "a message is missing: begins again before it",
                        json!({"function": function}),
                    );
                }
                End::Trouble(Trouble::Bus(sentence)) => self.standing.waits(&sentence),
            }
            let wait = self.back_off.wait();
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.given.stop.told() => return,
            }
        }
    }

    async fn bring(&mut self, start_at: Option<u64>) -> End {
        self.given.bus.connections.mark_unchanged();
        let given = &self.given;
        let opening = Feed::open(
            &given.bus,
            &self.handler,
            &self.trigger,
            &given.shard,
            &self.place,
            start_at,
        );
        let mut feed = match opening.await {
            Ok(feed) => feed,
            Err(trouble) => return trouble.into(),
        };
        self.portion.begin_anew();
        let end = match self.pump(&mut feed).await {
            Ok(never) => match never {},
            Err(end) => end,
        };
        self.place = feed.place;
        end
    }

    async fn pump(&mut self, feed: &mut Feed) -> Result<std::convert::Infallible, End> {
        loop {
            let mut asked = self.replays.ready();
            while feed.is_empty() && asked.is_none() {
                tokio::select! {
                    () = self.given.stop.told() => return Err(End::Stopped),
                    _ = self.given.bus.connections.changed() => return Err(End::Reconnected),
                    request = self.replays.next() => asked = Some(request),
                    received = feed.receive() => received?,
                }
            }
            if let Some(request) = asked {
                self.replay(request, feed).await?;
                continue;
            }
            feed.receive_ready()?;
            let count = self.portion.of(feed.postable());
            let event = feed.event(count);
            let (answer, trouble) = self.post(&event, feed).await?;
            self.act(answer, count, &event, feed).await?;
            if let Some(trouble) = trouble {
                return Err(trouble.into());
            }
        }
    }

    /// Posts while the feed goes on and is kept. What the feed met with meanwhile is told with the answer, for the answer
    /// counts whatever happened to the stream.
    async fn post(&mut self, event: &CloudEvent, feed: &mut Feed) -> Result<(Answer, Option<Trouble>), End> {
        let begun = Instant::now();
        let patience = self.handler.timeout + self.given.cold_start;
        let mut posting = std::pin::pin!(self.target.post(event, patience));
        let mut trouble = None;
        let mut give_up: Option<Instant> = None;
        let answer = loop {
            tokio::select! {
                answer = &mut posting => break answer,
                received = feed.receive(), if trouble.is_none() => trouble = received.err(),
                _ = self.keep.tick() => trouble = trouble.or(feed.keep().await.err()),
                () = self.given.stop.told(), if give_up.is_none() => {
                    give_up = Some(Instant::now() + STOP_WITHIN);
                }
                () = tokio::time::sleep_until(give_up.unwrap_or(begun)), if give_up.is_some() => {
                    log::warn("abandons the batch in flight", json!({"function": self.handler.function}));
                    return Err(End::Stopped);
                }
            }
        };
        self.metrics.post.observe(begun.elapsed().as_millis() as u64);
        Ok((answer, trouble))
    }

    async fn act(&mut self, answer: Answer, count: usize, event: &CloudEvent, feed: &mut Feed) -> Result<(), End> {
        let last = feed.last_of(count);
        match answer {
            Answer::Done => self.done(count, event, feed).await,
            // It came before, and its acknowledgement was lost.
            Answer::Expected(next) if next == last + 1 => self.done(count, event, feed).await,
            Answer::Expected(sequence) => Err(End::GoTo(sequence)),
            Answer::Poison(_) if !self.portion.poisoned(count) => Ok(()),
            Answer::Poison(sentence) if self.trigger.effects => self.put_aside(&sentence, event, feed).await,
            Answer::Poison(sentence) => {
                let sentence = format!("message {last} of {}: {sentence}", self.trigger.stream);
                self.standing.stops(&sentence);
                HandlerMetrics::add(&self.metrics.retries, 1);
                self.pause(POISON_RETRY, feed).await
            }
            Answer::Busy => self.again("409 busy", feed).await,
            Answer::Failed { sentence, timed_out } => {
                if timed_out {
                    self.portion.too_slow(count);
                }
                self.again(&sentence, feed).await
            }
        }
    }

    async fn again(&mut self, sentence: &str, feed: &mut Feed) -> Result<(), End> {
        self.standing.fails(sentence);
        HandlerMetrics::add(&self.metrics.retries, 1);
        let wait = self.back_off.wait();
        self.pause(wait, feed).await
    }

    async fn done(&mut self, count: usize, event: &CloudEvent, feed: &mut Feed) -> Result<(), End> {
        HandlerMetrics::set(&self.metrics.sequence, feed.last_of(count));
        HandlerMetrics::add(&self.metrics.batches, 1);
        HandlerMetrics::add(&self.metrics.messages, count as u64);
        HandlerMetrics::add(&self.metrics.bytes, event.body.len() as u64);
        self.metrics.succeeded();
        self.moved_on(count, feed).await
    }

    async fn moved_on(&mut self, count: usize, feed: &mut Feed) -> Result<(), End> {
        self.progress = true;
        self.back_off.reset();
        self.portion.passed(count);
        self.standing.works();
        let beyond = feed.done(count).await?;
        HandlerMetrics::set(&self.metrics.lag, beyond);
        Ok(())
    }

    /// A poison that its handler is rid of, once `DLQ` has it.
    async fn put_aside(&mut self, sentence: &str, event: &CloudEvent, feed: &mut Feed) -> Result<(), End> {
        let subject = subject::dead_letter(&self.given.shard, &self.handler.function);
        let headers = dead_letter::headers(event, sentence);
        let stored = self.given.bus.store(subject, &headers, event.body.clone()).await;
        if let Err(why) = stored {
            return self.again(&format!("a poison cannot be put aside: {why}"), feed).await;
        }
        HandlerMetrics::add(&self.metrics.poison, 1);
        HandlerMetrics::set(&self.metrics.sequence, feed.last_of(1));
        let fields = json!({"function": self.handler.function, "sequence": feed.last_of(1), "reason": sentence});
        log::error("a poison is put aside into DLQ", fields);
        self.moved_on(1, feed).await
    }

    /// A dead letter, brought once more; gone from `DLQ` only when it was taken.
    async fn replay(&mut self, request: Request, feed: &mut Feed) -> Result<(), End> {
        if request.is_late() {
            return Ok(());
        }
        if !self.standing.is_working() {
            request
                .answer(&self.given.bus, Outcome::Failed("it fails at present".into()))
                .await;
            return Ok(());
        }
        let letter = match replay::letter(&self.given.bus, &self.handler.function, request.sequence).await {
            Ok(letter) => letter,
            Err(outcome) => {
                request.answer(&self.given.bus, outcome).await;
                return Ok(());
            }
        };
        let (answer, trouble) = self.post(&letter, feed).await?;
        let outcome = match answer {
            Answer::Done => replay::remove(&self.given.bus, request.sequence).await,
            Answer::Poison(sentence) => Outcome::Poison(sentence),
            Answer::Failed { sentence, .. } => Outcome::Failed(sentence),
            other => Outcome::Failed(format!("{other:?}")),
        };
        if outcome == Outcome::Done {
            HandlerMetrics::add(&self.metrics.replayed, 1);
        }
        let fields = json!({
            "function": self.handler.function,
            "letter": request.sequence,
            "outcome": outcome.name(),
        });
        log::info("a dead letter was brought again", fields);
        request.answer(&self.given.bus, outcome).await;
        trouble.map_or(Ok(()), |trouble| Err(trouble.into()))
    }

    /// Waits, while the feed goes on and is kept.
    async fn pause(&mut self, wait: Duration, feed: &mut Feed) -> Result<(), End> {
        let until = Instant::now() + wait;
        loop {
            tokio::select! {
                () = tokio::time::sleep_until(until) => return Ok(()),
                received = feed.receive() => received?,
                _ = self.keep.tick() => feed.keep().await?,
                () = self.given.stop.told() => return Err(End::Stopped),
                _ = self.given.bus.connections.changed() => return Err(End::Reconnected),
                request = self.replays.next() => {
                    request.answer(&self.given.bus, Outcome::Failed("it fails at present".into())).await;
                }
            }
        }
    }
}
