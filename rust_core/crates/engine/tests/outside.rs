//! The outside market through a house account.

mod support;
use cift_engine::*;
use support::*;

/// Holds R7.5, R7.20.
#[test]
fn a_quote_rests_in_the_book_and_trades_with_users() {
    let mut exchange = Exchange::with_feed();
    exchange.quote(1, (9_990, 50), (10_010, 30));
    assert_eq!(exchange.levels(Side::Sell), [(10_010, 30, 1)]);
    exchange.place(buy(1, 10, 10_010));
    assert_eq!(exchange.trades(), [(10_010, 10, OrderId(0), order(1))]);
    assert_eq!(exchange.position(HOUSE_ACCOUNT), -10);
}

/// Holds R7.21.
#[test]
fn consumed_quantity_returns_only_with_a_new_quote() {
    let mut exchange = Exchange::with_feed();
    exchange.quote(1, (9_990, 50), (10_010, 30));
    exchange.place(buy(1, 10, 10_010));
    assert_eq!(exchange.levels(Side::Sell), [(10_010, 20, 1)]);
    exchange.quote(2, (9_990, 50), (10_010, 30));
    assert_eq!(exchange.levels(Side::Sell), [(10_010, 30, 2)]);
}

/// Holds R7.21, R7.22.
#[test]
fn a_larger_quote_joins_behind_users_and_a_smaller_one_shrinks_the_newest_chunk() {
    let mut exchange = Exchange::with_feed();
    exchange.quote(1, (9_990, 10), (10_010, 10));
    exchange.place(buy(1, 5, 9_990));
    exchange.quote(2, (9_990, 30), (10_010, 10));
    exchange.quote(3, (9_990, 12), (10_010, 10)); // the 20 that joined shrink to 2
    exchange.place(sell(2, 16, 9_990));
    assert_eq!(
        exchange.trades(),
        [
            (9_990, 10, OrderId(0), order(2)),
            (9_990, 5, order(1), order(2)),
            (9_990, 1, OrderId(0), order(2))
        ]
    );
}

/// Holds R7.17.
#[test]
fn a_quote_at_a_new_price_leaves_the_old_one() {
    let mut exchange = Exchange::with_feed();
    exchange.quote(1, (9_990, 10), (10_010, 10));
    exchange.quote(2, (9_995, 10), (10_010, 10));
    assert_eq!(exchange.levels(Side::Buy), [(9_995, 10, 1)]);
}

/// Holds R7.18.
#[test]
fn a_quote_that_crosses_a_user_trades_at_the_users_price_up_to_its_size() {
    let mut exchange = Exchange::with_feed();
    exchange.place(sell(1, 30, 10_000));
    exchange.quote(1, (10_020, 10), (10_030, 10));
    assert_eq!(exchange.trades(), [(10_000, 10, order(1), OrderId(0))]);
    assert_eq!(exchange.levels(Side::Sell), [(10_000, 20, 1), (10_030, 10, 1)]);
    assert_eq!(exchange.levels(Side::Buy), []);
    exchange.quote(2, (10_020, 15), (10_030, 10)); // the same price again: it crosses again
    assert_eq!(exchange.trades(), [(10_000, 15, order(1), OrderId(0))]);
}

/// Holds R7.19.
#[test]
fn a_newer_quote_withdraws_the_crossed_quote_of_another_feed() {
    let mut exchange = Exchange::with_feed();
    exchange.apply_ok(Command::DefineFeed {
        feed: 2,
        house: HOUSE_ACCOUNT,
        silence_ns: 0,
    });
    exchange.quote(1, (9_990, 10), (10_010, 10));
    exchange.apply(Command::OutsideQuote {
        feed: 2,
        source_sequence: 1,
        symbol: symbol("XYZ"),
        bid: OutsideSide {
            price: cents(10_020),
            quantity: units(5),
        },
        ask: OutsideSide {
            price: cents(10_030),
            quantity: units(5),
        },
    });
    assert_eq!(exchange.trades(), []);
    assert_eq!(exchange.levels(Side::Sell), [(10_030, 5, 1)]);
    assert_eq!(exchange.levels(Side::Buy), [(10_020, 5, 1), (9_990, 10, 1)]);
}

