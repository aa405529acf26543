use super::masks::Loops;
use crate::order;
use crate::resample::{Draws, PLANES, words};

/// What is drawn with replacement.
pub(super) struct Units {
    /// The unit of each response; `None` where each response is its own.
    pub(super) of_response: Option<Vec<u32>>,
    /// Number of units.
    pub(super) count: usize,
}

/// The multiplicities of some consecutive replicates, as bit planes.
pub(super) struct Block {
    responses: usize,
    loops: Loops,
    /// Of each replicate [`PLANES`] planes, one after the other.
    planes: Vec<u64>,
    /// Responses that are drawn more often than planes can tell, and by how much, in rising order.
    beyond: Vec<(u32, u32)>,
    /// The distinct multiplicities of each replicate, greatest first, with the number of responses that have it.
    levels: Vec<(u32, u32)>,
    /// Where each replicate begins in `beyond` and in `levels`; where the next one does it ends.
    starts: Vec<(usize, usize)>,
}

/// The multiplicities of one replicate.
#[derive(Clone, Copy)]
pub(super) struct Replicate<'a> {
    /// Bit planes, one after the other.
    pub(super) planes: &'a [u64],
    /// Responses whose multiplicity goes beyond the planes, and by how much.
    pub(super) beyond: &'a [(u32, u32)],
    levels: &'a [(u32, u32)],
}

impl Block {
    pub(super) fn new(responses: usize, loops: Loops) -> Self {
        Self { responses, loops, planes: Vec::new(), beyond: Vec::new(), levels: Vec::new(), starts: Vec::new() }
    }

    /// Number of replicates.
    pub(super) fn len(&self) -> usize {
        self.starts.len()
    }

    /// Adds replicate number `replicate` of responses that are drawn by themselves.
    pub(super) fn draw(&mut self, draws: &Draws, seed: u64, replicate: u32) {
        let planes = self.begin();
        draws.planes(seed, replicate, &mut self.planes[planes..], &mut self.beyond);
        self.level();
    }

    /// Adds a replicate, given the multiplicity of each response.
    pub(super) fn push(&mut self, times: &[u32]) {
        let start = self.begin();
        let words = words(self.responses);
        for (word, times) in times.chunks(64).enumerate() {
            for (p, plane) in self.planes[start..].chunks_exact_mut(words).enumerate() {
                plane[word] = times.iter().rev().fold(0, |bits, times| bits << 1 | u64::from(times >> p & 1));
            }
        }
        let often = (0..).zip(times).filter(|(_, times)| **times >> PLANES > 0);
        self.beyond.extend(often.map(|(response, times)| (response, times >> PLANES << PLANES)));
        self.level();
    }

    /// Makes room for the planes of one more replicate; where they begin.
    fn begin(&mut self) -> usize {
        self.starts.push((self.beyond.len(), self.levels.len()));
        let start = self.planes.len();
        self.planes.resize(start + PLANES * words(self.responses), 0);
        start
    }

    /// Counts the distinct multiplicities of the last replicate.
    fn level(&mut self) {
        let words = words(self.responses);
        let last = self.replicate(self.len() - 1);
        let mut tally = self.loops.tally(last.planes);
        let mut high: Vec<u32> = Vec::with_capacity(last.beyond.len());
        for &(response, more) in last.beyond {
            let bit = |p: usize| last.planes[p * words + response as usize / 64] >> (response % 64) & 1;
            let low = (0..PLANES).fold(0, |low, p| low | (bit(p) as u32) << p);
            tally[low as usize] -= 1;
            high.push(more + low);
        }
        order::half_words(&mut high);
        high.reverse();
        #[expect(clippy::cast_possible_truncation, reason = "there are fewer than 2^32 responses")]
        self.levels.extend(high.chunk_by(|a, b| a == b).map(|equal| (equal[0], equal.len() as u32)));
        let low = (1..).zip(&tally[1..]).filter(|&(_, &responses)| responses > 0);
        let start = self.levels.len();
        self.levels.extend(low.map(|(multiplicity, &responses)| (multiplicity, responses)));
        self.levels[start..].reverse();
    }

    /// One replicate.
    pub(super) fn replicate(&self, replicate: usize) -> Replicate<'_> {
        let size = PLANES * words(self.responses);
        let start = self.starts[replicate];
        let end = self.starts.get(replicate + 1).copied().unwrap_or((self.beyond.len(), self.levels.len()));
        Replicate {
            planes: &self.planes[replicate * size..][..size],
            beyond: &self.beyond[start.0..end.0],
            levels: &self.levels[start.1..end.1],
        }
    }

    /// The greatest weight that `count` responses can have in one replicate: that of the most often drawn.
    pub(super) fn most(&self, replicate: usize, count: u32) -> u64 {
        let (mut left, mut sum) = (count, 0);
        for &(value, responses) in self.replicate(replicate).levels {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A multiplicity put together again.
    fn value(replicate: Replicate<'_>, words: usize, response: usize) -> u64 {
        let bits = replicate.planes.chunks(words).enumerate();
        let low: u64 = bits.map(|(p, plane)| (plane[response / 64] >> (response % 64) & 1) << p).sum();
        let beyond = replicate.beyond.iter().filter(|&&(at, _)| at as usize == response);
        low + beyond.map(|&(_, more)| u64::from(more)).sum::<u64>()
    }

    #[test]
    fn planes_and_bounds_are_those_of_the_multiplicities() {
        let mut block = Block::new(150, Loops::best());
        let draws = Draws::new(150).unwrap();
        let drawn: Vec<u32> = {
            let mut times = vec![0; 150];
            draws.times(4, 2, &mut times);
            times
        };
        let far: Vec<u32> = (0..150).map(|i| if i % 70 == 7 { 5000 + i % 2 } else { (i * i) % 11 }).collect();
        block.push(&[0; 150]);
        block.push(&far);
        block.draw(&draws, 4, 2);
        assert_eq!(block.len(), 3);
        for (r, times) in [vec![0; 150], far, drawn].iter().enumerate() {
            for (i, &times) in times.iter().enumerate() {
                assert_eq!(value(block.replicate(r), 3, i), u64::from(times));
            }
            let mut sorted = times.clone();
            sorted.sort_unstable_by(|a, b| b.cmp(a));
            for count in 0..=150_u32 {
                let most: u32 = sorted[..count as usize].iter().sum();
                assert_eq!(block.most(r, count), u64::from(most), "replicate {r}");
            }
            let distinct: std::collections::BTreeSet<u32> = sorted.iter().copied().filter(|&times| times > 0).collect();
            let levels: Vec<u32> = block.replicate(r).levels.iter().map(|level| level.0).collect();
            assert_eq!(levels, distinct.into_iter().rev().collect::<Vec<u32>>());
        }
    }
}
