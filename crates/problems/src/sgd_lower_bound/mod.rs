//! Why sequence-level SGD needs the horizon (lower bound of Proposition 5.1): no constant step works for every prompt.

mod construction;
mod options;
mod step_sizes;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use construction::{angle, inherent_variance, log_softmax, oscillating, slow};
use coverage_principle_core::error::{Error, Result};
use coverage_principle_core::linear::features::{Layout, TableFeatures};
use coverage_principle_core::linear::{Constraint, DataDistribution, PromptWeights};
use coverage_principle_core::random::Stream;
use coverage_principle_core::statistics::draw_binomial;
use coverage_principle_core::tournament::Ratios;

use super::instance::{
    Claim, Condition, Description, Estimate, Instance, LinearClass, ModelClass, Quantity, Relation, check_count,
    check_real, named, plain,
};
use super::token_table::TokenTable;
use coverage_principle_core::profile::tail::identical_tokens;

pub use options::{Branch, Rule, SgdLowerBoundOptions};
pub use step_sizes::{StepSizes, StepSizesOptions};

/// d = 2, tokens −1, 0, 1 (by index 0, 1, 2), tokens i.i.d. given the prompt, φ = B·v(x, y_h), Θ the unit ball.
///
/// Oscillating, η ≥ 8/(HB): one prompt, v(0) = (1, 0), v(±1) = (α, ±√(1−α²)), α = ηHB/(2(ηHB−1)), θ* = (1, 0), start
/// at v(1). Responses are all 0, the gradient is HB(v(0) − v(1)), and the step, projected, leads to v(−1), from where
/// the next leads back: Cov_N ≈ 1 for ever.
///
/// Slow, η < 8/(HB): two prompts, φ(+, a) = (b·a, 0), φ(−, a) = (0, b·a), θ* = (½, ½), start at (r − 1/b, ¼) with
/// e^{rb} = H/(4 log N), μ(+) = min{1, BH/(512·e·T·b² log N)}. Near saturation the gradient on + is e^{−bθ_1} of what
/// it could be, and + is rare: θ_1 does not reach r within T steps, so Cov_N ≥ ½·μ(+) ≳ min{1, H/(T log N)}.
///
/// Shows that no constant step works for every prompt; normalisation does, and so does truncation where the teacher's
/// probabilities are known. Only token counts enter the gradient, so a
/// step costs the same at any horizon. Prompt 0 is + (or the only one), prompt 1 is −.
#[derive(Clone, Debug)]
pub struct SgdLowerBound {
    options: SgdLowerBoundOptions,
    branch: Branch,
    bound: f64,
    scale: f64,
    log_n: f64,
    step_size: f64,
    normalized: Rule,
    truncated: Rule,
    /// μ(+); 1 if there is one prompt only.
    plus: f64,
    /// φ, [prompt, token, 2].
    features: Vec<[[f64; 2]; 3]>,
    theta: [f64; 2],
    start: [f64; 2],
    /// log π_D, [prompt, token].
    log_probs: Vec<[f64; 3]>,
    data: DataDistribution,
}

