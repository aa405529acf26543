//! Hidden signs (Proposition I.1): the dependence on the inherent variance is real for every proper algorithm.

use std::collections::BTreeMap;
use std::sync::Arc;

use coverage_principle_core::error::{Error, Result};
use coverage_principle_core::linear::features::{Layout, SparseRows, SparseTableFeatures};
use coverage_principle_core::linear::train::{
    Procedure, StepSize, TrainOptions, TrainTask, Trainer, TrainingData, Validation,
};
use coverage_principle_core::linear::{Constraint, DataDistribution, FeatureMap, Policy, PromptWeights};
use coverage_principle_core::parallel::Workers;
use coverage_principle_core::progress::Control;
use coverage_principle_core::random::{Purpose, Stream};
use coverage_principle_core::statistics::draw_binomial;
use coverage_principle_core::tournament::Ratios;
use serde::{Deserialize, Serialize};

use super::ball_logits::{Throws, mle_on_ball};
use super::instance::{
    Claim, Condition, Description, Estimate, Instance, LinearClass, ModelClass, Quantity, Relation, check_count,
    check_real, named, plain,
};
use super::token_table::TokenTable;
use coverage_principle_core::profile::tail::{
    BinaryToken, binary_kl, identical_tokens, independent_tokens, log_bernoulli,
};

/// Options of [`HiddenSigns`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HiddenSignsOptions {
    /// n, how many responses the estimators see: 1 to 10^9. Default 1000.
    pub responses: u64,
    /// H = d, tokens of a response: 1 to 4096. Default 64.
    pub horizon: u64,
    /// The N of the construction. Above 1. Default 4.
    #[serde(rename = "N")]
    pub n: f64,
    /// B, the scale of the features; at least √(4 log N/c1), so that θ* is in the unit ball. Default: twice that.
    pub bound: Option<f64>,
    /// c0 of μ(+) = min{1, c0/(nB²ε²)}. Default 1.
    pub c0: f64,
    /// c1 of ε = √(4 log N/(c1·H·B²)). Default 1/8.
    pub c1: f64,
    /// Factor on the step sizes that Proposition 5.1 and Theorems 6.2 and 5.1 choose for T = n; with it SGD, truncated SGD
    /// and normalized SGD (with Theorem 5.1's λ) are trained, too. Positive.
    pub step_factor: Option<f64>,
    /// Seed of the signs. Default 0.
    pub seed: u64,
}

impl Default for HiddenSignsOptions {
    fn default() -> Self {
        Self { responses: 1000, horizon: 64, n: 4.0, bound: None, c0: 1.0, c1: 0.125, step_factor: None, seed: 0 }
    }
}

/// d = H, X = {+, −}, tokens {0, 1}, φ(−, ·) = 0, φ(+, y_{1:h}) = B·y_h·e_h, θ* = ε·(random signs),
/// ε = √(4 log N/(c1·H·B²)), μ(+) = min{1, c0/(nB²ε²)}, Θ the unit ball.
///
/// Shows that E Cov_N ≥ c·min{1, H/(n log N)} for every proper algorithm: the prompt + comes too rarely to tell the H
/// signs, and not knowing them costs log N altogether. Here σ*² ≍ H·B²·μ(+)/4, so the variance in Theorem 4.2 cannot
/// be done without.
///
/// Prompt 0 is −, prompt 1 is +. Estimators: the MLE, and the posterior mean under random signs, which knows ε and is
/// the best there is for KL; the untrained θ = 0; with `stepFactor` SGD, truncated SGD, which is told π_D's token
/// probabilities, and normalized SGD, at a uniformly drawn iterate: the mean is their average over iterates.
#[derive(Clone, Debug)]
pub struct HiddenSigns {
    options: HiddenSignsOptions,
    bound: f64,
    theta: Vec<f64>,
    /// μ(+).
    plus: f64,
    /// Bε, the size of the log odds.
    logit: f64,
    features: Arc<dyn FeatureMap>,
    data: DataDistribution,
    /// The responses to + alone.
    plus_data: Arc<DataDistribution>,
}

