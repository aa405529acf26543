//! CSV and TSV: the first line names the columns.
//!
//! In CSV a quoted field may hold delimiters, doubled quotes and line breaks. In TSV a quote is a character like any other
//! unless the field it opens closes just before a tab or the end of the line.

use std::borrow::Cow;

use super::format::{Format, Head};
use super::input::Input;
use super::json::{self, shorten};
use super::table::{Batch, Column, Kind, Places, Sink, Table};
use super::text::{Block, Blocks};
use crate::error::{Code, Error, Result};
use crate::parallel::Workers;
use crate::progress::Control;

/// Comma- or semicolon-separated values.
pub(super) const CSV: Format = Format {
    name: "csv",
    extensions: &["csv"],
    sniff: |head| looks_like(head, &[',', ';']),
    read: |input, context, reading| {
        let control = reading.control;
        reading.table(&mut Csv::open(input, control)?, context)
    },
};

/// Tab-separated values.
pub(super) const TSV: Format =
    Format { name: "tsv", extensions: &["tsv", "tab"], sniff: |head| looks_like(head, &['\t']), read: CSV.read };

/// Whether the first line is text that holds one of the delimiters.
fn looks_like(head: &Head<'_>, delimiters: &[char]) -> bool {
    let line = first_line(head.bytes);
    line.iter().all(|&byte| byte == b'\t' || byte >= b' ')
        && std::str::from_utf8(line).is_ok_and(|line| line.contains(delimiters))
}

fn first_line(head: &[u8]) -> &[u8] {
    head.split(|byte| matches!(byte, b'\n' | b'\r')).next().unwrap_or_default()
}

/// Spreadsheets write semicolons where the comma is the decimal sign.
fn delimiter_of(head: &[u8]) -> u8 {
    let line = first_line(head);
    [b'\t', b',', b';'].into_iter().find(|delimiter| line.contains(delimiter)).unwrap_or(b',')
}

struct Csv<'a> {
    file: String,
    blocks: Blocks<'a>,
    /// What follows the header in the first block.
    first: Option<Block>,
    columns: Vec<String>,
    delimiter: u8,
}

impl<'a> Csv<'a> {
    fn open(input: &'a mut Input, control: &Control) -> Result<Self> {
        let delimiter = delimiter_of(input.head());
        let file = input.shown().to_owned();
        let mut blocks = Blocks::new(input, delimiter != b'\t')?;
        let mut first = blocks.next(1, control)?.pop();
        let mut columns: Vec<String> = Vec::new();
        if let Some(block) = &mut first {
            let mut records = Records::new(&block.text, delimiter, block.line);
            let mut fields = Vec::new();
            if records.next(&mut fields).map_err(|error| error.in_file(&*file))? {
                columns = fields.iter().map(|field| field.to_string()).collect();
            }
            let (at, line) = (records.at, records.line);
            block.text.drain(..at);
            block.line = line;
        }
        check_header(&columns).map_err(|error| error.in_file(&*file).at_row(1))?;
        Ok(Self { file, blocks, first, columns, delimiter })
    }
}

/// How the records of a table are to be read.
struct Form<'a> {
    file: &'a str,
    delimiter: u8,
    wanted: &'a [Option<Kind>],
}

impl Form<'_> {
    fn parse(&self, block: &Block, control: &Control) -> Result<Batch> {
        let wanted = self.wanted;
        let slots: Vec<usize> = (0..wanted.len()).filter(|&column| wanted[column].is_some()).collect();
        let mut columns: Vec<Column> = wanted.iter().copied().flatten().map(Column::new).collect();
        let mut places = Vec::new();
        let mut records = Records::new(&block.text, self.delimiter, block.line);
        let mut fields = Vec::with_capacity(wanted.len());
        loop {
            if places.len() % 256 == 0 {
                control.check()?;
            }
            if !records.next(&mut fields).map_err(|error| error.in_file(self.file))? {
                break;
            }
            if fields.len() != wanted.len() {
                let message = format!(
                    "This is not a valid table: the row has {} fields, the header has {}. Quote fields that contain the delimiter, quotes or line breaks.",
                    fields.len(),
                    wanted.len()
                );
                let error = Error::new(Code::MalformedFile, message).in_file(self.file);
                return Err(error.at_row(records.began as usize));
            }
            for (column, &slot) in columns.iter_mut().zip(&slots) {
                column.push_cell(&fields[slot]);
            }
            places.push(records.began);
        }
        Ok(Batch { columns, rows: places.len(), places: Places::Each(places) })
    }
}

