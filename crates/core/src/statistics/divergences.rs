//! Bounded measures of two distributions from draws of one of them, with intervals that hold at every number of draws.
//!
//! Draws y ~ π_D come with their log ratios X = log π_D(y) − log π̂(y), −∞ nowhere. Of r = π̂/π_D = e^{−X} only E r ≤ 1
//! is known, so that means of √r or (r − N)_+ have no upper limit by themselves; what is bounded is bounded by that.

use super::{BoundedMean, Clusters, Estimate, Interval, clustered_mean, lane_sum};

/// The values' mean by its bounds: values are put into [0, 1] by the caller.
fn bounded(values: &[f64], clusters: Option<&Clusters>) -> BoundedMean {
    match clusters {
        None => BoundedMean::new(values),
        Some(clusters) => BoundedMean::of_clusters(&clusters.sums(values)),
    }
}

/// Squared Hellinger distance D_H² = 1 − E√r, which lies in [0, 1].
///
/// With s = √r and t = min(s, 2): s − t ≤ (s² − t²)/4, and E s² ≤ 1, so E s ≤ ¼ + E[t − t²/4]; and E s ≥ E t. Both
/// right sides are means of bounded values. An estimate more than four standard errors below 0 says that the responses
/// are not draws from π_D; a smaller excess is cut.
#[must_use]
pub fn squared_hellinger(log_ratios: &[f64], clusters: Option<&Clusters>, confidence: f64) -> Estimate {
    let distances: Vec<f64> = log_ratios.iter().map(|x| 1.0 - libm::exp(-0.5 * x)).collect();
    let mean = lane_sum(&distances) / distances.len() as f64;
    let error = standard_error(&distances, clusters);
    if !(mean.is_finite() && -4.0 * error <= mean && mean <= 1.0) {
        return Estimate::unknown(format!(
            "The estimate, {mean:.3}, lies outside [0, 1]: the responses cannot be taken as drawn from the reference."
        ));
    }
    let roots: Vec<f64> = log_ratios.iter().map(|x| libm::exp(-0.5 * x).min(2.0)).collect();
    let curved: Vec<f64> = roots.iter().map(|t| t - 0.25 * t * t).collect();
    let halved: Vec<f64> = roots.iter().map(|t| 0.5 * t).collect();
    let tail = 0.5 * (1.0 - confidence);
    let low = 0.75 - bounded(&curved, clusters).upper(tail);
    let high = 1.0 - 2.0 * bounded(&halved, clusters).lower(tail);
    Estimate::around(mean.clamp(0.0, 1.0), low, high)
}

fn standard_error(values: &[f64], clusters: Option<&Clusters>) -> f64 {
    let error = match clusters {
        None => super::mean_and_standard_error(values).1,
        Some(clusters) => clustered_mean(&clusters.sums(values)).1,
    };
    error.unwrap_or(f64::INFINITY)
}

/// E_N divergence from draws of π_D alone: max{E_{π_D}(1 − N·r)_+, E_{π_D}(r − N)_+}; where prompts repeat, the average
/// over prompts of the maximum, else the maximum of the averages.
///
/// The first is a mean of values in [0, 1]. The second is at least E min{(r − N)_+, 1} and, counting what π̂ gives to
/// responses that π_D rules out, 1 − E min(r, N). The average over prompts of the maximum lies between the maximum of
/// the averages and their sum; its estimate is too high by the noise within a prompt. Lower limits keep half of their
/// error probability each; so do the upper ones where their sum is taken.
#[must_use]
pub fn e_divergence(log_ratios: &[f64], n: f64, clusters: Option<&Clusters>, confidence: f64) -> Estimate {
    let map = |value: &dyn Fn(f64) -> f64| log_ratios.iter().map(|&x| value(libm::exp(-x))).collect::<Vec<_>>();
    let under = map(&|r| (1.0 - n * r).max(0.0));
    let over = map(&|r| (r - n).max(0.0));
    let value = greater_mean(&under, &over, clusters);
    if !value.is_finite() {
        return Estimate::unknown("The values are too large for a finite mean.");
    }
    let (under, over_at_least) = (bounded(&under, clusters), bounded(&map(&|r| (r - n).clamp(0.0, 1.0)), clusters));
    let kept = bounded(&map(&|r| r.min(n) / n), clusters);
    let tail = 0.5 * (1.0 - confidence);
    let low = under.lower(0.5 * tail).max(over_at_least.lower(0.5 * tail));
    let over_at_most = |tail| 1.0 - n * kept.lower(tail);
    let high = match clusters {
        // Only the greater of the two has to be below its own limit.
        None => under.upper(tail).max(over_at_most(tail)),
        Some(_) => under.upper(0.5 * tail) + over_at_most(0.5 * tail),
    };
    // A noisy mean of (r − N)_+ may exceed what the divergence can be.
    Estimate::around(value.min(1.0), low, high)
}

