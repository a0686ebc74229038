//! The outside market through a house account.

mod support;
use cift_engine::*;
use support::*;

#[test]
fn a_quote_stands_in_the_book_and_trades_with_users() {
    let mut exchange = Exchange::with_feed();
    exchange.quote(1, (9_990, 50), (10_010, 30));
    assert_eq!(exchange.levels(Side::Sell), [(10_010, 30, 1)]);
    exchange.place(buy(1, 10, 10_010));
    assert_eq!(exchange.trades(), [(10_010, 10, OrderId(0), order(1))]);
    assert_eq!(exchange.position(HOUSE), -10);
}

#[test]
fn what_was_taken_comes_back_only_with_a_new_quote() {
    let mut exchange = Exchange::with_feed();
    exchange.quote(1, (9_990, 50), (10_010, 30));
    exchange.place(buy(1, 10, 10_010));
    assert_eq!(exchange.levels(Side::Sell), [(10_010, 20, 1)]);
    exchange.quote(2, (9_990, 50), (10_010, 30));
    assert_eq!(exchange.levels(Side::Sell), [(10_010, 30, 2)]);
}

#[test]
fn a_larger_quote_joins_behind_our_users_and_a_smaller_one_leaves_from_behind() {
    let mut exchange = Exchange::with_feed();
    exchange.quote(1, (9_990, 10), (10_010, 10));
    exchange.place(buy(1, 5, 9_990));
    exchange.quote(2, (9_990, 30), (10_010, 10));
    exchange.quote(3, (9_990, 12), (10_010, 10)); // the joined 20 shrink to 2
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

#[test]
fn a_new_price_leaves_and_joins_anew() {
    let mut exchange = Exchange::with_feed();
    exchange.quote(1, (9_990, 10), (10_010, 10));
    exchange.quote(2, (9_995, 10), (10_010, 10));
    assert_eq!(exchange.levels(Side::Buy), [(9_995, 10, 1)]);
}

#[test]
fn a_quote_that_crosses_a_user_fills_him_at_his_price_up_to_its_size() {
    let mut exchange = Exchange::with_feed();
    exchange.place(sell(1, 30, 10_000));
    exchange.quote(1, (10_020, 10), (10_030, 10));
    assert_eq!(exchange.trades(), [(10_000, 10, order(1), OrderId(0))]);
    assert_eq!(exchange.levels(Side::Sell), [(10_000, 20, 1), (10_030, 10, 1)]);
    assert_eq!(exchange.levels(Side::Buy), []);
    exchange.quote(2, (10_020, 15), (10_030, 10)); // again at the same price: it crosses again
    assert_eq!(exchange.trades(), [(10_000, 15, order(1), OrderId(0))]);
}

#[test]
fn a_newer_quote_withdraws_another_feeds_crossed_one() {
    let mut exchange = Exchange::with_feed();
    exchange.done(Command::DefineFeed {
        feed: 2,
        house: HOUSE,
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

#[test]
fn a_crossed_quote_withdraws_both_sides_and_counts() {
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

#[test]
fn a_print_consumes_its_level_in_time_order() {
    let mut exchange = Exchange::with_feed();
    exchange.quote(1, (9_990, 10), (10_010, 10));
    exchange.place(buy(1, 5, 9_990));
    exchange.tape(2, 9_990, 12);
    assert_eq!(exchange.trades(), [(9_990, 2, order(1), OrderId(0))]);
    assert_eq!(exchange.levels(Side::Buy), [(9_990, 3, 1)]);
    assert!(exchange
        .events
        .iter()
        .any(|event| matches!(event, Event::OutsideTraded { .. })));
}

#[test]
fn a_print_through_a_user_fills_him_at_his_own_price() {
    let mut exchange = Exchange::with_feed();
    exchange.place(buy(1, 5, 9_990));
    exchange.tape(1, 9_900, 100);
    assert_eq!(exchange.trades(), [(9_990, 5, order(1), OrderId(0))]);
    assert_eq!(
        exchange.engine.quote(symbol("XYZ")).unwrap().last.unwrap().0,
        cents(9_900)
    );
}

#[test]
fn a_silent_feed_is_withdrawn_at_its_deadline() {
    let mut exchange = Exchange::with_feed();
    exchange.quote(1, (9_990, 10), (10_010, 10));
    assert_eq!(exchange.engine.next_deadline(), Some(exchange.now + 5 * SECOND));
    exchange.now += 5 * SECOND - 1_000_000;
    exchange.done(Command::AdvanceTime);
    assert!(exchange.events.contains(&Event::FeedWithdrawn { feed: 1 }));
    assert_eq!(exchange.levels(Side::Buy), []);
    assert_eq!(exchange.engine.next_deadline(), None);
}

#[test]
fn stale_and_unknown_sources_are_refused() {
    let mut exchange = Exchange::with_feed();
    exchange.tape(5, 10_000, 1);
    assert_eq!(
        exchange.tape(5, 10_000, 1),
        Outcome::Refused(Refusal::StaleSourceSequence)
    );
    let unknown = Command::OutsideTrade {
        feed: 9,
        source_sequence: 1,
        symbol: symbol("XYZ"),
        price: cents(1),
        quantity: units(1),
    };
    assert_eq!(exchange.refused(unknown), Refusal::UnknownFeed);
}

#[test]
fn the_house_pays_for_what_it_buys() {
    let mut exchange = Exchange::with_feed();
    exchange.quote(1, (10_000, 10), (10_010, 10));
    exchange.place(sell(1, 10, 10_000));
    assert_eq!(exchange.view(HOUSE).cash, -dollars(1_000));
    assert_eq!(exchange.view(CAROL).cash, dollars(101_000));
}

#[test]
fn a_house_at_its_bound_drops_the_rest_of_a_print_and_stops_look_once() {
    let mut exchange = Exchange::with_feed();
    let rich = |number| AccountId(600 + number);
    for number in 0..5 {
        exchange.open(rich(number), AccountKind::Margin, AccountRole::Customer);
        exchange.deposit(rich(number), MAX_TRANSFER);
        exchange.place(by(rich(number), buy(number, 1_000_000_000, 2)));
    }
    exchange.tape(1, 2, 1_000_000_000);
    exchange.tape(2, 2, 1_000_000_000);
    exchange.tape(3, 2, 1_000_000_000);
    exchange.tape(4, 2, 999_999_999);
    exchange.tape(5, 5, 1); // nobody there: only the tape
    let trail = Some(Trail::Amount(cents(1)));
    let kind = OrderKind::TrailingStop;
    exchange.place(PlaceOrder {
        kind,
        trail,
        limit_price: None,
        ..by(CAROL, buy(9, 1, 1))
    });
    exchange.tape(6, 1, 1_000_000_000);
    assert_eq!(exchange.trades(), [(2, 1, order(3), OrderId(0))]);
    assert_eq!(exchange.position(HOUSE), -MAX_POSITION / NANOS);
    let moves = exchange
        .events
        .iter()
        .filter(|event| matches!(event, Event::OrderAdjusted { .. }))
        .count();
    assert_eq!(moves, 1);
}
