//! Fees: accumulated per order, charged in the currency's own smallest unit, both sides from one schedule.

mod support;
use cift_engine::*;
use support::*;

fn set_fees(exchange: &mut Exchange, maker_ppm: i32, taker_ppm: i32) {
    exchange.apply_ok(Command::SetFees { maker_ppm, taker_ppm });
}

/// Fees of the last command's trades: (maker, taker).
fn fees(exchange: &Exchange) -> Vec<(Money, Money)> {
    let fees = |event: &Event| match event {
        Event::TradeExecuted { maker, taker, .. } => Some((maker.fee, taker.fee)),
        _ => None,
    };
    exchange.events.iter().filter_map(fees).collect()
}

/// Holds R1.12.
#[test]
fn many_small_fills_pay_what_one_large_fill_pays() {
    let mut exchange = Exchange::new();
    set_fees(&mut exchange, 0, 300);
    exchange.place(buy(1, 400, 3_000));
    let before = exchange.view(CAROL).cash;
    for number in 0..400 {
        exchange.now += SECOND;
        exchange.place(sell(100 + number, 1, 3_000));
    }
    // 400 orders of 0.9 cents each pay a cent each.
    assert_eq!(exchange.view(CAROL).cash - before, dollars(12_000) - dollars(4));
    // One order in 400 fills pays 3.60.
    for number in 0..400 {
        exchange.now += SECOND;
        exchange.place(by(BOB, buy(1_000 + number, 1, 3_000)));
    }
    let before = exchange.view(CAROL).cash;
    exchange.place(sell(2_000, 400, 3_000));
    assert_eq!(exchange.trades().len(), 400);
    assert_eq!(exchange.view(CAROL).cash - before, dollars(12_000) - dollars(18) / 5);
}

/// Holds R1.12.
#[test]
fn the_unit_is_that_of_the_currency() {
    for (code, unit) in [
        ("USD", 10_000_000),
        ("JPY", NANOS),
        ("KWD", 1_000_000),
        ("BTC", 10),
        ("USDT", 10),
    ] {
        assert_eq!(currency(code).smallest_unit(), Money::from(unit), "{code}");
    }
    let mut exchange = Exchange::empty();
    let bitcoin = currency("BTC");
    exchange.apply_ok(Command::DefineInstrument(Instrument {
        symbol: symbol("ETH/BTC"),
        currency: bitcoin,
        tick: 10_000,
        lot: 100_000,
        band_ppm: 200_000,
        collar_ppm: 50_000,
    }));
    set_fees(&mut exchange, 0, 1_000);
    for id in [ALICE, CAROL] {
        exchange.apply_ok(Command::OpenAccount {
            account: id,
            kind: AccountKind::Margin,
            role: AccountRole::Customer,
            currency: bitcoin,
        });
        exchange.deposit(id, dollars(100));
    }
    let eth = |order: PlaceOrder| PlaceOrder {
        symbol: symbol("ETH/BTC"),
        limit_price: Some(50_000_000),
        ..order
    };
    exchange.place(eth(buy(1, 100, 1)));
    exchange.place(eth(sell(2, 100, 1))); // 5 BTC at 10 basis points
    assert_eq!(fees(&exchange), [(0, 5_000_000)]);
}

/// Holds R1.14, R1.15.
#[test]
fn both_sides_of_a_trade_pay_by_the_takers_schedule() {
    let mut exchange = Exchange::new();
    // A stop order is accepted before there are fees, and takes after a rebate was introduced.
    exchange.trade_at(10_000);
    exchange.place(by(CAROL, stop(1, Side::Buy, 100, 10_100)));
    set_fees(&mut exchange, -1_000, 2_000);
    let limits = exchange.view(BOB).limits;
    assert_eq!(limits.leverage_percent, 100);
    exchange.place(by(AccountId(800), sell(2, 200, 10_100)));
    exchange.place(by(AccountId(801), buy(3, 1, 10_100)));
    // The stop's trade pays no rebate, because the stop pays no fee.
    assert_eq!(
        fees(&exchange),
        [(-dollars(101) / 1_000, dollars(202) / 1_000), (0, 0)].map(|(maker, taker)| (up(maker), up(taker)))
    );
}

/// Rounded up to the cent.
fn up(amount: Money) -> Money {
    amount.div_euclid(10_000_000) * 10_000_000
        + if amount.rem_euclid(10_000_000) > 0 {
            10_000_000
        } else {
            0
        }
}

/// Holds R1.12, R1.14.
#[test]
fn fees_never_pay_out_more_than_they_took() {
    let mut exchange = Exchange::new();
    let usd = currency("USD");
    exchange.trade_at(10_000);
    let schedules = [(-300, 300), (0, 1_000), (-1_000, 1_000), (500, -500), (-7, 8)];
    for round in 0..200u128 {
        exchange.now += SECOND;
        let (maker, taker) = schedules[round as usize % schedules.len()];
        set_fees(&mut exchange, maker, taker);
        let number = 10 * round + 10;
        exchange.place(by(AccountId(800), sell(number, 1 + round as i64 % 3, 10_000)));
        exchange.place(by(AccountId(801), buy(number + 1, 1 + round as i64 % 5, 10_000)));
        exchange.place(by(AccountId(800), sell(number + 2, 1 + round as i64 % 4, 10_000)));
        let (_, fees) = exchange.engine.world_and_fees(usd).unwrap();
        assert!(fees >= 0, "round {round}: {fees}");
    }
}
