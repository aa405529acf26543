//! What is measured between a data distribution and a model (§2, §3 and Appendix D of the paper).

use serde::{Serialize, Serializer};

use crate::error::{Error, Result};

/// A finite number as itself, anything else as null.
pub(super) fn finite_or_null<S: Serializer>(value: &f64, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    if value.is_finite() { serializer.serialize_f64(*value) } else { serializer.serialize_none() }
}

/// Measures of a model π̂ against π_D. Natural logarithms; sequences are whole responses.
///
/// Where π̂ gives no probability to some response of π_D, `uncovered_mass` says how much of π_D that is, and
/// cross-entropy, KL and log W_max are +∞ (null in JSON).
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Measures {
    /// The values of N asked for.
    #[serde(rename = "N")]
    pub n: Vec<f64>,
    /// Cov_N(π_D‖π̂) = P(log π_D/π̂ ≥ log N) of each [1, 4]; a ratio within a few units in the last place of N counts.
    pub coverage: Vec<f64>,
    /// D_CE = E_{π_D}[−log π̂].
    #[serde(serialize_with = "finite_or_null")]
    pub cross_entropy: f64,
    /// D_KL(π_D‖π̂).
    #[serde(serialize_with = "finite_or_null")]
    pub kl: f64,
    /// D_H² = ½ Σ (√π_D − √π̂)².
    pub squared_hellinger: f64,
    /// D_seq,N = E_{π_D} min{log N, Σ_h KL(π_D‖π̂ at token h)} of each N [50].
    pub stopped_kl: Vec<f64>,
    /// max{E_{π_D}(dπ̂/dπ_D − N)_+, E_{π̂}(dπ_D/dπ̂ − N)_+} of each N, singular parts included: the average over prompts of
    /// the greater side of each.
    pub e_n: Vec<f64>,
    /// log sup π_D/π̂.
    #[serde(serialize_with = "finite_or_null")]
    pub log_w_max: f64,
    /// π_D-probability of responses that π̂ rules out.
    pub uncovered_mass: f64,
}

/// The whole coverage profile: a step function of N.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Profile {
    /// The values log π_D/π̂ takes, greatest first; +∞ where π̂ rules out what π_D does not.
    pub log_ratios: Vec<f64>,
    /// P(log π_D/π̂ ≥ log_ratios[i]).
    pub tails: Vec<f64>,
    /// How far below log N a ratio may be and still counts: the rounding error of log-probabilities that were added up
    /// token by token; 0 where ratios are taken as they are.
    pub slack: f64,
}

impl Profile {
    /// From pairs of a log-ratio and its probability, in any order.
    pub(super) fn new(mut pairs: Vec<(f64, f64)>, slack: f64) -> Self {
        // Stable, so that equal ratios add up in the order they were found in.
        pairs.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut profile = Self { slack, ..Self::default() };
        let mut tail = 0.0;
        for (ratio, mass) in pairs {
            tail += mass;
            if profile.log_ratios.last() == Some(&ratio) {
                profile.tails.pop();
            } else {
                profile.log_ratios.push(ratio);
            }
            profile.tails.push(tail);
        }
        profile
    }

    /// Cov_N.
    #[must_use]
    pub fn coverage(&self, n: f64) -> f64 {
        let log_n = crate::statistics::log_n(n) - self.slack;
        let count = self.log_ratios.partition_point(|&ratio| ratio >= log_n);
        if count == 0 { 0.0 } else { self.tails[count - 1] }
    }
}

/// Whether every N is one, ≥ 1 and finite.
///
/// # Errors
/// [`crate::Code::InvalidOption`] naming the one that is not.
pub(super) fn check_budgets(n: &[f64]) -> Result<()> {
    match n.iter().position(|&n| !(n.is_finite() && n >= 1.0)) {
        None => Ok(()),
        Some(index) => {
            Err(Error::option(format!("N[{index}]"), format!("N must be finite and at least 1, not {}.", n[index])))
        }
    }
}
