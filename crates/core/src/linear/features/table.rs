//! Features read from a table: the constructions of the paper, arrays of the user's, tabulated functions.

use std::sync::Arc;

use super::{
    Block, Context, FeatureMap, Part, Scratch, SparseRows, Values, checked_bound, checked_size, greatest_norm,
};
use crate::error::{Code, Error, Result};
use crate::linear::aligned::Stored;

/// What a table is looked up by, besides the next token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// By prompt: [prompt, token, d]. Any number of positions.
    Prompt {
        /// |X|.
        prompts: usize,
    },
    /// By position, the same for every prompt: [position, token, d].
    Position {
        /// H.
        horizon: usize,
    },
    /// By prompt and position: [prompt, position, token, d].
    PromptPosition {
        /// |X|.
        prompts: usize,
        /// H.
        horizon: usize,
    },
    /// By prompt and whole prefix: [prompt, node, token, d]. The nodes of a prompt are all prefixes shorter than
    /// the horizon, shorter ones first, those of one length in lexicographic order.
    Prefix {
        /// |X|.
        prompts: usize,
        /// H.
        horizon: usize,
    },
}

impl Layout {
    /// How many contexts the table tells apart.
    ///
    /// # Errors
    /// [`Code::TooLarge`] if they cannot be counted.
    pub fn contexts(self, vocabulary: usize) -> Result<usize> {
        match self {
            Self::Prompt { prompts } => Ok(prompts),
            Self::Position { horizon } => Ok(horizon),
            Self::PromptPosition { prompts, horizon } => checked_size("A feature table", &[prompts, horizon]),
            Self::Prefix { prompts, horizon } => {
                let too_large = || {
                    Error::new(
                        Code::TooLarge,
                        format!(
                            "A table of all prefixes of up to {horizon} tokens out of {vocabulary} cannot be stored."
                        ),
                    )
                };
                let nodes = prefixes_below(vocabulary, horizon).ok_or_else(too_large)?;
                checked_size("A feature table", &[prompts, nodes])
            }
        }
    }

    /// How many of the last tokens a context depends on, besides the prompt and the position; `None` if on all.
    #[must_use]
    pub fn memory(self) -> Option<usize> {
        match self {
            Self::Prompt { .. } | Self::Position { .. } | Self::PromptPosition { .. } => Some(0),
            Self::Prefix { .. } => None,
        }
    }

    /// Which of the contexts `context` is.
    #[must_use]
    pub fn index(self, context: Context<'_>, vocabulary: usize) -> usize {
        match self {
            Self::Prompt { .. } => context.prompt,
            Self::Position { .. } => context.position(),
            Self::PromptPosition { horizon, .. } => context.prompt * horizon + context.position(),
            Self::Prefix { horizon, .. } => {
                let nodes = prefixes_below(vocabulary, horizon).unwrap_or(0);
                // Numbering the prefixes as nodes of a V-ary heap: children of node i are i·V + 1 … i·V + V.
                let node = context.prefix.iter().fold(0, |node, &token| node * vocabulary + token as usize + 1);
                context.prompt * nodes + node
            }
        }
    }

    pub(super) fn prompts(self) -> Option<usize> {
        match self {
            Self::Prompt { prompts } | Self::PromptPosition { prompts, .. } | Self::Prefix { prompts, .. } => {
                Some(prompts)
            }
            Self::Position { .. } => None,
        }
    }

    pub(super) fn horizon(self) -> Option<usize> {
        match self {
            Self::Prompt { .. } => None,
            Self::Position { horizon } | Self::PromptPosition { horizon, .. } | Self::Prefix { horizon, .. } => {
                Some(horizon)
            }
        }
    }
}

/// 1 + V + … + V^(H−1).
fn prefixes_below(vocabulary: usize, horizon: usize) -> Option<usize> {
    (0..horizon).try_fold(0usize, |nodes, _| nodes.checked_mul(vocabulary)?.checked_add(1))
}

/// Dense feature vectors in a table: from a megabyte on of single precision where every value is exactly that, the same
/// results to the bit from half the memory.
#[derive(Clone, Debug)]
pub struct TableFeatures {
    layout: Layout,
    vocabulary: usize,
    dim: usize,
    contexts: usize,
    bound: f64,
    values: Arc<Stored>,
}

