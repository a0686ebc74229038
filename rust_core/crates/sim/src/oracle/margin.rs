//! The oracle's §13: maintenance margin and liquidation.

use super::placing::Applied;
use super::risk::require;
use super::*;

/// The insurance account, the maintenance percent, the interval.
pub(crate) type Terms = (usize, i128, i64);

impl Oracle {
    pub(crate) fn set_margin(&mut self, insurance: AccountId, percent: u32, interval_ns: i64) -> Applied {
        let account = self.account_of(insurance).ok_or(Refusal::UnknownAccount)?;
        require(
            self.accounts[account].role == AccountRole::House,
            Refusal::UnknownAccount,
        )?;
        let fits = percent <= 100 && (1_000_000..=DAY_NS).contains(&interval_ns);
        require(fits, Refusal::AmountOutOfRange)?;
        let currency = self.accounts[account].currency;
        if self
            .margin
            .insert(currency, (account, percent.into(), interval_ns))
            .is_none()
        {
            self.margin_order.push(currency);
        }
        self.emit(Event::MarginSet {
            insurance,
            maintenance_percent: percent,
            interval_ns,
        });
        self.arm_margin_check(currency);
        Ok((None, 0))
    }

    /// R13.3.
    pub(crate) fn arm_margin_check(&mut self, currency: Currency) {
        if let (None, Some(terms)) = (self.margin_check_at, self.margin.get(&currency)) {
            self.margin_check_at = Some(self.now.saturating_add(terms.2));
        }
    }

    /// Equity and requirement of an account that is below it (R13.4).
    fn shortfall(&self, account: usize) -> Option<(i128, i128)> {
        let a = &self.accounts[account];
        if a.kind != AccountKind::Margin || a.role != AccountRole::Customer {
            return None;
        }
        let percent = self.margin.get(&a.currency).map_or(0, |terms| terms.1);
        if percent == 0 {
            return None;
        }
        let requirement = divide_up(self.gross(account) * percent, a.limits.leverage_percent.into());
        let equity = self.equity(account);
        (equity < requirement).then_some((equity, requirement))
    }

    pub(crate) fn check_margin_if_due(&mut self) {
        if self.margin_check_at.is_some_and(|at| at <= self.now) {
            self.margin_check_at = None;
            if !self.closed {
                self.check_margin();
            }
        }
    }

    fn check_margin(&mut self) {
        for account in 0..self.accounts.len() {
            if let Some((equity, requirement)) = self.shortfall(account) {
                self.emit(Event::MarginCalled {
                    account: self.accounts[account].id,
                    equity,
                    requirement,
                });
                self.liquidate(account);
            }
        }
        self.drain();
    }

    fn liquidate(&mut self, account: usize) {
        let ranks: Vec<Rank> = self.accounts[account].orders.iter().copied().collect();
        self.sweep(&ranks, OrderStatus::Canceled, CloseReason::Liquidation);
        for takeover in [false, true] {
            for book in 0..self.books.len() {
                let Some(&(held, cost)) = self.accounts[account].positions.get(&book) else {
                    continue;
                };
                if self.shortfall(account).is_none() || self.suspended(book) || self.mark(book).is_none() {
                    continue;
                }
                if takeover {
                    self.take_over(account, book, held, cost);
                } else {
                    self.reduce(account, book, held);
                }
            }
        }
        let currency = self.accounts[account].currency;
        let owed = -self.accounts[account].cash;
        if self.accounts[account].positions.is_empty() && owed > 0 {
            self.pay(self.margin[&currency].0, account, CashKind::Deficit, owed);
        }
        if self.shortfall(account).is_some() {
            self.arm_margin_check(currency);
        }
    }

    fn reduce(&mut self, account: usize, book: usize, held: i128) {
        let id = OrderId(0x4c49_5155_4944_8000_8000_0000_0000_0000 + u128::from(self.ranks + 1));
        if self.ids.contains_key(&id) {
            return;
        }
        let order = Order {
            rank: 0,
            id,
            account,
            symbol: book,
            side: if held > 0 { Side::Sell } else { Side::Buy },
            kind: OrderKind::Market,
            time_in_force: TimeInForce::Ioc,
            quantity: held
                .abs()
                .min(round_down(MAX_QUANTITY.into(), self.books[book].spec.lot.into())),
            filled: 0,
            filled_notional: 0,
            limit: None,
            stop: None,
            trail: None,
            best: 0,
            display: None,
            post_only: false,
            reduce_only: true,
            prevention: SelfTradePrevention::None,
            state: State::Matching,
            triggered: false,
            stop_time: 0,
            best_time: 0,
            legs: Vec::new(),
            parent: None,
            sibling: None,
            adverse: 0,
            reserve_price: 0,
            fees: (self.maker_ppm, self.taker_ppm),
            fees_due: 0,
            key: None,
        };
        let rank = self.accept(order, None);
        self.match_order(rank);
    }

    /// R13.7.
    fn take_over(&mut self, account: usize, book: usize, held: i128, cost: i128) {
        let insurance = self.margin[&self.accounts[account].currency].0;
        let before = self.accounts[insurance].positions.get(&book).map_or(0, |p| p.0);
        if (before + held).abs() > MAX_POSITION.into() {
            return;
        }
        let value = self.value_of(book, held, cost);
        self.move_value(account, book, -held, value.abs());
        self.move_value(insurance, book, held, value.abs());
        for holder in [account, insurance] {
            let (position, cost) = self.accounts[holder].positions.get(&book).copied().unwrap_or((0, 0));
            self.emit(Event::PositionMoved {
                account: self.accounts[holder].id,
                symbol: self.books[book].spec.symbol,
                kind: PositionKind::Liquidation,
                position: narrow(position),
                cost,
            });
        }
        self.pay(insurance, account, CashKind::Liquidation, value);
    }

    fn pay(&mut self, from: usize, to: usize, kind: CashKind, amount: i128) {
        for (account, amount) in [(to, amount), (from, -amount)] {
            let a = &mut self.accounts[account];
            a.cash += amount;
            let (account, cash) = (a.id, a.cash);
            self.emit(Event::CashMoved {
                account,
                transfer: TransferId(0),
                kind,
                amount,
                cash,
            });
        }
    }
}
