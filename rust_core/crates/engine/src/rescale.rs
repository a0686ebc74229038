//! A forward split adjusts the open orders, one per step (R9.10 to R9.14).
//!
//! # Ordering
//! Orders keep their places: they are adjusted in the order in which they trade or trigger, and each joins the end
//! of its new price.

use crate::engine::Engine;
use crate::ladder::NIL;
use crate::orders::{Location, Order};
use crate::types::*;
use crate::work::{FollowUp, Job};
use crate::Events;

/// New units for old ones: `numerator` for `denominator`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ratio {
    pub numerator: u32,
    pub denominator: u32,
}

impl Ratio {
    /// A price in ticks after the split, rounded down. The results of this type are smaller than their arguments or
    /// bounded by the caller, so they fit.
    fn price_down(self, price: i64) -> i64 {
        (i128::from(price) * i128::from(self.denominator) / i128::from(self.numerator)) as i64
    }
    fn price_up(self, price: i64) -> i64 {
        let numerator = i128::from(self.numerator);
        ((i128::from(price) * i128::from(self.denominator) + numerator - 1) / numerator) as i64
    }
    fn lots(self, lots: i64) -> i128 {
        i128::from(lots) * i128::from(self.numerator) / i128::from(self.denominator)
    }
}

impl Engine {
    /// Starts with the orders of a forward split.
    pub(crate) fn start_rescale(&mut self, instrument: u32, ratio: Ratio) {
        self.withdraw_quotes(instrument, u32::MAX);
        self.work.sweep.clear();
        let partly_filled_entry =
            |order: &Order| order.filled > 0 && (order.take_profit != NIL || order.stop_loss != NIL);
        let slots = self.orders.by_acceptance();
        let mut listed: Vec<u32> = slots
            .iter()
            .copied()
            .filter(|&slot| self.orders[slot].instrument == instrument && partly_filled_entry(&self.orders[slot]))
            .collect();
        let market = &self.markets[instrument as usize];
        for ladder in [market.book.ladder(Side::Buy), market.book.ladder(Side::Sell)] {
            listed.extend(ladder.nodes().map(|node| ladder.node(node).owner));
        }
        for ladder in [&market.stop_buys, &market.stop_sells] {
            listed.extend(ladder.nodes().map(|node| ladder.node(node).owner));
        }
        listed.extend(slots.iter().copied().filter(|&slot| {
            let order = &self.orders[slot];
            order.instrument == instrument && matches!(order.location, Location::Detached | Location::Waiting)
        }));
        for slot in listed {
            self.work.sweep.push((self.orders[slot].acceptance, slot));
        }
        self.work.job = Job::Rescale {
            instrument,
            at: 0,
            ratio,
        };
    }

    /// Adjusts one order. One unit of work.
    pub(crate) fn rescale_step(&mut self, instrument: u32, at: usize, ratio: Ratio, events: &mut Events) {
        let Some(&(acceptance, slot)) = self.work.sweep.get(at) else {
            self.work.sweep.clear();
            self.rescale_trails(instrument, ratio);
            let Ratio { numerator, denominator } = ratio;
            let follow_up = FollowUp::Split {
                instrument,
                numerator,
                denominator,
            };
            return self.start_follow_up(follow_up, events);
        };
        self.work.job = Job::Rescale {
            instrument,
            at: at + 1,
            ratio,
        };
        if !self.orders.is_current(slot, acceptance) {
            return;
        }
        match self.rescaled(slot, ratio) {
            Some(order) => self.apply_rescaled(slot, order, ratio, events),
            None => self.close(slot, OrderStatus::Canceled, CloseReason::Split, events),
        }
    }

