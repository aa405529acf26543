//! Named problems: what they are, and trials of their estimators.

use coverage_principle_core::Workers;
use coverage_principle_core::best_of_n::expected_pass;
use coverage_principle_core::profile::likelihood_quantiles;
use coverage_principle_core::statistics::{Measurement, fit_power_law};
use coverage_principle_problems::experiment::{ExperimentOptions, Runs, experiment, mean_over_runs, rank_correlation};
use coverage_principle_problems::{ProblemOptions, TrialsOptions, names, subject, trials};
use napi::Env;
use napi::bindgen_prelude::{Float64Array, Object};
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
    let problem = subject(&options).map_err(|error| to_napi(&error))?;
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
            .flat_map(|estimator| {
                let cov = std::mem::take(&mut estimator.cov_values);
                [std::mem::take(&mut estimator.kl_values), cov.into_raw_vec_and_offset().0]
            })
            .collect();
        Ok(values.into_iter().fold(Output::new(&trials)?, Output::with_floats))
    })
}

/// Runs the sweeps of an experiment and holds its claims against them. JSON `ExperimentResult`.
#[napi(js_name = "runExperiment", ts_return_type = "Promise<JobOutput>")]
pub fn run_experiment<'env>(env: &'env Env, options: String, job: &Job) -> napi::Result<Object<'env>> {
    let (options, threads): (ExperimentOptions, _) = parse_job_options(&options)?;
    spawn_output(env, job, move |control| {
        let workers = Workers::new(threads)?;
        Output::new(&experiment(&options, &workers, control)?)
    })
}

/// JSON `Runs` of values, one a run.
#[napi(js_name = "describeRuns")]
pub fn describe_runs(values: Float64Array) -> napi::Result<String> {
    to_json(&Runs::of(&values).map_err(|error| to_napi(&error))?)
}

/// JSON list of `LikelihoodQuantile`s of log-probabilities of correct responses, independent of each other.
#[napi(js_name = "likelihoodQuantiles")]
pub fn likelihood_quantiles_of(log_probs: Float64Array) -> napi::Result<String> {
    to_json(&likelihood_quantiles(&log_probs, false, 0.95))
}

/// Mean Pass@K over log-probabilities of the only right response to each prompt.
#[napi(js_name = "expectedPass")]
pub fn expected_pass_of(log_probs: Float64Array, k: f64) -> napi::Result<f64> {
    expected_pass(&log_probs, k).map_err(|error| to_napi(&error))
}

/// JSON `Finding` of a claim (JSON `MeanClaim`) about the mean of values, one a run.
#[napi(js_name = "meanOverRuns")]
pub fn mean_over_runs_to(values: Float64Array, claim: String) -> napi::Result<String> {
    to_json(&mean_over_runs(&values, parse_options(&claim)?).map_err(|error| to_napi(&error))?)
}

/// Spearman's rank correlation; null where one side does not vary.
#[napi(js_name = "rankCorrelation")]
pub fn rank_correlation_of(x: Float64Array, y: Float64Array) -> napi::Result<Option<f64>> {
    rank_correlation(&x, &y).map_err(|error| to_napi(&error))
}

/// Fits a power law to a JSON list of `Measurement`s; JSON `PowerLaw`.
#[napi(js_name = "fitPowerLaw")]
pub fn fit_power_law_to(points: String, confidence: f64) -> napi::Result<String> {
    let points: Vec<Measurement> = parse_options(&points)?;
    let law = fit_power_law(&points, confidence).map_err(|error| to_napi(&error))?;
    to_json(&law)
}
