//! A command that is too much for one record goes on in `Continue`, and only there.

mod support;
use cift_engine::*;
use support::*;

/// Bob has 2,500 bids of one unit; levels are few.
fn crowded() -> Exchange {
    let mut exchange = Exchange::new();
    let limits = Limits {
        max_open_orders: 10_000,
        max_orders_per_second: 1_000_000,
        ..exchange.view(BOB).limits
    };
    exchange.done(Command::SetLimits { account: BOB, limits });
    for number in 0..2_500 {
        let order = by(BOB, buy(number, 1, 3_000 + (number as i64) % 5));
        exchange.sequence += 1;
        let outcome = exchange.engine.apply(
            exchange.sequence,
            exchange.now,
            &Command::PlaceOrder(order),
            &mut exchange.events,
        );
        assert!(matches!(outcome, Outcome::Done { .. }));
    }
    exchange
}

#[test]
fn a_sweep_of_thousands_is_cut_into_records() {
    let mut exchange = crowded();
    let steps = exchange.steps;
    let outcome = exchange.apply(Command::CancelAll {
        account: BOB,
        symbol: None,
        request: None,
    });
    assert_eq!(
        outcome,
        Outcome::Done {
            order: None,
            affected: 2_500
        }
    );
    assert_eq!(exchange.steps - steps, 3);
    assert_eq!(exchange.closed().len(), 2_500);
    assert_eq!(exchange.closed()[0].0, order(0));
}

#[test]
fn a_taker_goes_on_where_it_stopped() {
    let mut exchange = crowded();
    let sold = exchange.place(sell(9_000, 2_500, 3_000));
    assert_eq!((sold.status, sold.filled), (OrderStatus::Filled, units(2_500)));
    assert_eq!(exchange.trades().len(), 2_500);
}

#[test]
fn nothing_else_may_come_between() {
    let mut exchange = crowded();
    exchange.events.clear();
    exchange.step(&Command::CancelAll {
        account: BOB,
        symbol: None,
        request: None,
    });
    assert!(exchange.engine.needs_continue());
    let other = exchange.step(&Command::PlaceOrder(buy(9_001, 1, 100)));
    assert_eq!(other, Outcome::Refused(Refusal::ContinueExpected));
    while exchange.engine.needs_continue() {
        exchange.step(&Command::Continue);
    }
    assert_eq!(
        exchange.step(&Command::Continue),
        Outcome::Refused(Refusal::NothingToContinue)
    );
    assert_eq!(exchange.view(BOB).open_orders, 0);
}

#[test]
fn a_command_waits_until_what_is_due_is_done() {
    let mut exchange = crowded();
    let closes_at = Some(exchange.now + SECOND);
    exchange.done(Command::SetSession { session: 1, closes_at }); // ends the day orders: 2,500 of them
    assert_eq!(exchange.view(BOB).open_orders, 0);
    for number in 0..1_200 {
        let order = by(BOB, buy(number, 1, 3_000));
        exchange.sequence += 1;
        exchange.engine.apply(
            exchange.sequence,
            exchange.now,
            &Command::PlaceOrder(order),
            &mut exchange.events,
        );
    }
    exchange.now += SECOND;
    exchange.events.clear();
    exchange.step(&Command::Deposit {
        account: ALICE,
        transfer: TransferId(5),
        amount: dollars(1),
        request: None,
    });
    assert!(exchange.engine.needs_continue());
    assert_eq!(exchange.view(ALICE).cash, dollars(100_000));
    exchange.step(&Command::Continue);
    assert!(!exchange.engine.needs_continue());
    assert_eq!(exchange.view(ALICE).cash, dollars(100_001));
}
