//! Blocks of responses, tiles of models.

use std::borrow::Cow;
use std::ops::Range;

use ndarray::{Array3, Axis, s};

use super::PerRatio;
use super::dispatch::{Countable, Kernel};
#[cfg(target_arch = "x86_64")]
use super::grid::{apart, together};
use super::lanes::Stretch;
#[cfg(target_arch = "x86_64")]
use super::planes::PlanesPanel;
#[cfg(target_arch = "x86_64")]
use super::words::WordsPanel;
use crate::error::Result;
use crate::isa::Isa;
use crate::parallel::Workers;
use crate::progress::Control;

/// Models per side of a tile.
const TILE: usize = 32;
/// Responses that one pass over a tile takes: 2·32 rows of values and thresholds in `f32` are half a megabyte.
const STRIP: usize = 1024;
/// Bytes of thresholds held at a time.
const THRESHOLD_BYTES: usize = 24 << 20;
/// Tiles whose counts are held at a time before they are added to the whole.
const WAVE: usize = 128;

#[cfg(not(target_arch = "x86_64"))]
pub(super) use super::dispatch::Countable as Planes;
/// Element types of all panels.
#[cfg(target_arch = "x86_64")]
pub(super) use super::planes::Planar as Planes;

/// What the upper rows are counted against.
#[derive(Clone, Copy)]
pub(super) enum Side<'a, T> {
    /// Each other: every unordered pair once; the diagonal stays 0.
    Same,
    /// Other rows.
    Other(&'a [&'a [T]]),
}

/// Counts of upper over lower rows and of lower over upper ones, at each of the rising thresholds `log_n`. With
/// [`Side::Same`] the first is the whole square matrix and the second empty.
pub(super) fn count_tiles<T: Planes>(
    upper: &[&[T]],
    side: Side<'_, T>,
    log_n: &[f64],
    isa: Isa,
    workers: &Workers,
    control: &Control,
) -> Result<(PerRatio, PerRatio)> {
    let lower = match side {
        Side::Same => upper,
        Side::Other(rows) => rows,
    };
    let square = matches!(side, Side::Same);
    let rows: Vec<&[T]> = if square { upper.to_vec() } else { [upper, lower].concat() };
    let lower_from = if square { 0 } else { upper.len() };
    let responses = upper.first().map_or(0, |row| row.len());
    let block = (THRESHOLD_BYTES / (size_of::<T>() * log_n.len() * rows.len()) / STRIP * STRIP)
        .clamp(STRIP, responses.next_multiple_of(STRIP));
    let tiles = tile_pairs(upper.len(), lower.len(), square);
    let blocks = responses.div_ceil(block);
    let passes = passes(log_n, isa);
    control.start((blocks * passes.len() * tiles.len()) as u64);

    let mut down = Array3::zeros((log_n.len(), upper.len(), lower.len()));
    let mut up = if square { Array3::zeros((0, 0, 0)) } else { Array3::zeros((log_n.len(), lower.len(), upper.len())) };
    for start in (0..responses).step_by(block) {
        for pass in &passes {
            let panel = pass.panel(&rows, start..responses.min(start + block), isa, workers, control)?;
            for wave in tiles.chunks(WAVE) {
                let counted = workers.map(wave.len(), control, |index| {
                    control.advance(1);
                    Ok(panel.count(&wave[index], lower_from))
                })?;
                for (tile, counts) in wave.iter().zip(&counted) {
                    tile.add(counts, &pass.levels, square, &mut down, &mut up);
                }
            }
        }
    }
    Ok((down, up))
}

/// Thresholds that are counted together.
struct Pass {
    /// Their numbers among all.
    levels: Vec<usize>,
    log_n: Vec<f64>,
    /// Whether they are to be counted on codes where values allow it.
    #[cfg(target_arch = "x86_64")]
    coded: bool,
}

