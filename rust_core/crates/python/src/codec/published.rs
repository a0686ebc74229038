//! The messages of MARKET_DATA and EVENTS as dicts. Each has `sequence` and `index` (its id: the journal record and
//! the place in it) and `timestamp`.

use cift_engine::{Level, TimeInForce};
use cift_wire::account::{Cash, Fill, Order, Position, Signal};
use cift_wire::market::{BookDelta, OrderBookSnapshot, Quote, Trade};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString, PyTuple};
use pyo3::{intern, wrap_pyfunction, IntoPyObjectExt};

use super::commands::set_fields;
use super::invalid;
use super::scalars::{IntoField, Texts};

macro_rules! message {
    ($texts:ident, $value:ident . { $($field:ident),+ $(,)? }) => {{
        let dict = PyDict::new($texts.py());
        let origin = &$value.origin;
        set_fields!(dict, $texts, origin.{ sequence, index, timestamp });
        set_fields!(dict, $texts, $value.{ $($field),+ });
        dict
    }};
}

/// Decode a payload of `market.trade.<symbol>`; `trade` 0 is a print of an outside feed.
#[pyfunction]
#[pyo3(signature = (data, /))]
fn decode_trade<'py>(py: Python<'py>, data: &[u8]) -> PyResult<Bound<'py, PyDict>> {
    let trade = Trade::decode(data).map_err(invalid)?;
    let texts = &mut Texts::new(py);
    Ok(message!(texts, trade.{ symbol, trade, feed, price, quantity, aggressor }))
}

/// Decode a payload of `market.quote.<symbol>`; a side without anybody is `None`, and so is a last price before the
/// first.
#[pyfunction]
#[pyo3(signature = (data, /))]
fn decode_quote<'py>(py: Python<'py>, data: &[u8]) -> PyResult<Bound<'py, PyDict>> {
    let quote = Quote::decode(data).map_err(invalid)?;
    let texts = &mut Texts::new(py);
    let dict = message!(texts, quote.{ symbol });
    let (bid, bid_quantity) = (quote.bid.map(|bid| bid.0), quote.bid.map(|bid| bid.1));
    let (ask, ask_quantity) = (quote.ask.map(|ask| ask.0), quote.ask.map(|ask| ask.1));
    set_fields!(dict, texts, { bid, bid_quantity, ask, ask_quantity });
    let last = quote.last.map(|last| last.0);
    let (last_quantity, last_at) = (quote.last.map(|last| last.1), quote.last.map(|last| last.2));
    let halted = quote.halted;
    set_fields!(dict, texts, { last, last_quantity, last_at, halted });
    Ok(dict)
}

/// Decode a payload of `market.book.<symbol>`: the levels that changed, quantity 0 = gone; `checksum` of the best ten
/// a side after them, or `None`.
#[pyfunction]
#[pyo3(signature = (data, /))]
fn decode_book_delta<'py>(py: Python<'py>, data: &[u8]) -> PyResult<Bound<'py, PyDict>> {
    let delta = BookDelta::decode(data).map_err(invalid)?;
    let texts = &mut Texts::new(py);
    let dict = message!(texts, delta.{ symbol });
    let changes = PyList::empty(py);
    for change in &delta.changes {
        let level = PyDict::new(py);
        set_fields!(level, texts, change.{ side, price, quantity, orders });
        changes.append(level)?;
    }
    dict.set_item(intern!(py, "changes"), changes)?;
    dict.set_item(intern!(py, "checksum"), delta.checksum)?;
    Ok(dict)
}

/// Decode a whole book: `bids` and `asks` are lists of (price, quantity, orders), best first.
#[pyfunction]
#[pyo3(signature = (data, /))]
fn decode_book_snapshot<'py>(py: Python<'py>, data: &[u8]) -> PyResult<Bound<'py, PyDict>> {
    let book = OrderBookSnapshot::decode(data).map_err(invalid)?;
    let texts = &mut Texts::new(py);
    let dict = PyDict::new(py);
    set_fields!(dict, texts, book.{ sequence, timestamp, symbol });
    let side = |levels: &[Level]| -> PyResult<Bound<'py, PyList>> {
        let rows = levels
            .iter()
            .map(|level| (level.price, level.quantity, level.orders).into_pyobject(py));
        PyList::new(py, rows.collect::<PyResult<Vec<Bound<'py, PyTuple>>>>()?)
    };
    dict.set_item(intern!(py, "bids"), side(&book.bids)?)?;
    dict.set_item(intern!(py, "asks"), side(&book.asks)?)?;
    Ok(dict)
}

