//! Price, then time, at the resting order's price.

mod support;
use cift_engine::*;
use support::*;

#[test]
fn the_best_price_trades_first_then_the_oldest() {
    let mut exchange = Exchange::new();
    exchange.place(sell(1, 10, 10_001));
    exchange.place(sell(2, 10, 10_000));
    exchange.place(sell(3, 10, 10_000));
    let taken = exchange.place(buy(4, 25, 10_001));
    assert_eq!(
        exchange.trades(),
        [
            (10_000, 10, order(2), order(4)),
            (10_000, 10, order(3), order(4)),
            (10_001, 5, order(1), order(4))
        ]
    );
    assert_eq!(taken.status, OrderStatus::Filled);
    assert_eq!(exchange.levels(Side::Sell), [(10_001, 5, 1)]);
}

#[test]
fn the_rest_of_a_limit_order_joins_the_book() {
    let mut exchange = Exchange::new();
    exchange.place(sell(1, 10, 10_000));
    let rest = exchange.place(buy(2, 30, 10_005));
    assert_eq!((rest.status, rest.filled), (OrderStatus::PartiallyFilled, units(10)));
    assert_eq!(exchange.levels(Side::Buy), [(10_005, 20, 1)]);
}

#[test]
fn a_market_order_stops_at_its_collar() {
    let mut exchange = Exchange::new();
    exchange.print(10_000);
    exchange.place(sell(1, 10, 10_400));
    exchange.place(sell(2, 10, 10_501)); // beyond 5 %
    let taken = exchange.place(market(3, Side::Buy, 20));
    assert_eq!(exchange.trades(), [(10_400, 10, order(1), order(3))]);
    assert_eq!(
        (taken.status, taken.reason),
        (OrderStatus::Canceled, Some(CloseReason::Collar))
    );
}

#[test]
fn a_market_order_without_anybody_is_cancelled() {
    let mut exchange = Exchange::new();
    exchange.print(10_000);
    let taken = exchange.place(market(1, Side::Buy, 20));
    assert_eq!(
        (taken.status, taken.reason),
        (OrderStatus::Canceled, Some(CloseReason::NoLiquidity))
    );
}

#[test]
fn the_rest_of_an_immediate_order_is_cancelled() {
    let mut exchange = Exchange::new();
    exchange.place(sell(1, 10, 10_000));
    let taken = exchange.place(PlaceOrder {
        time_in_force: TimeInForce::Ioc,
        ..buy(2, 15, 10_000)
    });
    assert_eq!(
        (taken.filled, taken.reason),
        (units(10), Some(CloseReason::ImmediateOrCancel))
    );
    assert_eq!(exchange.levels(Side::Buy), []);
}

#[test]
fn fill_or_kill_trades_whole_or_not_at_all() {
    let mut exchange = Exchange::new();
    exchange.place(sell(1, 10, 10_000));
    exchange.place(sell(2, 10, 10_010));
    let fok = |number, quantity, price| PlaceOrder {
        time_in_force: TimeInForce::Fok,
        ..buy(number, quantity, price)
    };
    let killed = exchange.place(fok(3, 20, 10_009));
    assert_eq!((killed.filled, killed.reason), (0, Some(CloseReason::FillOrKill)));
    let filled = exchange.place(fok(4, 20, 10_010));
    assert_eq!(filled.status, OrderStatus::Filled);
}

#[test]
fn fill_or_kill_counts_what_is_hidden() {
    let mut exchange = Exchange::new();
    exchange.place(PlaceOrder {
        display_quantity: Some(units(1)),
        ..sell(1, 10, 10_000)
    });
    let filled = exchange.place(PlaceOrder {
        time_in_force: TimeInForce::Fok,
        ..buy(2, 10, 10_000)
    });
    assert_eq!(filled.status, OrderStatus::Filled);
}

