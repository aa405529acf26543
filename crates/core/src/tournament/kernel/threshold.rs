//! The least value that counts against a given one.
//!
//! `L[a,i] − L[b,i] ≥ log N`, subtracted in `f64`, is monotone in L[a,i]: rounding never reverses an order. So for
//! each L[b,i] there is a least double θ that counts, and the comparison becomes `L[a,i] ≥ θ[b,i]`, exactly, without
//! a subtraction in the inner loop. For `f32` input the least `f32` at or above θ serves as well: the values compared
//! are themselves `f32`. Thus `f32` input gives the counts of the same numbers widened, bit for bit.

use crate::log_probs::Float;

/// An element of a matrix that the kernels can count.
pub(in crate::tournament) trait Element: Float + PartialOrd {
    /// The least `Self` at or above a double; finite for finite doubles within the range of log-probabilities.
    fn at_or_above(value: f64) -> Self;
    /// −`self`, exactly.
    fn negated(self) -> Self;
    /// −∞.
    const NEG_INFINITY: Self;
    /// +∞.
    const INFINITY: Self;
    /// Not a number.
    const NAN: Self;
}

impl Element for f64 {
    #[inline(always)]
    fn at_or_above(value: f64) -> Self {
        value
    }
    #[inline(always)]
    fn negated(self) -> Self {
        -self
    }
    const NEG_INFINITY: Self = f64::NEG_INFINITY;
    const INFINITY: Self = f64::INFINITY;
    const NAN: Self = f64::NAN;
}

impl Element for f32 {
    #[inline(always)]
    fn at_or_above(value: f64) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "rounded to nearest, then moved up if that went down")]
        let nearest = value as f32;
        let bits = nearest.to_bits().cast_signed();
        // One place up in the order of floats; −0.0 becomes the least positive number, which is also above.
        let up = if bits >= 0 {
            bits + 1
        } else if nearest == 0.0 {
            1
        } else {
            bits - 1
        };
        if f64::from(nearest) < value { Self::from_bits(up.cast_unsigned()) } else { nearest }
    }
    #[inline(always)]
    fn negated(self) -> Self {
        -self
    }
    const NEG_INFINITY: Self = f32::NEG_INFINITY;
    const INFINITY: Self = f32::INFINITY;
    const NAN: Self = f32::NAN;
}

/// Whether `value` counts against `other`: the definition.
#[inline(always)]
pub(in crate::tournament) fn counts_against(value: f64, other: f64, log_n: f64) -> bool {
    value - other >= log_n
}

/// Writes θ of each of `values` to `thresholds`; for −∞ it is the least finite value.
#[inline(always)]
pub(super) fn write_thresholds<T: Element>(values: &[T], log_n: f64, thresholds: &mut [T]) {
    if log_n == 0.0 {
        // At N = 1 a value itself.
        let least = T::at_or_above(f64::MIN);
        let finite = |value| if value > T::NEG_INFINITY { value } else { least };
        thresholds.iter_mut().zip(values).for_each(|(threshold, &value)| *threshold = finite(value));
        return;
    }
    // Sums at or above log_n − half round to log_n or more (the tie included or not: the check decides).
    let half = (log_n - log_n.next_down()) / 2.0;
    for (values, thresholds) in values.chunks(64).zip(thresholds.chunks_mut(64)) {
        let mut proved = true;
        for (value, threshold) in values.iter().zip(thresholds.iter_mut()) {
            let (guess, proof) = guess(T::into(*value), log_n, half);
            *threshold = T::at_or_above(guess);
            proved &= proof;
        }
        if !proved {
            for (value, threshold) in values.iter().zip(thresholds) {
                *threshold = T::at_or_above(search(T::into(*value), log_n, half));
            }
        }
    }
}

/// θ by rounding the exact boundary `other + log_n − half`, and whether that is proved right: it counts, and the
/// double before it does not. No branches, so that the compiler can use vectors.
#[inline(always)]
fn guess(other: f64, log_n: f64, half: f64) -> (f64, bool) {
    // Knuth's sum: `sum + error` is exactly `other + log_n`.
    let sum = other + log_n;
    let part = sum - other;
    let error = (other - (sum - part)) + (log_n - part);
    let near = sum + (error - half);
    let bits = near.to_bits().cast_signed();
    let step = if near > 0.0 { 1 } else { -1 };
    let after = f64::from_bits((bits + step).cast_unsigned());
    let before = f64::from_bits((bits - step).cast_unsigned());
    let near_counts = counts_against(near, other, log_n);
    let (theta, previous) = if near_counts { (near, before) } else { (after, near) };
    let proof = (near != 0.0) & counts_against(theta, other, log_n) & !counts_against(previous, other, log_n);
    (theta, proof)
}

/// θ by bisection over all doubles, where the guess is not proved (−∞, and boundaries next to zero).
#[cold]
fn search(other: f64, log_n: f64, half: f64) -> f64 {
    if other == f64::NEG_INFINITY {
        return f64::MIN;
    }
    if let (theta, true) = guess(other, log_n, half) {
        return theta;
    }
    // Doubles in order, as integers: `key` of the least double that counts lies in (low, high].
    let from_key = |key: i64| f64::from_bits((if key >= 0 { key } else { i64::MIN - key }).cast_unsigned());
    let max = f64::MAX.to_bits().cast_signed();
    let (mut low, mut high) = (-max, max);
    if counts_against(from_key(low), other, log_n) {
        return from_key(low);
    }
    while low + 1 < high {
        let middle = low.midpoint(high);
        if counts_against(from_key(middle), other, log_n) { high = middle } else { low = middle }
    }
    from_key(high)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn log_prob() -> impl Strategy<Value = f64> {
        prop_oneof![
            -60.0..0.0f64,
            -2.0..1e-6f64,
            (0..40i32).prop_map(|k| -(2.0f64).powi(-k)),
            Just(0.0),
            Just(-0.0),
            Just(f64::NEG_INFINITY),
            Just(-1e-310),
            Just(-1e300),
        ]
    }

    fn log_n() -> impl Strategy<Value = f64> {
        prop_oneof![
            Just(0.0),
            Just(f64::EPSILON),
            0.0..8.0f64,
            -60.0..0.0f64,
            Just(0.0f64.next_up()),
            Just(-0.25),
            Just((-0.25f64).next_up()),
            Just(2.0f64.ln()),
            Just(4.0f64.ln()),
            Just(709.78)
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]

        #[test]
        fn the_threshold_counts_and_its_predecessor_does_not(other in log_prob(), near in log_prob(), log_n in log_n()) {
            // Also values whose threshold falls next to zero, where doubles are dense.
            for other in [other, near - log_n, -log_n, (-log_n).next_down(), (-log_n).next_up()] {
                let mut theta = [0.0];
                write_thresholds(&[other], log_n, &mut theta);
                prop_assert!(counts_against(theta[0], other, log_n));
                prop_assert!(theta[0] == f64::MIN || !counts_against(theta[0].next_down(), other, log_n));
            }
        }

        #[test]
        fn single_precision_thresholds_decide_as_the_widened_comparison(other in log_prob(), log_n in log_n(), steps in -3..4i32) {
            #[expect(clippy::cast_possible_truncation, reason = "a value in single precision is wanted")]
            let other = other as f32;
            let mut theta = [0.0f32];
            write_thresholds(&[other], log_n, &mut theta);
            let mut value = theta[0];
            for _ in 0..steps.abs() {
                value = if steps > 0 { value.next_up() } else { value.next_down() };
            }
            prop_assert_eq!(value >= theta[0], counts_against(value.into(), other.into(), log_n));
        }
    }
}
