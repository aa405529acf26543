//! The binomial distribution: draws, probabilities, tails. Sufficient statistics of the instances are binomial, so
//! that a million responses cost as much as ten. Uses `libm`, hence the same draws on every platform.

use crate::random::Stream;

/// ½·log 2π.
const HALF_LOG_TAU: f64 = 0.918_938_533_204_672_8;

/// log k! − (the leading terms of Stirling's series): what Loader calls `stirlerr`.
fn stirling_error(k: f64) -> f64 {
    if k <= 15.0 {
        return if k == 0.0 { 0.0 } else { libm::lgamma(k + 1.0) - (k + 0.5) * libm::log(k) + k - HALF_LOG_TAU };
    }
    let square = k * k;
    (1.0 / 12.0 - (1.0 / 360.0 - (1.0 / 1260.0 - 1.0 / (1680.0 * square)) / square) / square) / k
}

/// x·log(x/mean) + mean − x, without cancellation where x is near the mean (Loader's `bd0`).
fn deviance(x: f64, mean: f64) -> f64 {
    if (x - mean).abs() >= 0.1 * (x + mean) {
        return x * libm::log(x / mean) + mean - x;
    }
    let v = (x - mean) / (x + mean);
    let mut sum = (x - mean) * v;
    let mut term = 2.0 * x * v;
    for j in 1..1000 {
        term *= v * v;
        let next = sum + term / f64::from(2 * j + 1);
        if next == sum {
            break;
        }
        sum = next;
    }
    sum
}

/// log P(K = k) for K ~ Bin(n, p), by Loader's saddle-point expansion: relative error of the probability about
/// 1e-14 at any n. −∞ where the probability vanishes.
pub(super) fn log_pmf(n: u64, k: u64, p: f64) -> f64 {
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
        - HALF_LOG_TAU
}

/// P(K ≤ k) for K ~ Bin(n, p). The smaller tail is summed, so that small probabilities keep their digits.
pub(super) fn at_most(n: u64, k: u64, p: f64) -> f64 {
    if k >= n {
        return 1.0;
    }
    if k as f64 <= n as f64 * p { lower_tail(n, k, p) } else { 1.0 - lower_tail(n, n - k - 1, 1.0 - p) }
}

/// P(K ≥ k) for K ~ Bin(n, p).
pub(super) fn at_least(n: u64, k: u64, p: f64) -> f64 {
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

/// Draws K ~ Bin(n, p), exactly distributed up to rounding. `p` must be in [0, 1].
pub(super) fn draw(n: u64, p: f64, stream: &mut Stream) -> u64 {
    if p > 0.5 {
        return n - draw(n, 1.0 - p, stream);
    }
    if n == 0 || p <= 0.0 {
        0
    } else if n as f64 * p < 10.0 {
        draw_by_inversion(n, p, stream)
    } else {
        draw_by_rejection(n, p, stream)
    }
}

fn draw_by_inversion(n: u64, p: f64, stream: &mut Stream) -> u64 {
    let odds = p / (1.0 - p);
    let mut rest = stream.uniform();
    let mut term = libm::exp(n as f64 * libm::log1p(-p));
    for k in 0..n {
        rest -= term;
        if rest < 0.0 {
            return k;
        }
        term *= odds * (n - k) as f64 / (k + 1) as f64;
        if term < 1e-300 {
            // Rounding left a sliver above the last cumulated probability.
            return k;
        }
    }
    n
}

/// Hörmann's transformed rejection (BTRS, 1993), for np ≥ 10 and p ≤ ½.
fn draw_by_rejection(n: u64, p: f64, stream: &mut Stream) -> u64 {
    let size = n as f64;
    let spread = libm::sqrt(size * p * (1.0 - p));
    let b = 1.15 + 2.53 * spread;
    let a = -0.0873 + 0.0248 * b + 0.01 * p;
    let center = size * p + 0.5;
    let squeeze = 0.92 - 4.2 / b;
    let alpha = (2.83 + 5.1 / b) * spread;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the mode is between 0 and n")]
    let mode = ((size + 1.0) * p) as u64;
    let at_mode = log_pmf(n, mode, p);
    loop {
        let u = stream.uniform() - 0.5;
        let v = stream.uniform();
        let us = 0.5 - u.abs();
        let k = libm::floor((2.0 * a / us + b) * u + center);
        if !(0.0..=size).contains(&k) {
            continue;
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and n")]
        let k = k as u64;
        if us >= 0.07 && v <= squeeze {
            return k;
        }
        if libm::log(v * alpha / (a / (us * us) + b)) <= log_pmf(n, k, p) - at_mode {
            return k;
        }
    }
}

/// Draws how many of `n` things fall into each of `cells` equally likely cells.
pub(super) fn draw_uniform_counts(n: u64, cells: usize, stream: &mut Stream) -> Vec<u64> {
    let mut rest = n;
    (0..cells)
        .map(|cell| {
            let count = draw(rest, 1.0 / (cells - cell) as f64, stream);
            rest -= count;
            count
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Purpose;

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

    /// Both ways of drawing against the probabilities, by Pearson's statistic on cells of at least 20 draws expected.
    #[test]
    fn draws_follow_the_distribution() {
        for (n, p) in [(12, 0.4), (50, 0.3), (1000, 0.25), (400, 0.99), (100_000, 0.0004)] {
            let mut stream = Stream::new(3, Purpose::MonteCarlo, n);
            let draws = 40_000;
            let mut counts = std::collections::BTreeMap::new();
            for _ in 0..draws {
                *counts.entry(draw(n, p, &mut stream)).or_insert(0u32) += 1;
            }
            let (mut statistic, mut cells) = (0.0, 0);
            for (k, count) in counts {
                let expected = f64::from(draws) * log_pmf(n, k, p).exp();
                if expected >= 20.0 {
                    statistic += (f64::from(count) - expected).powi(2) / expected;
                    cells += 1;
                }
            }
            let (mean, spread) = (f64::from(cells), (2.0 * f64::from(cells)).sqrt());
            assert!((statistic - mean).abs() < 4.5 * spread, "n {n}, p {p}: {statistic} over {cells} cells");
        }
    }

    #[test]
    fn uniform_counts_add_up() {
        let mut stream = Stream::new(1, Purpose::MonteCarlo, 0);
        let counts = draw_uniform_counts(10_000, 7, &mut stream);
        assert_eq!(counts.iter().sum::<u64>(), 10_000);
        assert!(counts.iter().all(|&count| (1200..1700).contains(&count)), "{counts:?}");
        assert_eq!(draw_uniform_counts(0, 3, &mut stream), [0, 0, 0]);
    }
}
