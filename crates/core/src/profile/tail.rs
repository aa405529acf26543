//! Tails of the log density ratio X = log π_D(y|x) − log π̂(y|x), Cov_N = P(X ≥ log N), where tokens are independent
//! given the prompt: X is then a sum of independent terms.

use crate::statistics::{at_least, at_most, log_pmf};

/// A probability with bounds that hold for certain; both equal where it is exact up to rounding.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bracket {
    /// No more than the probability.
    pub lower: f64,
    /// The best single value.
    pub value: f64,
    /// No less than the probability.
    pub upper: f64,
}

/// Terms of less probability than this are left out of sums.
const NEGLIGIBLE: f64 = 1e-18;

/// P(X ≥ `threshold`) for `horizon` i.i.d. tokens with log-probabilities `log_p` under π_D and `log_q` under π̂, exact
/// up to rounding. The cost is that of the counts of all tokens but two: meant for vocabularies of two or three.
#[must_use]
pub fn identical_tokens(horizon: u64, log_p: &[f64], log_q: &[f64], threshold: f64) -> f64 {
    let mut tokens: Vec<(f64, f64)> = log_p
        .iter()
        .zip(log_q)
        .filter(|(log_p, _)| **log_p > f64::NEG_INFINITY)
        .map(|(log_p, log_q)| (log_p.exp(), log_p - log_q))
        .collect();
    // The rarest tokens first: their counts have the fewest likely values.
    tokens.sort_by(|a, b| a.0.total_cmp(&b.0));
    counted_tail(horizon, &tokens, 1.0, 0.0, threshold).clamp(0.0, 1.0)
}

/// k·x with 0·∞ = 0.
fn times(k: u64, x: f64) -> f64 {
    if k == 0 { 0.0 } else { k as f64 * x }
}

/// P(`sum` + X ≥ threshold) over the counts of `tokens` (probability, ratio), whose probabilities sum to `mass`.
fn counted_tail(horizon: u64, tokens: &[(f64, f64)], mass: f64, sum: f64, threshold: f64) -> f64 {
    match tokens {
        [] => f64::from(u8::from(sum >= threshold)),
        [(_, ratio)] => f64::from(u8::from(sum + times(horizon, *ratio) >= threshold)),
        [(p, a), (_, b)] => {
            let p = (p / mass).clamp(0.0, 1.0);
            let reaches = |k: u64| sum + (times(k, *a) + times(horizon - k, *b)) >= threshold;
            // The sum is monotone in k: bisect for where it passes the threshold.
            let rising = a >= b;
            let (mut low, mut high) = (0, horizon + 1);
            while low < high {
                let middle = low + (high - low) / 2;
                if reaches(middle) == rising { high = middle } else { low = middle + 1 }
            }
            if rising {
                at_least(horizon, low, p)
            } else if low == 0 {
                0.0
            } else {
                at_most(horizon, low - 1, p)
            }
        }
        [(p, ratio), rest @ ..] => {
            let share = (p / mass).clamp(0.0, 1.0);
            let mean = horizon as f64 * share;
            let mut total = 0.0;
            for k in 0..=horizon {
                let weight = log_pmf(horizon, k, share).exp();
                if weight < NEGLIGIBLE {
                    if k as f64 > mean {
                        break;
                    }
                    continue;
                }
                total += weight * counted_tail(horizon - k, rest, mass - p, sum + times(k, *ratio), threshold);
            }
            total
        }
    }
}

/// A token with two values: probability of token 1 under π_D, log ratio if it is 1, log ratio if it is 0.
#[derive(Clone, Copy, Debug)]
pub struct BinaryToken {
    /// π_D(1).
    pub p: f64,
    /// log π_D(1) − log π̂(1); finite.
    pub if_one: f64,
    /// log π_D(0) − log π̂(0); finite.
    pub if_zero: f64,
}

/// Up to this many tokens all sequences are listed.
const ENUMERATED: usize = 14;

/// Cells of the grid on which longer sums are distributed.
const CELLS: usize = 1 << 14;

/// Chance that the bounds of a long sum do not hold, in total.
const SLACK: f64 = 1e-14;

