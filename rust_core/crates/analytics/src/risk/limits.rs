//! Order limits per account: admit or say why not, in tens of nanoseconds.
//!
//! Accounts and symbols are small indexes given out by [`RiskBook::add_account`] and
//! [`RiskBook::add_symbol`]; whoever has names maps them once. [`RiskBook::check`] reads only; fills are told by
//! [`RiskBook::fill`], prices by [`RiskBook::set_mark`].
//!
//! Cost: a check is O(1) while no mark moved since the account was last valued, else O(positions of the
//! account): equity and gross are then summed anew, not carried along, so that they never drift.
//!
//! Known limits: working orders reserve nothing here (the engine's own risk does that); a position without a mark
//! counts at its cost; quantities are floats, so 0.1 + 0.2 − 0.3 leaves a position of 6e-17 (count in lots to have none).

/// Most accounts and most symbols of one book.
pub const MAX_ACCOUNTS: usize = 1 << 20;
pub const MAX_SYMBOLS: usize = 1 << 16;

/// Limits of one account; infinity = none. Quantities in units, money in currency.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    pub max_order_quantity: f64,
    pub max_order_notional: f64,
    /// Largest absolute position in one symbol.
    pub max_position: f64,
    /// Gross exposure allowed, as a multiple of equity.
    pub max_leverage: f64,
    /// Loss against [`RiskBook::start_day`] after which only reducing orders pass.
    pub max_daily_loss: f64,
    /// Furthest from the mark, as a fraction of it.
    pub price_band: f64,
}

impl Limits {
    pub const NONE: Limits = Limits {
        max_order_quantity: f64::INFINITY,
        max_order_notional: f64::INFINITY,
        max_position: f64::INFINITY,
        max_leverage: f64::INFINITY,
        max_daily_loss: f64::INFINITY,
        price_band: f64::INFINITY,
    };

    /// No limit is negative or NaN.
    pub fn is_valid(&self) -> bool {
        [
            self.max_order_quantity,
            self.max_order_notional,
            self.max_position,
            self.max_leverage,
            self.max_daily_loss,
            self.price_band,
        ]
        .iter()
        .all(|limit| *limit >= 0.0)
    }
}

/// The verdict on an order; the codes are what batches return.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Verdict {
    Admitted = 0,
    UnknownAccount = 1,
    UnknownSymbol = 2,
    QuantityOutOfRange = 3,
    PriceOutOfRange = 4,
    OrderQuantityLimit = 5,
    OrderNotionalLimit = 6,
    PriceOutsideBand = 7,
    PositionLimit = 8,
    DailyLossLimit = 9,
    LeverageLimit = 10,
}

impl Verdict {
    pub const ALL: [Verdict; 11] = [
        Verdict::Admitted,
        Verdict::UnknownAccount,
        Verdict::UnknownSymbol,
        Verdict::QuantityOutOfRange,
        Verdict::PriceOutOfRange,
        Verdict::OrderQuantityLimit,
        Verdict::OrderNotionalLimit,
        Verdict::PriceOutsideBand,
        Verdict::PositionLimit,
        Verdict::DailyLossLimit,
        Verdict::LeverageLimit,
    ];

    /// The name callers see; the same words as the engine's refusals.
    pub const fn name(self) -> &'static str {
        match self {
            Verdict::Admitted => "admitted",
            Verdict::UnknownAccount => "unknown_account",
            Verdict::UnknownSymbol => "unknown_symbol",
            Verdict::QuantityOutOfRange => "quantity_out_of_range",
            Verdict::PriceOutOfRange => "price_out_of_range",
            Verdict::OrderQuantityLimit => "order_quantity_limit",
            Verdict::OrderNotionalLimit => "order_notional_limit",
            Verdict::PriceOutsideBand => "price_outside_band",
            Verdict::PositionLimit => "position_limit",
            Verdict::DailyLossLimit => "daily_loss_limit",
            Verdict::LeverageLimit => "leverage_limit",
        }
    }
}

/// One holding.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Holding {
    pub symbol: u32,
    /// Signed: long > 0.
    pub quantity: f64,
    /// What it cost, signed as the quantity.
    pub cost: f64,
}

