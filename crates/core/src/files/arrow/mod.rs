//! Arrow IPC: files (Feather 2, `.arrow`) and streams (the caches of Hugging Face's datasets).
//!
//! Written here for the same reasons as [`super::parquet`]: what the metadata claims is checked against the file before
//! memory is taken, and what is inconsistent is an error.

mod array;
mod batch;
mod flat;
mod schema;

use std::sync::Arc;

use array::{Array, Data};
use batch::{Buffers, Dictionaries};
use flat::Flat;
use schema::{Field, Type, fields};

use super::bytes::{RandomFile, from_io, unreadable};
use super::format::Format;
use super::json::Json;
use super::table::{Batch, Column, Kind, Lists, Numbers, Places, Sink, Table, rows_at_once};
use crate::error::{Code, Error, Result};
use crate::parallel::Workers;
use crate::progress::Control;

/// First bytes of a file, whose messages begin eight bytes in, and its last.
const MAGIC: &[u8; 6] = b"ARROW1";

/// What stands before the length of a message.
const CONTINUES: [u8; 4] = [0xff; 4];

/// Values that one byte of a file may stand for, and those that any file may have.
const MOST_VALUES_PER_BYTE: u64 = 1032;
const SLACK: u64 = 1 << 16;

/// Longest metadata of one message.
const MOST_METADATA: u32 = 256 << 20;

/// Tables in columns, batch after batch.
pub(super) const FORMAT: Format = Format {
    name: "arrow",
    extensions: &["arrow", "feather", "ipc", "arrows"],
    sniff: |head| looks_like(head.bytes),
    read: |input, context, reading| {
        let file = input.random(reading.control)?;
        let mut table = ArrowTable::open(file)?;
        reading.table(&mut table, context)
    },
};

/// Whether a file that begins with `head` is of Arrow: a file by its name, a stream by its first message, a schema.
pub(super) fn looks_like(head: &[u8]) -> bool {
    if head.starts_with(MAGIC) {
        return true;
    }
    let Some(rest) = head.strip_prefix(&CONTINUES) else { return false };
    let length = rest.first_chunk::<4>().map_or(0, |bytes| u32::from_le_bytes(*bytes)) as usize;
    let metadata = rest.get(4..).map(|rest| &rest[..length.min(rest.len())]);
    metadata
        .is_some_and(|metadata| Flat::root(metadata).and_then(|message| message.byte(1)).is_ok_and(|kind| kind == 1))
}

fn damaged(what: &str) -> Error {
    Error::new(Code::MalformedFile, format!("The Arrow file is damaged: {what}. Copy or write it again."))
}

/// A file whose schema was read.
pub(super) struct ArrowTable {
    file: Arc<RandomFile>,
    fields: Vec<Field>,
    /// Columns by name: the indices of the field and of the fields inside it.
    names: Vec<String>,
    paths: Vec<Vec<usize>>,
    /// Where the messages after the schema begin.
    start: u64,
    /// Where dictionaries and batches begin, as the index at the end of a file has it; a stream has none.
    index: Option<[Vec<u64>; 2]>,
}

/// A message: its metadata, and where its body lies.
struct Message {
    metadata: Vec<u8>,
    body: u64,
    size: u64,
}

impl ArrowTable {
    /// Reads the schema of `file`.
    pub(super) fn open(file: Arc<RandomFile>) -> Result<Self> {
        let mut head = [0; 6];
        let is_file = file.read_at(&mut head, 0).is_ok() && head == *MAGIC;
        if is_file {
            let mut tail = [0; 6];
            file.read_at(&mut tail, file.length().saturating_sub(6)).map_err(ended)?;
            if tail != *MAGIC || file.length() < 24 {
                return Err(damaged("it does not end like one; it may be cut short"));
            }
        }
        let first = message(&file, if is_file { 8 } else { 0 })?.ok_or_else(|| damaged("it has no schema"))?;
        let root = Flat::root(&first.metadata)?;
        let schema = match (root.byte(1)?, root.table(2)?) {
            (1, Some(schema)) => schema,
            _ => return Err(damaged("it does not begin with its schema")),
        };
        let fields = fields(schema)?;
        let index = if is_file { Some(index(&file, &fields)?) } else { None };
        let (mut names, mut paths) = (Vec::new(), Vec::new());
        for (index, field) in fields.iter().enumerate() {
            collect(field, "", &[index], &mut names, &mut paths);
        }
        Ok(Self { file, fields, names, paths, start: first.body + first.size, index })
    }

