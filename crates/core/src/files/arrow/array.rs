//! The values of one column of one batch, as they lie in buffers.

use std::sync::Arc;

use super::damaged;
use super::schema::Type;
use crate::error::{Code, Error, Result};
use crate::files::json::Json;
use crate::files::parquet::assembly::{decimal, digits};

/// Values, nulls included.
pub(super) struct Array {
    pub(super) length: usize,
    /// A bit a value that is there; `None` where all are.
    pub(super) validity: Option<Vec<u8>>,
    pub(super) data: Data,
}

pub(super) enum Data {
    Null,
    /// A bit a value.
    Flags(Vec<u8>),
    /// As many bytes a value as its type has.
    Fixed(Vec<u8>, Type),
    Bytes {
        offsets: Offsets,
        bytes: Vec<u8>,
        text: bool,
    },
    Views {
        views: Vec<u8>,
        buffers: Vec<Vec<u8>>,
        text: bool,
    },
    /// Lists, or maps, whose elements are entries.
    List {
        offsets: Offsets,
        child: Box<Array>,
    },
    FixedList {
        size: usize,
        child: Box<Array>,
    },
    Struct(Vec<(String, Option<Array>)>),
    /// Numbers of values elsewhere.
    Dictionary {
        indices: Box<Array>,
        values: Arc<Array>,
    },
}

impl Array {
    /// How many values there are, those in lists counted one by one.
    pub(super) fn values(&self) -> u64 {
        match &self.data {
            Data::List { child, .. } | Data::FixedList { child, .. } => child.values().max(self.length as u64),
            Data::Struct(fields) => {
                let inside = fields.iter().filter_map(|(_, field)| field.as_ref());
                inside.map(Self::values).fold(self.length as u64, u64::saturating_add)
            }
            _ => self.length as u64,
        }
    }
}

/// Where values begin and end, growing.
pub(super) struct Offsets {
    bytes: Vec<u8>,
    wide: bool,
}

impl Offsets {
    /// The offsets of `count` values, the last of which may not end beyond `end`.
    pub(super) fn new(bytes: Vec<u8>, wide: bool, count: usize, end: usize) -> Result<Self> {
        let offsets = Self { bytes, wide };
        // No values need no offsets, and some writers write none.
        if count == 0 {
            return Ok(offsets);
        }
        let size = if wide { 8 } else { 4 };
        if (count + 1).checked_mul(size).is_none_or(|needed| needed > offsets.bytes.len()) {
            return Err(damaged("a column has fewer offsets than values"));
        }
        let mut last = 0;
        for index in 0..=count {
            let offset = offsets.raw(index);
            if offset < last || offset > end as u64 {
                return Err(damaged("a column has values that begin or end outside of it"));
            }
            last = offset;
        }
        Ok(offsets)
    }

    fn raw(&self, index: usize) -> u64 {
        if self.wide {
            self.bytes[8 * index..].first_chunk().map_or(u64::MAX, |bytes| u64::from_le_bytes(*bytes))
        } else {
            self.bytes[4 * index..].first_chunk().map_or(u64::MAX, |bytes| u64::from(u32::from_le_bytes(*bytes)))
        }
    }

    fn range(&self, index: usize) -> std::ops::Range<usize> {
        self.raw(index) as usize..self.raw(index + 1) as usize
    }
}

fn bit(bits: &[u8], index: usize) -> bool {
    bits[index / 8] >> (index % 8) & 1 == 1
}

/// Bytes of one value of a type whose values all have as many.
pub(super) fn size(kind: &Type) -> Option<usize> {
    match *kind {
        Type::Int { bytes, .. } | Type::Decimal { bytes, .. } => Some(bytes),
        Type::Half => Some(2),
        Type::Single => Some(4),
        Type::Double => Some(8),
        Type::Fixed(size) => Some(size),
        _ => None,
    }
}

impl Array {
    pub(super) fn is_null(&self, index: usize) -> bool {
        matches!(self.data, Data::Null) || self.validity.as_ref().is_some_and(|validity| !bit(validity, index))
    }