#[derive(Clone, Debug)]
struct Account {
    limits: Limits,
    cash: f64,
    holdings: Vec<Holding>,
    day_start: f64,
    // Valued at `valued_at` of the book's marks.
    valued_at: u64,
    equity: f64,
    gross: f64,
}

/// Accounts, what they hold, what it is worth.
#[derive(Clone, Debug, Default)]
pub struct RiskBook {
    accounts: Vec<Account>,
    /// NaN = none yet.
    marks: Vec<f64>,
    marked: u64,
}

impl RiskBook {
    pub fn new() -> RiskBook {
        RiskBook::default()
    }

    /// A new account with `cash`; `None`: the book is full or the limits are not valid.
    pub fn add_account(&mut self, cash: f64, limits: Limits) -> Option<u32> {
        if self.accounts.len() >= MAX_ACCOUNTS || !limits.is_valid() || !cash.is_finite() {
            return None;
        }
        self.accounts.push(Account {
            limits,
            cash,
            holdings: Vec::new(),
            day_start: cash,
            valued_at: self.marked,
            equity: cash,
            gross: 0.0,
        });
        Some(self.accounts.len() as u32 - 1)
    }

    /// A new symbol without a mark; `None`: the book is full.
    pub fn add_symbol(&mut self) -> Option<u32> {
        if self.marks.len() >= MAX_SYMBOLS {
            return None;
        }
        self.marks.push(f64::NAN);
        Some(self.marks.len() as u32 - 1)
    }

    pub fn accounts(&self) -> usize {
        self.accounts.len()
    }

    pub fn symbols(&self) -> usize {
        self.marks.len()
    }

    /// False: no such account, or limits that are not valid.
    pub fn set_limits(&mut self, account: u32, limits: Limits) -> bool {
        match self.accounts.get_mut(account as usize) {
            Some(account) if limits.is_valid() => {
                account.limits = limits;
                true
            }
            _ => false,
        }
    }

    pub fn limits(&self, account: u32) -> Option<Limits> {
        Some(self.accounts.get(account as usize)?.limits)
    }

    /// The price a symbol is valued at. False: no such symbol, or not a price.
    pub fn set_mark(&mut self, symbol: u32, price: f64) -> bool {
        match self.marks.get_mut(symbol as usize) {
            Some(mark) if price > 0.0 && price.is_finite() => {
                *mark = price;
                self.marked += 1;
                true
            }
            _ => false,
        }
    }

    /// NaN: none yet.
    pub fn mark(&self, symbol: u32) -> Option<f64> {
        self.marks.get(symbol as usize).copied()
    }

    /// The daily loss counts from the account's equity now.
    pub fn start_day(&mut self, account: u32) -> bool {
        let Some((equity, _)) = self.value(account) else {
            return false;
        };
        self.accounts[account as usize].day_start = equity;
        true
    }

    /// Deposit (> 0) or withdrawal (< 0); the daily loss does not see it.
    pub fn move_cash(&mut self, account: u32, amount: f64) -> bool {
        match self.accounts.get_mut(account as usize) {
            Some(account) if amount.is_finite() => {
                account.cash += amount;
                account.day_start += amount;
                account.equity += amount;
                true
            }
            _ => false,
        }
    }

    /// `quantity` signed: bought > 0. Cost and realized profit go by average cost, as in the engine
    /// (RULES.md §2). Returns what the fill realized, the fee apart; `None`: unknown account or symbol, or not numbers.
    pub fn fill(&mut self, account: u32, symbol: u32, quantity: f64, price: f64, fee: f64) -> Option<f64> {
        let known = (symbol as usize) < self.marks.len();
        let numbers = quantity.is_finite() && price > 0.0 && price.is_finite() && fee.is_finite();
        if !(known && numbers) {
            return None;
        }
        let account = self.accounts.get_mut(account as usize)?;
        account.cash -= quantity * price + fee;
        // Valued anew at the next look.
        account.valued_at = u64::MAX;
        let at = match account.holdings.iter().position(|holding| holding.symbol == symbol) {
            Some(at) => at,
            None => {
                account.holdings.push(Holding {
                    symbol,
                    quantity: 0.0,
                    cost: 0.0,
                });
                account.holdings.len() - 1
            }
        };
        let holding = &mut account.holdings[at];
        let mut realized = 0.0;
        let mut rest = quantity;
        if holding.quantity * quantity < 0.0 {
            let closed = quantity.abs().min(holding.quantity.abs()).copysign(quantity);
            let removed = holding.cost * (-closed / holding.quantity);
            realized = -closed * price - removed;
            holding.quantity += closed;
            holding.cost -= removed;
            rest -= closed;
        }
        holding.quantity += rest;
        holding.cost += rest * price;
        if holding.quantity == 0.0 {
            account.holdings.swap_remove(at);
        }
        Some(realized)
    }

