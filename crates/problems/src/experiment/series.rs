//! A quantity of an estimator along a sweep.

use coverage_principle_core::error::{Error, Result};
use coverage_principle_core::order;
use coverage_principle_core::statistics::{Measurement, mean_and_standard_error};
use coverage_principle_core::tagged;
use serde::{Deserialize, Serialize};

use super::{Tried, TriedPoint};
use crate::instance::{Claim, Estimate, Quantity};

/// What is followed along a sweep.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SeriesOptions {
    /// Which candidates it is about; null for all.
    pub group: Option<String>,
    /// Of which estimator.
    pub estimator: String,
    /// What is measured of it.
    pub quantity: Measure,
    /// Which of the problems at a point counts.
    pub choice: Choice,
    /// The series it is divided by, by its index.
    pub over: Option<usize>,
}

tagged! { "Measure", "kind",
    /// A quantity of an estimator in a trial.
    #[derive(Clone, Debug, PartialEq, Serialize)]
    #[serde(tag = "kind", rename_all = "camelCase", deny_unknown_fields)]
    pub enum Measure {
        /// D_KL in nats.
        Kl,
        /// 1 where D_KL is +∞, else 0.
        InfiniteKl,
        /// Cov_N.
        Cov {
            /// N; null for the first of the point.
            #[serde(rename = "N")]
            n: Option<f64>,
        },
        /// What a trial reports by name. A candidate that does not report it in every trial is left out.
        Detail {
            /// The name.
            name: String,
        },
        /// What a claim of the problem is about, at that claim's N.
        Claim {
            /// Which claim, by its index.
            index: usize,
        },
    }
}

tagged! { "Choice", "kind",
    /// Which of the candidates at a point counts. Where one is chosen by its mean, every other trial chooses and the rest
    /// measure, so that the choice does not flatter itself.
    #[derive(Clone, Copy, Debug, PartialEq, Serialize)]
    #[serde(tag = "kind", rename_all = "camelCase", deny_unknown_fields)]
    pub enum Choice {
        /// The only one, or the first.
        First,
        /// The one with this key.
        Key {
            /// The key.
            key: f64,
        },
        /// The one of the least mean: an estimator's best step size in hindsight.
        Least,
        /// The one of the greatest mean: the worst instance.
        Greatest,
        /// Of the groups of the same key the one whose greatest mean is least: the best step size on its worst instance.
        LeastGreatest,
        /// The key at which the mean, falling in the key, passes `level`, interpolated on a logarithmic scale.
        Crossing {
            /// The level.
            level: f64,
        },
    }
}

impl Measure {
    /// What `claim` is about.
    pub(super) fn of_claim(claim: &Claim) -> Self {
        match claim.quantity {
            Quantity::Kl => Self::Kl,
            Quantity::InfiniteKl => Self::InfiniteKl,
            Quantity::Cov => Self::Cov { n: claim.budget },
            Quantity::Detail => Self::Detail { name: claim.detail.unwrap_or_default().to_owned() },
        }
    }

    /// The quantity in one trial of `tried`; `None` if the trial does not have it.
    pub(super) fn of(&self, estimate: &Estimate, tried: &Tried) -> Result<Option<f64>> {
        Ok(match self {
            Self::Kl => Some(estimate.kl),
            Self::InfiniteKl => Some(f64::from(u8::from(estimate.kl.is_infinite()))),
            Self::Cov { n } => {
                let at = match n {
                    None => Some(0),
                    Some(n) => tried.budgets.n().iter().position(|budget| budget == n),
                };
                let at = at.ok_or_else(|| Error::option("N", "A series follows Cov_N at an N of its point."))?;
                Some(estimate.cov[at])
            }
            Self::Detail { name } => estimate.details.get(name.as_str()).copied(),
            Self::Claim { index } => match tried.description.claims.get(*index) {
                Some(claim) => Self::of_claim(claim).of(estimate, tried)?,
                None => return Err(Error::option("index", format!("{} has no such claim.", tried.description.name))),
            },
        })
    }
}

/// The quantity of an estimator in each trial of a candidate, where the trial has it.
pub(super) fn values(measure: &Measure, estimator: &str, tried: &Tried) -> Result<Vec<Option<f64>>> {
    let Some(at) = tried.description.estimators.iter().position(|&name| name == estimator) else {
        let message = format!("{} has no estimator called {estimator}.", tried.description.name);
        return Err(Error::option("estimator", message));
    };
    tried.trials.iter().map(|trial| measure.of(&trial[at], tried)).collect()
}

