//! What a margin account must cover: the worst case over its open orders, at every moment and by every path.

mod support;
use cift_engine::*;
use support::*;

/// Carol holds `quantity` units, bought from Alice at 100.00.
fn long(quantity: i64) -> Exchange {
    let mut exchange = Exchange::new();
    exchange.deposit(BOB, dollars(1_000_000));
    exchange.place(by(BOB, buy(901, 2_000, 10_000)));
    exchange.place(sell(902, 2_000, 10_000)); // the mark is 100.00
    exchange.place(by(CAROL, buy(903, 2_000 + quantity, 10_000)));
    exchange.place(by(BOB, sell(904, 2_000, 10_000)));
    exchange.trade_at(10_000);
    exchange.deposit(AccountId(800), dollars(1));
    exchange.place(by(AccountId(800), sell(905, quantity, 10_000)));
    assert_eq!(exchange.position(CAROL), quantity);
    exchange
}

/// Holds R4.46, R4.53, R2.19.
#[test]
fn an_order_that_no_longer_reduces_is_covered() {
    let mut exchange = long(500);
    exchange.place(sell(1, 500, 11_000));
    exchange.place(by(AccountId(801), buy(2, 500, 10_000)));
    exchange.place(sell(3, 500, 10_000));
    assert_eq!(exchange.position(CAROL), 0);
    // Order 1 now opens a short position of 500 at 110.00.
    assert_eq!(exchange.view(CAROL).reserved, dollars(55_000));
    assert_eq!(exchange.view(CAROL).buying_power, dollars(145_000));
    assert_eq!(exchange.view(CAROL).withdrawable, dollars(72_500));
    let refused = exchange.apply_err(Command::Withdraw {
        account: CAROL,
        transfer: TransferId(7),
        amount: dollars(72_501),
        request: None,
    });
    assert_eq!(refused, Refusal::InsufficientCash);
}

/// Holds R4.36, R4.46.
#[test]
fn orders_that_reduce_in_turn_do_not_add_up_to_more_than_the_account_covers() {
    let mut exchange = long(500);
    let mut admitted = 500;
    for number in 1..40 {
        exchange.now += SECOND;
        let order = Command::PlaceOrder(sell(number, 500, 11_000));
        match exchange.apply(order) {
            Outcome::Done { .. } => admitted += 500,
            outcome => assert_eq!(outcome, Outcome::Refused(Refusal::InsufficientBuyingPower)),
        }
        exchange.apply(Command::PlaceOrder(by(AccountId(801), buy(100 + number, 500, 10_000))));
        if let Outcome::Done { .. } = exchange.apply(Command::PlaceOrder(sell(200 + number, 500, 10_000))) {
            admitted += 500;
        }
    }
    assert!(admitted > 500);
    // Everything that rests fills at its price, far from the collar of any new order.
    exchange.place(by(AccountId(801), buy(900, 20_000, 11_000)));
    let view = exchange.view(CAROL);
    assert!(view.gross <= view.equity * 2, "{view:?}");
}

/// Holds R3.14, R3.3.
#[test]
fn a_restricted_account_gains_no_exposure_by_an_order_from_before() {
    for state in [AccountState::ReduceOnly, AccountState::Suspended] {
        let mut exchange = long(500);
        exchange.place(sell(1, 300, 11_000));
        exchange.place(sell(2, 400, 11_100));
        exchange.place(by(CAROL, buy(3, 10, 9_000)));
        exchange.apply_ok(Command::SetAccountState { account: CAROL, state });
        let mut cut = exchange.closed();
        cut.sort_by_key(|entry| entry.0);
        assert_eq!(
            cut,
            [(order(2), CloseReason::ReduceOnly), (order(3), CloseReason::ReduceOnly)]
        );
        exchange.place(by(AccountId(801), buy(4, 2_000, 11_200)));
        assert_eq!(exchange.position(CAROL), 200);
        assert_eq!(exchange.view(CAROL).open_orders, 0);
    }
}

