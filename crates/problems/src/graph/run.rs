//! The graph reasoning task as data of the one training pipeline: stages that differ in the weights of the classes, and
//! exact measures of the checkpoints between.

use std::sync::Arc;

use coverage_principle_core::error::{Error, Result};
use coverage_principle_core::linear::train::{
    CheckpointMeasures, Procedure, Run, StageOptions, StageTask, StepSize, StopReason, TrainOptions, TrainTask,
    Trainer, TrainingData, Validation, run_all,
};
use coverage_principle_core::linear::{Constraint, Policy};
use coverage_principle_core::parallel::Workers;
use coverage_principle_core::progress::Control;
use coverage_principle_core::random::{Purpose, Stream};
use serde::{Deserialize, Serialize};

use super::measures::{GraphMeasureOptions, GraphMeasures};
use super::options::GraphOptions;
use super::task::GraphTask;
use crate::Instance;
use crate::instance::check_count;

/// A stage of training, e.g. pre-training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GraphStage {
    /// Weights of the three classes in the training data. None: those of the task.
    pub weights: Option<[f64; 3]>,
    /// The update rule.
    pub procedure: Procedure,
    /// η.
    pub step_size: StepSize,
    /// Responses a step.
    pub batch_size: usize,
    /// Size of a training set, drawn once and gone through in epochs, which can be learned by heart. In \[1, 10^7\].
    /// None: every response is to a fresh prompt.
    pub examples: Option<usize>,
    /// Steps.
    pub steps: u64,
    /// Steps of this stage after which the model is measured; rising, 0 = before the first.
    pub checkpoints: Vec<u64>,
}

/// Options of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GraphRunOptions {
    /// The task that models are measured on, in every stage: its weights are those of the last stage where that has
    /// some. Seeds of task and training are apart: runs of one task share their validation prompts.
    pub task: GraphOptions,
    /// At least one.
    pub stages: Vec<GraphStage>,
    /// What is measured.
    pub measure: GraphMeasureOptions,
    /// Held-out responses drawn from π_D to fresh prompts of the last stage's mixture, scored by every checkpoint; at
    /// most 10^7.
    pub held_out: usize,
    /// Whether θ of the checkpoints is kept.
    pub keep_theta: bool,
    /// Seed of training data and held-out responses.
    pub seed: u64,
}

/// A model along the way.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GraphCheckpoint {
    /// Index of the stage.
    pub stage: usize,
    /// Steps taken, over all stages.
    pub step: u64,
    /// Exact measures on the validation prompts.
    pub measures: GraphMeasures,
}

/// What a run came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GraphRun {
    /// The task measured on, defaults filled in.
    pub task: GraphOptions,
    /// Step at which each stage begins.
    pub stage_starts: Vec<u64>,
    /// The checkpoints, in order.
    pub checkpoints: Vec<GraphCheckpoint>,
    /// Class of each held-out response.
    pub held_out_classes: Vec<usize>,
    /// Log-probabilities of the held-out responses, \[checkpoint, response\].
    #[serde(skip)]
    pub log_probs: Vec<f64>,
    /// θ of the checkpoints, \[checkpoint, d\]; empty unless kept.
    #[serde(skip)]
    pub thetas: Vec<f64>,
}

