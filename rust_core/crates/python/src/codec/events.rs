//! Events, outcomes and summaries as dicts. Written only: Python passes no events to the engine.

use cift_engine::*;
use cift_wire::annotation::{field_of, variant_field_of, Field, Module};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyAny, PyDict};

use super::commands::{set_fields, typed};
use super::scalars::{IntoField, Texts};

macro_rules! structs {
    ($($doc:literal $type:ident as $class:ident { $($field:ident),+ $(,)? })+) => {
        $(
            impl IntoField for $type {
                fn into_field<'py>(self, texts: &mut Texts<'py>) -> PyResult<Bound<'py, PyAny>> {
                    let dict = PyDict::new(texts.py());
                    set_fields!(dict, texts, self.{ $($field),+ });
                    Ok(dict.into_any())
                }
            }
        )+

        /// Writes the types of what events, results and outcomes contain.
        pub fn define_structs(module: &mut Module) {
            $( module.class(
                stringify!($class),
                $doc,
                &[],
                &[$(field_of(stringify!($field), |value: &$type| &value.$field)),+],
            ); )+
        }
    };
}
structs! {
    "One side of a trade, with what it left behind: of the order, of the account's cash and of its position."
    Fill as FillSide { order, account, fee, filled, leaves, filled_notional, cash, position, cost, realized }
    "An order as a command left it."
    OrderSummary as OrderSummary { order, status, reason, quantity, filled, filled_notional }
    "The first result of a request that was repeated."
    FirstResult as FirstResult { sequence, at, order, affected, refusal }
}

macro_rules! events {
    (
        variants { $($name:literal $variant:ident { $($field:ident),+ $(,)? })+ }
        structs { $($sname:literal $svariant:ident($type:ident) { $($sfield:ident),+ $(,)? })+ }
    ) => {
        /// `{"type": "trade_executed", …}`.
        pub fn event_dict<'py>(event: &Event, texts: &mut Texts<'py>) -> PyResult<Bound<'py, PyDict>> {
            let dict = PyDict::new(texts.py());
            match *event {
                $(Event::$variant { $($field),+ } => typed!(dict, texts, $name, { $($field),+ }),)+
                $(Event::$svariant(inner) => typed!(dict, texts, $sname, inner.{ $($sfield),+ }),)+
            }
            Ok(dict)
        }

        /// Writes the types of all events, and their union `Event`.
        pub fn define(module: &mut Module) {
            $( define_event(module, stringify!($variant), $name, vec![
                $(variant_field_of(stringify!($field), |event: &Event| match event {
                    Event::$variant { $field, .. } => Some($field),
                    _ => None,
                })),+
            ]); )+
            $( define_event(module, stringify!($svariant), $sname, vec![
                $(field_of(stringify!($sfield), |value: &$type| &value.$sfield)),+
            ]); )+
            module.code("\n");
            module.union("Event", &[$(stringify!($variant)),+, $(stringify!($svariant)),+]);
        }
    };
}
events! {
    variants {
        "engine_started" EngineStarted { epoch }
        "rules_set" RulesSet { version }
        "format_enabled" FormatEnabled { format }
        "feed_defined" FeedDefined { feed, house, silence_ns }
        "fees_set" FeesSet { maker_ppm, taker_ppm }
        "margin_set" MarginSet { insurance, maintenance_percent, interval_ns }
        "margin_called" MarginCalled { account, equity, requirement }
        "session_set" SessionSet { session, closes_at }
        "session_closed" SessionClosed { session }
        "halted" Halted { symbol }
        "resumed" Resumed { symbol }
        "split_applied" SplitApplied { symbol, numerator, denominator }
        "account_opened" AccountOpened { account, kind, role, currency }
        "limits_set" LimitsSet { account, limits }
        "account_state_set" AccountStateSet { account, state }
        "cash_moved" CashMoved { account, transfer, kind, amount, cash }
        "position_moved" PositionMoved { account, symbol, kind, position, cost }
        "refused" Refused { reason }
        "order_activated" OrderActivated { order, account, status, quantity }
        "order_adjusted" OrderAdjusted { order, account, quantity, stop_price }
        "order_replaced" OrderReplaced { order, account, quantity, limit_price, stop_price, trail }
        "order_closed" OrderClosed { order, account, status, reason }
        "trade_executed" TradeExecuted { trade, symbol, price, quantity, aggressor, maker, taker }
        "outside_traded" OutsideTraded { feed, symbol, price, quantity }
        "feed_withdrawn" FeedWithdrawn { feed }
        "level_changed" LevelChanged { symbol, side, price, quantity, orders }
    }
    structs {
        "instrument_defined" InstrumentDefined(Instrument) { symbol, currency, tick, lot, band_ppm, collar_ppm }
        "order_accepted" OrderAccepted(Accepted) {
            order, account, symbol, side, kind, time_in_force, quantity, limit_price, stop_price, trail,
            display_quantity, post_only, reduce_only, self_trade_prevention, parent, status,
        }
    }
}

fn define_event(module: &mut Module, class: &str, name: &str, fields: Vec<Field>) {
    let keys: Vec<Field> = [Field::literal("type", name)].into_iter().chain(fields).collect();
    module.class(class, &format!("The event `{name}`."), &[], &keys);
}
