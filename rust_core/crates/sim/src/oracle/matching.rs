//! The oracle's §5: passes, self-trade prevention, stops.

use super::ledger::{Party, Print};
use super::*;

impl Oracle {
    /// R5.4: the worst price at which a market order trades now.
    pub(crate) fn collar(&self, book: usize, side: Side) -> Option<i128> {
        Some(self.collar_around(book, side, self.reference(book)?))
    }
    pub(crate) fn collar_around(&self, book: usize, side: Side, reference: i128) -> i128 {
        let spec = &self.books[book].spec;
        let (tick, ppm) = (i128::from(spec.tick), i128::from(spec.collar_ppm));
        match side {
            Side::Buy => round_down(reference * (MILLION + ppm) / MILLION, tick),
            Side::Sell => round_up(divide_up(reference * (MILLION - ppm), MILLION), tick),
        }
    }
    fn acceptable(side: Side, limit: i128, price: i128) -> bool {
        match side {
            Side::Buy => price <= limit,
            Side::Sell => price >= limit,
        }
    }
    pub(crate) fn would_trade(&self, book: usize, side: Side, limit: i128) -> bool {
        self.best_price(book, opposite(side))
            .is_some_and(|price| Self::acceptable(side, limit, price))
    }
    pub(crate) fn party(&self, owner: Owner) -> Party {
        match owner {
            Owner::User(rank) => Party::User(rank),
            Owner::Outside { feed, .. } => Party::HouseAccount(self.feeds[feed].house_account),
        }
    }

    /// Takes `quantity` from the shown part of a queue entry. The entry shrinks, refills at the end of its
    /// level, or is removed.
    pub(crate) fn consume(&mut self, book: usize, side: Side, index: usize, quantity: i128) {
        let slot = self.side(book, side)[index];
        assert!(quantity <= slot.shown);
        let mut slot = Slot {
            shown: slot.shown - quantity,
            ..slot
        };
        if let Owner::Outside { left, .. } = &mut slot.owner {
            *left -= quantity;
        }
        if slot.shown == 0 {
            if let Owner::User(rank) = slot.owner {
                let order = &self.orders[&rank];
                // The fill is not booked yet: what is left after it refills the display.
                let hidden = order.leaves() - quantity;
                if hidden > 0 {
                    slot.shown = order.display.expect("only icebergs have hidden quantity").min(hidden);
                    self.arrivals += 1;
                    slot.arrival = self.arrivals;
                }
            }
        }
        if slot.shown == 0 {
            self.side_mut(book, side).remove(index);
        } else {
            self.side_mut(book, side)[index] = slot;
        }
    }

    fn rest(&mut self, rank: Rank) {
        self.arrivals += 1;
        let arrival = self.arrivals;
        let order = self.orders.get_mut(&rank).expect("a resting order is open");
        order.state = State::Resting;
        let leaves = order.leaves();
        let shown = order.display.unwrap_or(leaves).min(leaves);
        let price = order.limit.expect("only orders with a limit price rest");
        let (book, side) = (order.symbol, order.side);
        self.side_mut(book, side).push(Slot {
            arrival,
            price,
            shown,
            owner: Owner::User(rank),
        });
    }

    /// R5.9 to R5.13: the quantity that a fill-or-kill order will certainly trade, in matching order.
    fn available_to(&self, rank: Rank, limit: i128) -> i128 {
        let taker = &self.orders[&rank];
        let mut slots: Vec<&Slot> = self
            .side(taker.symbol, opposite(taker.side))
            .iter()
            .filter(|slot| Self::acceptable(taker.side, limit, slot.price))
            .collect();
        let sign = if taker.side == Side::Buy { 1 } else { -1 };
        slots.sort_by_key(|slot| (sign * slot.price, slot.arrival));
        let (book, side) = (taker.symbol, opposite(taker.side));
        let mut counted_by_house_account: BTreeMap<usize, i128> = BTreeMap::new();
        let (mut sum, mut examined) = (0, 0);
        for level in slots.chunk_by(|a, b| a.price == b.price) {
            let mut hidden = 0;
            for slot in level {
                examined += 1;
                if examined > 1_000 {
                    return sum; // R5.47
                }
                if let Owner::User(maker) = slot.owner {
                    let maker = &self.orders[&maker];
                    if maker.account == taker.account {
                        match taker.prevention {
                            SelfTradePrevention::None if maker.legs.is_empty() => {}
                            SelfTradePrevention::None | SelfTradePrevention::CancelOldest => continue,
                            SelfTradePrevention::CancelNewest | SelfTradePrevention::CancelBoth => return sum,
                        }
                    }
                    // R5.48: its first fill would end it.
                    let ends = |leg: &Rank| {
                        let leg = &self.orders[leg];
                        leg.state == State::Held
                            && leg.stop.is_some_and(|stop| match leg.side {
                                Side::Buy => stop <= slot.price,
                                Side::Sell => stop >= slot.price,
                            })
                    };
                    if maker.legs.iter().any(ends) {
                        continue;
                    }
                    let position = self.accounts[maker.account].positions.get(&book).map_or(0, |p| p.0);
                    let closable = if side == Side::Sell { position } else { -position };
                    if maker.reduce_only && self.open(maker.account, book, side, None) > closable.max(0) {
                        continue;
                    }
                    hidden += maker.leaves() - slot.shown;
                    sum += slot.shown;
                }
                if let Owner::Outside { feed, .. } = slot.owner {
                    let house_account = self.feeds[feed].house_account;
                    let capacity = self.house_account_capacity(house_account, book, side);
                    let left = counted_by_house_account.entry(house_account).or_insert(capacity);
                    let counted = slot.shown.min(*left);
                    *left -= counted;
                    sum += counted;
                }
            }
            sum += hidden;
        }
        sum
    }

