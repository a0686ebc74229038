//! Sides in Python: `"buy"` and `"sell"`, and 1 and -1 in arrays.

use cift_engine::Side;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyString;
use pyo3::Borrowed;

/// A side that is passed by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SideName(pub Side);

impl<'a, 'py> FromPyObject<'a, 'py> for SideName {
    type Error = PyErr;

    #[inline]
    fn extract(object: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        let text = object
            .cast::<PyString>()
            .map_err(|_| PyTypeError::new_err("side: expected the string \"buy\" or \"sell\""))?;
        match text.to_str()? {
            "buy" => Ok(SideName(Side::Buy)),
            "sell" => Ok(SideName(Side::Sell)),
            other => Err(PyValueError::new_err(format!(
                "side: expected \"buy\" or \"sell\", got {other:?}"
            ))),
        }
    }
}

/// The side of a number; `None` if it is neither 1 nor -1.
#[inline]
pub fn of_sign(sign: i8) -> Option<Side> {
    match sign {
        1 => Some(Side::Buy),
        -1 => Some(Side::Sell),
        _ => None,
    }
}

/// The number of a side: 1 or -1.
#[inline]
pub fn sign_of(side: Side) -> i8 {
    match side {
        Side::Buy => 1,
        Side::Sell => -1,
    }
}
