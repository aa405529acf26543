//! Counting over blocks of models and responses.
//!
//! A block of responses is taken through two steps: the thresholds θ of every model ([`threshold`]), then the counts
//! of every pair of models, in tiles that fit the cache. What is held beside the input is the thresholds of one block
//! and the counts.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod dispatch;
#[cfg(target_arch = "x86_64")]
mod fixed_point;
#[cfg(target_arch = "x86_64")]
mod grid;
mod lanes;
#[cfg(target_arch = "aarch64")]
mod neon;
#[cfg(target_arch = "x86_64")]
mod planes;
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
mod scalar;
#[cfg(target_arch = "x86_64")]
mod sse2;
mod threshold;
mod tiles;
#[cfg(target_arch = "x86_64")]
mod words;

use ndarray::{Array3, Axis};

use super::ratios::Ratios;
use crate::error::Result;
use crate::isa::Isa;
use crate::log_probs::{LogProbs, Row, Rows};
use crate::order;
use crate::parallel::Workers;
use crate::progress::Control;

pub(super) use dispatch::{Countable, Kernel};
pub(super) use lanes::{ABREAST, Abreast};
use threshold::Element;
use tiles::{Side, count_tiles};

/// Counts `[level or ratio, a, b]`.
pub(super) type PerRatio = Array3<u32>;

/// Values widened at a time where precisions differ.
const WIDENED_VALUES: usize = 1 << 21;

/// All pairs among the rows of one matrix, `[a][b]`.
pub(super) fn square(
    log_probs: &LogProbs,
    ratios: &Ratios,
    isa: Isa,
    workers: &Workers,
    control: &Control,
) -> Result<PerRatio> {
    let levels = Levels::new(ratios);
    let (mut counts, _) = match log_probs.rows() {
        Rows::F32(rows) => count_tiles(&slices(rows), Side::Same, &levels.log_n, isa, workers, control),
        Rows::F64(rows) => count_tiles(&slices(rows), Side::Same, &levels.log_n, isa, workers, control),
    }?;
    let models = log_probs.models();
    for (mut counts, &log_n) in counts.outer_iter_mut().zip(&levels.log_n) {
        if log_n == 0.0 {
            // At N = 1 a model counts against itself wherever it is finite.
            for model in 0..models {
                counts[[model, model]] = finite(log_probs, model);
            }
        }
    }
    Ok(levels.restore(counts))
}

/// All pairs of a row of `upper` with a row of `lower`: upper over lower, and lower over upper.
pub(super) fn rectangle(
    upper: &LogProbs,
    lower: &LogProbs,
    ratios: &Ratios,
    isa: Isa,
    workers: &Workers,
    control: &Control,
) -> Result<(PerRatio, PerRatio)> {
    let levels = Levels::new(ratios);
    let log_n = &levels.log_n;
    let (down, up) = match (upper.rows(), lower.rows()) {
        (Rows::F32(above), Rows::F32(below)) => {
            count_tiles(&slices(above), Side::Other(&slices(below)), log_n, isa, workers, control)?
        }
        (Rows::F64(above), Rows::F64(below)) => {
            count_tiles(&slices(above), Side::Other(&slices(below)), log_n, isa, workers, control)?
        }
        _ => {
            let block = (WIDENED_VALUES / (upper.models() + lower.models())).max(64);
            let mut sums: Option<(PerRatio, PerRatio)> = None;
            for start in (0..upper.responses()).step_by(block) {
                let end = upper.responses().min(start + block);
                let (above, below) = (widened(upper, start, end), widened(lower, start, end));
                let (above, below): (Vec<&[f64]>, Vec<&[f64]>) =
                    (above.iter().map(Vec::as_slice).collect(), below.iter().map(Vec::as_slice).collect());
                let part = count_tiles(&above, Side::Other(&below), log_n, isa, workers, control)?;
                match &mut sums {
                    None => sums = Some(part),
                    Some((down, up)) => {
                        add(down, &part.0);
                        add(up, &part.1);
                    }
                }
            }
            sums.unwrap_or_default()
        }
    };
    Ok((levels.restore(down), levels.restore(up)))
}

/// The distinct thresholds in rising order, and where each N finds its own.
struct Levels {
    log_n: Vec<f64>,
    level_of: Vec<usize>,
}

impl Levels {
    fn new(ratios: &Ratios) -> Self {
        let mut log_n = ratios.log_n().to_vec();
        order::ascending(&mut log_n);
        log_n.dedup();
        let level_of = ratios.log_n().iter().map(|value| log_n.partition_point(|level| level < value)).collect();
        Self { log_n, level_of }
    }

    /// One matrix per N from one per level.
    fn restore(&self, per_level: PerRatio) -> PerRatio {
        if self.level_of.iter().enumerate().all(|(ratio, &level)| ratio == level) {
            return per_level;
        }
        chosen(&per_level, &self.level_of)
    }
}

/// The counts at some of the values of N, by index. ndarray puts together arrays of any shape and layout, which is 20 KB of the
/// addon.
pub(super) fn chosen(counts: &PerRatio, ratios: &[usize]) -> PerRatio {
    let (_, upper, lower) = counts.dim();
    let picked = ratios.iter().flat_map(|&ratio| counts.index_axis(Axis(0), ratio).into_iter().copied()).collect();
    Array3::from_shape_vec((ratios.len(), upper, lower), picked)
        .unwrap_or_else(|_| unreachable!("as many as there are"))
}

fn add(sums: &mut PerRatio, counts: &PerRatio) {
    sums.iter_mut().zip(counts).for_each(|(sum, &count)| *sum += count);
}

pub(super) fn slices<T: Element>(rows: &[Row<T>]) -> Vec<&[T]> {
    rows.iter().map(|row| &**row).collect()
}

fn widened(log_probs: &LogProbs, start: usize, end: usize) -> Vec<Vec<f64>> {
    match log_probs.rows() {
        Rows::F32(rows) => {
            rows.iter().map(|row| row[start..end].iter().map(|&value| f64::from(value)).collect()).collect()
        }
        Rows::F64(rows) => rows.iter().map(|row| row[start..end].to_vec()).collect(),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a matrix has fewer than 2^32 responses, as checked before")]
fn finite(log_probs: &LogProbs, model: usize) -> u32 {
    match log_probs.rows() {
        Rows::F32(rows) => rows[model].iter().filter(|&&value| value > f32::NEG_INFINITY).count() as u32,
        Rows::F64(rows) => rows[model].iter().filter(|&&value| value > f64::NEG_INFINITY).count() as u32,
    }
}

#[cfg(test)]
mod tests;
