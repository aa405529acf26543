//! The entries of a `.npz` archive: a ZIP file, stored or deflated, one `.npy` array an entry.

use std::io::{Cursor, Read};

use zip::result::ZipError;
use zip::{CompressionMethod, ZipArchive};

use super::array::{Layout, check_extent};
use super::npy;
use crate::error::{Code, Error, Result};
use crate::progress::Control;

/// Bytes read between two looks at the cancellation flag.
const CHUNK: usize = 1 << 20;

/// Deflate turns at most 1,032 bytes into one; the slack is for the least possible stream.
const MAX_INFLATION: u64 = 1032;

/// An archive whose directory was read.
#[derive(Clone)]
pub(super) struct Archive<'a> {
    zip: ZipArchive<Cursor<&'a [u8]>>,
    file: &'a [u8],
}

/// One array of an archive.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) layout: Layout,
    index: usize,
    /// Bytes of the entry, header included, and of its header.
    size: u64,
    header: usize,
    /// Where the entry begins in the file, if it is stored.
    stored: Option<usize>,
}

impl<'a> Archive<'a> {
    pub(super) fn open(file: &'a [u8]) -> Result<Self> {
        let mut zip = ZipArchive::new(Cursor::new(file)).map_err(|error| refused(None, &error))?;
        if zip.has_duplicate_names() {
            return Err(malformed("two entries have the same name"));
        }
        // Overlapping entries are how a small file claims to hold terabytes.
        if zip.has_overlapping_entries().map_err(|error| refused(None, &error))? {
            return Err(malformed("its entries overlap"));
        }
        Ok(Self { zip, file })
    }

    /// The arrays, in the order in which they were saved.
    pub(super) fn entries(&mut self, control: &Control) -> Result<Vec<Entry>> {
        (0..self.zip.len())
            .map(|index| {
                control.check()?;
                self.entry(index)
            })
            .collect()
    }

    fn entry(&mut self, index: usize) -> Result<Entry> {
        let raw = self.zip.by_index_raw(index).map_err(|error| refused(None, &error))?;
        let path = raw.name().map_err(|error| refused(None, &error))?.into_owned();
        let Some(name) = path.strip_suffix(".npy").filter(|name| !name.is_empty()) else {
            return Err(Error::new(Code::UnsupportedFile, not_an_array(&path)));
        };
        let name = name.to_owned();
        if raw.encrypted() {
            return Err(Error::new(Code::UnsupportedFile, format!("entry '{name}' is encrypted: {SAVE_AGAIN}")));
        }
        let (size, compressed) = (raw.size(), raw.compressed_size());
        let stored = match raw.compression() {
            CompressionMethod::Stored => true,
            CompressionMethod::Deflated => false,
            other => {
                return Err(Error::new(
                    Code::UnsupportedFile,
                    format!("entry '{name}' is compressed by {other}, not by deflate: {SAVE_AGAIN}"),
                ));
            }
        };
        drop(raw);
        let most = if stored { compressed } else { compressed.saturating_add(1).saturating_mul(MAX_INFLATION) };
        if size > most {
            return Err(malformed(&format!(
                "entry '{name}' claims {size} bytes, which {compressed} bytes cannot hold"
            )));
        }

        let mut reader = self.zip.by_index(index).map_err(|error| refused(Some(&name), &error))?;
        let start = reader.data_start();
        let mut header = vec![0; npy::PRELUDE];
        read_exact(&mut reader, &mut header, &name)?;
        let offset = npy::data_offset(&header).map_err(|error| in_entry(&name, error))?;
        header.resize(offset.max(npy::PRELUDE), 0);
        read_exact(&mut reader, &mut header[npy::PRELUDE..], &name)?;
        let (layout, offset) = npy::parse_header(&header).map_err(|error| in_entry(&name, error))?;
        let payload =
            size.checked_sub(offset as u64).ok_or_else(|| malformed(&format!("entry '{name}' is cut short")))?;
        check_extent(&layout, payload).map_err(|error| in_entry(&name, error))?;
        let stored = if stored {
            let start = start.and_then(|start| usize::try_from(start).ok());
            Some(start.ok_or_else(|| malformed(&format!("entry '{name}' has no beginning")))?)
        } else {
            None
        };
        Ok(Entry { name, layout, index, size, header: offset, stored })
    }

