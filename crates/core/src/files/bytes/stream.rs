//! A file as a stream of bytes, decompressed, with a look at how it begins.

use std::io::{BufRead, Read};
use std::path::Path;

use super::compression::{Compression, Inflated};
use super::random::RandomFile;
use super::refused::refused;
use super::source::Source;
use super::stamp::Digest;
use super::{check_memory, from_io, unreadable};
use crate::error::{Error, Result};
use crate::progress::Control;

/// Bytes that [`Stream::head`] shows, where there are as many.
pub(crate) const HEAD: usize = 1 << 16;

/// The bytes of a file from beginning to end, whatever it is compressed with.
///
/// Whoever takes them calls [`Stream::poll`] for every piece. Errors that [`Read`] reports are of this crate, and
/// [`from_io`] takes them out again.
pub(crate) struct Stream {
    bytes: Bytes,
    /// Inflated bytes, and how many of them were taken.
    buffer: Vec<u8>,
    at: usize,
    /// Bytes of the file counted as progress.
    counted: u64,
}

enum Bytes {
    Plain(Box<Source>),
    Inflated(Inflated),
}

impl Stream {
    /// Opens the file at `path`.
    ///
    /// # Errors
    /// [`crate::Code::Io`], [`crate::Code::UnsupportedFile`] for what is no regular file and for kinds that are known
    /// and not read, [`crate::Code::MalformedFile`] for an empty file or damaged compression.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let mut source = Source::open(path)?;
        let compression = Compression::of(source.fill_buf().map_err(unwrapped)?);
        let bytes = match compression {
            None => Bytes::Plain(Box::new(source)),
            Some(compression) => Bytes::Inflated(Inflated::new(source, compression)?),
        };
        let mut stream = Self { bytes, buffer: Vec::new(), at: 0, counted: 0 };
        match refused(stream.head()?) {
            Some(error) => Err(error),
            None => Ok(stream),
        }
    }

    /// The next bytes without taking them: as many as [`HEAD`], unless the file ends before.
    pub(crate) fn head(&mut self) -> Result<&[u8]> {
        while matches!(self.bytes, Bytes::Inflated(_)) && self.buffer.len() - self.at < HEAD {
            if self.inflate().map_err(unwrapped)? == 0 {
                break;
            }
        }
        let head = self.fill_buf().map_err(unwrapped)?;
        Ok(&head[..head.len().min(HEAD)])
    }

    /// Fails once the control is cancelled; counts what was read of the file as progress.
    pub(crate) fn poll(&mut self, control: &Control) -> Result<()> {
        control.check()?;
        let taken = self.source().taken();
        control.advance(taken - self.counted);
        self.counted = taken;
        Ok(())
    }

    /// The most bytes that the file can hold, inflated; its length if it is not compressed.
    pub(crate) fn most(&self) -> u64 {
        match &self.bytes {
            Bytes::Plain(source) => source.length(),
            Bytes::Inflated(inflated) => inflated.most(),
        }
    }

    /// Whether the file lies on the disk as it is, so that [`Stream::most`] is its length.
    pub(crate) fn is_plain(&self) -> bool {
        matches!(self.bytes, Bytes::Plain(_))
    }

    /// Reads what is left of the file for its checksums and its hash.
    ///
    /// # Errors
    /// [`crate::Code::InputChanged`] if the file was written to or replaced meanwhile.
    pub(crate) fn finish(mut self, control: &Control) -> Result<Digest> {
        loop {
            self.poll(control)?;
            let count = self.fill_buf().map_err(unwrapped)?.len();
            if count == 0 {
                break;
            }
            self.consume(count);
        }
        match self.bytes {
            Bytes::Plain(source) => source.finish(),
            Bytes::Inflated(inflated) => inflated.into_source().finish(),
        }
    }

    /// The same file, to be read in any order. Nothing may have been taken from the stream.
    pub(crate) fn into_random(mut self, control: &Control) -> Result<RandomFile> {
        if let Bytes::Plain(source) = &self.bytes {
            let (path, file, stamp) = source.to_file()?;
            return RandomFile::open(path, file, stamp, control);
        }
        let mut whole = Vec::new();
        loop {
            self.poll(control)?;
            let piece = self.fill_buf().map_err(unwrapped)?;
            if piece.is_empty() {
                break;
            }
            let more = piece.len();
            if whole.capacity() - whole.len() < more {
                check_memory(whole.len().checked_mul(2), || {
                    "the file does not fit into memory when inflated: decompress it first.".to_owned()
                })?;
            }
            whole.extend_from_slice(piece);
            self.consume(more);
        }
        Ok(RandomFile::in_memory(whole, self.finish(control)?))
    }

    fn source(&self) -> &Source {
        match &self.bytes {
            Bytes::Plain(source) => source,
            Bytes::Inflated(inflated) => inflated.source(),
        }
    }

    /// Puts more inflated bytes into the buffer; 0 at the end.
    fn inflate(&mut self) -> std::io::Result<usize> {
        let Bytes::Inflated(inflated) = &mut self.bytes else { return Ok(0) };
        self.buffer.drain(..self.at);
        self.at = 0;
        let start = self.buffer.len();
        self.buffer.resize(start + HEAD, 0);
        let read = inflated.read(&mut self.buffer[start..]);
        self.buffer.truncate(start + *read.as_ref().unwrap_or(&0));
        read
    }
}

impl BufRead for Stream {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        if matches!(self.bytes, Bytes::Inflated(_)) && self.at == self.buffer.len() {
            self.inflate()?;
        }
        match &mut self.bytes {
            Bytes::Plain(source) => source.fill_buf(),
            Bytes::Inflated(_) => Ok(&self.buffer[self.at..]),
        }
    }

    fn consume(&mut self, amount: usize) {
        match &mut self.bytes {
            Bytes::Plain(source) => source.consume(amount),
            Bytes::Inflated(_) => self.at += amount,
        }
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let from = self.fill_buf()?;
        let count = from.len().min(buffer.len());
        buffer[..count].copy_from_slice(&from[..count]);
        self.consume(count);
        Ok(count)
    }
}

fn unwrapped(error: std::io::Error) -> Error {
    from_io(error, unreadable)
}