    /// Cash, whatever is held.
    pub fn cash(&self, account: u32) -> Option<f64> {
        Some(self.accounts.get(account as usize)?.cash)
    }

    pub fn holdings(&self, account: u32) -> Option<&[Holding]> {
        Some(&self.accounts.get(account as usize)?.holdings)
    }

    /// Signed quantity held; 0 where nothing is, `None` for an unknown account.
    pub fn position(&self, account: u32, symbol: u32) -> Option<f64> {
        let holdings = self.holdings(account)?;
        Some(
            holdings
                .iter()
                .find(|holding| holding.symbol == symbol)
                .map_or(0.0, |holding| holding.quantity),
        )
    }

    /// Signed value of a holding: at its mark, else at cost.
    pub fn exposure(&self, holding: &Holding) -> f64 {
        let mark = self.marks[holding.symbol as usize];
        if mark.is_nan() {
            holding.cost
        } else {
            holding.quantity * mark
        }
    }

    /// (equity, gross): cash + Σ exposures, and Σ |exposures|.
    #[inline]
    pub fn value(&mut self, account: u32) -> Option<(f64, f64)> {
        let known = self.accounts.get(account as usize)?;
        if known.valued_at != self.marked {
            let (mut equity, mut gross) = (known.cash, 0.0);
            for holding in &known.holdings {
                let value = self.exposure(holding);
                equity += value;
                gross += value.abs();
            }
            let known = &mut self.accounts[account as usize];
            (known.equity, known.gross, known.valued_at) = (equity, gross, self.marked);
            return Some((equity, gross));
        }
        Some((known.equity, known.gross))
    }

    /// May this account place this order? `quantity` > 0; `buy` tells the side; `price` the limit or, for a
    /// market order, the price to expect. The reason is the first in the order of [`Verdict`].
    #[inline]
    pub fn check(&mut self, account: u32, symbol: u32, buy: bool, quantity: f64, price: f64) -> Verdict {
        let Some((equity, gross)) = self.value(account) else {
            return Verdict::UnknownAccount;
        };
        let known = &self.accounts[account as usize];
        let Some(&mark) = self.marks.get(symbol as usize) else {
            return Verdict::UnknownSymbol;
        };
        let limits = &known.limits;
        if !(quantity > 0.0 && quantity.is_finite()) {
            return Verdict::QuantityOutOfRange;
        }
        if !(price > 0.0 && price.is_finite()) {
            return Verdict::PriceOutOfRange;
        }
        if quantity > limits.max_order_quantity {
            return Verdict::OrderQuantityLimit;
        }
        let notional = quantity * price;
        if notional > limits.max_order_notional {
            return Verdict::OrderNotionalLimit;
        }
        // A NaN mark compares false: no mark, no band.
        if (price - mark).abs() > limits.price_band * mark {
            return Verdict::PriceOutsideBand;
        }
        let held = known
            .holdings
            .iter()
            .find(|holding| holding.symbol == symbol)
            .map_or(0.0, |held| held.quantity);
        let after = if buy { held + quantity } else { held - quantity };
        let increase = (after.abs() - held.abs()).max(0.0);
        if increase > 0.0 {
            if after.abs() > limits.max_position {
                return Verdict::PositionLimit;
            }
            if known.day_start - equity >= limits.max_daily_loss {
                return Verdict::DailyLossLimit;
            }
            let unit = if mark.is_nan() { price } else { mark };
            if gross + increase * unit > equity * limits.max_leverage {
                return Verdict::LeverageLimit;
            }
        }
        Verdict::Admitted
    }
}
