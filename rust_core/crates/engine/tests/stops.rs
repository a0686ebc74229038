//! Stops react to prints, and trailing stops move with them.

mod support;
use cift_engine::*;
use support::*;

/// Holds R5.22, R5.31.
#[test]
fn a_stop_waits_until_a_print_reaches_it() {
    let mut exchange = Exchange::new();
    exchange.trade_at(10_000);
    exchange.place(stop(1, Side::Buy, 10, 10_100));
    assert_eq!(exchange.status(order(1)), Some(OrderStatus::Pending));
    exchange.trade_at(10_099);
    assert_eq!(exchange.status(order(1)), Some(OrderStatus::Pending));
    exchange.place(sell(2, 10, 10_101));
    exchange.trade_at(10_100);
    assert_eq!(exchange.trades().last(), Some(&(10_101, 10, order(2), order(1))));
}

/// Holds R5.22.
#[test]
fn a_quote_triggers_nothing() {
    let mut exchange = Exchange::with_feed();
    exchange.trade_at(10_000);
    exchange.place(stop(1, Side::Buy, 10, 10_100));
    exchange.quote(1, (10_200, 5), (10_300, 5));
    assert_eq!(exchange.status(order(1)), Some(OrderStatus::Pending));
}

/// Holds R5.32.
#[test]
fn a_stop_whose_condition_already_holds_triggers_at_once() {
    let mut exchange = Exchange::new();
    exchange.trade_at(10_000);
    exchange.place(sell(2, 10, 10_050));
    let taken = exchange.place(stop(1, Side::Buy, 10, 9_900));
    assert_eq!(taken.status, OrderStatus::Filled);
    assert_eq!(exchange.activated(), [(order(1), OrderStatus::New)]);
}

/// Holds R5.25, R5.26.
#[test]
fn the_lowest_buy_stop_triggers_first_then_the_oldest() {
    let mut exchange = Exchange::new();
    exchange.trade_at(10_000);
    exchange.place(stop(1, Side::Buy, 1, 10_200));
    exchange.place(stop(2, Side::Buy, 1, 10_100));
    exchange.place(stop(3, Side::Buy, 1, 10_100));
    exchange.trade_at(10_300);
    let activated: Vec<_> = exchange.activated().iter().map(|item| item.0).collect();
    assert_eq!(activated, [order(2), order(3), order(1)]);
}

/// Holds R5.23, R5.25.
#[test]
fn buy_stops_trigger_before_sell_stops() {
    let mut exchange = Exchange::new();
    exchange.trade_at(10_000);
    exchange.place(by(CAROL, stop(1, Side::Sell, 1, 9_900)));
    exchange.place(stop(2, Side::Buy, 1, 10_100));
    exchange.place(sell(3, 1, 10_150));
    exchange.place(sell(4, 1, 9_850)); // rests: there is no bid
    exchange.place(by(BOB, buy(5, 2, 10_150))); // prints 98.50 and 101.50 in one pass
    let first: Vec<_> = exchange.activated().iter().map(|entry| entry.0).collect();
    assert_eq!(first, [order(2), order(1)]);
}

/// Holds R5.31.
#[test]
fn a_triggered_stop_limit_rests_as_a_limit_order() {
    let mut exchange = Exchange::new();
    exchange.trade_at(10_000);
    exchange.place(PlaceOrder {
        kind: OrderKind::StopLimit,
        limit_price: Some(cents(10_105)),
        ..stop(1, Side::Buy, 10, 10_100)
    });
    exchange.trade_at(10_100);
    assert_eq!(exchange.levels(Side::Buy), [(10_105, 10, 1)]);
    assert_eq!(exchange.status(order(1)), Some(OrderStatus::New));
}

/// Holds R5.31.
#[test]
fn triggered_orders_cascade_one_after_the_other() {
    let mut exchange = Exchange::new();
    exchange.trade_at(10_000);
    exchange.place(stop(1, Side::Buy, 1, 10_100));
    exchange.place(stop(2, Side::Buy, 1, 10_200));
    exchange.place(sell(3, 1, 10_200));
    exchange.place(sell(4, 1, 10_250));
    exchange.trade_at(10_100);
    let trades: Vec<_> = exchange.trades().into_iter().filter(|trade| trade.0 > 10_100).collect();
    assert_eq!(
        trades,
        [(10_200, 1, order(3), order(1)), (10_250, 1, order(4), order(2))]
    );
}

fn trailing(number: u128, side: Side, trail: Trail) -> PlaceOrder {
    PlaceOrder {
        kind: OrderKind::TrailingStop,
        limit_price: None,
        trail: Some(trail),
        ..limit(number, side, 1, 1)
    }
}

