//! Records behind a verified snapshot leave the stream and are in the archive: under load, with a crash at every
//! step, and with damaged files.
mod support;
use async_nats::Client;
use cift_engine::*;
use cift_testbed::eventually;
use cift_wire::*;
use serde_json::Value;
use std::path::{Path, PathBuf};
use support::*;

/// Cuts after each snapshot, and a snapshot every few records.
fn often(folder: &Path) -> Vec<(&'static str, String)> {
    vec![
        ("CIFT_ARCHIVE", folder.display().to_string()),
        ("CIFT_SNAPSHOT_RECORDS", "10".to_owned()),
        ("CIFT_CUT_BYTES", "1".to_owned()),
    ]
}

/// Places orders, one in a record, and cancels each. Sends again what has no definite result.
async fn place(client: &Client, numbers: std::ops::Range<u128>) {
    for number in numbers {
        let order = limit(number, account(1 + number % 2), Side::Buy, 400);
        let cancel = Command::CancelOrder {
            account: order.account,
            order: order.order,
            request: None,
        };
        for command in [Command::PlaceOrder(order), cancel] {
            eventually("a definite result", || async {
                let result = submit(client, &[command]).await?.remove(0);
                let again = result.refusal == Some(Refusal::OrderNotOpen);
                (matches!(result.status, Status::Done | Status::Repeated) || again).then_some(())
            })
            .await;
        }
    }
}

/// First and last sequence of the stream.
async fn ends(client: &Client) -> (u64, u64) {
    let context = async_nats::jetstream::new(client.clone());
    let mut stream = context.get_stream("ORDERS").await.unwrap();
    let state = &stream.info().await.unwrap().state;
    (state.first_sequence, state.last_sequence)
}

