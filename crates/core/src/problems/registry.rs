//! Instances by name.

use serde::{Deserialize, Serialize};

use super::bernoulli::{Bernoulli, BernoulliOptions};
use super::coarse_rate::{CoarseRate, CoarseRateOptions};
use super::convex_class::{ConvexClass, ConvexClassOptions};
use super::fine_rate::{FineRate, FineRateOptions};
use super::graph::{GraphOptions, GraphTask};
use super::hidden_signs::{HiddenSigns, HiddenSignsOptions};
use super::instance::Instance;
use super::misspecification::{Misspecification, MisspecificationOptions};
use super::rare_prompt::{RarePrompt, RarePromptOptions};
use super::rare_prompts::{RarePrompts, RarePromptsOptions};
use super::sgd_lower_bound::{SgdLowerBound, SgdLowerBoundOptions};
use crate::error::Result;

/// Declares the instances together with their names.
macro_rules! registry {
    ($($name:literal: $variant:ident($options:ident) => $instance:ident,)+) => {
        /// An instance by `name`, its options beside it: `{"name": "bernoulli", "responses": 1000}`.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "name")]
        pub enum ProblemOptions {
            $(
                #[doc = concat!("See [`", stringify!($instance), "`].")]
                #[serde(rename = $name)]
                $variant($options),
            )+
        }

        /// The names of all instances.
        #[must_use]
        pub fn names() -> &'static [&'static str] {
            &[$($name,)+]
        }

        /// The instance that `options` names.
        ///
        /// # Errors
        /// [`crate::Code::InvalidOption`] for an option out of its range.
        pub fn build(options: &ProblemOptions) -> Result<Box<dyn Instance>> {
            Ok(match options {
                $(ProblemOptions::$variant(options) => Box::new($instance::new(options)?),)+
            })
        }
    };
}

registry! {
    "bernoulli": Bernoulli(BernoulliOptions) => Bernoulli,
    "prop-3.2": RarePrompt(RarePromptOptions) => RarePrompt,
    "prop-4.1a": CoarseRate(CoarseRateOptions) => CoarseRate,
    "prop-4.1b": FineRate(FineRateOptions) => FineRate,
    "prop-5.1": SgdLowerBound(SgdLowerBoundOptions) => SgdLowerBound,
    "prop-i.1": HiddenSigns(HiddenSignsOptions) => HiddenSigns,
    "prop-e.1": Misspecification(MisspecificationOptions) => Misspecification,
    "theorem-e.1": ConvexClass(ConvexClassOptions) => ConvexClass,
    "rare-prompts": RarePrompts(RarePromptsOptions) => RarePrompts,
    "graph": Graph(GraphOptions) => GraphTask,
}
