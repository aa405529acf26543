//! The training loop: one for every procedure.

use std::sync::Arc;

use serde::Serialize;

use super::optimizer::{Batch, Optimizer};
use super::options::{Procedure, TrainOptions};
use super::state::{Checkpoint, TrainState};
use super::step_size::{Givens, StepSize, Theory};
use super::truncated::{Teacher, check_teacher};
use super::validation::{Validation, ValidationRecord};
use crate::error::{Error, Result};
use crate::linear::constraint::Constraint;
use crate::linear::features::FeatureMap;
use crate::linear::kernel::Kernels;
use crate::linear::model::{Model, check_fit, check_theta};
use crate::linear::parameter::Parameter;
use crate::linear::policy::{DataDistribution, Walker};
use crate::linear::responses::Responses;
use crate::linear::test_time::TestTimeModel;
use crate::parallel::Workers;
use crate::progress::Control;
use crate::random::{Purpose, Stream};

/// Where training responses come from.
#[derive(Clone, Debug)]
pub enum TrainingData {
    /// Drawn fresh from π_D, each used once.
    Fresh(Arc<DataDistribution>),
    /// A data set, gone through in epochs.
    Set(Arc<Responses>),
}

/// What is trained, on what, and how it is watched.
#[derive(Clone, Debug)]
pub struct TrainTask {
    /// φ.
    pub features: Arc<dyn FeatureMap>,
    /// The data.
    pub data: TrainingData,
    /// The teacher of truncated SGD; by default π_D, where data is drawn fresh.
    pub teacher: Option<Teacher>,
    /// What is measured along the way.
    pub validation: Validation,
}

/// Why a run stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum StopReason {
    /// All steps were taken.
    Finished,
    /// The step asked for was reached; the run can go on.
    Paused,
    /// θ is no longer finite; only an unbounded Θ allows it.
    Diverged,
}

/// A training run that can be stopped at any step and taken up again.
pub struct Trainer {
    task: TrainTask,
    options: TrainOptions,
    steps: u64,
    theory: Option<Theory>,
    state: TrainState,
}

/// Steps between two looks at the clock of the caller: some milliseconds at the very most.
const STEPS_PER_CHECK: u64 = 16;

impl Trainer {
    /// A run that has not begun.
    ///
    /// # Errors
    /// [`crate::Code::InvalidOption`] and [`crate::Code::ShapeMismatch`] for options out of range, data, teacher, θ or
    /// held-out responses that do not fit the features.
    pub fn new(task: TrainTask, options: TrainOptions) -> Result<Self> {
        let (steps, theory) = check(&task, &options)?;
        let dim = task.features.dim();
        let mut theta = match &options.theta0 {
            Some(theta) => theta.clone(),
            #[expect(clippy::cast_precision_loss, reason = "dimensions are below 2^32")]
            None if options.constraint == Constraint::Simplex => vec![1.0 / dim as f64; dim],
            None => vec![0.0; dim],
        };
        check_theta(&*task.features, &theta).map_err(|error| error.at_field("theta0"))?;
        options.constraint.project(Kernels::default(), &mut theta);
        let is_adam = matches!(options.procedure, Procedure::Adam { .. });
        let lazy = task.features.granule() < dim && !is_adam;
        let state = TrainState {
            step: 0,
            parameter: Parameter::new(theta, lazy),
            stream: Stream::new(options.seed, Purpose::Data, options.run).state(),
            moments: [vec![0.0; if is_adam { dim } else { 0 }], vec![0.0; if is_adam { dim } else { 0 }]],
            iterate_sum: vec![0.0; if options.average { dim } else { 0 }],
            drawn_step: Stream::new(options.seed, Purpose::Sample, options.run).below(steps),
            drawn_theta: Vec::new(),
            validations: Vec::new(),
            checkpoints: Vec::new(),
        };
        Ok(Self { task, options, steps, theory, state })
    }

    /// The run as it was when `state` was taken; goes on bit for bit as if it had not been interrupted.
    ///
    /// # Errors
    /// As [`Trainer::new`]; [`crate::Code::ShapeMismatch`] if the state belongs to another run.
    pub fn resume(task: TrainTask, options: TrainOptions, state: TrainState) -> Result<Self> {
        let fresh = Self::new(task, options)?;
        state.check_against(&fresh.state, fresh.steps)?;
        Ok(Self { state, ..fresh })
    }

