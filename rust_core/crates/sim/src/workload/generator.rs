//! The generator of the five comparison profiles.

use super::*;
use crate::random::Random;

pub(super) const CENT: i64 = 10_000_000;
pub(super) const SECOND: i64 = NANOS;
pub(super) const DAY: i64 = 86_400 * SECOND;
const START: Timestamp = 1_750_000_000 * SECOND;
pub(super) const FIRST_ACCOUNT: u128 = 100;
pub(super) const FIRST_HOUSE: u128 = 10;
pub(super) const HOUSES: u128 = 2;
/// In profiles that have this many, one account and one instrument use another currency.
pub(super) const EURO_ACCOUNT: AccountId = AccountId(FIRST_ACCOUNT + 5);
pub(super) const EURO_MARKET: usize = 3;

pub(super) struct Market {
    pub spec: Instrument,
    /// Price around which orders are placed, in ticks. It wanders.
    pub middle: i64,
    pub sequences: [u64; 4],
}

/// An order as it was sent. It may have ended, or may never have been accepted.
#[derive(Clone, Copy)]
pub(super) struct SentOrder {
    pub account: AccountId,
    pub order: OrderId,
    pub kind: OrderKind,
    pub market: usize,
}

pub(super) struct Generator {
    pub profile: Profile,
    pub random: Random,
    pub now: Timestamp,
    pub markets: Vec<Market>,
    pub accounts: u64,
    /// Only three accounts, which mostly close what they opened: many reduce-only cancels and self-trades.
    pub few_accounts: bool,
    pub next_id: u128,
    /// Recently sent orders, which may be open.
    pub recent: Vec<SentOrder>,
    pub requests: Vec<Command>,
    pub session: u64,
    pub out: Stream,
}

/// A stream of about `commands` commands, the setup included.
pub fn generate(profile: Profile, seed: u64, commands: usize) -> Stream {
    let mut random = Random::new(seed);
    let few_accounts = matches!(profile, Profile::Retail | Profile::Hostile) && random.one_in(4);
    let accounts = match profile {
        _ if few_accounts => 3,
        Profile::Retail => 14,
        Profile::Hostile => 8,
        Profile::Outside => 6,
        Profile::Sweep | Profile::Whale => 4,
    };
    let instruments = match profile {
        Profile::Retail => 4,
        Profile::Hostile => 3,
        Profile::Outside => 2,
        Profile::Sweep => 1 + random.below(2) as usize,
        Profile::Whale => 1,
    };
    let markets = (0..instruments)
        .map(|i| {
            // (tick, lot): cents and whole shares; pips and hundredths; coarse ticks with tiny lots.
            let grids = [
                (CENT, NANOS),
                (100_000, CENT),
                (NANOS / 4, 1_000),
                (CENT, NANOS),
                (NANOS, 1),
            ];
            let (tick, lot) = if profile == Profile::Whale {
                grids[0]
            } else {
                random.pick(&grids)
            };
            let bands: &[u32] = if profile == Profile::Sweep {
                &[900_000]
            } else {
                &[50_000, 100_000, 500_000, 1_000_000]
            };
            let band_ppm = random.pick(bands);
            let spec = Instrument {
                symbol: symbol(["AAA", "BRK.B", "C-D/2", "Z9"][i]),
                currency: currency(if i == EURO_MARKET { "EUR" } else { "USD" }),
                tick,
                lot,
                band_ppm,
                collar_ppm: if profile == Profile::Sweep {
                    band_ppm
                } else {
                    random.pick(&[band_ppm, band_ppm / 2, 30_000, 1]).min(band_ppm)
                },
            };
            Market {
                spec,
                middle: random.between(30, 600),
                sequences: [0; 4],
            }
        })
        .collect();
    let mut g = Generator {
        few_accounts,
        profile,
        random,
        now: START,
        markets,
        accounts,
        next_id: 1_000_000,
        recent: Vec::new(),
        requests: Vec::new(),
        session: 0,
        out: Vec::new(),
    };
    g.set_up();
    while g.out.len() < commands {
        g.step();
    }
    g.out
}

