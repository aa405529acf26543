//! Counting on bit planes: 512 responses a vector, exact.
//!
//! Within a response any monotone map keeps every decided comparison: if Q(L[a]) > Q(θ[b]) then L[a] > θ[b], if less
//! then less; only equal codes leave it open, and those few elements are compared again as they are. Q is 14 bits
//! over the range in which anything can count at this response. The bits of a code lie in separate planes, so that
//! comparing two codes is one three-input operation a bit for 512 responses (the carry of a subtraction), finding
//! equal ones another, and counting one population count. The precision of the input makes no difference.

use std::arch::x86_64::*;

use super::dispatch::{Countable, Kernel};
use super::threshold::counts_against;
use super::tiles::{Count, Tile, TileCounts};
use crate::error::Result;
use crate::parallel::Workers;
use crate::progress::Control;

/// Bits of a code. More bits leave fewer elements open and cost more operations: 14 was faster than 12.
const BITS: usize = 14;
/// Responses per vector.
const GROUP: usize = 512;
/// Groups that one pass over a tile takes, so that its planes stay in the second-level cache.
const STRIP: usize = 4;

/// Code of −∞, below everything.
const CODE_RULED_OUT: u16 = 0;
/// Code of a threshold that every finite value reaches, above [`CODE_RULED_OUT`] alone.
const CODE_ALWAYS: u16 = 1;
/// Code of a finite value below the range in which anything can count. No threshold shares it, or each of these
/// many values would be left open against the least model's.
const CODE_BELOW: u16 = 2;
/// Least and greatest code of a value, and of a threshold, within that range.
const CODE_LEAST: u16 = 3;
const CODE_MOST: u16 = (1 << BITS) - 2;
/// Code of a threshold that no value reaches.
const CODE_NEVER: u16 = (1 << BITS) - 1;

/// One bit of the codes of a group.
#[derive(Clone, Copy)]
#[repr(align(64))]
pub(super) struct Plane([u64; GROUP / 64]);

/// Planes of one code of a group, least bit first.
pub(super) type Code = [Plane; BITS];

/// Bytes that one response of one model takes.
pub(super) fn bytes_per_response(levels: usize) -> usize {
    ((1 + levels) * BITS).div_ceil(8)
}

/// A block of responses of all rows as bit planes.
pub(super) struct SlicedPanel<'a, T> {
    values: Vec<&'a [T]>,
    log_n: &'a [f64],
    /// `[row][group]`: the code of the values, then those of the thresholds of each level.
    codes: Vec<Code>,
    groups: usize,
}

/// The map Q of each response of a block.
pub(super) struct Scales<T> {
    /// Greatest value of any row.
    most: Vec<T>,
    /// Where the range begins in which anything can count, and codes per nat.
    base: Vec<T>,
    scale: Vec<T>,
}

