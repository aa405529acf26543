//! Files of log-probabilities and of sample counts: which formats there are, what they yield, and how files are joined.
//!
//! Three steps, as each format takes them: *sniff* (what is it), *schema* (what do its fields mean) and *scan* (the
//! values). Meaning is settled once, before the first value; what could mean two things is an error that says which two.

mod archive;
pub mod arrays;
mod arrow;
mod bytes;
mod columns;
mod counts;
mod csv;
mod decimal;
mod detect;
mod evalplus;
mod findings;
mod format;
mod helm;
mod id_list;
mod ids;
mod input;
mod inspect;
pub mod json;
mod json_cursor;
mod json_rows;
mod json_table;
mod jsonl;
mod lighteval;
mod lm_eval;
mod matrices;
mod multipl_e;
mod names;
mod olmes;
mod options;
mod parquet;
mod problem_dict;
mod reading;
mod records;
mod responses;
mod roles;
mod scored;
mod scores;
pub mod table;
mod text;
mod wrappers;

pub use bytes::Digest;
pub use counts::Counts;
pub use counts::join::SampleCounts;
pub use findings::{Finding, Findings, Severity};
pub use format::{Format, Head};
pub use id_list::IdList;
pub use input::{ByteStream, Input};
pub use options::{CountColumns, CountOptions, InputFile, JoinMode, ScoreColumns, ScoreOptions, Tests};
pub use reading::{
    CountMatrix, CountsRead, FileContext, Matrix, Reading, ScoresRead, Source, Target, read_answers, read_counts,
    read_scores,
};
pub use scores::Scores;

/// The table in a file of columns, Parquet or Arrow: its columns known and its values yet to be read.
///
/// # Errors
/// As reading in general.
pub fn open_table(path: &std::path::Path, control: &crate::Control) -> crate::Result<Box<dyn table::Table>> {
    let mut inputs = Input::open(path, &path.display().to_string())?;
    let input = inputs.first_mut().ok_or_else(|| crate::Error::new(crate::Code::Internal, "A file is no input."))?;
    let arrow = arrow::looks_like(input.head());
    let file = input.random(control)?;
    Ok(if arrow { Box::new(arrow::ArrowTable::open(file)?) } else { Box::new(parquet::ParquetTable::open(file)?) })
}

/// All formats, the most specific first: the first that takes a file to be its own reads it.
pub const FORMATS: &[Format] = &[
    arrays::formats::NPY,
    arrays::formats::NPZ,
    arrays::formats::SAFETENSORS,
    arrow::FORMAT,
    parquet::format::FORMAT,
    lm_eval::FORMAT,
    inspect::INSPECT,
    inspect::OPENAI_EVALS,
    evalplus::FORMAT,
    multipl_e::FORMAT,
    helm::FORMAT,
    olmes::OLMES,
    olmes::WRITE_OUT,
    responses::FORMAT,
    problem_dict::FORMAT,
    jsonl::FORMAT,
    csv::TSV,
    csv::CSV,
];
