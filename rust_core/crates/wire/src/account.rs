//! Messages of EVENTS (one account's orders, fills, positions and cash), and signals.
//!
//! `decode` reads what `encode` writes; ids and limits are those of `market`.
use crate::account_capnp as w;
use crate::convert::*;
use crate::frame::{self, struct_words, text_words, WireError};
use crate::limits::MAX_CLIENT_ORDER_ID_BYTES;
use crate::market::{get_origin, put_origin, symbol_of, Origin};
use crate::text::symbol_str;
use cift_engine as e;
use cift_engine::{AccountId, Money, OrderId, Price, Quantity, Symbol, Timestamp, TransferId};

/// The kind of change of an order. Fills are messages of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderChange {
    Accepted,
    Activated,
    Adjusted,
    Replaced,
    Closed,
}
impl OrderChange {
    pub const ALL: [OrderChange; 5] = [
        OrderChange::Accepted,
        OrderChange::Activated,
        OrderChange::Adjusted,
        OrderChange::Replaced,
        OrderChange::Closed,
    ];
    pub const fn as_str(self) -> &'static str {
        match self {
            OrderChange::Accepted => "accepted",
            OrderChange::Activated => "activated",
            OrderChange::Adjusted => "adjusted",
            OrderChange::Replaced => "replaced",
            OrderChange::Closed => "closed",
        }
    }
}

/// The terms of an order; only an acceptance contains them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderTerms {
    pub symbol: Symbol,
    pub side: e::Side,
    pub kind: e::OrderKind,
    /// `Gtd` has no time here; the read model has it.
    pub time_in_force: e::TimeInForce,
}

/// A change of one order. `None`: the change does not touch the field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    pub origin: Origin,
    pub change: OrderChange,
    pub account: AccountId,
    pub order: OrderId,
    pub client_order_id: String,
    pub terms: Option<OrderTerms>,
    pub status: Option<e::OrderStatus>,
    pub reason: Option<e::CloseReason>,
    pub quantity: Option<Quantity>,
    pub limit_price: Option<Price>,
    pub stop_price: Option<Price>,
}
impl Order {
    pub fn encode(&self) -> Vec<u8> {
        let symbol = self.terms.as_ref().map_or("", |t| symbol_str(&t.symbol));
        let words =
            struct_words::<w::order::Builder<'static>>() + text_words(symbol) + text_words(&self.client_order_id);
        let mut out = Vec::new();
        frame::write(words, &mut out, |message| {
            let mut b: w::order::Builder<'_> = message.init_root();
            put_origin!(b, self.origin);
            b.set_change(match self.change {
                OrderChange::Accepted => w::OrderChange::Accepted,
                OrderChange::Activated => w::OrderChange::Activated,
                OrderChange::Adjusted => w::OrderChange::Adjusted,
                OrderChange::Replaced => w::OrderChange::Replaced,
                OrderChange::Closed => w::OrderChange::Closed,
            });
            b.set_status(self.status.map_or(0, e::OrderStatus::code));
            b.set_reason(self.reason.map_or(0, e::CloseReason::code));
            put!(b, set_account_high, set_account_low, self.account.0);
            put!(b, set_order_high, set_order_low, self.order.0);
            if let Some(terms) = &self.terms {
                b.set_symbol(symbol);
                b.set_side(side_to(terms.side));
                b.set_kind(kind_to(terms.kind));
                b.set_time_in_force(tif_to(terms.time_in_force).0);
            }
            if !self.client_order_id.is_empty() {
                b.set_client_order_id(self.client_order_id.as_str());
            }
            put_some!(b, set_has_quantity, set_quantity, self.quantity);
            put_some!(b, set_has_limit_price, set_limit_price, self.limit_price);
            put_some!(b, set_has_stop_price, set_stop_price, self.stop_price);
        });
        out
    }
    pub fn decode(bytes: &[u8]) -> Result<Order, WireError> {
        let message = frame::open(bytes)?;
        let r = message.get_root::<w::order::Reader<'_>>()?;
        let terms = if r.has_symbol() {
            Some(OrderTerms {
                symbol: symbol_of(r.get_symbol()?)?,
                side: side_from(r.get_side()?),
                kind: kind_from(r.get_kind()?),
                time_in_force: tif_from(r.get_time_in_force()?, 0),
            })
        } else {
            None
        };
        let client_order_id = r.get_client_order_id()?;
        if client_order_id.len() > MAX_CLIENT_ORDER_ID_BYTES {
            return Err(WireError::TooLong {
                what: "client order id",
                limit: MAX_CLIENT_ORDER_ID_BYTES,
            });
        }
        Ok(Order {
            origin: get_origin!(r),
            change: match r.get_change()? {
                w::OrderChange::Accepted => OrderChange::Accepted,
                w::OrderChange::Activated => OrderChange::Activated,
                w::OrderChange::Adjusted => OrderChange::Adjusted,
                w::OrderChange::Replaced => OrderChange::Replaced,
                w::OrderChange::Closed => OrderChange::Closed,
            },
            account: AccountId(get_id!(r, get_account_high, get_account_low)),
            order: OrderId(get_id!(r, get_order_high, get_order_low)),
            client_order_id: client_order_id
                .to_string()
                .map_err(|_| WireError::Invalid("client order id"))?,
            terms,
            status: optional_code(r.get_status(), status_from)?,
            reason: optional_code(r.get_reason(), close_from)?,
            quantity: get_some!(r, get_has_quantity, get_quantity),
            limit_price: get_some!(r, get_has_limit_price, get_limit_price),
            stop_price: get_some!(r, get_has_stop_price, get_stop_price),
        })
    }
}

