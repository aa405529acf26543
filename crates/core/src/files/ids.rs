//! Ids of responses and problems: kept once each, found fast, sorted in an order that depends on no locale.

use std::cmp::Ordering;
use std::hash::{BuildHasher, RandomState};
use std::hint::black_box;

use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::bytes::room;
use super::id_list::IdList;
use super::table::Texts;
use crate::error::Result;
use crate::parallel::Workers;
use crate::progress::Control;

/// Ids that are sorted, or looked at, between two looks at whether to stop.
const RUN: usize = 1 << 16;

/// Ids whose places in the table are fetched together: the way from memory is long, and nothing waits on it twice.
const AHEAD: usize = 64;

/// Distinct ids, numbered as they come.
pub(super) struct Ids {
    bytes: String,
    /// Where the id of each number ends in `bytes`.
    ends: Vec<usize>,
    /// A power of two of places, a quarter of them empty at least. An id has the first place that was empty from that of its hash
    /// on, when it came.
    table: Vec<Entry>,
    /// Places that are not empty.
    used: usize,
    /// Of the hashes, drawn anew for each table, so that no file can be made whose ids all have one.
    seed: u64,
}

/// A number and the hash of its id, so that a table that grows need not look at the ids again.
#[derive(Clone, Copy)]
struct Entry {
    number: u32,
    hash: u32,
}

impl Entry {
    const EMPTY: Self = Self { number: u32::MAX, hash: 0 };
}

impl Ids {
    pub(super) fn new() -> Self {
        let seed = RandomState::new().hash_one(0);
        Self { bytes: String::new(), ends: Vec::new(), table: Vec::new(), used: 0, seed }
    }

    /// Makes room for `count` ids.
    pub(super) fn expect(&mut self, count: usize) {
        if self.ends.is_empty() {
            self.ends = room(count);
        }
        self.make_room(count);
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
        self.make_room(1);
        self.number_hashed(id, self.hash(id.as_bytes()))
    }

    /// Appends the number of each of `ids`, the first of which is most likely that of number `guess`, and each of the others the
    /// one after that before it.
    pub(super) fn numbers(&mut self, ids: &Texts, mut guess: usize, numbers: &mut Vec<usize>) {
        let count = ids.ends.len();
        let mut hashes = [0; AHEAD];
        let mut row = 0;
        while row < count {
            if self.is(guess, ids.bytes_of(row)) {
                numbers.push(guess);
                (row, guess) = (row + 1, guess + 1);
                continue;
            }
            let block = row..count.min(row + AHEAD);
            row = block.end;
            self.make_room(block.len());
            let last = self.table.len() - 1;
            for (hash, row) in hashes.iter_mut().zip(block.clone()) {
                *hash = self.hash(ids.bytes_of(row));
            }
            // None of these loads waits for another.
            let fetched = hashes.iter().fold(0, |fetched, &hash| fetched ^ self.table[hash as usize & last].number);
            black_box(fetched);
            for (hash, row) in hashes.iter().zip(block) {
                let number = self.number_hashed(ids.get(row), *hash).0;
                numbers.push(number);
                guess = number + 1;
            }
        }
    }

    /// [`Ids::number`] of an id with this hash; there is room for it.
    #[inline]
    fn number_hashed(&mut self, id: &str, hash: u32) -> (usize, bool) {
        let last = self.table.len() - 1;
        let mut place = hash as usize & last;
        while self.table[place].number != Entry::EMPTY.number {
            let entry = self.table[place];
            if entry.hash == hash && self.is(entry.number as usize, id.as_bytes()) {
                return (entry.number as usize, false);
            }
            place = (place + 1) & last;
        }
        let number = self.ends.len();
        self.table[place] = Entry { number: number as u32, hash };
        self.used += 1;
        self.bytes.push_str(id);
        self.ends.push(self.bytes.len());
        (number, true)
    }

    fn hash(&self, id: &[u8]) -> u32 {
        xxh3_64_with_seed(id, self.seed) as u32
    }

    /// Sees to it that the table has room for `more` ids.
    #[inline]
    fn make_room(&mut self, more: usize) {
        if self.used + more > self.table.len() / 4 * 3 {
            self.grow(self.used + more);
        }
    }

