//! What a function answers moves its handler, and nothing else does: failures are tried again for ever, `expected` goes
//! back, a slow function is waited for.
mod support;
use futures_util::StreamExt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use support::*;

const FUNCTION: &str = "events.project_orders";

fn sequences(posts: &[Posted]) -> Vec<u64> {
    posts.iter().flat_map(Posted::sequences).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failing_function_is_tried_until_it_works_with_one_line_a_change() {
    let mut place = Place::new().await;
    place.stream("ORDERS", "orders.main").await;
    place.stream("DLQ", "dlq.>").await;
    place.publish("orders.main", 1, 20).await;
    let works = Arc::new(AtomicBool::new(false));
    let tries = Arc::new(AtomicUsize::new(0));
    let (is_there, counted) = (Arc::clone(&works), Arc::clone(&tries));
    let answer = move |_| {
        let (works, try_) = (is_there.load(Ordering::SeqCst), counted.fetch_add(1, Ordering::SeqCst));
        async move {
            let failures = [
                (500, String::new()),
                (
                    503,
                    "{\"code\":\"database_unavailable\",\"message\":\"no PostgreSQL\"}".to_owned(),
                ),
                (404, "no host".to_owned()),
                (400, "{\"code\":\"invalid_batch\"}".to_owned()),
                (422, "{\"code\":\"other\"}".to_owned()),
            ];
            if works {
                done()
            } else {
                failures[try_ % failures.len()].clone()
            }
        }
    };
    let function = Function::start(answer).await;
    let relay = place.relay(&[projector(FUNCTION, &function.url(), 10)]);
    relay.metric_is("relay_alarm", FUNCTION, |v| v == 1.0).await;
    relay.metric_is("relay_lag_messages", FUNCTION, |v| v == 20.0).await;
    relay.metric_is("relay_retries_total", FUNCTION, |v| v > 5.0).await;
    assert_eq!(relay.said("fails; tried again"), 1, "{}", relay.log());
    assert_eq!(relay.said("alarm: it does not work"), 1, "{}", relay.log());
    works.store(true, Ordering::SeqCst);
    place.acknowledged("ORDERS", "project_orders", 20).await;
    relay.metric_is("relay_alarm", FUNCTION, |v| v == 0.0).await;
    relay.metric_is("relay_lag_messages", FUNCTION, |v| v == 0.0).await;
    assert_eq!(relay.said("works again"), 1, "{}", relay.log());
    assert!(relay.log().lines().count() < 10, "{}", relay.log());
    let mut dead = place.context.get_stream("DLQ").await.unwrap();
    assert_eq!(dead.info().await.unwrap().state.messages, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_function_that_is_not_there_is_waited_for_and_holds_up_nobody_else() {
    let mut place = Place::new().await;
    place.stream("ORDERS", "orders.main").await;
    place.publish("orders.main", 1, 20).await;
    let there = Function::start(|_| async { done() }).await;
    let port = cift_testbed::free_port();
    let away = format!("http://127.0.0.1:{port}/");
    let relay = place.relay(&[
        projector("events.project_ledger", &away, 10),
        projector(FUNCTION, &there.url(), 10),
    ]);
    place.acknowledged("ORDERS", "project_orders", 20).await;
    relay
        .metric_is("relay_alarm", "events.project_ledger", |v| v == 1.0)
        .await;
    let late = Function::start_at(port, |_| async { done() }).await;
    place.acknowledged("ORDERS", "project_ledger", 20).await;
    assert_eq!(sequences(&late.posts()), (1..=20).collect::<Vec<u64>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn expected_goes_back_and_forward_to_that_record() {
    let mut place = Place::new().await;
    place.stream("ORDERS", "orders.main").await;
    place.publish("orders.main", 1, 30).await;
    // The offset of its table; a restore sets it back.
    let offset = Arc::new(Mutex::new(0u64));
    let table = Arc::clone(&offset);
    let function = Function::start(move |posted| {
        let (table, given) = (Arc::clone(&table), posted.sequences());
        async move {
            let mut offset = table.lock().unwrap();
            if !given.contains(&(*offset + 1)) {
                return expected(*offset + 1);
            }
            *offset = *given.last().unwrap();
            done()
        }
    })
    .await;
    let relay = place.relay(&[projector(FUNCTION, &function.url(), 10)]);
    place.acknowledged("ORDERS", "project_orders", 30).await;
    let until_now = function.posts().len();
    *offset.lock().unwrap() = 11; // restored from a backup
    place.publish("orders.main", 31, 5).await;
    place.acknowledged("ORDERS", "project_orders", 35).await;
    relay.metric_is("relay_rewinds_total", FUNCTION, |v| v == 1.0).await;
    let seen = sequences(&function.posts()[until_now + 1..]);
    assert_eq!(seen, (12..=35).collect::<Vec<u64>>(), "{}", relay.log());
    // Another process has projected further: what is there already is left out.
    *offset.lock().unwrap() = 40;
    place.publish("orders.main", 36, 10).await;
    place.acknowledged("ORDERS", "project_orders", 45).await;
    assert_eq!(*offset.lock().unwrap(), 45);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_function_is_posted_once_and_its_batch_is_kept() {
    let mut place = Place::new().await;
    place.stream("ORDERS", "orders.main").await;
    place.publish("orders.main", 1, 15).await;
    let mut words = place.client.subscribe("$JS.ACK.ORDERS.>").await.unwrap();
    // Longer than relay keeps silent about what is in work; and what a function that wakes from zero may well take.
    let slow = relay::settings::KEEP_EVERY + Duration::from_secs(4);
    let function = Function::start(move |_| async move {
        tokio::time::sleep(slow).await;
        done()
    })
    .await;
    let mut handler = projector(FUNCTION, &function.url(), 10);
    handler["timeout_seconds"] = 60.into();
    let _relay = place.relay(&[handler]);
    eventually("the first batch is acknowledged", || async {
        let info = place.consumer("ORDERS", "project_orders").await;
        (info["ack_floor"]["stream_seq"].as_u64() > Some(0)).then_some(())
    })
    .await;
    let posts = function.posts();
    // As much as had arrived by then, which may be less than a batch.
    let first = sequences(&posts[..1]);
    assert!((1..=10).contains(&first.len()), "{first:?}");
    assert_eq!(first, (1..=first.len() as u64).collect::<Vec<u64>>());
    assert!(posts.len() <= 2, "{} posts", posts.len());
    let mut in_progress = 0;
    while let Ok(Some(word)) = tokio::time::timeout(Duration::from_millis(200), words.next()).await {
        in_progress += usize::from(&word.payload[..] == b"+WPI");
    }
    assert_eq!(
        in_progress, 15,
        "each message that is held is in progress, the next batch's too"
    );
    assert_eq!(place.consumer("ORDERS", "project_orders").await["num_redelivered"], 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_that_takes_too_long_is_made_smaller() {
    let mut place = Place::new().await;
    place.stream("ORDERS", "orders.main").await;
    place.publish("orders.main", 1, 16).await;
    let function = Function::start(|posted| async move {
        if posted.sequences().len() > 4 {
            return (
                503,
                "{\"code\":\"timed_out\",\"message\":\"took more than 60 s\"}".to_owned(),
            );
        }
        done()
    })
    .await;
    let _relay = place.relay(&[projector(FUNCTION, &function.url(), 16)]);
    place.acknowledged("ORDERS", "project_orders", 16).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_function_that_never_answers_is_given_up_and_asked_again() {
    let mut place = Place::new().await;
    place.stream("ORDERS", "orders.main").await;
    place.publish("orders.main", 1, 1).await;
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let function = Function::start(move |_| {
        let first = counted.fetch_add(1, Ordering::SeqCst) == 0;
        async move {
            if first {
                tokio::time::sleep(Duration::from_secs(3600)).await;
            }
            done()
        }
    })
    .await;
    let mut handler = projector(FUNCTION, &function.url(), 16);
    handler["timeout_seconds"] = serde_json::json!(0.5);
    let relay = place.relay(&[handler]);
    place.acknowledged("ORDERS", "project_orders", 1).await;
    assert_eq!(relay.said("no answer within 1.5 s"), 1, "{}", relay.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_that_cannot_be_used_end_it_with_a_sentence() {
    let mut place = Place::new().await;
    let mut relay = place.relay(&[serde_json::json!({"function": "x"})]);
    assert_eq!(relay.process.exit_code().await, Some(2));
    assert!(relay.log().contains("missing field"), "{}", relay.log());
}
