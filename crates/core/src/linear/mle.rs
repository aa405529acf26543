//! Maximum likelihood [2], with a certificate.

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::constraint::Constraint;
use super::evaluator::Evaluator;
use super::features::{Context, FeatureMap};
use super::gradient::Gradient;
use super::kernel::Kernels;
use super::model::check_theta;
use super::responses::Responses;
use crate::error::{Error, Result};
use crate::parallel::Workers;
use crate::progress::Control;

/// How far to go.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MleOptions {
    /// Θ. Default the unit ball.
    pub constraint: Constraint,
    /// θ to start from, projected on Θ. Default 0, for the simplex its centre.
    pub theta0: Option<Vec<f64>>,
    /// Stop when the mean log-likelihood is certified to be within this of its maximum over Θ, in nats a response; on
    /// an unbounded Θ, when the gradient's norm is at most this. Default 1e-10.
    pub tolerance: f64,
    /// Stop after so many iterations, of two evaluations each. Default 10,000.
    pub max_iterations: u64,
}

impl Default for MleOptions {
    fn default() -> Self {
        Self { constraint: Constraint::default(), theta0: None, tolerance: 1e-10, max_iterations: 10_000 }
    }
}

/// Why the optimiser stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum MleStop {
    /// The certificate is within the tolerance.
    Certified,
    /// All iterations were used; the gap says how far off θ may be.
    MaxIterations,
    /// No step changes θ any more: the gap is as small as floating-point numbers make it.
    NoProgress,
}

/// The maximum likelihood estimate and its certificate.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MleReport {
    /// −(1/n) Σ_i log π_θ(y_i | x_i).
    pub mean_neg_log_likelihood: f64,
    /// The Frank–Wolfe gap max_{s∈Θ} ⟨∇, s − θ⟩: by concavity no θ in Θ is better by more than this. Null on an
    /// unbounded Θ, where nothing bounds it.
    pub gap: Option<f64>,
    /// ‖∇‖ of the mean log-likelihood.
    pub gradient_norm: f64,
    /// Iterations used.
    pub iterations: u64,
    /// Why it stopped.
    pub stopped: MleStop,
    /// θ.
    #[serde(skip)]
    pub theta: Vec<f64>,
}

/// A data set reduced to what the likelihood depends on: contexts and how often each token came there.
struct Counted<'a> {
    features: &'a dyn FeatureMap,
    responses: &'a Responses,
    /// A response and a position with the context, and where its tokens begin in `tokens`.
    contexts: Vec<(usize, usize, usize)>,
    /// (token, count), context by context.
    tokens: Vec<(u32, f64)>,
    /// Contexts per task of an evaluation.
    per_task: usize,
}

impl<'a> Counted<'a> {
    fn new(features: &'a dyn FeatureMap, responses: &'a Responses) -> Self {
        let mut order: Vec<(usize, usize)> = Vec::new();
        let mut counts: Vec<Vec<(u32, f64)>> = Vec::new();
        let mut places: HashMap<usize, usize> = HashMap::new();
        for (index, response) in responses.iter().enumerate() {
            for (position, &token) in response.tokens.iter().enumerate() {
                let context = Context { prompt: response.prompt, prefix: &response.tokens[..position] };
                let mut fresh = || {
                    order.push((index, position));
                    order.len() - 1
                };
                let place = match features.keys() {
                    Some(_) => *places.entry(features.key(context)).or_insert_with(&mut fresh),
                    None => fresh(),
                };
                counts.resize_with(order.len(), Vec::new);
                match counts[place].iter_mut().find(|(other, _)| *other == token) {
                    Some((_, count)) => *count += 1.0,
                    None => counts[place].push((token, 1.0)),
                }
            }
        }
        let mut tokens = Vec::new();
        let mut contexts = Vec::with_capacity(order.len());
        for ((response, position), counts) in order.into_iter().zip(counts) {
            contexts.push((response, position, tokens.len()));
            tokens.extend(counts);
        }
        // A task has a gradient of its own; their number depends on sizes alone.
        let tasks = ((1usize << 24) / features.dim()).clamp(1, 64);
        let per_task = contexts.len().div_ceil(tasks).max(16);
        Self { features, responses, contexts, tokens, per_task }
    }

