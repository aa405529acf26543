//! The coverage profile Cov_N(π_D‖π̂) = P(log π_D/π̂ ≥ log N) [1,4], estimated from log-probabilities, and what
//! bounds it.

mod coverage_profile;
mod inequalities;
mod likelihood_quantiles;
mod log_ratios;
mod step_curve;
pub mod tail;

pub use coverage_profile::{
    CoverageAt, CoverageProfileOptions, CoverageProfiles, ModelProfile, clustered_cross_entropies, coverage_profiles,
    cross_entropies, kl_divergence, profile_of_log_ratios,
};
pub use inequalities::{
    chain_bound, coverage_bound_from_hellinger, coverage_bound_from_kl, coverage_bound_from_kl_weak,
    coverage_bound_from_stopped_kl, coverage_lower_bound, kl_bound_from_profile, tight_instance,
};
pub use likelihood_quantiles::{EPSILONS, LikelihoodQuantile, likelihood_quantiles};
pub use log_ratios::LogRatios;
pub use step_curve::StepCurve;

#[cfg(test)]
mod tests;