/// Holds R3.14.
#[test]
fn an_order_of_a_restricted_account_ends_when_the_position_goes() {
    let mut exchange = long(500);
    exchange.place(sell(1, 500, 11_000));
    exchange.place(sell(2, 500, 10_000));
    exchange.apply_ok(Command::SetAccountState {
        account: CAROL,
        state: AccountState::ReduceOnly,
    });
    assert_eq!(exchange.closed(), [(order(2), CloseReason::ReduceOnly)]);
    assert_eq!(exchange.place_err(sell(3, 1, 10_000)), Refusal::AccountReduceOnly);
    exchange.place(by(AccountId(801), buy(4, 500, 11_000)));
    assert_eq!(exchange.position(CAROL), 0);
}

/// Holds R4.43, R4.46.
#[test]
fn an_order_at_a_bad_price_needs_what_it_would_lose() {
    let mut exchange = Exchange::new();
    exchange.trade_at(10_000);
    // 100,000 of equity. A unit bought at 120.00 costs 20.00 at once and needs 50.00 at the mark: 70.00.
    assert_eq!(
        exchange.place_err(by(CAROL, buy(1, 1_429, 12_000))),
        Refusal::InsufficientBuyingPower
    );
    exchange.place(by(CAROL, buy(2, 1_428, 12_000)));
    exchange.cancel(CAROL, order(2));
    // A unit sold at 80.00 loses 20.00 and needs 50.00.
    assert_eq!(
        exchange.place_err(sell(3, 1_429, 8_000)),
        Refusal::InsufficientBuyingPower
    );
    exchange.place(sell(4, 1_428, 8_000));
}

/// Holds R4.46.
#[test]
fn buys_and_sells_share_one_requirement() {
    let mut exchange = Exchange::new();
    exchange.trade_at(10_000);
    exchange.place(by(CAROL, buy(1, 2_000, 9_900)));
    exchange.place(sell(2, 1_980, 10_100));
    assert_eq!(exchange.view(CAROL).reserved, dollars(199_980));
}

/// Holds R3.7, R4.53.
#[test]
fn a_change_of_leverage_changes_the_cover_of_open_orders() {
    let mut exchange = Exchange::new();
    exchange.trade_at(10_000);
    let stop = by(CAROL, stop(1, Side::Buy, 100, 11_000));
    exchange.place(stop);
    // 115.50 at most, 15.50 of it beyond the mark.
    assert_eq!(exchange.view(CAROL).reserved, dollars(11_550 + 1_550));
    let limits = exchange.view(CAROL).limits;
    exchange.apply_ok(Command::SetLimits {
        account: CAROL,
        limits: Limits {
            leverage_percent: 400,
            ..limits
        },
    });
    assert_eq!(exchange.view(CAROL).reserved, dollars(11_550 + 3 * 1_550));
}

/// Holds R4.46.
#[test]
fn an_instrument_with_a_wide_band_is_its_own_margin() {
    let mut exchange = Exchange::new();
    exchange.trade_at(10_000);
    let limits = exchange.view(CAROL).limits;
    exchange.apply_ok(Command::SetLimits {
        account: CAROL,
        limits: Limits {
            leverage_percent: 1_000,
            ..limits
        },
    });
    // The band is 20 %, so 100,000 cover 500,000, not 1,000,000.
    assert_eq!(
        exchange.place_err(by(CAROL, buy(1, 5_001, 10_000))),
        Refusal::InsufficientBuyingPower
    );
    exchange.place(by(CAROL, buy(2, 5_000, 10_000)));
}

/// Holds R5.5.
#[test]
fn a_stop_that_only_reduces_is_not_bound_to_what_it_covered() {
    let mut exchange = long(500);
    exchange.place(by(CAROL, stop(1, Side::Sell, 500, 9_900)));
    exchange.place(by(AccountId(801), buy(2, 1_000, 9_000)));
    exchange.trade_at(9_300); // the collar of 5 % below the stop price is 94.05, below the mark 88.35
    assert_eq!(exchange.position(CAROL), 0);
}
