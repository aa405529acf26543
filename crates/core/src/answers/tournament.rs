use serde::Serialize;

use super::pairs::{Share, Units, reaches};
use super::{AnswerDraws, AnswerEstimates, AnswerRow, MonteCarlo};
use crate::error::{Code, Error, Result};
use crate::log_probs::{LogProbs, Rows};
use crate::parallel::Workers;
use crate::progress::Control;
use crate::selection::{Asked, Curves, Recommendation, SelectionOptions, Verdict, sharing};
use crate::statistics::{Clusters, Interval};
use crate::tournament::{Ratios, Tournament, tournament};

/// The tournament between answers at one N. Models are indices, vectors in model order.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AnswerSelectionAt {
    /// The budget K that N was made from, if it was.
    pub best_of: Option<u32>,
    /// Scores, winner, ranking, of the estimated log-probabilities of the answers.
    #[serde(flatten)]
    pub tournament: Tournament,
    /// Interval of each score by itself, what Monte Carlo adds included: it holds at any number of responses and
    /// reasonings.
    pub score_intervals: Vec<Interval>,
    /// The models that may be best, by rank: with probability `confidence` they hold a truly best one at all N together,
    /// whatever Monte Carlo adds.
    pub possible_winners: Vec<usize>,
    /// How sure the choice is.
    pub verdict: Verdict,
    /// The values of N that the recommendation here is held against: those of the budget, or N.
    pub span: Vec<f64>,
    /// What the answers alone would take here: the winner where N was given, for a budget the model that is best over the
    /// span.
    pub recommendation: Recommendation,
    /// How many models share the least score.
    pub sharing: usize,
    /// Of each model and its worst rival, the number of responses of which the reasonings leave open whether they count.
    pub undecided: Vec<usize>,
}

/// The tournaments between answers.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AnswerSelection {
    /// n, the number of responses.
    pub responses: usize,
    /// Number of prompts where they repeat and are the units; `None` where responses are.
    pub prompts: Option<usize>,
    /// Confidence of every interval, and of the possible winners at all N together.
    pub confidence: f64,
    /// Whether log π(a | x) is given as it is.
    pub exact: bool,
    /// Least and greatest number of reasonings of a response; 0 where values are exact.
    pub reasonings: [usize; 2],
    /// What Monte Carlo does to each model's log-probabilities.
    pub monte_carlo: Vec<MonteCarlo>,
    /// What the answers alone would take over all N.
    pub recommendation: Recommendation,
    /// One entry for each budget, then for each N, in the order asked for.
    pub tournaments: Vec<AnswerSelectionAt>,
}

/// The simple tournament [28,29] between the probabilities of answers, at the budgets, the N and the confidence of
/// `options`.
///
/// Possible winners are told by exact limits of all pairs: with l_ab and u_ab limits of P(L_a − L_b ≥ log N), b is ruled out
/// if max_a l_ab > max_a u_ac for some c. A given best model is ruled out wrongly only if one of its M − 1 lower limits
/// fails, or the upper limit of some other model's worst rival, of which there are M − 1 too: each has the tail
/// α/(2(M − 1)), divided by the number of values of N.
///
/// # Errors
/// [`Code::InvalidOption`]; [`Code::TooFewModels`] below two models; [`Code::ShapeMismatch`] for labels that are not one a
/// response; [`Code::Aborted`].
pub fn select_by_answers(
    answers: &AnswerDraws,
    prompts: Option<&[u32]>,
    options: &SelectionOptions,
    workers: &Workers,
    control: &Control,
) -> Result<AnswerSelection> {
    let Asked { ratios, spans, budgets } = options.checked()?;
    if answers.models() < 2 {
        return Err(Error::new(Code::TooFewModels, "A choice needs at least two models."));
    }
    let units = Units::new(prompts, answers.responses())?;
    control.enter("reasonings");
    let estimates = AnswerEstimates::new(answers, options.confidence, workers, control)?;
    control.enter("answers");
    let rows = estimates.rows.iter().map(|row| row.log_probs.clone().into()).collect();
    let estimated = LogProbs::of_legal(Rows::F64(rows))?;
    // Those asked for, then at what their budgets are held against besides.
    let besides = spans.concat().into_iter().filter(|n| !ratios.n().contains(n));
    let all: Vec<f64> = ratios.n().iter().copied().chain(besides).collect();
    let (counts, held) = tournament(&estimated, &Ratios::new(&all)?, workers, control)?;
    let curves = Curves::of(&held, counts.responses());
    let results = &held[..ratios.len()];
    let decide = |index: usize| {
        let at = Pairs {
            rows: &estimates.rows,
            units: &units,
            log_n: ratios.log_n()[index],
            misleads: estimates.misleads(),
            alpha: 1.0 - options.confidence,
        };
        at.decide(&results[index], ratios.len(), workers, control)
    };
    let decisions = (0..ratios.len()).map(decide).collect::<Result<Vec<_>>>()?;
    let verdicts: Vec<Verdict> = decisions.iter().map(|decision| decision.verdict).collect();
    // Of several tournaments, over the N at which they were held.
    let over = if spans.len() == 1 { &spans[0][..] } else { ratios.n() };
    let recommendation = Recommendation::of(&curves, over, results, &verdicts);
    let tournaments = decisions.into_iter().enumerate().map(|(index, decision)| {
        let at = index..=index;
        AnswerSelectionAt {
            best_of: budgets[index],
            recommendation: Recommendation::of(&curves, &spans[index], &results[at.clone()], &verdicts[at]),
            span: spans[index].clone(),
            score_intervals: decision.scored.iter().map(|scored| scored.interval).collect(),
            verdict: decision.verdict,
            possible_winners: decision.possible,
            sharing: sharing(&results[index]),
            undecided: decision.scored.iter().map(|scored| scored.undecided).collect(),
            tournament: results[index].clone(),
        }
    });
    Ok(AnswerSelection {
        responses: answers.responses(),
        prompts: units.clusters().map(Clusters::len),
        confidence: options.confidence,
        exact: answers.is_exact(),
        reasonings: estimates.reasonings.into(),
        monte_carlo: estimates.rows.iter().map(AnswerRow::monte_carlo).collect(),
        recommendation,
        tournaments: tournaments.collect(),
    })
}

