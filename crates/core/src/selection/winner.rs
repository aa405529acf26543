use serde::Serialize;

use super::budget::Asked;
use crate::error::{Code, Error, Result};
use crate::log_probs::LogProbs;
use crate::parallel::Workers;
use crate::progress::Control;
use crate::tournament::{Winner, select_winner_over};

/// The winner at one budget or ratio, and what to take there.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WinnerAt {
    /// The budget K that N was made from, if it was.
    pub best_of: Option<u32>,
    /// The winner at N, and the model to take over the span of the budget.
    #[serde(flatten)]
    pub winner: Winner,
}

/// The winner and what to take at each budget and ratio, without the matrix of counts: what [`super::select`] takes there,
/// exactly.
///
/// # Errors
/// [`Code::TooFewModels`] below two models; [`Code::TooLarge`] for more than 2^32 − 1 responses; [`Code::Aborted`].
pub fn select_winners(
    log_probs: &LogProbs,
    asked: &Asked,
    workers: &Workers,
    control: &Control,
) -> Result<Vec<WinnerAt>> {
    if log_probs.models() < 2 {
        return Err(Error::new(Code::TooFewModels, "A choice needs at least two models."));
    }
    let winners = select_winner_over(log_probs, &asked.ratios, &asked.spans, workers, control)?;
    let each = winners.into_iter().zip(&asked.budgets);
    Ok(each.map(|(winner, &best_of)| WinnerAt { best_of, winner }).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{SelectionInput, SelectionOptions, select};
    use super::*;
    use crate::random::{Purpose, Stream};

    /// Holds what is taken without the matrix to what is taken with it; how often that is not the winner.
    fn check(rows: Vec<Vec<f64>>, best_of: &[u32], n: &[f64]) -> usize {
        let log_probs = LogProbs::from_f64(rows).unwrap();
        let options = SelectionOptions {
            best_of: best_of.to_vec(),
            n: n.to_vec(),
            replicates: Some(0),
            seed: 0,
            confidence: 0.95,
            counts: false,
        };
        let input = SelectionInput {
            log_probs: &log_probs,
            prompts: None,
            reference: None,
            samples: None,
            saved: None,
            parts: None,
        };
        let (workers, control) = (Workers::sequential(), Control::new());
        let selection = select(&input, &options, &workers, &control).unwrap();
        let asked = Asked::new(best_of, n).unwrap();
        let winners = select_winners(&log_probs, &asked, &workers, &control).unwrap();
        for (at, wanted) in winners.iter().zip(&selection.tournaments) {
            let Winner { winner, n, span, recommendation, .. } = &at.winner;
            assert_eq!((at.best_of, *n, span), (wanted.best_of, wanted.tournament.n, &wanted.span));
            assert_eq!(*winner, wanted.tournament.winner, "N = {n}");
            assert_eq!(
                (recommendation.model, recommendation.above_least),
                (wanted.recommendation.model, wanted.recommendation.above_least),
                "K = {:?}",
                at.best_of
            );
        }
        for threads in [2, 3] {
            let workers = Workers::new(Some(threads)).unwrap();
            assert_eq!(select_winners(&log_probs, &asked, &workers, &control).unwrap(), winners);
        }
        winners.iter().filter(|at| at.winner.recommendation.model != at.winner.winner).count()
    }

    /// Few values, so that scores and distances are shared; some rows copies.
    fn matrices() -> impl Strategy<Value = Vec<Vec<f64>>> {
        let log_prob = prop_oneof![
            8 => (0..8u32).prop_map(|k| -f64::from(k) * 2.0f64.ln()),
            2 => -6.0..0.0f64,
            1 => Just(f64::NEG_INFINITY),
        ];
        (2..9usize, 1..24usize)
            .prop_flat_map(move |(models, n)| {
                (
                    prop::collection::vec(prop::collection::vec(log_prob.clone(), n), models),
                    prop::collection::vec(0..models, 0..3),
                )
            })
            .prop_map(|(mut rows, copies)| {
                copies.into_iter().for_each(|model| rows.push(rows[model].clone()));
                rows
            })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(
            if std::env::var_os("COVERAGE_TEST_FAST").is_some() { 100 } else { 1000 },
        ))]

        #[test]
        fn what_is_taken_is_what_the_matrices_of_counts_give(rows in matrices()) {
            check(rows, &[3, 8, 32], &[1.0, 4.0]);
        }
    }

    #[test]
    fn large_fields_are_thinned_and_measured() {
        let mut elsewhere = 0;
        for seed in 0..6 {
            let mut stream = Stream::new(seed, Purpose::Data, 0);
            let ends: Vec<Vec<f64>> = (0..3).map(|_| (0..300).map(|_| -5.0 * stream.uniform()).collect()).collect();
            let rows = (0..160)
                .map(|model| {
                    let place = f64::from(model) / 80.0;
                    let left = usize::from(model >= 80);
                    let share = place - left as f64;
                    let mixed = ends[left].iter().zip(&ends[left + 1]).map(|(a, b)| (1.0 - share) * a + share * b);
                    mixed.map(|value| (value + 0.4 * stream.normal()).min(0.0)).collect()
                })
                .collect();
            elsewhere += check(rows, &[4, 12, 64, 512], &[]);
        }
        assert!(elsewhere > 3, "{elsewhere}");
    }

    #[test]
    fn one_model_is_no_choice() {
        let log_probs = LogProbs::from_f64(vec![vec![-1.0]]).unwrap();
        let asked = Asked::new(&[4], &[]).unwrap();
        let error = select_winners(&log_probs, &asked, &Workers::sequential(), &Control::new()).unwrap_err();
        assert_eq!(error.code, Code::TooFewModels);
    }
}
