//! One handler of a stream: posts the received messages, acts on the response, and repeats without end.
//!
//! While a batch is in flight or waits for a retry, it is reported as in progress, so that JetStream does
//! not redeliver it. Messages that arrive in the meantime join the next POST.
use crate::back_off::BackOff;
use crate::bus::Bus;
use crate::cloud_event::CloudEvent;
use crate::config::{Handler, StreamTrigger};
use crate::consumer::{Consumer, ConsumerError, Progress};
use crate::dead_letter;
use crate::handler_state::HandlerState;
use crate::metrics::HandlerMetrics;
use crate::post::Target;
use crate::post_size::PostSize;
use crate::replay::{self, Outcome, ReplayRequest, ReplayRequests};
use crate::response::Response;
use crate::settings::{IN_PROGRESS_EVERY, POISON_RETRY, STOP_WITHIN};
use cift_daemon::log;
use cift_daemon::trace::{Context, Kind, Span, Tracer};
use cift_wire::subject;
use serde_json::json;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, Interval};

/// The reply to a replay request while the handler does not work.
const HANDLER_FAILING: &str = "the handler is failing: try again when it works";

/// Spans of one POST. Beyond, further traced messages have none.
const TRACED_PER_POST: usize = 16;

/// What all handlers share.
#[derive(Clone)]
pub struct HandlerContext {
    pub bus: Bus,
    pub shard: String,
    pub cold_start: Duration,
    pub stop: StopSignal,
    pub tracer: Option<Tracer>,
}

/// Whether the process must stop.
#[derive(Clone)]
pub struct StopSignal(pub watch::Receiver<bool>);

impl StopSignal {
    /// Resolves when the process must stop, on every later call at once.
    pub async fn requested(&mut self) {
        let _ = self.0.wait_for(|stop| *stop).await;
    }
}

/// Why the delivery from one consumer ended.
enum End {
    Stopped,
    /// There is a new connection: requests over the old one are lost.
    Reconnected,
    /// The function expects this record next.
    Rewind(u64),
    Failed(ConsumerError),
}
impl From<ConsumerError> for End {
    fn from(error: ConsumerError) -> End {
        End::Failed(error)
    }
}

/// The delivery of one stream to one handler.
pub struct StreamDelivery {
    context: HandlerContext,
    handler: Handler,
    trigger: StreamTrigger,
    metrics: Arc<HandlerMetrics>,
    state: HandlerState,
    target: Target,
    replays: ReplayRequests,
    progress: Progress,
    post_size: PostSize,
    back_off: BackOff,
    in_progress: Interval,
    /// The handler has advanced since the consumer was opened.
    advanced: bool,
}

impl StreamDelivery {
    pub fn new(
        context: HandlerContext,
        handler: Handler,
        trigger: StreamTrigger,
        metrics: Arc<HandlerMetrics>,
        replays: ReplayRequests,
    ) -> StreamDelivery {
        let mut in_progress = tokio::time::interval_at(Instant::now() + IN_PROGRESS_EVERY, IN_PROGRESS_EVERY);
        in_progress.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        StreamDelivery {
            target: Target::new(&handler.url, handler.socket.clone()),
            post_size: PostSize::new(trigger.batch),
            state: HandlerState::new(Arc::clone(&metrics)),
            context,
            handler,
            trigger,
            metrics,
            replays,
            progress: Progress::default(),
            back_off: BackOff::new(),
            in_progress,
            advanced: false,
        }
    }

