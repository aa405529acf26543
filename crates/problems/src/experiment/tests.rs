//! When claims are decided, which candidates count, and that threads do not matter.

use coverage_principle_core::statistics::Interval;

use super::*;
use crate::instance::{Claim, Quantity};

fn options(json: &str) -> ExperimentOptions {
    serde_json::from_str(json).unwrap()
}

fn run(options: &ExperimentOptions, threads: usize) -> ExperimentResult {
    experiment(options, &Workers::new(Some(threads)).unwrap(), &Control::new()).unwrap()
}

const SWEEP: &str = r#"{"seed": 3, "sweeps": [{
    "replicates": 200, "values": true,
    "points": [
        {"x": 50, "N": [2], "candidates": [{"key": 1, "group": "rare", "problem": {"name": "bernoulli", "responses": 50}},
            {"key": 2, "group": null, "problem": {"name": "bernoulli", "responses": 50, "p": 0.5}}]},
        {"x": 100, "N": [2], "candidates": [{"key": 1, "group": "rare", "problem": {"name": "bernoulli", "responses": 100}},
            {"key": 2, "group": null, "problem": {"name": "bernoulli", "responses": 100, "p": 0.5}}]},
        {"x": 200, "N": [2], "candidates": [{"key": 1, "group": "rare", "problem": {"name": "bernoulli", "responses": 200}},
            {"key": 2, "group": null, "problem": {"name": "bernoulli", "responses": 200, "p": 0.5}}]}
    ],
    "series": [
        {"group": null, "estimator": "mle", "quantity": {"kind": "cov", "N": null}, "choice": {"kind": "greatest"}, "over": null},
        {"group": null, "estimator": "mle", "quantity": {"kind": "cov", "N": 2}, "choice": {"kind": "key", "key": 1}, "over": null},
        {"group": null, "estimator": "mle", "quantity": {"kind": "cov", "N": 2}, "choice": {"kind": "key", "key": 1}, "over": 1},
        {"group": "rare", "estimator": "mle", "quantity": {"kind": "kl"}, "choice": {"kind": "first"}, "over": null}
    ],
    "claims": [
        {"series": 1, "of": "exponent", "relation": "equal", "value": -1, "tolerance": 0.3},
        {"series": 1, "of": "exponent", "relation": "atLeast", "value": 0, "tolerance": 0.1},
        {"series": 2, "of": "level", "relation": "atMost", "value": 1, "tolerance": 0.5},
        {"series": 3, "of": "exponent", "relation": "equal", "value": 0, "tolerance": 0.1}
    ]
}]}"#;

#[test]
fn series_and_claims_are_the_same_at_any_number_of_threads() {
    let options = options(SWEEP);
    let result = run(&options, 1);
    assert_eq!(result, run(&options, 2));
    let [sweep] = &result.sweeps[..] else { panic!("one sweep") };
    // p* = 1/n is missed, p* = 1/2 is not: the greatest is the former, measured on every other data set.
    let (greatest, first) = (&sweep.series[0], &sweep.series[1]);
    for (a, b) in greatest.iter().zip(first) {
        assert!((a.value - b.value).abs() < 5.0 * (a.standard_error + b.standard_error));
        assert!(a.standard_error > b.standard_error);
    }
    assert!(sweep.series[2].iter().all(|point| (point.value - 1.0).abs() < 1e-12));
    let holds: Vec<Option<bool>> = sweep.findings.iter().map(|finding| finding.holds).collect();
    assert_eq!(holds, [Some(true), Some(false), Some(true), None]);
    // KL is infinite in some trial: no exponent.
    assert!(sweep.findings[3].reason.as_ref().unwrap().contains("infinite") && sweep.series[3].is_empty());
    // The values that the instance claims of itself, at six points. Two are of what has a chance of 2^-49 where p* = 1/2:
    // that no trial shows it is no miss, and no proof either.
    let values: Vec<_> = result.values.iter().map(|value| (value.points, value.finding.holds)).collect();
    assert_eq!(values, [(6, None), (6, Some(true)), (6, None)]);
}

