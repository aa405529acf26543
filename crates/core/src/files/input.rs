//! A file as formats see it: what it begins with, and its bytes in order, whatever they are packed in.

use std::io::BufRead;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::archive::{Archive, Contents, MemberStream};
use super::bytes::{Digest, RandomFile, Stream, from_io, unreadable};
use crate::error::{Code, Error, Result};
use crate::progress::Control;

/// One file to read, or one member of an archive.
pub struct Input {
    path: PathBuf,
    shown: String,
    head: Vec<u8>,
    /// The line at the beginning that says how the file came to be; it is read as blank.
    manifest: Option<String>,
    digest: Option<Digest>,
    /// The archive that the content is in.
    archive: Option<Archive>,
    /// The content, where a reader asked for it in another order.
    random: Option<Arc<RandomFile>>,
}

/// Bytes in order, from beginning to end.
pub trait ByteStream {
    /// Appends some bytes to `into` and returns how many; 0 at the end.
    ///
    /// # Errors
    /// [`Code::Aborted`], [`Code::Io`], [`Code::MalformedFile`], [`Code::InputChanged`].
    fn read(&mut self, into: &mut Vec<u8>, control: &Control) -> Result<usize>;
}

impl Input {
    /// Opens the regular file at `path`, which is called `shown` in messages. A ZIP archive is as many inputs as it has
    /// members, but for those that are formats of their own: arrays (`.npz`), and logs of inspect_ai (`.eval`).
    ///
    /// # Errors
    /// [`Code::Io`], [`Code::UnsupportedFile`] for what is no regular file or of a kind that is not read,
    /// [`Code::MalformedFile`] for an empty one.
    pub fn open(path: &Path, shown: &str) -> Result<Vec<Self>> {
        Self::open_all(path, shown).map_err(|error| error.in_file(shown))
    }

    fn open_all(path: &Path, shown: &str) -> Result<Vec<Self>> {
        if path.is_dir() {
            return Err(Error::new(Code::UnsupportedFile, "This is a directory: name the files in it."));
        }
        let mut stream = Stream::open(path)?;
        let head = stream.head()?.to_vec();
        let input = |shown: String, mut head: Vec<u8>, archive| Self {
            path: path.to_owned(),
            shown,
            manifest: take_manifest(&mut head),
            head,
            digest: None,
            archive,
            random: None,
        };
        let is_npz = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("npz"));
        if !Archive::looks_like(&head) || !stream.is_plain() || is_npz {
            return Ok(vec![input(shown.to_owned(), head, None)]);
        }
        let mut inputs = Vec::new();
        match Archive::open(stream)? {
            Contents::Arrays => inputs.push(input(shown.to_owned(), head, None)),
            Contents::Log(archive) => inputs.push(input(shown.to_owned(), archive.head()?, Some(archive))),
            Contents::Members(members) => {
                for (name, archive) in members {
                    let shown = format!("{shown}/{name}");
                    let head = archive.head().map_err(|error| error.in_file(&*shown))?;
                    inputs.push(input(shown, head, Some(archive)));
                }
            }
        }
        Ok(inputs)
    }

    /// The file, as messages call it.
    #[must_use]
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// The path after which a model may be named.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.shown
    }

    /// The file itself.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The first bytes of the content, decompressed: some tens of thousands.
    #[must_use]
    pub fn head(&self) -> &[u8] {
        &self.head
    }

    /// What the first line of a file that `score` wrote says of it, a JSON object; no reader sees it as a row.
    #[must_use]
    pub fn manifest(&self) -> Option<&str> {
        self.manifest.as_deref()
    }

    /// The content from its beginning, decompressed, a manifest blank. Whoever reads it to its end gets the hash of the bytes for nothing.
    ///
    /// # Errors
    /// [`Code::Io`].
    pub fn stream(&mut self) -> Result<Box<dyn ByteStream + '_>> {
        let blank = self.manifest.as_ref().map_or(0, String::len);
        if let Some(archive) = &self.archive {
            return Ok(Box::new(Member { stream: archive.stream()?, blank, shown: &self.shown }));
        }
        let stream = Stream::open(&self.path).map_err(|error| error.in_file(&*self.shown))?;
        Ok(Box::new(Whole { stream: Some(stream), blank, shown: &self.shown, digest: &mut self.digest }))
    }

    /// The content, decompressed, to be read in any order.
    ///
    /// # Errors
    /// As [`ByteStream::read`], and [`Code::TooLarge`] for what must be inflated and does not fit into memory.
    pub(super) fn random(&mut self, control: &Control) -> Result<Arc<RandomFile>> {
        let open = || match &self.archive {
            None => Stream::open(&self.path)?.into_random(control),
            Some(archive) => archive.stream()?.into_memory(control),
        };
        let file = Arc::new(open().map_err(|error| error.in_file(&*self.shown))?);
        self.random = Some(Arc::clone(&file));
        Ok(file)
    }

    /// Takes the hash of the bytes from a reader that opened the file by itself.
    pub(super) fn was_read(&mut self, digest: Digest) {
        self.digest = Some(digest);
    }

    /// The hash of the file's own bytes.
    ///
    /// # Errors
    /// As [`ByteStream::read`].
    pub fn digest(&mut self, control: &Control) -> Result<Digest> {
        if let Some(digest) = &self.digest {
            return Ok(digest.clone());
        }
        let digest = match (&self.archive, &self.random) {
            (Some(archive), _) => archive.finish(control),
            (None, Some(random)) => random.finish(control),
            (None, None) => Stream::open(&self.path).and_then(|stream| stream.finish(control)),
        };
        digest.map_err(|error| if error.code == Code::Aborted { error } else { error.in_file(&*self.shown) })
    }
}

