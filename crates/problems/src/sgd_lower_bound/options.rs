//! What the instance is made from, and how it is trained.

use coverage_principle_core::tagged;
use serde::{Deserialize, Serialize};

/// Which of the two constructions, by the step size η.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Branch {
    /// η ≥ 8/(HB): SGD oscillates for ever.
    Oscillating,
    /// η < 8/(HB): SGD is too slow on a rare prompt.
    Slow,
}

/// Options of [`SgdLowerBound`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SgdLowerBoundOptions {
    /// Which construction. Default: `slow`, or what `stepSize` belongs to.
    pub branch: Option<Branch>,
    /// H, tokens of a response: 1 to 10^6. Default 256.
    pub horizon: u64,
    /// T, steps: 1 to 10^9. Default 1000.
    pub steps: u64,
    /// N, above 1. Default 4.
    #[serde(rename = "N")]
    pub n: f64,
    /// B, the norm of the features, in [1, 300]. Default 3·log(2TH), so that typical responses are near deterministic.
    pub bound: Option<f64>,
    /// b ≤ B of the slow construction. Default B.
    pub scale: Option<f64>,
    /// η of SGD. Default 8/(HB), and half of it in the slow construction.
    pub step_size: Option<f64>,
    /// η of normalized SGD. Default min{1/(128B), (log N/(σ*²T))^{1/4}} of Theorem 5.1.
    pub normalized_step_size: Option<f64>,
    /// λ of normalized SGD. Default log N/(16η).
    pub lambda: Option<f64>,
    /// K, fresh responses a step of normalized SGD: 1 to 10^6. Default 1.
    pub batch_size: u64,
    /// η of truncated SGD. Default min{1/((64 log N + 2)B²), (Tσ*² log N)^{−1/2}} of Theorem 6.2.
    pub truncated_step_size: Option<f64>,
}

impl Default for SgdLowerBoundOptions {
    fn default() -> Self {
        Self {
            branch: None,
            horizon: 256,
            steps: 1000,
            n: 4.0,
            bound: None,
            scale: None,
            step_size: None,
            normalized_step_size: None,
            lambda: None,
            batch_size: 1,
            truncated_step_size: None,
        }
    }
}

tagged! { "Rule", "kind",
    /// An update rule on this instance.
    #[derive(Clone, Copy, Debug, PartialEq, Serialize)]
    #[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
    pub enum Rule {
        /// θ ← Proj(θ + η∇log π_θ(y|x)) [14].
        Sgd {
            /// η.
            step_size: f64,
        },
        /// θ ← Proj(θ + η·ĝ/(λ+‖ĝ‖)), ĝ the mean gradient of K responses [18].
        Normalized {
            /// η.
            step_size: f64,
            /// λ.
            lambda: f64,
            /// K.
            batch_size: u64,
        },
        /// Token gradients weighted by α_h until KL(π_D‖π_θ) of the tokens passes log N in sum [24–26].
        Truncated {
            /// η.
            step_size: f64,
            /// A.
            threshold: f64,
        },
    }
}
