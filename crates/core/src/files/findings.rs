//! Faults and oddities found while reading.

use std::collections::HashMap;

use serde::Serialize;

use crate::error::{Code, Error, Fault, Place, Result};
use crate::order;

/// One kind of fault in the input, with the first place where it was found.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// `error` stops a computation, `warning` does not.
    pub severity: Severity,
    /// Stable machine-readable kind, `ERR_…` or `WARN_…`.
    pub code: String,
    /// What is wrong and what to do.
    pub message: String,
    /// First place where it was found.
    pub place: Place,
    /// How often it was found in that file and model.
    pub count: u64,
}

/// Whether a finding stops a computation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// It does.
    Error,
    /// It does not.
    Warning,
}

/// Where readers report what they find. Either the first error ends the reading, as computations need it, or all are
/// collected, as `doctor` needs it; repeated findings of one kind in one file and model are counted, not listed.
#[derive(Debug, Default)]
pub struct Findings {
    collect: bool,
    list: Vec<Finding>,
    known: HashMap<(String, Option<String>, Option<String>), usize>,
}

impl Findings {
    /// Findings that collect errors, or end at the first.
    #[must_use]
    pub fn new(collect: bool) -> Self {
        Self { collect, ..Self::default() }
    }

    /// Whether errors are collected.
    #[must_use]
    pub fn collects(&self) -> bool {
        self.collect
    }

    /// Reports an error: notes it so that the reader can skip what is wrong and go on, or returns it.
    ///
    /// # Errors
    /// The error itself, unless errors are collected; [`Code::Aborted`] and bugs always.
    pub fn error(&mut self, error: Error) -> Result<()> {
        self.error_times(error, 1)
    }

    /// Reports an error that was met `times` times, at the place of the first.
    ///
    /// # Errors
    /// As [`Findings::error`].
    pub fn error_times(&mut self, error: Error, times: u64) -> Result<()> {
        if !self.collect || matches!(error.code, Code::Aborted | Code::Internal | Code::InvalidOption) {
            return Err(error);
        }
        let Fault { code, message, place } = error.into_fault();
        self.note(Severity::Error, code.as_str(), message, place, times);
        Ok(())
    }

    /// Notes something odd.
    pub fn warn(&mut self, code: &str, message: impl Into<String>, place: Place) {
        self.note(Severity::Warning, code, message.into(), place, 1);
    }

    fn note(&mut self, severity: Severity, code: &str, message: String, place: Place, times: u64) {
        let key = (code.to_owned(), place.file.clone(), place.model_name.clone());
        if let Some(&index) = self.known.get(&key) {
            self.list[index].count += times;
            return;
        }
        self.known.insert(key, self.list.len());
        self.list.push(Finding { severity, code: code.to_owned(), message, place, count: times });
    }

    /// Whether an error was noted.
    #[must_use]
    pub fn failed(&self) -> bool {
        self.list.iter().any(|finding| finding.severity == Severity::Error)
    }

    /// All findings, errors first.
    #[must_use]
    pub fn into_list(mut self) -> Vec<Finding> {
        order::values_by_key(&mut self.list, |finding| finding.severity == Severity::Warning);
        self.list
    }
}
