//! `Backtest`: a strategy in Python on `cift_backtest`, and what it sees: `Quote`, `Trade`, `Bar`, `Fill`.
//!
//! Prices and quantities are floats here. A nano amount divided by 1e9 is the double nearest to its decimal
//! value, and a float that a strategy sends is rounded to the nearest nano.

use cift_backtest::{self as core, Executed, Request, Settings, Tick, TickKind};
use cift_engine::{OutsideSide, Side, TimeInForce, NANOS};
use numpy::{PyArray1, PyArray2, PyArrayMethods};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::arrays::Column;
use crate::side::SideName;

fn float(nanos: i64) -> f64 {
    nanos as f64 / NANOS as f64
}

fn nanos(value: f64, field: &str) -> PyResult<i64> {
    let scaled = value * NANOS as f64;
    if !scaled.is_finite() || scaled.abs() > 9e18 {
        return Err(PyValueError::new_err(format!(
            "{field} must be a finite number below 9e9, got {value}"
        )));
    }
    Ok(scaled.round() as i64)
}

/// The best prices of the outside market and their sizes. at: ns since the epoch.
#[pyclass(module = "cift_core", frozen, get_all)]
pub struct Quote {
    /// The symbol.
    symbol: Py<PyString>,
    /// Time in ns since the epoch.
    at: i64,
    /// Best bid; 0.0 if the side is empty.
    bid: f64,
    /// Quantity of the bid.
    bid_size: f64,
    /// Best ask; 0.0 if the side is empty.
    ask: f64,
    /// Quantity of the ask.
    ask_size: f64,
}

/// A print of the outside market.
#[pyclass(module = "cift_core", frozen, get_all)]
pub struct Trade {
    /// The symbol.
    symbol: Py<PyString>,
    /// Time in ns since the epoch.
    at: i64,
    /// Price.
    price: f64,
    /// Quantity.
    quantity: f64,
}

/// A complete bar of the prints of one interval.
#[pyclass(module = "cift_core", frozen, get_all)]
pub struct Bar {
    /// The symbol.
    symbol: Py<PyString>,
    /// Start of the interval in ns since the epoch.
    at: i64,
    /// First price.
    open: f64,
    /// Highest price.
    high: f64,
    /// Lowest price.
    low: f64,
    /// Last price.
    close: f64,
    /// Quantity traded.
    volume: f64,
    /// Number of prints.
    trades: u32,
}

/// A fill of an order of the strategy.
#[pyclass(module = "cift_core", frozen, get_all)]
pub struct Fill {
    /// Id of the order.
    order: u64,
    /// The symbol.
    symbol: Py<PyString>,
    /// Time in ns since the epoch.
    at: i64,
    /// "buy" or "sell".
    side: &'static str,
    /// Price.
    price: f64,
    /// Quantity of this fill.
    quantity: f64,
    /// Fee; negative: a rebate.
    fee: f64,
    /// Quantity of the order that is still open.
    leaves: f64,
    /// Position after this fill.
    position: f64,
    /// Cash after this fill.
    cash: f64,
    /// True if the order waited in the book.
    is_maker: bool,
}

#[pymethods]
impl Fill {
    fn __repr__(&self) -> String {
        format!(
            "Fill(order={}, {} {} at {}, leaves={})",
            self.order, self.side, self.quantity, self.price, self.leaves
        )
    }
}

/// The callbacks of a strategy: bound methods, or None for those that it does not have.
struct Callbacks<'py> {
    py: Python<'py>,
    symbols: Vec<Py<PyString>>,
    quote: Option<Bound<'py, PyAny>>,
    trade: Option<Bound<'py, PyAny>>,
    bar: Option<Bound<'py, PyAny>>,
    fill: Option<Bound<'py, PyAny>>,
    ended: Option<Bound<'py, PyAny>>,
    timer: Option<Bound<'py, PyAny>>,
    orders: Py<Requests>,
}

