//! The simple tournament and its winner.

use coverage_principle_core::Workers;
use coverage_principle_core::selection::{Asked, WinnerAt, select_winners};
use coverage_principle_core::tournament::{
    OffsetOptions, OnPolicy, Ratios, Tournament, mean_log_probs, offset_tournament, tournament,
};
use napi::Env;
use napi::bindgen_prelude::{ClassInstance, Object, Uint32Array};
use napi_derive::napi;
use serde::{Deserialize, Serialize};

use crate::error::parse_job_options;
use crate::job::{Job, Output, spawn_output};
use crate::log_probs::LogProbsHandle;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct TournamentOptions {
    #[serde(rename = "N")]
    ratios: Vec<f64>,
    /// Hand the M×M counts of each N over, too.
    counts: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Tournaments {
    pub(crate) tournaments: Vec<Tournament>,
}

/// The simple tournament at every N. JSON `{ tournaments }`; `floats[0]`: mean log-probability of each model;
/// `counts[0]`: the counts `[N, a, b]` in row-major order, if asked for.
#[napi(js_name = "tournament", ts_return_type = "Promise<JobOutput>")]
pub fn run_tournament<'env>(
    env: &'env Env,
    log_probs: &LogProbsHandle,
    options: String,
    job: &Job,
) -> napi::Result<Object<'env>> {
    let matrix = log_probs.matrix()?;
    let (options, threads) = parse_job_options::<TournamentOptions>(&options)?;
    let compute = move |control: &_| {
        let ratios = Ratios::new(&options.ratios)?;
        let workers = Workers::new(threads)?;
        let (counts, tournaments) = tournament(&matrix, &ratios, &workers, control)?;
        let means = mean_log_probs(&matrix, &workers, control)?;
        let mut output = Output::new(&Tournaments { tournaments })?.with_floats(means);
        if options.counts {
            output = output.with_counts(counts.array().iter().copied().collect());
        }
        Ok(output)
    };
    spawn_output(env, job, compute)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct WinnerOptions {
    best_of: Vec<u32>,
    #[serde(rename = "N")]
    ratios: Vec<f64>,
}

#[derive(Serialize)]
struct Winners {
    winners: Vec<WinnerAt>,
}

/// The winner alone at every budget and N, and what to take there, most pairs never looked at. JSON `{ winners }`.
#[napi(js_name = "selectWinner", ts_return_type = "Promise<JobOutput>")]
pub fn run_select_winner<'env>(
    env: &'env Env,
    log_probs: &LogProbsHandle,
    options: String,
    job: &Job,
) -> napi::Result<Object<'env>> {
    let matrix = log_probs.matrix()?;
    let (options, threads) = parse_job_options::<WinnerOptions>(&options)?;
    let compute = move |control: &_| {
        let asked = Asked::new(&options.best_of, &options.ratios)?;
        let workers = Workers::new(threads)?;
        Output::new(&Winners { winners: select_winners(&matrix, &asked, &workers, control)? })
    };
    spawn_output(env, job, compute)
}

/// The offset tournament at every N. `on_policy[b]` holds the responses drawn from model b under every model. Prompts are
/// labels of the held-out responses, then of those of each model, or nothing where every response weighs the same. JSON:
/// list of `OffsetTournament`; `floats[k]`: row-major M×M values of the k-th N.
#[napi(js_name = "offsetTournament", ts_return_type = "Promise<JobOutput>")]
pub fn run_offset_tournament<'env>(
    env: &'env Env,
    log_probs: &LogProbsHandle,
    on_policy: Vec<ClassInstance<LogProbsHandle>>,
    prompts: Option<Vec<Uint32Array>>,
    options: String,
    job: &Job,
) -> napi::Result<Object<'env>> {
    let matrix = log_probs.matrix()?;
    let on_policy = on_policy.iter().map(|handle| handle.matrix()).collect::<napi::Result<Vec<_>>>()?;
    let prompts: Option<Vec<Vec<u32>>> =
        prompts.map(|prompts| prompts.into_iter().map(|labels| labels.to_vec()).collect());
    let (options, threads) = parse_job_options::<OffsetOptions>(&options)?;
    spawn_output(env, job, move |control| {
        let on_policy = match prompts.as_deref().and_then(<[_]>::split_first) {
            None => on_policy.iter().map(|matrix| OnPolicy::alike((**matrix).clone())).collect(),
            Some((held_out, drawn)) => {
                let each = on_policy.iter().zip(drawn).enumerate();
                each.map(|(model, (matrix, labels))| {
                    OnPolicy::by_prompt((**matrix).clone(), labels, held_out).map_err(|error| error.at_model(model))
                })
                .collect::<Result<Vec<_>, _>>()?
            }
        };
        let mut tournaments = offset_tournament(&matrix, &on_policy, &options, &Workers::new(threads)?, control)?;
        let values: Vec<Vec<f64>> = tournaments.iter_mut().map(|result| std::mem::take(&mut result.values)).collect();
        Ok(values.into_iter().fold(Output::new(&tournaments)?, Output::with_floats))
    })
}
