//! Every refusal has its name, and the first in the order of the rules is given.

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
    exchange.done(Command::SetLimits { account, limits });
    exchange
}

#[test]
fn unknown_accounts_and_symbols_are_named() {
    let mut exchange = Exchange::with_feed();
    for nobody in [AccountId(555), WORLD, FEES, HOUSE] {
        assert_eq!(exchange.refuse(by(nobody, buy(1, 1, 100))), Refusal::UnknownAccount);
    }
    assert_eq!(
        exchange.refuse(PlaceOrder {
            symbol: symbol("NONE"),
            ..buy(1, 1, 100)
        }),
        Refusal::UnknownSymbol
    );
}

#[test]
fn shapes_are_named() {
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
        assert_eq!(exchange.refuse(order), reason, "{order:?}");
    }
}

#[test]
fn a_live_id_may_not_come_twice_an_ended_one_may() {
    let mut exchange = Exchange::new();
    exchange.place(buy(1, 10, 10_000));
    assert_eq!(exchange.refuse(buy(1, 10, 10_000)), Refusal::DuplicateOrderId);
    exchange.cancel(ALICE, order(1));
    exchange.place(buy(1, 10, 10_000));
}

#[test]
fn a_market_order_needs_a_reference_price() {
    assert_eq!(
        Exchange::new().refuse(market(1, Side::Buy, 10)),
        Refusal::NoReferencePrice
    );
}

#[test]
fn the_band_holds_aggressive_prices_only() {
    let mut exchange = Exchange::new();
    exchange.print(10_000);
    assert_eq!(exchange.refuse(buy(1, 1, 12_001)), Refusal::PriceOutsideBand);
    exchange.place(buy(2, 1, 12_000));
    exchange.place(buy(3, 1, 1));
    assert_eq!(exchange.refuse(sell(4, 1, 7_999)), Refusal::PriceOutsideBand);
}

#[test]
fn a_cash_account_buys_no_more_than_its_cash_and_sells_no_more_than_it_has() {
    let mut exchange = Exchange::new();
    assert_eq!(exchange.refuse(buy(1, 1_001, 10_000)), Refusal::InsufficientBuyingPower);
    exchange.place(buy(2, 1_000, 10_000));
    assert_eq!(exchange.view(ALICE).buying_power, 0);
    assert_eq!(exchange.refuse(buy(3, 1, 1)), Refusal::InsufficientBuyingPower);
    assert_eq!(
        exchange.refuse(by(ALICE, sell(4, 1, 20_000))),
        Refusal::InsufficientPosition
    );
}

#[test]
fn the_fee_is_reserved_too() {
    let mut exchange = Exchange::new();
    exchange.done(Command::SetFees {
        maker_ppm: -100,
        taker_ppm: 1_000,
    });
    assert_eq!(exchange.refuse(buy(1, 1_000, 10_000)), Refusal::InsufficientBuyingPower);
    exchange.place(buy(2, 999, 10_000));
    assert_eq!(exchange.view(ALICE).reserved, dollars(99_900) + dollars(9_990) / 100);
}

#[test]
fn a_rise_of_the_fees_does_not_reach_orders_admitted_before() {
    let mut exchange = Exchange::new();
    exchange.place(buy(1, 1_000, 10_000));
    exchange.done(Command::SetFees {
        maker_ppm: 500,
        taker_ppm: 1_000,
    });
    exchange.place(by(CAROL, sell(2, 400, 10_000)));
    assert_eq!(exchange.view(ALICE).cash, dollars(60_000));
    assert_eq!(exchange.view(ALICE).reserved, dollars(60_000));
    assert_eq!(exchange.view(CAROL).cash, dollars(140_000) - dollars(40));
    // A fall reaches all.
    exchange.cancel(ALICE, order(1));
    exchange.place(buy(3, 500, 10_000));
    exchange.done(Command::SetFees {
        maker_ppm: -500,
        taker_ppm: 500,
    });
    exchange.place(by(CAROL, sell(4, 500, 10_000)));
    assert_eq!(exchange.view(ALICE).cash, dollars(10_000) + dollars(25));
    assert_eq!(exchange.view(ALICE).reserved, 0);
}

#[test]
fn a_fill_and_a_cancel_release_the_reserve() {
    let mut exchange = Exchange::new();
    exchange.place(buy(1, 100, 10_000));
    exchange.place(sell(2, 40, 10_000));
    assert_eq!(exchange.view(ALICE).reserved, dollars(6_000));
    exchange.cancel(ALICE, order(1));
    assert_eq!(exchange.view(ALICE).reserved, 0);
}

#[test]
fn a_margin_account_reaches_its_leverage_and_no_further() {
    let mut exchange = Exchange::new();
    exchange.print(10_000);
    assert_eq!(
        exchange.refuse(sell(1, 2_001, 10_000)),
        Refusal::InsufficientBuyingPower
    );
    exchange.place(sell(2, 2_000, 10_000));
    assert_eq!(exchange.refuse(sell(3, 1, 10_000)), Refusal::InsufficientBuyingPower);
}