/// The greater of two means, by cluster where there are clusters.
fn greater_mean(one: &[f64], other: &[f64], clusters: Option<&Clusters>) -> f64 {
    let n = one.len() as f64;
    match clusters {
        None => (lane_sum(one) / n).max(lane_sum(other) / n),
        Some(clusters) => {
            clusters.sums(one).iter().zip(clusters.sums(other)).map(|(a, b)| a.sum.max(b.sum)).sum::<f64>() / n
        }
    }
}

/// E_N from draws of both: `under` are values of (1 − N·π̂/π_D)_+ at draws from π_D, `over` of (1 − N·π_D/π̂)_+ at draws
/// from π̂, all in [0, 1]; `prompts` says of each draw whose it is (prompts in any order). The average over prompts of
/// the greater mean, between the greater average and the sum of both; with a single prompt, the greater mean.
#[must_use]
pub fn e_divergence_of_both([under, over]: [&[f64]; 2], prompts: [&[usize]; 2], confidence: f64) -> Estimate {
    let several = prompts.iter().any(|prompts| prompts.iter().any(|&prompt| prompt != prompts[0]));
    let (a, b) = (BoundedMean::new(under), BoundedMean::new(over));
    // Each of the two means keeps half of the error probability, so that their maximum keeps all of it.
    let half = 0.25 * (1.0 - confidence);
    let low = a.lower(half).max(b.lower(half));
    let (n, m) = (under.len() as f64, over.len() as f64);
    if !several {
        let value = (lane_sum(under) / n).max(lane_sum(over) / m);
        return Estimate::around(value, low, a.upper(half).max(b.upper(half)));
    }
    // By prompt: how often it was drawn, and the sums of both.
    let mut by_prompt = std::collections::BTreeMap::<usize, [(f64, f64); 2]>::new();
    for (side, values) in [under, over].into_iter().enumerate() {
        for (&prompt, value) in prompts[side].iter().zip(values) {
            let entry = &mut by_prompt.entry(prompt).or_default()[side];
            *entry = (entry.0 + 1.0, entry.1 + value);
        }
    }
    let mean = |(count, sum): (f64, f64)| if count > 0.0 { sum / count } else { 0.0 };
    let value = by_prompt
        .values()
        .map(|&[one, other]| 0.5 * (one.0 / n + other.0 / m) * mean(one).max(mean(other)))
        .sum::<f64>();
    Estimate::around(value.min(1.0), low, a.upper(half) + b.upper(half))
}

