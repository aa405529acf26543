//! Plain Rust, in groups that the compiler turns into the baseline's vectors.

use super::lanes::Lanes;
use super::threshold::Element;

/// Eight elements at a time, in arrays.
pub(super) struct Group<T>(std::marker::PhantomData<T>);

impl<T: Element> Lanes for Group<T> {
    type Item = T;
    type Values = [T; 8];
    type Tally = [u32; 8];
    const LANES: usize = 8;

    #[inline(always)]
    unsafe fn load(from: *const T) -> [T; 8] {
        // SAFETY: the caller guarantees eight readable elements; an array needs no more alignment than they do.
        unsafe { from.cast::<[T; 8]>().read() }
    }

    #[inline(always)]
    unsafe fn zero() -> [u32; 8] {
        [0; 8]
    }

    #[inline(always)]
    unsafe fn add(mut tally: [u32; 8], values: [T; 8], thresholds: [T; 8]) -> [u32; 8] {
        for lane in 0..8 {
            tally[lane] += u32::from(values[lane] >= thresholds[lane]);
        }
        tally
    }

    #[inline(always)]
    unsafe fn total(tally: [u32; 8]) -> u32 {
        tally.into_iter().sum()
    }

    #[inline(always)]
    unsafe fn write(tally: [u32; 8], counts: *mut u32) {
        // SAFETY: the caller guarantees eight places.
        unsafe { counts.cast::<[u32; 8]>().write_unaligned(tally) }
    }
}
