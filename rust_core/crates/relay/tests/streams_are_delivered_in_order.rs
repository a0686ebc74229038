//! Every message is delivered once and in order, in batches that are bounded in count and bytes. A stop, a
//! kill and a lost server do not change that.
mod support;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use support::*;

/// The table of a projector. Its last row is the offset.
#[derive(Clone, Default)]
struct Table(Arc<Mutex<Vec<u64>>>);
impl Table {
    fn rows(&self) -> Vec<u64> {
        self.0.lock().unwrap().clone()
    }
    /// Stores rows and offset in one step. Returns 409 if another record must come first.
    fn project(&self, sequences: &[u64]) -> Reply {
        let mut rows = self.0.lock().unwrap();
        let next = rows.last().map_or(1, |last| last + 1);
        match sequences.iter().position(|&s| s == next) {
            Some(at) => {
                rows.extend(&sequences[at..]);
                done()
            }
            None => expected(next),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_record_of_a_journal_is_delivered_in_batches_with_headers() {
    let mut deployment = Deployment::new().await;
    deployment.stream("ORDERS", "orders.main").await;
    deployment.publish("orders.main", 1, 100).await;
    let table = Table::default();
    let rows = table.clone();
    let function = Function::start(move |post| {
        let reply = rows.project(&post.sequences());
        async move { reply }
    })
    .await;
    let relay = deployment.start_relay(&[projector("events.project_orders", &function.url(), 30)]);
    deployment.acknowledged("ORDERS", "project_orders", 100).await;
    deployment.publish("orders.main", 101, 50).await;
    deployment.acknowledged("ORDERS", "project_orders", 150).await;
    assert_eq!(table.rows(), (1..=150).collect::<Vec<u64>>());
    let posts = function.posts();
    assert!(posts.iter().all(|p| (1..=30).contains(&p.messages().len())));
    assert!(posts.len() < 100, "batches: {}", posts.len());
    assert_eq!(function.max_concurrent(), 1);
    let first = &posts[0];
    assert_eq!(first.header("ce-type"), "markets.cift.batch");
    assert_eq!(first.header("ce-journalid"), "the-journal");
    assert_eq!(first.header("ce-cift-function"), "events.project_orders");
    assert_eq!(first.messages()[0], (1, "orders.main".to_owned(), b"1".to_vec()));
    let consumer = &deployment.consumer("ORDERS", "project_orders").await["config"];
    assert_eq!(consumer["ack_policy"], "all");
    assert_eq!(consumer["max_ack_pending"], 120);
    assert_eq!(consumer["description"], "events.project_orders");
    relay
        .metric_is("relay_sequence", "events.project_orders", |v| v == 150.0)
        .await;
    relay
        .metric_is("relay_messages_total", "events.project_orders", |v| v == 150.0)
        .await;
    relay
        .metric_is("relay_lag_messages", "events.project_orders", |v| v == 0.0)
        .await;
    assert_eq!(relay.health().await.unwrap(), (200, "ok\n".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_and_a_stop_during_delivery_lose_and_duplicate_nothing() {
    let mut deployment = Deployment::new().await;
    deployment.stream("ORDERS", "orders.main").await;
    deployment.publish("orders.main", 1, 300).await;
    let table = Table::default();
    let rows = table.clone();
    let function = Function::start(move |post| {
        let rows = rows.clone();
        async move {
            let reply = rows.project(&post.sequences());
            // The records are projected, but there is no response yet. A kill now loses the acknowledgement.
            tokio::time::sleep(Duration::from_millis(60)).await;
            reply
        }
    })
    .await;
    let handler = projector("events.project_orders", &function.url(), 10);
    for round in 0..5 {
        let posts = function.posts().len();
        let mut relay = deployment.start_relay(std::slice::from_ref(&handler));
        // Posts of this relay, so that it has installed its signal handler.
        eventually("two more posts", || async {
            (function.posts().len() > posts + 1).then_some(())
        })
        .await;
        if round % 2 == 0 {
            relay.process.kill();
            // The call continues without relay. The next relay starts after the call has ended.
            eventually("the call has ended", || async { function.is_idle().then_some(()) }).await;
        } else {
            relay.process.signal("TERM");
            assert_eq!(relay.process.exit_code().await, Some(0), "{}", relay.log());
        }
    }
    let relay = deployment.start_relay(&[handler]);
    deployment.acknowledged("ORDERS", "project_orders", 300).await;
    assert_eq!(table.rows(), (1..=300).collect::<Vec<u64>>());
    assert_eq!(relay.log_count("\"level\":\"error\""), 0, "{}", relay.log());
    assert_eq!(function.max_concurrent(), 1, "a stop waits for what is in flight");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn effects_happen_once_across_a_graceful_stop() {
    let mut deployment = Deployment::new().await;
    deployment.stream("EVENTS", "events.>").await;
    let function = Function::start(|_| async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        done()
    })
    .await;
    let handler = effects("notify.send_mail", &function.url(), 5);
    for round in 0..3 {
        let posts = function.posts().len();
        // New messages for each round: on a busy machine all may be delivered before the signal arrives.
        deployment.publish("events.a.fill", 20 * round + 1, 20).await;
        let mut relay = deployment.start_relay(std::slice::from_ref(&handler));
        eventually("another post", || async {
            (function.posts().len() > posts + 1).then_some(())
        })
        .await;
        relay.process.signal("TERM");
        assert_eq!(relay.process.exit_code().await, Some(0), "{}", relay.log());
    }
    let _relay = deployment.start_relay(&[handler]);
    deployment.acknowledged("EVENTS", "send_mail", 60).await;
    let seen: Vec<u64> = function.posts().iter().flat_map(Post::sequences).collect();
    assert_eq!(seen, (1..=60).collect::<Vec<u64>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_are_bounded_in_bytes_and_a_larger_message_is_posted_alone() {
    let mut deployment = Deployment::new().await;
    deployment.stream("ORDERS", "orders.main").await;
    let sizes = [
        1_500_000, 1_500_000, 1_500_000, 8_000_000, 10, 10, 4_000_000, 4_000_000, 10,
    ];
    for size in sizes {
        deployment.publish_bytes("orders.main", vec![7; size]).await;
    }
    let table = Table::default();
    let rows = table.clone();
    let function = Function::start(move |post| {
        let reply = rows.project(&post.sequences());
        async move { reply }
    })
    .await;
    let _relay = deployment.start_relay(&[projector("events.project_orders", &function.url(), 500)]);
    deployment
        .acknowledged("ORDERS", "project_orders", sizes.len() as u64)
        .await;
    assert_eq!(table.rows(), (1..=sizes.len() as u64).collect::<Vec<u64>>());
    let posts = function.posts();
    for post in &posts {
        let messages = post.messages();
        assert!(post.body.len() <= relay::settings::POST_BYTES_MAX || messages.len() == 1);
        for (sequence, _, data) in messages {
            assert_eq!(data.len(), sizes[sequence as usize - 1]);
        }
    }
    assert!(posts.len() >= 6, "{} posts", posts.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn relay_recovers_from_a_lost_server_and_from_a_recreated_stream() {
    let mut deployment = Deployment::new().await;
    deployment.stream("ORDERS", "orders.main").await;
    deployment.publish("orders.main", 1, 20).await;
    let function = Function::start(|_| async { done() }).await;
    let relay = deployment.start_relay(&[
        projector("events.project_orders", &function.url(), 10),
        effects("notify.send_mail", &function.url(), 10),
    ]);
    deployment.acknowledged("ORDERS", "project_orders", 20).await;
    eventually("relay waits for the stream", || async {
        (relay.log_count("waiting for the stream") == 1).then_some(())
    })
    .await;
    deployment.nats.restart().await;
    deployment.publish("orders.main", 21, 20).await;
    deployment.acknowledged("ORDERS", "project_orders", 40).await;
    let seen: Vec<u64> = function.posts().iter().flat_map(Post::sequences).collect();
    assert_eq!(seen, (1..=40).collect::<Vec<u64>>());
    // The stream is created, deleted, and created again with the same name: delivery starts at its first
    // message.
    deployment.stream("EVENTS", "events.>").await;
    deployment.publish("events.a.fill", 1, 5).await;
    deployment.acknowledged("EVENTS", "send_mail", 5).await;
    deployment.context.delete_stream("EVENTS").await.unwrap();
    deployment.stream("EVENTS", "events.>").await;
    deployment.publish("events.b.fill", 1, 3).await;
    eventually("the messages of the new stream", || async {
        let seen: Vec<String> = function.posts().iter().flat_map(Post::messages).map(|m| m.1).collect();
        (seen.iter().filter(|s| *s == "events.b.fill").count() == 3).then_some(())
    })
    .await;
    relay.metric_is("relay_alarm", "notify.send_mail", |v| v == 0.0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn relay_continues_an_older_consumer_at_its_last_acknowledgement() {
    let mut deployment = Deployment::new().await;
    deployment.stream("ORDERS", "orders.main").await;
    deployment.publish("orders.main", 1, 30).await;
    // A consumer of an older release: it has a start sequence, and message 12 is acknowledged.
    let config = serde_json::json!({"durable_name": "project_orders", "ack_policy": "all", "deliver_policy": "by_start_sequence",
        "opt_start_seq": 3, "ack_wait": 60_000_000_000u64, "max_ack_pending": 2000, "max_deliver": -1});
    let request = serde_json::json!({"stream_name": "ORDERS", "config": config});
    let _: serde_json::Value = deployment
        .context
        .request("CONSUMER.DURABLE.CREATE.ORDERS.project_orders".to_owned(), &request)
        .await
        .unwrap();
    let consumer: async_nats::jetstream::consumer::PullConsumer = deployment
        .context
        .get_consumer_from_stream("project_orders", "ORDERS")
        .await
        .unwrap();
    {
        use futures_util::StreamExt;
        let mut batch = consumer.fetch().max_messages(20).messages().await.unwrap();
        while let Some(message) = batch.next().await {
            let message = message.unwrap();
            if message.info().unwrap().stream_sequence == 12 {
                message.double_ack().await.unwrap();
            }
        }
    }
    let function = Function::start(|_| async { done() }).await;
    let called = Arc::new(Mutex::new(false));
    let relay = deployment.start_relay(&[projector("events.project_orders", &function.url(), 10)]);
    deployment.acknowledged("ORDERS", "project_orders", 30).await;
    let seen: Vec<u64> = function.posts().iter().flat_map(Post::sequences).collect();
    assert_eq!(seen, (13..=30).collect::<Vec<u64>>());
    drop(relay);
    // The database was dropped: the function expects record 1, which is before the start sequence of the
    // consumer.
    let called_again = Arc::clone(&called);
    let port = function.port;
    drop(function);
    let table = Table::default();
    let rows = table.clone();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let function = Function::start_at(port, move |post| {
        *called_again.lock().unwrap() = true;
        let reply = rows.project(&post.sequences());
        async move { reply }
    })
    .await;
    let relay = deployment.start_relay(&[projector("events.project_orders", &function.url(), 10)]);
    deployment.publish("orders.main", 31, 1).await;
    deployment.acknowledged("ORDERS", "project_orders", 31).await;
    assert_eq!(table.rows(), (1..=31).collect::<Vec<u64>>(), "{}", relay.log());
    assert!(*called.lock().unwrap());
}
