//! Distributions on finitely many outcomes.

use coverage_principle_core::profile::{
    chain_bound, coverage_bound_from_hellinger, coverage_bound_from_kl, coverage_bound_from_kl_weak,
    kl_bound_from_profile, tight_instance,
};
use coverage_principle_core::random::Stream;

use super::{Claim, Sides, between, claim, cov, distribution, log_ratios, mean, squared_hellinger};

const BUDGETS: [f64; 7] = [1.5, 2.0, 4.0, 8.0, 16.0, 64.0, 256.0];

pub(super) fn claims() -> Vec<Claim> {
    vec![
        claim("Proposition D.1", "D.1", "Cov_N ≤ KL/(log N − 1 + 1/N), at fixed N and at every density ratio"),
        claim("Proposition 3.1", "3.1", "Cov_N ≤ KL/log(N/e) for N > e"),
        claim("Proposition D.3", "D.3", "KL ≤ C·(1 + log(log W_max/C)) with C = sup Cov_N·log N"),
        claim("Proposition D.4", "D.4", "Cov_N ≤ 2N/(√N − 1)²·D_H²"),
        claim("Proposition D.5", "D.5", "Cov_{M1}(π_T‖π̂) ≤ M2·Cov_{M1/M2}(π_D‖π̂) + Cov_{M2}(π_T‖π_D)"),
        claim("§2, E_N divergence", "E_N from below", "½·Cov_{2N} ≤ E_N"),
        claim("§2, E_N divergence", "E_N from above", "E_N ≤ max{Cov_N(π_D‖π̂), Cov_N(π̂‖π_D)}"),
    ]
}

pub(super) fn check(ratios: &mut Sides, stream: &mut Stream) {
    let (size, spread) = (between(2, 40, stream), 12.0 * stream.uniform());
    let [data, model, target] = [(); 3].map(|()| distribution(size, spread, stream));
    let to_model = log_ratios(&data, &model);
    let kl = mean(&data, &to_model).max(0.0);
    let hellinger = squared_hellinger(&data, &model);
    let atoms: Vec<f64> = to_model.iter().copied().filter(|&ratio| ratio > 1e-6).collect();
    for log_n in BUDGETS.iter().map(|n| n.ln()).chain(atoms.iter().copied()) {
        let (n, tail) = (log_n.exp(), cov(&data, &to_model, log_n));
        // In terms of log N − 1 + 1/N the bound cancels for N near 1: there its rounding is relative to what is left.
        ratios.check_some("D.1", tail * (1.0 - 1e-9 / log_n), coverage_bound_from_kl(kl, n));
        ratios.check_some("3.1", tail, coverage_bound_from_kl_weak(kl, n));
        ratios.check_some("D.4", tail * (1.0 - 1e-9 / log_n), coverage_bound_from_hellinger(hellinger, n));
        let e_n = e_n(&data, &model, n);
        ratios.check("E_N from below", 0.5 * cov(&data, &to_model, log_n + std::f64::consts::LN_2), e_n);
        let back = log_ratios(&model, &data);
        ratios.check("E_N from above", e_n, tail.max(cov(&model, &back, log_n)));
    }
    let supremum = atoms.iter().map(|&log_n| cov(&data, &to_model, log_n) * log_n).fold(0.0, f64::max);
    let greatest = atoms.iter().copied().fold(0.0, f64::max);
    if supremum > 0.0 {
        ratios.check_some("D.3", kl, kl_bound_from_profile(supremum.min(greatest), greatest));
    }
    let (target_to_model, target_to_data) = (log_ratios(&target, &model), log_ratios(&target, &data));
    for m2 in [1.0f64, 2.0, 4.0, 16.0] {
        for m1 in [m2, 2.0 * m2, 8.0 * m2, 64.0 * m2] {
            let [of_data, of_target] = [cov(&data, &to_model, (m1 / m2).ln()), cov(&target, &target_to_data, m2.ln())];
            let left = cov(&target, &target_to_model, m1.ln());
            ratios.check("D.5", left, chain_bound(m2, of_data, of_target));
        }
    }
}