impl<'a, T: Sliceable> SlicedPanel<'a, T> {
    /// The planes of responses `start..end`. The CPU must have AVX-512 F, BW and VPOPCNTDQ.
    pub(super) fn new(
        rows: &[&'a [T]],
        (start, end): (usize, usize),
        log_n: &'a [f64],
        kernel: &Kernel<T>,
        workers: &Workers,
        control: &Control,
    ) -> Result<Self> {
        let values: Vec<&[T]> = rows.iter().map(|row| &row[start..end]).collect();
        let len = end - start;
        let groups = len.div_ceil(GROUP);
        let per_group = 1 + log_n.len();
        let scales = workers.map(groups, control, |group| {
            let (from, to) = (group * GROUP, len.min((group + 1) * GROUP));
            // SAFETY: the caller vouches for the instruction set.
            Ok(unsafe { T::scales(&values, from, to, log_n[0]) })
        })?;
        let mut codes = vec![[Plane([0; GROUP / 64]); BITS]; rows.len() * groups * per_group];
        workers.for_each_chunk(&mut codes, groups * per_group, control, |row, codes| {
            let mut thresholds = [T::INFINITY; GROUP];
            for (group, codes) in codes.chunks_exact_mut(per_group).enumerate() {
                let values = &values[row][group * GROUP..len.min((group + 1) * GROUP)];
                let thresholds = &mut thresholds[..values.len()];
                // SAFETY: the caller vouches for the instruction set.
                unsafe { T::encode(values, &scales[group], false, &mut codes[0]) };
                for (&log_n, code) in log_n.iter().zip(&mut codes[1..]) {
                    kernel.write_thresholds(values, log_n, thresholds);
                    // SAFETY: as above.
                    unsafe { T::encode(thresholds, &scales[group], true, code) };
                }
            }
            Ok(())
        })?;
        Ok(Self { values, log_n, codes, groups })
    }

    fn row(&self, row: usize) -> &[Code] {
        let per_row = self.groups * (1 + self.log_n.len());
        &self.codes[row * per_row..][..per_row]
    }

    /// Compares again what equal codes left open: how many of `open` count, `a` against `b`.
    #[cold]
    fn settle(&self, a: usize, b: usize, group: usize, level: usize, open: [u64; 8]) -> u32 {
        let mut count = 0;
        for (word, mut bits) in open.into_iter().enumerate() {
            while bits != 0 {
                let at = group * GROUP + word * 64 + bits.trailing_zeros() as usize;
                count +=
                    u32::from(counts_against(self.values[a][at].into(), self.values[b][at].into(), self.log_n[level]));
                bits &= bits - 1;
            }
        }
        count
    }

    /// Adds the counts of two upper rows against one lower row over `groups` to `sums`, `[level][upper]` (down, up).
    #[target_feature(enable = "avx512f,avx512bw,avx512vpopcntdq")]
    fn two_by_one(
        &self,
        upper: [usize; 2],
        lower: usize,
        groups: std::ops::Range<usize>,
        tallies: &mut [[__m512i; 4]],
        sums: &mut [[u32; 4]],
    ) {
        let per_group = 1 + self.log_n.len();
        let all = _mm512_set1_epi64(-1);
        let [row_0, row_1, row_b] = [upper[0], upper[1], lower].map(|row| self.row(row));
        tallies.fill([_mm512_setzero_si512(); 4]);
        for group in groups {
            let [a_0, a_1, b] = [row_0, row_1, row_b].map(|row| &row[group * per_group..][..per_group]);
            for (level, tally) in tallies.iter_mut().enumerate() {
                let zero = _mm512_setzero_si512();
                // Above: value code beyond threshold code; differ: codes not equal. Order: down 0, down 1, up 0, up 1.
                let (mut above, mut differ) = ([zero; 4], [zero; 4]);
                for bit in 0..BITS {
                    let value_b = load(&b[0][bit]);
                    let threshold_b = load(&b[1 + level][bit]);
                    let values = [load(&a_0[0][bit]), load(&a_1[0][bit]), value_b, value_b];
                    let thresholds = [threshold_b, threshold_b, load(&a_0[1 + level][bit]), load(&a_1[1 + level][bit])];
                    for pair in 0..4 {
                        // Majority of value, not threshold, and what the lower bits said.
                        above[pair] = _mm512_ternarylogic_epi64::<0xB2>(values[pair], thresholds[pair], above[pair]);
                        differ[pair] = _mm512_ternarylogic_epi64::<0xF6>(differ[pair], values[pair], thresholds[pair]);
                    }
                }
                for pair in 0..4 {
                    tally[pair] = _mm512_add_epi64(tally[pair], _mm512_popcnt_epi64(above[pair]));
                }
                let decided =
                    _mm512_and_si512(_mm512_and_si512(differ[0], differ[1]), _mm512_and_si512(differ[2], differ[3]));
                if _mm512_cmpneq_epi64_mask(decided, all) != 0 {
                    for (pair, (a, b)) in [(upper[0], lower), (upper[1], lower), (lower, upper[0]), (lower, upper[1])]
                        .into_iter()
                        .enumerate()
                    {
                        let open = _mm512_xor_si512(differ[pair], all);
                        if _mm512_test_epi64_mask(open, open) != 0 {
                            sums[level][pair] += self.settle(a, b, group, level, words(open));
                        }
                    }
                } else if level + 1 < per_group - 1 {
                    let any = _mm512_or_si512(_mm512_or_si512(above[0], above[1]), _mm512_or_si512(above[2], above[3]));
                    // Nothing reaches this level, so nothing reaches the higher ones.
                    if _mm512_test_epi64_mask(any, any) == 0 {
                        break;
                    }
                }
            }
        }
        for (sums, tally) in sums.iter_mut().zip(&*tallies) {
            for pair in 0..4 {
                #[expect(clippy::cast_possible_truncation, reason = "at most the responses of a strip")]
                let total = _mm512_reduce_add_epi64(tally[pair]) as u32;
                sums[pair] += total;
            }
        }
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512vpopcntdq")]
    fn count_tile(&self, tile: &Tile, lower_from: usize) -> TileCounts {
        let (height, width) = (tile.upper.len(), tile.lower.len());
        let levels = self.log_n.len();
        let mut counts = TileCounts::new(height * width, levels);
        let on_diagonal = lower_from == 0 && tile.upper == tile.lower;
        let mut tallies = vec![[_mm512_setzero_si512(); 4]; levels];
        let mut sums = vec![[0; 4]; levels];
        for from in (0..self.groups).step_by(STRIP) {
            let groups = from..self.groups.min(from + STRIP);
            for i in (0..height).step_by(2) {
                // Where the second row is missing the first stands in, and is ignored.
                let twin = (i + 1).min(height - 1);
                for j in (if on_diagonal { i } else { 0 })..width {
                    sums.fill([0; 4]);
                    let upper = [i, twin].map(|i| tile.upper.start + i);
                    self.two_by_one(upper, lower_from + tile.lower.start + j, groups.clone(), &mut tallies, &mut sums);
                    for (level, sums) in sums.iter().enumerate() {
                        for row in 0..(twin - i + 1) {
                            let cell = (level * height + i + row) * width + j;
                            counts.down[cell] += sums[row];
                            counts.up[cell] += sums[2 + row];
                        }
                    }
                }
            }
        }
        counts
    }
}

impl<T: Sliceable> Count for SlicedPanel<'_, T> {
    fn count(&self, tile: &Tile, lower_from: usize) -> TileCounts {
        // SAFETY: whoever made the panel vouches for the instruction set.
        unsafe { self.count_tile(tile, lower_from) }
    }
}

#[target_feature(enable = "avx512f")]
fn load(plane: &Plane) -> __m512i {
    // SAFETY: a plane is 64 bytes, aligned to 64.
    unsafe { _mm512_load_si512(plane.0.as_ptr().cast()) }
}

fn words(vector: __m512i) -> [u64; 8] {
    // SAFETY: both are 64 bytes of plain integers.
    unsafe { std::mem::transmute(vector) }
}

/// An element type that can be put in planes.
pub(super) trait Sliceable: Countable {
    /// The maps of responses `from..to`, of which thresholds are at least `log_n` above a value.
    ///
    /// # Safety
    /// The CPU has AVX-512 F and BW.
    unsafe fn scales(rows: &[&[Self]], from: usize, to: usize, log_n: f64) -> Scales<Self>;

