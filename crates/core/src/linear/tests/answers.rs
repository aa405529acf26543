use std::sync::Arc;

use crate::answers::{AnswerDraws, AnswerEstimates};
use crate::error::Code;
use crate::linear::answers::{Reasonings, answer_log_probs, sampled_answer_log_probs};
use crate::linear::features::{CompositeFeatures, Layout, NgramFeatures, TableFeatures};
use crate::linear::{FeatureMap, ListInMemory, Listed, Model, Policy, Responses};
use crate::random::{Purpose, Stream};
use crate::{Control, LogProbs, Workers};

fn ngrams(order: usize) -> Arc<dyn FeatureMap> {
    Arc::new(NgramFeatures::new(3, order, 9, 4.0, None).unwrap())
}

fn model(features: Arc<dyn FeatureMap>, seed: u64) -> Model {
    let mut stream = Stream::new(seed, Purpose::Problem, 0);
    let theta: Vec<f64> = (0..features.dim()).map(|_| 2.0 * stream.uniform() - 1.0).collect();
    Model::new(features, theta).unwrap()
}

/// All responses of `length` tokens of three to prompts 0 and 1.
fn all(length: u32) -> Responses {
    let mut responses = Responses::new();
    for prompt in 0..2 {
        for number in 0..3_u32.pow(length) {
            let tokens: Vec<u32> = (0..length).map(|h| number / 3_u32.pow(h) % 3).collect();
            responses.push(prompt, &tokens);
        }
    }
    responses
}

fn exact(policy: &dyn Policy, responses: &Responses, reasoning: usize) -> Vec<f64> {
    answer_log_probs(policy, responses, reasoning, 1 << 22, &Workers::sequential(), &Control::new()).unwrap()
}

/// The sum over all responses with the same prompt and answer, of whole responses' probabilities.
fn plain(policy: &dyn Policy, responses: &Responses, reasoning: usize) -> Vec<f64> {
    let whole = policy.log_probs(responses, &Workers::sequential(), &Control::new()).unwrap();
    let answer = |index: usize| (responses.get(index).prompt, &responses.get(index).tokens[reasoning..]);
    (0..responses.len())
        .map(|i| (0..responses.len()).filter(|&j| answer(j) == answer(i)).map(|j| whole[j].exp()).sum::<f64>().ln())
        .collect()
}

fn close(found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!(found == expected || (found - expected).abs() < 1e-12, "{found} {expected}");
    }
}

#[test]
fn answers_are_summed_over_all_reasonings() {
    let responses = all(5);
    for order in 0..=3 {
        let ngram = model(ngrams(order), 1);
        assert_eq!(ngram.memory(), Some(order));
        for reasoning in [1, 3, 4] {
            close(&exact(&ngram, &responses, reasoning), &plain(&ngram, &responses, reasoning));
        }
    }
    let values: Vec<f64> = (0..2 * 5 * 3 * 2).map(|k| f64::from(k % 7) - 3.0).collect();
    let layout = Layout::PromptPosition { prompts: 2, horizon: 5 };
    let positions = model(Arc::new(TableFeatures::new(layout, 3, 2, values, None).unwrap()), 9);
    assert_eq!(positions.memory(), Some(0));
    close(&exact(&positions, &responses, 2), &plain(&positions, &responses, 2));
    // Whole prefixes: no two reasonings go on alike.
    let mut stream = Stream::new(2, Purpose::Problem, 0);
    let layout = Layout::Prefix { prompts: 2, horizon: 4 };
    let values: Vec<f64> = (0..2 * 40 * 3 * 2).map(|_| stream.uniform() - 0.5).collect();
    let table = Arc::new(TableFeatures::new(layout, 3, 2, values, None).unwrap());
    let prefix = model(table, 3);
    assert_eq!(prefix.memory(), None);
    close(&exact(&prefix, &all(4), 2), &plain(&prefix, &all(4), 2));
    // A sum remembers as long as the part that remembers longest.
    let both = CompositeFeatures::concatenation(vec![ngrams(1), ngrams(2)]).unwrap();
    assert_eq!(both.memory(), Some(2));
    close(
        &exact(&model(Arc::new(both), 4), &responses, 3),
        &plain(
            &model(Arc::new(CompositeFeatures::concatenation(vec![ngrams(1), ngrams(2)]).unwrap()), 4),
            &responses,
            3,
        ),
    );
}