impl SgdLowerBound {
    /// The instance.
    ///
    /// # Errors
    /// [`coverage_principle_core::Code::InvalidOption`] for values out of their range, a step size of the other branch, or a horizon
    /// too short for the slow construction (it needs a start with 0 ≤ r − 1/b and r ≤ ½).
    pub fn new(options: &SgdLowerBoundOptions) -> Result<Self> {
        check_count("horizon", options.horizon, 1, 1_000_000)?;
        check_count("steps", options.steps, 1, 1_000_000_000)?;
        check_count("batchSize", options.batch_size, 1, 1_000_000)?;
        check_real("N", options.n, 1.0, 1e100)?;
        let log_n = Ratios::new(&[options.n])?.log_n()[0];
        let (h, t) = (options.horizon as f64, options.steps as f64);
        let bound = options.bound.unwrap_or_else(|| (3.0 * (2.0 * t * h).ln()).max(1.0));
        check_real("bound", bound, 1.0 - f64::EPSILON, 300.0)?;
        let scale = options.scale.unwrap_or(bound);
        check_real("scale", scale, 0.0, bound)?;
        let border = 8.0 / (h * bound);
        let branch = options.branch.unwrap_or(match options.step_size {
            Some(step_size) if step_size >= border => Branch::Oscillating,
            _ => Branch::Slow,
        });
        let step_size = options.step_size.unwrap_or(if branch == Branch::Slow { 0.5 * border } else { border });
        check_real("stepSize", step_size, 0.0, 1e300)?;
        if (branch == Branch::Oscillating) != (step_size >= border) {
            return Err(Error::option(
                "stepSize",
                format!(
                    "The oscillating construction is for η ≥ 8/(HB) = {border}, the slow one below, not {step_size}."
                ),
            ));
        }
        let (features, theta, start, plus) = match branch {
            Branch::Oscillating => oscillating(bound, angle(step_size * h * bound)),
            Branch::Slow => slow(bound, scale, h, t, log_n)?,
        };
        let log_probs: Vec<[f64; 3]> = features.iter().map(|features| log_softmax(features, theta)).collect();
        let policy = TokenTable::identical(3, options.horizon as usize, log_probs.concat())?;
        let mu =
            if log_probs.len() == 1 { PromptWeights::Uniform(1) } else { PromptWeights::new(&[plus, 1.0 - plus])? };
        let data = DataDistribution::new(mu, Arc::new(policy), None)?;
        let variance = inherent_variance(&features, &log_probs, plus, h);
        let normalized_step_size =
            options.normalized_step_size.unwrap_or((1.0 / (128.0 * bound)).min((log_n / (variance * t)).powf(0.25)));
        check_real("normalizedStepSize", normalized_step_size, 0.0, 1e300)?;
        let lambda = options.lambda.unwrap_or(log_n / (16.0 * normalized_step_size));
        if !(lambda.is_finite() && lambda >= 0.0) {
            return Err(Error::option("lambda", format!("lambda must be finite and not negative, not {lambda}.")));
        }
        let truncated_step_size = options
            .truncated_step_size
            .unwrap_or_else(|| (1.0 / ((64.0 * log_n + 2.0) * bound * bound)).min(1.0 / (t * variance * log_n).sqrt()));
        check_real("truncatedStepSize", truncated_step_size, 0.0, 1e300)?;
        Ok(Self {
            options: options.clone(),
            branch,
            bound,
            scale,
            log_n,
            step_size,
            normalized: Rule::Normalized { step_size: normalized_step_size, lambda, batch_size: options.batch_size },
            truncated: Rule::Truncated { step_size: truncated_step_size, threshold: log_n },
            plus,
            features,
            theta,
            start,
            log_probs,
            data,
        })
    }

    /// The oscillating construction at another α than that of the step size.
    fn at_angle(self, alpha: f64) -> Result<Self> {
        let (features, theta, start, plus) = oscillating(self.bound, alpha);
        let log_probs: Vec<[f64; 3]> = features.iter().map(|features| log_softmax(features, theta)).collect();
        let policy = TokenTable::identical(3, self.options.horizon as usize, log_probs.concat())?;
        let data = DataDistribution::new(PromptWeights::Uniform(1), Arc::new(policy), None)?;
        Ok(Self { plus, features, theta, start, log_probs, data, ..self })
    }

    /// Which construction it is.
    #[must_use]
    pub fn branch(&self) -> Branch {
        self.branch
    }

    /// SGD, normalized SGD and truncated SGD with the step sizes of the options.
    #[must_use]
    pub fn rules(&self) -> [Rule; 3] {
        [Rule::Sgd { step_size: self.step_size }, self.normalized, self.truncated]
    }

    /// μ(+).
    #[must_use]
    pub fn plus(&self) -> f64 {
        self.plus
    }

    /// Where training starts.
    #[must_use]
    pub fn start(&self) -> [f64; 2] {
        self.start
    }

    /// √(σ*²/(T log N)) + B²/T, the rate of maximum likelihood and of truncated SGD (Theorems 4.2 and 6.2).
    fn rate_without_horizon(&self) -> f64 {
        let steps = self.options.steps as f64;
        let variance =
            inherent_variance(&self.features, &self.log_probs, self.plus, self.options.horizon as f64).max(0.0);
        (variance / (steps * self.log_n)).sqrt() + self.bound.powi(2) / steps
    }