impl Estimate {
    /// A value with limits that rounding, or noise of another estimator, must not put on its wrong side.
    fn around(value: f64, low: f64, high: f64) -> Self {
        Self::new(value, Interval { low: low.max(0.0).min(value), high: high.min(1.0).max(value) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, Stream};

    /// Log ratios of draws from `p`, against `q`.
    fn draws(p: &[f64], q: &[f64], n: usize, stream: &mut Stream) -> Vec<f64> {
        (0..n)
            .map(|_| {
                let mut rest = stream.uniform();
                let cell = p
                    .iter()
                    .position(|p| {
                        rest -= p;
                        rest < 0.0
                    })
                    .unwrap_or(p.len() - 1);
                (p[cell] / q[cell]).ln()
            })
            .collect()
    }

    fn share(runs: u32, mut holds: impl FnMut(&mut Stream) -> bool) -> f64 {
        let mut stream = Stream::new(8, Purpose::MonteCarlo, 0);
        f64::from((0..runs).map(|_| u32::from(holds(&mut stream))).sum::<u32>()) / f64::from(runs)
    }

    const PAIRS: [([f64; 3], [f64; 3]); 3] = [
        ([0.5, 0.3, 0.2], [0.45, 0.35, 0.2]),
        // Half of π̂ where π_D hardly ever is: √r and r are great and rare.
        ([0.002, 0.5, 0.498], [0.5, 0.25, 0.25]),
        // Half of π_D where π̂ hardly ever is.
        ([0.5, 0.25, 0.25], [0.002, 0.5, 0.498]),
    ];

    #[test]
    fn hellinger_holds_where_ratios_are_extreme() {
        for (p, q) in PAIRS {
            let truth = 1.0 - p.iter().zip(&q).map(|(p, q)| (p * q).sqrt()).sum::<f64>();
            for n in [50, 400] {
                let held = share(200, |stream| {
                    let estimate = squared_hellinger(&draws(&p, &q, n, stream), None, 0.95);
                    estimate.interval.is_none_or(|interval| interval.contains(truth))
                });
                assert!(held >= 0.91, "{p:?} {n}: {held}");
            }
        }
    }

    #[test]
    fn hellinger_of_equal_distributions_has_width_and_foreign_responses_are_told() {
        let estimate = squared_hellinger(&[0.0; 300], None, 0.95);
        let interval = estimate.interval.unwrap();
        assert_eq!((estimate.value, interval.low), (Some(0.0), 0.0));
        assert!(interval.high > 1e-3 && interval.high < 0.1, "{interval:?}");
        assert!(squared_hellinger(&[-1.0; 20], None, 0.95).reason.unwrap().contains("cannot be taken as drawn"));
    }

    #[test]
    fn e_n_holds_on_both_sides() {
        for (p, q) in PAIRS {
            for n in [1.0, 2.0, 16.0] {
                let over =
                    |a: &[f64; 3], b: &[f64; 3]| -> f64 { a.iter().zip(b).map(|(a, b)| (a - n * b).max(0.0)).sum() };
                let truth = over(&p, &q).max(over(&q, &p));
                let held = share(150, |stream| {
                    let draws = draws(&p, &q, 200, stream);
                    e_divergence(&draws, n, None, 0.95).interval.unwrap().contains(truth)
                });
                assert!(held >= 0.9, "{p:?} N = {n}: {held}");
            }
        }
    }

    #[test]
    fn e_n_of_a_hand_calculation_and_its_limits() {
        // r = ¼ twice and 4 once at N = 2: under (½ + ½)/3, over 2/3.
        let log_ratios = [4.0_f64.ln(), 4.0_f64.ln(), -(4.0_f64.ln())];
        let estimate = e_divergence(&log_ratios, 2.0, None, 0.95);
        assert!((estimate.value.unwrap() - 2.0 / 3.0).abs() < 1e-15);
        // By prompts {0, 2} and {1}: max(½, 2)/3 + max(½, 0)/3.
        let clusters = Clusters::by_label(&[7, 3, 7]).unwrap();
        let by_prompt = e_divergence(&log_ratios, 2.0, Some(&clusters), 0.95);
        assert!((by_prompt.value.unwrap() - 2.5 / 3.0).abs() < 1e-15);
        // Each side keeps half of its error probability: the lower limit is that of the greater mean at 0.0125.
        let many: Vec<f64> = (0..200).map(|i| if i % 2 == 0 { 4.0_f64.ln() } else { 0.0 }).collect();
        let under: Vec<f64> = many.iter().map(|x| (1.0 - 2.0 * (-x).exp()).max(0.0)).collect();
        let interval = e_divergence(&many, 2.0, None, 0.95).interval.unwrap();
        let tail = 0.25 * (1.0 - 0.95);
        assert!((interval.low - BoundedMean::new(&under).lower(tail)).abs() < 1e-9);
        // By prompts the upper limit is the sum of two, each at half of its error probability.
        let some: Vec<f64> = (0..800).map(|i| if i % 16 == 0 { 4.0_f64.ln() } else { 0.0 }).collect();
        let clusters = Clusters::by_label(&(0..800).map(|i| i / 4).collect::<Vec<u32>>()).unwrap();
        let of = |value: fn(f64) -> f64| some.iter().map(|x| value((-x).exp())).collect::<Vec<f64>>();
        let (under, kept) = (of(|r| (1.0 - 2.0 * r).max(0.0)), of(|r| r.min(2.0) / 2.0));
        let high = e_divergence(&some, 2.0, Some(&clusters), 0.95).interval.unwrap().high;
        let limits =
            bounded(&under, Some(&clusters)).upper(tail) + 1.0 - 2.0 * bounded(&kept, Some(&clusters)).lower(tail);
        assert!(high < 1.0 && (high - limits).abs() < 1e-9, "{high} {limits}");
    }

    #[test]
    fn e_n_of_both_halves_the_error_of_each_and_averages_over_prompts() {
        let (under, over) = ([0.5, 0.5, 0.0, 0.0], [0.0, 0.0, 0.25, 0.25]);
        let of = |prompts: &[usize; 4]| e_divergence_of_both([&under, &over], [prompts, prompts], 0.95);
        assert_eq!(of(&[0; 4]).value, Some(0.25));
        assert_eq!(of(&[0, 0, 1, 1]).value, Some(0.375));
        let (low, high) = of(&[0; 4]).interval.map(|interval| (interval.low, interval.high)).unwrap();
        let half = 0.25 * (1.0 - 0.95);
        assert_eq!(low, BoundedMean::new(&under).lower(half).max(BoundedMean::new(&over).lower(half)));
        assert_eq!(high, BoundedMean::new(&under).upper(half).max(BoundedMean::new(&over).upper(half)));
    }
}
