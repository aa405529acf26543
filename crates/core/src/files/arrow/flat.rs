//! Tables of the FlatBuffers format, as far as the metadata of Arrow uses it. Every place is looked up with its bounds.

use super::damaged;
use crate::error::Result;

/// A table inside a buffer.
#[derive(Clone, Copy)]
pub(super) struct Flat<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Where the offsets of its fields stand, and how many there are.
    offsets: usize,
    fields: usize,
}

fn number<const SIZE: usize>(bytes: &[u8], at: usize) -> Result<[u8; SIZE]> {
    let found = at.checked_add(SIZE).and_then(|end| bytes.get(at..end)).and_then(|bytes| bytes.first_chunk());
    found.copied().ok_or_else(|| damaged("its metadata ends early"))
}

impl<'a> Flat<'a> {
    /// The table that a buffer is about.
    pub(super) fn root(bytes: &'a [u8]) -> Result<Self> {
        Self::at(bytes, u32::from_le_bytes(number(bytes, 0)?) as usize)
    }

    fn at(bytes: &'a [u8], at: usize) -> Result<Self> {
        let back = i32::from_le_bytes(number(bytes, at)?) as isize;
        let offsets = at.checked_add_signed(-back).ok_or_else(|| damaged("its metadata is in no order"))?;
        let size = u16::from_le_bytes(number(bytes, offsets)?) as usize;
        if size < 4 || offsets + size > bytes.len() {
            return Err(damaged("its metadata ends early"));
        }
        Ok(Self { bytes, at, offsets: offsets + 4, fields: (size - 4) / 2 })
    }

    /// Where the value of a field stands; `None` if it has its default.
    fn field(&self, field: usize) -> Result<Option<usize>> {
        if field >= self.fields {
            return Ok(None);
        }
        let offset = u16::from_le_bytes(number(self.bytes, self.offsets + 2 * field)?) as usize;
        Ok((offset > 0).then_some(self.at + offset))
    }

    /// Whether a field is written down.
    pub(super) fn has(&self, field: usize) -> Result<bool> {
        Ok(self.field(field)?.is_some())
    }

    pub(super) fn byte(&self, field: usize) -> Result<u8> {
        self.field(field)?.map_or(Ok(0), |at| Ok(number::<1>(self.bytes, at)?[0]))
    }

    pub(super) fn int16(&self, field: usize) -> Result<i16> {
        self.field(field)?.map_or(Ok(0), |at| Ok(i16::from_le_bytes(number(self.bytes, at)?)))
    }

    pub(super) fn int32(&self, field: usize, otherwise: i32) -> Result<i32> {
        self.field(field)?.map_or(Ok(otherwise), |at| Ok(i32::from_le_bytes(number(self.bytes, at)?)))
    }

    pub(super) fn int64(&self, field: usize) -> Result<i64> {
        self.field(field)?.map_or(Ok(0), |at| Ok(i64::from_le_bytes(number(self.bytes, at)?)))
    }

    /// Where what a field refers to begins.
    fn target(&self, field: usize) -> Result<Option<usize>> {
        let Some(at) = self.field(field)? else { return Ok(None) };
        let target = at.checked_add(u32::from_le_bytes(number(self.bytes, at)?) as usize);
        Ok(Some(target.ok_or_else(|| damaged("its metadata is in no order"))?))
    }

    pub(super) fn table(&self, field: usize) -> Result<Option<Self>> {
        self.target(field)?.map(|at| Self::at(self.bytes, at)).transpose()
    }

    pub(super) fn text(&self, field: usize) -> Result<String> {
        let Some((at, length)) = self.vector(field, 1)? else { return Ok(String::new()) };
        let text = String::from_utf8(self.bytes[at..at + length].to_vec());
        text.map_err(|_| damaged("a name is not UTF-8"))
    }

    /// Where the elements of a vector begin, each of `size` bytes, and how many there are.
    fn vector(&self, field: usize, size: usize) -> Result<Option<(usize, usize)>> {
        let Some(at) = self.target(field)? else { return Ok(None) };
        let length = u32::from_le_bytes(number(self.bytes, at)?) as usize;
        let end = length.checked_mul(size).and_then(|bytes| bytes.checked_add(at + 4));
        if end.is_none_or(|end| end > self.bytes.len()) {
            return Err(damaged("its metadata ends early"));
        }
        Ok(Some((at + 4, length)))
    }

    /// The tables of a vector.
    pub(super) fn tables(&self, field: usize) -> Result<Vec<Self>> {
        let Some((at, length)) = self.vector(field, 4)? else { return Ok(Vec::new()) };
        let table = |index: usize| {
            let at = at + 4 * index;
            let target = at.checked_add(u32::from_le_bytes(number(self.bytes, at)?) as usize);
            Self::at(self.bytes, target.ok_or_else(|| damaged("its metadata is in no order"))?)
        };
        (0..length).map(table).collect()
    }

    /// A vector of pairs of whole numbers.
    pub(super) fn pairs(&self, field: usize) -> Result<Vec<[u64; 2]>> {
        let Some((at, length)) = self.vector(field, 16)? else { return Ok(Vec::new()) };
        let count = |at: usize| {
            let value = i64::from_le_bytes(number(self.bytes, at)?);
            u64::try_from(value).map_err(|_| damaged("its metadata has a negative length"))
        };
        (0..length).map(|index| Ok([count(at + 16 * index)?, count(at + 16 * index + 8)?])).collect()
    }

    /// The places in the file that a vector of blocks tells of, each with two lengths behind it.
    pub(super) fn blocks(&self, field: usize) -> Result<Vec<u64>> {
        let Some((at, length)) = self.vector(field, 24)? else { return Ok(Vec::new()) };
        (0..length).map(|index| Ok(u64::from_le_bytes(number(self.bytes, at + 24 * index)?))).collect()
    }

    /// Bytes of the buffer that the table is in.
    pub(super) fn length(&self) -> usize {
        self.bytes.len()
    }

    /// A vector of whole numbers.
    pub(super) fn counts(&self, field: usize) -> Result<Vec<u64>> {
        let Some((at, length)) = self.vector(field, 8)? else { return Ok(Vec::new()) };
        let count = |index: usize| {
            let value = i64::from_le_bytes(number(self.bytes, at + 8 * index)?);
            u64::try_from(value).map_err(|_| damaged("its metadata has a negative count"))
        };
        (0..length).map(count).collect()
    }
}