    /// The order after the split. `None`: it is cancelled (R9.11).
    fn rescaled(&self, slot: u32, ratio: Ratio) -> Option<Order> {
        let mut order = self.orders[slot];
        if order.filled > 0 && (order.take_profit != NIL || order.stop_loss != NIL) {
            return None;
        }
        let market = &self.markets[order.instrument as usize];
        let position = &self.ledger.positions[order.position as usize];
        let leaves = ratio.lots(order.leaves());
        let open = i128::from(position.open(order.side) - if order.counted { order.leaves() } else { 0 });
        let reached = ratio.lots(position.lots).abs() + open + leaves;
        let largest = i128::from(MAX_QUANTITY / market.lot);
        if leaves > largest || reached > i128::from(market.max_position) {
            return None;
        }
        order.quantity = order.filled + leaves as i64;
        let stops = order.kind != OrderKind::Limit && order.kind != OrderKind::Market;
        let waits = matches!(order.status, OrderStatus::Held | OrderStatus::Pending);
        let down = (order.side == Side::Buy) != (stops && waits);
        let round = |price: i64| {
            if down {
                ratio.price_down(price)
            } else {
                ratio.price_up(price)
            }
        };
        let before = order;
        order.stop = round(order.stop);
        // The limit of a stop-limit is rounded as that of a limit order, but with a sell stop it falls (Rule 5330).
        order.limit = match order.side {
            Side::Buy => ratio.price_down(order.limit),
            Side::Sell => round(order.limit),
        };
        let vanished = |before: i64, after: i64| before != 0 && after == 0;
        if vanished(before.limit, order.limit) || vanished(before.stop, order.stop) {
            return None;
        }
        if let Some(Trail::Amount(amount)) = order.trail {
            order.trail = Some(Trail::Amount(ratio.price_up(amount / market.tick) * market.tick));
        }
        if order.display > 0 {
            let up = i128::from(order.display) * i128::from(ratio.numerator) + i128::from(ratio.denominator) - 1;
            order.display = (up / i128::from(ratio.denominator)).min(leaves) as i64;
        }
        order.reserve_price = match order.side {
            Side::Buy => ratio.price_down(order.reserve_price),
            Side::Sell => ratio.price_up(order.reserve_price),
        };
        order.adverse = ratio.price_up(order.adverse);
        Some(order)
    }

    fn apply_rescaled(&mut self, slot: u32, after: Order, ratio: Ratio, events: &mut Events) {
        let Order {
            instrument,
            side,
            node,
            counted,
            location,
            ..
        } = self.orders[slot];
        self.uncount(slot);
        let order = &mut self.orders[slot];
        order.quantity = after.quantity;
        order.limit = after.limit;
        order.stop = after.stop;
        order.trail = after.trail;
        order.display = after.display;
        order.reserve_price = after.reserve_price;
        order.adverse = after.adverse;
        let leaves = order.leaves();
        if counted {
            self.count(slot);
        }
        match location {
            Location::Book => {
                self.touch(instrument, side, node);
                let ladder = self.markets[instrument as usize].book.ladder_mut(side);
                // At most `leaves`, because both are rounded down.
                let shown = ratio.lots(ladder.node(node).quantity) as i64;
                ladder.remove(node);
                let node = ladder.push(after.limit, shown, leaves - shown, after.display, slot);
                self.orders[slot].node = node;
                self.touch(instrument, side, node);
            }
            Location::Stops => {
                let stops = self.markets[instrument as usize].stops_mut(side);
                stops.remove(node);
                stops.trim();
                self.orders[slot].node = stops.push(after.stop, 0, 0, 0, slot);
            }
            Location::Detached | Location::Waiting => {}
        }
        self.emit_replaced(slot, events);
    }

    /// Adjusts the best prices that trailing stops have seen. The order among them stays.
    fn rescale_trails(&mut self, instrument: u32, ratio: Ratio) {
        for side in [Side::Buy, Side::Sell] {
            let trails = self.markets[instrument as usize].trails_mut(side);
            let nodes: Vec<u32> = trails.nodes().collect();
            for node in nodes {
                let slot = trails.node(node).owner;
                trails.remove(node);
                trails.trim();
                let order = &mut self.orders[slot];
                order.best = match side {
                    Side::Buy => ratio.price_up(order.best),
                    Side::Sell => ratio.price_down(order.best),
                };
                order.trail_node = trails.push(order.best, 0, 0, 0, slot);
            }
        }
    }
}
