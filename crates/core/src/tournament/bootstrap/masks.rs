//! Indicators of pairs as bit masks, their weighted counts, and the inner loops on each instruction set.
//!
//! The mask of a pair (a, b) has bit i set where L[a,i] − L[b,i] ≥ log N. Where the multiplicities of a replicate are
//! cut into bit planes, plane p holding bit p of every response's multiplicity, the count of the resampled pair is
//! Σ_p 2^p · popcount(mask ∧ plane_p): no resampled matrix is ever made.

use super::weights::{ABREAST, Replicate};
#[cfg(target_arch = "x86_64")]
use super::x86;
use crate::isa::Isa;
use crate::log_probs::{Float, LogProbs, Rows};

/// Words of a mask over `responses` responses.
pub(super) fn words(responses: usize) -> usize {
    responses.div_ceil(64)
}

/// The inner loops of the bootstrap on one instruction set that this machine has. All give the same bits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Loops(Isa);

impl Loops {
    /// On every set this machine has, the best last.
    #[cfg(test)]
    pub(super) fn available() -> Vec<Self> {
        Isa::available().into_iter().map(Self).collect()
    }

    /// On the best set this machine has.
    pub(super) fn best() -> Self {
        Self(Isa::best())
    }

    /// Writes the mask of the pair (`a`, `b`) into `mask`, which has [`words`] words.
    pub(super) fn indicate(self, log_probs: &LogProbs, a: usize, b: usize, log_n: f64, mask: &mut [u64]) {
        match log_probs.rows() {
            Rows::F32(rows) => self.indicate_f32(&rows[a], &rows[b], log_n, mask),
            Rows::F64(rows) => self.indicate_f64(&rows[a], &rows[b], log_n, mask),
        }
    }

    fn indicate_f32(self, a: &[f32], b: &[f32], log_n: f64, mask: &mut [u64]) {
        match self.0 {
            // SAFETY: the value exists only where the features were detected.
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 | Isa::Avx512 => unsafe { x86::indicate_f32_avx2(a, b, log_n, mask) },
            // SAFETY: the value exists only where the features were detected.
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512Popcount => unsafe { x86::indicate_f32_avx512(a, b, log_n, mask) },
            _ => indicate(a, b, log_n, mask),
        }
    }

    fn indicate_f64(self, a: &[f64], b: &[f64], log_n: f64, mask: &mut [u64]) {
        match self.0 {
            // SAFETY: the value exists only where the features were detected.
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 | Isa::Avx512 => unsafe { x86::indicate_f64_avx2(a, b, log_n, mask) },
            // SAFETY: the value exists only where the features were detected.
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512Popcount => unsafe { x86::indicate_f64_avx512(a, b, log_n, mask) },
            _ => indicate(a, b, log_n, mask),
        }
    }

    /// The weighted count of a mask in one replicate.
    pub(super) fn weigh(self, mask: &[u64], replicate: Replicate<'_>) -> u64 {
        let beyond =
            replicate.beyond.iter().map(|&(at, more)| (mask[at as usize / 64] >> (at % 64) & 1) * u64::from(more));
        self.weigh_planes(mask, replicate.planes) + beyond.sum::<u64>()
    }

    /// The weighted counts of some responses in replicates side by side.
    pub(super) fn weigh_places(self, places: &[u32], table: &[[u8; ABREAST]]) -> [u64; ABREAST] {
        let mut totals = [0; ABREAST];
        // So few that no sum of bytes passes 32 bits.
        for places in places.chunks(1 << 24) {
            let sums = match self.0 {
                // SAFETY: the value exists only where the features were detected.
                #[cfg(target_arch = "x86_64")]
                Isa::Avx2 => unsafe { x86::weigh_places_avx2(places, table) },
                // SAFETY: the value exists only where the features were detected.
                #[cfg(target_arch = "x86_64")]
                Isa::Avx512 | Isa::Avx512Popcount => unsafe { x86::weigh_places_avx512(places, table) },
                _ => weigh_places(places, table),
            };
            totals.iter_mut().zip(sums).for_each(|(total, sum)| *total += u64::from(sum));
        }
        totals
    }

    /// Σ_p 2^p · popcount(mask ∧ plane_p), the planes one after the other in `planes`.
    fn weigh_planes(self, mask: &[u64], planes: &[u64]) -> u64 {
        match self.0 {
            // SAFETY: the value exists only where the features were detected.
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 | Isa::Avx512 => unsafe { weigh_avx2(mask, planes) },
            // SAFETY: the value exists only where the features were detected.
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512Popcount => unsafe { weigh_avx512(mask, planes) },
            _ => weigh(mask, planes),
        }
    }
}

