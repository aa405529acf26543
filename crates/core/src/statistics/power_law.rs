//! How a measured quantity scales: the exponent of a power law, with an interval.

use serde::{Deserialize, Serialize};

use super::{Interval, check_confidence, normal_quantile, student_two_sided};
use crate::error::{Code, Error, Result};

/// A measured quantity at one value of the variable.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Measurement {
    /// The variable; positive.
    pub x: f64,
    /// The quantity; positive.
    pub value: f64,
    /// Standard error of the quantity; 0 if it is exact.
    pub standard_error: f64,
}

/// `value ≈ scale · x^exponent`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PowerLaw {
    /// The exponent.
    pub exponent: f64,
    /// Its interval.
    pub interval: Interval,
    /// The factor before the power.
    pub scale: f64,
    /// Standard deviation, as a relative error, of the points about the line beyond what their standard errors explain.
    pub excess: f64,
}

/// Fits a power law by weighted least squares on the logarithms.
///
/// Points scatter about the line by their own standard errors and by a common relative error, whose size is chosen so
/// that the weighted residuals are as large as they should be (Paule and Mandel): curvature and underestimated errors
/// widen the interval instead of passing unnoticed. Where that common error is needed the interval is Student's with
/// k − 2 degrees of freedom, else it is normal.
///
/// # Errors
/// [`Code::InvalidOption`] for a confidence outside (0, 1); [`Code::ShapeMismatch`] for fewer than three points, for
/// values that are not positive and finite, and if all points have the same x.
pub fn fit_power_law(points: &[Measurement], confidence: f64) -> Result<PowerLaw> {
    check_confidence(confidence)?;
    if points.len() < 3 {
        let message = format!("An exponent with an interval needs at least three points, not {}.", points.len());
        return Err(Error::new(Code::ShapeMismatch, message));
    }
    let positive = |value: f64| value.is_finite() && value > 0.0;
    if let Some(index) = points.iter().position(|point| {
        !(positive(point.x) && positive(point.value) && point.standard_error.is_finite() && point.standard_error >= 0.0)
    }) {
        let message = "A power law is fitted to positive finite values with standard errors of at least 0.";
        return Err(Error::new(Code::ShapeMismatch, message).at_row(index));
    }
    let logs: Vec<Log> = points.iter().map(Log::of).collect();
    if logs.iter().all(|log| log.x == logs[0].x) {
        return Err(Error::new(Code::ShapeMismatch, "All points have the same x: there is nothing to fit."));
    }
    let degrees = (points.len() - 2) as f64;
    // The weighted sum of squares falls as the common variance grows: bisect for where it is what it should be.
    let mut variance = 0.0;
    if line(&logs, 0.0).chi_squared > degrees {
        let (mut low, mut high) = (0.0, 1.0);
        while line(&logs, high).chi_squared > degrees {
            (low, high) = (high, 4.0 * high);
        }
        for _ in 0..200 {
            variance = 0.5 * (low + high);
            if line(&logs, variance).chi_squared > degrees { low = variance } else { high = variance }
        }
    }
    let line = line(&logs, variance);
    let quantile =
        if variance > 0.0 { student_two_sided(degrees, confidence) } else { normal_quantile(0.5 + 0.5 * confidence) };
    let half = quantile * line.slope_error;
    Ok(PowerLaw {
        exponent: line.slope,
        interval: Interval { low: line.slope - half, high: line.slope + half },
        scale: libm::exp(line.intercept),
        excess: variance.sqrt(),
    })
}

struct Log {
    x: f64,
    y: f64,
    /// Variance of y; at least that of rounding, so that exact values have finite weights.
    variance: f64,
}

impl Log {
    fn of(point: &Measurement) -> Self {
        let relative = (point.standard_error / point.value).max(1e-9);
        Self { x: libm::log(point.x), y: libm::log(point.value), variance: relative * relative }
    }
}

struct Line {
    slope: f64,
    slope_error: f64,
    intercept: f64,
    chi_squared: f64,
}

fn line(logs: &[Log], common: f64) -> Line {
    let weights: Vec<f64> = logs.iter().map(|log| 1.0 / (log.variance + common)).collect();
    let sum =
        |term: &dyn Fn(&Log) -> f64| logs.iter().zip(&weights).map(|(log, weight)| weight * term(log)).sum::<f64>();
    let total: f64 = weights.iter().sum();
    let (x, y) = (sum(&|log| log.x) / total, sum(&|log| log.y) / total);
    let spread = sum(&|log| (log.x - x) * (log.x - x));
    let slope = sum(&|log| (log.x - x) * (log.y - y)) / spread;
    let residual = |log: &Log| log.y - y - slope * (log.x - x);
    Line {
        slope,
        slope_error: (1.0 / spread).sqrt(),
        intercept: y - slope * x,
        chi_squared: sum(&|log| residual(log) * residual(log)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, Stream};

    fn at(x: f64, value: f64, standard_error: f64) -> Measurement {
        Measurement { x, value, standard_error }
    }

    #[test]
    fn an_exact_power_law_is_found() {
        let points: Vec<_> = [1.0f64, 2.0, 8.0, 64.0].iter().map(|&x| at(x, 3.0 * x.powf(-0.5), 0.0)).collect();
        let law = fit_power_law(&points, 0.95).unwrap();
        assert!((law.exponent + 0.5).abs() < 1e-9 && (law.scale - 3.0).abs() < 1e-8, "{law:?}");
        assert!(law.interval.contains(-0.5) && law.interval.high - law.interval.low < 1e-6);
    }

    #[test]
    fn curvature_widens_the_interval() {
        let points: Vec<_> = [1.0f64, 2.0, 4.0, 8.0, 16.0].iter().map(|&x| at(x, x + 4.0, 1e-6)).collect();
        let law = fit_power_law(&points, 0.95).unwrap();
        assert!(law.excess > 0.01 && law.interval.high - law.interval.low > 0.1, "{law:?}");
    }

    #[test]
    fn intervals_hold_as_often_as_they_say() {
        let mut stream = Stream::new(3, Purpose::MonteCarlo, 0);
        let runs = 2000;
        let mut held = 0;
        for _ in 0..runs {
            let points: Vec<_> = [10.0f64, 20.0, 40.0, 80.0, 160.0]
                .iter()
                .map(|&x| {
                    let value = 2.0 / x;
                    at(x, value * (1.0 + 0.05 * stream.normal()), value * 0.05)
                })
                .collect();
            held += u32::from(fit_power_law(&points, 0.9).unwrap().interval.contains(-1.0));
        }
        // Five standard errors about 0.9; a found common error makes intervals a little too wide.
        let share = f64::from(held) / f64::from(runs);
        assert!((0.866..0.96).contains(&share), "{share}");
    }

    #[test]
    fn what_cannot_be_fitted_is_refused() {
        for points in [
            vec![at(1.0, 1.0, 0.1); 2],
            vec![at(1.0, 1.0, 0.1); 3],
            vec![at(1.0, 0.0, 0.1), at(2.0, 1.0, 0.1), at(3.0, 1.0, 0.1)],
        ] {
            assert_eq!(fit_power_law(&points, 0.95).unwrap_err().code, Code::ShapeMismatch);
        }
    }
}