/// Holds R7.14.
#[test]
fn prices_off_the_tick_are_rounded_away_from_the_market() {
    let mut exchange = Exchange::with_feed();
    exchange.apply(Command::OutsideQuote {
        feed: 1,
        source_sequence: 1,
        symbol: symbol("XYZ"),
        bid: OutsideSide {
            price: cents(9_990) + 5_000_000,
            quantity: units(5) + 1,
        },
        ask: OutsideSide {
            price: cents(10_010) + 1,
            quantity: units(5),
        },
    });
    assert_eq!(exchange.levels(Side::Buy), [(9_990, 5, 1)]);
    assert_eq!(exchange.levels(Side::Sell), [(10_011, 5, 1)]);
}

/// Holds R7.12, R7.15.
#[test]
fn a_crossed_quote_withdraws_both_sides_and_records_its_sequence() {
    let mut exchange = Exchange::with_feed();
    exchange.quote(1, (9_990, 10), (10_010, 10));
    assert_eq!(
        exchange.quote(2, (10_010, 10), (10_010, 10)),
        Outcome::Refused(Refusal::CrossedQuote)
    );
    assert_eq!(
        (exchange.levels(Side::Buy), exchange.levels(Side::Sell)),
        (vec![], vec![])
    );
    assert_eq!(
        exchange.quote(2, (9_990, 10), (10_010, 10)),
        Outcome::Refused(Refusal::StaleSourceSequence)
    );
}

/// Holds R7.25, R7.27.
#[test]
fn a_print_consumes_its_level_in_time_order() {
    let mut exchange = Exchange::with_feed();
    exchange.quote(1, (9_990, 10), (10_010, 10));
    exchange.place(buy(1, 5, 9_990));
    exchange.outside_print(2, 9_990, 12);
    assert_eq!(exchange.trades(), [(9_990, 2, order(1), OrderId(0))]);
    assert_eq!(exchange.levels(Side::Buy), [(9_990, 3, 1)]);
    assert!(exchange
        .events
        .iter()
        .any(|event| matches!(event, Event::OutsideTraded { .. })));
}

/// Holds R7.25.
#[test]
fn a_print_beyond_a_users_price_fills_at_the_users_price() {
    let mut exchange = Exchange::with_feed();
    exchange.place(buy(1, 5, 9_990));
    exchange.outside_print(1, 9_900, 100);
    assert_eq!(exchange.trades(), [(9_990, 5, order(1), OrderId(0))]);
    assert_eq!(
        exchange.engine.quote(symbol("XYZ")).unwrap().last.unwrap().0,
        cents(9_900)
    );
}

/// Holds R7.29, R8.1.
#[test]
fn a_silent_feed_is_withdrawn_at_its_deadline() {
    let mut exchange = Exchange::with_feed();
    exchange.quote(1, (9_990, 10), (10_010, 10));
    assert_eq!(exchange.engine.next_deadline(), Some(exchange.now + 5 * SECOND));
    exchange.now += 5 * SECOND - 1_000_000;
    exchange.apply_ok(Command::AdvanceTime);
    assert!(exchange.events.contains(&Event::FeedWithdrawn { feed: 1 }));
    assert_eq!(exchange.levels(Side::Buy), []);
    assert_eq!(exchange.engine.next_deadline(), None);
}

