//! Log-probabilities in fixed point: Q(L) = ⌊(L − base_i)·scale⌋ with a base for each response, small whole numbers whose
//! differences are nearly those of the values.
//!
//! A code is off by less than one downwards, and by rounding (of the difference, the scale and the product, each 2^-24 of at
//! most 2^16) by less than 2^-6. So the difference of two codes is less than 1 + 2^-5 from the scaled difference, whatever
//! the precision of the values. Responses at which rows lie too far apart for codes (−∞ among them) are left to the
//! comparisons, for all rows.

use std::ops::{Mul, Range, Sub};

use super::threshold::Element;
use crate::order;

/// Bits of a code. More bits leave fewer elements open and cost more operations: of 14 and 16 this was faster.
pub(super) const BITS: usize = 16;
/// Greatest code of so many bits.
pub(super) const MOST: f64 = ((1u32 << BITS) - 4) as f64;
/// One response in so many is left to the comparisons, and one in so many if that makes codes finer by far.
const LEFT_OUT: [usize; 2] = [2048, 64];
const FINER: f64 = 2.0;

/// An element that has a code.
pub(super) trait Coded: Element + Sub<Output = Self> + Mul<Output = Self> {
    /// Nearest value.
    fn rounded(value: f64) -> Self;

    /// The whole part.
    ///
    /// # Safety
    /// It is between 0 and 2^16 − 1.
    unsafe fn whole(self) -> u16;
}

macro_rules! coded {
    ($item:ty) => {
        impl Coded for $item {
            #[inline(always)]
            #[allow(clippy::cast_possible_truncation, clippy::allow_attributes, reason = "any base is right")]
            #[allow(clippy::unnecessary_cast, reason = "one of two precisions")]
            fn rounded(value: f64) -> Self {
                value as $item
            }

            #[inline(always)]
            unsafe fn whole(self) -> u16 {
                // SAFETY: as the caller says.
                unsafe { self.to_int_unchecked::<i32>() as u16 }
            }
        }
    };
}

coded!(f32);
coded!(f64);

/// The greatest and the least value of each response over all rows.
pub(super) struct Spans<T> {
    most: Vec<T>,
    least: Vec<T>,
}

impl<T: Coded> Spans<T> {
    /// Of a stretch of responses.
    #[inline(always)]
    pub(super) fn of(rows: &[&[T]], range: Range<usize>) -> Self {
        let mut most = vec![T::NEG_INFINITY; range.len()];
        let mut least = vec![T::INFINITY; range.len()];
        for row in rows {
            for ((&value, least), most) in row[range.clone()].iter().zip(&mut least).zip(&mut most) {
                *most = if value > *most { value } else { *most };
                *least = if value < *least { value } else { *least };
            }
        }
        Self { most, least }
    }

    /// Those of stretches one after another.
    pub(super) fn joined(stretches: Vec<Self>) -> Self {
        let mut all = Self { most: Vec::new(), least: Vec::new() };
        for Self { most, least } in stretches {
            all.most.extend(most);
            all.least.extend(least);
        }
        all
    }

    /// How far apart rows lie, in nats, at all responses but the few where they lie farthest apart; infinite if impossible
    /// ones are not few.
    pub(super) fn range(&self) -> f64 {
        let mut ranges: Vec<f64> =
            self.most.iter().zip(&self.least).map(|(&most, &least)| distance(most, least)).collect();
        if ranges.is_empty() {
            return f64::INFINITY;
        }
        let few = LEFT_OUT.map(|one_in| ranges.len() / one_in);
        let [widest, narrower] = few.map(|few| order::split_greatest(&mut ranges, few).0);
        if widest > FINER * narrower { narrower } else { widest }
    }

    /// The responses at which some row has no code at this scale, codes being at most `most`: [`Spans::encode`] gives none
    /// to any row there.
    pub(super) fn leave_out(&mut self, scale: f64, most: f64) -> Vec<usize> {
        let far = |at: &usize| distance(self.most[*at], self.least[*at]) * scale > most;
        let left_out: Vec<usize> = (0..self.most.len()).filter(far).collect();
        for &at in &left_out {
            self.least[at] = T::INFINITY;
        }
        left_out
    }

    /// Writes the codes of one row at a stretch of responses, 0 where there is none: no difference, nothing counts.
    #[inline(always)]
    pub(super) fn encode(&self, row: &[T], range: Range<usize>, scale: f64, codes: &mut [u16]) {
        let (scale, most) = (T::rounded(scale), T::rounded(MOST + 1.0));
        let (row, least) = (&row[range.clone()], &self.least[range]);
        for ((code, &value), &least) in codes.iter_mut().zip(row).zip(least) {
            let place = (value - least) * scale;
            // False for what was left out.
            let inside = place >= T::rounded(0.0) && place <= most;
            // SAFETY: between 0 and `most`.
            *code = unsafe { (if inside { place } else { T::rounded(0.0) }).whole() };
        }
    }
}

/// NaN-free: what cannot be subtracted is infinitely far apart.
fn distance<T: Coded>(most: T, least: T) -> f64 {
    let distance: f64 = most.into() - least.into();
    if distance.is_nan() { f64::INFINITY } else { distance }
}