impl HiddenSigns {
    /// The instance.
    ///
    /// # Errors
    /// [`coverage_principle_core::Code::InvalidOption`] for values out of their range.
    pub fn new(options: &HiddenSignsOptions) -> Result<Self> {
        check_count("responses", options.responses, 1, 1_000_000_000)?;
        check_count("horizon", options.horizon, 1, 4096)?;
        check_real("N", options.n, 1.0, 1e100)?;
        check_real("c0", options.c0, 0.0, 1e6)?;
        check_real("c1", options.c1, 0.0, 1e6)?;
        if let Some(factor) = options.step_factor {
            check_real("stepFactor", factor, 0.0, 1e12)?;
        }
        let log_n = Ratios::new(&[options.n])?.log_n()[0];
        let least = (4.0 * log_n / options.c1).sqrt();
        let bound = options.bound.unwrap_or(2.0 * least);
        if !(bound.is_finite() && bound >= least) {
            return Err(Error::option(
                "bound",
                format!("bound must be at least √(4 log N/c1) = {least}, for θ* to be in the unit ball, not {bound}."),
            ));
        }
        let logit = (4.0 * log_n / (options.c1 * options.horizon as f64)).sqrt();
        let plus = (options.c0 / (options.responses as f64 * logit * logit)).min(1.0);
        let mut stream = Stream::new(options.seed, Purpose::Problem, 0);
        let theta: Vec<f64> = (0..options.horizon).map(|_| stream.sign() * logit / bound).collect();
        let half = -std::f64::consts::LN_2;
        let mut log_probs = vec![half; 2 * theta.len()];
        log_probs.extend(theta.iter().flat_map(|&theta| log_bernoulli(theta.signum() * logit)));
        let policy: Arc<dyn Policy> = Arc::new(TokenTable::by_position(2, theta.len(), log_probs)?);
        let with_plus =
            |plus: f64| DataDistribution::new(PromptWeights::new(&[1.0 - plus, plus])?, policy.clone(), None);
        let (data, plus_data) = (with_plus(plus)?, Arc::new(with_plus(1.0)?));
        let features = Arc::new(features(theta.len(), bound)?);
        Ok(Self { options: options.clone(), bound, theta, plus, logit, features, data, plus_data })
    }

    /// μ(+).
    #[must_use]
    pub fn plus(&self) -> f64 {
        self.plus
    }

    /// σ*².
    #[must_use]
    pub fn inherent_variance(&self) -> f64 {
        let p = 1.0 / (1.0 + (-self.logit).exp());
        self.plus * self.options.horizon as f64 * self.bound.powi(2) * p * (1.0 - p)
    }

    /// η of SGD (Proposition 5.1), of truncated SGD (Theorem 6.2) and of normalized SGD (Theorem 5.1).
    #[must_use]
    pub fn step_sizes(&self) -> [f64; 3] {
        let (steps, horizon) = (self.options.responses as f64, self.options.horizon as f64);
        let (square, noise, log_n) = (
            self.bound.powi(2),
            steps * self.inherent_variance(),
            coverage_principle_core::statistics::log_n(self.options.n),
        );
        [
            (1.0 / (2.0 * horizon * square)).min((2.0 / noise).sqrt()),
            (1.0 / ((64.0 * log_n + 2.0) * square)).min(1.0 / (noise * log_n).sqrt()),
            (1.0 / (128.0 * self.bound)).min((log_n / noise).powf(0.25)),
        ]
    }

    /// θ after `seen` responses to + on which `procedure` stepped, as log odds; responses to − have no gradient.
    fn train(&self, procedure: Procedure, step_size: f64, seen: u64, stream: &mut Stream) -> Result<Vec<f64>> {
        let seed = stream.next_u64();
        if seen == 0 {
            return Ok(vec![0.0; self.theta.len()]);
        }
        let task = TrainTask {
            before: Vec::new(),
            features: self.features.clone(),
            data: TrainingData::Fresh(self.plus_data.clone()),
            teacher: None,
            validation: Validation::default(),
        };
        let options = TrainOptions {
            procedure,
            step_size: StepSize::Constant { value: step_size },
            steps: Some(seen),
            n: self.options.n,
            seed,
            ..TrainOptions::default()
        };
        let mut trainer = Trainer::new(task, options)?;
        trainer.run(None, &Workers::sequential(), &Control::new())?;
        Ok(trainer.model()?.theta().iter().map(|value| self.bound * value).collect())
    }

