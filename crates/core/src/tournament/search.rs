//! The search for the winner: candidates against rivals, until one candidate is left.
//!
//! Every candidate carries a lower bound of its score, the greatest count seen against it. A candidate whose bound
//! exceeds the best known score is out. First, candidates that look good are scanned whole and whatever rival hurts
//! them is swept over all candidates; once sweeps no longer pay, the candidates left go in batches through the
//! rivals, strongest first. A candidate is held against one rival after another only where it is exposed
//! ([`super::pair`]). Rounds are fixed by their number alone, so nothing depends on threads.
//!
//! That finds the least score and one model that has it. The reach decides between several: it is the same search at the
//! next smaller threshold. With k the least score and r the smallest reach known, a model with more than k responses
//! above r against one rival is out; whoever is not out reaches no farther than r ([`Search::settle`]).

use super::kernel::{Countable, Kernel};
use super::mean_log_probs::mean;
use super::pair::{Candidate, Limit, RivalRow, Verdict};
use super::ranking::compare_means;
use super::reach::{ReachFinder, Start, above};
use super::winner::Found;
use crate::error::Result;
use crate::isa::Isa;
use crate::order;
use crate::parallel::Workers;
use crate::progress::Control;

/// Responses that one task finds the greatest rows of.
const GREATEST_TASK: usize = 4096;
/// Rivals that one task of a whole scan takes.
const SCAN_TASK: usize = 32;
/// Rivals that a whole scan takes between two looks at whether the candidate is out.
const SCAN_ROUND: usize = 256;
/// Candidates that one task of a sweep takes.
const SWEEP_TASK: usize = 32;
/// Candidates in a batch, and rivals that each is taken through in one round.
const BATCH: usize = 32;
const BATCH_RIVALS: usize = 64;
/// Sweeps go on while each takes out at least one candidate in so many.
pub(super) const SWEEP_PAYS: usize = 8;
/// Responses sampled to guess which candidates are good: so many stretches of so many.
const SAMPLE: (usize, usize) = (16, 16);

/// Searches one matrix, ratio after ratio.
pub(super) struct Search<'a, T> {
    pub(super) rows: &'a [&'a [T]],
    pub(super) kernel: Kernel<T>,
    pub(super) workers: &'a Workers,
    pub(super) control: &'a Control,
    /// Mean log-likelihoods, as far as ties asked for them.
    means: Vec<Option<f64>>,
    /// Sum over a sample of the responses; greater looks better.
    samples: Vec<f64>,
    /// The greatest of all rows at each response.
    pub(super) greatest: Vec<T>,
}

/// The best candidate scanned whole.
#[derive(Clone, Copy)]
pub(super) struct Best {
    pub(super) model: usize,
    pub(super) score: u32,
    pub(super) rival: usize,
}

/// The state at one ratio.
pub(super) struct Field {
    pub(super) log_n: f64,
    /// Greatest count seen against each model, and the least rival that gave it.
    pub(super) bounds: Vec<u32>,
    rivals: Vec<Option<usize>>,
    /// Candidates neither out nor scanned whole.
    pub(super) open: Vec<usize>,
    /// Rivals met so far by each open candidate that went through a batch.
    met: Vec<Option<Box<[bool]>>>,
    /// Rivals that all open candidates have met.
    pub(super) swept: Vec<bool>,
    /// How much each rival hurt candidates that were scanned whole, and how many it took out.
    pub(super) strength: Vec<u64>,
    pub(super) best: Option<Best>,
    pub(super) pairs: u64,
    pub(super) elements: u64,
}

