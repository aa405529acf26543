//! Reading files of log-probabilities.

use std::path::{Path, PathBuf};

use coverage_principle_core::log_probs::read::{ReadOptions, read_matrix};
use coverage_principle_core::log_probs::{Float, LogProbs, Row, Rows};
use coverage_principle_core::{Control, Workers};

use super::Run;
use crate::Refusal;
use crate::answer::Answer;

/// The matrix in `file`: in memory, or left in the mapped file.
pub(crate) fn matrix(file: &str, mapped: bool, workers: &Workers) -> Result<LogProbs, Refusal> {
    let options = ReadOptions { map_above: if mapped { 0 } else { u64::MAX }, ..ReadOptions::default() };
    Ok(read_matrix(Path::new(file), &options, workers, &Control::new())?.log_probs)
}

impl Answer for LogProbs {
    /// The sum of each row in index order: shows that every value arrived, and is cheap for every participant.
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

/// Opening `file`, checking every value of it.
pub(crate) fn read(file: &str, threads: usize, mapped: bool) -> Result<Run, Refusal> {
    let workers = Workers::new(Some(threads))?;
    let file = PathBuf::from(file);
    let options = ReadOptions { map_above: if mapped { 0 } else { u64::MAX }, ..ReadOptions::default() };
    Ok(Box::new(move || Ok(Box::new(read_matrix(&file, &options, &workers, &Control::new())?.log_probs))))
}
