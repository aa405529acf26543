//! Measures by enumeration of all responses.

use serde::{Deserialize, Serialize};

use super::evaluator::Evaluator;
use super::features::{Context, FeatureMap};
use super::gradient::Gradient;
use super::measures::{Measures, Profile, check_budgets};
use super::policy::{DataDistribution, Policy, Walker};
use crate::error::{Code, Error, Result};
use crate::parallel::Workers;
use crate::progress::Control;
use crate::statistics::log_n;

/// What to enumerate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExactOptions {
    /// The values of N, each finite and ≥ 1. Default 2, 4, 16.
    #[serde(rename = "N")]
    pub n: Vec<f64>,
    /// Refuse beyond so many responses, all prompts together. Default 2^22 = 4,194,304, some seconds of work.
    pub max_responses: u64,
}

impl Default for ExactOptions {
    fn default() -> Self {
        Self { n: vec![2.0, 4.0, 16.0], max_responses: 1 << 22 }
    }
}

/// How many responses an enumeration of both policies visits at most: for each prompt of positive probability V^H, or
/// fewer where one of them lists its responses. Infinite where no integer holds it.
#[must_use]
pub fn responses_to_visit(data: &DataDistribution, model: Option<&dyn Policy>) -> f64 {
    // Prompts drawn afresh without end cannot be gone through one by one; each is a visit at least.
    const COUNTABLE: usize = 1 << 32;
    if data.mu().prompts() > COUNTABLE {
        return data.mu().prompts() as f64;
    }
    let all = (data.policy().vocabulary() as f64).powf(data.horizon() as f64);
    (0..data.mu().prompts())
        .filter(|&prompt| data.mu().probability(prompt) > 0.0)
        .map(|prompt| {
            let listed = data.policy().support(prompt).map_or(all, |count| count as f64);
            let of_model = model.and_then(|model| model.support(prompt)).map_or(all, |count| count as f64);
            // What only one of the two gives probability is visited as a bundle.
            all.min(listed).min(of_model)
        })
        .sum()
}

/// Whether `model` can be asked about everything `data` draws.
///
/// # Errors
/// [`Code::ShapeMismatch`] with both shapes.
pub(super) fn check_model(data: &DataDistribution, model: &dyn Policy) -> Result<()> {
    let fits = model.vocabulary() == data.policy().vocabulary()
        && model.horizon().is_none_or(|horizon| horizon >= data.horizon())
        && model.prompts().is_none_or(|prompts| prompts >= data.mu().prompts());
    if fits {
        return Ok(());
    }
    Err(Error::new(
        Code::ShapeMismatch,
        format!(
            "The model does not fit the data distribution: {} tokens, horizon {:?} and {:?} prompts against {}, {} and {}.",
            model.vocabulary(),
            model.horizon(),
            model.prompts(),
            data.policy().vocabulary(),
            data.horizon(),
            data.mu().prompts()
        ),
    ))
}

/// Whether an enumeration is allowed, and fits.
fn check(data: &DataDistribution, model: Option<&dyn Policy>, max_responses: u64) -> Result<()> {
    if let Some(model) = model {
        check_model(data, model)?;
    }
    let visits = responses_to_visit(data, model);
    if visits > max_responses as f64 {
        return Err(Error::new(
            Code::TooLarge,
            format!(
                "Exact measures would have to visit {visits:.4e} responses, more than the limit of {max_responses}: use Monte Carlo, or raise maxResponses."
            ),
        )
        .at_field("maxResponses"));
    }
    Ok(())
}

