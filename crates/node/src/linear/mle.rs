//! Maximum likelihood.

use coverage_principle_core::Workers;
use coverage_principle_core::linear::mle::{MleOptions, maximum_likelihood};
use napi::Env;
use napi::bindgen_prelude::{Float64Array, Object};
use napi_derive::napi;

use super::features::FeaturesHandle;
use super::responses::ResponsesHandle;
use crate::error::parse_job_options;
use crate::job::{Job, Output, spawn_output};

/// The certified maximum likelihood estimate. JSON: the certificate; `floats[0]`: θ.
#[napi(js_name = "maximumLikelihood", ts_return_type = "Promise<JobOutput>")]
pub fn run_maximum_likelihood<'env>(
    env: &'env Env,
    features: &FeaturesHandle,
    responses: &ResponsesHandle,
    theta0: Option<Float64Array>,
    options: String,
    job: &Job,
) -> napi::Result<Object<'env>> {
    let (features, responses) = (features.shared(), responses.shared());
    let (options, threads): (MleOptions, _) = parse_job_options(&options)?;
    let options = MleOptions { theta0: theta0.map(|theta| theta.to_vec()), ..options };
    spawn_output(env, job, move |control| {
        let report = maximum_likelihood(&features, &responses, &options, &Workers::new(threads)?, control)?;
        Ok(Output::new(&report)?.with_floats(report.theta))
    })
}