impl<'py> Callbacks<'py> {
    fn symbol(&self, index: u32) -> Py<PyString> {
        self.symbols[index as usize].clone_ref(self.py)
    }
}

impl core::Strategy<PyErr> for Callbacks<'_> {
    fn quote(&mut self, tick: &Tick) -> PyResult<()> {
        let Some(call) = &self.quote else { return Ok(()) };
        let quote = Quote {
            symbol: self.symbol(tick.symbol),
            at: tick.at,
            bid: float(tick.bid.price),
            bid_size: float(tick.bid.quantity),
            ask: float(tick.ask.price),
            ask_size: float(tick.ask.quantity),
        };
        call.call1((Bound::new(self.py, quote)?,)).map(drop)
    }

    fn trade(&mut self, tick: &Tick) -> PyResult<()> {
        let Some(call) = &self.trade else { return Ok(()) };
        let trade = Trade {
            symbol: self.symbol(tick.symbol),
            at: tick.at,
            price: float(tick.bid.price),
            quantity: float(tick.bid.quantity),
        };
        call.call1((Bound::new(self.py, trade)?,)).map(drop)
    }

    fn bar(&mut self, _at: i64, bar: &core::Bar) -> PyResult<()> {
        let Some(call) = &self.bar else { return Ok(()) };
        let bar = Bar {
            symbol: self.symbol(bar.symbol),
            at: bar.at,
            open: float(bar.open),
            high: float(bar.high),
            low: float(bar.low),
            close: float(bar.close),
            volume: float(bar.volume),
            trades: bar.trades,
        };
        call.call1((Bound::new(self.py, bar)?,)).map(drop)
    }

    fn fill(&mut self, at: i64, fill: &Executed) -> PyResult<()> {
        let Some(call) = &self.fill else { return Ok(()) };
        let fill = Fill {
            order: fill.order,
            symbol: self.symbol(fill.symbol),
            at,
            side: if fill.side == Side::Buy { "buy" } else { "sell" },
            price: float(fill.price),
            quantity: float(fill.quantity),
            fee: float(fill.fee),
            leaves: float(fill.leaves),
            position: float(fill.position),
            cash: float(fill.cash),
            is_maker: fill.is_maker,
        };
        call.call1((Bound::new(self.py, fill)?,)).map(drop)
    }

    fn ended(&mut self, at: i64, order: u64, reason: &'static str) -> PyResult<()> {
        match &self.ended {
            Some(call) => call.call1((at, order, reason)).map(drop),
            None => Ok(()),
        }
    }

    fn timer(&mut self, at: i64) -> PyResult<()> {
        match &self.timer {
            Some(call) => call.call1((at,)).map(drop),
            None => Ok(()),
        }
    }

    fn take_requests(&mut self, to: &mut Vec<Request>) {
        to.append(&mut self.orders.borrow_mut(self.py).waiting);
    }
}

/// The requests that a strategy sends during a callback.
#[pyclass(module = "cift_core")]
pub struct Requests {
    waiting: Vec<Request>,
    last_order: u64,
    symbols: Vec<String>,
}

#[pymethods]
impl Requests {
    /// Send an order; returns its id. limit None: a market order. time_in_force: "day", "gtc", "ioc" or
    /// "fok". ValueError: an unknown symbol or word, or a number that is not finite.
    #[pyo3(signature = (symbol, side, quantity, limit = None, time_in_force = "day", post_only = false))]
    fn place(
        &mut self,
        symbol: &str,
        side: SideName,
        quantity: f64,
        limit: Option<f64>,
        time_in_force: &str,
        post_only: bool,
    ) -> PyResult<u64> {
        let Some(number) = self.symbols.iter().position(|known| known == symbol) else {
            return Err(PyValueError::new_err(format!(
                "the backtest has no symbol {symbol:?}; it has {}",
                self.symbols.join(", ")
            )));
        };
        let time_in_force = match time_in_force {
            "day" => TimeInForce::Day,
            "gtc" => TimeInForce::Gtc,
            "ioc" => TimeInForce::Ioc,
            "fok" => TimeInForce::Fok,
            other => {
                return Err(PyValueError::new_err(format!(
                    "time_in_force must be day, gtc, ioc or fok, got {other:?}"
                )))
            }
        };
        self.last_order += 1;
        self.waiting.push(Request::Place {
            order: self.last_order,
            symbol: number as u32,
            side: side.0,
            quantity: nanos(quantity, "quantity")?,
            limit: limit.map(|limit| nanos(limit, "limit")).transpose()?,
            time_in_force,
            post_only,
        });
        Ok(self.last_order)
    }

