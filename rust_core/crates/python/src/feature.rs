//! `Feature`: a feature of `cift_analytics::incremental` with its state.

use cift_analytics::incremental::{build, Feature as Update, FEATURES};
use numpy::{PyArray1, PyArray2, PyArrayMethods};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyFloat, PyTuple};

use crate::arrays::Column;

/// A feature that is updated with each tick or bar: Feature("rsi", 14), Feature("vwap", 100).
///
/// Feature.NAMES lists the names with their parameters. ValueError: an unknown name, or a parameter that is
/// missing or out of range. cift.features describes inputs, units and formulas.
#[pyclass(module = "cift_core", unsendable)]
pub struct Feature {
    name: String,
    state: Box<dyn Update>,
    x: Vec<f64>,
    out: Vec<f64>,
}

#[pymethods]
impl Feature {
    #[new]
    #[pyo3(signature = (name, /, *parameters))]
    fn new(name: &str, parameters: Vec<f64>) -> PyResult<Self> {
        let state = build(name, &parameters).map_err(PyValueError::new_err)?;
        Ok(Feature {
            name: name.to_owned(),
            x: vec![0.0; state.inputs()],
            out: vec![0.0; state.outputs()],
            state,
        })
    }

    /// Names of all features, each with the names of its parameters.
    #[classattr]
    #[pyo3(name = "NAMES")]
    fn names() -> std::collections::BTreeMap<&'static str, Vec<&'static str>> {
        FEATURES
            .iter()
            .map(|(name, parameters)| (*name, parameters.to_vec()))
            .collect()
    }

    /// Number of values that update takes.
    #[getter]
    fn inputs(&self) -> usize {
        self.x.len()
    }

    /// Number of values that update returns.
    #[getter]
    fn outputs(&self) -> usize {
        self.out.len()
    }

    /// Add one tick or bar. Returns the value of the feature, or a tuple if it has several. NaN: the window
    /// is not full yet. TypeError: not as many numbers as `inputs`.
    #[pyo3(signature = (*values))]
    fn update<'py>(&mut self, py: Python<'py>, values: &Bound<'py, PyTuple>) -> PyResult<Bound<'py, PyAny>> {
        if values.len() != self.x.len() {
            return Err(self.wrong_count(values.len()));
        }
        for (at, value) in values.iter().enumerate() {
            self.x[at] = value.extract()?;
        }
        self.state.update(&self.x, &mut self.out);
        match self.out.as_slice() {
            [value] => Ok(PyFloat::new(py, *value).into_any()),
            several => Ok(PyTuple::new(py, several)?.into_any()),
        }
    }

    /// Add many ticks: one float64 array for each input, all of one length. Returns an array of shape
    /// (outputs, ticks).
    #[pyo3(signature = (*columns))]
    fn run<'py>(&mut self, py: Python<'py>, columns: &Bound<'py, PyTuple>) -> PyResult<Bound<'py, PyArray2<f64>>> {
        let arrays: Vec<Bound<'py, PyAny>> = columns.iter().collect();
        let columns: Vec<Column<'_, f64>> = arrays.iter().map(|array| array.extract()).collect::<PyResult<_>>()?;
        if columns.len() != self.x.len() {
            return Err(self.wrong_count(columns.len()));
        }
        let length = columns[0].len();
        if let Some(other) = columns.iter().find(|column| column.len() != length) {
            return Err(PyValueError::new_err(format!(
                "arrays differ in length: {length} and {}",
                other.len()
            )));
        }
        let mut flat = vec![0.0; length * self.out.len()];
        for tick in 0..length {
            for (x, column) in self.x.iter_mut().zip(&columns) {
                *x = column[tick];
            }
            self.state.update(&self.x, &mut self.out);
            for (row, value) in self.out.iter().enumerate() {
                flat[row * length + tick] = *value;
            }
        }
        PyArray1::from_vec(py, flat).reshape([self.out.len(), length])
    }

    fn __repr__(&self) -> String {
        format!("Feature({:?})", self.name)
    }
}

impl Feature {
    fn wrong_count(&self, count: usize) -> PyErr {
        PyTypeError::new_err(format!("{} takes {} values, got {count}", self.name, self.x.len()))
    }
}
