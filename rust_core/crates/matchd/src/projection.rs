//! Projects one record into the items of UPDATES.
//!
//! Invariants:
//! - Items and their ids follow from the journal alone, so items that are published again are the same.
//! - Ids grow: the items of each event, then what is conflated over the record, then the bars that end with it.
//! - An order's state comes before the fill that led to it. A fill has the same id as in the read model
//!   (`cift/trading/projection.py`).
//! - One quote per symbol and record, if the best prices, the last price or the halt changed.
//! - Level changes are conflated: one `BookDelta` per symbol and record, with the checksum of the book
//!   after it.
//! - Positions are conflated: one per (account, symbol) and record, with the profit that its fills realised.
use crate::minute_bars::{minute_of, MinuteBars, MINUTE_NS};
use crate::order_items::OpenOrders;
use crate::visible_books::{TopOfBook, VisibleBooks};
use cift_engine::{AccountId, Engine, Event, Fill as EngineFill, Money, OrderId, Quantity, Side, Symbol, Timestamp};
use cift_wire::account::{Cash, Fill, Order, Position};
use cift_wire::market::{BookDelta, LevelChange, Origin, Quote, Trade};
use cift_wire::update::{Item, ItemId, Key, Kind};
use cift_wire::{Envelope, Record, WireError};
use std::collections::{HashMap, HashSet};

/// Places per event: the order and the fill of the maker, of the taker, the trade. `cift/trading/projection.py` has
/// the same number.
pub const PLACES_PER_EVENT: u32 = 8;
const MAKER: u32 = 0;
const TAKER: u32 = 2;
/// Place of a fill after that of its order.
const FILL: u32 = 1;
const TRADE: u32 = 4;
/// First place of what is conflated over a record: it follows the events of the record's last command.
const CONFLATED: u32 = 1_000_000;
/// First place of the bars that end with a record.
const BARS: u32 = 2_000_000;
const LAST: u32 = BARS - 1;

/// The order of a house account: it has quotes, no orders.
const NO_ORDER: OrderId = OrderId(0);

/// The state that items need beside the record, and buffers that are reused from record to record.
#[derive(Default)]
pub struct Projector {
    books: VisibleBooks,
    orders: OpenOrders,
    bars: MinuteBars,
    /// The last record: its sequence, its last command and its time.
    record: u64,
    command: u64,
    timestamp: Timestamp,
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

/// The items of one record.
struct Output<'a> {
    origin: Origin,
    command: u64,
    items: &'a mut Vec<Item<Vec<u8>>>,
}
impl Output<'_> {
    fn put(&mut self, index: u32, kind: Kind, key: Key, encode: impl FnOnce(Origin) -> Vec<u8>) {
        self.items.push(Item {
            id: ItemId {
                command: self.command,
                index,
            },
            kind,
            key,
            data: encode(Origin { index, ..self.origin }),
        });
    }
    fn put_order(&mut self, index: u32, order: Order) {
        self.put(index, Kind::Order, Key::Account(order.account), |origin| {
            Order { origin, ..order }.encode()
        });
    }
    fn put_trade(&mut self, index: u32, trade: Trade) {
        self.put(index, Kind::Trade, Key::Symbol(trade.symbol), |origin| {
            Trade { origin, ..trade }.encode()
        });
    }
}

impl Projector {
    /// The state after record `record`, which is that of `engine`. Bars lack the earlier trades of the current minute:
    /// see [`Projector::add_trades`].
    pub fn at(engine: &Engine, record: u64, timestamp: Timestamp) -> Projector {
        Projector {
            books: VisibleBooks::of(engine),
            orders: OpenOrders::of(engine),
            record,
            command: engine.sequence(),
            timestamp,
            ..Projector::default()
        }
    }

    /// Sequence of the last record.
    pub fn record(&self) -> u64 {
        self.record
    }

    /// Id of the last possible item of the last record, without the bars that end with it.
    pub fn last_id(&self) -> ItemId {
        ItemId {
            command: self.command,
            index: LAST,
        }
    }

