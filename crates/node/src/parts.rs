//! Counts in parts, for several machines.
#![expect(clippy::too_many_arguments, reason = "each is one input of a part")]

use std::sync::Arc;

use coverage_principle_core::selection::{SelectionOptions, ratios_to_count};
use coverage_principle_core::tournament::{AllParts, CountsPart, Shard, check_complete};
use coverage_principle_core::{Error, Workers};
use napi::Env;
use napi::bindgen_prelude::{Buffer, ClassInstance, Object};
use napi_derive::napi;

use crate::error::{parse_job_options, to_napi};
use crate::job::{Job, spawn};
use crate::log_probs::LogProbsHandle;

/// A part of the counts of a selection.
#[napi]
pub struct CountsPartHandle {
    part: Arc<CountsPart>,
}

#[napi]
impl CountsPartHandle {
    /// Reads a file that `toBytes` wrote; everything is checked.
    #[napi(factory)]
    pub fn from_bytes(bytes: Buffer) -> napi::Result<Self> {
        let part = CountsPart::from_bytes(&bytes).map_err(|error| to_napi(&error))?;
        Ok(Self { part: Arc::new(part) })
    }

    /// The bytes of the file.
    #[napi]
    pub fn to_bytes(&self) -> napi::Result<Buffer> {
        Ok(self.part.to_bytes().map_err(|error| to_napi(&error))?.into())
    }

    /// Which part of how many, from 1.
    #[napi(getter)]
    #[must_use]
    pub fn shard(&self) -> Vec<u32> {
        <[u32; 2]>::from(self.part.shard()).to_vec()
    }

    /// The words of the command that asks for the whole.
    #[napi(getter)]
    #[must_use]
    pub fn command(&self) -> Vec<String> {
        self.part.command().to_vec()
    }
}

fn to_shard((part, of): (u32, u32)) -> napi::Result<Shard> {
    Shard::try_from([part, of]).map_err(|why| to_napi(&Error::option("shard", why)))
}

/// Makes sure that every part is there, and once; `labels` name them in messages.
#[napi]
pub fn check_parts(shards: Vec<(u32, u32)>, labels: Vec<String>) -> napi::Result<()> {
    let shards = shards.into_iter().map(to_shard).collect::<napi::Result<Vec<_>>>()?;
    check_complete(shards.into_iter().zip(labels.iter().map(String::as_str))).map_err(|error| to_napi(&error))
}

/// Counts part `shard[0]` of `shard[1]` of what a selection with these options counts; the one that is `there` is taken if
/// it is that.
#[napi(ts_return_type = "Promise<CountsPartHandle>")]
pub fn count_part<'env>(
    env: &'env Env,
    names: Vec<String>,
    log_probs: &LogProbsHandle,
    shard: (u32, u32),
    command: Vec<String>,
    there: Option<ClassInstance<CountsPartHandle>>,
    options: String,
    job: &Job,
) -> napi::Result<Object<'env>> {
    let matrix = log_probs.matrix()?;
    let there = there.map(|handle| Arc::clone(&handle.part));
    let (options, threads) = parse_job_options::<SelectionOptions>(&options)?;
    let shard = to_shard(shard)?;
    let compute = move |control: &_| {
        let ratios = ratios_to_count(&options, matrix.models())?;
        let workers = Workers::new(threads)?;
        CountsPart::count(names, &matrix, ratios, shard, command, there.as_deref(), &workers, control)
    };
    spawn(env, job, compute, |_, part| Ok(CountsPartHandle { part: Arc::new(part) }))
}

/// All parts of the counts of a selection.
#[napi]
pub struct AllPartsHandle {
    parts: Arc<AllParts>,
}

impl AllPartsHandle {
    /// The counts, shared with the job that is to read them.
    pub(crate) fn parts(&self) -> Arc<AllParts> {
        Arc::clone(&self.parts)
    }
}

#[napi]
impl AllPartsHandle {
    /// Puts parts together; `labels` name them in messages.
    #[napi(factory)]
    pub fn assemble(parts: Vec<ClassInstance<CountsPartHandle>>, labels: Vec<String>) -> napi::Result<Self> {
        let own: Vec<&CountsPart> = parts.iter().map(|handle| &*handle.part).collect();
        let parts = AllParts::assemble(&own, &labels).map_err(|error| to_napi(&error))?;
        Ok(Self { parts: Arc::new(parts) })
    }

    /// Names of the models, in the order of all indices.
    #[napi(getter)]
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.parts.names().to_vec()
    }
}
