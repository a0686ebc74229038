//! A repeated request returns its first result. Another body under its key is refused.

mod support;
use cift_engine::*;
use support::*;

const HOUR: i64 = 3_600 * SECOND;

fn keyed(order: PlaceOrder, key: u128, body: u128) -> PlaceOrder {
    PlaceOrder {
        request: Some(Request { key, body }),
        ..order
    }
}

/// Holds R4.2, R11.1.
#[test]
fn the_same_request_returns_its_first_result_and_no_event() {
    let mut exchange = Exchange::new();
    let placed = exchange.place(keyed(buy(1, 10, 10_000), 7, 1));
    let (sequence, at) = (exchange.sequence, exchange.now);
    exchange.place(sell(2, 4, 10_000)); // does not change the first result
    let again = exchange.apply(Command::PlaceOrder(keyed(buy(3, 10, 10_000), 7, 1)));
    let first = FirstResult {
        sequence,
        at,
        order: Some(placed),
        affected: 0,
        refusal: None,
    };
    assert_eq!(again, Outcome::Repeated { first });
    assert_eq!(exchange.events, []);
    assert_eq!(exchange.engine.first_result(7), Some(first));
}

/// Holds R4.3.
#[test]
fn another_body_is_a_conflict() {
    let mut exchange = Exchange::new();
    exchange.place(keyed(buy(1, 10, 10_000), 7, 1));
    assert_eq!(
        exchange.place_err(keyed(buy(2, 10, 10_000), 7, 2)),
        Refusal::IdempotencyConflict
    );
}

/// Holds R11.1.
#[test]
fn a_refusal_is_stored_too() {
    let mut exchange = Exchange::new();
    exchange.place_err(keyed(buy(1, 0, 10_000), 7, 1));
    match exchange.apply(Command::PlaceOrder(keyed(buy(1, 0, 10_000), 7, 1))) {
        Outcome::Repeated { first } => assert_eq!(first.refusal, Some(Refusal::QuantityOutOfRange)),
        other => panic!("{other:?}"),
    }
}

/// Holds R11.5.
#[test]
fn a_stored_refusal_contains_the_order() {
    let mut exchange = Exchange::new();
    let refused = buy(1, 0, 10_000);
    exchange.place_err(keyed(refused, 7, 1));
    let rejected = OrderSummary {
        order: refused.order,
        status: OrderStatus::Rejected,
        reason: None,
        quantity: 0,
        filled: 0,
        filled_notional: 0,
    };
    match exchange.apply(Command::PlaceOrder(keyed(refused, 7, 1))) {
        Outcome::Repeated { first } => assert_eq!(first.order, Some(rejected)),
        other => panic!("{other:?}"),
    }
}

/// Holds R4.4.
#[test]
fn a_refusal_that_may_pass_is_not_stored_and_the_same_request_may_succeed_later() {
    let mut exchange = Exchange::new();
    exchange.apply_ok(Command::Halt { symbol: symbol("XYZ") });
    let order = keyed(buy(1, 10, 10_000), 7, 1);
    assert_eq!(exchange.place_err(order), Refusal::InstrumentHalted);
    assert_eq!(exchange.engine.first_result(7), None);
    assert!(!exchange.engine.left_a_trace());
    exchange.apply_ok(Command::Resume { symbol: symbol("XYZ") });
    exchange.place(order);
    assert!(exchange.engine.first_result(7).is_some());
}

/// Holds R1.2.
#[test]
fn a_repeated_request_leaves_no_trace() {
    let mut exchange = Exchange::new();
    exchange.place(keyed(buy(1, 10, 10_000), 7, 1));
    let sequence = exchange.engine.sequence();
    exchange.apply(Command::PlaceOrder(keyed(buy(1, 10, 10_000), 7, 1)));
    assert!(!exchange.engine.left_a_trace());
    assert_eq!(exchange.engine.sequence(), sequence);
    exchange.place_err(keyed(buy(2, 10, 10_000), 7, 2));
    assert!(!exchange.engine.left_a_trace());
}

/// Holds R11.6.
#[test]
fn at_a_bound_the_oldest_keys_of_the_same_account_are_forgotten() {
    let mut exchange = Exchange::new();
    exchange.engine.bound_requests(3, 5);
    let place = |exchange: &mut Exchange, number: u128, account| {
        let order = by(account, buy(number, 1, 9_000));
        exchange.place(keyed(order, number, 1));
    };
    for number in 1..=4 {
        place(&mut exchange, number, ALICE);
    }
    let known = |exchange: &Exchange| -> Vec<u128> {
        (1..=12)
            .filter(|&key| exchange.engine.first_result(key).is_some())
            .collect()
    };
    assert_eq!(known(&exchange), [2, 3, 4]);
    for number in 5..=6 {
        place(&mut exchange, number, BOB);
    }
    assert_eq!(known(&exchange), [2, 3, 4, 5, 6]);
    // The bound of all accounts: an account's own oldest key goes too.
    place(&mut exchange, 7, BOB);
    assert_eq!(known(&exchange), [2, 3, 4, 6, 7]);
    // An order whose key was forgotten still ends as usual, and a snapshot keeps the order of the keys.
    exchange.cancel(ALICE, order(1));
    let mut bytes = Vec::new();
    exchange.engine.snapshot(&mut bytes);
    exchange.engine = Engine::restore(&bytes).unwrap();
    exchange.engine.bound_requests(3, 5);
    place(&mut exchange, 8, ALICE);
    assert_eq!(known(&exchange), [3, 4, 6, 7, 8]);
}