    /// Whether bars end with the last record, because no later record can have a time before `now`.
    pub fn bars_ended(&self, now: Timestamp) -> bool {
        self.bars.ended(now)
    }

    /// When the bars of the current minute end.
    pub fn minute_end(&self) -> Timestamp {
        minute_of(self.timestamp) + MINUTE_NS
    }

    /// Appends the bars that end with the last record. Returns the id of the last one.
    pub fn end_bars(&mut self, items: &mut Vec<Item<Vec<u8>>>) -> ItemId {
        let mut out = Output {
            origin: Origin {
                sequence: self.record,
                index: 0,
                timestamp: self.timestamp,
            },
            command: self.command,
            items,
        };
        let mut index = BARS;
        for mut bar in self.bars.end() {
            out.put(index, Kind::Bar, Key::Symbol(bar.symbol), |origin| {
                bar.origin = origin;
                bar.encode()
            });
            index += 1;
        }
        ItemId {
            command: self.command,
            index,
        }
    }

    /// Adds the trades of a record that is older than the state: the bars of its minute need them.
    pub fn add_trades(&mut self, record: &[u8]) -> Result<(), WireError> {
        let record = Record::open(record)?;
        let at = record.header()?.timestamp;
        if self.bars.ended(at) {
            self.bars.end();
        }
        let mut events = std::mem::take(&mut self.events);
        let bars = &mut self.bars;
        record.for_each::<WireError>(&mut events, |_, _, events| {
            for event in events {
                if let Event::TradeExecuted {
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
                } = *event
                {
                    bars.add(symbol, at, price, quantity);
                }
            }
            Ok(())
        })?;
        self.events = events;
        Ok(())
    }

