//! A command that is too large for one record continues in `Continue` commands.

mod support;
use cift_engine::*;
use support::*;

/// An exchange where Bob has `bids` bids of one unit, spread over `prices` prices.
fn exchange_with_bids(bids: u128, prices: i64) -> Exchange {
    let mut exchange = Exchange::new();
    let limits = Limits {
        max_open_orders: 10_000,
        max_orders_per_second: 1_000_000,
        ..exchange.view(BOB).limits
    };
    exchange.apply_ok(Command::SetLimits { account: BOB, limits });
    for number in 0..bids {
        let order = by(BOB, buy(number, 1, 3_000 + (number as i64) % prices));
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

/// Holds R10.1, R10.4, R10.5.
#[test]
fn a_sweep_of_thousands_is_split_into_records() {
    let mut exchange = exchange_with_bids(2_500, 5);
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

/// Holds R10.1.
#[test]
fn a_taker_continues_where_it_stopped() {
    let mut exchange = exchange_with_bids(2_500, 5);
    let sold = exchange.place(sell(9_000, 2_500, 3_000));
    assert_eq!((sold.status, sold.filled), (OrderStatus::Filled, units(2_500)));
    assert_eq!(exchange.trades().len(), 2_500);
}

/// Holds R10.2.
#[test]
fn only_continue_may_follow_an_unfinished_command() {
    let mut exchange = exchange_with_bids(2_500, 5);
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

/// Holds R8.2.
#[test]
fn a_command_waits_until_due_work_is_done() {
    let mut exchange = exchange_with_bids(2_500, 5);
    let closes_at = Some(exchange.now + SECOND);
    exchange.apply_ok(Command::SetSession { session: 1, closes_at }); // expires the 2,500 day orders
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

/// Holds R10.4, R10.6.
#[test]
fn a_command_stops_only_before_a_further_unit_of_work() {
    // The budget of 900 is one acceptance, 898 trades and one level.
    for (bids, steps) in [(898, 1), (899, 2)] {
        let mut exchange = exchange_with_bids(bids, 1);
        let before = exchange.steps;
        exchange.place(sell(9_001, 900, 3_000));
        assert_eq!(exchange.trades().len(), bids as usize);
        assert_eq!(exchange.steps - before, steps, "{bids} bids");
        assert_eq!(exchange.levels(Side::Sell), [(3_000, 900 - bids as i64, 1)]);
    }
}
