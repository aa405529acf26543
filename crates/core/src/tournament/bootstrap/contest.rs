use std::sync::OnceLock;

use super::field::{Column, Field};
use super::masks::{Loops, words};
use super::weights::Block;
use crate::error::Result;
use crate::log_probs::LogProbs;
use crate::progress::Control;

/// Bytes of masks that one tournament may keep; with more pairs masks are made anew for each block of replicates.
pub(super) const MASK_BYTES: usize = 256 << 20;

/// One tournament, ready to be resampled.
pub(super) struct Contest<'a> {
    log_probs: &'a LogProbs,
    log_n: f64,
    pub(super) field: Field,
    loops: Loops,
    /// Masks made so far: of column f and rank j at `f * M + j`, followed models before contenders, then of the
    /// strong rivals. Empty if there are too many.
    masks: Vec<OnceLock<Box<[u64]>>>,
}

/// What some replicates of one tournament came to.
pub(super) struct Outcome {
    /// `scores[f * replicates + r]`: exact score of the followed model of column f as a count.
    pub(super) scores: Vec<u64>,
    /// Winner of each replicate; right if `open` is empty.
    pub(super) winners: Vec<usize>,
    /// Least score of all models but the whole sample's winner in each replicate (the greatest count of all with a
    /// single model); right if `open` is empty.
    pub(super) least_of_others: Vec<u64>,
    /// Models neither followed nor contending whose bound does not rule out that they are among the first two of some
    /// replicate.
    pub(super) open: Vec<usize>,
}

/// The models of the least score seen so far in one replicate.
struct Lead {
    score: u64,
    models: Vec<usize>,
}

impl Lead {
    fn offer(&mut self, score: u64, model: usize) {
        if score < self.score {
            self.score = score;
            self.models.clear();
        }
        if score == self.score {
            self.models.push(model);
        }
    }
}

impl<'a> Contest<'a> {
    pub(super) fn new(log_probs: &'a LogProbs, log_n: f64, field: Field) -> Self {
        let models = log_probs.models();
        let bytes = |slots: usize| slots.checked_mul(words(log_probs.responses()) * 8);
        let strong_rivals: usize = field.strong_rivals.iter().map(Vec::len).sum();
        let columns = field.columns.len() + field.contenders.len();
        let slots = columns.saturating_mul(models).saturating_add(strong_rivals);
        let kept = bytes(slots).is_some_and(|bytes| bytes <= MASK_BYTES);
        let masks = if kept { std::iter::repeat_with(OnceLock::new).take(slots).collect() } else { Vec::new() };
        Self { log_probs, log_n, field, loops: Loops::best(), masks }
    }

    /// As if there were too many masks to keep.
    #[cfg(test)]
    pub(super) fn forget_masks(&mut self) {
        self.masks.clear();
    }

    /// n, the number of responses of the whole sample.
    pub(super) fn responses(&self) -> usize {
        self.log_probs.responses()
    }

    /// The mask of the pair (`a`, `b`), from its slot or into `scratch`.
    fn mask<'m>(&'m self, slot: usize, a: usize, b: usize, scratch: &'m mut [u64]) -> &'m [u64] {
        let make = |mask: &mut [u64]| self.loops.indicate(self.log_probs, a, b, self.log_n, mask);
        match self.masks.get(slot) {
            Some(slot) => slot.get_or_init(|| {
                let mut mask = vec![0; scratch.len()].into_boxed_slice();
                make(&mut mask);
                mask
            }),
            None => {
                make(scratch);
                scratch
            }
        }
    }