impl<'a, T: Countable> Search<'a, T> {
    /// # Errors
    /// [`crate::Code::Aborted`].
    pub(super) fn new(rows: &'a [&'a [T]], isa: Isa, workers: &'a Workers, control: &'a Control) -> Result<Self> {
        let samples = rows.iter().map(|row| sample(row)).collect();
        let kernel = T::kernel(isa);
        let mut greatest = vec![T::NEG_INFINITY; rows.first().map_or(0, |row| row.len())];
        workers.for_each_chunk(&mut greatest, GREATEST_TASK, control, |task, greatest| {
            let from = task * GREATEST_TASK;
            for row in rows {
                kernel.raise(&row[from..from + greatest.len()], greatest);
            }
            Ok(())
        })?;
        Ok(Self { rows, kernel, workers, control, means: vec![None; rows.len()], samples, greatest })
    }

    /// The winner at one N, and what is known of the others there.
    pub(super) fn winner(&mut self, log_n: f64) -> Result<Found> {
        let (first, field) = self.search(log_n)?;
        let (best, settling) = self.settle(first, &field)?;
        Ok(Found { best, settling, field })
    }

    /// Of all models that share the least score the one of the smallest reach, then of the greatest mean log-likelihood,
    /// then the first; and how many elements were compared to find it.
    fn settle(&mut self, first: Best, found: &Field) -> Result<(Best, u64)> {
        let k = first.score;
        let mut open: Vec<usize> =
            (0..self.rows.len()).filter(|&model| model != first.model && found.bounds[model] <= k).collect();
        if open.is_empty() {
            return Ok((first, 0));
        }
        let mut elements = 0;
        if let Some(settled) = self.settle_abreast(first, &open, found, &mut elements)? {
            return Ok((settled, elements));
        }
        let mut reach = self.reach(first.model, k, found, &mut elements)?;
        let mut best = first.model;
        while !open.is_empty() {
            let mut field = Field::new(self.rows.len(), above(reach));
            field.strength.clone_from(&found.strength);
            field.open = open;
            field.best = Some(Best { model: best, score: k, rival: best });
            let front = self.front(field.log_n);
            let mut survivor = None;
            let mut sweeping = true;
            while survivor.is_none()
                && let Some(candidate) = self.next_candidate(&field)
            {
                let before = field.open.len();
                let rival = self.meet_all(candidate, &front, &mut field)?;
                if field.bounds[candidate] <= k {
                    survivor = Some(candidate);
                } else if sweeping && let Some(rival) = rival.filter(|&rival| !field.swept[rival]) {
                    self.sweep(rival, &mut field)?;
                    field.open.retain(|&model| field.bounds[model] <= k);
                    sweeping = (before - field.open.len()) * SWEEP_PAYS >= before;
                }
                field.open.retain(|&model| model != candidate);
            }
            elements += field.elements;
            open = field.open;
            if let Some(model) = survivor {
                // It has no more than k responses above the reach at any rival: its score is k, its reach no greater.
                let other = self.reach(model, k, found, &mut elements)?;
                let leads = other < reach
                    || other == reach
                        && compare_means((self.known_mean(model), model), (self.known_mean(best), best)).is_lt();
                if leads {
                    (best, reach) = (model, other);
                }
            }
        }
        if best == first.model {
            return Ok((first, elements));
        }
        // The rival behind the score, counted anew: the first of several.
        let mut field = Field::new(self.rows.len(), found.log_n);
        field.bounds[best] = if found.log_n == 0.0 { finite(self.rows[best]) } else { 0 };
        field.open = vec![best];
        let rival = self.meet_all(best, &self.front(found.log_n), &mut field)?.unwrap_or(best);
        elements += field.elements;
        Ok((Best { model: best, score: k, rival }, elements))
    }

    /// The log reach of a model with this score.
    pub(super) fn reach(&self, model: usize, score: u32, found: &Field, elements: &mut u64) -> Result<f64> {
        let order = self.rivals_to_meet(model, &found.fresh());
        *elements += (order.len() * self.rows[model].len()) as u64;
        let finder = ReachFinder::with_greatest(self.rows, self.kernel, &self.greatest);
        // Each task finds the greatest of its rivals; the greatest of all is the reach.
        let parts = self.workers.map(order.len().div_ceil(SCAN_ROUND), self.control, |task| {
            let rivals = &order[task * SCAN_ROUND..order.len().min((task + 1) * SCAN_ROUND)];
            finder.find(model, score, rivals, Start::at(found.log_n), self.control)
        })?;
        Ok(parts.into_iter().fold(f64::NEG_INFINITY, f64::max))
    }

    pub(super) fn search(&mut self, log_n: f64) -> Result<(Best, Field)> {
        let models = self.rows.len();
        let front = self.front(log_n);
        let mut field = Field::new(models, log_n);
        if log_n == 0.0 {
            // At N = 1 a model counts against itself wherever it is finite.
            let own = self.workers.map(models, self.control, |model| Ok(finite(self.rows[model])))?;
            field.bounds.copy_from_slice(&own);
        }
        let mut sweeping = true;
        while let Some(candidate) = self.next_candidate(&field) {
            if sweeping {
                let rival = self.scan(candidate, &front, &mut field)?;
                self.close(&mut field)?;
                if let Some(rival) = rival.filter(|&rival| !field.swept[rival]) {
                    let before = field.open.len();
                    self.sweep(rival, &mut field)?;
                    self.close(&mut field)?;
                    sweeping = (before - field.open.len()) * SWEEP_PAYS >= before;
                }
            } else {
                self.batch(&front, &mut field)?;
                self.close(&mut field)?;
                if let Some(candidate) = self.next_candidate(&field) {
                    self.scan(candidate, &front, &mut field)?;
                    self.close(&mut field)?;
                }
            }
        }
        let best = field.best.unwrap_or(Best { model: 0, score: 0, rival: 0 });
        Ok((best, field))
    }

    /// Nobody is exposed to any rival but where the greatest of all rows counts.
    pub(super) fn front(&self, log_n: f64) -> RivalRow<T> {
        RivalRow::new(&self.greatest, log_n, self.kernel)
    }

    /// The open candidate with the least bound; of several, the one that looks best in the sample.
    pub(super) fn next_candidate(&self, field: &Field) -> Option<usize> {
        field.open.iter().copied().min_by(|&a, &b| self.compare_promise(field, a, b))
    }

    fn compare_promise(&self, field: &Field, a: usize, b: usize) -> std::cmp::Ordering {
        field.bounds[a].cmp(&field.bounds[b]).then(compare_means((self.samples[a], a), (self.samples[b], b)))
    }

    /// Takes `candidate` through all rivals that it has not met, strongest first, until it is out; if it stays in
    /// it is the new best. Returns the rival that hurt it most.
    fn scan(&self, candidate: usize, front: &RivalRow<T>, field: &mut Field) -> Result<Option<usize>> {
        let rival = self.meet_all(candidate, front, field)?;
        if !Limit(field.best.map(|best| best.score)).exceeded(field.bounds[candidate]) {
            field.open.retain(|&model| model != candidate);
            field.met[candidate] = None;
            let contender =
                Best { model: candidate, score: field.bounds[candidate], rival: rival.unwrap_or(candidate) };
            self.crown(contender, field);
        }
        Ok(rival)
    }

    /// Takes `candidate` through all rivals that it has not met, strongest first, until its bound exceeds the best score.
    /// Returns the rival that hurt it most.
    pub(super) fn meet_all(&self, candidate: usize, front: &RivalRow<T>, field: &mut Field) -> Result<Option<usize>> {
        let order = self.rivals_to_meet(candidate, field);
        let row = Candidate::among(self.rows[candidate], &self.kernel, front);
        let limit = Limit(field.best.map(|best| best.score));
        let mut counts = Vec::with_capacity(order.len());
        for round in order.chunks(SCAN_ROUND) {
            // The whole row of thresholds is shared by the tasks of a round.
            let bound = field.bounds[candidate];
            let tasks = self.workers.map(round.len().div_ceil(SCAN_TASK), self.control, |task| {
                let rivals = &round[task * SCAN_TASK..round.len().min((task + 1) * SCAN_TASK)];
                let mut written = Vec::new();
                let mut bound = bound;
                let mut verdicts = Vec::with_capacity(rivals.len());
                for &rival in rivals {
                    let verdict = row.meet(&mut written, self.rows[rival], bound, limit);
                    bound = bound.max(verdict.count);
                    verdicts.push((rival, verdict));
                    if limit.exceeded(bound) {
                        break;
                    }
                }
                Ok(verdicts)
            })?;
            for (rival, verdict) in tasks.into_iter().flatten() {
                field.record(candidate, rival, verdict);
                counts.push((verdict.count, rival));
            }
            if limit.exceeded(field.bounds[candidate]) {
                if let Some(rival) = field.rivals[candidate] {
                    field.strength[rival] += u64::from(field.bounds[candidate]);
                }
                return Ok(field.rivals[candidate]);
            }
        }
        for (count, rival) in counts {
            field.strength[rival] += u64::from(count);
        }
        Ok(field.rivals[candidate])
    }

    fn crown(&self, contender: Best, field: &mut Field) {
        let better = field.best.is_none_or(|best| {
            contender.score < best.score
                || contender.score == best.score
                    && compare_means(
                        (self.known_mean(contender.model), contender.model),
                        (self.known_mean(best.model), best.model),
                    )
                    .is_lt()
        });
        if better {
            field.best = Some(contender);
        }
    }

    pub(super) fn known_mean(&self, model: usize) -> f64 {
        self.means[model].unwrap_or_else(|| mean(self.rows[model]))
    }

    /// Rivals that `candidate` has not met, strongest first.
    pub(super) fn rivals_to_meet(&self, candidate: usize, field: &Field) -> Vec<usize> {
        let mut order: Vec<usize> =
            (0..self.rows.len()).filter(|&rival| rival != candidate && !field.has_met(candidate, rival)).collect();
        order::indices_by_key(&mut order, |rival| (std::cmp::Reverse(field.strength[rival]), rival));
        order
    }

    /// Takes all open candidates against one rival.
    pub(super) fn sweep(&self, rival: usize, field: &mut Field) -> Result<()> {
        let Some(best) = field.best else { return Ok(()) };
        let limit = Limit(Some(best.score));
        let row = RivalRow::new(self.rows[rival], field.log_n, self.kernel);
        let open: Vec<usize> =
            field.open.iter().copied().filter(|&model| model != rival && !field.has_met(model, rival)).collect();
        let tasks = self.workers.map(open.len().div_ceil(SWEEP_TASK), self.control, |task| {
            let candidates = &open[task * SWEEP_TASK..open.len().min((task + 1) * SWEEP_TASK)];
            Ok(candidates
                .iter()
                .map(|&model| (model, row.meet(self.rows[model], field.bounds[model], limit)))
                .collect())
        })?;
        let verdicts: Vec<Vec<(usize, Verdict)>> = tasks;
        let before = field.pairs;
        for (model, verdict) in verdicts.into_iter().flatten() {
            field.record(model, rival, verdict);
        }
        field.strength[rival] += field.pairs - before;
        field.swept[rival] = true;
        Ok(())
    }

    /// Takes the most promising open candidates through the strongest rivals that each has not met.
    fn batch(&self, front: &RivalRow<T>, field: &mut Field) -> Result<()> {
        let limit = Limit(field.best.map(|best| best.score));
        let mut batch = field.open.clone();
        order::indices_by(&mut batch, |a, b| self.compare_promise(field, a, b));
        batch.truncate(BATCH);
        // One order for all: a sort for each would take longer than what it is for.
        let mut strongest: Vec<usize> = (0..self.rows.len()).filter(|&rival| !field.swept[rival]).collect();
        order::indices_by_key(&mut strongest, |rival| (std::cmp::Reverse(field.strength[rival]), rival));
        let met = self.workers.map(batch.len(), self.control, |index| {
            let candidate = batch[index];
            let to_meet = strongest.iter().filter(|&&rival| rival != candidate && !field.has_met(candidate, rival));
            let row = Candidate::among(self.rows[candidate], &self.kernel, front);
            let mut written = Vec::new();
            let mut bound = field.bounds[candidate];
            let mut verdicts = Vec::new();
            for &rival in to_meet.take(BATCH_RIVALS) {
                let verdict = row.meet(&mut written, self.rows[rival], bound, limit);
                bound = bound.max(verdict.count);
                verdicts.push((rival, verdict));
                if limit.exceeded(bound) {
                    break;
                }
            }
            Ok(verdicts)
        })?;
        for (&candidate, verdicts) in batch.iter().zip(met) {
            let mut list = field.met[candidate].take().unwrap_or_else(|| vec![false; self.rows.len()].into());
            for (rival, verdict) in verdicts {
                list[rival] = true;
                field.record(candidate, rival, verdict);
                if limit.exceeded(verdict.count) {
                    field.strength[rival] += u64::from(verdict.count);
                }
            }
            field.met[candidate] = Some(list);
        }
        Ok(())
    }

    /// Drops open candidates that cannot lower the best score: a bound above it, or equal to it with a worse mean
    /// log-likelihood (or the same, and later in input order); whether these share the score is settled afterwards.
    fn close(&mut self, field: &mut Field) -> Result<()> {
        let Some(best) = field.best else { return Ok(()) };
        let level: Vec<usize> = field
            .open
            .iter()
            .copied()
            .chain([best.model])
            .filter(|&model| field.bounds[model] == best.score && self.means[model].is_none())
            .collect();
        if level.len() > 1 || level.first().is_some_and(|&model| model != best.model) {
            let means = self.workers.map(level.len(), self.control, |index| Ok(mean(self.rows[level[index]])))?;
            for (&model, mean) in level.iter().zip(means) {
                self.means[model] = Some(mean);
            }
        }
        let key = |model: usize| (self.means[model].unwrap_or(f64::NEG_INFINITY), model);
        let (bounds, met) = (&field.bounds, &mut field.met);
        field.open.retain(|&model| {
            let stays = bounds[model] < best.score
                || bounds[model] == best.score && compare_means(key(model), key(best.model)).is_lt();
            if !stays {
                met[model] = None;
            }
            stays
        });
        Ok(())
    }
}

