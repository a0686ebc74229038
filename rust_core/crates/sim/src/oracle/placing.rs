//! The oracle's §4 and §6: place, replace, cancel.

use super::risk::{leg_ids, require, Draft};
use super::*;

/// Result of a command that was not refused: its order, and the number of orders that it ended.
pub(crate) type Applied = Result<(Option<Rank>, u32), Refusal>;

impl Oracle {
    /// R3.1 to R3.3.
    pub(crate) fn customer(&self, id: AccountId, allow_suspended: bool) -> Result<usize, Refusal> {
        let account = self.account_of(id).ok_or(Refusal::UnknownAccount)?;
        let a = &self.accounts[account];
        require(a.role == AccountRole::Customer, Refusal::UnknownAccount)?;
        require(a.state != AccountState::Closed, Refusal::AccountClosed)?;
        require(
            allow_suspended || a.state != AccountState::Suspended,
            Refusal::AccountSuspended,
        )?;
        Ok(account)
    }

    /// R4.6 for a new or replaced order.
    fn ordering_sender(&mut self, id: AccountId) -> Result<usize, Refusal> {
        let account = self.customer(id, false)?;
        self.check_rate(account, 1)?;
        self.sender = Some(account);
        Ok(account)
    }

    /// R4.6 for every other command of an account.
    pub(crate) fn other_sender(&mut self, id: AccountId, allow_suspended: bool) -> Result<usize, Refusal> {
        let account = self.customer(id, allow_suspended)?;
        self.check_rate(account, 2)?;
        self.sender = Some(account);
        Ok(account)
    }

    pub(crate) fn place(&mut self, p: &PlaceOrder) -> Applied {
        let account = self.ordering_sender(p.account)?;
        let book = self.book_of(p.symbol).ok_or(Refusal::UnknownSymbol)?;
        require(
            self.accounts[account].currency == self.books[book].spec.currency,
            Refusal::CurrencyMismatch,
        )?;
        self.check_shape(book, p)?;
        self.check_class(book, p)?;
        let free = |id: &OrderId| id.0 != 0 && !self.ids.contains_key(id);
        require(free(&p.order) && leg_ids(p).iter().all(free), Refusal::DuplicateOrderId)?;

        let best = self.reference(book);
        let stop = match (p.trail, best) {
            (Some(trail), Some(best)) => Some(self.trailing_stop(book, p.side, best, trail)),
            _ => p.stop_price.map(i128::from),
        };
        let is_oco = matches!(p.class, OrderClass::Oco(_));
        let reduce_only = p.reduce_only || is_oco;
        let draft = Draft {
            account,
            book,
            side: p.side,
            kind: p.kind,
            quantity: p.quantity.into(),
            limit: p.limit_price.map(i128::from),
            stop,
            reduce_only,
            post_only: p.post_only,
            legs: leg_ids(p).len() as u32,
            replaced: None,
            counted: true,
        };
        let admission = self.admit(&draft)?.expect("a new order is counted");

        let order = Order {
            rank: 0,
            id: p.order,
            account,
            symbol: book,
            side: p.side,
            kind: p.kind,
            time_in_force: p.time_in_force,
            quantity: draft.quantity,
            filled: 0,
            filled_notional: 0,
            limit: draft.limit,
            stop,
            trail: p.trail,
            best: best.unwrap_or(0),
            display: p.display_quantity.map(i128::from),
            post_only: p.post_only,
            reduce_only,
            prevention: p.self_trade_prevention,
            state: if stop.is_some() {
                State::Pending
            } else {
                State::Matching
            },
            triggered: false,
            stop_time: 0,
            best_time: 0,
            legs: Vec::new(),
            parent: None,
            sibling: None,
            adverse: admission.adverse,
            reserve_price: admission.reserve_price,
            fees: admission.fees,
            fees_due: 0,
            key: None,
        };
        let rank = self.accept(order.clone(), None);
        self.accept_legs(p, rank, order);
        let pending: Vec<Rank> = self
            .orders
            .range(rank..)
            .filter(|(_, o)| o.state == State::Pending)
            .map(|(rank, _)| *rank)
            .collect();
        for pending in pending {
            if self.condition_holds(pending) {
                self.trigger(pending);
            }
        }
        if self.orders.get(&rank).is_some_and(|o| o.state == State::Matching) {
            self.match_order(rank);
        }
        self.drain();
        Ok((Some(rank), 0))
    }

