//! The open orders, kept from the events of the journal, and the messages about their changes.
use cift_engine::{Accepted, Command, Engine, Event, Fill, OrderId, OrderState, OrderStatus, Refusal};
use cift_wire::account::{Order, OrderChange, OrderClassName, OrderTerms};
use cift_wire::market::Origin;
use cift_wire::Envelope;
use std::collections::HashMap;

#[derive(Default)]
pub struct OpenOrders(HashMap<OrderId, OrderState>);

impl OpenOrders {
    /// Copies the open orders of the engine.
    pub fn of(engine: &Engine) -> OpenOrders {
        let states = engine.open_order_states().into_iter();
        OpenOrders(states.map(|state| (state.order, state)).collect())
    }

    /// The order after one side of a trade.
    pub fn fill(&mut self, fill: &Fill) -> Option<Order> {
        let state = self.0.get_mut(&fill.order)?;
        state.filled = fill.filled;
        state.filled_notional = fill.filled_notional;
        state.quantity = fill.filled + fill.leaves;
        state.status = if fill.leaves > 0 {
            OrderStatus::PartiallyFilled
        } else {
            OrderStatus::Filled
        };
        let message = message_of(OrderChange::Filled, state);
        if fill.leaves == 0 {
            self.0.remove(&fill.order);
        }
        Some(message)
    }

    /// The order after an event; `None` for an event that is not about an order. Fills: [`OpenOrders::fill`].
    pub fn apply(&mut self, envelope: &Envelope<'_>, event: &Event) -> Option<Order> {
        let (id, change) = match *event {
            Event::OrderAccepted(accepted) => {
                let state = OrderState {
                    order: accepted.order,
                    account: accepted.account,
                    status: accepted.status,
                    quantity: accepted.quantity,
                    filled: 0,
                    filled_notional: 0,
                    limit_price: accepted.limit_price,
                    stop_price: accepted.stop_price,
                    trail: accepted.trail,
                };
                self.0.insert(accepted.order, state);
                let terms = Some(accepted_terms(envelope, &accepted));
                return Some(Order {
                    terms,
                    ..message_of(OrderChange::Accepted, &state)
                });
            }
            Event::Refused { reason } => return refused_message(envelope, reason),
            Event::OrderActivated { order, .. } => (order, OrderChange::Activated),
            Event::OrderAdjusted { order, .. } => (order, OrderChange::Adjusted),
            Event::OrderReplaced { order, .. } => (order, OrderChange::Replaced),
            Event::OrderClosed { order, .. } => (order, OrderChange::Closed),
            _ => return None,
        };
        let state = self.0.get_mut(&id)?;
        let mut message_reason = None;
        match *event {
            Event::OrderActivated { status, quantity, .. } => {
                state.status = status;
                state.quantity = quantity;
            }
            Event::OrderAdjusted {
                quantity, stop_price, ..
            } => {
                state.quantity = quantity;
                state.stop_price = stop_price.or(state.stop_price);
            }
            Event::OrderReplaced {
                quantity,
                limit_price,
                stop_price,
                trail,
                ..
            } => {
                state.quantity = quantity;
                state.limit_price = limit_price.or(state.limit_price);
                state.stop_price = stop_price.or(state.stop_price);
                state.trail = trail.or(state.trail);
            }
            Event::OrderClosed { status, reason, .. } => {
                state.status = status;
                message_reason = Some(reason);
            }
            _ => {}
        }
        let message = Order {
            reason: message_reason,
            ..message_of(change, state)
        };
        if change == OrderChange::Closed {
            self.0.remove(&id);
        }
        Some(message)
    }
}

/// The message about an order in this state, without its origin and terms.
fn message_of(change: OrderChange, state: &OrderState) -> Order {
    Order {
        origin: Origin::default(),
        change,
        account: state.account,
        order: state.order,
        terms: None,
        status: state.status,
        reason: None,
        refusal: None,
        quantity: state.quantity,
        filled: state.filled,
        filled_notional: state.filled_notional,
        limit_price: state.limit_price,
        stop_price: state.stop_price,
        trail: state.trail,
    }
}

fn accepted_terms(envelope: &Envelope<'_>, accepted: &Accepted) -> OrderTerms {
    // The command of a leg is that of its entry.
    let (class, legs) = match &envelope.command {
        Command::PlaceOrder(place) => OrderClassName::of(&place.class),
        _ => (OrderClassName::Simple, [None, None]),
    };
    let is_entry = matches!(&envelope.command, Command::PlaceOrder(place) if place.order == accepted.order);
    OrderTerms {
        client_order_id: if is_entry {
            envelope.meta.client_order_id.to_owned()
        } else {
            String::new()
        },
        symbol: accepted.symbol,
        side: accepted.side,
        kind: accepted.kind,
        time_in_force: accepted.time_in_force,
        display_quantity: accepted.display_quantity,
        post_only: accepted.post_only,
        reduce_only: accepted.reduce_only,
        self_trade_prevention: accepted.self_trade_prevention,
        parent: accepted.parent,
        class,
        legs: if is_entry { legs } else { [None, None] },
    }
}

/// The message about an order that was refused; `None` for another command, and where the order's id or account is
/// not the sender's own.
fn refused_message(envelope: &Envelope<'_>, reason: Refusal) -> Option<Order> {
    let Command::PlaceOrder(place) = &envelope.command else {
        return None;
    };
    if matches!(
        reason,
        Refusal::IdempotencyConflict | Refusal::DuplicateOrderId | Refusal::UnknownAccount
    ) {
        return None;
    }
    Some(Order {
        origin: Origin::default(),
        change: OrderChange::Refused,
        account: place.account,
        order: place.order,
        terms: Some(OrderTerms {
            client_order_id: envelope.meta.client_order_id.to_owned(),
            symbol: place.symbol,
            side: place.side,
            kind: place.kind,
            time_in_force: place.time_in_force,
            display_quantity: place.display_quantity,
            post_only: place.post_only,
            reduce_only: place.reduce_only,
            self_trade_prevention: place.self_trade_prevention,
            parent: None,
            class: OrderClassName::of(&place.class).0,
            legs: [None, None],
        }),
        status: OrderStatus::Rejected,
        reason: None,
        refusal: Some(reason),
        quantity: place.quantity,
        filled: 0,
        filled_notional: 0,
        limit_price: place.limit_price,
        stop_price: place.stop_price,
        trail: place.trail,
    })
}
