//! What a tournament at one N comes to, and which model to take over several.

use serde::Serialize;

use super::curves::Curves;
use crate::error::Result;
use crate::log_probs::LogProbs;
use crate::order;
use crate::parallel::Workers;
use crate::progress::Control;
use crate::statistics::FEW_UNITS;
use crate::tournament::Tournament;

/// The tail is fitted to this many of the greatest log ratios, or to the square root of all where that is more.
const TAIL: usize = 10;

/// How sure a choice is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Verdict {
    /// Exactly one model may be best.
    Clear,
    /// Several may be best; one has the least score.
    Noise,
    /// Several share the least score: the reach chose among them.
    Tied,
    /// The least score is 0 and shared: N is beyond what these responses resolve.
    Silent,
    /// Too few responses, or prompts where they repeat.
    Few,
}

impl Verdict {
    /// Of a tournament after which `possible` models may be best; fewer independent units than [`FEW_UNITS`] allow none.
    pub(crate) fn of(result: &Tournament, possible: usize, units: usize) -> Self {
        let least = result.score_counts[result.winner];
        if units < FEW_UNITS {
            Self::Few
        } else if possible == 1 {
            Self::Clear
        } else if sharing(result) == 1 {
            Self::Noise
        } else if least > 0 {
            Self::Tied
        } else {
            Self::Silent
        }
    }
}

/// How many models share the least score.
pub(crate) fn sharing(result: &Tournament) -> usize {
    let least = result.score_counts[result.winner];
    result.score_counts.iter().filter(|&&score| score == least).count()
}

/// The model to take, over the N of one budget or over all.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Recommendation {
    /// The model whose score is, at its worst N, least above the least score there; ties go to the one that ranks first in
    /// the tournament of the greatest N.
    pub model: usize,
    /// The weakest of the verdicts, counting as noise where the model does not win but may be best, or does not win.
    pub verdict: Verdict,
    /// How far its score is above the least one at its worst N, a share of responses.
    pub above_least: f64,
}

impl Recommendation {
    /// What is best `over` these values of N, beside the tournaments that were held.
    pub(crate) fn of(curves: &Curves, over: &[f64], results: &[Tournament], verdicts: &[Verdict]) -> Self {
        let greatest = (0..results.len()).max_by(|&a, &b| results[a].n.total_cmp(&results[b].n)).unwrap_or(0);
        let regrets = curves.regrets(over);
        // The ranking at the greatest N is the order in which equals are tried.
        let ranking = &results[greatest].ranking;
        let model = ranking[1..].iter().fold(
            ranking[0],
            |best, &model| {
                if regrets[model] < regrets[best] { model } else { best }
            },
        );
        let verdict = results
            .iter()
            .zip(verdicts)
            .map(|(result, &verdict)| if result.winner == model { verdict } else { verdict.max(Verdict::Noise) });
        Self { model, verdict: verdict.max().unwrap_or(Verdict::Few), above_least: curves.share(regrets[model]) }
    }
}

/// The greatest log ratio against each model over all rivals and responses (0 where no rival is ever ahead).
pub(super) fn greatest_log_ratios(log_probs: &LogProbs, workers: &Workers, control: &Control) -> Result<Vec<f64>> {
    let best = best_of_all(log_probs);
    workers.map(log_probs.models(), control, |model| Ok(against(&best, &log_probs.row_f64(model)).fold(0.0, f64::max)))
}

/// The greatest log-probability of each response.
fn best_of_all(log_probs: &LogProbs) -> Vec<f64> {
    let mut best = log_probs.row_f64(0);
    for model in 1..log_probs.models() {
        for (best, value) in best.iter_mut().zip(log_probs.row_f64(model)) {
            *best = best.max(value);
        }
    }
    best
}

/// The log ratios of the best model to `row`, response by response; a response that all rule out is no evidence.
fn against<'a>(best: &'a [f64], row: &'a [f64]) -> impl Iterator<Item = f64> + 'a {
    best.iter().zip(row).map(|(best, own)| if *best > f64::NEG_INFINITY { best - own } else { 0.0 })
}