    /// Of the untrained θ = 0: every token is the likelier one of its position with the same probability.
    fn untrained(&self, budgets: &Ratios) -> Estimate {
        let (truth, model) = (log_bernoulli(self.logit), log_bernoulli(0.0));
        let at_minus = |log_n: f64| if log_n <= 0.0 { 1.0 - self.plus } else { 0.0 };
        let cov =
            |&log_n: &f64| self.plus * identical_tokens(self.options.horizon, &truth, &model, log_n) + at_minus(log_n);
        Estimate {
            estimator: "untrained",
            kl: self.plus * self.options.horizon as f64 * binary_kl(truth[1].exp(), model),
            cov: budgets.log_n().iter().map(cov).collect(),
            details: BTreeMap::new(),
        }
    }

    /// The MLE on the unit ball as log odds Bθ̂_h, from the number of ones at each position among `seen` responses to +.
    #[must_use]
    pub fn mle(&self, seen: u64, ones: &[u64]) -> Vec<f64> {
        let coins: Vec<Throws> = ones.iter().map(|&ones| Throws { ones, total: seen }).collect();
        mle_on_ball(&coins, self.bound)
    }

    /// The log odds of the mean of π over the posterior of the signs.
    fn posterior_mean(&self, seen: u64, ones: &[u64]) -> Vec<f64> {
        let p = 1.0 / (1.0 + (-self.logit).exp());
        ones.iter()
            .map(|&ones| {
                // Each one speaks for the sign + with the log odds `logit`, each zero against it.
                let for_plus = 1.0 / (1.0 + (-self.logit * (2.0 * ones as f64 - seen as f64)).exp());
                let one = for_plus * p + (1.0 - for_plus) * (1.0 - p);
                one.ln() - (1.0 - one).ln()
            })
            .collect()
    }

    /// KL and, for each budget, bounds of Cov_N of the model with these log odds at +.
    fn estimate(&self, estimator: &'static str, logits: &[f64], seen: u64, budgets: &Ratios) -> Estimate {
        let mut kl = 0.0;
        let tokens: Vec<BinaryToken> = self
            .theta
            .iter()
            .zip(logits)
            .map(|(theta, &logit)| {
                let (truth, model) = (log_bernoulli(theta.signum() * self.logit), log_bernoulli(logit));
                kl += binary_kl(truth[1].exp(), model);
                BinaryToken { p: truth[1].exp(), if_one: truth[1] - model[1], if_zero: truth[0] - model[0] }
            })
            .collect();
        let brackets = independent_tokens(&tokens, budgets.log_n());
        let at_minus = |log_n: f64| if log_n <= 0.0 { 1.0 - self.plus } else { 0.0 };
        let cov = brackets.iter().zip(budgets.log_n());
        let wrong = self.theta.iter().zip(logits).filter(|&(theta, logit)| theta * logit <= 0.0).count();
        let error = brackets.iter().map(|bracket| self.plus * (bracket.upper - bracket.lower)).fold(0.0, f64::max);
        Estimate {
            estimator,
            kl: self.plus * kl,
            cov: cov.map(|(bracket, &log_n)| self.plus * bracket.value + at_minus(log_n)).collect(),
            details: named(&[("plusSeen", seen as f64), ("wrongSigns", wrong as f64), ("covUncertainty", error)]),
        }
    }
}

/// Estimators that are trained, with `stepFactor`.
const TRAINED: [&str; 3] = ["sgd", "truncated-sgd", "normalized-sgd"];

/// One coordinate a position at +, none at −.
fn features(dim: usize, bound: f64) -> Result<SparseTableFeatures> {
    let blocks = (0..2 * dim)
        .map(|context| {
            let mut rows = SparseRows::default();
            rows.end_row();
            if context >= dim {
                rows.add((context - dim) as u32, bound);
            }
            rows.end_row();
            rows
        })
        .collect();
    SparseTableFeatures::new(Layout::PromptPosition { prompts: 2, horizon: dim }, 2, dim, blocks, None)
}

