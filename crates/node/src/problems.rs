//! Named problems: what they are, and trials of their estimators.

use coverage_principle_core::Workers;
use coverage_principle_core::problems::{ProblemOptions, TrialsOptions, build, names, trials};
use coverage_principle_core::statistics::{Measurement, fit_power_law};
use napi::Env;
use napi::bindgen_prelude::Object;
use napi_derive::napi;

use crate::error::{parse_job_options, parse_options, to_json, to_napi};
use crate::job::{Job, Output, spawn_output};

/// The names of all problems.
#[napi]
#[must_use]
pub fn problem_names() -> Vec<String> {
    names().iter().map(ToString::to_string).collect()
}

/// JSON `Description` of the problem that the options name.
#[napi]
pub fn describe_problem(options: String) -> napi::Result<String> {
    let options: ProblemOptions = parse_options(&options)?;
    let problem = build(&options).map_err(|error| to_napi(&error))?;
    to_json(&problem.describe())
}

/// Trials of the estimators of several problems. JSON: a list of `ProblemTrials`; `floats`, problem after problem and
/// estimator after estimator: KL of each trial, then Cov_N \[trial, N\].
#[napi(js_name = "problemTrials", ts_return_type = "Promise<JobOutput>")]
pub fn run_problem_trials<'env>(env: &'env Env, options: String, job: &Job) -> napi::Result<Object<'env>> {
    let (options, threads): (TrialsOptions, _) = parse_job_options(&options)?;
    spawn_output(env, job, move |control| {
        let workers = Workers::new(threads)?;
        let mut trials = trials(&options, &workers, control)?;
        let values: Vec<Vec<f64>> = trials
            .iter_mut()
            .flat_map(|problem| &mut problem.estimators)
            .flat_map(|estimator| [std::mem::take(&mut estimator.kl_values), std::mem::take(&mut estimator.cov_values)])
            .collect();
        Ok(values.into_iter().fold(Output::new(&trials)?, Output::with_floats))
    })
}

/// Fits a power law to a JSON list of `Measurement`s; JSON `PowerLaw`.
#[napi(js_name = "fitPowerLaw")]
pub fn fit_power_law_to(points: String, confidence: f64) -> napi::Result<String> {
    let points: Vec<Measurement> = parse_options(&points)?;
    let law = fit_power_law(&points, confidence).map_err(|error| to_napi(&error))?;
    to_json(&law)
}
