//! From the bytes of a two-dimensional array to rows, one a model.

use std::sync::Arc;

use half::{bf16, f16};

use super::array::{Dtype, Layout};
use super::file::Bytes;
use super::rows::{Float, Row, Rows};
use crate::error::{Code, Error, Result};
use crate::parallel::Workers;
use crate::progress::Control;

/// Values decoded between two looks at the cancellation flag.
const CHUNK: usize = 1 << 16;

/// Models whose values are copied together when responses vary slowest: one cache line of f32.
const BLOCK: usize = 16;

/// The elements of one array, as they lie in the file.
pub(super) struct Elements<'a> {
    pub(super) layout: &'a Layout,
    /// Exactly `layout.bytes` bytes.
    pub(super) bytes: &'a [u8],
    /// The file that `bytes` is part of, and where in it; `None` if they were inflated.
    pub(super) place: Option<(Arc<Bytes>, usize)>,
}

/// How the two axes of the matrix lie in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Axes {
    pub(super) models: usize,
    pub(super) responses: usize,
    /// The values of one model lie side by side.
    pub(super) models_outer: bool,
}

/// The rows of the matrix; f2, bf16 and f4 give single precision, f8 double. Native values in model order are left
/// where they lie in the file, unless they are to be negated.
pub(super) fn gather(
    elements: &Elements<'_>,
    axes: Axes,
    negate: bool,
    workers: &Workers,
    control: &Control,
) -> Result<Rows> {
    let big = elements.layout.big_endian;
    let in_place = match elements.layout.dtype {
        Dtype::F32 => in_place(elements, axes, negate).map(Rows::F32),
        Dtype::F64 => in_place(elements, axes, negate).map(Rows::F64),
        _ => None,
    };
    if let Some(rows) = in_place {
        return Ok(rows);
    }
    // Each reading function is a type of its own, so that it is inlined into the loops.
    macro_rules! copied {
        ($kind:ident, $read:expr) => {
            copied(elements.bytes, axes, negate, $read, workers, control).map(Rows::$kind)
        };
    }
    match (elements.layout.dtype, big) {
        (Dtype::F32, false) => copied!(F32, f32::from_le_bytes),
        (Dtype::F32, true) => copied!(F32, f32::from_be_bytes),
        (Dtype::F64, false) => copied!(F64, f64::from_le_bytes),
        (Dtype::F64, true) => copied!(F64, f64::from_be_bytes),
        (Dtype::F16, false) => copied!(F32, |bytes| f16::from_le_bytes(bytes).to_f32()),
        (Dtype::F16, true) => copied!(F32, |bytes| f16::from_be_bytes(bytes).to_f32()),
        (Dtype::BF16, false) => copied!(F32, |bytes| bf16::from_le_bytes(bytes).to_f32()),
        (Dtype::BF16, true) => copied!(F32, |bytes| bf16::from_be_bytes(bytes).to_f32()),
        (other, _) => Err(Error::new(Code::Internal, format!("gather was given {}.", other.name()))),
    }
}

/// Rows that stay where they lie in the file; `None` if they cannot.
fn in_place<T: Float>(elements: &Elements<'_>, axes: Axes, negate: bool) -> Option<Vec<Row<T>>> {
    if !axes.models_outer || negate || !elements.layout.is_native() {
        return None;
    }
    let (file, offset) = elements.place.as_ref()?;
    let bytes = axes.responses * size_of::<T>();
    (0..axes.models).map(|model| Row::in_file(Arc::clone(file), offset + model * bytes, axes.responses)).collect()
}

