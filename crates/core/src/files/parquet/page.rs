//! Pages: their headers, their checksums, and how they are decompressed.

use std::cell::RefCell;
use std::io::Read;
use std::ops::Range;

use super::damaged;
use super::thrift::{Kind, Reader};
use crate::error::{Code, Error, Result};
use crate::files::bytes::{PIECE, RandomFile, check_memory, from_io, unreadable};
use crate::progress::Control;

/// Bytes of a page header that are tried, one after another: statistics can make it long.
const HEADERS: [u64; 3] = [1 << 10, 1 << 16, 16 << 20];

/// Pages above this many bytes are asked about before memory is taken.
const LARGE: usize = 16 << 20;

/// What kind of page it is, and what only that kind has.
#[derive(Clone, Copy, Debug)]
pub(super) enum Form {
    /// Levels, of the length that stands before them, and values, compressed together.
    Data,
    /// Levels of these lengths, repetitions first, and values, which alone may be compressed.
    DataV2 {
        definitions: usize,
        repetitions: usize,
        compressed: bool,
    },
    Dictionary,
    /// An index, which is not needed.
    Other,
}

/// The header of a page.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    pub(super) form: Form,
    /// Values, nulls included.
    pub(super) values: u64,
    pub(super) encoding: i64,
    size: usize,
    compressed: usize,
    checksum: Option<u32>,
}

/// Reads the page at the beginning of `part`; its bytes, decompressed, and where the next begins. `room` is where they may lie.
pub(super) fn read(
    file: &RandomFile,
    part: Range<u64>,
    codec: i64,
    room: Vec<u8>,
    control: &Control,
) -> Result<(Header, Vec<u8>, u64)> {
    let Range { start: at, end } = part;
    let mut header = Err(damaged("a column ends within a page"));
    for most in HEADERS {
        let present = most.min(end.saturating_sub(at));
        let bytes = file.bytes(at, present as usize).map_err(broken)?;
        header = read_header(&bytes);
        if header.is_ok() || present < most {
            break;
        }
    }
    let (header, length) = header?;
    let start = at + length as u64;
    let next = start + header.compressed as u64;
    if next > end {
        return Err(damaged("a page is longer than its column"));
    }
    let stored = file.whole(start, header.compressed, control).map_err(broken)?;
    if let Some(expected) = header.checksum {
        let mut checksum = flate2::Crc::new();
        for piece in stored.chunks(LARGE) {
            control.check()?;
            checksum.update(piece);
        }
        if checksum.sum() != expected {
            return Err(damaged("the checksum of a page does not agree with its bytes"));
        }
    }
    if header.size > LARGE {
        check_memory(Some(header.size), || format!("a page of {} bytes does not fit into memory.", header.size))?;
    }
    let page = match header.form {
        Form::DataV2 { definitions, repetitions, compressed } => {
            let levels = definitions.checked_add(repetitions).filter(|&levels| levels <= stored.len().min(header.size));
            let levels = levels.ok_or_else(|| damaged("the levels of a page are longer than it"))?;
            if compressed && codec != 0 {
                let (levels, values) = stored.split_at(levels);
                let mut page = levels.to_vec();
                // A page of nulls has no values, and nothing to decompress.
                if !values.is_empty() {
                    page.extend(decompress(codec, values, header.size - levels.len(), room, control)?);
                }
                page
            } else {
                stored.into_owned()
            }
        }
        Form::Other => Vec::new(),
        Form::Data | Form::Dictionary => decompress(codec, &stored, header.size, room, control)?,
    };
    Ok((header, page, next))
}

fn broken(error: std::io::Error) -> Error {
    from_io(error, |error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof => damaged("a page lies beyond the end of the file"),
        _ => unreadable(error),
    })
}

