use serde::Serialize;

use super::AnswerDraws;
use crate::error::Result;
use crate::parallel::Workers;
use crate::progress::Control;
use crate::statistics::{lane_sum, nonnegative_mean_lower};

/// The chance that Monte Carlo misleads about one response and one pair of models, as a part of what confidence leaves.
const PART_OF_ALPHA: f64 = 0.2;
/// Responses one task goes through. Part of no result.
const RESPONSES_PER_TASK: usize = 64;

/// What is known of one model's log π(a | x), response by response, in nats. NaN where there is no such number.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AnswerRow {
    /// log of the mean weight of the reasonings; −∞ where none of them leads to the answer.
    pub log_probs: Vec<f64>,
    /// Monte Carlo standard error of that, by the delta method; NaN for a single reasoning and where none leads to the
    /// answer; 0 where the value is exact.
    pub standard_errors: Vec<f64>,
    /// Its bias by the jackknife, never positive: (S − 1)·(mean of the S leave-one-out values − the value). NaN as above
    /// and where only one reasoning leads to the answer.
    pub biases: Vec<f64>,
    /// A limit that log π(a | x) is below with probability at most [`AnswerEstimates::tail`].
    pub lower: Vec<f64>,
    /// A limit that log π(a | x) is above with probability at most [`AnswerEstimates::tail`]; with a proposal, whose
    /// weights may be of any size, 0.
    pub upper: Vec<f64>,
}

/// Estimates of log π(a | x) of every model on every response.
///
/// Limits hold for each response by itself, whatever the distribution over reasonings is: weights are probabilities, so
/// that their mean lies in [0, 1] and can be bet on from both sides ([`nonnegative_mean_lower`]). From S reasonings none of
/// which leads to the answer follows π(a | x) ≲ log(1/tail)/S and no more.
#[derive(Clone, Debug, PartialEq)]
pub struct AnswerEstimates {
    /// One row a model.
    pub rows: Vec<AnswerRow>,
    /// The chance that one limit of one response fails; 0 where values are exact.
    pub tail: f64,
    /// Least and greatest number of reasonings of a response; 0 where values are exact.
    pub reasonings: (usize, usize),
    /// Reasonings come from a proposal, so that upper limits say nothing.
    pub has_proposal: bool,
}

/// What Monte Carlo does to one model's estimates.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MonteCarlo {
    /// Mean over responses of the standard error of log π(a | x), in nats, where it is known; `None` where it never is.
    pub standard_error: Option<f64>,
    /// Mean over responses of the jackknife's bias of log π(a | x), in nats and never positive, where it is known.
    pub bias: Option<f64>,
    /// Responses whose bias the jackknife cannot tell: at most one of their reasonings leads to the answer.
    pub unknown_bias: usize,
    /// Responses none of whose reasonings leads to the answer (or, of exact values, that the model rules out).
    pub unreached: usize,
}

impl AnswerEstimates {
    /// Estimates from `draws`, each limit at a tail that leaves `confidence`: a tenth of what it leaves.
    ///
    /// # Errors
    /// [`crate::Code::Aborted`].
    pub fn new(draws: &AnswerDraws, confidence: f64, workers: &Workers, control: &Control) -> Result<Self> {
        // Two models of a pair have a limit each.
        let tail = if draws.is_exact() { 0.0 } else { 0.5 * PART_OF_ALPHA * (1.0 - confidence) };
        let (models, responses) = (draws.models(), draws.responses());
        let tasks = responses.div_ceil(RESPONSES_PER_TASK);
        control.start((models * tasks) as u64);
        let parts = workers.map(models * tasks, control, |task| {
            let (model, first) = (task / tasks, task % tasks * RESPONSES_PER_TASK);
            let (mut row, mut weights) = (AnswerRow::default(), Vec::new());
            for response in first..(first + RESPONSES_PER_TASK).min(responses) {
                control.check()?;
                draws.log_weights(model, response, &mut weights);
                row.push(&mut weights, tail, draws.has_proposal());
            }
            control.advance(1);
            Ok(row)
        })?;
        let mut rows = vec![AnswerRow::default(); models];
        for (task, part) in parts.into_iter().enumerate() {
            rows[task / tasks].append(part);
        }
        Ok(Self { rows, tail, reasonings: draws.reasonings(), has_proposal: draws.has_proposal() })
    }

