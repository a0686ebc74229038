//! The rival of the benchmark: an order book in its simplest form. It has a `BTreeMap` of price levels, a
//! `VecDeque` of orders in each, and a `HashMap` from order id to level. A cancel searches its level from
//! front to back. It matches and reports trades, and has no accounts, risk checks, ledger or events.

use cift_engine::types::{OrderId, Side};
use std::collections::{BTreeMap, HashMap, VecDeque};

#[derive(Clone, Copy, Debug)]
struct Resting {
    id: OrderId,
    lots: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RivalTrade {
    pub maker: OrderId,
    pub price: i64,
    pub lots: i64,
}

#[derive(Debug, Default)]
pub struct RivalBook {
    bids: BTreeMap<i64, VecDeque<Resting>>,
    asks: BTreeMap<i64, VecDeque<Resting>>,
    orders: HashMap<OrderId, (Side, i64)>,
}

impl RivalBook {
    pub fn len(&self) -> usize {
        self.orders.len()
    }
    pub fn is_empty(&self) -> bool {
        self.orders.is_empty()
    }

    pub fn contains(&self, id: OrderId) -> bool {
        self.orders.contains_key(&id)
    }

    /// Matches a limit order, then rests its remainder if `rests`.
    pub fn place(
        &mut self,
        id: OrderId,
        side: Side,
        price: i64,
        mut lots: i64,
        rests: bool,
        trades: &mut Vec<RivalTrade>,
    ) {
        let others = if side == Side::Buy {
            &mut self.asks
        } else {
            &mut self.bids
        };
        while lots > 0 {
            let best = match side {
                Side::Buy => others.first_entry().filter(|level| *level.key() <= price),
                Side::Sell => others.last_entry().filter(|level| *level.key() >= price),
            };
            let Some(mut level) = best else { break };
            let at = *level.key();
            let queue = level.get_mut();
            while let Some(maker) = queue.front_mut() {
                let traded = lots.min(maker.lots);
                trades.push(RivalTrade {
                    maker: maker.id,
                    price: at,
                    lots: traded,
                });
                maker.lots -= traded;
                lots -= traded;
                if maker.lots > 0 {
                    break;
                }
                self.orders.remove(&maker.id);
                queue.pop_front();
                if lots == 0 {
                    break;
                }
            }
            if queue.is_empty() {
                level.remove();
            }
        }
        if lots > 0 && rests {
            let own = if side == Side::Buy {
                &mut self.bids
            } else {
                &mut self.asks
            };
            own.entry(price).or_default().push_back(Resting { id, lots });
            self.orders.insert(id, (side, price));
        }
    }

    /// Returns false if there is no such order.
    pub fn cancel(&mut self, id: OrderId) -> bool {
        let Some((side, price)) = self.orders.remove(&id) else {
            return false;
        };
        let levels = if side == Side::Buy {
            &mut self.bids
        } else {
            &mut self.asks
        };
        let Some(queue) = levels.get_mut(&price) else {
            return false;
        };
        if let Some(index) = queue.iter().position(|resting| resting.id == id) {
            queue.remove(index);
        }
        if queue.is_empty() {
            levels.remove(&price);
        }
        true
    }
}