#[test]
fn fill_or_kill_does_not_count_own_orders() {
    let mut exchange = Exchange::new();
    exchange.place(by(CAROL, buy(1, 10, 10_000)));
    let mode = SelfTradePrevention::CancelOldest;
    let fok = PlaceOrder {
        time_in_force: TimeInForce::Fok,
        self_trade_prevention: mode,
        ..sell(2, 10, 10_000)
    };
    assert_eq!(exchange.place(fok).reason, Some(CloseReason::FillOrKill));
    assert_eq!(exchange.status(order(1)), Some(OrderStatus::New));
}

#[test]
fn fill_or_kill_does_not_count_what_a_reduce_only_order_may_lose() {
    let dave = account(104);
    let mut exchange = Exchange::new();
    exchange.open(dave, AccountKind::Margin, AccountRole::Customer);
    exchange.deposit(dave, dollars(100_000));
    exchange.place(by(CAROL, buy(1, 10, 10_000)));
    exchange.place(by(dave, sell(2, 10, 10_000)));
    let reducing = PlaceOrder {
        reduce_only: true,
        ..by(CAROL, sell(3, 10, 10_010))
    };
    exchange.place(reducing);
    let fok = |number, quantity| PlaceOrder {
        time_in_force: TimeInForce::Fok,
        ..buy(number, quantity, 10_010)
    };
    // Ahead of it, one that would sell all that it could reduce.
    exchange.place(by(CAROL, sell(4, 10, 10_005)));
    let killed = exchange.place(fok(5, 15));
    assert_eq!((killed.filled, killed.reason), (0, Some(CloseReason::FillOrKill)));
    assert_eq!(exchange.status(order(3)), Some(OrderStatus::New));
    // Alone it can lose nothing.
    exchange.cancel(CAROL, order(4));
    assert_eq!(exchange.place(fok(6, 10)).status, OrderStatus::Filled);
}

#[test]
fn fill_or_kill_counts_a_house_up_to_its_bound() {
    const LARGEST: i64 = 1_000_000_000;
    let dave = account(104);
    let mut exchange = Exchange::with_feed();
    exchange.open(dave, AccountKind::Margin, AccountRole::Customer);
    exchange.deposit(dave, dollars(1_000_000_000));
    let taking = |number, quantity| PlaceOrder {
        time_in_force: TimeInForce::Fok,
        ..by(dave, sell(number, quantity, 1))
    };
    for (number, lots) in [(1, LARGEST), (2, LARGEST), (3, LARGEST), (4, LARGEST - 3)] {
        exchange.quote(number as u64, (1, LARGEST), (0, 0));
        assert_eq!(exchange.place(taking(number, lots)).status, OrderStatus::Filled);
    }
    exchange.quote(5, (1, 10), (0, 0));
    let few = |number, quantity| PlaceOrder {
        account: CAROL,
        ..taking(number, quantity)
    };
    let killed = exchange.place(few(5, 4));
    assert_eq!((killed.filled, killed.reason), (0, Some(CloseReason::FillOrKill)));
    assert_eq!(exchange.place(few(6, 3)).status, OrderStatus::Filled);
    assert_eq!(exchange.position(HOUSE), 4 * LARGEST);
}

#[test]
fn an_iceberg_shows_a_part_and_goes_to_the_end_with_each_refill() {
    let mut exchange = Exchange::new();
    exchange.place(PlaceOrder {
        display_quantity: Some(units(4)),
        ..sell(1, 10, 10_000)
    });
    exchange.place(sell(2, 5, 10_000));
    assert_eq!(exchange.levels(Side::Sell), [(10_000, 9, 2)]);
    exchange.place(buy(3, 11, 10_000));
    assert_eq!(
        exchange.trades(),
        [
            (10_000, 4, order(1), order(3)),
            (10_000, 5, order(2), order(3)),
            (10_000, 2, order(1), order(3))
        ]
    );
    assert_eq!(exchange.levels(Side::Sell), [(10_000, 2, 1)]);
}

