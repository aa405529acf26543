//! The values that problems claim of themselves, held against trials.

use coverage_principle_core::statistics::{Interval, clopper_pearson, mean_and_standard_error, normal_quantile};
use serde::Serialize;

use super::finding::Finding;
use super::series::{Measure, values};
use super::{CONFIDENCE, Tried, TriedPoint};
use crate::instance::{Claim, Relation};

/// How far, relatively, a mean may be from the claimed one.
const TOLERANCE: f64 = 0.1;
/// Standard errors beyond which a deviation from an exact value is no noise, at the worst of many points.
const SIGNIFICANT: f64 = 4.0;
/// Rounding that a claim between computed values is allowed, relatively.
const ROUNDING: f64 = 1e-9;

/// What was found of a claim of a problem, over all points whose premises hold.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ValueFinding {
    /// The claim as the first of these points has it.
    pub claim: Claim,
    /// Of which estimator.
    pub estimator: &'static str,
    /// At how many points.
    pub points: usize,
    /// Trials of all of them that have the quantity.
    pub trials: usize,
    /// What decides.
    pub of: Decisive,
    /// How far what decides may be from what is predicted.
    pub tolerance: f64,
    /// What was found.
    pub finding: Finding,
}

/// What decides about a claim with a value. All are taken at the least favourable point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Decisive {
    /// The most unfavourable trial, measured over predicted: the claim is certain.
    Extreme,
    /// The share of trials in which the claim holds, predicted to be at least its probability.
    Share,
    /// The mean over trials, measured over predicted.
    Mean,
}

/// A claim at one point, with what was measured of it there.
struct Occasion {
    claim: Claim,
    values: Vec<f64>,
}

/// Title of the problem, index of the claim, and estimator.
type Place = (&'static str, usize, &'static str);

/// The findings on all claims with a value, in the order of first appearance.
pub(super) fn findings<'t>(points: impl Iterator<Item = &'t TriedPoint>) -> Vec<ValueFinding> {
    let mut found: Vec<(Place, Vec<Occasion>)> = Vec::new();
    for tried in points.flat_map(|point| &point.candidates) {
        if tried.description.conditions.iter().any(|condition| !condition.holds) {
            continue;
        }
        for (index, claim) in tried.description.claims.iter().enumerate() {
            if claim.value.is_none() || claim.relation == Relation::Scales {
                continue;
            }
            for &estimator in &tried.description.estimators {
                if claim.estimator.is_some_and(|of| of != estimator) {
                    continue;
                }
                let occasion = Occasion { claim: claim.clone(), values: measured(claim, estimator, tried) };
                // The same claim at every point: options may change its value and its words, not its place.
                let place: Place = (tried.description.title, index, estimator);
                match found.iter_mut().find(|(other, _)| *other == place) {
                    Some((_, occasions)) => occasions.push(occasion),
                    None => found.push((place, vec![occasion])),
                }
            }
        }
    }
    found.into_iter().map(|((_, _, estimator), occasions)| decide(estimator, &occasions)).collect()
}

/// The claim's quantity in each trial that has it.
fn measured(claim: &Claim, estimator: &str, tried: &Tried) -> Vec<f64> {
    values(&Measure::of_claim(claim), estimator, tried).unwrap_or_default().into_iter().flatten().collect()
}

fn decide(estimator: &'static str, occasions: &[Occasion]) -> ValueFinding {
    let claim = occasions[0].claim.clone();
    let having: Vec<&Occasion> = occasions.iter().filter(|each| !each.values.is_empty()).collect();
    let (of, tolerance, finding) = match claim.probability {
        _ if having.is_empty() => {
            (Decisive::Extreme, 0.0, Finding::undecided("the quantity came up in no trial: nothing was tested"))
        }
        Some(probability) if probability >= 1.0 => (Decisive::Extreme, ROUNDING, extreme(&having)),
        Some(_) => (Decisive::Share, 0.0, share(&having)),
        None => (Decisive::Mean, TOLERANCE, mean(&having)),
    };
    let trials = having.iter().map(|occasion| occasion.values.len()).sum();
    ValueFinding { claim, estimator, points: having.len(), trials, of, tolerance, finding }
}

/// Measured over predicted; what is predicted to be 0 is measured as it is.
fn relative(claim: &Claim, value: f64) -> f64 {
    value / scale(claim)
}

/// What [`relative`] divides by.
fn scale(claim: &Claim) -> f64 {
    claim.value.filter(|&predicted| predicted != 0.0).unwrap_or(1.0)
}

