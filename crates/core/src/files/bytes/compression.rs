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
    decoder: Decoder,
    compression: Compression,
    length: u64,
    given: u64,
}

enum Decoder {
    Gzip(Box<MultiGzDecoder<Source>>),
    Zstd(Box<ZstdDecoder<'static, Source>>),
    Xz(Box<XzReader<Source>>),
    Bzip2(Box<MultiBzDecoder<Source>>),
}

impl Inflated {
    pub(super) fn new(source: Source, compression: Compression) -> Result<Self> {
        let length = source.length();
        let decoder = match compression {
            Compression::Gzip => Decoder::Gzip(Box::new(MultiGzDecoder::new(source))),
            Compression::Zstd => {
                let decoder = ZstdDecoder::with_buffer(source).and_then(|mut decoder| {
                    decoder.window_log_max(MOST_WINDOW.ilog2())?;
                    Ok(decoder)
                });
                Decoder::Zstd(Box::new(decoder.map_err(|error| damaged(compression, error))?))
            }
            Compression::Xz => Decoder::Xz(Box::new(XzReader::new_mem_limit(source, true, MOST_WINDOW / 1024))),
            Compression::Bzip2 => Decoder::Bzip2(Box::new(MultiBzDecoder::new(source))),
        };
        Ok(Self { decoder, compression, length, given: 0 })
    }

    /// The most bytes that the file can become.
    pub(super) fn most(&self) -> u64 {
        self.length.saturating_mul(MOST_INFLATION).saturating_add(SLACK)
    }

    /// The compressed file under it.
    pub(super) fn source(&self) -> &Source {
        match &self.decoder {
            Decoder::Gzip(decoder) => decoder.get_ref(),
            Decoder::Zstd(decoder) => decoder.get_ref(),
            Decoder::Xz(decoder) => decoder.inner(),
            Decoder::Bzip2(decoder) => decoder.get_ref(),
        }
    }

    pub(super) fn into_source(self) -> Source {
        match self.decoder {
            Decoder::Gzip(decoder) => decoder.into_inner(),
            Decoder::Zstd(decoder) => decoder.finish(),
            Decoder::Xz(decoder) => decoder.into_inner(),
            Decoder::Bzip2(decoder) => decoder.into_inner(),
        }
    }
}

impl Read for Inflated {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = match &mut self.decoder {
            Decoder::Gzip(decoder) => decoder.read(buffer),
            Decoder::Zstd(decoder) => decoder.read(buffer),
            Decoder::Xz(decoder) => decoder.read(buffer),
            Decoder::Bzip2(decoder) => decoder.read(buffer),
        };
        let count = read.map_err(|error| into_io(damaged(self.compression, error)))?;
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