    /// T.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// What the theorem chose, where the step size is `theory`.
    #[must_use]
    pub fn theory(&self) -> Option<&Theory> {
        self.theory.as_ref()
    }

    /// Everything needed to go on, and all that was recorded so far.
    #[must_use]
    pub fn state(&self) -> &TrainState {
        &self.state
    }

    /// The present model.
    ///
    /// # Errors
    /// [`crate::Code::InvalidOption`] if θ has diverged.
    pub fn model(&self) -> Result<Model> {
        Model::new(self.task.features.clone(), self.state.parameter.theta())
    }

    /// Trains until step `until` (default T). Advances `control` by one a step. After an error, an abort for instance,
    /// the state is that of the last whole step.
    ///
    /// # Errors
    /// [`crate::Code::Aborted`], and errors of validation.
    pub fn run(&mut self, until: Option<u64>, workers: &Workers, control: &Control) -> Result<StopReason> {
        let until = until.unwrap_or(self.steps).min(self.steps);
        let features = self.task.features.clone();
        let theory_lambda = self.theory.as_ref().and_then(|theory| theory.lambda);
        let lambda = match self.options.procedure {
            Procedure::NormalizedSgd { lambda } => lambda.or(theory_lambda).unwrap_or(0.0),
            _ => 0.0,
        };
        let threshold = match self.options.procedure {
            Procedure::TruncatedSgd { threshold } => {
                threshold.unwrap_or_else(|| crate::statistics::log_n(self.options.n))
            }
            _ => f64::INFINITY,
        };
        let mut optimizer =
            Optimizer::new(&*features, self.options.procedure, self.options.constraint, lambda, threshold);
        std::mem::swap(&mut optimizer.moments, &mut self.state.moments);
        let result = self.run_with(&mut optimizer, until, workers, control);
        std::mem::swap(&mut optimizer.moments, &mut self.state.moments);
        result
    }

    fn run_with(
        &mut self,
        optimizer: &mut Optimizer<'_>,
        until: u64,
        workers: &Workers,
        control: &Control,
    ) -> Result<StopReason> {
        let task = self.task.clone();
        let teacher = teacher_of(&task, &self.options);
        let mut walk = teacher.as_ref().map(Teacher::walk);
        let mut source = Source::new(&task.data, &self.options, &self.state);
        let mut batch = Batch::default();
        if !self.state.parameter.is_finite() {
            return Ok(StopReason::Diverged);
        }
        // An abort may have come between a step and its measures.
        self.record(workers, control)?;
        while self.state.step < until {
            let step = self.state.step;
            if step.is_multiple_of(STEPS_PER_CHECK) {
                control.check()?;
            }
            source.fill(&mut batch, step);
            if step == self.state.drawn_step {
                self.state.drawn_theta = self.state.parameter.theta();
            }
            if self.options.average {
                let scale = self.state.parameter.scale();
                Kernels::default().add_scaled(scale, self.state.parameter.values(), &mut self.state.iterate_sum);
            }
            let step_size = match (&self.theory, &self.options.step_size) {
                (Some(theory), _) => theory.step_size,
                (None, schedule) => schedule.at(step, self.steps),
            };
            optimizer.step(&mut self.state.parameter, &batch, walk.as_mut(), step, step_size);
            self.state.step += 1;
            self.state.stream = source.stream_state(&self.state);
            control.advance(1);
            if !self.state.parameter.is_finite() {
                return Ok(StopReason::Diverged);
            }
            self.record(workers, control)?;
        }
        Ok(if self.state.step == self.steps { StopReason::Finished } else { StopReason::Paused })
    }

