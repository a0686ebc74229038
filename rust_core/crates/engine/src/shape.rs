//! Checks of an order's fields and legs: R4.9 to R4.22. They need only the order and its instrument.

use crate::market::Market;
use crate::types::*;

/// R1.4: a price in range and on the tick. Returns ticks.
#[inline]
pub(crate) fn price(market: &Market, price: Price) -> Result<i64, Refusal> {
    if !(1..=MAX_PRICE).contains(&price) {
        return Err(Refusal::PriceOutOfRange);
    }
    let ticks = price / market.tick;
    if ticks * market.tick != price {
        return Err(Refusal::PriceNotOnTick);
    }
    Ok(ticks)
}

/// R1.5: a quantity in range and in whole lots. Returns lots.
#[inline]
pub(crate) fn quantity(market: &Market, quantity: Quantity) -> Result<i64, Refusal> {
    if !(1..=MAX_QUANTITY).contains(&quantity) {
        return Err(Refusal::QuantityOutOfRange);
    }
    let lots = quantity / market.lot;
    if lots * market.lot != quantity {
        return Err(Refusal::QuantityNotOnLot);
    }
    Ok(lots)
}

pub(crate) fn trail(market: &Market, trail: Trail) -> Result<(), Refusal> {
    let good = match trail {
        Trail::Amount(amount) => price(market, amount).is_ok(),
        Trail::Ppm(ppm) => (1..=999_999).contains(&ppm),
    };
    if good {
        Ok(())
    } else {
        Err(Refusal::TrailOutOfRange)
    }
}

pub(crate) fn takes_limit(kind: OrderKind) -> bool {
    matches!(kind, OrderKind::Limit | OrderKind::StopLimit)
}

pub(crate) fn takes_stop(kind: OrderKind) -> bool {
    matches!(kind, OrderKind::Stop | OrderKind::StopLimit)
}

/// Each refill of an iceberg is a trade, and one taker can cause all of them: bound their number.
const MAX_ICEBERG_PARTS: i64 = 1_000;

pub(crate) fn too_many_refills(lots: i64, display: i64) -> bool {
    lots > display.saturating_mul(MAX_ICEBERG_PARTS)
}

/// R4.9 to R4.16. Returns lots, limit, stop and displayed lots; 0 where the order has none.
#[inline(always)]
pub(crate) fn order(market: &Market, now: Timestamp, order: &PlaceOrder) -> Result<(i64, i64, i64, i64), Refusal> {
    let lots = quantity(market, order.quantity)?;
    let limit = match (takes_limit(order.kind), order.limit_price) {
        (true, None) => return Err(Refusal::LimitPriceRequired),
        (false, Some(_)) => return Err(Refusal::LimitPriceNotAllowed),
        (_, None) => 0,
        (_, Some(limit)) => price(market, limit)?,
    };
    let stop = match (takes_stop(order.kind), order.stop_price) {
        (true, None) => return Err(Refusal::StopPriceRequired),
        (false, Some(_)) => return Err(Refusal::StopPriceNotAllowed),
        (_, None) => 0,
        (_, Some(stop)) => price(market, stop)?,
    };
    match (order.kind == OrderKind::TrailingStop, order.trail) {
        (true, None) => return Err(Refusal::TrailRequired),
        (false, Some(_)) => return Err(Refusal::TrailNotAllowed),
        (_, None) => {}
        (_, Some(distance)) => trail(market, distance)?,
    }
    let display = match order.display_quantity {
        None => 0,
        Some(display) => {
            let shown = quantity(market, display).unwrap_or(i64::MAX);
            if order.kind != OrderKind::Limit || shown > lots || too_many_refills(lots, shown) {
                return Err(Refusal::DisplayQuantityNotAllowed);
            }
            shown
        }
    };
    use TimeInForce::{Fok, Gtd, Ioc};
    let immediate = matches!(order.time_in_force, Ioc | Fok);
    if order.post_only && (order.kind != OrderKind::Limit || immediate) {
        return Err(Refusal::PostOnlyNotAllowed);
    }
    if immediate && !matches!(order.kind, OrderKind::Market | OrderKind::Limit) {
        return Err(Refusal::TimeInForceNotAllowed);
    }
    if matches!(order.time_in_force, Gtd(time) if time <= now) {
        return Err(Refusal::ExpiryInThePast);
    }
    Ok((lots, limit, stop, display))
}