/// How far the mean of values in [0, 1] may be from the one that came up in all n trials: what has a greater chance than
/// 1 − level^(1/n) of coming up stays away n times with probability `level` at most. Values of another range may not differ.
fn unseen(values: &[f64], level: f64) -> f64 {
    let in_range = values.iter().all(|value| (0.0..=1.0).contains(value));
    if in_range { 1.0 - level.powf(1.0 / values.len() as f64) } else { 0.0 }
}

/// What [`relative`] is predicted to be.
fn unit(claim: &Claim) -> f64 {
    if claim.value == Some(0.0) { 0.0 } else { 1.0 }
}

/// A claim that is certain may not fail once.
fn extreme(occasions: &[&Occasion]) -> Finding {
    let ratios =
        || occasions.iter().flat_map(|Occasion { claim, values }| values.iter().map(|&value| relative(claim, value)));
    let claim = &occasions[0].claim;
    let away = |ratio: &f64| match claim.relation {
        Relation::AtMost => *ratio,
        Relation::AtLeast => -*ratio,
        Relation::Equal | Relation::Scales => (*ratio - unit(claim)).abs(),
    };
    let Some(worst) = ratios().max_by(|a, b| away(a).total_cmp(&away(b))) else {
        return Finding::undecided("nothing was measured");
    };
    let holds = super::decide(Interval { low: worst, high: worst }, claim.relation, unit(claim), ROUNDING);
    Finding { measured: Some(worst), interval: None, holds, reason: None }
}

/// A claim that holds with some probability: the point where it held least often, compared with what it should, decides.
fn share(occasions: &[&Occasion]) -> Finding {
    let at = |Occasion { claim, values }: &Occasion| {
        let value = claim.value.unwrap_or_default();
        let slack = ROUNDING * value.abs() + 1e-12;
        let keeps = |&&measured: &&f64| match claim.relation {
            Relation::AtLeast => measured >= value - slack,
            _ => measured <= value + slack,
        };
        let kept = values.iter().filter(keeps).count();
        let needed = claim.probability.unwrap_or(1.0);
        let interval = clopper_pearson(kept as u64, values.len() as u64, CONFIDENCE);
        (kept as f64 / values.len() as f64, interval, needed)
    };
    let worst = occasions.iter().map(|occasion| at(occasion)).min_by(|a, b| (a.0 - a.2).total_cmp(&(b.0 - b.2)));
    worst.map_or_else(
        || Finding::undecided("nothing was measured"),
        |(share, interval, needed)| Finding::decided(share, interval, Relation::AtLeast, needed, 0.0),
    )
}

/// A claim about the mean: the point that deviates most, in standard errors, decides; intervals hold at all together.
fn mean(occasions: &[&Occasion]) -> Finding {
    let level = (1.0 - CONFIDENCE) / occasions.len() as f64;
    let quantile = normal_quantile(1.0 - level / 2.0);
    let mut worst: Option<(f64, f64, Interval)> = None;
    for Occasion { claim, values } in occasions {
        let ratios: Vec<f64> = values.iter().map(|&value| relative(claim, value)).collect();
        if ratios.iter().any(|ratio| !ratio.is_finite()) {
            return Finding::undecided("the quantity is infinite in some trial");
        }
        let (mean, error) = mean_and_standard_error(&ratios);
        let error = match error {
            Some(error) if error > 0.0 => error,
            // As foretold in every trial, or no trial to tell the spread from.
            _ if values.len() < 2 || (mean - unit(claim)).abs() <= ROUNDING => 0.0,
            _ => unseen(values, level) / scale(claim) / quantile,
        };
        let signed = (mean - unit(claim)) / error.max(1e-12);
        let deviation = match claim.relation {
            Relation::AtMost => signed,
            Relation::AtLeast => -signed,
            Relation::Equal | Relation::Scales => signed.abs(),
        };
        if worst.is_none_or(|(most, ..)| deviation > most) {
            let half = quantile * error;
            worst = Some((deviation, mean, Interval { low: mean - half, high: mean + half }));
        }
    }
    let claim = &occasions[0].claim;
    worst.map_or_else(
        || Finding::undecided("nothing was measured"),
        |(deviation, mean, interval)| {
            let mut found = Finding::decided(mean, interval, claim.relation, unit(claim), TOLERANCE);
            // A value that is known exactly may not be missed by more than the noise, however small that is.
            if claim.relation == Relation::Equal && deviation > SIGNIFICANT {
                found.holds = Some(false);
                found.reason = None;
            }
            found
        },
    )
}
