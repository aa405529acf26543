//! The JSON values of a file, one after another: lines of JSON Lines, elements of a list, or values that follow one
//! another, each with where it stands.

use super::input::{ByteStream, Input};
use super::json::{Fault, Json, shorten};
use super::text::{Blocks, MAX_RECORD, drop_mark, not_utf8, too_long};
use crate::error::{Code, Error, Result};
use crate::progress::Control;

/// How the values of a file are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// One value a line.
    Lines,
    /// A list, or values that follow one another.
    Values,
}

/// Whether a file that begins with `head` has a value a line.
pub(super) fn layout(head: &[u8]) -> Layout {
    let start = head.iter().position(|byte| !byte.is_ascii_whitespace() && !matches!(byte, 0xef | 0xbb | 0xbf));
    let text = &head[start.unwrap_or(head.len())..];
    let line = text.split(|&byte| byte == b'\n').next().unwrap_or_default().trim_ascii_end();
    // A line that ends in the middle of a value belongs to a file that is laid out for reading.
    let open = line.len() < text.len() && matches!(line.last(), Some(b'{' | b'[' | b',' | b':'));
    if text.first() == Some(&b'{') && !open { Layout::Lines } else { Layout::Values }
}

/// Gives `take` every value of the file and where it stands: one-based lines of JSON Lines, else zero-based positions.
/// `take` says whether to go on.
pub(super) fn each_text(
    input: &mut Input,
    control: &Control,
    mut take: impl FnMut(&str, u64) -> Result<bool>,
) -> Result<()> {
    walk(input, control, &mut take)
}

/// What takes a value and where it stands, and says whether to go on. All formats share one walk over the file.
type Take<'take> = dyn FnMut(&str, u64) -> Result<bool> + 'take;

fn walk(input: &mut Input, control: &Control, take: &mut Take<'_>) -> Result<()> {
    match layout(input.head()) {
        Layout::Lines => {
            let mut blocks = Blocks::new(input, false)?;
            while let Some(block) = blocks.next(control)? {
                for (index, line) in block.text.split('\n').enumerate() {
                    if index % 1024 == 0 {
                        control.check()?;
                    }
                    if !line.trim_ascii().is_empty() && !take(line, block.line + index as u64)? {
                        return Ok(());
                    }
                }
            }
            Ok(())
        }
        Layout::Values => {
            let file = input.shown().to_owned();
            Splitter::new(input.stream()?, file).each(control, take)
        }
    }
}

/// Gives `take` every value of the file, parsed, and where it stands.
pub(super) fn each_record(
    input: &mut Input,
    control: &Control,
    mut take: impl FnMut(Json<'_>, u64) -> Result<()>,
) -> Result<()> {
    let file = input.shown().to_owned();
    each_text(input, control, |text, row| {
        take(parse(text, row, &file)?, row)?;
        Ok(true)
    })
}

/// The first value of the file.
pub(super) fn first_record(input: &mut Input, control: &Control) -> Result<Option<Json<'static>>> {
    let file = input.shown().to_owned();
    let mut first = None;
    each_text(input, control, |text, row| {
        first = Some(parse(text, row, &file)?.into_owned());
        Ok(false)
    })?;
    Ok(first)
}

/// Parses the value that stands at `row`.
pub(super) fn parse<'a>(text: &'a str, row: u64, file: &str) -> Result<Json<'a>> {
    Json::parse(text).map_err(|fault| no_json(text, &fault, row, file))
}

/// The error of a text that is no JSON.
pub(super) fn no_json(text: &str, fault: &Fault, row: u64, file: &str) -> Error {
    let begin = shorten(text.trim_ascii_start().get(..40.min(text.len())).unwrap_or_else(|| text.trim_ascii_start()));
    let message = format!("This is not valid JSON: {} (byte {}). It begins \"{begin}\".", fault.message, fault.at + 1);
    Error::new(Code::MalformedFile, message).in_file(file).at_row(row as usize)
}

/// Cuts a stream into JSON values by counting brackets.
struct Splitter<'a> {
    stream: Box<dyn ByteStream + 'a>,
    file: String,
    buffer: Vec<u8>,
    /// Where the value that is not complete yet begins.
    start: usize,
    /// Up to where it was looked at.
    seen: usize,
    list: Option<bool>,
    depth: usize,
    in_string: bool,
    escaped: bool,
    ended: bool,
    row: u64,
}

impl<'a> Splitter<'a> {
    fn new(stream: Box<dyn ByteStream + 'a>, file: String) -> Self {
        Self {
            stream,
            file,
            buffer: Vec::new(),
            start: 0,
            seen: 0,
            list: None,
            depth: 0,
            in_string: false,
            escaped: false,
            ended: false,
            row: 0,
        }
    }

