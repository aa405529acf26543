//! Rows of named values in JSON: a row a line, a list of rows, or rows in a wrapper.

use super::format::Format;
use super::json::Json;
use super::json_table::JsonTable;
use super::reading::Target;
use super::records::{each_text, parse};
use super::wrappers::unwrap;

/// JSON Lines and lists of objects.
pub(super) const FORMAT: Format = Format {
    name: "jsonl",
    extensions: &["jsonl", "json", "ndjson"],
    // What `detect` says of other JSON files comes before it is taken for rows.
    sniff: |head| head.json.is_some_and(|json| json.get("log_history").is_none() && json.get("n-shot").is_none()),
    read: |input, context, reading| {
        let control = reading.control;
        let scores = matches!(reading.target, Target::Scores(_));
        // A wrapper is the only value of its file.
        let (mut only, mut count) = (None, 0);
        let unseen = control.uncounted();
        each_text(input, &unseen, |text, _| {
            control.check()?;
            count += 1;
            if count == 1 && (looks_wrapped(text) || !scores) {
                only = Some(text.to_owned());
            }
            Ok(only.is_some() && count < 2)
        })?;
        let Some(text) = only.filter(|_| count == 1) else {
            return reading.table(&mut JsonTable::open(input, control)?, context);
        };
        let wrapper = parse(&text, 0, &context.file)?;
        match unwrap(&wrapper, scores).map_err(|error| error.in_file(&*context.file))? {
            Some(rows) => {
                // The bytes are read for their hash and for progress.
                each_text(input, control, |_, _| Ok(true))?;
                reading.table(&mut JsonTable::of_rows(rows, context.file.clone())?, context)
            }
            None => reading.table(&mut JsonTable::open(input, control)?, context),
        }
    },
};

/// Whether the first value of a file may be a wrapper: an object that holds an object or a list.
fn looks_wrapped(text: &str) -> bool {
    text.trim_ascii_start().starts_with('{') && text[1.min(text.len())..].contains(['{', '['])
}

/// A row with one field more, before the others.
pub(super) fn with_field<'a>(name: &'static str, value: Json<'a>, row: &Json<'a>) -> Json<'a> {
    let mut entries = vec![(name.into(), value)];
    entries.extend(row.as_object().unwrap_or_default().iter().filter(|(key, _)| key != name).cloned());
    Json::Object(entries)
}
