//! Counting on bit planes: 512 responses a vector, exact.
//!
//! The bits of 512 codes ([`super::fixed_point`]) lie in separate planes, so that one bit-sliced subtraction gives the
//! differences of two rows in both directions, and comparing them with a threshold takes one three-input operation a bit.
//! The scale puts every threshold close to a whole multiple of one unit, a power of two ([`Grid`]): what the low bits
//! say, that a difference is at the window around a multiple or past it, is found once for all thresholds, and each
//! threshold costs the high bits. What lies in the window around a threshold is compared again as it is.
//!
//! Why nothing is decided wrongly: the difference of codes is less than 1 + 2^-5 from the scaled difference, and a
//! threshold at most 0.9 + 10^-6 codes from its multiple m. So at m + 2 codes and above it is passed, and below m − 2 it
//! is not; negative differences, whose magnitude is one less in one's complement, are farther inside.

use std::arch::x86_64::*;
use std::ops::Range;

use super::dispatch::Countable;
use super::fixed_point::{BITS, Coded, MOST, Spans};
use super::grid::{Grid, MOST_HIGH_BITS, WINDOW_BITS};
use super::tiles::{Count, Tile, TileCounts};
use crate::error::Result;
use crate::parallel::Workers;
use crate::progress::Control;

/// Responses per vector.
const GROUP: usize = 512;
/// Groups that one pass over a tile takes, so that its planes stay in the second-level cache.
const STRIP: usize = 8;
/// Thresholds between two looks at whether any element goes on: a look that is guessed wrongly costs as much as several.
const UNLOOKED: usize = 4;

/// One bit of the codes of a group.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Plane([u64; GROUP / 64]);

/// The codes of a group of responses of one row, least bit first.
#[derive(Clone, Copy)]
pub(super) struct Codes([Plane; BITS]);

/// A block of responses of all rows as bit planes, for the thresholds of one grid.
pub(super) struct PlanesPanel<'a, T> {
    values: Vec<&'a [T]>,
    log_n: Vec<f64>,
    /// `[row][group]`.
    codes: Vec<Vec<Codes>>,
    groups: usize,
    decisions: Decisions,
}

/// Elements of a pair of rows that codes left open.
struct Open {
    pair: Pair,
    /// The response of the first bit.
    from: usize,
    elements: u64,
    thresholds: Range<usize>,
}

/// Two rows, where their counts go in a tile, and the response that their codes begin with.
#[derive(Clone, Copy)]
struct Pair {
    first: usize,
    second: usize,
    cell: usize,
    from: usize,
}

/// How the high bits of a difference decide.
struct Decisions {
    /// The thresholds that differences of codes can reach.
    reachable: Vec<Threshold>,
    /// [`count_pair`] for these.
    count_pair: CountPair,
}

/// Counts one pair of rows: how many have passed each threshold in the low half of its sum, how many negative ones in the
/// high half. What is left open is in neither.
type CountPair = unsafe fn(Pair, a: &[Codes], b: &[Codes], &[Threshold], &mut Sums, open: &mut Vec<Open>);

/// Room for what is found of one pair.
struct Sums {
    /// One for each reachable threshold.
    tallies: Vec<__m512i>,
    sums: Vec<u64>,
    /// What is left open, `[group][threshold]`, or one for all thresholds of a group.
    near: Vec<__m512i>,
}

/// One threshold as masks, the complement of each bit of its multiple and of the one before.
#[derive(Clone, Copy)]
struct Threshold {
    multiple: [u64; MOST_HIGH_BITS],
    before: [u64; MOST_HIGH_BITS],
}

