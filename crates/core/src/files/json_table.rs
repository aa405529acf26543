//! Rows of named values in JSON as a table: JSON Lines, lists of objects, and rows inside a wrapper.
//!
//! Fields of objects inside a row are columns `outer.inner`. Rows need not have the same keys: the union counts, and a key
//! that is new is announced before the batch that has it.

use std::collections::HashMap;

use super::input::Input;
use super::json::{Cursor, Fault, Json};
use super::records::{Layout, each_text, layout, no_json, parse};
use super::table::{Batch, Column, Kind, Places, Sink, Table};
use super::text::{Block, Blocks};
use crate::error::{Code, Error, Result};
use crate::parallel::Workers;
use crate::progress::Control;

/// Rows looked at for the names of columns before the reading begins.
const FIRST_ROWS: u64 = 100;

/// Rows of a batch where they come one by one.
const BATCH: usize = 4096;

/// Objects inside one another whose fields become columns.
const MAX_LEVELS: usize = 4;

/// Rows of JSON.
pub(super) struct JsonTable<'a> {
    file: String,
    source: Source<'a>,
    columns: Vec<String>,
    nested: Vec<bool>,
}

enum Source<'a> {
    /// Straight from a file.
    File(&'a mut Input),
    /// Taken out of a wrapper.
    Rows(Vec<Json<'a>>),
}

impl<'a> JsonTable<'a> {
    /// The rows of a file, which has an object a row.
    pub(super) fn open(input: &'a mut Input, control: &Control) -> Result<Self> {
        let file = input.shown().to_owned();
        let mut columns = Columns::default();
        // Progress counts the bytes when they are read for their values.
        let unseen = control.uncounted();
        each_text(input, &unseen, |text, row| {
            control.check()?;
            if columns.rows < FIRST_ROWS {
                // What is no JSON is reported where it is read.
                if let Ok(value @ Json::Object(_)) = Json::parse(text) {
                    columns.add(&value);
                } else if columns.rows == 0 {
                    object_needed(&parse(text, row, &file)?, row, &file)?;
                }
                columns.rows += 1;
            }
            Ok(columns.rows < FIRST_ROWS)
        })?;
        if columns.rows == 0 {
            let message = "The file holds no row: check that the run that wrote it has finished.";
            return Err(Error::new(Code::NoResponses, message).in_file(file));
        }
        Ok(Self { file, source: Source::File(input), columns: columns.names, nested: columns.nested })
    }

    /// Rows that were taken out of a wrapper in `file`.
    pub(super) fn of_rows(rows: Vec<Json<'a>>, file: String) -> Result<Self> {
        let mut columns = Columns::default();
        for (row, value) in rows.iter().enumerate() {
            object_needed(value, row as u64, &file)?;
            if row < FIRST_ROWS as usize {
                columns.add(value);
            }
        }
        Ok(Self { file, source: Source::Rows(rows), columns: columns.names, nested: columns.nested })
    }
}

/// Names of columns in the order in which they come.
#[derive(Default)]
struct Columns {
    names: Vec<String>,
    nested: Vec<bool>,
    seen: std::collections::HashSet<String>,
    rows: u64,
}

impl Columns {
    fn add(&mut self, row: &Json<'_>) {
        each_leaf(row, "", 0, &mut |path, _, nested| {
            if self.seen.insert(path.to_owned()) {
                self.names.push(path.to_owned());
                self.nested.push(nested);
            }
        });
    }
}

/// Calls `take` for every field of `value` that is no object, with its dotted path and whether it lies in an object inside.
fn each_leaf<'a, 'b>(value: &'b Json<'a>, path: &str, level: usize, take: &mut impl FnMut(&str, &'b Json<'a>, bool)) {
    match value {
        Json::Object(entries) if level < MAX_LEVELS && !entries.is_empty() => {
            for (key, inner) in entries {
                if level == 0 {
                    each_leaf(inner, key, 1, take);
                } else {
                    each_leaf(inner, &format!("{path}.{key}"), level + 1, take);
                }
            }
        }
        leaf => take(path, leaf, level > 1),
    }
}

fn object_needed(value: &Json<'_>, row: u64, file: &str) -> Result<()> {
    if matches!(value, Json::Object(_)) {
        return Ok(());
    }
    let message = format!("An object is needed in each row, this is {}.", value.show());
    Err(Error::new(Code::MalformedFile, message).in_file(file).at_row(row as usize))
}

impl Table for JsonTable<'_> {
    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn is_nested(&self, column: usize) -> bool {
        self.nested[column]
    }

    fn scan(
        &mut self,
        wanted: &[Option<Kind>],
        sink: &mut dyn Sink,
        workers: &Workers,
        control: &Control,
    ) -> Result<()> {
        let Self { file, source, columns, .. } = self;
        let mut shape = Shape::new(columns, wanted);
        match source {
            Source::File(input) if layout(input.head()) == Layout::Lines => {
                let mut blocks = Blocks::new(input, false)?;
                loop {
                    let group = blocks.next(workers.threads() * 2, control)?;
                    if group.is_empty() {
                        return Ok(());
                    }
                    let parsed =
                        workers.map(group.len(), control, |index| lines(&group[index], &shape, file, control))?;
                    for (index, rows) in parsed.into_iter().enumerate() {
                        let mut rows = rows;
                        // A new column changes the shape, also of what was parsed meanwhile.
                        while shape.admit(&rows, sink, file)? || rows.columns.len() < shape.kinds.len() {
                            rows = lines(&group[index], &shape, file, control)?;
                        }
                        sink.batch(&rows.into_batch())?;
                    }
                }
            }
            Source::File(input) => {
                let mut batcher = Batcher { rows: RowsOf::new(&shape), shape: &mut shape, file, sink };
                each_text(input, control, |text, row| {
                    batcher.add(&parse(text, row, file)?, row)?;
                    Ok(true)
                })?;
                batcher.flush()
            }
            Source::Rows(rows) => {
                let mut batcher = Batcher { rows: RowsOf::new(&shape), shape: &mut shape, file, sink };
                for (row, value) in rows.iter().enumerate() {
                    if row % 256 == 0 {
                        control.check()?;
                    }
                    batcher.add(value, row as u64)?;
                }
                batcher.flush()
            }
        }
    }
}

