//! From the bytes of arrays, as they arrive, to rows, one a model.

use std::ops::Sub;

use half::{bf16, f16};

use super::layout::{Dtype, Layout};
use crate::error::{Code, Error, Result};
use crate::files::bytes::{check_memory, room};
use crate::log_probs::{Float, Row, Rows, all_legal};

/// How the two axes of the matrix lie in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Axes {
    pub(super) models: usize,
    pub(super) responses: usize,
    /// The values of one model lie side by side.
    pub(super) models_outer: bool,
}

/// A matrix that is filled piece by piece: f2, bf16 and f4 give single precision, f8 double.
pub(super) enum Matrix {
    F32(Block<f32>),
    F64(Block<f64>),
}

impl Matrix {
    /// Room for a matrix whose axes lie as `axes` in the file; in double precision if `double`.
    pub(super) fn new(axes: Axes, double: bool) -> Result<Self> {
        Ok(if double { Self::F64(Block::new(axes)?) } else { Self::F32(Block::new(axes)?) })
    }

    /// Takes a piece of whole elements that follows the last one.
    pub(super) fn take(&mut self, layout: &Layout, negate: bool, piece: &[u8]) -> Result<()> {
        // Rare, and so in a pass of its own: every way of reading that the loops below know is compiled anew.
        let turned;
        let piece = if layout.big_endian {
            turned = turned_around(piece, layout.dtype.size()?);
            &turned
        } else {
            piece
        };
        match (self, layout.dtype) {
            (Self::F32(block), Dtype::F32) => block.take(piece, negate, f32::from_le_bytes),
            (Self::F32(block), Dtype::F16) => block.take(piece, negate, |bytes| f16::from_le_bytes(bytes).to_f32()),
            (Self::F32(block), Dtype::BF16) => block.take(piece, negate, |bytes| bf16::from_le_bytes(bytes).to_f32()),
            (Self::F64(block), Dtype::F64) => block.take(piece, negate, f64::from_le_bytes),
            (Self::F64(block), Dtype::F32) => block.take(piece, negate, |bytes| f64::from(f32::from_le_bytes(bytes))),
            (Self::F64(block), Dtype::F16) => block.take(piece, negate, |bytes| f16::from_le_bytes(bytes).to_f64()),
            (Self::F64(block), Dtype::BF16) => block.take(piece, negate, |bytes| bf16::from_le_bytes(bytes).to_f64()),
            (_, other) => Err(Error::new(Code::Internal, format!("{} was taken for log-probabilities.", other.name()))),
        }
    }

    /// Whether all values are known to be log-probabilities; if not, nothing is known of them.
    pub(super) fn is_legal(&self) -> bool {
        match self {
            Self::F32(block) => block.legal,
            Self::F64(block) => block.legal,
        }
    }

    /// The rows, one a model, once all elements were taken.
    pub(super) fn into_rows(self) -> Result<Rows> {
        Ok(match self {
            Self::F32(block) => Rows::F32(block.into_rows()?),
            Self::F64(block) => Rows::F64(block.into_rows()?),
        })
    }
}

/// The elements of a big-endian array as little-endian ones, `size` bytes each.
fn turned_around(piece: &[u8], size: usize) -> Vec<u8> {
    fn turn<const SIZE: usize>(bytes: &mut [u8]) {
        bytes.as_chunks_mut::<SIZE>().0.iter_mut().for_each(|element| element.reverse());
    }
    let mut turned = piece.to_vec();
    match size {
        2 => turn::<2>(&mut turned),
        4 => turn::<4>(&mut turned),
        _ => turn::<8>(&mut turned),
    }
    turned
}

/// 0 − x of each: so that nothing becomes negative zero.
fn subtract_from_zero<T: Float + Default + Sub<Output = T>>(values: &mut [T]) {
    values.iter_mut().for_each(|value| *value = T::default() - *value);
}

/// The values of a matrix, model after model, in one block of memory.
pub(super) struct Block<T> {
    axes: Axes,
    values: Vec<T>,
    taken: usize,
    /// All values so far were looked at, and are log-probabilities.
    legal: bool,
}

impl<T: Float + Default + Sub<Output = T>> Block<T> {
    pub(super) fn new(axes: Axes) -> Result<Self> {
        let Axes { models, responses, models_outer } = axes;
        let len = models.checked_mul(responses);
        check_memory(len.and_then(|len| len.checked_mul(size_of::<T>())), || {
            format!(
                "{models}×{responses} values do not fit into memory: read fewer models at a time, or save them as float32."
            )
        })?;
        let len = len.unwrap_or(0);
        let values = if models_outer {
            // Written once, in order.
            room(len)
        } else {
            vec![T::default(); len]
        };
        Ok(Self { axes, values, taken: 0, legal: models_outer })
    }

    /// Each reading function is a type of its own, so that it is inlined into the loops; values are negated while they are at hand.
    fn take<const SIZE: usize>(&mut self, piece: &[u8], negate: bool, read: impl Fn([u8; SIZE]) -> T) -> Result<()> {
        let (elements, _) = piece.as_chunks::<SIZE>();
        let Axes { models, responses, models_outer } = self.axes;
        if self.taken + elements.len() > models * responses {
            return Err(Error::new(Code::Internal, "An array has more elements than its shape."));
        }
        if models_outer {
            let before = self.values.len();
            self.values.extend(elements.iter().map(|&bytes| read(bytes)));
            if negate {
                subtract_from_zero(&mut self.values[before..]);
            }
            // Now that they are at hand.
            self.legal &= all_legal(&self.values[before..]);
            self.taken += elements.len();
            return Ok(());
        }
        let mut rest = elements;
        while !rest.is_empty() {
            let (response, model) = (self.taken / models, self.taken % models);
            // The rest of a response that was begun, or as many whole responses as there are.
            let whole = if model == 0 { rest.len() / models } else { 0 };
            let (now, later) = rest.split_at(if whole > 0 { whole * models } else { rest.len().min(models - model) });
            if whole > 0 {
                for model in 0..models {
                    let row = &mut self.values[model * responses + response..][..whole];
                    row.iter_mut().zip(now[model..].iter().step_by(models)).for_each(|(to, &bytes)| *to = read(bytes));
                    if negate {
                        subtract_from_zero(row);
                    }
                }
            } else {
                for (offset, &bytes) in now.iter().enumerate() {
                    let value = &mut self.values[(model + offset) * responses + response..][..1];
                    value[0] = read(bytes);
                    if negate {
                        subtract_from_zero(value);
                    }
                }
            }
            self.taken += now.len();
            rest = later;
        }
        Ok(())
    }

