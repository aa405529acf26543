//! The constructions do what the proof says.

use coverage_principle_core::linear::train::{
    Procedure, StepSize, TrainOptions, TrainTask, Trainer, TrainingData, Validation,
};
use coverage_principle_core::linear::{Model, Responses};
use coverage_principle_core::random::Purpose;
use coverage_principle_core::{Control, Workers};

use super::*;
use crate::tests::enumerated;

fn instance(branch: Branch, horizon: u64, steps: u64) -> SgdLowerBound {
    let options = SgdLowerBoundOptions { branch: Some(branch), horizon, steps, ..Default::default() };
    SgdLowerBound::new(&options).unwrap()
}

fn model(instance: &SgdLowerBound, theta: [f64; 2]) -> Model {
    let ModelClass::Linear(class) = instance.class().unwrap() else { panic!("linear") };
    Model::new(class.features, theta.to_vec()).unwrap()
}

#[test]
fn closed_forms_agree_with_enumeration_and_with_the_linear_model() {
    for instance in [
        instance(Branch::Oscillating, 6, 10),
        SgdLowerBound::new(&SgdLowerBoundOptions {
            horizon: 6,
            n: 1.3,
            bound: Some(4.0),
            step_size: Some(0.01),
            ..Default::default()
        })
        .unwrap(),
    ] {
        let theta = [0.4, -0.2];
        let model = model(&instance, theta);
        for budget in [1.1f64, 3.0, 50.0] {
            let (kl, cov) = enumerated(instance.data(), &model, budget.ln());
            assert!((instance.kl(theta) - kl).abs() < 1e-9 * (1.0 + kl));
            assert!((instance.cov(theta, budget.ln()) - cov).abs() < 1e-12, "{budget} {cov}");
        }
        for (prompt, tokens) in [(0, [0u32, 1, 2, 2, 2, 1]), (instance.features.len() - 1, [1; 6])] {
            let responses = Responses::from_rectangle(vec![prompt], tokens.to_vec(), 6).unwrap();
            let expected = model.gradients(&responses, &Workers::sequential(), &Control::new()).unwrap();
            let count = |token| tokens.iter().filter(|&&other| other == token).count() as f64;
            let found = instance.gradient(prompt, [count(0), count(1), count(2)], theta);
            assert!(found.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-10), "{found:?} {expected:?}");
        }
    }
}

#[test]
fn large_steps_jump_between_two_points_for_ever() {
    let instance = instance(Branch::Oscillating, 256, 300);
    let [sgd, _, truncated] = instance.rules();
    let mut stream = Stream::new(0, Purpose::Data, 0);
    let mut theta = instance.start();
    for step in 0..300 {
        let side = if step % 2 == 0 { 1.0 } else { -1.0 };
        let expected = [instance.start()[0], side * instance.start()[1]];
        assert!((theta[0] - expected[0]).abs() < 1e-3 && (theta[1] - expected[1]).abs() < 1e-3, "{step} {theta:?}");
        assert!(instance.cov(theta, instance.log_n) > 0.99);
        instance.step(sgd, &mut theta, &mut stream, |_| 0);
    }
    assert!(instance.describe().conditions[0].holds);
    // Truncated SGD does not follow them, slow as its step is where B is large.
    let mut theta = instance.start();
    for _ in 0..200_000 {
        instance.step(truncated, &mut theta, &mut stream, |_| 0);
    }
    assert!(instance.cov(theta, instance.log_n) < 1e-3, "{theta:?}");
}

