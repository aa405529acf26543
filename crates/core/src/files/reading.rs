//! What formats hand their contents to.

use super::findings::Findings;
use super::table::Table;
use crate::error::Result;
use crate::log_probs::Rows;
use crate::parallel::Workers;
use crate::progress::Control;

/// What is known of a file before its contents.
#[derive(Clone, Debug)]
pub struct FileContext {
    /// The file, as messages call it.
    pub file: String,
    /// Name of the model, as the caller gave it.
    pub given: Option<String>,
    /// Name of the model for a file that does not say: the given one, or what tells its path from the others.
    pub model: String,
    /// Number of files that are read together.
    pub inputs: usize,
}

/// All that is read together, and how.
pub struct Reading<'a> {
    /// Threads.
    pub workers: &'a Workers,
    /// Progress and abort.
    pub control: &'a Control,
    /// Faults and oddities.
    pub findings: Findings,
}

/// Log-probabilities as a file of arrays holds them, models × responses.
pub struct Matrix {
    /// The values; not yet checked.
    pub rows: Rows,
    /// Names of the models, if the file or the JSON beside it has them.
    pub models: Option<Vec<String>>,
    /// Ids of the responses.
    pub ids: Option<Vec<String>>,
    /// Ids of the prompts, one a response.
    pub prompt_ids: Option<Vec<String>>,
    /// Tokens of each response.
    pub token_counts: Option<Vec<u32>>,
    /// Element type in the file.
    pub dtype: String,
}

/// Counts of right samples as a file of arrays holds them, models × problems.
pub struct CountMatrix {
    /// Row after row; every one lies within ±2⁵³.
    pub values: Vec<i64>,
    /// Models, problems.
    pub shape: [usize; 2],
    /// Names of the models, if known.
    pub models: Option<Vec<String>>,
    /// Ids of the problems, if known.
    pub problems: Option<Vec<String>>,
    /// Samples of each problem, if known.
    pub samples: Option<u32>,
}

impl Reading<'_> {
    /// Takes a matrix of log-probabilities.
    ///
    /// # Errors
    /// As reading in general.
    pub fn add_matrix(&mut self, _context: &FileContext, _matrix: Matrix) -> Result<()> {
        self.control.check()
    }

    /// Takes a matrix of counts.
    ///
    /// # Errors
    /// As reading in general.
    pub fn add_counts(&mut self, _context: &FileContext, _counts: CountMatrix) -> Result<()> {
        self.control.check()
    }

    /// Reads a table, whatever its columns mean.
    ///
    /// # Errors
    /// As reading in general.
    pub fn table(&mut self, _table: &mut dyn Table, _context: &FileContext) -> Result<()> {
        self.control.check()
    }
}
