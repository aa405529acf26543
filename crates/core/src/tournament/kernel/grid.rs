//! Scales of fixed point at which thresholds lie near whole multiples of one unit, so that the high bits of a difference
//! say which of them it has passed.

use super::fixed_point::{BITS, MOST};

/// Most high bits of a code, which count units, and the fewest low bits: a window must fit between two multiples.
pub(super) const MOST_HIGH_BITS: usize = BITS - LEAST_LOW_BITS;
const LEAST_LOW_BITS: usize = WINDOW_BITS + 1;
/// A difference is too close to a threshold to tell where it is within 2^this codes of its multiple.
pub(super) const WINDOW_BITS: usize = 1;
/// How far, in codes, a threshold may lie from its multiple: see [`super::planes`].
const TOLERANCE: f64 = 0.9;
const ROUNDING: f64 = 1e-6;
/// The first threshold is at least so many codes, or too many differences would be too close to it.
pub(super) const LEAST_THRESHOLD: f64 = 256.0;
/// Scales are tried from the finest to so much of it.
const COARSEST: f64 = 0.5;
/// Where the unit is as fine as that, thresholds are looked at together ([`Grid::shared`]).
const DENSE: f64 = 2000.0;
/// In nats: with rows up to a dozen nats apart a threshold above this is no [`LEAST_THRESHOLD`].
const SMALL: f64 = 0.05;
/// Thresholds that are counted in one pass whatever they are.
const TOGETHER: usize = 8;
/// Multiples of one unit that make a pass of their own among more thresholds than that.
const ALIKE: usize = 4;
/// Units tried for these: the least threshold and its first fractions.
const FRACTIONS: u32 = 8;

/// Thresholds near multiples of one unit.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Grid {
    /// Codes a nat.
    pub(super) scale: f64,
    /// The unit is 2^this codes.
    pub(super) low_bits: usize,
    /// How many units each threshold is, rising.
    pub(super) multiples: Vec<u64>,
    /// Whether what is close to any multiple of the unit is compared again (cheap where thresholds are many and the unit is
    /// large), rather than what is close to a threshold.
    pub(super) shared: bool,
}

impl Grid {
    /// A scale for rising positive thresholds (nats) at which values that are `range` nats apart have codes: that with the
    /// largest unit. `None` if there is none, or if the first threshold is too small for fixed point.
    pub(super) fn choose(log_n: &[f64], range: f64) -> Option<Self> {
        let &first = log_n.first()?;
        // The first threshold must be within reach of the codes by far.
        let finest = MOST / range.max(2.0 * first);
        if finest * first < LEAST_THRESHOLD {
            return None;
        }
        (LEAST_LOW_BITS..BITS).rev().find_map(|low_bits| {
            let unit = f64::from(1u32 << low_bits);
            let (mut multiple, least) =
                ((finest * first / unit).floor(), (COARSEST * finest * first / unit).ceil().max(1.0));
            while multiple >= least {
                for offset in [0.0, TOLERANCE, -TOLERANCE] {
                    let scale = (multiple * unit + offset) / first;
                    if scale <= finest
                        && let Some(multiples) = on_scale(log_n, scale, low_bits)
                    {
                        let shared = shared(low_bits, multiples.len());
                        return Some(Self { scale, low_bits, multiples, shared });
                    }
                }
                multiple -= 1.0;
            }
            None
        })
    }
}

/// What is close to a multiple is a share of 2^([`WINDOW_BITS`] + 1) codes of a unit, and comparing it again costs as much as
/// so many bits of a threshold; asking threshold by threshold costs each the high bits once more.
fn shared(low_bits: usize, thresholds: usize) -> bool {
    let window = f64::from(1u32 << (WINDOW_BITS + 1)) / f64::from(1u32 << low_bits);
    thresholds > 2 && (thresholds as f64 - 2.0) * (BITS - low_bits) as f64 > DENSE * window
}

fn on_scale(log_n: &[f64], scale: f64, low_bits: usize) -> Option<Vec<u64>> {
    let unit = f64::from(1u32 << low_bits);
    let place = |&log_n: &f64| {
        let codes = log_n * scale;
        if codes > f64::from(1u32 << BITS) {
            // Whatever it is, no difference of codes reaches it.
            return Some(1 << (BITS - low_bits));
        }
        let multiple = (codes / unit).round();
        let near = multiple >= 1.0 && (codes - multiple * unit).abs() <= TOLERANCE + ROUNDING;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small whole number")]
        near.then_some(multiple as u64)
    };
    log_n.iter().map(place).collect()
}

/// Splits rising positive thresholds (with their numbers) into those that are counted together: all if they are few, else
/// those that are multiples of one unit, and the others as they come. Thresholds that may be too small for fixed point, where
/// the others are not, are by themselves.
pub(super) fn together(thresholds: &[(usize, f64)]) -> Vec<Vec<(usize, f64)>> {
    let [small, others] = apart(thresholds);
    let mut passes = split(others);
    if !small.is_empty() {
        passes.push(small.to_vec());
    }
    passes
}