/// Holds R7.7, R7.11.
#[test]
fn stale_and_unknown_sources_are_refused() {
    let mut exchange = Exchange::with_feed();
    exchange.outside_print(5, 10_000, 1);
    assert_eq!(
        exchange.outside_print(5, 10_000, 1),
        Outcome::Refused(Refusal::StaleSourceSequence)
    );
    let unknown = Command::OutsideTrade {
        feed: 9,
        source_sequence: 1,
        symbol: symbol("XYZ"),
        price: cents(1),
        quantity: units(1),
    };
    assert_eq!(exchange.apply_err(unknown), Refusal::UnknownFeed);
}

/// Holds R2.5.
#[test]
fn the_house_account_pays_for_what_it_buys() {
    let mut exchange = Exchange::with_feed();
    exchange.quote(1, (10_000, 10), (10_010, 10));
    exchange.place(sell(1, 10, 10_000));
    assert_eq!(exchange.view(HOUSE_ACCOUNT).cash, -dollars(1_000));
    assert_eq!(exchange.view(CAROL).cash, dollars(101_000));
}

/// Holds R7.32.
#[test]
fn a_house_account_at_its_bound_drops_the_rest_of_a_print_and_stops_are_scanned_once() {
    let mut exchange = Exchange::with_feed();
    let rich = |number| AccountId(600 + number);
    for number in 0..5 {
        exchange.open(rich(number), AccountKind::Margin, AccountRole::Customer);
        exchange.deposit(rich(number), MAX_TRANSFER);
        exchange.place(by(rich(number), buy(number, 1_000_000_000, 2)));
    }
    exchange.outside_print(1, 2, 1_000_000_000);
    exchange.outside_print(2, 2, 1_000_000_000);
    exchange.outside_print(3, 2, 1_000_000_000);
    exchange.outside_print(4, 2, 999_999_999);
    exchange.outside_print(5, 5, 1); // no opposite order: only the tape
    let trail = Some(Trail::Amount(cents(1)));
    let kind = OrderKind::TrailingStop;
    exchange.place(PlaceOrder {
        kind,
        trail,
        limit_price: None,
        ..by(CAROL, buy(9, 1, 1))
    });
    exchange.outside_print(6, 1, 1_000_000_000);
    assert_eq!(exchange.trades(), [(2, 1, order(3), OrderId(0))]);
    assert_eq!(exchange.position(HOUSE_ACCOUNT), -MAX_POSITION / NANOS);
    let moves = exchange
        .events
        .iter()
        .filter(|event| matches!(event, Event::OrderAdjusted { .. }))
        .count();
    assert_eq!(moves, 1);
}

/// Holds R4.51.
#[test]
fn outside_quotes_pass_no_order_checks() {
    let mut exchange = Exchange::with_feed();
    exchange.trade_at(10_000);
    // Far beyond the band, and the house account has no cash.
    exchange.quote(1, (20_000, 1_000_000), (30_000, 1));
    assert_eq!(exchange.levels(Side::Buy), [(20_000, 1_000_000, 1)]);
}

/// Holds R7.6.
#[test]
fn a_quote_emits_only_level_changes() {
    let mut exchange = Exchange::with_feed();
    exchange.quote(1, (9_990, 10), (10_010, 10));
    assert_eq!(exchange.events.len(), 2);
    assert!(exchange
        .events
        .iter()
        .all(|event| matches!(event, Event::LevelChanged { .. })));
}

/// Holds R7.8, R7.9, R7.10.
#[test]
fn invalid_quotes_are_refused() {
    let mut exchange = Exchange::with_feed();
    exchange.apply_ok(Command::DefineInstrument(Instrument {
        symbol: symbol("EUR"),
        currency: currency("EUR"),
        tick: cents(1),
        lot: units(1),
        band_ppm: 200_000,
        collar_ppm: 50_000,
    }));
    let quote = |name, price, quantity| Command::OutsideQuote {
        feed: 1,
        source_sequence: 1,
        symbol: symbol(name),
        bid: OutsideSide { price, quantity },
        ask: OutsideSide::default(),
    };
    let cases = [
        (quote("NONE", 1, 1), Refusal::UnknownSymbol),
        (quote("EUR", 1, 1), Refusal::CurrencyMismatch),
        (quote("XYZ", 1, -1), Refusal::QuantityOutOfRange),
        (quote("XYZ", 1, MAX_QUANTITY + 1), Refusal::QuantityOutOfRange),
        (quote("XYZ", 0, 1), Refusal::PriceOutOfRange),
        (quote("XYZ", MAX_PRICE + 1, 1), Refusal::PriceOutOfRange),
    ];
    for (command, reason) in cases {
        assert_eq!(exchange.apply_err(command), reason, "{command:?}");
    }
    exchange.apply_ok(quote("XYZ", 0, 0));
}

