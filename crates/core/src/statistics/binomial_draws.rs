//! Draws from the binomial distribution: sufficient statistics of the instances are binomial, so that a million
//! responses cost as much as ten. Uses `libm`, hence the same draws on every platform.

use super::log_pmf;
use crate::random::Stream;

/// Draws K ~ Bin(n, p), exactly distributed up to rounding. `p` must be in [0, 1].
#[must_use]
pub fn draw_binomial(n: u64, p: f64, stream: &mut Stream) -> u64 {
    if p > 0.5 {
        return n - draw_binomial(n, 1.0 - p, stream);
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
#[must_use]
pub fn draw_uniform_counts(n: u64, cells: usize, stream: &mut Stream) -> Vec<u64> {
    let mut rest = n;
    (0..cells)
        .map(|cell| {
            let count = draw_binomial(rest, 1.0 / (cells - cell) as f64, stream);
            rest -= count;
            count
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Purpose;

    /// Both ways of drawing against the probabilities, by Pearson's statistic on cells of at least 20 draws expected.
    #[test]
    fn draws_follow_the_distribution() {
        for (n, p) in [(12, 0.4), (50, 0.3), (1000, 0.25), (400, 0.99), (100_000, 0.0004)] {
            let mut stream = Stream::new(3, Purpose::MonteCarlo, n);
            let draws = 40_000;
            let mut counts = std::collections::BTreeMap::new();
            for _ in 0..draws {
                *counts.entry(draw_binomial(n, p, &mut stream)).or_insert(0u32) += 1;
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
