//! Accounts: opening, limits, states, and cash that moves other than by a trade.

use crate::engine::{Engine, MAX_ACCOUNTS};
use crate::ladder::NIL;
use crate::ledger::Ledger;
use crate::money::mul_div;
use crate::types::*;
use crate::work::{FollowUp, Job};
use crate::Events;

impl Engine {
    pub(crate) fn open_account(
        &mut self,
        id: AccountId,
        kind: AccountKind,
        role: AccountRole,
        currency: Currency,
        events: &mut Events,
    ) {
        if id == WORLD || id == FEES || self.ledger.find(id).is_some() {
            return self.refuse(Refusal::AccountExists, events);
        }
        if self.ledger.accounts.len() == MAX_ACCOUNTS {
            return self.refuse(Refusal::AccountsFull, events);
        }
        let Some(currency_index) = self.ledger.currency_index(currency) else {
            return self.refuse(Refusal::CurrencyMismatch, events);
        };
        self.ledger
            .open_account(Ledger::new_account(id, kind, role, currency_index));
        events.push(Event::AccountOpened {
            account: id,
            kind,
            role,
            currency,
        });
    }

    fn cash_moved(&self, account: u32, transfer: TransferId, kind: CashKind, amount: Money) -> Event {
        let owner = &self.ledger.accounts[account as usize];
        Event::CashMoved {
            account: owner.id,
            transfer,
            kind,
            amount,
            cash: owner.cash,
        }
    }

    /// Moves cash against `WORLD` and emits `CashMoved`.
    pub(crate) fn move_cash(
        &mut self,
        account: u32,
        transfer: TransferId,
        kind: CashKind,
        amount: Money,
        events: &mut Events,
    ) {
        self.ledger.transfer(account, amount);
        events.push(self.cash_moved(account, transfer, kind, amount));
    }

    pub(crate) fn deposit(
        &mut self,
        id: AccountId,
        transfer: TransferId,
        amount: Money,
        request: Option<Request>,
        events: &mut Events,
    ) {
        if !self.admit_request(request, events) {
            return;
        }
        let account = match self.other_sender(self.customer(id)) {
            Ok(account) => account,
            Err(reason) => return self.refuse(reason, events),
        };
        if !(1..=MAX_TRANSFER).contains(&amount) {
            return self.refuse(Refusal::AmountOutOfRange, events);
        }
        if self.ledger.knows_transfer(transfer) {
            return self.refuse(Refusal::DuplicateTransfer, events);
        }
        self.ledger.record_transfer(transfer);
        self.ledger.accounts[account as usize].baseline += amount;
        self.move_cash(account, transfer, CashKind::Deposit, amount, events);
    }

    pub(crate) fn withdraw(
        &mut self,
        id: AccountId,
        transfer: TransferId,
        amount: Money,
        request: Option<Request>,
        events: &mut Events,
    ) {
        if !self.admit_request(request, events) {
            return;
        }
        let account = match self.other_sender(self.active_customer(id)) {
            Ok(account) => account,
            Err(reason) => return self.refuse(reason, events),
        };
        if !(1..=MAX_TRANSFER).contains(&amount) {
            return self.refuse(Refusal::AmountOutOfRange, events);
        }
        if self.ledger.knows_transfer(transfer) {
            return self.refuse(Refusal::DuplicateTransfer, events);
        }
        if amount > self.withdrawable(account) {
            return self.refuse(Refusal::InsufficientCash, events);
        }
        self.ledger.record_transfer(transfer);
        self.ledger.accounts[account as usize].baseline -= amount;
        self.move_cash(account, transfer, CashKind::Withdrawal, -amount, events);
    }

    /// Cash that the account can withdraw without breaking a reserve or its leverage (R2.18, R2.19).
    pub(crate) fn withdrawable(&self, account: u32) -> Money {
        let owner = &self.ledger.accounts[account as usize];
        let free = match owner.kind {
            AccountKind::Cash => owner.cash - owner.reserved,
            AccountKind::Margin => {
                let valuation = self.valuation(account);
                let leverage = Money::from(owner.limits.leverage_percent);
                let bound = valuation.used;
                // Rounded up, so that the bound cash is never too little.
                let bound = mul_div(bound, 100, leverage) + Money::from(has_remainder(bound, leverage));
                (valuation.equity - bound).min(owner.cash)
            }
        };
        free.max(0)
    }

    pub(crate) fn reset_account(
        &mut self,
        id: AccountId,
        transfer: TransferId,
        cash: Money,
        request: Option<Request>,
        events: &mut Events,
    ) {
        if !self.admit_request(request, events) {
            return;
        }
        let account = match self.other_sender(self.active_customer(id)) {
            Ok(account) => account,
            Err(reason) => return self.refuse(reason, events),
        };
        if !(0..=MAX_TRANSFER).contains(&cash) {
            return self.refuse(Refusal::AmountOutOfRange, events);
        }
        if self.ledger.knows_transfer(transfer) {
            return self.refuse(Refusal::DuplicateTransfer, events);
        }
        self.ledger.record_transfer(transfer);
        self.sweep_account(account, None);
        let follow_up = FollowUp::Reset {
            account,
            transfer,
            cash,
        };
        self.work.job = Job::Sweep {
            at: 0,
            reason: CloseReason::AccountReset,
            follow_up,
        };
    }