    /// Accepts the legs of the entry `order`, take-profit first (R4.49, R4.50).
    fn accept_legs(&mut self, p: &PlaceOrder, rank: Rank, order: Order) {
        let leg = Order {
            time_in_force: match p.class {
                OrderClass::Oco(_) => p.time_in_force,
                _ => TimeInForce::Gtc, // R5.44
            },
            limit: None,
            stop: None,
            trail: None,
            display: None,
            post_only: false,
            reduce_only: true,
            adverse: 0,
            ..order
        };
        match p.class {
            OrderClass::Simple => {}
            OrderClass::Oco(stop_loss) => {
                let leg = Self::stop_leg(&leg, stop_loss, State::Pending);
                let leg = self.accept(leg, Some(p.order));
                self.orders.get_mut(&leg).expect("just accepted").sibling = Some(rank);
                self.orders.get_mut(&rank).expect("just accepted").sibling = Some(leg);
            }
            OrderClass::Bracket(legs) | OrderClass::Oto(legs) => {
                let leg = Order {
                    side: opposite(p.side),
                    parent: Some(rank),
                    state: State::Held,
                    ..leg
                };
                let mut ranks = Vec::new();
                if let Some(t) = legs.take_profit {
                    let limit = Some(t.limit_price.into());
                    let leg = Order {
                        id: t.order,
                        kind: OrderKind::Limit,
                        limit,
                        ..leg.clone()
                    };
                    ranks.push(self.accept(leg, Some(p.order)));
                }
                if let Some(stop_loss) = legs.stop_loss {
                    let leg = Self::stop_leg(&leg, stop_loss, State::Held);
                    ranks.push(self.accept(leg, Some(p.order)));
                }
                self.orders.get_mut(&rank).expect("just accepted").legs = ranks;
            }
        }
    }

    fn stop_leg(leg: &Order, stop_loss: StopLoss, state: State) -> Order {
        Order {
            id: stop_loss.order,
            kind: if stop_loss.limit_price.is_some() {
                OrderKind::StopLimit
            } else {
                OrderKind::Stop
            },
            stop: Some(stop_loss.stop_price.into()),
            limit: stop_loss.limit_price.map(i128::from),
            state,
            ..leg.clone()
        }
    }

    pub(crate) fn accept(&mut self, order: Order, parent: Option<OrderId>) -> Rank {
        self.ranks += 1;
        let rank = self.ranks;
        let time = self.next_time();
        let order = Order {
            rank,
            stop_time: time,
            best_time: time,
            ..order
        };
        self.emit(Event::OrderAccepted(Accepted {
            order: order.id,
            account: self.accounts[order.account].id,
            symbol: self.books[order.symbol].spec.symbol,
            side: order.side,
            kind: order.kind,
            time_in_force: order.time_in_force,
            quantity: narrow(order.quantity),
            limit_price: narrow_option(order.limit),
            stop_price: narrow_option(order.stop),
            trail: order.trail,
            display_quantity: narrow_option(order.display),
            post_only: order.post_only,
            reduce_only: order.reduce_only,
            self_trade_prevention: order.prevention,
            parent,
            status: order.status(),
        }));
        self.ids.insert(order.id, rank);
        self.accounts[order.account].orders.insert(rank);
        self.orders.insert(rank, order);
        rank
    }

    fn own_open(&self, account: usize, id: OrderId) -> Result<Rank, Refusal> {
        let rank = *self.ids.get(&id).ok_or(Refusal::OrderNotOpen)?;
        require(self.orders[&rank].account == account, Refusal::OrderNotOpen)?;
        Ok(rank)
    }