    /// Validates and keeps a checkpoint where the present step is due for it and has none yet.
    fn record(&mut self, workers: &Workers, control: &Control) -> Result<()> {
        let step = self.state.step;
        let last = step == self.steps;
        let due = |every: u64| every > 0 && step > 0 && step.is_multiple_of(every);
        let validated = self.state.validations.last().is_some_and(|record| record.step == step);
        let kept = self.state.checkpoints.last().is_some_and(|checkpoint| checkpoint.step == step);
        let validate = !validated && (due(self.options.validate_every) || last);
        let keep = !kept && due(self.options.checkpoint_every);
        if !(validate || keep) {
            return Ok(());
        }
        let model = self.model()?;
        let validation = &self.task.validation;
        let (record, log_probs) = match validation.test_time_step_size {
            None => validation.measure(step, &model, workers, control)?,
            Some(step_size) => {
                let policy = TestTimeModel::new(model.clone(), step_size, self.options.constraint)?;
                validation.measure(step, &policy, workers, control)?
            }
        };
        if validate {
            self.state.validations.push(record);
        }
        if keep {
            let theta = if self.options.checkpoint_theta { model.theta().to_vec() } else { Vec::new() };
            self.state.checkpoints.push(Checkpoint { step, log_probs, theta });
        }
        Ok(())
    }

    /// What the run has come to so far.
    #[must_use]
    pub fn report(&self, stopped: StopReason) -> TrainReport {
        TrainReport::new(&self.options, self.steps, self.theory.clone(), stopped, &self.state)
    }
}

/// The teacher of truncated SGD.
fn teacher_of(task: &TrainTask, options: &TrainOptions) -> Option<Teacher> {
    if !matches!(options.procedure, Procedure::TruncatedSgd { .. }) {
        return None;
    }
    match (&task.teacher, &task.data) {
        (Some(teacher), _) => Some(teacher.clone()),
        (None, TrainingData::Fresh(data)) => Some(Teacher::Policy(data.policy().clone())),
        (None, TrainingData::Set(_)) => None,
    }
}

/// Checks task and options against each other; T and what theory says.
fn check(task: &TrainTask, options: &TrainOptions) -> Result<(u64, Option<Theory>)> {
    let features = &*task.features;
    let data_set = match &task.data {
        TrainingData::Fresh(data) => {
            check_fit(data, features)?;
            None
        }
        TrainingData::Set(responses) => {
            responses.check(features.prompts(), features.vocabulary(), features.horizon())?;
            Some(&**responses)
        }
    };
    let steps = options.check(data_set.map(Responses::len))?;
    if let Some(teacher) = teacher_of(task, options) {
        check_teacher(&teacher, features, data_set)?;
    } else if matches!(options.procedure, Procedure::TruncatedSgd { .. }) {
        return Err(Error::option("teacher", "Truncated SGD on a data set needs a teacher: give one."));
    }
    task.validation.check()?;
    if let Some(held_out) = &task.validation.held_out {
        held_out
            .check(features.prompts(), features.vocabulary(), features.horizon())
            .map_err(|error| error.at_field("validation.heldOut"))?;
    }
    if let Some(data) = &task.validation.exact {
        check_fit(data, features)?;
    }
    let theory = match options.step_size {
        StepSize::Theory { inherent_variance } => {
            let horizon = match &task.data {
                TrainingData::Fresh(data) => data.horizon(),
                TrainingData::Set(responses) => {
                    responses.iter().map(|response| response.tokens.len()).max().unwrap_or(0)
                }
            };
            let givens = Givens {
                feature_bound: features.bound(),
                horizon,
                inherent_variance,
                n: options.n,
                steps,
                dim: features.dim(),
            };
            Some(Theory::of(&options.procedure, &options.constraint, givens)?)
        }
        _ => None,
    };
    Ok((steps, theory))
}

/// Hands out the batches of a run.
struct Source<'t> {
    data: &'t TrainingData,
    fresh: Option<(Box<dyn Walker + 't>, Stream)>,
    batch_size: u64,
    /// Samples after which the data ends; only the last batch of whole epochs can reach it.
    end: u64,
    shuffle: bool,
    seed: u64,
    /// The epoch whose order is in `order`.
    epoch: Option<u64>,
    order: Vec<usize>,
}

impl<'t> Source<'t> {
    fn new(data: &'t TrainingData, options: &TrainOptions, state: &TrainState) -> Self {
        let (fresh, size) = match data {
            TrainingData::Fresh(data) => (Some((data.policy().walker(), Stream::resume(state.stream))), None),
            TrainingData::Set(responses) => (None, Some(responses.len() as u64)),
        };
        let end = match (options.steps, size) {
            (None, Some(size)) => size.saturating_mul(options.epochs),
            _ => u64::MAX,
        };
        let batch_size = options.batch_size as u64;
        Self {
            data,
            fresh,
            batch_size,
            end,
            shuffle: options.shuffle,
            seed: options.seed,
            epoch: None,
            order: Vec::new(),
        }
    }

