//! Batches of ticks and bars as NumPy arrays.
//!
//! A decoded column is `numpy.frombuffer` over the message itself: read-only and without a copy. The array
//! keeps the message. Any buffer at any address is accepted (bytes, a memoryview of a socket's buffer).
//! Arrow accepts such arrays without a conversion. Encoding copies each column once, into the message.

use cift_wire::limits::MAX_TICKS_PER_BATCH;
use cift_wire::text::{parse_symbol, symbol_str};
use cift_wire::ticks::{self as t, Bars, Column as Read, Columns, Quotes, Ticks, Trades};
use cift_wire::WireError;
use pyo3::buffer::PyBuffer;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict};
use pyo3::{intern, wrap_pyfunction};

use crate::arrays::Column;

fn invalid(error: WireError) -> PyErr {
    PyValueError::new_err(error.to_string())
}

fn symbol_of(text: &str) -> PyResult<cift_engine::Symbol> {
    parse_symbol(text).ok_or_else(|| {
        PyValueError::new_err(format!(
            "symbol: expected 1 to 16 characters of A-Z 0-9 . - /, got {text:?}"
        ))
    })
}

/// Encode trades of one symbol into one message of the stream TICKS. `sides`: 1, -1 or 0. `conditions`:
/// uint32 bits.
///
/// ValueError: invalid feed or symbol, columns of different lengths, no row or too many rows, sequences
/// that do not increase.
#[pyfunction]
#[pyo3(signature = (feed, symbol, sequences, times, prices, quantities, sides, conditions, /))]
#[allow(clippy::too_many_arguments)]
fn encode_trades<'py>(
    py: Python<'py>,
    feed: &str,
    symbol: &str,
    sequences: Column<'_, u64>,
    times: Column<'_, i64>,
    prices: Column<'_, i64>,
    quantities: Column<'_, i64>,
    sides: Column<'_, i8>,
    conditions: Column<'_, u32>,
) -> PyResult<Bound<'py, PyBytes>> {
    let symbol = symbol_of(symbol)?;
    let ticks = Ticks {
        feed,
        symbol,
        sequences: sequences.0,
        times: times.0,
    };
    let trades = Trades {
        prices: prices.0,
        quantities: quantities.0,
        sides: sides.0,
        conditions: conditions.0,
    };
    let bytes = t::encode_trades(&ticks, &trades).map_err(invalid)?;
    Ok(PyBytes::new(py, &bytes))
}

/// Encode quotes of one symbol into one message of the stream TICKS. Quantity 0: that side is empty.
///
/// ValueError: as in `encode_trades`.
#[pyfunction]
#[pyo3(signature = (feed, symbol, sequences, times, bids, bid_quantities, asks, ask_quantities, /))]
#[allow(clippy::too_many_arguments)]
fn encode_quotes<'py>(
    py: Python<'py>,
    feed: &str,
    symbol: &str,
    sequences: Column<'_, u64>,
    times: Column<'_, i64>,
    bids: Column<'_, i64>,
    bid_quantities: Column<'_, i64>,
    asks: Column<'_, i64>,
    ask_quantities: Column<'_, i64>,
) -> PyResult<Bound<'py, PyBytes>> {
    let symbol = symbol_of(symbol)?;
    let ticks = Ticks {
        feed,
        symbol,
        sequences: sequences.0,
        times: times.0,
    };
    let quotes = Quotes {
        bids: bids.0,
        bid_quantities: bid_quantities.0,
        asks: asks.0,
        ask_quantities: ask_quantities.0,
    };
    let bytes = t::encode_quotes(&ticks, &quotes).map_err(invalid)?;
    Ok(PyBytes::new(py, &bytes))
}

/// Encode bars of one symbol and interval (seconds) into one message. ValueError: as in `encode_trades`.
#[pyfunction]
#[pyo3(signature = (source, symbol, interval_s, starts, opens, highs, lows, closes, volumes, vwaps, trades, /))]
#[allow(clippy::too_many_arguments)]
fn encode_bars<'py>(
    py: Python<'py>,
    source: &str,
    symbol: &str,
    interval_s: u32,
    starts: Column<'_, i64>,
    opens: Column<'_, i64>,
    highs: Column<'_, i64>,
    lows: Column<'_, i64>,
    closes: Column<'_, i64>,
    volumes: Column<'_, i64>,
    vwaps: Column<'_, i64>,
    trades: Column<'_, u32>,
) -> PyResult<Bound<'py, PyBytes>> {
    let bars = Bars {
        source,
        symbol: symbol_of(symbol)?,
        interval_s,
        starts: starts.0,
        opens: opens.0,
        highs: highs.0,
        lows: lows.0,
        closes: closes.0,
        volumes: volumes.0,
        vwaps: vwaps.0,
        trades: trades.0,
    };
    let bytes = t::encode_bars(&bars).map_err(invalid)?;
    Ok(PyBytes::new(py, &bytes))
}

/// Puts arrays over one message into a dict.
struct Arrays<'a, 'py> {
    data: &'a Bound<'py, PyAny>,
    start: usize,
    dict: Bound<'py, PyDict>,
}

