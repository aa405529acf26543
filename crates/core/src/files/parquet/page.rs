//! Pages: their headers, their checksums, and how they are decompressed.

use std::cell::RefCell;
use std::io::Read;

use super::damaged;
use super::thrift::{Kind, Reader};
use crate::error::{Code, Error, Result};
use crate::files::bytes::{RandomFile, check_memory, from_io, unreadable};

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

/// Reads the page at `at`, which lies before `end`; its bytes, decompressed, and where the next begins. `room` is where they may
/// lie.
pub(super) fn read(file: &RandomFile, at: u64, end: u64, codec: i64, room: Vec<u8>) -> Result<(Header, Vec<u8>, u64)> {
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
    let stored = file.bytes(start, header.compressed).map_err(broken)?;
    if let Some(expected) = header.checksum {
        let mut checksum = flate2::Crc::new();
        checksum.update(&stored);
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
                    page.extend(decompress(codec, values, header.size - levels.len(), room)?);
                }
                page
            } else {
                stored.into_owned()
            }
        }
        Form::Other => Vec::new(),
        Form::Data | Form::Dictionary => decompress(codec, &stored, header.size, room)?,
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

/// `size` bytes from `stored`, in `room` if that is of use.
fn decompress(codec: i64, stored: &[u8], size: usize, mut room: Vec<u8>) -> Result<Vec<u8>> {
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
        2 => read_whole(flate2::read::MultiGzDecoder::new(stored), size).and_then(whole),
        4 => read_whole(brotli_decompressor::Decompressor::new(stored, 1 << 14), size).and_then(whole),
        5 => whole(hadoop_lz4(stored, size).or_else(|| lz4_block(stored, size)).ok_or_else(wrong)?),
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
fn read_whole(reader: impl Read, size: usize) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = reader.take(size as u64 + 1).read_to_end(&mut bytes);
    read.map_err(|_| damaged("a page cannot be decompressed"))?;
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
