//! `cift_core`: the Rust core of CIFT Markets for Python.
//!
//! Layout: [`codec`] (bytes of `cift-wire` ↔ dicts). This crate is the only one that knows Python, and knows nothing
//! else: what it computes is computed in `cift-wire`, `cift-engine` and `cift-analytics`.

mod codec;

use pyo3::prelude::*;

#[pymodule]
fn _cift_core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    codec::add_to(module)
}
