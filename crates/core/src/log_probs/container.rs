//! The arrays of a file of any of the three binary formats, told apart by how the file begins.

use std::borrow::Cow;
use std::sync::Arc;

use super::array::{Layout, check_extent};
use super::file::Bytes;
use super::gather::{Elements, texts};
use super::{npy, npz, safetensors};
use crate::error::{Code, Error, Result};
use crate::progress::Control;

/// A file and the arrays in it.
pub(super) struct Container<'a> {
    file: &'a Arc<Bytes>,
    archive: Option<npz::Archive<'a>>,
    /// In the order in which they lie in the file.
    pub(super) arrays: Vec<Array>,
    /// Names of models that the file holds beside its arrays.
    pub(super) models: Option<Vec<String>>,
}

/// One array of a file.
pub(super) struct Array {
    /// Its key; `None` in a `.npy` file, which has one array and no key.
    pub(super) name: Option<String>,
    pub(super) layout: Layout,
    place: Place,
}

enum Place {
    /// The elements begin at this byte of the file.
    At(usize),
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

impl<'a> Container<'a> {
    pub(super) fn open(file: &'a Arc<Bytes>, control: &Control) -> Result<Self> {
        let bytes: &'a [u8] = file;
        if bytes.starts_with(npy::MAGIC) {
            let (layout, offset) = npy::parse_header(bytes)?;
            let present = bytes.len().saturating_sub(offset) as u64;
            check_extent(&layout, present)?;
            let arrays = vec![Array { name: None, layout, place: Place::At(offset) }];
            return Ok(Self { file, archive: None, arrays, models: None });
        }
        if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06") {
            let mut archive = npz::Archive::open(bytes)?;
            let arrays = archive.entries(control)?.into_iter().map(|entry| Array {
                name: Some(entry.name.clone()),
                layout: entry.layout.clone(),
                place: Place::Entry(entry),
            });
            return Ok(Self { file, arrays: arrays.collect(), archive: Some(archive), models: None });
        }
        if safetensors::looks_like(bytes) {
            let header = safetensors::parse_header(bytes)?;
            let models = header.metadata.iter().find(|(key, _)| key == "models");
            let models = models.map(|(_, json)| {
                serde_json::from_str(json).map_err(|_| {
                    Error::new(Code::MalformedFile, "the metadata entry 'models' is not a JSON list of names.")
                })
            });
            let arrays = header.tensors.into_iter().map(|tensor| Array {
                name: Some(tensor.name),
                layout: tensor.layout,
                place: Place::At(tensor.offset),
            });
            return Ok(Self { file, archive: None, arrays: arrays.collect(), models: models.transpose()? });
        }
        Err(unknown(bytes))
    }

    /// Gives the elements of `array` to `take`.
    pub(super) fn with_elements<R>(
        &self,
        array: &Array,
        control: &Control,
        take: impl FnOnce(Elements<'_>) -> Result<R>,
    ) -> Result<R> {
        let bytes = match (&array.place, &self.archive) {
            (Place::Entry(entry), Some(archive)) => archive.clone().elements(entry, control)?,
            (Place::At(offset), _) => {
                let bytes = offset.checked_add(array.layout.bytes).and_then(|end| self.file.get(*offset..end));
                Cow::Borrowed(bytes.ok_or_else(|| Error::new(Code::MalformedFile, "the file is truncated."))?)
            }
            (Place::Entry(_), None) => return Err(Error::new(Code::Internal, "An entry has no archive.")),
        };
        let place = match bytes {
            Cow::Borrowed(bytes) => {
                Some((Arc::clone(self.file), bytes.as_ptr() as usize - self.file.as_ptr() as usize))
            }
            Cow::Owned(_) => None,
        };
        take(Elements { layout: &array.layout, bytes: &bytes, place })
    }

    /// Removes the one-dimensional text array of the first of `names` that there is, and returns its strings.
    pub(super) fn take_texts(&mut self, names: &[&str], control: &Control) -> Result<Option<Vec<String>>> {
        let is_wanted = |array: &Array| {
            array.layout.dtype.is_text()
                && array.layout.shape.len() == 1
                && array.name.as_deref().is_some_and(|name| names.contains(&name.to_lowercase().as_str()))
        };
        let Some(index) = self.arrays.iter().position(is_wanted) else { return Ok(None) };
        let array = self.arrays.remove(index);
        let strings = self.with_elements(&array, control, |elements| {
            texts(elements.layout, elements.bytes)
                .ok_or_else(|| Error::new(Code::MalformedFile, format!("{} is not valid Unicode.", array.describe())))
        })?;
        Ok(Some(strings))
    }
}

/// An error that says what the file seems to be instead.
fn unknown(bytes: &[u8]) -> Error {
    const SIGNATURES: [(&[u8], &str); 8] = [
        (b"\x1f\x8b", "gzip-compressed: decompress it first"),
        (b"\x28\xb5\x2f\xfd", "zstd-compressed: decompress it first"),
        (b"\x89HDF", "an HDF5 file: save the data set with np.save"),
        (b"PAR1", "a Parquet file: give it the extension .parquet"),
        (b"ARROW1", "an Arrow file: save it as Parquet"),
        (b"\x80\x02", "a Python pickle, which can run code and is never opened here: save it with np.save"),
        (b"\x80\x04", "a Python pickle, which can run code and is never opened here: save it with np.save"),
        (b"\x80\x05", "a Python pickle, which can run code and is never opened here: save it with np.save"),
    ];
    let text = bytes.iter().take(256).all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace());
    let guess = SIGNATURES.iter().find(|(signature, _)| bytes.starts_with(signature)).map(|(_, guess)| *guess);
    let guess = guess.or_else(|| text.then_some("text: give it the extension .csv, .tsv or .jsonl"));
    let guess = guess.unwrap_or("of no known kind: write it again with np.save, np.savez or safetensors");
    Error::new(Code::MalformedFile, format!("this is not a .npy, .npz or .safetensors file; it is {guess}."))
}
