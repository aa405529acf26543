use std::any::Any;
use std::fmt;

use crate::error::{Code, Error, Result};

/// Working memory of one thread for one feature map; what is in it is the map's own affair.
#[derive(Default)]
pub struct Scratch {
    /// Dense values.
    pub values: Vec<f64>,
    /// Row numbers or coordinates.
    pub indices: Vec<u32>,
    /// Sparse rows.
    pub sparse: SparseRows,
    /// What a map of the user's keeps from call to call, say the decoded prompt.
    pub memory: Option<Box<dyn Any + Send>>,
    /// Scratches of the parts of a composite.
    pub children: Vec<Scratch>,
}

impl fmt::Debug for Scratch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scratch").field("values", &self.values.len()).field("children", &self.children).finish()
    }
}

/// Sparse feature vectors of the V next tokens, written in order of the tokens.
#[derive(Clone, Debug, Default)]
pub struct SparseRows {
    coordinates: Vec<u32>,
    values: Vec<f64>,
    ends: Vec<usize>,
}

impl SparseRows {
    /// Blocks of `vocabulary` rows each from rows that lie one after the other: row r has the coordinates and values up
    /// to `ends[r]`.
    ///
    /// # Errors
    /// [`crate::Code::ShapeMismatch`] if the rows do not end where the values do.
    pub fn blocks(vocabulary: usize, coordinates: &[u32], values: &[f64], ends: &[u32]) -> Result<Vec<Self>> {
        let misfit =
            || Error::new(Code::ShapeMismatch, "The rows of sparse features do not end where their values do.");
        if coordinates.len() != values.len() || ends.last().map_or(0, |&end| end as usize) != values.len() {
            return Err(misfit());
        }
        let mut start = 0;
        let mut blocks = Vec::with_capacity(ends.len().div_ceil(vocabulary.max(1)));
        for rows in ends.chunks(vocabulary.max(1)) {
            let mut block = Self::default();
            for &end in rows {
                let range = start..end as usize;
                let row = coordinates.get(range.clone()).zip(values.get(range)).ok_or_else(misfit)?;
                for (&coordinate, &value) in row.0.iter().zip(row.1) {
                    block.add(coordinate, value);
                }
                block.end_row();
                start = end as usize;
            }
            blocks.push(block);
        }
        Ok(blocks)
    }

    /// Forgets all rows, keeps the memory.
    #[inline]
    pub fn clear(&mut self) {
        self.coordinates.clear();
        self.values.clear();
        self.ends.clear();
    }

    /// Adds `value` at `coordinate` to the row being written.
    #[inline]
    pub fn add(&mut self, coordinate: u32, value: f64) {
        self.coordinates.push(coordinate);
        self.values.push(value);
    }

    /// Ends the row being written; the next token's begins. Tokens without features need it too.
    #[inline]
    pub fn end_row(&mut self) {
        self.ends.push(self.coordinates.len());
    }

    /// How many rows were ended.
    #[must_use]
    #[inline]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether no row was ended.
    #[must_use]
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Coordinates and values of row `token`.
    #[must_use]
    #[inline]
    pub fn row(&self, token: usize) -> (&[u32], &[f64]) {
        let start = if token == 0 { 0 } else { self.ends[token - 1] };
        (&self.coordinates[start..self.ends[token]], &self.values[start..self.ends[token]])
    }

    /// The greatest norm among the rows. Repeated coordinates count as if their values had one sign, so that this is
    /// an upper bound then.
    ///
    /// # Errors
    /// [`Code::ShapeMismatch`] unless there are `vocabulary` rows with coordinates below `dim`;
    /// [`Code::InvalidOption`] for a value that is not finite.
    pub fn greatest_norm(&self, vocabulary: usize, dim: usize) -> Result<f64> {
        if self.len() != vocabulary {
            return Err(Error::new(
                Code::ShapeMismatch,
                format!(
                    "A block of sparse features has {} rows where the vocabulary has {vocabulary} tokens.",
                    self.len()
                ),
            ));
        }
        if let Some(coordinate) = self.coordinates.iter().find(|&&coordinate| coordinate as usize >= dim) {
            return Err(Error::new(
                Code::ShapeMismatch,
                format!("Feature coordinate {coordinate} does not exist: the dimension is {dim}."),
            ));
        }
        let mut greatest = 0.0f64;
        let mut row = Vec::new();
        for token in 0..vocabulary {
            let (coordinates, values) = self.row(token);
            row.clear();
            row.extend(coordinates.iter().copied().zip(values.iter().copied()));
            row.sort_unstable_by_key(|&(coordinate, _)| coordinate);
            let square: f64 = row
                .chunk_by(|a, b| a.0 == b.0)
                .map(|same| same.iter().map(|(_, value)| value.abs()).sum::<f64>())
                .map(|value| value * value)
                .sum();
            if !square.is_finite() {
                return Err(Error::option(
                    "features",
                    format!("The features of token {token} have a value that is NaN, infinite or above 1e154."),
                ));
            }
            greatest = greatest.max(square.sqrt());
        }
        Ok(greatest)
    }
}
