//! Maintenance margin: accounts whose equity is too low are liquidated (§13).
//!
//! A print arms a check, which is due an interval later. It examines all margin accounts. One below its requirement
//! loses its open orders, then its positions, one after the other, until the requirement is met: first through the
//! book, what is left to the insurance account at the mark. The insurance account also takes over what a flat account
//! owes.
//!
//! # Cost
//! A check reads every account once. At most one check runs in an interval, and none without a print.

use crate::engine::Engine;
use crate::money::divide;
use crate::orders::{Order, BLANK};
use crate::types::*;
use crate::work::{FollowUp, Job};
use crate::Events;

/// An order of the engine itself has this id plus its acceptance (a UUID of version 8).
const LIQUIDATION_IDS: u128 = 0x4c49_5155_4944_8000_8000_0000_0000_0000;
const INTERVALS_NS: std::ops::RangeInclusive<i64> = 1_000_000..=86_400 * NANOS;

/// The terms of one currency, which is that of the insurance account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MarginTerms {
    /// Slot of the account.
    pub insurance: u32,
    /// In percent of the initial requirement; 0: no account is liquidated.
    pub maintenance_percent: u32,
    pub interval_ns: i64,
}

impl Engine {
    /// R13.1, R13.2.
    pub(crate) fn set_margin(
        &mut self,
        insurance: AccountId,
        maintenance_percent: u32,
        interval_ns: i64,
        events: &mut Events,
    ) {
        let found = self.ledger.find(insurance);
        let Some(account) = found.filter(|&at| self.ledger.accounts[at as usize].role == AccountRole::House) else {
            return self.refuse(Refusal::UnknownAccount, events);
        };
        if maintenance_percent > 100 || !INTERVALS_NS.contains(&interval_ns) {
            return self.refuse(Refusal::AmountOutOfRange, events);
        }
        let terms = MarginTerms {
            insurance: account,
            maintenance_percent,
            interval_ns,
        };
        let currency = self.ledger.accounts[account as usize].currency;
        let accounts = &self.ledger.accounts;
        let same = |each: &&mut MarginTerms| accounts[each.insurance as usize].currency == currency;
        match self.margin_terms.iter_mut().find(same) {
            Some(each) => *each = terms,
            None => self.margin_terms.push(terms),
        }
        events.push(Event::MarginSet {
            insurance,
            maintenance_percent,
            interval_ns,
        });
        self.arm_margin_check(currency);
    }

    fn terms(&self, currency: u32) -> Option<&MarginTerms> {
        let of = |terms: &&MarginTerms| self.ledger.accounts[terms.insurance as usize].currency == currency;
        self.margin_terms.iter().find(of)
    }

    /// A check becomes due, if none is (R13.3).
    #[inline]
    pub(crate) fn arm_margin_check(&mut self, currency: u32) {
        if self.margin_check_at.is_some() || self.margin_terms.is_empty() {
            return;
        }
        if let Some(terms) = self.terms(currency) {
            let at = self.now.saturating_add(terms.interval_ns);
            self.margin_check_at = Some(at);
            self.next_due_at = self.next_due_at.min(at);
        }
    }

    /// R13.3: also when a session begins, for what moved before.
    pub(crate) fn arm_margin_checks(&mut self) {
        for at in 0..self.margin_terms.len() {
            let insurance = self.margin_terms[at].insurance;
            self.arm_margin_check(self.ledger.accounts[insurance as usize].currency);
        }
    }

    pub(crate) fn margin_is_due(&self) -> bool {
        self.margin_check_at.is_some_and(|at| at <= self.now)
    }

    pub(crate) fn start_margin_check(&mut self) {
        self.margin_check_at = None;
        if !self.closed {
            self.work.job = Job::MarginCheck { at: 0 };
        }
    }

