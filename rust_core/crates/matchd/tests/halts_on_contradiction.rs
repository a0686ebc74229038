//! If the journal contradicts the program or the snapshots, matchd stops with a clear message and writes
//! nothing.
mod support;
use async_nats::jetstream;
use cift_engine::*;
use cift_testbed::{eventually, free_port, get};
use support::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_record_halts_recovery_and_verify() {
    let mut deployment = Deployment::new().await;
    let mut matchd = deployment.start_matchd(&[]);
    let client = deployment.client().await;
    deployment.leader(&client, "").await;
    open_market(&client, 2).await;
    submit(&client, &[Command::PlaceOrder(limit(1, account(1), Side::Buy, 400))])
        .await
        .unwrap();
    matchd.kill();
    deployment.verify();
    // Append the first record again, as another program might: valid bytes at the wrong position.
    let context = jetstream::new(client.clone());
    let stream = context.get_stream("ORDERS").await.unwrap();
    let first = stream.direct_get(1).await.unwrap();
    context
        .publish("orders.main", first.payload)
        .await
        .unwrap()
        .await
        .unwrap();
    let mut matchd = deployment.start_matchd(&[]);
    assert_eq!(matchd.exit_code().await, Some(3));
    assert!(
        deployment.log(2).contains("the hash chain is broken"),
        "{}",
        deployment.log(2)
    );
    let (code, output) = deployment.verify_fails();
    assert_eq!(code, Some(1));
    assert!(output.contains("record 4 of the journal"), "{output}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_in_the_form_of_an_earlier_release_is_refused_with_what_to_do() {
    let mut deployment = Deployment::new().await;
    let mut matchd = deployment.start_matchd(&[]);
    let client = deployment.client().await;
    deployment.leader(&client, "").await;
    matchd.kill();
    let context = jetstream::new(client.clone());
    let first = context.get_stream("ORDERS").await.unwrap().direct_get(1).await.unwrap();
    // Earlier releases stored the message itself.
    let message = cift_wire::Record::open(&first.payload).unwrap().message().to_vec();
    let published = context.publish("orders.main", message.into()).await.unwrap();
    published.await.unwrap();
    let mut matchd = deployment.start_matchd(&[]);
    assert_eq!(matchd.exit_code().await, Some(3));
    let log = deployment.log(2);
    assert!(
        log.contains("form of an earlier release") && log.contains("an empty data folder"),
        "{log}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn matchd_does_not_start_with_a_journal_without_the_snapshots_record() {
    let mut deployment = Deployment::new().await;
    let mut matchd = deployment.start_matchd(&[]);
    let client = deployment.client().await;
    deployment.leader(&client, "").await;
    open_market(&client, 2).await;
    matchd.signal("TERM");
    assert_eq!(matchd.exit_code().await, Some(0));
    jetstream::new(client.clone()).delete_stream("ORDERS").await.unwrap();
    let mut matchd = deployment.start_matchd(&[]);
    assert_eq!(matchd.exit_code().await, Some(3), "{}", deployment.logs());
    assert!(deployment.log(2).contains("does not start"), "{}", deployment.log(2));
}

/// Deletes everything that matchd stored, as a NATS server without its volume would have lost it.
async fn lose_the_data(client: &async_nats::Client) -> jetstream::Context {
    let context = jetstream::new(client.clone());
    for name in ["ORDERS", "OBJ_ENGINE_main", "UPDATES"] {
        context.delete_stream(name).await.unwrap();
    }
    context
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_journal_is_not_replaced_by_a_new_one() {
    let mut deployment = Deployment::new().await;
    let mut matchd = deployment.start_matchd(&[]);
    let client = deployment.client().await;
    deployment.leader(&client, "").await;
    open_market(&client, 2).await;
    let context = jetstream::new(client.clone());
    let stream = context.get_stream("ORDERS").await.unwrap();
    let id = stream.cached_info().config.metadata["cift-journal-id"].clone();
    lose_the_data(&client).await;
    // The running process knows its journal: the next command ends it.
    let _ = submit(&client, &[Command::PlaceOrder(limit(1, account(1), Side::Buy, 400))]).await;
    assert_eq!(matchd.exit_code().await, Some(3), "{}", deployment.logs());
    let reason = format!("the journal of this exchange is {id}, but the stream ORDERS does not exist");
    assert!(deployment.log(1).contains(&reason), "{}", deployment.log(1));
    // A new process knows it by the setting.
    let mut matchd = deployment.start_matchd(&[("CIFT_JOURNAL_ID", id.clone())]);
    assert_eq!(matchd.exit_code().await, Some(3), "{}", deployment.logs());
    assert!(deployment.log(2).contains(&reason), "{}", deployment.log(2));
    assert!(context.get_stream("ORDERS").await.is_err(), "no journal was created");
    // Another journal in its place is not used either.
    let _other = deployment.start_matchd(&[]);
    deployment.leader(&client, "").await;
    let mut matchd = deployment.start_matchd(&[("CIFT_JOURNAL_ID", id)]);
    assert_eq!(matchd.exit_code().await, Some(3), "{}", deployment.logs());
    assert!(deployment.log(4).contains("holds the journal"), "{}", deployment.log(4));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_snapshot_is_skipped_and_the_state_is_the_same() {
    let mut deployment = Deployment::new().await;
    let mut matchd = deployment.start_matchd(&[]);
    let client = deployment.client().await;
    deployment.leader(&client, "").await;
    open_market(&client, 2).await;
    submit(&client, &[Command::PlaceOrder(limit(1, account(1), Side::Buy, 400))])
        .await
        .unwrap();
    let before = query_account(&client, account(1)).await;
    matchd.signal("TERM");
    assert_eq!(matchd.exit_code().await, Some(0));
    let store = jetstream::new(client.clone())
        .get_object_store("ENGINE_main")
        .await
        .unwrap();
    let name = "snapshot-17999999999999999999";
    store
        .put(name, &mut b"CIFTSNP1 followed by invalid bytes".as_slice())
        .await
        .unwrap();
    let _matchd = deployment.start_matchd(&[]);
    deployment.leader(&client, "").await;
    assert!(deployment.log(2).contains("snapshot skipped"), "{}", deployment.log(2));
    assert_eq!(query_account(&client, account(1)).await["account"], before["account"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_show_the_role_and_an_unknown_crash_point_is_an_error() {
    let mut deployment = Deployment::new().await;
    let port = free_port();
    let _matchd = deployment.start_matchd(&[("CIFT_MATCHD_METRICS", format!("127.0.0.1:{port}"))]);
    let client = deployment.client().await;
    deployment.leader(&client, "").await;
    open_market(&client, 1).await;
    let (_, text) = get(port, "/metrics").await.expect("a reply");
    for line in [
        "matchd_leader 1",
        "matchd_role{role=\"leader\"} 1",
        "matchd_role{role=\"standby\"} 0",
        "matchd_epoch 1",
        "matchd_commands_total 4",
        "matchd_append_seconds_count 1",
    ] {
        assert!(text.lines().any(|l| l == line), "{line} is missing in\n{text}");
    }
    let mut bad = deployment.start_matchd(&[("CIFT_CRASH_AT", "nowhere".to_owned())]);
    assert_eq!(bad.exit_code().await, Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn leader_and_standby_are_healthy_and_without_nats_they_are_only_live() {
    let mut deployment = Deployment::new().await;
    let (first, second) = (free_port(), free_port());
    let metrics = |port: u16| [("CIFT_MATCHD_METRICS", format!("127.0.0.1:{port}"))];
    let _leader = deployment.start_matchd(&metrics(first));
    let client = deployment.client().await;
    deployment.leader(&client, "").await;
    let _standby = deployment.start_matchd(&metrics(second));
    let responds = |port: u16, path: &'static str, status: u16, body: &'static str| async move {
        let claim = format!("{path} responds {status} {body:?}");
        eventually(&claim, || async {
            let (code, text) = get(port, path).await?;
            (code == status && text.starts_with(body)).then_some(())
        })
        .await;
    };
    responds(first, "/health", 200, "leader\n").await;
    responds(second, "/health", 200, "standby\n").await;
    deployment.nats.kill();
    for port in [first, second] {
        responds(port, "/ready", 503, "recovering: NATS: cannot connect").await;
        responds(port, "/live", 200, "recovering\n").await;
    }
}
