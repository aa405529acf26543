//! The raw bytes of one file, in order, hashed on a thread of their own.

use std::fs::File;
use std::io::{BufRead, Read};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use sha2::{Digest as _, Sha256};

use super::stamp::{Digest, Stamp, changed};
use super::{PIECE, into_io, unreadable};
use crate::error::{Code, Error, Result};

/// Pieces that may wait for the parser.
const AHEAD: usize = 3;

/// A file that is read from its beginning to its end. The first piece is read at once; a thread reads and hashes the
/// others while the parser is at work.
pub(super) struct Source {
    path: PathBuf,
    file: File,
    stamp: Stamp,
    piece: Vec<u8>,
    at: usize,
    /// The hash so far, while no thread has it.
    hash: Option<Sha256>,
    taken: u64,
    reader: Option<Reader>,
}

struct Reader {
    pieces: Receiver<std::io::Result<Vec<u8>>>,
    used: SyncSender<Vec<u8>>,
    thread: JoinHandle<Sha256>,
}

impl Source {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let (file, stamp) = Stamp::open(path)?;
        let mut hash = Sha256::new();
        let mut piece = Vec::new();
        fill(&file, &mut piece, stamp.length).map_err(|error| unreadable(&error))?;
        hash.update(&piece);
        let taken = piece.len() as u64;
        Ok(Self { path: path.to_owned(), file, stamp, piece, at: 0, hash: Some(hash), taken, reader: None })
    }

    /// Bytes of the file.
    pub(super) fn length(&self) -> u64 {
        self.stamp.length
    }

    /// The file itself, for a reader that needs its bytes in another order.
    pub(super) fn to_file(&self) -> Result<(PathBuf, File, Stamp)> {
        let file = self.file.try_clone().map_err(|error| unreadable(&error))?;
        Ok((self.path.clone(), file, self.stamp.clone()))
    }

    /// The next piece; an empty one at the end of the file.
    fn next(&mut self) -> Result<()> {
        if self.taken >= self.stamp.length && self.reader.is_none() {
            self.piece.clear();
            self.at = 0;
            return Ok(());
        }
        let reader = match &self.reader {
            Some(reader) => reader,
            None => {
                let hash = self.hash.take().ok_or_else(|| Error::new(Code::Internal, "A file is read twice."))?;
                self.reader.insert(Reader::start(&self.file, hash)?)
            }
        };
        // A thread that ended without a word ended at the end of the file.
        let piece = reader.pieces.recv().unwrap_or_else(|_| Ok(Vec::new())).map_err(|error| unreadable(&error))?;
        self.taken += piece.len() as u64;
        let used = std::mem::replace(&mut self.piece, piece);
        self.at = 0;
        // A reader that has ended needs no buffer any more.
        let _ = reader.used.try_send(used);
        // A file that grows without end would be read without end; one that ends early was cut.
        let whole = self.taken == self.stamp.length;
        if self.taken > self.stamp.length || (self.piece.is_empty() && !whole) { Err(changed()) } else { Ok(()) }
    }

    /// Bytes read so far.
    pub(super) fn taken(&self) -> u64 {
        self.taken
    }

    /// The digest of the file, which was read to its end; fails unless it is what it was when it was opened.
    pub(super) fn finish(mut self) -> Result<Digest> {
        let hash = match (self.hash.take(), self.stop()) {
            (Some(hash), _) | (None, Some(hash)) => hash,
            (None, None) => return Err(Error::new(Code::Internal, "The hash of a file is lost.")),
        };
        self.stamp.check(&self.file, &self.path)?;
        Ok(digest(hash, self.taken))
    }

    /// Ends the thread, if there is one.
    fn stop(&mut self) -> Option<Sha256> {
        let Reader { pieces, used, thread } = self.reader.take()?;
        // With nobody to take its pieces, the thread ends after the one at hand.
        drop((pieces, used));
        thread.join().ok()
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Reader {
    fn start(file: &File, mut hash: Sha256) -> Result<Self> {
        let file = file.try_clone().map_err(|error| unreadable(&error))?;
        let (send, pieces) = sync_channel(AHEAD);
        let (used, again) = sync_channel::<Vec<u8>>(AHEAD + 1);
        let thread = std::thread::Builder::new().name("coverage-read".into()).spawn(move || {
            loop {
                let mut piece = again.try_recv().unwrap_or_default();
                let end = match fill(&file, &mut piece, PIECE as u64) {
                    Ok(()) => piece.is_empty(),
                    Err(error) => {
                        // Nobody is left to tell when the parser has given up.
                        let _ = send.send(Err(error));
                        break;
                    }
                };
                hash.update(&piece);
                if end || send.send(Ok(piece)).is_err() {
                    break;
                }
            }
            hash
        });
        let thread =
            thread.map_err(|error| Error::new(Code::Internal, format!("Cannot start a thread to read: {error}.")))?;
        Ok(Self { pieces, used, thread })
    }
}

/// Reads a whole piece, or `expected` bytes and what may follow them in the same piece, or what is left of the file.
fn fill(mut file: &File, piece: &mut Vec<u8>, expected: u64) -> std::io::Result<()> {
    let size = usize::try_from(expected).map_or(PIECE, |expected| expected.saturating_add(1).min(PIECE));
    piece.resize(size, 0);
    let mut filled = 0;
    while filled < piece.len() {
        match file.read(&mut piece[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    piece.truncate(filled);
    Ok(())
}

/// The digest of `bytes` bytes, all of which went into `hash`.
pub(super) fn digest(hash: Sha256, bytes: u64) -> Digest {
    use std::fmt::Write;
    let sha256 = hash.finalize().iter().fold(String::with_capacity(64), |mut digits, byte| {
        // Writing to a string cannot fail.
        let _ = write!(digits, "{byte:02x}");
        digits
    });
    Digest { sha256, bytes }
}

impl BufRead for Source {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        if self.at == self.piece.len() {
            self.next().map_err(into_io)?;
        }
        Ok(&self.piece[self.at..])
    }

    fn consume(&mut self, amount: usize) {
        self.at += amount;
    }
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let from = self.fill_buf()?;
        let count = from.len().min(buffer.len());
        buffer[..count].copy_from_slice(&from[..count]);
        self.consume(count);
        Ok(count)
    }
}