/// Decode a payload of `events.<account>.order`; what the change says nothing of is `None`.
#[pyfunction]
#[pyo3(signature = (data, /))]
fn decode_order<'py>(py: Python<'py>, data: &[u8]) -> PyResult<Bound<'py, PyDict>> {
    let order = Order::decode(data).map_err(invalid)?;
    let texts = &mut Texts::new(py);
    let dict = message!(texts, order.{ account, order, status, reason, quantity, limit_price, stop_price });
    dict.set_item(intern!(py, "change"), PyString::intern(py, order.change.as_str()))?;
    let client = (!order.client_order_id.is_empty()).then_some(order.client_order_id.as_str());
    dict.set_item(intern!(py, "client_order_id"), client)?;
    let terms = order.terms;
    let (symbol, side) = (terms.map(|terms| terms.symbol), terms.map(|terms| terms.side));
    let kind = terms.map(|terms| terms.kind);
    set_fields!(dict, texts, { symbol, side, kind });
    let time_in_force = match terms.map(|terms| terms.time_in_force) {
        // The message has no time here: its name alone.
        Some(TimeInForce::Gtd(_)) => intern!(py, "gtd").into_bound_py_any(py)?,
        other => other.into_field(texts)?,
    };
    dict.set_item(intern!(py, "time_in_force"), time_in_force)?;
    Ok(dict)
}

/// Decode a payload of `events.<account>.fill`.
#[pyfunction]
#[pyo3(signature = (data, /))]
fn decode_fill<'py>(py: Python<'py>, data: &[u8]) -> PyResult<Bound<'py, PyDict>> {
    let fill = Fill::decode(data).map_err(invalid)?;
    let texts = &mut Texts::new(py);
    Ok(message!(texts, fill.{
        account, order, symbol, trade, side, maker, price, quantity, fee, filled, leaves, filled_notional, cash,
    }))
}

/// Decode a payload of `events.<account>.position`.
#[pyfunction]
#[pyo3(signature = (data, /))]
fn decode_position<'py>(py: Python<'py>, data: &[u8]) -> PyResult<Bound<'py, PyDict>> {
    let position = Position::decode(data).map_err(invalid)?;
    let texts = &mut Texts::new(py);
    Ok(message!(texts, position.{ account, symbol, quantity, cost, realized }))
}

/// Decode a payload of `events.<account>.cash`.
#[pyfunction]
#[pyo3(signature = (data, /))]
fn decode_cash<'py>(py: Python<'py>, data: &[u8]) -> PyResult<Bound<'py, PyDict>> {
    let cash = Cash::decode(data).map_err(invalid)?;
    let texts = &mut Texts::new(py);
    Ok(message!(texts, cash.{ account, transfer, kind, amount, cash }))
}

/// Decode a payload of SIGNALS: a model's opinion; `value` and `confidence` in nanos.
#[pyfunction]
#[pyo3(signature = (data, /))]
fn decode_signal<'py>(py: Python<'py>, data: &[u8]) -> PyResult<Bound<'py, PyDict>> {
    let signal = Signal::decode(data).map_err(invalid)?;
    let texts = &mut Texts::new(py);
    let dict = PyDict::new(py);
    set_fields!(dict, texts, signal.{ timestamp, symbol, model, value, confidence, horizon_ns });
    Ok(dict)
}

/// Puts these functions into the module.
pub fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(decode_trade, module)?)?;
    module.add_function(wrap_pyfunction!(decode_quote, module)?)?;
    module.add_function(wrap_pyfunction!(decode_book_delta, module)?)?;
    module.add_function(wrap_pyfunction!(decode_book_snapshot, module)?)?;
    module.add_function(wrap_pyfunction!(decode_order, module)?)?;
    module.add_function(wrap_pyfunction!(decode_fill, module)?)?;
    module.add_function(wrap_pyfunction!(decode_position, module)?)?;
    module.add_function(wrap_pyfunction!(decode_cash, module)?)?;
    module.add_function(wrap_pyfunction!(decode_signal, module)?)
}
