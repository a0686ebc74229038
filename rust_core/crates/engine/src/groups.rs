//! How orders enter and leave the engine, and what that means for their legs and siblings.
//!
//! # Terms
//! An entry (bracket, OTO) has up to two *held legs*. Its first fill makes them active with the filled
//! quantity, but with no more than is left to close; each further fill lets them grow. Legs that are held
//! until the entry ends, end with it. Two active legs, and the two orders of an OCO, are *siblings*. When
//! one of them ends, or when the stop-loss is triggered, the other ends. A partial fill of one reduces the
//! other. A fill, the trigger or the end of an active leg ends an entry that still works.
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

/// The group of an order that ends. `entry`: the working entry of an active leg.
struct Links {
    entry: u32,
    take_profit: u32,
    stop_loss: u32,
    sibling: u32,
}

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

    /// Removes the order's links to its group, and returns them.
    fn unlink_group(&mut self, slot: u32) -> Links {
        let Order {
            parent,
            status,
            take_profit,
            stop_loss,
            sibling,
            ..
        } = self.orders[slot];
        self.unlink_entry(slot);
        if sibling != NIL {
            self.orders[sibling].sibling = NIL;
        }
        for leg in [take_profit, stop_loss] {
            if leg != NIL {
                self.orders[leg].parent = NIL;
            }
        }
        Links {
            entry: if status == OrderStatus::Held { NIL } else { parent },
            take_profit,
            stop_loss,
            sibling,
        }
    }

    /// Removes the links between a leg and its entry. Returns the entry.
    pub(crate) fn unlink_entry(&mut self, leg: u32) -> u32 {
        let parent = std::mem::replace(&mut self.orders[leg].parent, NIL);
        if parent != NIL {
            let entry = &mut self.orders[parent];
            if entry.take_profit == leg {
                entry.take_profit = NIL;
            } else {
                entry.stop_loss = NIL;
            }
        }
        parent
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

    /// Cancels or expires an order, with the consequences for its group.
    pub(crate) fn close(&mut self, slot: u32, status: OrderStatus, reason: CloseReason, events: &mut Events) {
        let links = self.unlink_group(slot);
        let filled = self.orders[slot].filled;
        self.close_order(slot, status, reason, events);
        self.after_close(links, filled, None, events);
    }

    /// Cancels or expires an order. Legs that are still held end as it does (R6.19). Sweeps use it.
    pub(crate) fn close_with_legs(&mut self, slot: u32, status: OrderStatus, reason: CloseReason, events: &mut Events) {
        let links = self.unlink_group(slot);
        let filled = self.orders[slot].filled;
        self.close_order(slot, status, reason, events);
        self.after_close(links, filled, Some((status, reason)), events);
    }

    /// Ends an order that is completely filled. It has no `OrderClosed` event: its last trade has `leaves`
    /// 0.
    pub(crate) fn close_filled(&mut self, slot: u32, events: &mut Events) {
        let links = self.unlink_group(slot);
        let filled = self.orders[slot].filled;
        self.remove(slot, OrderStatus::Filled, None);
        self.after_close(links, filled, None, events);
    }

    /// The consequences for the group of an order that ended. `held`: how its held legs end, if not by R5.38.
    fn after_close(
        &mut self,
        links: Links,
        filled: i64,
        held: Option<(OrderStatus, CloseReason)>,
        events: &mut Events,
    ) {
        if links.sibling != NIL {
            self.unlink_group(links.sibling);
            self.close_order(links.sibling, OrderStatus::Canceled, CloseReason::SiblingDone, events);
        }
        self.cancel_entry(links.entry, events);
        if self.grow_legs(links.take_profit, links.stop_loss, filled, events) {
            return;
        }
        let (status, reason) = held.unwrap_or((
            OrderStatus::Canceled,
            if filled == 0 {
                CloseReason::ParentDone
            } else {
                CloseReason::ReduceOnly
            },
        ));
        for leg in [links.take_profit, links.stop_loss] {
            if leg != NIL {
                self.close_order(leg, status, reason, events);
            }
        }
    }

    /// Cancels what is left of the entry of an active leg (R5.42).
    pub(crate) fn cancel_entry(&mut self, entry: u32, events: &mut Events) {
        // An entry without remainder ends by the fill that is being processed.
        if entry != NIL && self.orders[entry].leaves() > 0 {
            self.close(entry, OrderStatus::Canceled, CloseReason::SiblingDone, events);
        }
    }

    /// Legs protect what their entry has filled, as far as it is left to close (R5.37, R5.39). Returns false if they
    /// are still held.
    pub(crate) fn grow_legs(&mut self, take_profit: u32, stop_loss: u32, filled: i64, events: &mut Events) -> bool {
        let leg = if take_profit == NIL { stop_loss } else { take_profit };
        if leg == NIL {
            return true;
        }
        let Order {
            position,
            side,
            status,
            quantity,
            ..
        } = self.orders[leg];
        let active = status != OrderStatus::Held;
        let protected = if active { quantity } else { 0 };
        let position = &self.ledger.positions[position as usize];
        let lots = (filled - protected).min(position.closable(side) - position.open(side));
        // A complete leg ends by the fill that is being processed.
        if lots <= 0 || self.orders[leg].leaves() == 0 {
            return active;
        }
        if !active {
            self.activate_legs(take_profit, stop_loss, lots, events);
            return true;
        }
        for leg in [take_profit, stop_loss] {
            if leg == NIL {
                continue;
            }
            self.orders[leg].quantity += lots;
            if self.orders[leg].counted {
                self.change_open(leg, lots);
            }
            self.emit_adjusted(leg, events);
        }
        // A larger order loses its place (R6.13).
        if take_profit != NIL && self.orders[take_profit].location == Location::Book {
            self.detach(take_profit);
            self.enqueue(take_profit);
        }
        true
    }

    fn emit_adjusted(&self, slot: u32, events: &mut Events) {
        let order = &self.orders[slot];
        let market = &self.markets[order.instrument as usize];
        events.push(Event::OrderAdjusted {
            order: order.id,
            account: self.ledger.accounts[order.account as usize].id,
            quantity: order.quantity * market.lot,
            stop_price: market.price(order.stop),
        });
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

    /// Consequences of a fill of `lots`: ends a complete order, lets the legs of an entry grow, or reduces the sibling
    /// of a leg and ends its entry. The legs of a taker grow when its pass ends (R5.37).
    pub(crate) fn after_fill(&mut self, slot: u32, lots: i64, is_taker: bool, events: &mut Events) {
        let Order {
            sibling,
            parent,
            take_profit,
            stop_loss,
            filled,
            ..
        } = self.orders[slot];
        if self.orders[slot].leaves() == 0 {
            return self.close_filled(slot, events);
        }
        if !is_taker {
            self.grow_legs(take_profit, stop_loss, filled, events);
        }
        if sibling != NIL {
            self.orders[sibling].quantity -= lots;
            self.emit_adjusted(sibling, events);
        }
        self.cancel_entry(parent, events);
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
