//! Runs a strategy on recorded ticks, with the engine that trades live.
//!
//! Recorded quotes and prints enter [`cift_engine::Engine`] as an outside feed (RULES.md §7), as the replay
//! of a running exchange does. Hence a resting order has its place in the queue behind the quote's size, a
//! print fills what is before it first, and an order that takes a quote's size finds it gone until the next
//! quote. Orders of the strategy are ordinary orders of one account, under all rules of the exchange.
//!
//! # Time
//! A strategy sees a tick, decides, and its requests reach the engine `latency_ns` (plus a seeded jitter)
//! after the tick's time. Requests with an equal time keep their order. A request that arrives at the time
//! of a tick is applied before it. There is no other delay and no randomness: a run is a function of ticks,
//! strategy and [`Settings`].
//!
//! # Known limits
//! One account, one currency, the best level of the outside market. Other participants do not react to the
//! strategy's orders.
#![forbid(unsafe_code)]

mod types;

use std::collections::VecDeque;

use cift_engine::*;
pub use types::{Bar, Executed, Request, Sample, Settings, Strategy, Tick, TickKind};

const CUSTOMER: AccountId = AccountId(100);
const OUTSIDE: AccountId = AccountId(200);
const FEED: u32 = 1;
const DAY_NS: i64 = 86_400 * NANOS;

pub struct Backtest {
    engine: Engine,
    settings: Settings,
    symbols: Vec<Symbol>,
    sequence: CommandSequence,
    source_sequence: u64,
    events: Events,
    requests: Vec<Request>,
    /// Requests on their way, with the time of arrival, in order of arrival.
    sent: VecDeque<(Timestamp, Request)>,
    random: u64,
    bars: Vec<Option<Bar>>,
    next_bar: Timestamp,
    next_timer: Timestamp,
    next_sample: Timestamp,
    pub samples: Vec<Sample>,
    /// Commands that the engine has applied.
    pub commands: u64,
}

/// An instrument or an account that the engine refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid(pub String);

fn id(symbol: &str) -> Result<Symbol, Invalid> {
    let bytes = symbol.as_bytes();
    if bytes.is_empty() || bytes.len() > 16 {
        return Err(Invalid(format!("symbol {symbol:?}: must have 1 to 16 characters")));
    }
    let mut name = [0; 16];
    name[..bytes.len()].copy_from_slice(bytes);
    Ok(Symbol(name))
}

impl Backtest {
    /// `instruments`: symbol, tick and lot in nanos; [`Tick::symbol`] counts them from 0.
    pub fn new(instruments: &[(String, i64, i64)], settings: Settings) -> Result<Backtest, Invalid> {
        let mut backtest = Backtest {
            engine: Engine::new(),
            settings,
            symbols: Vec::new(),
            sequence: 0,
            source_sequence: 0,
            events: Events::new(),
            requests: Vec::new(),
            sent: VecDeque::new(),
            random: settings.seed,
            bars: vec![None; instruments.len()],
            next_bar: i64::MIN,
            next_timer: i64::MIN,
            next_sample: i64::MIN,
            samples: Vec::new(),
            commands: 0,
        };
        let currency = Currency(*b"USD\0\0\0\0\0");
        for (symbol, tick, lot) in instruments {
            let symbol = id(symbol)?;
            backtest.symbols.push(symbol);
            backtest.set_up(Command::DefineInstrument(Instrument {
                symbol,
                currency,
                tick: *tick,
                lot: *lot,
                band_ppm: 100_000,
                collar_ppm: 20_000,
            }))?;
        }
        let margin = settings.leverage_percent != 100;
        for (account, kind, role) in [
            (OUTSIDE, AccountKind::Margin, AccountRole::House),
            (
                CUSTOMER,
                if margin { AccountKind::Margin } else { AccountKind::Cash },
                AccountRole::Customer,
            ),
        ] {
            backtest.set_up(Command::OpenAccount {
                account,
                kind,
                role,
                currency,
            })?;
        }
        backtest.set_up(Command::DefineFeed {
            feed: FEED,
            house: OUTSIDE,
            silence_ns: DAY_NS,
        })?;
        backtest.set_up(Command::SetFees {
            maker_ppm: settings.maker_ppm,
            taker_ppm: settings.taker_ppm,
        })?;
        backtest.set_up(Command::SetLimits {
            account: CUSTOMER,
            limits: Limits {
                max_order_quantity: None,
                max_order_notional: None,
                max_position: None,
                max_open_orders: MAX_OPEN_ORDERS_PER_ACCOUNT,
                max_orders_per_second: MAX_ORDERS_PER_SECOND,
                max_daily_loss: None,
                leverage_percent: settings.leverage_percent,
            },
        })?;
        backtest.set_up(Command::Deposit {
            account: CUSTOMER,
            transfer: TransferId(1),
            amount: Money::from(settings.cash),
            request: None,
        })?;
        backtest.set_up(Command::SetSession {
            session: 1,
            closes_at: None,
        })?;
        Ok(backtest)
    }

