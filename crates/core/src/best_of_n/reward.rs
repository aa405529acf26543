//! What Best-of-N owes to the coverage profile (PD.6), and the reward on which it must fail (PD.7).

use crate::error::{Code, Error, Result};
use crate::order;
use crate::tournament::Ratios;

/// The adversarial reward of PD.7, r = 1{π_T/π̂ ≥ 2N}, on responses given by their log-probabilities under the
/// target policy π_T (`target`) and the model π̂ (`model`), in nats.
///
/// On it Best-of-N falls short of π_T by at least ½·Cov_{2N}(π_T‖π̂), see [`best_of_n_regret_floor`]. π_T = 0 earns
/// nothing, π̂ = 0 < π_T is rewarded.
///
/// # Errors
/// [`Code::ShapeMismatch`] for different lengths, [`Code::InvalidOption`] unless 1 ≤ N < ∞.
pub fn adversarial_reward(target: &[f64], model: &[f64], n: f64) -> Result<Vec<bool>> {
    if target.len() != model.len() {
        let message = format!(
            "The target has log-probabilities of {} responses, the model of {}: both must be of the same responses.",
            target.len(),
            model.len()
        );
        return Err(Error::new(Code::ShapeMismatch, message));
    }
    Ratios::new(&[n])?;
    let threshold = Ratios::new(&[2.0 * n])?.log_n()[0];
    Ok(target.iter().zip(model).map(|(target, model)| target - model >= threshold).collect())
}

/// PD.6: if N ≥ 2M·log(1/ε) and Cov_M(π_T‖π̂) ≤ ½, then E[r(π_T) − r(BoN)] ≤ Cov_M(π_T‖π̂) + ε for every reward in
/// [0, 1]. Returns the right side with the least such ε, exp(−N/(2M)); `None` where the theorem does not speak.
#[must_use]
pub fn best_of_n_regret_bound(n: f64, m: f64, coverage_at_m: f64) -> Option<f64> {
    let legal = n >= 1.0 && m >= 1.0 && (0.0..=0.5).contains(&coverage_at_m);
    legal.then(|| coverage_at_m + libm::exp(-n / (2.0 * m)))
}

/// The least N for which PD.6 promises Cov_M + ε: 2M·log(1/ε). `None` unless M ≥ 1 and 0 < ε < 1.
#[must_use]
pub fn sufficient_n(m: f64, epsilon: f64) -> Option<f64> {
    (m >= 1.0 && epsilon > 0.0 && epsilon < 1.0).then(|| (-2.0 * m * libm::log(epsilon)).max(1.0))
}

/// PD.7: for the adversarial reward, E[r(π_T) − r(BoN)] ≥ ½·Cov_{2N}(π_T‖π̂).
#[must_use]
pub fn best_of_n_regret_floor(coverage_at_2n: f64) -> f64 {
    0.5 * coverage_at_2n
}

/// E[r(BoN)], exactly: the greatest of N rewards is at most t with probability π̂(r ≤ t)^N. `model` and `reward` are the
/// probability and the reward of each response.
#[must_use]
pub fn best_of_n_reward(model: &[f64], reward: &[f64], n: f64) -> f64 {
    let mut rewards: Vec<(f64, f64)> = reward.iter().copied().zip(model.iter().copied()).collect();
    order::values_by(&mut rewards, |a, b| a.0.total_cmp(&b.0));
    let (mut below, mut best) = (0.0f64, 0.0);
    for (reward, probability) in rewards {
        let up_to = (below + probability).min(1.0);
        best += reward * (libm::pow(up_to, n) - libm::pow(below, n));
        below = up_to;
    }
    best
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::best_of_n::best_of_n_success;

    fn normalised(logs: &[f64]) -> Vec<f64> {
        let sum: f64 = logs.iter().map(|log| log.exp()).sum();
        logs.iter().map(|log| log.exp() / sum).collect()
    }

    proptest! {
        /// Both theorems, exactly, on random distributions over a few responses.
        #[test]
        fn the_adversarial_reward_hurts_and_coverage_suffices(
            logs in prop::collection::vec((-9.0..0.0_f64, -9.0..0.0_f64), 2..9), n in 1..40_u32, m in 1.0..30.0_f64,
        ) {
            let target = normalised(&logs.iter().map(|l| l.0).collect::<Vec<_>>());
            let model = normalised(&logs.iter().map(|l| l.1).collect::<Vec<_>>());
            let n = f64::from(n);
            let coverage = |at: f64| -> f64 {
                target.iter().zip(&model).filter(|(t, q)| t.ln() - q.ln() >= at.ln()).map(|(t, _)| t).sum()
            };
            let ln = |values: &[f64]| values.iter().map(|value| value.ln()).collect::<Vec<_>>();
            let reward = adversarial_reward(&ln(&target), &ln(&model), n).unwrap();
            let share = |weights: &[f64]| -> f64 {
                weights.iter().zip(&reward).filter(|(_, rewarded)| **rewarded).map(|(weight, _)| weight).sum()
            };
            let regret = share(&target) - best_of_n_success(share(&model).min(1.0), n).unwrap();
            prop_assert!(regret >= best_of_n_regret_floor(coverage(2.0 * n)) - 1e-12);
            if let Some(bound) = best_of_n_regret_bound(n, m, coverage(m)) {
                prop_assert!(regret <= bound + 1e-12);
            }
        }
    }

    #[test]
    fn the_best_of_several_is_the_mean_over_all_draws() {
        let (model, reward) = ([0.2, 0.5, 0.3], [0.7, 0.1, 0.4]);
        let mut expected = 0.0;
        for draws in 0..27usize {
            let drawn = [draws % 3, draws / 3 % 3, draws / 9];
            let probability: f64 = drawn.iter().map(|&index| model[index]).product();
            expected += probability * drawn.iter().map(|&index| reward[index]).fold(0.0, f64::max);
        }
        assert!((best_of_n_reward(&model, &reward, 3.0) - expected).abs() < 1e-15);
        // With rewards in {0, 1} it is Pass@N.
        let pass = best_of_n_success(0.3, 5.0).unwrap();
        assert!((best_of_n_reward(&model, &[0.0, 0.0, 1.0], 5.0) - pass).abs() < 1e-15);
    }

    #[test]
    fn conventions_for_vanishing_probabilities() {
        let none = f64::NEG_INFINITY;
        let reward = adversarial_reward(&[none, -1.0, none, -1.0], &[-1.0, none, none, -1.0], 1.0).unwrap();
        assert_eq!(reward, [false, true, false, false]);
        assert_eq!(adversarial_reward(&[0.0], &[], 1.0).unwrap_err().code, Code::ShapeMismatch);
        assert_eq!(adversarial_reward(&[0.0], &[0.0], f64::NAN).unwrap_err().code, Code::InvalidOption);
    }

    #[test]
    fn sufficient_n_gives_the_promised_epsilon() {
        let n = sufficient_n(4.0, 0.01).unwrap();
        assert!((best_of_n_regret_bound(n, 4.0, 0.1).unwrap() - 0.11).abs() < 1e-12);
        assert_eq!(sufficient_n(4.0, 0.0), None);
        assert_eq!(best_of_n_regret_bound(8.0, 4.0, 0.6), None);
    }
}
