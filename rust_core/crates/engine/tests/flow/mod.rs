//! A seeded stream of commands of every kind: mostly sensible, so that the engine goes deep, with
//! enough nonsense that every check refuses. Not for judging what is right (that is the oracle's work
//! in `sim`), only for what must hold whatever comes.
#![allow(dead_code)] // each test file uses its own part

mod garbage;

use cift_engine::*;

/// xorshift64*: any sequence would do, it only has to be the same everywhere.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Dice {
        Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }
    /// 0..below
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
    pub dice: Dice,
    pub now: Timestamp,
    accounts: u64,
    next_order: u128,
    recent: Vec<(AccountId, OrderId)>,
    source: u64,
    session: u64,
    /// Middle of the market, cents, by symbol.
    middle: [i64; 3],
    last_request: Option<(PlaceOrder, Request)>,
}

impl Flow {
    pub fn new(seed: u64) -> Flow {
        Flow {
            dice: Dice::new(seed),
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
    pub fn opening(&self) -> Vec<Command> {
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
                transfer: TransferId(1),
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
        AccountId(100 + u128::from(self.dice.below(self.accounts)))
    }

    fn quantity(&mut self) -> Quantity {
        let lots = match self.dice.below(10) {
            0 => 1 + self.dice.below(2_000),
            _ => 1 + self.dice.below(60),
        };
        lots as i64 * (NANOS / 10)
    }

    fn price(&mut self, market: usize, spread: u64) -> Price {
        let around = self.middle[market] + self.dice.below(2 * spread + 1) as i64 - spread as i64;
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
        let at = self.dice.below(self.recent.len() as u64) as usize;
        let (account, order) = self.recent[at];
        if self.dice.one_in(40) {
            (self.account(), order)
        } else {
            (account, order)
        }
    }

    fn request(&mut self) -> Option<Request> {
        self.dice.one_in(4).then(|| Request {
            key: u128::from(self.dice.next()) << 64 | 7,
            body: u128::from(self.dice.next()),
        })
    }

    pub fn order(&mut self) -> PlaceOrder {
        use OrderKind::*;
        let market = self.dice.below(3) as usize;
        let side = self.dice.pick(&[Side::Buy, Side::Sell]);
        let kind = self.dice.pick(&[
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
        let mut tif = self.dice.pick(&[TimeInForce::Day, TimeInForce::Gtc, TimeInForce::Gtc]);
        if self.dice.one_in(8) {
            tif = TimeInForce::Gtd(self.now + self.dice.below(20) as i64 * 100_000_000);
        }
        if matches!(kind, Limit | Market) && self.dice.one_in(6) {
            tif = self.dice.pick(&[TimeInForce::Ioc, TimeInForce::Fok]);
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
            post_only: kind == Limit && self.dice.one_in(8),
            reduce_only: self.dice.one_in(6),
            self_trade_prevention: self.dice.pick(&[
                SelfTradePrevention::CancelNewest,
                SelfTradePrevention::CancelOldest,
                SelfTradePrevention::CancelBoth,
                SelfTradePrevention::None,
            ]),
            class: OrderClass::Simple,
            request: self.request(),
        };
        if kind == TrailingStop {
            let amount = Trail::Amount((1 + self.dice.below(80) as i64) * CENT);
            let ppm = Trail::Ppm(500 + self.dice.below(20_000) as u32);
            place.trail = Some(self.dice.pick(&[amount, ppm]));
        }
        if kind == Limit && self.dice.one_in(8) {
            place.display_quantity = Some((1 + self.dice.below(5) as i64) * (NANOS / 10));
        }
        if self.dice.one_in(4) && kind != TrailingStop {
            self.legs(&mut place, market);
        }
        if self.dice.one_in(60) {
            place.quantity = self.dice.pick(&[0, -1, i64::MAX, 7]);
        }
        place
    }

    fn legs(&mut self, place: &mut PlaceOrder, market: usize) {
        let base = place
            .limit_price
            .or(place.stop_price)
            .unwrap_or(self.middle[market] * CENT);
        let near = (1 + self.dice.below(60) as i64) * CENT;
        let far = (1 + self.dice.below(60) as i64) * CENT;
        let sign = if place.side == Side::Buy { 1 } else { -1 };
        let stop_limit = self.dice.one_in(3);
        let (first, second) = (self.order_id(), self.order_id());
        self.recent.push((place.account, first));
        self.recent.push((place.account, second));
        if place.kind == OrderKind::Limit && self.dice.one_in(3) {
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
        place.class = match self.dice.below(4) {
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
        let market = self.dice.below(3) as usize;
        let drift = self.dice.below(7) as i64 - 3;
        self.middle[market] = (self.middle[market] + drift).clamp(1_000, 60_000);
        let half = 1 + self.dice.below(20) as i64;
        let wild = self.dice.one_in(10);
        let offset = if wild { self.dice.below(100) as i64 - 50 } else { 0 };
        self.source += self.dice.below(20).min(1);
        let (bid, ask) = (
            self.middle[market] + offset - half,
            self.middle[market] + offset + half - i64::from(wild) * 25,
        );
        let (bought, sold) = (self.quantity() * 3, self.quantity() * 3);
        Command::OutsideQuote {
            feed: 1 + self.dice.below(2) as u32,
            source_sequence: self.source,
            symbol: symbol(SYMBOLS[market]),
            bid: OutsideSide {
                price: bid.max(1) * CENT + self.dice.below(2) as i64,
                quantity: if self.dice.one_in(9) { 0 } else { bought },
            },
            ask: OutsideSide {
                price: ask.max(1) * CENT,
                quantity: if self.dice.one_in(9) { 0 } else { sold },
            },
        }
    }

    fn print(&mut self) -> Command {
        let market = self.dice.below(3) as usize;
        self.source += 1;
        Command::OutsideTrade {
            feed: 1 + self.dice.below(2) as u32,
            source_sequence: self.source,
            symbol: symbol(SYMBOLS[market]),
            price: self.price(market, 30),
            quantity: self.quantity() * 2,
        }
    }

    fn replace(&mut self) -> Command {
        let (account, order) = self.recent();
        let market = self.dice.below(3) as usize;
        let mut replace = ReplaceOrder {
            account,
            order,
            quantity: None,
            limit_price: None,
            stop_price: None,
            trail: None,
            request: self.request(),
        };
        if self.dice.one_in(2) {
            replace.quantity = Some(self.quantity());
        }
        if self.dice.one_in(2) {
            replace.limit_price = Some(self.price(market, 60));
        }
        if self.dice.one_in(6) {
            replace.stop_price = Some(self.price(market, 100));
        }
        if self.dice.one_in(12) {
            replace.trail = Some(Trail::Ppm(1_000 + self.dice.below(5_000) as u32));
        }
        Command::ReplaceOrder(replace)
    }

    /// The next command; moves the clock.
    pub fn next(&mut self) -> Command {
        self.now += match self.dice.below(200) {
            0 => 2_000_000_000,
            1 => 6_000_000_000,
            _ => self.dice.below(4_000_000) as i64,
        };
        match self.dice.below(1_000) {
            0..=579 => self.placed(),
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
                let symbol = self.dice.one_in(2).then(|| symbol(SYMBOLS[0]));
                Command::CancelAll {
                    account: self.account(),
                    symbol,
                    request: self.request(),
                }
            }
            960..=969 => Command::AdvanceTime,
            _ => self.rare(),
        }
    }

    fn placed(&mut self) -> Command {
        if let Some((order, _)) = self.last_request.filter(|_| self.dice.one_in(30)) {
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

    fn rare(&mut self) -> Command {
        let at = self.dice.below(3) as usize;
        let symbol = symbol(SYMBOLS[at]);
        let account = self.account();
        let transfer = TransferId(self.dice.next().into());
        match self.dice.below(14) {
            0 => Command::Halt { symbol },
            1 | 2 => Command::Resume { symbol },
            3 => {
                self.session += 1;
                let closes_at = self.dice.one_in(2).then_some(self.now + 3_000_000_000);
                Command::SetSession {
                    session: self.session,
                    closes_at,
                }
            }
            4 if self.dice.one_in(4) => {
                let (numerator, denominator) = self.dice.pick(&[(2, 1), (1, 2), (3, 2), (2, 3)]);
                self.middle[at] =
                    (self.middle[at] * i64::from(denominator) / i64::from(numerator)).clamp(1_000, 60_000);
                Command::Split {
                    symbol,
                    numerator,
                    denominator,
                }
            }
            5 => Command::Dividend {
                symbol,
                amount: Money::from(self.dice.below(1_000_000_000)),
            },
            6 => Command::Deposit {
                account,
                transfer,
                amount: 10_000 * Money::from(NANOS),
                request: self.request(),
            },
            7 => Command::Withdraw {
                account,
                transfer,
                amount: Money::from(self.dice.below(50_000)) * Money::from(NANOS),
                request: self.request(),
            },
            8 => Command::ResetAccount {
                account,
                transfer,
                cash: 100_000 * Money::from(NANOS),
                request: self.request(),
            },
            9 => {
                let cash = (account.0 - 100) % 2 == 0;
                let mut some = |max: i64| self.dice.one_in(3).then(|| 1 + self.dice.below(max as u64) as i64);
                Command::SetLimits {
                    account,
                    limits: Limits {
                        max_order_quantity: some(300 * NANOS),
                        max_order_notional: some(30_000 * NANOS).map(Money::from),
                        max_position: some(500 * NANOS),
                        max_daily_loss: some(5_000 * NANOS).map(Money::from),
                        max_open_orders: 1 + self.dice.below(200) as u32,
                        max_orders_per_second: 1 + self.dice.below(300) as u32,
                        leverage_percent: if cash { 100 } else { 100 + self.dice.below(900) as u32 },
                    },
                }
            }
            10 => {
                use AccountState::*;
                Command::SetAccountState {
                    account,
                    state: self.dice.pick(&[Active, Active, Active, ReduceOnly, Suspended, Closed]),
                }
            }
            11 => Command::SetFees {
                maker_ppm: self.dice.below(300) as i32 - 150,
                taker_ppm: self.dice.below(500) as i32,
            },
            12 => match self.dice.below(3) {
                0 => Command::SetRules {
                    version: self.dice.below(3) as u32,
                },
                1 => Command::EnableFormat {
                    format: self.dice.below(3) as u16,
                },
                _ => Command::EngineStarted {
                    epoch: self.dice.below(100),
                },
            },
            _ => Command::Continue,
        }
    }
}
