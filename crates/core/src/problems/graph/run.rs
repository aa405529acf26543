//! Training runs on the graph reasoning task: stages of training, and exact measures of the checkpoints between.

use serde::{Deserialize, Serialize};
use std::sync::Arc;

use super::measures::{GraphMeasureOptions, GraphMeasures};
use super::options::GraphOptions;
use super::task::GraphTask;
use crate::error::{Code, Error, Result};
use crate::linear::train::{
    Procedure, StepSize, StopReason, TrainOptions, TrainTask, Trainer, TrainingData, Validation,
};
use crate::linear::{Constraint, Model, Policy, Responses};
use crate::parallel::Workers;
use crate::problems::instance::check_count;
use crate::progress::Control;
use crate::random::{Purpose, Stream};

/// A stage of training, e.g. pre-training; θ is carried on from stage to stage, moments of Adam are not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct GraphStage {
    /// Weights of the three classes in the training data. Default those of the task.
    pub weights: Option<[f64; 3]>,
    /// The update rule. Default SGD.
    pub procedure: Procedure,
    /// η. Default constant 0.1.
    pub step_size: StepSize,
    /// Responses a step. Default 16.
    pub batch_size: usize,
    /// Size of a training set, drawn once and gone through in epochs, which can be learned by heart. In \[1, 10^7\].
    /// Default none: every response is to a fresh prompt.
    pub examples: Option<usize>,
    /// Steps. Default 1000.
    pub steps: u64,
    /// Steps of this stage after which the model is measured; rising, 0 = before the first. Default none.
    pub checkpoints: Vec<u64>,
}

impl Default for GraphStage {
    fn default() -> Self {
        Self {
            weights: None,
            procedure: Procedure::default(),
            step_size: StepSize::Constant { value: 0.1 },
            batch_size: 16,
            examples: None,
            steps: 1000,
            checkpoints: Vec::new(),
        }
    }
}

/// Options of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct GraphRunOptions {
    /// The task that models are measured on, in every stage: its weights are those of the last stage where that has
    /// some. Seeds of task and training are apart: runs of one task share their validation prompts.
    pub task: GraphOptions,
    /// At least one.
    pub stages: Vec<GraphStage>,
    /// What is measured.
    pub measure: GraphMeasureOptions,
    /// Held-out responses drawn from π_D to fresh prompts of the last stage's mixture, scored by every checkpoint; at
    /// most 10^7. Default 0.
    pub held_out: usize,
    /// Seed of training data and held-out responses. Default 0.
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
}

/// Trains each run through its stages, one thread a run, and measures its checkpoints: the same results at any number
/// of threads. Advances `control` by one a step.
///
/// # Errors
/// [`Code::InvalidOption`] for options out of range, named by the index of the run; [`Code::Aborted`].
pub fn graph_runs(runs: &[GraphRunOptions], workers: &Workers, control: &Control) -> Result<Vec<GraphRun>> {
    let at_run = |index: usize| {
        move |mut error: Error| {
            let field = error.place.field.take().map_or_else(String::new, |field| format!(".{field}"));
            error.at_field(format!("runs[{index}]{field}"))
        }
    };
    for (index, run) in runs.iter().enumerate() {
        run.check().map_err(at_run(index))?;
    }
    let steps = runs.iter().flat_map(|run| &run.stages).fold(0, |sum: u64, stage| sum.saturating_add(stage.steps));
    control.start(steps);
    if let [run] = runs {
        return Ok(vec![run.run(workers, control).map_err(at_run(0))?]);
    }
    workers.map(runs.len(), control, |index| {
        runs[index].run(&Workers::sequential(), control).map_err(|error| at_run(index)(error))
    })
}

/// Streams of the training sets of stages begin at this number.
const TRAINING_SETS: u64 = 1 << 32;

