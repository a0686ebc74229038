//! What a replace keeps, loses, and may not do.

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
fn queue() -> Exchange {
    let mut exchange = Exchange::new();
    exchange.place(buy(1, 10, 10_000));
    exchange.place(by(BOB, buy(2, 10, 10_000)));
    exchange
}

#[test]
fn a_smaller_size_keeps_the_place() {
    let mut exchange = queue();
    exchange.done(to_size(1, 4));
    assert_eq!(exchange.levels(Side::Buy), [(10_000, 14, 2)]);
    exchange.place(sell(3, 5, 10_000));
    assert_eq!(
        exchange.trades(),
        [(10_000, 4, order(1), order(3)), (10_000, 1, order(2), order(3))]
    );
}

#[test]
fn a_larger_size_goes_to_the_end() {
    let mut exchange = queue();
    exchange.done(to_size(1, 11));
    exchange.place(sell(3, 11, 10_000));
    assert_eq!(
        exchange.trades(),
        [(10_000, 10, order(2), order(3)), (10_000, 1, order(1), order(3))]
    );
}

#[test]
fn a_new_price_may_trade() {
    let mut exchange = queue();
    exchange.place(sell(3, 10, 10_050));
    let replaced = exchange.done(to_price(1, 10_050)).unwrap();
    assert_eq!(replaced.status, OrderStatus::Filled);
}

#[test]
fn the_size_must_exceed_what_is_filled() {
    let mut exchange = queue();
    exchange.place(sell(3, 4, 10_000));
    assert_eq!(exchange.refused(to_size(1, 4)), Refusal::QuantityBelowFilled);
    let left = exchange.done(to_size(1, 5)).unwrap();
    assert_eq!(
        (left.quantity, left.filled, left.status),
        (units(5), units(4), OrderStatus::PartiallyFilled)
    );
}

#[test]
fn the_own_reserve_is_free_for_the_change() {
    let mut exchange = Exchange::new();
    exchange.place(buy(1, 1_000, 10_000));
    exchange.done(to_price(1, 9_999));
    assert_eq!(exchange.refused(to_price(1, 10_001)), Refusal::InsufficientBuyingPower);
    assert_eq!(exchange.view(ALICE).reserved, dollars(99_990));
}

#[test]
fn only_the_own_open_order_and_only_a_change() {
    let mut exchange = queue();
    assert_eq!(exchange.refused(to_size(2, 5)), Refusal::OrderNotOpen);
    assert_eq!(exchange.refused(to_size(9, 5)), Refusal::OrderNotOpen);
    assert_eq!(
        exchange.refused(Command::ReplaceOrder(change(1))),
        Refusal::NothingToReplace
    );
    let stop_price = ReplaceOrder {
        stop_price: Some(cents(100)),
        ..change(1)
    };
    assert_eq!(
        exchange.refused(Command::ReplaceOrder(stop_price)),
        Refusal::StopPriceNotAllowed
    );
}

#[test]
fn a_pending_stop_takes_its_new_price_and_may_trigger() {
    let mut exchange = Exchange::new();
    exchange.print(10_000);
    exchange.place(stop(1, Side::Buy, 10, 10_500));
    let stop_price = ReplaceOrder {
        stop_price: Some(cents(10_200)),
        ..change(1)
    };
    exchange.done(Command::ReplaceOrder(stop_price));
    assert_eq!(exchange.status(order(1)), Some(OrderStatus::Pending));
    exchange.place(sell(2, 10, 10_010));
    let stop_price = ReplaceOrder {
        stop_price: Some(cents(9_990)),
        ..change(1)
    };
    assert_eq!(
        exchange.done(Command::ReplaceOrder(stop_price)).unwrap().status,
        OrderStatus::Filled
    );
}

#[test]
fn an_iceberg_keeps_its_display() {
    let mut exchange = Exchange::new();
    exchange.place(PlaceOrder {
        display_quantity: Some(units(4)),
        ..buy(1, 10, 10_000)
    });
    exchange.done(to_size(1, 20));
    assert_eq!(exchange.levels(Side::Buy), [(10_000, 4, 1)]);
    exchange.done(to_size(1, 3));
    assert_eq!(exchange.levels(Side::Buy), [(10_000, 3, 1)]);
}

#[test]
fn a_post_only_order_may_not_be_moved_across() {
    let mut exchange = Exchange::new();
    exchange.place(sell(2, 10, 10_050));
    exchange.place(PlaceOrder {
        post_only: true,
        ..buy(1, 10, 10_000)
    });
    assert_eq!(exchange.refused(to_price(1, 10_050)), Refusal::PostOnlyWouldCross);
}

#[test]
fn a_held_leg_takes_prices_only() {
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
    assert_eq!(exchange.refused(to_size(50, 5)), Refusal::OrderNotOpen);
    exchange.done(to_price(50, 10_500));
    exchange.place(sell(2, 10, 10_000));
    assert_eq!(exchange.levels(Side::Sell), [(10_500, 10, 1)]);
}
