//! Names of models for files that do not say whose they are: what tells their paths apart.

use std::collections::HashSet;

/// Extensions that say how a file is written, not what it holds.
const EXTENSIONS: [&str; 22] = [
    "json",
    "jsonl",
    "ndjson",
    "csv",
    "tsv",
    "tab",
    "parquet",
    "pq",
    "npy",
    "npz",
    "safetensors",
    "arrow",
    "feather",
    "ipc",
    "gz",
    "zst",
    "xz",
    "bz2",
    "zip",
    "eval",
    "txt",
    "lz4",
];

/// A name for each of `paths`; `None` for those that nothing tells apart.
///
/// File names if they differ, else folders, else the first part of the paths in which all of them differ, else all parts in
/// which some do.
pub(super) fn names_of(paths: &[&str]) -> Vec<Option<String>> {
    let parts: Vec<Vec<&str>> = paths.iter().map(|path| parts_of(path)).collect();
    let last = |from_end: usize| -> Vec<String> {
        parts.iter().map(|parts| parts.iter().nth_back(from_end).map_or(String::new(), ToString::to_string)).collect()
    };
    let depth = parts.iter().map(Vec::len).min().unwrap_or(0);
    // File names and folders are what people look at; then from the beginning.
    let mut choices = vec![last(0), last(1)];
    if parts.iter().all(|parts| parts.len() == depth) {
        choices.extend((0..depth).map(|index| parts.iter().map(|parts| parts[index].to_owned()).collect()));
    }
    let distinct = |choice: &Vec<String>| {
        choice.iter().all(|name| !name.is_empty()) && choice.iter().collect::<HashSet<_>>().len() == choice.len()
    };
    if let Some(choice) = choices.into_iter().find(distinct) {
        return choice.into_iter().map(Some).collect();
    }
    let joined: Vec<String> = parts.iter().map(|own| differing(own, &parts)).collect();
    joined
        .iter()
        .map(|name| (joined.iter().filter(|other| *other == name).count() == 1).then(|| name.clone()))
        .collect()
}

/// The parts of `own` in which not all paths agree; all of them where paths differ in length.
fn differing(own: &[&str], all: &[Vec<&str>]) -> String {
    let same_depth = all.iter().all(|parts| parts.len() == own.len());
    let kept: Vec<&str> = own
        .iter()
        .enumerate()
        .filter(|(index, part)| !same_depth || all.iter().any(|parts| parts[*index] != **part))
        .map(|(_, part)| *part)
        .collect();
    if kept.is_empty() { own.join("/") } else { kept.join("/") }
}

fn parts_of(path: &str) -> Vec<&str> {
    let mut parts: Vec<&str> = path.split(['/', '\\']).filter(|part| !matches!(*part, "" | ".")).collect();
    if let Some(file) = parts.last_mut() {
        *file = stem(file);
    }
    parts
}

/// A path without the number of the shard that the file is, `-00000-of-00002`: what all shards of a table share.
pub(super) fn whole_of_shards(path: &str) -> Option<&str> {
    let start = path.rfind(['/', '\\']).map_or(0, |slash| slash + 1);
    let name = stem(&path[start..]);
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (before, count) = name.rsplit_once("-of-").or_else(|| name.rsplit_once("_of_"))?;
    let (whole, number) = before.rsplit_once(['-', '_', '.'])?;
    (digits(number) && digits(count) && !whole.is_empty()).then(|| &path[..start + whole.len()])
}

/// A file name without the extensions that say how it is written.
pub(super) fn stem(file: &str) -> &str {
    let mut stem = file;
    while let Some((rest, extension)) = stem.rsplit_once('.') {
        let known = EXTENSIONS.iter().any(|known| extension.eq_ignore_ascii_case(known));
        if rest.is_empty() || !known {
            break;
        }
        stem = rest;
    }
    stem
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(paths: &[&str]) -> Vec<String> {
        names_of(paths).into_iter().map(|name| name.unwrap_or("?".into())).collect()
    }

    #[test]
    fn file_names_then_folders_then_what_tells_paths_apart() {
        assert_eq!(names(&["a/scores.jsonl"]), ["scores"]);
        assert_eq!(names(&["a/scores.jsonl.gz", "other.csv"]), ["scores", "other"]);
        assert_eq!(names(&["a/scores.jsonl", "b/scores.jsonl"]), ["a", "b"]);
        assert_eq!(
            names(&["s-1/he/samples.jsonl_results.jsonl", "s-2/he/samples.jsonl_results.jsonl"]),
            ["s-1", "s-2"]
        );
        assert_eq!(names(&["x/a/t/r.json", "x/b/t/r.json", "y/a/t/r.json"]), ["x/a", "x/b", "y/a"]);
        assert_eq!(names(&["a/b/r.json", "b/r.json"]), ["a/b/r", "b/r"]);
        assert_eq!(names(&["step-1.5.jsonl", "step-2.jsonl"]), ["step-1.5", "step-2"]);
    }

    #[test]
    fn shards_are_of_one_table() {
        assert_eq!(whole_of_shards("runs/a-00000-of-00002.jsonl.gz"), Some("runs/a"));
        assert_eq!(whole_of_shards("a_1_of_12.csv"), Some("a"));
        for other in ["a/b.csv", "a-00000-of-x.csv", "best-of-12.csv", "of-the-of-2", "a/0-of-2.csv"] {
            assert_eq!(whole_of_shards(other), None, "{other}");
        }
    }

    #[test]
    fn what_nothing_tells_apart_has_no_name() {
        assert_eq!(names(&["a/r.json", "a/r.json"]), ["?", "?"]);
        assert_eq!(names(&["a/r.json", "./a/r.csv"]), ["?", "?"]);
    }
}
