//! Parquet and Arrow IPC: every column as every kind.
#![no_main]

use coverage_principle_core::files::open_table;
use coverage_principle_core::files::table::{Batch, Column, Kind, Sink};
use coverage_principle_core::{Control, Result, Workers};
use libfuzzer_sys::fuzz_target;

/// Fails unless every column has a value a row.
struct Count;

impl Sink for Count {
    fn late_column(&mut self, _: &str, _: u64, _: bool) -> Result<Option<Kind>> {
        Ok(None)
    }

    fn batch(&mut self, batch: &Batch) -> Result<()> {
        for column in &batch.columns {
            let length = match column {
                Column::Numbers(numbers) => numbers.values.len(),
                Column::Texts(texts) => texts.ends.len(),
                Column::Lists(lists) => lists.ends.len(),
                Column::Values(values) => values.len(),
            };
            assert_eq!(length, batch.rows);
        }
        Ok(())
    }
}

fuzz_target!(|bytes: &[u8]| {
    let path = std::env::temp_dir().join(format!("coverage-fuzz-tables-{}", std::process::id()));
    std::fs::write(&path, bytes).expect("a temporary file");
    let control = Control::new();
    for kind in [Kind::Any, Kind::Number, Kind::Text, Kind::List] {
        let Ok(mut table) = open_table(&path, &control) else { return };
        let wanted = vec![Some(kind); table.columns().len()];
        let _ = table.scan(&wanted, &mut Count, &Workers::sequential(), &control);
    }
});
