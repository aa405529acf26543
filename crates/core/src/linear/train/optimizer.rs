//! The update rules: one step on a batch.

use super::batch::BatchGradient;
use super::options::Procedure;
use super::policy_gradient::{Group, Objective, add_expected, rollouts_of};
use super::truncated::{TeacherWalk, add_truncated_gradient};
use crate::linear::constraint::Constraint;
use crate::linear::evaluator::Evaluator;
use crate::linear::features::{Context, FeatureMap};
use crate::linear::gradient::Gradient;
use crate::linear::parameter::Parameter;
use crate::linear::responses::{Response, Responses};

/// Working memory of the update rules; nothing in it outlives a step except Adam's moments.
pub(super) struct Optimizer<'f> {
    procedure: Procedure,
    constraint: Constraint,
    /// λ of normalized SGD.
    lambda: f64,
    /// A of truncated SGD.
    threshold: f64,
    /// Seed and run of the responses that policy gradient draws.
    streams: (u64, u64),
    group: Group,
    batch: BatchGradient<'f>,
    gradient: Gradient,
    /// What the procedure keeps from step to step; set by the run.
    pub(super) moments: Vec<Vec<f64>>,
    update: Vec<f64>,
}

/// A batch, and where in the data set its responses stand.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) responses: Responses,
    pub(super) indices: Vec<usize>,
}

impl Procedure {
    /// The vectors of d numbers that it keeps from step to step beside θ, as they are at the beginning of a stage.
    pub(super) fn moments(&self, theta: &[f64]) -> Vec<Vec<f64>> {
        let zeros = vec![0.0; theta.len()];
        match *self {
            Self::Adam { .. } => vec![zeros.clone(), zeros],
            Self::AdaGrad { .. } => vec![zeros],
            // What the KL divergence is measured from.
            Self::PolicyGradient { kl, .. } if kl > 0.0 => vec![theta.to_vec()],
            _ => Vec::new(),
        }
    }

    /// Whether a step changes no coordinates but those of the features it sees.
    pub(super) fn is_sparse(&self) -> bool {
        !matches!(self, Self::Adam { .. })
    }
}

impl<'f> Optimizer<'f> {
    pub(super) fn new(
        features: &'f dyn FeatureMap,
        procedure: Procedure,
        constraint: Constraint,
        lambda: f64,
        threshold: f64,
        streams: (u64, u64),
    ) -> Self {
        Self {
            procedure,
            constraint,
            lambda,
            threshold,
            streams,
            group: Group::default(),
            batch: BatchGradient::new(features),
            gradient: Gradient::new(features),
            moments: Vec::new(),
            update: vec![0.0; if procedure.is_sparse() { 0 } else { features.dim() }],
        }
    }

    /// Step number `step` (from 0) of size `step_size` on `batch`.
    pub(super) fn step(
        &mut self,
        parameter: &mut Parameter,
        batch: &Batch,
        teacher: Option<&mut TeacherWalk<'_>>,
        step: u64,
        step_size: f64,
    ) {
        if matches!(self.procedure, Procedure::TokenSgd) {
            for response in batch.responses.iter() {
                let evaluator = self.batch.evaluator();
                token_steps(evaluator, &mut self.gradient, parameter, response, step_size, &self.constraint);
            }
            return;
        }
        self.gradient.clear();
        self.add_gradient(parameter, batch, teacher, step);
        let kernels = self.batch.evaluator().kernels();
        match self.procedure {
            Procedure::Sgd
            | Procedure::TruncatedSgd { .. }
            | Procedure::PolicyGradient { .. }
            | Procedure::TokenSgd => {
                parameter.ascend(kernels, step_size, &self.gradient, &self.constraint);
            }
            Procedure::NormalizedSgd { .. } => {
                let norm = self.gradient.square(kernels).sqrt();
                // A gradient of zero moves nothing, also where λ = 0.
                let factor = if norm > 0.0 { step_size / (self.lambda + norm) } else { 0.0 };
                parameter.ascend(kernels, factor, &self.gradient, &self.constraint);
            }
            Procedure::SignSgd => {
                self.gradient.replace(|_, slope| if slope == 0.0 { 0.0 } else { slope.signum() });
                parameter.ascend(kernels, step_size, &self.gradient, &self.constraint);
            }
            Procedure::AdaGrad { epsilon } => {
                let [squares] = &mut self.moments[..] else { unreachable!("AdaGrad keeps one") };
                self.gradient.replace(|at, slope| {
                    squares[at] += slope * slope;
                    slope / (squares[at].sqrt() + epsilon)
                });
                parameter.ascend(kernels, step_size, &self.gradient, &self.constraint);
            }
            Procedure::Adam { beta1, beta2, epsilon } => {
                #[expect(clippy::cast_precision_loss, reason = "step numbers are below 2^53")]
                let time = (step + 1) as f64;
                let (first, second) = (1.0 - libm::pow(beta1, time), 1.0 - libm::pow(beta2, time));
                let [means, squares] = &mut self.moments[..] else { unreachable!("Adam keeps two") };
                for (i, &slope) in self.gradient.values().iter().enumerate() {
                    means[i] = beta1 * means[i] + (1.0 - beta1) * slope;
                    squares[i] = beta2 * squares[i] + (1.0 - beta2) * slope * slope;
                    self.update[i] = (means[i] / first) / ((squares[i] / second).sqrt() + epsilon);
                }
                let update = &self.update;
                parameter.change_dense(kernels, &self.constraint, |theta| kernels.add_scaled(step_size, update, theta));
            }
        }
    }

