//! Why sequence-level SGD needs the horizon (lower bound of Proposition 5.1): no constant step works for every prompt.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::binomial;
use super::instance::{
    Claim, Condition, Description, Estimate, Instance, LinearClass, ModelClass, Quantity, Relation, check_count,
    check_real, plain,
};
use super::tail::identical_tokens;
use super::token_table::TokenTable;
use crate::error::{Error, Result};
use crate::linear::features::{Layout, TableFeatures};
use crate::linear::{Constraint, DataDistribution, PromptWeights};
use crate::random::Stream;
use crate::tournament::Budgets;

/// Which of the two constructions, by the step size η.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Branch {
    /// η ≥ 8/(HB): SGD oscillates for ever.
    Oscillating,
    /// η < 8/(HB): SGD is too slow on a rare prompt.
    Slow,
}

/// Options of [`SgdLowerBound`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct SgdLowerBoundOptions {
    /// Which construction. Default: `slow`, or what `stepSize` belongs to.
    pub branch: Option<Branch>,
    /// H, tokens of a response: 1 to 10^6. Default 256.
    pub horizon: u64,
    /// T, steps: 1 to 10^9. Default 1000.
    pub steps: u64,
    /// N, above 1. Default 4.
    #[serde(rename = "N")]
    pub n: f64,
    /// B, the norm of the features, in [1, 300]. Default 3·log(2TH), so that typical responses are near deterministic.
    pub bound: Option<f64>,
    /// b ≤ B of the slow construction. Default B.
    pub scale: Option<f64>,
    /// η of SGD. Default 8/(HB), and half of it in the slow construction.
    pub step_size: Option<f64>,
    /// η of normalized SGD. Default min{1/(128B), (log N/(σ*²T))^{1/4}} of Theorem 5.1.
    pub normalized_step_size: Option<f64>,
    /// λ of normalized SGD. Default log N/(16η).
    pub lambda: Option<f64>,
    /// K, fresh responses a step of normalized SGD: 1 to 10^6. Default 1.
    pub batch_size: u64,
}

impl Default for SgdLowerBoundOptions {
    fn default() -> Self {
        Self {
            branch: None,
            horizon: 256,
            steps: 1000,
            n: 4.0,
            bound: None,
            scale: None,
            step_size: None,
            normalized_step_size: None,
            lambda: None,
            batch_size: 1,
        }
    }
}

/// An update rule on this instance.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Rule {
    /// θ ← Proj(θ + η∇log π_θ(y|x)) [14].
    Sgd {
        /// η.
        step_size: f64,
    },
    /// θ ← Proj(θ + η·ĝ/(λ+‖ĝ‖)), ĝ the mean gradient of K responses [18].
    Normalized {
        /// η.
        step_size: f64,
        /// λ.
        lambda: f64,
        /// K.
        batch_size: u64,
    },
}

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
/// Shows that no constant step works for every prompt; normalisation does. Only token counts enter the gradient, so a
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

/// log π_θ of the three tokens at a prompt.
fn log_softmax(features: &[[f64; 2]; 3], theta: [f64; 2]) -> [f64; 3] {
    let logits = features.map(|feature| feature[0] * theta[0] + feature[1] * theta[1]);
    let greatest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let log_sum = greatest + logits.iter().map(|logit| (logit - greatest).exp()).sum::<f64>().ln();
    logits.map(|logit| logit - log_sum)
}

impl SgdLowerBound {
    /// The instance.
    ///
    /// # Errors
    /// [`crate::Code::InvalidOption`] for values out of their range, a step size of the other branch, or a horizon
    /// too short for the slow construction (it needs a start with 0 ≤ r − 1/b and r ≤ ½).
    pub fn new(options: &SgdLowerBoundOptions) -> Result<Self> {
        check_count("horizon", options.horizon, 1, 1_000_000)?;
        check_count("steps", options.steps, 1, 1_000_000_000)?;
        check_count("batchSize", options.batch_size, 1, 1_000_000)?;
        check_real("N", options.n, 1.0, 1e100)?;
        let log_n = Budgets::new(&[options.n])?.log_n()[0];
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
            Branch::Oscillating => oscillating(bound, step_size * h * bound),
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
        Ok(Self {
            options: options.clone(),
            branch,
            bound,
            scale,
            log_n,
            step_size,
            normalized: Rule::Normalized { step_size: normalized_step_size, lambda, batch_size: options.batch_size },
            plus,
            features,
            theta,
            start,
            log_probs,
            data,
        })
    }