    /// Cov_N on one prompt of the model at `theta`, at log N.
    #[must_use]
    pub fn cov_on(&self, prompt: usize, theta: [f64; 2], log_n: f64) -> f64 {
        let model = log_softmax(&self.features[prompt], theta);
        identical_tokens(self.options.horizon, &self.log_probs[prompt], &model, log_n)
    }

    /// Cov_N of the model at `theta`, at log N.
    #[must_use]
    pub fn cov(&self, theta: [f64; 2], log_n: f64) -> f64 {
        (0..self.features.len())
            .map(|prompt| self.data.mu().probability(prompt) * self.cov_on(prompt, theta, log_n))
            .sum()
    }

    /// D_KL(π_D ‖ π_θ).
    #[must_use]
    pub fn kl(&self, theta: [f64; 2]) -> f64 {
        let of_prompt = |prompt: usize| self.data.mu().probability(prompt) * self.token_kl(prompt, theta);
        self.options.horizon as f64 * (0..self.features.len()).map(of_prompt).sum::<f64>()
    }

    /// D_KL(π_D ‖ π_θ) of one token at `prompt`.
    fn token_kl(&self, prompt: usize, theta: [f64; 2]) -> f64 {
        let model = log_softmax(&self.features[prompt], theta);
        let log_probs = self.log_probs[prompt].iter().zip(model);
        log_probs.map(|(log_p, log_q)| log_p.exp() * (log_p - log_q)).sum::<f64>().max(0.0)
    }

    /// The gradient of the log-likelihood of tokens at `prompt` with these (weighted) counts:
    /// Σ_a counts_a·(φ(a) − φ_θ).
    #[must_use]
    pub fn gradient(&self, prompt: usize, counts: [f64; 3], theta: [f64; 2]) -> [f64; 2] {
        let model = log_softmax(&self.features[prompt], theta);
        let total: f64 = counts.iter().sum();
        let mut gradient = [0.0; 2];
        for token in 0..3 {
            let weight = counts[token] - total * model[token].exp();
            for axis in 0..2 {
                gradient[axis] += weight * self.features[prompt][token][axis];
            }
        }
        gradient
    }

    /// Token counts of a fresh response to `prompt` as `rule` weights them: KL(π_D‖π_θ) is the same at every token, so
    /// truncation keeps the first ⌊A/KL⌋ and a fraction of the next.
    fn weighted_counts(&self, rule: Rule, prompt: usize, theta: [f64; 2], stream: &mut Stream) -> [f64; 3] {
        let horizon = self.options.horizon;
        let allowed = match rule {
            Rule::Truncated { threshold, .. } => threshold / self.token_kl(prompt, theta),
            Rule::Sgd { .. } | Rule::Normalized { .. } => f64::INFINITY,
        };
        if allowed >= horizon as f64 {
            return self.draw(prompt, horizon, stream).map(|count| count as f64);
        }
        let whole = self.draw(prompt, allowed as u64, stream);
        let next = self.draw(prompt, 1, stream);
        std::array::from_fn(|token| whole[token] as f64 + allowed.fract() * next[token] as f64)
    }

    /// Counts of `tokens` tokens of a response to `prompt` from π_D.
    fn draw(&self, prompt: usize, tokens: u64, stream: &mut Stream) -> [u64; 3] {
        let p = self.log_probs[prompt].map(f64::exp);
        let first = draw_binomial(tokens, p[0].min(1.0), stream);
        let rest = tokens - first;
        let second = draw_binomial(rest, (p[1] / (p[1] + p[2])).clamp(0.0, 1.0), stream);
        [first, second, rest - second]
    }

    /// One step of `rule` on fresh responses to the prompts `prompt` draws.
    fn step(&self, rule: Rule, theta: &mut [f64; 2], stream: &mut Stream, prompt: impl Fn(&mut Stream) -> usize) {
        let batch_size = match rule {
            Rule::Sgd { .. } | Rule::Truncated { .. } => 1,
            Rule::Normalized { batch_size, .. } => batch_size,
        };
        let mut mean = [0.0; 2];
        for _ in 0..batch_size {
            let prompt = prompt(stream);
            let counts = self.weighted_counts(rule, prompt, *theta, stream);
            let gradient = self.gradient(prompt, counts, *theta);
            (mean[0], mean[1]) = (mean[0] + gradient[0] / batch_size as f64, mean[1] + gradient[1] / batch_size as f64);
        }
        let factor = match rule {
            Rule::Sgd { step_size } | Rule::Truncated { step_size, .. } => step_size,
            Rule::Normalized { step_size, lambda, .. } => {
                let norm = lambda + mean[0].hypot(mean[1]);
                if norm > 0.0 { step_size / norm } else { 0.0 }
            }
        };
        *theta = [theta[0] + factor * mean[0], theta[1] + factor * mean[1]];
        let norm = theta[0].hypot(theta[1]);
        if norm > 1.0 {
            *theta = [theta[0] / norm, theta[1] / norm];
        }
    }

