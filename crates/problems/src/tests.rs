//! The oracle of the instances: measures by plain enumeration of all responses.

use coverage_principle_core::linear::{DataDistribution, Policy, Response};
use coverage_principle_core::random::{Purpose, Stream};
use coverage_principle_core::tournament::Ratios;
use coverage_principle_core::{Control, Workers};

use super::registry::default_options;
use super::*;

/// D_KL and Cov_N (at log N) of `model`, by going through all V^H responses to every prompt.
pub(super) fn enumerated(data: &DataDistribution, model: &dyn Policy, log_n: f64) -> (f64, f64) {
    let (vocabulary, horizon) = (data.policy().vocabulary(), data.horizon());
    let (mut truth, mut model) = (data.policy().walker(), model.walker());
    let (mut kl, mut cov) = (0.0, 0.0);
    for prompt in 0..data.mu().prompts() {
        for mut index in 0..vocabulary.pow(u32::try_from(horizon).unwrap()) {
            let tokens: Vec<u32> = (0..horizon)
                .map(|_| {
                    let token = index % vocabulary;
                    index /= vocabulary;
                    u32::try_from(token).unwrap()
                })
                .collect();
            let response = Response { prompt, tokens: &tokens };
            let log_p = truth.log_prob(response);
            if log_p > f64::NEG_INFINITY {
                let (mass, ratio) = (data.mu().probability(prompt) * log_p.exp(), log_p - model.log_prob(response));
                kl += mass * ratio;
                cov += if ratio >= log_n { mass } else { 0.0 };
            }
        }
    }
    (kl, cov)
}

/// log π(· | x) of the first token.
pub(super) fn log_probs_of_tokens(policy: &dyn Policy, prompt: usize) -> Vec<f64> {
    let mut walker = policy.walker();
    walker.start(prompt);
    walker.next().to_vec()
}

/// The problem called `name` at its defaults.
fn build_default(name: &str) -> Box<dyn Instance> {
    build(&default_options(name)).unwrap()
}

#[test]
fn every_name_builds_with_its_defaults_and_describes_itself() {
    for name in names() {
        let instance = build_default(name);
        let description = instance.describe();
        assert_eq!(description.name, *name);
        assert_eq!(description.vocabulary, instance.data().policy().vocabulary());
        assert_eq!(description.horizon, instance.data().horizon());
        assert!(!description.claims.is_empty() && !description.shows.is_empty());
        // Options as described build the same instance again.
        let mut again = description.options.clone();
        again["name"] = (*name).into();
        let again: ProblemOptions = serde_json::from_value(again).unwrap();
        assert_eq!(build(&again).unwrap().describe(), description);
        // Everything is finite: nothing turns into null.
        let json = serde_json::to_value(&description).unwrap();
        assert!(json["derived"].as_object().unwrap().values().all(serde_json::Value::is_number), "{name}: {json}");
    }
}

#[test]
fn unknown_names_and_options_are_refused() {
    for text in [r#"{"name":"prop-9"}"#, r#"{"name":"bernoulli","q":1}"#, r#"{}"#, r#"{"name":"prop-e.1","n":1}"#] {
        assert!(serde_json::from_str::<ProblemOptions>(text).is_err(), "{text}");
    }
}

#[test]
fn classes_hold_the_data_distribution_where_they_should() {
    for name in names() {
        let instance = build_default(name);
        let Some(theta) = instance.theta_star() else { continue };
        let Ok(ModelClass::Linear(class)) = instance.class() else { panic!("{name} has θ* and no linear class") };
        assert!(class.constraint.contains(theta) && class.constraint.contains(&class.start), "{name}");
        let model = coverage_principle_core::linear::Model::new(class.features, theta).unwrap();
        let responses = instance.data().sample(20, &mut Stream::new(0, Purpose::Data, 0));
        let (workers, control) = (Workers::sequential(), Control::new());
        let of_model = model.log_probs(&responses, &workers, &control).unwrap();
        let of_data = instance.data().policy().log_probs(&responses, &workers, &control).unwrap();
        for (a, b) in of_model.iter().zip(&of_data) {
            assert!((a - b).abs() < 1e-9 * (1.0 + b.abs()), "{name}: {a} {b}");
        }
    }
}

#[test]
fn trials_are_the_same_at_any_number_of_threads() {
    let problems = ["bernoulli", "prop-4.1b", "prop-e.1"].map(default_options);
    let options = TrialsOptions { problems: problems.to_vec(), n: vec![2.0, 4.0], replicates: 40, seed: 3 };
    let run = |threads| trials(&options, &Workers::new(Some(threads)).unwrap(), &Control::new()).unwrap();
    let once = run(1);
    assert_eq!(once, run(2));
    assert_eq!(once, run(3));
    assert_eq!(once.len(), 3);
    let bernoulli = &once[0].estimators[0];
    assert_eq!((bernoulli.estimator, bernoulli.kl_values.len(), bernoulli.cov_values.len()), ("mle", 40, 80));
    assert_eq!(bernoulli.infinite_kl, bernoulli.kl_values.iter().filter(|kl| kl.is_infinite()).count());
    assert_eq!(bernoulli.kl.is_none(), bernoulli.infinite_kl > 0);
    let mean = bernoulli.cov_values.column(0).sum() / 40.0;
    assert!((bernoulli.cov[0].mean - mean).abs() < 1e-15);
    // A replicate is the instance's own trial on the stream of its index.
    let budgets = Ratios::new(&[2.0, 4.0]).unwrap();
    let third = build(&options.problems[0]).unwrap().trial(&budgets, &mut Stream::new(3, Purpose::Data, 2)).unwrap();
    assert_eq!(bernoulli.cov_values.row(2).to_vec(), third[0].cov);
}