    /// One pass of one taker: it matches, its remainder rests or is cancelled, then the stops are scanned.
    pub(crate) fn match_order(&mut self, rank: Rank) {
        let mut pass = Pass::default();
        self.move_base(self.orders[&rank].symbol);
        let order = self.orders.get_mut(&rank).expect("the taker is open");
        order.state = State::Matching;
        let (book, side) = (order.symbol, order.side);
        let at_market = order.limit.is_none();
        let limit = match order.limit {
            Some(limit) => Some(limit),
            None => {
                // R5.5: what the account covered bounds the price, if the order can open a position.
                let (leaves, account) = (order.leaves(), order.account);
                let (price, adverse) = (order.reserve_price, order.adverse);
                let held = self.accounts[account].positions.get(&book).map_or(0, |p| p.0);
                let closes = if side == Side::Buy { -held } else { held };
                let opens = leaves > closes.max(0);
                self.collar(book, side).map(|collar| match side {
                    _ if !opens => collar,
                    Side::Buy => collar.min(price),
                    Side::Sell => collar.max(price - adverse),
                })
            }
        };
        let own_limit = limit;
        let limit = limit.map(|limit| self.inside_band(book, side, limit));
        if let Some(limit) = limit {
            let order = &self.orders[&rank];
            if order.time_in_force == TimeInForce::Fok && self.available_to(rank, limit) < order.leaves() {
                self.finish(rank, OrderStatus::Canceled, CloseReason::FillOrKill);
                return;
            }
            self.take(rank, limit, &mut pass);
        }
        if let Some(order) = self.orders.get(&rank) {
            if order.time_in_force == TimeInForce::Fok {
                assert_eq!(order.filled, 0, "a fill-or-kill order was filled in part");
                self.finish(rank, OrderStatus::Canceled, CloseReason::FillOrKill);
            } else if own_limit.is_some_and(|own| limit != Some(own) && self.would_trade(book, side, own)) {
                self.finish(rank, OrderStatus::Canceled, CloseReason::PriceBand);
            } else if at_market {
                let left = self.best(book, opposite(side)).is_some();
                let reason = if left {
                    CloseReason::Collar
                } else {
                    CloseReason::NoLiquidity
                };
                self.finish(rank, OrderStatus::Canceled, reason);
            } else if order.time_in_force == TimeInForce::Ioc {
                self.finish(rank, OrderStatus::Canceled, CloseReason::ImmediateOrCancel);
            } else {
                self.rest(rank);
                let entry = self.orders[&rank].clone();
                self.grow_legs(&entry);
            }
        }
        self.end_pass(book, pass);
    }

    fn take(&mut self, rank: Rank, limit: i128, pass: &mut Pass) {
        while let Some(taker) = self.orders.get(&rank) {
            let (book, side) = (taker.symbol, taker.side);
            let Some(index) = self.best(book, opposite(side)) else {
                return;
            };
            let slot = self.side(book, opposite(side))[index];
            if !Self::acceptable(side, limit, slot.price) {
                return;
            }
            if let Owner::User(maker) = slot.owner {
                if self.orders[&maker].account == taker.account {
                    let prevention = taker.prevention;
                    let cancel = |oracle: &mut Oracle, rank| {
                        oracle.finish(rank, OrderStatus::Canceled, CloseReason::SelfTrade);
                    };
                    match prevention {
                        SelfTradePrevention::None => {}
                        SelfTradePrevention::CancelNewest => {
                            cancel(self, rank);
                            continue;
                        }
                        SelfTradePrevention::CancelOldest => {
                            cancel(self, maker);
                            continue;
                        }
                        SelfTradePrevention::CancelBoth => {
                            cancel(self, maker);
                            if self.orders.contains_key(&rank) {
                                cancel(self, rank);
                            }
                            continue;
                        }
                    }
                }
            }
            let mut quantity = self.orders[&rank].leaves().min(slot.shown);
            if let Owner::Outside { feed, .. } = slot.owner {
                quantity =
                    quantity.min(self.house_account_capacity(self.feeds[feed].house_account, book, opposite(side)));
                if quantity == 0 {
                    self.withdraw_side(feed, book, opposite(side));
                    continue;
                }
            }
            self.consume(book, opposite(side), index, quantity);
            let maker = self.party(slot.owner);
            let print = Print {
                book,
                price: slot.price,
                quantity,
                aggressor: side,
            };
            self.trade(print, maker, Party::User(rank), pass);
        }
    }

