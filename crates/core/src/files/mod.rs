//! Files of log-probabilities and of sample counts: which formats there are, what they yield, and how files are joined.
//!
//! Three steps, as each format takes them: *sniff* (what is it), *schema* (what do its fields mean) and *scan* (the
//! values). Meaning is settled once, before the first value; what could mean two things is an error that says which two.

pub mod arrays;
mod bytes;
mod findings;
mod format;
mod input;
pub mod json;
mod reading;
pub mod table;

pub use bytes::Digest;
pub use findings::{Finding, Findings, Severity};
pub use format::{Format, Head};
pub use input::{ByteStream, Input};
pub use reading::{CountMatrix, FileContext, Matrix, Reading};

/// All formats, the most specific first.
pub const FORMATS: &[Format] = &[];