    fn most(&self) -> u64 {
        self.file.length().saturating_mul(MOST_VALUES_PER_BYTE).saturating_add(SLACK)
    }
}

/// The index at the end of a file, which repeats the schema.
fn index(file: &RandomFile, fields: &[Field]) -> Result<[Vec<u64>; 2]> {
    let end = file.length().saturating_sub(10);
    let length = file.bytes_at(end, 4).map_err(ended)?;
    let length = length.first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes));
    let start = end.checked_sub(u64::from(length)).filter(|_| length <= MOST_METADATA);
    let start = start.ok_or_else(|| damaged("its index is longer than the file"))?;
    let metadata = file.bytes_at(start, length as usize).map_err(ended)?;
    let root = Flat::root(&metadata)?;
    let schema = root.table(1)?.ok_or_else(|| damaged("its index has no schema"))?;
    if self::fields(schema)? != fields {
        return Err(damaged("its index tells of other columns than its beginning"));
    }
    Ok([root.blocks(2)?, root.blocks(3)?])
}

/// Columns of values, lists and the like; those inside objects by their path.
fn collect(field: &Field, prefix: &str, path: &[usize], names: &mut Vec<String>, paths: &mut Vec<Vec<usize>>) {
    let name = format!("{prefix}{}", field.name);
    if field.kind == Type::Struct && field.dictionary.is_none() {
        for (index, child) in field.children.iter().enumerate() {
            collect(child, &format!("{name}."), &[path, &[index]].concat(), names, paths);
        }
        return;
    }
    names.push(name);
    paths.push(path.to_vec());
}

fn ended(error: std::io::Error) -> Error {
    from_io(error, |error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof => damaged("it is cut short"),
        _ => unreadable(error),
    })
}

/// The message at `at`; `None` at the end of the stream, which has to be there.
fn message(file: &RandomFile, at: u64) -> Result<Option<Message>> {
    let word = |at: u64| {
        let mut bytes = [0; 4];
        file.read_at(&mut bytes, at).map_err(ended)?;
        Ok(bytes)
    };
    let first = word(at)?;
    // Before version 0.15 the length stood alone.
    let (length, start) = if first == CONTINUES { (word(at + 4)?, at + 8) } else { (first, at + 4) };
    let length = u32::from_le_bytes(length);
    if length == 0 {
        return Ok(None);
    }
    if length > MOST_METADATA {
        return Err(damaged("a message claims too much metadata"));
    }
    let metadata = file.bytes_at(start, length as usize).map_err(ended)?;
    let size = Flat::root(&metadata)?.int64(3)?;
    let body = start + u64::from(length);
    let size = u64::try_from(size).ok().filter(|&size| body.checked_add(size).is_some_and(|end| end <= file.length()));
    let size = size.ok_or_else(|| damaged("a message is longer than the file: it may be cut short"))?;
    Ok(Some(Message { metadata, body, size }))
}

impl Table for ArrowTable {
    fn columns(&self) -> &[String] {
        &self.names
    }

