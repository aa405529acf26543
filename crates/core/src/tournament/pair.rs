//! One rival against one candidate, block by block, until the pair is decided.
//!
//! A response at which not even the greatest of all rows counts against a candidate counts for no rival. The others, at which
//! the candidate is exposed, are few where it is any good: then rivals are looked at there alone.

use super::kernel::{Countable, Kernel};

/// Responses between two looks at whether a pair is decided.
const BLOCK: usize = 512;
/// The same where a row is looked at here and there.
const FEW: usize = 16;

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

/// Counts blocks of so many until the count exceeds the limit or can no longer reach `bound`, the greatest count known.
fn until_decided<const BLOCK: usize>(
    len: usize,
    bound: u32,
    limit: Limit,
    mut block: impl FnMut(usize, usize) -> u32,
) -> Verdict {
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
pub(super) struct Candidate<'a, T> {
    row: &'a [T],
    log_n: f64,
    kernel: &'a Kernel<T>,
    /// Where it is exposed, if that is here and there.
    exposed: Option<Exposed<T>>,
}

/// The responses at which a candidate is exposed, and its thresholds there.
pub(super) struct Exposed<T> {
    pub(super) places: Vec<u32>,
    pub(super) thresholds: Vec<T>,
}

/// A row is looked at here and there if that is no more than one response in so many: elsewhere the next ones come along.
const SPARSE: usize = 12;

impl<'a, T: Countable> Candidate<'a, T> {
    pub(super) fn new(row: &'a [T], log_n: f64, kernel: &'a Kernel<T>) -> Self {
        Self { row, log_n, kernel, exposed: None }
    }

    /// As [`Candidate::new`], where no rival is greater than `front` at any response.
    pub(super) fn among(row: &'a [T], kernel: &'a Kernel<T>, front: &RivalRow<T>) -> Self {
        Self { row, log_n: front.log_n, kernel, exposed: front.exposed(row) }
    }

    /// Counts `rival` against the candidate. `written` holds the candidate's thresholds as far as they were needed, from one
    /// rival to the next.
    pub(super) fn meet(&self, written: &mut Vec<T>, rival: &[T], bound: u32, limit: Limit) -> Verdict {
        if let Some(Exposed { places, thresholds }) = &self.exposed {
            return until_decided::<FEW>(places.len(), bound, limit, |from, to| {
                let reached = |(&place, &threshold): (&u32, &T)| u32::from(rival[place as usize] >= threshold);
                places[from..to].iter().zip(&thresholds[from..to]).map(reached).sum()
            });
        }
        until_decided::<BLOCK>(self.row.len(), bound, limit, |from, to| {
            if written.len() < to {
                written.resize(to, T::INFINITY);
                self.kernel.write_thresholds(&self.row[from..to], self.log_n, &mut written[from..to]);
            }
            self.kernel.at_or_above(&rival[from..to], &written[from..to])
        })
    }
}

/// A rival that many candidates are held against: the greatest value of a candidate that each of its values counts
/// against. By symmetry that is −θ of the value negated; where the rival itself is −∞ it is NaN, which no comparison
/// accepts.
pub(super) struct RivalRow<T> {
    greatest: Vec<T>,
    log_n: f64,
    kernel: Kernel<T>,
}

impl<T: Countable> RivalRow<T> {
    pub(super) fn new(row: &[T], log_n: f64, kernel: Kernel<T>) -> Self {
        let negated: Vec<T> = row.iter().map(|value| value.negated()).collect();
        let mut greatest = vec![T::INFINITY; row.len()];
        kernel.write_thresholds(&negated, log_n, &mut greatest);
        for (greatest, &value) in greatest.iter_mut().zip(row) {
            *greatest = if value > T::NEG_INFINITY { greatest.negated() } else { T::NAN };
        }
        Self { greatest, log_n, kernel }
    }

