//! The items of UPDATES as dicts. Each has `sequence` (the journal record), `index` (the place among the items of one
//! command) and `timestamp`.

use cift_engine::Level;
use cift_wire::account::{Cash, Fill, Order, OrderChange, OrderClassName, OrderTerms, Position, Signal};
use cift_wire::annotation::{field_of, Annotated, Field, Module};
use cift_wire::market::{Bar, BookDelta, LevelChange, OrderBookSnapshot, Quote, Trade};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString, PyTuple};
use pyo3::{intern, wrap_pyfunction};

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
    "A trade, decoded; `trade` 0: a print of an outside feed."
    decode_trade Trade as "TradeMessage" { symbol, trade, feed, price, quantity, aggressor }
    "One side of a trade, decoded, with the position after it and the profit without fees."
    decode_fill Fill as "FillMessage" {
        account, order, symbol, trade, side, maker, price, quantity, fee, filled, leaves, filled_notional, cash,
        position, cost, realized,
    }
    "A position after a record, decoded."
    decode_position Position as "PositionMessage" { account, symbol, quantity, cost, realized }
    "One minute of trades on this exchange, decoded; `turnover` in units of 1e-18."
    decode_bar Bar as "BarMessage" { symbol, start, open, high, low, close, volume, turnover, trades }
    "A movement of cash, decoded."
    decode_cash Cash as "CashMessage" { account, transfer, kind, amount, cash }
}

/// Decode a quote; a side without orders is `None`, and so is the last price before the
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
    let doc = "A quote, decoded; None: no order on that side, or no trade yet.";
    module.class("QuoteMessage", doc, &["Origin"], &keys);
}

/// Decode a change of a book: the levels that changed, quantity 0: gone; `checksum` of the best ten
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
    let doc = "A change of a book, decoded: the levels that one record changed.";
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

/// Decode an order after a change; `terms` is `None` but for `accepted` and `refused`.
#[pyfunction]
#[pyo3(signature = (data, /))]
fn decode_order<'py>(py: Python<'py>, data: &[u8]) -> PyResult<Bound<'py, PyDict>> {
    let order = Order::decode(data).map_err(invalid)?;
    let texts = &mut Texts::new(py);
    let dict = origin!(texts, order);
    set_fields!(dict, texts, order.{
        account, order, status, reason, refusal, quantity, filled, filled_notional, limit_price, stop_price, trail,
    });
    dict.set_item(intern!(py, "change"), PyString::intern(py, order.change.as_str()))?;
    let terms = match &order.terms {
        Some(terms) => {
            let found = PyDict::new(py);
            set_fields!(found, texts, terms.{
                symbol, side, kind, time_in_force, display_quantity, post_only, reduce_only, self_trade_prevention, parent,
            });
            let client = (!terms.client_order_id.is_empty()).then_some(terms.client_order_id.as_str());
            found.set_item(intern!(py, "client_order_id"), client)?;
            found.set_item(intern!(py, "order_class"), PyString::intern(py, terms.class.as_str()))?;
            let legs = PyList::empty(py);
            for leg in terms.legs.iter().flatten() {
                legs.append(leg.into_field(texts)?)?;
            }
            found.set_item(intern!(py, "legs"), legs)?;
            Some(found)
        }
        None => None,
    };
    dict.set_item(intern!(py, "terms"), terms)?;
    Ok(dict)
}

fn define_order(module: &mut Module) {
    let names = |all: Vec<&str>| {
        let quoted: Vec<String> = all.iter().map(|name| format!("\"{name}\"")).collect();
        format!("Literal[{}]", quoted.join(", "))
    };
    let keys = [
        field_of("symbol", |terms: &OrderTerms| &terms.symbol),
        field_of("side", |terms: &OrderTerms| &terms.side),
        field_of("kind", |terms: &OrderTerms| &terms.kind),
        field_of("time_in_force", |terms: &OrderTerms| &terms.time_in_force),
        field_of("display_quantity", |terms: &OrderTerms| &terms.display_quantity),
        field_of("post_only", |terms: &OrderTerms| &terms.post_only),
        field_of("reduce_only", |terms: &OrderTerms| &terms.reduce_only),
        field_of("self_trade_prevention", |terms: &OrderTerms| {
            &terms.self_trade_prevention
        }),
        field_of("parent", |terms: &OrderTerms| &terms.parent),
        Field::new("client_order_id", Option::<String>::annotation()),
        Field::new(
            "order_class",
            names(OrderClassName::ALL.map(OrderClassName::as_str).to_vec()),
        ),
        Field::new("legs", "list[str]"),
    ];
    let doc = "The terms of an order that never change; `legs` are the ids of the legs of an entry, take-profit first.";
    module.class("OrderTermsMessage", doc, &[], &keys);
    let keys = [
        field_of("account", |order: &Order| &order.account),
        field_of("order", |order: &Order| &order.order),
        field_of("status", |order: &Order| &order.status),
        field_of("reason", |order: &Order| &order.reason),
        field_of("refusal", |order: &Order| &order.refusal),
        field_of("quantity", |order: &Order| &order.quantity),
        field_of("filled", |order: &Order| &order.filled),
        field_of("filled_notional", |order: &Order| &order.filled_notional),
        field_of("limit_price", |order: &Order| &order.limit_price),
        field_of("stop_price", |order: &Order| &order.stop_price),
        field_of("trail", |order: &Order| &order.trail),
        Field::new("change", names(OrderChange::ALL.map(OrderChange::as_str).to_vec())),
        Field::new("terms", "OrderTermsMessage | None"),
    ];
    let doc = "An order after a change, decoded; `terms` is None but for `accepted` and `refused`.";
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
    let doc = "The journal record that an item comes from, and its place among the items of one command.";
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
    module.add_function(wrap_pyfunction!(decode_bar, module)?)?;
    module.add_function(wrap_pyfunction!(decode_signal, module)?)
}
