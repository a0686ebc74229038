//! Reads events; `event_write` writes them.
use crate::convert::*;
use crate::facts::*;
use crate::frame::WireError;
use crate::record_capnp as w;
use cift_engine as e;
use cift_engine::{AccountId, Event, OrderId, TransferId};

pub(crate) fn get_event(r: w::event::Reader<'_>) -> Result<Event, WireError> {
    use w::event::Which;
    Ok(match r.which()? {
        Which::EngineStarted(epoch) => Event::EngineStarted { epoch },
        Which::RulesSet(version) => Event::RulesSet { version },
        Which::FormatEnabled(format) => Event::FormatEnabled { format },
        Which::Refused(code) => Event::Refused {
            reason: refusal_from(code)?,
        },
        Which::FeedWithdrawn(feed) => Event::FeedWithdrawn { feed },
        Which::SessionClosed(session) => Event::SessionClosed { session },
        Which::InstrumentDefined(r) => Event::InstrumentDefined(get_instrument(r?)),
        Which::FeedDefined(r) => {
            let (feed, house, silence_ns) = get_feed(r?);
            Event::FeedDefined {
                feed,
                house,
                silence_ns,
            }
        }
        Which::FeesSet(r) => {
            let r = r?;
            Event::FeesSet {
                maker_ppm: r.get_maker_ppm(),
                taker_ppm: r.get_taker_ppm(),
            }
        }
        Which::MarginSet(r) => {
            let (insurance, maintenance_percent, interval_ns) = get_margin(r?);
            Event::MarginSet {
                insurance,
                maintenance_percent,
                interval_ns,
            }
        }
        Which::MarginCalled(r) => {
            let r = r?;
            Event::MarginCalled {
                account: AccountId(get_id!(r, get_account_high, get_account_low)),
                equity: get_money!(r, get_equity_high, get_equity_low),
                requirement: get_money!(r, get_requirement_high, get_requirement_low),
            }
        }
        Which::SessionSet(r) => {
            let (session, closes_at) = get_session(r?);
            Event::SessionSet { session, closes_at }
        }
        Which::Halted(r) => Event::Halted { symbol: get_symbol(r?) },
        Which::Resumed(r) => Event::Resumed { symbol: get_symbol(r?) },
        Which::SplitApplied(r) => {
            let (symbol, numerator, denominator) = get_split(r?);
            Event::SplitApplied {
                symbol,
                numerator,
                denominator,
            }
        }
        Which::AccountOpened(r) => {
            let (account, kind, role, currency) = get_open(r?)?;
            Event::AccountOpened {
                account,
                kind,
                role,
                currency,
            }
        }
        Which::LimitsSet(r) => {
            let (account, limits) = get_account_limits(r?)?;
            Event::LimitsSet { account, limits }
        }
        Which::AccountStateSet(r) => {
            let (account, state) = get_state(r?)?;
            Event::AccountStateSet { account, state }
        }
        Which::CashMoved(r) => {
            let r = r?;
            Event::CashMoved {
                account: AccountId(get_id!(r, get_account_high, get_account_low)),
                transfer: TransferId(get_id!(r, get_transfer_high, get_transfer_low)),
                kind: cash_kind_from(r.get_kind())?,
                amount: get_money!(r, get_amount_high, get_amount_low),
                cash: get_money!(r, get_cash_high, get_cash_low),
            }
        }
        Which::PositionMoved(r) => {
            let r = r?;
            Event::PositionMoved {
                account: AccountId(get_id!(r, get_account_high, get_account_low)),
                symbol: symbol_from(get_id!(r, get_symbol_high, get_symbol_low)),
                kind: position_kind_from(r.get_kind())?,
                position: r.get_position(),
                cost: get_money!(r, get_cost_high, get_cost_low),
            }
        }
        Which::OrderAccepted(r) => Event::OrderAccepted(get_accepted(r?)?),
        Which::OrderActivated(r) => {
            let r = r?;
            Event::OrderActivated {
                order: OrderId(get_id!(r, get_order_high, get_order_low)),
                account: AccountId(get_id!(r, get_account_high, get_account_low)),
                status: status_from(r.get_status())?,
                quantity: r.get_quantity(),
            }
        }
        Which::OrderAdjusted(r) => {
            let r = r?;
            Event::OrderAdjusted {
                order: OrderId(get_id!(r, get_order_high, get_order_low)),
                account: AccountId(get_id!(r, get_account_high, get_account_low)),
                quantity: r.get_quantity(),
                stop_price: get_some!(r, get_has_stop_price, get_stop_price),
            }
        }
        Which::OrderReplaced(r) => {
            let r = r?;
            Event::OrderReplaced {
                order: OrderId(get_id!(r, get_order_high, get_order_low)),
                account: AccountId(get_id!(r, get_account_high, get_account_low)),
                quantity: r.get_quantity(),
                limit_price: get_some!(r, get_has_limit_price, get_limit_price),
                stop_price: get_some!(r, get_has_stop_price, get_stop_price),
                trail: trail_from(r.get_trail_kind()?, r.get_trail())?,
            }
        }
        Which::OrderClosed(r) => {
            let r = r?;
            Event::OrderClosed {
                order: OrderId(get_id!(r, get_order_high, get_order_low)),
                account: AccountId(get_id!(r, get_account_high, get_account_low)),
                status: status_from(r.get_status())?,
                reason: close_from(r.get_reason())?,
            }
        }
        Which::TradeExecuted(r) => {
            let r = r?;
            Event::TradeExecuted {
                trade: r.get_trade(),
                symbol: symbol_from(get_id!(r, get_symbol_high, get_symbol_low)),
                price: r.get_price(),
                quantity: r.get_quantity(),
                aggressor: side_from(r.get_aggressor()?),
                maker: get_fill(r.get_maker()?),
                taker: get_fill(r.get_taker()?),
            }
        }
        Which::OutsideTraded(r) => {
            let r = r?;
            Event::OutsideTraded {
                feed: r.get_feed(),
                symbol: symbol_from(get_id!(r, get_symbol_high, get_symbol_low)),
                price: r.get_price(),
                quantity: r.get_quantity(),
            }
        }
        Which::LevelChanged(r) => {
            let r = r?;
            Event::LevelChanged {
                symbol: symbol_from(get_id!(r, get_symbol_high, get_symbol_low)),
                side: side_from(r.get_side()?),
                price: r.get_price(),
                quantity: r.get_quantity(),
                orders: r.get_orders(),
            }
        }
    })
}

