//! Counting on bit planes: 512 responses a vector, exact.
//!
//! Log-probabilities become fixed point: Q(L) = ⌊(L − base_i)·scale⌋, where the base is each response's own and the
//! scale makes the unit of a [`Grid`] a power of two. Then Q(L[a]) − Q(L[b]) is within one of the scaled difference,
//! its high bits say which thresholds it has passed, in either direction, and its low bits whether it is too close to
//! one to tell; those few elements are compared again as they are. The bits of 512 codes lie in separate planes, so
//! that subtracting is two three-input operations a bit, deciding a few more, and counting a population count a
//! threshold. The precision of the input makes no difference.
//!
//! Why nothing is decided wrongly: a code is off by less than one downwards, and by rounding (of the difference, the
//! scale and the product, each 2^-24 of at most 2^16) by less than 2^-6. So the difference of codes is less than
//! 1 + 2^-5 from the scaled difference, and wherever it is not B − 1, B or B + 1, with B the scaled threshold, both
//! lie on the same side of B.

use std::arch::x86_64::*;
use std::ops::Range;

use super::dispatch::Countable;
use super::grid::Grid;
use super::tiles::{Count, Tile, TileCounts};
use crate::error::Result;
use crate::parallel::Workers;
use crate::progress::Control;

/// Bits of a code. More bits leave fewer elements open and cost more operations: of 14, 15 and 16 this was fastest.
const BITS: usize = 16;
/// Responses per vector.
const GROUP: usize = 512;
/// Groups that one pass over a tile takes, so that its planes stay in the second-level cache.
const STRIP: usize = 4;
/// High bits of a difference, which count units, that the loops are compiled for.
const MOST_HIGH_BITS: usize = 8;
/// Greatest code.
const MOST: f64 = ((1 << BITS) - 2) as f64;
/// At most one element in so many, and one more, may lie outside the codes: each is compared again in every pair.
const RARE: u64 = 4096;
/// Rows and responses that are looked at to choose the scale: one in so many.
const SAMPLE: usize = 3;

/// One bit of the codes of a group.
#[derive(Clone, Copy)]
#[repr(align(64))]
pub(super) struct Plane([u64; GROUP / 64]);

/// A group of responses of one row.
#[derive(Clone, Copy)]
pub(super) struct Codes {
    /// Least bit first.
    bits: [Plane; BITS],
    /// Elements that have no code: −∞, and what is too far below the other rows.
    outside: Plane,
}

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
    group: usize,
    elements: [u64; GROUP / 64],
}

/// Two rows, and where their counts go in a tile.
#[derive(Clone, Copy)]
struct Pair {
    first: usize,
    second: usize,
    cell: usize,
}

/// How the high bits of a difference decide.
struct Decisions {
    high_bits: usize,
    /// Per threshold that differences of codes can reach, the complement of each bit of its multiple as a mask.
    reachable: Vec<[u64; MOST_HIGH_BITS]>,
    /// The same of the multiple before the first; `None` if that is 0, which everything reaches.
    before: Option<[u64; MOST_HIGH_BITS]>,
    /// The same of the multiple after the last, from which on nothing is near a threshold; `None` if it is out of reach.
    beyond: Option<[u64; MOST_HIGH_BITS]>,
}

/// The range of each response of a group.
pub(super) struct Span<T> {
    /// Greatest finite value of any row; −∞ if there is none.
    most: Vec<T>,
    /// Where codes begin.
    base: Vec<T>,
}

