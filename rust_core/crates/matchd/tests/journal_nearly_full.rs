//! In a journal that is nearly full new orders are refused by name. Cancels, withdrawals, halts and a new leader
//! have space to the end.
mod support;
use async_nats::Client;
use cift_engine::*;
use cift_wire::*;
use serde_json::json;
use support::*;

/// Size of the journal as its stream reports it.
async fn stream_bytes(client: &Client) -> u64 {
    let mut stream = async_nats::jetstream::new(client.clone())
        .get_stream("ORDERS")
        .await
        .unwrap();
    stream.info().await.unwrap().state.bytes
}

async fn assert_size_is_that_of_the_stream(client: &Client) {
    let status = query(client, json!({"status": {}})).await;
    assert_eq!(status["journal_bytes"].as_u64().unwrap(), stream_bytes(client).await);
}

fn cancel(number: u128) -> Command {
    Command::CancelOrder {
        account: account(1),
        order: order_id(number),
        request: None,
    }
}

/// Places orders of account 1, `batch` in a request, until one is refused. Returns the number of the last order
/// that was accepted.
async fn fill_up(client: &Client, first: u128, batch: u128) -> u128 {
    let mut number = first;
    loop {
        let orders: Vec<Command> = (number..number + batch)
            .map(|number| Command::PlaceOrder(limit(number, account(1), Side::Buy, 400)))
            .collect();
        let results = submit(client, &orders).await.expect("a reply");
        let done = results
            .iter()
            .take_while(|result| result.status == Status::Done)
            .count();
        for result in &results[done..] {
            assert_eq!(
                (result.status, result.reason.as_str()),
                (Status::Unavailable, "journal_full")
            );
        }
        number += done as u128;
        if done < results.len() {
            return number - 1;
        }
        assert!(number < 20_000, "the journal does not fill up");
    }
}

async fn everything_but_orders_has_space(batch: u128) {
    let mut deployment = Deployment::new().await;
    deployment.max_bytes = 1 << 20;
    let mut matchd = deployment.start_matchd(&[]);
    let client = deployment.client().await;
    deployment.leader(&client, "").await;
    open_market(&client, 2).await;
    assert_size_is_that_of_the_stream(&client).await;
    let last = fill_up(&client, 1, batch).await;
    assert!(last > 100, "{last}");
    assert_size_is_that_of_the_stream(&client).await;
    assert!(deployment.log(1).contains("the journal is nearly full"));

    // A new leader starts, answers queries, and refuses orders too.
    matchd.kill();
    let mut matchd = deployment.start_matchd(&[]);
    assert_eq!(deployment.leader(&client, "").await["epoch"], 2);
    assert_size_is_that_of_the_stream(&client).await;
    let book = query(&client, json!({"book": {"symbol": "SPY"}})).await;
    assert_eq!(u128::from(book["bids"][0][2].as_u64().unwrap()), last);

    // Withdrawals until they have no space either.
    let mut withdrawn = 0;
    loop {
        let withdraw = Command::Withdraw {
            account: account(2),
            transfer: TransferId(1_000 + withdrawn),
            amount: i128::from(NANOS),
            request: None,
        };
        let result = submit(&client, &[withdraw]).await.expect("a reply").remove(0);
        if result.reason == "journal_full" {
            break;
        }
        assert_eq!(result.status, Status::Done, "{result:?}");
        withdrawn += 1;
    }
    assert!(withdrawn > 10, "{withdrawn}");

    // Each open order can be cancelled, one request at a time or many in one.
    let numbers: Vec<u128> = (1..=last).collect();
    for chunk in numbers.chunks(batch as usize) {
        let cancels: Vec<Command> = chunk.iter().map(|&number| cancel(number)).collect();
        for result in submit(&client, &cancels).await.expect("a reply") {
            assert_eq!(result.status, Status::Done, "{result:?}");
        }
    }
    assert_size_is_that_of_the_stream(&client).await;
    for _ in 0..3 {
        for command in [Command::Halt { symbol: spy() }] {
            assert_eq!(submit(&client, &[command]).await.unwrap()[0].status, Status::Done);
        }
        matchd.kill();
        matchd = deployment.start_matchd(&[]);
        deployment.leader(&client, "").await;
    }
    deployment.verify();

    // With a larger journal it accepts orders again.
    matchd.kill();
    deployment.max_bytes = 50_000_000;
    let _matchd = deployment.start_matchd(&[]);
    deployment.leader(&client, "").await;
    let order = Command::PlaceOrder(limit(last + 1, account(1), Side::Buy, 400));
    let results = submit(&client, &[Command::Resume { symbol: spy() }, order])
        .await
        .unwrap();
    assert!(
        results.iter().all(|result| result.status == Status::Done),
        "{results:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn with_single_orders_everything_else_has_space_to_the_last_byte() {
    everything_but_orders_has_space(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_batches_everything_else_has_space_to_the_last_byte() {
    everything_but_orders_has_space(40).await;
}
