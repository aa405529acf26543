//! The arrays of a file of any of the three binary formats, told apart by how the file begins.

use std::io::{BufRead, Read};
use std::sync::Arc;

use super::layout::{Layout, check_extent};
use super::{npy, npz, safetensors};
use crate::error::{Code, Error, Result};
use crate::files::bytes::{Digest, RandomFile, Stream, from_io, unreadable};
use crate::progress::Control;

/// A file and the arrays in it. Elements of a `.npy` or `.safetensors` file are taken in the order in which they lie in
/// the file, which is read once.
pub(super) struct Container {
    content: Content,
    /// In the order in which they lie in the file.
    pub(super) arrays: Vec<Array>,
    /// Names of models that the file holds beside its arrays.
    pub(super) models: Option<Vec<String>>,
}

enum Content {
    /// A stream, and how many bytes of it were taken.
    Stream {
        stream: Box<Stream>,
        taken: u64,
    },
    Archive(npz::Archive),
}

/// One array of a file.
#[derive(Clone)]
pub(super) struct Array {
    /// Its key; `None` in a `.npy` file, which has one array and no key.
    pub(super) name: Option<String>,
    pub(super) layout: Layout,
    place: Place,
}

#[derive(Clone)]
enum Place {
    /// The elements begin at this byte of the file.
    At(u64),
    /// The elements are in this entry of the archive.
    Entry(npz::Entry),
}

impl Array {
    /// `'step1000': a 1-D array of 3 float32 values`, for messages.
    pub(super) fn describe(&self) -> String {
        match &self.name {
            Some(name) => format!("'{name}', {}", self.layout.describe()),
            None => self.layout.describe(),
        }
    }
}

impl Container {
    pub(super) fn open(mut stream: Stream, control: &Control) -> Result<Self> {
        stream.poll(control)?;
        let head = stream.head()?;
        if npz::looks_like(head) {
            return Self::archive(Arc::new(stream.into_random(control)?), control);
        }
        if !npy::looks_like(head) && !safetensors::looks_like(head) {
            return Err(unknown(head));
        }
        let (arrays, models, taken) =
            if npy::looks_like(head) { npy_array(&mut stream)? } else { tensors(&mut stream)? };
        Ok(Self { content: Content::Stream { stream: Box::new(stream), taken }, arrays, models })
    }

    fn archive(file: Arc<RandomFile>, control: &Control) -> Result<Self> {
        let mut archive = npz::Archive::open(file)?;
        let arrays = archive.entries(control)?.into_iter().map(|entry| Array {
            name: Some(entry.name.clone()),
            layout: entry.layout.clone(),
            place: Place::Entry(entry),
        });
        Ok(Self { arrays: arrays.collect(), content: Content::Archive(archive), models: None })
    }

    /// Gives `take` the elements of `array` in pieces of whole elements, all of them, checked against the checksum where
    /// there is one.
    pub(super) fn elements(
        &mut self,
        array: &Array,
        control: &Control,
        take: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        let size = array.layout.dtype.size()?.max(1);
        match (&mut self.content, &array.place) {
            (Content::Archive(archive), Place::Entry(entry)) => archive.elements(entry, size, control, take),
            (Content::Stream { stream, taken }, Place::At(offset)) => {
                let gap = offset.checked_sub(*taken);
                let gap = gap.ok_or_else(|| Error::new(Code::Internal, "Arrays are read out of order."))?;
                std::io::copy(&mut stream.take(gap), &mut std::io::sink()).map_err(ended)?;
                let mut left = array.layout.bytes;
                *taken = offset + left as u64;
                while left > 0 {
                    stream.poll(control)?;
                    let bytes = stream.fill_buf().map_err(ended)?;
                    let whole = bytes.len().min(left) / size * size;
                    if whole > 0 {
                        take(&bytes[..whole])?;
                        stream.consume(whole);
                        left -= whole;
                    } else {
                        // An element that two pieces share, or a text that is longer than a piece.
                        let mut element = vec![0; size];
                        stream.read_exact(&mut element).map_err(ended)?;
                        take(&element)?;
                        left -= size;
                    }
                }
                Ok(())
            }
            _ => Err(Error::new(Code::Internal, "An array is not of this file.")),
        }
    }

    /// Removes the one-dimensional text array of the first of `names` that there is, and returns its strings. There may
    /// be `expected` of them, where that is known, and are never more than can be told apart.
    pub(super) fn take_texts(&mut self, names: &[&str], control: &Control) -> Result<Option<Vec<String>>> {
        let is_wanted = |array: &Array| {
            array.layout.dtype.is_text()
                && array.layout.shape.len() == 1
                && array.name.as_deref().is_some_and(|name| names.contains(&name.to_lowercase().as_str()))
        };
        let Some(index) = self.arrays.iter().position(is_wanted) else { return Ok(None) };
        let array = self.arrays.remove(index);
        let mut texts = super::text::Texts::new(&array.layout, &array.describe())?;
        self.elements(&array, control, &mut |piece| texts.take(piece))?;
        Ok(Some(texts.strings))
    }

