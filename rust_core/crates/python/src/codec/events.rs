//! Events, outcomes and summaries as dicts. Written only: Python tells the engine nothing in events.

use cift_engine::*;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyAny, PyDict};

use super::commands::{set_fields, typed};
use super::scalars::{IntoField, Texts};

/// Structs whose fields are written as they stand.
macro_rules! written {
    ($($type:ident { $($field:ident),+ $(,)? })+) => {$(
        impl IntoField for $type {
            fn into_field<'py>(self, texts: &mut Texts<'py>) -> PyResult<Bound<'py, PyAny>> {
                let dict = PyDict::new(texts.py());
                set_fields!(dict, texts, self.{ $($field),+ });
                Ok(dict.into_any())
            }
        }
    )+};
}
written! {
    Fill { order, account, fee, filled, leaves, filled_notional, cash, position, cost, realized }
    OrderSummary { order, status, reason, quantity, filled, filled_notional }
}

macro_rules! events {
    ($($name:literal $variant:ident { $($field:ident),+ $(,)? })+) => {
        /// `{"type": "trade_executed", …}`.
        pub fn event_dict<'py>(event: &Event, texts: &mut Texts<'py>) -> PyResult<Bound<'py, PyDict>> {
            let dict = PyDict::new(texts.py());
            match *event {
                $(Event::$variant { $($field),+ } => typed!(dict, texts, $name, { $($field),+ }),)+
                Event::InstrumentDefined(instrument) => typed!(
                    dict, texts, "instrument_defined", instrument.{ symbol, currency, tick, lot, band_ppm, collar_ppm }
                ),
                Event::OrderAccepted(accepted) => typed!(
                    dict, texts, "order_accepted", accepted.{
                        order, account, symbol, side, kind, time_in_force, quantity, limit_price, stop_price, trail,
                        display_quantity, post_only, reduce_only, self_trade_prevention, parent, status,
                    }
                ),
            }
            Ok(dict)
        }
    };
}
events! {
    "engine_started" EngineStarted { epoch }
    "rules_set" RulesSet { version }
    "format_enabled" FormatEnabled { format }
    "feed_defined" FeedDefined { feed, house, silence_ns }
    "fees_set" FeesSet { maker_ppm, taker_ppm }
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
