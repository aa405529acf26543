//! Many runs at once.

use super::options::TrainOptions;
use super::run::{TrainReport, TrainTask, Trainer};
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
    Ok(trainer.report(stopped))
}

/// Trains every run to the end, one thread a run, and returns the reports in the order of the runs: the same ones at
/// any number of threads. All runs are checked before the first begins.
///
/// # Errors
/// As [`train`]; a run at fault is named by its index.
pub fn sweep(runs: Vec<(TrainTask, TrainOptions)>, workers: &Workers, control: &Control) -> Result<Vec<TrainReport>> {
    let mut total = 0u64;
    for (index, (task, options)) in runs.iter().enumerate() {
        let trainer = Trainer::new(task.clone(), options.clone()).map_err(|error| at_run(error, index))?;
        total = total.saturating_add(trainer.steps());
    }
    control.start(total);
    workers.map(runs.len(), control, |index| {
        let (task, options) = runs[index].clone();
        let mut trainer = Trainer::new(task, options)?;
        let stopped = trainer.run(None, &Workers::sequential(), control).map_err(|error| at_run(error, index))?;
        Ok(trainer.report(stopped))
    })
}

fn at_run(mut error: crate::Error, index: usize) -> crate::Error {
    let field = error.place.field.take();
    let path = field.map_or_else(|| format!("runs[{index}]"), |field| format!("runs[{index}].{field}"));
    error.at_field(path)
}
