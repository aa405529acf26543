//! Who can win a replicate at all: the models to follow exactly, and for every other one the rivals that rule it out.

use crate::error::Result;
use crate::log_probs::LogProbs;
use crate::parallel::Workers;
use crate::progress::Control;
use crate::tournament::counts::{Counts, counts_block};
use crate::tournament::{Ratios, compare_models};

/// Up to so many models, all are followed.
pub(super) const FOLLOW_ALL: usize = 64;
/// Of more models so many are followed, the first in the ranking on the whole sample.
const FOLLOW_LEAST: usize = 16;
/// Rivals whose counts against everyone give the first lower bounds.
const FIRST_RIVALS: usize = 16;
/// Models added to those followed at a time, while the bounds are still weak.
const STEP: usize = 32;
/// Rivals kept against each model that is not followed.
const KEPT_RIVALS: usize = 4;

/// A model that is followed: all counts against it on the whole sample.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Column {
    /// The model.
    pub(super) model: usize,
    /// Every rival with its count, the greatest first; of equals the least index first.
    pub(super) rivals: Vec<(u32, usize)>,
}

impl Column {
    fn new(model: usize, counts: impl Iterator<Item = u32>) -> Self {
        let mut rivals: Vec<(u32, usize)> = counts.enumerate().map(|(rival, count)| (count, rival)).collect();
        rivals.sort_unstable_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
        Self { model, rivals }
    }

    /// The score on the whole sample, as a count.
    pub(super) fn score(&self) -> u32 {
        self.rivals[0].0
    }
}

/// The state of one tournament before resampling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Field {
    /// The models followed exactly, in the order of their ranks on the whole sample: winner, runner-up, ….
    pub(super) columns: Vec<Column>,
    /// Models that may win a replicate, though not followed: played only until they are out.
    pub(super) contenders: Vec<Column>,
    /// For each other model a few rivals with high counts against it, the highest first; empty for the former.
    pub(super) strong_rivals: Vec<Vec<(u32, usize)>>,
}

impl Field {
    /// From the full matrix of counts.
    pub(super) fn from_counts(counts: &Counts, ratio: usize, means: &[f64]) -> Self {
        let models = counts.models();
        let column = |b: usize| Column::new(b, (0..models).map(|a| counts.get(ratio, a, b)));
        let mut columns: Vec<Column> = (0..models).map(column).collect();
        rank(&mut columns, means);
        let followed = if models <= FOLLOW_ALL { models } else { FOLLOW_LEAST };
        let mut strong_rivals = vec![Vec::new(); models];
        for column in columns.drain(followed..) {
            strong_rivals[column.model] = column.rivals[..KEPT_RIVALS].to_vec();
        }
        Self { columns, contenders: Vec::new(), strong_rivals }
    }

    /// The same followed models without the full matrix: counts of a few strong rivals against everyone give lower
    /// bounds of all scores; whoever may be among the best by them is looked at, and the worst rivals found on the way
    /// join the strong ones.
    pub(super) fn search(
        log_probs: &LogProbs,
        means: &[f64],
        ratio: &Ratios,
        workers: &Workers,
        control: &Control,
    ) -> Result<Self> {
        let models = log_probs.models();
        let mut by_mean: Vec<usize> = (0..models).collect();
        by_mean.sort_by(|&a, &b| compare_models((0, means[a], a), (0, means[b], b)));
        by_mean.truncate(FIRST_RIVALS);
        let mut field = Self { columns: Vec::new(), contenders: Vec::new(), strong_rivals: vec![Vec::new(); models] };
        let mut strong = vec![false; models];
        let mut newcomers = by_mean;
        loop {
            for &rival in &newcomers {
                strong[rival] = true;
            }
            field.bound(log_probs, &newcomers, ratio, workers, control)?;
            let Some(candidates) = field.candidates() else {
                // Everyone looked at so far is a contender; the best of them are followed.
                let mut columns = std::mem::take(&mut field.contenders);
                rank(&mut columns, means);
                field.contenders = columns.split_off(FOLLOW_LEAST.min(columns.len()));
                field.columns = columns;
                return Ok(field);
            };
            field.admit(&candidates, log_probs, ratio, workers, control)?;
            newcomers = field.contenders[field.contenders.len() - candidates.len()..]
                .iter()
                .map(|column| column.rivals[0].1)
                .filter(|&rival| !strong[rival])
                .collect();
            newcomers.sort_unstable();
            newcomers.dedup();
        }
    }

    /// Takes the counts of `rivals` against everyone not followed into account.
    fn bound(
        &mut self,
        log_probs: &LogProbs,
        rivals: &[usize],
        ratio: &Ratios,
        workers: &Workers,
        control: &Control,
    ) -> Result<()> {
        if rivals.is_empty() {
            return Ok(());
        }
        let models = log_probs.models();
        let block = counts_block(&log_probs.select_models(rivals)?, log_probs, ratio, workers, control)?;
        let seen = self.seen();
        for b in (0..models).filter(|&b| !seen[b]) {
            for (row, &rival) in rivals.iter().enumerate() {
                self.strong_rivals[b].push((block.upper_over_lower[[0, row, b]], rival));
            }
            self.strong_rivals[b].sort_unstable_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
            self.strong_rivals[b].truncate(KEPT_RIVALS);
        }
        Ok(())
    }

    /// Models not looked at that may still be among the best, the likeliest first, a step of them; `None` if none.
    fn candidates(&self) -> Option<Vec<usize>> {
        let seen = self.seen();
        let mut scores: Vec<u32> = self.contenders.iter().map(Column::score).collect();
        scores.sort_unstable();
        let last_followed = scores.get(FOLLOW_LEAST - 1).copied();
        let mut open: Vec<(u32, usize)> = (0..self.strong_rivals.len())
            .filter(|&b| !seen[b])
            .map(|b| (self.strong_rivals[b].first().map_or(0, |rival| rival.0), b))
            .filter(|&(bound, _)| last_followed.is_none_or(|score| bound <= score))
            .collect();
        open.sort_unstable();
        open.truncate(STEP);
        (!open.is_empty()).then(|| open.into_iter().map(|(_, b)| b).collect())
    }

    /// Makes `models` contenders.
    pub(super) fn admit(
        &mut self,
        models: &[usize],
        log_probs: &LogProbs,
        ratio: &Ratios,
        workers: &Workers,
        control: &Control,
    ) -> Result<()> {
        let block = counts_block(log_probs, &log_probs.select_models(models)?, ratio, workers, control)?;
        for (index, &model) in models.iter().enumerate() {
            self.strong_rivals[model] = Vec::new();
            let against = |a: usize| block.upper_over_lower[[0, a, index]];
            self.contenders.push(Column::new(model, (0..log_probs.models()).map(against)));
        }
        Ok(())
    }

    /// Which models are followed or contend.
    fn seen(&self) -> Vec<bool> {
        let mut seen = vec![false; self.strong_rivals.len()];
        for column in self.columns.iter().chain(&self.contenders) {
            seen[column.model] = true;
        }
        seen
    }
}

/// Puts the best first: by score, then mean log-likelihood, then input order.
fn rank(columns: &mut [Column], means: &[f64]) {
    let key = |column: &Column| (column.score(), means[column.model], column.model);
    columns.sort_unstable_by(|a, b| compare_models(key(a), key(b)));
}