    /// What was read, once all arrays were. Nothing may follow them in the file.
    pub(super) fn finish(self, control: &Control) -> Result<Digest> {
        match self.content {
            Content::Archive(archive) => archive.finish(control),
            Content::Stream { stream, taken } => {
                // Of a file as it lies on the disk the extent was checked at the beginning.
                let plain = stream.is_plain();
                let mut rest = *stream;
                if !plain && std::io::copy(&mut (&mut rest).take(1), &mut std::io::sink()).map_err(ended)? > 0 {
                    let message = format!("more bytes follow the {taken} that the header promises: write it again.");
                    return Err(Error::new(Code::MalformedFile, message));
                }
                rest.finish(control)
            }
        }
    }
}

fn ended(error: std::io::Error) -> Error {
    from_io(error, |error| {
        if error.kind() != std::io::ErrorKind::UnexpectedEof {
            return unreadable(error);
        }
        Error::new(Code::MalformedFile, "the file is truncated: it ends within its arrays. Copy or write it again.")
    })
}

type Opened = (Vec<Array>, Option<Vec<String>>, u64);

fn npy_array(stream: &mut Stream) -> Result<Opened> {
    let mut header = Vec::new();
    let short = || {
        Error::new(
            Code::MalformedFile,
            "not a valid .npy array: it ends within its header. Write it again with np.save.",
        )
    };
    read_more(stream, &mut header, npy::PRELUDE as u64, short)?;
    let offset = npy::data_offset(&header)?;
    let more = offset.saturating_sub(header.len());
    read_more(stream, &mut header, more as u64, short)?;
    let (layout, offset) = npy::parse_header(&header)?;
    check_size(stream, &layout, offset as u64)?;
    // The header of an array of no bytes may be shorter than what is always read.
    let taken = header.len() as u64;
    Ok((vec![Array { name: None, layout, place: Place::At((offset as u64).max(taken)) }], None, taken))
}

fn tensors(stream: &mut Stream) -> Result<Opened> {
    let mut header = Vec::new();
    let short = || safetensors::malformed("it is truncated within its header");
    read_more(stream, &mut header, 8, short)?;
    let length = safetensors::header_length(&header)?;
    let most = stream.most();
    if length > most.saturating_sub(8) {
        return Err(safetensors::malformed(&format!(
            "it is truncated: its header is {length} bytes long, {} bytes follow",
            most.saturating_sub(8)
        )));
    }
    read_more(stream, &mut header, length, short)?;
    let taken = header.len() as u64;
    let data = stream.is_plain().then(|| most - taken);
    let header = safetensors::parse_header(&header[8..], data)?;
    if header.bytes > most.saturating_sub(taken) {
        return Err(safetensors::malformed("it is truncated: its tensors are larger than the file"));
    }
    let models = header.metadata.iter().find(|(key, _)| key == "models").map(|(_, json)| {
        let message = "the metadata entry 'models' is not a JSON list of names.";
        serde_json::from_str(json).map_err(|_| Error::new(Code::MalformedFile, message))
    });
    let arrays = header.tensors.into_iter().map(|tensor| Array {
        name: Some(tensor.name),
        layout: tensor.layout,
        place: Place::At(taken + tensor.offset),
    });
    Ok((arrays.collect(), models.transpose()?, taken))
}

/// Appends `count` bytes of the stream, taking memory as they come.
fn read_more(stream: &mut Stream, bytes: &mut Vec<u8>, count: u64, short: impl Fn() -> Error) -> Result<()> {
    let read = stream.take(count).read_to_end(bytes);
    let read = read.map_err(|error| from_io(error, unreadable))?;
    if read as u64 == count { Ok(()) } else { Err(short()) }
}

/// Of a file as it lies on the disk, the size is known before anything is allocated; of a compressed one, its bound.
fn check_size(stream: &Stream, layout: &Layout, offset: u64) -> Result<()> {
    let present = stream.most().saturating_sub(offset);
    if stream.is_plain() || layout.bytes as u64 > present { check_extent(layout, present) } else { Ok(()) }
}

/// An error that says what the file seems to be instead.
fn unknown(bytes: &[u8]) -> Error {
    let text = bytes.iter().take(256).all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace());
    let guess = match bytes {
        [b'P', b'A', b'R', b'1', ..] => "a Parquet file: give it the extension .parquet",
        [b'A', b'R', b'R', b'O', b'W', b'1', ..] => "an Arrow file: give it the extension .arrow",
        _ if text => "text: give it the extension .csv, .tsv or .jsonl",
        _ => "of no known kind: write it again with np.save, np.savez or safetensors",
    };
    Error::new(Code::MalformedFile, format!("this is not a .npy, .npz or .safetensors file; it is {guess}."))
}
