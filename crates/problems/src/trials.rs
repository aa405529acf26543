//! Many trials of many instances: what a sweep over n, H, N or d is made of.

use std::collections::BTreeMap;

use coverage_principle_core::error::{Error, Result};
use coverage_principle_core::order;
use coverage_principle_core::parallel::Workers;
use coverage_principle_core::progress::Control;
use coverage_principle_core::random::{Purpose, Stream};
use coverage_principle_core::statistics::mean_and_standard_error;
use coverage_principle_core::tournament::Ratios;
use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::instance::{Description, Estimate};
use super::registry::{ProblemOptions, Subject, subject};

/// Options of [`trials`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TrialsOptions {
    /// The instances, one for each point of the sweep.
    pub problems: Vec<ProblemOptions>,
    /// The values of N at which Cov_N is measured.
    #[serde(rename = "N")]
    pub n: Vec<f64>,
    /// Trials of each instance: 1 to 10^6. Default 100.
    pub replicates: usize,
    /// Seed of the data sets; trial r of every instance draws from stream r. Default 0.
    pub seed: u64,
}

/// All trials of one instance.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProblemTrials {
    /// The instance.
    pub description: Description,
    /// One entry an estimator, in the instance's order.
    pub estimators: Vec<EstimatorTrials>,
}

/// What one estimator reached over all trials.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EstimatorTrials {
    /// Name of the estimator.
    pub estimator: &'static str,
    /// D_KL in nats; null if it was infinite in some trial.
    pub kl: Option<Summary>,
    /// In how many trials KL was +∞.
    pub infinite_kl: usize,
    /// Cov_N of each budget, in the order asked for.
    pub cov: Vec<Summary>,
    /// The other figures by name, over the trials that have them.
    pub details: BTreeMap<&'static str, Summary>,
    /// KL of each trial, +∞ included.
    #[serde(skip)]
    pub kl_values: Vec<f64>,
    /// Cov_N, [trial, budget].
    #[serde(skip)]
    pub cov_values: Array2<f64>,
}

/// A figure over trials.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// How many trials have it.
    pub trials: usize,
    /// The mean.
    pub mean: f64,
    /// Standard error of the mean; null for a single trial.
    pub standard_error: Option<f64>,
    /// The least.
    pub min: f64,
    /// Quantiles 0.1, 0.25, 0.5, 0.75, 0.9: the least value with at least that share of trials at or below it.
    pub quantiles: [f64; 5],
    /// The greatest.
    pub max: f64,
}

impl Summary {
    /// `None` for no value at all, or one that is not finite.
    fn of(values: &[f64]) -> Option<Self> {
        if values.is_empty() || values.iter().any(|value| !value.is_finite()) {
            return None;
        }
        let count = values.len() as f64;
        let (mean, standard_error) = mean_and_standard_error(values);
        let mut sorted = values.to_vec();
        order::ascending(&mut sorted);
        let quantile = |share: f64| sorted[((share * count).ceil() as usize).clamp(1, sorted.len()) - 1];
        Some(Self {
            trials: values.len(),
            mean,
            standard_error,
            min: sorted[0],
            quantiles: [0.1, 0.25, 0.5, 0.75, 0.9].map(quantile),
            max: sorted[sorted.len() - 1],
        })
    }
}

/// Runs `replicates` trials of each instance. Advances `control` by one a trial. The same numbers at any number of
/// threads, and for each instance the same whatever others are beside it.
///
/// # Errors
/// [`coverage_principle_core::Code::InvalidOption`] for an instance (named by its index), a budget or a number of replicates out of
/// range; [`coverage_principle_core::Code::Aborted`].
pub fn trials(options: &TrialsOptions, workers: &Workers, control: &Control) -> Result<Vec<ProblemTrials>> {
    if options.problems.is_empty() {
        return Err(Error::option("problems", "There is no problem: give at least one."));
    }
    if !(1..=1_000_000).contains(&options.replicates) {
        let message = format!("replicates must be between 1 and 1000000, not {}.", options.replicates);
        return Err(Error::option("replicates", message));
    }
    let budgets = Ratios::new(&options.n)?;
    let mut instances: Vec<Subject> = Vec::with_capacity(options.problems.len());
    for (index, problem) in options.problems.iter().enumerate() {
        let instance = subject(problem).map_err(|mut error| {
            let field = error.place.field.take().map_or_else(String::new, |field| format!(".{field}"));
            error.at_field(format!("problems[{index}]{field}"))
        })?;
        instances.push(instance);
    }
    let total = instances.len() * options.replicates;
    control.start(total as u64);
    let estimates = workers.map(total, control, |task| {
        let (instance, replicate) = (&instances[task / options.replicates], task % options.replicates);
        let mut stream = Stream::new(options.seed, Purpose::Data, replicate as u64);
        let estimates = instance.trial(&budgets, &mut stream, control)?;
        control.advance(1);
        Ok(estimates)
    })?;
    Ok(instances
        .iter()
        .zip(estimates.chunks_exact(options.replicates))
        .map(|(instance, trials)| {
            let description = instance.describe();
            let estimators = (0..description.estimators.len()).map(|index| collect(trials, index, &budgets)).collect();
            ProblemTrials { description, estimators }
        })
        .collect())
}

/// Everything about estimator `index`.
fn collect(trials: &[Vec<Estimate>], index: usize, budgets: &Ratios) -> EstimatorTrials {
    let of = || trials.iter().map(|estimates| &estimates[index]);
    let kl_values: Vec<f64> = of().map(|estimate| estimate.kl).collect();
    let mut cov_values = Array2::zeros((trials.len(), budgets.len()));
    for (mut row, estimate) in cov_values.rows_mut().into_iter().zip(of()) {
        row.iter_mut().zip(&estimate.cov).for_each(|(value, &cov)| *value = cov);
    }
    let mut details: BTreeMap<&'static str, Vec<f64>> = BTreeMap::new();
    for estimate in of() {
        for (&name, &value) in &estimate.details {
            details.entry(name).or_default().push(value);
        }
    }
    let cov = cov_values.columns().into_iter().filter_map(|of_budget| Summary::of(&of_budget.to_vec())).collect();
    EstimatorTrials {
        estimator: trials[0][index].estimator,
        kl: Summary::of(&kl_values),
        infinite_kl: kl_values.iter().filter(|kl| kl.is_infinite()).count(),
        cov,
        details: details.into_iter().filter_map(|(name, values)| Some((name, Summary::of(&values)?))).collect(),
        kl_values,
        cov_values,
    }
}
