//! Policy gradient against enumeration: the expectation by finite differences, the estimate by simulation.

use std::sync::Arc;

use super::random_problem;
use crate::linear::evaluator::Evaluator;
use crate::linear::features::FeatureMap;
use crate::linear::gradient::Gradient;
use crate::linear::train::policy_gradient::{Group, Objective, add_expected, rollouts_of};
use crate::linear::train::*;
use crate::linear::{Constraint, Model, Policy, Response, Responses};
use crate::parallel::Workers;
use crate::progress::Control;

const PROMPT: usize = 1;
const ANSWER: [u32; 3] = [1, 0, 1];

/// A model of 2^3 responses a prompt, and the one that π_0 is.
fn problem() -> (Arc<dyn FeatureMap>, Vec<f64>, Vec<f64>) {
    let (_, model) = random_problem(5, 2, 2, 3, 4);
    let theta: Vec<f64> = model.theta().iter().map(|value| 2.0 * value).collect();
    let reference = theta.iter().rev().map(|value| 0.5 * value).collect();
    (model.features().clone(), theta, reference)
}

fn answer() -> Response<'static> {
    Response { prompt: PROMPT, tokens: &ANSWER }
}

/// J by its definition: all responses one by one.
fn objective_of(features: &Arc<dyn FeatureMap>, theta: &[f64], reference: &[f64], reward: RewardKind, kl: f64) -> f64 {
    let model = |theta: &[f64]| Model::new(features.clone(), theta.to_vec()).unwrap();
    let (model, start) = (model(theta), model(reference));
    let (mut model, mut start) = (model.walker(), start.walker());
    (0..8u32)
        .map(|index| {
            let tokens = [index & 1, (index >> 1) & 1, (index >> 2) & 1];
            let response = Response { prompt: PROMPT, tokens: &tokens };
            let (log_prob, log_start) = (model.log_prob(response), start.log_prob(response));
            let right = tokens.iter().zip(&ANSWER).take_while(|(token, answer)| token == answer).count();
            let earned = match reward {
                RewardKind::Outcome => f64::from(u8::from(right == 3)),
                RewardKind::Process => right as f64 / 3.0,
            };
            log_prob.exp() * (earned - kl * (log_prob - log_start))
        })
        .sum()
}

fn cases() -> impl Iterator<Item = (RewardKind, f64)> {
    [RewardKind::Outcome, RewardKind::Process].into_iter().flat_map(|reward| [(reward, 0.0), (reward, 0.3)])
}

/// The expected gradient at θ, and J.
fn expected(
    features: &dyn FeatureMap,
    theta: &[f64],
    reference: &[f64],
    reward: RewardKind,
    kl: f64,
) -> (Vec<f64>, f64) {
    let mut gradient = Gradient::new(features);
    let objective = Objective { reward, kl, reference, theta, scale: 1.0 };
    let value = add_expected(&mut Evaluator::new(features), objective, answer(), 1.0, &mut gradient);
    (gradient.values().to_vec(), value)
}

#[test]
fn the_expected_gradient_is_that_of_the_enumerated_objective() {
    let (features, theta, reference) = problem();
    for (reward, kl) in cases() {
        let (gradient, value) = expected(&*features, &theta, &reference, reward, kl);
        let at = |theta: &[f64]| objective_of(&features, theta, &reference, reward, kl);
        assert!((value - at(&theta)).abs() < 1e-12, "{reward:?} {kl}: {value} {}", at(&theta));
        for (index, slope) in gradient.iter().enumerate() {
            let moved = |by: f64| {
                let mut theta = theta.clone();
                theta[index] += by;
                at(&theta)
            };
            let difference = (moved(1e-5) - moved(-1e-5)) / 2e-5;
            assert!((difference - slope).abs() < 1e-8, "{reward:?} {kl}: {difference} {slope}");
        }
    }
}