/// What all pairs at one N come to.
struct Decision {
    scored: Vec<Scored>,
    /// By rank.
    possible: Vec<usize>,
    verdict: Verdict,
}

/// All pairs of models at one N.
struct Pairs<'a> {
    rows: &'a [AnswerRow],
    units: &'a Units,
    log_n: f64,
    misleads: f64,
    alpha: f64,
}

/// What limits say of one model's score.
struct Scored {
    interval: Interval,
    /// Lower and upper limit at the level of the possible winners.
    limits: Interval,
    undecided: usize,
}

impl Pairs<'_> {
    /// Responses that may and that must count against `model` for `rival`. At N = 1 a model is a rival of its own, with a
    /// ratio that is known: it counts unless the model rules the answer out.
    fn shares(&self, rival: usize, model: usize) -> (Share, Share) {
        let (a, b) = (&self.rows[rival], &self.rows[model]);
        if rival == model {
            let possible = |limits: &[f64]| self.units.share(|i| limits[i] > f64::NEG_INFINITY);
            return (possible(&a.upper), possible(&a.lower));
        }
        let share = |above: &[f64], below: &[f64]| self.units.share(|i| reaches(above[i], below[i], self.log_n));
        (share(&a.upper, &b.lower), share(&a.lower, &b.upper))
    }

    fn score(&self, model: usize, worst: usize, asked: usize) -> Scored {
        let models = self.rows.len();
        let tail = 0.5 * self.alpha;
        // The greatest lower limit is chosen among as many as there are rivals.
        let chosen = tail / (models - 1) as f64;
        let shared = chosen / asked as f64;
        let mut scored = Scored {
            interval: Interval { low: 0.0, high: 0.0 },
            limits: Interval { low: 0.0, high: 0.0 },
            undecided: 0,
        };
        let raise = |limit: &mut f64, value: f64| *limit = limit.max(value);
        for rival in (0..models).filter(|&rival| rival != model || self.log_n == 0.0) {
            let (may, must) = self.shares(rival, model);
            let lower = |tail| self.units.lower_beyond(&must, tail, self.misleads);
            let upper = |tail| self.units.upper_beyond(&may, tail, self.misleads);
            raise(&mut scored.interval.low, lower(chosen));
            raise(&mut scored.interval.high, upper(tail));
            raise(&mut scored.limits.low, lower(shared));
            raise(&mut scored.limits.high, upper(shared));
            if rival == worst {
                scored.undecided = may.count - must.count;
            }
        }
        scored
    }

    fn decide(&self, result: &Tournament, asked: usize, workers: &Workers, control: &Control) -> Result<Decision> {
        let scored =
            workers.map(self.rows.len(), control, |model| Ok(self.score(model, result.rivals[model], asked)))?;
        let least = scored.iter().map(|scored| scored.limits.high).fold(f64::INFINITY, f64::min);
        let possible: Vec<usize> =
            result.ranking.iter().copied().filter(|&model| scored[model].limits.low <= least).collect();
        Ok(Decision { verdict: Verdict::of(result, possible.len(), self.units.count()), scored, possible })
    }
}
