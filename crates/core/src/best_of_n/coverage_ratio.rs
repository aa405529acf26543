//! The coverage ratio of a base and a tuned model (TailSFT, arXiv:2608.25756): what tuning lost of the problems that
//! the base could solve now and then, over what it gained.

use serde::Serialize;

use super::{SampleCounts, best_of_n_success, pass_at_k};
use crate::error::Result;
use crate::order;
use crate::parallel::Workers;
use crate::progress::Control;
use crate::random::{Purpose, Stream};
use crate::statistics::{BoundedMean, Interval, draw_binomial, percentile_interval, sorted_quantile};

/// Problems count whose unbiased Pass@K of the base lies strictly between these.
const UNDECIDED: (f64, f64) = (0.05, 0.95);
/// Where the search for a limit ends, on ρ/(1 + ρ).
const TOLERANCE: f64 = 1e-7;

/// A problem on which tuning changed the chance that K samples have a correct one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// Which problem.
    pub problem: usize,
    /// f_K(p_base), f_K(p) = 1 − (1 − p)^K at p = c/n.
    pub base: f64,
    /// f_K(p_tuned).
    pub tuned: f64,
}

/// ρ_K = L/G of one tuned model: L = Σ [f_K(p_base) − f_K(p_tuned)]₊ over the undecided problems, G the reverse.
///
/// Positive parts of noisy differences inflate both: see `null`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CoverageRatio {
    /// How many problems are undecided.
    pub problems: usize,
    /// L.
    pub lost: f64,
    /// G.
    pub gained: f64,
    /// L/G; `None` where G is 0 or unknown, for the reason given.
    pub value: Option<f64>,
    /// Its betting interval over problems, as of what these numbers of samples measure (noise included); `None` for the
    /// reason given.
    pub interval: Option<Interval>,
    /// Why `value` or `interval` is `None`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What noise alone would give.
    pub null: Option<NoiseAlone>,
    /// Problems with a loss, the greatest first; ties in input order.
    pub problems_lost: Vec<Change>,
    /// Problems with a gain, the greatest first; ties in input order.
    pub problems_won: Vec<Change>,
}

/// Figures of simulated counts of two models that are alike on every problem, each with the p = c/n of both together.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NoiseAlone {
    /// Simulations.
    pub replicates: u32,
    /// Mean L.
    pub lost: f64,
    /// Mean G.
    pub gained: f64,
    /// Median ρ_K, of the simulations that have one.
    pub value: Option<f64>,
    /// Central interval of ρ_K, likewise, at the confidence of the intervals.
    pub interval: Option<Interval>,
}

/// Differences f_K(base) − f_K(tuned) of the undecided problems.
fn changes(k: u32, base: (&[u32], &[u32]), tuned: (&[u32], &[u32])) -> Vec<Change> {
    let success = |(samples, correct): (&[u32], &[u32]), problem: usize| {
        best_of_n_success(f64::from(correct[problem]) / f64::from(samples[problem]), f64::from(k))
    };
    (0..base.0.len())
        .filter(|&problem| {
            pass_at_k(base.0[problem], base.1[problem], k)
                .is_some_and(|value| value > UNDECIDED.0 && value < UNDECIDED.1)
                && tuned.0[problem] > 0
        })
        .filter_map(|problem| Some(Change { problem, base: success(base, problem)?, tuned: success(tuned, problem)? }))
        .collect()
}

fn sums(changes: &[Change]) -> (f64, f64) {
    changes.iter().fold((0.0, 0.0), |(lost, gained), change| {
        let difference = change.base - change.tuned;
        (lost + difference.max(0.0), gained + (-difference).max(0.0))
    })
}

