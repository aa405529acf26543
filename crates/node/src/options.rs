//! The fields of the option structs, so that one test can hold the facade's schemas to them (`__test__/options.test.ts`).
//!
//! A struct is asked, not described: it is read from an object with a field that cannot exist, as options are read, and
//! serde's complaint lists the fields there are. So a struct that takes unknown fields in silence is found out, too.

use std::collections::BTreeMap;

use coverage_principle_core::files::{CountColumns, CountOptions, ScoreColumns, ScoreOptions};
use coverage_principle_core::json;
use coverage_principle_core::linear::Constraint;
use coverage_principle_core::linear::exact::ExactOptions;
use coverage_principle_core::linear::features::RandomOptions;
use coverage_principle_core::linear::mle::MleOptions;
use coverage_principle_core::linear::monte_carlo::MonteCarloOptions;
use coverage_principle_core::linear::train::{Procedure, StageOptions, StepSize, TrainOptions};
use coverage_principle_core::race::RaceOptions;
use coverage_principle_core::selection::SelectionOptions;
use coverage_principle_core::tournament::{NearTiesOptions, OffsetOptions};
use coverage_principle_problems::experiment::{
    CandidateOptions, Choice, ExperimentOptions, MeanClaim, Measure, PointOptions, SeriesClaim, SeriesOptions,
    SweepOptions,
};
use coverage_principle_problems::graph::{
    GraphConjunctions, GraphExportOptions, GraphFeatureOptions, GraphMeasureOptions, GraphOptions, GraphRunOptions,
    GraphStage,
};
use coverage_principle_problems::{ProblemOptions, TrialsOptions};
use napi_derive::napi;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::to_json;
use crate::linear::data::DrawOptions;
use crate::linear::decode::{BestOfNOptions, DrawsOptions, ExactBestOfNOptions};
use crate::linear::features::{LayoutOption, NgramOptions, TableOptions};
use crate::linear::measures::VarianceOptions;
use crate::linear::policy::{AnswersOptions, TruncationOptions};
use crate::linear::train::{AdvanceOptions, ValidationOptions};
use crate::near_ties::UncoveredOptions;
use crate::saved_tournament::StartOptions;
use crate::tournament::{TournamentOptions, WinnerOptions};

/// Every struct and enum that options are read into, by the last part of its name. A new one is added here, and its
/// schema in the test.
macro_rules! registry {
    ($($type:ty),+ $(,)?) => {
        fn shapes() -> BTreeMap<&'static str, Shape> {
            // A table and a loop: unrolled it is 10 KB.
            const TYPES: &[(fn() -> &'static str, Ask)] =
                &[$((std::any::type_name::<$type>, complaint::<$type>)),+];
            TYPES.iter().map(|(name, ask)| (last_part(name()), shape(*ask))).collect()
        }
    };
}

registry! {
    // files
    CountColumns, CountOptions, ScoreColumns, ScoreOptions,
    // linear
    AdvanceOptions, AnswersOptions, BestOfNOptions, Constraint, DrawOptions, DrawsOptions, ExactBestOfNOptions, ExactOptions, LayoutOption, MleOptions,
    MonteCarloOptions, NgramOptions, Procedure, RandomOptions, StageOptions, StepSize, TableOptions, TrainOptions, TruncationOptions,
    ValidationOptions, VarianceOptions,
    // selection and tournament
    NearTiesOptions, OffsetOptions, RaceOptions, SelectionOptions, StartOptions, TournamentOptions, UncoveredOptions, WinnerOptions,
    // problems
    GraphConjunctions, GraphExportOptions, GraphFeatureOptions, GraphMeasureOptions, GraphOptions, GraphRunOptions,
    GraphStage, ProblemOptions, TrialsOptions,
    // experiments
    CandidateOptions, Choice, ExperimentOptions, MeanClaim, Measure, PointOptions, SeriesClaim, SeriesOptions, SweepOptions,
}

/// The option types of the core and the binding with their fields; JSON by name. For tests.
#[napi]
pub fn option_shapes() -> napi::Result<String> {
    to_json(&shapes())
}

/// What may be written where a type is read.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
enum Shape {
    /// An object with these fields and no others.
    Object { fields: Vec<String> },
    /// An object whose field `tag` says which others it has.
    Tagged { tag: String, variants: BTreeMap<String, Vec<String>> },
    /// One of these strings.
    Names { names: Vec<String> },
    /// Anything: unknown fields are not refused.
    Open,
}

fn last_part(name: &'static str) -> &'static str {
    name.rsplit("::").next().unwrap_or(name)
}

/// A type, as far as it is asked: serde's complaint about a value, none if it takes it.
type Ask = fn(Value) -> Option<String>;

fn complaint<T: DeserializeOwned>(value: Value) -> Option<String> {
    json::options::<T>(value).err().map(|error| error.to_string())
}

/// A name that no field and no variant has.
const NO_NAME: &str = "\0";

fn shape(ask: Ask) -> Shape {
    match answer(ask, serde_json::json!({ NO_NAME: null })) {
        Answer::Fields(fields) => Shape::Object { fields },
        Answer::Variants(names) => Shape::Names { names },
        Answer::Missing(tag) => match answer(ask, serde_json::json!({ tag.as_str(): NO_NAME })) {
            Answer::Variants(names) => {
                let fields = |name: &str| match answer(ask, serde_json::json!({ tag.as_str(): name, NO_NAME: null })) {
                    Answer::Fields(fields) => fields,
                    // Serde never complains of fields of a variant that has none.
                    _ => Vec::new(),
                };
                let variants = names.into_iter().map(|name| (name.clone(), fields(&name))).collect();
                Shape::Tagged { tag, variants }
            }
            _ => Shape::Open,
        },
        Answer::Other => Shape::Open,
    }
}

/// What a complaint says.
enum Answer {
    Fields(Vec<String>),
    Variants(Vec<String>),
    Missing(String),
    Other,
}

fn answer(ask: Ask, value: Value) -> Answer {
    let Some(complaint) = ask(value) else { return Answer::Other };
    // Every name stands between backquotes, the unknown one first.
    let mut names: Vec<_> = complaint.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    let is_of = |kind| complaint.starts_with(kind) && !names.is_empty();
    if is_of("unknown field") {
        Answer::Fields(names.split_off(1))
    } else if is_of("unknown variant") {
        Answer::Variants(names.split_off(1))
    } else if is_of("missing field") {
        Answer::Missing(names.swap_remove(0))
    } else {
        Answer::Other
    }
}
