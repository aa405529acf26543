//! CSV and TSV: the first line names the columns.
//!
//! In CSV a quoted field may hold delimiters, doubled quotes and line breaks. In TSV a quote is a character like any other
//! unless the field it opens closes just before a tab or the end of the line.

use std::borrow::Cow;
use std::sync::Arc;

use super::decimal::decimal;
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
        let mut first = blocks.next(control)?;
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
        let mut rows = Rows::new(self);
        let mut records = Records::new(&block.text, self.delimiter, block.line);
        let mut fields = Vec::with_capacity(self.wanted.len());
        loop {
            if rows.places.len().is_multiple_of(256) {
                control.check()?;
            }
            if rows.take_plain(&mut records) {
                continue;
            }
            if !records.next(&mut fields).map_err(|error| error.in_file(self.file))? {
                break;
            }
            if fields.len() != self.wanted.len() {
                let message = format!(
                    "This is not a valid table: the row has {} fields, the header has {}. Quote fields that contain the delimiter, quotes or line breaks.",
                    fields.len(),
                    self.wanted.len()
                );
                let error = Error::new(Code::MalformedFile, message).in_file(self.file);
                return Err(error.at_row(records.began as usize));
            }
            rows.take(&fields, records.began);
        }
        let Rows { columns, places, .. } = rows;
        Ok(Batch { columns, rows: places.len(), places: Places::Each(places) })
    }
}

/// Rows in the making.
struct Rows {
    /// Of each column of the table, whether it is wanted.
    slots: Vec<bool>,
    /// Of each byte, whether it may end a field.
    stops: [bool; 256],
    /// The wanted ones.
    columns: Vec<Column>,
    places: Vec<u64>,
}

impl Rows {
    fn new(form: &Form<'_>) -> Self {
        // A quote ends no field, but a plain one.
        let mut stops = [false; 256];
        [form.delimiter, b'\n', b'\r', b'"'].into_iter().for_each(|byte| stops[usize::from(byte)] = true);
        let slots = form.wanted.iter().map(Option::is_some).collect();
        let columns = form.wanted.iter().copied().flatten().map(Column::new).collect();
        Self { slots, stops, columns, places: Vec::new() }
    }

    fn take(&mut self, fields: &[Cow<'_, str>], place: u64) {
        let wanted = fields.iter().zip(&self.slots).filter(|(_, wanted)| **wanted);
        for (column, (field, _)) in self.columns.iter_mut().zip(wanted) {
            column.push_cell(field);
        }
        self.places.push(place);
    }

    /// Takes the next record if it is one line without quotes that has all fields and is not blank; if it is not, nothing
    /// happens, and [`Records::next`] says what it is.
    fn take_plain(&mut self, records: &mut Records<'_>) -> bool {
        let Some(end) = self.cells(records) else {
            let rows = self.places.len();
            self.columns.iter_mut().for_each(|column| column.truncate(rows));
            return false;
        };
        self.places.push(records.line);
        records.at = end;
        if end < records.text.len() {
            records.line_end();
        }
        true
    }

    /// The end of the line in which the next record lies, after its cells were added; `None`, with some of them added, if
    /// it is not of the plain kind.
    #[inline]
    fn cells(&mut self, records: &Records<'_>) -> Option<usize> {
        // A table of one column alone has lines that are blank.
        if self.slots.len() < 2 {
            return None;
        }
        let (text, delimiter, mut at) = (records.text.as_bytes(), records.delimiter, records.at);
        let mut columns = self.columns.iter_mut();
        let mut left = self.slots.len();
        for wanted in &self.slots {
            left -= 1;
            let column = if *wanted { columns.next() } else { None };
            let ends = |at: usize| match text.get(at) {
                None | Some(b'\n' | b'\r') => Some(true),
                Some(byte) if *byte == delimiter => Some(false),
                Some(_) => None,
            };
            let start = at;
            let number = match column {
                Some(Column::Numbers(_)) => {
                    decimal(&text[start..]).filter(|(_, length)| ends(start + length).is_some())
                }
                _ => None,
            };
            let last = match (column, number) {
                (Some(Column::Numbers(numbers)), Some((value, length))) => {
                    numbers.values.push(value);
                    at += length;
                    ends(at)?
                }
                (column, _) => {
                    while text.get(at).is_some_and(|&byte| !self.stops[usize::from(byte)]) {
                        at += 1;
                    }
                    // A quote is what else may end it.
                    let last = ends(at)?;
                    match column {
                        Some(Column::Texts(texts)) if at > start && text[start] > b' ' && text[at - 1] > b' ' => {
                            texts.push(&records.text[start..at]);
                        }
                        Some(column) => column.push_cell(records.text[start..at].trim_ascii()),
                        None => {}
                    }
                    last
                }
            };
            // The line has to end with the last field.
            if last != (left == 0) {
                return None;
            }
            at += usize::from(!last);
        }
        Some(at)
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
        let first = self.first.take().filter(|block| !block.text.is_empty());
        self.blocks.each_parsed(
            first,
            &mut Arc::new(()),
            (workers, control),
            |block, ()| form.parse(block, control),
            |_, batch, _| sink.batch(&batch),
        )
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
    use proptest::prelude::*;

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

    /// A batch field by field, as [`Records`] cuts them.
    fn slowly(form: &Form<'_>, text: &str) -> Result<(Vec<Column>, Vec<u64>)> {
        let mut rows = Rows::new(form);
        let (mut records, mut fields) = (Records::new(text, form.delimiter, 2), Vec::new());
        while records.next(&mut fields)? {
            if fields.len() != form.wanted.len() {
                return Err(Error::new(Code::MalformedFile, "").at_row(records.began as usize));
            }
            rows.take(&fields, records.began);
        }
        Ok((rows.columns, rows.places))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2048))]

        #[test]
        fn lines_without_quotes_are_read_as_all_others(
            cells in prop::collection::vec(
                prop::sample::select(vec![
                    "-1.5", "-12.34567890123456789", "0", "", " -2 ", "x", "\"a,b\"", "\"q\"\"\"", "1e-3", "nan", "é", "-",
                    "\"two\nlines\"", "[-1, -2]", "a\"b", "NA", "01",
                ]),
                0..24,
            ),
            ends in prop::collection::vec(prop::sample::select(vec![",", ",", "\t", "\n", "\r\n", "\n\n", "\r"]), 24),
            tsv in any::<bool>(),
            wanted in prop::collection::vec(prop::option::of(prop::sample::select(
                vec![Kind::Number, Kind::Text, Kind::List, Kind::Any])), 1..5),
        ) {
            let text: String = cells.iter().zip(&ends).flat_map(|(cell, end)| [*cell, *end]).collect();
            let form = Form { file: "f", delimiter: if tsv { b'\t' } else { b',' }, wanted: &wanted };
            let expected = slowly(&form, &text);
            let read = form.parse(&Block { text, line: 2 }, &Control::new());
            match (read, expected) {
                (Ok(batch), Ok((columns, places))) => {
                    let found: Vec<u64> = (0..batch.rows).map(|row| batch.places.of(row)).collect();
                    prop_assert_eq!(found, places);
                    prop_assert_eq!(format!("{:?}", batch.columns), format!("{columns:?}"));
                }
                (Err(read), Err(expected)) => prop_assert_eq!(read.place.row, expected.place.row),
                (read, expected) => prop_assert!(false, "{:?} and {:?}", read.err(), expected.err()),
            }
        }
    }
}