/// Trains each run through its stages from its θ (none: 0), one thread a run, and measures its checkpoints: the same
/// results at any number of threads. Advances `control` by one a step.
///
/// # Errors
/// [`coverage_principle_core::Code::InvalidOption`] for options out of range, named by the index of the run; [`coverage_principle_core::Code::ShapeMismatch`]
/// for a θ of another dimension; [`coverage_principle_core::Code::Aborted`].
pub fn graph_runs(
    runs: &[(GraphRunOptions, Option<Vec<f64>>)],
    workers: &Workers,
    control: &Control,
) -> Result<Vec<GraphRun>> {
    let at_run = |mut error: Error, index: usize| {
        let field = error.place.field.take().map_or_else(String::new, |field| format!(".{field}"));
        error.at_field(format!("runs[{index}]{field}"))
    };
    let made = runs
        .iter()
        .enumerate()
        .map(|(index, (options, theta0))| options.training(theta0.clone()).map_err(|error| at_run(error, index)));
    let (tasks, mut trainers): (Vec<_>, Vec<_>) = made.collect::<Result<Vec<_>>>()?.into_iter().unzip();
    run_all(&mut trainers, None, workers, control).map_err(|error| match runs.len() {
        1 => at_run(error, 0),
        _ => error,
    })?;
    let results = runs.iter().zip(tasks).zip(trainers).enumerate();
    results
        .map(|(index, (((options, _), task), run))| options.result(&task, run).map_err(|error| at_run(error, index)))
        .collect()
}

/// Streams of the training sets of stages begin at this number.
const TRAINING_SETS: u64 = 1 << 32;

impl GraphRunOptions {
    /// The task measured on, and the run that has not begun.
    fn training(&self, theta0: Option<Vec<f64>>) -> Result<(Arc<GraphTask>, Run)> {
        let Some((last, before)) = self.stages.split_last() else {
            return Err(Error::option("stages", "A run has at least one stage."));
        };
        for (index, stage) in self.stages.iter().enumerate() {
            if let Some(examples) = stage.examples {
                check_count(&format!("stages[{index}].examples"), examples as u64, 1, 10_000_000)?;
            }
        }
        check_count("heldOut", self.held_out as u64, 0, 10_000_000)?;
        let measured = Arc::new(self.task_of(before.len())?);
        let mut tasks = before
            .iter()
            .enumerate()
            .map(|(index, stage)| Ok(stage.task(&self.task_of(index)?, self.seed, index as u64)));
        let StageTask { features, data, teacher } = last.task(&measured, self.seed, before.len() as u64);
        let held_out = (self.held_out > 0).then(|| {
            let mut stream = Stream::new(self.seed, Purpose::Data, u64::MAX);
            Arc::new(measured.data().sample(self.held_out, &mut stream))
        });
        let measures = Measures { task: Arc::clone(&measured), options: self.measure.clone() };
        let validation = Validation { held_out, of_checkpoints: Some(Arc::new(measures)), ..Validation::default() };
        let task = TrainTask { before: tasks.by_ref().collect::<Result<_>>()?, features, data, teacher, validation };
        let StageOptions { procedure, step_size, batch_size, steps, run, checkpoints, .. } =
            last.options(before.len() as u64);
        let options = TrainOptions {
            before: before.iter().zip(0..).map(|(stage, index)| stage.options(index)).collect(),
            procedure,
            step_size,
            batch_size,
            steps,
            run,
            checkpoints,
            constraint: Constraint::Ball { radius: self.task.radius },
            theta0,
            seed: self.seed,
            checkpoint_theta: self.keep_theta,
            ..TrainOptions::default()
        };
        let trainer = Trainer::new(task, options).map_err(|error| self.at_stage(error))?;
        Ok((measured, Run::new(trainer)))
    }

    /// The task of `stage`; only the last one needs the validation prompts.
    fn task_of(&self, stage: usize) -> Result<GraphTask> {
        let weights = self.stages[stage].weights.or(self.task.weights);
        let validation = if stage + 1 == self.stages.len() { self.task.validation } else { 1 };
        GraphTask::new(&GraphOptions { weights, validation, ..self.task.clone() })
    }

    /// What the pipeline calls the stages before and the run's own are the stages here.
    fn at_stage(&self, mut error: Error) -> Error {
        let own = self.stages.len() - 1;
        match error.place.field.take() {
            Some(field) if field == "theta0" => error.at_field(field),
            Some(field) => match field.strip_prefix("before") {
                Some(rest) => error.at_field(format!("stages{rest}")),
                None => error.at_field(format!("stages[{own}].{field}")),
            },
            None => error,
        }
    }

