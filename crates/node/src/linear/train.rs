//! Training runs, one or many at once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use coverage_principle_core::linear::train::{
    RecordedTeacher, Run, StageTask, Teacher, TrainOptions, TrainState, TrainTask, Trainer, TrainingData, Validation,
    run_all,
};
use coverage_principle_core::{Code, Error, LogProbs, Result, Workers};
use napi::Env;
use napi::bindgen_prelude::{Float64Array, Object, Uint8Array};
use napi_derive::napi;
use serde::Deserialize;

use super::data::DataHandle;
use super::features::FeaturesHandle;
use super::policy::PolicyHandle;
use super::responses::ResponsesHandle;
use crate::error::{parse_job_options, parse_options, to_napi};
use crate::job::{Job, JobOutput, Output, spawn_output};
use crate::log_probs::LogProbsHandle;

/// Where a run's data, teacher and validation come from; made first, then handed to [`RunsHandle::add`].
#[napi]
#[derive(Default)]
pub struct TaskHandle {
    data: Option<TrainingData>,
    teacher: Option<Teacher>,
    validation: Validation,
    before: Vec<StageTask>,
}

#[napi]
impl TaskHandle {
    /// A task without data yet.
    #[napi(constructor)]
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Responses are drawn fresh.
    #[napi]
    pub fn set_fresh(&mut self, data: &DataHandle) {
        self.data = Some(TrainingData::Fresh(data.shared()));
    }

    /// Responses come from a data set.
    #[napi]
    pub fn set_responses(&mut self, responses: &ResponsesHandle) {
        self.data = Some(TrainingData::Set(responses.shared()));
    }

    /// A stage that comes before, after those added already: the data and the teacher of `stage`.
    #[napi]
    pub fn add_before(&mut self, features: &FeaturesHandle, stage: &TaskHandle) -> napi::Result<()> {
        let data = stage.data().map_err(|error| to_napi(&error))?;
        self.before.push(StageTask { features: features.shared(), data, teacher: stage.teacher.clone() });
        Ok(())
    }

    /// The teacher of truncated SGD is a policy.
    #[napi]
    pub fn set_teacher(&mut self, teacher: &PolicyHandle) {
        self.teacher = Some(Teacher::Policy(teacher.shared()));
    }

    /// The teacher of truncated SGD is given by log-probabilities of all next tokens along `responses`.
    #[napi]
    pub fn set_recorded_teacher(
        &mut self,
        responses: &ResponsesHandle,
        vocabulary: u32,
        log_probs: Float64Array,
    ) -> napi::Result<()> {
        let teacher = RecordedTeacher::new(&responses.shared(), vocabulary as usize, log_probs.to_vec());
        self.teacher = Some(Teacher::Recorded(Arc::new(teacher.map_err(|error| to_napi(&error))?)));
        Ok(())
    }

    /// Held-out responses, and log π_D of each where it is known.
    #[napi]
    pub fn set_held_out(&mut self, responses: &ResponsesHandle, reference: Option<Float64Array>) {
        self.validation.held_out = Some(responses.shared());
        self.validation.reference = reference.map(|reference| reference.to_vec().into());
    }

    /// Exact measures against `data`.
    #[napi]
    pub fn set_exact(&mut self, data: &DataHandle) {
        self.validation.exact = Some(data.shared());
    }
}

