//! Which checkpoint to take: everything that `select` answers, as one computation.
//!
//! All pairs are counted once, at the values of N asked for and at those of the curves together; tournaments, possible
//! winners, bootstrap and curves are made of the same counts. Beside the tournament stand the picks of other criteria and
//! what they would have cost.

mod budget;
mod curves;
mod disagreements;
mod limits;
mod options;
mod picks;
mod possible;
#[cfg(test)]
mod tests;
mod verdict;
mod winner;

use serde::Serialize;

use crate::best_of_n::SampleCounts;
use crate::error::{Code, Error, Result};
use crate::log_probs::LogProbs;
use crate::log_probs::facts::{MatrixFacts, Precision, matrix_facts};
use crate::parallel::Workers;
use crate::progress::Control;
use crate::statistics::Interval;
use crate::tournament::{
    AllParts, Counts, NearTiesOptions, Ratios, Resampled, SavedTournament, Tournament, Unit, affordable_replicates,
    counts, first_tournaments, mean_log_probs, near_ties, resampled_wins, rungs,
};

pub use budget::{Asked, ratio_of_budget, span_of_budget};
pub use curves::Curves;
pub use disagreements::{Criterion, Disagreement};
use limits::Units;
pub use options::SelectionOptions;
pub use picks::{CrossEntropyPick, KlPick, PassAtKPick};
use possible::{Possible, Question};
pub(crate) use verdict::sharing;
pub use verdict::{Recommendation, Verdict};
pub use winner::{WinnerAt, select_winners};

/// With more possible winners than this the picture of win shares is left out.
const MOST_RESAMPLED: usize = 64;

/// What a selection is made from.
#[derive(Clone, Copy, Debug)]
pub struct SelectionInput<'a> {
    /// The models that compete, on held-out responses.
    pub log_probs: &'a LogProbs,
    /// A label for each response's prompt, where prompts repeat: then prompts are the independent units.
    pub prompts: Option<&'a [u32]>,
    /// One row: a model whose log-probabilities play those of π_D.
    pub reference: Option<&'a LogProbs>,
    /// Sampled responses of the same models.
    pub samples: Option<&'a SampleCounts>,
    /// A finished tournament of the same models at the same N, whose counts are taken.
    pub saved: Option<&'a SavedTournament>,
    /// Everything that there is to count, counted in parts ([`ratios_to_count`]); not together with `saved`.
    pub parts: Option<&'a AllParts>,
}

/// Everything that `select` finds out. Models are indices, vectors in model order.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Selection {
    /// The model to take over all N.
    pub recommendation: Recommendation,
    /// What counts as independent: responses, or prompts where they repeat.
    pub unit: Unit,
    /// How many of them there are.
    pub units: usize,
    /// The greatest N at which exactly one model has the least score; 0 where there is none, +∞ (in JSON null) where one
    /// model has none against it at any N. Where the two least models are equal, on the grid of the curves.
    pub resolution: f64,
    /// One entry for each budget, then for each N, in the order asked for.
    pub tournaments: Vec<SelectionAt>,
    /// The pick by cross-entropy.
    pub cross_entropy: CrossEntropyPick,
    /// The pick by KL divergence; `None` without a reference.
    pub kl: Option<KlPick>,
    /// The picks by Pass@k, one for each budget and each N that is a whole number; `None` without samples.
    pub pass_at_k: Option<Vec<PassAtKPick>>,
    /// Where another criterion chooses another model than the tournament.
    pub disagreements: Vec<Disagreement>,
    /// Scores and winners on a grid of N.
    pub curves: Curves,
    /// Replicates of the bootstrap; 0 without.
    pub replicates: u32,
    /// What the numbers say about how they were made.
    pub facts: MatrixFacts,
    /// All counts at the values of N asked for.
    #[serde(skip)]
    pub counts: Counts,
}

