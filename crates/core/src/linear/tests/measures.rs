//! Inequalities between measures (§2, §3 and Appendix D of the paper) on random problems.

use proptest::prelude::*;

use super::random_problem;
use crate::linear::exact::{ExactOptions, measure};
use crate::linear::*;
use crate::parallel::Workers;
use crate::progress::Control;

const N: [f64; 6] = [1.05, 1.5, 2.0, 3.0, 4.0, 9.0];
const SLACK: f64 = 1e-10;

fn check_inequalities(data: &DataDistribution, policy: &dyn Policy) -> std::result::Result<(), TestCaseError> {
    let options = ExactOptions { n: N.to_vec(), ..Default::default() };
    let (measures, profile) = measure(data, policy, &options, &Workers::sequential(), &Control::new()).unwrap();
    prop_assert!((profile.tails.last().unwrap() - 1.0).abs() < 1e-12);
    prop_assert!(measures.kl <= measures.log_w_max + SLACK);
    prop_assert!(2.0 * measures.squared_hellinger <= measures.kl + SLACK);
    for (k, &n) in N.iter().enumerate() {
        let (log_n, coverage) = (n.ln(), measures.coverage[k]);
        // Proposition 3.1 in the sharper form of D.1.
        prop_assert!(coverage * (log_n - 1.0 + 1.0 / n) <= measures.kl + SLACK);
        // D.4.
        prop_assert!(coverage <= 2.0 * n / (n.sqrt() - 1.0).powi(2) * measures.squared_hellinger + SLACK);
        // D.10.
        if n > std::f64::consts::E {
            prop_assert!(coverage <= 2.0 / (log_n - 1.0) * measures.stopped_kl[k] + SLACK);
        }
        prop_assert!(measures.stopped_kl[k] <= measures.kl.min(log_n) + SLACK);
        // Where π_D/π̂ ≥ M·N, the part of π_D above N·π̂ is at least 1 − 1/M of it.
        let m = 2.0;
        prop_assert!(profile.coverage(m * n) * (1.0 - 1.0 / m) <= measures.e_n[k] + SLACK);
    }
    // D.3: with C = sup_N Cov_N log N.
    let c = profile.log_ratios.iter().zip(&profile.tails).map(|(r, t)| r.max(0.0) * t).fold(0.0, f64::max);
    if c > 1e-12 {
        let log_w = measures.log_w_max;
        prop_assert!(measures.kl <= c * (1.0 + (log_w / c).ln().max(0.0)) + SLACK);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn measures_keep_the_inequalities(seed in 0u64..1000, vocabulary in 2usize..4, horizon in 1usize..5) {
        let (data, model) = random_problem(seed, vocabulary, 2, horizon, 3);
        check_inequalities(&data, &model)?;
        let test_time = TestTimeModel::new(model, 0.3, Constraint::default()).unwrap();
        check_inequalities(&data, &test_time)?;
    }

    /// D.5, the chain: Cov_{M1}(T‖π̂) ≤ M2 Cov_{M1/M2}(D‖π̂) + Cov_{M2}(T‖D).
    #[test]
    fn coverage_chains(seed in 0u64..1000) {
        let (data, model) = random_problem(seed, 3, 2, 3, 3);
        let (target, _) = random_problem(seed, 3, 2, 3, 3);
        let mixed = Mixture::new(vec![target.policy().clone(), std::sync::Arc::new(model.clone())], &[1.0, 1.0]).unwrap();
        let target = DataDistribution::new(PromptWeights::Uniform(2), std::sync::Arc::new(mixed), None).unwrap();
        let profile = |data: &DataDistribution, policy: &dyn Policy| {
            measure(data, policy, &ExactOptions::default(), &Workers::sequential(), &Control::new()).unwrap().1
        };
        let (to_model, from_data, to_data) =
            (profile(&target, &model), profile(&data, &model), profile(&target, &**data.policy()));
        for m2 in [1.1, 1.5, 2.0] {
            for m1 in [m2, 2.0 * m2, 4.0 * m2] {
                prop_assert!(to_model.coverage(m1) <= m2 * from_data.coverage(m1 / m2) + to_data.coverage(m2) + SLACK);
            }
        }
    }
}

#[test]
fn what_one_side_rules_out_is_counted() {
    let list = |responses: &[(&[u32], f64)]| {
        let responses = responses.iter().map(|(tokens, p)| (tokens.to_vec(), *p)).collect();
        Listed(ListInMemory::new(2, 2, &[responses]).unwrap())
    };
    let data = list(&[(&[0, 0], 0.5), (&[0, 1], 0.5)]);
    let model = list(&[(&[0, 0], 0.25), (&[1, 0], 0.75)]);
    let data = DataDistribution::new(PromptWeights::Uniform(1), std::sync::Arc::new(data), None).unwrap();
    let options = ExactOptions { n: vec![2.0, 3.0], ..Default::default() };
    let (measures, profile) = measure(&data, &model, &options, &Workers::sequential(), &Control::new()).unwrap();
    assert_eq!(measures.coverage, [1.0, 0.5]);
    assert_eq!(measures.uncovered_mass, 0.5);
    assert!(measures.kl.is_infinite() && measures.cross_entropy.is_infinite() && measures.log_w_max.is_infinite());
    assert_eq!(profile.log_ratios[0], f64::INFINITY);
    let expected = 1.0 - (0.5f64 * 0.25).sqrt();
    assert!((measures.squared_hellinger - expected).abs() < 1e-15);
    assert!((measures.e_n[0] - 0.75).abs() < 1e-15, "{:?}", measures.e_n);
    assert!(serde_json::to_string(&measures).unwrap().contains("\"kl\":null"));
}

#[test]
fn estimates_cover_the_exact_measures() {
    use crate::linear::monte_carlo::{MonteCarloOptions, estimate, estimate_inherent_variance};
    let (data, model) = random_problem(31, 3, 2, 3, 3);
    let test_time = TestTimeModel::new(model.clone(), 0.3, Constraint::default()).unwrap();
    let control = Control::new();
    // Five standard errors or so: a failure is a bug and not bad luck.
    let options =
        MonteCarloOptions { n: vec![1.2, 2.0, 4.0], samples: 4_000, confidence: 1.0 - 1e-6, ..Default::default() };
    let policies: [&dyn Policy; 2] = [&model, &test_time];
    for policy in policies {
        let of = |threads| estimate(&data, policy, &options, &Workers::new(Some(threads)).unwrap(), &control).unwrap();
        let (estimates, profile) = of(1);
        assert_eq!((&estimates, &profile), (&of(3).0, &of(3).1), "the same at any number of threads");
        let asked = ExactOptions { n: options.n.clone(), ..Default::default() };
        let (exact, exact_profile) = measure(&data, policy, &asked, &Workers::sequential(), &control).unwrap();
        let mut pairs = vec![
            (&estimates.kl, exact.kl),
            (&estimates.cross_entropy, exact.cross_entropy),
            (&estimates.squared_hellinger, exact.squared_hellinger),
        ];
        for k in 0..3 {
            pairs.push((&estimates.coverage[k], exact.coverage[k]));
            pairs.push((&estimates.stopped_kl[k], exact.stopped_kl[k]));
            pairs.push((&estimates.e_n[k], exact.e_n[k]));
        }
        for (estimate, exact) in pairs {
            let interval = estimate.interval.unwrap();
            assert!((interval.low - 1e-9..=interval.high + 1e-9).contains(&exact), "{estimate:?} {exact}");
            assert!(interval.high - interval.low < 0.6);
        }
        for n in [1.1, 1.7, 3.0, 9.0] {
            assert!((profile.coverage(n) - exact_profile.coverage(n)).abs() <= estimates.band_half_width);
        }
        assert!(estimates.greatest_log_ratio <= exact.log_w_max + 1e-12 && estimates.log_w_max.value.is_none());
    }
    let workers = Workers::sequential();
    let variance = estimate_inherent_variance(&data, &**model.features(), &options, &workers, &control).unwrap();
    let exact = exact::inherent_variance(&data, &**model.features(), 1 << 20, &workers, &control).unwrap();
    let interval = variance.interval.unwrap();
    assert!((interval.low..=interval.high).contains(&exact));
}
