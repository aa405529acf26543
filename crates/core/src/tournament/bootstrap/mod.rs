//! How sure the winner is: the tournament on resampled responses.
//!
//! No tournament is run anew. Where L[a,i] − L[b,i] ≥ log N holds is fixed, only the multiplicities of the responses
//! change, so a resampled count is the total multiplicity of a fixed set: a few popcounts ([`masks`]). Scores need
//! only the rivals that can still be the worst ([`contest`]), winners only the models that can still win ([`field`]).
//! All of it is exact: scores and winners are those of the tournament on the resampled matrix.

mod contest;
mod field;
mod masks;
mod result;
#[cfg(test)]
mod tests;
mod weights;
#[cfg(target_arch = "x86_64")]
mod x86;

pub use result::{Bootstrap, BootstrapAt, BootstrapOptions, Unit};

use contest::{Contest, MASK_BYTES, Outcome};
use field::{FOLLOW_ALL, Field};
use masks::{Loops, words};
use weights::{Block, GROUP, Units, draw};

use super::counts::{Counts, counts};
use super::{Ratios, compare_models, mean_log_probs};
use crate::error::{Code, Error, Result};
use crate::log_probs::LogProbs;
use crate::parallel::Workers;
use crate::progress::Control;
use crate::resample::number_labels;

/// Elements (models × responses × replicates) up to which every replicate's cross-entropies are worked out.
const CROSS_ENTROPY_ELEMENTS: u64 = 1 << 37;

/// Resamples the responses of a tournament: win shares, intervals of the scores and of the winner's margin, at every N.
///
/// Each replicate draws as many units as there are, with replacement: responses, or whole prompts with all their
/// responses where `prompts` gives a label for each response. In a replicate the winner is the model of the least
/// resampled score; ties go to the greater mean log-likelihood of the resample (each response as often as it was
/// drawn), then to input order. Win shares and margin are exact always; the score of each model is followed through
/// all replicates for up to 64 models, of more for the 16 best.
///
/// `full_counts` saves time where the matrix of counts at the same N is at hand; the result does not depend on it.
///
/// # Errors
/// [`Code::InvalidOption`]; [`Code::ShapeMismatch`] if labels or counts do not belong to `log_probs`;
/// [`Code::TooLarge`] as [`counts`]; [`Code::Aborted`].
pub fn bootstrap(
    log_probs: &LogProbs,
    prompts: Option<&[u32]>,
    full_counts: Option<&Counts>,
    options: &BootstrapOptions,
    workers: &Workers,
    control: &Control,
) -> Result<Bootstrap> {
    let ratios = options.checked()?;
    let units = units(log_probs, prompts)?;
    let means = mean_log_probs(log_probs, workers, control)?;
    let fields = fields(log_probs, full_counts, &means, &ratios, workers, control)?;
    let elements = (log_probs.models() as u64)
        .saturating_mul(log_probs.responses() as u64)
        .saturating_mul(u64::from(options.replicates));
    let sampler = Sampler {
        log_probs,
        units: &units,
        options,
        loops: Loops::best(),
        with_means: elements <= CROSS_ENTROPY_ELEMENTS,
    };
    let mut contests: Vec<Contest<'_>> =
        fields.into_iter().zip(ratios.log_n()).map(|(field, &log_n)| Contest::new(log_probs, log_n, field)).collect();
    let mut finished: Vec<Option<Vec<Outcome>>> = contests.iter().map(|_| None).collect();
    let mut draws = None;
    loop {
        let active: Vec<usize> = (0..contests.len()).filter(|&index| finished[index].is_none()).collect();
        if active.is_empty() {
            break;
        }
        let blocks = sampler.blocks();
        control.start(blocks as u64);
        let played = workers.map(blocks, control, |index| {
            let result = sampler.play(index, active.iter().map(|&contest| &contests[contest]), control);
            control.advance(1);
            result
        })?;
        let (block_draws, outcomes): (Vec<_>, Vec<_>) = played.into_iter().unzip();
        draws.get_or_insert(block_draws);
        let mut per_contest: Vec<Vec<Outcome>> = active.iter().map(|_| Vec::with_capacity(blocks)).collect();
        for outcomes in outcomes {
            for (list, outcome) in per_contest.iter_mut().zip(outcomes) {
                list.push(outcome);
            }
        }
        for (index, outcomes) in active.into_iter().zip(per_contest) {
            let mut open: Vec<usize> = outcomes.iter().flat_map(|outcome| outcome.open.iter().copied()).collect();
            if open.is_empty() {
                finished[index] = Some(outcomes);
                continue;
            }
            open.sort_unstable();
            open.dedup();
            let mut field = contests[index].field.clone();
            let ratio = Ratios::new(&ratios.n()[index..=index])?;
            field.admit(&open, log_probs, &ratio, workers, control)?;
            contests[index] = Contest::new(log_probs, ratios.log_n()[index], field);
        }
    }
    Ok(result::collect(options, &ratios, &units, &means, &contests, finished, draws.unwrap_or_default()))
}

fn units(log_probs: &LogProbs, prompts: Option<&[u32]>) -> Result<Units> {
    let n = log_probs.responses();
    match prompts {
        None => Ok(Units { of_response: None, count: n }),
        Some(labels) if labels.len() == n => {
            let (numbers, count) = number_labels(labels);
            Ok(Units { of_response: Some(numbers), count })
        }
        Some(labels) => {
            Err(Error::new(Code::ShapeMismatch, format!("There are {} prompt labels for {n} responses.", labels.len())))
        }
    }
}

