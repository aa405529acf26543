//! Measures estimated from responses drawn from π_D (and from π̂), each with a confidence interval.

use serde::{Deserialize, Serialize};

use super::evaluator::Evaluator;
use super::exact::token_kl_of;
use super::features::{Context, FeatureMap};
use super::gradient::Gradient;
use super::measures::{Profile, check_budgets};
use super::model::check_fit;
use super::policy::{DataDistribution, Policy, Walker};
use super::responses::Responses;
use crate::error::{Error, Result};
use crate::parallel::Workers;
use crate::progress::Control;
use crate::random::{Purpose, Stream};
use crate::statistics::{
    Estimate, Interval, check_confidence, clopper_pearson, dkw_half_width, e_divergence_of_both, log_n,
    squared_hellinger,
};

/// How much to draw.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MonteCarloOptions {
    /// The values of N, each finite and ≥ 1; none are needed for σ*². Default 2, 4, 16.
    #[serde(rename = "N")]
    pub n: Vec<f64>,
    /// Responses drawn from π_D, and as many from π̂ for E_N; at least 2. Default 10,000.
    pub samples: usize,
    /// Confidence of every interval and of the band, strictly between 0 and 1. Default 0.95.
    pub confidence: f64,
    /// Seed of the draws.
    pub seed: u64,
}

impl Default for MonteCarloOptions {
    fn default() -> Self {
        Self { n: vec![2.0, 4.0, 16.0], samples: 10_000, confidence: 0.95, seed: 0 }
    }
}

impl MonteCarloOptions {
    fn check(&self) -> Result<()> {
        check_confidence(self.confidence)?;
        if !(2..=1 << 40).contains(&self.samples) {
            let message = format!("Monte Carlo needs between 2 and 2^40 samples, not {}.", self.samples);
            return Err(Error::option("samples", message));
        }
        Ok(())
    }
}

/// Estimates of the measures of [`super::Measures`]. Intervals of Cov_N are Clopper and Pearson's, those of the bounded
/// measures (D_H², D_seq,N, E_N) betting intervals: valid at any number of samples. Those of cross-entropy and KL are
/// Student's, with a warning where few responses carry the sum.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MeasureEstimates {
    /// The values of N asked for.
    #[serde(rename = "N")]
    pub n: Vec<f64>,
    /// Responses drawn from π_D.
    pub samples: usize,
    /// Confidence of every interval and of the band.
    pub confidence: f64,
    /// Cov_N of each.
    pub coverage: Vec<Estimate>,
    /// Half the width of the band around the whole profile, for all N at once.
    pub band_half_width: f64,
    /// E_{π_D}[−log π̂].
    pub cross_entropy: Estimate,
    /// D_KL(π_D‖π̂).
    pub kl: Estimate,
    /// D_H² as the mean of 1 − √(π̂/π_D), within [0, 1].
    pub squared_hellinger: Estimate,
    /// D_seq,N of each N.
    pub stopped_kl: Vec<Estimate>,
    /// E_N of each N, the average over prompts of the greater of two means, which share the error probability.
    pub e_n: Vec<Estimate>,
    /// Always unknown: a supremum cannot be estimated from samples. See `greatest_log_ratio`.
    pub log_w_max: Estimate,
    /// The greatest log π_D/π̂ among the samples, a lower bound on log W_max; null if infinite.
    #[serde(serialize_with = "super::measures::finite_or_null")]
    pub greatest_log_ratio: f64,
}

/// One response drawn from one of the two, as both see it.
#[derive(Clone, Copy)]
struct Draw {
    prompt: usize,
    log_p: f64,
    log_q: f64,
    token_kl: f64,
}

/// Draws of one task; the cut into tasks depends on the number of samples alone.
const SAMPLES_PER_TASK: usize = 256;

/// Estimates the measures of `model` against `data`, and the empirical coverage profile.
///
/// # Errors
/// [`crate::Code::InvalidOption`] for options out of range, [`crate::Code::ShapeMismatch`] if the two do not fit,
/// [`crate::Code::Aborted`].
pub fn estimate(
    data: &DataDistribution,
    model: &dyn Policy,
    options: &MonteCarloOptions,
    workers: &Workers,
    control: &Control,
) -> Result<(MeasureEstimates, Profile)> {
    check_budgets(&options.n)?;
    options.check()?;
    super::exact::check_model(data, model)?;
    let of_data = draws(data, model, false, options, workers, control)?;
    let of_model = draws(data, model, true, options, workers, control)?;
    let confidence = options.confidence;
    let count = of_data.len() as f64;
    let mean = |f: &dyn Fn(&Draw) -> f64| {
        let values: Vec<f64> = of_data.iter().map(f).collect();
        match values.iter().filter(|value| value.is_infinite()).count() {
            0 => Estimate::of_mean(&values, confidence),
            infinite => Estimate::unknown(format!(
                "Infinite: the model rules out {infinite} of {} responses of the data distribution.",
                values.len()
            )),
        }
    };
    let ratios: Vec<f64> = of_data.iter().map(|draw| draw.log_p - draw.log_q).collect();
    let log_n: Vec<f64> = options.n.iter().map(|&n| log_n(n)).collect();
    let coverage = log_n.iter().map(|&log_n| {
        let successes = ratios.iter().filter(|&&ratio| ratio >= log_n).count();
        let interval = clopper_pearson(successes as u64, ratios.len() as u64, confidence);
        Estimate::new(successes as f64 / count, interval)
    });
    let prompts = |draws: &[Draw]| draws.iter().map(|draw| draw.prompt).collect::<Vec<_>>();
    let (data_prompts, model_prompts) = (prompts(&of_data), prompts(&of_model));
    let e_n = options.n.iter().map(|&n| {
        let excess = |over: f64| (1.0 - n * libm::exp(-over)).max(0.0);
        let data_over: Vec<f64> = of_data.iter().map(|draw| excess(draw.log_p - draw.log_q)).collect();
        let model_over: Vec<f64> = of_model.iter().map(|draw| excess(draw.log_q - draw.log_p)).collect();
        e_divergence_of_both([&data_over, &model_over], [&data_prompts, &model_prompts], confidence)
    });
    let stopped = |&log_n: &f64| {
        let values: Vec<f64> = of_data.iter().map(|draw| draw.token_kl.min(log_n)).collect();
        let range = Interval { low: 0.0, high: log_n };
        // At N = 1 the measure is 0 by definition.
        if log_n > 0.0 { Estimate::of_bounded_mean(&values, range, confidence) } else { Estimate::new(0.0, range) }
    };
    let estimates = MeasureEstimates {
        n: options.n.clone(),
        samples: options.samples,
        confidence,
        coverage: coverage.collect(),
        band_half_width: dkw_half_width(options.samples, confidence),
        cross_entropy: mean(&|draw| -draw.log_q),
        kl: mean(&|draw| draw.log_p - draw.log_q),
        squared_hellinger: squared_hellinger(&ratios, None, confidence),
        stopped_kl: log_n.iter().map(stopped).collect(),
        e_n: e_n.collect(),
        log_w_max: Estimate::unknown(
            "A supremum cannot be estimated from samples: enumerate, or bound it from theory.",
        ),
        greatest_log_ratio: ratios.iter().copied().fold(f64::NEG_INFINITY, f64::max),
    };
    Ok((estimates, Profile::new(ratios.into_iter().map(|ratio| (ratio, 1.0 / count)).collect(), 0.0)))
}

