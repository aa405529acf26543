//! Indicators of pairs as bit masks, their weighted counts, and the inner loops on each instruction set.
//!
//! The mask of a pair (a, b) has bit i set where L[a,i] − L[b,i] ≥ log N. With the multiplicities of a replicate in bit
//! planes, plane p holding bit p of every response's multiplicity, the count of the resampled pair is
//! Σ_p 2^p · popcount(mask ∧ plane_p): no resampled matrix is ever made.

use super::weights::Replicate;
#[cfg(target_arch = "x86_64")]
use super::x86;
use crate::isa::Isa;
use crate::log_probs::{Float, LogProbs, Rows};
use crate::resample::{PLANES, words};

/// Where a pair counts.
pub(super) enum Mask {
    /// A bit for each response.
    Bits(Box<[u64]>),
    /// The words of it that have any, by their places, where they are few.
    Words(Box<[(u32, u64)]>),
}

/// What counts as few: one word in so many. A word by its place is taken to cost as much as so many in their order.
const FEW: usize = 4;

impl Mask {
    fn of(bits: Vec<u64>) -> Self {
        let some = bits.iter().filter(|&&word| word != 0).count();
        if some * FEW > bits.len() {
            return Self::Bits(bits.into());
        }
        Self::Words((0..).zip(bits).filter(|&(_, word)| word != 0).collect())
    }

    /// 1 where the pair counts at a response, else 0.
    fn at(&self, response: u32) -> u64 {
        let word = match self {
            Self::Bits(bits) => bits[response as usize / 64],
            Self::Words(words) => {
                words.binary_search_by_key(&(response / 64), |word| word.0).map_or(0, |found| words[found].1)
            }
        };
        word >> (response % 64) & 1
    }
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

    /// The mask of the pair (`a`, `b`).
    pub(super) fn mask(self, log_probs: &LogProbs, a: usize, b: usize, log_n: f64) -> Mask {
        let mut bits = vec![0; words(log_probs.responses())];
        self.indicate(log_probs, a, b, log_n, &mut bits);
        Mask::of(bits)
    }

    /// The weighted count of a mask in one replicate.
    pub(super) fn weigh(self, mask: &Mask, replicate: Replicate<'_>) -> u64 {
        let beyond: u64 = replicate.beyond.iter().map(|&(at, more)| mask.at(at) * u64::from(more)).sum();
        beyond + self.weigh_planes(mask, replicate.planes)
    }

    /// Σ_p 2^p · popcount(mask ∧ plane_p), the planes one after the other in `planes`.
    fn weigh_planes(self, mask: &Mask, planes: &[u64]) -> u64 {
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

    /// How many responses have each of the multiplicities that planes can tell; among those of 0 are bits of the last word that
    /// are no responses.
    pub(super) fn tally(self, planes: &[u64]) -> [u32; 1 << PLANES] {
        match self.0 {
            // SAFETY: the value exists only where the features were detected.
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 | Isa::Avx512 | Isa::Avx512Popcount => unsafe { tally_avx2(planes) },
            _ => tally(planes),
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
fn weigh(mask: &Mask, planes: &[u64]) -> u64 {
    let words = planes.len() / PLANES;
    let of_plane = |plane: &[u64]| -> u64 {
        let both = |mask: u64, plane: u64| u64::from((mask & plane).count_ones());
        match mask {
            Mask::Bits(bits) => bits.iter().zip(plane).map(|(&mask, &plane)| both(mask, plane)).sum(),
            Mask::Words(words) => words.iter().map(|&(at, mask)| both(mask, plane[at as usize])).sum(),
        }
    };
    planes.chunks_exact(words).zip(0..).map(|(plane, p)| of_plane(plane) << p).sum()
}

#[inline(always)]
fn tally(planes: &[u64]) -> [u32; 1 << PLANES] {
    let (first, rest) = planes.split_at(planes.len() / PLANES);
    let (second, third) = rest.split_at(first.len());
    let mut tally = [0; 1 << PLANES];
    for ((&first, &second), &third) in first.iter().zip(second).zip(third) {
        for (multiplicity, responses) in tally.iter_mut().enumerate() {
            let has = |word: u64, bit: usize| if multiplicity & bit == 0 { !word } else { word };
            *responses += (has(first, 1) & has(second, 2) & has(third, 4)).count_ones();
        }
    }
    tally
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,popcnt")]
fn weigh_avx2(mask: &Mask, planes: &[u64]) -> u64 {
    weigh(mask, planes)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vpopcntdq,popcnt")]
fn weigh_avx512(mask: &Mask, planes: &[u64]) -> u64 {
    weigh(mask, planes)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,popcnt")]
fn tally_avx2(planes: &[u64]) -> [u32; 1 << PLANES] {
    tally(planes)
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
            let times: Vec<u32> = pairs.iter().map(|pair| pair.2).collect();
            for set in Loops::available() {
                let mut block = Block::new(n, set);
                block.push(&times);
                let replicate = block.replicate(0);
                let tally = set.tally(replicate.planes);
                for multiplicity in 1..1 << PLANES {
                    let of = times.iter().filter(|&&times| times as usize % (1 << PLANES) == multiplicity).count();
                    prop_assert_eq!(tally[multiplicity] as usize, of);
                }
                for log_probs in [&double, &single] {
                    let mut bits = vec![u64::MAX; words(n)];
                    set.indicate(log_probs, 0, 1, log_n, &mut bits);
                    for (i, pair) in pairs.iter().enumerate() {
                        prop_assert_eq!(bits[i / 64] >> (i % 64) & 1 == 1, hit(pair));
                    }
                    let few = Mask::Words((0..).zip(bits.iter().copied()).filter(|&(_, word)| word != 0).collect());
                    for mask in [set.mask(log_probs, 0, 1, log_n), Mask::Bits(bits.into()), few] {
                        prop_assert!((0..).zip(pairs.iter()).all(|(i, pair)| (mask.at(i) == 1) == hit(pair)));
                        prop_assert_eq!(set.weigh(&mask, replicate), expected);
                    }
                }
            }
        }
    }

    #[test]
    fn what_goes_beyond_the_planes_is_weighed_too() {
        let mut times: Vec<u32> = (0..1000).map(|i| i % 4).collect();
        (times[70], times[500]) = (9, 1000);
        let mut block = Block::new(1000, Loops::best());
        block.push(&times);
        let replicate = block.replicate(0);
        assert_eq!(replicate.beyond, [(70, 8), (500, 1000)]);
        for set in Loops::available() {
            for step in [1, 7, 10, 100, 500] {
                let mut bits = vec![0; words(1000)];
                (0..1000).step_by(step).for_each(|i| bits[i / 64] |= 1 << (i % 64));
                let wanted: u64 = times.iter().step_by(step).map(|&times| u64::from(times)).sum();
                assert_eq!(set.weigh(&Mask::of(bits), replicate), wanted, "{set:?}, one in {step}");
            }
        }
    }

    #[test]
    fn few_words_are_kept_by_their_places() {
        let bits = |step: usize| (0..40).map(|word| u64::from(word % step == 0) << word).collect::<Vec<u64>>();
        assert!(matches!(Mask::of(bits(3)), Mask::Bits(all) if all.len() == 40));
        assert!(
            matches!(Mask::of(bits(4)), Mask::Words(some) if *some == [0, 4, 8, 12, 16, 20, 24, 28, 32, 36].map(|at| (at, 1 << at)))
        );
        assert!(matches!(Mask::of(vec![0; 40]), Mask::Words(some) if some.is_empty()));
    }
}
