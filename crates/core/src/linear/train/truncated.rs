//! Truncated SGD [24–26]: learning from a teacher until the student strays.

use std::sync::Arc;

use ndarray::Array2;

use crate::error::{Code, Error, Result};
use crate::linear::evaluator::Evaluator;
use crate::linear::exact::token_kl_of;
use crate::linear::features::{Context, FeatureMap};
use crate::linear::gradient::Gradient;
use crate::linear::model::Model;
use crate::linear::policy::{Policy, Walker, map_responses};
use crate::linear::responses::{Response, Responses};
use crate::parallel::Workers;
use crate::progress::Control;

/// Whose next-token distributions the student is held against.
#[derive(Clone, Debug)]
pub enum Teacher {
    /// A policy that can be walked.
    Policy(Arc<dyn Policy>),
    /// Log-probabilities of all V next tokens along each response of the data set.
    Recorded(Arc<RecordedTeacher>),
}

/// A teacher's next-token log-probabilities along the responses of a data set, from a file for instance.
#[derive(Clone, Debug)]
pub struct RecordedTeacher {
    /// Where each response's positions begin, in tokens.
    starts: Vec<usize>,
    /// [token of the data set in order, V].
    log_probs: Array2<f64>,
}

impl RecordedTeacher {
    /// `log_probs` of shape [token of the data set in order, V].
    ///
    /// # Errors
    /// [`Code::ShapeMismatch`] for another shape; [`Code::NanLogProb`] or [`Code::PositiveLogProb`] for a value that is
    /// no log-probability; [`Code::InvalidOption`] for a distribution that does not sum to 1 within 1e-3.
    pub fn new(responses: &Responses, vocabulary: usize, log_probs: Vec<f64>) -> Result<Self> {
        let (tokens, count) = (responses.tokens().len(), log_probs.len());
        let log_probs = Array2::from_shape_vec((tokens, vocabulary), log_probs).map_err(|_| {
            Error::new(
                Code::ShapeMismatch,
                format!(
                    "A teacher of {tokens} tokens over a vocabulary of {vocabulary} does not have {count} log-probabilities."
                ),
            )
        })?;
        for (row, values) in log_probs.outer_iter().enumerate() {
            if values.iter().any(|value| value.is_nan()) {
                return Err(Error::new(Code::NanLogProb, "A log-probability of the teacher is NaN.").at_row(row));
            }
            if values.iter().any(|&value| value > crate::LogProbs::POSITIVE_TOLERANCE) {
                return Err(
                    Error::new(Code::PositiveLogProb, "A log-probability of the teacher is above zero.").at_row(row)
                );
            }
            let total: f64 = values.iter().map(|value| value.exp()).sum();
            if (total - 1.0).abs() > 1e-3 {
                let message = format!(
                    "The teacher's probabilities of the next token sum to {total}: truncation needs all of them, not the top few."
                );
                return Err(Error::option("teacher", message).at_row(row));
            }
        }
        let mut next = 0;
        let starts = responses
            .iter()
            .map(|response| {
                let start = next;
                next += response.tokens.len();
                start
            })
            .collect();
        Ok(Self { starts, log_probs })
    }

    fn at(&self, response: usize, position: usize) -> &[f64] {
        let row = self.log_probs.row(self.starts[response] + position);
        row.to_slice().expect("rows of an array made from a vector are contiguous")
    }
}

/// A teacher on its way along a response.
pub(super) enum TeacherWalk<'t> {
    Walker(Box<dyn Walker + 't>),
    Recorded { teacher: &'t RecordedTeacher, response: usize, position: usize },
}

impl Teacher {
    pub(super) fn walk(&self) -> TeacherWalk<'_> {
        match self {
            Self::Policy(policy) => TeacherWalk::Walker(policy.walker()),
            Self::Recorded(teacher) => TeacherWalk::Recorded { teacher, response: 0, position: 0 },
        }
    }
}

impl TeacherWalk<'_> {
    /// Goes to the start of a response: to `prompt`, the one of index `response` in the data set.
    pub(super) fn start(&mut self, prompt: usize, index: usize) {
        match self {
            Self::Walker(walker) => walker.start(prompt),
            Self::Recorded { response, position, .. } => (*response, *position) = (index, 0),
        }
    }

    fn next(&mut self) -> &[f64] {
        match self {
            Self::Walker(walker) => walker.next(),
            Self::Recorded { teacher, response, position } => teacher.at(*response, *position),
        }
    }

    fn push(&mut self, token: u32) {
        match self {
            Self::Walker(walker) => walker.push(token),
            Self::Recorded { position, .. } => *position += 1,
        }
    }
}

