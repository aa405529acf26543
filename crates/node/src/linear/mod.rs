//! Autoregressive linear models: handles on what lives in Rust, jobs on them.

pub mod data;
pub mod decode;
pub mod features;
pub mod measures;
pub mod mle;
pub mod policy;
pub mod problem;
pub mod responses;
pub mod train;
