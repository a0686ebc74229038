//! A seeded stream of commands of every kind. Most are valid, so that many states are reached; enough are
//! invalid for every check to refuse some. It tests invariants that hold for every input. Whether the
//! results are right is tested with the oracle in `sim`.
#![allow(dead_code)] // each test file uses only a part

mod admin;
mod extreme;

use cift_engine::*;

/// xorshift64*: any generator would do that gives the same sequence everywhere.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }
    /// Uniform in `0..below`.
    pub fn below(&mut self, below: u64) -> u64 {
        (self.next() >> 11) % below
    }
    pub fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }
}

pub const SYMBOLS: [&str; 3] = ["AAA", "B.B", "C/USD"];
pub const CENT: i64 = 10_000_000;

pub fn symbol(name: &str) -> Symbol {
    let mut bytes = [0; 16];
    bytes[..name.len()].copy_from_slice(name.as_bytes());
    Symbol(bytes)
}

pub fn usd() -> Currency {
    Currency(*b"USD\0\0\0\0\0")
}

pub struct Flow {
    pub random: Random,
    pub now: Timestamp,
    accounts: u64,
    next_order: u128,
    recent: Vec<(AccountId, OrderId)>,
    source: u64,
    session: u64,
    /// Middle of the market in cents, by symbol.
    middle: [i64; 3],
    last_request: Option<(PlaceOrder, Request)>,
}

impl Flow {
    pub fn new(seed: u64) -> Flow {
        Flow {
            random: Random::new(seed),
            now: 1_700_000_000_000_000_000,
            accounts: 12,
            next_order: 1_000,
            recent: Vec::new(),
            source: 0,
            session: 0,
            middle: [10_000, 2_500, 40_000],
            last_request: None,
        }
    }

    /// Instruments, accounts with money, two feeds.
    pub fn setup(&self) -> Vec<Command> {
        let mut commands = Vec::new();
        for name in SYMBOLS {
            commands.push(Command::DefineInstrument(Instrument {
                symbol: symbol(name),
                currency: usd(),
                tick: CENT,
                lot: NANOS / 10,
                band_ppm: 300_000,
                collar_ppm: 30_000,
            }));
        }
        for number in 0..self.accounts {
            let account = AccountId(100 + u128::from(number));
            let kind = if number % 2 == 0 {
                AccountKind::Cash
            } else {
                AccountKind::Margin
            };
            commands.push(Command::OpenAccount {
                account,
                kind,
                role: AccountRole::Customer,
                currency: usd(),
            });
            commands.push(Command::Deposit {
                account,
                transfer: TransferId(account.0),
                amount: 100_000 * Money::from(NANOS),
                request: None,
            });
        }
        for feed in [1, 2] {
            let house = AccountId(900 + feed);
            commands.push(Command::OpenAccount {
                account: house,
                kind: AccountKind::Margin,
                role: AccountRole::House,
                currency: usd(),
            });
            commands.push(Command::DefineFeed {
                feed: feed as u32,
                house,
                silence_ns: 0,
            });
        }
        commands.push(Command::SetFees {
            maker_ppm: -100,
            taker_ppm: 300,
        });
        commands
    }

    fn account(&mut self) -> AccountId {
        AccountId(100 + u128::from(self.random.below(self.accounts)))
    }

    fn quantity(&mut self) -> Quantity {
        let lots = match self.random.below(10) {
            0 => 1 + self.random.below(2_000),
            _ => 1 + self.random.below(60),
        };
        lots as i64 * (NANOS / 10)
    }

    fn price(&mut self, market: usize, spread: u64) -> Price {
        let around = self.middle[market] + self.random.below(2 * spread + 1) as i64 - spread as i64;
        around.max(1) * CENT
    }

    fn order_id(&mut self) -> OrderId {
        self.next_order += 1;
        OrderId((self.next_order << 64) | (self.next_order * 31))
    }

    fn recent(&mut self) -> (AccountId, OrderId) {
        if self.recent.is_empty() {
            return (AccountId(100), OrderId(5));
        }
        let at = self.random.below(self.recent.len() as u64) as usize;
        let (account, order) = self.recent[at];
        if self.random.one_in(40) {
            (self.account(), order)
        } else {
            (account, order)
        }
    }

