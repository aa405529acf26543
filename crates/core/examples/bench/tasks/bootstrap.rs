//! The bootstrap of the tournament.

use std::path::Path;

use coverage_principle_core::resample::multiplicities;
use coverage_principle_core::tournament::{Bootstrap, BootstrapOptions, bootstrap};
use coverage_principle_core::{Control, Workers};
use serde::Deserialize;

use super::{Method, Run, npy, reading};
use crate::Refusal;
use crate::answer::Answer;

#[derive(Debug, Deserialize)]
pub(crate) struct Input {
    file: String,
    budgets: Vec<f64>,
    replicates: u32,
    seed: u64,
    threads: usize,
    method: Method,
}

impl Answer for Bootstrap {
    fn bytes(&self) -> Vec<u8> {
        self.tournaments.iter().flat_map(|at| &at.wins).flat_map(|wins| wins.to_le_bytes()).collect()
    }
}

/// How many replicates each model wins, at every budget.
pub(super) fn replicates(input: Input) -> Result<Run, Refusal> {
    let Input { file, budgets, replicates, seed, threads, method } = input;
    if method != Method::Core {
        return Err(Refusal::Skipped("there is one way to resample".to_owned()));
    }
    let workers = Workers::new(Some(threads))?;
    let matrix = reading::matrix(&file, &workers)?;
    let options = BootstrapOptions { n: budgets, replicates, seed, ..BootstrapOptions::default() };
    Ok(Box::new(move || Ok(Box::new(bootstrap(&matrix, None, None, &options, &workers, &Control::new())?))))
}

/// Writes how often each unit is drawn, [replicate, unit], so that others can resample the same way.
pub(crate) fn write_draws(file: &Path, units: usize, replicates: u32, seed: u64) -> Result<(), Refusal> {
    let mut draws = vec![0; units * replicates as usize];
    for (replicate, times) in (0..replicates).zip(draws.chunks_exact_mut(units)) {
        multiplicities(seed, replicate, times)?;
    }
    npy::write_u32(file, [replicates as usize, units], &draws)
}