struct Whole<'a> {
    /// `None` once it ended.
    stream: Option<Stream>,
    /// Bytes yet to be read as blanks.
    blank: usize,
    shown: &'a str,
    digest: &'a mut Option<Digest>,
}

impl ByteStream for Whole<'_> {
    fn read(&mut self, into: &mut Vec<u8>, control: &Control) -> Result<usize> {
        let Some(stream) = &mut self.stream else { return Ok(0) };
        let placed = |error: Error| if error.code == Code::Aborted { error } else { error.in_file(self.shown) };
        stream.poll(control).map_err(placed)?;
        let piece = stream.fill_buf().map_err(|error| placed(from_io(error, unreadable)))?;
        let count = piece.len();
        into.extend_from_slice(piece);
        stream.consume(count);
        blank_out(into, count, &mut self.blank);
        if count == 0
            && let Some(stream) = self.stream.take()
        {
            *self.digest = Some(stream.finish(control).map_err(placed)?);
        }
        Ok(count)
    }
}

struct Member<'a> {
    stream: MemberStream,
    /// Bytes yet to be read as blanks.
    blank: usize,
    shown: &'a str,
}

impl ByteStream for Member<'_> {
    fn read(&mut self, into: &mut Vec<u8>, control: &Control) -> Result<usize> {
        let piece = self.stream.next(control);
        let placed = |error: Error| if error.code == Code::Aborted { error } else { error.in_file(self.shown) };
        let piece = piece.map_err(placed)?;
        into.extend_from_slice(&piece);
        blank_out(into, piece.len(), &mut self.blank);
        Ok(piece.len())
    }
}

/// How a manifest begins: the first line of a file that `score` wrote.
const MANIFEST: &[u8] = b"{\"coverage-principle\":";

/// Takes the manifest out of the beginning of a file, where there is one, and leaves blanks in its place, so that lines keep
/// their numbers.
fn take_manifest(head: &mut [u8]) -> Option<String> {
    if !head.starts_with(MANIFEST) {
        return None;
    }
    let length = head.iter().position(|&byte| byte == b'\n')?;
    let text = std::str::from_utf8(&head[..length]).ok()?.to_owned();
    head[..length].fill(b' ');
    Some(text)
}

/// Makes blanks of those of the last `count` bytes that are still to be.
fn blank_out(bytes: &mut [u8], count: usize, blank: &mut usize) {
    let start = bytes.len() - count;
    let length = count.min(*blank);
    bytes[start..start + length].fill(b' ');
    *blank -= length;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_is_taken_out_and_read_as_blank() {
        let line = "{\"coverage-principle\":\"scores\"}";
        let mut head = format!("{line}\n{{\"id\":1}}\n").into_bytes();
        assert_eq!(take_manifest(&mut head).as_deref(), Some(line));
        assert_eq!(head, format!("{}\n{{\"id\":1}}\n", " ".repeat(line.len())).into_bytes());
        for other in ["{\"id\":1}\n", "{\"coverage-principle\":\"no end of the line"] {
            let mut head = other.as_bytes().to_vec();
            assert_eq!(take_manifest(&mut head), None);
            assert_eq!(head, other.as_bytes());
        }
    }

    #[test]
    fn blanks_reach_over_pieces_and_no_further() {
        let (mut bytes, mut blank) = (b"kept".to_vec(), 5);
        for piece in [&b"abc"[..], b"defg", b"h"] {
            bytes.extend_from_slice(piece);
            blank_out(&mut bytes, piece.len(), &mut blank);
        }
        assert_eq!((&bytes[..], blank), (&b"kept     fgh"[..], 0));
    }
}
