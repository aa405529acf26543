//! A fast 128-bit content hash (XXH3), for telling whether data has changed. It is not cryptographic: it guards against
//! mistakes, not against forgery.

use std::fmt;

use xxhash_rust::xxh3::{Xxh3Default, xxh3_128};

/// The XXH3 hash of 128 bits of some bytes, the same on every machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContentHash(u128);

impl ContentHash {
    /// The hash of bytes.
    #[must_use]
    pub fn of_bytes(bytes: &[u8]) -> Self {
        Self(xxh3_128(bytes))
    }

    /// The 16 bytes of the hash, little-endian.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 16] {
        self.0.to_le_bytes()
    }

    /// Reads 32 hexadecimal digits, as written by `Display`.
    #[must_use]
    pub fn parse(digits: &str) -> Option<Self> {
        if digits.len() != 32 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        u128::from_str_radix(digits, 16).ok().map(Self)
    }
}

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// The hash of values that come one by one: that of their bits as little-endian bytes.
pub struct ValueHasher {
    state: Xxh3Default,
    /// The library takes in a block at a time much faster than a word at a time.
    block: Vec<u8>,
}

const BLOCK: usize = 4096;

impl Default for ValueHasher {
    fn default() -> Self {
        Self { state: Xxh3Default::new(), block: Vec::with_capacity(BLOCK) }
    }
}

impl ValueHasher {
    /// Takes one value in.
    #[inline]
    pub fn add(&mut self, value: f64) {
        self.block.extend_from_slice(&value.to_bits().to_le_bytes());
        if self.block.len() == BLOCK {
            self.state.update(&self.block);
            self.block.clear();
        }
    }

    /// The hash of all values taken in.
    #[must_use]
    pub fn finish(mut self) -> ContentHash {
        self.state.update(&self.block);
        ContentHash(self.state.digest128())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_frozen() {
        // Saved files carry these hashes: they may not change. The first is the one XXH3 publishes for no bytes.
        assert_eq!(ContentHash::of_bytes(b"").to_string(), "99aa06d3014798d86001c324468d497f");
        assert_eq!(ContentHash::of_bytes(b"coverage profile").to_string(), FROZEN);
    }

    const FROZEN: &str = "391872aa05b0aeceff7fc051c70eec09";

    #[test]
    fn values_one_by_one_are_their_bytes() {
        for length in [0, 1, 511, 512, 513, 2000] {
            let values: Vec<f64> = (0..length).map(|index| f64::from(index) * -0.37).collect();
            let mut hasher = ValueHasher::default();
            values.iter().for_each(|&value| hasher.add(value));
            let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            assert_eq!(hasher.finish(), ContentHash::of_bytes(&bytes));
        }
    }

    #[test]
    fn written_hashes_are_read_back() {
        let hash = ContentHash::of_bytes(b"x");
        assert_eq!(ContentHash::parse(&hash.to_string()), Some(hash));
        assert_eq!(ContentHash::parse("12"), None);
        assert_eq!(ContentHash::parse(&"+".repeat(32)), None);
    }
}