impl TableFeatures {
    /// The table `values`, of shape [contexts, V, d] with the contexts as `layout` says, row-major. `bound` is a B to
    /// be held to; without it B is the greatest norm.
    ///
    /// # Errors
    /// [`Code::ShapeMismatch`] if the shape is another; [`Code::InvalidOption`] for a value that is not finite, a
    /// norm above `bound`, or an empty vocabulary or dimension.
    pub fn new(
        layout: Layout,
        vocabulary: usize,
        dim: usize,
        values: impl AsRef<[f64]>,
        bound: Option<f64>,
    ) -> Result<Self> {
        check_sizes(vocabulary, dim)?;
        let values = values.as_ref();
        let contexts = layout.contexts(vocabulary)?;
        let expected = checked_size("A feature table", &[contexts, vocabulary, dim])?;
        if values.len() != expected {
            return Err(Error::new(
                Code::ShapeMismatch,
                format!(
                    "A feature table of {contexts} contexts, {vocabulary} tokens and {dim} dimensions has {expected} values, not {}.",
                    values.len()
                ),
            ));
        }
        let bound = checked_bound(greatest_norm(values, dim)?, bound)?;
        let values = Arc::new(Stored::copy_of(values)?);
        Ok(Self { layout, vocabulary, dim, contexts, bound, values })
    }

    /// The table of a function: `features(prompt, prefix, out)` writes the V·d values of every context. For
    /// [`Layout::Prompt`] the prefix is empty, for positions it is of the right length but all zeros.
    ///
    /// # Errors
    /// As [`TableFeatures::new`], and whatever `features` fails with.
    pub fn tabulate(
        layout: Layout,
        vocabulary: usize,
        dim: usize,
        bound: Option<f64>,
        mut features: impl FnMut(Context<'_>, &mut [f64]) -> Result<()>,
    ) -> Result<Self> {
        check_sizes(vocabulary, dim)?;
        let contexts = layout.contexts(vocabulary)?;
        let mut values = vec![0.0; checked_size("A feature table", &[contexts, vocabulary, dim])?];
        let mut prefix = Vec::new();
        for (index, block) in values.chunks_exact_mut(vocabulary * dim).enumerate() {
            let prompt = describe(layout, vocabulary, index, &mut prefix);
            features(Context { prompt, prefix: &prefix }, block)?;
        }
        Self::new(layout, vocabulary, dim, values, bound)
    }

    /// What the table is looked up by.
    #[must_use]
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// The values, [contexts, V, d], as they are stored.
    #[must_use]
    pub fn values(&self) -> Values<'_> {
        self.values.values()
    }

    /// In single precision however few they are, which they must be.
    #[cfg(test)]
    pub(in crate::linear) fn in_single_precision(self) -> Self {
        let Values::F64(values) = self.values() else { return self };
        let values = Arc::new(Stored::copy(values, 0).unwrap());
        assert!(matches!(values.values(), Values::F32(_)));
        Self { values, ..self }
    }

    /// How much memory they take.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.values().len() * self.values().size()
    }
}

/// Inverse of [`Layout::index`]: the prompt, and into `prefix` a prefix of that context.
fn describe(layout: Layout, vocabulary: usize, index: usize, prefix: &mut Vec<u32>) -> usize {
    prefix.clear();
    match layout {
        Layout::Prompt { .. } => index,
        Layout::Position { .. } => {
            prefix.resize(index, 0);
            0
        }
        Layout::PromptPosition { horizon, .. } => {
            prefix.resize(index % horizon, 0);
            index / horizon
        }
        Layout::Prefix { horizon, .. } => {
            let nodes = prefixes_below(vocabulary, horizon).unwrap_or(1);
            let mut node = index % nodes;
            while node > 0 {
                #[expect(clippy::cast_possible_truncation, reason = "a token is below the vocabulary size")]
                prefix.push(((node - 1) % vocabulary) as u32);
                node = (node - 1) / vocabulary;
            }
            prefix.reverse();
            index / nodes
        }
    }
}

/// A vocabulary and a dimension that make sense.
///
/// # Errors
/// [`Code::InvalidOption`] for none, or more than 32 bits can count.
pub(super) fn check_sizes(vocabulary: usize, dim: usize) -> Result<()> {
    let limit = u32::MAX as usize;
    if !(1..=limit).contains(&vocabulary) {
        return Err(Error::option("vocabulary", format!("A vocabulary has 1 to 2^32 − 1 tokens, not {vocabulary}.")));
    }
    if !(1..=limit).contains(&dim) {
        return Err(Error::option("dim", format!("The dimension must be between 1 and 2^32 − 1, not {dim}.")));
    }
    Ok(())
}

impl FeatureMap for TableFeatures {
    fn dim(&self) -> usize {
        self.dim
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
        let size = self.vocabulary * self.dim;
        let start = self.layout.index(context, self.vocabulary) * size;
        visitor(Part {
            offset: 0,
            block: Block::Dense { rows: self.values.range(start..start + size), width: self.dim },
        });
    }

