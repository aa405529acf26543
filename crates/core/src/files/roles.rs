//! Finding the columns of a table by what they are called.

use super::json::shorten;
use crate::error::{Code, Error, Result};

/// Names of models proper, as [`normalise`] writes them.
pub(super) const MODEL_NAMES: [&str; 6] =
    ["model", "modelname", "modelid", "modelpath", "modelnameorpath", "basemodel"];

/// What tells checkpoints of one model apart.
pub(super) const CHECKPOINT_NAMES: [&str; 7] =
    ["checkpoint", "ckpt", "step", "globalstep", "trainstep", "revision", "checkpointstep"];

/// `Log-Prob`, `log_prob` and `logProb` are the same name.
pub(super) fn normalise(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '_' | '.' | '-') && !c.is_whitespace()).flat_map(char::to_lowercase).collect()
}

/// The words of a name: `a_ppl` has `a` and `ppl`.
pub(super) fn words(name: &str) -> Vec<String> {
    name.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
}

/// The columns of a table, to be found by name.
pub(super) struct Columns<'a> {
    names: &'a [String],
    /// Normalised.
    whole: Vec<String>,
    /// Of a field inside others the last name, normalised.
    last: Vec<Option<String>>,
    file: &'a str,
}

impl<'a> Columns<'a> {
    pub(super) fn new(names: &'a [String], file: &'a str) -> Self {
        let whole = names.iter().map(|name| normalise(name)).collect();
        let last = names.iter().map(|name| name.rsplit_once('.').map(|(_, last)| normalise(last))).collect();
        Self { names, whole, last, file }
    }

    /// The column that has the first of `names` that one has, in whole or as a field inside others.
    pub(super) fn find(&self, names: &[&str]) -> Option<usize> {
        let all = 0..self.names.len();
        let whole = names.iter().find_map(|name| all.clone().find(|&index| self.whole[index] == *name));
        whole.or_else(|| {
            names.iter().find_map(|name| all.clone().find(|&index| self.last[index].as_deref() == Some(*name)))
        })
    }

    /// All columns that have one of `names`, in the order of `names`.
    pub(super) fn all(&self, names: &[&str]) -> Vec<usize> {
        let with = |name: &&str| (0..self.names.len()).find(|&index| self.whole[index] == *name);
        names.iter().filter_map(with).collect()
    }

    /// The column that the user chose for a role, or the one of an expected name.
    pub(super) fn role(&self, chosen: Option<&str>, names: &[&str]) -> Result<Option<usize>> {
        match chosen {
            Some(name) => self.named(name).map(Some),
            None => Ok(self.find(names)),
        }
    }

    /// The column called exactly `name`.
    pub(super) fn named(&self, name: &str) -> Result<usize> {
        self.names
            .iter()
            .position(|column| column == name)
            .ok_or_else(|| self.missing(&format!("There is no column called {}", shorten(name))))
    }

    /// The normalised name of a column.
    pub(super) fn normalised(&self, index: usize) -> &str {
        &self.whole[index]
    }

    /// An error of columns that are not there, with those that are.
    pub(super) fn missing(&self, message: &str) -> Error {
        let shown: Vec<String> = self.names.iter().take(12).map(|name| shorten(name)).collect();
        let more = if self.names.len() > 12 { ", …" } else { "" };
        let message = format!("{message}. The columns are: {}{more}.", shown.join(", "));
        Error::new(Code::MissingColumn, message).in_file(self.file)
    }
}
