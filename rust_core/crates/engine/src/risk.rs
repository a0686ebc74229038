//! Risk checks before matching: R4.24 to R4.48, in their order, each refusal with its own reason.
//!
//! [`Engine::admit_market`] checks the market (R4.24 to R4.29), [`Engine::admit_rate`] the rate (R4.30),
//! [`Engine::admit_risk`] the account (R4.32 to R4.48). Place, replace and the read-only queries all use
//! these three functions.
//!
//! # Cost
//! Equity is computed only where a check needs it: for margin accounts and for accounts with a daily loss
//! limit. It takes one step per position.

use crate::engine::{Engine, MAX_OPEN_ORDERS};
use crate::market::Market;
use crate::money::{divide, fee_ceiling, scale_ppm_ceiling};
use crate::types::*;

/// The order to admit: a new one, or a replaced one as it would be afterwards. Prices in ticks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate {
    pub account: u32,
    pub instrument: u32,
    pub side: Side,
    pub kind: OrderKind,
    /// Quantity to admit, in lots.
    pub lots: i64,
    pub limit: i64,
    pub stop: i64,
    pub trail: Option<Trail>,
    pub reduce_only: bool,
    pub post_only: bool,
    pub oco: bool,
    /// Open orders that it adds, legs included.
    pub orders: u32,
    pub full_quantity: Quantity,
}

/// What a replaced order releases before it is checked again.
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

/// Equity, and Σ |position × mark| (R2.14, R2.15).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Valuation {
    pub equity: Money,
    pub gross: Money,
}

/// The reserve for `lots` at a price: the notional plus the fee, rounded up to the cent (R4.43).
#[inline]
pub(crate) fn reserve_of(market: &Market, lots: i64, price: i64, ppm: i32) -> Money {
    if lots == 0 {
        return 0;
    }
    let notional = market.notional(price, lots);
    notional + fee_ceiling(notional, ppm)
}

impl Engine {
    /// Cash plus positions at their marks; a position without a mark counts at its cost.
    pub(crate) fn valuation(&self, account: u32) -> Valuation {
        let owner = &self.ledger.accounts[account as usize];
        let mut valuation = Valuation {
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
            valuation.equity += value;
            valuation.gross += value.abs();
        }
        valuation
    }

    pub(crate) fn buying_power(&self, account: u32) -> Money {
        let owner = &self.ledger.accounts[account as usize];
        match owner.kind {
            AccountKind::Cash => owner.cash - owner.reserved,
            AccountKind::Margin => {
                let valuation = self.valuation(account);
                margin_capacity(valuation, owner.limits.leverage_percent) - owner.reserved
            }
        }
    }

    /// R4.24 to R4.29. Returns the reference price, and sets the first stop price of a trailing stop.
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

    /// R4.30 and R4.31: may the account send one more command within this second, with `share` times its rate?
    pub(crate) fn admit_rate(&self, account: u32, now: Timestamp, share: u32) -> Result<(), Refusal> {
        let owner = &self.ledger.accounts[account as usize];
        let second = now.div_euclid(NANOS);
        if owner.rate_second == second && owner.rate_count >= owner.limits.max_orders_per_second * share {
            return Err(Refusal::OrderRateExceeded);
        }
        Ok(())
    }

    /// Counts a command of the account at time `at`.
    pub(crate) fn count_rate(&mut self, account: u32, at: Timestamp) {
        let second = at.div_euclid(NANOS);
        let owner = &mut self.ledger.accounts[account as usize];
        if owner.rate_second == second {
            owner.rate_count += 1;
        } else {
            owner.rate_second = second;
            owner.rate_count = 1;
        }
    }

    /// The reserve price in ticks (R4.42).
    fn reserve_price(&self, order: &Candidate, reference: Option<i64>) -> i64 {
        let market = &self.markets[order.instrument as usize];
        let around = match order.kind {
            OrderKind::Limit | OrderKind::StopLimit => return order.limit,
            OrderKind::Market => reference.unwrap_or(0),
            OrderKind::Stop | OrderKind::TrailingStop => order.stop,
        };
        match order.side {
            Side::Buy => scale_ppm_ceiling(around, 1_000_000 + market.collar_ppm),
            Side::Sell => around,
        }
    }

    /// R4.32 to R4.48.
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
        if self.orders.count + order.orders as usize > MAX_OPEN_ORDERS {
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
        let capacity = (position.closable(order.side) - open).max(0);
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
        let needs_valuation = increase > 0 && (margin || limits.max_daily_loss.is_some());
        let valuation = if needs_valuation {
            self.valuation(order.account)
        } else {
            Valuation::default()
        };
        if increase > 0
            && limits
                .max_daily_loss
                .is_some_and(|max| owner.baseline - valuation.equity >= max)
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

        let admission = self.admit_reserve(order, increase, reserve_price, released.reserved, valuation)?;
        if order.post_only && market.crosses(order.side, order.limit) {
            return Err(Refusal::PostOnlyWouldCross);
        }
        Ok(admission)
    }

    /// R4.43 to R4.47: the reserve, and whether the account's means cover it. `released` is the reserve of
    /// the order that a replace changes.
    #[inline(always)]
    fn admit_reserve(
        &self,
        order: &Candidate,
        increase: i64,
        reserve_price: i64,
        released: Money,
        valuation: Valuation,
    ) -> Result<Admission, Refusal> {
        let owner = &self.ledger.accounts[order.account as usize];
        let market = &self.markets[order.instrument as usize];
        let reserve_ppm = self.taker_ppm.max(self.maker_ppm).max(0);
        let reserve = reserve_of(market, increase, reserve_price, reserve_ppm);
        let reserved = owner.reserved - released;
        let mut buying_power = owner.cash - reserved;
        if increase > 0 {
            if owner.kind == AccountKind::Margin {
                buying_power = margin_capacity(valuation, owner.limits.leverage_percent) - reserved;
                if reserve > buying_power {
                    let beyond = valuation.equity <= 0 || margin_capacity(valuation, owner.limits.leverage_percent) < 0;
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
        Ok(Admission {
            increase,
            reserve_price,
            reserve_ppm,
            reserve,
            buying_power,
        })
    }
}

/// Equity × leverage − gross: what a margin account can add before its reserves are subtracted.
fn margin_capacity(valuation: Valuation, leverage_percent: u32) -> Money {
    // Both factors are bounded far below an overflow. Rounded toward zero.
    let allowed = divide(valuation.equity * Money::from(leverage_percent), 100);
    allowed - valuation.gross
}

fn outside_band(market: &Market, side: Side, limit: i64, around: i64) -> bool {
    let scaled = i128::from(limit) * 1_000_000;
    match side {
        Side::Buy => scaled > i128::from(around) * i128::from(1_000_000 + market.band_ppm),
        Side::Sell => scaled < i128::from(around) * i128::from(1_000_000 - market.band_ppm),
    }
}
