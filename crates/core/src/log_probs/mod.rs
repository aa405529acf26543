//! The M×n matrix of log-probabilities: models × responses, natural logarithms, summed over tokens.

mod check;
pub mod facts;
mod rows;

pub(crate) use check::{all_legal, first_illegal};
pub use rows::{Float, LogProbs, Row, Rows};
