//! Policy gradient: learning from rewards of the model's own responses (arXiv:2603.06957).
//!
//! The data give pairs (x, y) with y the right answer to x. A response ŷ ~ π_θ(· | x) of as many tokens earns
//! r = 1{ŷ = y} ([`RewardKind::Outcome`]), or for each token 1/|y| as long as all tokens so far are right
//! ([`RewardKind::Process`]). A step ascends
//!
//! J(θ) = E\[r\] − β·KL(π_θ(· | x) ‖ π_0(· | x)), π_0 the model at the beginning of the stage,
//!
//! estimated from G responses a prompt: ∇J ≈ 1/G Σ_g Σ_h A_{g,h} ∇log π_θ(ŷ_{g,h}), where A is what response g earns from
//! token h on, −β log π_θ/π_0 of its tokens included, less the mean of what the other G − 1 earn from there. That is
//! GRPO's group baseline without the response itself, G/(G − 1) times it, and so without bias.

use serde::{Deserialize, Serialize};

use crate::linear::evaluator::Evaluator;
use crate::linear::features::Context;
use crate::linear::gradient::Gradient;
use crate::linear::policy::draw;
use crate::linear::responses::Response;
use crate::random::{Purpose, Stream};

/// What earns a reward.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RewardKind {
    /// 1 for the right response.
    #[default]
    Outcome,
    /// 1/H for every token up to the first wrong one.
    Process,
}

/// What an objective is made of.
#[derive(Clone, Copy, Debug)]
pub(in crate::linear) struct Objective<'t> {
    pub(in crate::linear) reward: RewardKind,
    /// β.
    pub(in crate::linear) kl: f64,
    /// θ of π_0; needed where β is positive.
    pub(in crate::linear) reference: &'t [f64],
    /// θ = scale·theta.
    pub(in crate::linear) theta: &'t [f64],
    pub(in crate::linear) scale: f64,
}

impl Objective<'_> {
    /// What token `position` earns where all tokens of `answer` before it were given, as they should be, if `right`.
    fn earned(&self, answer: &[u32], position: usize, right: bool, token: u32) -> f64 {
        if !right || token != answer[position] {
            return 0.0;
        }
        match self.reward {
            RewardKind::Outcome if position + 1 == answer.len() => 1.0,
            RewardKind::Outcome => 0.0,
            RewardKind::Process => 1.0 / answer.len() as f64,
        }
    }
}

/// Working memory of a group of responses to one prompt.
#[derive(Debug, Default)]
pub(in crate::linear) struct Group {
    /// \[response, position\]
    tokens: Vec<u32>,
    /// What a response earns from a position on, \[response, position\].
    returns: Vec<f64>,
}

impl Group {
    /// Adds `weight`·∇J, estimated from `size` responses drawn from `stream`, to `gradient`. Where `standardize`, what is
    /// earned is divided by its standard deviation in the group, as in GRPO, at the price of bias.
    #[expect(clippy::too_many_arguments, reason = "what is sampled, how, and where it goes")]
    pub(in crate::linear) fn add_sampled(
        &mut self,
        evaluator: &mut Evaluator<'_>,
        objective: Objective<'_>,
        answer: Response<'_>,
        size: usize,
        standardize: bool,
        weight: f64,
        stream: &mut Stream,
        gradient: &mut Gradient,
    ) {
        let horizon = answer.tokens.len();
        self.tokens.clear();
        self.returns.clear();
        for _ in 0..size {
            self.sample(evaluator, objective, answer, stream);
        }
        for position in 0..horizon {
            let column = || self.returns.iter().skip(position).step_by(horizon);
            let mean = column().sum::<f64>() / size as f64;
            let variance = column().map(|value| (value - mean) * (value - mean)).sum::<f64>() / size as f64;
            // All alike: no response is better than another from here on.
            if variance == 0.0 {
                continue;
            }
            let unbiased = 1.0 / (size - 1) as f64;
            let factor = if standardize { 1.0 / (size as f64 * variance.sqrt()) } else { unbiased };
            for response in 0..size {
                let tokens = &self.tokens[response * horizon..(response + 1) * horizon];
                let advantage = self.returns[response * horizon + position] - mean;
                if advantage == 0.0 {
                    continue;
                }
                let context = Context { prompt: answer.prompt, prefix: &tokens[..position] };
                let share = weight * factor * advantage;
                evaluator.token_weights(context, objective.theta, objective.scale, tokens[position], share);
                evaluator.accumulate(context, gradient);
            }
        }
    }

