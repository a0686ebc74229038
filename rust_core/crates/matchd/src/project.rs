//! One record as the messages of EVENTS and MARKET_DATA.
//!
//! A message's id is (journal sequence, index in the record), and a function of the record alone: quotes, which need
//! the book, come last, so that their absence moves no other index. One quote a symbol and record, where anything of
//! it changed: best prices, last price, halt. Level changes are conflated: one `BookDelta` a symbol and record, with
//! the checksum of the book after it. Positions too: one a (account, symbol) and record, with what its fills realised.
use crate::ladder::{Ladders, Top};
use cift_engine::{AccountId, Event, Money, OrderStatus, Quantity, Symbol, Timestamp};
use cift_wire::account::{Cash, Fill, Order, OrderChange, OrderTerms, Position};
use cift_wire::market::{BookDelta, LevelChange, Origin, Quote, Trade};
use cift_wire::{subject, Envelope, Record, WireError};
use std::collections::{HashMap, HashSet};

/// Which of the two streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    Events,
    MarketData,
}

#[derive(Clone, Debug)]
pub struct Message {
    pub stream: Stream,
    pub subject: String,
    pub sequence: u64,
    pub index: u32,
    pub payload: Vec<u8>,
}

/// Buffers kept between records.
#[derive(Default)]
pub struct Projector {
    events: Vec<Event>,
    deltas: Vec<BookDelta>,
    delta_of: HashMap<Symbol, usize>,
    change_of: HashMap<(Symbol, bool, i64), usize>,
    positions: Vec<Position>,
    position_of: HashMap<(AccountId, Symbol), usize>,
    /// What each symbol that the record touched was before it, in the order of touching.
    before: Vec<(Symbol, Top)>,
    before_of: HashSet<Symbol>,
}

struct Out<'a> {
    origin: Origin,
    messages: &'a mut Vec<Message>,
}
impl Out<'_> {
    fn put(&mut self, stream: Stream, subject: String, encode: impl FnOnce(Origin) -> Vec<u8>) {
        let payload = encode(self.origin);
        self.messages.push(Message {
            stream,
            subject,
            sequence: self.origin.sequence,
            index: self.origin.index,
            payload,
        });
        self.origin.index += 1;
    }
}

impl Projector {
    /// Appends the record's messages. `ladders`: the books before the record; brought up to date. `None`: no quotes.
    pub fn project(
        &mut self,
        sequence: u64,
        record: &[u8],
        mut ladders: Option<&mut Ladders>,
        messages: &mut Vec<Message>,
    ) -> Result<(), WireError> {
        let record = Record::open(record)?;
        let timestamp = record.header()?.timestamp;
        let mut out = Out {
            origin: Origin {
                sequence,
                index: 0,
                timestamp,
            },
            messages,
        };
        self.deltas.clear();
        self.delta_of.clear();
        self.change_of.clear();
        self.positions.clear();
        self.position_of.clear();
        self.before.clear();
        self.before_of.clear();
        let mut events = std::mem::take(&mut self.events);
        record.for_each::<WireError>(&mut events, |envelope, _, events| {
            for event in events {
                if let Some(ladders) = ladders.as_deref_mut() {
                    self.follow(ladders, timestamp, event);
                }
                self.event(&mut out, &envelope, event);
            }
            Ok(())
        })?;
        self.events = events;
        for position in self.positions.drain(..) {
            let subject = subject::event(position.account, "position");
            out.put(Stream::Events, subject, |origin| {
                Position { origin, ..position }.encode()
            });
        }
        let mut deltas = std::mem::take(&mut self.deltas);
        for mut delta in deltas.drain(..) {
            if let Some(ladders) = ladders.as_deref_mut() {
                self.remember(ladders, delta.symbol);
                for change in &delta.changes {
                    ladders.set(delta.symbol, change.side, change.price, change.quantity);
                }
                delta.checksum = Some(ladders.checksum(delta.symbol));
            }
            out.put(Stream::MarketData, subject::market("book", &delta.symbol), |origin| {
                delta.origin = origin;
                delta.encode()
            });
        }
        self.deltas = deltas;
        let Some(ladders) = ladders else { return Ok(()) };
        for &(symbol, before) in &self.before {
            let top = ladders.top(symbol);
            if top == before {
                continue;
            }
            out.put(Stream::MarketData, subject::market("quote", &symbol), |origin| {
                Quote {
                    origin,
                    symbol,
                    bid: top.bid,
                    ask: top.ask,
                    last: top.last,
                    halted: top.halted,
                }
                .encode()
            });
        }
        Ok(())
    }

    fn remember(&mut self, ladders: &Ladders, symbol: Symbol) {
        if self.before_of.insert(symbol) {
            self.before.push((symbol, ladders.top(symbol)));
        }
    }

    /// What an event does to a symbol's last price and halt.
    fn follow(&mut self, ladders: &mut Ladders, at: Timestamp, event: &Event) {
        match *event {
            Event::InstrumentDefined(instrument) => ladders.define(instrument.symbol, instrument.tick),
            Event::TradeExecuted {
                symbol,
                price,
                quantity,
                ..
            }
            | Event::OutsideTraded {
                symbol,
                price,
                quantity,
                ..
            } => {
                self.remember(ladders, symbol);
                ladders.traded(symbol, price, quantity, at);
            }
            Event::Halted { symbol } | Event::Resumed { symbol } => {
                self.remember(ladders, symbol);
                ladders.halt(symbol, matches!(event, Event::Halted { .. }));
            }
            Event::SplitApplied {
                symbol,
                numerator,
                denominator,
            } => {
                self.remember(ladders, symbol);
                ladders.split(symbol, numerator, denominator);
            }
            _ => {}
        }
    }

