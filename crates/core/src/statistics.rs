//! Distribution functions behind the intervals: normal, Student's t, beta, binomial.
//!
//! Written on `libm` alone, so that every platform gives the same bits. The quantiles of the beta distribution
//! are our own because those of the common crate are wrong by up to 10^-3 in the tails that Clopper and
//! Pearson's interval needs (a = 2, b = 999,999).

mod power_law;

use serde::Serialize;

use crate::error::{Error, Result};

pub use power_law::{Measurement, PowerLaw, fit_power_law};

/// A closed interval; in JSON the pair `[low, high]`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(into = "[f64; 2]")]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl From<Interval> for [f64; 2] {
    fn from(interval: Interval) -> Self {
        [interval.low, interval.high]
    }
}

/// An estimate with its confidence interval, or the reason why there is none.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Estimate {
    /// The point estimate; `None` if it cannot be known, for the reason given.
    pub value: Option<f64>,
    /// Its interval; `None` if there is none, for the reason given.
    pub interval: Option<Interval>,
    /// Why `value` or `interval` is `None`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Estimate {
    /// Nothing is known, for this reason.
    #[must_use]
    pub fn unknown(reason: impl Into<String>) -> Self {
        Self { value: None, interval: None, reason: Some(reason.into()) }
    }

    /// A value with its interval.
    #[must_use]
    pub fn new(value: f64, interval: Interval) -> Self {
        Self { value: Some(value), interval: Some(interval), reason: None }
    }

    /// The mean of independent draws, with Student's interval (normal theory: it wants many draws or light tails).
    #[must_use]
    pub fn of_mean(values: &[f64], confidence: f64) -> Self {
        if values.is_empty() {
            return Self::unknown("There is no value to take the mean of.");
        }
        let (mean, error) = mean_and_standard_error(values);
        let Some(error) = error else {
            let reason = Some("A single value has no standard error.".to_owned());
            return Self { value: Some(mean), interval: None, reason };
        };
        if !(mean.is_finite() && error.is_finite()) {
            return Self::unknown("The values are too large for a finite mean and standard error.");
        }
        let half = student_two_sided((values.len() - 1) as f64, confidence) * error;
        Self::new(mean, Interval { low: mean - half, high: mean + half })
    }
}

/// Fails unless `confidence` lies strictly between 0 and 1.
///
/// # Errors
/// [`crate::Code::InvalidOption`] at the field `confidence`.
pub fn check_confidence(confidence: f64) -> Result<()> {
    if confidence > 0.0 && confidence < 1.0 {
        return Ok(());
    }
    Err(Error::option(
        "confidence",
        format!("confidence must lie strictly between 0 and 1, such as 0.95, not {confidence}."),
    ))
}

impl Interval {
    /// Whether `value` lies in the interval, its ends included.
    #[must_use]
    pub fn contains(&self, value: f64) -> bool {
        self.low <= value && value <= self.high
    }
}

const LN_SQRT_TAU: f64 = 0.918_938_533_204_672_8;

/// Φ(z), the standard normal distribution function.
#[must_use]
pub fn normal_cdf(z: f64) -> f64 {
    0.5 * libm::erfc(-z * std::f64::consts::FRAC_1_SQRT_2)
}

/// Φ⁻¹(p): −∞ at 0, +∞ at 1, NaN outside [0, 1].
#[must_use]
pub fn normal_quantile(p: f64) -> f64 {
    if !(0.0..=1.0).contains(&p) {
        return f64::NAN;
    }
    if p == 0.0 || p == 1.0 {
        return if p == 0.0 { f64::NEG_INFINITY } else { f64::INFINITY };
    }
    if p > 0.5 {
        return -normal_quantile(1.0 - p);
    }
    // Abramowitz and Stegun 26.2.23 (error below 4.5e-4), then Halley's steps on the exact function.
    let t = libm::sqrt(-2.0 * libm::log(p));
    let top = (0.010_328 * t + 0.802_853) * t + 2.515_517;
    let bottom = ((0.001_308 * t + 0.189_269) * t + 1.432_788) * t + 1.0;
    let mut z = top / bottom - t;
    for _ in 0..4 {
        let density = libm::exp(-0.5 * z * z - LN_SQRT_TAU);
        if density == 0.0 {
            break;
        }
        let step = (normal_cdf(z) - p) / density;
        z -= step / (1.0 + 0.5 * z * step);
    }
    z
}

