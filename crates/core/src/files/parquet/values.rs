//! The values of a page, in each of the encodings.

use super::bits::{Delta, Hybrid};
use super::damaged;
use super::metadata::Physical;
use crate::error::{Code, Error, Result};

/// Bytes of text that one batch of a column may hold, and strings that one page of lengths may.
const MOST_BYTES: usize = 256 << 20;
const MOST_LENGTHS: u64 = 1 << 24;

/// Values of one column, nulls left out.
#[derive(Clone, Debug)]
pub(super) enum Values {
    Flags(Vec<bool>),
    /// Integers of both widths, with the sign that the bits have.
    Ints(Vec<i64>),
    Singles(Vec<f32>),
    Doubles(Vec<f64>),
    /// Bytes end to end, and where each value ends.
    Bytes(Vec<u8>, Vec<usize>),
}

impl Values {
    pub(super) fn new(physical: Physical) -> Self {
        match physical {
            Physical::Boolean => Self::Flags(Vec::new()),
            Physical::Int32 | Physical::Int64 => Self::Ints(Vec::new()),
            Physical::Float => Self::Singles(Vec::new()),
            Physical::Double => Self::Doubles(Vec::new()),
            Physical::Bytes | Physical::Fixed(_) | Physical::Int96 => Self::Bytes(Vec::new(), Vec::new()),
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Flags(values) => values.len(),
            Self::Ints(values) => values.len(),
            Self::Singles(values) => values.len(),
            Self::Doubles(values) => values.len(),
            Self::Bytes(_, ends) => ends.len(),
        }
    }

    /// Leaves no value, and the room for them.
    pub(super) fn clear(&mut self) {
        match self {
            Self::Flags(values) => values.clear(),
            Self::Ints(values) => values.clear(),
            Self::Singles(values) => values.clear(),
            Self::Doubles(values) => values.clear(),
            Self::Bytes(bytes, ends) => {
                bytes.clear();
                ends.clear();
            }
        }
    }

    fn push_bytes(&mut self, value: &[u8]) -> Result<()> {
        let Self::Bytes(bytes, ends) = self else { return Err(mismatch()) };
        if bytes.len() + value.len() > MOST_BYTES {
            return Err(Error::new(
                Code::TooLarge,
                "some thousand rows of a column of the Parquet file hold more than 256 MiB: leave the column out.",
            ));
        }
        bytes.extend_from_slice(value);
        ends.push(bytes.len());
        Ok(())
    }

    /// The bytes of value `index`.
    pub(super) fn bytes(&self, index: usize) -> &[u8] {
        match self {
            Self::Bytes(bytes, ends) => &bytes[if index == 0 { 0 } else { ends[index - 1] }..ends[index]],
            _ => &[],
        }
    }

    /// Appends the values of `dictionary` at `indices`.
    fn look_up(&mut self, dictionary: &Self, indices: &[u32]) -> Result<()> {
        fn gather<T: Copy>(to: &mut Vec<T>, from: &[T], indices: &[u32]) -> Result<()> {
            if indices.iter().fold(0, |most, &index| most.max(index)) as usize >= from.len() && !indices.is_empty() {
                return Err(beyond());
            }
            to.extend(indices.iter().map(|&index| from[index as usize]));
            Ok(())
        }
        match (self, dictionary) {
            (Self::Flags(to), Self::Flags(from)) => gather(to, from, indices),
            (Self::Ints(to), Self::Ints(from)) => gather(to, from, indices),
            (Self::Singles(to), Self::Singles(from)) => gather(to, from, indices),
            (Self::Doubles(to), Self::Doubles(from)) => gather(to, from, indices),
            (to @ Self::Bytes(..), from @ Self::Bytes(..)) => {
                for &index in indices {
                    if index as usize >= from.len() {
                        return Err(beyond());
                    }
                    to.push_bytes(from.bytes(index as usize))?;
                }
                Ok(())
            }
            _ => Err(mismatch()),
        }
    }
}

fn beyond() -> Error {
    damaged("a value is not in its dictionary")
}

fn mismatch() -> Error {
    damaged("a column's values are not of its type")
}

fn early() -> Error {
    damaged("a page has fewer values than it says")
}