    /// What the account's equity must not fall below (R13.4). `None`: the account cannot be liquidated.
    pub(crate) fn maintenance(&self, account: u32, gross: Money) -> Option<Money> {
        let owner = &self.ledger.accounts[account as usize];
        if owner.kind != AccountKind::Margin || owner.role != AccountRole::Customer {
            return None;
        }
        let terms = self.terms(owner.currency)?;
        if terms.maintenance_percent == 0 {
            return None;
        }
        let leverage = Money::from(owner.limits.leverage_percent);
        Some(divide(
            gross * Money::from(terms.maintenance_percent) + leverage - 1,
            leverage,
        ))
    }

    /// Equity and requirement of an account that is below it.
    fn shortfall(&self, account: u32) -> Option<(Money, Money)> {
        let owner = &self.ledger.accounts[account as usize];
        if owner.cash >= 0 && owner.positions.is_empty() {
            return None;
        }
        let valuation = self.valuation(account);
        let requirement = self.maintenance(account, valuation.gross)?;
        (valuation.equity < requirement).then_some((valuation.equity, requirement))
    }

    fn next_shortfall(&self, at: u32) -> Option<(u32, Money, Money)> {
        (at..self.ledger.accounts.len() as u32).find_map(|account| {
            let (equity, requirement) = self.shortfall(account)?;
            Some((account, equity, requirement))
        })
    }

    /// Is the next step of a check a unit of work?
    pub(crate) fn margin_step_is_unit(&self, job: &Job) -> bool {
        match *job {
            Job::MarginCheck { at } => self.next_shortfall(at).is_some(),
            Job::Liquidate { account, at, takeover } => self.next_to_liquidate(account, at, takeover).is_some(),
            _ => false,
        }
    }

    pub(crate) fn margin_check_step(&mut self, at: u32, events: &mut Events) {
        let Some((account, equity, requirement)) = self.next_shortfall(at) else {
            return;
        };
        events.push(Event::MarginCalled {
            account: self.ledger.accounts[account as usize].id,
            equity,
            requirement,
        });
        self.sweep_account(account, None);
        self.work.job = Job::Sweep {
            at: 0,
            reason: CloseReason::Liquidation,
            follow_up: FollowUp::Liquidate { account },
        };
    }

    /// The next position, from index `at` of the account's list on, that can be reduced or taken over.
    fn next_to_liquidate(&self, account: u32, at: usize, takeover: bool) -> Option<usize> {
        self.shortfall(account)?;
        let list = &self.ledger.accounts[account as usize].positions;
        (at..list.len()).find(|&index| {
            let (instrument, slot) = list[index];
            let lots = self.ledger.positions[slot as usize].lots;
            let market = &self.markets[instrument as usize];
            let tradable = lots != 0 && self.trading(instrument) && market.mark().is_some();
            tradable && (!takeover || self.insurance_accepts(account, instrument, lots))
        })
    }

    fn insurance_accepts(&self, account: u32, instrument: u32, lots: i64) -> bool {
        let currency = self.ledger.accounts[account as usize].currency;
        let Some(terms) = self.terms(currency) else {
            return false;
        };
        let held = self.ledger.position(terms.insurance, instrument);
        let held = held.map_or(0, |slot| self.ledger.positions[slot as usize].lots);
        let reached = (i128::from(held) + i128::from(lots)).abs();
        reached <= i128::from(self.markets[instrument as usize].max_position)
    }

    pub(crate) fn liquidate_step(&mut self, account: u32, at: usize, takeover: bool, events: &mut Events) {
        match (self.next_to_liquidate(account, at, takeover), takeover) {
            (Some(index), _) => {
                self.work.job = Job::Liquidate {
                    account,
                    at: index + 1,
                    takeover,
                };
                let (instrument, position) = self.ledger.accounts[account as usize].positions[index];
                if takeover {
                    self.take_over(account, instrument, position, events);
                } else {
                    self.reduce(account, instrument, position, events);
                }
            }
            (None, false) => {
                self.work.job = Job::Liquidate {
                    account,
                    at: 0,
                    takeover: true,
                };
            }
            (None, true) => {
                self.cover_deficit(account, events);
                if self.shortfall(account).is_some() {
                    // A halt or a bound stopped it: the next check tries again.
                    self.arm_margin_check(self.ledger.accounts[account as usize].currency);
                }
                self.work.job = Job::MarginCheck { at: account + 1 };
            }
        }
    }

