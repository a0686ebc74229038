//! Every message once and in order, in batches bounded in count and bytes; a stop, a kill and a lost server change nothing
//! of that.
mod support;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use support::*;

/// A projector: it keeps what it was given, as a table with an offset would.
#[derive(Clone, Default)]
struct Table(Arc<Mutex<Vec<u64>>>);
impl Table {
    fn rows(&self) -> Vec<u64> {
        self.0.lock().unwrap().clone()
    }
    /// Rows and offset in one step; another record must come first: 409.
    fn project(&self, sequences: &[u64]) -> Said {
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
async fn a_journal_comes_whole_in_batches_of_one_trace_of_headers() {
    let mut place = Place::new().await;
    place.stream("ORDERS", "orders.main").await;
    place.publish("orders.main", 1, 100).await;
    let table = Table::default();
    let rows = table.clone();
    let function = Function::start(move |posted| {
        let said = rows.project(&posted.sequences());
        async move { said }
    })
    .await;
    let relay = place.relay(&[projector("events.project_orders", &function.url(), 30)]);
    place.acknowledged("ORDERS", "project_orders", 100).await;
    place.publish("orders.main", 101, 50).await;
    place.acknowledged("ORDERS", "project_orders", 150).await;
    assert_eq!(table.rows(), (1..=150).collect::<Vec<u64>>());
    let posts = function.posts();
    assert!(posts.iter().all(|p| (1..=30).contains(&p.messages().len())));
    assert!(posts.len() < 100, "batches: {}", posts.len());
    assert_eq!(function.most_at_once(), 1);
    let first = &posts[0];
    assert_eq!(first.header("ce-type"), "markets.cift.batch");
    assert_eq!(first.header("ce-journalid"), "the-journal");
    assert_eq!(first.header("ce-cift-function"), "events.project_orders");
    assert_eq!(first.messages()[0], (1, "orders.main".to_owned(), b"1".to_vec()));
    let consumer = &place.consumer("ORDERS", "project_orders").await["config"];
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
    assert_eq!(relay.health().await.unwrap(), (200, "alive\n".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_and_a_stop_in_the_middle_lose_and_double_nothing() {
    let mut place = Place::new().await;
    place.stream("ORDERS", "orders.main").await;
    place.publish("orders.main", 1, 300).await;
    let table = Table::default();
    let rows = table.clone();
    let function = Function::start(move |posted| {
        let rows = rows.clone();
        async move {
            let said = rows.project(&posted.sequences());
            // Done, and not answered yet: a kill now loses the acknowledgement.
            tokio::time::sleep(Duration::from_millis(60)).await;
            said
        }
    })
    .await;
    let handler = projector("events.project_orders", &function.url(), 10);
    for round in 0..5u64 {
        let mut relay = place.relay(std::slice::from_ref(&handler));
        let wanted = 40 * (round as usize + 1);
        eventually("some are projected", || async {
            (table.rows().len() >= wanted).then_some(())
        })
        .await;
        if round % 2 == 0 {
            relay.process.kill();
            // What it asked for goes on without it: a successor may come sooner, and does not know.
            eventually("the call has ended", || async { function.is_idle().then_some(()) }).await;
        } else {
            relay.process.signal("TERM");
            assert_eq!(relay.process.exit_code().await, Some(0), "{}", relay.log());
        }
    }
    let relay = place.relay(&[handler]);
    place.acknowledged("ORDERS", "project_orders", 300).await;
    assert_eq!(table.rows(), (1..=300).collect::<Vec<u64>>());
    assert_eq!(relay.said("\"level\":\"error\""), 0, "{}", relay.log());
    assert_eq!(function.most_at_once(), 1, "a stop waits for what is in flight");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn effects_happen_once_over_a_graceful_stop() {
    let mut place = Place::new().await;
    place.stream("EVENTS", "events.>").await;
    let function = Function::start(|_| async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        done()
    })
    .await;
    let handler = effects("notify.send_mail", &function.url(), 5);
    for round in 0..3 {
        let posts = function.posts().len();
        // For each round anew: before a signal reaches it on a busy machine, all may have been brought.
        place.publish("events.a.fill", 20 * round + 1, 20).await;
        let mut relay = place.relay(std::slice::from_ref(&handler));
        eventually("another post", || async {
            (function.posts().len() > posts + 1).then_some(())
        })
        .await;
        relay.process.signal("TERM");
        assert_eq!(relay.process.exit_code().await, Some(0), "{}", relay.log());
    }
    let _relay = place.relay(&[handler]);
    place.acknowledged("EVENTS", "send_mail", 60).await;
    let seen: Vec<u64> = function.posts().iter().flat_map(Posted::sequences).collect();
    assert_eq!(seen, (1..=60).collect::<Vec<u64>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_are_bounded_in_bytes_and_a_larger_message_goes_alone() {
    let mut place = Place::new().await;
    place.stream("ORDERS", "orders.main").await;
    let sizes = [
        1_500_000, 1_500_000, 1_500_000, 8_000_000, 10, 10, 4_000_000, 4_000_000, 10,
    ];
    for size in sizes {
        place.publish_bytes("orders.main", vec![7; size]).await;
    }
    let table = Table::default();
    let rows = table.clone();
    let function = Function::start(move |posted| {
        let said = rows.project(&posted.sequences());
        async move { said }
    })
    .await;
    let _relay = place.relay(&[projector("events.project_orders", &function.url(), 500)]);
    place.acknowledged("ORDERS", "project_orders", sizes.len() as u64).await;
    assert_eq!(table.rows(), (1..=sizes.len() as u64).collect::<Vec<u64>>());
    let posts = function.posts();
    for posted in &posts {
        let messages = posted.messages();
        assert!(posted.body.len() <= relay::settings::POST_BYTES_MAX || messages.len() == 1);
        for (sequence, _, data) in messages {
            assert_eq!(data.len(), sizes[sequence as usize - 1]);
        }
    }
    assert!(posts.len() >= 6, "{} posts", posts.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_server_and_a_stream_of_another_make_are_lived_through() {
    let mut place = Place::new().await;
    place.stream("ORDERS", "orders.main").await;
    place.publish("orders.main", 1, 20).await;
    let function = Function::start(|_| async { done() }).await;
    let relay = place.relay(&[
        projector("events.project_orders", &function.url(), 10),
        effects("notify.send_mail", &function.url(), 10),
    ]);
    place.acknowledged("ORDERS", "project_orders", 20).await;
    eventually("it waits for the stream", || async {
        (relay.said("waits for its stream") == 1).then_some(())
    })
    .await;
    place.nats.restart().await;
    place.publish("orders.main", 21, 20).await;
    place.acknowledged("ORDERS", "project_orders", 40).await;
    let seen: Vec<u64> = function.posts().iter().flat_map(Posted::sequences).collect();
    assert_eq!(seen, (1..=40).collect::<Vec<u64>>());
    // The stream appears, goes, and another of its name comes: it begins anew.
    place.stream("EVENTS", "events.>").await;
    place.publish("events.a.fill", 1, 5).await;
    place.acknowledged("EVENTS", "send_mail", 5).await;
    place.context.delete_stream("EVENTS").await.unwrap();
    place.stream("EVENTS", "events.>").await;
    place.publish("events.b.fill", 1, 3).await;
    eventually("those of the new stream", || async {
        let seen: Vec<String> = function
            .posts()
            .iter()
            .flat_map(Posted::messages)
            .map(|m| m.1)
            .collect();
        (seen.iter().filter(|s| *s == "events.b.fill").count() == 3).then_some(())
    })
    .await;
    relay.metric_is("relay_alarm", "notify.send_mail", |v| v == 0.0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_of_the_twin_is_continued_where_it_stood() {
    let mut place = Place::new().await;
    place.stream("ORDERS", "orders.main").await;
    place.publish("orders.main", 1, 30).await;
    // As an older pump left it: begun at a sequence of its own, twelve acknowledged.
    let config = serde_json::json!({"durable_name": "project_orders", "ack_policy": "all", "deliver_policy": "by_start_sequence",
        "opt_start_seq": 3, "ack_wait": 60_000_000_000u64, "max_ack_pending": 2000, "max_deliver": -1});
    let request = serde_json::json!({"stream_name": "ORDERS", "config": config});
    let _: serde_json::Value = place
        .context
        .request("CONSUMER.DURABLE.CREATE.ORDERS.project_orders".to_owned(), &request)
        .await
        .unwrap();
    let consumer: async_nats::jetstream::consumer::PullConsumer = place
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
    let back = Arc::new(Mutex::new(false));
    let relay = place.relay(&[projector("events.project_orders", &function.url(), 10)]);
    place.acknowledged("ORDERS", "project_orders", 30).await;
    let seen: Vec<u64> = function.posts().iter().flat_map(Posted::sequences).collect();
    assert_eq!(seen, (13..=30).collect::<Vec<u64>>());
    drop(relay);
    // The database was dropped: it asks for record 1, which lies before the consumer's own begin.
    let dropped = Arc::clone(&back);
    let port = function.port;
    drop(function);
    let table = Table::default();
    let rows = table.clone();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let function = Function::start_at(port, move |posted| {
        *dropped.lock().unwrap() = true;
        let said = rows.project(&posted.sequences());
        async move { said }
    })
    .await;
    let relay = place.relay(&[projector("events.project_orders", &function.url(), 10)]);
    place.publish("orders.main", 31, 1).await;
    place.acknowledged("ORDERS", "project_orders", 31).await;
    assert_eq!(table.rows(), (1..=31).collect::<Vec<u64>>(), "{}", relay.log());
    assert!(*back.lock().unwrap());
}
