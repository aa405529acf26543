use std::cmp::Ordering;

use serde::Serialize;

use super::counts::Counts;
use super::mean_log_probs::mean_log_probs;
use super::ratios::Ratios;
use super::reach::{counts_with_rungs, log_reaches};
use crate::error::{Code, Error, Result};
use crate::log_probs::LogProbs;
use crate::order;
use crate::parallel::Workers;
use crate::progress::Control;

/// Outcome of the simple tournament [28,29] at one ratio. Vectors are in model order, models are indices.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Tournament {
    /// The ratio N.
    pub n: f64,
    /// Model of the least score; ties go to the smaller reach, then to the greater mean log-likelihood, then to input
    /// order.
    pub winner: usize,
    /// Score of each model, in [0, 1]: the greatest count against it, as a share of the responses.
    pub scores: Vec<f64>,
    /// The same as counts of responses.
    pub score_counts: Vec<u32>,
    /// The reach of each model: the ratio below N at which one more response would count against it, beyond
    /// `score_counts`; 0 where no further response can.
    pub reach: Vec<f64>,
    /// log of the reach, in nats.
    #[serde(skip)]
    pub log_reach: Vec<f64>,
    /// The rival that gives each model its score: the least index of several, another model where one does (at
    /// N = 1 a model can be its own worst rival).
    pub rivals: Vec<usize>,
    /// All models, best first, by score, reach, mean log-likelihood and input order.
    pub ranking: Vec<usize>,
    /// Score of the second in the ranking less that of the winner; absent with a single model.
    pub margin: Option<f64>,
}

/// What ranks a model: less score, then smaller reach, then greater mean log-likelihood, then input order.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Standing {
    /// Its score as a count.
    pub score: u32,
    /// log of its reach, in nats.
    pub log_reach: f64,
    /// Its mean log-likelihood, in nats.
    pub mean: f64,
    /// Its index.
    pub model: usize,
}

impl Standing {
    /// Less ranks first.
    #[must_use]
    pub fn compare(&self, other: &Self) -> Ordering {
        self.score
            .cmp(&other.score)
            .then(self.log_reach.total_cmp(&other.log_reach))
            .then(other.mean.total_cmp(&self.mean))
            .then(self.model.cmp(&other.model))
    }
}

/// The first by greater mean log-likelihood, then input order: what cross-entropy would choose, and how what nothing else
/// decides is put in order.
pub(super) fn compare_means(a: (f64, usize), b: (f64, usize)) -> Ordering {
    b.0.total_cmp(&a.0).then(a.1.cmp(&b.1))
}

/// The tournament at the first few values of N of `counts`; the counts at the others help to find the reaches. `log_probs`
/// are what was counted, `means` the models' mean log-likelihoods ([`mean_log_probs`]).
///
/// # Errors
/// [`Code::ShapeMismatch`] if counts, N and means do not belong together; [`Code::Aborted`].
pub(crate) fn first_tournaments(
    first: usize,
    log_probs: &LogProbs,
    counts: &Counts,
    ratios: &Ratios,
    means: &[f64],
    workers: &Workers,
    control: &Control,
) -> Result<Vec<Tournament>> {
    check_shapes(counts, ratios, means)?;
    let scores: Vec<Scores> = (0..first).map(|ratio| Scores::new(counts, ratio)).collect();
    let score_counts: Vec<Vec<u32>> = scores.iter().map(|scores| scores.counts.clone()).collect();
    let reaches = log_reaches(log_probs, counts, ratios, &score_counts, workers, control)?;
    Ok(ranked(scores, &reaches, counts.responses(), ratios, means))
}

/// The tournaments whose reaches are known.
pub(super) fn with_reaches(counts: &Counts, ratios: &Ratios, reaches: &[Vec<f64>], means: &[f64]) -> Vec<Tournament> {
    let scores = (0..ratios.len()).map(|ratio| Scores::new(counts, ratio)).collect();
    ranked(scores, reaches, counts.responses(), ratios, means)
}

fn check_shapes(counts: &Counts, ratios: &Ratios, means: &[f64]) -> Result<()> {
    if counts.ratios() == ratios.len() && counts.models() == means.len() {
        return Ok(());
    }
    Err(Error::new(
        Code::ShapeMismatch,
        format!(
            "Counts of {} models at {} values of N do not fit {} means and {} values of N.",
            counts.models(),
            counts.ratios(),
            means.len(),
            ratios.len()
        ),
    ))
}

/// Counts, scores and ranking of all models in one go.
///
/// # Errors
/// As [`counts`](super::counts()).
pub fn tournament(
    log_probs: &LogProbs,
    ratios: &Ratios,
    workers: &Workers,
    control: &Control,
) -> Result<(Counts, Vec<Tournament>)> {
    let (counts, all) = counts_with_rungs(log_probs, ratios, workers, control)?;
    let means = mean_log_probs(log_probs, workers, control)?;
    let tournaments = first_tournaments(ratios.len(), log_probs, &counts, &all, &means, workers, control)?;
    Ok((counts.first(ratios.len()), tournaments))
}

/// The scores at one N.
pub(crate) struct Scores {
    /// The greatest count against each model.
    pub(crate) counts: Vec<u32>,
    /// The rival behind each score: the least index of several, another model where one does.
    pub(crate) rivals: Vec<usize>,
}

impl Scores {
    pub(crate) fn new(counts: &Counts, ratio: usize) -> Self {
        let models = counts.models();
        let mut score_counts = vec![0; models];
        let mut rivals: Vec<Option<usize>> = vec![None; models];
        for (a, row) in counts.at_ratio(ratio).outer_iter().enumerate() {
            for (b, &count) in row.iter().enumerate() {
                // Strictly more, so that the first of several stays; a model itself only if no other reaches its count.
                let replaces = match rivals[b] {
                    None => a != b,
                    Some(_) => a != b && count > score_counts[b],
                };
                if replaces {
                    (score_counts[b], rivals[b]) = (count, Some(a));
                }
            }
        }
        let rivals = (0..models)
            .map(|b| {
                let own = counts.get(ratio, b, b);
                match rivals[b] {
                    Some(rival) if score_counts[b] >= own => rival,
                    _ => {
                        score_counts[b] = own;
                        b
                    }
                }
            })
            .collect();
        Self { counts: score_counts, rivals }
    }
}

fn ranked(
    scores: Vec<Scores>,
    reaches: &[Vec<f64>],
    responses: u32,
    ratios: &Ratios,
    means: &[f64],
) -> Vec<Tournament> {
    let all = scores.into_iter().zip(reaches).zip(ratios.n());
    all.map(|((scores, reaches), &n)| rank(n, scores, reaches.clone(), responses, means)).collect()
}

fn rank(n: f64, scores: Scores, log_reach: Vec<f64>, responses: u32, means: &[f64]) -> Tournament {
    let Scores { counts: score_counts, rivals } = scores;
    let standing =
        |model: usize| Standing { score: score_counts[model], log_reach: log_reach[model], mean: means[model], model };
    let mut ranking: Vec<usize> = (0..means.len()).collect();
    order::indices_by(&mut ranking, |a, b| standing(a).compare(&standing(b)));
    let share = |count: u32| f64::from(count) / f64::from(responses);
    let margin = ranking.get(1).map(|&second| share(score_counts[second] - score_counts[ranking[0]]));
    Tournament {
        n,
        winner: ranking[0],
        scores: score_counts.iter().map(|&count| share(count)).collect(),
        reach: log_reach.iter().map(|&reach| libm::exp(reach)).collect(),
        log_reach,
        score_counts,
        rivals,
        ranking,
        margin,
    }
}
