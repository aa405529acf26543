//! Samples that are right or wrong: which columns say so, of which model and problem, and how files are joined.

pub(super) mod flags;
pub(super) mod join;
mod plan;
mod rows;

use super::options::CountOptions;
use super::reading::{FileContext, Reading, Target};
use super::table::Table;
use crate::error::Result;

/// What counts are read into.
pub struct Counts {
    pub(super) options: CountOptions,
    pub(super) join: join::CountJoin,
}

/// Reads a table of samples or counts.
pub(super) fn read_table(table: &mut dyn Table, context: &FileContext, reading: &mut Reading<'_>) -> Result<()> {
    let (workers, control) = (reading.workers, reading.control);
    let Target::Counts(counts) = &mut reading.target else { return Ok(()) };
    let plan = plan::Plan::new(table, context, &counts.options)?;
    let wanted = plan.wanted(table.columns().len());
    let totals = table.has_totals();
    let mut rows = rows::Rows::new(plan, &wanted, context, counts, &mut reading.findings, totals);
    table.scan(&wanted, &mut rows, workers, control)?;
    rows.finish();
    Ok(())
}
