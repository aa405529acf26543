//! What every named instance offers.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use coverage_principle_core::error::{Error, Result};
use coverage_principle_core::linear::{Constraint, DataDistribution, FeatureMap, Policy};
use coverage_principle_core::progress::Control;
use coverage_principle_core::random::Stream;
use coverage_principle_core::tournament::Ratios;
use serde::{Deserialize, Serialize};

/// A problem with a known answer: where data comes from, which models there are, and what is to be expected.
pub trait Instance: Send + Sync + fmt::Debug {
    /// What the instance is and shows, as plain data.
    fn describe(&self) -> Description;

    /// μ and π_D, exactly.
    fn data(&self) -> &DataDistribution;

    /// Where held-out responses come from and what exact measures are taken against: μ and π_D, or, where the prompts
    /// have no end, a fixed selection of them.
    fn validation(&self) -> &DataDistribution {
        self.data()
    }

    /// The models there are to choose from.
    ///
    /// # Errors
    /// [`coverage_principle_core::Code::TooLarge`] where they are too many to list.
    fn class(&self) -> Result<ModelClass>;

    /// θ*, the parameter of π_D, where the class is linear and holds it.
    fn theta_star(&self) -> Option<&[f64]> {
        None
    }

    /// One trial: draws the instance's data set (as sufficient statistics where that is cheaper, with the same
    /// distribution), lets each estimator choose, and measures each choice exactly.
    ///
    /// # Errors
    /// [`coverage_principle_core::Code::InvalidOption`] if the instance has no estimator in closed form: then train on it.
    fn trial(&self, budgets: &Ratios, stream: &mut Stream) -> Result<Vec<Estimate>>;
}

/// What is measured without a data set to train on: inequalities on random distributions, tournaments on classes made
/// for them. A trial draws all that it needs.
pub trait Study: Send + Sync + fmt::Debug {
    /// What is measured and claimed, as plain data.
    fn describe(&self) -> Description;

    /// One trial.
    ///
    /// # Errors
    /// What the computations in it report; [`coverage_principle_core::Code::Aborted`].
    fn trial(&self, budgets: &Ratios, stream: &mut Stream, control: &Control) -> Result<Vec<Estimate>>;
}

/// The models an estimator chooses from.
#[derive(Clone, Debug)]
pub enum ModelClass {
    /// π_θ for θ in a convex set.
    Linear(LinearClass),
    /// One of a list.
    Finite(Vec<NamedPolicy>),
    /// Σ_k θ_k π_k for θ in the simplex.
    Mixture(Vec<NamedPolicy>),
}

/// π_θ(y_h | x, y_{<h}) ∝ exp⟨θ, φ(x, y_{1:h})⟩, θ ∈ Θ.
#[derive(Clone, Debug)]
pub struct LinearClass {
    /// φ.
    pub features: Arc<dyn FeatureMap>,
    /// Θ.
    pub constraint: Constraint,
    /// Where training starts; it matters to some instances.
    pub start: Vec<f64>,
}

/// A model with a name.
#[derive(Clone, Debug)]
pub struct NamedPolicy {
    /// The name, unique in its list.
    pub name: String,
    /// The model.
    pub policy: Arc<dyn Policy>,
}

/// What one estimator reached in one trial. Measures are exact unless `details` says otherwise.
#[derive(Clone, Debug, PartialEq)]
pub struct Estimate {
    /// Name of the estimator, the same in every trial of the instance.
    pub estimator: &'static str,
    /// D_KL(π_D ‖ π̂) in nats; +∞ where π̂ excludes what π_D allows.
    pub kl: f64,
    /// Cov_N of each budget, in the order asked for.
    pub cov: Vec<f64>,
    /// Other figures of the trial by name, such as how many prompts of the rare kind were seen; finite.
    pub details: BTreeMap<&'static str, f64>,
}

