//! What was found of a claim, and when it is decided.

use coverage_principle_core::statistics::{Interval, Measurement, fit_power_law, normal_quantile};
use serde::Serialize;

use super::{CONFIDENCE, Feature, SeriesClaim};
use crate::instance::Relation;

/// What was found of a claim.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// What was measured; null if it could not be.
    pub measured: Option<f64>,
    /// Its interval.
    pub interval: Option<Interval>,
    /// Whether the claim holds; null where that is not decided.
    pub holds: Option<bool>,
    /// Why it is not decided.
    pub reason: Option<String>,
}

impl Finding {
    pub(super) fn undecided(reason: impl Into<String>) -> Self {
        Self { measured: None, interval: None, holds: None, reason: Some(reason.into()) }
    }

    /// `measured` with its interval, decided.
    pub(super) fn decided(measured: f64, interval: Interval, relation: Relation, value: f64, tolerance: f64) -> Self {
        let holds = decide(interval, relation, value, tolerance);
        Self {
            measured: Some(measured),
            interval: Some(interval),
            holds,
            reason: holds.is_none().then(|| "the interval lies on both sides of what the claim allows".to_owned()),
        }
    }
}

/// A claim holds where the whole interval lies within `tolerance` of what it allows, fails where none of it does, and is
/// undecided in between. What it allows is a value, or all values up to it or from it on.
#[must_use]
pub fn decide(interval: Interval, relation: Relation, value: f64, tolerance: f64) -> Option<bool> {
    let low = if relation == Relation::AtMost { f64::NEG_INFINITY } else { value - tolerance };
    let high = if relation == Relation::AtLeast { f64::INFINITY } else { value + tolerance };
    let within = interval.low >= low && interval.high <= high;
    let outside = interval.high < low || interval.low > high;
    if within || outside { Some(within) } else { None }
}

/// What a series says of a claim.
pub(super) fn of_series(claim: &SeriesClaim, points: &[Measurement]) -> Finding {
    if points.is_empty() {
        return Finding::undecided("nothing was measured at any point");
    }
    if points.iter().any(|point| !point.value.is_finite()) {
        return Finding::undecided("the quantity is infinite at some point");
    }
    match claim.of {
        Feature::Exponent => exponent(claim, points),
        Feature::Level => level(claim, points),
    }
}

fn exponent(claim: &SeriesClaim, points: &[Measurement]) -> Finding {
    let usable: Vec<Measurement> = points.iter().copied().filter(|point| point.value > 0.0).collect();
    if usable.len() < 3 || 2 * usable.len() < points.len() {
        return Finding::undecided(format!(
            "only {} of {} points are above zero: no exponent can be fitted at these sizes",
            usable.len(),
            points.len()
        ));
    }
    match fit_power_law(&usable, CONFIDENCE) {
        Ok(law) => Finding::decided(law.exponent, law.interval, claim.relation, claim.value, claim.tolerance),
        Err(error) => Finding::undecided(error.to_string()),
    }
}

/// The point that speaks most against the claim, with an interval that holds at all points together.
fn level(claim: &SeriesClaim, points: &[Measurement]) -> Finding {
    let quantile = normal_quantile(1.0 - (1.0 - CONFIDENCE) / (2.0 * points.len() as f64));
    let interval = |point: &Measurement| {
        let half = quantile * point.standard_error;
        Interval { low: point.value - half, high: point.value + half }
    };
    let excess = |point: &Measurement| match claim.relation {
        Relation::AtMost => interval(point).high - claim.value,
        Relation::AtLeast => claim.value - interval(point).low,
        Relation::Equal | Relation::Scales => {
            (interval(point).high - claim.value).max(claim.value - interval(point).low)
        }
    };
    let worst = points.iter().max_by(|a, b| excess(a).total_cmp(&excess(b)));
    worst.map_or_else(
        || Finding::undecided("nothing was measured at any point"),
        |worst| Finding::decided(worst.value, interval(worst), claim.relation, claim.value, claim.tolerance),
    )
}
