use std::cmp::Ordering;

use serde::Serialize;

use super::counts::{Counts, counts};
use super::mean_log_probs::mean_log_probs;
use super::ratios::Ratios;
use crate::error::{Code, Error, Result};
use crate::log_probs::LogProbs;
use crate::parallel::Workers;
use crate::progress::Control;

/// Outcome of the simple tournament [28,29] at one ratio. Vectors are in model order, models are indices.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Tournament {
    /// The ratio N.
    pub n: f64,
    /// Model of the least score; ties go to the greater mean log-likelihood, then to input order.
    pub winner: usize,
    /// Score of each model, in [0, 1]: the greatest count against it, as a share of the responses.
    pub scores: Vec<f64>,
    /// The same as counts of responses.
    pub score_counts: Vec<u32>,
    /// The rival that gives each model its score: the least index of several, another model where one does (at
    /// N = 1 a model can be its own worst rival).
    pub rivals: Vec<usize>,
    /// All models, best first, by score, mean log-likelihood and input order.
    pub ranking: Vec<usize>,
    /// Score of the second in the ranking less that of the winner; absent with a single model.
    pub margin: Option<f64>,
}

/// The tournament at every N of `counts`; `means` are the models' mean log-likelihoods
/// ([`mean_log_probs`]), needed for ties.
///
/// # Errors
/// [`Code::ShapeMismatch`] if counts, ratios and means do not belong together.
pub fn tournaments(counts: &Counts, ratios: &Ratios, means: &[f64]) -> Result<Vec<Tournament>> {
    if counts.ratios() != ratios.len() || counts.models() != means.len() {
        return Err(Error::new(
            Code::ShapeMismatch,
            format!(
                "Counts of {} models at {} values of N do not fit {} means and {} values of N.",
                counts.models(),
                counts.ratios(),
                means.len(),
                ratios.len()
            ),
        ));
    }
    Ok(ratios.n().iter().enumerate().map(|(ratio, &n)| rank(n, counts, ratio, means)).collect())
}

/// Counts, scores and ranking of all models in one go: [`counts`], [`mean_log_probs`] and [`tournaments`].
///
/// # Errors
/// As [`counts`].
pub fn tournament(
    log_probs: &LogProbs,
    ratios: &Ratios,
    workers: &Workers,
    control: &Control,
) -> Result<(Counts, Vec<Tournament>)> {
    let counts = counts(log_probs, ratios, workers, control)?;
    let means = mean_log_probs(log_probs, workers, control)?;
    let tournaments = tournaments(&counts, ratios, &means)?;
    Ok((counts, tournaments))
}

/// Which of two models ranks first: less score, then greater mean log-likelihood, then input order.
pub fn compare_models(a: (u32, f64, usize), b: (u32, f64, usize)) -> Ordering {
    a.0.cmp(&b.0).then(b.1.total_cmp(&a.1)).then(a.2.cmp(&b.2))
}

fn rank(n: f64, counts: &Counts, ratio: usize, means: &[f64]) -> Tournament {
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
    let mut ranking: Vec<usize> = (0..models).collect();
    ranking.sort_by(|&a, &b| compare_models((score_counts[a], means[a], a), (score_counts[b], means[b], b)));
    let share = |count: u32| f64::from(count) / f64::from(counts.responses());
    let margin = ranking.get(1).map(|&second| share(score_counts[second] - score_counts[ranking[0]]));
    Tournament {
        n,
        winner: ranking[0],
        scores: score_counts.iter().map(|&count| share(count)).collect(),
        score_counts,
        rivals,
        ranking,
        margin,
    }
}