#[test]
fn post_only_never_takes() {
    let mut exchange = Exchange::new();
    exchange.place(sell(1, 10, 10_000));
    let crossing = PlaceOrder {
        post_only: true,
        ..buy(2, 10, 10_000)
    };
    assert_eq!(exchange.refuse(crossing), Refusal::PostOnlyWouldCross);
    exchange.place(PlaceOrder {
        post_only: true,
        ..buy(3, 10, 9_999)
    });
    assert_eq!(exchange.levels(Side::Buy), [(9_999, 10, 1)]);
}

/// Carol's bid, a stranger's behind it, and Carol's sell with a mode.
fn self_trade(mode: SelfTradePrevention) -> (Exchange, OrderSummary) {
    let mut exchange = Exchange::new();
    exchange.place(by(CAROL, buy(1, 10, 10_000)));
    exchange.place(buy(2, 10, 9_999));
    let taker = exchange.place(PlaceOrder {
        self_trade_prevention: mode,
        ..sell(3, 15, 9_999)
    });
    (exchange, taker)
}

#[test]
fn self_trade_cancel_newest_cancels_the_taker() {
    let (exchange, taker) = self_trade(SelfTradePrevention::CancelNewest);
    assert_eq!((taker.filled, taker.reason), (0, Some(CloseReason::SelfTrade)));
    assert_eq!(exchange.levels(Side::Buy), [(10_000, 10, 1), (9_999, 10, 1)]);
}

#[test]
fn self_trade_cancel_oldest_cancels_the_resting_order_and_goes_on() {
    let (exchange, taker) = self_trade(SelfTradePrevention::CancelOldest);
    assert_eq!(exchange.trades(), [(9_999, 10, order(2), order(3))]);
    assert_eq!(exchange.closed(), [(order(1), CloseReason::SelfTrade)]);
    assert_eq!(taker.status, OrderStatus::PartiallyFilled);
}

#[test]
fn self_trade_cancel_both_cancels_the_resting_order_then_the_taker() {
    let (exchange, _) = self_trade(SelfTradePrevention::CancelBoth);
    assert_eq!(
        exchange.closed(),
        [(order(1), CloseReason::SelfTrade), (order(3), CloseReason::SelfTrade)]
    );
    assert_eq!(exchange.levels(Side::Buy), [(9_999, 10, 1)]);
}

#[test]
fn self_trade_none_lets_them_trade() {
    let (exchange, _) = self_trade(SelfTradePrevention::None);
    assert_eq!(
        exchange.trades(),
        [(10_000, 10, order(1), order(3)), (9_999, 5, order(2), order(3))]
    );
}

#[test]
fn levels_are_told_last_and_once_each() {
    let mut exchange = Exchange::new();
    exchange.place(sell(1, 10, 10_000));
    exchange.place(sell(2, 10, 10_000));
    exchange.place(buy(3, 30, 10_000));
    let levels: Vec<_> = exchange
        .events
        .iter()
        .filter(|event| matches!(event, Event::LevelChanged { .. }))
        .collect();
    assert_eq!(levels.len(), 2);
    let last = exchange.events.len() - 2;
    assert!(exchange.events[last..]
        .iter()
        .all(|event| matches!(event, Event::LevelChanged { .. })));
    assert!(matches!(
        levels[0],
        Event::LevelChanged {
            side: Side::Sell,
            quantity: 0,
            orders: 0,
            ..
        }
    ));
    assert!(matches!(
        levels[1],
        Event::LevelChanged {
            side: Side::Buy,
            orders: 1,
            ..
        }
    ));
}

#[test]
fn prices_far_apart_keep_their_order() {
    let mut exchange = Exchange::new();
    for (number, price) in [(1, 900_000), (2, 5_000), (3, 40_000), (4, 5_513), (5, 4_000_000)] {
        exchange.place(sell(number, 1, price));
    }
    let prices: Vec<i64> = exchange.levels(Side::Sell).iter().map(|level| level.0).collect();
    assert_eq!(prices, [5_000, 5_513, 40_000, 900_000, 4_000_000]);
    exchange.cancel(CAROL, order(2));
    exchange.cancel(CAROL, order(4));
    assert_eq!(exchange.levels(Side::Sell)[0].0, 40_000);
}