    /// Runs until the process stops.
    pub async fn run(mut self) {
        let mut start_at = None;
        loop {
            let end = self.run_consumer(start_at.take()).await;
            if std::mem::take(&mut self.advanced) {
                self.back_off.reset();
            }
            let function = &self.handler.function;
            match end {
                End::Stopped => return,
                End::Reconnected => continue,
                End::Rewind(sequence) => {
                    HandlerMetrics::add(&self.metrics.rewinds, 1);
                    log::warn(
                        "the function expects another record: restarting from it",
                        json!({"function": function, "sequence": sequence}),
                    );
                    start_at = Some(sequence);
                }
                End::Failed(ConsumerError::Gap) => {
                    log::warn(
                        "a message is missing: restarting before it",
                        json!({"function": function}),
                    );
                }
                End::Failed(ConsumerError::Nats(reason)) => self.state.set_waiting(&reason),
            }
            let wait = self.back_off.next_wait();
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.context.stop.requested() => return,
            }
        }
    }

    async fn run_consumer(&mut self, start_at: Option<u64>) -> End {
        self.context.bus.connections.mark_unchanged();
        let context = &self.context;
        let opening = Consumer::open(
            &context.bus,
            &self.handler,
            &self.trigger,
            &context.shard,
            &self.progress,
            start_at,
        );
        let mut consumer = match opening.await {
            Ok(consumer) => consumer,
            Err(error) => return error.into(),
        };
        self.post_size.forget_suspects();
        let end = match self.deliver(&mut consumer).await {
            Ok(never) => match never {},
            Err(end) => end,
        };
        self.progress = consumer.progress;
        end
    }

    async fn deliver(&mut self, consumer: &mut Consumer) -> Result<Infallible, End> {
        loop {
            let mut replay = self.replays.ready();
            while consumer.is_empty() && replay.is_none() {
                tokio::select! {
                    () = self.context.stop.requested() => return Err(End::Stopped),
                    _ = self.context.bus.connections.changed() => return Err(End::Reconnected),
                    request = self.replays.next() => replay = Some(request),
                    received = consumer.receive() => received?,
                }
            }
            if let Some(request) = replay {
                self.replay(request, consumer).await?;
                continue;
            }
            self.gather(consumer).await?;
            let count = self.post_size.next(consumer.postable());
            let mut event = consumer.cloud_event(count);
            let spans = self.begin_spans(count, &mut event, consumer);
            let (response, error) = self.post(&event, consumer).await?;
            self.end_spans(spans, count, &response);
            self.handle_response(response, count, &event, consumer).await?;
            if let Some(error) = error {
                return Err(error.into());
            }
        }
    }

    /// Begins a span for each traced message of a POST; the first becomes the parent of the function's span.
    fn begin_spans(&self, count: usize, event: &mut CloudEvent, consumer: &Consumer) -> Vec<Span> {
        let Some(tracer) = &self.context.tracer else {
            return Vec::new();
        };
        let started_ns = log::wall_clock_ns();
        let parents = consumer.traces(count);
        let spans: Vec<Span> = parents
            .iter()
            .take(TRACED_PER_POST)
            .map(|parent| Span {
                name: format!("deliver {}", self.handler.function),
                context: Context {
                    trace: parent.trace,
                    span: tracer.new_id(),
                },
                parent: parent.span,
                kind: Kind::Client,
                started_ns,
                ended_ns: started_ns,
                attributes: vec![
                    ("messaging.batch.message_count", count.to_string()),
                    ("messaging.destination.name", self.trigger.stream.clone()),
                ],
                error: None,
            })
            .collect();
        if let Some(first) = spans.first() {
            event.set_trace(first.context);
        }
        spans
    }

    fn end_spans(&self, spans: Vec<Span>, count: usize, response: &Response) {
        let Some(tracer) = &self.context.tracer else { return };
        let ended_ns = if spans.is_empty() { 0 } else { log::wall_clock_ns() };
        for mut span in spans {
            span.ended_ns = ended_ns;
            if *response != Response::Done {
                span.error = Some(format!("{response:?}, {count} messages"));
            }
            tracer.record(span);
        }
    }

    /// Receives more messages until the batch is full or its first message has waited for `linger`.
    async fn gather(&mut self, consumer: &mut Consumer) -> Result<(), End> {
        consumer.receive_ready()?;
        let Some(post_at) = consumer.first_arrived_at().map(|at| at + self.trigger.linger) else {
            return Ok(());
        };
        while !consumer.is_full() && Instant::now() < post_at {
            tokio::select! {
                () = tokio::time::sleep_until(post_at) => {}
                () = self.context.stop.requested() => return Err(End::Stopped),
                _ = self.context.bus.connections.changed() => return Err(End::Reconnected),
                received = consumer.receive() => received?,
            }
        }
        Ok(())
    }

    /// Posts while the consumer receives and reports its messages as in progress. An error of the consumer
    /// in this time is returned with the response, because the response counts in any case.
    async fn post(
        &mut self,
        event: &CloudEvent,
        consumer: &mut Consumer,
    ) -> Result<(Response, Option<ConsumerError>), End> {
        let started = Instant::now();
        let timeout = self.handler.timeout + self.context.cold_start;
        let mut posting = std::pin::pin!(self.target.post(event, timeout));
        let mut error = None;
        let mut abandon_at: Option<Instant> = None;
        let response = loop {
            tokio::select! {
                response = &mut posting => break response,
                received = consumer.receive(), if error.is_none() => error = received.err(),
                _ = self.in_progress.tick() => error = error.or(consumer.report_in_progress().await.err()),
                () = self.context.stop.requested(), if abandon_at.is_none() => {
                    abandon_at = Some(Instant::now() + STOP_WITHIN);
                }
                () = tokio::time::sleep_until(abandon_at.unwrap_or(started)), if abandon_at.is_some() => {
                    log::warn("abandoning the batch in flight", json!({"function": self.handler.function}));
                    return Err(End::Stopped);
                }
            }
        };
        self.metrics.post.observe(started.elapsed().as_millis() as u64);
        Ok((response, error))
    }

    async fn handle_response(
        &mut self,
        response: Response,
        count: usize,
        event: &CloudEvent,
        consumer: &mut Consumer,
    ) -> Result<(), End> {
        let last = consumer.last_sequence_of(count);
        match response {
            Response::Done => self.complete(count, event, consumer).await,
            // The function has handled this batch before, and the acknowledgement was lost.
            Response::Expected(next) if next == last + 1 => self.complete(count, event, consumer).await,
            Response::Expected(sequence) => Err(End::Rewind(sequence)),
            Response::Poison(_) if !self.post_size.poisoned(count) => Ok(()),
            Response::Poison(reason) if self.trigger.effects => self.dead_letter(&reason, event, consumer).await,
            Response::Poison(reason) => {
                let reason = format!("message {last} of {}: {reason}", self.trigger.stream);
                self.state.set_stopped(&reason);
                HandlerMetrics::add(&self.metrics.retries, 1);
                self.pause(POISON_RETRY, consumer).await
            }
            Response::Busy => self.retry("409 busy", consumer).await,
            Response::Failed { reason, timed_out } => {
                if timed_out {
                    self.post_size.timed_out(count);
                }
                self.retry(&reason, consumer).await
            }
        }
    }

    async fn retry(&mut self, reason: &str, consumer: &mut Consumer) -> Result<(), End> {
        self.state.set_failing(reason);
        HandlerMetrics::add(&self.metrics.retries, 1);
        let wait = self.back_off.next_wait();
        self.pause(wait, consumer).await
    }

    async fn complete(&mut self, count: usize, event: &CloudEvent, consumer: &mut Consumer) -> Result<(), End> {
        HandlerMetrics::set(&self.metrics.sequence, consumer.last_sequence_of(count));
        HandlerMetrics::add(&self.metrics.batches, 1);
        HandlerMetrics::add(&self.metrics.messages, count as u64);
        HandlerMetrics::add(&self.metrics.bytes, event.body.len() as u64);
        self.metrics.succeeded();
        self.advance(count, consumer).await
    }

    async fn advance(&mut self, count: usize, consumer: &mut Consumer) -> Result<(), End> {
        self.advanced = true;
        self.back_off.reset();
        self.post_size.passed(count);
        self.state.set_working();
        let pending = consumer.acknowledge(count).await?;
        HandlerMetrics::set(&self.metrics.lag, pending);
        Ok(())
    }

    /// Stores a poison message in `DLQ`, then advances past it.
    async fn dead_letter(&mut self, reason: &str, event: &CloudEvent, consumer: &mut Consumer) -> Result<(), End> {
        let subject = subject::dead_letter(&self.context.shard, &self.handler.function);
        let headers = dead_letter::headers(event, reason);
        let stored = self
            .context
            .bus
            .publish_to_stream(subject, &headers, event.body.clone())
            .await;
        if let Err(error) = stored {
            return self
                .retry(&format!("cannot store a dead letter: {error}"), consumer)
                .await;
        }
        HandlerMetrics::add(&self.metrics.poison, 1);
        HandlerMetrics::set(&self.metrics.sequence, consumer.last_sequence_of(1));
        let fields =
            json!({"function": self.handler.function, "sequence": consumer.last_sequence_of(1), "reason": reason});
        log::error("poison message stored in DLQ", fields);
        self.advance(1, consumer).await
    }

    /// Delivers a dead letter again. It is removed from `DLQ` only if the function accepts it.
    async fn replay(&mut self, request: ReplayRequest, consumer: &mut Consumer) -> Result<(), End> {
        if request.has_expired() {
            return Ok(());
        }
        if !self.state.is_working() {
            request
                .reply(&self.context.bus, Outcome::Failed(HANDLER_FAILING.into()))
                .await;
            return Ok(());
        }
        let event = match replay::load(&self.context.bus, &self.handler.function, request.sequence).await {
            Ok(event) => event,
            Err(outcome) => {
                request.reply(&self.context.bus, outcome).await;
                return Ok(());
            }
        };
        let (response, error) = self.post(&event, consumer).await?;
        let outcome = match response {
            Response::Done => replay::remove(&self.context.bus, request.sequence).await,
            Response::Poison(reason) => Outcome::Poison(reason),
            Response::Failed { reason, .. } => Outcome::Failed(reason),
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
        log::info("dead letter replayed", fields);
        request.reply(&self.context.bus, outcome).await;
        error.map_or(Ok(()), |error| Err(error.into()))
    }

    /// Waits while the consumer receives and reports its messages as in progress.
    async fn pause(&mut self, wait: Duration, consumer: &mut Consumer) -> Result<(), End> {
        let until = Instant::now() + wait;
        loop {
            tokio::select! {
                () = tokio::time::sleep_until(until) => return Ok(()),
                received = consumer.receive() => received?,
                _ = self.in_progress.tick() => consumer.report_in_progress().await?,
                () = self.context.stop.requested() => return Err(End::Stopped),
                _ = self.context.bus.connections.changed() => return Err(End::Reconnected),
                request = self.replays.next() => {
                    request.reply(&self.context.bus, Outcome::Failed(HANDLER_FAILING.into())).await;
                }
            }
        }
    }
}
