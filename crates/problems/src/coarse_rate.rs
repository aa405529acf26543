//! The coarse rate of maximum likelihood (Proposition 4.1(a)): Cov_N ≥ c·d/n for all N up to e^B.

use std::sync::Arc;

use coverage_principle_core::error::{Error, Result};
use coverage_principle_core::linear::features::{Layout, SparseRows, SparseTableFeatures};
use coverage_principle_core::linear::{Constraint, DataDistribution, PromptWeights};
use coverage_principle_core::random::Stream;
use coverage_principle_core::statistics::draw_binomial;
use coverage_principle_core::tournament::Ratios;
use serde::{Deserialize, Serialize};

use super::instance::{
    Claim, Condition, Description, Estimate, Instance, LinearClass, ModelClass, Quantity, Relation, check_count,
    check_real, covered, named, plain,
};
use super::token_table::TokenTable;

/// Options of [`CoarseRate`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CoarseRateOptions {
    /// n, how many responses the estimator sees: 1 to 10^9. Default 1000.
    pub responses: u64,
    /// d, the number of tokens: 2 to 10^6. Default 100.
    pub dim: u64,
    /// B ≥ log 5n, the scale of the features; at most 300. Default: log 5n.
    pub bound: Option<f64>,
}

impl Default for CoarseRateOptions {
    fn default() -> Self {
        Self { responses: 1000, dim: 100, bound: None }
    }
}

/// One prompt, one token out of d, φ(y) = B·e_y, ‖θ‖_∞ ≤ 1, θ* = (log(4n)/2B)(e_1 − Σ_{j>1} e_j), so that
/// π_D(1) = 4n/(d−1+4n) and the others have 1/(d−1+4n).
///
/// Shows that the coarse term of Theorem 4.1 is real: the rare tokens that were not seen get all but no weight from
/// the MLE, however large N is (up to e^B), and together they have mass of order d/n.
#[derive(Clone, Debug)]
pub struct CoarseRate {
    options: CoarseRateOptions,
    bound: f64,
    /// log π_D of token 1 and of any other.
    log_probs: [f64; 2],
    theta: Vec<f64>,
    data: DataDistribution,
}

impl CoarseRate {
    /// The instance.
    ///
    /// # Errors
    /// [`coverage_principle_core::Code::InvalidOption`] for values out of their range.
    pub fn new(options: &CoarseRateOptions) -> Result<Self> {
        check_count("responses", options.responses, 1, 1_000_000_000)?;
        check_count("dim", options.dim, 2, 1_000_000)?;
        let (n, d) = (options.responses as f64, options.dim as f64);
        let least = (5.0 * n).ln();
        let bound = options.bound.unwrap_or(least);
        check_real("bound", bound, 0.0, 300.0)?;
        if bound < least {
            return Err(Error::option("bound", format!("bound must be at least log 5n = {least}, not {bound}.")));
        }
        let total = (d - 1.0 + 4.0 * n).ln();
        let log_probs = [(4.0 * n).ln() - total, -total];
        let mut row = vec![log_probs[1]; options.dim as usize];
        row[0] = log_probs[0];
        let policy = TokenTable::identical(row.len(), 1, row)?;
        let data = DataDistribution::new(PromptWeights::Uniform(1), Arc::new(policy), None)?;
        let size = (4.0 * n).ln() / (2.0 * bound);
        let mut theta = vec![-size; options.dim as usize];
        theta[0] = size;
        Ok(Self { options: options.clone(), bound, log_probs, theta, data })
    }

    /// E of the mass of the unseen tokens: what Cov_N of the MLE is at least, 1 < N ≤ e^B.
    #[must_use]
    pub fn expected_missing_mass(&self) -> f64 {
        let rare = self.log_probs[1].exp();
        (self.options.dim - 1) as f64 * rare * (self.options.responses as f64 * (-rare).ln_1p()).exp()
    }

