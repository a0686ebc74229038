//! Risk before matching: checks 7 to 16 of the rules, in their order, each refusal with its name.
//!
//! [`Engine::admit_market`] asks what concerns the market (7 to 9), [`Engine::admit_rate`] the rate
//! (10), [`Engine::admit_risk`] the account (11 to 16). Place and replace, and the queries that only
//! ask, go through the same three. Equity is computed only where it decides: margin accounts and
//! accounts with a daily loss limit.

use crate::engine::{Engine, MAX_OPEN_ORDERS};
use crate::ledger::MAX_SYMBOLS_PER_ACCOUNT;
use crate::market::Market;
use crate::money::{divide, fee_ceiling, parts_ceiling};
use crate::types::*;

/// What is to be admitted: a new order, or what a replaced one would be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate {
    pub account: u32,
    pub instrument: u32,
    pub side: Side,
    pub kind: OrderKind,
    /// A stop that was triggered already: its kind no longer matters for the market checks.
    pub lots: i64,
    pub limit: i64,
    pub stop: i64,
    pub trail: Option<Trail>,
    pub reduce_only: bool,
    pub post_only: bool,
    pub oco: bool,
    /// Orders that it adds, legs included.
    pub orders: u32,
    pub full_quantity: Quantity,
}

/// What a replaced order gives back first.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Released {
    pub open: i64,
    pub reserved: Money,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Admission {
    pub increase: i64,
    /// In ticks.
    pub reserve_price: i64,
    pub reserve_ppm: i32,
    pub reserve: Money,
    pub buying_power: Money,
}

/// Equity, and Σ |position| × mark.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Worth {
    pub equity: Money,
    pub gross: Money,
}

/// What must be put aside for `lots` at a price: notional and the larger fee, to the cent, up.
#[inline]
pub(crate) fn reserve_of(market: &Market, lots: i64, price: i64, ppm: i32) -> Money {
    if lots == 0 {
        return 0;
    }
    let notional = market.notional(price, lots);
    notional + fee_ceiling(notional, ppm)
}

impl Engine {
    /// Cash and positions at their marks (at cost where there is none).
    pub(crate) fn worth(&self, account: u32) -> Worth {
        let owner = &self.ledger.accounts[account as usize];
        let mut worth = Worth {
            equity: owner.cash,
            gross: 0,
        };
        for &(instrument, slot) in &owner.positions {
            let position = &self.ledger.positions[slot as usize];
            if position.lots == 0 {
                continue;
            }
            let market = &self.markets[instrument as usize];
            let value = match market.mark() {
                Some(mark) => market.notional(mark, position.lots),
                None => position.cost,
            };
            worth.equity += value;
            worth.gross += value.abs();
        }
        worth
    }

    pub(crate) fn buying_power(&self, account: u32) -> Money {
        let owner = &self.ledger.accounts[account as usize];
        match owner.kind {
            AccountKind::Cash => owner.cash - owner.reserved,
            AccountKind::Margin => {
                let worth = self.worth(account);
                margin_power(worth, owner.limits.leverage_percent) - owner.reserved
            }
        }
    }

    /// Checks 7, 8, 9. Gives the reference price; sets the first stop of a trailing stop.
    #[inline(always)]
    pub(crate) fn admit_market(&self, order: &mut Candidate) -> Result<Option<i64>, Refusal> {
        let market = &self.markets[order.instrument as usize];
        if market.halted {
            return Err(Refusal::InstrumentHalted);
        }
        if self.closed {
            return Err(Refusal::MarketClosed);
        }
        let reference = market.mark();
        match order.kind {
            OrderKind::Market | OrderKind::TrailingStop => {
                let reference = reference.ok_or(Refusal::NoReferencePrice)?;
                if let Some(trail) = order.trail {
                    order.stop = market.trailed(order.side, reference, trail);
                    if !(1..=MAX_PRICE / market.tick).contains(&order.stop) {
                        return Err(Refusal::TrailOutOfRange);
                    }
                }
            }
            OrderKind::Limit | OrderKind::StopLimit => {
                let around = if order.kind == OrderKind::Limit {
                    reference
                } else {
                    Some(order.stop)
                };
                if around.is_some_and(|around| outside_band(market, order.side, order.limit, around)) {
                    return Err(Refusal::PriceOutsideBand);
                }
            }
            OrderKind::Stop => {}
        }
        Ok(reference)
    }

    /// Check 10: may one more order come in this second?
    pub(crate) fn admit_rate(&self, account: u32, now: Timestamp) -> Result<(), Refusal> {
        let owner = &self.ledger.accounts[account as usize];
        let second = now.div_euclid(NANOS);
        if owner.rate_second == second && owner.rate_count >= owner.limits.max_orders_per_second {
            return Err(Refusal::OrderRateExceeded);
        }
        Ok(())
    }

    pub(crate) fn count_rate(&mut self, account: u32) {
        let second = self.now.div_euclid(NANOS);
        let owner = &mut self.ledger.accounts[account as usize];
        if owner.rate_second == second {
            owner.rate_count += 1;
        } else {
            owner.rate_second = second;
            owner.rate_count = 1;
        }
    }

