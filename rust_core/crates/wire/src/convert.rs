//! Values that several messages share: 128-bit words, enums, options, and small structs.
use crate::frame::{struct_words, WireError};
use crate::types_capnp as w;
use cift_engine as e;

/// A 128-bit value into two words: `put!(builder, set_x_high, set_x_low, value)`; i128 keeps its sign in `high`.
macro_rules! put {
    ($b:expr, $high:ident, $low:ident, $value:expr) => {{
        let value = $value;
        $b.$high((value >> 64) as _);
        $b.$low(value as u64);
    }};
}
macro_rules! get_id {
    ($r:expr, $high:ident, $low:ident) => {
        (u128::from($r.$high()) << 64) | u128::from($r.$low())
    };
}
macro_rules! get_money {
    ($r:expr, $high:ident, $low:ident) => {
        (i128::from($r.$high()) << 64) | i128::from($r.$low())
    };
}
macro_rules! put_some {
    ($b:expr, $has:ident, $set:ident, $value:expr) => {
        if let Some(value) = $value {
            $b.$has(true);
            $b.$set(value);
        }
    };
}
macro_rules! get_some {
    ($r:expr, $has:ident, $get:ident) => {
        if $r.$has() {
            Some($r.$get())
        } else {
            None
        }
    };
}
pub(crate) use {get_id, get_money, get_some, put, put_some};

macro_rules! same_enums {
    ($($to:ident $from:ident $name:ident { $($variant:ident),+ })+) => { $(
        pub(crate) const fn $to(value: e::$name) -> w::$name {
            match value { $(e::$name::$variant => w::$name::$variant),+ }
        }
        pub(crate) const fn $from(value: w::$name) -> e::$name {
            match value { $(w::$name::$variant => e::$name::$variant),+ }
        }
    )+ };
}
same_enums! {
    side_to side_from Side { Buy, Sell }
    kind_to kind_from OrderKind { Market, Limit, Stop, StopLimit, TrailingStop }
    stp_to stp_from SelfTradePrevention { CancelNewest, CancelOldest, CancelBoth, None }
    account_kind_to account_kind_from AccountKind { Cash, Margin }
    role_to role_from AccountRole { Customer, House }
    state_to state_from AccountState { Active, ReduceOnly, Suspended, Closed }
}

pub(crate) const fn tif_to(value: e::TimeInForce) -> (w::TimeInForce, i64) {
    match value {
        e::TimeInForce::Day => (w::TimeInForce::Day, 0),
        e::TimeInForce::Gtc => (w::TimeInForce::Gtc, 0),
        e::TimeInForce::Ioc => (w::TimeInForce::Ioc, 0),
        e::TimeInForce::Fok => (w::TimeInForce::Fok, 0),
        e::TimeInForce::Gtd(time) => (w::TimeInForce::Gtd, time),
    }
}
pub(crate) const fn tif_from(value: w::TimeInForce, good_till: i64) -> e::TimeInForce {
    match value {
        w::TimeInForce::Day => e::TimeInForce::Day,
        w::TimeInForce::Gtc => e::TimeInForce::Gtc,
        w::TimeInForce::Ioc => e::TimeInForce::Ioc,
        w::TimeInForce::Fok => e::TimeInForce::Fok,
        w::TimeInForce::Gtd => e::TimeInForce::Gtd(good_till),
    }
}
pub(crate) fn trail_to(value: Option<e::Trail>) -> (w::TrailKind, i64) {
    match value {
        None => (w::TrailKind::None, 0),
        Some(e::Trail::Amount(amount)) => (w::TrailKind::Amount, amount),
        Some(e::Trail::Ppm(ppm)) => (w::TrailKind::Ppm, i64::from(ppm)),
    }
}
pub(crate) fn trail_from(kind: w::TrailKind, value: i64) -> Result<Option<e::Trail>, WireError> {
    Ok(match kind {
        w::TrailKind::None => None,
        w::TrailKind::Amount => Some(e::Trail::Amount(value)),
        w::TrailKind::Ppm => Some(e::Trail::Ppm(
            u32::try_from(value).map_err(|_| WireError::Invalid("trail"))?,
        )),
    })
}

pub(crate) const fn symbol_to(symbol: e::Symbol) -> u128 {
    u128::from_be_bytes(symbol.0)
}
pub(crate) const fn symbol_from(value: u128) -> e::Symbol {
    e::Symbol(value.to_be_bytes())
}
pub(crate) const fn currency_to(currency: e::Currency) -> u64 {
    u64::from_be_bytes(currency.0)
}
pub(crate) const fn currency_from(value: u64) -> e::Currency {
    e::Currency(value.to_be_bytes())
}

macro_rules! codes {
    ($($name:ident $type:ident $what:literal;)+) => { $(
        pub(crate) fn $name(code: u16) -> Result<e::$type, WireError> {
            e::$type::from_code(code).ok_or(WireError::Unknown { what: $what, code: u32::from(code) })
        }
    )+ };
}
codes! {
    refusal_from Refusal "refusal";
    status_from OrderStatus "order status";
    close_from CloseReason "close reason";
    cash_kind_from CashKind "cash kind";
    position_kind_from PositionKind "position kind";
}

