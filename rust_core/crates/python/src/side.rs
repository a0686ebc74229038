//! Sides as Python gives them: `"buy"` and `"sell"`; in arrays 1 and -1.

use cift_engine::Side;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyString;
use pyo3::Borrowed;

/// A side given by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Named(pub Side);

impl<'a, 'py> FromPyObject<'a, 'py> for Named {
    type Error = PyErr;

    #[inline]
    fn extract(object: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        let text = object
            .cast::<PyString>()
            .map_err(|_| PyTypeError::new_err("expected \"buy\" or \"sell\""))?;
        match text.to_str()? {
            "buy" => Ok(Named(Side::Buy)),
            "sell" => Ok(Named(Side::Sell)),
            _ => Err(PyValueError::new_err("side: expected \"buy\" or \"sell\"")),
        }
    }
}

/// A side given by number; `None`: neither 1 nor -1.
#[inline]
pub fn of_sign(sign: i8) -> Option<Side> {
    match sign {
        1 => Some(Side::Buy),
        -1 => Some(Side::Sell),
        _ => None,
    }
}

/// 1 or -1.
#[inline]
pub fn sign_of(side: Side) -> i8 {
    match side {
        Side::Buy => 1,
        Side::Sell => -1,
    }
}
