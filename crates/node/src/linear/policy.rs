//! Handles on policies: linear models, test-time training, listed distributions, mixtures.

use std::sync::Arc;

use coverage_principle_core::linear::answers::{Reasonings, answer_log_probs, sampled_answer_log_probs};
use coverage_principle_core::linear::{
    Constraint, ListInMemory, Listed, Mixture, Model, Policy, TestTimeModel, train::Teacher, train::truncation_weights,
};
use coverage_principle_core::{Error, LogProbs, Result, Workers};
use napi::Env;
use napi::bindgen_prelude::{Float64Array, Object, Uint32Array};
use napi_derive::napi;
use serde::Deserialize;

use super::features::FeaturesHandle;
use super::responses::{ResponsesHandle, to_index};
use crate::error::{NoOptions, parse_job_options, parse_options, to_napi};
use crate::job::{Job, Output, spawn, spawn_output};
use crate::log_probs::LogProbsHandle;

/// A distribution over responses that lives in Rust.
#[napi]
pub struct PolicyHandle {
    policy: Arc<dyn Policy>,
    /// The linear model, where the policy is one.
    model: Option<Model>,
}

impl PolicyHandle {
    /// A handle on a linear model.
    pub(crate) fn of_model(model: Model) -> Self {
        Self { policy: Arc::new(model.clone()), model: Some(model) }
    }

    /// A handle on any policy.
    pub(crate) fn of_policy(policy: Arc<dyn Policy>) -> Self {
        Self { policy, model: None }
    }

    pub(crate) fn shared(&self) -> Arc<dyn Policy> {
        Arc::clone(&self.policy)
    }

    fn linear_model(&self) -> napi::Result<Model> {
        self.model.clone().ok_or_else(|| to_napi(&Error::option("model", "This policy is no linear model.")))
    }
}

#[napi]
impl PolicyHandle {
    /// π_θ.
    #[napi(factory)]
    pub fn linear(features: &FeaturesHandle, theta: Float64Array) -> napi::Result<Self> {
        Model::new(features.shared(), theta.to_vec()).map(Self::of_model).map_err(|error| to_napi(&error))
    }

    /// π^TTT_θ from the linear model `model`.
    #[napi(factory)]
    pub fn test_time(model: &PolicyHandle, step_size: f64, constraint: String) -> napi::Result<Self> {
        let constraint: Constraint = parse_options(&constraint)?;
        let policy = TestTimeModel::new(model.linear_model()?, step_size, constraint);
        policy.map(|policy| Self::of_policy(Arc::new(policy))).map_err(|error| to_napi(&error))
    }

    /// The policy that gives each listed response, `horizon` tokens to `prompts[i]`, its probability.
    #[napi(factory)]
    pub fn listed(
        vocabulary: u32,
        horizon: u32,
        prompts: Float64Array,
        tokens: Uint32Array,
        probabilities: Float64Array,
    ) -> napi::Result<Self> {
        let prompts: Vec<usize> = prompts.iter().map(|&prompt| to_index(prompt)).collect();
        let (vocabulary, horizon) = (vocabulary as usize, horizon as usize);
        let list = ListInMemory::from_rows(vocabulary, horizon, &prompts, &tokens, &probabilities);
        list.map(|list| Self::of_policy(Arc::new(Listed(list)))).map_err(|error| to_napi(&error))
    }

    /// Σ_k w_k π_k.
    #[napi(factory)]
    pub fn mixture(policies: Vec<&PolicyHandle>, weights: Float64Array) -> napi::Result<Self> {
        let policy = Mixture::new(policies.iter().map(|policy| policy.shared()).collect(), &weights);
        policy.map(|policy| Self::of_policy(Arc::new(policy))).map_err(|error| to_napi(&error))
    }

    /// V.
    #[napi(getter)]
    #[must_use]
    pub fn vocabulary(&self) -> f64 {
        self.policy.vocabulary() as f64
    }

    /// |X|; null where any prompt will do.
    #[napi(getter)]
    #[must_use]
    pub fn prompts(&self) -> Option<f64> {
        self.policy.prompts().map(|prompts| prompts as f64)
    }

    /// H; null where any length will do.
    #[napi(getter)]
    #[must_use]
    pub fn horizon(&self) -> Option<f64> {
        self.policy.horizon().map(|horizon| horizon as f64)
    }

    /// θ of a linear model; copied.
    #[napi]
    pub fn theta(&self) -> napi::Result<Float64Array> {
        Ok(Float64Array::new(self.linear_model()?.theta().to_vec()))
    }
}

/// log π(y_i | x_i) of every response: `floats[0]`.
#[napi(js_name = "policyLogProbs", ts_return_type = "Promise<JobOutput>")]
pub fn policy_log_probs<'env>(
    env: &'env Env,
    policy: &PolicyHandle,
    responses: &ResponsesHandle,
    options: String,
    job: &Job,
) -> napi::Result<Object<'env>> {
    let (policy, responses) = (policy.shared(), responses.shared());
    let (NoOptions {}, threads) = parse_job_options(&options)?;
    spawn_output(env, job, move |control| {
        let workers = Workers::new(threads)?;
        Ok(Output::new(&())?.with_floats(policy.log_probs(&responses, &workers, control)?))
    })
}