/// Which fields there are, and which go where.
struct Shape {
    /// Of each wanted column.
    kinds: Vec<Kind>,
    /// By dotted path: its place among the wanted columns, or that it is known and not wanted.
    leaves: HashMap<String, Option<usize>>,
    /// Top-level keys in the order of the first rows, for guessing which comes next.
    keys: Vec<(String, Option<usize>)>,
    places: HashMap<String, usize>,
}

impl Shape {
    fn new(columns: &[String], wanted: &[Option<Kind>]) -> Self {
        let mut shape = Self { kinds: Vec::new(), leaves: HashMap::new(), keys: Vec::new(), places: HashMap::new() };
        for (name, kind) in columns.iter().zip(wanted) {
            shape.add(name, *kind);
        }
        shape
    }

    fn add(&mut self, name: &str, kind: Option<Kind>) {
        let slot = kind.map(|kind| {
            self.kinds.push(kind);
            self.kinds.len() - 1
        });
        self.leaves.insert(name.to_owned(), slot);
        self.places.insert(name.to_owned(), self.keys.len());
        self.keys.push((name.to_owned(), slot));
    }

    /// Asks about columns that `rows` has and the shape has not; whether there were any.
    fn admit(&mut self, rows: &RowsOf, sink: &mut dyn Sink, file: &str) -> Result<bool> {
        for (name, row, nested) in &rows.late {
            if !self.leaves.contains_key(name) {
                let kind = sink.late_column(name, *row, *nested).map_err(|error| error.in_file(file))?;
                self.add(name, kind);
            }
        }
        Ok(!rows.late.is_empty())
    }
}

/// Rows in the making.
struct RowsOf {
    columns: Vec<Column>,
    places: Vec<u64>,
    /// Columns that the shape does not know, and where they are first met.
    late: Vec<(String, u64, bool)>,
}

impl RowsOf {
    fn new(shape: &Shape) -> Self {
        Self { columns: shape.kinds.iter().copied().map(Column::new).collect(), places: Vec::new(), late: Vec::new() }
    }

    fn into_batch(self) -> Batch {
        Batch { columns: self.columns, rows: self.places.len(), places: Places::Each(self.places) }
    }

    /// Ends the row at `place`: columns without a value get null.
    fn end_row(&mut self, place: u64) {
        self.places.push(place);
        for column in &mut self.columns {
            if column.len() < self.places.len() {
                column.push_json(&Json::Null);
            }
        }
    }

    /// Adds the fields of an object inside a row, or of a row.
    fn fields(&mut self, value: &Json<'_>, path: &str, level: usize, place: u64, shape: &Shape) {
        let row = self.places.len();
        each_leaf(value, path, level, &mut |path, leaf, nested| match shape.leaves.get(path) {
            Some(Some(slot)) if self.columns[*slot].len() == row => self.columns[*slot].push_json(leaf),
            Some(_) => {}
            // A null or an empty object says nothing of what the field is.
            None if matches!(leaf, Json::Null | Json::Object(_)) => {}
            None => self.late.push((path.to_owned(), place, nested)),
        });
    }