impl Field {
    /// Nothing is known of any of `models` at this threshold. Compiled once for both precisions.
    #[inline(never)]
    pub(super) fn new(models: usize, log_n: f64) -> Self {
        Self {
            log_n,
            bounds: vec![0; models],
            rivals: vec![None; models],
            open: (0..models).collect(),
            met: vec![None; models],
            swept: vec![false; models],
            strength: vec![0; models],
            best: None,
            pairs: 0,
            elements: 0,
        }
    }

    /// A field in which nobody has met, but how strong rivals are is known.
    pub(super) fn fresh(&self) -> Self {
        Self { strength: self.strength.clone(), ..Self::new(self.bounds.len(), self.log_n) }
    }

    /// Whether a candidate has met a rival, in a batch or in a sweep.
    fn has_met(&self, candidate: usize, rival: usize) -> bool {
        self.swept[rival] || self.met[candidate].as_deref().is_some_and(|met| met[rival])
    }

    /// Takes note of what a rival did to a candidate.
    fn record(&mut self, candidate: usize, rival: usize, verdict: Verdict) {
        self.pairs += u64::from(verdict.elements > 0);
        self.elements += verdict.elements;
        let (bound, known) = (&mut self.bounds[candidate], &mut self.rivals[candidate]);
        // A count cut short is still a lower bound; one that could not reach the bound says nothing.
        if verdict.count > *bound || verdict.count == *bound && known.is_none_or(|known| rival < known) {
            (*bound, *known) = (verdict.count, Some(rival));
        }
    }
}

/// Sum over stretches spread evenly over the row.
fn sample<T: Countable>(row: &[T]) -> f64 {
    let (stretches, len) = SAMPLE;
    let gap = (row.len() / stretches).max(1);
    (0..row.len().min(stretches * gap))
        .step_by(gap)
        .map(|from| row[from..row.len().min(from + len.min(gap))].iter().fold(0.0, |sum, &value| sum + value.into()))
        .fold(0.0, |sum: f64, part: f64| sum + part)
}

#[expect(clippy::cast_possible_truncation, reason = "a matrix has fewer than 2^32 responses, as checked before")]
fn finite<T: Countable>(row: &[T]) -> u32 {
    row.iter().filter(|&&value| value > T::NEG_INFINITY).count() as u32
}
