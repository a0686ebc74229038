//! Where the journal contradicts the program or the snapshots, matchd stops with a sentence and touches nothing.
mod support;
use async_nats::jetstream;
use cift_engine::*;
use cift_testbed::{eventually, free_port, get};
use support::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_record_halts_recovery_and_verify() {
    let mut place = Place::new().await;
    let mut matchd = place.matchd(&[]);
    let client = place.client().await;
    place.leader(&client, "").await;
    open_market(&client, 2).await;
    submit(&client, &[Command::PlaceOrder(limit(1, account(1), Side::Buy, 400))])
        .await
        .unwrap();
    matchd.kill();
    place.verify();
    // The first record again, as another program might write it: sound bytes, in the wrong place.
    let context = jetstream::new(client.clone());
    let stream = context.get_stream("ORDERS").await.unwrap();
    let first = stream.direct_get(1).await.unwrap();
    context
        .publish("orders.main", first.payload)
        .await
        .unwrap()
        .await
        .unwrap();
    let mut matchd = place.matchd(&[]);
    assert_eq!(matchd.exit_code().await, Some(3));
    assert!(
        place.log(2).contains("the chain of hashes is broken"),
        "{}",
        place.log(2)
    );
    let (code, output) = place.verify_fails();
    assert_eq!(code, Some(1));
    assert!(output.contains("record 4 of the journal"), "{output}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_without_the_snapshots_record_is_refused() {
    let mut place = Place::new().await;
    let mut matchd = place.matchd(&[]);
    let client = place.client().await;
    place.leader(&client, "").await;
    open_market(&client, 2).await;
    matchd.signal("TERM");
    assert_eq!(matchd.exit_code().await, Some(0));
    jetstream::new(client.clone()).delete_stream("ORDERS").await.unwrap();
    let mut matchd = place.matchd(&[]);
    assert_eq!(matchd.exit_code().await, Some(3), "{}", place.logs());
    assert!(place.log(2).contains("refusing to start"), "{}", place.log(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_snapshot_is_passed_over_and_the_state_is_the_same() {
    let mut place = Place::new().await;
    let mut matchd = place.matchd(&[]);
    let client = place.client().await;
    place.leader(&client, "").await;
    open_market(&client, 2).await;
    submit(&client, &[Command::PlaceOrder(limit(1, account(1), Side::Buy, 400))])
        .await
        .unwrap();
    let before = ask_account(&client, account(1)).await;
    matchd.signal("TERM");
    assert_eq!(matchd.exit_code().await, Some(0));
    let store = jetstream::new(client.clone())
        .get_object_store("ENGINE_main")
        .await
        .unwrap();
    let name = "snapshot-99999999999999999999";
    store
        .put(name, &mut b"CIFTSNP1 and then nothing that holds".as_slice())
        .await
        .unwrap();
    let _matchd = place.matchd(&[]);
    place.leader(&client, "").await;
    assert!(place.log(2).contains("snapshot passed over"), "{}", place.log(2));
    assert_eq!(ask_account(&client, account(1)).await["account"], before["account"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_tell_who_leads_and_an_unknown_crash_point_is_refused() {
    let mut place = Place::new().await;
    let port = free_port();
    let _matchd = place.matchd(&[("CIFT_MATCHD_METRICS", format!("127.0.0.1:{port}"))]);
    let client = place.client().await;
    place.leader(&client, "").await;
    open_market(&client, 1).await;
    let (_, text) = get(port, "/metrics").await.expect("an answer");
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
    let mut bad = place.matchd(&[("CIFT_CRASH_AT", "nowhere".to_owned())]);
    assert_eq!(bad.exit_code().await, Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn leader_and_standby_are_healthy_and_without_nats_they_are_alive_only() {
    let mut place = Place::new().await;
    let (first, second) = (free_port(), free_port());
    let metrics = |port: u16| [("CIFT_MATCHD_METRICS", format!("127.0.0.1:{port}"))];
    let _leader = place.matchd(&metrics(first));
    let client = place.client().await;
    place.leader(&client, "").await;
    let _standby = place.matchd(&metrics(second));
    let says = |port: u16, path: &'static str, status: u16, body: &'static str| async move {
        let wanted = Some((status, body.to_owned()));
        let what = format!("{path} answers {status} {body:?}");
        eventually(&what, || async { (get(port, path).await == wanted).then_some(()) }).await;
    };
    says(first, "/health", 200, "leader\n").await;
    says(second, "/health", 200, "standby\n").await;
    place.nats.kill();
    for port in [first, second] {
        says(port, "/health", 503, "recovering\n").await;
        says(port, "/live", 200, "recovering\n").await;
    }
}