    fn event(&mut self, out: &mut Out<'_>, envelope: &Envelope<'_>, event: &Event) {
        let change = |change, account, order| Order {
            origin: Origin::default(),
            change,
            account,
            order,
            client_order_id: String::new(),
            terms: None,
            status: None,
            reason: None,
            quantity: None,
            limit_price: None,
            stop_price: None,
        };
        let mut tell = |order: Order| {
            let subject = subject::event(order.account, "order");
            out.put(Stream::Events, subject, |origin| Order { origin, ..order }.encode());
        };
        match *event {
            Event::OrderAccepted(a) => tell(Order {
                client_order_id: envelope.meta.client_order_id.to_owned(),
                terms: Some(OrderTerms {
                    symbol: a.symbol,
                    side: a.side,
                    kind: a.kind,
                    time_in_force: a.time_in_force,
                }),
                status: Some(a.status),
                quantity: Some(a.quantity),
                limit_price: a.limit_price,
                stop_price: a.stop_price,
                ..change(OrderChange::Accepted, a.account, a.order)
            }),
            Event::OrderActivated {
                order,
                account,
                status,
                quantity,
            } => tell(Order {
                status: Some(status),
                quantity: Some(quantity),
                ..change(OrderChange::Activated, account, order)
            }),
            Event::OrderAdjusted {
                order,
                account,
                quantity,
                stop_price,
            } => tell(Order {
                quantity: Some(quantity),
                stop_price,
                ..change(OrderChange::Adjusted, account, order)
            }),
            Event::OrderReplaced {
                order,
                account,
                quantity,
                limit_price,
                stop_price,
                ..
            } => tell(Order {
                quantity: Some(quantity),
                limit_price,
                stop_price,
                ..change(OrderChange::Replaced, account, order)
            }),
            Event::OrderClosed {
                order,
                account,
                status,
                reason,
            } => {
                debug_assert!(matches!(status, OrderStatus::Canceled | OrderStatus::Expired));
                tell(Order {
                    status: Some(status),
                    reason: Some(reason),
                    ..change(OrderChange::Closed, account, order)
                });
            }
            Event::TradeExecuted {
                trade,
                symbol,
                price,
                quantity,
                aggressor,
                maker,
                taker,
            } => {
                for (side, fill, is_maker) in [(aggressor.opposite(), &maker, true), (aggressor, &taker, false)] {
                    let message = Fill {
                        origin: Origin::default(),
                        account: fill.account,
                        order: fill.order,
                        symbol,
                        trade,
                        side,
                        maker: is_maker,
                        price,
                        quantity,
                        fee: fill.fee,
                        filled: fill.filled,
                        leaves: fill.leaves,
                        filled_notional: fill.filled_notional,
                        cash: fill.cash,
                    };
                    let subject = subject::event(fill.account, "fill");
                    out.put(Stream::Events, subject, |origin| Fill { origin, ..message }.encode());
                    self.position(
                        out.origin,
                        fill.account,
                        symbol,
                        fill.position,
                        fill.cost,
                        fill.realized,
                    );
                }
                out.put(Stream::MarketData, subject::market("trade", &symbol), |origin| {
                    Trade {
                        origin,
                        symbol,
                        trade,
                        feed: 0,
                        price,
                        quantity,
                        aggressor,
                    }
                    .encode()
                });
            }
            Event::OutsideTraded {
                feed,
                symbol,
                price,
                quantity,
            } => {
                let aggressor = cift_engine::Side::Buy;
                out.put(Stream::MarketData, subject::market("trade", &symbol), |origin| {
                    Trade {
                        origin,
                        symbol,
                        trade: 0,
                        feed,
                        price,
                        quantity,
                        aggressor,
                    }
                    .encode()
                });
            }
            Event::CashMoved {
                account,
                transfer,
                kind,
                amount,
                cash,
            } => {
                out.put(Stream::Events, subject::event(account, "cash"), |origin| {
                    Cash {
                        origin,
                        account,
                        transfer,
                        kind,
                        amount,
                        cash,
                    }
                    .encode()
                });
            }
            Event::PositionMoved {
                account,
                symbol,
                position,
                cost,
                ..
            } => {
                self.position(out.origin, account, symbol, position, cost, 0);
            }
            Event::LevelChanged {
                symbol,
                side,
                price,
                quantity,
                orders,
            } => {
                let change = LevelChange {
                    side,
                    price,
                    quantity,
                    orders,
                };
                let deltas = &mut self.deltas;
                let at = *self.delta_of.entry(symbol).or_insert_with(|| {
                    deltas.push(BookDelta {
                        origin: Origin::default(),
                        symbol,
                        changes: Vec::new(),
                        checksum: None,
                    });
                    deltas.len() - 1
                });
                let changes = &mut self.deltas[at].changes;
                let key = (symbol, side == cift_engine::Side::Buy, price);
                match self.change_of.get(&key) {
                    Some(&place) => changes[place] = change,
                    None => {
                        self.change_of.insert(key, changes.len());
                        changes.push(change);
                    }
                }
            }
            _ => {}
        }
    }

    fn position(
        &mut self,
        origin: Origin,
        account: AccountId,
        symbol: Symbol,
        quantity: Quantity,
        cost: Money,
        realized: Money,
    ) {
        let positions = &mut self.positions;
        let at = *self.position_of.entry((account, symbol)).or_insert_with(|| {
            positions.push(Position {
                origin,
                account,
                symbol,
                quantity,
                cost,
                realized: 0,
            });
            positions.len() - 1
        });
        let position = &mut self.positions[at];
        position.quantity = quantity;
        position.cost = cost;
        position.realized += realized;
    }
}
