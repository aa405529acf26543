//! Tests that need several parts: golden vectors, finite differences, inequalities between measures.

use std::sync::Arc;

use super::features::{Layout, TableFeatures};
use super::*;
use crate::random::{Purpose, Stream};

mod answers;
mod decoding;
mod feature_maps;
mod golden;
mod measures;
mod policy_gradient;
mod training;
mod worked;

/// A table of random features of norm at most 4 by whole prefix.
fn random_table(stream: &mut Stream, prompts: usize, vocabulary: usize, horizon: usize, dim: usize) -> TableFeatures {
    let layout = Layout::Prefix { prompts, horizon };
    TableFeatures::tabulate(layout, vocabulary, dim, None, |_, out| {
        let scale = 4.0 * (1.0 / dim as f64).sqrt();
        out.iter_mut().for_each(|value| *value = scale * (2.0 * stream.uniform() - 1.0));
        Ok(())
    })
    .unwrap()
}

/// A realizable problem with uniform prompts, and another model of the same class.
fn random_problem(
    seed: u64,
    vocabulary: usize,
    prompts: usize,
    horizon: usize,
    dim: usize,
) -> (DataDistribution, Model) {
    let mut stream = Stream::new(seed, Purpose::Synthetic, 0);
    let features: Arc<dyn FeatureMap> = Arc::new(random_table(&mut stream, prompts, vocabulary, horizon, dim));
    let mut theta = || {
        let mut theta: Vec<f64> = (0..dim).map(|_| stream.normal()).collect();
        Constraint::Ball { radius: 1.0 }.project(kernel::Kernels::default(), &mut theta);
        theta
    };
    let truth = Model::new(features.clone(), theta()).unwrap();
    let model = Model::new(features, theta()).unwrap();
    (DataDistribution::new(PromptWeights::Uniform(prompts), Arc::new(truth), None).unwrap(), model)
}
