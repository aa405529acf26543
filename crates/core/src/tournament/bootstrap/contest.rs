use std::sync::OnceLock;

use super::field::Field;
use super::masks::{Instructions, words};
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
    /// The winner on the whole sample, as an index into the columns of `field`.
    pub(super) winner: usize,
    instructions: Instructions,
    /// Masks made so far: of column f and rank j at `f * M + j`, then of the killers. Empty if there are too many.
    masks: Vec<OnceLock<Box<[u64]>>>,
}

/// What some replicates of one tournament came to.
pub(super) struct Outcome {
    /// `scores[f * replicates + r]`: exact score of the model of column f as a count.
    pub(super) scores: Vec<u64>,
    /// Winner of each replicate; right if `open` is empty.
    pub(super) winners: Vec<usize>,
    /// Models not followed whose bound does not rule out that they are among the first two of some replicate.
    pub(super) open: Vec<usize>,
}

impl<'a> Contest<'a> {
    pub(super) fn new(log_probs: &'a LogProbs, log_n: f64, field: Field, winner: usize) -> Self {
        let models = log_probs.models();
        let bytes = |slots: usize| slots.checked_mul(words(log_probs.responses()) * 8);
        let killers: usize = field.killers.iter().map(Vec::len).sum();
        let slots = (field.columns.len() * models).saturating_add(killers);
        let kept = bytes(slots).is_some_and(|bytes| bytes <= MASK_BYTES);
        let masks = if kept { std::iter::repeat_with(OnceLock::new).take(slots).collect() } else { Vec::new() };
        Self { log_probs, log_n, field, winner, instructions: Instructions::best(), masks }
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
        let make = |mask: &mut [u64]| self.instructions.indicate(self.log_probs, a, b, self.log_n, mask);
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
        for (column, scores) in scores.chunks_mut(replicates).enumerate() {
            self.score(column, block, scores, &mut scratch, control)?;
        }
        let winners = (0..replicates).map(|r| self.winner_of(r, &scores, replicates, &mean)).collect::<Result<_>>()?;
        let open = self.open(block, &scores, &mut scratch, control)?;
        Ok(Outcome { scores, winners, open })
    }

    /// Exact scores of one followed model: rivals in falling order of their counts on the whole sample, until even the
    /// most often drawn responses could not lift the next one above the score reached.
    fn score(
        &self,
        column: usize,
        block: &Block,
        scores: &mut [u64],
        scratch: &mut [u64],
        control: &Control,
    ) -> Result<()> {
        let models = self.log_probs.models();
        let column_of = &self.field.columns[column];
        let mut undecided: Vec<usize> = (0..block.len()).collect();
        for (rank, &(count, rival)) in column_of.rivals.iter().enumerate() {
            undecided.retain(|&r| block.most(r, count) > scores[r]);
            if undecided.is_empty() {
                break;
            }
            control.check()?;
            let mask = self.mask(column * models + rank, rival, column_of.model, scratch);
            for &r in &undecided {
                scores[r] = scores[r].max(self.instructions.weigh(mask, block.planes(r)));
            }
        }
        Ok(())
    }

    fn winner_of(
        &self,
        r: usize,
        scores: &[u64],
        replicates: usize,
        mean: &impl Fn(usize, usize) -> Result<f64>,
    ) -> Result<usize> {
        let score = |column: usize| scores[column * replicates + r];
        let columns = 0..self.field.columns.len();
        let least = columns.clone().map(score).min().unwrap_or(0);
        let mut tied: Vec<usize> =
            columns.filter(|&column| score(column) == least).map(|column| self.field.columns[column].model).collect();
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

    fn open(&self, block: &Block, scores: &[u64], scratch: &mut [u64], control: &Control) -> Result<Vec<usize>> {
        let replicates = block.len();
        let columns = self.field.columns.len();
        // The least score of all followed but the winner on the whole sample: whoever is certain to lie above it is
        // neither winner nor, where the margin is concerned, the best of the others.
        let needed: Vec<u64> = (0..replicates)
            .map(|r| {
                let others = (0..columns).filter(|&column| column != self.winner);
                others.map(|column| scores[column * replicates + r]).min().unwrap_or(u64::MAX)
            })
            .collect();
        let mut open = Vec::new();
        let mut slot = columns * self.log_probs.models();
        for (model, killers) in self.field.killers.iter().enumerate() {
            if killers.is_empty() {
                continue;
            }
            control.check()?;
            let mut undecided: Vec<usize> = (0..replicates).collect();
            for (rank, &(_, rival)) in killers.iter().enumerate() {
                let mask = self.mask(slot + rank, rival, model, scratch);
                undecided.retain(|&r| self.instructions.weigh(mask, block.planes(r)) <= needed[r]);
                if undecided.is_empty() {
                    break;
                }
            }
            if !undecided.is_empty() {
                open.push(model);
            }
            slot += killers.len();
        }
        Ok(open)
    }
}
