//! A finished tournament that can be saved, and extended by further checkpoints at O(M·n) each.

use ndarray::Array3;
use serde::{Deserialize, Serialize};

use super::counts::{Counts, counts, counts_block};
use super::identity::{HeaderModel, Identity};
use super::mean_log_probs::mean_log_probs;
use super::ranking::{Scores, Tournament, with_reaches};
use super::ratios::Ratios;
use super::reach::{Known, counts_with_rungs, extended_log_reaches, log_reaches};
use crate::error::{Code, Error, Result};
use crate::log_probs::LogProbs;
use crate::parallel::Workers;
use crate::progress::Control;
use crate::saved::{self, Frame};

const FRAME: Frame =
    Frame { magic: b"COVTRNY\x02", what: "saved tournament", otherwise: "; run the tournament anew to save it" };

/// All counts of a tournament, with hashes of the log-probabilities they were counted from.
///
/// Format of the file, framed as all results that are kept: in the header names and hashes of the models, n, number of N;
/// the values of N, the mean log-likelihoods and, for each N, the log reaches (f64); for each N the row-major M×M counts
/// (u32).
#[derive(Clone, Debug, PartialEq)]
pub struct SavedTournament {
    identity: Identity,
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
        let identity = Identity::of(names, log_probs, workers, control)?;
        let (with_rungs, all) = counts_with_rungs(log_probs, &ratios, workers, control)?;
        let counts = with_rungs.first(ratios.len());
        let means = mean_log_probs(log_probs, workers, control)?;
        let log_reaches = log_reaches(log_probs, &with_rungs, &all, &scores(&counts), workers, control)?;
        Ok(Self { identity, ratios, means, log_reaches, counts })
    }

    /// The same tournament with every model of `log_probs` that is not in it yet, without comparing two old models
    /// again. `names[m]` names row m; the models already in the tournament may come in any order, all of them with the
    /// log-probabilities they had. Old models keep their places, new ones follow in the order of `log_probs`.
    ///
    /// # Errors
    /// [`Code::InputChanged`], naming the model, if an old one is missing or its log-probabilities are others;
    /// [`Code::ShapeMismatch`]; as [`SavedTournament::new`].
    pub fn extend(&self, names: &[String], log_probs: &LogProbs, workers: &Workers, control: &Control) -> Result<Self> {
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
        let given = Identity::of(names.to_vec(), log_probs, workers, control)?;
        let places: std::collections::HashMap<&str, usize> =
            names.iter().enumerate().map(|(place, name)| (name.as_str(), place)).collect();
        let mut old = Vec::with_capacity(self.names().len());
        for (name, hash) in self.identity.names.iter().zip(&self.identity.hashes) {
            let Some(&place) = places.get(name.as_str()) else {
                return Err(Error::new(
                    Code::InputChanged,
                    format!(
                        "The saved tournament has a model “{name}” that is not in the input: give its log-probabilities, too."
                    ),
                ));
            };
            if given.hashes[place] != *hash {
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
            extended.identity.names.push(names[place].clone());
            extended.identity.hashes.push(given.hashes[place]);
        }
        Ok(extended)
    }

    /// Names of the models, in the order of all indices.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.identity.names
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
        let header =
            Header { models: self.identity.to_header(), responses: self.counts.responses(), ratios: self.ratios.len() };
        let floats = || self.ratios.n().iter().chain(&self.means).chain(self.log_reaches.iter().flatten());
        let size = 8 * floats().count() + 4 * self.counts.array().len();
        FRAME.write(&header, size, |bytes| {
            floats().for_each(|value| bytes.extend(value.to_le_bytes()));
            self.counts.array().iter().for_each(|count| bytes.extend(count.to_le_bytes()));
        })
    }

    /// Reads what [`SavedTournament::to_bytes`] wrote; everything is checked.
    ///
    /// # Errors
    /// [`Code::MalformedFile`] for anything else, cut off or altered bytes included.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let (header, body) = FRAME.read::<Header>(bytes)?;
        let malformed = |what: &str| FRAME.malformed(what);
        let models = header.models.len();
        let cells = models.checked_mul(models).and_then(|cells| cells.checked_mul(header.ratios));
        let reaches = header.ratios.checked_mul(models);
        let floats = header.ratios.checked_add(models).and_then(|rest| rest.checked_add(reaches?));
        let size = cells.and_then(|c| c.checked_mul(4)).zip(floats.and_then(|f| f.checked_mul(8)));
        if models == 0 || size.and_then(|(counts, floats)| counts.checked_add(floats)) != Some(body.len()) {
            return Err(malformed("its length does not fit its header"));
        }
        let (floats, counts) = body.split_at(8 * (header.ratios + models + header.ratios * models));
        let floats = saved::floats(floats);
        let (n, rest) = floats.split_at(header.ratios);
        if rest.iter().any(|value| value.is_nan()) {
            return Err(malformed("a mean log-likelihood or a reach is NaN"));
        }
        let (means, log_reaches) = rest.split_at(models);
        let counts = Array3::from_shape_vec((header.ratios, models, models), saved::words(counts))
            .map_err(|_| malformed("its length does not fit its header"))?;
        let inner = |error| FRAME.inner(error);
        Ok(Self {
            identity: Identity::from_header(header.models).map_err(inner)?,
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

#[cfg(test)]
mod tests;
