//! Each check refuses with its own reason, and the first reason in the order of the rules is returned.

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

/// Holds R2.4, R3.1, R4.6, R4.7.
#[test]
fn unknown_accounts_and_symbols_are_refused() {
    let mut exchange = Exchange::with_feed();
    for account in [AccountId(555), WORLD, FEES, HOUSE_ACCOUNT] {
        assert_eq!(exchange.place_err(by(account, buy(1, 1, 100))), Refusal::UnknownAccount);
    }
    assert_eq!(
        exchange.place_err(PlaceOrder {
            symbol: symbol("NONE"),
            ..buy(1, 1, 100)
        }),
        Refusal::UnknownSymbol
    );
}

/// Holds R1.4, R1.5, R4.9, R4.10.
#[test]
fn invalid_quantities_and_limit_prices_are_refused() {
    use Refusal::*;
    let mut exchange = Exchange::new();
    let good = buy(1, 10, 10_000);
    let cases = [
        (PlaceOrder { quantity: 0, ..good }, QuantityOutOfRange),
        (
            PlaceOrder {
                quantity: MAX_QUANTITY + 1,
                ..good
            },
            QuantityOutOfRange,
        ),
        (
            PlaceOrder {
                quantity: units(1) + 1,
                ..good
            },
            QuantityNotOnLot,
        ),
        (
            PlaceOrder {
                limit_price: None,
                ..good
            },
            LimitPriceRequired,
        ),
        (
            PlaceOrder {
                limit_price: Some(-1),
                ..good
            },
            PriceOutOfRange,
        ),
        (
            PlaceOrder {
                limit_price: Some(MAX_PRICE + cents(1)),
                ..good
            },
            PriceOutOfRange,
        ),
        (
            PlaceOrder {
                limit_price: Some(cents(1) + 1),
                ..good
            },
            PriceNotOnTick,
        ),
        (
            PlaceOrder {
                kind: OrderKind::Market,
                ..good
            },
            LimitPriceNotAllowed,
        ),
    ];
    for (order, reason) in cases {
        assert_eq!(exchange.place_err(order), reason, "{order:?}");
    }
}

/// Holds R4.11, R4.12, R4.13, R4.14, R4.15, R4.16, R4.23.
#[test]
fn invalid_stops_trails_and_flags_are_refused() {
    use Refusal::*;
    let mut exchange = Exchange::new();
    let good = buy(1, 10, 10_000);
    let cases = [
        (
            PlaceOrder {
                stop_price: Some(cents(1)),
                ..good
            },
            StopPriceNotAllowed,
        ),
        (
            PlaceOrder {
                kind: OrderKind::StopLimit,
                ..good
            },
            StopPriceRequired,
        ),
        (
            PlaceOrder {
                trail: Some(Trail::Ppm(1)),
                ..good
            },
            TrailNotAllowed,
        ),
        (
            PlaceOrder {
                kind: OrderKind::TrailingStop,
                limit_price: None,
                ..good
            },
            TrailRequired,
        ),
        (
            PlaceOrder {
                kind: OrderKind::TrailingStop,
                limit_price: None,
                trail: Some(Trail::Ppm(1_000_000)),
                ..good
            },
            TrailOutOfRange,
        ),
        (
            PlaceOrder {
                display_quantity: Some(units(11)),
                ..good
            },
            DisplayQuantityNotAllowed,
        ),
        (
            PlaceOrder {
                quantity: units(1_001),
                display_quantity: Some(units(1)),
                ..good
            },
            DisplayQuantityNotAllowed,
        ),
        (
            PlaceOrder {
                post_only: true,
                time_in_force: TimeInForce::Ioc,
                ..good
            },
            PostOnlyNotAllowed,
        ),
        (
            PlaceOrder {
                time_in_force: TimeInForce::Fok,
                ..stop(1, Side::Buy, 1, 100)
            },
            TimeInForceNotAllowed,
        ),
        (
            PlaceOrder {
                time_in_force: TimeInForce::Gtd(START),
                ..good
            },
            ExpiryInThePast,
        ),
        (
            PlaceOrder {
                order: OrderId(0),
                ..good
            },
            DuplicateOrderId,
        ),
    ];
    for (order, reason) in cases {
        assert_eq!(exchange.place_err(order), reason, "{order:?}");
    }
}

/// Holds R4.23.
#[test]
fn the_id_of_an_open_order_is_refused_that_of_an_ended_one_is_not() {
    let mut exchange = Exchange::new();
    exchange.place(buy(1, 10, 10_000));
    assert_eq!(exchange.place_err(buy(1, 10, 10_000)), Refusal::DuplicateOrderId);
    exchange.cancel(ALICE, order(1));
    exchange.place(buy(1, 10, 10_000));
}

/// Holds R4.26.
#[test]
fn a_market_order_needs_a_reference_price() {
    assert_eq!(
        Exchange::new().place_err(market(1, Side::Buy, 10)),
        Refusal::NoReferencePrice
    );
}

