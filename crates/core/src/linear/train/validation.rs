//! What is measured along a run.

use std::fmt::Debug;
use std::sync::Arc;

use serde::Serialize;

use crate::error::{Code, Error, Result};
use crate::linear::exact::{ExactOptions, measure};
use crate::linear::features::FeatureMap;
use crate::linear::measures::{Measures, check_budgets};
use crate::linear::policy::{DataDistribution, Policy};
use crate::linear::responses::Responses;
use crate::parallel::Workers;
use crate::progress::Control;

/// Measures that a problem takes of the checkpoints of a run on it.
pub trait CheckpointMeasures: Debug + Send + Sync {
    /// The measures of `policy`, in an order of the problem's own.
    ///
    /// # Errors
    /// Where the policy does not fit; [`Code::Aborted`].
    fn measure(&self, policy: &dyn Policy, workers: &Workers, control: &Control) -> Result<Vec<f64>>;
}

/// How models are validated along a run.
#[derive(Clone, Debug, Default)]
pub struct Validation {
    /// Held-out responses from π_D; checkpoints keep their log-probabilities. None means no held-out measures.
    pub held_out: Option<Arc<Responses>>,
    /// log π_D(y_i | x_i) of the held-out responses, where known: then KL and Cov_N are estimated too.
    pub reference: Option<Arc<[f64]>>,
    /// π_D, where exact measures by enumeration are wanted.
    pub exact: Option<Arc<DataDistribution>>,
    /// The values of N.
    pub n: Vec<f64>,
    /// Validate π^TTT with this step size instead of π_θ.
    pub test_time_step_size: Option<f64>,
    /// What a problem measures of its checkpoints.
    pub of_checkpoints: Option<Arc<dyn CheckpointMeasures>>,
    /// Limit of the enumeration; 0 = the default of [`ExactOptions`].
    pub max_responses: u64,
}

/// Measures of one iterate.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ValidationRecord {
    /// Steps taken.
    pub step: u64,
    /// Mean of −log π̂(y_i | x_i) over the held-out responses.
    pub cross_entropy: Option<f64>,
    /// Mean of log π_D/π̂ over the held-out responses, where π_D is known.
    pub kl: Option<f64>,
    /// Share of held-out responses with π_D/π̂ ≥ N, for each N, where π_D is known.
    pub coverage: Option<Vec<f64>>,
    /// Exact measures, where asked for.
    pub exact: Option<Measures>,
}

impl Validation {
    /// # Errors
    /// [`Code::ShapeMismatch`] or [`Code::InvalidOption`] for parts that do not fit each other.
    pub(super) fn check(&self, features: &dyn FeatureMap) -> Result<()> {
        check_budgets(&self.n)?;
        if let Some(held_out) = &self.held_out {
            held_out
                .check(features.prompts(), features.vocabulary(), features.horizon())
                .map_err(|error| error.at_field("validation.heldOut"))?;
        }
        match (&self.reference, &self.held_out) {
            (Some(reference), Some(held_out)) if reference.len() != held_out.len() => Err(Error::new(
                Code::ShapeMismatch,
                format!(
                    "There are {} reference log-probabilities for {} held-out responses.",
                    reference.len(),
                    held_out.len()
                ),
            )
            .at_field("validation.reference")),
            (Some(_), None) => {
                Err(Error::option("validation.reference", "Reference log-probabilities need held-out responses."))
            }
            _ => Ok(()),
        }
    }

    /// Log-probabilities of the held-out responses; empty if there are none.
    pub(super) fn log_probs(&self, policy: &dyn Policy, workers: &Workers, control: &Control) -> Result<Vec<f64>> {
        self.held_out.as_ref().map_or(Ok(Vec::new()), |held_out| policy.log_probs(held_out, workers, control))
    }

    /// What the problem measures of a checkpoint; empty if nothing.
    pub(super) fn measure_checkpoint(
        &self,
        policy: &dyn Policy,
        workers: &Workers,
        control: &Control,
    ) -> Result<Vec<f64>> {
        self.of_checkpoints.as_ref().map_or(Ok(Vec::new()), |measures| measures.measure(policy, workers, control))
    }

    /// Measures `policy`, whose log-probabilities of the held-out responses are `log_probs`.
    pub(super) fn record(
        &self,
        step: u64,
        policy: &dyn Policy,
        log_probs: &[f64],
        workers: &Workers,
        control: &Control,
    ) -> Result<ValidationRecord> {
        let mut record = ValidationRecord { step, cross_entropy: None, kl: None, coverage: None, exact: None };
        if self.held_out.is_some() {
            let count = log_probs.len() as f64;
            record.cross_entropy = Some(-log_probs.iter().sum::<f64>() / count);
            if let Some(reference) = &self.reference {
                let ratios: Vec<f64> = reference.iter().zip(log_probs).map(|(p, q)| p - q).collect();
                record.kl = Some(ratios.iter().sum::<f64>() / count);
                let tail = |n: f64| {
                    let log_n = crate::statistics::log_n(n);
                    ratios.iter().filter(|&&ratio| ratio >= log_n).count() as f64 / count
                };
                record.coverage = Some(self.n.iter().map(|&n| tail(n)).collect());
            }
        }
        if let Some(data) = &self.exact {
            let mut options = ExactOptions { n: self.n.clone(), ..ExactOptions::default() };
            if self.max_responses > 0 {
                options.max_responses = self.max_responses;
            }
            record.exact = Some(measure(data, policy, &options, workers, control)?.0);
        }
        Ok(record)
    }
}
