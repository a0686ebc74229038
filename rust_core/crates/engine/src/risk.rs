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
use crate::ledger::Position;
use crate::market::Market;
use crate::money::{divide, fee_ahead, mul_div, scale_ppm_ceiling};
use crate::orders::{Order, BLANK};
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
    /// Of a replaced order, which keeps it.
    pub fee_credit: i64,
}

/// What a replaced order releases before it is checked again.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Released {
    pub open: i64,
    pub reducing: i64,
    pub exposure: Money,
    pub cover: Money,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Admission {
    pub increase: i64,
    /// In ticks.
    pub reserve_price: i64,
    pub adverse: i64,
    /// The fee schedule: maker and taker.
    pub fees: (i32, i32),
    pub reserve: Money,
    pub buying_power: Money,
}

/// Equity, Σ |position × mark|, and Σ of the worst cases (R2.14, R2.15, R4.46).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Valuation {
    pub equity: Money,
    pub gross: Money,
    pub used: Money,
}

/// The cover of `lots` of an order: what a fill at the worst price costs beyond the exposure, and the fee, both times
/// the leverage, rounded up (R4.53). In the unit of exposure, so that one sum holds both.
#[inline]
pub(crate) fn cover_of(market: &Market, order: &Order, lots: i64, leverage_percent: u32) -> Money {
    let ppm = order.highest_ppm();
    if lots == 0 || (order.adverse == 0 && ppm == 0) {
        return 0;
    }
    let leverage = Money::from(leverage_percent);
    // The exposure of a buy at its own price contains the adverse amount once already.
    let weight = match order.side {
        Side::Buy => leverage - 100,
        Side::Sell => leverage,
    };
    let fee = fee_ahead(
        market.notional(order.reserve_price, lots),
        ppm,
        order.fee_credit,
        market.fee_unit,
    );
    divide(market.notional(order.adverse, lots) * weight + 99, 100) + divide(fee * leverage + 99, 100)
}

/// The worst case of one position: the larger of what it becomes if all its open buys fill, and if all its open
/// sells fill, at their reserve prices, with their cover (R4.46).
#[inline]
pub(crate) fn worst_case(position: &Position, market: &Market, leverage_percent: u32) -> Money {
    let held = if position.lots == 0 {
        0
    } else {
        market.value(position.lots).unwrap_or(position.cost).abs()
    };
    let rated = i128::from(leverage_percent) * i128::from(market.band_ppm);
    let of = |side: Side, exposure: Money, cover: Money| {
        let toward = position.toward(side);
        let free = position.open(side) - position.reducing(side);
        let (reached, cover) = if toward >= 0 {
            (held + exposure, cover)
        } else {
            // The first lots reduce. Which orders they belong to is not known: the rest counts at the mean price.
            let opening = (position.open(side) + toward).min(free);
            if opening <= 0 {
                return 0;
            }
            (mul_div(exposure, i128::from(opening), i128::from(free)), cover)
        };
        // An instrument whose band is wider than 1 / leverage needs the band as its margin.
        let reached = if rated > PERCENT_PPM {
            divide(reached * rated + PERCENT_PPM - 1, PERCENT_PPM)
        } else {
            reached
        };
        reached + cover
    };
    of(Side::Buy, position.buy_exposure, position.buy_cover).max(of(
        Side::Sell,
        position.sell_exposure,
        position.sell_cover,
    ))
}

/// 100 percent times one million.
const PERCENT_PPM: i128 = 100_000_000;