impl<'a, T: Planar> PlanesPanel<'a, T> {
    /// The planes of responses `range`; `None` if fixed point does not suit these values and thresholds. The CPU must
    /// have AVX-512 F, BW, DQ, VL and VPOPCNTDQ.
    pub(super) fn new(
        rows: &[&'a [T]],
        range: Range<usize>,
        grid: &Grid,
        workers: &Workers,
        control: &Control,
    ) -> Result<Option<Self>> {
        let len = range.len();
        let values: Vec<&[T]> = rows.iter().map(|row| &row[range.clone()]).collect();
        let groups = len.div_ceil(GROUP);
        let mut spans = workers.map(groups, control, |group| {
            // SAFETY: the caller vouches for the instruction set.
            Ok(unsafe { T::span(&values, group_range(group, len)) })
        })?;
        // The first threshold must be within reach, or what lies outside the codes would not be looked at.
        let first = grid.levels.first().map_or(0, |level| level.multiple.ilog2() as usize + 1);
        let Some(high_bits) = high_bits(&values, &spans, grid.unit).map(|bits| bits.max(first)) else {
            return Ok(None);
        };
        let scale = f64::from(1u32 << (BITS - high_bits)) / grid.unit;
        for span in &mut spans {
            for (base, &most) in span.base.iter_mut().zip(&span.most) {
                let lowest = T::rounded(most.into() - MOST / scale);
                *base = if *base > lowest { *base } else { lowest };
            }
        }
        let codes = workers.map(rows.len(), control, |row| {
            let codes = spans.iter().enumerate().map(|(group, span)| {
                // SAFETY: as above.
                unsafe { T::encode(&values[row][group_range(group, len)], &span.base, scale) }
            });
            Ok(codes.collect())
        })?;
        let decisions = Decisions::new(grid, high_bits);
        let log_n = grid.levels.iter().map(|level| level.log_n).collect();
        Ok(Some(Self { values, log_n, codes, groups, decisions }))
    }

    /// Compares again what codes left open, adding to the counts of a tile of `cells`.
    fn settle(&self, open: &[Open], cells: usize, counts: &mut TileCounts) {
        for Open { pair, group, elements } in open {
            for (word, &bits) in elements.iter().enumerate() {
                let mut bits = bits;
                while bits != 0 {
                    let at = group * GROUP + word * 64 + bits.trailing_zeros() as usize;
                    bits &= bits - 1;
                    let difference: f64 = self.values[pair.first][at].into() - self.values[pair.second][at].into();
                    let (side, size) =
                        if difference > 0.0 { (&mut counts.down, difference) } else { (&mut counts.up, -difference) };
                    for (level, _) in self.log_n.iter().enumerate().take_while(|&(_, &log_n)| size >= log_n) {
                        side[level * cells + pair.cell] += 1;
                    }
                }
            }
        }
    }

    /// Tallies of one pair of rows over `groups` (see [`tallied`]), one a threshold; what is left open is added to
    /// `left_open`.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vpopcntdq")]
    fn count_pair<const HIGH: usize>(
        &self,
        pair: Pair,
        groups: Range<usize>,
        tallies: &mut [__m512i],
        left_open: &mut Vec<Open>,
    ) {
        let Decisions { reachable, before, beyond, .. } = &self.decisions;
        let Some((first, further)) = reachable.split_first() else { return };
        let (first_tally, further_tallies) = tallies.split_at_mut(1);
        let (a, b) = (&self.codes[pair.first], &self.codes[pair.second]);
        let mut tally = _mm512_setzero_si512();
        further_tallies.fill(tally);
        for group in groups {
            let (a, b) = (&a[group], &b[group]);
            let Difference { negative, high, all, any } = Difference::<HIGH>::of(a, b);
            let mut passed = at_least(&high, first);
            // Just below a multiple, or at it.
            let below = match before {
                None => all,
                Some(before) => _mm512_and_si512(all, at_least(&high, before)),
            };
            let mut near = _mm512_ternarylogic_epi64::<0xF4>(below, passed, any);
            if let Some(beyond) = beyond
                && _mm512_test_epi64_mask(near, near) != 0
            {
                near = _mm512_andnot_si512(at_least(&high, beyond), near);
            }
            let open = _mm512_ternarylogic_epi64::<0xFE>(near, load(&a.outside), load(&b.outside));
            if _mm512_test_epi64_mask(open, open) != 0 {
                left_open.push(Open { pair, group, elements: words(open) });
            }
            tally = tallied(tally, passed, negative, open);
            for (multiple, tally) in further.iter().zip(&mut *further_tallies) {
                // What does not reach a threshold reaches no higher one.
                if _mm512_test_epi64_mask(passed, passed) == 0 {
                    break;
                }
                passed = at_least(&high, multiple);
                *tally = tallied(*tally, passed, negative, open);
            }
        }
        first_tally[0] = tally;
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512vpopcntdq")]
    fn count_tile<const HIGH: usize>(&self, tile: &Tile, lower_from: usize) -> TileCounts {
        let (height, width) = (tile.upper.len(), tile.lower.len());
        let mut counts = TileCounts::new(height * width, self.log_n.len());
        let on_diagonal = lower_from == 0 && tile.upper == tile.lower;
        let mut tallies = vec![_mm512_setzero_si512(); self.decisions.reachable.len()];
        let mut open = Vec::new();
        for from in (0..self.groups).step_by(STRIP) {
            let groups = from..self.groups.min(from + STRIP);
            for i in 0..height {
                for j in (if on_diagonal { i + 1 } else { 0 })..width {
                    let cell = i * width + j;
                    let pair = Pair { first: tile.upper.start + i, second: lower_from + tile.lower.start + j, cell };
                    self.count_pair::<HIGH>(pair, groups.clone(), &mut tallies, &mut open);
                    for (level, &tally) in tallies.iter().enumerate() {
                        let both = _mm512_reduce_add_epi64(tally).cast_unsigned();
                        #[expect(clippy::cast_possible_truncation, reason = "two halves of a word")]
                        let (passed, up) = (both as u32, (both >> 32) as u32);
                        counts.down[level * height * width + cell] += passed - up;
                        counts.up[level * height * width + cell] += up;
                    }
                }
                // Together, so that the cache misses overlap.
                self.settle(&open, height * width, &mut counts);
                open.clear();
            }
        }
        counts
    }
}

impl<T: Planar> Count for PlanesPanel<'_, T> {
    fn count(&self, tile: &Tile, lower_from: usize) -> TileCounts {
        // SAFETY: whoever made the panel vouches for the instruction set.
        unsafe {
            match self.decisions.high_bits {
                1 => self.count_tile::<1>(tile, lower_from),
                2 => self.count_tile::<2>(tile, lower_from),
                3 => self.count_tile::<3>(tile, lower_from),
                4 => self.count_tile::<4>(tile, lower_from),
                5 => self.count_tile::<5>(tile, lower_from),
                6 => self.count_tile::<6>(tile, lower_from),
                7 => self.count_tile::<7>(tile, lower_from),
                _ => self.count_tile::<MOST_HIGH_BITS>(tile, lower_from),
            }
        }
    }
}

impl Decisions {
    fn new(grid: &Grid, high_bits: usize) -> Self {
        let mask = |multiple: u32| std::array::from_fn(|bit| if multiple >> bit & 1 == 1 { 0 } else { u64::MAX });
        let multiples = grid.levels.iter().map(|level| level.multiple);
        Self {
            high_bits,
            reachable: multiples.take_while(|multiple| multiple >> high_bits == 0).map(mask).collect(),
            beyond: grid
                .levels
                .last()
                .map(|level| level.multiple + 1)
                .filter(|multiple| multiple >> high_bits == 0)
                .map(mask),
            before: grid.levels.first().filter(|level| level.multiple > 1).map(|level| mask(level.multiple - 1)),
        }
    }
}

/// The difference of two groups of codes, in one's complement.
struct Difference<const HIGH: usize> {
    /// Where the second code is the greater.
    negative: __m512i,
    /// High bits of the magnitude (where negative, of the magnitude less one), least first: whole units.
    high: [__m512i; HIGH],
    /// Where all low bits of the magnitude but the least are set, and where any is.
    all: __m512i,
    any: __m512i,
}

impl<const HIGH: usize> Difference<HIGH> {
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn of(a: &Codes, b: &Codes) -> Self {
        let low = BITS - HIGH;
        // Closures and iterator adapters would not be inlined across the instruction set.
        let mut borrow = _mm512_andnot_si512(load(&a.bits[0]), load(&b.bits[0]));
        let (mut all, mut any) = (_mm512_set1_epi64(-1), _mm512_setzero_si512());
        let mut bit = 1;
        while bit < low {
            let one;
            (one, borrow) = subtract(load(&a.bits[bit]), load(&b.bits[bit]), borrow);
            bit += 1;
            if bit < low {
                let other;
                (other, borrow) = subtract(load(&a.bits[bit]), load(&b.bits[bit]), borrow);
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
            (high[offset], borrow) = subtract(load(&a.bits[low + offset]), load(&b.bits[low + offset]), borrow);
            offset += 1;
        }
        let negative = borrow;
        let mut offset = 0;
        while offset < HIGH {
            high[offset] = _mm512_xor_si512(high[offset], negative);
            offset += 1;
        }
        // Complementing the low bits as well exchanges "all set" and "none set".
        let signed_all = _mm512_ternarylogic_epi64::<0x3A>(negative, any, all);
        let signed_any = _mm512_ternarylogic_epi64::<0x3A>(negative, all, any);
        Self { negative, high, all: signed_all, any: signed_any }
    }
}

/// One bit of a − b and of what is borrowed from the next.
#[inline]
#[target_feature(enable = "avx512f")]
fn subtract(a: __m512i, b: __m512i, borrow: __m512i) -> (__m512i, __m512i) {
    (_mm512_ternarylogic_epi64::<0x96>(a, b, borrow), _mm512_ternarylogic_epi64::<0x8E>(a, b, borrow))
}

/// Where the number with these bits is at least the one whose complemented bits are given.
#[inline]
#[target_feature(enable = "avx512f")]
fn at_least<const HIGH: usize>(bits: &[__m512i; HIGH], complement: &[u64; MOST_HIGH_BITS]) -> __m512i {
    let mut holds = _mm512_set1_epi64(-1);
    let mut bit = 0;
    while bit < HIGH {
        // Majority: a greater bit wins, a lesser one loses, equal ones leave it to the lower bits.
        holds = _mm512_ternarylogic_epi64::<0xE8>(bits[bit], _mm512_set1_epi64(complement[bit].cast_signed()), holds);
        bit += 1;
    }
    holds
}

/// Adds what is decided: all in the low halves, the negative in the high halves of the words.
#[inline]
#[target_feature(enable = "avx512f,avx512vpopcntdq")]
fn tallied(tally: __m512i, passed: __m512i, negative: __m512i, open: __m512i) -> __m512i {
    let both = _mm512_popcnt_epi64(_mm512_andnot_si512(open, passed));
    let up = _mm512_popcnt_epi64(_mm512_ternarylogic_epi64::<0x40>(passed, negative, open));
    _mm512_add_epi64(tally, _mm512_add_epi64(both, _mm512_slli_epi64::<32>(up)))
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

/// The fewest high bits (so the most low ones) with which nearly all elements of a sample have codes; `None` if even
/// the most do not do.
fn high_bits<T: Planar>(values: &[&[T]], spans: &[Span<T>], unit: f64) -> Option<usize> {
    // Bits of scale that an element must give up: 0 if it has a code at one high bit.
    let finest = f64::from(1u32 << (BITS - 1)) / unit;
    let mut needs = [0u64; MOST_HIGH_BITS + 1];
    let mut seen = 0;
    for (group, span) in spans.iter().enumerate() {
        let range = group_range(group, values[0].len());
        for row in values.iter().skip(group % SAMPLE).step_by(SAMPLE) {
            for (&value, &most) in row[range.clone()].iter().zip(&span.most).skip(group % 16).step_by(16) {
                let mut place = (most.into() - value.into()) * finest;
                let mut given_up = 0;
                // −∞ gives +∞, or NaN where all rows are −∞.
                while given_up < MOST_HIGH_BITS && (place.is_nan() || place > MOST) {
                    place /= 2.0;
                    given_up += 1;
                }
                needs[given_up] += 1;
                seen += 1;
            }
        }
    }
    let mut outside = seen;
    (0..MOST_HIGH_BITS).find_map(|given_up| {
        outside -= needs[given_up];
        (outside * RARE <= seen + RARE).then_some(given_up + 1)
    })
}

/// An element type that can be put in planes.
pub(super) trait Planar: Countable {
    /// Nearest value.
    fn rounded(value: f64) -> Self;

    /// The greatest and least finite values of each response of a group.
    ///
    /// # Safety
    /// The CPU has AVX-512 F, BW, DQ and VL.
    unsafe fn span(rows: &[&[Self]], range: Range<usize>) -> Span<Self>;

    /// The codes of up to a group of values.
    ///
    /// # Safety
    /// The CPU has AVX-512 F, BW, DQ and VL.
    unsafe fn encode(values: &[Self], base: &[Self], scale: f64) -> Codes;
}

macro_rules! planar {
    ($item:ty) => {
        impl Planar for $item {
            #[allow(clippy::cast_possible_truncation, clippy::allow_attributes, reason = "any base is right")]
            #[allow(clippy::unnecessary_cast, reason = "one of two precisions")]
            fn rounded(value: f64) -> Self {
                value as $item
            }

            #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq")]
            unsafe fn span(rows: &[&[Self]], range: Range<usize>) -> Span<Self> {
                let mut most = vec![<$item>::NEG_INFINITY; range.len()];
                let mut base = vec![<$item>::INFINITY; range.len()];
                for row in rows {
                    for ((&value, base), most) in row[range.clone()].iter().zip(&mut base).zip(&mut most) {
                        *most = if value > *most { value } else { *most };
                        *base = if value < *base && value > <$item>::NEG_INFINITY { value } else { *base };
                    }
                }
                Span { most, base }
            }

            #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq")]
            unsafe fn encode(values: &[Self], base: &[Self], scale: f64) -> Codes {
                // Responses that are missing have code 0 in every row: no difference, nothing counts.
                let mut numbers = [0u16; GROUP];
                let mut outside = [0u16; GROUP];
                let (scale, most) = (Self::rounded(scale), Self::rounded(MOST + 1.0));
                for (((number, outside), &value), &base) in numbers.iter_mut().zip(&mut outside).zip(values).zip(base) {
                    let place = (value - base) * scale;
                    // False for −∞, below the base, and beyond the codes (where overflow can lead).
                    let inside = value >= base && place <= most;
                    let place = if inside { place } else { 0.0 };
                    // SAFETY: between 0 and `most`.
                    *number = unsafe { place.to_int_unchecked::<i32>() } as u16;
                    *outside = if inside { 0 } else { u16::MAX };
                }
                let empty = Plane([0; GROUP / 64]);
                let mut codes = Codes { bits: [empty; BITS], outside: empty };
                write_planes(&numbers, &mut codes.bits);
                write_planes(&outside, std::slice::from_mut(&mut codes.outside));
                codes
            }
        }
    };
}

planar!(f32);
planar!(f64);

/// Turns numbers into planes: response `i` is bit `i`.
#[target_feature(enable = "avx512f,avx512bw")]
fn write_planes(numbers: &[u16; GROUP], planes: &mut [Plane]) {
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
