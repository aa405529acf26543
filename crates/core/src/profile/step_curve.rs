use super::LogRatios;
use crate::order;

/// The empirical profile as a function of log N ≥ 0: a step function that falls from left to right.
///
/// `shares[k]` is exactly the share of ratios of at least `log_n[k]`. The first point lies at log N = 0, the
/// others at ratios that occur, ascending. With few distinct ratios every step is there; otherwise ranks are
/// chosen half evenly and half geometrically from the tail, so that the tail, few responses a step, stays exact.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StepCurve {
    /// Where the profile is given, in nats, ascending from 0.
    pub log_n: Vec<f64>,
    /// The share of responses whose log ratio is at least that.
    pub shares: Vec<f64>,
}

impl StepCurve {
    /// The profile of `ratios` at no more than `points` places (at least 3).
    #[must_use]
    pub fn of(ratios: &LogRatios, points: usize) -> Self {
        let n = ratios.values().len() as f64;
        let mut tail: Vec<f64> = ratios.values().iter().copied().filter(|&x| x > 0.0 && x.is_finite()).collect();
        // Greatest first, so that a rank is a count; the infinite ones lie before all of them.
        order::descending(&mut tail);
        // Last position of each distinct value: the number of ratios at least as great, less one.
        let steps: Vec<usize> = (0..tail.len()).filter(|&k| k + 1 == tail.len() || tail[k] != tail[k + 1]).collect();
        let mut log_n = vec![0.0];
        let mut shares = vec![ratios.count_at_least(0.0) as f64 / n];
        for chosen in choose(steps.len(), points.max(3) - 1).into_iter().rev() {
            let last = steps[chosen];
            log_n.push(tail[last]);
            shares.push((ratios.infinite() + last + 1) as f64 / n);
        }
        Self { log_n, shares }
    }
}

/// At most `wanted` ≥ 2 of the indices 0..count, ascending, both ends among them.
fn choose(count: usize, wanted: usize) -> Vec<usize> {
    if count <= wanted {
        return (0..count).collect();
    }
    let last = (count - 1) as f64;
    let even = wanted.div_ceil(2);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rounded value in 0..count")]
    let index = |value: f64| (value.round() as usize).min(count - 1);
    let evenly = (0..even).map(|k| index(last * k as f64 / (even - 1).max(1) as f64));
    let geometric = wanted - even;
    let geometrically =
        (0..geometric).map(|k| index(libm::exp(libm::log(last + 1.0) * k as f64 / geometric as f64) - 1.0));
    let mut chosen: Vec<usize> = evenly.chain(geometrically).chain([count - 1]).collect();
    order::indices_by_key(&mut chosen, |index| index);
    chosen.dedup();
    chosen.truncate(wanted);
    if let Some(end) = chosen.last_mut() {
        *end = count - 1;
    }
    chosen
}
