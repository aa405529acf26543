//! What a JSON file beside an array says of it.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::error::{Code, Error, Result};
use crate::json;

/// Larger JSON files beside the data are taken for something else.
const MOST_BYTES: u64 = 256 << 20;

/// Extensions that the JSON file beside the data has in their place.
const ARRAYS: [&str; 3] = ["npy", "npz", "safetensors"];

/// Extensions of files that are compressed as a whole.
const COMPRESSED: [&str; 5] = ["gz", "zst", "zstd", "xz", "bz2"];

/// Names and counts from a JSON object `{ models, responseIds, promptIds, tokenCounts }`, of counts `{ models, problems,
/// samplesPerProblem }`; other entries are left alone.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Sidecar {
    pub(super) models: Option<Vec<String>>,
    pub(super) ids: Option<Vec<String>>,
    pub(super) prompt_ids: Option<Vec<String>>,
    pub(super) token_counts: Option<Vec<u64>>,
    pub(super) problems: Option<Vec<String>>,
    pub(super) samples_per_problem: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entries {
    models: Option<Vec<Label>>,
    #[serde(alias = "response_ids", alias = "ids")]
    response_ids: Option<Vec<Label>>,
    #[serde(alias = "prompt_ids")]
    prompt_ids: Option<Vec<Label>>,
    #[serde(alias = "token_counts")]
    token_counts: Option<Vec<u64>>,
    problems: Option<Vec<Label>>,
    #[serde(alias = "samples_per_problem")]
    samples_per_problem: Option<u64>,
}

/// A name, or a whole number that serves as one.
#[derive(Deserialize)]
#[serde(untagged)]
enum Label {
    Text(String),
    Positive(u64),
    Negative(i64),
}

impl From<Label> for String {
    fn from(label: Label) -> Self {
        match label {
            Label::Text(text) => text,
            Label::Positive(number) => number.to_string(),
            Label::Negative(number) => number.to_string(),
        }
    }
}

impl Sidecar {
    /// What stands beside the array at `path`: nothing, if there is no such file or it holds no JSON object.
    ///
    /// # Errors
    /// [`Code::MalformedFile`], placed in the JSON file.
    pub(super) fn beside(path: &Path) -> Result<Self> {
        let beside = path_beside(path);
        let is_small_file = |info: std::fs::Metadata| info.is_file() && (1..=MOST_BYTES).contains(&info.len());
        if !std::fs::metadata(&beside).is_ok_and(is_small_file) {
            return Ok(Self::default());
        }
        let malformed = |what: &str| {
            let message = format!("The JSON file beside the data is not valid: {what}.");
            Error::new(Code::MalformedFile, message).in_file(beside.display().to_string())
        };
        let text = std::fs::read(&beside).map_err(|error| malformed(&error.to_string()))?;
        if text.trim_ascii_start().first() != Some(&b'{') {
            // Not an object, but JSON all the same.
            return match json::from_bytes::<serde::de::IgnoredAny>(&text) {
                Ok(_) => Ok(Self::default()),
                Err(error) => Err(malformed(&error.to_string())),
            };
        }
        let entries: Entries = json::from_bytes(&text).map_err(|error| {
            malformed(&format!(
                "{error} (models, responseIds and promptIds are lists of names, tokenCounts of whole numbers)"
            ))
        })?;
        let names = |list: Option<Vec<Label>>| list.map(|list| list.into_iter().map(String::from).collect());
        Ok(Self {
            models: names(entries.models),
            ids: names(entries.response_ids),
            prompt_ids: names(entries.prompt_ids),
            token_counts: entries.token_counts,
            problems: names(entries.problems),
            samples_per_problem: entries.samples_per_problem,
        })
    }
}

/// `scores.json` for `scores.npy` and `scores.npy.gz`; `scores.json` for `scores`, `lp.npy-step-100.json` for
/// `lp.npy-step-100`: never the file itself.
fn path_beside(path: &Path) -> PathBuf {
    let has = |path: &Path, extensions: &[&str]| {
        let extension = path.extension().and_then(|extension| extension.to_str());
        extension.is_some_and(|extension| extensions.contains(&extension.to_ascii_lowercase().as_str()))
    };
    let plain = if has(path, &COMPRESSED) { path.with_extension("") } else { path.to_owned() };
    if has(&plain, &ARRAYS) {
        return plain.with_extension("json");
    }
    let mut name = plain.into_os_string();
    name.push(".json");
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_stands_beside_the_data_and_is_never_the_data() {
        for (path, beside) in [
            ("a/scores.npy", "a/scores.json"),
            ("a/scores.NPZ", "a/scores.json"),
            ("a/scores.npy.gz", "a/scores.json"),
            ("a/scores", "a/scores.json"),
            ("a.b/scores", "a.b/scores.json"),
            ("lp.npy-step-100", "lp.npy-step-100.json"),
            ("run.1", "run.1.json"),
        ] {
            assert_eq!(path_beside(Path::new(path)), Path::new(beside));
        }
    }

    #[test]
    fn names_keep_their_digits_and_duplicates_are_errors() {
        let path = std::env::temp_dir().join(format!("coverage-sidecar-{}.npy", std::process::id()));
        let beside = path.with_extension("json");
        let read = |text: &str| {
            std::fs::write(&beside, text).unwrap();
            Sidecar::beside(&path)
        };
        let found =
            read(r#"{"models": ["a", 18446744073709551615], "ids": [-1], "note": {}, "token_counts": [3]}"#).unwrap();
        assert_eq!(found.models.unwrap(), ["a", "18446744073709551615"]);
        assert_eq!((found.ids.unwrap(), found.token_counts.unwrap()), (vec!["-1".to_owned()], vec![3]));
        assert_eq!(read("[1, 2]").unwrap(), Sidecar::default());
        for wrong in [
            r#"{"models": ["a"], "models": ["b"]}"#,
            r#"{"ids": ["a"], "responseIds": ["b"]}"#,
            r#"{"ids": [18446744073709551616]}"#,
            r#"{"models": "a"}"#,
            r#"{"tokenCounts": [1.5]}"#,
            "{",
            "[",
        ] {
            let error = read(wrong).unwrap_err();
            assert_eq!((error.code, error.place.file.is_some()), (Code::MalformedFile, true), "{wrong}");
        }
        std::fs::remove_file(&beside).unwrap();
        assert_eq!(Sidecar::beside(&path).unwrap(), Sidecar::default());
    }
}
