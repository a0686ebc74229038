//! The oracle's §9: splits and dividends.

use super::placing::Applied;
use super::risk::require;
use super::*;

impl Oracle {
    pub(super) fn split(&mut self, symbol: Symbol, numerator: u32, denominator: u32) -> Applied {
        let book = self.book_of(symbol).ok_or(Refusal::UnknownSymbol)?;
        let bounds = 1..=1_000;
        let fits = bounds.contains(&numerator) && bounds.contains(&denominator) && numerator != denominator;
        require(fits, Refusal::InvalidSplit)?;
        let (n, d) = (i128::from(numerator), i128::from(denominator));
        let (tick, lot) = (
            i128::from(self.books[book].spec.tick),
            i128::from(self.books[book].spec.lot),
        );
        let split = |old: i128| old * n / d / lot * lot;
        for a in &self.accounts {
            let new = split(a.positions.get(&book).map_or(0, |p| p.0));
            require(new.abs() <= MAX_POSITION.into(), Refusal::InvalidSplit)?;
        }
        let exact = self.exact_price(book).map(|p| p * d / n);
        require(
            exact.is_none_or(|p| p >= tick && p <= MAX_PRICE.into()),
            Refusal::InvalidSplit,
        )?;

        let ranks: Vec<Rank> = self
            .orders
            .values()
            .filter(|o| o.symbol == book)
            .map(|o| o.rank)
            .collect();
        self.withdraw_symbol(book);
        if n > d {
            self.rescale_orders(book, n, d);
        } else {
            self.sweep(&ranks, OrderStatus::Canceled, CloseReason::Split);
        }
        self.set_exact_price(book, exact);
        self.emit(Event::SplitApplied {
            symbol,
            numerator,
            denominator,
        });
        for account in 0..self.accounts.len() {
            let Some(&(old, cost)) = self.accounts[account].positions.get(&book) else {
                continue;
            };
            let new = split(old);
            // Both in units of 1/d nano.
            let (before, kept) = (old * n, new * d);
            let new_cost = proportion(cost, kept, before);
            let in_lieu = match exact {
                Some(mark) => (before - kept) * mark / (d * NANO),
                None => proportion(cost, before - kept, before),
            };
            self.set_position(account, book, new, new_cost);
            *self.world_positions.entry(book).or_insert(0) += old - new;
            self.emit(Event::PositionMoved {
                account: self.accounts[account].id,
                symbol,
                kind: PositionKind::Split,
                position: narrow(new),
                cost: new_cost,
            });
            if in_lieu != 0 {
                self.move_cash(account, TransferId(0), CashKind::CashInLieu, in_lieu);
            }
        }
        self.drain();
        Ok((None, 0))
    }

    pub(super) fn dividend(&mut self, symbol: Symbol, amount: Money) -> Applied {
        let book = self.book_of(symbol).ok_or(Refusal::UnknownSymbol)?;
        require(
            (1..=Money::from(MAX_PRICE)).contains(&amount),
            Refusal::AmountOutOfRange,
        )?;
        let tick = i128::from(self.books[book].spec.tick);
        let exact = self.exact_price(book).map(|p| p - amount);
        require(exact.is_none_or(|p| p >= tick), Refusal::AmountOutOfRange)?;
        self.withdraw_symbol(book);
        self.set_exact_price(book, exact);
        if amount >= tick {
            self.lower_orders(book, round_up(amount, tick));
        }
        for account in 0..self.accounts.len() {
            let position = self.accounts[account].positions.get(&book).map_or(0, |p| p.0);
            let paid = amount * position / NANO;
            if paid != 0 {
                self.move_cash(account, TransferId(0), CashKind::Dividend, paid);
            }
        }
        self.drain();
        Ok((None, 0))
    }

    pub(crate) fn exact_price(&self, book: usize) -> Option<i128> {
        let b = &self.books[book];
        b.last.map(|(p, _, _)| p + b.beyond)
    }
    fn set_exact_price(&mut self, book: usize, exact: Option<i128>) {
        let b = &mut self.books[book];
        if let (Some(last), Some(exact)) = (&mut b.last, exact) {
            last.0 = round_down(exact, b.spec.tick.into());
            b.beyond = exact - last.0;
            b.base = Some(last.0);
            b.prints.clear();
        }
    }

    /// R9.10 to R9.14: adjusts the open orders of a forward split, in the order in which they keep their places.
    fn rescale_orders(&mut self, book: usize, n: i128, d: i128) {
        let place = |o: &Order| {
            let sign = if o.side == Side::Buy { -1 } else { 1 };
            match o.state {
                State::Resting => {
                    let slots = self.side(book, o.side);
                    let slot = slots.iter().find(|slot| slot.owner == Owner::User(o.rank));
                    let slot = slot.expect("resting orders have a slot");
                    (if o.side == Side::Buy { 1 } else { 2 }, sign * slot.price, slot.arrival)
                }
                State::Pending => {
                    let stop = o.stop.expect("pending orders have a stop");
                    (if o.side == Side::Buy { 3 } else { 4 }, -sign * stop, o.stop_time)
                }
                _ => (5, 0, o.rank),
            }
        };
        let of_book = || self.orders.values().filter(|o| o.symbol == book);
        let ends = |o: &Order| o.filled > 0 && !o.legs.is_empty();
        let entries: Vec<Rank> = of_book().filter(|o| ends(o)).map(|o| o.rank).collect();
        let mut ranks: Vec<_> = of_book().map(|o| (place(o), o.rank)).collect();
        ranks.sort();
        for rank in entries {
            self.finish(rank, OrderStatus::Canceled, CloseReason::Split);
        }
        for (_, rank) in ranks {
            if self.orders.contains_key(&rank) {
                self.rescale_order(rank, n, d);
            }
        }
        for (side, sign) in [(Side::Buy, -1), (Side::Sell, 1)] {
            let trailing = self.orders.values().filter(|o| o.symbol == book && o.side == side);
            let mut moving: Vec<_> = trailing
                .filter(|o| o.state == State::Pending && o.trail.is_some())
                .map(|o| (sign * o.best, o.best_time, o.rank))
                .collect();
            moving.sort();
            for (_, _, rank) in moving {
                let time = self.next_time();
                let tick = i128::from(self.books[book].spec.tick);
                let order = self.orders.get_mut(&rank).expect("found above");
                order.best_time = time;
                order.best = match side {
                    Side::Buy => round_up(divide_up(order.best * d, n), tick),
                    Side::Sell => round_down(order.best * d / n, tick),
                };
            }
        }
    }