    /// The mean gradient of the batch, weighted by α_h for truncated SGD; that of the reward for policy gradient.
    fn add_gradient(&mut self, parameter: &Parameter, batch: &Batch, teacher: Option<&mut TeacherWalk<'_>>, step: u64) {
        let at = (parameter.values(), parameter.scale());
        #[expect(clippy::cast_precision_loss, reason = "a batch has far fewer than 2^53 responses")]
        let weight = 1.0 / batch.responses.len() as f64;
        match (self.procedure, teacher) {
            (Procedure::TruncatedSgd { .. }, Some(teacher)) => {
                for (response, &index) in batch.responses.iter().zip(&batch.indices) {
                    teacher.start(response.prompt, index);
                    let evaluator = self.batch.evaluator();
                    add_truncated_gradient(
                        evaluator,
                        teacher,
                        response,
                        at,
                        self.threshold,
                        weight,
                        &mut self.gradient,
                    );
                }
            }
            (Procedure::PolicyGradient { reward, rollouts, kl, standardize }, _) => {
                let reference = self.moments.first().map_or(&[][..], |reference| reference);
                let objective = Objective { reward, kl, reference, theta: at.0, scale: at.1 };
                let mut stream = rollouts_of(self.streams.0, self.streams.1, step);
                for answer in batch.responses.iter() {
                    let (evaluator, gradient) = (self.batch.evaluator(), &mut self.gradient);
                    if let Some(size) = rollouts {
                        let size = size as usize;
                        let group = &mut self.group;
                        group.add_sampled(
                            evaluator,
                            objective,
                            answer,
                            size,
                            standardize,
                            weight,
                            &mut stream,
                            gradient,
                        );
                    } else {
                        add_expected(evaluator, objective, answer, weight, gradient);
                    }
                }
            }
            _ => self.batch.add(&batch.responses, at.0, at.1, weight, &mut self.gradient),
        }
    }
}

/// A projected step on each token of `response` [21].
fn token_steps(
    evaluator: &mut Evaluator<'_>,
    gradient: &mut Gradient,
    parameter: &mut Parameter,
    response: Response<'_>,
    step_size: f64,
    constraint: &Constraint,
) {
    let kernels = evaluator.kernels();
    for (position, &token) in response.tokens.iter().enumerate() {
        let context = Context { prompt: response.prompt, prefix: &response.tokens[..position] };
        if gradient.is_lazy() {
            evaluator.token_weights(context, parameter.values(), parameter.scale(), token, 1.0);
            gradient.clear();
            evaluator.accumulate(context, gradient);
            parameter.ascend(kernels, step_size, gradient, constraint);
        } else {
            evaluator.token_weights(context, parameter.values(), 1.0, token, step_size);
            parameter.change_dense(kernels, constraint, |theta| evaluator.accumulate_dense(context, theta));
        }
    }
}
