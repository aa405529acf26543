//! Counting on words: 32 responses a step with vectors of 256 bits, exact.
//!
//! Codes of 15 bits ([`super::fixed_point`]) differ by what a word holds with its sign. How far the size of a difference is
//! from the threshold's code is packed into a byte, which keeps all that matters (it is passed, close or missed), so that
//! a vector of bytes is compared and counted where single precision takes four vectors for each direction. What is close is
//! compared again as it is.
//!
//! Why nothing is decided wrongly: the difference of codes is less than 1 + 2^-5 from the scaled difference, and a
//! threshold at most 0.5 + 10^-6 codes from its whole number m. So at m + 2 codes and above it is passed, and at m − 2 and
//! below it is not.

use std::arch::x86_64::*;
use std::ops::Range;

use super::fixed_point::{Coded, MOST, Spans};
use super::grid::LEAST_THRESHOLD;
use super::tiles::{Count, Tile, TileCounts};
use crate::error::Result;
use crate::parallel::Workers;
use crate::progress::Control;

/// Responses between two looks at whether any difference is close.
const BLOCK: usize = 256;
/// Blocks that one pass over a tile takes: bytes count no further than 127, and a row of codes stays in the first-level cache.
const STRIP: usize = 8;
/// Greatest code of 15 bits.
const MOST_HALF: f64 = MOST / 2.0;
/// A byte that says how far a difference is past a threshold: passed above the first, close above the second.
const PASSED: i8 = 1;
const CLOSE: i8 = -2;

/// The codes of some responses of one row.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Codes([u16; BLOCK]);

/// A block of responses of all rows as codes.
pub(super) struct WordsPanel<'a, T> {
    values: Vec<&'a [T]>,
    log_n: Vec<f64>,
    /// The thresholds that differences of codes can reach, in codes.
    thresholds: Vec<i16>,
    /// `[row][block]`.
    codes: Vec<Vec<Codes>>,
    blocks: usize,
}

/// Elements of a pair of rows that are close to a threshold.
struct Open {
    first: usize,
    second: usize,
    cell: usize,
    level: usize,
    /// The response of the first bit.
    from: usize,
    elements: u64,
}

impl<'a, T: Coded> WordsPanel<'a, T> {
    /// The codes of responses `range`, and those responses that have none and are still to be counted; `None` if fixed point
    /// does not suit these values and rising thresholds. The CPU must have AVX2.
    pub(super) fn new(
        rows: &[&'a [T]],
        range: Range<usize>,
        log_n: &[f64],
        workers: &Workers,
        control: &Control,
    ) -> Result<Option<(Self, Vec<usize>)>> {
        let len = range.len();
        let values: Vec<&[T]> = rows.iter().map(|row| &row[range.clone()]).collect();
        let blocks = len.div_ceil(BLOCK);
        let block_range = |block: usize| block * BLOCK..len.min((block + 1) * BLOCK);
        let mut spans = Spans::joined(workers.map(blocks, control, |block| {
            // SAFETY: the caller vouches for the instruction set.
            Ok(unsafe { spans_of(&values, block_range(block)) })
        })?);
        let Some(&first) = log_n.first() else { return Ok(None) };
        // The first threshold must be within reach of the codes by far.
        let scale = MOST_HALF / spans.range().max(2.0 * first);
        if scale * first < LEAST_THRESHOLD {
            return Ok(None);
        }
        let left_out = spans.leave_out(scale, MOST_HALF);
        let codes = workers.map(rows.len(), control, |row| {
            // SAFETY: as above.
            Ok((0..blocks).map(|block| unsafe { encoded(&spans, values[row], block_range(block), scale) }).collect())
        })?;
        #[expect(clippy::cast_possible_truncation, reason = "a whole number of 15 bits")]
        let reachable = |&log_n: &f64| (log_n * scale <= MOST_HALF).then(|| (log_n * scale).round() as i16);
        let thresholds = log_n.iter().map_while(reachable).collect();
        Ok(Some((Self { values, log_n: log_n.to_vec(), thresholds, codes, blocks }, left_out)))
    }

    /// Compares again what is close, adding to the counts of a tile of `cells`.
    fn settle(&self, open: &[Open], cells: usize, counts: &mut TileCounts) {
        for &Open { first, second, cell, level, from, elements } in open {
            let [first, second] = [first, second].map(|row| &self.values[row][from..]);
            let mut bits = elements;
            while bits != 0 {
                let at = bits.trailing_zeros() as usize;
                bits &= bits - 1;
                let difference: f64 = first[at].into() - second[at].into();
                let (side, size) =
                    if difference > 0.0 { (&mut counts.down, difference) } else { (&mut counts.up, -difference) };
                side[level * cells + cell] += u32::from(size >= self.log_n[level]);
            }
        }
    }
}

impl<T: Coded> Count for WordsPanel<'_, T> {
    fn count(&self, tile: &Tile, lower_from: usize) -> TileCounts {
        let (height, width) = (tile.upper.len(), tile.lower.len());
        let cells = height * width;
        let mut counts = TileCounts::new(cells, self.log_n.len());
        let on_diagonal = lower_from == 0 && tile.upper == tile.lower;
        let (mut open, mut close) = (Vec::new(), Vec::new());
        for from in (0..self.blocks).step_by(STRIP) {
            let blocks = from..self.blocks.min(from + STRIP);
            for i in 0..height {
                for j in (if on_diagonal { i + 1 } else { 0 })..width {
                    let (first, second, cell) =
                        (tile.upper.start + i, lower_from + tile.lower.start + j, i * width + j);
                    let [a, b] = [first, second].map(|row| &self.codes[row][blocks.clone()]);
                    for (level, &threshold) in self.thresholds.iter().enumerate() {
                        // SAFETY: whoever made the panel vouches for the instruction set.
                        let (passed, up) = unsafe { count_pair(a, b, threshold, &mut close) };
                        counts.down[level * cells + cell] += passed - up;
                        counts.up[level * cells + cell] += up;
                        open.extend(close.drain(..).map(|(at, elements)| {
                            let from = from * BLOCK + at;
                            Open { first, second, cell, level, from, elements }
                        }));
                    }
                }
                // Together, so that the cache misses overlap.
                self.settle(&open, cells, &mut counts);
                open.clear();
            }
        }
        counts
    }
}