    /// The MLE from how many tokens were seen how often: `seen` lists (token's count, how many tokens have it), the
    /// counts positive; the rest of the d tokens is unseen. Returns its log-probabilities.
    ///
    /// With logits in [−B, B] unseen tokens go to −B, seen ones to log(c·Z/n) or to B where that is beyond; B ≥ log 5n
    /// keeps all seen ones above −B. If all tokens are seen, the MLE is the empirical distribution.
    #[must_use]
    pub fn mle(&self, seen: &[(u64, u64)]) -> FittedCounts {
        let n = self.options.responses as f64;
        let unseen = self.options.dim - seen.iter().map(|&(_, tokens)| tokens).sum::<u64>();
        if unseen == 0 {
            return FittedCounts { log_normalizer: 0.0, at_top: f64::INFINITY, log_unseen: f64::NEG_INFINITY, n };
        }
        let mut by_count = seen.to_vec();
        by_count.sort_unstable_by(|a, b| b.cmp(a));
        // The tokens of the greatest counts go to B, as many as it takes for the rest to stay within: with `top` of
        // them, Z·(share of the rest) + top·e^B + unseen·e^−B = Z.
        let (mut top, mut share) = (0.0, 1.0);
        let mut log_normalizer = self.bound;
        let mut at_top = f64::INFINITY;
        for &(count, tokens) in &by_count {
            if (count as f64 / n).ln() + log_normalizer < self.bound && top > 0.0 {
                break;
            }
            top += tokens as f64;
            share -= (count * tokens) as f64 / n;
            at_top = count as f64;
            let clamped = top + unseen as f64 * (-2.0 * self.bound).exp();
            log_normalizer = self.bound + clamped.ln() - (1.0 - share.max(0.0)).ln();
        }
        FittedCounts { log_normalizer: log_normalizer - self.bound, at_top, log_unseen: -2.0 * self.bound, n }
    }

    fn measures(&self, seen: &[(u64, u64)], first: u64, budgets: &Ratios) -> (f64, Vec<f64>) {
        let fitted = self.mle(seen);
        let rare_seen = |&(count, tokens): &(u64, u64)| (count, tokens - u64::from(count == first));
        let unseen = self.options.dim - seen.iter().map(|&(_, tokens)| tokens).sum::<u64>() - u64::from(first == 0);
        // (mass, log ratio) of token 1, of the rare tokens by count, and of the unseen rare tokens.
        let rare = self.log_probs[1];
        let ratios: Vec<(f64, f64)> =
            std::iter::once((self.log_probs[0].exp(), self.log_probs[0] - fitted.log_prob(first)))
                .chain(
                    seen.iter()
                        .map(rare_seen)
                        .chain([(0, unseen)])
                        .filter(|&(_, tokens)| tokens > 0)
                        .map(|(count, tokens)| (tokens as f64 * rare.exp(), rare - fitted.log_prob(count))),
                )
                .collect();
        let kl = ratios.iter().map(|(mass, ratio)| mass * ratio).sum::<f64>().max(0.0);
        let cov = |&log_n: &f64| ratios.iter().map(|&(mass, ratio)| mass * covered(ratio, log_n)).sum();
        (kl, budgets.log_n().iter().map(cov).collect())
    }
}

/// A maximum-likelihood fit to counts: the probability of a token depends on its count alone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FittedCounts {
    /// log Z − B.
    log_normalizer: f64,
    /// Counts from here on have the logit B.
    at_top: f64,
    /// Logit of the unseen tokens, minus B.
    log_unseen: f64,
    n: f64,
}

impl FittedCounts {
    /// log π̂ of a token that was seen `count` times.
    #[must_use]
    pub fn log_prob(&self, count: u64) -> f64 {
        let count = count as f64;
        if count == 0.0 {
            self.log_unseen - self.log_normalizer
        } else if count >= self.at_top {
            -self.log_normalizer
        } else {
            (count / self.n).ln()
        }
    }
}