    pub(crate) fn replace(&mut self, r: &ReplaceOrder) -> Applied {
        use OrderKind::*;
        let account = self.ordering_sender(r.account)?;
        let rank = self.own_open(account, r.order)?;
        let old = self.orders[&rank].clone();
        let fixed_size = old.state == State::Held || old.sibling.is_some() || old.parent.is_some();
        require(r.quantity.is_none() || !fixed_size, Refusal::OrderNotOpen)?;
        let any = r.quantity.is_some() || r.limit_price.is_some() || r.stop_price.is_some() || r.trail.is_some();
        require(any, Refusal::NothingToReplace)?;
        let book = old.symbol;
        self.check_replaced_fields(r, &old)?;
        let quantity = r.quantity.map_or(old.quantity, i128::from);
        let limit = r.limit_price.map(i128::from).or(old.limit);
        let trail = r.trail.or(old.trail);
        let stop = match r.trail {
            Some(trail) => Some(self.trailing_stop(book, old.side, old.best, trail)),
            None => r.stop_price.map(i128::from).or(old.stop),
        };
        let admission = self.admit(&Draft {
            account,
            book,
            side: old.side,
            kind: if old.kind == StopLimit && old.triggered {
                Limit
            } else {
                old.kind
            },
            quantity: quantity - old.filled,
            limit,
            stop,
            reduce_only: old.reduce_only,
            post_only: old.post_only,
            legs: 0,
            replaced: Some(rank),
            counted: old.counts(),
        })?;

        let time = self.next_time();
        let order = self.orders.get_mut(&rank).expect("found above");
        (order.quantity, order.limit, order.stop, order.trail) = (quantity, limit, stop, trail);
        if let Some(admission) = admission {
            order.adverse = admission.adverse;
            order.reserve_price = admission.reserve_price;
            order.fees = admission.fees;
        }
        let stop_moved = order.stop != old.stop || order.trail != old.trail;
        if stop_moved {
            (order.stop_time, order.best_time) = (time, time);
        }
        let leaves = order.leaves();
        self.emit(Event::OrderReplaced {
            order: old.id,
            account: r.account,
            quantity: narrow(quantity),
            limit_price: narrow_option(limit),
            stop_price: narrow_option(stop),
            trail,
        });
        match old.state {
            State::Resting => {
                let slots = self.side_mut(book, old.side);
                let index = slots
                    .iter()
                    .position(|s| s.owner == Owner::User(rank))
                    .expect("resting orders have a slot");
                if limit == old.limit && quantity <= old.quantity {
                    slots[index].shown = slots[index].shown.min(leaves);
                } else {
                    slots.remove(index);
                    self.match_order(rank);
                }
            }
            State::Pending if stop_moved && self.condition_holds(rank) => self.trigger(rank),
            _ => {}
        }
        self.drain();
        Ok((Some(rank), 0))
    }

    /// R6.4 to R6.7.
    fn check_replaced_fields(&self, r: &ReplaceOrder, old: &Order) -> Result<(), Refusal> {
        use OrderKind::*;
        let book = old.symbol;
        if let Some(quantity) = r.quantity {
            self.check_quantity(book, quantity)?;
        }
        if let Some(price) = r.limit_price {
            require(matches!(old.kind, Limit | StopLimit), Refusal::LimitPriceNotAllowed)?;
            self.check_price(book, price)?;
        }
        if let Some(price) = r.stop_price {
            let allowed = matches!(old.kind, Stop | StopLimit) && !old.triggered;
            require(allowed, Refusal::StopPriceNotAllowed)?;
            self.check_price(book, price)?;
        }
        if let Some(trail) = r.trail {
            require(old.kind == TrailingStop && !old.triggered, Refusal::TrailNotAllowed)?;
            self.check_trail(book, trail)?;
            let stop = self.trailing_stop(book, old.side, old.best, trail);
            let in_range = stop >= self.books[book].spec.tick.into() && stop <= MAX_PRICE.into();
            require(in_range, Refusal::TrailOutOfRange)?;
        }
        let quantity = r.quantity.map_or(old.quantity, i128::from);
        require(quantity > old.filled, Refusal::QuantityBelowFilled)?;
        let refills = old
            .display
            .is_none_or(|display| quantity - old.filled <= MAX_REFILLS * display);
        require(refills, Refusal::DisplayQuantityNotAllowed)
    }

    pub(crate) fn cancel(&mut self, account: AccountId, id: OrderId) -> Applied {
        let account = self.other_sender(account, true)?;
        let rank = self.own_open(account, id)?;
        self.finish(rank, OrderStatus::Canceled, CloseReason::ByUser);
        self.drain();
        Ok((Some(rank), 0))
    }

    pub(crate) fn cancel_all(&mut self, account: AccountId, symbol: Option<Symbol>) -> Applied {
        let account = self.other_sender(account, true)?;
        let book = match symbol {
            Some(symbol) => Some(self.book_of(symbol).ok_or(Refusal::UnknownSymbol)?),
            None => None,
        };
        let before = self.closed_count;
        let ranks: Vec<Rank> = self.accounts[account]
            .orders
            .iter()
            .copied()
            .filter(|rank| book.is_none_or(|book| self.orders[rank].symbol == book))
            .collect();
        self.sweep(&ranks, OrderStatus::Canceled, CloseReason::CancelAll);
        let affected = self.closed_count - before;
        self.drain();
        Ok((None, affected))
    }
}
