//! The engine panics on a command: the command is quarantined, and the exchange goes on.
mod support;
use cift_engine::*;
use cift_testbed::eventually;
use cift_wire::*;
use serde_json::json;
use support::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_panics_is_refused_by_name_from_then_on_and_nothing_is_lost() {
    let mut deployment = Deployment::new().await;
    let poisonous = order_id(7).0.to_string();
    let mut matchd = deployment.start_matchd(&[("CIFT_PANIC_ON", poisonous)]);
    let client = deployment.client().await;
    deployment.leader(&client, "").await;
    open_market(&client, 1).await;
    let place = |number| Command::PlaceOrder(limit(number, account(1), Side::Buy, 400));
    assert_eq!(submit(&client, &[place(1)]).await.unwrap()[0].status, Status::Done);

    // The orders beside it were not sequenced: they may be sent again.
    let results = submit(&client, &[place(2), place(7), place(3)]).await.unwrap();
    for result in results {
        assert_eq!(
            (result.status, result.reason.as_str()),
            (Status::Unavailable, "engine_restarting")
        );
    }
    let refused = eventually("the command is refused by name", || async {
        let result = submit(&client, &[place(7)]).await?.remove(0);
        (result.reason == "command_quarantined").then_some(result)
    })
    .await;
    assert_eq!(refused.status, Status::Unavailable);
    let results = submit(&client, &[place(2), place(7), place(3)]).await.unwrap();
    let reasons: Vec<_> = results.iter().map(|result| result.reason.as_str()).collect();
    assert_eq!(reasons, ["", "command_quarantined", ""]);
    let book = query(&client, json!({"book": {"symbol": "SPY"}})).await;
    assert_eq!(book["bids"], json!([["400", "3", 3]]));

    assert!(matchd.is_running(), "{}", deployment.logs());
    let log = deployment.log(1);
    assert_eq!(log.matches("which is quarantined\"").count(), 1, "{log}");
    assert_eq!(log.matches("\"message\":\"matchd starts\"").count(), 1);
    deployment.verify();
}