    fn each(&mut self, control: &Control, take: &mut Take<'_>) -> Result<()> {
        let mut begun = false;
        loop {
            control.check()?;
            self.buffer.drain(..self.start);
            self.seen -= self.start;
            self.start = 0;
            if self.buffer.len() > MAX_RECORD {
                return Err(too_long().in_file(&*self.file).at_row(self.row as usize));
            }
            if self.stream.read(&mut self.buffer, control)? == 0 {
                break;
            }
            if !begun {
                begun = true;
                drop_mark(&mut self.buffer).map_err(|error| error.in_file(&*self.file))?;
            }
            while let Some(end) = self.next_end() {
                if !self.give(end, take)? {
                    return Ok(());
                }
            }
        }
        if self.in_string || self.depth > 0 || (self.list == Some(true) && !self.ended) {
            let message = "The file ends in the middle of a JSON value: it is truncated. Write it again.";
            return Err(Error::new(Code::MalformedFile, message).in_file(&*self.file).at_row(self.row as usize));
        }
        self.give(self.buffer.len(), take)?;
        Ok(())
    }

    /// Gives out what lies between the start and `end`, unless it is blank.
    fn give(&mut self, end: usize, take: &mut Take<'_>) -> Result<bool> {
        let text = std::str::from_utf8(&self.buffer[self.start..end]);
        let text = text.map_err(|_| not_utf8().in_file(&*self.file).at_row(self.row as usize))?;
        let blank = text.trim_ascii().is_empty();
        let go_on = blank || take(text, self.row)?;
        self.row += u64::from(!blank);
        self.start = self.seen.max(end);
        Ok(go_on)
    }

    /// The end of the next value that is complete; what separates it from the next is passed.
    fn next_end(&mut self) -> Option<usize> {
        while let Some(&byte) = self.buffer.get(self.seen) {
            let at = self.seen;
            self.seen += 1;
            if self.in_string {
                match byte {
                    _ if self.escaped => self.escaped = false,
                    b'\\' => self.escaped = true,
                    b'"' => self.in_string = false,
                    _ => {}
                }
                continue;
            }
            match byte {
                b'"' => self.in_string = true,
                b'{' | b'[' if self.list.is_none() => {
                    self.list = Some(byte == b'[');
                    if byte == b'[' {
                        self.start = self.seen;
                    } else {
                        self.depth += 1;
                    }
                }
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' if self.depth == 0 => {
                    self.ended = true;
                    return Some(at);
                }
                b'}' | b']' => {
                    self.depth -= 1;
                    if self.depth == 0 && self.list == Some(false) {
                        return Some(at + 1);
                    }
                }
                b',' if self.depth == 0 => return Some(at),
                _ => {}
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layouts_are_told_by_the_first_line() {
        assert_eq!(layout(b"{\"a\":1}\n{\"a\":2}\n"), Layout::Lines);
        assert_eq!(layout(b"\xef\xbb\xbf {\"a\":1}"), Layout::Lines);
        assert_eq!(layout(b"{\n \"a\":1\n}"), Layout::Values);
        assert_eq!(layout(b"[{\"a\":1}]"), Layout::Values);
    }

    struct Pieces<'a>(&'a [u8], usize);

    impl ByteStream for Pieces<'_> {
        fn read(&mut self, into: &mut Vec<u8>, _: &Control) -> Result<usize> {
            let count = self.1.min(self.0.len());
            into.extend_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    fn split(text: &str, piece: usize) -> Result<Vec<String>> {
        let mut values = Vec::new();
        Splitter::new(Box::new(Pieces(text.as_bytes(), piece)), "f".into()).each(
            &Control::new(),
            &mut |text, row| {
                assert_eq!(row, values.len() as u64);
                values.push(text.trim().to_owned());
                Ok(true)
            },
        )?;
        Ok(values)
    }

    #[test]
    fn values_are_cut_wherever_the_pieces_end() {
        let cases: [(&str, &[&str]); 4] = [
            (r#"[{"a":"]},{"}, [1,[2]] ,"x\"y", 3]"#, &[r#"{"a":"]},{"}"#, "[1,[2]]", r#""x\"y""#, "3"]),
            ("{\n\"a\": 1}\n\n{\"b\": [2]}\n", &["{\n\"a\": 1}", "{\"b\": [2]}"]),
            ("[]", &[]),
            ("{\"é\": {}}", &["{\"é\": {}}"]),
        ];
        for (text, expected) in cases {
            for piece in [1, 2, 3, 7, 1000] {
                assert_eq!(split(text, piece).unwrap(), expected, "{text} in pieces of {piece}");
            }
        }
        for text in ["[{\"a\":1},", "[1, 2", "{\"a\": \"x", "{\n\"a\": {"] {
            assert!(split(text, 3).unwrap_err().message.contains("truncated"), "{text}");
        }
    }
}
