//! Items of UPDATES about one account: orders, fills, positions and cash; and signals.
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

/// The kind of change of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderChange {
    Accepted,
    Activated,
    Adjusted,
    Replaced,
    Closed,
    /// By a fill, whole or in part.
    Filled,
    /// It was never an order of the book.
    Refused,
}
impl OrderChange {
    pub const ALL: [OrderChange; 7] = [
        OrderChange::Accepted,
        OrderChange::Activated,
        OrderChange::Adjusted,
        OrderChange::Replaced,
        OrderChange::Closed,
        OrderChange::Filled,
        OrderChange::Refused,
    ];
    pub const fn as_str(self) -> &'static str {
        match self {
            OrderChange::Accepted => "accepted",
            OrderChange::Activated => "activated",
            OrderChange::Adjusted => "adjusted",
            OrderChange::Replaced => "replaced",
            OrderChange::Closed => "closed",
            OrderChange::Filled => "filled",
            OrderChange::Refused => "refused",
        }
    }
    const fn to_wire(self) -> w::OrderChange {
        match self {
            OrderChange::Accepted => w::OrderChange::Accepted,
            OrderChange::Activated => w::OrderChange::Activated,
            OrderChange::Adjusted => w::OrderChange::Adjusted,
            OrderChange::Replaced => w::OrderChange::Replaced,
            OrderChange::Closed => w::OrderChange::Closed,
            OrderChange::Filled => w::OrderChange::Filled,
            OrderChange::Refused => w::OrderChange::Refused,
        }
    }
    const fn from_wire(change: w::OrderChange) -> OrderChange {
        match change {
            w::OrderChange::Accepted => OrderChange::Accepted,
            w::OrderChange::Activated => OrderChange::Activated,
            w::OrderChange::Adjusted => OrderChange::Adjusted,
            w::OrderChange::Replaced => OrderChange::Replaced,
            w::OrderChange::Closed => OrderChange::Closed,
            w::OrderChange::Filled => OrderChange::Filled,
            w::OrderChange::Refused => OrderChange::Refused,
        }
    }
}

/// The terms of an order that never change; only `accepted` and `refused` contain them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderTerms {
    pub client_order_id: String,
    pub symbol: Symbol,
    pub side: e::Side,
    pub kind: e::OrderKind,
    pub time_in_force: e::TimeInForce,
    pub display_quantity: Option<Quantity>,
    pub post_only: bool,
    pub reduce_only: bool,
    pub self_trade_prevention: e::SelfTradePrevention,
    pub parent: Option<OrderId>,
    pub class: OrderClassName,
    /// Ids of the legs that the order has: take-profit first.
    pub legs: [Option<OrderId>; 2],
}

/// The name of an order's class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderClassName {
    Simple,
    Bracket,
    Oto,
    Oco,
}
impl OrderClassName {
    pub const ALL: [OrderClassName; 4] = [
        OrderClassName::Simple,
        OrderClassName::Bracket,
        OrderClassName::Oto,
        OrderClassName::Oco,
    ];
    pub const fn as_str(self) -> &'static str {
        match self {
            OrderClassName::Simple => "simple",
            OrderClassName::Bracket => "bracket",
            OrderClassName::Oto => "oto",
            OrderClassName::Oco => "oco",
        }
    }
    /// The name of a class, and the ids of its legs.
    pub fn of(class: &e::OrderClass) -> (OrderClassName, [Option<OrderId>; 2]) {
        let legs = |legs: &e::Legs| {
            [
                legs.take_profit.map(|leg| leg.order),
                legs.stop_loss.map(|leg| leg.order),
            ]
        };
        match class {
            e::OrderClass::Simple => (OrderClassName::Simple, [None, None]),
            e::OrderClass::Bracket(both) => (OrderClassName::Bracket, legs(both)),
            e::OrderClass::Oto(one) => (OrderClassName::Oto, legs(one)),
            e::OrderClass::Oco(loss) => (OrderClassName::Oco, [None, Some(loss.order)]),
        }
    }
}

