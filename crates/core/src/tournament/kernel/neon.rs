//! 128-bit vectors: a comparison gives all ones in each lane that counts, which is subtracted from the counters.

use std::arch::aarch64::*;

use super::lanes::Lanes;

/// Four single-precision elements.
pub(super) struct F32x4;

impl Lanes for F32x4 {
    type Item = f32;
    type Values = float32x4_t;
    type Tally = uint32x4_t;
    const LANES: usize = 4;

    #[inline(always)]
    unsafe fn load(from: *const f32) -> float32x4_t {
        // SAFETY: the caller guarantees four readable elements; NEON is part of every aarch64.
        unsafe { vld1q_f32(from) }
    }

    #[inline(always)]
    unsafe fn zero() -> uint32x4_t {
        // SAFETY: NEON is part of every aarch64.
        unsafe { vdupq_n_u32(0) }
    }

    #[inline(always)]
    unsafe fn add(tally: uint32x4_t, values: float32x4_t, thresholds: float32x4_t) -> uint32x4_t {
        // SAFETY: NEON is part of every aarch64.
        unsafe { vsubq_u32(tally, vcgeq_f32(values, thresholds)) }
    }

    #[inline(always)]
    unsafe fn total(tally: uint32x4_t) -> u32 {
        // SAFETY: NEON is part of every aarch64.
        unsafe { vaddvq_u32(tally) }
    }

    #[inline(always)]
    unsafe fn write(tally: uint32x4_t, counts: *mut u32) {
        // SAFETY: the caller guarantees four places; every aarch64 has NEON.
        unsafe { vst1q_u32(counts, tally) }
    }
}

/// Two double-precision elements.
pub(super) struct F64x2;

impl Lanes for F64x2 {
    type Item = f64;
    type Values = float64x2_t;
    type Tally = uint64x2_t;
    const LANES: usize = 2;

    #[inline(always)]
    unsafe fn load(from: *const f64) -> float64x2_t {
        // SAFETY: the caller guarantees two readable elements; NEON is part of every aarch64.
        unsafe { vld1q_f64(from) }
    }

    #[inline(always)]
    unsafe fn zero() -> uint64x2_t {
        // SAFETY: NEON is part of every aarch64.
        unsafe { vdupq_n_u64(0) }
    }

    #[inline(always)]
    unsafe fn add(tally: uint64x2_t, values: float64x2_t, thresholds: float64x2_t) -> uint64x2_t {
        // SAFETY: NEON is part of every aarch64.
        unsafe { vsubq_u64(tally, vcgeq_f64(values, thresholds)) }
    }

    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "a stretch has fewer than 2^32 elements")]
    unsafe fn total(tally: uint64x2_t) -> u32 {
        // SAFETY: NEON is part of every aarch64.
        unsafe { vaddvq_u64(tally) as u32 }
    }

    #[inline(always)]
    unsafe fn write(tally: uint64x2_t, counts: *mut u32) {
        // SAFETY: the caller guarantees two places; every aarch64 has NEON.
        unsafe { vst1_u32(counts, vmovn_u64(tally)) }
    }
}
