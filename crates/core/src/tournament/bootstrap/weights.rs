use std::cell::OnceCell;

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

/// Replicates whose multiplicities lie side by side.
pub(super) const ABREAST: usize = 16;
/// Bits that have planes whatever they hold; where few responses have higher ones, these are a list.
const LOW_BITS: usize = 3;
/// What counts as few: one response in so many.
const FEW: usize = 256;

/// The multiplicities of some consecutive replicates, as bit planes; of all of them one after the other.
#[derive(Default)]
pub(super) struct Block {
    planes: Vec<u64>,
    beyond: Vec<(u32, u32)>,
    /// The distinct multiplicities of each replicate, greatest first, with the number of responses that have it.
    levels: Vec<(u32, u32)>,
    /// The multiplicities themselves of replicates where they are bytes, and of the others.
    bytes: Vec<u8>,
    words: Vec<u32>,
    starts: Vec<Starts>,
    /// [`Block::abreast`], made when it is asked for.
    abreast: OnceCell<Option<Vec<Table>>>,
}

/// The multiplicities of [`ABREAST`] replicates, response after response.
type Table = Vec<[u8; ABREAST]>;

/// Where what belongs to a replicate begins; where the next one's begins it ends.
#[derive(Clone, Copy)]
struct Starts {
    planes: usize,
    beyond: usize,
    levels: usize,
    bytes: usize,
    words: usize,
}

/// The multiplicities of one replicate.
#[derive(Clone, Copy)]
pub(super) struct Replicate<'a> {
    /// Bit planes, one after the other.
    pub(super) planes: &'a [u64],
    /// Responses whose multiplicity goes beyond the planes, and by how much.
    pub(super) beyond: &'a [(u32, u32)],
    levels: &'a [(u32, u32)],
    /// The multiplicities themselves; one of the two is empty.
    bytes: &'a [u8],
    words: &'a [u32],
}

impl Replicate<'_> {
    /// The multiplicity of one response.
    pub(super) fn times(&self, response: u32) -> u64 {
        self.bytes.get(response as usize).map_or_else(|| self.words[response as usize].into(), |&byte| byte.into())
    }
}

impl Block {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// Number of replicates.
    pub(super) fn len(&self) -> usize {
        self.starts.len()
    }

    /// Where the next replicate begins.
    fn end(&self) -> Starts {
        Starts {
            planes: self.planes.len(),
            beyond: self.beyond.len(),
            levels: self.levels.len(),
            bytes: self.bytes.len(),
            words: self.words.len(),
        }
    }

    /// Adds a replicate, given the multiplicity of each response.
    pub(super) fn push(&mut self, times: &[u32]) {
        self.abreast.take();
        let start = self.end();
        self.starts.push(start);
        let all_bits = (u32::BITS - any_bits(times).leading_zeros()) as usize;
        if all_bits <= 8 {
            self.bytes.extend(times.iter().map(|&times| times.to_le_bytes()[0]));
            let counts = histogram(&self.bytes[start.bytes..]);
            let levels = (1..=255).rev().map(|value| (value, counts[value as usize]));
            self.levels.extend(levels.filter(|&(_, count)| count > 0));
        } else {
            self.words.extend(times);
            let mut sorted = times.to_vec();
            sorted.sort_unstable_by(|a, b| b.cmp(a));
            let levels = sorted.chunk_by(|a, b| a == b).filter(|equal| equal[0] > 0);
            #[expect(clippy::cast_possible_truncation, reason = "there are fewer than 2^32 responses")]
            self.levels.extend(levels.map(|equal| (equal[0], equal.len() as u32)));
        }
        let high = self.levels[start.levels..].iter().take_while(|level| level.0 >> LOW_BITS > 0);
        let high: usize = high.map(|level| level.1 as usize).sum();
        let bits = if high * FEW <= times.len() { all_bits.min(LOW_BITS) } else { all_bits };
        let words = words(times.len());
        self.planes.resize(start.planes + bits * words, 0);
        let planes = &mut self.planes[start.planes..];
        if all_bits <= 8 {
            cut(&self.bytes[start.bytes..], planes, words);
        } else {
            let mut bytes = vec![0; times.len()];
            for (byte, planes) in planes.chunks_mut(8 * words).enumerate() {
                bytes.iter_mut().zip(times).for_each(|(low, times)| *low = times.to_le_bytes()[byte]);
                cut(&bytes, planes, words);
            }
        }
        if bits < all_bits {
            let chunks = times.chunks(64).zip((0..).step_by(64)).filter(|(times, _)| any_bits(times) >> bits > 0);
            for (times, from) in chunks {
                let responses = (from..).zip(times).filter(|&(_, times)| times >> bits > 0);
                self.beyond.extend(responses.map(|(response, times)| (response, times >> bits << bits)));
            }
        }
    }

