//! Answer-level coverage: a response y is a reasoning r and an answer a, and what counts is the probability of the answer,
//! π(a | x) = Σ_r π(r | x)·π(a | x, r) = E_{r ~ π}[π(a | x, r)].
//!
//! The sum over reasonings is seldom to be had. From S reasonings drawn from the model, the mean of exp(log π(a | x, r_s))
//! is unbiased for the probability, and its logarithm is too low on average (Jensen). So a response has, beside the
//! estimate, limits that hold whatever the distribution over reasonings is ([`AnswerEstimates`]); what they leave open is
//! what Monte Carlo adds to the uncertainty of Cov_N, which every interval here holds.
//!
//! Cov_N of the answers may be greater than Cov_N of the whole; what holds is Cov_N(answer) ≤ Cov_{tN}(whole)/(1 − t) for
//! every 0 < t < 1: of the probability of an answer under-weighted by N, at most the part t lies on reasonings that are
//! not under-weighted by tN.

mod draws;
mod estimate;
mod pairs;
mod profile;
#[cfg(test)]
mod tests;
mod tournament;

pub use draws::AnswerDraws;
pub use estimate::{AnswerEstimates, AnswerRow, MonteCarlo};
pub use profile::{AnswerCoverageAt, AnswerProfiles, ModelAnswerProfile, answer_profiles, bound_from_whole};
pub use tournament::{AnswerSelection, AnswerSelectionAt, select_by_answers};
