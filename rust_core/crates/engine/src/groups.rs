//! How orders enter and leave the engine, and what that means for their legs and siblings.
//!
//! # Terms
//! An entry (bracket, OTO) has up to two *held legs*. When it ends with a filled part, the legs become
//! active with that quantity, but with no more than is left to close. Otherwise they end with it. Two
//! active legs, and the two orders of an OCO, are *siblings*. When one of them ends, or when the stop-loss
//! is triggered, the other ends. A partial fill of one reduces the other.
//!
//! # Invariants
//! - An order is in its account's open quantity exactly while `counted` is true. A held leg is never
//!   counted, nor is the stop-loss of a pair whose take-profit is open.
//! - `Account::reserved` is the exposure and cover of the account's open buys that are not reduce-only.

use crate::engine::{Engine, UNSTORED_REQUEST};
use crate::ladder::NIL;
use crate::orders::{Location, Order};
use crate::risk::cover_of;
use crate::types::*;
use crate::Events;

impl Engine {
    /// Adds an order to the pool and to its account's list. Returns its slot.
    #[inline(always)]
    pub(crate) fn insert_order(&mut self, order: Order) -> u32 {
        let (account, position) = (order.account, order.position);
        self.orders.last_acceptance += 1;
        let acceptance = self.orders.last_acceptance;
        let owner = &mut self.ledger.accounts[account as usize];
        let older = owner.newest;
        let slot = self.orders.insert(Order {
            acceptance,
            older,
            newer: NIL,
            ..order
        });
        owner.newest = slot;
        owner.open_orders += 1;
        if older == NIL {
            owner.oldest = slot;
        } else {
            self.orders[older].newer = slot;
        }
        self.ledger.positions[position as usize].orders += 1;
        if let TimeInForce::Gtd(time) = order.time_in_force {
            self.expiries.insert((time, acceptance, slot));
            self.next_due_at = self.next_due_at.min(time);
        }
        slot
    }

    /// Adds the order's remaining quantity to the open quantity and to what the account must cover.
    pub(crate) fn count(&mut self, slot: u32) {
        let order = &mut self.orders[slot];
        debug_assert!(!order.counted);
        order.counted = true;
        let leaves = order.leaves();
        self.change_open(slot, leaves);
    }

    /// Removes the order from the open quantity and from what the account must cover.
    pub(crate) fn uncount(&mut self, slot: u32) {
        let order = &mut self.orders[slot];
        if !order.counted {
            return;
        }
        order.counted = false;
        let leaves = order.leaves();
        self.change_open(slot, -leaves);
    }

    /// Changes the open quantity of a counted order by `lots`, and with it exposure and cover (R4.53).
    #[inline]
    pub(crate) fn change_open(&mut self, slot: u32, lots: i64) {
        let order = &self.orders[slot];
        let (account, side) = (order.account, order.side);
        let position = &mut self.ledger.positions[order.position as usize];
        *position.open_mut(side) += lots;
        if order.reduce_only {
            *position.reducing_mut(side) += lots;
            return;
        }
        let exposure = self.markets[order.instrument as usize].notional(order.reserve_price, lots);
        *position.exposure_mut(side) += exposure;
        if side == Side::Buy {
            self.ledger.accounts[account as usize].reserved += exposure;
        }
        self.set_cover(slot);
    }

    /// Computes the cover of a counted order again, after its remainder or its account's leverage changed.
    #[inline]
    pub(crate) fn set_cover(&mut self, slot: u32) {
        let order = &mut self.orders[slot];
        let owner = &mut self.ledger.accounts[order.account as usize];
        let lots = if order.counted && !order.reduce_only {
            order.leaves()
        } else {
            0
        };
        let market = &self.markets[order.instrument as usize];
        let cover = cover_of(market, order, lots, owner.limits.leverage_percent);
        let change = cover - order.cover;
        if change == 0 {
            return;
        }
        order.cover = cover;
        *self.ledger.positions[order.position as usize].cover_mut(order.side) += change;
        if order.side == Side::Buy {
            owner.reserved += change;
        }
    }

