//! Comparing and counting with vectors of any width: the loops, written once for every instruction set.

use super::threshold::Element;

/// A vector type of an instruction set and what the counting loops need of it.
pub(super) trait Lanes {
    /// Element type.
    type Item: Element;
    /// A vector of elements.
    type Values: Copy;
    /// A vector of counters, one a lane.
    type Tally: Copy;
    /// Elements per vector.
    const LANES: usize;

    /// Loads [`Lanes::LANES`] elements.
    ///
    /// # Safety
    /// So many elements can be read from `from`, and the CPU has the instruction set.
    unsafe fn load(from: *const Self::Item) -> Self::Values;

    /// No counts.
    ///
    /// # Safety
    /// The CPU has the instruction set.
    unsafe fn zero() -> Self::Tally;

    /// Adds one to each lane's counter where the value is at or above the threshold.
    ///
    /// # Safety
    /// The CPU has the instruction set.
    unsafe fn add(tally: Self::Tally, values: Self::Values, thresholds: Self::Values) -> Self::Tally;

    /// Sum of the counters.
    ///
    /// # Safety
    /// The CPU has the instruction set.
    unsafe fn total(tally: Self::Tally) -> u32;

    /// Writes the counters to the first [`Lanes::LANES`] of `counts`.
    ///
    /// # Safety
    /// So many can be written to, and the CPU has the instruction set.
    unsafe fn write(tally: Self::Tally, counts: *mut u32);

    /// Where values are at or above their thresholds, the first lane in the lowest bit.
    ///
    /// # Safety
    /// [`Lanes::LANES`] elements can be read from each, and the CPU has the instruction set.
    #[inline(always)]
    unsafe fn bits(values: *const Self::Item, thresholds: *const Self::Item) -> u32 {
        let mut bits = 0;
        for lane in 0..Self::LANES {
            // SAFETY: as the caller says.
            let reached = unsafe { *values.add(lane) >= *thresholds.add(lane) };
            bits |= u32::from(reached) << lane;
        }
        bits
    }
}

/// Values that lie side by side: of so many rows at one response.
pub(in crate::tournament) const ABREAST: usize = 64;

/// The values of [`ABREAST`] rows at one response.
#[derive(Clone, Copy)]
#[repr(align(64))]
pub(in crate::tournament) struct Abreast<T>(pub(in crate::tournament) [T; ABREAST]);

/// A stretch of one model's responses: values and thresholds, of the same length.
#[derive(Clone, Copy)]
pub(super) struct Stretch<'a, T> {
    /// Log-probabilities.
    pub(super) values: &'a [T],
    /// θ of each.
    pub(super) thresholds: &'a [T],
}

