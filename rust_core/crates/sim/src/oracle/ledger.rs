//! The oracle's §2: cash, positions, fees, marks and the zero sum.

use super::risk::{charged, highest};
use super::*;

/// The values that are compared with the engine's `AccountView`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountFigures {
    pub cash: Money,
    pub reserved: Money,
    pub equity: Money,
    pub gross: Money,
    pub daily_loss_baseline: Money,
    pub open_orders: u32,
    pub state: AccountState,
}

/// One side of a trade: an order, or a house account.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Party {
    User(Rank),
    HouseAccount(usize),
}

/// One trade, and the side of its taker.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Print {
    pub book: usize,
    pub price: i128,
    pub quantity: i128,
    pub aggressor: Side,
}

impl Oracle {
    pub(crate) fn account_index(&self, party: Party) -> usize {
        match party {
            Party::User(rank) => self.orders[&rank].account,
            Party::HouseAccount(account) => account,
        }
    }

    /// R2.8 to R2.11: changes a position by a signed quantity at a price. Returns the realized profit or
    /// loss.
    fn move_position(&mut self, account: usize, book: usize, change: i128, price: i128) -> i128 {
        let (mut quantity, mut cost) = self.accounts[account].positions.get(&book).copied().unwrap_or((0, 0));
        let mut change = change;
        let mut realized = 0;
        if quantity != 0 && quantity.signum() != change.signum() {
            let n = change.abs().min(quantity.abs());
            let removed = proportion(cost, n, quantity.abs());
            let value = notional(price, n);
            realized = if quantity > 0 {
                value - removed
            } else {
                -removed - value
            };
            cost -= removed;
            let step = n * change.signum();
            quantity += step;
            change -= step;
        }
        if change != 0 {
            cost += change.signum() * notional(price, change.abs());
            quantity += change;
        }
        self.set_position(account, book, quantity, cost);
        realized
    }

    /// The same for a whole value, which need not be a multiple of the quantity.
    pub(crate) fn move_value(&mut self, account: usize, book: usize, change: i128, value: i128) {
        let (quantity, cost) = self.accounts[account].positions.get(&book).copied().unwrap_or((0, 0));
        let closed = if quantity.signum() == -change.signum() {
            change.abs().min(quantity.abs())
        } else {
            0
        };
        let lot = i128::from(self.books[book].spec.lot);
        let part = if closed == change.abs() {
            value
        } else {
            value / (change.abs() / lot) * (closed / lot)
        };
        let removed = if closed == 0 {
            0
        } else {
            proportion(cost, closed, quantity.abs())
        };
        let cost = cost - removed + change.signum() * (value - part);
        self.set_position(account, book, quantity + change, cost);
    }

    pub(crate) fn set_position(&mut self, account: usize, book: usize, quantity: i128, cost: i128) {
        if quantity == 0 {
            assert_eq!(cost, 0, "a position of 0 has a cost");
            self.accounts[account].positions.remove(&book);
        } else {
            self.accounts[account].positions.insert(book, (quantity, cost));
        }
    }

    fn fill(&mut self, party: Party, side: Side, print: Print, ppm: i128) -> Fill {
        let Print {
            book, price, quantity, ..
        } = print;
        let account = self.account_index(party);
        let value = notional(price, quantity);
        let unit = self.books[book].spec.currency.smallest_unit();
        let fee = match party {
            Party::User(rank) => {
                let order = self.orders.get_mut(&rank).expect("the order of a trade is open");
                let before = charged(order.fees_due, unit);
                order.fees_due += value * ppm;
                charged(order.fees_due, unit) - before
            }
            Party::HouseAccount(_) => charged(value * ppm, unit),
        };
        let sign = if side == Side::Buy { 1 } else { -1 };
        let realized = self.move_position(account, book, sign * quantity, price);
        let a = &mut self.accounts[account];
        a.cash += -sign * value - fee;
        *self.fees.entry(a.currency).or_insert(0) += fee;
        let (cash, id) = (a.cash, a.id);
        let (position, cost) = a.positions.get(&book).copied().unwrap_or((0, 0));
        let (order, filled, leaves, filled_notional) = match party {
            Party::HouseAccount(_) => (OrderId(0), quantity, 0, value),
            Party::User(rank) => {
                let order = self.orders.get_mut(&rank).expect("the order of a trade is open");
                order.filled += quantity;
                order.filled_notional += value;
                (order.id, order.filled, order.leaves(), order.filled_notional)
            }
        };
        Fill {
            order,
            account: id,
            fee,
            filled: narrow(filled),
            leaves: narrow(leaves),
            filled_notional,
            cash,
            position: narrow(position),
            cost,
            realized,
        }
    }