    /// The bytes of the elements of `entry`, checked against the archive's checksum; copied only if deflated.
    pub(super) fn elements(&mut self, entry: &Entry, control: &Control) -> Result<std::borrow::Cow<'a, [u8]>> {
        let name = &entry.name;
        let size = usize::try_from(entry.size).map_err(|_| {
            Error::new(Code::TooLarge, format!("entry '{name}' is larger than this machine can address."))
        })?;
        let mut reader = self.zip.by_index(entry.index).map_err(|error| refused(Some(name), &error))?;
        let mut inflated = Vec::new();
        if entry.stored.is_none() && inflated.try_reserve_exact(size).is_err() {
            return Err(Error::new(
                Code::TooLarge,
                format!(
                    "entry '{name}' needs {size} bytes of memory when inflated: save the matrix as .npy, which can be mapped."
                ),
            ));
        }
        // Reading to the end is what makes the archive compare checksums.
        let mut buffer = vec![0; CHUNK.min(size + 1)];
        let mut total = 0_usize;
        loop {
            control.check()?;
            let count = reader.read(&mut buffer).map_err(|error| unreadable(name, &error))?;
            if count == 0 {
                break;
            }
            total += count;
            if total > size {
                return Err(malformed(&format!("entry '{name}' is longer than the {size} bytes it claims")));
            }
            if entry.stored.is_none() {
                inflated.extend_from_slice(&buffer[..count]);
            }
        }
        if total != size {
            return Err(malformed(&format!("entry '{name}' ends after {total} of the {size} bytes it claims")));
        }
        match entry.stored {
            None => {
                inflated.drain(..entry.header);
                Ok(inflated.into())
            }
            Some(start) => {
                let elements = start.checked_add(entry.header).zip(start.checked_add(size));
                let elements = elements.and_then(|(from, to)| self.file.get(from..to));
                Ok(elements.ok_or_else(|| malformed(&format!("entry '{name}' lies beyond the file")))?.into())
            }
        }
    }
}

const SAVE_AGAIN: &str = "save it with np.savez or np.savez_compressed.";

fn not_an_array(path: &str) -> String {
    if path.ends_with("/data.pkl") || path.contains("/data/") {
        return "this is a PyTorch checkpoint, which holds pickled Python objects and is never opened here: load it in Python and save the numbers with np.save or safetensors.".to_owned();
    }
    format!("entry '{path}' is not a .npy array: {SAVE_AGAIN}")
}

fn read_exact(reader: &mut impl Read, buffer: &mut [u8], name: &str) -> Result<()> {
    reader.read_exact(buffer).map_err(|error| unreadable(name, &error))
}

fn unreadable(name: &str, error: &std::io::Error) -> Error {
    malformed(&format!("entry '{name}' is damaged or cut short ({error})"))
}

fn in_entry(name: &str, error: Error) -> Error {
    Error { message: format!("entry '{name}': {}", error.message), ..error }
}

fn refused(name: Option<&str>, error: &ZipError) -> Error {
    let entry = name.map_or_else(String::new, |name| format!("entry '{name}': "));
    match error {
        ZipError::UnsupportedArchive(what) => {
            Error::new(Code::UnsupportedFile, format!("{entry}the archive is not supported ({what}): {SAVE_AGAIN}"))
        }
        ZipError::CompressionMethodNotSupported(method) => Error::new(
            Code::UnsupportedFile,
            format!("{entry}compression method {method} is not supported: {SAVE_AGAIN}"),
        ),
        other => malformed(&format!("{entry}{other}")),
    }
}

fn malformed(what: &str) -> Error {
    Error::new(Code::MalformedFile, format!("not a valid .npz archive: {what}. Copy or write it again."))
}
