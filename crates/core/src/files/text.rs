//! Text files in blocks of whole lines, so that blocks can be parsed on several threads.

use std::sync::Arc;

use super::input::{ByteStream, Input};
use crate::error::{Code, Error, Result};
use crate::parallel::Workers;
use crate::progress::Control;

/// Bytes of a block, about: with what is parsed from them, they stay in a core's own cache.
const BLOCK: usize = 1 << 18;

/// Longest line, record or JSON value in bytes. Files may be of any length.
pub(super) const MAX_RECORD: usize = 1 << 28;

/// Most blocks that are parsed together, whatever the number of threads: memory stays bounded.
const MOST_BLOCKS: usize = 128;

/// Some whole lines of a file.
pub(super) struct Block {
    pub(super) text: String,
    /// One-based number of the first line.
    pub(super) line: u64,
}

/// Cuts a file into blocks of whole lines.
pub(super) struct Blocks<'a> {
    stream: Box<dyn ByteStream + 'a>,
    file: String,
    /// Read, but not yet given out.
    rest: Vec<u8>,
    line: u64,
    begun: bool,
    ended: bool,
    /// A line break inside quotes ends no line.
    quoted: bool,
}

impl<'a> Blocks<'a> {
    /// The blocks of `input`; with `quoted`, line breaks inside double quotes end no line.
    pub(super) fn new(input: &'a mut Input, quoted: bool) -> Result<Self> {
        let file = input.shown().to_owned();
        Ok(Self { stream: input.stream()?, file, rest: Vec::new(), line: 1, begun: false, ended: false, quoted })
    }

    /// Parses all blocks, `first` before the others, on all threads, and hands what comes of them over in order, while the
    /// next ones are parsed. What `parse` goes by may be changed by `take`; blocks that are in work have what was before.
    ///
    /// # Errors
    /// The first one in the order of the file, whatever the number of threads.
    pub(super) fn each_parsed<S: Send + Sync, T: Send>(
        &mut self,
        first: Option<Block>,
        state: &mut Arc<S>,
        (workers, control): (&Workers, &Control),
        parse: impl Fn(&Block, &S) -> Result<T> + Sync,
        mut take: impl FnMut(&Block, T, &mut Arc<S>) -> Result<()>,
    ) -> Result<()> {
        // One thread takes what it has parsed while that is in its cache.
        let together = if workers.threads() == 1 { 1 } else { (4 * workers.threads()).min(MOST_BLOCKS) };
        let mut failed = None;
        let mut group = Vec::from_iter(first);
        if group.is_empty() {
            self.fill(&mut group, 1, &mut failed, control);
        }
        let mut ready: Vec<(Block, Result<T>)> = Vec::new();
        while !group.is_empty() || !ready.is_empty() {
            let (now, mut next) = (Arc::clone(state), Vec::new());
            let parsed = workers.map_beside(
                group.len(),
                control,
                |index| Ok(parse(&group[index], &now)),
                || {
                    for (block, parsed) in ready.drain(..) {
                        control.check()?;
                        take(&block, parsed?, state)?;
                    }
                    self.fill(&mut next, together, &mut failed, control);
                    Ok(())
                },
            )?;
            ready.extend(std::mem::replace(&mut group, next).into_iter().zip(parsed));
        }
        failed.map_or(Ok(()), Err)
    }

    /// Adds blocks until there are `count`; what fails is told once the blocks before it were taken.
    fn fill(&mut self, blocks: &mut Vec<Block>, count: usize, failed: &mut Option<Error>, control: &Control) {
        while blocks.len() < count && failed.is_none() {
            match self.next(control) {
                Ok(Some(block)) => blocks.push(block),
                Ok(None) => return,
                Err(error) => *failed = Some(error),
            }
        }
    }

    /// The next block; `None` at the end of the file.
    pub(super) fn next(&mut self, control: &Control) -> Result<Option<Block>> {
        let mut bytes = std::mem::take(&mut self.rest);
        let mut wanted = BLOCK;
        let end = loop {
            while !self.ended && bytes.len() < wanted {
                self.ended = self.stream.read(&mut bytes, control)? == 0;
                self.skip_mark(&mut bytes)?;
            }
            if self.ended {
                break bytes.len();
            }
            if let Some(end) = self.last_line_end(&bytes) {
                break end;
            }
            if bytes.len() > MAX_RECORD {
                return Err(too_long().in_file(&*self.file).at_row(self.line as usize));
            }
            wanted = bytes.len() * 2;
        };
        self.rest = bytes.split_off(end);
        if bytes.is_empty() {
            return Ok(None);
        }
        let text = String::from_utf8(bytes).map_err(|error| {
            let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            not_utf8().in_file(&*self.file).at_row(self.line as usize + count(before, b'\n'))
        })?;
        let line = self.line;
        self.line += count(text.as_bytes(), b'\n') as u64;
        Ok(Some(Block { text, line }))
    }

    /// One past the last line break outside quotes.
    fn last_line_end(&self, bytes: &[u8]) -> Option<usize> {
        let last = bytes.iter().rposition(|&byte| byte == b'\n')? + 1;
        if !self.quoted {
            return Some(last);
        }
        // Blocks begin outside quotes, so that an even number of quotes before a place means: outside again.
        let mut quotes = count(&bytes[..last], b'"');
        let mut end = last;
        while quotes % 2 == 1 {
            let before = bytes[..end - 1].iter().rposition(|&byte| byte == b'\n')? + 1;
            quotes -= count(&bytes[before..end], b'"');
            end = before;
        }
        Some(end)
    }

    /// Drops a byte order mark, and refuses what is no UTF-8 by its mark.
    fn skip_mark(&mut self, bytes: &mut Vec<u8>) -> Result<()> {
        if !self.begun {
            self.begun = true;
            drop_mark(bytes).map_err(|error| error.in_file(&*self.file))?;
        }
        Ok(())
    }
}

/// How often `wanted` occurs in `bytes`. Counted in bytes as far as these go (none overflows), so that a vector
/// counts many at once.
fn count(bytes: &[u8], wanted: u8) -> usize {
    let in_part = |part: &[u8]| part.iter().fold(0_u8, |sum, &byte| sum.wrapping_add(u8::from(byte == wanted)));
    bytes.chunks(u8::MAX as usize).map(|part| usize::from(in_part(part))).sum()
}

/// Drops UTF-8's byte order mark; UTF-16 is refused.
pub(super) fn drop_mark(bytes: &mut Vec<u8>) -> Result<()> {
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(Error::new(Code::UnsupportedFile, "The file is UTF-16: save it as UTF-8."));
    }
    if bytes.starts_with(&[0xef, 0xbb, 0xbf]) {
        bytes.drain(..3);
    }
    Ok(())
}

pub(super) fn not_utf8() -> Error {
    Error::new(Code::MalformedFile, "The file is not UTF-8 text: save it as UTF-8.")
}

pub(super) fn too_long() -> Error {
    let message = format!(
        "A single line or JSON value is longer than {MAX_RECORD} bytes, which is more than is parsed at once: write one record a line (JSON Lines), or use Parquet."
    );
    Error::new(Code::TooLarge, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_counted_as_one_by_one() {
        for length in [0, 1, 254, 255, 256, 511, 1000] {
            let same = vec![b'\n'; length];
            assert_eq!((count(&same, b'\n'), count(&same, b'"')), (length, 0));
            let mixed: Vec<u8> = (0..length).map(|index| (index * 37 % 11) as u8).collect();
            assert_eq!(count(&mixed, 3), mixed.iter().filter(|&&byte| byte == 3).count());
        }
    }
}
