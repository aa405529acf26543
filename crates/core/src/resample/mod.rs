//! Bootstrap: independent units (responses, prompts, problems) drawn with replacement, as many as there are.

mod draws;
#[cfg(target_arch = "x86_64")]
mod x86;

use crate::error::{Error, Result};

pub use draws::Draws;
pub(crate) use draws::{PLANES, words};

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
