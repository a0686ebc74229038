//! Checks of a new order that concern its legs, its reserve and its acceptance.

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

fn both_legs(profit: i64, loss: i64) -> Legs {
    Legs {
        take_profit: Some(take_profit(profit)),
        stop_loss: Some(stop_loss(loss)),
    }
}

fn bracket(entry: PlaceOrder, legs: Legs) -> PlaceOrder {
    PlaceOrder {
        class: OrderClass::Bracket(legs),
        ..entry
    }
}

fn oco(order: PlaceOrder, stop_loss: StopLoss) -> PlaceOrder {
    PlaceOrder {
        class: OrderClass::Oco(stop_loss),
        ..order
    }
}

fn accepted(exchange: &Exchange) -> Vec<Accepted> {
    let accepted = |event: &Event| match *event {
        Event::OrderAccepted(accepted) => Some(accepted),
        _ => None,
    };
    exchange.events.iter().filter_map(accepted).collect()
}

/// Alice holds 10 units, bought at 100.00.
fn exchange_with_position() -> Exchange {
    let mut exchange = Exchange::new();
    exchange.place(sell(1, 10, 10_000));
    exchange.place(buy(2, 10, 10_000));
    exchange
}

/// Holds R4.5.
#[test]
fn an_idempotency_conflict_is_not_stored() {
    let mut exchange = Exchange::new();
    let keyed = |number, body| PlaceOrder {
        request: Some(Request { key: 7, body }),
        ..buy(number, 1, 10_000)
    };
    exchange.place(keyed(1, 1));
    assert_eq!(exchange.place_err(keyed(2, 2)), Refusal::IdempotencyConflict);
    let again = exchange.apply(Command::PlaceOrder(keyed(3, 1)));
    assert!(matches!(again, Outcome::Repeated { first } if first.refusal.is_none()));
}

/// Holds R4.8.
#[test]
fn an_account_in_another_currency_is_refused() {
    let mut exchange = Exchange::new();
    exchange.apply_ok(Command::OpenAccount {
        account: AccountId(500),
        kind: AccountKind::Cash,
        role: AccountRole::Customer,
        currency: currency("EUR"),
    });
    let order = by(AccountId(500), buy(1, 1, 10_000));
    assert_eq!(exchange.place_err(order), Refusal::CurrencyMismatch);
}

/// Holds R4.17.
#[test]
fn an_invalid_entry_is_refused() {
    let mut exchange = Exchange::new();
    exchange.trade_at(10_000);
    let legs = both_legs(11_000, 9_500);
    let one_leg = Legs {
        stop_loss: None,
        ..legs
    };
    let entry = buy(1, 10, 10_000);
    let oto = PlaceOrder {
        class: OrderClass::Oto(legs),
        ..entry
    };
    let trailing = PlaceOrder {
        kind: OrderKind::TrailingStop,
        limit_price: None,
        trail: Some(Trail::Amount(cents(10))),
        ..entry
    };
    let reduce_only = PlaceOrder {
        reduce_only: true,
        ..entry
    };
    let immediate = PlaceOrder {
        time_in_force: TimeInForce::Ioc,
        ..entry
    };
    let invalid = [
        bracket(entry, one_leg),
        oto,
        bracket(trailing, legs),
        bracket(reduce_only, legs),
        bracket(immediate, legs),
    ];
    for order in invalid {
        assert_eq!(exchange.place_err(order), Refusal::InvalidLegs, "{order:?}");
    }
    let immediate_market = PlaceOrder {
        time_in_force: TimeInForce::Ioc,
        ..market(1, Side::Buy, 10)
    };
    exchange.place(bracket(immediate_market, legs));
}

