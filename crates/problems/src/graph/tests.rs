//! The graph task against what the paper says of it.

use coverage_principle_core::linear::train::{
    Procedure, StepSize, TrainOptions, TrainTask, TrainingData, Validation, train,
};
use coverage_principle_core::linear::{Model, Policy, Responses};
use coverage_principle_core::random::{Purpose, Stream};
use coverage_principle_core::{Code, Control, Workers};

use super::*;
use crate::{Instance, LinearClass, ModelClass};

fn first(weights: [f64; 3], validation: usize) -> GraphTask {
    GraphTask::new(&GraphOptions { weights: Some(weights), validation, ..GraphOptions::default() }).unwrap()
}

fn second(layers: usize, validation: usize) -> GraphTask {
    let options = GraphOptions { figure: GraphFigure::Second, layers, validation, ..GraphOptions::default() };
    GraphTask::new(&options).unwrap()
}

fn linear(task: &GraphTask) -> LinearClass {
    let ModelClass::Linear(class) = task.class().unwrap() else { panic!("linear") };
    class
}

fn measure(task: &GraphTask, theta: Vec<f64>, n: &[f64], pass: &[u64]) -> GraphMeasures {
    let model = Model::new(task.features().clone(), theta).unwrap();
    let options = GraphMeasureOptions { n: n.to_vec(), pass: pass.to_vec() };
    task.measure(&model, &options, &Workers::sequential(), &Control::new()).unwrap()
}

/// θ that finds paths and makes the first choice match with probability `m`, the second as the first.
fn coordinated(m: f64) -> Vec<f64> {
    vec![22.0, 22.0, 0.5 * (m / (1.0 - m)).ln(), 0.0, 22.0]
}

/// The prompt's text is parsed again: the edges it lists must make the paths of π_D, and the class must be told by the
/// hidden halves.
#[test]
fn prompts_are_layered_dags_with_the_paths_listed() {
    for task in [first([1.0, 1.0, 1.0], 20), second(8, 20), second(24, 5)] {
        let layers = task.options().layers;
        let names = task.prompts.names();
        for prompt in 0..task.validation_prompts() + 30 {
            let graph = task.graph(prompt);
            let text = task.text(&task.prompt_tokens(prompt));
            let (edges, question) = text.split_once(" / ").unwrap();
            let number = |word: &str| word.parse::<u32>().unwrap();
            let edges: Vec<(u32, u32)> = edges
                .split(" | ")
                .map(|edge| edge.split_once(' ').map(|(from, to)| (number(from), number(to))).unwrap())
                .collect();
            let question: Vec<&str> = question.split(' ').collect();
            assert_eq!((number(question[0]), number(question[1]), question[2]), (graph.source(), graph.target(), "="));
            let mut nodes: Vec<u32> = edges.iter().flat_map(|&(from, to)| [from, to]).collect();
            nodes.sort_unstable();
            nodes.dedup();
            assert_eq!(nodes.len(), 4 * layers + 2, "all nodes occur, under distinct names");
            assert!(nodes.iter().all(|&node| node < names));
            let choices: Vec<usize> = (1..=layers).filter(|&layer| graph.is_choice(layer)).collect();
            let expected = match (task.options().figure, graph.class()) {
                (GraphFigure::First, _) => 2,
                (GraphFigure::Second, class) => [0, layers / 2, 4][class],
            };
            assert_eq!(choices.len(), expected);
            let paths = task.paths(prompt);
            assert!((paths.iter().map(|(_, probability)| probability).sum::<f64>() - 1.0).abs() < 1e-15);
            let parity = graph.passable_parity();
            for (path, _) in paths.iter() {
                assert_eq!((path[0], path[layers + 1]), (graph.source(), graph.target()));
                assert!(path.windows(2).all(|step| edges.contains(&(step[0], step[1]))), "{path:?}");
                for &layer in &choices {
                    let matches = path[layer] as usize % 2 == layer % 2;
                    match (task.options().figure, graph.class()) {
                        (_, 2) => {}
                        (GraphFigure::First, class) => assert_eq!(matches, class == 0),
                        (GraphFigure::Second, _) => assert_eq!(matches, !parity),
                    }
                }
            }
            assert_eq!(paths.len(), if graph.class() == 2 { 1 << choices.len() } else { 1 });
            // The class is a function of the set of nodes.
            let (one, other) = task.prompts.halves.parities(&graph);
            assert_eq!(other, graph.class() == 2);
            if task.options().figure == GraphFigure::First && !other {
                assert_eq!(one, graph.class() == 1);
            }
            // One of two passable nodes is even, the other odd.
            for &layer in &choices {
                let odd: u32 = (0..4)
                    .filter(|&slot| graph.is_passable(layer, slot))
                    .map(|slot| graph.layer(layer)[slot] % 2)
                    .sum();
                assert_eq!(odd, 1);
            }
        }
    }
}