/// How many differences of two rows pass a threshold in either direction, and in that of the second. Close ones are in
/// neither but in `close`, 64 bits from a place on.
#[target_feature(enable = "avx2")]
fn count_pair(a: &[Codes], b: &[Codes], threshold: i16, close: &mut Vec<(usize, u64)>) -> (u32, u32) {
    let nothing = _mm256_setzero_si256();
    let threshold_codes = _mm256_set1_epi16(threshold);
    let (passed_from, close_from) = (_mm256_set1_epi8(PASSED), _mm256_set1_epi8(CLOSE));
    // Bytes of counts: passed, passed or close, and passed by the second row less passed by the first.
    let (mut passed, mut reached, mut balance) = (nothing, nothing, nothing);
    for (index, (a, b)) in a.iter().zip(b).enumerate() {
        let (a_words, b_words) = (a.0.as_chunks::<16>().0, b.0.as_chunks::<16>().0);
        let mut at = 0;
        while at < BLOCK / 16 {
            let [one, other] = [difference(&a_words[at], &b_words[at]), difference(&a_words[at + 1], &b_words[at + 1])];
            let past = _mm256_packs_epi16(
                _mm256_sub_epi16(_mm256_abs_epi16(one), threshold_codes),
                _mm256_sub_epi16(_mm256_abs_epi16(other), threshold_codes),
            );
            let passes = _mm256_cmpgt_epi8(past, passed_from);
            passed = _mm256_sub_epi8(passed, passes);
            reached = _mm256_sub_epi8(reached, _mm256_cmpgt_epi8(past, close_from));
            balance = _mm256_add_epi8(balance, _mm256_sign_epi8(passes, _mm256_packs_epi16(one, other)));
            at += 2;
        }
        let differ = _mm256_xor_si256(passed, reached);
        if _mm256_testz_si256(differ, differ) == 0 {
            reached = passed;
            let places = (0..).map(|word| index * BLOCK + word * 64);
            close.extend(places.zip(close_in(a, b, threshold)).filter(|&(_, elements)| elements != 0));
        }
    }
    (total(passed), total(_mm256_add_epi8(passed, balance)) / 2)
}

/// Which differences of a block are close to a threshold: response `i` is bit `i`.
#[target_feature(enable = "avx2")]
fn close_in(a: &Codes, b: &Codes, threshold: i16) -> [u64; BLOCK / 64] {
    let mut bits = [0; BLOCK / 64];
    let threshold = _mm256_set1_epi16(threshold);
    let (passed_from, close_from) = (_mm256_set1_epi16(PASSED.into()), _mm256_set1_epi16(CLOSE.into()));
    for (at, (a, b)) in a.0.as_chunks::<16>().0.iter().zip(b.0.as_chunks::<16>().0).enumerate() {
        let past = _mm256_sub_epi16(_mm256_abs_epi16(difference(a, b)), threshold);
        let close = _mm256_andnot_si256(_mm256_cmpgt_epi16(past, passed_from), _mm256_cmpgt_epi16(past, close_from));
        // The halves of a vector are packed by themselves.
        let ordered = _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_packs_epi16(close, close));
        let sixteen = _mm256_movemask_epi8(ordered).cast_unsigned() & 0xFFFF;
        bits[at / 4] |= u64::from(sixteen) << (at % 4 * 16);
    }
    bits
}

#[inline]
#[target_feature(enable = "avx2")]
fn difference(a: &[u16; 16], b: &[u16; 16]) -> __m256i {
    // SAFETY: loads are of sixteen words.
    let [a, b] = unsafe { [_mm256_loadu_si256(a.as_ptr().cast()), _mm256_loadu_si256(b.as_ptr().cast())] };
    _mm256_sub_epi16(a, b)
}

/// The sum of bytes without sign.
#[inline]
#[target_feature(enable = "avx2")]
fn total(bytes: __m256i) -> u32 {
    let sums = _mm256_sad_epu8(bytes, _mm256_setzero_si256());
    let halves = _mm_add_epi64(_mm256_castsi256_si128(sums), _mm256_extracti128_si256::<1>(sums));
    (_mm_extract_epi32::<0>(halves) + _mm_extract_epi32::<2>(halves)).cast_unsigned()
}

#[target_feature(enable = "avx2,fma")]
fn spans_of<T: Coded>(rows: &[&[T]], range: Range<usize>) -> Spans<T> {
    Spans::of(rows, range)
}

/// Responses that are missing have code 0 in every row: no difference, nothing counts.
#[target_feature(enable = "avx2,fma")]
fn encoded<T: Coded>(spans: &Spans<T>, row: &[T], range: Range<usize>, scale: f64) -> Codes {
    let mut codes = Codes([0; BLOCK]);
    spans.encode(row, range, scale, &mut codes.0);
    codes
}
