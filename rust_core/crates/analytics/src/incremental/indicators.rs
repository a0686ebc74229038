//! Indicators and volatility of bars, updated with each bar.
//!
//! Sources: RSI, ATR, ADX, Wilder, "New Concepts in Technical Trading Systems" (1978); MACD, Appel (1979);
//! stochastic, Lane (1984); Bollinger (2001); Parkinson, Journal of Business 53 (1980); Garman and Klass,
//! Journal of Business 53 (1980); Yang and Zhang, Journal of Business 73 (2000); bipower variation,
//! Barndorff-Nielsen and Shephard, Journal of Financial Econometrics 2 (2004).

use super::window::{Largest, Moments, Smoothed, Sum};
use super::Feature;
use crate::market::indicators::smoothing;

const NAN: f64 = f64::NAN;

pub struct Sma(pub Sum);
impl Feature for Sma {
    fn update(&mut self, x: &[f64], out: &mut [f64]) {
        self.0.push(x[0]);
        out[0] = self.0.mean();
    }
}

/// y₀ = x₀, y += α·(x − y), α = 2 / (span + 1).
pub struct Ema {
    alpha: f64,
    value: f64,
}
impl Ema {
    pub fn new(span: f64) -> Ema {
        Ema {
            alpha: smoothing(span),
            value: NAN,
        }
    }
    #[inline]
    fn push(&mut self, x: f64) -> f64 {
        if self.value.is_nan() {
            self.value = x;
        } else {
            self.value += self.alpha * (x - self.value);
        }
        self.value
    }
}
impl Feature for Ema {
    fn update(&mut self, x: &[f64], out: &mut [f64]) {
        out[0] = self.push(x[0]);
    }
}

/// Outputs: lower, middle, upper.
pub struct Bollinger {
    pub window: Moments,
    pub width: f64,
}
impl Feature for Bollinger {
    fn outputs(&self) -> usize {
        3
    }
    fn update(&mut self, x: &[f64], out: &mut [f64]) {
        self.window.push(x[0], 0.0);
        let (mean, reach) = (self.window.mean(), self.width * self.window.deviation());
        out.copy_from_slice(&[mean - reach, mean, mean + reach]);
    }
}

pub struct Rsi {
    last: f64,
    gain: Smoothed,
    loss: Smoothed,
}
impl Rsi {
    pub fn new(window: usize) -> Rsi {
        Rsi {
            last: NAN,
            gain: Smoothed::wilder(window),
            loss: Smoothed::wilder(window),
        }
    }
}
impl Feature for Rsi {
    fn update(&mut self, x: &[f64], out: &mut [f64]) {
        let change = x[0] - self.last;
        self.last = x[0];
        if change.is_nan() {
            out[0] = NAN;
            return;
        }
        let (gain, loss) = (self.gain.push(change.max(0.0)), self.loss.push((-change).max(0.0)));
        let moved = gain + loss;
        out[0] = if moved == 0.0 { 50.0 } else { 100.0 * gain / moved };
    }
}

/// Outputs: line, signal, histogram. The averages start with their first value.
pub struct Macd {
    pub fast: Ema,
    pub slow: Ema,
    pub signal: Ema,
}
impl Feature for Macd {
    fn outputs(&self) -> usize {
        3
    }
    fn update(&mut self, x: &[f64], out: &mut [f64]) {
        let line = self.fast.push(x[0]) - self.slow.push(x[0]);
        let signal = self.signal.push(line);
        out.copy_from_slice(&[line, signal, line - signal]);
    }
}

#[inline]
fn true_range(high: f64, low: f64, last_close: f64) -> f64 {
    high.max(last_close) - low.min(last_close)
}

/// Inputs: high, low, close. The true range needs the close before: the first bar has none.
pub struct Atr {
    last: f64,
    average: Smoothed,
}
impl Atr {
    pub fn new(window: usize) -> Atr {
        Atr {
            last: NAN,
            average: Smoothed::wilder(window),
        }
    }
}
impl Feature for Atr {
    fn inputs(&self) -> usize {
        3
    }
    fn update(&mut self, x: &[f64], out: &mut [f64]) {
        let last = std::mem::replace(&mut self.last, x[2]);
        out[0] = if last.is_nan() {
            NAN
        } else {
            self.average.push(true_range(x[0], x[1], last))
        };
    }
}