impl Table for Csv<'_> {
    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn has_totals(&self) -> bool {
        true
    }

    fn scan(
        &mut self,
        wanted: &[Option<Kind>],
        sink: &mut dyn Sink,
        workers: &Workers,
        control: &Control,
    ) -> Result<()> {
        let form = Form { file: &self.file, delimiter: self.delimiter, wanted };
        loop {
            let mut blocks: Vec<Block> = self.first.take().into_iter().collect();
            blocks.extend(self.blocks.next(workers.threads() * 2, control)?);
            if blocks.is_empty() {
                return Ok(());
            }
            for batch in workers.map(blocks.len(), control, |index| form.parse(&blocks[index], control))? {
                sink.batch(&batch)?;
            }
        }
    }
}

fn check_header(columns: &[String]) -> Result<()> {
    if columns.is_empty() {
        return Err(Error::new(Code::NoResponses, "The table has no header: its first line has to name the columns."));
    }
    let mut seen = std::collections::HashSet::new();
    if let Some(column) = columns.iter().find(|column| !seen.insert(column.as_str())) {
        let message = format!("The column {} occurs twice in the header: names must be distinct.", shorten(column));
        return Err(Error::new(Code::MalformedFile, message));
    }
    if columns.iter().all(|column| matches!(json::number(column), json::Reading::Number(_))) {
        let message = "The first line holds numbers only, so that the table has no header: write the names of the columns above it \
                       (id and the names of the models), or save the matrix as .npy.";
        return Err(Error::new(Code::MissingColumn, message));
    }
    Ok(())
}

/// The records of a text, one after another.
struct Records<'a> {
    text: &'a str,
    at: usize,
    line: u64,
    /// Line on which the record read last began.
    began: u64,
    delimiter: u8,
}

impl<'a> Records<'a> {
    fn new(text: &'a str, delimiter: u8, line: u64) -> Self {
        Self { text, at: 0, line, began: line, delimiter }
    }

    /// Reads the fields of the next record that is not blank; `false` at the end.
    fn next(&mut self, fields: &mut Vec<Cow<'a, str>>) -> Result<bool> {
        let bytes = self.text.as_bytes();
        fields.clear();
        while self.at < bytes.len() {
            self.began = self.line;
            loop {
                let field = self.field()?;
                fields.push(field);
                match bytes.get(self.at) {
                    Some(&byte) if byte == self.delimiter => self.at += 1,
                    Some(_) => break self.line_end(),
                    None => break,
                }
            }
            if fields.len() > 1 || !fields[0].is_empty() {
                return Ok(true);
            }
            fields.clear();
        }
        Ok(false)
    }

    fn line_end(&mut self) {
        let bytes = self.text.as_bytes();
        self.at += 1 + usize::from(bytes[self.at] == b'\r' && bytes.get(self.at + 1) == Some(&b'\n'));
        self.line += 1;
    }