    /// Which construction it is.
    #[must_use]
    pub fn branch(&self) -> Branch {
        self.branch
    }

    /// SGD and normalized SGD with the step sizes of the options.
    #[must_use]
    pub fn rules(&self) -> [Rule; 2] {
        [Rule::Sgd { step_size: self.step_size }, self.normalized]
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
        let of_prompt = |prompt: usize| -> f64 {
            let model = log_softmax(&self.features[prompt], theta);
            let log_probs = self.log_probs[prompt].iter().zip(model);
            self.data.mu().probability(prompt)
                * log_probs.map(|(log_p, log_q)| log_p.exp() * (log_p - log_q)).sum::<f64>()
        };
        (self.options.horizon as f64 * (0..self.features.len()).map(of_prompt).sum::<f64>()).max(0.0)
    }

    /// The gradient of the log-likelihood of a response to `prompt` with these token counts:
    /// Σ_a counts_a·φ(a) − H·φ_θ.
    #[must_use]
    pub fn gradient(&self, prompt: usize, counts: [u64; 3], theta: [f64; 2]) -> [f64; 2] {
        let model = log_softmax(&self.features[prompt], theta);
        let horizon = self.options.horizon as f64;
        let mut gradient = [0.0; 2];
        for token in 0..3 {
            let weight = counts[token] as f64 - horizon * model[token].exp();
            for axis in 0..2 {
                gradient[axis] += weight * self.features[prompt][token][axis];
            }
        }
        gradient
    }

    /// Token counts of a response to `prompt` from π_D.
    fn draw(&self, prompt: usize, stream: &mut Stream) -> [u64; 3] {
        let p = self.log_probs[prompt].map(f64::exp);
        let first = binomial::draw(self.options.horizon, p[0].min(1.0), stream);
        let rest = self.options.horizon - first;
        let second = binomial::draw(rest, (p[1] / (p[1] + p[2])).clamp(0.0, 1.0), stream);
        [first, second, rest - second]
    }