#[test]
fn classes_come_by_their_weights_and_layers_evenly() {
    let task = first([0.6, 0.3, 0.1], 1);
    let draws = 6000;
    let mut counts = [0.0; 3];
    let mut of_layer = [0.0; 8];
    for prompt in 3..3 + draws {
        let graph = task.graph(prompt);
        counts[graph.class()] += 1.0 / draws as f64;
        for layer in 1..=8 {
            of_layer[layer - 1] += f64::from(u8::from(graph.is_choice(layer))) / draws as f64;
        }
    }
    for (count, weight) in counts.iter().zip([0.6, 0.3, 0.1]) {
        assert!((count - weight).abs() < 4.0 * (0.25 / draws as f64).sqrt(), "{counts:?}");
    }
    assert!(of_layer.iter().all(|share| (share - 0.25).abs() < 4.0 * (0.19 / draws as f64).sqrt()), "{of_layer:?}");
    let never = first([1.0, 0.0, 0.0], 1);
    assert!((3..500).all(|prompt| never.graph(prompt).class() == 0));
}

#[test]
fn prompts_depend_on_seed_and_number_alone() {
    let task = first([1.0, 1.0, 1.0], 50);
    let again = first([0.9, 0.1, 0.0], 50);
    // The validation prompts do not depend on the weights.
    for prompt in 0..150 {
        assert_eq!(task.prompt_tokens(prompt), again.prompt_tokens(prompt));
        assert_eq!(task.graph(prompt).class(), prompt / 50);
    }
    let other = GraphTask::new(&GraphOptions { seed: 1, validation: 50, ..GraphOptions::default() }).unwrap();
    assert_ne!(task.prompt_tokens(0), other.prompt_tokens(0));
    assert_ne!(task.prompt_tokens(200), task.prompt_tokens(201));
    let far = (1 << 40) - 1;
    assert_eq!(task.graph(far), task.graph(far));
}

#[test]
fn figure_1_has_the_limits_worked_out() {
    let task = first([0.9, 0.1, 0.0], 64);
    // Matching with probability ½: no ratio above 2, every Pass@12 nearly 1.
    let half = measure(&task, coordinated(0.5), &[1.9, 2.1, 4.0], &[4, 12]).all;
    assert!((half.coverage[0] - 1.0).abs() < 1e-12 && half.coverage[1..] == [0.0, 0.0]);
    assert!((half.pass[1] - 0.999_76).abs() < 1e-5 && (half.pass[0] - 0.9375).abs() < 1e-6, "{half:?}");
    // Calibrated, m = 0.9: KL at its limit, Cov_N up again at every N ≤ 10, Pass@12 down.
    let budgets = [2.0, 3.0, 4.0, 4.6, 5.7, 10.0, 10.1];
    let full = measure(&task, coordinated(0.9), &budgets, &[4, 12]).all;
    assert!(full.coverage[..6].iter().all(|cov| (cov - 0.1).abs() < 1e-12) && full.coverage[6] == 0.0, "{full:?}");
    assert!((full.kl - 0.325_08).abs() < 1e-5, "{full:?}");
    assert!((full.pass[1] - 0.971_76).abs() < 1e-5 && (full.pass[0] - 0.934_3).abs() < 1e-4, "{full:?}");
    assert!(half.kl > full.kl);
    let claims = task.describe().claims;
    assert!((claims[0].value.unwrap() - full.kl).abs() < 1e-6);
    assert!((claims[1].budget.unwrap() - 10.0).abs() < 1e-12 && (claims[1].value.unwrap() - 0.1).abs() < 1e-12);
    // Of class G2 alone Cov_N is 1: it has been given up.
    let by_class = measure(&task, coordinated(0.9), &[5.7], &[4]).classes;
    assert_eq!(by_class.each_ref().map(|class| class.coverage[0].round()), [0.0, 1.0, 1.0]);
}

