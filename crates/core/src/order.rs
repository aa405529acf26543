//! Sorting of numbers and of indices, compiled once for all callers: a sort of its own for each closure would be a twentieth
//! of the addon. What is long and sorted by a key of its own (ids, hashes, columns) sorts itself.

use std::cmp::Ordering;

/// Least first, in the order of [`f64::total_cmp`]: what is equal there has the same bits, so no order is lost.
pub fn ascending(values: &mut [f64]) {
    values.sort_unstable_by(f64::total_cmp);
}

/// Whole numbers, least first.
pub fn words(values: &mut [u64]) {
    values.sort_unstable();
}

/// Whole numbers of half the size, least first: digit by digit, the last first.
pub fn half_words(values: &mut Vec<u32>) {
    const BITS: usize = 11;
    if values.len() < 64 {
        // Tables would cost more than all else.
        for from in 1..values.len() {
            let place = values[..from].partition_point(|&value| value <= values[from]);
            values[place..=from].rotate_right(1);
        }
        return;
    }
    let digit = |value: u32, place: usize| value as usize >> (BITS * place) & ((1 << BITS) - 1);
    let mut starts = [[0_usize; 1 << BITS]; 3];
    for &value in &*values {
        starts.iter_mut().enumerate().for_each(|(place, counts)| counts[digit(value, place)] += 1);
    }
    let mut other = vec![0; values.len()];
    for (place, starts) in starts.iter_mut().enumerate() {
        let mut sum = 0;
        for start in starts.iter_mut() {
            (*start, sum) = (sum, sum + *start);
        }
        for &value in &*values {
            let start = &mut starts[digit(value, place)];
            other[*start] = value;
            *start += 1;
        }
        std::mem::swap(values, &mut other);
    }
}

/// Greatest first, the reverse of [`ascending`].
pub fn descending(values: &mut [f64]) {
    ascending(values);
    values.reverse();
}

/// Brings the `count` greatest of `values` to its end, in no order, and the greatest of the others before them; returns
/// that one and them. There must be more values than `count`.
pub fn split_greatest(values: &mut [f64], count: usize) -> (f64, &mut [f64]) {
    let (_, next, greatest) = values.select_nth_unstable_by(values.len() - 1 - count, f64::total_cmp);
    (*next, greatest)
}

/// Sorts indices by what they stand for; equal ones keep their order.
pub fn indices_by(indices: &mut [usize], compare: impl Fn(usize, usize) -> Ordering) {
    sort_indices(indices, &compare);
}

/// The same by a key, least first.
pub fn indices_by_key<K: Ord>(indices: &mut [usize], key: impl Fn(usize) -> K) {
    sort_indices(indices, &|a, b| key(a).cmp(&key(b)));
}

/// Sorts values of any kind; equal ones keep their order. By way of indices, for lists that are short or sorted once.
pub fn values_by<T>(values: &mut Vec<T>, compare: impl Fn(&T, &T) -> Ordering) {
    let mut indices: Vec<usize> = (0..values.len()).collect();
    sort_indices(&mut indices, &|a, b| compare(&values[a], &values[b]));
    let mut left: Vec<Option<T>> = values.drain(..).map(Some).collect();
    values.extend(indices.into_iter().filter_map(|index| left[index].take()));
}

/// The same by a key, least first.
pub fn values_by_key<T, K: Ord>(values: &mut Vec<T>, key: impl Fn(&T) -> K) {
    values_by(values, |a, b| key(a).cmp(&key(b)));
}

fn sort_indices(indices: &mut [usize], compare: &dyn Fn(usize, usize) -> Ordering) {
    indices.sort_by(|&a, &b| compare(a, b));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bits(values: &[f64]) -> Vec<u64> {
        values.iter().map(|value| value.to_bits()).collect()
    }

    proptest! {
        #[test]
        fn numbers_are_as_a_stable_sort_puts_them(values in prop::collection::vec(prop_oneof![-3.0..3.0f64, Just(0.0), Just(-0.0),
            Just(f64::NEG_INFINITY), Just(f64::INFINITY), Just(1.0)], 1..60), count in 0..60usize) {
            let mut plain = values.clone();
            plain.sort_by(f64::total_cmp);
            let mut sorted = values.clone();
            ascending(&mut sorted);
            prop_assert_eq!(bits(&sorted), bits(&plain));

            // By size alone, so that some are equal: these keep their order.
            let size = |value: &f64| value.abs();
            let mut stable = values.clone();
            stable.sort_by(|a, b| size(a).total_cmp(&size(b)));
            let [mut by_size, mut by_key] = [values.clone(), values.clone()];
            values_by(&mut by_size, |a, b| size(a).total_cmp(&size(b)));
            values_by_key(&mut by_key, |value| size(value).to_bits());
            prop_assert_eq!(bits(&by_size), bits(&stable));
            prop_assert_eq!(bits(&by_key), bits(&stable));

            let count = count % values.len();
            let mut split = values.clone();
            let (next, greatest) = split_greatest(&mut split, count);
            ascending(greatest);
            prop_assert_eq!(bits(greatest), bits(&plain[values.len() - count..]));
            prop_assert_eq!(next.to_bits(), plain[values.len() - 1 - count].to_bits());

            plain = values.clone();
            plain.sort_by(|a, b| b.total_cmp(a));
            sorted = values;
            descending(&mut sorted);
            prop_assert_eq!(bits(&sorted), bits(&plain));
        }

        #[test]
        fn equal_indices_keep_their_order(keys in prop::collection::vec(0..5u8, 0..60)) {
            let all: Vec<usize> = (0..keys.len()).collect();
            let mut expected: Vec<usize> = Vec::new();
            for key in 0..5 {
                expected.extend(all.iter().copied().filter(|&index| keys[index] == key));
            }
            let (mut by, mut by_key) = (all.clone(), all);
            indices_by(&mut by, |a, b| keys[a].cmp(&keys[b]));
            indices_by_key(&mut by_key, |index| keys[index]);
            prop_assert_eq!(&by, &expected);
            prop_assert_eq!(&by_key, &expected);
        }
    }

    #[test]
    fn half_words_are_sorted() {
        let mut stream = crate::random::Stream::new(1, crate::random::Purpose::Synthetic, 0);
        for len in [0, 1, 2, 30, 63, 64, 100, 20_000] {
            #[expect(clippy::cast_possible_truncation, reason = "any bits")]
            let mut values: Vec<u32> = (0..len).map(|_| (stream.next_u64() >> stream.below(60)) as u32).collect();
            let mut plain = values.clone();
            plain.sort_unstable();
            half_words(&mut values);
            assert_eq!(values, plain);
        }
    }
}
