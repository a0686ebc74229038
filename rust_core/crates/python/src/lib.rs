//! `cift_core`: the Rust core of CIFT Markets for Python.
//!
//! Layout: `codec` (bytes of `cift-wire` ↔ dicts), `order_book`, `market_data`, `risk_engine` (the three
//! classes), `feature` (features that are updated with each
//! tick), `backtest` (a strategy on recorded ticks), `risk_models` (value at risk), `ticks` (batches of ticks and bars as arrays), `arrays` (NumPy arrays as slices), `side`.
//!
//! Only this crate depends on Python, and it does nothing else: its results are computed in `cift-wire`,
//! `cift-engine` and `cift-analytics`.
//!
//! The types and signatures are in `python/cift_core/_cift_core.pyi`. A test compares them with this module
//! (stubtest).

mod arrays;
mod backtest;
mod codec;
mod feature;
mod market_data;
mod order_book;
mod risk_engine;
mod risk_models;
mod side;
mod ticks;

use pyo3::prelude::*;

// Needs the GIL: `arrays` reads arrays in place, which is safe only while the GIL is held.
#[pymodule(gil_used = true)]
fn _cift_core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<order_book::FastOrderBook>()?;
    module.add_class::<market_data::FastMarketData>()?;
    module.add_class::<risk_engine::FastRiskEngine>()?;
    module.add_class::<feature::Feature>()?;
    backtest::add_to(module)?;
    risk_models::add_to(module)?;
    ticks::add_to(module)?;
    codec::add_to(module)
}
