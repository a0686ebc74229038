//! `FastMarketData`: analytics over NumPy arrays, and current figures of one instrument.
//!
//! The formulas and their sources are in `cift_analytics::market`; this module is only the interface to
//! Python. Series are returned as new arrays.

use cift_analytics::market::order_flow::{Quote, Quotes};
use cift_analytics::market::stream::{Stream, MAX_WINDOW};
use cift_analytics::market::{depth, indicators, order_flow, prices, spreads};
use cift_analytics::LengthMismatch;
use numpy::{IntoPyArray, PyArray1};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::arrays::{mismatch, Column, Matrix};

type Series<'py> = Bound<'py, PyArray1<f64>>;

/// A new array of `length`, filled by `fill`.
fn series<'py>(
    py: Python<'py>,
    length: usize,
    fill: impl FnOnce(&mut [f64]) -> Result<(), LengthMismatch>,
) -> PyResult<Series<'py>> {
    let mut values = vec![0.0; length];
    fill(&mut values).map_err(mismatch)?;
    Ok(values.into_pyarray(py))
}

fn window_of(window: usize) -> PyResult<usize> {
    if window == 0 {
        return Err(PyValueError::new_err("window must be at least 1"));
    }
    Ok(window)
}

fn span_of(span: f64) -> PyResult<f64> {
    if !(span.is_finite() && span >= 1.0) {
        return Err(PyValueError::new_err(format!(
            "span must be a finite number of at least 1, got {span}"
        )));
    }
    Ok(span)
}

const INVALID_TRADE: &str = "price and volume must be finite, and volume must not be negative";

/// A NaN would stay in the sums until they are recomputed.
fn is_valid_trade(price: f64, volume: f64) -> bool {
    price.is_finite() && volume.is_finite() && volume >= 0.0
}

/// Market analytics: static methods over arrays. An instance keeps the current figures of one instrument.
#[pyclass(module = "cift_core")]
pub struct FastMarketData {
    stream: Stream,
    window: usize,
}

#[pymethods]
impl FastMarketData {
    #[new]
    #[pyo3(signature = (window = 1_000, *, ema_span = 20.0))]
    fn new(window: usize, ema_span: f64) -> PyResult<Self> {
        let stream = Stream::new(window_of(window)?, span_of(ema_span)?);
        let stream = stream
            .ok_or_else(|| PyValueError::new_err(format!("window must be at most {MAX_WINDOW}, got {window}")))?;
        Ok(FastMarketData { stream, window })
    }

    /// Add a trade: price, volume, side of the taker (1 buy, -1 sell, 0 unknown). O(1). ValueError: a value
    /// is not finite, or the volume is negative.
    #[pyo3(signature = (price, volume, side = 0, /))]
    fn on_trade(&mut self, price: f64, volume: f64, side: i8) -> PyResult<()> {
        if !is_valid_trade(price, volume) {
            return Err(PyValueError::new_err(format!(
                "{INVALID_TRADE}, got {price} and {volume}"
            )));
        }
        self.stream.on_trade(price, volume, side);
        Ok(())
    }

    /// Add a change of the best prices and their sizes. O(1). ValueError: a value is not finite. An empty
    /// side has size 0 at its last price.
    #[pyo3(signature = (bid, bid_size, ask, ask_size, /))]
    fn on_quote(&mut self, bid: f64, bid_size: f64, ask: f64, ask_size: f64) -> PyResult<()> {
        if ![bid, bid_size, ask, ask_size].iter().all(|number| number.is_finite()) {
            return Err(PyValueError::new_err("prices and sizes of a quote must be finite"));
        }
        self.stream.on_quote(Quote {
            bid,
            bid_size,
            ask,
            ask_size,
        });
        Ok(())
    }

