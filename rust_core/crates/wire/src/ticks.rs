//! Batches of ticks and bars as columns.
//!
//! A batch is the content of one message; `decode` reads what `encode` writes. A decoded batch borrows its bytes: a
//! [`Column`] is a part of them, read as numbers in place. So a consumer that only passes columns on (to NumPy, to a
//! store) copies nothing.
//!
//! Invariants, checked on encoding and on decoding: all columns have one length of 1..=[`MAX_TICKS_PER_BATCH`], sequences
//! are strictly monotonic, and the feed is one token of a subject.
use crate::frame::{self, struct_words, text_words, WireError};
use crate::limits::{MAX_FEED_BYTES, MAX_TICKS_PER_BATCH};
use crate::market::symbol_of;
use crate::text::symbol_str;
use crate::ticks_capnp as w;
use cift_engine::Symbol;
use std::marker::PhantomData;

/// A number of a column: little endian.
pub trait Number: Copy + PartialOrd {
    const BYTES: usize;
    fn get(bytes: &[u8]) -> Self;
    fn put(self, bytes: &mut [u8]);
}
macro_rules! number {
    ($($kind:ty),+) => {$(
        impl Number for $kind {
            const BYTES: usize = size_of::<$kind>();
            #[inline]
            fn get(bytes: &[u8]) -> Self {
                <$kind>::from_le_bytes(bytes.try_into().expect("as many bytes as the number has"))
            }
            #[inline]
            fn put(self, bytes: &mut [u8]) {
                bytes.copy_from_slice(&self.to_le_bytes());
            }
        }
    )+};
}
number!(i8, u32, u64, i64);

/// Numbers inside a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column<'a, T> {
    bytes: &'a [u8],
    of: PhantomData<T>,
}
impl<'a, T: Number + 'a> Column<'a, T> {
    fn new(bytes: &'a [u8], rows: usize) -> Result<Column<'a, T>, WireError> {
        if bytes.len() != rows * T::BYTES {
            return Err(WireError::Invalid("column: not as long as the others"));
        }
        Ok(Column { bytes, of: PhantomData })
    }
    pub fn len(&self) -> usize {
        self.bytes.len() / T::BYTES
    }
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
    /// The column's bytes in the message.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }
    pub fn iter(&self) -> impl ExactSizeIterator<Item = T> + 'a {
        self.bytes.chunks_exact(T::BYTES).map(T::get)
    }
}

fn put_column<T: Number>(bytes: &mut [u8], values: &[T]) {
    for (place, value) in bytes.chunks_exact_mut(T::BYTES).zip(values) {
        value.put(place);
    }
}
fn column_words<T: Number>(rows: usize) -> usize {
    (rows * T::BYTES).div_ceil(8)
}

/// 1..=32 of `a–z 0–9 - _`.
pub fn valid_feed(feed: &str) -> bool {
    let ok = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
    (1..=MAX_FEED_BYTES).contains(&feed.len()) && feed.bytes().all(ok)
}
fn check_rows(rows: usize) -> Result<(), WireError> {
    match rows {
        0 => Err(WireError::Invalid("batch: it is empty")),
        1..=MAX_TICKS_PER_BATCH => Ok(()),
        _ => Err(WireError::TooLong {
            what: "batch",
            limit: MAX_TICKS_PER_BATCH,
        }),
    }
}
fn check_monotonic<T: Number>(mut values: impl Iterator<Item = T>) -> Result<(), WireError> {
    let mut last = values.next();
    for value in values {
        if last >= Some(value) {
            return Err(WireError::Invalid("sequences: they are not strictly monotonic"));
        }
        last = Some(value);
    }
    Ok(())
}
fn check_feed(feed: &str) -> Result<(), WireError> {
    if valid_feed(feed) {
        Ok(())
    } else {
        Err(WireError::Invalid("feed"))
    }
}
fn feed_of(text: capnp::text::Reader<'_>) -> Result<&str, WireError> {
    let feed = text.to_str().map_err(|_| WireError::Invalid("feed"))?;
    check_feed(feed).map(|()| feed)
}

