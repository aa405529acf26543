//! Distributions over responses: what can be walked, sampled and evaluated, token by token.

use std::fmt;
use std::sync::Arc;

use super::kernel::Kernels;
use super::responses::{Response, Responses};
use crate::error::{Code, Error, Result};
use crate::parallel::Workers;
use crate::progress::Control;
use crate::random::Stream;

/// A distribution over responses given the prompt, π(y | x) = Π_h π(y_h | x, y_{<h}): a model, a model with
/// test-time training, a mixture, or the data distribution of a problem.
pub trait Policy: Send + Sync + fmt::Debug {
    /// V, the number of tokens.
    fn vocabulary(&self) -> usize;

    /// H, the number of tokens of a response; `None` where any length will do (then whoever samples says how long).
    fn horizon(&self) -> Option<usize>;

    /// |X|, the number of prompts; `None` where any index will do.
    fn prompts(&self) -> Option<usize>;

    /// A walker along responses; each thread has its own.
    fn walker(&self) -> Box<dyn Walker + '_>;

    /// How many of the last tokens, besides the prompt and the position, the next one depends on at most; `None` if on all.
    fn memory(&self) -> Option<usize> {
        None
    }

    /// How many responses to `prompt` have positive probability, where the policy lists them; else `None`.
    fn support(&self, prompt: usize) -> Option<usize> {
        let _ = prompt;
        None
    }

    /// log π(y_i | x_i) of every response, each summed over its tokens in order. The responses must fit
    /// ([`Responses::check`]).
    ///
    /// # Errors
    /// [`Code::Aborted`]; [`Code::ShapeMismatch`] and [`Code::NoResponses`] for responses that do not fit.
    fn log_probs(&self, responses: &Responses, workers: &Workers, control: &Control) -> Result<Vec<f64>> {
        responses.check(self.prompts(), self.vocabulary(), self.horizon())?;
        map_responses(responses, workers, control, || self.walker(), |walker, response| walker.log_prob(response))
    }

    /// log π(y_h | x, y_{<h}) of every token of every response, one response after the other.
    ///
    /// # Errors
    /// As [`Policy::log_probs`].
    fn token_log_probs(&self, responses: &Responses, workers: &Workers, control: &Control) -> Result<Vec<f64>> {
        responses.check(self.prompts(), self.vocabulary(), self.horizon())?;
        let of_each = map_responses(
            responses,
            workers,
            control,
            || self.walker(),
            |walker, response| {
                walker.start(response.prompt);
                let mut tokens = Vec::with_capacity(response.tokens.len());
                for (h, &token) in response.tokens.iter().enumerate() {
                    tokens.push(walker.next()[token as usize]);
                    if h + 1 < response.tokens.len() {
                        walker.push(token);
                    }
                }
                tokens
            },
        )?;
        Ok(of_each.concat())
    }
}

/// How many responses one task of a parallel loop treats: enough to make its working memory pay. Part of no result.
fn responses_per_task(responses: usize) -> usize {
    responses.div_ceil(256).max(64)
}

