//! The inner loops of counting, compiled for each instruction set.

use super::lanes::{ABREAST, Abreast, Stretch, at_or_above, count_abreast, places_at_or_above, two_by_two};
use super::threshold::{Element, write_thresholds};
use crate::isa::Isa;

/// Writes the θ of values.
type WriteThresholds<T> = unsafe fn(values: &[T], log_n: f64, thresholds: &mut [T]);
/// Counts of two upper rows against two lower rows, and the reverse, `[upper][lower]`.
type TwoByTwo<T> =
    for<'a> unsafe fn(upper: [Stretch<'a, T>; 2], lower: [Stretch<'a, T>; 2]) -> ([[u32; 2]; 2], [[u32; 2]; 2]);
/// How many values are at or above their θ.
type AtOrAbove<T> = unsafe fn(values: &[T], thresholds: &[T]) -> u32;
/// Makes each of the second at least the first.
type Raise<T> = unsafe fn(values: &[T], greatest: &mut [T]);

/// Adds where values are at or above their θ, counted from a place.
type PlacesAtOrAbove<T> = unsafe fn(values: &[T], thresholds: &[T], from: u32, places: &mut Vec<u32>);
/// Adds how often each row of a panel is at or above the θ of a place.
type CountAbreast<T> = unsafe fn(panel: &[Abreast<T>], places: &[u32], thresholds: &[T], counts: &mut [u32; ABREAST]);

/// The inner loops in one instruction set.
#[derive(Clone, Copy)]
pub(in crate::tournament) struct Kernel<T> {
    write_thresholds: WriteThresholds<T>,
    two_by_two: TwoByTwo<T>,
    at_or_above: AtOrAbove<T>,
    raise: Raise<T>,
    places_at_or_above: PlacesAtOrAbove<T>,
    count_abreast: CountAbreast<T>,
}

impl<T: Element> Kernel<T> {
    /// Writes the θ of `values` (see [`super::threshold`]) to `thresholds`, of the same length.
    pub(in crate::tournament) fn write_thresholds(&self, values: &[T], log_n: f64, thresholds: &mut [T]) {
        // SAFETY: a Kernel is made for an available instruction set only.
        unsafe { (self.write_thresholds)(values, log_n, thresholds) }
    }

    /// How often each upper row counts against each lower row, and the reverse, `[upper][lower]`.
    pub(super) fn two_by_two(
        &self,
        upper: [Stretch<'_, T>; 2],
        lower: [Stretch<'_, T>; 2],
    ) -> ([[u32; 2]; 2], [[u32; 2]; 2]) {
        // SAFETY: a Kernel is made for an available instruction set only.
        unsafe { (self.two_by_two)(upper, lower) }
    }

    /// How many of `values` are at or above their threshold.
    pub(in crate::tournament) fn at_or_above(&self, values: &[T], thresholds: &[T]) -> u32 {
        // SAFETY: a Kernel is made for an available instruction set only.
        unsafe { (self.at_or_above)(values, thresholds) }
    }

    /// Makes each of `greatest` at least the one of `values`, as many.
    pub(in crate::tournament) fn raise(&self, values: &[T], greatest: &mut [T]) {
        // SAFETY: a Kernel is made for an available instruction set only.
        unsafe { (self.raise)(values, greatest) }
    }

    /// Adds to `places`, counted from `from`, where `values` are at or above their threshold.
    pub(in crate::tournament) fn places_at_or_above(
        &self,
        values: &[T],
        thresholds: &[T],
        from: u32,
        places: &mut Vec<u32>,
    ) {
        // SAFETY: a Kernel is made for an available instruction set only.
        unsafe { (self.places_at_or_above)(values, thresholds, from, places) }
    }

    /// Adds to `counts` how often each row of `panel` is at or above the threshold of a place; `places` are indices into it.
    pub(in crate::tournament) fn count_abreast(
        &self,
        panel: &[Abreast<T>],
        places: &[u32],
        thresholds: &[T],
        counts: &mut [u32; ABREAST],
    ) {
        // SAFETY: a Kernel is made for an available instruction set only.
        unsafe { (self.count_abreast)(panel, places, thresholds, counts) }
    }
}

/// An element type with its kernels.
pub(in crate::tournament) trait Countable: Element {
    /// The inner loops of `isa`, which must be available.
    fn kernel(isa: Isa) -> Kernel<Self>;
}

/// The loops compiled for one instruction set and element type.
macro_rules! kernel {
    ($lanes:ty, $item:ty $(, $feature:literal)?) => {{
        $(#[target_feature(enable = $feature)])?
        unsafe fn thresholds(values: &[$item], log_n: f64, thresholds: &mut [$item]) {
            write_thresholds(values, log_n, thresholds);
        }
        $(#[target_feature(enable = $feature)])?
        unsafe fn pairs(
            upper: [Stretch<'_, $item>; 2],
            lower: [Stretch<'_, $item>; 2],
        ) -> ([[u32; 2]; 2], [[u32; 2]; 2]) {
            // SAFETY: the caller guarantees the instruction set.
            unsafe { two_by_two::<$lanes>(upper, lower) }
        }
        $(#[target_feature(enable = $feature)])?
        unsafe fn single(values: &[$item], thresholds: &[$item]) -> u32 {
            // SAFETY: the caller guarantees the instruction set.
            unsafe { at_or_above::<$lanes>(values, thresholds) }
        }
        $(#[target_feature(enable = $feature)])?
        unsafe fn raise(values: &[$item], greatest: &mut [$item]) {
            for (greatest, &value) in greatest.iter_mut().zip(values) {
                *greatest = if value > *greatest { value } else { *greatest };
            }
        }
        $(#[target_feature(enable = $feature)])?
        unsafe fn places(values: &[$item], thresholds: &[$item], from: u32, places: &mut Vec<u32>) {
            // SAFETY: the caller guarantees the instruction set.
            unsafe { places_at_or_above::<$lanes>(values, thresholds, from, places) }
        }
        $(#[target_feature(enable = $feature)])?
        unsafe fn abreast(
            panel: &[Abreast<$item>],
            places: &[u32],
            thresholds: &[$item],
            counts: &mut [u32; ABREAST],
        ) {
            // SAFETY: the caller guarantees the instruction set.
            unsafe { count_abreast::<$lanes>(panel, places, thresholds, counts) }
        }
        Kernel {
            write_thresholds: thresholds,
            two_by_two: pairs,
            at_or_above: single,
            raise,
            places_at_or_above: places,
            count_abreast: abreast,
        }
    }};
}

macro_rules! countable {
    ($item:ty, $baseline:ident, $avx2:ident, $avx512:ident) => {
        impl Countable for $item {
            fn kernel(isa: Isa) -> Kernel<Self> {
                match isa {
                    #[cfg(target_arch = "x86_64")]
                    Isa::Avx2 => kernel!(super::avx2::$avx2, $item, "avx2,fma"),
                    #[cfg(target_arch = "x86_64")]
                    Isa::Avx512 | Isa::Avx512Popcount => {
                        kernel!(super::avx512::$avx512, $item, "avx512f,avx512bw,avx2,fma")
                    }
                    // Vectors by name here, too: where the compiler unrolls little it makes none of arrays, and counting
                    // takes 38 times as long.
                    #[cfg(target_arch = "x86_64")]
                    _ => kernel!(super::sse2::$baseline, $item),
                    #[cfg(target_arch = "aarch64")]
                    _ => kernel!(super::neon::$baseline, $item),
                    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
                    _ => kernel!(super::scalar::Group<$item>, $item),
                }
            }
        }
    };
}

countable!(f32, F32x4, F32x8, F32x16);
countable!(f64, F64x2, F64x4, F64x8);