    /// Appends the items of the next record. The caller has taken the bars that ended before it
    /// ([`Projector::end_bars`]).
    pub fn project(&mut self, sequence: u64, record: &Record, items: &mut Vec<Item<Vec<u8>>>) -> Result<(), WireError> {
        let header = record.header()?;
        let timestamp = header.timestamp;
        let mut out = Output {
            origin: Origin {
                sequence,
                index: 0,
                timestamp,
            },
            command: header.first_command,
            items,
        };
        self.clear();
        let mut events = std::mem::take(&mut self.events);
        record.for_each::<WireError>(&mut events, |envelope, _, events| {
            for (index, event) in events.iter().enumerate() {
                self.update_books(timestamp, event);
                self.project_event(&mut out, index as u32 * PLACES_PER_EVENT, &envelope, event);
            }
            out.command += 1;
            Ok(())
        })?;
        self.events = events;
        out.command -= 1;
        self.record = sequence;
        self.command = out.command;
        self.timestamp = timestamp;
        self.project_conflated(&mut out);
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

    /// Positions, then changes of books, then quotes.
    fn project_conflated(&mut self, out: &mut Output<'_>) {
        let mut index = CONFLATED;
        for position in self.positions.drain(..) {
            out.put(index, Kind::Position, Key::Account(position.account), |origin| {
                Position { origin, ..position }.encode()
            });
            index += 1;
        }
        let mut deltas = std::mem::take(&mut self.deltas);
        for mut delta in deltas.drain(..) {
            self.note_top(delta.symbol);
            for change in &delta.changes {
                self.books
                    .set_level(delta.symbol, change.side, change.price, change.quantity);
            }
            delta.checksum = Some(self.books.checksum(delta.symbol));
            out.put(index, Kind::Book, Key::Symbol(delta.symbol), |origin| {
                delta.origin = origin;
                delta.encode()
            });
            index += 1;
        }
        self.deltas = deltas;
        for &(symbol, before) in &self.tops_before {
            let top = self.books.top(symbol);
            if top == before {
                continue;
            }
            out.put(index, Kind::Quote, Key::Symbol(symbol), |origin| {
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
            index += 1;
        }
    }

    /// Notes the top of the book before the first change of a symbol.
    fn note_top(&mut self, symbol: Symbol) {
        if self.changed_symbols.insert(symbol) {
            self.tops_before.push((symbol, self.books.top(symbol)));
        }
    }

    /// Applies an event to a symbol's last price and halt.
    fn update_books(&mut self, at: Timestamp, event: &Event) {
        match *event {
            Event::InstrumentDefined(instrument) => self.books.define(instrument.symbol, instrument.tick),
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
                self.note_top(symbol);
                self.books.set_last(symbol, price, quantity, at);
            }
            Event::Halted { symbol } | Event::Resumed { symbol } => {
                self.note_top(symbol);
                self.books.set_halted(symbol, matches!(event, Event::Halted { .. }));
            }
            Event::SplitApplied {
                symbol,
                numerator,
                denominator,
            } => {
                self.note_top(symbol);
                self.books.split(symbol, numerator, denominator);
            }
            _ => {}
        }
    }

    fn project_event(&mut self, out: &mut Output<'_>, place: u32, envelope: &Envelope<'_>, event: &Event) {
        if let Some(order) = self.orders.apply(envelope, event) {
            return out.put_order(place, order);
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
                let trade = Trade {
                    origin: Origin::default(),
                    symbol,
                    trade,
                    feed: 0,
                    price,
                    quantity,
                    aggressor,
                };
                self.project_side(out, place + MAKER, &trade, aggressor.opposite(), true, &maker);
                self.project_side(out, place + TAKER, &trade, aggressor, false, &taker);
                out.put_trade(place + TRADE, trade);
                self.bars.add(symbol, out.origin.timestamp, price, quantity);
            }
            Event::OutsideTraded {
                feed,
                symbol,
                price,
                quantity,
            } => {
                let trade = Trade {
                    origin: Origin::default(),
                    symbol,
                    trade: 0,
                    feed,
                    price,
                    quantity,
                    aggressor: Side::Buy,
                };
                out.put_trade(place + TRADE, trade);
                self.bars.add(symbol, out.origin.timestamp, price, quantity);
            }
            Event::CashMoved {
                account,
                transfer,
                kind,
                amount,
                cash,
            } => out.put(place, Kind::Cash, Key::Account(account), |origin| {
                Cash {
                    origin,
                    account,
                    transfer,
                    kind,
                    amount,
                    cash,
                }
                .encode()
            }),
            Event::PositionMoved {
                account,
                symbol,
                position,
                cost,
                ..
            } => self.add_position(account, symbol, position, cost, 0),
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

    /// The order and the fill of one side of a trade, and the position.
    fn project_side(
        &mut self,
        out: &mut Output<'_>,
        place: u32,
        trade: &Trade,
        side: Side,
        maker: bool,
        fill: &EngineFill,
    ) {
        self.add_position(fill.account, trade.symbol, fill.position, fill.cost, fill.realized);
        if fill.order == NO_ORDER {
            return;
        }
        if let Some(order) = self.orders.fill(fill) {
            out.put_order(place, order);
        }
        let message = Fill {
            origin: Origin::default(),
            account: fill.account,
            order: fill.order,
            symbol: trade.symbol,
            trade: trade.trade,
            side,
            maker,
            price: trade.price,
            quantity: trade.quantity,
            fee: fill.fee,
            filled: fill.filled,
            leaves: fill.leaves,
            filled_notional: fill.filled_notional,
            cash: fill.cash,
            position: fill.position,
            cost: fill.cost,
            realized: fill.realized,
        };
        out.put(place + FILL, Kind::Fill, Key::Account(fill.account), |origin| {
            Fill { origin, ..message }.encode()
        });
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
    fn add_position(&mut self, account: AccountId, symbol: Symbol, quantity: Quantity, cost: Money, realized: Money) {
        let positions = &mut self.positions;
        let index = *self.position_indexes.entry((account, symbol)).or_insert_with(|| {
            positions.push(Position {
                origin: Origin::default(),
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
