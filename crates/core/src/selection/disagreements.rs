use serde::Serialize;

use super::PassAtKPick;
use crate::error::Result;
use crate::log_probs::LogProbs;
use crate::parallel::Workers;
use crate::progress::Control;
use crate::tournament::{Ratios, Tournament, uncovered_responses};

/// How many of the responses that a pick fails to cover are named.
const WORST: usize = 10;

/// Another way to choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Criterion {
    /// Least cross-entropy: validation loss.
    CrossEntropy,
    /// Least KL divergence from a reference.
    Kl,
    /// Greatest Pass@k.
    PassAtK,
}

/// A criterion that chose another model than the tournament at one N.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Disagreement {
    /// The ratio.
    #[serde(rename = "N")]
    pub n: f64,
    /// Which criterion.
    pub criterion: Criterion,
    /// Its pick.
    pub pick: usize,
    /// The tournament's.
    pub winner: usize,
    /// Tournament score of the pick.
    pub pick_score: f64,
    /// Tournament score of the winner.
    pub winner_score: f64,
    /// Responses that the pick fails to cover against its worst rival.
    pub uncovered: usize,
    /// The worst rival of the pick.
    pub rival: usize,
    /// The responses that weigh most, by falling log ratio.
    pub worst: Vec<Worst>,
}

/// A response that a pick fails to cover.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Worst {
    /// Its position.
    pub response: u32,
    /// log π_rival − log π_pick, in nats; `None` where the pick rules it out.
    pub log_ratio: Option<f64>,
}

/// What the other criteria choose.
pub(super) struct Picks<'a> {
    pub(super) cross_entropy: usize,
    pub(super) kl: Option<usize>,
    pub(super) pass_at_k: Option<&'a [PassAtKPick]>,
}

/// Where the picks differ from the tournament's.
pub(super) fn find(
    log_probs: &LogProbs,
    tournaments: &[Tournament],
    picks: &Picks<'_>,
    workers: &Workers,
    control: &Control,
) -> Result<Vec<Disagreement>> {
    let mut found = Vec::new();
    for result in tournaments {
        let pass_at_k = picks.pass_at_k.and_then(|picks| picks.iter().find(|pick| pick.n == result.n)?.winner);
        let criteria = [
            (Criterion::CrossEntropy, Some(picks.cross_entropy)),
            (Criterion::Kl, picks.kl),
            (Criterion::PassAtK, pass_at_k),
        ];
        for (criterion, pick) in criteria {
            if let Some(pick) = pick.filter(|&pick| pick != result.winner) {
                found.push(disagreement(log_probs, result, criterion, pick, workers, control)?);
            }
        }
    }
    Ok(found)
}

fn disagreement(
    log_probs: &LogProbs,
    result: &Tournament,
    criterion: Criterion,
    pick: usize,
    workers: &Workers,
    control: &Control,
) -> Result<Disagreement> {
    let rival = result.rivals[pick];
    let uncovered = uncovered_responses(log_probs, pick, Some(rival), &Ratios::new(&[result.n])?, workers, control)?;
    let worst = uncovered.responses.iter().zip(&uncovered.log_ratios).take(WORST);
    Ok(Disagreement {
        n: result.n,
        criterion,
        pick,
        winner: result.winner,
        pick_score: result.scores[pick],
        winner_score: result.scores[result.winner],
        uncovered: uncovered.responses.len(),
        rival,
        worst: worst
            .map(|(&response, &ratio)| Worst { response, log_ratio: Some(ratio).filter(|ratio| ratio.is_finite()) })
            .collect(),
    })
}
