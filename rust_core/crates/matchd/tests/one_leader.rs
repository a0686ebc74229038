//! There is one leader. A standby sends no reply. A leader that was stopped loses leadership and sends no
//! reply. `EngineStarted` settles a publish in doubt, whenever the publish arrives.
mod support;
use async_nats::Client;
use cift_engine::*;
use cift_wire::*;
use futures_util::StreamExt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;
use std::time::Duration;
use support::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Sends one request and returns the subscription to its replies.
async fn send(client: &Client, commands: &[Command], expires_at: i64) -> async_nats::Subscriber {
    let inbox = client.new_inbox();
    let subscription = client.subscribe(inbox.clone()).await.unwrap();
    let envelopes: Vec<Envelope<'_>> = commands
        .iter()
        .map(|&command| Envelope {
            meta: Meta {
                expires_at,
                ..Meta::default()
            },
            command,
        })
        .collect();
    client
        .publish_with_reply("engine.main.command", inbox, encode_commands(&envelopes).into())
        .await
        .unwrap();
    client.flush().await.unwrap();
    subscription
}
/// The replies to a request: waits for `least` of them, and `more` for each further one.
async fn collect(subscription: &mut async_nats::Subscriber, least: usize, more: Duration) -> Vec<Vec<CommandResult>> {
    let mut all = Vec::new();
    loop {
        let wait = if all.len() < least { DEADLINE } else { more };
        let Ok(Some(message)) = tokio::time::timeout(wait, subscription.next()).await else {
            break;
        };
        // The server reports "no responders" as a message without a body.
        if !message.payload.is_empty() {
            all.push(decode_results(&message.payload).unwrap());
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_matchd_stands_by_and_a_stopped_leader_loses_leadership_and_sends_no_reply() {
    let mut deployment = Deployment::new().await;
    let first = deployment.start_matchd(&[]);
    let client = deployment.client().await;
    let leader = deployment.leader(&client, "").await;
    open_market(&client, 2).await;
    let _second = deployment.start_matchd(&[]);
    let started = std::time::Instant::now();
    while !deployment.log(2).contains("standing by") {
        assert!(started.elapsed() < DEADLINE, "{}", deployment.logs());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // Each request gets one reply although two processes run.
    for number in 1..=5 {
        let sell = Command::PlaceOrder(limit(number, account(2), Side::Sell, 500));
        let mut subscription = send(&client, &[sell], 0).await;
        let all = collect(&mut subscription, 1, Duration::from_millis(300)).await;
        assert_eq!(all.len(), 1, "one reply to one request");
        assert_eq!(all[0][0].status, Status::Done);
    }
    assert_eq!(deployment.leader(&client, "").await["instance"], leader["instance"]);

    // Requests to the stopped leader wait in its sockets. One of them would be rejected as expired.
    first.signal("STOP");
    let order = Command::PlaceOrder(limit(100, account(2), Side::Sell, 500));
    let mut sent_to_stopped = send(&client, &[order], 0).await;
    let mut expired = send(&client, &[order], 1).await;
    let new = deployment.leader(&client, leader["instance"].as_str().unwrap()).await;
    assert_eq!(new["epoch"], leader["epoch"].as_u64().unwrap() + 1);
    let again = submit(&client, &[order]).await.unwrap();
    assert_eq!(
        again[0].status,
        Status::Done,
        "the new leader has not received it before: {again:?}"
    );
    let mut to_both = send(
        &client,
        &[Command::PlaceOrder(limit(101, account(2), Side::Sell, 500))],
        0,
    )
    .await;

    first.signal("CONT");
    assert_eq!(
        collect(&mut to_both, 1, Duration::from_secs(3)).await.len(),
        1,
        "only the leader replies"
    );
    let late = collect(&mut sent_to_stopped, 0, Duration::from_millis(100)).await;
    assert!(
        late.is_empty(),
        "the former leader replied: {late:?}\n{}",
        deployment.logs()
    );
    let late = collect(&mut expired, 0, Duration::from_millis(100)).await;
    assert!(
        late.is_empty(),
        "the former leader replied: {late:?}\n{}",
        deployment.logs()
    );
    assert!(deployment.log(1).contains("leadership lost"), "{}", deployment.log(1));

    // Leadership does not move back: the new leader keeps its epoch, and the old leader stands by.
    let now = deployment.leader(&client, "").await;
    assert_eq!((&now["instance"], &now["epoch"]), (&new["instance"], &new["epoch"]));
    let started = std::time::Instant::now();
    while !deployment.log(1).contains("standing by") {
        assert!(started.elapsed() < DEADLINE, "{}", deployment.logs());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    deployment.verify();
}

/// A TCP proxy between matchd and the server. After
/// `hold`, it holds back what the existing connections send to the server until `release`.
struct Proxy {
    port: u16,
    held_below: Arc<AtomicU64>,
    connections: Arc<AtomicU64>,
    release: watch::Sender<bool>,
}
impl Proxy {
    async fn new(server: u16) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (held_below, connections) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let (release, released) = watch::channel(false);
        let (held, count) = (Arc::clone(&held_below), Arc::clone(&connections));
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let number = count.fetch_add(1, Ordering::SeqCst);
                let Ok(far) = TcpStream::connect(("127.0.0.1", server)).await else {
                    continue;
                };
                let ((mut near_read, mut near_write), (mut far_read, mut far_write)) =
                    (near.into_split(), far.into_split());
                tokio::spawn(async move {
                    let _ = tokio::io::copy(&mut far_read, &mut near_write).await;
                });
                let (held, mut released) = (Arc::clone(&held), released.clone());
                tokio::spawn(async move {
                    let mut buffer = vec![0; 1 << 20];
                    loop {
                        // Bytes that were read are delivered late, even if the sender has closed by then.
                        let length = near_read.read(&mut buffer).await.unwrap_or(0);
                        if number < held.load(Ordering::SeqCst) {
                            let _ = released.wait_for(|released| *released).await;
                        }
                        if length == 0 || far_write.write_all(&buffer[..length]).await.is_err() {
                            // The server needs time to read the bytes before the connection closes.
                            tokio::time::sleep(Duration::from_millis(300)).await;
                            return;
                        }
                    }
                });
            }
        });
        Proxy {
            port,
            held_below,
            connections,
            release,
        }
    }
    fn hold(&self) {
        self.held_below
            .store(self.connections.load(Ordering::SeqCst), Ordering::SeqCst);
    }
}

async fn late_publish(release_after_started: bool) {
    let mut deployment = Deployment::new().await;
    let proxy = Proxy::new(deployment.nats.port).await;
    let url = format!("nats://127.0.0.1:{}", proxy.port);
    let timeout = [("CIFT_APPEND_TIMEOUT_MS", "700".to_owned())];
    let _matchd = deployment.start_matchd_at(&url, &timeout);
    let client = deployment.client().await;
    deployment.leader(&client, "").await;
    open_market(&client, 2).await;

    proxy.hold();
    let order = Command::PlaceOrder(limit(1, account(2), Side::Sell, 500));
    let mut first = send(&client, &[order], 0).await;
    let started = std::time::Instant::now();
    let mark = if release_after_started {
        "\"leading\""
    } else {
        "recovered"
    };
    while deployment.log(1).matches(mark).count() < 2 {
        assert!(started.elapsed() < DEADLINE, "{}", deployment.logs());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    proxy.release.send_replace(true);
    for reply in collect(&mut first, 0, Duration::from_millis(500)).await {
        assert_eq!(
            reply[0].status,
            Status::Unknown,
            "in doubt is unknown\n{}",
            deployment.logs()
        );
    }
    // A retry with the same id is done now, or returns the first result. The order is never done twice.
    let started = std::time::Instant::now();
    let again = loop {
        match submit(&client, &[order]).await {
            Some(results) if matches!(results[0].status, Status::Done | Status::Repeated) => break results,
            _ => assert!(started.elapsed() < DEADLINE, "{}", deployment.logs()),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let expected = if release_after_started {
        Status::Done
    } else {
        Status::Repeated
    };
    assert_eq!(again[0].status, expected, "{}", deployment.logs());
    let book = query(&client, serde_json::json!({"book": {"symbol": "SPY"}})).await;
    assert_eq!(
        book["asks"],
        serde_json::json!([["500", "1", 1]]),
        "the order is in the book once"
    );
    deployment.verify();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publish_that_arrives_after_engine_started_is_rejected_by_the_fence() {
    late_publish(true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publish_that_arrives_between_recovery_and_engine_started_counts_once() {
    late_publish(false).await;
}

/// The proxy holds back what the old leader sends. The old leader still receives every request that its
/// successor receives.
#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_cannot_send_never_rejects_what_its_successor_accepts() {
    let mut deployment = Deployment::new().await;
    let proxy = Proxy::new(deployment.nats.port).await;
    let url = format!("nats://127.0.0.1:{}", proxy.port);
    // This test is about the end of a term. A long stall limit turns off the check of old proofs, which
    // would stop the old leader's replies earlier.
    let settings = [
        ("CIFT_APPEND_TIMEOUT_MS", "1500".to_owned()),
        ("CIFT_STALL_MS", "60000".to_owned()),
    ];
    let _first = deployment.start_matchd_at(&url, &settings);
    let client = deployment.client().await;
    let old = deployment.leader(&client, "").await;
    open_market(&client, 2).await;
    let _second = deployment.start_matchd(&[]);
    let started = std::time::Instant::now();
    while !deployment.log(2).contains("standing by") {
        assert!(started.elapsed() < DEADLINE, "{}", deployment.logs());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    proxy.hold();
    deployment.leader(&client, old["instance"].as_str().unwrap()).await;
    let mut sent = Vec::new();
    for number in 1..=3 {
        let order = Command::PlaceOrder(limit(number, account(2), Side::Sell, 500));
        sent.push(send(&client, &[order], 0).await);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let mut expired = send(
        &client,
        &[Command::PlaceOrder(limit(9, account(2), Side::Sell, 500))],
        1,
    )
    .await;
    // After its append timeout the first leader has given up, with two orders in the batch after the record
    // in doubt.
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    proxy.release.send_replace(true);
    for subscription in &mut sent {
        let all = collect(subscription, 1, Duration::from_millis(1_000)).await;
        let done = all.iter().filter(|r| r[0].status == Status::Done).count();
        assert_eq!(done, 1, "{all:?}\n{}", deployment.logs());
        assert!(
            all.iter()
                .all(|r| matches!(r[0].status, Status::Done | Status::Unknown)),
            "{all:?}"
        );
    }
    assert_eq!(
        collect(&mut expired, 1, Duration::from_millis(100)).await.len(),
        1,
        "only the leader rejects"
    );
    let book = query(&client, serde_json::json!({"book": {"symbol": "SPY"}})).await;
    assert_eq!(book["asks"], serde_json::json!([["500", "3", 3]]));
    deployment.verify();
}