/// The part of a batch that all kinds have. Columns are slices to write from, or [`Column`]s.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticks<'a, U, I> {
    pub feed: &'a str,
    pub symbol: Symbol,
    pub sequences: U,
    pub times: I,
}
/// Columns of trades: `sides` 1 buy, -1 sell, 0 unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trades<I, S, C> {
    pub prices: I,
    pub quantities: I,
    pub sides: S,
    pub conditions: C,
}
/// Columns of quotes: quantity 0: no order on that side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quotes<I> {
    pub bids: I,
    pub bid_quantities: I,
    pub asks: I,
    pub ask_quantities: I,
}
pub type TicksToWrite<'a> = Ticks<'a, &'a [u64], &'a [i64]>;
pub type TradesToWrite<'a> = Trades<&'a [i64], &'a [i8], &'a [u32]>;
pub type QuotesToWrite<'a> = Quotes<&'a [i64]>;
pub type TicksRead<'a> = Ticks<'a, Column<'a, u64>, Column<'a, i64>>;
pub type TradesRead<'a> = Trades<Column<'a, i64>, Column<'a, i8>, Column<'a, u32>>;
pub type QuotesRead<'a> = Quotes<Column<'a, i64>>;

/// The columns of a decoded batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Columns<'a> {
    Trades(TradesRead<'a>),
    Quotes(QuotesRead<'a>),
}

fn same(rows: usize, lengths: &[usize]) -> Result<(), WireError> {
    if lengths.iter().all(|length| *length == rows) {
        Ok(())
    } else {
        Err(WireError::Invalid("column: not as long as the others"))
    }
}

fn encode(
    ticks: &TicksToWrite<'_>,
    words: usize,
    fill: impl FnOnce(w::tick_batch::Builder<'_>),
) -> Result<Vec<u8>, WireError> {
    check_feed(ticks.feed)?;
    check_monotonic(ticks.sequences.iter().copied())?;
    let symbol = symbol_str(&ticks.symbol);
    let rows = ticks.sequences.len();
    let words = struct_words::<w::tick_batch::Builder<'static>>()
        + text_words(ticks.feed)
        + text_words(symbol)
        + 2 * rows
        + words;
    let mut out = Vec::new();
    frame::write(words, &mut out, |message| {
        let mut b: w::tick_batch::Builder<'_> = message.init_root();
        b.set_feed(ticks.feed);
        b.set_symbol(symbol);
        put_column(b.reborrow().init_sequences(8 * rows as u32), ticks.sequences);
        put_column(b.reborrow().init_times(8 * rows as u32), ticks.times);
        fill(b);
    });
    Ok(out)
}

/// A message of trades.
pub fn encode_trades(ticks: &TicksToWrite<'_>, trades: &TradesToWrite<'_>) -> Result<Vec<u8>, WireError> {
    let rows = ticks.sequences.len();
    check_rows(rows)?;
    let lengths = [
        ticks.times.len(),
        trades.prices.len(),
        trades.quantities.len(),
        trades.sides.len(),
        trades.conditions.len(),
    ];
    same(rows, &lengths)?;
    let words = 2 * rows + column_words::<i8>(rows) + column_words::<u32>(rows);
    encode(ticks, words, |b| {
        let mut b = b.init_trades();
        put_column(b.reborrow().init_prices(8 * rows as u32), trades.prices);
        put_column(b.reborrow().init_quantities(8 * rows as u32), trades.quantities);
        put_column(b.reborrow().init_sides(rows as u32), trades.sides);
        put_column(b.init_conditions(4 * rows as u32), trades.conditions);
    })
}

/// A message of quotes.
pub fn encode_quotes(ticks: &TicksToWrite<'_>, quotes: &QuotesToWrite<'_>) -> Result<Vec<u8>, WireError> {
    let rows = ticks.sequences.len();
    check_rows(rows)?;
    let lengths = [
        ticks.times.len(),
        quotes.bids.len(),
        quotes.bid_quantities.len(),
        quotes.asks.len(),
        quotes.ask_quantities.len(),
    ];
    same(rows, &lengths)?;
    encode(ticks, 4 * rows, |b| {
        let mut b = b.init_quotes();
        put_column(b.reborrow().init_bids(8 * rows as u32), quotes.bids);
        put_column(b.reborrow().init_bid_quantities(8 * rows as u32), quotes.bid_quantities);
        put_column(b.reborrow().init_asks(8 * rows as u32), quotes.asks);
        put_column(b.init_ask_quantities(8 * rows as u32), quotes.ask_quantities);
    })
}

/// Reads a batch without copying, and passes it to `look`.
pub fn decode<R>(bytes: &[u8], look: impl FnOnce(TicksRead<'_>, Columns<'_>) -> R) -> Result<R, WireError> {
    let message = frame::open(bytes)?;
    let r = message.get_root::<w::tick_batch::Reader<'_>>()?;
    let sequences = r.get_sequences()?;
    let rows = sequences.len() / u64::BYTES;
    check_rows(rows)?;
    let ticks = Ticks {
        feed: feed_of(r.get_feed()?)?,
        symbol: symbol_of(r.get_symbol()?)?,
        sequences: Column::new(sequences, rows)?,
        times: Column::new(r.get_times()?, rows)?,
    };
    check_monotonic(ticks.sequences.iter())?;
    let columns = match r.which()? {
        w::tick_batch::Trades(r) => Columns::Trades(Trades {
            prices: Column::new(r.get_prices()?, rows)?,
            quantities: Column::new(r.get_quantities()?, rows)?,
            sides: Column::new(r.get_sides()?, rows)?,
            conditions: Column::new(r.get_conditions()?, rows)?,
        }),
        w::tick_batch::Quotes(r) => Columns::Quotes(Quotes {
            bids: Column::new(r.get_bids()?, rows)?,
            bid_quantities: Column::new(r.get_bid_quantities()?, rows)?,
            asks: Column::new(r.get_asks()?, rows)?,
            ask_quantities: Column::new(r.get_ask_quantities()?, rows)?,
        }),
    };
    Ok(look(ticks, columns))
}

/// Bars of one symbol and interval; columns as in [`Ticks`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bars<'a, I, C> {
    pub source: &'a str,
    pub symbol: Symbol,
    pub interval_s: u32,
    pub starts: I,
    pub opens: I,
    pub highs: I,
    pub lows: I,
    pub closes: I,
    pub volumes: I,
    pub vwaps: I,
    pub trades: C,
}
pub type BarsToWrite<'a> = Bars<'a, &'a [i64], &'a [u32]>;
pub type BarsRead<'a> = Bars<'a, Column<'a, i64>, Column<'a, u32>>;

/// A message of bars.
pub fn encode_bars(bars: &BarsToWrite<'_>) -> Result<Vec<u8>, WireError> {
    let rows = bars.starts.len();
    check_rows(rows)?;
    check_feed(bars.source)?;
    check_monotonic(bars.starts.iter().copied())?;
    let prices = [bars.opens, bars.highs, bars.lows, bars.closes];
    same(rows, &prices.map(<[i64]>::len))?;
    same(rows, &[bars.volumes.len(), bars.vwaps.len(), bars.trades.len()])?;
    let symbol = symbol_str(&bars.symbol);
    let words = struct_words::<w::bar_batch::Builder<'static>>()
        + text_words(bars.source)
        + text_words(symbol)
        + 7 * rows
        + column_words::<u32>(rows);
    let (mut out, bytes) = (Vec::new(), 8 * rows as u32);
    frame::write(words, &mut out, |message| {
        let mut b: w::bar_batch::Builder<'_> = message.init_root();
        b.set_source(bars.source);
        b.set_symbol(symbol);
        b.set_interval_s(bars.interval_s);
        put_column(b.reborrow().init_starts(bytes), bars.starts);
        put_column(b.reborrow().init_opens(bytes), bars.opens);
        put_column(b.reborrow().init_highs(bytes), bars.highs);
        put_column(b.reborrow().init_lows(bytes), bars.lows);
        put_column(b.reborrow().init_closes(bytes), bars.closes);
        put_column(b.reborrow().init_volumes(bytes), bars.volumes);
        put_column(b.reborrow().init_vwaps(bytes), bars.vwaps);
        put_column(b.init_trades(4 * rows as u32), bars.trades);
    });
    Ok(out)
}

/// Reads a message of bars without copying, and passes it to `look`.
pub fn decode_bars<R>(bytes: &[u8], look: impl FnOnce(BarsRead<'_>) -> R) -> Result<R, WireError> {
    let message = frame::open(bytes)?;
    let r = message.get_root::<w::bar_batch::Reader<'_>>()?;
    let starts = r.get_starts()?;
    let rows = starts.len() / i64::BYTES;
    check_rows(rows)?;
    let bars = Bars {
        source: feed_of(r.get_source()?)?,
        symbol: symbol_of(r.get_symbol()?)?,
        interval_s: r.get_interval_s(),
        starts: Column::new(starts, rows)?,
        opens: Column::new(r.get_opens()?, rows)?,
        highs: Column::new(r.get_highs()?, rows)?,
        lows: Column::new(r.get_lows()?, rows)?,
        closes: Column::new(r.get_closes()?, rows)?,
        volumes: Column::new(r.get_volumes()?, rows)?,
        vwaps: Column::new(r.get_vwaps()?, rows)?,
        trades: Column::new(r.get_trades()?, rows)?,
    };
    check_monotonic(bars.starts.iter())?;
    Ok(look(bars))
}
