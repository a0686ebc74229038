//! Splits and dividends: one position per step, against `WORLD`.

use crate::engine::Engine;
use crate::money::mul_div;
use crate::types::*;
use crate::work::{FollowUp, Job};
use crate::Events;

/// Highest numerator and denominator of a split.
const MAX_SPLIT: u32 = 1_000;

impl Engine {
    pub(crate) fn split(&mut self, symbol: Symbol, numerator: u32, denominator: u32, events: &mut Events) {
        let Some(instrument) = self.find_symbol(symbol) else {
            return self.refuse(Refusal::UnknownSymbol, events);
        };
        let range = 1..=MAX_SPLIT;
        if !range.contains(&numerator) || !range.contains(&denominator) || numerator == denominator {
            return self.refuse(Refusal::InvalidSplit, events);
        }
        let market = &self.markets[instrument as usize];
        // Neither a position nor the price may leave its range.
        let beyond = |slot: u32| {
            let lots = i128::from(self.ledger.positions[slot as usize].lots);
            lots.abs() * i128::from(numerator) / i128::from(denominator) > i128::from(market.max_position)
        };
        let too_dear = market.last.is_some_and(|last| {
            i128::from(last.price) * i128::from(denominator) / i128::from(numerator)
                > i128::from(MAX_PRICE / market.tick)
        });
        let accounts = 0..self.ledger.accounts.len() as u32;
        if too_dear
            || accounts
                .filter_map(|account| self.ledger.position(account, instrument))
                .any(beyond)
        {
            return self.refuse(Refusal::InvalidSplit, events);
        }
        self.work.sweep.clear();
        for slot in self.orders.by_acceptance() {
            if self.orders[slot].instrument == instrument {
                self.work.sweep.push((self.orders[slot].acceptance, slot));
            }
        }
        let follow_up = FollowUp::Split {
            instrument,
            numerator,
            denominator,
        };
        self.work.job = Job::Sweep {
            at: 0,
            reason: CloseReason::Split,
            follow_up,
        };
    }

    /// Applies a split after its orders are cancelled: withdraws quotes, sets the price, then starts with
    /// the accounts.
    pub(crate) fn apply_split(&mut self, instrument: u32, numerator: u32, denominator: u32, events: &mut Events) {
        self.withdraw_quotes(instrument, u32::MAX);
        let market = &mut self.markets[instrument as usize];
        let mut mark = 0;
        if let Some(last) = &mut market.last {
            let price = i128::from(last.price) * i128::from(denominator) / i128::from(numerator);
            last.price = (price as i64).max(1);
            mark = last.price;
        }
        events.push(Event::SplitApplied {
            symbol: self.definitions[instrument as usize].symbol,
            numerator,
            denominator,
        });
        self.work.job = Job::Split {
            instrument,
            at: 0,
            numerator,
            denominator,
            mark,
        };
    }

    /// Splits one account's position to whole lots, toward zero. The fraction is paid in cash at the new
    /// price, or at its share of the cost if there is no price.
    pub(crate) fn split_account(
        &mut self,
        instrument: u32,
        account: u32,
        numerator: u32,
        denominator: u32,
        mark: i64,
        events: &mut Events,
    ) {
        let Some(slot) = self.ledger.position(account, instrument) else {
            return;
        };
        let position = self.ledger.positions[slot as usize];
        if position.lots == 0 {
            return;
        }
        let (numerator, denominator) = (i128::from(numerator), i128::from(denominator));
        let exact = i128::from(position.lots) * numerator;
        let lots = exact / denominator;
        let fraction = exact - lots * denominator;
        let kept = mul_div(position.cost, (lots * denominator).abs(), exact.abs());
        let cash = if mark > 0 {
            fraction * i128::from(mark) * self.markets[instrument as usize].unit / denominator
        } else {
            mul_div(position.cost, fraction.abs(), exact.abs())
        };
        self.set_position(
            account,
            instrument,
            slot,
            lots as i64,
            kept,
            PositionKind::Split,
            events,
        );
        if cash != 0 {
            self.move_cash(account, TransferId(0), CashKind::CashInLieu, cash, events);
        }
    }

    pub(crate) fn dividend(&mut self, symbol: Symbol, amount: Money, events: &mut Events) {
        let Some(instrument) = self.find_symbol(symbol) else {
            return self.refuse(Refusal::UnknownSymbol, events);
        };
        if !(1..=Money::from(MAX_PRICE)).contains(&amount) {
            return self.refuse(Refusal::AmountOutOfRange, events);
        }
        self.work.job = Job::Dividend {
            instrument,
            at: 0,
            amount,
        };
    }

    pub(crate) fn pay_dividend(&mut self, instrument: u32, account: u32, amount: Money, events: &mut Events) {
        let Some(slot) = self.ledger.position(account, instrument) else {
            return;
        };
        let lots = i128::from(self.ledger.positions[slot as usize].lots);
        let quantity = lots * i128::from(self.markets[instrument as usize].lot);
        let cash = amount * quantity / i128::from(NANOS);
        if cash != 0 {
            self.move_cash(account, TransferId(0), CashKind::Dividend, cash, events);
        }
    }
}