    fn rescale_order(&mut self, rank: Rank, n: i128, d: i128) {
        let o = self.orders[&rank].clone();
        let (book, account) = (o.symbol, o.account);
        let spec = self.books[book].spec;
        let (tick, lot) = (i128::from(spec.tick), i128::from(spec.lot));
        let down = |price: i128| round_down(price * d / n, tick);
        let up = |price: i128| round_up(divide_up(price * d, n), tick);
        let lots = |quantity: i128| quantity * n / d / lot * lot;
        let position = self.accounts[account].positions.get(&book).map_or(0, |p| p.0);
        let leaves = lots(o.leaves());
        let others = self.open(account, book, o.side, Some(rank));
        let too_large = leaves > MAX_QUANTITY.into() || lots(position).abs() + others + leaves > MAX_POSITION.into();
        let is_stop = matches!(o.state, State::Pending | State::Held) && o.stop.is_some();
        let limit = o
            .limit
            .map(|p| if o.side == Side::Buy || is_stop { down(p) } else { up(p) });
        let stop = o.stop.map(|p| {
            if (o.side == Side::Buy) != is_stop {
                down(p)
            } else {
                up(p)
            }
        });
        if too_large || limit == Some(0) || stop == Some(0) {
            self.finish(rank, OrderStatus::Canceled, CloseReason::Split);
            return;
        }
        let time = self.next_time();
        let order = self.orders.get_mut(&rank).expect("found above");
        order.quantity = order.filled + leaves;
        (order.limit, order.stop, order.stop_time) = (limit, stop, time);
        if let Some(Trail::Amount(amount)) = order.trail {
            order.trail = Some(Trail::Amount(narrow(up(amount.into()))));
        }
        order.display = order.display.map(|v| round_up(divide_up(v * n, d), lot).min(leaves));
        order.reserve_price = if o.side == Side::Buy {
            down(order.reserve_price)
        } else {
            up(order.reserve_price)
        };
        order.adverse = up(order.adverse);
        let order = order.clone();
        self.arrivals += 1;
        let arrival = self.arrivals;
        for slot in self.side_mut(book, o.side) {
            if slot.owner == Owner::User(rank) {
                slot.arrival = arrival;
                slot.price = order.limit.expect("resting orders have a limit");
                slot.shown = lots(slot.shown);
            }
        }
        self.emit(Event::OrderReplaced {
            order: order.id,
            account: self.accounts[account].id,
            quantity: narrow(order.quantity),
            limit_price: narrow_option(order.limit),
            stop_price: narrow_option(order.stop),
            trail: order.trail,
        });
    }

    /// R9.9: lowers buys with a limit in force and sell stops by `amount`, in the order in which they keep their places.
    fn lower_orders(&mut self, book: usize, amount: i128) {
        let place = |o: &Order| match (o.state, o.side) {
            (State::Resting, Side::Buy) => {
                let slot = self.books[book]
                    .bids
                    .iter()
                    .find(|slot| slot.owner == Owner::User(o.rank));
                let slot = slot.expect("resting orders have a slot");
                Some((0, -slot.price, slot.arrival))
            }
            (State::Waiting | State::Held, Side::Buy) if o.kind == OrderKind::Limit => Some((2, 0, o.rank)),
            (State::Waiting, Side::Buy) => Some((2, 0, o.rank)),
            (State::Pending, Side::Sell) => Some((1, -o.stop.expect("pending orders have a stop"), o.stop_time)),
            (State::Held, Side::Sell) if o.stop.is_some() => Some((2, 0, o.rank)),
            _ => None,
        };
        let orders = self.orders.values().filter(|o| o.symbol == book);
        let mut ranks: Vec<_> = orders.filter_map(|o| Some((place(o)?, o.rank))).collect();
        ranks.sort();
        for (_, rank) in ranks {
            let Some(order) = self.orders.get_mut(&rank) else {
                continue;
            };
            if order.limit.is_some_and(|p| p <= amount) || order.stop.is_some_and(|p| p <= amount) {
                self.finish(rank, OrderStatus::Canceled, CloseReason::Dividend);
                continue;
            }
            order.limit = order.limit.map(|p| p - amount);
            order.stop = order.stop.map(|p| p - amount);
            order.best -= amount;
            if order.side == Side::Buy {
                order.reserve_price -= amount.min(order.reserve_price);
            }
            let order = order.clone();
            for slot in &mut self.books[book].bids {
                if slot.owner == Owner::User(rank) {
                    slot.price -= amount;
                }
            }
            self.emit(Event::OrderReplaced {
                order: order.id,
                account: self.accounts[order.account].id,
                quantity: narrow(order.quantity),
                limit_price: narrow_option(order.limit),
                stop_price: narrow_option(order.stop),
                trail: order.trail,
            });
        }
    }
}
