//! Rows of named values in JSON as a table: JSON Lines, lists of objects, and rows inside a wrapper.
//!
//! Fields of objects inside a row are columns `outer.inner`. Rows need not have the same keys: the union counts, and a key
//! that is new is announced before the batch that has it.

use std::sync::Arc;

use super::input::Input;
use super::json::Json;
use super::json_rows::{RowsOf, Shape, lines};
use super::records::{Layout, each_text, layout, parse};
use super::table::{Kind, Sink, Table};
use super::text::Blocks;
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
pub(super) fn each_leaf<'a, 'b>(
    value: &'b Json<'a>,
    path: &str,
    level: usize,
    take: &mut impl FnMut(&str, &'b Json<'a>, bool),
) {
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

pub(super) fn object_needed(value: &Json<'_>, row: u64, file: &str) -> Result<()> {
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
        let shape = Shape::new(columns, wanted);
        match source {
            Source::File(input) if layout(input.head()) == Layout::Lines => Blocks::new(input, false)?.each_parsed(
                None,
                &mut Arc::new(shape),
                (workers, control),
                |block, shape| lines(block, shape, file, control),
                |block, rows, shape| {
                    let mut rows = rows;
                    // A new column changes the shape, also of what was parsed meanwhile.
                    while admit(shape, &rows, sink, file)? || rows.columns.len() < shape.kinds.len() {
                        rows = lines(block, shape, file, control)?;
                    }
                    sink.batch(&rows.into_batch())
                },
            ),
            Source::File(input) => {
                let mut batcher = Batcher { rows: RowsOf::new(&shape), shape: &mut Arc::new(shape), file, sink };
                each_text(input, control, |text, row| {
                    batcher.add(&parse(text, row, file)?, row)?;
                    Ok(true)
                })?;
                batcher.flush()
            }
            Source::Rows(rows) => {
                let mut batcher = Batcher { rows: RowsOf::new(&shape), shape: &mut Arc::new(shape), file, sink };
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

/// Asks about columns that `rows` has and the shape has not; whether there were any.
fn admit(shape: &mut Arc<Shape>, rows: &RowsOf, sink: &mut dyn Sink, file: &str) -> Result<bool> {
    for (name, row, nested) in &rows.late {
        if !shape.leaves.contains_key(name) {
            let kind = sink.late_column(name, *row, *nested).map_err(|error| error.in_file(file))?;
            Arc::make_mut(shape).add(name, kind);
        }
    }
    Ok(!rows.late.is_empty())
}

/// Puts rows that come one by one into batches.
struct Batcher<'s> {
    rows: RowsOf,
    shape: &'s mut Arc<Shape>,
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
            admit(self.shape, &unknown, self.sink, self.file)?;
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
