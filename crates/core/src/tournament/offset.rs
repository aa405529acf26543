//! The offset tournament [32], which also looks at what each model itself would say.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::bootstrap::indicator;
use super::counts::counts;
use super::mean_log_probs::mean_log_probs;
use super::ratios::Ratios;
use crate::error::{Code, Error, Result};
use crate::log_probs::LogProbs;
use crate::order;
use crate::parallel::Workers;
use crate::progress::Control;
use crate::resample::number_labels;
use crate::statistics::{BoundedMean, Interval, check_confidence, clopper_pearson};

/// Fewer held-out responses, or on-policy ones of some model, or prompts where there are labels, than this allow no
/// verdict.
const FEWEST: usize = 30;

/// Options of [`offset_tournament`]; whoever calls it gives all of them.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OffsetOptions {
    /// Values of N, each finite and at least 1.
    #[serde(rename = "N")]
    pub n: Vec<f64>,
    /// The exponent a of the offset 2·N^a, in [0, 1]. Theorem 6.4 wants N^{1−2a} ≥ 8.
    pub a: f64,
    /// Confidence with which the possible winners hold a truly best model, at all N together.
    pub confidence: f64,
}

/// Responses drawn from one model, scored by every model, with the weight of each.
#[derive(Clone, Debug)]
pub struct OnPolicy {
    log_probs: LogProbs,
    /// `None` where every response weighs the same and is a unit by itself.
    prompts: Option<Prompts>,
}

/// Prompts, which are the independent units, on both sides.
#[derive(Clone, Debug)]
struct Prompts {
    held_out: Side,
    drawn: Side,
    /// Weight of each response drawn; they sum to 1.
    each: Vec<f64>,
    /// Weight of each prompt: how often it is held out beside the most frequent.
    weights: Vec<f64>,
}

/// The number of each response's prompt, and how many responses each prompt has.
#[derive(Clone, Debug)]
struct Side {
    of_response: Vec<u32>,
    sizes: Vec<f64>,
}

impl Side {
    fn new(of_response: Vec<u32>, prompts: usize) -> Self {
        let mut sizes = vec![0.0; prompts];
        of_response.iter().for_each(|&prompt| sizes[prompt as usize] += 1.0);
        Self { of_response, sizes }
    }

    /// Of each prompt the share of its responses that are in `mask`.
    fn shares(&self, mask: &[u64]) -> Vec<f64> {
        let mut hits = vec![0.0; self.sizes.len()];
        for (i, &prompt) in self.of_response.iter().enumerate() {
            if mask[i / 64] >> (i % 64) & 1 == 1 {
                hits[prompt as usize] += 1.0;
            }
        }
        hits.iter().zip(&self.sizes).map(|(hits, size)| hits / size).collect()
    }
}

impl OnPolicy {
    /// `log_probs` is M × s: s responses of one model under all M models, each of the same weight.
    #[must_use]
    pub fn alike(log_probs: LogProbs) -> Self {
        Self { log_probs, prompts: None }
    }

    /// The average of Eq. (32) over the held-out prompts with their multiplicities: the responses to a prompt weigh, all
    /// together, as often as the prompt occurs among `held_out`. Labels, one for each response, are of the same prompts on
    /// both sides.
    ///
    /// # Errors
    /// [`Code::ShapeMismatch`] unless there is a label for every response; where a prompt is on one side only, with the
    /// position of its first response.
    pub fn by_prompt(log_probs: LogProbs, prompts: &[u32], held_out: &[u32]) -> Result<Self> {
        if prompts.len() != log_probs.responses() {
            return Err(Error::new(
                Code::ShapeMismatch,
                format!("There are {} prompt labels for {} responses.", prompts.len(), log_probs.responses()),
            ));
        }
        let (numbers, count) = number_labels(&[held_out, prompts].concat());
        let (of_held_out, of_drawn) = numbers.split_at(held_out.len());
        let (held_out, drawn) = (Side::new(of_held_out.to_vec(), count), Side::new(of_drawn.to_vec(), count));
        let without =
            |side: &Side, other: &Side| side.of_response.iter().position(|&prompt| other.sizes[prompt as usize] == 0.0);
        if let Some(response) = without(&drawn, &held_out) {
            let message =
                "An on-policy response is to a prompt that is not among the held-out ones: draw responses to those.";
            return Err(Error::new(Code::ShapeMismatch, message).at_response(response).at_field("onPolicy"));
        }
        if let Some(response) = without(&held_out, &drawn) {
            let message = "A held-out prompt has no on-policy response: draw at least one from every model.";
            return Err(Error::new(Code::ShapeMismatch, message).at_response(response).at_field("logProbs"));
        }
        let n = held_out.of_response.len() as f64;
        let weight = |&prompt: &u32| held_out.sizes[prompt as usize] / drawn.sizes[prompt as usize] / n;
        let greatest = held_out.sizes.iter().copied().fold(1.0, f64::max);
        let each = drawn.of_response.iter().map(weight).collect();
        let weights = held_out.sizes.iter().map(|size| size / greatest).collect();
        Ok(Self { log_probs, prompts: Some(Prompts { held_out, drawn, each, weights }) })
    }