pub(crate) const INSTRUMENT_WORDS: usize = struct_words::<w::instrument::Builder<'static>>();
pub(crate) const LIMITS_WORDS: usize = struct_words::<w::limits::Builder<'static>>();
pub(crate) const SUMMARY_WORDS: usize = struct_words::<w::order_summary::Builder<'static>>();
pub(crate) const FIRST_WORDS: usize = struct_words::<w::first_result::Builder<'static>>();

pub(crate) fn put_instrument(mut b: w::instrument::Builder<'_>, v: &e::Instrument) {
    put!(b, set_symbol_high, set_symbol_low, symbol_to(v.symbol));
    b.set_currency(currency_to(v.currency));
    b.set_tick(v.tick);
    b.set_lot(v.lot);
    b.set_band_ppm(v.band_ppm);
    b.set_collar_ppm(v.collar_ppm);
}
pub(crate) fn get_instrument(r: w::instrument::Reader<'_>) -> e::Instrument {
    e::Instrument {
        symbol: symbol_from(get_id!(r, get_symbol_high, get_symbol_low)),
        currency: currency_from(r.get_currency()),
        tick: r.get_tick(),
        lot: r.get_lot(),
        band_ppm: r.get_band_ppm(),
        collar_ppm: r.get_collar_ppm(),
    }
}

pub(crate) fn put_limits(mut b: w::limits::Builder<'_>, v: &e::Limits) {
    put_some!(
        b,
        set_has_max_order_quantity,
        set_max_order_quantity,
        v.max_order_quantity
    );
    put_some!(b, set_has_max_position, set_max_position, v.max_position);
    if let Some(value) = v.max_order_notional {
        b.set_has_max_order_notional(true);
        put!(b, set_max_order_notional_high, set_max_order_notional_low, value);
    }
    if let Some(value) = v.max_daily_loss {
        b.set_has_max_daily_loss(true);
        put!(b, set_max_daily_loss_high, set_max_daily_loss_low, value);
    }
    b.set_max_open_orders(v.max_open_orders);
    b.set_max_orders_per_second(v.max_orders_per_second);
    b.set_leverage_percent(v.leverage_percent);
}
pub(crate) fn get_limits(r: w::limits::Reader<'_>) -> e::Limits {
    e::Limits {
        max_order_quantity: get_some!(r, get_has_max_order_quantity, get_max_order_quantity),
        max_order_notional: r
            .get_has_max_order_notional()
            .then(|| get_money!(r, get_max_order_notional_high, get_max_order_notional_low)),
        max_position: get_some!(r, get_has_max_position, get_max_position),
        max_open_orders: r.get_max_open_orders(),
        max_orders_per_second: r.get_max_orders_per_second(),
        max_daily_loss: r
            .get_has_max_daily_loss()
            .then(|| get_money!(r, get_max_daily_loss_high, get_max_daily_loss_low)),
        leverage_percent: r.get_leverage_percent(),
    }
}

pub(crate) fn put_summary(mut b: w::order_summary::Builder<'_>, v: &e::OrderSummary) {
    put!(b, set_order_high, set_order_low, v.order.0);
    b.set_status(v.status.code());
    b.set_reason(v.reason.map_or(0, e::CloseReason::code));
    b.set_quantity(v.quantity);
    b.set_filled(v.filled);
    put!(b, set_filled_notional_high, set_filled_notional_low, v.filled_notional);
}
pub(crate) fn get_summary(r: w::order_summary::Reader<'_>) -> Result<e::OrderSummary, WireError> {
    Ok(e::OrderSummary {
        order: e::OrderId(get_id!(r, get_order_high, get_order_low)),
        status: status_from(r.get_status())?,
        reason: optional_code(r.get_reason(), close_from)?,
        quantity: r.get_quantity(),
        filled: r.get_filled(),
        filled_notional: get_money!(r, get_filled_notional_high, get_filled_notional_low),
    })
}
/// Codes where 0 means none.
pub(crate) fn optional_code<T>(code: u16, from: fn(u16) -> Result<T, WireError>) -> Result<Option<T>, WireError> {
    if code == 0 {
        Ok(None)
    } else {
        from(code).map(Some)
    }
}

pub(crate) fn first_words(v: &e::FirstResult) -> usize {
    FIRST_WORDS + if v.order.is_some() { SUMMARY_WORDS } else { 0 }
}
pub(crate) fn put_first(mut b: w::first_result::Builder<'_>, v: &e::FirstResult) {
    b.set_sequence(v.sequence);
    b.set_at(v.at);
    b.set_affected(v.affected);
    b.set_refusal(v.refusal.map_or(0, e::Refusal::code));
    if let Some(order) = &v.order {
        put_summary(b.init_order(), order);
    }
}
pub(crate) fn get_first(r: w::first_result::Reader<'_>) -> Result<e::FirstResult, WireError> {
    Ok(e::FirstResult {
        sequence: r.get_sequence(),
        at: r.get_at(),
        order: if r.has_order() {
            Some(get_summary(r.get_order()?)?)
        } else {
            None
        },
        affected: r.get_affected(),
        refusal: optional_code(r.get_refusal(), refusal_from)?,
    })
}
