//! Whether a handler works: one log line a change, and the alarm.
use crate::metrics::HandlerMetrics;
use crate::settings::ALARM_AFTER;
use cift_daemon::log;
use serde_json::json;
use std::sync::Arc;
use std::time::Instant;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Works,
    /// NATS, the stream or the consumer is not there.
    Waits,
    /// The function is not there, or fails.
    Fails,
    /// A poison that cannot be skipped.
    Stopped,
}

/// See the module's header.
pub struct Standing {
    metrics: Arc<HandlerMetrics>,
    state: State,
    since: Instant,
    tries: u64,
    alarm: bool,
}

impl Standing {
    pub fn new(metrics: Arc<HandlerMetrics>) -> Standing {
        Standing {
            metrics,
            state: State::Works,
            since: Instant::now(),
            tries: 0,
            alarm: false,
        }
    }
    pub fn is_working(&self) -> bool {
        self.state == State::Works
    }
    pub fn works(&mut self) {
        if self.state == State::Works {
            return;
        }
        let seconds = self.since.elapsed().as_secs_f64();
        let fields = json!({"function": self.metrics.function, "tries": self.tries, "after_s": seconds});
        log::info("works again", fields);
        self.becomes(State::Works);
        self.raise(false);
    }
    pub fn waits(&mut self, sentence: &str) {
        self.is_not_working(State::Waits, "waits for its stream", sentence);
    }
    pub fn fails(&mut self, sentence: &str) {
        self.is_not_working(State::Fails, "fails; tried again until it works", sentence);
    }
    /// The sentence names the message.
    pub fn stops(&mut self, sentence: &str) {
        if self.state != State::Stopped {
            self.becomes(State::Stopped);
            let fields = json!({"function": self.metrics.function, "reason": sentence});
            log::error("stopped at a poison, which a projector never skips", fields);
        }
        self.tries += 1;
        self.raise(true);
    }

    fn is_not_working(&mut self, state: State, change: &str, sentence: &str) {
        let fields = json!({"function": self.metrics.function, "reason": sentence});
        if self.state != state {
            // From one trouble into another: the clock of the alarm goes on.
            let since = (self.state != State::Works).then_some(self.since);
            self.becomes(state);
            self.since = since.unwrap_or(self.since);
            log::warn(change, fields);
        } else if !self.alarm && self.since.elapsed() > ALARM_AFTER {
            log::error("alarm: it does not work", fields);
            self.raise(true);
        }
        self.tries += 1;
    }
    fn becomes(&mut self, state: State) {
        self.state = state;
        self.since = Instant::now();
        if state == State::Works {
            self.tries = 0;
        }
        HandlerMetrics::set(&self.metrics.stopped, u64::from(state == State::Stopped));
    }
    fn raise(&mut self, alarm: bool) {
        self.alarm = alarm;
        HandlerMetrics::set(&self.metrics.alarm, u64::from(alarm));
    }
}
