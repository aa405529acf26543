//! Rare prompts, each with a direction of its own: what the rates of §4 and Theorem 6.1 are measured on.

mod learners;
mod options;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use coverage_principle_core::error::{Error, Result};
use coverage_principle_core::linear::features::{Layout, SparseRows, SparseTableFeatures};
use coverage_principle_core::linear::{Constraint, DataDistribution, FeatureMap, PromptWeights};
use coverage_principle_core::order;
use coverage_principle_core::random::{Purpose, Stream};
use coverage_principle_core::statistics::draw_binomial;
use coverage_principle_core::tournament::Ratios;
use learners::{Learner, TestTime, Visit};

use super::ball_logits::{Throws, mle_on_ball};
use super::instance::{
    Claim, Condition, Description, Estimate, Instance, LinearClass, ModelClass, Quantity, Relation, check_count,
    check_real, named, plain,
};
use super::token_table::TokenTable;
use coverage_principle_core::profile::tail::{identical_tokens, log_bernoulli};

pub use options::RarePromptsOptions;

/// X = {0, 1, …, d}, μ(x) = ρ/n for x ≥ 1, tokens ±1, i.i.d. given the prompt, φ(0, ·) = 0, φ(x, y_{1:h}) = B·y_h·e_x,
/// Θ the unit ball, θ*_x = ±z/(2B). Proposition 3.2 is d = 1, ρ = ½, z = 2B.
///
/// Shows what a prompt seen a few times teaches. Whoever has not seen it has no better choice than θ_x = 0 and pays KL
/// in proportion to H; Cov_N is at most μ(x ≥ 1) = dρ/n. With N, σ*² = (dρ/n)·H·B²·4p(1 − p), p = σ(z), and B fixed H may
/// still grow: then z has to. Test-time training learns the prompt while it responds, and pays much less.
///
/// Prompt 0 is the common one; token 0 stands for −1 and token 1 for +1. Estimators: the MLE and the untrained θ = 0;
/// with `stepFactor`, SGD and token SGD at a uniformly drawn iterate, exactly, which is their average over iterates, and
/// token SGD's with test-time training by Monte Carlo. The detail `regretGap` is how far, relatively, the KL of π^TTT
/// along a response is from what token SGD pays on it from the same θ: they are the same, which is why averaging over
/// iterates proves Theorem 6.1.
#[derive(Clone, Debug)]
pub struct RarePrompts {
    options: RarePromptsOptions,
    bound: f64,
    signs: Vec<f64>,
    theta: Vec<f64>,
    /// σ(z), the probability of the likelier token.
    likelier: f64,
    /// log-probabilities of the less likely and the likelier token.
    log_probs: [f64; 2],
    features: Arc<dyn FeatureMap>,
    data: DataDistribution,
}

impl RarePrompts {
    /// The instance.
    ///
    /// # Errors
    /// [`coverage_principle_core::Code::InvalidOption`] for values out of their range.
    pub fn new(options: &RarePromptsOptions) -> Result<Self> {
        check_count("responses", options.responses, 1, 1_000_000_000)?;
        check_count("horizon", options.horizon, 1, 1_000_000)?;
        check_count("prompts", options.prompts, 1, 4096)?;
        check_count("paths", options.paths, 1, 1_000_000)?;
        check_real("logit", options.logit, 0.0, 30.0)?;
        check_real("visits", options.visits, 0.0, options.responses as f64 / options.prompts as f64)?;
        if let Some(factor) = options.step_factor {
            check_real("stepFactor", factor, 0.0, 1e12)?;
        }
        let dim = options.prompts as usize;
        let least = (0.5 * options.logit * (dim as f64).sqrt()).max(1.0);
        let bound = options.bound.unwrap_or(least);
        if !(bound.is_finite() && bound >= least) {
            return Err(Error::option(
                "bound",
                format!("bound must be at least z√d/2 = {least}, for θ* to be in the unit ball, and 1, not {bound}."),
            ));
        }
        let mut stream = Stream::new(options.seed, Purpose::Problem, 0);
        Self::with_signs(options, bound, (0..dim).map(|_| stream.sign()).collect())
    }

    /// The instance whose θ* has these signs, its options checked.
    pub(super) fn with_signs(options: &RarePromptsOptions, bound: f64, signs: Vec<f64>) -> Result<Self> {
        let dim = signs.len();
        // A hair inside the ball where it is the least that will do.
        let size = (options.logit / (2.0 * bound)).min((1.0 - 1e-15) / (dim as f64).sqrt());
        let half = -std::f64::consts::LN_2;
        let mut log_probs = vec![half; 2];
        log_probs.extend(signs.iter().flat_map(|sign| log_bernoulli(sign * options.logit)));
        let policy = TokenTable::identical(2, options.horizon as usize, log_probs)?;
        let rare = options.visits / options.responses as f64;
        let mut mu = vec![rare; dim + 1];
        mu[0] = (1.0 - rare * dim as f64).max(0.0);
        let data = DataDistribution::new(PromptWeights::new(&mu)?, Arc::new(policy), None)?;
        let log_probs = log_bernoulli(options.logit);
        Ok(Self {
            options: options.clone(),
            bound,
            theta: signs.iter().map(|sign| sign * size).collect(),
            signs,
            likelier: log_probs[1].exp(),
            log_probs,
            features: Arc::new(features(dim, bound)?),
            data,
        })
    }

