//! Comparisons that rounding may have decided, and the responses that a model fails to cover.

use coverage_principle_core::Workers;
use coverage_principle_core::tournament::{NearTiesOptions, Ratios, near_ties, uncovered_responses};
use napi::Env;
use napi::bindgen_prelude::Object;
use napi_derive::napi;
use serde::Deserialize;

use crate::error::parse_job_options;
use crate::job::{Job, Output, spawn_output};
use crate::log_probs::LogProbsHandle;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UncoveredOptions {
    model: usize,
    rival: Option<usize>,
    #[serde(rename = "N")]
    ratios: Vec<f64>,
}

/// Comparisons of a model with the others that rounding may have decided, at every N. JSON: a list of `NearTies`.
#[napi(js_name = "nearTies", ts_return_type = "Promise<JobOutput>")]
pub fn run_near_ties<'env>(
    env: &'env Env,
    log_probs: &LogProbsHandle,
    options: String,
    job: &Job,
) -> napi::Result<Object<'env>> {
    let matrix = log_probs.matrix()?;
    let (options, threads) = parse_job_options::<NearTiesOptions>(&options)?;
    spawn_output(env, job, move |control| {
        let workers = Workers::new(threads)?;
        Output::new(&near_ties(&matrix, &options, &workers, control)?)
    })
}

/// The responses that `model` fails to cover against `rival`, by falling log ratio. JSON `Uncovered`; `counts[0]`:
/// positions of the responses, `counts[1]`: the rival on each; `floats[0]`: log ratios.
#[napi(js_name = "uncoveredResponses", ts_return_type = "Promise<JobOutput>")]
pub fn run_uncovered_responses<'env>(
    env: &'env Env,
    log_probs: &LogProbsHandle,
    options: String,
    job: &Job,
) -> napi::Result<Object<'env>> {
    let matrix = log_probs.matrix()?;
    let (options, threads) = parse_job_options::<UncoveredOptions>(&options)?;
    spawn_output(env, job, move |control| {
        let workers = Workers::new(threads)?;
        let ratios = Ratios::new(&options.ratios)?;
        let mut found = uncovered_responses(&matrix, options.model, options.rival, &ratios, &workers, control)?;
        let (responses, rivals) = (std::mem::take(&mut found.responses), std::mem::take(&mut found.rivals));
        let log_ratios = std::mem::take(&mut found.log_ratios);
        Ok(Output::new(&found)?.with_counts(responses).with_counts(rivals).with_floats(log_ratios))
    })
}