impl TaskHandle {
    fn data(&self) -> Result<TrainingData> {
        self.data.clone().ok_or_else(|| Error::option("data", "Say what to train on."))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ValidationOptions {
    #[serde(rename = "N")]
    n: Vec<f64>,
    test_time_step_size: Option<f64>,
    max_responses: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct AdvanceOptions {
    until: Option<u64>,
    seconds: Option<f64>,
}

/// Training runs that live in Rust, before, between and after their steps.
#[napi]
#[derive(Default)]
pub struct RunsHandle {
    runs: Arc<Mutex<Vec<Run>>>,
    /// Set on the JavaScript thread, so that of two calls the first one runs.
    is_running: Arc<AtomicBool>,
}

/// Marks the runs as running until it is dropped.
struct Running(Arc<AtomicBool>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

impl RunsHandle {
    fn lock(&self) -> napi::Result<MutexGuard<'_, Vec<Run>>> {
        if self.is_running.load(Ordering::Acquire) {
            return Err(busy());
        }
        Ok(self.runs.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn with<T>(&self, run: u32, f: impl FnOnce(&Run) -> napi::Result<T>) -> napi::Result<T> {
        let runs = self.lock()?;
        f(runs.get(run as usize).ok_or_else(|| to_napi(&Error::option("run", format!("There is no run {run}."))))?)
    }
}

fn busy() -> napi::Error {
    to_napi(&Error::new(Code::InvalidOption, "The training is running: await it first."))
}

#[napi]
impl RunsHandle {
    /// No run yet.
    #[napi(constructor)]
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a run, checked; from `state` on where one is given.
    #[napi]
    pub fn add(
        &mut self,
        features: &FeaturesHandle,
        task: &TaskHandle,
        options: String,
        validation: String,
        theta0: Option<Float64Array>,
        state: Option<Uint8Array>,
    ) -> napi::Result<()> {
        let mut options: TrainOptions = parse_options(&options)?;
        let ValidationOptions { n, test_time_step_size, max_responses } = parse_options(&validation)?;
        options.theta0 = theta0.map(|theta| theta.to_vec());
        let trainer = || -> Result<Trainer> {
            let (before, data) = (task.before.clone(), task.data()?);
            let validation = Validation { n, test_time_step_size, max_responses, ..task.validation.clone() };
            let task =
                TrainTask { before, features: features.shared(), data, teacher: task.teacher.clone(), validation };
            match state {
                None => Trainer::new(task, options),
                Some(state) => Trainer::resume(task, options, TrainState::from_bytes(&state)?),
            }
        };
        let run = trainer().map(Run::new).map_err(|error| to_napi(&error))?;
        self.lock()?.push(run);
        Ok(())
    }

    /// Trains every run until step `until`, by default to its end, or for `seconds`. After an abort the runs are as of their last whole
    /// steps.
    #[napi(ts_return_type = "Promise<JobOutput>")]
    pub fn run<'env>(&self, env: &'env Env, options: String, job: &Job) -> napi::Result<Object<'env>> {
        let (AdvanceOptions { until, seconds }, threads) = parse_job_options(&options)?;
        if self.is_running.swap(true, Ordering::AcqRel) {
            return Err(busy());
        }
        let (runs, running) = (Arc::clone(&self.runs), Running(Arc::clone(&self.is_running)));
        spawn_output(env, job, move |control| {
            let _running = running;
            if let Some(after) = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()) {
                control.pause_after(after);
            }
            let mut runs = runs.lock().unwrap_or_else(PoisonError::into_inner);
            run_all(&mut runs, until, &Workers::new(threads)?, control)?;
            Output::new(&())
        })
    }

    /// What run `run` has come to: JSON; `floats`: θ, the drawn iterate, the mean iterate.
    #[napi]
    pub fn report(&self, run: u32) -> napi::Result<JobOutput> {
        self.with(run, |run| {
            let trainer = run.trainer();
            let output = Output::new(&trainer.summary(run.stopped())).map_err(|error| to_napi(&error))?;
            let state = trainer.state();
            let output = output.with_floats(state.parameter.theta()).with_floats(state.drawn_theta.clone());
            Ok(output.with_floats(trainer.average_theta()).into_js())
        })
    }

    /// Log-probabilities of the held-out responses under the checkpoints of run `run`; null if either is missing.
    #[napi]
    pub fn log_probs(&self, env: &Env, run: u32) -> napi::Result<Option<LogProbsHandle>> {
        self.with(run, |run| {
            let rows: Vec<Vec<f64>> =
                run.trainer().state().checkpoints.iter().map(|checkpoint| checkpoint.log_probs.clone()).collect();
            if rows.first().is_none_or(Vec::is_empty) {
                return Ok(None);
            }
            let matrix = LogProbs::from_f64(rows).map_err(|error| to_napi(&error))?;
            LogProbsHandle::new(env, matrix).map(Some)
        })
    }

    /// θ of checkpoint `checkpoint` of run `run`; empty if checkpoints do not keep it.
    #[napi]
    pub fn checkpoint_theta(&self, run: u32, checkpoint: u32) -> napi::Result<Float64Array> {
        self.with(run, |run| {
            let kept = run.trainer().state().checkpoints.get(checkpoint as usize);
            Ok(Float64Array::new(kept.map(|kept| kept.theta.clone()).unwrap_or_default()))
        })
    }

    /// Everything needed to go on with run `run`, as bytes that are the same on every machine.
    #[napi]
    pub fn state(&self, run: u32) -> napi::Result<Uint8Array> {
        self.with(run, |run| Ok(Uint8Array::new(run.trainer().state().to_bytes())))
    }
}
