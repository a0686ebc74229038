//! Definitions, fees, versions, and what holds for every command.

mod support;
use cift_engine::*;
use support::*;

fn snapshot(engine: &Engine) -> Vec<u8> {
    let mut bytes = Vec::new();
    engine.snapshot(&mut bytes);
    bytes
}

fn instrument(name: &str) -> Instrument {
    Instrument {
        symbol: symbol(name),
        currency: currency("USD"),
        tick: cents(1),
        lot: units(1),
        band_ppm: 200_000,
        collar_ppm: 50_000,
    }
}

/// Holds R1.1, R1.2, R4.1.
#[test]
fn a_refused_command_emits_the_first_reason_and_changes_nothing() {
    let mut exchange = Exchange::new();
    exchange.place(buy(1, 10, 9_000));
    let before = snapshot(&exchange.engine);
    // Both the symbol and the quantity are wrong. The symbol is checked first.
    let reason = exchange.place_err(PlaceOrder {
        symbol: symbol("NONE"),
        ..buy(2, 0, 9_000)
    });
    assert_eq!(reason, Refusal::UnknownSymbol);
    assert_eq!(exchange.events, [Event::Refused { reason }]);
    assert!(!exchange.engine.left_a_trace());
    assert!(snapshot(&exchange.engine) == before);
}

/// Holds R1.6.
#[test]
fn a_notional_is_exact() {
    let mut exchange = Exchange::new();
    exchange.place(sell(1, 3, 3_333));
    let bought = exchange.place(buy(2, 3, 3_333));
    assert_eq!(bought.filled_notional, Money::from(cents(9_999)));
}

/// Holds R1.7.
#[test]
fn time_never_decreases() {
    let mut exchange = Exchange::new();
    let latest = exchange.now;
    exchange.now -= SECOND;
    exchange.place(PlaceOrder {
        request: Some(Request { key: 1, body: 1 }),
        ..buy(1, 1, 9_000)
    });
    assert_eq!(exchange.engine.first_result(1).unwrap().at, latest);
}

/// Holds R1.8, R1.9.
#[test]
fn invalid_instruments_are_refused() {
    let mut exchange = Exchange::new();
    let define = Command::DefineInstrument;
    assert_eq!(exchange.apply_err(define(instrument("XYZ"))), Refusal::InstrumentExists);
    let good = instrument("ABC");
    let after_zero = Symbol(*b"A\0B\0\0\0\0\0\0\0\0\0\0\0\0\0");
    let invalid = [
        instrument(""),
        instrument("abc"),
        Instrument {
            symbol: after_zero,
            ..good
        },
        Instrument { tick: 0, ..good },
        Instrument {
            tick: MAX_PRICE + 1,
            ..good
        },
        Instrument { lot: 0, ..good },
        Instrument {
            lot: MAX_QUANTITY + 1,
            ..good
        },
        // 1e-9 × 0.5 units: a notional would not be a whole number of nanos.
        Instrument {
            tick: 1,
            lot: NANOS / 2,
            ..good
        },
        Instrument { collar_ppm: 0, ..good },
        Instrument {
            collar_ppm: 200_001,
            ..good
        },
        Instrument {
            band_ppm: 1_000_001,
            ..good
        },
    ];
    for instrument in invalid {
        assert_eq!(
            exchange.apply_err(define(instrument)),
            Refusal::InvalidInstrument,
            "{instrument:?}"
        );
    }
    exchange.apply_ok(define(good));
}

/// Holds R1.13.
#[test]
fn invalid_fees_are_refused() {
    let mut exchange = Exchange::new();
    for (maker_ppm, taker_ppm) in [(-10_001, 20_000), (-300, 299), (100_001, 0), (0, 100_001), (0, -1)] {
        let fees = Command::SetFees { maker_ppm, taker_ppm };
        assert_eq!(exchange.apply_err(fees), Refusal::InvalidFees, "{fees:?}");
    }
    for (maker_ppm, taker_ppm) in [(-10_000, 10_000), (100_000, 100_000)] {
        exchange.apply_ok(Command::SetFees { maker_ppm, taker_ppm });
    }
}