    /// Cancel an order by its id. An order that has ended is left alone.
    fn cancel(&mut self, order: u64) {
        self.waiting.push(Request::Cancel { order });
    }
}

/// Recorded ticks and one account on the engine of the exchange.
///
/// symbols: [(symbol, tick, lot), …], tick and lot in nanos. cash: in currency units. ValueError: the engine
/// refuses an instrument or a setting. cift.backtest is the interface for strategies.
#[pyclass(module = "cift_core", unsendable)]
pub struct Backtest {
    core: core::Backtest,
    requests: Py<Requests>,
    symbols: Vec<String>,
}

#[pymethods]
impl Backtest {
    #[new]
    #[pyo3(signature = (symbols, *, cash = 100_000.0, leverage_percent = 100, maker_ppm = 0, taker_ppm = 0, latency_ns = 0, jitter_ns = 0, seed = 0, sample_ns = 0, bar_ns = 0, timer_ns = 0))]
    #[allow(clippy::too_many_arguments)]
    fn new(
        py: Python<'_>,
        symbols: Vec<(String, i64, i64)>,
        cash: f64,
        leverage_percent: u32,
        maker_ppm: i32,
        taker_ppm: i32,
        latency_ns: i64,
        jitter_ns: i64,
        seed: u64,
        sample_ns: i64,
        bar_ns: i64,
        timer_ns: i64,
    ) -> PyResult<Self> {
        for (field, value) in [
            ("latency_ns", latency_ns),
            ("jitter_ns", jitter_ns),
            ("sample_ns", sample_ns),
            ("bar_ns", bar_ns),
            ("timer_ns", timer_ns),
        ] {
            if !(0..=86_400 * NANOS).contains(&value) {
                return Err(PyValueError::new_err(format!(
                    "{field} must be between 0 and one day, got {value}"
                )));
            }
        }
        let settings = Settings {
            cash: nanos(cash, "cash")?,
            leverage_percent,
            maker_ppm,
            taker_ppm,
            latency_ns,
            jitter_ns,
            seed,
            sample_ns,
            bar_ns,
            timer_ns,
        };
        let core = core::Backtest::new(&symbols, settings).map_err(|error| PyValueError::new_err(error.0))?;
        let symbols: Vec<String> = symbols.into_iter().map(|(symbol, ..)| symbol).collect();
        let requests = Requests {
            waiting: Vec::new(),
            last_order: 0,
            symbols: symbols.clone(),
        };
        Ok(Backtest {
            core,
            requests: Py::new(py, requests)?,
            symbols,
        })
    }

    /// Where the strategy places and cancels orders.
    #[getter]
    fn requests(&self, py: Python<'_>) -> Py<Requests> {
        self.requests.clone_ref(py)
    }

