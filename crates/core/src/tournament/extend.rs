//! A finished tournament that can be saved, and extended by further checkpoints at O(M·n) each.

use ndarray::Array3;
use serde::{Deserialize, Serialize};

use super::counts::{Counts, counts, counts_block};
use super::mean_log_probs::mean_log_probs;
use super::ranking::{Scores, Tournament, with_reaches};
use super::ratios::Ratios;
use super::reach::{Known, counts_with_rungs, extended_log_reaches, log_reaches};
use crate::content_hash::{ContentHash, ValueHasher};
use crate::error::{Code, Error, Result};
use crate::log_probs::{Float, LogProbs, Rows};
use crate::parallel::Workers;
use crate::progress::Control;

/// First bytes of a saved tournament; the last one is the version of the format.
const MAGIC: &[u8; 8] = b"COVTRNY\x02";

/// All counts of a tournament, with hashes of the log-probabilities they were counted from.
///
/// Format of the file, all integers little-endian: 8 bytes magic and version; length of the header (u32); header in
/// JSON (names and hashes of the models, n, number of N); the values of N, the mean log-likelihoods and, for each N, the
/// log reaches (f64); for each N the row-major M×M counts (u32); 16 bytes [`ContentHash`] of everything before.
#[derive(Clone, Debug, PartialEq)]
pub struct SavedTournament {
    names: Vec<String>,
    hashes: Vec<ContentHash>,
    ratios: Ratios,
    means: Vec<f64>,
    /// log reach at each N of each model.
    log_reaches: Vec<Vec<f64>>,
    counts: Counts,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    models: Vec<HeaderModel>,
    responses: u32,
    ratios: usize,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct HeaderModel {
    name: String,
    hash: String,
}

impl SavedTournament {
    /// Runs the tournament of the named models.
    ///
    /// # Errors
    /// [`Code::ShapeMismatch`] unless there is one name for each model; [`Code::InvalidOption`] for a name given
    /// twice; as [`counts`].
    pub fn new(
        names: Vec<String>,
        log_probs: &LogProbs,
        ratios: Ratios,
        workers: &Workers,
        control: &Control,
    ) -> Result<Self> {
        check_names(&names, log_probs.models())?;
        let (with_rungs, all) = counts_with_rungs(log_probs, &ratios, workers, control)?;
        let counts = with_rungs.first(ratios.len());
        let means = mean_log_probs(log_probs, workers, control)?;
        let log_reaches = log_reaches(log_probs, &with_rungs, &all, &scores(&counts), workers, control)?;
        Ok(Self { names, hashes: row_hashes(log_probs, workers, control)?, ratios, means, log_reaches, counts })
    }

    /// The same tournament with every model of `log_probs` that is not in it yet, without comparing two old models
    /// again. `names[m]` names row m; the models already in the tournament may come in any order, all of them with the
    /// log-probabilities they had. Old models keep their places, new ones follow in the order of `log_probs`.
    ///
    /// # Errors
    /// [`Code::InputChanged`], naming the model, if an old one is missing or its log-probabilities are others;
    /// [`Code::ShapeMismatch`]; as [`SavedTournament::new`].
    pub fn extend(&self, names: &[String], log_probs: &LogProbs, workers: &Workers, control: &Control) -> Result<Self> {
        check_names(names, log_probs.models())?;
        if log_probs.responses() != self.counts.responses() as usize {
            return Err(Error::new(
                Code::InputChanged,
                format!(
                    "The saved tournament is over {} responses, the models are scored on {}.",
                    self.counts.responses(),
                    log_probs.responses()
                ),
            ));
        }
        let hashes = row_hashes(log_probs, workers, control)?;
        let places: std::collections::HashMap<&str, usize> =
            names.iter().enumerate().map(|(place, name)| (name.as_str(), place)).collect();
        let mut old = Vec::with_capacity(self.names.len());
        for (name, hash) in self.names.iter().zip(&self.hashes) {
            let Some(&place) = places.get(name.as_str()) else {
                return Err(Error::new(
                    Code::InputChanged,
                    format!(
                        "The saved tournament has a model “{name}” that is not in the input: give its log-probabilities, too."
                    ),
                ));
            };
            if hashes[place] != *hash {
                return Err(Error::new(
                    Code::InputChanged,
                    format!("The log-probabilities of “{name}” are not those of the saved tournament: run it anew."),
                )
                .at_model(place));
            }
            old.push(place);
        }
        let mut is_old = vec![false; names.len()];
        old.iter().for_each(|&place| is_old[place] = true);
        let new: Vec<usize> = (0..names.len()).filter(|&place| !is_old[place]).collect();
        if new.is_empty() {
            return Ok(self.clone());
        }
        let new_rows = log_probs.select_models(&new)?;
        let between = counts_block(&log_probs.select_models(&old)?, &new_rows, &self.ratios, workers, control)?;
        let among = counts(&new_rows, &self.ratios, workers, control)?;
        let counts = self.counts.extended(&between, &among)?;
        let (before, after) = (scores(&self.counts), scores(&counts));
        let known = Known { score_counts: &before, log_reaches: &self.log_reaches };
        let all = log_probs.select_models(&[old.as_slice(), &new].concat())?;
        let log_reaches = extended_log_reaches(&all, &counts, &self.ratios, &after, &known, workers, control)?;
        let mut extended = Self { counts, log_reaches, ..self.clone() };
        extended.means.extend(mean_log_probs(&new_rows, workers, control)?);
        for place in new {
            extended.names.push(names[place].clone());
            extended.hashes.push(hashes[place]);
        }
        Ok(extended)
    }

