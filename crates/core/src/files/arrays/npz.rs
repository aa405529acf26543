//! The entries of a `.npz` archive: a ZIP file, stored or deflated, one `.npy` array an entry.

use std::io::Read;
use std::sync::Arc;

use zip::result::ZipError;
use zip::{CompressionMethod, ZipArchive};

use super::layout::{Layout, check_extent};
use super::npy;
use crate::error::{Code, Error, Result};
use crate::files::archive::is_called_alike;
use crate::files::bytes::{Cursor, Digest, MOST_INFLATION, PIECE, RandomFile, from_io};
use crate::progress::Control;

/// An archive whose directory was read.
pub(super) struct Archive {
    zip: ZipArchive<Cursor>,
    file: Arc<RandomFile>,
}

/// Whether a file that begins with `head` is a ZIP archive.
pub(super) fn looks_like(head: &[u8]) -> bool {
    head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06")
}

/// One array of an archive.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) layout: Layout,
    index: usize,
    /// Bytes of the entry, header included, and of its header.
    size: u64,
    header: usize,
}

impl Archive {
    pub(super) fn open(file: Arc<RandomFile>) -> Result<Self> {
        let zip = ZipArchive::new(Cursor::new(Arc::clone(&file), 0));
        let mut zip = zip.map_err(|error| refused(None, error))?;
        if zip.has_duplicate_names() {
            return Err(malformed("two entries have the same name"));
        }
        // Overlapping entries are how a small file claims to hold terabytes.
        if zip.has_overlapping_entries().map_err(|error| refused(None, error))? {
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
        let raw = self.zip.by_index_raw(index).map_err(|error| refused(None, error))?;
        let path = raw.name().map_err(|error| refused(None, error))?.into_owned();
        let Some(name) = path.strip_suffix(".npy").filter(|name| !name.is_empty()) else {
            return Err(Error::new(Code::UnsupportedFile, not_an_array(&path)));
        };
        let name = name.to_owned();
        if !is_called_alike(&self.file, &raw)? {
            return Err(malformed(&format!("its index has another name for entry '{name}'")));
        }
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
        let most = if stored { compressed } else { compressed.saturating_add(1).saturating_mul(MOST_INFLATION) };
        if size > most {
            return Err(malformed(&format!(
                "entry '{name}' claims {size} bytes, which {compressed} bytes cannot hold"
            )));
        }

        let mut reader = self.zip.by_index(index).map_err(|error| refused(Some(&name), error))?;
        let mut header = vec![0; npy::PRELUDE];
        read_exact(&mut reader, &mut header, &name)?;
        let offset = npy::data_offset(&header).map_err(|error| in_entry(&name, error))?;
        header.resize(offset.max(npy::PRELUDE), 0);
        read_exact(&mut reader, &mut header[npy::PRELUDE..], &name)?;
        let (layout, offset) = npy::parse_header(&header).map_err(|error| in_entry(&name, error))?;
        let payload =
            size.checked_sub(offset as u64).ok_or_else(|| malformed(&format!("entry '{name}' is cut short")))?;
        check_extent(&layout, payload).map_err(|error| in_entry(&name, error))?;
        Ok(Entry { name, layout, index, size, header: offset })
    }

    /// Gives `take` the elements of `entry` in pieces of whole elements of `size` bytes, and compares the archive's
    /// checksum.
    pub(super) fn elements(
        &mut self,
        entry: &Entry,
        size: usize,
        control: &Control,
        take: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        let name = &entry.name;
        let mut reader = self.zip.by_index(entry.index).map_err(|error| refused(Some(name), error))?;
        let mut header = vec![0; entry.header.max(npy::PRELUDE)];
        read_exact(&mut reader, &mut header, name)?;
        let mut left = entry.layout.bytes;
        let mut piece = vec![0; (PIECE / size).max(1).saturating_mul(size).min(left)];
        while left > 0 {
            self.file.poll(control)?;
            let count = piece.len().min(left);
            read_exact(&mut reader, &mut piece[..count], name)?;
            take(&piece[..count])?;
            left -= count;
        }
        // Reading to the end is what makes the archive compare checksums.
        match reader.read(&mut [0]) {
            Ok(0) => Ok(()),
            Ok(_) => Err(malformed(&format!("entry '{name}' is longer than the {} bytes it claims", entry.size))),
            Err(error) => Err(unreadable(name, error)),
        }
    }

    pub(super) fn finish(self, control: &Control) -> Result<Digest> {
        self.file.finish(control)
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
    reader.read_exact(buffer).map_err(|error| unreadable(name, error))
}

fn unreadable(name: &str, error: std::io::Error) -> Error {
    from_io(error, |error| malformed(&format!("entry '{name}' is damaged or cut short ({error})")))
}

fn in_entry(name: &str, error: Error) -> Error {
    let message = format!("entry '{name}': {}", error.message);
    error.saying(message)
}

fn refused(name: Option<&str>, error: ZipError) -> Error {
    let entry = name.map_or_else(String::new, |name| format!("entry '{name}': "));
    match error {
        ZipError::Io(error) => from_io(error, |error| malformed(&format!("{entry}{error}"))),
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
