//! What can be timed.

mod naive;
mod reading;
mod tournament;

use serde::Deserialize;

use crate::Refusal;
use crate::answer::Answer;

/// A computation that can be repeated.
pub(crate) type Run = Box<dyn FnMut() -> Result<Box<dyn Answer>, Refusal>>;

/// A computation with its inputs, the same for every participant of a case.
#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", deny_unknown_fields)]
pub(crate) enum Task {
    /// All counts of the tournament; answer: u32, budgets × models × models.
    #[serde(rename_all = "camelCase")]
    Tournament { file: String, budgets: Vec<f64>, threads: usize, method: Method },
    /// The winner at each budget; answer: u32, budgets × (winner, score count).
    #[serde(rename_all = "camelCase")]
    Winner { file: String, budgets: Vec<f64>, threads: usize, method: Method },
    /// Reading a file of log-probabilities; answer: f64, the sum of each row.
    #[serde(rename_all = "camelCase")]
    Read { file: String, threads: usize, mapped: bool },
}

/// How the core is to compute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Method {
    /// As the library does.
    Core,
    /// The full matrix of counts where the winner alone is asked for.
    FullMatrix,
    /// The same from a mapped file.
    Mapped,
    /// The plain double loop.
    Naive,
}

/// Reads the inputs of `task`; the result computes.
pub(crate) fn prepare(task: &Task) -> Result<Run, Refusal> {
    match task {
        Task::Tournament { file, budgets, threads, method } => tournament::counts(file, budgets, *threads, *method),
        Task::Winner { file, budgets, threads, method } => tournament::winner(file, budgets, *threads, *method),
        Task::Read { file, threads, mapped } => reading::read(file, *threads, *mapped),
    }
}