/// The tournament at one N, with how sure it is.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SelectionAt {
    /// The budget K that N was made from, if it was.
    pub best_of: Option<u32>,
    /// Scores, winner, ranking.
    #[serde(flatten)]
    pub tournament: Tournament,
    /// Interval of each score by itself, valid at the size at hand: exact binomial limits, by prompts where they repeat.
    pub score_intervals: Vec<Interval>,
    /// The models that may be best, by rank: with probability `confidence` they hold a truly best one at all N together.
    pub possible_winners: Vec<usize>,
    /// How sure the choice is.
    pub verdict: Verdict,
    /// The values of N that the recommendation here is held against: those of the budget, or N.
    pub span: Vec<f64>,
    /// The model to take here: the winner where N was given, for a budget the one that is best over the span.
    pub recommendation: Recommendation,
    /// How many models share the least score.
    pub sharing: usize,
    /// Number of responses at which the winner would be the only possible one if shares stayed as they are; `None` where
    /// that would never do.
    pub responses_needed: Option<f64>,
    /// Where N is beyond the resolution: number of responses at which one would count against the runner-up, as its
    /// greatest log ratios fall off.
    pub tail_responses: Option<f64>,
    /// Share of the resamples that each possible winner wins, a picture; `None` where there is none.
    pub win_shares: Option<Vec<f64>>,
    /// Comparisons of the winner with others that the precision of the numbers cannot decide.
    pub near_ties: u64,
}

/// Makes the whole selection.
///
/// # Errors
/// [`Code::InvalidOption`]; [`Code::TooFewModels`] below two models; [`Code::ShapeMismatch`] if the parts of the input
/// do not belong together; [`Code::InputChanged`] for a saved tournament without some N; [`Code::Aborted`].
pub fn select(
    input: &SelectionInput<'_>,
    options: &SelectionOptions,
    workers: &Workers,
    control: &Control,
) -> Result<Selection> {
    let log_probs = input.log_probs;
    let asked_for = options.checked()?;
    let Asked { ratios, spans, budgets } = &asked_for;
    if log_probs.models() < 2 {
        return Err(Error::new(Code::TooFewModels, "A choice needs at least two models."));
    }
    control.enter("tournament");
    let counted = count_once(input, ratios, spans, workers, control)?;
    let means = mean_log_probs(log_probs, workers, control)?;
    control.enter("reach");
    let results = match input.saved {
        Some(saved) => taken_tournaments(saved, ratios)?,
        None => {
            first_tournaments(counted.asked, log_probs, &counted.counts, &counted.ratios, &means, workers, control)?
        }
    };
    let curves = counted.curves(log_probs, &means, &results, workers, control)?;
    let asked = counted.counts.select(&(0..counted.asked).collect::<Vec<_>>());
    control.enter("possible winners");
    let units = Units::new(asked.responses(), input.prompts);
    let decisions = decide(log_probs, &units, &asked, ratios, &results, options.confidence, workers, control)?;
    let verdicts: Vec<Verdict> = decisions.iter().map(|decision| decision.verdict).collect();
    let resolution = resolution(log_probs, &curves, workers, control)?;
    control.enter("bootstrap");
    let (replicates, win_shares) = win_shares(input, &asked, ratios, &decisions, options, workers, control)?;
    control.enter("checks");
    let facts = matrix_facts(log_probs, workers, control)?;
    let near_ties = near_ties(
        log_probs,
        &NearTiesOptions {
            n: ratios.n().to_vec(),
            models: results.iter().map(|result| result.winner).collect(),
            precision: coarsest(&facts),
        },
        workers,
        control,
    )?;
    control.enter("other criteria");
    let cross_entropy = CrossEntropyPick::find(log_probs, &facts, input.prompts, options.confidence, workers, control)?;
    let kl = match input.reference {
        None => None,
        Some(reference) => {
            Some(KlPick::find(log_probs, reference, input.prompts, options.confidence, workers, control)?)
        }
    };
    let pass_at_k = match input.samples {
        None => None,
        Some(samples) => Some(PassAtKPick::find_all(log_probs, samples, &asked_for, options, workers, control)?),
    };
    let picks = disagreements::Picks {
        cross_entropy: cross_entropy.winner,
        kl: kl.as_ref().and_then(|pick| pick.winner),
        pass_at_k: pass_at_k.as_deref(),
    };
    let disagreements = disagreements::find(log_probs, &results, &picks, workers, control)?;
    let recommendations = spans.iter().enumerate().map(|(ratio, span)| {
        let at = ratio..=ratio;
        Recommendation::of(&curves, span, &results[at.clone()], &verdicts[at])
    });
    let recommendations: Vec<Recommendation> = recommendations.collect();
    // Of several tournaments, over the N at which they were held.
    let over = if spans.len() == 1 { &spans[0][..] } else { ratios.n() };
    let recommendation = Recommendation::of(&curves, over, &results, &verdicts);
    let responses = f64::from(asked.responses());
    let mut tournaments = Vec::with_capacity(results.len());
    let parts = results.into_iter().zip(decisions).zip(win_shares).zip(near_ties);
    for (ratio, (((tournament, decision), win_shares), near_ties)) in parts.enumerate() {
        let silent = decision.verdict == Verdict::Silent;
        let log_n = ratios.log_n()[ratio];
        tournaments.push(SelectionAt {
            best_of: budgets[ratio],
            span: spans[ratio].clone(),
            recommendation: recommendations[ratio],
            sharing: sharing(&tournament),
            tail_responses: if silent {
                verdict::responses_to_see_tail(log_probs, tournament.ranking[1], log_n)
            } else {
                None
            },
            responses_needed: decision.possible.times.map(|times| (times * responses).ceil()),
            possible_winners: decision.possible.models,
            score_intervals: decision.score_intervals,
            verdict: decision.verdict,
            win_shares,
            tournament,
            near_ties: near_ties.count,
        });
    }
    Ok(Selection {
        recommendation,
        unit: if input.prompts.is_some() { Unit::Prompt } else { Unit::Response },
        units: units.count(),
        resolution,
        tournaments,
        cross_entropy,
        kl,
        pass_at_k,
        disagreements,
        curves,
        replicates,
        facts,
        counts: asked,
    })
}