/// The files of the archive with this ending, by name.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for journal in std::fs::read_dir(folder.join("main")).into_iter().flatten() {
        for file in std::fs::read_dir(journal.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            if path.to_string_lossy().ends_with(ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

impl Deployment {
    /// Runs `matchd verify --json` with these settings. Returns its result, or what it prints to stderr.
    fn verify_with(&self, more: &[(&str, String)]) -> Result<Value, String> {
        let output = self.run("verify", &["--json"], more);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let value: Value = serde_json::from_str(text.lines().last().unwrap_or_default()).unwrap_or_default();
        if output.status.success() {
            Ok(value)
        } else {
            Err(format!("{text}{}", String::from_utf8_lossy(&output.stderr)))
        }
    }
}

/// Each record of the journal once, from archive and stream: `matchd records`.
fn all_records(deployment: &Deployment, last: u64, more: &[(&str, String)]) -> Vec<(u64, Vec<u8>)> {
    let output = deployment.run("records", &["--first", "1", "--last", &last.to_string()], more);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let (mut rest, mut records) = (&output.stdout[..], Vec::new());
    while !rest.is_empty() {
        let sequence = u64::from_le_bytes(rest[..8].try_into().unwrap());
        let length = u32::from_le_bytes(rest[8..12].try_into().unwrap()) as usize;
        records.push((sequence, rest[12..12 + length].to_vec()));
        rest = &rest[12 + length..];
    }
    records
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_cuts_under_load_lose_nothing_and_archive_and_stream_are_read_as_one() {
    let mut deployment = Deployment::new().await;
    let folder = tempfile::tempdir().unwrap();
    let settings = often(folder.path());
    let mut matchd = deployment.start_matchd(&settings);
    let client = deployment.client().await;
    deployment.leader(&client, "").await;
    open_market(&client, 2).await;
    let mut next = 1;
    while deployment.log(1).matches("journal cut").count() < 20 {
        place(&client, next..next + 10).await;
        next += 10;
        assert!(next < 5_000, "{}", deployment.logs());
    }
    let (first, last) = ends(&client).await;
    assert!(first > 200, "the stream begins at {first}");

    let records = all_records(&deployment, last, &settings);
    let sequences: Vec<u64> = records.iter().map(|(sequence, _)| *sequence).collect();
    assert_eq!(sequences, (1..=last).collect::<Vec<_>>());
    let verified = deployment.verify_with(&settings).unwrap();
    assert_eq!(
        (&verified["ok"], &verified["first_record"]),
        (&Value::Bool(true), &Value::from(1))
    );
    let without = deployment.verify_with(&[]).unwrap_err();
    assert!(without.contains("record 1 is missing"), "{without}");

    // A new process starts from the stream and a snapshot alone.
    matchd.kill();
    let _matchd = deployment.start_matchd(&[]);
    deployment.leader(&client, "").await;
    place(&client, next..next + 3).await;

    // The file's hash is in the manifest: damage is found.
    let damaged = files(folder.path(), ".records.gz").swap_remove(3);
    let mut bytes = std::fs::read(&damaged).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&damaged, bytes).unwrap();
    let found = deployment.verify_with(&settings).unwrap_err();
    assert!(found.contains("another SHA-256 than the manifest"), "{found}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_at_every_step_of_a_cut_loses_nothing_and_keeps_nothing_twice() {
    let mut deployment = Deployment::new().await;
    let folder = tempfile::tempdir().unwrap();
    let settings = often(folder.path());
    let mut matchd = deployment.start_matchd(&settings);
    let client = deployment.client().await;
    deployment.leader(&client, "").await;
    open_market(&client, 2).await;
    let mut next = 1;
    for point in [
        "archive_segment_stored",
        "archive_entry_stored",
        "before_purge",
        "after_purge",
    ] {
        matchd.kill();
        let mut armed = settings.clone();
        armed.push(("CIFT_CRASH_AT", point.to_owned()));
        matchd = deployment.start_matchd(&armed);
        deployment.leader(&client, "").await;
        let load = {
            let client = client.clone();
            tokio::spawn(async move { place(&client, next..next + 40).await })
        };
        next += 40;
        assert_eq!(
            matchd.exit_code().await,
            None,
            "{point} was not reached\n{}",
            deployment.logs()
        );
        matchd = deployment.start_matchd(&settings);
        load.await.unwrap();
        let (_, last) = ends(&client).await;
        let sequences: Vec<u64> = all_records(&deployment, last, &settings)
            .iter()
            .map(|(sequence, _)| *sequence)
            .collect();
        assert_eq!(sequences, (1..=last).collect::<Vec<_>>(), "after {point}");
        deployment.verify_with(&settings).unwrap();
    }
    let mut accepted = Vec::new();
    let (first, last) = ends(&client).await;
    assert!(first > 1);
    for (_, record) in all_records(&deployment, last, &settings) {
        let record = Record::open(&record).unwrap();
        record
            .for_each::<WireError>(&mut Vec::new(), |_, _, events| {
                accepted.extend(events.iter().filter_map(|event| match event {
                    Event::OrderAccepted(order) => Some(order.order.0 - order_id(0).0),
                    _ => None,
                }));
                Ok(())
            })
            .unwrap();
    }
    accepted.sort_unstable();
    assert_eq!(accepted, (1..next).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_journal_cuts_itself_and_takes_orders_again_while_an_archive_in_the_way_is_named() {
    let mut deployment = Deployment::new().await;
    deployment.max_bytes = 300_000;
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("archive");
    std::fs::write(&archive, "a file where the folder should be").unwrap();
    let mut settings = often(&archive);
    settings[2].1 = "1000000000".to_owned(); // only a nearly full journal is cut
    let _matchd = deployment.start_matchd(&settings);
    let client = deployment.client().await;
    deployment.leader(&client, "").await;
    open_market(&client, 2).await;
    let mut number = 1;
    loop {
        let order = Command::PlaceOrder(limit(number, account(1), Side::Buy, 400));
        let result = submit(&client, &[order]).await.unwrap().remove(0);
        if result.reason == "journal_full" {
            break;
        }
        number += 1;
        assert!(number < 2_000, "the journal does not fill up");
    }
    eventually("the log names the archive", || async {
        deployment.log(1).contains("the journal is not cut").then_some(())
    })
    .await;
    std::fs::remove_file(&archive).unwrap();
    // Cancels still have space. Each leads to a snapshot, and so to the next cut.
    let mut cancelled = 0;
    eventually("orders are accepted again", || {
        cancelled += 1;
        let cancel = Command::CancelOrder {
            account: account(1),
            order: order_id(cancelled),
            request: None,
        };
        let order = Command::PlaceOrder(limit(number, account(1), Side::Buy, 400));
        let client = client.clone();
        async move {
            if cancelled < number {
                submit(&client, &[cancel]).await?;
            }
            let result = submit(&client, &[order]).await?.remove(0);
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            (result.status == Status::Done).then_some(())
        }
    })
    .await;
    deployment.verify_with(&settings).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_archive_keeps_what_can_be_replayed_from_a_snapshot() {
    let mut deployment = Deployment::new().await;
    let folder = tempfile::tempdir().unwrap();
    let mut settings = often(folder.path());
    settings.push(("CIFT_ARCHIVE_MAX_BYTES", "20000".to_owned()));
    let mut armed = settings.clone();
    armed.push(("CIFT_CRASH_AT", "archive_partly_trimmed".to_owned()));
    let mut matchd = deployment.start_matchd(&armed);
    let client = deployment.client().await;
    deployment.leader(&client, "").await;
    open_market(&client, 2).await;
    let load = {
        let client = client.clone();
        tokio::spawn(async move {
            let mut next = 1;
            loop {
                place(&client, next..next + 10).await;
                next += 10;
            }
        })
    };
    // Killed after the first segment is deleted: the archive can be replayed from its oldest snapshot.
    assert_eq!(matchd.exit_code().await, None, "{}", deployment.logs());
    let verified = deployment.verify_with(&settings).unwrap();
    assert!(verified["first_record"].as_u64().unwrap() > 1, "{verified}");
    // Also while matchd deletes more.
    let _matchd = deployment.start_matchd(&settings);
    deployment.leader(&client, "").await;
    let first = verified["first_record"].as_u64().unwrap();
    eventually("the archive is trimmed further", || {
        let verified = deployment.verify_with(&settings).unwrap();
        async move { (verified["first_record"].as_u64().unwrap() > first).then_some(()) }
    })
    .await;
    load.abort();
}

/// Holds the journal back only until it is nearly full.
#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_that_lags_holds_the_cut_back() {
    let mut deployment = Deployment::new().await;
    let folder = tempfile::tempdir().unwrap();
    let settings = often(folder.path());
    let _matchd = deployment.start_matchd(&settings);
    let client = deployment.client().await;
    deployment.leader(&client, "").await;
    let context = async_nats::jetstream::new(client.clone());
    let stream = context.get_stream("ORDERS").await.unwrap();
    let config = async_nats::jetstream::consumer::pull::Config {
        durable_name: Some("slow".into()),
        ..Default::default()
    };
    stream.create_consumer(config).await.unwrap();
    open_market(&client, 2).await;
    let mut next = 1;
    while !deployment
        .log(1)
        .contains("a consumer holds the cut of the journal back")
    {
        place(&client, next..next + 10).await;
        next += 10;
        assert!(next < 5_000, "{}", deployment.logs());
    }
    assert_eq!(ends(&client).await.0, 1);
    stream.delete_consumer("slow").await.unwrap();
    while !deployment.log(1).contains("journal cut") {
        place(&client, next..next + 10).await;
        next += 10;
        assert!(next < 5_000, "{}", deployment.logs());
    }
}