    fn set_up(&mut self, command: Command) -> Result<(), Invalid> {
        match self.apply(i64::MIN + 1, &command) {
            Outcome::Refused(reason) => Err(Invalid(format!("{}: {command:?}", reason.as_str()))),
            _ => Ok(()),
        }
    }

    /// Applies a command with all its continuations; the events are in `self.events`.
    fn apply(&mut self, at: Timestamp, command: &Command) -> Outcome {
        self.events.clear();
        self.sequence += 1;
        self.commands += 1;
        let mut outcome = self.engine.apply(self.sequence, at, command, &mut self.events);
        while self.engine.needs_continue() {
            self.sequence += 1;
            outcome = self
                .engine
                .apply(self.sequence, at, &Command::Continue, &mut self.events);
        }
        outcome
    }

    /// Runs the strategy over `ticks`, which must be in order of time. Several calls continue each other.
    pub fn run<E>(&mut self, ticks: impl Iterator<Item = Tick>, strategy: &mut impl Strategy<E>) -> Result<(), E> {
        for tick in ticks {
            if self.next_sample == i64::MIN {
                self.start_clocks(tick.at);
                self.collect(tick.at, strategy);
            }
            self.advance(tick.at, strategy)?;
            self.source_sequence += 1;
            let (feed, source_sequence) = (FEED, self.source_sequence);
            let symbol = self.symbols[tick.symbol as usize];
            let command = match tick.kind {
                TickKind::Quote => Command::OutsideQuote {
                    feed,
                    source_sequence,
                    symbol,
                    bid: tick.bid,
                    ask: tick.ask,
                },
                TickKind::Trade => Command::OutsideTrade {
                    feed,
                    source_sequence,
                    symbol,
                    price: tick.bid.price,
                    quantity: tick.bid.quantity,
                },
            };
            self.apply(tick.at, &command);
            self.report(tick.at, strategy)?;
            match tick.kind {
                TickKind::Quote => strategy.quote(&tick)?,
                TickKind::Trade => {
                    self.add_to_bar(&tick);
                    strategy.trade(&tick)?;
                }
            }
            self.collect(tick.at, strategy);
        }
        Ok(())
    }

    fn start_clocks(&mut self, at: Timestamp) {
        let after = |step: i64| {
            if step > 0 {
                (at.div_euclid(step) + 1) * step
            } else {
                i64::MAX
            }
        };
        self.next_bar = after(self.settings.bar_ns);
        self.next_timer = after(self.settings.timer_ns);
        self.next_sample = after(self.settings.sample_ns);
    }

    /// Does what is due up to `now`: requests that arrive, bars, timers and samples, in order of time.
    fn advance<E>(&mut self, now: Timestamp, strategy: &mut impl Strategy<E>) -> Result<(), E> {
        loop {
            let arrival = self.sent.front().map_or(i64::MAX, |(at, _)| *at);
            let due = arrival.min(self.next_bar).min(self.next_timer).min(self.next_sample);
            if due > now {
                return Ok(());
            }
            if arrival == due {
                if let Some((_, request)) = self.sent.pop_front() {
                    self.send(due, request, strategy)?;
                }
            } else if self.next_bar == due {
                let step = self.settings.bar_ns;
                // Intervals without a trade have no bar: the clock jumps over them.
                self.next_bar = (now.div_euclid(step) + 1) * step;
                for symbol in 0..self.bars.len() {
                    if let Some(bar) = self.bars[symbol].take() {
                        strategy.bar(due, &bar)?;
                    }
                }
            } else if self.next_timer == due {
                self.next_timer += self.settings.timer_ns;
                strategy.timer(due)?;
            } else {
                self.sample(due);
                self.next_sample += self.settings.sample_ns;
            }
            self.collect(due, strategy);
        }
    }

