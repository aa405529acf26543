//! Strings of NumPy's two kinds of text arrays.

use super::layout::{Dtype, Layout};
use crate::error::{Code, Error, Result};
use crate::files::bytes::check_memory;

/// Bytes that a string takes beside its characters.
const OVERHEAD: usize = size_of::<String>();

/// The strings of an array, without the NULs they are padded with, as its elements arrive.
pub(super) struct Texts {
    pub(super) strings: Vec<String>,
    dtype: Dtype,
    size: usize,
    big_endian: bool,
    what: String,
}

impl Texts {
    /// For the array of `layout`, called `what` in messages.
    ///
    /// # Errors
    /// [`Code::MalformedFile`] for empty strings that take no bytes, of which a header can claim any number;
    /// [`Code::TooLarge`] for more strings than memory holds.
    pub(super) fn new(layout: &Layout, what: &str) -> Result<Self> {
        let size = layout.dtype.size()?;
        if size == 0 && layout.len > 0 {
            return Err(Error::new(
                Code::MalformedFile,
                format!("{what} has {} empty strings, where names are needed that differ.", layout.len),
            ));
        }
        check_memory(layout.len.checked_mul(OVERHEAD), || {
            format!("the {} strings of {what} do not fit into memory.", layout.len)
        })?;
        Ok(Self {
            strings: Vec::new(),
            dtype: layout.dtype,
            size,
            big_endian: layout.big_endian,
            what: what.to_owned(),
        })
    }

    /// Takes a piece of whole elements.
    pub(super) fn take(&mut self, piece: &[u8]) -> Result<()> {
        for element in piece.chunks_exact(self.size) {
            let text = self
                .text(element)
                .ok_or_else(|| Error::new(Code::MalformedFile, format!("{} is not valid Unicode.", self.what)))?;
            self.strings.push(text);
        }
        Ok(())
    }

    fn text(&self, element: &[u8]) -> Option<String> {
        if matches!(self.dtype, Dtype::ByteText(_)) {
            return std::str::from_utf8(element).ok().map(|text| text.trim_end_matches('\0').to_owned());
        }
        let (characters, _) = element.as_chunks::<4>();
        // Padding is left out before characters are made: a wide array is mostly that.
        let used = characters.iter().rposition(|character| *character != [0; 4]).map_or(0, |last| last + 1);
        let code =
            |&bytes: &[u8; 4]| if self.big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) };
        characters[..used].iter().map(code).map(char::from_u32).collect()
    }
}