/// Exact measures of `model` against `data`, and the whole coverage profile.
///
/// Walks the tree of responses of each prompt; a branch that only one of the two gives probability is counted as a
/// whole, so that a π_D with few responses costs as many visits.
///
/// # Errors
/// [`Code::TooLarge`] with the figure beyond `max_responses`; [`Code::InvalidOption`] for an N below 1;
/// [`Code::ShapeMismatch`] if the two do not fit; [`Code::Aborted`].
pub fn measure(
    data: &DataDistribution,
    model: &dyn Policy,
    options: &ExactOptions,
    workers: &Workers,
    control: &Control,
) -> Result<(Measures, Profile)> {
    check_budgets(&options.n)?;
    check(data, Some(model), options.max_responses)?;
    let log_n: Vec<f64> = options.n.iter().map(|&n| log_n(n)).collect();
    let prompts: Vec<usize> = (0..data.mu().prompts()).filter(|&prompt| data.mu().probability(prompt) > 0.0).collect();
    let per_task = prompts.len().div_ceil(256);
    let sums = workers.map(prompts.len().div_ceil(per_task), control, |task| {
        let mut sums = Sums::new(&options.n, &log_n);
        let (mut p, mut q) = (data.policy().walker(), model.walker());
        for &prompt in &prompts[task * per_task..((task + 1) * per_task).min(prompts.len())] {
            let mu = data.mu().probability(prompt);
            enumerate(&mut *p, Some(&mut *q), prompt, data.horizon(), control, &mut |event| sums.add(mu, &event))?;
            sums.end_prompt();
        }
        Ok(sums)
    })?;
    let mut total = Sums::new(&options.n, &log_n);
    for sums in sums {
        total.merge(sums);
    }
    Ok(total.finish())
}

/// The inherent variance σ*² = E_{π_D} Σ_h ‖φ − E_{π_D}[φ | x, y_{<h}]‖² [8] of `features` under `data`.
///
/// # Errors
/// As [`measure`].
pub fn inherent_variance(
    data: &DataDistribution,
    features: &dyn FeatureMap,
    max_responses: u64,
    workers: &Workers,
    control: &Control,
) -> Result<f64> {
    check(data, None, max_responses)?;
    super::model::check_fit(data, features)?;
    let prompts = data.mu().prompts();
    let per_task = prompts.div_ceil(256);
    let sums = workers.map(prompts.div_ceil(per_task), control, |task| {
        let mut walker = data.policy().walker();
        let mut evaluator = Evaluator::new(features);
        let (mut mean, mut row) = (Gradient::new(features), Gradient::new(features));
        let mut probabilities = vec![0.0; features.vocabulary()];
        let mut sum = 0.0;
        for prompt in task * per_task..((task + 1) * per_task).min(prompts) {
            let mu = data.mu().probability(prompt);
            if mu > 0.0 {
                enumerate(&mut *walker, None, prompt, data.horizon(), control, &mut |event| {
                    if let Event::Node { log_p, p, prefix } = event {
                        probabilities.copy_from_slice(p);
                        evaluator.kernels().exp_all(&mut probabilities);
                        let context = Context { prompt, prefix };
                        sum += mu * libm::exp(log_p) * evaluator.variance(context, &probabilities, &mut mean, &mut row);
                    }
                })?;
            }
        }
        Ok(sum)
    })?;
    Ok(sums.iter().sum())
}

/// What the enumeration of one prompt comes by.
pub(super) enum Event<'a> {
    /// A prefix of positive π_D-probability, with the log-probabilities of the next token.
    Node {
        /// log π_D(prefix).
        log_p: f64,
        /// log π_D(· | prefix).
        p: &'a [f64],
        /// The prefix.
        prefix: &'a [u32],
    },
    /// A response that both give probability (or π_D, where there is no model).
    Leaf {
        /// log π_D(y).
        log_p: f64,
        /// log π̂(y).
        log_q: f64,
        /// Σ_h KL of the tokens along it.
        token_kl: f64,
        /// The response.
        tokens: &'a [u32],
    },
    /// All responses behind a prefix that π̂ rules out.
    OnlyData {
        /// log π_D of them together.
        log_p: f64,
    },
    /// All responses behind a prefix that π_D rules out.
    OnlyModel {
        /// log π̂ of them together.
        log_q: f64,
    },
}

/// One prefix on the way down: what was computed there.
struct Level {
    log_p: f64,
    log_q: f64,
    token_kl: f64,
    p: Vec<f64>,
    q: Vec<f64>,
    token: usize,
}