    /// R5.20: a trade and its direct consequences.
    pub(crate) fn trade(&mut self, print: Print, maker: Party, taker: Party, pass: &mut Pass) {
        let Print {
            book,
            price,
            quantity,
            aggressor,
        } = print;
        // R1.14: both rates from the taker's schedule.
        let mut fees = match taker {
            Party::User(rank) => self.orders[&rank].fees,
            Party::HouseAccount(_) => (self.maker_ppm, self.taker_ppm),
        };
        if let Party::User(rank) = maker {
            fees.0 = fees.0.min(highest(self.orders[&rank].fees));
        }
        let maker_fill = self.fill(maker, opposite(aggressor), print, fees.0);
        let taker_fill = self.fill(taker, aggressor, print, fees.1);
        self.trades += 1;
        self.record_print(book, price, quantity);
        self.arm_margin_check(self.books[book].spec.currency);
        pass.print(price);
        self.emit(Event::TradeExecuted {
            trade: self.trades,
            symbol: self.books[book].spec.symbol,
            price: narrow(price),
            quantity: narrow(quantity),
            aggressor,
            maker: maker_fill,
            taker: taker_fill,
        });
        let accounts = [self.account_index(maker), self.account_index(taker)];
        for (party, is_taker) in [(maker, false), (taker, true)] {
            if let Party::User(rank) = party {
                self.after_fill(rank, quantity, is_taker);
            }
        }
        for account in accounts {
            self.trim_reduce_only(account, book);
        }
    }

    pub(crate) fn value_of(&self, book: usize, quantity: i128, cost: i128) -> i128 {
        match self.mark(book) {
            Some(mark) => {
                let exact = self.books[book].last.is_some_and(|(last, _, _)| last == mark);
                let beyond = if exact { self.books[book].beyond } else { 0 };
                notional(mark, quantity) + beyond * quantity / NANO
            }
            None => cost,
        }
    }
    pub(crate) fn equity(&self, account: usize) -> i128 {
        let a = &self.accounts[account];
        a.cash
            + a.positions
                .iter()
                .map(|(&book, &(q, cost))| self.value_of(book, q, cost))
                .sum::<i128>()
    }
    pub(crate) fn gross(&self, account: usize) -> i128 {
        let a = &self.accounts[account];
        a.positions
            .iter()
            .map(|(&book, &(q, cost))| self.value_of(book, q, cost).abs())
            .sum()
    }
    /// Cash accounts: what their open buys need, without one order.
    pub(crate) fn reserved(&self, account: usize, without: Option<Rank>) -> i128 {
        let a = &self.accounts[account];
        let orders = a.orders.iter().map(|rank| &self.orders[rank]);
        orders
            .filter(|o| o.side == Side::Buy && Some(o.rank) != without)
            .map(|o| {
                let unit = self.books[o.symbol].spec.currency.smallest_unit();
                o.needs(a.limits.leverage_percent.into(), unit)
            })
            .map(|(exposure, cover)| exposure + cover)
            .sum()
    }
    /// R4.46: Σ of the worst cases of an account's positions, without one order and with a new one: (instrument,
    /// side, quantity, exposure and cover).
    pub(crate) fn used(
        &self,
        account: usize,
        without: Option<Rank>,
        added: Option<(usize, Side, i128, (i128, i128))>,
    ) -> i128 {
        let books = 0..self.books.len();
        books.map(|book| self.worst_case(account, book, without, added)).sum()
    }
    fn worst_case(
        &self,
        account: usize,
        book: usize,
        without: Option<Rank>,
        added: Option<(usize, Side, i128, (i128, i128))>,
    ) -> i128 {
        let a = &self.accounts[account];
        let leverage = i128::from(a.limits.leverage_percent);
        let rate = leverage * i128::from(self.books[book].spec.band_ppm);
        let (position, cost) = a.positions.get(&book).copied().unwrap_or((0, 0));
        let value = self.value_of(book, position, cost).abs();
        let mut worst = 0;
        for side in [Side::Buy, Side::Sell] {
            // All lots of the side, and those that are not reduce-only with what they need.
            let (mut all, mut free, mut exposure, mut cover) = (0, 0, 0, 0);
            let orders = a.orders.iter().map(|rank| &self.orders[rank]);
            for o in orders.filter(|o| o.symbol == book && o.side == side && o.counts() && Some(o.rank) != without) {
                all += o.leaves();
                if !o.reduce_only {
                    free += o.leaves();
                    let (e, c) = o.needs(leverage, self.books[book].spec.currency.smallest_unit());
                    (exposure, cover) = (exposure + e, cover + c);
                }
            }
            if let Some((_, _, quantity, (e, c))) = added.filter(|add| add.0 == book && add.1 == side) {
                (all, free) = (all + quantity, free + quantity);
                (exposure, cover) = (exposure + e, cover + c);
            }
            let against = if side == Side::Buy { -position } else { position };
            let reached = if against <= 0 {
                value + exposure
            } else {
                let opening = (all - against).min(free);
                if opening <= 0 {
                    continue;
                }
                proportion(exposure, opening, free)
            };
            let reached = if rate > 100 * MILLION {
                divide_up(reached * rate, 100 * MILLION)
            } else {
                reached
            };
            worst = worst.max(reached + cover);
        }
        worst
    }
    /// Withdrawable cash (R2.18, R2.19).
    pub(crate) fn available(&self, account: usize) -> i128 {
        let a = &self.accounts[account];
        match a.kind {
            AccountKind::Cash => (a.cash - self.reserved(account, None)).max(0),
            AccountKind::Margin => {
                let bound = self.used(account, None, None) * 100;
                let free = self.equity(account) - divide_up(bound, a.limits.leverage_percent.into());
                free.max(0).min(a.cash)
            }
        }
    }
    pub(crate) fn move_cash(&mut self, account: usize, transfer: TransferId, kind: CashKind, amount: i128) {
        let a = &mut self.accounts[account];
        a.cash += amount;
        *self.world.entry(a.currency).or_insert(0) -= amount;
        let (account, cash) = (a.id, a.cash);
        self.emit(Event::CashMoved {
            account,
            transfer,
            kind,
            amount,
            cash,
        });
    }

