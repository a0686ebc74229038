//! Cash, positions, cost, realized profit and loss.

mod support;
use cift_engine::*;
use support::*;

fn fills(exchange: &Exchange) -> (Fill, Fill) {
    let fill = |event: &Event| match *event {
        Event::TradeExecuted { maker, taker, .. } => Some((maker, taker)),
        _ => None,
    };
    exchange.events.iter().find_map(fill).expect("a trade")
}

/// Holds R1.12, R2.3, R2.5.
#[test]
fn a_trade_moves_cash_lots_and_fees() {
    let mut exchange = Exchange::new();
    exchange.apply_ok(Command::SetFees {
        maker_ppm: -100,
        taker_ppm: 300,
    });
    exchange.place(sell(1, 10, 10_000));
    exchange.place(buy(2, 10, 10_000));
    let (maker, taker) = fills(&exchange);
    assert_eq!((maker.fee, taker.fee), (-dollars(1) / 10, dollars(3) / 10));
    assert_eq!(taker.cash, dollars(99_000) - dollars(3) / 10);
    assert_eq!(maker.cash, dollars(101_000) + dollars(1) / 10);
    assert_eq!((maker.position, taker.position), (-units(10), units(10)));
    assert_eq!(exchange.engine.account(FEES).unwrap().cash, dollars(2) / 10);
}

/// Holds R2.2.
#[test]
fn world_is_the_other_side_of_deposits() {
    let exchange = Exchange::new();
    assert_eq!(exchange.engine.account(WORLD).unwrap().cash, -dollars(300_000));
    assert_eq!(
        exchange.engine.world_and_fees(currency("USD")),
        Some((-dollars(300_000), 0))
    );
}

/// Holds R2.9, R2.10.
#[test]
fn a_reduction_removes_average_cost_and_realizes_the_difference() {
    let mut exchange = Exchange::new();
    exchange.place(sell(1, 10, 10_000));
    exchange.place(sell(2, 20, 10_300));
    exchange.place(buy(3, 30, 10_300)); // cost 1,000 + 2,060 = 3,060
    exchange.place(by(BOB, buy(4, 10, 10_500)));
    exchange.place(by(ALICE, sell(5, 10, 10_500)));
    let (_, taker) = fills(&exchange);
    assert_eq!((taker.cost, taker.realized), (dollars(2_040), dollars(1_050 - 1_020)));
}

/// Holds R2.11.
#[test]
fn a_flip_in_two_fills_realizes_the_first_and_opens_with_the_second() {
    let mut exchange = Exchange::new();
    exchange.place(buy(1, 25, 10_000));
    exchange.place(sell(2, 10, 10_000)); // Carol is short 10 at 100
    exchange.cancel(ALICE, order(1));
    exchange.place(by(ALICE, sell(3, 10, 9_500)));
    exchange.open(AccountId(500), AccountKind::Margin, AccountRole::Customer);
    exchange.deposit(AccountId(500), dollars(100_000));
    exchange.place(by(AccountId(500), sell(4, 20, 9_500)));
    exchange.place(by(CAROL, buy(5, 15, 9_500)));
    let flip: Vec<Fill> = exchange
        .events
        .iter()
        .filter_map(|event| match *event {
            Event::TradeExecuted { taker, .. } => Some(taker),
            _ => None,
        })
        .collect();
    assert_eq!((flip[0].position, flip[0].realized), (0, dollars(50)));
    assert_eq!((flip[1].position, flip[1].cost), (units(5), dollars(475)));
}

/// Holds R2.11.
#[test]
fn one_fill_that_flips_reduces_then_increases() {
    let mut exchange = Exchange::new();
    exchange.place(buy(1, 10, 10_000));
    exchange.place(sell(2, 10, 10_000));
    exchange.open(AccountId(500), AccountKind::Margin, AccountRole::Customer);
    exchange.deposit(AccountId(500), dollars(100_000));
    exchange.place(by(AccountId(500), sell(3, 15, 9_500)));
    exchange.place(by(CAROL, buy(4, 15, 9_500)));
    let (_, taker) = fills(&exchange);
    assert_eq!(
        (taker.position, taker.cost, taker.realized),
        (units(5), dollars(475), dollars(50))
    );
}

