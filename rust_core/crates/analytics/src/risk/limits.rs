//! Order limits per account: admits an order or returns the reason against it, in tens of nanoseconds.
//!
//! Accounts and symbols are small indexes from [`RiskBook::add_account`] and [`RiskBook::add_symbol`]; the
//! caller maps names to them. [`RiskBook::fill`] books a fill, [`RiskBook::set_mark`] sets a price.
//! [`RiskBook::check`] changes neither positions nor limits.
//!
//! Cost: a check is O(1) if no mark has changed since the account was last valued, else O(positions of the
//! account). Equity and gross are then summed again instead of updated, so that rounding errors do not
//! accumulate.
//!
//! Known limits:
//! - Open orders reserve nothing here; the risk checks of the engine do that.
//! - A position without a mark counts at its cost.
//! - Quantities are floats: 0.1 + 0.2 − 0.3 leaves a position of 6e-17. Quantities in lots avoid this.

/// Limits of one book.
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
    /// Largest distance by which an order's price may be worse than the mark, as a fraction of the mark.
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

    /// Whether no limit is negative or NaN.
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

/// The result of a check. Checks of many orders return the codes.
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

    /// The name; the same as that of the engine's refusal.
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
    /// Positive if long, negative if short.
    pub quantity: f64,
    /// Cost of the position, with the sign of the quantity.
    pub cost: f64,
}

#[derive(Clone, Debug)]
struct Account {
    limits: Limits,
    cash: f64,
    holdings: Vec<Holding>,
    day_start: f64,
    /// The `mark_version` for which `equity` and `gross` are valid.
    valued_at: u64,
    equity: f64,
    gross: f64,
}

/// Accounts with their holdings, and the marks of the symbols.
#[derive(Clone, Debug, Default)]
pub struct RiskBook {
    accounts: Vec<Account>,
    /// NaN = no mark yet.
    marks: Vec<f64>,
    /// Number of mark changes.
    mark_version: u64,
}

impl RiskBook {
    pub fn new() -> RiskBook {
        RiskBook::default()
    }

    /// Adds an account with `cash`. `None` if the book is full, the limits are not valid or the cash is not
    /// finite.
    pub fn add_account(&mut self, cash: f64, limits: Limits) -> Option<u32> {
        if self.accounts.len() >= MAX_ACCOUNTS || !limits.is_valid() || !cash.is_finite() {
            return None;
        }
        self.accounts.push(Account {
            limits,
            cash,
            holdings: Vec::new(),
            day_start: cash,
            valued_at: self.mark_version,
            equity: cash,
            gross: 0.0,
        });
        Some(self.accounts.len() as u32 - 1)
    }

    /// Adds a symbol without a mark. `None` if the book is full.
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

    /// Returns false if the account is unknown or the limits are not valid.
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

    /// Sets the price at which a symbol is valued. Returns false if the symbol is unknown or the price is
    /// not a positive number.
    pub fn set_mark(&mut self, symbol: u32, price: f64) -> bool {
        match self.marks.get_mut(symbol as usize) {
            Some(mark) if price > 0.0 && price.is_finite() => {
                *mark = price;
                self.mark_version += 1;
                true
            }
            _ => false,
        }
    }

    /// The mark of a symbol; NaN if it has none yet.
    pub fn mark(&self, symbol: u32) -> Option<f64> {
        self.marks.get(symbol as usize).copied()
    }

    /// Starts a day: the daily loss counts from the account's current equity. Returns false if the account
    /// is unknown.
    pub fn start_day(&mut self, account: u32) -> bool {
        let Some((equity, _)) = self.value(account) else {
            return false;
        };
        self.accounts[account as usize].day_start = equity;
        true
    }

    /// Deposits (> 0) or withdraws (< 0) cash without an effect on the daily loss. Returns false if the
    /// account is unknown or the amount is not finite.
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

    /// Books a fill. `quantity` is positive for a buy and negative for a sell. Cost and realized profit use
    /// average cost, as in the engine (RULES.md §2). Returns the realized profit without the fee. `None` if
    /// the account or the symbol is unknown, or an argument is out of range.
    pub fn fill(&mut self, account: u32, symbol: u32, quantity: f64, price: f64, fee: f64) -> Option<f64> {
        let known = (symbol as usize) < self.marks.len();
        let in_range = quantity.is_finite() && price > 0.0 && price.is_finite() && fee.is_finite();
        if !(known && in_range) {
            return None;
        }
        let account = self.accounts.get_mut(account as usize)?;
        account.cash -= quantity * price + fee;
        // The next call of `value` sums again.
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

    /// The cash of an account.
    pub fn cash(&self, account: u32) -> Option<f64> {
        Some(self.accounts.get(account as usize)?.cash)
    }

    pub fn holdings(&self, account: u32) -> Option<&[Holding]> {
        Some(&self.accounts.get(account as usize)?.holdings)
    }

    /// Signed quantity held; 0 without a holding, `None` for an unknown account.
    pub fn position(&self, account: u32, symbol: u32) -> Option<f64> {
        let holdings = self.holdings(account)?;
        Some(
            holdings
                .iter()
                .find(|holding| holding.symbol == symbol)
                .map_or(0.0, |holding| holding.quantity),
        )
    }

    /// Signed value of a holding at its mark; without a mark, its cost.
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
        if known.valued_at != self.mark_version {
            let (mut equity, mut gross) = (known.cash, 0.0);
            for holding in &known.holdings {
                let value = self.exposure(holding);
                equity += value;
                gross += value.abs();
            }
            let known = &mut self.accounts[account as usize];
            (known.equity, known.gross, known.valued_at) = (equity, gross, self.mark_version);
            return Some((equity, gross));
        }
        Some((known.equity, known.gross))
    }

