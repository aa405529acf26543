//! Problems by name: instances with a data distribution to train on, and studies without.

use coverage_principle_core::error::{Error, Result};
use coverage_principle_core::json;
use coverage_principle_core::progress::Control;
use coverage_principle_core::random::Stream;
use coverage_principle_core::tournament::Ratios;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use super::bernoulli::{Bernoulli, BernoulliOptions};
use super::coarse_rate::{CoarseRate, CoarseRateOptions};
use super::convex_class::{ConvexClass, ConvexClassOptions};
use super::fine_rate::{FineRate, FineRateOptions};
use super::graph::{GraphOptions, GraphTask};
use super::hidden_signs::{HiddenSigns, HiddenSignsOptions};
use super::inequalities::{Inequalities, InequalitiesOptions};
use super::instance::{Description, Estimate, Instance, Study};
use super::misspecification::{Misspecification, MisspecificationOptions};
use super::random_class::{RandomClass, RandomClassOptions};
use super::rare_prompt::{RarePrompt, RarePromptOptions};
use super::rare_prompts::{RarePrompts, RarePromptsOptions};
use super::rare_token::{RareToken, RareTokenOptions};
use super::sgd_lower_bound::{SgdLowerBound, SgdLowerBoundOptions, StepSizes, StepSizesOptions};
use super::tournament_class::{TournamentClass, TournamentClassOptions};

/// A problem, ready for trials.
#[derive(Debug)]
pub enum Subject {
    /// With a data distribution to train on.
    Instance(Box<dyn Instance>),
    /// Without.
    Study(Box<dyn Study>),
}

impl Subject {
    /// What it is and shows.
    #[must_use]
    pub fn describe(&self) -> Description {
        match self {
            Self::Instance(instance) => instance.describe(),
            Self::Study(study) => study.describe(),
        }
    }

    /// One trial.
    ///
    /// # Errors
    /// As [`Instance::trial`] and [`Study::trial`].
    pub fn trial(&self, budgets: &Ratios, stream: &mut Stream, control: &Control) -> Result<Vec<Estimate>> {
        match self {
            Self::Instance(instance) => instance.trial(budgets, stream),
            Self::Study(study) => study.trial(budgets, stream, control),
        }
    }
}

/// Declares instances and studies together with their names.
macro_rules! registry {
    (
        instances { $($name:literal: $variant:ident($options:ident) => $instance:ident,)+ }
        studies { $($study_name:literal: $study_variant:ident($study_options:ident) => $study:ident,)* }
    ) => {
        /// A problem by `name`, its options beside it: `{"name": "bernoulli", "responses": 1000}`.
        #[derive(Clone, Debug, PartialEq, Serialize)]
        #[serde(tag = "name")]
        pub enum ProblemOptions {
            $(
                #[doc = concat!("See [`", stringify!($instance), "`].")]
                #[serde(rename = $name)]
                $variant($options),
            )+
            $(
                #[doc = concat!("See [`", stringify!($study), "`].")]
                #[serde(rename = $study_name)]
                $study_variant($study_options),
            )*
        }

        /// By way of a JSON value, as all options are read: serde's own reader of such an enum keeps what it finds in a value of
        /// another kind, for which every struct's reader would be compiled once more.
        impl<'de> Deserialize<'de> for ProblemOptions {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
                Self::of(Map::deserialize(deserializer)?).map_err(D::Error::custom)
            }
        }

        impl ProblemOptions {
            fn of(mut options: Map<String, Value>) -> serde_json::Result<Self> {
                let name = options.remove("name").ok_or_else(|| serde_json::Error::missing_field("name"))?;
                let name: String = json::options(name)?;
                let options = Value::Object(options);
                match &*name {
                    $($name => json::options(options).map(Self::$variant),)+
                    $($study_name => json::options(options).map(Self::$study_variant),)*
                    _ => Err(serde_json::Error::unknown_variant(&name, &[$($name,)+ $($study_name,)*])),
                }
            }
        }

        /// The names of all instances.
        #[must_use]
        pub fn names() -> &'static [&'static str] {
            &[$($name,)+]
        }

        /// The names of all studies.
        #[must_use]
        pub fn study_names() -> &'static [&'static str] {
            &[$($study_name,)*]
        }

        /// The options of the instance called `name` at their defaults.
        #[cfg(test)]
        pub(crate) fn default_options(name: &str) -> ProblemOptions {
            match name {
                $($name => ProblemOptions::$variant($options::default()),)+
                _ => unreachable!("{name} is no instance"),
            }
        }

        /// The problem that `options` names.
        ///
        /// # Errors
        /// [`coverage_principle_core::Code::InvalidOption`] for an option out of its range.
        pub fn subject(options: &ProblemOptions) -> Result<Subject> {
            Ok(match options {
                $(ProblemOptions::$variant(options) => Subject::Instance(Box::new($instance::new(options)?)),)+
                $(ProblemOptions::$study_variant(options) => Subject::Study(Box::new($study::new(options)?)),)*
            })
        }
    };
}

/// The instance that `options` names.
///
/// # Errors
/// [`coverage_principle_core::Code::InvalidOption`] for an option out of its range, and for a study, which has no data to train on.
pub fn build(options: &ProblemOptions) -> Result<Box<dyn Instance>> {
    match subject(options)? {
        Subject::Instance(instance) => Ok(instance),
        Subject::Study(study) => {
            let message = format!(
                "{} has trials but no data distribution to train on; instances are {}.",
                study.describe().name,
                names().join(", ")
            );
            Err(Error::option("name", message))
        }
    }
}

registry! {
    instances {
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
    studies {
        "inequalities": Inequalities(InequalitiesOptions) => Inequalities,
        "step-sizes": StepSizes(StepSizesOptions) => StepSizes,
        "random-class": RandomClass(RandomClassOptions) => RandomClass,
        "rare-token": RareToken(RareTokenOptions) => RareToken,
        "tournament-class": TournamentClass(TournamentClassOptions) => TournamentClass,
    }
}