    /// The chance that Monte Carlo misleads about one response and two of the models.
    #[must_use]
    pub fn misleads(&self) -> f64 {
        2.0 * self.tail
    }
}

impl AnswerRow {
    /// Adds the response of these log weights, which are used up.
    fn push(&mut self, log_weights: &mut [f64], tail: f64, has_proposal: bool) {
        let count = log_weights.len() as f64;
        let greatest = log_weights.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if tail == 0.0 {
            self.extend(greatest, 0.0, 0.0, greatest, greatest);
            return;
        }
        let upper = if has_proposal { 0.0 } else { log_upper(log_weights, tail) };
        if greatest == f64::NEG_INFINITY {
            self.extend(greatest, f64::NAN, f64::NAN, greatest, upper);
            return;
        }
        // Parts of the greatest weight.
        for weight in log_weights.iter_mut() {
            *weight = libm::exp(*weight - greatest);
        }
        let parts = &*log_weights;
        let sum: f64 = parts.iter().sum();
        let mean = sum / count;
        let lower = greatest + libm::log(nonnegative_mean_lower(parts, tail));
        let squares: f64 = parts.iter().map(|part| (part - mean) * (part - mean)).sum();
        let error = libm::sqrt(squares / (count - 1.0) / count) / mean;
        // A probability is at most 1, whatever weights of a proposal come to.
        let log_prob = (greatest + libm::log(mean)).min(0.0);
        self.extend(log_prob, error, jackknife_bias(parts), lower.min(log_prob), upper);
    }

    fn extend(&mut self, log_prob: f64, error: f64, bias: f64, lower: f64, upper: f64) {
        self.log_probs.push(log_prob);
        self.standard_errors.push(error);
        self.biases.push(bias);
        self.lower.push(lower);
        self.upper.push(upper);
    }

    fn append(&mut self, other: Self) {
        self.log_probs.extend(other.log_probs);
        self.standard_errors.extend(other.standard_errors);
        self.biases.extend(other.biases);
        self.lower.extend(other.lower);
        self.upper.extend(other.upper);
    }

    /// Whether the values are given as they are: no limit is off.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.lower == self.upper
    }

    /// What Monte Carlo does to these estimates.
    #[must_use]
    pub fn monte_carlo(&self) -> MonteCarlo {
        let mean = |values: &[f64]| {
            let known: Vec<f64> = values.iter().copied().filter(|value| !value.is_nan()).collect();
            (!known.is_empty()).then(|| lane_sum(&known) / known.len() as f64)
        };
        MonteCarlo {
            standard_error: mean(&self.standard_errors),
            bias: mean(&self.biases),
            unknown_bias: self.biases.iter().filter(|bias| bias.is_nan()).count(),
            unreached: self.log_probs.iter().filter(|value| **value == f64::NEG_INFINITY).count(),
        }
    }
}

/// log of the upper limit of a mean of probabilities with these logarithms: one less the lower limit of their complements.
fn log_upper(log_weights: &[f64], tail: f64) -> f64 {
    let complements: Vec<f64> = log_weights.iter().map(|&log| -libm::expm1(log.min(0.0))).collect();
    libm::log1p(-nonnegative_mean_lower(&complements, tail))
}

/// (S − 1)·(mean of the leave-one-out logarithms − the logarithm), never positive; NaN where leaving one out leaves
/// nothing. Sums from both sides spare a difference in which digits would cancel.
fn jackknife_bias(parts: &[f64]) -> f64 {
    let count = parts.len();
    if count < 2 {
        return f64::NAN;
    }
    let mut after = vec![0.0; count + 1];
    for index in (0..count).rev() {
        after[index] = after[index + 1] + parts[index];
    }
    let others = (count - 1) as f64;
    let log_mean = libm::log(after[0] / count as f64);
    let (mut before, mut sum) = (0.0, 0.0);
    for (index, part) in parts.iter().enumerate() {
        let rest = before + after[index + 1];
        if rest <= 0.0 {
            return f64::NAN;
        }
        sum += libm::log(rest / others) - log_mean;
        before += part;
    }
    (others * sum / count as f64).min(0.0)
}
