//! A softmax head on frozen hidden states.

use std::sync::Arc;

use super::table::check_sizes;
use super::{Block, Context, FeatureMap, Layout, Part, Scratch, checked_bound, checked_size, greatest_norm};
use crate::error::{Code, Error, Result};

/// φ(x, y_{1:h}) = e_{y_h} ⊗ h(x, y_{<h}): θ is the V×k matrix of a softmax head, row-major; logits are θh and the
/// gradient is an outer product, neither ever spelled out.
#[derive(Clone, Debug)]
pub struct HiddenFeatures {
    layout: Layout,
    vocabulary: usize,
    width: usize,
    contexts: usize,
    bound: f64,
    states: Arc<[f64]>,
}

impl HiddenFeatures {
    /// Hidden states of shape [contexts, k], the contexts as `layout` says. States recorded along given responses are
    /// [`Layout::PromptPosition`] with one prompt a response; they say nothing about other responses, so such a model
    /// scores and trains but its samples mean nothing.
    ///
    /// # Errors
    /// As [`super::TableFeatures::new`].
    pub fn new(
        layout: Layout,
        vocabulary: usize,
        width: usize,
        states: impl Into<Arc<[f64]>>,
        bound: Option<f64>,
    ) -> Result<Self> {
        let states = states.into();
        check_sizes(vocabulary, checked_size("A softmax head", &[vocabulary, width])?)?;
        let contexts = layout.contexts(vocabulary)?;
        let expected = checked_size("The hidden states", &[contexts, width])?;
        if states.len() != expected {
            return Err(Error::new(
                Code::ShapeMismatch,
                format!("{contexts} hidden states of width {width} have {expected} values, not {}.", states.len()),
            ));
        }
        let bound = checked_bound(greatest_norm(&states, width)?, bound)?;
        Ok(Self { layout, vocabulary, width, contexts, bound, states })
    }
}

impl FeatureMap for HiddenFeatures {
    fn dim(&self) -> usize {
        self.vocabulary * self.width
    }

    fn vocabulary(&self) -> usize {
        self.vocabulary
    }

    fn prompts(&self) -> Option<usize> {
        self.layout.prompts()
    }

    fn horizon(&self) -> Option<usize> {
        self.layout.horizon()
    }

    fn bound(&self) -> f64 {
        self.bound
    }

    fn visit(&self, context: Context<'_>, _: &Scratch, visitor: &mut dyn FnMut(Part<'_>)) {
        let start = self.layout.index(context, self.vocabulary) * self.width;
        visitor(Part { offset: 0, block: Block::Outer { hidden: &self.states[start..start + self.width] } });
    }

    fn keys(&self) -> Option<usize> {
        Some(self.contexts)
    }

    fn key(&self, context: Context<'_>) -> usize {
        self.layout.index(context, self.vocabulary)
    }

    fn keys_repeat(&self) -> bool {
        matches!(self.layout, Layout::Prompt { .. })
    }
}
