//! Accounts, positions, and the double-entry postings between them.
//!
//! # Invariants
//! - Cash sums to zero per currency and lots sum to zero per instrument.
//! - Every movement goes through the `post_*` functions or [`Ledger::move_lots`]. They add it to an
//!   imbalance. The caller posts the other side too; [`Ledger::assert_balanced`] then asserts, also in
//!   release builds, that both imbalances are zero.
//!
//! # Layout
//! `WORLD` and `FEES` have no `Account`. Each is one cash counter per currency; the lots of `WORLD` are in
//! `Market::world`. Positions are in a pool. An account holds a list of (instrument, position slot) sorted
//! by instrument, so iteration follows the order of definition. A position slot is never freed: the number
//! of instruments bounds the list.

use crate::index::FlatIndex;
use crate::ladder::NIL;
use crate::money::mul_div;
use crate::types::*;

/// Most currencies. `WORLD` and `FEES` have a counter in each.
pub(crate) const MAX_CURRENCIES: usize = 64;

#[derive(Clone, Copy, Debug)]
pub(crate) struct CurrencyBalances {
    pub currency: Currency,
    pub world: Money,
    pub fees: Money,
}

/// A fill or a cancel touches the first cache line, a check reads the second.
#[derive(Clone, Debug)]
#[repr(C, align(64))]
pub(crate) struct Account {
    pub id: AccountId,
    pub cash: Money,
    /// Exposure and cover of the open buys. A cash account has no other need (R4.53).
    pub reserved: Money,
    /// Oldest and newest open order, by acceptance.
    pub oldest: u32,
    pub newest: u32,
    /// Open orders, including held legs.
    pub open_orders: u32,
    /// Index in `Ledger::currencies`.
    pub currency: u32,

    pub kind: AccountKind,
    pub role: AccountRole,
    pub state: AccountState,
    /// Orders and replaces admitted in `rate_second`.
    pub rate_count: u32,
    pub rate_second: i64,
    /// (instrument, position slot), sorted.
    pub positions: Vec<(u32, u32)>,
    /// Equity from which the daily loss is counted.
    pub baseline: Money,

    pub limits: Limits,
}

/// The position and the open quantity of one account in one instrument, in lots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(align(64))]
pub(crate) struct Position {
    pub lots: i64,
    pub cost: Money,
    pub open_buys: i64,
    pub open_sells: i64,
    /// The reduce-only part of `open_buys` and `open_sells`.
    pub reducing_buys: i64,
    pub reducing_sells: i64,
    /// Open orders, including held legs.
    pub orders: u32,
    /// Exposure and cover of the open orders of each side that may open or increase a position (R4.53).
    pub buy_exposure: Money,
    pub sell_exposure: Money,
    pub buy_cover: Money,
    pub sell_cover: Money,
}

impl Position {
    #[inline]
    pub fn exposure_mut(&mut self, side: Side) -> &mut Money {
        match side {
            Side::Buy => &mut self.buy_exposure,
            Side::Sell => &mut self.sell_exposure,
        }
    }
    #[inline]
    pub fn cover_mut(&mut self, side: Side) -> &mut Money {
        match side {
            Side::Buy => &mut self.buy_cover,
            Side::Sell => &mut self.sell_cover,
        }
    }
    #[inline]
    pub fn reducing(&self, side: Side) -> i64 {
        match side {
            Side::Buy => self.reducing_buys,
            Side::Sell => self.reducing_sells,
        }
    }
    /// Lots, positive in the direction of `side`.
    #[inline]
    pub fn toward(&self, side: Side) -> i64 {
        match side {
            Side::Buy => self.lots,
            Side::Sell => -self.lots,
        }
    }
    #[inline]
    pub fn open_mut(&mut self, side: Side) -> &mut i64 {
        match side {
            Side::Buy => &mut self.open_buys,
            Side::Sell => &mut self.open_sells,
        }
    }
    #[inline]
    pub fn open(&self, side: Side) -> i64 {
        match side {
            Side::Buy => self.open_buys,
            Side::Sell => self.open_sells,
        }
    }
    #[inline]
    pub fn reducing_mut(&mut self, side: Side) -> &mut i64 {
        match side {
            Side::Buy => &mut self.reducing_buys,
            Side::Sell => &mut self.reducing_sells,
        }
    }
    /// Lots that an order of `side` can close.
    #[inline]
    pub fn closable(&self, side: Side) -> i64 {
        match side {
            Side::Sell => self.lots.max(0),
            Side::Buy => (-self.lots).max(0),
        }
    }
    /// The side on which reduce-only orders exceed what they can close.
    #[inline]
    pub fn reduce_only_excess(&self) -> Option<Side> {
        if self.reducing_sells > self.closable(Side::Sell) {
            Some(Side::Sell)
        } else if self.reducing_buys > self.closable(Side::Buy) {
            Some(Side::Buy)
        } else {
            None
        }
    }
    pub fn in_use(&self) -> bool {
        self.lots != 0 || self.orders != 0
    }

