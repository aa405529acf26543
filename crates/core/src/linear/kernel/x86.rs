//! Eight sums in the vectors of x86-64.

use std::arch::x86_64::*;

use super::lanes::{Fused, LANES, Number};

/// Two vectors of 256 bits.
#[derive(Clone, Copy)]
pub(super) struct Avx2;

/// One vector of 512 bits.
#[derive(Clone, Copy)]
pub(super) struct Avx512;

impl Fused for Avx2 {
    type Eight = [__m256d; 2];

    #[inline(always)]
    fn fma(a: f64, b: f64, c: f64) -> f64 {
        a.mul_add(b, c)
    }

    #[inline(always)]
    fn zeros() -> Self::Eight {
        // SAFETY: called only where AVX2 is enabled.
        unsafe { [_mm256_setzero_pd(); 2] }
    }

    #[inline(always)]
    fn fma_eight<T: Number>(a: &[T; LANES], b: &[f64; LANES], acc: Self::Eight) -> Self::Eight {
        // SAFETY: called only where AVX2 and FMA are enabled; loads are of four numbers of eight.
        unsafe {
            let a = T::widened_by_avx2(a);
            let b = [_mm256_loadu_pd(b.as_ptr()), _mm256_loadu_pd(b.as_ptr().add(4))];
            [_mm256_fmadd_pd(a[0], b[0], acc[0]), _mm256_fmadd_pd(a[1], b[1], acc[1])]
        }
    }

    #[inline(always)]
    fn numbers(eight: Self::Eight) -> [f64; LANES] {
        // SAFETY: both are 64 bytes of numbers in order.
        unsafe { std::mem::transmute(eight) }
    }

    /// Rows together, by the additions of [`fold`].
    #[inline(always)]
    fn add_folded<const ROWS: usize>(acc: [Self::Eight; ROWS], out: &mut [f64; ROWS]) {
        const { assert!(ROWS == 4) };
        // SAFETY: called only where AVX2 is enabled; there are four rows and sums.
        unsafe {
            let halves = acc.map(|[low, high]| _mm256_add_pd(low, high));
            let quarters = |a: __m256d, b: __m256d| {
                _mm256_add_pd(_mm256_permute2f128_pd::<0x20>(a, b), _mm256_permute2f128_pd::<0x31>(a, b))
            };
            let sums = _mm256_hadd_pd(quarters(halves[0], halves[1]), quarters(halves[2], halves[3]));
            let sums = _mm256_permute4x64_pd::<0b11_01_10_00>(sums);
            _mm256_storeu_pd(out.as_mut_ptr(), _mm256_add_pd(_mm256_loadu_pd(out.as_ptr()), sums));
        }
    }
}

impl Fused for Avx512 {
    type Eight = __m512d;

    #[inline(always)]
    fn fma(a: f64, b: f64, c: f64) -> f64 {
        a.mul_add(b, c)
    }

    #[inline(always)]
    fn zeros() -> Self::Eight {
        // SAFETY: called only where AVX-512 is enabled.
        unsafe { _mm512_setzero_pd() }
    }

    #[inline(always)]
    fn fma_eight<T: Number>(a: &[T; LANES], b: &[f64; LANES], acc: Self::Eight) -> Self::Eight {
        // SAFETY: called only where AVX-512 is enabled; the load is of eight numbers.
        unsafe { _mm512_fmadd_pd(T::widened_by_avx512(a), _mm512_loadu_pd(b.as_ptr()), acc) }
    }

    #[inline(always)]
    fn numbers(eight: Self::Eight) -> [f64; LANES] {
        // SAFETY: both are 64 bytes of numbers in order.
        unsafe { std::mem::transmute(eight) }
    }

    /// Rows together, by the additions of [`fold`].
    #[inline(always)]
    fn add_folded<const ROWS: usize>(acc: [Self::Eight; ROWS], out: &mut [f64; ROWS]) {
        const { assert!(ROWS == 8) };
        // SAFETY: called only where AVX-512 is enabled; there are eight rows and sums.
        unsafe {
            let halves = |a: __m512d, b: __m512d| {
                _mm512_add_pd(_mm512_shuffle_f64x2::<0x44>(a, b), _mm512_shuffle_f64x2::<0xEE>(a, b))
            };
            let quarters = |a: __m512d, b: __m512d| {
                _mm512_add_pd(_mm512_shuffle_f64x2::<0x88>(a, b), _mm512_shuffle_f64x2::<0xDD>(a, b))
            };
            let first = quarters(halves(acc[0], acc[1]), halves(acc[2], acc[3]));
            let last = quarters(halves(acc[4], acc[5]), halves(acc[6], acc[7]));
            let sums = _mm512_add_pd(_mm512_unpacklo_pd(first, last), _mm512_unpackhi_pd(first, last));
            let sums = _mm512_permutexvar_pd(_mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7), sums);
            _mm512_storeu_pd(out.as_mut_ptr(), _mm512_add_pd(_mm512_loadu_pd(out.as_ptr()), sums));
        }
    }
}

impl Number for f64 {
    #[inline(always)]
    unsafe fn widened_by_avx2(numbers: &[Self; LANES]) -> [__m256d; 2] {
        // SAFETY: as the caller says; loads are of four numbers of eight.
        unsafe { [_mm256_loadu_pd(numbers.as_ptr()), _mm256_loadu_pd(numbers.as_ptr().add(4))] }
    }

    #[inline(always)]
    unsafe fn widened_by_avx512(numbers: &[Self; LANES]) -> __m512d {
        // SAFETY: as the caller says; the load is of eight numbers.
        unsafe { _mm512_loadu_pd(numbers.as_ptr()) }
    }
}

impl Number for f32 {
    #[inline(always)]
    unsafe fn widened_by_avx2(numbers: &[Self; LANES]) -> [__m256d; 2] {
        // SAFETY: as the caller says; loads are of four numbers of eight.
        unsafe { [0, 4].map(|from| _mm256_cvtps_pd(_mm_loadu_ps(numbers.as_ptr().add(from)))) }
    }

    #[inline(always)]
    unsafe fn widened_by_avx512(numbers: &[Self; LANES]) -> __m512d {
        // SAFETY: as the caller says; the load is of eight numbers.
        unsafe { _mm512_cvtps_pd(_mm256_loadu_ps(numbers.as_ptr())) }
    }
}
