//! Placing an order: the checks in their order, then acceptance, then the order's first pass.

use crate::engine::{Engine, UNSTORED_REQUEST};
use crate::ladder::NIL;
use crate::orders::{Order, BLANK};
use crate::risk::{Admission, Candidate, Released};
use crate::shape::{self, Leg, OrderLegs};
use crate::types::*;
use crate::Events;

impl Engine {
    /// R3.1 and R3.2: the slot of a customer's account that is not closed.
    pub(crate) fn customer(&self, account: AccountId) -> Result<u32, Refusal> {
        let slot = self.ledger.find(account).ok_or(Refusal::UnknownAccount)?;
        let owner = &self.ledger.accounts[slot as usize];
        if owner.role == AccountRole::House {
            return Err(Refusal::UnknownAccount);
        }
        if owner.state == AccountState::Closed {
            return Err(Refusal::AccountClosed);
        }
        Ok(slot)
    }

    pub(crate) fn active_customer(&self, account: AccountId) -> Result<u32, Refusal> {
        let slot = self.customer(account)?;
        if self.ledger.accounts[slot as usize].state == AccountState::Suspended {
            return Err(Refusal::AccountSuspended);
        }
        Ok(slot)
    }

    /// R3.1 to R3.3, then the rate (R4.30): the account of a new or replaced order.
    pub(crate) fn ordering_sender(&self, account: AccountId, now: Timestamp) -> Result<u32, Refusal> {
        let slot = self.active_customer(account)?;
        self.admit_rate(slot, now, 1)?;
        Ok(slot)
    }

    /// The sender of any other command, of which an account has twice its rate (R4.31).
    pub(crate) fn other_sender(&mut self, account: Result<u32, Refusal>) -> Result<u32, Refusal> {
        let slot = account?;
        self.admit_rate(slot, self.now, 2)?;
        self.work.sender = Some(slot);
        Ok(slot)
    }

    /// R4.6 to R4.29. Returns the candidate, its legs, the displayed lots and the reference price.
    #[inline(always)]
    pub(crate) fn check_place(
        &self,
        now: Timestamp,
        order: &PlaceOrder,
    ) -> Result<(Candidate, OrderLegs, i64, Option<i64>), Refusal> {
        let account = self.ordering_sender(order.account, now)?;
        let instrument = self.find_symbol(order.symbol).ok_or(Refusal::UnknownSymbol)?;
        let market = &self.markets[instrument as usize];
        if self.ledger.accounts[account as usize].currency != market.currency {
            return Err(Refusal::CurrencyMismatch);
        }
        let (lots, limit, stop, display) = shape::order(market, now, order)?;
        let legs = shape::legs(market, order, limit)?;
        for id in [
            Some(order.order),
            legs.0.map(|leg| leg.order),
            legs.1.map(|leg| leg.order),
        ]
        .into_iter()
        .flatten()
        {
            if id == OrderId(0) || self.orders.find(id).is_some() {
                return Err(Refusal::DuplicateOrderId);
            }
        }
        let mut candidate = Candidate {
            account,
            instrument,
            side: order.side,
            kind: order.kind,
            lots,
            limit,
            stop,
            trail: order.trail,
            reduce_only: order.reduce_only,
            post_only: order.post_only,
            oco: matches!(order.class, OrderClass::Oco(_)),
            orders: 1 + u32::from(legs.0.is_some()) + u32::from(legs.1.is_some()),
            full_quantity: order.quantity,
            fee_credit: 0,
        };
        let reference = self.admit_market(&mut candidate)?;
        Ok((candidate, legs, display, reference))
    }

    pub(crate) fn place(&mut self, order: &PlaceOrder, events: &mut Events) {
        if !self.admit_request(order.request, events) {
            if self.work.refusal == Some(Refusal::IdempotencyConflict) {
                let first = order.request.and_then(|request| self.first_result(request.key));
                self.work.refused_order = first.and_then(|first| first.order);
            }
            return;
        }
        let (candidate, legs, display, reference) = match self.check_place(self.now, order) {
            Ok(checked) => checked,
            Err(reason) => {
                self.work.sender = self.ordering_sender(order.account, self.now).ok();
                return self.refuse_order(order, reason, events);
            }
        };
        self.work.sender = Some(candidate.account);
        match self.admit_risk(&candidate, Released::default(), reference) {
            Ok(admission) => {
                if let Some(call) = self.after_checks {
                    call();
                }
                self.accept(order, &candidate, legs, display, reference, admission, events)
            }
            Err(reason) => self.refuse_order(order, reason, events),
        }
    }

    fn refuse_order(&mut self, order: &PlaceOrder, reason: Refusal, events: &mut Events) {
        self.refuse(reason, events);
        // With these reasons the order's id or account is not the sender's own.
        if !matches!(reason, Refusal::UnknownAccount | Refusal::DuplicateOrderId) {
            self.work.refused_order = Some(OrderSummary {
                order: order.order,
                status: OrderStatus::Rejected,
                reason: None,
                quantity: order.quantity,
                filled: 0,
                filled_notional: 0,
            });
        }
    }

