//! Reading files into handles and arrays.

use std::path::PathBuf;

use coverage_principle_core::files::arrays::read_array;
use coverage_principle_core::files::{
    CountOptions, FORMATS, IdList, InputFile, ScoreOptions, read_answers, read_counts, read_scores,
};
use coverage_principle_core::log_probs::facts::matrix_facts;
use coverage_principle_core::{Code, Error, LogProbs, Workers};
use napi::Env;
use napi::bindgen_prelude::{Object, ObjectFinalize, Uint32Array};
use napi_derive::napi;

use crate::error::parse_options;
use crate::job::{Job, Output, spawn, spawn_output};
use crate::log_probs::LogProbsHandle;
use crate::memory::{claim, release};

/// Log-probabilities that were read, and what was noticed.
#[napi(object, object_from_js = false)]
pub struct ReadScores {
    /// The matrix; absent after errors that were collected.
    pub handle: Option<LogProbsHandle>,
    /// Names, sources and findings as JSON, and ids where they are not in `ids`.
    pub json: String,
    /// Ids of the responses, where none has U+0000 in it.
    pub ids: Option<IdListHandle>,
}

/// Ids that stay in Rust until they are wanted.
#[napi(custom_finalize)]
pub struct IdListHandle {
    ids: IdList,
    bytes: i64,
}

impl ObjectFinalize for IdListHandle {
    fn finalize(self, env: Env) -> napi::Result<()> {
        release(&env, self.bytes)
    }
}

#[napi]
impl IdListHandle {
    /// The ids with U+0000 between them.
    #[napi]
    #[must_use]
    pub fn text(&self) -> String {
        self.ids.joined()
    }
}

/// Reads log-probabilities from files of any format into one matrix. `inputs` and `options` are JSON; with `collect`,
/// errors in the input are findings.
#[napi(js_name = "readScores", ts_return_type = "Promise<ReadScores>")]
pub fn read_scores_of<'env>(
    env: &'env Env,
    inputs: String,
    options: String,
    collect: bool,
    threads: Option<u32>,
    job: &Job,
) -> napi::Result<Object<'env>> {
    let inputs: Vec<InputFile> = parse_options(&inputs)?;
    let options: ScoreOptions = parse_options(&options)?;
    spawn(
        env,
        job,
        move |control| {
            let workers = Workers::new(threads.map(|threads| threads as usize))?;
            let mut read = read_scores(&inputs, options, collect, &workers, control)?;
            let ids = read.take_ids();
            let json = Output::new(&read)?;
            Ok((read.log_probs, json, ids))
        },
        |env, (log_probs, json, ids): (Option<LogProbs>, Output, Option<IdList>)| {
            let handle = log_probs.map(|log_probs| LogProbsHandle::new(&env, log_probs)).transpose()?;
            let ids = ids.map(|ids| Ok::<_, napi::Error>(IdListHandle { bytes: claim(&env, ids.memory())?, ids }));
            let ids = ids.transpose()?;
            Ok(ReadScores { handle, json: json.into_js().json, ids })
        },
    )
}

/// Log-probabilities of answers that were read, and what was noticed.
#[napi(object, object_from_js = false)]
pub struct ReadAnswers {
    /// The matrix.
    pub handle: LogProbsHandle,
    /// Names, ids of the responses, sources and findings as JSON.
    pub json: String,
    /// The response of each column, where columns are reasonings; absent where they are responses.
    pub of_response: Option<Uint32Array>,
}

/// Reads log-probabilities of answers, given reasonings or as they are, into one matrix. `inputs` and `options` are JSON.
#[napi(js_name = "readAnswers", ts_return_type = "Promise<ReadAnswers>")]
pub fn read_answers_of<'env>(
    env: &'env Env,
    inputs: String,
    options: String,
    threads: Option<u32>,
    job: &Job,
) -> napi::Result<Object<'env>> {
    let inputs: Vec<InputFile> = parse_options(&inputs)?;
    let options: ScoreOptions = parse_options(&options)?;
    spawn(
        env,
        job,
        move |control| {
            let workers = Workers::new(threads.map(|threads| threads as usize))?;
            let (read, of_response) = read_answers(&inputs, options, &workers, control)?;
            let json = Output::new(&read)?;
            // Unless errors are collected, what gives nothing is an error.
            let nothing = || Error::new(Code::NoResponses, "The input holds no scored answer.");
            Ok((read.log_probs.ok_or_else(nothing)?, json, of_response))
        },
        |env, (log_probs, json, of_response): (LogProbs, Output, Option<Vec<u32>>)| {
            let handle = LogProbsHandle::new(&env, log_probs)?;
            Ok(ReadAnswers { handle, json: json.into_js().json, of_response: of_response.map(Uint32Array::new) })
        },
    )
}

/// Reads how many samples of each problem are right from files of any format, as JSON.
#[napi(js_name = "readCounts", ts_return_type = "Promise<JobOutput>")]
pub fn read_counts_of<'env>(
    env: &'env Env,
    inputs: String,
    options: String,
    threads: Option<u32>,
    job: &Job,
) -> napi::Result<Object<'env>> {
    let inputs: Vec<InputFile> = parse_options(&inputs)?;
    let options: CountOptions = parse_options(&options)?;
    spawn_output(env, job, move |control| {
        let workers = Workers::new(threads.map(|threads| threads as usize))?;
        Output::new(&read_counts(&inputs, options, false, &workers, control)?)
    })
}

/// Names of the formats that can be read.
#[napi]
#[must_use]
pub fn file_formats() -> Vec<String> {
    FORMATS.iter().map(|format| format.name.to_owned()).collect()
}

/// Range, precision, clamping and duplicates of the values behind `handle`, as JSON.
#[napi(js_name = "matrixFacts", ts_return_type = "Promise<JobOutput>")]
pub fn matrix_facts_of<'env>(
    env: &'env Env,
    handle: &LogProbsHandle,
    threads: Option<u32>,
    job: &Job,
) -> napi::Result<Object<'env>> {
    let matrix = handle.matrix()?;
    spawn_output(env, job, move |control| {
        let workers = Workers::new(threads.map(|threads| threads as usize))?;
        Output::new(&matrix_facts(&matrix, &workers, control)?)
    })
}

/// Reads an array of numbers of any shape; JSON: its shape and the hash of the file, `floats[0]`: its values, the last
/// axis varying fastest.
#[napi(js_name = "readArray", ts_return_type = "Promise<JobOutput>")]
pub fn read_array_file<'env>(env: &'env Env, path: String, job: &Job) -> napi::Result<Object<'env>> {
    spawn_output(env, job, move |control| {
        let array = read_array(&PathBuf::from(path), control)?;
        Ok(Output::new(&array)?.with_floats(array.values))
    })
}
