//! N-API binding of `coverage-principle-core`: options in, plain results out, no arithmetic.
//!
//! Every computation is a [`job`]: it runs on a thread of its own, is cancelled through its `Job`, and settles a
//! promise. Options cross the boundary as JSON (checked by the core), results as JSON plus typed arrays, errors as
//! JSON with code and place; the TypeScript facade turns all of them into typed values.

#![warn(unused_crate_dependencies)]

pub mod answers;
pub mod best_of_n;
mod error;
pub mod graph;
pub mod job;
pub mod linear;
pub mod log_probs;
mod memory;
pub mod near_ties;
pub mod options;
pub mod parts;
pub mod problems;
pub mod profile;
mod queue;
pub mod race;
pub mod read;
pub mod saved_tournament;
pub mod selection;
pub mod tournament;
