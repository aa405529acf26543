//! What a training run is told.

use serde::{Deserialize, Serialize};

use super::policy_gradient::RewardKind;
use super::step_size::StepSize;
use crate::error::{Error, Result};
use crate::linear::constraint::Constraint;
use crate::tagged;

tagged! { "Procedure", "kind",
    /// The update rule.
    #[derive(Clone, Copy, Debug, PartialEq, Serialize)]
    #[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
    pub enum Procedure {
        /// θ ← Proj(θ + η ĝ), ĝ the mean gradient of the batch's log-probabilities [14].
        Sgd,
        /// θ ← Proj(θ + η ĝ/(λ + ‖ĝ‖)) [18].
        NormalizedSgd {
            /// λ, not negative; default 0, or what Theorem 5.1 says where the step size is `theory`.
            lambda: Option<f64>,
        },
        /// θ ← Proj(θ + η sign ĝ), sign 0 = 0 [20].
        SignSgd,
        /// Adam with bias correction, ascending, then projection.
        Adam {
            /// In [0, 1).
            beta1: f64,
            /// In [0, 1).
            beta2: f64,
            /// Positive.
            epsilon: f64,
        },
        /// AdaGrad: θ ← Proj(θ + η ĝ/(√G + ε)) coordinate by coordinate, G the sum of ĝ² so far; a step costs what ĝ touches.
        AdaGrad {
            /// Positive.
            epsilon: f64,
        },
        /// A projected step on every token, θ carried on from token to token and response to response [21].
        TokenSgd,
        /// Gradients of tokens weighted by α_h until the student has strayed from the teacher by A [24–26].
        TruncatedSgd {
            /// A, positive; default log N.
            threshold: Option<f64>,
        },
        /// θ ← Proj(θ + η ĝ), ĝ the gradient of the mean reward of the model's own responses to the batch's prompts, the
        /// batch's responses being the right answers (arXiv:2603.06957).
        PolicyGradient {
            /// What earns a reward.
            reward: RewardKind,
            /// G, responses a prompt, at least 2. None: the expectation over all responses, as of infinitely many.
            rollouts: Option<u32>,
            /// β of the penalty β·KL(π_θ ‖ π_0), π_0 the model at the beginning of the stage; not negative.
            kl: f64,
            /// Whether what is earned is divided by its standard deviation in the group, as in GRPO: biased, but steps do not
            /// shrink with the reward.
            standardize: bool,
        },
    }
}

#[expect(clippy::derivable_impls, reason = "what says so within the enum would be read there a second time")]
impl Default for Procedure {
    fn default() -> Self {
        Self::Sgd
    }
}

/// A stage of training that comes before the run's own, as pre-training comes before fine-tuning. θ is carried on from
/// stage to stage, projected; moments, the order of a data set and the step of a schedule begin anew.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StageOptions {
    /// The update rule.
    pub procedure: Procedure,
    /// η.
    pub step_size: StepSize,
    /// K, responses a step.
    pub batch_size: usize,
    /// Steps of the stage; none where `epochs` says how many.
    pub steps: Option<u64>,
    /// Passes over a data set where `steps` is not given.
    pub epochs: u64,
    /// Whether each epoch has its own order.
    pub shuffle: bool,
    /// Which random stream its data comes from.
    pub run: u64,
    /// Steps of this stage after which a checkpoint is kept; rising, 0 = before the first.
    pub checkpoints: Vec<u64>,
}

/// Options of a training run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TrainOptions {
    /// Stages gone through first, as many as the task has.
    pub before: Vec<StageOptions>,
    /// The update rule.
    pub procedure: Procedure,
    /// η.
    pub step_size: StepSize,
    /// K, responses a step; 1 for token SGD.
    pub batch_size: usize,
    /// T, steps of the run after the stages before it. None: enough for `epochs` over a data set; needed where data is
    /// drawn fresh.
    pub steps: Option<u64>,
    /// Passes over a data set where `steps` is not given; the last batch takes what is left.
    pub epochs: u64,
    /// Whether each epoch has its own order, drawn from the seed; else the order given.
    pub shuffle: bool,
    /// N of the theorems and of truncation, above 1.
    #[serde(rename = "N")]
    pub n: f64,
    /// Θ.
    pub constraint: Constraint,
    /// θ to start from, projected on Θ. None: 0, for the simplex its centre.
    pub theta0: Option<Vec<f64>>,
    /// Seed of data and order.
    pub seed: u64,
    /// Index of the run under this seed: which random stream its data comes from.
    pub run: u64,
    /// Validate every so many steps, and after the last; 0 = only after the last.
    pub validate_every: u64,
    /// Keep a checkpoint every so many steps; 0 = none.
    pub checkpoint_every: u64,
    /// Steps after the stages before it after which a checkpoint is kept; rising, 0 = before the first.
    pub checkpoints: Vec<u64>,
    /// Whether checkpoints keep θ.
    pub checkpoint_theta: bool,
    /// Whether the mean of the iterates is kept; costs d additions a step.
    pub average: bool,
}