/// ρ_K of `tuned` against `base` (numbers of models) at `k`, its interval at `confidence`, and what noise alone gives in
/// `replicates` simulations.
///
/// # Errors
/// [`crate::Code::Aborted`].
pub(super) fn coverage_ratio(
    counts: &SampleCounts,
    [base, tuned]: [usize; 2],
    k: u32,
    (replicates, seed, confidence): (u32, u64, f64),
    workers: &Workers,
    control: &Control,
) -> Result<CoverageRatio> {
    let (of_base, of_tuned) = (counts.of_model(base), counts.of_model(tuned));
    let all = changes(k, of_base, of_tuned);
    let (lost, gained) = sums(&all);
    let (interval, open) = interval(&all, confidence);
    let value = (gained > 0.0).then(|| lost / gained);
    let too_few = of_base.0.iter().filter(|&&samples| samples < k).count();
    let reason = if all.is_empty() && too_few > 0 {
        Some(format!("{too_few} of {} problems have fewer than K = {k} samples of the base.", of_base.0.len()))
    } else if all.is_empty() {
        Some(format!("No problem has a Pass@{k} of the base between 0.05 and 0.95."))
    } else if value.is_none() {
        Some("No problem was gained: the ratio has no denominator.".to_owned())
    } else {
        open
    };
    let mut result = CoverageRatio {
        problems: all.len(),
        lost,
        gained,
        value,
        interval: interval.filter(|_| value.is_some()),
        reason,
        null: noise_alone(k, [of_base, of_tuned], (replicates, seed, confidence), workers, control)?,
        problems_lost: all.iter().copied().filter(|change| change.base > change.tuned).collect(),
        problems_won: all.into_iter().filter(|change| change.tuned > change.base).collect(),
    };
    let size = |change: &Change| (change.base - change.tuned).abs();
    for changes in [&mut result.problems_lost, &mut result.problems_won] {
        order::values_by(changes, |a, b| size(b).total_cmp(&size(a)));
    }
    Ok(result)
}

/// The ratios u/(1 − u) for which E[(1 − u)·loss + u·(1 − gain)] = u, which holds at the true one, is not rejected:
/// values in [0, 1], so that the betting interval holds at any number of problems. Without a greatest one, why.
fn interval(changes: &[Change], confidence: f64) -> (Option<Interval>, Option<String>) {
    if changes.is_empty() {
        return (None, None);
    }
    let tail = 0.5 * (1.0 - confidence);
    let at = |u: f64| {
        let value = |change: &Change| {
            let difference = change.base - change.tuned;
            (1.0 - u) * difference.max(0.0) + u * (1.0 - (-difference).max(0.0))
        };
        BoundedMean::new(&changes.iter().map(value).collect::<Vec<_>>())
    };
    // Losses prevail at small u, gains at great u: bisect for the last u that the first rules out, and the first that the
    // second does.
    let search = |rejected_at_zero: bool, rejects: &dyn Fn(f64) -> bool| {
        let (mut low, mut high) = (0.0, 1.0);
        while high - low > TOLERANCE {
            let u = 0.5 * (low + high);
            if rejects(u) == rejected_at_zero { low = u } else { high = u }
        }
        if rejected_at_zero { low } else { high }
    };
    let low = search(true, &|u| at(u).is_above(u, tail));
    let high = search(false, &|u| at(u).is_below(u, tail));
    let ratio = |u: f64| u / (1.0 - u);
    if 1.0 - high < 10.0 * TOLERANCE {
        return (None, Some(format!("The interval has no upper end: the ratio is at least {:.3}.", ratio(low))));
    }
    (Some(Interval { low: ratio(low), high: ratio(high) }), None)
}