    /// μ(x ≥ 1).
    #[must_use]
    pub fn rare(&self) -> f64 {
        self.options.visits * self.options.prompts as f64 / self.options.responses as f64
    }

    /// σ*².
    #[must_use]
    pub fn inherent_variance(&self) -> f64 {
        let of_token = 4.0 * self.bound * self.bound * self.likelier * (1.0 - self.likelier);
        self.rare() * self.options.horizon as f64 * of_token
    }

    /// KL of a token of a rare prompt from log-probabilities of the less likely and the likelier token.
    fn token_kl(&self, log_q: [f64; 2]) -> f64 {
        let [log_p, log_other] = [self.log_probs[1], self.log_probs[0]];
        ((1.0 - self.likelier) * (log_other - log_q[0]) + self.likelier * (log_p - log_q[1])).max(0.0)
    }

    /// KL and Cov_N of log odds `logits` of the likelier token of each rare prompt.
    fn estimate(&self, estimator: &'static str, logits: &[f64], budgets: &Ratios) -> Estimate {
        let each = self.rare() / logits.len() as f64;
        let mut sorted = logits.to_vec();
        order::ascending(&mut sorted);
        let (mut kl, mut cov) = (0.0, vec![0.0; budgets.len()]);
        for same in sorted.chunk_by(|a, b| a == b) {
            let mass = each * same.len() as f64;
            let log_q = log_bernoulli(same[0]);
            kl += mass * self.options.horizon as f64 * self.token_kl(log_q);
            for (cov, &log_n) in cov.iter_mut().zip(budgets.log_n()) {
                *cov += mass * identical_tokens(self.options.horizon, &self.log_probs, &log_q, log_n);
            }
        }
        for (cov, &log_n) in cov.iter_mut().zip(budgets.log_n()) {
            *cov += if log_n <= 0.0 { 1.0 - self.rare() } else { 0.0 };
        }
        Estimate { estimator, kl, cov, details: BTreeMap::new() }
    }

    /// The MLE on the unit ball, as log odds of the likelier token, from how often it came up and of how many tokens.
    fn mle(&self, counts: &[Throws]) -> Vec<f64> {
        mle_on_ball(counts, 2.0 * self.bound)
    }

    /// The KL of whoever has not seen any rare prompt and chooses θ = 0.
    #[must_use]
    pub fn untrained_kl(&self) -> f64 {
        self.rare() * self.options.horizon as f64 * self.token_kl(log_bernoulli(0.0))
    }

    /// η of SGD (Proposition 5.1) and of token SGD (Theorem 6.1).
    #[must_use]
    pub fn step_sizes(&self) -> [f64; 2] {
        let (steps, horizon) = (self.options.responses as f64, self.options.horizon as f64);
        let (square, variance) = (self.bound * self.bound, self.inherent_variance());
        [
            (1.0 / (2.0 * horizon * square)).min((2.0 / (steps * variance)).sqrt()),
            (1.0 / (2.0 * square)).min(1.0 / (variance * steps).sqrt()),
        ]
    }

    /// How many of `responses` are to rare prompts.
    fn seen(&self, responses: u64, stream: &mut Stream) -> u64 {
        draw_binomial(responses, self.rare().min(1.0), stream)
    }

    /// The MLE alone: counts are enough.
    fn trial_of_counts(&self, budgets: &Ratios, stream: &mut Stream) -> Vec<Estimate> {
        let mut counts = vec![Throws::default(); self.theta.len()];
        for _ in 0..self.seen(self.options.responses, stream) {
            #[expect(clippy::cast_possible_truncation, reason = "there are at most 4096 prompts")]
            let of_prompt = &mut counts[stream.below(self.options.prompts) as usize];
            of_prompt.total += self.options.horizon;
        }
        for of_prompt in &mut counts {
            of_prompt.ones = draw_binomial(of_prompt.total, self.likelier, stream);
        }
        vec![self.estimate("mle", &self.mle(&counts), budgets), self.untrained(budgets)]
    }

    /// Of the untrained θ = 0.
    fn untrained(&self, budgets: &Ratios) -> Estimate {
        self.estimate("untrained", &vec![0.0; self.theta.len()], budgets)
    }

