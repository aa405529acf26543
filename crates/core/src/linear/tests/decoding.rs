//! Sampling frequencies, Best-of-N and the propositions about it.

use std::sync::Arc;

use super::random_problem;
use crate::linear::decode::{AdversarialReward, Draws, best_of_n, exact_best_of_n, sample};
use crate::linear::*;
use crate::parallel::Workers;
use crate::progress::Control;

#[test]
fn samples_have_the_frequencies_of_the_policy() {
    let (data, model) = random_problem(5, 2, 3, 3, 2);
    let test_time = TestTimeModel::new(model.clone(), 0.4, Constraint::default()).unwrap();
    let mixture = Mixture::new(
        vec![Arc::new(model.clone()), data.policy().clone(), Arc::new(test_time.clone())],
        &[1.0, 2.0, 1.0],
    )
    .unwrap();
    let control = Control::new();
    let policies: [&dyn Policy; 3] = [&model, &test_time, &mixture];
    for policy in policies {
        let draws = Draws { prompts: &vec![1; 20_000], horizon: 3, seed: 9 };
        let of = |threads| sample(policy, draws, &Workers::new(Some(threads)).unwrap(), &control).unwrap();
        let samples = of(1);
        assert_eq!(samples, of(3), "the same at any number of threads");
        let scored = policy.log_probs(&samples.responses, &Workers::sequential(), &control).unwrap();
        for (drawn, scored) in samples.log_probs.iter().zip(&scored) {
            assert!((drawn - scored).abs() < 1e-12);
        }
        let mut total = 0.0;
        exact::enumerate(&mut *policy.walker(), None, 1, 3, &control, &mut |event| {
            if let exact::Event::Leaf { log_p, tokens, .. } = event {
                total += log_p.exp();
                let count = samples.responses.iter().filter(|response| response.tokens == tokens).count();
                let (p, n) = (log_p.exp(), 20_000.0);
                assert!((count as f64 - n * p).abs() < 5.0 * (n * p * (1.0 - p)).sqrt() + 1.0);
            }
        })
        .unwrap();
        assert!((total - 1.0).abs() < 1e-12, "a distribution sums to 1, not {total}");
    }
}

#[test]
fn best_of_n_matches_pass_at_n_and_the_adversarial_reward_hurts() {
    let (data, model) = random_problem(6, 3, 2, 3, 3);
    let (workers, control) = (Workers::new(Some(2)).unwrap(), Control::new());
    for n in [1usize, 2, 4] {
        let reward = AdversarialReward { target: &**data.policy(), model: &model, n: n as f64 };
        let exact = exact_best_of_n(&data, &model, &reward, &[n as f64], 1 << 20, &workers, &control).unwrap();
        let options = exact::ExactOptions { n: vec![2.0 * n as f64], ..Default::default() };
        let (measures, _) = exact::measure(&data, &model, &options, &workers, &control).unwrap();
        assert!((exact.target_reward - measures.coverage[0]).abs() < 1e-12);
        assert!(exact.target_reward - exact.pass_at_n[0] >= 0.5 * measures.coverage[0] - 1e-12);
        let prompts: Vec<usize> = (0..4_000).map(|i| i % 2).collect();
        let best = best_of_n(&model, Draws { prompts: &prompts, horizon: 3, seed: 1 }, n, &reward, &workers, &control)
            .unwrap();
        let mean = best.rewards.iter().sum::<f64>() / 4_000.0;
        assert!((mean - exact.pass_at_n[0]).abs() < 0.05, "{mean} {}", exact.pass_at_n[0]);
    }
}
