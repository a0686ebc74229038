//! Items of UPDATES about one symbol: trades, quotes, bars and changes of the book; and the whole book.
//!
//! A struct is the content of one message; `decode` reads what `encode` writes.
use crate::convert::{get_money, put, side_from, side_to};
use crate::frame::{self, struct_words, text_words, WireError};
use crate::market_capnp as w;
use crate::text::{parse_symbol, symbol_str};
use cift_engine::{Level, Money, Price, Quantity, Side, Symbol, Timestamp};

/// The journal record of a message, and its place among the items of one command ([`crate::update::ItemId`]).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    pub sequence: u64,
    pub index: u32,
    pub timestamp: Timestamp,
}

macro_rules! put_origin {
    ($b:expr, $origin:expr) => {{
        $b.set_sequence($origin.sequence);
        $b.set_index($origin.index);
        $b.set_timestamp($origin.timestamp);
    }};
}
macro_rules! get_origin {
    ($r:expr) => {
        crate::market::Origin {
            sequence: $r.get_sequence(),
            index: $r.get_index(),
            timestamp: $r.get_timestamp(),
        }
    };
}
pub(crate) use {get_origin, put_origin};

pub(crate) fn symbol_of(text: capnp::text::Reader<'_>) -> Result<Symbol, WireError> {
    text.to_str()
        .ok()
        .and_then(parse_symbol)
        .ok_or(WireError::Invalid("symbol"))
}

/// A trade on this exchange, or a print of an outside feed (`trade` 0).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trade {
    pub origin: Origin,
    pub symbol: Symbol,
    pub trade: u64,
    pub feed: u32,
    pub price: Price,
    pub quantity: Quantity,
    pub aggressor: Side,
}
impl Trade {
    pub fn encode(&self) -> Vec<u8> {
        let symbol = symbol_str(&self.symbol);
        let mut out = Vec::new();
        frame::write(
            struct_words::<w::trade::Builder<'static>>() + text_words(symbol),
            &mut out,
            |message| {
                let mut b: w::trade::Builder<'_> = message.init_root();
                put_origin!(b, self.origin);
                b.set_symbol(symbol);
                b.set_trade(self.trade);
                b.set_feed(self.feed);
                b.set_price(self.price);
                b.set_quantity(self.quantity);
                b.set_aggressor(side_to(self.aggressor));
            },
        );
        out
    }
    pub fn decode(bytes: &[u8]) -> Result<Trade, WireError> {
        let message = frame::open(bytes)?;
        let r = message.get_root::<w::trade::Reader<'_>>()?;
        Ok(Trade {
            origin: get_origin!(r),
            symbol: symbol_of(r.get_symbol()?)?,
            trade: r.get_trade(),
            feed: r.get_feed(),
            price: r.get_price(),
            quantity: r.get_quantity(),
            aggressor: side_from(r.get_aggressor()?),
        })
    }
}

/// Best prices after a record (`None`: no order on that side), the last price with its quantity and time, and whether trading
/// is halted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quote {
    pub origin: Origin,
    pub symbol: Symbol,
    pub bid: Option<(Price, Quantity)>,
    pub ask: Option<(Price, Quantity)>,
    pub last: Option<(Price, Quantity, Timestamp)>,
    pub halted: bool,
}
impl Quote {
    pub fn encode(&self) -> Vec<u8> {
        let symbol = symbol_str(&self.symbol);
        let mut out = Vec::new();
        frame::write(
            struct_words::<w::quote::Builder<'static>>() + text_words(symbol),
            &mut out,
            |message| {
                let mut b: w::quote::Builder<'_> = message.init_root();
                put_origin!(b, self.origin);
                b.set_symbol(symbol);
                let (price, quantity) = self.bid.unwrap_or((0, 0));
                b.set_bid(price);
                b.set_bid_quantity(quantity);
                let (price, quantity) = self.ask.unwrap_or((0, 0));
                b.set_ask(price);
                b.set_ask_quantity(quantity);
                let (price, quantity, at) = self.last.unwrap_or((0, 0, 0));
                b.set_last(price);
                b.set_last_quantity(quantity);
                b.set_last_at(at);
                b.set_halted(self.halted);
            },
        );
        out
    }
    pub fn decode(bytes: &[u8]) -> Result<Quote, WireError> {
        let message = frame::open(bytes)?;
        let r = message.get_root::<w::quote::Reader<'_>>()?;
        let side = |price, quantity| (quantity > 0).then_some((price, quantity));
        Ok(Quote {
            origin: get_origin!(r),
            symbol: symbol_of(r.get_symbol()?)?,
            bid: side(r.get_bid(), r.get_bid_quantity()),
            ask: side(r.get_ask(), r.get_ask_quantity()),
            last: (r.get_last() > 0).then(|| (r.get_last(), r.get_last_quantity(), r.get_last_at())),
            halted: r.get_halted(),
        })
    }
}