/// A candidate's values, of which some choose and the others measure.
struct Candidate {
    key: f64,
    values: Vec<f64>,
}

impl Candidate {
    /// The mean over trials 0, 2, 4, …
    fn chooser(&self) -> f64 {
        let values: Vec<f64> = self.values.iter().copied().step_by(2).collect();
        mean_and_standard_error(&values).0
    }

    /// Mean and standard error over trials 1, 3, 5, …
    fn measured(&self, x: f64) -> Measurement {
        let values: Vec<f64> = self.values.iter().copied().skip(1).step_by(2).collect();
        measurement(x, if values.is_empty() { &self.values } else { &values })
    }
}

fn measurement(x: f64, values: &[f64]) -> Measurement {
    if values.iter().any(|value| !value.is_finite()) {
        return Measurement { x, value: f64::INFINITY, standard_error: 0.0 };
    }
    let (value, error) = mean_and_standard_error(values);
    Measurement { x, value, standard_error: error.unwrap_or(0.0) }
}

/// The series; points at which no candidate has the quantity are left out, infinite ones are kept.
pub(super) fn measure(options: &SeriesOptions, points: &[TriedPoint]) -> Result<Vec<Measurement>> {
    let mut series = Vec::with_capacity(points.len());
    for TriedPoint { x, candidates } in points {
        let mut having = Vec::with_capacity(candidates.len());
        for tried in candidates {
            if options.group.is_some() && tried.group.is_some() && options.group != tried.group {
                continue;
            }
            let values = values(&options.quantity, &options.estimator, tried)?;
            if let Some(values) = values.into_iter().collect() {
                having.push(Candidate { key: tried.key, values });
            }
        }
        series.extend(choose(options.choice, *x, &having));
    }
    Ok(series)
}

fn choose(choice: Choice, x: f64, candidates: &[Candidate]) -> Option<Measurement> {
    let by_mean = |a: &&Candidate, b: &&Candidate| a.chooser().total_cmp(&b.chooser());
    if let [only] = candidates
        && !matches!(choice, Choice::Crossing { .. })
    {
        return Some(measurement(x, &only.values));
    }
    match choice {
        Choice::First => candidates.first().map(|first| measurement(x, &first.values)),
        Choice::Key { key } => {
            candidates.iter().find(|each| each.key == key).map(|found| measurement(x, &found.values))
        }
        Choice::Least => candidates.iter().min_by(by_mean).map(|best| best.measured(x)),
        Choice::Greatest => candidates.iter().max_by(by_mean).map(|worst| worst.measured(x)),
        Choice::LeastGreatest => {
            let mut keys: Vec<f64> = candidates.iter().map(|each| each.key).collect();
            order::ascending(&mut keys);
            keys.dedup();
            let worst = keys.iter().filter_map(|key| candidates.iter().filter(|each| each.key == *key).max_by(by_mean));
            worst.min_by(by_mean).map(|best| best.measured(x))
        }
        Choice::Crossing { level } => crossing(level, x, candidates),
    }
}

/// Where the mean passes `level`, from the last key at which it is above and the next.
fn crossing(level: f64, x: f64, candidates: &[Candidate]) -> Option<Measurement> {
    let mut sorted: Vec<(f64, Measurement)> =
        candidates.iter().map(|each| (each.key, measurement(x, &each.values))).collect();
    order::values_by(&mut sorted, |a, b| a.0.total_cmp(&b.0));
    let last = sorted.iter().rposition(|(_, mean)| mean.value > level)?;
    let [(from, above), (to, below)] = sorted.get(last..last + 2)?.try_into().ok()?;
    let log = f64::ln;
    // Half a trial where none is left: the share is small, not known to be 0.
    let floor = 0.5 / candidates.first()?.values.len() as f64;
    let (high, low) = (log(above.value), log(below.value.max(floor)));
    let slope = (log(to) - log(from)) / (low - high);
    let value = (log(from) + slope * (log(level) - high)).exp();
    let relative = 0.5 * (above.standard_error / above.value + below.standard_error / below.value.max(floor));
    Some(Measurement { x, value, standard_error: value * slope.abs() * relative })
}

/// One series over another, at the points that both have.
pub(super) fn ratio(above: &[Measurement], below: &[Measurement]) -> Vec<Measurement> {
    let both = above.iter().filter_map(|point| Some((point, below.iter().find(|other| other.x == point.x)?)));
    both.map(|(point, other)| {
        let value = point.value / other.value;
        let relative = (point.standard_error / point.value).hypot(other.standard_error / other.value);
        Measurement { x: point.x, value, standard_error: relative * value }
    })
    .collect()
}