/// Inputs: high, low, close. Outputs: +DI, −DI, ADX, each 0..=100.
pub struct Adx {
    last: Option<[f64; 3]>,
    range: Smoothed,
    up: Smoothed,
    down: Smoothed,
    average: Smoothed,
}
impl Adx {
    pub fn new(window: usize) -> Adx {
        let wilder = || Smoothed::wilder(window);
        Adx {
            last: None,
            range: wilder(),
            up: wilder(),
            down: wilder(),
            average: wilder(),
        }
    }
}
impl Feature for Adx {
    fn inputs(&self) -> usize {
        3
    }
    fn outputs(&self) -> usize {
        3
    }
    fn update(&mut self, x: &[f64], out: &mut [f64]) {
        out.fill(NAN);
        let Some([high, low, close]) = self.last.replace([x[0], x[1], x[2]]) else {
            return;
        };
        let (rise, fall) = (x[0] - high, low - x[1]);
        let up = if rise > fall && rise > 0.0 { rise } else { 0.0 };
        let down = if fall > rise && fall > 0.0 { fall } else { 0.0 };
        let range = self.range.push(true_range(x[0], x[1], close));
        let (up, down) = (self.up.push(up), self.down.push(down));
        if range.is_nan() {
            return;
        }
        let share = |move_: f64| if range == 0.0 { 0.0 } else { 100.0 * move_ / range };
        (out[0], out[1]) = (share(up), share(down));
        let both = out[0] + out[1];
        let index = if both == 0.0 {
            0.0
        } else {
            100.0 * (out[0] - out[1]).abs() / both
        };
        out[2] = self.average.push(index);
    }
}

/// Inputs: high, low, close. Outputs: %K (smoothed), %D. 50 while the range is zero.
pub struct Stochastic {
    high: Largest,
    low: Largest,
    smooth: Sum,
    signal: Sum,
}
impl Stochastic {
    pub fn new(window: usize, smooth: usize, signal: usize) -> Stochastic {
        Stochastic {
            high: Largest::new(window),
            low: Largest::new(window),
            smooth: Sum::new(smooth),
            signal: Sum::new(signal),
        }
    }
}
impl Feature for Stochastic {
    fn inputs(&self) -> usize {
        3
    }
    fn outputs(&self) -> usize {
        2
    }
    fn update(&mut self, x: &[f64], out: &mut [f64]) {
        out.fill(NAN);
        let (high, low) = (self.high.push(x[0]), -self.low.push(-x[1]));
        if high.is_nan() {
            return;
        }
        let range = high - low;
        self.smooth.push(if range == 0.0 {
            50.0
        } else {
            100.0 * (x[2] - low) / range
        });
        out[0] = self.smooth.mean();
        if !out[0].is_nan() {
            self.signal.push(out[0]);
            out[1] = self.signal.mean();
        }
    }
}

/// (x − min) / (max − min) of the last `n` values. NaN while all are equal.
pub struct Normalise {
    high: Largest,
    low: Largest,
}
impl Normalise {
    pub fn new(window: usize) -> Normalise {
        Normalise {
            high: Largest::new(window),
            low: Largest::new(window),
        }
    }
}
impl Feature for Normalise {
    fn update(&mut self, x: &[f64], out: &mut [f64]) {
        let (high, low) = (self.high.push(x[0]), -self.low.push(-x[0]));
        out[0] = (x[0] - low) / (high - low);
    }
}

/// (x − mean) / deviation of the last `n` values. NaN while all are equal.
pub struct Standardise(pub Moments);
impl Feature for Standardise {
    fn update(&mut self, x: &[f64], out: &mut [f64]) {
        self.0.push(x[0], 0.0);
        out[0] = (x[0] - self.0.mean()) / self.0.deviation();
    }
}

