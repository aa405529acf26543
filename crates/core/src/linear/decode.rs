//! Decoding: sampling, Best-of-N, Pass@N exactly, and the adversarial reward of Proposition D.7.

use std::collections::HashSet;
use std::ops::Range;

use super::exact::{Event, enumerate, responses_to_visit};
use super::policy::{DataDistribution, Policy, Walker};
use super::responses::{Response, Responses};
use crate::error::{Code, Error, Result};
use crate::parallel::Workers;
use crate::progress::Control;
use crate::random::{Purpose, Stream};

/// Scores finished responses.
pub trait Reward: Sync {
    /// A scorer; each thread has its own.
    fn scorer(&self) -> Box<dyn FnMut(Response<'_>) -> f64 + '_>;
}

impl<F: Fn(Response<'_>) -> f64 + Sync> Reward for F {
    fn scorer(&self) -> Box<dyn FnMut(Response<'_>) -> f64 + '_> {
        Box::new(self)
    }
}

/// r(x, y) = 1{π_T(y|x) / π̂(y|x) ≥ 2N}: the reward on which Best-of-N with budget N from π̂ falls short of π_T by at
/// least ½·Cov_2N(π_T‖π̂) (Proposition D.7).
#[derive(Clone, Copy, Debug)]
pub struct AdversarialReward<'a> {
    /// π_T.
    pub target: &'a dyn Policy,
    /// π̂.
    pub model: &'a dyn Policy,
    /// N.
    pub n: f64,
}

impl Reward for AdversarialReward<'_> {
    fn scorer(&self) -> Box<dyn FnMut(Response<'_>) -> f64 + '_> {
        let (mut target, mut model) = (self.target.walker(), self.model.walker());
        let threshold = crate::statistics::log_n(2.0 * self.n);
        Box::new(move |response| {
            let of_target = target.log_prob(response);
            // Where π_T has no probability the ratio is 0, whatever π̂ says.
            let ratio = of_target - model.log_prob(response);
            if of_target > f64::NEG_INFINITY && ratio >= threshold { 1.0 } else { 0.0 }
        })
    }
}

/// r(x, y) = 1 for listed pairs of prompt and response, else 0.
#[derive(Clone, Debug, Default)]
pub struct AcceptedResponses(HashSet<(usize, Vec<u32>)>);

impl AcceptedResponses {
    /// The reward that accepts every one of `responses` to its prompt.
    #[must_use]
    pub fn new(responses: &Responses) -> Self {
        Self(responses.iter().map(|response| (response.prompt, response.tokens.to_vec())).collect())
    }
}

impl Reward for AcceptedResponses {
    fn scorer(&self) -> Box<dyn FnMut(Response<'_>) -> f64 + '_> {
        Box::new(|response| {
            let accepted = self.0.contains(&(response.prompt, response.tokens.to_vec()));
            if accepted { 1.0 } else { 0.0 }
        })
    }
}

/// Responses with their log-probabilities under the policy that drew them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Samples {
    /// The responses.
    pub responses: Responses,
    /// log π(y | x) of each.
    pub log_probs: Vec<f64>,
}

/// What to draw responses to, and how.
#[derive(Clone, Copy, Debug)]
pub struct Draws<'a> {
    /// The prompts, in any order, as often as wanted.
    pub prompts: &'a [usize],
    /// Tokens of a response.
    pub horizon: usize,
    /// Seed of the random streams.
    pub seed: u64,
}

/// One response to each of the prompts, from `policy`; response i has its own random stream.
///
/// # Errors
/// [`Code::ShapeMismatch`] if a prompt or the horizon is out of the policy's range; [`Code::Aborted`].
pub fn sample(policy: &dyn Policy, draws: Draws<'_>, workers: &Workers, control: &Control) -> Result<Samples> {
    let Draws { prompts, horizon, seed } = draws;
    check_prompts(policy, prompts, horizon)?;
    let per_task = prompts.len().div_ceil(256).max(16);
    let of_tasks = workers.map(prompts.len().div_ceil(per_task), control, |task| {
        let mut walker = policy.walker();
        let mut samples = Samples::default();
        for index in task * per_task..((task + 1) * per_task).min(prompts.len()) {
            control.check()?;
            let mut stream = Stream::new(seed, Purpose::Sample, index as u64);
            samples.draw(&mut *walker, prompts[index], horizon, &mut stream);
        }
        Ok(samples)
    })?;
    let mut all = Samples::default();
    of_tasks.iter().for_each(|samples| all.append(samples));
    Ok(all)
}

