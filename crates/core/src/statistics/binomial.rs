//! The binomial distribution: probabilities, tails, and exact limits for its parameter.

use super::saddle_point::{LN_SQRT_TAU, deviance, stirling_error};
use super::{Interval, beta_quantile};

/// log P(K = k) for K ~ Bin(n, p), by Loader's saddle-point expansion: relative error of the probability about
/// 1e-14 at any n. −∞ where the probability vanishes.
#[must_use]
pub fn log_pmf(n: u64, k: u64, p: f64) -> f64 {
    let q = 1.0 - p;
    if k > n || (p <= 0.0 && k > 0) || (q <= 0.0 && k < n) {
        return f64::NEG_INFINITY;
    }
    if k == 0 {
        return if p >= 1.0 { 0.0 } else { n as f64 * libm::log1p(-p) };
    }
    if k == n {
        return n as f64 * libm::log(p);
    }
    let (n, k) = (n as f64, k as f64);
    stirling_error(n) - stirling_error(k) - stirling_error(n - k) - deviance(k, n * p) - deviance(n - k, n * q)
        + 0.5 * libm::log(n / (k * (n - k)))
        - LN_SQRT_TAU
}

/// P(K ≤ k) for K ~ Bin(n, p). The smaller tail is summed, so that small probabilities keep their digits.
#[must_use]
pub fn at_most(n: u64, k: u64, p: f64) -> f64 {
    if k >= n {
        return 1.0;
    }
    if k as f64 <= n as f64 * p { lower_tail(n, k, p) } else { 1.0 - lower_tail(n, n - k - 1, 1.0 - p) }
}

/// P(K ≥ k) for K ~ Bin(n, p).
#[must_use]
pub fn at_least(n: u64, k: u64, p: f64) -> f64 {
    if k > n { 0.0 } else { at_most(n, n - k, 1.0 - p) }
}

/// P(K ≤ k) by its terms from k down, for k at most about the mean.
fn lower_tail(n: u64, k: u64, p: f64) -> f64 {
    let mut term = libm::exp(log_pmf(n, k, p));
    let odds = (1.0 - p) / p;
    let mut sum = term;
    for j in (0..k).rev() {
        // P(j) / P(j + 1).
        term *= odds * (j + 1) as f64 / (n - j) as f64;
        sum += term;
        if term < 1e-17 * sum {
            break;
        }
    }
    sum.min(1.0)
}

/// Exact limits, each on its own side, of a probability behind a count of `trials`: what Clopper and Pearson's interval
/// is made of, at a level of one's own, for many counts.
///
/// Both grow with the count, so that of several counts the greatest has the greatest limits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BinomialLimits {
    trials: u64,
    tail: f64,
}

impl BinomialLimits {
    /// Limits that the truth is beyond with probability at most `tail`, each; `tail` lies strictly between 0 and ½.
    #[must_use]
    pub fn new(trials: u64, tail: f64) -> Self {
        Self { trials, tail }
    }

    /// The probability at which `successes` and more would be seen with probability `tail`; 0 for no success.
    #[must_use]
    pub fn lower(&self, successes: u64) -> f64 {
        let (c, n) = (successes as f64, self.trials as f64);
        if successes == 0 { 0.0 } else { beta_quantile(c, n - c + 1.0, self.tail) }
    }

    /// The probability at which `successes` and fewer would be seen with probability `tail`; 1 if all succeeded.
    #[must_use]
    pub fn upper(&self, successes: u64) -> f64 {
        let (c, n) = (successes as f64, self.trials as f64);
        if successes >= self.trials { 1.0 } else { beta_quantile(c + 1.0, n - c, 1.0 - self.tail) }
    }

    /// Both limits.
    #[must_use]
    pub fn interval(&self, successes: u64) -> Interval {
        Interval { low: self.lower(successes), high: self.upper(successes) }
    }
}

/// Clopper and Pearson's exact interval for a probability of which `successes` in `trials` were seen.
///
/// Its chance to contain the truth is at least `confidence` whatever the truth is. No trial says nothing: \[0, 1\].
#[must_use]
pub fn clopper_pearson(successes: u64, trials: u64, confidence: f64) -> Interval {
    BinomialLimits::new(trials, 0.5 * (1.0 - confidence)).interval(successes)
}

