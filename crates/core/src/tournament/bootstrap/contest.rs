use std::sync::OnceLock;

use super::masks::{Loops, Mask};
use super::weights::Block;
use crate::error::Result;
use crate::log_probs::LogProbs;
use crate::order;
use crate::progress::Control;
use crate::resample::words;
use crate::tournament::counts::Counts;

/// Bytes of masks that one tournament may keep; with more pairs masks are made anew for each block of replicates.
const MASK_BYTES: usize = 256 << 20;

/// Where it is less likely than this that any replicate of a tournament gives another winner, it is not looked whether one does.
const NEVER: f64 = 1.0 / (1_u128 << 64) as f64;

/// A model that may win a replicate, with the counts against it on the whole sample that may decide its score.
struct Column {
    model: usize,
    /// Its place among the candidates.
    place: usize,
    /// Rivals with their counts, the greatest first; of equals the least index first.
    rivals: Vec<(u32, usize)>,
    /// Where its masks begin.
    masks: usize,
}

/// One tournament, ready to be resampled.
pub(super) struct Contest<'a> {
    log_probs: &'a LogProbs,
    log_n: f64,
    /// The candidates that can win, the first in the ranking first.
    columns: Vec<Column>,
    loops: Loops,
    /// Masks made so far, column after column. Empty if there are too many.
    masks: Vec<OnceLock<Mask>>,
}

impl<'a> Contest<'a> {
    /// The tournament among `candidates`, in the order of their ranks, against all models, at the N with index `ratio`,
    /// to be played in so many `replicates` of responses drawn by themselves, `None` where prompts are drawn.
    ///
    /// Among responses rivals are left out that never decide a score, and candidates that never win. Of two pairs that count
    /// at k and at the fewer l responses, let only the one count at c and only the other at b. Resampled, the other counts no less
    /// than the one with probability at most (1 − (√c − √b)²/n)^n by Chernoff's bound, hence at most exp(−(√k − √l)²):
    /// responses at which both count make √c − √b no less than √k − √l.
    pub(super) fn new(
        log_probs: &'a LogProbs,
        log_n: f64,
        counts: &Counts,
        ratio: usize,
        candidates: &[usize],
        replicates: Option<u32>,
    ) -> Self {
        let models = log_probs.models();
        let enough = replicates.map_or(f64::INFINITY, |replicates| {
            // Each rival of each candidate may decide its score, and that it wins.
            let cases = 2.0 * f64::from(replicates) * models as f64 * candidates.len() as f64;
            libm::log(cases.max(1.0) / NEVER)
        });
        let never = |less: u32, more: u32| {
            less < more && (libm::sqrt(f64::from(more)) - libm::sqrt(f64::from(less))).powi(2) > enough
        };
        let column = |(place, &model): (usize, &usize)| {
            // The greatest count first, and of equal ones the first rival: both in one word, for which there is a sort.
            let word = |rival| u64::from(u32::MAX - counts.get(ratio, rival, model)) << 32 | rival as u64;
            let mut order: Vec<u64> = (0..models).map(word).collect();
            order::words(&mut order);
            let rival = |word: u64| (u32::MAX - (word >> 32) as u32, (word & u64::from(u32::MAX)) as usize);
            let mut rivals: Vec<(u32, usize)> = order.into_iter().map(rival).collect();
            let most = rivals[0].0;
            rivals.retain(|&(count, _)| !never(count, most));
            Column { model, place, rivals, masks: 0 }
        };
        let mut columns: Vec<Column> = candidates.iter().enumerate().map(column).collect();
        let least = columns.iter().map(|column| column.rivals[0].0).min().unwrap_or(0);
        columns.retain(|column| !never(least, column.rivals[0].0));
        let mut slots = 0_usize;
        for column in &mut columns {
            column.masks = slots;
            slots += column.rivals.len();
        }
        let kept = slots.checked_mul(words(log_probs.responses()) * 8).is_some_and(|bytes| bytes <= MASK_BYTES);
        Self {
            log_probs,
            log_n,
            columns,
            loops: Loops::best(),
            masks: if kept { std::iter::repeat_with(OnceLock::new).take(slots).collect() } else { Vec::new() },
        }
    }

    /// As if there were too many masks to keep.
    #[cfg(test)]
    pub(super) fn forget_masks(&mut self) {
        self.masks.clear();
    }

    /// Whether masks are made once and not for each block.
    pub(super) fn keeps_masks(&self) -> bool {
        !self.masks.is_empty()
    }

    /// How many pairs may decide.
    #[cfg(test)]
    pub(super) fn pairs(&self) -> usize {
        self.columns.iter().map(|column| column.rivals.len()).sum()
    }

    /// The place among the candidates of the winner of each replicate: least score, of several the first in the ranking
    /// on the whole sample.
    pub(super) fn play(&self, block: &Block, control: &Control) -> Result<Vec<usize>> {
        let mut winners = vec![0; block.len()];
        let mut least = vec![u64::MAX; block.len()];
        for column in &self.columns {
            let scores = self.scores(column, block, &least, control)?;
            for (r, score) in scores.into_iter().enumerate() {
                if score < least[r] {
                    (least[r], winners[r]) = (score, column.place);
                }
            }
        }
        Ok(winners)
    }

    /// Exact scores of one candidate where they are below `least`, and otherwise some count that is not.
    ///
    /// Rivals come in falling order of their counts on the whole sample, until even the most often drawn responses could
    /// not lift the next one above the score reached.
    fn scores(&self, column: &Column, block: &Block, least: &[u64], control: &Control) -> Result<Vec<u64>> {
        let mut scores = vec![0; block.len()];
        let mut undecided: Vec<usize> = (0..block.len()).collect();
        for (rank, &(count, rival)) in column.rivals.iter().enumerate() {
            undecided.retain(|&r| scores[r] < least[r] && block.most(r, count) > scores[r]);
            if undecided.is_empty() {
                break;
            }
            control.check()?;
            let make = || self.loops.mask(self.log_probs, rival, column.model, self.log_n);
            let made;
            let mask = match self.masks.get(column.masks + rank) {
                Some(slot) => slot.get_or_init(make),
                None => {
                    made = make();
                    &made
                }
            };
            for &r in &undecided {
                scores[r] = scores[r].max(self.loops.weigh(mask, block.replicate(r)));
            }
        }
        Ok(scores)
    }
}
