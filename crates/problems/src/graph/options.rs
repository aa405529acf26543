//! What a graph reasoning task is made from.

use coverage_principle_core::error::{Error, Result};
use coverage_principle_core::tagged;
use serde::{Deserialize, Serialize};

use crate::instance::{check_count, check_real};

/// Which of the paper's two tasks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum GraphFigure {
    /// The task of Figure 1: two layers with a choice; classes G1, G2, G3.
    #[default]
    #[serde(rename = "figure-1")]
    First,
    /// The task of Figure 2: layers grow, the unlearnable class has a choice in half of them; classes 1, 2, 3.
    #[serde(rename = "figure-2")]
    Second,
}

tagged! { "GraphFeatureOptions", "kind",
    /// How the linear model sees a prompt.
    #[derive(Clone, Copy, Debug, PartialEq, Serialize)]
    #[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
    pub enum GraphFeatureOptions {
        /// Features that see the graph: next layer, passable, and of choices what is asked for here.
        Structural {
            /// Whether the parity of a choice is compared with that of its layer. Default: true for Figure 1; false for
            /// Figure 2, where it tells nothing, and the noise of its weight would move ratios at 2^(H/2) = N to either side.
            parity: Option<bool>,
            /// Whether a choice is compared with the choice before. Default: true for Figure 1; false for Figure 2, whose
            /// second class would become learnable but for one bit.
            history: Option<bool>,
            /// Whether a choice is compared with the rule of Figure 2's second class, which is unlearnable else. Default
            /// false.
            hidden_rule: bool,
            /// Value of a feature. In (0, 1000]. Default 1.
            scale: f64,
            /// Hashed features beside these, by which probabilities vary from prompt to prompt. Default none: then all
            /// prompts share theirs, and the limits of training are exact.
            conjunctions: Option<GraphConjunctions>,
        },
        /// Hashed conjunctions of the token, the position, the token before and how the token occurs in the prompt: the
        /// model has to find the rule itself.
        Hashed {
            /// log₂ of the dimension: 6 to 26. Default 16.
            bits: u32,
            /// Norm of a feature vector without collisions. In (0, 1000]. Default 1.
            scale: f64,
        },
    }
}

/// Hashed conjunctions of a passable candidate: its name and position; these and the name before; these and the target.
///
/// They say nothing of the rule by which π_D chooses, but of single names, and so of single prompts: what they learn is
/// noise, or training prompts by heart.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GraphConjunctions {
    /// log₂ of the number of coordinates: 6 to 26. Default 16.
    pub bits: u32,
    /// Norm of the conjunctions of a candidate without collisions. In (0, 1000]. Default 1.
    pub scale: f64,
}

impl Default for GraphConjunctions {
    fn default() -> Self {
        Self { bits: 16, scale: 1.0 }
    }
}

impl Default for GraphFeatureOptions {
    fn default() -> Self {
        Self::Structural { parity: None, history: None, hidden_rule: false, scale: 1.0, conjunctions: None }
    }
}

impl GraphFeatureOptions {
    /// The same with every default filled in for `figure`.
    ///
    /// # Errors
    /// [`coverage_principle_core::Code::InvalidOption`] for a value out of its range.
    pub(super) fn resolved(self, figure: GraphFigure) -> Result<Self> {
        match self {
            Self::Structural { parity, history, hidden_rule, scale, conjunctions } => {
                check_real("features.scale", scale, 0.0, 1000.0)?;
                if let Some(GraphConjunctions { bits, scale }) = conjunctions {
                    check_count("features.conjunctions.bits", u64::from(bits), 6, 26)?;
                    check_real("features.conjunctions.scale", scale, 0.0, 1000.0)?;
                }
                let parity = parity.unwrap_or(figure == GraphFigure::First || history == Some(true));
                let history = history.unwrap_or(parity && figure == GraphFigure::First);
                if history && !parity {
                    return Err(Error::option(
                        "features.history",
                        "A choice is compared with the one before by parity: history needs parity.",
                    ));
                }
                Ok(Self::Structural { parity: Some(parity), history: Some(history), hidden_rule, scale, conjunctions })
            }
            Self::Hashed { bits, scale } => {
                check_count("features.bits", u64::from(bits), 6, 26)?;
                check_real("features.scale", scale, 0.0, 1000.0)?;
                Ok(self)
            }
        }
    }
}

/// Options of [`super::GraphTask`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GraphOptions {
    /// Which task. Default Figure 1's.
    pub figure: GraphFigure,
    /// L, middle layers: 2 to 64; for Figure 2 even and at least 4. Default 8.
    pub layers: usize,
    /// m: nodes are named by distinct integers below it. At least 16 above the number of nodes, 4L + 2, and at most
    /// 4096. Default 64 for Figure 1 and 128 for Figure 2, or what the layers need.
    pub names: Option<usize>,
    /// Weights of the three classes, scaled to sum to 1. Default: for Figure 1 equal, the mixture of pre-training (that
    /// of fine-tuning is 0.9, 0.1, 0); for Figure 2 0.94, 0.05, 0.01.
    pub weights: Option<[f64; 3]>,
    /// Validation prompts of each class: 1 to 10^5. Default 1024.
    pub validation: usize,
    /// What the linear model sees.
    pub features: GraphFeatureOptions,
    /// Radius of the ball θ stays in. In (0, 1000]. Default 20: wrong tokens are to get next to no probability.
    pub radius: f64,
    /// Seed of the hidden halves and of all prompts. Default 0.
    pub seed: u64,
}

impl Default for GraphOptions {
    fn default() -> Self {
        Self {
            figure: GraphFigure::default(),
            layers: 8,
            names: None,
            weights: None,
            validation: 1024,
            features: GraphFeatureOptions::default(),
            radius: 20.0,
            seed: 0,
        }
    }
}

impl GraphOptions {
    /// The same with every default filled in, and m and the weights.
    ///
    /// # Errors
    /// [`coverage_principle_core::Code::InvalidOption`] for a value out of its range.
    pub(super) fn resolved(&self) -> Result<(Self, u32, [f64; 3])> {
        check_count("layers", self.layers as u64, 2, 64)?;
        if self.figure == GraphFigure::Second && (self.layers < 4 || !self.layers.is_multiple_of(2)) {
            let message = format!("layers must be even and at least 4 for figure-2, not {}.", self.layers);
            return Err(Error::option("layers", message));
        }
        let least = 4 * self.layers + 2 + 16;
        let default = if self.figure == GraphFigure::First { 64 } else { 128 };
        let names = self.names.unwrap_or(least.max(default));
        check_count("names", names as u64, least as u64, 4096)?;
        check_count("validation", self.validation as u64, 1, 100_000)?;
        check_real("radius", self.radius, 0.0, 1000.0)?;
        let given = self.weights.unwrap_or(match self.figure {
            GraphFigure::First => [1.0; 3],
            GraphFigure::Second => [0.94, 0.05, 0.01],
        });
        let total: f64 = given.iter().sum();
        if given.iter().any(|&weight| !(0.0..=1e6).contains(&weight)) || total <= 0.0 {
            return Err(Error::option("weights", format!("Weights are not negative, and not all 0: {given:?}.")));
        }
        let features = self.features.resolved(self.figure)?;
        let options = Self { names: Some(names), weights: Some(given), features, ..self.clone() };
        #[expect(clippy::cast_possible_truncation, reason = "checked above")]
        Ok((options, names as u32, given.map(|weight| weight / total)))
    }
}
