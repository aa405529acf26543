//! Counting on words: 32 responses a step with vectors of 256 bits, exact.
//!
//! Codes of 15 bits ([`super::fixed_point`]) differ by what a word holds with its sign. How far the size of a difference is
//! from the threshold's code is packed into a byte, which keeps all that matters (it is passed, close or missed), so that
//! a vector of bytes is compared and counted where single precision takes four vectors for each direction. What is close is
//! compared again as it is.
//!
//! The first threshold is held against all differences. Where enough more follow, those that may reach the next are
//! gathered once half of them or more cannot, and again when half of these cannot: what a threshold costs falls with what is left.
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

/// Responses of a strip.
const STRIP_LEN: usize = STRIP * BLOCK;
/// Words that are looked at together.
const STEP: usize = 32;
/// What gathering a difference costs, in thresholds that it is held against.
const GATHERING: usize = 3;

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
        let (mut open, mut close, mut reaching) = (Vec::new(), Vec::new(), Reaching::new());
        for from in (0..self.blocks).step_by(STRIP) {
            let blocks = from..self.blocks.min(from + STRIP);
            for i in 0..height {
                for j in (if on_diagonal { i + 1 } else { 0 })..width {
                    let (first, second, cell) =
                        (tile.upper.start + i, lower_from + tile.lower.start + j, i * width + j);
                    let [a, b] = [first, second].map(|row| &self.codes[row][blocks.clone()]);
                    // SAFETY: whoever made the panel vouches for the instruction set.
                    unsafe { reaching.hold_against(&self.thresholds, a, b, &mut close) };
                    for (level, &Found { passed, up, .. }) in reaching.found.iter().enumerate() {
                        counts.down[level * cells + cell] += passed - up;
                        counts.up[level * cells + cell] += up;
                    }
                    open.extend(close.drain(..).map(|Close { level, at, elements }| {
                        let from = from * BLOCK + at;
                        Open { first, second, cell, level, from, elements }
                    }));
                }
                // Together, so that the cache misses overlap.
                self.settle(&open, cells, &mut counts);
                open.clear();
            }
        }
        counts
    }
}

/// What is found of a pair of rows at a threshold.
#[derive(Clone, Copy)]
struct Found {
    /// How many differences pass it in either direction, and in that of the second row; close ones are in neither.
    passed: u32,
    up: u32,
    /// How many pass it or are close to it.
    reached: u32,
}

/// Differences of two rows that are close to a threshold.
struct Close {
    level: usize,
    /// The response of the first bit, counted from the strip's first.
    at: usize,
    elements: u64,
}

/// Bytes of counts.
struct Tally {
    threshold: __m256i,
    passed: __m256i,
    reached: __m256i,
    /// Passed by the second row less passed by the first.
    balance: __m256i,
}

impl Tally {
    #[inline]
    #[target_feature(enable = "avx2")]
    fn new(threshold: i16) -> Self {
        let nothing = _mm256_setzero_si256();
        Self { threshold: _mm256_set1_epi16(threshold), passed: nothing, reached: nothing, balance: nothing }
    }

