//! The oracle's §5 (groups) and §6 (sweeps): how orders end, and the effects on legs, siblings and
//! reduce-only orders.

use super::*;

impl Oracle {
    /// R5.37, R5.40 and R5.42: the effects of a fill of `quantity` on the order's group.
    pub(crate) fn after_fill(&mut self, rank: Rank, quantity: i128, is_taker: bool) {
        let Some(order) = self.orders.get(&rank) else { return };
        if order.leaves() == 0 {
            self.end_order(rank, OrderStatus::Filled, None, false);
            return;
        }
        let (parent, sibling) = (order.parent, order.sibling);
        if !is_taker {
            let order = order.clone();
            self.grow_legs(&order);
        }
        if let Some(sibling) = sibling {
            let other = self.orders.get_mut(&sibling).expect("siblings are open");
            other.quantity -= quantity;
            assert!(other.leaves() > 0, "the orders of a pair have the same leaves");
            self.emit_adjusted(sibling);
        }
        if let Some(parent) = parent {
            self.cancel_entry(parent);
        }
    }

    fn emit_adjusted(&mut self, rank: Rank) {
        let o = &self.orders[&rank];
        let event = Event::OrderAdjusted {
            order: o.id,
            account: self.accounts[o.account].id,
            quantity: narrow(o.quantity),
            stop_price: narrow_option(o.stop),
        };
        self.emit(event);
    }

    /// R5.42: cancels what is left of an entry.
    pub(crate) fn cancel_entry(&mut self, entry: Rank) {
        if self.orders.get(&entry).is_some_and(|o| o.leaves() > 0) {
            self.finish(entry, OrderStatus::Canceled, CloseReason::SiblingDone);
        }
    }

    pub(crate) fn trim_reduce_only(&mut self, account: usize, book: usize) {
        for side in [Side::Sell, Side::Buy] {
            loop {
                let position = self.accounts[account].positions.get(&book).map_or(0, |p| p.0);
                let closing = if side == Side::Sell {
                    position.max(0)
                } else {
                    (-position).max(0)
                };
                let reducing: Vec<&Order> = self.accounts[account]
                    .orders
                    .iter()
                    .map(|rank| &self.orders[rank])
                    .filter(|o| o.symbol == book && o.side == side && o.reduce_only && o.counts())
                    .collect();
                if reducing.iter().map(|o| o.leaves()).sum::<i128>() <= closing {
                    break;
                }
                let newest = reducing
                    .iter()
                    .map(|o| o.rank)
                    .max()
                    .expect("their leaves exceed the position, so there is one");
                self.finish(newest, OrderStatus::Canceled, CloseReason::ReduceOnly);
            }
        }
    }

    pub(crate) fn finish(&mut self, rank: Rank, status: OrderStatus, reason: CloseReason) {
        self.end_order(rank, status, Some(reason), false);
    }
    /// R6.19 to R6.21: ends many orders, oldest first, with their held legs.
    pub(crate) fn sweep(&mut self, ranks: &[Rank], status: OrderStatus, reason: CloseReason) {
        for &rank in ranks {
            if self.orders.contains_key(&rank) {
                self.end_order(rank, status, Some(reason), true);
            }
        }
    }

    fn end_order(&mut self, rank: Rank, status: OrderStatus, reason: Option<CloseReason>, sweep: bool) {
        let order = self.orders.remove(&rank).expect("only open orders end");
        self.ids.remove(&order.id);
        self.accounts[order.account].orders.remove(&rank);
        self.side_mut(order.symbol, order.side)
            .retain(|slot| slot.owner != Owner::User(rank));
        self.queue.retain(|r| *r != rank);
        self.waiting.retain(|r| *r != rank);
        self.ended.insert(rank, order.summary(status, reason));
        if let Some(key) = order.key {
            self.start_expiry(key);
        }
        if let Some(reason) = reason {
            self.closed_count += 1;
            let account = self.accounts[order.account].id;
            self.emit(Event::OrderClosed {
                order: order.id,
                account,
                status,
                reason,
            });
        }
        if let Some(parent) = order.parent.and_then(|p| self.orders.get_mut(&p)) {
            parent.legs.retain(|leg| *leg != rank);
        }
        for leg in &order.legs {
            self.orders.get_mut(leg).expect("held legs are open").parent = None;
        }
        if let Some(sibling) = order.sibling {
            self.orders.get_mut(&sibling).expect("siblings are open").sibling = None;
            self.finish(sibling, OrderStatus::Canceled, CloseReason::SiblingDone);
        }
        if let Some(parent) = order.parent.filter(|_| order.state != State::Held) {
            self.cancel_entry(parent);
        }
        if !order.legs.is_empty() {
            self.grow_legs(&order);
            let protects_nothing = if order.filled == 0 {
                CloseReason::ParentDone
            } else {
                CloseReason::ReduceOnly
            };
            let (status, reason) = match reason {
                Some(reason) if sweep => (status, reason),
                _ => (OrderStatus::Canceled, protects_nothing),
            };
            for &leg in &order.legs {
                if self.orders.get(&leg).is_some_and(|o| o.state == State::Held) {
                    self.finish(leg, status, reason);
                }
            }
        }
    }