    fn result(&self, task: &GraphTask, run: Run) -> Result<GraphRun> {
        let stopped = run.stopped();
        let trainer = run.into_trainer();
        if stopped == StopReason::Diverged {
            let field = format!("stages[{}].stepSize", trainer.state().stage);
            return Err(Error::option(field, "θ is no longer finite: choose a smaller step size."));
        }
        let held_out_classes = trainer.validation().held_out.as_ref().map_or(&[][..], |held_out| held_out.prompts());
        let mut result = GraphRun {
            task: task.options().clone(),
            stage_starts: trainer.stage_starts(),
            checkpoints: Vec::new(),
            held_out_classes: held_out_classes.iter().map(|&prompt| task.graph(prompt).class()).collect(),
            log_probs: Vec::new(),
            thetas: Vec::new(),
        };
        for kept in trainer.into_report(stopped).checkpoints {
            let measures = GraphMeasures::from_values(&self.measure, &kept.measures);
            result.checkpoints.push(GraphCheckpoint { stage: kept.stage, step: kept.step, measures });
            result.log_probs.extend(kept.log_probs);
            result.thetas.extend(kept.theta);
        }
        Ok(result)
    }
}

impl GraphStage {
    /// What stage `index` of a run under `seed` is trained on.
    fn task(&self, task: &GraphTask, seed: u64, index: u64) -> StageTask {
        let data = match self.examples {
            None => TrainingData::Fresh(Arc::new(task.data().clone())),
            Some(examples) => {
                let mut stream = Stream::new(seed, Purpose::Data, TRAINING_SETS + index);
                TrainingData::Set(Arc::new(task.data().sample(examples, &mut stream)))
            }
        };
        StageTask { features: task.features().clone(), data, teacher: None }
    }

    fn options(&self, index: u64) -> StageOptions {
        StageOptions {
            procedure: self.procedure,
            step_size: self.step_size,
            batch_size: self.batch_size,
            steps: Some(self.steps),
            epochs: 1,
            shuffle: true,
            run: index,
            checkpoints: self.checkpoints.clone(),
        }
    }
}

/// Exact measures of checkpoints on the validation prompts.
#[derive(Debug)]
struct Measures {
    task: Arc<GraphTask>,
    options: GraphMeasureOptions,
}

