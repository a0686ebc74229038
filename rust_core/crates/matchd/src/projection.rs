//! Projects one record into the messages of EVENTS and MARKET_DATA.
//!
//! Invariants:
//! - The id of a message is (journal sequence, index in the record). It depends on the record alone:
//!   quotes, which need the book, come last, so that leaving them out changes no other index.
//! - One quote per symbol and record, if the best prices, the last price or the halt changed.
//! - Level changes are conflated: one `BookDelta` per symbol and record, with the checksum of the book
//!   after it.
//! - Positions are conflated: one per (account, symbol) and record, with the profit that its fills realised.
use crate::visible_books::{TopOfBook, VisibleBooks};
use cift_engine::{AccountId, Event, Fill as EngineFill, Money, OrderStatus, Price, Quantity, Side, Symbol, Timestamp};
use cift_wire::account::{Cash, Fill, Order, OrderChange, OrderTerms, Position};
use cift_wire::market::{BookDelta, LevelChange, Origin, Quote, Trade};
use cift_wire::{subject, Envelope, Record, WireError};
use std::collections::{HashMap, HashSet};

/// The stream of a message.
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

/// Buffers that are reused from record to record.
#[derive(Default)]
pub struct Projector {
    events: Vec<Event>,
    deltas: Vec<BookDelta>,
    delta_indexes: HashMap<Symbol, usize>,
    change_indexes: HashMap<(Symbol, bool, i64), usize>,
    positions: Vec<Position>,
    position_indexes: HashMap<(AccountId, Symbol), usize>,
    /// The top of the book before the record, for each symbol that the record changes, in the order of
    /// change.
    tops_before: Vec<(Symbol, TopOfBook)>,
    changed_symbols: HashSet<Symbol>,
}

struct Output<'a> {
    origin: Origin,
    messages: &'a mut Vec<Message>,
}
impl Output<'_> {
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
    fn put_order(&mut self, order: Order) {
        let subject = subject::event(order.account, "order");
        self.put(Stream::Events, subject, |origin| Order { origin, ..order }.encode());
    }
    fn put_trade(&mut self, trade: Trade) {
        let subject = subject::market("trade", &trade.symbol);
        self.put(Stream::MarketData, subject, |origin| Trade { origin, ..trade }.encode());
    }
}

