//! Distributions, intervals and tests: each formula once, with its source.
//!
//! Written on `libm` alone, so that every platform gives the same bits.

mod beta;
mod betting;
mod binomial;
mod bounded;
mod clusters;
mod dkw;
mod estimate;
mod log_n;
mod normal;
mod power_law;
mod quantiles;
mod saddle_point;
mod student;
mod sums;

pub use beta::{beta_cdf, beta_quantile};
pub use betting::BoundedMean;
pub use binomial::{BinomialLimits, at_least, at_most, clopper_pearson, log_pmf};
pub use bounded::empirical_bernstein;
pub use clusters::{Cluster, clustered_interval, clustered_mean};
pub use dkw::{dkw_half_width, dkw_half_width_of_clusters};
pub use estimate::{Estimate, Interval, check_confidence};
pub use log_n::log_n;
pub use normal::{normal_cdf, normal_quantile};
pub use power_law::{Measurement, PowerLaw, fit_power_law};
pub use quantiles::{percentile_interval, sorted_quantile};
pub use student::{mean_and_standard_error, student_two_sided};
pub use sums::lane_sum;

#[cfg(test)]
mod tests;
