//! Distributions, intervals and tests: each formula once, with its source.
//!
//! Written on `libm` alone, so that every platform gives the same bits.

mod beta;
mod beta_binomial;
mod betting;
mod binomial;
mod binomial_draws;
mod bounded;
mod clusters;
mod divergences;
mod dkw;
mod estimate;
mod log_n;
mod nonnegative;
mod normal;
mod power_law;
mod quantiles;
mod saddle_point;
mod student;
mod sums;

pub use beta::{beta_cdf, beta_quantile};
pub use beta_binomial::{BetaBinomial, Count};
pub use betting::BoundedMean;
pub use binomial::{BinomialLimits, at_least, at_most, clopper_pearson, greatest_share_interval, log_pmf};
pub use binomial_draws::{draw_binomial, draw_uniform_counts};
pub use bounded::{empirical_bernstein, log_tail_bound};
pub use clusters::{Cluster, Clusters, clustered_interval, clustered_mean};
pub use divergences::{e_divergence, e_divergence_of_both, squared_hellinger};
pub use dkw::{dkw_half_width, dkw_half_width_of_clusters};
pub use estimate::{Estimate, FEW_UNITS, Interval, check_confidence};
pub use log_n::log_n;
pub use nonnegative::nonnegative_mean_lower;
pub use normal::{normal_cdf, normal_quantile};
pub use power_law::{Measurement, PowerLaw, fit_power_law};
pub use quantiles::{percentile_interval, sorted_quantile};
pub use student::{mean_and_standard_error, student_two_sided};
pub use sums::lane_sum;

#[cfg(test)]
mod tests;
