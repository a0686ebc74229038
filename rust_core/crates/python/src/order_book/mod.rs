//! `FastOrderBook`: the engine's limit order book for research and simulation, one instrument per book.
//!
//! The matching is that of the engine (`cift_engine::book`): price-time priority; icebergs refill at the
//! end of their level. There are no accounts, no money and no risk checks. Prices and quantities are floats
//! on the grid of `tick` and `lot`. Ids are `int`s of the caller and identify resting orders only; an id is
//! free again after the fill.
//!
//! Memory is bounded: only the last `history` fills are kept.

mod fills;
mod grid;
mod named_book;

use std::collections::VecDeque;

use cift_engine::book::BookLevel;
use cift_engine::Side;
use numpy::{PyArray1, PyArray2};
use pyo3::exceptions::{PyKeyError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};

use crate::arrays::{pairs, Column};
use crate::side::{of_sign, SideName};
use fills::Fill;
use grid::Grid;
use named_book::{Match, NamedBook};

/// Largest `history`.
const MAX_HISTORY: usize = 1 << 24;

/// A limit order book of one instrument with price-time priority and the matching of the exchange's engine.
///
/// symbol: a name for display. tick, lot: steps of price and quantity; a value between steps is a ValueError.
/// history: number of fills kept for trades().
#[pyclass(module = "cift_core")]
pub struct FastOrderBook {
    symbol: String,
    prices: Grid,
    quantities: Grid,
    book: NamedBook,
    /// Scratch buffer: the matches of the current call.
    matches: Vec<Match>,
    history: VecDeque<Match>,
    history_limit: usize,
    /// Number of fills since the start.
    traded: u64,
}

type Fills<'py> = Bound<'py, PyArray1<Fill>>;
type Levels<'py> = Bound<'py, PyArray2<f64>>;

impl FastOrderBook {
    fn ticks(&self, price: f64) -> PyResult<i64> {
        self.prices.steps(price).ok_or_else(|| {
            PyValueError::new_err(format!(
                "price {price} is not a multiple of the tick {}",
                self.prices.step()
            ))
        })
    }

    fn lots(&self, quantity: f64, field: &str) -> PyResult<i64> {
        match self.quantities.steps(quantity) {
            Some(lots) if lots > 0 => Ok(lots),
            Some(_) => Err(PyValueError::new_err(format!(
                "{field} must be positive, got {quantity}"
            ))),
            None => Err(PyValueError::new_err(format!(
                "{field} {quantity} is not a multiple of the lot {}",
                self.quantities.step()
            ))),
        }
    }

    fn check_new_id(&self, id: i64) -> PyResult<()> {
        if self.book.contains(id) {
            return Err(PyValueError::new_err(format!("order {id} already rests in the book")));
        }
        Ok(())
    }

    /// Adds the matches of this call to the history.
    fn add_to_history(&mut self) {
        self.traded += self.matches.len() as u64;
        let first_kept = self.matches.len().saturating_sub(self.history_limit);
        for matched in &self.matches[first_kept..] {
            if self.history.len() == self.history_limit {
                self.history.pop_front();
            }
            self.history.push_back(*matched);
        }
    }

    /// Adds the matches of this call to the history and returns them as (maker, price, quantity).
    fn report_matches<'py>(&mut self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        if self.matches.is_empty() {
            return Ok(PyList::empty(py));
        }
        self.add_to_history();
        let (prices, quantities) = (self.prices, self.quantities);
        let rows = self
            .matches
            .iter()
            .map(|m| (m.maker, prices.value(m.price), quantities.value(m.quantity)).into_pyobject(py));
        PyList::new(py, rows.collect::<PyResult<Vec<Bound<'py, PyTuple>>>>()?)
    }

    fn level(&self, side: Side) -> Option<(f64, f64)> {
        let level = self.book.book().best_level(side)?;
        Some(self.in_units(level))
    }

    fn in_units(&self, level: BookLevel) -> (f64, f64) {
        (self.prices.value(level.price), self.quantities.value(level.quantity))
    }

    fn best(&self, side: Side) -> Option<f64> {
        self.book.book().best(side).map(|ticks| self.prices.value(ticks))
    }
}

#[pymethods]
impl FastOrderBook {
    #[new]
    #[pyo3(signature = (symbol = "", *, tick = 0.01, lot = 1.0, history = 10_000))]
    fn new(symbol: &str, tick: f64, lot: f64, history: usize) -> PyResult<Self> {
        let grid = |step, field: &str| {
            Grid::new(step)
                .ok_or_else(|| PyValueError::new_err(format!("{field} must be a positive number, got {step}")))
        };
        if history > MAX_HISTORY {
            return Err(PyValueError::new_err(format!(
                "history must be at most {MAX_HISTORY}, got {history}"
            )));
        }
        Ok(FastOrderBook {
            symbol: symbol.to_owned(),
            prices: grid(tick, "tick")?,
            quantities: grid(lot, "lot")?,
            book: NamedBook::default(),
            matches: Vec::new(),
            history: VecDeque::new(),
            history_limit: history,
            traded: 0,
        })
    }

