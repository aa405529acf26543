//! The stages of a run: what each is trained on and by, checked, and where it begins.

use std::sync::Arc;

use super::optimizer::Optimizer;
use super::options::{Procedure, StageOptions, TrainOptions};
use super::run::TrainTask;
use super::source::TrainingData;
use super::step_size::{Givens, StepSize, Theory};
use super::truncated::{Teacher, check_teacher};
use crate::error::{Code, Error, Result};
use crate::linear::features::FeatureMap;
use crate::linear::model::check_fit;
use crate::linear::responses::Responses;
use crate::random::{Purpose, Stream};

/// What a stage is trained on.
#[derive(Clone, Debug)]
pub struct StageTask {
    /// φ, of the same d and V in all stages; where prompts are decoded by it, each stage has its own.
    pub features: Arc<dyn FeatureMap>,
    /// The data.
    pub data: TrainingData,
    /// The teacher of truncated SGD; by default π_D, where data is drawn fresh.
    pub teacher: Option<Teacher>,
}

/// A stage that can run.
#[derive(Clone, Debug)]
pub(super) struct Stage {
    pub(super) task: StageTask,
    pub(super) options: StageOptions,
    /// Steps of the run before it.
    pub(super) start: u64,
    pub(super) steps: u64,
    /// What the theorem chose, where the step size is `theory`.
    pub(super) theory: Option<Theory>,
}

/// The stages of a run, those before its own first.
///
/// # Errors
/// As [`super::Trainer::new`]; a stage before the run's own is named by its index.
pub(super) fn stages(task: &TrainTask, options: &TrainOptions) -> Result<Vec<Stage>> {
    options.check()?;
    if task.before.len() != options.before.len() {
        let message = format!("{} stages have {} sets of options.", task.before.len(), options.before.len());
        return Err(Error::new(Code::ShapeMismatch, message).at_field("before"));
    }
    let mut stages: Vec<Stage> = Vec::with_capacity(task.before.len() + 1);
    let own = StageTask { features: task.features.clone(), data: task.data.clone(), teacher: task.teacher.clone() };
    let before = task.before.iter().zip(options.before.clone()).enumerate();
    for (index, (stage, settings)) in before {
        let fits =
            stage.features.dim() == own.features.dim() && stage.features.vocabulary() == own.features.vocabulary();
        if !fits {
            let message = "The features of all stages have the same dimension and vocabulary.";
            return Err(at_stage(Error::new(Code::ShapeMismatch, message), index));
        }
        let start = stages.last().map_or(0, Stage::end);
        stages.push(Stage::new(stage.clone(), settings, options, start).map_err(|error| at_stage(error, index))?);
    }
    let start = stages.last().map_or(0, Stage::end);
    stages.push(Stage::new(own, options.own_stage(), options, start)?);
    Ok(stages)
}

fn at_stage(mut error: Error, index: usize) -> Error {
    let field = error.place.field.take().map_or_else(String::new, |field| format!(".{field}"));
    error.at_field(format!("before[{index}]{field}"))
}

impl Stage {
    fn new(task: StageTask, options: StageOptions, run: &TrainOptions, start: u64) -> Result<Self> {
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
        if start.checked_add(steps).is_none_or(|end| end > 1 << 53) {
            return Err(Error::option("steps", "The steps of all stages cannot be counted."));
        }
        let mut stage = Self { task, options, start, steps, theory: None };
        let features = &*stage.task.features;
        if let Some(teacher) = stage.teacher() {
            let data_set = match &stage.task.data {
                TrainingData::Fresh(_) => None,
                TrainingData::Set(responses) => Some(&**responses),
            };
            check_teacher(&teacher, features, data_set)?;
        } else if matches!(stage.options.procedure, Procedure::TruncatedSgd { .. }) {
            return Err(Error::option("teacher", "Truncated SGD on a data set needs a teacher: give one."));
        }
        if let Procedure::PolicyGradient { rollouts: None, kl, .. } = stage.options.procedure
            && kl > 0.0
        {
            stage.check_enumerable()?;
        }
        if let StepSize::Theory { inherent_variance } = stage.options.step_size {
            let givens = Givens {
                feature_bound: features.bound(),
                horizon: stage.horizon(),
                inherent_variance,
                n: run.n,
                steps,
                dim: features.dim(),
            };
            stage.theory = Some(Theory::of(&stage.options.procedure, &run.constraint, givens)?);
        }
        Ok(stage)
    }

    /// H, tokens of the longest response.
    fn horizon(&self) -> usize {
        match &self.task.data {
            TrainingData::Fresh(data) => data.horizon(),
            TrainingData::Set(responses) => responses.iter().map(|response| response.tokens.len()).max().unwrap_or(0),
        }
    }

    /// Whether all responses to a prompt can be visited at every step.
    fn check_enumerable(&self) -> Result<()> {
        const MOST: f64 = 65_536.0;
        let count = (self.task.features.vocabulary() as f64).powf(self.horizon() as f64);
        if count <= MOST {
            return Ok(());
        }
        let message = format!(
            "The expectation with a KL penalty visits all V^H = {count:.3e} responses to a prompt at every step, more than {MOST}: sample, or leave the penalty out."
        );
        Err(Error::option("procedure.rollouts", message))
    }

    /// Steps of the run when it is over.
    pub(super) fn end(&self) -> u64 {
        self.start + self.steps
    }

    /// The stream of its fresh data, at the beginning.
    pub(super) fn stream(&self, seed: u64) -> Stream {
        Stream::new(seed, Purpose::Data, self.options.run)
    }

    /// Whether a step costs what it touches.
    pub(super) fn is_lazy(&self) -> bool {
        self.task.features.granule() < self.task.features.dim() && self.options.procedure.is_sparse()
    }

    /// η of its step `step`.
    pub(super) fn step_size(&self, step: u64) -> f64 {
        match &self.theory {
            Some(theory) => theory.step_size,
            None => self.options.step_size.at(step, self.steps),
        }
    }

    /// The teacher of truncated SGD.
    pub(super) fn teacher(&self) -> Option<Teacher> {
        if !matches!(self.options.procedure, Procedure::TruncatedSgd { .. }) {
            return None;
        }
        match (&self.task.teacher, &self.task.data) {
            (Some(teacher), _) => Some(teacher.clone()),
            (None, TrainingData::Fresh(data)) => Some(Teacher::Policy(data.policy().clone())),
            (None, TrainingData::Set(_)) => None,
        }
    }

    /// Its update rule, ready to step.
    pub(super) fn optimizer(&self, run: &TrainOptions) -> Optimizer<'_> {
        let procedure = self.options.procedure;
        let lambda = match procedure {
            Procedure::NormalizedSgd { lambda } => {
                lambda.or(self.theory.as_ref().and_then(|theory| theory.lambda)).unwrap_or(0.0)
            }
            _ => 0.0,
        };
        let threshold = match procedure {
            Procedure::TruncatedSgd { threshold } => threshold.unwrap_or_else(|| crate::statistics::log_n(run.n)),
            _ => f64::INFINITY,
        };
        let streams = (run.seed, self.options.run);
        Optimizer::new(&*self.task.features, procedure, run.constraint, lambda, threshold, streams)
    }
}