    #[cold]
    fn grow(&mut self, count: usize) {
        let size = (count + count / 3 + 1).next_power_of_two().max(AHEAD);
        let mut table = room(size);
        table.resize(size, Entry::EMPTY);
        let before = std::mem::replace(&mut self.table, table);
        self.used = 0;
        for entry in before.into_iter().filter(|entry| (entry.number as usize) < self.ends.len()) {
            let mut place = entry.hash as usize & (size - 1);
            while self.table[place].number != Entry::EMPTY.number {
                place = (place + 1) & (size - 1);
            }
            self.table[place] = entry;
            self.used += 1;
        }
    }

    /// Forgets the id of the greatest number. Its entry stays and finds nothing: first there is no id of its number, and then one
    /// that is another or has an entry of its own.
    pub(super) fn pop(&mut self) {
        self.ends.pop();
        self.bytes.truncate(self.ends.last().copied().unwrap_or(0));
    }

    /// The ids of the numbers `order`.
    pub(super) fn into_list(self, order: &[usize]) -> IdList {
        let all = order.len() == self.len() && order.iter().enumerate().all(|(index, &number)| index == number);
        let order = (!all).then(|| order.iter().map(|&number| number as u32).collect());
        IdList::new(self.bytes, self.ends, order)
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
    use proptest::prelude::*;

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

    /// The obvious version: a list, looked through from its beginning.
    fn number_in(known: &mut Vec<String>, id: &str) -> usize {
        known.iter().position(|known| known == id).unwrap_or_else(|| {
            known.push(id.to_owned());
            known.len() - 1
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn numbers_are_those_of_a_list(
            steps in prop::collection::vec((0..4_u8, prop::collection::vec(0..400_usize, 1..200), 0..500_usize), 1..12),
        ) {
            let (mut ids, mut known) = (Ids::new(), Vec::new());
            ids.expect(steps[0].2);
            for (kind, rows, guess) in steps {
                let rows: Vec<String> = rows.into_iter().map(|row| "x".repeat(row % 19) + &row.to_string()).collect();
                match kind {
                    // Forgotten are as many as the list has of a hundred; they may come again.
                    0 => for _ in 0..guess / 5 {
                        ids.pop();
                        known.pop();
                    },
                    1 => for id in &rows {
                        let before = known.len();
                        let number = number_in(&mut known, id);
                        prop_assert_eq!(ids.number(id, [guess, usize::MAX]), (number, number == before));
                    },
                    _ => {
                        let mut texts = Texts::default();
                        rows.iter().for_each(|id| texts.push(id));
                        let expected: Vec<usize> = rows.iter().map(|id| number_in(&mut known, id)).collect();
                        let mut numbers = Vec::new();
                        ids.numbers(&texts, guess, &mut numbers);
                        prop_assert_eq!(numbers, expected);
                    }
                }
                prop_assert_eq!(ids.len(), known.len());
                prop_assert!(ids.used <= ids.table.len() / 4 * 3);
            }
            let all: Vec<&str> = (0..ids.len()).map(|number| ids.get(number)).collect();
            prop_assert_eq!(all, known);
        }
    }

    #[test]
    fn ids_of_one_hash_are_told_apart() {
        let mut ids = Ids::new();
        ids.expect(3 * AHEAD);
        // At the end of the table, so that the search goes on at its beginning.
        for _ in 0..2 {
            for index in 0..AHEAD {
                assert_eq!(ids.number_hashed(&format!("id {index}"), u32::MAX).0, index);
            }
        }
        assert_eq!(ids.number_hashed("id 7", 0), (AHEAD, true));
    }

    #[test]
    fn a_list_has_the_ids_of_its_order_and_no_others() {
        for order in [[0, 1, 2].as_slice(), &[2, 0, 1], &[0, 1], &[2, 0], &[]] {
            let mut ids = Ids::new();
            let texts = ["a", "", "é"];
            texts.iter().for_each(|id| _ = ids.number(id, [usize::MAX; 2]));
            let list = ids.into_list(order);
            assert!(list.iter().eq(order.iter().map(|&number| texts[number])), "{order:?}: {list:?}");
        }
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
