//! An independent observer: everything here is concluded from events alone, by neither engine nor oracle.
//!
//! Holds: price-time priority (no user's resting order is passed over by a trade at a worse price, nor
//! by one that came to rest in a later command at the same price), fills that add up (order, cash and
//! position of each side), trade ids without gaps, visible levels that never cross.
//!
//! Known limits: an order is taken to rest only from the end of the command that accepted or activated
//! it (within it, it may still wait in the queue); an iceberg's place within its level is not judged;
//! take-profits that became active in a halt or closed market are not judged until they trade.

use cift_engine::types::*;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Debug)]
struct Known {
    account: AccountId,
    symbol: Symbol,
    side: Side,
    limit: Option<Price>,
    quantity: Quantity,
    filled: Quantity,
    iceberg: bool,
    /// Number of the command since whose end it rests.
    rests_since: Option<u64>,
    status: OrderStatus,
}

#[derive(Clone, Debug, Default)]
pub struct Witness {
    command: u64,
    trades: u64,
    orders: BTreeMap<OrderId, Known>,
    /// Orders that rest if they are still there when the command ends.
    arriving: BTreeSet<OrderId>,
    cash: BTreeMap<AccountId, Money>,
    positions: BTreeMap<(AccountId, Symbol), Quantity>,
    halted: BTreeSet<Symbol>,
    closed: bool,
    /// (symbol, is buy, price) → (quantity, orders).
    pub levels: BTreeMap<(Symbol, bool, Price), (Quantity, u32)>,
}

macro_rules! ensure {
    ($holds:expr, $($say:tt)+) => { if !$holds { return Err(format!($($say)+)); } };
}

impl Witness {
    /// Events of one whole command, `LevelChanged` of all its parts included.
    pub fn command(&mut self, events: &[Event]) -> Result<(), String> {
        self.command += 1;
        let mut touched = BTreeSet::new();
        for event in events {
            if let Event::LevelChanged { symbol, .. } = event {
                touched.insert(*symbol);
            }
            self.event(event)?;
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
                ensure!(bid < ask, "crossed book: bid {bid} ask {ask}");
            }
        }
        Ok(())
    }

    fn event(&mut self, event: &Event) -> Result<(), String> {
        match *event {
            Event::OrderAccepted(a) => {
                let known = Known {
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
                    self.orders.insert(a.order, known).is_none(),
                    "{:?} accepted twice",
                    a.order
                );
                if a.status == OrderStatus::New {
                    self.arriving.insert(a.order);
                }
            }
            Event::OrderActivated {
                order,
                status,
                quantity,
                ..
            } => {
                let symbol = self.known(order)?.symbol;
                let suspended = self.closed || self.halted.contains(&symbol);
                let known = self.known(order)?;
                ensure!(known.status != OrderStatus::New, "{order:?} activated twice");
                (known.status, known.quantity) = (status, quantity);
                if status == OrderStatus::New && !suspended {
                    self.arriving.insert(order);
                }
            }
            Event::OrderAdjusted { order, quantity, .. } => self.known(order)?.quantity = quantity,
            Event::OrderReplaced {
                order,
                quantity,
                limit_price,
                ..
            } => {
                let known = self.known(order)?;
                let keeps = known.limit == limit_price && quantity <= known.quantity;
                (known.quantity, known.limit) = (quantity, limit_price);
                if known.rests_since.is_some() && !keeps {
                    known.rests_since = None;
                    self.arriving.insert(order);
                }
            }
            Event::OrderClosed { order, .. } => {
                ensure!(self.orders.remove(&order).is_some(), "{order:?} closed but not open");
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
                ensure!(trade == self.trades, "trade {trade} follows {}", self.trades - 1);
                self.priority(symbol, price, aggressor, maker.order)?;
                let notional = Money::from(price) * Money::from(quantity) / Money::from(NANOS);
                let maker_sign = if aggressor == Side::Buy { -1 } else { 1 };
                self.fill(symbol, maker_sign, quantity, notional, &maker)?;
                self.fill(symbol, -maker_sign, quantity, notional, &taker)?;
            }
            Event::CashMoved {
                account, amount, cash, ..
            } => {
                let before = self.cash.entry(account).or_insert(0);
                ensure!(
                    *before + amount == cash,
                    "cash of {account:?}: {before} + {amount} is not {cash}"
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
                    "level of {quantity} with {orders} orders"
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

    fn known(&mut self, order: OrderId) -> Result<&mut Known, String> {
        self.orders
            .get_mut(&order)
            .ok_or_else(|| format!("an event of {order:?}, which is not open"))
    }

    fn fill(
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
            "cash after a fill of {:?}: {} instead of {cash}",
            fill.account,
            fill.cash
        );
        *before = cash;
        let position = self.positions.entry((fill.account, symbol)).or_insert(0);
        *position += sign as i64 * quantity;
        ensure!(
            *position == fill.position,
            "position of {:?}: {} instead of {position}",
            fill.account,
            fill.position
        );
        if fill.order == OrderId(0) {
            return Ok(());
        }
        let order = self.known(fill.order)?;
        order.filled += quantity;
        ensure!(
            order.account == fill.account,
            "{:?} filled for another account",
            fill.order
        );
        let adds_up = order.filled == fill.filled && order.quantity == fill.filled + fill.leaves;
        ensure!(adds_up, "{:?}: {order:?} does not add up with {fill:?}", fill.order);
        if fill.leaves == 0 {
            self.orders.remove(&fill.order);
        }
        Ok(())
    }

    fn priority(&self, symbol: Symbol, price: Price, aggressor: Side, maker: OrderId) -> Result<(), String> {
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
            ensure!(!earlier, "{id:?} was first at {limit}, but {maker:?} traded");
        }
        Ok(())
    }
}