impl GraphRunOptions {
    fn check(&self) -> Result<()> {
        if self.stages.is_empty() {
            return Err(Error::option("stages", "A run has at least one stage."));
        }
        for (index, stage) in self.stages.iter().enumerate() {
            let rising = stage.checkpoints.windows(2).all(|pair| pair[0] < pair[1]);
            if !rising || stage.checkpoints.last().is_some_and(|&last| last > stage.steps) {
                let message = format!("Checkpoints are rising numbers of steps, at most {}.", stage.steps);
                return Err(Error::option(format!("stages[{index}].checkpoints"), message));
            }
            if let Some(examples) = stage.examples {
                check_count(&format!("stages[{index}].examples"), examples as u64, 1, 10_000_000)?;
            }
        }
        check_count("heldOut", self.held_out as u64, 0, 10_000_000)
    }

    /// The task of `stage`; only the last one needs the validation prompts.
    fn task_of(&self, stage: usize) -> Result<GraphTask> {
        let weights = self.stages[stage].weights.or(self.task.weights);
        let validation = if stage + 1 == self.stages.len() { self.task.validation } else { 1 };
        GraphTask::new(&GraphOptions { weights, validation, ..self.task.clone() })
    }

    fn run(&self, workers: &Workers, control: &Control) -> Result<GraphRun> {
        let last = self.stages.len() - 1;
        let measured = self.task_of(last)?;
        let held_out = self.draw_held_out(&measured);
        let mut result = GraphRun {
            task: measured.options().clone(),
            stage_starts: Vec::with_capacity(self.stages.len()),
            checkpoints: Vec::new(),
            held_out_classes: held_out.prompts().iter().map(|&prompt| measured.graph(prompt).class()).collect(),
            log_probs: Vec::new(),
        };
        let mut theta = vec![0.0; measured.features().dim()];
        let mut start = 0;
        for (index, stage) in self.stages.iter().enumerate() {
            result.stage_starts.push(start);
            let earlier = if index == last { None } else { Some(self.task_of(index)?) };
            let task = earlier.as_ref().unwrap_or(&measured);
            let mut trainer =
                stage.trainer(task, theta, self.seed, index as u64).map_err(|error| at_stage(error, index))?;
            for until in stage.checkpoints.iter().copied().chain([stage.steps]) {
                if until > trainer.state().step && trainer.run(Some(until), workers, control)? == StopReason::Diverged {
                    return Err(Error::option(
                        format!("stages[{index}].stepSize"),
                        "θ is no longer finite: choose a smaller step size.",
                    ));
                }
                if !stage.checkpoints.contains(&until) || result.is_last(index, start + until) {
                    continue;
                }
                // The same φ, but for where its fresh prompts come from.
                let model = Model::new(measured.features().clone(), trainer.state().parameter.theta())?;
                let measures = measured.measure(&model, &self.measure, workers, control)?;
                if !held_out.is_empty() {
                    result.log_probs.extend(model.log_probs(&held_out, workers, control)?);
                }
                result.checkpoints.push(GraphCheckpoint { stage: index, step: start + until, measures });
            }
            theta = trainer.state().parameter.theta();
            start = start.checked_add(stage.steps).ok_or_else(too_long)?;
        }
        Ok(result)
    }

    /// Responses of π_D to fresh prompts.
    fn draw_held_out(&self, task: &GraphTask) -> Responses {
        let mut stream = Stream::new(self.seed, Purpose::Data, u64::MAX);
        crate::problems::Instance::data(task).sample(self.held_out, &mut stream)
    }
}

impl GraphRun {
    /// Whether the last checkpoint is that of `step` in `stage`.
    fn is_last(&self, stage: usize, step: u64) -> bool {
        self.checkpoints.last().is_some_and(|last| (last.stage, last.step) == (stage, step))
    }
}

