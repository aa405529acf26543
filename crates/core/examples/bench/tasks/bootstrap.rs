//! The bootstrap of the tournament.

use std::path::Path;

use coverage_principle_core::resample::Draws;
use coverage_principle_core::tournament::{Ratios, Resampled, resampled_wins, tournament};
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

/// Wins by model, tournament after tournament.
struct ByModel(Vec<Vec<u32>>);

impl Answer for ByModel {
    fn bytes(&self) -> Vec<u8> {
        self.0.iter().flatten().flat_map(|wins| wins.to_le_bytes()).collect()
    }
}

/// How many replicates each model wins, at every N; the tournament on all responses included.
pub(super) fn replicates(input: Input) -> Result<Run, Refusal> {
    let Input { file, budgets, replicates, seed, threads, method } = input;
    if method != Method::Core {
        return Err(Refusal::Skipped("there is one way to resample".to_owned()));
    }
    let workers = Workers::new(Some(threads))?;
    let matrix = reading::matrix(&file, &workers)?;
    Ok(Box::new(move || {
        let (ratios, control) = (Ratios::new(&budgets)?, Control::new());
        let (counts, whole) = tournament(&matrix, &ratios, &workers, &control)?;
        let contests: Vec<Resampled> = (whole.into_iter().enumerate())
            .map(|(ratio, result)| Resampled { ratio, candidates: result.ranking })
            .collect();
        let draws = (replicates, seed);
        let found = resampled_wins(&matrix, None, &counts, &ratios, &contests, draws, &workers, &control)?;
        let by_model = contests.iter().zip(found.wins).map(|(contest, wins)| {
            let mut by_model = vec![0; wins.len()];
            contest.candidates.iter().zip(wins).for_each(|(&model, wins)| by_model[model] = wins);
            by_model
        });
        Ok(Box::new(ByModel(by_model.collect())))
    }))
}

/// Writes how often each unit is drawn, [replicate, unit], so that others can resample the same way.
pub(crate) fn write_draws(file: &Path, units: usize, replicates: u32, seed: u64) -> Result<(), Refusal> {
    let draws = Draws::new(units)?;
    let mut drawn = vec![0; units * replicates as usize];
    for (replicate, times) in (0..replicates).zip(drawn.chunks_exact_mut(units)) {
        draws.times(seed, replicate, times);
    }
    npy::write_u32(file, [replicates as usize, units], &drawn)
}
