//! Quantiles of samples.

use super::Interval;
use crate::order;

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
    order::ascending(&mut values);
    let tail = 0.5 * (1.0 - confidence);
    Interval { low: sorted_quantile(&values, tail), high: sorted_quantile(&values, 1.0 - tail) }
}