    /// The mean log-likelihood at `theta`, and its gradient.
    fn evaluate(&self, theta: &[f64], workers: &Workers, control: &Control) -> Result<(f64, Vec<f64>)> {
        let weight = 1.0 / self.responses.len() as f64;
        let tasks = self.contexts.len().div_ceil(self.per_task);
        let parts = workers.map(tasks, control, |task| {
            let mut evaluator = Evaluator::new(self.features);
            let mut gradient = Gradient::new(self.features);
            let mut likelihood = 0.0;
            let first = task * self.per_task;
            let last = (first + self.per_task).min(self.contexts.len());
            for index in first..last {
                if index % 256 == 0 {
                    control.check()?;
                }
                let (response, position, start) = self.contexts[index];
                let end = self.contexts.get(index + 1).map_or(self.tokens.len(), |next| next.2);
                let response = self.responses.get(response);
                let context = Context { prompt: response.prompt, prefix: &response.tokens[..position] };
                let log_probs = evaluator.log_probs(context, theta, 1.0);
                let tokens = &self.tokens[start..end];
                let mut total = 0.0;
                for &(token, count) in tokens {
                    likelihood += count * log_probs[token as usize];
                    total += count;
                }
                let kernels = evaluator.kernels();
                let values = evaluator.values_mut();
                kernels.exp_all(values);
                kernels.scale(-total * weight, values);
                for &(token, count) in tokens {
                    values[token as usize] += count * weight;
                }
                evaluator.accumulate(context, &mut gradient);
            }
            Ok((likelihood, gradient.values().to_vec()))
        })?;
        let mut likelihood = 0.0;
        let mut gradient = vec![0.0; theta.len()];
        for (part, slopes) in parts {
            likelihood += part;
            gradient.iter_mut().zip(&slopes).for_each(|(sum, slope)| *sum += slope);
        }
        Ok((likelihood * weight, gradient))
    }
}

/// argmax over θ in Θ of the mean log-likelihood of `responses`.
///
/// Nesterov's accelerated projected gradient; the step adapts to the curvature met, the momentum restarts when it
/// points downhill (O'Donoghue and Candès). Every iterate is checked by its Frank–Wolfe gap and the best is returned.
///
/// # Errors
/// [`crate::Code::InvalidOption`] and [`crate::Code::ShapeMismatch`] for options or responses that do not fit;
/// [`crate::Code::Aborted`].
pub fn maximum_likelihood(
    features: &Arc<dyn FeatureMap>,
    responses: &Responses,
    options: &MleOptions,
    workers: &Workers,
    control: &Control,
) -> Result<MleReport> {
    let features = &**features;
    responses.check(features.prompts(), features.vocabulary(), features.horizon())?;
    options.constraint.check()?;
    if !(options.tolerance.is_finite() && options.tolerance >= 0.0) {
        let message = format!("The tolerance must be finite and not negative, not {}.", options.tolerance);
        return Err(Error::option("tolerance", message));
    }
    let (kernels, dim) = (Kernels::default(), features.dim());
    let mut theta = match &options.theta0 {
        Some(theta) => theta.clone(),
        None if options.constraint == Constraint::Simplex => vec![1.0 / dim as f64; dim],
        None => vec![0.0; dim],
    };
    check_theta(features, &theta).map_err(|error| error.at_field("theta0"))?;
    options.constraint.project(kernels, &mut theta);
    let data = Counted::new(features, responses);
    let mut search = Search::new(&data, options, theta, workers, control)?;
    control.start(options.max_iterations);
    loop {
        if let Some(stopped) = search.stop() {
            let (likelihood, gradient) = &search.best_value;
            return Ok(MleReport {
                mean_neg_log_likelihood: -likelihood,
                gap: options.constraint.gap(&search.best, gradient),
                gradient_norm: norm(gradient),
                iterations: search.iterations,
                stopped,
                theta: search.best,
            });
        }
        search.step(workers, control)?;
        control.advance(1);
    }
}

fn norm(vector: &[f64]) -> f64 {
    vector.iter().map(|value| value * value).sum::<f64>().sqrt()
}

/// State of the accelerated search.
struct Search<'a> {
    data: &'a Counted<'a>,
    options: &'a MleOptions,
    kernels: Kernels,
    theta: Vec<f64>,
    /// Log-likelihood and gradient at `theta`.
    value: (f64, Vec<f64>),
    /// θ before the last step.
    previous: Vec<f64>,
    momentum: f64,
    /// Estimate of the smoothness constant.
    curvature: f64,
    /// The iterate of the least certificate.
    best: Vec<f64>,
    best_value: (f64, Vec<f64>),
    best_certificate: f64,
    iterations: u64,
    stuck: bool,
}

impl<'a> Search<'a> {
    fn new(
        data: &'a Counted<'a>,
        options: &'a MleOptions,
        theta: Vec<f64>,
        workers: &Workers,
        control: &Control,
    ) -> Result<Self> {
        let value = data.evaluate(&theta, workers, control)?;
        let mut search = Self {
            data,
            options,
            kernels: Kernels::default(),
            previous: theta.clone(),
            best: theta.clone(),
            best_value: value.clone(),
            best_certificate: f64::INFINITY,
            theta,
            value,
            momentum: 1.0,
            // A guess that is too small costs a few evaluations, one that is too large many iterations.
            curvature: 1e-3 * data.features.bound().powi(2).max(1e-12),
            iterations: 0,
            stuck: false,
        };
        search.best_certificate = search.certificate();
        Ok(search)
    }

