//! How often each of several models would win if the responses had been drawn anew.
//!
//! A picture, not a test: the bootstrap of a maximum has no coverage where rivals are alike (Andrews 2000). Which models
//! may be best is for exact limits to say.
//!
//! No tournament is run anew. Where L[a,i] − L[b,i] ≥ log N holds is fixed, only the multiplicities of the responses
//! change, so a resampled count is the total multiplicity of a fixed set: a few popcounts ([`masks`]). A score needs only
//! the rivals that can still be the worst ([`contest`]). All of it is exact.

mod contest;
mod masks;
#[cfg(test)]
mod tests;
mod weights;
#[cfg(target_arch = "x86_64")]
mod x86;

use serde::Serialize;

use contest::Contest;
use masks::Loops;
use weights::{Block, Units};

use super::counts::Counts;
use super::ratios::Ratios;
use crate::error::{Code, Error, Result};
use crate::log_probs::LogProbs;
use crate::parallel::Workers;
use crate::progress::Control;
use crate::resample::{Draws, check_replicates, number_labels, words};

/// Replicates played together: few, for the sake of many threads, unless masks have to be made anew for each block.
const BLOCK: usize = 16;
const LONG_BLOCK: usize = 64;

/// A response drawn and weighed costs about as much as this many comparisons of the tournament, less where few pairs may decide.
const COMPARISONS_PER_DRAW: u64 = 150;
/// Responses that may be drawn whatever the tournament costs: 25 ms, and some more where many pairs may decide.
const FREE_DRAWS: u64 = 12_000_000;
/// With fewer replicates than this shares say too little; more than that add nothing to a picture.
const DEFAULT_REPLICATES: std::ops::RangeInclusive<u64> = 100..=1000;

/// What is resampled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Unit {
    /// Each response by itself.
    Response,
    /// All responses to a prompt together.
    Prompt,
}

/// One tournament to be resampled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resampled {
    /// Index of its N.
    pub ratio: usize,
    /// The models that may win, in the order of their ranks; only they are played.
    pub candidates: Vec<usize>,
}

/// How often each candidate wins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wins {
    /// Number of replicates.
    pub replicates: u32,
    /// What was resampled.
    pub unit: Unit,
    /// Number of resampled units.
    pub units: usize,
    /// For each tournament, in its order of candidates, how many replicates each wins.
    pub wins: Vec<Vec<u32>>,
}

/// How many replicates cost less than the tournament of `models` models on `responses` responses at `ratios` values of N
/// (or next to nothing): at most 1,000, and 0 where it would be fewer than 100.
#[must_use]
pub fn affordable_replicates(models: usize, responses: usize, ratios: usize) -> u32 {
    let pairs = (models as u64 * (models as u64).saturating_sub(1) / 2).saturating_mul(ratios as u64);
    let replicates = pairs / COMPARISONS_PER_DRAW + FREE_DRAWS / (responses as u64).max(1);
    let replicates = replicates.min(*DEFAULT_REPLICATES.end());
    #[expect(clippy::cast_possible_truncation, reason = "at most 1,000")]
    let replicates = replicates as u32;
    if u64::from(replicates) < *DEFAULT_REPLICATES.start() { 0 } else { replicates }
}

/// Resamples tournaments at some of the N that `counts` has: each replicate draws as many units as there are, with
/// replacement, responses or whole prompts with all their responses where `prompts` gives a label for each response. Its
/// winner is the candidate of the least score against all models; of several the first in the ranking.
///
/// # Errors
/// [`Code::InvalidOption`] for a number of replicates that is 0 or above a million; [`Code::ShapeMismatch`] if labels or
/// counts do not belong to `log_probs`; [`Code::Aborted`].
#[expect(clippy::too_many_arguments, reason = "what is resampled, how often, and by whom")]
pub fn resampled_wins(
    log_probs: &LogProbs,
    prompts: Option<&[u32]>,
    counts: &Counts,
    ratios: &Ratios,
    tournaments: &[Resampled],
    (replicates, seed): (u32, u64),
    workers: &Workers,
    control: &Control,
) -> Result<Wins> {
    check_replicates(replicates, 1)?;
    let units = units(log_probs, prompts)?;
    if counts.models() != log_probs.models()
        || counts.responses() as usize != log_probs.responses()
        || counts.ratios() != ratios.len()
    {
        return Err(Error::new(
            Code::ShapeMismatch,
            "The counts given to the bootstrap are of other models, responses or values of N.",
        ));
    }
    let contests: Vec<Contest<'_>> = tournaments
        .iter()
        .map(|each| {
            let log_n = ratios.log_n()[each.ratio];
            let by_response = prompts.is_none().then_some(replicates);
            Contest::new(log_probs, log_n, counts, each.ratio, &each.candidates, by_response)
        })
        .collect();
    let len = if contests.iter().all(Contest::keeps_masks) { BLOCK } else { LONG_BLOCK };
    let blocks = (replicates as usize).div_ceil(len);
    let draws = Draws::new(units.count)?;
    control.start(blocks as u64);
    let played = workers.map(blocks, control, |index| {
        let mut block = Block::new(log_probs.responses(), Loops::best());
        let (mut of_unit, mut times) = match units.of_response {
            None => (Vec::new(), Vec::new()),
            Some(_) => (vec![0; units.count], vec![0; log_probs.responses()]),
        };
        for replicate in index * len..(replicates as usize).min((index + 1) * len) {
            control.check()?;
            #[expect(clippy::cast_possible_truncation, reason = "below the number of replicates, a u32")]
            let replicate = replicate as u32;
            match &units.of_response {
                None => block.draw(&draws, seed, replicate),
                Some(of_response) => {
                    draws.times(seed, replicate, &mut of_unit);
                    times.iter_mut().zip(of_response).for_each(|(times, &unit)| *times = of_unit[unit as usize]);
                    block.push(&times);
                }
            }
        }
        let winners = contests.iter().map(|contest| contest.play(&block, control)).collect::<Result<Vec<_>>>()?;
        control.advance(1);
        Ok(winners)
    })?;
    let mut wins: Vec<Vec<u32>> = tournaments.iter().map(|each| vec![0; each.candidates.len()]).collect();
    for block in played {
        for (wins, winners) in wins.iter_mut().zip(block) {
            winners.into_iter().for_each(|winner| wins[winner] += 1);
        }
    }
    let unit = if units.of_response.is_some() { Unit::Prompt } else { Unit::Response };
    Ok(Wins { replicates, unit, units: units.count, wins })
}

/// The mask of a pair: bit i is set where L[a,i] − L[b,i] ≥ log N; 64 responses a word.
pub(crate) fn indicator(log_probs: &LogProbs, a: usize, b: usize, log_n: f64) -> Vec<u64> {
    let mut mask = vec![0; words(log_probs.responses())];
    Loops::best().indicate(log_probs, a, b, log_n, &mut mask);
    mask
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
