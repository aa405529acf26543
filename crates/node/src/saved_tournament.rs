//! Tournaments that are saved and extended as training goes on.

use std::sync::Arc;

use coverage_principle_core::Workers;
use coverage_principle_core::tournament::{Ratios, SavedTournament};
use napi::Env;
use napi::bindgen_prelude::{Buffer, Object};
use napi_derive::napi;
use serde::Deserialize;

use crate::error::{NoOptions, parse_job_options, to_napi};
use crate::job::{Job, JobOutput, Output, spawn};
use crate::log_probs::LogProbsHandle;
use crate::tournament::Tournaments;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StartOptions {
    #[serde(rename = "N")]
    ratios: Vec<f64>,
}

/// All counts of a tournament, with hashes of the log-probabilities they were counted from.
#[napi]
pub struct SavedTournamentHandle {
    saved: Arc<SavedTournament>,
}

impl SavedTournamentHandle {
    /// The tournament, shared with the job that is to read it.
    pub(crate) fn saved(&self) -> Arc<SavedTournament> {
        Arc::clone(&self.saved)
    }
}

#[napi]
impl SavedTournamentHandle {
    /// Reads a file that `toBytes` wrote; everything is checked.
    #[napi(factory)]
    pub fn from_bytes(bytes: Buffer) -> napi::Result<Self> {
        let saved = SavedTournament::from_bytes(&bytes).map_err(|error| to_napi(&error))?;
        Ok(Self { saved: Arc::new(saved) })
    }

    /// The bytes of the file.
    #[napi]
    pub fn to_bytes(&self) -> napi::Result<Buffer> {
        Ok(self.saved.to_bytes().map_err(|error| to_napi(&error))?.into())
    }

    /// Names of the models, in the order of all indices.
    #[napi(getter)]
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.saved.names().to_vec()
    }

    /// The values of N.
    #[napi(getter)]
    #[must_use]
    pub fn ratios(&self) -> Vec<f64> {
        self.saved.ratios().n().to_vec()
    }

    /// As `tournament` gives them: JSON `{ tournaments }`, `floats[0]` mean log-probabilities, `counts[0]` as there.
    #[napi]
    pub fn results(&self) -> napi::Result<JobOutput> {
        let output = || {
            let tournaments = self.saved.tournaments();
            let counts = self.saved.counts().array().iter().copied().collect();
            let output = Output::new(&Tournaments { tournaments })?.with_floats(self.saved.means().to_vec());
            Ok(output.with_counts(counts).into_js())
        };
        output().map_err(|error| to_napi(&error))
    }

    /// The tournament with every model of `log_probs` that is not in it yet.
    #[napi(ts_return_type = "Promise<SavedTournamentHandle>")]
    pub fn extend<'env>(
        &self,
        env: &'env Env,
        names: Vec<String>,
        log_probs: &LogProbsHandle,
        options: String,
        job: &Job,
    ) -> napi::Result<Object<'env>> {
        let (saved, matrix) = (Arc::clone(&self.saved), log_probs.matrix()?);
        let (NoOptions {}, threads) = parse_job_options(&options)?;
        let compute = move |control: &_| saved.extend(&names, &matrix, &Workers::new(threads)?, control);
        spawn(env, job, compute, |_, saved| Ok(Self { saved: Arc::new(saved) }))
    }
}

/// Runs the tournament of the named models, to be saved.
#[napi(ts_return_type = "Promise<SavedTournamentHandle>")]
pub fn start_saved_tournament<'env>(
    env: &'env Env,
    names: Vec<String>,
    log_probs: &LogProbsHandle,
    options: String,
    job: &Job,
) -> napi::Result<Object<'env>> {
    let matrix = log_probs.matrix()?;
    let (options, threads) = parse_job_options::<StartOptions>(&options)?;
    let compute = move |control: &_| {
        SavedTournament::new(names, &matrix, Ratios::new(&options.ratios)?, &Workers::new(threads)?, control)
    };
    spawn(env, job, compute, |_, saved| Ok(SavedTournamentHandle { saved: Arc::new(saved) }))
}
