//! The state of a run between two steps.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use super::validation::ValidationRecord;
use crate::error::{Code, Error, Result};
use crate::json;
use crate::linear::measures::Measures;
use crate::linear::parameter::Parameter;
use crate::random::StreamState;

/// A model along the way.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// Index of the stage.
    pub stage: usize,
    /// Steps taken, over all stages.
    pub step: u64,
    /// log π̂(y_i | x_i) of the held-out responses; empty if there are none.
    pub log_probs: Vec<f64>,
    /// θ; empty if checkpoints do not keep it.
    pub theta: Vec<f64>,
    /// What the problem measured; empty if it measures nothing.
    pub measures: Vec<f64>,
}

/// Everything a run needs to go on, and all it has recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainState {
    /// Index of the present stage.
    pub stage: usize,
    /// Steps taken, over all stages.
    pub step: u64,
    /// θ.
    pub parameter: Parameter,
    /// Where the stream of fresh data is.
    pub stream: StreamState,
    /// What the update rule keeps from step to step beside θ, d numbers each.
    pub moments: Vec<Vec<f64>>,
    /// Sum of the iterates; empty unless their mean is wanted.
    pub iterate_sum: Vec<f64>,
    /// Before which step the uniformly drawn iterate is taken.
    pub drawn_step: u64,
    /// That iterate; empty until then.
    pub drawn_theta: Vec<f64>,
    /// Measures so far.
    pub validations: Vec<ValidationRecord>,
    /// Checkpoints so far.
    pub checkpoints: Vec<Checkpoint>,
}

/// What precedes the numbers in a saved state. Floating-point numbers are saved as their bits, since the way through
/// decimal text need not lead back.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Header {
    stage: usize,
    step: u64,
    stream: StreamState,
    drawn_step: u64,
    lazy: bool,
    changed: usize,
    /// Lengths of θ, the sum of iterates, the drawn iterate.
    lengths: [usize; 3],
    moments: Vec<usize>,
    validations: Vec<RecordShape>,
    /// Stage, step, and the lengths of log-probabilities, θ and measures.
    checkpoints: Vec<(usize, u64, [usize; 3])>,
}

/// Which numbers a [`ValidationRecord`] has, and for how many values of N.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RecordShape {
    step: u64,
    cross_entropy: bool,
    kl: bool,
    coverage: Option<usize>,
    exact: Option<usize>,
}

const MAGIC: &[u8; 8] = b"covtrn02";