/// One minute of trades on this exchange and of outside prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bar {
    pub origin: Origin,
    pub symbol: Symbol,
    pub start: Timestamp,
    pub open: Price,
    pub high: Price,
    pub low: Price,
    pub close: Price,
    pub volume: Quantity,
    /// Σ price × quantity, in units of 1e-18.
    pub turnover: Money,
    pub trades: u32,
}
impl Bar {
    pub fn encode(&self) -> Vec<u8> {
        let symbol = symbol_str(&self.symbol);
        let mut out = Vec::new();
        let words = struct_words::<w::bar::Builder<'static>>() + text_words(symbol);
        frame::write(words, &mut out, |message| {
            let mut b: w::bar::Builder<'_> = message.init_root();
            put_origin!(b, self.origin);
            b.set_symbol(symbol);
            b.set_start(self.start);
            b.set_open(self.open);
            b.set_high(self.high);
            b.set_low(self.low);
            b.set_close(self.close);
            b.set_volume(self.volume);
            put!(b, set_turnover_high, set_turnover_low, self.turnover);
            b.set_trades(self.trades);
        });
        out
    }
    pub fn decode(bytes: &[u8]) -> Result<Bar, WireError> {
        let message = frame::open(bytes)?;
        let r = message.get_root::<w::bar::Reader<'_>>()?;
        Ok(Bar {
            origin: get_origin!(r),
            symbol: symbol_of(r.get_symbol()?)?,
            start: r.get_start(),
            open: r.get_open(),
            high: r.get_high(),
            low: r.get_low(),
            close: r.get_close(),
            volume: r.get_volume(),
            turnover: get_money!(r, get_turnover_high, get_turnover_low),
            trades: r.get_trades(),
        })
    }
}

/// A price level after a record that changed it; quantity 0: gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LevelChange {
    pub side: Side,
    pub price: Price,
    pub quantity: Quantity,
    pub orders: u32,
}
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookDelta {
    pub origin: Origin,
    pub symbol: Symbol,
    /// In the order of their first change, each level once.
    pub changes: Vec<LevelChange>,
    /// Of the best levels after the record; `None` where the publisher does not have the book.
    pub checksum: Option<u32>,
}
impl BookDelta {
    pub fn encode(&self) -> Vec<u8> {
        let symbol = symbol_str(&self.symbol);
        let words = struct_words::<w::book_delta::Builder<'static>>()
            + text_words(symbol)
            + 1
            + self.changes.len() * struct_words::<w::level_change::Builder<'static>>();
        let mut out = Vec::new();
        frame::write(words, &mut out, |message| {
            let mut b: w::book_delta::Builder<'_> = message.init_root();
            put_origin!(b, self.origin);
            b.set_symbol(symbol);
            b.set_has_checksum(self.checksum.is_some());
            b.set_checksum(self.checksum.unwrap_or(0));
            let mut changes = b.init_changes(self.changes.len() as u32);
            for (i, change) in self.changes.iter().enumerate() {
                let mut c = changes.reborrow().get(i as u32);
                c.set_side(side_to(change.side));
                c.set_price(change.price);
                c.set_quantity(change.quantity);
                c.set_orders(change.orders);
            }
        });
        out
    }
    pub fn decode(bytes: &[u8]) -> Result<BookDelta, WireError> {
        let message = frame::open(bytes)?;
        let r = message.get_root::<w::book_delta::Reader<'_>>()?;
        let change = |c: w::level_change::Reader<'_>| {
            Ok(LevelChange {
                side: side_from(c.get_side()?),
                price: c.get_price(),
                quantity: c.get_quantity(),
                orders: c.get_orders(),
            })
        };
        Ok(BookDelta {
            origin: get_origin!(r),
            symbol: symbol_of(r.get_symbol()?)?,
            changes: r.get_changes()?.iter().map(change).collect::<Result<_, WireError>>()?,
            checksum: r.get_has_checksum().then(|| r.get_checksum()),
        })
    }
}

/// The visible book, best first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderBookSnapshot {
    /// The book is the state after this record.
    pub sequence: u64,
    pub timestamp: Timestamp,
    pub symbol: Symbol,
    pub bids: Vec<Level>,
    pub asks: Vec<Level>,
}
impl OrderBookSnapshot {
    pub fn encode(&self) -> Vec<u8> {
        let symbol = symbol_str(&self.symbol);
        let words = struct_words::<w::order_book_snapshot::Builder<'static>>()
            + text_words(symbol)
            + 2
            + (self.bids.len() + self.asks.len()) * struct_words::<w::book_level::Builder<'static>>();
        let mut out = Vec::new();
        frame::write(words, &mut out, |message| {
            let mut b: w::order_book_snapshot::Builder<'_> = message.init_root();
            b.set_sequence(self.sequence);
            b.set_timestamp(self.timestamp);
            b.set_symbol(symbol);
            let put = |mut list: capnp::struct_list::Builder<'_, w::book_level::Owned>, levels: &[Level]| {
                for (i, level) in levels.iter().enumerate() {
                    let mut l = list.reborrow().get(i as u32);
                    l.set_price(level.price);
                    l.set_quantity(level.quantity);
                    l.set_orders(level.orders);
                }
            };
            put(b.reborrow().init_bids(self.bids.len() as u32), &self.bids);
            put(b.init_asks(self.asks.len() as u32), &self.asks);
        });
        out
    }
    pub fn decode(bytes: &[u8]) -> Result<OrderBookSnapshot, WireError> {
        let message = frame::open(bytes)?;
        let r = message.get_root::<w::order_book_snapshot::Reader<'_>>()?;
        let levels = |list: capnp::struct_list::Reader<'_, w::book_level::Owned>| {
            list.iter()
                .map(|l| Level {
                    price: l.get_price(),
                    quantity: l.get_quantity(),
                    orders: l.get_orders(),
                })
                .collect()
        };
        Ok(OrderBookSnapshot {
            sequence: r.get_sequence(),
            timestamp: r.get_timestamp(),
            symbol: symbol_of(r.get_symbol()?)?,
            bids: levels(r.get_bids()?),
            asks: levels(r.get_asks()?),
        })
    }
}
