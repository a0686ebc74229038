//! What a replace keeps, what it loses, and when it is refused.

mod support;
use cift_engine::*;
use support::*;

fn change(number: u128) -> ReplaceOrder {
    ReplaceOrder {
        account: ALICE,
        order: order(number),
        quantity: None,
        limit_price: None,
        stop_price: None,
        trail: None,
        request: None,
    }
}

fn to_size(number: u128, quantity: i64) -> Command {
    Command::ReplaceOrder(ReplaceOrder {
        quantity: Some(units(quantity)),
        ..change(number)
    })
}

fn to_price(number: u128, price: i64) -> Command {
    Command::ReplaceOrder(ReplaceOrder {
        limit_price: Some(cents(price)),
        ..change(number)
    })
}

/// Alice's 10 before Bob's 10 at 100.00.
fn exchange_with_queue() -> Exchange {
    let mut exchange = Exchange::new();
    exchange.place(buy(1, 10, 10_000));
    exchange.place(by(BOB, buy(2, 10, 10_000)));
    exchange
}

/// Holds R6.12.
#[test]
fn a_smaller_quantity_keeps_the_place_in_the_queue() {
    let mut exchange = exchange_with_queue();
    exchange.apply_ok(to_size(1, 4));
    assert_eq!(exchange.levels(Side::Buy), [(10_000, 14, 2)]);
    exchange.place(sell(3, 5, 10_000));
    assert_eq!(
        exchange.trades(),
        [(10_000, 4, order(1), order(3)), (10_000, 1, order(2), order(3))]
    );
}

/// Holds R6.13.
#[test]
fn a_larger_quantity_goes_to_the_end_of_the_queue() {
    let mut exchange = exchange_with_queue();
    exchange.apply_ok(to_size(1, 11));
    exchange.place(sell(3, 11, 10_000));
    assert_eq!(
        exchange.trades(),
        [(10_000, 10, order(2), order(3)), (10_000, 1, order(1), order(3))]
    );
}

/// Holds R6.13.
#[test]
fn a_new_price_may_trade() {
    let mut exchange = exchange_with_queue();
    exchange.place(sell(3, 10, 10_050));
    let replaced = exchange.apply_ok(to_price(1, 10_050)).unwrap();
    assert_eq!(replaced.status, OrderStatus::Filled);
}

/// Holds R6.6.
#[test]
fn the_quantity_must_exceed_the_filled_quantity() {
    let mut exchange = exchange_with_queue();
    exchange.place(sell(3, 4, 10_000));
    assert_eq!(exchange.apply_err(to_size(1, 4)), Refusal::QuantityBelowFilled);
    let left = exchange.apply_ok(to_size(1, 5)).unwrap();
    assert_eq!(
        (left.quantity, left.filled, left.status),
        (units(5), units(4), OrderStatus::PartiallyFilled)
    );
}

/// Holds R6.8.
#[test]
fn a_replace_releases_its_own_reserve_first() {
    let mut exchange = Exchange::new();
    exchange.place(buy(1, 1_000, 10_000));
    exchange.apply_ok(to_price(1, 9_999));
    assert_eq!(
        exchange.apply_err(to_price(1, 10_001)),
        Refusal::InsufficientBuyingPower
    );
    assert_eq!(exchange.view(ALICE).reserved, dollars(99_990));
}

/// Holds R6.2, R6.3, R6.4.
#[test]
fn a_replace_needs_an_own_open_order_and_a_changed_field() {
    let mut exchange = exchange_with_queue();
    assert_eq!(exchange.apply_err(to_size(2, 5)), Refusal::OrderNotOpen);
    assert_eq!(exchange.apply_err(to_size(9, 5)), Refusal::OrderNotOpen);
    assert_eq!(
        exchange.apply_err(Command::ReplaceOrder(change(1))),
        Refusal::NothingToReplace
    );
    let stop_price = ReplaceOrder {
        stop_price: Some(cents(100)),
        ..change(1)
    };
    assert_eq!(
        exchange.apply_err(Command::ReplaceOrder(stop_price)),
        Refusal::StopPriceNotAllowed
    );
}

/// Holds R6.14.
#[test]
fn a_pending_stop_takes_its_new_price_and_may_trigger() {
    let mut exchange = Exchange::new();
    exchange.trade_at(10_000);
    exchange.place(stop(1, Side::Buy, 10, 10_500));
    let stop_price = ReplaceOrder {
        stop_price: Some(cents(10_200)),
        ..change(1)
    };
    exchange.apply_ok(Command::ReplaceOrder(stop_price));
    assert_eq!(exchange.status(order(1)), Some(OrderStatus::Pending));
    exchange.place(sell(2, 10, 10_010));
    let stop_price = ReplaceOrder {
        stop_price: Some(cents(9_990)),
        ..change(1)
    };
    assert_eq!(
        exchange.apply_ok(Command::ReplaceOrder(stop_price)).unwrap().status,
        OrderStatus::Filled
    );
}

/// Holds R6.15.
#[test]
fn an_iceberg_keeps_its_display() {
    let mut exchange = Exchange::new();
    exchange.place(PlaceOrder {
        display_quantity: Some(units(4)),
        ..buy(1, 10, 10_000)
    });
    exchange.apply_ok(to_size(1, 20));
    assert_eq!(exchange.levels(Side::Buy), [(10_000, 4, 1)]);
    exchange.apply_ok(to_size(1, 3));
    assert_eq!(exchange.levels(Side::Buy), [(10_000, 3, 1)]);
}