/// Walks `response` and calls `visit(evaluator, context, token, α_h)` with the student's log-probabilities in the
/// evaluator, until α_h is 0.
///
/// ε_h = KL(teacher‖student) at token h; α_h is 1 while Σ_{j≤h} ε_j ≤ A, (A − Σ_{j<h} ε_j)/ε_h on the token that
/// crosses A, and 0 after, so that Σ_h α_h ε_h = min{A, Σ_h ε_h}.
fn walk_truncated(
    evaluator: &mut Evaluator<'_>,
    teacher: &mut TeacherWalk<'_>,
    response: Response<'_>,
    (theta, scale): (&[f64], f64),
    threshold: f64,
    mut visit: impl FnMut(&mut Evaluator<'_>, Context<'_>, u32, f64),
) {
    let mut strayed = 0.0;
    for (position, &token) in response.tokens.iter().enumerate() {
        let context = Context { prompt: response.prompt, prefix: &response.tokens[..position] };
        let epsilon = token_kl_of(teacher.next(), evaluator.log_probs(context, theta, scale));
        let weight = if strayed + epsilon <= threshold { 1.0 } else { (threshold - strayed) / epsilon };
        strayed += epsilon;
        if weight > 0.0 {
            visit(evaluator, context, token, weight);
        }
        if strayed > threshold {
            return;
        }
        if position + 1 < response.tokens.len() {
            teacher.push(token);
        }
    }
}

/// Adds `weight`·Σ_h α_h ∇log π(y_h | x, y_{<h}) to `gradient`, at θ = scale·theta; the teacher has been started.
pub(super) fn add_truncated_gradient(
    evaluator: &mut Evaluator<'_>,
    teacher: &mut TeacherWalk<'_>,
    response: Response<'_>,
    at: (&[f64], f64),
    threshold: f64,
    weight: f64,
    gradient: &mut Gradient,
) {
    walk_truncated(evaluator, teacher, response, at, threshold, |evaluator, context, token, alpha| {
        let kernels = evaluator.kernels();
        let values = evaluator.values_mut();
        kernels.exp_all(values);
        kernels.scale(-alpha * weight, values);
        values[token as usize] += alpha * weight;
        evaluator.accumulate(context, gradient);
    });
}

/// α_h of every token of every response [25], for a student, a teacher and a threshold A.
///
/// # Errors
/// As [`Policy::log_probs`]; [`Code::InvalidOption`] for a threshold that is not positive.
pub fn truncation_weights(
    student: &Model,
    teacher: &Teacher,
    responses: &Responses,
    threshold: f64,
    workers: &Workers,
    control: &Control,
) -> Result<Vec<Vec<f64>>> {
    let features: &dyn FeatureMap = &**student.features();
    responses.check(features.prompts(), features.vocabulary(), features.horizon())?;
    check_teacher(teacher, features, Some(responses))?;
    if threshold.is_nan() || threshold <= 0.0 {
        return Err(Error::option("threshold", format!("The threshold A must be positive, not {threshold}.")));
    }
    let mut index = Responses::new();
    for (number, response) in responses.iter().enumerate() {
        index.push(number, response.tokens);
    }
    map_responses(
        &index,
        workers,
        control,
        || (Evaluator::new(features), teacher.walk()),
        |(evaluator, walk), numbered| {
            let response = responses.get(numbered.prompt);
            walk.start(response.prompt, numbered.prompt);
            let mut weights = vec![0.0; response.tokens.len()];
            walk_truncated(evaluator, walk, response, (student.theta(), 1.0), threshold, |_, context, _, alpha| {
                weights[context.position()] = alpha;
            });
            weights
        },
    )
}

/// Whether a teacher can be asked about everything the student sees.
pub(super) fn check_teacher(teacher: &Teacher, features: &dyn FeatureMap, data_set: Option<&Responses>) -> Result<()> {
    let fault = |message: String| Err(Error::new(Code::ShapeMismatch, message).at_field("teacher"));
    let vocabulary = match teacher {
        Teacher::Policy(policy) => policy.vocabulary(),
        Teacher::Recorded(teacher) => teacher.log_probs.ncols(),
    };
    if vocabulary != features.vocabulary() {
        return fault(format!("The teacher has {vocabulary} tokens, the student {}.", features.vocabulary()));
    }
    match (teacher, data_set) {
        (Teacher::Policy(policy), Some(responses)) => {
            responses.check(policy.prompts(), vocabulary, policy.horizon()).map_err(|error| error.at_field("teacher"))
        }
        (Teacher::Policy(_), None) => Ok(()),
        (Teacher::Recorded(_), None) => {
            fault("A recorded teacher knows only its own data set: give that, or a policy as the teacher.".into())
        }
        (Teacher::Recorded(teacher), Some(responses)) => {
            let tokens = teacher.log_probs.len() / vocabulary;
            let same = teacher.starts.len() == responses.len() && tokens == responses.tokens().len();
            if same { Ok(()) } else { fault("The recorded teacher belongs to another data set.".into()) }
        }
    }
}
