//! `FastRiskEngine`: order limits, value at risk and stress for research, back-tests and trading bots.
//!
//! The mathematics is in `cift_analytics::risk`. This module maps names to indexes and arrays to slices. It
//! is not part of the exchange: there the engine admits orders itself, in integers and with reservations.

use std::collections::HashMap;

use cift_analytics::risk::limits::{Limits, RiskBook, Verdict, MAX_ACCOUNTS, MAX_SYMBOLS};
use cift_analytics::risk::stress::stress;
use cift_analytics::risk::value_at_risk::{historical, parametric, profits, TailRisk};
use cift_engine::Side;
use numpy::{IntoPyArray, PyArray1};
use pyo3::exceptions::{PyKeyError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyString, PyTuple};

use crate::arrays::{mismatch, Column, Matrix};
use crate::side::{of_sign, SideName};

/// Names with consecutive indexes: 0, 1, 2, …
#[derive(Default)]
struct Names {
    indexes: HashMap<String, u32>,
    names: Vec<String>,
}

impl Names {
    fn get(&self, name: &str) -> Option<u32> {
        self.indexes.get(name).copied()
    }

    fn add(&mut self, name: &str) {
        self.indexes.insert(name.to_owned(), self.names.len() as u32);
        self.names.push(name.to_owned());
    }
}

/// The reasons by code, as interned strings.
fn reasons(py: Python<'_>) -> &Vec<Py<PyString>> {
    static REASONS: PyOnceLock<Vec<Py<PyString>>> = PyOnceLock::new();
    REASONS.get_or_init(py, || {
        Verdict::ALL
            .iter()
            .map(|verdict| PyString::intern(py, verdict.name()).unbind())
            .collect()
    })
}

fn confidence_of(confidence: f64) -> PyResult<f64> {
    if !(confidence > 0.0 && confidence < 1.0) {
        return Err(PyValueError::new_err(format!(
            "confidence must be between 0 and 1, got {confidence}"
        )));
    }
    Ok(confidence)
}

fn tail(risk: TailRisk) -> (f64, f64) {
    (risk.value_at_risk, risk.expected_shortfall)
}

/// Order limits per account, value at risk, expected shortfall and stress, in floats.
///
/// Accounts and symbols have str names; add_account and set_mark define them.
#[pyclass(module = "cift_core")]
#[derive(Default)]
pub struct FastRiskEngine {
    book: RiskBook,
    accounts: Names,
    symbols: Names,
}

impl FastRiskEngine {
    fn account(&self, name: &str) -> PyResult<u32> {
        self.accounts
            .get(name)
            .ok_or_else(|| PyKeyError::new_err(format!("unknown account {name}")))
    }

    fn known_symbol(&self, name: &str) -> PyResult<u32> {
        self.symbols
            .get(name)
            .ok_or_else(|| PyKeyError::new_err(format!("unknown symbol {name}")))
    }

    fn symbol(&mut self, name: &str) -> PyResult<u32> {
        if let Some(index) = self.symbols.get(name) {
            return Ok(index);
        }
        let index = self.book.add_symbol();
        let index = index.ok_or_else(|| PyValueError::new_err(format!("at most {MAX_SYMBOLS} symbols are allowed")))?;
        self.symbols.add(name);
        Ok(index)
    }

    /// The exposures of an account in `symbols`, in currency. A holding in another symbol is an error.
    fn exposures(&self, account: u32, symbols: &[String]) -> PyResult<Vec<f64>> {
        let mut exposures = vec![0.0; symbols.len()];
        for holding in self.book.holdings(account).unwrap_or_default() {
            let name = &self.symbols.names[holding.symbol as usize];
            match symbols.iter().position(|symbol| symbol == name) {
                Some(column) => exposures[column] = self.book.exposure(holding),
                None => {
                    return Err(PyValueError::new_err(format!(
                        "the account holds {name}, which is missing in symbols"
                    )))
                }
            }
        }
        Ok(exposures)
    }
}

#[pymethods]
impl FastRiskEngine {
    #[new]
    fn new() -> Self {
        FastRiskEngine::default()
    }

