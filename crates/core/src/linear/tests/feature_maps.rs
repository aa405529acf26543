//! Every feature map: gradients by finite differences, bounds, sharing, laziness.

use std::sync::Arc;

use super::random_table;
use crate::linear::features::*;
use crate::linear::train::*;
use crate::linear::*;
use crate::parallel::Workers;
use crate::progress::Control;
use crate::random::{Purpose, Stream};

const V: usize = 3;
const H: usize = 4;

#[derive(Debug)]
struct Odd {
    dim: usize,
}

impl SparseSource for Odd {
    fn dim(&self) -> usize {
        self.dim
    }
    fn vocabulary(&self) -> usize {
        V
    }
    fn prompts(&self) -> Option<usize> {
        Some(2)
    }
    fn horizon(&self) -> Option<usize> {
        Some(H)
    }
    fn bound(&self) -> f64 {
        2.0
    }
    fn write(&self, context: Context<'_>, _: &mut Option<Box<dyn std::any::Any + Send>>, rows: &mut SparseRows) {
        let last = context.prefix.last().copied().unwrap_or(2);
        for token in 0..V as u32 {
            if token != 1 {
                rows.add((7 * last + token + context.prompt as u32) % self.dim as u32, 0.8);
                rows.add((11 * token + 3) % self.dim as u32, -0.6);
                // Repeated coordinates add.
                rows.add((11 * token + 3) % self.dim as u32, 0.3);
            }
            rows.end_row();
        }
    }
}

fn maps() -> Vec<Arc<dyn FeatureMap>> {
    let mut stream = Stream::new(21, Purpose::Synthetic, 0);
    let mut numbers = |count: usize| (0..count).map(|_| stream.normal()).collect::<Vec<f64>>();
    let by_prompt = TableFeatures::new(Layout::Prompt { prompts: 2 }, V, 5, numbers(2 * V * 5), None).unwrap();
    let by_position =
        TableFeatures::new(Layout::PromptPosition { prompts: 2, horizon: H }, V, 9, numbers(2 * H * V * 9), None)
            .unwrap();
    let shared = TableFeatures::new(Layout::Position { horizon: H }, V, 9, numbers(H * V * 9), None).unwrap();
    #[expect(clippy::cast_possible_truncation, reason = "a table of single precision")]
    let single = numbers(2 * H * V * 9).into_iter().map(|value| f64::from(value as f32)).collect::<Vec<f64>>();
    let single = TableFeatures::new(Layout::PromptPosition { prompts: 2, horizon: H }, V, 9, single, None).unwrap();
    let single = single.in_single_precision();
    let hidden = HiddenFeatures::new(Layout::PromptPosition { prompts: 2, horizon: H }, V, 3, numbers(2 * H * 3), None);
    let prefix_hidden = HiddenFeatures::new(Layout::Prefix { prompts: 2, horizon: H }, V, 3, numbers(2 * 40 * 3), None);
    let ngram = NgramFeatures::new(V, 2, 5, 1.5, Some(vec![vec![0, 1], vec![2]].into())).unwrap();
    let random = RandomOptions {
        vocabulary: V,
        horizon: H,
        dim: 13,
        window: 2,
        prompts: Some(2),
        bound: 2.0,
        ..Default::default()
    };
    let random = RandomFeatures::new(random).unwrap();
    let mut block = SparseRows::default();
    for token in 0..V as u32 {
        block.add(token * 90, 1.0);
        block.end_row();
    }
    let sparse_table =
        SparseTableFeatures::new(Layout::Prompt { prompts: 2 }, V, 300, vec![block.clone(), block], None);
    let mut prefixes = Stream::new(22, Purpose::Synthetic, 0);
    let by_prefix = random_table(&mut prefixes, 2, V, H, 3);
    let sum = CompositeFeatures::sum(vec![Arc::new(by_position.clone()), Arc::new(shared.clone())]).unwrap();
    let concatenation = CompositeFeatures::concatenation(vec![
        Arc::new(by_prompt.clone()),
        Arc::new(ngram.clone()),
        Arc::new(random.clone()),
    ])
    .unwrap();
    let lazy = CompositeFeatures::concatenation(vec![
        Arc::new(ngram.clone()),
        Arc::new(SparseFeatures(Odd { dim: 300 })),
        Arc::new(ngram.clone()),
    ])
    .unwrap();
    vec![
        Arc::new(by_prompt),
        Arc::new(by_position),
        Arc::new(single),
        Arc::new(shared),
        Arc::new(hidden.unwrap()),
        Arc::new(prefix_hidden.unwrap()),
        Arc::new(ngram),
        Arc::new(random),
        Arc::new(sparse_table.unwrap()),
        Arc::new(SparseFeatures(Odd { dim: 17 })),
        Arc::new(SparseFeatures(Odd { dim: 300 })),
        Arc::new(by_prefix),
        Arc::new(sum),
        Arc::new(concatenation),
        Arc::new(lazy),
    ]
}