    /// In ticks; see check 15.
    fn reserve_price(&self, order: &Candidate, reference: Option<i64>) -> i64 {
        let market = &self.markets[order.instrument as usize];
        let around = match order.kind {
            OrderKind::Limit | OrderKind::StopLimit => return order.limit,
            OrderKind::Market => reference.unwrap_or(0),
            OrderKind::Stop | OrderKind::TrailingStop => order.stop,
        };
        match order.side {
            Side::Buy => parts_ceiling(around, 1_000_000 + market.collar_ppm),
            Side::Sell => around,
        }
    }

    /// Checks 11 to 16.
    pub(crate) fn admit_risk(
        &self,
        order: &Candidate,
        released: Released,
        reference: Option<i64>,
    ) -> Result<Admission, Refusal> {
        let owner = &self.ledger.accounts[order.account as usize];
        let limits = &owner.limits;
        let market = &self.markets[order.instrument as usize];
        if owner.open_orders + order.orders > limits.max_open_orders {
            return Err(Refusal::TooManyOpenOrders);
        }
        if self.orders.live + order.orders as usize > MAX_OPEN_ORDERS {
            return Err(Refusal::OrdersFull);
        }
        if limits.max_order_quantity.is_some_and(|max| order.full_quantity > max) {
            return Err(Refusal::OrderQuantityLimit);
        }
        let reserve_price = self.reserve_price(order, reference);
        if limits
            .max_order_notional
            .is_some_and(|max| market.notional(reserve_price, order.lots) > max)
        {
            return Err(Refusal::OrderNotionalLimit);
        }

        let slot = self.ledger.position(order.account, order.instrument);
        let mut position = slot.map_or_else(Default::default, |slot| self.ledger.positions[slot as usize]);
        *position.open_mut(order.side) -= released.open;
        let open = position.open(order.side);
        let capacity = (position.closing(order.side) - open).max(0);
        let increase = (order.lots - capacity).max(0);
        if increase > 0 {
            if order.reduce_only || order.oco {
                return Err(Refusal::ReduceOnlyWouldIncrease);
            }
            if owner.state == AccountState::ReduceOnly {
                return Err(Refusal::AccountReduceOnly);
            }
        }
        let margin = owner.kind == AccountKind::Margin;
        let needs_worth = increase > 0 && (margin || limits.max_daily_loss.is_some());
        let worth = if needs_worth {
            self.worth(order.account)
        } else {
            Worth::default()
        };
        if increase > 0
            && limits
                .max_daily_loss
                .is_some_and(|max| owner.baseline - worth.equity >= max)
        {
            return Err(Refusal::DailyLossLimit);
        }
        if !position.in_use()
            && owner.positions.len() >= MAX_SYMBOLS_PER_ACCOUNT
            && self.ledger.symbols_in_use(order.account) >= MAX_SYMBOLS_PER_ACCOUNT
        {
            return Err(Refusal::TooManyPositions);
        }
        if increase > 0 {
            let signed = i128::from(if order.side == Side::Buy {
                position.lots
            } else {
                -position.lots
            });
            let reached = (signed + i128::from(open) + i128::from(order.lots)).abs();
            let own = limits.max_position.unwrap_or(MAX_POSITION);
            if reached > i128::from(market.max_position) || reached * i128::from(market.lot) > i128::from(own) {
                return Err(Refusal::PositionLimit);
            }
        }

        let reserve_ppm = self.taker_ppm.max(self.maker_ppm).max(0);
        let reserve = reserve_of(market, increase, reserve_price, reserve_ppm);
        let reserved = owner.reserved - released.reserved;
        let mut buying_power = owner.cash - reserved;
        if increase > 0 {
            if margin {
                buying_power = margin_power(worth, limits.leverage_percent) - reserved;
                if reserve > buying_power {
                    let beyond = worth.equity <= 0 || margin_power(worth, limits.leverage_percent) < 0;
                    return Err(if beyond {
                        Refusal::LeverageLimit
                    } else {
                        Refusal::InsufficientBuyingPower
                    });
                }
            } else if order.side == Side::Sell {
                return Err(Refusal::InsufficientPosition);
            } else if reserve > buying_power {
                return Err(Refusal::InsufficientBuyingPower);
            }
        }
        if order.post_only && market.crosses(order.side, order.limit) {
            return Err(Refusal::PostOnlyWouldCross);
        }
        Ok(Admission {
            increase,
            reserve_price,
            reserve_ppm,
            reserve,
            buying_power,
        })
    }
}

/// Equity × leverage − gross: what a margin account may add, reserves not taken off.
fn margin_power(worth: Worth, leverage_percent: u32) -> Money {
    // Both factors are bounded far below what would overflow; toward zero.
    let allowed = divide(worth.equity * Money::from(leverage_percent), 100);
    allowed - worth.gross
}

fn outside_band(market: &Market, side: Side, limit: i64, around: i64) -> bool {
    let scaled = i128::from(limit) * 1_000_000;
    match side {
        Side::Buy => scaled > i128::from(around) * i128::from(1_000_000 + market.band_ppm),
        Side::Sell => scaled < i128::from(around) * i128::from(1_000_000 - market.band_ppm),
    }
}