    /// How many prompts + `rule` has to see from the start until Cov_N on + is below `level`, trained on + alone;
    /// `None` if not within `most`.
    #[must_use]
    pub fn prompts_until_covered(&self, rule: Rule, level: f64, most: u64, stream: &mut Stream) -> Option<u64> {
        let mut theta = self.start;
        for seen in 0..=most {
            if self.cov_on(0, theta, self.log_n) < level {
                return Some(seen);
            }
            if seen < most {
                self.step(rule, &mut theta, stream, |_| 0);
            }
        }
        None
    }

    /// Trains for T steps; the last iterate, and Cov_N averaged over `AVERAGED` iterates evenly spread.
    fn run(&self, estimator: &'static str, rule: Rule, budgets: &Ratios, stream: &mut Stream) -> Estimate {
        let mut theta = self.start;
        let steps = self.options.steps;
        let every = steps.div_ceil(AVERAGED);
        let (mut average, mut measured) = (0.0, 0.0);
        let mut plus_seen = 0.0;
        for step in 0..steps {
            if step.is_multiple_of(every) {
                average += self.cov(theta, self.log_n);
                measured += 1.0;
            }
            let seen = std::cell::Cell::new(0u32);
            self.step(rule, &mut theta, stream, |stream| {
                let prompt = self.data.mu().draw(stream);
                seen.set(seen.get() + u32::from(prompt == 0));
                prompt
            });
            plus_seen += f64::from(seen.get());
        }
        Estimate {
            estimator,
            kl: self.kl(theta),
            cov: budgets.log_n().iter().map(|&log_n| self.cov(theta, log_n)).collect(),
            details: named(&[
                ("averageCov", average / measured),
                ("covOnPlus", self.cov_on(0, theta, self.log_n)),
                ("plusSeen", plus_seen),
                ("theta1", theta[0]),
                ("theta2", theta[1]),
            ]),
        }
    }
}

const ESTIMATORS: [&str; 3] = ["sgd", "normalized-sgd", "truncated-sgd"];

/// Iterates over which Cov_N is averaged, at most.
const AVERAGED: u64 = 64;