    /// Reads a row from its text.
    fn line(&mut self, text: &str, place: u64, shape: &Shape, seen: &mut [u64]) -> std::result::Result<(), Fault> {
        let row = self.places.len();
        let mut cursor = Cursor::new(text);
        cursor.expect(b'{')?;
        let mut guess = 0;
        let mut unknown: Vec<String> = Vec::new();
        if !cursor.accept(b'}') {
            loop {
                cursor.peek();
                let key = cursor.string()?;
                cursor.expect(b':')?;
                let known = match shape.keys.get(guess) {
                    Some((name, _)) if *name == *key => Some(guess),
                    _ => shape.places.get(&*key).copied(),
                };
                let repeated = match known {
                    Some(index) => std::mem::replace(&mut seen[index], place + 1) == place + 1,
                    None if unknown.iter().any(|name| *name == *key) => true,
                    None => {
                        unknown.push(key.to_string());
                        false
                    }
                };
                if repeated {
                    return Err(cursor.repeated(&key));
                }
                guess = known.unwrap_or(guess) + 1;
                let slot = known.and_then(|index| shape.keys[index].1);
                match (slot.map(|slot| &mut self.columns[slot]), cursor.peek()) {
                    (Some(Column::Numbers(numbers)), b'-' | b'0'..=b'9') => numbers.push_text(cursor.number()?),
                    (Some(Column::Texts(texts)), b'"') => match cursor.string()? {
                        empty if empty.is_empty() => texts.push_odd(Json::Null),
                        text => texts.push(&text),
                    },
                    (None, b'"') if known.is_some() => _ = cursor.string()?,
                    (column, next) => {
                        let value = cursor.value()?;
                        match column {
                            Some(column) if next != b'{' || matches!(column, Column::Values(_)) => {
                                column.push_json(&value);
                            }
                            _ => self.fields(&value, &key, 1, place, shape),
                        }
                    }
                }
                debug_assert!(slot.is_none_or(|slot| self.columns[slot].len() >= row));
                if !cursor.accept(b',') {
                    break;
                }
            }
            cursor.expect(b'}')?;
        }
        cursor.end()?;
        self.end_row(place);
        Ok(())
    }
}

/// The rows of a block of lines.
fn lines(block: &Block, shape: &Shape, file: &str, control: &Control) -> Result<RowsOf> {
    let mut rows = RowsOf::new(shape);
    // By key: one more than the place of the row that had it last.
    let mut seen = vec![0; shape.keys.len()];
    for (index, line) in block.text.split('\n').enumerate() {
        if index % 1024 == 0 {
            control.check()?;
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        let place = block.line + index as u64;
        if let Err(fault) = rows.line(line, place, shape, &mut seen) {
            // A row that is JSON, but no object, gets the message that is right for it.
            object_needed(&parse(line, place, file)?, place, file)?;
            return Err(no_json(line, &fault, place, file));
        }
    }
    Ok(rows)
}

/// Puts rows that come one by one into batches.
struct Batcher<'s> {
    rows: RowsOf,
    shape: &'s mut Shape,
    file: &'s str,
    sink: &'s mut dyn Sink,
}

impl Batcher<'_> {
    fn add(&mut self, value: &Json<'_>, row: u64) -> Result<()> {
        object_needed(value, row, self.file)?;
        let mut unknown = RowsOf { columns: Vec::new(), places: Vec::new(), late: Vec::new() };
        each_leaf(value, "", 0, &mut |path, leaf, nested| {
            if !self.shape.leaves.contains_key(path) && !matches!(leaf, Json::Null | Json::Object(_)) {
                unknown.late.push((path.to_owned(), row, nested));
            }
        });
        if !unknown.late.is_empty() || self.rows.places.len() >= BATCH {
            self.flush()?;
            self.shape.admit(&unknown, self.sink, self.file)?;
            self.rows = RowsOf::new(self.shape);
        }
        for (index, kind) in self.shape.kinds.iter().enumerate() {
            // A column wanted as it is takes the whole object of that name.
            if *kind == Kind::Any {
                let name = self.shape.keys.iter().find(|(_, slot)| *slot == Some(index)).map(|(name, _)| name);
                if let Some(value) = name.and_then(|name| value.at_path(name)) {
                    self.rows.columns[index].push_json(value);
                }
            }
        }
        self.rows.fields(value, "", 0, row, self.shape);
        self.rows.end_row(row);
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        let rows = std::mem::replace(&mut self.rows, RowsOf::new(self.shape));
        if rows.places.is_empty() { Ok(()) } else { self.sink.batch(&rows.into_batch()) }
    }
}
