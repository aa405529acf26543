//! A file whose bytes are wanted in any order, and hashed in theirs.

use std::borrow::Cow;
use std::fs::File;
use std::io::{Read, Seek};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use blake3::Hasher as FileHasher;

use super::source::digest;
use super::stamp::{Digest, Stamp, changed};
use super::{PIECE, check_memory, into_io, room, unreadable};
use crate::content_hash::ContentHash;
use crate::error::{Code, Error, Result};
use crate::progress::Control;

/// Files up to this many bytes are read into memory.
const IN_MEMORY: u64 = 64 << 20;

/// Bytes that are read into memory between two looks at whether to stop.
const AT_ONCE: u64 = 4 << 20;

/// Bytes that are compared at a time.
pub(super) const BLOCK: usize = 1 << 16;

/// How often someone who waits for the hash looks whether he was told to stop.
const PATIENCE: Duration = Duration::from_millis(1);

/// Files in memory above this many bytes are hashed beside what is done with them.
const BESIDE: u64 = 1 << 20;

/// A file to be read in any order. A small one lies in memory and is hashed there. A large one is read from the disk when asked, while a
/// thread reads all of it in order for its hash; both take a fast hash of every block, and [`RandomFile::finish`] fails
/// unless what was handed out is what was hashed.
pub(crate) struct RandomFile {
    place: Place,
    length: u64,
    /// The hash of the file, once known; where there are blocks, with theirs.
    hashed: OnceLock<(Digest, Vec<ContentHash>)>,
    /// Bytes of the file that are still to be counted as progress, or were.
    counted: AtomicU64,
}

enum Place {
    Memory(Arc<Vec<u8>>, Option<Hashing>),
    Disk(Disk),
}

/// The hash of bytes in memory, in the making.
struct Hashing {
    stop: Arc<AtomicBool>,
    thread: Mutex<Option<JoinHandle<Box<FileHasher>>>>,
}

struct Disk {
    path: PathBuf,
    file: File,
    stamp: Stamp,
    /// Fast hashes of the blocks that were handed out, by block.
    given: Mutex<Vec<Option<ContentHash>>>,
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<std::io::Result<Hashed>>>>,
}

/// What the hashing thread and the others say to each other.
#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    done: AtomicU64,
}

struct Hashed {
    hash: Box<FileHasher>,
    blocks: Vec<ContentHash>,
    bytes: u64,
}

impl RandomFile {
    pub(super) fn open(path: PathBuf, file: File, stamp: Stamp, control: &Control) -> Result<Self> {
        Self::open_above(IN_MEMORY, path, file, stamp, control)
    }

    fn open_above(in_memory: u64, path: PathBuf, file: File, stamp: Stamp, control: &Control) -> Result<Self> {
        let length = stamp.length;
        if length > in_memory {
            let shared = Arc::new(Shared::default());
            let blocks = usize::try_from(length.div_ceil(BLOCK as u64))
                .map_err(|_| Error::new(Code::TooLarge, "the file is larger than this machine can address."))?;
            let thread = hash_file(file.try_clone().map_err(|error| unreadable(&error))?, length, Arc::clone(&shared))?;
            let place = Place::Disk(Disk {
                path,
                file,
                stamp,
                given: Mutex::new(vec![None; blocks]),
                shared,
                thread: Mutex::new(Some(thread)),
            });
            return Ok(Self { place, length, hashed: OnceLock::new(), counted: AtomicU64::new(0) });
        }
        let mut bytes = room(length as usize);
        (&file).rewind().map_err(|error| unreadable(&error))?;
        while (bytes.len() as u64) < length {
            control.check()?;
            // To where nothing was written before, zeros neither.
            let piece = (length - bytes.len() as u64).min(AT_ONCE);
            if (&file).take(piece).read_to_end(&mut bytes).map_err(|error| unreadable(&error))? == 0 {
                return Err(changed());
            }
        }
        stamp.check(&file, &path)?;
        let bytes = Arc::new(bytes);
        let (hashed, hashing) = if length > BESIDE {
            (OnceLock::new(), Some(Hashing::start(Arc::clone(&bytes))?))
        } else {
            let hash = of_bytes(&bytes);
            (OnceLock::from((digest(&hash, length), Vec::new())), None)
        };
        Ok(Self { length, place: Place::Memory(bytes, hashing), hashed, counted: AtomicU64::new(0) })
    }

