//! Under load, at every named point, and with the server gone: what was acknowledged is in the journal, nothing is there
//! twice, and the ledger balances.
mod support;
use async_nats::Client;
use cift_engine::*;
use cift_wire::*;
use futures_util::StreamExt;
use std::collections::HashMap;
use std::time::{Duration, Instant};
use support::*;

/// What a client was told in the end: order number → (status, record, command).
type Told = HashMap<u128, (Status, u64, u64)>;

/// Sends `requests` requests of three orders each; sends again, with the same ids, until the answer is definite.
async fn load(client: Client, first: u128, requests: u128) -> Told {
    let mut told = Told::new();
    for request in 0..requests {
        let numbers: Vec<u128> = (0..3).map(|i| first + request * 3 + i).collect();
        let mut open: Vec<u128> = numbers.clone();
        let begun = Instant::now();
        while !open.is_empty() {
            let commands: Vec<Command> = open
                .iter()
                .map(|&number| {
                    let side = if number % 2 == 0 { Side::Buy } else { Side::Sell };
                    Command::PlaceOrder(limit(number, account(1 + number % 4), side, 500))
                })
                .collect();
            match submit(&client, &commands).await {
                Some(results) => {
                    let sent = std::mem::take(&mut open);
                    for (number, result) in sent.into_iter().zip(results) {
                        match result.status {
                            Status::Done | Status::Refused => {
                                told.insert(number, (result.status, result.record_sequence, result.command_sequence));
                            }
                            Status::Repeated => {
                                let first = result.first.expect("the first result");
                                told.insert(number, (result.status, 0, first.sequence));
                            }
                            Status::Unavailable | Status::Unknown => open.push(number),
                        }
                    }
                }
                None => tokio::time::sleep(Duration::from_millis(40)).await,
            }
            assert!(begun.elapsed() < DEADLINE, "no definite answer");
        }
    }
    told
}

/// The journal has each order that anybody was told of, once, where they were told.
async fn audit(place: &Place, client: &Client, told: &Told) {
    place.verify();
    let mut stream = async_nats::jetstream::new(client.clone())
        .get_stream("ORDERS")
        .await
        .unwrap();
    let last = stream.info().await.unwrap().state.last_sequence;
    let mut accepted: HashMap<u128, (u64, u64)> = HashMap::new();
    for sequence in 1..=last {
        let message = stream.direct_get(sequence).await.unwrap();
        let record = Record::open(&message.payload).unwrap();
        let mut command = record.header().unwrap().first_command;
        record
            .for_each::<WireError>(&mut Vec::new(), |_, _, events| {
                for event in events {
                    if let Event::OrderAccepted(order) = event {
                        let number = order.order.0 - order_id(0).0;
                        let twice = accepted.insert(number, (sequence, command));
                        assert!(
                            twice.is_none(),
                            "order {number} is in the journal twice: {twice:?} and {sequence}"
                        );
                    }
                }
                command += 1;
                Ok(())
            })
            .unwrap();
    }
    for (number, (status, record, command)) in told {
        let found = accepted.get(number);
        match status {
            Status::Done => assert_eq!(found, Some(&(*record, *command)), "order {number} was acknowledged"),
            Status::Repeated => assert_eq!(found.map(|f| f.1), Some(*command), "order {number} was told again"),
            _ => assert!(found.is_none(), "order {number} was refused, and is in the journal"),
        }
    }
}

async fn impatient(place: &Place) -> Client {
    let options = async_nats::ConnectOptions::new().request_timeout(Some(Duration::from_millis(1_500)));
    options.connect(place.nats.url()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_at_every_point_loses_and_doubles_nothing() {
    let mut place = Place::new().await;
    let client = place.client().await;
    let often = ("CIFT_SNAPSHOT_RECORDS", "15".to_owned());
    let mut matchd = place.matchd(std::slice::from_ref(&often));
    place.leader(&client, "").await;
    open_market(&client, 4).await;
    let mut told = Told::new();
    let mut next: u128 = 1;
    // The list is the program's own: a new point is tested without being named here.
    for point in matchd::crash::POINTS {
        matchd.kill();
        let count = if point.starts_with("after_engine") || point.ends_with("recovery") || point.ends_with("snapshot") {
            1
        } else {
            12
        };
        let crash = ("CIFT_CRASH_AT", format!("{point}:{count}"));
        matchd = place.matchd(&[often.clone(), crash]);
        let mut loads = Vec::new();
        for _ in 0..4 {
            loads.push(tokio::spawn(load(impatient(&place).await, next, 25)));
            next += 1_000;
        }
        assert_eq!(
            matchd.exit_code().await,
            None,
            "{point} was not reached\n{}",
            place.logs()
        );
        matchd = place.matchd(std::slice::from_ref(&often));
        for load in loads {
            told.extend(load.await.unwrap());
        }
        place.leader(&client, "").await;
    }
    assert_eq!(told.len(), matchd::crash::POINTS.len() * 300);
    assert!(told.values().filter(|t| t.0 == Status::Done).count() > told.len() / 2);
    audit(&place, &client, &told).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_nats_server_heals_and_loses_nothing() {
    let mut place = Place::new().await;
    let client = place.client().await;
    let mut matchd = place.matchd(&[]);
    place.leader(&client, "").await;
    open_market(&client, 4).await;
    let mut loads = Vec::new();
    for number in 0..3 {
        loads.push(tokio::spawn(load(impatient(&place).await, 1 + number * 10_000, 120)));
    }
    for _ in 0..2 {
        tokio::time::sleep(Duration::from_millis(250)).await;
        place.nats.restart().await;
        place.leader(&client, "").await;
    }
    let mut told = Told::new();
    for load in loads {
        told.extend(load.await.unwrap());
    }
    assert!(
        matchd.is_running(),
        "a lost connection is no reason to exit\n{}",
        place.logs()
    );
    assert_eq!(told.len(), 3 * 360);
    audit(&place, &client, &told).await;
    // The memory streams went with the server and are built anew.
    let context = async_nats::jetstream::new(client.clone());
    let begun = Instant::now();
    loop {
        let events = context.get_stream("EVENTS").await.unwrap().cached_info().state.messages;
        if events > 1_080 {
            break;
        }
        assert!(
            begun.elapsed() < DEADLINE,
            "EVENTS was not rebuilt: {events} messages\n{}",
            place.logs()
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let mut subscription = client.subscribe("events.>").await.unwrap();
    client.flush().await.unwrap();
    assert!(submit(
        &client,
        &[Command::PlaceOrder(limit(999_999, account(1), Side::Buy, 400))]
    )
    .await
    .is_some());
    let told = tokio::time::timeout(DEADLINE, subscription.next()).await;
    assert!(told.is_ok(), "EVENTS is silent\n{}", place.logs());
}