/// `f(state, response)` of every response, in order; `state` is made once a task.
pub(crate) fn map_responses<S, T: Send>(
    responses: &Responses,
    workers: &Workers,
    control: &Control,
    state: impl Fn() -> S + Sync,
    f: impl Fn(&mut S, Response<'_>) -> T + Sync,
) -> Result<Vec<T>> {
    let per_task = responses_per_task(responses.len());
    let tasks = responses.len().div_ceil(per_task);
    let of_tasks = workers.map(tasks, control, |task| {
        let mut state = state();
        let range = task * per_task..((task + 1) * per_task).min(responses.len());
        range
            .map(|index| {
                control.check()?;
                Ok(f(&mut state, responses.get(index)))
            })
            .collect::<Result<Vec<T>>>()
    })?;
    Ok(of_tasks.into_iter().flatten().collect())
}

/// A place within a response, and the distribution of the next token there.
///
/// Prompts and tokens must be within the policy's range, and no more tokens pushed than its horizon has.
pub trait Walker {
    /// Goes to the empty response to `prompt`.
    fn start(&mut self, prompt: usize);

    /// log π(· | x, y_{<h}) of all V tokens here; −∞ where a token cannot come.
    fn next(&mut self) -> &[f64];

    /// Appends `token`.
    fn push(&mut self, token: u32);

    /// Goes back to the first `len` tokens.
    fn truncate(&mut self, len: usize);

    /// log π(y | x), from a fresh start.
    fn log_prob(&mut self, response: Response<'_>) -> f64 {
        self.start(response.prompt);
        let mut sum = 0.0;
        for (h, &token) in response.tokens.iter().enumerate() {
            sum += self.next()[token as usize];
            if h + 1 < response.tokens.len() {
                self.push(token);
            }
        }
        sum
    }

    /// Draws a response of `horizon` tokens to `prompt` and appends its tokens to `tokens`; returns its
    /// log-probability.
    fn sample(&mut self, prompt: usize, horizon: usize, stream: &mut Stream, tokens: &mut Vec<u32>) -> f64 {
        self.start(prompt);
        let mut sum = 0.0;
        for h in 0..horizon {
            let log_probs = self.next();
            let token = draw(log_probs, stream.uniform());
            sum += log_probs[token];
            #[expect(clippy::cast_possible_truncation, reason = "tokens are 32-bit by contract")]
            let token = token as u32;
            tokens.push(token);
            if h + 1 < horizon {
                self.push(token);
            }
        }
        sum
    }
}

/// The token at which the cumulated probabilities pass `uniform`; never one of probability 0.
pub(crate) fn draw(log_probs: &[f64], uniform: f64) -> usize {
    const BLOCK: usize = 16;
    let kernels = Kernels::default();
    let mut rest = uniform;
    let mut last = 0;
    for (block, log_probs) in log_probs.chunks(BLOCK).enumerate() {
        let mut probs = [0.0; BLOCK];
        let probs = &mut probs[..log_probs.len()];
        probs.copy_from_slice(log_probs);
        kernels.exp_all(probs);
        for (index, &probability) in probs.iter().enumerate() {
            if probability > 0.0 {
                last = block * BLOCK + index;
                rest -= probability;
                if rest < 0.0 {
                    return last;
                }
            }
        }
    }
    // Rounding left a sliver above the last cumulated probability.
    last
}

/// μ, the distribution of prompts.
#[derive(Clone, Debug, PartialEq)]
pub enum PromptWeights {
    /// All of so many prompts equally likely.
    Uniform(usize),
    /// Given probabilities; made by [`PromptWeights::new`].
    Weighted(Weights),
}

/// Checked probabilities of prompts with their running sums.
#[derive(Clone, Debug, PartialEq)]
pub struct Weights {
    probabilities: Arc<[f64]>,
    sums: Arc<[f64]>,
}

impl PromptWeights {
    /// μ from `weights`, at least one positive, scaled to sum to 1 (unless they already do to 1e-9).
    ///
    /// # Errors
    /// [`Code::InvalidOption`] for a negative or non-finite weight, or no positive one.
    pub fn new(weights: &[f64]) -> Result<Self> {
        if let Some(prompt) = weights.iter().position(|&weight| !(weight.is_finite() && weight >= 0.0)) {
            let message =
                format!("The weight of prompt {prompt} is {}: weights are finite and not negative.", weights[prompt]);
            return Err(Error::option("mu", message).at_row(prompt));
        }
        let total: f64 = weights.iter().sum();
        if !(total.is_finite() && total > 0.0) {
            return Err(Error::option("mu", format!("The weights of the prompts sum to {total}, not above zero.")));
        }
        let scale = if (total - 1.0).abs() < 1e-9 { 1.0 } else { total };
        let probabilities: Vec<f64> = weights.iter().map(|weight| weight / scale).collect();
        let sums = probabilities
            .iter()
            .scan(0.0, |sum, &probability| {
                *sum += probability;
                Some(*sum)
            })
            .collect();
        Ok(Self::Weighted(Weights { probabilities: probabilities.into(), sums }))
    }

    /// |X|.
    #[must_use]
    pub fn prompts(&self) -> usize {
        match self {
            Self::Uniform(prompts) => *prompts,
            Self::Weighted(weights) => weights.probabilities.len(),
        }
    }

    /// μ(x).
    #[must_use]
    pub fn probability(&self, prompt: usize) -> f64 {
        match self {
            Self::Uniform(prompts) => 1.0 / *prompts as f64,
            Self::Weighted(weights) => weights.probabilities[prompt],
        }
    }

    /// Draws a prompt.
    pub fn draw(&self, stream: &mut Stream) -> usize {
        match self {
            #[expect(clippy::cast_possible_truncation, reason = "the draw is below the number of prompts")]
            Self::Uniform(prompts) => stream.below(*prompts as u64) as usize,
            Self::Weighted(weights) => {
                let uniform = stream.uniform();
                let found = weights.sums.partition_point(|&sum| sum <= uniform);
                // Rounding may leave the last sum below 1: then the last prompt of positive weight.
                if found < weights.sums.len() {
                    found
                } else {
                    weights.probabilities.iter().rposition(|&probability| probability > 0.0).unwrap_or(0)
                }
            }
        }
    }
}

/// Where prompts and responses come from: x ~ μ, y ~ π_D(· | x).
#[derive(Clone, Debug)]
pub struct DataDistribution {
    mu: PromptWeights,
    policy: Arc<dyn Policy>,
    horizon: usize,
}

impl DataDistribution {
    /// μ and π_D.
    ///
    /// # Errors
    /// [`Code::InvalidOption`] if there is no prompt, or π_D has no horizon of its own and `horizon` gives none;
    /// [`Code::ShapeMismatch`] if the two disagree on the number of prompts or on the horizon.
    pub fn new(mu: PromptWeights, policy: Arc<dyn Policy>, horizon: Option<usize>) -> Result<Self> {
        if mu.prompts() == 0 {
            return Err(Error::option("mu", "There is no prompt: give at least one."));
        }
        if let Some(prompts) = policy.prompts().filter(|&prompts| prompts != mu.prompts()) {
            return Err(Error::new(
                Code::ShapeMismatch,
                format!("mu has {} prompts, the data distribution has {prompts}.", mu.prompts()),
            ));
        }
        let horizon = match (policy.horizon(), horizon) {
            (Some(own), Some(given)) if given > own => {
                return Err(Error::new(
                    Code::ShapeMismatch,
                    format!("The horizon is {given}, but the data distribution ends at {own} tokens."),
                ));
            }
            (_, Some(horizon)) | (Some(horizon), None) => horizon,
            (None, None) => {
                return Err(Error::option("horizon", "Say how many tokens a response has: this policy has no end."));
            }
        };
        Ok(Self { mu, policy, horizon })
    }

    /// μ.
    #[must_use]
    pub fn mu(&self) -> &PromptWeights {
        &self.mu
    }

    /// π_D.
    #[must_use]
    pub fn policy(&self) -> &Arc<dyn Policy> {
        &self.policy
    }

    /// H.
    #[must_use]
    pub fn horizon(&self) -> usize {
        self.horizon
    }

    /// Draws `count` pairs (x, y) and appends them to `responses`; `walker` must be one of [`Self::policy`]'s.
    /// Consumes `stream` in order, so that drawing in two goes gives the same pairs as drawing in one.
    pub fn draw(&self, walker: &mut dyn Walker, count: usize, stream: &mut Stream, responses: &mut Responses) {
        for _ in 0..count {
            let prompt = self.mu.draw(stream);
            responses.push_with(prompt, |tokens| {
                walker.sample(prompt, self.horizon, stream, tokens);
            });
        }
    }

    /// `count` fresh pairs, as [`DataDistribution::sample`] draws them. Advances `control` by one a pair.
    ///
    /// # Errors
    /// [`Code::Aborted`].
    pub fn sample_under(&self, count: usize, stream: &mut Stream, control: &Control) -> Result<Responses> {
        /// Pairs drawn between two looks at whether to stop.
        const PAIRS_PER_CHECK: usize = 256;
        let mut walker = self.policy.walker();
        let mut responses = Responses::new();
        control.start(count as u64);
        while responses.len() < count {
            control.check()?;
            let some = PAIRS_PER_CHECK.min(count - responses.len());
            self.draw(&mut *walker, some, stream, &mut responses);
            control.advance(some as u64);
        }
        Ok(responses)
    }

    /// `count` fresh pairs.
    #[must_use]
    pub fn sample(&self, count: usize, stream: &mut Stream) -> Responses {
        let mut responses = Responses::new();
        self.draw(&mut *self.policy.walker(), count, stream, &mut responses);
        responses
    }
}
