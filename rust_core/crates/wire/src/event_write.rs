//! Writes events; `event` reads them.
use crate::command_capnp as c;
use crate::convert::*;
use crate::facts::*;
use crate::frame::struct_words;
use crate::record_capnp as w;
use cift_engine as e;
use cift_engine::Event;

pub(crate) const EVENT_WORDS: usize = struct_words::<w::event::Builder<'static>>();

/// Words of an event's content outside its struct.
pub(crate) fn event_content_words(event: &Event) -> usize {
    const fn of<B: capnp::traits::HasStructSize>() -> usize {
        struct_words::<B>()
    }
    match event {
        Event::EngineStarted { .. }
        | Event::RulesSet { .. }
        | Event::FormatEnabled { .. }
        | Event::Refused { .. }
        | Event::FeedWithdrawn { .. }
        | Event::SessionClosed { .. } => 0,
        Event::InstrumentDefined(_) => INSTRUMENT_WORDS,
        Event::FeedDefined { .. } => of::<c::define_feed::Builder<'static>>(),
        Event::FeesSet { .. } => of::<c::set_fees::Builder<'static>>(),
        Event::MarginSet { .. } => of::<c::set_margin::Builder<'static>>(),
        Event::MarginCalled { .. } => of::<w::margin_called::Builder<'static>>(),
        Event::SessionSet { .. } => of::<c::set_session::Builder<'static>>(),
        Event::Halted { .. } | Event::Resumed { .. } => of::<c::symbol_ref::Builder<'static>>(),
        Event::SplitApplied { .. } => of::<c::split::Builder<'static>>(),
        Event::AccountOpened { .. } => of::<c::open_account::Builder<'static>>(),
        Event::LimitsSet { .. } => of::<c::set_limits::Builder<'static>>() + LIMITS_WORDS,
        Event::AccountStateSet { .. } => of::<c::set_account_state::Builder<'static>>(),
        Event::CashMoved { .. } => of::<w::cash_moved::Builder<'static>>(),
        Event::PositionMoved { .. } => of::<w::position_moved::Builder<'static>>(),
        Event::OrderAccepted(_) => of::<w::order_accepted::Builder<'static>>(),
        Event::OrderActivated { .. } => of::<w::order_activated::Builder<'static>>(),
        Event::OrderAdjusted { .. } => of::<w::order_adjusted::Builder<'static>>(),
        Event::OrderReplaced { .. } => of::<w::order_replaced::Builder<'static>>(),
        Event::OrderClosed { .. } => of::<w::order_closed::Builder<'static>>(),
        Event::TradeExecuted { .. } => {
            of::<w::trade_executed::Builder<'static>>() + 2 * of::<w::fill_side::Builder<'static>>()
        }
        Event::OutsideTraded { .. } => of::<w::outside_traded::Builder<'static>>(),
        Event::LevelChanged { .. } => of::<w::level_changed::Builder<'static>>(),
    }
}

