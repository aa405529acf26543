use proptest::prelude::*;

use super::*;
use crate::error::Code;
use crate::golden;
use crate::random::{Purpose, Stream};
use crate::statistics::Interval;
use crate::tournament::Ratios;
use crate::{Control, LogProbs, Workers};

const NONE: f64 = f64::NEG_INFINITY;

fn profiles(models: Vec<Vec<f64>>, reference: Vec<f64>, options: &CoverageProfileOptions) -> CoverageProfiles {
    let models = LogProbs::from_f64(models).unwrap();
    let reference = LogProbs::from_f64(vec![reference]).unwrap();
    coverage_profiles(&models, &reference, None, options, &Workers::sequential(), &Control::new()).unwrap()
}

#[test]
fn golden_coverage() {
    let Some(file) = golden::read("coverage") else { return };
    for case in file["cases"].as_array().unwrap() {
        let options = CoverageProfileOptions { n: golden::row(&case["N"]), ..Default::default() };
        let result = profiles(vec![golden::row(&case["logQ"])], golden::row(&case["logP"]), &options);
        for (at, expected) in result.models[0].coverage.iter().zip(golden::row(&case["coverage"])) {
            assert!((at.value - expected).abs() < 1e-12);
            assert!(at.interval.contains(at.value) && at.band.contains(at.value));
        }
    }
}

#[test]
fn conventions_for_vanishing_probabilities() {
    let options = CoverageProfileOptions { n: vec![1.0, 4.0], ..Default::default() };
    let result = profiles(vec![vec![-2.0, NONE, -1.0, NONE]], vec![-1.0, -1.0, NONE, NONE], &options);
    let model = &result.models[0];
    assert_eq!((model.infinite, model.impossible, model.log_w_max), (1, 2, None));
    assert_eq!((model.coverage[0].count, model.coverage[1].count), (2, 1));
    assert!(model.kl.value.is_none() && model.kl.reason.as_ref().unwrap().contains("rules out 2 of 4"));
    assert!(result.cross_entropy[0].reason.as_ref().unwrap().contains("infinite"));
    let result = profiles(vec![vec![-2.0, NONE]], vec![-1.0, -1.0], &options);
    assert!(result.models[0].kl.reason.as_ref().unwrap().contains("KL divergence is infinite"));
    assert_eq!(result.models[0].hellinger.value, Some(0.5 * (1.0 - (-0.5_f64).exp()) + 0.5));
}

#[test]
fn known_distribution_is_estimated_within_its_intervals() {
    // π_D = Ber(½) and π̂ = Ber(1/8): Cov_4 = ½, KL = ½ ln 4 + ½ ln(4/7).
    let mut stream = Stream::new(1, Purpose::Data, 0);
    let ones: Vec<bool> = (0..4000).map(|_| stream.uniform() < 0.5).collect();
    let reference = vec![0.5_f64.ln(); ones.len()];
    let model = ones.iter().map(|&one| if one { 0.125_f64.ln() } else { 0.875_f64.ln() }).collect();
    let options = CoverageProfileOptions { n: vec![1.0, 2.0, 3.999], confidence: 0.999, points: 3 };
    let result = profiles(vec![model], reference, &options);
    let profile = &result.models[0];
    assert!(profile.coverage[2].interval.contains(0.5) && profile.coverage[2].band.contains(0.5));
    let kl = 0.5 * 4.0_f64.ln() + 0.5 * (4.0_f64 / 7.0).ln();
    assert!(profile.kl.interval.unwrap().contains(kl));
    assert_eq!(profile.coverage[0].kl_bound, None);
    assert_eq!(profile.coverage[1].kl_bound, coverage_bound_from_kl(profile.kl.value.unwrap(), 2.0));
    let hellinger = 1.0 - (0.5_f64 * 0.125).sqrt() - (0.5_f64 * 0.875).sqrt();
    assert!(profile.hellinger.interval.unwrap().contains(hellinger));
    // E_2: one side is ½ − 2/8 = ¼, the other nothing.
    assert!(profile.coverage[1].e_divergence.interval.unwrap().contains(0.25));
    // E_1 is the total variation 3/8 on both sides.
    assert!(profile.coverage[0].e_divergence.interval.unwrap().contains(0.375));
    assert!((profile.log_w_max.unwrap() - 4.0_f64.ln()).abs() < 1e-15);
}