/// Holds R4.18, R4.21.
#[test]
fn an_invalid_oco_is_refused() {
    let mut exchange = exchange_with_position();
    let valid = by(ALICE, sell(3, 10, 11_000));
    let stop = PlaceOrder {
        kind: OrderKind::Stop,
        limit_price: None,
        stop_price: Some(cents(9_000)),
        ..valid
    };
    let immediate = PlaceOrder {
        time_in_force: TimeInForce::Ioc,
        ..valid
    };
    let post_only = PlaceOrder {
        post_only: true,
        ..valid
    };
    let iceberg = PlaceOrder {
        display_quantity: Some(units(5)),
        ..valid
    };
    for order in [stop, immediate, post_only, iceberg] {
        assert_eq!(exchange.place_err(oco(order, stop_loss(9_500))), Refusal::InvalidLegs);
    }
    assert_eq!(exchange.place_err(oco(valid, stop_loss(11_000))), Refusal::InvalidLegs);
    let buy_oco = |stop| oco(by(CAROL, buy(4, 10, 9_000)), stop_loss(stop));
    assert_eq!(exchange.place_err(buy_oco(9_000)), Refusal::InvalidLegs);
    exchange.place(buy_oco(10_500));
    exchange.cancel(CAROL, order(4));
    exchange.place(oco(valid, stop_loss(9_500)));
}

/// Holds R4.19, R4.22.
#[test]
fn invalid_leg_prices_and_ids_are_refused() {
    let mut exchange = Exchange::new();
    let entry = buy(1, 10, 10_000);
    let with = |take_profit, stop_loss| Legs {
        take_profit: Some(take_profit),
        stop_loss: Some(stop_loss),
    };
    let (profit, loss) = (take_profit(11_000), stop_loss(9_500));
    let no_price = TakeProfit {
        limit_price: 0,
        ..profit
    };
    let off_tick = StopLoss {
        stop_price: cents(9_500) + 1,
        ..loss
    };
    let limit_out_of_range = StopLoss {
        limit_price: Some(MAX_PRICE + cents(1)),
        ..loss
    };
    let same_id = StopLoss { order: PROFIT, ..loss };
    let id_of_entry = TakeProfit {
        order: order(1),
        ..profit
    };
    let cases = [
        (with(no_price, off_tick), Refusal::PriceOutOfRange),
        (with(profit, off_tick), Refusal::PriceNotOnTick),
        (with(profit, limit_out_of_range), Refusal::PriceOutOfRange),
        (with(profit, same_id), Refusal::InvalidLegs),
        (with(id_of_entry, loss), Refusal::InvalidLegs),
    ];
    for (legs, reason) in cases {
        assert_eq!(exchange.place_err(bracket(entry, legs)), reason, "{legs:?}");
    }
}

/// Holds R4.42.
#[test]
fn the_reserve_price_depends_on_kind_and_side() {
    let mut exchange = Exchange::new();
    exchange.trade_at(10_000);
    let stop_limit = PlaceOrder {
        kind: OrderKind::StopLimit,
        limit_price: Some(cents(10_200)),
        ..stop(1, Side::Buy, 1, 10_100)
    };
    let cases = [
        (buy(1, 1, 9_900), 9_900),
        (stop_limit, 10_200),
        (market(1, Side::Buy, 1), 10_500),
        (market(1, Side::Sell, 1), 10_000),
        (stop(1, Side::Buy, 1, 10_101), 10_607), // 106.0605, rounded up
        (stop(1, Side::Sell, 1, 9_900), 10_000), // a sale never counts below the mark
    ];
    for (order, price) in cases {
        let view = exchange.engine.check(exchange.now, &by(CAROL, order)).unwrap();
        assert_eq!(view.reserve_price, cents(price), "{order:?}");
    }
}

