//! Ids of responses and problems: kept once each, found fast, sorted in an order that depends on no locale.

use std::cmp::Ordering;
use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;

/// Distinct ids, numbered as they come.
pub(super) struct Ids {
    bytes: String,
    /// Where the id of each number ends in `bytes`.
    ends: Vec<usize>,
    table: HashTable<u32>,
    state: RandomState,
}

impl Ids {
    pub(super) fn new() -> Self {
        Self { bytes: String::new(), ends: Vec::new(), table: HashTable::new(), state: RandomState::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The id of number `index`.
    pub(super) fn get(&self, index: usize) -> &str {
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        &self.bytes[start..self.ends[index]]
    }

    /// The number of `id`, and whether it is new. `guesses` are looked at first: files of several models mostly have the same
    /// ids in the same order.
    #[inline]
    pub(super) fn number(&mut self, id: &str, guesses: [usize; 2]) -> (usize, bool) {
        for guess in guesses {
            if guess < self.len() && self.get(guess) == id {
                return (guess, false);
            }
        }
        let hash = self.state.hash_one(id);
        let at = |index: &u32| {
            let index = *index as usize;
            let start = if index == 0 { 0 } else { self.ends[index - 1] };
            &self.bytes[start..self.ends[index]]
        };
        if let Some(&index) = self.table.find(hash, |index| at(index) == id) {
            return (index as usize, false);
        }
        let index = self.ends.len();
        self.bytes.push_str(id);
        self.ends.push(self.bytes.len());
        let (bytes, ends, state) = (&self.bytes, &self.ends, &self.state);
        self.table.insert_unique(hash, index as u32, |&index| {
            let index = index as usize;
            let start = if index == 0 { 0 } else { ends[index - 1] };
            state.hash_one(&bytes[start..ends[index]])
        });
        (index, true)
    }

    /// All numbers, in the order of their ids.
    pub(super) fn sorted(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.len()).collect();
        if !order.is_sorted_by(|&a, &b| compare(self.get(a), self.get(b)) != Ordering::Greater) {
            order.sort_unstable_by(|&a, &b| compare(self.get(a), self.get(b)));
        }
        order
    }
}

/// Whole numbers by value, however large, before everything else by code point.
pub(super) fn compare(a: &str, b: &str) -> Ordering {
    match (whole(a), whole(b)) {
        (Some((false, a)), Some((false, b))) => a.len().cmp(&b.len()).then_with(|| a.cmp(b)),
        (Some((true, a)), Some((true, b))) => b.len().cmp(&a.len()).then_with(|| b.cmp(a)),
        (Some((a, _)), Some((b, _))) => b.cmp(&a),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => a.cmp(b),
    }
}

/// Whether a whole number is negative, and its digits; `None` unless it is written as a number is.
fn whole(id: &str) -> Option<(bool, &str)> {
    let (negative, digits) = id.strip_prefix('-').map_or((false, id), |digits| (true, digits));
    let plain = !digits.is_empty()
        && digits.bytes().all(|digit| digit.is_ascii_digit())
        && (!digits.starts_with('0') || id == "0");
    plain.then_some((negative, digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_by_value_then_the_rest() {
        let sorted =
            ["-12", "-3", "0", "7", "10", "9007199254740992", "9007199254740993", "", "-0", "007", "1.5", "a", "é"];
        for (i, a) in sorted.iter().enumerate() {
            for (j, b) in sorted.iter().enumerate() {
                assert_eq!(compare(a, b), i.cmp(&j), "{a} and {b}");
            }
        }
    }

    #[test]
    fn ids_are_numbered_as_they_come_whatever_is_guessed() {
        let mut ids = Ids::new();
        for guess in [0, 1, 500, usize::MAX] {
            for index in 0..1000 {
                let (number, new) = ids.number(&format!("id {index}"), [guess, index]);
                assert_eq!((number, new), (index, guess == 0));
            }
        }
        assert_eq!(ids.get(999), "id 999");
        assert_eq!(ids.sorted()[..3], [0, 1, 10]);
    }
}