fn fields(
    log_probs: &LogProbs,
    full_counts: Option<&Counts>,
    means: &[f64],
    ratios: &Ratios,
    workers: &Workers,
    control: &Control,
) -> Result<Vec<Field>> {
    let models = log_probs.models();
    if let Some(full) = full_counts {
        let fits = full.models() == models
            && full.responses() as usize == log_probs.responses()
            && full.ratios() == ratios.len();
        if !fits {
            return Err(Error::new(
                Code::ShapeMismatch,
                "The counts given to the bootstrap are of other models, responses or values of N.",
            ));
        }
        return Ok((0..ratios.len()).map(|ratio| Field::from_counts(full, ratio, means)).collect());
    }
    if models <= FOLLOW_ALL {
        let full = counts(log_probs, ratios, workers, control)?;
        return Ok((0..ratios.len()).map(|ratio| Field::from_counts(&full, ratio, means)).collect());
    }
    ratios.n().iter().map(|&n| Field::search(log_probs, means, &Ratios::new(&[n])?, workers, control)).collect()
}

/// Draws replicates, block by block.
struct Sampler<'a> {
    log_probs: &'a LogProbs,
    units: &'a Units,
    options: &'a BootstrapOptions,
    loops: Loops,
    /// Whether the mean log-likelihoods of all models are worked out in every replicate.
    with_means: bool,
}

/// What the replicates of one block drew, whatever N is.
struct Draws {
    /// Number of responses in each replicate.
    totals: Vec<u64>,
    /// The model of the least cross-entropy in each replicate, if that was worked out.
    cross_entropy_picks: Option<Vec<usize>>,
}

impl Sampler<'_> {
    /// Replicates per block: few, for the sake of many threads, unless masks have to be made anew for each block.
    fn block_len(&self) -> usize {
        let models = self.log_probs.models();
        let mask = words(self.log_probs.responses()) * 8;
        let kept = models.saturating_mul(models.min(FOLLOW_ALL)).saturating_mul(mask) <= MASK_BYTES;
        if kept { 2 * GROUP } else { 8 * GROUP }
    }

    fn blocks(&self) -> usize {
        (self.options.replicates as usize).div_ceil(self.block_len())
    }

    fn play<'c>(
        &self,
        index: usize,
        contests: impl Iterator<Item = &'c Contest<'c>>,
        control: &Control,
    ) -> Result<(Draws, Vec<Outcome>)> {
        let first = index * self.block_len();
        let len = self.block_len().min(self.options.replicates as usize - first);
        let models = self.log_probs.models();
        let mut block = Block::new();
        // means[r * M + m], if they are worked out for all.
        let mut means = Vec::new();
        let mut drawing = Drawing::new(self);
        for group in (first..first + len).step_by(GROUP) {
            let size = GROUP.min(first + len - group);
            drawing.group(group, size, |times| block.push(times), control)?;
            if self.with_means {
                let start = means.len();
                means.resize(start + size * models, 0.0);
                for model in 0..models {
                    control.check()?;
                    let sums = self.loops.weighted_sums(self.log_probs, model, &drawing.weights);
                    for r in 0..size {
                        means[start + r * models + model] = sums[r] / block.totals[group - first + r] as f64;
                    }
                }
            }
        }
        let mean = |r: usize, model: usize| {
            if self.with_means {
                return Ok(means[r * models + model]);
            }
            let mut again = Drawing::new(self);
            again.group(first + r, 1, |_| (), control)?;
            let sums = self.loops.weighted_sums(self.log_probs, model, &again.weights);
            Ok(sums[0] / block.totals[r] as f64)
        };
        let outcomes = contests.map(|contest| contest.play(&block, mean, control)).collect::<Result<_>>()?;
        let pick = |means: &[f64]| {
            (1..models).fold(0, |best, model| {
                let before = compare_models((0, means[model], model), (0, means[best], best)).is_lt();
                if before { model } else { best }
            })
        };
        let cross_entropy_picks = self.with_means.then(|| means.chunks(models).map(pick).collect());
        Ok((Draws { totals: block.totals, cross_entropy_picks }, outcomes))
    }
}

/// Room for the multiplicities of a group of replicates.
struct Drawing<'a> {
    sampler: &'a Sampler<'a>,
    scratch: Vec<u32>,
    times: Vec<u32>,
    /// `weights[i][r]`, the multiplicity of response i in replicate r of the group.
    weights: Vec<[f32; GROUP]>,
}

impl<'a> Drawing<'a> {
    fn new(sampler: &'a Sampler<'a>) -> Self {
        let n = sampler.log_probs.responses();
        let scratch = if sampler.units.of_response.is_some() { vec![0; sampler.units.count] } else { Vec::new() };
        Self { sampler, scratch, times: vec![0; n], weights: vec![[0.0; GROUP]; n] }
    }

    /// Draws replicates `first..first + size`, showing the multiplicities of each to `see`.
    fn group(&mut self, first: usize, size: usize, mut see: impl FnMut(&[u32]), control: &Control) -> Result<()> {
        self.weights.fill([0.0; GROUP]);
        for r in 0..size {
            control.check()?;
            #[expect(clippy::cast_possible_truncation, reason = "below the number of replicates, a u32")]
            let replicate = (first + r) as u32;
            draw(self.sampler.units, self.sampler.options.seed, replicate, &mut self.scratch, &mut self.times)?;
            see(&self.times);
            #[expect(clippy::cast_precision_loss, reason = "multiplicities are small integers")]
            for (weights, &times) in self.weights.iter_mut().zip(&self.times) {
                weights[r] = times as f32;
            }
        }
        Ok(())
    }
}