    pub(crate) fn closing_capacity(&self, account: usize, book: usize, side: Side, replaced: Option<Rank>) -> i128 {
        let position = self.accounts[account].positions.get(&book).map_or(0, |p| p.0);
        let closing = if side == Side::Sell {
            position.max(0)
        } else {
            (-position).max(0)
        };
        (closing - self.open(account, book, side, replaced)).max(0)
    }

    /// R5.37 and R5.39: the legs protect what the entry has filled.
    pub(crate) fn grow_legs(&mut self, entry: &Order) {
        let book = entry.symbol;
        let legs = &entry.legs;
        let Some(first) = legs.first().map(|leg| self.orders[leg].clone()) else {
            return;
        };
        let held = first.state == State::Held;
        let protected = if held { 0 } else { first.quantity };
        let capacity = self.closing_capacity(entry.account, book, opposite(entry.side), None);
        let quantity = (entry.filled - protected).min(capacity);
        if quantity <= 0 || first.leaves() == 0 {
            return;
        }
        if held {
            self.activate_legs(entry, quantity);
            return;
        }
        for &leg in legs {
            self.orders.get_mut(&leg).expect("legs are open").quantity += quantity;
            self.emit_adjusted(leg);
        }
        if first.state == State::Resting {
            self.side_mut(book, first.side)
                .retain(|slot| slot.owner != Owner::User(first.rank));
            let suspended = self.suspended(book);
            let order = self.orders.get_mut(&first.rank).expect("legs are open");
            if suspended {
                order.state = State::Waiting;
                self.waiting.push(first.rank);
            } else {
                order.state = State::Queued;
                self.queue.push_back(first.rank);
            }
        }
    }

    fn activate_legs(&mut self, entry: &Order, quantity: i128) {
        let (book, legs) = (entry.symbol, &entry.legs);
        if let [a, b] = legs[..] {
            self.orders.get_mut(&a).expect("held legs are open").sibling = Some(b);
            self.orders.get_mut(&b).expect("held legs are open").sibling = Some(a);
        }
        for &leg in legs {
            let time = self.next_time();
            let suspended = self.suspended(book);
            let order = self.orders.get_mut(&leg).expect("held legs are open");
            order.quantity = quantity;
            order.stop_time = time;
            let status = if order.stop.is_some() {
                OrderStatus::Pending
            } else {
                OrderStatus::New
            };
            let (id, account) = (order.id, order.account);
            if order.stop.is_some() {
                order.state = State::Pending;
            } else if suspended {
                order.state = State::Waiting;
                self.waiting.push(leg);
            } else {
                order.state = State::Queued;
                self.queue.push_back(leg);
            }
            let account = self.accounts[account].id;
            self.emit(Event::OrderActivated {
                order: id,
                account,
                status,
                quantity: narrow(quantity),
            });
        }
        for &leg in legs {
            if self.orders.get(&leg).is_some_and(|o| o.state == State::Pending) && self.condition_holds(leg) {
                self.trigger(leg);
            }
        }
    }

    /// R5.36: after a halt or a closed market the waiting orders join the queue.
    pub(crate) fn release_waiting(&mut self) {
        for book in 0..self.books.len() {
            if self.suspended(book) {
                continue;
            }
            let ready: Vec<Rank> = self
                .waiting
                .iter()
                .copied()
                .filter(|r| self.orders[r].symbol == book)
                .collect();
            self.waiting.retain(|r| !ready.contains(r));
            for rank in ready {
                self.orders.get_mut(&rank).expect("waiting orders are open").state = State::Queued;
                self.queue.push_back(rank);
            }
        }
    }
}
