//! The fields of the option structs, so that one test can hold the facade's schemas to them (`__test__/options.test.ts`).
//!
//! A struct is asked, not described: it is deserialised from something with a field that cannot exist, and serde's
//! complaint lists the fields there are. So a struct that takes unknown fields in silence is found out, too.

use std::collections::BTreeMap;
use std::fmt;

use coverage_principle_core::files::{CountColumns, CountOptions, ScoreColumns, ScoreOptions};
use coverage_principle_core::linear::Constraint;
use coverage_principle_core::linear::exact::ExactOptions;
use coverage_principle_core::linear::features::RandomOptions;
use coverage_principle_core::linear::mle::MleOptions;
use coverage_principle_core::linear::monte_carlo::MonteCarloOptions;
use coverage_principle_core::linear::train::{Procedure, StageOptions, StepSize, TrainOptions};
use coverage_principle_core::problems::experiment::{
    CandidateOptions, Choice, ExperimentOptions, MeanClaim, Measure, PointOptions, SeriesClaim, SeriesOptions,
    SweepOptions,
};
use coverage_principle_core::problems::graph::{
    GraphConjunctions, GraphExportOptions, GraphFeatureOptions, GraphMeasureOptions, GraphOptions, GraphRunOptions,
    GraphStage,
};
use coverage_principle_core::problems::{ProblemOptions, TrialsOptions};
use coverage_principle_core::race::RaceOptions;
use coverage_principle_core::selection::SelectionOptions;
use coverage_principle_core::tournament::{NearTiesOptions, OffsetOptions};
use napi_derive::napi;
use serde::de::value::MapDeserializer;
use serde::de::{self, DeserializeOwned, Deserializer, IntoDeserializer, Visitor};
use serde::{Serialize, forward_to_deserialize_any};

use crate::error::to_json;
use crate::linear::data::DrawOptions;
use crate::linear::decode::{BestOfNOptions, DrawsOptions, ExactBestOfNOptions};
use crate::linear::features::{LayoutOption, NgramOptions, TableOptions};
use crate::linear::measures::VarianceOptions;
use crate::linear::policy::TruncationOptions;
use crate::linear::train::{AdvanceOptions, ValidationOptions};
use crate::near_ties::UncoveredOptions;
use crate::saved_tournament::StartOptions;
use crate::tournament::{TournamentOptions, WinnerOptions};

/// Every struct and enum that options are read into, by the last part of its name. A new one is added here, and its
/// schema in the test.
macro_rules! registry {
    ($($type:ty),+ $(,)?) => {
        fn shapes() -> BTreeMap<&'static str, Shape> {
            BTreeMap::from([$((last_name::<$type>(), shape::<$type>())),+])
        }
    };
}

registry! {
    // files
    CountColumns, CountOptions, ScoreColumns, ScoreOptions,
    // linear
    AdvanceOptions, BestOfNOptions, Constraint, DrawOptions, DrawsOptions, ExactBestOfNOptions, ExactOptions, LayoutOption, MleOptions,
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
    Object { fields: Vec<&'static str> },
    /// An object whose field `tag` says which others it has.
    Tagged { tag: &'static str, variants: BTreeMap<&'static str, Vec<&'static str>> },
    /// One of these strings.
    Names { names: Vec<&'static str> },
    /// Anything: unknown fields are not refused.
    Open,
}

fn last_name<T>() -> &'static str {
    let name = std::any::type_name::<T>();
    name.rsplit("::").next().unwrap_or(name)
}

/// A name that no field and no variant has.
const NO_NAME: &str = "\0";

fn shape<T: DeserializeOwned>() -> Shape {
    let nothing_known = || vec![(NO_NAME, Probe::Null)];
    match ask::<T>(nothing_known()) {
        Some(Answer::Fields(fields)) => Shape::Object { fields: fields.to_vec() },
        Some(Answer::Variants(names)) => Shape::Names { names: names.to_vec() },
        Some(Answer::Missing(tag)) => match ask::<T>(vec![(tag, Probe::Text(NO_NAME))]) {
            Some(Answer::Variants(names)) => {
                let fields = |name| {
                    let mut entries = vec![(tag, Probe::Text(name))];
                    entries.extend(nothing_known());
                    match ask::<T>(entries) {
                        Some(Answer::Fields(fields)) => fields.to_vec(),
                        // Serde never complains of fields of a variant that has none.
                        _ => Vec::new(),
                    }
                };
                Shape::Tagged { tag, variants: names.iter().map(|&name| (name, fields(name))).collect() }
            }
            _ => Shape::Open,
        },
        _ => Shape::Open,
    }
}

/// What `T` says to an object of these entries; nothing if it takes it.
fn ask<T: DeserializeOwned>(entries: Vec<(&'static str, Probe)>) -> Option<Answer> {
    T::deserialize(Probe::Map(entries)).err()
}

/// A complaint of serde.
#[derive(Debug)]
enum Answer {
    Fields(&'static [&'static str]),
    Variants(&'static [&'static str]),
    Missing(&'static str),
    Other,
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl std::error::Error for Answer {}

impl de::Error for Answer {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self::Other
    }

    fn unknown_field(_: &str, expected: &'static [&'static str]) -> Self {
        Self::Fields(expected)
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Self::Variants(expected)
    }

    fn missing_field(field: &'static str) -> Self {
        Self::Missing(field)
    }
}

/// The little data that questions are made of.
#[derive(Clone, Debug)]
enum Probe {
    Null,
    Text(&'static str),
    Map(Vec<(&'static str, Probe)>),
}

impl<'de> Deserializer<'de> for Probe {
    type Error = Answer;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Answer> {
        match self {
            Self::Null => visitor.visit_unit(),
            Self::Text(text) => visitor.visit_borrowed_str(text),
            Self::Map(entries) => visitor.visit_map(MapDeserializer::new(entries.into_iter())),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Answer> {
        Err(Answer::Variants(variants))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

impl<'de> IntoDeserializer<'de, Answer> for Probe {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    #[expect(dead_code, reason = "only its fields' names are asked for")]
    struct Strict {
        first_field: u32,
        #[serde(rename = "N")]
        n: Option<Vec<f64>>,
    }

    #[derive(Deserialize)]
    #[expect(dead_code, reason = "only its fields' names are asked for")]
    struct Lax {
        first: u32,
    }

    #[derive(Deserialize)]
    #[serde(tag = "by", rename_all = "camelCase", deny_unknown_fields)]
    #[expect(dead_code, reason = "only its fields' names are asked for")]
    enum Choice {
        Nothing,
        SomeThing { size: u32 },
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    enum Name {
        One,
        AndTwo,
    }

    #[test]
    fn types_say_what_they_take() {
        assert_eq!(shape::<Strict>(), Shape::Object { fields: vec!["firstField", "N"] });
        assert_eq!(shape::<Lax>(), Shape::Open);
        let variants = BTreeMap::from([("nothing", vec![]), ("someThing", vec!["size"])]);
        assert_eq!(shape::<Choice>(), Shape::Tagged { tag: "by", variants });
        assert_eq!(shape::<Name>(), Shape::Names { names: vec!["one", "andTwo"] });
        assert!(!shapes().values().any(|shape| *shape == Shape::Open));
    }
}
