//! The bytes of a file: read once, hashed on the way, decompressed by content, never mapped.
//!
//! A file is read, not mapped: a mapped file that is truncated while in use ends the process (SIGBUS), and no hash of it
//! is a hash of the values that were taken. What is read is in our memory and stays what it was; the hash (BLAKE3: one that
//! takes as long as reading itself, as SHA-256 does, would be the reader's speed) is made of the very bytes that the parsers see; and when a reader is done, the file is looked at again: one that was replaced,
//! truncated or appended to meanwhile is an error, not a mixture.

mod compression;
mod cursor;
mod memory;
mod random;
mod refused;
mod source;
mod stamp;
mod stream;

pub(in crate::files) use compression::{MOST_INFLATION, is_compressed};
pub(crate) use cursor::Cursor;
pub(crate) use memory::{check_memory, room};
pub(crate) use random::RandomFile;
pub use stamp::Digest;
pub(crate) use stream::{HEAD, Stream};

use crate::error::{Code, Error};

/// Bytes that are read, hashed and handed on at a time: they stay in a core's own cache meanwhile.
pub(crate) const PIECE: usize = 1 << 18;

/// An error of this crate on its way through a parser that knows only those of input and output.
pub(crate) fn into_io(error: Error) -> std::io::Error {
    std::io::Error::other(error)
}

/// The error of this crate inside `error`, or what `otherwise` makes of an error of the parser's own.
pub(crate) fn from_io(error: std::io::Error, otherwise: impl FnOnce(&std::io::Error) -> Error) -> Error {
    match error.downcast::<Error>() {
        Ok(error) => error,
        Err(error) => otherwise(&error),
    }
}

/// What the operating system says of a file that it will not give.
pub(crate) fn unreadable(error: &std::io::Error) -> Error {
    let advice = match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file: check the path.".to_owned(),
        std::io::ErrorKind::PermissionDenied => "no permission to read this file.".to_owned(),
        _ => format!("the file cannot be read: {error}."),
    };
    Error::new(Code::Io, advice)
}
