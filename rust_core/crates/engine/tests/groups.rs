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

/// Holds R4.50, R5.37, R5.39.
#[test]
fn legs_protect_from_the_first_partial_fill() {
    let mut exchange = Exchange::new();
    exchange.place(bracket(buy(2, 10, 10_000), 11_000, 9_500));
    assert_eq!(exchange.status(PROFIT), Some(OrderStatus::Held));
    assert_eq!(exchange.status(LOSS), Some(OrderStatus::Held));
    assert_eq!((exchange.engine.accounts(), exchange.engine.open_orders()), (3, 3));
    exchange.place(sell(1, 4, 10_000));
    assert_eq!(
        exchange.activated(),
        [(PROFIT, OrderStatus::New), (LOSS, OrderStatus::Pending)]
    );
    assert_eq!(exchange.levels(Side::Sell), [(11_000, 4, 1)]);
    exchange.place(sell(3, 5, 10_000));
    assert_eq!(exchange.activated(), []);
    assert_eq!(exchange.levels(Side::Sell), [(11_000, 9, 1)]);
    assert_eq!(exchange.engine.order(LOSS).unwrap().quantity, units(9));
    exchange.place(sell(4, 1, 10_000));
    assert_eq!(exchange.levels(Side::Sell), [(11_000, 10, 1)]);
    assert_eq!(exchange.engine.open_orders(), 2, "the entry is filled");
}

/// Alice bought 9 of 10 with a bracket; the tenth is still open.
fn exchange_with_partial_bracket(entry: PlaceOrder) -> Exchange {
    let mut exchange = Exchange::new();
    exchange.place(bracket(entry, 11_000, 9_500));
    exchange.place(sell(1, 9, 10_000));
    exchange
}

fn assert_protected(exchange: &Exchange) {
    assert_eq!(exchange.status(order(2)), None, "the entry ended");
    for leg in [PROFIT, LOSS] {
        assert_eq!(exchange.engine.order(leg).unwrap().quantity, units(9));
    }
    assert_eq!(exchange.status(LOSS), Some(OrderStatus::Pending));
}

const LATER: Timestamp = i64::MAX / 2;

/// Holds R5.44, R6.19, R8.6.
#[test]
fn the_end_of_a_good_till_date_entry_leaves_its_legs() {
    let entry = PlaceOrder {
        time_in_force: TimeInForce::Gtd(LATER),
        ..buy(2, 10, 10_000)
    };
    let mut exchange = exchange_with_partial_bracket(entry);
    exchange.now = LATER;
    exchange.apply_ok(Command::AdvanceTime);
    assert_eq!(exchange.closed(), [(order(2), CloseReason::TimeReached)]);
    assert_protected(&exchange);
}

/// Holds R5.44, R6.19, R8.6.
#[test]
fn the_close_of_the_session_leaves_the_legs_of_a_day_entry() {
    let entry = PlaceOrder {
        time_in_force: TimeInForce::Day,
        ..buy(2, 10, 10_000)
    };
    let mut exchange = exchange_with_partial_bracket(entry);
    exchange.apply_ok(Command::SetSession {
        session: 1,
        closes_at: None,
    });
    assert_eq!(exchange.closed(), [(order(2), CloseReason::SessionClosed)]);
    assert_protected(&exchange);
}

/// Holds R5.37.
#[test]
fn a_cancel_of_the_entry_leaves_its_legs() {
    let mut exchange = exchange_with_partial_bracket(buy(2, 10, 10_000));
    exchange.cancel(ALICE, order(2));
    assert_eq!(exchange.closed(), [(order(2), CloseReason::ByUser)]);
    assert_protected(&exchange);
}

/// Holds R5.37.
#[test]
fn the_legs_of_a_taker_become_active_when_its_pass_ends() {
    let mut exchange = Exchange::new();
    exchange.place(sell(1, 4, 10_000));
    exchange.place(sell(3, 5, 10_001));
    exchange.place(bracket(buy(2, 10, 10_001), 11_000, 9_500));
    assert_eq!(exchange.trades().len(), 2);
    assert_eq!(
        exchange.activated(),
        [(PROFIT, OrderStatus::New), (LOSS, OrderStatus::Pending)],
        "once, not after each trade"
    );
    assert_eq!(exchange.engine.order(LOSS).unwrap().quantity, units(9));
}

/// Holds R5.42.
#[test]
fn a_fill_of_a_leg_ends_the_working_entry() {
    let mut exchange = exchange_with_partial_bracket(buy(2, 10, 10_000));
    exchange.place(by(BOB, buy(3, 2, 11_000)));
    assert_eq!(exchange.closed(), [(order(2), CloseReason::SiblingDone)]);
    assert_eq!(exchange.engine.order(LOSS).unwrap().quantity, units(7));
}

/// Holds R5.30, R5.42.
#[test]
fn a_triggered_stop_loss_ends_the_working_entry() {
    let mut exchange = Exchange::new();
    exchange.place(bracket(buy(2, 10, 10_000), 11_000, 9_500));
    exchange.place(sell(1, 9, 10_000));
    exchange.apply_ok(Command::ReplaceOrder(ReplaceOrder {
        account: ALICE,
        order: order(2),
        quantity: None,
        limit_price: Some(cents(9_000)),
        stop_price: None,
        trail: None,
        request: None,
    }));
    exchange.place(by(BOB, buy(3, 9, 9_480)));
    exchange.trade_at(9_490);
    assert_eq!(
        exchange.closed(),
        [(PROFIT, CloseReason::SiblingDone), (order(2), CloseReason::SiblingDone)]
    );
    assert_eq!(exchange.position(ALICE), 0);
}

