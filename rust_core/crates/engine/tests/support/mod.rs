//! A small exchange for tests: one instrument, a clock that advances one millisecond per command, and
//! builders for orders. A test states only the fields that matter to it.
#![allow(dead_code)] // each test file uses only a part

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
/// Cents as nanos.
pub fn cents(cents: i64) -> Price {
    cents * 10_000_000
}
/// Whole units as nanos.
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
pub const HOUSE_ACCOUNT: AccountId = AccountId(900);

/// An engine with a clock and the events of the last command.
pub struct Exchange {
    pub engine: Engine,
    pub now: Timestamp,
    pub sequence: u64,
    pub events: Events,
    /// Commands applied so far, including `Continue`s.
    pub steps: u64,
}

impl Exchange {
    /// Instrument XYZ in cents and whole units, band 20 %, collar 5 %. Alice and Bob have cash accounts,
    /// Carol a margin account; each has 100,000 dollars.
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

    /// The same without accounts.
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
        self.apply_ok(Command::DefineInstrument(Instrument {
            symbol: symbol(name),
            currency: currency("USD"),
            tick: cents(1),
            lot: units(1),
            band_ppm: 200_000,
            collar_ppm: 50_000,
        }));
    }

    pub fn open(&mut self, account: AccountId, kind: AccountKind, role: AccountRole) {
        self.apply_ok(Command::OpenAccount {
            account,
            kind,
            role,
            currency: currency("USD"),
        });
    }

    pub fn deposit(&mut self, account: AccountId, amount: Money) {
        self.apply_ok(Command::Deposit {
            account,
            transfer: TransferId(5_000_000 + u128::from(self.sequence)),
            amount,
            request: None,
        });
    }

    /// The same with a house account and feed 1.
    pub fn with_feed() -> Exchange {
        let mut exchange = Exchange::new();
        exchange.open(HOUSE_ACCOUNT, AccountKind::Margin, AccountRole::House);
        exchange.apply_ok(Command::DefineFeed {
            feed: 1,
            house: HOUSE_ACCOUNT,
            silence_ns: 0,
        });
        exchange
    }

    /// Applies a command and its `Continue`s. Checks the books after each.
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

    /// Applies a command that must succeed. Returns its order.
    pub fn apply_ok(&mut self, command: Command) -> Option<OrderSummary> {
        match self.apply(command) {
            Outcome::Done { order, .. } => order,
            other => panic!("{command:?} gave {other:?}"),
        }
    }

    /// Applies a command that must be refused. Returns the reason.
    pub fn apply_err(&mut self, command: Command) -> Refusal {
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
        self.apply_ok(Command::PlaceOrder(order))
            .expect("the outcome of a place has its order")
    }

    pub fn place_err(&mut self, order: PlaceOrder) -> Refusal {
        self.apply_err(Command::PlaceOrder(order))
    }

    pub fn cancel(&mut self, account: AccountId, order: OrderId) -> OrderSummary {
        self.apply_ok(Command::CancelOrder {
            account,
            order,
            request: None,
        })
        .expect("the outcome of a cancel has its order")
    }

    /// Makes a trade of one unit at a price between two further accounts, which sets the last price.
    /// `events` then has the events of the taking order.
    pub fn trade_at(&mut self, price: i64) {
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

    pub fn outside_print(&mut self, sequence: u64, price: i64, quantity: i64) -> Outcome {
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

    /// Units of XYZ that the account holds.
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

/// A limit buy of Alice.
pub fn buy(number: u128, quantity: i64, price: i64) -> PlaceOrder {
    limit(number, Side::Buy, quantity, price)
}

/// A limit sell of Carol, who may be short.
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
