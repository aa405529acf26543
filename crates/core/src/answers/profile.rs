use serde::Serialize;

use super::pairs::{Units, reaches};
use super::{AnswerDraws, AnswerEstimates, AnswerRow, MonteCarlo};
use crate::error::{Code, Error, Result};
use crate::log_probs::LogProbs;
use crate::order;
use crate::parallel::Workers;
use crate::profile::{CoverageProfileOptions, LogRatios};
use crate::progress::Control;
use crate::statistics::{Clusters, Estimate, Interval, check_confidence, lane_sum};
use crate::tournament::Ratios;

/// Cov_N of the answers of one model at one N.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AnswerCoverageAt {
    /// The ratio N.
    #[serde(rename = "N")]
    pub n: f64,
    /// Number of responses whose estimated ratio reaches N.
    pub count: usize,
    /// `count` as a share of all responses.
    pub value: f64,
    /// Of Cov_N, what Monte Carlo adds included: it holds at any number of responses and of reasonings.
    pub interval: Interval,
    /// What the responses alone leave open, as if the estimated ratios were the true ones.
    pub sampling_interval: Interval,
    /// Number of responses of which the reasonings leave open whether their ratio reaches N; 0 where values are exact.
    pub undecided: usize,
    /// The least of Cov_{tN}/(1 − t) of the whole responses over 0 < t < 1, which bounds Cov_N of the answers. Of the
    /// distributions: an estimate may break it.
    pub whole_bound: Option<f64>,
}

/// How far the answers of one model are from the reference's.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ModelAnswerProfile {
    /// One entry for each N, in the order asked for.
    pub coverage: Vec<AnswerCoverageAt>,
    /// KL divergence of the answers, in nats, each logarithm corrected by the jackknife; without an interval unless values
    /// are exact.
    pub kl: Estimate,
    /// Cross-entropy of the answers, likewise.
    pub cross_entropy: Estimate,
    /// What Monte Carlo does to the model's log-probabilities.
    pub monte_carlo: MonteCarlo,
}

/// Answer-level coverage profiles of several models against one reference.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AnswerProfiles {
    /// n, the number of responses.
    pub responses: usize,
    /// Number of prompts where they repeat and are the units of all intervals; `None` where responses are.
    pub prompts: Option<usize>,
    /// Confidence of every interval.
    pub confidence: f64,
    /// Whether log π(a | x) is given as it is, for the models.
    pub exact: bool,
    /// Least and greatest number of reasonings of a response under a model; 0 where values are exact.
    pub reasonings: [usize; 2],
    /// The chance that the limits of one response fail, for which intervals make room; 0 where values are exact.
    pub misleads: f64,
    /// What Monte Carlo does to the reference's log-probabilities.
    pub reference_monte_carlo: MonteCarlo,
    /// One profile a model, in input order.
    pub models: Vec<ModelAnswerProfile>,
}

/// Cov_N of the answers of every model of `answers` against `reference`, draws of one model, on responses drawn from the
/// reference, at the N and the confidence of `options`; `whole` are the log-probabilities of the same models, and of the reference, on the whole responses.
///
/// `prompts` labels the prompt of each response: where labels repeat, intervals take prompts as independent. Reasonings
/// must be drawn afresh, for each response or once for all of a prompt: that of the response itself is no draw from the
/// model given the prompt alone.
///
/// # Errors
/// [`Code::ShapeMismatch`] unless all are of the same responses and models; [`Code::InvalidOption`]; [`Code::Aborted`].
pub fn answer_profiles(
    answers: &AnswerDraws,
    reference: &AnswerDraws,
    whole: Option<(&LogProbs, &LogProbs)>,
    prompts: Option<&[u32]>,
    options: &CoverageProfileOptions,
    workers: &Workers,
    control: &Control,
) -> Result<AnswerProfiles> {
    check_confidence(options.confidence)?;
    let ratios = Ratios::new(&options.n)?;
    let responses = answers.responses();
    let fits = reference.models() == 1
        && reference.responses() == responses
        && whole.is_none_or(|(models, teacher)| {
            models.models() == answers.models() && models.responses() == responses && teacher.responses() == responses
        });
    if !fits {
        let message = "Answers, their reference and whole responses must be of the same models and the same responses.";
        return Err(Error::new(Code::ShapeMismatch, message));
    }
    let units = Units::new(prompts, responses)?;
    control.enter("reasonings");
    let estimates = AnswerEstimates::new(answers, options.confidence, workers, control)?;
    let teacher = AnswerEstimates::new(reference, options.confidence, workers, control)?;
    let misleads = estimates.tail + teacher.tail;
    let against = &teacher.rows[0];
    control.enter("answers");
    let models = workers.map(answers.models(), control, |model| {
        let row = &estimates.rows[model];
        let ratios_of_whole = match whole {
            None => None,
            Some((models, teacher)) => Some(LogRatios::between(&teacher.row_f64(0), &models.row_f64(model))?),
        };
        let coverage = ratios.n().iter().zip(ratios.log_n()).map(|(&n, &log_n)| {
            let share = |above: &[f64], below: &[f64]| units.share(|i| reaches(above[i], below[i], log_n));
            let plain = share(&against.log_probs, &row.log_probs);
            let (may, must) = (share(&against.upper, &row.lower), share(&against.lower, &row.upper));
            let tail = 0.5 * (1.0 - options.confidence);
            AnswerCoverageAt {
                n,
                count: plain.count,
                value: plain.count as f64 / responses as f64,
                interval: Interval {
                    low: units.lower_beyond(&must, tail, misleads),
                    high: units.upper_beyond(&may, tail, misleads),
                },
                sampling_interval: units.interval(&plain, options.confidence),
                undecided: may.count - must.count,
                whole_bound: ratios_of_whole.as_ref().map(|ratios| bound_from_whole(ratios, log_n)),
            }
        });
        let mean = Corrected { clusters: units.clusters(), confidence: options.confidence };
        Ok(ModelAnswerProfile {
            coverage: coverage.collect(),
            kl: mean.kl(against, row),
            cross_entropy: mean.cross_entropy(row),
            monte_carlo: row.monte_carlo(),
        })
    })?;
    Ok(AnswerProfiles {
        responses,
        prompts: units.clusters().map(Clusters::len),
        confidence: options.confidence,
        exact: answers.is_exact(),
        reasonings: estimates.reasonings.into(),
        misleads,
        reference_monte_carlo: against.monte_carlo(),
        models,
    })
}

