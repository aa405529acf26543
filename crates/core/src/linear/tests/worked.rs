//! Worked examples: single steps and measures whose numbers follow by hand from the definitions.

use std::sync::Arc;

use crate::linear::exact::{ExactOptions, measure};
use crate::linear::features::{Layout, TableFeatures};
use crate::linear::monte_carlo::{MonteCarloOptions, estimate};
use crate::linear::train::*;
use crate::linear::*;
use crate::parallel::Workers;
use crate::progress::Control;

/// Two tokens, two positions, d = 2: token 1 has the feature (1, 0), token 0 none. So π_θ(1) = 1/(1 + e^{−θ_1}), and at
/// θ = 0 the gradient of a token is (½, 0) or (−½, 0).
fn coin() -> Arc<dyn FeatureMap> {
    let layout = Layout::Prefix { prompts: 1, horizon: 2 };
    let table = TableFeatures::tabulate(layout, 2, 2, None, |_, out| {
        out.copy_from_slice(&[0.0, 0.0, 1.0, 0.0]);
        Ok(())
    });
    Arc::new(table.unwrap())
}

fn responses(of: &[[u32; 2]]) -> Arc<Responses> {
    let mut responses = Responses::new();
    of.iter().for_each(|tokens| responses.push(0, tokens));
    Arc::new(responses)
}

fn task(data: &[[u32; 2]], teacher: Option<Teacher>) -> TrainTask {
    TrainTask {
        before: vec![],
        features: coin(),
        data: TrainingData::Set(responses(data)),
        teacher,
        validation: Validation::default(),
    }
}

/// θ after one step on the response (1, 1), whose gradient at θ = 0 is (1, 0).
fn one_step(procedure: Procedure, step_size: f64, teacher: Option<Teacher>) -> Vec<f64> {
    let options = TrainOptions { procedure, step_size: StepSize::Constant { value: step_size }, ..Default::default() };
    train(task(&[[1, 1]], teacher), options, &Workers::sequential(), &Control::new()).unwrap().theta
}

fn near(ours: &[f64], theirs: &[f64]) {
    assert!(ours.iter().zip(theirs).all(|(a, b)| (a - b).abs() < 1e-12), "{ours:?} is not {theirs:?}");
}

