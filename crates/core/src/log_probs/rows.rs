use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use super::check::check_row;
use crate::error::{Code, Error, Result};
use crate::parallel::Workers;
use crate::progress::Control;

/// The n log-probabilities of one model: a part of a block of memory that rows share.
#[derive(Clone)]
pub struct Row<T> {
    block: Arc<Vec<T>>,
    start: usize,
    len: usize,
}

/// Element types a matrix can have: plain floating-point values.
pub trait Float: Copy + Send + Sync + Into<f64> + fmt::Debug + 'static {}
impl Float for f32 {}
impl Float for f64 {}

impl<T: Float> Row<T> {
    /// The rows of `len` values that lie one after another in `block`; nothing is copied.
    pub(crate) fn split(block: Vec<T>, len: usize) -> Vec<Self> {
        let rows = block.len().checked_div(len).unwrap_or(0);
        let block = Arc::new(block);
        (0..rows).map(|row| Self { block: Arc::clone(&block), start: row * len, len }).collect()
    }
}

impl<T: Float> Deref for Row<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.block[self.start..][..self.len]
    }
}

impl<T: Float> From<Vec<T>> for Row<T> {
    fn from(values: Vec<T>) -> Self {
        let len = values.len();
        Self { block: Arc::new(values), start: 0, len }
    }
}

/// All rows of a matrix, in one precision.
#[derive(Clone)]
pub enum Rows {
    /// Single precision.
    F32(Vec<Row<f32>>),
    /// Double precision.
    F64(Vec<Row<f64>>),
}

/// Log-probabilities of M models on the same n responses.
///
/// Invariants: at least one model and one response, all rows of length n, no NaN, no +∞, nothing above
/// [`LogProbs::POSITIVE_TOLERANCE`]. −∞ is legal: the model rules the response out.
#[derive(Clone)]
pub struct LogProbs {
    rows: Rows,
    responses: usize,
}

impl LogProbs {
    /// Log-probabilities may exceed zero by rounding, up to this many nats.
    pub const POSITIVE_TOLERANCE: f64 = 1e-6;

    /// Checks `rows` and takes them.
    ///
    /// # Errors
    /// [`Code::NoResponses`], [`Code::TooFewModels`] for an empty matrix, [`Code::ShapeMismatch`] for rows of
    /// different lengths, [`Code::NanLogProb`] and [`Code::PositiveLogProb`] naming model and response.
    pub fn new(rows: Rows, workers: &Workers, control: &Control) -> Result<Self> {
        let log_probs = Self::of_legal(rows)?;
        match &log_probs.rows {
            Rows::F32(rows) => workers.map(rows.len(), control, |model| check_row(model, &rows[model], control))?,
            Rows::F64(rows) => workers.map(rows.len(), control, |model| check_row(model, &rows[model], control))?,
        };
        Ok(log_probs)
    }

    /// [`LogProbs::new`] for values that were looked at one by one.
    pub(crate) fn of_legal(rows: Rows) -> Result<Self> {
        let lengths: Vec<usize> = match &rows {
            Rows::F32(rows) => rows.iter().map(|row| row.len()).collect(),
            Rows::F64(rows) => rows.iter().map(|row| row.len()).collect(),
        };
        let Some(&responses) = lengths.first() else {
            return Err(Error::new(
                Code::TooFewModels,
                "There is no model: give the log-probabilities of at least one.",
            ));
        };
        if responses == 0 {
            return Err(Error::new(
                Code::NoResponses,
                "There is no response: every model needs at least one log-probability.",
            ));
        }
        if let Some(model) = lengths.iter().position(|&length| length != responses) {
            return Err(Error::new(
                Code::ShapeMismatch,
                format!("Model {model} has {} log-probabilities, model 0 has {responses}: all models must be scored on the same responses.", lengths[model]),
            )
            .at_model(model));
        }
        Ok(Self { rows, responses })
    }

    /// A double-precision matrix from plain vectors, one a model.
    ///
    /// # Errors
    /// As [`LogProbs::new`].
    pub fn from_f64(rows: Vec<Vec<f64>>) -> Result<Self> {
        Self::new(Rows::F64(rows.into_iter().map(Row::from).collect()), &Workers::sequential(), &Control::new())
    }

