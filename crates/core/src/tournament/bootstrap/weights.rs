use super::masks::words;
use crate::error::Result;
use crate::log_probs::Float;
use crate::resample::multiplicities;

/// What is drawn with replacement.
pub(super) struct Units {
    /// The unit of each response; `None` where each response is its own.
    pub(super) of_response: Option<Vec<u32>>,
    /// Number of units.
    pub(super) count: usize,
}

/// Replicates handled together: as many as one vector register has doubles.
pub(super) const GROUP: usize = 8;

/// The multiplicities of some consecutive replicates, as bit planes.
pub(super) struct Block {
    /// Bit planes, replicate after replicate, plane after plane.
    planes: Vec<u64>,
    /// Where the planes of each replicate begin, and one past the last.
    starts: Vec<usize>,
    /// Number of responses in each replicate, repeats counted.
    pub(super) totals: Vec<u64>,
    /// Per replicate its distinct multiplicities, greatest first, with the number of responses that have it.
    levels: Vec<Vec<(u32, u32)>>,
}

impl Block {
    pub(super) fn new() -> Self {
        Self { planes: Vec::new(), starts: vec![0], totals: Vec::new(), levels: Vec::new() }
    }

    /// Number of replicates.
    pub(super) fn len(&self) -> usize {
        self.totals.len()
    }

    /// Adds a replicate, given the multiplicity of each response.
    pub(super) fn push(&mut self, times: &[u32]) {
        let greatest = times.iter().copied().max().unwrap_or(0);
        let bits = (u32::BITS - greatest.leading_zeros()) as usize;
        let words = words(times.len());
        let start = self.planes.len();
        self.planes.resize(start + bits * words, 0);
        cut(times, &mut self.planes[start..]);
        self.starts.push(self.planes.len());
        self.totals.push(times.iter().map(|&times| u64::from(times)).sum());
        let mut levels: Vec<(u32, u32)> = Vec::new();
        if greatest <= 64 {
            // One vectorised pass a value: a table would wait for its own last store.
            for value in (1..=greatest).rev() {
                let count = times.iter().map(|&times| u32::from(times == value)).sum();
                if count > 0 {
                    levels.push((value, count));
                }
            }
        } else {
            let mut sorted = times.to_vec();
            sorted.sort_unstable_by(|a, b| b.cmp(a));
            for equal in sorted.chunk_by(|a, b| a == b).filter(|equal| equal[0] > 0) {
                #[expect(clippy::cast_possible_truncation, reason = "there are fewer than 2^32 responses")]
                levels.push((equal[0], equal.len() as u32));
            }
        }
        self.levels.push(levels);
    }

    /// The planes of one replicate.
    pub(super) fn planes(&self, replicate: usize) -> &[u64] {
        &self.planes[self.starts[replicate]..self.starts[replicate + 1]]
    }

    /// The greatest weight that `count` responses can have in one replicate: that of the most often drawn.
    pub(super) fn most(&self, replicate: usize, count: u32) -> u64 {
        let (mut left, mut sum) = (count, 0);
        for &(value, responses) in &self.levels[replicate] {
            let taken = left.min(responses);
            sum += u64::from(value) * u64::from(taken);
            left -= taken;
            if left == 0 {
                break;
            }
        }
        sum
    }
}

/// Cuts `times` into bit planes of ⌈len/64⌉ words each.
fn cut(times: &[u32], planes: &mut [u64]) {
    let words = words(times.len());
    let mut bytes = vec![0_u8; words * 64];
    for (byte, planes) in planes.chunks_mut(8 * words).enumerate() {
        for (low, &times) in bytes.iter_mut().zip(times) {
            *low = (times >> (8 * byte)).to_le_bytes()[0];
        }
        for (p, plane) in planes.chunks_mut(words).enumerate() {
            for (word, bytes) in plane.iter_mut().zip(bytes.as_chunks::<64>().0) {
                for (group, &eight) in bytes.as_chunks::<8>().0.iter().enumerate() {
                    let ones = (u64::from_le_bytes(eight) >> p) & 0x0101_0101_0101_0101;
                    // The product gathers the eight bits in its top byte.
                    *word |= (ones.wrapping_mul(0x0102_0408_1020_4080) >> 56) << (8 * group);
                }
            }
        }
    }
}