/// One side of a trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fill {
    pub origin: Origin,
    pub account: AccountId,
    pub order: OrderId,
    pub symbol: Symbol,
    pub trade: u64,
    pub side: e::Side,
    pub maker: bool,
    pub price: Price,
    pub quantity: Quantity,
    pub fee: Money,
    /// Of the order, after this fill.
    pub filled: Quantity,
    pub leaves: Quantity,
    pub filled_notional: Money,
    /// Of the account, after this fill.
    pub cash: Money,
}
impl Fill {
    pub fn encode(&self) -> Vec<u8> {
        let symbol = symbol_str(&self.symbol);
        let mut out = Vec::new();
        frame::write(
            struct_words::<w::fill::Builder<'static>>() + text_words(symbol),
            &mut out,
            |message| {
                let mut b: w::fill::Builder<'_> = message.init_root();
                put_origin!(b, self.origin);
                put!(b, set_account_high, set_account_low, self.account.0);
                put!(b, set_order_high, set_order_low, self.order.0);
                b.set_symbol(symbol);
                b.set_trade(self.trade);
                b.set_side(side_to(self.side));
                b.set_maker(self.maker);
                b.set_price(self.price);
                b.set_quantity(self.quantity);
                put!(b, set_fee_high, set_fee_low, self.fee);
                b.set_filled(self.filled);
                b.set_leaves(self.leaves);
                put!(
                    b,
                    set_filled_notional_high,
                    set_filled_notional_low,
                    self.filled_notional
                );
                put!(b, set_cash_high, set_cash_low, self.cash);
            },
        );
        out
    }
    pub fn decode(bytes: &[u8]) -> Result<Fill, WireError> {
        let message = frame::open(bytes)?;
        let r = message.get_root::<w::fill::Reader<'_>>()?;
        Ok(Fill {
            origin: get_origin!(r),
            account: AccountId(get_id!(r, get_account_high, get_account_low)),
            order: OrderId(get_id!(r, get_order_high, get_order_low)),
            symbol: symbol_of(r.get_symbol()?)?,
            trade: r.get_trade(),
            side: side_from(r.get_side()?),
            maker: r.get_maker(),
            price: r.get_price(),
            quantity: r.get_quantity(),
            fee: get_money!(r, get_fee_high, get_fee_low),
            filled: r.get_filled(),
            leaves: r.get_leaves(),
            filled_notional: get_money!(r, get_filled_notional_high, get_filled_notional_low),
            cash: get_money!(r, get_cash_high, get_cash_low),
        })
    }
}

