//! The mark, the base price and the bands (§12).

mod support;
use support::*;

use cift_engine::*;

fn equity(exchange: &Exchange, account: AccountId) -> Money {
    exchange.view(account).equity
}
fn mark(exchange: &Exchange, account: AccountId) -> i64 {
    let mut positions = Vec::new();
    exchange.engine.positions(account, &mut positions);
    positions[0].mark.expect("there is a mark") / cents(1)
}
fn margin(exchange: &mut Exchange, number: u128) -> AccountId {
    let id = account(number);
    exchange.open(id, AccountKind::Margin, AccountRole::Customer);
    exchange.deposit(id, dollars(100_000));
    id
}

/// Two accounts trade one unit after another, each at the highest price that is accepted. Holds R2.12, R12.1.
#[test]
fn two_accounts_that_trade_one_unit_do_not_make_equity() {
    let mut exchange = Exchange::new();
    let (holder, friend) = (margin(&mut exchange, 11), margin(&mut exchange, 12));
    let order = |account, n, side, quantity, price| PlaceOrder {
        account,
        ..limit(n, side, quantity, price)
    };
    exchange.place(order(friend, 1, Side::Sell, 100_000, 100));
    exchange.place(order(holder, 2, Side::Buy, 100_000, 100));
    assert_eq!(equity(&exchange, holder), dollars(100_000));
    let mut price = 100;
    for trade in 0..22u128 {
        let (n, next) = (10 + trade * 10, price * 12 / 10);
        let sold = exchange.apply(Command::PlaceOrder(order(BOB, n, Side::Buy, 1, next)));
        if matches!(sold, Outcome::Done { .. }) {
            exchange.place(order(CAROL, n + 1, Side::Sell, 1, next));
            price = next;
        }
    }
    assert_eq!(price, 120, "trades stop at the band around the base price");
    assert_eq!(mark(&exchange, holder), 105, "the mark stops at the collar");
    assert_eq!(equity(&exchange, holder), dollars(105_000));
}

/// A mark needs a trade; a bid of one lot does not make it. Holds R2.12, R2.13.
#[test]
fn orders_do_not_move_the_mark() {
    let mut exchange = Exchange::new();
    exchange.trade_at(10_000);
    exchange.place(buy(1, 1, 10_400));
    assert_eq!(mark(&exchange, AccountId(801)), 10_000);
    exchange.place(sell(2, 1, 10_400));
    assert_eq!(mark(&exchange, AccountId(801)), 10_400);
}

/// The collar of a market order is around the last price, not around the mark. Holds R2.13, R5.4.
#[test]
fn the_collar_is_around_the_last_price() {
    let mut exchange = Exchange::new();
    exchange.trade_at(10_000);
    exchange.trade_at(11_000);
    exchange.place(sell(1, 1, 11_550));
    assert_eq!(exchange.place(market(2, Side::Buy, 1)).filled, units(1));
}

/// The base price follows the prints of five minutes by at most a tenth of the band in 30 s, and at most by the
/// whole band. Holds R12.2, R12.3.
#[test]
fn the_base_price_follows_the_prints_of_five_minutes() {
    let mut exchange = Exchange::new();
    exchange.now = START / (30 * SECOND) * 30 * SECOND;
    let holder = AccountId(801);
    exchange.trade_at(10_000);
    exchange.trade_at(11_500);
    assert_eq!(mark(&exchange, holder), 10_500, "the base price is the first price");
    exchange.now += 30 * SECOND;
    exchange.trade_at(11_500);
    // The mean of 100 and 115 is 107.50; a period allows a tenth of 20 %: 102.
    assert_eq!(mark(&exchange, holder), 10_710);
    exchange.now += 30 * SECOND;
    exchange.trade_at(11_500);
    assert_eq!(mark(&exchange, holder), 10_924, "another 2.04");
    // Long after the last print the base price may move by its band: to the last price.
    exchange.now += 3_600 * SECOND;
    exchange.trade_at(11_900);
    assert_eq!(mark(&exchange, holder), 11_900);
    assert_eq!(
        exchange.place_err(buy(9, 1, 13_801)),
        Refusal::PriceOutsideBand,
        "the base price is 115"
    );
    exchange.place(buy(10, 1, 13_800));
}