/// Holds R5.42.
#[test]
fn the_cancel_of_an_active_leg_ends_pair_and_entry() {
    let mut exchange = exchange_with_partial_bracket(buy(2, 10, 10_000));
    exchange.cancel(ALICE, PROFIT);
    assert_eq!(
        exchange.closed(),
        [
            (PROFIT, CloseReason::ByUser),
            (LOSS, CloseReason::SiblingDone),
            (order(2), CloseReason::SiblingDone)
        ]
    );
}

/// Holds R5.40, R6.2.
#[test]
fn the_quantity_of_a_leg_follows_its_working_entry() {
    let mut exchange = Exchange::new();
    let legs = Legs {
        take_profit: Some(take_profit(11_000)),
        stop_loss: None,
    };
    exchange.place(PlaceOrder {
        class: OrderClass::Oto(legs),
        ..buy(2, 10, 10_000)
    });
    exchange.place(sell(1, 9, 10_000));
    let reason = exchange.apply_err(Command::ReplaceOrder(ReplaceOrder {
        account: ALICE,
        order: PROFIT,
        quantity: Some(units(3)),
        limit_price: None,
        stop_price: None,
        trail: None,
        request: None,
    }));
    assert_eq!(reason, Refusal::OrderNotOpen);
}

/// Holds R5.48.
#[test]
fn fill_or_kill_does_not_count_an_entry_that_its_first_fill_ends() {
    let mut exchange = Exchange::new();
    exchange.place(bracket(buy(2, 10, 10_000), 11_000, 9_500));
    exchange.apply_ok(Command::ReplaceOrder(ReplaceOrder {
        account: ALICE,
        order: order(2),
        quantity: None,
        limit_price: Some(cents(9_500)),
        stop_price: None,
        trail: None,
        request: None,
    }));
    let sale = PlaceOrder {
        time_in_force: TimeInForce::Fok,
        ..sell(3, 10, 9_500)
    };
    exchange.place(sale);
    assert_eq!(exchange.closed(), [(order(3), CloseReason::FillOrKill)]);
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

/// Holds R5.37, R5.38.
#[test]
fn legs_close_no_more_than_is_left_to_close() {
    let mut exchange = Exchange::new();
    let short = AccountId(500);
    exchange.open(short, AccountKind::Margin, AccountRole::Customer);
    exchange.deposit(short, dollars(100_000));
    exchange.place(by(BOB, buy(1, 6, 10_000)));
    exchange.place(by(short, sell(3, 6, 10_000)));
    exchange.place(by(short, bracket(buy(2, 10, 10_000), 11_000, 9_500)));
    exchange.place(sell(4, 5, 10_000));
    assert_eq!(
        exchange.status(PROFIT),
        Some(OrderStatus::Held),
        "the fill only reduced a short"
    );
    exchange.place(sell(5, 3, 10_000));
    assert_eq!(exchange.engine.order(PROFIT).unwrap().quantity, units(2));
    exchange.place(sell(6, 2, 10_000));
    assert_eq!(exchange.engine.order(PROFIT).unwrap().quantity, units(4));
}

/// Holds R5.38.
#[test]
fn legs_of_an_entry_that_opened_nothing_end_with_it() {
    let mut exchange = Exchange::new();
    let short = AccountId(500);
    exchange.open(short, AccountKind::Margin, AccountRole::Customer);
    exchange.deposit(short, dollars(100_000));
    exchange.place(by(BOB, buy(1, 6, 10_000)));
    exchange.place(by(short, sell(3, 6, 10_000)));
    exchange.place(by(short, bracket(buy(2, 10, 10_000), 11_000, 9_500)));
    exchange.place(sell(4, 5, 10_000));
    exchange.cancel(short, order(2));
    assert_eq!(
        exchange.closed(),
        [
            (order(2), CloseReason::ByUser),
            (PROFIT, CloseReason::ReduceOnly),
            (LOSS, CloseReason::ReduceOnly)
        ]
    );
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

/// Holds R6.18, R6.23.
#[test]
fn cancel_all_ends_active_legs_too() {
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
    let short = AccountId(500);
    exchange.open(short, AccountKind::Margin, AccountRole::Customer);
    exchange.deposit(short, dollars(100_000));
    exchange.place(by(BOB, buy(1, 4, 10_000)));
    exchange.place(by(short, sell(3, 4, 10_000)));
    exchange.place(by(short, bracket(buy(2, 10, 10_000), 11_000, 9_500)));
    exchange.place(sell(4, 4, 10_000)); // closes the short: nothing to protect
    exchange.place(sell(5, 3, 10_010));
    exchange.place(by(short, buy(6, 3, 10_010)));
    exchange.apply_ok(Command::Halt { symbol: symbol("XYZ") });
    exchange.cancel(short, order(2));
    assert_eq!(exchange.status(PROFIT), Some(OrderStatus::New));
    assert_eq!(exchange.levels(Side::Sell), []);
    exchange.apply_ok(Command::Resume { symbol: symbol("XYZ") });
    assert_eq!(exchange.levels(Side::Sell), [(11_000, 3, 1)]);
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
