//! Comparisons of two rows that lie in the first-level cache.

use std::hint::black_box;

#[cfg(target_arch = "x86_64")]
use coverage_principle_core::Isa;

use super::{Loop, Subject};

/// Bytes of one row; four rows are compared, which fits every first-level cache.
const ROW_BYTES: usize = 4096;

/// Passes over the rows in one call, so that the clock is looked at seldom.
const PASSES: usize = 64;

/// A row compared with itself shifted, of small whole numbers, so that every type holds them exactly.
fn row<T>(start: usize, convert: fn(i16) -> T) -> Vec<T> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "the values are below 64")]
    (0..ROW_BYTES / size_of::<T>()).map(|index| convert(((index * 7 + start) % 64) as i16)).collect()
}

/// The loops there are on this machine.
pub(crate) fn subjects() -> Vec<Subject> {
    let subject = |name: &str, instructions, make| Subject { name: name.to_owned(), instructions, make, bytes: 0 };
    let mut subjects = vec![
        subject("compares-f32", "portable", portable::f32_loop),
        subject("compares-f64", "portable", portable::f64_loop),
        subject("compares-i16", "portable", portable::i16_loop),
    ];
    #[cfg(target_arch = "x86_64")]
    {
        if Isa::Avx2.is_available() {
            subjects.push(subject("compares-f32", "avx2", x86::f32_avx2));
            subjects.push(subject("compares-f64", "avx2", x86::f64_avx2));
            subjects.push(subject("compares-i16", "avx2", x86::i16_avx2));
        }
        if Isa::Avx512.is_available() {
            subjects.push(subject("compares-f32", "avx512", x86::f32_avx512));
            subjects.push(subject("compares-f64", "avx512", x86::f64_avx512));
            subjects.push(subject("compares-i16", "avx512", x86::i16_avx512));
        }
    }
    subjects
}

mod portable {
    use super::{Loop, PASSES, black_box, row};

    macro_rules! plain {
        ($name:ident, $type:ty, $counter:ty, $convert:expr) => {
            pub(super) fn $name(_: usize) -> Loop {
                let rows = [row::<$type>(0, $convert), row::<$type>(3, $convert)];
                let threshold: $type = $convert(5i16);
                Box::new(move || {
                    let [a, b] = &rows;
                    for _ in 0..PASSES {
                        let (mut above, mut below): ($counter, $counter) = (0, 0);
                        for (&a, &b) in black_box(a).iter().zip(black_box(b)) {
                            above += <$counter>::from(a - b >= threshold);
                            below += <$counter>::from(b - a >= threshold);
                        }
                        black_box((above, below));
                    }
                    (a.len() * PASSES) as f64
                })
            }
        };
    }

    plain!(f32_loop, f32, u32, f32::from);
    plain!(f64_loop, f64, u64, f64::from);
    plain!(i16_loop, i16, u16, std::convert::identity);
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    use super::{Loop, PASSES, black_box, row};

    /// Two rows against two rows: four pairs share their loads, as in any blocked kernel, and have eight counters.
    /// The block at the end is what one pair costs a vector: a subtraction, two comparisons, two counters.
    macro_rules! blocked {
        ($name:ident, $module:ident, $features:literal, $type:ty, $convert:expr, $vector:ty, $counter:ty,
         $load:ident, $set:ident, $zero:ident,
         |$a:ident, $b:ident, $up:ident, $down:ident, $above:ident, $below:ident| $body:block) => {
            pub(super) fn $name(_: usize) -> Loop {
                let rows = [0, 3, 11, 29].map(|start| row::<$type>(start, $convert));
                Box::new(move || {
                    for _ in 0..PASSES {
                        // SAFETY: `subjects` lists this loop only where the processor has the instructions.
                        black_box(unsafe { $module::pass(black_box(&rows)) });
                    }
                    (4 * rows[0].len() * PASSES) as f64
                })
            }

            mod $module {
                use super::*;

                #[inline]
                #[target_feature(enable = $features)]
                fn pair(
                    $a: $vector,
                    $b: $vector,
                    ($up, $down): ($vector, $vector),
                    [$above, $below]: [$counter; 2],
                ) -> [$counter; 2] {
                    $body
                }

                #[target_feature(enable = $features)]
                pub(super) fn pass(rows: &[Vec<$type>; 4]) -> [$counter; 8] {
                    const LANES: usize = size_of::<$vector>() / size_of::<$type>();
                    let thresholds = ($set($convert(5i16)), $set($convert(-5i16)));
                    let zero = [$zero(), $zero()];
                    let (mut ac, mut ad, mut bc, mut bd) = (zero, zero, zero, zero);
                    let [a, b, c, d] = rows.each_ref().map(|row| row.chunks_exact(LANES));
                    for (((a, b), c), d) in a.zip(b).zip(c).zip(d) {
                        // SAFETY: each chunk holds exactly the lanes of one vector.
                        let [a, b, c, d] = [a, b, c, d].map(|chunk| unsafe { $load(chunk.as_ptr().cast()) });
                        ac = pair(a, c, thresholds, ac);
                        ad = pair(a, d, thresholds, ad);
                        bc = pair(b, c, thresholds, bc);
                        bd = pair(b, d, thresholds, bd);
                    }
                    [ac[0], ac[1], ad[0], ad[1], bc[0], bc[1], bd[0], bd[1]]
                }
            }
        };
    }