impl Samples {
    fn draw(&mut self, walker: &mut dyn Walker, prompt: usize, horizon: usize, stream: &mut Stream) {
        let Self { responses, log_probs } = self;
        responses.push_with(prompt, |tokens| log_probs.push(walker.sample(prompt, horizon, stream, tokens)));
    }

    fn append(&mut self, other: &Self) {
        self.responses.append(&other.responses);
        self.log_probs.extend_from_slice(&other.log_probs);
    }

    fn clear(&mut self) {
        self.responses.clear();
        self.log_probs.clear();
    }
}

fn check_prompts(policy: &dyn Policy, prompts: &[usize], horizon: usize) -> Result<()> {
    if let Some(own) = policy.horizon().filter(|&own| own < horizon) {
        return Err(Error::new(
            Code::ShapeMismatch,
            format!("The policy ends at {own} tokens: it cannot give {horizon}."),
        ));
    }
    let count = policy.prompts().unwrap_or(usize::MAX);
    match prompts.iter().position(|&prompt| prompt >= count) {
        None => Ok(()),
        Some(index) => Err(Error::new(
            Code::ShapeMismatch,
            format!("There is no prompt {}: the policy has {count}.", prompts[index]),
        )
        .at_response(index)),
    }
}

/// The `n` responses to each of the prompts numbered `range` among which [`best_of_n`] chooses, those to one prompt
/// together.
///
/// # Errors
/// As [`sample`]; [`Code::InvalidOption`] for `n` = 0 or a range beyond the prompts.
pub fn candidates(
    policy: &dyn Policy,
    draws: Draws<'_>,
    range: Range<usize>,
    n: usize,
    workers: &Workers,
    control: &Control,
) -> Result<Samples> {
    let Draws { prompts, horizon, seed } = draws;
    check_prompts(policy, prompts, horizon)?;
    check_count(n)?;
    if range.start > range.end || range.end > prompts.len() {
        return Err(Error::option("range", format!("There are {} prompts, no numbers {range:?}.", prompts.len())));
    }
    let per_task = range.len().div_ceil(256).max(1);
    let of_tasks = workers.map(range.len().div_ceil(per_task), control, |task| {
        let mut walker = policy.walker();
        let mut samples = Samples::default();
        let start = range.start + task * per_task;
        for index in start..(start + per_task).min(range.end) {
            let mut stream = Stream::new(seed, Purpose::Sample, index as u64);
            for _ in 0..n {
                control.check()?;
                samples.draw(&mut *walker, prompts[index], horizon, &mut stream);
            }
        }
        Ok(samples)
    })?;
    let mut all = Samples::default();
    of_tasks.iter().for_each(|samples| all.append(samples));
    Ok(all)
}

fn check_count(n: usize) -> Result<()> {
    if n == 0 { Err(Error::option("N", "Best-of-N needs N of at least 1.")) } else { Ok(()) }
}

/// What Best-of-N chose.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BestOfN {
    /// The response chosen for each prompt, the first among equals, with its log-probability.
    pub chosen: Samples,
    /// Its reward.
    pub rewards: Vec<f64>,
}

