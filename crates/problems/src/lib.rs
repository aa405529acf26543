//! Problems with known answers: the named instances of the paper, and the graph reasoning task of its Appendix C.
//!
//! An [`Instance`] has its μ and π_D exactly, its model class, its claims as data, and trials: the data set drawn as
//! sufficient statistics, estimators in closed form, measures exact. [`trials`] runs many of them.

mod ball_logits;
mod bernoulli;
mod coarse_rate;
mod convex_class;
pub mod experiment;
mod fine_rate;
pub mod graph;
mod hidden_signs;
mod inequalities;
mod instance;
mod misspecification;
pub mod mixture_mle;
mod random_class;
mod rare_prompt;
mod rare_prompts;
mod rare_token;
mod registry;
mod sgd_lower_bound;
#[cfg(test)]
mod tests;
mod token_table;
mod tournament_class;
mod trials;

pub use bernoulli::{Bernoulli, BernoulliOptions};
pub use coarse_rate::{CoarseRate, CoarseRateOptions, FittedCounts};
pub use convex_class::{ConvexClass, ConvexClassOptions, ConvexKind};
pub use fine_rate::{FineRate, FineRateOptions};
pub use hidden_signs::{HiddenSigns, HiddenSignsOptions};
pub use inequalities::{Drawn, Inequalities, InequalitiesOptions};
pub use instance::{
    Claim, Condition, Description, Estimate, Exponent, Instance, LinearClass, ModelClass, NamedPolicy, Quantity,
    Relation, Study,
};
pub use misspecification::{Misspecification, MisspecificationOptions};
pub use random_class::{RandomClass, RandomClassOptions, UpdateRule};
pub use rare_prompt::{RarePrompt, RarePromptOptions};
pub use rare_prompts::{RarePrompts, RarePromptsOptions};
pub use rare_token::{RareToken, RareTokenOptions};
pub use registry::{ProblemOptions, Subject, build, names, study_names, subject};
pub use sgd_lower_bound::{Branch, Rule, SgdLowerBound, SgdLowerBoundOptions, StepSizes, StepSizesOptions};
pub use token_table::TokenTable;
pub use tournament_class::{BOLD_FAILS, TournamentClass, TournamentClassOptions};
pub use trials::{EstimatorTrials, ProblemTrials, Summary, TrialsOptions, trials};