fn noise_alone(
    k: u32,
    [base, tuned]: [(&[u32], &[u32]); 2],
    (replicates, seed, confidence): (u32, u64, f64),
    workers: &Workers,
    control: &Control,
) -> Result<Option<NoiseAlone>> {
    if replicates == 0 {
        return Ok(None);
    }
    let p: Vec<f64> = (0..base.0.len())
        .map(|i| f64::from(base.1[i] + tuned.1[i]) / f64::from(base.0[i] + tuned.0[i]).max(1.0))
        .collect();
    let simulated = workers.map(replicates as usize, control, |replicate| {
        let mut stream = Stream::new(seed, Purpose::NoiseAlone, replicate as u64);
        let mut draw = |samples: &[u32]| -> Vec<u32> {
            let mut count = |(&n, &p): (&u32, &f64)| draw_binomial(u64::from(n), p, &mut stream);
            #[expect(clippy::cast_possible_truncation, reason = "at most the 32-bit number of samples")]
            samples.iter().zip(&p).map(|pair| count(pair) as u32).collect()
        };
        let (of_base, of_tuned) = (draw(base.0), draw(tuned.0));
        Ok(sums(&changes(k, (base.0, &of_base), (tuned.0, &of_tuned))))
    })?;
    let count = f64::from(replicates);
    let mut ratios: Vec<f64> =
        simulated.iter().filter(|(_, gained)| *gained > 0.0).map(|(lost, gained)| lost / gained).collect();
    order::ascending(&mut ratios);
    let known = !ratios.is_empty();
    Ok(Some(NoiseAlone {
        replicates,
        lost: simulated.iter().map(|(lost, _)| lost).sum::<f64>() / count,
        gained: simulated.iter().map(|(_, gained)| gained).sum::<f64>() / count,
        value: known.then(|| sorted_quantile(&ratios, 0.5)),
        interval: known.then(|| percentile_interval(ratios, confidence)),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ratio(counts: &SampleCounts, k: u32) -> CoverageRatio {
        coverage_ratio(counts, [0, 1], k, (200, 0, 0.95), &Workers::sequential(), &Control::new()).unwrap()
    }

    #[test]
    fn losses_and_gains_of_a_hand_calculation() {
        // At K = 1 f is p. The base solves problems 0 and 4 always or never: left out.
        let counts = SampleCounts::new(2, vec![10; 10], vec![10, 5, 2, 8, 0, 0, 2, 4, 8, 10]).unwrap();
        let result = ratio(&counts, 1);
        assert_eq!(result.problems, 3);
        assert!((result.lost - 0.3).abs() < 1e-15 && (result.gained - 0.2).abs() < 1e-15);
        assert!((result.value.unwrap() - 1.5).abs() < 1e-14);
        let numbers = |changes: &[Change]| changes.iter().map(|change| change.problem).collect::<Vec<_>>();
        assert_eq!((numbers(&result.problems_lost), numbers(&result.problems_won)), (vec![1], vec![2]));
        // At K = 2: 1 − ½² against 1 − 0.8², and 1 − 0.8² against 1 − 0.6²; 8 of 10 has a Pass@2 of 44/45.
        let result = ratio(&counts, 2);
        assert!((result.lost - (0.75 - 0.36)).abs() < 1e-14 && (result.gained - (0.64 - 0.36)).abs() < 1e-14);
        assert_eq!(result.problems, 2);
    }

    #[test]
    fn a_ratio_that_cannot_be_known_is_null_with_the_reason() {
        let none = ratio(&SampleCounts::new(2, vec![10; 4], vec![5, 5, 4, 5]).unwrap(), 1);
        assert_eq!((none.value, none.interval), (None, None));
        assert!(none.reason.unwrap().contains("no denominator"));
        let decided = ratio(&SampleCounts::new(2, vec![10; 4], vec![10, 0, 4, 5]).unwrap(), 1);
        assert!(decided.reason.unwrap().contains("No problem has a Pass@1"));
        let few = ratio(&SampleCounts::new(2, vec![10; 4], vec![5, 5, 4, 5]).unwrap(), 11);
        assert!(few.reason.unwrap().contains("2 of 2 problems have fewer than K = 11"));
        let open = ratio(&SampleCounts::new(2, vec![10; 4], vec![5, 5, 1, 6]).unwrap(), 1);
        assert!(open.value.is_some() && open.interval.is_none() && open.reason.unwrap().contains("no upper end"));
    }

    #[test]
    fn intervals_hold_the_ratio_and_narrow() {
        // Every third problem loses 0.4 at K = 1, the others gain 0.2: the ratio is 1.
        let of = |problems: u32| {
            let tuned = (0..problems).map(|problem| if problem % 3 == 0 { 10 } else { 70 });
            let correct = vec![50; problems as usize].into_iter().chain(tuned).collect();
            ratio(&SampleCounts::new(2, vec![100; 2 * problems as usize], correct).unwrap(), 1).interval.unwrap()
        };
        let (narrow, wide) = (of(900), of(120));
        assert!(narrow.contains(1.0) && wide.contains(1.0));
        assert!(wide.low < narrow.low && narrow.high < wide.high, "{narrow:?} {wide:?}");
    }

    #[test]
    fn noise_alone_is_far_from_nothing_and_shows_what_choosing_problems_by_the_base_does() {
        let counts = SampleCounts::new(2, vec![16; 400], vec![6; 400]).unwrap();
        let null = |k| ratio(&counts, k).null.unwrap();
        // At K = 1 no problem is decided: losses and gains are alike.
        let even = null(1);
        assert!(even.lost > 5.0 && even.gained > 5.0);
        assert!(even.interval.unwrap().contains(1.0) && (even.value.unwrap() - 1.0).abs() < 0.1, "{even:?}");
        // At K = 4 problems on which the base was lucky are decided and left out, so that gains prevail.
        let chosen = null(4);
        assert!(chosen.lost > 5.0 && chosen.interval.unwrap().high < 1.0, "{chosen:?}");
    }

    #[test]
    fn same_bits_at_every_number_of_threads() {
        let counts = SampleCounts::new(2, vec![9; 60], (0..60).map(|i| i * 7 % 10).collect()).unwrap();
        let run = |threads| {
            let workers = Workers::new(Some(threads)).unwrap();
            coverage_ratio(&counts, [0, 1], 3, (150, 2, 0.9), &workers, &Control::new()).unwrap()
        };
        assert_eq!(run(1), run(3));
    }
}
