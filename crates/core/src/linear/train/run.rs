//! The training loop: one for every procedure and every stage.

use std::sync::Arc;

use serde::Serialize;

use super::optimizer::{Batch, Optimizer};
use super::options::TrainOptions;
use super::source::{Source, TrainingData};
use super::stage::{Stage, StageTask, stages};
use super::state::{Checkpoint, TrainState};
use super::step_size::Theory;
use super::truncated::Teacher;
use super::validation::Validation;
use crate::error::Result;
use crate::linear::constraint::Constraint;
use crate::linear::features::FeatureMap;
use crate::linear::kernel::Kernels;
use crate::linear::model::{Model, check_fit, check_theta};
use crate::linear::parameter::Parameter;
use crate::linear::policy::Policy;
use crate::linear::test_time::TestTimeModel;
use crate::parallel::Workers;
use crate::progress::Control;
use crate::random::{Purpose, Stream};

/// What is trained, on what, and how it is watched.
#[derive(Clone, Debug)]
pub struct TrainTask {
    /// What the stages before the run's own are trained on.
    pub before: Vec<StageTask>,
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
    /// The step asked for was reached, or the time to pause; the run can go on.
    Paused,
    /// θ is no longer finite; only an unbounded Θ allows it.
    Diverged,
}

/// A training run that can be stopped at any step and taken up again.
pub struct Trainer {
    task: TrainTask,
    options: TrainOptions,
    stages: Arc<[Stage]>,
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
    pub fn new(task: TrainTask, mut options: TrainOptions) -> Result<Self> {
        let stages = stages(&task, &options)?;
        let features = &*task.features;
        task.validation.check(features)?;
        if let Some(data) = &task.validation.exact {
            check_fit(data, features)?;
        }
        let dim = features.dim();
        let theta = match options.theta0.take() {
            Some(theta) => theta,
            #[expect(clippy::cast_precision_loss, reason = "dimensions are below 2^32")]
            None if options.constraint == Constraint::Simplex => vec![1.0 / dim as f64; dim],
            None => vec![0.0; dim],
        };
        check_theta(features, &theta).map_err(|error| error.at_field("theta0"))?;
        let own = &stages[stages.len() - 1];
        let drawn = Stream::new(options.seed, Purpose::Sample, own.options.run).below(own.steps);
        let state = TrainState {
            stage: 0,
            step: 0,
            parameter: Parameter::new(Vec::new(), false),
            stream: own.stream(options.seed).state(),
            moments: Vec::new(),
            iterate_sum: vec![0.0; if options.average { dim } else { 0 }],
            drawn_step: own.start + drawn,
            drawn_theta: Vec::new(),
            validations: Vec::new(),
            checkpoints: Vec::new(),
        };
        let mut trainer = Self { task, options, stages: stages.into(), state };
        trainer.begin(0, theta);
        Ok(trainer)
    }

    /// The run as it was when `state` was taken; goes on bit for bit as if it had not been interrupted.
    ///
    /// # Errors
    /// As [`Trainer::new`]; [`crate::Code::ShapeMismatch`] if the state belongs to another run.
    pub fn resume(task: TrainTask, options: TrainOptions, state: TrainState) -> Result<Self> {
        let mut fresh = Self::new(task, options)?;
        if state.stage > 0 && state.stage < fresh.stages.len() {
            let dim = fresh.task.features.dim();
            fresh.begin(state.stage, vec![0.0; dim]);
        }
        let stage = &fresh.stages[fresh.state.stage];
        state.check_against(&fresh.state, stage.start..=stage.end())?;
        Ok(Self { state, ..fresh })
    }

    /// Puts the run before the first step of stage `index`, at `theta` projected on Θ.
    fn begin(&mut self, index: usize, mut theta: Vec<f64>) {
        let stage = &self.stages[index];
        self.options.constraint.project(Kernels::default(), &mut theta);
        self.state.stage = index;
        self.state.moments = stage.options.procedure.moments(&theta);
        self.state.parameter = Parameter::new(theta, stage.is_lazy());
        self.state.stream = stage.stream(self.options.seed).state();
    }

