//! Reads commands; `command` writes them.
use crate::command::{Envelope, Meta};
use crate::command_capnp as w;
use crate::convert::*;
use crate::facts::*;
use crate::frame::WireError;
use crate::limits::MAX_CLIENT_ORDER_ID_BYTES;
use crate::types_capnp::ClassKind;
use cift_engine as e;
use cift_engine::{AccountId, Command, OrderClass, OrderId, OutsideSide, Request, TransferId};

pub(crate) fn get_envelope(r: w::command_envelope::Reader<'_>) -> Result<Envelope<'_>, WireError> {
    let client_order_id = if r.has_client_order_id() {
        r.get_client_order_id()?
            .to_str()
            .map_err(|_| WireError::Invalid("client order id"))?
    } else {
        ""
    };
    if client_order_id.len() > MAX_CLIENT_ORDER_ID_BYTES {
        return Err(WireError::TooLong {
            what: "client order id",
            limit: MAX_CLIENT_ORDER_ID_BYTES,
        });
    }
    let request = r.get_has_request().then(|| Request {
        key: get_id!(r, get_request_key_high, get_request_key_low),
        body: get_id!(r, get_request_body_high, get_request_body_low),
    });
    Ok(Envelope {
        meta: Meta {
            trace: get_id!(r, get_trace_high, get_trace_low),
            span: r.get_span(),
            expires_at: r.get_expires_at(),
            client_order_id,
        },
        command: get_command(r.get_command(), request)?,
    })
}

fn get_command(r: w::command_envelope::command::Reader<'_>, request: Option<Request>) -> Result<Command, WireError> {
    use w::command_envelope::command::Which;
    Ok(match r.which()? {
        Which::EngineStarted(epoch) => Command::EngineStarted { epoch },
        Which::AdvanceTime(()) => Command::AdvanceTime,
        Which::Continue(()) => Command::Continue,
        Which::SetRules(version) => Command::SetRules { version },
        Which::EnableFormat(format) => Command::EnableFormat { format },
        Which::DefineInstrument(r) => Command::DefineInstrument(get_instrument(r?)),
        Which::DefineFeed(r) => {
            let (feed, house, silence_ns) = get_feed(r?);
            Command::DefineFeed {
                feed,
                house,
                silence_ns,
            }
        }
        Which::SetFees(r) => {
            let r = r?;
            Command::SetFees {
                maker_ppm: r.get_maker_ppm(),
                taker_ppm: r.get_taker_ppm(),
            }
        }
        Which::SetMargin(r) => {
            let (insurance, maintenance_percent, interval_ns) = get_margin(r?);
            Command::SetMargin {
                insurance,
                maintenance_percent,
                interval_ns,
            }
        }
        Which::SetSession(r) => {
            let (session, closes_at) = get_session(r?);
            Command::SetSession { session, closes_at }
        }
        Which::Halt(r) => Command::Halt { symbol: get_symbol(r?) },
        Which::Resume(r) => Command::Resume { symbol: get_symbol(r?) },
        Which::Split(r) => {
            let (symbol, numerator, denominator) = get_split(r?);
            Command::Split {
                symbol,
                numerator,
                denominator,
            }
        }
        Which::Dividend(r) => {
            let r = r?;
            Command::Dividend {
                symbol: symbol_from(get_id!(r, get_symbol_high, get_symbol_low)),
                amount: get_money!(r, get_amount_high, get_amount_low),
            }
        }
        Which::OpenAccount(r) => {
            let (account, kind, role, currency) = get_open(r?)?;
            Command::OpenAccount {
                account,
                kind,
                role,
                currency,
            }
        }
        Which::Deposit(r) => {
            let (account, transfer, amount) = get_transfer(r?);
            Command::Deposit {
                account,
                transfer,
                amount,
                request,
            }
        }
        Which::Withdraw(r) => {
            let (account, transfer, amount) = get_transfer(r?);
            Command::Withdraw {
                account,
                transfer,
                amount,
                request,
            }
        }
        Which::ResetAccount(r) => {
            let (account, transfer, cash) = get_transfer(r?);
            Command::ResetAccount {
                account,
                transfer,
                cash,
                request,
            }
        }
        Which::SetLimits(r) => {
            let (account, limits) = get_account_limits(r?)?;
            Command::SetLimits { account, limits }
        }
        Which::SetAccountState(r) => {
            let (account, state) = get_state(r?)?;
            Command::SetAccountState { account, state }
        }
        Which::PlaceOrder(r) => Command::PlaceOrder(get_place(r?, request)?),
        Which::ReplaceOrder(r) => Command::ReplaceOrder(get_replace(r?, request)?),
        Which::CancelOrder(r) => {
            let r = r?;
            Command::CancelOrder {
                account: AccountId(get_id!(r, get_account_high, get_account_low)),
                order: OrderId(get_id!(r, get_order_high, get_order_low)),
                request,
            }
        }
        Which::CancelAll(r) => {
            let r = r?;
            Command::CancelAll {
                account: AccountId(get_id!(r, get_account_high, get_account_low)),
                symbol: r
                    .get_has_symbol()
                    .then(|| symbol_from(get_id!(r, get_symbol_high, get_symbol_low))),
                request,
            }
        }
        Which::OutsideQuote(r) => {
            let r = r?;
            Command::OutsideQuote {
                feed: r.get_feed(),
                source_sequence: r.get_source_sequence(),
                symbol: symbol_from(get_id!(r, get_symbol_high, get_symbol_low)),
                bid: OutsideSide {
                    price: r.get_bid_price(),
                    quantity: r.get_bid_quantity(),
                },
                ask: OutsideSide {
                    price: r.get_ask_price(),
                    quantity: r.get_ask_quantity(),
                },
            }
        }
        Which::OutsideTrade(r) => {
            let r = r?;
            Command::OutsideTrade {
                feed: r.get_feed(),
                source_sequence: r.get_source_sequence(),
                symbol: symbol_from(get_id!(r, get_symbol_high, get_symbol_low)),
                price: r.get_price(),
                quantity: r.get_quantity(),
            }
        }
    })
}

fn get_transfer(r: w::transfer::Reader<'_>) -> (AccountId, TransferId, e::Money) {
    (
        AccountId(get_id!(r, get_account_high, get_account_low)),
        TransferId(get_id!(r, get_transfer_high, get_transfer_low)),
        get_money!(r, get_amount_high, get_amount_low),
    )
}

fn get_place(r: w::place_order::Reader<'_>, request: Option<Request>) -> Result<e::PlaceOrder, WireError> {
    let class = match r.get_class()? {
        ClassKind::Simple => OrderClass::Simple,
        kind => {
            let legs = get_legs(r.get_legs()?);
            match kind {
                ClassKind::Bracket => OrderClass::Bracket(legs),
                ClassKind::Oto => OrderClass::Oto(legs),
                _ => OrderClass::Oco(legs.stop_loss.ok_or(WireError::Invalid("oco without a stop loss"))?),
            }
        }
    };
    Ok(e::PlaceOrder {
        account: AccountId(get_id!(r, get_account_high, get_account_low)),
        order: OrderId(get_id!(r, get_order_high, get_order_low)),
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
        class,
        request,
    })
}

fn get_legs(r: w::legs::Reader<'_>) -> e::Legs {
    e::Legs {
        take_profit: r.get_has_take_profit().then(|| e::TakeProfit {
            order: OrderId(get_id!(r, get_take_profit_order_high, get_take_profit_order_low)),
            limit_price: r.get_take_profit_limit(),
        }),
        stop_loss: r.get_has_stop_loss().then(|| e::StopLoss {
            order: OrderId(get_id!(r, get_stop_loss_order_high, get_stop_loss_order_low)),
            stop_price: r.get_stop_loss_stop(),
            limit_price: get_some!(r, get_stop_loss_has_limit, get_stop_loss_limit),
        }),
    }
}

fn get_replace(r: w::replace_order::Reader<'_>, request: Option<Request>) -> Result<e::ReplaceOrder, WireError> {
    Ok(e::ReplaceOrder {
        account: AccountId(get_id!(r, get_account_high, get_account_low)),
        order: OrderId(get_id!(r, get_order_high, get_order_low)),
        quantity: get_some!(r, get_has_quantity, get_quantity),
        limit_price: get_some!(r, get_has_limit_price, get_limit_price),
        stop_price: get_some!(r, get_has_stop_price, get_stop_price),
        trail: trail_from(r.get_trail_kind()?, r.get_trail())?,
        request,
    })
}