impl Projector {
    /// Appends the record's messages.
    /// `books` are the books before the record; the call updates them. With `None` no quotes are appended.
    pub fn project(
        &mut self,
        sequence: u64,
        record: &[u8],
        mut books: Option<&mut VisibleBooks>,
        messages: &mut Vec<Message>,
    ) -> Result<(), WireError> {
        let record = Record::open(record)?;
        let timestamp = record.header()?.timestamp;
        let mut out = Output {
            origin: Origin {
                sequence,
                index: 0,
                timestamp,
            },
            messages,
        };
        self.clear();
        let mut events = std::mem::take(&mut self.events);
        record.for_each::<WireError>(&mut events, |envelope, _, events| {
            for event in events {
                if let Some(books) = books.as_deref_mut() {
                    self.update_books(books, timestamp, event);
                }
                self.project_event(&mut out, &envelope, event);
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
            if let Some(books) = books.as_deref_mut() {
                self.note_top(books, delta.symbol);
                for change in &delta.changes {
                    books.set_level(delta.symbol, change.side, change.price, change.quantity);
                }
                delta.checksum = Some(books.checksum(delta.symbol));
            }
            out.put(Stream::MarketData, subject::market("book", &delta.symbol), |origin| {
                delta.origin = origin;
                delta.encode()
            });
        }
        self.deltas = deltas;
        if let Some(books) = books {
            self.project_quotes(&mut out, books);
        }
        Ok(())
    }

    fn clear(&mut self) {
        self.deltas.clear();
        self.delta_indexes.clear();
        self.change_indexes.clear();
        self.positions.clear();
        self.position_indexes.clear();
        self.tops_before.clear();
        self.changed_symbols.clear();
    }

    fn project_quotes(&self, out: &mut Output<'_>, books: &VisibleBooks) {
        for &(symbol, before) in &self.tops_before {
            let top = books.top(symbol);
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
    }

    /// Notes the top of the book before the first change of a symbol.
    fn note_top(&mut self, books: &VisibleBooks, symbol: Symbol) {
        if self.changed_symbols.insert(symbol) {
            self.tops_before.push((symbol, books.top(symbol)));
        }
    }

    /// Applies an event to a symbol's last price and halt.
    fn update_books(&mut self, books: &mut VisibleBooks, at: Timestamp, event: &Event) {
        match *event {
            Event::InstrumentDefined(instrument) => books.define(instrument.symbol, instrument.tick),
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
                self.note_top(books, symbol);
                books.set_last(symbol, price, quantity, at);
            }
            Event::Halted { symbol } | Event::Resumed { symbol } => {
                self.note_top(books, symbol);
                books.set_halted(symbol, matches!(event, Event::Halted { .. }));
            }
            Event::SplitApplied {
                symbol,
                numerator,
                denominator,
            } => {
                self.note_top(books, symbol);
                books.split(symbol, numerator, denominator);
            }
            _ => {}
        }
    }

    fn project_event(&mut self, out: &mut Output<'_>, envelope: &Envelope<'_>, event: &Event) {
        if let Some(order) = order_message(envelope, event) {
            return out.put_order(order);
        }
        match *event {
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
                    let message = fill_message(trade, symbol, side, is_maker, price, quantity, fill);
                    let subject = subject::event(fill.account, "fill");
                    out.put(Stream::Events, subject, |origin| Fill { origin, ..message }.encode());
                    self.add_position(
                        out.origin,
                        fill.account,
                        symbol,
                        fill.position,
                        fill.cost,
                        fill.realized,
                    );
                }
                out.put_trade(Trade {
                    origin: Origin::default(),
                    symbol,
                    trade,
                    feed: 0,
                    price,
                    quantity,
                    aggressor,
                });
            }
            Event::OutsideTraded {
                feed,
                symbol,
                price,
                quantity,
            } => out.put_trade(Trade {
                origin: Origin::default(),
                symbol,
                trade: 0,
                feed,
                price,
                quantity,
                aggressor: Side::Buy,
            }),
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
                self.add_position(out.origin, account, symbol, position, cost, 0);
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
                self.add_level_change(symbol, change);
            }
            _ => {}
        }
    }

    /// Adds a level change to the symbol's delta; it replaces an earlier change of the same level.
    fn add_level_change(&mut self, symbol: Symbol, change: LevelChange) {
        let deltas = &mut self.deltas;
        let index = *self.delta_indexes.entry(symbol).or_insert_with(|| {
            deltas.push(BookDelta {
                origin: Origin::default(),
                symbol,
                changes: Vec::new(),
                checksum: None,
            });
            deltas.len() - 1
        });
        let changes = &mut self.deltas[index].changes;
        let key = (symbol, change.side == Side::Buy, change.price);
        match self.change_indexes.get(&key) {
            Some(&index) => changes[index] = change,
            None => {
                self.change_indexes.insert(key, changes.len());
                changes.push(change);
            }
        }
    }

    /// Updates the position of an account in a symbol and adds to its realised profit.
    fn add_position(
        &mut self,
        origin: Origin,
        account: AccountId,
        symbol: Symbol,
        quantity: Quantity,
        cost: Money,
        realized: Money,
    ) {
        let positions = &mut self.positions;
        let index = *self.position_indexes.entry((account, symbol)).or_insert_with(|| {
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
        let position = &mut self.positions[index];
        position.quantity = quantity;
        position.cost = cost;
        position.realized += realized;
    }
}

/// The message about an order, without its origin; `None` for an event that is not about an order.
fn order_message(envelope: &Envelope<'_>, event: &Event) -> Option<Order> {
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
    Some(match *event {
        Event::OrderAccepted(a) => Order {
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
        },
        Event::OrderActivated {
            order,
            account,
            status,
            quantity,
        } => Order {
            status: Some(status),
            quantity: Some(quantity),
            ..change(OrderChange::Activated, account, order)
        },
        Event::OrderAdjusted {
            order,
            account,
            quantity,
            stop_price,
        } => Order {
            quantity: Some(quantity),
            stop_price,
            ..change(OrderChange::Adjusted, account, order)
        },
        Event::OrderReplaced {
            order,
            account,
            quantity,
            limit_price,
            stop_price,
            ..
        } => Order {
            quantity: Some(quantity),
            limit_price,
            stop_price,
            ..change(OrderChange::Replaced, account, order)
        },
        Event::OrderClosed {
            order,
            account,
            status,
            reason,
        } => {
            debug_assert!(matches!(status, OrderStatus::Canceled | OrderStatus::Expired));
            Order {
                status: Some(status),
                reason: Some(reason),
                ..change(OrderChange::Closed, account, order)
            }
        }
        _ => return None,
    })
}

/// The message about one side of a trade, without its origin.
fn fill_message(
    trade: u64,
    symbol: Symbol,
    side: Side,
    maker: bool,
    price: Price,
    quantity: Quantity,
    fill: &EngineFill,
) -> Fill {
    Fill {
        origin: Origin::default(),
        account: fill.account,
        order: fill.order,
        symbol,
        trade,
        side,
        maker,
        price,
        quantity,
        fee: fill.fee,
        filled: fill.filled,
        leaves: fill.leaves,
        filled_notional: fill.filled_notional,
        cash: fill.cash,
    }
}