impl CheckpointMeasures for Measures {
    fn measure(&self, policy: &dyn Policy, workers: &Workers, control: &Control) -> Result<Vec<f64>> {
        Ok(self.task.measure(policy, &self.options, workers, control)?.to_values())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{GraphConjunctions, GraphFeatureOptions, GraphFigure};

    fn from_zero(runs: &[GraphRunOptions]) -> Vec<(GraphRunOptions, Option<Vec<f64>>)> {
        runs.iter().map(|run| (run.clone(), None)).collect()
    }

    fn options(seed: u64) -> GraphRunOptions {
        let stage = |weights, steps, checkpoints: &[u64]| GraphStage {
            weights: Some(weights),
            procedure: Procedure::Adam { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 },
            step_size: StepSize::Constant { value: 0.2 },
            batch_size: 4,
            examples: None,
            steps,
            checkpoints: checkpoints.to_vec(),
        };
        GraphRunOptions {
            task: GraphOptions { figure: GraphFigure::First, layers: 4, validation: 4, ..GraphOptions::default() },
            stages: vec![stage([1.0, 1.0, 1.0], 40, &[0, 40]), stage([0.9, 0.1, 0.0], 30, &[0, 10, 20])],
            measure: GraphMeasureOptions::default(),
            held_out: 16,
            keep_theta: true,
            seed,
        }
    }

    #[test]
    fn stages_carry_theta_on_and_threads_change_nothing() {
        let runs = [options(1), options(2), options(1)];
        let control = Control::new();
        let one = graph_runs(&from_zero(&runs), &Workers::sequential(), &control).unwrap();
        let two = graph_runs(&from_zero(&runs), &Workers::new(Some(2)).unwrap(), &control).unwrap();
        assert_eq!(one, two);
        assert_eq!(one[0], one[2]);
        assert_ne!(one[0].log_probs, one[1].log_probs);
        let steps: Vec<(usize, u64)> = one[0].checkpoints.iter().map(|each| (each.stage, each.step)).collect();
        assert_eq!(steps, [(0, 0), (0, 40), (1, 40), (1, 50), (1, 60)]);
        assert_eq!(one[0].log_probs.len(), 5 * 16);
        // The end of a stage is the beginning of the next.
        assert_eq!(one[0].checkpoints[1].measures, one[0].checkpoints[2].measures);
        assert!(one[0].checkpoints[1].measures.all.kl < one[0].checkpoints[0].measures.all.kl);
        // A run that starts from a checkpoint is measured as that was.
        let dim = one[0].thetas.len() / 5;
        let theta = one[0].thetas[4 * dim..].to_vec();
        let [_, second] = &options(1).stages[..] else { unreachable!("two stages") };
        let on = GraphRunOptions { stages: vec![second.clone()], ..options(1) };
        let on = &graph_runs(&[(on, Some(theta))], &Workers::sequential(), &control).unwrap()[0];
        assert_eq!(on.checkpoints[0].measures, one[0].checkpoints[4].measures);
        assert_eq!(on.log_probs[..16], one[0].log_probs[4 * 16..]);
    }

    /// A training set is learned by heart: the choices that no rule shows are then guessed with more confidence than
    /// fresh data would give, at a cost on new prompts.
    #[test]
    fn a_training_set_is_learned_by_heart() {
        let features = GraphFeatureOptions::Structural {
            parity: None,
            history: None,
            hidden_rule: false,
            scale: 1.0,
            conjunctions: Some(GraphConjunctions { bits: 12, scale: 4.0 }),
        };
        let run = |examples| GraphRunOptions {
            task: GraphOptions { figure: GraphFigure::Second, validation: 64, features, ..GraphOptions::default() },
            stages: vec![GraphStage {
                weights: Some([0.5, 0.5, 0.0]),
                step_size: StepSize::Constant { value: 0.2 },
                examples,
                procedure: Procedure::Sgd,
                batch_size: 16,
                steps: 2000,
                checkpoints: vec![2000],
            }],
            measure: GraphMeasureOptions::default(),
            held_out: 0,
            keep_theta: false,
            seed: 0,
        };
        let runs = [run(None), run(Some(256)), run(Some(256))];
        let control = Control::new();
        let results = graph_runs(&from_zero(&runs), &Workers::new(Some(2)).unwrap(), &control).unwrap();
        assert_eq!(results[1], results[2]);
        let kl = |index: usize| results[index].checkpoints[0].measures.classes[1].kl;
        let calibrated = 4.0 * std::f64::consts::LN_2;
        assert!((calibrated..1.1 * calibrated).contains(&kl(0)), "{}", kl(0));
        assert!(kl(1) > kl(0) + 0.15 * calibrated, "{} {}", kl(0), kl(1));
        let error = graph_runs(&from_zero(&[run(Some(0))]), &Workers::sequential(), &control).unwrap_err();
        assert_eq!(error.place.field.as_deref(), Some("runs[0].stages[0].examples"));
    }

    #[test]
    fn options_out_of_range_are_named() {
        let mut wrong = options(0);
        wrong.stages[1].checkpoints = vec![31];
        let control = Control::new();
        let error = graph_runs(&from_zero(&[options(0), wrong]), &Workers::sequential(), &control).unwrap_err();
        assert_eq!(error.place.field.as_deref(), Some("runs[1].stages[1].checkpoints"));
        let mut wrong = options(0);
        wrong.stages[0].batch_size = 0;
        let error = graph_runs(&from_zero(&[wrong]), &Workers::sequential(), &control).unwrap_err();
        assert_eq!(error.place.field.as_deref(), Some("runs[0].stages[0].batchSize"));
    }
}
