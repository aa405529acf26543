//! Log-probabilities: which columns hold them, of which model and response, and how files are joined.

mod duplicate;
pub(super) mod join;
mod joined;
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

use super::bytes::{check_memory, room};
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
    let expected = table.rows();
    let mut rows = rows::Rows::new(plan, context, scores, &mut reading.findings, totals)?;
    if let Some(expected) = expected {
        rows.expect(expected);
    }
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

impl join::ScoreJoin {
    /// Makes room for `rows` responses that `models` have, unless there are some already, or memory does not suffice: then it
    /// is taken as they come.
    fn expect(&mut self, rows: usize, models: impl ExactSizeIterator<Item = usize>) {
        // A value each, and what is kept of a response and of its id.
        let each = models.len().checked_mul(size_of::<f64>()).and_then(|values| values.checked_add(64));
        if check_memory(each.and_then(|each| each.checked_mul(rows)), String::new).is_err() {
            return;
        }
        if self.ids.len() == 0 {
            self.ids.expect(rows);
            self.facts.reserve_exact(rows);
        }
        for model in models {
            let values = &mut self.models[model].values;
            if values.is_empty() {
                *values = room(rows);
            }
        }
    }
}
