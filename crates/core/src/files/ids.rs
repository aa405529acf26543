//! Ids of responses and problems: kept once each, found fast, sorted in an order that depends on no locale.

use std::cmp::Ordering;
use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;
use hashbrown::hash_table::Entry as Place;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::reading::ScoresRead;
use crate::error::Result;
use crate::parallel::Workers;
use crate::progress::Control;

/// Ids that are sorted, or looked at, between two looks at whether to stop.
const RUN: usize = 1 << 16;

/// Distinct ids, numbered as they come.
pub(super) struct Ids {
    bytes: String,
    /// Where the id of each number ends in `bytes`.
    ends: Vec<usize>,
    table: HashTable<Entry>,
    /// Of the hashes, drawn anew for each table, so that no file can be made whose ids all have one.
    seed: u64,
}

/// A number and the hash of its id, so that a table that grows need not look at the ids again.
#[derive(Clone, Copy)]
struct Entry {
    number: u32,
    hash: u32,
}

/// The table goes by the highest and the lowest bits: all of them must depend on the hash.
fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ u64::from(hash)
}

impl Ids {
    pub(super) fn new() -> Self {
        Self { bytes: String::new(), ends: Vec::new(), table: HashTable::new(), seed: RandomState::new().hash_one(0) }
    }

    /// Makes room for `count` ids.
    pub(super) fn expect(&mut self, count: usize) {
        self.ends.reserve_exact(count);
        self.table.reserve(count, |entry| spread(entry.hash));
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The id of number `index`.
    pub(super) fn get(&self, index: usize) -> &str {
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        &self.bytes[start..self.ends[index]]
    }

    #[inline]
    fn bytes(&self, index: usize) -> &[u8] {
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        &self.bytes.as_bytes()[start..self.ends[index]]
    }

    /// Whether `id` is the id of number `index`.
    #[inline]
    pub(super) fn is(&self, index: usize, id: &[u8]) -> bool {
        index < self.len() && same(self.bytes(index), id)
    }

    /// The number of `id`, and whether it is new. `guesses` are looked at first: files of several models mostly have the same
    /// ids in the same order.
    #[inline]
    pub(super) fn number(&mut self, id: &str, guesses: [usize; 2]) -> (usize, bool) {
        if let Some(guess) = guesses.into_iter().find(|guess| self.is(*guess, id.as_bytes())) {
            return (guess, false);
        }
        let hash = self.hash(id);
        let (bytes, ends) = (&mut self.bytes, &mut self.ends);
        let is = |entry: &Entry| {
            let number = entry.number as usize;
            let start = if number == 0 { 0 } else { ends[number - 1] };
            entry.hash == hash && same(&bytes.as_bytes()[start..ends[number]], id.as_bytes())
        };
        let place = match self.table.entry(spread(hash), is, |entry| spread(entry.hash)) {
            Place::Occupied(entry) => return (entry.get().number as usize, false),
            Place::Vacant(place) => place,
        };
        let index = ends.len();
        bytes.push_str(id);
        ends.push(bytes.len());
        place.insert(Entry { number: index as u32, hash });
        (index, true)
    }

    fn hash(&self, id: &str) -> u32 {
        xxh3_64_with_seed(id.as_bytes(), self.seed) as u32
    }

    /// Forgets the id of the greatest number.
    pub(super) fn pop(&mut self) {
        let Some(last) = self.len().checked_sub(1) else { return };
        let hash = self.hash(self.get(last));
        if let Ok(entry) = self.table.find_entry(spread(hash), |entry| entry.number as usize == last) {
            entry.remove();
        }
        self.ends.pop();
        self.bytes.truncate(self.ends.last().copied().unwrap_or(0));
    }

    /// All numbers, in the order of their ids.
    pub(super) fn sorted(&self, workers: &Workers, control: &Control) -> Result<Vec<usize>> {
        if self.are_sorted(control)? {
            return Ok((0..self.len()).collect());
        }
        let mut keys: Vec<Key> = vec![Key::default(); self.len()];
        workers.for_each_chunk(&mut keys, RUN, control, |run, keys| {
            for (index, key) in keys.iter_mut().enumerate() {
                *key = Key::of(self.get(run * RUN + index), (run * RUN + index) as u32);
            }
            keys.sort_unstable_by(|a, b| self.order(a, b));
            Ok(())
        })?;
        // Runs are merged two by two, on all threads while there are several.
        let mut merged = keys.clone();
        let mut length = RUN;
        while length < keys.len() {
            workers.for_each_chunk(&mut merged, 2 * length, control, |pair, into| {
                let both = &keys[pair * 2 * length..][..into.len()];
                let (mut left, mut right) = both.split_at(length.min(both.len()));
                for (index, next) in into.iter_mut().enumerate() {
                    if index % RUN == 0 {
                        control.check()?;
                    }
                    let from = match (left.first(), right.first()) {
                        (Some(a), Some(b)) if self.order(a, b) == Ordering::Greater => &mut right,
                        (Some(_), _) => &mut left,
                        (None, _) => &mut right,
                    };
                    if let Some((first, rest)) = from.split_first() {
                        (*next, *from) = (*first, rest);
                    }
                }
                Ok(())
            })?;
            std::mem::swap(&mut keys, &mut merged);
            length *= 2;
        }
        Ok(keys.into_iter().map(|key| key.number as usize).collect())
    }

    fn are_sorted(&self, control: &Control) -> Result<bool> {
        for index in 1..self.len() {
            if index % RUN == 0 {
                control.check()?;
            }
            if compare(self.get(index - 1), self.get(index)) == Ordering::Greater {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn order(&self, a: &Key, b: &Key) -> Ordering {
        let by_key = (a.kind, a.begin).cmp(&(b.kind, b.begin));
        by_key.then_with(|| compare(self.get(a.number as usize), self.get(b.number as usize)))
    }
}

/// Stands between ids that are handed over as one text.
const BETWEEN: char = '\0';

impl ScoresRead {
    /// Takes out the ids of the responses as one text with U+0000 between them, of which a list is made only where it is
    /// wanted; `None`, with nothing taken, if there are none or one has that character.
    pub fn take_ids(&mut self) -> Option<String> {
        let plain = |ids: &Vec<String>| !ids.is_empty() && !ids.iter().any(|id| id.contains(BETWEEN));
        self.response_ids.take_if(|ids| plain(ids)).map(|ids| ids.join("\0"))
    }
}

/// Whether two texts are the same; short ones, as ids mostly are, without a call.
#[inline]
pub(super) fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    match (a.first_chunk::<8>(), a.last_chunk::<8>(), b.first_chunk::<8>(), b.last_chunk::<8>()) {
        (Some(first), Some(last), Some(other), Some(other_last)) if a.len() <= 16 => {
            first == other && last == other_last
        }
        (None, ..) => a.iter().zip(b).all(|(a, b)| a == b),
        _ => a == b,
    }
}

/// What decides about most pairs of ids without a look at them.
#[derive(Clone, Copy, Default)]
struct Key {
    /// Negative numbers by falling length, other numbers by growing length, texts.
    kind: u32,
    number: u32,
    /// The first eight bytes, so that a greater number comes later.
    begin: u64,
}

impl Key {
    fn of(id: &str, number: u32) -> Self {
        const ZERO: u32 = 1 << 30;
        let begin = |text: &str| {
            let mut first = [0; 8];
            let length = text.len().min(8);
            first[..length].copy_from_slice(&text.as_bytes()[..length]);
            u64::from_be_bytes(first)
        };
        let (kind, begin) = match whole(id) {
            Some((true, digits)) => (ZERO - 1 - digits.len() as u32, !begin(digits)),
            Some((false, digits)) => (ZERO + digits.len() as u32, begin(digits)),
            None => (u32::MAX, begin(id)),
        };
        Self { kind, number, begin }
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
        ids.number("one more", [usize::MAX; 2]);
        ids.pop();
        assert_eq!(ids.len(), 1000);
        assert_eq!(ids.number("another", [usize::MAX; 2]), (1000, true));
        ids.pop();
        assert_eq!(ids.get(999), "id 999");
        assert_eq!(ids.sorted(&Workers::sequential(), &Control::new()).unwrap()[..3], [0, 1, 10]);
    }

    #[test]
    fn sameness_is_equality() {
        let text: Vec<u8> = (0..40).collect();
        for length in 0..=text.len() {
            for other in 0..=text.len() {
                assert_eq!(same(&text[..length], &text[..other]), length == other);
            }
            for place in 0..length {
                let mut changed = text[..length].to_vec();
                changed[place] ^= 1;
                assert!(!same(&text[..length], &changed), "{place} of {length}");
            }
        }
    }

    #[test]
    fn sorting_in_runs_gives_the_order_of_comparing() {
        let mut ids = Ids::new();
        // Multiplied modulo a prime, so that the ids come in no order; 140,001 are two runs and a bit.
        for index in 0..140_001_u64 {
            let mixed = index * 7919 % 140_009;
            let id = match index % 4 {
                0 => format!("{mixed}"),
                1 => format!("-{mixed}"),
                2 => format!("response number {mixed}"),
                _ => format!("{mixed}\0{}", "x".repeat(index as usize % 5)),
            };
            ids.number(&id, [usize::MAX; 2]);
        }
        let mut expected: Vec<usize> = (0..ids.len()).collect();
        expected.sort_unstable_by(|&a, &b| compare(ids.get(a), ids.get(b)));
        for threads in [1, 2, 3] {
            let workers = Workers::new(Some(threads)).unwrap();
            assert_eq!(ids.sorted(&workers, &Control::new()).unwrap(), expected, "{threads} threads");
        }
        let stopped = Control::new();
        stopped.cancel();
        assert!(ids.sorted(&Workers::sequential(), &stopped).is_err());
    }
}
