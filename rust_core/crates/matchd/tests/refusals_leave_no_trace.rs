//! A refusal that changes nothing is not in the journal. Its reply still proves leadership.
mod support;
use cift_engine::*;
use cift_wire::*;
use serde_json::json;
use support::*;

#[tokio::test(flavor = "multi_thread")]
async fn refusals_and_repeats_take_no_bytes_of_the_journal_and_may_be_tried_again() {
    let mut deployment = Deployment::new().await;
    let _matchd = deployment.start_matchd(&[]);
    let client = deployment.client().await;
    deployment.leader(&client, "").await;
    open_market(&client, 2).await;
    let halt = Command::Halt { symbol: spy() };
    let resume = Command::Resume { symbol: spy() };
    let order = Command::PlaceOrder(limit(1, account(1), Side::Buy, 400));
    assert_eq!(submit(&client, &[halt]).await.unwrap()[0].status, Status::Done);

    let before = query(&client, json!({"status": {}})).await;
    let of_nobody = Command::PlaceOrder(limit(2, account(99), Side::Buy, 400));
    let unknown = Command::CancelOrder {
        account: account(1),
        order: order_id(7),
        request: None,
    };
    for _ in 0..20 {
        let results = submit(&client, &[order, of_nobody, unknown]).await.unwrap();
        let reasons: Vec<_> = results.iter().map(|result| result.refusal).collect();
        assert_eq!(
            reasons,
            [
                Some(Refusal::InstrumentHalted),
                Some(Refusal::UnknownAccount),
                Some(Refusal::OrderNotOpen)
            ]
        );
        assert!(results.iter().all(|result| result.record_sequence == 0));
    }
    let after = query(&client, json!({"status": {}})).await;
    assert_eq!(before["sequence"], after["sequence"]);
    assert_eq!(before["journal_bytes"], after["journal_bytes"]);

    // The same request succeeds when the reason is gone. In one request, refused commands stand beside others.
    let results = submit(&client, &[resume, order, unknown]).await.unwrap();
    let statuses: Vec<_> = results.iter().map(|result| result.status).collect();
    assert_eq!(statuses, [Status::Done, Status::Done, Status::Refused]);
    let before = query(&client, json!({"status": {}})).await;
    let repeated = submit(&client, &[order]).await.unwrap();
    assert_eq!(repeated[0].status, Status::Repeated);
    assert_eq!(repeated[0].first.unwrap().sequence, results[1].command_sequence);
    let after = query(&client, json!({"status": {}})).await;
    assert_eq!(before["sequence"], after["sequence"]);

    // A lasting refusal of a keyed command is stored, so it is in the journal.
    let mut invalid = limit(3, account(1), Side::Buy, 400);
    invalid.quantity = 1;
    let first = submit(&client, &[Command::PlaceOrder(invalid)]).await.unwrap();
    assert_eq!(first[0].refusal, Some(Refusal::QuantityNotOnLot));
    assert!(first[0].record_sequence > 0);
    let again = submit(&client, &[Command::PlaceOrder(invalid)]).await.unwrap();
    assert_eq!(again[0].status, Status::Repeated);
    deployment.verify();
}