    /// The meaning of the codes of check_orders: REASONS[code]; 0 is "admitted".
    #[classattr]
    #[pyo3(name = "REASONS")]
    fn reasons(py: Python<'_>) -> PyResult<Bound<'_, PyTuple>> {
        PyTuple::new(py, reasons(py))
    }

    /// Define an account with cash and limits (inf = no limit; quantities in units, money in currency).
    /// Returns its index for check_orders.
    ///
    /// max_position: largest absolute position in one symbol. max_leverage: largest gross exposure as a
    /// multiple of equity. max_daily_loss: loss since start_day after which only reducing orders pass.
    /// price_band: largest distance of a price from the mark, as a fraction of the mark. ValueError: the
    /// account is already defined, or a limit is negative or NaN.
    #[pyo3(signature = (
        account, /, cash = 0.0, *, max_order_quantity = f64::INFINITY, max_order_notional = f64::INFINITY,
        max_position = f64::INFINITY, max_leverage = f64::INFINITY, max_daily_loss = f64::INFINITY,
        price_band = f64::INFINITY
    ))]
    #[allow(clippy::too_many_arguments)]
    fn add_account(
        &mut self,
        account: &str,
        cash: f64,
        max_order_quantity: f64,
        max_order_notional: f64,
        max_position: f64,
        max_leverage: f64,
        max_daily_loss: f64,
        price_band: f64,
    ) -> PyResult<u32> {
        if self.accounts.get(account).is_some() {
            return Err(PyValueError::new_err(format!("account {account} is already defined")));
        }
        let limits = Limits {
            max_order_quantity,
            max_order_notional,
            max_position,
            max_leverage,
            max_daily_loss,
            price_band,
        };
        if !limits.is_valid() || !cash.is_finite() {
            return Err(PyValueError::new_err(
                "limits must not be negative or NaN, and cash must be finite",
            ));
        }
        let index = self.book.add_account(cash, limits);
        let index =
            index.ok_or_else(|| PyValueError::new_err(format!("at most {MAX_ACCOUNTS} accounts are allowed")))?;
        self.accounts.add(account);
        Ok(index)
    }

    /// Change limits of an account; None: no change. KeyError: unknown account.
    #[pyo3(signature = (
        account, /, *, max_order_quantity = None, max_order_notional = None, max_position = None, max_leverage = None,
        max_daily_loss = None, price_band = None
    ))]
    #[allow(clippy::too_many_arguments)]
    fn set_limits(
        &mut self,
        account: &str,
        max_order_quantity: Option<f64>,
        max_order_notional: Option<f64>,
        max_position: Option<f64>,
        max_leverage: Option<f64>,
        max_daily_loss: Option<f64>,
        price_band: Option<f64>,
    ) -> PyResult<()> {
        let index = self.account(account)?;
        let now = self.book.limits(index).unwrap_or(Limits::NONE);
        let limits = Limits {
            max_order_quantity: max_order_quantity.unwrap_or(now.max_order_quantity),
            max_order_notional: max_order_notional.unwrap_or(now.max_order_notional),
            max_position: max_position.unwrap_or(now.max_position),
            max_leverage: max_leverage.unwrap_or(now.max_leverage),
            max_daily_loss: max_daily_loss.unwrap_or(now.max_daily_loss),
            price_band: price_band.unwrap_or(now.price_band),
        };
        match self.book.set_limits(index, limits) {
            true => Ok(()),
            false => Err(PyValueError::new_err("limits must not be negative or NaN")),
        }
    }

    /// Set the price at which a symbol is valued; this defines the symbol. Returns its index for
    /// check_orders.
    #[pyo3(signature = (symbol, price, /))]
    fn set_mark(&mut self, symbol: &str, price: f64) -> PyResult<u32> {
        if !(price > 0.0 && price.is_finite()) {
            return Err(PyValueError::new_err(format!(
                "price must be positive and finite, got {price}"
            )));
        }
        let index = self.symbol(symbol)?;
        self.book.set_mark(index, price);
        Ok(index)
    }

    /// Book a fill: cash and position change, and the fee reduces cash. Returns the realized profit
    /// (average cost, without the fee).
    #[pyo3(signature = (account, symbol, side, quantity, price, /, fee = 0.0))]
    fn on_fill(
        &mut self,
        account: &str,
        symbol: &str,
        side: SideName,
        quantity: f64,
        price: f64,
        fee: f64,
    ) -> PyResult<f64> {
        let account = self.account(account)?;
        let positive = |number: f64| number > 0.0 && number.is_finite();
        if !(positive(quantity) && positive(price) && fee.is_finite()) {
            return Err(PyValueError::new_err(format!(
                "quantity and price must be positive and finite, and fee must be finite, got {quantity}, {price} and {fee}"
            )));
        }
        let symbol = self.symbol(symbol)?;
        let signed = if side.0 == Side::Buy { quantity } else { -quantity };
        let realized = self.book.fill(account, symbol, signed, price, fee);
        realized.ok_or_else(|| PyValueError::new_err("the fill cannot be booked"))
    }

    /// Deposit (> 0) or withdraw (< 0) cash without an effect on the daily loss.
    #[pyo3(signature = (account, amount, /))]
    fn move_cash(&mut self, account: &str, amount: f64) -> PyResult<()> {
        let account = self.account(account)?;
        match self.book.move_cash(account, amount) {
            true => Ok(()),
            false => Err(PyValueError::new_err(format!("amount must be finite, got {amount}"))),
        }
    }

    /// Start a day: the daily loss counts from the account's current equity.
    #[pyo3(signature = (account, /))]
    fn start_day(&mut self, account: &str) -> PyResult<()> {
        let account = self.account(account)?;
        self.book.start_day(account);
        Ok(())
    }

    /// Check an order. Returns None if the account may place it, else the first reason against it, one of
    /// REASONS.
    ///
    /// price: the limit, or the expected price of a market order. Nothing is changed or reserved.
    #[pyo3(signature = (account, symbol, side, quantity, price, /))]
    fn check<'py>(
        &mut self,
        py: Python<'py>,
        account: &str,
        symbol: &str,
        side: SideName,
        quantity: f64,
        price: f64,
    ) -> Option<Bound<'py, PyString>> {
        let account = self.accounts.get(account).unwrap_or(u32::MAX);
        let symbol = self.symbols.get(symbol).unwrap_or(u32::MAX);
        match self.book.check(account, symbol, side.0 == Side::Buy, quantity, price) {
            Verdict::Admitted => None,
            verdict => reasons(py).get(verdict as usize).map(|reason| reason.bind(py).clone()),
        }
    }

    /// Check many orders, each against the current state. Returns uint8 codes: 0 = admitted, else an index
    /// of REASONS.
    ///
    /// accounts, symbols: int64 indexes (returned by add_account and set_mark); sides: int8, 1 buy and -1
    /// sell; quantities, prices: float64. All have one length.
    #[pyo3(signature = (accounts, symbols, sides, quantities, prices, /))]
    fn check_orders<'py>(
        &mut self,
        py: Python<'py>,
        accounts: Column<'_, i64>,
        symbols: Column<'_, i64>,
        sides: Column<'_, i8>,
        quantities: Column<'_, f64>,
        prices: Column<'_, f64>,
    ) -> PyResult<Bound<'py, PyArray1<u8>>> {
        let count = accounts.len();
        if [symbols.len(), sides.len(), quantities.len(), prices.len()] != [count; 4] {
            return Err(PyValueError::new_err(
                "accounts, symbols, sides, quantities and prices differ in length",
            ));
        }
        let mut codes = Vec::with_capacity(count);
        for index in 0..count {
            let Some(side) = of_sign(sides[index]) else {
                return Err(PyValueError::new_err(format!(
                    "order {index}: side must be 1 or -1, got {}",
                    sides[index]
                )));
            };
            let account = u32::try_from(accounts[index]).unwrap_or(u32::MAX);
            let symbol = u32::try_from(symbols[index]).unwrap_or(u32::MAX);
            let verdict = self
                .book
                .check(account, symbol, side == Side::Buy, quantities[index], prices[index]);
            codes.push(verdict as u8);
        }
        Ok(codes.into_pyarray(py))
    }

    /// Index of an account for check_orders. KeyError: unknown account.
    #[pyo3(signature = (account, /))]
    fn account_index(&self, account: &str) -> PyResult<u32> {
        self.account(account)
    }

    /// Index of a symbol for check_orders. KeyError: unknown symbol.
    #[pyo3(signature = (symbol, /))]
    fn symbol_index(&self, symbol: &str) -> PyResult<u32> {
        self.known_symbol(symbol)
    }

    /// Cash of an account.
    #[pyo3(signature = (account, /))]
    fn cash(&self, account: &str) -> PyResult<f64> {
        Ok(self.book.cash(self.account(account)?).unwrap_or(f64::NAN))
    }

    /// Cash + Σ position × mark; a position without a mark counts at its cost.
    #[pyo3(signature = (account, /))]
    fn equity(&mut self, account: &str) -> PyResult<f64> {
        let account = self.account(account)?;
        Ok(self.book.value(account).map_or(f64::NAN, |(equity, _)| equity))
    }

    /// Σ |position| × mark.
    #[pyo3(signature = (account, /))]
    fn gross(&mut self, account: &str) -> PyResult<f64> {
        let account = self.account(account)?;
        Ok(self.book.value(account).map_or(f64::NAN, |(_, gross)| gross))
    }

    /// The positions of an account as {symbol: signed quantity}.
    #[pyo3(signature = (account, /))]
    fn positions<'py>(&self, py: Python<'py>, account: &str) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        for holding in self.book.holdings(self.account(account)?).unwrap_or_default() {
            dict.set_item(&self.symbols.names[holding.symbol as usize], holding.quantity)?;
        }
        Ok(dict)
    }

    /// (value at risk, expected shortfall) of the account's positions in currency, as positive losses.
    ///
    /// returns: float64 of shape (periods, symbols), one column for each of `symbols` in the same order.
    /// method: "historical" (the sample itself) or "parametric" (a normal distribution over `horizon`
    /// periods). ValueError: the account holds a symbol that is missing in `symbols`.
    #[pyo3(signature = (account, symbols, returns, /, confidence = 0.99, method = "historical", horizon = 1.0))]
    fn value_at_risk(
        &self,
        account: &str,
        symbols: Vec<String>,
        returns: Matrix<'_, f64>,
        confidence: f64,
        method: &str,
        horizon: f64,
    ) -> PyResult<(f64, f64)> {
        let exposures = self.exposures(self.account(account)?, &symbols)?;
        let mut series = vec![0.0; returns.rows];
        if returns.columns != symbols.len() {
            return Err(PyValueError::new_err(format!(
                "returns must have one column for each symbol: {} columns, {} symbols",
                returns.columns,
                symbols.len()
            )));
        }
        profits(returns.values, &exposures, &mut series).map_err(mismatch)?;
        let confidence = confidence_of(confidence)?;
        match method {
            "historical" => Ok(tail(historical(&mut series, confidence))),
            "parametric" => Ok(tail(parametric(&series, confidence, horizon))),
            other => Err(PyValueError::new_err(format!(
                "method: expected \"historical\" or \"parametric\", got {other:?}"
            ))),
        }
    }

    /// The account after relative price moves {symbol: -0.2, …}. Other symbols do not move.
    ///
    /// Returns {"profit", "equity", "gross", "leverage"}. leverage is inf if there are positions and equity
    /// is not positive.
    #[pyo3(signature = (account, shocks, /))]
    fn stress<'py>(
        &mut self,
        py: Python<'py>,
        account: &str,
        shocks: HashMap<String, f64>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let account = self.account(account)?;
        let holdings = self.book.holdings(account).unwrap_or_default();
        let exposures: Vec<f64> = holdings.iter().map(|holding| self.book.exposure(holding)).collect();
        let name = |symbol: u32| &self.symbols.names[symbol as usize];
        let moves = holdings
            .iter()
            .map(|holding| shocks.get(name(holding.symbol)).copied().unwrap_or(0.0));
        let moves: Vec<f64> = moves.collect();
        let equity = self.book.value(account).map_or(f64::NAN, |(equity, _)| equity);
        let after = stress(equity, &exposures, &moves).map_err(mismatch)?;
        let dict = PyDict::new(py);
        dict.set_item(intern!(py, "profit"), after.profit)?;
        dict.set_item(intern!(py, "equity"), after.equity)?;
        dict.set_item(intern!(py, "gross"), after.gross)?;
        dict.set_item(intern!(py, "leverage"), after.leverage)?;
        Ok(dict)
    }

    /// (VaR, ES) of a sample of returns, as positive losses. With n returns, alpha = 1 - confidence and k =
    /// ⌊n·alpha⌋, VaR is the (k+1)-th largest loss and ES is (Σ of the k largest + (n·alpha - k)·VaR) /
    /// (n·alpha) (Acerbi and Tasche 2002).
    ///
    /// returns: float64. NaN if it is empty or contains NaN.
    #[staticmethod]
    #[pyo3(signature = (returns, confidence = 0.99, /))]
    fn historical_var(returns: Column<'_, f64>, confidence: f64) -> PyResult<(f64, f64)> {
        Ok(tail(historical(&mut returns.to_vec(), confidence_of(confidence)?)))
    }

    /// (VaR, ES) of a normal distribution with the sample's mean and standard deviation (n - 1), over
    /// `horizon` periods: z·σ√h - μh and σ√h·φ(z)/alpha - μh (RiskMetrics 1996). NaN if there are fewer
    /// than two returns.
    #[staticmethod]
    #[pyo3(signature = (returns, confidence = 0.99, horizon = 1.0, /))]
    fn parametric_var(returns: Column<'_, f64>, confidence: f64, horizon: f64) -> PyResult<(f64, f64)> {
        Ok(tail(parametric(&returns, confidence_of(confidence)?, horizon)))
    }

    /// Profit of holdings in each period or scenario: moves (rows, symbols) · exposures (symbols), float64.
    ///
    /// exposures: signed values held, in currency. In a stress test each row is a scenario.
    #[staticmethod]
    #[pyo3(signature = (moves, exposures, /))]
    fn profits<'py>(
        py: Python<'py>,
        moves: Matrix<'_, f64>,
        exposures: Column<'_, f64>,
    ) -> PyResult<Bound<'py, PyArray1<f64>>> {
        if moves.columns != exposures.len() {
            return Err(PyValueError::new_err(format!(
                "moves must have one column for each exposure: {} columns, {} exposures",
                moves.columns,
                exposures.len()
            )));
        }
        let mut out = vec![0.0; moves.rows];
        profits(moves.values, &exposures, &mut out).map_err(mismatch)?;
        Ok(out.into_pyarray(py))
    }

    fn __repr__(&self) -> String {
        format!(
            "FastRiskEngine({} accounts, {} symbols)",
            self.accounts.names.len(),
            self.symbols.names.len()
        )
    }
}