/// How far the values of a page are read.
#[derive(Debug)]
pub(super) enum Decoder {
    /// One after another, from this byte on.
    Plain(usize),
    /// Flags of a bit each, from this bit on.
    Flags(usize),
    FlagRuns(Hybrid),
    Dictionary(Hybrid),
    Differences(Delta),
    /// Byte k of every value, then byte k + 1: the next value, of how many, and where they begin.
    Split {
        next: usize,
        count: usize,
        from: usize,
    },
    /// Bytes with their lengths before them.
    Lengths {
        lengths: std::vec::IntoIter<usize>,
        at: usize,
    },
    /// Bytes that begin like the value before, as far as the first list says.
    Prefixes {
        prefixes: std::vec::IntoIter<usize>,
        lengths: std::vec::IntoIter<usize>,
        at: usize,
        last: Vec<u8>,
    },
}

impl Decoder {
    /// The values in `page` from byte `at` on, in the encoding of this number.
    pub(super) fn new(encoding: i64, physical: Physical, page: &[u8], at: usize) -> Result<Self> {
        Ok(match (encoding, physical) {
            (0, Physical::Boolean) => Self::Flags(at * 8),
            (0, _) => Self::Plain(at),
            (3, Physical::Boolean) => {
                let length = length_prefix(page, at)?;
                Self::FlagRuns(Hybrid::new(at + 4, at + 4 + length, 1)?)
            }
            (2 | 8, _) => match page.get(at) {
                Some(&width) => Self::Dictionary(Hybrid::new(at + 1, page.len(), u32::from(width))?),
                // A page of nulls has no values, nor the width of their indices.
                None => Self::Plain(at),
            },
            (5, Physical::Int32 | Physical::Int64) => Self::Differences(Delta::new(page, at)?),
            (6, Physical::Bytes) => {
                let (lengths, at) = lengths(page, at)?;
                Self::Lengths { lengths, at }
            }
            (7, Physical::Bytes | Physical::Fixed(_)) => {
                let (prefixes, at) = lengths(page, at)?;
                let (lengths, at) = lengths(page, at)?;
                Self::Prefixes { prefixes, lengths, at, last: Vec::new() }
            }
            (9, Physical::Float | Physical::Double | Physical::Int32 | Physical::Int64 | Physical::Fixed(_)) => {
                let size = size_of_value(physical);
                if !(page.len() - at).is_multiple_of(size) {
                    return Err(early());
                }
                Self::Split { next: 0, count: (page.len() - at) / size, from: at }
            }
            _ => {
                let message = format!(
                    "a column of the Parquet file is in an encoding ({encoding}) that is not known here: write it with another."
                );
                return Err(Error::new(Code::UnsupportedFile, message));
            }
        })
    }

    /// Appends the next `count` values of `page`.
    pub(super) fn read(
        &mut self,
        page: &[u8],
        physical: Physical,
        dictionary: Option<&Values>,
        count: usize,
        out: &mut Values,
    ) -> Result<()> {
        match self {
            Self::Plain(at) => plain(page, at, physical, count, out),
            Self::Flags(bit) => {
                let Values::Flags(to) = out else { return Err(mismatch()) };
                let end = bit.checked_add(count).filter(|end| end.div_ceil(8) <= page.len()).ok_or_else(early)?;
                to.extend((*bit..end).map(|bit| page[bit / 8] >> (bit % 8) & 1 == 1));
                *bit = end;
                Ok(())
            }
            Self::FlagRuns(runs) => {
                let Values::Flags(to) = out else { return Err(mismatch()) };
                runs.read(page, count, to, |value| value & 1 == 1)
            }
            Self::Dictionary(indices) => {
                let dictionary =
                    dictionary.ok_or_else(|| damaged("a page refers to a dictionary that is not there"))?;
                let mut found = Vec::with_capacity(count.min(1 << 20));
                indices.read(page, count, &mut found, |index| index)?;
                out.look_up(dictionary, &found)
            }
            Self::Differences(delta) => {
                let Values::Ints(to) = out else { return Err(mismatch()) };
                for _ in 0..count {
                    let value = delta.read(page)?;
                    #[expect(clippy::cast_possible_truncation, reason = "sums wrap in the width of the column")]
                    to.push(if physical == Physical::Int32 { i64::from(value as i32) } else { value });
                }
                Ok(())
            }
            Self::Split { next, count: all, from } => {
                let end = next.checked_add(count).filter(|end| end <= all).ok_or_else(early)?;
                let size = size_of_value(physical);
                let mut value = vec![0; size];
                for index in *next..end {
                    for (byte, to) in value.iter_mut().enumerate() {
                        *to = page[*from + byte * *all + index];
                    }
                    plain(&value, &mut 0, physical, 1, out)?;
                }
                *next = end;
                Ok(())
            }
            Self::Lengths { lengths, at } => {
                for _ in 0..count {
                    let length = lengths.next().ok_or_else(early)?;
                    out.push_bytes(take(page, at, length)?)?;
                }
                Ok(())
            }
            Self::Prefixes { prefixes, lengths, at, last } => {
                for _ in 0..count {
                    let (prefix, length) = prefixes.next().zip(lengths.next()).ok_or_else(early)?;
                    if prefix > last.len() {
                        return Err(damaged("a value begins like one that is shorter"));
                    }
                    last.truncate(prefix);
                    last.extend_from_slice(take(page, at, length)?);
                    if matches!(physical, Physical::Fixed(size) if size != last.len()) {
                        return Err(mismatch());
                    }
                    out.push_bytes(last)?;
                }
                Ok(())
            }
        }
    }
}