fn read_header(bytes: &[u8]) -> Result<(Header, usize)> {
    let mut reader = Reader::new(bytes);
    let (mut kind_of_page, mut size, mut compressed, mut checksum) = (None, None, None, None);
    let (mut values, mut encoding) = (0, 0);
    let (mut definitions, mut repetitions, mut is_compressed) = (0, 0, true);
    reader.structure(Kind::Struct, |reader, field, kind| {
        match field {
            1 => kind_of_page = Some(reader.int(kind)?),
            2 => size = usize::try_from(reader.count(kind)?).ok(),
            3 => compressed = usize::try_from(reader.count(kind)?).ok(),
            // Written as a signed number.
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "32 bits, whatever their sign")]
            4 => checksum = Some(reader.int(kind)? as u32),
            header @ (5 | 7) => reader.structure(kind, |reader, field, kind| {
                match field {
                    1 => values = reader.count(kind)?,
                    2 => encoding = reader.int(kind)?,
                    // Levels were once packed in another way, which nobody writes.
                    3 | 4 if header == 5 => {
                        if reader.int(kind)? == 4 {
                            let message = "the Parquet file has levels in a deprecated encoding: write it again.";
                            return Err(Error::new(Code::UnsupportedFile, message));
                        }
                    }
                    _ => return Ok(false),
                }
                Ok(true)
            })?,
            8 => reader.structure(kind, |reader, field, kind| {
                match field {
                    1 => values = reader.count(kind)?,
                    4 => encoding = reader.int(kind)?,
                    5 => definitions = reader.count(kind)?,
                    6 => repetitions = reader.count(kind)?,
                    7 => is_compressed = reader.bool(kind)?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?,
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    let length = |bytes: u64| usize::try_from(bytes).map_err(|_| damaged("levels of no sensible length"));
    let form = match kind_of_page {
        Some(0) => Form::Data,
        Some(1) => Form::Other,
        Some(2) => Form::Dictionary,
        Some(3) => Form::DataV2 {
            definitions: length(definitions)?,
            repetitions: length(repetitions)?,
            compressed: is_compressed,
        },
        _ => return Err(damaged("a page is of no known kind")),
    };
    let within = |size: Option<usize>| size.filter(|&size| i32::try_from(size).is_ok());
    let (Some(size), Some(compressed)) = (within(size), within(compressed)) else {
        return Err(damaged("a page does not say how long it is"));
    };
    Ok((Header { form, values, encoding, size, compressed, checksum }, reader.at()))
}

thread_local! {
    /// What a decompressor needs is more than most pages hold.
    static ZSTD: RefCell<Option<zstd::bulk::Decompressor<'static>>> = const { RefCell::new(None) };
}

/// `size` bytes from `stored`, in `room` if that is of use. What can be decompressed piece by piece ends once it is told to.
fn decompress(codec: i64, stored: &[u8], size: usize, mut room: Vec<u8>, control: &Control) -> Result<Vec<u8>> {
    let wrong = || damaged("a page cannot be decompressed to the size that it claims");
    let whole = |bytes: Vec<u8>| if bytes.len() == size { Ok(bytes) } else { Err(wrong()) };
    match codec {
        0 => {
            room.clear();
            room.extend_from_slice(stored);
            whole(room)
        }
        1 => {
            if snap::raw::decompress_len(stored).map_err(|_| wrong())? != size {
                return Err(wrong());
            }
            room.resize(size, 0);
            let filled = snap::raw::Decoder::new().decompress(stored, &mut room).map_err(|_| wrong())?;
            room.truncate(filled);
            whole(room)
        }
        2 => read_whole(flate2::read::MultiGzDecoder::new(stored), size, control).and_then(whole),
        4 => read_whole(brotli_decompressor::Decompressor::new(stored, 1 << 14), size, control).and_then(whole),
        5 => whole(hadoop_lz4(stored, size).or_else(|| lz4_block(stored, size)).ok_or_else(wrong)?),
        6 if size > LARGE => {
            let reader = zstd::stream::read::Decoder::with_buffer(stored).map_err(|_| wrong())?;
            read_whole(reader, size, control).and_then(whole)
        }
        6 => {
            room.clear();
            room.reserve_exact(size);
            let filled = ZSTD.with_borrow_mut(|zstd| {
                let zstd = match zstd {
                    Some(zstd) => zstd,
                    None => zstd.insert(zstd::bulk::Decompressor::new()?),
                };
                zstd.decompress_to_buffer(stored, &mut room)
            });
            filled.map_err(|_| wrong())?;
            whole(room)
        }
        7 => whole(lz4_block(stored, size).ok_or_else(wrong)?),
        _ => {
            let message = format!(
                "the Parquet file is compressed in a way ({codec}) that is not known here: write it with zstd or snappy."
            );
            Err(Error::new(Code::UnsupportedFile, message))
        }
    }
}

/// All that `reader` has, and one byte more than `size` at most.
fn read_whole(mut reader: impl Read, size: usize, control: &Control) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut left = size as u64 + 1;
    while left > 0 {
        control.check()?;
        let read = reader.by_ref().take(left.min(PIECE as u64)).read_to_end(&mut bytes);
        let read = read.map_err(|_| damaged("a page cannot be decompressed"))?;
        if read == 0 {
            break;
        }
        left -= read as u64;
    }
    Ok(bytes)
}

fn lz4_block(stored: &[u8], size: usize) -> Option<Vec<u8>> {
    lz4_flex::block::decompress(stored, size).ok()
}

/// The older LZ4: blocks, each after its size and its compressed size, most significant byte first.
fn hadoop_lz4(mut stored: &[u8], size: usize) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    while !stored.is_empty() {
        let (inflated, rest) = stored.split_first_chunk::<4>()?;
        let (deflated, rest) = rest.split_first_chunk::<4>()?;
        let inflated = u32::from_be_bytes(*inflated) as usize;
        let (block, rest) = rest.split_at_checked(u32::from_be_bytes(*deflated) as usize)?;
        if inflated > size - bytes.len() {
            return None;
        }
        bytes.extend(lz4_block(block, inflated)?);
        stored = rest;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_pages_are_decompressed_until_told_to_stop() {
        let bytes: Vec<u8> = (0..LARGE + 3).map(|index| (index / 7) as u8).collect();
        let stored = zstd::bulk::compress(&bytes, 1).unwrap();
        let control = Control::new();
        let page = |size: usize, control: &Control| decompress(6, &stored, size, Vec::new(), control);
        assert!(page(bytes.len(), &control).unwrap() == bytes);
        for size in [bytes.len() - 1, bytes.len() + 1] {
            assert_eq!(page(size, &control).unwrap_err().code, Code::MalformedFile);
        }
        control.cancel();
        assert_eq!(page(bytes.len(), &control).unwrap_err().code, Code::Aborted);
    }

    #[test]
    fn a_page_has_the_size_that_it_claims_wherever_it_lies() {
        let bytes: Vec<u8> = (0..1000_u32).map(|index| (index / 3) as u8).collect();
        let stored = zstd::bulk::compress(&bytes, 1).unwrap();
        // Room from before may be smaller or larger, and full of something else.
        for room in [0, 999, 1000, 5000] {
            let page = |size: usize| decompress(6, &stored, size, vec![7; room], &Control::new());
            assert_eq!(page(1000).unwrap(), bytes);
            assert!(page(999).is_err() && page(1001).is_err());
        }
    }
}
