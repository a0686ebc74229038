//! The full consistency check: computes every incrementally maintained value again from its parts.

use crate::engine::Engine;
use crate::ledger::Position;
use crate::orders::Location;
use crate::risk::cover_of;
use crate::types::*;

impl Engine {
    /// Checks that cash per currency and lots per instrument sum to zero over all accounts, that reserves
    /// and open quantities equal those of the open orders, and that each level is the sum of its entries.
    /// Returns what is wrong.
    pub fn check_conservation(&self) -> Result<(), &'static str> {
        self.check_zero_sum()?;
        self.check_open_orders()?;
        self.check_books()
    }

    fn check_zero_sum(&self) -> Result<(), &'static str> {
        let mut cash: Vec<Money> = self
            .ledger
            .currencies
            .iter()
            .map(|balances| balances.world + balances.fees)
            .collect();
        let mut lots: Vec<i128> = self.markets.iter().map(|market| market.world).collect();
        for account in &self.ledger.accounts {
            cash[account.currency as usize] += account.cash;
            for &(instrument, slot) in &account.positions {
                let position = &self.ledger.positions[slot as usize];
                lots[instrument as usize] += i128::from(position.lots);
                if position.lots == 0 && position.cost != 0 {
                    return Err("a position of 0 lots has a cost");
                }
            }
        }
        if cash.iter().any(|&sum| sum != 0) {
            return Err("cash does not sum to zero");
        }
        if lots.iter().any(|&sum| sum != 0) {
            return Err("lots do not sum to zero");
        }
        Ok(())
    }

    fn check_open_orders(&self) -> Result<(), &'static str> {
        let mut positions = vec![Position::default(); self.ledger.positions.len()];
        let mut reserved: Vec<Money> = vec![0; self.ledger.accounts.len()];
        let mut open = vec![0u32; self.ledger.accounts.len()];
        for slot in self.orders.by_acceptance() {
            let order = &self.orders[slot];
            let position = &mut positions[order.position as usize];
            position.orders += 1;
            open[order.account as usize] += 1;
            let owner = &self.ledger.accounts[order.account as usize];
            let market = &self.markets[order.instrument as usize];
            let mut cover = 0;
            if order.counted {
                *position.open_mut(order.side) += order.leaves();
                if order.reduce_only {
                    *position.reducing_mut(order.side) += order.leaves();
                } else {
                    let exposure = market.notional(order.reserve_price, order.leaves());
                    cover = cover_of(market, order, order.leaves(), owner.limits.leverage_percent);
                    *position.exposure_mut(order.side) += exposure;
                    *position.cover_mut(order.side) += cover;
                    if order.side == Side::Buy {
                        reserved[order.account as usize] += exposure + cover;
                    }
                }
            }
            if cover != order.cover {
                return Err("the cover of an order is wrong");
            }
            if order.leaves() <= 0 && order.status != OrderStatus::Held {
                return Err("an open order has no quantity left");
            }
        }
        for (at, account) in self.ledger.accounts.iter().enumerate() {
            if account.reserved != reserved[at] {
                return Err("the reserve of an account is not the sum of its orders' reserves");
            }
            if account.open_orders != open[at] {
                return Err("the number of open orders of an account is wrong");
            }
            if account.kind == AccountKind::Cash && account.role == AccountRole::Customer {
                let short = account
                    .positions
                    .iter()
                    .any(|entry| self.ledger.positions[entry.1 as usize].lots < 0);
                if short {
                    return Err("a cash account is short");
                }
                if account.cash < account.reserved {
                    return Err("a cash account has less cash than it reserved");
                }
            }
        }
        for (kept, found) in self.ledger.positions.iter().zip(&positions) {
            let same = kept.open_buys == found.open_buys
                && kept.open_sells == found.open_sells
                && kept.reducing_buys == found.reducing_buys
                && kept.reducing_sells == found.reducing_sells
                && kept.orders == found.orders
                && kept.buy_exposure == found.buy_exposure
                && kept.sell_exposure == found.sell_exposure
                && kept.buy_cover == found.buy_cover
                && kept.sell_cover == found.sell_cover;
            if !same {
                return Err("the open quantities of a position are not the sums of its open orders");
            }
            if !self.work.unfinished && kept.reduce_only_excess().is_some() {
                return Err("reduce-only orders exceed the position");
            }
        }
        Ok(())
    }

    fn check_books(&self) -> Result<(), &'static str> {
        for market in &self.markets {
            if let (Some(bid), Some(ask)) = (market.book.best(Side::Buy), market.book.best(Side::Sell)) {
                if bid >= ask && !self.work.unfinished {
                    return Err("a book is crossed");
                }
            }
            for side in [Side::Buy, Side::Sell] {
                let mut total = 0;
                for level in market.book.levels(side) {
                    let mut node = market.book.ladder(side).front_at(level.price);
                    let (mut lots, mut orders) = (0i128, 0);
                    while let Some(at) = node {
                        let entry = market.book.ladder(side).node(at);
                        lots += i128::from(entry.quantity);
                        orders += 1;
                        if entry.quantity <= 0 {
                            return Err("a resting order has no shown quantity");
                        }
                        if entry.owner & crate::market::OUTSIDE_CHUNK == 0 {
                            let order = &self.orders[entry.owner];
                            let same = order.acceptance > 0
                                && order.location == Location::Book
                                && order.node == at
                                && order.leaves() == entry.quantity + market.book.ladder(side).hidden(at);
                            if !same {
                                return Err("a queue entry does not match its order");
                            }
                        }
                        node = market.book.ladder(side).next_in_level(at);
                    }
                    if i64::try_from(lots).unwrap_or(i64::MAX) != level.quantity || orders != level.orders {
                        return Err("a level is not the sum of its orders");
                    }
                    total += orders as usize;
                }
                if total != market.book.orders(side) {
                    return Err("the number of orders on a side is not the sum of its levels");
                }
            }
        }
        Ok(())
    }
}