/// n! over Stirling's approximation, as a logarithm: ln Γ(n+1) − (n + ½) ln n + n − ln √(2π).
fn stirling_error(n: f64) -> f64 {
    if n < 16.0 {
        return libm::lgamma(n + 1.0) - (n + 0.5) * libm::log(n) + n - LN_SQRT_TAU;
    }
    let inverse_square = 1.0 / (n * n);
    let series = 1.0 / 1188.0;
    let series = 1.0 / 1680.0 - series * inverse_square;
    let series = 1.0 / 1260.0 - series * inverse_square;
    let series = 1.0 / 360.0 - series * inverse_square;
    (1.0 / 12.0 - series * inverse_square) / n
}

/// x·ln(x/m) + m − x without cancellation for x near m (Loader 2000).
fn deviance(x: f64, m: f64) -> f64 {
    if (x - m).abs() >= 0.1 * (x + m) {
        return x * libm::log(x / m) + m - x;
    }
    let ratio = (x - m) / (x + m);
    let mut sum = (x - m) * ratio;
    let mut term = 2.0 * x * ratio;
    for odd in 1..1000 {
        term *= ratio * ratio;
        let next = sum + term / f64::from(2 * odd + 1);
        if next == sum {
            break;
        }
        sum = next;
    }
    sum
}

/// x^a (1−x)^b / B(a, b), by Loader's saddle point so that large parameters lose no digits.
fn beta_kernel(a: f64, b: f64, x: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return 0.0;
    }
    let n = a + b;
    let exponent =
        stirling_error(n) - stirling_error(a) - stirling_error(b) - deviance(a, n * x) - deviance(b, n * (1.0 - x));
    // Γ(n+1) / (Γ(a+1) Γ(b+1)) is n / (a b B(a, b)).
    libm::exp(exponent) * libm::sqrt(n / (std::f64::consts::TAU * a * b)) * (a * b / n)
}

/// I_x(a, b), the regularised incomplete beta function, for a, b > 0 and x in [0, 1].
#[must_use]
pub fn beta_cdf(a: f64, b: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    let (kernel, y) = (beta_kernel(a, b, x), 1.0 - x);
    if x > a / (a + b) { 1.0 - kernel / beta_fraction(b, a, y, x) } else { kernel / beta_fraction(a, b, x, y) }
}

/// The continued fraction of x^a y^b / (B(a, b) I_x(a, b)) for x + y = 1 (Didonato and Morris 1992), by Lentz's
/// method. For x below the mean all terms are positive, so that nothing cancels; it takes O(√max(a, b)) of them.
fn beta_fraction(a: f64, b: f64, x: f64, y: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let guarded = |value: f64| if value.abs() < TINY { TINY } else { value };
    let slope = a * y - b * x + 1.0;
    let mut fraction = guarded(a * slope / (a + 1.0));
    let (mut c, mut d) = (fraction, 0.0);
    for step in 1..200_000_u32 {
        let m = f64::from(step);
        let middle = a + 2.0 * m - 1.0;
        let over = m * (b - m) * x / middle;
        let numerator = (a + m - 1.0) * (a + b + m - 1.0) * over * x / middle;
        let denominator = m + over + (a + m) * (slope + m * (1.0 + y)) / (middle + 2.0);
        d = 1.0 / guarded(denominator + numerator * d);
        c = guarded(denominator + numerator / c);
        let factor = c * d;
        fraction *= factor;
        if (factor - 1.0).abs() < 1e-16 {
            break;
        }
    }
    fraction
}

/// The x with I_x(a, b) = p, for a, b > 0 and p in [0, 1]: Newton's steps kept inside a shrinking bracket.
#[must_use]
pub fn beta_quantile(a: f64, b: f64, p: f64) -> f64 {
    if p <= 0.0 {
        return 0.0;
    }
    if p >= 1.0 {
        return 1.0;
    }
    let (mut low, mut high) = (0.0_f64, 1.0_f64);
    let mut x = a / (a + b);
    for _ in 0..1100 {
        let excess = beta_cdf(a, b, x) - p;
        if excess == 0.0 {
            return x;
        }
        if excess > 0.0 {
            high = x;
        } else {
            low = x;
        }
        let density = beta_kernel(a, b, x) / (x * (1.0 - x));
        let newton = x - excess / density;
        let next = if newton > low && newton < high { newton } else { 0.5 * (low + high) };
        if (next - x).abs() <= 2e-16 * x || next <= low || next >= high {
            return next;
        }
        x = next;
    }
    x
}

