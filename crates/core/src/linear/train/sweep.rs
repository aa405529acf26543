//! Many runs at once.

use super::options::TrainOptions;
use super::report::TrainReport;
use super::run::{StopReason, TrainTask, Trainer};
use crate::error::Result;
use crate::parallel::Workers;
use crate::progress::Control;

/// Trains to the end.
///
/// # Errors
/// As [`Trainer::new`] and [`Trainer::run`].
pub fn train(task: TrainTask, options: TrainOptions, workers: &Workers, control: &Control) -> Result<TrainReport> {
    let mut trainer = Trainer::new(task, options)?;
    control.start(trainer.steps());
    let stopped = trainer.run(None, workers, control)?;
    Ok(trainer.into_report(stopped))
}

/// Trains every run to the end, one thread a run, and returns the reports in the order of the runs: the same ones at
/// any number of threads. All runs are checked before the first begins.
///
/// # Errors
/// As [`train`]; a run at fault is named by its index.
pub fn sweep(runs: Vec<(TrainTask, TrainOptions)>, workers: &Workers, control: &Control) -> Result<Vec<TrainReport>> {
    let runs = runs.into_iter().enumerate().map(|(index, (task, options))| {
        Trainer::new(task, options).map(Run::new).map_err(|error| at_run(error, index))
    });
    let mut runs = runs.collect::<Result<Vec<Run>>>()?;
    run_all(&mut runs, None, workers, control)?;
    Ok(runs.into_iter().map(|run| run.trainer.into_report(run.stopped)).collect())
}

/// A trainer, and why it last stopped.
pub struct Run {
    trainer: Trainer,
    stopped: StopReason,
}

impl Run {
    /// A run before its next step.
    #[must_use]
    pub fn new(trainer: Trainer) -> Self {
        Self { trainer, stopped: StopReason::Paused }
    }

    /// The trainer.
    #[must_use]
    pub fn trainer(&self) -> &Trainer {
        &self.trainer
    }

    /// The trainer, on its own again.
    #[must_use]
    pub fn into_trainer(self) -> Trainer {
        self.trainer
    }

    /// Why it last stopped; `Paused` before it has begun.
    #[must_use]
    pub fn stopped(&self) -> StopReason {
        self.stopped
    }

    fn go_on(&mut self, until: Option<u64>, workers: &Workers, control: &Control) -> Result<()> {
        self.stopped = self.trainer.run(until, workers, control)?;
        Ok(())
    }
}

/// Trains every run until step `until` (default: to its end) or until `control` asks for a pause, one thread a run, or all threads for a single one; the
/// same results at any number of threads. After an error, an abort for instance, each run is as of its last whole
/// step, and this can be called again.
///
/// # Errors
/// As [`train`]; a run at fault is named by its index if there are several.
pub fn run_all(runs: &mut [Run], until: Option<u64>, workers: &Workers, control: &Control) -> Result<()> {
    let left = |run: &Run| {
        let end = until.unwrap_or(u64::MAX).min(run.trainer.steps());
        end.saturating_sub(run.trainer.state().step)
    };
    control.start(runs.iter().map(left).fold(0, u64::saturating_add));
    if let [run] = runs {
        return run.go_on(until, workers, control);
    }
    workers.for_each_chunk(runs, 1, control, |index, run| {
        run[0].go_on(until, &Workers::sequential(), control).map_err(|error| at_run(error, index))
    })
}

fn at_run(mut error: crate::Error, index: usize) -> crate::Error {
    let field = error.place.field.take();
    let path = field.map_or_else(|| format!("runs[{index}]"), |field| format!("runs[{index}].{field}"));
    error.at_field(path)
}
