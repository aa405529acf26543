use serde::Deserialize;

use crate::error::Result;
use crate::statistics::check_confidence;
use crate::tournament::Ratios;

/// Options of [`super::select`]; whoever calls it gives all of them.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SelectionOptions {
    /// Values of N, each finite and at least 1.
    #[serde(rename = "N")]
    pub n: Vec<f64>,
    /// Bootstrap replicates, at most 1,000,000; 0 for none.
    pub replicates: u32,
    /// Seed of all random numbers.
    pub seed: u64,
    /// Confidence of every interval, strictly between 0 and 1.
    pub confidence: f64,
    /// Whether the M×M counts are wanted, too.
    pub counts: bool,
}

impl SelectionOptions {
    /// The values of N; what the parts check themselves is left to them.
    pub(super) fn checked(&self) -> Result<Ratios> {
        check_confidence(self.confidence)?;
        Ratios::new(&self.n)
    }
}
