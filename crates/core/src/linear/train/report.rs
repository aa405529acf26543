//! What a run came to.

use serde::Serialize;

use super::run::{StopReason, Trainer};
use super::state::Checkpoint;
use super::step_size::Theory;
use super::validation::ValidationRecord;

/// The plain data of a run, borrowed from it; θ and checkpoints are in its state.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TrainSummary<'t> {
    /// Steps taken, over all stages.
    pub step: u64,
    /// T, over all stages.
    pub steps: u64,
    /// The step at which each stage begins.
    pub stage_starts: Vec<u64>,
    /// Why it stopped.
    pub stopped: StopReason,
    /// What the theorem chose for the run's own stage, the last one.
    pub theory: Option<&'t Theory>,
    /// Measures along the way.
    pub validations: &'t [ValidationRecord],
    /// The step before which the uniformly drawn iterate was taken, which theorems about the average over iterates
    /// speak of.
    pub drawn_step: u64,
    /// Steps of the checkpoints.
    pub checkpoint_steps: Vec<u64>,
}

/// A run that is over, with everything it has.
#[derive(Clone, Debug)]
pub struct TrainReport {
    /// Steps taken.
    pub step: u64,
    /// Why it stopped.
    pub stopped: StopReason,
    /// Measures along the way.
    pub validations: Vec<ValidationRecord>,
    /// The last θ.
    pub theta: Vec<f64>,
    /// The uniformly drawn iterate; empty if the run did not get there.
    pub drawn_theta: Vec<f64>,
    /// The mean of the iterates; empty unless asked for.
    pub average_theta: Vec<f64>,
    /// The checkpoints.
    pub checkpoints: Vec<Checkpoint>,
}

impl TrainReport {
    /// Log-probabilities of the held-out responses under the checkpoints, one model each: what a tournament selects
    /// among.
    ///
    /// # Errors
    /// [`crate::Code::TooFewModels`] without checkpoints, [`crate::Code::NoResponses`] without held-out responses.
    pub fn log_probs(&self) -> crate::Result<crate::LogProbs> {
        crate::LogProbs::from_f64(self.checkpoints.iter().map(|checkpoint| checkpoint.log_probs.clone()).collect())
    }
}

impl Trainer {
    /// What the run has come to so far; copies nothing that grows with d or the held-out responses.
    #[must_use]
    pub fn summary(&self, stopped: StopReason) -> TrainSummary<'_> {
        let state = self.state();
        TrainSummary {
            step: state.step,
            steps: self.steps(),
            stage_starts: self.stage_starts(),
            stopped,
            theory: self.theory(),
            validations: &state.validations,
            drawn_step: state.drawn_step,
            checkpoint_steps: state.checkpoints.iter().map(|checkpoint| checkpoint.step).collect(),
        }
    }

    /// The mean of the iterates of the run's own stage so far; empty unless asked for.
    #[must_use]
    pub fn average_theta(&self) -> Vec<f64> {
        let start = self.stage_starts().last().copied().unwrap_or(0);
        #[expect(clippy::cast_precision_loss, reason = "steps are below 2^53")]
        let taken = self.state().step.saturating_sub(start).max(1) as f64;
        self.state().iterate_sum.iter().map(|sum| sum / taken).collect()
    }

    /// Ends the run.
    #[must_use]
    pub fn into_report(self, stopped: StopReason) -> TrainReport {
        let average_theta = self.average_theta();
        let state = self.into_state();
        TrainReport {
            step: state.step,
            stopped,
            theta: state.parameter.theta(),
            validations: state.validations,
            drawn_theta: state.drawn_theta,
            average_theta,
            checkpoints: state.checkpoints,
        }
    }
}
