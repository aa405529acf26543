//! Measures of a policy against a data distribution.

use coverage_principle_core::Workers;
use coverage_principle_core::linear::exact::{ExactOptions, inherent_variance, measure, responses_to_visit};
use coverage_principle_core::linear::monte_carlo::{MonteCarloOptions, estimate, estimate_inherent_variance};
use napi::Env;
use napi::bindgen_prelude::Object;
use napi_derive::napi;
use serde::Deserialize;

use super::data::DataHandle;
use super::features::FeaturesHandle;
use super::policy::PolicyHandle;
use crate::error::parse_job_options;
use crate::job::{Job, Output, spawn_output};

/// Exact measures by enumeration. JSON: the measures; `floats[0]`, `floats[1]`: log-ratios and tails of the whole
/// coverage profile.
#[napi(js_name = "exactMeasures", ts_return_type = "Promise<JobOutput>")]
pub fn exact_measures<'env>(
    env: &'env Env,
    data: &DataHandle,
    policy: &PolicyHandle,
    options: String,
    job: &Job,
) -> napi::Result<Object<'env>> {
    let (data, policy) = (data.shared(), policy.shared());
    let (options, threads): (ExactOptions, _) = parse_job_options(&options)?;
    spawn_output(env, job, move |control| {
        let (measures, profile) = measure(&data, &*policy, &options, &Workers::new(threads)?, control)?;
        Ok(Output::new(&measures)?.with_floats(profile.log_ratios).with_floats(profile.tails))
    })
}

/// How many responses exact measures would visit.
#[napi(js_name = "responsesToVisit")]
#[must_use]
pub fn responses_to_visit_by(data: &DataHandle, policy: Option<&PolicyHandle>) -> f64 {
    let policy = policy.map(PolicyHandle::shared);
    responses_to_visit(&data.shared(), policy.as_deref())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct VarianceOptions {
    max_responses: u64,
}

/// σ*² [8] by enumeration: `floats[0][0]`.
#[napi(js_name = "inherentVariance", ts_return_type = "Promise<JobOutput>")]
pub fn run_inherent_variance<'env>(
    env: &'env Env,
    data: &DataHandle,
    features: &FeaturesHandle,
    options: String,
    job: &Job,
) -> napi::Result<Object<'env>> {
    let (data, features) = (data.shared(), features.shared());
    let (VarianceOptions { max_responses }, threads) = parse_job_options(&options)?;
    spawn_output(env, job, move |control| {
        let variance = inherent_variance(&data, &*features, max_responses, &Workers::new(threads)?, control)?;
        Ok(Output::new(&())?.with_floats(vec![variance]))
    })
}

/// Monte Carlo estimates of the measures. JSON: the estimates; `floats[0]`, `floats[1]`: log-ratios and tails of the
/// empirical coverage profile.
#[napi(js_name = "monteCarloMeasures", ts_return_type = "Promise<JobOutput>")]
pub fn monte_carlo_measures<'env>(
    env: &'env Env,
    data: &DataHandle,
    policy: &PolicyHandle,
    options: String,
    job: &Job,
) -> napi::Result<Object<'env>> {
    let (data, policy) = (data.shared(), policy.shared());
    let (options, threads): (MonteCarloOptions, _) = parse_job_options(&options)?;
    spawn_output(env, job, move |control| {
        let (estimates, profile) = estimate(&data, &*policy, &options, &Workers::new(threads)?, control)?;
        Ok(Output::new(&estimates)?.with_floats(profile.log_ratios).with_floats(profile.tails))
    })
}

/// Monte Carlo estimate of σ*² [8]. JSON: the estimate.
#[napi(js_name = "monteCarloInherentVariance", ts_return_type = "Promise<JobOutput>")]
pub fn monte_carlo_inherent_variance<'env>(
    env: &'env Env,
    data: &DataHandle,
    features: &FeaturesHandle,
    options: String,
    job: &Job,
) -> napi::Result<Object<'env>> {
    let (data, features) = (data.shared(), features.shared());
    let (options, threads): (MonteCarloOptions, _) = parse_job_options(&options)?;
    spawn_output(env, job, move |control| {
        Output::new(&estimate_inherent_variance(&data, &*features, &options, &Workers::new(threads)?, control)?)
    })
}