/// P(X ≥ threshold) of each of `thresholds`, for independent tokens, each with a distribution of its own.
///
/// Short sums are enumerated. Longer ones are distributed on a grid: each jump is split between the two grid points
/// around it so that its mean stays, which adds to X independent noise of mean zero within one cell a token; by
/// Hoeffding's inequality the noise passes s with probability at most 2·exp(−2s²/(Hδ²)), hence the bounds.
#[must_use]
pub fn independent_tokens(tokens: &[BinaryToken], thresholds: &[f64]) -> Vec<Bracket> {
    let exact = |value: f64| Bracket { lower: value, value, upper: value };
    if tokens.len() <= ENUMERATED {
        return thresholds.iter().map(|&threshold| exact(enumerated(tokens, threshold))).collect();
    }
    let base: f64 = tokens.iter().map(|token| token.if_zero).sum();
    let jumps = tokens.iter().map(|token| (token.p, token.if_one - token.if_zero));
    let (down, up) =
        jumps.clone().fold((0.0, 0.0), |(down, up): (f64, f64), (_, jump)| (down + jump.min(0.0), up + jump.max(0.0)));
    let cell = (up - down) / CELLS as f64;
    if cell <= 0.0 {
        return thresholds.iter().map(|&threshold| exact(f64::from(u8::from(base >= threshold)))).collect();
    }
    // Each split may reach one cell beyond the exact range.
    let below = tokens.len() + 1 + (-down / cell).ceil() as usize;
    let cells = below + (up / cell).ceil() as usize + tokens.len() + 2;
    let mut mass = vec![0.0; cells];
    let mut next = vec![0.0; cells];
    mass[below] = 1.0;
    let (mut first, mut last) = (below, below);
    for (p, jump) in jumps {
        let floor = (jump / cell).floor();
        let fraction = jump / cell - floor;
        let (stay, near, far) = (1.0 - p, p * (1.0 - fraction), p * fraction);
        let shift = floor as isize;
        let (new_first, new_last) =
            (first.min(first.saturating_add_signed(shift)), last.max(last.saturating_add_signed(shift) + 1));
        next[new_first..=new_last].fill(0.0);
        // One part after the other, each over slices: together, a cell would wait for what the one before wrote to it.
        let (from, start) = (&mass[first..=last], first.saturating_add_signed(shift));
        for (at, weight) in [(first, stay), (start + 1, far), (start, near)] {
            for (cell, value) in next[at..at + from.len()].iter_mut().zip(from) {
                *cell += weight * value;
            }
        }
        std::mem::swap(&mut mass, &mut next);
        (first, last) = (new_first, new_last);
    }
    let noise = cell * (tokens.len() as f64 * (2.0 / SLACK).ln() / 2.0).sqrt();
    let above = |threshold: f64| -> f64 {
        (first..=last)
            .filter(|&index| base + (index as f64 - below as f64) * cell >= threshold)
            .map(|index| mass[index])
            .sum()
    };
    thresholds
        .iter()
        .map(|&threshold| Bracket {
            lower: (above(threshold + noise) - SLACK).max(0.0),
            value: above(threshold).min(1.0),
            upper: (above(threshold - noise) + SLACK).min(1.0),
        })
        .collect()
}

fn enumerated(tokens: &[BinaryToken], threshold: f64) -> f64 {
    fn descend(tokens: &[BinaryToken], probability: f64, sum: f64, threshold: f64) -> f64 {
        let Some((token, rest)) = tokens.split_first() else {
            return if sum >= threshold { probability } else { 0.0 };
        };
        descend(rest, probability * (1.0 - token.p), sum + token.if_zero, threshold)
            + descend(rest, probability * token.p, sum + token.if_one, threshold)
    }
    descend(tokens, 1.0, 0.0, threshold)
}

/// D_KL(Ber(p) ‖ Ber(q)) with log-probabilities of 0 and 1 under q; +∞ where q excludes what p allows.
#[must_use]
pub fn binary_kl(p: f64, log_q: [f64; 2]) -> f64 {
    let term = |p: f64, log_q: f64| if p > 0.0 { p * (p.ln() - log_q) } else { 0.0 };
    (term(1.0 - p, log_q[0]) + term(p, log_q[1])).max(0.0)
}

