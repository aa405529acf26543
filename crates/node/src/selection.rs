//! `select`: the whole selection as one job.
#![expect(clippy::too_many_arguments, reason = "each is one input of the selection")]

use coverage_principle_core::Workers;
use coverage_principle_core::best_of_n::SampleCounts;
use coverage_principle_core::selection::{SelectionInput, SelectionOptions, ratio_of_budget, select, span_of_budget};
use napi::Env;
use napi::bindgen_prelude::{ClassInstance, Object, Uint32Array};
use napi_derive::napi;

use crate::error::{parse_job_options, to_napi};
use crate::job::{Job, Output, spawn_output};
use crate::log_probs::LogProbsHandle;
use crate::parts::AllPartsHandle;
use crate::saved_tournament::SavedTournamentHandle;

/// Which of the models to take. `prompts` has a label for each response where prompts repeat, `reference` one row,
/// `samples` the numbers of samples and of correct ones, row-major models × problems. JSON `Selection`; `counts[0]`: the
/// counts `[N, a, b]` in row-major order, if asked for.
#[napi(js_name = "select", ts_return_type = "Promise<JobOutput>")]
pub fn run_select<'env>(
    env: &'env Env,
    log_probs: &LogProbsHandle,
    prompts: Option<Uint32Array>,
    reference: Option<ClassInstance<LogProbsHandle>>,
    samples: Option<Vec<Uint32Array>>,
    saved: Option<ClassInstance<SavedTournamentHandle>>,
    parts: Option<ClassInstance<AllPartsHandle>>,
    options: String,
    job: &Job,
) -> napi::Result<Object<'env>> {
    let log_probs = log_probs.matrix()?;
    let prompts = prompts.map(|labels| labels.to_vec());
    let reference = reference.map(|handle| handle.matrix()).transpose()?;
    let saved = saved.map(|handle| handle.saved());
    let parts = parts.map(|handle| handle.parts());
    let (options, threads) = parse_job_options::<SelectionOptions>(&options)?;
    let samples = match samples.as_deref() {
        Some([samples, correct]) => {
            let counts = SampleCounts::new(log_probs.models(), samples.to_vec(), correct.to_vec());
            Some(counts.map_err(|error| to_napi(&error))?)
        }
        _ => None,
    };
    spawn_output(env, job, move |control| {
        let input = SelectionInput {
            log_probs: &log_probs,
            prompts: prompts.as_deref(),
            reference: reference.as_deref(),
            samples: samples.as_ref(),
            saved: saved.as_deref(),
            parts: parts.as_deref(),
        };
        let selection = select(&input, &options, &Workers::new(threads)?, control)?;
        let output = Output::new(&selection)?;
        Ok(if options.counts { output.with_counts(selection.counts.array().iter().copied().collect()) } else { output })
    })
}

/// The ratio N at which the tournament for a budget of `best_of` samples a prompt is held.
#[napi]
pub fn ratio_of_best_of(best_of: u32) -> napi::Result<f64> {
    ratio_of_budget(best_of).map_err(|error| to_napi(&error))
}

/// The ratios that what to take for a budget of `best_of` samples a prompt is held against, rising.
#[napi]
pub fn span_of_best_of(best_of: u32) -> napi::Result<Vec<f64>> {
    Ok(span_of_budget(best_of).map_err(|error| to_napi(&error))?.to_vec())
}