    /// Moves one position per step to `WORLD`, then sets the cash.
    pub(crate) fn reset_step(
        &mut self,
        account: u32,
        at: usize,
        transfer: TransferId,
        cash: Money,
        events: &mut Events,
    ) {
        let Some(&(instrument, slot)) = self.ledger.accounts[account as usize].positions.get(at) else {
            let amount = cash - self.ledger.accounts[account as usize].cash;
            self.ledger.accounts[account as usize].baseline = cash;
            return self.move_cash(account, transfer, CashKind::Reset, amount, events);
        };
        self.work.job = Job::Positions {
            account,
            at: at + 1,
            transfer,
            cash,
        };
        if self.ledger.positions[slot as usize].lots != 0 {
            self.set_position(account, instrument, slot, 0, 0, PositionKind::Reset, events);
        }
    }

    /// Sets a position against `WORLD` and emits `PositionMoved`.
    #[allow(clippy::too_many_arguments)] // all values of one posting
    pub(crate) fn set_position(
        &mut self,
        account: u32,
        instrument: u32,
        slot: u32,
        lots: i64,
        cost: Money,
        kind: PositionKind,
        events: &mut Events,
    ) {
        let market = &mut self.markets[instrument as usize];
        self.ledger.move_lots(slot, lots, cost, &mut market.world);
        events.push(Event::PositionMoved {
            account: self.ledger.accounts[account as usize].id,
            symbol: self.definitions[instrument as usize].symbol,
            kind,
            position: lots * market.lot,
            cost,
        });
    }

    pub(crate) fn set_limits(&mut self, id: AccountId, limits: Limits, events: &mut Events) {
        let account = match self.customer(id) {
            Ok(account) => account,
            Err(reason) => return self.refuse(reason, events),
        };
        let owner = &mut self.ledger.accounts[account as usize];
        let leverage = match owner.kind {
            AccountKind::Cash => CASH_LEVERAGE_PERCENT..=CASH_LEVERAGE_PERCENT,
            AccountKind::Margin => CASH_LEVERAGE_PERCENT..=MAX_LEVERAGE_PERCENT,
        };
        let valid = (1..=MAX_OPEN_ORDERS_PER_ACCOUNT).contains(&limits.max_open_orders)
            && (1..=MAX_ORDERS_PER_SECOND).contains(&limits.max_orders_per_second)
            && leverage.contains(&limits.leverage_percent)
            && limits.max_order_quantity.is_none_or(|max| max > 0)
            && limits.max_order_notional.is_none_or(|max| max > 0)
            && limits.max_position.is_none_or(|max| max > 0)
            && limits.max_daily_loss.is_none_or(|max| max > 0);
        if !valid {
            return self.refuse(Refusal::InvalidLimits, events);
        }
        owner.limits = limits;
        // The cover of the open orders depends on the leverage.
        let mut slot = owner.oldest;
        while slot != NIL {
            self.set_cover(slot);
            slot = self.orders[slot].newer;
        }
        events.push(Event::LimitsSet { account: id, limits });
    }

    pub(crate) fn set_account_state(&mut self, id: AccountId, state: AccountState, events: &mut Events) {
        let account = match self.customer(id) {
            Ok(account) => Ok(account),
            Err(Refusal::AccountClosed) => self.ledger.find(id).ok_or(Refusal::UnknownAccount),
            Err(reason) => Err(reason),
        };
        let account = match account {
            Ok(account) => account,
            Err(reason) => return self.refuse(reason, events),
        };
        if state == AccountState::Closed && self.ledger.symbols_in_use(account) > 0 {
            return self.refuse(Refusal::AccountNotFlat, events);
        }
        self.ledger.accounts[account as usize].state = state;
        events.push(Event::AccountStateSet { account: id, state });
        if matches!(state, AccountState::ReduceOnly | AccountState::Suspended) {
            self.make_reduce_only(account);
        }
    }
}

impl Engine {
    /// R3.14: all open orders of the account become reduce-only. Those that would exceed a position end.
    fn make_reduce_only(&mut self, account: u32) {
        let mut slot = self.ledger.accounts[account as usize].oldest;
        while slot != NIL {
            let order = &self.orders[slot];
            let (counted, reduce_only, newer) = (order.counted, order.reduce_only, order.newer);
            if !reduce_only {
                self.uncount(slot);
                self.orders[slot].reduce_only = true;
                if counted {
                    self.count(slot);
                }
            }
            slot = newer;
        }
        for at in 0..self.ledger.accounts[account as usize].positions.len() {
            let (instrument, position) = self.ledger.accounts[account as usize].positions[at];
            if self.ledger.positions[position as usize].reduce_only_excess().is_some() {
                self.work.reduce_only_checks.push_back((account, instrument, position));
            }
        }
    }
}

/// Does `value × 100 / by` leave a remainder?
fn has_remainder(value: Money, by: Money) -> bool {
    // The bound is ≤ 1e30, so the product fits.
    value * 100 % by != 0
}