/// (count, how many have it) of the positive ones among `counts`.
fn histogram(counts: &mut [u64]) -> Vec<(u64, u64)> {
    counts.sort_unstable();
    counts.chunk_by(|a, b| a == b).filter(|same| same[0] > 0).map(|same| (same[0], same.len() as u64)).collect()
}

impl Instance for CoarseRate {
    fn describe(&self) -> Description {
        let expected = self.expected_missing_mass();
        let scaling = "Cov_N ≥ c·d/n for every N ≤ e^B: at least half the expected mass of unseen tokens";
        let flat = "Cov_N does not fall with N up to e^B: the tokens counted are those never seen";
        Description {
            name: "prop-4.1a",
            title: "The coarse rate of maximum likelihood",
            source: "Proposition 4.1(a)",
            shows: "Cov_N of the MLE is of order d/n for every N up to e^B",
            options: plain(&CoarseRateOptions { bound: Some(self.bound), ..self.options.clone() }),
            derived: named(&[
                ("expectedMissingMass", expected),
                ("piOfFirst", self.log_probs[0].exp()),
                ("piOfOther", self.log_probs[1].exp()),
                ("greatestN", self.bound.min(700.0).exp()),
            ]),
            prompts: Some(1),
            vocabulary: self.options.dim as usize,
            horizon: 1,
            estimators: vec!["mle"],
            conditions: vec![Condition::new("d ≤ n", self.options.dim <= self.options.responses)],
            claims: vec![
                Claim::new("Proposition 4.1(a)", Quantity::Cov, Relation::AtLeast, scaling)
                    .of("mle")
                    .at(self.bound.min(700.0).exp())
                    .value(0.5 * expected)
                    .with_probability(0.5)
                    .like("d", 1.0)
                    .like("n", -1.0),
                Claim::new("Proposition 4.1(a)", Quantity::Cov, Relation::Scales, flat).of("mle").like("log N", 0.0),
            ],
        }
    }

    fn data(&self) -> &DataDistribution {
        &self.data
    }

    fn class(&self) -> Result<ModelClass> {
        let mut rows = SparseRows::default();
        for token in 0..self.options.dim {
            rows.add(token as u32, self.bound);
            rows.end_row();
        }
        let dim = self.options.dim as usize;
        let features = SparseTableFeatures::new(Layout::Prompt { prompts: 1 }, dim, dim, vec![rows], None)?;
        Ok(ModelClass::Linear(LinearClass {
            features: Arc::new(features),
            constraint: Constraint::Box { bound: 1.0 },
            start: vec![0.0; dim],
        }))
    }

    fn theta_star(&self) -> Option<&[f64]> {
        Some(&self.theta)
    }

    fn trial(&self, budgets: &Ratios, stream: &mut Stream) -> Result<Vec<Estimate>> {
        let n = self.options.responses;
        let first = draw_binomial(n, self.log_probs[0].exp(), stream);
        let mut counts = vec![0; self.options.dim as usize];
        for _ in first..n {
            counts[1 + stream.below(self.options.dim - 1) as usize] += 1;
        }
        let unseen = counts[1..].iter().filter(|&&count| count == 0).count();
        counts[0] = first;
        let seen = histogram(&mut counts);
        let (kl, cov) = self.measures(&seen, first, budgets);
        let details = named(&[("unseen", unseen as f64), ("first", first as f64)]);
        Ok(vec![Estimate { estimator: "mle", kl, cov, details }])
    }
}

#[cfg(test)]
mod tests {
    use coverage_principle_core::linear::Model;
    use coverage_principle_core::random::Purpose;

    use super::*;
    use crate::tests::{enumerated, log_probs_of_tokens};

    fn instance(responses: u64, dim: u64) -> CoarseRate {
        CoarseRate::new(&CoarseRateOptions { responses, dim, bound: None }).unwrap()
    }

