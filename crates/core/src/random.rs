//! Random streams keyed by what they are for, never by thread.
//!
//! A [`Stream`] is ChaCha8 with a key made of the user's seed and a [`Purpose`], and a stream number
//! (replicate, run, shard). Everything derived from its bits (integers below a bound, uniform and
//! normal variates) is defined here, so values do not change with a dependency.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};

/// What a stream of random numbers is for. Streams of different purposes never overlap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[repr(u64)]
pub enum Purpose {
    /// Bootstrap weights; the index is the replicate.
    Bootstrap = 1,
    /// Responses (and prompts) drawn from a data distribution; the index is the run or shard.
    Data = 2,
    /// Order of a data set in an epoch; the index is the epoch.
    Shuffle = 3,
    /// Responses drawn from a model; the index is the response or shard.
    Sample = 4,
    /// Parameters of a problem or model (hidden signs, random features); the index tells them apart.
    Problem = 5,
    /// Monte Carlo estimates; the index is the shard.
    MonteCarlo = 6,
    /// Made-up inputs of demonstrations and benchmarks.
    Synthetic = 7,
    /// Orders in which bets are placed; the index tells them apart.
    Betting = 8,
    /// Counts of models that do not differ; the index is the replicate.
    NoiseAlone = 9,
    /// Responses that a model draws in training by policy gradient; the index tells runs and steps apart.
    Rollout = 10,
    /// Order in which a race scores responses.
    Race = 11,
    /// Reasonings drawn from a model; the index tells models and responses apart.
    Reasoning = 12,
}

/// Position of a [`Stream`], enough to go on from it bit for bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StreamState {
    /// The user's seed.
    pub seed: u64,
    /// What the stream is for.
    pub purpose: Purpose,
    /// Which stream of that purpose.
    pub index: u64,
    /// 32-bit words consumed so far; below 2^53 in any run that ends.
    pub words: u64,
}

/// A reproducible stream of random numbers.
#[derive(Clone, Debug)]
pub struct Stream {
    generator: ChaCha8Rng,
    seed: u64,
    purpose: Purpose,
    index: u64,
}

impl Stream {
    /// Stream number `index` of `purpose` under the user's `seed`.
    #[must_use]
    pub fn new(seed: u64, purpose: Purpose, index: u64) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8..16].copy_from_slice(&(purpose as u64).to_le_bytes());
        key[16..24].copy_from_slice(b"coverage");
        let mut generator = ChaCha8Rng::from_seed(key);
        generator.set_stream(index);
        Self { generator, seed, purpose, index }
    }

    /// The stream as it was when `state` was taken.
    #[must_use]
    pub fn resume(state: StreamState) -> Self {
        let mut stream = Self::new(state.seed, state.purpose, state.index);
        stream.generator.set_word_pos(u128::from(state.words));
        stream
    }

    /// Where the stream is.
    #[must_use]
    pub fn state(&self) -> StreamState {
        #[expect(clippy::cast_possible_truncation, reason = "a run consumes far fewer than 2^64 words")]
        let words = self.generator.get_word_pos() as u64;
        StreamState { seed: self.seed, purpose: self.purpose, index: self.index, words }
    }

    /// 64 random bits.
    #[inline]
    pub fn next_u64(&mut self) -> u64 {
        self.generator.next_u64()
    }

    /// Uniform on [0, 1), a multiple of 2^-53.
    #[inline]
    pub fn uniform(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// Uniform on {0, …, bound − 1}, without bias (Lemire's multiply and reject). `bound` must be positive.
    #[inline]
    pub fn below(&mut self, bound: u64) -> u64 {
        assert!(bound > 0, "a bound must be positive");
        let threshold = bound.wrapping_neg() % bound;
        loop {
            let product = u128::from(self.next_u64()) * u128::from(bound);
            #[expect(clippy::cast_possible_truncation, reason = "the low half is what Lemire's test looks at")]
            let low = product as u64;
            if low >= threshold {
                return (product >> 64) as u64;
            }
        }
    }

    /// Standard normal, by Box and Muller's transform (one of the pair is dropped, so that the number of words
    /// consumed does not depend on history). Uses `libm`, hence the same bits on every platform.
    #[inline]
    pub fn normal(&mut self) -> f64 {
        let radius = libm::sqrt(-2.0 * libm::log(1.0 - self.uniform()));
        radius * libm::cos(std::f64::consts::TAU * self.uniform())
    }

    /// −1 or +1, equally likely.
    #[inline]
    pub fn sign(&mut self) -> f64 {
        if self.next_u64() >> 63 == 0 { 1.0 } else { -1.0 }
    }

    /// Puts `items` in uniformly random order (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            #[expect(clippy::cast_possible_truncation, reason = "the draw is at most `last`")]
            let other = self.below(last as u64 + 1) as usize;
            items.swap(last, other);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resuming_gives_the_same_numbers() {
        let mut stream = Stream::new(7, Purpose::Data, 3);
        for _ in 0..17 {
            stream.normal();
        }
        let mut resumed = Stream::resume(stream.state());
        for _ in 0..100 {
            assert_eq!(stream.next_u64(), resumed.next_u64());
        }
    }

    #[test]
    fn purposes_and_indices_tell_streams_apart() {
        let first = |purpose, index| Stream::new(1, purpose, index).next_u64();
        assert_ne!(first(Purpose::Data, 0), first(Purpose::Data, 1));
        assert_ne!(first(Purpose::Data, 0), first(Purpose::Shuffle, 0));
    }

    #[test]
    fn values_are_frozen() {
        // Results recorded with a seed must be reproducible for ever: these bits may not change.
        let mut stream = Stream::new(0, Purpose::Bootstrap, 0);
        let drawn: Vec<u64> = (0..4).map(|_| stream.below(1000)).collect();
        assert_eq!(drawn, FROZEN_BELOW_1000);
    }

    const FROZEN_BELOW_1000: [u64; 4] = [825, 931, 381, 553];

    #[test]
    fn moments_are_those_of_the_distribution() {
        let mut stream = Stream::new(5, Purpose::MonteCarlo, 0);
        let n = 200_000;
        let (mut mean, mut square) = (0.0, 0.0);
        for _ in 0..n {
            let z = stream.normal();
            mean += z;
            square += z * z;
        }
        // Five standard errors.
        assert!((mean / f64::from(n)).abs() < 5.0 / f64::from(n).sqrt());
        assert!((square / f64::from(n) - 1.0).abs() < 5.0 * (2.0 / f64::from(n)).sqrt());
    }
}
