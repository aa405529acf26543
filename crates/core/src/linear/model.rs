//! A linear model: feature map and θ.

use std::sync::Arc;

use super::evaluator::Evaluator;
use super::features::{Context, FeatureMap};
use super::gradient::Gradient;
use super::policy::{DataDistribution, Policy, Walker, map_responses};
use super::responses::{Response, Responses};
use crate::error::{Code, Error, Result};
use crate::parallel::Workers;
use crate::progress::Control;

/// π_θ(y_h | x, y_{<h}) ∝ exp⟨θ, φ(x, y_{1:h})⟩ [3].
#[derive(Clone, Debug)]
pub struct Model {
    features: Arc<dyn FeatureMap>,
    theta: Arc<[f64]>,
}

impl Model {
    /// The model of `features` at `theta`.
    ///
    /// # Errors
    /// [`Code::ShapeMismatch`] unless `theta` has the dimension of the features; [`Code::InvalidOption`] for a value
    /// that is not finite, or so large that logits could overflow (B·‖θ‖ above 1e300).
    pub fn new(features: Arc<dyn FeatureMap>, theta: impl Into<Arc<[f64]>>) -> Result<Self> {
        let theta = theta.into();
        check_theta(&*features, &theta)?;
        Ok(Self { features, theta })
    }

    /// φ.
    #[must_use]
    pub fn features(&self) -> &Arc<dyn FeatureMap> {
        &self.features
    }

    /// θ.
    #[must_use]
    pub fn theta(&self) -> &[f64] {
        &self.theta
    }

    /// ∇_θ log π_θ(y_i | x_i) = Σ_h (φ(x, y_{1:h}) − φ_θ(x, y_{<h})) of every response, each of length d, one after
    /// the other.
    ///
    /// # Errors
    /// As [`Policy::log_probs`]; [`Code::TooLarge`] if the gradients would not fit into memory.
    pub fn gradients(&self, responses: &Responses, workers: &Workers, control: &Control) -> Result<Vec<f64>> {
        responses.check(self.prompts(), self.vocabulary(), self.horizon())?;
        super::features::checked_size("The gradients", &[responses.len(), self.features.dim()])?;
        let of_each = map_responses(
            responses,
            workers,
            control,
            || (Evaluator::new(&*self.features), Gradient::new(&*self.features)),
            |(evaluator, gradient), response| {
                gradient.clear();
                add_response_gradient(evaluator, response, &self.theta, 1.0, 1.0, gradient);
                gradient.values().to_vec()
            },
        )?;
        Ok(of_each.concat())
    }
}

/// Whether `features` can be asked about everything `data` draws.
///
/// # Errors
/// [`Code::ShapeMismatch`] with both shapes.
pub(super) fn check_fit(data: &DataDistribution, features: &dyn FeatureMap) -> Result<()> {
    let fits = features.vocabulary() == data.policy().vocabulary()
        && features.horizon().is_none_or(|horizon| horizon >= data.horizon())
        && features.prompts().is_none_or(|prompts| prompts >= data.mu().prompts());
    if fits {
        return Ok(());
    }
    Err(Error::new(
        Code::ShapeMismatch,
        format!(
            "The features do not fit the data distribution: {} tokens, horizon {:?} and {:?} prompts against {}, {} and {}.",
            features.vocabulary(),
            features.horizon(),
            features.prompts(),
            data.policy().vocabulary(),
            data.horizon(),
            data.mu().prompts()
        ),
    ))
}