/// An order after a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    pub origin: Origin,
    pub change: OrderChange,
    pub account: AccountId,
    pub order: OrderId,
    pub terms: Option<OrderTerms>,
    pub status: e::OrderStatus,
    pub reason: Option<e::CloseReason>,
    pub refusal: Option<e::Refusal>,
    pub quantity: Quantity,
    pub filled: Quantity,
    pub filled_notional: Money,
    pub limit_price: Option<Price>,
    pub stop_price: Option<Price>,
    pub trail: Option<e::Trail>,
}
impl Order {
    pub fn encode(&self) -> Vec<u8> {
        let symbol = self.terms.as_ref().map_or("", |t| symbol_str(&t.symbol));
        let client_order_id = self.terms.as_ref().map_or("", |t| t.client_order_id.as_str());
        let words = struct_words::<w::order::Builder<'static>>() + text_words(symbol) + text_words(client_order_id);
        let mut out = Vec::new();
        frame::write(words, &mut out, |message| {
            let mut b: w::order::Builder<'_> = message.init_root();
            put_origin!(b, self.origin);
            b.set_change(self.change.to_wire());
            b.set_status(self.status.code());
            b.set_reason(self.reason.map_or(0, e::CloseReason::code));
            b.set_refusal(self.refusal.map_or(0, e::Refusal::code));
            put!(b, set_account_high, set_account_low, self.account.0);
            put!(b, set_order_high, set_order_low, self.order.0);
            b.set_quantity(self.quantity);
            b.set_filled(self.filled);
            put!(
                b,
                set_filled_notional_high,
                set_filled_notional_low,
                self.filled_notional
            );
            put_some!(b, set_has_limit_price, set_limit_price, self.limit_price);
            put_some!(b, set_has_stop_price, set_stop_price, self.stop_price);
            let (trail_kind, trail) = trail_to(self.trail);
            b.set_trail_kind(trail_kind);
            b.set_trail(trail);
            if let Some(terms) = &self.terms {
                put_terms(b, terms, symbol);
            }
        });
        out
    }
    pub fn decode(bytes: &[u8]) -> Result<Order, WireError> {
        let message = frame::open(bytes)?;
        let r = message.get_root::<w::order::Reader<'_>>()?;
        Ok(Order {
            origin: get_origin!(r),
            change: OrderChange::from_wire(r.get_change()?),
            account: AccountId(get_id!(r, get_account_high, get_account_low)),
            order: OrderId(get_id!(r, get_order_high, get_order_low)),
            terms: if r.has_symbol() { Some(get_terms(r)?) } else { None },
            status: status_from(r.get_status())?,
            reason: optional_code(r.get_reason(), close_from)?,
            refusal: optional_code(r.get_refusal(), refusal_from)?,
            quantity: r.get_quantity(),
            filled: r.get_filled(),
            filled_notional: get_money!(r, get_filled_notional_high, get_filled_notional_low),
            limit_price: get_some!(r, get_has_limit_price, get_limit_price),
            stop_price: get_some!(r, get_has_stop_price, get_stop_price),
            trail: trail_from(r.get_trail_kind()?, r.get_trail())?,
        })
    }
}

fn put_terms(mut b: w::order::Builder<'_>, terms: &OrderTerms, symbol: &str) {
    b.set_symbol(symbol);
    if !terms.client_order_id.is_empty() {
        b.set_client_order_id(terms.client_order_id.as_str());
    }
    b.set_side(side_to(terms.side));
    b.set_kind(kind_to(terms.kind));
    let (time_in_force, good_till) = tif_to(terms.time_in_force);
    b.set_time_in_force(time_in_force);
    b.set_good_till(good_till);
    put_some!(
        b,
        set_has_display_quantity,
        set_display_quantity,
        terms.display_quantity
    );
    b.set_post_only(terms.post_only);
    b.set_reduce_only(terms.reduce_only);
    b.set_self_trade_prevention(stp_to(terms.self_trade_prevention));
    if let Some(parent) = terms.parent {
        b.set_has_parent(true);
        put!(b, set_parent_high, set_parent_low, parent.0);
    }
    b.set_class(match terms.class {
        OrderClassName::Simple => crate::types_capnp::ClassKind::Simple,
        OrderClassName::Bracket => crate::types_capnp::ClassKind::Bracket,
        OrderClassName::Oto => crate::types_capnp::ClassKind::Oto,
        OrderClassName::Oco => crate::types_capnp::ClassKind::Oco,
    });
    let id = |leg: Option<OrderId>| leg.map_or(0, |leg| leg.0);
    put!(b, set_take_profit_high, set_take_profit_low, id(terms.legs[0]));
    put!(b, set_stop_loss_high, set_stop_loss_low, id(terms.legs[1]));
}

fn get_terms(r: w::order::Reader<'_>) -> Result<OrderTerms, WireError> {
    let client_order_id = r.get_client_order_id()?;
    if client_order_id.len() > MAX_CLIENT_ORDER_ID_BYTES {
        return Err(WireError::TooLong {
            what: "client order id",
            limit: MAX_CLIENT_ORDER_ID_BYTES,
        });
    }
    let leg = |id: u128| (id != 0).then_some(OrderId(id));
    Ok(OrderTerms {
        client_order_id: client_order_id
            .to_string()
            .map_err(|_| WireError::Invalid("client order id"))?,
        symbol: symbol_of(r.get_symbol()?)?,
        side: side_from(r.get_side()?),
        kind: kind_from(r.get_kind()?),
        time_in_force: tif_from(r.get_time_in_force()?, r.get_good_till()),
        display_quantity: get_some!(r, get_has_display_quantity, get_display_quantity),
        post_only: r.get_post_only(),
        reduce_only: r.get_reduce_only(),
        self_trade_prevention: stp_from(r.get_self_trade_prevention()?),
        parent: r
            .get_has_parent()
            .then(|| OrderId(get_id!(r, get_parent_high, get_parent_low))),
        class: match r.get_class()? {
            crate::types_capnp::ClassKind::Simple => OrderClassName::Simple,
            crate::types_capnp::ClassKind::Bracket => OrderClassName::Bracket,
            crate::types_capnp::ClassKind::Oto => OrderClassName::Oto,
            crate::types_capnp::ClassKind::Oco => OrderClassName::Oco,
        },
        legs: [
            leg(get_id!(r, get_take_profit_high, get_take_profit_low)),
            leg(get_id!(r, get_stop_loss_high, get_stop_loss_low)),
        ],
    })
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
    /// Of the account in the symbol, after this fill.
    pub position: Quantity,
    pub cost: Money,
    /// Profit that this fill realised, without fees.
    pub realized: Money,
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
                b.set_position(self.position);
                put!(b, set_cost_high, set_cost_low, self.cost);
                put!(b, set_realized_high, set_realized_low, self.realized);
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
            position: r.get_position(),
            cost: get_money!(r, get_cost_high, get_cost_low),
            realized: get_money!(r, get_realized_high, get_realized_low),
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
