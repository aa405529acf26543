//! ZIP archives of anything but arrays: as many inputs as they have members, or one log of inspect_ai.

use std::io::Read;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::JoinHandle;

use zip::ZipArchive;
use zip::read::ZipFile;
use zip::result::ZipError;

use super::bytes::{
    Cursor, Digest, HEAD, MOST_INFLATION, PIECE, RandomFile, Stream, check_memory, from_io, is_compressed, unreadable,
};
use crate::error::{Code, Error, Result};
use crate::progress::Control;

/// Pieces that may wait for the parser.
const AHEAD: usize = 3;

/// Bytes that a member may be, however small its compressed form.
const SLACK: u64 = 1 << 20;

/// Members of an archive, to be read one after another.
#[derive(Clone)]
pub(super) struct Archive {
    file: Arc<RandomFile>,
    zip: ZipArchive<Cursor>,
    members: Vec<usize>,
}

/// What an archive holds.
pub(super) enum Contents {
    /// Arrays of NumPy, whatever its extension.
    Arrays,
    /// A log of inspect_ai: its header and its samples.
    Log(Archive),
    /// Files, by name.
    Members(Vec<(String, Archive)>),
}

impl Archive {
    /// Whether a file that begins with `head` is a ZIP archive.
    pub(super) fn looks_like(head: &[u8]) -> bool {
        head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06")
    }

    /// Reads the directory of an archive.
    pub(super) fn open(stream: Stream) -> Result<Contents> {
        let file = Arc::new(stream.into_random(&Control::new())?);
        let mut zip = ZipArchive::new(Cursor::new(Arc::clone(&file), 0)).map_err(refused)?;
        // Overlapping members are how a small file claims to hold terabytes.
        if zip.has_duplicate_names() || zip.has_overlapping_entries().map_err(refused)? {
            return Err(damaged("two of its members have one name or lie over one another"));
        }
        let mut members = Vec::new();
        for index in 0..zip.len() {
            let member = zip.by_index_raw(index).map_err(refused)?;
            let name = member.name().map_err(refused)?.into_owned();
            if member.is_dir()
                || name.starts_with("__MACOSX/")
                || name.rsplit('/').next().is_some_and(|name| name.starts_with('.'))
            {
                continue;
            }
            if !is_called_alike(&file, &member)? {
                return Err(damaged(&format!("its index has another name for {name}")));
            }
            let (size, compressed) = (member.size(), member.compressed_size());
            if size > compressed.saturating_mul(MOST_INFLATION).saturating_add(SLACK) {
                return Err(damaged(&format!("{name} claims {size} bytes, which {compressed} bytes do not hold")));
            }
            members.push((name, index));
        }
        Self { file, zip, members: Vec::new() }.contents(members)
    }

    fn contents(self, members: Vec<(String, usize)>) -> Result<Contents> {
        let has = |name: &str| members.iter().find(|(member, _)| member == name).map(|(_, index)| *index);
        let unsupported = |message: &str| Err(Error::new(Code::UnsupportedFile, message));
        if members.is_empty() {
            return Err(damaged("it has no members"));
        }
        if has("[Content_Types].xml").is_some() {
            if members.iter().any(|(name, _)| name.starts_with("xl/")) {
                return unsupported("this is an Excel workbook (.xlsx): save the sheet as CSV.");
            }
            return unsupported("this is a document of an office program: give the data as CSV.");
        }
        if members.iter().any(|(name, _)| name.rsplit('/').next() == Some("data.pkl")) {
            return unsupported(
                "this is a PyTorch checkpoint (.pt), which holds pickled Python objects and is never opened here: load it in Python and save the numbers with np.save or safetensors.",
            );
        }
        let is_array = |name: &str| name.ends_with(".npy") || name.ends_with(".npz") || name.ends_with(".safetensors");
        if members.iter().all(|(name, _)| name.ends_with(".npy")) {
            return Ok(Contents::Arrays);
        }
        if let Some(header) = has("header.json").or_else(|| has("_journal/start.json")) {
            let samples = members.iter().filter(|(name, _)| name.starts_with("samples/")).map(|(_, index)| *index);
            let members = std::iter::once(header).chain(samples).collect();
            return Ok(Contents::Log(Self { members, ..self }));
        }
        if let Some((name, _)) = members.iter().find(|(name, _)| is_array(name)) {
            return unsupported(&format!(
                "it holds {name} beside other files: unpack the archive, and name the files to be read."
            ));
        }
        let one = |(name, index): (String, usize)| (name, Self { members: vec![index], ..self.clone() });
        Ok(Contents::Members(members.into_iter().map(one).collect()))
    }

    /// How the content begins.
    pub(super) fn head(&self) -> Result<Vec<u8>> {
        let mut head = Vec::new();
        let mut stream = self.stream()?;
        while head.len() < HEAD {
            let piece = stream.piece()?;
            if piece.is_empty() {
                break;
            }
            head.extend_from_slice(&piece);
        }
        if is_compressed(&head) {
            return Err(Error::new(Code::UnsupportedFile, "it is compressed once more: unpack the archive."));
        }
        head.truncate(HEAD);
        Ok(head)
    }

