//! Reading binary files into handles and arrays.

use std::path::PathBuf;

use coverage_principle_core::Workers;
use coverage_principle_core::files::arrays::{
    Matrix, ReadOptions, read_array, read_integers, read_matrix, read_vector,
};
use coverage_principle_core::log_probs::facts::matrix_facts;
use napi::Env;
use napi::bindgen_prelude::Object;
use napi_derive::napi;

use crate::error::parse_options;
use crate::job::{Job, Output, spawn, spawn_output};
use crate::log_probs::LogProbsHandle;

/// What a binary file holds.
#[napi(object, object_from_js = false)]
pub struct ReadMatrix {
    /// The matrix.
    pub handle: LogProbsHandle,
    /// Names, ids, dtype, shape and file as JSON.
    pub json: String,
}

/// Reads a matrix of log-probabilities from a `.npy`, `.npz` or `.safetensors` file.
#[napi(js_name = "readMatrix", ts_return_type = "Promise<ReadMatrix>")]
pub fn read_matrix_file<'env>(
    env: &'env Env,
    path: String,
    options: String,
    threads: Option<u32>,
    job: &Job,
) -> napi::Result<Object<'env>> {
    let options: ReadOptions = parse_options(&options)?;
    spawn(
        env,
        job,
        move |control| {
            let workers = Workers::new(threads.map(|threads| threads as usize))?;
            let matrix = read_matrix(&PathBuf::from(path), &options, &workers, control)?;
            let json = Output::new(&matrix)?;
            Ok((matrix, json))
        },
        |env, (matrix, json): (Matrix, Output)| {
            Ok(ReadMatrix { handle: LogProbsHandle::new(&env, matrix.log_probs)?, json: json.into_js().json })
        },
    )
}

/// Reads a matrix of integers; `floats[0]` has its values, row after row.
#[napi(js_name = "readIntegers", ts_return_type = "Promise<JobOutput>")]
pub fn read_integers_file<'env>(
    env: &'env Env,
    path: String,
    options: String,
    job: &Job,
) -> napi::Result<Object<'env>> {
    let options: ReadOptions = parse_options(&options)?;
    spawn_output(env, job, move |control| {
        let integers = read_integers(&PathBuf::from(path), &options, control)?;
        // The core bounds them by 2⁵³, so the conversion is exact.
        let values = integers.values.iter().map(|&value| value as f64).collect();
        Ok(Output::new(&integers)?.with_floats(values))
    })
}

/// Reads a 1-D array of numbers; `floats[0]` has them.
#[napi(js_name = "readVector", ts_return_type = "Promise<JobOutput>")]
pub fn read_vector_file<'env>(env: &'env Env, path: String, job: &Job) -> napi::Result<Object<'env>> {
    spawn_output(
        env,
        job,
        move |control| Ok(Output::new(&())?.with_floats(read_vector(&PathBuf::from(path), control)?)),
    )
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