#[test]
fn prompts_that_repeat_are_the_units_of_every_interval() {
    // Ten prompts of twenty responses each, all alike inside: as ten responses, hardly as two hundred.
    let mut stream = Stream::new(3, Purpose::Data, 0);
    let of_prompt: Vec<f64> = (0..10).map(|_| stream.normal() - 1.0).collect();
    let labels: Vec<u32> = (0..200).map(|i| i / 20 + 5).collect();
    let model = labels.iter().map(|&label| of_prompt[label as usize - 5] - 1.0).collect();
    let (models, reference) =
        (LogProbs::from_f64(vec![model]).unwrap(), LogProbs::from_f64(vec![vec![-1.5; 200]]).unwrap());
    let options = CoverageProfileOptions::default();
    let run = |prompts: Option<&[u32]>| {
        coverage_profiles(&models, &reference, prompts, &options, &Workers::sequential(), &Control::new())
    };
    let (plain, by_prompt) = (run(None).unwrap(), run(Some(&labels)).unwrap());
    assert_eq!((plain.prompts, by_prompt.prompts), (None, Some(10)));
    let width = |interval: Interval| interval.high - interval.low;
    for (narrow, wide) in plain.models[0].coverage.iter().zip(&by_prompt.models[0].coverage) {
        assert_eq!(narrow.value, wide.value);
        assert!(width(wide.interval) > 2.0 * width(narrow.interval) && width(wide.band) > 2.0 * width(narrow.band));
    }
    let kl = |profiles: &CoverageProfiles| width(profiles.models[0].kl.interval.unwrap());
    assert!(kl(&by_prompt) > 3.0 * kl(&plain));
    assert!(by_prompt.models[0].kl.warning.as_ref().unwrap().contains("Only 10 prompts"));
    assert!(
        width(by_prompt.cross_entropy[0].interval.unwrap()) > 3.0 * width(plain.cross_entropy[0].interval.unwrap())
    );
    // Labels that do not repeat change nothing.
    let apart: Vec<u32> = (0..200).collect();
    assert_eq!(run(Some(&apart)).unwrap(), plain);
    assert_eq!(run(Some(&labels[1..])).unwrap_err().code, Code::ShapeMismatch);
}

#[test]
fn an_impossible_kl_and_a_sum_that_few_responses_carry_are_said() {
    let options = CoverageProfileOptions::default();
    let mut stream = Stream::new(4, Purpose::Data, 0);
    let noise: Vec<f64> = (0..500).map(|_| 0.3 * stream.normal()).collect();
    // The model gives the responses more than the reference does: they are the model's own.
    let own = profiles(vec![noise.iter().map(|z| -5.0 + z).collect()], vec![-6.0; 500], &options);
    assert!(own.models[0].kl.warning.as_ref().unwrap().contains("were not drawn from the reference"));
    // PD.2's shape: one response in two hundred carries the sum.
    let rare: Vec<f64> = (0..500).map(|i| if i % 200 == 7 { -8.0 } else { -1.0 + 1e-3 * noise[i] }).collect();
    let rare = profiles(vec![rare], vec![-1.0; 500], &options);
    assert!(rare.models[0].kl.warning.as_ref().unwrap().contains("the largest 5 carry"), "{:?}", rare.models[0].kl);
    let mild = profiles(vec![noise.iter().map(|z| -6.1 + z).collect()], vec![-6.0; 500], &options);
    assert_eq!(mild.models[0].kl.warning, None);
}

#[test]
fn no_interval_is_of_zero_width() {
    let result = profiles(vec![vec![-1.0; 50]], vec![-1.0; 50], &CoverageProfileOptions::default());
    let model = &result.models[0];
    assert_eq!((model.kl.value, model.kl.interval), (Some(0.0), None));
    assert!(model.kl.reason.as_ref().unwrap().contains("All values are equal"));
    let width = |interval: Interval| interval.high - interval.low;
    assert!(width(model.hellinger.interval.unwrap()) > 1e-3);
    for at in &model.coverage {
        assert!(width(at.interval) > 1e-3 && width(at.e_divergence.interval.unwrap()) > 1e-3);
    }
}