#[test]
fn figure_2_has_the_limits_worked_out() {
    for layers in [8, 16, 24] {
        let task = second(layers, 24);
        let dim = task.features().dim();
        let mut theta = vec![0.0; dim];
        theta.copy_from_slice(&[22.0, 22.0]);
        assert_eq!(dim, 2);
        let found = measure(&task, theta, &[16.0], &[16]).all;
        let expected = 0.05 * (layers / 2) as f64 * std::f64::consts::LN_2;
        assert!((found.kl - expected).abs() < 1e-6, "{layers}: {found:?}");
        assert!((found.coverage[0] - 0.05).abs() < 1e-12, "{layers}: {found:?}");
        assert!((task.describe().claims[0].value.unwrap() - expected).abs() < 1e-12);
    }
}

/// The measures by paths are those of the general enumeration.
#[test]
fn measures_agree_with_the_enumeration_of_all_responses() {
    let task = first([0.5, 0.3, 0.2], 8);
    let theta = vec![3.0, 2.0, 0.7, -0.4, 0.9];
    assert_eq!(task.features().dim(), theta.len());
    let found = measure(&task, theta.clone(), &[1.0, 2.0, 30.0], &[3]);
    let model = Model::new(task.features().clone(), theta).unwrap();
    let options =
        coverage_principle_core::linear::exact::ExactOptions { n: vec![1.0, 2.0, 30.0], ..Default::default() };
    let (expected, _) = coverage_principle_core::linear::exact::measure(
        task.validation(),
        &model,
        &options,
        &Workers::sequential(),
        &Control::new(),
    )
    .unwrap();
    assert!((found.all.kl - expected.kl).abs() < 1e-11);
    assert!((found.all.cross_entropy - expected.cross_entropy).abs() < 1e-11);
    assert!(found.all.coverage.iter().zip(&expected.coverage).all(|(a, b)| (a - b).abs() < 1e-12));
    // Pass@3 by sampling without replacement of thought: 1 − (1 − q)³ of each path.
    let mut walker = model.walker();
    let mut pass = 0.0;
    for prompt in 0..8 {
        for (tokens, probability) in task.paths(prompt).iter() {
            let q = walker.log_prob(coverage_principle_core::linear::Response { prompt, tokens }).exp();
            pass += probability * (3.0 * q - 3.0 * q * q + q * q * q) / 8.0;
        }
    }
    assert!((found.classes[0].pass[0] - pass).abs() < 1e-12);
}

#[test]
fn measures_are_the_same_at_any_number_of_threads() {
    let task = first([0.5, 0.3, 0.2], 100);
    let model = Model::new(task.features().clone(), coordinated(0.7)).unwrap();
    let run = |threads| {
        let workers = Workers::new(Some(threads)).unwrap();
        task.measure(&model, &GraphMeasureOptions::default(), &workers, &Control::new()).unwrap()
    };
    assert_eq!(run(1), run(2));
    assert_eq!(run(1), run(3));
}

fn structural(
    parity: bool,
    hidden_rule: bool,
    scale: f64,
    conjunctions: Option<GraphConjunctions>,
) -> GraphFeatureOptions {
    GraphFeatureOptions::Structural { parity: Some(parity), history: Some(false), hidden_rule, scale, conjunctions }
}

