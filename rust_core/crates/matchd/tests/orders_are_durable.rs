//! A real order through JetStream and back; what a restart keeps; what is refused before sequencing.
mod support;
use cift_engine::*;
use cift_wire::text::uuid_text;
use cift_wire::*;
use futures_util::StreamExt;
use serde_json::json;
use support::*;

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_filled_journaled_told_and_kept() {
    let mut place = Place::new().await;
    let mut matchd = place.matchd(&[]);
    let client = place.client().await;
    let owner = place.leader(&client, "").await;
    assert_eq!(owner["epoch"], 1);
    open_market(&client, 2).await;
    let mut events = client.subscribe("events.>").await.unwrap();
    let mut market = client.subscribe("market.>").await.unwrap();
    client.flush().await.unwrap();

    let (buyer, seller) = (account(1), account(2));
    let rest = submit(&client, &[Command::PlaceOrder(limit(1, seller, Side::Sell, 500))])
        .await
        .unwrap();
    assert_eq!(rest[0].status, Status::Done);
    assert_eq!(rest[0].order.unwrap().status, OrderStatus::New);
    let take = submit(&client, &[Command::PlaceOrder(limit(2, buyer, Side::Buy, 501))])
        .await
        .unwrap();
    let order = take[0].order.unwrap();
    assert_eq!(
        (order.status, order.filled_notional),
        (OrderStatus::Filled, 500 * i128::from(NANOS))
    );
    assert_eq!(take[0].record_sequence, rest[0].record_sequence + 1);

    // The journal has the record that the result names, with the trade.
    let stream = async_nats::jetstream::new(client.clone())
        .get_stream("ORDERS")
        .await
        .unwrap();
    let message = stream.direct_get(take[0].record_sequence).await.unwrap();
    let record = Record::open(&message.payload).unwrap();
    let mut trades = 0;
    record
        .for_each::<cift_wire::WireError>(&mut Vec::new(), |envelope, _, events| {
            assert_eq!(envelope.meta.trace, 7, "the trace goes through the journal");
            trades += events
                .iter()
                .filter(|e| matches!(e, Event::TradeExecuted { .. }))
                .count();
            Ok(())
        })
        .unwrap();
    assert_eq!(trades, 1);

    // Questions.
    let asked = ask_account(&client, buyer).await;
    assert_eq!(asked["account"]["cash"], "9999500");
    assert_eq!(asked["positions"][0]["quantity"], "1");
    assert_eq!(asked["sequence"], take[0].record_sequence);
    let sequence = ask(&client, json!({"account_sequence": uuid_text(seller.0)})).await;
    assert_eq!(sequence["sequence"], take[0].record_sequence);
    assert_eq!(
        ask(&client, json!({"account_sequence": uuid_text(77)})).await["error"],
        "unknown_account"
    );
    let quote = ask(&client, json!({"quote": ["SPY"]})).await;
    assert_eq!(
        (&quote["quotes"][0]["last"], &quote["quotes"][0]["bid"]),
        (&json!("500"), &json!(null))
    );
    assert_eq!(ask(&client, json!({"quote": ["NOPE"]})).await["symbol"], "NOPE");
    let check = json!({"check": {"account": uuid_text(buyer.0), "symbol": "SPY", "side": "buy", "kind": "limit",
        "quantity": "1", "limit_price": "500.00"}});
    let checked = ask(&client, check).await;
    assert_eq!(
        (&checked["admitted"], &checked["reserve_price"]),
        (&json!(true), &json!("500"))
    );
    assert_eq!(ask(&client, json!({"status": {}})).await["epoch"], 1);

    // EVENTS and MARKET_DATA tell it.
    let mut subjects = Vec::new();
    for subscription in [&mut events, &mut market] {
        while let Ok(Some(message)) =
            tokio::time::timeout(std::time::Duration::from_millis(700), subscription.next()).await
        {
            subjects.push(message.subject.to_string());
        }
    }
    let fill = format!("events.{}.fill", uuid_text(buyer.0));
    let position = format!("events.{}.position", uuid_text(seller.0));
    for expected in [
        fill.as_str(),
        &position,
        "market.trade.SPY",
        "market.book.SPY",
        "market.quote.SPY",
    ] {
        assert!(
            subjects.iter().any(|s| s == expected),
            "{expected} is missing in {subjects:?}\n{}",
            place.logs()
        );
    }

    // A restart, first a graceful one, then a hard one, keeps every byte of the state.
    let before = place.verify();
    matchd.signal("TERM");
    assert_eq!(matchd.exit_code().await, Some(0), "{}", place.logs());
    let mut matchd = place.matchd(&[]);
    let owner = place.leader(&client, "").await;
    assert_eq!(owner["epoch"], 2);
    assert_eq!(ask_account(&client, buyer).await["account"], asked["account"]);
    matchd.kill();
    let _matchd = place.matchd(&[]);
    assert_eq!(place.leader(&client, "").await["epoch"], 3);
    assert_eq!(ask_account(&client, buyer).await["account"], asked["account"]);
    let after = place.verify();
    assert_eq!(
        after["commands"].as_u64().unwrap(),
        before["commands"].as_u64().unwrap() + 2
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_graceful_stop_under_load_keeps_what_it_said_and_nothing_else() {
    let mut place = Place::new().await;
    let mut matchd = place.matchd(&[]);
    let client = place.client().await;
    place.leader(&client, "").await;
    open_market(&client, 2).await;
    let mut callers = tokio::task::JoinSet::new();
    for caller in 0..16u128 {
        let client = place.client().await;
        callers.spawn(async move {
            let mut done = 0;
            for number in 0u128.. {
                let order = limit(1_000_000 * caller + number, account(1), Side::Buy, 1);
                let envelope = Envelope {
                    meta: Meta::default(),
                    command: Command::PlaceOrder(order),
                };
                let request = encode_commands(&[envelope]).into();
                // Without a reply: nobody is there, or the request met the end of the subscription.
                let Ok(reply) = client.request("engine.main.command", request).await else {
                    break;
                };
                match decode_results(&reply.payload).unwrap()[0].status {
                    Status::Done => done += 1,
                    // The account may have 10,000 open orders.
                    Status::Refused => {}
                    other => panic!("{other:?}: nothing is in doubt"),
                }
            }
            done
        });
    }
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    matchd.signal("TERM");
    let done: u64 = callers.join_all().await.iter().sum();
    assert!(done > 0);
    assert_eq!(matchd.exit_code().await, Some(0), "{}", place.logs());
    let _matchd = place.matchd(&[]);
    place.leader(&client, "").await;
    assert_eq!(ask(&client, json!({"status": {}})).await["orders"], done);
    place.verify();
}