    /// Units of which the fewest decide: responses drawn or prompts.
    fn units(&self) -> usize {
        self.prompts.as_ref().map_or(self.log_probs.responses(), |prompts| prompts.weights.len())
    }
}

/// Ĉ_N(a‖b) − offset·Ĉ^b_N(a‖b) of one pair, and its limits.
#[derive(Clone, Copy)]
struct Value {
    value: f64,
    limits: Interval,
}

/// Exact limits of shares, each worked out once: few counts are met by most pairs, at a large N above all 0.
struct Limits {
    tail: f64,
    known: HashMap<(u64, u64), Interval>,
}

impl Limits {
    fn of(&mut self, hits: u64, trials: u64) -> Interval {
        let tail = self.tail;
        *self.known.entry((hits, trials)).or_insert_with(|| clopper_pearson(hits, trials, 1.0 - tail))
    }
}

/// What the value of a pair is made of.
struct Pair<'a> {
    log_probs: &'a LogProbs,
    on_policy: &'a OnPolicy,
    a: usize,
    b: usize,
    log_n: f64,
    offset: f64,
    /// On how many responses held out a counts against b.
    count: u32,
}

impl Pair<'_> {
    fn value(&self, known: &mut Limits) -> Value {
        let Self { on_policy, a, b, log_n, offset, count, .. } = *self;
        let held_out = self.log_probs.responses() as u64;
        let covered = f64::from(count) / held_out as f64;
        let mask = indicator(&on_policy.log_probs, a, b, log_n);
        let Some(prompts) = &on_policy.prompts else {
            // Two independent samples, each with exact limits at half the level.
            let hits = mask.iter().map(|word| u64::from(word.count_ones())).sum();
            let drawn = on_policy.log_probs.responses() as u64;
            let (held, own) = (known.of(u64::from(count), held_out), known.of(hits, drawn));
            let limits = Interval { low: held.low - offset * own.high, high: held.high - offset * own.low };
            return Value { value: covered - offset * (hits as f64 / drawn as f64), limits };
        };
        let weighted = |share, (i, weight): (usize, &f64)| {
            if mask[i / 64] >> (i % 64) & 1 == 1 { share + weight } else { share }
        };
        let value = covered - offset * prompts.each.iter().enumerate().fold(0.0, weighted);
        // Both sides of a prompt together, in [−offset, 1], are one value of one unit.
        let width = 1.0 + offset;
        let held = prompts.held_out.shares(&indicator(self.log_probs, a, b, log_n));
        let together = held.iter().zip(prompts.drawn.shares(&mask));
        let values: Vec<f64> = together.map(|(held, own)| (held + offset * (1.0 - own)) / width).collect();
        let mean = BoundedMean::of_weighted(&values, &prompts.weights);
        let limits =
            Interval { low: width * mean.lower(known.tail) - offset, high: width * mean.upper(known.tail) - offset };
        Value { value, limits }
    }
}

/// Outcome of the offset tournament [32] at one N. Vectors are in model order, models are indices.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OffsetTournament {
    /// The ratio N.
    #[serde(rename = "N")]
    pub n: f64,
    /// The exponent a.
    pub a: f64,
    /// 2·N^a, what a rival's on-policy share is multiplied by.
    pub offset: f64,
    /// Whether N^{1−2a} ≥ 8, without which theorem 6.4 promises nothing.
    pub within_theorem: bool,
    /// Model of the least objective; ties go to the greater mean log-likelihood, then to input order.
    pub winner: usize,
    /// Per model max over rivals (itself included, whose value is 0 for N > 1) of `values`. Small is good.
    pub objectives: Vec<f64>,
    /// Limits of each objective. They hold together, those of all models at all N, with the confidence asked for.
    pub objective_intervals: Vec<Interval>,
    /// The rival that gives each model its objective, the least index of several.
    pub rivals: Vec<usize>,
    /// All models, best first.
    pub ranking: Vec<usize>,
    /// The models whose objective may be least, by rank: the others' lower limits exceed the upper limit of some model.
    pub possible_winners: Vec<usize>,
    /// `clear` with one possible winner, `tied` where several share the least objective, `few` below 30 responses held out
    /// or drawn from some model, or 30 prompts where there are labels, else `noise`.
    pub verdict: &'static str,
    /// Objective of the second in the ranking less that of the winner; `None` with a single model.
    pub margin: Option<f64>,
    /// Row-major M×M: entry `a * M + b` is Ĉ_N(a‖b) − 2·N^a·Ĉ^b_N(a‖b).
    #[serde(skip)]
    pub values: Vec<f64>,
}