/// How sure the winner at one N is.
struct Decision {
    possible: Possible,
    verdict: Verdict,
    score_intervals: Vec<Interval>,
}

#[expect(clippy::too_many_arguments, reason = "the tournaments and what they were made of")]
fn decide(
    log_probs: &LogProbs,
    units: &Units,
    counts: &Counts,
    ratios: &Ratios,
    results: &[Tournament],
    confidence: f64,
    workers: &Workers,
    control: &Control,
) -> Result<Vec<Decision>> {
    let alpha = 1.0 - confidence;
    let each = results.iter().enumerate().map(|(ratio, result)| {
        let log_n = ratios.log_n()[ratio];
        let question = Question { log_probs, units, counts, ratio, log_n, result };
        // The union over N, so that all sets hold together.
        let possible = question.possible(alpha / results.len() as f64, workers, control)?;
        let verdict = Verdict::of(result, possible.models.len(), units.count());
        Ok(Decision { verdict, possible, score_intervals: question.score_intervals(alpha, workers, control)? })
    });
    each.collect()
}

/// The greatest N at which exactly one model has the least score.
fn resolution(log_probs: &LogProbs, curves: &Curves, workers: &Workers, control: &Control) -> Result<f64> {
    let greatest = verdict::greatest_log_ratios(log_probs, workers, control)?;
    Ok(match verdict::log_resolution(&greatest) {
        Some(log_n) => libm::exp(log_n),
        None => {
            let alone = curves.n.iter().zip(&curves.sharing).filter(|&(_, &sharing)| sharing == 1);
            alone.map(|(&n, _)| n).fold(0.0, f64::max)
        }
    })
}

/// Number of replicates, and the share that each possible winner wins at each N where several are left to be shown.
fn win_shares(
    input: &SelectionInput<'_>,
    counts: &Counts,
    ratios: &Ratios,
    decisions: &[Decision],
    options: &SelectionOptions,
    workers: &Workers,
    control: &Control,
) -> Result<(u32, Vec<Option<Vec<f64>>>)> {
    let models = counts.models();
    let affordable = || affordable_replicates(models, counts.responses() as usize, ratios.len());
    let replicates = options.replicates.unwrap_or_else(affordable);
    let mut shares = vec![None; decisions.len()];
    if replicates == 0 {
        return Ok((0, shares));
    }
    let shown = |decision: &Decision| {
        matches!(decision.verdict, Verdict::Noise | Verdict::Tied) && decision.possible.models.len() <= MOST_RESAMPLED
    };
    let contests: Vec<Resampled> = (decisions.iter().enumerate())
        .filter(|(_, decision)| shown(decision))
        .map(|(ratio, decision)| Resampled { ratio, candidates: decision.possible.models.clone() })
        .collect();
    for (share, decision) in shares.iter_mut().zip(decisions) {
        if decision.verdict == Verdict::Clear {
            *share = Some(vec![1.0]);
        }
    }
    let (log_probs, prompts) = (input.log_probs, input.prompts);
    let draws = (replicates, options.seed);
    if contests.is_empty() {
        crate::resample::check_replicates(replicates, 1)?;
        return Ok((0, shares));
    }
    let found = resampled_wins(log_probs, prompts, counts, ratios, &contests, draws, workers, control)?;
    for (contest, wins) in contests.iter().zip(found.wins) {
        let share = |wins: u32| f64::from(wins) / f64::from(replicates);
        shares[contest.ratio] = Some(wins.into_iter().map(share).collect());
    }
    Ok((replicates, shares))
}

