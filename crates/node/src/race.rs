//! Races: scoring no further than it takes to decide.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use coverage_principle_core::race::{Race, RaceOptions, RacePair};
use coverage_principle_core::{Control, Result, Workers};
use napi::Env;
use napi::bindgen_prelude::{Buffer, Float64Array, Object, Uint32Array};
use napi_derive::napi;

use crate::error::{NoOptions, parse_job_options, parse_options, to_json, to_napi};
use crate::job::{Job, JobOutput, Output, spawn, spawn_output};

/// A race and the names of its models.
#[napi]
pub struct RaceHandle {
    names: Vec<String>,
    race: Arc<Mutex<Race>>,
}

/// Pairs cross as (response, model), one after the other.
fn to_pairs(flat: &[u32]) -> Vec<RacePair> {
    flat.as_chunks::<2>().0.iter().map(|&[response, model]| RacePair { response, model }).collect()
}

fn from_pairs(pairs: &[RacePair]) -> Vec<u32> {
    pairs.iter().flat_map(|pair| [pair.response, pair.model]).collect()
}

fn lock(race: &Mutex<Race>) -> MutexGuard<'_, Race> {
    race.lock().unwrap_or_else(PoisonError::into_inner)
}

impl RaceHandle {
    fn new((names, race): (Vec<String>, Race)) -> Self {
        Self { names, race: Arc::new(Mutex::new(race)) }
    }

    /// Changes the race as a job; JSON: its state then.
    fn change<'env>(
        &self,
        env: &'env Env,
        options: &str,
        job: &Job,
        change: impl FnOnce(&mut Race, &Workers, &Control) -> Result<()> + Send + 'static,
    ) -> napi::Result<Object<'env>> {
        let race = Arc::clone(&self.race);
        let (NoOptions {}, threads) = parse_job_options(options)?;
        spawn_output(env, job, move |control| {
            let workers = Workers::new(threads)?;
            let mut race = lock(&race);
            change(&mut race, &workers, control)?;
            Output::new(&race.state())
        })
    }
}

#[napi]
impl RaceHandle {
    /// A race about to begin.
    #[napi(factory)]
    pub fn create(names: Vec<String>, options: String) -> napi::Result<Self> {
        let race = Race::new(parse_options::<RaceOptions>(&options)?).map_err(|error| to_napi(&error))?;
        Ok(Self::new((names, race)))
    }

    /// Names of the models, in the order of all indices.
    #[napi(getter)]
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.names.clone()
    }

    /// JSON of the options it was created with.
    #[napi(getter)]
    pub fn options(&self) -> napi::Result<String> {
        to_json(lock(&self.race).options())
    }

    /// JSON of where the race stands.
    #[napi]
    pub fn state(&self) -> napi::Result<String> {
        to_json(&lock(&self.race).state())
    }

    /// Up to `count` pairs (response, model) to be scored next.
    #[napi]
    #[must_use]
    pub fn next(&self, count: u32) -> Uint32Array {
        from_pairs(&lock(&self.race).next(count as usize)).into()
    }

    /// Pairs that will not be answered.
    #[napi]
    pub fn release(&self, pairs: Uint32Array) -> napi::Result<()> {
        lock(&self.race).release(&to_pairs(&pairs)).map_err(|error| to_napi(&error))
    }

    /// All that is scored: `counts[0]` the pairs, `floats[0]` their log-probabilities.
    #[napi]
    pub fn known(&self) -> napi::Result<JobOutput> {
        let (pairs, values) = lock(&self.race).known();
        let output = Output::new(&()).map_err(|error| to_napi(&error))?;
        Ok(output.with_floats(values).with_counts(from_pairs(&pairs)).into_js())
    }

    /// The bytes of a file.
    #[napi]
    pub fn to_bytes(&self) -> napi::Result<Buffer> {
        Ok(lock(&self.race).to_bytes(&self.names).map_err(|error| to_napi(&error))?.into())
    }

    /// Takes log-probabilities in; JSON: the state then.
    #[napi(ts_return_type = "Promise<JobOutput>")]
    pub fn add<'env>(
        &self,
        env: &'env Env,
        pairs: Uint32Array,
        log_probs: Float64Array,
        options: String,
        job: &Job,
    ) -> napi::Result<Object<'env>> {
        let (pairs, values) = (to_pairs(&pairs), log_probs.to_vec());
        self.change(env, &options, job, move |race, workers, control| race.add(&pairs, &values, workers, control))
    }

    /// As `add`, at once, for as much as a request brings.
    #[napi]
    pub fn add_now(&self, pairs: Uint32Array, log_probs: Float64Array) -> napi::Result<()> {
        lock(&self.race)
            .add(&to_pairs(&pairs), &log_probs, &Workers::sequential(), &Control::new())
            .map_err(|error| to_napi(&error))
    }

    /// Pairs that cannot be scored, at once.
    #[napi]
    pub fn lose(&self, pairs: Uint32Array) -> napi::Result<()> {
        lock(&self.race)
            .lose(&to_pairs(&pairs), &Workers::sequential(), &Control::new())
            .map_err(|error| to_napi(&error))
    }

    /// Whether nothing is left to be scored.
    #[napi(getter)]
    #[must_use]
    pub fn done(&self) -> bool {
        lock(&self.race).is_done()
    }

    /// Models that can be scored no more; JSON: the state then.
    #[napi(ts_return_type = "Promise<JobOutput>")]
    pub fn retire<'env>(
        &self,
        env: &'env Env,
        models: Uint32Array,
        options: String,
        job: &Job,
    ) -> napi::Result<Object<'env>> {
        let models = models.to_vec();
        self.change(env, &options, job, move |race, workers, control| race.retire(&models, workers, control))
    }

    /// The race of these models and others that join.
    #[napi(ts_return_type = "Promise<RaceHandle>")]
    pub fn join<'env>(
        &self,
        env: &'env Env,
        names: Vec<String>,
        options: String,
        job: &Job,
    ) -> napi::Result<Object<'env>> {
        let race = Arc::clone(&self.race);
        let all = [self.names.as_slice(), &names].concat();
        let (NoOptions {}, threads) = parse_job_options(&options)?;
        let joining = u32::try_from(names.len()).unwrap_or(u32::MAX);
        let compute = move |control: &_| lock(&race).joined(joining, &Workers::new(threads)?, control);
        spawn(env, job, compute, |_, race| Ok(Self::new((all, race))))
    }
}

/// Reads a file that `toBytes` wrote; everything is checked, and decided anew.
#[napi(ts_return_type = "Promise<RaceHandle>")]
pub fn read_race<'env>(env: &'env Env, bytes: Buffer, options: String, job: &Job) -> napi::Result<Object<'env>> {
    let bytes = bytes.to_vec();
    let (NoOptions {}, threads) = parse_job_options(&options)?;
    let compute = move |control: &_| Race::from_bytes(&bytes, &Workers::new(threads)?, control);
    spawn(env, job, compute, |_, race| Ok(RaceHandle::new(race)))
}