    /// Applies a fill of `lots` at `notional` with average cost: first reduce, then increase. Returns the
    /// realized profit or loss (R2.9 to R2.11).
    #[inline]
    pub fn fill(&mut self, side: Side, lots: i64, notional: Money) -> Money {
        let signed = if side == Side::Buy { lots } else { -lots };
        if self.lots == 0 || (self.lots > 0) == (signed > 0) {
            self.lots += signed;
            self.cost += if signed > 0 { notional } else { -notional };
            return 0;
        }
        let held = self.lots.abs();
        let closed = lots.min(held);
        let removed = if closed == held {
            self.cost
        } else {
            mul_div(self.cost, i128::from(closed), i128::from(held))
        };
        let part = if closed == lots {
            notional
        } else {
            notional / i128::from(lots) * i128::from(closed)
        };
        let realized = if self.lots > 0 { part - removed } else { -removed - part };
        self.cost -= removed;
        self.lots += signed;
        if closed < lots {
            let opened = notional - part;
            self.cost += if signed > 0 { opened } else { -opened };
        }
        realized
    }
}

pub(crate) struct Ledger {
    pub accounts: Vec<Account>,
    pub positions: Vec<Position>,
    pub currencies: Vec<CurrencyBalances>,
    index: FlatIndex,
    /// Ids of all deposits, withdrawals and resets, in order. They are kept for ever (R2.22).
    pub transfers: Vec<u128>,
    transfer_index: FlatIndex,
    cash_imbalance: Money,
    lots_imbalance: i128,
}

impl Ledger {
    pub fn new() -> Ledger {
        Ledger {
            accounts: Vec::new(),
            positions: Vec::new(),
            currencies: Vec::new(),
            index: FlatIndex::with_bits(10),
            transfers: Vec::new(),
            transfer_index: FlatIndex::with_bits(10),
            cash_imbalance: 0,
            lots_imbalance: 0,
        }
    }

    #[inline]
    pub fn find(&self, id: AccountId) -> Option<u32> {
        self.index.find(id.0, |slot| self.accounts[slot as usize].id == id)
    }

    /// Was the id of a transfer used before? 0 stands for movements without an id, so it counts as used.
    pub fn knows_transfer(&self, id: TransferId) -> bool {
        let same = |slot: u32| self.transfers[slot as usize] == id.0;
        id.0 == 0 || self.transfer_index.find(id.0, same).is_some()
    }

    pub fn record_transfer(&mut self, id: TransferId) {
        self.transfer_index.insert(id.0, self.transfers.len() as u32);
        self.transfers.push(id.0);
    }

    pub fn open_account(&mut self, account: Account) -> u32 {
        let slot = self.accounts.len() as u32;
        self.index.insert(account.id.0, slot);
        self.accounts.push(account);
        slot
    }

    /// Index of a currency, which is added if it is new. `None`: there are already `MAX_CURRENCIES`.
    pub fn currency_index(&mut self, currency: Currency) -> Option<u32> {
        if let Some(at) = self
            .currencies
            .iter()
            .position(|balances| balances.currency == currency)
        {
            return Some(at as u32);
        }
        if self.currencies.len() == MAX_CURRENCIES {
            return None;
        }
        self.currencies.push(CurrencyBalances {
            currency,
            world: 0,
            fees: 0,
        });
        Some((self.currencies.len() - 1) as u32)
    }

