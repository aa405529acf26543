//! Handles on responses.

use std::sync::Arc;

use coverage_principle_core::linear::Responses;
use napi::Env;
use napi::bindgen_prelude::{Float64Array, ObjectFinalize, Uint32Array};
use napi_derive::napi;

use crate::error::to_napi;
use crate::memory::{claim, release};

/// Responses that live in Rust, each to a prompt.
#[napi(custom_finalize)]
pub struct ResponsesHandle {
    responses: Arc<Responses>,
    bytes: i64,
}

impl ObjectFinalize for ResponsesHandle {
    fn finalize(self, env: Env) -> napi::Result<()> {
        release(&env, self.bytes)
    }
}

impl ResponsesHandle {
    pub(crate) fn new(env: &Env, responses: Responses) -> napi::Result<Self> {
        let bytes = claim(env, size_of_val(responses.tokens()) + 2 * size_of_val(responses.prompts()))?;
        Ok(Self { responses: Arc::new(responses), bytes })
    }

    pub(crate) fn shared(&self) -> Arc<Responses> {
        Arc::clone(&self.responses)
    }
}

#[napi]
impl ResponsesHandle {
    /// Responses of `lengths[i]` tokens each to `prompts[i]`; `tokens` has them one after the other.
    #[napi(factory)]
    pub fn from_arrays(
        env: &Env,
        prompts: Float64Array,
        tokens: Uint32Array,
        lengths: Uint32Array,
    ) -> napi::Result<Self> {
        let prompts = prompts.iter().map(|&prompt| to_index(prompt));
        let responses = Responses::from_lengths(prompts, &tokens, &lengths);
        Self::new(env, responses.map_err(|error| to_napi(&error))?)
    }

    /// n, how many there are.
    #[napi(getter)]
    #[must_use]
    pub fn count(&self) -> f64 {
        self.responses.len() as f64
    }

    /// The prompt of each.
    #[napi]
    #[must_use]
    pub fn prompts(&self) -> Float64Array {
        // Prompts may be numbered beyond 2^32, never beyond 2^53.
        Float64Array::new(self.responses.prompts().iter().map(|&prompt| prompt as f64).collect())
    }

    /// All tokens, one response after the other.
    #[napi]
    #[must_use]
    pub fn tokens(&self) -> Uint32Array {
        Uint32Array::new(self.responses.tokens().to_vec())
    }

    /// Tokens of each.
    #[napi]
    #[must_use]
    pub fn lengths(&self) -> Uint32Array {
        let lengths = self.responses.iter().map(|response| u32::try_from(response.tokens.len()).unwrap_or(0));
        Uint32Array::new(lengths.collect())
    }

    /// The responses `start`, …, `end` − 1.
    #[napi]
    pub fn slice(&self, env: &Env, start: u32, end: u32) -> napi::Result<Self> {
        Self::new(env, self.responses.slice(start as usize..end as usize))
    }
}

/// The index that a number is; the facade checks that it is one.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "indices are below 2^53")]
pub(crate) fn to_index(value: f64) -> usize {
    value as usize
}