    /// What a file was inflated to.
    pub(super) fn in_memory(bytes: Vec<u8>, digest: Digest) -> Self {
        let length = bytes.len() as u64;
        let hashed = OnceLock::from((digest, Vec::new()));
        Self { length, place: Place::Memory(Arc::new(bytes), None), hashed, counted: AtomicU64::new(length) }
    }

    /// A part of another file, which alone has a hash.
    pub(in crate::files) fn part_of(bytes: Vec<u8>) -> Self {
        let length = bytes.len() as u64;
        Self {
            length,
            place: Place::Memory(Arc::new(bytes), None),
            hashed: OnceLock::new(),
            counted: AtomicU64::new(length),
        }
    }

    /// Bytes that can be read.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// `size` bytes from `offset` on; memory is asked about before it is taken.
    pub(crate) fn bytes_at(&self, offset: u64, size: usize) -> std::io::Result<Vec<u8>> {
        let mut bytes = self.room_at(offset, size)?;
        self.read_at(&mut bytes, offset)?;
        Ok(bytes)
    }

    /// Room for `size` bytes from `offset` on, which lie in the file.
    fn room_at(&self, offset: u64, size: usize) -> std::io::Result<Vec<u8>> {
        if offset.checked_add(size as u64).is_none_or(|end| end > self.length) {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        if size > PIECE {
            let message = || format!("{size} bytes of the file do not fit into memory at once.");
            check_memory(Some(size), message).map_err(into_io)?;
        }
        Ok(vec![0; size])
    }

    /// [`RandomFile::bytes_at`] without a copy where they lie in memory.
    pub(crate) fn bytes(&self, offset: u64, size: usize) -> std::io::Result<Cow<'_, [u8]>> {
        match (&self.place, offset.checked_add(size as u64).filter(|&end| end <= self.length)) {
            (Place::Memory(bytes, _), Some(end)) => Ok(Cow::Borrowed(&bytes[offset as usize..end as usize])),
            _ => self.bytes_at(offset, size).map(Cow::Owned),
        }
    }