    /// Sells a long position or buys back a short one with a market order of the engine (R13.6).
    fn reduce(&mut self, account: u32, instrument: u32, position: u32, events: &mut Events) {
        let lots = self.ledger.positions[position as usize].lots;
        let id = OrderId(LIQUIDATION_IDS + u128::from(self.orders.last_acceptance + 1));
        if self.orders.find(id).is_some() {
            return; // A client chose this id. The insurance account takes over.
        }
        let largest = MAX_QUANTITY / self.markets[instrument as usize].lot;
        let slot = self.insert_order(Order {
            id,
            account,
            instrument,
            position,
            side: if lots > 0 { Side::Sell } else { Side::Buy },
            kind: OrderKind::Market,
            time_in_force: TimeInForce::Ioc,
            self_trade: SelfTradePrevention::None,
            reduce_only: true,
            quantity: lots.abs().min(largest),
            maker_ppm: self.maker_ppm,
            taker_ppm: self.taker_ppm,
            ..BLANK
        });
        self.count(slot);
        self.emit_accepted(slot, None, events);
        self.start_pass(slot, events);
    }

    /// The insurance account takes over a whole position at the mark (R13.7).
    fn take_over(&mut self, account: u32, instrument: u32, position: u32, events: &mut Events) {
        let currency = self.ledger.accounts[account as usize].currency;
        let Some(&MarginTerms { insurance, .. }) = self.terms(currency) else {
            return;
        };
        let lots = self.ledger.positions[position as usize].lots;
        let Some(value) = self.markets[instrument as usize].value(lots) else {
            return;
        };
        let other = self.ledger.position_or_new(insurance, instrument);
        let (closing, opening) = if lots > 0 {
            (Side::Sell, Side::Buy)
        } else {
            (Side::Buy, Side::Sell)
        };
        self.ledger.post_lots(position, closing, lots.abs(), value.abs());
        self.ledger.post_lots(other, opening, lots.abs(), value.abs());
        for (holder, slot) in [(account, position), (insurance, other)] {
            let held = self.ledger.positions[slot as usize];
            events.push(Event::PositionMoved {
                account: self.ledger.accounts[holder as usize].id,
                symbol: self.definitions[instrument as usize].symbol,
                kind: PositionKind::Liquidation,
                position: held.lots * self.markets[instrument as usize].lot,
                cost: held.cost,
            });
        }
        self.pay(insurance, account, CashKind::Liquidation, value, events);
    }

    /// The insurance account pays what a flat account owes (R13.8).
    fn cover_deficit(&mut self, account: u32, events: &mut Events) {
        let owner = &self.ledger.accounts[account as usize];
        let flat = owner
            .positions
            .iter()
            .all(|&(_, slot)| self.ledger.positions[slot as usize].lots == 0);
        let owed = -owner.cash;
        if !flat || owed <= 0 {
            return;
        }
        if let Some(&MarginTerms { insurance, .. }) = self.terms(owner.currency) {
            self.pay(insurance, account, CashKind::Deficit, owed, events);
        }
    }

    fn pay(&mut self, from: u32, to: u32, kind: CashKind, amount: Money, events: &mut Events) {
        for (account, amount) in [(to, amount), (from, -amount)] {
            let cash = self.ledger.post_cash(account, amount);
            events.push(Event::CashMoved {
                account: self.ledger.accounts[account as usize].id,
                transfer: TransferId(0),
                kind,
                amount,
                cash,
            });
        }
        self.ledger.assert_balanced();
    }
}
