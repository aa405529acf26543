//! Mixtures of policies at the level of sequences, the convex classes of Theorem E.1.

use std::sync::Arc;

use super::policy::{Policy, PromptWeights, Walker};
use crate::error::{Code, Error, Result};

/// π(y | x) = Σ_k w_k π_k(y | x).
#[derive(Clone, Debug)]
pub struct Mixture {
    policies: Vec<Arc<dyn Policy>>,
    log_weights: Vec<f64>,
}

impl Mixture {
    /// The mixture of `policies` with `weights`, which are scaled to sum to 1.
    ///
    /// # Errors
    /// [`Code::InvalidOption`] for weights that are negative or all zero; [`Code::ShapeMismatch`] if there are not as
    /// many weights as policies or the policies differ in vocabulary.
    pub fn new(policies: Vec<Arc<dyn Policy>>, weights: &[f64]) -> Result<Self> {
        if policies.len() != weights.len() || policies.is_empty() {
            return Err(Error::new(
                Code::ShapeMismatch,
                format!("A mixture of {} policies cannot have {} weights.", policies.len(), weights.len()),
            ));
        }
        if policies.iter().any(|policy| policy.vocabulary() != policies[0].vocabulary()) {
            return Err(Error::new(Code::ShapeMismatch, "The policies of a mixture must share one vocabulary."));
        }
        let weights = PromptWeights::new(weights)?;
        let log_weights = (0..policies.len()).map(|k| libm::log(weights.probability(k))).collect();
        Ok(Self { policies, log_weights })
    }
}

impl Policy for Mixture {
    fn vocabulary(&self) -> usize {
        self.policies[0].vocabulary()
    }

    fn horizon(&self) -> Option<usize> {
        self.policies.iter().filter_map(|policy| policy.horizon()).min()
    }

    fn prompts(&self) -> Option<usize> {
        self.policies.iter().filter_map(|policy| policy.prompts()).min()
    }

    fn walker(&self) -> Box<dyn Walker + '_> {
        let log_weights = &self.log_weights;
        Box::new(MixtureWalker {
            walkers: self.policies.iter().map(|policy| policy.walker()).collect(),
            log_weights,
            joint: vec![log_weights.clone()],
            terms: vec![0.0; log_weights.len()],
            next: vec![0.0; self.vocabulary()],
        })
    }
}

struct MixtureWalker<'m> {
    walkers: Vec<Box<dyn Walker + 'm>>,
    log_weights: &'m [f64],
    /// log w_k π_k(prefix | x) of every k, for each length of the prefix.
    joint: Vec<Vec<f64>>,
    terms: Vec<f64>,
    next: Vec<f64>,
}

impl Walker for MixtureWalker<'_> {
    fn start(&mut self, prompt: usize) {
        self.joint.truncate(1);
        self.joint[0].copy_from_slice(self.log_weights);
        for walker in &mut self.walkers {
            walker.start(prompt);
        }
    }

    fn next(&mut self) -> &[f64] {
        let Self { walkers, joint, terms, next, .. } = self;
        let joint = &joint[joint.len() - 1];
        let total = log_sum_exp(joint);
        let of_each: Vec<&[f64]> = walkers.iter_mut().map(|walker| walker.next()).collect();
        for (token, next) in next.iter_mut().enumerate() {
            for (k, term) in terms.iter_mut().enumerate() {
                // A policy that has ruled the prefix out has no say in what follows.
                *term = if joint[k] > f64::NEG_INFINITY { joint[k] + of_each[k][token] } else { f64::NEG_INFINITY };
            }
            let sum = log_sum_exp(terms);
            *next = if sum > f64::NEG_INFINITY { sum - total } else { sum };
        }
        next
    }

    fn push(&mut self, token: u32) {
        let mut joint = self.joint[self.joint.len() - 1].clone();
        for (walker, joint) in self.walkers.iter_mut().zip(&mut joint) {
            if *joint > f64::NEG_INFINITY {
                *joint += walker.next()[token as usize];
            }
            walker.push(token);
        }
        self.joint.push(joint);
    }

    fn truncate(&mut self, len: usize) {
        self.joint.truncate(len + 1);
        for walker in &mut self.walkers {
            walker.truncate(len);
        }
    }
}

/// log Σ exp, −∞ of nothing but −∞.
pub(super) fn log_sum_exp(terms: &[f64]) -> f64 {
    let max = terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if max == f64::NEG_INFINITY {
        return max;
    }
    max + libm::log(terms.iter().map(|&term| libm::exp(term - max)).sum())
}