#[test]
fn one_step_of_each_procedure() {
    near(&one_step(Procedure::Sgd, 0.25, None), &[0.25, 0.0]);
    // 0.3·1/(0.5 + 1).
    near(&one_step(Procedure::NormalizedSgd { lambda: Some(0.5) }, 0.3, None), &[0.2, 0.0]);
    // sign 0 is 0.
    near(&one_step(Procedure::SignSgd, 0.1, None), &[0.1, 0.0]);
    // Both moments corrected, the first step is η·g/(|g| + ε).
    let adam = Procedure::Adam { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
    near(&one_step(adam, 0.1, None), &[0.1 / (1.0 + 1e-8), 0.0]);
    // A step on each token: 0.1·½, then 0.1·(1 − π(1)) at θ_1 = 0.05.
    let second = 1.0 - 1.0 / (1.0 + (-0.05f64).exp());
    near(&one_step(Procedure::TokenSgd, 0.1, None), &[0.05 + 0.1 * second, 0.0]);
}

/// KL of a teacher that says 1 with probability 0.9 from a fair coin.
const STRAYED: f64 = 0.368_064_207_168_497_2;

fn recorded(rows: &[[f64; 2]]) -> Teacher {
    let data = responses(&vec![[1, 1]; rows.len() / 2]);
    let log_probs = rows.iter().flatten().map(|p| p.ln()).collect();
    Teacher::Recorded(Arc::new(RecordedTeacher::new(&data, 2, log_probs).unwrap()))
}

#[test]
fn truncation_weighs_the_token_that_crosses_by_its_fraction() {
    let teacher = || recorded(&[[0.1, 0.9], [0.1, 0.9]]);
    // α = (1, ½): 0.1·(½ + ¼).
    let procedure = Procedure::TruncatedSgd { threshold: Some(1.5 * STRAYED) };
    near(&one_step(procedure, 0.1, Some(teacher())), &[0.075, 0.0]);
    // By default A = log N = log 16, which two such tokens do not reach.
    near(&one_step(Procedure::TruncatedSgd { threshold: None }, 0.1, Some(teacher())), &[0.1, 0.0]);
}

#[test]
fn a_recorded_teacher_goes_along() {
    // Nothing strays at the first token of either response; at the second, only in the second response.
    let teacher = recorded(&[[0.5, 0.5], [0.5, 0.5], [0.5, 0.5], [0.1, 0.9]]);
    let student = Model::new(coin(), vec![0.0, 0.0]).unwrap();
    let data = responses(&[[1, 1], [1, 1]]);
    let (workers, control) = (Workers::sequential(), Control::new());
    let weights = truncation_weights(&student, &teacher, &data, 0.25 * STRAYED, &workers, &control).unwrap();
    near(&weights.concat(), &[1.0, 1.0, 1.0, 0.25]);
}

#[test]
fn the_drawn_iterate_is_uniform_and_the_one_before_its_step() {
    let (workers, control) = (Workers::sequential(), Control::new());
    let options = |run| TrainOptions { steps: Some(40), run, ..Default::default() };
    let mut sum = 0;
    for run in 0..200 {
        let mut trainer = Trainer::new(task(&[[1, 1], [0, 1]], None), options(run)).unwrap();
        let drawn = trainer.state().drawn_step;
        sum += drawn;
        if run < 5 {
            trainer.run(Some(drawn), &workers, &control).unwrap();
            let before = trainer.state().parameter.theta();
            trainer.run(None, &workers, &control).unwrap();
            assert_eq!(trainer.state().drawn_theta, before);
            assert_ne!(trainer.state().parameter.theta(), before);
        }
    }
    // 19.5 ± 0.82: five standard errors.
    assert!((15.4..23.6).contains(&(sum as f64 / 200.0)), "{sum}");
}

#[test]
fn a_ratio_of_exactly_n_counts_in_validation() {
    // The model gives each response ¼; a reference of ½ is twice that, to the bit.
    let half = -std::f64::consts::LN_2;
    let mut task = task(&[[1, 1]], None);
    task.validation = Validation {
        held_out: Some(responses(&[[0, 1], [1, 0]])),
        reference: Some(vec![half, 2.0 * half].into()),
        n: vec![1.0, 2.0],
        ..Default::default()
    };
    let options = TrainOptions { step_size: StepSize::Constant { value: 1e-300 }, ..Default::default() };
    let report = train(task, options, &Workers::sequential(), &Control::new()).unwrap();
    assert_eq!(report.validations[0].coverage.as_deref(), Some(&[1.0, 0.5][..]));
    assert!((report.validations[0].kl.unwrap() - 0.5 * -half).abs() < 1e-15);
}

fn list(prompts: &[&[(&[u32], f64)]]) -> Listed<ListInMemory> {
    let prompts: Vec<Vec<(Vec<u32>, f64)>> =
        prompts.iter().map(|of| of.iter().map(|(tokens, p)| (tokens.to_vec(), *p)).collect()).collect();
    let horizon = prompts[0][0].0.len();
    Listed(ListInMemory::new(2, horizon, &prompts).unwrap())
}

fn distribution(prompts: &[&[(&[u32], f64)]]) -> DataDistribution {
    DataDistribution::new(PromptWeights::Uniform(prompts.len()), Arc::new(list(prompts)), None).unwrap()
}

#[test]
fn a_ratio_of_exactly_n_counts_in_monte_carlo_and_enumeration() {
    // ½ against ¼ is 2 to the bit.
    let (data, model) = (distribution(&[&[(&[0], 0.5), (&[1], 0.5)]]), list(&[&[(&[0], 0.25), (&[1], 0.75)]]));
    let (workers, control) = (Workers::sequential(), Control::new());
    let options = MonteCarloOptions { n: vec![2.0], samples: 400, ..Default::default() };
    let (estimates, _) = estimate(&data, &model, &options, &workers, &control).unwrap();
    assert!((estimates.coverage[0].value.unwrap() - 0.5).abs() < 0.15, "{:?}", estimates.coverage);
    let exact = measure(&data, &model, &ExactOptions { n: vec![2.0], ..Default::default() }, &workers, &control);
    assert_eq!(exact.unwrap().0.coverage, [0.5]);
    // 0.3 against 0.1: the difference of the logarithms misses log 3 by its rounding; the ratio is 3 all the same.
    assert!(0.3f64.ln() - 0.1f64.ln() < 3.0f64.ln());
    let (data, model) = (distribution(&[&[(&[0], 0.3), (&[1], 0.7)]]), list(&[&[(&[0], 0.1), (&[1], 0.9)]]));
    let exact = measure(&data, &model, &ExactOptions { n: vec![3.0, 3.001], ..Default::default() }, &workers, &control);
    let coverage = exact.unwrap().0.coverage;
    assert!((coverage[0] - 0.3).abs() < 1e-15 && coverage[1] == 0.0, "{coverage:?}");
}

#[test]
fn stopped_kl_of_ruled_out_mass_is_log_n() {
    // Behind 0 the model rules 1 out: the KL of that token is infinite for both responses. Behind 1 nothing differs but
    // the first token, whose KL is log 2 (½ log(½/¼) + ½ log(½/¼), ¼ being what the model leaves to each).
    let data = distribution(&[&[(&[0, 0], 0.5), (&[0, 1], 0.5)]]);
    let model = list(&[&[(&[0, 0], 0.25), (&[1, 0], 0.75)]]);
    let options = ExactOptions { n: vec![2.0, 3.0, 64.0], ..Default::default() };
    let (measures, _) = measure(&data, &model, &options, &Workers::sequential(), &Control::new()).unwrap();
    near(&measures.stopped_kl, &[2.0f64.ln(), 3.0f64.ln(), 64.0f64.ln()]);
    // A response that the model rules out as a whole, beside one that it does not.
    let data = distribution(&[&[(&[0], 0.75), (&[1], 0.25)]]);
    let model = list(&[&[(&[0], 1.0)]]);
    let (measures, _) = measure(&data, &model, &options, &Workers::sequential(), &Control::new()).unwrap();
    near(&measures.stopped_kl, &[2.0f64.ln(), 3.0f64.ln(), 64.0f64.ln()]);
}

#[test]
fn e_n_is_the_average_over_prompts_of_the_greater_side() {
    let data = distribution(&[&[(&[0], 0.9), (&[1], 0.1)], &[(&[0], 0.6), (&[1], 0.4)]]);
    let model = list(&[&[(&[0], 0.1), (&[1], 0.9)], &[(&[0], 0.05), (&[1], 0.95)]]);
    let options = ExactOptions { n: vec![2.0], ..Default::default() };
    let (measures, _) = measure(&data, &model, &options, &Workers::sequential(), &Control::new()).unwrap();
    // Prompt 0: max{0.9 − 0.2, 0.9 − 0.2}; prompt 1: max{0.6 − 0.1, 0.95 − 0.8}.
    near(&measures.e_n, &[0.5 * (0.7 + 0.5)]);
    let data = distribution(&[&[(&[0], 0.9), (&[1], 0.1)], &[(&[0], 0.02), (&[1], 0.98)]]);
    let model = list(&[&[(&[0], 0.98), (&[1], 0.02)], &[(&[0], 0.1), (&[1], 0.9)]]);
    let (measures, _) = measure(&data, &model, &options, &Workers::sequential(), &Control::new()).unwrap();
    // Prompt 0: data over model, 0.1 − 0.04; prompt 1: model over data, 0.1 − 0.04. The greater of the averages is 0.03.
    near(&measures.e_n, &[0.06]);
}
