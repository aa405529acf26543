//! 512-bit vectors: a comparison gives a mask, under which the counters go up.

use std::arch::x86_64::*;

use super::lanes::Lanes;

/// Sixteen single-precision elements.
pub(super) struct F32x16;

impl Lanes for F32x16 {
    type Item = f32;
    type Values = __m512;
    type Tally = __m512i;
    const LANES: usize = 16;

    #[inline(always)]
    unsafe fn load(from: *const f32) -> __m512 {
        // SAFETY: the caller guarantees sixteen readable elements and AVX-512.
        unsafe { _mm512_loadu_ps(from) }
    }

    #[inline(always)]
    unsafe fn zero() -> __m512i {
        // SAFETY: the caller guarantees AVX-512.
        unsafe { _mm512_setzero_si512() }
    }

    #[inline(always)]
    unsafe fn add(tally: __m512i, values: __m512, thresholds: __m512) -> __m512i {
        // SAFETY: the caller guarantees AVX-512.
        unsafe {
            let counts = _mm512_cmp_ps_mask::<_CMP_GE_OQ>(values, thresholds);
            _mm512_mask_sub_epi32(tally, counts, tally, _mm512_set1_epi32(-1))
        }
    }

    #[inline(always)]
    unsafe fn total(tally: __m512i) -> u32 {
        // SAFETY: the caller guarantees AVX-512.
        unsafe { _mm512_reduce_add_epi32(tally).cast_unsigned() }
    }

    #[inline(always)]
    unsafe fn write(tally: __m512i, counts: *mut u32) {
        // SAFETY: the caller guarantees sixteen places and AVX-512.
        unsafe { _mm512_storeu_si512(counts.cast(), tally) }
    }

    #[inline(always)]
    unsafe fn bits(values: *const f32, thresholds: *const f32) -> u32 {
        // SAFETY: the caller guarantees sixteen readable elements and AVX-512.
        unsafe { _mm512_cmp_ps_mask::<_CMP_GE_OQ>(Self::load(values), Self::load(thresholds)).into() }
    }
}

/// Eight double-precision elements.
pub(super) struct F64x8;

impl Lanes for F64x8 {
    type Item = f64;
    type Values = __m512d;
    type Tally = __m512i;
    const LANES: usize = 8;

    #[inline(always)]
    unsafe fn load(from: *const f64) -> __m512d {
        // SAFETY: the caller guarantees eight readable elements and AVX-512.
        unsafe { _mm512_loadu_pd(from) }
    }

    #[inline(always)]
    unsafe fn zero() -> __m512i {
        // SAFETY: the caller guarantees AVX-512.
        unsafe { _mm512_setzero_si512() }
    }

    #[inline(always)]
    unsafe fn add(tally: __m512i, values: __m512d, thresholds: __m512d) -> __m512i {
        // SAFETY: the caller guarantees AVX-512.
        unsafe {
            let counts = _mm512_cmp_pd_mask::<_CMP_GE_OQ>(values, thresholds);
            _mm512_mask_sub_epi64(tally, counts, tally, _mm512_set1_epi64(-1))
        }
    }

    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "a stretch has fewer than 2^32 elements")]
    unsafe fn total(tally: __m512i) -> u32 {
        // SAFETY: the caller guarantees AVX-512.
        unsafe { _mm512_reduce_add_epi64(tally).cast_unsigned() as u32 }
    }

    #[inline(always)]
    unsafe fn write(tally: __m512i, counts: *mut u32) {
        // SAFETY: the caller guarantees eight places and AVX-512.
        unsafe { _mm256_storeu_si256(counts.cast(), _mm512_cvtepi64_epi32(tally)) }
    }

    #[inline(always)]
    unsafe fn bits(values: *const f64, thresholds: *const f64) -> u32 {
        // SAFETY: the caller guarantees eight readable elements and AVX-512.
        unsafe { _mm512_cmp_pd_mask::<_CMP_GE_OQ>(Self::load(values), Self::load(thresholds)).into() }
    }
}
