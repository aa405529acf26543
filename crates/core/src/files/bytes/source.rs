//! The raw bytes of one file, in order, hashed on a thread of their own.

use std::fs::File;
use std::io::{BufRead, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use blake3::Hasher as FileHasher;

use super::stamp::{Digest, Stamp, changed};
use super::{PIECE, into_io, unreadable};
use crate::error::{Code, Error, Result};

/// Pieces that may wait to be hashed.
const AHEAD: usize = 8;

/// A file that is read from its beginning to its end. A thread hashes each piece while the parser is at work on it and
/// on those after it.
pub(super) struct Source {
    path: PathBuf,
    file: File,
    stamp: Stamp,
    piece: Arc<Vec<u8>>,
    at: usize,
    /// Pieces that were taken, for others to come; some are still being hashed.
    used: Vec<Arc<Vec<u8>>>,
    /// The hash so far, while no thread has it. In a box, for it is 2 KB that are moved about with the source.
    hash: Option<Box<FileHasher>>,
    taken: u64,
    hasher: Option<Hasher>,
}

struct Hasher {
    pieces: SyncSender<Arc<Vec<u8>>>,
    thread: JoinHandle<Box<FileHasher>>,
}

impl Source {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let (file, stamp) = Stamp::open(path)?;
        let mut hash = Box::new(FileHasher::new());
        let mut piece = Vec::new();
        fill(&file, &mut piece, stamp.length).map_err(|error| unreadable(&error))?;
        hash.update(&piece);
        let taken = piece.len() as u64;
        let (path, piece, hash) = (path.to_owned(), Arc::new(piece), Some(hash));
        Ok(Self { path, file, stamp, piece, at: 0, used: Vec::new(), hash, taken, hasher: None })
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
        let taken = std::mem::take(&mut self.piece);
        self.used.extend(Some(taken).filter(|piece| !piece.is_empty()));
        self.at = 0;
        if self.taken >= self.stamp.length {
            return Ok(());
        }
        let free = self.used.iter_mut().position(|piece| Arc::get_mut(piece).is_some());
        let mut piece = free.map(|free| self.used.swap_remove(free)).unwrap_or_default();
        if let Some(bytes) = Arc::get_mut(&mut piece) {
            fill(&self.file, bytes, PIECE as u64).map_err(|error| unreadable(&error))?;
        }
        self.taken += piece.len() as u64;
        // A file that grows without end would be read without end; one that ends early was cut.
        if self.taken > self.stamp.length || piece.is_empty() {
            return Err(changed());
        }
        let hasher = match &self.hasher {
            Some(hasher) => hasher,
            None => {
                let hash = self.hash.take().ok_or_else(|| Error::new(Code::Internal, "A file is read twice."))?;
                self.hasher.insert(Hasher::start(hash)?)
            }
        };
        hasher
            .pieces
            .send(Arc::clone(&piece))
            .map_err(|_| Error::new(Code::Internal, "The hash of a file is lost."))?;
        self.piece = piece;
        Ok(())
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
        Ok(digest(&hash, self.taken))
    }

    /// Ends the thread, if there is one.
    fn stop(&mut self) -> Option<Box<FileHasher>> {
        let Hasher { pieces, thread } = self.hasher.take()?;
        // With nobody to send it pieces, the thread ends after those it has.
        drop(pieces);
        thread.join().ok()
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Hasher {
    fn start(mut hash: Box<FileHasher>) -> Result<Self> {
        let (pieces, waiting) = sync_channel::<Arc<Vec<u8>>>(AHEAD);
        let thread = std::thread::Builder::new().name("coverage-hash".into()).spawn(move || {
            for piece in waiting {
                hash.update(&piece);
            }
            hash
        });
        let thread =
            thread.map_err(|error| Error::new(Code::Internal, format!("Cannot start a thread to hash: {error}.")))?;
        Ok(Self { pieces, thread })
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
pub(super) fn digest(hash: &FileHasher, bytes: u64) -> Digest {
    Digest { blake3: hash.finalize().to_hex().to_string(), bytes }
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