/// Holds R2.17, R2.18.
#[test]
fn a_cash_account_withdraws_what_is_not_reserved() {
    let mut exchange = Exchange::new();
    exchange.place(buy(1, 100, 10_000));
    let withdraw = |amount| Command::Withdraw {
        account: ALICE,
        transfer: TransferId(2),
        amount,
        request: None,
    };
    assert_eq!(
        exchange.apply_err(withdraw(dollars(90_000) + 1)),
        Refusal::InsufficientCash
    );
    exchange.apply_ok(withdraw(dollars(90_000)));
    assert_eq!(exchange.view(ALICE).cash, dollars(10_000));
}

/// Holds R2.19.
#[test]
fn a_margin_account_keeps_what_its_leverage_needs() {
    let mut exchange = Exchange::new();
    exchange.place(buy(1, 1_000, 10_000));
    exchange.place(sell(2, 1_000, 10_000)); // gross 100,000 needs 50,000
    assert_eq!(exchange.view(CAROL).withdrawable, dollars(50_000));
}

/// Holds R3.10, R3.12.
#[test]
fn a_reset_cancels_orders_moves_positions_and_sets_cash() {
    let mut exchange = Exchange::new();
    exchange.place(sell(1, 10, 10_000));
    exchange.place(buy(2, 10, 10_000));
    exchange.place(buy(3, 10, 9_000));
    exchange.apply_ok(Command::ResetAccount {
        account: ALICE,
        transfer: TransferId(9),
        cash: dollars(5),
        request: None,
    });
    assert_eq!(exchange.closed(), [(order(3), CloseReason::AccountReset)]);
    let view = exchange.view(ALICE);
    assert_eq!(
        (view.cash, view.equity, view.daily_loss_baseline),
        (dollars(5), dollars(5), dollars(5))
    );
    assert_eq!(exchange.position(ALICE), 0);
}

/// Holds R9.2, R9.3, R9.4, R9.5.
#[test]
fn a_split_pays_the_fraction_in_cash() {
    let mut exchange = Exchange::new();
    exchange.place(sell(1, 5, 10_000));
    exchange.place(buy(2, 5, 10_000));
    exchange.place(buy(3, 5, 9_000));
    exchange.apply_ok(Command::Split {
        symbol: symbol("XYZ"),
        numerator: 1,
        denominator: 2,
    });
    assert_eq!(exchange.closed(), [(order(3), CloseReason::Split)]);
    assert_eq!((exchange.position(ALICE), exchange.position(CAROL)), (2, -2));
    // Half a unit at the new 200.00.
    assert_eq!(exchange.view(ALICE).cash, dollars(99_500 + 100));
    assert_eq!(exchange.view(CAROL).cash, dollars(100_500 - 100));
    let mut positions = Vec::new();
    exchange.engine.positions(ALICE, &mut positions);
    assert_eq!(
        (positions[0].cost, positions[0].mark),
        (dollars(400), Some(cents(20_000)))
    );
}

/// Holds R2.2, R9.7.
#[test]
fn a_dividend_is_paid_to_longs_by_shorts() {
    let mut exchange = Exchange::new();
    exchange.place(sell(1, 5, 10_000));
    exchange.place(buy(2, 5, 10_000));
    exchange.apply_ok(Command::Dividend {
        symbol: symbol("XYZ"),
        amount: dollars(2),
    });
    assert_eq!(exchange.view(ALICE).cash, dollars(99_510));
    assert_eq!(exchange.view(CAROL).cash, dollars(100_490));
}

/// Holds R2.12, R2.13.
#[test]
fn without_a_print_the_reference_price_is_the_middle_of_the_book() {
    let mut exchange = Exchange::new();
    exchange.place(buy(1, 1, 9_000));
    exchange.place(sell(2, 1, 9_101));
    let order = market(3, Side::Buy, 1);
    assert_eq!(
        exchange.engine.check(exchange.now, &order).unwrap().reference,
        Some(cents(9_050))
    );
}
