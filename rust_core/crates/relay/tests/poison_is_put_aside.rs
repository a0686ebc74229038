//! A poison of a handler of effects goes to DLQ, is found by halving, and comes again when somebody asks; a projector
//! stops at it and never skips.
mod support;
use serde_json::{json, Value};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use support::*;

const MAIL: &str = "notify.send_mail";

/// Refuses batches that hold any of these; keeps what it took, in order.
#[derive(Clone, Default)]
struct Mailer {
    refuses: Arc<Mutex<Vec<u64>>>,
    took: Arc<Mutex<Vec<u64>>>,
}
impl Mailer {
    async fn start(&self) -> Function {
        let mailer = self.clone();
        Function::start(move |posted| {
            let (mailer, given) = (mailer.clone(), posted.sequences());
            async move {
                let refuses = mailer.refuses.lock().unwrap();
                if given.iter().any(|s| refuses.contains(s)) {
                    return poison("no such address:\n nowhere");
                }
                mailer.took.lock().unwrap().extend(given);
                done()
            }
        })
        .await
    }
    fn took(&self) -> Vec<u64> {
        self.took.lock().unwrap().clone()
    }
}

async fn replay(place: &Place, sequence: u64) -> Option<Value> {
    let question = json!({"sequence": sequence, "within_ms": 10_000}).to_string();
    let subject = format!("relay.main.replay.{MAIL}");
    let reply = place.client.request(subject, question.into()).await.ok()?;
    serde_json::from_slice(&reply.payload).ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn poison_is_found_put_aside_and_replayed_to_its_handler() {
    let mut place = Place::new().await;
    place.stream("EVENTS", "events.>").await;
    place.stream("DLQ", "dlq.>").await;
    place.publish("events.a.fill", 1, 200).await;
    let mailer = Mailer::default();
    *mailer.refuses.lock().unwrap() = vec![1, 50, 51, 200];
    let (function, other) = (mailer.start().await, Function::start(|_| async { done() }).await);
    let handlers = [
        effects(MAIL, &function.url(), 64),
        effects("alerts.evaluate_alerts", &other.url(), 64),
    ];
    let relay = place.relay(&handlers);
    place.acknowledged("EVENTS", "send_mail", 200).await;
    let rest: Vec<u64> = (1..=200).filter(|s| ![1, 50, 51, 200].contains(s)).collect();
    assert_eq!(mailer.took(), rest, "all else, once and in order");
    assert!(function.posts().len() < 80, "{} posts", function.posts().len());
    relay.metric_is("relay_poison_total", MAIL, |v| v == 4.0).await;
    assert_eq!(relay.said("put aside into DLQ"), 4);
    let mut dead = place.context.get_stream("DLQ").await.unwrap();
    assert_eq!(dead.info().await.unwrap().state.messages, 4);
    let letter = dead.get_raw_message(2).await.unwrap();
    assert_eq!(letter.subject.as_str(), "dlq.main.notify.send_mail");
    let header = |name: &str| letter.headers.get(name).unwrap().as_str();
    assert_eq!(header("cift-reason"), "no such address:  nowhere");
    assert_eq!(
        (header("ce-first"), header("ce-stream"), header("ce-count")),
        ("50", "EVENTS", "1")
    );

    // Still refused: it stays.
    let again = replay(&place, 2).await.unwrap();
    assert_eq!(
        (again["outcome"].as_str(), again["message"].as_str()),
        (Some("poison"), Some("no such address:\n nowhere"))
    );
    assert_eq!(dead.info().await.unwrap().state.messages, 4);
    // Made good: taken once, by its handler only, and gone; asked twice it is done once.
    mailer.refuses.lock().unwrap().clear();
    let others = other.posts().len();
    assert_eq!(replay(&place, 2).await.unwrap()["outcome"], "done");
    assert_eq!(replay(&place, 2).await.unwrap()["outcome"], "gone");
    assert_eq!(replay(&place, 99).await.unwrap()["outcome"], "gone");
    assert_eq!(mailer.took().last(), Some(&50));
    assert_eq!(mailer.took().iter().filter(|s| **s == 50).count(), 1);
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
async fn a_poison_that_cannot_be_put_aside_is_not_lost() {
    let mut place = Place::new().await;
    place.stream("EVENTS", "events.>").await;
    place.publish("events.a.fill", 1, 3).await;
    let mailer = Mailer::default();
    *mailer.refuses.lock().unwrap() = vec![2];
    let function = mailer.start().await;
    let relay = place.relay(&[effects(MAIL, &function.url(), 10)]);
    relay.metric_is("relay_alarm", MAIL, |v| v == 1.0).await;
    assert_eq!(relay.said("a poison cannot be put aside"), 2, "{}", relay.log());
    assert_eq!(mailer.took(), vec![1]);
    place.stream("DLQ", "dlq.>").await;
    place.acknowledged("EVENTS", "send_mail", 3).await;
    assert_eq!(mailer.took(), vec![1, 3]);
    let mut dead = place.context.get_stream("DLQ").await.unwrap();
    assert_eq!(dead.info().await.unwrap().state.messages, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_projector_stops_at_a_poison_says_so_and_never_skips() {
    let mut place = Place::new().await;
    place.stream("ORDERS", "orders.main").await;
    place.stream("DLQ", "dlq.>").await;
    place.publish("orders.main", 1, 40).await;
    let mailer = Mailer::default();
    *mailer.refuses.lock().unwrap() = vec![23];
    let function = mailer.start().await;
    let name = "events.project_orders";
    let relay = place.relay(&[projector(name, &function.url(), 40)]);
    relay.metric_is("relay_stopped", name, |v| v == 1.0).await;
    relay.metric_is("relay_alarm", name, |v| v == 1.0).await;
    assert_eq!(
        mailer.took(),
        (1..=22).collect::<Vec<u64>>(),
        "all before it is projected"
    );
    assert_eq!(relay.said("stopped at a poison, which a projector never skips"), 1);
    assert_eq!(
        relay.said("message 23 of ORDERS: no such address"),
        1,
        "{}",
        relay.log()
    );
    let posts = function.posts().len();
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(function.posts().len() <= posts + 1, "it is tried slowly");
    let mut dead = place.context.get_stream("DLQ").await.unwrap();
    assert_eq!(dead.info().await.unwrap().state.messages, 0);
    // The record can be read now (another version of the function, say): it goes on by itself.
    mailer.refuses.lock().unwrap().clear();
    place.acknowledged("ORDERS", "project_orders", 40).await;
    assert_eq!(mailer.took(), (1..=40).collect::<Vec<u64>>());
    relay.metric_is("relay_stopped", name, |v| v == 0.0).await;
}