/// An exact interval for the greatest of several probabilities, each behind one of `counts` out of `trials` (a model's
/// score, the greatest share over its rivals): the union of the counts' intervals, lower limits at α/(2m) for m counts,
/// since the greatest of them was chosen, upper ones at α/2, since only that of the greatest truth has to hold. No count
/// says nothing: \[0, 1\].
#[must_use]
pub fn greatest_share_interval(counts: &[u32], trials: u64, confidence: f64) -> Interval {
    let Some(&greatest) = counts.iter().max() else { return Interval { low: 0.0, high: 1.0 } };
    let tail = 0.5 * (1.0 - confidence);
    Interval {
        low: BinomialLimits::new(trials, tail / counts.len() as f64).lower(u64::from(greatest)),
        high: BinomialLimits::new(trials, tail).upper(u64::from(greatest)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pmf_by_products(n: u64, k: u64, p: f64) -> f64 {
        let ways = (0..k).fold(1.0, |ways, j| ways * (n - j) as f64 / (j + 1) as f64);
        ways * p.powi(i32::try_from(k).unwrap()) * (1.0 - p).powi(i32::try_from(n - k).unwrap())
    }

    #[test]
    fn probabilities_and_tails_are_those_of_products() {
        for (n, p) in [(1, 0.3), (7, 0.02), (40, 0.5), (60, 0.93)] {
            let mut below = 0.0;
            for k in 0..=n {
                let expected = pmf_by_products(n, k, p);
                assert!((log_pmf(n, k, p).exp() / expected - 1.0).abs() < 1e-12, "{n} {k} {p}");
                assert!((at_least(n, k, p) - (1.0 - below)).abs() < 1e-13);
                below += expected;
                assert!((at_most(n, k, p) - below).abs() < 1e-13);
            }
        }
        assert_eq!(at_least(5, 6, 0.5), 0.0);
        assert_eq!((log_pmf(3, 0, 0.0), log_pmf(3, 3, 1.0), log_pmf(3, 2, 1.0)), (0.0, 0.0, f64::NEG_INFINITY));
    }

    #[test]
    fn a_million_trials_sum_to_one() {
        let n = 1_000_000;
        let sum: f64 = (0..=4000).map(|k| log_pmf(n, k, 0.002).exp()).sum();
        assert!((sum - 1.0).abs() < 1e-11, "{sum}");
    }

    #[test]
    fn limits_grow_with_the_count_and_are_those_of_the_interval() {
        let limits = BinomialLimits::new(500, 0.5 * (1.0 - 0.95));
        for c in 0..=500 {
            assert_eq!(limits.interval(c), clopper_pearson(c, 500, 0.95));
            assert!(c == 0 || (limits.lower(c - 1) < limits.lower(c) && limits.upper(c - 1) < limits.upper(c)));
        }
    }

    #[test]
    fn limits_at_the_levels_of_many_pairs_invert_the_tails() {
        for (n, c) in [(200_u64, 3_u64), (4000, 0), (4000, 250), (4000, 3999), (100_000, 7)] {
            let tail = 0.05 / (2.0 * 256.0 * 255.0);
            let limits = BinomialLimits::new(n, tail);
            if c > 0 {
                assert!((at_least(n, c, limits.lower(c)) / tail - 1.0).abs() < 1e-8, "{n} {c}");
            }
            // A double near 1 has few digits left for what is missing.
            assert!((at_most(n, c, limits.upper(c)) / tail - 1.0).abs() < 1e-5, "{n} {c}");
        }
    }

    #[test]
    fn the_greatest_of_several_shares_pays_for_its_choice_below_only() {
        let one = greatest_share_interval(&[7], 40, 0.95);
        assert_eq!(one, clopper_pearson(7, 40, 0.95));
        let several = greatest_share_interval(&[2, 7, 0, 5], 40, 0.95);
        assert_eq!(several.high, one.high);
        let corrected = BinomialLimits::new(40, 0.5 * (1.0 - 0.95) / 4.0).lower(7);
        assert!(several.low == corrected && several.low < one.low);
        assert_eq!(greatest_share_interval(&[], 40, 0.95), Interval { low: 0.0, high: 1.0 });
    }
}
