//! What the instance is made from, and how it is learned.

use serde::{Deserialize, Serialize};

/// Options of [`super::RarePrompts`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RarePromptsOptions {
    /// n = T, how many responses the estimators see: 1 to 10^9. Default 1000.
    pub responses: u64,
    /// H, tokens of a response: 1 to 10^6. Default 64.
    pub horizon: u64,
    /// d, the number of rare prompts: 1 to 4096. Default 1.
    pub prompts: u64,
    /// ρ, how often each of them is expected among the responses: μ(x) = ρ/n. Positive, dρ ≤ n. Default 0.5, as in
    /// Proposition 3.2.
    pub visits: f64,
    /// z = 2B|θ*_x|, the log odds of the likelier token of a rare prompt. In (0, 30]. Default 3.
    pub logit: f64,
    /// B, the scale of the features; at least z√d/2, so that θ* is in the unit ball, and 1. Default: the least.
    pub bound: Option<f64>,
    /// Factor on the step sizes that Proposition 5.1 and Theorem 6.1 choose; without it only the MLE is there, with it
    /// SGD and token SGD with and without test-time training, too. Positive.
    pub step_factor: Option<f64>,
    /// Responses to rare prompts on which a trial measures test-time training: 1 to 10^6. Default 16.
    pub paths: u64,
    /// Seed of the signs of θ*. Default 0.
    pub seed: u64,
}

impl Default for RarePromptsOptions {
    fn default() -> Self {
        Self {
            responses: 1000,
            horizon: 64,
            prompts: 1,
            visits: 0.5,
            logit: 3.0,
            bound: None,
            step_factor: None,
            paths: 16,
            seed: 0,
        }
    }
}