    /// A single-precision matrix from plain vectors, one a model.
    ///
    /// # Errors
    /// As [`LogProbs::new`].
    pub fn from_f32(rows: Vec<Vec<f32>>) -> Result<Self> {
        Self::new(Rows::F32(rows.into_iter().map(Row::from).collect()), &Workers::sequential(), &Control::new())
    }

    /// The models of `self`, then those of `other`; in double precision unless both are single. Rows already in
    /// that precision are shared, not copied.
    ///
    /// # Errors
    /// [`Code::ShapeMismatch`] unless both have the same number of responses.
    pub fn stack(&self, other: &Self) -> Result<Self> {
        if self.responses != other.responses {
            return Err(Error::new(
                Code::ShapeMismatch,
                format!(
                    "Cannot put models scored on {} responses beside models scored on {}.",
                    self.responses, other.responses
                ),
            ));
        }
        let rows = match (&self.rows, &other.rows) {
            (Rows::F32(above), Rows::F32(below)) => Rows::F32([above.as_slice(), below].concat()),
            _ => Rows::F64([self.widened(), other.widened()].concat()),
        };
        Ok(Self { rows, responses: self.responses })
    }

    /// The models with the given indices, in that order; rows are shared.
    ///
    /// # Errors
    /// [`Code::InvalidOption`] for an index out of range, [`Code::TooFewModels`] for an empty list.
    pub fn select_models(&self, models: &[usize]) -> Result<Self> {
        if models.is_empty() {
            return Err(Error::new(Code::TooFewModels, "There is no model left: select at least one."));
        }
        if let Some(&model) = models.iter().find(|&&model| model >= self.models()) {
            return Err(Error::option(
                "models",
                format!("There is no model {model}: the last is {}.", self.models() - 1),
            ));
        }
        let rows = match &self.rows {
            Rows::F32(rows) => Rows::F32(models.iter().map(|&model| rows[model].clone()).collect()),
            Rows::F64(rows) => Rows::F64(models.iter().map(|&model| rows[model].clone()).collect()),
        };
        Ok(Self { rows, responses: self.responses })
    }

    fn widened(&self) -> Vec<Row<f64>> {
        match &self.rows {
            Rows::F32(rows) => {
                rows.iter().map(|row| row.iter().map(|&value| f64::from(value)).collect::<Vec<_>>().into()).collect()
            }
            Rows::F64(rows) => rows.clone(),
        }
    }

    /// M, the number of models.
    #[must_use]
    pub fn models(&self) -> usize {
        match &self.rows {
            Rows::F32(rows) => rows.len(),
            Rows::F64(rows) => rows.len(),
        }
    }

    /// n, the number of responses.
    #[must_use]
    pub fn responses(&self) -> usize {
        self.responses
    }

    /// The rows, in their precision.
    #[must_use]
    pub fn rows(&self) -> &Rows {
        &self.rows
    }

    /// log π_model(y_response | x_response), widened exactly.
    #[must_use]
    pub fn get(&self, model: usize, response: usize) -> f64 {
        match &self.rows {
            Rows::F32(rows) => f64::from(rows[model][response]),
            Rows::F64(rows) => rows[model][response],
        }
    }

    /// The row of one model in double precision (a copy).
    #[must_use]
    pub fn row_f64(&self, model: usize) -> Vec<f64> {
        match &self.rows {
            Rows::F32(rows) => rows[model].iter().map(|&value| f64::from(value)).collect(),
            Rows::F64(rows) => rows[model].to_vec(),
        }
    }

    /// Bytes of the values.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let size = match &self.rows {
            Rows::F32(_) => size_of::<f32>(),
            Rows::F64(_) => size_of::<f64>(),
        };
        self.models() * self.responses * size
    }
}

impl fmt::Debug for LogProbs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let precision = if matches!(self.rows, Rows::F32(_)) { "f32" } else { "f64" };
        write!(f, "LogProbs({} models × {} responses, {precision})", self.models(), self.responses)
    }
}
