//! What an estimate is: a value, an interval, or the reason why there is none.

use serde::Serialize;

use super::{Clusters, clustered_mean, mean_and_standard_error, student_two_sided};
use crate::error::{Error, Result};
use crate::order;

/// A closed interval; in JSON the pair `[low, high]`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(into = "[f64; 2]")]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl From<Interval> for [f64; 2] {
    fn from(interval: Interval) -> Self {
        [interval.low, interval.high]
    }
}

/// An estimate with its confidence interval, or the reason why there is none.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Estimate {
    /// The point estimate; `None` if it cannot be known, for the reason given.
    pub value: Option<f64>,
    /// Its interval; `None` if there is none, for the reason given.
    pub interval: Option<Interval>,
    /// Why `value` or `interval` is `None`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Why `interval` may not hold, or what an impossible `value` means.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
}

/// Below this many units (responses, or prompts where they repeat) normal theory is not to be trusted.
pub const FEW_UNITS: usize = 30;
/// A share of the sum in the largest 1% of the values beyond which normal theory is not to be trusted: light tails have
/// 2 to 6%, a lognormal distribution whose logarithm has standard deviation 1.5 has 20%.
const CONCENTRATED: f64 = 0.2;

impl Estimate {
    /// Nothing is known, for this reason.
    #[must_use]
    pub fn unknown(reason: impl Into<String>) -> Self {
        Self { value: None, interval: None, reason: Some(reason.into()), warning: None }
    }

    /// A value with its interval.
    #[must_use]
    pub fn new(value: f64, interval: Interval) -> Self {
        Self { value: Some(value), interval: Some(interval), reason: None, warning: None }
    }

    /// A value without an interval, for this reason.
    #[must_use]
    pub fn without_interval(value: f64, reason: impl Into<String>) -> Self {
        Self { value: Some(value), interval: None, reason: Some(reason.into()), warning: None }
    }

    /// The mean of independent draws, with Student's interval (normal theory: it wants many draws or light tails, and
    /// warns where it has neither; no interval is valid for all distributions, Bahadur and Savage 1956).
    #[must_use]
    pub fn of_mean(values: &[f64], confidence: f64) -> Self {
        Self::of_clustered_mean(values, None, confidence)
    }

    /// The mean of draws that are independent from cluster to cluster, with Student's interval on as many degrees of
    /// freedom as there are clusters, less one; without clusters, as [`Estimate::of_mean`].
    #[must_use]
    pub fn of_clustered_mean(values: &[f64], clusters: Option<&Clusters>, confidence: f64) -> Self {
        if values.is_empty() {
            return Self::unknown("There is no value to take the mean of.");
        }
        let (mean, error, units) = match clusters {
            None => {
                let (mean, error) = mean_and_standard_error(values);
                (mean, error, values.len())
            }
            Some(clusters) => {
                let sums = clusters.sums(values);
                let (mean, error) = clustered_mean(&sums);
                (mean, error, sums.len())
            }
        };
        let Some(error) = error else {
            let what = if clusters.is_some() { "A single prompt" } else { "A single value" };
            return Self::without_interval(mean, format!("{what} has no standard error."));
        };
        if !(mean.is_finite() && error.is_finite()) {
            return Self::unknown("The values are too large for a finite mean and standard error.");
        }
        if error <= 4.0 * f64::EPSILON * mean.abs() {
            let what = if clusters.is_some() { "The means of all prompts" } else { "All values" };
            return Self::without_interval(
                mean,
                format!("{what} are equal: they say nothing about how far others would be from them."),
            );
        }
        let half = student_two_sided((units - 1) as f64, confidence) * error;
        let mut estimate = Self::new(mean, Interval { low: mean - half, high: mean + half });
        estimate.warning = normal_theory_warning(values, units, clusters.is_some());
        estimate
    }
}

/// What stands against Student's interval for the mean of `values`, if anything does.
fn normal_theory_warning(values: &[f64], units: usize, by_prompt: bool) -> Option<String> {
    let mut sizes: Vec<f64> = values.iter().map(|value| value.abs()).collect();
    let largest = sizes.len().div_ceil(100);
    let total = super::lane_sum(&sizes);
    let (next, top) = order::split_greatest(&mut sizes, largest - 1);
    // The order of the selected is the selection's own: sort, so that the sum is that of the values.
    order::ascending(top);
    let share = if total > 0.0 { (top.iter().sum::<f64>() + next) / total } else { 0.0 };
    if share > CONCENTRATED && values.len() >= FEW_UNITS {
        let carriers =
            if largest == 1 { "the largest value carries".to_owned() } else { format!("the largest {largest} carry") };
        return Some(format!(
            "Of {} values, {carriers} {:.0}% of the sum: the interval is normal theory's, and does not hold where so few values decide.",
            values.len(),
            100.0 * share
        ));
    }
    (units < FEW_UNITS).then(|| {
        let what = if by_prompt { "prompts" } else { "values" };
        format!("Only {units} {what}: the interval is normal theory's, which wants more.")
    })
}

/// Fails unless `confidence` lies strictly between 0 and 1.
///
/// # Errors
/// [`crate::Code::InvalidOption`] at the field `confidence`.
pub fn check_confidence(confidence: f64) -> Result<()> {
    if confidence > 0.0 && confidence < 1.0 {
        return Ok(());
    }
    Err(Error::option(
        "confidence",
        format!("confidence must lie strictly between 0 and 1, such as 0.95, not {confidence}."),
    ))
}

impl Interval {
    /// Whether `value` lies in the interval, its ends included.
    #[must_use]
    pub fn contains(&self, value: f64) -> bool {
        self.low <= value && value <= self.high
    }
}
