//! Autoregressive linear models, with Cov_N and stopped KL as the package measures them.

use std::sync::Arc;

use coverage_principle_core::error::Result;
use coverage_principle_core::linear::exact::{ExactOptions, measure};
use coverage_principle_core::linear::features::{RandomFeatures, RandomOptions};
use coverage_principle_core::linear::{DataDistribution, Model, Policy, PromptWeights};
use coverage_principle_core::parallel::Workers;
use coverage_principle_core::profile::coverage_bound_from_stopped_kl;
use coverage_principle_core::progress::Control;
use coverage_principle_core::random::Stream;

use super::responses::{LOWER_BUDGETS, Leaf, STOPPED_BUDGETS, check_lower, stopped_kl, tree_claims};
use super::{Claim, Sides, between, claim};

/// V and H: all V^H responses are gone through.
const SHAPES: [(usize, usize); 3] = [(2, 8), (3, 5), (4, 4)];
/// How far two ways of computing stopped KL may be apart.
const DEVIATION: f64 = 1e-9;

pub(super) fn claims() -> Vec<Claim> {
    let mut claims = tree_claims();
    claims.iter_mut().for_each(|claim| claim.text = format!("Linear models: {}", claim.text));
    let text = "Stopped KL of linear models from their token probabilities is the package's: difference over 1e-9";
    claims.push(claim("Proposition D.10", "D_seq", text).by_construction());
    claims
}

/// Two models of one class of random features, θ drawn from the unit ball; one prompt.
pub(super) fn check(ratios: &mut Sides, stream: &mut Stream, control: &Control) -> Result<()> {
    let (vocabulary, horizon) = SHAPES[between(0, SHAPES.len() - 1, stream)];
    let dim = between(2, 12, stream);
    let features = Arc::new(RandomFeatures::new(RandomOptions {
        vocabulary,
        horizon,
        dim,
        window: between(0, 2, stream),
        prompts: None,
        bandwidth: 1.0,
        bound: 1.0 + 24.0 * stream.uniform(),
        seed: stream.next_u64(),
        index: 0,
    })?);
    let data = Model::new(features.clone(), in_unit_ball(dim, stream))?;
    let model = Model::new(features, in_unit_ball(dim, stream))?;
    let leaves = leaves(&data, &model, vocabulary, horizon);
    let data = DataDistribution::new(PromptWeights::Uniform(1), Arc::new(data), Some(horizon))?;
    let mut n = LOWER_BUDGETS.to_vec();
    n.extend(STOPPED_BUDGETS);
    let options = ExactOptions { n, max_responses: 1 << 10 };
    let (measures, _) = measure(&data, &model, &options, &Workers::sequential(), control)?;
    for ((&n, &coverage), &stopped) in measures.n.iter().zip(&measures.coverage).zip(&measures.stopped_kl) {
        ratios.check_some("D.10", coverage, coverage_bound_from_stopped_kl(stopped, n));
        if LOWER_BUDGETS.contains(&n) {
            check_lower(ratios, &leaves, n, coverage);
        }
        ratios.check("D_seq", (stopped_kl(&leaves, n) - stopped).abs() + super::ROUNDING, DEVIATION);
    }
    Ok(())
}

fn in_unit_ball(dim: usize, stream: &mut Stream) -> Vec<f64> {
    let direction: Vec<f64> = (0..dim).map(|_| stream.uniform() - 0.5).collect();
    let length = direction.iter().map(|value| value * value).sum::<f64>().sqrt();
    let radius = stream.uniform();
    direction.into_iter().map(|value| radius * value / length).collect()
}

/// All V^H responses to prompt 0, from token probabilities alone.
fn leaves(data: &Model, model: &Model, vocabulary: usize, horizon: usize) -> Vec<Leaf> {
    let (mut data, mut model) = (data.walker(), model.walker());
    let mut level = vec![(Vec::new(), Leaf::ROOT)];
    for _ in 0..horizon {
        level = level
            .into_iter()
            .flat_map(|(tokens, leaf): (Vec<u32>, Leaf)| {
                for walker in [&mut data, &mut model] {
                    walker.start(0);
                    tokens.iter().for_each(|&token| walker.push(token));
                }
                let [p, q] = [&mut data, &mut model]
                    .map(|walker| walker.next().iter().map(|log_prob| log_prob.exp()).collect::<Vec<f64>>());
                let grown: Vec<Leaf> = leaf.grow(&p, &q).collect();
                #[expect(clippy::cast_possible_truncation, reason = "there are at most four tokens")]
                (0..vocabulary as u32).map(move |token| [&tokens[..], &[token]].concat()).zip(grown).collect::<Vec<_>>()
            })
            .collect();
    }
    level.into_iter().map(|(_, leaf)| leaf).collect()
}