/// All thresholds in one pass; on codes log N = 0 in one of its own, and the others as suits them.
#[inline(never)]
fn passes(log_n: &[f64], isa: Isa) -> Vec<Pass> {
    let pass = |thresholds: Vec<(usize, f64)>, coded: bool| Pass {
        levels: thresholds.iter().map(|&(level, _)| level).collect(),
        log_n: thresholds.iter().map(|&(_, log_n)| log_n).collect(),
        #[cfg(target_arch = "x86_64")]
        coded,
    };
    let all: Vec<_> = log_n.iter().copied().enumerate().collect();
    match isa {
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512Popcount | Isa::Avx2 => {
            let (positive, zero): (Vec<_>, Vec<_>) = all.into_iter().partition(|&(_, log_n)| log_n > 0.0);
            let zero = (!zero.is_empty()).then(|| pass(zero, false));
            let coded = if isa == Isa::Avx2 {
                apart(&positive).into_iter().filter(|some| !some.is_empty()).map(<[_]>::to_vec).collect()
            } else {
                together(&positive)
            };
            zero.into_iter().chain(coded.into_iter().map(|thresholds| pass(thresholds, true))).collect()
        }
        _ => vec![pass(all, false)],
    }
}

impl Pass {
    /// Makes a block of responses of all rows ready for counting.
    fn panel<'a, T: Planes>(
        &'a self,
        rows: &[&'a [T]],
        range: Range<usize>,
        isa: Isa,
        workers: &Workers,
        control: &Control,
    ) -> Result<Box<dyn Count + 'a>> {
        let kernel = T::kernel(isa);
        #[cfg(target_arch = "x86_64")]
        if self.coded {
            fn boxed<'a>(panel: impl Count + 'a) -> Box<dyn Count + 'a> {
                Box::new(panel)
            }
            let coded = if isa == Isa::Avx2 {
                WordsPanel::new(rows, range.clone(), &self.log_n, workers, control)?
                    .map(|(panel, left_out)| (boxed(panel), left_out))
            } else {
                PlanesPanel::new(rows, range.clone(), &self.log_n, workers, control)?
                    .map(|(panel, left_out)| (boxed(panel), left_out))
            };
            if let Some((panel, left_out)) = coded {
                if left_out.is_empty() {
                    return Ok(panel);
                }
                let gathered = rows.iter().map(|row| {
                    let row = &row[range.clone()];
                    Cow::Owned(left_out.iter().map(|&at| row[at]).collect())
                });
                let compared = Panel::new(gathered.collect(), &self.log_n, kernel, workers, control)?;
                return Ok(Box::new((panel, compared)));
            }
        }
        let values = rows.iter().map(|row| Cow::Borrowed(&row[range.clone()])).collect();
        Ok(Box::new(Panel::new(values, &self.log_n, kernel, workers, control)?))
    }
}

/// A rectangle of pairs: upper models × lower models.
pub(super) struct Tile {
    pub(super) upper: Range<usize>,
    pub(super) lower: Range<usize>,
}

/// All tiles; of a square, those on and above the diagonal.
fn tile_pairs(upper: usize, lower: usize, square: bool) -> Vec<Tile> {
    let cut = |len: usize| (0..len).step_by(TILE).map(move |start| start..len.min(start + TILE));
    cut(upper)
        .flat_map(|upper| cut(lower).map(move |lower| Tile { upper: upper.clone(), lower }))
        .filter(|tile| !square || tile.lower.start >= tile.upper.start)
        .collect()
}

/// Counts of a tile, `[level][upper][lower]`: upper over lower, then lower over upper.
pub(super) struct TileCounts {
    pub(super) down: Vec<u32>,
    pub(super) up: Vec<u32>,
}

impl TileCounts {
    pub(super) fn new(cells: usize, levels: usize) -> Self {
        Self { down: vec![0; cells * levels], up: vec![0; cells * levels] }
    }
}

/// A block of responses of all rows, made ready for counting.
pub(super) trait Count: Sync {
    /// Counts of one tile; row 0 of the lower side is row `lower_from` of all.
    fn count(&self, tile: &Tile, lower_from: usize) -> TileCounts;
}

/// Two parts of a block.
impl<B: Count> Count for (Box<dyn Count + '_>, B) {
    fn count(&self, tile: &Tile, lower_from: usize) -> TileCounts {
        let (mut counts, others) = (self.0.count(tile, lower_from), self.1.count(tile, lower_from));
        for (sums, others) in [(&mut counts.down, &others.down), (&mut counts.up, &others.up)] {
            sums.iter_mut().zip(others).for_each(|(sum, other)| *sum += other);
        }
        counts
    }
}

