//! Values of an independent implementation, where they are at hand.

use std::sync::Arc;

use serde::Deserialize;

use crate::linear::features::{Layout, TableFeatures};
use crate::linear::*;
use crate::parallel::Workers;
use crate::progress::Control;

#[derive(Deserialize)]
struct Golden {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Case {
    vocab: usize,
    horizon: usize,
    dim: usize,
    feature_bound: f64,
    mu: Vec<f64>,
    features: Vec<Feature>,
    theta_star: Vec<f64>,
    theta: Vec<f64>,
    theta0: Vec<f64>,
    data: Vec<Datum>,
    log_probs: Vec<f64>,
    gradients: Vec<Vec<f64>>,
    exact: Exact,
    training: Training,
    truncation_weights: Truncation,
    test_time_training: TestTime,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Training {
    sgd: Trained,
    sgd_large_step: Trained,
    minibatch_sgd: Trained,
    normalized_sgd: Trained,
    sign_sgd: Trained,
    adam: Trained,
    token_sgd: Trained,
    truncated_sgd: Trained,
    mle: Mle,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Mle {
    mean_neg_log_likelihood: f64,
}

#[derive(Deserialize)]
struct Trained {
    eta: f64,
    #[serde(default = "one")]
    batch: usize,
    #[serde(default)]
    lambda: Option<f64>,
    #[serde(rename = "N", default)]
    n: Option<f64>,
    theta: Vec<f64>,
}

fn one() -> usize {
    1
}

#[derive(Deserialize)]
struct Truncation {
    #[serde(rename = "A")]
    a: f64,
    theta: Vec<f64>,
    weights: Vec<Vec<f64>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Exact {
    kl: f64,
    hellinger2: f64,
    cross_entropy: f64,
    #[serde(rename = "N")]
    n: Vec<f64>,
    coverage: Vec<f64>,
    stopped_kl: Vec<f64>,
    inherent_variance: f64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TestTime {
    eta: f64,
    log_probs: Vec<f64>,
    total_probability: Vec<f64>,
}

#[derive(Deserialize)]
struct Feature {
    prompt: usize,
    prefix: Vec<u32>,
    phi: Vec<Vec<f64>>,
}

#[derive(Deserialize)]
struct Datum {
    prompt: usize,
    response: Vec<u32>,
}

const TOLERANCE: f64 = 1e-9;

fn close(ours: f64, theirs: f64) -> bool {
    (ours - theirs).abs() <= TOLERANCE * (1.0 + theirs.abs())
}

fn all_close(what: &str, ours: &[f64], theirs: &[f64]) {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    for (index, (a, b)) in ours.iter().zip(theirs).enumerate() {
        assert!(close(*a, *b), "{what}[{index}]: {a} is not {b}");
    }
}

impl Case {
    fn features(&self) -> Arc<dyn FeatureMap> {
        let layout = Layout::Prefix { prompts: self.mu.len(), horizon: self.horizon };
        let table = TableFeatures::tabulate(layout, self.vocab, self.dim, Some(self.feature_bound), |context, out| {
            let found = self
                .features
                .iter()
                .find(|feature| feature.prompt == context.prompt && feature.prefix == context.prefix)
                .unwrap();
            out.copy_from_slice(&found.phi.concat());
            Ok(())
        });
        Arc::new(table.unwrap())
    }

    fn data(&self) -> DataDistribution {
        let model = Model::new(self.features(), self.theta_star.clone()).unwrap();
        DataDistribution::new(PromptWeights::new(&self.mu).unwrap(), Arc::new(model), None).unwrap()
    }

    fn responses(&self) -> Responses {
        let mut responses = Responses::new();
        for datum in &self.data {
            responses.push(datum.prompt, &datum.response);
        }
        responses
    }
}

/// Runs `check` on every case; skips, saying so, where the vectors are not there.
fn for_each_case(check: impl Fn(&Case)) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/vectors/autoregressive-linear.json");
    let Ok(text) = std::fs::read_to_string(path) else {
        #[expect(clippy::print_stderr, reason = "a test that skips says so")]
        {
            eprintln!("skipped: {path} is missing");
        }
        return;
    };
    let golden: Golden = serde_json::from_str(&text).unwrap();
    assert!(!golden.cases.is_empty());
    golden.cases.iter().for_each(check);
}

#[test]
fn log_probs_and_gradients() {
    for_each_case(|case| {
        let model = Model::new(case.features(), case.theta.clone()).unwrap();
        let workers = Workers::new(Some(2)).unwrap();
        let log_probs = model.log_probs(&case.responses(), &workers, &Control::new()).unwrap();
        all_close("log-probabilities", &log_probs, &case.log_probs);
        let tokens = model.token_log_probs(&case.responses(), &workers, &Control::new()).unwrap();
        let sums: Vec<f64> = tokens.chunks(case.horizon).map(|tokens| tokens.iter().sum()).collect();
        all_close("token log-probabilities", &sums, &case.log_probs);
        let gradients = model.gradients(&case.responses(), &workers, &Control::new()).unwrap();
        all_close("gradients", &gradients, &case.gradients.concat());
    });
}

#[test]
fn exact_measures() {
    for_each_case(|case| {
        let (workers, control) = (Workers::new(Some(2)).unwrap(), Control::new());
        let model = Model::new(case.features(), case.theta.clone()).unwrap();
        let options = exact::ExactOptions { n: case.exact.n.clone(), ..Default::default() };
        let (measures, profile) = exact::measure(&case.data(), &model, &options, &workers, &control).unwrap();
        let theirs = &case.exact;
        let ours = [measures.kl, measures.squared_hellinger, measures.cross_entropy];
        all_close("measures", &ours, &[theirs.kl, theirs.hellinger2, theirs.cross_entropy]);
        all_close("coverage profile", &measures.coverage, &theirs.coverage);
        all_close("stopped KL", &measures.stopped_kl, &theirs.stopped_kl);
        assert!(close(*profile.tails.last().unwrap(), 1.0));
        let variance = exact::inherent_variance(&case.data(), &*case.features(), 1 << 20, &workers, &control).unwrap();
        all_close("inherent variance", &[variance], &[theirs.inherent_variance]);
        let few = exact::ExactOptions { max_responses: 1, ..options };
        let refusal = exact::measure(&case.data(), &model, &few, &workers, &control).unwrap_err();
        assert_eq!(refusal.code, crate::Code::TooLarge);
    });
}

#[test]
fn test_time_training() {
    for_each_case(|case| {
        let (workers, control) = (Workers::new(Some(2)).unwrap(), Control::new());
        let theirs = &case.test_time_training;
        let model = Model::new(case.features(), case.theta.clone()).unwrap();
        let policy = TestTimeModel::new(model, theirs.eta, Constraint::default()).unwrap();
        let log_probs = policy.log_probs(&case.responses(), &workers, &control).unwrap();
        all_close("log-probabilities", &log_probs, &theirs.log_probs);
        // Token by token, and with the walk branching, the numbers are the same.
        let tokens = policy.token_log_probs(&case.responses(), &workers, &control).unwrap();
        let sums: Vec<f64> = tokens.chunks(case.horizon).map(|tokens| tokens.iter().sum()).collect();
        assert_eq!(sums, log_probs);
        let mut totals = vec![0.0; case.mu.len()];
        let mut walker = policy.walker();
        for (prompt, total) in totals.iter_mut().enumerate() {
            exact::enumerate(&mut *walker, None, prompt, case.horizon, &control, &mut |event| {
                if let exact::Event::Leaf { log_p, .. } = event {
                    *total += log_p.exp();
                }
            })
            .unwrap();
        }
        all_close("total probability", &totals, &theirs.total_probability);
    });
}

impl Case {
    fn task(&self) -> train::TrainTask {
        train::TrainTask {
            before: Vec::new(),
            features: self.features(),
            data: train::TrainingData::Set(Arc::new(self.responses())),
            teacher: Some(train::Teacher::Policy(self.data().policy().clone())),
            validation: train::Validation::default(),
        }
    }
}

#[test]
fn trained_parameters() {
    use train::Procedure;
    for_each_case(|case| {
        let adam = Procedure::Adam { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
        let theirs = &case.training;
        let runs = [
            ("sgd", &theirs.sgd, Procedure::Sgd),
            ("sgdLargeStep", &theirs.sgd_large_step, Procedure::Sgd),
            ("minibatchSgd", &theirs.minibatch_sgd, Procedure::Sgd),
            (
                "normalizedSgd",
                &theirs.normalized_sgd,
                Procedure::NormalizedSgd { lambda: theirs.normalized_sgd.lambda },
            ),
            ("signSgd", &theirs.sign_sgd, Procedure::SignSgd),
            ("adam", &theirs.adam, adam),
            ("tokenSgd", &theirs.token_sgd, Procedure::TokenSgd),
            ("truncatedSgd", &theirs.truncated_sgd, Procedure::TruncatedSgd { threshold: None }),
        ];
        let (workers, control) = (Workers::sequential(), Control::new());
        for (name, theirs, procedure) in runs {
            let options = train::TrainOptions {
                procedure,
                step_size: train::StepSize::Constant { value: theirs.eta },
                batch_size: theirs.batch,
                shuffle: false,
                n: theirs.n.unwrap_or(16.0),
                theta0: Some(case.theta0.clone()),
                ..Default::default()
            };
            let report = train::train(case.task(), options, &workers, &control).unwrap();
            all_close(name, &report.theta, &theirs.theta);
        }
        let theirs = &case.truncation_weights;
        let student = Model::new(case.features(), theirs.theta.clone()).unwrap();
        let teacher = train::Teacher::Policy(case.data().policy().clone());
        let weights =
            train::truncation_weights(&student, &teacher, &case.responses(), theirs.a, &workers, &control).unwrap();
        all_close("truncation weights", &weights.concat(), &theirs.weights.concat());
    });
}

#[test]
fn maximum_likelihood() {
    for_each_case(|case| {
        let options = mle::MleOptions { theta0: Some(case.theta0.clone()), ..Default::default() };
        let of = |threads| {
            let workers = Workers::new(Some(threads)).unwrap();
            mle::maximum_likelihood(&case.features(), &case.responses(), &options, &workers, &Control::new()).unwrap()
        };
        let report = of(1);
        all_close(
            "mean negative log-likelihood",
            &[report.mean_neg_log_likelihood],
            &[case.training.mle.mean_neg_log_likelihood],
        );
        assert_eq!(report.stopped, mle::MleStop::Certified, "{report:?}");
        assert_eq!(report, of(3));
    });
}
