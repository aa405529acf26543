//! Reading files of log-probabilities.

use std::path::Path;

use coverage_principle_core::files::arrays::{ReadOptions, read_matrix};
use coverage_principle_core::log_probs::{Float, LogProbs, Row, Rows};
use coverage_principle_core::{Control, Workers};
use serde::Deserialize;

use super::{Method, Run};
use crate::Refusal;
use crate::answer::Answer;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    file: String,
    threads: usize,
    method: Method,
}

/// The matrix in `file`.
pub(super) fn matrix(file: &str, workers: &Workers) -> Result<LogProbs, Refusal> {
    Ok(read_matrix(Path::new(file), &ReadOptions::default(), workers, &Control::new())?.log_probs)
}

impl Answer for LogProbs {
    /// The sum of each row: shows that every value arrived, and is exact in any order.
    fn bytes(&self) -> Vec<u8> {
        fn sums<T: Float>(rows: &[Row<T>]) -> Vec<f64> {
            rows.iter().map(|row| row.iter().map(|&value| Into::<f64>::into(value)).sum()).collect()
        }
        match self.rows() {
            Rows::F32(rows) => sums(rows),
            Rows::F64(rows) => sums(rows),
        }
        .bytes()
    }
}

/// Opening a file, checking every value of it.
pub(super) fn read(Input { file, threads, method }: Input) -> Result<Run, Refusal> {
    if method != Method::Core {
        return Err(Refusal::Skipped("there is one way to read a file".to_owned()));
    }
    let workers = Workers::new(Some(threads))?;
    Ok(Box::new(move || Ok(Box::new(matrix(&file, &workers)?))))
}
