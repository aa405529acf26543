//! Training: one loop, the procedures of §4–§6 as its update rules.

mod batch;
mod optimizer;
mod options;
pub(super) mod policy_gradient;
mod report;
mod run;
mod source;
mod stage;
mod state;
mod step_size;
mod sweep;
mod truncated;
mod validation;

pub use options::{Procedure, StageOptions, TrainOptions};
pub use policy_gradient::RewardKind;
pub use report::{TrainReport, TrainSummary};
pub use run::{StopReason, TrainTask, Trainer};
pub use source::TrainingData;
pub use stage::StageTask;
pub use state::{Checkpoint, TrainState};
pub use step_size::{StepSize, Theory};
pub use sweep::{Run, run_all, sweep, train};
pub use truncated::{RecordedTeacher, Teacher, truncation_weights};
pub use validation::{CheckpointMeasures, Validation, ValidationRecord};
