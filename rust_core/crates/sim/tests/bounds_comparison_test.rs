//! Bounds that random streams do not reach: hand-made streams through engine and oracle.

use cift_engine::types::*;
use cift_sim::compare::run;
use cift_sim::workload::{currency, symbol, Stream};

const START: Timestamp = 1_750_000_000 * NANOS;
const ACCOUNT: AccountId = AccountId(100);

fn instrument(name: &str) -> Instrument {
    Instrument {
        symbol: symbol(name),
        currency: currency("USD"),
        tick: 10_000_000,
        lot: NANOS,
        band_ppm: 100_000,
        collar_ppm: 50_000,
    }
}

fn limit(order: u128, name: &str, side: Side, price: Price, key: Option<u128>) -> Command {
    Command::PlaceOrder(PlaceOrder {
        account: ACCOUNT,
        order: OrderId(order),
        symbol: symbol(name),
        side,
        kind: OrderKind::Limit,
        time_in_force: TimeInForce::Gtc,
        quantity: NANOS,
        limit_price: Some(price),
        stop_price: None,
        trail: None,
        display_quantity: None,
        post_only: false,
        reduce_only: false,
        self_trade_prevention: SelfTradePrevention::None,
        class: OrderClass::Simple,
        request: key.map(|key| Request { key, body: 1 }),
    })
}

fn place_order(command: Command) -> PlaceOrder {
    match command {
        Command::PlaceOrder(order) => order,
        other => panic!("{other:?} is not a PlaceOrder"),
    }
}

fn setup() -> Stream {
    let (account, kind, role) = (ACCOUNT, AccountKind::Margin, AccountRole::Customer);
    let amount = Money::from(1_000_000 * NANOS);
    vec![
        (
            START,
            Command::OpenAccount {
                account,
                kind,
                role,
                currency: currency("USD"),
            },
        ),
        (
            START,
            Command::Deposit {
                account,
                transfer: TransferId(account.0),
                amount,
                request: None,
            },
        ),
    ]
}

fn compare(stream: &Stream) {
    let totals = run(stream, 1, 50).unwrap_or_else(|(index, why)| panic!("command {index} {:?}: {why}", stream[index]));
    assert_eq!(totals.commands, stream.len() as u64);
}

fn last_refusal(stream: &Stream) -> Option<Refusal> {
    let mut engine = cift_engine::Engine::new();
    let mut outcome = Outcome::Done {
        order: None,
        affected: 0,
    };
    for (n, (ts, command)) in stream.iter().enumerate() {
        outcome = engine.apply(n as u64 + 1, *ts, command, &mut Vec::new());
    }
    match outcome {
        Outcome::Refused(reason) => Some(reason),
        _ => None,
    }
}

/// Holds R4.40.
#[test]
fn an_account_uses_at_most_256_symbols() {
    let mut stream = setup();
    for n in 0..257 {
        stream.push((START, Command::DefineInstrument(instrument(&format!("S{n}")))));
    }
    for n in 0..257 {
        stream.push((START, limit(n + 1, &format!("S{n}"), Side::Buy, 10_000_000, None)));
    }
    compare(&stream);
    assert_eq!(last_refusal(&stream), Some(Refusal::TooManyPositions));
}

/// Holds R7.3.
#[test]
fn at_most_16_feeds_are_defined() {
    let mut stream = setup();
    let (account, kind, role) = (AccountId(10), AccountKind::Margin, AccountRole::House);
    stream.push((
        START,
        Command::OpenAccount {
            account,
            kind,
            role,
            currency: currency("USD"),
        },
    ));
    for feed in 0..17 {
        stream.push((
            START,
            Command::DefineFeed {
                feed: feed * 1_000,
                house: account,
                silence_ns: 0,
            },
        ));
    }
    compare(&stream);
    assert_eq!(last_refusal(&stream), Some(Refusal::TooManyFeeds));
}

/// Holds R1.11.
#[test]
fn at_most_64_currencies_are_used() {
    let mut stream = setup();
    for n in 0..64 {
        let spec = Instrument {
            currency: currency(&format!("C{n}")),
            ..instrument(&format!("S{n}"))
        };
        stream.push((START, Command::DefineInstrument(spec)));
    }
    compare(&stream);
    assert_eq!(last_refusal(&stream), Some(Refusal::CurrencyMismatch));
}

/// Holds R1.10.
#[test]
fn at_most_4096_instruments_are_defined() {
    let mut stream = setup();
    for n in 0..4_097 {
        stream.push((START, Command::DefineInstrument(instrument(&format!("S{n}")))));
    }
    compare(&stream);
    assert_eq!(last_refusal(&stream), Some(Refusal::TooManyInstruments));
}

/// Holds R11.3, R11.4.
#[test]
fn eight_expired_keys_are_dropped_per_command_oldest_first() {
    let day = 86_400 * NANOS;
    let mut stream = setup();
    stream.push((START, Command::DefineInstrument(instrument("AAA"))));
    for n in 0..30 {
        // Every third is refused at once. The others rest and end later, youngest first.
        let price = if n % 3 == 0 { 5 } else { 10_000_000 };
        stream.push((START + n as i64, limit(n + 1, "AAA", Side::Buy, price, Some(n + 1))));
    }
    for n in (0..20).rev() {
        let (account, order) = (ACCOUNT, OrderId(n + 1));
        stream.push((
            START + 100,
            Command::CancelOrder {
                account,
                order,
                request: None,
            },
        ));
    }
    // First no key has expired, by one nanosecond; then all have. Each replay drops eight more.
    for at in [
        START + day - 1,
        START + day,
        START + day + 99,
        START + day + 100,
        START + 2 * day,
    ] {
        for n in 0..30 {
            let price = if n % 3 == 0 { 5 } else { 10_000_000 };
            stream.push((at, limit(n + 1, "AAA", Side::Buy, price, Some(n + 1))));
        }
    }
    let totals = run(&stream, 1, 1).unwrap_or_else(|(index, why)| panic!("command {index}: {why}"));
    assert!(totals.refusals > 10);
}

