//! Answer-level coverage: profiles and tournaments of the answers' probabilities.
#![expect(clippy::too_many_arguments, reason = "each is one input of the computation")]

use std::sync::Arc;

use coverage_principle_core::answers::{AnswerDraws, answer_profiles, select_by_answers};
use coverage_principle_core::profile::CoverageProfileOptions;
use coverage_principle_core::selection::SelectionOptions;
use coverage_principle_core::{LogProbs, Result, Workers};
use napi::Env;
use napi::bindgen_prelude::{ClassInstance, Object, Uint32Array};
use napi_derive::napi;

use crate::error::{parse_job_options, parse_options};
use crate::job::{Job, Output, spawn_output};
use crate::log_probs::LogProbsHandle;

/// Which response each column is of, and what the columns are.
struct Columns {
    of_response: Vec<u32>,
    responses: usize,
    exact: bool,
    proposal: Option<Arc<LogProbs>>,
}

impl Columns {
    fn draws(&self, log_probs: &LogProbs) -> Result<AnswerDraws> {
        if self.exact {
            return AnswerDraws::exact(log_probs, Some(&self.of_response));
        }
        AnswerDraws::sampled(log_probs, &self.of_response, self.responses, self.proposal.as_deref())
    }
}

/// Cov_N of the answers of every model against `reference`, a matrix of one row with the same columns. Column k of both is
/// of response `of_response[k]`, `exact` or given a reasoning drawn from the model (or from `proposal`, one row); `whole`
/// and `whole_reference` are the log-probabilities of the `responses` whole responses, `prompts` has a label for each. JSON
/// `AnswerProfiles`.
#[napi(js_name = "answerProfiles", ts_return_type = "Promise<JobOutput>")]
pub fn run_answer_profiles<'env>(
    env: &'env Env,
    answers: &LogProbsHandle,
    reference: &LogProbsHandle,
    of_response: Uint32Array,
    exact: bool,
    proposal: Option<ClassInstance<LogProbsHandle>>,
    whole: &LogProbsHandle,
    whole_reference: &LogProbsHandle,
    prompts: Option<Uint32Array>,
    options: String,
    threads: Option<u32>,
    job: &Job,
) -> napi::Result<Object<'env>> {
    let (answers, reference) = (answers.matrix()?, reference.matrix()?);
    let (whole, whole_reference) = (whole.matrix()?, whole_reference.matrix()?);
    let proposal = proposal.map(|handle| handle.matrix()).transpose()?;
    let columns = Columns { of_response: of_response.to_vec(), responses: whole.responses(), exact, proposal };
    let prompts = prompts.map(|labels| labels.to_vec());
    let options: CoverageProfileOptions = parse_options(&options)?;
    spawn_output(env, job, move |control| {
        let workers = Workers::new(threads.map(|threads| threads as usize))?;
        let (models, teacher) = (columns.draws(&answers)?, columns.draws(&reference)?);
        let whole = Some((&*whole, &*whole_reference));
        Output::new(&answer_profiles(&models, &teacher, whole, prompts.as_deref(), &options, &workers, control)?)
    })
}

/// The tournaments between answers; arguments as of `answerProfiles`, options as of `select`. JSON `AnswerSelection`.
#[napi(js_name = "selectByAnswers", ts_return_type = "Promise<JobOutput>")]
pub fn run_select_by_answers<'env>(
    env: &'env Env,
    answers: &LogProbsHandle,
    of_response: Uint32Array,
    exact: bool,
    proposal: Option<ClassInstance<LogProbsHandle>>,
    responses: u32,
    prompts: Option<Uint32Array>,
    options: String,
    job: &Job,
) -> napi::Result<Object<'env>> {
    let answers = answers.matrix()?;
    let proposal = proposal.map(|handle| handle.matrix()).transpose()?;
    let columns = Columns { of_response: of_response.to_vec(), responses: responses as usize, exact, proposal };
    let prompts = prompts.map(|labels| labels.to_vec());
    let (options, threads) = parse_job_options::<SelectionOptions>(&options)?;
    spawn_output(env, job, move |control| {
        let draws = columns.draws(&answers)?;
        Output::new(&select_by_answers(&draws, prompts.as_deref(), &options, &Workers::new(threads)?, control)?)
    })
}