/// A large trade counts more than a small one. Holds R12.2.
#[test]
fn the_base_price_is_weighted_by_volume() {
    let mut exchange = Exchange::new();
    exchange.trade_at(10_000);
    exchange.place(sell(1, 99, 10_000));
    exchange.place(buy(2, 99, 10_000));
    exchange.trade_at(11_900);
    exchange.now += 300 * SECOND;
    exchange.trade_at(11_900);
    // (100 × 100 + 119) / 101 = 100.18; the mark is 5 % above it.
    assert_eq!(mark(&exchange, AccountId(801)), 10_518);
}

/// Sixty stops in one command. Holds R12.6, R12.7.
#[test]
fn a_cascade_of_stops_ends_at_the_band() {
    let mut exchange = Exchange::new();
    let seller = margin(&mut exchange, 11);
    let buyer = margin(&mut exchange, 12);
    exchange.trade_at(10_000);
    exchange.place(sell(1, 100, 10_000));
    exchange.place(PlaceOrder {
        account: seller,
        ..buy(2, 100, 10_000)
    });
    for n in 0..60i64 {
        let number = 100 + 10 * n as u128;
        exchange.place(PlaceOrder {
            account: seller,
            kind: OrderKind::Stop,
            limit_price: None,
            stop_price: Some(cents(9_850 - 95 * n)),
            ..limit(number, Side::Sell, 1, 1)
        });
        let bid = 9_850 - 95 * (n + 1);
        if bid >= 8_000 {
            exchange.place(PlaceOrder {
                account: buyer,
                ..buy(number + 1, 1, bid)
            });
        }
    }
    exchange.trade_at(9_850);
    let lowest = exchange.trades().iter().map(|trade| trade.0).min();
    assert!(
        lowest.is_some_and(|price| (8_000..8_200).contains(&price)),
        "{lowest:?}"
    );
}

/// A limit beyond the band neither trades nor rests where it would cross. Holds R12.7, R12.8.
#[test]
fn what_the_band_stops_is_cancelled() {
    let mut exchange = Exchange::new();
    exchange.now = START / (30 * SECOND) * 30 * SECOND;
    exchange.trade_at(10_000);
    exchange.place(sell(1, 1, 12_400));
    exchange.place(sell(3, 1, 11_000));
    // Its limit is checked around its own stop price.
    exchange.place(PlaceOrder {
        kind: OrderKind::StopLimit,
        stop_price: Some(cents(10_900)),
        ..buy(2, 5, 12_500)
    });
    exchange.trade_at(10_900);
    assert_eq!(exchange.trades()[1..], [(11_000, 1, order(3), order(2))]);
    assert_eq!(exchange.closed(), [(order(2), CloseReason::PriceBand)]);
    assert_eq!(exchange.levels(Side::Sell), [(12_400, 1, 1)]);
}

/// A feed's prices are the base price at once. Holds R12.4, R12.5.
#[test]
fn a_feed_sets_the_base_price() {
    let mut exchange = Exchange::with_feed();
    exchange.outside_print(1, 10_000, 1);
    exchange.outside_print(2, 20_000, 1);
    assert_eq!(exchange.place_err(buy(1, 1, 24_001)), Refusal::PriceOutsideBand);
    exchange.quote(3, (29_900, 5), (30_000, 5));
    assert_eq!(exchange.place_err(buy(1, 1, 35_881)), Refusal::PriceOutsideBand);
    let bought = exchange.place(buy(1, 1, 30_000));
    assert_eq!(bought.filled, units(1));
    assert_eq!(mark(&exchange, ALICE), 30_000);
}

/// A split starts the base price again. Holds R12.9.
#[test]
fn a_split_starts_the_base_price_again() {
    let mut exchange = Exchange::new();
    exchange.trade_at(10_000);
    exchange.apply_ok(Command::Split {
        symbol: symbol("XYZ"),
        numerator: 10,
        denominator: 1,
    });
    assert_eq!(exchange.place_err(buy(1, 1, 1_201)), Refusal::PriceOutsideBand);
    exchange.place(buy(1, 1, 1_200));
}
