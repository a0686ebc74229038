//! The time of the journal: the wall clock, with bounded steps.
//!
//! The wall clock of a machine can jump, by a wrong setting or a correction. The time of the journal must not: an
//! hour ahead for one command would end orders and sessions, and since the time of the journal never decreases, a
//! second of the rate limits would then last an hour.
//!
//! So within a term the time follows a monotonic clock. While the wall clock is away from it by more than
//! [`TOLERANCE_NS`], the time approaches the wall clock at double or half speed, and an alarm is raised. It never
//! stands still, so rates, deadlines and the retention of keys go on after a jump in either direction.
use cift_daemon::log;
use std::time::Instant;

/// A difference up to this is a correction of the clock, which the time follows at once.
const TOLERANCE_NS: i64 = 200_000_000;
/// A difference from which on an alarm is raised.
pub const ALARM_NS: i64 = 1_000_000_000;

/// Nanoseconds since the Unix epoch.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    started: Instant,
    time: i64,
    /// Reading of the monotonic clock at `time`.
    read_at: i64,
    /// The wall clock minus `time`, at the last reading.
    offset: i64,
}

impl Clock {
    /// `previous` is the time of the last record. `wall` is trusted at the start, because the exchange may have
    /// been down for any time.
    pub fn start(previous: i64, wall: i64) -> Clock {
        Clock {
            started: Instant::now(),
            time: previous.max(wall),
            read_at: 0,
            offset: wall - previous.max(wall),
        }
    }

    /// The present time.
    pub fn now(&mut self) -> i64 {
        let monotonic = i64::try_from(self.started.elapsed().as_nanos()).unwrap_or(i64::MAX);
        self.read(log::wall_clock_ns(), monotonic)
    }

    /// The time for these readings of the wall clock and the monotonic clock.
    pub fn read(&mut self, wall: i64, monotonic: i64) -> i64 {
        let elapsed = (monotonic - self.read_at).max(0);
        self.read_at = monotonic;
        let ahead = wall.saturating_sub(self.time.saturating_add(elapsed));
        self.time = if ahead.abs() <= TOLERANCE_NS {
            wall.max(self.time)
        } else if ahead > 0 {
            self.time.saturating_add(elapsed.saturating_mul(2)).min(wall)
        } else {
            self.time.saturating_add(elapsed / 2)
        };
        self.offset = wall.saturating_sub(self.time);
        self.time
    }