fn stop_price(exchange: &Exchange, order: OrderId) -> Vec<i64> {
    let adjusted = |event: &Event| match *event {
        Event::OrderAdjusted {
            order: adjusted,
            stop_price: Some(stop),
            ..
        } if adjusted == order => Some(stop / cents(1)),
        _ => None,
    };
    exchange.events.iter().filter_map(adjusted).collect()
}

/// Holds R5.24, R5.28.
#[test]
fn a_trailing_stop_moves_only_toward_the_market() {
    let mut exchange = Exchange::new();
    exchange.trade_at(10_000);
    exchange.place(by(CAROL, trailing(1, Side::Sell, Trail::Amount(cents(100)))));
    exchange.trade_at(10_050);
    assert_eq!(stop_price(&exchange, order(1)), [9_950]);
    exchange.trade_at(9_980);
    assert_eq!(stop_price(&exchange, order(1)), []);
    exchange.trade_at(9_950);
    assert_eq!(exchange.activated(), [(order(1), OrderStatus::New)]);
}

/// Holds R5.24.
#[test]
fn a_trail_in_ppm_is_rounded_away_from_the_market() {
    let mut exchange = Exchange::new();
    exchange.trade_at(10_000);
    exchange.place(by(CAROL, trailing(1, Side::Sell, Trail::Ppm(15_000))));
    exchange.place(trailing(2, Side::Buy, Trail::Ppm(15_000)));
    exchange.trade_at(10_101); // × 0.985 = 99.49485
    assert_eq!(stop_price(&exchange, order(1)), [9_949]);
    exchange.trade_at(9_991); // × 1.015 = 101.40865
    assert_eq!(stop_price(&exchange, order(2)), [10_141]);
}

/// Holds R4.27.
#[test]
fn a_trail_that_leaves_the_price_range_is_refused() {
    let mut exchange = Exchange::new();
    exchange.trade_at(100);
    assert_eq!(
        exchange.place_err(by(CAROL, trailing(1, Side::Sell, Trail::Amount(cents(100))))),
        Refusal::TrailOutOfRange
    );
}

/// Holds R5.5.
#[test]
fn a_triggered_buy_costs_no_more_than_it_reserved() {
    let mut exchange = Exchange::new();
    exchange.trade_at(10_000);
    exchange.place(stop(1, Side::Buy, 10, 10_100)); // reserved at 106.05
    exchange.place(sell(2, 10, 11_000));
    exchange.trade_at(10_900); // a gap: the collar alone would allow 114.45
    assert_eq!(exchange.closed(), [(order(1), CloseReason::Collar)]);
}

/// Holds R5.34, R7.28.
#[test]
fn a_halted_instrument_triggers_nothing_and_a_resume_examines_nothing() {
    let mut exchange = Exchange::with_feed();
    exchange.trade_at(10_000);
    exchange.place(stop(1, Side::Buy, 10, 10_100));
    exchange.apply_ok(Command::Halt { symbol: symbol("XYZ") });
    exchange.outside_print(1, 10_200, 5);
    exchange.apply_ok(Command::Resume { symbol: symbol("XYZ") });
    assert_eq!(exchange.status(order(1)), Some(OrderStatus::Pending));
    exchange.outside_print(2, 10_200, 5);
    assert_eq!(exchange.activated(), [(order(1), OrderStatus::New)]);
}

/// Holds R5.27.
#[test]
fn the_trailing_stop_with_the_lowest_best_price_moves_first() {
    let mut exchange = Exchange::new();
    let far = Trail::Amount(cents(500));
    exchange.trade_at(10_000);
    exchange.place(by(CAROL, trailing(1, Side::Sell, far)));
    exchange.trade_at(9_900);
    exchange.place(by(CAROL, trailing(2, Side::Sell, far)));
    exchange.place(by(CAROL, trailing(3, Side::Sell, far)));
    exchange.trade_at(10_100);
    let moved: Vec<_> = exchange
        .events
        .iter()
        .filter_map(|event| match *event {
            Event::OrderAdjusted { order, .. } => Some(order),
            _ => None,
        })
        .collect();
    assert_eq!(moved, [order(2), order(3), order(1)]);
}

/// Holds R5.29.
#[test]
fn a_trailing_move_triggers_nothing_before_the_next_print() {
    let mut exchange = Exchange::new();
    exchange.trade_at(10_000);
    exchange.place(by(CAROL, trailing(1, Side::Sell, Trail::Amount(cents(100)))));
    exchange.place(sell(2, 1, 10_000));
    exchange.place(sell(3, 1, 10_150));
    // One pass prints 100.00 and 101.50: the stop price moves to 100.50, above the pass's lowest print.
    exchange.place(buy(4, 2, 10_150));
    assert_eq!(stop_price(&exchange, order(1)), [10_050]);
    assert_eq!(exchange.activated(), []);
    exchange.trade_at(10_050);
    assert_eq!(exchange.activated(), [(order(1), OrderStatus::New)]);
}
