use serde::{Deserialize, Serialize};

use super::Draws;
use super::contest::{Contest, Outcome};
use super::weights::Units;
use crate::error::Result;
use crate::resample::check_replicates;
use crate::statistics::{Estimate, Interval, check_confidence, percentile_interval};
use crate::tournament::{Ratios, Significance, compare_models};

/// Options of [`super::bootstrap`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct BootstrapOptions {
    /// Values of N, each finite and at least 1. Default 2, 4, 8, 16.
    #[serde(rename = "N")]
    pub n: Vec<f64>,
    /// Number of replicates, 1 to 1,000,000. Default 1,000.
    pub replicates: u32,
    /// Seed of the draws. Default 0.
    pub seed: u64,
    /// Confidence of the intervals, strictly between 0 and 1. Default 0.95.
    pub confidence: f64,
}

impl Default for BootstrapOptions {
    fn default() -> Self {
        Self { n: vec![2.0, 4.0, 8.0, 16.0], replicates: 1000, seed: 0, confidence: 0.95 }
    }
}

impl BootstrapOptions {
    pub(super) fn checked(&self) -> Result<Ratios> {
        check_replicates(self.replicates, 1)?;
        check_confidence(self.confidence)?;
        Ratios::new(&self.n)
    }
}

/// What is resampled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Unit {
    /// Each response by itself.
    Response,
    /// All responses to a prompt together.
    Prompt,
}

/// The bootstrap of a selection. Models are indices, vectors in model order.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Bootstrap {
    /// Number of replicates.
    pub replicates: u32,
    /// Seed of the draws.
    pub seed: u64,
    /// Confidence of the intervals.
    pub confidence: f64,
    /// What was resampled.
    pub unit: Unit,
    /// Number of resampled units.
    pub units: usize,
    /// The model of the least cross-entropy on the whole sample.
    pub cross_entropy_winner: usize,
    /// Share of the replicates in which each model has the least cross-entropy; `None` if that was too much work.
    pub cross_entropy_shares: Option<Vec<f64>>,
    /// One entry for each N, in the order asked for.
    pub tournaments: Vec<BootstrapAt>,
}

/// The bootstrap of the tournament at one N.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BootstrapAt {
    /// The ratio N.
    #[serde(rename = "N")]
    pub n: f64,
    /// Winner on the whole sample.
    pub winner: usize,
    /// The second on the whole sample; `None` with a single model.
    pub runner_up: Option<usize>,
    /// How many replicates each model wins.
    pub wins: Vec<u32>,
    /// The same as shares.
    pub win_shares: Vec<f64>,
    /// Percentile interval of each score; `None` for models not followed.
    pub score_intervals: Vec<Option<Interval>>,
    /// Score of the best other model less that of `winner`: on the whole sample, and its percentile interval. It is
    /// negative in replicates in which another model has a lower score.
    pub margin: Estimate,
    /// Whether `winner` stands out of the noise.
    pub significance: Significance,
    /// Share of the replicates in which no other model has a lower score than `winner`.
    pub never_beaten_share: f64,
    /// Models whose scores are followed through all replicates, in model order.
    pub followed: Vec<usize>,
    /// Why some intervals are `None`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

pub(super) fn collect(
    options: &BootstrapOptions,
    ratios: &Ratios,
    units: &Units,
    means: &[f64],
    contests: &[Contest<'_>],
    finished: Vec<Option<Vec<Outcome>>>,
    draws: Vec<Draws>,
) -> Bootstrap {
    let totals: Vec<f64> = draws.iter().flat_map(|draws| &draws.totals).map(|&total| total as f64).collect();
    let picks: Option<Vec<Vec<usize>>> = draws.into_iter().map(|draws| draws.cross_entropy_picks).collect();
    let models = means.len();
    let tournaments = contests
        .iter()
        .zip(finished)
        .zip(ratios.n())
        .map(|((contest, outcomes), &n)| {
            at_one_n(n, contest, &outcomes.unwrap_or_default(), &totals, means, options.confidence)
        })
        .collect();
    Bootstrap {
        replicates: options.replicates,
        seed: options.seed,
        confidence: options.confidence,
        unit: if units.of_response.is_some() { Unit::Prompt } else { Unit::Response },
        units: units.count,
        cross_entropy_winner: (1..models).fold(0, |best, model| {
            if compare_models((0, means[model], model), (0, means[best], best)).is_lt() { model } else { best }
        }),
        cross_entropy_shares: picks.map(|picks| shares(&tally(picks.into_iter().flatten(), models), totals.len())),
        tournaments,
    }
}

fn at_one_n(
    n: f64,
    contest: &Contest<'_>,
    outcomes: &[Outcome],
    totals: &[f64],
    means: &[f64],
    confidence: f64,
) -> BootstrapAt {
    let models = means.len();
    let columns = &contest.field.columns;
    // Scores as shares of the replicate's responses, per column.
    let mut scores: Vec<Vec<f64>> = vec![Vec::with_capacity(totals.len()); columns.len()];
    for outcome in outcomes {
        let replicates = outcome.winners.len();
        let first = scores[0].len();
        for (column, counts) in outcome.scores.chunks(replicates).enumerate() {
            scores[column].extend(counts.iter().zip(&totals[first..]).map(|(&count, total)| count as f64 / total));
        }
    }
    // The columns are in the order of the ranking: winner, runner-up, ….
    let least_of_others = outcomes.iter().flat_map(|outcome| &outcome.least_of_others);
    let margins: Vec<f64> = least_of_others
        .zip(totals)
        .zip(&scores[0])
        .map(|((&count, total), winners_score)| count as f64 / total - winners_score)
        .collect();
    let never_beaten = margins.iter().filter(|&&margin| margin >= 0.0).count();
    let margin = match columns.get(1) {
        None => Estimate::unknown("There is no other model."),
        Some(second) => {
            let n = contest.responses() as f64;
            let difference = second.score() - columns[0].score();
            Estimate::new(f64::from(difference) / n, percentile_interval(margins, confidence))
        }
    };
    let mut score_intervals = vec![None; models];
    for (column, scores) in columns.iter().zip(scores) {
        score_intervals[column.model] = Some(percentile_interval(scores, confidence));
    }
    let wins = tally(outcomes.iter().flat_map(|outcome| outcome.winners.iter().copied()), models);
    let mut followed: Vec<usize> = columns.iter().map(|column| column.model).collect();
    followed.sort_unstable();
    let reason = (followed.len() < models)
        .then(|| format!("Of {models} models only the {} best are followed through all replicates.", followed.len()));
    let win_shares = shares(&wins, totals.len());
    BootstrapAt {
        n,
        winner: columns[0].model,
        runner_up: columns.get(1).map(|column| column.model),
        significance: Significance::of(win_shares[columns[0].model], margin.interval, confidence),
        win_shares,
        wins,
        score_intervals,
        margin,
        never_beaten_share: never_beaten as f64 / totals.len() as f64,
        followed,
        reason,
    }
}

fn tally(winners: impl Iterator<Item = usize>, models: usize) -> Vec<u32> {
    let mut wins = vec![0; models];
    for winner in winners {
        wins[winner] += 1;
    }
    wins
}

fn shares(wins: &[u32], replicates: usize) -> Vec<f64> {
    wins.iter().map(|&wins| f64::from(wins) / replicates as f64).collect()
}