/// A truncated step is the one the general training loop takes: in the mean over fresh responses, to either prompt.
#[test]
fn truncated_steps_are_those_of_the_general_loop() {
    let instance = SgdLowerBound::new(&SgdLowerBoundOptions {
        horizon: 60,
        n: 1.3,
        bound: Some(9.0),
        ..SgdLowerBoundOptions::default()
    })
    .unwrap();
    let ModelClass::Linear(class) = instance.class().unwrap() else { panic!("linear") };
    let (value, threshold, steps) = (1e-3, 0.7, 1500);
    for prompt in 0..2 {
        let theta = [0.3, 0.31];
        let mut mu = [0.0; 2];
        mu[prompt] = 1.0;
        let weights = PromptWeights::new(&mu).unwrap();
        let data = DataDistribution::new(weights, instance.data().policy().clone(), None).unwrap();
        let (mut own, mut general) = ([0.0; 2], [0.0; 2]);
        for run in 0..steps {
            let mut at = theta;
            let rule = Rule::Truncated { step_size: value, threshold };
            instance.step(rule, &mut at, &mut Stream::new(1, Purpose::Data, run), |_| prompt);
            let task = TrainTask {
                before: Vec::new(),
                features: class.features.clone(),
                data: TrainingData::Fresh(Arc::new(data.clone())),
                teacher: None,
                validation: Validation::default(),
            };
            let options = TrainOptions {
                procedure: Procedure::TruncatedSgd { threshold: Some(threshold) },
                step_size: StepSize::Constant { value },
                steps: Some(1),
                theta0: Some(theta.to_vec()),
                seed: 2,
                run,
                ..TrainOptions::default()
            };
            let mut trainer = Trainer::new(task, options).unwrap();
            trainer.run(None, &Workers::sequential(), &Control::new()).unwrap();
            let model = trainer.model().unwrap();
            for axis in 0..2 {
                own[axis] += (at[axis] - theta[axis]) / value / steps as f64;
                general[axis] += (model.theta()[axis] - theta[axis]) / value / steps as f64;
            }
        }
        let size = own[0].hypot(own[1]);
        assert!(size > 0.3, "{own:?}");
        assert!((0..2).all(|axis| (own[axis] - general[axis]).abs() < 0.1 * size), "{prompt}: {own:?} {general:?}");
    }
}

#[test]
fn small_steps_are_too_slow() {
    let instance = instance(Branch::Slow, 4096, 1000);
    let budgets = Ratios::new(&[4.0]).unwrap();
    let estimate = instance.trial(&budgets, &mut Stream::new(0, Purpose::Data, 0)).unwrap().remove(0);
    assert!(estimate.cov[0] >= 0.5 * instance.plus(), "{estimate:?}");
    assert!(estimate.details["averageCov"] >= 0.5 * instance.plus());
    assert!(instance.describe().conditions[0].holds);
}

/// At the largest stable step SGD needs prompts + in proportion to H; normalized and truncated SGD do not.
#[test]
fn prompts_needed_grow_with_the_horizon_for_sgd_alone() {
    let needed = |horizon| {
        let options = SgdLowerBoundOptions { horizon, bound: Some(40.0), ..Default::default() };
        let instance = SgdLowerBound::new(&options).unwrap();
        instance.rules().map(|rule| {
            let mut stream = Stream::new(0, Purpose::Data, 0);
            instance.prompts_until_covered(rule, 0.5, 100_000, &mut stream).unwrap() as f64
        })
    };
    let (short, long) = (needed(2048), needed(16_384));
    assert!((6.0..10.0).contains(&(long[0] / short[0])), "{short:?} {long:?}");
    assert!((0.8..1.25).contains(&(long[1] / short[1])), "{short:?} {long:?}");
    assert!((0.8..1.25).contains(&(long[2] / short[2])), "{short:?} {long:?}");
}

#[test]
fn step_sizes_of_the_other_branch_are_refused() {
    let options = SgdLowerBoundOptions { branch: Some(Branch::Slow), step_size: Some(1.0), ..Default::default() };
    assert_eq!(SgdLowerBound::new(&options).unwrap_err().place.field.as_deref(), Some("stepSize"));
    let short = SgdLowerBoundOptions { horizon: 8, ..Default::default() };
    assert_eq!(SgdLowerBound::new(&short).unwrap_err().place.field.as_deref(), Some("horizon"));
}
