//! Test-time training [22, 23]: a policy that takes a gradient step on every token it has read or written.

use super::constraint::Constraint;
use super::evaluator::Evaluator;
use super::features::Context;
use super::gradient::Gradient;
use super::model::Model;
use super::parameter::Parameter;
use super::policy::{Policy, Walker};
use super::responses::Response;
use crate::error::{Error, Result};

/// π^TTT_θ: token h has the distribution of π_{θ_h} where θ_1 = θ and
/// θ_{h+1} = Proj(θ_h + η ∇log π_{θ_h}(y_h | x, y_{<h})); θ comes back after the response. A proper distribution
/// over responses, though no member of the model class.
#[derive(Clone, Debug)]
pub struct TestTimeModel {
    model: Model,
    step_size: f64,
    constraint: Constraint,
}

impl TestTimeModel {
    /// Test-time training from `model` with step size η = `step_size` on Θ = `constraint`.
    ///
    /// # Errors
    /// [`crate::Code::InvalidOption`] unless the step size is finite and not negative and θ lies in Θ.
    pub fn new(model: Model, step_size: f64, constraint: Constraint) -> Result<Self> {
        if !(step_size.is_finite() && step_size >= 0.0) {
            return Err(Error::option(
                "stepSize",
                format!("The step size must be finite and not negative, not {step_size}."),
            ));
        }
        constraint.check()?;
        if !constraint.contains(model.theta()) {
            return Err(Error::option(
                "theta",
                "theta lies outside the constraint set: project it, or give the set it was trained on.",
            ));
        }
        Ok(Self { model, step_size, constraint })
    }

    /// The model decoding starts from.
    #[must_use]
    pub fn model(&self) -> &Model {
        &self.model
    }
}

impl Policy for TestTimeModel {
    fn vocabulary(&self) -> usize {
        self.model.vocabulary()
    }

    fn horizon(&self) -> Option<usize> {
        self.model.horizon()
    }

    fn prompts(&self) -> Option<usize> {
        self.model.prompts()
    }

    fn walker(&self) -> Box<dyn Walker + '_> {
        let features = &**self.model.features();
        let gradient = Gradient::new(features);
        let origin = Parameter::new(self.model.theta().to_vec(), gradient.is_lazy());
        Box::new(TestTimeWalker {
            policy: self,
            evaluator: Evaluator::new(features),
            parameter: origin.clone(),
            origin,
            journal: gradient.clone(),
            gradient,
            prompt: 0,
            prefix: Vec::new(),
            log_probs: vec![0.0; features.vocabulary()],
            is_current: false,
            trail: None,
        })
    }
}

#[derive(Debug)]
struct TestTimeWalker<'m> {
    policy: &'m TestTimeModel,
    evaluator: Evaluator<'m>,
    parameter: Parameter,
    origin: Parameter,
    gradient: Gradient,
    /// Remembers, by what it has touched, where `parameter` may differ from `origin`.
    journal: Gradient,
    prompt: usize,
    prefix: Vec<u32>,
    log_probs: Vec<f64>,
    /// Whether `log_probs` are those of the present place.
    is_current: bool,
    /// θ_1 … θ_h; kept from the first `truncate` on, when it becomes clear that the walk branches.
    trail: Option<Vec<Parameter>>,
}

impl TestTimeWalker<'_> {
    fn restart(&mut self) {
        self.parameter.restore(&self.origin, self.journal.runs());
        self.journal.clear();
        self.is_current = false;
    }

    /// Steps on the log-likelihood of `token` at `context`, and returns what it was before.
    fn step(&mut self, context: Context<'_>, token: u32) -> f64 {
        let Self { policy, evaluator, parameter, gradient, journal, .. } = self;
        let kernels = evaluator.kernels();
        let lazy = gradient.is_lazy();
        let weight = if lazy { 1.0 } else { policy.step_size };
        let (theta, scale) = (parameter.values(), parameter.scale());
        let log_prob = evaluator.token_log_prob_and_weights(context, theta, scale, token, weight);
        if lazy {
            gradient.clear();
            evaluator.accumulate(context, gradient);
            for run in gradient.runs() {
                journal.touch(run.start, run.len());
            }
            parameter.ascend(kernels, policy.step_size, gradient, &policy.constraint);
        } else {
            parameter.change_dense(kernels, &policy.constraint, |theta| evaluator.accumulate_dense(context, theta));
        }
        self.is_current = false;
        log_prob
    }
}

impl Walker for TestTimeWalker<'_> {
    fn start(&mut self, prompt: usize) {
        self.restart();
        self.prompt = prompt;
        self.prefix.clear();
        if let Some(trail) = &mut self.trail {
            trail.clear();
        }
    }

    fn next(&mut self) -> &[f64] {
        if !self.is_current {
            let context = Context { prompt: self.prompt, prefix: &self.prefix };
            let (theta, scale) = (self.parameter.values(), self.parameter.scale());
            self.log_probs.copy_from_slice(self.evaluator.log_probs(context, theta, scale));
            self.is_current = true;
        }
        &self.log_probs
    }

    fn push(&mut self, token: u32) {
        if let Some(trail) = &mut self.trail {
            trail.push(self.parameter.clone());
        }
        let prefix = std::mem::take(&mut self.prefix);
        self.step(Context { prompt: self.prompt, prefix: &prefix }, token);
        self.prefix = prefix;
        self.prefix.push(token);
    }

    fn log_prob(&mut self, response: Response<'_>) -> f64 {
        // The same numbers as by `next` and `push`, with the features read once for both.
        self.start(response.prompt);
        let mut sum = 0.0;
        for (position, &token) in response.tokens.iter().enumerate() {
            let context = Context { prompt: response.prompt, prefix: &response.tokens[..position] };
            if position + 1 < response.tokens.len() {
                sum += self.step(context, token);
            } else {
                let (theta, scale) = (self.parameter.values(), self.parameter.scale());
                sum += self.evaluator.log_probs(context, theta, scale)[token as usize];
            }
        }
        sum
    }

    fn truncate(&mut self, len: usize) {
        if len >= self.prefix.len() {
            return;
        }
        match &mut self.trail {
            Some(trail) => {
                // A journal cannot be cut short; it may go on listing more than what differs.
                self.parameter.clone_from(&trail[len]);
                trail.truncate(len);
                self.prefix.truncate(len);
                self.is_current = false;
            }
            None => {
                self.trail = Some(Vec::new());
                let prefix = std::mem::take(&mut self.prefix);
                self.restart();
                for &token in &prefix[..len] {
                    self.push(token);
                }
            }
        }
    }
}