    /// T, over all stages.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.own_stage().end()
    }

    /// The step at which each stage begins.
    #[must_use]
    pub fn stage_starts(&self) -> Vec<u64> {
        self.stages.iter().map(|stage| stage.start).collect()
    }

    fn own_stage(&self) -> &Stage {
        &self.stages[self.stages.len() - 1]
    }

    /// What the theorem chose for the run's own stage, where its step size is `theory`.
    #[must_use]
    pub fn theory(&self) -> Option<&Theory> {
        self.own_stage().theory.as_ref()
    }

    /// What is measured along the way.
    #[must_use]
    pub fn validation(&self) -> &Validation {
        &self.task.validation
    }

    /// Everything needed to go on, and all that was recorded so far.
    #[must_use]
    pub fn state(&self) -> &TrainState {
        &self.state
    }

    pub(super) fn into_state(self) -> TrainState {
        self.state
    }

    /// The present model.
    ///
    /// # Errors
    /// [`crate::Code::InvalidOption`] if θ has diverged.
    pub fn model(&self) -> Result<Model> {
        Model::new(self.task.features.clone(), self.state.parameter.theta())
    }

    /// Trains until step `until` (default T), or until `control` asks for a pause, but one step at least. Advances
    /// `control` by one a step. After an error, an abort for instance,
    /// the state is that of the last whole step.
    ///
    /// # Errors
    /// [`crate::Code::Aborted`], and errors of validation.
    pub fn run(&mut self, until: Option<u64>, workers: &Workers, control: &Control) -> Result<StopReason> {
        let until = until.unwrap_or(u64::MAX).min(self.steps());
        let stages = Arc::clone(&self.stages);
        loop {
            let stage = &stages[self.state.stage];
            let mut optimizer = stage.optimizer(&self.options);
            std::mem::swap(&mut optimizer.moments, &mut self.state.moments);
            let result = self.run_stage(stage, &mut optimizer, until, workers, control);
            std::mem::swap(&mut optimizer.moments, &mut self.state.moments);
            if result? == StopReason::Diverged {
                return Ok(StopReason::Diverged);
            }
            if self.state.step == self.steps() {
                return Ok(StopReason::Finished);
            }
            if self.state.step < stage.end() || control.pause_is_due() {
                return Ok(StopReason::Paused);
            }
            let theta = self.state.parameter.theta();
            self.begin(self.state.stage + 1, theta);
        }
    }

    /// Trains until step `until` or the end of the present stage.
    fn run_stage(
        &mut self,
        stage: &Stage,
        optimizer: &mut Optimizer<'_>,
        until: u64,
        workers: &Workers,
        control: &Control,
    ) -> Result<StopReason> {
        let until = until.min(stage.end());
        let teacher = stage.teacher();
        let mut walk = teacher.as_ref().map(Teacher::walk);
        let mut source = Source::new(&stage.task.data, &stage.options, self.options.seed, self.state.stream);
        let mut batch = Batch::default();
        if !self.state.parameter.is_finite() {
            return Ok(StopReason::Diverged);
        }
        let averaged = self.options.average && self.state.stage + 1 == self.stages.len();
        // What is due before the first step; an abort may also have come between a step and its measures.
        self.record(stage, workers, control)?;
        while self.state.step < until {
            let step = self.state.step;
            if step.is_multiple_of(STEPS_PER_CHECK) {
                control.check()?;
            }
            let within = step - stage.start;
            source.fill(&mut batch, within);
            if step == self.state.drawn_step {
                self.state.drawn_theta = self.state.parameter.theta();
            }
            if averaged {
                let scale = self.state.parameter.scale();
                Kernels::default().add_scaled(scale, self.state.parameter.values(), &mut self.state.iterate_sum);
            }
            optimizer.step(&mut self.state.parameter, &batch, walk.as_mut(), within, stage.step_size(within));
            self.state.step += 1;
            self.state.stream = source.stream_state(self.state.stream);
            control.advance(1);
            if !self.state.parameter.is_finite() {
                return Ok(StopReason::Diverged);
            }
            self.record(stage, workers, control)?;
            if self.state.step.is_multiple_of(STEPS_PER_CHECK) && control.pause_is_due() {
                break;
            }
        }
        Ok(StopReason::Paused)
    }

    /// Validates and keeps a checkpoint where the present step is due for it and has none yet.
    fn record(&mut self, stage: &Stage, workers: &Workers, control: &Control) -> Result<()> {
        let TrainState { step, stage: index, .. } = self.state;
        let due = |every: u64| every > 0 && step > 0 && step.is_multiple_of(every);
        let validated = self.state.validations.last().is_some_and(|record| record.step == step);
        let validate = !validated && (due(self.options.validate_every) || step == self.steps());
        let last = self.state.checkpoints.last().map(|checkpoint| (checkpoint.stage, checkpoint.step));
        // The end of a stage is the beginning of the next: asked for by name, it is kept as either.
        let named =
            stage.options.checkpoints.binary_search(&(step - stage.start)).is_ok() && last != Some((index, step));
        let keep = named || (due(self.options.checkpoint_every) && last.is_none_or(|(_, kept)| kept != step));
        if !(validate || keep) {
            return Ok(());
        }
        let model = self.model()?;
        let validation = &self.task.validation;
        let test_time = match validation.test_time_step_size {
            None => None,
            Some(step_size) => Some(TestTimeModel::new(model.clone(), step_size, self.options.constraint)?),
        };
        let policy: &dyn Policy = test_time.as_ref().map_or(&model, |policy| policy);
        let log_probs = validation.log_probs(policy, workers, control)?;
        let record = validate.then(|| validation.record(step, policy, &log_probs, workers, control)).transpose()?;
        let measures = keep.then(|| validation.measure_checkpoint(policy, workers, control)).transpose()?;
        self.state.validations.extend(record);
        if let Some(measures) = measures {
            let theta = if self.options.checkpoint_theta { model.theta().to_vec() } else { Vec::new() };
            self.state.checkpoints.push(Checkpoint { stage: index, step, log_probs, theta, measures });
        }
        Ok(())
    }
}
