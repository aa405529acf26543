//! The likelihood quantile of correct responses (arXiv:2603.06957): what reinforcement learning on outcome rewards has to
//! pay to see them.

use serde::Serialize;

use crate::order;
use crate::statistics::{Estimate, Interval, at_most};

/// 1/Q(ε) of one model at one ε, Q(ε) = sup{α : P(π̂(y*|x) ≤ α) ≤ ε} over correct responses y*: policy gradient on outcome
/// rewards needs about so many reward queries a problem, for all but a share ε of them.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LikelihoodQuantile {
    /// ε, the share of correct responses that may be missed.
    pub epsilon: f64,
    /// log 1/Q(ε) in nats: minus the log-probability that a share of at most ε of the responses is at or below. With the
    /// interval between order statistics, exact for independent responses.
    pub log_queries: Estimate,
}

/// The values of ε that are looked at.
pub const EPSILONS: [f64; 4] = [0.5, 0.2, 0.1, 0.05];

/// log 1/Q(ε) at each of [`EPSILONS`] from log-probabilities of correct responses in any order, at least one.
///
#[must_use]
pub fn likelihood_quantiles(log_probs: &[f64], repeated_prompts: bool, confidence: f64) -> Vec<LikelihoodQuantile> {
    let mut sorted = log_probs.to_vec();
    order::ascending(&mut sorted);
    EPSILONS
        .iter()
        .map(|&epsilon| LikelihoodQuantile {
            epsilon,
            log_queries: at_epsilon(&sorted, epsilon, repeated_prompts, confidence),
        })
        .collect()
}

fn at_epsilon(sorted: &[f64], epsilon: f64, repeated_prompts: bool, confidence: f64) -> Estimate {
    let n = sorted.len();
    // Ranks from 0: at most ε·n responses lie strictly below the value.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of the number of responses")]
    let rank = ((epsilon * n as f64) as usize).min(n - 1);
    let value = -sorted[rank];
    if !value.is_finite() {
        return Estimate::unknown(format!(
            "The model rules out more than {:.0}% of the responses: no number of samples finds them.",
            100.0 * epsilon
        ));
    }
    if repeated_prompts {
        return Estimate::without_interval(
            value,
            "Prompts repeat: order statistics of responses that are not independent bound nothing.",
        );
    }
    let tail = 0.5 * (1.0 - confidence);
    // The r-th least lies above the quantile only if fewer than r responses lie at or below it, and below the quantile
    // only if r and more lie below: binomial probabilities, which grow with the rank (here from 0, r = rank + 1).
    let up_to = |rank: usize| at_most(n as u64, rank as u64, epsilon);
    let first = |holds: &dyn Fn(f64) -> bool| {
        let (mut low, mut high) = (0, n);
        while low < high {
            let middle = usize::midpoint(low, high);
            if holds(up_to(middle)) { high = middle } else { low = middle + 1 }
        }
        low
    };
    let low_rank = first(&|probability| probability > tail).checked_sub(1);
    let high_rank = Some(first(&|probability| probability >= 1.0 - tail)).filter(|&rank| rank < n);
    match (low_rank, high_rank) {
        (Some(low), Some(high)) if sorted[low].is_finite() => {
            Estimate::new(value, Interval { low: -sorted[high], high: -sorted[low] })
        }
        (Some(low), Some(_)) => Estimate::without_interval(
            value,
            format!("No upper end: the model rules out {} responses or more.", low + 1),
        ),
        _ => Estimate::without_interval(value, format!("{n} responses are too few for an interval at ε = {epsilon}.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, Stream};

    #[test]
    fn quantiles_of_a_plain_row() {
        // Log-probabilities −1 … −100: a share of ε lies below −(100 − 100ε).
        let row: Vec<f64> = (1..=100).map(|i| -f64::from(i)).collect();
        let values: Vec<f64> =
            likelihood_quantiles(&row, false, 0.95).iter().map(|each| each.log_queries.value.unwrap()).collect();
        assert_eq!(values, [50.0, 80.0, 90.0, 95.0]);
        // Ranks 40 and 61 of 100 are the tables' 95% interval of a median (binomial tails 0.0176 and 0.0176).
        let median = likelihood_quantiles(&row, false, 0.95)[0].log_queries.interval.unwrap();
        assert_eq!((median.low, median.high), (40.0, 61.0));
    }

    #[test]
    fn intervals_hold() {
        let mut stream = Stream::new(12, Purpose::MonteCarlo, 0);
        let runs = 2000;
        let mut held = [0; 4];
        for _ in 0..runs {
            let row: Vec<f64> = (0..300).map(|_| (1.0 - stream.uniform()).ln()).collect();
            for (held, each) in held.iter_mut().zip(likelihood_quantiles(&row, false, 0.95)) {
                *held += u32::from(each.log_queries.interval.unwrap().contains(-each.epsilon.ln()));
            }
        }
        assert!(held.iter().all(|&held| f64::from(held) >= 0.94 * f64::from(runs)), "{held:?}");
    }

    #[test]
    fn what_cannot_be_known_says_so() {
        let none = f64::NEG_INFINITY;
        let all = likelihood_quantiles(&[none, none, -1.0], false, 0.95);
        assert!(all[0].log_queries.reason.as_ref().unwrap().contains("rules out"));
        let few = likelihood_quantiles(&[-1.0; 10], false, 0.95);
        assert!(few[3].log_queries.interval.is_none() && few[3].log_queries.value == Some(1.0));
        assert!(
            likelihood_quantiles(&[-1.0; 10], true, 0.95)[0].log_queries.reason.as_ref().unwrap().contains("repeat")
        );
    }
}