impl Tile {
    /// Row by row, on one thread: what it takes, all others wait for.
    // Once for both precisions, and not within each.
    #[inline(never)]
    fn add(&self, counts: &TileCounts, levels: &[usize], square: bool, down: &mut PerRatio, up: &mut PerRatio) {
        let width = self.lower.len();
        let rows = counts.down.chunks_exact(width).zip(counts.up.chunks_exact(width));
        let places = levels.iter().flat_map(|&level| self.upper.clone().map(move |a| (level, a)));
        for ((down_row, up_row), (level, a)) in rows.zip(places) {
            // In a square a pair stands once, on one side of the diagonal.
            let first = if square { (a + 1).saturating_sub(self.lower.start).min(width) } else { 0 };
            let within = s![self.lower.start + first..self.lower.end];
            let add = |(sum, count): (&mut u32, &u32)| *sum += count;
            let mut matrix = down.index_axis_mut(Axis(0), level);
            matrix.row_mut(a).slice_mut(within).iter_mut().zip(&down_row[first..]).for_each(add);
            if !square {
                matrix = up.index_axis_mut(Axis(0), level);
            }
            matrix.column_mut(a).slice_mut(within).iter_mut().zip(&up_row[first..]).for_each(add);
        }
    }
}

/// One block of responses of all rows, with thresholds.
struct Panel<'a, T: Countable> {
    values: Vec<Cow<'a, [T]>>,
    /// `[row][level][response]`.
    thresholds: Vec<T>,
    levels: usize,
    len: usize,
    kernel: Kernel<T>,
}

impl<'a, T: Countable> Panel<'a, T> {
    fn new(
        values: Vec<Cow<'a, [T]>>,
        log_n: &[f64],
        kernel: Kernel<T>,
        workers: &Workers,
        control: &Control,
    ) -> Result<Self> {
        let len = values.first().map_or(0, |row| row.len());
        let mut thresholds = vec![T::NEG_INFINITY; values.len() * log_n.len() * len];
        workers.for_each_chunk(&mut thresholds, len, control, |index, thresholds| {
            kernel.write_thresholds(&values[index / log_n.len()], log_n[index % log_n.len()], thresholds);
            Ok(())
        })?;
        Ok(Self { values, thresholds, levels: log_n.len(), len, kernel })
    }

    fn stretch(&self, row: usize, level: usize, from: usize, to: usize) -> Stretch<'_, T> {
        let thresholds = &self.thresholds[(row * self.levels + level) * self.len..][..self.len];
        Stretch { values: &self.values[row][from..to], thresholds: &thresholds[from..to] }
    }
}

impl<T: Countable> Count for Panel<'_, T> {
    /// Rows are taken two by two; where one is missing its neighbour stands in and is ignored.
    fn count(&self, tile: &Tile, lower_from: usize) -> TileCounts {
        let cells = tile.upper.len() * tile.lower.len();
        let mut counts = TileCounts::new(cells, self.levels);
        let on_diagonal = lower_from == 0 && tile.upper == tile.lower;
        for from in (0..self.len).step_by(STRIP) {
            let to = self.len.min(from + STRIP);
            for level in 0..self.levels {
                for i in (0..tile.upper.len()).step_by(2) {
                    let twin = |at: usize, len: usize| [at, (at + 1).min(len - 1)];
                    let upper = twin(i, tile.upper.len()).map(|i| self.stretch(tile.upper.start + i, level, from, to));
                    let first = if on_diagonal { i } else { 0 };
                    for j in (first..tile.lower.len()).step_by(2) {
                        let lower = twin(j, tile.lower.len())
                            .map(|j| self.stretch(lower_from + tile.lower.start + j, level, from, to));
                        let (down, up) = self.kernel.two_by_two(upper, lower);
                        for (di, dj) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
                            if i + di < tile.upper.len() && j + dj < tile.lower.len() {
                                let cell = level * cells + (i + di) * tile.lower.len() + j + dj;
                                counts.down[cell] += down[di][dj];
                                counts.up[cell] += up[di][dj];
                            }
                        }
                    }
                }
            }
        }
        counts
    }
}
