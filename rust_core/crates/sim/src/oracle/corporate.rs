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
        self.sweep(&ranks, OrderStatus::Canceled, CloseReason::Split);
        self.withdraw_symbol(book);
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
        self.lower_orders(book, round_up(amount, tick));
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
        }
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