/// √Σ r² of the last `n` logarithmic returns.
pub struct RealizedVolatility {
    pub last: f64,
    pub squares: Sum,
}
impl Feature for RealizedVolatility {
    fn update(&mut self, x: &[f64], out: &mut [f64]) {
        let change = (x[0] / self.last).ln();
        self.last = x[0];
        if !change.is_nan() {
            self.squares.push(change * change);
        }
        out[0] = self.squares.total().max(0.0).sqrt();
        if !self.squares.is_full() {
            out[0] = NAN;
        }
    }
}

/// √(π/2 · Σ |r_i|·|r_{i−1}|) over the last `n` products: jumps have little weight.
pub struct BipowerVolatility {
    pub last: f64,
    pub change: f64,
    pub products: Sum,
}
impl Feature for BipowerVolatility {
    fn update(&mut self, x: &[f64], out: &mut [f64]) {
        let change = (x[0] / self.last).ln().abs();
        let product = change * self.change;
        (self.last, self.change) = (x[0], change);
        if !product.is_nan() {
            self.products.push(product);
        }
        out[0] = if self.products.is_full() {
            (std::f64::consts::FRAC_PI_2 * self.products.total()).max(0.0).sqrt()
        } else {
            NAN
        };
    }
}

/// Inputs: high, low. √(mean of ln(high/low)² / (4 ln 2)), a bar.
pub struct Parkinson(pub Sum);
impl Feature for Parkinson {
    fn inputs(&self) -> usize {
        2
    }
    fn update(&mut self, x: &[f64], out: &mut [f64]) {
        let range = (x[0] / x[1]).ln();
        self.0.push(range * range);
        out[0] = (self.0.mean() / (4.0 * std::f64::consts::LN_2)).sqrt();
    }
}

/// Inputs: open, high, low, close. √ of the mean of ½·ln(high/low)² − (2 ln 2 − 1)·ln(close/open)².
pub struct GarmanKlass(pub Sum);
impl Feature for GarmanKlass {
    fn inputs(&self) -> usize {
        4
    }
    fn update(&mut self, x: &[f64], out: &mut [f64]) {
        let (range, change) = ((x[1] / x[2]).ln(), (x[3] / x[0]).ln());
        self.0
            .push(0.5 * range * range - (2.0 * std::f64::consts::LN_2 - 1.0) * change * change);
        let mean = self.0.mean();
        out[0] = if mean < 0.0 { 0.0 } else { mean.sqrt() };
    }
}

/// Inputs: open, high, low, close. √(σ²_open + k·σ²_close + (1−k)·σ²_RS), k = 0.34 / (1.34 + (n+1)/(n−1)).
pub struct YangZhang {
    last: f64,
    n: f64,
    open: Moments,
    close: Moments,
    rogers_satchell: Sum,
}
impl YangZhang {
    pub fn new(window: usize) -> YangZhang {
        YangZhang {
            last: NAN,
            n: window as f64,
            open: Moments::new(window),
            close: Moments::new(window),
            rogers_satchell: Sum::new(window),
        }
    }
}
impl Feature for YangZhang {
    fn inputs(&self) -> usize {
        4
    }
    fn update(&mut self, x: &[f64], out: &mut [f64]) {
        let [open, high, low, close] = [x[0], x[1], x[2], x[3]];
        let gap = (open / std::mem::replace(&mut self.last, close)).ln();
        out[0] = NAN;
        if gap.is_nan() {
            return;
        }
        self.open.push(gap, 0.0);
        self.close.push((close / open).ln(), 0.0);
        self.rogers_satchell
            .push((high / close).ln() * (high / open).ln() + (low / close).ln() * (low / open).ln());
        let k = 0.34 / (1.34 + (self.n + 1.0) / (self.n - 1.0));
        let freedom = self.n - 1.0;
        let variance = self.open.squares() / freedom
            + k * self.close.squares() / freedom
            + (1.0 - k) * self.rogers_satchell.mean();
        out[0] = if variance < 0.0 { 0.0 } else { variance.sqrt() };
    }
}

/// The value `n` updates ago.
pub struct Lag(pub Sum);
impl Feature for Lag {
    fn update(&mut self, x: &[f64], out: &mut [f64]) {
        out[0] = self.0.push(x[0]).unwrap_or(NAN);
    }
}