    /// Checks whether the account may place an order. `quantity` > 0. `price` is the limit, or the expected
    /// price of a market order. If several limits are exceeded, the result is the first in the order of
    /// [`Verdict`].
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
        // As R4.28: only a price on the aggressive side can be outside. Without a mark (NaN) no band applies.
        let aggressive = if buy { price - mark } else { mark - price };
        if aggressive > limits.price_band * mark {
            return Verdict::PriceOutsideBand;
        }
        let held = known.holdings.iter().find(|holding| holding.symbol == symbol);
        let (quantity_held, value_held) = held.map_or((0.0, 0.0), |held| (held.quantity, self.exposure(held).abs()));
        let signed = if buy { quantity } else { -quantity };
        let after = quantity_held + signed;
        let against = quantity_held * signed < 0.0;
        // As R4.36: what exceeds the position on the other side increases, also if the order flips it.
        let closable = if against { quantity_held.abs() } else { 0.0 };
        let increase = (quantity - closable).max(0.0);
        if increase > 0.0 {
            if after.abs() > limits.max_position {
                return Verdict::PositionLimit;
            }
            if known.day_start - equity >= limits.max_daily_loss {
                return Verdict::DailyLossLimit;
            }
            // As R4.46: the worst of the position as it is and as it becomes, and what a bad price costs.
            let unit = if buy { price } else { price.max(mark) };
            let opened = increase * unit;
            let worst = if against {
                value_held.max(opened)
            } else {
                value_held + opened
            };
            let times = limits.max_leverage - if buy { 1.0 } else { 0.0 };
            let cover = if aggressive > 0.0 && times.is_finite() {
                aggressive * quantity * times
            } else {
                0.0
            };
            if gross - value_held + worst + cover > equity * limits.max_leverage {
                return Verdict::LeverageLimit;
            }
        }
        Verdict::Admitted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn long_100(limits: Limits) -> (RiskBook, u32, u32) {
        let mut book = RiskBook::new();
        let symbol = book.add_symbol().unwrap();
        book.set_mark(symbol, 100.0);
        let account = book.add_account(10_000.0, Limits::NONE).unwrap();
        book.fill(account, symbol, 100.0, 100.0, 0.0);
        book.set_limits(account, limits);
        (book, account, symbol)
    }

    #[test]
    fn an_order_that_flips_a_position_is_held_to_the_limits() {
        let (mut book, account, symbol) = long_100(Limits {
            max_position: 50.0,
            ..Limits::NONE
        });
        assert_eq!(book.check(account, symbol, false, 200.0, 100.0), Verdict::PositionLimit);
        assert_eq!(book.check(account, symbol, false, 100.0, 100.0), Verdict::Admitted);
        let (mut book, account, symbol) = long_100(Limits {
            max_leverage: 1.0,
            ..Limits::NONE
        });
        assert_eq!(book.check(account, symbol, false, 200.0, 100.0), Verdict::Admitted);
        assert_eq!(book.check(account, symbol, false, 201.0, 100.0), Verdict::LeverageLimit);
        let (mut book, account, symbol) = long_100(Limits {
            max_daily_loss: 0.0,
            ..Limits::NONE
        });
        assert_eq!(
            book.check(account, symbol, false, 101.0, 100.0),
            Verdict::DailyLossLimit
        );
        assert_eq!(book.check(account, symbol, false, 100.0, 100.0), Verdict::Admitted);
    }

    #[test]
    fn an_order_at_a_bad_price_needs_what_it_would_lose() {
        let mut book = RiskBook::new();
        let symbol = book.add_symbol().unwrap();
        book.set_mark(symbol, 100.0);
        let limits = Limits {
            max_leverage: 2.0,
            ..Limits::NONE
        };
        let account = book.add_account(100_000.0, limits).unwrap();
        assert_eq!(book.check(account, symbol, true, 1_428.0, 120.0), Verdict::Admitted);
        assert_eq!(
            book.check(account, symbol, true, 1_429.0, 120.0),
            Verdict::LeverageLimit
        );
        assert_eq!(book.check(account, symbol, false, 1_428.0, 80.0), Verdict::Admitted);
        assert_eq!(
            book.check(account, symbol, false, 1_429.0, 80.0),
            Verdict::LeverageLimit
        );
    }
}