    /// The floating-point numbers in it, if it holds such; nulls have some value.
    pub(super) fn floats(&self) -> Option<impl Fn(usize) -> f64 + '_> {
        let Data::Fixed(bytes, kind @ (Type::Single | Type::Double)) = &self.data else { return None };
        let single = *kind == Type::Single;
        Some(move |index: usize| {
            if single {
                bytes[4 * index..].first_chunk().map_or(f64::NAN, |bytes| f64::from(f32::from_le_bytes(*bytes)))
            } else {
                bytes[8 * index..].first_chunk().map_or(f64::NAN, |bytes| f64::from_le_bytes(*bytes))
            }
        })
    }

    /// The elements of its lists, if it holds such.
    pub(super) fn elements(&self) -> Option<&Self> {
        match &self.data {
            Data::List { child, .. } | Data::FixedList { child, .. } => Some(child),
            _ => None,
        }
    }

    /// Where the list at `index` lies among the elements.
    pub(super) fn range(&self, index: usize) -> std::ops::Range<usize> {
        match &self.data {
            Data::List { offsets, .. } => offsets.range(index),
            Data::FixedList { size, .. } => index * size..(index + 1) * size,
            _ => 0..0,
        }
    }

    /// The value at `index`, with every digit.
    pub(super) fn json(&self, index: usize) -> Result<Json<'static>> {
        if self.is_null(index) {
            return Ok(Json::Null);
        }
        Ok(match &self.data {
            Data::Null => Json::Null,
            Data::Flags(bits) => Json::Bool(bit(bits, index)),
            Data::Fixed(bytes, kind) => {
                let size = size(kind).unwrap_or(0);
                fixed(&bytes[index * size..][..size], kind)?
            }
            Data::Bytes { offsets, bytes, text } => text_of(&bytes[offsets.range(index)], *text)?,
            Data::Views { views, buffers, text } => text_of(view(&views[16 * index..][..16], buffers)?, *text)?,
            Data::List { child, .. } | Data::FixedList { child, .. } => Json::List(child.list(self.range(index))?),
            Data::Struct(fields) => {
                let field = |(name, array): &(String, Option<Self>)| {
                    array.as_ref().map(|array| Ok((name.clone().into(), array.json(index)?)))
                };
                Json::Object(fields.iter().filter_map(field).collect::<Result<Vec<_>>>()?)
            }
            Data::Dictionary { indices, values } => {
                let place = match indices.json(index)? {
                    Json::Number(digits) => digits.parse().ok(),
                    _ => None,
                };
                let place = place.filter(|&place: &usize| place < values.length);
                values.json(place.ok_or_else(|| damaged("a value is not in its dictionary"))?)?
            }
        })
    }

    fn list(&self, range: std::ops::Range<usize>) -> Result<Vec<Json<'static>>> {
        range.map(|index| self.json(index)).collect()
    }
}

fn fixed(bytes: &[u8], kind: &Type) -> Result<Json<'static>> {
    let whole = |signed: bool| {
        let negative = signed && bytes.last().is_some_and(|byte| byte & 0x80 != 0);
        let start = if negative { -1_i128 } else { 0 };
        bytes.iter().rev().fold(start, |value, &byte| value << 8 | i128::from(byte))
    };
    let number = |text: String| Json::Number(text.into());
    Ok(match *kind {
        Type::Int { signed, .. } => number(whole(signed).to_string()),
        Type::Decimal { scale, .. } => number(decimal(whole(true), scale)),
        Type::Half => {
            number(digits(bytes.first_chunk().map_or(f64::NAN, |bytes| half::f16::from_le_bytes(*bytes).to_f64())))
        }
        Type::Single => {
            number(digits(bytes.first_chunk().map_or(f64::NAN, |bytes| f64::from(f32::from_le_bytes(*bytes)))))
        }
        Type::Double => number(digits(bytes.first_chunk().map_or(f64::NAN, |bytes| f64::from_le_bytes(*bytes)))),
        _ => text_of(bytes, false)?,
    })
}

/// Text, or bytes that are text all the same.
fn text_of(bytes: &[u8], text: bool) -> Result<Json<'static>> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(Json::Text(text.to_owned().into())),
        Err(_) if text => Err(damaged("a text is not UTF-8")),
        Err(_) => Err(Error::new(Code::UnsupportedFile, "It holds bytes that are no UTF-8 text.")),
    }
}

/// The bytes that a view shows: its own up to twelve, else those of a buffer.
fn view<'a>(view: &'a [u8], buffers: &'a [Vec<u8>]) -> Result<&'a [u8]> {
    let part = |at: usize| view[at..].first_chunk().map_or(usize::MAX, |bytes| u32::from_le_bytes(*bytes) as usize);
    let length = part(0);
    if length <= 12 {
        return Ok(&view[4..4 + length]);
    }
    let (buffer, start) = (buffers.get(part(8)), part(12));
    let bytes = buffer.and_then(|buffer| buffer.get(start..start.checked_add(length)?));
    bytes.ok_or_else(|| damaged("a text lies outside of its column"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_in_lists_count_one_by_one() {
        let plain = |length: usize| Array { length, validity: None, data: Data::Null };
        let list = |length: usize, child: Array| {
            let offsets = Offsets { bytes: Vec::new(), wide: false };
            Array { length, validity: None, data: Data::List { offsets, child: Box::new(child) } }
        };
        assert_eq!(list(2, plain(100)).values(), 100);
        assert_eq!(list(2, list(100, plain(5000))).values(), 5000);
        assert_eq!(list(50, plain(0)).values(), 50);
        let fields = vec![("a".to_owned(), Some(list(2, plain(100)))), ("b".to_owned(), None)];
        assert_eq!(Array { length: 2, validity: None, data: Data::Struct(fields) }.values(), 102);
    }
}
