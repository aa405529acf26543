use crate::error::{Error, Result};

/// Unbiased Pass@k of one problem from `samples` = n responses of which `correct` = c are right:
/// 1 − C(n−c, k)/C(n, k).
///
/// `None` where it cannot be known: k > n, c > n or k = 0. No cancellation for small values, and at most
/// min(c, k, √(40 n)) or so factors.
#[must_use]
pub fn pass_at_k(samples: u32, correct: u32, k: u32) -> Option<f64> {
    let (n, c) = (samples, correct);
    if k == 0 || k > n || c > n {
        return None;
    }
    if c == 0 {
        return Some(0.0);
    }
    if n - c < k {
        return Some(1.0);
    }
    // C(n−c,k)/C(n,k) is symmetric in c and k: Π_{i<c} (1 − k/(n−i)) = Π_{i<k} (1 − c/(n−i)). The shorter one.
    let (factors, removed) = (c.min(k), f64::from(c.max(k)));
    let mut log_failure = 0.0;
    for i in 0..factors {
        log_failure += libm::log1p(-removed / f64::from(n - i));
        // exp(−40) is below half a unit in the last place of 1.
        if log_failure < -40.0 {
            return Some(1.0);
        }
    }
    Some(-libm::expm1(log_failure))
}

/// Success of Best-of-N, which with rewards in {0, 1} is Pass@N, where one response is right with the known
/// probability `p`: 1 − (1−p)^N. `None` unless p lies in [0, 1] and N ≥ 1.
#[must_use]
pub fn best_of_n_success(p: f64, n: f64) -> Option<f64> {
    if !((0.0..=1.0).contains(&p) && n >= 1.0) {
        return None;
    }
    Some(if p == 1.0 { 1.0 } else { -libm::expm1(n * libm::log1p(-p)) })
}

/// Mean Pass@K over prompts with one right response each, from that response's log-probabilities in nats.
///
/// # Errors
/// [`crate::Code::InvalidOption`] for K below 1 and for what is no log-probability; there must be some.
pub fn expected_pass(log_probs: &[f64], k: f64) -> Result<f64> {
    let pass = |&log_prob: &f64| best_of_n_success(libm::exp(log_prob), k);
    let sum: Option<f64> = log_probs.iter().map(pass).sum();
    sum.filter(|_| !log_probs.is_empty())
        .map(|sum| sum / log_probs.len() as f64)
        .ok_or_else(|| Error::option("k", format!("Pass@K needs log-probabilities and K of at least 1, not {k}.")))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn small_cases_by_counting_subsets() {
        // Every subset of size k of n responses of which the first c are right.
        for n in 1..=10_u32 {
            for c in 0..=n {
                for k in 1..=n {
                    let subsets = (0..1_u32 << n).filter(|subset| subset.count_ones() == k);
                    let (hits, all) = subsets
                        .fold((0, 0), |(hits, all), subset| (hits + u32::from(subset & ((1 << c) - 1) != 0), all + 1));
                    let expected = f64::from(hits) / f64::from(all);
                    assert!((pass_at_k(n, c, k).unwrap() - expected).abs() < 1e-14, "{n} {c} {k}");
                }
            }
        }
    }

    #[test]
    fn what_cannot_be_known_is_none() {
        assert_eq!(pass_at_k(5, 1, 6), None);
        assert_eq!(pass_at_k(5, 1, 0), None);
        assert_eq!(pass_at_k(5, 6, 1), None);
        assert_eq!(pass_at_k(0, 0, 1), None);
        assert_eq!(best_of_n_success(f64::NAN, 2.0), None);
        assert_eq!(best_of_n_success(0.5, 0.5), None);
    }

    #[test]
    fn tiny_values_lose_no_digits() {
        // One in four billion: k/n to first order.
        let value = pass_at_k(4_000_000_000, 1, 2).unwrap();
        assert!((value / 5e-10 - 1.0).abs() < 1e-14);
        assert!((best_of_n_success(1e-18, 4.0).unwrap() / 4e-18 - 1.0).abs() < 1e-15);
        assert_eq!(best_of_n_success(1.0, 1.0), Some(1.0));
    }

    #[test]
    fn the_mean_over_prompts_is_that_of_their_success() {
        let log_probs = [0.0, 0.5_f64.ln(), 0.25_f64.ln(), f64::NEG_INFINITY];
        assert_eq!(expected_pass(&log_probs, 1.0).unwrap(), 1.75 / 4.0);
        let twice = (1.0 + 0.75 + 7.0 / 16.0) / 4.0;
        assert!((expected_pass(&log_probs, 2.0).unwrap() - twice).abs() < 1e-15);
        assert!(expected_pass(&[], 1.0).is_err());
        assert!(expected_pass(&[0.1], 1.0).is_err() && expected_pass(&[f64::NAN], 1.0).is_err());
        assert!(expected_pass(&log_probs, 0.5).is_err());
    }

    #[test]
    fn the_largest_counts_end_soon() {
        assert_eq!(pass_at_k(u32::MAX, u32::MAX / 2, u32::MAX / 2), Some(1.0));
        assert!(pass_at_k(u32::MAX, 400_000, 400_000).unwrap() > 0.999);
    }

    proptest! {
        #[test]
        fn is_a_probability_and_grows_with_c_and_k(n in 2..400_u32, c in 0..400_u32, k in 1..400_u32) {
            let (c, k) = (c % n, 1 + k % (n - 1));
            let value = pass_at_k(n, c, k).unwrap();
            prop_assert!((0.0..=1.0).contains(&value));
            prop_assert!(pass_at_k(n, c + 1, k).unwrap() >= value - 1e-13);
            prop_assert!(pass_at_k(n, c, k + 1).unwrap() >= value - 1e-13);
        }
    }
}