    fn model(instance: &CoarseRate, theta: &[f64]) -> Model {
        let ModelClass::Linear(class) = instance.class().unwrap() else { panic!("linear") };
        Model::new(class.features, theta).unwrap()
    }

    #[test]
    fn theta_star_is_the_data_distribution() {
        let instance = instance(20, 7);
        let found = log_probs_of_tokens(&model(&instance, instance.theta_star().unwrap()), 0);
        let expected = log_probs_of_tokens(&**instance.data().policy(), 0);
        assert!(found.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-13));
        assert!((expected[0].exp() - 80.0 / 86.0).abs() < 1e-15 && (expected[6].exp() - 1.0 / 86.0).abs() < 1e-15);
    }

    /// Against projected gradient ascent, whose Frank–Wolfe gap certifies it.
    #[test]
    fn the_mle_is_optimal_and_its_measures_are_exact() {
        for counts in [[17u64, 2, 1, 0, 0], [5, 5, 5, 5, 0], [9, 11, 0, 0, 0], [10, 4, 3, 2, 1], [0, 0, 0, 0, 20]] {
            let instance = instance(20, 5);
            let seen = histogram(&mut counts.clone());
            let fitted = instance.mle(&seen);
            let log_probs: Vec<f64> = counts.iter().map(|&count| fitted.log_prob(count)).collect();
            assert!((log_probs.iter().map(|value| value.exp()).sum::<f64>() - 1.0).abs() < 1e-12, "{counts:?}");
            // θ from the log-probabilities, shifted so that the greatest logit is B (or centred if all are seen).
            let greatest = log_probs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let theta: Vec<f64> = log_probs.iter().map(|value| (value - greatest) / instance.bound + 1.0).collect();
            let constraint = Constraint::Box { bound: 1.0 };
            assert!(constraint.contains(&theta), "{theta:?}");
            let slope: Vec<f64> = counts
                .iter()
                .zip(&log_probs)
                .map(|(&count, value)| instance.bound * (count as f64 - 20.0 * value.exp()))
                .collect();
            assert!(constraint.gap(&theta, &slope).unwrap() < 1e-10, "{counts:?} {slope:?}");

            let budgets = Ratios::new(&[1.3, 2.0, 40.0, 99.0]).unwrap();
            let (kl, cov) = instance.measures(&seen, counts[0], &budgets);
            let model = model(&instance, &theta);
            for (&log_n, &cov) in budgets.log_n().iter().zip(&cov) {
                let expected = enumerated(instance.data(), &model, log_n);
                assert!((kl - expected.0).abs() < 1e-12 && (cov - expected.1).abs() < 1e-12, "{counts:?}");
            }
        }
    }

    #[test]
    fn missing_mass_is_of_order_d_over_n() {
        let instance = instance(1000, 200);
        let budgets = Ratios::new(&[2.0, 64.0, instance.bound.exp() * (1.0 - 1e-12)]).unwrap();
        let mut stream = Stream::new(4, Purpose::Data, 0);
        let trials = 400;
        let mut mean = 0.0;
        for _ in 0..trials {
            let estimate = instance.trial(&budgets, &mut stream).unwrap().remove(0);
            let missing = estimate.details["unseen"] * instance.log_probs[1].exp();
            assert!((estimate.cov[2] - missing).abs() < 1e-12 && estimate.cov[0] >= estimate.cov[2]);
            mean += missing / f64::from(trials);
        }
        assert!((mean / instance.expected_missing_mass() - 1.0).abs() < 0.01);
        assert!(instance.expected_missing_mass() > 0.15 * 200.0 / 1000.0);
        assert_eq!(instance.data().policy().support(0), Some(200));
    }

    #[test]
    fn a_small_bound_is_refused() {
        let options = CoarseRateOptions { bound: Some(3.0), ..CoarseRateOptions::default() };
        assert_eq!(CoarseRate::new(&options).unwrap_err().place.field.as_deref(), Some("bound"));
    }
}
