//! Handles on feature maps.

use std::sync::Arc;

use coverage_principle_core::linear::FeatureMap;
use coverage_principle_core::linear::features::{
    CompositeFeatures, HiddenFeatures, Layout, NgramFeatures, RandomFeatures, RandomOptions, SparseRows,
    SparseTableFeatures, TableFeatures, split_prompts,
};
use coverage_principle_core::{Result, tagged};
use napi::Env;
use napi::bindgen_prelude::{Float64Array, ObjectFinalize, Uint32Array};
use napi_derive::napi;
use serde::Deserialize;

use crate::error::{parse_options, to_napi};
use crate::memory::{claim, release};

/// A feature map that lives in Rust.
#[napi(custom_finalize)]
pub struct FeaturesHandle {
    features: Arc<dyn FeatureMap>,
    bytes: i64,
}

impl ObjectFinalize for FeaturesHandle {
    fn finalize(self, env: Env) -> napi::Result<()> {
        release(&env, self.bytes)
    }
}

impl FeaturesHandle {
    /// A handle on `features`, which keep `bytes` of memory.
    pub(crate) fn new(env: &Env, features: Result<Arc<dyn FeatureMap>>, bytes: usize) -> napi::Result<Self> {
        let features = features.map_err(|error| to_napi(&error))?;
        Ok(Self { features, bytes: claim(env, bytes)? })
    }

    pub(crate) fn shared(&self) -> Arc<dyn FeatureMap> {
        Arc::clone(&self.features)
    }
}

tagged! { "LayoutOption", "by",
    /// What a table is looked up by.
    pub(crate) enum LayoutOption {
        Prompt { prompts: usize },
        Position { horizon: usize },
        PromptPosition { prompts: usize, horizon: usize },
        Prefix { prompts: usize, horizon: usize },
    }
}

impl From<LayoutOption> for Layout {
    fn from(option: LayoutOption) -> Self {
        match option {
            LayoutOption::Prompt { prompts } => Self::Prompt { prompts },
            LayoutOption::Position { horizon } => Self::Position { horizon },
            LayoutOption::PromptPosition { prompts, horizon } => Self::PromptPosition { prompts, horizon },
            LayoutOption::Prefix { prompts, horizon } => Self::Prefix { prompts, horizon },
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct TableOptions {
    layout: LayoutOption,
    vocabulary: usize,
    dim: usize,
    bound: Option<f64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NgramOptions {
    vocabulary: usize,
    order: usize,
    buckets: usize,
    bound: f64,
}

#[napi]
impl FeaturesHandle {
    /// A table of shape [contexts, V, d]; copied.
    #[napi(factory)]
    pub fn table(env: &Env, options: String, values: Float64Array) -> napi::Result<Self> {
        let TableOptions { layout, vocabulary, dim, bound } = parse_options(&options)?;
        let features = TableFeatures::new(layout.into(), vocabulary, dim, &*values, bound);
        let bytes = features.as_ref().map_or(0, TableFeatures::bytes);
        Self::new(env, features.map(|features| Arc::new(features) as _), bytes)
    }

    /// A table of sparse features: row r = context·V + token has the coordinates and values up to `ends[r]`.
    #[napi(factory)]
    pub fn sparse_table(
        env: &Env,
        options: String,
        coordinates: Uint32Array,
        values: Float64Array,
        ends: Uint32Array,
    ) -> napi::Result<Self> {
        let TableOptions { layout, vocabulary, dim, bound } = parse_options(&options)?;
        let blocks = SparseRows::blocks(vocabulary, &coordinates, &values, &ends).map_err(|error| to_napi(&error))?;
        let features = SparseTableFeatures::new(layout.into(), vocabulary, dim, blocks, bound);
        Self::new(env, features.map(|features| Arc::new(features) as _), 12 * values.len() + 8 * ends.len())
    }

    /// Hidden states of shape [contexts, k]; copied. `dim` of the options is k.
    #[napi(factory)]
    pub fn hidden(env: &Env, options: String, states: Float64Array) -> napi::Result<Self> {
        let TableOptions { layout, vocabulary, dim, bound } = parse_options(&options)?;
        let features = HiddenFeatures::new(layout.into(), vocabulary, dim, states.to_vec(), bound);
        Self::new(env, features.map(|features| Arc::new(features) as _), size_of_val::<[f64]>(&states))
    }

    /// Hashed n-grams; `tokens` and `lengths` are the prompts', one after the other, if they are to count.
    #[napi(factory)]
    pub fn ngram(
        env: &Env,
        options: String,
        tokens: Option<Uint32Array>,
        lengths: Option<Uint32Array>,
    ) -> napi::Result<Self> {
        let NgramOptions { vocabulary, order, buckets, bound } = parse_options(&options)?;
        let bytes = tokens.as_ref().map_or(0, |tokens| size_of_val::<[u32]>(tokens));
        let prompts = tokens.zip(lengths).map(|(tokens, lengths)| split_prompts(&tokens, &lengths)).transpose();
        let features = prompts.and_then(|prompts| NgramFeatures::new(vocabulary, order, buckets, bound, prompts));
        Self::new(env, features.map(|features| Arc::new(features) as _), bytes)
    }

    /// Random Fourier features.
    #[napi(factory)]
    pub fn random(env: &Env, options: String) -> napi::Result<Self> {
        let options: RandomOptions = parse_options(&options)?;
        Self::new(env, RandomFeatures::new(options).map(|features| Arc::new(features) as _), 0)
    }

    /// How many contexts a table of this layout tells apart: its length is that many times V·d.
    #[napi]
    pub fn table_contexts(options: String, vocabulary: u32) -> napi::Result<f64> {
        let layout: LayoutOption = parse_options(&options)?;
        let contexts = Layout::from(layout).contexts(vocabulary as usize);
        contexts.map(|contexts| contexts as f64).map_err(|error| to_napi(&error))
    }

    /// Feature maps side by side.
    #[napi(factory)]
    pub fn concatenation(env: &Env, parts: Vec<&FeaturesHandle>) -> napi::Result<Self> {
        let features = CompositeFeatures::concatenation(parts.iter().map(|part| part.shared()).collect());
        Self::new(env, features.map(|features| Arc::new(features) as _), 0)
    }

    /// Feature maps added up.
    #[napi(factory)]
    pub fn sum(env: &Env, parts: Vec<&FeaturesHandle>) -> napi::Result<Self> {
        let features = CompositeFeatures::sum(parts.iter().map(|part| part.shared()).collect());
        Self::new(env, features.map(|features| Arc::new(features) as _), 0)
    }

    /// d.
    #[napi(getter)]
    #[must_use]
    pub fn dim(&self) -> f64 {
        self.features.dim() as f64
    }

    /// V.
    #[napi(getter)]
    #[must_use]
    pub fn vocabulary(&self) -> f64 {
        self.features.vocabulary() as f64
    }

    /// |X|; null where any prompt will do.
    #[napi(getter)]
    #[must_use]
    pub fn prompts(&self) -> Option<f64> {
        self.features.prompts().map(|prompts| prompts as f64)
    }

    /// The longest response; null where any length will do.
    #[napi(getter)]
    #[must_use]
    pub fn horizon(&self) -> Option<f64> {
        self.features.horizon().map(|horizon| horizon as f64)
    }

    /// B.
    #[napi(getter)]
    #[must_use]
    pub fn bound(&self) -> f64 {
        self.features.bound()
    }
}
