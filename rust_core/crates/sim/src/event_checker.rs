//! An independent checker: it draws all conclusions from events alone and shares no code with engine or
//! oracle.
//!
//! It checks:
//! - price-time priority: no trade passes over a user's resting order at a better price, or one at the same
//!   price that rested in an earlier command;
//! - fills that add up: the order, cash and position of each side;
//! - trade ids without gaps;
//! - shown levels that never cross.
//!
//! # OpenOrder limits
//! - An order counts as resting only from the end of the command that accepted or activated it. Within that
//!   command it may still wait in the queue.
//! - The place of an iceberg within its level is not checked.
//! - A take-profit that became active in a halt or a closed market is not checked until it trades.

use cift_engine::types::*;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Debug)]
struct OpenOrder {
    account: AccountId,
    symbol: Symbol,
    side: Side,
    limit: Option<Price>,
    quantity: Quantity,
    filled: Quantity,
    iceberg: bool,
    /// Number of the command since whose end the order rests.
    rests_since: Option<u64>,
    status: OrderStatus,
}

#[derive(Clone, Debug, Default)]
pub struct EventChecker {
    command: u64,
    trades: u64,
    orders: BTreeMap<OrderId, OpenOrder>,
    /// Orders that rest if they are still open when the command ends.
    arriving: BTreeSet<OrderId>,
    cash: BTreeMap<AccountId, Money>,
    positions: BTreeMap<(AccountId, Symbol), Quantity>,
    halted: BTreeSet<Symbol>,
    closed: bool,
    /// (symbol, is buy, price) → (quantity, orders).
    pub levels: BTreeMap<(Symbol, bool, Price), (Quantity, u32)>,
}

macro_rules! ensure {
    ($holds:expr, $($message:tt)+) => { if !$holds { return Err(format!($($message)+)); } };
}

impl EventChecker {
    /// Checks the events of one command, including those of its `Continue`s.
    pub fn check_command(&mut self, events: &[Event]) -> Result<(), String> {
        self.command += 1;
        let mut touched = BTreeSet::new();
        for event in events {
            if let Event::LevelChanged { symbol, .. } = event {
                touched.insert(*symbol);
            }
            self.check_event(event)?;
        }
        for id in std::mem::take(&mut self.arriving) {
            let since = self.command;
            if let Some(order) = self.orders.get_mut(&id) {
                order.rests_since = Some(since);
            }
        }
        for symbol in touched {
            let side = |buy| {
                self.levels
                    .range((symbol, buy, i64::MIN)..=(symbol, buy, i64::MAX))
                    .map(|(k, _)| k.2)
            };
            if let (Some(bid), Some(ask)) = (side(true).next_back(), side(false).next()) {
                ensure!(bid < ask, "the book is crossed: bid {bid}, ask {ask}");
            }
        }
        Ok(())
    }

