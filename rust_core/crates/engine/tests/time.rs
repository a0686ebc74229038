//! Deadlines and sessions.
//!

mod support;
use cift_engine::*;
use support::*;

/// Holds R8.1, R8.2, R8.3.
#[test]
fn a_good_till_date_order_expires_before_the_next_command() {
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

/// Holds R6.22, R7.13, R8.4.
#[test]
fn a_close_ends_day_orders_and_keeps_the_others() {
    let mut exchange = Exchange::with_feed();
    let closes_at = Some(exchange.now + SECOND);
    exchange.apply_ok(Command::SetSession { session: 1, closes_at });
    exchange.quote(1, (9_000, 10), (11_000, 10));
    exchange.place(buy(1, 10, 10_000));
    exchange.place(PlaceOrder {
        time_in_force: TimeInForce::Gtc,
        ..buy(2, 10, 10_000)
    });
    exchange.now += SECOND;
    exchange.apply_ok(Command::AdvanceTime);
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

/// Holds R8.9.
#[test]
fn a_new_session_closes_the_old_one_first() {
    let mut exchange = Exchange::new();
    exchange.apply_ok(Command::SetSession {
        session: 1,
        closes_at: None,
    });
    exchange.place(buy(1, 10, 10_000));
    exchange.apply_ok(Command::SetSession {
        session: 2,
        closes_at: None,
    });
    assert_eq!(exchange.closed(), [(order(1), CloseReason::SessionClosed)]);
    let session_event = |event: &&Event| matches!(event, Event::SessionClosed { .. } | Event::SessionSet { .. });
    let session_events: Vec<_> = exchange.events.iter().filter(session_event).collect();
    assert_eq!(
        session_events,
        [
            &Event::SessionClosed { session: 1 },
            &Event::SessionSet {
                session: 2,
                closes_at: None
            }
        ]
    );
}

/// Holds R8.8.
#[test]
fn a_session_must_increase_and_close_in_the_future() {
    let mut exchange = Exchange::new();
    exchange.apply_ok(Command::SetSession {
        session: 5,
        closes_at: None,
    });
    assert_eq!(
        exchange.apply_err(Command::SetSession {
            session: 5,
            closes_at: None
        }),
        Refusal::InvalidSession
    );
    let closes_at = Some(exchange.now);
    assert_eq!(
        exchange.apply_err(Command::SetSession { session: 6, closes_at }),
        Refusal::InvalidSession
    );
}

/// Holds R1.16.
#[test]
fn an_epoch_must_increase() {
    let mut exchange = Exchange::new();
    exchange.apply_ok(Command::EngineStarted { epoch: 3 });
    assert_eq!(exchange.engine.epoch(), 3);
    assert_eq!(
        exchange.apply_err(Command::EngineStarted { epoch: 3 }),
        Refusal::StaleEpoch
    );
}

/// Holds R8.7.
#[test]
fn a_refused_continue_does_no_due_work() {
    let mut exchange = Exchange::new();
    exchange.place(PlaceOrder {
        time_in_force: TimeInForce::Gtd(exchange.now + SECOND),
        ..buy(1, 10, 10_000)
    });
    exchange.now += 2 * SECOND;
    let outcome = exchange.step(&Command::Continue);
    assert_eq!(outcome, Outcome::Refused(Refusal::NothingToContinue));
    assert_eq!(exchange.status(order(1)), Some(OrderStatus::New));
}