    /// Reads a field up to the delimiter or line break after it.
    #[inline]
    fn field(&mut self) -> Result<Cow<'a, str>> {
        let bytes = self.text.as_bytes();
        let start = self.at;
        let mut quoted = false;
        while let Some(&byte) = bytes.get(self.at) {
            if byte == self.delimiter || byte == b'\n' || byte == b'\r' {
                break;
            }
            quoted |= byte == b'"';
            self.at += 1;
        }
        let plain = self.text[start..self.at].trim_ascii();
        if !quoted {
            return Ok(Cow::Borrowed(plain));
        }
        if self.delimiter == b'\t' {
            return Ok(unquote_whole(plain));
        }
        self.at = start;
        self.quoted_field()
    }

    /// Reads a field of CSV that has a quote in it.
    fn quoted_field(&mut self) -> Result<Cow<'a, str>> {
        let bytes = self.text.as_bytes();
        while matches!(bytes.get(self.at), Some(b' ' | b'\t')) {
            self.at += 1;
        }
        if bytes.get(self.at) != Some(&b'"') {
            return Err(self.no_table("a quote stands in the middle of a field that is not quoted"));
        }
        self.at += 1;
        let start = self.at;
        let mut doubled = false;
        loop {
            match bytes.get(self.at) {
                Some(b'"') if bytes.get(self.at + 1) == Some(&b'"') => {
                    doubled = true;
                    self.at += 2;
                }
                Some(b'"') => break,
                Some(&byte) => {
                    self.line += u64::from(byte == b'\n');
                    self.at += 1;
                }
                None => return Err(self.no_table("a quote is opened and never closed")),
            }
        }
        let inner = &self.text[start..self.at];
        self.at += 1;
        while matches!(bytes.get(self.at), Some(b' ' | b'\t')) {
            self.at += 1;
        }
        match bytes.get(self.at) {
            None | Some(b'\n' | b'\r') => {}
            Some(&byte) if byte == self.delimiter => {}
            Some(_) => return Err(self.no_table("something follows a closing quote")),
        }
        Ok(if doubled { Cow::Owned(inner.replace("\"\"", "\"")) } else { Cow::Borrowed(inner) })
    }

    fn no_table(&self, what: &str) -> Error {
        let message = format!(
            "This is not a valid table: {what}. Quote fields that contain the delimiter, quotes or line breaks, and double quotes inside them."
        );
        Error::new(Code::MalformedFile, message).at_row(self.began as usize)
    }
}

/// A field of TSV without its quotes, if it is quoted as a whole.
fn unquote_whole(field: &str) -> Cow<'_, str> {
    let inner = field.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    match inner {
        Some(inner) if !inner.replace("\"\"", "").contains('"') => Cow::Owned(inner.replace("\"\"", "\"")),
        _ => Cow::Borrowed(field),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(text: &str, delimiter: u8) -> Result<Vec<(u64, Vec<String>)>> {
        let mut records = Records::new(text, delimiter, 1);
        let (mut fields, mut all) = (Vec::new(), Vec::new());
        while records.next(&mut fields)? {
            all.push((records.began, fields.iter().map(|field| field.to_string()).collect()));
        }
        Ok(all)
    }

    fn row(line: u64, fields: &[&str]) -> (u64, Vec<String>) {
        (line, fields.iter().map(|&field| field.to_owned()).collect())
    }

    #[test]
    fn quotes_hold_delimiters_breaks_and_quotes() {
        let found = records("a, b ,\"c,\"\"d\"\"\"\r\n\n\"x\ny\" , ,\nlast,2,3", b',').unwrap();
        assert_eq!(found, [row(1, &["a", "b", "c,\"d\""]), row(3, &["x\ny", "", ""]), row(5, &["last", "2", "3"])]);
    }

    #[test]
    fn what_is_not_quoted_well_is_refused() {
        for (text, line) in [("a,b\n\"r0,-1\n", 2), ("a,b\"c\n", 1), ("a\n\n\"b\"c,1\n", 3)] {
            let error = records(text, b',').unwrap_err();
            assert_eq!((error.code, error.place.row), (Code::MalformedFile, Some(line)), "{text}");
        }
    }

    #[test]
    fn a_quote_in_tsv_is_a_character_unless_it_closes_before_the_tab() {
        let text = "1\t\"Hello there\t-2\n2\tsaid bye\"\t-1\n3\t\"whole \"\"x\"\"\"\t\"q\"r\"\n4\t\"\t\"\"\n";
        assert_eq!(
            records(text, b'\t').unwrap(),
            [
                row(1, &["1", "\"Hello there", "-2"]),
                row(2, &["2", "said bye\"", "-1"]),
                row(3, &["3", "whole \"x\"", "\"q\"r\""]),
                row(4, &["4", "\"", ""]),
            ]
        );
    }

    #[test]
    fn a_header_of_numbers_is_none() {
        let names = |names: &[&str]| check_header(&names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>());
        assert_eq!(names(&["-1.5e0", "-2.5"]).unwrap_err().code, Code::MissingColumn);
        assert!(names(&["", "1000", "2000"]).is_ok());
        assert_eq!(names(&["id", "a", "a"]).unwrap_err().code, Code::MalformedFile);
    }
}