    /// All estimators, on the same responses.
    fn trial_of_responses(&self, factor: f64, budgets: &Ratios, stream: &mut Stream) -> Result<Vec<Estimate>> {
        let drawn = stream.below(self.options.responses);
        let before = self.seen(drawn, stream);
        let after = self.seen(self.options.responses - drawn, stream);
        let [of_response, of_token] = self.step_sizes().map(|step_size| factor * step_size);
        let mut counts = vec![Throws::default(); self.theta.len()];
        let (mut sgd, mut token_sgd) = (Learner::new(self), Learner::new(self));
        let mut iterates = None;
        for index in 0..before + after {
            if index == before {
                iterates = Some((sgd.clone(), token_sgd.clone()));
            }
            let visit = Visit::draw(self, stream);
            let of_prompt = &mut counts[visit.prompt];
            of_prompt.total += self.options.horizon;
            of_prompt.ones += visit.count();
            sgd.step(&visit, of_response);
            token_sgd.step_by_token(&visit, of_token);
        }
        let (sgd, token_sgd) = iterates.unwrap_or((sgd, token_sgd));
        let logits = |learner: &Learner<'_>| -> Vec<f64> {
            learner.theta.iter().map(|value| 2.0 * self.bound * value).collect()
        };
        let TestTime { kl, mut cov, regret_gap } = token_sgd.test_time(of_token, budgets.log_n(), stream)?;
        for (cov, &log_n) in cov.iter_mut().zip(budgets.log_n()) {
            *cov += if log_n <= 0.0 { 1.0 - self.rare() } else { 0.0 };
        }
        let details = named(&[("regretGap", regret_gap)]);
        Ok(vec![
            self.estimate("mle", &self.mle(&counts), budgets),
            self.untrained(budgets),
            self.estimate("sgd", &logits(&sgd), budgets),
            self.estimate("token-sgd", &logits(&token_sgd), budgets),
            Estimate { estimator: "test-time", kl, cov, details },
        ])
    }
}

/// One coordinate a rare prompt, none at prompt 0.
fn features(dim: usize, bound: f64) -> Result<SparseTableFeatures> {
    let blocks = (0..=dim)
        .map(|prompt| {
            let mut rows = SparseRows::default();
            for value in [-bound, bound] {
                if prompt > 0 {
                    #[expect(clippy::cast_possible_truncation, reason = "there are at most 4096 prompts")]
                    rows.add((prompt - 1) as u32, value);
                }
                rows.end_row();
            }
            rows
        })
        .collect();
    SparseTableFeatures::new(Layout::Prompt { prompts: dim + 1 }, 2, dim, blocks, Some(bound.max(1.0)))
}

impl Instance for RarePrompts {
    fn describe(&self) -> Description {
        let [of_response, of_token] = self.step_sizes();
        let (visits, responses) = (self.options.visits, self.options.responses as f64);
        let unseen = (responses * (-visits / responses).ln_1p()).exp();
        let mut estimators = vec!["mle", "untrained"];
        if self.options.step_factor.is_some() {
            estimators.extend(["sgd", "token-sgd", "test-time"]);
        }
        Description {
            name: "rare-prompts",
            title: "Rare prompts",
            source: "Proposition 3.2",
            shows: "Cov_N of the MLE is of order d/n at any horizon and its KL grows with the horizon; test-time training does without",
            options: plain(&RarePromptsOptions { bound: Some(self.bound), ..self.options.clone() }),
            derived: named(&[
                ("rare", self.rare()),
                ("likelier", self.likelier),
                ("inherentVariance", self.inherent_variance()),
                ("unseenProbability", unseen),
                ("untrainedKl", self.untrained_kl()),
                ("stepSizeOfResponses", of_response),
                ("stepSizeOfTokens", of_token),
            ]),
            prompts: Some(self.theta.len() + 1),
            vocabulary: 2,
            horizon: self.options.horizon as usize,
            estimators,
            conditions: vec![Condition::new(
                "A token of a rare prompt tells its sign or H tokens together do: H·D_KL(π_D‖θ = 0) ≥ 1",
                self.untrained_kl() >= self.rare(),
            )],
            claims: vec![
                Claim::new(
                    "Proposition 3.2",
                    Quantity::Kl,
                    Relation::AtLeast,
                    "E KL is at least that of θ̂ = 0 on the prompts never seen, dρ/n·(1 − ρ/n)^n·H·D_KL(Ber(σ(z)) ‖ Ber(½))",
                )
                .of("mle")
                .value(unseen * self.untrained_kl())
                .like("H", 1.0)
                .like("n", -1.0),
                Claim::new("Theorem 4.1", Quantity::Cov, Relation::AtMost, "Cov_N ≤ μ(x ≥ 1) = dρ/n for every N > 1")
                    .at(2.0)
                    .value(self.rare())
                    .with_probability(1.0)
                    .by_construction()
                    .like("H", 0.0)
                    .like("n", -1.0)
                    .like("d", 1.0),
            ],
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
        match self.options.step_factor {
            None => Ok(self.trial_of_counts(budgets, stream)),
            Some(factor) => self.trial_of_responses(factor, budgets, stream),
        }
    }
}