#[test]
fn a_claim_holds_only_where_the_whole_interval_does() {
    let interval = |low, high| Interval { low, high };
    for (low, high, relation, expected) in [
        (0.9, 1.1, Relation::Equal, Some(true)),
        (0.8, 1.1, Relation::Equal, None),
        (1.2, 1.3, Relation::Equal, Some(false)),
        (-9.0, 1.1, Relation::AtMost, Some(true)),
        (1.0, 1.2, Relation::AtMost, None),
        (1.2, 1.3, Relation::AtMost, Some(false)),
        (0.9, 9.0, Relation::AtLeast, Some(true)),
        (0.8, 9.0, Relation::AtLeast, None),
        (0.5, 0.8, Relation::AtLeast, Some(false)),
    ] {
        assert_eq!(decide(interval(low, high), relation, 1.0, 0.1), expected, "{low} {high} {relation:?}");
    }
}

#[test]
fn where_a_share_passes_a_level_is_interpolated() {
    // Misses at key k with probability 1/k, by the trial's number.
    let description = crate::build(&crate::registry::default_options("bernoulli")).unwrap().describe();
    let candidate = |key: f64| Tried {
        key,
        group: None,
        description: description.clone(),
        budgets: Ratios::new(&[2.0]).unwrap(),
        trials: (0..1000)
            .map(|trial| {
                let details =
                    std::iter::once(("misses", f64::from(u8::from(f64::from(trial) < 1000.0 / key)))).collect();
                vec![Estimate { estimator: "mle", kl: 0.0, cov: vec![0.0], details }]
            })
            .collect(),
    };
    let points = [TriedPoint { x: 3.0, candidates: [2.0, 4.0, 16.0, 64.0].map(candidate).into() }];
    let series = SeriesOptions {
        group: None,
        estimator: "mle".to_owned(),
        quantity: Measure::Detail { name: "misses".to_owned() },
        choice: Choice::Crossing { level: 0.1 },
        over: None,
    };
    let [point] = series::measure(&series, &points).unwrap()[..] else { panic!("one point") };
    assert!((point.value - 10.0).abs() < 0.2 && point.standard_error > 0.1 && point.standard_error < 3.0, "{point:?}");
}

#[test]
fn a_claim_that_is_certain_fails_by_a_single_trial_and_one_never_tested_is_undecided() {
    let mut description = crate::build(&crate::registry::default_options("bernoulli")).unwrap().describe();
    description.claims = vec![
        Claim::detail("nowhere", "a", Relation::AtMost, "a ≤ 2").value(2.0).with_probability(1.0),
        Claim::detail("nowhere", "b", Relation::AtMost, "b ≤ 2").value(2.0).with_probability(1.0),
        Claim::new("nowhere", Quantity::Cov, Relation::AtMost, "Cov ≤ 0 mostly")
            .at(2.0)
            .value(0.0)
            .with_probability(0.5),
    ];
    let trial = |value: f64, cov: f64| {
        let details = std::iter::once(("a", value)).collect();
        vec![Estimate { estimator: "mle", kl: 0.0, cov: vec![cov], details }]
    };
    let mut trials: Vec<_> = (0..99).map(|index| trial(1.0, f64::from(index % 4 / 3))).collect();
    let tried = |trials: &Vec<Vec<Estimate>>| {
        let budgets = Ratios::new(&[2.0]).unwrap();
        let candidate =
            Tried { key: 0.0, group: None, description: description.clone(), budgets, trials: trials.clone() };
        [TriedPoint { x: 1.0, candidates: vec![candidate] }]
    };
    let found = values::findings(tried(&trials).iter());
    assert_eq!(found.iter().map(|each| each.finding.holds).collect::<Vec<_>>(), [Some(true), None, Some(true)]);
    assert_eq!(found[0].finding.measured, Some(0.5));
    trials.push(trial(2.1, 0.0));
    let found = values::findings(tried(&trials).iter());
    assert_eq!(found[0].finding.holds, Some(false));
}

#[test]
fn what_is_wrong_is_named() {
    let wrong = |from: &str, to: &str| {
        let options = options(&SWEEP.replacen(from, to, 1));
        experiment(&options, &Workers::sequential(), &Control::new()).unwrap_err().into_fault().place.field.unwrap()
    };
    assert_eq!(
        wrong(r#""responses": 50}"#, r#""responses": 0}"#),
        "sweeps[0].points[0].candidates[0].problem.responses"
    );
    assert_eq!(wrong(r#""replicates": 200"#, r#""replicates": 0"#), "sweeps[0].replicates");
    assert_eq!(wrong(r#""series": 1, "of""#, r#""series": 9, "of""#), "sweeps[0].claims[0].series");
    assert_eq!(wrong(r#""estimator": "mle""#, r#""estimator": "sgd""#), "estimator");
}