    /// Names of the models, in the order of all indices.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The values of N.
    #[must_use]
    pub fn ratios(&self) -> &Ratios {
        &self.ratios
    }

    /// All counts.
    #[must_use]
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Mean log-likelihood of each model, in nats.
    #[must_use]
    pub fn means(&self) -> &[f64] {
        &self.means
    }

    /// Scores, ranking and winner at each N.
    #[must_use]
    pub fn tournaments(&self) -> Vec<Tournament> {
        with_reaches(&self.counts, &self.ratios, &self.log_reaches, &self.means)
    }

    /// The bytes of the file.
    ///
    /// # Errors
    /// [`Code::TooLarge`] if the names alone need 4 GiB.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let models = self.names.iter().zip(&self.hashes);
        let header = Header {
            models: models.map(|(name, hash)| HeaderModel { name: name.clone(), hash: hash.to_string() }).collect(),
            responses: self.counts.responses(),
            ratios: self.ratios.len(),
        };
        let header = serde_json::to_vec(&header)
            .map_err(|error| Error::new(Code::Internal, format!("The header of a tournament: {error}.")))?;
        let length = u32::try_from(header.len())
            .map_err(|_| Error::new(Code::TooLarge, "The names of the models are too long to be saved."))?;
        let mut bytes = MAGIC.to_vec();
        bytes.extend(length.to_le_bytes());
        bytes.extend(header);
        for value in self.ratios.n().iter().chain(&self.means).chain(self.log_reaches.iter().flatten()) {
            bytes.extend(value.to_le_bytes());
        }
        for count in self.counts.array() {
            bytes.extend(count.to_le_bytes());
        }
        let checksum = ContentHash::of_bytes(&bytes);
        bytes.extend(checksum.to_bytes());
        Ok(bytes)
    }

    /// Reads what [`SavedTournament::to_bytes`] wrote; everything is checked.
    ///
    /// # Errors
    /// [`Code::MalformedFile`] for anything else, cut off or altered bytes included.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let malformed = |what: &str| Error::new(Code::MalformedFile, format!("This is no saved tournament: {what}."));
        let body = bytes.strip_prefix(MAGIC).ok_or_else(|| {
            malformed("it does not begin as one of this version does; run the tournament anew to save it")
        })?;
        let (_, checksum) = bytes.split_last_chunk::<16>().ok_or_else(|| malformed("it is cut off"))?;
        if ContentHash::of_bytes(&bytes[..bytes.len() - 16]).to_bytes() != *checksum {
            return Err(malformed("it is cut off or altered, its checksum does not hold"));
        }
        let body = &body[..body.len().saturating_sub(16)];
        let (length, body) = body.split_first_chunk::<4>().ok_or_else(|| malformed("it is cut off"))?;
        let (header, body) = body
            .split_at_checked(u32::from_le_bytes(*length) as usize)
            .ok_or_else(|| malformed("its header is longer than the file"))?;
        let header: Header =
            serde_json::from_slice(header).map_err(|error| malformed(&format!("its header is wrong, {error}")))?;
        let models = header.models.len();
        let cells = models.checked_mul(models).and_then(|cells| cells.checked_mul(header.ratios));
        let reaches = header.ratios.checked_mul(models);
        let floats = header.ratios.checked_add(models).and_then(|rest| rest.checked_add(reaches?));
        let size = cells.and_then(|c| c.checked_mul(4)).zip(floats.and_then(|f| f.checked_mul(8)));
        if models == 0 || size.and_then(|(counts, floats)| counts.checked_add(floats)) != Some(body.len()) {
            return Err(malformed("its length does not fit its header"));
        }
        let (floats, counts) = body.split_at(8 * (header.ratios + models + header.ratios * models));
        let floats: Vec<f64> = floats.as_chunks::<8>().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect();
        let (n, rest) = floats.split_at(header.ratios);
        if rest.iter().any(|value| value.is_nan()) {
            return Err(malformed("a mean log-likelihood or a reach is NaN"));
        }
        let (means, log_reaches) = rest.split_at(models);
        let counts: Vec<u32> = counts.as_chunks::<4>().0.iter().map(|bytes| u32::from_le_bytes(*bytes)).collect();
        let counts = Array3::from_shape_vec((header.ratios, models, models), counts)
            .map_err(|_| malformed("its length does not fit its header"))?;
        let (names, hashes): (Vec<String>, Vec<Option<ContentHash>>) =
            header.models.into_iter().map(|model| (model.name, ContentHash::parse(&model.hash))).unzip();
        let inner = |error: Error| malformed(error.message.trim_end_matches('.'));
        check_names(&names, models).map_err(inner)?;
        Ok(Self {
            names,
            hashes: hashes.into_iter().collect::<Option<_>>().ok_or_else(|| malformed("a hash is none"))?,
            ratios: Ratios::new(n).map_err(inner)?,
            means: means.to_vec(),
            log_reaches: log_reaches.chunks(models).map(<[f64]>::to_vec).collect(),
            counts: Counts::new(header.responses, counts).map_err(inner)?,
        })
    }
}

/// The scores at each N, as counts.
fn scores(counts: &Counts) -> Vec<Vec<u32>> {
    (0..counts.ratios()).map(|ratio| Scores::new(counts, ratio).counts).collect()
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

#[cfg(test)]
mod tests;
