//! Feature maps φ(x, y_{1:h}) ∈ R^d: one interface, inner loops that know the layout.
//!
//! At a [`Context`] (prompt and prefix) a map shows the features of all V next tokens at once, as one or more
//! [`Part`]s that add up. Logits and gradient of a token then run over the same block while it is in cache, and a
//! block that is stored is never copied.

mod compose;
mod hidden;
mod ngram;
mod random;
mod scratch;
mod sparse;
mod table;

use std::fmt;

pub use compose::CompositeFeatures;
pub use hidden::HiddenFeatures;
pub use ngram::{NgramFeatures, split_prompts};
pub use random::{RandomFeatures, RandomOptions};
pub use scratch::{Scratch, SparseRows};
pub use sparse::{SparseFeatures, SparseSource};
pub use table::{Layout, SparseTableFeatures, TableFeatures};

pub use super::values::Values;
use crate::error::{Code, Error, Result};

/// Where a next token is to come: the prompt and the tokens so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context<'a> {
    /// Index of the prompt.
    pub prompt: usize,
    /// y_{<h}; its length is the zero-based position of the next token.
    pub prefix: &'a [u32],
}

impl Context<'_> {
    /// Zero-based position of the next token.
    #[must_use]
    pub fn position(&self) -> usize {
        self.prefix.len()
    }
}

/// Features of all V next tokens, in the layout that computes fastest.
#[derive(Clone, Copy, Debug)]
pub enum Block<'a> {
    /// V rows of `width` values each: φ(y) is row y.
    Dense {
        /// The rows, one after the other.
        rows: Values<'a>,
        /// Length of a row, the number of coordinates this part touches.
        width: usize,
    },
    /// φ(y) lists coordinates and values; coordinates may repeat and then add.
    Sparse(&'a SparseRows),
    /// φ(y) = e_y ⊗ h: coordinate y·k + j is h_j where k is the length of `hidden`.
    Outer {
        /// h(x, y_{<h}).
        hidden: &'a [f64],
    },
    /// φ(y) = Σ_i weights_i e_{rows_i·V + y}: hashed contexts, each owning a row of V coordinates.
    Rows {
        /// Row numbers; they may repeat and then add.
        rows: &'a [u32],
        /// The weight of each.
        weights: &'a [f64],
    },
}

/// A block whose first coordinate is `offset` in θ.
#[derive(Clone, Copy, Debug)]
pub struct Part<'a> {
    /// Coordinate of θ that the block's first one is.
    pub offset: usize,
    /// The features.
    pub block: Block<'a>,
}

/// A feature map φ.
///
/// Prompts and positions given to `prepare`, `visit` and `key` are within [`FeatureMap::prompts`] and
/// [`FeatureMap::horizon`], tokens below [`FeatureMap::vocabulary`]: callers check.
pub trait FeatureMap: Send + Sync + fmt::Debug {
    /// d, the length of θ.
    fn dim(&self) -> usize;

    /// V, the number of tokens.
    fn vocabulary(&self) -> usize;

    /// |X|, the number of prompts; `None` where any index will do.
    fn prompts(&self) -> Option<usize>;

    /// The longest response; `None` where any length will do.
    fn horizon(&self) -> Option<usize>;

    /// B ≥ ‖φ(x, y_{1:h})‖ for all x and y.
    fn bound(&self) -> f64;

    /// Working memory of one thread for this map.
    fn scratch(&self) -> Scratch {
        Scratch::default()
    }

    /// Computes into `scratch` what the map does not store; `visit` with the same context follows, perhaps
    /// several times.
    fn prepare(&self, context: Context<'_>, scratch: &mut Scratch) {
        let _ = (context, scratch);
    }

    /// Shows the parts of the prepared context, in an order that depends on the map alone.
    fn visit(&self, context: Context<'_>, scratch: &Scratch, visitor: &mut dyn FnMut(Part<'_>));

    /// The dense rows of consecutive positions of one prompt, [position, token, d], where the map stores them so and no
    /// block depends on the prefix. What is one block is then read as one.
    fn span(&self, prompt: usize, positions: std::ops::Range<usize>) -> Option<Values<'_>> {
        let _ = (prompt, positions);
        None
    }

    /// How many different blocks there are, where they can be counted by [`FeatureMap::key`]; work at equal keys
    /// is shared.
    fn keys(&self) -> Option<usize> {
        None
    }

    /// Which of the [`FeatureMap::keys`] blocks is the context's; contexts with the same key have the same
    /// features.
    fn key(&self, context: Context<'_>) -> usize {
        let _ = context;
        0
    }

    /// How many of the last tokens, besides the prompt and the position, the features depend on at most; `None` if on all.
    fn memory(&self) -> Option<usize> {
        None
    }

    /// Whether positions of one response share keys, so that counting tokens by key pays even for a single response.
    fn keys_repeat(&self) -> bool {
        false
    }

    /// Coordinates are touched in runs of this length, aligned to it; d where a block touches all. Below d, steps
    /// on θ are lazy.
    fn granule(&self) -> usize {
        self.dim()
    }
}

/// Checks that ‖φ‖ ≤ `bound` for the greatest norm seen, allowing for rounding; returns the B to use.
///
/// # Errors
/// [`Code::InvalidOption`] if `bound` is given and no positive finite number, or `greatest` exceeds it.
pub(super) fn checked_bound(greatest: f64, bound: Option<f64>) -> Result<f64> {
    let Some(bound) = bound else { return Ok(greatest) };
    if !(bound.is_finite() && bound > 0.0) {
        return Err(Error::option("bound", format!("The feature bound B must be positive and finite, not {bound}.")));
    }
    if greatest > bound * (1.0 + 1e-12) {
        return Err(Error::option(
            "bound",
            format!(
                "A feature vector has norm {greatest}, above the bound B = {bound}: scale the features or raise B."
            ),
        ));
    }
    Ok(bound)
}

/// The greatest Euclidean norm among rows of `width` values.
///
/// # Errors
/// [`Code::InvalidOption`] naming the first value that is not finite or so large that its square is not.
pub(super) fn greatest_norm(values: &[f64], width: usize) -> Result<f64> {
    let mut greatest = 0.0f64;
    for (row, values) in values.chunks(width.max(1)).enumerate() {
        let square: f64 = values.iter().map(|value| value * value).sum();
        if !square.is_finite() {
            let message = format!("Feature vector {row} has a value that is NaN, infinite or above 1e154.");
            return Err(Error::option("features", message).at_row(row));
        }
        greatest = greatest.max(square.sqrt());
    }
    Ok(greatest)
}

/// The product of `sizes`, or an error if it passes what memory can hold.
///
/// # Errors
/// [`Code::TooLarge`].
pub(super) fn checked_size(what: &str, sizes: &[usize]) -> Result<usize> {
    sizes
        .iter()
        .try_fold(1usize, |product, &size| product.checked_mul(size))
        .filter(|&product| product <= isize::MAX as usize / size_of::<f64>())
        .ok_or_else(|| Error::new(Code::TooLarge, format!("{what} of shape {sizes:?} would not fit into memory.")))
}