/// The plain loop over a pair; writes ⌈len/64⌉ words.
pub(super) fn indicate<T: Float>(a: &[T], b: &[T], log_n: f64, mask: &mut [u64]) {
    for ((word, a), b) in mask.iter_mut().zip(a.chunks(64)).zip(b.chunks(64)) {
        let mut bits = 0;
        for (i, (&a, &b)) in a.iter().zip(b).enumerate() {
            // −∞ − −∞ is NaN and fails the comparison: no evidence.
            bits |= u64::from(a.into() - b.into() >= log_n) << i;
        }
        *word = bits;
    }
}

#[inline(always)]
fn weigh(mask: &[u64], planes: &[u64]) -> u64 {
    let mut total = 0;
    for (p, plane) in planes.chunks_exact(mask.len()).enumerate() {
        let count: u64 = mask.iter().zip(plane).map(|(mask, plane)| u64::from((mask & plane).count_ones())).sum();
        total += count << p;
    }
    total
}

fn weigh_places(places: &[u32], table: &[[u8; ABREAST]]) -> [u32; ABREAST] {
    let mut sums = [0; ABREAST];
    for &place in places {
        sums.iter_mut().zip(&table[place as usize]).for_each(|(sum, &byte)| *sum += u32::from(byte));
    }
    sums
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,popcnt")]
fn weigh_avx2(mask: &[u64], planes: &[u64]) -> u64 {
    weigh(mask, planes)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vpopcntdq,popcnt")]
fn weigh_avx512(mask: &[u64], planes: &[u64]) -> u64 {
    weigh(mask, planes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::weights::Block;
    use super::*;

    proptest! {
        #[test]
        fn every_instruction_set_gives_the_plain_loop(
            pairs in prop::collection::vec(
                (prop_oneof![(-4..0).prop_map(f64::from), Just(f64::NEG_INFINITY)],
                 prop_oneof![(-4..0).prop_map(f64::from), Just(f64::NEG_INFINITY)], 0..9_u32), 1..700),
            log_n in 0..3_i32,
        ) {
            let log_n = f64::from(log_n);
            let n = pairs.len();
            let rows = vec![pairs.iter().map(|pair| pair.0).collect(), pairs.iter().map(|pair| pair.1).collect()];
            let double = LogProbs::from_f64(rows.clone()).unwrap();
            #[expect(clippy::cast_possible_truncation, reason = "small integers")]
            let single = LogProbs::from_f32(
                rows.iter().map(|row: &Vec<f64>| row.iter().map(|&value| value as f32).collect()).collect(),
            ).unwrap();
            let hit = |&(a, b, _): &(f64, f64, u32)| a - b >= log_n;
            let expected: u64 = pairs.iter().filter(|pair| hit(pair)).map(|pair| u64::from(pair.2)).sum();
            let mut planes = vec![0; 4 * words(n)];
            for (i, pair) in pairs.iter().enumerate() {
                for p in 0..4 {
                    planes[p * words(n) + i / 64] |= u64::from(pair.2 >> p & 1) << (i % 64);
                }
            }
            for set in Loops::available() {
                let table: Vec<[u8; ABREAST]> =
                    pairs.iter().map(|pair| std::array::from_fn(|lane| pair.2 as u8 * lane as u8)).collect();
                let places: Vec<u32> = (0..).zip(&pairs).filter(|(_, pair)| hit(pair)).map(|(i, _)| i).collect();
                let weighed = set.weigh_places(&places, &table);
                prop_assert!((0..).zip(weighed).all(|(lane, weight)| weight == expected * lane));
                for log_probs in [&double, &single] {
                    let mut mask = vec![u64::MAX; words(n)];
                    set.indicate(log_probs, 0, 1, log_n, &mut mask);
                    for (i, pair) in pairs.iter().enumerate() {
                        prop_assert_eq!(mask[i / 64] >> (i % 64) & 1 == 1, hit(pair));
                    }
                    prop_assert_eq!(set.weigh_planes(&mask, &planes), expected);
                }
            }
        }
    }

    #[test]
    fn what_goes_beyond_the_planes_is_weighed_too() {
        let mut times: Vec<u32> = (0..1000).map(|i| i % 4).collect();
        (times[70], times[500]) = (9, 1000);
        let mut block = Block::new();
        block.push(&times);
        let replicate = block.replicate(0);
        assert_eq!(replicate.beyond, [(70, 8), (500, 1000)]);
        for set in Loops::available() {
            for step in [1, 7, 10, 100] {
                let mut mask = vec![0; words(1000)];
                (0..1000).step_by(step).for_each(|i| mask[i / 64] |= 1 << (i % 64));
                let wanted: u64 = times.iter().step_by(step).map(|&times| u64::from(times)).sum();
                assert_eq!(set.weigh(&mask, replicate), wanted, "{set:?}, one in {step}");
            }
        }
    }
}
