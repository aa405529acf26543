use super::masks::words;
use crate::error::Result;
use crate::resample::multiplicities;

/// What is drawn with replacement.
pub(super) struct Units {
    /// The unit of each response; `None` where each response is its own.
    pub(super) of_response: Option<Vec<u32>>,
    /// Number of units.
    pub(super) count: usize,
}

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
}