    /// Removes the order from the book, from the stops or from the waiting orders.
    pub(crate) fn detach(&mut self, slot: u32) {
        let Order {
            location,
            instrument,
            side,
            node,
            trail_node,
            ..
        } = self.orders[slot];
        self.orders[slot].location = Location::Detached;
        let market = &mut self.markets[instrument as usize];
        match location {
            Location::Detached => {}
            Location::Book => {
                self.touch(instrument, side, node);
                self.markets[instrument as usize].book.ladder_mut(side).remove(node);
            }
            Location::Stops => {
                market.stops_mut(side).remove(node);
                if trail_node != NIL {
                    market.trails_mut(side).remove(trail_node);
                    self.orders[slot].trail_node = NIL;
                }
            }
            Location::Waiting => market.waiting.retain(|&waiting| waiting != slot),
        }
    }

    /// Removes the order from the engine. `status` and `reason` go into the outcome if the command is about
    /// this order.
    fn remove(&mut self, slot: u32, status: OrderStatus, reason: Option<CloseReason>) {
        self.detach(slot);
        self.uncount(slot);
        let Order {
            id,
            acceptance,
            account,
            position,
            time_in_force,
            request,
            older,
            newer,
            ..
        } = self.orders[slot];
        if self.work.result_order_id == Some(id) {
            self.work.closed_order = Some(self.summary(slot, Some((status, reason))));
        }
        if self.work.count_closed && reason.is_some() {
            self.work.affected += 1;
        }
        if let Some(pass) = &mut self.work.pass {
            if pass.taker == crate::work::Taker::Order(slot) {
                pass.taker = crate::work::Taker::Removed;
            }
        }
        let owner = &mut self.ledger.accounts[account as usize];
        owner.open_orders -= 1;
        if older == NIL {
            owner.oldest = newer;
        } else {
            self.orders[older].newer = newer;
        }
        if newer == NIL {
            owner.newest = older;
        } else {
            self.orders[newer].older = older;
        }
        self.ledger.positions[position as usize].orders -= 1;
        if let TimeInForce::Gtd(time) = time_in_force {
            self.expiries.remove(&(time, acceptance, slot));
        }
        if request != NIL && request != UNSTORED_REQUEST {
            self.requests.start_expiry(request, self.now);
        }
        self.orders.remove(slot);
    }

    fn unlink_group(&mut self, slot: u32) -> (u32, u32, u32) {
        let Order {
            parent,
            take_profit,
            stop_loss,
            sibling,
            ..
        } = self.orders[slot];
        if parent != NIL {
            let entry = &mut self.orders[parent];
            if entry.take_profit == slot {
                entry.take_profit = NIL;
            } else {
                entry.stop_loss = NIL;
            }
        }
        if sibling != NIL {
            self.orders[sibling].sibling = NIL;
        }
        for leg in [take_profit, stop_loss] {
            if leg != NIL {
                self.orders[leg].parent = NIL;
            }
        }
        (take_profit, stop_loss, sibling)
    }

    fn close_order(&mut self, slot: u32, status: OrderStatus, reason: CloseReason, events: &mut Events) {
        let order = &self.orders[slot];
        let account = self.ledger.accounts[order.account as usize].id;
        events.push(Event::OrderClosed {
            order: order.id,
            account,
            status,
            reason,
        });
        self.remove(slot, status, Some(reason));
    }

    /// Cancels or expires an order. If it is an entry with a filled part, its legs become active.
    pub(crate) fn close(&mut self, slot: u32, status: OrderStatus, reason: CloseReason, events: &mut Events) {
        let (take_profit, stop_loss, sibling) = self.unlink_group(slot);
        let filled = self.orders[slot].filled;
        self.close_order(slot, status, reason, events);
        self.after_close(take_profit, stop_loss, sibling, filled, events);
    }

    /// Cancels or expires an order together with its held legs, filled part or not (R6.19). Sweeps use it.
    pub(crate) fn close_with_legs(&mut self, slot: u32, status: OrderStatus, reason: CloseReason, events: &mut Events) {
        let (take_profit, stop_loss, sibling) = self.unlink_group(slot);
        self.close_order(slot, status, reason, events);
        for leg in [take_profit, stop_loss] {
            if leg != NIL {
                self.close_order(leg, status, reason, events);
            }
        }
        if sibling != NIL {
            self.close_order(sibling, OrderStatus::Canceled, CloseReason::SiblingDone, events);
        }
    }

    /// Ends an order that is completely filled. It has no `OrderClosed` event: its last trade has `leaves`
    /// 0.
    pub(crate) fn close_filled(&mut self, slot: u32, events: &mut Events) {
        let (take_profit, stop_loss, sibling) = self.unlink_group(slot);
        let filled = self.orders[slot].filled;
        self.remove(slot, OrderStatus::Filled, None);
        self.after_close(take_profit, stop_loss, sibling, filled, events);
    }