#[test]
fn beyond_the_leverage_the_reason_says_so() {
    let mut exchange = Exchange::new();
    exchange.deposit(BOB, dollars(1_000_000));
    exchange.place(sell(1, 1_900, 10_000));
    exchange.place(by(BOB, buy(2, 1_900, 10_000)));
    exchange.print(11_000); // short 1,900 at 110: gross 209,000, equity 81,000
    assert_eq!(exchange.refuse(sell(3, 1, 11_000)), Refusal::LeverageLimit);
    exchange.place(by(CAROL, buy(4, 1, 9_000))); // reducing is always possible
}

#[test]
fn own_limits_are_named() {
    let mut exchange = with_limits(
        ALICE,
        Limits {
            max_order_quantity: Some(units(10)),
            ..limits()
        },
    );
    assert_eq!(exchange.refuse(buy(1, 11, 100)), Refusal::OrderQuantityLimit);
    let mut exchange = with_limits(
        ALICE,
        Limits {
            max_order_notional: Some(dollars(1_000)),
            ..limits()
        },
    );
    assert_eq!(exchange.refuse(buy(1, 11, 10_000)), Refusal::OrderNotionalLimit);
    let mut exchange = with_limits(
        ALICE,
        Limits {
            max_open_orders: 1,
            ..limits()
        },
    );
    exchange.place(buy(1, 1, 100));
    assert_eq!(exchange.refuse(buy(2, 1, 100)), Refusal::TooManyOpenOrders);
    let mut exchange = with_limits(
        ALICE,
        Limits {
            max_position: Some(units(10)),
            ..limits()
        },
    );
    exchange.place(buy(1, 6, 100));
    assert_eq!(exchange.refuse(buy(2, 5, 100)), Refusal::PositionLimit);
}

#[test]
fn the_rate_counts_refused_orders_that_came_so_far() {
    let mut exchange = with_limits(
        ALICE,
        Limits {
            max_orders_per_second: 2,
            ..limits()
        },
    );
    assert_eq!(exchange.refuse(buy(1, 5_000, 10_000)), Refusal::InsufficientBuyingPower);
    exchange.place(buy(2, 1, 100));
    assert_eq!(exchange.refuse(buy(3, 1, 100)), Refusal::OrderRateExceeded);
    exchange.now += SECOND;
    exchange.place(buy(3, 1, 100));
}

#[test]
fn after_the_daily_loss_only_reducing_is_admitted() {
    let mut exchange = with_limits(
        ALICE,
        Limits {
            max_daily_loss: Some(dollars(100)),
            ..limits()
        },
    );
    exchange.place(sell(1, 100, 10_000));
    exchange.place(buy(2, 100, 10_000));
    exchange.print(9_900);
    assert_eq!(exchange.refuse(buy(3, 1, 9_900)), Refusal::DailyLossLimit);
    exchange.place(by(ALICE, sell(4, 100, 9_950)));
    exchange.done(Command::SetSession {
        session: 1,
        closes_at: None,
    }); // a new day, a new baseline
    exchange.place(buy(5, 1, 9_900));
}

#[test]
fn a_reduce_only_order_does_not_open() {
    let mut exchange = Exchange::new();
    let reducing = |number, quantity| PlaceOrder {
        reduce_only: true,
        ..sell(number, quantity, 10_100)
    };
    assert_eq!(exchange.refuse(reducing(1, 1)), Refusal::ReduceOnlyWouldIncrease);
    exchange.place(sell(2, 10, 10_000));
    exchange.place(buy(3, 10, 10_000));
    assert_eq!(
        exchange.refuse(by(ALICE, reducing(4, 11))),
        Refusal::ReduceOnlyWouldIncrease
    );
    exchange.place(by(ALICE, reducing(5, 6)));
    assert_eq!(
        exchange.refuse(by(ALICE, reducing(6, 5))),
        Refusal::ReduceOnlyWouldIncrease
    );
}

#[test]
fn account_states_are_named() {
    let mut exchange = Exchange::new();
    exchange.place(buy(1, 1, 100));
    let set = |exchange: &mut Exchange, state| exchange.apply(Command::SetAccountState { account: ALICE, state });
    assert_eq!(
        set(&mut exchange, AccountState::Closed),
        Outcome::Refused(Refusal::AccountNotFlat)
    );
    set(&mut exchange, AccountState::ReduceOnly);
    assert_eq!(exchange.refuse(buy(2, 1, 100)), Refusal::AccountReduceOnly);
    set(&mut exchange, AccountState::Suspended);
    assert_eq!(exchange.refuse(buy(2, 1, 100)), Refusal::AccountSuspended);
    exchange.cancel(ALICE, order(1));
    set(&mut exchange, AccountState::Closed);
    assert_eq!(exchange.refuse(buy(2, 1, 100)), Refusal::AccountClosed);
}

#[test]
fn a_halt_and_a_closed_market_are_named() {
    let mut exchange = Exchange::new();
    exchange.done(Command::Halt { symbol: symbol("XYZ") });
    assert_eq!(exchange.refuse(buy(1, 1, 100)), Refusal::InstrumentHalted);
    exchange.done(Command::Resume { symbol: symbol("XYZ") });
    let closes_at = Some(exchange.now + SECOND);
    exchange.done(Command::SetSession { session: 1, closes_at });
    exchange.now += SECOND;
    assert_eq!(exchange.refuse(buy(1, 1, 100)), Refusal::MarketClosed);
}

#[test]
fn the_largest_order_is_what_check_admits_and_one_more_is_not() {
    let mut exchange = Exchange::new();
    exchange.done(Command::SetFees {
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
