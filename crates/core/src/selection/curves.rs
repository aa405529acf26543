use serde::Serialize;

use super::Counted;
use crate::error::Result;
use crate::log_probs::LogProbs;
use crate::order;
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
    /// The scores at each N as counts, `[k][model]`.
    #[serde(skip)]
    counts: Vec<Vec<u32>>,
    /// n, of which they are shares.
    #[serde(skip)]
    responses: u32,
}

/// Scores at one N, as counts, and who wins.
struct Point<'a> {
    n: f64,
    winner: usize,
    counts: &'a [u32],
}

impl<'a> Point<'a> {
    fn of(held: &'a Tournament) -> Self {
        Self { n: held.n, winner: held.winner, counts: &held.score_counts }
    }
}

/// Rising values of N that are even in log N, from 1 to well past the greatest one `asked`, those, and those `besides`.
pub(super) fn grid(asked: &[f64], besides: &[f64], models: usize) -> Vec<f64> {
    let mut n = [asked, besides].concat();
    if models <= UP_TO_MODELS {
        let top = 4.0 * asked.iter().copied().fold(4.0, f64::max);
        n.extend((0..POINTS).map(|point| libm::pow(top, f64::from(point) / f64::from(POINTS - 1))));
    }
    order::ascending(&mut n);
    n.dedup();
    // Beyond the largest double there is nothing to look at.
    n.retain(|n| n.is_finite());
    n
}

impl Curves {
    /// Of tournaments on so many responses.
    pub(crate) fn of(tournaments: &[Tournament], responses: u32) -> Self {
        Self::new(tournaments.iter().map(Point::of).collect(), responses)
    }

    fn new(mut points: Vec<Point<'_>>, responses: u32) -> Self {
        order::values_by(&mut points, |a, b| a.n.total_cmp(&b.n));
        let models = points.first().map_or(0, |point| point.counts.len());
        let share = |count: u32| f64::from(count) / f64::from(responses);
        let sharing =
            |Point { counts, winner, .. }: &Point<'_>| counts.iter().filter(|&&each| each == counts[*winner]).count();
        Self {
            n: points.iter().map(|point| point.n).collect(),
            scores: (0..models).map(|model| points.iter().map(|point| share(point.counts[model])).collect()).collect(),
            winners: points.iter().map(|point| point.winner).collect(),
            sharing: points.iter().map(sharing).collect(),
            counts: points.iter().map(|point| point.counts.to_vec()).collect(),
            responses,
        }
    }

    /// By how many responses each model is, at its worst of these values of N, above the least score there. All of them
    /// are on the grid. Counts, since shares that differ by as much need not be as far apart once they are rounded.
    pub(super) fn regrets(&self, over: &[f64]) -> Vec<u32> {
        let at = |n: &f64| self.n.iter().position(|known| known == n).expect("the grid holds every N that is needed");
        let mut regrets = vec![0; self.scores.len()];
        for counts in over.iter().map(|n| &self.counts[at(n)]) {
            let least = counts.iter().copied().min().unwrap_or(0);
            for (regret, count) in regrets.iter_mut().zip(counts) {
                *regret = (*regret).max(count - least);
            }
        }
        regrets
    }

    /// So many responses as a share of all.
    pub(super) fn share(&self, count: u32) -> f64 {
        f64::from(count) / f64::from(self.responses)
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
        let further = (further.iter().zip(&found)).map(|(&at, (winner, scores))| Point {
            n: self.ratios.n()[at],
            winner: *winner,
            counts: &scores.counts,
        });
        Ok(Curves::new(asked.iter().map(Point::of).chain(further).collect(), self.counts.responses()))
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