/// Draws `n` responses to each of the prompts and keeps the one of the highest reward. Prompt i has its own random
/// stream, and the first responses of a larger `n` are those of a smaller.
///
/// # Errors
/// As [`sample`]; [`Code::InvalidOption`] for `n` = 0 or a reward that is NaN.
pub fn best_of_n(
    policy: &dyn Policy,
    draws: Draws<'_>,
    n: usize,
    reward: &dyn Reward,
    workers: &Workers,
    control: &Control,
) -> Result<BestOfN> {
    let Draws { prompts, horizon, seed } = draws;
    check_prompts(policy, prompts, horizon)?;
    check_count(n)?;
    let per_task = prompts.len().div_ceil(256).max(1);
    let of_tasks = workers.map(prompts.len().div_ceil(per_task), control, |task| {
        let (mut walker, mut scorer) = (policy.walker(), reward.scorer());
        let mut samples = Samples::default();
        let mut best = BestOfN::default();
        for index in task * per_task..((task + 1) * per_task).min(prompts.len()) {
            let mut stream = Stream::new(seed, Purpose::Sample, index as u64);
            samples.clear();
            let mut chosen: Option<(usize, f64)> = None;
            for draw in 0..n {
                control.check()?;
                samples.draw(&mut *walker, prompts[index], horizon, &mut stream);
                let score = scorer(samples.responses.get(draw));
                if score.is_nan() {
                    return Err(Error::option("reward", "The reward of a response is NaN.").at_response(index));
                }
                if chosen.is_none_or(|(_, least)| score > least) {
                    chosen = Some((draw, score));
                }
            }
            if let Some((draw, score)) = chosen {
                best.chosen.responses.push(prompts[index], samples.responses.get(draw).tokens);
                best.chosen.log_probs.push(samples.log_probs[draw]);
                best.rewards.push(score);
            }
        }
        Ok(best)
    })?;
    let mut all = BestOfN::default();
    for best in of_tasks {
        all.chosen.append(&best.chosen);
        all.rewards.extend(best.rewards);
    }
    Ok(all)
}

/// Exact success of Best-of-N with a reward in {0, 1}.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExactBestOfN {
    /// E_{π_T}[r], what a response of the target is worth.
    pub target_reward: f64,
    /// The values of N asked for.
    #[serde(rename = "N")]
    pub n: Vec<f64>,
    /// Pass@N: E_x[1 − (1 − π̂(r = 1 | x))^N] of each.
    pub pass_at_n: Vec<f64>,
}

/// Pass@N of `model` on the prompts of `target`, by enumeration of both.
///
/// # Errors
/// [`Code::TooLarge`] beyond `max_responses`; [`Code::InvalidOption`] for a reward other than 0 and 1 or an N below 1;
/// [`Code::ShapeMismatch`] if the model does not fit; [`Code::Aborted`].
pub fn exact_best_of_n(
    target: &DataDistribution,
    model: &dyn Policy,
    reward: &dyn Reward,
    n: &[f64],
    max_responses: u64,
    workers: &Workers,
    control: &Control,
) -> Result<ExactBestOfN> {
    super::measures::check_budgets(n)?;
    check_prompts(model, &[target.mu().prompts() - 1], target.horizon())?;
    let all = (model.vocabulary() as f64).powf(target.horizon() as f64);
    let of_target = responses_to_visit(target, None);
    // Prompts without end are too many already, and are not to be gone through.
    let prompts = if of_target > max_responses as f64 { 0 } else { target.mu().prompts() };
    let of_model: f64 =
        (0..prompts).map(|prompt| model.support(prompt).map_or(all, |count| (count as f64).min(all))).sum();
    let visits = of_model.max(of_target);
    if visits > max_responses as f64 {
        return Err(Error::new(
            Code::TooLarge,
            format!("Exact Pass@N would have to visit {visits:.4e} responses, more than the limit of {max_responses}: draw samples, or raise maxResponses."),
        )
        .at_field("maxResponses"));
    }
    let of_prompts = workers.map(target.mu().prompts(), control, |prompt| {
        let mut scorer = reward.scorer();
        let mut mass = |policy: &dyn Policy| {
            let mut sum = 0.0;
            let mut legal = true;
            enumerate(&mut *policy.walker(), None, prompt, target.horizon(), control, &mut |event| {
                if let Event::Leaf { log_p, tokens, .. } = event {
                    let score = scorer(Response { prompt, tokens });
                    legal &= score == 0.0 || score == 1.0;
                    sum += score * libm::exp(log_p);
                }
            })?;
            if legal { Ok(sum) } else { Err(Error::option("reward", "Exact Pass@N needs a reward of 0 or 1.")) }
        };
        Ok((mass(&**target.policy())?, mass(model)?))
    })?;
    let mut result = ExactBestOfN { target_reward: 0.0, n: n.to_vec(), pass_at_n: vec![0.0; n.len()] };
    for (prompt, (of_target, of_model)) in of_prompts.into_iter().enumerate() {
        let mu = target.mu().probability(prompt);
        result.target_reward += mu * of_target;
        for (pass, &n) in result.pass_at_n.iter_mut().zip(n) {
            // 1 − (1 − s)^N without cancellation for small s.
            *pass -= mu * libm::expm1(n * libm::log1p(-of_model.min(1.0)));
        }
    }
    Ok(result)
}
