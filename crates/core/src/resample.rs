//! Bootstrap: independent units (responses, prompts, problems) drawn with replacement, as many as there are.

use crate::error::{Code, Error, Result};
use crate::random::{Purpose, Stream};

/// Greatest number of replicates that may be asked for.
pub const MAX_REPLICATES: u32 = 1_000_000;

/// Fails unless `replicates` lies between `least` and [`MAX_REPLICATES`].
pub(crate) fn check_replicates(replicates: u32, least: u32) -> Result<()> {
    if (least..=MAX_REPLICATES).contains(&replicates) {
        return Ok(());
    }
    Err(Error::option(
        "replicates",
        format!("replicates must be between {least} and {MAX_REPLICATES}, not {replicates}."),
    ))
}

/// How often each of `times.len()` units is drawn in replicate number `replicate` under `seed`.
///
/// The draws are frozen: 32-bit halves of the stream's words, low half first, mapped to units by Lemire's multiply
/// and reject. At most 2^32 − 1 units.
pub fn multiplicities(seed: u64, replicate: u32, times: &mut [u32]) -> Result<()> {
    let Ok(units) = u32::try_from(times.len()) else {
        return Err(Error::new(Code::TooLarge, "The bootstrap can resample at most 4,294,967,295 units."));
    };
    times.fill(0);
    if units == 0 {
        return Ok(());
    }
    let mut stream = Stream::new(seed, Purpose::Bootstrap, u64::from(replicate));
    let threshold = units.wrapping_neg() % units;
    let mut left = times.len();
    while left > 0 {
        let word = stream.next_u64();
        for half in [word & 0xffff_ffff, word >> 32] {
            let product = half * u64::from(units);
            // The low half of the product is what Lemire's test looks at.
            if left > 0 && product & 0xffff_ffff >= u64::from(threshold) {
                let unit = (product >> 32) as usize;
                times[unit] += 1;
                left -= 1;
            }
        }
    }
    Ok(())
}

/// Numbers the distinct labels 0, 1, … by first appearance; returns the number of each label and how many there are.
#[must_use]
pub fn number_labels(labels: &[u32]) -> (Vec<u32>, usize) {
    let mut seen = std::collections::HashMap::new();
    let numbers = labels
        .iter()
        .map(|&label| {
            #[expect(clippy::cast_possible_truncation, reason = "no more numbers than distinct 32-bit labels")]
            let next = seen.len() as u32;
            *seen.entry(label).or_insert(next)
        })
        .collect();
    (numbers, seen.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_frozen() {
        let mut times = [0; 8];
        multiplicities(0, 0, &mut times).unwrap();
        assert_eq!(times, FROZEN);
        multiplicities(0, 1, &mut times).unwrap();
        assert_ne!(times, FROZEN);
    }

    const FROZEN: [u32; 8] = [0, 2, 0, 2, 1, 1, 1, 1];

    #[test]
    fn every_unit_is_equally_likely() {
        let mut total = [0_u32; 5];
        let mut times = [0; 5];
        for replicate in 0..20_000 {
            multiplicities(3, replicate, &mut times).unwrap();
            assert_eq!(times.iter().sum::<u32>(), 5);
            for (total, times) in total.iter_mut().zip(times) {
                *total += times;
            }
        }
        // Expected 20,000 each, standard deviation 126.
        assert!(total.iter().all(|&count| count.abs_diff(20_000) < 650), "{total:?}");
    }

    #[test]
    fn labels_are_numbered_by_first_appearance() {
        assert_eq!(number_labels(&[7, 3, 7, 0]), (vec![0, 1, 0, 2], 3));
    }

    #[test]
    fn replicates_have_a_range() {
        assert!(check_replicates(0, 0).is_ok());
        assert_eq!(check_replicates(0, 1).unwrap_err().place.field.as_deref(), Some("replicates"));
        assert!(check_replicates(MAX_REPLICATES + 1, 1).is_err());
    }
}
