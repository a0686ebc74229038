//! An order from the request to the journal, the queries and the streams, and over restarts.
mod support;
use async_nats::Client;
use cift_engine::*;
use cift_wire::text::uuid_text;
use cift_wire::update::{self, Key, Kind};
use cift_wire::*;
use futures_util::StreamExt;
use serde_json::json;
use support::*;

/// The buyer's order fills against the seller's.
struct Trade {
    rest: CommandResult,
    take: CommandResult,
}

async fn trade(client: &Client, buyer: AccountId, seller: AccountId) -> Trade {
    let rest = submit(client, &[Command::PlaceOrder(limit(1, seller, Side::Sell, 500))])
        .await
        .unwrap()
        .remove(0);
    assert_eq!(rest.status, Status::Done);
    assert_eq!(rest.order.unwrap().status, OrderStatus::New);
    let take = submit(client, &[Command::PlaceOrder(limit(2, buyer, Side::Buy, 501))])
        .await
        .unwrap()
        .remove(0);
    let order = take.order.unwrap();
    assert_eq!(
        (order.status, order.filled_notional),
        (OrderStatus::Filled, 500 * i128::from(NANOS))
    );
    assert_eq!(take.record_sequence, rest.record_sequence + 1);
    Trade { rest, take }
}

/// The journal has the record that the result names, with the trade and the trace id.
async fn the_journal_has_the_trade(client: &Client, sequence: u64) {
    let stream = async_nats::jetstream::new(client.clone())
        .get_stream("ORDERS")
        .await
        .unwrap();
    let message = stream.direct_get(sequence).await.unwrap();
    let record = Record::open(&message.payload).unwrap();
    let mut trades = 0;
    record
        .for_each::<cift_wire::WireError>(&mut Vec::new(), |envelope, _, events| {
            assert_eq!(envelope.meta.trace, 7, "the journal keeps the trace id");
            trades += events
                .iter()
                .filter(|e| matches!(e, Event::TradeExecuted { .. }))
                .count();
            Ok(())
        })
        .unwrap();
    assert_eq!(trades, 1);
}