#[test]
fn same_bits_at_every_number_of_threads() {
    let mut stream = Stream::new(2, Purpose::Synthetic, 0);
    let models = (0..9).map(|_| (0..300).map(|_| -30.0 * stream.uniform()).collect()).collect();
    let models = LogProbs::from_f64(models).unwrap();
    let reference = models.select_models(&[4]).unwrap();
    let run = |threads| {
        let workers = Workers::new(Some(threads)).unwrap();
        coverage_profiles(&models, &reference, None, &CoverageProfileOptions::default(), &workers, &Control::new())
            .unwrap()
    };
    let first = run(1);
    for threads in [2, 3, 8] {
        assert_eq!(run(threads), first);
    }
    assert_eq!(first.models[4].kl.value, Some(0.0));
    assert_eq!(first.models[4].coverage[0].count, 0);
}

#[test]
fn bad_options_and_shapes_are_errors() {
    let models = LogProbs::from_f64(vec![vec![-1.0, -2.0], vec![-1.0, -3.0]]).unwrap();
    let short = LogProbs::from_f64(vec![vec![-1.0]]).unwrap();
    let run = |reference: &LogProbs, options: &CoverageProfileOptions| {
        coverage_profiles(&models, reference, None, options, &Workers::sequential(), &Control::new()).unwrap_err()
    };
    let fine = CoverageProfileOptions::default();
    assert_eq!(run(&models, &fine).code, Code::ShapeMismatch);
    assert_eq!(run(&short, &fine).code, Code::ShapeMismatch);
    let field = |options| run(&models.select_models(&[0]).unwrap(), &options).into_fault().place.field.unwrap();
    assert_eq!(field(CoverageProfileOptions { confidence: f64::NAN, ..fine.clone() }), "confidence");
    assert_eq!(field(CoverageProfileOptions { points: 2, ..fine.clone() }), "points");
    assert_eq!(field(CoverageProfileOptions { n: vec![0.5], ..fine }), "N[0]");
    assert!(serde_json::from_str::<CoverageProfileOptions>(r#"{"M": [2]}"#).is_err());
    assert_eq!(serde_json::from_str::<CoverageProfileOptions>(r#"{"N": [3]}"#).unwrap().n, [3.0]);
}

proptest! {
    #[test]
    fn curve_points_are_exact(
        values in prop::collection::vec(prop_oneof![-3.0..9.0_f64, (0..5).prop_map(f64::from), Just(f64::INFINITY), Just(NONE)], 1..400),
        points in 3..60_usize,
    ) {
        let ratios = LogRatios::new(values.clone()).unwrap();
        let curve = StepCurve::of(&ratios, points);
        prop_assert!(curve.log_n.len() <= points && curve.log_n[0] == 0.0);
        prop_assert!(curve.log_n.windows(2).all(|pair| pair[0] < pair[1]));
        for (&log_n, &share) in curve.log_n.iter().zip(&curve.shares) {
            let count = values.iter().filter(|&&value| value >= log_n).count();
            prop_assert_eq!(share, count as f64 / values.len() as f64);
        }
        let greatest = values.iter().copied().filter(|value| value.is_finite()).fold(0.0, f64::max);
        prop_assert_eq!(*curve.log_n.last().unwrap(), greatest);
        let mut distinct: Vec<f64> = values.iter().copied().filter(|x| *x > 0.0 && x.is_finite()).collect();
        distinct.sort_by(f64::total_cmp);
        distinct.dedup();
        if distinct.len() < points {
            prop_assert_eq!(&curve.log_n[1..], distinct.as_slice());
        }
    }

    #[test]
    fn counts_are_those_of_a_plain_loop(
        pairs in prop::collection::vec((prop_oneof![-9.0..0.0_f64, Just(NONE)], prop_oneof![-9.0..0.0_f64, Just(NONE)]), 1..100),
        n in 1.0..20.0_f64,
    ) {
        let (p, q): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
        let ratios = LogRatios::between(&p, &q).unwrap();
        let budgets = Ratios::new(&[n]).unwrap();
        let mut count = 0;
        for &(p, q) in &pairs {
            if p > NONE && (q == NONE || p - q >= budgets.log_n()[0]) {
                count += 1;
            }
        }
        prop_assert_eq!(profile_of_log_ratios(&ratios, &budgets, None, 0.9).coverage[0].count, count);
    }
}
