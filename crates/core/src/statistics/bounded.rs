//! Means of values known to lie between two numbers.

use super::{BoundedMean, Estimate, Interval};

/// Empirical-Bernstein limits of the mean of `n` independent values in [0, 1] (Maurer and Pontil 2009, theorem 4), from
/// their mean and sample variance alone: the truth is beyond each limit with probability at most `tail`. Cheaper and
/// wider than [`BoundedMean`]. Fewer than two values say nothing: \[0, 1\].
#[must_use]
pub fn empirical_bernstein(mean: f64, variance: f64, n: usize, tail: f64) -> Interval {
    if n < 2 {
        return Interval { low: 0.0, high: 1.0 };
    }
    let luck = libm::log(2.0 / tail);
    let n = n as f64;
    let half = libm::sqrt(2.0 * variance * luck / n) + 7.0 * luck / (3.0 * (n - 1.0));
    Interval { low: (mean - half).max(0.0), high: (mean + half).min(1.0) }
}

/// log of the greatest probability with which the mean of `n` independent values in [0, 1] of expectation `mean` is
/// `seen` or beyond it, away from `mean`: −n·KL(seen‖mean) (Hoeffding 1963, theorem 1).
#[must_use]
pub fn log_tail_bound(seen: f64, mean: f64, n: f64) -> f64 {
    let term = |p: f64, q: f64| if p > 0.0 { p * libm::log(p / q) } else { 0.0 };
    -n * (term(seen, mean) + term(1.0 - seen, 1.0 - mean))
}

impl Estimate {
    /// The mean of independent values that lie in `range`, with the betting interval, which holds at every number of
    /// values and is never of zero width.
    #[must_use]
    pub fn of_bounded_mean(values: &[f64], range: Interval, confidence: f64) -> Self {
        if values.is_empty() {
            return Self::unknown("There is no value to take the mean of.");
        }
        let width = range.high - range.low;
        let scaled: Vec<f64> = values.iter().map(|value| (value - range.low) / width).collect();
        let unit = BoundedMean::new(&scaled).interval(confidence);
        let mean = super::lane_sum(values) / values.len() as f64;
        let at = |share: f64| range.low + width * share;
        // Rounding must not put the mean outside its own interval.
        Self::new(mean, Interval { low: at(unit.low).min(mean), high: at(unit.high).max(mean) })
    }
}
