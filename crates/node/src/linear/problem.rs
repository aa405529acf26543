//! Named problems.

use std::sync::Arc;

use coverage_principle_core::Code;
use coverage_principle_problems::{Instance, LinearClass, ModelClass, ProblemOptions, build};
use napi::Env;
use napi::bindgen_prelude::Float64Array;
use napi_derive::napi;

use super::data::DataHandle;
use super::features::FeaturesHandle;
use super::policy::PolicyHandle;
use crate::error::{parse_options, to_json, to_napi};

/// A problem with a known answer.
#[napi]
pub struct ProblemHandle {
    instance: Box<dyn Instance>,
}

/// The linear class of a problem.
#[napi(object, object_from_js = false)]
pub struct LinearClassOutput {
    /// φ.
    pub features: FeaturesHandle,
    /// Θ, as JSON.
    pub constraint: String,
    /// Where training starts.
    pub start: Float64Array,
}

/// A model of a problem's class, with its name.
#[napi(object, object_from_js = false)]
pub struct NamedPolicyOutput {
    /// The name.
    pub name: String,
    /// The model.
    pub policy: PolicyHandle,
}

#[napi]
impl ProblemHandle {
    /// The problem that the options name: `{"name": …, …}`.
    #[napi(factory)]
    pub fn create(options: String) -> napi::Result<Self> {
        let options: ProblemOptions = parse_options(&options)?;
        Ok(Self { instance: build(&options).map_err(|error| to_napi(&error))? })
    }

    /// μ and π_D.
    #[napi]
    #[must_use]
    pub fn data(&self) -> DataHandle {
        DataHandle::new(self.instance.data().clone())
    }

    /// Where held-out responses come from and exact measures are taken: the same, unless its prompts have no end.
    #[napi]
    #[must_use]
    pub fn validation(&self) -> DataHandle {
        DataHandle::new(self.instance.validation().clone())
    }

    /// The class of linear models; null if the problem has another.
    #[napi]
    pub fn linear_class(&self, env: &Env) -> napi::Result<Option<LinearClassOutput>> {
        match self.instance.class() {
            Ok(ModelClass::Linear(LinearClass { features, constraint, start })) => Ok(Some(LinearClassOutput {
                features: FeaturesHandle::new(env, Ok(features), 0)?,
                constraint: to_json(&constraint)?,
                start: Float64Array::new(start),
            })),
            Ok(ModelClass::Finite(_) | ModelClass::Mixture(_)) => Ok(None),
            // A class of too many models to list is a finite one.
            Err(error) if error.code == Code::TooLarge => Ok(None),
            Err(error) => Err(to_napi(&error)),
        }
    }

    /// The models of a finite class or the components of a mixture; empty for a linear class.
    #[napi]
    pub fn models(&self) -> napi::Result<Vec<NamedPolicyOutput>> {
        let models = match self.instance.class().map_err(|error| to_napi(&error))? {
            ModelClass::Finite(models) | ModelClass::Mixture(models) => models,
            ModelClass::Linear(_) => Vec::new(),
        };
        let output = |model: coverage_principle_problems::NamedPolicy| NamedPolicyOutput {
            name: model.name,
            policy: PolicyHandle::of_policy(Arc::clone(&model.policy)),
        };
        Ok(models.into_iter().map(output).collect())
    }

    /// θ*; null where there is none.
    #[napi]
    #[must_use]
    pub fn theta_star(&self) -> Option<Float64Array> {
        self.instance.theta_star().map(|theta| Float64Array::new(theta.to_vec()))
    }
}
