use serde::Serialize;

use super::budgets::Budgets;
use super::ranking::tournament;
use crate::error::Result;
use crate::log_probs::LogProbs;
use crate::parallel::Workers;
use crate::progress::Control;

/// The winner of the simple tournament at one budget, and what finding it took.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Winner {
    /// The Best-of-N budget.
    pub n: f64,
    /// The winner: the same model that the full matrix of counts gives.
    pub winner: usize,
    /// Its score, in [0, 1].
    pub score: f64,
    /// The same as a count of responses.
    pub score_count: u32,
    /// Its worst rival (least index of several, see [`super::Tournament::rivals`]).
    pub rival: usize,
    /// Unordered pairs of models of which at least one element was compared at this budget.
    pub pairs_looked_at: u64,
    /// Elements compared at this budget: (pair, response) combinations.
    pub elements_looked_at: u64,
    /// Unordered pairs of models that there are.
    pub pairs_total: u64,
    /// Elements that the full matrix compares.
    pub elements_total: u64,
}

/// The exact winner at each budget without the matrix of counts.
///
/// # Errors
/// As [`super::counts`].
pub fn select_winner(
    log_probs: &LogProbs,
    budgets: &Budgets,
    workers: &Workers,
    control: &Control,
) -> Result<Vec<Winner>> {
    let (_, tournaments) = tournament(log_probs, budgets, workers, control)?;
    let models = log_probs.models() as u64;
    let pairs = models * (models - 1) / 2;
    let elements = pairs * log_probs.responses() as u64;
    Ok(tournaments
        .into_iter()
        .map(|tournament| Winner {
            n: tournament.n,
            winner: tournament.winner,
            score: tournament.scores[tournament.winner],
            score_count: tournament.score_counts[tournament.winner],
            rival: tournament.rivals[tournament.winner],
            pairs_looked_at: pairs,
            elements_looked_at: elements,
            pairs_total: pairs,
            elements_total: elements,
        })
        .collect())
}
