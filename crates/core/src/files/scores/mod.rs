//! Log-probabilities: which columns hold them, of which model and response, and how files are joined.

mod duplicate;
pub(super) mod join;
mod judge;
mod names;
pub(super) mod parts;
mod plain;
mod plan;
pub(super) mod reasonings;
mod rows;
pub(super) mod tokens;

pub(super) use duplicate::Origin;
pub(super) use judge::Shape;

use super::options::ScoreOptions;
use super::reading::{FileContext, Reading, Target};
use super::table::Table;
use crate::error::Result;

/// Reads a table of log-probabilities, long or wide.
pub(super) fn read_table(table: &mut dyn Table, context: &FileContext, reading: &mut Reading<'_>) -> Result<()> {
    let (workers, control) = (reading.workers, reading.control);
    let Target::Scores(scores) = &mut reading.target else { return Ok(()) };
    let plan = plan::Plan::new(table, context, &scores.options, scores.reasonings)?;
    let wanted = plan.wanted(table.columns().len());
    let totals = table.has_totals();
    let mut rows = rows::Rows::new(plan, context, scores, &mut reading.findings, totals)?;
    table.scan(&wanted, &mut rows, workers, control)?;
    rows.finish()
}

/// What log-probabilities are read into.
pub struct Scores {
    pub(super) options: ScoreOptions,
    /// Rows may be of reasonings, several of a response.
    pub(super) reasonings: bool,
    pub(super) join: join::ScoreJoin,
}
