//! A command whose work does not fit into one record continues in the next record, before any other
//! command. This also holds across a crash between the two records.
mod support;
use cift_engine::*;
use cift_wire::*;
use serde_json::json;
use support::*;

const ORDERS: u128 = 8_000;

async fn fill_book(client: &async_nats::Client) {
    for chunk in (1..=ORDERS).collect::<Vec<_>>().chunks(100) {
        // One price per order, so that each cancel changes another level.
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
    let mut deployment = Deployment::new().await;
    // A snapshot is due with every record, but not in the middle of a command.
    let mut matchd = deployment.start_matchd(&[("CIFT_SNAPSHOT_RECORDS", "1".to_owned())]);
    let client = deployment.client().await;
    deployment.leader(&client, "").await;
    open_market(&client, 2).await;
    let cancel_all = Command::CancelAll {
        account: account(1),
        symbol: None,
        request: None,
    };

    fill_book(&client).await;
    let before = query(&client, json!({"status": {}})).await["sequence"]
        .as_u64()
        .unwrap();
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
    assert_eq!(
        results[1].status,
        Status::Done,
        "the command after the cancel is done after it"
    );
    let after = query(&client, json!({"status": {}})).await["sequence"]
        .as_u64()
        .unwrap();
    assert!(
        after >= before + 2,
        "the cancel spans two records or more: {before} to {after}"
    );
    assert!(results[1].record_sequence >= results[0].record_sequence);
    assert!(results[1].command_sequence > results[0].command_sequence);

    fill_book(&client).await;
    matchd.kill();
    // The first record of this process is the first part of the cancel. It crashes before the second part.
    let mut matchd = deployment.start_matchd(&[("CIFT_CRASH_AT", "after_ack_before_reply:1".to_owned())]);
    deployment.leader(&client, "").await;
    let options = async_nats::ConnectOptions::new().request_timeout(Some(std::time::Duration::from_secs(2)));
    let short_timeout_client = options.connect(deployment.nats.url()).await.unwrap();
    assert!(
        submit(&short_timeout_client, &[cancel_all]).await.is_none(),
        "the process crashes before the reply"
    );
    assert_eq!(matchd.exit_code().await, None);
    let _matchd = deployment.start_matchd(&[]);
    deployment.leader(&client, "").await;
    let account = query_account(&client, account(1)).await;
    assert_eq!(
        account["account"]["open_orders"], 0,
        "the next leader completes the cancel first"
    );
    let book = query(&client, json!({"book": {"symbol": "SPY"}})).await;
    assert_eq!(book["bids"], json!([["400", "1", 1]]));
    deployment.verify();
}
