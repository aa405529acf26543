//! Numbers in the precision that they are stored in.

use std::ops::Range;

/// Numbers of double or single precision. All computing is in double: single ones are widened as they are loaded, which
/// rounds nothing, so that both give the same bits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Values<'a> {
    /// Of double precision.
    F64(&'a [f64]),
    /// Of single precision.
    F32(&'a [f32]),
}

impl Values<'_> {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::F64(values) => values.len(),
            Self::F32(values) => values.len(),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of one.
    #[must_use]
    pub fn size(&self) -> usize {
        match self {
            Self::F64(_) => size_of::<f64>(),
            Self::F32(_) => size_of::<f32>(),
        }
    }

    /// Those of a range.
    #[must_use]
    pub fn range(self, range: Range<usize>) -> Self {
        match self {
            Self::F64(values) => Self::F64(&values[range]),
            Self::F32(values) => Self::F32(&values[range]),
        }
    }
}