    /// Where the rival counts against a candidate, if that is here and there.
    pub(super) fn exposed(&self, candidate: &[T]) -> Option<Exposed<T>> {
        let mut places = Vec::new();
        let mut from = 0;
        for (greatest, some) in self.greatest.chunks(BLOCK).zip(candidate.chunks(BLOCK)) {
            self.kernel.places_at_or_above(greatest, some, from, &mut places);
            if places.len() * SPARSE > candidate.len() {
                return None;
            }
            from += BLOCK as u32;
        }
        let own: Vec<T> = places.iter().map(|&place| candidate[place as usize]).collect();
        let mut thresholds = vec![T::INFINITY; own.len()];
        self.kernel.write_thresholds(&own, self.log_n, &mut thresholds);
        Some(Exposed { places, thresholds })
    }

    /// Counts the rival against `candidate`.
    pub(super) fn meet(&self, candidate: &[T], bound: u32, limit: Limit) -> Verdict {
        until_decided::<BLOCK>(candidate.len(), bound, limit, |from, to| {
            self.kernel.at_or_above(&self.greatest[from..to], &candidate[from..to])
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isa::Isa;
    use crate::random::{Purpose, Stream};

    #[test]
    fn a_candidate_is_met_where_it_is_exposed_as_anywhere() {
        let mut stream = Stream::new(9, Purpose::Data, 0);
        // Mostly alike, so that rows are exposed here and there; differences of exactly log 2 and its multiples, impossible
        // ones, and others, farther below in later rows.
        let mut value = |row: usize| match stream.below(40) {
            0 => f64::NEG_INFINITY,
            1..=3 => -2.0f64.ln() * stream.below(2 + row as u64 / 2) as f64,
            4..=6 => -stream.uniform() * (1.0 + row as f64 / 3.0),
            _ => 0.0,
        };
        let rows: Vec<Vec<f64>> = (0..12).map(|row| (0..1300).map(|_| value(row)).collect()).collect();
        let greatest: Vec<f64> =
            (0..1300).map(|at| rows.iter().map(|row| row[at]).fold(f64::NEG_INFINITY, f64::max)).collect();
        let (mut sparse, mut dense) = (0, 0);
        for isa in Isa::available() {
            let kernel = f64::kernel(isa);
            let mut raised = vec![f64::NEG_INFINITY; 1300];
            rows.iter().for_each(|row| kernel.raise(row, &mut raised));
            assert_eq!(raised, greatest);
            for log_n in [-0.5, 0.0, 2.0f64.ln(), 1.0, 4.0f64.ln(), 5.0, f64::NAN] {
                for own in &rows {
                    let (plain, exposed) = (
                        Candidate::new(own, log_n, &kernel),
                        Candidate::among(own, &kernel, &RivalRow::new(&greatest, log_n, kernel)),
                    );
                    *(if exposed.exposed.is_some() { &mut sparse } else { &mut dense }) += 1;
                    let [mut one, mut other] = [Vec::new(), Vec::new()];
                    for rival in &rows {
                        let wanted = plain.meet(&mut one, rival, 0, Limit(None)).count;
                        assert_eq!(exposed.meet(&mut other, rival, 0, Limit(None)).count, wanted, "{isa:?} {log_n}");
                        let limited = exposed.meet(&mut other, rival, wanted, Limit(Some(wanted)));
                        assert_eq!(limited.count, wanted);
                        let beyond = exposed.meet(&mut other, rival, wanted + 1, Limit(Some(wanted)));
                        assert!(beyond.count <= wanted);
                    }
                }
            }
        }
        assert!(sparse > 0 && dense > 0);
    }

    #[test]
    fn the_least_value_that_counts_is_one_of_exposure() {
        let own = [-16.0f32; 100];
        for isa in Isa::available() {
            let kernel = f32::kernel(isa);
            let mut least = [0.0; 100];
            kernel.write_thresholds(&own, 2.0f64.ln(), &mut least);
            let mut rival = least.map(f32::next_down);
            for place in [3, 50, 99] {
                rival[place] = least[place];
            }
            let candidate = Candidate::among(&own, &kernel, &RivalRow::new(&rival, 2.0f64.ln(), kernel));
            assert_eq!(candidate.exposed.as_ref().map(|exposed| &*exposed.places), Some(&[3, 50, 99][..]));
            assert_eq!(candidate.meet(&mut Vec::new(), &rival, 0, Limit(None)).count, 3);
        }
    }
}
