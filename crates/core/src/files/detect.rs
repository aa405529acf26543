//! Which format a file is of: by its content, and by its name where that says nothing.

use super::FORMATS;
use super::format::{Format, Head};
use super::input::Input;
use super::json::Json;
use super::records::first_record;
use crate::error::{Code, Error, Result};
use crate::progress::Control;

/// Files that people may well give, and that hold something else.
const HINTS: [(&[&str], &str); 3] = [
    (
        &["log_history"],
        "This is a trainer_state.json: it has mean losses, from which no coverage profile follows. Score the held-out responses one by one.",
    ),
    (
        &["n-shot", "configs"],
        "This is a results file of lm-evaluation-harness, which has averages only: give the samples_*.jsonl files (--log_samples).",
    ),
    (
        &["config_general", "summary_general"],
        "This is a results file of lighteval, which has averages only: give the details (--save-details).",
    ),
];

/// The format called `name`, or the one that the file is of.
pub(super) fn detect(input: &mut Input, name: Option<&str>, control: &Control) -> Result<&'static Format> {
    if let Some(name) = name {
        return FORMATS.iter().find(|format| format.name == name).ok_or_else(|| {
            let names: Vec<&str> = FORMATS.iter().map(|format| format.name).collect();
            Error::option("format", format!("There is no format {name}: there are {}.", names.join(", ")))
        });
    }
    let bytes = input.head().to_vec();
    let start = bytes.iter().find(|byte| !byte.is_ascii_whitespace() && !matches!(byte, 0xef | 0xbb | 0xbf));
    let json = match start {
        Some(b'{' | b'[') if !binary(&bytes) => Some(first_json(input, control)?),
        _ => None,
    };
    let head = Head { bytes: &bytes, json: json.as_ref() };
    let text_table = |format: &&Format| matches!(format.name, "csv" | "tsv");
    if let Some(format) = FORMATS.iter().find(|format| !text_table(format) && (format.sniff)(&head)) {
        return Ok(format);
    }
    if let Some(json) = &json
        && let Some((_, message)) = HINTS.iter().find(|(keys, _)| keys.iter().all(|key| json.get(key).is_some()))
    {
        return Err(Error::new(Code::UnsupportedFile, *message).in_file(input.shown()));
    }
    let lower = input.name().to_lowercase();
    let parts: Vec<&str> = lower.rsplit('.').take(3).collect();
    let by_name = parts.iter().find_map(|part| FORMATS.iter().find(|format| format.extensions.contains(part)));
    let by_content = FORMATS.iter().find(|format| (format.sniff)(&head));
    by_content.or(by_name).ok_or_else(|| {
        let message = "The format cannot be told from the name or the content of the file: say which it is (--format), or convert it to one of .npy, .npz, .safetensors, \
                       .csv, .tsv, .jsonl or .parquet.";
        Error::new(Code::UnknownFormat, message).in_file(input.shown())
    })
}

/// Whether JSON-looking bytes are none.
fn binary(head: &[u8]) -> bool {
    head.iter().take(64).any(|&byte| byte == 0)
}

fn first_json(input: &mut Input, control: &Control) -> Result<Json<'static>> {
    // Progress counts the bytes when they are read for their values.
    let unseen = control.uncounted();
    control.check()?;
    first_record(input, &unseen)?.ok_or_else(|| {
        let message = "The file holds no row: check that the run that wrote it has finished.";
        Error::new(Code::NoResponses, message).in_file(input.shown())
    })
}
