//! Brackets, OTO and OCO: held legs, and siblings that end each other.

mod support;
use cift_engine::*;
use support::*;

const PROFIT: OrderId = OrderId(77_001);
const LOSS: OrderId = OrderId(77_002);

fn take_profit(price: i64) -> TakeProfit {
    TakeProfit {
        order: PROFIT,
        limit_price: cents(price),
    }
}

fn stop_loss(price: i64) -> StopLoss {
    StopLoss {
        order: LOSS,
        stop_price: cents(price),
        limit_price: None,
    }
}

fn bracket(entry: PlaceOrder, profit: i64, loss: i64) -> PlaceOrder {
    let legs = Legs {
        take_profit: Some(take_profit(profit)),
        stop_loss: Some(stop_loss(loss)),
    };
    PlaceOrder {
        class: OrderClass::Bracket(legs),
        ..entry
    }
}

/// Alice bought 10 at 100.00 with a bracket at 110.00 and 95.00.
fn exchange_with_bracket() -> Exchange {
    let mut exchange = Exchange::new();
    exchange.place(sell(1, 10, 10_000));
    exchange.place(bracket(buy(2, 10, 10_000), 11_000, 9_500));
    exchange
}

/// Holds R4.50, R5.39.
#[test]
fn legs_are_held_until_the_entry_is_done() {
    let mut exchange = Exchange::new();
    exchange.place(bracket(buy(2, 10, 10_000), 11_000, 9_500));
    assert_eq!(exchange.status(PROFIT), Some(OrderStatus::Held));
    assert_eq!(exchange.status(LOSS), Some(OrderStatus::Held));
    assert_eq!((exchange.engine.accounts(), exchange.engine.open_orders()), (3, 3));
    exchange.place(sell(1, 4, 10_000));
    assert_eq!(exchange.status(PROFIT), Some(OrderStatus::Held));
    exchange.place(sell(3, 6, 10_000));
    assert_eq!(
        exchange.activated(),
        [(PROFIT, OrderStatus::New), (LOSS, OrderStatus::Pending)]
    );
    assert_eq!(exchange.levels(Side::Sell), [(11_000, 10, 1)]);
    assert_eq!(exchange.engine.open_orders(), 2, "the entry is filled");
}

/// Holds R5.37.
#[test]
fn a_cancelled_entry_activates_its_legs_with_the_filled_quantity() {
    let mut exchange = Exchange::new();
    exchange.place(bracket(buy(2, 10, 10_000), 11_000, 9_500));
    exchange.place(sell(1, 4, 10_000));
    exchange.cancel(ALICE, order(2));
    assert_eq!(exchange.engine.order(PROFIT).unwrap().quantity, units(4));
    assert_eq!(exchange.engine.order(LOSS).unwrap().quantity, units(4));
}

/// Holds R5.38.
#[test]
fn an_entry_without_a_fill_cancels_its_legs() {
    let mut exchange = Exchange::new();
    exchange.place(bracket(buy(2, 10, 10_000), 11_000, 9_500));
    exchange.cancel(ALICE, order(2));
    assert_eq!(
        exchange.closed(),
        [
            (order(2), CloseReason::ByUser),
            (PROFIT, CloseReason::ParentDone),
            (LOSS, CloseReason::ParentDone)
        ]
    );
}

/// Holds R5.41.
#[test]
fn a_filled_take_profit_ends_the_stop_loss() {
    let mut exchange = exchange_with_bracket();
    exchange.place(by(BOB, buy(3, 10, 11_000)));
    assert_eq!(exchange.closed(), [(LOSS, CloseReason::SiblingDone)]);
    assert_eq!(exchange.position(ALICE), 0);
}

/// Holds R5.40.
#[test]
fn a_partial_fill_of_the_take_profit_reduces_the_stop_loss() {
    let mut exchange = exchange_with_bracket();
    exchange.place(by(BOB, buy(3, 3, 11_000)));
    assert_eq!(exchange.engine.order(LOSS).unwrap().quantity, units(7));
    assert!(exchange
        .events
        .iter()
        .any(|event| matches!(event, Event::OrderAdjusted { order: LOSS, quantity, .. } if *quantity == units(7))));
}

/// Holds R5.30, R5.42.
#[test]
fn a_triggered_stop_loss_ends_the_take_profit_and_sells() {
    let mut exchange = exchange_with_bracket();
    exchange.place(by(BOB, buy(3, 10, 9_480)));
    exchange.trade_at(9_490);
    assert_eq!(exchange.activated(), [(LOSS, OrderStatus::New)]);
    assert_eq!(exchange.closed(), [(PROFIT, CloseReason::SiblingDone)]);
    let position = |wanted: fn(&Event) -> bool| exchange.events.iter().position(wanted).unwrap();
    let activated = position(|event| matches!(event, Event::OrderActivated { .. }));
    let closed = position(|event| matches!(event, Event::OrderClosed { .. }));
    assert_eq!(closed, activated + 1);
    assert_eq!(exchange.position(ALICE), 0);
}

/// Holds R5.37.
#[test]
fn legs_close_no_more_than_is_left_to_close() {
    let mut exchange = Exchange::new();
    exchange.place(bracket(buy(2, 10, 10_000), 11_000, 9_500));
    exchange.place(sell(1, 6, 10_000));
    exchange.place(by(ALICE, sell(4, 4, 10_500))); // 2 of the 6 remain free
    exchange.cancel(ALICE, order(2));
    assert_eq!(exchange.engine.order(PROFIT).unwrap().quantity, units(2));
}

