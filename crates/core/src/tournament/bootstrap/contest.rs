use std::sync::OnceLock;

use super::masks::{Loops, words};
use super::weights::{ABREAST, Block};
use crate::error::Result;
use crate::log_probs::LogProbs;
use crate::order;
use crate::progress::Control;
use crate::tournament::counts::Counts;

/// Bytes of masks that one tournament may keep; with more pairs masks are made anew for each block of replicates.
pub(super) const MASK_BYTES: usize = 256 << 20;

/// A model that may win a replicate, with all counts against it on the whole sample.
struct Column {
    model: usize,
    /// Every rival with its count, the greatest first; of equals the least index first.
    rivals: Vec<(u32, usize)>,
}

/// One tournament, ready to be resampled.
pub(super) struct Contest<'a> {
    log_probs: &'a LogProbs,
    log_n: f64,
    /// The candidates, the first in the ranking first.
    columns: Vec<Column>,
    loops: Loops,
    /// Masks made so far: of column f and rank j at `f * M + j`. Empty if there are too many.
    masks: Vec<OnceLock<Mask>>,
}

/// Where a pair counts.
enum Mask {
    /// A bit for each response.
    Bits(Box<[u64]>),
    /// The responses, where they are few.
    Places(Box<[u32]>),
}

/// What counts as few: one response in so many. Replicates side by side are then weighed in less time than planes.
const FEW: usize = 32;

impl<'a> Contest<'a> {
    /// The tournament among `candidates`, in the order of their ranks, against all models, at the N with index `ratio`.
    pub(super) fn new(
        log_probs: &'a LogProbs,
        log_n: f64,
        counts: &Counts,
        ratio: usize,
        candidates: &[usize],
    ) -> Self {
        let models = log_probs.models();
        let column = |&model: &usize| {
            // The greatest count first, and of equal ones the first rival: both in one word, for which there is a sort.
            let word = |rival| u64::from(u32::MAX - counts.get(ratio, rival, model)) << 32 | rival as u64;
            let mut order: Vec<u64> = (0..models).map(word).collect();
            order::words(&mut order);
            let rival = |word: u64| (u32::MAX - (word >> 32) as u32, (word & u64::from(u32::MAX)) as usize);
            Column { model, rivals: order.into_iter().map(rival).collect() }
        };
        let slots = candidates.len().saturating_mul(models);
        let kept = slots.checked_mul(words(log_probs.responses()) * 8).is_some_and(|bytes| bytes <= MASK_BYTES);
        Self {
            log_probs,
            log_n,
            columns: candidates.iter().map(column).collect(),
            loops: Loops::best(),
            masks: if kept { std::iter::repeat_with(OnceLock::new).take(slots).collect() } else { Vec::new() },
        }
    }

    /// As if there were too many masks to keep.
    #[cfg(test)]
    pub(super) fn forget_masks(&mut self) {
        self.masks.clear();
    }

    /// The mask of a pair that counts at `count` responses.
    fn mask(&self, a: usize, b: usize, count: u32) -> Mask {
        let mut bits = vec![0; words(self.log_probs.responses())].into_boxed_slice();
        self.loops.indicate(self.log_probs, a, b, self.log_n, &mut bits);
        if count as usize * FEW > self.log_probs.responses() {
            return Mask::Bits(bits);
        }
        let mut places = Vec::with_capacity(count as usize);
        for (mut word, from) in bits.into_iter().zip((0..).step_by(64)) {
            while word != 0 {
                places.push(from + word.trailing_zeros());
                word &= word - 1;
            }
        }
        Mask::Places(places.into())
    }

    /// The place among the candidates of the winner of each replicate: least score, of several the first in the ranking
    /// on the whole sample.
    pub(super) fn play(&self, block: &Block, control: &Control) -> Result<Vec<usize>> {
        let mut winners = vec![0; block.len()];
        let mut least = vec![u64::MAX; block.len()];
        for (index, column) in self.columns.iter().enumerate() {
            let scores = self.scores(index, column, block, &least, control)?;
            for (r, score) in scores.into_iter().enumerate() {
                if score < least[r] {
                    (least[r], winners[r]) = (score, index);
                }
            }
        }
        Ok(winners)
    }

    /// Exact scores of one candidate where they are below `least`, and otherwise some count that is not.
    ///
    /// Rivals come in falling order of their counts on the whole sample, until even the most often drawn responses could
    /// not lift the next one above the score reached.
    fn scores(
        &self,
        index: usize,
        column: &Column,
        block: &Block,
        least: &[u64],
        control: &Control,
    ) -> Result<Vec<u64>> {
        let mut scores = vec![0; block.len()];
        let mut undecided: Vec<usize> = (0..block.len()).collect();
        for (rank, &(count, rival)) in column.rivals.iter().enumerate() {
            undecided.retain(|&r| scores[r] < least[r] && block.most(r, count) > scores[r]);
            if undecided.is_empty() {
                break;
            }
            control.check()?;
            let made;
            let mask = match self.masks.get(index * self.log_probs.models() + rank) {
                Some(slot) => slot.get_or_init(|| self.mask(rival, column.model, count)),
                None => {
                    made = self.mask(rival, column.model, count);
                    &made
                }
            };
            self.weigh(mask, block, &undecided, &mut scores);
        }
        Ok(scores)
    }

    /// Raises the scores of some replicates to the weighted counts of a mask.
    fn weigh(&self, mask: &Mask, block: &Block, replicates: &[usize], scores: &mut [u64]) {
        let places = match mask {
            Mask::Places(places) => places,
            Mask::Bits(bits) => {
                return replicates
                    .iter()
                    .for_each(|&r| scores[r] = scores[r].max(self.loops.weigh(bits, block.replicate(r))));
            }
        };
        let Some(tables) = block.abreast() else {
            let weight = |r: usize| places.iter().map(|&place| block.replicate(r).times(place)).sum();
            return replicates.iter().for_each(|&r| scores[r] = scores[r].max(weight(r)));
        };
        for replicates in replicates.chunk_by(|one, next| one / ABREAST == next / ABREAST) {
            let weights = self.loops.weigh_places(places, &tables[replicates[0] / ABREAST]);
            replicates.iter().for_each(|&r| scores[r] = scores[r].max(weights[r % ABREAST]));
        }
    }
}
