//! A small exchange to test on: one instrument, a clock that ticks a millisecond a command, and
//! builders, so that a test says only what it is about.
#![allow(dead_code)] // each test file uses its own part

use cift_engine::*;

pub const SECOND: i64 = 1_000_000_000;
pub const START: Timestamp = 1_700_000_000 * SECOND;

pub fn symbol(name: &str) -> Symbol {
    let mut bytes = [0; 16];
    bytes[..name.len()].copy_from_slice(name.as_bytes());
    Symbol(bytes)
}
pub fn currency(name: &str) -> Currency {
    let mut bytes = [0; 8];
    bytes[..name.len()].copy_from_slice(name.as_bytes());
    Currency(bytes)
}
/// Cents to nanos.
pub fn cents(cents: i64) -> Price {
    cents * 10_000_000
}
/// Whole units to nanos.
pub fn units(units: i64) -> Quantity {
    units * NANOS
}
pub fn dollars(dollars: i64) -> Money {
    Money::from(dollars) * Money::from(NANOS)
}
pub fn account(number: u128) -> AccountId {
    AccountId(100 + number)
}
pub fn order(number: u128) -> OrderId {
    OrderId(10_000 + number)
}

pub const ALICE: AccountId = AccountId(101);
pub const BOB: AccountId = AccountId(102);
pub const CAROL: AccountId = AccountId(103);
pub const HOUSE: AccountId = AccountId(900);

/// The engine, its clock, and what the last command said.
pub struct Exchange {
    pub engine: Engine,
    pub now: Timestamp,
    pub sequence: u64,
    pub events: Events,
    /// Commands that it took, `Continue`s included.
    pub steps: u64,
}

impl Exchange {
    /// XYZ in cents and whole units, band 20 %, collar 5 %; Alice and Bob have cash accounts with
    /// 100,000 dollars, Carol a margin account with as much.
    pub fn new() -> Exchange {
        let mut exchange = Exchange::empty();
        for (id, kind) in [
            (ALICE, AccountKind::Cash),
            (BOB, AccountKind::Cash),
            (CAROL, AccountKind::Margin),
        ] {
            exchange.open(id, kind, AccountRole::Customer);
            exchange.deposit(id, dollars(100_000));
        }
        exchange
    }

    /// Without accounts.
    pub fn empty() -> Exchange {
        let mut exchange = Exchange {
            engine: Engine::new(),
            now: START,
            sequence: 0,
            events: Vec::new(),
            steps: 0,
        };
        exchange.define("XYZ");
        exchange
    }

    pub fn define(&mut self, name: &str) {
        self.done(Command::DefineInstrument(Instrument {
            symbol: symbol(name),
            currency: currency("USD"),
            tick: cents(1),
            lot: units(1),
            band_ppm: 200_000,
            collar_ppm: 50_000,
        }));
    }

    pub fn open(&mut self, account: AccountId, kind: AccountKind, role: AccountRole) {
        self.done(Command::OpenAccount {
            account,
            kind,
            role,
            currency: currency("USD"),
        });
    }

    pub fn deposit(&mut self, account: AccountId, amount: Money) {
        self.done(Command::Deposit {
            account,
            transfer: TransferId(1),
            amount,
            request: None,
        });
    }

    /// A house account with a feed, number 1.
    pub fn with_feed() -> Exchange {
        let mut exchange = Exchange::new();
        exchange.open(HOUSE, AccountKind::Margin, AccountRole::House);
        exchange.done(Command::DefineFeed {
            feed: 1,
            house: HOUSE,
            silence_ns: 0,
        });
        exchange
    }

    /// Applies a command and its `Continue`s; checks the books after each.
    pub fn apply(&mut self, command: Command) -> Outcome {
        self.events.clear();
        self.now += 1_000_000;
        let mut outcome = self.step(&command);
        while self.engine.needs_continue() {
            outcome = self.step(&Command::Continue);
        }
        outcome
    }

    pub fn step(&mut self, command: &Command) -> Outcome {
        self.sequence += 1;
        self.steps += 1;
        let before = self.events.len();
        let outcome = self.engine.apply(self.sequence, self.now, command, &mut self.events);
        assert!(self.events.len() - before <= MAX_EVENTS_PER_COMMAND);
        assert_eq!(self.engine.check_conservation(), Ok(()), "after {command:?}");
        outcome
    }

    /// Applies a command that must succeed.
    pub fn done(&mut self, command: Command) -> Option<OrderSummary> {
        match self.apply(command) {
            Outcome::Done { order, .. } => order,
            other => panic!("{command:?} gave {other:?}"),
        }
    }

    /// Applies a command that must be refused.
    pub fn refused(&mut self, command: Command) -> Refusal {
        match self.apply(command) {
            Outcome::Refused(reason) => {
                assert!(self.events.contains(&Event::Refused { reason }));
                reason
            }
            other => panic!("{command:?} gave {other:?}"),
        }
    }

    /// Places an order that must be accepted.
    pub fn place(&mut self, order: PlaceOrder) -> OrderSummary {
        self.done(Command::PlaceOrder(order)).expect("a place tells its order")
    }

    pub fn refuse(&mut self, order: PlaceOrder) -> Refusal {
        self.refused(Command::PlaceOrder(order))
    }

    pub fn cancel(&mut self, account: AccountId, order: OrderId) -> OrderSummary {
        self.done(Command::CancelOrder {
            account,
            order,
            request: None,
        })
        .expect("a cancel tells its order")
    }