/// How often each of two upper rows counts against each of two lower rows, and the reverse: `[upper][lower]`.
///
/// # Safety
/// The CPU has the instruction set of `L`.
#[inline(always)]
pub(super) unsafe fn two_by_two<L: Lanes>(
    upper: [Stretch<'_, L::Item>; 2],
    lower: [Stretch<'_, L::Item>; 2],
) -> ([[u32; 2]; 2], [[u32; 2]; 2]) {
    let len = upper[0].values.len();
    for stretch in upper.iter().chain(&lower) {
        assert!(stretch.values.len() == len && stretch.thresholds.len() == len);
    }
    let whole = len - len % L::LANES;
    // SAFETY: the caller vouches for the instruction set; every load lies below `whole` ≤ len, the length of all
    // slices, as asserted above.
    let (mut down, mut up) = unsafe {
        let mut down = [[L::zero(); 2]; 2];
        let mut up = [[L::zero(); 2]; 2];
        let mut at = 0;
        while at < whole {
            let a = upper.map(|row| (L::load(row.values.as_ptr().add(at)), L::load(row.thresholds.as_ptr().add(at))));
            for j in 0..2 {
                let values = L::load(lower[j].values.as_ptr().add(at));
                let thresholds = L::load(lower[j].thresholds.as_ptr().add(at));
                for i in 0..2 {
                    down[i][j] = L::add(down[i][j], a[i].0, thresholds);
                    up[i][j] = L::add(up[i][j], values, a[i].1);
                }
            }
            at += L::LANES;
        }
        (down.map(|row| row.map(|tally| L::total(tally))), up.map(|row| row.map(|tally| L::total(tally))))
    };
    for i in 0..2 {
        for j in 0..2 {
            for at in whole..len {
                down[i][j] += u32::from(upper[i].values[at] >= lower[j].thresholds[at]);
                up[i][j] += u32::from(lower[j].values[at] >= upper[i].thresholds[at]);
            }
        }
    }
    (down, up)
}

/// How often a value is at or above its threshold.
///
/// # Safety
/// The CPU has the instruction set of `L`.
#[inline(always)]
pub(super) unsafe fn at_or_above<L: Lanes>(values: &[L::Item], thresholds: &[L::Item]) -> u32 {
    assert!(values.len() == thresholds.len());
    let whole = values.len() - values.len() % (2 * L::LANES);
    // SAFETY: the caller vouches for the instruction set; loads lie below `whole`, at most both lengths.
    let count = unsafe {
        let mut tallies = [L::zero(); 2];
        let mut at = 0;
        while at < whole {
            for (half, tally) in tallies.iter_mut().enumerate() {
                let from = at + half * L::LANES;
                *tally = L::add(*tally, L::load(values.as_ptr().add(from)), L::load(thresholds.as_ptr().add(from)));
            }
            at += 2 * L::LANES;
        }
        L::total(tallies[0]) + L::total(tallies[1])
    };
    (whole..values.len()).fold(count, |count, at| count + u32::from(values[at] >= thresholds[at]))
}

/// Adds to `places`, counted from `from`, where values are at or above their thresholds.
///
/// # Safety
/// The CPU has the instruction set of `L`.
#[inline(always)]
pub(super) unsafe fn places_at_or_above<L: Lanes>(
    values: &[L::Item],
    thresholds: &[L::Item],
    from: u32,
    places: &mut Vec<u32>,
) {
    assert!(values.len() == thresholds.len());
    let whole = values.len() - values.len() % L::LANES;
    let (mut at, mut place) = (0, from);
    while at < whole {
        // SAFETY: the caller vouches for the instruction set; loads lie below `whole`, at most both lengths.
        let mut bits = unsafe { L::bits(values.as_ptr().add(at), thresholds.as_ptr().add(at)) };
        while bits != 0 {
            places.push(place + bits.trailing_zeros());
            bits &= bits - 1;
        }
        at += L::LANES;
        place += L::LANES as u32;
    }
    while at < values.len() {
        if values[at] >= thresholds[at] {
            places.push(place);
        }
        at += 1;
        place += 1;
    }
}

/// Counters that one pass over the places holds in registers.
const AT_ONCE: usize = 4;

/// Adds to `counts` how often each row of a panel is at or above the threshold of a place: `places` are indices into it.
///
/// # Safety
/// The CPU has the instruction set of `L`.
#[inline(always)]
pub(super) unsafe fn count_abreast<L: Lanes>(
    panel: &[Abreast<L::Item>],
    places: &[u32],
    thresholds: &[L::Item],
    counts: &mut [u32; ABREAST],
) {
    const { assert!(ABREAST.is_multiple_of(AT_ONCE * L::LANES) && L::LANES <= 16) }
    assert!(places.len() == thresholds.len());
    let mut lane = 0;
    while lane < ABREAST {
        // SAFETY: the caller vouches for the instruction set; AT_ONCE vectors from `lane` on lie within a row of ABREAST.
        unsafe {
            let mut tallies = [L::zero(); AT_ONCE];
            let mut at = 0;
            while at < places.len() {
                let row = panel[places[at] as usize].0.as_ptr().add(lane);
                let same = [thresholds[at]; 16];
                let threshold = L::load(same.as_ptr());
                let mut index = 0;
                while index < AT_ONCE {
                    tallies[index] = L::add(tallies[index], L::load(row.add(index * L::LANES)), threshold);
                    index += 1;
                }
                at += 1;
            }
            let mut some = [0; 16];
            for (index, tally) in tallies.into_iter().enumerate() {
                L::write(tally, some.as_mut_ptr());
                let from = lane + index * L::LANES;
                counts[from..from + L::LANES].iter_mut().zip(&some).for_each(|(count, more)| *count += more);
            }
        }
        lane += AT_ONCE * L::LANES;
    }
}
