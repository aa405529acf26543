//! Training on dense table features, evaluation with test-time training, sweeps.

use std::sync::Arc;

use coverage_principle_core::linear::features::{Layout, TableFeatures};
use coverage_principle_core::linear::train::{
    Procedure, StepSize, TrainOptions, TrainReport, TrainTask, TrainingData, Validation, sweep, train as core_train,
};
use coverage_principle_core::linear::{Constraint, Model, Policy, Responses, TestTimeModel};
use coverage_principle_core::{Control, Workers};
use serde::Deserialize;

use super::{Method, Run, npy};
use crate::Refusal;
use crate::answer::Answer;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Input {
    /// `.npy`, f64, [prompt, position, token, d].
    features: String,
    /// `.npy`, u32, [response].
    prompts: String,
    /// `.npy`, u32, [response, position].
    tokens: String,
    /// `.npy`, f64, [d]: the trained θ that test-time training starts from.
    theta: Option<String>,
    procedure: Option<String>,
    step_size: f64,
    /// Further step sizes of a sweep are multiples of the first.
    #[serde(default)]
    runs: usize,
    radius: f64,
    #[serde(default)]
    batch_size: usize,
    #[serde(default)]
    damping: f64,
    threads: usize,
    method: Method,
}

impl Input {
    fn features(&self) -> Result<Arc<TableFeatures>, Refusal> {
        let (shape, values) = npy::read_f64(&self.features)?;
        let [prompts, horizon, vocabulary, dim] = shape[..] else {
            return Err(Refusal::Failed(format!("features of shape {shape:?}, where four dimensions are needed")));
        };
        let layout = Layout::PromptPosition { prompts, horizon };
        Ok(Arc::new(TableFeatures::new(layout, vocabulary, dim, values, None)?))
    }

    fn responses(&self) -> Result<Responses, Refusal> {
        let (_, prompts) = npy::read_u32(&self.prompts)?;
        let (shape, tokens) = npy::read_u32(&self.tokens)?;
        let prompts = prompts.into_iter().map(|prompt| prompt as usize).collect();
        Ok(Responses::from_rectangle(prompts, tokens, *shape.last().ok_or("tokens without a shape")?)?)
    }

    fn task(&self) -> Result<TrainTask, Refusal> {
        if self.method != Method::Core {
            return Err(Refusal::Skipped("only the library trains".to_owned()));
        }
        Ok(TrainTask {
            before: Vec::new(),
            features: self.features()?,
            data: TrainingData::Set(Arc::new(self.responses()?)),
            teacher: None,
            validation: Validation::default(),
        })
    }

    fn options(&self) -> Result<TrainOptions, Refusal> {
        let procedure = match self.procedure.as_deref() {
            Some("sequenceSgd") => Procedure::Sgd,
            Some("normalizedSgd") => Procedure::NormalizedSgd { lambda: Some(self.damping) },
            Some("tokenSgd") => Procedure::TokenSgd,
            other => return Err(Refusal::Failed(format!("there is no procedure {other:?}"))),
        };
        Ok(TrainOptions {
            procedure,
            step_size: StepSize::Constant { value: self.step_size },
            batch_size: self.batch_size.max(1),
            shuffle: false,
            constraint: Constraint::Ball { radius: self.radius },
            ..TrainOptions::default()
        })
    }
}

impl Answer for TrainReport {
    fn bytes(&self) -> Vec<u8> {
        self.theta.bytes()
    }
}

impl Answer for Vec<TrainReport> {
    fn bytes(&self) -> Vec<u8> {
        self.iter().flat_map(Answer::bytes).collect()
    }
}

/// One pass over the responses in their order.
pub(super) fn train(input: Input) -> Result<Run, Refusal> {
    let (task, options, workers) = (input.task()?, input.options()?, Workers::new(Some(input.threads))?);
    Ok(Box::new(move || Ok(Box::new(core_train(task.clone(), options.clone(), &workers, &Control::new())?))))
}

/// The log-probability of every response under test-time training.
pub(super) fn test_time(input: Input) -> Result<Run, Refusal> {
    let theta = input.theta.as_ref().ok_or("test-time training starts from a theta")?;
    let (_, theta) = npy::read_f64(theta)?;
    let (features, responses, workers) = (input.features()?, input.responses()?, Workers::new(Some(input.threads))?);
    let model = Model::new(features, theta)?;
    let policy = TestTimeModel::new(model, input.step_size, Constraint::Ball { radius: input.radius })?;
    Ok(Box::new(move || Ok(Box::new(policy.log_probs(&responses, &workers, &Control::new())?))))
}

/// As many runs as asked for, at rising step sizes.
pub(super) fn sweep_of_step_sizes(input: Input) -> Result<Run, Refusal> {
    let (task, options, workers) = (input.task()?, input.options()?, Workers::new(Some(input.threads))?);
    let runs: Vec<_> = (1..=input.runs)
        .map(|run| {
            let step_size = StepSize::Constant { value: input.step_size * run as f64 };
            (task.clone(), TrainOptions { step_size, ..options.clone() })
        })
        .collect();
    Ok(Box::new(move || Ok(Box::new(sweep(runs.clone(), &workers, &Control::new())?))))
}
