//! What can be timed.

mod bootstrap;
mod naive;
mod npy;
mod reading;
mod tournament;
mod training;

use serde::Deserialize;

use crate::Refusal;
use crate::answer::Answer;

pub(crate) use bootstrap::write_draws;

/// A computation that can be repeated.
pub(crate) type Run = Box<dyn FnMut() -> Result<Box<dyn Answer>, Refusal>>;

/// A computation with its inputs, the same for every participant of a case.
#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub(crate) enum Task {
    /// All counts of the tournament; answer: u32, budgets × models × models.
    Tournament(tournament::Input),
    /// The winner at each budget; answer: u32, budgets × (winner, score count).
    Winner(tournament::Input),
    /// The bootstrap of the tournament; answer: u32, budgets × models, how many replicates each wins.
    Bootstrap(bootstrap::Input),
    /// Reading a file of log-probabilities; answer: f64, the sum of each row.
    Read(reading::Input),
    /// Training; answer: f64, the last θ.
    Training(training::Input),
    /// Evaluation with test-time training; answer: f64, the log-probability of each response.
    TestTime(training::Input),
    /// Many training runs at once; answer: f64, the last θ of each.
    Sweep(training::Input),
}

/// How the core is to compute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Method {
    /// As the library does.
    Core,
    /// The full matrix of counts where the winner alone is asked for.
    FullMatrix,
    /// The plain double loop.
    Naive,
}

/// Reads the inputs of `task`; the result computes.
pub(crate) fn prepare(task: Task) -> Result<Run, Refusal> {
    match task {
        Task::Tournament(input) => tournament::counts(input),
        Task::Winner(input) => tournament::winner(input),
        Task::Bootstrap(input) => bootstrap::replicates(input),
        Task::Read(input) => reading::read(input),
        Task::Training(input) => training::train(input),
        Task::TestTime(input) => training::test_time(input),
        Task::Sweep(input) => training::sweep_of_step_sizes(input),
    }
}
