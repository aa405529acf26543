//! Every inequality is tested and holds; one that does not would be seen.

use coverage_principle_core::random::Purpose;

use super::*;

fn greatest(of: Drawn, trials: u64) -> BTreeMap<&'static str, f64> {
    let study = Inequalities::new(&InequalitiesOptions { of }).unwrap();
    let budgets = Ratios::new(&[2.0]).unwrap();
    let mut greatest: BTreeMap<&'static str, f64> = BTreeMap::new();
    for trial in 0..trials {
        let mut stream = Stream::new(0, Purpose::Data, trial);
        let estimates = study.trial(&budgets, &mut stream, &Control::new()).unwrap();
        for (&name, &ratio) in &estimates[0].details {
            let most = greatest.entry(name).or_insert(ratio);
            *most = most.max(ratio);
        }
    }
    let claimed: Vec<&str> = study.describe().claims.iter().filter_map(|claim| claim.detail).collect();
    assert!(claimed.iter().all(|name| greatest.contains_key(name)), "{claimed:?} {greatest:?}");
    greatest
}

#[test]
fn every_inequality_comes_close_to_equality_and_none_is_broken() {
    for (of, trials) in [
        (Drawn::Distributions, 1000),
        (Drawn::Bernoulli, 200),
        (Drawn::Answers, 1000),
        (Drawn::Shift, 500),
        (Drawn::Trees, 60),
        (Drawn::LinearModels, 60),
        (Drawn::BestOfN, 500),
    ] {
        for (name, ratio) in greatest(of, trials) {
            let least = if name == "D_seq" { 0.0 } else { 0.1 };
            assert!(ratio <= 1.0 + 1e-9 && ratio >= least, "{of:?} {name}: {ratio}");
        }
    }
}

#[test]
fn a_left_side_above_the_right_one_is_seen_and_none_at_all_is_not_reported() {
    let mut ratios = Sides::default();
    ratios.check("a", 0.5, 1.0);
    ratios.check("a", 2.0, 1.0);
    ratios.check("b", 0.0, 1.0);
    assert!((ratios.0["a"] - 2.0).abs() < 1e-9 && !ratios.0.contains_key("b"));
}

/// The marginals of answers may well have the greater Cov_N: half of an answer's probability is on a reasoning that π̂
/// rules out, the other half just within N of it; together they are beyond N.
#[test]
fn coverage_of_answers_may_exceed_that_of_the_whole() {
    let (p, q) = ([0.5, 0.5], [1e-6, 0.24]);
    let whole = log_ratios(&p, &q);
    let answer = (1.0f64 / (q[0] + q[1])).ln();
    assert!(answer >= 4f64.ln());
    assert!((cov(&p, &whole, 4f64.ln()) - 0.5).abs() < 1e-12);
}
