//! A lower limit for the mean of nonnegative values, whatever their distribution and their scale, at any number of them.
//!
//! Under the hypothesis that the mean is at most m, a gambler who stakes a fixed part c of the capital on every value has
//! Π_s (1 − c + c·x_s/m) of expectation at most 1, and so has the average over several c: by Markov's inequality it
//! reaches 1/δ with probability at most δ (Waudby-Smith and Ramdas 2024 bet on bounded values likewise). No upper bound on
//! the values is needed, stakes are parts of the capital and so know no scale, and products know no order.

/// How many stakes are averaged over, evenly spaced on the scale of logarithms.
const STAKES: usize = 8;
/// The greatest of them; the least is one value's part, 1/(S + 1).
const GREATEST_STAKE: f64 = 0.95;
/// The search ends where the limit is known to this part of itself.
const TOLERANCE: f64 = 1e-7;

/// A limit that the mean behind `values` is below with probability at most `tail`, in (0, 1): the greatest mean that the
/// bets reject, or less by a ten-millionth; 0 where all values are 0. Values are finite and not negative.
#[must_use]
pub fn nonnegative_mean_lower(values: &[f64], tail: f64) -> f64 {
    let greatest = values.iter().copied().fold(0.0, f64::max);
    if greatest <= 0.0 {
        return 0.0;
    }
    // Parts of the greatest, so that no product depends on the scale.
    let parts: Vec<f64> = values.iter().map(|value| value / greatest).collect();
    let least = 1.0 / (parts.len() + 1) as f64;
    let step = libm::log(GREATEST_STAKE / least) / (STAKES - 1) as f64;
    let stakes: [f64; STAKES] = std::array::from_fn(|k| least * libm::exp(step * k as f64));
    let log_target = libm::log(STAKES as f64 / tail);
    let rejects = |log_m: f64| log_sum_of_capitals(&parts, &stakes, log_m) >= log_target;
    // At the mean of the values no capital has grown (the logarithm is concave): nothing is rejected there.
    let mut high = libm::log(parts.iter().sum::<f64>() / parts.len() as f64);
    let mut width = 1.0;
    let mut low = high - width;
    while !rejects(low) {
        high = low;
        width *= 2.0;
        low -= width;
    }
    while high - low > TOLERANCE {
        let middle = 0.5 * (low + high);
        if rejects(middle) { low = middle } else { high = middle }
    }
    greatest * libm::exp(low)
}

/// log of the sum over stakes of the capital where the mean is exp(`log_m`); falls as that grows.
fn log_sum_of_capitals(parts: &[f64], stakes: &[f64; STAKES], log_m: f64) -> f64 {
    let inverse = libm::exp(-log_m);
    let logs = stakes.map(|stake| {
        let (kept, gain) = (1.0 - stake, stake * inverse);
        let (mut capital, mut whole) = (1.0_f64, 0.0);
        for part in parts {
            capital *= kept + gain * part;
            // Far from both ends of the range of a double.
            if !(1e-100..1e100).contains(&capital) {
                whole += libm::log(capital);
                capital = 1.0;
            }
        }
        whole + libm::log(capital)
    });
    let greatest = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    greatest + libm::log(logs.iter().map(|log| libm::exp(log - greatest)).sum())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, Stream};

    /// The definition: the average over stakes of the product, no logarithms.
    fn capital(values: &[f64], m: f64) -> f64 {
        let least = 1.0 / (values.len() + 1) as f64;
        let of = |k: usize| {
            let stake = least * (0.95 / least).powf(k as f64 / 7.0);
            values.iter().map(|x| 1.0 - stake + stake * x / m).product::<f64>()
        };
        (0..8).map(of).sum::<f64>() / 8.0
    }

    #[test]
    fn the_limit_is_where_the_plain_capital_reaches_its_target() {
        let mut stream = Stream::new(1, Purpose::MonteCarlo, 0);
        for (n, tail) in [(1, 0.01), (2, 0.005), (16, 0.005), (64, 1e-4), (200, 0.1)] {
            let values: Vec<f64> = (0..n).map(|_| stream.uniform()).collect();
            let limit = nonnegative_mean_lower(&values, tail);
            assert!(limit > 0.0 && limit < values.iter().sum::<f64>() / f64::from(n));
            assert!((capital(&values, limit) * tail - 1.0).abs() < 1e-4, "{n}: {}", capital(&values, limit) * tail);
        }
        assert_eq!(nonnegative_mean_lower(&[0.0; 5], 0.1), 0.0);
    }

    #[test]
    fn neither_scale_nor_order_matters() {
        let values = [0.5, 0.0, 0.125, 1.0, 0.25];
        let limit = nonnegative_mean_lower(&values, 0.01);
        let scaled: Vec<f64> = values.iter().rev().map(|value| value * 2.0_f64.powi(-600)).collect();
        assert!((nonnegative_mean_lower(&scaled, 0.01) / 2.0_f64.powi(-600) / limit - 1.0).abs() < 1e-6);
    }

    #[test]
    fn one_that_is_large_among_many_zeros_still_tells() {
        let mut values = vec![0.0; 5000];
        values[7] = 1.0;
        let limit = nonnegative_mean_lower(&values, 0.01);
        // The exact limit for one success in 5,000 is 2.0e-6, and a sixteenth of it is what no upper bound costs.
        assert!(limit > 1e-7 && limit < 2.1e-6, "{limit}");
    }

    #[test]
    fn limits_hold_for_skewed_values() {
        // Mean 1, and most values far below it.
        let mut stream = Stream::new(2, Purpose::MonteCarlo, 0);
        let runs = 2000;
        for n in [4, 40] {
            let broken = (0..runs)
                .filter(|_| {
                    let values: Vec<f64> = (0..n).map(|_| libm::exp(1.5 * stream.normal() - 1.125)).collect();
                    nonnegative_mean_lower(&values, 0.1) > 1.0
                })
                .count();
            assert!(broken <= 230, "{broken} of {runs} at a tail of 0.1");
        }
    }
}