/// Whether `theta` can be a parameter of a model of `features`.
pub(super) fn check_theta(features: &dyn FeatureMap, theta: &[f64]) -> Result<()> {
    if theta.len() != features.dim() {
        return Err(Error::new(
            Code::ShapeMismatch,
            format!("theta has {} coordinates, the features have {} dimensions.", theta.len(), features.dim()),
        )
        .at_field("theta"));
    }
    if let Some(index) = theta.iter().position(|value| !value.is_finite()) {
        let message = format!("theta[{index}] is {}: every coordinate must be finite.", theta[index]);
        return Err(Error::option("theta", message));
    }
    let norm = theta.iter().map(|value| value * value).sum::<f64>().sqrt();
    if !(0.0..=1e300).contains(&(norm * features.bound())) {
        return Err(Error::option("theta", "The norm of theta times the feature bound is above 1e300: rescale one."));
    }
    Ok(())
}

/// Adds `weight`·∇ log π(y | x) to `gradient`, at θ = scale·theta.
pub(super) fn add_response_gradient(
    evaluator: &mut Evaluator<'_>,
    response: Response<'_>,
    theta: &[f64],
    scale: f64,
    weight: f64,
    gradient: &mut Gradient,
) {
    let (length, span) = (response.tokens.len(), evaluator.span_length(response.prompt));
    let mut position = 0;
    while position < length {
        if span > 1 {
            let end = (position + span).min(length);
            if evaluator.add_span(response, position..end, (theta, scale), weight, gradient) {
                position = end;
                continue;
            }
        }
        let context = Context { prompt: response.prompt, prefix: &response.tokens[..position] };
        evaluator.token_weights(context, theta, scale, response.tokens[position], weight);
        evaluator.accumulate(context, gradient);
        position += 1;
    }
}

impl Policy for Model {
    fn vocabulary(&self) -> usize {
        self.features.vocabulary()
    }

    fn horizon(&self) -> Option<usize> {
        self.features.horizon()
    }

    fn prompts(&self) -> Option<usize> {
        self.features.prompts()
    }

    fn memory(&self) -> Option<usize> {
        self.features.memory()
    }

    fn walker(&self) -> Box<dyn Walker + '_> {
        Box::new(ModelWalker::new(self))
    }
}

/// Log-probabilities of at most this many tokens are kept by a walker for contexts that come again.
const REMEMBERED: usize = 1 << 20;

/// Walks along responses of a [`Model`], computing each distinct block of features once.
#[derive(Debug)]
struct ModelWalker<'m> {
    model: &'m Model,
    evaluator: Evaluator<'m>,
    prompt: usize,
    prefix: Vec<u32>,
    /// Log-probabilities by key, [key, token], and whether they are there; empty if there are too many keys.
    known: Vec<f64>,
    is_known: Vec<bool>,
}

impl<'m> ModelWalker<'m> {
    fn new(model: &'m Model) -> Self {
        let vocabulary = model.features.vocabulary();
        let keys = model
            .features
            .keys()
            .filter(|&keys| keys.checked_mul(vocabulary).is_some_and(|values| values <= REMEMBERED))
            .unwrap_or(0);
        Self {
            model,
            evaluator: Evaluator::new(&*model.features),
            prompt: 0,
            prefix: Vec::new(),
            known: vec![0.0; keys * vocabulary],
            is_known: vec![false; keys],
        }
    }
}

impl Walker for ModelWalker<'_> {
    fn start(&mut self, prompt: usize) {
        self.prompt = prompt;
        self.prefix.clear();
    }

    fn next(&mut self) -> &[f64] {
        let Self { model, evaluator, prompt, prefix, known, is_known } = self;
        let context = Context { prompt: *prompt, prefix };
        if is_known.is_empty() {
            return evaluator.log_probs(context, &model.theta, 1.0);
        }
        let key = model.features.key(context);
        let vocabulary = model.features.vocabulary();
        let slot = &mut known[key * vocabulary..(key + 1) * vocabulary];
        if !is_known[key] {
            slot.copy_from_slice(evaluator.log_probs(context, &model.theta, 1.0));
            is_known[key] = true;
        }
        slot
    }

    fn push(&mut self, token: u32) {
        self.prefix.push(token);
    }

    fn truncate(&mut self, len: usize) {
        self.prefix.truncate(len);
    }
}
