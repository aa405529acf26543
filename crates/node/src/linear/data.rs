//! Handles on data distributions.

use std::sync::Arc;

use coverage_principle_core::linear::{DataDistribution, PromptWeights};
use coverage_principle_core::random::{Purpose, Stream};
use napi::Env;
use napi::bindgen_prelude::{Float64Array, Object, Uint32Array};
use napi_derive::napi;
use serde::Deserialize;

use super::policy::PolicyHandle;
use super::responses::{ResponsesHandle, to_index};
use crate::error::{parse_options, to_napi};
use crate::job::{Job, spawn};

/// x ~ μ, y ~ π_D(· | x), in Rust.
#[napi]
pub struct DataHandle {
    data: Arc<DataDistribution>,
}

impl DataHandle {
    pub(crate) fn new(data: DataDistribution) -> Self {
        Self { data: Arc::new(data) }
    }

    pub(crate) fn shared(&self) -> Arc<DataDistribution> {
        Arc::clone(&self.data)
    }
}

#[napi]
impl DataHandle {
    /// Prompts with weights `mu`, responses from `policy`.
    #[napi(factory)]
    pub fn weighted(mu: Float64Array, policy: &PolicyHandle, horizon: Option<u32>) -> napi::Result<Self> {
        let horizon = horizon.map(|horizon| horizon as usize);
        let data = PromptWeights::new(&mu).and_then(|mu| DataDistribution::new(mu, policy.shared(), horizon));
        data.map(Self::new).map_err(|error| to_napi(&error))
    }

    /// `prompts` equally likely prompts, responses from `policy`.
    #[napi(factory)]
    pub fn uniform(prompts: f64, policy: &PolicyHandle, horizon: Option<u32>) -> napi::Result<Self> {
        let (mu, horizon) = (PromptWeights::Uniform(to_index(prompts)), horizon.map(|horizon| horizon as usize));
        DataDistribution::new(mu, policy.shared(), horizon).map(Self::new).map_err(|error| to_napi(&error))
    }

    /// π_D.
    #[napi]
    #[must_use]
    pub fn policy(&self) -> PolicyHandle {
        PolicyHandle::of_policy(Arc::clone(self.data.policy()))
    }

    /// |X|.
    #[napi(getter)]
    #[must_use]
    pub fn prompts(&self) -> f64 {
        self.data.mu().prompts() as f64
    }

    /// V.
    #[napi(getter)]
    #[must_use]
    pub fn vocabulary(&self) -> f64 {
        self.data.policy().vocabulary() as f64
    }

    /// H.
    #[napi(getter)]
    #[must_use]
    pub fn horizon(&self) -> f64 {
        self.data.horizon() as f64
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct DrawOptions {
    count: usize,
    seed: u64,
    shard: u64,
}

/// `count` pairs (x, y) from shard `shard` of the seed's data.
#[napi(js_name = "drawData", ts_return_type = "Promise<ResponsesHandle>")]
pub fn draw_data<'env>(env: &'env Env, data: &DataHandle, options: String, job: &Job) -> napi::Result<Object<'env>> {
    let data = data.shared();
    let DrawOptions { count, seed, shard } = parse_options(&options)?;
    spawn(
        env,
        job,
        move |control| data.sample_under(count, &mut Stream::new(seed, Purpose::Data, shard), control),
        |env, responses| ResponsesHandle::new(&env, responses),
    )
}

/// 0, …, `count` − 1 in random order; epochs of a training run under the same seed have other orders.
#[napi(js_name = "shuffledOrder")]
pub fn shuffled_order(count: u32, seed: f64) -> Uint32Array {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the facade checks that it is a seed")]
    let mut stream = Stream::new(seed as u64, Purpose::Shuffle, u64::MAX);
    let mut order: Vec<u32> = (0..count).collect();
    stream.shuffle(&mut order);
    Uint32Array::new(order)
}