pub(crate) fn put_event(mut b: w::event::Builder<'_>, event: &Event) {
    match event {
        Event::EngineStarted { epoch } => b.set_engine_started(*epoch),
        Event::RulesSet { version } => b.set_rules_set(*version),
        Event::FormatEnabled { format } => b.set_format_enabled(*format),
        Event::Refused { reason } => b.set_refused(reason.code()),
        Event::FeedWithdrawn { feed } => b.set_feed_withdrawn(*feed),
        Event::SessionClosed { session } => b.set_session_closed(*session),
        Event::InstrumentDefined(instrument) => put_instrument(b.init_instrument_defined(), instrument),
        Event::FeedDefined {
            feed,
            house,
            silence_ns,
        } => put_feed(b.init_feed_defined(), *feed, *house, *silence_ns),
        Event::FeesSet { maker_ppm, taker_ppm } => put_fees(b.init_fees_set(), *maker_ppm, *taker_ppm),
        Event::MarginSet {
            insurance,
            maintenance_percent,
            interval_ns,
        } => put_margin(b.init_margin_set(), *insurance, *maintenance_percent, *interval_ns),
        Event::MarginCalled {
            account,
            equity,
            requirement,
        } => {
            let mut m = b.init_margin_called();
            put!(m, set_account_high, set_account_low, account.0);
            put!(m, set_equity_high, set_equity_low, *equity);
            put!(m, set_requirement_high, set_requirement_low, *requirement);
        }
        Event::SessionSet { session, closes_at } => put_session(b.init_session_set(), *session, *closes_at),
        Event::Halted { symbol } => put_symbol(b.init_halted(), *symbol),
        Event::Resumed { symbol } => put_symbol(b.init_resumed(), *symbol),
        Event::SplitApplied {
            symbol,
            numerator,
            denominator,
        } => put_split(b.init_split_applied(), *symbol, *numerator, *denominator),
        Event::AccountOpened {
            account,
            kind,
            role,
            currency,
        } => put_open(b.init_account_opened(), *account, *kind, *role, *currency),
        Event::LimitsSet { account, limits } => put_account_limits(b.init_limits_set(), *account, limits),
        Event::AccountStateSet { account, state } => put_state(b.init_account_state_set(), *account, *state),
        Event::CashMoved {
            account,
            transfer,
            kind,
            amount,
            cash,
        } => {
            let mut m = b.init_cash_moved();
            put!(m, set_account_high, set_account_low, account.0);
            put!(m, set_transfer_high, set_transfer_low, transfer.0);
            m.set_kind(kind.code());
            put!(m, set_amount_high, set_amount_low, *amount);
            put!(m, set_cash_high, set_cash_low, *cash);
        }
        Event::PositionMoved {
            account,
            symbol,
            kind,
            position,
            cost,
        } => {
            let mut m = b.init_position_moved();
            put!(m, set_account_high, set_account_low, account.0);
            put!(m, set_symbol_high, set_symbol_low, symbol_to(*symbol));
            m.set_kind(kind.code());
            m.set_position(*position);
            put!(m, set_cost_high, set_cost_low, *cost);
        }
        Event::OrderAccepted(accepted) => put_accepted(b.init_order_accepted(), accepted),
        Event::OrderActivated {
            order,
            account,
            status,
            quantity,
        } => {
            let mut o = b.init_order_activated();
            put!(o, set_order_high, set_order_low, order.0);
            put!(o, set_account_high, set_account_low, account.0);
            o.set_status(status.code());
            o.set_quantity(*quantity);
        }
        Event::OrderAdjusted {
            order,
            account,
            quantity,
            stop_price,
        } => {
            let mut o = b.init_order_adjusted();
            put!(o, set_order_high, set_order_low, order.0);
            put!(o, set_account_high, set_account_low, account.0);
            o.set_quantity(*quantity);
            put_some!(o, set_has_stop_price, set_stop_price, *stop_price);
        }
        Event::OrderReplaced {
            order,
            account,
            quantity,
            limit_price,
            stop_price,
            trail,
        } => {
            let mut o = b.init_order_replaced();
            put!(o, set_order_high, set_order_low, order.0);
            put!(o, set_account_high, set_account_low, account.0);
            o.set_quantity(*quantity);
            put_some!(o, set_has_limit_price, set_limit_price, *limit_price);
            put_some!(o, set_has_stop_price, set_stop_price, *stop_price);
            let (kind, value) = trail_to(*trail);
            o.set_trail_kind(kind);
            o.set_trail(value);
        }
        Event::OrderClosed {
            order,
            account,
            status,
            reason,
        } => {
            let mut o = b.init_order_closed();
            put!(o, set_order_high, set_order_low, order.0);
            put!(o, set_account_high, set_account_low, account.0);
            o.set_status(status.code());
            o.set_reason(reason.code());
        }
        Event::TradeExecuted {
            trade,
            symbol,
            price,
            quantity,
            aggressor,
            maker,
            taker,
        } => {
            let mut t = b.init_trade_executed();
            t.set_trade(*trade);
            put!(t, set_symbol_high, set_symbol_low, symbol_to(*symbol));
            t.set_price(*price);
            t.set_quantity(*quantity);
            t.set_aggressor(side_to(*aggressor));
            put_fill(t.reborrow().init_maker(), maker);
            put_fill(t.init_taker(), taker);
        }
        Event::OutsideTraded {
            feed,
            symbol,
            price,
            quantity,
        } => {
            let mut t = b.init_outside_traded();
            t.set_feed(*feed);
            put!(t, set_symbol_high, set_symbol_low, symbol_to(*symbol));
            t.set_price(*price);
            t.set_quantity(*quantity);
        }
        Event::LevelChanged {
            symbol,
            side,
            price,
            quantity,
            orders,
        } => {
            let mut l = b.init_level_changed();
            put!(l, set_symbol_high, set_symbol_low, symbol_to(*symbol));
            l.set_side(side_to(*side));
            l.set_price(*price);
            l.set_quantity(*quantity);
            l.set_orders(*orders);
        }
    }
}

fn put_accepted(mut b: w::order_accepted::Builder<'_>, v: &e::Accepted) {
    put!(b, set_order_high, set_order_low, v.order.0);
    put!(b, set_account_high, set_account_low, v.account.0);
    put!(b, set_symbol_high, set_symbol_low, symbol_to(v.symbol));
    b.set_side(side_to(v.side));
    b.set_kind(kind_to(v.kind));
    let (tif, good_till) = tif_to(v.time_in_force);
    b.set_time_in_force(tif);
    b.set_good_till(good_till);
    b.set_self_trade_prevention(stp_to(v.self_trade_prevention));
    b.set_quantity(v.quantity);
    put_some!(b, set_has_limit_price, set_limit_price, v.limit_price);
    put_some!(b, set_has_stop_price, set_stop_price, v.stop_price);
    put_some!(b, set_has_display_quantity, set_display_quantity, v.display_quantity);
    b.set_post_only(v.post_only);
    b.set_reduce_only(v.reduce_only);
    b.set_status(v.status.code());
    let (kind, trail) = trail_to(v.trail);
    b.set_trail_kind(kind);
    b.set_trail(trail);
    if let Some(parent) = v.parent {
        b.set_has_parent(true);
        put!(b, set_parent_high, set_parent_low, parent.0);
    }
}

fn put_fill(mut b: w::fill_side::Builder<'_>, v: &e::Fill) {
    put!(b, set_order_high, set_order_low, v.order.0);
    put!(b, set_account_high, set_account_low, v.account.0);
    put!(b, set_fee_high, set_fee_low, v.fee);
    b.set_filled(v.filled);
    b.set_leaves(v.leaves);
    put!(b, set_filled_notional_high, set_filled_notional_low, v.filled_notional);
    put!(b, set_cash_high, set_cash_low, v.cash);
    b.set_position(v.position);
    put!(b, set_cost_high, set_cost_low, v.cost);
    put!(b, set_realized_high, set_realized_low, v.realized);
}
