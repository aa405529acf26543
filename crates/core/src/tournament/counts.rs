use ndarray::{Array3, ArrayView2, Axis, s};

use super::kernel;
use super::ratios::Ratios;
use crate::error::{Code, Error, Result};
use crate::isa::Isa;
use crate::log_probs::LogProbs;
use crate::parallel::Workers;
use crate::progress::Control;

/// All pairwise counts of a tournament [29], one M×M matrix for each N.
///
/// `counts[a][b] = #{i : L[a,i] − L[b,i] ≥ log N}` with the subtraction and comparison of `f64`: how many
/// responses b under-weights against a by a factor N or more. Where probabilities vanish: −∞ on the left never
/// counts, also not against itself; a finite value less −∞ always counts. At N = 1 the diagonal counts the
/// finite values of the model; above it is 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts {
    responses: u32,
    /// `[ratio, a, b]`.
    counts: Array3<u32>,
}

impl Counts {
    /// Counts from their parts, for results that were saved: `counts[ratio, a, b]`.
    ///
    /// # Errors
    /// [`Code::ShapeMismatch`] unless every matrix is square, with no entry above `responses`.
    pub fn new(responses: u32, counts: Array3<u32>) -> Result<Self> {
        let (_, upper, lower) = counts.dim();
        if upper != lower {
            return Err(Error::new(
                Code::ShapeMismatch,
                format!("A matrix of counts has {upper} rows and {lower} columns: every model has one of each."),
            ));
        }
        if let Some(count) = counts.iter().find(|&&count| count > responses) {
            return Err(Error::new(
                Code::ShapeMismatch,
                format!("A count is {count}, but there are only {responses} responses."),
            ));
        }
        Ok(Self { responses, counts })
    }

    /// M, the number of models.
    #[must_use]
    pub fn models(&self) -> usize {
        self.counts.dim().1
    }

    /// n, the number of responses.
    #[must_use]
    pub fn responses(&self) -> u32 {
        self.responses
    }

    /// How many values of N there are.
    #[must_use]
    pub fn ratios(&self) -> usize {
        self.counts.dim().0
    }

    /// The M×M matrix `[a, b]` of one N (index into [`Ratios`]).
    #[must_use]
    pub fn at_ratio(&self, ratio: usize) -> ArrayView2<'_, u32> {
        self.counts.index_axis(Axis(0), ratio)
    }

    /// `#{i : L[a,i] − L[b,i] ≥ log N}` for the N with that index.
    #[must_use]
    pub fn get(&self, ratio: usize, a: usize, b: usize) -> u32 {
        self.counts[[ratio, a, b]]
    }

    /// All of them, `[ratio, a, b]`.
    #[must_use]
    pub fn array(&self) -> &Array3<u32> {
        &self.counts
    }

    /// These counts, then those of the same models at further values of N.
    ///
    /// # Errors
    /// [`Code::ShapeMismatch`] for counts of other models or responses.
    pub fn joined(&self, further: &Self) -> Result<Self> {
        let other = || Error::new(Code::ShapeMismatch, "The counts to join are of other models or responses.");
        if further.responses != self.responses {
            return Err(other());
        }
        let ((before, ..), (after, upper, lower)) = (self.counts.dim(), further.counts.dim());
        let counts = self.counts.iter().chain(&further.counts).copied().collect();
        let counts = Array3::from_shape_vec((before + after, upper, lower), counts).map_err(|_| other())?;
        Ok(Self { responses: self.responses, counts })
    }

    /// The counts at the first few values of N.
    pub(super) fn first(&self, ratios: usize) -> Self {
        Self { responses: self.responses, counts: kernel::chosen(&self.counts, &Vec::from_iter(0..ratios)) }
    }

    /// The counts at some of the values of N, by index.
    #[must_use]
    pub fn select(&self, ratios: &[usize]) -> Self {
        Self { responses: self.responses, counts: kernel::chosen(&self.counts, ratios) }
    }

    /// The tournament of these models and of further ones: `between` counts these models (its upper side)
    /// against the further ones, `among` the further ones against each other. Costs O(M²) whatever n is.
    ///
    /// # Errors
    /// [`Code::ShapeMismatch`] if the three do not fit together.
    pub fn extended(&self, between: &BlockCounts, among: &Self) -> Result<Self> {
        let (old, new) = (self.models(), among.models());
        let fits = between.upper_over_lower.dim() == (self.ratios(), old, new)
            && between.lower_over_upper.dim() == (self.ratios(), new, old)
            && between.responses == self.responses
            && among.responses == self.responses
            && among.ratios() == self.ratios();
        if !fits {
            return Err(Error::new(
                Code::ShapeMismatch,
                "The counts to put together are of different models, responses or values of N.",
            ));
        }
        let models = old + new;
        square(models)?;
        let mut counts = Array3::zeros((self.ratios(), models, models));
        counts.slice_mut(s![.., ..old, ..old]).assign(&self.counts);
        counts.slice_mut(s![.., ..old, old..]).assign(&between.upper_over_lower);
        counts.slice_mut(s![.., old.., ..old]).assign(&between.lower_over_upper);
        counts.slice_mut(s![.., old.., old..]).assign(&among.counts);
        Ok(Self { responses: self.responses, counts })
    }
}

