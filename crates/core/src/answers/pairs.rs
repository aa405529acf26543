//! Shares of responses on which one model leads another by N, where each response's ratio is known up to limits only.
//!
//! Let A say that the true ratio of a response reaches N, U that it may by the limits, L that it must. Limits fail for a
//! response with probability at most δ, whatever the response, so P(A, not U) ≤ δ·P(A) and P(L, not A) ≤ δ·P(not A):
//! P(A) ≤ P(U)/(1 − δ) and P(A) ≥ (P(L) − δ)/(1 − δ). P(U) and P(L) are shares of responses, with limits that are exact.

use crate::error::{Code, Error, Result};
use crate::statistics::{BinomialLimits, BoundedMean, Clusters, Interval};

/// The independent units: responses, or prompts where they repeat.
pub(super) struct Units {
    responses: usize,
    clusters: Option<Clusters>,
}

/// How many responses count, and by prompt where those are the units.
pub(super) struct Share {
    pub(super) count: usize,
    hits: Option<Vec<u32>>,
}

impl Units {
    pub(super) fn new(prompts: Option<&[u32]>, responses: usize) -> Result<Self> {
        if let Some(labels) = prompts
            && labels.len() != responses
        {
            let message = format!("There are {} prompt labels for {responses} responses.", labels.len());
            return Err(Error::new(Code::ShapeMismatch, message));
        }
        Ok(Self { responses, clusters: prompts.and_then(Clusters::by_label) })
    }

    pub(super) fn clusters(&self) -> Option<&Clusters> {
        self.clusters.as_ref()
    }

    pub(super) fn count(&self) -> usize {
        self.clusters().map_or(self.responses, Clusters::len)
    }

    pub(super) fn share(&self, hit: impl Fn(usize) -> bool) -> Share {
        match self.clusters() {
            None => Share { count: (0..self.responses).filter(|&response| hit(response)).count(), hits: None },
            Some(clusters) => {
                let hits = clusters.hits(hit);
                Share { count: hits.iter().map(|&hits| hits as usize).sum(), hits: Some(hits) }
            }
        }
    }

    /// A limit that the share behind `share` is below with probability at most `tail`.
    fn lower(&self, share: &Share, tail: f64) -> f64 {
        match (self.clusters(), &share.hits) {
            (Some(clusters), Some(hits)) => BoundedMean::of_shares(hits, clusters.sizes()).lower(tail),
            _ => BinomialLimits::new(self.responses as u64, tail).lower(share.count as u64),
        }
    }

    /// A limit that the share behind `share` is above with probability at most `tail`.
    fn upper(&self, share: &Share, tail: f64) -> f64 {
        match (self.clusters(), &share.hits) {
            (Some(clusters), Some(hits)) => BoundedMean::of_shares(hits, clusters.sizes()).upper(tail),
            _ => BinomialLimits::new(self.responses as u64, tail).upper(share.count as u64),
        }
    }

    /// Of the share of `share` itself, no Monte Carlo in it.
    pub(super) fn interval(&self, share: &Share, confidence: f64) -> Interval {
        let tail = 0.5 * (1.0 - confidence);
        Interval { low: self.lower(share, tail), high: self.upper(share, tail) }
    }

    /// A limit that the true share is below with probability at most `tail`, where `must` have to count unless the limits
    /// of a response fail, which they do with probability `misleads`.
    pub(super) fn lower_beyond(&self, must: &Share, tail: f64, misleads: f64) -> f64 {
        ((self.lower(must, tail) - misleads) / (1.0 - misleads)).max(0.0)
    }

    /// A limit that the true share is above with probability at most `tail`, where `may` may count.
    pub(super) fn upper_beyond(&self, may: &Share, tail: f64, misleads: f64) -> f64 {
        (self.upper(may, tail) / (1.0 - misleads)).min(1.0)
    }
}

/// Whether a ratio of `above` to `below`, given as logarithms, reaches N: where probabilities vanish, nothing is above
/// nothing, and everything else is.
pub(super) fn reaches(above: f64, below: f64, log_n: f64) -> bool {
    above > f64::NEG_INFINITY && above - below >= log_n
}