    /// One replicate.
    pub(super) fn replicate(&self, replicate: usize) -> Replicate<'_> {
        let start = self.starts[replicate];
        let end = self.starts.get(replicate + 1).copied().unwrap_or_else(|| self.end());
        Replicate {
            planes: &self.planes[start.planes..end.planes],
            beyond: &self.beyond[start.beyond..end.beyond],
            levels: &self.levels[start.levels..end.levels],
            bytes: &self.bytes[start.bytes..end.bytes],
            words: &self.words[start.words..end.words],
        }
    }

    /// The multiplicities of [`ABREAST`] replicates at a time, `None` if some are no bytes.
    pub(super) fn abreast(&self) -> Option<&[Table]> {
        let make = || {
            let len = self.bytes.len() / self.len().max(1);
            self.words
                .is_empty()
                .then(|| self.bytes.chunks(len * ABREAST).map(|rows| side_by_side(rows, len)).collect())
        };
        self.abreast.get_or_init(make).as_deref()
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

/// How often each value occurs. Four tables in turn: one would wait for its own last store.
fn histogram(bytes: &[u8]) -> [u32; 256] {
    let mut tables = [[0_u32; 256]; 4];
    let (fours, rest) = bytes.as_chunks::<4>();
    for four in fours {
        for (table, &byte) in tables.iter_mut().zip(four) {
            table[usize::from(byte)] += 1;
        }
    }
    rest.iter().for_each(|&byte| tables[0][usize::from(byte)] += 1);
    let [mut sums, others @ ..] = tables;
    for other in others {
        sums.iter_mut().zip(other).for_each(|(sum, count)| *sum += count);
    }
    sums
}

/// Rows of so many bytes, at most [`ABREAST`], response after response; 0 where a row is missing.
fn side_by_side(rows: &[u8], len: usize) -> Table {
    let mut table = vec![[0; ABREAST]; len];
    // So few at a time that what is written stays in the first-level cache.
    for (index, some) in table.chunks_mut(64).enumerate() {
        for (lane, row) in rows.chunks(len).enumerate() {
            for (all, &byte) in some.iter_mut().zip(&row[index * 64..]) {
                all[lane] = byte;
            }
        }
    }
    table
}

/// The bits that any of them has.
fn any_bits(times: &[u32]) -> u32 {
    times.iter().fold(0, |bits, times| bits | times)
}

/// Cuts bytes into as many bit planes of so many words as there is room for, at most eight.
fn cut(bytes: &[u8], planes: &mut [u64], words: usize) {
    for (p, plane) in planes.chunks_mut(words).enumerate() {
        for (word, bytes) in plane.iter_mut().zip(bytes.chunks(64)) {
            let (eights, rest) = bytes.as_chunks::<8>();
            let mut last = [0; 8];
            last[..rest.len()].copy_from_slice(rest);
            for (group, &eight) in eights.iter().chain([&last]).enumerate().take(8) {
                let ones = (u64::from_le_bytes(eight) >> p) & 0x0101_0101_0101_0101;
                // The product gathers the eight bits in its top byte.
                *word |= (ones.wrapping_mul(0x0102_0408_1020_4080) >> 56) << (8 * group);
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

    /// A multiplicity put together again.
    fn value(replicate: Replicate<'_>, words: usize, response: usize) -> u64 {
        let bits = replicate.planes.chunks(words).enumerate();
        let low: u64 = bits.map(|(p, plane)| (plane[response / 64] >> (response % 64) & 1) << p).sum();
        let beyond = replicate.beyond.iter().filter(|&&(at, _)| at as usize == response);
        low + beyond.map(|&(_, more)| u64::from(more)).sum::<u64>()
    }

    #[test]
    fn what_is_seldom_is_a_list_and_replicates_lie_side_by_side() {
        let times = |replicate: u32| -> Vec<u32> {
            (0..700).map(|i| if i % 350 == replicate { 8 + 60 * (i % 4) } else { (i + replicate) % 8 }).collect()
        };
        let mut block = Block::new();
        let all: Vec<Vec<u32>> = (0..18).map(times).collect();
        all.iter().for_each(|times| block.push(times));
        for (r, times) in all.iter().enumerate() {
            let replicate = block.replicate(r);
            assert_eq!((replicate.planes.len(), replicate.beyond.len()), (3 * 11, 2));
            for (i, &times) in times.iter().enumerate() {
                assert_eq!(value(replicate, 11, i), u64::from(times));
                assert_eq!(u32::from(block.abreast().unwrap()[r / ABREAST][i][r % ABREAST]), times);
            }
        }
        assert_eq!((block.abreast().unwrap().len(), block.abreast().unwrap()[1][5][2]), (2, 0));
        let often: Vec<u32> = (0..700).map(|i| i % 9).collect();
        block.push(&often);
        assert_eq!((block.replicate(18).planes.len(), block.replicate(18).beyond.len()), (4 * 11, 0));
        assert_eq!(block.abreast().unwrap()[1][8][2], 8);
    }

    #[test]
    fn planes_and_bounds_are_those_of_the_multiplicities() {
        let times: Vec<u32> = (0..150).map(|i| if i == 77 { 5000 } else { (i * i) % 7 }).collect();
        let mut block = Block::new();
        block.push(&[0; 150]);
        block.push(&times);
        assert!(block.replicate(0).planes.is_empty());
        for (i, &expected) in times.iter().enumerate() {
            assert_eq!(value(block.replicate(1), 3, i), u64::from(expected));
        }
        let mut sorted = times.clone();
        sorted.sort_unstable_by(|a, b| b.cmp(a));
        for count in 0..=150_u32 {
            let most: u32 = sorted[..count as usize].iter().sum();
            assert_eq!((block.most(0, count), block.most(1, count)), (0, u64::from(most)));
        }
        assert!(block.abreast().is_none());
        block.push(&[1, 1, 2]);
        assert_eq!((block.most(2, 1), block.most(2, 2), block.len()), (2, 3, 3));
    }
}