impl GraphStage {
    fn trainer(&self, task: &GraphTask, theta: Vec<f64>, seed: u64, index: u64) -> Result<Trainer> {
        let data = crate::problems::Instance::data(task);
        let data = match self.examples {
            None => TrainingData::Fresh(Arc::new(data.clone())),
            Some(examples) => {
                let mut stream = Stream::new(seed, Purpose::Data, TRAINING_SETS + index);
                TrainingData::Set(Arc::new(data.sample(examples, &mut stream)))
            }
        };
        let train_task =
            TrainTask { features: task.features().clone(), data, teacher: None, validation: Validation::default() };
        let options = TrainOptions {
            procedure: self.procedure,
            step_size: self.step_size,
            batch_size: self.batch_size,
            steps: Some(self.steps),
            constraint: Constraint::Ball { radius: task.options().radius },
            theta0: Some(theta),
            seed,
            run: index,
            ..TrainOptions::default()
        };
        Trainer::new(train_task, options)
    }
}

fn at_stage(mut error: Error, index: usize) -> Error {
    let field = error.place.field.take().map_or_else(String::new, |field| format!(".{field}"));
    error.at_field(format!("stages[{index}]{field}"))
}

fn too_long() -> Error {
    Error::new(Code::TooLarge, "So many steps cannot be counted.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problems::graph::{GraphConjunctions, GraphFeatureOptions, GraphFigure};

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
            held_out: 16,
            seed,
            ..GraphRunOptions::default()
        }
    }

    #[test]
    fn stages_carry_theta_on_and_threads_change_nothing() {
        let runs = [options(1), options(2), options(1)];
        let control = Control::new();
        let one = graph_runs(&runs, &Workers::sequential(), &control).unwrap();
        let two = graph_runs(&runs, &Workers::new(Some(2)).unwrap(), &control).unwrap();
        assert_eq!(one, two);
        assert_eq!(one[0], one[2]);
        assert_ne!(one[0].log_probs, one[1].log_probs);
        let steps: Vec<(usize, u64)> = one[0].checkpoints.iter().map(|each| (each.stage, each.step)).collect();
        assert_eq!(steps, [(0, 0), (0, 40), (1, 40), (1, 50), (1, 60)]);
        assert_eq!(one[0].log_probs.len(), 5 * 16);
        // The end of a stage is the beginning of the next.
        assert_eq!(one[0].checkpoints[1].measures, one[0].checkpoints[2].measures);
        assert!(one[0].checkpoints[1].measures.all.kl < one[0].checkpoints[0].measures.all.kl);
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
                steps: 2000,
                checkpoints: vec![2000],
                ..GraphStage::default()
            }],
            ..GraphRunOptions::default()
        };
        let runs = [run(None), run(Some(256)), run(Some(256))];
        let control = Control::new();
        let results = graph_runs(&runs, &Workers::new(Some(2)).unwrap(), &control).unwrap();
        assert_eq!(results[1], results[2]);
        let kl = |index: usize| results[index].checkpoints[0].measures.classes[1].kl;
        let calibrated = 4.0 * std::f64::consts::LN_2;
        assert!((calibrated..1.1 * calibrated).contains(&kl(0)), "{}", kl(0));
        assert!(kl(1) > kl(0) + 0.15 * calibrated, "{} {}", kl(0), kl(1));
        let error = graph_runs(&[run(Some(0))], &Workers::sequential(), &control).unwrap_err();
        assert_eq!(error.place.field.as_deref(), Some("runs[0].stages[0].examples"));
    }

    #[test]
    fn options_out_of_range_are_named() {
        let mut wrong = options(0);
        wrong.stages[1].checkpoints = vec![31];
        let control = Control::new();
        let error = graph_runs(&[options(0), wrong], &Workers::sequential(), &control).unwrap_err();
        assert_eq!(error.place.field.as_deref(), Some("runs[1].stages[1].checkpoints"));
        let mut wrong = options(0);
        wrong.stages[0].batch_size = 0;
        let error = graph_runs(&[wrong], &Workers::sequential(), &control).unwrap_err();
        assert_eq!(error.place.field.as_deref(), Some("runs[0].stages[0].batchSize"));
    }
}
