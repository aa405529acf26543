//! Finding the columns of a table by what they are called.

use super::json::shorten;
use crate::error::{Code, Error, Result};

/// Names of models proper, as [`normalise`] writes them.
pub(super) const MODEL_NAMES: [&str; 6] =
    ["model", "modelname", "modelid", "modelpath", "modelnameorpath", "basemodel"];

/// What tells checkpoints of one model apart.
pub(super) const CHECKPOINT_NAMES: [&str; 7] =
    ["checkpoint", "ckpt", "step", "globalstep", "trainstep", "revision", "checkpointstep"];

/// What people call the last row of a table that sums the others up.
pub(super) const TOTALS: [&str; 8] = ["mean", "average", "avg", "total", "totals", "sum", "overall", "median"];

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
        self.alike(names).first().copied()
    }

    /// All columns that have the first of `names` that one has: several are spelt differently, or are fields of different
    /// objects.
    fn alike(&self, names: &[&str]) -> Vec<usize> {
        let with = |has: &dyn Fn(usize, &str) -> bool| {
            let of = |name: &&str| (0..self.names.len()).filter(|&index| has(index, name)).collect::<Vec<_>>();
            names.iter().map(of).find(|found| !found.is_empty()).unwrap_or_default()
        };
        let whole = with(&|index, name| self.whole[index] == name);
        if whole.is_empty() { with(&|index, name| self.last[index].as_deref() == Some(name)) } else { whole }
    }

    /// All columns that have one of `names`, in the order of `names`.
    pub(super) fn all(&self, names: &[&str]) -> Vec<usize> {
        let with = |name: &&str| (0..self.names.len()).filter(|&index| self.whole[index] == **name).collect::<Vec<_>>();
        names.iter().flat_map(with).collect()
    }

    /// All fields inside others that have one of `names`.
    pub(super) fn fields(&self, names: &[&str]) -> Vec<usize> {
        let is = |index: &usize| self.last[*index].as_deref().is_some_and(|last| names.contains(&last));
        (0..self.names.len()).filter(is).collect()
    }

    /// The column of the first of `names` that one has, for what the option `role` names otherwise.
    ///
    /// # Errors
    /// [`Code::AmbiguousColumn`] if several columns have that name: `logProb` beside `log_prob`, or `a.id` beside `b.id`.
    pub(super) fn only(&self, names: &[&str], role: &str) -> Result<Option<usize>> {
        match self.alike(names)[..] {
            [] => Ok(None),
            [column] => Ok(Some(column)),
            [first, second, ..] => {
                let (first, second) = (shorten(&self.names[first]), shorten(&self.names[second]));
                let message =
                    format!("Both {first} and {second} could be meant: say which it is (--column {role}={first})");
                Err(self.ambiguous(&message))
            }
        }
    }

    /// The column that the user chose for a role, or the one of an expected name.
    pub(super) fn role(&self, chosen: Option<&str>, names: &[&str], role: &str) -> Result<Option<usize>> {
        match chosen {
            Some(name) => self.named(name).map(Some),
            None => self.only(names, role),
        }
    }

    /// The columns that together name the model: one of its names, then what tells its checkpoints apart.
    pub(super) fn models(&self, chosen: Option<&str>) -> Result<Vec<usize>> {
        if let Some(name) = chosen {
            return Ok(vec![self.named(name)?]);
        }
        let names = self.all(&MODEL_NAMES);
        if let [first, second, ..] = names[..]
            && self.whole[first] == self.whole[second]
        {
            return self.only(&[&*self.whole[first]], "model").map(|_| names);
        }
        Ok(names.into_iter().take(1).chain(self.all(&CHECKPOINT_NAMES)).collect())
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

    /// An error of columns of which more than one could be meant, with those that are there.
    pub(super) fn ambiguous(&self, message: &str) -> Error {
        let mut error = self.missing(message);
        error.code = Code::AmbiguousColumn;
        error
    }
}
