//! Closed forms against enumeration, and learners against the general training loop.

use coverage_principle_core::linear::train::{
    Procedure, StepSize, TrainOptions, TrainTask, Trainer, TrainingData, Validation,
};
use coverage_principle_core::linear::{Model, Responses, TestTimeModel, mle};
use coverage_principle_core::{Control, Workers};

use super::*;
use crate::tests::enumerated;

fn instance(options: RarePromptsOptions) -> RarePrompts {
    RarePrompts::new(&options).unwrap()
}

fn small() -> RarePrompts {
    instance(RarePromptsOptions { responses: 4, horizon: 5, prompts: 3, visits: 0.9, ..Default::default() })
}

fn signed(instance: &RarePrompts, logits: &[f64]) -> Vec<f64> {
    logits.iter().zip(&instance.signs).map(|(logit, sign)| sign * logit / (2.0 * instance.bound)).collect()
}

fn responses(instance: &RarePrompts, visits: &[Visit]) -> Responses {
    let mut responses = Responses::new();
    for visit in visits {
        let positive = instance.signs[visit.prompt] > 0.0;
        let tokens: Vec<u32> = visit.likelier.iter().map(|&likelier| u32::from(likelier == positive)).collect();
        responses.push(visit.prompt + 1, &tokens);
    }
    responses
}

fn visits(instance: &RarePrompts, count: usize) -> Vec<Visit> {
    let mut stream = Stream::new(5, Purpose::Data, 0);
    (0..count).map(|_| Visit::draw(instance, &mut stream)).collect()
}

#[test]
fn closed_forms_agree_with_enumeration() {
    let instance = small();
    let budgets = Ratios::new(&[1.0, 1.7, 4.0, 30.0]).unwrap();
    let logits = [0.0, -1.2, 2.1];
    let model = Model::new(instance.features.clone(), signed(&instance, &logits)).unwrap();
    let estimate = instance.estimate("mle", &logits, &budgets);
    for (&log_n, cov) in budgets.log_n().iter().zip(&estimate.cov) {
        let (kl, expected) = enumerated(instance.data(), &model, log_n);
        assert!((estimate.kl - kl).abs() < 1e-12 && (cov - expected).abs() < 1e-12, "{cov} {expected}");
    }
    let untrained = Model::new(instance.features.clone(), vec![0.0; 3]).unwrap();
    assert!((instance.untrained_kl() - enumerated(instance.data(), &untrained, 0.0).0).abs() < 1e-12);
}

#[test]
fn the_inherent_variance_is_that_of_the_definition() {
    let instance = small();
    let (workers, control) = (Workers::sequential(), Control::new());
    let found = coverage_principle_core::linear::exact::inherent_variance(
        instance.data(),
        &*instance.features,
        1 << 20,
        &workers,
        &control,
    );
    assert!((found.unwrap() - instance.inherent_variance()).abs() < 1e-12);
}

/// The MLE from counts is the certified one of the general solver, on the boundary of the ball and inside.
#[test]
fn the_mle_is_the_certified_one() {
    for (bound, count) in [(None, 3), (None, 60), (Some(40.0), 60)] {
        let instance = instance(RarePromptsOptions { bound, ..small().options });
        let visits = visits(&instance, count);
        let mut counts = vec![Throws::default(); 3];
        for visit in &visits {
            counts[visit.prompt].total += 5;
            counts[visit.prompt].ones += visit.count();
        }
        let theta = signed(&instance, &instance.mle(&counts));
        let certified = mle::maximum_likelihood(
            &instance.features,
            &responses(&instance, &visits),
            &mle::MleOptions::default(),
            &Workers::sequential(),
            &Control::new(),
        )
        .unwrap();
        for (a, b) in theta.iter().zip(&certified.theta) {
            assert!((a - b).abs() < 1e-4, "{theta:?} {:?}", &certified.theta);
        }
    }
}

