//! Decoding: sampling, Best-of-N, exact Pass@N.

use std::sync::Arc;

use coverage_principle_core::linear::Policy;
use coverage_principle_core::linear::decode::{
    AcceptedResponses, AdversarialReward, Draws, Reward, Samples, best_of_n, candidates, exact_best_of_n, sample,
};
use coverage_principle_core::{Error, Result, Workers, tagged};
use napi::Env;
use napi::bindgen_prelude::{Float64Array, Object};
use napi_derive::napi;
use serde::Deserialize;

use super::data::DataHandle;
use super::policy::PolicyHandle;
use super::responses::{ResponsesHandle, to_index};
use crate::error::{parse_job_options, to_napi};
use crate::job::{Job, Output, spawn, spawn_output};

/// Responses with their log-probabilities.
#[napi(object, object_from_js = false)]
pub struct SamplesOutput {
    /// The responses.
    pub responses: ResponsesHandle,
    /// log π(y | x) of each.
    pub log_probs: Float64Array,
    /// The reward of each, where there is one.
    pub rewards: Option<Float64Array>,
}

fn to_js(env: &Env, samples: Samples, rewards: Option<Vec<f64>>) -> napi::Result<SamplesOutput> {
    Ok(SamplesOutput {
        responses: ResponsesHandle::new(env, samples.responses)?,
        log_probs: Float64Array::new(samples.log_probs),
        rewards: rewards.map(Float64Array::new),
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct DrawsOptions {
    horizon: usize,
    seed: u64,
    /// Several responses to some of the prompts; absent: one to each.
    candidates: Option<Candidates>,
}

/// `n` responses to each of the prompts numbered `from`, …, `to` − 1, from one random stream a prompt.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Candidates {
    n: usize,
    from: usize,
    to: usize,
}

/// Responses of `policy` to the prompts.
#[napi(js_name = "samplePolicy", ts_return_type = "Promise<SamplesOutput>")]
pub fn sample_policy<'env>(
    env: &'env Env,
    policy: &PolicyHandle,
    prompts: Float64Array,
    options: String,
    job: &Job,
) -> napi::Result<Object<'env>> {
    let (policy, prompts) = (policy.shared(), to_indices(&prompts));
    let (DrawsOptions { horizon, seed, candidates: several }, threads) = parse_job_options(&options)?;
    spawn(
        env,
        job,
        move |control| {
            let (draws, workers) = (Draws { prompts: &prompts, horizon, seed }, Workers::new(threads)?);
            match several {
                None => sample(&*policy, draws, &workers, control),
                Some(Candidates { n, from, to }) => candidates(&*policy, draws, from..to, n, &workers, control),
            }
        },
        |env, samples| to_js(&env, samples, None),
    )
}

tagged! { "RewardOption", "kind",
    /// A reward that is computed in Rust.
    enum RewardOption {
        /// 1{π_T/π̂ ≥ 2N}; the target is a handle beside.
        Adversarial { n: f64 },
        /// 1 for the accepted responses, which are a handle beside.
        Accepted,
    }
}

/// What a reward is made of, kept for as long as the job runs.
enum BuiltInReward {
    Adversarial { target: Arc<dyn Policy>, model: Arc<dyn Policy>, n: f64 },
    Accepted(AcceptedResponses),
}

impl BuiltInReward {
    fn new(
        option: &RewardOption,
        model: &Arc<dyn Policy>,
        target: Option<&PolicyHandle>,
        accepted: Option<&ResponsesHandle>,
    ) -> Result<Self> {
        match (option, target, accepted) {
            (RewardOption::Adversarial { n }, Some(target), _) => {
                Ok(Self::Adversarial { target: target.shared(), model: Arc::clone(model), n: *n })
            }
            (RewardOption::Accepted, _, Some(accepted)) => {
                Ok(Self::Accepted(AcceptedResponses::new(&accepted.shared())))
            }
            _ => Err(Error::option("reward", "The reward lacks its target or its accepted responses.")),
        }
    }

    /// Calls `f` with the reward.
    fn with<T>(&self, f: impl FnOnce(&dyn Reward) -> T) -> T {
        match self {
            Self::Adversarial { target, model, n } => {
                f(&AdversarialReward { target: &**target, model: &**model, n: *n })
            }
            Self::Accepted(accepted) => f(accepted),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct BestOfNOptions {
    reward: RewardOption,
    horizon: usize,
    seed: u64,
    #[serde(rename = "N")]
    n: usize,
}

/// Best-of-N with a reward computed in Rust.
#[napi(js_name = "bestOfN", ts_return_type = "Promise<SamplesOutput>")]
pub fn run_best_of_n<'env>(
    env: &'env Env,
    policy: &PolicyHandle,
    prompts: Float64Array,
    target: Option<&PolicyHandle>,
    accepted: Option<&ResponsesHandle>,
    options: String,
    job: &Job,
) -> napi::Result<Object<'env>> {
    let (policy, prompts) = (policy.shared(), to_indices(&prompts));
    let (BestOfNOptions { reward, horizon, seed, n }, threads) = parse_job_options(&options)?;
    let reward = BuiltInReward::new(&reward, &policy, target, accepted).map_err(|error| to_napi(&error))?;
    spawn(
        env,
        job,
        move |control| {
            let draws = Draws { prompts: &prompts, horizon, seed };
            let workers = Workers::new(threads)?;
            reward.with(|reward| best_of_n(&*policy, draws, n, reward, &workers, control))
        },
        |env, best| to_js(&env, best.chosen, Some(best.rewards)),
    )
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ExactBestOfNOptions {
    reward: RewardOption,
    #[serde(rename = "N")]
    n: Vec<f64>,
    max_responses: u64,
}

/// Exact Pass@N on the prompts of `data`, whose π_D is the target. JSON: the result.
#[napi(js_name = "exactBestOfN", ts_return_type = "Promise<JobOutput>")]
pub fn run_exact_best_of_n<'env>(
    env: &'env Env,
    data: &DataHandle,
    policy: &PolicyHandle,
    target: Option<&PolicyHandle>,
    accepted: Option<&ResponsesHandle>,
    options: String,
    job: &Job,
) -> napi::Result<Object<'env>> {
    let (data, policy) = (data.shared(), policy.shared());
    let (ExactBestOfNOptions { reward, n, max_responses }, threads) = parse_job_options(&options)?;
    let reward = BuiltInReward::new(&reward, &policy, target, accepted).map_err(|error| to_napi(&error))?;
    spawn_output(env, job, move |control| {
        let workers = Workers::new(threads)?;
        let exact =
            reward.with(|reward| exact_best_of_n(&data, &*policy, reward, &n, max_responses, &workers, control))?;
        Output::new(&exact)
    })
}

fn to_indices(prompts: &[f64]) -> Vec<usize> {
    prompts.iter().map(|&prompt| to_index(prompt)).collect()
}
