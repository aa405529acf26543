//! Cov_N is sufficient and necessary for Best-of-N to do as well as the target (Propositions D.6 and D.7).

use coverage_principle_core::best_of_n::{
    adversarial_reward, best_of_n_regret_bound, best_of_n_regret_floor, best_of_n_reward, sufficient_n,
};
use coverage_principle_core::error::Result;
use coverage_principle_core::random::Stream;

use super::{Claim, Sides, between, claim, distribution};

pub(super) fn claims() -> Vec<Claim> {
    vec![
        claim("Proposition D.6", "D.6", "E[r(π_T) − r(BoN)] ≤ Cov_M + ε for N ≥ 2M·log(1/ε) and Cov_M ≤ ½"),
        claim("Proposition D.7", "D.7", "½·Cov_{2N} ≤ E[r(π_T) − r(BoN)] for r = 1{π_T/π̂ ≥ 2N}"),
    ]
}

/// A prompt's responses: probabilities under the target and the model, and a random score of each.
struct Prompt {
    target: Vec<f64>,
    model: Vec<f64>,
    score: Vec<f64>,
}

pub(super) fn check(ratios: &mut Sides, stream: &mut Stream) -> Result<()> {
    let spread = 2.0 + 12.0 * stream.uniform();
    let prompts: Vec<Prompt> = (0..between(1, 3, stream))
        .map(|_| {
            let size = between(2, 20, stream);
            let target = distribution(size, spread, stream);
            let model = distribution(size, spread * stream.uniform(), stream);
            Prompt { target, model, score: (0..size).map(|_| stream.uniform()).collect() }
        })
        .collect();
    let scores: Vec<Vec<f64>> = prompts.iter().map(|prompt| prompt.score.clone()).collect();
    for m in [1.5, 2.0, 4.0, 16.0, 64.0] {
        let (coverage, of_region) = region(&prompts, m)?;
        for epsilon in [0.3, 0.05, 0.001] {
            let Some(n) = sufficient_n(m, epsilon).map(f64::ceil) else { continue };
            let Some(bound) = best_of_n_regret_bound(n, m, coverage) else { continue };
            let mut rewards = vec![scores.clone(), of_region.clone()];
            for at in [1.0, 4.0, 2.0 * n] {
                rewards.push(region(&prompts, at)?.1);
            }
            for reward in rewards {
                ratios.check("D.6", regret(&prompts, &reward, n), bound);
            }
        }
    }
    for n in [1.0, 2.0, 4.0, 16.0, 64.0] {
        let (coverage, reward) = region(&prompts, 2.0 * n)?;
        ratios.check("D.7", best_of_n_regret_floor(coverage), regret(&prompts, &reward, n));
    }
    Ok(())
}

/// Cov_t, and the reward that is 1 where π_T/π̂ ≥ t: Proposition D.7's for N = t/2.
fn region(prompts: &[Prompt], t: f64) -> Result<(f64, Vec<Vec<f64>>)> {
    let log = |values: &[f64]| values.iter().map(|value| value.ln()).collect::<Vec<f64>>();
    let mut coverage = 0.0;
    let mut rewards = Vec::with_capacity(prompts.len());
    for Prompt { target, model, .. } in prompts {
        // The adversarial reward is made for N ≥ 1: below t = 2 the ratio is moved instead.
        let shift = (0.5 * t).min(1.0).ln();
        let model_log: Vec<f64> = log(model).into_iter().map(|value| value + shift).collect();
        let reward = adversarial_reward(&log(target), &model_log, (0.5 * t).max(1.0))?;
        coverage += target.iter().zip(&reward).filter(|(_, rewarded)| **rewarded).map(|(p, _)| p).sum::<f64>();
        rewards.push(reward.iter().map(|&rewarded| f64::from(u8::from(rewarded))).collect());
    }
    Ok((coverage / prompts.len() as f64, rewards))
}

/// E[r(π_T) − r(BoN)], exactly.
fn regret(prompts: &[Prompt], rewards: &[Vec<f64>], n: f64) -> f64 {
    let of_prompt = |(Prompt { target, model, .. }, reward): (&Prompt, &Vec<f64>)| {
        target.iter().zip(reward).map(|(p, r)| p * r).sum::<f64>() - best_of_n_reward(model, reward, n)
    };
    prompts.iter().zip(rewards).map(of_prompt).sum::<f64>() / prompts.len() as f64
}
