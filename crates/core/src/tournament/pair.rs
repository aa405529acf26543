//! One rival against one candidate, block by block, until the pair is decided.

use super::kernel::{Countable, Kernel};

/// Responses between two looks at whether a pair is decided.
const BLOCK: usize = 512;

/// The best known score, if any: a candidate with a greater count is out.
#[derive(Clone, Copy)]
pub(super) struct Limit(pub(super) Option<u32>);

impl Limit {
    /// Whether a candidate with this count is out.
    pub(super) fn exceeded(self, count: u32) -> bool {
        self.0.is_some_and(|limit| count > limit)
    }
}

/// What came of a pair.
#[derive(Clone, Copy)]
pub(super) struct Verdict {
    /// The count as far as it was taken; the whole count wherever that is at least the candidate's bound and the
    /// candidate stays in.
    pub(super) count: u32,
    /// Elements compared.
    pub(super) elements: u64,
}

/// Counts blocks until the count exceeds the limit or can no longer reach `bound`, the greatest count known.
fn until_decided(len: usize, bound: u32, limit: Limit, mut block: impl FnMut(usize, usize) -> u32) -> Verdict {
    let mut count = 0;
    let mut at = 0;
    while at < len && !limit.exceeded(count) && u64::from(count) + (len - at) as u64 >= u64::from(bound) {
        let to = len.min(at + BLOCK);
        count += block(at, to);
        at = to;
    }
    // Cut short below the bound, the count must not pass for a whole one that equals it.
    debug_assert!(at == len || limit.exceeded(count) || count < bound || bound as usize > len - at);
    Verdict { count, elements: at as u64 }
}

/// A candidate that many rivals are held against.
#[derive(Clone, Copy)]
pub(super) struct Candidate<'a, T> {
    row: &'a [T],
    log_n: f64,
    kernel: &'a Kernel<T>,
}

impl<'a, T: Countable> Candidate<'a, T> {
    pub(super) fn new(row: &'a [T], log_n: f64, kernel: &'a Kernel<T>) -> Self {
        Self { row, log_n, kernel }
    }

    /// The candidate with room for its thresholds.
    pub(super) fn thresholds(&self) -> Thresholds<'a, T> {
        Thresholds { candidate: *self, written: Vec::new() }
    }
}

/// A candidate's thresholds, written as far as they were needed.
pub(super) struct Thresholds<'a, T> {
    candidate: Candidate<'a, T>,
    written: Vec<T>,
}

impl<T: Countable> Thresholds<'_, T> {
    /// Counts `rival` against the candidate.
    pub(super) fn meet(&mut self, rival: &[T], bound: u32, limit: Limit) -> Verdict {
        let Candidate { row, log_n, kernel } = self.candidate;
        until_decided(row.len(), bound, limit, |from, to| {
            if self.written.len() < to {
                self.written.resize(to, T::INFINITY);
                kernel.write_thresholds(&row[from..to], log_n, &mut self.written[from..to]);
            }
            kernel.at_or_above(&rival[from..to], &self.written[from..to])
        })
    }
}

/// A rival that many candidates are held against: the greatest value of a candidate that each of its values counts
/// against. By symmetry that is −θ of the value negated; where the rival itself is −∞ it is NaN, which no comparison
/// accepts.
pub(super) struct RivalRow<'a, T> {
    greatest: Vec<T>,
    kernel: &'a Kernel<T>,
}

impl<'a, T: Countable> RivalRow<'a, T> {
    pub(super) fn new(row: &[T], log_n: f64, kernel: &'a Kernel<T>) -> Self {
        let negated: Vec<T> = row.iter().map(|value| value.negated()).collect();
        let mut greatest = vec![T::INFINITY; row.len()];
        kernel.write_thresholds(&negated, log_n, &mut greatest);
        for (greatest, &value) in greatest.iter_mut().zip(row) {
            *greatest = if value > T::NEG_INFINITY { greatest.negated() } else { T::NAN };
        }
        Self { greatest, kernel }
    }

    /// Counts the rival against `candidate`.
    pub(super) fn meet(&self, candidate: &[T], bound: u32, limit: Limit) -> Verdict {
        until_decided(candidate.len(), bound, limit, |from, to| {
            self.kernel.at_or_above(&self.greatest[from..to], &candidate[from..to])
        })
    }
}