    /// Adds the account's state now to the equity curve.
    pub fn sample(&mut self, at: Timestamp) {
        let Some(view) = self.engine.account(CUSTOMER) else {
            return;
        };
        self.samples.push(Sample {
            at,
            equity: view.equity as i64,
            cash: view.cash as i64,
            gross: view.gross as i64,
        });
    }

    fn add_to_bar(&mut self, tick: &Tick) {
        if self.settings.bar_ns == 0 {
            return;
        }
        let OutsideSide { price, quantity } = tick.bid;
        let bar = self.bars[tick.symbol as usize].get_or_insert(Bar {
            symbol: tick.symbol,
            at: tick.at.div_euclid(self.settings.bar_ns) * self.settings.bar_ns,
            open: price,
            high: price,
            low: price,
            close: price,
            volume: 0,
            trades: 0,
        });
        bar.high = bar.high.max(price);
        bar.low = bar.low.min(price);
        bar.close = price;
        bar.volume += quantity;
        bar.trades += 1;
    }

    /// Takes the strategy's new requests and gives each its time of arrival. A later request never
    /// overtakes an earlier one.
    fn collect<E>(&mut self, now: Timestamp, strategy: &mut impl Strategy<E>) {
        strategy.take_requests(&mut self.requests);
        for at in 0..self.requests.len() {
            let jitter = if self.settings.jitter_ns > 0 {
                (self.next_random() % (self.settings.jitter_ns as u64 + 1)) as i64
            } else {
                0
            };
            let last = self.sent.back().map_or(i64::MIN, |(at, _)| *at);
            let arrival = (now + self.settings.latency_ns + jitter).max(last);
            self.sent.push_back((arrival, self.requests[at]));
        }
        self.requests.clear();
    }

    /// SplitMix64 (Steele, Lea and Flood 2014).
    fn next_random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn send<E>(&mut self, at: Timestamp, request: Request, strategy: &mut impl Strategy<E>) -> Result<(), E> {
        let (order, command) = match request {
            Request::Place {
                order,
                symbol,
                side,
                quantity,
                limit,
                time_in_force,
                post_only,
            } => {
                let place = PlaceOrder {
                    account: CUSTOMER,
                    order: OrderId(u128::from(order)),
                    symbol: self.symbols[symbol as usize],
                    side,
                    kind: if limit.is_some() {
                        OrderKind::Limit
                    } else {
                        OrderKind::Market
                    },
                    time_in_force,
                    quantity,
                    limit_price: limit,
                    stop_price: None,
                    trail: None,
                    display_quantity: None,
                    post_only,
                    reduce_only: false,
                    self_trade_prevention: SelfTradePrevention::CancelNewest,
                    class: OrderClass::Simple,
                    request: None,
                };
                (order, Command::PlaceOrder(place))
            }
            Request::Cancel { order } => {
                let cancel = Command::CancelOrder {
                    account: CUSTOMER,
                    order: OrderId(u128::from(order)),
                    request: None,
                };
                (order, cancel)
            }
        };
        let outcome = self.apply(at, &command);
        // A cancel is refused if the order has ended, which an earlier event has reported.
        if let (Outcome::Refused(reason), Command::PlaceOrder(_)) = (outcome, command) {
            strategy.ended(at, order, reason.as_str())?;
        }
        self.report(at, strategy)
    }

    /// Passes the fills and ends of the strategy's orders to it.
    fn report<E>(&mut self, at: Timestamp, strategy: &mut impl Strategy<E>) -> Result<(), E> {
        for event in &self.events {
            match event {
                Event::TradeExecuted {
                    symbol,
                    price,
                    quantity,
                    aggressor,
                    maker,
                    taker,
                    ..
                } => {
                    for (fill, side, is_maker) in [(taker, *aggressor, false), (maker, aggressor.opposite(), true)] {
                        if fill.account != CUSTOMER {
                            continue;
                        }
                        let number = self.symbols.iter().position(|known| known == symbol).unwrap_or(0);
                        let fill = Executed {
                            order: fill.order.0 as u64,
                            symbol: number as u32,
                            side,
                            price: *price,
                            quantity: *quantity,
                            fee: fill.fee as i64,
                            leaves: fill.leaves,
                            position: fill.position,
                            cash: fill.cash as i64,
                            is_maker,
                        };
                        strategy.fill(at, &fill)?;
                    }
                }
                Event::OrderClosed {
                    order, account, reason, ..
                } if *account == CUSTOMER => strategy.ended(at, order.0 as u64, reason.as_str())?,
                _ => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