/// A leg of an order, in ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Leg {
    pub order: OrderId,
    pub limit: i64,
    pub stop: i64,
}

/// Legs of an order: (take-profit, stop-loss). The order of an OCO is its own take-profit.
pub(crate) type OrderLegs = (Option<Leg>, Option<Leg>);

/// R4.17 to R4.22.
#[inline]
pub(crate) fn legs(market: &Market, order: &PlaceOrder, limit: i64) -> Result<OrderLegs, Refusal> {
    match order.class {
        OrderClass::Simple => Ok((None, None)),
        _ => legs_of_group(market, order, limit),
    }
}

fn legs_of_group(market: &Market, order: &PlaceOrder, limit: i64) -> Result<OrderLegs, Refusal> {
    use TimeInForce::{Fok, Ioc};
    let immediate = matches!(order.time_in_force, Ioc | Fok);
    let (take_profit, stop_loss) = match order.class {
        OrderClass::Simple => return Ok((None, None)),
        OrderClass::Bracket(Legs { take_profit, stop_loss }) | OrderClass::Oto(Legs { take_profit, stop_loss }) => {
            let wanted = if matches!(order.class, OrderClass::Oto(_)) {
                1
            } else {
                2
            };
            let given = usize::from(take_profit.is_some()) + usize::from(stop_loss.is_some());
            let kind = order.kind;
            if given != wanted
                || kind == OrderKind::TrailingStop
                || order.reduce_only
                || (immediate && kind != OrderKind::Market)
            {
                return Err(Refusal::InvalidLegs);
            }
            (take_profit, stop_loss)
        }
        OrderClass::Oco(stop_loss) => {
            if order.kind != OrderKind::Limit || immediate || order.post_only || order.display_quantity.is_some() {
                return Err(Refusal::InvalidLegs);
            }
            (None, Some(stop_loss))
        }
    };
    let take_profit = match take_profit {
        None => None,
        Some(leg) => Some(Leg {
            order: leg.order,
            limit: price(market, leg.limit_price)?,
            stop: 0,
        }),
    };
    let stop_loss = match stop_loss {
        None => None,
        Some(leg) => {
            let stop = price(market, leg.stop_price)?;
            let limit = match leg.limit_price {
                None => 0,
                Some(limit) => price(market, limit)?,
            };
            Some(Leg {
                order: leg.order,
                limit,
                stop,
            })
        }
    };
    // Ascending for a long: stop-loss, entry, take-profit. An OCO closes a position, so its side is
    // reversed.
    let oco = matches!(order.class, OrderClass::Oco(_));
    let long = (order.side == Side::Buy) != oco;
    let low_to_high = [
        stop_loss.map(|leg| leg.stop),
        (limit > 0 && !oco).then_some(limit),
        if oco {
            Some(limit)
        } else {
            take_profit.map(|leg| leg.limit)
        },
    ];
    let mut before: Option<i64> = None;
    for at in low_to_high.into_iter().flatten() {
        if before.is_some_and(|before| if long { before >= at } else { before <= at }) {
            return Err(Refusal::InvalidLegs);
        }
        before = Some(at);
    }
    let ids = [
        Some(order.order),
        take_profit.map(|leg| leg.order),
        stop_loss.map(|leg| leg.order),
    ];
    for (at, id) in ids.iter().enumerate() {
        if id.is_some() && ids[..at].contains(id) {
            return Err(Refusal::InvalidLegs);
        }
    }
    Ok((take_profit, stop_loss))
}
