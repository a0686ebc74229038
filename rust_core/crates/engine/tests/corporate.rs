//! Splits and dividends: values stay exact, orders are lowered on an ex-dividend date; transfers are unique.

mod support;
use cift_engine::*;
use support::*;

fn dividend(amount: Money) -> Command {
    Command::Dividend {
        symbol: symbol("XYZ"),
        amount,
    }
}

fn split(numerator: u32, denominator: u32) -> Command {
    Command::Split {
        symbol: symbol("XYZ"),
        numerator,
        denominator,
    }
}

/// Carol holds 100 units; the last price is `price` cents.
fn long(price: i64) -> Exchange {
    let mut exchange = Exchange::new();
    exchange.trade_at(price);
    exchange.place(by(AccountId(800), sell(901, 100, price)));
    exchange.place(by(CAROL, buy(902, 100, price)));
    exchange
}

/// Holds R2.22.
#[test]
fn a_transfer_is_made_once_for_ever() {
    let mut exchange = Exchange::new();
    let deposit = |transfer| Command::Deposit {
        account: ALICE,
        transfer: TransferId(transfer),
        amount: dollars(1),
        request: Some(Request { key: 1, body: 1 }),
    };
    exchange.apply_ok(deposit(9));
    assert!(matches!(exchange.apply(deposit(9)), Outcome::Repeated { .. }));
    // After a day the key is dropped, the transfer is not.
    exchange.now += 2 * 24 * 3_600 * SECOND;
    exchange.apply_ok(Command::AdvanceTime);
    assert_eq!(exchange.apply_err(deposit(9)), Refusal::DuplicateTransfer);
    for command in [
        Command::Deposit {
            account: ALICE,
            transfer: TransferId(0),
            amount: dollars(1),
            request: None,
        },
        Command::Withdraw {
            account: BOB,
            transfer: TransferId(9),
            amount: dollars(1),
            request: None,
        },
        Command::ResetAccount {
            account: BOB,
            transfer: TransferId(9),
            cash: 0,
            request: None,
        },
    ] {
        assert_eq!(exchange.apply_err(command), Refusal::DuplicateTransfer);
    }
    // A refused transfer does not use up its id.
    let withdraw = |amount| Command::Withdraw {
        account: ALICE,
        transfer: TransferId(10),
        amount,
        request: None,
    };
    assert_eq!(
        exchange.apply_err(withdraw(dollars(200_000))),
        Refusal::InsufficientCash
    );
    exchange.apply_ok(withdraw(dollars(1)));
}

/// Holds R9.3.
#[test]
fn a_split_keeps_value_to_the_nano() {
    let mut exchange = long(10_000);
    let before = exchange.view(CAROL).equity;
    for (numerator, denominator) in [(3, 1), (7, 1), (11, 1)] {
        exchange.apply_ok(split(numerator, denominator));
        let after = exchange.view(CAROL).equity;
        // At most one nano a unit, because the price of a unit is cut to the nano.
        assert!(
            (0..=exchange.position(CAROL) as Money).contains(&(before - after)),
            "{}",
            before - after
        );
    }
    exchange.apply_ok(split(1, 231)); // back to 100 units
    assert!(before - exchange.view(CAROL).equity < 231 * 100 * 2);
}

/// Holds R9.1.
#[test]
fn a_split_that_makes_a_price_below_one_tick_is_refused() {
    let mut exchange = long(50);
    assert_eq!(exchange.apply_err(split(1_000, 1)), Refusal::InvalidSplit);
    assert_eq!(exchange.apply_err(split(51, 1)), Refusal::InvalidSplit);
    exchange.apply_ok(split(50, 1));
}

/// Holds R9.8, R9.9.
#[test]
fn an_ex_dividend_drop_triggers_no_stop() {
    let mut exchange = long(10_000);
    exchange.place(by(CAROL, stop(1, Side::Sell, 100, 9_800)));
    let equity = exchange.view(CAROL).equity;
    exchange.apply_ok(dividend(dollars(3)));
    assert_eq!(exchange.view(CAROL).equity, equity);
    exchange.trade_at(9_700);
    assert_eq!(exchange.status(order(1)), Some(OrderStatus::Pending));
    exchange.trade_at(9_500);
    assert_eq!(exchange.status(order(1)), None);
}

/// Holds R9.9.
#[test]
fn an_ex_dividend_date_lowers_buys_and_sell_stops_only() {
    let mut exchange = long(10_000);
    exchange.place(by(BOB, buy(1, 10, 9_900)));
    exchange.place(by(BOB, buy(2, 10, 9_900)));
    exchange.place(by(BOB, buy(3, 10, 2)));
    exchange.place(sell(4, 10, 10_100));
    exchange.place(by(CAROL, stop(5, Side::Buy, 10, 10_200)));
    let reserved = exchange.view(BOB).reserved;
    exchange.apply_ok(dividend(25_000_000)); // 2.5 cents: 3 ticks
    assert_eq!(exchange.closed(), [(order(3), CloseReason::Dividend)]);
    assert_eq!(exchange.levels(Side::Buy), [(9_897, 20, 2)]);
    assert_eq!(exchange.levels(Side::Sell), [(10_100, 10, 1)]);
    assert_eq!(
        exchange.view(BOB).reserved,
        reserved - dollars(20) * 3 / 100 - dollars(2) / 10
    );
    // The orders keep their places.
    exchange.place(sell(6, 10, 9_897));
    assert_eq!(exchange.trades(), [(9_897, 10, order(1), order(6))]);
}

