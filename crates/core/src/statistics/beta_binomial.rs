//! Counts of successes whose probabilities differ from unit to unit: beta-binomial, with a mass at probability 0.

use crate::order;

/// Successes in trials.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Count {
    /// Number of trials.
    pub trials: u32,
    /// How many of them succeeded.
    pub successes: u32,
}

/// Probabilities that are 0 for a share `zero` of the units and Beta(a, b) for the others.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct BetaBinomial {
    /// Share of units that never succeed.
    pub zero: f64,
    /// First parameter of the beta distribution.
    pub a: f64,
    /// Second parameter of the beta distribution.
    pub b: f64,
}

/// Logarithms of both parameters are looked for within ±this.
const WIDEST: f64 = 9.0;

/// log B(a + c, b + n − c) / B(a, b), the beta-binomial probability less its binomial coefficient.
fn log_odds(a: f64, b: f64, count: Count) -> f64 {
    let (c, n) = (f64::from(count.successes), f64::from(count.trials));
    let gamma = libm::lgamma;
    gamma(a + c) - gamma(a) + (gamma(b + n - c) - gamma(b)) - (gamma(a + b + n) - gamma(a + b))
}

impl BetaBinomial {
    /// The distribution of greatest likelihood (Nelder and Mead's simplex on log a and log b; the mass at 0 that suits
    /// them best by bisection). `None` for fewer than two units, and where no unit or every trial succeeded: nothing
    /// then bounds the parameters.
    #[must_use]
    pub fn fit(counts: &[Count]) -> Option<Self> {
        if counts.len() < 2
            || counts.iter().all(|count| count.successes == 0)
            || counts.iter().all(|count| count.successes == count.trials)
        {
            return None;
        }
        let mut distinct = std::collections::BTreeMap::<Count, f64>::new();
        for &count in counts {
            *distinct.entry(count).or_default() += 1.0;
        }
        let distinct: Vec<(Count, f64)> = distinct.into_iter().collect();
        let mut simplex: Vec<([f64; 2], f64)> = [[-0.5, 0.5], [0.7, 0.5], [-0.5, 1.7]]
            .into_iter()
            .map(|point| (point, negative_log_likelihood(&distinct, point).0))
            .collect();
        let at = |point: [f64; 2]| {
            let point = point.map(|x: f64| x.clamp(-WIDEST, WIDEST));
            (point, negative_log_likelihood(&distinct, point).0)
        };
        // Least first.
        let sort = |simplex: &mut Vec<([f64; 2], f64)>| order::values_by(simplex, |a, b| a.1.total_cmp(&b.1));
        for _ in 0..400 {
            sort(&mut simplex);
            let (best, worst) = (simplex[0], simplex[2]);
            if (worst.1 - best.1).abs() <= 1e-12 * (1.0 + best.1.abs())
                && (0..2).all(|i| (worst.0[i] - best.0[i]).abs() < 1e-7)
            {
                break;
            }
            let center = [0, 1].map(|i| 0.5 * (simplex[0].0[i] + simplex[1].0[i]));
            let along = |t: f64| at([0, 1].map(|i| center[i] + t * (worst.0[i] - center[i])));
            let reflected = along(-1.0);
            let next = if reflected.1 < best.1 {
                let expanded = along(-2.0);
                if expanded.1 < reflected.1 { expanded } else { reflected }
            } else if reflected.1 < simplex[1].1 {
                reflected
            } else {
                along(if reflected.1 < worst.1 { -0.5 } else { 0.5 })
            };
            if next.1 < worst.1.min(reflected.1) || next == reflected && reflected.1 < simplex[1].1 {
                simplex[2] = next;
            } else {
                for k in 1..3 {
                    simplex[k] = at([0, 1].map(|i| 0.5 * (simplex[k].0[i] + best.0[i])));
                }
            }
        }
        sort(&mut simplex);
        let point = simplex[0].0;
        let (_, zero) = negative_log_likelihood(&distinct, point);
        Some(Self { zero, a: libm::exp(point[0]), b: libm::exp(point[1]) })
    }

    /// The chance that `k` further trials of a unit with this count have a success:
    /// 1 − B(a + c, b + n − c + k) / B(a + c, b + n − c), less the chance that the unit never succeeds.
    #[must_use]
    pub fn success_within(&self, count: Count, k: u32) -> f64 {
        let (a, b) = (self.a, self.b);
        let (c, n) = (f64::from(count.successes), f64::from(count.trials));
        let gamma = libm::lgamma;
        let (rest, k) = (b + n - c, f64::from(k));
        let log_failure = gamma(rest + k) - gamma(rest) - (gamma(a + b + n + k) - gamma(a + b + n));
        let ever = if count.successes > 0 {
            1.0
        } else {
            let seen_zero = (1.0 - self.zero) * libm::exp(log_odds(a, b, count));
            seen_zero / (self.zero + seen_zero)
        };
        -libm::expm1(log_failure.min(0.0)) * ever
    }
}

