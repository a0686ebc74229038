//! The messages of MARKET_DATA and EVENTS as dicts. Each has `sequence` and `index` (its id: the journal record and
//! the place in it) and `timestamp`.

use cift_engine::{Level, TimeInForce};
use cift_wire::account::{Cash, Fill, Order, OrderChange, OrderTerms, Position, Signal};
use cift_wire::annotation::{field_of, Annotated, Field, Module};
use cift_wire::market::{BookDelta, LevelChange, OrderBookSnapshot, Quote, Trade};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString, PyTuple};
use pyo3::{intern, wrap_pyfunction, IntoPyObjectExt};

use super::commands::set_fields;
use super::invalid;
use super::scalars::{IntoField, Texts};

/// Sets `sequence`, `index` and `timestamp` of a new dict.
macro_rules! origin {
    ($texts:ident, $value:ident) => {{
        let dict = PyDict::new($texts.py());
        let origin = &$value.origin;
        set_fields!(dict, $texts, origin.{ sequence, index, timestamp });
        dict
    }};
}

/// Messages whose fields are those of the Rust struct.
macro_rules! messages {
    ($($doc:literal $decode:ident $type:ident as $class:literal { $($field:ident),+ $(,)? })+) => {
        $(
            #[doc = $doc]
            #[pyfunction]
            #[pyo3(signature = (data, /))]
            fn $decode<'py>(py: Python<'py>, data: &[u8]) -> PyResult<Bound<'py, PyDict>> {
                let message = $type::decode(data).map_err(invalid)?;
                let texts = &mut Texts::new(py);
                let dict = origin!(texts, message);
                set_fields!(dict, texts, message.{ $($field),+ });
                Ok(dict)
            }
        )+

        fn define_messages(module: &mut Module) {
            $( module.class(
                $class,
                $doc,
                &["Origin"],
                &[$(field_of(stringify!($field), |message: &$type| &message.$field)),+],
            ); )+
        }
    };
}
messages! {
    "A payload of `market.trade.<symbol>`, decoded; `trade` 0: a print of an outside feed."
    decode_trade Trade as "TradeMessage" { symbol, trade, feed, price, quantity, aggressor }
    "A payload of `events.<account>.fill`, decoded."
    decode_fill Fill as "FillMessage" {
        account, order, symbol, trade, side, maker, price, quantity, fee, filled, leaves, filled_notional, cash,
    }
    "A payload of `events.<account>.position`, decoded: the position after the record."
    decode_position Position as "PositionMessage" { account, symbol, quantity, cost, realized }
    "A payload of `events.<account>.cash`, decoded."
    decode_cash Cash as "CashMessage" { account, transfer, kind, amount, cash }
}

/// Decode a payload of `market.quote.<symbol>`; a side without orders is `None`, and so is the last price before the
/// first trade.
#[pyfunction]
#[pyo3(signature = (data, /))]
fn decode_quote<'py>(py: Python<'py>, data: &[u8]) -> PyResult<Bound<'py, PyDict>> {
    let quote = Quote::decode(data).map_err(invalid)?;
    let texts = &mut Texts::new(py);
    let dict = origin!(texts, quote);
    set_fields!(dict, texts, quote.{ symbol });
    let (bid, bid_quantity) = (quote.bid.map(|bid| bid.0), quote.bid.map(|bid| bid.1));
    let (ask, ask_quantity) = (quote.ask.map(|ask| ask.0), quote.ask.map(|ask| ask.1));
    set_fields!(dict, texts, { bid, bid_quantity, ask, ask_quantity });
    let last = quote.last.map(|last| last.0);
    let (last_quantity, last_at) = (quote.last.map(|last| last.1), quote.last.map(|last| last.2));
    let halted = quote.halted;
    set_fields!(dict, texts, { last, last_quantity, last_at, halted });
    Ok(dict)
}

fn define_quote(module: &mut Module) {
    let amount = |name| Field::new(name, Option::<i64>::annotation());
    let keys = [
        field_of("symbol", |quote: &Quote| &quote.symbol),
        amount("bid"),
        amount("bid_quantity"),
        amount("ask"),
        amount("ask_quantity"),
        amount("last"),
        amount("last_quantity"),
        amount("last_at"),
        field_of("halted", |quote: &Quote| &quote.halted),
    ];
    let doc = "A payload of `market.quote.<symbol>`, decoded; None: no order on that side, or no trade yet.";
    module.class("QuoteMessage", doc, &["Origin"], &keys);
}

/// Decode a payload of `market.book.<symbol>`: the levels that changed, quantity 0: gone; `checksum` of the best ten
/// levels a side after the changes, or `None`.
#[pyfunction]
#[pyo3(signature = (data, /))]
fn decode_book_delta<'py>(py: Python<'py>, data: &[u8]) -> PyResult<Bound<'py, PyDict>> {
    let delta = BookDelta::decode(data).map_err(invalid)?;
    let texts = &mut Texts::new(py);
    let dict = origin!(texts, delta);
    set_fields!(dict, texts, delta.{ symbol });
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