/// Holds R4.49, R4.50, R5.44, R5.46.
#[test]
fn legs_are_accepted_after_their_entry_take_profit_first() {
    let mut exchange = Exchange::new();
    exchange.trade_at(10_000);
    let mode = SelfTradePrevention::CancelBoth;
    exchange.place(sell(3, 10, 10_001));
    let entry = PlaceOrder {
        time_in_force: TimeInForce::Fok,
        self_trade_prevention: mode,
        ..market(4, Side::Buy, 10)
    };
    exchange.place(bracket(entry, both_legs(11_000, 9_500)));
    let all = accepted(&exchange);
    let statuses: Vec<_> = all.iter().map(|order| (order.order, order.status)).collect();
    assert_eq!(
        statuses,
        [
            (order(4), OrderStatus::New),
            (PROFIT, OrderStatus::Held),
            (LOSS, OrderStatus::Held)
        ]
    );
    for leg in &all[1..] {
        assert_eq!((leg.parent, leg.quantity), (Some(order(4)), units(10)));
        assert_eq!((leg.time_in_force, leg.self_trade_prevention), (TimeInForce::Gtc, mode));
        assert!(leg.reduce_only);
    }
}

/// Holds R4.50, R5.45.
#[test]
fn both_orders_of_an_oco_reduce_on_the_same_side() {
    let mut exchange = exchange_with_position();
    exchange.place(oco(by(ALICE, sell(3, 10, 11_000)), stop_loss(9_500)));
    let all: Vec<_> = accepted(&exchange)
        .iter()
        .map(|order| (order.order, order.side, order.reduce_only, order.status))
        .collect();
    assert_eq!(
        all,
        [
            (order(3), Side::Sell, true, OrderStatus::New),
            (LOSS, Side::Sell, true, OrderStatus::Pending)
        ]
    );
}

/// Holds R5.33.
#[test]
fn an_oco_whose_stop_condition_holds_cancels_its_take_profit_without_a_pass() {
    let mut exchange = exchange_with_position();
    exchange.place(by(BOB, buy(5, 10, 9_900)));
    exchange.place(oco(by(ALICE, sell(3, 10, 11_000)), stop_loss(10_100)));
    assert_eq!(exchange.activated(), [(LOSS, OrderStatus::New)]);
    assert_eq!(exchange.closed(), [(order(3), CloseReason::SiblingDone)]);
    assert_eq!(exchange.trades(), [(9_900, 10, order(5), LOSS)]);
}

/// Holds R4.54.
#[test]
fn legs_reserve_nothing_and_become_active_without_a_check() {
    let mut exchange = Exchange::new();
    exchange.place(bracket(buy(1, 10, 10_000), both_legs(11_000, 9_500)));
    assert_eq!(exchange.view(ALICE).reserved, dollars(1_000));
    let limits = exchange.view(ALICE).limits;
    exchange.apply_ok(Command::SetLimits {
        account: ALICE,
        limits: Limits {
            max_order_quantity: Some(1),
            ..limits
        },
    });
    exchange.place(sell(2, 10, 10_000));
    assert_eq!(
        exchange.activated(),
        [(PROFIT, OrderStatus::New), (LOSS, OrderStatus::Pending)]
    );
    assert_eq!(exchange.view(ALICE).reserved, 0);
}

/// Holds R5.43.
#[test]
fn a_held_leg_can_be_cancelled_alone() {
    let mut exchange = Exchange::new();
    exchange.place(bracket(buy(1, 10, 10_000), both_legs(11_000, 9_500)));
    exchange.cancel(ALICE, PROFIT);
    assert_eq!(exchange.closed(), [(PROFIT, CloseReason::ByUser)]);
    assert_eq!(exchange.status(LOSS), Some(OrderStatus::Held));
}

/// Holds R8.6.
#[test]
fn a_good_till_date_entry_expires_with_its_held_legs() {
    let mut exchange = Exchange::new();
    let entry = PlaceOrder {
        time_in_force: TimeInForce::Gtd(exchange.now + SECOND),
        ..buy(1, 10, 10_000)
    };
    exchange.place(bracket(entry, both_legs(11_000, 9_500)));
    exchange.now += SECOND;
    exchange.apply_ok(Command::AdvanceTime);
    assert_eq!(
        exchange.closed(),
        [
            (order(1), CloseReason::TimeReached),
            (PROFIT, CloseReason::TimeReached),
            (LOSS, CloseReason::TimeReached)
        ]
    );
}