/// Numbers by name. `BTreeMap::from` is compiled anew, with a sort, for each length of its list.
pub(super) fn named(numbers: &[(&'static str, f64)]) -> BTreeMap<&'static str, f64> {
    let mut by_name = BTreeMap::new();
    for &(name, number) in numbers {
        by_name.insert(name, number);
    }
    by_name
}

/// What an instance is and shows.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Description {
    /// The name it goes by.
    pub name: &'static str,
    /// A title of a few words.
    pub title: &'static str,
    /// Where in the paper it is.
    pub source: &'static str,
    /// What it shows.
    pub shows: &'static str,
    /// All its options, defaults filled in.
    pub options: serde_json::Value,
    /// Quantities that follow from the options, such as ε or μ(+).
    pub derived: BTreeMap<&'static str, f64>,
    /// |X|; null where prompts are drawn afresh without end.
    pub prompts: Option<usize>,
    /// V.
    pub vocabulary: usize,
    /// H.
    pub horizon: usize,
    /// Names of the estimators of a trial.
    pub estimators: Vec<&'static str>,
    /// What has to hold for the claims to be expected.
    pub conditions: Vec<Condition>,
    /// What is expected.
    pub claims: Vec<Claim>,
}

/// A premise of the claims.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// The premise in words.
    pub text: String,
    /// Whether it holds at these options.
    pub holds: bool,
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Quantity {
    /// Cov_N at the claim's budget.
    Cov,
    /// D_KL.
    Kl,
    /// 1 where D_KL is +∞, else 0.
    InfiniteKl,
    /// What a trial reports by the name that the claim's `detail` gives.
    Detail,
}

/// How a measured quantity relates to the predicted value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Relation {
    /// Measured ≥ value.
    AtLeast,
    /// Measured ≤ value.
    AtMost,
    /// Measured = value, up to the noise of trials.
    Equal,
    /// Measured grows like the product of the claim's powers; there may be no value.
    Scales,
}

/// A claim of the paper at the instance's options.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Claim {
    /// The claim in words.
    pub text: String,
    /// Its source.
    pub source: &'static str,
    /// Of which estimator; null for any.
    pub estimator: Option<&'static str>,
    /// What is measured.
    pub quantity: Quantity,
    /// N, where the quantity is Cov_N.
    pub budget: Option<f64>,
    /// Its name, where the quantity is a detail of a trial.
    pub detail: Option<&'static str>,
    /// How it relates to `value`.
    pub relation: Relation,
    /// The predicted value; null where only the scaling is.
    pub value: Option<f64>,
    /// The probability over data sets with which it holds at least; null where it is about the mean over data sets.
    pub probability: Option<f64>,
    /// Predicted exponents.
    pub exponents: Vec<Exponent>,
    /// Whether it follows from how the instance is made, so that it checks the instance and not the paper.
    pub construction: bool,
}

/// The quantity scales like `variable` to the power of `exponent`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Exponent {
    /// Name of the variable, such as "n", "log N" or "H".
    pub variable: &'static str,
    /// The power.
    pub exponent: f64,
}

impl Claim {
    /// A claim about any estimator's Cov_N or KL in the mean over data sets; change the fields that differ.
    pub(super) fn new(source: &'static str, quantity: Quantity, relation: Relation, text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            source,
            estimator: None,
            quantity,
            budget: None,
            detail: None,
            relation,
            value: None,
            probability: None,
            exponents: Vec::new(),
            construction: false,
        }
    }

    pub(super) fn of(self, estimator: &'static str) -> Self {
        Self { estimator: Some(estimator), ..self }
    }

    pub(super) fn at(self, budget: f64) -> Self {
        Self { budget: Some(budget), ..self }
    }

    /// A claim about what trials report by `name`.
    pub(super) fn detail(
        source: &'static str,
        name: &'static str,
        relation: Relation,
        text: impl Into<String>,
    ) -> Self {
        Self { detail: Some(name), ..Self::new(source, Quantity::Detail, relation, text) }
    }

    pub(super) fn value(self, value: f64) -> Self {
        Self { value: Some(value), ..self }
    }

    pub(super) fn with_probability(self, probability: f64) -> Self {
        Self { probability: Some(probability), ..self }
    }

    /// A check of the construction.
    pub(super) fn by_construction(self) -> Self {
        Self { construction: true, ..self }
    }

    pub(super) fn like(mut self, variable: &'static str, exponent: f64) -> Self {
        self.exponents.push(Exponent { variable, exponent });
        self
    }
}

impl Condition {
    pub(super) fn new(text: impl Into<String>, holds: bool) -> Self {
        Self { text: text.into(), holds }
    }
}

/// The options as plain data, for [`Description::options`].
pub(super) fn plain(options: &impl Serialize) -> serde_json::Value {
    serde_json::to_value(options).unwrap_or_default()
}

/// n, H, T and the like: a whole number within bounds.
///
/// # Errors
/// [`coverage_principle_core::Code::InvalidOption`].
pub(super) fn check_count(field: &str, value: u64, least: u64, greatest: u64) -> Result<()> {
    if (least..=greatest).contains(&value) {
        return Ok(());
    }
    Err(Error::option(field, format!("{field} must be between {least} and {greatest}, not {value}.")))
}

/// A real number in (`above`, `up_to`].
///
/// # Errors
/// [`coverage_principle_core::Code::InvalidOption`], for NaN too.
pub(super) fn check_real(field: &str, value: f64, above: f64, up_to: f64) -> Result<()> {
    if value.is_finite() && value > above && value <= up_to {
        return Ok(());
    }
    Err(Error::option(field, format!("{field} must be above {above} and at most {up_to}, not {value}.")))
}

/// 1 if π_D/π̂ ≥ N for the log ratio `x`, else 0.
pub(super) fn covered(x: f64, log_n: f64) -> f64 {
    if x >= log_n { 1.0 } else { 0.0 }
}
