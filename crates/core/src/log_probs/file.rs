//! Opening a file: read into memory up to a limit, memory-mapped above it.

use std::fs::File;
use std::io::Read;
use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;

use memmap2::Mmap;

use crate::error::{Code, Error, Result};

/// The bytes of a whole file. They stay where they are in memory as long as this lives.
pub(super) enum Bytes {
    /// Read into memory.
    Owned(Vec<u8>),
    /// Mapped; the pages are the file system's.
    Mapped(Mmap),
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Owned(bytes) => bytes,
            Self::Mapped(map) => map,
        }
    }
}

/// Reads the regular file at `path`, or maps it if it is larger than `map_above` bytes.
pub(super) fn open(path: &Path, map_above: u64) -> Result<Arc<Bytes>> {
    // Looking before opening: opening a named pipe that nobody writes to would block for ever.
    let metadata = std::fs::metadata(path).map_err(|error| unreadable(&error))?;
    if metadata.is_dir() {
        return Err(Error::new(
            Code::UnsupportedFile,
            "this is a directory: name the file in it that holds the log-probabilities.",
        ));
    }
    if !metadata.is_file() {
        return Err(Error::new(
            Code::UnsupportedFile,
            "this is a pipe or a device, not a regular file: write the data to a file first.",
        ));
    }
    let mut file = File::open(path).map_err(|error| unreadable(&error))?;
    if metadata.len() > map_above {
        // SAFETY: the map is only read. The bytes may change under us if someone writes to the file meanwhile,
        // which can give wrong numbers but breaks no invariant: every bit pattern of the element types is valid
        // and lengths are taken once. A file truncated meanwhile ends the process, as documented at
        // `ReadOptions::map_above`.
        let map = unsafe { Mmap::map(&file) }.map_err(|error| unreadable(&error))?;
        return Ok(Arc::new(Bytes::Mapped(map)));
    }
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(|error| unreadable(&error))?;
    if bytes.is_empty() {
        return Err(Error::new(
            Code::MalformedFile,
            "the file is empty: write it again, or check that the run that wrote it has finished.",
        ));
    }
    Ok(Arc::new(Bytes::Owned(bytes)))
}

fn unreadable(error: &std::io::Error) -> Error {
    let advice = match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file: check the path.".to_owned(),
        std::io::ErrorKind::PermissionDenied => "no permission to read this file.".to_owned(),
        _ => format!("the file cannot be read: {error}."),
    };
    Error::new(Code::Io, advice)
}
