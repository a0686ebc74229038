//! While the mark stands still, no fill of an admitted order leaves a margin account with less equity than the
//! initial margin of its positions (R4.46). Random orders of every kind, replaces, cancels, withdrawals, changes of
//! limits and states; after each command a print sets the mark back.

use cift_engine::*;
use cift_sim::random::Random;

const CENT: i64 = 10_000_000;
const MARK: i64 = 100 * NANOS;
const TRADERS: std::ops::Range<u128> = 200..206;

struct Venue {
    engine: Engine,
    random: Random,
    now: i64,
    sequence: u64,
    source: u64,
    next: u128,
    events: Vec<Event>,
    fills: usize,
    short: usize,
}

fn name(text: &str) -> Symbol {
    let mut bytes = [0; 16];
    bytes[..text.len()].copy_from_slice(text.as_bytes());
    Symbol(bytes)
}

impl Venue {
    fn apply(&mut self, command: Command) -> Outcome {
        self.now += 20_000_000;
        let mut command = command;
        loop {
            self.sequence += 1;
            let outcome = self.engine.apply(self.sequence, self.now, &command, &mut self.events);
            if !self.engine.needs_continue() {
                return outcome;
            }
            command = Command::Continue;
        }
    }

    /// Sets the mark to `MARK`. The print may trigger stops, whose trades move it again.
    fn print(&mut self) {
        loop {
            self.print_once();
            let last = self.engine.quote(name("XYZ")).and_then(|quote| quote.last);
            if last.is_some_and(|last| last.0 == MARK) {
                return;
            }
        }
    }

    fn print_once(&mut self) {
        self.source += 1;
        self.apply(Command::OutsideTrade {
            feed: 1,
            source_sequence: self.source,
            symbol: name("XYZ"),
            price: MARK,
            quantity: NANOS,
        });
    }

    fn new(seed: u64, leverage_percent: u32, band_ppm: u32, taker_ppm: i32) -> Venue {
        let mut currency = Currency([0; 8]);
        currency.0[..3].copy_from_slice(b"USD");
        let mut venue = Venue {
            engine: Engine::new(),
            random: Random::new(seed),
            now: 1_750_000_000 * NANOS,
            sequence: 0,
            source: 0,
            next: 1_000,
            events: Vec::new(),
            fills: 0,
            short: 0,
        };
        venue.apply(Command::DefineInstrument(Instrument {
            symbol: name("XYZ"),
            currency,
            tick: CENT,
            lot: NANOS,
            band_ppm,
            collar_ppm: band_ppm / 2,
        }));
        venue.apply(Command::SetFees {
            maker_ppm: 0,
            taker_ppm,
        });
        let mut open = |account, role| {
            venue.apply(Command::OpenAccount {
                account: AccountId(account),
                kind: AccountKind::Margin,
                role,
                currency,
            })
        };
        open(50, AccountRole::House);
        for trader in TRADERS {
            open(trader, AccountRole::Customer);
        }
        for trader in TRADERS {
            let account = AccountId(trader);
            venue.apply(Command::Deposit {
                account,
                transfer: TransferId(trader),
                amount: 10_000 * Money::from(NANOS),
                request: None,
            });
            let limits = venue.engine.account(account).unwrap().limits;
            venue.apply(Command::SetLimits {
                account,
                limits: Limits {
                    leverage_percent,
                    ..limits
                },
            });
        }
        venue.apply(Command::DefineFeed {
            feed: 1,
            house: AccountId(50),
            silence_ns: 0,
        });
        venue.print();
        venue
    }

    fn price(&mut self) -> Price {
        MARK + self.random.between(-2_500, 2_500) * CENT
    }