/// log-probabilities of 0 and 1 where 1 has the log odds `logit`.
#[must_use]
pub fn log_bernoulli(logit: f64) -> [f64; 2] {
    // −log(1 + e^z), without overflow.
    let minus_softplus = |z: f64| -(z.max(0.0) + (-z.abs()).exp().ln_1p());
    [minus_softplus(logit), minus_softplus(-logit)]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All V^H sequences, one after the other.
    fn by_sequences(horizon: u64, p: &[f64], q: &[f64], threshold: f64) -> f64 {
        if horizon == 0 {
            return f64::from(u8::from(0.0 >= threshold));
        }
        (0..p.len())
            .map(|token| p[token] * by_sequences(horizon - 1, p, q, threshold - (p[token] / q[token]).ln()))
            .sum()
    }

    fn logs(p: &[f64]) -> Vec<f64> {
        p.iter().map(|p| p.ln()).collect()
    }

    #[test]
    fn identical_tokens_agree_with_all_sequences() {
        let cases: [(&[f64], &[f64]); 4] = [
            (&[0.3, 0.7], &[0.6, 0.4]),
            (&[0.05, 0.15, 0.8], &[0.4, 0.3, 0.3]),
            (&[0.5, 0.2, 0.3], &[0.2, 0.5, 0.3]),
            (&[0.1, 0.2, 0.3, 0.4], &[0.4, 0.3, 0.2, 0.1]),
        ];
        for (p, q) in cases {
            for horizon in [0, 1, 5] {
                for threshold in [-0.35, 0.313, 0.777, 2.1] {
                    let expected = by_sequences(horizon, p, q, threshold);
                    let found = identical_tokens(horizon, &logs(p), &logs(q), threshold);
                    assert!((found - expected).abs() < 1e-13, "{p:?} {horizon} {threshold}: {found}, {expected}");
                }
            }
        }
    }

    #[test]
    fn what_the_model_excludes_is_under_weighted_by_any_factor() {
        let found = identical_tokens(4, &logs(&[0.1, 0.9]), &logs(&[0.0, 1.0]), 1e9);
        assert!((found - (1.0 - 0.9f64.powi(4))).abs() < 1e-14);
        assert_eq!(identical_tokens(4, &logs(&[0.0, 1.0]), &logs(&[0.5, 0.5]), 4.0 * 2f64.ln()), 1.0);
    }

    #[test]
    fn long_sums_are_bracketed() {
        // Equal tokens, so that the binomial tail is the truth.
        let (p, q) = (0.3f64, 0.45f64);
        let [if_zero, if_one] = [((1.0 - p) / (1.0 - q)).ln(), (p / q).ln()];
        let tokens = vec![BinaryToken { p, if_one, if_zero }; 200];
        for threshold in [0.0, 5.05, 9.3] {
            let truth = identical_tokens(200, &logs(&[1.0 - p, p]), &logs(&[1.0 - q, q]), threshold);
            let bracket = independent_tokens(&tokens, &[threshold])[0];
            assert!(bracket.lower <= truth && truth <= bracket.upper, "{truth} {bracket:?}");
            assert!(bracket.upper - bracket.lower < 0.2 && (bracket.value - truth).abs() < 0.06, "{bracket:?}");
        }
        // Two kinds of tokens, against enumeration by counts.
        let mixed: Vec<_> = (0..20)
            .map(|index| BinaryToken { p: 0.2 + 0.03 * f64::from(index % 2), if_one: 0.6, if_zero: -0.11 })
            .collect();
        let bracket = independent_tokens(&mixed, &[1.0])[0];
        let truth = enumerated(&mixed, 1.0);
        assert!(bracket.lower <= truth && truth <= bracket.upper, "{truth} {bracket:?}");
    }

    #[test]
    fn bernoulli_logs_are_stable() {
        let [zero, one] = log_bernoulli(800.0);
        assert_eq!((zero, one), (-800.0, 0.0));
        let [zero, one] = log_bernoulli(0.4);
        assert!((zero.exp() + one.exp() - 1.0).abs() < 1e-15);
        assert!(binary_kl(0.3, log_bernoulli((0.3f64 / 0.7).ln())) < 1e-15);
        assert_eq!(binary_kl(0.3, [0.0, f64::NEG_INFINITY]), f64::INFINITY);
    }
}