    fn request(&mut self) -> Option<Request> {
        self.random.one_in(4).then(|| Request {
            key: u128::from(self.random.next()) << 64 | 7,
            body: u128::from(self.random.next()),
        })
    }

    pub fn order(&mut self) -> PlaceOrder {
        use OrderKind::*;
        let market = self.random.below(3) as usize;
        let side = self.random.pick(&[Side::Buy, Side::Sell]);
        let kind = self.random.pick(&[
            Limit,
            Limit,
            Limit,
            Limit,
            Limit,
            Limit,
            Market,
            Stop,
            StopLimit,
            TrailingStop,
        ]);
        let limited = matches!(kind, Limit | StopLimit);
        let mut tif = self
            .random
            .pick(&[TimeInForce::Day, TimeInForce::Gtc, TimeInForce::Gtc]);
        if self.random.one_in(8) {
            tif = TimeInForce::Gtd(self.now + self.random.below(20) as i64 * 100_000_000);
        }
        if matches!(kind, Limit | Market) && self.random.one_in(6) {
            tif = self.random.pick(&[TimeInForce::Ioc, TimeInForce::Fok]);
        }
        let limit = self.price(market, 60);
        let stop = match kind {
            Stop | StopLimit => Some(self.price(market, 150)),
            _ => None,
        };
        let quantity = self.quantity();
        let order = self.order_id();
        let account = self.account();
        let mut place = PlaceOrder {
            account,
            order,
            symbol: symbol(SYMBOLS[market]),
            side,
            kind,
            time_in_force: tif,
            quantity,
            limit_price: limited.then_some(limit),
            stop_price: stop,
            trail: None,
            display_quantity: None,
            post_only: kind == Limit && self.random.one_in(8),
            reduce_only: self.random.one_in(6),
            self_trade_prevention: self.random.pick(&[
                SelfTradePrevention::CancelNewest,
                SelfTradePrevention::CancelOldest,
                SelfTradePrevention::CancelBoth,
                SelfTradePrevention::None,
            ]),
            class: OrderClass::Simple,
            request: self.request(),
        };
        if kind == TrailingStop {
            let amount = Trail::Amount((1 + self.random.below(80) as i64) * CENT);
            let ppm = Trail::Ppm(500 + self.random.below(20_000) as u32);
            place.trail = Some(self.random.pick(&[amount, ppm]));
        }
        if kind == Limit && self.random.one_in(8) {
            place.display_quantity = Some((1 + self.random.below(5) as i64) * (NANOS / 10));
        }
        if self.random.one_in(4) && kind != TrailingStop {
            self.legs(&mut place, market);
        }
        if self.random.one_in(60) {
            place.quantity = self.random.pick(&[0, -1, i64::MAX, 7]);
        }
        place
    }

    fn legs(&mut self, place: &mut PlaceOrder, market: usize) {
        let base = place
            .limit_price
            .or(place.stop_price)
            .unwrap_or(self.middle[market] * CENT);
        let near = (1 + self.random.below(60) as i64) * CENT;
        let far = (1 + self.random.below(60) as i64) * CENT;
        let sign = if place.side == Side::Buy { 1 } else { -1 };
        let stop_limit = self.random.one_in(3);
        let (first, second) = (self.order_id(), self.order_id());
        self.recent.push((place.account, first));
        self.recent.push((place.account, second));
        if place.kind == OrderKind::Limit && self.random.one_in(3) {
            place.post_only = false;
            place.display_quantity = None;
            let stop = base + sign * far;
            let limit = stop_limit.then_some(stop + sign * near);
            place.class = OrderClass::Oco(StopLoss {
                order: first,
                stop_price: stop,
                limit_price: limit,
            });
            return;
        }
        place.reduce_only = false;
        let take_profit = TakeProfit {
            order: first,
            limit_price: base + sign * near,
        };
        let stop = base - sign * far;
        let stop_loss = StopLoss {
            order: second,
            stop_price: stop,
            limit_price: stop_limit.then_some(stop - sign * near),
        };
        place.class = match self.random.below(4) {
            0 => OrderClass::Oto(Legs {
                take_profit: Some(take_profit),
                stop_loss: None,
            }),
            1 => OrderClass::Oto(Legs {
                take_profit: None,
                stop_loss: Some(stop_loss),
            }),
            _ => OrderClass::Bracket(Legs {
                take_profit: Some(take_profit),
                stop_loss: Some(stop_loss),
            }),
        };
    }