impl Generator {
    pub(super) fn push(&mut self, command: Command) {
        self.out.push((self.now, command));
    }
    pub(super) fn sweeping(&self) -> bool {
        self.profile == Profile::Sweep
    }

    fn set_up(&mut self) {
        self.push(Command::EngineStarted { epoch: 1 });
        for i in 0..self.markets.len() {
            self.push(Command::DefineInstrument(self.markets[i].spec));
        }
        for i in 0..HOUSES {
            let (account, kind, role) = (AccountId(FIRST_HOUSE + i), AccountKind::Margin, AccountRole::House);
            self.push(Command::OpenAccount {
                account,
                kind,
                role,
                currency: currency("USD"),
            });
        }
        for feed in 0..3 {
            let silence_ns = self.random.pick(&[0, SECOND, 60 * SECOND]);
            self.push(Command::DefineFeed {
                feed,
                house: AccountId(FIRST_HOUSE + u128::from(feed) % HOUSES),
                silence_ns,
            });
        }
        for i in 0..self.accounts {
            let kind = if i % 3 == 0 {
                AccountKind::Cash
            } else {
                AccountKind::Margin
            };
            let account = AccountId(FIRST_ACCOUNT + u128::from(i));
            let home = currency(if account == EURO_ACCOUNT && self.markets.len() > EURO_MARKET {
                "EUR"
            } else {
                "USD"
            });
            self.push(Command::OpenAccount {
                account,
                kind,
                role: AccountRole::Customer,
                currency: home,
            });
            let rich = matches!(self.profile, Profile::Sweep | Profile::Whale);
            let amount = if rich {
                1_000_000_000
            } else {
                self.random.between(100, 100_000)
            };
            let amount = Money::from(amount) * Money::from(NANOS);
            self.push(Command::Deposit {
                account,
                transfer: TransferId(account.0),
                amount,
                request: None,
            });
            if rich {
                let limits = Limits {
                    max_order_quantity: None,
                    max_order_notional: None,
                    max_position: None,
                    max_open_orders: 10_000,
                    max_orders_per_second: 1_000_000,
                    max_daily_loss: None,
                    leverage_percent: if kind == AccountKind::Cash { 100 } else { 1_000 },
                };
                self.push(Command::SetLimits { account, limits });
            }
        }
        if self.random.one_in(2) {
            let (maker_ppm, taker_ppm) = self.random.pick(&[(0, 1_000), (-200, 300), (2_500, 2_500), (100, 0)]);
            self.push(Command::SetFees { maker_ppm, taker_ppm });
        }
        if self.random.one_in(2) {
            self.push(Command::SetMargin {
                insurance: AccountId(FIRST_HOUSE),
                maintenance_percent: 100,
                interval_ns: SECOND / 100,
            });
        }
        for i in 0..self.markets.len() {
            if self.random.one_in(2) {
                self.quote(i, 0);
            } else {
                self.print(i, 1);
            }
        }
    }

    fn step(&mut self) {
        self.pass_time();
        if self.sweeping() && self.random.one_in(1_000) {
            return self.burst();
        }
        let hostile = self.profile == Profile::Hostile;
        if !self.requests.is_empty() && self.random.one_in(if hostile { 25 } else { 150 }) {
            return self.repeat();
        }
        //            place repl canc call quot prnt depo with rest lims stat fees sess halt splt divi time defs
        let weights: [u32; 18] = match self.profile {
            Profile::Retail => [560, 90, 120, 6, 60, 30, 10, 10, 2, 4, 3, 2, 3, 3, 1, 2, 20, 2],
            Profile::Hostile => [480, 110, 110, 15, 60, 40, 15, 25, 8, 20, 20, 8, 10, 14, 5, 6, 20, 20],
            Profile::Outside => [380, 60, 70, 4, 280, 150, 8, 6, 2, 2, 2, 2, 3, 6, 2, 2, 10, 8],
            Profile::Sweep => [9_000, 200, 100, 2, 12, 2, 10, 10, 1, 0, 0, 1, 2, 1, 1, 6, 40, 10],
            Profile::Whale => [500, 60, 60, 4, 90, 60, 40, 20, 3, 1, 3, 3, 3, 3, 6, 2, 10, 3],
        };
        let market = self.random.below(self.markets.len() as u64) as usize;
        let feed = self.random.below(3) as u32;
        match self.random.weighted(&weights) {
            0 => self.place(market),
            1 => self.replace(),
            2 => self.cancel(),
            3 => self.cancel_all(market),
            4 => self.quote(market, feed),
            5 => self.print(market, feed),
            6 | 7 => self.transfer(),
            8 => self.reset(),
            9 => self.limits(),
            10 => self.state(),
            11 if self.random.one_in(3) => self.margin(),
            11 => self.fees(),
            12 => self.new_session(),
            13 => self.halt(market),
            14 => self.split(market),
            15 => self.dividend(market),
            16 => self.push(Command::AdvanceTime),
            _ => self.definitions(market),
        }
    }