#[test]
fn states_do_what_no_enumeration_could() {
    // Sixty tokens of reasoning, 3^60 of them; the answer, one token, of a Markov chain of order 1.
    let chain = model(ngrams(1), 5);
    let mut responses = Responses::new();
    for answer in 0..3 {
        responses.push(0, &[vec![0; 60], vec![answer]].concat());
    }
    let found = exact(&chain, &responses, 60);
    assert!((found.iter().map(|log| log.exp()).sum::<f64>() - 1.0).abs() < 1e-12);
    // The plain powers of the transition matrix.
    let one = |prefix: &[u32]| {
        let mut walker = chain.walker();
        walker.start(0);
        prefix.iter().for_each(|&token| walker.push(token));
        walker.next().iter().map(|log| log.exp()).collect::<Vec<f64>>()
    };
    let rows: Vec<Vec<f64>> = (0..3).map(|token| one(&[token])).collect();
    let mut now = one(&[]);
    for _ in 0..60 {
        now = (0..3).map(|to| (0..3).map(|from| now[from] * rows[from][to]).sum()).collect();
    }
    close(&found, &now.iter().map(|p| p.ln()).collect::<Vec<_>>());
    let error =
        answer_log_probs(&model(ngrams(12), 6), &responses, 60, 1 << 22, &Workers::sequential(), &Control::new());
    assert_eq!(error.unwrap_err().code, Code::TooLarge);
}

#[test]
fn listed_responses_and_what_is_ruled_out() {
    // Two reasonings of one answer, one of another; the fourth response is ruled out.
    let tokens = [0, 0, 1, 1, 0, 1, 0, 1, 0];
    let list = ListInMemory::from_rows(2, 3, &[0, 0, 0], &tokens, &[0.5, 0.2, 0.3]).unwrap();
    let policy = Listed(list);
    let mut responses = Responses::new();
    for response in [[0, 0, 1], [1, 0, 1], [0, 1, 0], [1, 1, 1]] {
        responses.push(0, &response);
    }
    let found = exact(&policy, &responses, 2);
    close(&found, &[0.7_f64.ln(), 0.7_f64.ln(), 0.3_f64.ln(), 0.7_f64.ln()]);
    let found = exact(&policy, &responses, 1);
    close(&found, &[0.7_f64.ln(), 0.7_f64.ln(), 0.3_f64.ln(), f64::NEG_INFINITY]);
}

#[test]
fn sampled_reasonings_agree_with_the_sum_and_with_any_number_of_threads() {
    let (chain, responses) = (model(ngrams(2), 7), all(5).slice(0..40));
    let sampled = |threads, run| {
        let workers = Workers::new(Some(threads)).unwrap();
        let draw = Reasonings { tokens: 4, count: 400, seed: 9, run };
        sampled_answer_log_probs(&chain, &responses, draw, &workers, &Control::new()).unwrap()
    };
    let one = sampled(1, 0);
    assert_eq!(one, sampled(3, 0));
    let of_response: Vec<u32> = (0..40 * 400).map(|column| column / 400).collect();
    let draws = AnswerDraws::sampled(&LogProbs::from_f64(vec![one.clone()]).unwrap(), &of_response, 40, None).unwrap();
    let found = AnswerEstimates::new(&draws, 0.95, &Workers::sequential(), &Control::new()).unwrap();
    let row = &found.rows[0];
    for (i, truth) in exact(&chain, &responses, 4).into_iter().enumerate() {
        assert!((row.log_probs[i] - truth).abs() < 4.5 * row.standard_errors[i], "{i}");
        assert!(row.lower[i] < truth && truth < row.upper[i]);
    }
    assert_ne!(one, sampled(1, 1));
}

#[test]
fn an_answer_there_must_be() {
    let chain = model(ngrams(1), 8);
    let responses = all(2);
    let (workers, control) = (Workers::sequential(), Control::new());
    let error = answer_log_probs(&chain, &responses, 2, 1 << 22, &workers, &control).unwrap_err();
    assert_eq!((error.code, error.place.response), (Code::ShapeMismatch, Some(0)));
    let none = Reasonings { tokens: 1, count: 0, seed: 0, run: 0 };
    let error = sampled_answer_log_probs(&chain, &responses, none, &workers, &control).unwrap_err();
    assert_eq!((error.code, error.place.field.as_deref()), (Code::InvalidOption, Some("reasonings")));
}
