//! One column, read a batch of rows at a time.

use std::sync::Arc;

use super::bits::Hybrid;
use super::damaged;
use super::metadata::{Chunk, Physical};
use super::page::{self, Form};
use super::values::{Decoder, Values, length_prefix};
use crate::error::{Code, Error, Result};
use crate::files::bytes::RandomFile;
use crate::progress::Control;

/// Repetition levels looked at together.
const LEVELS: usize = 1 << 12;

/// Values, nulls included, that one batch may have: a row may hold a list, but not any list.
const MOST_VALUES: usize = 1 << 26;

/// What a column has for some rows.
#[derive(Clone, Debug)]
pub(super) struct Batch {
    /// One level a value, nulls included; none at all where all are there, or, but in lists, as long as all are.
    pub(super) definitions: Vec<u16>,
    /// One level a value; 0 begins a row. None at all in a column without lists.
    pub(super) repetitions: Vec<u16>,
    /// Values that are there.
    pub(super) values: Values,
}

impl Batch {
    pub(super) fn new(physical: Physical) -> Self {
        Self { definitions: Vec::new(), repetitions: Vec::new(), values: Values::new(physical) }
    }

    fn clear(&mut self) {
        self.definitions.clear();
        self.repetitions.clear();
        self.values.clear();
    }
}

/// A column of one row group.
pub(super) struct Column {
    file: Arc<RandomFile>,
    pub(super) physical: Physical,
    /// Levels of a value that is there, and of the innermost list.
    definition: u16,
    repetition: u16,
    chunk: Chunk,
    at: u64,
    /// Values that are still to come, nulls included.
    left: u64,
    dictionary: Option<Values>,
    page: Option<Page>,
}

struct Page {
    bytes: Vec<u8>,
    /// Values that are still to come, nulls included.
    left: usize,
    definitions: Hybrid,
    repetitions: Hybrid,
    /// Repetition levels that were decoded ahead, and how many of them were taken.
    ahead: (Vec<u16>, usize),
    decoder: Decoder,
}

impl Column {
    pub(super) fn new(
        file: Arc<RandomFile>,
        physical: Physical,
        (definition, repetition): (u16, u16),
        chunk: Chunk,
    ) -> Self {
        let (at, left) = (chunk.start, chunk.values);
        Self { file, physical, definition, repetition, chunk, at, left, dictionary: None, page: None }
    }

    /// Puts the next `rows` rows into `batch`, whatever was there.
    pub(super) fn read(&mut self, rows: usize, batch: &mut Batch, control: &Control) -> Result<()> {
        batch.clear();
        let mut begun = 0;
        loop {
            // A row of a list ends where the next begins, or with the column.
            let more = if self.repetition == 0 { begun < rows } else { self.left > 0 };
            if !more {
                break;
            }
            if self.page.as_ref().is_none_or(|page| page.left == 0) {
                control.check()?;
                self.next_page(control)?;
                continue;
            }
            let taken = self.take(rows, &mut begun, batch)?;
            if taken == 0 {
                break;
            }
            if batch.values.len().max(batch.repetitions.len()) > MOST_VALUES {
                let message = "some thousand rows of the Parquet file hold lists of more than 67 million values.";
                return Err(Error::new(Code::TooLarge, message));
            }
        }
        if begun == rows { Ok(()) } else { Err(damaged("a column has fewer rows than the file says")) }
    }

    /// Fails unless all values were taken.
    pub(super) fn end(&self) -> Result<()> {
        if self.left == 0 { Ok(()) } else { Err(damaged("a column has more rows than the file says")) }
    }

    /// Takes values of the current page; none if the next one begins a row too many.
    fn take(&mut self, rows: usize, begun: &mut usize, batch: &mut Batch) -> Result<usize> {
        let Some(page) = &mut self.page else { return Ok(0) };
        let before = *begun;
        let count = if self.repetition == 0 {
            let count = page.left.min(rows - *begun);
            *begun += count;
            count
        } else {
            page.repetitions_of(rows, begun, self.repetition, &mut batch.repetitions)?
        };
        // Of the first batch; the others end where a row does.
        if batch.repetitions.first().is_some_and(|&level| level > 0) {
            return Err(damaged("a column begins within a row"));
        }
        let all_so_far = self.repetition == 0 && batch.definitions.is_empty();
        let present = if self.definition == 0
            || all_so_far && page.definitions.skip_run(&page.bytes, count, self.definition.into())?
        {
            count
        } else {
            if all_so_far {
                batch.definitions.resize(before, self.definition);
            }
            let from = batch.definitions.len();
            page.definitions.read(&page.bytes, count, &mut batch.definitions, level)?;
            let new = &batch.definitions[from..];
            if new.iter().any(|&level| level > self.definition) {
                return Err(damaged("a value is deeper than its column"));
            }
            new.iter().filter(|&&level| level == self.definition).count()
        };
        page.decoder.read(&page.bytes, self.physical, self.dictionary.as_ref(), present, &mut batch.values)?;
        page.left -= count;
        self.left -= count as u64;
        Ok(count)
    }