    fn into_rows(self) -> Result<Vec<Row<T>>> {
        if self.taken != self.axes.models * self.axes.responses {
            return Err(Error::new(Code::Internal, "An array has fewer elements than its shape."));
        }
        Ok(Row::split(self.values, self.axes.responses))
    }
}

/// A number of any element type.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Number {
    Int(i128),
    Float(f64),
}

/// The number in `bytes`, which hold one element of `layout`; `None` for text.
pub(super) fn number(layout: &Layout, bytes: &[u8]) -> Option<Number> {
    // As eight little-endian bytes, zero-padded; the sign is restored below.
    let mut padded = [0_u8; 8];
    padded.get_mut(..bytes.len())?.copy_from_slice(bytes);
    if layout.big_endian {
        padded[..bytes.len()].reverse();
    }
    let bits = u64::from_le_bytes(padded);
    let [low, high, ..] = padded;
    let quarter = [padded[0], padded[1], padded[2], padded[3]];
    Some(match layout.dtype {
        Dtype::F16 => Number::Float(f16::from_le_bytes([low, high]).to_f64()),
        Dtype::BF16 => Number::Float(bf16::from_le_bytes([low, high]).to_f64()),
        Dtype::F32 => Number::Float(f64::from(f32::from_le_bytes(quarter))),
        Dtype::F64 => Number::Float(f64::from_bits(bits)),
        Dtype::I8 => Number::Int(i128::from(i8::from_le_bytes([low]))),
        Dtype::I16 => Number::Int(i128::from(i16::from_le_bytes([low, high]))),
        Dtype::I32 => Number::Int(i128::from(i32::from_le_bytes(quarter))),
        Dtype::I64 => Number::Int(i128::from(i64::from_le_bytes(padded))),
        Dtype::U8 | Dtype::U16 | Dtype::U32 | Dtype::U64 => Number::Int(i128::from(bits)),
        Dtype::Bool => Number::Int(i128::from(bits != 0)),
        Dtype::Text(_) | Dtype::ByteText(_) => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The bytes of `value` as one element; halves are exact for the values that the test draws.
    fn encode(dtype: Dtype, big: bool, value: f64) -> Vec<u8> {
        let mut bytes = match dtype {
            Dtype::F16 => f16::from_f64(value).to_le_bytes().to_vec(),
            Dtype::BF16 => bf16::from_f64(value).to_le_bytes().to_vec(),
            Dtype::F32 => (value as f32).to_le_bytes().to_vec(),
            _ => value.to_le_bytes().to_vec(),
        };
        if big {
            bytes.reverse();
        }
        bytes
    }

    proptest! {
        #[test]
        fn every_layout_agrees_with_indexing_one_by_one(
            (models, responses) in (1_usize..40, 1_usize..40),
            dtype in prop::sample::select(vec![Dtype::F16, Dtype::BF16, Dtype::F32, Dtype::F64]),
            (big, models_outer, negate, double) in any::<(bool, bool, bool, bool)>(),
            piece in 1_usize..200,
            seed in any::<u32>(),
        ) {
            // Small multiples of 1/4, exact in every format, zero and −∞ among them.
            let value = |model: usize, response: usize| {
                let step = (model * 31 + response * 7 + seed as usize) % 101;
                if step == 100 { f64::NEG_INFINITY } else { -(step as f64) / 4.0 }
            };
            let any_below = (0..models * responses).any(|index| value(index / responses, index % responses) < 0.0);
            let elements = (0..models * responses).flat_map(|index| {
                let (model, response) = if models_outer {
                    (index / responses, index % responses)
                } else {
                    (index % models, index / models)
                };
                encode(dtype, big, value(model, response))
            });
            let bytes: Vec<u8> = elements.collect();
            let layout = Layout::new(dtype, big, !models_outer, vec![models, responses]).unwrap();
            let axes = Axes { models, responses, models_outer };
            let double = double || dtype == Dtype::F64;
            let mut matrix = Matrix::new(axes, double).unwrap();
            for piece in bytes.chunks(piece * dtype.size().unwrap()) {
                matrix.take(&layout, negate, piece).unwrap();
            }
            // All that are drawn are at most zero.
            prop_assert_eq!(matrix.is_legal(), models_outer && (!negate || !any_below));
            let rows = matrix.into_rows().unwrap();
            for model in 0..models {
                for response in 0..responses {
                    let found = match &rows {
                        Rows::F32(rows) => f64::from(rows[model][response]),
                        Rows::F64(rows) => rows[model][response],
                    };
                    let expected = if negate { 0.0 - value(model, response) } else { value(model, response) };
                    prop_assert_eq!(found, expected, "model {} response {}", model, response);
                    // Subtracting from zero leaves no negative zero behind.
                    prop_assert!(!negate || found != 0.0 || found.is_sign_positive());
                }
            }
            prop_assert_eq!(matches!(rows, Rows::F64(_)), double);
        }
    }
}