    /// One step of `rule` on fresh responses to the prompts `prompt` draws.
    fn step(&self, rule: Rule, theta: &mut [f64; 2], stream: &mut Stream, prompt: impl Fn(&mut Stream) -> usize) {
        let batch_size = match rule {
            Rule::Sgd { .. } => 1,
            Rule::Normalized { batch_size, .. } => batch_size,
        };
        let mut mean = [0.0; 2];
        for _ in 0..batch_size {
            let prompt = prompt(stream);
            let counts = self.draw(prompt, stream);
            let gradient = self.gradient(prompt, counts, *theta);
            (mean[0], mean[1]) = (mean[0] + gradient[0] / batch_size as f64, mean[1] + gradient[1] / batch_size as f64);
        }
        let factor = match rule {
            Rule::Sgd { step_size } => step_size,
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
    fn run(&self, estimator: &'static str, rule: Rule, budgets: &Budgets, stream: &mut Stream) -> Estimate {
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
            details: BTreeMap::from([
                ("averageCov", average / measured),
                ("covOnPlus", self.cov_on(0, theta, self.log_n)),
                ("plusSeen", plus_seen),
                ("theta1", theta[0]),
                ("theta2", theta[1]),
            ]),
        }
    }
}

/// Iterates over which Cov_N is averaged, at most.
const AVERAGED: u64 = 64;

/// Features, θ*, start and μ(+) of a construction.
type Construction = (Vec<[[f64; 2]; 3]>, [f64; 2], [f64; 2], f64);

/// `pull` is ηHB.
fn oscillating(bound: f64, pull: f64) -> Construction {
    let alpha = pull / (2.0 * (pull - 1.0));
    let side = (1.0 - alpha * alpha).sqrt();
    let features = [[alpha, -side], [1.0, 0.0], [alpha, side]].map(|v| v.map(|x| bound * x));
    (vec![features], [1.0, 0.0], [alpha, side], 1.0)
}

fn slow(bound: f64, scale: f64, horizon: f64, steps: f64, log_n: f64) -> Result<Construction> {
    let saturated = (horizon / (4.0 * log_n)).ln();
    if !(saturated >= 1.0 && saturated <= 0.5 * scale) {
        return Err(Error::option(
            "horizon",
            format!(
                "The slow construction needs 1 ≤ log(H/(4 log N)) ≤ b/2, but it is {saturated} and b = {scale}: change the horizon, N or the bound."
            ),
        ));
    }
    let start = [(saturated - 1.0) / scale, 0.25];
    let plus = bound * horizon / (512.0 * std::f64::consts::E * steps * scale * scale * log_n);
    let on = |axis: usize| [-1.0, 0.0, 1.0].map(|a| if axis == 0 { [scale * a, 0.0] } else { [0.0, scale * a] });
    Ok((vec![on(0), on(1)], [0.5, 0.5], start, plus.min(1.0)))
}

/// σ*² = H·E‖φ − Eφ‖².
fn inherent_variance(features: &[[[f64; 2]; 3]], log_probs: &[[f64; 3]], plus: f64, horizon: f64) -> f64 {
    let of_prompt = |prompt: usize| -> f64 {
        let p = log_probs[prompt].map(f64::exp);
        (0..2)
            .map(|axis| {
                let mean: f64 = (0..3).map(|token| p[token] * features[prompt][token][axis]).sum();
                (0..3).map(|token| p[token] * (features[prompt][token][axis] - mean).powi(2)).sum::<f64>()
            })
            .sum()
    };
    let weights = [plus, 1.0 - plus];
    horizon * (0..features.len()).map(|prompt| weights[prompt] * of_prompt(prompt)).sum::<f64>()
}

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
                    .with_probability(0.5)
                    .like("H", 1.0)
                    .like("T", -1.0)
                    .like("log N", -1.0),
                    Claim::new(
                        source,
                        Quantity::Other,
                        Relation::Scales,
                        "promptsUntilCovered: prompts + until Cov_N on + vanishes, at η = c/(HB)",
                    )
                    .of("sgd")
                    .like("H", 1.0),
                    Claim::new(
                        "Theorem 5.1",
                        Quantity::Other,
                        Relation::Scales,
                        "promptsUntilCovered: prompts + until Cov_N on + vanishes, normalized",
                    )
                    .of("normalized-sgd")
                    .like("H", 0.0),
                ],
                Condition::new("A response to + is likely to be 1^H under π_D", typical >= 0.5),
            ),
        };
        let mut derived = BTreeMap::from([
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
        Description {
            name: "prop-5.1",
            title: "Why sequence-level SGD needs the horizon",
            source,
            shows: "No constant step of SGD works for every prompt: large ones oscillate, small ones are too slow; normalisation works",
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
            estimators: vec!["sgd", "normalized-sgd"],
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

    fn trial(&self, budgets: &Budgets, stream: &mut Stream) -> Result<Vec<Estimate>> {
        let mut estimates = Vec::with_capacity(2);
        for (name, rule) in ["sgd", "normalized-sgd"].into_iter().zip(self.rules()) {
            let mut estimate = self.run(name, rule, budgets, stream);
            let most = self.options.steps.min(MOST_PLUS_PROMPTS);
            if let Some(prompts) = self.prompts_until_covered(rule, NEARLY_ZERO, most, stream) {
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
const MOST_PLUS_PROMPTS: u64 = 100_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linear::{Model, Responses};
    use crate::problems::tests::enumerated;
    use crate::random::Purpose;
    use crate::{Control, Workers};

    fn instance(branch: Branch, horizon: u64, steps: u64) -> SgdLowerBound {
        let options = SgdLowerBoundOptions { branch: Some(branch), horizon, steps, ..Default::default() };
        SgdLowerBound::new(&options).unwrap()
    }

    fn model(instance: &SgdLowerBound, theta: [f64; 2]) -> Model {
        let ModelClass::Linear(class) = instance.class().unwrap() else { panic!("linear") };
        Model::new(class.features, theta.to_vec()).unwrap()
    }

    #[test]
    fn closed_forms_agree_with_enumeration_and_with_the_linear_model() {
        for instance in [
            instance(Branch::Oscillating, 6, 10),
            SgdLowerBound::new(&SgdLowerBoundOptions {
                horizon: 6,
                n: 1.3,
                bound: Some(4.0),
                step_size: Some(0.01),
                ..Default::default()
            })
            .unwrap(),
        ] {
            let theta = [0.4, -0.2];
            let model = model(&instance, theta);
            for budget in [1.1f64, 3.0, 50.0] {
                let (kl, cov) = enumerated(instance.data(), &model, budget.ln());
                assert!((instance.kl(theta) - kl).abs() < 1e-9 * (1.0 + kl));
                assert!((instance.cov(theta, budget.ln()) - cov).abs() < 1e-12, "{budget} {cov}");
            }
            for (prompt, tokens) in [(0, [0u32, 1, 2, 2, 2, 1]), (instance.features.len() - 1, [1; 6])] {
                let responses = Responses::from_rectangle(vec![prompt], tokens.to_vec(), 6).unwrap();
                let expected = model.gradients(&responses, &Workers::sequential(), &Control::new()).unwrap();
                let count = |token| tokens.iter().filter(|&&other| other == token).count() as u64;
                let found = instance.gradient(prompt, [count(0), count(1), count(2)], theta);
                assert!(found.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-10), "{found:?} {expected:?}");
            }
        }
    }

    #[test]
    fn large_steps_jump_between_two_points_for_ever() {
        let instance = instance(Branch::Oscillating, 256, 300);
        let [sgd, _] = instance.rules();
        let mut stream = Stream::new(0, Purpose::Data, 0);
        let mut theta = instance.start();
        for step in 0..300 {
            let side = if step % 2 == 0 { 1.0 } else { -1.0 };
            let expected = [instance.start()[0], side * instance.start()[1]];
            assert!((theta[0] - expected[0]).abs() < 1e-3 && (theta[1] - expected[1]).abs() < 1e-3, "{step} {theta:?}");
            assert!(instance.cov(theta, instance.log_n) > 0.99);
            instance.step(sgd, &mut theta, &mut stream, |_| 0);
        }
        assert!(instance.describe().conditions[0].holds);
    }

    #[test]
    fn small_steps_are_too_slow() {
        let instance = instance(Branch::Slow, 4096, 1000);
        let budgets = Budgets::new(&[4.0]).unwrap();
        let estimate = instance.trial(&budgets, &mut Stream::new(0, Purpose::Data, 0)).unwrap().remove(0);
        assert!(estimate.cov[0] >= 0.5 * instance.plus(), "{estimate:?}");
        assert!(estimate.details["averageCov"] >= 0.5 * instance.plus());
        assert!(instance.describe().conditions[0].holds);
    }

    /// At the largest stable step SGD needs prompts + in proportion to H; normalized SGD does not.
    #[test]
    fn prompts_needed_grow_with_the_horizon_for_sgd_alone() {
        let needed = |horizon| {
            let options = SgdLowerBoundOptions { horizon, bound: Some(40.0), ..Default::default() };
            let instance = SgdLowerBound::new(&options).unwrap();
            instance.rules().map(|rule| {
                let mut stream = Stream::new(0, Purpose::Data, 0);
                instance.prompts_until_covered(rule, 0.5, 100_000, &mut stream).unwrap() as f64
            })
        };
        let (short, long) = (needed(2048), needed(16_384));
        assert!((6.0..10.0).contains(&(long[0] / short[0])), "{short:?} {long:?}");
        assert!((0.8..1.25).contains(&(long[1] / short[1])), "{short:?} {long:?}");
    }

    #[test]
    fn step_sizes_of_the_other_branch_are_refused() {
        let options = SgdLowerBoundOptions { branch: Some(Branch::Slow), step_size: Some(1.0), ..Default::default() };
        assert_eq!(SgdLowerBound::new(&options).unwrap_err().place.field.as_deref(), Some("stepSize"));
        let short = SgdLowerBoundOptions { horizon: 8, ..Default::default() };
        assert_eq!(SgdLowerBound::new(&short).unwrap_err().place.field.as_deref(), Some("horizon"));
    }
}
