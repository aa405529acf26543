//! The M×n matrix of log-probabilities: models × responses, natural logarithms, summed over tokens.

mod array;
mod check;
mod container;
pub mod facts;
mod file;
mod gather;
mod npy;
mod npz;
mod python_literal;
pub mod read;
mod rows;
mod safetensors;

pub use rows::{Float, LogProbs, Row, Rows};
