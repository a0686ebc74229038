//! Fills as a NumPy record array: one allocation, columns by name (`fills["price"]`), nothing copied.

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
    /// 1: the taker bought.
    pub side: i8,
    /// Named, so that no byte of an array is uninitialised.
    pub padding: [u8; 7],
}

impl Fill {
    #[inline]
    pub fn of(hit: &Match, prices: &Grid, quantities: &Grid) -> Fill {
        Fill {
            taker: hit.taker,
            maker: hit.maker,
            price: prices.value(hit.price),
            quantity: quantities.value(hit.quantity),
            side: sign_of(hit.side),
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

// SAFETY: `Fill` is plain data whose fields lie where the dtype says (checked by `the_layout_is_the_dtypes`), and
// every bit pattern of it is valid.
unsafe impl Element for Fill {
    const IS_COPY: bool = true;

    fn get_dtype(py: Python<'_>) -> Bound<'_, PyArrayDescr> {
        // A fixed, valid description: it fails only where Python is out of memory.
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

/// The array; the vector's memory becomes its own.
pub fn array(py: Python<'_>, fills: Vec<Fill>) -> PyResult<Bound<'_, PyArray1<Fill>>> {
    // Known to work before the vector is given away under this dtype.
    debug_assert!(dtype(py)?.itemsize() == std::mem::size_of::<Fill>());
    Ok(PyArray1::from_vec(py, fills))
}
