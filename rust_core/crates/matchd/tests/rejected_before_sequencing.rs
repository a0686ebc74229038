//! A command that does not reach the journal is rejected with a reason. A repeated command returns its
//! first result.
mod support;
use cift_engine::*;
use cift_wire::*;
use serde_json::json;
use support::*;

#[tokio::test(flavor = "multi_thread")]
async fn expired_internal_and_malformed_commands_are_rejected_and_repeats_return_the_first_result() {
    let mut deployment = Deployment::new().await;
    let _matchd = deployment.start_matchd(&[]);
    let client = deployment.client().await;
    deployment.leader(&client, "").await;
    open_market(&client, 2).await;
    let before = query(&client, json!({"status": {}})).await;
    assert_eq!((&before["accounts"], &before["orders"]), (&json!(2), &json!(0)));
    let order = Command::PlaceOrder(limit(1, account(1), Side::Buy, 500));

    let expired = submit_until(&client, &[order, order], 1).await.unwrap();
    for result in expired {
        assert_eq!(
            (result.status, result.reason.as_str(), result.record_sequence),
            (Status::Unavailable, "expired", 0)
        );
    }
    let internal = submit(&client, &[Command::Continue, Command::EngineStarted { epoch: 99 }])
        .await
        .unwrap();
    assert!(internal
        .iter()
        .all(|r| r.status == Status::Unavailable && r.reason == "internal_command"));
    let reply = client
        .request("engine.main.command", "no message".into())
        .await
        .unwrap();
    assert_eq!(decode_results(&reply.payload).unwrap()[0].reason, "malformed_request");
    let after = query(&client, json!({"status": {}})).await;
    assert_eq!(
        before["sequence"], after["sequence"],
        "none of these commands was sequenced"
    );

    // In a mixed request the expired command is rejected and the other is done.
    let mixed = [
        Envelope {
            meta: Meta {
                expires_at: 1,
                ..Meta::default()
            },
            command: order,
        },
        Envelope {
            meta: Meta::default(),
            command: order,
        },
    ];
    let reply = client
        .request("engine.main.command", encode_commands(&mixed).into())
        .await
        .unwrap();
    let results = decode_results(&reply.payload).unwrap();
    assert_eq!(
        (results[0].status, results[1].status),
        (Status::Unavailable, Status::Done)
    );

    // The same command returns the first result. Another body with the same key is a conflict.
    let repeated = submit(&client, &[order]).await.unwrap();
    assert_eq!(repeated[0].status, Status::Repeated);
    assert_eq!(repeated[0].first.unwrap().sequence, results[1].command_sequence);
    let PlaceOrder { request, .. } = limit(1, account(1), Side::Buy, 500);
    let mut other = limit(2, account(1), Side::Buy, 501);
    other.request = Some(Request {
        key: request.unwrap().key,
        ..other.request.unwrap()
    });
    let conflict = submit(&client, &[Command::PlaceOrder(other)]).await.unwrap();
    assert_eq!(conflict[0].refusal, Some(Refusal::IdempotencyConflict));
    deployment.verify();
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_beyond_the_queue_limit_are_rejected() {
    let mut deployment = Deployment::new().await;
    let matchd = deployment.start_matchd(&[
        ("CIFT_QUEUE_REQUESTS", "5".to_owned()),
        ("CIFT_STALL_MS", "60000".to_owned()),
    ]);
    let client = deployment.client().await;
    deployment.leader(&client, "").await;
    open_market(&client, 1).await;
    // A pause shorter than every timeout: more requests arrive than the queue takes.
    matchd.signal("STOP");
    let mut waiting = Vec::new();
    let sent = client.statistics();
    let before = sent.out_messages.load(std::sync::atomic::Ordering::Relaxed);
    for number in 1..=40 {
        let client = client.clone();
        waiting.push(tokio::spawn(async move {
            submit(
                &client,
                &[Command::PlaceOrder(limit(number, account(1), Side::Buy, 400))],
            )
            .await
            .expect("a reply")
        }));
    }
    while sent.out_messages.load(std::sync::atomic::Ordering::Relaxed) < before + 40 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    client.flush().await.unwrap();
    matchd.signal("CONT");
    let (mut done, mut full) = (0, 0);
    for request in waiting {
        let result = request.await.unwrap().remove(0);
        match (result.status, result.reason.as_str()) {
            (Status::Done, _) => done += 1,
            (Status::Unavailable, "queue_full") => full += 1,
            other => panic!("{other:?}"),
        }
    }
    assert!(
        done >= 5 && full >= 1 && done + full == 40,
        "{done} done, {full} rejected\n{}",
        deployment.logs()
    );
    let book = query(&client, json!({"book": {"symbol": "SPY"}})).await;
    assert_eq!(book["bids"][0][2].as_u64().unwrap(), done);
}

#[tokio::test(flavor = "multi_thread")]
async fn outside_quotes_of_one_batch_are_conflated_and_applied_after_orders() {
    let mut deployment = Deployment::new().await;
    let _matchd = deployment.start_matchd(&[]);
    let client = deployment.client().await;
    deployment.leader(&client, "").await;
    open_market(&client, 2).await;
    let usd = cift_wire::text::parse_currency("USD").unwrap();
    let house_account = account(100);
    let quote = |source_sequence: u64, bid: i64, ask: i64| Command::OutsideQuote {
        feed: 1,
        source_sequence,
        symbol: spy(),
        bid: OutsideSide {
            price: bid * NANOS,
            quantity: 5 * NANOS,
        },
        ask: OutsideSide {
            price: ask * NANOS,
            quantity: 5 * NANOS,
        },
    };
    let commands = [
        Command::OpenAccount {
            account: house_account,
            kind: AccountKind::Margin,
            role: AccountRole::House,
            currency: usd,
        },
        Command::DefineFeed {
            feed: 1,
            house: house_account,
            silence_ns: 3_600_000_000_000,
        },
        quote(1, 498, 502),
        quote(2, 497, 503),
        Command::PlaceOrder(limit(1, account(1), Side::Buy, 505)),
        quote(3, 499, 501),
    ];
    let results = submit(&client, &commands).await.unwrap();
    assert!(results.iter().all(|r| r.status == Status::Done), "{results:?}");
    assert_eq!(results[2].reason, "conflated");
    assert_eq!(results[3].reason, "conflated");
    // The order is applied before the quotes, so it rests first. The last quote fills it at the order's
    // price.
    let order = results[4].order.unwrap();
    assert_eq!((order.status, order.filled), (OrderStatus::New, 0));
    assert_eq!(
        query(&client, json!({"order": cift_wire::text::uuid_text(order_id(1).0)})).await["error"],
        "order_not_open"
    );
    assert_eq!(query_account(&client, account(1)).await["positions"][0]["cost"], "505");
    let quote = query(&client, json!({"quote": ["SPY"]})).await;
    assert_eq!(
        (&quote["quotes"][0]["bid"], &quote["quotes"][0]["ask_quantity"]),
        (&json!("499"), &json!("4"))
    );
    deployment.verify();
}