/// The t with P(|T| ≤ t) = `confidence` under Student's distribution with `freedom` > 0 degrees of freedom.
#[must_use]
pub fn student_two_sided(freedom: f64, confidence: f64) -> f64 {
    // T²/(T² + ν) has the beta distribution (½, ν/2).
    let y = beta_quantile(0.5, 0.5 * freedom, confidence);
    libm::sqrt(freedom * y / (1.0 - y))
}

/// Clopper and Pearson's exact interval for a probability of which `successes` in `trials` were seen.
///
/// Its chance to contain the truth is at least `confidence` whatever the truth is. No trial says nothing: \[0, 1\].
#[must_use]
pub fn clopper_pearson(successes: u64, trials: u64, confidence: f64) -> Interval {
    let tail = 0.5 * (1.0 - confidence);
    let (c, n) = (successes as f64, trials as f64);
    let low = if successes == 0 { 0.0 } else { beta_quantile(c, n - c + 1.0, tail) };
    let high = if successes >= trials { 1.0 } else { beta_quantile(c + 1.0, n - c, 1.0 - tail) };
    Interval { low, high }
}

/// Half the width of Dvoretzky, Kiefer and Wolfowitz's band (Massart's constant): with probability at least
/// `confidence` an empirical distribution function of `n` draws is nowhere farther than this from the truth.
#[must_use]
pub fn dkw_half_width(n: usize, confidence: f64) -> f64 {
    libm::sqrt(libm::log(2.0 / (1.0 - confidence)) / (2.0 * n as f64)).min(1.0)
}

/// The empirical quantile at `p` in [0, 1] of `sorted` (ascending, not empty), linear between order statistics.
#[must_use]
pub fn sorted_quantile(sorted: &[f64], p: f64) -> f64 {
    let position = p * (sorted.len() - 1) as f64;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "p lies in [0, 1]")]
    let below = (position.floor() as usize).min(sorted.len() - 1);
    let above = (below + 1).min(sorted.len() - 1);
    // Equal neighbours first: their difference would be NaN where both are infinite.
    if sorted[below] == sorted[above] {
        return sorted[below];
    }
    sorted[below] + (position - below as f64) * (sorted[above] - sorted[below])
}

/// The central percentile interval of `values` (any order, not empty) at `confidence`.
#[must_use]
pub fn percentile_interval(mut values: Vec<f64>, confidence: f64) -> Interval {
    values.sort_unstable_by(f64::total_cmp);
    let tail = 0.5 * (1.0 - confidence);
    Interval { low: sorted_quantile(&values, tail), high: sorted_quantile(&values, 1.0 - tail) }
}

/// The sum of `values` in a fixed order that can be vectorised: value i goes to lane i mod 8, lanes in order.
#[must_use]
pub fn lane_sum(values: &[f64]) -> f64 {
    let mut lanes = [0.0; 8];
    let (chunks, rest) = values.as_chunks::<8>();
    for chunk in chunks {
        for lane in 0..8 {
            lanes[lane] += chunk[lane];
        }
    }
    for (lane, value) in rest.iter().enumerate() {
        lanes[lane] += value;
    }
    lanes.iter().sum()
}

/// Mean of `values` and its standard error; the error is `None` for fewer than two values.
#[must_use]
pub fn mean_and_standard_error(values: &[f64]) -> (f64, Option<f64>) {
    let n = values.len() as f64;
    let mean = lane_sum(values) / n;
    if values.len() < 2 {
        return (mean, None);
    }
    let squares: Vec<f64> = values.iter().map(|value| (value - mean) * (value - mean)).collect();
    (mean, Some(libm::sqrt(lane_sum(&squares) / (n - 1.0) / n)))
}

#[cfg(test)]
mod tests;
