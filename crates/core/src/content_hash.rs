//! A fast 128-bit content hash, stable for ever, for telling whether data has changed. It is not cryptographic: it
//! guards against mistakes, not against forgery.

use std::fmt;

/// Two lanes of 64 bits. Each word w changes a lane h to `rotl((h ^ w) · P, r)` with an odd constant P and a rotation r of
/// the lane's own; at the end the number of words goes in and each lane is mixed with the other (the finaliser of
/// SplitMix64). Every step is a bijection of the lane, so that one changed word always changes both lanes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContentHash([u64; 2]);

const MULTIPLIERS: [u64; 2] = [0x9e37_79b9_7f4a_7c15, 0xd6e8_feb8_6659_fd93];
const ROTATIONS: [u32; 2] = [29, 41];

impl Default for ContentHash {
    fn default() -> Self {
        Self::new()
    }
}

impl ContentHash {
    /// The state before any word.
    #[must_use]
    pub fn new() -> Self {
        Self([0x636f_7665_7261_6765, 0x7072_696e_6369_706c])
    }

    /// Takes one word in.
    #[inline]
    pub fn add(&mut self, word: u64) {
        for lane in 0..2 {
            self.0[lane] = (self.0[lane] ^ word).wrapping_mul(MULTIPLIERS[lane]).rotate_left(ROTATIONS[lane]);
        }
    }

    /// The hash, where `length` tells apart what padding would make equal.
    #[must_use]
    pub fn finish(mut self, length: u64) -> Self {
        self.add(length);
        let [a, b] = self.0;
        let first = mix(a ^ b.rotate_left(32));
        Self([first, mix(b ^ first)])
    }

    /// The hash of bytes: little-endian words of eight, the last filled up with zeros, and the number of bytes.
    #[must_use]
    pub fn of_bytes(bytes: &[u8]) -> Self {
        let mut hash = Self::new();
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            hash.add(u64::from_le_bytes(*word));
        }
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        hash.add(u64::from_le_bytes(last));
        hash.finish(bytes.len() as u64)
    }

    /// The 16 bytes of the hash.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.0[0].to_le_bytes());
        bytes[8..].copy_from_slice(&self.0[1].to_le_bytes());
        bytes
    }

    /// Reads 32 hexadecimal digits, as written by `Display`.
    #[must_use]
    pub fn parse(digits: &str) -> Option<Self> {
        if digits.len() != 32 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        let lane = |digits: &str| u64::from_str_radix(digits, 16).ok();
        Some(Self([lane(&digits[..16])?, lane(&digits[16..])?]))
    }
}

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}{:016x}", self.0[0], self.0[1])
    }
}

fn mix(mut word: u64) -> u64 {
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_frozen() {
        // Saved files carry these hashes: they may not change.
        assert_eq!(ContentHash::of_bytes(b"").to_string(), FROZEN_EMPTY);
        assert_eq!(ContentHash::of_bytes(b"coverage profile").to_string(), FROZEN_TEXT);
    }

    const FROZEN_EMPTY: &str = "571af97162960a51379924e19d601725";
    const FROZEN_TEXT: &str = "46d883818d303e466013768e85dda241";

    #[test]
    fn every_byte_and_the_length_count() {
        let bytes: Vec<u8> = (0..100).collect();
        let mut seen = std::collections::HashSet::from([ContentHash::of_bytes(&bytes).to_bytes()]);
        for place in 0..bytes.len() {
            for bit in 0..8 {
                let mut changed = bytes.clone();
                changed[place] ^= 1 << bit;
                assert!(seen.insert(ContentHash::of_bytes(&changed).to_bytes()));
            }
        }
        let zeros = [0; 40];
        for length in 0..zeros.len() {
            assert!(seen.insert(ContentHash::of_bytes(&zeros[..length]).to_bytes()));
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
