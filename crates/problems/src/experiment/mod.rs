//! Experiments as data: sweeps over problems, the series measured along them, and what is claimed of both.
//!
//! Whoever declares an experiment says which problems are tried at each point of a sweep, which quantity of which
//! estimator is followed, and what is claimed; everything that computes on trials happens here.

mod finding;
mod runs;
mod series;
#[cfg(test)]
mod tests;
mod values;

use coverage_principle_core::error::{Error, Result};
use coverage_principle_core::parallel::Workers;
use coverage_principle_core::progress::Control;
use coverage_principle_core::random::{Purpose, Stream};
use coverage_principle_core::statistics::Measurement;
use coverage_principle_core::tournament::Ratios;
use serde::{Deserialize, Serialize};

use super::instance::{Description, Estimate, Relation};
use super::registry::{ProblemOptions, Subject, subject};

pub use finding::{Finding, decide};
pub use runs::{MeanClaim, Runs, mean_over_runs, rank_correlation};
pub use series::{Choice, Measure, SeriesOptions};
pub use values::ValueFinding;

/// Confidence of all intervals.
const CONFIDENCE: f64 = 0.95;

/// What an experiment consists of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExperimentOptions {
    /// The sweeps, at least one.
    pub sweeps: Vec<SweepOptions>,
    /// Seed of the data sets; trial r of every problem draws from stream r.
    pub seed: u64,
}

/// One variable, along which problems are tried.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SweepOptions {
    /// Values of the variable.
    pub points: Vec<PointOptions>,
    /// Trials of each problem: 1 to 10^6.
    pub replicates: usize,
    /// What is followed along the sweep.
    pub series: Vec<SeriesOptions>,
    /// What is claimed of the series.
    pub claims: Vec<SeriesClaim>,
    /// Whether the values that the problems themselves claim are held against the trials.
    pub values: bool,
}

/// One value of a sweep's variable.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PointOptions {
    /// The value; positive.
    pub x: f64,
    /// Values of N at which Cov_N is measured there; series without an N of their own follow the first.
    #[serde(rename = "N")]
    pub n: Vec<f64>,
    /// The problems tried there.
    pub candidates: Vec<CandidateOptions>,
}

/// A problem among those that a series chooses from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CandidateOptions {
    /// What candidates are told apart or grouped by, such as a step size.
    pub key: f64,
    /// Which series it is for, such as an update rule; null for all.
    pub group: Option<String>,
    /// The problem.
    pub problem: ProblemOptions,
}

/// What is claimed of a series.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SeriesClaim {
    /// Which series, by its index.
    pub series: usize,
    /// What of it.
    pub of: Feature,
    /// How it relates to `value`.
    pub relation: Relation,
    /// The predicted value.
    pub value: f64,
    /// How far from the predicted value the whole interval may lie.
    pub tolerance: f64,
}

/// What of a series a claim is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Feature {
    /// The exponent of a power law in the variable.
    Exponent,
    /// The level, at every point.
    Level,
}

/// What came out of an experiment.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExperimentResult {
    /// One entry a sweep.
    pub sweeps: Vec<SweepResult>,
    /// The problems' own claims with a value, each over all points of all sweeps that ask for it.
    pub values: Vec<ValueFinding>,
}

/// What came out of a sweep.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SweepResult {
    /// Of each series the points that are finite.
    pub series: Vec<Vec<Measurement>>,
    /// Of each claim what was found.
    pub findings: Vec<Finding>,
    /// What the first problem of each point is.
    pub descriptions: Vec<Description>,
}

/// The trials of a candidate.
pub(super) struct Tried {
    pub(super) key: f64,
    pub(super) group: Option<String>,
    pub(super) description: Description,
    pub(super) budgets: Ratios,
    /// [trial][estimator].
    pub(super) trials: Vec<Vec<Estimate>>,
}

/// The trials at a point of a sweep.
pub(super) struct TriedPoint {
    pub(super) x: f64,
    pub(super) candidates: Vec<Tried>,
}

/// A candidate before its trials.
struct Planned {
    key: f64,
    group: Option<String>,
    subject: Subject,
    budgets: Ratios,
    replicates: usize,
}

