//! The contestants: the full engine, its book alone, and the simple rival. All get the same commands and
//! must make the same trades.

use cift_engine::book::{Book, Handle};
use cift_engine::{Command, Engine, Event, Outcome, Side, TimeInForce};
use cift_sim::rival::RivalBook;
use cift_sim::workload::Stream;
use std::collections::HashMap;
use std::hint::black_box;

const TICK: i64 = 10_000_000;
const LOT: i64 = 1_000_000_000;
/// Capacity allocated in advance.
const CAPACITY_ORDERS: usize = 1 << 14;
const CAPACITY_REQUESTS: usize = 1 << 21;
const CAPACITY_TICKS: usize = 1 << 12;

/// What a command traded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Traded {
    pub(crate) trades: u64,
    pub(crate) lots: i64,
}

impl std::ops::AddAssign for Traded {
    fn add_assign(&mut self, other: Traded) {
        self.trades += other.trades;
        self.lots += other.lots;
    }
}

/// An implementation that executes commands.
pub(crate) trait Contestant {
    fn command(&mut self, sequence: u64, at: i64, command: &Command) -> Traded;
    fn open_orders(&self) -> usize;
}

pub(crate) struct FullEngine {
    pub(crate) engine: Engine,
    pub(crate) events: Vec<Event>,
    pub(crate) refused: u64,
    pub(crate) open: usize,
}

impl FullEngine {
    pub(crate) fn new(setup: &Stream) -> FullEngine {
        let mut engine = Engine::new();
        engine.warm_up(CAPACITY_ORDERS, CAPACITY_REQUESTS);
        let mut full = FullEngine {
            engine,
            events: Vec::with_capacity(2_048),
            refused: 0,
            open: 0,
        };
        for (n, (at, command)) in setup.iter().enumerate() {
            full.command(n as u64 + 1, *at, command);
            if let Command::DefineInstrument(instrument) = command {
                full.engine
                    .warm_up_book(instrument.symbol, CAPACITY_ORDERS, CAPACITY_TICKS);
            }
        }
        assert_eq!(full.refused, 0, "the engine refused {} setup commands", full.refused);
        full
    }
}

impl Contestant for FullEngine {
    #[inline(never)]
    fn command(&mut self, sequence: u64, at: i64, command: &Command) -> Traded {
        self.events.clear();
        let outcome = self.engine.apply(sequence, at, command, &mut self.events);
        assert!(!self.engine.needs_continue(), "no command of the flow needs a Continue");
        if let Outcome::Refused(_) = outcome {
            self.refused += u64::from(matches!(command, Command::PlaceOrder(_)));
        }
        let mut traded = Traded::default();
        for event in &self.events {
            if let Event::TradeExecuted { quantity, .. } = event {
                traded += Traded {
                    trades: 1,
                    lots: quantity / LOT,
                };
            }
        }
        traded
    }
    fn open_orders(&self) -> usize {
        self.open
    }
}

pub(crate) struct BookOnly {
    pub(crate) book: Book,
    pub(crate) ids: HashMap<u128, (u32, Handle)>,
    pub(crate) owners: Vec<u128>,
    pub(crate) free: Vec<u32>,
    pub(crate) trades: Vec<cift_engine::book::Trade>,
}

impl BookOnly {
    pub(crate) fn new() -> BookOnly {
        let mut book = Book::new();
        book.warm_up(CAPACITY_ORDERS, CAPACITY_TICKS);
        BookOnly {
            book,
            ids: HashMap::with_capacity(CAPACITY_ORDERS),
            owners: Vec::with_capacity(CAPACITY_ORDERS),
            free: Vec::with_capacity(CAPACITY_ORDERS),
            trades: Vec::with_capacity(2_048),
        }
    }
}

impl Contestant for BookOnly {
    #[inline(never)]
    fn command(&mut self, _: u64, _: i64, command: &Command) -> Traded {
        match command {
            Command::PlaceOrder(p) => {
                self.trades.clear();
                let (price, quantity) = (p.limit_price.unwrap_or(0) / TICK, p.quantity / LOT);
                let trades = &mut self.trades;
                let left = self
                    .book
                    .take(p.side, Some(price), quantity, |trade| trades.push(trade));
                let mut traded = Traded::default();
                for trade in &self.trades {
                    traded += Traded {
                        trades: 1,
                        lots: trade.quantity,
                    };
                    if trade.done {
                        self.ids.remove(&self.owners[trade.owner as usize]);
                        self.free.push(trade.owner);
                    }
                }
                if left > 0 && p.time_in_force == TimeInForce::Gtc {
                    let owner = self.free.pop().unwrap_or_else(|| {
                        self.owners.push(0);
                        self.owners.len() as u32 - 1
                    });
                    self.owners[owner as usize] = p.order.0;
                    let handle = self.book.add(p.side, price, left, owner);
                    self.ids.insert(p.order.0, (owner, handle));
                }
                traded
            }
            Command::CancelOrder { order, .. } => {
                if let Some((owner, handle)) = self.ids.remove(&order.0) {
                    self.book.cancel(handle);
                    self.free.push(owner);
                }
                Traded::default()
            }
            _ => Traded::default(),
        }
    }
    fn open_orders(&self) -> usize {
        self.book.orders(Side::Buy) + self.book.orders(Side::Sell)
    }
}

#[derive(Default)]
pub(crate) struct Rival {
    pub(crate) book: RivalBook,
    pub(crate) trades: Vec<cift_sim::rival::RivalTrade>,
}

impl Contestant for Rival {
    #[inline(never)]
    fn command(&mut self, _: u64, _: i64, command: &Command) -> Traded {
        match command {
            Command::PlaceOrder(p) => {
                self.trades.clear();
                let (price, lots) = (p.limit_price.unwrap_or(0) / TICK, p.quantity / LOT);
                let rests = p.time_in_force == TimeInForce::Gtc;
                self.book.place(p.order, p.side, price, lots, rests, &mut self.trades);
                let lots = self.trades.iter().map(|trade| trade.lots).sum();
                Traded {
                    trades: self.trades.len() as u64,
                    lots,
                }
            }
            Command::CancelOrder { order, .. } => {
                black_box(self.book.cancel(*order));
                Traded::default()
            }
            _ => Traded::default(),
        }
    }
    fn open_orders(&self) -> usize {
        self.book.len()
    }
}
