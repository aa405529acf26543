//! Golden values from an independent implementation, for tests; they lie outside the repository.

use serde_json::Value;

/// The file `vectors/{name}.json`, or `None`, said on stderr, where it is missing.
pub(crate) fn read(name: &str) -> Option<Value> {
    let path = format!("{}/../../../shared/vectors/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let Ok(text) = std::fs::read_to_string(&path) else {
        #[expect(clippy::print_stderr, reason = "a test that skips must say so")]
        {
            eprintln!("skipped: {path} is missing");
        }
        return None;
    };
    Some(serde_json::from_str(&text).expect("golden values are JSON"))
}

/// A number, or one of the strings "inf" and "-inf".
pub(crate) fn number(value: &Value) -> f64 {
    value.as_f64().or_else(|| value.as_str()?.parse().ok()).expect("a number")
}

/// A list of numbers.
pub(crate) fn row(value: &Value) -> Vec<f64> {
    value.as_array().expect("a list").iter().map(number).collect()
}

/// A list of lists of numbers.
pub(crate) fn matrix(value: &Value) -> Vec<Vec<f64>> {
    value.as_array().expect("a list").iter().map(row).collect()
}