/// Multiplicities of every response in replicate number `replicate`; `scratch` has one place a unit.
pub(super) fn draw(units: &Units, seed: u64, replicate: u32, scratch: &mut [u32], times: &mut [u32]) -> Result<()> {
    match &units.of_response {
        None => multiplicities(seed, replicate, times),
        Some(of_response) => {
            multiplicities(seed, replicate, scratch)?;
            for (times, &unit) in times.iter_mut().zip(of_response) {
                *times = scratch[unit as usize];
            }
            Ok(())
        }
    }
}

/// Σ_i w_i·L_i of one model in [`GROUP`] replicates at once; `weights[i][r]` is the multiplicity of response i.
///
/// The order of additions is that of [`crate::tournament::mean_log_probs`] (chunks of 4,096 values, eight lanes), so
/// that with all multiplicities 1 the sums are the same to the bit. A response not drawn adds nothing, even at −∞.
/// `lanes` adds the products of a run of values without −∞ up.
#[inline(always)]
pub(super) fn weighted_sums<T: Float>(
    row: &[T],
    weights: &[[f32; GROUP]],
    lanes: impl Fn(&[[T; 8]], &[[[f32; GROUP]; 8]]) -> [[f64; GROUP]; 8],
) -> [f64; GROUP] {
    let mut totals = [0.0; GROUP];
    for (row, weights) in row.chunks(4096).zip(weights.chunks(4096)) {
        let ((groups, row_rest), (weight_groups, weight_rest)) = (row.as_chunks::<8>(), weights.as_chunks::<8>());
        // Zero times −∞ is NaN: chunks with −∞ take the plain loop, which looks at every product.
        let ruled_out = row.iter().fold(false, |seen, &value| seen | (value.into() == f64::NEG_INFINITY));
        let lanes = if ruled_out { lane_sums(groups, weight_groups) } else { lanes(groups, weight_groups) };
        let mut sums = [0.0; GROUP];
        for lane in &lanes {
            for r in 0..GROUP {
                sums[r] += lane[r];
            }
        }
        for (&value, weights) in row_rest.iter().zip(weight_rest) {
            for r in 0..GROUP {
                sums[r] += product(value.into(), weights[r]);
            }
        }
        for r in 0..GROUP {
            totals[r] += sums[r];
        }
    }
    totals
}

/// Products added up lane by lane: value i of each group of eight goes to lane i.
pub(super) fn lane_sums<T: Float>(values: &[[T; 8]], weights: &[[[f32; GROUP]; 8]]) -> [[f64; GROUP]; 8] {
    let mut lanes = [[0.0; GROUP]; 8];
    for (values, weights) in values.iter().zip(weights) {
        for lane in 0..8 {
            for r in 0..GROUP {
                lanes[lane][r] += product(values[lane].into(), weights[lane][r]);
            }
        }
    }
    lanes
}

fn product(value: f64, weight: f32) -> f64 {
    if weight > 0.0 { value * f64::from(weight) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planes_and_bounds_are_those_of_the_multiplicities() {
        let times: Vec<u32> = (0..150).map(|i| if i == 77 { 5000 } else { (i * i) % 7 }).collect();
        let mut block = Block::new();
        block.push(&[0; 150]);
        block.push(&times);
        assert!(block.planes(0).is_empty());
        for (i, &expected) in times.iter().enumerate() {
            let bits = block.planes(1).chunks(3).enumerate();
            let value: u64 = bits.map(|(p, plane)| (plane[i / 64] >> (i % 64) & 1) << p).sum();
            assert_eq!(value, u64::from(expected));
        }
        let mut sorted = times.clone();
        sorted.sort_unstable_by(|a, b| b.cmp(a));
        for count in 0..=150_u32 {
            let most: u32 = sorted[..count as usize].iter().sum();
            assert_eq!((block.most(0, count), block.most(1, count)), (0, u64::from(most)));
        }
        assert_eq!(block.totals[1], u64::from(times.iter().sum::<u32>()));
        block.push(&[1, 1, 2]);
        assert_eq!((block.most(2, 1), block.most(2, 2), block.len()), (2, 3, 3));
    }

    #[test]
    fn sums_do_not_see_what_was_not_drawn() {
        let row = [-1.0, f64::NEG_INFINITY, -3.0];
        let mut weights = [[0.0_f32; GROUP]; 3];
        weights[0][0] = 2.0;
        weights[2][0] = 1.0;
        weights[1][1] = 1.0;
        let sums = weighted_sums(&row, &weights, lane_sums);
        assert_eq!(sums[..3], [-5.0, f64::NEG_INFINITY, 0.0]);
    }
}
