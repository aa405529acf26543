//! Which log-probabilities a saved result was counted from: names of the models and hashes of their values.

use serde::{Deserialize, Serialize};

use crate::content_hash::{ContentHash, ValueHasher};
use crate::error::{Code, Error, Result};
use crate::log_probs::{Float, LogProbs, Rows};
use crate::parallel::Workers;
use crate::progress::Control;

/// Names and hashes of the models, in the order of all indices.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Identity {
    pub(super) names: Vec<String>,
    pub(super) hashes: Vec<ContentHash>,
}

/// A model in the header of a file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HeaderModel {
    name: String,
    hash: String,
}

impl Identity {
    /// Hashes the rows of the named models.
    ///
    /// # Errors
    /// [`Code::ShapeMismatch`] unless there is one name for each model; [`Code::InvalidOption`] for a name given twice;
    /// [`Code::Aborted`].
    pub(super) fn of(names: Vec<String>, log_probs: &LogProbs, workers: &Workers, control: &Control) -> Result<Self> {
        check_names(&names, log_probs.models())?;
        Ok(Self { hashes: row_hashes(log_probs, workers, control)?, names })
    }

    pub(super) fn to_header(&self) -> Vec<HeaderModel> {
        let models = self.names.iter().zip(&self.hashes);
        models.map(|(name, hash)| HeaderModel { name: name.clone(), hash: hash.to_string() }).collect()
    }

    /// What [`Identity::to_header`] made.
    ///
    /// # Errors
    /// [`Code::MalformedFile`], [`Code::InvalidOption`].
    pub(super) fn from_header(models: Vec<HeaderModel>) -> Result<Self> {
        let no_hash = || Error::new(Code::MalformedFile, "a hash is none.");
        let (names, hashes): (Vec<String>, Vec<Option<ContentHash>>) =
            models.into_iter().map(|model| (model.name, ContentHash::parse(&model.hash))).unzip();
        check_names(&names, names.len())?;
        Ok(Self { names, hashes: hashes.into_iter().collect::<Option<_>>().ok_or_else(no_hash)? })
    }
}

fn check_names(names: &[String], models: usize) -> Result<()> {
    if names.len() != models {
        return Err(Error::new(Code::ShapeMismatch, format!("There are {} names for {models} models.", names.len())));
    }
    let mut seen = std::collections::HashSet::new();
    match names.iter().position(|name| !seen.insert(name)) {
        None => Ok(()),
        Some(index) => {
            let message = format!("The name “{}” is given twice: every model needs its own.", names[index]);
            Err(Error::option(format!("models[{index}]"), message).at_model(index))
        }
    }
}

/// Hash of each row's values, widened to double precision: the same whatever format they came in.
fn row_hashes(log_probs: &LogProbs, workers: &Workers, control: &Control) -> Result<Vec<ContentHash>> {
    match log_probs.rows() {
        Rows::F32(rows) => workers.map(rows.len(), control, |model| row_hash(&rows[model], control)),
        Rows::F64(rows) => workers.map(rows.len(), control, |model| row_hash(&rows[model], control)),
    }
}

fn row_hash<T: Float>(row: &[T], control: &Control) -> Result<ContentHash> {
    let mut hash = ValueHasher::default();
    for chunk in row.chunks(1 << 18) {
        control.check()?;
        for &value in chunk {
            // Adding 0 makes one zero of the two.
            hash.add(value.into() + 0.0);
        }
    }
    Ok(hash.finish())
}