/// Finite differences, and the bound B, for every kind of features.
#[test]
fn gradients_are_those_of_finite_differences() {
    let kinds = [
        GraphFeatureOptions::default(),
        structural(true, true, 1.5, None),
        structural(false, false, 1.0, None),
        structural(true, false, 0.7, Some(GraphConjunctions { bits: 6, scale: 2.0 })),
        GraphFeatureOptions::Hashed { bits: 7, scale: 2.0 },
    ];
    for features in kinds {
        let options = GraphOptions { layers: 3, names: Some(30), validation: 4, features, ..GraphOptions::default() };
        let task = GraphTask::new(&options).unwrap();
        let dim = task.features().dim();
        let mut stream = Stream::new(0, Purpose::Synthetic, 0);
        let theta: Vec<f64> = (0..dim).map(|_| 0.3 * stream.normal()).collect();
        let responses = task.data().sample(2, &mut stream);
        let (workers, control) = (Workers::sequential(), Control::new());
        let total = |theta: &[f64]| -> f64 {
            let model = Model::new(task.features().clone(), theta).unwrap();
            model.log_probs(&responses, &workers, &control).unwrap().iter().sum()
        };
        let model = Model::new(task.features().clone(), theta.clone()).unwrap();
        let gradients = model.gradients(&responses, &workers, &control).unwrap();
        for coordinate in 0..dim {
            let at = |shift: f64| {
                let mut theta = theta.clone();
                theta[coordinate] += shift;
                total(&theta)
            };
            let slope = (at(1e-5) - at(-1e-5)) / 2e-5;
            let gradient = gradients[coordinate] + gradients[dim + coordinate];
            assert!((slope - gradient).abs() < 1e-6, "{features:?} {coordinate}: {slope} {gradient}");
        }
        // ‖∇‖ ≤ 2HB, which a wrong B would break on some prompt only; the features themselves are checked by norm.
        assert!(greatest_feature_norm(&task) <= task.features().bound() * (1.0 + 1e-12));
    }
}

/// Without weight the conjunctions change nothing; with some, prompts of one class get probabilities of their own.
#[test]
fn conjunctions_tell_prompts_apart() {
    let conjunctions = Some(GraphConjunctions { bits: 10, scale: 3.0 });
    let features =
        GraphFeatureOptions::Structural { parity: None, history: None, hidden_rule: false, scale: 1.0, conjunctions };
    let plain = first([0.9, 0.1, 0.0], 40);
    let task = GraphTask::new(&GraphOptions { features, ..plain.options().clone() }).unwrap();
    assert_eq!(task.features().dim(), plain.features().dim() + 1024);
    let mut theta = coordinated(0.7);
    let expected = measure(&plain, theta.clone(), &[2.0], &[4]);
    theta.resize(task.features().dim(), 0.0);
    assert_eq!(measure(&task, theta.clone(), &[2.0], &[4]), expected);
    let mut stream = Stream::new(0, Purpose::Synthetic, 0);
    theta[5..].fill_with(|| 0.4 * stream.normal());
    let model = Model::new(task.features().clone(), theta).unwrap();
    let path = |prompt: usize| {
        let paths = task.paths(prompt);
        model
            .walker()
            .log_prob(coverage_principle_core::linear::Response { prompt, tokens: paths.iter().next().unwrap().0 })
            .exp()
    };
    let matching: Vec<f64> = (0..40).map(path).collect();
    let mean = matching.iter().sum::<f64>() / 40.0;
    let variance = matching.iter().map(|p| (p - mean).powi(2)).sum::<f64>() / 39.0;
    // The weights of a candidate have standard deviation 0.4·3, so that those of a choice have 1.7 nats.
    assert!((0.15..0.4).contains(&variance.sqrt()), "{mean} {variance}");
}

fn greatest_feature_norm(task: &GraphTask) -> f64 {
    use coverage_principle_core::linear::features::{Block, Context};
    let features = task.features();
    let mut scratch = features.scratch();
    let mut greatest = 0.0f64;
    let responses = task.data().sample(50, &mut Stream::new(1, Purpose::Synthetic, 0));
    for response in responses.iter() {
        for position in 0..response.tokens.len() {
            let context = Context { prompt: response.prompt, prefix: &response.tokens[..position] };
            features.prepare(context, &mut scratch);
            features.visit(context, &scratch, &mut |part| {
                let Block::Sparse(rows) = part.block else { panic!("sparse") };
                greatest = greatest.max(rows.greatest_norm(features.vocabulary(), features.dim()).unwrap());
            });
        }
    }
    greatest
}

