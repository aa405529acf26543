//! Numbers on the boundaries of cache lines, in the precision that holds them.

use std::ops::{Deref, Range};

use super::values::Values;
use crate::error::{Code, Error, Result};

/// Bytes of a cache line.
const LINE: usize = 64;

/// One cache line, which is one vector of 512 bits.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
struct Line([u8; LINE]);

/// A number of which every pattern of bits is one, without padding.
trait Plain: Copy {}
impl Plain for f32 {}
impl Plain for f64 {}

/// Numbers that begin at a multiple of 64 bytes. A vector of 512 bits that is loaded from elsewhere lies on two cache
/// lines and takes twice as long: a quarter of the time of a training step whose features are at hand.
#[derive(Clone, Debug)]
pub(super) struct Aligned<T> {
    lines: Vec<Line>,
    len: usize,
    numbers: std::marker::PhantomData<T>,
}

#[expect(private_bounds, reason = "only the two precisions are meant")]
impl<T: Plain> Aligned<T> {
    /// `len` numbers, in order.
    ///
    /// # Errors
    /// [`Code::TooLarge`] if there is no memory for them.
    fn of(len: usize, numbers: impl Iterator<Item = T>) -> Result<Self> {
        let count = len.div_ceil(LINE / size_of::<T>());
        let mut lines = Vec::new();
        lines
            .try_reserve_exact(count)
            .map_err(|_| Error::new(Code::TooLarge, format!("There is no memory for a copy of {len} features.")))?;
        lines.resize(count, Line([0; LINE]));
        // SAFETY: lines are bytes without padding, one after another, at a boundary of any number, and hold at least
        // `len` numbers, of which zeros are some.
        let places = unsafe { std::slice::from_raw_parts_mut(lines.as_mut_ptr().cast::<T>(), len) };
        places.iter_mut().zip(numbers).for_each(|(place, number)| *place = number);
        Ok(Self { lines, len, numbers: std::marker::PhantomData })
    }
}

impl<T: Plain> Deref for Aligned<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        // SAFETY: as where they were written.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.len) }
    }
}

/// Numbers that are kept: in single precision if they are many and each of them is exactly such a number, which is half the
/// memory and half the time of reading it, else in double. Nothing is rounded.
#[derive(Clone, Debug)]
pub(super) enum Stored {
    /// In double precision.
    F64(Aligned<f64>),
    /// In single precision.
    F32(Aligned<f32>),
}

/// As many doubles are at hand in the second-level cache of a core, from which they are read in less time than it takes to
/// widen single ones: a training step on 256 KiB takes a third less.
const AT_HAND: usize = (1 << 20) / size_of::<f64>();

impl Stored {
    /// A copy of `values`.
    ///
    /// # Errors
    /// [`Code::TooLarge`] if there is no memory for it.
    pub(super) fn copy_of(values: &[f64]) -> Result<Self> {
        Self::copy(values, AT_HAND)
    }

    /// A copy of `values`, in double precision if they are no more than so many.
    pub(super) fn copy(values: &[f64], at_hand: usize) -> Result<Self> {
        // In stretches, so that the compiler uses vectors and the first other number ends the search.
        let are_single = values.len() > at_hand
            && values.chunks(512).all(|some| {
                some.iter().fold(true, |all, &value| all & (f64::from(single(value)).to_bits() == value.to_bits()))
            });
        Ok(if are_single {
            Self::F32(Aligned::of(values.len(), values.iter().map(|&value| single(value)))?)
        } else {
            Self::F64(Aligned::of(values.len(), values.iter().copied())?)
        })
    }

    /// All of them.
    pub(super) fn values(&self) -> Values<'_> {
        match self {
            Self::F64(values) => Values::F64(values),
            Self::F32(values) => Values::F32(values),
        }
    }

    /// Those of a range.
    pub(super) fn range(&self, range: Range<usize>) -> Values<'_> {
        self.values().range(range)
    }
}

#[expect(clippy::cast_possible_truncation, reason = "whether it is rounded is asked afterwards")]
fn single(value: f64) -> f32 {
    value as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_what_it_was_given_on_a_boundary() {
        for len in [0, 1, 7, 8, 9, 64, 1001] {
            let wide: Vec<f64> = (0..u32::try_from(len).unwrap()).map(|i| f64::from(i) + 0.1).collect();
            let narrow: Vec<f32> = wide.iter().map(|&value| single(value)).collect();
            let (double, as_narrow) =
                (Aligned::of(len, wide.iter().copied()).unwrap(), Aligned::of(len, narrow.iter().copied()).unwrap());
            assert_eq!(*double, *wide);
            assert_eq!(*as_narrow, *narrow);
            assert!((double.as_ptr() as usize).is_multiple_of(64) && (as_narrow.as_ptr() as usize).is_multiple_of(64));
        }
    }

    #[test]
    fn is_single_only_where_nothing_is_rounded() {
        let is_single = |values: &[f64]| matches!(Stored::copy(values, 0).unwrap(), Stored::F32(_));
        // Both zeros, the greatest and the least of single precision, those below its normal ones.
        let mut values =
            vec![0.0, -0.0, 0.5, -1.75, f64::from(f32::MAX), f64::from(f32::from_bits(1)), f64::from(0.1f32)];
        values.resize(1000, 3.0);
        assert!(is_single(&values) && !is_single(&[]));
        let stored = Stored::copy(&values, 999).unwrap();
        let Values::F32(narrow) = stored.range(1..1000) else { panic!("in double precision") };
        assert!(narrow.iter().zip(&values[1..]).all(|(&a, b)| f64::from(a).to_bits() == b.to_bits()));
        for other in [0.1, f64::from(f32::MAX) * 2.0, 1e-60, 1.0 + f64::EPSILON, f64::from(f32::from_bits(1)) / 2.0] {
            for place in [0, 511, 512, 999] {
                let mut values = values.clone();
                values[place] = other;
                assert!(!is_single(&values), "{other} at {place}");
                assert_eq!(Stored::copy(&values, 0).unwrap().values(), Values::F64(&values));
            }
        }
        assert!(matches!(Stored::copy(&values, 1000).unwrap(), Stored::F64(_)));
    }
}
