//! Columns of named values in batches: what tables of any format yield, whatever their columns mean.

use super::json::Json;
use crate::error::Result;
use crate::parallel::Workers;
use crate::progress::Control;

/// A table whose columns are known and whose values are yet to be read.
pub trait Table {
    /// Names of the columns that hold values, nested fields as `outer.inner`, in file order.
    fn columns(&self) -> &[String];

    /// Whether a column is a field of an object inside the row; a dot in a name alone says nothing.
    fn is_nested(&self, _column: usize) -> bool {
        false
    }

    /// Whether people write a row of totals, which has no id, below such a table.
    fn has_totals(&self) -> bool {
        false
    }

    /// How many rows there are, where the file says so and room for them may be taken before they are seen.
    fn rows(&self) -> Option<usize> {
        None
    }

    /// Reads all rows in order, in batches of thousands, and gives `sink` the columns it wanted.
    ///
    /// `wanted[i]` says of column i of [`Table::columns`] whether and how it is to be read; batches have the wanted columns
    /// in that order.
    fn scan(
        &mut self,
        wanted: &[Option<Kind>],
        sink: &mut dyn Sink,
        workers: &Workers,
        control: &Control,
    ) -> Result<()>;
}

/// What takes the batches of a table.
pub trait Sink {
    /// A column that rows before the coming batch did not have (JSON rows need not have the same keys), maybe a field of an
    /// object inside the row: whether and how it is to be read. It comes after those wanted so far.
    fn late_column(&mut self, name: &str, row: u64, nested: bool) -> Result<Option<Kind>>;

    /// Takes one batch.
    fn batch(&mut self, batch: &Batch) -> Result<()>;
}

/// How many rows a table is to read together that have so many columns and values each: about as many values as a core keeps in
/// its own cache, but a thousand of each column, for what a batch costs, unless these would be so many that a look at whether to
/// stop is far.
pub(super) fn rows_at_once(columns: usize, values_per_row: u64) -> usize {
    const VALUES: u64 = 1 << 17;
    const MOST_VALUES: u64 = 1 << 22;
    const EACH_COLUMN: u64 = 1 << 10;
    const MOST_ROWS: u64 = 1 << 14;
    let values = (columns as u64).saturating_mul(EACH_COLUMN).clamp(VALUES, MOST_VALUES);
    (values / values_per_row.max(1)).clamp(1, MOST_ROWS) as usize
}

/// How a column is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// As numbers: [`Column::Numbers`].
    Number,
    /// As text, such as ids and names, every digit kept: [`Column::Texts`].
    Text,
    /// As lists of numbers: [`Column::Lists`].
    List,
    /// As whatever it is: [`Column::Values`].
    Any,
}

/// Some rows of the wanted columns.
pub struct Batch {
    /// One entry a wanted column, each with [`Batch::rows`] values.
    pub columns: Vec<Column>,
    /// Number of rows.
    pub rows: usize,
    /// Where the rows stand in the file: one-based lines, or zero-based records where the format has no lines.
    pub places: Places,
}

/// Where the rows of a batch stand in the file.
pub enum Places {
    /// One after another from this on.
    From(u64),
    /// Each somewhere of its own.
    Each(Vec<u64>),
}

impl Places {
    /// Where row `index` of the batch stands.
    #[must_use]
    pub fn of(&self, index: usize) -> u64 {
        match self {
            Self::From(first) => first + index as u64,
            Self::Each(places) => places[index],
        }
    }
}

/// The values of one column.
#[derive(Debug)]
pub enum Column {
    /// Read as [`Kind::Number`].
    Numbers(Numbers),
    /// Read as [`Kind::Text`].
    Texts(Texts),
    /// Read as [`Kind::List`].
    Lists(Lists),
    /// Read as [`Kind::Any`].
    Values(Vec<Json<'static>>),
}

/// Numbers, and what stood where there was none.
#[derive(Debug, Default)]
pub struct Numbers {
    /// One a row; NaN where [`Numbers::odd`] has an entry.
    pub values: Vec<f64>,
    /// By growing index: rows that hold no number (null, text, NaN itself), with what they hold. [`Json::Null`] for a
    /// missing one.
    pub odd: Vec<(usize, Json<'static>)>,
}

/// Texts end to end.
#[derive(Debug, Default)]
pub struct Texts {
    /// All texts, one after another.
    pub bytes: String,
    /// Where each ends.
    pub ends: Vec<usize>,
    /// By growing index: rows that hold no text or number, with what they hold; their text is empty.
    pub odd: Vec<(usize, Json<'static>)>,
}

impl Texts {
    /// Adds one.
    pub fn push(&mut self, text: &str) {
        self.bytes.push_str(text);
        self.ends.push(self.bytes.len());
    }

    /// Adds what is no text.
    pub fn push_odd(&mut self, value: Json<'static>) {
        self.odd.push((self.ends.len(), value));
        self.push("");
    }

    /// The bytes of the text of row `index`.
    #[inline]
    #[must_use]
    pub fn bytes_of(&self, index: usize) -> &[u8] {
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        &self.bytes.as_bytes()[start..self.ends[index]]
    }

    /// Whether a row has a text without characters.
    #[must_use]
    pub fn has_empty(&self) -> bool {
        self.ends.first() == Some(&0) || self.ends.windows(2).any(|pair| pair[0] == pair[1])
    }

    /// The text of row `index`.
    #[must_use]
    pub fn get(&self, index: usize) -> &str {
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        &self.bytes[start..self.ends[index]]
    }
}

/// Lists of numbers end to end.
#[derive(Debug, Default)]
pub struct Lists {
    /// The elements of all lists; those of `odd` are NaN.
    pub elements: Numbers,
    /// Where the list of each row ends in `elements`.
    pub ends: Vec<usize>,
    /// By growing index: rows that hold no list, with what they hold.
    pub odd: Vec<(usize, Json<'static>)>,
}

#[cfg(test)]
mod tests {
    use super::rows_at_once;

    #[test]
    fn batches_are_neither_large_nor_many() {
        let of = |columns: usize| rows_at_once(columns, columns as u64);
        assert_eq!(
            [0, 1, 8, 16, 128, 1000, 4096].map(of),
            [1 << 14, 1 << 14, 1 << 14, 1 << 13, 1 << 10, 1 << 10, 1 << 10]
        );
        assert_eq!([1 << 16, 1 << 22].map(of), [64, 1]);
        // Lists of many tokens.
        assert_eq!(
            [2, 65, 1 << 11, 1 << 20, u64::MAX].map(|values| rows_at_once(2, values)),
            [1 << 14, 2016, 64, 1, 1]
        );
    }
}
