//! Stops and trailing stops: waiting for a print, being triggered by one, following it.
//!
//! Pending stops lie in ladders keyed by stop price, so that "is anything triggered by this print" is
//! one comparison with the best key. Trailing stops lie in a second ladder keyed by the best price
//! they have seen: those that a print moves are at its front, so following costs only those that move.

use crate::engine::Engine;
use crate::ladder::NIL;
use crate::market::Market;
use crate::orders::{Order, Place};
use crate::types::*;
use crate::Events;

impl Engine {
    /// A pending stop joins those of its stop price.
    pub(crate) fn arm(&mut self, slot: u32) {
        let Order {
            instrument,
            side,
            stop,
            best,
            trail,
            ..
        } = self.orders[slot];
        let market = &mut self.markets[instrument as usize];
        let stops = market.stops_mut(side);
        stops.trim();
        let node = stops.push(stop, 0, 0, 0, slot);
        let mut trail_node = NIL;
        if trail.is_some() {
            let trails = market.trails_mut(side);
            trails.trim();
            trail_node = trails.push(best, 0, 0, 0, slot);
        }
        let order = &mut self.orders[slot];
        order.place = Place::Stops;
        order.node = node;
        order.trail_node = trail_node;
    }

    /// Triggers a stop whose condition already holds against the last print.
    pub(crate) fn trigger_at_once(&mut self, slot: u32, events: &mut Events) {
        let Order {
            instrument, side, stop, ..
        } = self.orders[slot];
        let holds = self.markets[instrument as usize]
            .last
            .is_some_and(|last| Market::triggers(side, stop, last.price));
        if holds && self.trading(instrument) {
            self.trigger(slot, events);
        }
    }

    /// Pending → New: joins the queue of activated orders; its take-profit, if it has one, is done.
    pub(crate) fn trigger(&mut self, slot: u32, events: &mut Events) {
        self.displace(slot);
        let order = &mut self.orders[slot];
        order.status = OrderStatus::New;
        let sibling = std::mem::replace(&mut order.sibling, NIL);
        let (id, account, instrument, quantity) = (order.id, order.account, order.instrument, order.quantity);
        let lot = self.markets[instrument as usize].lot;
        let account = self.ledger.accounts[account as usize].id;
        events.push(Event::OrderActivated {
            order: id,
            account,
            status: OrderStatus::New,
            quantity: quantity * lot,
        });
        if sibling != NIL {
            self.orders[sibling].sibling = NIL;
            self.close(sibling, OrderStatus::Canceled, CloseReason::SiblingDone, events);
            self.count(slot);
        }
        self.enqueue(slot);
    }

    /// One trigger or one move after the prints of a pass.
    pub(crate) fn scan_step(&mut self, events: &mut Events) {
        let Some(mut scan) = self.work.scan else { return };
        let market = &self.markets[scan.instrument as usize];
        let found = match scan.phase {
            0 => market
                .stop_buys
                .best()
                .filter(|&stop| stop <= scan.high)
                .and(market.stop_buys.front()),
            1 => market
                .stop_sells
                .best()
                .filter(|&stop| stop >= scan.low)
                .and(market.stop_sells.front()),
            2 => market
                .trail_sells
                .best()
                .filter(|&best| best < scan.high)
                .and(market.trail_sells.front()),
            3 => market
                .trail_buys
                .best()
                .filter(|&best| best > scan.low)
                .and(market.trail_buys.front()),
            _ => {
                self.work.scan = None;
                return;
            }
        };
        match (scan.phase, found) {
            (_, None) => {
                scan.phase += 1;
                self.work.scan = Some(scan);
            }
            (0, Some(node)) => self.trigger(
                self.markets[scan.instrument as usize].stop_buys.node(node).owner,
                events,
            ),
            (1, Some(node)) => self.trigger(
                self.markets[scan.instrument as usize].stop_sells.node(node).owner,
                events,
            ),
            (2, Some(node)) => {
                let slot = self.markets[scan.instrument as usize].trail_sells.node(node).owner;
                self.follow(slot, scan.high, events);
            }
            (_, Some(node)) => {
                let slot = self.markets[scan.instrument as usize].trail_buys.node(node).owner;
                self.follow(slot, scan.low, events);
            }
        }
    }

    /// A trailing stop has seen a better price.
    fn follow(&mut self, slot: u32, best: i64, events: &mut Events) {
        let Order {
            id,
            account,
            instrument,
            side,
            stop,
            trail,
            node,
            trail_node,
            quantity,
            ..
        } = self.orders[slot];
        let Some(trail) = trail else { return };
        let market = &mut self.markets[instrument as usize];
        let moved = market.trailed(side, best, trail);
        let moved = if side == Side::Sell {
            moved.max(stop)
        } else {
            moved.min(stop)
        };
        let trails = market.trails_mut(side);
        trails.remove(trail_node);
        trails.trim();
        let trail_node = trails.push(best, 0, 0, 0, slot);
        let order = &mut self.orders[slot];
        order.best = best;
        order.trail_node = trail_node;
        if moved != stop {
            let stops = market.stops_mut(side);
            stops.remove(node);
            stops.trim();
            order.node = stops.push(moved, 0, 0, 0, slot);
            order.stop = moved;
            events.push(Event::OrderAdjusted {
                order: id,
                account: self.ledger.accounts[account as usize].id,
                quantity: quantity * market.lot,
                stop_price: market.price(moved),
            });
        }
    }
}