impl TrainState {
    /// The state as bytes, the same on every machine.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let (values, scale, lazy, square, changed) = self.parameter.parts();
        let header = Header {
            stage: self.stage,
            step: self.step,
            stream: self.stream,
            drawn_step: self.drawn_step,
            lazy,
            changed,
            lengths: [values.len(), self.iterate_sum.len(), self.drawn_theta.len()],
            moments: self.moments.iter().map(Vec::len).collect(),
            validations: self
                .validations
                .iter()
                .map(|record| RecordShape {
                    step: record.step,
                    cross_entropy: record.cross_entropy.is_some(),
                    kl: record.kl.is_some(),
                    coverage: record.coverage.as_ref().map(Vec::len),
                    exact: record.exact.as_ref().map(|exact| exact.n.len()),
                })
                .collect(),
            checkpoints: self
                .checkpoints
                .iter()
                .map(|kept| (kept.stage, kept.step, [kept.log_probs.len(), kept.theta.len(), kept.measures.len()]))
                .collect(),
        };
        let json = serde_json::to_vec(&header).unwrap_or_default();
        let mut bytes = MAGIC.to_vec();
        bytes.extend((json.len() as u64).to_le_bytes());
        bytes.extend(json);
        let mut write = |numbers: &[f64]| bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
        write(&[scale, square]);
        write(values);
        for numbers in self.moments.iter().chain([&self.iterate_sum, &self.drawn_theta]) {
            write(numbers);
        }
        for record in &self.validations {
            write(&record.cross_entropy.map_or(vec![], |value| vec![value]));
            write(&record.kl.map_or(vec![], |value| vec![value]));
            write(record.coverage.as_deref().unwrap_or_default());
            if let Some(exact) = &record.exact {
                for numbers in [&exact.n, &exact.coverage, &exact.stopped_kl, &exact.e_n] {
                    write(numbers);
                }
                write(&[exact.cross_entropy, exact.kl, exact.squared_hellinger, exact.log_w_max, exact.uncovered_mass]);
            }
        }
        for kept in &self.checkpoints {
            write(&kept.log_probs);
            write(&kept.theta);
            write(&kept.measures);
        }
        bytes
    }

    /// Reads what [`TrainState::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`Code::MalformedFile`] if the bytes are something else or cut short.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let malformed = || Error::new(Code::MalformedFile, "This is no saved training state, or it is cut short.");
        let rest = bytes.strip_prefix(MAGIC).ok_or_else(malformed)?;
        let (length, rest) = rest.split_first_chunk::<8>().ok_or_else(malformed)?;
        let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|_| malformed())?;
        let (header, rest) = rest.split_at_checked(length).ok_or_else(malformed)?;
        let header: Header = json::header(header).map_err(|_| malformed())?;
        let mut numbers = rest;
        let mut read = |count: usize| -> Result<Vec<f64>> {
            let bytes = count.checked_mul(8).ok_or_else(malformed)?;
            let (taken, left) = numbers.split_at_checked(bytes).ok_or_else(malformed)?;
            numbers = left;
            Ok(taken.as_chunks::<8>().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect())
        };
        let scalars = read(2)?;
        let values = read(header.lengths[0])?;
        let parameter = Parameter::from_parts(values, scalars[0], header.lazy, scalars[1], header.changed);
        let moments = header.moments.iter().map(|&length| read(length)).collect::<Result<_>>()?;
        let (iterate_sum, drawn_theta) = (read(header.lengths[1])?, read(header.lengths[2])?);
        let mut validations = Vec::new();
        for RecordShape { step, cross_entropy, kl, coverage, exact } in header.validations {
            let mut one = |there: bool| Ok::<_, Error>(read(usize::from(there))?.first().copied());
            validations.push(ValidationRecord {
                step,
                cross_entropy: one(cross_entropy)?,
                kl: one(kl)?,
                coverage: coverage.map(&mut read).transpose()?,
                exact: match exact {
                    None => None,
                    Some(count) => {
                        let (n, coverage, stopped_kl, e_n) = (read(count)?, read(count)?, read(count)?, read(count)?);
                        let scalars = read(5)?;
                        Some(Measures {
                            n,
                            coverage,
                            stopped_kl,
                            e_n,
                            cross_entropy: scalars[0],
                            kl: scalars[1],
                            squared_hellinger: scalars[2],
                            log_w_max: scalars[3],
                            uncovered_mass: scalars[4],
                        })
                    }
                },
            });
        }
        let mut checkpoints = Vec::new();
        for (stage, step, [log_probs, theta, measures]) in header.checkpoints {
            let (log_probs, theta, measures) = (read(log_probs)?, read(theta)?, read(measures)?);
            checkpoints.push(Checkpoint { stage, step, log_probs, theta, measures });
        }
        let Header { stage, step, stream, drawn_step, .. } = header;
        Ok(Self {
            stage,
            step,
            parameter,
            stream,
            moments,
            iterate_sum,
            drawn_step,
            drawn_theta,
            validations,
            checkpoints,
        })
    }

    /// Whether this can be the state, after a number of steps in `steps`, of a run that was at `fresh` when the stage began.
    pub(super) fn check_against(&self, fresh: &Self, steps: RangeInclusive<u64>) -> Result<()> {
        let stream = |state: &Self| (state.stream.seed, state.stream.purpose, state.stream.index);
        let lengths = |state: &Self| {
            let (values, _, lazy, ..) = state.parameter.parts();
            let moments: Vec<usize> = state.moments.iter().map(Vec::len).collect();
            (values.len(), lazy, moments, state.iterate_sum.len())
        };
        let fits = self.stage == fresh.stage
            && stream(self) == stream(fresh)
            && lengths(self) == lengths(fresh)
            && self.drawn_step == fresh.drawn_step
            && steps.contains(&self.step);
        if fits {
            return Ok(());
        }
        Err(Error::new(
            Code::ShapeMismatch,
            "The saved state belongs to another run: dimension, procedure, seed, run index or number of steps differ.",
        ))
    }
}