impl Instance for HiddenSigns {
    fn describe(&self) -> Description {
        let source = "Proposition I.1";
        let text =
            "E Cov_N ≥ c·min{1, H/(n log N)}, of the order of μ(+) = c0·c1·H/(4·n·log N), for every proper algorithm";
        let lower = |estimator| {
            Claim::new(source, Quantity::Cov, Relation::AtLeast, text)
                .of(estimator)
                .at(self.options.n)
                .like("H", 1.0)
                .like("n", -1.0)
                .like("log N", -1.0)
        };
        let mut estimators = vec!["mle", "posterior-mean", "untrained"];
        if self.options.step_factor.is_some() {
            estimators.extend(TRAINED);
        }
        Description {
            name: "prop-i.1",
            title: "Hidden signs",
            source,
            shows: "E Cov_N of every proper algorithm is of order H/(n log N): the variance dependence is real",
            options: plain(&HiddenSignsOptions { bound: Some(self.bound), ..self.options.clone() }),
            derived: named(&[
                ("epsilon", self.logit / self.bound),
                ("logit", self.logit),
                ("plus", self.plus),
                ("inherentVariance", self.inherent_variance()),
                (
                    "horizonOverNLogN",
                    self.options.horizon as f64
                        / (self.options.responses as f64 * coverage_principle_core::statistics::log_n(self.options.n)),
                ),
            ]),
            prompts: Some(2),
            vocabulary: 2,
            horizon: self.theta.len(),
            estimators,
            conditions: vec![
                Condition::new("μ(+) < 1, so that the scaling is not cut off", self.plus < 1.0),
                Condition::new("Bε ≤ 1, so that a token tells little of its sign", self.logit <= 1.0),
            ],
            claims: vec![lower("mle"), lower("posterior-mean")],
        }
    }

    fn data(&self) -> &DataDistribution {
        &self.data
    }

    fn class(&self) -> Result<ModelClass> {
        Ok(ModelClass::Linear(LinearClass {
            features: self.features.clone(),
            constraint: Constraint::Ball { radius: 1.0 },
            start: vec![0.0; self.theta.len()],
        }))
    }

    fn theta_star(&self) -> Option<&[f64]> {
        Some(&self.theta)
    }

    fn trial(&self, budgets: &Ratios, stream: &mut Stream) -> Result<Vec<Estimate>> {
        let drawn = if self.options.step_factor.is_some() { stream.below(self.options.responses) } else { 0 };
        let before = draw_binomial(drawn, self.plus, stream);
        let seen = before + draw_binomial(self.options.responses - drawn, self.plus, stream);
        let p = 1.0 / (1.0 + (-self.logit).exp());
        let ones: Vec<u64> = self
            .theta
            .iter()
            .map(|theta| draw_binomial(seen, if *theta > 0.0 { p } else { 1.0 - p }, stream))
            .collect();
        let mut estimates = vec![
            self.estimate("mle", &self.mle(seen, &ones), seen, budgets),
            self.estimate("posterior-mean", &self.posterior_mean(seen, &ones), seen, budgets),
            self.untrained(budgets),
        ];
        if let Some(factor) = self.options.step_factor {
            for (name, step_size) in TRAINED.into_iter().zip(self.step_sizes().map(|step_size| factor * step_size)) {
                let procedure = match name {
                    "sgd" => Procedure::Sgd,
                    "truncated-sgd" => Procedure::TruncatedSgd { threshold: None },
                    _ => Procedure::NormalizedSgd { lambda: Some(self.options.n.ln() / (16.0 * step_size)) },
                };
                let logits = self.train(procedure, step_size, before, stream)?;
                estimates.push(self.estimate(name, &logits, before, budgets));
            }
        }
        Ok(estimates)
    }
}

#[cfg(test)]
mod tests {
    use coverage_principle_core::linear::Model;

    use super::*;
    use crate::tests::enumerated;

    fn instance(responses: u64, horizon: u64) -> HiddenSigns {
        HiddenSigns::new(&HiddenSignsOptions { responses, horizon, ..HiddenSignsOptions::default() }).unwrap()
    }