/// The plain definition: feature vectors spelled out, one after the other.
fn spelled_out(features: &dyn FeatureMap, context: Context<'_>) -> Vec<Vec<f64>> {
    let mut evaluator = Evaluator::new(features);
    let mut rows = Vec::new();
    for token in 0..features.vocabulary() {
        let mut row = vec![0.0; features.dim()];
        evaluator.logits(context, &vec![0.0; features.dim()], 1.0).fill(0.0);
        evaluator.values_mut()[token] = 1.0;
        evaluator.accumulate_dense(context, &mut row);
        rows.push(row);
    }
    rows
}

fn data() -> Responses {
    let mut stream = Stream::new(23, Purpose::Synthetic, 0);
    let mut responses = Responses::new();
    for _ in 0..12 {
        let tokens: Vec<u32> = (0..H).map(|_| stream.below(V as u64) as u32).collect();
        responses.push(stream.below(2) as usize, &tokens);
    }
    responses
}

fn theta(features: &dyn FeatureMap, norm: f64) -> Vec<f64> {
    let mut stream = Stream::new(24, Purpose::Synthetic, 0);
    let mut theta: Vec<f64> = (0..features.dim()).map(|_| stream.normal()).collect();
    let length = theta.iter().map(|x| x * x).sum::<f64>().sqrt();
    theta.iter_mut().for_each(|x| *x *= norm / length);
    theta
}

#[test]
fn blocks_keys_and_bounds_agree_with_the_definition() {
    for features in maps() {
        let features = &*features;
        let theta = theta(features, 1.0);
        let mut evaluator = Evaluator::new(features);
        let mut by_key = std::collections::HashMap::new();
        for response in data().iter() {
            for position in 0..H {
                let context = Context { prompt: response.prompt, prefix: &response.tokens[..position] };
                let rows = spelled_out(features, context);
                for (row, logit) in rows.iter().zip(evaluator.logits(context, &theta, 0.5)) {
                    let expected: f64 = row.iter().zip(&theta).map(|(f, t)| f * t).sum();
                    assert!((*logit - 0.5 * expected).abs() < 1e-12);
                    let norm = row.iter().map(|f| f * f).sum::<f64>().sqrt();
                    assert!(norm <= features.bound() * (1.0 + 1e-12), "{norm} {features:?}");
                }
                if let Some(keys) = features.keys() {
                    let key = features.key(context);
                    assert!(key < keys);
                    assert_eq!(by_key.entry(key).or_insert_with(|| rows.clone()), &rows, "{features:?}");
                }
                // The variance about the mean is the textbook's.
                let p = [0.2, 0.5, 0.3];
                let mut scratch = (Gradient::new(features), Gradient::new(features));
                let variance = evaluator.variance(context, &p, &mut scratch.0, &mut scratch.1);
                let mean: Vec<f64> =
                    (0..features.dim()).map(|i| p.iter().zip(&rows).map(|(p, row)| p * row[i]).sum()).collect();
                let expected: f64 = p
                    .iter()
                    .zip(&rows)
                    .map(|(p, row)| p * row.iter().zip(&mean).map(|(f, m)| (f - m) * (f - m)).sum::<f64>())
                    .sum();
                assert!((variance - expected).abs() < 1e-12);
            }
        }
    }
}

/// Spans are a matter of speed: the bits are those of one position after the other.
#[test]
fn spans_give_the_bits_of_single_positions() {
    for features in maps() {
        let features = &*features;
        let theta = theta(features, 0.9);
        let mut evaluator = Evaluator::new(features);
        for response in data().iter() {
            let (mut together, mut single) = (Gradient::new(features), Gradient::new(features));
            let spans = evaluator.add_span(response, 0..H, (&theta, 1.0), 0.3, &mut together);
            if spans {
                for (position, &token) in response.tokens.iter().enumerate() {
                    let context = Context { prompt: response.prompt, prefix: &response.tokens[..position] };
                    evaluator.token_weights(context, &theta, 1.0, token, 0.3);
                    evaluator.accumulate(context, &mut single);
                }
            }
            assert_eq!(together.values(), single.values());
        }
    }
}

#[test]
fn gradients_are_finite_differences() {
    for features in maps() {
        let at = theta(&*features, 0.9);
        let responses = data();
        let (workers, control) = (Workers::sequential(), Control::new());
        let log_probs = |theta: Vec<f64>| {
            Model::new(features.clone(), theta).unwrap().log_probs(&responses, &workers, &control).unwrap()
        };
        let gradients =
            Model::new(features.clone(), at.clone()).unwrap().gradients(&responses, &workers, &control).unwrap();
        let dim = features.dim();
        for coordinate in (0..dim).step_by(dim.div_ceil(40)) {
            const STEP: f64 = 1e-5;
            let shifted = |step: f64| {
                let mut theta = at.clone();
                theta[coordinate] += step;
                log_probs(theta)
            };
            let (above, below) = (shifted(STEP), shifted(-STEP));
            for i in 0..responses.len() {
                let difference = (above[i] - below[i]) / (2.0 * STEP);
                let gradient = gradients[i * dim + coordinate];
                assert!((difference - gradient).abs() < 1e-7, "{features:?}: {difference} {gradient}");
            }
        }
    }
}