/// Holds R4.28, R4.29.
#[test]
fn the_band_limits_only_aggressive_prices() {
    let mut exchange = Exchange::new();
    exchange.trade_at(10_000);
    assert_eq!(exchange.place_err(buy(1, 1, 12_001)), Refusal::PriceOutsideBand);
    exchange.place(buy(2, 1, 12_000));
    exchange.place(buy(3, 1, 1));
    assert_eq!(exchange.place_err(sell(4, 1, 7_999)), Refusal::PriceOutsideBand);
}

/// Holds R4.44, R4.45.
#[test]
fn a_cash_account_buys_no_more_than_its_cash_and_sells_no_more_than_it_has() {
    let mut exchange = Exchange::new();
    assert_eq!(
        exchange.place_err(buy(1, 1_001, 10_000)),
        Refusal::InsufficientBuyingPower
    );
    exchange.place(buy(2, 1_000, 10_000));
    assert_eq!(exchange.view(ALICE).buying_power, 0);
    assert_eq!(exchange.place_err(buy(3, 1, 1)), Refusal::InsufficientBuyingPower);
    assert_eq!(
        exchange.place_err(by(ALICE, sell(4, 1, 20_000))),
        Refusal::InsufficientPosition
    );
}

/// Holds R4.43.
#[test]
fn the_fee_is_reserved_too() {
    let mut exchange = Exchange::new();
    exchange.apply_ok(Command::SetFees {
        maker_ppm: -100,
        taker_ppm: 1_000,
    });
    assert_eq!(
        exchange.place_err(buy(1, 1_000, 10_000)),
        Refusal::InsufficientBuyingPower
    );
    exchange.place(buy(2, 999, 10_000));
    assert_eq!(exchange.view(ALICE).reserved, dollars(99_900) + dollars(9_990) / 100);
}

/// Holds R1.14.
#[test]
fn higher_fees_do_not_apply_to_orders_admitted_before() {
    let mut exchange = Exchange::new();
    exchange.place(buy(1, 1_000, 10_000));
    exchange.apply_ok(Command::SetFees {
        maker_ppm: 500,
        taker_ppm: 1_000,
    });
    exchange.place(by(CAROL, sell(2, 400, 10_000)));
    assert_eq!(exchange.view(ALICE).cash, dollars(60_000));
    assert_eq!(exchange.view(ALICE).reserved, dollars(60_000));
    assert_eq!(exchange.view(CAROL).cash, dollars(140_000) - dollars(40));
    // Lower fees apply to all orders.
    exchange.cancel(ALICE, order(1));
    exchange.place(buy(3, 500, 10_000));
    exchange.apply_ok(Command::SetFees {
        maker_ppm: -500,
        taker_ppm: 500,
    });
    exchange.place(by(CAROL, sell(4, 500, 10_000)));
    assert_eq!(exchange.view(ALICE).cash, dollars(10_000) + dollars(25));
    assert_eq!(exchange.view(ALICE).reserved, 0);
}

/// Holds R4.53.
#[test]
fn a_fill_and_a_cancel_release_the_reserve() {
    let mut exchange = Exchange::new();
    exchange.place(buy(1, 100, 10_000));
    exchange.place(sell(2, 40, 10_000));
    assert_eq!(exchange.view(ALICE).reserved, dollars(6_000));
    exchange.cancel(ALICE, order(1));
    assert_eq!(exchange.view(ALICE).reserved, 0);
}

/// Holds R4.46.
#[test]
fn a_margin_account_reaches_its_leverage_and_no_further() {
    let mut exchange = Exchange::new();
    exchange.trade_at(10_000);
    assert_eq!(
        exchange.place_err(sell(1, 2_001, 10_000)),
        Refusal::InsufficientBuyingPower
    );
    exchange.place(sell(2, 2_000, 10_000));
    assert_eq!(exchange.place_err(sell(3, 1, 10_000)), Refusal::InsufficientBuyingPower);
}

/// Holds R4.47.
#[test]
fn an_account_beyond_its_leverage_is_refused_with_leverage_limit() {
    let mut exchange = Exchange::new();
    exchange.deposit(BOB, dollars(1_000_000));
    exchange.place(sell(1, 1_900, 10_000));
    exchange.place(by(BOB, buy(2, 1_900, 10_000)));
    exchange.trade_at(11_000); // short 1,900 at 110: gross 209,000, equity 81,000
    assert_eq!(exchange.place_err(sell(3, 1, 11_000)), Refusal::LeverageLimit);
    exchange.place(by(CAROL, buy(4, 1, 9_000))); // reducing is always possible
}

/// Holds R4.32, R4.34, R4.35, R4.41.
#[test]
fn each_account_limit_has_its_own_reason() {
    let mut exchange = with_limits(
        ALICE,
        Limits {
            max_order_quantity: Some(units(10)),
            ..limits()
        },
    );
    assert_eq!(exchange.place_err(buy(1, 11, 100)), Refusal::OrderQuantityLimit);
    let mut exchange = with_limits(
        ALICE,
        Limits {
            max_order_notional: Some(dollars(1_000)),
            ..limits()
        },
    );
    assert_eq!(exchange.place_err(buy(1, 11, 10_000)), Refusal::OrderNotionalLimit);
    let mut exchange = with_limits(
        ALICE,
        Limits {
            max_open_orders: 1,
            ..limits()
        },
    );
    exchange.place(buy(1, 1, 100));
    assert_eq!(exchange.place_err(buy(2, 1, 100)), Refusal::TooManyOpenOrders);
    let mut exchange = with_limits(
        ALICE,
        Limits {
            max_position: Some(units(10)),
            ..limits()
        },
    );
    exchange.place(buy(1, 6, 100));
    assert_eq!(exchange.place_err(buy(2, 5, 100)), Refusal::PositionLimit);
}

