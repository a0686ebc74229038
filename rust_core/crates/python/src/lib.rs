//! `cift_core`: the Rust core of CIFT Markets for Python.
//!
//! Layout: `codec` (bytes of `cift-wire` ↔ dicts), `order_book`, `market_data`, `risk_engine` (the three
//! classes), `ticks` (batches of ticks and bars as arrays), `arrays` (NumPy arrays as slices), `side`. This crate is the only one that knows Python, and knows
//! nothing else: what it offers is computed in `cift-wire`, `cift-engine` and `cift-analytics`.
//!
//! Types and signatures for readers and type checkers are in `python/cift_core/_cift_core.pyi`; stubtest holds them
//! against this module.

mod arrays;
mod codec;
mod market_data;
mod order_book;
mod risk_engine;
mod side;
mod ticks;

use pyo3::prelude::*;

// Needs the GIL: arrays are read in place on the strength of it (see `arrays`).
#[pymodule(gil_used = true)]
fn _cift_core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<order_book::FastOrderBook>()?;
    module.add_class::<market_data::FastMarketData>()?;
    module.add_class::<risk_engine::FastRiskEngine>()?;
    ticks::add_to(module)?;
    codec::add_to(module)
}