/// log π(y_h | x, y_{<h}) of every token, one response after the other: `floats[0]`.
#[napi(js_name = "policyTokenLogProbs", ts_return_type = "Promise<JobOutput>")]
pub fn policy_token_log_probs<'env>(
    env: &'env Env,
    policy: &PolicyHandle,
    responses: &ResponsesHandle,
    options: String,
    job: &Job,
) -> napi::Result<Object<'env>> {
    let (policy, responses) = (policy.shared(), responses.shared());
    let (NoOptions {}, threads) = parse_job_options(&options)?;
    spawn_output(env, job, move |control| {
        let workers = Workers::new(threads)?;
        Ok(Output::new(&())?.with_floats(policy.token_log_probs(&responses, &workers, control)?))
    })
}

/// Log-probabilities of the responses under every policy, one model each.
#[napi(js_name = "scorePolicies", ts_return_type = "Promise<LogProbsHandle>")]
pub fn score_policies<'env>(
    env: &'env Env,
    policies: Vec<&PolicyHandle>,
    responses: &ResponsesHandle,
    options: String,
    job: &Job,
) -> napi::Result<Object<'env>> {
    let policies: Vec<_> = policies.iter().map(|policy| policy.shared()).collect();
    let responses = responses.shared();
    let (NoOptions {}, threads) = parse_job_options(&options)?;
    spawn(
        env,
        job,
        move |control| {
            let workers = Workers::new(threads)?;
            control.start(policies.len() as u64);
            let rows = policies.iter().map(|policy| {
                let row = policy.log_probs(&responses, &workers, control)?;
                control.advance(1);
                Ok(row)
            });
            LogProbs::from_f64(rows.collect::<Result<_>>()?)
        },
        |env, matrix| LogProbsHandle::new(&env, matrix),
    )
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct AnswersOptions {
    reasoning_tokens: usize,
    reasonings: Option<usize>,
    max_responses: u64,
    seed: u64,
}

/// log π(a | x) of the answers, what comes after the first tokens of each response, under every policy; with `reasonings`,
/// log π(a | x, r) of so many reasonings drawn from each policy, response after response.
#[napi(js_name = "scoreAnswers", ts_return_type = "Promise<LogProbsHandle>")]
pub fn score_answers<'env>(
    env: &'env Env,
    policies: Vec<&PolicyHandle>,
    responses: &ResponsesHandle,
    options: String,
    job: &Job,
) -> napi::Result<Object<'env>> {
    let policies: Vec<_> = policies.iter().map(|policy| policy.shared()).collect();
    let responses = responses.shared();
    let (options, threads) = parse_job_options::<AnswersOptions>(&options)?;
    spawn(
        env,
        job,
        move |control| {
            let workers = Workers::new(threads)?;
            let AnswersOptions { reasoning_tokens, reasonings, max_responses, seed } = options;
            let rows = policies.iter().zip(0..).map(|(policy, run)| match reasonings {
                None => answer_log_probs(&**policy, &responses, reasoning_tokens, max_responses, &workers, control),
                Some(count) => {
                    let draw = Reasonings { tokens: reasoning_tokens, count, seed, run };
                    sampled_answer_log_probs(&**policy, &responses, draw, &workers, control)
                }
            });
            LogProbs::from_f64(rows.collect::<Result<_>>()?)
        },
        |env, matrix| LogProbsHandle::new(&env, matrix),
    )
}

/// ∇ log π_θ(y_i | x_i) of every response, d values each: `floats[0]`.
#[napi(js_name = "modelGradients", ts_return_type = "Promise<JobOutput>")]
pub fn model_gradients<'env>(
    env: &'env Env,
    model: &PolicyHandle,
    responses: &ResponsesHandle,
    options: String,
    job: &Job,
) -> napi::Result<Object<'env>> {
    let (model, responses) = (model.linear_model()?, responses.shared());
    let (NoOptions {}, threads) = parse_job_options(&options)?;
    spawn_output(env, job, move |control| {
        let workers = Workers::new(threads)?;
        Ok(Output::new(&())?.with_floats(model.gradients(&responses, &workers, control)?))
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct TruncationOptions {
    threshold: f64,
}

/// α_h of every token of every response [25], one response after the other: `floats[0]`.
#[napi(js_name = "truncationWeights", ts_return_type = "Promise<JobOutput>")]
pub fn run_truncation_weights<'env>(
    env: &'env Env,
    student: &PolicyHandle,
    teacher: &PolicyHandle,
    responses: &ResponsesHandle,
    options: String,
    job: &Job,
) -> napi::Result<Object<'env>> {
    let (student, teacher, responses) = (student.linear_model()?, teacher.shared(), responses.shared());
    let (TruncationOptions { threshold }, threads) = parse_job_options(&options)?;
    spawn_output(env, job, move |control| {
        let (teacher, workers) = (Teacher::Policy(teacher), Workers::new(threads)?);
        let weights = truncation_weights(&student, &teacher, &responses, threshold, &workers, control)?;
        Ok(Output::new(&())?.with_floats(weights.concat()))
    })
}