    /// Draws one more response of the model.
    fn sample(
        &mut self,
        evaluator: &mut Evaluator<'_>,
        objective: Objective<'_>,
        answer: Response<'_>,
        stream: &mut Stream,
    ) {
        let (first, horizon) = (self.tokens.len(), answer.tokens.len());
        let mut right = true;
        for position in 0..horizon {
            let context = Context { prompt: answer.prompt, prefix: &self.tokens[first..] };
            let log_probs = evaluator.log_probs(context, objective.theta, objective.scale);
            let index = draw(log_probs, stream.uniform());
            #[expect(clippy::cast_possible_truncation, reason = "tokens are 32-bit by contract")]
            let token = index as u32;
            let mut earned = objective.earned(answer.tokens, position, right, token);
            if objective.kl > 0.0 {
                let log_prob = log_probs[index];
                earned -= objective.kl * (log_prob - evaluator.log_probs(context, objective.reference, 1.0)[index]);
            }
            right &= token == answer.tokens[position];
            self.tokens.push(token);
            self.returns.push(earned);
        }
        // What is earned later is earned from here on, too.
        let returns = &mut self.returns[first..];
        for position in (1..horizon).rev() {
            returns[position - 1] += returns[position];
        }
    }
}

/// Adds `weight`·∇J to `gradient`, the expectation over all responses instead of an estimate; returns J. Without a KL
/// penalty a response is given up at its first wrong token; with one, all V^|y| are visited.
pub(in crate::linear) fn add_expected(
    evaluator: &mut Evaluator<'_>,
    objective: Objective<'_>,
    answer: Response<'_>,
    weight: f64,
    gradient: &mut Gradient,
) -> f64 {
    let mut prefix = Vec::with_capacity(answer.tokens.len());
    expected_from(evaluator, objective, answer, weight, &mut prefix, true, gradient)
}

/// As [`add_expected`] from `prefix` on, which is reached with a probability of which `reach` is the weighted one and is
/// `right` so far.
fn expected_from(
    evaluator: &mut Evaluator<'_>,
    objective: Objective<'_>,
    answer: Response<'_>,
    reach: f64,
    prefix: &mut Vec<u32>,
    right: bool,
    gradient: &mut Gradient,
) -> f64 {
    let position = prefix.len();
    if position == answer.tokens.len() || (objective.kl == 0.0 && !right) {
        return 0.0;
    }
    let context = Context { prompt: answer.prompt, prefix };
    let log_probs = evaluator.log_probs(context, objective.theta, objective.scale).to_vec();
    let reference =
        if objective.kl > 0.0 { evaluator.log_probs(context, objective.reference, 1.0).to_vec() } else { Vec::new() };
    let probabilities: Vec<f64> = log_probs.iter().map(|&log_prob| libm::exp(log_prob)).collect();
    let returns: Vec<f64> = (0..)
        .zip(&probabilities)
        .map(|(token, &probability)| {
            let mut earned = objective.earned(answer.tokens, position, right, token);
            if objective.kl > 0.0 {
                earned -= objective.kl * (log_probs[token as usize] - reference[token as usize]);
            }
            let still_right = right && token == answer.tokens[position];
            prefix.push(token);
            earned += expected_from(evaluator, objective, answer, reach * probability, prefix, still_right, gradient);
            prefix.pop();
            earned
        })
        .collect();
    let value = probabilities.iter().zip(&returns).map(|(probability, earned)| probability * earned).sum::<f64>();
    let context = Context { prompt: answer.prompt, prefix };
    // The context's features again, which those of longer prefixes have replaced.
    let weights = evaluator.logits(context, objective.theta, objective.scale);
    for ((weight, probability), earned) in weights.iter_mut().zip(&probabilities).zip(&returns) {
        *weight = reach * probability * (earned - value);
    }
    evaluator.accumulate(context, gradient);
    value
}

/// The stream that step `step` of run `run` draws its responses from.
pub(in crate::linear) fn rollouts_of(seed: u64, run: u64, step: u64) -> Stream {
    Stream::new(seed, Purpose::Rollout, run.wrapping_mul(1 << 40).wrapping_add(step))
}
