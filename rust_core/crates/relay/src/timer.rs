//! One `every` function: called when it is due.
//!
//! Due times are the multiples of the period since 1970. So the due times, and the ids that are built from
//! them, are the same in every process.
//!
//! There is one call at a time. Due times that pass during a call, or while relay does not run, become one
//! call for the latest of them. A failed call is retried until the next due time.
use crate::back_off::BackOff;
use crate::cloud_event;
use crate::config::Handler;
use crate::delivery::HandlerContext;
use crate::handler_state::HandlerState;
use crate::metrics::HandlerMetrics;
use crate::post::Target;
use crate::response::Response;
use crate::settings::STOP_WITHIN;
use cift_daemon::log::wall_clock_ns;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

const SECOND_NS: i64 = 1_000_000_000;

/// Runs until the process stops.
pub async fn run(mut context: HandlerContext, handler: Handler, period: Duration, metrics: Arc<HandlerMetrics>) {
    let mut target = Target::new(&handler.url, handler.socket.clone());
    let mut state = HandlerState::new(Arc::clone(&metrics));
    let mut back_off = BackOff::new();
    let timeout = handler.timeout + context.cold_start;
    let period_ns = i64::try_from(period.as_nanos()).unwrap_or(i64::MAX);
    // A due time that passed while relay did not run is due now.
    let mut due = latest_due(wall_clock_ns(), period_ns);
    loop {
        let event = cloud_event::due(&handler.function, &rfc3339(due));
        let started = Instant::now();
        let response = {
            let mut posting = std::pin::pin!(target.post(&event, timeout));
            tokio::select! {
                response = &mut posting => response,
                () = context.stop.requested() => {
                    let _ = tokio::time::timeout(STOP_WITHIN, posting).await;
                    return;
                }
            }
        };
        metrics.post.observe(started.elapsed().as_millis() as u64);
        let next = latest_due(wall_clock_ns(), period_ns).saturating_add(period_ns);
        let failure = match response {
            // Busy: the function still runs for an earlier call, so this due time needs no retry.
            Response::Done | Response::Busy => {
                HandlerMetrics::add(&metrics.batches, 1);
                HandlerMetrics::set(&metrics.sequence, (due / SECOND_NS).unsigned_abs());
                metrics.succeeded();
                back_off.reset();
                state.set_working();
                None
            }
            Response::Failed { reason, .. } | Response::Poison(reason) => Some(reason),
            Response::Expected(_) => {
                Some("the response is 409 with the code `expected`, which only event functions may return".to_owned())
            }
        };
        let until_next = Duration::from_nanos(u64::try_from(next - wall_clock_ns()).unwrap_or(0));
        let wait = match failure {
            Some(reason) => {
                state.set_failing(&reason);
                HandlerMetrics::add(&metrics.retries, 1);
                back_off.next_wait().min(until_next)
            }
            // Another due time passed during the call.
            None if next - period_ns > due => Duration::ZERO,
            None => until_next,
        };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = context.stop.requested() => return,
        }
        due = latest_due(wall_clock_ns(), period_ns).max(due);
    }
}

/// The last due time at or before `now`.
fn latest_due(now_ns: i64, period_ns: i64) -> i64 {
    now_ns - now_ns.rem_euclid(period_ns)
}

/// A time as RFC 3339 in UTC, with as many decimal places as it needs.
pub fn rfc3339(time_ns: i64) -> String {
    let (seconds, nanos) = (time_ns.div_euclid(SECOND_NS), time_ns.rem_euclid(SECOND_NS));
    let (days, of_day) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Converts days to a civil date. Years start in March here, so that the leap day is the last day of its
    // year.
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let months_since_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * months_since_march + 2) / 5 + 1;
    let month = if months_since_march < 10 {
        months_since_march + 3
    } else {
        months_since_march - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
    let decimals = match nanos {
        0 => String::new(),
        nanos => format!(".{nanos:09}").trim_end_matches('0').to_owned(),
    };
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{decimals}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_formatted_as_rfc_3339() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00"),
            (951_782_399, "2000-02-28T23:59:59"),
            (951_782_400, "2000-02-29T00:00:00"),
            (1_767_225_600, "2026-01-01T00:00:00"),
            (4_107_542_400, "2100-03-01T00:00:00"),
            (-1, "1969-12-31T23:59:59"),
        ] {
            assert_eq!(rfc3339(seconds * SECOND_NS), format!("{text}Z"));
        }
        assert_eq!(rfc3339(SECOND_NS / 2), "1970-01-01T00:00:00.5Z");
    }

    #[test]
    fn due_times_are_multiples_of_the_period() {
        assert_eq!(latest_due(61 * SECOND_NS, 60 * SECOND_NS), 60 * SECOND_NS);
        assert_eq!(latest_due(60 * SECOND_NS, 60 * SECOND_NS), 60 * SECOND_NS);
        assert_eq!(latest_due(59 * SECOND_NS, 60 * SECOND_NS), 0);
    }
}
