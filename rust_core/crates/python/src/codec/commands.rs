//! Commands as dicts: `{"type": "place_order", "account": …, …}`, in both directions.
//!
//! The fields are those of `cift_engine::Command` in snake case. One list below reads them, writes them and describes
//! them for Python. The envelope adds `trace_id`, `span_id`, `expires_at`, `client_order_id`, and `idempotency_key`,
//! which the encoder turns into the digests of a `Request`. A decoded command shows these as `request`, and may be
//! encoded again with them.
//!
//! The commands that only matchd writes (`engine_started`, `advance_time`, `continue`) can be decoded, not encoded.

use cift_engine::*;
use cift_wire::annotation::{
    field_of, sent_field_of, sent_variant_field_of, variant_field_of, Annotated, Field, Module,
};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyAny, PyDict};

use super::fields::{dict_of, text_of, Bad, Fields, FromField};
use super::scalars::{IntoField, Texts};

/// Sets fields of a dict. Each key is interned once in a process.
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
    ($($doc:literal $type:ident { $($field:ident),+ $(,)? })+) => {
        $(
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
        )+

        fn define_structs(module: &mut Module) {
            $( module.class(
                stringify!($type),
                $doc,
                &[],
                &[$(sent_field_of(stringify!($field), |value: &$type| &value.$field)),+],
            ); )+
        }
    };
}
structs! {
    "One side of an outside quote; quantity 0: no order on that side."
    OutsideSide { price, quantity }
    "The leg that takes the profit: a limit order."
    TakeProfit { order, limit_price }
    "The leg that limits the loss: a stop, or with limit_price a stop-limit order."
    StopLoss { order, stop_price, limit_price }
    "The exit legs of a bracket (both) or of an OTO (one of them)."
    Legs { take_profit, stop_loss }
    "The limits of an account. None: no limit of that kind."
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

/// The field `$field`, or the default that is given.
macro_rules! get {
    ($fields:ident, $py:ident, $field:ident) => {
        $fields.get(intern!($py, stringify!($field)))?
    };
    ($fields:ident, $py:ident, $field:ident $default:expr) => {
        $fields.get_or(intern!($py, stringify!($field)), $default)?
    };
}

/// The key of a field that a sender may leave out, because it is an `Option` or has a default.
macro_rules! key {
    ($type:ident $field:ident) => {
        sent_field_of(stringify!($field), |value: &$type| &value.$field)
    };
    ($type:ident $field:ident $default:expr) => {
        field_of(stringify!($field), |value: &$type| &value.$field).optional()
    };
}

macro_rules! commands {
    (
        variants { $($name:literal $variant:ident { $($field:ident),+ $(,)? })+ }
        structs { $($sname:literal $svariant:ident($type:ident) { $($sfield:ident $(= $default:expr)?),+ $(,)? })+ }
        written_by_matchd { $($wname:literal $wvariant:ident { $($wfield:ident),* } as $wclass:literal)+ }
    ) => {
        /// The command of a dict whose envelope has been read already.
        pub fn read_command<'py>(name: &str, fields: &mut Fields<'_, 'py>, py: Python<'py>) -> Result<Command, Bad> {
            Ok(match name {
                $($name => Command::$variant { $($field: get!(fields, py, $field)),+ },)+
                $($sname => Command::$svariant($type { $($sfield: get!(fields, py, $sfield $($default)?)),+ }),)+
                $($wname)|+ => return Err(Bad::new(format!("only matchd writes the command {name}")).within("type")),
                _ => return Err(Bad::new(format!("there is no command {name}")).within("type")),
            })
        }

        /// Writes `type` and the fields of a command into `dict`.
        pub fn write_command<'py>(
            command: &Command, dict: &Bound<'py, PyDict>, texts: &mut Texts<'py>,
        ) -> PyResult<()> {
            match *command {
                $(Command::$variant { $($field),+ } => typed!(dict, texts, $name, { $($field),+ }),)+
                $(Command::$svariant(inner) => typed!(dict, texts, $sname, inner.{ $($sfield),+ }),)+
                $(Command::$wvariant { $($wfield),* } => typed!(dict, texts, $wname, { $($wfield),* }),)+
            }
            Ok(())
        }

        /// Writes the types of all commands, and their unions `Command` and `JournalCommand`.
        pub fn define(module: &mut Module) {
            define_structs(module);
            define_order_class(module);
            $( define_command(module, stringify!($variant), $name, vec![
                $(sent_variant_field_of(stringify!($field), |command: &Command| match command {
                    Command::$variant { $field, .. } => Some($field),
                    _ => None,
                })),+
            ]); )+
            $( define_command(module, stringify!($svariant), $sname, vec![
                $(key!($type $sfield $($default)?)),+
            ]); )+
            $( define_command(module, $wclass, $wname, vec![
                $(variant_field_of(stringify!($wfield), |command: &Command| match command {
                    Command::$wvariant { $wfield, .. } => Some($wfield),
                    _ => None,
                })),*
            ]); )+
            module.code("\n");
            module.union("Command", &[$(stringify!($variant)),+, $(stringify!($svariant)),+]);
            module.union("JournalCommand", &["Command", $($wclass),+]);
        }
    };
}
commands! {
    variants {
        "set_rules" SetRules { version }
        "enable_format" EnableFormat { format }
        "define_feed" DefineFeed { feed, house, silence_ns }
        "set_fees" SetFees { maker_ppm, taker_ppm }
        "set_margin" SetMargin { insurance, maintenance_percent, interval_ns }
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
    structs {
        "define_instrument" DefineInstrument(Instrument) { symbol, currency, tick, lot, band_ppm, collar_ppm }
        "place_order" PlaceOrder(PlaceOrder) {
            account, order, symbol, side, kind, time_in_force = TimeInForce::Day, quantity, limit_price, stop_price,
            trail, display_quantity, post_only = false, reduce_only = false,
            self_trade_prevention = SelfTradePrevention::CancelNewest, class = OrderClass::Simple, request,
        }
        "replace_order" ReplaceOrder(ReplaceOrder) { account, order, quantity, limit_price, stop_price, trail, request }
    }
    written_by_matchd {
        "engine_started" EngineStarted { epoch } as "StartEngine"
        "advance_time" AdvanceTime {} as "AdvanceTime"
        "continue" Continue {} as "Continue"
    }
}

fn define_order_class(module: &mut Module) {
    for (class, name, doc) in [
        ("Bracket", "bracket", "An order with two exit legs."),
        ("Oto", "oto", "An order with one exit leg."),
    ] {
        module.final_class(class, doc, &[], &[Field::new(name, "Legs")]);
    }
    let doc = "A limit order that takes the profit, beside a stop that limits the loss.";
    module.final_class("Oco", doc, &[], &[Field::new("oco", StopLoss::annotation())]);
    module.code("\n\nOrderClass: TypeAlias = Literal[\"simple\"] | Bracket | Oto | Oco");
}

/// A command whose list of fields has `request` is idempotent: that key is in the base class.
fn define_command(module: &mut Module, class: &str, name: &str, fields: Vec<Field>) {
    let idempotent = fields.iter().any(|field| field.name == "request");
    let base = if idempotent { "IdempotentEnvelope" } else { "Envelope" };
    let own = fields.into_iter().filter(|field| field.name != "request");
    let keys: Vec<Field> = [Field::literal("type", name)].into_iter().chain(own).collect();
    module.class(class, &format!("The command `{name}`."), &[base], &keys);
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