    /// Writes the planes of the codes of up to a group of values or thresholds; what is missing never counts.
    ///
    /// # Safety
    /// The CPU has AVX-512 F and BW.
    unsafe fn encode(values: &[Self], scales: &Scales<Self>, thresholds: bool, code: &mut Code);
}

macro_rules! sliceable {
    ($item:ty) => {
        impl Sliceable for $item {
            #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq")]
            unsafe fn scales(rows: &[&[Self]], from: usize, to: usize, log_n: f64) -> Scales<Self> {
                let mut least = vec![<$item>::INFINITY; to - from];
                let mut most = vec![<$item>::NEG_INFINITY; to - from];
                for row in rows {
                    for ((&value, least), most) in row[from..to].iter().zip(&mut least).zip(&mut most) {
                        *most = if value > *most { value } else { *most };
                        *least = if value < *least && value > <$item>::NEG_INFINITY { value } else { *least };
                    }
                }
                #[allow(
                    clippy::cast_possible_truncation,
                    clippy::allow_attributes,
                    reason = "any scale is right, this one is good"
                )]
                let log_n = log_n as $item;
                // A little below the least threshold, so that rounding takes none of them under it.
                let base: Vec<$item> = least.iter().map(|least| least + log_n * 0.999).collect();
                let scale = base
                    .iter()
                    .zip(&most)
                    .map(|(base, most)| {
                        let scale = <$item>::from(CODE_MOST - CODE_LEAST) / (most - base);
                        if scale > 0.0 && scale < <$item>::MAX { scale } else { 0.0 }
                    })
                    .collect();
                Scales { most, base, scale }
            }

            #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq")]
            unsafe fn encode(values: &[Self], scales: &Scales<Self>, thresholds: bool, code: &mut Code) {
                let mut codes = [if thresholds { CODE_NEVER } else { CODE_RULED_OUT }; GROUP];
                let maps = scales.base.iter().zip(&scales.scale).zip(&scales.most);
                for ((code, &value), ((base, scale), &most)) in codes.iter_mut().zip(values).zip(maps) {
                    // Each step is monotone in `value`, rounding included, and so is the whole.
                    let place = (value - base) * scale;
                    // Also where the scale is 0 and the difference infinite, which gives NaN.
                    let place = if place > 0.0 { place } else { 0.0 };
                    let top = <$item>::from(CODE_MOST - CODE_LEAST);
                    let place = if place < top { place } else { top };
                    // SAFETY: between 0 and `top`, which a u16 holds.
                    let within = CODE_LEAST + unsafe { place.to_int_unchecked::<i32>() } as u16;
                    let ordinary = if value < *base { CODE_BELOW } else { within };
                    *code = if thresholds {
                        if value > most {
                            CODE_NEVER
                        } else if value == <$item>::MIN {
                            CODE_ALWAYS
                        } else {
                            ordinary
                        }
                    } else if value > <$item>::NEG_INFINITY {
                        ordinary
                    } else {
                        CODE_RULED_OUT
                    };
                }
                write_planes(&codes, code);
            }
        }
    };
}

sliceable!(f32);
sliceable!(f64);

/// Turns codes into planes: response `i` is bit `i`.
#[target_feature(enable = "avx512f,avx512bw")]
fn write_planes(codes: &[u16; GROUP], planes: &mut Code) {
    for (word, codes) in codes.as_chunks::<64>().0.iter().enumerate() {
        // SAFETY: two vectors of 32 codes lie in a chunk of 64.
        let [low, high] =
            unsafe { [_mm512_loadu_si512(codes.as_ptr().cast()), _mm512_loadu_si512(codes.as_ptr().add(32).cast())] };
        for (bit, plane) in planes.iter_mut().enumerate() {
            let bit = _mm512_set1_epi16(1 << bit);
            plane.0[word] =
                u64::from(_mm512_test_epi16_mask(low, bit)) | u64::from(_mm512_test_epi16_mask(high, bit)) << 32;
        }
    }
}