/// After this trade the reduce-only orders of both accounts exceed their positions. The maker's order is
/// cancelled first.
/// Holds R5.20, R5.21.
#[test]
fn one_trade_trims_the_reduce_only_orders_of_both_sides() {
    let (maker, taker) = (ACCOUNT, AccountId(101));
    let (kind, role) = (AccountKind::Margin, AccountRole::Customer);
    let mut stream = setup();
    let amount = Money::from(1_000_000 * NANOS);
    stream.push((
        START,
        Command::OpenAccount {
            account: taker,
            kind,
            role,
            currency: currency("USD"),
        },
    ));
    stream.push((
        START,
        Command::Deposit {
            account: taker,
            transfer: TransferId(taker.0),
            amount,
            request: None,
        },
    ));
    stream.push((START, Command::DefineInstrument(instrument("AAA"))));
    let mut place = |account, order, side, units: i64, price: i64, reduce_only| {
        let one = place_order(limit(order, "AAA", side, price * NANOS, None));
        let quantity = units * NANOS;
        stream.push((
            START,
            Command::PlaceOrder(PlaceOrder {
                account,
                quantity,
                reduce_only,
                ..one
            }),
        ));
    };
    place(maker, 1, Side::Buy, 10, 100, false);
    place(taker, 2, Side::Sell, 10, 100, false);
    // The maker is long 10, the taker short 10.
    place(maker, 3, Side::Sell, 10, 105, true);
    place(taker, 4, Side::Buy, 10, 95, true);
    place(maker, 5, Side::Sell, 5, 100, false);
    place(taker, 6, Side::Buy, 5, 100, false);
    compare(&stream);

    let mut engine = cift_engine::Engine::new();
    let mut events = Vec::new();
    for (n, (ts, command)) in stream.iter().enumerate() {
        events.clear();
        engine.apply(n as u64 + 1, *ts, command, &mut events);
    }
    let trimmed = events.iter().filter_map(|event| match event {
        Event::OrderClosed {
            order,
            reason: CloseReason::ReduceOnly,
            ..
        } => Some(order.0),
        _ => None,
    });
    assert_eq!(trimmed.collect::<Vec<_>>(), [3, 4]);
}

/// In matching order an iceberg's refill comes after an own order at its level. The quantity before it is too
/// little, so there is no trade.
/// Holds R5.10, R5.11.
#[test]
fn fill_or_kill_does_not_count_quantity_after_an_own_order() {
    let (own, other) = (ACCOUNT, AccountId(101));
    let (kind, role) = (AccountKind::Margin, AccountRole::Customer);
    let mut stream = setup();
    let amount = Money::from(1_000_000 * NANOS);
    stream.push((
        START,
        Command::OpenAccount {
            account: other,
            kind,
            role,
            currency: currency("USD"),
        },
    ));
    stream.push((
        START,
        Command::Deposit {
            account: other,
            transfer: TransferId(other.0),
            amount,
            request: None,
        },
    ));
    stream.push((START, Command::DefineInstrument(instrument("AAA"))));
    let order = |account, id, side, units: i64| {
        let one = place_order(limit(id, "AAA", side, 100 * NANOS, None));
        PlaceOrder {
            account,
            quantity: units * NANOS,
            ..one
        }
    };
    let iceberg = PlaceOrder {
        display_quantity: Some(2 * NANOS),
        ..order(other, 1, Side::Buy, 3)
    };
    let fok = PlaceOrder {
        time_in_force: TimeInForce::Fok,
        self_trade_prevention: SelfTradePrevention::CancelBoth,
        ..order(own, 3, Side::Sell, 3)
    };
    for place in [iceberg, order(own, 2, Side::Buy, 1), fok] {
        stream.push((START, Command::PlaceOrder(place)));
    }
    compare(&stream);
}

/// The instrument is halted as well, but the fields of a replace are checked before the market.
/// Holds R6.5.
#[test]
fn a_new_trail_out_of_range_is_refused_before_the_market_is_checked() {
    let mut stream = setup();
    let house_account = AccountId(10);
    let aaa = symbol("AAA");
    let trailing = PlaceOrder {
        kind: OrderKind::TrailingStop,
        limit_price: None,
        trail: Some(Trail::Amount(NANOS)),
        ..place_order(limit(5, "AAA", Side::Sell, 1, None))
    };
    let commands = [
        Command::OpenAccount {
            account: house_account,
            kind: AccountKind::Margin,
            role: AccountRole::House,
            currency: currency("USD"),
        },
        Command::DefineFeed {
            feed: 1,
            house: house_account,
            silence_ns: 0,
        },
        Command::DefineInstrument(instrument("AAA")),
        Command::OutsideTrade {
            feed: 1,
            source_sequence: 1,
            symbol: aaa,
            price: 100 * NANOS,
            quantity: NANOS,
        },
        Command::PlaceOrder(trailing),
        Command::Halt { symbol: aaa },
        Command::ReplaceOrder(ReplaceOrder {
            account: ACCOUNT,
            order: OrderId(5),
            quantity: None,
            limit_price: None,
            stop_price: None,
            trail: Some(Trail::Amount(200 * NANOS)),
            request: None,
        }),
    ];
    stream.extend(commands.map(|command| (START, command)));
    compare(&stream);
    assert_eq!(last_refusal(&stream), Some(Refusal::TrailOutOfRange));
}