    blocked!(
        f32_avx2,
        of_f32_avx2,
        "avx2",
        f32,
        f32::from,
        __m256,
        __m256i,
        _mm256_loadu_ps,
        _mm256_set1_ps,
        _mm256_setzero_si256,
        |a, b, up, down, above, below| {
            let difference = _mm256_sub_ps(a, b);
            [
                _mm256_sub_epi32(above, _mm256_castps_si256(_mm256_cmp_ps::<_CMP_GE_OQ>(difference, up))),
                _mm256_sub_epi32(below, _mm256_castps_si256(_mm256_cmp_ps::<_CMP_LE_OQ>(difference, down))),
            ]
        }
    );
    blocked!(
        f64_avx2,
        of_f64_avx2,
        "avx2",
        f64,
        f64::from,
        __m256d,
        __m256i,
        _mm256_loadu_pd,
        _mm256_set1_pd,
        _mm256_setzero_si256,
        |a, b, up, down, above, below| {
            let difference = _mm256_sub_pd(a, b);
            [
                _mm256_sub_epi64(above, _mm256_castpd_si256(_mm256_cmp_pd::<_CMP_GE_OQ>(difference, up))),
                _mm256_sub_epi64(below, _mm256_castpd_si256(_mm256_cmp_pd::<_CMP_LE_OQ>(difference, down))),
            ]
        }
    );
    blocked!(
        i16_avx2,
        of_i16_avx2,
        "avx2",
        i16,
        std::convert::identity,
        __m256i,
        __m256i,
        _mm256_loadu_si256,
        _mm256_set1_epi16,
        _mm256_setzero_si256,
        |a, b, up, down, above, below| {
            let difference = _mm256_subs_epi16(a, b);
            [
                _mm256_sub_epi16(above, _mm256_cmpgt_epi16(difference, up)),
                _mm256_sub_epi16(below, _mm256_cmpgt_epi16(down, difference)),
            ]
        }
    );
    blocked!(
        f32_avx512,
        of_f32_avx512,
        "avx512f",
        f32,
        f32::from,
        __m512,
        __m512i,
        _mm512_loadu_ps,
        _mm512_set1_ps,
        _mm512_setzero_si512,
        |a, b, up, down, above, below| {
            let difference = _mm512_sub_ps(a, b);
            let one = _mm512_set1_epi32(1);
            [
                _mm512_mask_add_epi32(above, _mm512_cmp_ps_mask::<_CMP_GE_OQ>(difference, up), above, one),
                _mm512_mask_add_epi32(below, _mm512_cmp_ps_mask::<_CMP_LE_OQ>(difference, down), below, one),
            ]
        }
    );
    blocked!(
        f64_avx512,
        of_f64_avx512,
        "avx512f",
        f64,
        f64::from,
        __m512d,
        __m512i,
        _mm512_loadu_pd,
        _mm512_set1_pd,
        _mm512_setzero_si512,
        |a, b, up, down, above, below| {
            let difference = _mm512_sub_pd(a, b);
            let one = _mm512_set1_epi64(1);
            [
                _mm512_mask_add_epi64(above, _mm512_cmp_pd_mask::<_CMP_GE_OQ>(difference, up), above, one),
                _mm512_mask_add_epi64(below, _mm512_cmp_pd_mask::<_CMP_LE_OQ>(difference, down), below, one),
            ]
        }
    );
    blocked!(
        i16_avx512,
        of_i16_avx512,
        "avx512f,avx512bw",
        i16,
        std::convert::identity,
        __m512i,
        __m512i,
        _mm512_loadu_si512,
        _mm512_set1_epi16,
        _mm512_setzero_si512,
        |a, b, up, down, above, below| {
            let difference = _mm512_subs_epi16(a, b);
            let one = _mm512_set1_epi16(1);
            [
                _mm512_mask_add_epi16(above, _mm512_cmpge_epi16_mask(difference, up), above, one),
                _mm512_mask_add_epi16(below, _mm512_cmple_epi16_mask(difference, down), below, one),
            ]
        }
    );
}
