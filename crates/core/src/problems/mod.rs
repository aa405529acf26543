//! Problems with known answers: the named instances of the paper, and the graph reasoning task of its Appendix C.
//!
//! An [`Instance`] has its μ and π_D exactly, its model class, its claims as data, and trials: the data set drawn as
//! sufficient statistics, estimators in closed form, measures exact. [`trials`] runs many of them.

mod ball_logits;
mod bernoulli;
mod coarse_rate;
mod convex_class;
mod fine_rate;
pub mod graph;
mod hidden_signs;
mod instance;
mod misspecification;
pub mod mixture_mle;
mod rare_prompt;
mod rare_prompts;
mod registry;
mod sgd_lower_bound;
mod tail;
#[cfg(test)]
mod tests;
mod token_table;
mod trials;

pub use bernoulli::{Bernoulli, BernoulliOptions};
pub use coarse_rate::{CoarseRate, CoarseRateOptions, FittedCounts};
pub use convex_class::{ConvexClass, ConvexClassOptions, ConvexKind};
pub use fine_rate::{FineRate, FineRateOptions};
pub use hidden_signs::{HiddenSigns, HiddenSignsOptions};
pub use instance::{
    Claim, Condition, Description, Estimate, Exponent, Instance, LinearClass, ModelClass, NamedPolicy, Quantity,
    Relation,
};
pub use misspecification::{Misspecification, MisspecificationOptions};
pub use rare_prompt::{RarePrompt, RarePromptOptions};
pub use rare_prompts::{RarePrompts, RarePromptsOptions};
pub use registry::{ProblemOptions, build, names};
pub use sgd_lower_bound::{Branch, Rule, SgdLowerBound, SgdLowerBoundOptions};
pub use token_table::TokenTable;
pub use trials::{EstimatorTrials, ProblemTrials, Summary, TrialsOptions, trials};
