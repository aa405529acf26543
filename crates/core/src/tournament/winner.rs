use serde::Serialize;

use super::kernel::Countable;
use super::kernel::slices;
use super::ratios::Ratios;
use super::search::{Best, Field, Search};
use crate::error::{Code, Error, Result};
use crate::isa::Isa;
use crate::log_probs::{LogProbs, Rows};
use crate::parallel::Workers;
use crate::progress::Control;

/// The winner of the simple tournament at one ratio, and what finding it took.
///
/// Pairs are ordered, (rival, candidate): the matrix of counts has M·(M − 1) of them.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Winner {
    /// The ratio N.
    pub n: f64,
    /// The winner: the same model that the full matrix of counts gives.
    pub winner: usize,
    /// Its score, in [0, 1].
    pub score: f64,
    /// The same as a count of responses.
    pub score_count: u32,
    /// Its worst rival (least index of several, see [`super::Tournament::rivals`]).
    pub rival: usize,
    /// Pairs of which at least one element was compared at this ratio.
    pub pairs_looked_at: u64,
    /// Elements compared at this ratio: (pair, response) combinations.
    pub elements_looked_at: u64,
    /// Elements compared at this N to settle which of several models of the least score has the smallest reach.
    pub tie_elements_looked_at: u64,
    /// Pairs that there are: M·(M − 1).
    pub pairs_total: u64,
    /// Elements that there are: M·(M − 1)·n.
    pub elements_total: u64,
    /// The values of N that what to take is held against.
    pub span: Vec<f64>,
    /// What to take: the winner where the span is N alone.
    pub recommendation: Closest,
    /// Elements compared at the other values of N of the span, and to find what is closest to the least scores.
    pub span_elements_looked_at: u64,
}

/// The model whose score is, at its worst of several N, least above the least score there.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Closest {
    /// The model; of several the one that ranks first at the N of the tournament.
    pub model: usize,
    /// How far its score is above the least one at its worst N, a share of the responses.
    pub above_least: f64,
}

/// What the search at one N came to.
pub(super) struct Found {
    /// The winner.
    pub(super) best: Best,
    /// Elements compared to settle ties.
    pub(super) settling: u64,
    /// What is known of the others.
    pub(super) field: Field,
}

/// The exact winner at each N without the matrix of counts: the model that [`super::tournament`] ranks first,
/// always. A candidate is out as soon as its count against one rival exceeds the best known score; strong rivals
/// come first, and a pair is left as soon as it is decided.
///
/// Needs O(M + n) memory a thread beside the input, and up to 128 MiB to settle ties. The result, statistics included, is the
/// same for any number of threads.
///
/// # Errors
/// [`Code::TooLarge`] for more than 2^32 − 1 responses; [`Code::Aborted`].
pub fn select_winner(
    log_probs: &LogProbs,
    ratios: &Ratios,
    workers: &Workers,
    control: &Control,
) -> Result<Vec<Winner>> {
    let spans: Vec<Vec<f64>> = ratios.n().iter().map(|&n| vec![n]).collect();
    select_winner_over(log_probs, ratios, &spans, workers, control)
}

/// The same, and at each N the model to take over the values of N of its span, one span for each of `ratios`: exactly the
/// one that the matrices of counts at those N give.
///
/// # Errors
/// As [`select_winner`], and as [`Ratios::new`] for a span.
pub fn select_winner_over(
    log_probs: &LogProbs,
    ratios: &Ratios,
    spans: &[Vec<f64>],
    workers: &Workers,
    control: &Control,
) -> Result<Vec<Winner>> {
    if u32::try_from(log_probs.responses()).is_err() {
        return Err(Error::new(
            Code::TooLarge,
            format!("{} responses are more than the 4,294,967,295 that can be counted.", log_probs.responses()),
        ));
    }
    control.start(ratios.len() as u64);
    let isa = Isa::best();
    let winners = match log_probs.rows() {
        Rows::F32(rows) => winners(&mut Search::new(&slices(rows), isa, workers, control)?, ratios, spans, control)?,
        Rows::F64(rows) => winners(&mut Search::new(&slices(rows), isa, workers, control)?, ratios, spans, control)?,
    };
    Ok(winners)
}

/// A search in either precision: what is made of what it finds is compiled once.
trait AnySearch {
    /// Models and responses.
    fn shape(&self) -> (usize, usize);
    /// [`Search::winner`].
    fn winner(&mut self, log_n: f64) -> Result<Found>;
    /// [`Search::closest`].
    fn closest(&mut self, found: &[Found]) -> Result<(usize, u32, u64)>;
}

impl<T: Countable> AnySearch for Search<'_, T> {
    fn shape(&self) -> (usize, usize) {
        (self.rows.len(), self.rows[0].len())
    }

    fn winner(&mut self, log_n: f64) -> Result<Found> {
        Search::winner(self, log_n)
    }

    fn closest(&mut self, found: &[Found]) -> Result<(usize, u32, u64)> {
        Search::closest(self, found)
    }
}