    /// How far the sizes of twice sixteen differences are past the threshold, packed half by half.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn past(&self, one: __m256i, other: __m256i) -> __m256i {
        _mm256_packs_epi16(
            _mm256_sub_epi16(_mm256_abs_epi16(one), self.threshold),
            _mm256_sub_epi16(_mm256_abs_epi16(other), self.threshold),
        )
    }

    /// Counts twice sixteen differences.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn add(&mut self, one: __m256i, other: __m256i) {
        let past = self.past(one, other);
        let passes = passes(past);
        self.passed = _mm256_sub_epi8(self.passed, passes);
        self.reached = _mm256_sub_epi8(self.reached, reaches(past));
        self.balance = _mm256_add_epi8(self.balance, _mm256_sign_epi8(passes, _mm256_packs_epi16(one, other)));
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn found(&self) -> Found {
        let up = total(_mm256_add_epi8(self.passed, self.balance)) / 2;
        Found { passed: total(self.passed), up, reached: total(self.reached) }
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn passes(past: __m256i) -> __m256i {
    _mm256_cmpgt_epi8(past, _mm256_set1_epi8(PASSED))
}

#[inline]
#[target_feature(enable = "avx2")]
fn reaches(past: __m256i) -> __m256i {
    _mm256_cmpgt_epi8(past, _mm256_set1_epi8(CLOSE))
}

/// Counts two rows at a threshold.
#[target_feature(enable = "avx2")]
fn count_pair(a: &[Codes], b: &[Codes], level: usize, threshold: i16, close: &mut Vec<Close>) -> Found {
    let mut tally = Tally::new(threshold);
    let mut told = _mm256_setzero_si256();
    for (index, (a, b)) in a.iter().zip(b).enumerate() {
        let (a_words, b_words) = (a.0.as_chunks::<16>().0, b.0.as_chunks::<16>().0);
        let mut at = 0;
        while at < BLOCK / 16 {
            tally.add(difference(&a_words[at], &b_words[at]), difference(&a_words[at + 1], &b_words[at + 1]));
            at += 2;
        }
        let differ = _mm256_sub_epi8(tally.reached, tally.passed);
        let new = _mm256_xor_si256(differ, told);
        if _mm256_testz_si256(new, new) == 0 {
            told = differ;
            let words = (0..).zip(close_in(a, b, threshold)).filter(|&(_, elements)| elements != 0);
            close.extend(words.map(|(word, elements)| Close { level, at: index * BLOCK + word * 64, elements }));
        }
    }
    tally.found()
}

/// The differences of a strip of two rows that may reach a threshold, and the responses they are at.
struct Reaching {
    differences: [i16; STRIP_LEN + STEP],
    places: [u16; STRIP_LEN + STEP],
    /// So many there are; zeros follow to a whole number of steps.
    len: usize,
    /// What was found of the pair, threshold by threshold; nothing reaches those that are missing.
    found: Vec<Found>,
}

impl Reaching {
    fn new() -> Self {
        Self { differences: [0; STRIP_LEN + STEP], places: [0; STRIP_LEN + STEP], len: 0, found: Vec::new() }
    }

    /// Counts a strip of two rows at rising thresholds.
    #[target_feature(enable = "avx2")]
    fn hold_against(&mut self, thresholds: &[i16], a: &[Codes], b: &[Codes], close: &mut Vec<Close>) {
        self.found.clear();
        let mut gathered = false;
        for (level, &threshold) in thresholds.iter().enumerate() {
            let (found, len) = if gathered {
                (self.count(level, threshold, close), self.len)
            } else {
                (count_pair(a, b, level, threshold, close), a.len() * BLOCK)
            };
            self.found.push(found);
            if found.reached == 0 {
                break;
            }
            let (out, left) = (len - found.reached as usize, thresholds.len() - level - 1);
            // Not for less than half: among many thresholds so many would pay for it, but for the next half, too.
            if 2 * out >= len && left * out > GATHERING * len {
                let next = thresholds[level + 1];
                if gathered {
                    self.thin(next)
                } else {
                    self.gather(a, b, next)
                }
                gathered = true;
            }
        }
    }

    /// Takes those of two rows.
    #[target_feature(enable = "avx2")]
    fn gather(&mut self, a: &[Codes], b: &[Codes], threshold: i16) {
        let within = _mm256_setr_epi16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
        let (mut len, mut place) = (0, within);
        for (a, b) in a.iter().zip(b) {
            let (a_words, b_words) = (a.0.as_chunks::<16>().0, b.0.as_chunks::<16>().0);
            for at in (0..BLOCK / 16).step_by(2) {
                let differences =
                    [difference(&a_words[at], &b_words[at]), difference(&a_words[at + 1], &b_words[at + 1])];
                let next = _mm256_add_epi16(place, _mm256_set1_epi16(16));
                len = self.keep(len, differences, [place, next], threshold);
                place = _mm256_add_epi16(next, _mm256_set1_epi16(16));
            }
        }
        self.end(len);
    }

    /// Leaves those that may reach a greater one.
    #[target_feature(enable = "avx2")]
    fn thin(&mut self, threshold: i16) {
        let mut len = 0;
        for from in (0..self.len).step_by(STEP) {
            let (differences, places) = (self.step(from), load_two(&self.places[from..from + STEP]));
            // What is kept goes no further than what has been loaded.
            len = self.keep(len, differences, places, threshold);
        }
        self.end(len);
    }

    /// Counts at a threshold.
    #[target_feature(enable = "avx2")]
    fn count(&self, level: usize, threshold: i16, close: &mut Vec<Close>) -> Found {
        let mut tally = Tally::new(threshold);
        for from in (0..self.len).step_by(STEP) {
            let [one, other] = self.step(from);
            tally.add(one, other);
        }
        let found = tally.found();
        if found.reached != found.passed {
            for from in (0..self.len).step_by(STEP) {
                let [one, other] = self.step(from);
                let past = tally.past(one, other);
                let close_ones = _mm256_andnot_si256(passes(past), reaches(past));
                // The halves of a vector are packed by themselves.
                let ordered = _mm256_permute4x64_epi64::<0b11_01_10_00>(close_ones);
                let mut bits = _mm256_movemask_epi8(ordered).cast_unsigned();
                while bits != 0 {
                    let place = self.places[from + bits.trailing_zeros() as usize];
                    close.push(Close { level, at: place.into(), elements: 1 });
                    bits &= bits - 1;
                }
            }
        }
        found
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn step(&self, from: usize) -> [__m256i; 2] {
        load_two(&self.differences[from..from + STEP])
    }

    /// Writes those of 32 differences that may reach a threshold from `len` on; returns where the next ones go.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn keep(&mut self, mut len: usize, differences: [__m256i; 2], places: [__m256i; 2], threshold: i16) -> usize {
        let close_from = _mm256_set1_epi16(threshold + i16::from(CLOSE));
        let reach = differences.map(|differences| _mm256_cmpgt_epi16(_mm256_abs_epi16(differences), close_from));
        // Eight of the first, eight of the second, and so again, as packing goes by halves.
        let bits = _mm256_movemask_epi8(_mm256_packs_epi16(reach[0], reach[1])).cast_unsigned();
        if bits == 0 {
            return len;
        }
        let halves = |both: __m256i| [_mm256_castsi256_si128(both), _mm256_extracti128_si256::<1>(both)];
        let (differences, places) = (differences.map(halves), places.map(halves));
        for vector in 0..2 {
            for half in 0..2 {
                let eight = (bits >> (8 * (vector + 2 * half))) as usize & 0xFF;
                // SAFETY: the table has sixteen bytes for each of 256 choices; eight words fit behind `len`, of which no more
                // were kept than looked at.
                unsafe {
                    let order = _mm_loadu_si128(TO_THE_FRONT[eight].as_ptr().cast());
                    let (differences, places) = (differences[vector][half], places[vector][half]);
                    debug_assert!(len + 8 <= STRIP_LEN + STEP, "a strip is longer than its room");
                    _mm_storeu_si128(
                        self.differences.as_mut_ptr().add(len).cast(),
                        _mm_shuffle_epi8(differences, order),
                    );
                    _mm_storeu_si128(self.places.as_mut_ptr().add(len).cast(), _mm_shuffle_epi8(places, order));
                }
                len += eight.count_ones() as usize;
            }
        }
        len
    }

    fn end(&mut self, len: usize) {
        self.len = len;
        self.differences[len..len.next_multiple_of(STEP)].fill(0);
    }
}

/// For each choice among eight words, the bytes of those chosen, in order.
static TO_THE_FRONT: [[u8; 16]; 256] = {
    let mut table = [[0; 16]; 256];
    let mut choice = 0;
    while choice < 256 {
        let (mut word, mut to) = (0, 0);
        while word < 8 {
            if choice >> word & 1 == 1 {
                table[choice][to] = 2 * word;
                table[choice][to + 1] = 2 * word + 1;
                to += 2;
            }
            word += 1;
        }
        choice += 1;
    }
    table
};

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
fn load_two<W>(words: &[W]) -> [__m256i; 2] {
    assert!(size_of_val(words) == 2 * size_of::<__m256i>(), "32 words are 64 bytes");
    // SAFETY: as just looked at.
    unsafe { [_mm256_loadu_si256(words.as_ptr().cast()), _mm256_loadu_si256(words.as_ptr().add(STEP / 2).cast())] }
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