    /// The batch of step `step`; fresh data must be asked for in order.
    fn fill(&mut self, batch: &mut Batch, step: u64) {
        batch.responses.clear();
        batch.indices.clear();
        let first = step.saturating_mul(self.batch_size);
        let last = first.saturating_add(self.batch_size).min(self.end);
        match self.data {
            TrainingData::Fresh(data) => {
                if let Some((walker, stream)) = &mut self.fresh {
                    let count = usize::try_from(last - first).unwrap_or(usize::MAX);
                    data.draw(&mut **walker, count, stream, &mut batch.responses);
                    batch.indices.resize(count, 0);
                }
            }
            TrainingData::Set(responses) => {
                let size = responses.len() as u64;
                for sample in first..last {
                    #[expect(clippy::cast_possible_truncation, reason = "a remainder by a usize")]
                    let (epoch, within) = (sample / size, (sample % size) as usize);
                    let index = if self.shuffle { self.shuffled(epoch, responses.len())[within] } else { within };
                    let response = responses.get(index);
                    batch.responses.push(response.prompt, response.tokens);
                    batch.indices.push(index);
                }
            }
        }
    }

    /// The order of `epoch`.
    fn shuffled(&mut self, epoch: u64, size: usize) -> &[usize] {
        if self.epoch != Some(epoch) {
            self.order.clear();
            self.order.extend(0..size);
            Stream::new(self.seed, Purpose::Shuffle, epoch).shuffle(&mut self.order);
            self.epoch = Some(epoch);
        }
        &self.order
    }

    fn stream_state(&self, state: &TrainState) -> crate::random::StreamState {
        self.fresh.as_ref().map_or(state.stream, |(_, stream)| stream.state())
    }
}

/// What a run came to. Plain data; θ and checkpoints are separate arrays.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TrainReport {
    /// The options, as given.
    pub options: TrainOptions,
    /// Steps taken.
    pub step: u64,
    /// T.
    pub steps: u64,
    /// Why it stopped.
    pub stopped: StopReason,
    /// What the theorem chose.
    pub theory: Option<Theory>,
    /// Measures along the way.
    pub validations: Vec<ValidationRecord>,
    /// The step before which the uniformly drawn iterate was taken, which theorems about the average over iterates
    /// speak of.
    pub drawn_step: u64,
    /// Steps of the checkpoints.
    pub checkpoint_steps: Vec<u64>,
    /// The last θ.
    #[serde(skip)]
    pub theta: Vec<f64>,
    /// The uniformly drawn iterate; empty if the run did not get there.
    #[serde(skip)]
    pub drawn_theta: Vec<f64>,
    /// The mean of the iterates; empty unless asked for.
    #[serde(skip)]
    pub average_theta: Vec<f64>,
    /// The checkpoints.
    #[serde(skip)]
    pub checkpoints: Vec<Checkpoint>,
}

impl TrainReport {
    fn new(
        options: &TrainOptions,
        steps: u64,
        theory: Option<Theory>,
        stopped: StopReason,
        state: &TrainState,
    ) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "steps are below 2^53")]
        let taken = state.step.max(1) as f64;
        Self {
            options: options.clone(),
            step: state.step,
            steps,
            stopped,
            theory,
            validations: state.validations.clone(),
            drawn_step: state.drawn_step,
            checkpoint_steps: state.checkpoints.iter().map(|checkpoint| checkpoint.step).collect(),
            theta: state.parameter.theta(),
            drawn_theta: state.drawn_theta.clone(),
            average_theta: state.iterate_sum.iter().map(|sum| sum / taken).collect(),
            checkpoints: state.checkpoints.clone(),
        }
    }

    /// Log-probabilities of the held-out responses under the checkpoints, one model each: what a tournament selects
    /// among.
    ///
    /// # Errors
    /// [`crate::Code::TooFewModels`] without checkpoints, [`crate::Code::NoResponses`] without held-out responses.
    pub fn log_probs(&self) -> Result<crate::LogProbs> {
        crate::LogProbs::from_f64(self.checkpoints.iter().map(|checkpoint| checkpoint.log_probs.clone()).collect())
    }
}
