//! Values that come one a run: what is typical of them, and claims about their mean.

use coverage_principle_core::error::{Code, Error, Result};
use coverage_principle_core::order;
use coverage_principle_core::statistics::{Estimate, Interval, mean_and_standard_error, sorted_quantile};
use serde::{Deserialize, Serialize};

use super::CONFIDENCE;
use super::finding::{Finding, decide};
use crate::instance::Relation;

/// What is typical of values, one a run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Runs {
    /// The mean.
    pub mean: f64,
    /// The median.
    pub median: f64,
    /// The paper's band, from the 1/16 to the 15/16 quantile.
    pub band: Interval,
    /// Least and greatest.
    pub range: Interval,
}

impl Runs {
    /// Of at least one finite value.
    ///
    /// # Errors
    /// [`Code::ShapeMismatch`].
    pub fn of(values: &[f64]) -> Result<Self> {
        check(values)?;
        let mut sorted = values.to_vec();
        order::ascending(&mut sorted);
        let at = |share: f64| sorted_quantile(&sorted, share);
        Ok(Self {
            mean: mean_and_standard_error(values).0,
            median: at(0.5),
            band: Interval { low: at(1.0 / 16.0), high: at(15.0 / 16.0) },
            range: Interval { low: at(0.0), high: at(1.0) },
        })
    }
}

fn check(values: &[f64]) -> Result<()> {
    if values.is_empty() || values.iter().any(|value| !value.is_finite()) {
        return Err(Error::new(Code::ShapeMismatch, "Values of runs are finite, and there is at least one."));
    }
    Ok(())
}

/// What is claimed of the mean over runs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MeanClaim {
    /// How the mean relates to `value`.
    pub relation: Relation,
    /// The predicted value.
    pub value: f64,
    /// How far from what is predicted the whole interval may lie.
    pub tolerance: f64,
}

/// The claim held against the mean over runs with its Student's interval; undecided for fewer than three runs. A value that
/// came out the same in every run, to the last bit, has no interval: it is held against the claim itself.
///
/// # Errors
/// [`Code::ShapeMismatch`].
pub fn mean_over_runs(values: &[f64], claim: MeanClaim) -> Result<Finding> {
    check(values)?;
    let MeanClaim { relation, value, tolerance } = claim;
    if values.len() < 3 {
        return Ok(Finding::undecided("fewer than three runs say nothing about others"));
    }
    if values.iter().all(|each| *each == values[0]) {
        let holds = decide(Interval { low: values[0], high: values[0] }, relation, value, tolerance);
        return Ok(Finding { measured: Some(values[0]), interval: None, holds, reason: None });
    }
    let estimate = Estimate::of_mean(values, CONFIDENCE);
    Ok(match (estimate.value, estimate.interval) {
        (Some(mean), Some(interval)) => Finding::decided(mean, interval, relation, value, tolerance),
        _ => Finding::undecided(estimate.reason.unwrap_or_default()),
    })
}

/// Spearman's rank correlation, ties sharing their mean rank; `None` where one side does not vary.
///
/// # Errors
/// [`Code::ShapeMismatch`] for different lengths, and values that are not finite.
pub fn rank_correlation(x: &[f64], y: &[f64]) -> Result<Option<f64>> {
    check(x)?;
    check(y)?;
    if x.len() != y.len() {
        return Err(Error::new(Code::ShapeMismatch, format!("{} values are ranked against {}.", x.len(), y.len())));
    }
    let (x, y) = (centred_ranks(x), centred_ranks(y));
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let scale = (product(&x, &x) * product(&y, &y)).sqrt();
    Ok((scale > 0.0).then(|| product(&x, &y) / scale))
}

/// Ranks less their mean.
fn centred_ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order::indices_by(&mut order, |a, b| values[a].total_cmp(&values[b]));
    let middle = 0.5 * (values.len() as f64 - 1.0);
    let mut ranks = vec![0.0; values.len()];
    let mut first = 0;
    for tied in order.chunk_by(|&a, &b| values[a] == values[b]) {
        let rank = first as f64 + 0.5 * (tied.len() as f64 - 1.0);
        tied.iter().for_each(|&index| ranks[index] = rank - middle);
        first += tied.len();
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_with_ties_by_hand() {
        // Ranks 1, 2.5, 2.5, 4 and 1, 3, 2, 4.
        let found = rank_correlation(&[0.0, 5.0, 5.0, 9.0], &[1.0, 3.0, 2.0, 4.0]).unwrap().unwrap();
        assert!((found - 4.5 / (4.5f64 * 5.0).sqrt()).abs() < 1e-12);
        assert_eq!(rank_correlation(&[1.0, 2.0, 3.0], &[3.0, 2.0, -1.0]).unwrap(), Some(-1.0));
        assert_eq!(rank_correlation(&[1.0, 2.0], &[1.0, 1.0]).unwrap(), None);
        assert!(rank_correlation(&[1.0], &[1.0, 2.0]).is_err() && rank_correlation(&[f64::NAN], &[1.0]).is_err());
    }

    #[test]
    fn what_is_typical_and_what_is_claimed() {
        let values: Vec<f64> = (0..17).map(f64::from).collect();
        let runs = Runs::of(&values).unwrap();
        assert_eq!(
            (runs.mean, runs.median, runs.band.low, runs.band.high, runs.range.high),
            (8.0, 8.0, 1.0, 15.0, 16.0)
        );
        let claim = |relation, value| MeanClaim { relation, value, tolerance: 0.1 };
        let holds = |values: &[f64], claim| mean_over_runs(values, claim).unwrap().holds;
        assert_eq!(holds(&[0.99, 1.0, 1.01], claim(Relation::Equal, 1.0)), Some(true));
        assert_eq!(holds(&[0.5, 1.0, 1.5], claim(Relation::Equal, 1.0)), None);
        assert_eq!(holds(&[0.99, 1.0, 1.01], claim(Relation::AtLeast, 2.0)), Some(false));
        assert_eq!(holds(&[1.0, 1.0], claim(Relation::Equal, 1.0)), None);
        // The same in every run: no interval, but something to hold against the claim.
        let same = |value| mean_over_runs(&[0.5; 3], claim(Relation::AtMost, value)).unwrap();
        assert_eq!((same(0.5).holds, same(0.3).holds, same(0.3).interval), (Some(true), Some(false), None));
        assert!(Runs::of(&[]).is_err());
    }
}