impl<'py> Arrays<'_, 'py> {
    fn put<T: t::Number>(
        &self,
        name: &Bound<'py, pyo3::types::PyString>,
        dtype: &str,
        column: Read<'_, T>,
    ) -> PyResult<()> {
        static FROM_BUFFER: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let py = self.data.py();
        let from_buffer =
            FROM_BUFFER.get_or_try_init(py, || py.import("numpy")?.getattr("frombuffer").map(Bound::unbind))?;
        let offset = column.bytes().as_ptr() as usize - self.start;
        let array = from_buffer.bind(py).call1((self.data, dtype, column.len(), offset))?;
        self.dict.set_item(name, array)
    }
}

/// Calls `read` with the bytes of a read-only buffer.
fn with_bytes<R>(data: &Bound<'_, PyAny>, read: impl FnOnce(&[u8]) -> PyResult<R>) -> PyResult<R> {
    if let Ok(bytes) = data.cast::<PyBytes>() {
        return read(bytes.as_bytes());
    }
    let buffer = PyBuffer::<u8>::get(data)?;
    if !buffer.readonly() || !buffer.is_c_contiguous() {
        return Err(PyValueError::new_err(
            "data: expected bytes, or a read-only contiguous buffer",
        ));
    }
    // SAFETY: the bytes are contiguous and read-only, and the guard `buffer` keeps them in place until
    // `read` returns.
    let bytes = unsafe { std::slice::from_raw_parts(buffer.buf_ptr().cast::<u8>(), buffer.len_bytes()) };
    read(bytes)
}

/// Decode a payload of `ticks.<feed>.<symbol>` into `feed`, `symbol`, `kind` ("trade" or "quote") and the
/// columns, which are read-only arrays over `data` itself.
#[pyfunction]
#[pyo3(signature = (data, /))]
fn decode_ticks<'py>(py: Python<'py>, data: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyDict>> {
    with_bytes(data, |bytes| {
        let dict = PyDict::new(py);
        let arrays = Arrays {
            data,
            start: bytes.as_ptr() as usize,
            dict: dict.clone(),
        };
        t::decode(bytes, |ticks, columns| -> PyResult<()> {
            dict.set_item(intern!(py, "feed"), ticks.feed)?;
            dict.set_item(intern!(py, "symbol"), symbol_str(&ticks.symbol))?;
            arrays.put(intern!(py, "sequences"), "<u8", ticks.sequences)?;
            arrays.put(intern!(py, "times"), "<i8", ticks.times)?;
            match columns {
                Columns::Trades(trades) => {
                    dict.set_item(intern!(py, "kind"), intern!(py, "trade"))?;
                    arrays.put(intern!(py, "prices"), "<i8", trades.prices)?;
                    arrays.put(intern!(py, "quantities"), "<i8", trades.quantities)?;
                    arrays.put(intern!(py, "sides"), "i1", trades.sides)?;
                    arrays.put(intern!(py, "conditions"), "<u4", trades.conditions)
                }
                Columns::Quotes(quotes) => {
                    dict.set_item(intern!(py, "kind"), intern!(py, "quote"))?;
                    arrays.put(intern!(py, "bids"), "<i8", quotes.bids)?;
                    arrays.put(intern!(py, "bid_quantities"), "<i8", quotes.bid_quantities)?;
                    arrays.put(intern!(py, "asks"), "<i8", quotes.asks)?;
                    arrays.put(intern!(py, "ask_quantities"), "<i8", quotes.ask_quantities)
                }
            }
        })
        .map_err(invalid)??;
        Ok(dict)
    })
}

/// Decode a message of bars into `source`, `symbol`, `interval_s` and the columns, which are read-only
/// arrays over `data` itself.
#[pyfunction]
#[pyo3(signature = (data, /))]
fn decode_bars<'py>(py: Python<'py>, data: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyDict>> {
    with_bytes(data, |bytes| {
        let dict = PyDict::new(py);
        let arrays = Arrays {
            data,
            start: bytes.as_ptr() as usize,
            dict: dict.clone(),
        };
        t::decode_bars(bytes, |bars| -> PyResult<()> {
            dict.set_item(intern!(py, "source"), bars.source)?;
            dict.set_item(intern!(py, "symbol"), symbol_str(&bars.symbol))?;
            dict.set_item(intern!(py, "interval_s"), bars.interval_s)?;
            arrays.put(intern!(py, "starts"), "<i8", bars.starts)?;
            arrays.put(intern!(py, "opens"), "<i8", bars.opens)?;
            arrays.put(intern!(py, "highs"), "<i8", bars.highs)?;
            arrays.put(intern!(py, "lows"), "<i8", bars.lows)?;
            arrays.put(intern!(py, "closes"), "<i8", bars.closes)?;
            arrays.put(intern!(py, "volumes"), "<i8", bars.volumes)?;
            arrays.put(intern!(py, "vwaps"), "<i8", bars.vwaps)?;
            arrays.put(intern!(py, "trades"), "<u4", bars.trades)
        })
        .map_err(invalid)??;
        Ok(dict)
    })
}

/// Adds these functions to the module.
pub fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("MAX_TICKS_PER_BATCH", MAX_TICKS_PER_BATCH)?;
    module.add_function(wrap_pyfunction!(encode_trades, module)?)?;
    module.add_function(wrap_pyfunction!(encode_quotes, module)?)?;
    module.add_function(wrap_pyfunction!(encode_bars, module)?)?;
    module.add_function(wrap_pyfunction!(decode_ticks, module)?)?;
    module.add_function(wrap_pyfunction!(decode_bars, module)?)
}