/// A position after a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    pub origin: Origin,
    pub account: AccountId,
    pub symbol: Symbol,
    pub quantity: Quantity,
    pub cost: Money,
    /// Profit that the record's fills in this symbol realised, without fees.
    pub realized: Money,
}
impl Position {
    pub fn encode(&self) -> Vec<u8> {
        let symbol = symbol_str(&self.symbol);
        let mut out = Vec::new();
        frame::write(
            struct_words::<w::position::Builder<'static>>() + text_words(symbol),
            &mut out,
            |message| {
                let mut b: w::position::Builder<'_> = message.init_root();
                put_origin!(b, self.origin);
                put!(b, set_account_high, set_account_low, self.account.0);
                b.set_symbol(symbol);
                b.set_quantity(self.quantity);
                put!(b, set_cost_high, set_cost_low, self.cost);
                put!(b, set_realized_high, set_realized_low, self.realized);
            },
        );
        out
    }
    pub fn decode(bytes: &[u8]) -> Result<Position, WireError> {
        let message = frame::open(bytes)?;
        let r = message.get_root::<w::position::Reader<'_>>()?;
        Ok(Position {
            origin: get_origin!(r),
            account: AccountId(get_id!(r, get_account_high, get_account_low)),
            symbol: symbol_of(r.get_symbol()?)?,
            quantity: r.get_quantity(),
            cost: get_money!(r, get_cost_high, get_cost_low),
            realized: get_money!(r, get_realized_high, get_realized_low),
        })
    }
}

/// A movement of cash other than by a trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cash {
    pub origin: Origin,
    pub account: AccountId,
    pub transfer: TransferId,
    pub kind: e::CashKind,
    pub amount: Money,
    /// Of the account, afterwards.
    pub cash: Money,
}
impl Cash {
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        frame::write(struct_words::<w::cash::Builder<'static>>(), &mut out, |message| {
            let mut b: w::cash::Builder<'_> = message.init_root();
            put_origin!(b, self.origin);
            put!(b, set_account_high, set_account_low, self.account.0);
            put!(b, set_transfer_high, set_transfer_low, self.transfer.0);
            b.set_kind(self.kind.code());
            put!(b, set_amount_high, set_amount_low, self.amount);
            put!(b, set_cash_high, set_cash_low, self.cash);
        });
        out
    }
    pub fn decode(bytes: &[u8]) -> Result<Cash, WireError> {
        let message = frame::open(bytes)?;
        let r = message.get_root::<w::cash::Reader<'_>>()?;
        Ok(Cash {
            origin: get_origin!(r),
            account: AccountId(get_id!(r, get_account_high, get_account_low)),
            transfer: TransferId(get_id!(r, get_transfer_high, get_transfer_low)),
            kind: cash_kind_from(r.get_kind())?,
            amount: get_money!(r, get_amount_high, get_amount_low),
            cash: get_money!(r, get_cash_high, get_cash_low),
        })
    }
}

/// A model's signal for a symbol. `value` is in −1e9 (short) ..= 1e9 (long) nanos, `confidence` in 0 ..= 1e9.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signal {
    pub timestamp: Timestamp,
    pub symbol: Symbol,
    pub model: String,
    pub value: i64,
    pub confidence: i64,
    pub horizon_ns: i64,
}
impl Signal {
    pub fn encode(&self) -> Vec<u8> {
        let symbol = symbol_str(&self.symbol);
        let words = struct_words::<w::signal::Builder<'static>>() + text_words(symbol) + text_words(&self.model);
        let mut out = Vec::new();
        frame::write(words, &mut out, |message| {
            let mut b: w::signal::Builder<'_> = message.init_root();
            b.set_timestamp(self.timestamp);
            b.set_symbol(symbol);
            if !self.model.is_empty() {
                b.set_model(self.model.as_str());
            }
            b.set_value(self.value);
            b.set_confidence(self.confidence);
            b.set_horizon_ns(self.horizon_ns);
        });
        out
    }
    pub fn decode(bytes: &[u8]) -> Result<Signal, WireError> {
        let message = frame::open(bytes)?;
        let r = message.get_root::<w::signal::Reader<'_>>()?;
        Ok(Signal {
            timestamp: r.get_timestamp(),
            symbol: symbol_of(r.get_symbol()?)?,
            model: r.get_model()?.to_string().map_err(|_| WireError::Invalid("model"))?,
            value: r.get_value(),
            confidence: r.get_confidence(),
            horizon_ns: r.get_horizon_ns(),
        })
    }
}