/// SGD and token SGD step as the general training loop does.
#[test]
fn learners_train_like_the_general_loop() {
    let instance = instance(RarePromptsOptions { bound: Some(3.0), ..small().options });
    let visits = visits(&instance, 12);
    for (procedure, value) in [(Procedure::Sgd, 0.05), (Procedure::TokenSgd, 0.3)] {
        let task = TrainTask {
            before: Vec::new(),
            features: instance.features.clone(),
            data: TrainingData::Set(Arc::new(responses(&instance, &visits))),
            teacher: None,
            validation: Validation::default(),
        };
        let step_size = StepSize::Constant { value };
        let options = TrainOptions { procedure, step_size, shuffle: false, ..TrainOptions::default() };
        let mut trainer = Trainer::new(task, options).unwrap();
        trainer.run(None, &Workers::sequential(), &Control::new()).unwrap();
        let mut learner = Learner::new(&instance);
        for visit in &visits {
            if procedure == Procedure::Sgd {
                learner.step(visit, value);
            } else {
                learner.step_by_token(visit, value);
            }
        }
        let found: Vec<f64> = learner.theta.iter().zip(&instance.signs).map(|(value, sign)| value * sign).collect();
        for (a, b) in found.iter().zip(trainer.model().unwrap().theta()) {
            assert!((a - b).abs() < 1e-12, "{procedure:?}");
        }
    }
}

/// What token SGD pays on a response is what test-time training from the same θ pays on it: their means agree with the
/// exact KL of π^TTT, and the Monte Carlo estimate does, too.
#[test]
fn test_time_training_pays_the_regret_of_token_sgd() {
    let instance = instance(RarePromptsOptions { paths: 20_000, ..small().options });
    let mut learner = Learner::new(&instance);
    for visit in visits(&instance, 2) {
        learner.step_by_token(&visit, 0.2);
    }
    let logits: Vec<f64> = learner.theta.iter().map(|value| 2.0 * instance.bound * value).collect();
    let model = Model::new(instance.features.clone(), signed(&instance, &logits)).unwrap();
    let policy = TestTimeModel::new(model, 0.2, Constraint::default()).unwrap();
    let log_n = 1.5f64.ln();
    let (kl, cov) = enumerated(instance.data(), &policy, log_n);
    let mut stream = Stream::new(6, Purpose::Data, 0);
    let paid: f64 = (0..20_000).map(|_| learner.clone().step_by_token(&Visit::draw(&instance, &mut stream), 0.2)).sum();
    assert!((instance.rare() * paid / 20_000.0 / kl - 1.0).abs() < 0.02);
    let found = learner.test_time(0.2, &[log_n], &mut stream).unwrap();
    assert!((found.kl / kl - 1.0).abs() < 0.02 && (found.cov[0] / cov - 1.0).abs() < 0.05, "{found:?} {kl} {cov}");
    assert!(found.regret_gap < 1e-12, "{found:?}");
}

#[test]
fn trials_with_and_without_learners_have_the_same_mle_in_the_mean() {
    let budgets = Ratios::new(&[2.0]).unwrap();
    let options = RarePromptsOptions { responses: 50, horizon: 20, prompts: 4, visits: 1.0, ..Default::default() };
    let means = [None, Some(1.0)].map(|step_factor| {
        let instance = instance(RarePromptsOptions { step_factor, paths: 1, ..options.clone() });
        let mut stream = Stream::new(1, Purpose::Data, 0);
        (0..2000).map(|_| instance.trial(&budgets, &mut stream).unwrap()[0].kl).sum::<f64>() / 2000.0
    });
    assert!((means[0] / means[1] - 1.0).abs() < 0.1, "{means:?}");
}

#[test]
fn options_out_of_range_are_refused() {
    for (options, field) in [
        (RarePromptsOptions { bound: Some(1.0), ..Default::default() }, "bound"),
        (RarePromptsOptions { visits: 2000.0, ..Default::default() }, "visits"),
        (RarePromptsOptions { step_factor: Some(0.0), ..Default::default() }, "stepFactor"),
    ] {
        assert_eq!(RarePrompts::new(&options).unwrap_err().place.field.as_deref(), Some(field));
    }
}