/// All that is counted: at the values of N asked for, then at the further ones of the curves, then where it helps the
/// reach.
struct Counted {
    ratios: Ratios,
    counts: Counts,
    /// How many values of N were asked for.
    asked: usize,
    /// How many there are with those of the curves.
    shown: usize,
}

/// Every N at which a selection without a saved tournament counts, for those who count in parts.
///
/// # Errors
/// [`Code::InvalidOption`].
pub fn ratios_to_count(options: &SelectionOptions, models: usize) -> Result<Ratios> {
    let Asked { ratios, spans, .. } = options.checked()?;
    Ratios::new(&[shown(&ratios, &spans, models), rungs(&ratios, models)].concat())
}

/// The values of N asked for, then the further ones of the curves.
fn shown(asked: &Ratios, spans: &[Vec<f64>], models: usize) -> Vec<f64> {
    let grid = curves::grid(asked.n(), &spans.concat(), models);
    asked.n().iter().copied().chain(grid.into_iter().filter(|n| !asked.n().contains(n))).collect()
}

/// Counts all pairs in one pass, at every N that anything needs.
fn count_once(
    input: &SelectionInput<'_>,
    asked: &Ratios,
    spans: &[Vec<f64>],
    workers: &Workers,
    control: &Control,
) -> Result<Counted> {
    let log_probs = input.log_probs;
    let shown = shown(asked, spans, log_probs.models());
    let mut further = shown[asked.len()..].to_vec();
    let counts = match input.saved {
        None => {
            further.extend(rungs(asked, log_probs.models()));
            let ratios = Ratios::new(&[asked.n(), &further].concat())?;
            match input.parts {
                None => counts(log_probs, &ratios, workers, control)?,
                Some(parts) => parts.counts_of(log_probs, &ratios, workers, control)?.clone(),
            }
        }
        Some(saved) => {
            // What it has besides need not be counted again.
            let (mut kept, missing): (Vec<f64>, Vec<f64>) =
                further.iter().partition(|&n| saved.ratios().n().contains(n));
            let taken = taken_counts(saved, log_probs, &Ratios::new(&[asked.n(), &kept].concat())?)?;
            kept.extend(&missing);
            further = kept;
            if missing.is_empty() {
                taken
            } else {
                taken.joined(&counts(log_probs, &Ratios::new(&missing)?, workers, control)?)?
            }
        }
    };
    Ok(Counted {
        ratios: Ratios::new(&[asked.n(), &further].concat())?,
        counts,
        asked: asked.len(),
        shown: shown.len(),
    })
}

/// The counts of a saved tournament at the values of N asked for.
fn taken_counts(saved: &SavedTournament, log_probs: &LogProbs, ratios: &Ratios) -> Result<Counts> {
    let (models, responses) = (saved.counts().models(), saved.counts().responses());
    if (models, responses as usize) != (log_probs.models(), log_probs.responses()) {
        return Err(Error::new(
            Code::InputChanged,
            format!(
                "The saved tournament is of {models} models on {responses} responses, the log-probabilities are of {} on {}: extend it first.",
                log_probs.models(),
                log_probs.responses()
            ),
        ));
    }
    Ok(saved.counts().select(&places(saved, ratios)?))
}

/// A saved tournament's outcome at the values of N asked for.
fn taken_tournaments(saved: &SavedTournament, ratios: &Ratios) -> Result<Vec<Tournament>> {
    let all = saved.tournaments();
    Ok(places(saved, ratios)?.into_iter().map(|place| all[place].clone()).collect())
}

/// Where a saved tournament has the values of N asked for.
fn places(saved: &SavedTournament, ratios: &Ratios) -> Result<Vec<usize>> {
    let places = ratios.n().iter().map(|n| {
        saved.ratios().n().iter().position(|saved| saved == n).ok_or_else(|| {
            let there = saved.ratios().n().iter().map(f64::to_string).collect::<Vec<_>>().join(", ");
            let message =
                format!("The saved tournament has N = {there}, but not {n}: start another for other values of N.");
            Error::new(Code::InputChanged, message).at_field("N")
        })
    });
    places.collect()
}

/// Coarse numbers make near-ties: the coarsest format that holds some model's values exactly is what counts.
fn coarsest(facts: &MatrixFacts) -> Option<Precision> {
    facts.models.iter().map(|model| model.precision).min()
}
