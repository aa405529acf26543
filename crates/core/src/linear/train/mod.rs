//! Training: one loop, the procedures of §4–§6 as its update rules.

mod batch;
mod optimizer;
mod options;
mod run;
mod state;
mod step_size;
mod sweep;
mod truncated;
mod validation;

pub use options::{Procedure, TrainOptions};
pub use run::{StopReason, TrainReport, TrainTask, Trainer, TrainingData};
pub use state::{Checkpoint, TrainState};
pub use step_size::{StepSize, Theory};
pub use sweep::{Run, run_all, sweep, train};
pub use truncated::{RecordedTeacher, Teacher, truncation_weights};
pub use validation::{Validation, ValidationRecord};