    /// Add many trades: float64 prices and volumes, int8 sides (default 0). All are checked before the
    /// first is added; a ValueError names the first invalid trade.
    #[pyo3(signature = (prices, volumes, sides = None, /))]
    fn on_trades(
        &mut self,
        prices: Column<'_, f64>,
        volumes: Column<'_, f64>,
        sides: Option<Column<'_, i8>>,
    ) -> PyResult<()> {
        let lengths = [volumes.len(), sides.as_ref().map_or(prices.len(), |sides| sides.len())];
        if let Some(&actual) = lengths.iter().find(|&&actual| actual != prices.len()) {
            return Err(mismatch(LengthMismatch {
                expected: prices.len(),
                actual,
            }));
        }
        if let Some(index) = (0..prices.len()).find(|&index| !is_valid_trade(prices[index], volumes[index])) {
            return Err(PyValueError::new_err(format!(
                "trade {index}: {INVALID_TRADE}, got {} and {}",
                prices[index], volumes[index]
            )));
        }
        for index in 0..prices.len() {
            let side = sides.as_ref().map_or(0, |sides| sides[index]);
            self.stream.on_trade(prices[index], volumes[index], side);
        }
        Ok(())
    }

    /// Number of trades, and number of changes of the quote, in the window of the current figures.
    #[getter]
    fn window(&self) -> usize {
        self.window
    }

    /// VWAP of the window; NaN without volume.
    #[getter]
    fn current_vwap(&self) -> f64 {
        self.stream.vwap()
    }

    /// Order flow imbalance of the window (see ofi).
    #[getter]
    fn current_ofi(&self) -> f64 {
        self.stream.ofi()
    }

    /// (bought - sold) / all volume of the window; NaN without volume.
    #[getter]
    fn current_trade_imbalance(&self) -> f64 {
        self.stream.trade_imbalance()
    }

    /// Exponential average of the trade prices over ema_span trades; NaN before the first.
    #[getter]
    fn current_ema(&self) -> f64 {
        self.stream.ema()
    }

    /// Ask - bid of the last quote; NaN before the first.
    #[getter]
    fn current_spread(&self) -> f64 {
        self.stream.spread()
    }

    /// Size-weighted mid of the last quote; NaN before the first.
    #[getter]
    fn current_microprice(&self) -> f64 {
        self.stream.microprice()
    }

    /// Price of the last trade; NaN before the first.
    #[getter]
    fn last_price(&self) -> f64 {
        self.stream.last()
    }

    /// Volume of the window.
    #[getter]
    fn volume(&self) -> f64 {
        self.stream.volume()
    }

    /// Number of trades since the start.
    #[getter]
    fn trades(&self) -> u64 {
        self.stream.trades()
    }

    fn __repr__(&self) -> String {
        format!(
            "FastMarketData(window={}, trades={})",
            self.window,
            self.stream.trades()
        )
    }

    /// Volume-weighted average price, Σ p·v / Σ v (Berkowitz, Logue and Noser 1988). NaN without volume.
    ///
    /// prices, volumes: float64 arrays of equal length (else ValueError; TypeError for other arrays).
    #[staticmethod]
    #[pyo3(signature = (prices, volumes, /))]
    fn vwap(prices: Column<'_, f64>, volumes: Column<'_, f64>) -> PyResult<f64> {
        prices::vwap(&prices, &volumes).map_err(mismatch)
    }

