//! Opening accounts, limits, transfers, and the values that queries report.

mod support;
use cift_engine::*;
use support::*;

fn cash_moves(exchange: &Exchange) -> Vec<(TransferId, CashKind, Money)> {
    let moved = |event: &Event| match *event {
        Event::CashMoved {
            transfer, kind, amount, ..
        } => Some((transfer, kind, amount)),
        _ => None,
    };
    exchange.events.iter().filter_map(moved).collect()
}

fn reset(account: AccountId, cash: Money) -> Command {
    Command::ResetAccount {
        account,
        transfer: TransferId(9),
        cash,
        request: None,
    }
}

/// Holds R2.4, R3.4.
#[test]
fn world_and_fees_exist_from_the_start_and_known_ids_are_refused() {
    let mut exchange = Exchange::new();
    for id in [WORLD, FEES, ALICE] {
        let open = Command::OpenAccount {
            account: id,
            kind: AccountKind::Cash,
            role: AccountRole::Customer,
            currency: currency("USD"),
        };
        assert_eq!(exchange.apply_err(open), Refusal::AccountExists);
    }
    assert!(Engine::new().account(WORLD).is_some() && Engine::new().account(FEES).is_some());
}

/// Holds R2.6.
#[test]
fn an_account_that_trades_with_itself_is_posted_as_maker_first() {
    let mut exchange = Exchange::new();
    exchange.place(by(CAROL, buy(1, 10, 10_000)));
    exchange.place(PlaceOrder {
        self_trade_prevention: SelfTradePrevention::None,
        ..sell(2, 10, 10_000)
    });
    let Some(Event::TradeExecuted { maker, taker, .. }) = exchange
        .events
        .iter()
        .find(|event| matches!(event, Event::TradeExecuted { .. }))
    else {
        panic!("no trade");
    };
    assert_eq!((maker.cash, maker.position), (dollars(99_000), units(10)));
    assert_eq!((taker.cash, taker.position), (dollars(100_000), 0));
}

/// Holds R2.7, R2.8.
#[test]
fn a_short_position_has_a_negative_quantity_and_cost() {
    let mut exchange = Exchange::new();
    exchange.place(buy(1, 10, 10_000));
    exchange.place(sell(2, 10, 10_000));
    exchange.place(buy(3, 5, 10_200));
    exchange.place(sell(4, 5, 10_200));
    let mut positions = Vec::new();
    exchange.engine.positions(CAROL, &mut positions);
    assert_eq!(
        (positions[0].quantity, positions[0].cost),
        (-units(15), -dollars(1_510))
    );
    positions.clear();
    exchange.engine.positions(ALICE, &mut positions);
    assert_eq!((positions[0].quantity, positions[0].cost), (units(15), dollars(1_510)));
}

/// Holds R2.14, R2.15.
#[test]
fn equity_and_gross_use_the_mark() {
    let mut exchange = Exchange::new();
    exchange.place(buy(1, 10, 10_000));
    exchange.place(sell(2, 10, 10_000));
    exchange.trade_at(10_500);
    let (long, short) = (exchange.view(ALICE), exchange.view(CAROL));
    assert_eq!((long.equity, long.gross), (dollars(100_050), dollars(1_050)));
    assert_eq!((short.equity, short.gross), (dollars(99_950), dollars(1_050)));
}

/// Holds R2.16.
#[test]
fn transfers_outside_their_range_are_refused() {
    let mut exchange = Exchange::new();
    let transfer = TransferId(2);
    for amount in [0, -1, MAX_TRANSFER + 1] {
        let deposit = Command::Deposit {
            account: ALICE,
            transfer,
            amount,
            request: None,
        };
        assert_eq!(exchange.apply_err(deposit), Refusal::AmountOutOfRange);
        let withdraw = Command::Withdraw {
            account: ALICE,
            transfer,
            amount,
            request: None,
        };
        assert_eq!(exchange.apply_err(withdraw), Refusal::AmountOutOfRange);
    }
    for cash in [-1, MAX_TRANSFER + 1] {
        assert_eq!(exchange.apply_err(reset(ALICE, cash)), Refusal::AmountOutOfRange);
    }
    exchange.apply_ok(reset(ALICE, 0));
}

