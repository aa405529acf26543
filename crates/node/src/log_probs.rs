//! Handles on matrices of log-probabilities.

use std::sync::Arc;

use coverage_principle_core::log_probs::{Row, Rows};
use coverage_principle_core::{Code, Control, Error, LogProbs, Workers};
use napi::Env;
use napi::bindgen_prelude::{Float32Array, Float64Array, ObjectFinalize};
use napi_derive::napi;

use crate::error::to_napi;
use crate::memory::{claim, release};

/// A matrix of log-probabilities that lives in Rust, models × responses.
#[napi(custom_finalize)]
pub struct LogProbsHandle {
    matrix: Option<Arc<LogProbs>>,
    bytes: i64,
}

impl ObjectFinalize for LogProbsHandle {
    fn finalize(self, env: Env) -> napi::Result<()> {
        release(&env, self.bytes)
    }
}

impl LogProbsHandle {
    /// A handle on `matrix`; the garbage collector is told of the memory behind it.
    pub(crate) fn new(env: &Env, matrix: LogProbs) -> napi::Result<Self> {
        let bytes = claim(env, matrix.bytes())?;
        Ok(Self { matrix: Some(Arc::new(matrix)), bytes })
    }

    /// The matrix, shared with the job that is to work on it.
    pub(crate) fn matrix(&self) -> napi::Result<Arc<LogProbs>> {
        self.matrix.clone().ok_or_else(|| {
            to_napi(&Error::new(Code::Disposed, "These log-probabilities were disposed of: read them again to go on."))
        })
    }

    fn from_core(env: &Env, matrix: coverage_principle_core::Result<LogProbs>) -> napi::Result<Self> {
        Self::new(env, matrix.map_err(|error| to_napi(&error))?)
    }
}

#[napi]
impl LogProbsHandle {
    /// Double-precision values in row-major order, models × `responses`; copied.
    #[napi(factory)]
    pub fn from_float64(env: &Env, values: Float64Array, responses: u32) -> napi::Result<Self> {
        let rows = values.chunks(responses.max(1) as usize).map(|row| Row::from(row.to_vec())).collect();
        Self::from_core(env, LogProbs::new(Rows::F64(rows), &Workers::sequential(), &Control::new()))
    }

    /// Single-precision values in row-major order, models × `responses`; copied.
    #[napi(factory)]
    pub fn from_float32(env: &Env, values: Float32Array, responses: u32) -> napi::Result<Self> {
        let rows = values.chunks(responses.max(1) as usize).map(|row| Row::from(row.to_vec())).collect();
        Self::from_core(env, LogProbs::new(Rows::F32(rows), &Workers::sequential(), &Control::new()))
    }

    /// The models of this matrix, then those of `other`.
    #[napi]
    pub fn stack(&self, env: &Env, other: &LogProbsHandle) -> napi::Result<Self> {
        Self::from_core(env, self.matrix()?.stack(&*other.matrix()?))
    }

    /// The models with the given indices, in that order.
    #[napi]
    pub fn select_models(&self, env: &Env, models: Vec<u32>) -> napi::Result<Self> {
        let models: Vec<usize> = models.into_iter().map(|model| model as usize).collect();
        Self::from_core(env, self.matrix()?.select_models(&models))
    }

    /// M, the number of models.
    #[napi(getter)]
    pub fn models(&self) -> napi::Result<f64> {
        Ok(self.matrix()?.models() as f64)
    }

    /// n, the number of responses.
    #[napi(getter)]
    pub fn responses(&self) -> napi::Result<f64> {
        Ok(self.matrix()?.responses() as f64)
    }

    /// `"float32"` or `"float64"`.
    #[napi(getter, ts_return_type = "'float32' | 'float64'")]
    pub fn precision(&self) -> napi::Result<&'static str> {
        Ok(match self.matrix()?.rows() {
            Rows::F32(_) => "float32",
            Rows::F64(_) => "float64",
        })
    }

    /// The log-probabilities of one model, widened exactly.
    #[napi]
    pub fn row(&self, model: u32) -> napi::Result<Float64Array> {
        let matrix = self.matrix()?;
        let model = model as usize;
        if model >= matrix.models() {
            return Err(to_napi(&Error::option(
                "model",
                format!("There is no model {model}: the last is {}.", matrix.models() - 1),
            )));
        }
        Ok(Float64Array::new(matrix.row_f64(model)))
    }

    /// Gives the memory back now instead of at some garbage collection; jobs that run on the matrix keep it.
    #[napi]
    pub fn dispose(&mut self, env: &Env) -> napi::Result<()> {
        self.matrix = None;
        release(env, std::mem::take(&mut self.bytes))
    }
}