/// Runs all trials of all sweeps, in parallel over them, and holds the claims against them. Advances `control` by one a
/// trial. The same numbers at any number of threads.
///
/// # Errors
/// [`coverage_principle_core::Code::InvalidOption`] for a problem (named by its place), an N, a number of replicates or a claim that is out
/// of range; [`coverage_principle_core::Code::Aborted`].
pub fn experiment(options: &ExperimentOptions, workers: &Workers, control: &Control) -> Result<ExperimentResult> {
    let planned = plan(options)?;
    let tasks: Vec<(usize, usize)> = planned
        .iter()
        .enumerate()
        .flat_map(|(candidate, planned)| (0..planned.replicates).map(move |replicate| (candidate, replicate)))
        .collect();
    control.start(tasks.len() as u64);
    let mut estimates = workers
        .map(tasks.len(), control, |task| {
            let (candidate, replicate) = tasks[task];
            let Planned { subject, budgets, .. } = &planned[candidate];
            let mut stream = Stream::new(options.seed, Purpose::Data, replicate as u64);
            let estimates = subject.trial(budgets, &mut stream, control)?;
            control.advance(1);
            Ok(estimates)
        })?
        .into_iter();
    let mut tried = planned.into_iter().map(|Planned { key, group, subject, budgets, replicates }| Tried {
        key,
        group,
        description: subject.describe(),
        budgets,
        trials: estimates.by_ref().take(replicates).collect(),
    });
    let sweeps: Vec<Vec<TriedPoint>> = options
        .sweeps
        .iter()
        .map(|sweep| {
            let points = sweep.points.iter();
            points
                .map(|point| TriedPoint {
                    x: point.x,
                    candidates: tried.by_ref().take(point.candidates.len()).collect(),
                })
                .collect()
        })
        .collect();
    let values = options.sweeps.iter().zip(&sweeps).filter(|(sweep, _)| sweep.values);
    Ok(ExperimentResult {
        values: values::findings(values.flat_map(|(_, points)| points)),
        sweeps: options
            .sweeps
            .iter()
            .zip(&sweeps)
            .map(|(sweep, points)| result(sweep, points))
            .collect::<Result<_>>()?,
    })
}

/// All candidates of all points, in order.
fn plan(options: &ExperimentOptions) -> Result<Vec<Planned>> {
    if options.sweeps.is_empty() {
        return Err(Error::option("sweeps", "There is no sweep: give at least one."));
    }
    let mut planned = Vec::new();
    for (at, sweep) in options.sweeps.iter().enumerate() {
        if !(1..=1_000_000).contains(&sweep.replicates) {
            let message = format!("replicates must be between 1 and 1000000, not {}.", sweep.replicates);
            return Err(Error::option(format!("sweeps[{at}].replicates"), message));
        }
        if let Some(claim) = sweep.claims.iter().position(|claim| claim.series >= sweep.series.len()) {
            let field = format!("sweeps[{at}].claims[{claim}].series");
            return Err(Error::option(field, format!("There are {} series.", sweep.series.len())));
        }
        for (index, point) in sweep.points.iter().enumerate() {
            for (number, candidate) in point.candidates.iter().enumerate() {
                let place = format!("sweeps[{at}].points[{index}].candidates[{number}]");
                let subject = subject(&candidate.problem).map_err(|mut error| {
                    let field = error.place.field.take().map_or_else(String::new, |field| format!(".{field}"));
                    error.at_field(format!("{place}.problem{field}"))
                })?;
                let mut n = point.n.clone();
                if sweep.values {
                    let claimed = subject.describe().claims.into_iter().filter_map(|claim| claim.budget);
                    n.extend(claimed.filter(|budget| !point.n.contains(budget)));
                }
                let budgets = Ratios::new(&n)?;
                let (key, group) = (candidate.key, candidate.group.clone());
                planned.push(Planned { key, group, subject, budgets, replicates: sweep.replicates });
            }
        }
    }
    Ok(planned)
}

fn result(sweep: &SweepOptions, points: &[TriedPoint]) -> Result<SweepResult> {
    let series: Vec<Vec<Measurement>> =
        sweep.series.iter().map(|series| series::measure(series, points)).collect::<Result<_>>()?;
    let series: Vec<Vec<Measurement>> = sweep
        .series
        .iter()
        .zip(&series)
        .map(|(options, own)| match options.over {
            Some(below) if below < series.len() => Ok(series::ratio(own, &series[below])),
            Some(below) => Err(Error::option("over", format!("There is no series {below}."))),
            None => Ok(own.clone()),
        })
        .collect::<Result<_>>()?;
    Ok(SweepResult {
        findings: sweep.claims.iter().map(|claim| finding::of_series(claim, &series[claim.series])).collect(),
        series: series
            .into_iter()
            .map(|points| points.into_iter().filter(|point| point.value.is_finite()).collect())
            .collect(),
        descriptions: points
            .iter()
            .filter_map(|point| point.candidates.first().map(|first| first.description.clone()))
            .collect(),
    })
}
