//! Handles on feature maps.

use std::sync::Arc;

use coverage_principle_core::linear::FeatureMap;
use coverage_principle_core::linear::features::{
    CompositeFeatures, Layout, SparseRows, SparseTableFeatures, TableFeatures,
};
use coverage_principle_core::{Code, Error, Result};
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

/// What a table is looked up by.
#[derive(Deserialize)]
#[serde(tag = "by", rename_all = "camelCase", deny_unknown_fields)]
enum LayoutOption {
    Prompt { prompts: usize },
    Position { horizon: usize },
    PromptPosition { prompts: usize, horizon: usize },
    Prefix { prompts: usize, horizon: usize },
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
struct TableOptions {
    layout: LayoutOption,
    vocabulary: usize,
    dim: usize,
    bound: Option<f64>,
}

#[napi]
impl FeaturesHandle {
    /// A table of shape [contexts, V, d]; copied.
    #[napi(factory)]
    pub fn table(env: &Env, options: String, values: Float64Array) -> napi::Result<Self> {
        let TableOptions { layout, vocabulary, dim, bound } = parse_options(&options)?;
        let features = TableFeatures::new(layout.into(), vocabulary, dim, values.to_vec(), bound);
        Self::new(env, features.map(|features| Arc::new(features) as _), size_of_val::<[f64]>(&values))
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
        let blocks = sparse_blocks(&coordinates, &values, &ends, vocabulary).map_err(|error| to_napi(&error))?;
        let features = SparseTableFeatures::new(layout.into(), vocabulary, dim, blocks, bound);
        Self::new(env, features.map(|features| Arc::new(features) as _), 12 * values.len() + 8 * ends.len())
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

fn sparse_blocks(coordinates: &[u32], values: &[f64], ends: &[u32], vocabulary: usize) -> Result<Vec<SparseRows>> {
    let misfit = || Error::new(Code::ShapeMismatch, "The rows of sparse features do not end where their values do.");
    if coordinates.len() != values.len() || ends.last().map_or(0, |&end| end as usize) != values.len() {
        return Err(misfit());
    }
    let mut start = 0;
    let mut blocks = Vec::new();
    for rows in ends.chunks(vocabulary.max(1)) {
        let mut block = SparseRows::default();
        for &end in rows {
            let range = start..end as usize;
            let row = coordinates.get(range.clone()).zip(values.get(range)).ok_or_else(misfit)?;
            for (&coordinate, &value) in row.0.iter().zip(row.1) {
                block.add(coordinate, value);
            }
            block.end_row();
            start = end as usize;
        }
        blocks.push(block);
    }
    Ok(blocks)
}