    fn check_event(&mut self, event: &Event) -> Result<(), String> {
        match *event {
            Event::OrderAccepted(accepted) => self.check_accepted(&accepted)?,
            Event::OrderActivated {
                order,
                status,
                quantity,
                ..
            } => self.check_activated(order, status, quantity)?,
            Event::OrderAdjusted { order, quantity, .. } => self.check_adjusted(order, quantity)?,
            Event::OrderReplaced {
                order,
                quantity,
                limit_price,
                ..
            } => {
                let order_state = self.open_order(order)?;
                let keeps = order_state.limit == limit_price && quantity <= order_state.quantity;
                (order_state.quantity, order_state.limit) = (quantity, limit_price);
                if order_state.rests_since.is_some() && !keeps {
                    order_state.rests_since = None;
                    self.arriving.insert(order);
                }
            }
            Event::OrderClosed { order, .. } => {
                ensure!(
                    self.orders.remove(&order).is_some(),
                    "{order:?} was closed but is not open"
                );
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
                self.trades += 1;
                ensure!(trade == self.trades, "trade {trade} follows trade {}", self.trades - 1);
                self.check_priority(symbol, price, aggressor, maker.order)?;
                let notional = Money::from(price) * Money::from(quantity) / Money::from(NANOS);
                let maker_sign = if aggressor == Side::Buy { -1 } else { 1 };
                self.check_fill(symbol, maker_sign, quantity, notional, &maker)?;
                self.check_fill(symbol, -maker_sign, quantity, notional, &taker)?;
            }
            Event::CashMoved {
                account, amount, cash, ..
            } => {
                let before = self.cash.entry(account).or_insert(0);
                ensure!(
                    *before + amount == cash,
                    "cash of {account:?}: {before} + {amount} is not the reported {cash}"
                );
                *before = cash;
            }
            Event::PositionMoved {
                account,
                symbol,
                position,
                ..
            } => {
                self.positions.insert((account, symbol), position);
            }
            Event::Halted { symbol } => {
                self.halted.insert(symbol);
            }
            Event::Resumed { symbol } => {
                self.halted.remove(&symbol);
            }
            Event::SessionClosed { .. } => self.closed = true,
            Event::SessionSet { .. } => self.closed = false,
            Event::LevelChanged {
                symbol,
                side,
                price,
                quantity,
                orders,
            } => {
                ensure!(
                    (quantity == 0) == (orders == 0),
                    "a level has quantity {quantity} but {orders} orders"
                );
                let key = (symbol, side == Side::Buy, price);
                if orders == 0 {
                    self.levels.remove(&key);
                } else {
                    self.levels.insert(key, (quantity, orders));
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn check_accepted(&mut self, a: &Accepted) -> Result<(), String> {
        let order_state = OpenOrder {
            account: a.account,
            symbol: a.symbol,
            side: a.side,
            limit: a.limit_price,
            quantity: a.quantity,
            filled: 0,
            iceberg: a.display_quantity.is_some(),
            rests_since: None,
            status: a.status,
        };
        ensure!(
            self.orders.insert(a.order, order_state).is_none(),
            "{:?} was accepted twice",
            a.order
        );
        if a.status == OrderStatus::New {
            self.arriving.insert(a.order);
        }
        Ok(())
    }

    fn check_activated(&mut self, order: OrderId, status: OrderStatus, quantity: Quantity) -> Result<(), String> {
        let symbol = self.open_order(order)?.symbol;
        let suspended = self.closed || self.halted.contains(&symbol);
        let order_state = self.open_order(order)?;
        ensure!(order_state.status != OrderStatus::New, "{order:?} was activated twice");
        (order_state.status, order_state.quantity) = (status, quantity);
        if status == OrderStatus::New && !suspended {
            self.arriving.insert(order);
        }
        Ok(())
    }

    /// An order that grows loses its place.
    fn check_adjusted(&mut self, order: OrderId, quantity: Quantity) -> Result<(), String> {
        let order_state = self.open_order(order)?;
        let grows = quantity > order_state.quantity;
        order_state.quantity = quantity;
        if grows && order_state.rests_since.take().is_some() {
            self.arriving.insert(order);
        }
        Ok(())
    }

    fn open_order(&mut self, order: OrderId) -> Result<&mut OpenOrder, String> {
        self.orders
            .get_mut(&order)
            .ok_or_else(|| format!("an event is about {order:?}, which is not open"))
    }

    fn check_fill(
        &mut self,
        symbol: Symbol,
        sign: i128,
        quantity: Quantity,
        notional: Money,
        fill: &Fill,
    ) -> Result<(), String> {
        let before = self.cash.entry(fill.account).or_insert(0);
        let cash = *before - sign * notional - fill.fee;
        ensure!(
            cash == fill.cash,
            "cash after a fill of {:?}: reported {}, expected {cash}",
            fill.account,
            fill.cash
        );
        *before = cash;
        let position = self.positions.entry((fill.account, symbol)).or_insert(0);
        *position += sign as i64 * quantity;
        ensure!(
            *position == fill.position,
            "position of {:?}: reported {}, expected {position}",
            fill.account,
            fill.position
        );
        if fill.order == OrderId(0) {
            return Ok(());
        }
        let order = self.open_order(fill.order)?;
        order.filled += quantity;
        ensure!(
            order.account == fill.account,
            "the fill of {:?} names another account",
            fill.order
        );
        let adds_up = order.filled == fill.filled && order.quantity == fill.filled + fill.leaves;
        ensure!(adds_up, "{:?}: {order:?} does not add up with {fill:?}", fill.order);
        if fill.leaves == 0 {
            self.orders.remove(&fill.order);
        }
        Ok(())
    }

    fn check_priority(&self, symbol: Symbol, price: Price, aggressor: Side, maker: OrderId) -> Result<(), String> {
        let since = self.orders.get(&maker).and_then(|m| m.rests_since);
        for (id, other) in &self.orders {
            let (Some(limit), Some(rests)) = (other.limit, other.rests_since) else {
                continue;
            };
            if other.symbol != symbol || other.side == aggressor || *id == maker {
                continue;
            }
            let better = if aggressor == Side::Buy {
                limit < price
            } else {
                limit > price
            };
            ensure!(
                !better,
                "{id:?} at {limit} was passed over by a trade of {maker:?} at {price}"
            );
            let earlier = limit == price && since.is_some_and(|since| rests < since) && !other.iceberg;
            ensure!(!earlier, "{id:?} rested first at {limit}, but {maker:?} traded");
        }
        Ok(())
    }
}
