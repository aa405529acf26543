//! Whether a file is still the one that was opened.

use std::fs::{File, Metadata};
use std::path::Path;
use std::time::SystemTime;

use serde::Serialize;

use super::unreadable;
use crate::error::{Code, Error, Result};

/// What was read of a file: all its bytes, as they were parsed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Digest {
    /// BLAKE3 of the file's bytes, in hexadecimal digits, as `b3sum` prints it.
    pub blake3: String,
    /// Bytes of the file, as it lies on the disk.
    pub bytes: u64,
}

/// What changes when a file is written to or replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) length: u64,
    modified: Option<SystemTime>,
    /// Device and number of the file, where the system has them.
    identity: Option<(u64, u64)>,
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        #[cfg(unix)]
        let identity = {
            use std::os::unix::fs::MetadataExt;
            Some((metadata.dev(), metadata.ino()))
        };
        #[cfg(not(unix))]
        let identity = None;
        Self { length: metadata.len(), modified: metadata.modified().ok(), identity }
    }

    /// Opens the regular file at `path`, which has something in it.
    pub(super) fn open(path: &Path) -> Result<(File, Self)> {
        // Looking before opening: opening a named pipe that nobody writes to would block for ever.
        let metadata = std::fs::metadata(path).map_err(|error| unreadable(&error))?;
        if metadata.is_dir() {
            return Err(Error::new(Code::UnsupportedFile, "this is a directory: name the files in it."));
        }
        if !metadata.is_file() {
            return Err(Error::new(
                Code::UnsupportedFile,
                "this is a pipe or a device, not a regular file: write the data to a file first.",
            ));
        }
        let file = File::open(path).map_err(|error| unreadable(&error))?;
        let stamp = Self::of(&file.metadata().map_err(|error| unreadable(&error))?);
        if stamp.length == 0 {
            return Err(Error::new(
                Code::MalformedFile,
                "the file is empty: write it again, or check that the run that wrote it has finished.",
            ));
        }
        Ok((file, stamp))
    }

    /// Fails unless both the open `file` and whatever lies at `path` now are what this stamp was taken of.
    pub(super) fn check(&self, file: &File, path: &Path) -> Result<()> {
        let now = [file.metadata(), std::fs::metadata(path)];
        if now.iter().all(|now| now.as_ref().is_ok_and(|now| Self::of(now) == *self)) {
            return Ok(());
        }
        Err(changed())
    }
}

/// The file is not what it was when reading began.
pub(super) fn changed() -> Error {
    Error::new(
        Code::InputChanged,
        "the file was written to or replaced while it was read: wait until whatever writes it has finished, then read it again.",
    )
}
