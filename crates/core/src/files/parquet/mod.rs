//! Parquet, as PyArrow, Hugging Face, Polars, DuckDB and verl write it.
//!
//! Written here because the crate `parquet` with its codecs is 3.4 megabytes beside an addon of five and a half. Nothing is
//! allocated by a claim alone, every checksum that is there is compared, and what is inconsistent is an error.

mod agreement;
pub(super) mod assembly;
mod bits;
mod column;
pub(super) mod format;
mod metadata;
mod page;
mod thrift;
mod values;

use std::sync::Arc;

use assembly::{Field, fields};
use column::{Batch as Leaf, Column as LeafColumn};
use metadata::Metadata;

use super::bytes::{RandomFile, from_io, unreadable};
use super::table::{Batch, Column, Kind, Places, Sink, Table, rows_at_once};
use crate::error::{Code, Error, Result};
use crate::parallel::Workers;
use crate::progress::Control;

/// First and last bytes of every file.
const MAGIC: &[u8; 4] = b"PAR1";

/// Values that one byte of a file may stand for. Runs make any number of a few bytes, data does not.
const MOST_VALUES_PER_BYTE: u64 = 1032;

/// Values that any file may have, however small, in each column.
const SLACK: u64 = 1 << 16;

/// Whether a file that begins with `head` is a Parquet file.
pub(super) fn looks_like(head: &[u8]) -> bool {
    head.starts_with(MAGIC) || head.starts_with(b"PARE")
}

/// A Parquet file whose footer was read.
pub(super) struct ParquetTable {
    file: Arc<RandomFile>,
    metadata: Metadata,
    names: Vec<String>,
    fields: Vec<Field>,
}

fn damaged(what: &str) -> Error {
    Error::new(Code::MalformedFile, format!("the Parquet file is damaged: {what}. Copy or write it again."))
}

impl ParquetTable {
    /// Reads the footer of `file`.
    pub(super) fn open(file: Arc<RandomFile>) -> Result<Self> {
        let length = file.length();
        let part = |from: u64, size: usize| {
            file.bytes_at(from, size).map_err(|error| {
                from_io(error, |error| match error.kind() {
                    std::io::ErrorKind::UnexpectedEof => damaged("it is cut short"),
                    _ => unreadable(error),
                })
            })
        };
        if part(0, 4)? == *b"PARE" {
            return Err(Error::new(Code::UnsupportedFile, "the Parquet file is encrypted: write it without."));
        }
        let tail = part(length.saturating_sub(8), 8)?;
        let size = tail.first_chunk::<4>().map_or(0, |bytes| u32::from_le_bytes(*bytes));
        if tail[4..] != *MAGIC || u64::from(size) + 12 > length {
            return Err(damaged("it does not end like one; it may be cut short"));
        }
        let footer = part(length - 8 - u64::from(size), size as usize)?;
        let metadata = Metadata::read(&footer, length)?;
        let most = length.saturating_mul(MOST_VALUES_PER_BYTE);
        let values = metadata
            .groups
            .iter()
            .flat_map(|group| &group.chunks)
            .try_fold(0, |sum: u64, chunk| sum.checked_add(chunk.values));
        let slack = SLACK.saturating_mul(metadata.leaves as u64);
        if values.is_none_or(|values| values > most.saturating_add(slack)) || metadata.rows > most.saturating_add(SLACK)
        {
            return Err(damaged("it claims more values than a file of its size holds"));
        }
        let fields = fields(&metadata.fields);
        let names = fields.iter().map(|field| field.name.clone()).collect();
        Ok(Self { file, metadata, names, fields })
    }