/// SGD and AdaGrad spelled out: dense vectors, one response at a time, nothing shared.
fn plain_sgd(
    features: &dyn FeatureMap,
    responses: &Responses,
    batch: usize,
    eta: f64,
    radius: f64,
    procedure: Procedure,
) -> Vec<f64> {
    let dim = features.dim();
    let mut squares = vec![0.0; dim];
    let mut theta = theta(features, 0.5 * radius);
    let project = |theta: &mut Vec<f64>| {
        let norm = theta.iter().map(|x| x * x).sum::<f64>().sqrt();
        if norm > radius {
            theta.iter_mut().for_each(|x| *x *= radius / norm);
        }
    };
    let mut first = 0;
    while first < responses.len() {
        let mut gradient = vec![0.0; dim];
        for index in first..first + batch {
            let response = responses.get(index);
            for (position, &token) in response.tokens.iter().enumerate() {
                let context = Context { prompt: response.prompt, prefix: &response.tokens[..position] };
                let rows = spelled_out(features, context);
                let logits: Vec<f64> =
                    rows.iter().map(|row| row.iter().zip(&theta).map(|(f, t)| f * t).sum()).collect();
                let total: f64 = logits.iter().map(|logit: &f64| logit.exp()).sum();
                for (y, row) in rows.iter().enumerate() {
                    let weight = f64::from(u8::from(y == token as usize)) - logits[y].exp() / total;
                    gradient.iter_mut().zip(row).for_each(|(g, f)| *g += weight / batch as f64 * f);
                }
                if procedure == Procedure::TokenSgd {
                    theta.iter_mut().zip(&mut gradient).for_each(|(t, g)| *t += eta * std::mem::take(g));
                    project(&mut theta);
                }
            }
        }
        if let Procedure::AdaGrad { epsilon } = procedure {
            for (slope, square) in gradient.iter_mut().zip(&mut squares) {
                *square += *slope * *slope;
                *slope /= square.sqrt() + epsilon;
            }
        }
        theta.iter_mut().zip(&gradient).for_each(|(t, g)| *t += eta * g);
        project(&mut theta);
        first += batch;
    }
    theta
}

#[test]
fn shared_and_lazy_steps_are_the_plain_ones() {
    // A step that meets the ball often, and one that never does.
    for (eta, radius) in [(0.7, 0.6), (0.05, 50.0)] {
        for features in maps() {
            // An ε that does not turn rounding into steps.
            let ada_grad = Procedure::AdaGrad { epsilon: 1e-3 };
            let sgd = [(Procedure::Sgd, 1), (Procedure::Sgd, 4), (Procedure::TokenSgd, 1)];
            for (procedure, batch) in sgd.into_iter().chain([(ada_grad, 1), (ada_grad, 4)]) {
                let options = TrainOptions {
                    procedure,
                    step_size: StepSize::Constant { value: eta },
                    batch_size: batch,
                    shuffle: false,
                    constraint: Constraint::Ball { radius },
                    theta0: Some(theta(&*features, 0.5 * radius)),
                    ..Default::default()
                };
                let task = TrainTask {
                    before: Vec::new(),
                    features: features.clone(),
                    data: TrainingData::Set(Arc::new(data())),
                    teacher: None,
                    validation: Validation::default(),
                };
                let report = train(task, options, &Workers::sequential(), &Control::new()).unwrap();
                let expected = plain_sgd(&*features, &data(), batch, eta, radius, procedure);
                for (ours, plain) in report.theta.iter().zip(&expected) {
                    assert!((ours - plain).abs() < 1e-11, "{procedure:?} {batch} {features:?}");
                }
            }
        }
    }
}

#[test]
fn test_time_training_sums_to_one_and_resets() {
    for features in maps() {
        let model = Model::new(features.clone(), theta(&*features, 0.9)).unwrap();
        let policy = TestTimeModel::new(model, 0.5, Constraint::default()).unwrap();
        let mut walker = policy.walker();
        for prompt in 0..2 {
            let mut total = 0.0;
            exact::enumerate(&mut *walker, None, prompt, H, &Control::new(), &mut |event| {
                if let exact::Event::Leaf { log_p, tokens, .. } = event {
                    total += log_p.exp();
                    // The branching walk says what a fresh one says.
                    let fresh = policy.walker().log_prob(Response { prompt, tokens });
                    assert!((fresh - log_p).abs() < 1e-12, "{fresh} {log_p}");
                }
            })
            .unwrap();
            assert!((total - 1.0).abs() < 1e-12, "{features:?}: {total}");
        }
    }
}

#[test]
fn sparse_sources_are_held_to_their_word() {
    assert!(SparseFeatures(Odd { dim: 17 }).check(&data()).unwrap() <= 2.0);
    assert!(NgramFeatures::new(V, 99, 5, 1.0, None).is_err());
    assert!(NgramFeatures::new(V, 2, 5, f64::NAN, None).is_err());
    assert!(NgramFeatures::new(V, 2, 5, 1.0, Some(vec![vec![3]].into())).is_err());
    assert!(RandomFeatures::new(RandomOptions { bandwidth: -1.0, ..Default::default() }).is_err());
}
