//! Read-only queries of the state.

use crate::engine::Engine;
use crate::risk::Released;
use crate::types::*;
use crate::{AccountView, FeedView, Level, OrderState, PositionView, Quote, RiskView};

impl Engine {
    /// True while the last command is unfinished: the next command must be `Continue`.
    pub fn needs_continue(&self) -> bool {
        self.work.unfinished
    }

    /// Sequence of the last applied command.
    pub fn sequence(&self) -> CommandSequence {
        self.sequence
    }

    /// Epoch of the last `EngineStarted`.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Number of accounts ever opened, customers' and house accounts. `WORLD` and `FEES` do not count.
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

    /// True between sessions: nothing trades, and outside quotes are refused.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Open orders of all accounts: resting orders, stops, waiting orders and held legs.
    pub fn open_orders(&self) -> usize {
        self.orders.count
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

    /// At most `depth` levels per side, best first. Returns false if the symbol is unknown.
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

    /// One account. `WORLD` and `FEES` have their cash in the currency that was used first.
    pub fn account(&self, account: AccountId) -> Option<AccountView> {
        if account == WORLD || account == FEES {
            return Some(self.system_account_view(account));
        }
        let slot = self.ledger.find(account)?;
        let owner = &self.ledger.accounts[slot as usize];
        let valuation = self.valuation(slot);
        Some(AccountView {
            account,
            kind: owner.kind,
            role: owner.role,
            state: owner.state,
            currency: self.ledger.currencies[owner.currency as usize].currency,
            cash: owner.cash,
            reserved: match owner.kind {
                AccountKind::Cash => owner.reserved,
                AccountKind::Margin => valuation.used - valuation.gross,
            },
            equity: valuation.equity,
            gross: valuation.gross,
            buying_power: self.buying_power(slot).max(0),
            withdrawable: self.withdrawable(slot),
            daily_loss_baseline: owner.baseline,
            open_orders: owner.open_orders,
            maintenance: self.maintenance(slot, valuation.gross).unwrap_or(0),
            limits: owner.limits,
        })
    }

    /// Cash of `WORLD` and of `FEES` in a currency.
    pub fn world_and_fees(&self, currency: Currency) -> Option<(Money, Money)> {
        let balances = self
            .ledger
            .currencies
            .iter()
            .find(|balances| balances.currency == currency)?;
        Some((balances.world, balances.fees))
    }

    fn system_account_view(&self, account: AccountId) -> AccountView {
        let balances = self.ledger.currencies.first();
        let cash = balances.map_or(0, |balances| {
            if account == WORLD {
                balances.world
            } else {
                balances.fees
            }
        });
        AccountView {
            account,
            kind: AccountKind::Margin,
            role: AccountRole::House,
            state: AccountState::Active,
            currency: balances.map_or(Currency::default(), |balances| balances.currency),
            cash,
            reserved: 0,
            equity: cash,
            gross: 0,
            buying_power: 0,
            withdrawable: 0,
            daily_loss_baseline: 0,
            maintenance: 0,
            open_orders: 0,
            limits: crate::ledger::Ledger::default_limits(AccountKind::Margin),
        }
    }

    /// Positions that are not zero or have open orders, in order of instrument definition. Returns false if
    /// the account is unknown.
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

    /// Every open order in its current state, in order of acceptance. A follower of the events starts from these.
    pub fn open_order_states(&self) -> Vec<OrderState> {
        let state = |slot: u32| {
            let order = &self.orders[slot];
            let market = &self.markets[order.instrument as usize];
            OrderState {
                order: order.id,
                account: self.ledger.accounts[order.account as usize].id,
                status: order.reported_status(),
                quantity: order.quantity * market.lot,
                filled: order.filled * market.lot,
                filled_notional: order.filled_notional,
                limit_price: market.price(order.limit),
                stop_price: market.price(order.stop),
                trail: order.trail,
            }
        };
        self.orders.by_acceptance().into_iter().map(state).collect()
    }

    /// An open order. Only events and the first result of its request report an order that has ended.
    pub fn order(&self, order: OrderId) -> Option<OrderSummary> {
        Some(self.summary(self.orders.find(order)?, None))
    }

    /// Instruments in order of definition.
    pub fn instruments(&self) -> &[Instrument] {
        &self.definitions
    }

    /// R4.6 to R4.48 without placing the order. `now` is used for rate and expiry.
    pub fn check(&self, now: Timestamp, order: &PlaceOrder) -> Result<RiskView, Refusal> {
        let (candidate, _, _, reference) = self.check_place(now, order)?;
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

    /// Largest quantity (in whole lots) that [`Engine::check`] would admit for this order. The order's own
    /// quantity and display quantity are ignored. 0: the account's limits or means admit no quantity.
    /// Errors: the reason that would refuse every quantity.
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
        // Binary search: each check that depends on the quantity also refuses every larger quantity.
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

    /// The order that the last command was refused to place, rejected. For `idempotency_conflict` it is the first
    /// order with the key. `None`: the last command placed no order or was not refused, or the order's id is not the
    /// sender's own (`unknown_account`, `duplicate_order_id`).
    pub fn refused_order(&self) -> Option<OrderSummary> {
        self.work.refused_order
    }

    /// The first result of a request key. `None`: the key is unknown.
    pub fn first_result(&self, key: u128) -> Option<FirstResult> {
        self.requests.first(key)
    }
}