    fn scan(
        &mut self,
        wanted: &[Option<Kind>],
        sink: &mut dyn Sink,
        workers: &Workers,
        control: &Control,
    ) -> Result<()> {
        let wanted: Vec<(&[usize], Kind)> =
            self.paths.iter().zip(wanted).filter_map(|(path, kind)| Some((path.as_slice(), (*kind)?))).collect();
        let mut dictionaries = Dictionaries::new();
        let (mut at, mut before) = (self.start, 0);
        let file = Arc::clone(&self.file);
        let mut found = [Vec::new(), Vec::new()];
        while let Some(message) = message(&file, at)? {
            file.poll(control)?;
            let root = Flat::root(&message.metadata)?;
            let header = root.table(2)?.ok_or_else(|| damaged("a message has no content"))?;
            let place = (message.body, message.size);
            match root.byte(1)? {
                2 => {
                    found[0].push(at);
                    self.dictionary(header, place, &mut dictionaries, control)?;
                }
                3 => {
                    found[1].push(at);
                    let mut buffers = Buffers::new(header, &file, place, self.most(), &dictionaries, control)?;
                    let rows = buffers.length;
                    let mut arrays = Vec::new();
                    for (index, field) in self.fields.iter().enumerate() {
                        control.check()?;
                        let keep = wanted.iter().any(|(path, _)| path[0] == index);
                        let array = buffers.column(field, &|_| true, keep)?;
                        if array.as_ref().is_some_and(|array| array.length != rows) {
                            return Err(damaged("a column has more or fewer rows than its batch"));
                        }
                        arrays.push(array);
                    }
                    give(&wanted, &arrays, rows, before, sink, (workers, control))?;
                    before += rows as u64;
                    if before > self.most() {
                        return Err(damaged("it claims more rows than a file of its size holds"));
                    }
                }
                _ => return Err(damaged("a message is of no known kind")),
            }
            at = message.body + message.size;
        }
        if self.index.as_ref().is_some_and(|index| *index != found) {
            return Err(damaged("its index tells of other batches than it has"));
        }
        Ok(())
    }
}

impl ArrowTable {
    /// Takes the values of a dictionary.
    fn dictionary(
        &self,
        header: Flat<'_>,
        place: (u64, u64),
        dictionaries: &mut Dictionaries,
        control: &Control,
    ) -> Result<()> {
        let number = header.int64(0)?;
        let batch = header.table(1)?.ok_or_else(|| damaged("a dictionary has no values"))?;
        if header.byte(2)? != 0 && dictionaries.contains_key(&number) {
            let message = "The Arrow file has dictionaries that grow: write it as Parquet.";
            return Err(Error::new(Code::UnsupportedFile, message));
        }
        let field = self.fields.iter().find_map(|field| with_dictionary(field, number));
        let field = field.ok_or_else(|| damaged("a dictionary belongs to no column"))?;
        let values = Field { dictionary: None, ..field.clone() };
        let mut buffers = Buffers::new(batch, &self.file, place, self.most(), dictionaries, control)?;
        let array = buffers.column(&values, &|_| true, true)?;
        dictionaries.insert(number, Arc::new(array.ok_or_else(|| damaged("a dictionary has no values"))?));
        Ok(())
    }
}

fn with_dictionary(field: &Field, number: i64) -> Option<&Field> {
    if field.dictionary.as_ref().is_some_and(|(found, _)| *found == number) {
        return Some(field);
    }
    field.children.iter().find_map(|child| with_dictionary(child, number))
}

/// Gives `sink` the rows of a batch, some thousand at a time.
fn give(
    wanted: &[(&[usize], Kind)],
    arrays: &[Option<Array>],
    rows: usize,
    before: u64,
    sink: &mut dyn Sink,
    (workers, control): (&Workers, &Control),
) -> Result<()> {
    let found = wanted.iter().map(|&(path, _)| parents(arrays, path)).collect::<Result<Vec<_>>>()?;
    let values = found.iter().filter_map(|parents| parents.last()).map(|array| array.values());
    let rows_at_once = rows_at_once(wanted.len(), values.fold(0, u64::saturating_add) / rows.max(1) as u64);
    let mut first = 0;
    while first < rows {
        let some = rows_at_once.min(rows - first);
        let columns =
            workers.map(wanted.len(), control, |index| column(&found[index], wanted[index].1, first..first + some))?;
        sink.batch(&Batch { columns, rows: some, places: Places::From(before + first as u64) })?;
        first += some;
    }
    Ok(())
}