    fn next_page(&mut self, control: &Control) -> Result<()> {
        let end = self.chunk.start + self.chunk.length;
        if self.at >= end || self.left == 0 {
            return Err(damaged("a column has fewer values than the file says"));
        }
        let room = self.page.take().map_or(Vec::new(), |page| page.bytes);
        let (header, bytes, next) = page::read(&self.file, self.at..end, self.chunk.codec, room, control)?;
        self.at = next;
        let values = usize::try_from(header.values).map_err(|_| damaged("a page has too many values"))?;
        let (definitions, repetitions) = match header.form {
            Form::Other => return Ok(()),
            Form::Dictionary => {
                if !matches!(header.encoding, 0 | 2) || self.dictionary.is_some() {
                    return Err(damaged("a column has a dictionary of no known kind, or two"));
                }
                let mut dictionary = Values::new(self.physical);
                Decoder::Plain(0).read(&bytes, self.physical, None, values, &mut dictionary)?;
                self.dictionary = Some(dictionary);
                return Ok(());
            }
            Form::Data => {
                let mut at = 0;
                let mut levels = |most: u16| {
                    if most == 0 {
                        return Ok((Hybrid::zeros(), at));
                    }
                    let length = length_prefix(&bytes, at)?;
                    let levels = Hybrid::new(at + 4, at + 4 + length, width(most))?;
                    at += 4 + length;
                    Ok((levels, at))
                };
                let (repetitions, _) = levels(self.repetition)?;
                let (definitions, at) = levels(self.definition)?;
                ((definitions, at), repetitions)
            }
            Form::DataV2 { definitions, repetitions, .. } => {
                let at = repetitions + definitions;
                if at > bytes.len() {
                    return Err(damaged("the levels of a page are longer than it"));
                }
                let levels = |from: usize, to: usize, most: u16| {
                    if most == 0 { Ok(Hybrid::zeros()) } else { Hybrid::new(from, to, width(most)) }
                };
                let (first, second) =
                    (levels(0, repetitions, self.repetition)?, levels(repetitions, at, self.definition)?);
                ((second, at), first)
            }
        };
        if header.values > self.left {
            return Err(damaged("a column has more values than the file says"));
        }
        let (definitions, at) = definitions;
        let decoder = Decoder::new(header.encoding, self.physical, &bytes, at)?;
        self.page = Some(Page { bytes, left: values, definitions, repetitions, ahead: (Vec::new(), 0), decoder });
        Ok(())
    }
}

impl Page {
    /// Appends repetition levels up to where a row too many begins; how many.
    fn repetitions_of(&mut self, rows: usize, begun: &mut usize, most: u16, out: &mut Vec<u16>) -> Result<usize> {
        let mut count = 0;
        while count < self.left.min(LEVELS) {
            let (ahead, taken) = &mut self.ahead;
            if *taken == ahead.len() {
                ahead.clear();
                *taken = 0;
                self.repetitions.read(&self.bytes, (self.left - count).min(LEVELS), ahead, level)?;
            }
            let level = ahead[*taken];
            if level > most {
                return Err(damaged("a value is deeper than its column"));
            }
            if level == 0 {
                if *begun == rows {
                    break;
                }
                *begun += 1;
            }
            out.push(level);
            *taken += 1;
            count += 1;
        }
        Ok(count)
    }
}

/// Bits of a level.
fn width(most: u16) -> u32 {
    u16::BITS - most.leading_zeros()
}

/// Levels of a column are few; what does not fit is too deep for any.
fn level(value: u32) -> u16 {
    u16::try_from(value).unwrap_or(u16::MAX)
}