/// Holds R4.39, R8.10.
#[test]
fn after_the_daily_loss_only_reducing_orders_are_admitted() {
    let mut exchange = with_limits(
        ALICE,
        Limits {
            max_daily_loss: Some(dollars(100)),
            ..limits()
        },
    );
    exchange.place(sell(1, 100, 10_000));
    exchange.place(buy(2, 100, 10_000));
    exchange.trade_at(9_900);
    assert_eq!(exchange.place_err(buy(3, 1, 9_900)), Refusal::DailyLossLimit);
    exchange.place(by(ALICE, sell(4, 100, 9_950)));
    exchange.apply_ok(Command::SetSession {
        session: 1,
        closes_at: None,
    }); // a new session sets a new baseline
    exchange.place(buy(5, 1, 9_900));
}

/// Holds R4.36, R4.37.
#[test]
fn a_reduce_only_order_does_not_increase_a_position() {
    let mut exchange = Exchange::new();
    let reducing = |number, quantity| PlaceOrder {
        reduce_only: true,
        ..sell(number, quantity, 10_100)
    };
    assert_eq!(exchange.place_err(reducing(1, 1)), Refusal::ReduceOnlyWouldIncrease);
    exchange.place(sell(2, 10, 10_000));
    exchange.place(buy(3, 10, 10_000));
    assert_eq!(
        exchange.place_err(by(ALICE, reducing(4, 11))),
        Refusal::ReduceOnlyWouldIncrease
    );
    exchange.place(by(ALICE, reducing(5, 6)));
    assert_eq!(
        exchange.place_err(by(ALICE, reducing(6, 5))),
        Refusal::ReduceOnlyWouldIncrease
    );
}

/// Holds R3.2, R3.3, R3.8, R3.9, R4.38, R6.22.
#[test]
fn account_states_are_enforced() {
    let mut exchange = Exchange::new();
    exchange.place(buy(1, 1, 100));
    let set = |exchange: &mut Exchange, state| exchange.apply(Command::SetAccountState { account: ALICE, state });
    assert_eq!(
        set(&mut exchange, AccountState::Closed),
        Outcome::Refused(Refusal::AccountNotFlat)
    );
    set(&mut exchange, AccountState::ReduceOnly);
    assert_eq!(exchange.place_err(buy(2, 1, 100)), Refusal::AccountReduceOnly);
    set(&mut exchange, AccountState::Suspended);
    assert_eq!(exchange.place_err(buy(2, 1, 100)), Refusal::AccountSuspended);
    assert_eq!(exchange.status(order(1)), None);
    set(&mut exchange, AccountState::Closed);
    assert_eq!(exchange.place_err(buy(2, 1, 100)), Refusal::AccountClosed);
}

/// Holds R4.24, R4.25.
#[test]
fn a_halt_and_a_closed_market_refuse_orders() {
    let mut exchange = Exchange::new();
    exchange.apply_ok(Command::Halt { symbol: symbol("XYZ") });
    assert_eq!(exchange.place_err(buy(1, 1, 100)), Refusal::InstrumentHalted);
    exchange.apply_ok(Command::Resume { symbol: symbol("XYZ") });
    let closes_at = Some(exchange.now + SECOND);
    exchange.apply_ok(Command::SetSession { session: 1, closes_at });
    exchange.now += SECOND;
    assert_eq!(exchange.place_err(buy(1, 1, 100)), Refusal::MarketClosed);
}

#[test]
fn check_admits_the_largest_order_and_refuses_one_lot_more() {
    let mut exchange = Exchange::new();
    exchange.apply_ok(Command::SetFees {
        maker_ppm: 0,
        taker_ppm: 250,
    });
    let now = exchange.now;
    for order in [buy(1, 1, 10_037), sell(2, 1, 9_963)] {
        let largest = exchange.engine.max_order_size(now, &order).unwrap();
        assert!(largest > 0);
        assert!(exchange
            .engine
            .check(
                now,
                &PlaceOrder {
                    quantity: largest,
                    ..order
                }
            )
            .is_ok());
        let more = exchange.engine.check(
            now,
            &PlaceOrder {
                quantity: largest + units(1),
                ..order
            },
        );
        assert_eq!(more, Err(Refusal::InsufficientBuyingPower));
    }
    assert_eq!(exchange.engine.max_order_size(now, &by(ALICE, sell(3, 1, 100))), Ok(0));
    assert_eq!(
        exchange.engine.max_order_size(now, &market(4, Side::Buy, 1)),
        Err(Refusal::NoReferencePrice)
    );
}