    /// Slot of a position, if the account ever had one in the instrument.
    #[inline]
    pub fn position(&self, account: u32, instrument: u32) -> Option<u32> {
        let list = &self.accounts[account as usize].positions;
        if list.len() <= 8 {
            return list.iter().find(|entry| entry.0 == instrument).map(|entry| entry.1);
        }
        let at = list.binary_search_by_key(&instrument, |entry| entry.0).ok()?;
        Some(list[at].1)
    }

    pub fn position_or_new(&mut self, account: u32, instrument: u32) -> u32 {
        if let Some(slot) = self.position(account, instrument) {
            return slot;
        }
        let slot = self.positions.len() as u32;
        self.positions.push(Position::default());
        let list = &mut self.accounts[account as usize].positions;
        let at = list.partition_point(|entry| entry.0 < instrument);
        list.insert(at, (instrument, slot));
        slot
    }

    /// Number of symbols in which an account has a position or open orders.
    pub fn symbols_in_use(&self, account: u32) -> usize {
        let list = &self.accounts[account as usize].positions;
        list.iter()
            .filter(|entry| self.positions[entry.1 as usize].in_use())
            .count()
    }

    /// Posts cash to an account and returns its new cash. The caller posts the other side.
    #[inline]
    pub fn post_cash(&mut self, account: u32, amount: Money) -> Money {
        let account = &mut self.accounts[account as usize];
        account.cash += amount;
        self.cash_imbalance += amount;
        account.cash
    }

    pub fn post_world(&mut self, currency: u32, amount: Money) {
        self.currencies[currency as usize].world += amount;
        self.cash_imbalance += amount;
    }

    #[inline]
    pub fn post_fees(&mut self, currency: u32, amount: Money) {
        self.currencies[currency as usize].fees += amount;
        self.cash_imbalance += amount;
    }

    /// Posts the lots of one side of a trade. Returns the realized profit or loss.
    #[inline]
    pub fn post_lots(&mut self, position: u32, side: Side, lots: i64, notional: Money) -> Money {
        self.lots_imbalance += i128::from(if side == Side::Buy { lots } else { -lots });
        self.positions[position as usize].fill(side, lots, notional)
    }

    /// Sets a position (reset, split). `world` is the counter that takes the other side.
    pub fn move_lots(&mut self, position: u32, lots: i64, cost: Money, world: &mut i128) {
        let entry = &mut self.positions[position as usize];
        *world += i128::from(entry.lots) - i128::from(lots);
        entry.lots = lots;
        entry.cost = cost;
    }

    /// Moves cash between an account and `WORLD`. Returns the account's new cash.
    pub fn transfer(&mut self, account: u32, amount: Money) -> Money {
        let cash = self.post_cash(account, amount);
        self.post_world(self.accounts[account as usize].currency, -amount);
        self.assert_balanced();
        cash
    }

    /// Asserts that the postings so far sum to zero.
    #[inline]
    pub fn assert_balanced(&self) {
        assert!(
            self.cash_imbalance == 0 && self.lots_imbalance == 0,
            "postings do not sum to zero: cash {}, lots {}",
            self.cash_imbalance,
            self.lots_imbalance
        );
    }

    /// The limits of a new account (R3.6).
    pub fn default_limits(kind: AccountKind) -> Limits {
        Limits {
            max_order_quantity: None,
            max_order_notional: None,
            max_position: None,
            max_open_orders: DEFAULT_MAX_OPEN_ORDERS,
            max_orders_per_second: DEFAULT_MAX_ORDERS_PER_SECOND,
            max_daily_loss: None,
            leverage_percent: match kind {
                AccountKind::Cash => CASH_LEVERAGE_PERCENT,
                AccountKind::Margin => DEFAULT_MARGIN_LEVERAGE_PERCENT,
            },
        }
    }

    pub fn new_account(id: AccountId, kind: AccountKind, role: AccountRole, currency: u32) -> Account {
        Account {
            id,
            kind,
            role,
            state: AccountState::Active,
            currency,
            cash: 0,
            reserved: 0,
            baseline: 0,
            limits: Ledger::default_limits(kind),
            open_orders: 0,
            rate_second: 0,
            rate_count: 0,
            oldest: NIL,
            newest: NIL,
            positions: Vec::new(),
        }
    }
}