    /// A trade of one unit at a price, between two accounts of its own: gives a last price. Leaves the
    /// events of the taker.
    pub fn print(&mut self, price: i64) {
        for id in [800, 801] {
            if self.engine.account(AccountId(id)).is_none() {
                self.open(AccountId(id), AccountKind::Margin, AccountRole::Customer);
                self.deposit(AccountId(id), dollars(1_000_000_000));
            }
        }
        let number = u128::from(self.sequence) * 10 + 1_000_000;
        self.place(PlaceOrder {
            account: AccountId(800),
            ..sell(number, 1, price)
        });
        self.place(PlaceOrder {
            account: AccountId(801),
            ..buy(number + 1, 1, price)
        });
    }

    pub fn quote(&mut self, sequence: u64, bid: (i64, i64), ask: (i64, i64)) -> Outcome {
        self.apply(Command::OutsideQuote {
            feed: 1,
            source_sequence: sequence,
            symbol: symbol("XYZ"),
            bid: OutsideSide {
                price: cents(bid.0),
                quantity: units(bid.1),
            },
            ask: OutsideSide {
                price: cents(ask.0),
                quantity: units(ask.1),
            },
        })
    }

    pub fn tape(&mut self, sequence: u64, price: i64, quantity: i64) -> Outcome {
        self.apply(Command::OutsideTrade {
            feed: 1,
            source_sequence: sequence,
            symbol: symbol("XYZ"),
            price: cents(price),
            quantity: units(quantity),
        })
    }

    /// Trades of the last command: (price in cents, units, maker, taker).
    pub fn trades(&self) -> Vec<(i64, i64, OrderId, OrderId)> {
        let trade = |event: &Event| match *event {
            Event::TradeExecuted {
                price,
                quantity,
                maker,
                taker,
                ..
            } => Some((price / cents(1), quantity / NANOS, maker.order, taker.order)),
            _ => None,
        };
        self.events.iter().filter_map(trade).collect()
    }

    /// Orders closed by the last command, with their reasons.
    pub fn closed(&self) -> Vec<(OrderId, CloseReason)> {
        let closed = |event: &Event| match *event {
            Event::OrderClosed { order, reason, .. } => Some((order, reason)),
            _ => None,
        };
        self.events.iter().filter_map(closed).collect()
    }

    /// Orders activated by the last command, with their status.
    pub fn activated(&self) -> Vec<(OrderId, OrderStatus)> {
        let activated = |event: &Event| match *event {
            Event::OrderActivated { order, status, .. } => Some((order, status)),
            _ => None,
        };
        self.events.iter().filter_map(activated).collect()
    }

    /// Levels of a side, best first: (price in cents, units, orders).
    pub fn levels(&self, side: Side) -> Vec<(i64, i64, u32)> {
        let (mut bids, mut asks) = (Vec::new(), Vec::new());
        assert!(self.engine.book(symbol("XYZ"), 100, &mut bids, &mut asks));
        let levels = if side == Side::Buy { bids } else { asks };
        levels
            .iter()
            .map(|level| (level.price / cents(1), level.quantity / NANOS, level.orders))
            .collect()
    }

    pub fn status(&self, order: OrderId) -> Option<OrderStatus> {
        self.engine.order(order).map(|summary| summary.status)
    }

    /// Units held of XYZ.
    pub fn position(&self, account: AccountId) -> i64 {
        let mut positions = Vec::new();
        self.engine.positions(account, &mut positions);
        positions
            .iter()
            .find(|position| position.symbol == symbol("XYZ"))
            .map_or(0, |position| position.quantity / NANOS)
    }

    pub fn view(&self, account: AccountId) -> AccountView {
        self.engine.account(account).expect("the account is open")
    }
}

/// A day limit order of Alice in XYZ: number, units, price in cents.
pub fn limit(number: u128, side: Side, quantity: i64, price: i64) -> PlaceOrder {
    PlaceOrder {
        account: ALICE,
        order: order(number),
        symbol: symbol("XYZ"),
        side,
        kind: OrderKind::Limit,
        time_in_force: TimeInForce::Day,
        quantity: units(quantity),
        limit_price: Some(cents(price)),
        stop_price: None,
        trail: None,
        display_quantity: None,
        post_only: false,
        reduce_only: false,
        self_trade_prevention: SelfTradePrevention::CancelNewest,
        class: OrderClass::Simple,
        request: None,
    }
}

/// Buys are Alice's.
pub fn buy(number: u128, quantity: i64, price: i64) -> PlaceOrder {
    limit(number, Side::Buy, quantity, price)
}

/// Sells are Carol's, who may be short.
pub fn sell(number: u128, quantity: i64, price: i64) -> PlaceOrder {
    PlaceOrder {
        account: CAROL,
        ..limit(number, Side::Sell, quantity, price)
    }
}

pub fn market(number: u128, side: Side, quantity: i64) -> PlaceOrder {
    PlaceOrder {
        kind: OrderKind::Market,
        limit_price: None,
        ..limit(number, side, quantity, 1)
    }
}

pub fn stop(number: u128, side: Side, quantity: i64, price: i64) -> PlaceOrder {
    PlaceOrder {
        kind: OrderKind::Stop,
        limit_price: None,
        stop_price: Some(cents(price)),
        ..limit(number, side, quantity, 1)
    }
}

pub fn by(account: AccountId, order: PlaceOrder) -> PlaceOrder {
    PlaceOrder { account, ..order }
}
