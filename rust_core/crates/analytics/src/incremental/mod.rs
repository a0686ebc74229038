//! Features that are updated with each tick or bar, in O(1) (amortised) and bounded memory.
//!
//! [`build`] makes one by name. `cift.features` has the same features over whole columns, written
//! independently in Python; a test holds both to 1e-12. No feature looks ahead: a value depends on this and
//! earlier updates only.
//!
//! An output is NaN until its window is full. Inputs must be finite, except where a feature states otherwise.

pub mod bars;
pub mod indicators;
pub mod microstructure;
pub mod window;

use bars::{Bars, Closing};
use indicators::*;
use microstructure::*;
use window::{Moments, Sum};

/// A feature with a state.
pub trait Feature: Send {
    /// Number of values that one update takes.
    fn inputs(&self) -> usize {
        1
    }
    /// Number of values that one update writes.
    fn outputs(&self) -> usize {
        1
    }
    /// Adds one tick. `x` has [`Feature::inputs`] values, `out` [`Feature::outputs`].
    fn update(&mut self, x: &[f64], out: &mut [f64]);
}

/// Longest window of a feature.
pub const MAX_WINDOW: usize = 1 << 24;
/// Most levels of a book.
pub const MAX_LEVELS: usize = 64;

/// The names that [`build`] knows, with their parameters.
pub const FEATURES: &[(&str, &[&str])] = &[
    ("sma", &["window"]),
    ("ema", &["span"]),
    ("bollinger", &["window", "width"]),
    ("rsi", &["window"]),
    ("macd", &["fast", "slow", "signal"]),
    ("atr", &["window"]),
    ("adx", &["window"]),
    ("stochastic", &["window", "smooth", "signal"]),
    ("normalise", &["window"]),
    ("standardise", &["window"]),
    ("lag", &["window"]),
    ("realized_volatility", &["window"]),
    ("bipower_volatility", &["window"]),
    ("parkinson", &["window"]),
    ("garman_klass", &["window"]),
    ("yang_zhang", &["window"]),
    ("vwap", &["window"]),
    ("microprice", &[]),
    ("effective_spread", &[]),
    ("realized_spread", &["window"]),
    ("ofi", &["window"]),
    ("multi_level_ofi", &["window", "levels"]),
    ("weighted_ofi", &["keep"]),
    ("book_pressure", &["levels", "decay"]),
    ("book_slope", &["levels"]),
    ("tick_rule", &[]),
    ("lee_ready", &[]),
    ("kyle_lambda", &["window"]),
    ("vpin", &["bucket", "window"]),
    ("amihud", &["window"]),
    ("key_bars", &[]),
    ("trade_bars", &["size"]),
    ("volume_bars", &["size"]),
    ("notional_bars", &["size"]),
    ("imbalance_bars", &["size"]),
];

/// Makes a feature from its name and its parameters, in the order of [`FEATURES`].
///
/// # Errors
/// A sentence that names the unknown feature, or the parameter that is missing or out of range.
pub fn build(name: &str, parameters: &[f64]) -> Result<Box<dyn Feature>, String> {
    let Some((_, names)) = FEATURES.iter().find(|(known, _)| *known == name) else {
        let all: Vec<&str> = FEATURES.iter().map(|(known, _)| *known).collect();
        return Err(format!("no feature {name:?}; the features are {}", all.join(", ")));
    };
    if parameters.len() != names.len() {
        return Err(format!(
            "{name} takes {} parameter(s) ({}), got {}",
            names.len(),
            names.join(", "),
            parameters.len()
        ));
    }
    for (parameter, value) in names.iter().zip(parameters) {
        check(parameter, *value).map_err(|allowed| format!("{parameter} of {name} must be {allowed}, got {value}"))?;
    }
    let at = |index: usize| parameters[index];
    let size = |index: usize| parameters[index] as usize;
    let sum = |index: usize| Sum::new(size(index));
    Ok(match name {
        "sma" => Box::new(Sma(sum(0))),
        "ema" => Box::new(Ema::new(at(0))),
        "bollinger" => Box::new(Bollinger {
            window: Moments::new(size(0)),
            width: at(1),
        }),
        "rsi" => Box::new(Rsi::new(size(0))),
        "macd" => Box::new(Macd {
            fast: Ema::new(at(0)),
            slow: Ema::new(at(1)),
            signal: Ema::new(at(2)),
        }),
        "atr" => Box::new(Atr::new(size(0))),
        "adx" => Box::new(Adx::new(size(0))),
        "stochastic" => Box::new(Stochastic::new(size(0), size(1), size(2))),
        "normalise" => Box::new(Normalise::new(size(0))),
        "standardise" => Box::new(Standardise(Moments::new(size(0)))),
        "lag" => Box::new(Lag(sum(0))),
        "realized_volatility" => Box::new(RealizedVolatility {
            last: f64::NAN,
            squares: sum(0),
        }),
        "bipower_volatility" => Box::new(BipowerVolatility {
            last: f64::NAN,
            change: f64::NAN,
            products: sum(0),
        }),
        "parkinson" => Box::new(Parkinson(sum(0))),
        "garman_klass" => Box::new(GarmanKlass(sum(0))),
        "yang_zhang" => Box::new(YangZhang::new(size(0))),
        _ => return Ok(build_microstructure(name, parameters)),
    })
}

