//! While one class of requests floods the exchange, each other class still has its share.
mod support;
use cift_engine::*;
use cift_wire::text::parse_currency;
use cift_wire::*;
use serde_json::json;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use support::*;

const REQUESTS: usize = 240;

/// Opens a house account and feed 1.
async fn define_feed(client: &async_nats::Client) {
    let house = account(900);
    let commands = [
        Command::OpenAccount {
            account: house,
            kind: AccountKind::Margin,
            role: AccountRole::House,
            currency: parse_currency("USD").unwrap(),
        },
        Command::DefineFeed {
            feed: 1,
            house,
            silence_ns: 60 * NANOS,
        },
    ];
    for result in submit(client, &commands).await.unwrap() {
        assert_eq!(result.status, Status::Done, "{result:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_orders_delays_neither_cancels_nor_quotes_nor_queries_to_its_end() {
    let mut deployment = Deployment::new().await;
    // Everything arrives while the leader is stopped, so that all classes wait when it goes on.
    let matchd = deployment.start_matchd(&[("CIFT_STALL_MS", "600000".to_owned())]);
    let client = deployment.client().await;
    deployment.leader(&client, "").await;
    open_market(&client, 1).await;
    define_feed(&client).await;
    let resting = Command::PlaceOrder(limit(1, account(1), Side::Buy, 300));
    assert_eq!(submit(&client, &[resting]).await.unwrap()[0].status, Status::Done);

    let sent = client.statistics();
    let before = sent.out_messages.load(Ordering::Relaxed);
    matchd.signal("STOP");
    let done = Arc::new(AtomicUsize::new(0));
    let mut flood = Vec::new();
    for request in 0..REQUESTS as u128 {
        let (client, done) = (client.clone(), Arc::clone(&done));
        flood.push(tokio::spawn(async move {
            let orders: Vec<Command> = (0..40)
                .map(|n| Command::PlaceOrder(limit(1_000 + request * 40 + n, account(1), Side::Buy, 400)))
                .collect();
            let results = submit(&client, &orders).await.expect("a reply");
            assert!(
                results.iter().all(|result| result.status == Status::Done),
                "{:?}",
                results[0]
            );
            done.fetch_add(1, Ordering::SeqCst);
        }));
    }
    let waits_for = |count: u64| {
        let sent = client.statistics();
        async move {
            while sent.out_messages.load(Ordering::Relaxed) < before + count {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        }
    };
    waits_for(REQUESTS as u64).await;
    let cancel = Command::CancelOrder {
        account: account(1),
        order: order_id(1),
        request: None,
    };
    let side = |price: i64| OutsideSide {
        price: price * NANOS,
        quantity: 10 * NANOS,
    };
    let quote = Command::OutsideQuote {
        feed: 1,
        source_sequence: 1,
        symbol: spy(),
        bid: side(390),
        ask: side(410),
    };
    let mut others = Vec::new();
    for command in [cancel, quote] {
        let (client, done) = (client.clone(), Arc::clone(&done));
        others.push(tokio::spawn(async move {
            let result = submit(&client, &[command]).await.expect("a reply").remove(0);
            assert_eq!(result.status, Status::Done, "{result:?}");
            done.load(Ordering::SeqCst)
        }));
    }
    let queried = {
        let (client, done) = (client.clone(), Arc::clone(&done));
        tokio::spawn(async move {
            query(&client, json!({"status": {}})).await;
            done.load(Ordering::SeqCst)
        })
    };
    waits_for(REQUESTS as u64 + 3).await;
    client.flush().await.unwrap();
    matchd.signal("CONT");
    others.push(queried);
    for (name, other) in ["cancel", "quote", "query"].iter().zip(others) {
        let orders_before = other.await.unwrap();
        assert!(
            orders_before < REQUESTS / 2,
            "the {name} waited for {orders_before} of {REQUESTS} requests"
        );
    }
    for request in flood {
        request.await.unwrap();
    }
    deployment.verify();
}
