//! Matching by price, then time, at the resting order's price.

mod support;
use cift_engine::*;
use support::*;

/// Holds R5.1, R5.2.
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

/// Holds R5.3, R5.8.
#[test]
fn the_remainder_of_a_limit_order_rests_in_the_book() {
    let mut exchange = Exchange::new();
    exchange.place(sell(1, 10, 10_000));
    let rest = exchange.place(buy(2, 30, 10_005));
    assert_eq!((rest.status, rest.filled), (OrderStatus::PartiallyFilled, units(10)));
    assert_eq!(exchange.levels(Side::Buy), [(10_005, 20, 1)]);
}

/// Holds R5.4, R5.6.
#[test]
fn a_market_order_stops_at_its_collar() {
    let mut exchange = Exchange::new();
    exchange.trade_at(10_000);
    exchange.place(sell(1, 10, 10_400));
    exchange.place(sell(2, 10, 10_501)); // beyond 5 %
    let taken = exchange.place(market(3, Side::Buy, 20));
    assert_eq!(exchange.trades(), [(10_400, 10, order(1), order(3))]);
    assert_eq!(
        (taken.status, taken.reason),
        (OrderStatus::Canceled, Some(CloseReason::Collar))
    );
}

/// Holds R5.6.
#[test]
fn a_market_order_without_an_opposite_order_is_cancelled() {
    let mut exchange = Exchange::new();
    exchange.trade_at(10_000);
    let taken = exchange.place(market(1, Side::Buy, 20));
    assert_eq!(
        (taken.status, taken.reason),
        (OrderStatus::Canceled, Some(CloseReason::NoLiquidity))
    );
}

