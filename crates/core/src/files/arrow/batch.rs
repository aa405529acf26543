//! From a record batch to the arrays of its columns.

use std::collections::HashMap;
use std::io::Read;
use std::sync::Arc;

use super::array::{Array, Data, Offsets, size};
use super::damaged;
use super::flat::Flat;
use super::schema::{Field, Type};
use crate::error::{Code, Error, Result};
use crate::files::bytes::{MOST_INFLATION, PIECE, RandomFile, check_memory, from_io, unreadable};
use crate::progress::Control;

/// Bytes that a buffer may have, however small its compressed form.
const SLACK: u64 = 1 << 20;

/// Dictionaries by number.
pub(super) type Dictionaries = HashMap<i64, Arc<Array>>;

/// The buffers of a batch, taken column by column.
pub(super) struct Buffers<'a> {
    file: &'a RandomFile,
    /// Where they lie.
    body: u64,
    size: u64,
    pub(super) length: usize,
    nodes: std::vec::IntoIter<[u64; 2]>,
    buffers: std::vec::IntoIter<[u64; 2]>,
    counts: std::vec::IntoIter<u64>,
    /// 0 for LZ4, 1 for zstd.
    compression: Option<u8>,
    dictionaries: &'a Dictionaries,
    /// Rows that a batch may have.
    most: u64,
    control: &'a Control,
}

impl<'a> Buffers<'a> {
    /// Those of a record batch whose body lies at `body` and has `size` bytes; `most` bounds what a column may claim.
    pub(super) fn new(
        batch: Flat<'_>,
        file: &'a RandomFile,
        (body, size): (u64, u64),
        most: u64,
        dictionaries: &'a Dictionaries,
        control: &'a Control,
    ) -> Result<Self> {
        let length = u64::try_from(batch.int64(0)?).ok().filter(|&length| length <= most);
        let length = length.ok_or_else(|| damaged("it claims more rows than a file of its size holds"))?;
        let compression = batch.table(3)?.map(|compression| compression.byte(0)).transpose()?;
        Ok(Self {
            file,
            body,
            size,
            length: length as usize,
            nodes: batch.pairs(1)?.into_iter(),
            buffers: batch.pairs(2)?.into_iter(),
            counts: batch.counts(4)?.into_iter(),
            compression,
            dictionaries,
            most,
            control,
        })
    }

    /// The next buffer, decompressed, or nothing if it is not wanted.
    fn buffer(&mut self, wanted: bool) -> Result<Vec<u8>> {
        let [offset, length] = self.buffers.next().ok_or_else(|| damaged("a column has too few buffers"))?;
        if offset.checked_add(length).is_none_or(|end| end > self.size) {
            return Err(damaged("a buffer lies outside of its batch"));
        }
        if !wanted || length == 0 {
            return Ok(Vec::new());
        }
        self.control.check()?;
        let stored = self.file.whole(self.body + offset, length as usize, self.control);
        let stored = stored.map_err(|error| from_io(error, unreadable))?;
        let Some(codec) = self.compression else { return Ok(stored.into_owned()) };
        let (claimed, packed) = stored.split_first_chunk::<8>().ok_or_else(|| damaged("a buffer ends early"))?;
        let claimed = i64::from_le_bytes(*claimed);
        if claimed == -1 {
            return Ok(packed.to_vec());
        }
        let most = length.saturating_mul(MOST_INFLATION).saturating_add(SLACK);
        let claimed = u64::try_from(claimed).ok().filter(|&claimed| claimed <= most);
        let claimed = claimed.ok_or_else(|| damaged("a buffer claims more than its bytes hold"))? as usize;
        check_memory(Some(claimed), || format!("A buffer of {claimed} bytes does not fit into memory."))?;
        let wrong = || damaged("a buffer cannot be decompressed to the size that it claims");
        let mut reader: Box<dyn Read> = match codec {
            0 => Box::new(lz4_flex::frame::FrameDecoder::new(packed)),
            1 => Box::new(zstd::stream::read::Decoder::with_buffer(packed).map_err(|_| wrong())?),
            _ => {
                let message =
                    "The Arrow file is compressed in a way that is not known here: write it with zstd or lz4.";
                return Err(Error::new(Code::UnsupportedFile, message));
            }
        };
        let mut bytes = vec![0; claimed];
        for piece in bytes.chunks_mut(PIECE) {
            self.control.check()?;
            reader.read_exact(piece).map_err(|_| wrong())?;
        }
        // It ends where it claims to.
        match reader.read(&mut [0]) {
            Ok(0) => Ok(bytes),
            _ => Err(wrong()),
        }
    }

    /// The next buffer, which has `needed` bytes at least.
    fn filled(&mut self, wanted: bool, needed: Option<usize>) -> Result<Vec<u8>> {
        let buffer = self.buffer(wanted)?;
        if wanted && needed.is_none_or(|needed| buffer.len() < needed) {
            return Err(damaged("a column has fewer values than it says"));
        }
        Ok(buffer)
    }