fn build_microstructure(name: &str, parameters: &[f64]) -> Box<dyn Feature> {
    let at = |index: usize| parameters[index];
    let size = |index: usize| parameters[index] as usize;
    let sum = |index: usize| Sum::new(size(index));
    match name {
        "vwap" => Box::new(Vwap {
            notional: sum(0),
            volume: sum(0),
        }),
        "microprice" => Box::new(Microprice),
        "effective_spread" => Box::new(EffectiveSpread),
        "realized_spread" => Box::new(RealizedSpread {
            price: sum(0),
            side: sum(0),
        }),
        "ofi" => Box::new(OrderFlow::new(size(0), 1)),
        "multi_level_ofi" => Box::new(OrderFlow::new(size(0), size(1))),
        "weighted_ofi" => Box::new(WeightedOrderFlow {
            last: None,
            keep: at(0),
            value: 0.0,
        }),
        "book_pressure" => Box::new(Pressure {
            levels: size(0),
            decay: at(1),
        }),
        "book_slope" => Box::new(Slope { levels: size(0) }),
        "tick_rule" => Box::new(TickRule::default()),
        "lee_ready" => Box::new(LeeReady::default()),
        "kyle_lambda" => Box::new(KyleLambda {
            last: f64::NAN,
            moments: Moments::new(size(0)),
        }),
        "vpin" => Box::new(Vpin {
            bucket: at(0),
            filled: 0.0,
            signed: 0.0,
            window: sum(1),
        }),
        "amihud" => Box::new(Amihud {
            last: f64::NAN,
            window: sum(0),
        }),
        "key_bars" => Box::new(Bars::new(Closing::Key, 0.0)),
        "trade_bars" => Box::new(Bars::new(Closing::Trades, at(0))),
        "volume_bars" => Box::new(Bars::new(Closing::Volume, at(0))),
        "notional_bars" => Box::new(Bars::new(Closing::Notional, at(0))),
        "imbalance_bars" => Box::new(Bars::new(Closing::Imbalance, at(0))),
        unknown => unreachable!("{unknown} is in FEATURES and has no arm"),
    }
}

/// Err: which values the parameter may have.
fn check(parameter: &str, value: f64) -> Result<(), &'static str> {
    let whole = |most: usize| value.fract() == 0.0 && value >= 1.0 && value <= most as f64;
    match parameter {
        "window" | "smooth" if !whole(MAX_WINDOW) => Err("a whole number from 1 to 16777216"),
        "levels" if !whole(MAX_LEVELS) => Err("a whole number from 1 to 64"),
        "span" | "fast" | "slow" | "signal" if !(value.is_finite() && value >= 1.0) => Err("a finite number from 1 on"),
        "keep" if !(0.0..1.0).contains(&value) => Err("at least 0 and below 1"),
        "width" | "decay" if !(value.is_finite() && value >= 0.0) => Err("a finite number from 0 on"),
        "bucket" | "size" if !(value.is_finite() && value > 0.0) => Err("a finite number above 0"),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_feature_can_be_built_and_updated() {
        for (name, parameters) in FEATURES {
            let values: Vec<f64> = parameters
                .iter()
                .map(|p| if *p == "keep" { 0.5 } else { 3.0 })
                .collect();
            let mut feature = build(name, &values).unwrap_or_else(|error| panic!("{error}"));
            let (x, mut out) = (vec![1.5; feature.inputs()], vec![0.0; feature.outputs()]);
            for _ in 0..50 {
                feature.update(&x, &mut out);
            }
        }
    }

    #[test]
    fn wrong_names_and_parameters_are_errors() {
        let error = |name: &str, parameters: &[f64]| build(name, parameters).err().unwrap_or_default();
        assert!(error("smma", &[]).starts_with("no feature \"smma\"; the features are sma, ema"));
        assert_eq!(error("sma", &[]), "sma takes 1 parameter(s) (window), got 0");
        assert_eq!(
            error("sma", &[0.0]),
            "window of sma must be a whole number from 1 to 16777216, got 0"
        );
        assert!(error("weighted_ofi", &[1.0]).contains("below 1"));
    }

    #[test]
    fn a_window_equals_its_recomputation_after_many_updates() {
        let mut moments = Moments::new(20);
        let mut all = Vec::new();
        for at in 0..1_000u32 {
            let (x, y) = (1e6 + f64::from(at * 37 % 101) * 0.01, f64::from(at * 17 % 31));
            moments.push(x, y);
            all.push((x, y));
        }
        let last = &all[980..];
        let mean = last.iter().map(|pair| pair.0).sum::<f64>() / 20.0;
        let squares: f64 = last.iter().map(|pair| (pair.0 - mean).powi(2)).sum();
        assert!((moments.squares() / squares - 1.0).abs() < 1e-9);
    }
}