/// Holds R6.8.
#[test]
fn a_post_only_order_cannot_be_moved_across_the_book() {
    let mut exchange = Exchange::new();
    exchange.place(sell(2, 10, 10_050));
    exchange.place(PlaceOrder {
        post_only: true,
        ..buy(1, 10, 10_000)
    });
    assert_eq!(exchange.apply_err(to_price(1, 10_050)), Refusal::PostOnlyWouldCross);
}

/// Holds R6.2.
#[test]
fn a_held_leg_accepts_only_new_prices() {
    let mut exchange = Exchange::new();
    let take_profit = TakeProfit {
        order: order(50),
        limit_price: cents(11_000),
    };
    let legs = Legs {
        take_profit: Some(take_profit),
        stop_loss: None,
    };
    exchange.place(PlaceOrder {
        class: OrderClass::Oto(legs),
        ..buy(1, 10, 10_000)
    });
    assert_eq!(exchange.apply_err(to_size(50, 5)), Refusal::OrderNotOpen);
    exchange.apply_ok(to_price(50, 10_500));
    exchange.place(sell(2, 10, 10_000));
    assert_eq!(exchange.levels(Side::Sell), [(10_500, 10, 1)]);
}

/// Holds R6.1.
#[test]
fn a_suspended_account_cannot_replace() {
    let mut exchange = exchange_with_queue();
    exchange.apply_ok(Command::SetAccountState {
        account: ALICE,
        state: AccountState::Suspended,
    });
    assert_eq!(exchange.apply_err(to_size(1, 5)), Refusal::AccountSuspended);
}

/// Holds R6.5.
#[test]
fn a_new_trail_moves_the_stop_price_in_either_direction() {
    let mut exchange = Exchange::new();
    exchange.trade_at(10_000);
    exchange.place(PlaceOrder {
        kind: OrderKind::TrailingStop,
        limit_price: None,
        trail: Some(Trail::Amount(cents(100))),
        ..sell(1, 10, 1)
    });
    for (trail, stop) in [(200, 9_800), (50, 9_950)] {
        exchange.apply_ok(Command::ReplaceOrder(ReplaceOrder {
            account: CAROL,
            trail: Some(Trail::Amount(cents(trail))),
            ..change(1)
        }));
        assert!(exchange.events.iter().any(|event| matches!(
            event,
            Event::OrderReplaced { stop_price, .. } if *stop_price == Some(cents(stop))
        )));
    }
}

/// Holds R6.7.
#[test]
fn an_iceberg_cannot_grow_beyond_a_thousand_refills() {
    let mut exchange = Exchange::new();
    exchange.place(PlaceOrder {
        display_quantity: Some(units(1)),
        ..buy(1, 10, 100)
    });
    assert_eq!(
        exchange.apply_err(to_size(1, 1_001)),
        Refusal::DisplayQuantityNotAllowed
    );
    exchange.apply_ok(to_size(1, 1_000));
}

/// Holds R6.9, R6.11.
#[test]
fn an_entry_may_move_beyond_its_take_profit() {
    let mut exchange = Exchange::new();
    let take_profit = TakeProfit {
        order: order(50),
        limit_price: cents(11_000),
    };
    let legs = Legs {
        take_profit: Some(take_profit),
        stop_loss: None,
    };
    exchange.place(PlaceOrder {
        class: OrderClass::Oto(legs),
        ..buy(1, 10, 10_000)
    });
    exchange.apply_ok(to_price(1, 11_500));
    assert_eq!(
        exchange.events[0],
        Event::OrderReplaced {
            order: order(1),
            account: ALICE,
            quantity: units(10),
            limit_price: Some(cents(11_500)),
            stop_price: None,
            trail: None,
        }
    );
}

/// Holds R6.10.
#[test]
fn a_triggered_stop_limit_is_checked_as_a_limit_order() {
    let mut exchange = Exchange::new();
    exchange.trade_at(10_000);
    exchange.place(PlaceOrder {
        kind: OrderKind::StopLimit,
        limit_price: Some(cents(10_105)),
        ..stop(1, Side::Buy, 10, 10_100)
    });
    exchange.trade_at(10_100);
    exchange.trade_at(12_000);
    exchange.now += 600 * SECOND;
    exchange.trade_at(12_000);
    // Within 20 % of the base price 120.00, beyond 20 % of the stop price 101.00.
    exchange.apply_ok(to_price(1, 13_000));
}

/// Holds R6.16.
#[test]
fn a_cancel_needs_an_own_open_order_and_returns_its_final_state() {
    let mut exchange = exchange_with_queue();
    for (account, order) in [(BOB, order(1)), (ALICE, order(9))] {
        let cancel = Command::CancelOrder {
            account,
            order,
            request: None,
        };
        assert_eq!(exchange.apply_err(cancel), Refusal::OrderNotOpen);
    }
    let cancelled = exchange.cancel(ALICE, order(1));
    assert_eq!(
        (cancelled.status, cancelled.reason),
        (OrderStatus::Canceled, Some(CloseReason::ByUser))
    );
}

/// Holds R6.17.
#[test]
fn a_cancel_all_of_an_unknown_symbol_is_refused() {
    let cancel_all = Command::CancelAll {
        account: ALICE,
        symbol: Some(symbol("NONE")),
        request: None,
    };
    assert_eq!(exchange_with_queue().apply_err(cancel_all), Refusal::UnknownSymbol);
}