/// Holds R4.17.
#[test]
fn an_oto_has_one_leg() {
    let mut exchange = Exchange::new();
    let legs = Legs {
        take_profit: None,
        stop_loss: Some(stop_loss(9_500)),
    };
    exchange.place(sell(1, 10, 10_000));
    exchange.place(PlaceOrder {
        class: OrderClass::Oto(legs),
        ..buy(2, 10, 10_000)
    });
    assert_eq!(exchange.status(LOSS), Some(OrderStatus::Pending));
    assert_eq!(exchange.status(PROFIT), None);
}

/// Alice holds 10 and has an OCO: sell at 110.00, or stop at 95.00.
fn exchange_with_oco() -> Exchange {
    let mut exchange = Exchange::new();
    exchange.place(sell(1, 10, 10_000));
    exchange.place(buy(2, 10, 10_000));
    exchange.place(PlaceOrder {
        class: OrderClass::Oco(stop_loss(9_500)),
        ..by(ALICE, sell(3, 10, 11_000))
    });
    exchange
}

/// Holds R4.52, R5.45.
#[test]
fn an_oco_counts_once_against_the_position() {
    let exchange = exchange_with_oco();
    let mut positions = Vec::new();
    exchange.engine.positions(ALICE, &mut positions);
    assert_eq!((positions[0].open_sells, positions[0].quantity), (units(10), units(10)));
    assert_eq!(exchange.view(ALICE).open_orders, 2);
}

/// Holds R5.41.
#[test]
fn the_cancel_of_one_order_of_an_oco_cancels_the_other() {
    let mut exchange = exchange_with_oco();
    exchange.cancel(ALICE, LOSS);
    assert_eq!(
        exchange.closed(),
        [(LOSS, CloseReason::ByUser), (order(3), CloseReason::SiblingDone)]
    );
}

/// Holds R4.37.
#[test]
fn an_oco_must_reduce() {
    let mut exchange = Exchange::new();
    let setup = PlaceOrder {
        class: OrderClass::Oco(stop_loss(9_500)),
        ..sell(3, 10, 11_000)
    };
    assert_eq!(exchange.place_err(setup), Refusal::ReduceOnlyWouldIncrease);
}

/// Holds R4.20.
#[test]
fn legs_on_the_wrong_side_are_refused() {
    let mut exchange = Exchange::new();
    assert_eq!(
        exchange.place_err(bracket(buy(1, 10, 10_000), 9_900, 9_500)),
        Refusal::InvalidLegs
    );
    assert_eq!(
        exchange.place_err(bracket(buy(1, 10, 10_000), 11_000, 10_000)),
        Refusal::InvalidLegs
    );
    assert_eq!(
        exchange.place_err(bracket(sell(1, 10, 10_000), 11_000, 9_500)),
        Refusal::InvalidLegs
    );
    exchange.place(bracket(sell(1, 10, 10_000), 9_500, 11_000));
}

/// Holds R6.18, R6.19.
#[test]
fn cancel_all_ends_held_legs_even_after_a_partial_fill() {
    let mut exchange = Exchange::new();
    exchange.place(bracket(buy(2, 10, 10_000), 11_000, 9_500));
    exchange.place(sell(1, 4, 10_000));
    let outcome = exchange.apply(Command::CancelAll {
        account: ALICE,
        symbol: None,
        request: None,
    });
    assert_eq!(
        outcome,
        Outcome::Done {
            order: None,
            affected: 3
        }
    );
    assert_eq!(exchange.view(ALICE).open_orders, 0);
}

/// Holds R5.35, R5.36, R6.22.
#[test]
fn a_take_profit_that_becomes_active_in_a_halt_waits_for_the_resume() {
    let mut exchange = Exchange::new();
    exchange.place(bracket(buy(2, 10, 10_000), 11_000, 9_500));
    exchange.place(sell(1, 4, 10_000));
    exchange.apply_ok(Command::Halt { symbol: symbol("XYZ") });
    exchange.cancel(ALICE, order(2));
    assert_eq!(exchange.status(PROFIT), Some(OrderStatus::New));
    assert_eq!(exchange.levels(Side::Sell), []);
    exchange.apply_ok(Command::Resume { symbol: symbol("XYZ") });
    assert_eq!(exchange.levels(Side::Sell), [(11_000, 4, 1)]);
}

/// Holds R5.21.
#[test]
fn reduce_only_orders_beyond_the_position_are_cancelled_newest_first() {
    let mut exchange = Exchange::new();
    exchange.open(AccountId(500), AccountKind::Margin, AccountRole::Customer);
    exchange.deposit(AccountId(500), dollars(100_000));
    exchange.place(by(AccountId(500), sell(1, 10, 10_000)));
    exchange.place(by(CAROL, buy(2, 10, 10_000)));
    let reducing = |number, quantity, price| PlaceOrder {
        reduce_only: true,
        ..sell(number, quantity, price)
    };
    exchange.place(reducing(3, 5, 10_500));
    exchange.place(reducing(4, 5, 10_600));
    exchange.place(by(BOB, buy(5, 3, 9_900)));
    exchange.place(sell(6, 3, 9_900));
    assert_eq!(exchange.position(CAROL), 7);
    assert_eq!(exchange.closed(), [(order(4), CloseReason::ReduceOnly)]);
    assert_eq!(exchange.status(order(3)), Some(OrderStatus::New));
}

/// Holds R6.20, R6.21.
#[test]
fn cancel_all_ends_an_oco_as_order_and_sibling() {
    let mut exchange = exchange_with_oco();
    let outcome = exchange.apply(Command::CancelAll {
        account: ALICE,
        symbol: None,
        request: None,
    });
    assert_eq!(
        outcome,
        Outcome::Done {
            order: None,
            affected: 2
        }
    );
    assert_eq!(
        exchange.closed(),
        [(order(3), CloseReason::CancelAll), (LOSS, CloseReason::SiblingDone)]
    );
}