async fn queries_show_the_trade(client: &Client, buyer: AccountId, seller: AccountId, take: &CommandResult) {
    let account = query_account(client, buyer).await;
    assert_eq!(account["account"]["cash"], "9999500");
    assert_eq!(account["positions"][0]["quantity"], "1");
    assert_eq!(account["sequence"], take.record_sequence);
    let sequence = query(client, json!({"account_sequence": uuid_text(seller.0)})).await;
    assert_eq!(sequence["sequence"], take.record_sequence);
    assert_eq!(
        query(client, json!({"account_sequence": uuid_text(77)})).await["error"],
        "unknown_account"
    );
    let quote = query(client, json!({"quote": ["SPY"]})).await;
    assert_eq!(
        (&quote["quotes"][0]["last"], &quote["quotes"][0]["bid"]),
        (&json!("500"), &json!(null))
    );
    assert_eq!(query(client, json!({"quote": ["NOPE"]})).await["symbol"], "NOPE");
    let check = json!({"check": {"account": uuid_text(buyer.0), "symbol": "SPY", "side": "buy", "kind": "limit",
        "quantity": "1", "limit_price": "500.00"}});
    let checked = query(client, check).await;
    assert_eq!(
        (&checked["admitted"], &checked["reserve_price"]),
        (&json!(true), &json!("500"))
    );
    assert_eq!(query(client, json!({"status": {}})).await["epoch"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_filled_journaled_published_and_kept_over_restarts() {
    let mut deployment = Deployment::new().await;
    let mut matchd = deployment.start_matchd(&[]);
    let client = deployment.client().await;
    let owner = deployment.leader(&client, "").await;
    assert_eq!(owner["epoch"], 1);
    open_market(&client, 2).await;
    let mut updates = client.subscribe("updates.main").await.unwrap();
    client.flush().await.unwrap();

    let (buyer, seller) = (account(1), account(2));
    let Trade { rest, take } = trade(&client, buyer, seller).await;
    assert!(take.command_sequence > rest.command_sequence);
    the_journal_has_the_trade(&client, take.record_sequence).await;
    queries_show_the_trade(&client, buyer, seller, &take).await;

    let expected = [
        (Kind::Fill, Key::Account(buyer)),
        (Kind::Position, Key::Account(seller)),
        (Kind::Order, Key::Account(seller)),
        (Kind::Trade, Key::Symbol(spy())),
        (Kind::Book, Key::Symbol(spy())),
        (Kind::Quote, Key::Symbol(spy())),
    ];
    let mut items = Vec::new();
    while !expected.iter().all(|item| items.contains(item)) {
        let message = tokio::time::timeout(DEADLINE, updates.next()).await;
        let Ok(Some(message)) = message else {
            panic!("one of {expected:?} is missing in {items:?}\n{}", deployment.logs());
        };
        update::decode(&message.payload, |item| items.push((item.kind, item.key))).unwrap();
    }

    // A graceful restart, then a hard one: the state stays the same.
    let account_before = query_account(&client, buyer).await;
    let before = deployment.verify();
    matchd.signal("TERM");
    assert_eq!(matchd.exit_code().await, Some(0), "{}", deployment.logs());
    let mut matchd = deployment.start_matchd(&[]);
    let owner = deployment.leader(&client, "").await;
    assert_eq!(owner["epoch"], 2);
    let account_now = query_account(&client, buyer).await;
    assert_eq!(account_now["account"], account_before["account"]);
    matchd.kill();
    let _matchd = deployment.start_matchd(&[]);
    assert_eq!(deployment.leader(&client, "").await["epoch"], 3);
    let account_now = query_account(&client, buyer).await;
    assert_eq!(account_now["account"], account_before["account"]);
    let after = deployment.verify();
    assert_eq!(
        after["commands"].as_u64().unwrap(),
        before["commands"].as_u64().unwrap() + 2
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_graceful_stop_under_load_exactly_the_acknowledged_orders_exist() {
    let mut deployment = Deployment::new().await;
    let mut matchd = deployment.start_matchd(&[]);
    let client = deployment.client().await;
    deployment.leader(&client, "").await;
    open_market(&client, 2).await;
    let mut callers = tokio::task::JoinSet::new();
    let (placed, mut one_placed) = tokio::sync::watch::channel(());
    for caller in 0..16u128 {
        let (client, placed) = (deployment.client().await, placed.clone());
        callers.spawn(async move {
            let mut done = 0;
            for number in 0u128.. {
                let order = limit(1_000_000 * caller + number, account(1), Side::Buy, 1);
                let envelope = Envelope {
                    meta: Meta::default(),
                    command: Command::PlaceOrder(order),
                };
                let request = encode_commands(&[envelope]).into();
                // No reply: matchd has stopped, or the request arrived at the end of the subscription.
                let Ok(reply) = client.request("engine.main.command", request).await else {
                    break;
                };
                match decode_results(&reply.payload).unwrap()[0].status {
                    Status::Done => {
                        done += 1;
                        placed.send_replace(());
                    }
                    // The account may have 10,000 open orders.
                    Status::Refused => {}
                    other => panic!("{other:?}: a graceful stop leaves nothing in doubt"),
                }
            }
            done
        });
    }
    tokio::time::timeout(DEADLINE, one_placed.changed())
        .await
        .unwrap()
        .unwrap();
    matchd.signal("TERM");
    let done: u64 = callers.join_all().await.iter().sum();
    assert!(done > 0);
    assert_eq!(matchd.exit_code().await, Some(0), "{}", deployment.logs());
    let _matchd = deployment.start_matchd(&[]);
    deployment.leader(&client, "").await;
    assert_eq!(query(&client, json!({"status": {}})).await["orders"], done);
    deployment.verify();
}