impl Instance for SgdLowerBound {
    fn describe(&self) -> Description {
        let source = "Proposition 5.1";
        let horizon = self.options.horizon as f64;
        let typical = match self.branch {
            Branch::Oscillating => self.log_probs[0][1],
            Branch::Slow => self.log_probs[0][2],
        };
        let typical = (horizon * typical).exp();
        let (claims, condition) = match self.branch {
            Branch::Oscillating => (
                vec![
                    Claim::new(source, Quantity::Cov, Relation::AtLeast, "Cov_N of every iterate of SGD is at least ½")
                        .of("sgd")
                        .at(self.options.n)
                        .value(0.5)
                        .with_probability(0.5),
                    Claim::new(
                        "Theorem 6.2",
                        Quantity::Cov,
                        Relation::AtMost,
                        "Cov_N of truncated SGD is at most √(σ*²/(T log N)) + B²/T, the constant of ≲ taken as 1",
                    )
                    .of("truncated-sgd")
                    .at(self.options.n)
                    .value(self.rate_without_horizon())
                    .with_probability(0.5),
                ],
                Condition::new("All T responses are likely to be 0^H", typical.powf(self.options.steps as f64) >= 0.5),
            ),
            Branch::Slow => (
                vec![
                    Claim::new(
                        source,
                        Quantity::Cov,
                        Relation::AtLeast,
                        "Cov_N of every iterate of SGD is at least ½·μ(+)",
                    )
                    .of("sgd")
                    .at(self.options.n)
                    .value(0.5 * self.plus)
                    .with_probability(0.5),
                    Claim::new(
                        source,
                        Quantity::Cov,
                        Relation::AtLeast,
                        "That is c·min{1, H/(T log N)}, by the choice of μ(+)",
                    )
                    .of("sgd")
                    .at(self.options.n)
                    .like("H", 1.0)
                    .like("T", -1.0)
                    .like("log N", -1.0)
                    .by_construction(),
                    Claim::detail(
                        source,
                        "promptsUntilCovered",
                        Relation::Scales,
                        "Prompts + until Cov_N on + vanishes, at η = c/(HB)",
                    )
                    .of("sgd")
                    .like("H", 1.0)
                    .like("log N", -1.0),
                    Claim::detail(
                        "Theorem 5.1",
                        "promptsUntilCovered",
                        Relation::Scales,
                        "Prompts + until Cov_N on + vanishes, normalized",
                    )
                    .of("normalized-sgd")
                    .like("H", 0.0),
                    Claim::detail(
                        "Theorem 6.2",
                        "promptsUntilCovered",
                        Relation::Scales,
                        "Prompts + until Cov_N on + vanishes, truncated",
                    )
                    .of("truncated-sgd")
                    .like("H", 0.0),
                ],
                Condition::new("A response to + is likely to be 1^H under π_D", typical >= 0.5),
            ),
        };
        let mut derived = named(&[
            ("plus", self.plus),
            ("pull", self.step_size * horizon * self.bound),
            ("inherentVariance", inherent_variance(&self.features, &self.log_probs, self.plus, horizon)),
            ("typicalProbability", typical),
            ("start1", self.start[0]),
            ("start2", self.start[1]),
        ]);
        if let Rule::Normalized { step_size, lambda, .. } = self.normalized {
            derived.extend([("normalizedStepSize", step_size), ("lambda", lambda)]);
        }
        if let Rule::Truncated { step_size, .. } = self.truncated {
            derived.insert("truncatedStepSize", step_size);
        }
        Description {
            name: "prop-5.1",
            title: "Why sequence-level SGD needs the horizon",
            source,
            shows: "No constant step of SGD works for every prompt: large ones oscillate, small ones are too slow; normalisation works, and so does truncation",
            options: plain(&SgdLowerBoundOptions {
                branch: Some(self.branch),
                bound: Some(self.bound),
                scale: Some(self.scale),
                step_size: Some(self.step_size),
                ..self.options.clone()
            }),
            derived,
            prompts: Some(self.features.len()),
            vocabulary: 3,
            horizon: self.options.horizon as usize,
            estimators: ESTIMATORS.to_vec(),
            conditions: vec![condition],
            claims,
        }
    }

    fn data(&self) -> &DataDistribution {
        &self.data
    }

    fn class(&self) -> Result<ModelClass> {
        let values: Vec<f64> = self.features.iter().flatten().flatten().copied().collect();
        let prompts = self.features.len();
        let features = TableFeatures::new(Layout::Prompt { prompts }, 3, 2, values, Some(self.bound * (1.0 + 1e-15)))?;
        Ok(ModelClass::Linear(LinearClass {
            features: Arc::new(features),
            constraint: Constraint::Ball { radius: 1.0 },
            start: self.start.to_vec(),
        }))
    }

    fn theta_star(&self) -> Option<&[f64]> {
        Some(&self.theta)
    }

    fn trial(&self, budgets: &Ratios, stream: &mut Stream) -> Result<Vec<Estimate>> {
        let mut estimates = Vec::with_capacity(ESTIMATORS.len());
        for (name, rule) in ESTIMATORS.into_iter().zip(self.rules()) {
            let mut estimate = self.run(name, rule, budgets, stream);
            if let Some(prompts) = self.prompts_until_covered(rule, NEARLY_ZERO, MOST_PLUS_PROMPTS, stream) {
                estimate.details.insert("promptsUntilCovered", prompts as f64);
            }
            estimates.push(estimate);
        }
        Ok(estimates)
    }
}

/// Below this Cov_N on + counts as 0; responses of π_D are 1^H with all but a small probability.
const NEARLY_ZERO: f64 = 0.5;

/// A trial follows training on + alone for so many prompts.
const MOST_PLUS_PROMPTS: u64 = 20_000;