#[test]
fn prefixes_that_are_no_path_are_harmless() {
    let task = first([1.0, 1.0, 1.0], 2);
    let mut walker_model = Model::new(task.features().clone(), coordinated(0.7)).unwrap();
    let mut responses = Responses::new();
    let mut stream = Stream::new(0, Purpose::Synthetic, 0);
    for prompt in 0..6 {
        let tokens: Vec<u32> = (0..10).map(|_| stream.below(67) as u32).collect();
        responses.push(prompt, &tokens);
    }
    for _ in 0..2 {
        let found = walker_model.log_probs(&responses, &Workers::sequential(), &Control::new()).unwrap();
        assert!(found.iter().all(|value| value.is_finite()));
        let hashed =
            GraphOptions { features: GraphFeatureOptions::Hashed { bits: 10, scale: 1.0 }, ..Default::default() };
        let task = GraphTask::new(&hashed).unwrap();
        walker_model = Model::new(task.features().clone(), vec![0.01; 1 << 10]).unwrap();
    }
}

/// Training on fresh prompts: pre-training leaves the two pure paths at 5/12 each, fine-tuning drives KL down while
/// Cov_N turns up again.
#[test]
fn training_shows_what_figure_1_shows() {
    let run = |task: &GraphTask, theta0: Vec<f64>, steps: u64, step_size: f64| {
        let class = linear(task);
        let options = TrainOptions {
            procedure: Procedure::Sgd,
            step_size: StepSize::Constant { value: step_size },
            batch_size: 16,
            steps: Some(steps),
            constraint: class.constraint,
            theta0: Some(theta0),
            checkpoint_every: steps / 4,
            ..TrainOptions::default()
        };
        let task = TrainTask {
            before: Vec::new(),
            features: class.features,
            data: TrainingData::Fresh(std::sync::Arc::new(task.data().clone())),
            teacher: None,
            validation: Validation { n: vec![2.0], ..Validation::default() },
        };
        train(task, options, &Workers::sequential(), &Control::new()).unwrap()
    };
    let pre_training = first([1.0, 1.0, 1.0], 16);
    let mut theta = linear(&pre_training).start;
    for (steps, step_size) in [(600, 0.8), (400, 0.1)] {
        theta = run(&pre_training, theta, steps, step_size).theta;
    }
    // The probability of the matching path to a prompt of any class.
    let model = Model::new(pre_training.features().clone(), theta.clone()).unwrap();
    let matching = model.walker().log_prob(coverage_principle_core::linear::Response {
        prompt: 0,
        tokens: pre_training.paths(0).iter().next().unwrap().0,
    });
    assert!((matching.exp() - 5.0 / 12.0).abs() < 0.06, "{}", matching.exp());
    let fine_tuning = first([0.9, 0.1, 0.0], 16);
    let report = run(&fine_tuning, theta.clone(), 1200, 0.05);
    let at = |theta: &[f64]| measure(&fine_tuning, theta.to_vec(), &[3.0], &[12]).all;
    let (start, end) = (at(&theta), at(&report.theta));
    assert!(end.kl < start.kl && end.kl < 0.45, "{start:?} {end:?}");
    assert!(start.coverage[0] < 0.05 && (end.coverage[0] - 0.1).abs() < 1e-9, "{start:?} {end:?}");
    assert!(end.pass[0] < start.pass[0], "{start:?} {end:?}");
    assert_eq!(report.checkpoints.len(), 4);
}

#[test]
fn records_hold_the_prompt_its_paths_and_a_sample() {
    let task = first([1.0, 1.0, 1.0], 10);
    let write = |options: &GraphExportOptions| {
        let mut out = Vec::new();
        let count = task.write_jsonl(&mut out, options, &Control::new()).unwrap();
        let records: Vec<GraphRecord> =
            String::from_utf8(out).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(count, records.len() as u64);
        records
    };
    let validation = write(&GraphExportOptions { set: GraphSet::Validation, ..Default::default() });
    assert_eq!(validation.len(), 30);
    assert_eq!((validation[13].id.as_str(), validation[13].class.as_str()), ("validation-G2-3", "G2"));
    let train = write(&GraphExportOptions { first: 5, count: 7, ..Default::default() });
    assert_eq!(train[0].id, "train-5");
    for (record, prompt) in validation.iter().zip(0..).chain(train.iter().zip(35..)) {
        assert_eq!(record.prompt_tokens, task.prompt_tokens(prompt));
        assert_eq!(record.prompt, task.text(&record.prompt_tokens));
        assert!(record.responses.iter().any(|response| response.tokens == record.response_tokens));
        assert_eq!(record.responses.len(), if record.class == "G3" { 4 } else { 1 });
    }
    // Written in two goes, the same lines.
    let halves: Vec<_> = [(5, 3), (8, 4)]
        .iter()
        .flat_map(|&(first, count)| write(&GraphExportOptions { first, count, ..Default::default() }))
        .collect();
    assert_eq!(halves, train);
    let beyond = GraphExportOptions { set: GraphSet::Validation, first: 30, ..Default::default() };
    let error = task.write_jsonl(&mut Vec::new(), &beyond, &Control::new()).unwrap_err();
    assert_eq!((error.code, error.place.field.as_deref()), (Code::InvalidOption, Some("first")));
}

