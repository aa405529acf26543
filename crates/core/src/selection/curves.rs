use serde::Serialize;

use super::Counted;
use crate::error::Result;
use crate::log_probs::LogProbs;
use crate::parallel::Workers;
use crate::progress::Control;
use crate::tournament::{Tournament, leaders};

/// Points of the grid.
const POINTS: u32 = 33;
/// With more models the grid is only the values of N that are needed: M×M counts at each point would take too much memory.
const UP_TO_MODELS: usize = 200;

/// Scores and winners as functions of N.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Curves {
    /// Increasing values of N.
    #[serde(rename = "N")]
    pub n: Vec<f64>,
    /// `scores[model][k]`, the score of a model at `n[k]`.
    pub scores: Vec<Vec<f64>>,
    /// The winner at each N.
    pub winners: Vec<usize>,
    /// How many models share the winner's score at each N, itself included: with more than one the reach decided.
    pub sharing: Vec<usize>,
}

/// Rising values of N that are even in log N, from 1 to well past the greatest one `asked`, those, and those `besides`.
pub(super) fn grid(asked: &[f64], besides: &[f64], models: usize) -> Vec<f64> {
    let mut n = [asked, besides].concat();
    if models <= UP_TO_MODELS {
        let top = 4.0 * asked.iter().copied().fold(4.0, f64::max);
        n.extend((0..POINTS).map(|point| libm::pow(top, f64::from(point) / f64::from(POINTS - 1))));
    }
    n.sort_by(f64::total_cmp);
    n.dedup();
    // Beyond the largest double there is nothing to look at.
    n.retain(|n| n.is_finite());
    n
}

impl Curves {
    /// How far each model is, at its worst of these values of N, above the least score there. All of them are on the grid.
    pub(super) fn regrets(&self, over: &[f64]) -> Vec<f64> {
        let at = |n: &f64| self.n.iter().position(|known| known == n).expect("the grid holds every N that is needed");
        let points: Vec<usize> = over.iter().map(at).collect();
        let least = |point: usize| self.scores.iter().map(|scores| scores[point]).fold(1.0, f64::min);
        let least: Vec<f64> = points.iter().map(|&point| least(point)).collect();
        let regret = |scores: &[f64]| {
            points.iter().zip(&least).fold(0.0, |worst: f64, (&point, least)| worst.max(scores[point] - least))
        };
        self.scores.iter().map(|scores| regret(scores)).collect()
    }
}

impl Counted {
    /// The curves, of the tournaments at the values of N asked for and of the further counts.
    pub(super) fn curves(
        &self,
        log_probs: &LogProbs,
        means: &[f64],
        asked: &[Tournament],
        workers: &Workers,
        control: &Control,
    ) -> Result<Curves> {
        let further: Vec<usize> = (self.asked..self.shown).collect();
        let found = leaders(log_probs, &self.counts, &self.ratios, &further, means, workers, control)?;
        let further =
            further.iter().zip(&found).map(|(&at, (winner, scores))| (self.ratios.n()[at], *winner, &*scores.counts));
        let mut points: Vec<(f64, usize, &[u32])> =
            asked.iter().map(|result| (result.n, result.winner, &*result.score_counts)).chain(further).collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        let share = |count: u32| f64::from(count) / f64::from(self.counts.responses());
        let sharing = |scores: &[u32], winner: usize| scores.iter().filter(|&&score| score == scores[winner]).count();
        Ok(Curves {
            n: points.iter().map(|point| point.0).collect(),
            scores: (0..means.len()).map(|model| points.iter().map(|point| share(point.2[model])).collect()).collect(),
            winners: points.iter().map(|point| point.1).collect(),
            sharing: points.iter().map(|&(_, winner, scores)| sharing(scores, winner)).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::grid;

    #[test]
    fn the_grid_holds_what_was_asked_for() {
        let n = grid(&[16.0, 3.0], &[3.0, 5.0], 200);
        assert_eq!((n.len(), n[0], n[n.len() - 1]), (36, 1.0, 64.0));
        assert!(n.is_sorted() && [16.0, 3.0, 5.0].iter().all(|each| n.contains(each)));
        assert_eq!(grid(&[16.0, 3.0], &[3.0, 5.0], 201), [3.0, 5.0, 16.0]);
        assert!(grid(&[f64::MAX], &[], 2).iter().all(|n| n.is_finite()));
    }
}
