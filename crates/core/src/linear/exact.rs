//! Measures by enumeration of all responses.

use serde::{Deserialize, Serialize};

use super::evaluator::Evaluator;
use super::features::{Context, FeatureMap};
use super::gradient::Gradient;
use super::measures::{Measures, Profile, check_budgets};
use super::policy::{DataDistribution, Policy, Walker};
use crate::error::{Code, Error, Result};
use crate::parallel::Workers;
use crate::progress::Control;

/// What to enumerate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ExactOptions {
    /// The values of N, each finite and ≥ 1. Default 2, 4, 16.
    #[serde(rename = "N")]
    pub n: Vec<f64>,
    /// Refuse beyond so many responses, all prompts together. Default 2^22 = 4,194,304, some seconds of work.
    pub max_responses: u64,
}

impl Default for ExactOptions {
    fn default() -> Self {
        Self { n: vec![2.0, 4.0, 16.0], max_responses: 1 << 22 }
    }
}

/// How many responses an enumeration of both policies visits at most: for each prompt of positive probability V^H, or
/// fewer where one of them lists its responses. Infinite where no integer holds it.
#[must_use]
pub fn responses_to_visit(data: &DataDistribution, model: Option<&dyn Policy>) -> f64 {
