//! The inner loops in AVX2 and AVX-512. The compiler vectorises the plain loops across the wrong index (gathers and
//! scatters) or packs bits one by one; these are four to ten times as fast. All give the bits of the plain loops.

use std::arch::x86_64::*;

use super::masks::indicate;

/// Defines the mask of one element type: `$width` values at a time are loaded as doubles, subtracted and compared.
macro_rules! define_indicate {
    ($name:ident, $type:ty, $features:literal, $width:literal, $splat:ident, $load:ident, $at_least:ident) => {
        /// [`indicate`] of the type and instruction set of its name.
        #[target_feature(enable = $features)]
        pub(super) fn $name(a: &[$type], b: &[$type], log_n: f64, mask: &mut [u64]) {
            let threshold = $splat(log_n);
            let (a_words, a_rest) = a.as_chunks::<64>();
            let (b_words, b_rest) = b.as_chunks::<64>();
            for ((word, a), b) in mask.iter_mut().zip(a_words).zip(b_words) {
                *word = 0;
                for at in (0..64).step_by($width) {
                    // SAFETY: `at` plus the width is at most 64, the length of both arrays.
                    let (a, b) = unsafe { ($load(a.as_ptr().add(at)), $load(b.as_ptr().add(at))) };
                    *word |= $at_least(a, b, threshold) << at;
                }
            }
            indicate(a_rest, b_rest, log_n, &mut mask[a_words.len()..]);
        }
    };
}

define_indicate!(indicate_f32_avx512, f32, "avx512f", 8, _mm512_set1_pd, load_f32_avx512, at_least_avx512);
define_indicate!(indicate_f64_avx512, f64, "avx512f", 8, _mm512_set1_pd, _mm512_loadu_pd, at_least_avx512);
define_indicate!(indicate_f32_avx2, f32, "avx2", 4, _mm256_set1_pd, load_f32_avx2, at_least_avx2);
define_indicate!(indicate_f64_avx2, f64, "avx2", 4, _mm256_set1_pd, _mm256_loadu_pd, at_least_avx2);

/// Eight singles as doubles.
///
/// # Safety
/// Eight values can be read at `at`.
#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn load_f32_avx512(at: *const f32) -> __m512d {
    // SAFETY: the caller's promise.
    _mm512_cvtps_pd(unsafe { _mm256_loadu_ps(at) })
}

/// Four singles as doubles.
///
/// # Safety
/// Four values can be read at `at`.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn load_f32_avx2(at: *const f32) -> __m256d {
    // SAFETY: the caller's promise.
    _mm256_cvtps_pd(unsafe { _mm_loadu_ps(at) })
}

/// One bit a value: a − b ≥ threshold, false for NaN.
#[inline]
#[target_feature(enable = "avx512f")]
fn at_least_avx512(a: __m512d, b: __m512d, threshold: __m512d) -> u64 {
    u64::from(_mm512_cmp_pd_mask::<_CMP_GE_OQ>(_mm512_sub_pd(a, b), threshold))
}

/// One bit a value: a − b ≥ threshold, false for NaN.
#[inline]
#[target_feature(enable = "avx2")]
fn at_least_avx2(a: __m256d, b: __m256d, threshold: __m256d) -> u64 {
    let compared = _mm256_cmp_pd::<_CMP_GE_OQ>(_mm256_sub_pd(a, b), threshold);
    u64::from(_mm256_movemask_pd(compared).cast_unsigned())
}
