//! What an estimate is: a value, an interval, or the reason why there is none.

use serde::Serialize;

use super::{mean_and_standard_error, student_two_sided};
use crate::error::{Error, Result};

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
}

impl Estimate {
    /// Nothing is known, for this reason.
    #[must_use]
    pub fn unknown(reason: impl Into<String>) -> Self {
        Self { value: None, interval: None, reason: Some(reason.into()) }
    }

    /// A value with its interval.
    #[must_use]
    pub fn new(value: f64, interval: Interval) -> Self {
        Self { value: Some(value), interval: Some(interval), reason: None }
    }

    /// The mean of independent draws, with Student's interval (normal theory: it wants many draws or light tails).
    #[must_use]
    pub fn of_mean(values: &[f64], confidence: f64) -> Self {
        if values.is_empty() {
            return Self::unknown("There is no value to take the mean of.");
        }
        let (mean, error) = mean_and_standard_error(values);
        let Some(error) = error else {
            let reason = Some("A single value has no standard error.".to_owned());
            return Self { value: Some(mean), interval: None, reason };
        };
        if !(mean.is_finite() && error.is_finite()) {
            return Self::unknown("The values are too large for a finite mean and standard error.");
        }
        let half = student_two_sided((values.len() - 1) as f64, confidence) * error;
        Self::new(mean, Interval { low: mean - half, high: mean + half })
    }
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