/// The array at `path`, after those that it is inside of.
fn parents<'a>(arrays: &'a [Option<Array>], path: &[usize]) -> Result<Vec<&'a Array>> {
    let missing = || Error::new(Code::Internal, "A column that was wanted was not kept.");
    let mut found = vec![arrays[path[0]].as_ref().ok_or_else(missing)?];
    for &index in &path[1..] {
        match found.last().map(|array| &array.data) {
            Some(Data::Struct(fields)) => found.push(fields[index].1.as_ref().ok_or_else(missing)?),
            _ => return Err(missing()),
        }
    }
    Ok(found)
}

fn column(parents: &[&Array], kind: Kind, rows: std::ops::Range<usize>) -> Result<Column> {
    let Some((array, outer)) = parents.split_last() else { return Ok(Column::Values(Vec::new())) };
    let is_null = |row: usize| outer.iter().any(|parent| parent.is_null(row));
    if let (Kind::Number, Some(value)) = (kind, array.floats()) {
        let mut numbers = Numbers::default();
        for row in rows {
            if is_null(row) || array.is_null(row) { numbers.push_odd(Json::Null) } else { numbers.push(value(row)) }
        }
        return Ok(Column::Numbers(numbers));
    }
    if let (Kind::List, Some(elements)) = (kind, array.elements())
        && let Some(value) = elements.floats()
    {
        let mut lists = Lists::default();
        for row in rows {
            if is_null(row) || array.is_null(row) {
                lists.push_odd(Json::Null);
                continue;
            }
            for index in array.range(row) {
                if elements.is_null(index) {
                    lists.elements.push_odd(Json::Null);
                } else {
                    lists.elements.push(value(index));
                }
            }
            lists.end();
        }
        return Ok(Column::Lists(lists));
    }
    by_value(Column::new(kind), parents, rows)
}

/// Whatever rows hold, value by value.
fn by_value(mut column: Column, parents: &[&Array], rows: std::ops::Range<usize>) -> Result<Column> {
    let Some((array, outer)) = parents.split_last() else { return Ok(column) };
    for row in rows {
        let is_null = outer.iter().any(|parent| parent.is_null(row));
        let value = if is_null { Json::Null } else { array.json(row)? };
        match &mut column {
            Column::Values(values) => values.push(value),
            column => column.push_json(&value),
        }
    }
    Ok(column)
}

#[cfg(test)]
mod tests {
    use super::array::Offsets;
    use super::*;

    #[test]
    fn lists_of_numbers_are_what_they_are_value_by_value() {
        let values = [-1.5, -0.1, f64::NAN, 0.0, f64::NEG_INFINITY, -7.25, -1e300, -3.0];
        let array = |length, validity, data| Array { length, validity, data };
        let of = |kind: Type| {
            let bytes = values.iter().flat_map(|&value| match kind {
                Type::Single => (value as f32).to_le_bytes().to_vec(),
                _ => value.to_le_bytes().to_vec(),
            });
            // The fourth and the sixth are null.
            Box::new(array(values.len(), Some(vec![0b1101_0111]), Data::Fixed(bytes.collect(), kind)))
        };
        let offsets = || {
            let bytes = [0_u32, 3, 3, 5, 8].into_iter().flat_map(u32::to_le_bytes).collect();
            Offsets::new(bytes, false, 4, values.len()).unwrap()
        };
        let object = array(4, Some(vec![0b1101]), Data::Struct(Vec::new()));
        for kind in [Type::Single, Type::Double] {
            for data in [
                Data::List { offsets: offsets(), child: of(kind.clone()) },
                Data::FixedList { size: 2, child: of(kind) },
            ] {
                // The second of the lists is in an object that is null, the third is null itself.
                let lists = array(4, Some(vec![0b1011]), data);
                for parents in [vec![&lists], vec![&object, &lists]] {
                    let fast = column(&parents, Kind::List, 0..4).unwrap();
                    let plain = by_value(Column::new(Kind::List), &parents, 0..4).unwrap();
                    assert_eq!(format!("{fast:?}"), format!("{plain:?}"));
                    assert_eq!(fast.len(), 4);
                }
            }
        }
    }
}
