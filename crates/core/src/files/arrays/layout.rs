//! What a header says of an array: element type, byte order, shape, order of its axes.

use crate::error::{Code, Error, Result};

/// Element types that the readers understand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dtype {
    F16,
    BF16,
    F32,
    F64,
    I8,
    I16,
    I32,
    I64,
    U8,
    U16,
    U32,
    U64,
    Bool,
    /// NumPy `U`: UTF-32 text padded with NULs, this many characters an element.
    Text(usize),
    /// NumPy `S`: bytes padded with NULs, this many an element.
    ByteText(usize),
}

impl Dtype {
    /// Bytes of one element.
    pub(super) fn size(self) -> Result<usize> {
        Ok(match self {
            Self::I8 | Self::U8 | Self::Bool => 1,
            Self::F16 | Self::BF16 | Self::I16 | Self::U16 => 2,
            Self::F32 | Self::I32 | Self::U32 => 4,
            Self::F64 | Self::I64 | Self::U64 => 8,
            Self::ByteText(characters) => characters,
            Self::Text(characters) => characters.checked_mul(4).ok_or_else(too_many_bytes)?,
        })
    }

    /// Name for reports, spelled as NumPy and PyTorch spell it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::F16 => "float16",
            Self::BF16 => "bfloat16",
            Self::F32 => "float32",
            Self::F64 => "float64",
            Self::I8 => "int8",
            Self::I16 => "int16",
            Self::I32 => "int32",
            Self::I64 => "int64",
            Self::U8 => "uint8",
            Self::U16 => "uint16",
            Self::U32 => "uint32",
            Self::U64 => "uint64",
            Self::Bool => "bool",
            Self::Text(_) => "text",
            Self::ByteText(_) => "bytes",
        }
    }

    pub(super) fn is_float(self) -> bool {
        matches!(self, Self::F16 | Self::BF16 | Self::F32 | Self::F64)
    }

    pub(super) fn is_text(self) -> bool {
        matches!(self, Self::Text(_) | Self::ByteText(_))
    }
}

/// The header of one array, checked: its size in bytes is representable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) dtype: Dtype,
    pub(super) big_endian: bool,
    /// First axis varies fastest.
    pub(super) fortran: bool,
    pub(super) shape: Vec<usize>,
    /// Number of elements.
    pub(super) len: usize,
    /// Bytes of all elements.
    pub(super) bytes: usize,
}

impl Layout {
    pub(super) fn new(dtype: Dtype, big_endian: bool, fortran: bool, shape: Vec<usize>) -> Result<Self> {
        // A zero axis makes the product zero, yet the others must still be sane: they become loop bounds.
        let len = shape.iter().try_fold(1_usize, |product, &axis| product.checked_mul(axis.max(1)));
        let len = len.ok_or_else(too_many_bytes)?;
        let bytes = len.checked_mul(dtype.size()?).filter(|&bytes| isize::try_from(bytes).is_ok());
        let bytes = bytes.ok_or_else(too_many_bytes)?;
        let empty = shape.contains(&0);
        let (len, bytes) = if empty { (0, 0) } else { (len, bytes) };
        Ok(Self { dtype, big_endian, fortran, shape, len, bytes })
    }

    /// `10×5153 float64`, for messages.
    pub(super) fn describe(&self) -> String {
        let shape: Vec<String> = self.shape.iter().map(usize::to_string).collect();
        match shape.len() {
            0 => format!("a single {} value", self.dtype.name()),
            1 => format!("a 1-D array of {} {} values", shape[0], self.dtype.name()),
            axes => format!("a {axes}-D array ({}) of {} values", shape.join("×"), self.dtype.name()),
        }
    }
}

fn too_many_bytes() -> Error {
    Error::new(
        Code::MalformedFile,
        "the header claims an array of more bytes than any machine can address: the file is damaged, write it again.",
    )
}

/// Fails unless the array of `layout` fills exactly the `present` bytes after its header.
pub(super) fn check_extent(layout: &Layout, present: u64) -> Result<()> {
    let claimed = layout.bytes as u64;
    if present < claimed {
        return Err(Error::new(
            Code::MalformedFile,
            format!(
                "the file is truncated: its header promises {} ({claimed} bytes), {present} bytes follow. Copy or write it again.",
                layout.describe()
            ),
        ));
    }
    if present > claimed {
        return Err(Error::new(
            Code::MalformedFile,
            format!(
                "{} bytes follow the {} that the header promises. If several arrays were saved into one file, save them with np.savez.",
                present - claimed,
                layout.describe()
            ),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_overflowing_shape_is_malformed_even_beside_a_zero_axis() {
        for shape in [vec![usize::MAX, 2], vec![usize::MAX / 2], vec![0, usize::MAX, 3]] {
            let error = Layout::new(Dtype::F64, false, false, shape).unwrap_err();
            assert_eq!(error.code, Code::MalformedFile);
        }
        assert_eq!(Layout::new(Dtype::F64, false, false, vec![3, 0]).unwrap().bytes, 0);
    }
}
