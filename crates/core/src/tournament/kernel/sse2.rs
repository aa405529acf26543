//! 128-bit vectors, which every x86-64 has: a comparison gives −1 in each lane that counts, which is subtracted from the
//! counters.

use std::arch::x86_64::*;

use super::lanes::Lanes;

/// Four single-precision elements.
pub(super) struct F32x4;

impl Lanes for F32x4 {
    type Item = f32;
    type Values = __m128;
    type Tally = __m128i;
    const LANES: usize = 4;

    #[inline(always)]
    unsafe fn load(from: *const f32) -> __m128 {
        // SAFETY: the caller guarantees four readable elements; every x86-64 has SSE2.
        unsafe { _mm_loadu_ps(from) }
    }

    #[inline(always)]
    unsafe fn zero() -> __m128i {
        // SAFETY: every x86-64 has SSE2.
        unsafe { _mm_setzero_si128() }
    }

    #[inline(always)]
    unsafe fn add(tally: __m128i, values: __m128, thresholds: __m128) -> __m128i {
        // SAFETY: every x86-64 has SSE2.
        unsafe { _mm_sub_epi32(tally, _mm_castps_si128(_mm_cmpge_ps(values, thresholds))) }
    }

    #[inline(always)]
    unsafe fn total(tally: __m128i) -> u32 {
        // SAFETY: every x86-64 has SSE2; both types are 16 bytes of plain integers.
        let lanes: [u32; 4] = unsafe { std::mem::transmute(tally) };
        lanes.into_iter().sum()
    }

    #[inline(always)]
    unsafe fn write(tally: __m128i, counts: *mut u32) {
        // SAFETY: the caller guarantees 4 places and SSE2.
        unsafe { _mm_storeu_si128(counts.cast(), tally) }
    }

    #[inline(always)]
    unsafe fn bits(values: *const f32, thresholds: *const f32) -> u32 {
        // SAFETY: the caller guarantees 4 readable elements and SSE2.
        unsafe { _mm_movemask_ps(_mm_cmpge_ps(Self::load(values), Self::load(thresholds))).cast_unsigned() }
    }
}

/// Two double-precision elements.
pub(super) struct F64x2;

impl Lanes for F64x2 {
    type Item = f64;
    type Values = __m128d;
    type Tally = __m128i;
    const LANES: usize = 2;

    #[inline(always)]
    unsafe fn load(from: *const f64) -> __m128d {
        // SAFETY: the caller guarantees two readable elements; every x86-64 has SSE2.
        unsafe { _mm_loadu_pd(from) }
    }

    #[inline(always)]
    unsafe fn zero() -> __m128i {
        // SAFETY: every x86-64 has SSE2.
        unsafe { _mm_setzero_si128() }
    }

    #[inline(always)]
    unsafe fn add(tally: __m128i, values: __m128d, thresholds: __m128d) -> __m128i {
        // SAFETY: every x86-64 has SSE2.
        unsafe { _mm_sub_epi64(tally, _mm_castpd_si128(_mm_cmpge_pd(values, thresholds))) }
    }

    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "a stretch has fewer than 2^32 elements")]
    unsafe fn total(tally: __m128i) -> u32 {
        // SAFETY: every x86-64 has SSE2; both types are 16 bytes of plain integers.
        let lanes: [u64; 2] = unsafe { std::mem::transmute(tally) };
        lanes.into_iter().sum::<u64>() as u32
    }

    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "a stretch has fewer than 2^32 elements")]
    unsafe fn write(tally: __m128i, counts: *mut u32) {
        // SAFETY: the caller guarantees 2 places and SSE2; both types are as many bytes of plain integers.
        unsafe {
            let lanes: [u64; 2] = std::mem::transmute(tally);
            *counts.cast() = lanes.map(|lane| lane as u32);
        }
    }

    #[inline(always)]
    unsafe fn bits(values: *const f64, thresholds: *const f64) -> u32 {
        // SAFETY: the caller guarantees 2 readable elements and SSE2.
        unsafe { _mm_movemask_pd(_mm_cmpge_pd(Self::load(values), Self::load(thresholds))).cast_unsigned() }
    }
}
