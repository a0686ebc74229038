//! The options of a handler: a Unix socket, `linger_seconds` (wait for a full batch), `keeps_offset` (a consumer in memory).
mod support;
use serde_json::{json, Value};
use std::sync::{Arc, Mutex};
use support::*;

const FUNCTION: &str = "trading.project_journal";

/// The handler with these options added.
fn with(mut handler: Value, options: &Value) -> Value {
    for (name, value) in options.as_object().unwrap() {
        handler[name] = value.clone();
    }
    handler
}

fn sizes(function: &Function) -> Vec<usize> {
    function.posts().iter().map(|post| post.messages().len()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_function_that_listens_on_a_unix_socket_is_called() {
    let mut deployment = Deployment::new().await;
    deployment.stream("ORDERS", "orders.main").await;
    let path = deployment.nats.folder.path().join("events.sock");
    let options = json!({"socket": path, "url": "http://localhost/trading.project_journal"});
    // relay starts first: it tries again until the socket exists.
    let relay = deployment.start_relay(&[with(projector(FUNCTION, "", 30), &options)]);
    deployment.publish("orders.main", 1, 5).await;
    relay
        .metric_is("relay_retries_total", FUNCTION, |count| count > 0.0)
        .await;
    let function = Function::start_on_socket(&path, |_| async { done() }).await;
    deployment.acknowledged("ORDERS", "project_journal", 5).await;
    let seen: Vec<u64> = function.posts().iter().flat_map(Post::sequences).collect();
    assert_eq!(seen, [1, 2, 3, 4, 5]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_that_lingers_gets_full_batches() {
    let mut deployment = Deployment::new().await;
    deployment.stream("ORDERS", "orders.main").await;
    let function = Function::start(|_| async { done() }).await;
    let handler = with(projector(FUNCTION, &function.url(), 30), &json!({"linger_seconds": 20}));
    let _relay = deployment.start_relay(&[handler]);
    deployment.publish("orders.main", 1, 65).await;
    deployment.acknowledged("ORDERS", "project_journal", 60).await;
    assert_eq!(sizes(&function), [30, 30]);
    deployment.publish("orders.main", 66, 25).await;
    deployment.acknowledged("ORDERS", "project_journal", 90).await;
    assert_eq!(sizes(&function), [30, 30, 30]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_that_is_not_full_is_posted_after_its_linger() {
    let mut deployment = Deployment::new().await;
    deployment.stream("ORDERS", "orders.main").await;
    let function = Function::start(|_| async { done() }).await;
    let handler = with(
        projector(FUNCTION, &function.url(), 500),
        &json!({"linger_seconds": 0.3}),
    );
    let _relay = deployment.start_relay(&[handler]);
    deployment.publish("orders.main", 1, 3).await;
    deployment.acknowledged("ORDERS", "project_journal", 3).await;
    assert!(function.posts()[0].header("ce-first") == "1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_in_memory_is_made_again_at_the_offset_after_a_restart_of_nats() {
    let mut deployment = Deployment::new().await;
    deployment.stream("ORDERS", "orders.main").await;
    let rows: Arc<Mutex<Vec<u64>>> = Arc::default();
    let table = Arc::clone(&rows);
    let function = Function::start(move |post| {
        let (mut rows, sequences) = (table.lock().unwrap(), post.sequences());
        let next = rows.last().map_or(1, |last| last + 1);
        let reply = match sequences.iter().position(|&sequence| sequence == next) {
            Some(at) => {
                rows.extend(&sequences[at..]);
                done()
            }
            None => expected(next),
        };
        async move { reply }
    })
    .await;
    let projected = |count: u64| {
        let rows = Arc::clone(&rows);
        async move {
            eventually("projected", || async {
                (*rows.lock().unwrap() == (1..=count).collect::<Vec<u64>>()).then_some(())
            })
            .await;
        }
    };
    let handler = with(projector(FUNCTION, &function.url(), 10), &json!({"keeps_offset": true}));
    deployment.publish("orders.main", 1, 20).await;
    let relay = deployment.start_relay(std::slice::from_ref(&handler));
    projected(20).await;
    let consumer = &deployment.consumer("ORDERS", "project_journal").await["config"];
    assert_eq!(consumer["mem_storage"], true);

    // relay still runs and knows the offset, so it makes the consumer again at the next record.
    deployment.nats.restart().await;
    let posts = function.posts().len();
    deployment.publish("orders.main", 21, 5).await;
    projected(25).await;
    assert_eq!(function.posts()[posts].sequences()[0], 21, "{}", relay.log());

    // relay is new and NATS lost the consumer. relay starts at record 1, and the function returns the record that
    // it expects.
    drop(relay);
    deployment.nats.restart().await;
    deployment.publish("orders.main", 26, 5).await;
    let relay = deployment.start_relay(&[handler]);
    projected(30).await;
    relay
        .metric_is("relay_rewinds_total", FUNCTION, |count| count == 1.0)
        .await;
}
