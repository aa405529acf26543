use super::*;
use crate::error::Code;
use crate::golden;
use crate::resample::multiplicities;
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
fn replicates_are_plain_means_over_the_resampled_problems() {
    let counts = three_models();
    let options = PassAtKOptions { k: vec![2], replicates: 50, seed: 9, confidence: 0.8 };
    let result = compare(&counts, &options, 2);
    let mut means = Vec::new();
    let mut times = [0; 4];
    for replicate in 0..50 {
        multiplicities(9, replicate, &mut times).unwrap();
        let sum: f64 = (0..4).map(|p| f64::from(times[p]) * pass_at_k(10, [2, 6, 1, 10][p], 2).unwrap()).sum();
        means.push(sum / 4.0);
    }
    means.sort_by(f64::total_cmp);
    // Quantiles at 0.1 and 0.9 of 50 values lie at positions 4.9 and 44.1.
    let interval = result.per_k[0].values[1].interval.unwrap();
    assert!((interval.low - (means[4] + 0.9 * (means[5] - means[4]))).abs() < 1e-12);
    assert!((interval.high - (means[44] + 0.1 * (means[45] - means[44]))).abs() < 1e-12);
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
    assert!(result.per_k[1].values[0].value.is_some() && result.per_k[1].values[0].interval.is_none());
    assert_eq!(result.per_k[1].pick, Some(2));
}

#[test]
fn bad_counts_and_options_are_errors() {
    let new = |models, samples, correct| SampleCounts::new(models, samples, correct).unwrap_err();
    assert_eq!(new(0, vec![], vec![]).code, Code::TooFewModels);
    assert_eq!(new(2, vec![], vec![]).code, Code::NoResponses);
    assert_eq!(new(2, vec![1, 2, 3], vec![1, 2, 3]).code, Code::ShapeMismatch);
    let place = new(2, vec![1, 2, 3, 4], vec![1, 2, 3, 5]).place;
    assert_eq!((place.model, place.response), (Some(1), Some(1)));
    let field = |options| {
        let result = compare_pass_at_k(&three_models(), &options, &Workers::sequential(), &Control::new());
        result.unwrap_err().place.field.unwrap()
    };
    assert_eq!(field(PassAtKOptions { k: vec![], ..Default::default() }), "k");
    assert_eq!(field(PassAtKOptions { k: vec![1, 0], ..Default::default() }), "k[1]");
    assert_eq!(field(PassAtKOptions { replicates: 2_000_000, ..Default::default() }), "replicates");
    assert_eq!(field(PassAtKOptions { confidence: 1.0, ..Default::default() }), "confidence");
}