/// The log of the greatest N at which exactly one model has the least score: the log ratio of the runner-up, beyond which
/// both have none against them. +∞ where the first alone is never under-weighted without bound; `None` where the two least
/// are equal.
pub(super) fn log_resolution(greatest: &[f64]) -> Option<f64> {
    let mut sorted = greatest.to_vec();
    order::ascending(&mut sorted);
    (sorted[0] < sorted[1]).then(|| sorted[1])
}

/// How many responses it would take until one is expected on which some model is N times as likely as the runner-up,
/// where none is among those at hand: the greatest log ratios against it fall off exponentially at Hill's rate. `None`
/// where there is no such tail.
pub(super) fn responses_to_see_tail(log_probs: &LogProbs, runner_up: usize, log_n: f64) -> Option<f64> {
    let mut ratios: Vec<f64> = against(&best_of_all(log_probs), &log_probs.row_f64(runner_up)).collect();
    order::descending(&mut ratios);
    let n = ratios.len();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a root of a length")]
    let tail = TAIL.max(libm::sqrt(n as f64) as usize);
    let threshold = *ratios.get(tail)?;
    let mean = ratios[..tail].iter().map(|ratio| ratio - threshold).sum::<f64>() / tail as f64;
    let responses = n as f64 / tail as f64 * libm::exp((log_n - threshold) / mean);
    (threshold > 0.0 && mean > 0.0 && responses.is_finite()).then_some(responses.max(n as f64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, Stream};
    use crate::tournament::{Ratios, tournament};

    fn results(rows: Vec<Vec<f64>>, n: &[f64]) -> Vec<Tournament> {
        let log_probs = LogProbs::from_f64(rows).unwrap();
        let ratios = Ratios::new(n).unwrap();
        tournament(&log_probs, &ratios, &Workers::sequential(), &Control::new()).unwrap().1
    }

    #[test]
    fn every_verdict_has_its_case() {
        let [apart, _, shared, silent] = &results(
            vec![vec![-1.0, -5.0, -5.0], vec![-3.0, -1.0, -5.0], vec![-4.0, -4.0, -1.0]],
            &[1.9, 2.0, 2.8, 1e9],
        )[..] else {
            panic!("four values of N, four results")
        };
        assert_eq!(Verdict::of(apart, 1, 29), Verdict::Few);
        assert_eq!(Verdict::of(apart, 1, 30), Verdict::Clear);
        assert_eq!(Verdict::of(silent, 2, 30), Verdict::Silent);
        assert_eq!((sharing(silent), silent.scores[silent.winner]), (3, 0.0));
        assert!(sharing(shared) > 1);
        assert_eq!(Verdict::of(shared, 2, 30), Verdict::Tied);
        let two = &results(vec![vec![-1.0, -9.0, -9.0], vec![-9.0, -1.0, -1.0]], &[2.0])[0];
        assert_eq!(Verdict::of(two, 2, 30), Verdict::Noise);
    }

    #[test]
    fn the_recommendation_is_least_above_the_best_at_its_worst() {
        // Scores of the three models, thirds: at N = 2 (0, 1, 1), at N = 100 (1, 0, 1).
        let rows = vec![vec![-9.0, -1.0, -1.0, -1.0], vec![-1.0, -1.0, -2.0, -2.0], vec![-1.0, -6.5, -1.0, -1.0]];
        let at = results(rows, &[2.0, 100.0]);
        assert_eq!(at.iter().map(|result| result.winner).collect::<Vec<_>>(), [2, 1]);
        let curves = Curves::of(&at, 4);
        let of = |verdicts: &[Verdict]| Recommendation::of(&curves, &[2.0, 100.0], &at, verdicts);
        let both = of(&[Verdict::Clear, Verdict::Clear]);
        assert_eq!((both.model, both.verdict), (1, Verdict::Noise));
        assert_eq!(both.above_least, at[0].scores[1] - at[0].scores[2]);
        assert_eq!(of(&[Verdict::Clear, Verdict::Tied]).verdict, Verdict::Tied);
        let one = Recommendation::of(&curves, &[2.0], &at[..1], &[Verdict::Clear]);
        assert_eq!(one, Recommendation { model: 2, verdict: Verdict::Clear, above_least: 0.0 });
        // A tournament at N = 2 alone, held against N = 100, too: the two are as far from the least, each at one N, and it
        // ranks the third model first.
        let held = Recommendation::of(&curves, &[2.0, 100.0], &at[..1], &[Verdict::Clear]);
        assert_eq!(held, Recommendation { model: 2, verdict: Verdict::Clear, above_least: both.above_least });
    }

    #[test]
    fn equal_distances_are_equal_whatever_shares_round_to() {
        // Each of the first two is one response above the least at its worst N, though 3/50 − 2/50 is less than 1/50 in
        // floating point: the ranking at the greatest N decides.
        let share = |count: u32| f64::from(count) / 50.0;
        assert!(share(3) - share(2) < share(1));
        let at = |n: f64, score_counts: [u32; 3], ranking: [usize; 3]| Tournament {
            n,
            winner: ranking[0],
            scores: score_counts.iter().map(|&count| share(count)).collect(),
            score_counts: score_counts.to_vec(),
            reach: vec![1.0; 3],
            log_reach: vec![0.0; 3],
            rivals: vec![2, 2, 0],
            ranking: ranking.to_vec(),
            margin: None,
        };
        let held = [at(2.0, [1, 0, 9], [1, 0, 2]), at(4.0, [2, 3, 9], [0, 1, 2])];
        let curves = Curves::of(&held, 50);
        assert_eq!(curves.regrets(&[4.0, 2.0]), [1, 1, 9]);
        let taken = Recommendation::of(&curves, &[2.0, 4.0], &held, &[Verdict::Noise; 2]);
        assert_eq!((taken.model, taken.above_least), (0, 0.02));
    }

    #[test]
    fn beyond_the_resolution_least_scores_are_shared() {
        let mut stream = Stream::new(6, Purpose::Synthetic, 0);
        let rows: Vec<Vec<f64>> = (0..5).map(|_| (0..80).map(|_| -7.0 * stream.uniform()).collect()).collect();
        let log_probs = LogProbs::from_f64(rows.clone()).unwrap();
        let greatest = greatest_log_ratios(&log_probs, &Workers::sequential(), &Control::new()).unwrap();
        let resolution = libm::exp(log_resolution(&greatest).unwrap());
        let at = results(rows, &[resolution * (1.0 - 1e-12), resolution * (1.0 + 1e-12)]);
        assert_eq!((sharing(&at[0]), at[0].scores[at[0].winner]), (1, 0.0));
        assert!(sharing(&at[1]) > 1);
        assert_eq!(log_resolution(&[1.0, 1.0, 2.0]), None);
        assert_eq!(log_resolution(&[1.0, f64::INFINITY]), Some(f64::INFINITY));
    }

    #[test]
    fn an_exponential_tail_is_foretold() {
        // Log ratios of rate 2 against the second model: N is reached with probability N^-2.
        let mut stream = Stream::new(9, Purpose::Synthetic, 0);
        let ratios: Vec<f64> = (0..10_000).map(|_| -0.5 * libm::log(1.0 - stream.uniform())).collect();
        let rows = vec![vec![-1.0; 10_000], ratios.iter().map(|ratio| -1.0 - ratio).collect()];
        let log_probs = LogProbs::from_f64(rows).unwrap();
        let needed = responses_to_see_tail(&log_probs, 1, libm::log(1000.0)).unwrap();
        assert!((0.2..5.0).contains(&(needed / 1e6)), "{needed}");
        assert_eq!(responses_to_see_tail(&log_probs, 0, 3.0), None);
    }
}