#[test]
fn the_refused_order_of_the_last_command_is_known() {
    let mut exchange = Exchange::new();
    exchange.place_err(buy(1, 0, 10_000));
    let refused = exchange.engine.refused_order().expect("it was refused");
    assert_eq!(
        (refused.order, refused.status),
        (buy(1, 0, 10_000).order, OrderStatus::Rejected)
    );
    let placed = exchange.place(keyed(buy(2, 10, 10_000), 7, 1));
    assert_eq!(exchange.engine.refused_order(), None);
    exchange.place_err(keyed(buy(3, 10, 10_000), 7, 2));
    let first = exchange.engine.refused_order().map(|order| order.order);
    assert_eq!(
        first,
        Some(placed.order),
        "a conflict names the first order with the key"
    );
    exchange.place_err(buy(2, 10, 10_000));
    assert_eq!(
        exchange.engine.refused_order(),
        None,
        "a duplicate id is not the sender's own"
    );
}

/// Holds R11.2.
#[test]
fn the_key_of_a_place_is_kept_for_a_day_after_its_order_ended() {
    let mut exchange = Exchange::new();
    exchange.place(keyed(
        PlaceOrder {
            time_in_force: TimeInForce::Gtc,
            ..buy(1, 10, 10_000)
        },
        7,
        1,
    ));
    exchange.now += 100 * HOUR;
    exchange.apply_ok(Command::AdvanceTime);
    assert!(exchange.engine.first_result(7).is_some());
    exchange.cancel(ALICE, order(1));
    let ended = exchange.now;
    exchange.now = ended + 24 * HOUR - 2_000_000;
    exchange.apply_ok(Command::AdvanceTime);
    assert!(exchange.engine.first_result(7).is_some());
    exchange.apply_ok(Command::AdvanceTime);
    assert!(exchange.engine.first_result(7).is_none());
}

/// Holds R4.2.
#[test]
fn a_deposit_happens_once() {
    let mut exchange = Exchange::new();
    let request = Some(Request { key: 9, body: 9 });
    let deposit = Command::Deposit {
        account: ALICE,
        transfer: TransferId(3),
        amount: dollars(5),
        request,
    };
    exchange.apply_ok(deposit);
    assert!(matches!(exchange.apply(deposit), Outcome::Repeated { .. }));
    assert_eq!(exchange.view(ALICE).cash, dollars(100_005));
}

/// Holds R11.1.
#[test]
fn a_repeated_cancel_returns_the_final_order() {
    let mut exchange = Exchange::new();
    exchange.place(buy(1, 10, 10_000));
    let cancel = Command::CancelOrder {
        account: ALICE,
        order: order(1),
        request: Some(Request { key: 4, body: 4 }),
    };
    let ended = exchange.apply_ok(cancel).unwrap();
    assert_eq!(ended.reason, Some(CloseReason::ByUser));
    match exchange.apply(cancel) {
        Outcome::Repeated { first } => assert_eq!(first.order, Some(ended)),
        other => panic!("{other:?}"),
    }
}

/// Holds R11.4.
#[test]
fn expired_keys_are_dropped_a_few_per_command() {
    let mut exchange = Exchange::new();
    for key in 0..20 {
        exchange.place_err(keyed(buy(1, 0, 1), key, 0));
    }
    exchange.now += 25 * HOUR;
    let known = |exchange: &mut Exchange| {
        exchange.apply_ok(Command::AdvanceTime);
        (0..20)
            .filter(|&key| exchange.engine.first_result(key).is_some())
            .count()
    };
    assert_eq!(
        [known(&mut exchange), known(&mut exchange), known(&mut exchange)],
        [12, 4, 0]
    );
}

/// Holds R11.3.
#[test]
fn the_key_of_a_refused_place_is_kept_for_a_day() {
    let mut exchange = Exchange::new();
    exchange.place_err(keyed(buy(1, 0, 10_000), 7, 1));
    let refused_at = exchange.now;
    exchange.now = refused_at + 24 * HOUR - 2_000_000;
    exchange.apply_ok(Command::AdvanceTime);
    assert!(exchange.engine.first_result(7).is_some());
    exchange.apply_ok(Command::AdvanceTime);
    assert!(exchange.engine.first_result(7).is_none());
}