    fn step(&mut self) {
        let account = AccountId(self.random.between(200, 205) as u128);
        self.next += 1;
        let (order, quantity) = (OrderId(self.next), self.random.between(1, 120) * NANOS);
        let recent = OrderId(self.next - self.random.between(1, 60) as u128);
        let (limit, stop) = (self.price(), self.price());
        let command = match self.random.below(100) {
            0..=74 => {
                let kind = self.random.pick(&[
                    OrderKind::Limit,
                    OrderKind::Limit,
                    OrderKind::Limit,
                    OrderKind::Market,
                    OrderKind::Stop,
                    OrderKind::StopLimit,
                ]);
                Command::PlaceOrder(PlaceOrder {
                    account,
                    order,
                    symbol: name("XYZ"),
                    side: self.random.pick(&[Side::Buy, Side::Sell]),
                    kind,
                    time_in_force: TimeInForce::Gtc,
                    quantity,
                    limit_price: matches!(kind, OrderKind::Limit | OrderKind::StopLimit).then_some(limit),
                    stop_price: matches!(kind, OrderKind::Stop | OrderKind::StopLimit).then_some(stop),
                    trail: None,
                    display_quantity: None,
                    post_only: false,
                    reduce_only: self.random.one_in(8),
                    self_trade_prevention: SelfTradePrevention::CancelOldest,
                    class: OrderClass::Simple,
                    request: None,
                })
            }
            75..=84 => Command::ReplaceOrder(ReplaceOrder {
                account,
                order: recent,
                quantity: self.random.one_in(2).then_some(quantity),
                limit_price: self.random.one_in(2).then_some(limit),
                stop_price: None,
                trail: None,
                request: None,
            }),
            85..=92 => Command::CancelOrder {
                account,
                order: recent,
                request: None,
            },
            93..=95 => Command::CancelAll {
                account,
                symbol: None,
                request: None,
            },
            96..=98 => Command::Withdraw {
                account,
                transfer: TransferId(self.next),
                amount: Money::from(self.random.between(1, 3_000)) * Money::from(NANOS),
                request: None,
            },
            _ => Command::Deposit {
                account,
                transfer: TransferId(self.next),
                amount: 2_000 * Money::from(NANOS),
                request: None,
            },
        };
        self.apply(command);
        self.print();
    }
}

fn hold(leverage: u32, band_ppm: u32, taker_ppm: i32, seed: u64, steps: usize) -> (usize, usize) {
    let mut venue = Venue::new(seed, leverage, band_ppm, taker_ppm);
    for step in 0..steps {
        venue.events.clear();
        venue.step();
        venue.fills += venue
            .events
            .iter()
            .filter(|e| matches!(e, Event::TradeExecuted { .. }))
            .count();
        for trader in TRADERS {
            let view = venue.engine.account(AccountId(trader)).unwrap();
            // The larger of 1 / leverage and the band, of the gross exposure.
            let rate = Money::from(1_000_000 * 100 / leverage).max(band_ppm.into());
            let margin = view.gross * rate / 1_000_000;
            assert!(
                view.equity >= margin,
                "leverage {leverage}, band {band_ppm}, seed {seed}, step {step}: account {trader} has {view:?}, \
                 its positions need {margin}; events {:?}",
                venue.events
            );
            venue.short += usize::from(view.gross > 0 && view.equity - margin < 500 * Money::from(NANOS));
        }
    }
    (venue.fills, venue.short)
}

/// Holds R4.46, R4.53.
#[test]
fn no_fill_leaves_equity_below_the_initial_margin_while_the_mark_stands() {
    let (mut fills, mut close) = (0, 0);
    for (leverage, band_ppm, taker_ppm) in [
        (200, 200_000, 0),
        (200, 200_000, 1_000),
        (100, 100_000, 0),
        (400, 200_000, 500),
        (1_000, 250_000, 0),
    ] {
        for seed in 0..10 {
            let (traded, near) = hold(leverage, band_ppm, taker_ppm, seed, 1_000);
            (fills, close) = (fills + traded, close + near);
        }
    }
    println!("{fills} fills, {close} times an account was close to its margin");
    assert!(fills > 5_000 && close > 1_000);
}
