//! Timed functions are told when they are due: never twice at once, what was missed as one.
mod support;
use serde_json::{json, Value};
use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::Duration;
use support::*;

fn timer(function: &str, url: &str, seconds: f64) -> Value {
    json!({"function": function, "url": url, "kind": "every", "every_seconds": seconds, "timeout_seconds": 20})
}

/// Nanoseconds of the minute that a due time says.
fn of_minute_ms(posted: &Posted) -> u64 {
    let id = posted.header("ce-id");
    let text = id.rsplit(':').next().unwrap().trim_end_matches('Z');
    (text.parse::<f64>().unwrap() * 1000.0).round() as u64
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn due_times_are_multiples_of_the_period_and_each_is_told_once() {
    let mut place = Place::new().await;
    let function = Function::start(|_| async { done() }).await;
    let relay = place.relay(&[timer("auth.expire_tokens", &function.url(), 0.5)]);
    eventually("seven calls", || async { (function.posts().len() >= 7).then_some(()) }).await;
    let posts = function.posts();
    let ids: HashSet<&str> = posts.iter().map(|p| p.header("ce-id")).collect();
    assert_eq!(ids.len(), posts.len(), "{ids:?}");
    for posted in &posts {
        assert_eq!(posted.header("ce-type"), "markets.cift.due");
        assert!(posted.header("ce-id").starts_with("auth.expire_tokens/20"));
        assert_eq!(of_minute_ms(posted) % 500, 0);
        assert!(posted.body.is_empty());
    }
    relay
        .metric_is("relay_batches_total", "auth.expire_tokens", |v| v >= 7.0)
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_call_is_never_doubled_and_what_it_missed_is_one() {
    let mut place = Place::new().await;
    let function = Function::start(|_| async {
        tokio::time::sleep(Duration::from_millis(1_700)).await;
        done()
    })
    .await;
    let _relay = place.relay(&[timer("auth.expire_tokens", &function.url(), 0.5)]);
    eventually("four calls", || async { (function.posts().len() >= 4).then_some(()) }).await;
    let posts = function.posts();
    assert_eq!(function.most_at_once(), 1);
    let ids: HashSet<&str> = posts.iter().map(|p| p.header("ce-id")).collect();
    assert_eq!(ids.len(), posts.len());
    for pair in posts.windows(2) {
        let between = (60_000 + of_minute_ms(&pair[1]) - of_minute_ms(&pair[0])) % 60_000;
        assert!(between >= 1_500, "three periods went by in each call: {between} ms");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_fails_is_tried_again_with_its_due_time() {
    let mut place = Place::new().await;
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let function = Function::start(move |_| {
        let call = counted.fetch_add(1, Ordering::SeqCst);
        async move {
            match call {
                0 | 1 => (503, String::new()),
                2 => (409, "{\"code\":\"busy\"}".to_owned()),
                _ => done(),
            }
        }
    })
    .await;
    // Due once in a long while: what is tried again has the one due time.
    let relay = place.relay(&[timer("auth.expire_tokens", &function.url(), 86_400.0)]);
    relay
        .metric_is("relay_batches_total", "auth.expire_tokens", |v| v == 1.0)
        .await;
    let posts = function.posts();
    assert_eq!(posts.len(), 3);
    let ids: HashSet<&str> = posts.iter().map(|p| p.header("ce-id")).collect();
    assert!(ids.len() <= 2, "{ids:?}");
    assert_eq!(relay.said("works again"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn timers_need_no_nats_and_stop_in_order() {
    let mut place = Place::new().await;
    place.nats.kill();
    let function = Function::start(|_| async { done() }).await;
    let mut relay = place.relay(&[timer("auth.expire_tokens", &function.url(), 0.5)]);
    eventually("two calls", || async { (function.posts().len() >= 2).then_some(()) }).await;
    relay.process.signal("TERM");
    assert_eq!(relay.process.exit_code().await, Some(0), "{}", relay.log());
}
