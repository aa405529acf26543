//! The gradient of a batch at a fixed θ, with work shared between tokens in contexts of the same features.

use crate::linear::evaluator::Evaluator;
use crate::linear::features::{Context, FeatureMap};
use crate::linear::gradient::Gradient;
use crate::linear::model::add_response_gradient;
use crate::linear::responses::Responses;

/// Counts for at most this many (key, token) pairs are kept.
const MOST_COUNTS: usize = 1 << 22;

/// A context of a batch and how often each token came there.
///
/// At a fixed θ the gradient of all tokens in one context is Σ_y (count_y − total·π_θ(y)) φ(y): one evaluation however
/// many there are.
#[derive(Clone, Debug)]
struct Visited {
    key: usize,
    /// A response and a position in it with this context.
    response: usize,
    position: usize,
}

/// Counts by context; all zero between batches.
#[derive(Clone, Debug)]
struct Counts {
    /// [key, token]
    counts: Vec<f64>,
    /// [key]
    totals: Vec<f64>,
    visited: Vec<Visited>,
}

/// Computes gradients of batches.
#[derive(Debug)]
pub(super) struct BatchGradient<'f> {
    evaluator: Evaluator<'f>,
    counts: Option<Counts>,
    repeats: bool,
}

impl<'f> BatchGradient<'f> {
    pub(super) fn new(features: &'f dyn FeatureMap) -> Self {
        let vocabulary = features.vocabulary();
        let keys =
            features.keys().filter(|&keys| keys.checked_mul(vocabulary).is_some_and(|counts| counts <= MOST_COUNTS));
        let counts = keys.map(|keys| Counts {
            counts: vec![0.0; keys * vocabulary],
            totals: vec![0.0; keys],
            visited: Vec::new(),
        });
        Self { evaluator: Evaluator::new(features), counts, repeats: features.keys_repeat() }
    }

    pub(super) fn evaluator(&mut self) -> &mut Evaluator<'f> {
        &mut self.evaluator
    }

    /// Adds `weight`·Σ_i ∇log π(y_i | x_i) to `gradient`, at θ = scale·theta.
    pub(super) fn add(
        &mut self,
        responses: &Responses,
        theta: &[f64],
        scale: f64,
        weight: f64,
        gradient: &mut Gradient,
    ) {
        let Self { evaluator, counts, repeats } = self;
        let Some(counts) = counts.as_mut().filter(|_| responses.len() > 1 || *repeats) else {
            for response in responses.iter() {
                add_response_gradient(evaluator, response, theta, scale, weight, gradient);
            }
            return;
        };
        let vocabulary = evaluator.features().vocabulary();
        for (index, response) in responses.iter().enumerate() {
            for (position, &token) in response.tokens.iter().enumerate() {
                let context = Context { prompt: response.prompt, prefix: &response.tokens[..position] };
                let key = evaluator.features().key(context);
                if counts.totals[key] == 0.0 {
                    counts.visited.push(Visited { key, response: index, position });
                }
                counts.totals[key] += 1.0;
                counts.counts[key * vocabulary + token as usize] += 1.0;
            }
        }
        for Visited { key, response, position } in counts.visited.drain(..) {
            let response = responses.get(response);
            let context = Context { prompt: response.prompt, prefix: &response.tokens[..position] };
            let weights = evaluator.probabilities(context, theta, scale);
            let of_key = &mut counts.counts[key * vocabulary..(key + 1) * vocabulary];
            let total = counts.totals[key];
            for (weight_of, count) in weights.iter_mut().zip(of_key.iter()) {
                *weight_of = weight * (count - total * *weight_of);
            }
            evaluator.accumulate(context, gradient);
            of_key.fill(0.0);
            counts.totals[key] = 0.0;
        }
    }
}
