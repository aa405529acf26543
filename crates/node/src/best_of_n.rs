//! Pass@k from counts of correct samples.

use coverage_principle_core::Workers;
use coverage_principle_core::best_of_n::{PassAtKOptions, SampleCounts, compare_pass_at_k};
use napi::Env;
use napi::bindgen_prelude::{Object, Uint32Array};
use napi_derive::napi;

use crate::error::{parse_options, to_napi};
use crate::job::{Job, Output, spawn_output};

/// Pass@k of `models` models on the same problems; `samples` and `correct` are row-major models × problems. JSON
/// `PassAtKComparison`.
#[napi(js_name = "passAtK", ts_return_type = "Promise<JobOutput>")]
pub fn run_pass_at_k<'env>(
    env: &'env Env,
    models: u32,
    samples: Uint32Array,
    correct: Uint32Array,
    options: String,
    threads: Option<u32>,
    job: &Job,
) -> napi::Result<Object<'env>> {
    let counts =
        SampleCounts::new(models as usize, samples.to_vec(), correct.to_vec()).map_err(|error| to_napi(&error))?;
    let options: PassAtKOptions = parse_options(&options)?;
    spawn_output(env, job, move |control| {
        let workers = Workers::new(threads.map(|threads| threads as usize))?;
        Output::new(&compare_pass_at_k(&counts, &options, &workers, control)?)
    })
}
