//! Right or wrong, however it is written. What is neither is an error: a word that is not known is never "wrong".

use super::super::json::Json;

const RIGHT: [&str; 13] = [
    "1",
    "1.0",
    "true",
    "yes",
    "pass",
    "passed",
    "success",
    "succeeded",
    "correct",
    "right",
    "resolved",
    "solved",
    "accepted",
];
const WRONG: [&str; 29] = [
    "0",
    "0.0",
    "false",
    "no",
    "fail",
    "failed",
    "failure",
    "incorrect",
    "wrong",
    "wrong answer",
    "wronganswer",
    "unresolved",
    "unsolved",
    "rejected",
    "timeout",
    "timed out",
    "timedout",
    "time limit exceeded",
    "error",
    "exception",
    "syntaxerror",
    "syntax error",
    "compile error",
    "compilation error",
    "runtime error",
    "runtimeerror",
    "memory limit exceeded",
    "not_completed",
    "oom",
];

/// Whether a value says right or wrong; `None` if it says neither.
pub(in super::super) fn flag(value: &Json<'_>) -> Option<bool> {
    match value {
        Json::Bool(flag) => Some(*flag),
        Json::Number(text) => match text.parse::<f64>().ok()? {
            1.0 => Some(true),
            0.0 => Some(false),
            _ => None,
        },
        Json::Text(text) => word(text),
        _ => None,
    }
}

/// A word, or one with its reason behind it (`failed: AssertionError`).
fn word(text: &str) -> Option<bool> {
    let text = text.trim().to_lowercase();
    let known = |text: &str| match text {
        _ if RIGHT.contains(&text) => Some(true),
        _ if WRONG.contains(&text) => Some(false),
        _ => None,
    };
    known(&text).or_else(|| {
        // Only a reason why something failed follows its word; "passed: 3 of 10" is no pass.
        text.split_once(':').and_then(|(word, _)| known(word.trim_end())).filter(|right| !right)
    })
}

/// A reward of −1 or 1 (or 0 or 1).
pub(in super::super) fn reward(value: &Json<'_>) -> Option<bool> {
    match value.as_f64() {
        Some(-1.0) => Some(false),
        _ => flag(value),
    }
}

/// The grade letters of inspect_ai: `C`orrect and `I`ncorrect; partial ones and no answer are no full mark.
pub(in super::super) fn grade(value: &Json<'_>) -> Option<bool> {
    match value.as_text() {
        Some("C") => Some(true),
        Some("I" | "N" | "P") => Some(false),
        _ => flag(value),
    }
}

/// A list, or its JSON or Python text as tables hold it.
pub(in super::super) fn list(value: &Json<'_>) -> Option<Vec<Json<'static>>> {
    match value {
        Json::List(elements) => Some(elements.iter().map(|element| element.clone().into_owned()).collect()),
        Json::Text(text) => {
            let inner = text.trim().strip_prefix('[')?.strip_suffix(']')?;
            let parts = inner.split(|c: char| c == ',' || c.is_whitespace()).filter(|part| !part.is_empty());
            Some(parts.map(|part| Json::Text(part.trim_matches(['"', '\'']).to_owned().into())).collect())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Option<bool> {
        flag(&Json::parse(text).unwrap())
    }

    #[test]
    fn what_is_not_known_is_neither() {
        for right in ["true", "1", "1.0", "\"Passed\"", "\" True\"", "\"resolved\""] {
            assert_eq!(of(right), Some(true), "{right}");
        }
        for wrong in ["false", "0", "\"failed: AssertionError\"", "\"timed out\"", "\"0.0\""] {
            assert_eq!(of(wrong), Some(false), "{wrong}");
        }
        for neither in ["null", "0.5", "2", "-1", "\"maybe\"", "\"passed: 3 of 10\"", "\"\"", "{}", "NaN"] {
            assert_eq!(of(neither), None, "{neither}");
        }
        assert_eq!(reward(&Json::parse("-1").unwrap()), Some(false));
        assert_eq!(grade(&Json::parse("\"C\"").unwrap()), Some(true));
    }
}