    #[test]
    fn closed_forms_agree_with_enumeration() {
        let instance = instance(2, 6);
        let ModelClass::Linear(class) = instance.class().unwrap() else { panic!("linear") };
        let model = |theta: &[f64]| Model::new(class.features.clone(), theta).unwrap();
        assert!(enumerated(instance.data(), &model(&instance.theta), 9.0).0.abs() < 1e-13);
        let logits = [0.3, -1.0, 2.0, 0.0, -0.4, 5.0];
        let theta: Vec<f64> = logits.iter().map(|logit| logit / instance.bound).collect();
        let budgets = Ratios::new(&[1.1, 2.0, 4.0, 50.0]).unwrap();
        let estimate = instance.estimate("mle", &logits, 1, &budgets);
        for (&log_n, cov) in budgets.log_n().iter().zip(&estimate.cov) {
            let (kl, expected) = enumerated(instance.data(), &model(&theta), log_n);
            assert!((estimate.kl - kl).abs() < 1e-12 && (cov - expected).abs() < 1e-12);
        }
        let untrained = instance.untrained(&budgets);
        let zero = model(&[0.0; 6]);
        for (&log_n, cov) in budgets.log_n().iter().zip(&untrained.cov) {
            let (kl, expected) = enumerated(instance.data(), &zero, log_n);
            assert!((untrained.kl - kl).abs() < 1e-12 && (cov - expected).abs() < 1e-12);
        }
    }

    #[test]
    fn the_mle_is_certified_by_its_gap() {
        let instance = instance(100, 5);
        let constraint = Constraint::Ball { radius: 1.0 };
        for (seen, ones) in [(7, [0, 7, 3, 4, 1]), (1, [1, 0, 0, 1, 1]), (40, [19, 20, 21, 18, 25]), (0, [0; 5])] {
            let logits = instance.mle(seen, &ones);
            let theta: Vec<f64> = logits.iter().map(|logit| logit / instance.bound).collect();
            let slope: Vec<f64> = logits
                .iter()
                .zip(ones)
                .map(|(&logit, ones)| instance.bound * (ones as f64 - seen as f64 * log_bernoulli(logit)[1].exp()))
                .collect();
            assert!(constraint.contains(&theta), "{theta:?}");
            let gap = constraint.gap(&theta, &slope).unwrap();
            assert!(gap < 1e-9, "{gap} {theta:?}");
        }
    }

    #[test]
    fn cov_scales_like_the_horizon_for_the_best_algorithm_too() {
        let budgets = Ratios::new(&[4.0]).unwrap();
        let mut of_horizon = Vec::new();
        for horizon in [64, 256] {
            let instance = instance(10_000, horizon);
            let mut stream = Stream::new(6, Purpose::Data, 0);
            let trials = 20;
            let mut means = [0.0; 2];
            for _ in 0..trials {
                for (mean, estimate) in means.iter_mut().zip(instance.trial(&budgets, &mut stream).unwrap()) {
                    *mean += estimate.cov[0] / f64::from(trials);
                    assert!(estimate.cov[0] <= instance.plus() * 1.000_001);
                }
            }
            of_horizon.push(means);
        }
        for estimator in 0..2 {
            let ratio = of_horizon[1][estimator] / of_horizon[0][estimator];
            assert!((2.8..5.6).contains(&ratio), "{of_horizon:?}");
        }
    }

    /// With many responses to + both learn the signs, averaged over iterates; the untrained does not.
    #[test]
    fn gradient_methods_learn_the_signs() {
        let options =
            HiddenSignsOptions { responses: 4000, horizon: 32, c0: 1e6, step_factor: Some(10.0), ..Default::default() };
        let instance = HiddenSigns::new(&options).unwrap();
        let budgets = Ratios::new(&[4.0]).unwrap();
        let mut stream = Stream::new(3, Purpose::Data, 0);
        let mut means = [0.0; 5];
        for _ in 0..10 {
            for (mean, estimate) in means.iter_mut().zip(instance.trial(&budgets, &mut stream).unwrap()) {
                *mean += estimate.cov[0] / 10.0;
            }
        }
        assert!(means[2] > 0.5 && means[3] < 0.3 && means[4] < 0.3, "{means:?}");
    }

    #[test]
    fn a_small_bound_is_refused() {
        let options = HiddenSignsOptions { bound: Some(1.0), ..HiddenSignsOptions::default() };
        assert_eq!(HiddenSigns::new(&options).unwrap_err().place.field.as_deref(), Some("bound"));
    }
}
