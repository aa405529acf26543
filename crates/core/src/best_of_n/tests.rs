use super::*;
use crate::error::Code;
use crate::golden;
use crate::random::{Purpose, Stream};
use crate::resample::Draws;
use crate::statistics::{BoundedMean, Count};
use crate::{Control, Workers};

fn compare(counts: &SampleCounts, options: &PassAtKOptions, threads: usize) -> PassAtKComparison {
    compare_pass_at_k(counts, options, &Workers::new(Some(threads)).unwrap(), &Control::new()).unwrap()
}

#[test]
fn golden_pass_at_k() {
    let Some(file) = golden::read("pass-at-k") else { return };
    for case in file["cases"].as_array().unwrap() {
        #[expect(clippy::cast_possible_truncation, reason = "small golden counts")]
        let field = |name: &str| case[name].as_u64().unwrap() as u32;
        let value = pass_at_k(field("n"), field("c"), field("k")).unwrap();
        assert!((value - case["passAtK"].as_f64().unwrap()).abs() < 1e-12);
    }
}

fn three_models() -> SampleCounts {
    let samples = vec![10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 3, 10];
    let correct = vec![1, 5, 0, 10, 2, 6, 1, 10, 9, 9, 3, 9];
    SampleCounts::new(3, samples, correct).unwrap()
}

#[test]
fn means_picks_and_what_is_unknown() {
    let options = PassAtKOptions { k: vec![1, 4], ..Default::default() };
    let result = compare(&three_models(), &options, 1);
    let values = |k: usize| result.per_k[k].values.iter().map(|estimate| estimate.value).collect::<Vec<_>>();
    assert!((values(0)[0].unwrap() - 0.4).abs() < 1e-15);
    assert_eq!((result.per_k[0].pick, result.per_k[1].pick), (Some(2), Some(1)));
    assert_eq!(values(1)[2], None);
    assert_eq!(result.per_k[1].too_few_samples, [0, 0, 1]);
    assert!(result.per_k[1].values[2].reason.as_ref().unwrap().contains("1 of 4 problems"));
    assert_eq!(result.least_samples, [10, 10, 3]);
    let shares = result.per_k[1].pick_shares.as_ref().unwrap();
    assert_eq!(shares[2], 0.0);
    assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    for estimate in result.per_k[0].values.iter() {
        assert!(estimate.interval.unwrap().contains(estimate.value.unwrap()));
    }
}

#[test]
fn possible_winners_hold_the_best_and_lose_who_is_shown_to_be_below() {
    // Models of success 0.2, 0.5 and 0.5 on problems alike: counts of 10 samples a problem.
    let problems = 300;
    let mut stream = Stream::new(5, Purpose::Synthetic, 0);
    let mut draw = |p: f64| (0..10).filter(|_| stream.uniform() < p).count() as u32;
    let correct: Vec<u32> = [0.2, 0.5, 0.5].into_iter().flat_map(|p| [p; 300]).map(&mut draw).collect();
    let many = SampleCounts::new(3, vec![10; 3 * problems], correct).unwrap();
    let result = compare(&many, &PassAtKOptions { k: vec![1, 2], ..Default::default() }, 2);
    assert!(result.per_k.iter().all(|at| at.possible_winners == [1, 2]));
    // One problem shows nothing, equals are never told apart, and what is not known cannot be said to be best.
    let of = |samples: Vec<u32>, correct: Vec<u32>| {
        let counts = SampleCounts::new(2, samples, correct).unwrap();
        compare(&counts, &PassAtKOptions { k: vec![4], ..Default::default() }, 1).per_k[0].possible_winners.clone()
    };
    assert_eq!(of(vec![10, 10], vec![0, 10]), [0, 1]);
    assert_eq!(of(vec![10; 200], [vec![5; 100], vec![5; 100]].concat()), [0, 1]);
    assert_eq!(of(vec![3, 10], vec![0, 10]), [1]);
    assert_eq!(of(vec![3, 3], vec![0, 1]), [0_usize; 0]);
}

#[test]
fn possible_winners_are_all_models_that_may_be_best_as_often_as_is_said() {
    // Five models alike over problems of differing difficulty: each is truly best, so none may be missing too often. That a
    // named one is missing is a false exclusion of a best model.
    let mut missed = 0;
    for seed in 0..400 {
        let mut stream = Stream::new(seed, Purpose::Synthetic, 1);
        let chances: Vec<f64> = (0..40).map(|_| stream.uniform().powi(3)).collect();
        let correct = (0..5 * 40).map(|cell| (0..8).filter(|_| stream.uniform() < chances[cell % 40]).count() as u32);
        let counts = SampleCounts::new(5, vec![8; 5 * 40], correct.collect()).unwrap();
        let options = PassAtKOptions { k: vec![1, 4], replicates: 0, ..Default::default() };
        missed += u32::from(compare(&counts, &options, 2).per_k.iter().any(|at| !at.possible_winners.contains(&0)));
    }
    // 5 % of 400 and three standard errors.
    assert!(missed <= 33, "{missed} of 400");
}

