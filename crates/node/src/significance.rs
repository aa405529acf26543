//! Comparisons that rounding may have decided, and the responses that a model fails to cover.

use coverage_principle_core::Workers;
use coverage_principle_core::tournament::{Budgets, NearTiesOptions, near_ties, uncovered_responses};
use napi::Env;
use napi::bindgen_prelude::Object;
use napi_derive::napi;

use crate::error::parse_options;
use crate::job::{Job, Output, spawn_output};
use crate::log_probs::LogProbsHandle;

/// Comparisons of a model with the others that rounding may have decided, at every N. JSON: a list of `NearTies`.
#[napi(js_name = "nearTies", ts_return_type = "Promise<JobOutput>")]
pub fn run_near_ties<'env>(
    env: &'env Env,
    log_probs: &LogProbsHandle,
    options: String,
    threads: Option<u32>,
    job: &Job,
) -> napi::Result<Object<'env>> {
    let matrix = log_probs.matrix()?;
    let options: NearTiesOptions = parse_options(&options)?;
    spawn_output(env, job, move |control| {
        let workers = Workers::new(threads.map(|threads| threads as usize))?;
        Output::new(&near_ties(&matrix, &options, &workers, control)?)
    })
}

/// The responses that `model` fails to cover against `rival`, by falling log ratio. JSON `Uncovered`; `counts[0]`:
/// positions of the responses, `counts[1]`: the rival on each; `floats[0]`: log ratios.
#[napi(js_name = "uncoveredResponses", ts_return_type = "Promise<JobOutput>")]
pub fn run_uncovered_responses<'env>(
    env: &'env Env,
    log_probs: &LogProbsHandle,
    model: u32,
    rival: Option<u32>,
    budgets: Vec<f64>,
    threads: Option<u32>,
    job: &Job,
) -> napi::Result<Object<'env>> {
    let matrix = log_probs.matrix()?;
    spawn_output(env, job, move |control| {
        let workers = Workers::new(threads.map(|threads| threads as usize))?;
        let rival = rival.map(|rival| rival as usize);
        let budgets = Budgets::new(&budgets)?;
        let mut found = uncovered_responses(&matrix, model as usize, rival, &budgets, &workers, control)?;
        let (responses, rivals) = (std::mem::take(&mut found.responses), std::mem::take(&mut found.rivals));
        let log_ratios = std::mem::take(&mut found.log_ratios);
        Ok(Output::new(&found)?.with_counts(responses).with_counts(rivals).with_floats(log_ratios))
    })
}