    /// The gap at θ, or the norm of the gradient where there is none.
    fn certificate(&self) -> f64 {
        self.options.constraint.gap(&self.theta, &self.value.1).unwrap_or_else(|| norm(&self.value.1))
    }

    fn stop(&self) -> Option<MleStop> {
        if self.best_certificate <= self.options.tolerance {
            Some(MleStop::Certified)
        } else if self.stuck {
            Some(MleStop::NoProgress)
        } else if self.iterations >= self.options.max_iterations {
            Some(MleStop::MaxIterations)
        } else {
            None
        }
    }

    fn step(&mut self, workers: &Workers, control: &Control) -> Result<()> {
        let next_momentum = 0.5 * (1.0 + (1.0 + 4.0 * self.momentum * self.momentum).sqrt());
        let weight = (self.momentum - 1.0) / next_momentum;
        let ahead: Vec<f64> =
            self.theta.iter().zip(&self.previous).map(|(now, before)| now + weight * (now - before)).collect();
        let restarted = weight == 0.0;
        let (_, slope) = if restarted { self.value.clone() } else { self.data.evaluate(&ahead, workers, control)? };
        // Curvature met is mostly less than its bound: try a longer step each time.
        self.curvature *= 0.9;
        let (next, value) = loop {
            let mut next = ahead.clone();
            self.kernels.add_scaled(1.0 / self.curvature, &slope, &mut next);
            self.options.constraint.project(self.kernels, &mut next);
            let value = self.data.evaluate(&next, workers, control)?;
            // Along the step the gradient may fall by at most curvature·‖step‖²: measured on gradients, because near
            // the optimum differences of likelihoods are all rounding.
            let (mut square, mut fall) = (0.0, 0.0);
            for i in 0..next.len() {
                let step = next[i] - ahead[i];
                square += step * step;
                fall -= (value.1[i] - slope[i]) * step;
            }
            if fall <= self.curvature * square * (1.0 + 1e-6) + 1e-300 || self.curvature > 1e300 {
                break (next, value);
            }
            self.curvature *= 2.0;
        };
        self.iterations += 1;
        // Restart when the step and the momentum disagree about where up is.
        let against: f64 = (0..next.len()).map(|i| (ahead[i] - next[i]) * (next[i] - self.theta[i])).sum();
        let moved = next.iter().zip(&self.theta).any(|(a, b)| a != b);
        self.stuck = !moved && restarted;
        self.momentum = if against > 0.0 || !moved { 1.0 } else { next_momentum };
        self.previous = std::mem::replace(&mut self.theta, next);
        if self.momentum == 1.0 {
            self.previous.copy_from_slice(&self.theta);
        }
        self.value = value;
        let certificate = self.certificate();
        if certificate < self.best_certificate {
            self.best_certificate = certificate;
            self.best.copy_from_slice(&self.theta);
            self.best_value.clone_from(&self.value);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linear::features::{Layout, TableFeatures};

    /// A Bernoulli model with logit θ·b on one feature.
    fn coin(bound: f64) -> Arc<dyn FeatureMap> {
        Arc::new(TableFeatures::new(Layout::Prompt { prompts: 1 }, 2, 1, vec![0.0, bound], None).unwrap())
    }

    fn flips(ones: usize, zeros: usize) -> Responses {
        let mut responses = Responses::new();
        (0..ones + zeros).for_each(|i| responses.push(0, &[u32::from(i < ones)]));
        responses
    }

    #[test]
    fn a_coin_has_its_frequency_and_a_certificate() {
        let (workers, control) = (Workers::sequential(), Control::new());
        let report = maximum_likelihood(&coin(5.0), &flips(3, 7), &MleOptions::default(), &workers, &control).unwrap();
        assert!((5.0 * report.theta[0] - (3.0f64 / 7.0).ln()).abs() < 1e-5);
        assert_eq!(report.stopped, MleStop::Certified);
        assert!(report.gap.unwrap() <= 1e-10);
        let entropy = -(0.3 * 0.3f64.ln() + 0.7 * 0.7f64.ln());
        assert!((report.mean_neg_log_likelihood - entropy).abs() < 1e-10);
    }

    #[test]
    fn the_boundary_is_reached_where_data_asks_for_more() {
        let (workers, control) = (Workers::sequential(), Control::new());
        let report = maximum_likelihood(&coin(1.0), &flips(9, 0), &MleOptions::default(), &workers, &control).unwrap();
        assert!((report.theta[0] - 1.0).abs() < 1e-15 && report.gap.unwrap() <= 1e-10);
        let unconstrained =
            MleOptions { constraint: Constraint::Unconstrained, max_iterations: 50, ..Default::default() };
        let report = maximum_likelihood(&coin(1.0), &flips(9, 0), &unconstrained, &workers, &control).unwrap();
        assert!(report.gap.is_none() && report.gradient_norm <= 1e-10 && report.theta[0] > 20.0);
    }
}
