//! The graph reasoning task: training runs on it, and its prompts as JSON Lines.

use std::sync::Arc;

use coverage_principle_core::{Code, Error, Workers};
use coverage_principle_problems::Instance;
use coverage_principle_problems::graph::{GraphExportOptions, GraphOptions, GraphRunOptions, GraphTask, graph_runs};
use napi::Env;
use napi::bindgen_prelude::{Float64Array, Object};
use napi_derive::napi;
use serde::Deserialize;

use crate::error::{parse_job_options, parse_options, to_json, to_napi};
use crate::job::{Job, Output, spawn_output};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GraphTrainingOptions {
    runs: Vec<GraphRunOptions>,
}

/// Trains through stages, each run from its `theta0` (null: 0), and measures checkpoints. JSON: a list of `GraphRun`;
/// `floats`: of each run the log-probabilities of its held-out responses, \[checkpoint, response\], then θ of its
/// checkpoints, \[checkpoint, d\], if kept.
#[napi(js_name = "graphRuns", ts_return_type = "Promise<JobOutput>")]
pub fn run_graph_training<'env>(
    env: &'env Env,
    options: String,
    theta0: Vec<Option<Float64Array>>,
    job: &Job,
) -> napi::Result<Object<'env>> {
    let (GraphTrainingOptions { runs }, threads) = parse_job_options(&options)?;
    let theta0 = theta0.into_iter().map(|theta| theta.map(|theta| theta.to_vec()));
    let runs: Vec<_> = runs.into_iter().zip(theta0.chain(std::iter::repeat(None))).collect();
    spawn_output(env, job, move |control| {
        let workers = Workers::new(threads)?;
        let mut runs = graph_runs(&runs, &workers, control)?;
        let values: Vec<Vec<f64>> = runs
            .iter_mut()
            .flat_map(|run| [std::mem::take(&mut run.log_probs), std::mem::take(&mut run.thetas)])
            .collect();
        Ok(values.into_iter().fold(Output::new(&runs)?, Output::with_floats))
    })
}

/// A graph reasoning task.
#[napi]
pub struct GraphPrompts {
    task: Arc<GraphTask>,
}

#[napi]
impl GraphPrompts {
    /// From JSON `GraphOptions`.
    #[napi(constructor)]
    pub fn new(options: String) -> napi::Result<Self> {
        let options: GraphOptions = parse_options(&options)?;
        let task = GraphTask::new(&options).map_err(|error| to_napi(&error))?;
        Ok(Self { task: Arc::new(task) })
    }

    /// JSON `Description` of the task.
    #[napi]
    pub fn describe(&self) -> napi::Result<String> {
        to_json(&self.task.describe())
    }

    /// Prompts as JSON Lines, chosen by JSON `GraphExportOptions`; JSON: the lines as one string.
    #[napi(ts_return_type = "Promise<JobOutput>")]
    pub fn json_lines<'env>(&self, env: &'env Env, options: String, job: &Job) -> napi::Result<Object<'env>> {
        let options: GraphExportOptions = parse_options(&options)?;
        let task = Arc::clone(&self.task);
        spawn_output(env, job, move |control| {
            let mut bytes = Vec::new();
            task.write_jsonl(&mut bytes, &options, control)?;
            let text = String::from_utf8(bytes)
                .map_err(|error| Error::new(Code::Internal, format!("A prompt is no text: {error}.")))?;
            Output::new(&text)
        })
    }
}