/// `options.samples` responses drawn from π_D, or from π̂, as both see them.
fn draws(
    data: &DataDistribution,
    model: &dyn Policy,
    from_model: bool,
    options: &MonteCarloOptions,
    workers: &Workers,
    control: &Control,
) -> Result<Vec<Draw>> {
    let of_tasks = workers.map(options.samples.div_ceil(SAMPLES_PER_TASK), control, |task| {
        let (mut p, mut q) = (data.policy().walker(), model.walker());
        // Draws from the two have streams of their own: even and odd.
        let mut stream = Stream::new(options.seed, Purpose::MonteCarlo, 2 * task as u64 + u64::from(from_model));
        let mut tokens = Vec::new();
        let count = SAMPLES_PER_TASK.min(options.samples - task * SAMPLES_PER_TASK);
        let mut draws = Vec::with_capacity(count);
        for _ in 0..count {
            control.check()?;
            let prompt = data.mu().draw(&mut stream);
            tokens.clear();
            let source = if from_model { &mut q } else { &mut p };
            source.sample(prompt, data.horizon(), &mut stream, &mut tokens);
            draws.push(walk(&mut *p, &mut *q, prompt, &tokens));
        }
        Ok(draws)
    })?;
    Ok(of_tasks.concat())
}

/// Log-probabilities of a response under both, and the KL of its tokens.
fn walk(p: &mut dyn Walker, q: &mut dyn Walker, prompt: usize, tokens: &[u32]) -> Draw {
    p.start(prompt);
    q.start(prompt);
    let mut draw = Draw { prompt, log_p: 0.0, log_q: 0.0, token_kl: 0.0 };
    for (position, &token) in tokens.iter().enumerate() {
        let (of_p, of_q) = (p.next(), q.next());
        draw.token_kl += token_kl_of(of_p, of_q);
        draw.log_p += of_p[token as usize];
        draw.log_q += of_q[token as usize];
        if draw.log_p == f64::NEG_INFINITY || draw.log_q == f64::NEG_INFINITY {
            // One of the two has ruled the rest out; whichever drew the response has not.
            return draw;
        }
        if position + 1 < tokens.len() {
            p.push(token);
            q.push(token);
        }
    }
    draw
}

/// Estimates σ*² of `features` under `data` [8].
///
/// # Errors
/// As [`estimate`].
pub fn estimate_inherent_variance(
    data: &DataDistribution,
    features: &dyn FeatureMap,
    options: &MonteCarloOptions,
    workers: &Workers,
    control: &Control,
) -> Result<Estimate> {
    options.check()?;
    check_fit(data, features)?;
    let of_tasks = workers.map(options.samples.div_ceil(SAMPLES_PER_TASK), control, |task| {
        let mut walker = data.policy().walker();
        let mut stream = Stream::new(options.seed, Purpose::MonteCarlo, 2 * task as u64);
        let count = SAMPLES_PER_TASK.min(options.samples - task * SAMPLES_PER_TASK);
        let mut responses = Responses::new();
        data.draw(&mut *walker, count, &mut stream, &mut responses);
        let mut evaluator = Evaluator::new(features);
        let (mut mean, mut row) = (Gradient::new(features), Gradient::new(features));
        let mut probabilities = vec![0.0; features.vocabulary()];
        let mut sums = Vec::with_capacity(count);
        for response in responses.iter() {
            control.check()?;
            walker.start(response.prompt);
            let mut sum = 0.0;
            for (position, &token) in response.tokens.iter().enumerate() {
                probabilities.copy_from_slice(walker.next());
                evaluator.kernels().exp_all(&mut probabilities);
                let context = Context { prompt: response.prompt, prefix: &response.tokens[..position] };
                sum += evaluator.variance(context, &probabilities, &mut mean, &mut row);
                if position + 1 < response.tokens.len() {
                    walker.push(token);
                }
            }
            sums.push(sum);
        }
        Ok(sums)
    })?;
    Ok(Estimate::of_mean(&of_tasks.concat(), options.confidence))
}