/// For callers in Rust; the defaults of the facade stand in its schema.
impl Default for TrainOptions {
    fn default() -> Self {
        Self {
            before: Vec::new(),
            procedure: Procedure::default(),
            step_size: StepSize::Constant { value: 0.1 },
            batch_size: 1,
            steps: None,
            epochs: 1,
            shuffle: true,
            n: 16.0,
            constraint: Constraint::default(),
            theta0: None,
            seed: 0,
            run: 0,
            validate_every: 0,
            checkpoint_every: 0,
            checkpoints: Vec::new(),
            checkpoint_theta: true,
            average: false,
        }
    }
}

impl TrainOptions {
    /// The run's own stage, the last one.
    pub(super) fn own_stage(&self) -> StageOptions {
        StageOptions {
            procedure: self.procedure,
            step_size: self.step_size,
            batch_size: self.batch_size,
            steps: self.steps,
            epochs: self.epochs,
            shuffle: self.shuffle,
            run: self.run,
            checkpoints: self.checkpoints.clone(),
        }
    }

    /// Checks what concerns all stages.
    pub(super) fn check(&self) -> Result<()> {
        if !(self.n.is_finite() && self.n > 1.0) {
            return Err(Error::option("N", format!("N must be finite and above 1, not {}.", self.n)));
        }
        self.constraint.check()
    }
}

impl StageOptions {
    /// Checks what can be checked without data; returns the steps, given the size of the data set if there is one.
    pub(super) fn check(&self, data_set: Option<usize>) -> Result<u64> {
        if self.batch_size == 0 {
            return Err(Error::option("batchSize", "A batch has at least one response."));
        }
        if self.batch_size > 1 && self.procedure == Procedure::TokenSgd {
            return Err(Error::option("batchSize", "Token SGD steps on every token: its batch size is 1."));
        }
        if let Some(size) = data_set.filter(|&size| size < self.batch_size) {
            let message = format!("The batch size {} is larger than the data set of {size}.", self.batch_size);
            return Err(Error::option("batchSize", message));
        }
        let steps = match (self.steps, data_set) {
            (Some(steps), _) => steps,
            (None, Some(size)) => (size as u64)
                .checked_mul(self.epochs)
                .ok_or_else(|| Error::option("epochs", "So many epochs cannot be counted."))?
                .div_ceil(self.batch_size as u64),
            (None, None) => {
                return Err(Error::option("steps", "Say how many steps to train: data is drawn fresh and has no end."));
            }
        };
        if !(1..=1 << 53).contains(&steps) {
            return Err(Error::option("steps", format!("A stage has between 1 and 2^53 steps, not {steps}.")));
        }
        let rising = self.checkpoints.windows(2).all(|pair| pair[0] < pair[1]);
        if !rising || self.checkpoints.last().is_some_and(|&last| last > steps) {
            let message = format!("Checkpoints are rising numbers of steps, at most {steps}.");
            return Err(Error::option("checkpoints", message));
        }
        self.step_size.check(steps)?;
        self.check_procedure()?;
        Ok(steps)
    }

    fn check_procedure(&self) -> Result<()> {
        let fault = |name: &str, range: &str, value: f64| {
            Err(Error::option(format!("procedure.{name}"), format!("{name} must be {range}, not {value}.")))
        };
        match self.procedure {
            Procedure::NormalizedSgd { lambda: Some(lambda) } if !(lambda.is_finite() && lambda >= 0.0) => {
                fault("lambda", "finite and not negative", lambda)
            }
            Procedure::Adam { beta1, .. } if !(0.0..1.0).contains(&beta1) => fault("beta1", "in [0, 1)", beta1),
            Procedure::Adam { beta2, .. } if !(0.0..1.0).contains(&beta2) => fault("beta2", "in [0, 1)", beta2),
            Procedure::Adam { epsilon, .. } | Procedure::AdaGrad { epsilon }
                if !(epsilon.is_finite() && epsilon > 0.0) =>
            {
                fault("epsilon", "positive and finite", epsilon)
            }
            Procedure::PolicyGradient { rollouts: Some(rollouts), .. } if rollouts < 2 => {
                fault("rollouts", "at least 2, since each response is compared with the others", f64::from(rollouts))
            }
            Procedure::PolicyGradient { kl, .. } if !(kl.is_finite() && kl >= 0.0) => {
                fault("kl", "finite and not negative", kl)
            }
            Procedure::TruncatedSgd { threshold: Some(threshold) } if !(threshold.is_finite() && threshold > 0.0) => {
                fault("threshold", "positive and finite", threshold)
            }
            _ => Ok(()),
        }
    }
}
