//! A handler with effects: a poison message is found by halving, stored in DLQ, and can be replayed. A
//! projector stops at a poison message and skips none.
mod support;
use serde_json::{json, Value};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use support::*;

const MAIL: &str = "notify.send_mail";

/// Rejects batches that contain a message of `rejects`. Keeps the accepted messages in order.
#[derive(Clone, Default)]
struct Mailer {
    rejects: Arc<Mutex<Vec<u64>>>,
    accepted: Arc<Mutex<Vec<u64>>>,
}
impl Mailer {
    async fn start(&self) -> Function {
        let mailer = self.clone();
        Function::start(move |post| {
            let (mailer, given) = (mailer.clone(), post.sequences());
            async move {
                let rejects = mailer.rejects.lock().unwrap();
                if given.iter().any(|s| rejects.contains(s)) {
                    return poison("no such address:\n nowhere");
                }
                mailer.accepted.lock().unwrap().extend(given);
                done()
            }
        })
        .await
    }
    fn accepted(&self) -> Vec<u64> {
        self.accepted.lock().unwrap().clone()
    }
}

async fn replay(deployment: &Deployment, sequence: u64) -> Option<Value> {
    let request = json!({"sequence": sequence, "within_ms": 10_000}).to_string();
    let subject = format!("relay.main.replay.{MAIL}");
    let reply = deployment.client.request(subject, request.into()).await.ok()?;
    serde_json::from_slice(&reply.payload).ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_poison_message_is_found_stored_in_dlq_and_replayed_to_its_handler() {
    let mut deployment = Deployment::new().await;
    deployment.stream("EVENTS", "events.>").await;
    deployment.stream("DLQ", "dlq.>").await;
    deployment.publish("events.a.fill", 1, 200).await;
    let mailer = Mailer::default();
    *mailer.rejects.lock().unwrap() = vec![1, 50, 51, 200];
    let (function, other) = (mailer.start().await, Function::start(|_| async { done() }).await);
    let handlers = [
        effects(MAIL, &function.url(), 64),
        effects("alerts.evaluate_alerts", &other.url(), 64),
    ];
    let relay = deployment.start_relay(&handlers);
    deployment.acknowledged("EVENTS", "send_mail", 200).await;
    let rest: Vec<u64> = (1..=200).filter(|s| ![1, 50, 51, 200].contains(s)).collect();
    assert_eq!(mailer.accepted(), rest, "all others, once and in order");
    assert!(function.posts().len() < 80, "{} posts", function.posts().len());
    relay.metric_is("relay_poison_total", MAIL, |v| v == 4.0).await;
    assert_eq!(relay.log_count("poison message stored in DLQ"), 4);
    let mut dead = deployment.context.get_stream("DLQ").await.unwrap();
    assert_eq!(dead.info().await.unwrap().state.messages, 4);
    let letter = dead.get_raw_message(2).await.unwrap();
    assert_eq!(letter.subject.as_str(), "dlq.main.notify.send_mail");
    let header = |name: &str| letter.headers.get(name).unwrap().as_str();
    assert_eq!(header("cift-reason"), "no such address:  nowhere");
    assert_eq!(
        (header("ce-first"), header("ce-stream"), header("ce-count")),
        ("50", "EVENTS", "1")
    );

    // The handler still rejects the letter: it stays.
    let again = replay(&deployment, 2).await.unwrap();
    assert_eq!(
        (again["outcome"].as_str(), again["message"].as_str()),
        (Some("poison"), Some("no such address:\n nowhere"))
    );
    assert_eq!(dead.info().await.unwrap().state.messages, 4);
    // The handler accepts it now: it is delivered once, to its handler only, and is removed. A second
    // request finds it gone.
    mailer.rejects.lock().unwrap().clear();
    let others = other.posts().len();
    assert_eq!(replay(&deployment, 2).await.unwrap()["outcome"], "done");
    assert_eq!(replay(&deployment, 2).await.unwrap()["outcome"], "gone");
    assert_eq!(replay(&deployment, 99).await.unwrap()["outcome"], "gone");
    assert_eq!(mailer.accepted().last(), Some(&50));
    assert_eq!(mailer.accepted().iter().filter(|s| **s == 50).count(), 1);
    assert_eq!(other.posts().len(), others);
    assert_eq!(dead.info().await.unwrap().state.messages, 3);
    let last = function.posts().pop().unwrap();
    assert_eq!(
        (last.header("ce-type"), last.sequences()),
        ("markets.cift.batch", vec![50])
    );
    relay.metric_is("relay_replayed_total", MAIL, |v| v == 1.0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_poison_message_that_cannot_be_stored_in_dlq_is_not_lost() {
    let mut deployment = Deployment::new().await;
    deployment.stream("EVENTS", "events.>").await;
    deployment.publish("events.a.fill", 1, 3).await;
    let mailer = Mailer::default();
    *mailer.rejects.lock().unwrap() = vec![2];
    let function = mailer.start().await;
    let relay = deployment.start_relay(&[effects(MAIL, &function.url(), 10)]);
    relay.metric_is("relay_alarm", MAIL, |v| v == 1.0).await;
    assert_eq!(relay.log_count("cannot store a dead letter"), 2, "{}", relay.log());
    assert_eq!(mailer.accepted(), vec![1]);
    deployment.stream("DLQ", "dlq.>").await;
    deployment.acknowledged("EVENTS", "send_mail", 3).await;
    assert_eq!(mailer.accepted(), vec![1, 3]);
    let mut dead = deployment.context.get_stream("DLQ").await.unwrap();
    assert_eq!(dead.info().await.unwrap().state.messages, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_projector_stops_at_a_poison_message_with_an_alarm_and_skips_none() {
    let mut deployment = Deployment::new().await;
    deployment.stream("ORDERS", "orders.main").await;
    deployment.stream("DLQ", "dlq.>").await;
    deployment.publish("orders.main", 1, 40).await;
    let mailer = Mailer::default();
    *mailer.rejects.lock().unwrap() = vec![23];
    let function = mailer.start().await;
    let name = "events.project_orders";
    let relay = deployment.start_relay(&[projector(name, &function.url(), 40)]);
    relay.metric_is("relay_stopped", name, |v| v == 1.0).await;
    relay.metric_is("relay_alarm", name, |v| v == 1.0).await;
    assert_eq!(
        mailer.accepted(),
        (1..=22).collect::<Vec<u64>>(),
        "all records before it are projected"
    );
    assert_eq!(relay.log_count("stopped at a poison message"), 1);
    assert_eq!(
        relay.log_count("message 23 of ORDERS: no such address"),
        1,
        "{}",
        relay.log()
    );
    let posts = function.posts().len();
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(function.posts().len() <= posts + 1, "it is retried slowly");
    let mut dead = deployment.context.get_stream("DLQ").await.unwrap();
    assert_eq!(dead.info().await.unwrap().state.messages, 0);
    // The function accepts the record now (for example in a new version): the projector continues by itself.
    mailer.rejects.lock().unwrap().clear();
    deployment.acknowledged("ORDERS", "project_orders", 40).await;
    assert_eq!(mailer.accepted(), (1..=40).collect::<Vec<u64>>());
    relay.metric_is("relay_stopped", name, |v| v == 0.0).await;
}
