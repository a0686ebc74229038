//! `FastOrderBook`: the engine's limit order book for research and simulation, one instrument a book.
//!
//! The matching is the engine's own (`cift_engine::book`): price, then time, icebergs refill at the end of their
//! level. No accounts, no money, no risk: those are the exchange's. Prices and quantities are floats on the grid of
//! `tick` and `lot`; ids are the caller's `int`s and name resting orders only (free again after the fill).
//!
//! Bounded: `history` fills are kept, older ones are forgotten.

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
use crate::side::{of_sign, Named};
use fills::Fill;
use grid::Grid;
use named_book::{Match, NamedBook};

/// Longest `history` and longest side of `depth`.
const MAX_HISTORY: usize = 1 << 24;

/// A limit order book of one instrument, price-time priority: the matching of the exchange's engine.
///
/// symbol: a name for the reader. tick, lot: steps of price and quantity; what lies between steps is a ValueError.
/// history: fills kept for trades().
#[pyclass(module = "cift_core")]
pub struct FastOrderBook {
    symbol: String,
    prices: Grid,
    quantities: Grid,
    book: NamedBook,
    /// Scratch: matches of the call under way.
    matches: Vec<Match>,
    history: VecDeque<Match>,
    history_limit: usize,
    /// All fills ever.
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
            Some(_) => Err(PyValueError::new_err(format!("{field} {quantity} must be positive"))),
            None => Err(PyValueError::new_err(format!(
                "{field} {quantity} is not a multiple of the lot {}",
                self.quantities.step()
            ))),
        }
    }

    fn new_id(&self, id: i64) -> PyResult<()> {
        if self.book.contains(id) {
            return Err(PyValueError::new_err(format!("order {id} rests in the book already")));
        }
        Ok(())
    }

    /// Remembers the matches of this call.
    fn remember(&mut self) {
        self.traded += self.matches.len() as u64;
        let kept = self.matches.len().saturating_sub(self.history_limit);
        for hit in &self.matches[kept..] {
            if self.history.len() == self.history_limit {
                self.history.pop_front();
            }
            self.history.push_back(*hit);
        }
    }

    /// The matches of this call as (maker, price, quantity), and remembers them.
    fn told<'py>(&mut self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        if self.matches.is_empty() {
            return Ok(PyList::empty(py));
        }
        self.remember();
        let (prices, quantities) = (self.prices, self.quantities);
        let rows = self
            .matches
            .iter()
            .map(|hit| (hit.maker, prices.value(hit.price), quantities.value(hit.quantity)).into_pyobject(py));
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
            Grid::new(step).ok_or_else(|| PyValueError::new_err(format!("{field} must be a positive number")))
        };
        if history > MAX_HISTORY {
            return Err(PyValueError::new_err(format!("history must be at most {MAX_HISTORY}")));
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

    /// Match a limit order and rest what is left. Returns its fills, [(maker id, price, quantity), …].
    ///
    /// display_quantity: the part shown at a time (iceberg). ValueError: off the grid, not positive, or the id rests already.
    #[pyo3(signature = (id, side, price, quantity, display_quantity = None, /))]
    fn add_limit<'py>(
        &mut self,
        py: Python<'py>,
        id: i64,
        side: Named,
        price: f64,
        quantity: f64,
        display_quantity: Option<f64>,
    ) -> PyResult<Bound<'py, PyList>> {
        let (ticks, lots) = (self.ticks(price)?, self.lots(quantity, "quantity")?);
        let display = display_quantity
            .map(|display| self.lots(display, "display_quantity"))
            .transpose()?;
        self.new_id(id)?;
        self.matches.clear();
        self.book
            .submit(id, side.0, Some(ticks), lots, display, &mut self.matches);
        self.told(py)
    }

    /// Match at any price; what finds nobody is dropped. Returns the fills, [(maker id, price, quantity), …].
    #[pyo3(signature = (id, side, quantity, /))]
    fn add_market<'py>(
        &mut self,
        py: Python<'py>,
        id: i64,
        side: Named,
        quantity: f64,
    ) -> PyResult<Bound<'py, PyList>> {
        let lots = self.lots(quantity, "quantity")?;
        self.new_id(id)?;
        self.matches.clear();
        self.book.submit(id, side.0, None, lots, None, &mut self.matches);
        self.told(py)
    }

    /// Add many limit orders, one after the other; returns all their fills in one record array.
    ///
    /// prices, quantities: float64; sides: int8, 1 buys and -1 sells; ids: int64; all of one length, none is copied. A
    /// price of +inf (buy) or -inf (sell) is a market order. Fills have the fields taker, maker (int64), price,
    /// quantity (float64), side (int8, of the taker).
    ///
    /// ValueError names the first wrong index. Nothing is added then, except where an id rests already: orders before
    /// it have been added, as the book before them decides whether an id is free; their fills are in trades().
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
        if [quantities.len(), sides.len(), ids.len()] != [count; 3] {
            return Err(PyValueError::new_err(
                "prices, quantities, sides and ids differ in length",
            ));
        }
        let mut orders = Vec::with_capacity(count);
        for index in 0..count {
            let at = |error: PyErr| PyValueError::new_err(format!("order {index}: {}", error.value(py)));
            let side = of_sign(sides[index]).ok_or_else(|| {
                PyValueError::new_err(format!("order {index}: side {} is neither 1 nor -1", sides[index]))
            })?;
            let any = if side == Side::Buy {
                f64::INFINITY
            } else {
                f64::NEG_INFINITY
            };
            let limit = if prices[index] == any {
                None
            } else {
                Some(self.ticks(prices[index]).map_err(at)?)
            };
            orders.push((side, limit, self.lots(quantities[index], "quantity").map_err(at)?));
        }
        self.matches.clear();
        self.book.reserve(count);
        let mut taken = None;
        for (index, &(side, limit, lots)) in orders.iter().enumerate() {
            if let Err(error) = self.new_id(ids[index]) {
                taken = Some((index, error));
                break;
            }
            self.book.submit(ids[index], side, limit, lots, None, &mut self.matches);
        }
        self.remember();
        if let Some((index, error)) = taken {
            return Err(PyValueError::new_err(format!("order {index}: {}", error.value(py))));
        }
        let fills = self
            .matches
            .iter()
            .map(|hit| Fill::of(hit, &self.prices, &self.quantities))
            .collect();
        fills::array(py, fills)
    }

    /// Take a resting order out. Returns the quantity that was left, 0.0 where no such order rests.
    #[pyo3(signature = (id, /))]
    fn cancel(&mut self, id: i64) -> f64 {
        self.book
            .cancel(id)
            .map_or(0.0, |resting| self.quantities.value(resting.left))
    }

    /// Take many resting orders out (int64 ids). Returns how many rested.
    #[pyo3(signature = (ids, /))]
    fn cancel_orders(&mut self, ids: Column<'_, i64>) -> usize {
        ids.iter().filter(|&&id| self.book.cancel(id).is_some()).count()
    }

    /// Change a resting order: quantity = the new open quantity, price = the new limit; None = as it is. Returns fills.
    ///
    /// Where only the quantity falls it keeps its place; otherwise it leaves and enters as new (an iceberg shows all of
    /// it from then on) and may match. KeyError: no such order rests. ValueError: off the grid, or not positive.
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
        self.told(py)
    }

    /// Take everything out; history stays.
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

    /// Highest bid; None: no bid.
    #[getter]
    fn best_bid(&self) -> Option<f64> {
        self.best(Side::Buy)
    }

    /// Lowest ask; None: no ask.
    #[getter]
    fn best_ask(&self) -> Option<f64> {
        self.best(Side::Sell)
    }

    /// Best ask - best bid; None where a side is empty.
    #[getter]
    fn spread(&self) -> Option<f64> {
        let ticks = self.book.book().best(Side::Sell)? - self.book.book().best(Side::Buy)?;
        Some(self.prices.value(ticks))
    }

    /// Half way between best bid and best ask; None where a side is empty.
    #[getter]
    fn mid(&self) -> Option<f64> {
        Some((self.best(Side::Buy)? + self.best(Side::Sell)?) / 2.0)
    }

    /// Mid weighed by the sizes of the other side (see FastMarketData.microprice); None where a side is empty.
    #[getter]
    fn microprice(&self) -> Option<f64> {
        let (bid, bid_size) = self.level(Side::Buy)?;
        let (ask, ask_size) = self.level(Side::Sell)?;
        Some(cift_analytics::market::spreads::microprice(
            bid, bid_size, ask, ask_size,
        ))
    }

    /// The best levels of both sides: (bids, asks), float64 of shape (levels there are, 2): price, shown quantity.
    #[pyo3(signature = (levels = 10, /))]
    fn depth<'py>(&self, py: Python<'py>, levels: usize) -> PyResult<(Levels<'py>, Levels<'py>)> {
        let side = |side| {
            let levels = self.book.book().levels(side).take(levels);
            pairs(py, levels.map(|level| self.in_units(level)))
        };
        Ok((side(Side::Buy)?, side(Side::Sell)?))
    }

    /// Shown quantity and number of orders at a price.
    #[pyo3(signature = (side, price, /))]
    fn level_at(&self, side: Named, price: f64) -> PyResult<(f64, u32)> {
        let level = self.book.book().level(side.0, self.ticks(price)?);
        Ok((self.quantities.value(level.quantity), level.orders))
    }

    /// Quantity left of a resting order, hidden parts included; 0.0 where no such order rests.
    #[pyo3(signature = (id, /))]
    fn open_quantity(&self, id: i64) -> f64 {
        self.book
            .resting(id)
            .map_or(0.0, |resting| self.quantities.value(resting.left))
    }

    /// The last fills, oldest first, at most `count` (None: all that are kept), as a record array.
    #[pyo3(signature = (count = None, /))]
    fn trades<'py>(&self, py: Python<'py>, count: Option<usize>) -> PyResult<Fills<'py>> {
        let skipped = self.history.len().saturating_sub(count.unwrap_or(usize::MAX));
        let kept = self.history.range(skipped..);
        fills::array(
            py,
            kept.map(|hit| Fill::of(hit, &self.prices, &self.quantities)).collect(),
        )
    }

    /// Number of fills since the book was made.
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
