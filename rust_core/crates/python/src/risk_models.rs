//! `cift_core.risk`: models of value at risk. The formulas are in `cift_analytics::risk::models`.

use cift_analytics::risk::models;
use numpy::{IntoPyArray, PyArray1};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::arrays::{Column, Matrix};

/// (VaR, ES) by Cornish and Fisher: a normal quantile, corrected for the sample's skewness and kurtosis.
///
/// returns: float64. Positive losses in their units. NaN: fewer than four returns, or no deviation.
#[pyfunction]
#[pyo3(signature = (returns, confidence = 0.99, /))]
fn cornish_fisher(returns: Column<'_, f64>, confidence: f64) -> (f64, f64) {
    let tail = models::cornish_fisher(&returns, confidence);
    (tail.value_at_risk, tail.expected_shortfall)
}

/// (VaR, ES) by filtered historical simulation: each return is scaled from the volatility before it to that
/// of now (RiskMetrics, `decay`).
///
/// returns: float64, oldest first. NaN: fewer than two returns, or a decay outside (0, 1).
#[pyfunction]
#[pyo3(signature = (returns, confidence = 0.99, decay = 0.94, /))]
fn filtered_historical(returns: Column<'_, f64>, confidence: f64, decay: f64) -> (f64, f64) {
    let tail = models::filtered_historical(&returns, confidence, decay);
    (tail.value_at_risk, tail.expected_shortfall)
}

/// Profits of `scenarios` draws from a multivariate Student t with `freedom` degrees (inf: normal), float64.
///
/// mean, exposures: float64 of one value a position; covariance: float64 (positions, positions), of the
/// returns. ValueError: lengths differ, the variance of the portfolio is negative, or freedom is not above 2.
#[pyfunction]
#[pyo3(signature = (mean, covariance, exposures, scenarios, seed, freedom = f64::INFINITY, /))]
fn monte_carlo<'py>(
    py: Python<'py>,
    mean: Column<'_, f64>,
    covariance: Matrix<'_, f64>,
    exposures: Column<'_, f64>,
    scenarios: usize,
    seed: u64,
    freedom: f64,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let mut out = vec![0.0; scenarios];
    if covariance.rows != covariance.columns
        || !models::monte_carlo(&mean, covariance.values, &exposures, freedom, seed, &mut out)
    {
        return Err(PyValueError::new_err(
            "mean, covariance and exposures must have one size, the covariance must not be negative, and freedom must be above 2",
        ));
    }
    Ok(out.into_pyarray(py))
}

pub fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(cornish_fisher, module)?)?;
    module.add_function(wrap_pyfunction!(filtered_historical, module)?)?;
    module.add_function(wrap_pyfunction!(monte_carlo, module)?)
}
