//! 256-bit vectors: a comparison gives −1 in each lane that counts, which is subtracted from the counters.

use std::arch::x86_64::*;

use super::lanes::Lanes;

/// Eight single-precision elements.
pub(super) struct F32x8;

impl Lanes for F32x8 {
    type Item = f32;
    type Values = __m256;
    type Tally = __m256i;
    const LANES: usize = 8;

    #[inline(always)]
    unsafe fn load(from: *const f32) -> __m256 {
        // SAFETY: the caller guarantees eight readable elements and AVX2.
        unsafe { _mm256_loadu_ps(from) }
    }

    #[inline(always)]
    unsafe fn zero() -> __m256i {
        // SAFETY: the caller guarantees AVX2.
        unsafe { _mm256_setzero_si256() }
    }

    #[inline(always)]
    unsafe fn add(tally: __m256i, values: __m256, thresholds: __m256) -> __m256i {
        // SAFETY: the caller guarantees AVX2.
        unsafe { _mm256_sub_epi32(tally, _mm256_castps_si256(_mm256_cmp_ps::<_CMP_GE_OQ>(values, thresholds))) }
    }

    #[inline(always)]
    unsafe fn total(tally: __m256i) -> u32 {
        // SAFETY: the caller guarantees AVX2; both types are 32 bytes of plain integers.
        let lanes: [u32; 8] = unsafe { std::mem::transmute(tally) };
        lanes.into_iter().sum()
    }

    #[inline(always)]
    unsafe fn write(tally: __m256i, counts: *mut u32) {
        // SAFETY: the caller guarantees 8 places and AVX2.
        unsafe { _mm256_storeu_si256(counts.cast(), tally) }
    }

    #[inline(always)]
    unsafe fn bits(values: *const f32, thresholds: *const f32) -> u32 {
        // SAFETY: the caller guarantees 8 readable elements and AVX2.
        unsafe {
            _mm256_movemask_ps(_mm256_cmp_ps::<_CMP_GE_OQ>(Self::load(values), Self::load(thresholds))).cast_unsigned()
        }
    }
}

/// Four double-precision elements.
pub(super) struct F64x4;

impl Lanes for F64x4 {
    type Item = f64;
    type Values = __m256d;
    type Tally = __m256i;
    const LANES: usize = 4;

    #[inline(always)]
    unsafe fn load(from: *const f64) -> __m256d {
        // SAFETY: the caller guarantees four readable elements and AVX2.
        unsafe { _mm256_loadu_pd(from) }
    }

    #[inline(always)]
    unsafe fn zero() -> __m256i {
        // SAFETY: the caller guarantees AVX2.
        unsafe { _mm256_setzero_si256() }
    }

    #[inline(always)]
    unsafe fn add(tally: __m256i, values: __m256d, thresholds: __m256d) -> __m256i {
        // SAFETY: the caller guarantees AVX2.
        unsafe { _mm256_sub_epi64(tally, _mm256_castpd_si256(_mm256_cmp_pd::<_CMP_GE_OQ>(values, thresholds))) }
    }

    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "a stretch has fewer than 2^32 elements")]
    unsafe fn total(tally: __m256i) -> u32 {
        // SAFETY: the caller guarantees AVX2; both types are 32 bytes of plain integers.
        let lanes: [u64; 4] = unsafe { std::mem::transmute(tally) };
        lanes.into_iter().sum::<u64>() as u32
    }

    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "a stretch has fewer than 2^32 elements")]
    unsafe fn write(tally: __m256i, counts: *mut u32) {
        // SAFETY: the caller guarantees 4 places and AVX2; both types are as many bytes of plain integers.
        unsafe {
            let lanes: [u64; 4] = std::mem::transmute(tally);
            *counts.cast() = lanes.map(|lane| lane as u32);
        }
    }

    #[inline(always)]
    unsafe fn bits(values: *const f64, thresholds: *const f64) -> u32 {
        // SAFETY: the caller guarantees 4 readable elements and AVX2.
        unsafe {
            _mm256_movemask_pd(_mm256_cmp_pd::<_CMP_GE_OQ>(Self::load(values), Self::load(thresholds))).cast_unsigned()
        }
    }
}