#[test]
fn intervals_are_betting_intervals_over_problems_and_never_of_zero_width() {
    let options = PassAtKOptions { k: vec![2], replicates: 0, confidence: 0.8, ..Default::default() };
    let interval = compare(&three_models(), &options, 2).per_k[0].values[1].interval.unwrap();
    let values: Vec<f64> = [2, 6, 1, 10].iter().map(|&c| pass_at_k(10, c, 2).unwrap()).collect();
    assert_eq!(interval, BoundedMean::new(&values).interval(0.8));
    for correct in [0, 10] {
        let alike = SampleCounts::new(1, vec![10; 5], vec![correct; 5]).unwrap();
        let interval = compare(&alike, &PassAtKOptions::default(), 1).per_k[0].values[0].interval.unwrap();
        assert!(interval.contains(f64::from(correct) / 10.0) && interval.high - interval.low > 0.3, "{interval:?}");
    }
}

#[test]
fn pick_shares_are_those_of_resampled_problems() {
    let options = PassAtKOptions { k: vec![2], replicates: 50, seed: 9, confidence: 0.8, ..Default::default() };
    let shares = compare(&three_models(), &options, 2).per_k[0].pick_shares.clone().unwrap();
    let of = |correct: [u32; 4], samples: [u32; 4], times: &[u32; 4]| -> f64 {
        (0..4).map(|p| f64::from(times[p]) * pass_at_k(samples[p], correct[p], 2).unwrap()).sum()
    };
    let draws = Draws::new(4).unwrap();
    let (mut times, mut wins) = ([0; 4], [0; 3]);
    for replicate in 0..50 {
        draws.times(9, replicate, &mut times);
        let sums = [
            of([1, 5, 0, 10], [10; 4], &times),
            of([2, 6, 1, 10], [10; 4], &times),
            of([9, 9, 3, 9], [10, 10, 3, 10], &times),
        ];
        wins[(1..3).fold(0, |best, model| if sums[model] > sums[best] { model } else { best })] += 1;
    }
    assert_eq!(shares, wins.map(|wins| f64::from(wins) / 50.0));
}

#[test]
fn a_budget_beyond_the_samples_is_extrapolated_beside_the_null() {
    let counts = SampleCounts::new(1, vec![20; 40], (0..40).map(|i| i * 3 % 17).collect()).unwrap();
    let result = compare(&counts, &PassAtKOptions { k: vec![20, 40, 400], ..Default::default() }, 1);
    assert_eq!((result.per_k[0].extrapolated[0], result.per_k[1].values[0].value), (None, None));
    let known = result.per_k[0].values[0].value.unwrap();
    let beyond: Vec<f64> = result.per_k[1..].iter().map(|entry| entry.extrapolated[0].unwrap()).collect();
    assert!(known < beyond[0] + 0.02 && beyond[0] < beyond[1] && beyond[1] <= 1.0, "{known} {beyond:?}");
    let fit = result.fits[0].unwrap();
    let chances: f64 = (0..40).map(|i| fit.success_within(Count { trials: 20, successes: i * 3 % 17 }, 40)).sum();
    assert!((beyond[0] - chances / 40.0).abs() < 1e-12);
}

#[test]
fn a_base_gives_the_others_their_ratios() {
    let options = PassAtKOptions { k: vec![1], base: Some(0), ..Default::default() };
    let ratios = compare(&three_models(), &options, 2).per_k[0].coverage_ratios.clone().unwrap();
    assert!(ratios[0].is_none() && ratios[1].is_some() && ratios[2].is_some());
    let bad = PassAtKOptions { base: Some(3), ..Default::default() };
    let error = compare_pass_at_k(&three_models(), &bad, &Workers::sequential(), &Control::new()).unwrap_err();
    assert_eq!(error.place.field.as_deref(), Some("base"));
}

#[test]
fn same_bits_at_every_number_of_threads() {
    let options = PassAtKOptions { k: vec![1, 2, 4], replicates: 200, ..Default::default() };
    let first = compare(&three_models(), &options, 1);
    for threads in [2, 3, 8] {
        assert_eq!(compare(&three_models(), &options, threads), first);
    }
}

#[test]
fn nothing_known_and_no_bootstrap() {
    let options = PassAtKOptions { k: vec![11, 3], replicates: 0, ..Default::default() };
    let result = compare(&three_models(), &options, 1);
    assert_eq!((result.per_k[0].pick, &result.per_k[0].pick_shares), (None, &None));
    assert!(result.per_k[1].values[0].value.is_some() && result.per_k[1].values[0].interval.is_some());
    assert_eq!(result.per_k[1].pick, Some(2));
}

#[test]
fn bad_counts_and_options_are_errors() {
    let new = |models, samples, correct| SampleCounts::new(models, samples, correct).unwrap_err();
    assert_eq!(new(0, vec![], vec![]).code, Code::TooFewModels);
    assert_eq!(new(2, vec![], vec![]).code, Code::NoResponses);
    assert_eq!(new(2, vec![1, 2, 3], vec![1, 2, 3]).code, Code::ShapeMismatch);
    let place = new(2, vec![1, 2, 3, 4], vec![1, 2, 3, 5]).into_fault().place;
    assert_eq!((place.model, place.response), (Some(1), Some(1)));
    let field = |options| {
        let result = compare_pass_at_k(&three_models(), &options, &Workers::sequential(), &Control::new());
        result.unwrap_err().into_fault().place.field.unwrap()
    };
    assert_eq!(field(PassAtKOptions { k: vec![], ..Default::default() }), "k");
    assert_eq!(field(PassAtKOptions { k: vec![1, 0], ..Default::default() }), "k[1]");
    assert_eq!(field(PassAtKOptions { replicates: 2_000_000, ..Default::default() }), "replicates");
    assert_eq!(field(PassAtKOptions { confidence: 1.0, ..Default::default() }), "confidence");
}