    /// The members one after another, each on a line of its own, inflated by a thread.
    pub(super) fn stream(&self) -> Result<MemberStream> {
        let (send, pieces) = sync_channel(AHEAD);
        let (mut zip, members) = (self.zip.clone(), self.members.clone());
        let run = move || {
            for member in members {
                // Nobody is left to tell when the parser has given up.
                if !inflate(&mut zip, member, |piece| send.send(piece).is_ok())
                    || send.send(Ok(b"\n".to_vec())).is_err()
                {
                    break;
                }
            }
        };
        let thread = std::thread::Builder::new().name("coverage-inflate".into()).spawn(run);
        let thread =
            thread.map_err(|error| Error::new(Code::Internal, format!("Cannot start a thread to read: {error}.")))?;
        Ok(MemberStream { pieces: Some(pieces), thread: Some(thread), file: Arc::clone(&self.file) })
    }

    /// The hash of the archive.
    pub(super) fn finish(&self, control: &Control) -> Result<Digest> {
        self.file.finish(control)
    }
}

/// Whether a member has the same name in the index of an archive as where it lies: a name has no checksum.
pub(super) fn is_called_alike<R: Read>(file: &RandomFile, member: &ZipFile<'_, R>) -> Result<bool> {
    /// Bytes of what stands before a member's name, and where the length of that is among them.
    const HEADER: usize = 30;
    const LENGTH: usize = 26;
    let read = |start: u64, count: usize| file.bytes_at(start, count).map_err(|error| from_io(error, unreadable));
    let header = read(member.header_start(), HEADER)?;
    let length = usize::from(u16::from_le_bytes([header[LENGTH], header[LENGTH + 1]]));
    Ok(read(member.header_start() + HEADER as u64, length)? == member.name_raw())
}

/// Gives `take` the inflated bytes of a member; whether all were taken and are what the checksum says.
fn inflate(zip: &mut ZipArchive<Cursor>, member: usize, mut take: impl FnMut(Result<Vec<u8>>) -> bool) -> bool {
    let mut reader = match zip.by_index(member) {
        Ok(reader) => reader,
        Err(error) => {
            take(Err(refused(error)));
            return false;
        }
    };
    let mut left = reader.size();
    loop {
        let mut piece = vec![0; PIECE];
        let read = reader.read(&mut piece);
        match read {
            Ok(0) if left == 0 => return true,
            Ok(count) if count > 0 && count as u64 <= left => {
                left -= count as u64;
                piece.truncate(count);
                if !take(Ok(piece)) {
                    return false;
                }
            }
            Ok(_) => {
                take(Err(damaged("a member has another size than it claims")));
                return false;
            }
            Err(error) => {
                take(Err(from_io(error, |error| damaged(&error.to_string()))));
                return false;
            }
        }
    }
}

/// The inflated bytes of members.
pub(super) struct MemberStream {
    /// `None` once nobody wants them.
    pieces: Option<Receiver<Result<Vec<u8>>>>,
    thread: Option<JoinHandle<()>>,
    file: Arc<RandomFile>,
}

impl MemberStream {
    /// The next piece; an empty one at the end.
    pub(super) fn next(&mut self, control: &Control) -> Result<Vec<u8>> {
        self.file.poll(control)?;
        self.piece()
    }

    fn piece(&mut self) -> Result<Vec<u8>> {
        // A thread that ended without a word ended at the end.
        self.pieces.as_ref().and_then(|pieces| pieces.recv().ok()).unwrap_or_else(|| Ok(Vec::new()))
    }

    /// All that is left, to be read in any order.
    pub(super) fn into_memory(mut self, control: &Control) -> Result<RandomFile> {
        let mut whole = Vec::new();
        loop {
            let piece = self.next(control)?;
            if piece.is_empty() {
                // The end of the line that the stream puts behind a member is not part of it.
                whole.pop();
                return Ok(RandomFile::part_of(whole));
            }
            if whole.capacity() - whole.len() < piece.len() {
                check_memory((whole.len() + piece.len()).checked_mul(2), || {
                    "it does not fit into memory when inflated: unpack the archive.".to_owned()
                })?;
            }
            whole.extend_from_slice(&piece);
        }
    }
}

impl Drop for MemberStream {
    fn drop(&mut self) {
        self.pieces = None;
        if let Some(thread) = self.thread.take() {
            // It catches nothing and returns nothing.
            let _ = thread.join();
        }
    }
}

fn refused(error: ZipError) -> Error {
    match error {
        ZipError::Io(error) => from_io(error, |error| damaged(&error.to_string())),
        ZipError::UnsupportedArchive(what) => Error::new(
            Code::UnsupportedFile,
            format!("the archive is not supported ({what}): unpack it, or pack it again without."),
        ),
        ZipError::CompressionMethodNotSupported(method) => Error::new(
            Code::UnsupportedFile,
            format!("the archive is compressed in a way ({method}) that is not known here: unpack it."),
        ),
        other => damaged(&other.to_string()),
    }
}

fn damaged(what: &str) -> Error {
    Error::new(Code::MalformedFile, format!("the ZIP archive is damaged: {what}. Copy or write it again."))
}