    fn quote(&mut self) -> Command {
        let market = self.random.below(3) as usize;
        let drift = self.random.below(7) as i64 - 3;
        self.middle[market] = (self.middle[market] + drift).clamp(1_000, 60_000);
        let half = 1 + self.random.below(20) as i64;
        let erratic = self.random.one_in(10);
        let offset = if erratic { self.random.below(100) as i64 - 50 } else { 0 };
        self.source += self.random.below(20).min(1);
        let (bid, ask) = (
            self.middle[market] + offset - half,
            self.middle[market] + offset + half - i64::from(erratic) * 25,
        );
        let (bought, sold) = (self.quantity() * 3, self.quantity() * 3);
        Command::OutsideQuote {
            feed: 1 + self.random.below(2) as u32,
            source_sequence: self.source,
            symbol: symbol(SYMBOLS[market]),
            bid: OutsideSide {
                price: bid.max(1) * CENT + self.random.below(2) as i64,
                quantity: if self.random.one_in(9) { 0 } else { bought },
            },
            ask: OutsideSide {
                price: ask.max(1) * CENT,
                quantity: if self.random.one_in(9) { 0 } else { sold },
            },
        }
    }

    fn print(&mut self) -> Command {
        let market = self.random.below(3) as usize;
        self.source += 1;
        Command::OutsideTrade {
            feed: 1 + self.random.below(2) as u32,
            source_sequence: self.source,
            symbol: symbol(SYMBOLS[market]),
            price: self.price(market, 30),
            quantity: self.quantity() * 2,
        }
    }

    fn replace(&mut self) -> Command {
        let (account, order) = self.recent();
        let market = self.random.below(3) as usize;
        let mut replace = ReplaceOrder {
            account,
            order,
            quantity: None,
            limit_price: None,
            stop_price: None,
            trail: None,
            request: self.request(),
        };
        if self.random.one_in(2) {
            replace.quantity = Some(self.quantity());
        }
        if self.random.one_in(2) {
            replace.limit_price = Some(self.price(market, 60));
        }
        if self.random.one_in(6) {
            replace.stop_price = Some(self.price(market, 100));
        }
        if self.random.one_in(12) {
            replace.trail = Some(Trail::Ppm(1_000 + self.random.below(5_000) as u32));
        }
        Command::ReplaceOrder(replace)
    }

    /// The next command. Advances the clock.
    pub fn next(&mut self) -> Command {
        self.now += match self.random.below(200) {
            0 => 2_000_000_000,
            1 => 6_000_000_000,
            _ => self.random.below(4_000_000) as i64,
        };
        match self.random.below(1_000) {
            0..=579 => self.place_or_repeat(),
            580..=699 => {
                let (account, order) = self.recent();
                Command::CancelOrder {
                    account,
                    order,
                    request: self.request(),
                }
            }
            700..=779 => self.replace(),
            780..=899 => self.quote(),
            900..=949 => self.print(),
            950..=959 => {
                let symbol = self.random.one_in(2).then(|| symbol(SYMBOLS[0]));
                Command::CancelAll {
                    account: self.account(),
                    symbol,
                    request: self.request(),
                }
            }
            960..=969 => Command::AdvanceTime,
            _ => self.admin_command(),
        }
    }

    fn place_or_repeat(&mut self) -> Command {
        if let Some((order, _)) = self.last_request.filter(|_| self.random.one_in(30)) {
            return Command::PlaceOrder(order);
        }
        let order = self.order();
        self.recent.push((order.account, order.order));
        if self.recent.len() > 400 {
            self.recent.drain(..100);
        }
        if let Some(request) = order.request {
            self.last_request = Some((order, request));
        }
        Command::PlaceOrder(order)
    }
}
