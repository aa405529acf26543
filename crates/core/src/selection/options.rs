use serde::Deserialize;

use super::budget::Asked;
use crate::error::Result;
use crate::statistics::check_confidence;

/// Options of [`super::select`]; whoever calls it gives all of them.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SelectionOptions {
    /// Budgets K in samples a prompt, each at least 3; the ratio of each follows ([`super::ratio_of_budget`]).
    pub best_of: Vec<u32>,
    /// Ratios N, each finite and at least 1, besides those of the budgets. At least one budget or ratio is needed.
    #[serde(rename = "N")]
    pub n: Vec<f64>,
    /// Bootstrap replicates, at most 1,000,000; 0 for none; without a number as many as cost less than the
    /// tournament or next to nothing, at most 1,000.
    pub replicates: Option<u32>,
    /// Seed of all random numbers.
    pub seed: u64,
    /// Confidence of every interval, strictly between 0 and 1, and of the possible winners at all N together.
    pub confidence: f64,
    /// Whether the M×M counts are wanted, too.
    pub counts: bool,
}

impl SelectionOptions {
    /// The tournaments asked for. What the parts check themselves is left to them.
    pub(crate) fn checked(&self) -> Result<Asked> {
        check_confidence(self.confidence)?;
        Asked::new(&self.best_of, &self.n)
    }
}