    /// Plays the replicates of `block`. `mean(r, model)` is the mean log-likelihood in a replicate, asked for at ties.
    pub(super) fn play(
        &self,
        block: &Block,
        mean: impl Fn(usize, usize) -> Result<f64>,
        control: &Control,
    ) -> Result<Outcome> {
        let replicates = block.len();
        let mut scratch = vec![0; words(self.log_probs.responses())];
        let mut scores = vec![0; self.field.columns.len() * replicates];
        let mut least_of_others = vec![u64::MAX; replicates];
        let mut leads: Vec<Lead> = (0..replicates).map(|_| Lead { score: u64::MAX, models: Vec::new() }).collect();
        for (index, (column, scores)) in self.field.columns.iter().zip(scores.chunks_mut(replicates)).enumerate() {
            let no_limit = vec![u64::MAX; replicates];
            self.score(index, column, block, scores, &no_limit, &mut scratch, control)?;
            for r in 0..replicates {
                leads[r].offer(scores[r], column.model);
                if index > 0 {
                    least_of_others[r] = least_of_others[r].min(scores[r]);
                }
            }
        }
        // Whoever exceeds the least score of the others is neither winner nor that least one.
        for (index, column) in (self.field.columns.len()..).zip(&self.field.contenders) {
            let mut reached = vec![0; replicates];
            self.score(index, column, block, &mut reached, &least_of_others, &mut scratch, control)?;
            for r in 0..replicates {
                if reached[r] <= least_of_others[r] {
                    least_of_others[r] = reached[r];
                    leads[r].offer(reached[r], column.model);
                }
            }
        }
        let winners =
            leads.into_iter().enumerate().map(|(r, lead)| winner(r, lead.models, &mean)).collect::<Result<_>>()?;
        let open = self.open(block, &least_of_others, &mut scratch, control)?;
        Ok(Outcome { scores, winners, least_of_others, open })
    }

    /// Exact scores of one model where they do not exceed `limits`, and otherwise some count above the limit.
    ///
    /// Rivals come in falling order of their counts on the whole sample, until even the most often drawn responses could
    /// not lift the next one above the score reached.
    #[expect(clippy::too_many_arguments, reason = "a column, a block and the room to work in")]
    fn score(
        &self,
        index: usize,
        column: &Column,
        block: &Block,
        scores: &mut [u64],
        limits: &[u64],
        scratch: &mut [u64],
        control: &Control,
    ) -> Result<()> {
        let models = self.log_probs.models();
        let mut undecided: Vec<usize> = (0..block.len()).collect();
        for (rank, &(count, rival)) in column.rivals.iter().enumerate() {
            undecided.retain(|&r| scores[r] <= limits[r] && block.most(r, count) > scores[r]);
            if undecided.is_empty() {
                break;
            }
            control.check()?;
            let mask = self.mask(index * models + rank, rival, column.model, scratch);
            for &r in &undecided {
                scores[r] = scores[r].max(self.loops.weigh(mask, block.planes(r)));
            }
        }
        Ok(())
    }

    /// Models neither followed nor contending that some replicate does not rule out.
    fn open(
        &self,
        block: &Block,
        least_of_others: &[u64],
        scratch: &mut [u64],
        control: &Control,
    ) -> Result<Vec<usize>> {
        let mut open = Vec::new();
        let mut slot = (self.field.columns.len() + self.field.contenders.len()) * self.log_probs.models();
        for (model, strong_rivals) in self.field.strong_rivals.iter().enumerate() {
            if strong_rivals.is_empty() {
                continue;
            }
            control.check()?;
            let mut undecided: Vec<usize> = (0..block.len()).collect();
            for (rank, &(_, rival)) in strong_rivals.iter().enumerate() {
                let mask = self.mask(slot + rank, rival, model, scratch);
                undecided.retain(|&r| self.loops.weigh(mask, block.planes(r)) <= least_of_others[r]);
                if undecided.is_empty() {
                    break;
                }
            }
            if !undecided.is_empty() {
                open.push(model);
            }
            slot += strong_rivals.len();
        }
        Ok(open)
    }
}

/// Of the models of the least score the one of the greatest mean log-likelihood, the first in input order of several.
fn winner(r: usize, mut tied: Vec<usize>, mean: &impl Fn(usize, usize) -> Result<f64>) -> Result<usize> {
    if let [winner] = tied[..] {
        return Ok(winner);
    }
    tied.sort_unstable();
    let mut best = (tied[0], mean(r, tied[0])?);
    for &model in &tied[1..] {
        let other = mean(r, model)?;
        if other > best.1 {
            best = (model, other);
        }
    }
    Ok(best.0)
}
