//! Counting over blocks of models and responses.

use super::budgets::Budgets;
use crate::error::Result;
use crate::log_probs::LogProbs;
use crate::parallel::Workers;
use crate::progress::Control;

/// Row-major matrices, one per budget.
type PerBudget = Vec<Vec<u32>>;

/// How often `a[i] − b[i]` reaches each threshold.
fn pair(a: &[f64], b: &[f64], thresholds: &[f64]) -> Vec<u32> {
    thresholds.iter().map(|&threshold| a.iter().zip(b).map(|(a, b)| u32::from(a - b >= threshold)).sum()).collect()
}

/// All pairs among the rows of one matrix.
pub(super) fn square(
    log_probs: &LogProbs,
    budgets: &Budgets,
    workers: &Workers,
    control: &Control,
) -> Result<PerBudget> {
    let (forward, _) = rectangle(log_probs, log_probs, budgets, workers, control)?;
    Ok(forward)
}

/// All pairs of a row of `upper` with a row of `lower`: upper over lower, and lower over upper.
pub(super) fn rectangle(
    upper: &LogProbs,
    lower: &LogProbs,
    budgets: &Budgets,
    workers: &Workers,
    control: &Control,
) -> Result<(PerBudget, PerBudget)> {
    let one_way = |from: &LogProbs, to: &LogProbs| -> Result<PerBudget> {
        let rows = workers.map(from.models(), control, |a| {
            let a = from.row_f64(a);
            Ok((0..to.models()).map(|b| pair(&a, &to.row_f64(b), budgets.log_n())).collect::<Vec<_>>())
        })?;
        Ok((0..budgets.len()).map(|k| rows.iter().flatten().map(|counts| counts[k]).collect()).collect())
    };
    Ok((one_way(upper, lower)?, one_way(lower, upper)?))
}