    /// [`RandomFile::bytes`] of a large part, which ends once the control is cancelled.
    pub(crate) fn whole(&self, offset: u64, size: usize, control: &Control) -> std::io::Result<Cow<'_, [u8]>> {
        if matches!(self.place, Place::Memory(..)) || size as u64 <= AT_ONCE {
            return self.bytes(offset, size);
        }
        let mut bytes = self.room_at(offset, size)?;
        let mut at = offset;
        for piece in bytes.chunks_mut(AT_ONCE as usize) {
            control.check().map_err(into_io)?;
            self.read_at(piece, at)?;
            at += piece.len() as u64;
        }
        Ok(Cow::Owned(bytes))
    }

    /// Fills `buffer` with the bytes from `offset` on.
    ///
    /// # Errors
    /// `UnexpectedEof` unless all of them lie in the file.
    pub(crate) fn read_at(&self, buffer: &mut [u8], offset: u64) -> std::io::Result<()> {
        let end = offset.checked_add(buffer.len() as u64).filter(|&end| end <= self.length);
        let end = end.ok_or(std::io::ErrorKind::UnexpectedEof)?;
        let disk = match &self.place {
            Place::Memory(bytes, _) => {
                buffer.copy_from_slice(&bytes[offset as usize..end as usize]);
                return Ok(());
            }
            Place::Disk(disk) => disk,
        };
        // Whole blocks, of which the caller gets a part.
        let mut whole = vec![0; BLOCK];
        let mut at = offset;
        while at < end {
            let block = at / BLOCK as u64;
            let start = block * BLOCK as u64;
            let size = (self.length - start).min(BLOCK as u64) as usize;
            read_at(&disk.file, &mut whole[..size], start).map_err(|error| into_io(ended(error)))?;
            disk.note(block as usize, ContentHash::of_bytes(&whole[..size])).map_err(into_io)?;
            let until = end.min(start + size as u64);
            let piece = &whole[(at - start) as usize..(until - start) as usize];
            buffer[(at - offset) as usize..(until - offset) as usize].copy_from_slice(piece);
            at = until;
        }
        Ok(())
    }

    /// Fails once the control is cancelled; counts what was read of the file as progress.
    pub(crate) fn poll(&self, control: &Control) -> Result<()> {
        control.check()?;
        let done = match &self.place {
            Place::Memory(..) => self.length,
            Place::Disk(disk) => disk.shared.done.load(Ordering::Relaxed),
        };
        control.advance(done.saturating_sub(self.counted.fetch_max(done, Ordering::Relaxed)));
        Ok(())
    }

    /// The hash of the file, once nothing more is read from it for now.
    ///
    /// # Errors
    /// [`Code::InputChanged`] if the file was written to or replaced meanwhile.
    pub(crate) fn finish(&self, control: &Control) -> Result<Digest> {
        self.poll(control)?;
        let lost = || Error::new(Code::Internal, "The hash of a file is lost.");
        let disk = match &self.place {
            Place::Memory(_, hashing) => {
                if let (Some(hashing), None) = (hashing, self.hashed.get()) {
                    // Whoever else waited has the same.
                    let _ = self.hashed.set((digest(&*hashing.wait(control)?, self.length), Vec::new()));
                }
                return self.hashed.get().map(|(digest, _)| digest.clone()).ok_or_else(lost);
            }
            Place::Disk(disk) => disk,
        };
        if self.hashed.get().is_none() {
            let hashed = disk.wait(self, control)?;
            // Whoever else waited has the same.
            let _ = self.hashed.set(hashed);
        }
        let (digest, blocks) = self.hashed.get().ok_or_else(lost)?;
        disk.check(blocks)?;
        Ok(digest.clone())
    }
}

impl Hashing {
    fn start(bytes: Arc<Vec<u8>>) -> Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let run = move || {
            let mut hash = Box::new(FileHasher::new());
            for piece in bytes.chunks(PIECE).take_while(|_| !told.load(Ordering::Relaxed)) {
                hash.update(piece);
            }
            hash
        };
        let thread = std::thread::Builder::new().name("coverage-hash".into()).spawn(run);
        let thread =
            thread.map_err(|error| Error::new(Code::Internal, format!("Cannot start a thread to hash: {error}.")))?;
        Ok(Self { stop, thread: Mutex::new(Some(thread)) })
    }

    fn wait(&self, control: &Control) -> Result<Box<FileHasher>> {
        let mut slot = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        while slot.as_ref().is_some_and(|thread| !thread.is_finished()) {
            control.check()?;
            std::thread::sleep(PATIENCE);
        }
        let thread = slot.take().ok_or_else(|| Error::new(Code::Internal, "A file is finished twice."))?;
        thread.join().map_err(|_| Error::new(Code::Internal, "Hashing a file panicked."))
    }
}

impl Drop for Hashing {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.get_mut().unwrap_or_else(PoisonError::into_inner).take() {
            // Its result is of no use any more.
            let _ = thread.join();
        }
    }
}

impl Disk {
    /// Remembers what was handed out; the same block may be asked for again, but must be the same.
    fn note(&self, block: usize, hash: ContentHash) -> Result<()> {
        let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        match given[block].replace(hash) {
            Some(before) if before != hash => Err(changed()),
            _ => Ok(()),
        }
    }

