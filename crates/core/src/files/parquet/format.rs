//! Parquet as a format of files.

use super::{ParquetTable, looks_like};
use crate::files::format::Format;

/// Tables in columns.
pub(in crate::files) const FORMAT: Format = Format {
    name: "parquet",
    extensions: &["parquet", "pq"],
    sniff: |head| looks_like(head.bytes),
    read: |input, context, reading| {
        let file = input.random(reading.control)?;
        let mut table = ParquetTable::open(file)?;
        reading.table(&mut table, context)
    },
};
