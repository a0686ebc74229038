//! How orders begin and end: entering the pool, leaving it, and what that means for the orders that
//! belong to them.
//!
//! An entry (bracket, OTO) has up to two *held legs*; when it ends with a filled part they become
//! active with that quantity (never more than is left to close), else they end with it. Two active
//! legs, and the two orders of an OCO, are *siblings*: the end of one, or the trigger of the stop
//! loss, ends the other, a part filled of one makes the other smaller.
//!
//! Invariants: an order counts among its account's open quantity exactly while `counted`; a held leg
//! and the stop loss of a living pair never do; `Account::reserved` is the sum of `Order::reserved`.

use crate::engine::{Engine, NEW_REQUEST};
use crate::ladder::NIL;
use crate::orders::{Order, Place};
use crate::risk::reserve_of;
use crate::types::*;
use crate::Events;

impl Engine {
    /// Puts an order into the pool and its account's list.
    #[inline(always)]
    pub(crate) fn enlist(&mut self, order: Order) -> u32 {
        let (account, position) = (order.account, order.position);
        self.orders.last_age += 1;
        let age = self.orders.last_age;
        let owner = &mut self.ledger.accounts[account as usize];
        let older = owner.newest;
        let slot = self.orders.insert(Order {
            age,
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
            self.expiries.insert((time, age, slot));
            self.wake_at = self.wake_at.min(time);
        }
        slot
    }

    /// Counts what is left of the order as open, and reserves for its increase.
    pub(crate) fn count(&mut self, slot: u32) {
        let order = &mut self.orders[slot];
        debug_assert!(!order.counted);
        order.counted = true;
        let leaves = order.leaves();
        let position = &mut self.ledger.positions[order.position as usize];
        *position.open_mut(order.side) += leaves;
        if order.reduce_only {
            *position.reducing_mut(order.side) += leaves;
        }
        self.reserve(slot);
    }

    /// No longer open, nothing reserved.
    pub(crate) fn uncount(&mut self, slot: u32) {
        let order = &mut self.orders[slot];
        if !order.counted {
            return;
        }
        order.counted = false;
        let leaves = order.leaves();
        let position = &mut self.ledger.positions[order.position as usize];
        *position.open_mut(order.side) -= leaves;
        if order.reduce_only {
            *position.reducing_mut(order.side) -= leaves;
        }
        let reserved = std::mem::replace(&mut order.reserved, 0);
        self.ledger.accounts[order.account as usize].reserved -= reserved;
    }

    /// Brings the reserve to what is left of the increase.
    #[inline]
    pub(crate) fn reserve(&mut self, slot: u32) {
        let order = &mut self.orders[slot];
        if order.increase == 0 && order.reserved == 0 {
            return;
        }
        let lots = order.increase.min(order.leaves());
        let market = &self.markets[order.instrument as usize];
        let reserved = reserve_of(market, lots, order.reserve_price, order.reserve_ppm);
        self.ledger.accounts[order.account as usize].reserved += reserved - order.reserved;
        order.reserved = reserved;
    }

    /// Takes the order out of the book, the stops or the waiting.
    pub(crate) fn displace(&mut self, slot: u32) {
        let Order {
            place,
            instrument,
            side,
            node,
            trail_node,
            ..
        } = self.orders[slot];
        self.orders[slot].place = Place::Nowhere;
        let market = &mut self.markets[instrument as usize];
        match place {
            Place::Nowhere => {}
            Place::Book => {
                self.touch(instrument, side, node);
                self.markets[instrument as usize].book.ladder_mut(side).remove(node);
            }
            Place::Stops => {
                market.stops_mut(side).remove(node);
                if trail_node != NIL {
                    market.trails_mut(side).remove(trail_node);
                    self.orders[slot].trail_node = NIL;
                }
            }
            Place::Waiting => market.waiting.retain(|&waiting| waiting != slot),
        }
    }

    /// The order leaves the engine. `ended`: how, as told to a sender who waits for it.
    fn remove(&mut self, slot: u32, status: OrderStatus, reason: Option<CloseReason>) {
        self.displace(slot);
        self.uncount(slot);
        let Order {
            id,
            age,
            account,
            position,
            time_in_force,
            request,
            older,
            newer,
            ..
        } = self.orders[slot];
        if self.work.watch == Some(id) {
            self.work.ended = Some(self.summary(slot, Some((status, reason))));
        }
        if self.work.counting && reason.is_some() {
            self.work.affected += 1;
        }
        if let Some(pass) = &mut self.work.pass {
            if pass.taker == crate::work::Taker::Order(slot) {
                pass.taker = crate::work::Taker::Gone;
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
            self.expiries.remove(&(time, age, slot));
        }
        if request != NIL && request != NEW_REQUEST {
            self.requests.ended(request, self.now);
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

    fn end(&mut self, slot: u32, status: OrderStatus, reason: CloseReason, events: &mut Events) {
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

    /// Cancels or expires an order; a filled part of an entry activates its legs.
    pub(crate) fn close(&mut self, slot: u32, status: OrderStatus, reason: CloseReason, events: &mut Events) {
        let (take_profit, stop_loss, sibling) = self.unlink_group(slot);
        let filled = self.orders[slot].filled;
        self.end(slot, status, reason, events);
        self.after_end(take_profit, stop_loss, sibling, filled, events);
    }

    /// Cancels or expires an order and its held legs with it, filled part or not (sweeps).
    pub(crate) fn close_with_legs(&mut self, slot: u32, status: OrderStatus, reason: CloseReason, events: &mut Events) {
        let (take_profit, stop_loss, sibling) = self.unlink_group(slot);
        self.end(slot, status, reason, events);
        for leg in [take_profit, stop_loss] {
            if leg != NIL {
                self.end(leg, status, reason, events);
            }
        }
        if sibling != NIL {
            self.end(sibling, OrderStatus::Canceled, CloseReason::SiblingDone, events);
        }
    }

    /// An order without anything left: its last trade told that it ended.
    pub(crate) fn filled(&mut self, slot: u32, events: &mut Events) {
        let (take_profit, stop_loss, sibling) = self.unlink_group(slot);
        let filled = self.orders[slot].filled;
        self.remove(slot, OrderStatus::Filled, None);
        self.after_end(take_profit, stop_loss, sibling, filled, events);
    }

    fn after_end(&mut self, take_profit: u32, stop_loss: u32, sibling: u32, filled: i64, events: &mut Events) {
        if sibling != NIL {
            self.end(sibling, OrderStatus::Canceled, CloseReason::SiblingDone, events);
        }
        if take_profit == NIL && stop_loss == NIL {
            return;
        }
        let leg = if take_profit == NIL { stop_loss } else { take_profit };
        let Order { position, side, .. } = self.orders[leg];
        let position = &self.ledger.positions[position as usize];
        let lots = filled.min((position.closing(side) - position.open(side)).max(0));
        if lots == 0 {
            let reason = if filled == 0 {
                CloseReason::ParentDone
            } else {
                CloseReason::ReduceOnly
            };
            for leg in [take_profit, stop_loss] {
                if leg != NIL {
                    self.end(leg, OrderStatus::Canceled, reason, events);
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
            self.arm(stop_loss);
            self.trigger_at_once(stop_loss, events);
        }
    }

    /// An active order waits for its pass, or for trading to go on.
    pub(crate) fn enqueue(&mut self, slot: u32) {
        let Order { instrument, age, .. } = self.orders[slot];
        if self.trading(instrument) {
            self.work.queue.push_back((age, slot));
        } else {
            self.orders[slot].place = Place::Waiting;
            self.markets[instrument as usize].waiting.push_back(slot);
        }
    }

    /// After a fill of `lots`: what is open of the order, its sibling, its end.
    pub(crate) fn after_fill(&mut self, slot: u32, lots: i64, events: &mut Events) {
        let order = &self.orders[slot];
        let (leaves, sibling) = (order.leaves(), order.sibling);
        if leaves == 0 {
            return self.filled(slot, events);
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

    /// Cancels the newest of the reduce-only orders that could do more than reduce (one unit of work).
    pub(crate) fn cut_reduce_only(&mut self, events: &mut Events) {
        let &(account, instrument, position) = &self.work.over_reduced[0];
        let Some(side) = self.ledger.positions[position as usize].over_reduced() else {
            self.work.over_reduced.pop_front();
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
        debug_assert!(false, "reduce-only lots without an order");
        self.work.over_reduced.pop_front();
    }
}
