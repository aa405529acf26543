//! The mathematics of *The Coverage Principle* (arXiv:2510.15020), without any Node in it.
//!
//! Data flows one way: file → [`log_probs`] → computation → plain result. Equation and theorem
//! numbers in brackets are the paper's.

// Here and not in the workspace's lints: a test or an example need not use all that the library does.
#![warn(unused_crate_dependencies)]

pub mod answers;
pub mod best_of_n;
pub mod content_hash;
pub mod error;
pub mod files;
#[cfg(test)]
mod golden;
pub mod isa;
pub mod json;
pub mod linear;
pub mod log_probs;
pub mod order;
pub mod parallel;
pub mod profile;
pub mod progress;
pub mod race;
pub mod random;
pub mod resample;
mod saved;
pub mod selection;
pub mod statistics;
pub mod tournament;

/// The tests that use the crate as others do, by its name.
#[cfg(test)]
extern crate self as coverage_principle_core;
#[cfg(test)]
#[path = "../tests/mod.rs"]
mod from_outside;

pub use error::{Code, Error, Place, Result};
pub use isa::Isa;
pub use log_probs::LogProbs;
pub use parallel::Workers;
pub use progress::Control;
