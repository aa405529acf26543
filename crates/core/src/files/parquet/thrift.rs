//! The compact protocol of Thrift, as far as the metadata of Parquet uses it. Nothing is allocated by what a length claims.

use crate::error::{Code, Error, Result};

/// Structures inside one another that are followed; Parquet's own go five deep.
const MAX_DEPTH: u32 = 32;

/// A place in a serialized structure.
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    depth: u32,
}

/// How the value of a field or an element is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    True,
    False,
    Byte,
    /// 16, 32 and 64 bits alike.
    Int,
    Double,
    Binary,
    List,
    Map,
    Struct,
}

impl Kind {
    fn new(code: u8) -> Result<Self> {
        Ok(match code {
            1 => Self::True,
            2 => Self::False,
            3 => Self::Byte,
            4..=6 => Self::Int,
            7 => Self::Double,
            8 => Self::Binary,
            9 | 10 => Self::List,
            11 => Self::Map,
            12 => Self::Struct,
            _ => return Err(damaged("a field of no known type")),
        })
    }
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, depth: 0 }
    }

    /// Bytes taken so far.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    fn byte(&mut self) -> Result<u8> {
        let byte = self.bytes.get(self.at).ok_or_else(short)?;
        self.at += 1;
        Ok(*byte)
    }

    fn varint(&mut self) -> Result<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(damaged("a number of more than 64 bits"))
    }

    /// A whole number.
    pub(super) fn int(&mut self, kind: Kind) -> Result<i64> {
        match kind {
            Kind::Byte => Ok(i64::from(self.byte()?.cast_signed())),
            Kind::Int => {
                let value = self.varint()?;
                Ok((value >> 1).cast_signed() ^ -((value & 1).cast_signed()))
            }
            _ => Err(damaged("something else where a number is due")),
        }
    }

    /// A whole number that counts something.
    pub(super) fn count(&mut self, kind: Kind) -> Result<u64> {
        u64::try_from(self.int(kind)?).map_err(|_| damaged("a negative count"))
    }

    pub(super) fn bool(&mut self, kind: Kind) -> Result<bool> {
        match kind {
            Kind::True => Ok(true),
            Kind::False => Ok(false),
            _ => Err(damaged("something else where a flag is due")),
        }
    }

    /// Bytes, or text.
    pub(super) fn binary(&mut self, kind: Kind) -> Result<&'a [u8]> {
        if kind != Kind::Binary {
            return Err(damaged("something else where a text is due"));
        }
        let length = usize::try_from(self.varint()?).ok();
        let end = length.and_then(|length| self.at.checked_add(length)).ok_or_else(short)?;
        let bytes = self.bytes.get(self.at..end).ok_or_else(short)?;
        self.at = end;
        Ok(bytes)
    }

    pub(super) fn text(&mut self, kind: Kind) -> Result<String> {
        let bytes = self.binary(kind)?;
        String::from_utf8(bytes.to_vec()).map_err(|_| damaged("a name that is not UTF-8"))
    }

    /// The elements of a list, each taken by `element`.
    pub(super) fn list(&mut self, kind: Kind, mut element: impl FnMut(&mut Self, Kind) -> Result<()>) -> Result<()> {
        if kind != Kind::List {
            return Err(damaged("something else where a list is due"));
        }
        let head = self.byte()?;
        let kind = Kind::new(head & 0x0f)?;
        let size = if head >> 4 == 15 { self.varint()? } else { u64::from(head >> 4) };
        // An element takes a byte at least.
        if size > (self.bytes.len() - self.at) as u64 {
            return Err(short());
        }
        for _ in 0..size {
            element(self, kind)?;
        }
        Ok(())
    }

    /// The fields of a structure, each taken by `field`, which is told its number; one that it returns false for is skipped.
    pub(super) fn structure(
        &mut self,
        kind: Kind,
        mut field: impl FnMut(&mut Self, i16, Kind) -> Result<bool>,
    ) -> Result<()> {
        if kind != Kind::Struct {
            return Err(damaged("something else where a structure is due"));
        }
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(damaged("structures too deep inside one another"));
        }
        let mut number = 0_i16;
        loop {
            let head = self.byte()?;
            if head == 0 {
                break;
            }
            let kind = Kind::new(head & 0x0f)?;
            let delta = i16::from(head >> 4);
            number = if delta == 0 { i16::try_from(self.int(Kind::Int)?).ok() } else { number.checked_add(delta) }
                .ok_or_else(|| damaged("a field of no known number"))?;
            if !field(self, number, kind)? {
                self.skip(kind)?;
            }
        }
        self.depth -= 1;
        Ok(())
    }

    fn skip(&mut self, kind: Kind) -> Result<()> {
        match kind {
            Kind::True | Kind::False => {}
            Kind::Byte => drop(self.byte()?),
            Kind::Int => drop(self.varint()?),
            Kind::Double => {
                for _ in 0..8 {
                    self.byte()?;
                }
            }
            Kind::Binary => drop(self.binary(kind)?),
            Kind::List => self.list(kind, Self::skip_element)?,
            Kind::Map => {
                let size = self.varint()?;
                if size > 0 {
                    let kinds = self.byte()?;
                    let (key, value) = (Kind::new(kinds >> 4)?, Kind::new(kinds & 0x0f)?);
                    for _ in 0..size {
                        self.skip_element(key)?;
                        self.skip_element(value)?;
                    }
                }
            }
            Kind::Struct => self.structure(kind, |_, _, _| Ok(false))?,
        }
        Ok(())
    }

    /// Flags take a byte in lists and maps, none in fields.
    fn skip_element(&mut self, kind: Kind) -> Result<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(damaged("lists too deep inside one another"));
        }
        match kind {
            Kind::True | Kind::False => drop(self.byte()?),
            _ => self.skip(kind)?,
        }
        self.depth -= 1;
        Ok(())
    }
}

fn short() -> Error {
    damaged("an end before its time")
}

fn damaged(what: &str) -> Error {
    Error::new(
        Code::MalformedFile,
        format!("the Parquet file is damaged: its metadata has {what}. Copy or write it again."),
    )
}
