//! Sums over the tokens of responses: stopped KL and Hellinger distances (Propositions D.10 and D.11).

use coverage_principle_core::profile::{coverage_bound_from_stopped_kl, coverage_lower_bound};
use coverage_principle_core::random::Stream;

use super::{Claim, Sides, claim, cov, distribution, log_ratios, mean, squared_hellinger};

pub(super) const TOKENS: usize = 8;
/// N of Proposition D.10, above e.
pub(super) const STOPPED_BUDGETS: [f64; 6] = [3.0, 4.0, 8.0, 16.0, 64.0, 256.0];
/// N of Proposition D.11.
pub(super) const LOWER_BUDGETS: [f64; 4] = [1.0, 2.0, 4.0, 16.0];

/// A response with what its tokens add up to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Leaf {
    pub(super) probability: f64,
    /// log π_D/π̂.
    pub(super) ratio: f64,
    /// Σ_h KL of token h along the response.
    pub(super) kl: f64,
    /// Σ_h D_H² of token h along the response.
    pub(super) hellinger: f64,
}

impl Leaf {
    pub(super) const ROOT: Self = Self { probability: 1.0, ratio: 0.0, kl: 0.0, hellinger: 0.0 };

    /// The continuations by every token, with their probabilities under π_D and π̂.
    pub(super) fn grow<'l>(&'l self, p: &'l [f64], q: &'l [f64]) -> impl Iterator<Item = Self> + 'l {
        let ratios = log_ratios(p, q);
        let kl = self.kl + mean(p, &ratios);
        let hellinger = self.hellinger + squared_hellinger(p, q);
        p.iter().zip(ratios).map(move |(share, ratio)| Self {
            probability: self.probability * share,
            ratio: self.ratio + ratio,
            kl,
            hellinger,
        })
    }
}

pub(super) fn tree_claims() -> Vec<Claim> {
    vec![
        claim("Proposition D.10", "D.10", "Cov_N ≤ 2/(log N − 1)·D_seq,N for N > e"),
        claim("Proposition D.11", "D.11", "P(Σ_h D_H² of token h ≥ log(N/δ)) − δ ≤ Cov_N"),
    ]
}

pub(super) fn check_tree(ratios: &mut Sides, stream: &mut Stream) {
    let spread = 0.5 + 10.0 * stream.uniform();
    let mut leaves = vec![Leaf::ROOT];
    for _ in 0..TOKENS {
        leaves = leaves
            .iter()
            .flat_map(|leaf| {
                let (p, q) = (distribution(2, spread, stream), distribution(2, spread, stream));
                leaf.grow(&p, &q).collect::<Vec<_>>()
            })
            .collect();
    }
    let (data, log_ratios): (Vec<f64>, Vec<f64>) = leaves.iter().map(|leaf| (leaf.probability, leaf.ratio)).unzip();
    for n in STOPPED_BUDGETS {
        let bound = coverage_bound_from_stopped_kl(stopped_kl(&leaves, n), n);
        ratios.check_some("D.10", cov(&data, &log_ratios, n.ln()), bound);
    }
    for n in LOWER_BUDGETS {
        check_lower(ratios, &leaves, n, cov(&data, &log_ratios, n.ln()));
    }
}

/// D_seq,N.
pub(super) fn stopped_kl(leaves: &[Leaf], n: f64) -> f64 {
    leaves.iter().map(|leaf| leaf.probability * leaf.kl.min(n.ln())).sum()
}

/// Proposition D.11 at one N and several δ.
pub(super) fn check_lower(ratios: &mut Sides, leaves: &[Leaf], n: f64, coverage: f64) {
    for delta in [0.02, 0.1, 0.3, 0.6] {
        let strayed = leaves.iter().filter(|leaf| leaf.hellinger >= f64::ln(n / delta));
        let probability = strayed.map(|leaf| leaf.probability).sum();
        ratios.check("D.11", coverage_lower_bound(probability, delta), coverage);
    }
}