fn winners(search: &mut dyn AnySearch, ratios: &Ratios, spans: &[Vec<f64>], control: &Control) -> Result<Vec<Winner>> {
    let (models, responses) = search.shape();
    let (models, responses) = (models as u64, responses as u64);
    let pairs_total = models * (models - 1);
    let share = |count: u32| f64::from(count) / responses as f64;
    let each = ratios.n().iter().zip(ratios.log_n()).zip(spans).map(|((&n, &log_n), span)| {
        // The first is the one that ranks equals.
        let mut found = vec![search.winner(log_n)?];
        for &log_n in Ratios::new(span)?.log_n().iter().filter(|&&other| other != log_n) {
            found.push(search.winner(log_n)?);
        }
        let (closest, above_least, elements) = search.closest(&found)?;
        let besides: u64 = found[1..].iter().map(|found| found.field.elements + found.settling).sum();
        control.advance(1);
        let Found { best, settling, field } = &found[0];
        Ok(Winner {
            n,
            winner: best.model,
            score: share(best.score),
            score_count: best.score,
            rival: best.rival,
            pairs_looked_at: field.pairs,
            elements_looked_at: field.elements,
            tie_elements_looked_at: *settling,
            pairs_total,
            elements_total: pairs_total.saturating_mul(responses),
            span: span.clone(),
            recommendation: Closest { model: closest, above_least: share(above_least) },
            span_elements_looked_at: elements + besides,
        })
    });
    each.collect()
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::super::{Tournament, tournament};
    use super::*;
    use crate::random::{Purpose, Stream};

    fn check(rows: Vec<Vec<f64>>, ratios: &[f64]) {
        let log_probs = LogProbs::from_f64(rows).unwrap();
        let ratios = Ratios::new(ratios).unwrap();
        let control = Control::new();
        let (_, tournaments) = tournament(&log_probs, &ratios, &Workers::sequential(), &control).unwrap();
        let winners = select_winner(&log_probs, &ratios, &Workers::sequential(), &control).unwrap();
        for (winner, Tournament { winner: wanted, score_counts, rivals, scores, .. }) in
            winners.iter().zip(&tournaments)
        {
            assert_eq!(
                (winner.winner, winner.score_count, winner.rival),
                (*wanted, score_counts[*wanted], rivals[*wanted]),
                "N = {}",
                winner.n
            );
            assert_eq!(winner.score, scores[*wanted]);
            assert!(winner.pairs_looked_at <= winner.pairs_total);
            assert!(winner.elements_looked_at <= winner.elements_total);
        }
        for workers in &*WORKERS {
            assert_eq!(select_winner(&log_probs, &ratios, workers, &control).unwrap(), winners);
        }
    }

    /// Started once: thousands of cases share them.
    static WORKERS: LazyLock<[Workers; 2]> =
        LazyLock::new(|| [2, 3].map(|threads| Workers::new(Some(threads)).unwrap()));

    /// Rows of which some are copies, with ties and −∞.
    fn matrices() -> impl Strategy<Value = Vec<Vec<f64>>> {
        let log_prob = prop_oneof![
            6 => (0..6u32).prop_map(|k| -f64::from(k) * 2.0f64.ln()),
            3 => -4.0..0.0f64,
            1 => Just(f64::NEG_INFINITY),
        ];
        (1..10usize, 1..24usize)
            .prop_flat_map(move |(models, n)| {
                (
                    prop::collection::vec(prop::collection::vec(log_prob.clone(), n), models),
                    prop::collection::vec(0..models, 0..4),
                )
            })
            .prop_map(|(mut rows, copies)| {
                copies.into_iter().for_each(|model| rows.push(rows[model].clone()));
                rows
            })
    }

    proptest! {
        // What costs time here is waking threads for each of so small matrices.
        #![proptest_config(ProptestConfig::with_cases(
            if std::env::var_os("COVERAGE_TEST_ALL").is_some() { 10_000 } else { 1_000 },
        ))]

        #[test]
        fn the_search_finds_the_winner_of_the_matrix(rows in matrices()) {
            check(rows, &[1.0, 2.0, 3.0]);
        }
    }

    #[test]
    fn large_fields_go_through_sweeps_and_batches() {
        for (seed, models, n) in [(1, 150, 700), (2, 400, 90), (3, 90, 2000)] {
            let mut stream = Stream::new(seed, Purpose::Data, 0);
            let ends: Vec<Vec<f64>> = (0..4).map(|_| (0..n).map(|_| -6.0 * stream.uniform()).collect()).collect();
            let rows = (0..models)
                .map(|model| {
                    let place = 3.0 * f64::from(model) / f64::from(models);
                    let left = (0..3).rfind(|&left| f64::from(left) <= place).unwrap();
                    let share = place - f64::from(left);
                    let (from, to) = (&ends[left as usize], &ends[left as usize + 1]);
                    let mixed = from.iter().zip(to).map(|(from, to)| (1.0 - share) * from + share * to);
                    mixed.map(|value| (value + 0.3 * stream.normal()).min(0.0)).collect()
                })
                .collect();
            check(rows, &[2.0, 4.0, 16.0, 1e4]);
        }
    }
}
