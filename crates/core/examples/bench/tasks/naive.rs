//! The plain double loop that the fast paths are held against: what one writes first.

use coverage_principle_core::log_probs::{Float, Row, Rows};
use coverage_principle_core::tournament::Ratios;

/// `#{i : L[a,i] − L[b,i] ≥ log N}` of every ordered pair, one M×M matrix a budget.
pub(crate) fn counts(rows: &Rows, budgets: &Ratios) -> Vec<Vec<u32>> {
    match rows {
        Rows::F32(rows) => counts_of(rows, budgets),
        Rows::F64(rows) => counts_of(rows, budgets),
    }
}

fn counts_of<T: Float>(rows: &[Row<T>], budgets: &Ratios) -> Vec<Vec<u32>> {
    let count = |a: &[T], b: &[T], threshold: f64| -> u32 {
        a.iter().zip(b).map(|(&a, &b)| u32::from(Into::<f64>::into(a) - Into::<f64>::into(b) >= threshold)).sum()
    };
    budgets
        .log_n()
        .iter()
        .map(|&threshold| rows.iter().flat_map(|a| rows.iter().map(move |b| count(a, b, threshold))).collect())
        .collect()
}