/// Holds R5.7.
#[test]
fn the_remainder_of_an_immediate_order_is_cancelled() {
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

/// Holds R5.9.
#[test]
fn fill_or_kill_trades_all_or_nothing() {
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

/// Holds R5.47.
#[test]
fn fill_or_kill_examines_a_thousand_entries_at_most() {
    for (entries, status) in [(1_000, OrderStatus::Filled), (1_001, OrderStatus::Canceled)] {
        let mut exchange = Exchange::new();
        exchange.apply_ok(Command::SetLimits {
            account: CAROL,
            limits: Limits {
                max_order_quantity: None,
                max_order_notional: None,
                max_position: None,
                max_open_orders: 10_000,
                max_orders_per_second: 1_000_000,
                max_daily_loss: None,
                leverage_percent: 200,
            },
        });
        for number in 0..entries {
            exchange.place(sell(100 + number, 1, 100));
        }
        let placed = exchange.place(PlaceOrder {
            time_in_force: TimeInForce::Fok,
            ..buy(1, entries as i64, 100)
        });
        assert_eq!(placed.status, status, "{entries}");
    }
}

/// Holds R5.10.
#[test]
fn fill_or_kill_counts_hidden_quantity() {
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

/// Holds R5.11.
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

/// Holds R5.12.
#[test]
fn fill_or_kill_does_not_count_reduce_only_orders_that_may_be_cancelled() {
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
    // Before it in the book: an order that would sell everything that it could reduce.
    exchange.place(by(CAROL, sell(4, 10, 10_005)));
    let killed = exchange.place(fok(5, 15));
    assert_eq!((killed.filled, killed.reason), (0, Some(CloseReason::FillOrKill)));
    assert_eq!(exchange.status(order(3)), Some(OrderStatus::New));
    // Alone it cannot be cancelled.
    exchange.cancel(CAROL, order(4));
    assert_eq!(exchange.place(fok(6, 10)).status, OrderStatus::Filled);
}

/// A house account that can buy three more units within `MAX_POSITION`, and quotes a bid for ten.
fn exchange_with_house_account_near_its_bound() -> Exchange {
    const LARGEST: i64 = 1_000_000_000;
    let dave = account(104);
    let mut exchange = Exchange::with_feed();
    exchange.open(dave, AccountKind::Margin, AccountRole::Customer);
    exchange.deposit(dave, dollars(1_000_000_000));
    for (number, lots) in [(1, LARGEST), (2, LARGEST), (3, LARGEST), (4, LARGEST - 3)] {
        exchange.quote(number as u64, (1, LARGEST), (0, 0));
        let sold = exchange.place(by(dave, fill_or_kill(sell(number, lots, 1))));
        assert_eq!(sold.status, OrderStatus::Filled);
    }
    exchange.quote(5, (1, 10), (0, 0));
    assert_eq!(exchange.position(HOUSE_ACCOUNT), 4 * LARGEST - 3);
    exchange
}

fn fill_or_kill(order: PlaceOrder) -> PlaceOrder {
    PlaceOrder {
        time_in_force: TimeInForce::Fok,
        ..order
    }
}

/// Holds R5.13.
#[test]
fn fill_or_kill_counts_a_house_account_up_to_its_bound() {
    let mut exchange = exchange_with_house_account_near_its_bound();
    let killed = exchange.place(fill_or_kill(sell(5, 4, 1)));
    assert_eq!((killed.filled, killed.reason), (0, Some(CloseReason::FillOrKill)));
    assert_eq!(exchange.place(fill_or_kill(sell(6, 3, 1))).status, OrderStatus::Filled);
}

/// Holds R7.33.
#[test]
fn a_quote_of_a_house_account_at_its_bound_is_cut_and_withdrawn() {
    let mut exchange = exchange_with_house_account_near_its_bound();
    let sold = exchange.place(sell(5, 5, 1));
    assert_eq!(sold.filled, units(3));
    assert_eq!(exchange.position(HOUSE_ACCOUNT), MAX_POSITION / NANOS);
    assert_eq!(exchange.levels(Side::Buy), []);
}

/// Holds R5.14.
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

/// Holds R4.48.
#[test]
fn a_post_only_order_never_takes() {
    let mut exchange = Exchange::new();
    exchange.place(sell(1, 10, 10_000));
    let crossing = PlaceOrder {
        post_only: true,
        ..buy(2, 10, 10_000)
    };
    assert_eq!(exchange.place_err(crossing), Refusal::PostOnlyWouldCross);
    exchange.place(PlaceOrder {
        post_only: true,
        ..buy(3, 10, 9_999)
    });
    assert_eq!(exchange.levels(Side::Buy), [(9_999, 10, 1)]);
}

/// Carol's bid, Alice's bid at a lower price, and a sell of Carol with the given mode.
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

/// Holds R5.16.
#[test]
fn self_trade_cancel_newest_cancels_the_taker() {
    let (exchange, taker) = self_trade(SelfTradePrevention::CancelNewest);
    assert_eq!((taker.filled, taker.reason), (0, Some(CloseReason::SelfTrade)));
    assert_eq!(exchange.levels(Side::Buy), [(10_000, 10, 1), (9_999, 10, 1)]);
}

/// Holds R5.17.
#[test]
fn self_trade_cancel_oldest_cancels_the_resting_order_and_continues() {
    let (exchange, taker) = self_trade(SelfTradePrevention::CancelOldest);
    assert_eq!(exchange.trades(), [(9_999, 10, order(2), order(3))]);
    assert_eq!(exchange.closed(), [(order(1), CloseReason::SelfTrade)]);
    assert_eq!(taker.status, OrderStatus::PartiallyFilled);
}

/// Holds R5.18.
#[test]
fn self_trade_cancel_both_cancels_the_resting_order_then_the_taker() {
    let (exchange, _) = self_trade(SelfTradePrevention::CancelBoth);
    assert_eq!(
        exchange.closed(),
        [(order(1), CloseReason::SelfTrade), (order(3), CloseReason::SelfTrade)]
    );
    assert_eq!(exchange.levels(Side::Buy), [(9_999, 10, 1)]);
}

/// Holds R5.19.
#[test]
fn self_trade_none_allows_the_trade() {
    let (exchange, _) = self_trade(SelfTradePrevention::None);
    assert_eq!(
        exchange.trades(),
        [(10_000, 10, order(1), order(3)), (9_999, 5, order(2), order(3))]
    );
}

/// Holds R10.7.
#[test]
fn level_changes_come_last_and_once_per_level() {
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

/// Holds R5.1.
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

/// Holds R5.15.
#[test]
fn an_iceberg_takes_its_full_quantity_and_rests_with_its_display() {
    let mut exchange = Exchange::new();
    exchange.place(sell(1, 5, 10_000));
    let taken = exchange.place(PlaceOrder {
        display_quantity: Some(units(4)),
        ..buy(2, 12, 10_000)
    });
    assert_eq!(taken.filled, units(5));
    assert_eq!(exchange.levels(Side::Buy), [(10_000, 4, 1)]);
}
