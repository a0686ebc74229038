//! Random traders with leverage, and a mark that jumps: after each margin check no account owes anything, and cash and
//! positions sum to zero.

use cift_engine::*;
use cift_sim::random::Random;

const CENT: i64 = 10_000_000;
const TRADERS: std::ops::Range<u128> = 200..212;
const QUOTES: AccountId = AccountId(50);
const INSURANCE: AccountId = AccountId(51);
const INTERVAL_NS: i64 = 100_000_000;

struct Venue {
    engine: Engine,
    now: i64,
    sequence: u64,
    events: Vec<Event>,
    called: usize,
    taken_over: usize,
    deficits: usize,
}

fn symbol() -> Symbol {
    let mut bytes = [0; 16];
    bytes[..3].copy_from_slice(b"XYZ");
    Symbol(bytes)
}

fn currency() -> Currency {
    let mut currency = Currency([0; 8]);
    currency.0[..3].copy_from_slice(b"USD");
    currency
}

impl Venue {
    fn apply(&mut self, command: Command) -> Outcome {
        self.events.clear();
        let mut command = command;
        loop {
            self.sequence += 1;
            let outcome = self.engine.apply(self.sequence, self.now, &command, &mut self.events);
            if self.engine.needs_continue() {
                command = Command::Continue;
                continue;
            }
            for event in &self.events {
                match event {
                    Event::MarginCalled { .. } => self.called += 1,
                    Event::PositionMoved { .. } => self.taken_over += 1,
                    Event::CashMoved {
                        kind: CashKind::Deficit,
                        ..
                    } => self.deficits += 1,
                    _ => {}
                }
            }
            return outcome;
        }
    }

    fn new(random: &mut Random) -> Venue {
        let mut venue = Venue {
            engine: Engine::new(),
            now: 1_750_000_000 * NANOS,
            sequence: 0,
            events: Vec::new(),
            called: 0,
            taken_over: 0,
            deficits: 0,
        };
        venue.apply(Command::DefineInstrument(Instrument {
            symbol: symbol(),
            currency: currency(),
            tick: CENT,
            lot: NANOS,
            band_ppm: 300_000,
            collar_ppm: 50_000,
        }));
        venue.apply(Command::SetFees {
            maker_ppm: -100,
            taker_ppm: 300,
        });
        for (account, role) in [(QUOTES, AccountRole::House), (INSURANCE, AccountRole::House)]
            .into_iter()
            .chain(TRADERS.map(|trader| (AccountId(trader), AccountRole::Customer)))
        {
            venue.apply(Command::OpenAccount {
                account,
                kind: AccountKind::Margin,
                role,
                currency: currency(),
            });
        }
        venue.apply(Command::DefineFeed {
            feed: 1,
            house: QUOTES,
            silence_ns: 86_400 * NANOS,
        });
        venue.apply(Command::SetMargin {
            insurance: INSURANCE,
            maintenance_percent: 50,
            interval_ns: INTERVAL_NS,
        });
        for trader in TRADERS {
            let account = AccountId(trader);
            venue.apply(Command::Deposit {
                account,
                transfer: TransferId(trader),
                amount: 10_000 * Money::from(NANOS),
                request: None,
            });
            let limits = Limits {
                max_order_quantity: None,
                max_order_notional: None,
                max_position: None,
                max_open_orders: 500,
                max_orders_per_second: 1_000_000,
                max_daily_loss: None,
                leverage_percent: random.pick(&[200, 400, 1_000]),
            };
            venue.apply(Command::SetLimits { account, limits });
        }
        venue
    }

    fn order(&mut self, random: &mut Random, mark: i64) {
        let side = if random.one_in(2) { Side::Buy } else { Side::Sell };
        let limit = mark / CENT + mark / CENT * random.between(-20, 20) / 1_000;
        self.apply(Command::PlaceOrder(PlaceOrder {
            account: AccountId(TRADERS.start + u128::from(random.below(12))),
            order: OrderId(u128::from(self.sequence) + 10_000),
            symbol: symbol(),
            side,
            kind: OrderKind::Limit,
            time_in_force: TimeInForce::Gtc,
            quantity: (random.between(1, 60) * 100 * NANOS / mark.max(1)).max(1) * NANOS,
            limit_price: Some(limit.max(1) * CENT),
            stop_price: None,
            trail: None,
            display_quantity: None,
            post_only: false,
            reduce_only: false,
            self_trade_prevention: SelfTradePrevention::CancelOldest,
            class: OrderClass::Simple,
            request: None,
        }));
    }

    fn assert_sums(&self) {
        let (world, fees) = self.engine.world_and_fees(currency()).expect("the currency is in use");
        let (mut cash, mut lots) = (world + fees, 0i128);
        for account in TRADERS.map(AccountId).chain([QUOTES, INSURANCE]) {
            cash += self.engine.account(account).expect("opened").cash;
            let mut positions = Vec::new();
            self.engine.positions(account, &mut positions);
            lots += positions.iter().map(|held| i128::from(held.quantity)).sum::<i128>();
        }
        assert_eq!((cash, lots), (0, 0));
    }
}

/// Holds R13.4, R13.5, R13.7, R13.8, R2.1.
#[test]
fn no_account_owes_anything_after_a_margin_check() {
    let (mut called, mut taken_over, mut deficits) = (0, 0, 0);
    for seed in 1..=60 {
        let mut random = Random::new(seed);
        let mut venue = Venue::new(&mut random);
        let mut mark = 100 * NANOS;
        for step in 1..=40 {
            let jump = random.between(-180, 180);
            mark = (mark + mark * jump / 1_000) / CENT * CENT;
            mark = mark.clamp(2 * NANOS, 5_000 * NANOS);
            venue.apply(Command::OutsideTrade {
                feed: 1,
                source_sequence: step,
                symbol: symbol(),
                price: mark,
                quantity: NANOS,
            });
            // The trades of a liquidation move the mark and arm the next check. A few checks settle it.
            for _ in 0..TRADERS.count() + 1 {
                venue.now += INTERVAL_NS;
                venue.apply(Command::AdvanceTime);
            }
            for trader in TRADERS {
                let view = venue.engine.account(AccountId(trader)).expect("opened");
                assert!(
                    view.equity >= view.maintenance,
                    "seed {seed}, step {step}: equity {} below {}",
                    view.equity,
                    view.maintenance
                );
            }
            venue.assert_sums();
            for _ in 0..60 {
                venue.order(&mut random, mark);
            }
            venue.assert_sums();
        }
        called += venue.called;
        taken_over += venue.taken_over;
        deficits += venue.deficits;
    }
    println!("{called} margin calls, {taken_over} positions moved, {deficits} payments of deficits");
    assert!(called > 100 && taken_over > 10 && deficits > 0, "the flow is too tame");
}