fn take<'a>(page: &'a [u8], at: &mut usize, length: usize) -> Result<&'a [u8]> {
    let bytes = at.checked_add(length).and_then(|end| page.get(*at..end)).ok_or_else(early)?;
    *at += length;
    Ok(bytes)
}

/// The length of what follows, in four bytes at `at` of `page`, which holds all of it.
pub(super) fn length_prefix(page: &[u8], at: usize) -> Result<usize> {
    let length = page.get(at..).and_then(|rest| rest.first_chunk::<4>()).ok_or_else(early)?;
    let length = u32::from_le_bytes(*length) as usize;
    if length > page.len() - at - 4 { Err(early()) } else { Ok(length) }
}

fn size_of_value(physical: Physical) -> usize {
    match physical {
        Physical::Int32 | Physical::Float => 4,
        Physical::Int64 | Physical::Double => 8,
        Physical::Int96 => 12,
        Physical::Fixed(size) => size,
        Physical::Boolean | Physical::Bytes => 1,
    }
}

fn plain(page: &[u8], at: &mut usize, physical: Physical, count: usize, out: &mut Values) -> Result<()> {
    if physical == Physical::Bytes {
        for _ in 0..count {
            let length = length_prefix(page, *at)?;
            *at += 4;
            out.push_bytes(take(page, at, length)?)?;
        }
        return Ok(());
    }
    let size = size_of_value(physical);
    let bytes = take(page, at, count.checked_mul(size).ok_or_else(early)?)?;
    match (physical, out) {
        (Physical::Int32, Values::Ints(to)) => {
            to.extend(bytes.as_chunks::<4>().0.iter().map(|&value| i64::from(i32::from_le_bytes(value))));
        }
        (Physical::Int64, Values::Ints(to)) => {
            to.extend(bytes.as_chunks::<8>().0.iter().map(|&value| i64::from_le_bytes(value)));
        }
        (Physical::Float, Values::Singles(to)) => {
            to.extend(bytes.as_chunks::<4>().0.iter().map(|&value| f32::from_le_bytes(value)));
        }
        (Physical::Double, Values::Doubles(to)) => {
            to.extend(bytes.as_chunks::<8>().0.iter().map(|&value| f64::from_le_bytes(value)));
        }
        (Physical::Fixed(_) | Physical::Int96, out) => {
            for value in bytes.chunks_exact(size) {
                out.push_bytes(value)?;
            }
        }
        _ => return Err(mismatch()),
    }
    Ok(())
}

/// Lengths written as differences from byte `at` of `page` on, and where what follows them begins.
fn lengths(page: &[u8], at: usize) -> Result<(std::vec::IntoIter<usize>, usize)> {
    let mut delta = Delta::new(page, at)?;
    if delta.left() > MOST_LENGTHS {
        let message = "a page of the Parquet file has more than 16 million texts: write smaller pages.";
        return Err(Error::new(Code::TooLarge, message));
    }
    let mut found = Vec::new();
    while delta.left() > 0 {
        found.push(usize::try_from(delta.read(page)?).map_err(|_| damaged("a text has a negative length"))?);
    }
    Ok((found.into_iter(), delta.end()))
}