    /// Match a limit order; the unmatched rest enters the book. Returns its fills, [(maker id, price,
    /// quantity), …].
    ///
    /// display_quantity: the visible part of an iceberg. ValueError: a value off the grid or not positive,
    /// or an order with this id already rests.
    #[pyo3(signature = (id, side, price, quantity, display_quantity = None, /))]
    fn add_limit<'py>(
        &mut self,
        py: Python<'py>,
        id: i64,
        side: SideName,
        price: f64,
        quantity: f64,
        display_quantity: Option<f64>,
    ) -> PyResult<Bound<'py, PyList>> {
        let (ticks, lots) = (self.ticks(price)?, self.lots(quantity, "quantity")?);
        let display = display_quantity
            .map(|display| self.lots(display, "display_quantity"))
            .transpose()?;
        self.check_new_id(id)?;
        self.matches.clear();
        self.book
            .submit(id, side.0, Some(ticks), lots, display, &mut self.matches);
        self.report_matches(py)
    }

    /// Match at any price; the unmatched rest is dropped. Returns the fills, [(maker id, price, quantity),
    /// …].
    #[pyo3(signature = (id, side, quantity, /))]
    fn add_market<'py>(
        &mut self,
        py: Python<'py>,
        id: i64,
        side: SideName,
        quantity: f64,
    ) -> PyResult<Bound<'py, PyList>> {
        let lots = self.lots(quantity, "quantity")?;
        self.check_new_id(id)?;
        self.matches.clear();
        self.book.submit(id, side.0, None, lots, None, &mut self.matches);
        self.report_matches(py)
    }

    /// Add many limit orders, one after the other. Returns all their fills in one record array.
    ///
    /// prices, quantities: float64; sides: int8, 1 buy and -1 sell; ids: int64. All have one length, and
    /// none is copied. A price of +inf (buy) or -inf (sell) is a market order. Fills have the fields taker,
    /// maker (int64), price, quantity (float64), side (int8, of the taker).
    ///
    /// A ValueError names the first invalid index, and no order is added. The exception is an id that
    /// already rests when its turn comes: the orders before it have been added, and their fills are in
    /// trades().
    #[pyo3(signature = (prices, quantities, sides, ids, /))]
    fn add_orders<'py>(
        &mut self,
        py: Python<'py>,
        prices: Column<'_, f64>,
        quantities: Column<'_, f64>,
        sides: Column<'_, i8>,
        ids: Column<'_, i64>,
    ) -> PyResult<Fills<'py>> {
        let count = prices.len();
        let lengths = [quantities.len(), sides.len(), ids.len()];
        if lengths != [count; 3] {
            return Err(PyValueError::new_err(format!(
                "prices, quantities, sides and ids differ in length: {count}, {}, {}, {}",
                lengths[0], lengths[1], lengths[2]
            )));
        }
        let mut orders = Vec::with_capacity(count);
        for index in 0..count {
            let at = |error: PyErr| PyValueError::new_err(format!("order {index}: {}", error.value(py)));
            let side = of_sign(sides[index]).ok_or_else(|| {
                PyValueError::new_err(format!("order {index}: side must be 1 or -1, got {}", sides[index]))
            })?;
            let market_price = if side == Side::Buy {
                f64::INFINITY
            } else {
                f64::NEG_INFINITY
            };
            let limit = if prices[index] == market_price {
                None
            } else {
                Some(self.ticks(prices[index]).map_err(at)?)
            };
            orders.push((side, limit, self.lots(quantities[index], "quantity").map_err(at)?));
        }
        self.matches.clear();
        self.book.reserve(count);
        let mut duplicate = None;
        for (index, &(side, limit, lots)) in orders.iter().enumerate() {
            if let Err(error) = self.check_new_id(ids[index]) {
                duplicate = Some((index, error));
                break;
            }
            self.book.submit(ids[index], side, limit, lots, None, &mut self.matches);
        }
        self.add_to_history();
        if let Some((index, error)) = duplicate {
            return Err(PyValueError::new_err(format!("order {index}: {}", error.value(py))));
        }
        let fills = self
            .matches
            .iter()
            .map(|matched| Fill::of(matched, &self.prices, &self.quantities))
            .collect();
        fills::array(py, fills)
    }

    /// Remove a resting order. Returns its open quantity, 0.0 if no such order rests.
    #[pyo3(signature = (id, /))]
    fn cancel(&mut self, id: i64) -> f64 {
        self.book
            .cancel(id)
            .map_or(0.0, |resting| self.quantities.value(resting.left))
    }

    /// Remove many resting orders (int64 ids). Returns how many of them rested.
    #[pyo3(signature = (ids, /))]
    fn cancel_orders(&mut self, ids: Column<'_, i64>) -> usize {
        ids.iter().filter(|&&id| self.book.cancel(id).is_some()).count()
    }

    /// Change a resting order. quantity: the new open quantity; price: the new limit; None: no change.
    /// Returns its fills.
    ///
    /// If only the quantity decreases, the order keeps its time priority. Otherwise it is removed and
    /// submitted again: it may match, and an iceberg shows its whole quantity from then on. KeyError: no
    /// such order rests. ValueError: a value off the grid or not positive.
    #[pyo3(signature = (id, /, quantity = None, price = None))]
    fn modify<'py>(
        &mut self,
        py: Python<'py>,
        id: i64,
        quantity: Option<f64>,
        price: Option<f64>,
    ) -> PyResult<Bound<'py, PyList>> {
        let resting = self
            .book
            .resting(id)
            .ok_or_else(|| PyKeyError::new_err(format!("order {id} does not rest in the book")))?;
        let lots = quantity.map_or(Ok(resting.left), |quantity| self.lots(quantity, "quantity"))?;
        let ticks = price.map_or(Ok(resting.price), |price| self.ticks(price))?;
        self.matches.clear();
        if ticks == resting.price && lots <= resting.left {
            self.book.shrink(id, lots);
        } else {
            self.book.cancel(id);
            self.book
                .submit(id, resting.side, Some(ticks), lots, None, &mut self.matches);
        }
        self.report_matches(py)
    }

    /// Remove all orders. The history of fills stays.
    fn clear(&mut self) {
        self.book = NamedBook::default();
    }

    #[getter]
    fn symbol(&self) -> &str {
        &self.symbol
    }

    #[getter]
    fn tick(&self) -> f64 {
        self.prices.step()
    }

    #[getter]
    fn lot(&self) -> f64 {
        self.quantities.step()
    }

    /// Highest bid; None if there is none.
    #[getter]
    fn best_bid(&self) -> Option<f64> {
        self.best(Side::Buy)
    }

    /// Lowest ask; None if there is none.
    #[getter]
    fn best_ask(&self) -> Option<f64> {
        self.best(Side::Sell)
    }

    /// Best ask - best bid; None if a side is empty.
    #[getter]
    fn spread(&self) -> Option<f64> {
        let ticks = self.book.book().best(Side::Sell)? - self.book.book().best(Side::Buy)?;
        Some(self.prices.value(ticks))
    }

    /// (best bid + best ask) / 2; None if a side is empty.
    #[getter]
    fn mid(&self) -> Option<f64> {
        Some((self.best(Side::Buy)? + self.best(Side::Sell)?) / 2.0)
    }

    /// Mid weighted by the size of the opposite side (see FastMarketData.microprice); None if a side is
    /// empty.
    #[getter]
    fn microprice(&self) -> Option<f64> {
        let (bid, bid_size) = self.level(Side::Buy)?;
        let (ask, ask_size) = self.level(Side::Sell)?;
        Some(cift_analytics::market::spreads::microprice(
            bid, bid_size, ask, ask_size,
        ))
    }

    /// The best levels of both sides as (bids, asks): float64 of shape (number of levels, 2), with price
    /// and visible quantity.
    #[pyo3(signature = (levels = 10, /))]
    fn depth<'py>(&self, py: Python<'py>, levels: usize) -> PyResult<(Levels<'py>, Levels<'py>)> {
        let side = |side| {
            let levels = self.book.book().levels(side).take(levels);
            pairs(py, levels.map(|level| self.in_units(level)))
        };
        Ok((side(Side::Buy)?, side(Side::Sell)?))
    }

    /// Visible quantity and number of orders at a price.
    #[pyo3(signature = (side, price, /))]
    fn level_at(&self, side: SideName, price: f64) -> PyResult<(f64, u32)> {
        let level = self.book.book().level(side.0, self.ticks(price)?);
        Ok((self.quantities.value(level.quantity), level.orders))
    }

    /// Open quantity of a resting order, with its hidden part; 0.0 if no such order rests.
    #[pyo3(signature = (id, /))]
    fn open_quantity(&self, id: i64) -> f64 {
        self.book
            .resting(id)
            .map_or(0.0, |resting| self.quantities.value(resting.left))
    }

    /// The last fills as a record array, oldest first: at most `count` (None: all that are kept).
    #[pyo3(signature = (count = None, /))]
    fn trades<'py>(&self, py: Python<'py>, count: Option<usize>) -> PyResult<Fills<'py>> {
        let skipped = self.history.len().saturating_sub(count.unwrap_or(usize::MAX));
        let kept = self.history.range(skipped..);
        fills::array(
            py,
            kept.map(|matched| Fill::of(matched, &self.prices, &self.quantities))
                .collect(),
        )
    }

    /// Number of fills since the book was created.
    #[getter]
    fn trade_count(&self) -> u64 {
        self.traded
    }

    fn __len__(&self) -> usize {
        self.book.len()
    }

    fn __contains__(&self, id: &Bound<'_, PyAny>) -> PyResult<bool> {
        match id.extract::<i64>() {
            Ok(id) => Ok(self.book.contains(id)),
            Err(error) if error.is_instance_of::<PyTypeError>(id.py()) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn __repr__(&self) -> String {
        let price = |side| {
            self.best(side)
                .map_or_else(|| "-".to_owned(), |price| price.to_string())
        };
        let (bid, ask) = (price(Side::Buy), price(Side::Sell));
        format!(
            "FastOrderBook({:?}, {bid} / {ask}, {} orders)",
            self.symbol,
            self.book.len()
        )
    }
}
