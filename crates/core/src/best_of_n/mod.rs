//! Pass@k, Best-of-N and the reward on which Best-of-N must fail.

mod comparison;
mod coverage_ratio;
mod pass_at_k;
mod reward;
#[cfg(test)]
mod tests;

pub use comparison::{PassAtK, PassAtKComparison, PassAtKOptions, SampleCounts, compare_pass_at_k};
pub use coverage_ratio::{Change, CoverageRatio, NoiseAlone};
pub use pass_at_k::{best_of_n_success, expected_pass, pass_at_k};
pub use reward::{adversarial_reward, best_of_n_regret_bound, best_of_n_regret_floor, best_of_n_reward, sufficient_n};