    /// Reads the row group `group` and gives `sink` the columns `wanted`.
    fn scan_group(
        &self,
        group: usize,
        before: u64,
        wanted: &[(&Field, Kind)],
        sink: &mut dyn Sink,
        (workers, control): (&Workers, &Control),
    ) -> Result<()> {
        let group = &self.metadata.groups[group];
        let fields: Vec<&Field> = wanted.iter().map(|&(field, _)| field).collect();
        let witnesses = agreement::witnesses(&fields);
        let mut slots: Vec<Slot<'_>> = Vec::new();
        for &(field, kind) in wanted {
            let leaves = field.leaves.iter().map(|leaf| {
                let chunk = group.chunks[leaf.index].clone();
                LeafColumn::new(Arc::clone(&self.file), leaf.physical, (leaf.definition, leaf.repetition), chunk)
            });
            let batches = field.leaves.iter().map(|leaf| Leaf::new(leaf.physical));
            slots.push(Slot {
                field,
                kind,
                leaves: leaves.collect(),
                batches: batches.collect(),
                column: None,
                presence: Vec::new(),
            });
        }
        // By what the file says of its lists; how long each is shows as it is read.
        let leaves = wanted.iter().flat_map(|(field, _)| &field.leaves);
        let per_row = |leaf: &assembly::Leaf| group.chunks[leaf.index].values.div_ceil(group.rows.max(1));
        let rows_at_once = rows_at_once(wanted.len(), leaves.map(per_row).fold(0, u64::saturating_add)) as u64;
        let mut done = 0;
        while done < group.rows {
            self.file.poll(control)?;
            #[expect(clippy::cast_possible_truncation, reason = "some thousand")]
            let rows = rows_at_once.min(group.rows - done) as usize;
            workers.for_each_chunk(&mut slots, 1, control, |_, slots| {
                slots.iter_mut().try_for_each(|slot| slot.read(rows, control))
            })?;
            for (slot, witness) in slots.iter().zip(&witnesses) {
                if let &Some((other, level)) = witness {
                    agreement::compare(&slots[other].presence, &slot.presence, level)
                        .map_err(|error| slot.named(error))?;
                }
            }
            let columns = slots.iter_mut().filter_map(|slot| slot.column.take()).collect();
            let batch = Batch { columns, rows, places: Places::From(before + done) };
            sink.batch(&batch)?;
            // Their room is used again.
            slots.iter_mut().zip(batch.columns).for_each(|(slot, column)| slot.column = Some(column));
            done += rows as u64;
        }
        slots.iter().flat_map(|slot| &slot.leaves).try_for_each(LeafColumn::end)
    }
}

/// A wanted column: what it is made of, and what was made of it.
struct Slot<'a> {
    field: &'a Field,
    kind: Kind,
    leaves: Vec<LeafColumn>,
    /// What each leaf has for the rows at hand.
    batches: Vec<Leaf>,
    column: Option<Column>,
    /// For each row, which of the groups around the field are there.
    presence: Vec<u16>,
}

impl Slot<'_> {
    fn read(&mut self, rows: usize, control: &Control) -> Result<()> {
        self.column = Some(self.next(rows, control).map_err(|error| self.named(error))?);
        Ok(())
    }

    fn next(&mut self, rows: usize, control: &Control) -> Result<Column> {
        let mut leaves = self.leaves.iter_mut().zip(&mut self.batches);
        leaves.try_for_each(|(leaf, batch)| leaf.read(rows, batch, control))?;
        self.presence = agreement::presence(self.field, rows, &self.batches)?;
        self.field.column(self.kind, rows, &self.batches, self.column.take())
    }

    /// `error`, with the name of the column in it.
    fn named(&self, error: Error) -> Error {
        let message = format!("column '{}': {}", self.field.name, error.message);
        if error.code == Code::Aborted { error } else { error.saying(message) }
    }
}

impl Table for ParquetTable {
    fn columns(&self) -> &[String] {
        &self.names
    }

    /// What the file says, unless that is more than it has bytes for, which only values that repeat are.
    fn rows(&self) -> Option<usize> {
        let most = self.file.length() / self.names.len().max(1) as u64;
        usize::try_from(self.metadata.rows).ok().filter(|_| self.metadata.rows <= most)
    }

    fn scan(
        &mut self,
        wanted: &[Option<Kind>],
        sink: &mut dyn Sink,
        workers: &Workers,
        control: &Control,
    ) -> Result<()> {
        let wanted: Vec<(&Field, Kind)> =
            self.fields.iter().zip(wanted).filter_map(|(field, kind)| Some((field, (*kind)?))).collect();
        let mut before = 0;
        for group in 0..self.metadata.groups.len() {
            self.scan_group(group, before, &wanted, sink, (workers, control))?;
            before += self.metadata.groups[group].rows;
        }
        Ok(())
    }
}