    #[allow(clippy::too_many_arguments)] // results of the checks; only this function needs all of them
    fn accept(
        &mut self,
        order: &PlaceOrder,
        candidate: &Candidate,
        legs: OrderLegs,
        display: i64,
        reference: Option<i64>,
        admission: Admission,
        events: &mut Events,
    ) {
        let Candidate {
            account,
            instrument,
            side,
            kind,
            lots,
            oco,
            ..
        } = *candidate;
        let waits = matches!(kind, OrderKind::Stop | OrderKind::StopLimit | OrderKind::TrailingStop);
        let position = self.ledger.position_or_new(account, instrument);
        let slot = self.insert_order(Order {
            id: order.order,
            account,
            instrument,
            position,
            side,
            kind,
            time_in_force: order.time_in_force,
            self_trade: order.self_trade_prevention,
            status: if waits { OrderStatus::Pending } else { OrderStatus::New },
            post_only: order.post_only,
            reduce_only: order.reduce_only || oco,
            quantity: lots,
            limit: candidate.limit,
            stop: candidate.stop,
            best: if order.trail.is_some() {
                reference.unwrap_or(0)
            } else {
                0
            },
            trail: order.trail,
            display,
            adverse: admission.adverse,
            reserve_price: admission.reserve_price,
            maker_ppm: admission.fees.0,
            taker_ppm: admission.fees.1,
            request: if order.request.is_some() { UNSTORED_REQUEST } else { NIL },
            ..BLANK
        });
        self.work.result_order_id = Some(order.order);
        self.count(slot);
        self.emit_accepted(slot, None, events);
        let held = if oco { OrderStatus::Pending } else { OrderStatus::Held };
        let take_profit = legs
            .0
            .map_or(NIL, |leg| self.insert_leg(slot, leg, OrderKind::Limit, held, events));
        let stop_loss = legs.1.map_or(NIL, |leg| {
            let kind = if leg.limit > 0 {
                OrderKind::StopLimit
            } else {
                OrderKind::Stop
            };
            self.insert_leg(slot, leg, kind, held, events)
        });
        let acceptance = self.orders[slot].acceptance;
        if oco {
            self.orders[slot].sibling = stop_loss;
            let leg = &mut self.orders[stop_loss];
            leg.sibling = slot;
            leg.parent = NIL;
            self.add_stop(stop_loss);
            self.trigger_if_reached(stop_loss, events);
        } else {
            self.orders[slot].take_profit = take_profit;
            self.orders[slot].stop_loss = stop_loss;
        }
        if waits {
            self.add_stop(slot);
            self.trigger_if_reached(slot, events);
        } else if self.orders.is_current(slot, acceptance) {
            self.start_pass(slot, events);
        }
    }

    fn insert_leg(&mut self, entry: u32, leg: Leg, kind: OrderKind, status: OrderStatus, events: &mut Events) -> u32 {
        let parent = self.orders[entry];
        let oco = status == OrderStatus::Pending;
        let slot = self.insert_order(Order {
            id: leg.order,
            account: parent.account,
            instrument: parent.instrument,
            position: parent.position,
            side: if oco { parent.side } else { parent.side.opposite() },
            kind,
            // Legs protect a position, which does not end with the day (R5.44).
            time_in_force: if oco { parent.time_in_force } else { TimeInForce::Gtc },
            self_trade: parent.self_trade,
            status,
            reduce_only: true,
            quantity: parent.quantity,
            limit: leg.limit,
            stop: leg.stop,
            parent: entry,
            maker_ppm: parent.maker_ppm,
            taker_ppm: parent.taker_ppm,
            ..BLANK
        });
        self.emit_accepted(slot, Some(parent.id), events);
        slot
    }

    pub(crate) fn emit_accepted(&self, slot: u32, parent: Option<OrderId>, events: &mut Events) {
        let order = &self.orders[slot];
        let market = &self.markets[order.instrument as usize];
        events.push(Event::OrderAccepted(Accepted {
            order: order.id,
            account: self.ledger.accounts[order.account as usize].id,
            symbol: self.definitions[order.instrument as usize].symbol,
            side: order.side,
            kind: order.kind,
            time_in_force: order.time_in_force,
            quantity: order.quantity * market.lot,
            limit_price: market.price(order.limit),
            stop_price: market.price(order.stop),
            trail: order.trail,
            display_quantity: (order.display > 0).then_some(order.display * market.lot),
            post_only: order.post_only,
            reduce_only: order.reduce_only,
            self_trade_prevention: order.self_trade,
            parent,
            status: order.status,
        }));
    }
}