/// Holds R1.15.
#[test]
fn a_house_account_pays_the_fee_in_force() {
    let mut exchange = Exchange::with_feed();
    exchange.quote(1, (9_990, 10), (10_000, 10));
    exchange.apply_ok(Command::SetFees {
        maker_ppm: 500,
        taker_ppm: 500,
    });
    exchange.place(buy(1, 10, 10_000));
    let maker = exchange.events.iter().find_map(|event| match event {
        Event::TradeExecuted { maker, .. } => Some(*maker),
        _ => None,
    });
    assert_eq!(maker.unwrap().fee, dollars(1) / 2);
}

/// Holds R1.17, R1.18.
#[test]
fn unknown_versions_are_refused() {
    let mut exchange = Exchange::new();
    for version in [0, 1, 3] {
        assert_eq!(exchange.apply_err(Command::SetRules { version }), Refusal::UnknownRules);
    }
    for format in [0, 2] {
        assert_eq!(
            exchange.apply_err(Command::EnableFormat { format }),
            Refusal::UnknownFormat
        );
    }
    exchange.apply_ok(Command::SetRules { version: 2 });
    exchange.apply_ok(Command::EnableFormat { format: 1 });
}

/// Holds R7.1, R7.2.
#[test]
fn invalid_feeds_are_refused() {
    let mut exchange = Exchange::with_feed();
    let define = |house, silence_ns| Command::DefineFeed {
        feed: 2,
        house,
        silence_ns,
    };
    assert_eq!(exchange.apply_err(define(ALICE, 0)), Refusal::UnknownAccount);
    for silence_ns in [-1, 86_400 * SECOND + 1] {
        assert_eq!(
            exchange.apply_err(define(HOUSE_ACCOUNT, silence_ns)),
            Refusal::AmountOutOfRange
        );
    }
    exchange.apply_ok(define(HOUSE_ACCOUNT, 0));
    assert!(exchange.events.contains(&Event::FeedDefined {
        feed: 2,
        house: HOUSE_ACCOUNT,
        silence_ns: 5 * SECOND
    }));
}

/// Holds R7.4.
#[test]
fn a_feed_that_is_defined_again_is_silent_until_its_next_message() {
    let mut exchange = Exchange::with_feed();
    exchange.quote(1, (9_990, 10), (10_010, 10));
    exchange.apply_ok(Command::DefineFeed {
        feed: 1,
        house: HOUSE_ACCOUNT,
        silence_ns: SECOND,
    });
    assert_eq!(exchange.levels(Side::Buy), []);
    assert_eq!(exchange.engine.next_deadline(), None);
    exchange.quote(2, (9_990, 10), (10_010, 10));
    assert_eq!(exchange.engine.next_deadline(), Some(exchange.now + SECOND));
}

/// Holds R9.1, R9.6.
#[test]
fn invalid_splits_and_dividends_are_refused() {
    let mut exchange = Exchange::new();
    let split = |name, numerator, denominator| Command::Split {
        symbol: symbol(name),
        numerator,
        denominator,
    };
    assert_eq!(exchange.apply_err(split("NONE", 2, 1)), Refusal::UnknownSymbol);
    for (numerator, denominator) in [(0, 1), (1, 0), (1_001, 1), (1, 1_001), (2, 2)] {
        assert_eq!(
            exchange.apply_err(split("XYZ", numerator, denominator)),
            Refusal::InvalidSplit
        );
    }
    // The last price of 200,000.00 would become 200 million.
    exchange.trade_at(20_000_000);
    assert_eq!(exchange.apply_err(split("XYZ", 1, 1_000)), Refusal::InvalidSplit);

    let dividend = |name, amount| Command::Dividend {
        symbol: symbol(name),
        amount,
    };
    assert_eq!(exchange.apply_err(dividend("NONE", 1)), Refusal::UnknownSymbol);
    for amount in [0, Money::from(MAX_PRICE) + 1] {
        assert_eq!(exchange.apply_err(dividend("XYZ", amount)), Refusal::AmountOutOfRange);
    }
}