fn copied<T: Float + std::ops::Sub<Output = T>, const SIZE: usize>(
    bytes: &[u8],
    axes: Axes,
    negate: bool,
    read: impl Fn([u8; SIZE]) -> T + Sync,
    workers: &Workers,
    control: &Control,
) -> Result<Vec<Row<T>>> {
    let Axes { models, responses, models_outer } = axes;
    check_memory(models, responses, size_of::<T>())?;
    let (values, _) = bytes.as_chunks::<SIZE>();
    let zero = read([0; SIZE]);
    // Subtracting from zero leaves no negative zero behind.
    let value = |bytes: &[u8; SIZE]| if negate { zero - read(*bytes) } else { read(*bytes) };
    let empty_row = || std::iter::repeat_n(zero, responses).collect::<Arc<[T]>>();

    if models_outer {
        return workers.map(models, control, |model| {
            // Of known length: written once, in place.
            Ok(Row::Owned(values[model * responses..][..responses].iter().map(value).collect()))
        });
    }
    let blocks = workers.map(models.div_ceil(BLOCK), control, |block| {
        let first = block * BLOCK;
        let mut rows: Vec<Arc<[T]>> = (first..models.min(first + BLOCK)).map(|_| empty_row()).collect();
        let mut open = rows.iter_mut().map(unshared).collect::<Result<Vec<&mut [T]>>>()?;
        for response in 0..responses {
            if response.is_multiple_of(CHUNK / BLOCK) {
                control.check()?;
            }
            let from = &values[response * models + first..][..open.len()];
            open.iter_mut().zip(from).for_each(|(row, from)| row[response] = value(from));
        }
        Ok(rows)
    })?;
    Ok(blocks.into_iter().flatten().map(Row::Owned).collect())
}

fn unshared<T>(row: &mut Arc<[T]>) -> Result<&mut [T]> {
    Arc::get_mut(row).ok_or_else(|| Error::new(Code::Internal, "A row was shared before it was filled."))
}

/// Asks for all the memory at once and gives it back, so that a refusal is an error and not an abort.
pub(super) fn check_memory(rows: usize, columns: usize, size: usize) -> Result<()> {
    let bytes = rows.checked_mul(columns).and_then(|values| values.checked_mul(size));
    let granted = bytes.is_some_and(|bytes| Vec::<u8>::new().try_reserve_exact(bytes).is_ok());
    if granted {
        return Ok(());
    }
    Err(Error::new(
        Code::TooLarge,
        format!(
            "{rows}×{columns} values do not fit into memory: save them as native float32 or float64 with models in rows (.npy in C order or .safetensors), which is mapped instead of copied."
        ),
    ))
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

/// The strings of a text array, without the NULs they are padded with; `None` if they are not Unicode.
pub(super) fn texts(layout: &Layout, bytes: &[u8]) -> Option<Vec<String>> {
    let size = layout.dtype.size().ok()?;
    if size == 0 {
        return Some(vec![String::new(); layout.len]);
    }
    let text = |element: &[u8]| match layout.dtype {
        Dtype::Text(_) => {
            let text: Option<String> = element
                .as_chunks::<4>()
                .0
                .iter()
                .map(|&bytes| if layout.big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
                .map(char::from_u32)
                .collect();
            text.map(|text| text.trim_end_matches('\0').to_owned())
        }
        _ => std::str::from_utf8(element).ok().map(|text| text.trim_end_matches('\0').to_owned()),
    };
    bytes.chunks_exact(size).map(text).collect()
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
            (big, models_outer, negate) in any::<(bool, bool, bool)>(),
            threads in 1_usize..4,
            seed in any::<u32>(),
        ) {
            // Small multiples of 1/4, exact in every format, zero and −∞ among them.
            let value = |model: usize, response: usize| {
                let step = (model * 31 + response * 7 + seed as usize) % 101;
                if step == 100 { f64::NEG_INFINITY } else { -(step as f64) / 4.0 }
            };
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
            let elements = Elements { layout: &layout, bytes: &bytes, place: None };
            let axes = Axes { models, responses, models_outer };
            let workers = Workers::new(Some(threads)).unwrap();
            let rows = gather(&elements, axes, negate, &workers, &Control::new()).unwrap();
            for model in 0..models {
                for response in 0..responses {
                    let found = match &rows {
                        Rows::F32(rows) => f64::from(rows[model][response]),
                        Rows::F64(rows) => rows[model][response],
                    };
                    let expected = if negate { 0.0 - value(model, response) } else { value(model, response) };
                    prop_assert_eq!(found, expected, "model {} response {}", model, response);
                }
            }
            prop_assert_eq!(matches!(rows, Rows::F64(_)), dtype == Dtype::F64);
        }
    }
}