impl Engine {
    /// Cash plus positions at their marks; a position without a mark counts at its cost.
    pub(crate) fn valuation(&self, account: u32) -> Valuation {
        let owner = &self.ledger.accounts[account as usize];
        let mut valuation = Valuation {
            equity: owner.cash,
            ..Valuation::default()
        };
        for &(instrument, slot) in &owner.positions {
            let position = &self.ledger.positions[slot as usize];
            if !position.in_use() {
                continue;
            }
            let market = &self.markets[instrument as usize];
            valuation.used += worst_case(position, market, owner.limits.leverage_percent);
            if position.lots == 0 {
                continue;
            }
            let value = market.value(position.lots).unwrap_or(position.cost);
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
                allowed_exposure(valuation, owner.limits.leverage_percent) - valuation.used
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
        let reference = market.reference();
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
                    Some(market.base.price).filter(|&base| base != 0).or(reference)
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

    /// The reserve price in ticks (R4.42), and the price to which `max_order_notional` refers.
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

    /// The price at which the order's exposure counts, and by how much a fill can be worse than the mark
    /// (R4.43), in ticks.
    fn exposure_price(&self, order: &Candidate, reserve_price: i64, mark: Option<i64>) -> (i64, i64) {
        match order.side {
            Side::Buy => {
                let adverse = reserve_price - mark.unwrap_or(reserve_price);
                (reserve_price, adverse.max(0))
            }
            Side::Sell => {
                let worst = match order.kind {
                    OrderKind::Limit | OrderKind::StopLimit => reserve_price,
                    _ => self.markets[order.instrument as usize].collar(Side::Sell, reserve_price),
                };
                let price = reserve_price.max(mark.unwrap_or(0));
                (price, price - worst)
            }
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
        let held = slot.map_or_else(Default::default, |slot| self.ledger.positions[slot as usize]);
        let mut position = held;
        *position.open_mut(order.side) -= released.open;
        *position.reducing_mut(order.side) -= released.reducing;
        *position.exposure_mut(order.side) -= released.exposure;
        *position.cover_mut(order.side) -= released.cover;
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
        self.admit_position(order, &position, increase)?;
        let (price, adverse) = self.exposure_price(order, reserve_price, market.mark());
        let mut admission = Admission {
            increase,
            reserve_price: price,
            adverse,
            fees: (self.maker_ppm, self.taker_ppm),
            reserve: 0,
            buying_power: 0,
        };
        if increase > 0 {
            // The worst case of this position without the replaced order counts as free.
            let used = valuation.used - worst_case(&held, market, limits.leverage_percent);
            self.admit_reserve(
                order,
                &mut admission,
                position,
                released,
                Valuation { used, ..valuation },
            )?;
        }
        if order.post_only && market.crosses(order.side, order.limit) {
            return Err(Refusal::PostOnlyWouldCross);
        }
        Ok(admission)
    }

    /// R4.40 and R4.41: the number of symbols, and the largest position. `position` is without a replaced order.
    #[inline(always)]
    fn admit_position(&self, order: &Candidate, position: &Position, increase: i64) -> Result<(), Refusal> {
        let owner = &self.ledger.accounts[order.account as usize];
        let limits = &owner.limits;
        let market = &self.markets[order.instrument as usize];
        let open = position.open(order.side);
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

        Ok(())
    }

    /// R4.44 to R4.47: do the account's means cover its worst case with the order? `position` is without the
    /// replaced order, `valuation.used` without the position.
    #[inline(always)]
    fn admit_reserve(
        &self,
        order: &Candidate,
        admission: &mut Admission,
        mut position: Position,
        released: Released,
        valuation: Valuation,
    ) -> Result<(), Refusal> {
        let owner = &self.ledger.accounts[order.account as usize];
        let market = &self.markets[order.instrument as usize];
        let leverage = owner.limits.leverage_percent;
        let exposure = market.notional(admission.reserve_price, order.lots);
        let admitted = Order {
            side: order.side,
            reserve_price: admission.reserve_price,
            adverse: admission.adverse,
            maker_ppm: admission.fees.0,
            taker_ppm: admission.fees.1,
            fee_credit: order.fee_credit,
            ..BLANK
        };
        let cover = cover_of(market, &admitted, order.lots, leverage);
        if owner.kind == AccountKind::Cash {
            if order.side == Side::Sell {
                return Err(Refusal::InsufficientPosition);
            }
            admission.reserve = exposure + cover;
            admission.buying_power = owner.cash - (owner.reserved - released.exposure - released.cover);
            if admission.reserve > admission.buying_power {
                return Err(Refusal::InsufficientBuyingPower);
            }
            return Ok(());
        }
        let before = worst_case(&position, market, leverage);
        *position.open_mut(order.side) += order.lots;
        *position.exposure_mut(order.side) += exposure;
        *position.cover_mut(order.side) += cover;
        let allowed = allowed_exposure(valuation, leverage);
        admission.reserve = worst_case(&position, market, leverage) - before;
        admission.buying_power = allowed - valuation.used - before;
        if admission.reserve > admission.buying_power {
            let beyond = valuation.equity <= 0 || valuation.gross > allowed;
            return Err(if beyond {
                Refusal::LeverageLimit
            } else {
                Refusal::InsufficientBuyingPower
            });
        }
        Ok(())
    }
}

/// The exposure that a margin account may have: equity × leverage, toward zero.
fn allowed_exposure(valuation: Valuation, leverage_percent: u32) -> Money {
    // Both factors are bounded far below an overflow.
    divide(valuation.equity * Money::from(leverage_percent), 100)
}

fn outside_band(market: &Market, side: Side, limit: i64, around: i64) -> bool {
    match side {
        Side::Buy => limit > market.band(side, around),
        Side::Sell => limit < market.band(side, around),
    }
}
