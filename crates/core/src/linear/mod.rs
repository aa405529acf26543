//! Autoregressive linear models (§2, §4–6 of the paper): π_θ(y_h | x, y_{<h}) ∝ exp⟨θ, φ(x, y_{1:h})⟩.

pub mod constraint;
mod evaluator;
pub mod features;
mod gradient;
pub mod kernel;
mod model;
mod parameter;
pub mod policy;
mod responses;
#[cfg(test)]
mod tests;

pub use constraint::Constraint;
pub use evaluator::Evaluator;
pub use features::{Context, FeatureMap};
pub use gradient::Gradient;
pub use model::Model;
pub use parameter::Parameter;
pub use policy::{DataDistribution, Policy, PromptWeights, Walker};
pub use responses::{Response, Responses};