/// Walks the responses to `prompt` depth first, in lexicographic order. Without recursion: a horizon may be long.
pub(super) fn enumerate(
    data: &mut dyn Walker,
    mut model: Option<&mut dyn Walker>,
    prompt: usize,
    horizon: usize,
    control: &Control,
    visit: &mut dyn FnMut(Event<'_>),
) -> Result<()> {
    const NODES_PER_CHECK: u32 = 1024;
    data.start(prompt);
    if let Some(model) = &mut model {
        model.start(prompt);
    }
    let mut prefix: Vec<u32> = Vec::with_capacity(horizon);
    let mut levels: Vec<Level> = Vec::with_capacity(horizon);
    // Levels left behind, for their memory.
    let mut spare: Vec<Level> = Vec::new();
    let mut nodes = 0;
    let mut enter = Some((0.0, 0.0, 0.0));
    loop {
        if let Some((log_p, log_q, token_kl)) = enter.take() {
            nodes += 1;
            if nodes % NODES_PER_CHECK == 0 {
                control.check()?;
            }
            let mut level = spare.pop().unwrap_or(Level { log_p, log_q, token_kl, p: vec![], q: vec![], token: 0 });
            level.p.clear();
            level.p.extend_from_slice(data.next());
            level.q.clear();
            level.q.extend_from_slice(match &mut model {
                Some(model) => model.next(),
                None => &level.p,
            });
            (level.log_p, level.log_q, level.token) = (log_p, log_q, 0);
            level.token_kl = token_kl + token_kl_of(&level.p, &level.q);
            visit(Event::Node { log_p, p: &level.p, prefix: &prefix });
            levels.push(level);
        }
        let Some(level) = levels.last_mut() else { return Ok(()) };
        if level.token == level.p.len() {
            spare.extend(levels.pop());
            prefix.pop();
            data.truncate(prefix.len());
            if let Some(model) = &mut model {
                model.truncate(prefix.len());
            }
            continue;
        }
        let token = level.token;
        level.token += 1;
        let (log_p, log_q) = (level.log_p + level.p[token], level.log_q + level.q[token]);
        #[expect(clippy::cast_possible_truncation, reason = "tokens are 32-bit by contract")]
        let next = token as u32;
        match (log_p > f64::NEG_INFINITY, log_q > f64::NEG_INFINITY) {
            (false, false) => {}
            (true, false) => visit(Event::OnlyData { log_p }),
            (false, true) => visit(Event::OnlyModel { log_q }),
            (true, true) => {
                prefix.push(next);
                if prefix.len() == horizon {
                    visit(Event::Leaf { log_p, log_q, token_kl: level.token_kl, tokens: &prefix });
                    prefix.pop();
                } else {
                    enter = Some((log_p, log_q, level.token_kl));
                    data.push(next);
                    if let Some(model) = &mut model {
                        model.push(next);
                    }
                }
            }
        }
    }
}

/// KL of two distributions of a token given by log-probabilities; +∞ where the second rules out what the first does
/// not.
pub(super) fn token_kl_of(p: &[f64], q: &[f64]) -> f64 {
    let mut sum = 0.0;
    for (&p, &q) in p.iter().zip(q) {
        if p > f64::NEG_INFINITY {
            sum += libm::exp(p) * (p - q);
        }
    }
    // Rounding may leave the KL of two equal distributions below zero.
    sum.max(0.0)
}

/// Running sums of one part of the enumeration.
struct Sums<'n> {
    n: &'n [f64],
    log_n: &'n [f64],
    cross_entropy: f64,
    kl: f64,
    squared_hellinger: f64,
    stopped_kl: Vec<f64>,
    model_over: Vec<f64>,
    data_over: Vec<f64>,
    /// The greater of the two, prompt by prompt.
    e_n: Vec<f64>,
    uncovered: f64,
    pairs: Vec<(f64, f64)>,
    /// Greatest rounding error of a log ratio.
    slack: f64,
}

