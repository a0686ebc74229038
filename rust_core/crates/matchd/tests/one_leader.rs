//! There is one leader: who stands by answers nobody, who was stopped has lost and says nothing, and a publish in doubt
//! is settled by `EngineStarted` whenever it lands.
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

/// Sends one request and counts the replies to it, for `wait`.
async fn replies(client: &Client, commands: &[Command], expires_at: i64) -> async_nats::Subscriber {
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
async fn collect(subscription: &mut async_nats::Subscriber, wait: Duration) -> Vec<Vec<CommandResult>> {
    let mut all = Vec::new();
    while let Ok(Some(message)) = tokio::time::timeout(wait, subscription.next()).await {
        // "No responders" is a message without a body.
        if !message.payload.is_empty() {
            all.push(decode_results(&message.payload).unwrap());
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_matchd_stands_by_and_a_stopped_leader_has_lost_and_is_silent() {
    let mut place = Place::new().await;
    let first = place.matchd(&[]);
    let client = place.client().await;
    let leader = place.leader(&client, "").await;
    open_market(&client, 2).await;
    let _second = place.matchd(&[]);
    let begun = std::time::Instant::now();
    while !place.log(2).contains("standing by") {
        assert!(begun.elapsed() < DEADLINE, "{}", place.logs());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // Each request has one reply, though two processes are up.
    for number in 1..=5 {
        let sell = Command::PlaceOrder(limit(number, account(2), Side::Sell, 500));
        let mut subscription = replies(&client, &[sell], 0).await;
        let all = collect(&mut subscription, Duration::from_millis(300)).await;
        assert_eq!(all.len(), 1, "one reply to one request");
        assert_eq!(all[0][0].status, Status::Done);
    }
    assert_eq!(place.leader(&client, "").await["instance"], leader["instance"]);

    // Stopped: what is asked now waits in its sockets. One of them would be a definite no (expired).
    first.signal("STOP");
    let order = Command::PlaceOrder(limit(100, account(2), Side::Sell, 500));
    let mut sent_to_stopped = replies(&client, &[order], 0).await;
    let mut expired = replies(&client, &[order], 1).await;
    let new = place.leader(&client, leader["instance"].as_str().unwrap()).await;
    assert_eq!(new["epoch"], leader["epoch"].as_u64().unwrap() + 1);
    let again = submit(&client, &[order]).await.unwrap();
    assert_eq!(again[0].status, Status::Done, "the new leader never saw it: {again:?}");
    let mut to_both = replies(
        &client,
        &[Command::PlaceOrder(limit(101, account(2), Side::Sell, 500))],
        0,
    )
    .await;

    first.signal("CONT");
    assert_eq!(
        collect(&mut to_both, Duration::from_secs(3)).await.len(),
        1,
        "only the leader answers"
    );
    let late = collect(&mut sent_to_stopped, Duration::from_millis(100)).await;
    assert!(late.is_empty(), "the lost leader answered: {late:?}\n{}", place.logs());
    let late = collect(&mut expired, Duration::from_millis(100)).await;
    assert!(late.is_empty(), "the lost leader answered: {late:?}\n{}", place.logs());
    assert!(place.log(1).contains("leadership lost"), "{}", place.log(1));

    // No ping-pong: the new one still leads, in the same epoch, and the old one follows it.
    let now = place.leader(&client, "").await;
    assert_eq!((&now["instance"], &now["epoch"]), (&new["instance"], &new["epoch"]));
    let begun = std::time::Instant::now();
    while !place.log(1).contains("standing by") {
        assert!(begun.elapsed() < DEADLINE, "{}", place.logs());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    place.verify();
}

/// Passes bytes between matchd and the server; holds what connections of before `hold` send, until `release`.
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
                        // What was read is delivered however late, even when the sender is gone by then.
                        let length = near_read.read(&mut buffer).await.unwrap_or(0);
                        if number < held.load(Ordering::SeqCst) {
                            let _ = released.wait_for(|released| *released).await;
                        }
                        if length == 0 || far_write.write_all(&buffer[..length]).await.is_err() {
                            // Give the server time to read it before the connection closes.
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
    let mut place = Place::new().await;
    let proxy = Proxy::new(place.nats.port).await;
    let url = format!("nats://127.0.0.1:{}", proxy.port);
    let timeout = [("CIFT_APPEND_TIMEOUT_MS", "700".to_owned())];
    let _matchd = place.matchd_at(&url, &timeout);
    let client = place.client().await;
    place.leader(&client, "").await;
    open_market(&client, 2).await;

    proxy.hold();
    let order = Command::PlaceOrder(limit(1, account(2), Side::Sell, 500));
    let mut first = replies(&client, &[order], 0).await;
    let begun = std::time::Instant::now();
    let mark = if release_after_started {
        "\"leading\""
    } else {
        "recovered"
    };
    while place.log(1).matches(mark).count() < 2 {
        assert!(begun.elapsed() < DEADLINE, "{}", place.logs());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    proxy.release.send_replace(true);
    for reply in collect(&mut first, Duration::from_millis(500)).await {
        assert_eq!(
            reply[0].status,
            Status::Unknown,
            "in doubt is unknown\n{}",
            place.logs()
        );
    }
    // Asked again, with the same id: done now, or the first result. Never twice.
    let begun = std::time::Instant::now();
    let again = loop {
        match submit(&client, &[order]).await {
            Some(results) if matches!(results[0].status, Status::Done | Status::Repeated) => break results,
            _ => assert!(begun.elapsed() < DEADLINE, "{}", place.logs()),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let expected = if release_after_started {
        Status::Done
    } else {
        Status::Repeated
    };
    assert_eq!(again[0].status, expected, "{}", place.logs());
    let book = ask(&client, serde_json::json!({"book": {"symbol": "SPY"}})).await;
    assert_eq!(
        book["asks"],
        serde_json::json!([["500", "1", 1]]),
        "the order is there once"
    );
    place.verify();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publish_that_lands_after_engine_started_is_refused_by_the_fence() {
    late_publish(true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publish_that_lands_between_recovery_and_engine_started_counts_once() {
    late_publish(false).await;
}

/// What the old leader sends is held up, what it hears is not: it is asked everything that its successor is asked.
#[tokio::test(flavor = "multi_thread")]
async fn a_leader_cut_off_one_way_never_says_no_to_what_its_successor_does() {
    let mut place = Place::new().await;
    let proxy = Proxy::new(place.nats.port).await;
    let url = format!("nats://127.0.0.1:{}", proxy.port);
    // Without the check of old proofs, which would silence it earlier: what is tested is the end of a term.
    let alone = [
        ("CIFT_APPEND_TIMEOUT_MS", "1500".to_owned()),
        ("CIFT_FREEZE_MS", "60000".to_owned()),
    ];
    let _first = place.matchd_at(&url, &alone);
    let client = place.client().await;
    let old = place.leader(&client, "").await;
    open_market(&client, 2).await;
    let _second = place.matchd(&[]);
    let begun = std::time::Instant::now();
    while !place.log(2).contains("standing by") {
        assert!(begun.elapsed() < DEADLINE, "{}", place.logs());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    proxy.hold();
    place.leader(&client, old["instance"].as_str().unwrap()).await;
    let mut asked = Vec::new();
    for number in 1..=3 {
        let order = Command::PlaceOrder(limit(number, account(2), Side::Sell, 500));
        asked.push(replies(&client, &[order], 0).await);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let mut expired = replies(
        &client,
        &[Command::PlaceOrder(limit(9, account(2), Side::Sell, 500))],
        1,
    )
    .await;
    // Past the first one's append timeout: it has given up, with two orders gathered behind the one in doubt.
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    proxy.release.send_replace(true);
    for subscription in &mut asked {
        let all = collect(subscription, Duration::from_millis(1_000)).await;
        let done = all.iter().filter(|r| r[0].status == Status::Done).count();
        assert_eq!(done, 1, "{all:?}\n{}", place.logs());
        assert!(
            all.iter()
                .all(|r| matches!(r[0].status, Status::Done | Status::Unknown)),
            "{all:?}"
        );
    }
    assert_eq!(
        collect(&mut expired, Duration::from_millis(100)).await.len(),
        1,
        "only the leader says no"
    );
    let book = ask(&client, serde_json::json!({"book": {"symbol": "SPY"}})).await;
    assert_eq!(book["asks"], serde_json::json!([["500", "3", 3]]));
    place.verify();
}