    fn pass_time(&mut self) {
        let step = match self.random.below(1_000) {
            0..=599 => 0,
            600..=899 => self.random.between(1, 5_000_000),
            900..=979 => self.random.between(1, SECOND),
            980..=994 => self.random.between(1, 20 * SECOND),
            995..=998 => self.random.between(1, 3_600 * SECOND),
            _ if self.random.one_in(2) => self.random.between(DAY / 2, 2 * DAY),
            _ => SECOND,
        };
        self.now += if self.sweeping() { step / 50 } else { step };
        if self.random.one_in(if self.sweeping() { 400 } else { 4 }) {
            for market in &mut self.markets {
                market.middle = (market.middle + self.random.between(-1, 1)).clamp(20, 2_000);
            }
        }
    }

    pub(super) fn next_sequence(&mut self, market: usize, feed: u32) -> u64 {
        let known = &mut self.markets[market].sequences[feed as usize % 4];
        if self.random.one_in(25) {
            return known.saturating_sub(self.random.below(3));
        }
        *known += 1 + self.random.below(2);
        *known
    }

    pub(super) fn quote(&mut self, market: usize, feed: u32) {
        let feed = if self.wrong() { 77 } else { feed };
        let source_sequence = self.next_sequence(market, feed);
        let (middle, tick, lot) = {
            let m = &self.markets[market];
            (m.middle, m.spec.tick, m.spec.lot)
        };
        let half = self.random.between(0, 3);
        let shift = self.random.between(-2, 2);
        let side = |ticks: i64, g: &mut Generator| {
            let off = if g.random.one_in(10) {
                g.random.between(-tick / 2, tick / 2)
            } else {
                0
            };
            let most = if g.profile == Profile::Whale {
                MAX_QUANTITY / lot
            } else {
                40
            };
            let lots = if g.random.one_in(15) {
                0
            } else {
                g.random.between(1, most)
            };
            let quantity = lots * lot + if g.random.one_in(10) { lot / 2 } else { 0 };
            let quantity = if g.wrong() {
                g.random.pick(&[-1, MAX_QUANTITY + 1, MAX_QUANTITY])
            } else {
                quantity
            };
            let price = if g.wrong() {
                g.random.pick(&[0, -5, 1, MAX_PRICE + 1])
            } else {
                ticks.max(1) * tick + off
            };
            OutsideSide { price, quantity }
        };
        let bid = side(middle + shift - half, self);
        let ask = side(middle + shift + half + i64::from(!self.random.one_in(12)), self);
        self.push(Command::OutsideQuote {
            feed,
            source_sequence,
            symbol: self.markets[market].spec.symbol,
            bid,
            ask,
        });
    }

    pub(super) fn print(&mut self, market: usize, feed: u32) {
        let feed = if self.wrong() { 78 } else { feed };
        let source_sequence = self.next_sequence(market, feed);
        let mut price = self.price(market, if self.sweeping() { 12 } else { 4 });
        let mut quantity = self.quantity(market);
        if self.random.one_in(12) {
            price = price.saturating_add(self.random.between(-2, 2));
            quantity = quantity.saturating_add(1);
        }
        if self.sweeping() && self.random.one_in(3) {
            quantity = 3_000 * self.markets[market].spec.lot;
        }
        let symbol = self.markets[market].spec.symbol;
        self.push(Command::OutsideTrade {
            feed,
            source_sequence,
            symbol,
            price,
            quantity,
        });
    }
}
