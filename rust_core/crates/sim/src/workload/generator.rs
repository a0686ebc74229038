//! The generator behind the four comparing profiles.

use super::*;
use crate::random::Random;

const CENT: i64 = 10_000_000;
const SECOND: i64 = NANOS;
const DAY: i64 = 86_400 * SECOND;
const START: Timestamp = 1_750_000_000 * SECOND;
const FIRST_ACCOUNT: u128 = 100;
const FIRST_HOUSE: u128 = 10;
const HOUSES: u128 = 2;

struct Market {
    spec: Instrument,
    /// Price around which orders come, in ticks; wanders.
    middle: i64,
    sequences: [u64; 4],
}

struct Generator {
    profile: Profile,
    random: Random,
    now: Timestamp,
    markets: Vec<Market>,
    accounts: u64,
    next_id: u128,
    /// Orders that may be open, and whose they are.
    recent: Vec<(AccountId, OrderId)>,
    requests: Vec<Command>,
    session: u64,
    out: Stream,
}

/// A stream of about `commands` commands (plus its opening).
pub fn generate(profile: Profile, seed: u64, commands: usize) -> Stream {
    let mut random = Random::new(seed);
    let accounts = match profile {
        Profile::Retail => 14,
        Profile::Hostile => 8,
        Profile::Outside => 6,
        Profile::Sweep => 4,
    };
    let instruments = match profile {
        Profile::Retail => 4,
        Profile::Hostile => 3,
        Profile::Outside => 2,
        Profile::Sweep => 1 + random.below(2) as usize,
    };
    let markets = (0..instruments)
        .map(|i| {
            // (tick, lot): cents and whole shares; pips and hundredths; a coarse tick with tiny lots.
            let (tick, lot) = random.pick(&[(CENT, NANOS), (100_000, CENT), (NANOS / 4, 1_000), (CENT, NANOS)]);
            let band_ppm = random.pick(&[50_000, 100_000, 500_000, 1_000_000]);
            let spec = Instrument {
                symbol: symbol(["AAA", "BRK.B", "C-D/2", "Z9"][i]),
                currency: currency(if i == 3 { "EUR" } else { "USD" }),
                tick,
                lot,
                band_ppm,
                collar_ppm: random.pick(&[band_ppm, band_ppm / 2, 30_000, 1]).min(band_ppm),
            };
            Market {
                spec,
                middle: random.between(30, 600),
                sequences: [0; 4],
            }
        })
        .collect();
    let mut g = Generator {
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
    g.open();
    while g.out.len() < commands {
        g.step();
    }
    g.out
}

impl Generator {
    fn push(&mut self, command: Command) {
        self.out.push((self.now, command));
    }
    fn sweeping(&self) -> bool {
        self.profile == Profile::Sweep
    }

    fn open(&mut self) {
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
            let home = currency(if i == 5 && !self.sweeping() { "EUR" } else { "USD" });
            self.push(Command::OpenAccount {
                account,
                kind,
                role: AccountRole::Customer,
                currency: home,
            });
            let amount = if self.sweeping() {
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
            if self.sweeping() {
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
        let hostile = self.profile == Profile::Hostile;
        if !self.requests.is_empty() && self.random.one_in(if hostile { 25 } else { 150 }) {
            return self.replay();
        }
        //            place repl canc call quot prnt depo with rest lims stat fees sess halt splt divi time defs
        let weights: [u32; 18] = match self.profile {
            Profile::Retail => [560, 90, 120, 6, 60, 30, 10, 10, 2, 4, 3, 2, 3, 3, 1, 2, 20, 2],
            Profile::Hostile => [480, 110, 110, 15, 60, 40, 15, 25, 8, 20, 20, 8, 10, 14, 5, 6, 20, 20],
            Profile::Outside => [380, 60, 70, 4, 280, 150, 8, 6, 2, 2, 2, 2, 3, 6, 2, 2, 10, 8],
            Profile::Sweep => [900, 20, 10, 2, 12, 6, 1, 1, 1, 0, 0, 1, 1, 1, 1, 2, 4, 1],
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
        if self.random.one_in(4) {
            for market in &mut self.markets {
                market.middle = (market.middle + self.random.between(-1, 1)).clamp(20, 2_000);
            }
        }
    }

    /// True for the share of values that a profile wants wrong.
    fn wrong(&mut self) -> bool {
        self.profile == Profile::Hostile && self.random.one_in(40)
    }
    fn account(&mut self) -> AccountId {
        if self.wrong() {
            return AccountId(self.random.pick(&[0, 1, 2, FIRST_HOUSE, 999]));
        }
        AccountId(FIRST_ACCOUNT + u128::from(self.random.below(self.accounts)))
    }
    fn id(&mut self) -> OrderId {
        if self.wrong() {
            return match self.recent.last() {
                Some((_, id)) if self.random.one_in(2) => *id,
                _ => OrderId(0),
            };
        }
        self.next_id += 1;
        OrderId(self.next_id)
    }
    /// A known order (most often with its owner).
    fn known(&mut self) -> (AccountId, OrderId) {
        if self.recent.is_empty() || self.wrong() {
            return (self.account(), OrderId(5));
        }
        let last = self.recent.len() as u64;
        let reach = if self.random.one_in(3) { last } else { last.min(12) };
        let back = self.random.below(reach);
        let (account, order) = self.recent[(last - 1 - back) as usize];
        (if self.wrong() { self.account() } else { account }, order)
    }
    fn remember(&mut self, account: AccountId, order: OrderId) {
        self.recent.push((account, order));
        if self.recent.len() > 120 {
            self.recent.remove(0);
        }
    }
    fn price(&mut self, market: usize, spread: i64) -> Price {
        if self.wrong() {
            return self
                .random
                .pick(&[0, -1, 1, MAX_PRICE, MAX_PRICE + 1, i64::MAX, i64::MIN, 12_345]);
        }
        let m = &self.markets[market];
        (m.middle + self.random.between(-spread, spread)).max(1) * m.spec.tick
    }
    fn quantity(&mut self, market: usize) -> Quantity {
        if self.wrong() {
            return self
                .random
                .pick(&[0, -1, 1, i64::MAX, i64::MIN, MAX_QUANTITY, MAX_QUANTITY + 1]);
        }
        let lots = match self.random.below(100) {
            0..=79 => self.random.between(1, 12),
            80..=97 => self.random.between(1, 150),
            _ => self.random.between(100, 20_000),
        };
        lots * self.markets[market].spec.lot
    }
    fn request(&mut self) -> Option<Request> {
        if self.random.below(100) < 70 {
            return None;
        }
        let key = u128::from(self.random.next());
        Some(Request { key, body: key ^ 7 })
    }
    fn push_request(&mut self, command: Command) {
        self.requests.push(command);
        if self.requests.len() > 60 {
            self.requests.remove(0);
        }
        self.push(command);
    }

    /// Sends an earlier command again, now and then with another body under the same key.
    fn replay(&mut self) {
        let index = self.random.below(self.requests.len() as u64) as usize;
        let mut command = self.requests[index];
        if self.random.one_in(4) {
            let request = match &mut command {
                Command::PlaceOrder(p) => &mut p.request,
                Command::ReplaceOrder(r) => &mut r.request,
                Command::CancelOrder { request, .. }
                | Command::CancelAll { request, .. }
                | Command::Deposit { request, .. }
                | Command::Withdraw { request, .. }
                | Command::ResetAccount { request, .. } => request,
                _ => return,
            };
            if let Some(request) = request {
                request.body += 1;
            }
        }
        self.push(command);
    }

    fn place(&mut self, market: usize) {
        use OrderKind::*;
        let sweeping = self.sweeping();
        let account = self.account();
        let side = self.random.pick(&[Side::Buy, Side::Sell]);
        let kinds: [u32; 5] = if sweeping {
            [4, 700, 150, 60, 60]
        } else {
            [150, 560, 110, 90, 90]
        };
        let kind = [Market, Limit, Stop, StopLimit, TrailingStop][self.random.weighted(&kinds)];
        let gtd = TimeInForce::Gtd(self.now + self.random.between(-SECOND / 100, 100 * SECOND));
        let lives = [
            TimeInForce::Day,
            TimeInForce::Gtc,
            TimeInForce::Ioc,
            TimeInForce::Fok,
            gtd,
        ];
        let mut time_in_force = lives[self.random.weighted(&[350, 350, 100, 100, 100])];
        if !matches!(kind, Market | Limit)
            && !self.random.one_in(60)
            && matches!(time_in_force, TimeInForce::Ioc | TimeInForce::Fok)
        {
            time_in_force = TimeInForce::Gtc;
        }
        let mut quantity = self.quantity(market);
        let mut spread = 4;
        if sweeping {
            let huge = self.random.one_in(250);
            let lots = if huge {
                self.random.between(1_000, 4_000)
            } else {
                self.random.between(1, 3)
            };
            quantity = lots * self.markets[market].spec.lot;
            spread = if huge { 15 } else { 12 };
            if !huge && self.random.below(10) < 8 {
                time_in_force = TimeInForce::Gtc;
            }
        }
        let wanted = |has: bool, g: &mut Random| has != g.one_in(150);
        let limit = wanted(matches!(kind, Limit | StopLimit), &mut self.random);
        let stop = wanted(matches!(kind, Stop | StopLimit), &mut self.random);
        let trail = wanted(kind == TrailingStop, &mut self.random);
        let mut limit_price = limit.then(|| self.price(market, spread));
        if sweeping && kind == Limit && quantity < 100 * self.markets[market].spec.lot && self.random.below(10) < 9 {
            // Most of them rest on their own side.
            let away = self.random.between(0, 12);
            let m = &self.markets[market];
            let ticks = if side == Side::Buy {
                m.middle - 1 - away
            } else {
                m.middle + 1 + away
            };
            limit_price = limit.then_some(ticks.max(1) * m.spec.tick);
        }
        let stop_price = stop.then(|| self.price(market, spread));
        let tick = self.markets[market].spec.tick;
        let trail = trail.then(|| match self.random.below(8) {
            0 => Trail::Ppm(self.random.pick(&[0, 1, 999_999, 1_000_000, 500_000])),
            1..=3 => Trail::Ppm(self.random.between(1_000, 90_000) as u32),
            4 => Trail::Amount(self.random.pick(&[0, tick / 2 + 1, MAX_PRICE, 50 * tick])),
            _ => Trail::Amount(self.random.between(1, 6) * tick),
        });
        let iceberg = if kind == Limit {
            self.random.one_in(8)
        } else {
            self.random.one_in(200)
        };
        let lot = self.markets[market].spec.lot;
        let display_quantity = iceberg.then(|| self.random.between(1, 4) * lot);
        let post_only = self.random.one_in(if kind == Limit { 10 } else { 200 });
        let reduce_only = self.random.one_in(8);
        let modes = [
            SelfTradePrevention::CancelNewest,
            SelfTradePrevention::CancelOldest,
            SelfTradePrevention::CancelBoth,
            SelfTradePrevention::None,
        ];
        let order = self.id();
        let class = self.class(market, side, kind, limit_price);
        let place = PlaceOrder {
            account,
            order,
            symbol: if self.wrong() {
                symbol("NONE")
            } else {
                self.markets[market].spec.symbol
            },
            side,
            kind,
            time_in_force,
            quantity,
            limit_price,
            stop_price,
            trail,
            display_quantity: display_quantity.filter(|_| class == OrderClass::Simple),
            post_only: post_only && class == OrderClass::Simple,
            reduce_only: reduce_only && (class == OrderClass::Simple || self.random.one_in(10)),
            self_trade_prevention: self.random.pick(&modes),
            class,
            request: self.request(),
        };
        self.remember(account, order);
        match class {
            OrderClass::Simple => {}
            OrderClass::Oco(leg) => self.remember(account, leg.order),
            OrderClass::Bracket(legs) | OrderClass::Oto(legs) => {
                if let Some(leg) = legs.take_profit {
                    self.remember(account, leg.order);
                }
                if let Some(leg) = legs.stop_loss {
                    self.remember(account, leg.order);
                }
            }
        }
        match place.request {
            Some(_) => self.push_request(Command::PlaceOrder(place)),
            None => self.push(Command::PlaceOrder(place)),
        }
    }

    fn class(&mut self, market: usize, side: Side, kind: OrderKind, limit: Option<Price>) -> OrderClass {
        if self.random.below(100) < 78 || matches!(kind, OrderKind::TrailingStop) && !self.random.one_in(50) {
            return OrderClass::Simple;
        }
        let tick = self.markets[market].spec.tick;
        let around = limit.unwrap_or(self.markets[market].middle * tick).clamp(0, MAX_PRICE) / tick * tick;
        let sign = if side == Side::Buy { 1 } else { -1 };
        let odd = if self.wrong() { -1 } else { 1 };
        let (up, down) = (self.random.between(1, 4) * odd, self.random.between(1, 4));
        let take_profit = TakeProfit {
            order: self.id(),
            limit_price: around + sign * up * tick,
        };
        let stop_price = around - sign * down * tick;
        let limited = self
            .random
            .one_in(3)
            .then(|| stop_price - sign * self.random.between(-1, 3) * tick);
        let stop_loss = StopLoss {
            order: self.id(),
            stop_price,
            limit_price: limited,
        };
        match self.random.below(10) {
            0..=4 => OrderClass::Bracket(Legs {
                take_profit: Some(take_profit),
                stop_loss: (!self.wrong()).then_some(stop_loss),
            }),
            5 => OrderClass::Oto(Legs {
                take_profit: Some(take_profit),
                stop_loss: None,
            }),
            6 => OrderClass::Oto(Legs {
                take_profit: None,
                stop_loss: Some(stop_loss),
            }),
            _ => {
                // The stop of an OCO is on the other side: above a buy's limit, below a sell's.
                let stop_price = around + sign * down * tick;
                OrderClass::Oco(StopLoss {
                    stop_price,
                    ..stop_loss
                })
            }
        }
    }

    fn replace(&mut self) {
        let (account, order) = self.known();
        let market = self.random.below(self.markets.len() as u64) as usize;
        let what = self.random.below(64);
        let quantity = (what & 3 != 0 && what & 4 != 0).then(|| self.quantity(market));
        let limit_price = (what & 24 == 24).then(|| self.price(market, 4));
        let stop_price = (what & 48 == 32 && what & 1 == 0).then(|| self.price(market, 5));
        let tick = self.markets[market].spec.tick;
        let trail = self
            .random
            .one_in(20)
            .then(|| Trail::Amount(self.random.between(0, 5) * tick));
        let request = self.request();
        let replace = ReplaceOrder {
            account,
            order,
            quantity,
            limit_price,
            stop_price,
            trail,
            request,
        };
        self.push_request(Command::ReplaceOrder(replace));
    }

    fn cancel(&mut self) {
        let (account, order) = self.known();
        let request = self.request();
        self.push_request(Command::CancelOrder {
            account,
            order,
            request,
        });
    }

    fn cancel_all(&mut self, market: usize) {
        let account = self.account();
        let one = self.random.one_in(2);
        let symbol = one.then(|| {
            if self.wrong() {
                symbol("NONE")
            } else {
                self.markets[market].spec.symbol
            }
        });
        let request = self.request();
        self.push_request(Command::CancelAll {
            account,
            symbol,
            request,
        });
    }

    fn next_sequence(&mut self, market: usize, feed: u32) -> u64 {
        let known = &mut self.markets[market].sequences[feed as usize % 4];
        if self.random.one_in(25) {
            return known.saturating_sub(self.random.below(3));
        }
        *known += 1 + self.random.below(2);
        *known
    }

    fn quote(&mut self, market: usize, feed: u32) {
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
            let lots = if g.random.one_in(15) {
                0
            } else {
                g.random.between(1, 40)
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

    fn print(&mut self, market: usize, feed: u32) {
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

    fn amount(&mut self) -> Money {
        if self.wrong() {
            return self.random.pick(&[0, -1, MAX_TRANSFER, MAX_TRANSFER + 1, i128::MAX]);
        }
        Money::from(self.random.between(1, 60_000)) * Money::from(NANOS / 4)
    }
    fn transfer(&mut self) {
        let (account, amount, request) = (self.account(), self.amount(), self.request());
        self.next_id += 1;
        let transfer = TransferId(self.next_id);
        let deposits = self.random.one_in(3);
        self.push_request(if deposits {
            Command::Deposit {
                account,
                transfer,
                amount,
                request,
            }
        } else {
            Command::Withdraw {
                account,
                transfer,
                amount,
                request,
            }
        });
    }
    fn reset(&mut self) {
        let (account, request) = (self.account(), self.request());
        let cash = if self.random.one_in(10) { 0 } else { self.amount() };
        self.next_id += 1;
        let cash = if self.sweeping() { cash * 100_000 } else { cash };
        self.push_request(Command::ResetAccount {
            account,
            transfer: TransferId(self.next_id),
            cash,
            request,
        });
    }

    fn limits(&mut self) {
        let account = self.account();
        let lot = self.markets[0].spec.lot;
        let r = &mut self.random;
        let limits = Limits {
            max_order_quantity: r.one_in(3).then(|| r.between(0, 40) * lot),
            max_order_notional: r
                .one_in(3)
                .then(|| Money::from(r.between(0, 9_000)) * Money::from(NANOS)),
            max_position: r.one_in(3).then(|| r.between(1, 120) * lot),
            max_open_orders: r.pick(&[0, 1, 3, 8, 500, 500, 10_000, 10_001]),
            max_orders_per_second: r.pick(&[0, 1, 4, 500, 500, 1_000_000, 1_000_001]),
            max_daily_loss: r
                .one_in(3)
                .then(|| Money::from(r.between(0, 5_000)) * Money::from(NANOS)),
            leverage_percent: if account.0.wrapping_sub(FIRST_ACCOUNT) % 3 == 0 && !r.one_in(10) {
                100
            } else {
                r.pick(&[99, 100, 150, 400, 1_000, 1_001])
            },
        };
        self.push(Command::SetLimits { account, limits });
    }

    fn state(&mut self) {
        let account = self.account();
        let states = [
            AccountState::Active,
            AccountState::ReduceOnly,
            AccountState::Suspended,
            AccountState::Closed,
        ];
        let state = states[self.random.weighted(&[6, 2, 1, 1])];
        self.push(Command::SetAccountState { account, state });
    }

    fn fees(&mut self) {
        let fees = [
            (0, 0),
            (0, 1_000),
            (-300, 300),
            (-300, 299),
            (2_500, 2_500),
            (100_001, 0),
            (0, -1),
            (100_000, 500),
        ];
        let (maker_ppm, taker_ppm) = self.random.pick(&fees);
        self.push(Command::SetFees { maker_ppm, taker_ppm });
    }

    fn new_session(&mut self) {
        if !self.random.one_in(12) {
            self.session += 1;
        }
        let closes_in = self.random.between(-SECOND / 20, 40 * SECOND);
        let closes_at = self.random.one_in(2).then_some(self.now + closes_in);
        self.push(Command::SetSession {
            session: self.session,
            closes_at,
        });
        if closes_at.is_some() {
            // A closed market is dull: open again soon.
            self.session += 1;
            let now = self.now;
            self.now += self.random.between(1, 60 * SECOND);
            if self.random.one_in(2) {
                let market = self.random.below(self.markets.len() as u64) as usize;
                self.place(market);
                self.quote(market, 0);
                self.cancel();
                self.print(market, 1);
            }
            assert!(self.now >= now);
            self.push(Command::SetSession {
                session: self.session,
                closes_at: None,
            });
        }
    }

    fn halt(&mut self, market: usize) {
        let symbol = if self.wrong() {
            symbol("NONE")
        } else {
            self.markets[market].spec.symbol
        };
        self.push(Command::Halt { symbol });
        for _ in 0..self.random.below(6) {
            match self.random.below(5) {
                0 => self.place(market),
                1 => self.quote(market, 0),
                2 => self.print(market, 1),
                _ => self.cancel(),
            }
        }
        self.push(Command::Resume { symbol });
    }

    fn split(&mut self, market: usize) {
        let ratios = [
            (2, 1),
            (1, 2),
            (3, 2),
            (7, 5),
            (1, 1),
            (0, 1),
            (1, 10),
            (10, 1),
            (1_001, 1),
        ];
        let (numerator, denominator) = self.random.pick(&ratios);
        self.push(Command::Split {
            symbol: self.markets[market].spec.symbol,
            numerator,
            denominator,
        });
        if numerator > 0 && denominator > 0 && numerator <= 1_000 {
            let m = &mut self.markets[market];
            m.middle = (m.middle * i64::from(denominator) / i64::from(numerator)).clamp(20, 2_000);
        }
    }

    fn dividend(&mut self, market: usize) {
        let amount = self.random.pick(&[1, 250_000_000, 333_333_333, 0, -5, 1_000_000_007]);
        self.push(Command::Dividend {
            symbol: self.markets[market].spec.symbol,
            amount,
        });
    }

    fn definitions(&mut self, market: usize) {
        let spec = self.markets[market].spec;
        match self.random.below(9) {
            0 => self.push(Command::DefineInstrument(spec)),
            1 => self.push(Command::DefineInstrument(Instrument {
                symbol: symbol("bad"),
                ..spec
            })),
            2 => self.push(Command::DefineInstrument(Instrument {
                symbol: symbol("X1"),
                tick: 3,
                lot: 7,
                ..spec
            })),
            3 => {
                let house = AccountId(self.random.pick(&[FIRST_HOUSE, FIRST_HOUSE + 1, FIRST_ACCOUNT, 1]));
                let silence_ns = self.random.pick(&[0, SECOND, -1, DAY + 1, 30 * SECOND]);
                let feed = self.random.below(3) as u32;
                self.push(Command::DefineFeed {
                    feed,
                    house,
                    silence_ns,
                });
            }
            4 => {
                let account = self.account();
                let kind = AccountKind::Margin;
                self.push(Command::OpenAccount {
                    account,
                    kind,
                    role: AccountRole::Customer,
                    currency: spec.currency,
                });
            }
            5 => {
                let version = self.random.pick(&[0, 1, 2]);
                self.push(Command::SetRules { version });
            }
            6 => {
                let format = self.random.pick(&[0, 1, 2]);
                self.push(Command::EnableFormat { format });
            }
            7 => {
                let epoch = 1 + self.random.below(9);
                self.push(Command::EngineStarted { epoch });
            }
            _ => self.push(Command::Continue),
        }
    }
}