    pub(crate) fn assert_zero_sum(&self) {
        let mut cash: BTreeMap<Currency, i128> = self.world.clone();
        for (currency, amount) in &self.fees {
            *cash.entry(*currency).or_insert(0) += amount;
        }
        let mut lots = self.world_positions.clone();
        for a in &self.accounts {
            *cash.entry(a.currency).or_insert(0) += a.cash;
            for (book, (quantity, _)) in &a.positions {
                *lots.entry(*book).or_insert(0) += quantity;
            }
        }
        assert!(
            cash.values().all(|v| *v == 0),
            "oracle: cash does not sum to zero: {cash:?}"
        );
        assert!(
            lots.values().all(|v| *v == 0),
            "oracle: positions do not sum to zero: {lots:?}"
        );
    }

    pub fn account(&self, id: AccountId) -> Option<AccountFigures> {
        let account = self.account_of(id)?;
        let a = &self.accounts[account];
        Some(AccountFigures {
            cash: a.cash,
            reserved: match a.kind {
                AccountKind::Cash => self.reserved(account, None),
                AccountKind::Margin => self.used(account, None, None) - self.gross(account),
            },
            equity: self.equity(account),
            gross: self.gross(account),
            daily_loss_baseline: a.baseline,
            open_orders: a.orders.len() as u32,
            state: a.state,
        })
    }
    /// (symbol, quantity, cost, open buys, open sells), in order of instrument definition.
    pub fn positions(&self, id: AccountId) -> Vec<(Symbol, Quantity, Money, Quantity, Quantity)> {
        let Some(account) = self.account_of(id) else {
            return Vec::new();
        };
        (0..self.books.len())
            .filter_map(|book| {
                let (q, cost) = self.accounts[account].positions.get(&book).copied().unwrap_or((0, 0));
                let (buys, sells) = (
                    self.open(account, book, Side::Buy, None),
                    self.open(account, book, Side::Sell, None),
                );
                let any = q != 0
                    || self.accounts[account]
                        .orders
                        .iter()
                        .any(|r| self.orders[r].symbol == book);
                any.then(|| {
                    (
                        self.books[book].spec.symbol,
                        narrow(q),
                        cost,
                        narrow(buys),
                        narrow(sells),
                    )
                })
            })
            .collect()
    }
}