    /// R5.25 to R5.28: triggers stops with the prices of a pass, then moves trailing stops.
    pub(crate) fn end_pass(&mut self, book: usize, pass: Pass) {
        let Some((low, high)) = pass.range else { return };
        if self.suspended(book) {
            return;
        }
        loop {
            let pending = |o: &&Order| o.symbol == book && o.state == State::Pending;
            let stop = |o: &Order| o.stop.expect("pending orders have a stop");
            let buy = self
                .orders
                .values()
                .filter(pending)
                .filter(|o| o.side == Side::Buy && stop(o) <= high)
                .min_by_key(|o| (stop(o), o.stop_time));
            let sell = self
                .orders
                .values()
                .filter(pending)
                .filter(|o| o.side == Side::Sell && stop(o) >= low)
                .min_by_key(|o| (-stop(o), o.stop_time));
            match buy.or(sell) {
                Some(order) => self.trigger(order.rank),
                None => break,
            }
        }
        for side in [Side::Sell, Side::Buy] {
            let sign = if side == Side::Sell { 1 } else { -1 };
            let extreme = if side == Side::Sell { high } else { low };
            let mut moving: Vec<(i128, u64, Rank)> = self
                .orders
                .values()
                .filter(|o| o.symbol == book && o.state == State::Pending && o.side == side && o.trail.is_some())
                .filter(|o| sign * o.best < sign * extreme)
                .map(|o| (sign * o.best, o.best_time, o.rank))
                .collect();
            moving.sort();
            for (_, _, rank) in moving {
                self.move_trailing(rank, extreme);
            }
        }
    }

    fn move_trailing(&mut self, rank: Rank, best: i128) {
        let time = self.next_time();
        let order = &self.orders[&rank];
        let stop = self.trailing_stop(
            order.symbol,
            order.side,
            best,
            order.trail.expect("a trailing stop has a trail"),
        );
        let old = order.stop.expect("trailing stops have a stop");
        let nearer = if order.side == Side::Sell {
            stop > old
        } else {
            stop < old
        };
        let order = self.orders.get_mut(&rank).expect("found above");
        order.best = best;
        order.best_time = time;
        if nearer {
            order.stop = Some(stop);
            order.stop_time = time;
            let (id, account, quantity) = (order.id, order.account, order.quantity);
            let account = self.accounts[account].id;
            let (quantity, stop_price) = (narrow(quantity), Some(narrow(stop)));
            self.emit(Event::OrderAdjusted {
                order: id,
                account,
                quantity,
                stop_price,
            });
        }
    }

    pub(crate) fn trailing_stop(&self, book: usize, side: Side, best: i128, trail: Trail) -> i128 {
        let tick = i128::from(self.books[book].spec.tick);
        // Scaled by a million, so that only the stop price is rounded.
        let distance = match trail {
            Trail::Amount(amount) => i128::from(amount) * MILLION,
            Trail::Ppm(ppm) => best * i128::from(ppm),
        };
        match side {
            Side::Sell => round_down((best * MILLION - distance).div_euclid(MILLION), tick),
            Side::Buy => round_up(divide_up(best * MILLION + distance, MILLION), tick),
        }
    }
    pub(crate) fn suspended(&self, book: usize) -> bool {
        self.closed || self.books[book].halted
    }

    /// Does a pending stop's condition hold against the last print?
    pub(crate) fn condition_holds(&self, rank: Rank) -> bool {
        let order = &self.orders[&rank];
        if self.suspended(order.symbol) {
            return false;
        }
        let (Some((last, _, _)), Some(stop)) = (self.books[order.symbol].last, order.stop) else {
            return false;
        };
        match order.side {
            Side::Buy => stop <= last,
            Side::Sell => stop >= last,
        }
    }

    pub(crate) fn trigger(&mut self, rank: Rank) {
        let order = self.orders.get_mut(&rank).expect("a triggered order is open");
        order.state = State::Queued;
        order.triggered = true;
        let (id, account, quantity, sibling) = (order.id, order.account, order.quantity, order.sibling.take());
        let entry = order.parent.take();
        self.queue.push_back(rank);
        let account = self.accounts[account].id;
        self.emit(Event::OrderActivated {
            order: id,
            account,
            status: OrderStatus::New,
            quantity: narrow(quantity),
        });
        if let Some(sibling) = sibling {
            let other = self.orders.get_mut(&sibling).expect("siblings are open");
            (other.sibling, other.parent) = (None, None);
            self.finish(sibling, OrderStatus::Canceled, CloseReason::SiblingDone);
        }
        if let Some(entry) = entry {
            if let Some(entry) = self.orders.get_mut(&entry) {
                entry.legs.clear();
            }
            self.cancel_entry(entry);
        }
    }

    /// R5.31: matches the queued orders until the queue is empty.
    pub(crate) fn drain(&mut self) {
        while let Some(rank) = self.queue.pop_front() {
            if self.orders.contains_key(&rank) {
                self.match_order(rank);
            }
        }
    }
}
