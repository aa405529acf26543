//! What a file is compressed with, told by how it begins, and how it is decompressed.

use std::io::Read;

use bzip2::bufread::MultiBzDecoder;
use flate2::bufread::MultiGzDecoder;
use lzma_rust2::XzReader;
use zstd::stream::read::Decoder as ZstdDecoder;

use super::source::Source;
use super::{from_io, into_io};
use crate::error::{Code, Error, Result};

/// Bytes that one compressed byte may become. Deflate reaches 1,032; more is an attack or no data.
pub(in crate::files) const MOST_INFLATION: u64 = 1032;

/// Bytes that any file may become, however small.
const SLACK: u64 = 1 << 20;

/// Memory that decompressing may take for what it looks back to: the greatest window of zstd without `--long`, and
/// more than any preset of xz asks for.
const MOST_WINDOW: u32 = 128 << 20;

/// A way of compressing a whole file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compression {
    Gzip,
    Zstd,
    Xz,
    Bzip2,
}

impl Compression {
    /// How a file that begins with `head` is compressed.
    pub(super) fn of(head: &[u8]) -> Option<Self> {
        const SIGNATURES: [(&[u8], Compression); 4] = [
            (b"\x1f\x8b\x08", Compression::Gzip),
            (b"\x28\xb5\x2f\xfd", Compression::Zstd),
            (b"\xfd7zXZ\0", Compression::Xz),
            // The signature and that of the first block, or of the end of an empty file.
            (b"BZh", Compression::Bzip2),
        ];
        let (signature, found) = SIGNATURES.into_iter().find(|(signature, _)| head.starts_with(signature))?;
        let rest = &head[signature.len()..];
        let level = rest.first().is_some_and(u8::is_ascii_digit);
        let block = rest.get(1..7).is_some_and(|block| block == b"1AY&SY" || block == b"\x17\x72\x45\x38\x50\x90");
        (found != Self::Bzip2 || level && block).then_some(found)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Xz => "xz",
            Self::Bzip2 => "bzip2",
        }
    }
}

/// Whether bytes that begin with `head` are compressed as a whole.
pub(in crate::files) fn is_compressed(head: &[u8]) -> bool {
    Compression::of(head).is_some()
}

/// The decompressed bytes of a file. Checksums are compared where the format has them; several streams one after
/// another are one; what follows the last is an error.
pub(super) struct Inflated {
    decoder: Box<dyn Decoder>,
    compression: Compression,
    length: u64,
    given: u64,
}

/// A decompressor on top of the file that it takes its bytes from.
trait Decoder: Read + Send {
    fn source(&self) -> &Source;
    fn into_source(self: Box<Self>) -> Source;
}

impl Decoder for MultiGzDecoder<Source> {
    fn source(&self) -> &Source {
        self.get_ref()
    }

    fn into_source(self: Box<Self>) -> Source {
        self.into_inner()
    }
}

impl Decoder for ZstdDecoder<'static, Source> {
    fn source(&self) -> &Source {
        self.get_ref()
    }

    fn into_source(self: Box<Self>) -> Source {
        self.finish()
    }
}

impl Decoder for XzReader<Source> {
    fn source(&self) -> &Source {
        self.inner()
    }

    fn into_source(self: Box<Self>) -> Source {
        self.into_inner()
    }
}

impl Decoder for MultiBzDecoder<Source> {
    fn source(&self) -> &Source {
        self.get_ref()
    }

    fn into_source(self: Box<Self>) -> Source {
        self.into_inner()
    }
}

impl Inflated {
    pub(super) fn new(source: Source, compression: Compression) -> Result<Self> {
        let length = source.length();
        let decoder: Box<dyn Decoder> = match compression {
            Compression::Gzip => Box::new(MultiGzDecoder::new(source)),
            Compression::Zstd => {
                let decoder = ZstdDecoder::with_buffer(source).and_then(|mut decoder| {
                    decoder.window_log_max(MOST_WINDOW.ilog2())?;
                    Ok(decoder)
                });
                Box::new(decoder.map_err(|error| damaged(compression, error))?)
            }
            Compression::Xz => Box::new(XzReader::new_mem_limit(source, true, MOST_WINDOW / 1024)),
            Compression::Bzip2 => Box::new(MultiBzDecoder::new(source)),
        };
        Ok(Self { decoder, compression, length, given: 0 })
    }

    /// The most bytes that the file can become.
    pub(super) fn most(&self) -> u64 {
        self.length.saturating_mul(MOST_INFLATION).saturating_add(SLACK)
    }

    /// The compressed file under it.
    pub(super) fn source(&self) -> &Source {
        self.decoder.source()
    }

    pub(super) fn into_source(self) -> Source {
        self.decoder.into_source()
    }
}

impl Read for Inflated {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.decoder.read(buffer).map_err(|error| into_io(damaged(self.compression, error)))?;
        self.given += count as u64;
        if self.given > self.most() {
            return Err(into_io(Error::new(
                Code::TooLarge,
                format!(
                    "the file inflates to more than {MOST_INFLATION} times its size, which data does not: decompress it yourself if it is what you think."
                ),
            )));
        }
        Ok(count)
    }
}

fn damaged(compression: Compression, error: std::io::Error) -> Error {
    from_io(error, |error| {
        let name = compression.name();
        Error::new(
            Code::MalformedFile,
            format!("the {name} data is damaged or cut short ({error}): copy the file again."),
        )
    })
}