fn get_accepted(r: w::order_accepted::Reader<'_>) -> Result<e::Accepted, WireError> {
    Ok(e::Accepted {
        order: OrderId(get_id!(r, get_order_high, get_order_low)),
        account: AccountId(get_id!(r, get_account_high, get_account_low)),
        symbol: symbol_from(get_id!(r, get_symbol_high, get_symbol_low)),
        side: side_from(r.get_side()?),
        kind: kind_from(r.get_kind()?),
        time_in_force: tif_from(r.get_time_in_force()?, r.get_good_till()),
        quantity: r.get_quantity(),
        limit_price: get_some!(r, get_has_limit_price, get_limit_price),
        stop_price: get_some!(r, get_has_stop_price, get_stop_price),
        trail: trail_from(r.get_trail_kind()?, r.get_trail())?,
        display_quantity: get_some!(r, get_has_display_quantity, get_display_quantity),
        post_only: r.get_post_only(),
        reduce_only: r.get_reduce_only(),
        self_trade_prevention: stp_from(r.get_self_trade_prevention()?),
        parent: r
            .get_has_parent()
            .then(|| OrderId(get_id!(r, get_parent_high, get_parent_low))),
        status: status_from(r.get_status())?,
    })
}

fn get_fill(r: w::fill_side::Reader<'_>) -> e::Fill {
    e::Fill {
        order: OrderId(get_id!(r, get_order_high, get_order_low)),
        account: AccountId(get_id!(r, get_account_high, get_account_low)),
        fee: get_money!(r, get_fee_high, get_fee_low),
        filled: r.get_filled(),
        leaves: r.get_leaves(),
        filled_notional: get_money!(r, get_filled_notional_high, get_filled_notional_low),
        cash: get_money!(r, get_cash_high, get_cash_low),
        position: r.get_position(),
        cost: get_money!(r, get_cost_high, get_cost_low),
        realized: get_money!(r, get_realized_high, get_realized_low),
    }
}
