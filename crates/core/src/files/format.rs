//! What a format is, and the one table of them.

use super::input::Input;
use super::json::Json;
use super::reading::{FileContext, Reading};
use crate::error::Result;

/// A format of files: how it is called, told and read. One file of this folder a format, and one line in
/// [`FORMATS`](super::FORMATS).
pub struct Format {
    /// Stable name, as `--format` takes it and results record it.
    pub name: &'static str,
    /// Extensions, lower case and without the dot, that suggest it. They decide only where the content does not.
    pub extensions: &'static [&'static str],
    /// Whether the content is of this format.
    pub sniff: fn(&Head<'_>) -> bool,
    /// Reads the whole of a file and hands what it says to [`Reading`]: scores or counts, whichever are asked for.
    pub read: fn(&mut Input, &FileContext, &mut Reading<'_>) -> Result<()>,
}

/// How a file begins, for telling formats apart.
pub struct Head<'a> {
    /// The first bytes, decompressed; up to [`Input::HEAD`] of them.
    pub bytes: &'a [u8],
    /// The first JSON value of a file that holds JSON: the first row of JSON Lines, the first element of a list, or the
    /// whole document. `None` if the file holds none.
    pub json: Option<&'a Json<'a>>,
}
