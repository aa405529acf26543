//! The places of draws in AVX2 and AVX-512: a lane a word, as the plain loop in every bit.

use std::arch::x86_64::*;

use super::draws::{ABREAST, Lanes, PLACES, PLANES};

/// The plain `spread` with AVX2.
#[target_feature(enable = "avx2")]
pub(super) fn spread_avx2(counts: &Lanes, random: &[Lanes]) -> Option<[Lanes; PLANES]> {
    let load = |lanes: &Lanes| -> [__m256i; 2] {
        // SAFETY: there are eight words, four at each place.
        std::array::from_fn(|half| unsafe { _mm256_loadu_si256(lanes.as_ptr().add(4 * half).cast()) })
    };
    let (one, places) = (_mm256_set1_epi64x(1), _mm256_set1_epi64x(63));
    // How many draws each word has left.
    let mut left = load(counts);
    let mut sums = [[_mm256_setzero_si256(); 2]; PLANES];
    let mut beyond = _mm256_setzero_si256();
    for lanes in random {
        let mut bits = load(lanes);
        for _ in 0..PLACES {
            for half in 0..2 {
                let is_one = _mm256_srli_epi64::<63>(_mm256_cmpgt_epi64(left[half], _mm256_setzero_si256()));
                let mut carry = _mm256_sllv_epi64(is_one, _mm256_and_si256(bits[half], places));
                for sum in &mut sums {
                    let both = _mm256_and_si256(carry, sum[half]);
                    sum[half] = _mm256_xor_si256(carry, sum[half]);
                    carry = both;
                }
                beyond = _mm256_or_si256(beyond, carry);
                bits[half] = _mm256_srli_epi64::<6>(bits[half]);
                left[half] = _mm256_sub_epi64(left[half], one);
            }
        }
    }
    // SAFETY: vectors and words are plain integers, 64 bytes a plane.
    let planes = unsafe { std::mem::transmute::<[[__m256i; 2]; PLANES], [[u64; ABREAST]; PLANES]>(sums) };
    (_mm256_testz_si256(beyond, beyond) == 1).then_some(planes)
}

/// The plain `spread` with AVX-512.
#[target_feature(enable = "avx512f")]
pub(super) fn spread_avx512(counts: &Lanes, random: &[Lanes]) -> Option<[Lanes; PLANES]> {
    // SAFETY: there are eight words.
    let load = |lanes: &Lanes| unsafe { _mm512_loadu_si512(lanes.as_ptr().cast()) };
    let (one, places) = (_mm512_set1_epi64(1), _mm512_set1_epi64(63));
    let mut left = load(counts);
    let mut sums = [_mm512_setzero_si512(); PLANES];
    let mut beyond = _mm512_setzero_si512();
    for lanes in random {
        let mut bits = load(lanes);
        for _ in 0..PLACES {
            let drawn = _mm512_cmpgt_epi64_mask(left, _mm512_setzero_si512());
            let mut carry = _mm512_maskz_sllv_epi64(drawn, one, _mm512_and_si512(bits, places));
            for sum in &mut sums {
                let both = _mm512_and_si512(carry, *sum);
                *sum = _mm512_xor_si512(carry, *sum);
                carry = both;
            }
            beyond = _mm512_or_si512(beyond, carry);
            bits = _mm512_srli_epi64::<6>(bits);
            left = _mm512_sub_epi64(left, one);
        }
    }
    // SAFETY: vectors and words are plain integers, 64 bytes a plane.
    let planes = unsafe { std::mem::transmute::<[__m512i; PLANES], [[u64; ABREAST]; PLANES]>(sums) };
    (_mm512_test_epi64_mask(beyond, beyond) == 0).then_some(planes)
}
