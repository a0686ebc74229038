//! Deadlines, sessions.

mod support;
use cift_engine::*;
use support::*;

#[test]
fn a_good_till_order_ends_at_its_time_before_the_command_that_comes_later() {
    let mut exchange = Exchange::new();
    let time = exchange.now + SECOND;
    exchange.place(PlaceOrder {
        time_in_force: TimeInForce::Gtd(time),
        ..buy(1, 10, 10_000)
    });
    assert_eq!(exchange.engine.next_deadline(), Some(time));
    exchange.now += SECOND;
    exchange.place(sell(2, 10, 10_000));
    assert_eq!(exchange.closed(), [(order(1), CloseReason::TimeReached)]);
    assert_eq!(exchange.trades(), []);
    assert_eq!(exchange.engine.next_deadline(), None);
}

#[test]
fn a_close_ends_day_orders_and_leaves_the_others() {
    let mut exchange = Exchange::with_feed();
    let closes_at = Some(exchange.now + SECOND);
    exchange.done(Command::SetSession { session: 1, closes_at });
    exchange.quote(1, (9_000, 10), (11_000, 10));
    exchange.place(buy(1, 10, 10_000));
    exchange.place(PlaceOrder {
        time_in_force: TimeInForce::Gtc,
        ..buy(2, 10, 10_000)
    });
    exchange.now += SECOND;
    exchange.done(Command::AdvanceTime);
    assert_eq!(exchange.closed(), [(order(1), CloseReason::SessionClosed)]);
    assert!(exchange.events.contains(&Event::SessionClosed { session: 1 }));
    assert_eq!(exchange.levels(Side::Buy), [(10_000, 10, 1)]);
    assert_eq!(exchange.levels(Side::Sell), []);
    assert_eq!(
        exchange.quote(2, (9_000, 10), (11_000, 10)),
        Outcome::Refused(Refusal::MarketClosed)
    );
    exchange.cancel(ALICE, order(2));
}

#[test]
fn a_new_session_closes_the_old_one_first() {
    let mut exchange = Exchange::new();
    exchange.done(Command::SetSession {
        session: 1,
        closes_at: None,
    });
    exchange.place(buy(1, 10, 10_000));
    exchange.done(Command::SetSession {
        session: 2,
        closes_at: None,
    });
    assert_eq!(exchange.closed(), [(order(1), CloseReason::SessionClosed)]);
    let word = |event: &&Event| matches!(event, Event::SessionClosed { .. } | Event::SessionSet { .. });
    let words: Vec<_> = exchange.events.iter().filter(word).collect();
    assert_eq!(
        words,
        [
            &Event::SessionClosed { session: 1 },
            &Event::SessionSet {
                session: 2,
                closes_at: None
            }
        ]
    );
}

#[test]
fn sessions_rise_and_close_in_the_future() {
    let mut exchange = Exchange::new();
    exchange.done(Command::SetSession {
        session: 5,
        closes_at: None,
    });
    assert_eq!(
        exchange.refused(Command::SetSession {
            session: 5,
            closes_at: None
        }),
        Refusal::InvalidSession
    );
    let closes_at = Some(exchange.now);
    assert_eq!(
        exchange.refused(Command::SetSession { session: 6, closes_at }),
        Refusal::InvalidSession
    );
}

#[test]
fn epochs_rise() {
    let mut exchange = Exchange::new();
    exchange.done(Command::EngineStarted { epoch: 3 });
    assert_eq!(exchange.engine.epoch(), 3);
    assert_eq!(
        exchange.refused(Command::EngineStarted { epoch: 3 }),
        Refusal::StaleEpoch
    );
}
