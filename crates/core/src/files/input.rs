//! A file as formats see it: what it begins with, and its bytes in order.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::error::{Code, Error, Result};
use crate::progress::Control;

/// Bytes read at a time.
const CHUNK: usize = 256 << 10;

/// One file to read.
pub struct Input {
    path: PathBuf,
    shown: String,
    head: Vec<u8>,
}

/// Bytes in order, from beginning to end.
pub trait ByteStream: Send {
    /// Appends some bytes to `into` and returns how many; 0 at the end.
    ///
    /// # Errors
    /// [`Code::Aborted`], [`Code::Io`], [`Code::MalformedFile`].
    fn read(&mut self, into: &mut Vec<u8>, control: &Control) -> Result<usize>;
}

impl Input {
    /// How many bytes [`Input::head`] has at most.
    pub const HEAD: usize = 64 << 10;

    /// Opens the regular file at `path`, which is called `shown` in messages.
    ///
    /// # Errors
    /// [`Code::Io`], [`Code::UnsupportedFile`] for what is no regular file, [`Code::MalformedFile`] for an empty one.
    pub fn open(path: &Path, shown: &str, _control: &Control) -> Result<Vec<Self>> {
        let placed = |error: Error| error.in_file(shown);
        // Looking before opening: opening a named pipe that nobody writes to would block for ever.
        let metadata = std::fs::metadata(path).map_err(|error| placed(unreadable(&error)))?;
        if !metadata.is_file() {
            let message = "This is a pipe or a device, not a regular file: write the data to a file first.";
            return Err(placed(Error::new(Code::UnsupportedFile, message)));
        }
        if metadata.len() == 0 {
            let message = "The file is empty: write it again, or check that the run that wrote it has finished.";
            return Err(placed(Error::new(Code::MalformedFile, message)));
        }
        let file = File::open(path).map_err(|error| placed(unreadable(&error)))?;
        let mut head = Vec::new();
        file.take(Self::HEAD as u64).read_to_end(&mut head).map_err(|error| placed(unreadable(&error)))?;
        Ok(vec![Self { path: path.to_owned(), shown: shown.to_owned(), head }])
    }

    /// The file, as messages call it.
    #[must_use]
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// The file itself.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The first bytes of the content.
    #[must_use]
    pub fn head(&self) -> &[u8] {
        &self.head
    }

    /// The content from its beginning.
    ///
    /// # Errors
    /// [`Code::Io`].
    pub fn stream(&mut self) -> Result<Box<dyn ByteStream + '_>> {
        let file = File::open(&self.path).map_err(|error| unreadable(&error).in_file(&*self.shown))?;
        Ok(Box::new(Plain { file, shown: &self.shown }))
    }
}

struct Plain<'a> {
    file: File,
    shown: &'a str,
}

impl ByteStream for Plain<'_> {
    fn read(&mut self, into: &mut Vec<u8>, control: &Control) -> Result<usize> {
        control.check()?;
        let read = Read::by_ref(&mut self.file).take(CHUNK as u64).read_to_end(into);
        let read = read.map_err(|error| unreadable(&error).in_file(self.shown))?;
        control.advance(read as u64);
        Ok(read)
    }
}

fn unreadable(error: &std::io::Error) -> Error {
    let advice = match error.kind() {
        std::io::ErrorKind::NotFound => "There is no such file: check the path.".to_owned(),
        std::io::ErrorKind::PermissionDenied => "No permission to read this file.".to_owned(),
        _ => format!("The file cannot be read: {error}."),
    };
    Error::new(Code::Io, advice)
}
