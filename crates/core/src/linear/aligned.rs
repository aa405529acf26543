//! Numbers on the boundaries of cache lines.

use std::ops::Deref;

use crate::error::{Code, Error, Result};

/// Numbers of a cache line.
const LINE: usize = 8;

/// One cache line, which is one vector of 512 bits.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
struct Line([f64; LINE]);

/// Numbers that begin at a multiple of 64 bytes. A vector of 512 bits that is loaded from elsewhere lies on two cache
/// lines and takes twice as long: a quarter of the time of a training step whose features are at hand.
#[derive(Clone, Debug)]
pub(super) struct Aligned {
    lines: Vec<Line>,
    len: usize,
}

impl Aligned {
    /// A copy of `values`.
    ///
    /// # Errors
    /// [`Code::TooLarge`] if there is no memory for it.
    pub(super) fn copy_of(values: &[f64]) -> Result<Self> {
        let count = values.len().div_ceil(LINE);
        let mut lines = Vec::new();
        lines.try_reserve_exact(count).map_err(|_| {
            Error::new(Code::TooLarge, format!("There is no memory for a copy of {} features.", values.len()))
        })?;
        let (whole, rest) = values.as_chunks::<LINE>();
        lines.extend(whole.iter().map(|&line| Line(line)));
        if !rest.is_empty() {
            let mut last = [0.0; LINE];
            last[..rest.len()].copy_from_slice(rest);
            lines.push(Line(last));
        }
        Ok(Self { lines, len: values.len() })
    }
}

impl Deref for Aligned {
    type Target = [f64];

    fn deref(&self) -> &[f64] {
        // SAFETY: lines are arrays of eight numbers without padding, one after another, and hold at least `len`.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.len) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_what_it_was_given_on_a_boundary() {
        for len in [0, 1, 7, 8, 9, 64, 1001] {
            let values: Vec<f64> = (0..u32::try_from(len).unwrap()).map(f64::from).collect();
            let aligned = Aligned::copy_of(&values).unwrap();
            assert_eq!(*aligned, *values);
            assert!((aligned.as_ptr() as usize).is_multiple_of(64));
        }
    }
}