    fn span(&self, prompt: usize, positions: std::ops::Range<usize>) -> Option<Values<'_>> {
        let first = match self.layout {
            Layout::Position { .. } => 0,
            Layout::PromptPosition { horizon, .. } => prompt * horizon,
            Layout::Prompt { .. } | Layout::Prefix { .. } => return None,
        };
        let size = self.vocabulary * self.dim;
        Some(self.values.range((first + positions.start) * size..(first + positions.end) * size))
    }

    fn memory(&self) -> Option<usize> {
        self.layout.memory()
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

/// Sparse feature vectors in a table.
#[derive(Clone, Debug)]
pub struct SparseTableFeatures {
    layout: Layout,
    vocabulary: usize,
    dim: usize,
    bound: f64,
    blocks: Arc<[SparseRows]>,
}

impl SparseTableFeatures {
    /// The table `blocks`, one a context as `layout` says, each of V rows.
    ///
    /// # Errors
    /// [`Code::ShapeMismatch`] for another number of blocks or rows, or a coordinate of d or more;
    /// [`Code::InvalidOption`] for a value that is not finite or a norm above `bound`.
    pub fn new(
        layout: Layout,
        vocabulary: usize,
        dim: usize,
        blocks: Vec<SparseRows>,
        bound: Option<f64>,
    ) -> Result<Self> {
        check_sizes(vocabulary, dim)?;
        let contexts = layout.contexts(vocabulary)?;
        if blocks.len() != contexts {
            return Err(Error::new(
                Code::ShapeMismatch,
                format!("The feature table has {contexts} contexts, but {} blocks were given.", blocks.len()),
            ));
        }
        let mut greatest = 0.0f64;
        for (context, block) in blocks.iter().enumerate() {
            greatest = greatest.max(block.greatest_norm(vocabulary, dim).map_err(|error| error.at_row(context))?);
        }
        let bound = checked_bound(greatest, bound)?;
        Ok(Self { layout, vocabulary, dim, bound, blocks: blocks.into() })
    }
}

impl FeatureMap for SparseTableFeatures {
    fn dim(&self) -> usize {
        self.dim
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
        let block = &self.blocks[self.layout.index(context, self.vocabulary)];
        visitor(Part { offset: 0, block: Block::Sparse(block) });
    }

    fn memory(&self) -> Option<usize> {
        self.layout.memory()
    }

    fn keys(&self) -> Option<usize> {
        Some(self.blocks.len())
    }

    fn key(&self, context: Context<'_>) -> usize {
        self.layout.index(context, self.vocabulary)
    }

    fn keys_repeat(&self) -> bool {
        matches!(self.layout, Layout::Prompt { .. })
    }

    fn granule(&self) -> usize {
        if self.dim <= super::sparse::SMALL_DIM { self.dim } else { 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn describing_a_context_inverts_its_index() {
        let layouts = [
            Layout::Prompt { prompts: 3 },
            Layout::Position { horizon: 4 },
            Layout::PromptPosition { prompts: 2, horizon: 3 },
            Layout::Prefix { prompts: 2, horizon: 3 },
        ];
        for layout in layouts {
            let mut prefix = Vec::new();
            for index in 0..layout.contexts(3).unwrap() {
                let prompt = describe(layout, 3, index, &mut prefix);
                assert_eq!(layout.index(Context { prompt, prefix: &prefix }, 3), index, "{layout:?}");
            }
        }
    }

    #[test]
    fn misfits_are_errors() {
        let layout = Layout::Position { horizon: 2 };
        assert_eq!(TableFeatures::new(layout, 2, 2, vec![0.0; 7], None).unwrap_err().code, Code::ShapeMismatch);
        let mut values = vec![0.5; 8];
        assert!(
            (TableFeatures::new(layout, 2, 2, values.clone(), None).unwrap().bound() - 0.5f64.sqrt()).abs() < 1e-15
        );
        assert_eq!(TableFeatures::new(layout, 2, 2, values.clone(), Some(0.7)).unwrap_err().code, Code::InvalidOption);
        values[3] = f64::NAN;
        assert_eq!(TableFeatures::new(layout, 2, 2, values, None).unwrap_err().place.row, Some(1));
        let huge = Layout::Prefix { prompts: 1, horizon: 200 };
        assert_eq!(TableFeatures::new(huge, 2, 2, vec![], None).unwrap_err().code, Code::TooLarge);
    }
}