impl<'a, T: Planar> PlanesPanel<'a, T> {
    /// The planes of responses `range`, and those responses that have none and are still to be counted; `None` if fixed point
    /// does not suit these values and thresholds. The CPU must have AVX-512 F, BW, DQ, VL and VPOPCNTDQ.
    pub(super) fn new(
        rows: &[&'a [T]],
        range: Range<usize>,
        log_n: &[f64],
        workers: &Workers,
        control: &Control,
    ) -> Result<Option<(Self, Vec<usize>)>> {
        let len = range.len();
        let values: Vec<&[T]> = rows.iter().map(|row| &row[range.clone()]).collect();
        let groups = len.div_ceil(GROUP);
        let mut spans = Spans::joined(workers.map(groups, control, |group| {
            // SAFETY: the caller vouches for the instruction set.
            Ok(unsafe { T::spans(&values, group_range(group, len)) })
        })?);
        let Some(grid) = Grid::choose(log_n, spans.range()) else { return Ok(None) };
        let left_out = spans.leave_out(grid.scale, MOST);
        let codes = workers.map(rows.len(), control, |row| {
            // SAFETY: as above.
            let codes = |group| unsafe { T::encode(&spans, values[row], group_range(group, len), grid.scale) };
            Ok((0..groups).map(codes).collect())
        })?;
        let decisions = Decisions::new(&grid);
        Ok(Some((Self { values, log_n: log_n.to_vec(), codes, groups, decisions }, left_out)))
    }

    /// Compares again what codes left open, adding to the counts of a tile of `cells`.
    fn settle(&self, open: &[Open], cells: usize, counts: &mut TileCounts) {
        for Open { pair, from, elements, thresholds } in open {
            let [first, second] = [pair.first, pair.second].map(|row| &self.values[row][*from..]);
            let mut bits = *elements;
            while bits != 0 {
                let at = bits.trailing_zeros() as usize;
                bits &= bits - 1;
                let difference: f64 = first[at].into() - second[at].into();
                let (side, size) =
                    if difference > 0.0 { (&mut counts.down, difference) } else { (&mut counts.up, -difference) };
                for level in thresholds.clone().take_while(|&level| size >= self.log_n[level]) {
                    side[level * cells + pair.cell] += 1;
                }
            }
        }
    }
}

impl<T: Planar> Count for PlanesPanel<'_, T> {
    fn count(&self, tile: &Tile, lower_from: usize) -> TileCounts {
        let (height, width) = (tile.upper.len(), tile.lower.len());
        let cells = height * width;
        let mut counts = TileCounts::new(cells, self.log_n.len());
        let on_diagonal = lower_from == 0 && tile.upper == tile.lower;
        let reachable = &self.decisions.reachable;
        let mut sums = Sums {
            tallies: vec![NOTHING; reachable.len()],
            sums: vec![0; reachable.len()],
            near: vec![NOTHING; STRIP * reachable.len()],
        };
        let mut open = Vec::new();
        for from in (0..self.groups).step_by(STRIP) {
            let groups = from..self.groups.min(from + STRIP);
            for i in 0..height {
                for j in (if on_diagonal { i + 1 } else { 0 })..width {
                    let pair = Pair {
                        first: tile.upper.start + i,
                        second: lower_from + tile.lower.start + j,
                        cell: i * width + j,
                        from: from * GROUP,
                    };
                    let [a, b] = [pair.first, pair.second].map(|row| &self.codes[row][groups.clone()]);
                    // SAFETY: whoever made the panel vouches for the instruction set.
                    unsafe { (self.decisions.count_pair)(pair, a, b, reachable, &mut sums, &mut open) };
                    for (level, &both) in sums.sums.iter().enumerate() {
                        #[expect(clippy::cast_possible_truncation, reason = "two halves of a word")]
                        let (passed, up) = (both as u32, (both >> 32) as u32);
                        counts.down[level * cells + pair.cell] += passed - up;
                        counts.up[level * cells + pair.cell] += up;
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

// SAFETY: both are 64 bytes of plain integers.
const NOTHING: __m512i = unsafe { std::mem::transmute([0u64; 8]) };

impl Decisions {
    fn new(grid: &Grid) -> Self {
        let high_bits = BITS - grid.low_bits;
        let mask = |multiple: u64| std::array::from_fn(|bit| if multiple >> bit & 1 == 1 { 0 } else { u64::MAX });
        let reachable = grid.multiples.iter().take_while(|&&multiple| multiple >> high_bits == 0);
        Self {
            reachable: reachable
                .map(|&multiple| Threshold { multiple: mask(multiple), before: mask(multiple - 1) })
                .collect(),
            count_pair: count_pair_of(high_bits, grid.shared),
        }
    }
}

macro_rules! by_high_bits {
    ($high:expr, $shared:expr, $($bits:literal)+) => {
        match ($high, $shared) {
            $(($bits, false) => count_pair::<$bits, false>, ($bits, true) => count_pair::<$bits, true>,)+
            _ => unreachable!("a grid has 1 to {MOST_HIGH_BITS} high bits"),
        }
    };
}

fn count_pair_of(high_bits: usize, shared: bool) -> CountPair {
    by_high_bits!(high_bits, shared, 1 2 3 4 5 6 7 8 9 10 11 12 13 14)
}

/// See [`CountPair`]. `SHARED` leaves open what is close to any multiple from the first threshold to the last.
#[target_feature(enable = "avx512f,avx512bw,avx512vpopcntdq")]
fn count_pair<const HIGH: usize, const SHARED: bool>(
    pair: Pair,
    a: &[Codes],
    b: &[Codes],
    thresholds: &[Threshold],
    Sums { tallies, sums, near }: &mut Sums,
    open: &mut Vec<Open>,
) {
    tallies.fill(NOTHING);
    let ([first, ..], [.., last]) = (thresholds, thresholds) else { return };
    let nears = if SHARED { 1 } else { thresholds.len() };
    // Stored whether there are any or not, and looked at once at the end: a branch a group would often be guessed wrongly.
    let mut any = NOTHING;
    for ((a, b), near) in a.iter().zip(b).zip(near.chunks_exact_mut(nears)) {
        let mut difference = Difference::<HIGH>::of(a, b);
        if SHARED {
            let windows = _mm512_ternarylogic_epi64::<0xF3>(difference.from_window, difference.past_window, NOTHING);
            let from_first = at_least(&difference.high, &first.before, difference.from_window);
            let past_last = at_least(&difference.high, &last.multiple, difference.past_window);
            near[0] = _mm512_ternarylogic_epi64::<0x40>(windows, from_first, past_last);
            any = _mm512_or_si512(any, near[0]);
            difference.clear(near[0]);
        }
        for (chunk, (thresholds, tallies)) in thresholds.chunks(UNLOOKED).zip(tallies.chunks_mut(UNLOOKED)).enumerate()
        {
            let mut reached = NOTHING;
            for (offset, (threshold, tally)) in thresholds.iter().zip(tallies).enumerate() {
                let passed = at_least(&difference.high, &threshold.multiple, difference.past_window);
                *tally = tallied(*tally, passed, difference.negative);
                if SHARED {
                    reached = passed;
                } else {
                    reached = at_least(&difference.high, &threshold.before, difference.from_window);
                    let open = _mm512_andnot_si512(passed, reached);
                    near[chunk * UNLOOKED + offset] = open;
                    any = _mm512_or_si512(any, open);
                }
            }
            // What does not reach a threshold reaches no higher one.
            if _mm512_test_epi64_mask(reached, reached) == 0 {
                if !SHARED {
                    near[((chunk + 1) * UNLOOKED).min(nears)..].fill(NOTHING);
                }
                break;
            }
        }
    }
    if _mm512_test_epi64_mask(any, any) != 0 {
        for (index, &near) in near[..a.len() * nears].iter().enumerate() {
            let mut hit = _mm512_test_epi64_mask(near, near);
            let (group, level) = (index / nears, index % nears);
            while hit != 0 {
                let word = hit.trailing_zeros() as usize;
                hit &= hit - 1;
                let from = pair.from + group * GROUP + word * 64;
                let thresholds = if SHARED { 0..thresholds.len() } else { level..level + 1 };
                open.push(Open { pair, from, elements: words(near)[word], thresholds });
            }
        }
    }
    for (sum, &tally) in sums.iter_mut().zip(&*tallies) {
        *sum = _mm512_reduce_add_epi64(tally).cast_unsigned();
    }
}

/// The difference of two groups of codes, in one's complement.
struct Difference<const HIGH: usize> {
    /// Where the second code is the greater.
    negative: __m512i,
    /// High bits of the magnitude (where negative, of the magnitude less one), least first: whole units.
    high: [__m512i; HIGH],
    /// Where the low bits of the magnitude are in the window before the next multiple, or are past the window after the last.
    from_window: __m512i,
    past_window: __m512i,
}

impl<const HIGH: usize> Difference<HIGH> {
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn of(a: &Codes, b: &Codes) -> Self {
        let low = BITS - HIGH;
        // Closures and iterator adapters would not be inlined across the instruction set.
        let mut borrow = _mm512_andnot_si512(load(&a.0[0]), load(&b.0[0]));
        let (mut all, mut any) = (_mm512_set1_epi64(-1), _mm512_setzero_si512());
        let mut bit = 1;
        while bit < WINDOW_BITS {
            (_, borrow) = subtract(load(&a.0[bit]), load(&b.0[bit]), borrow);
            bit += 1;
        }
        while bit < low {
            let one;
            (one, borrow) = subtract(load(&a.0[bit]), load(&b.0[bit]), borrow);
            bit += 1;
            if bit < low {
                let other;
                (other, borrow) = subtract(load(&a.0[bit]), load(&b.0[bit]), borrow);
                bit += 1;
                all = _mm512_ternarylogic_epi64::<0x80>(all, one, other);
                any = _mm512_ternarylogic_epi64::<0xFE>(any, one, other);
            } else {
                all = _mm512_and_si512(all, one);
                any = _mm512_or_si512(any, one);
            }
        }
        let mut high = [_mm512_setzero_si512(); HIGH];
        let mut offset = 0;
        while offset < HIGH {
            (high[offset], borrow) = subtract(load(&a.0[low + offset]), load(&b.0[low + offset]), borrow);
            offset += 1;
        }
        let negative = borrow;
        let mut offset = 0;
        while offset < HIGH {
            high[offset] = _mm512_xor_si512(high[offset], negative);
            offset += 1;
        }
        // Complementing the low bits as well exchanges "all set" and "none set".
        let from_window = _mm512_ternarylogic_epi64::<0x3A>(negative, any, all);
        let past_window = _mm512_ternarylogic_epi64::<0x3A>(negative, all, any);
        Self { negative, high, from_window, past_window }
    }

    /// Makes these elements ones that pass nothing.
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn clear(&mut self, elements: __m512i) {
        self.past_window = _mm512_andnot_si512(elements, self.past_window);
        let mut offset = 0;
        while offset < HIGH {
            self.high[offset] = _mm512_andnot_si512(elements, self.high[offset]);
            offset += 1;
        }
    }
}

/// One bit of a − b and of what is borrowed from the next.
#[inline]
#[target_feature(enable = "avx512f")]
fn subtract(a: __m512i, b: __m512i, borrow: __m512i) -> (__m512i, __m512i) {
    (_mm512_ternarylogic_epi64::<0x96>(a, b, borrow), _mm512_ternarylogic_epi64::<0x8E>(a, b, borrow))
}

/// Where the number with these bits is greater than the one whose complemented bits are given, or equal and `equal` holds.
#[inline]
#[target_feature(enable = "avx512f")]
fn at_least<const HIGH: usize>(bits: &[__m512i; HIGH], complement: &[u64; MOST_HIGH_BITS], equal: __m512i) -> __m512i {
    let mut holds = equal;
    let mut bit = 0;
    while bit < HIGH {
        // Majority: a greater bit wins, a lesser one loses, equal ones leave it to the lower bits.
        holds = _mm512_ternarylogic_epi64::<0xE8>(bits[bit], _mm512_set1_epi64(complement[bit].cast_signed()), holds);
        bit += 1;
    }
    holds
}

#[inline]
#[target_feature(enable = "avx512f,avx512vpopcntdq")]
fn tallied(tally: __m512i, passed: __m512i, negative: __m512i) -> __m512i {
    let up = _mm512_popcnt_epi64(_mm512_and_si512(passed, negative));
    _mm512_add_epi64(tally, _mm512_add_epi64(_mm512_popcnt_epi64(passed), _mm512_slli_epi64::<32>(up)))
}

#[inline]
#[target_feature(enable = "avx512f")]
fn load(plane: &Plane) -> __m512i {
    // SAFETY: a plane is 64 bytes, aligned to 64.
    unsafe { _mm512_load_si512(plane.0.as_ptr().cast()) }
}

fn words(vector: __m512i) -> [u64; GROUP / 64] {
    // SAFETY: both are 64 bytes of plain integers.
    unsafe { std::mem::transmute(vector) }
}

fn group_range(group: usize, len: usize) -> Range<usize> {
    group * GROUP..len.min((group + 1) * GROUP)
}

/// An element type that can be put in planes.
pub(super) trait Planar: Countable + Coded {
    /// The spans of a group of responses.
    ///
    /// # Safety
    /// The CPU has AVX-512 F, BW, DQ and VL.
    unsafe fn spans(rows: &[&[Self]], range: Range<usize>) -> Spans<Self>;

    /// The codes of up to a group of values.
    ///
    /// # Safety
    /// The CPU has AVX-512 F, BW, DQ and VL.
    unsafe fn encode(spans: &Spans<Self>, row: &[Self], range: Range<usize>, scale: f64) -> Codes;
}

macro_rules! planar {
    ($item:ty) => {
        impl Planar for $item {
            #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq")]
            unsafe fn spans(rows: &[&[Self]], range: Range<usize>) -> Spans<Self> {
                Spans::of(rows, range)
            }

            #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq")]
            unsafe fn encode(spans: &Spans<Self>, row: &[Self], range: Range<usize>, scale: f64) -> Codes {
                // Responses that are missing have code 0 in every row: no difference, nothing counts.
                let mut numbers = [0u16; GROUP];
                spans.encode(row, range, scale, &mut numbers);
                let mut codes = Codes([Plane([0; GROUP / 64]); BITS]);
                write_planes(&numbers, &mut codes.0);
                codes
            }
        }
    };
}

planar!(f32);
planar!(f64);

/// Turns numbers into planes: response `i` is bit `i`.
#[target_feature(enable = "avx512f,avx512bw")]
fn write_planes(numbers: &[u16; GROUP], planes: &mut [Plane; BITS]) {
    for (word, numbers) in numbers.as_chunks::<64>().0.iter().enumerate() {
        // SAFETY: two vectors of 32 numbers lie in a chunk of 64.
        let [low, high] = unsafe {
            [_mm512_loadu_si512(numbers.as_ptr().cast()), _mm512_loadu_si512(numbers.as_ptr().add(32).cast())]
        };
        for (bit, plane) in planes.iter_mut().enumerate() {
            let bit = _mm512_set1_epi16(1 << bit);
            plane.0[word] =
                u64::from(_mm512_test_epi16_mask(low, bit)) | u64::from(_mm512_test_epi16_mask(high, bit)) << 32;
        }
    }
}