#[test]
fn sampled_gradients_average_to_the_expected_one() {
    const GROUPS: u64 = 20_000;
    let (features, theta, reference) = problem();
    for (reward, kl) in cases() {
        let (exact, _) = expected(&*features, &theta, &reference, reward, kl);
        let objective = Objective { reward, kl, reference: &reference, theta: &theta, scale: 1.0 };
        let (mut evaluator, mut group) = (Evaluator::new(&*features), Group::default());
        let mut gradient = Gradient::new(&*features);
        let (mut sums, mut squares) = (vec![0.0; theta.len()], vec![0.0; theta.len()]);
        for index in 0..GROUPS {
            let mut stream = rollouts_of(9, 0, index);
            gradient.clear();
            group.add_sampled(&mut evaluator, objective, answer(), 3, false, 1.0, &mut stream, &mut gradient);
            for ((sum, square), value) in sums.iter_mut().zip(&mut squares).zip(gradient.values()) {
                *sum += value;
                *square += value * value;
            }
        }
        let count = GROUPS as f64;
        for ((sum, square), exact) in sums.iter().zip(&squares).zip(&exact) {
            let mean = sum / count;
            let error = ((square / count - mean * mean) / count).sqrt();
            assert!((mean - exact).abs() < 4.5 * error, "{reward:?} {kl}: {mean} ± {error}, not {exact}");
            // Sharp enough to tell it from nothing, and from its negative.
            assert!(error < 0.01, "{error}");
        }
        let size = exact.iter().map(|slope| slope * slope).sum::<f64>().sqrt();
        assert!(size > 0.05, "{reward:?} {kl}: {size}");
    }
}

/// θ after `steps` of policy gradient from θ = `theta`.
fn trained(procedure: Procedure, step_size: f64, steps: u64) -> (Vec<f64>, Vec<f64>) {
    let (features, theta, _) = problem();
    let mut answers = Responses::new();
    answers.push(PROMPT, &ANSWER);
    let task = TrainTask {
        before: vec![],
        features,
        data: TrainingData::Set(Arc::new(answers)),
        teacher: None,
        validation: Validation::default(),
    };
    let options = TrainOptions {
        procedure,
        step_size: StepSize::Constant { value: step_size },
        steps: Some(steps),
        constraint: Constraint::Unconstrained,
        theta0: Some(theta.clone()),
        ..TrainOptions::default()
    };
    (theta, train(task, options, &Workers::sequential(), &Control::new()).unwrap().theta)
}

/// Sampled or expected, standardised or not, by either reward: what is rewarded becomes likelier. A penalty holds it back.
#[test]
fn training_makes_the_right_answer_likelier() {
    let (features, ..) = problem();
    let likelihood = |theta: &[f64]| objective_of(&features, theta, theta, RewardKind::Outcome, 0.0);
    let of = |reward, rollouts, kl, standardize| Procedure::PolicyGradient { reward, rollouts, kl, standardize };
    for (reward, rollouts, standardize) in [
        (RewardKind::Outcome, None, false),
        (RewardKind::Outcome, Some(8), false),
        (RewardKind::Outcome, Some(8), true),
        (RewardKind::Process, None, false),
        (RewardKind::Process, Some(8), false),
    ] {
        let (before, after) = trained(of(reward, rollouts, 0.0, standardize), 0.3, 200);
        let (before, after) = (likelihood(&before), likelihood(&after));
        assert!(after > before + 0.3, "{reward:?} {rollouts:?} {standardize}: {before} {after}");
        let (_, held) = trained(of(reward, rollouts, 1.0, standardize), 0.3, 200);
        assert!(likelihood(&held) < after, "{reward:?} {rollouts:?}");
    }
}

#[test]
fn what_cannot_be_is_named() {
    let field = |procedure| {
        let (features, ..) = problem();
        let mut answers = Responses::new();
        answers.push(0, &[0; 3]);
        let data = TrainingData::Set(Arc::new(answers));
        let validation = Validation::default();
        let task = TrainTask { before: vec![], features, data, teacher: None, validation };
        let options = TrainOptions { procedure, ..TrainOptions::default() };
        Trainer::new(task, options).err().and_then(|error| error.into_fault().place.field)
    };
    let of = |rollouts, kl| Procedure::PolicyGradient { reward: RewardKind::Outcome, rollouts, kl, standardize: false };
    assert_eq!(field(of(Some(1), 0.0)).as_deref(), Some("procedure.rollouts"));
    assert_eq!(field(of(Some(2), f64::NAN)).as_deref(), Some("procedure.kl"));
    assert_eq!(field(of(None, 0.1)), None);
}