/// Holds R9.6.
#[test]
fn a_dividend_as_large_as_the_price_is_refused() {
    let mut exchange = long(10_000);
    assert_eq!(exchange.apply_err(dividend(dollars(100))), Refusal::AmountOutOfRange);
    exchange.apply_ok(dividend(dollars(99)));
}

/// Holds R9.9.
#[test]
fn a_dividend_below_one_tick_changes_no_order() {
    let mut exchange = long(10_000);
    exchange.place(by(BOB, buy(1, 10, 9_900)));
    exchange.apply_ok(dividend(9_000_000));
    assert_eq!(exchange.levels(Side::Buy), [(9_900, 10, 1)]);
}

/// Holds R9.10, R9.12, R9.13.
#[test]
fn a_forward_split_adjusts_open_orders() {
    let mut exchange = long(10_000);
    exchange.place(by(BOB, buy(1, 11, 9_900)));
    exchange.place(by(BOB, buy(2, 10, 9_899)));
    exchange.place(by(CAROL, sell(3, 10, 10_100)));
    exchange.place(by(CAROL, stop(4, Side::Sell, 15, 9_500)));
    let reserved = exchange.view(BOB).reserved;
    exchange.apply_ok(split(3, 2));
    assert_eq!(exchange.closed(), []);
    // Buys and sell stops are rounded down, the others up.
    assert_eq!(exchange.levels(Side::Buy), [(6_600, 16, 1), (6_599, 15, 1)]);
    assert_eq!(exchange.levels(Side::Sell), [(6_734, 15, 1)]);
    assert_eq!(exchange.engine.order(order(4)).unwrap().quantity, units(22));
    assert!(exchange.view(BOB).reserved <= reserved);
    exchange.place(by(AccountId(800), sell(7, 16, 6_600)));
    assert_eq!(
        exchange.status(order(4)),
        Some(OrderStatus::Pending),
        "its stop is 63.33"
    );
    assert_eq!(exchange.trades(), [(6_600, 16, order(1), order(7))]);
}

/// Holds R9.12.
#[test]
fn orders_whose_prices_meet_keep_their_order() {
    let mut exchange = long(10_000);
    exchange.place(by(BOB, buy(1, 1, 9_900)));
    exchange.place(by(BOB, buy(2, 1, 9_901)));
    exchange.apply_ok(split(2, 1));
    assert_eq!(exchange.levels(Side::Buy), [(4_950, 4, 2)]);
    exchange.place(by(AccountId(800), sell(3, 2, 4_950)));
    assert_eq!(exchange.trades(), [(4_950, 2, order(2), order(3))]);
}

/// Holds R9.11.
#[test]
fn a_split_cancels_an_order_that_it_leaves_without_a_price() {
    let mut exchange = long(10_000);
    exchange.place(by(BOB, buy(1, 1, 2)));
    exchange.apply_ok(split(3, 1));
    assert_eq!(exchange.closed(), [(order(1), CloseReason::Split)]);
}

/// Holds R9.11, R9.14.
#[test]
fn the_legs_of_a_partly_filled_entry_protect_the_split_position() {
    let mut exchange = long(10_000);
    let legs = Legs {
        take_profit: Some(TakeProfit {
            order: order(11),
            limit_price: cents(11_000),
        }),
        stop_loss: Some(StopLoss {
            order: order(12),
            stop_price: cents(9_500),
            limit_price: None,
        }),
    };
    exchange.place(PlaceOrder {
        class: OrderClass::Bracket(legs),
        ..by(BOB, buy(1, 10, 10_000))
    });
    exchange.place(by(AccountId(800), sell(2, 9, 10_000)));
    exchange.apply_ok(split(2, 1));
    assert_eq!(exchange.closed(), [(order(1), CloseReason::Split)]);
    assert_eq!(exchange.position(BOB), 18);
    assert_eq!(exchange.levels(Side::Sell), [(5_500, 18, 1)]);
    assert_eq!(exchange.engine.order(order(12)).unwrap().quantity, units(18));
}

/// Holds R9.14.
#[test]
fn trailing_stops_and_icebergs_are_split() {
    let mut exchange = long(10_000);
    exchange.place(PlaceOrder {
        kind: OrderKind::TrailingStop,
        limit_price: None,
        trail: Some(Trail::Amount(cents(101))),
        ..by(CAROL, sell(1, 10, 1))
    });
    exchange.place(PlaceOrder {
        display_quantity: Some(units(3)),
        ..by(CAROL, sell(2, 10, 10_200))
    });
    exchange.apply_ok(split(2, 1));
    assert_eq!(exchange.levels(Side::Sell), [(5_100, 6, 1)]);
    exchange.trade_at(5_050);
    let moved = exchange.events.iter().find_map(|event| match event {
        Event::OrderAdjusted { stop_price, .. } => *stop_price,
        _ => None,
    });
    assert_eq!(moved, Some(cents(4_999)), "the trail is 0.51");
}
