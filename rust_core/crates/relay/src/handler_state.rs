//! Whether a handler works: one log line per change, and the alarm.
use crate::metrics::HandlerMetrics;
use crate::settings::ALARM_AFTER;
use cift_daemon::log;
use serde_json::json;
use std::sync::Arc;
use std::time::Instant;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Working,
    /// NATS, the stream or the consumer is not available.
    Waiting,
    /// The function is not available, or fails.
    Failing,
    /// The handler stopped at a poison message that it must not skip.
    Stopped,
}

/// The state of one handler since its last change.
pub struct HandlerState {
    metrics: Arc<HandlerMetrics>,
    state: State,
    since: Instant,
    tries: u64,
    alarm: bool,
}

impl HandlerState {
    pub fn new(metrics: Arc<HandlerMetrics>) -> HandlerState {
        HandlerState {
            metrics,
            state: State::Working,
            since: Instant::now(),
            tries: 0,
            alarm: false,
        }
    }
    pub fn is_working(&self) -> bool {
        self.state == State::Working
    }
    pub fn set_working(&mut self) {
        if self.state == State::Working {
            return;
        }
        let seconds = self.since.elapsed().as_secs_f64();
        let fields = json!({"function": self.metrics.function, "tries": self.tries, "after_s": seconds});
        log::info("handler works again", fields);
        self.change(State::Working);
        self.set_alarm(false);
    }
    pub fn set_waiting(&mut self, reason: &str) {
        self.set_not_working(State::Waiting, "waiting for the stream", reason);
    }
    pub fn set_failing(&mut self, reason: &str) {
        self.set_not_working(State::Failing, "handler fails: retrying until it works", reason);
    }
    /// The reason names the message.
    pub fn set_stopped(&mut self, reason: &str) {
        if self.state != State::Stopped {
            self.change(State::Stopped);
            let fields = json!({"function": self.metrics.function, "reason": reason});
            log::error("stopped at a poison message: a projector skips no message", fields);
        }
        self.tries += 1;
        self.set_alarm(true);
    }

    fn set_not_working(&mut self, state: State, message: &str, reason: &str) {
        let fields = json!({"function": self.metrics.function, "reason": reason});
        if self.state != state {
            // A change from one failure to another does not restart the time to the alarm.
            let since = (self.state != State::Working).then_some(self.since);
            self.change(state);
            self.since = since.unwrap_or(self.since);
            log::warn(message, fields);
        } else if !self.alarm && self.since.elapsed() > ALARM_AFTER {
            log::error("alarm: the handler still does not work", fields);
            self.set_alarm(true);
        }
        self.tries += 1;
    }
    fn change(&mut self, state: State) {
        self.state = state;
        self.since = Instant::now();
        if state == State::Working {
            self.tries = 0;
        }
        HandlerMetrics::set(&self.metrics.stopped, u64::from(state == State::Stopped));
    }
    fn set_alarm(&mut self, alarm: bool) {
        self.alarm = alarm;
        HandlerMetrics::set(&self.metrics.alarm, u64::from(alarm));
    }
}