/// Holds R2.20, R2.21.
#[test]
fn cash_moves_are_signed_and_dividends_have_no_transfer() {
    let mut exchange = Exchange::new();
    exchange.apply_ok(Command::Withdraw {
        account: ALICE,
        transfer: TransferId(2),
        amount: dollars(5),
        request: None,
    });
    assert_eq!(
        cash_moves(&exchange),
        [(TransferId(2), CashKind::Withdrawal, -dollars(5))]
    );
    exchange.apply_ok(reset(ALICE, dollars(99_995)));
    assert_eq!(cash_moves(&exchange), [(TransferId(9), CashKind::Reset, 0)]);
    exchange.place(sell(1, 5, 10_000));
    exchange.place(buy(2, 5, 10_000));
    exchange.apply_ok(Command::Dividend {
        symbol: symbol("XYZ"),
        amount: dollars(2),
    });
    assert_eq!(
        cash_moves(&exchange),
        [
            (TransferId(0), CashKind::Dividend, dollars(10)),
            (TransferId(0), CashKind::Dividend, -dollars(10))
        ]
    );
}

/// Holds R3.6.
#[test]
fn a_new_account_has_the_default_limits_of_its_kind() {
    let exchange = Exchange::new();
    let limits = |leverage_percent| Limits {
        max_order_quantity: None,
        max_order_notional: None,
        max_position: None,
        max_open_orders: 500,
        max_orders_per_second: 500,
        max_daily_loss: None,
        leverage_percent,
    };
    assert_eq!(exchange.view(ALICE).state, AccountState::Active);
    assert_eq!(exchange.view(ALICE).limits, limits(100));
    assert_eq!(exchange.view(CAROL).limits, limits(200));
}

/// Holds R3.7.
#[test]
fn invalid_limits_are_refused() {
    let mut exchange = Exchange::new();
    let (cash, margin) = (exchange.view(ALICE).limits, exchange.view(CAROL).limits);
    let invalid = [
        (
            ALICE,
            Limits {
                leverage_percent: 101,
                ..cash
            },
        ),
        (
            CAROL,
            Limits {
                leverage_percent: 99,
                ..margin
            },
        ),
        (
            CAROL,
            Limits {
                leverage_percent: 1_001,
                ..margin
            },
        ),
        (
            ALICE,
            Limits {
                max_open_orders: 0,
                ..cash
            },
        ),
        (
            ALICE,
            Limits {
                max_open_orders: 10_001,
                ..cash
            },
        ),
        (
            ALICE,
            Limits {
                max_orders_per_second: 0,
                ..cash
            },
        ),
        (
            ALICE,
            Limits {
                max_orders_per_second: 1_000_001,
                ..cash
            },
        ),
        (
            ALICE,
            Limits {
                max_order_quantity: Some(0),
                ..cash
            },
        ),
        (
            ALICE,
            Limits {
                max_order_notional: Some(0),
                ..cash
            },
        ),
        (
            ALICE,
            Limits {
                max_position: Some(0),
                ..cash
            },
        ),
        (
            ALICE,
            Limits {
                max_daily_loss: Some(0),
                ..cash
            },
        ),
    ];
    for (account, limits) in invalid {
        assert_eq!(
            exchange.apply_err(Command::SetLimits { account, limits }),
            Refusal::InvalidLimits,
            "{limits:?}"
        );
    }
}

/// Holds R3.11.
#[test]
fn a_reset_moves_positions_in_the_order_of_definition() {
    let mut exchange = Exchange::new();
    exchange.define("ABC");
    for (number, name) in [(1, "ABC"), (3, "XYZ")] {
        let named = |order| PlaceOrder {
            symbol: symbol(name),
            ..order
        };
        exchange.place(named(sell(number, 5, 10_000)));
        exchange.place(named(buy(number + 1, 5, 10_000)));
    }
    exchange.apply_ok(reset(ALICE, 0));
    let moved: Vec<_> = exchange
        .events
        .iter()
        .filter_map(|event| match *event {
            Event::PositionMoved {
                symbol, position, cost, ..
            } => Some((symbol, position, cost)),
            _ => None,
        })
        .collect();
    assert_eq!(moved, [(symbol("XYZ"), 0, 0), (symbol("ABC"), 0, 0)]);
}

/// Holds R3.13.
#[test]
fn deposits_and_withdrawals_move_the_daily_loss_baseline() {
    let mut exchange = Exchange::new();
    exchange.open(AccountId(500), AccountKind::Cash, AccountRole::Customer);
    assert_eq!(exchange.view(AccountId(500)).daily_loss_baseline, 0);
    exchange.apply_ok(Command::Withdraw {
        account: ALICE,
        transfer: TransferId(2),
        amount: dollars(5),
        request: None,
    });
    assert_eq!(exchange.view(ALICE).daily_loss_baseline, dollars(99_995));
}