impl<'n> Sums<'n> {
    fn new(n: &'n [f64], log_n: &'n [f64]) -> Self {
        let zeros = vec![0.0; n.len()];
        Self {
            n,
            log_n,
            cross_entropy: 0.0,
            kl: 0.0,
            squared_hellinger: 0.0,
            stopped_kl: zeros.clone(),
            model_over: zeros.clone(),
            data_over: zeros.clone(),
            e_n: zeros,
            uncovered: 0.0,
            pairs: Vec::new(),
            slack: 0.0,
        }
    }

    fn add(&mut self, mu: f64, event: &Event<'_>) {
        match *event {
            Event::Node { .. } => {}
            Event::Leaf { log_p, log_q, token_kl, .. } => {
                let (p, q) = (libm::exp(log_p), libm::exp(log_q));
                let ratio = log_p - log_q;
                self.cross_entropy -= mu * p * log_q;
                self.kl += mu * p * ratio;
                let root = p.sqrt() - q.sqrt();
                self.squared_hellinger += 0.5 * mu * root * root;
                for k in 0..self.n.len() {
                    self.stopped_kl[k] += mu * p * token_kl.min(self.log_n[k]);
                    self.model_over[k] += mu * (q - self.n[k] * p).max(0.0);
                    self.data_over[k] += mu * (p - self.n[k] * q).max(0.0);
                }
                self.pairs.push((ratio, mu * p));
                // Two sums of rounded logarithms: a few units in the last place of the larger.
                self.slack = self.slack.max(4.0 * f64::EPSILON * (1.0 + log_p.abs().max(log_q.abs())));
            }
            Event::OnlyData { log_p } => {
                let p = mu * libm::exp(log_p);
                self.uncovered += p;
                self.squared_hellinger += 0.5 * p;
                for k in 0..self.n.len() {
                    self.stopped_kl[k] += p * self.log_n[k];
                    self.data_over[k] += p;
                }
                self.pairs.push((f64::INFINITY, p));
            }
            Event::OnlyModel { log_q } => {
                let q = mu * libm::exp(log_q);
                self.squared_hellinger += 0.5 * q;
                for k in 0..self.n.len() {
                    self.model_over[k] += q;
                }
            }
        }
    }

    /// Takes the greater side of E_N of the prompt that was just walked.
    fn end_prompt(&mut self) {
        for ((sum, model), data) in self.e_n.iter_mut().zip(&mut self.model_over).zip(&mut self.data_over) {
            *sum += std::mem::take(model).max(std::mem::take(data));
        }
    }

    fn merge(&mut self, other: Self) {
        let add = |ours: &mut [f64], theirs: &[f64]| ours.iter_mut().zip(theirs).for_each(|(a, b)| *a += b);
        self.cross_entropy += other.cross_entropy;
        self.kl += other.kl;
        self.squared_hellinger += other.squared_hellinger;
        self.uncovered += other.uncovered;
        add(&mut self.stopped_kl, &other.stopped_kl);
        add(&mut self.e_n, &other.e_n);
        self.slack = self.slack.max(other.slack);
        self.pairs.extend(other.pairs);
    }

    fn finish(self) -> (Measures, Profile) {
        let infinite = self.uncovered > 0.0;
        let or_infinite = |value: f64| if infinite { f64::INFINITY } else { value };
        let profile = Profile::new(self.pairs, self.slack);
        let measures = Measures {
            coverage: self.n.iter().map(|&n| profile.coverage(n)).collect(),
            n: self.n.to_vec(),
            cross_entropy: or_infinite(self.cross_entropy),
            kl: or_infinite(self.kl.max(0.0)),
            squared_hellinger: self.squared_hellinger,
            stopped_kl: self.stopped_kl,
            e_n: self.e_n,
            log_w_max: profile.log_ratios.first().copied().unwrap_or(0.0),
            uncovered_mass: self.uncovered,
        };
        (measures, profile)
    }
}
