//! Replacing and cancelling orders.
//!
//! The engine checks a replace as if the remaining quantity were a new order (R6.8). It first releases
//! everything that the order holds. Only a smaller quantity at the same price keeps the place in the queue
//! (R6.12).

use crate::engine::Engine;
use crate::orders::{Location, Order};
use crate::risk::{Candidate, Released};
use crate::shape;
use crate::types::*;
use crate::work::{FollowUp, Job};
use crate::Events;

/// An order as it would be after a replace, in ticks and lots.
struct Change {
    slot: u32,
    /// New total quantity.
    quantity: i64,
    limit: i64,
    stop: i64,
    trail: Option<Trail>,
}

impl Engine {
    fn own_order(&self, account: u32, id: OrderId) -> Result<u32, Refusal> {
        let slot = self.orders.find(id).ok_or(Refusal::OrderNotOpen)?;
        if self.orders[slot].account != account {
            return Err(Refusal::OrderNotOpen);
        }
        Ok(slot)
    }

    /// R6.1 to R6.7: the account, the order, and the fields that change.
    fn check_replace(&self, replace: &ReplaceOrder) -> Result<Change, Refusal> {
        let account = self.ordering_sender(replace.account, self.now)?;
        let slot = self.own_order(account, replace.order)?;
        let order = &self.orders[slot];
        let linked = order.sibling != crate::ladder::NIL || order.parent != crate::ladder::NIL;
        let prices_only = order.status == OrderStatus::Held || linked;
        if prices_only && replace.quantity.is_some() {
            return Err(Refusal::OrderNotOpen);
        }
        if replace.quantity.is_none()
            && replace.limit_price.is_none()
            && replace.stop_price.is_none()
            && replace.trail.is_none()
        {
            return Err(Refusal::NothingToReplace);
        }
        let market = &self.markets[order.instrument as usize];
        let waits = matches!(order.status, OrderStatus::Held | OrderStatus::Pending);
        let mut change = Change {
            slot,
            quantity: order.quantity,
            limit: order.limit,
            stop: order.stop,
            trail: order.trail,
        };
        if let Some(quantity) = replace.quantity {
            change.quantity = shape::quantity(market, quantity)?;
        }
        if let Some(limit) = replace.limit_price {
            if !shape::takes_limit(order.kind) {
                return Err(Refusal::LimitPriceNotAllowed);
            }
            change.limit = shape::price(market, limit)?;
        }
        if let Some(stop) = replace.stop_price {
            if !shape::takes_stop(order.kind) || !waits {
                return Err(Refusal::StopPriceNotAllowed);
            }
            change.stop = shape::price(market, stop)?;
        }
        if let Some(trail) = replace.trail {
            if order.kind != OrderKind::TrailingStop || !waits {
                return Err(Refusal::TrailNotAllowed);
            }
            shape::trail(market, trail)?;
            change.stop = market.trailed(order.side, order.best, trail);
            if !(1..=MAX_PRICE / market.tick).contains(&change.stop) {
                return Err(Refusal::TrailOutOfRange);
            }
            change.trail = Some(trail);
        }
        if change.quantity <= order.filled {
            return Err(Refusal::QuantityBelowFilled);
        }
        if order.display > 0 && shape::too_many_refills(change.quantity - order.filled, order.display) {
            return Err(Refusal::DisplayQuantityNotAllowed);
        }
        Ok(change)
    }