    /// Waits for the thread that hashes.
    fn wait(&self, file: &RandomFile, control: &Control) -> Result<(Digest, Vec<ContentHash>)> {
        let mut slot = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        while slot.as_ref().is_some_and(|thread| !thread.is_finished()) {
            file.poll(control)?;
            std::thread::sleep(PATIENCE);
        }
        let thread = slot.take().ok_or_else(|| Error::new(Code::Internal, "A file is finished twice."))?;
        let hashed = thread.join().map_err(|_| Error::new(Code::Internal, "Hashing a file panicked."))?;
        file.poll(control)?;
        let Hashed { hash, blocks, bytes } = hashed.map_err(ended)?;
        if bytes != file.length { Err(changed()) } else { Ok((digest(&hash, bytes), blocks)) }
    }

    /// Fails unless what was handed out is what was hashed, and the file is what it was when it was opened.
    fn check(&self, blocks: &[ContentHash]) -> Result<()> {
        let given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        if !given.iter().zip(blocks).all(|(given, hashed)| given.is_none_or(|given| given == *hashed)) {
            return Err(changed());
        }
        self.stamp.check(&self.file, &self.path)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.get_mut().unwrap_or_else(PoisonError::into_inner).take() {
            // Its result is of no use any more.
            let _ = thread.join();
        }
    }
}

fn hash_file(file: File, length: u64, shared: Arc<Shared>) -> Result<JoinHandle<std::io::Result<Hashed>>> {
    let run = move || {
        let mut hashed = Hashed { hash: Box::new(FileHasher::new()), blocks: Vec::new(), bytes: 0 };
        let mut piece = vec![0; PIECE];
        while hashed.bytes < length && !shared.stop.load(Ordering::Relaxed) {
            let size = (length - hashed.bytes).min(PIECE as u64) as usize;
            read_at(&file, &mut piece[..size], hashed.bytes)?;
            hashed.hash.update(&piece[..size]);
            hashed.blocks.extend(piece[..size].chunks(BLOCK).map(ContentHash::of_bytes));
            hashed.bytes += size as u64;
            shared.done.store(hashed.bytes, Ordering::Relaxed);
        }
        Ok(hashed)
    };
    let thread = std::thread::Builder::new().name("coverage-hash".into()).spawn(run);
    thread.map_err(|error| Error::new(Code::Internal, format!("Cannot start a thread to read: {error}.")))
}

fn of_bytes(bytes: &[u8]) -> FileHasher {
    let mut hash = FileHasher::new();
    hash.update(bytes);
    hash
}

/// A file that ends before its length was cut while it was read.
fn ended(error: std::io::Error) -> Error {
    if error.kind() == std::io::ErrorKind::UnexpectedEof { changed() } else { unreadable(&error) }
}

#[cfg(unix)]
fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> std::io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, buffer, offset)
}