/// The offset tournament [32] at every N: `log_probs` on held-out responses, `on_policy[b]` the responses drawn from
/// model b under every model.
///
/// # Errors
/// [`Code::InvalidOption`]; [`Code::ShapeMismatch`] unless there is one set of on-policy responses for each model,
/// each scored by all models; as [`counts`].
pub fn offset_tournament(
    log_probs: &LogProbs,
    on_policy: &[OnPolicy],
    options: &OffsetOptions,
    workers: &Workers,
    control: &Control,
) -> Result<Vec<OffsetTournament>> {
    let ratios = Ratios::new(&options.n)?;
    check_confidence(options.confidence)?;
    if !(0.0..=1.0).contains(&options.a) {
        return Err(Error::option("a", format!("a must lie between 0 and 1, not {}.", options.a)));
    }
    let models = log_probs.models();
    if on_policy.len() != models {
        return Err(Error::new(
            Code::ShapeMismatch,
            format!("There are on-policy responses of {} models, but {models} models take part.", on_policy.len()),
        ));
    }
    if let Some(model) = on_policy.iter().position(|responses| responses.log_probs.models() != models) {
        let scored = on_policy[model].log_probs.models();
        return Err(Error::new(
            Code::ShapeMismatch,
            format!("The responses drawn from model {model} are scored by {scored} models instead of {models}."),
        )
        .at_model(model));
    }
    let held_out = counts(log_probs, &ratios, workers, control)?;
    let means = mean_log_probs(log_probs, workers, control)?;
    let offsets: Vec<f64> = ratios.n().iter().map(|&n| 2.0 * libm::pow(n, options.a)).collect();
    // Two limits a pair, all N: the union of all that may go wrong.
    let limits = 2 * (models * models.saturating_sub(1)).max(1) * ratios.len();
    let tail = (1.0 - options.confidence) / limits as f64;
    // Per model b, then per N and rival a.
    let values = workers.map(models, control, |b| {
        let mut values = Vec::with_capacity(ratios.len() * models);
        // How likely each limit may be wrong is the same for all.
        let mut known = Limits { tail, known: HashMap::new() };
        for (ratio, (&log_n, &offset)) in ratios.log_n().iter().zip(&offsets).enumerate() {
            for a in 0..models {
                control.check()?;
                let count = held_out.get(ratio, a, b);
                let on_policy = &on_policy[b];
                values.push(Pair { log_probs, on_policy, a, b, log_n, offset, count }.value(&mut known));
            }
        }
        Ok(values)
    })?;
    let fewest = on_policy.iter().map(OnPolicy::units).fold(log_probs.responses(), usize::min);
    Ok((0..ratios.len())
        .map(|ratio| {
            let at = At { n: ratios.n()[ratio], a: options.a, offset: offsets[ratio], means: &means, fewest };
            at.outcome(|a, b| values[b][ratio * models + a])
        })
        .collect())
}

/// One N.
struct At<'a> {
    n: f64,
    a: f64,
    offset: f64,
    means: &'a [f64],
    fewest: usize,
}

impl At<'_> {
    fn outcome(&self, of: impl Fn(usize, usize) -> Value) -> OffsetTournament {
        let Self { n, a, offset, means, .. } = *self;
        let models = means.len();
        let mut values = vec![0.0; models * models];
        let mut objectives = vec![f64::NEG_INFINITY; models];
        let mut rivals = vec![0; models];
        // Limits of the objectives: the greatest of all rivals' lower and upper limits. A model's own value is known.
        let mut limits = vec![Interval { low: f64::NEG_INFINITY, high: f64::NEG_INFINITY }; models];
        for rival in 0..models {
            for b in 0..models {
                let Value { value, limits: of_pair } = of(rival, b);
                values[rival * models + b] = value;
                if value > objectives[b] {
                    (objectives[b], rivals[b]) = (value, rival);
                }
                let Interval { low, high } = if rival == b { Interval { low: value, high: value } } else { of_pair };
                limits[b] = Interval { low: limits[b].low.max(low), high: limits[b].high.max(high) };
            }
        }
        let mut ranking: Vec<usize> = (0..models).collect();
        order::indices_by(&mut ranking, |left, right| {
            objectives[left]
                .total_cmp(&objectives[right])
                .then(means[right].total_cmp(&means[left]))
                .then(left.cmp(&right))
        });
        let least_upper = limits.iter().map(|limit| limit.high).fold(f64::INFINITY, f64::min);
        let possible_winners: Vec<usize> =
            ranking.iter().copied().filter(|&model| limits[model].low <= least_upper).collect();
        let sharing = objectives.iter().filter(|&&objective| objective == objectives[ranking[0]]).count();
        let verdict = if self.fewest < FEWEST {
            "few"
        } else if possible_winners.len() == 1 {
            "clear"
        } else if sharing > 1 {
            "tied"
        } else {
            "noise"
        };
        OffsetTournament {
            n,
            a,
            offset,
            within_theorem: libm::pow(n, 1.0 - 2.0 * a) >= 8.0,
            winner: ranking[0],
            margin: ranking.get(1).map(|&second| objectives[second] - objectives[ranking[0]]),
            objectives,
            objective_intervals: limits,
            rivals,
            ranking,
            possible_winners,
            verdict,
            values,
        }
    }
}

#[cfg(test)]
mod tests;
