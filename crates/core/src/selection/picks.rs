//! What other criteria would choose.

use serde::Serialize;

use super::{Asked, SelectionOptions};
use crate::best_of_n::{PassAtKOptions, SampleCounts, compare_pass_at_k};
use crate::error::{Code, Error, Result};
use crate::log_probs::LogProbs;
use crate::log_probs::facts::MatrixFacts;
use crate::parallel::Workers;
use crate::profile::{LogRatios, clustered_cross_entropies, kl_divergence};
use crate::progress::Control;
use crate::statistics::{Clusters, Estimate, Interval};

/// Cross-entropy of each model, and the pick it leads to: validation loss's.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CrossEntropyPick {
    /// Model of the least cross-entropy, the first of several; where all are infinite, the one that rules out the fewest
    /// responses.
    pub winner: usize,
    /// Mean of −log π(y|x) over the responses, in nats; `None` where it is infinite.
    pub values: Vec<Option<f64>>,
    /// Interval of each value.
    pub intervals: Vec<Option<Interval>>,
    /// How many responses each model rules out.
    pub infinite: Vec<usize>,
}

impl CrossEntropyPick {
    pub(super) fn find(
        log_probs: &LogProbs,
        facts: &MatrixFacts,
        prompts: Option<&[u32]>,
        confidence: f64,
        workers: &Workers,
        control: &Control,
    ) -> Result<Self> {
        let clusters = prompts.and_then(Clusters::by_label);
        let estimates = clustered_cross_entropies(log_probs, clusters.as_ref(), confidence, workers, control)?;
        let values: Vec<Option<f64>> = estimates.iter().map(|estimate| estimate.value).collect();
        let infinite: Vec<usize> = facts.models.iter().map(|model| model.minus_infinite).collect();
        Ok(Self {
            winner: least(&values, &infinite),
            values,
            intervals: estimates.iter().map(|estimate| estimate.interval).collect(),
            infinite,
        })
    }
}

/// KL divergence of each model from the reference, and the pick it leads to.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KlPick {
    /// Model of the least KL divergence; `None` if all are infinite.
    pub winner: Option<usize>,
    /// One estimate a model, in nats.
    pub values: Vec<Estimate>,
}

impl KlPick {
    pub(super) fn find(
        log_probs: &LogProbs,
        reference: &LogProbs,
        prompts: Option<&[u32]>,
        confidence: f64,
        workers: &Workers,
        control: &Control,
    ) -> Result<Self> {
        if reference.models() != 1 {
            let message = format!("The reference must be one model, not {}.", reference.models());
            return Err(Error::new(Code::ShapeMismatch, message));
        }
        let reference = reference.row_f64(0);
        let clusters = prompts.and_then(Clusters::by_label);
        let profiles = workers.map(log_probs.models(), control, |model| {
            let ratios = LogRatios::between(&reference, &log_probs.row_f64(model))?;
            Ok((kl_divergence(&ratios, clusters.as_ref(), confidence), ratios.infinite()))
        })?;
        let values: Vec<Option<f64>> = profiles.iter().map(|(kl, _)| kl.value).collect();
        let infinite: Vec<usize> = profiles.iter().map(|&(_, infinite)| infinite).collect();
        Ok(Self {
            winner: values.iter().any(Option::is_some).then(|| least(&values, &infinite)),
            values: profiles.into_iter().map(|(kl, _)| kl).collect(),
        })
    }
}

/// Pass@k of each model from sampled responses, and the pick it leads to.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PassAtKPick {
    /// The budget, or an N that is a whole number.
    pub k: u32,
    /// The N of the tournament it stands beside.
    #[serde(rename = "N")]
    pub n: f64,
    /// Model of the greatest Pass@k; `None` if it is known for none.
    pub winner: Option<usize>,
    /// One estimate a model.
    pub values: Vec<Estimate>,
}

impl PassAtKPick {
    /// For each budget, and each N that is a whole number.
    pub(super) fn find_all(
        log_probs: &LogProbs,
        samples: &SampleCounts,
        asked: &Asked,
        options: &SelectionOptions,
        workers: &Workers,
        control: &Control,
    ) -> Result<Vec<Self>> {
        if samples.models() != log_probs.models() {
            let message =
                format!("There are samples of {} models for {} models.", samples.models(), log_probs.models());
            return Err(Error::new(Code::ShapeMismatch, message));
        }
        let (n, k): (Vec<f64>, Vec<u32>) = (asked.ratios.n().iter().zip(&asked.budgets))
            .filter_map(|(&n, &budget)| Some((n, budget.or_else(|| whole(n))?)))
            .unzip();
        if k.is_empty() {
            return Ok(Vec::new());
        }
        let settings = PassAtKOptions {
            k,
            replicates: options.replicates.unwrap_or(PassAtKOptions::default().replicates),
            seed: options.seed,
            confidence: options.confidence,
            base: None,
        };
        let comparison = compare_pass_at_k(samples, &settings, workers, control)?;
        let each = comparison.per_k.into_iter().zip(n);
        Ok(each.map(|(at, n)| Self { k: at.k, n, winner: at.pick, values: at.values }).collect())
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole and within u32")]
fn whole(n: f64) -> Option<u32> {
    (n.fract() == 0.0 && n <= f64::from(u32::MAX)).then_some(n as u32)
}

/// The least known value, the first of several; where none is known, the model that rules out the fewest responses.
fn least(values: &[Option<f64>], infinite: &[usize]) -> usize {
    let key = |model: usize| (values[model].unwrap_or(f64::INFINITY), infinite[model]);
    (1..values.len()).fold(0, |best, model| {
        let ((value, ruled_out), (least, fewest)) = (key(model), key(best));
        if value < least || value == least && ruled_out < fewest { model } else { best }
    })
}

#[cfg(test)]
mod tests {
    use super::least;

    #[test]
    fn the_first_of_the_least_or_the_fewest_ruled_out() {
        assert_eq!(least(&[Some(2.0), Some(1.0), Some(1.0)], &[0; 3]), 1);
        assert_eq!(least(&[None, Some(9.0)], &[1, 0]), 1);
        assert_eq!(least(&[None, None, None], &[3, 2, 2]), 1);
    }
}
