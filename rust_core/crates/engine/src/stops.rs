//! Stops and trailing stops: they wait for a print, are triggered by it, or move with it.
//!
//! # Layout
//! Pending stops are in ladders keyed by stop price. Whether a print triggers any is one comparison with
//! the best key. Trailing stops are also in a second ladder keyed by the best price that they have seen.
//! The ones that a print moves are at its front, so a print costs only the stops that it moves.
//!
//! # Ordering
//! Stops at one price trigger in the order in which they got that price (R5.21, R5.22).

use crate::engine::Engine;
use crate::ladder::NIL;
use crate::market::Market;
use crate::orders::{Location, Order};
use crate::types::*;
use crate::work::Scan;
use crate::Events;

impl Engine {
    /// Adds a pending stop at the end of the queue of its stop price.
    pub(crate) fn add_stop(&mut self, slot: u32) {
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
        order.location = Location::Stops;
        order.node = node;
        order.trail_node = trail_node;
    }

    /// Triggers a stop whose condition already holds against the last print (R5.30).
    pub(crate) fn trigger_if_reached(&mut self, slot: u32, events: &mut Events) {
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

    /// Triggers a pending stop: it becomes `New` and joins the queue of activated orders. Its take-profit
    /// ends, then the entry that it protects, if that still works.
    pub(crate) fn trigger(&mut self, slot: u32, events: &mut Events) {
        self.detach(slot);
        let entry = self.unlink_entry(slot);
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
            self.unlink_entry(sibling);
            self.close(sibling, OrderStatus::Canceled, CloseReason::SiblingDone, events);
            self.count(slot);
        }
        self.cancel_entry(entry, events);
        self.enqueue(slot);
    }

    /// The next stop that the scan triggers (phases 0 and 1) or moves (phases 2 and 3). R5.21 and R5.23
    /// give the order of phases.
    pub(crate) fn next_in_scan(&self, scan: &Scan) -> Option<u32> {
        let market = &self.markets[scan.instrument as usize];
        let ladder = match scan.phase {
            0 if market.stop_buys.best()? <= scan.high => &market.stop_buys,
            1 if market.stop_sells.best()? >= scan.low => &market.stop_sells,
            2 if market.trail_sells.best()? < scan.high => &market.trail_sells,
            3 if market.trail_buys.best()? > scan.low => &market.trail_buys,
            _ => return None,
        };
        Some(ladder.node(ladder.front()?).owner)
    }

    /// Triggers or moves one stop; or enters the next phase when the phase has none left.
    pub(crate) fn scan_step(&mut self, events: &mut Events) {
        let Some(scan) = self.work.scan else { return };
        match (self.next_in_scan(&scan), scan.phase) {
            (Some(slot), 0 | 1) => self.trigger(slot, events),
            (Some(slot), 2) => self.move_trailing_stop(slot, scan.high, events),
            (Some(slot), _) => self.move_trailing_stop(slot, scan.low, events),
            (None, 0..=2) => {
                self.work.scan = Some(Scan {
                    phase: scan.phase + 1,
                    ..scan
                })
            }
            (None, _) => self.work.scan = None,
        }
    }

    /// Updates a trailing stop after a better price, and its stop price if that changes.
    fn move_trailing_stop(&mut self, slot: u32, best: i64, events: &mut Events) {
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