/// Splits rising positive thresholds into those that may be too small for fixed point and the others.
pub(super) fn apart(thresholds: &[(usize, f64)]) -> [&[(usize, f64)]; 2] {
    let (small, others) = thresholds.split_at(thresholds.partition_point(|&(_, log_n)| log_n < SMALL));
    [small, others]
}

fn split(thresholds: &[(usize, f64)]) -> Vec<Vec<(usize, f64)>> {
    if thresholds.len() <= TOGETHER {
        return if thresholds.is_empty() { Vec::new() } else { vec![thresholds.to_vec()] };
    }
    let (mut left, mut passes) = (thresholds.to_vec(), Vec::<Vec<_>>::new());
    while let Some(&(_, least)) = left.first() {
        let alike = (1..=FRACTIONS)
            .map(|fraction| multiples_of(least / f64::from(fraction), &left))
            .reduce(|most, alike| if alike.len() > most.len() { alike } else { most })
            .unwrap_or_default();
        left.retain(|threshold| !alike.contains(threshold));
        if alike.len() >= ALIKE {
            passes.push(alike);
        }
    }
    let mut others = thresholds.to_vec();
    others.retain(|threshold| !passes.iter().any(|pass| pass.contains(threshold)));
    passes.extend(others.chunks(TOGETHER).map(<[_]>::to_vec));
    passes
}

fn multiples_of(unit: f64, thresholds: &[(usize, f64)]) -> Vec<(usize, f64)> {
    // Thousands of roundings of a logarithm.
    let whole = |log_n: f64| (log_n / unit - (log_n / unit).round()).abs() <= 1e-12 * (log_n / unit);
    thresholds.iter().copied().filter(|&(_, log_n)| whole(log_n)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(ratios: &[f64]) -> Vec<f64> {
        ratios.iter().map(|n| n.ln()).collect()
    }

    #[test]
    fn powers_of_one_number_are_exact_and_others_near_at_a_finer_unit() {
        let of = |ratios: &[f64]| Grid::choose(&log(ratios), 8.0).unwrap();
        assert_eq!(of(&[16.0]).multiples, [1]);
        let powers = of(&[2.0, 4.0, 8.0, 1024.0, 1e9]);
        assert_eq!((powers.multiples[..4].to_vec(), powers.low_bits, powers.shared), (vec![1, 2, 3, 10], 12, true));
        for ratios in [&[3.0, 5.0, 7.0][..], &[2.0, 3.0], &[2.0, 3.0, 4.0, 4.6, 5.7, 9.0, 11.0, 40.0]] {
            let grid = of(ratios);
            let unit = f64::from(1u32 << grid.low_bits);
            for (log_n, &multiple) in log(ratios).iter().zip(&grid.multiples) {
                assert!((log_n * grid.scale - multiple as f64 * unit).abs() < 0.91, "{ratios:?} {grid:?}");
            }
            assert!(grid.low_bits >= 2 && grid.scale * 8.0 <= MOST && grid.scale * 16.0 >= MOST);
        }
        assert!(of(&[3.0, 5.0, 7.0]).low_bits >= 5);
    }

    #[test]
    fn thresholds_far_below_the_range_have_no_place() {
        assert!(Grid::choose(&log(&[1.000_001]), 8.0).is_none());
        assert!(Grid::choose(&log(&[1.000_001]), 1e-6).is_some());
        assert!(Grid::choose(&log(&[2.0]), f64::INFINITY).is_none());
    }

    #[test]
    fn few_thresholds_are_counted_together_and_many_by_their_units() {
        let split = |ratios: &[f64]| -> Vec<Vec<usize>> {
            let passes = together(&log(ratios).into_iter().enumerate().collect::<Vec<_>>());
            passes.into_iter().map(|pass| pass.into_iter().map(|(level, _)| level).collect()).collect()
        };
        assert!(split(&[]).is_empty());
        assert_eq!(split(&[3.0, 5.0, 7.0]), [vec![0, 1, 2]]);
        assert_eq!(split(&[1.001, 1.01, 3.0, 5.0]), [vec![2, 3], vec![0, 1]]);
        let many = [2.0, 3.0, 4.0, 5.0, 7.0, 8.0, 16.0, 32.0, 64.0];
        assert_eq!(split(&many), [vec![0, 2, 5, 6, 7, 8], vec![1, 3, 4]]);
        assert_eq!(split(&[2.0, 3.0, 5.0, 7.0, 11.0, 13.0, 17.0, 19.0, 23.0]), [vec![0, 1, 2, 3, 4, 5, 6, 7], vec![8]]);
    }
}
