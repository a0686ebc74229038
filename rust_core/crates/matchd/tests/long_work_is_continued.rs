//! Work too long for one record goes on in the next, before anything else, also over a crash in its middle.
mod support;
use cift_engine::*;
use cift_wire::*;
use serde_json::json;
use support::*;

const ORDERS: u128 = 8_000;

async fn fill_book(client: &async_nats::Client) {
    for chunk in (1..=ORDERS).collect::<Vec<_>>().chunks(100) {
        // A price each, so that each cancel changes a level of its own.
        let orders: Vec<Command> = chunk
            .iter()
            .map(|&n| {
                let order = PlaceOrder {
                    limit_price: Some(100 * NANOS + n as i64 * 10_000_000),
                    request: None,
                    ..limit(n, account(1), Side::Buy, 100)
                };
                Command::PlaceOrder(order)
            })
            .collect();
        let results = submit(client, &orders).await.unwrap();
        assert!(results.iter().all(|r| r.status == Status::Done), "{:?}", results[0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_of_thousands_spans_records_and_survives_a_crash_between_them() {
    let mut place = Place::new().await;
    let mut matchd = place.matchd(&[]);
    let client = place.client().await;
    place.leader(&client, "").await;
    open_market(&client, 2).await;
    let cancel_all = Command::CancelAll {
        account: account(1),
        symbol: None,
        request: None,
    };

    fill_book(&client).await;
    let before = ask(&client, json!({"status": {}})).await["sequence"].as_u64().unwrap();
    let results = submit(
        &client,
        &[
            cancel_all,
            Command::PlaceOrder(limit(90_001, account(2), Side::Buy, 400)),
        ],
    )
    .await
    .unwrap();
    assert_eq!(
        (results[0].status, u128::from(results[0].affected)),
        (Status::Done, ORDERS)
    );
    assert_eq!(results[1].status, Status::Done, "what came behind is done behind it");
    let after = ask(&client, json!({"status": {}})).await["sequence"].as_u64().unwrap();
    assert!(after >= before + 2, "one record would be too long: {before} to {after}");
    assert!(results[1].record_sequence >= results[0].record_sequence);
    assert!(results[1].command_sequence > results[0].command_sequence);

    fill_book(&client).await;
    matchd.kill();
    // Its first record is the first part of the cancel; it is gone before the second.
    let mut matchd = place.matchd(&[("CIFT_CRASH_AT", "after_ack_before_reply:1".to_owned())]);
    place.leader(&client, "").await;
    let impatient = async_nats::ConnectOptions::new().request_timeout(Some(std::time::Duration::from_secs(2)));
    let impatient = impatient.connect(place.nats.url()).await.unwrap();
    assert!(
        submit(&impatient, &[cancel_all]).await.is_none(),
        "nobody is left to answer"
    );
    assert_eq!(matchd.exit_code().await, None);
    let _matchd = place.matchd(&[]);
    place.leader(&client, "").await;
    let account = ask_account(&client, account(1)).await;
    assert_eq!(
        account["account"]["open_orders"], 0,
        "the rest of the cancel was done first"
    );
    let book = ask(&client, json!({"book": {"symbol": "SPY"}})).await;
    assert_eq!(book["bids"], json!([["400", "1", 1]]));
    place.verify();
}
