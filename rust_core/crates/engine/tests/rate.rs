//! How many commands an account may send within a second.

mod support;
use cift_engine::*;
use support::*;

fn limits() -> Limits {
    Limits {
        max_order_quantity: None,
        max_order_notional: None,
        max_position: None,
        max_open_orders: 500,
        max_orders_per_second: 500,
        max_daily_loss: None,
        leverage_percent: 100,
    }
}

fn with_limits(account: AccountId, limits: Limits) -> Exchange {
    let mut exchange = Exchange::new();
    exchange.apply_ok(Command::SetLimits { account, limits });
    exchange
}

/// Holds R4.30, R4.31.
#[test]
fn every_command_counts_in_the_rate_and_cancels_have_twice_the_rate() {
    let mut exchange = with_limits(
        ALICE,
        Limits {
            max_orders_per_second: 2,
            ..limits()
        },
    );
    exchange.now += SECOND; // the deposit counted too
    exchange.place(buy(1, 1, 100));
    exchange.cancel(ALICE, order(1));
    assert_eq!(exchange.place_err(buy(2, 1, 100)), Refusal::OrderRateExceeded);
    let replace = Command::ReplaceOrder(ReplaceOrder {
        account: ALICE,
        order: order(1),
        quantity: Some(units(1)),
        limit_price: None,
        stop_price: None,
        trail: None,
        request: None,
    });
    assert_eq!(exchange.apply_err(replace), Refusal::OrderRateExceeded);
    let cancel_all = Command::CancelAll {
        account: ALICE,
        symbol: None,
        request: None,
    };
    exchange.apply_ok(cancel_all);
    exchange.apply_ok(cancel_all);
    assert_eq!(exchange.apply_err(cancel_all), Refusal::OrderRateExceeded);
    exchange.now += SECOND;
    exchange.place(buy(2, 1, 100));
}

/// Holds R1.2.
#[test]
fn refusals_that_leave_no_trace_do_not_count_in_the_rate() {
    let mut exchange = with_limits(
        ALICE,
        Limits {
            max_orders_per_second: 2,
            ..limits()
        },
    );
    exchange.now += SECOND; // the deposit counted too
    assert_eq!(
        exchange.place_err(buy(1, 5_000, 10_000)),
        Refusal::InsufficientBuyingPower
    );
    assert!(!exchange.engine.left_a_trace());
    exchange.place(buy(2, 1, 100));
    exchange.place(buy(3, 1, 100));
    assert_eq!(exchange.place_err(buy(4, 1, 100)), Refusal::OrderRateExceeded);
    assert!(!exchange.engine.left_a_trace());
}
