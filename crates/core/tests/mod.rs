//! Tests that use the crate as others do: its public names alone. They are compiled with those of the library, as a program
//! each they would need the core to be compiled a second time, for minutes.

mod allocations;
mod hot_loops;
mod instructions;
mod parquet_file;
mod read_abort;
mod read_asked;
mod read_files;
mod read_parquet_levels;
mod read_tables;

use std::path::PathBuf;

use coverage_principle_core::files::ScoreOptions;

/// A folder for what a test writes, of that name.
fn scratch(name: &str) -> PathBuf {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/tmp")).join(name);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// How log-probabilities are read if nothing is said but the columns, fields of a JSON object.
fn score_options(columns: &str) -> ScoreOptions {
    let options = format!(
        r#"{{"format": null, "transpose": false, "negate": false, "join": "exact", "ignoreHashes": false,
            "keepClamped": false, "promptTokens": null, "responseTokens": null, "filter": null, "columns": {{{columns}}}}}"#
    );
    serde_json::from_str(&options).unwrap()
}