    pub(crate) fn replace(&mut self, replace: &ReplaceOrder, events: &mut Events) {
        if !self.admit_request(replace.request, events) {
            return;
        }
        let change = match self.check_replace(replace) {
            Ok(change) => change,
            Err(reason) => {
                self.work.sender = self.ordering_sender(replace.account, self.now).ok();
                return self.refuse(reason, events);
            }
        };
        self.work.sender = self.ledger.find(replace.account);
        let Order {
            account,
            instrument,
            side,
            kind,
            status,
            reduce_only,
            post_only,
            counted,
            filled,
            cover,
            reserve_price,
            fee_credit,
            ..
        } = self.orders[change.slot];
        let left = change.quantity - filled;
        // A triggered stop-limit is checked as a limit (R6.10).
        let kind = if status == OrderStatus::New && shape::takes_limit(kind) {
            OrderKind::Limit
        } else {
            kind
        };
        let mut candidate = Candidate {
            account,
            instrument,
            side,
            kind,
            lots: left,
            limit: change.limit,
            stop: change.stop,
            trail: None,
            reduce_only,
            post_only,
            oco: false,
            orders: 0,
            full_quantity: left * self.markets[instrument as usize].lot,
            fee_credit,
        };
        let reference = match self.admit_market(&mut candidate) {
            Ok(reference) => reference,
            Err(reason) => return self.refuse(reason, events),
        };
        let before = self.orders[change.slot];
        if counted {
            let open = before.leaves();
            let released = if reduce_only {
                Released {
                    open,
                    reducing: open,
                    ..Released::default()
                }
            } else {
                Released {
                    open,
                    reducing: 0,
                    exposure: self.markets[instrument as usize].notional(reserve_price, open),
                    cover,
                }
            };
            let admission = match self.admit_risk(&candidate, released, reference) {
                Ok(admission) => admission,
                Err(reason) => return self.refuse(reason, events),
            };
            self.uncount(change.slot);
            let order = &mut self.orders[change.slot];
            order.adverse = admission.adverse;
            order.reserve_price = admission.reserve_price;
            (order.maker_ppm, order.taker_ppm) = admission.fees;
        }
        let order = &mut self.orders[change.slot];
        order.quantity = change.quantity;
        order.limit = change.limit;
        order.stop = change.stop;
        order.trail = change.trail;
        if counted {
            self.count(change.slot);
        }
        self.emit_replaced(change.slot, events);
        self.work.result_order_id = Some(replace.order);
        self.relocate(change.slot, before, events);
    }

    pub(crate) fn emit_replaced(&self, slot: u32, events: &mut Events) {
        let order = &self.orders[slot];
        let market = &self.markets[order.instrument as usize];
        events.push(Event::OrderReplaced {
            order: order.id,
            account: self.ledger.accounts[order.account as usize].id,
            quantity: order.quantity * market.lot,
            limit_price: market.price(order.limit),
            stop_price: market.price(order.stop),
            trail: order.trail,
        });
    }

    /// Moves the order to the place that its new prices and quantity require (R6.12 to R6.14).
    fn relocate(&mut self, slot: u32, before: Order, events: &mut Events) {
        let order = self.orders[slot];
        match order.location {
            Location::Stops => {
                if order.stop != before.stop || order.trail != before.trail {
                    self.detach(slot);
                    self.add_stop(slot);
                    self.trigger_if_reached(slot, events);
                }
            }
            Location::Book => {
                if order.limit == before.limit && order.quantity <= before.quantity {
                    self.touch(order.instrument, order.side, order.node);
                    let ladder = self.markets[order.instrument as usize].book.ladder_mut(order.side);
                    ladder.shrink(order.node, order.leaves());
                } else {
                    self.detach(slot);
                    self.start_pass(slot, events);
                }
            }
            Location::Detached | Location::Waiting => {}
        }
    }

    pub(crate) fn cancel(&mut self, account: AccountId, id: OrderId, request: Option<Request>, events: &mut Events) {
        if !self.admit_request(request, events) {
            return;
        }
        let sender = self.other_sender(self.customer(account));
        match sender.and_then(|account| self.own_order(account, id)) {
            Ok(slot) => {
                self.work.result_order_id = Some(id);
                self.close(slot, OrderStatus::Canceled, CloseReason::ByUser, events);
            }
            Err(reason) => self.refuse(reason, events),
        }
    }

    pub(crate) fn cancel_all(
        &mut self,
        account: AccountId,
        symbol: Option<Symbol>,
        request: Option<Request>,
        events: &mut Events,
    ) {
        if !self.admit_request(request, events) {
            return;
        }
        let found = self
            .other_sender(self.customer(account))
            .and_then(|account| match symbol {
                None => Ok((account, None)),
                Some(symbol) => Ok((account, Some(self.find_symbol(symbol).ok_or(Refusal::UnknownSymbol)?))),
            });
        match found {
            Ok((account, instrument)) => {
                self.work.count_closed = true;
                self.sweep_account(account, instrument);
                self.work.job = Job::Sweep {
                    at: 0,
                    reason: CloseReason::CancelAll,
                    follow_up: FollowUp::None,
                };
            }
            Err(reason) => self.refuse(reason, events),
        }
    }

    /// Collects the open orders of an account (in one instrument, if given) for a sweep, oldest first.
    pub(crate) fn sweep_account(&mut self, account: u32, instrument: Option<u32>) {
        self.work.sweep.clear();
        let mut slot = self.ledger.accounts[account as usize].oldest;
        while slot != crate::ladder::NIL {
            let order = &self.orders[slot];
            if instrument.is_none_or(|instrument| order.instrument == instrument) {
                self.work.sweep.push((order.acceptance, slot));
            }
            slot = order.newer;
        }
    }
}