fn define_book(module: &mut Module) {
    let keys = [
        field_of("side", |level: &LevelChange| &level.side),
        field_of("price", |level: &LevelChange| &level.price),
        field_of("quantity", |level: &LevelChange| &level.quantity),
        field_of("orders", |level: &LevelChange| &level.orders),
    ];
    module.class(
        "BookLevelChange",
        "A level after a record; quantity 0: gone.",
        &[],
        &keys,
    );
    let keys = [
        field_of("symbol", |delta: &BookDelta| &delta.symbol),
        Field::new("changes", "list[BookLevelChange]"),
        field_of("checksum", |delta: &BookDelta| &delta.checksum),
    ];
    let doc = "A payload of `market.book.<symbol>`, decoded: the levels that one record changed.";
    module.class("BookDeltaMessage", doc, &["Origin"], &keys);
    let keys = [
        field_of("sequence", |book: &OrderBookSnapshot| &book.sequence),
        field_of("timestamp", |book: &OrderBookSnapshot| &book.timestamp),
        field_of("symbol", |book: &OrderBookSnapshot| &book.symbol),
        Field::new("bids", "list[tuple[int, int, int]]"),
        Field::new("asks", "list[tuple[int, int, int]]"),
    ];
    let doc = "A whole book, best level first; a level is (price, quantity, orders).";
    module.class("BookSnapshotMessage", doc, &[], &keys);
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

/// Decode a payload of `events.<account>.order`; a field that the change does not touch is `None`.
#[pyfunction]
#[pyo3(signature = (data, /))]
fn decode_order<'py>(py: Python<'py>, data: &[u8]) -> PyResult<Bound<'py, PyDict>> {
    let order = Order::decode(data).map_err(invalid)?;
    let texts = &mut Texts::new(py);
    let dict = origin!(texts, order);
    set_fields!(dict, texts, order.{ account, order, status, reason, quantity, limit_price, stop_price });
    dict.set_item(intern!(py, "change"), PyString::intern(py, order.change.as_str()))?;
    let client = (!order.client_order_id.is_empty()).then_some(order.client_order_id.as_str());
    dict.set_item(intern!(py, "client_order_id"), client)?;
    let terms = order.terms;
    let (symbol, side) = (terms.map(|terms| terms.symbol), terms.map(|terms| terms.side));
    let kind = terms.map(|terms| terms.kind);
    set_fields!(dict, texts, { symbol, side, kind });
    let time_in_force = match terms.map(|terms| terms.time_in_force) {
        // The message does not carry the time of a GTD order, so its name stands alone.
        Some(TimeInForce::Gtd(_)) => intern!(py, "gtd").into_bound_py_any(py)?,
        other => other.into_field(texts)?,
    };
    dict.set_item(intern!(py, "time_in_force"), time_in_force)?;
    Ok(dict)
}

fn define_order(module: &mut Module) {
    let changes: Vec<String> = OrderChange::ALL
        .iter()
        .map(|change| format!("\"{}\"", change.as_str()))
        .collect();
    // The terms are those of an acceptance; every other change has None.
    let term = |field: Field| Field::new(field.name, format!("{} | None", field.annotation));
    let keys = [
        field_of("account", |order: &Order| &order.account),
        field_of("order", |order: &Order| &order.order),
        field_of("status", |order: &Order| &order.status),
        field_of("reason", |order: &Order| &order.reason),
        field_of("quantity", |order: &Order| &order.quantity),
        field_of("limit_price", |order: &Order| &order.limit_price),
        field_of("stop_price", |order: &Order| &order.stop_price),
        Field::new("change", format!("Literal[{}]", changes.join(", "))),
        Field::new("client_order_id", Option::<String>::annotation()),
        term(field_of("symbol", |terms: &OrderTerms| &terms.symbol)),
        term(field_of("side", |terms: &OrderTerms| &terms.side)),
        term(field_of("kind", |terms: &OrderTerms| &terms.kind)),
        Field::new(
            "time_in_force",
            "Literal[\"day\", \"gtc\", \"ioc\", \"fok\", \"gtd\"] | None",
        ),
    ];
    let doc = "A payload of `events.<account>.order`, decoded; None: the change does not touch it.";
    module.class("OrderMessage", doc, &["Origin"], &keys);
}

/// Decode a payload of SIGNALS: a model's signal for a symbol; `value` and `confidence` in nanos.
#[pyfunction]
#[pyo3(signature = (data, /))]
fn decode_signal<'py>(py: Python<'py>, data: &[u8]) -> PyResult<Bound<'py, PyDict>> {
    let signal = Signal::decode(data).map_err(invalid)?;
    let texts = &mut Texts::new(py);
    let dict = PyDict::new(py);
    set_fields!(dict, texts, signal.{ timestamp, symbol, model, value, confidence, horizon_ns });
    Ok(dict)
}

fn define_signal(module: &mut Module) {
    let keys = [
        field_of("timestamp", |signal: &Signal| &signal.timestamp),
        field_of("symbol", |signal: &Signal| &signal.symbol),
        field_of("model", |signal: &Signal| &signal.model),
        field_of("value", |signal: &Signal| &signal.value),
        field_of("confidence", |signal: &Signal| &signal.confidence),
        field_of("horizon_ns", |signal: &Signal| &signal.horizon_ns),
    ];
    let doc = "A payload of SIGNALS, decoded; value is -1e9 (short) to 1e9 (long), confidence 0 to 1e9.";
    module.class("SignalMessage", doc, &[], &keys);
}

/// Writes the types of all published messages.
pub fn define(module: &mut Module) {
    let keys = [
        Field::new("sequence", u64::annotation()),
        Field::new("index", u32::annotation()),
        Field::new("timestamp", i64::annotation()),
    ];
    let doc = "The journal record that a published message comes from, and the message's place in it.";
    module.class("Origin", doc, &[], &keys);
    define_messages(module);
    define_quote(module);
    define_book(module);
    define_order(module);
    define_signal(module);
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