    /// The values of the next column, which is `field`; of parts that `wanted` refuses nothing is kept.
    pub(super) fn column(
        &mut self,
        field: &Field,
        wanted: &dyn Fn(&Field) -> bool,
        keep: bool,
    ) -> Result<Option<Array>> {
        if let Some((number, index)) = &field.dictionary {
            let indices = self.values(&field.name, index, &[], wanted, keep)?;
            let Some(indices) = indices else { return Ok(None) };
            let values = match self.dictionaries.get(number) {
                Some(values) => Arc::clone(values),
                // One that never came has no values, which is right where all are null.
                None => Arc::new(Array { length: 0, validity: None, data: Data::Null }),
            };
            let (length, validity) = (indices.length, indices.validity.clone());
            return Ok(Some(Array { length, validity, data: Data::Dictionary { indices: Box::new(indices), values } }));
        }
        self.values(&field.name, &field.kind, &field.children, wanted, keep)
    }

    fn values(
        &mut self,
        name: &str,
        kind: &Type,
        children: &[Field],
        wanted: &dyn Fn(&Field) -> bool,
        keep: bool,
    ) -> Result<Option<Array>> {
        let placed = |error: Error| {
            if error.code == Code::Aborted {
                error
            } else {
                let message = format!("Column '{name}': {}", error.message);
                error.saying(message)
            }
        };
        let [length, nulls] = self.nodes.next().ok_or_else(|| damaged("a batch has too few columns"))?;
        if length > self.most {
            return Err(placed(damaged("it claims more values than a file of its size holds")));
        }
        let length = length as usize;
        let validity = match kind {
            Type::Null => None,
            _ => {
                let bits = self.buffer(keep && nulls > 0)?;
                if keep && nulls > 0 && bits.len() < length.div_ceil(8) {
                    return Err(placed(damaged("it does not say which values are null")));
                }
                (nulls > 0).then_some(bits)
            }
        };
        let data = match kind {
            Type::Null => Data::Null,
            Type::Flag => Data::Flags(self.filled(keep, Some(length.div_ceil(8))).map_err(placed)?),
            Type::Bytes { wide, text } => {
                let offsets = self.buffer(keep)?;
                let bytes = self.buffer(keep)?;
                let count = if keep { length } else { 0 };
                Data::Bytes {
                    offsets: Offsets::new(offsets, *wide, count, bytes.len()).map_err(placed)?,
                    bytes,
                    text: *text,
                }
            }
            Type::Views { text } => {
                let views = self.filled(keep, length.checked_mul(16)).map_err(placed)?;
                let count =
                    self.counts.next().ok_or_else(|| damaged("a column does not say how many buffers it has"))?;
                let mut buffers = Vec::new();
                for _ in 0..count {
                    buffers.push(self.buffer(keep)?);
                }
                Data::Views { views, buffers, text: *text }
            }
            Type::List { wide } => {
                let offsets = self.buffer(keep)?;
                let child = self.child(children, wanted, keep)?;
                let count = if keep { length } else { 0 };
                let offsets = Offsets::new(offsets, *wide, count, child.length).map_err(placed)?;
                Data::List { offsets, child: Box::new(child) }
            }
            Type::FixedList(size) => {
                let child = self.child(children, wanted, keep)?;
                if size.checked_mul(length).is_none_or(|needed| needed > child.length) {
                    return Err(placed(damaged("it has lists that end outside of it")));
                }
                Data::FixedList { size: *size, child: Box::new(child) }
            }
            Type::Struct => {
                let mut fields = Vec::new();
                for child in children {
                    let array = self.column(child, wanted, keep && wanted(child))?;
                    if array.as_ref().is_some_and(|array| array.length < length) {
                        return Err(placed(damaged("its parts have fewer values than it")));
                    }
                    fields.push((child.name.clone(), array));
                }
                Data::Struct(fields)
            }
            kind => {
                let needed = size(kind).and_then(|size| size.checked_mul(length));
                Data::Fixed(self.filled(keep, needed).map_err(placed)?, kind.clone())
            }
        };
        Ok(keep.then_some(Array { length, validity, data }))
    }

    /// The elements of lists; none of those that are not kept.
    fn child(&mut self, children: &[Field], wanted: &dyn Fn(&Field) -> bool, keep: bool) -> Result<Array> {
        let child = children.first().ok_or_else(|| damaged("a list has no elements"))?;
        let none = Array { length: usize::MAX, validity: None, data: Data::Null };
        let everything = |_: &Field| true;
        let wanted = if keep { &everything } else { wanted };
        Ok(self.column(child, wanted, keep)?.unwrap_or(none))
    }
}