    /// By how much the wall clock is ahead of the time, at the last reading.
    pub fn offset(&self) -> i64 {
        self.offset
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cift_engine::*;

    const SECOND: i64 = 1_000_000_000;
    const HOUR: i64 = 3_600 * SECOND;
    const START: i64 = 1_800_000_000 * SECOND;

    fn clock() -> Clock {
        Clock::start(START - SECOND, START)
    }

    #[test]
    fn the_time_is_that_of_the_wall_clock_while_it_is_right() {
        let mut clock = clock();
        for second in 1..100 {
            // Drift and small corrections are followed.
            let wall = START + second * SECOND + (second % 3) * 1_000_000;
            assert_eq!(clock.read(wall, second * SECOND), wall);
        }
        assert_eq!(clock.offset(), 0);
    }

    #[test]
    fn a_reading_that_is_one_hour_ahead_does_not_move_the_time() {
        let mut clock = clock();
        let before = clock.read(START + SECOND, SECOND);
        let ahead = clock.read(START + HOUR, SECOND + 1_000_000);
        assert_eq!(ahead, before + 2_000_000);
        assert!(clock.offset() > ALARM_NS);
        let after = START + 2 * SECOND;
        assert_eq!(clock.read(after, 2 * SECOND), after, "the next reading is right again");
    }

    #[test]
    fn after_a_jump_either_way_the_time_goes_on_and_reaches_the_wall_clock() {
        for jump in [HOUR, -HOUR] {
            let mut clock = clock();
            let (mut previous, mut reached) = (clock.read(START, 0), None);
            for second in 1..3 * 3_600 {
                let wall = START + jump + second * SECOND;
                let time = clock.read(wall, second * SECOND);
                let step = time - previous;
                assert!(
                    (SECOND / 2..=2 * SECOND + TOLERANCE_NS).contains(&step),
                    "{jump} {second} {step}"
                );
                previous = time;
                reached = reached.or((time == wall).then_some(second));
            }
            let reached = reached.expect("the wall clock is reached");
            assert!((3_000..8_000).contains(&reached), "{jump}: {reached}");
        }
    }

    #[test]
    fn a_wall_clock_behind_the_journal_does_not_stop_the_time() {
        let mut clock = Clock::start(START + HOUR, START);
        assert_eq!(clock.read(START + 2 * SECOND, 2 * SECOND), START + HOUR + SECOND);
        assert!(clock.offset() < -ALARM_NS);
    }

    /// The rate, a deadline and the retention of a key over a jump of the wall clock, with the engine.
    #[test]
    fn rates_deadlines_and_keys_survive_a_jump_of_the_wall_clock() {
        let (mut engine, mut clock, mut events) = (Engine::new(), clock(), Vec::new());
        let symbol = cift_wire::text::parse_symbol("SPY").unwrap();
        let currency = cift_wire::text::parse_currency("USD").unwrap();
        let account = AccountId(10);
        let mut sequence = 0;
        let mut apply = |engine: &mut Engine, time, command| {
            sequence += 1;
            engine.apply(sequence, time, &command, &mut events)
        };
        let time = clock.read(START, 0);
        for command in [
            Command::DefineInstrument(Instrument {
                symbol,
                currency,
                tick: 10_000_000,
                lot: NANOS,
                band_ppm: 1_000_000,
                collar_ppm: 20_000,
            }),
            Command::OpenAccount {
                account,
                kind: AccountKind::Margin,
                role: AccountRole::Customer,
                currency,
            },
            Command::Deposit {
                account,
                transfer: TransferId(1),
                amount: 1_000_000 * Money::from(NANOS),
                request: None,
            },
        ] {
            assert!(matches!(apply(&mut engine, time, command), Outcome::Done { .. }));
        }
        let place = |number: u128, time_in_force| {
            Command::PlaceOrder(PlaceOrder {
                account,
                order: OrderId(number),
                symbol,
                side: Side::Buy,
                kind: OrderKind::Limit,
                time_in_force,
                quantity: NANOS,
                limit_price: Some(NANOS),
                stop_price: None,
                trail: None,
                display_quantity: None,
                post_only: false,
                reduce_only: false,
                self_trade_prevention: SelfTradePrevention::CancelNewest,
                class: OrderClass::Simple,
                request: Some(Request { key: number, body: 1 }),
            })
        };
        let until = TimeInForce::Gtd(START + 60 * SECOND);
        apply(&mut engine, clock.read(START + 2 * SECOND, 2 * SECOND), place(1, until));
        // One reading is a day and more ahead: nothing ends, no key is forgotten.
        let wrong = clock.read(START + 30 * HOUR, 2 * SECOND + 1_000);
        assert!(matches!(
            apply(&mut engine, wrong, place(2, TimeInForce::Gtc)),
            Outcome::Done { .. }
        ));
        assert_eq!(engine.open_orders(), 2);
        assert!(engine.first_result(1).is_some());
        // The rate's second goes on: 500 orders in the first second, and more in the next.
        let mut placed = 0;
        for number in 3..1_003 {
            let time = clock.read(START + 3 * SECOND + number as i64, 3 * SECOND + number as i64);
            let cancel = Command::CancelOrder {
                account,
                order: OrderId(number),
                request: None,
            };
            if matches!(
                apply(&mut engine, time, place(number, TimeInForce::Gtc)),
                Outcome::Done { .. }
            ) {
                placed += 1;
                apply(&mut engine, time, cancel);
            }
        }
        assert_eq!(placed, 250, "orders and cancels count");
        let next = clock.read(START + 4 * SECOND + SECOND / 2, 4 * SECOND + SECOND / 2);
        assert!(matches!(
            apply(&mut engine, next, place(2_000, TimeInForce::Gtc)),
            Outcome::Done { .. }
        ));
        // The deadline comes when the true time reaches it.
        apply(
            &mut engine,
            clock.read(START + 61 * SECOND, 61 * SECOND),
            Command::AdvanceTime,
        );
        assert_eq!(engine.order(OrderId(1)), None);
    }
}
