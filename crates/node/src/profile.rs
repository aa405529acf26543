//! Coverage profiles against a reference.

use coverage_principle_core::Workers;
use coverage_principle_core::profile::{CoverageProfileOptions, coverage_profiles, cross_entropies};
use coverage_principle_core::statistics::{check_confidence, clopper_pearson};
use napi::Env;
use napi::bindgen_prelude::{Float64Array, Object, Uint32Array};
use napi_derive::napi;

use crate::error::{parse_options, to_napi};
use crate::job::{Job, Output, spawn_output};
use crate::log_probs::LogProbsHandle;

/// Coverage profile, KL divergence and cross-entropy of every model against `reference`, a matrix of one row. JSON
/// `CoverageProfiles`; `prompts` labels the prompt of each response; `floats`: log N and share of the empirical profiles' points, model after model.
#[napi(js_name = "coverageProfiles", ts_return_type = "Promise<JobOutput>")]
pub fn run_coverage_profiles<'env>(
    env: &'env Env,
    log_probs: &LogProbsHandle,
    reference: &LogProbsHandle,
    prompts: Option<Uint32Array>,
    options: String,
    threads: Option<u32>,
    job: &Job,
) -> napi::Result<Object<'env>> {
    let (matrix, reference) = (log_probs.matrix()?, reference.matrix()?);
    let options: CoverageProfileOptions = parse_options(&options)?;
    let prompts = prompts.map(|labels| labels.to_vec());
    spawn_output(env, job, move |control| {
        let workers = Workers::new(threads.map(|threads| threads as usize))?;
        let mut profiles = coverage_profiles(&matrix, &reference, prompts.as_deref(), &options, &workers, control)?;
        let log_n = std::mem::take(&mut profiles.curve_log_n);
        let shares = std::mem::take(&mut profiles.curve_shares);
        Ok(Output::new(&profiles)?.with_floats(log_n).with_floats(shares))
    })
}

/// Cross-entropy of every model. JSON: a list of `Estimate`.
#[napi(js_name = "crossEntropies", ts_return_type = "Promise<JobOutput>")]
pub fn run_cross_entropies<'env>(
    env: &'env Env,
    log_probs: &LogProbsHandle,
    confidence: f64,
    threads: Option<u32>,
    job: &Job,
) -> napi::Result<Object<'env>> {
    let matrix = log_probs.matrix()?;
    spawn_output(env, job, move |control| {
        let workers = Workers::new(threads.map(|threads| threads as usize))?;
        Output::new(&cross_entropies(&matrix, confidence, &workers, control)?)
    })
}

/// Clopper and Pearson's interval of each of `counts` out of `trials`: low and high ends alternate.
#[napi]
pub fn binomial_intervals(counts: Uint32Array, trials: u32, confidence: f64) -> napi::Result<Float64Array> {
    check_confidence(confidence).map_err(|error| to_napi(&error))?;
    let ends = counts.iter().flat_map(|&count| {
        let interval = clopper_pearson(u64::from(count.min(trials)), u64::from(trials), confidence);
        [interval.low, interval.high]
    });
    Ok(Float64Array::new(ends.collect()))
}
