use super::budgets::Budgets;
use super::kernel;
use crate::error::{Code, Error, Result};
use crate::isa::Isa;
use crate::log_probs::LogProbs;
use crate::parallel::Workers;
use crate::progress::Control;

/// All pairwise counts of a tournament [29], one M×M matrix per budget.
///
/// `counts[a][b] = #{i : L[a,i] − L[b,i] ≥ log N}` with the subtraction and comparison of `f64`: how many
/// responses b under-weights against a by a factor N or more. Where probabilities vanish: −∞ on the left never
/// counts, also not against itself; a finite value less −∞ always counts. At N = 1 the diagonal counts the
/// finite values of the model; above it is 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts {
    models: usize,
    responses: u32,
    per_budget: Vec<Vec<u32>>,
}

impl Counts {
    /// Counts from their parts, for results that were saved: row-major M×M matrices, one per budget.
    ///
    /// # Errors
    /// [`Code::ShapeMismatch`] unless every matrix has `models`² entries, none above `responses`.
    pub fn from_parts(models: usize, responses: u32, per_budget: Vec<Vec<u32>>) -> Result<Self> {
        let cells = square(models)?;
        for counts in &per_budget {
            if counts.len() != cells {
                return Err(Error::new(
                    Code::ShapeMismatch,
                    format!("A matrix of counts has {} entries, {models} models need {cells}.", counts.len()),
                ));
            }
            if let Some(count) = counts.iter().find(|&&count| count > responses) {
                return Err(Error::new(
                    Code::ShapeMismatch,
                    format!("A count is {count}, but there are only {responses} responses."),
                ));
            }
        }
        Ok(Self { models, responses, per_budget })
    }

    /// M, the number of models.
    #[must_use]
    pub fn models(&self) -> usize {
        self.models
    }

    /// n, the number of responses.
    #[must_use]
    pub fn responses(&self) -> u32 {
        self.responses
    }

    /// How many budgets there are.
    #[must_use]
    pub fn budgets(&self) -> usize {
        self.per_budget.len()
    }

    /// The row-major M×M matrix of one budget (index into [`Budgets`]): entry `a * M + b`.
    #[must_use]
    pub fn of_budget(&self, budget: usize) -> &[u32] {
        &self.per_budget[budget]
    }

    /// `#{i : L[a,i] − L[b,i] ≥ log N}` for the budget with that index.
    #[must_use]
    pub fn get(&self, budget: usize, a: usize, b: usize) -> u32 {
        self.per_budget[budget][a * self.models + b]
    }

    /// All matrices, one per budget.
    #[must_use]
    pub fn into_per_budget(self) -> Vec<Vec<u32>> {
        self.per_budget
    }

    /// The tournament of these models and of further ones: `between` counts these models (its upper side)
    /// against the further ones, `among` the further ones against each other. Costs O(M²) whatever n is.
    ///
    /// # Errors
    /// [`Code::ShapeMismatch`] if the three do not fit together.
    pub fn extended(&self, between: &BlockCounts, among: &Self) -> Result<Self> {
        let fits = between.upper == self.models
            && between.lower == among.models
            && between.responses == self.responses
            && among.responses == self.responses
            && between.upper_over_lower.len() == self.budgets()
            && among.budgets() == self.budgets();
        if !fits {
            return Err(Error::new(
                Code::ShapeMismatch,
                "The counts to put together are of different models, responses or values of N.",
            ));
        }
        let (old, new) = (self.models, among.models);
        let models = old + new;
        square(models)?;
        let per_budget = (0..self.budgets())
            .map(|budget| {
                let mut counts = Vec::with_capacity(models * models);
                for a in 0..old {
                    counts.extend_from_slice(&self.per_budget[budget][a * old..][..old]);
                    counts.extend_from_slice(&between.upper_over_lower[budget][a * new..][..new]);
                }
                for a in 0..new {
                    counts.extend_from_slice(&between.lower_over_upper[budget][a * old..][..old]);
                    counts.extend_from_slice(&among.per_budget[budget][a * new..][..new]);
                }
                counts
            })
            .collect();
        Ok(Self { models, responses: self.responses, per_budget })
    }
}

/// Counts of every model of one matrix (upper) against every model of another (lower), in both directions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockCounts {
    /// Number of upper models, U.
    pub upper: usize,
    /// Number of lower models, W.
    pub lower: usize,
    /// n, the number of responses.
    pub responses: u32,
    /// Per budget, row-major U×W: entry `a * W + b` counts `L[a,i] − L[b,i] ≥ log N`, a upper, b lower.
    pub upper_over_lower: Vec<Vec<u32>>,
    /// Per budget, row-major W×U: entry `b * U + a` counts `L[b,i] − L[a,i] ≥ log N`, a upper, b lower.
    pub lower_over_upper: Vec<Vec<u32>>,
}

/// All counts of the tournament [29] at every budget: one pass over every pair of models, O(M²n).
///
/// # Errors
/// [`Code::TooLarge`] for more than 2^32 − 1 responses or a matrix of counts that cannot be addressed;
/// [`Code::Aborted`].
pub fn counts(log_probs: &LogProbs, budgets: &Budgets, workers: &Workers, control: &Control) -> Result<Counts> {
    counts_using(Isa::best(), log_probs, budgets, workers, control)
}

/// [`counts`] with a chosen instruction set, for measurements and tests: the result is the same, bit for bit.
///
/// # Errors
/// [`Code::InvalidOption`] for an instruction set that the CPU lacks; as [`counts`] otherwise.
pub fn counts_using(
    isa: Isa,
    log_probs: &LogProbs,
    budgets: &Budgets,
    workers: &Workers,
    control: &Control,
) -> Result<Counts> {
    if !isa.is_available() {
        return Err(Error::option("instructions", format!("This CPU does not have {isa:?}.")));
    }
    let responses = addressable(log_probs)?;
    let per_budget = kernel::square(log_probs, budgets, isa, workers, control)?;
    Ok(Counts { models: log_probs.models(), responses, per_budget })
}

/// Counts of the models of `upper` against those of `lower`, both directions, O(UWn): one more checkpoint
/// against a finished tournament, or one block of models against another. Precisions may differ.
///
/// # Errors
/// [`Code::ShapeMismatch`] unless both have the same number of responses; as [`counts`] otherwise.
pub fn counts_block(
    upper: &LogProbs,
    lower: &LogProbs,
    budgets: &Budgets,
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
    let (upper_over_lower, lower_over_upper) = kernel::rectangle(upper, lower, budgets, Isa::best(), workers, control)?;
    Ok(BlockCounts { upper: upper.models(), lower: lower.models(), responses, upper_over_lower, lower_over_upper })
}

fn square(models: usize) -> Result<usize> {
    models
        .checked_mul(models)
        .filter(|cells| cells.checked_mul(size_of::<u32>()).is_some_and(|bytes| isize::try_from(bytes).is_ok()))
        .ok_or_else(|| Error::new(Code::TooLarge, format!("The counts of {models} models do not fit in memory.")))
}

fn addressable(log_probs: &LogProbs) -> Result<u32> {
    square(log_probs.models())?;
    u32::try_from(log_probs.responses()).map_err(|_| {
        Error::new(
            Code::TooLarge,
            format!("{} responses are more than the 4,294,967,295 that can be counted.", log_probs.responses()),
        )
    })
}