/// Holds R7.16, R7.30, R7.31.
#[test]
fn a_halt_withdraws_quotes_until_the_next_quote_after_the_resume() {
    let mut exchange = Exchange::with_feed();
    let (halt, resume) = (
        |name| Command::Halt { symbol: symbol(name) },
        |name| Command::Resume { symbol: symbol(name) },
    );
    assert_eq!(exchange.apply_err(halt("NONE")), Refusal::UnknownSymbol);
    assert_eq!(exchange.apply_err(resume("NONE")), Refusal::UnknownSymbol);
    exchange.quote(1, (9_990, 10), (10_010, 10));
    exchange.apply_ok(halt("XYZ"));
    assert_eq!(exchange.levels(Side::Buy), []);
    exchange.quote(2, (9_990, 10), (10_010, 10));
    assert_eq!(exchange.levels(Side::Buy), []);
    exchange.apply_ok(halt("XYZ"));
    assert_eq!(exchange.events, [Event::Halted { symbol: symbol("XYZ") }]);
    exchange.apply_ok(resume("XYZ"));
    assert_eq!(exchange.levels(Side::Buy), []);
    exchange.quote(3, (9_990, 10), (10_010, 10));
    assert_eq!(exchange.levels(Side::Buy), [(9_990, 10, 1)]);
}

/// Holds R7.24.
#[test]
fn a_print_that_rounds_to_nothing_does_nothing() {
    let mut exchange = Exchange::with_feed();
    for (price, quantity) in [(5, units(1)), (cents(10_000), units(1) - 1)] {
        exchange.apply_ok(Command::OutsideTrade {
            feed: 1,
            source_sequence: exchange.sequence,
            symbol: symbol("XYZ"),
            price,
            quantity,
        });
        assert_eq!(exchange.events, []);
    }
    assert_eq!(exchange.engine.quote(symbol("XYZ")).unwrap().last, None);
}

/// Holds R7.26.
#[test]
fn a_print_above_an_ask_sells_to_the_house_account() {
    let mut exchange = Exchange::with_feed();
    exchange.place(sell(1, 5, 10_000));
    exchange.outside_print(1, 10_100, 3);
    assert_eq!(exchange.trades(), [(10_000, 3, order(1), OrderId(0))]);
    assert_eq!(exchange.position(HOUSE_ACCOUNT), 3);
}

/// Holds R8.5.
#[test]
fn silent_feeds_are_withdrawn_in_the_order_of_definition() {
    let mut exchange = Exchange::with_feed();
    exchange.apply_ok(Command::DefineFeed {
        feed: 0,
        house: HOUSE_ACCOUNT,
        silence_ns: 0,
    });
    exchange.apply_ok(Command::OutsideTrade {
        feed: 0,
        source_sequence: 1,
        symbol: symbol("XYZ"),
        price: cents(10_000),
        quantity: units(1),
    });
    exchange.outside_print(1, 10_000, 1);
    exchange.now += 10 * SECOND;
    exchange.apply_ok(Command::AdvanceTime);
    assert_eq!(
        exchange.events,
        [Event::FeedWithdrawn { feed: 1 }, Event::FeedWithdrawn { feed: 0 }]
    );
}
