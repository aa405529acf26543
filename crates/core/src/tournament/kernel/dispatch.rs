//! Which instruction set does the counting: chosen once, at run time.

use serde::Serialize;

use super::lanes::{Stretch, at_or_above, two_by_two};
use super::scalar::Group;
use super::threshold::{Element, write_thresholds};

/// Ways to count, each giving the same bits. Binaries are built for the baseline of their platform; the best that
/// the CPU has is chosen when the program runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum InstructionSet {
    /// The platform's baseline, vectorised by the compiler.
    Scalar,
    /// 128-bit vectors of every aarch64.
    Neon,
    /// 256-bit vectors.
    Avx2,
    /// 512-bit vectors, floating-point comparisons under masks (F, BW).
    Avx512,
    /// 512-bit vectors, bit planes with a recheck (F, BW, DQ, VL, VPOPCNTDQ).
    Avx512Planes,
}

impl InstructionSet {
    /// Those that this CPU has, slowest first; never empty.
    #[must_use]
    pub fn available() -> Vec<Self> {
        let mut sets = vec![Self::Scalar];
        #[cfg(target_arch = "aarch64")]
        sets.push(Self::Neon);
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                sets.push(Self::Avx2);
                if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw") {
                    sets.push(Self::Avx512);
                    if is_x86_feature_detected!("avx512vpopcntdq")
                        && is_x86_feature_detected!("avx512dq")
                        && is_x86_feature_detected!("avx512vl")
                    {
                        sets.push(Self::Avx512Planes);
                    }
                }
            }
        }
        sets
    }

    /// The fastest that this CPU has.
    #[must_use]
    pub fn best() -> Self {
        *Self::available().last().unwrap_or(&Self::Scalar)
    }
}

/// Writes the θ of values.
type WriteThresholds<T> = unsafe fn(values: &[T], log_n: f64, thresholds: &mut [T]);
/// Counts of two upper rows against two lower rows, and the reverse, `[upper][lower]`.
type TwoByTwo<T> =
    for<'a> unsafe fn(upper: [Stretch<'a, T>; 2], lower: [Stretch<'a, T>; 2]) -> ([[u32; 2]; 2], [[u32; 2]; 2]);
/// How many values are at or above their θ.
type AtOrAbove<T> = unsafe fn(values: &[T], thresholds: &[T]) -> u32;

/// The inner loops in one instruction set.
#[derive(Clone, Copy)]
pub(in crate::tournament) struct Kernel<T> {
    write_thresholds: WriteThresholds<T>,
    two_by_two: TwoByTwo<T>,
    at_or_above: AtOrAbove<T>,
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
}

/// An element type with its kernels.
pub(in crate::tournament) trait Countable: Element {
    /// The inner loops of `instructions`, which must be available.
    fn kernel(instructions: InstructionSet) -> Kernel<Self>;
}

/// The three loops compiled for one instruction set and element type.
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
        Kernel { write_thresholds: thresholds, two_by_two: pairs, at_or_above: single }
    }};
}

macro_rules! countable {
    ($item:ty, $avx2:ident, $avx512:ident, $neon:ident) => {
        impl Countable for $item {
            fn kernel(instructions: InstructionSet) -> Kernel<Self> {
                match instructions {
                    #[cfg(target_arch = "x86_64")]
                    InstructionSet::Avx2 => kernel!(super::avx2::$avx2, $item, "avx2,fma"),
                    #[cfg(target_arch = "x86_64")]
                    InstructionSet::Avx512 | InstructionSet::Avx512Planes => {
                        kernel!(super::avx512::$avx512, $item, "avx512f,avx512bw,avx2,fma")
                    }
                    #[cfg(target_arch = "aarch64")]
                    InstructionSet::Neon => kernel!(super::neon::$neon, $item),
                    _ => kernel!(Group<$item>, $item),
                }
            }
        }
    };
}

countable!(f32, F32x8, F32x16, F32x4);
countable!(f64, F64x4, F64x8, F64x2);