/// Counts of every model of one matrix (upper) against every model of another (lower), in both directions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockCounts {
    /// n, the number of responses.
    pub responses: u32,
    /// `[ratio, a, b]` counts `L[a,i] − L[b,i] ≥ log N`, a upper, b lower.
    pub upper_over_lower: Array3<u32>,
    /// `[ratio, b, a]` counts `L[b,i] − L[a,i] ≥ log N`, a upper, b lower.
    pub lower_over_upper: Array3<u32>,
}

/// All counts of the tournament [29] at every N: one pass over every pair of models, O(M²n).
///
/// # Errors
/// [`Code::TooLarge`] for more than 2^32 − 1 responses or a matrix of counts that cannot be addressed;
/// [`Code::Aborted`].
pub fn counts(log_probs: &LogProbs, ratios: &Ratios, workers: &Workers, control: &Control) -> Result<Counts> {
    counts_using(Isa::best(), log_probs, ratios, workers, control)
}

/// [`counts`] with a chosen instruction set, for measurements and tests: the result is the same, bit for bit.
///
/// # Errors
/// [`Code::InvalidOption`] for an instruction set that the CPU lacks; as [`counts`] otherwise.
pub fn counts_using(
    isa: Isa,
    log_probs: &LogProbs,
    ratios: &Ratios,
    workers: &Workers,
    control: &Control,
) -> Result<Counts> {
    if !isa.is_available() {
        return Err(Error::option("instructions", format!("This CPU does not have {isa:?}.")));
    }
    let responses = addressable(log_probs)?;
    let counts = kernel::square(log_probs, ratios, isa, workers, control)?;
    Ok(Counts { responses, counts })
}

/// Counts of the models of `upper` against those of `lower`, both directions, O(UWn): one more checkpoint
/// against a finished tournament, or one block of models against another. Precisions may differ.
///
/// # Errors
/// [`Code::ShapeMismatch`] unless both have the same number of responses; as [`counts`] otherwise.
pub fn counts_block(
    upper: &LogProbs,
    lower: &LogProbs,
    ratios: &Ratios,
    workers: &Workers,
    control: &Control,
) -> Result<BlockCounts> {
    let responses = addressable(upper)?;
    if upper.responses() != lower.responses() {
        return Err(Error::new(
            Code::ShapeMismatch,
            format!(
                "Cannot compare models scored on {} responses with models scored on {}.",
                upper.responses(),
                lower.responses()
            ),
        ));
    }
    let (upper_over_lower, lower_over_upper) = kernel::rectangle(upper, lower, ratios, Isa::best(), workers, control)?;
    Ok(BlockCounts { responses, upper_over_lower, lower_over_upper })
}

fn square(models: usize) -> Result<usize> {
    models
        .checked_mul(models)
        .filter(|cells| cells.checked_mul(size_of::<u32>()).is_some_and(|bytes| isize::try_from(bytes).is_ok()))
        .ok_or_else(|| Error::new(Code::TooLarge, format!("The counts of {models} models do not fit in memory.")))
}

pub(super) fn addressable(log_probs: &LogProbs) -> Result<u32> {
    square(log_probs.models())?;
    u32::try_from(log_probs.responses()).map_err(|_| {
        Error::new(
            Code::TooLarge,
            format!("{} responses are more than the 4,294,967,295 that can be counted.", log_probs.responses()),
        )
    })
}
