//! Sparse features computed on demand, by a task or a user.

use std::any::Any;
use std::fmt;

use super::{Block, Context, FeatureMap, Part, Scratch, SparseRows};
use crate::error::{Error, Result};
use crate::linear::responses::Responses;

/// What computes sparse features.
pub trait SparseSource: Send + Sync + fmt::Debug {
    /// d.
    fn dim(&self) -> usize;

    /// V.
    fn vocabulary(&self) -> usize;

    /// |X|; `None` where any index will do.
    fn prompts(&self) -> Option<usize>;

    /// The longest response; `None` where any length will do.
    fn horizon(&self) -> Option<usize>;

    /// B ≥ ‖φ‖; [`SparseFeatures::check`] holds a source to it.
    fn bound(&self) -> f64;

    /// Writes the features of the V next tokens to the empty `rows`: for each token in order, [`SparseRows::add`] its
    /// coordinates (below d), then [`SparseRows::end_row`]. `memory` is the thread's own and keeps what is put there,
    /// say the decoded prompt, from call to call; results must not depend on it.
    fn write(&self, context: Context<'_>, memory: &mut Option<Box<dyn Any + Send>>, rows: &mut SparseRows);
}

/// The feature map of a [`SparseSource`].
#[derive(Clone, Debug)]
pub struct SparseFeatures<S>(pub S);

/// Up to this dimension a step over all coordinates is cheaper than keeping track of those touched.
pub(super) const SMALL_DIM: usize = 256;

impl<S: SparseSource> SparseFeatures<S> {
    /// Holds the source to its word in every context of `responses`: V rows, coordinates below d, finite values,
    /// ‖φ‖ ≤ B. Returns the greatest norm.
    ///
    /// # Errors
    /// [`crate::Code::ShapeMismatch`] or [`crate::Code::InvalidOption`], naming the response.
    pub fn check(&self, responses: &Responses) -> Result<f64> {
        responses.check(self.0.prompts(), self.0.vocabulary(), self.0.horizon())?;
        let (mut rows, mut memory) = (SparseRows::default(), None);
        let mut greatest = 0.0f64;
        for (index, response) in responses.iter().enumerate() {
            for position in 0..response.tokens.len() {
                rows.clear();
                let context = Context { prompt: response.prompt, prefix: &response.tokens[..position] };
                self.0.write(context, &mut memory, &mut rows);
                let norm = rows.greatest_norm(self.0.vocabulary(), self.0.dim());
                greatest = greatest.max(norm.map_err(|error| error.at_response(index))?);
            }
        }
        super::checked_bound(greatest, Some(self.0.bound())).map_err(|error: Error| error.at_field("features"))?;
        Ok(greatest)
    }
}

impl<S: SparseSource> FeatureMap for SparseFeatures<S> {
    fn dim(&self) -> usize {
        self.0.dim()
    }

    fn vocabulary(&self) -> usize {
        self.0.vocabulary()
    }

    fn prompts(&self) -> Option<usize> {
        self.0.prompts()
    }

    fn horizon(&self) -> Option<usize> {
        self.0.horizon()
    }

    fn bound(&self) -> f64 {
        self.0.bound()
    }

    fn prepare(&self, context: Context<'_>, scratch: &mut Scratch) {
        scratch.sparse.clear();
        self.0.write(context, &mut scratch.memory, &mut scratch.sparse);
        debug_assert_eq!(scratch.sparse.len(), self.0.vocabulary(), "a sparse source writes a row for every token");
    }

    fn visit(&self, _: Context<'_>, scratch: &Scratch, visitor: &mut dyn FnMut(Part<'_>)) {
        visitor(Part { offset: 0, block: Block::Sparse(&scratch.sparse) });
    }

    fn granule(&self) -> usize {
        if self.0.dim() <= SMALL_DIM { self.0.dim() } else { 1 }
    }
}