    fn after_close(&mut self, take_profit: u32, stop_loss: u32, sibling: u32, filled: i64, events: &mut Events) {
        if sibling != NIL {
            self.close_order(sibling, OrderStatus::Canceled, CloseReason::SiblingDone, events);
        }
        if take_profit == NIL && stop_loss == NIL {
            return;
        }
        let leg = if take_profit == NIL { stop_loss } else { take_profit };
        let Order { position, side, .. } = self.orders[leg];
        let position = &self.ledger.positions[position as usize];
        let lots = filled.min((position.closable(side) - position.open(side)).max(0));
        if lots == 0 {
            let reason = if filled == 0 {
                CloseReason::ParentDone
            } else {
                CloseReason::ReduceOnly
            };
            for leg in [take_profit, stop_loss] {
                if leg != NIL {
                    self.close_order(leg, OrderStatus::Canceled, reason, events);
                }
            }
            return;
        }
        self.activate_legs(take_profit, stop_loss, lots, events);
    }

    fn activate_legs(&mut self, take_profit: u32, stop_loss: u32, lots: i64, events: &mut Events) {
        for (leg, status) in [(take_profit, OrderStatus::New), (stop_loss, OrderStatus::Pending)] {
            if leg == NIL {
                continue;
            }
            let order = &mut self.orders[leg];
            order.quantity = lots;
            order.status = status;
            let (id, account, instrument) = (order.id, order.account, order.instrument);
            let quantity = lots * self.markets[instrument as usize].lot;
            let account = self.ledger.accounts[account as usize].id;
            events.push(Event::OrderActivated {
                order: id,
                account,
                status,
                quantity,
            });
        }
        if take_profit != NIL {
            self.count(take_profit);
            self.enqueue(take_profit);
            if stop_loss != NIL {
                self.orders[take_profit].sibling = stop_loss;
                self.orders[stop_loss].sibling = take_profit;
            }
        }
        if stop_loss != NIL {
            if take_profit == NIL {
                self.count(stop_loss);
            }
            self.add_stop(stop_loss);
            self.trigger_if_reached(stop_loss, events);
        }
    }

    /// Queues an active order for its pass, or lets it wait until trading is possible.
    pub(crate) fn enqueue(&mut self, slot: u32) {
        let Order {
            instrument, acceptance, ..
        } = self.orders[slot];
        if self.trading(instrument) {
            self.work.queue.push_back((acceptance, slot));
        } else {
            self.orders[slot].location = Location::Waiting;
            self.markets[instrument as usize].waiting.push_back(slot);
        }
    }

    /// Consequences of a fill of `lots`: ends a complete order, or reduces the sibling of a partial one.
    pub(crate) fn after_fill(&mut self, slot: u32, lots: i64, events: &mut Events) {
        let order = &self.orders[slot];
        let (leaves, sibling) = (order.leaves(), order.sibling);
        if leaves == 0 {
            return self.close_filled(slot, events);
        }
        if sibling != NIL {
            let other = &mut self.orders[sibling];
            other.quantity -= lots;
            let (id, account, instrument, lots, stop) =
                (other.id, other.account, other.instrument, other.quantity, other.stop);
            let market = &self.markets[instrument as usize];
            events.push(Event::OrderAdjusted {
                order: id,
                account: self.ledger.accounts[account as usize].id,
                quantity: lots * market.lot,
                stop_price: market.price(stop),
            });
        }
    }

    /// Cancels the newest reduce-only order that exceeds the position. One unit of work.
    pub(crate) fn cut_reduce_only(&mut self, events: &mut Events) {
        let &(account, instrument, position) = &self.work.reduce_only_checks[0];
        let Some(side) = self.ledger.positions[position as usize].reduce_only_excess() else {
            self.work.reduce_only_checks.pop_front();
            return;
        };
        let mut slot = self.ledger.accounts[account as usize].newest;
        while slot != NIL {
            let order = &self.orders[slot];
            if order.counted && order.reduce_only && order.instrument == instrument && order.side == side {
                return self.close(slot, OrderStatus::Canceled, CloseReason::ReduceOnly, events);
            }
            slot = order.older;
        }
        debug_assert!(false, "the position counts reduce-only lots, but no order has them");
        self.work.reduce_only_checks.pop_front();
    }
}