    /// VWAP of the last `window` trades, for each trade; NaN until the window is full.
    ///
    /// prices, volumes: float64 arrays of length n. Returns float64 of length n.
    #[staticmethod]
    #[pyo3(signature = (prices, volumes, window, /))]
    fn rolling_vwap<'py>(
        py: Python<'py>,
        prices: Column<'_, f64>,
        volumes: Column<'_, f64>,
        window: usize,
    ) -> PyResult<Series<'py>> {
        let window = window_of(window)?;
        series(py, prices.len(), |out| {
            prices::rolling_vwap(&prices, &volumes, window, out)
        })
    }

    /// Time-weighted average price, Σ p_i·(t_{i+1} - t_i) / (end - t_0): each price holds until the next
    /// one, the last one until `end`. Without `end` the last price has no weight. Without times: the mean
    /// of equidistant samples.
    ///
    /// prices: float64; times: int64 ns, must not decrease; end: ns.
    #[staticmethod]
    #[pyo3(signature = (prices, times = None, end = None, /))]
    fn twap(prices: Column<'_, f64>, times: Option<Column<'_, i64>>, end: Option<i64>) -> PyResult<f64> {
        match times {
            Some(times) => prices::twap(&prices, &times, end).map_err(mismatch),
            None if end.is_none() => Ok(prices::twap_sampled(&prices)),
            None => Err(PyValueError::new_err("end needs times")),
        }
    }

    /// Order flow imbalance of a series of quotes (Cont, Kukanov and Stoikov 2014): the sum over all
    /// changes of 1{Pb>=Pb'}·qb - 1{Pb<=Pb'}·qb' - 1{Pa<=Pa'}·qa + 1{Pa>=Pa'}·qa', where a prime marks the
    /// quote before.
    ///
    /// Four float64 arrays of equal length. 0 if there are fewer than two quotes.
    #[staticmethod]
    #[pyo3(signature = (bids, bid_sizes, asks, ask_sizes, /))]
    fn ofi(
        bids: Column<'_, f64>,
        bid_sizes: Column<'_, f64>,
        asks: Column<'_, f64>,
        ask_sizes: Column<'_, f64>,
    ) -> PyResult<f64> {
        let quotes = Quotes {
            bids: &bids,
            bid_sizes: &bid_sizes,
            asks: &asks,
            ask_sizes: &ask_sizes,
        };
        order_flow::ofi(&quotes).map_err(mismatch)
    }

    /// Contribution of each quote to ofi (0 for the first): float64 of the length of the inputs.
    #[staticmethod]
    #[pyo3(signature = (bids, bid_sizes, asks, ask_sizes, /))]
    fn ofi_series<'py>(
        py: Python<'py>,
        bids: Column<'_, f64>,
        bid_sizes: Column<'_, f64>,
        asks: Column<'_, f64>,
        ask_sizes: Column<'_, f64>,
    ) -> PyResult<Series<'py>> {
        let quotes = Quotes {
            bids: &bids,
            bid_sizes: &bid_sizes,
            asks: &asks,
            ask_sizes: &ask_sizes,
        };
        series(py, bids.len(), |out| order_flow::ofi_series(&quotes, out))
    }

    /// Order flow imbalance over several levels (after Xu, Gould and Howison 2019): Σ w_m·OFI_m / Σ w_m
    /// with the weight w_m = exp(-decay·m) of level m.
    ///
    /// Four float64 arrays of shape (snapshots, levels), best level first. ValueError if the shapes differ.
    #[staticmethod]
    #[pyo3(signature = (bids, bid_sizes, asks, ask_sizes, /, decay = 0.5))]
    fn weighted_ofi(
        bids: Matrix<'_, f64>,
        bid_sizes: Matrix<'_, f64>,
        asks: Matrix<'_, f64>,
        ask_sizes: Matrix<'_, f64>,
        decay: f64,
    ) -> PyResult<f64> {
        let shape = (bids.rows, bids.columns);
        if [&bid_sizes, &asks, &ask_sizes]
            .iter()
            .any(|other| (other.rows, other.columns) != shape)
        {
            return Err(PyValueError::new_err("the four arrays differ in shape"));
        }
        let book = Quotes {
            bids: bids.values,
            bid_sizes: bid_sizes.values,
            asks: asks.values,
            ask_sizes: ask_sizes.values,
        };
        order_flow::weighted_ofi(&book, bids.columns, decay).map_err(mismatch)
    }

    /// (bought - sold) / (bought + sold): float64 volumes, int8 sides (1 buy, -1 sell, 0 not counted). NaN
    /// without volume.
    #[staticmethod]
    #[pyo3(signature = (volumes, sides, /))]
    fn trade_imbalance(volumes: Column<'_, f64>, sides: Column<'_, i8>) -> PyResult<f64> {
        order_flow::trade_imbalance(&volumes, &sides).map_err(mismatch)
    }

    /// Size-weighted mid (bid·ask_size + ask·bid_size) / (bid_size + ask_size) (Gatheral and Oomen 2010).
    /// NaN if both sizes are 0.
    #[staticmethod]
    #[pyo3(signature = (bid, bid_size, ask, ask_size, /))]
    fn microprice(bid: f64, bid_size: f64, ask: f64, ask_size: f64) -> f64 {
        spreads::microprice(bid, bid_size, ask, ask_size)
    }

    /// microprice of each quote: four float64 arrays in, one out.
    #[staticmethod]
    #[pyo3(signature = (bids, bid_sizes, asks, ask_sizes, /))]
    fn microprices<'py>(
        py: Python<'py>,
        bids: Column<'_, f64>,
        bid_sizes: Column<'_, f64>,
        asks: Column<'_, f64>,
        ask_sizes: Column<'_, f64>,
    ) -> PyResult<Series<'py>> {
        series(py, bids.len(), |out| {
            spreads::microprices(&bids, &bid_sizes, &asks, &ask_sizes, out)
        })
    }

    /// ask - bid of each quote, in currency.
    #[staticmethod]
    #[pyo3(signature = (bids, asks, /))]
    fn quoted_spreads<'py>(py: Python<'py>, bids: Column<'_, f64>, asks: Column<'_, f64>) -> PyResult<Series<'py>> {
        series(py, bids.len(), |out| spreads::quoted_spreads(&bids, &asks, out))
    }

    /// 10,000·(ask - bid) / mid of each quote, in basis points.
    #[staticmethod]
    #[pyo3(signature = (bids, asks, /))]
    fn relative_spreads<'py>(py: Python<'py>, bids: Column<'_, f64>, asks: Column<'_, f64>) -> PyResult<Series<'py>> {
        series(py, bids.len(), |out| spreads::relative_spreads(&bids, &asks, out))
    }

    /// 2·D·(price - mid) of each trade, D = side of the taker (int8, 1 or -1), in currency (Huang and Stoll
    /// 1996). With mids of a later time: the realized spread.
    #[staticmethod]
    #[pyo3(signature = (prices, mids, sides, /))]
    fn effective_spreads<'py>(
        py: Python<'py>,
        prices: Column<'_, f64>,
        mids: Column<'_, f64>,
        sides: Column<'_, i8>,
    ) -> PyResult<Series<'py>> {
        series(py, prices.len(), |out| {
            spreads::effective_spreads(&prices, &mids, &sides, out)
        })
    }

    /// Depth imbalance Σ w_m·(qb_m - qa_m) / Σ w_m·(qb_m + qa_m), w_m = exp(-decay·m) (Cao, Hansch and Wang
    /// 2009), from -1 (only asks) to 1 (only bids). Sizes start with the best level; the sides may differ
    /// in length. NaN of an empty book.
    #[staticmethod]
    #[pyo3(signature = (bid_sizes, ask_sizes, /, decay = 0.0))]
    fn book_pressure(bid_sizes: Column<'_, f64>, ask_sizes: Column<'_, f64>, decay: f64) -> f64 {
        depth::book_pressure(&bid_sizes, &ask_sizes, decay)
    }

    /// Slope of one side's depth: least squares through the origin of cumulative quantity over distance
    /// from mid, Σ d·Q / Σ d², in quantity per currency unit. prices and sizes start with the best level.
    /// NaN of an empty side.
    #[staticmethod]
    #[pyo3(signature = (prices, sizes, mid, /))]
    fn book_slope(prices: Column<'_, f64>, sizes: Column<'_, f64>, mid: f64) -> PyResult<f64> {
        depth::book_slope(&prices, &sizes, mid).map_err(mismatch)
    }

    /// Elasticity of one side after Næs and Skjeltorp (2006): 1/N·{v_1/|p_1/mid - 1| + Σ (v_{m+1}/v_m -
    /// 1)/|p_{m+1}/p_m - 1|}, v = ln of the cumulative quantity (above 1). NaN of an empty side.
    #[staticmethod]
    #[pyo3(signature = (prices, sizes, mid, /))]
    fn book_elasticity(prices: Column<'_, f64>, sizes: Column<'_, f64>, mid: f64) -> PyResult<f64> {
        depth::book_elasticity(&prices, &sizes, mid).map_err(mismatch)
    }

    /// Simple moving average; NaN until the window is full.
    #[staticmethod]
    #[pyo3(signature = (values, window, /))]
    fn sma<'py>(py: Python<'py>, values: Column<'_, f64>, window: usize) -> PyResult<Series<'py>> {
        let window = window_of(window)?;
        series(py, values.len(), |out| indicators::sma(&values, window, out))
    }

    /// Moving standard deviation (population); NaN until the window is full.
    #[staticmethod]
    #[pyo3(signature = (values, window, /))]
    fn rolling_deviation<'py>(py: Python<'py>, values: Column<'_, f64>, window: usize) -> PyResult<Series<'py>> {
        let window = window_of(window)?;
        series(py, values.len(), |out| {
            indicators::rolling_deviation(&values, window, out)
        })
    }

    /// Exponential moving average, y_0 = x_0, y_i = y_{i-1} + 2/(span + 1)·(x_i - y_{i-1}).
    #[staticmethod]
    #[pyo3(signature = (values, span, /))]
    fn ema<'py>(py: Python<'py>, values: Column<'_, f64>, span: f64) -> PyResult<Series<'py>> {
        let span = span_of(span)?;
        series(py, values.len(), |out| indicators::ema(&values, span, out))
    }

    /// Bollinger bands as (lower, middle, upper): the moving average, and `width` population deviations
    /// below and above it.
    #[staticmethod]
    #[pyo3(signature = (values, window = 20, width = 2.0, /))]
    fn bollinger<'py>(
        py: Python<'py>,
        values: Column<'_, f64>,
        window: usize,
        width: f64,
    ) -> PyResult<(Series<'py>, Series<'py>, Series<'py>)> {
        let window = window_of(window)?;
        let length = values.len();
        let (mut lower, mut middle, mut upper) = (vec![0.0; length], vec![0.0; length], vec![0.0; length]);
        indicators::bollinger(&values, window, width, &mut lower, &mut middle, &mut upper).map_err(mismatch)?;
        Ok((lower.into_pyarray(py), middle.into_pyarray(py), upper.into_pyarray(py)))
    }

    /// Relative strength index with Wilder's smoothing, 0 to 100; the first value is at index `window`.
    #[staticmethod]
    #[pyo3(signature = (values, window = 14, /))]
    fn rsi<'py>(py: Python<'py>, values: Column<'_, f64>, window: usize) -> PyResult<Series<'py>> {
        let window = window_of(window)?;
        series(py, values.len(), |out| indicators::rsi(&values, window, out))
    }

    /// Scale to 0..1: (x - min) / (max - min). NaN if all values are equal.
    #[staticmethod]
    #[pyo3(signature = (values, /))]
    fn normalise<'py>(py: Python<'py>, values: Column<'_, f64>) -> PyResult<Series<'py>> {
        series(py, values.len(), |out| indicators::normalise(&values, out))
    }

    /// Scale to mean 0 and population deviation 1. NaN if all values are equal.
    #[staticmethod]
    #[pyo3(signature = (values, /))]
    fn standardise<'py>(py: Python<'py>, values: Column<'_, f64>) -> PyResult<Series<'py>> {
        series(py, values.len(), |out| indicators::standardise(&values, out))
    }
}
