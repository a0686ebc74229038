//! Only the response of a function advances its handler. Failures are retried without end, `expected` moves
//! the handler to another record, and relay waits for a slow function.
mod support;
use futures_util::StreamExt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use support::*;

const FUNCTION: &str = "events.project_orders";

fn sequences(posts: &[Post]) -> Vec<u64> {
    posts.iter().flat_map(Post::sequences).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failing_function_is_retried_until_it_works_with_one_log_line_per_change() {
    let mut deployment = Deployment::new().await;
    deployment.stream("ORDERS", "orders.main").await;
    deployment.stream("DLQ", "dlq.>").await;
    deployment.publish("orders.main", 1, 20).await;
    let works = Arc::new(AtomicBool::new(false));
    let tries = Arc::new(AtomicUsize::new(0));
    let (available, counted) = (Arc::clone(&works), Arc::clone(&tries));
    let respond = move |_| {
        let (works, try_) = (available.load(Ordering::SeqCst), counted.fetch_add(1, Ordering::SeqCst));
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
    let function = Function::start(respond).await;
    let relay = deployment.start_relay(&[projector(FUNCTION, &function.url(), 10)]);
    relay.metric_is("relay_alarm", FUNCTION, |v| v == 1.0).await;
    relay.metric_is("relay_lag_messages", FUNCTION, |v| v == 20.0).await;
    relay.metric_is("relay_retries_total", FUNCTION, |v| v > 5.0).await;
    assert_eq!(relay.log_count("handler fails: retrying"), 1, "{}", relay.log());
    assert_eq!(
        relay.log_count("alarm: the handler still does not work"),
        1,
        "{}",
        relay.log()
    );
    works.store(true, Ordering::SeqCst);
    deployment.acknowledged("ORDERS", "project_orders", 20).await;
    relay.metric_is("relay_alarm", FUNCTION, |v| v == 0.0).await;
    relay.metric_is("relay_lag_messages", FUNCTION, |v| v == 0.0).await;
    assert_eq!(relay.log_count("handler works again"), 1, "{}", relay.log());
    assert!(relay.log().lines().count() < 10, "{}", relay.log());
    let mut dead = deployment.context.get_stream("DLQ").await.unwrap();
    assert_eq!(dead.info().await.unwrap().state.messages, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn relay_waits_for_an_unavailable_function_without_delaying_other_handlers() {
    let mut deployment = Deployment::new().await;
    deployment.stream("ORDERS", "orders.main").await;
    deployment.publish("orders.main", 1, 20).await;
    let available = Function::start(|_| async { done() }).await;
    let port = cift_testbed::free_port();
    let unavailable = format!("http://127.0.0.1:{port}/");
    let relay = deployment.start_relay(&[
        projector("events.project_ledger", &unavailable, 10),
        projector(FUNCTION, &available.url(), 10),
    ]);
    deployment.acknowledged("ORDERS", "project_orders", 20).await;
    relay
        .metric_is("relay_alarm", "events.project_ledger", |v| v == 1.0)
        .await;
    let late = Function::start_at(port, |_| async { done() }).await;
    deployment.acknowledged("ORDERS", "project_ledger", 20).await;
    assert_eq!(sequences(&late.posts()), (1..=20).collect::<Vec<u64>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn expected_moves_the_handler_back_and_forward_to_that_record() {
    let mut deployment = Deployment::new().await;
    deployment.stream("ORDERS", "orders.main").await;
    deployment.publish("orders.main", 1, 30).await;
    // The offset in the function's table. A restore sets it back.
    let offset = Arc::new(Mutex::new(0u64));
    let table = Arc::clone(&offset);
    let function = Function::start(move |post| {
        let (table, given) = (Arc::clone(&table), post.sequences());
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
    let relay = deployment.start_relay(&[projector(FUNCTION, &function.url(), 10)]);
    deployment.acknowledged("ORDERS", "project_orders", 30).await;
    let until_now = function.posts().len();
    *offset.lock().unwrap() = 11; // restored from a backup
    deployment.publish("orders.main", 31, 5).await;
    deployment.acknowledged("ORDERS", "project_orders", 35).await;
    relay.metric_is("relay_rewinds_total", FUNCTION, |v| v == 1.0).await;
    let seen = sequences(&function.posts()[until_now + 1..]);
    assert_eq!(seen, (12..=35).collect::<Vec<u64>>(), "{}", relay.log());
    // Another process has projected further. The records up to its offset are not posted again.
    *offset.lock().unwrap() = 40;
    deployment.publish("orders.main", 36, 10).await;
    deployment.acknowledged("ORDERS", "project_orders", 45).await;
    assert_eq!(*offset.lock().unwrap(), 45);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_function_gets_one_post_and_its_messages_stay_in_progress() {
    let mut deployment = Deployment::new().await;
    deployment.stream("ORDERS", "orders.main").await;
    deployment.publish("orders.main", 1, 15).await;
    let mut acknowledgements = deployment.client.subscribe("$JS.ACK.ORDERS.>").await.unwrap();
    // Longer than the interval of the in-progress reports. A function that starts from zero may take this
    // long.
    let slow = relay::settings::IN_PROGRESS_EVERY + Duration::from_secs(4);
    let function = Function::start(move |_| async move {
        tokio::time::sleep(slow).await;
        done()
    })
    .await;
    let mut handler = projector(FUNCTION, &function.url(), 10);
    handler["timeout_seconds"] = 60.into();
    let _relay = deployment.start_relay(&[handler]);
    eventually("the first batch is acknowledged", || async {
        let info = deployment.consumer("ORDERS", "project_orders").await;
        (info["ack_floor"]["stream_seq"].as_u64() > Some(0)).then_some(())
    })
    .await;
    let posts = function.posts();
    // The messages that had arrived by then, which may be less than a batch.
    let first = sequences(&posts[..1]);
    assert!((1..=10).contains(&first.len()), "{first:?}");
    assert_eq!(first, (1..=first.len() as u64).collect::<Vec<u64>>());
    assert!(posts.len() <= 2, "{} posts", posts.len());
    let mut in_progress = 0;
    while let Ok(Some(message)) = tokio::time::timeout(Duration::from_millis(200), acknowledgements.next()).await {
        in_progress += usize::from(&message.payload[..] == b"+WPI");
    }
    assert!(
        in_progress >= 15,
        "each held message is reported as in progress, also those of the next batch: {in_progress}"
    );
    assert_eq!(
        deployment.consumer("ORDERS", "project_orders").await["num_redelivered"],
        0
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_that_times_out_is_made_smaller() {
    let mut deployment = Deployment::new().await;
    deployment.stream("ORDERS", "orders.main").await;
    deployment.publish("orders.main", 1, 16).await;
    let function = Function::start(|post| async move {
        if post.sequences().len() > 4 {
            return (
                503,
                "{\"code\":\"timed_out\",\"message\":\"took more than 60 s\"}".to_owned(),
            );
        }
        done()
    })
    .await;
    let _relay = deployment.start_relay(&[projector(FUNCTION, &function.url(), 16)]);
    deployment.acknowledged("ORDERS", "project_orders", 16).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_post_without_a_response_times_out_and_is_retried() {
    let mut deployment = Deployment::new().await;
    deployment.stream("ORDERS", "orders.main").await;
    deployment.publish("orders.main", 1, 1).await;
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
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
    let relay = deployment.start_relay(&[handler]);
    deployment.acknowledged("ORDERS", "project_orders", 1).await;
    assert_eq!(relay.log_count("no response within 1.5 s"), 1, "{}", relay.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn relay_exits_with_a_message_if_the_configuration_is_invalid() {
    let mut deployment = Deployment::new().await;
    let mut relay = deployment.start_relay(&[serde_json::json!({"function": "x"})]);
    assert_eq!(relay.process.exit_code().await, Some(2));
    assert!(relay.log().contains("missing field"), "{}", relay.log());
}
