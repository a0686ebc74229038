//! Commands as dicts: `{"type": "place_order", "account": …, …}`, both ways.
//!
//! The fields are those of `cift_engine::Command`, in snake case; the one list below serves reading
//! and writing. Beside them stands what belongs to the envelope: `trace_id`, `span_id`,
//! `expires_at`, `client_order_id`, and `idempotency_key`, which the encoder turns into the digests
//! of a `Request` (a decoded command shows these as `request`, and may be encoded again with them).
//!
//! What matchd alone writes (`engine_started`, `advance_time`, `continue`) can be read, not encoded.

use cift_engine::*;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyAny, PyDict};

use super::fields::{dict_of, text_of, Bad, Fields, FromField};
use super::scalars::{IntoField, Texts};

/// Sets fields of a dict; keys are interned once a process.
macro_rules! set_fields {
    ($dict:ident, $texts:ident, {}) => {};
    ($dict:ident, $texts:ident, $source:ident . { $($field:ident),* $(,)? }) => {{
        let py = $texts.py();
        $( $dict.set_item(intern!(py, stringify!($field)), $source.$field.into_field($texts)?)?; )*
    }};
    ($dict:ident, $texts:ident, { $($field:ident),* $(,)? }) => {{
        let py = $texts.py();
        $( $dict.set_item(intern!(py, stringify!($field)), $field.into_field($texts)?)?; )*
    }};
}
pub(super) use set_fields;

macro_rules! structs {
    ($($type:ident { $($field:ident),+ $(,)? })+) => {$(
        impl FromField for $type {
            fn from_field(value: &Bound<'_, PyAny>) -> Result<Self, Bad> {
                let py = value.py();
                let mut fields = Fields::new(dict_of(value)?);
                let read = $type { $($field: fields.get(intern!(py, stringify!($field)))?),+ };
                fields.finish()?;
                Ok(read)
            }
        }
        impl IntoField for $type {
            fn into_field<'py>(self, texts: &mut Texts<'py>) -> PyResult<Bound<'py, PyAny>> {
                let dict = PyDict::new(texts.py());
                set_fields!(dict, texts, self.{ $($field),+ });
                Ok(dict.into_any())
            }
        }
    )+};
}
structs! {
    OutsideSide { price, quantity }
    TakeProfit { order, limit_price }
    StopLoss { order, stop_price, limit_price }
    Legs { take_profit, stop_loss }
    Limits {
        max_order_quantity, max_order_notional, max_position, max_open_orders, max_orders_per_second, max_daily_loss,
        leverage_percent,
    }
}

impl FromField for OrderClass {
    fn from_field(value: &Bound<'_, PyAny>) -> Result<Self, Bad> {
        const EXPECTED: &str = "expected \"simple\" or a dict with one of bracket, oto, oco";
        let py = value.py();
        let Ok(dict) = dict_of(value) else {
            return match text_of(value) {
                Ok("simple") => Ok(OrderClass::Simple),
                _ => Err(Bad::new(EXPECTED)),
            };
        };
        let mut fields = Fields::new(dict);
        let bracket: Option<Legs> = fields.get(intern!(py, "bracket"))?;
        let oto: Option<Legs> = fields.get(intern!(py, "oto"))?;
        let oco: Option<StopLoss> = fields.get(intern!(py, "oco"))?;
        fields.finish()?;
        match (bracket, oto, oco) {
            (Some(legs), None, None) => Ok(OrderClass::Bracket(legs)),
            (None, Some(legs), None) => Ok(OrderClass::Oto(legs)),
            (None, None, Some(stop_loss)) => Ok(OrderClass::Oco(stop_loss)),
            _ => Err(Bad::new(EXPECTED)),
        }
    }
}

impl IntoField for OrderClass {
    fn into_field<'py>(self, texts: &mut Texts<'py>) -> PyResult<Bound<'py, PyAny>> {
        let py = texts.py();
        let (name, legs) = match self {
            OrderClass::Simple => return Ok(intern!(py, "simple").clone().into_any()),
            OrderClass::Bracket(legs) => (intern!(py, "bracket"), legs.into_field(texts)?),
            OrderClass::Oto(legs) => (intern!(py, "oto"), legs.into_field(texts)?),
            OrderClass::Oco(stop_loss) => (intern!(py, "oco"), stop_loss.into_field(texts)?),
        };
        let dict = PyDict::new(py);
        dict.set_item(name, legs)?;
        Ok(dict.into_any())
    }
}

/// Sets `type` and the fields.
macro_rules! typed {
    ($dict:ident, $texts:ident, $name:literal, $($fields:tt)+) => {{
        let py = $texts.py();
        $dict.set_item(intern!(py, "type"), intern!(py, $name))?;
        set_fields!($dict, $texts, $($fields)+);
    }};
}
pub(super) use typed;