    /// Replay ticks in order of time, with the callbacks on_quote, on_trade, on_bar, on_fill, on_ended and
    /// on_timer of `strategy` (an attribute that is None is not called). Several calls continue each other.
    ///
    /// times: int64, ns. kinds: int8, 0 trade and 1 quote. symbols: int64 indices. prices, sizes: int64
    /// nanos of the trade, or of the bid; ask_prices, ask_sizes: of the ask. ValueError: the arrays differ in
    /// length, a symbol is out of range, or times decrease. An exception of a callback stops the run.
    #[pyo3(signature = (strategy, times, kinds, symbols, prices, sizes, ask_prices, ask_sizes))]
    #[allow(clippy::too_many_arguments)]
    fn run(
        &mut self,
        py: Python<'_>,
        strategy: &Bound<'_, PyAny>,
        times: Column<'_, i64>,
        kinds: Column<'_, i8>,
        symbols: Column<'_, i64>,
        prices: Column<'_, i64>,
        sizes: Column<'_, i64>,
        ask_prices: Column<'_, i64>,
        ask_sizes: Column<'_, i64>,
    ) -> PyResult<()> {
        let count = times.len();
        let lengths = [
            kinds.len(),
            symbols.len(),
            prices.len(),
            sizes.len(),
            ask_prices.len(),
            ask_sizes.len(),
        ];
        if lengths.iter().any(|&length| length != count) {
            return Err(PyValueError::new_err("the arrays of ticks differ in length"));
        }
        if let Some(at) = (1..count).find(|&at| times[at] < times[at - 1]) {
            return Err(PyValueError::new_err(format!("times decrease at tick {at}")));
        }
        let known = self.symbols.len() as i64;
        if let Some(at) = symbols.iter().position(|&symbol| !(0..known).contains(&symbol)) {
            return Err(PyValueError::new_err(format!(
                "tick {at}: no symbol has the index {}",
                symbols[at]
            )));
        }
        // Copied, because a callback runs Python code, which may write to the arrays.
        let ticks: Vec<Tick> = (0..count)
            .map(|at| Tick {
                at: times[at],
                kind: if kinds[at] == 1 {
                    TickKind::Quote
                } else {
                    TickKind::Trade
                },
                symbol: symbols[at] as u32,
                bid: OutsideSide {
                    price: prices[at],
                    quantity: sizes[at],
                },
                ask: OutsideSide {
                    price: ask_prices[at],
                    quantity: ask_sizes[at],
                },
            })
            .collect();
        let callback = |name: &str| -> PyResult<_> {
            let found = strategy.getattr(name)?;
            Ok(if found.is_none() { None } else { Some(found) })
        };
        let mut callbacks = Callbacks {
            py,
            symbols: self
                .symbols
                .iter()
                .map(|symbol| PyString::new(py, symbol).unbind())
                .collect(),
            quote: callback("on_quote")?,
            trade: callback("on_trade")?,
            bar: callback("on_bar")?,
            fill: callback("on_fill")?,
            ended: callback("on_ended")?,
            timer: callback("on_timer")?,
            orders: self.requests.clone_ref(py),
        };
        self.core.run(ticks.into_iter(), &mut callbacks)
    }

    /// Add the account's state at this time to the equity curve.
    fn sample(&mut self, at: i64) {
        self.core.sample(at);
    }

    /// The equity curve: times (int64, ns), and an array of shape (points, 3): equity, cash, gross exposure.
    #[getter]
    #[allow(clippy::type_complexity)]
    fn equity<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyArray1<i64>>, Bound<'py, PyArray2<f64>>)> {
        let samples = &self.core.samples;
        let times = samples.iter().map(|sample| sample.at).collect();
        let rows = samples
            .iter()
            .flat_map(|sample| [float(sample.equity), float(sample.cash), float(sample.gross)])
            .collect();
        let values = PyArray1::from_vec(py, rows).reshape([samples.len(), 3])?;
        Ok((PyArray1::from_vec(py, times), values))
    }

    /// Number of commands that the engine has applied.
    #[getter]
    fn commands(&self) -> u64 {
        self.core.commands
    }

    fn __repr__(&self) -> String {
        format!("Backtest({}, {} commands)", self.symbols.join(", "), self.core.commands)
    }
}

pub fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Backtest>()?;
    module.add_class::<Requests>()?;
    module.add_class::<Quote>()?;
    module.add_class::<Trade>()?;
    module.add_class::<Bar>()?;
    module.add_class::<Fill>()
}
