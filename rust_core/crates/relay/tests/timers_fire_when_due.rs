//! Timed functions are called when they are due, one call at a time. Due times that were missed become one
//! call.
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

/// Milliseconds of a due time within its minute.
fn minute_ms(post: &Post) -> u64 {
    let id = post.header("ce-id");
    let text = id.rsplit(':').next().unwrap().trim_end_matches('Z');
    (text.parse::<f64>().unwrap() * 1000.0).round() as u64
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn due_times_are_multiples_of_the_period_and_each_is_called_once() {
    let mut deployment = Deployment::new().await;
    let function = Function::start(|_| async { done() }).await;
    let relay = deployment.start_relay(&[timer("auth.expire_tokens", &function.url(), 0.5)]);
    eventually("seven calls", || async { (function.posts().len() >= 7).then_some(()) }).await;
    let posts = function.posts();
    let ids: HashSet<&str> = posts.iter().map(|p| p.header("ce-id")).collect();
    assert_eq!(ids.len(), posts.len(), "{ids:?}");
    for post in &posts {
        assert_eq!(post.header("ce-type"), "markets.cift.due");
        assert!(post.header("ce-id").starts_with("auth.expire_tokens/20"));
        assert_eq!(minute_ms(post) % 500, 0);
        assert!(post.body.is_empty());
    }
    relay
        .metric_is("relay_batches_total", "auth.expire_tokens", |v| v >= 7.0)
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_calls_do_not_overlap_and_missed_due_times_become_one_call() {
    let mut deployment = Deployment::new().await;
    let function = Function::start(|_| async {
        tokio::time::sleep(Duration::from_millis(1_700)).await;
        done()
    })
    .await;
    let _relay = deployment.start_relay(&[timer("auth.expire_tokens", &function.url(), 0.5)]);
    eventually("four calls", || async { (function.posts().len() >= 4).then_some(()) }).await;
    let posts = function.posts();
    assert_eq!(function.max_concurrent(), 1);
    let ids: HashSet<&str> = posts.iter().map(|p| p.header("ce-id")).collect();
    assert_eq!(ids.len(), posts.len());
    for pair in posts.windows(2) {
        let between = (60_000 + minute_ms(&pair[1]) - minute_ms(&pair[0])) % 60_000;
        assert!(between >= 1_500, "three periods pass during each call: {between} ms");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_call_is_retried_with_its_due_time() {
    let mut deployment = Deployment::new().await;
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
    // The period is a day, so that all tries have the same due time.
    let relay = deployment.start_relay(&[timer("auth.expire_tokens", &function.url(), 86_400.0)]);
    relay
        .metric_is("relay_batches_total", "auth.expire_tokens", |v| v == 1.0)
        .await;
    let posts = function.posts();
    assert_eq!(posts.len(), 3);
    let ids: HashSet<&str> = posts.iter().map(|p| p.header("ce-id")).collect();
    assert!(ids.len() <= 2, "{ids:?}");
    assert_eq!(relay.log_count("handler works again"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn timers_need_no_nats_and_stop_after_the_call() {
    let mut deployment = Deployment::new().await;
    deployment.nats.kill();
    let function = Function::start(|_| async { done() }).await;
    let mut relay = deployment.start_relay(&[timer("auth.expire_tokens", &function.url(), 0.5)]);
    eventually("two calls", || async { (function.posts().len() >= 2).then_some(()) }).await;
    relay.process.signal("TERM");
    assert_eq!(relay.process.exit_code().await, Some(0), "{}", relay.log());
}