/// The variants whose fields are read and written as they stand.
macro_rules! variants {
    ($($name:literal $variant:ident { $($field:ident),+ $(,)? })+) => {
        fn read_variant<'py>(
            name: &str, fields: &mut Fields<'_, 'py>, py: Python<'py>,
        ) -> Result<Option<Command>, Bad> {
            Ok(Some(match name {
                $($name => Command::$variant { $($field: fields.get(intern!(py, stringify!($field)))?),+ },)+
                _ => return Ok(None),
            }))
        }

        fn write_variant<'py>(
            command: &Command, dict: &Bound<'py, PyDict>, texts: &mut Texts<'py>,
        ) -> PyResult<()> {
            match *command {
                $(Command::$variant { $($field),+ } => typed!(dict, texts, $name, { $($field),+ }),)+
                Command::AdvanceTime => typed!(dict, texts, "advance_time", {}),
                Command::Continue => typed!(dict, texts, "continue", {}),
                Command::EngineStarted { epoch } => typed!(dict, texts, "engine_started", { epoch }),
                Command::DefineInstrument(instrument) => typed!(
                    dict, texts, "define_instrument", instrument.{ symbol, currency, tick, lot, band_ppm, collar_ppm }
                ),
                Command::PlaceOrder(order) => typed!(
                    dict, texts, "place_order", order.{
                        account, order, symbol, side, kind, time_in_force, quantity, limit_price, stop_price, trail,
                        display_quantity, post_only, reduce_only, self_trade_prevention, class, request,
                    }
                ),
                Command::ReplaceOrder(order) => typed!(
                    dict, texts, "replace_order",
                    order.{ account, order, quantity, limit_price, stop_price, trail, request }
                ),
            }
            Ok(())
        }
    };
}
variants! {
    "set_rules" SetRules { version }
    "enable_format" EnableFormat { format }
    "define_feed" DefineFeed { feed, house, silence_ns }
    "set_fees" SetFees { maker_ppm, taker_ppm }
    "set_session" SetSession { session, closes_at }
    "halt" Halt { symbol }
    "resume" Resume { symbol }
    "split" Split { symbol, numerator, denominator }
    "dividend" Dividend { symbol, amount }
    "open_account" OpenAccount { account, kind, role, currency }
    "deposit" Deposit { account, transfer, amount, request }
    "withdraw" Withdraw { account, transfer, amount, request }
    "reset_account" ResetAccount { account, transfer, cash, request }
    "set_limits" SetLimits { account, limits }
    "set_account_state" SetAccountState { account, state }
    "cancel_order" CancelOrder { account, order, request }
    "cancel_all" CancelAll { account, symbol, request }
    "outside_quote" OutsideQuote { feed, source_sequence, symbol, bid, ask }
    "outside_trade" OutsideTrade { feed, source_sequence, symbol, price, quantity }
}

/// The command of a dict whose envelope has been read already.
pub fn read_command<'py>(name: &str, fields: &mut Fields<'_, 'py>, py: Python<'py>) -> Result<Command, Bad> {
    macro_rules! get {
        ($field:ident) => {
            fields.get(intern!(py, stringify!($field)))?
        };
        ($field:ident or $default:expr) => {
            fields.get_or(intern!(py, stringify!($field)), $default)?
        };
    }
    Ok(match name {
        "place_order" => Command::PlaceOrder(PlaceOrder {
            account: get!(account),
            order: get!(order),
            symbol: get!(symbol),
            side: get!(side),
            kind: get!(kind),
            time_in_force: get!(time_in_force or TimeInForce::Day),
            quantity: get!(quantity),
            limit_price: get!(limit_price),
            stop_price: get!(stop_price),
            trail: get!(trail),
            display_quantity: get!(display_quantity),
            post_only: get!(post_only or false),
            reduce_only: get!(reduce_only or false),
            self_trade_prevention: get!(self_trade_prevention or SelfTradePrevention::CancelNewest),
            class: get!(class or OrderClass::Simple),
            request: get!(request),
        }),
        "replace_order" => Command::ReplaceOrder(ReplaceOrder {
            account: get!(account),
            order: get!(order),
            quantity: get!(quantity),
            limit_price: get!(limit_price),
            stop_price: get!(stop_price),
            trail: get!(trail),
            request: get!(request),
        }),
        "define_instrument" => Command::DefineInstrument(Instrument {
            symbol: get!(symbol),
            currency: get!(currency),
            tick: get!(tick),
            lot: get!(lot),
            band_ppm: get!(band_ppm),
            collar_ppm: get!(collar_ppm),
        }),
        "engine_started" | "advance_time" | "continue" => {
            return Err(Bad::new(format!("{name} is written by the engine's own process")).within("type"))
        }
        _ => match read_variant(name, fields, py)? {
            Some(command) => command,
            None => return Err(Bad::new("is no command").within("type")),
        },
    })
}

/// Writes `type` and the fields of a command into `dict`.
pub fn write_command<'py>(command: &Command, dict: &Bound<'py, PyDict>, texts: &mut Texts<'py>) -> PyResult<()> {
    write_variant(command, dict, texts)
}

/// Where a command keeps its request, and whose it is; `None`: it has no place for one.
pub fn request_of(command: &mut Command) -> Option<(AccountId, &mut Option<Request>)> {
    match command {
        Command::PlaceOrder(order) => Some((order.account, &mut order.request)),
        Command::ReplaceOrder(order) => Some((order.account, &mut order.request)),
        Command::CancelOrder { account, request, .. }
        | Command::CancelAll { account, request, .. }
        | Command::Deposit { account, request, .. }
        | Command::Withdraw { account, request, .. }
        | Command::ResetAccount { account, request, .. } => Some((*account, request)),
        _ => None,
    }
}
