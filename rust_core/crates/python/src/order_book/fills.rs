//! Fills as a NumPy record array: one allocation, columns by name (`fills["price"]`), no copy.

use numpy::{Element, PyArray1, PyArrayDescr, PyArrayDescrMethods};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyDict;

use super::grid::Grid;
use super::named_book::Match;
use crate::side::sign_of;

/// A fill in units. The layout is that of [`dtype`].
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Fill {
    pub taker: i64,
    pub maker: i64,
    pub price: f64,
    pub quantity: f64,
    /// Side of the taker: 1 buy, -1 sell.
    pub side: i8,
    /// An explicit field, so that no byte of an array is uninitialised.
    pub padding: [u8; 7],
}

impl Fill {
    #[inline]
    pub fn of(matched: &Match, prices: &Grid, quantities: &Grid) -> Fill {
        Fill {
            taker: matched.taker,
            maker: matched.maker,
            price: prices.value(matched.price),
            quantity: quantities.value(matched.quantity),
            side: sign_of(matched.side),
            padding: [0; 7],
        }
    }
}

/// dtype([("taker", i8), ("maker", i8), ("price", f8), ("quantity", f8), ("side", i1)]), 40 bytes.
pub fn dtype(py: Python<'_>) -> PyResult<Bound<'_, PyArrayDescr>> {
    static DTYPE: PyOnceLock<Py<PyArrayDescr>> = PyOnceLock::new();
    let dtype = DTYPE.get_or_try_init(py, || -> PyResult<Py<PyArrayDescr>> {
        let spec = PyDict::new(py);
        spec.set_item("names", ["taker", "maker", "price", "quantity", "side"])?;
        spec.set_item("formats", ["i8", "i8", "f8", "f8", "i1"])?;
        spec.set_item("offsets", [0, 8, 16, 24, 32])?;
        spec.set_item("itemsize", std::mem::size_of::<Fill>())?;
        Ok(PyArrayDescr::new(py, spec)?.unbind())
    })?;
    Ok(dtype.bind(py).clone())
}

// SAFETY: `Fill` is plain data with the field offsets of the dtype (asserted below), and every bit pattern
// is valid.
unsafe impl Element for Fill {
    const IS_COPY: bool = true;

    fn get_dtype(py: Python<'_>) -> Bound<'_, PyArrayDescr> {
        // The description is fixed and valid: this fails only if Python is out of memory.
        dtype(py).unwrap_or_else(|_| numpy::dtype::<u8>(py))
    }

    fn clone_ref(&self, _: Python<'_>) -> Self {
        *self
    }
}

const _: () = {
    assert!(std::mem::size_of::<Fill>() == 40);
    assert!(std::mem::offset_of!(Fill, maker) == 8);
    assert!(std::mem::offset_of!(Fill, price) == 16);
    assert!(std::mem::offset_of!(Fill, quantity) == 24);
    assert!(std::mem::offset_of!(Fill, side) == 32);
};

/// An array that takes over the memory of the vector.
pub fn array(py: Python<'_>, fills: Vec<Fill>) -> PyResult<Bound<'_, PyArray1<Fill>>> {
    // `get_dtype` cannot report an error, so the dtype is checked here first.
    debug_assert!(dtype(py)?.itemsize() == std::mem::size_of::<Fill>());
    Ok(PyArray1::from_vec(py, fills))
}