#[cfg(windows)]
fn read_at(file: &File, mut buffer: &mut [u8], mut offset: u64) -> std::io::Result<()> {
    while !buffer.is_empty() {
        let count = std::os::windows::fs::FileExt::seek_read(file, buffer, offset)?;
        if count == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        buffer = &mut buffer[count..];
        offset += count as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::SeekFrom;

    use super::super::Cursor;
    use super::*;

    /// A file of its own with these bytes, opened to be read from memory or from the disk.
    fn opened(name: &str, bytes: &[u8], in_memory: u64) -> (PathBuf, RandomFile) {
        let path = std::env::temp_dir().join(format!("coverage-random-{}-{name}", std::process::id()));
        std::fs::write(&path, bytes).unwrap();
        let (file, stamp) = Stamp::open(&path).unwrap();
        (path.clone(), RandomFile::open_above(in_memory, path, file, stamp, &Control::new()).unwrap())
    }

    fn bytes() -> Vec<u8> {
        (0..20 * BLOCK as u32 + 12_345).map(|index| (index.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
    }

    #[test]
    fn both_places_give_the_same_bytes_and_hash() {
        let large = bytes();
        assert!(large.len() as u64 > BESIDE);
        // Small ones in memory are hashed at once, others beside.
        for (name, in_memory, length) in
            [("memory", u64::MAX, 3 * BLOCK + 5), ("beside", u64::MAX, large.len()), ("disk", 0, large.len())]
        {
            let bytes = large[..length].to_vec();
            let expected = digest(&of_bytes(&bytes), bytes.len() as u64);
            let (path, file) = opened(name, &bytes, in_memory);
            let control = Control::new();
            for (from, size) in [(0, 1), (BLOCK - 1, 2), (5, 2 * BLOCK), (bytes.len() - 7, 7), (bytes.len(), 0)] {
                assert_eq!(file.bytes_at(from as u64, size).unwrap(), bytes[from..from + size], "{name}");
                assert_eq!(*file.bytes(from as u64, size).unwrap(), bytes[from..from + size], "{name}");
                assert_eq!(*file.whole(from as u64, size, &control).unwrap(), bytes[from..from + size], "{name}");
            }
            assert!(file.bytes(bytes.len() as u64 - 1, 2).is_err() && file.bytes(u64::MAX, 2).is_err());
            assert!(file.bytes_at(bytes.len() as u64 - 1, 2).is_err());
            assert!(file.bytes_at(u64::MAX, 2).is_err());
            let file = Arc::new(file);
            let mut cursor = Cursor::new(Arc::clone(&file), 0);
            cursor.seek(SeekFrom::End(-(BLOCK as i64))).unwrap();
            let mut tail = Vec::new();
            cursor.read_to_end(&mut tail).unwrap();
            assert_eq!(tail, bytes[bytes.len() - BLOCK..]);
            assert_eq!(file.finish(&control).unwrap(), expected, "{name}");
            // As often as it is asked for.
            assert_eq!(file.finish(&control).unwrap(), expected, "{name}");
            assert_eq!(control.snapshot().0, bytes.len() as u64, "every byte counts once as progress");
            std::fs::remove_file(path).unwrap();
        }
    }

    #[test]
    fn bytes_that_change_after_they_were_hashed_are_noticed() {
        let mut bytes = bytes();
        let (path, file) = opened("changed", &bytes, 0);
        let control = Control::new();
        file.finish(&control).unwrap();
        let modified = std::fs::metadata(&path).unwrap().modified().unwrap();
        bytes[BLOCK + 1] ^= 1;
        // In place and with the old time, as a copy would do that keeps it: only the blocks tell.
        std::fs::write(&path, &bytes).unwrap();
        File::options().write(true).open(&path).unwrap().set_modified(modified).unwrap();
        file.finish(&control).unwrap();
        file.bytes_at(BLOCK as u64, 10).unwrap();
        assert_eq!(file.finish(&control).unwrap_err().code, Code::InputChanged);
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn large_parts_are_read_until_told_to_stop() {
        let bytes: Vec<u8> = bytes().into_iter().cycle().take(2 * AT_ONCE as usize + 5).collect();
        for (name, in_memory) in [("large-disk", 0), ("large-memory", u64::MAX)] {
            let (path, file) = opened(name, &bytes, in_memory);
            let control = Control::new();
            let size = bytes.len() - 3;
            assert!(*file.whole(3, size, &control).unwrap() == bytes[3..], "{name}");
            assert!(file.whole(4, size, &control).is_err() && file.whole(u64::MAX, size, &control).is_err());
            control.cancel();
            let stopped = file.whole(3, size, &control).map_err(|error| super::super::from_io(error, unreadable).code);
            // What lies in memory is there at once.
            assert_eq!(stopped.is_err(), in_memory == 0);
            assert!(stopped.is_ok() || stopped.is_err_and(|code| code == Code::Aborted));
            drop(file);
            std::fs::remove_file(path).unwrap();
        }
    }

    #[test]
    fn a_wait_for_the_hash_can_be_broken_off() {
        for (name, in_memory) in [("aborted", 0), ("aborted-memory", u64::MAX)] {
            let (path, file) = opened(name, &bytes(), in_memory);
            let control = Control::new();
            control.cancel();
            assert_eq!(file.finish(&control).unwrap_err().code, Code::Aborted);
            drop(file);
            std::fs::remove_file(path).unwrap();
        }
    }
}