#[test]
fn nonsense_is_refused() {
    let default = GraphOptions::default;
    for (options, field) in [
        (GraphOptions { layers: 1, ..default() }, "layers"),
        (GraphOptions { layers: 7, figure: GraphFigure::Second, ..default() }, "layers"),
        (GraphOptions { names: Some(40), ..default() }, "names"),
        (GraphOptions { weights: Some([0.0; 3]), ..default() }, "weights"),
        (GraphOptions { weights: Some([1.0, f64::NAN, 0.0]), ..default() }, "weights"),
        (GraphOptions { validation: 0, ..default() }, "validation"),
        (GraphOptions { radius: -1.0, ..default() }, "radius"),
        (GraphOptions { features: GraphFeatureOptions::Hashed { bits: 40, scale: 1.0 }, ..default() }, "features.bits"),
        (
            GraphOptions {
                features: structural(true, false, 1.0, Some(GraphConjunctions { bits: 5, scale: 1.0 })),
                ..default()
            },
            "features.conjunctions.bits",
        ),
    ] {
        assert_eq!(GraphTask::new(&options).unwrap_err().place.field.as_deref(), Some(field), "{options:?}");
    }
    let task = first([1.0, 1.0, 1.0], 2);
    let other = second(8, 2);
    let model = Model::new(other.features().clone(), vec![0.0; other.features().dim()]).unwrap();
    let (workers, control) = (Workers::sequential(), Control::new());
    let error = task.measure(&model, &GraphMeasureOptions::default(), &workers, &control).unwrap_err();
    assert_eq!(error.code, Code::ShapeMismatch);
    let zero = GraphMeasureOptions { pass: vec![0], ..Default::default() };
    assert_eq!(task.measure(&model, &zero, &workers, &control).unwrap_err().code, Code::InvalidOption);
}

/// A listing is shared: walkers of π_D on many threads see the same paths.
#[test]
fn pi_d_is_a_listed_policy() {
    let task = first([1.0, 1.0, 1.0], 2);
    assert_eq!(
        (0..6).map(|prompt| task.data().policy().support(prompt)).collect::<Vec<_>>(),
        [1, 1, 1, 1, 4, 4].map(Some)
    );
    let responses = task.data().sample(200, &mut Stream::new(0, Purpose::Data, 0));
    let log_probs =
        task.data().policy().log_probs(&responses, &Workers::new(Some(2)).unwrap(), &Control::new()).unwrap();
    assert!(log_probs.iter().all(|&value| (value - 0.25f64.ln()).abs() < 1e-12 || value.abs() < 1e-12));
}

/// Sharing the beginnings of paths changes no bit.
#[test]
fn measures_by_shared_beginnings_are_those_of_whole_paths() {
    let task = second(8, 6);
    let model = Model::new(task.features().clone(), vec![2.5, 3.5]).unwrap();
    let found = measure(&task, model.theta().to_vec(), &[2.0], &[2]);
    let mut walker = model.walker();
    for class in 0..3 {
        let mut kl = 0.0;
        for prompt in 6 * class..6 * class + 6 {
            for (tokens, probability) in task.paths(prompt).iter() {
                let log_q = walker.log_prob(coverage_principle_core::linear::Response { prompt, tokens });
                kl += probability * (probability.ln() - log_q);
            }
        }
        assert_eq!(found.classes[class].kl, kl * (1.0 / 6.0));
    }
}
