//! Questions to the engine: nothing here changes anything.

use crate::engine::Engine;
use crate::risk::Released;
use crate::types::*;
use crate::{AccountView, FeedView, Level, PositionView, Quote, RiskView};

impl Engine {
    /// True: the last command is not done; only `Continue` may come.
    pub fn needs_continue(&self) -> bool {
        self.work.unfinished
    }

    /// Sequence of the last command applied.
    pub fn sequence(&self) -> CommandSequence {
        self.sequence
    }

    /// Epoch of the last `EngineStarted`.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Accounts ever opened, customers' and house; `WORLD` and `FEES` are none.
    pub fn accounts(&self) -> usize {
        self.ledger.accounts.len()
    }

    /// Feeds of the outside market, in order of definition.
    pub fn feeds(&self) -> impl Iterator<Item = FeedView> + '_ {
        self.feeds.iter().map(|feed| FeedView {
            feed: feed.id,
            silence_ns: feed.silence_ns,
            last_message_at: feed.last_message_at,
        })
    }

    /// Between sessions: nothing trades, and outside quotes are refused.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Live orders of all accounts: in a book, stops, waiting, and held legs.
    pub fn open_orders(&self) -> usize {
        self.orders.live
    }

    pub fn quote(&self, symbol: Symbol) -> Option<Quote> {
        let market = &self.markets[self.find_symbol(symbol)? as usize];
        let best = |side| {
            let level = market.book.best_level(side)?;
            Some((level.price * market.tick, level.quantity.saturating_mul(market.lot)))
        };
        Some(Quote {
            bid: best(Side::Buy),
            ask: best(Side::Sell),
            last: market
                .last
                .map(|last| (last.price * market.tick, last.quantity, last.at)),
            halted: market.halted,
        })
    }

    /// At most `depth` levels a side, best first; `false` = unknown symbol.
    pub fn book(&self, symbol: Symbol, depth: usize, bids: &mut Vec<Level>, asks: &mut Vec<Level>) -> bool {
        let Some(instrument) = self.find_symbol(symbol) else {
            return false;
        };
        let market = &self.markets[instrument as usize];
        for (side, out) in [(Side::Buy, bids), (Side::Sell, asks)] {
            out.extend(market.book.levels(side).take(depth).map(|level| Level {
                price: level.price * market.tick,
                quantity: level.quantity.saturating_mul(market.lot),
                orders: level.orders,
            }));
        }
        true
    }

    /// `WORLD` and `FEES` are shown with their cash in the first currency that was used.
    pub fn account(&self, account: AccountId) -> Option<AccountView> {
        if account == WORLD || account == FEES {
            return Some(self.till_view(account));
        }
        let slot = self.ledger.find(account)?;
        let owner = &self.ledger.accounts[slot as usize];
        let worth = self.worth(slot);
        Some(AccountView {
            account,
            kind: owner.kind,
            role: owner.role,
            state: owner.state,
            currency: self.ledger.tills[owner.currency as usize].currency,
            cash: owner.cash,
            reserved: owner.reserved,
            equity: worth.equity,
            gross: worth.gross,
            buying_power: self.buying_power(slot).max(0),
            withdrawable: self.withdrawable(slot),
            daily_loss_baseline: owner.baseline,
            open_orders: owner.open_orders,
            limits: owner.limits,
        })
    }

    /// Cash of `WORLD` and of `FEES` in a currency.
    pub fn world_and_fees(&self, currency: Currency) -> Option<(Money, Money)> {
        let till = self.ledger.tills.iter().find(|till| till.currency == currency)?;
        Some((till.world, till.fees))
    }

    fn till_view(&self, account: AccountId) -> AccountView {
        let till = self.ledger.tills.first();
        let cash = till.map_or(0, |till| if account == WORLD { till.world } else { till.fees });
        AccountView {
            account,
            kind: AccountKind::Margin,
            role: AccountRole::House,
            state: AccountState::Active,
            currency: till.map_or(Currency::default(), |till| till.currency),
            cash,
            reserved: 0,
            equity: cash,
            gross: 0,
            buying_power: 0,
            withdrawable: 0,
            daily_loss_baseline: 0,
            open_orders: 0,
            limits: crate::ledger::Ledger::default_limits(AccountKind::Margin),
        }
    }

    /// Positions other than zero, or with open orders, in order of instrument definition.
    /// `false` = unknown account.
    pub fn positions(&self, account: AccountId, out: &mut Vec<PositionView>) -> bool {
        if account == WORLD || account == FEES {
            return true;
        }
        let Some(slot) = self.ledger.find(account) else {
            return false;
        };
        for &(instrument, slot) in &self.ledger.accounts[slot as usize].positions {
            let position = &self.ledger.positions[slot as usize];
            if !position.in_use() {
                continue;
            }
            let market = &self.markets[instrument as usize];
            out.push(PositionView {
                symbol: self.definitions[instrument as usize].symbol,
                quantity: position.lots * market.lot,
                cost: position.cost,
                mark: market.mark().map(|mark| mark * market.tick),
                open_buys: position.open_buys.saturating_mul(market.lot),
                open_sells: position.open_sells.saturating_mul(market.lot),
            });
        }
        true
    }

    /// A live order (an ended one is known only to those who read events, and to its request).
    pub fn order(&self, order: OrderId) -> Option<OrderSummary> {
        Some(self.summary(self.orders.find(order)?, None))
    }

    /// In order of definition.
    pub fn instruments(&self) -> &[Instrument] {
        &self.definitions
    }

    /// The checks 2 to 16 of `PlaceOrder` without placing; `now` for rate and expiry.
    pub fn check(&self, now: Timestamp, order: &PlaceOrder) -> Result<RiskView, Refusal> {
        let (candidate, _, _, reference) = self.examine(now, order)?;
        self.admit_rate(candidate.account, now)?;
        let admission = self.admit_risk(&candidate, Released::default(), reference)?;
        let tick = self.markets[candidate.instrument as usize].tick;
        let buying_power = if admission.increase > 0 {
            admission.buying_power
        } else {
            self.buying_power(candidate.account)
        };
        Ok(RiskView {
            reserve: admission.reserve,
            reserve_price: admission.reserve_price * tick,
            buying_power,
            reference: reference.map(|reference| reference * tick),
        })
    }

    /// Largest quantity (whole lots) that [`Engine::check`] would admit for this order, its own quantity
    /// and display quantity ignored; 0 where the account's limits or means admit none. Errors: what
    /// would be refused at any quantity.
    pub fn max_order_size(&self, now: Timestamp, order: &PlaceOrder) -> Result<Quantity, Refusal> {
        use Refusal::*;
        let instrument = self.find_symbol(order.symbol);
        let lot = instrument.map_or(1, |at| self.markets[at as usize].lot);
        let admits = |lots: i64| {
            self.check(
                now,
                &PlaceOrder {
                    quantity: lots * lot,
                    display_quantity: None,
                    ..*order
                },
            )
        };
        match admits(1) {
            Ok(_) => {}
            Err(
                OrderQuantityLimit
                | OrderNotionalLimit
                | ReduceOnlyWouldIncrease
                | AccountReduceOnly
                | DailyLossLimit
                | PositionLimit
                | InsufficientPosition
                | InsufficientBuyingPower
                | LeverageLimit,
            ) => return Ok(0),
            Err(reason) => return Err(reason),
        }
        // Every check that depends on the quantity refuses more where it refuses less.
        let (mut good, mut bad) = (1, MAX_QUANTITY / lot + 1);
        while bad - good > 1 {
            let middle = good + (bad - good) / 2;
            if admits(middle).is_ok() {
                good = middle;
            } else {
                bad = middle;
            }
        }
        Ok(good * lot)
    }

    /// Is this request known, and with which first result? (`None`: not seen.)
    pub fn first_result(&self, key: u128) -> Option<FirstResult> {
        self.requests.find(key).map(|record| record.first)
    }
}
