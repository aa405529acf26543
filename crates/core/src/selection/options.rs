use serde::Deserialize;

use super::budget::{ratio_of_budget, span_of_budget};
use crate::error::Result;
use crate::statistics::check_confidence;
use crate::tournament::Ratios;

/// Options of [`super::select`]; whoever calls it gives all of them.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SelectionOptions {
    /// Budgets K in samples a prompt, each at least 3; the ratio of each follows ([`ratio_of_budget`]).
    pub best_of: Vec<u32>,
    /// Ratios N, each finite and at least 1, besides those of the budgets. At least one budget or ratio is needed.
    #[serde(rename = "N")]
    pub n: Vec<f64>,
    /// Bootstrap replicates, at most 1,000,000; 0 for none; without a number as many as cost less than the tournament.
    pub replicates: Option<u32>,
    /// Seed of all random numbers.
    pub seed: u64,
    /// Confidence of every interval, strictly between 0 and 1, and of the possible winners at all N together.
    pub confidence: f64,
    /// Whether the M×M counts are wanted, too.
    pub counts: bool,
}

impl SelectionOptions {
    /// The values of N: those of the budgets, then those given as such. What the parts check themselves is left to them.
    pub(crate) fn checked(&self) -> Result<Ratios> {
        check_confidence(self.confidence)?;
        let of_budgets = self.best_of.iter().map(|&budget| ratio_of_budget(budget)).collect::<Result<Vec<_>>>()?;
        Ratios::new(&[of_budgets, self.n.clone()].concat())
    }

    /// For each of those values the ones that what to take there is held against: those of its budget
    /// ([`span_of_budget`]), or itself.
    pub(super) fn spans(&self) -> Result<Vec<Vec<f64>>> {
        let of_budgets = self.best_of.iter().map(|&budget| Ok(span_of_budget(budget)?.to_vec()));
        of_budgets.chain(self.n.iter().map(|&n| Ok(vec![n]))).collect()
    }

    /// The budget behind the N with that index.
    pub(crate) fn budget(&self, ratio: usize) -> Option<u32> {
        self.best_of.get(ratio).copied()
    }
}
