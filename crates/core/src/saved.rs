//! The frame of files that keep a result: magic and version, a header in JSON, a body of numbers, a checksum.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::content_hash::ContentHash;
use crate::error::{Code, Error, Result};
use crate::json;

/// Bytes of the checksum at the end.
const CHECKSUM: usize = 16;

/// One kind of file. All integers are little-endian: 8 bytes magic and version; length of the header (u32); the header in
/// JSON; the body; 16 bytes [`ContentHash`] of everything before.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame {
    /// First bytes of the file; the last one is the version of the format.
    pub(crate) magic: &'static [u8; 8],
    /// What is kept, for messages: `saved race`.
    pub(crate) what: &'static str,
    /// What to do about a file of another version, for messages.
    pub(crate) otherwise: &'static str,
}

impl Frame {
    /// The bytes of a file; `body` appends its own, `size` of them.
    ///
    /// # Errors
    /// [`Code::TooLarge`] if the header needs 4 GiB.
    pub(crate) fn write(
        &self,
        header: &impl Serialize,
        size: usize,
        body: impl FnOnce(&mut Vec<u8>),
    ) -> Result<Vec<u8>> {
        let header = serde_json::to_vec(header)
            .map_err(|error| Error::new(Code::Internal, format!("The header of a {}: {error}.", self.what)))?;
        let length = u32::try_from(header.len())
            .map_err(|_| Error::new(Code::TooLarge, "The names of the models are too long to be saved."))?;
        let mut bytes = Vec::with_capacity(self.magic.len() + 4 + header.len() + size + CHECKSUM);
        bytes.extend(self.magic);
        bytes.extend(length.to_le_bytes());
        bytes.extend(header);
        body(&mut bytes);
        let checksum = ContentHash::of_bytes(&bytes);
        bytes.extend(checksum.to_bytes());
        Ok(bytes)
    }

    /// Header and body of what [`Frame::write`] wrote.
    ///
    /// # Errors
    /// [`Code::MalformedFile`] for anything else, cut off or altered bytes included.
    pub(crate) fn read<'a, H: DeserializeOwned>(&self, bytes: &'a [u8]) -> Result<(H, &'a [u8])> {
        let cut_off = || self.malformed("it is cut off");
        let body = bytes.strip_prefix(self.magic).ok_or_else(|| {
            self.malformed(&format!("it does not begin as one of this version does{}", self.otherwise))
        })?;
        let (whole, checksum) = bytes.split_last_chunk::<CHECKSUM>().ok_or_else(cut_off)?;
        if ContentHash::of_bytes(whole).to_bytes() != *checksum {
            return Err(self.malformed("it is cut off or altered, its checksum does not hold"));
        }
        let body = &body[..body.len().saturating_sub(CHECKSUM)];
        let (length, body) = body.split_first_chunk::<4>().ok_or_else(cut_off)?;
        let (header, body) = body
            .split_at_checked(u32::from_le_bytes(*length) as usize)
            .ok_or_else(|| self.malformed("its header is longer than the file"))?;
        let header = json::header(header).map_err(|error| self.malformed(&format!("its header is wrong, {error}")))?;
        Ok((header, body))
    }

    /// What is wrong with a file, as an error.
    pub(crate) fn malformed(&self, what: &str) -> Error {
        Error::new(Code::MalformedFile, format!("This is no {}: {what}.", self.what))
    }

    /// An error of what a file says: the file is wrong, not the caller. An abort stays one.
    pub(crate) fn inner(&self, error: Error) -> Error {
        match error.code {
            Code::Aborted => error,
            _ => self.malformed(error.message.trim_end_matches('.')),
        }
    }
}

/// The numbers of little-endian bytes; what is left over of a chunk does not count.
pub(crate) fn floats(bytes: &[u8]) -> Vec<f64> {
    bytes.as_chunks::<8>().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect()
}

/// As [`floats`].
pub(crate) fn words(bytes: &[u8]) -> Vec<u32> {
    bytes.as_chunks::<4>().0.iter().map(|bytes| u32::from_le_bytes(*bytes)).collect()
}