/// The least of Cov_{tN}/(1 − t) over 0 < t < 1, of the empirical profile of whole responses; at most 1.
#[must_use]
pub fn bound_from_whole(whole: &LogRatios, log_n: f64) -> f64 {
    let n = whole.values().len() as f64;
    let mut below: Vec<f64> =
        whole.values().iter().copied().filter(|&value| value < log_n && value > f64::NEG_INFINITY).collect();
    order::descending(&mut below);
    let above = whole.count_at_least(log_n);
    // The profile falls just beyond each ratio that occurs: the least t that leaves k of them out lies there.
    let bounds = below.iter().enumerate().map(|(rank, &value)| {
        let share = (above + rank) as f64 / n;
        share / -libm::expm1(value - log_n)
    });
    // Without a ratio below N, t is as small as one likes.
    let none_below = (above + below.len()) as f64 / n;
    bounds.fold(none_below.min(1.0), f64::min)
}

/// Means of logarithms that the jackknife has corrected.
struct Corrected<'a> {
    clusters: Option<&'a Clusters>,
    confidence: f64,
}

impl Corrected<'_> {
    fn kl(&self, reference: &AnswerRow, model: &AnswerRow) -> Estimate {
        for (row, whose) in [(reference, "reference"), (model, "model")] {
            let unreached = row.monte_carlo().unreached;
            if unreached > 0 {
                return self.unreached("KL divergence", whose, unreached, row);
            }
        }
        let both = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a - b).collect::<Vec<f64>>();
        let exact = reference.is_exact() && model.is_exact();
        self.mean(&both(&reference.log_probs, &model.log_probs), &both(&reference.biases, &model.biases), exact)
    }

    fn cross_entropy(&self, model: &AnswerRow) -> Estimate {
        let unreached = model.monte_carlo().unreached;
        if unreached > 0 {
            return self.unreached("cross-entropy", "model", unreached, model);
        }
        let negated = |values: &[f64]| values.iter().map(|value| -value).collect::<Vec<f64>>();
        self.mean(&negated(&model.log_probs), &negated(&model.biases), model.is_exact())
    }

    fn unreached(&self, what: &str, whose: &str, unreached: usize, row: &AnswerRow) -> Estimate {
        let n = row.log_probs.len();
        Estimate::unknown(if row.is_exact() {
            format!("The {what} is infinite: the {whose} rules out the answers of {unreached} of {n} responses.")
        } else {
            format!(
                "The {what} is not known: under the {whose} none of the reasonings leads to the answer in {unreached} of {n} responses. More reasonings may."
            )
        })
    }

    /// The mean of `values` less their `biases`, none of which is known where values are exact.
    fn mean(&self, values: &[f64], biases: &[f64], exact: bool) -> Estimate {
        if exact {
            return Estimate::of_clustered_mean(values, self.clusters, self.confidence);
        }
        let n = values.len() as f64;
        let unknown = biases.iter().filter(|bias| bias.is_nan()).count();
        if unknown > 0 {
            return Estimate::without_interval(
                lane_sum(values) / n,
                format!(
                    "The logarithm of a mean over reasonings is too low on average, and by how much is not known for {unknown} of {n} responses: at most one of their reasonings leads to the answer. Draw more."
                ),
            );
        }
        let corrected: Vec<f64> = values.iter().zip(biases).map(|(value, bias)| value - bias).collect();
        let correction = lane_sum(biases) / n;
        let mut estimate = Estimate::of_clustered_mean(&corrected, self.clusters, self.confidence);
        let open = estimate.interval.take().map_or(String::new(), |Interval { low, high }| {
            format!(" The responses alone leave open {low:.3} to {high:.3}.")
        });
        estimate.reason = Some(format!(
            "No interval holds for the mean of logarithms of means over reasonings: what reasonings that were not drawn would add is not known. The jackknife corrects it by {:.3} nats.{open}",
            -correction
        ));
        estimate.warning = None;
        estimate
    }
}