/// max{E_P(dQ/dP − N)_+, E_Q(dP/dQ − N)_+}.
fn e_n(p: &[f64], q: &[f64], n: f64) -> f64 {
    let excess = |p: &[f64], q: &[f64]| p.iter().zip(q).map(|(p, q)| (p - n * q).max(0.0)).sum::<f64>();
    excess(p, q).max(excess(q, p))
}

pub(super) fn bernoulli_claims() -> Vec<Claim> {
    vec![claim("Proposition D.2", "D.2", "Ber(p) against Ber(p/N), p ≤ ½: KL/log N ≤ Cov_N = p")]
}

pub(super) fn check_bernoulli(ratios: &mut Sides, stream: &mut Stream) {
    let p = 0.5 * (-14.0 * stream.uniform()).exp();
    let n = 2.0 * (20.0 * stream.uniform()).exp();
    if let Some((coverage, kl)) = tight_instance(p, n) {
        ratios.check("D.2", kl / n.ln(), coverage);
    }
}

pub(super) fn answer_claims() -> Vec<Claim> {
    vec![
        claim(
            "§2, answer-level coverage",
            "answers",
            "Cov_N of the answers' marginals ≤ Cov_{tN}/(1 − t) of reasoning and answer together, 0 < t < 1",
        ),
        claim("§2, answer-level coverage", "answers, E_N", "E_N of the answers' marginals ≤ E_N of the whole"),
    ]
}

/// Answers and reasonings that lead to them: what is summed over is the reasoning.
pub(super) fn check_answers(ratios: &mut Sides, stream: &mut Stream) {
    let (answers, reasonings) = (between(2, 8, stream), between(2, 8, stream));
    let spread = 14.0 * stream.uniform();
    let [p, q] = [(); 2].map(|()| distribution(answers * reasonings, spread, stream));
    let marginal = |whole: &[f64]| whole.chunks_exact(reasonings).map(|of_answer| of_answer.iter().sum()).collect();
    let [p_answers, q_answers]: [Vec<f64>; 2] = [marginal(&p), marginal(&q)];
    let (whole, answers) = (log_ratios(&p, &q), log_ratios(&p_answers, &q_answers));
    for n in BUDGETS {
        for t in [0.2, 0.5, 0.8] {
            let bound = cov(&p, &whole, (t * n).ln()) / (1.0 - t);
            ratios.check("answers", cov(&p_answers, &answers, n.ln()), bound);
        }
        ratios.check("answers, E_N", e_n(&p_answers, &q_answers, n), e_n(&p, &q, n));
    }
}

pub(super) fn shift_claims() -> Vec<Claim> {
    vec![claim(
        "§7.1, shift of μ",
        "shift",
        "Cov_N on prompts of μ' ≤ M·Cov_N on prompts of μ + μ'(μ'/μ ≥ M), the chain of Proposition D.5",
    )]
}

/// The same two policies on prompts of two distributions.
pub(super) fn check_shift(ratios: &mut Sides, stream: &mut Stream) {
    let (prompts, spread) = (between(2, 6, stream), 12.0 * stream.uniform());
    let [old, new] = [(); 2].map(|()| distribution(prompts, spread, stream));
    let policies: Vec<(Vec<f64>, Vec<f64>)> = (0..prompts)
        .map(|_| {
            let size = between(2, 12, stream);
            (distribution(size, spread, stream), distribution(size, spread, stream))
        })
        .collect();
    let shifted = log_ratios(&new, &old);
    for n in BUDGETS {
        let each: Vec<f64> = policies.iter().map(|(p, q)| cov(p, &log_ratios(p, q), n.ln())).collect();
        for m in [1.0, 1.5, 2.0, 4.0, 16.0] {
            let bound = chain_bound(m, mean(&old, &each), cov(&new, &shifted, f64::ln(m)));
            ratios.check("shift", mean(&new, &each), bound);
        }
    }
}
