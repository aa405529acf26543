//! Which checkpoint to take: everything that `select` answers, as one computation.
//!
//! All pairs are counted once, at the values of N asked for and at those of the curves together; tournaments, bootstrap
//! and curves are made of the same counts. Beside the tournament stand the picks of other criteria and what they would
//! have cost.

mod curves;
mod disagreements;
mod options;
mod picks;
#[cfg(test)]
mod tests;

use serde::Serialize;

use crate::best_of_n::SampleCounts;
use crate::error::{Code, Error, Result};
use crate::log_probs::LogProbs;
use crate::log_probs::facts::{MatrixFacts, Precision, matrix_facts};
use crate::parallel::Workers;
use crate::progress::Control;
use crate::statistics::{Interval, clopper_pearson};
use crate::tournament::{
    Bootstrap, BootstrapOptions, Counts, NearTiesOptions, Ratios, SavedTournament, Tournament, bootstrap, counts,
    mean_log_probs, near_ties, tournaments,
};

pub use curves::Curves;
pub use disagreements::{Criterion, Disagreement};
pub use options::SelectionOptions;
pub use picks::{CrossEntropyPick, KlPick, PassAtNPick};

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
}

/// Everything that `select` finds out. Models are indices, vectors in model order.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Selection {
    /// One entry for each N, in the order asked for.
    pub tournaments: Vec<SelectionAt>,
    /// The pick by cross-entropy.
    pub cross_entropy: CrossEntropyPick,
    /// The pick by KL divergence; `None` without a reference.
    pub kl: Option<KlPick>,
    /// The picks by Pass@N, one for each N that is a whole number; `None` without samples.
    pub pass_at_n: Option<Vec<PassAtNPick>>,
    /// Where another criterion chooses another model than the tournament.
    pub disagreements: Vec<Disagreement>,
    /// Scores and winners on a grid of N.
    pub curves: Curves,
    /// Resampled tournaments, in the order of `tournaments`; `None` if not asked for.
    pub bootstrap: Option<Bootstrap>,
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
    /// Scores, winner, ranking.
    #[serde(flatten)]
    pub tournament: Tournament,
    /// Exact binomial interval of each score, taken as Ĉ_N against its worst rival.
    pub score_intervals: Vec<Interval>,
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
    let ratios = options.checked()?;
    if log_probs.models() < 2 {
        return Err(Error::new(Code::TooFewModels, "A choice needs at least two models."));
    }
    control.enter("tournament");
    let counted = count_once(input, &ratios, workers, control)?;
    let means = mean_log_probs(log_probs, workers, control)?;
    let results = tournaments(&counted.asked, &ratios, &means)?;
    let curves = counted.curves(&means, &results)?;
    let bootstrap = match options.replicates {
        0 => None,
        replicates => {
            control.enter("bootstrap");
            let options = BootstrapOptions {
                n: options.n.clone(),
                replicates,
                seed: options.seed,
                confidence: options.confidence,
            };
            Some(bootstrap(log_probs, input.prompts, Some(&counted.asked), &options, workers, control)?)
        }
    };
    control.enter("checks");
    let facts = matrix_facts(log_probs, workers, control)?;
    let near_ties = near_ties(
        log_probs,
        &NearTiesOptions {
            n: options.n.clone(),
            models: results.iter().map(|result| result.winner).collect(),
            precision: coarsest(&facts),
        },
        workers,
        control,
    )?;
    control.enter("other criteria");
    let cross_entropy = CrossEntropyPick::find(log_probs, &facts, options.confidence, workers, control)?;
    let kl = match input.reference {
        None => None,
        Some(reference) => Some(KlPick::find(log_probs, reference, options.confidence, workers, control)?),
    };
    let pass_at_n = match input.samples {
        None => None,
        Some(samples) => Some(PassAtNPick::find_all(log_probs, samples, options, workers, control)?),
    };
    let picks = disagreements::Picks {
        cross_entropy: cross_entropy.winner,
        kl: kl.as_ref().and_then(|pick| pick.winner),
        pass_at_n: pass_at_n.as_deref(),
    };
    let disagreements = disagreements::find(log_probs, &results, &picks, workers, control)?;
    let tournaments = results
        .into_iter()
        .zip(near_ties)
        .map(|(tournament, near_ties)| SelectionAt {
            score_intervals: intervals(&tournament.score_counts, counted.asked.responses(), options.confidence),
            tournament,
            near_ties: near_ties.count,
        })
        .collect();
    Ok(Selection {
        tournaments,
        cross_entropy,
        kl,
        pass_at_n,
        disagreements,
        curves,
        bootstrap,
        facts,
        counts: counted.asked,
    })
}

/// The counts at the values of N asked for, and at the further ones of the curves.
struct Counted {
    asked: Counts,
    /// The values of N of the curves that were not asked for, with their counts.
    further: Option<(Ratios, Counts)>,
}

/// Counts all pairs in one pass, at every N that anything needs.
fn count_once(input: &SelectionInput<'_>, ratios: &Ratios, workers: &Workers, control: &Control) -> Result<Counted> {
    let log_probs = input.log_probs;
    let asked = ratios.n();
    let further: Vec<f64> =
        curves::grid(asked, log_probs.models()).into_iter().filter(|n| !asked.contains(n)).collect();
    let further = if further.is_empty() { None } else { Some(Ratios::new(&further)?) };
    if let Some(saved) = input.saved {
        let further = match further {
            None => None,
            Some(ratios) => {
                let counts = counts(log_probs, &ratios, workers, control)?;
                Some((ratios, counts))
            }
        };
        return Ok(Counted { asked: taken(saved, log_probs, ratios)?, further });
    }
    let Some(further) = further else {
        return Ok(Counted { asked: counts(log_probs, ratios, workers, control)?, further: None });
    };
    let all = Ratios::new(&[asked, further.n()].concat())?;
    let counts = counts(log_probs, &all, workers, control)?;
    let split = |range: std::ops::Range<usize>| counts.select(&range.collect::<Vec<_>>());
    Ok(Counted { asked: split(0..asked.len()), further: Some((further, split(asked.len()..all.len()))) })
}

/// The counts of a saved tournament at the values of N asked for.
fn taken(saved: &SavedTournament, log_probs: &LogProbs, ratios: &Ratios) -> Result<Counts> {
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
    let places = ratios.n().iter().map(|n| {
        saved.ratios().n().iter().position(|saved| saved == n).ok_or_else(|| {
            let there = saved.ratios().n().iter().map(f64::to_string).collect::<Vec<_>>().join(", ");
            let message =
                format!("The saved tournament has N = {there}, but not {n}: start another for other values of N.");
            Error::new(Code::InputChanged, message).at_field("N")
        })
    });
    Ok(saved.counts().select(&places.collect::<Result<Vec<_>>>()?))
}

/// Coarse numbers make near-ties: the coarsest format that holds some model's values exactly is what counts.
fn coarsest(facts: &MatrixFacts) -> Option<Precision> {
    facts.models.iter().map(|model| model.precision).min()
}

fn intervals(counts: &[u32], responses: u32, confidence: f64) -> Vec<Interval> {
    counts.iter().map(|&count| clopper_pearson(u64::from(count), u64::from(responses), confidence)).collect()
}