/// Of log a and log b, with the mass at 0 that makes it least.
fn negative_log_likelihood(counts: &[(Count, f64)], [log_a, log_b]: [f64; 2]) -> (f64, f64) {
    let (a, b) = (libm::exp(log_a), libm::exp(log_b));
    let odds: Vec<(bool, f64, f64)> =
        counts.iter().map(|&(count, units)| (count.successes == 0, log_odds(a, b, count), units)).collect();
    // d/dz Σ log(z + (1 − z) P) falls in z: its root, by bisection, or an end.
    let slope = |z: f64| -> f64 {
        odds.iter()
            .map(|&(none, log_p, units)| {
                let p = libm::exp(log_p);
                units * if none { (1.0 - p) / (z + (1.0 - z) * p) } else { -1.0 / (1.0 - z) }
            })
            .sum()
    };
    let mut zero = 0.0;
    if slope(0.0) > 0.0 {
        let (mut low, mut high) = (0.0, 1.0);
        for _ in 0..50 {
            zero = 0.5 * (low + high);
            if slope(zero) > 0.0 { low = zero } else { high = zero }
        }
    }
    let log_likelihood: f64 = odds
        .iter()
        .map(|&(none, log_p, units)| {
            units * if none { libm::log(zero + (1.0 - zero) * libm::exp(log_p)) } else { libm::log1p(-zero) + log_p }
        })
        .sum();
    (-log_likelihood, zero)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, Stream};

    /// Counts of 50 trials where 30% of the units never succeed and the others have the distribution of min(u, v).
    fn counts(units: usize) -> Vec<Count> {
        let mut stream = Stream::new(11, Purpose::MonteCarlo, 0);
        (0..units)
            .map(|_| {
                // The lesser of two uniforms has Beta(1, 2).
                let p = if stream.uniform() < 0.3 { 0.0 } else { stream.uniform().min(stream.uniform()) };
                let successes = (0..50).map(|_| u32::from(stream.uniform() < p)).sum();
                Count { trials: 50, successes }
            })
            .collect()
    }

    #[test]
    fn parameters_are_found_again() {
        let fit = BetaBinomial::fit(&counts(4000)).unwrap();
        assert!((fit.zero - 0.3).abs() < 0.04 && (fit.a - 1.0).abs() < 0.15 && (fit.b - 2.0).abs() < 0.25, "{fit:?}");
    }

    #[test]
    fn the_fit_is_a_greatest_likelihood() {
        let distinct: Vec<(Count, f64)> = counts(300).into_iter().map(|count| (count, 1.0)).collect();
        let fit = BetaBinomial::fit(&counts(300)).unwrap();
        let best = negative_log_likelihood(&distinct, [fit.a.ln(), fit.b.ln()]).0;
        for step in [[0.05, 0.0], [-0.05, 0.0], [0.0, 0.05], [0.0, -0.05], [0.05, 0.05], [-0.05, -0.05]] {
            assert!(negative_log_likelihood(&distinct, [fit.a.ln() + step[0], fit.b.ln() + step[1]]).0 > best);
        }
    }

    #[test]
    fn predictions_are_those_of_the_posterior() {
        // Beta(1, 1), no mass at 0, 3 of 4: the posterior is Beta(4, 2); one more fails with probability 2/6.
        let uniform = BetaBinomial { zero: 0.0, a: 1.0, b: 1.0 };
        let count = Count { trials: 4, successes: 3 };
        assert!((uniform.success_within(count, 1) - 4.0 / 6.0).abs() < 1e-14);
        // Two more: B(4, 4)/B(4, 2) = (2·3)/(6·7).
        assert!((uniform.success_within(count, 2) - (1.0 - 6.0 / 42.0)).abs() < 1e-14);
        // Half never succeed; none of 1 seen has probability ½ for the others: a third of what is left can succeed.
        let half = BetaBinomial { zero: 0.5, ..uniform };
        let none = Count { trials: 1, successes: 0 };
        assert!((half.success_within(none, 1) - (1.0 / 3.0) / 3.0).abs() < 1e-14);
    }

    #[test]
    fn nothing_is_fitted_to_nothing() {
        let count = |successes| Count { trials: 5, successes };
        assert_eq!(BetaBinomial::fit(&[count(0), count(0)]), None);
        assert_eq!(BetaBinomial::fit(&[count(5), count(5)]), None);
        assert_eq!(BetaBinomial::fit(&[count(2)]), None);
    }
}
