//! Student's distribution, and means with their standard errors.

use super::{beta_quantile, lane_sum};

/// The t with P(|T| ≤ t) = `confidence` under Student's distribution with `freedom` > 0 degrees of freedom.
#[must_use]
pub fn student_two_sided(freedom: f64, confidence: f64) -> f64 {
    // T²/(T² + ν) has the beta distribution (½, ν/2).
    let y = beta_quantile(0.5, 0.5 * freedom, confidence);
    libm::sqrt(freedom * y / (1.0 - y))
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
