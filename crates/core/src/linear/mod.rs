//! Autoregressive linear models (§2, §4–6 of the paper): π_θ(y_h | x, y_{<h}) ∝ exp⟨θ, φ(x, y_{1:h})⟩.

mod aligned;
pub mod answers;
pub mod constraint;
pub mod decode;
mod evaluator;
pub mod exact;
pub mod features;
mod gradient;
pub mod kernel;
pub mod listed;
pub mod measures;
pub mod mixture;
pub mod mle;
mod model;
pub mod monte_carlo;
mod parameter;
pub mod policy;
mod responses;
pub mod test_time;
#[cfg(test)]
mod tests;
pub mod train;
mod values;

pub use constraint::Constraint;
pub use evaluator::Evaluator;
pub use features::{Context, FeatureMap};
pub use gradient::Gradient;
pub use listed::{ListInMemory, Listed, Listing, ResponseList};
pub use measures::{Measures, Profile};
pub use mixture::Mixture;
pub use model::Model;
pub use parameter::Parameter;
pub use policy::{DataDistribution, Policy, PromptWeights, Walker};
pub use responses::{Response, Responses};
pub use test_time::TestTimeModel;
