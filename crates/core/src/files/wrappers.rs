//! Rows that one JSON object holds: under a key, by column, by model, or by the id of a problem.

use std::borrow::Cow;

use super::json::{Json, shorten};
use super::jsonl::with_field;
use super::roles::normalise;
use crate::error::{Code, Error, Result};

/// Keys that hold the rows of a file, and say nothing of them.
pub(super) const ROWS: [&str; 14] = [
    "results",
    "samples",
    "rows",
    "data",
    "records",
    "items",
    "examples",
    "predictions",
    "responses",
    "instances",
    "outputs",
    "entries",
    "details",
    "logs",
];
/// Keys of the matrix in an object that holds one.
const MATRICES: [&str; 6] = ["logprobs", "logprob", "scores", "matrix", "values", "loglikelihoods"];
/// Names that a field of a row has, and a model or a problem hardly.
const FIELDS: [&str; 24] = [
    "id",
    "n",
    "c",
    "correct",
    "passed",
    "logprob",
    "loglikelihood",
    "sumlogprob",
    "tokenlogprobs",
    "numsamples",
    "numcorrect",
    "score",
    "reward",
    "resolved",
    "status",
    "result",
    "iscorrect",
    "iscorrects",
    "correctness",
    "model",
    "checkpoint",
    "total",
    "logp",
    "acc",
];

/// The rows that `value` holds; `None` if it is a row itself.
///
/// # Errors
/// [`Code::UnsupportedFile`] if it could hold two kinds of rows.
pub(super) fn unwrap<'a>(value: &Json<'a>, scores: bool) -> Result<Option<Vec<Json<'a>>>> {
    let Some(entries) = value.as_object() else { return Ok(None) };
    if let Some(rows) = table_of(value).or_else(|| matrix_of(value)) {
        return Ok(Some(rows));
    }
    let lists: Vec<&(Cow<'a, str>, Json<'a>)> = entries.iter().filter(|(_, value)| holds_rows(value)).collect();
    if !lists.is_empty() {
        let known: Vec<_> = lists.iter().filter(|(key, _)| ROWS.contains(&&*normalise(key))).collect();
        return match (&known[..], lists.len()) {
            ([(_, rows)], _) => Ok(Some(plain_rows(rows))),
            // A row of its own that has a list of objects, such as tokens.
            ([], 1) if entries.len() > 1 => Ok(None),
            ([], _) => Ok(Some(by_model(&lists))),
            ([first, second, ..], _) => Err(Error::new(
                Code::UnsupportedFile,
                format!(
                    "The file holds rows under {} and under {}: which are meant is not known. Save them as JSON Lines, one object a row.",
                    shorten(&first.0),
                    shorten(&second.0)
                ),
            )),
        };
    }
    if entries.len() < 2 && !matches!(entries.first(), Some((_, Json::Object(_)))) {
        return Ok(None);
    }
    if entries.iter().all(|(_, value)| matches!(value, Json::Object(_))) {
        return by_outer_key(entries);
    }
    if let Some(rows) = columns_of_lists(entries) {
        return Ok(Some(rows));
    }
    // Problems with their flags. Numbers by name are not taken so: they may be of models as well as of responses.
    let alike = |(key, value): &(Cow<'a, str>, Json<'a>)| {
        !FIELDS.contains(&&*normalise(key))
            && match value {
                Json::Bool(_) => !scores,
                Json::List(flags) => {
                    !scores && flags.iter().all(|flag| !matches!(flag, Json::Object(_) | Json::List(_)))
                }
                _ => false,
            }
    };
    if entries.iter().all(alike) {
        let row = |(key, value): &(Cow<'a, str>, Json<'a>)| {
            Json::Object(vec![("id".into(), Json::Text(key.clone())), ("passed".into(), value.clone())])
        };
        return Ok(Some(entries.iter().map(row).collect()));
    }
    Ok(None)
}

fn holds_rows(value: &Json<'_>) -> bool {
    value.as_list().is_some_and(|list| !list.is_empty() && list.iter().all(|row| matches!(row, Json::Object(_))))
}

/// The rows of a list; Hugging Face's server puts each into one more object.
fn plain_rows<'a>(rows: &Json<'a>) -> Vec<Json<'a>> {
    let rows = rows.as_list().unwrap_or_default();
    let inner = |row: &Json<'a>| row.get("row").filter(|inner| matches!(inner, Json::Object(_))).cloned();
    rows.iter().map(|row| inner(row).unwrap_or_else(|| row.clone())).collect()
}

/// `{"step100": [{…}, …], "step200": […]}`
fn by_model<'a>(lists: &[&(Cow<'a, str>, Json<'a>)]) -> Vec<Json<'a>> {
    let rows = lists.iter().flat_map(|(key, rows)| {
        let own = |row: &Json<'a>| row.get("model").is_some() || row.get("checkpoint").is_some();
        rows.as_list()
            .unwrap_or_default()
            .iter()
            .map(move |row| if own(row) { row.clone() } else { with_field("model", Json::Text(key.clone()), row) })
    });
    rows.collect()
}

/// `{"columns": ["id", …], "data": [[…], …]}`, as pandas (`split`) and Weights & Biases write tables.
fn table_of<'a>(value: &Json<'a>) -> Option<Vec<Json<'a>>> {
    let columns = value.get("columns")?.as_list()?;
    let names: Vec<Cow<'a, str>> =
        columns.iter().map(|name| name.id().map(|id| id.into_owned().into())).collect::<Option<_>>()?;
    let data = value.get("data")?.as_list()?;
    let index = value.get("index").and_then(Json::as_list).filter(|index| index.len() == data.len());
    let row = |(place, row): (usize, &Json<'a>)| {
        let cells = row.as_list().filter(|cells| cells.len() == names.len())?;
        let mut entries: Vec<_> = names.iter().cloned().zip(cells.iter().cloned()).collect();
        if let Some(index) = index.filter(|_| !names.iter().any(|name| name == "index")) {
            entries.insert(0, ("index".into(), index[place].clone()));
        }
        Some(Json::Object(entries))
    };
    data.iter().enumerate().map(row).collect()
}

/// `{"models": ["a", "b"], "logprobs": [[…], […]]}`, a row a model.
fn matrix_of<'a>(value: &Json<'a>) -> Option<Vec<Json<'a>>> {
    let models = value.get("models")?.as_list()?;
    let names: Vec<Cow<'a, str>> =
        models.iter().map(|name| name.id().map(|id| id.into_owned().into())).collect::<Option<_>>()?;
    let entries = value.as_object()?;
    let (_, matrix) = entries.iter().find(|(key, _)| MATRICES.contains(&&*normalise(key)))?;
    let rows: Vec<&[Json<'a>]> = matrix.as_list()?.iter().map(Json::as_list).collect::<Option<_>>()?;
    let responses = rows.first()?.len();
    if rows.len() != names.len() || rows.iter().any(|row| row.len() != responses) {
        return None;
    }
    let ids =
        ["ids", "responseIds", "response_ids", "responses", "id"].iter().find_map(|key| value.get(key)?.as_list());
    let ids = ids.filter(|ids| ids.len() == responses);
    Some(
        (0..responses)
            .map(|response| {
                let id = ids.map(|ids| ("id".into(), ids[response].clone()));
                let values = names.iter().cloned().zip(rows.iter().map(|row| row[response].clone()));
                Json::Object(id.into_iter().chain(values).collect())
            })
            .collect(),
    )
}

/// `{"id": […], "a": […], "b": […]}`: lists of one length, each a column.
fn columns_of_lists<'a>(entries: &[(Cow<'a, str>, Json<'a>)]) -> Option<Vec<Json<'a>>> {
    let lists: Vec<&[Json<'a>]> = entries.iter().map(|(_, value)| value.as_list()).collect::<Option<_>>()?;
    let rows = lists.first()?.len();
    let scalar =
        |list: &&[Json<'a>]| list.iter().all(|value| matches!(value, Json::Number(_) | Json::Text(_) | Json::Null));
    if rows == 0 || lists.iter().any(|list| list.len() != rows) || !lists.iter().all(scalar) {
        return None;
    }
    let row = |row: usize| {
        Json::Object(entries.iter().zip(&lists).map(|((key, _), list)| (key.clone(), list[row].clone())).collect())
    };
    Some((0..rows).map(row).collect())
}

/// Objects under keys: by column, as `to_json` of pandas writes (`{"logprob": {"0": …}}`), or by id
/// (`{"problem 1": {"n": …, "c": …}}`).
fn by_outer_key<'a>(entries: &[(Cow<'a, str>, Json<'a>)]) -> Result<Option<Vec<Json<'a>>>> {
    let Some(first) = entries[0].1.as_object().filter(|first| !first.is_empty()) else { return Ok(None) };
    let lines = first.iter().all(|(key, _)| !key.is_empty() && key.bytes().all(|digit| digit.is_ascii_digit()));
    let field = |key: &str| FIELDS.contains(&&*normalise(key));
    let same_keys = entries.iter().all(|(_, value)| {
        value
            .as_object()
            .is_some_and(|inner| inner.len() == first.len() && inner.iter().zip(first).all(|(a, b)| a.0 == b.0))
    });
    if first.iter().any(|(key, _)| field(key)) && !lines {
        return Ok(Some(entries.iter().map(|(id, row)| with_field("id", Json::Text(id.clone()), row)).collect()));
    }
    if !same_keys {
        return Ok(None);
    }
    if lines || entries.iter().any(|(key, _)| field(key)) {
        let has_id = entries.iter().any(|(key, _)| normalise(key) == "id");
        let row = |(place, (line, _)): (usize, &(Cow<'a, str>, Json<'a>))| {
            let index = (!has_id).then(|| ("index".into(), Json::Text(line.clone())));
            let cells = entries.iter().map(|(key, column)| {
                let value = column
                    .as_object()
                    .and_then(|inner| inner.get(place))
                    .map_or(Json::Null, |(_, value)| value.clone());
                (key.clone(), value)
            });
            Json::Object(index.into_iter().chain(cells).collect())
        };
        return Ok(Some(first.iter().enumerate().map(row).collect()));
    }
    if entries.len() < 2
        || first.iter().any(|(_, value)| !matches!(value, Json::Number(_) | Json::Null | Json::Bool(_)))
    {
        return Ok(None);
    }
    let message = format!(
        "The file holds objects under {}, … that hold {}, …: which are models and which are responses (or problems) is not known. Save a list of rows with the fields \
         id and model.",
        shorten(&entries[0].0),
        shorten(&first[0].0)
    );
    Err(Error::new(Code::UnsupportedFile, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str, scores: bool) -> Option<Vec<String>> {
        let value = Json::parse(text).unwrap();
        unwrap(&value, scores).unwrap().map(|rows| rows.iter().map(plain).collect())
    }

    /// A row as `key=value` pairs.
    fn plain(row: &Json<'_>) -> String {
        let pair = |(key, value): &(Cow<'_, str>, Json<'_>)| format!("{key}={}", value.show().replace('"', ""));
        row.as_object().unwrap().iter().map(pair).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn rows_under_a_key() {
        assert_eq!(rows(r#"{"version": 1, "results": [{"id": 1, "x": 2}]}"#, true).unwrap(), ["id=1 x=2"]);
        assert_eq!(rows(r#"{"rows": [{"row_idx": 0, "row": {"id": "a"}}]}"#, true).unwrap(), ["id=a"]);
        assert_eq!(
            rows(r#"{"s1": [{"id": 1}], "s2": [{"id": 1}]}"#, true).unwrap(),
            ["model=s1 id=1", "model=s2 id=1"]
        );
        assert_eq!(rows(r#"{"step100": [{"id": 1}]}"#, true).unwrap(), ["model=step100 id=1"]);
        let both = Json::parse(r#"{"results": [{"id": 1}], "samples": [{"id": 1}]}"#).unwrap();
        assert!(unwrap(&both, true).unwrap_err().message.contains("results"));
    }

    #[test]
    fn tables_by_column() {
        let split = r#"{"columns": ["a", "b"], "index": [7, 8], "data": [[1, 2], [3, 4]]}"#;
        assert_eq!(rows(split, true).unwrap(), ["index=7 a=1 b=2", "index=8 a=3 b=4"]);
        assert_eq!(rows(r#"{"columns": ["id", "b"], "data": [[1, 2]]}"#, true).unwrap(), ["id=1 b=2"]);
        let pandas = r#"{"id": {"0": "x", "1": "y"}, "logprob": {"0": -1, "1": -2}}"#;
        assert_eq!(rows(pandas, true).unwrap(), ["id=x logprob=-1", "id=y logprob=-2"]);
        assert_eq!(rows(r#"{"id": ["x", "y"], "a": [-1, -2]}"#, true).unwrap(), ["id=x a=-1", "id=y a=-2"]);
        let matrix = r#"{"models": ["a", "b"], "logprobs": [[-1, -2, -3], [-4, -5, -6]], "ids": ["x", "y", "z"]}"#;
        assert_eq!(rows(matrix, true).unwrap(), ["id=x a=-1 b=-4", "id=y a=-2 b=-5", "id=z a=-3 b=-6"]);
    }

    #[test]
    fn objects_by_id() {
        assert_eq!(
            rows(r#"{"p": {"n": 3, "c": 1}, "q": {"n": 2, "c": 2}}"#, false).unwrap(),
            ["id=p n=3 c=1", "id=q n=2 c=2"]
        );
        assert_eq!(
            rows(r#"{"p": [true, false], "q": [true]}"#, false).unwrap(),
            ["id=p passed=[true,false]", "id=q passed=[true]"]
        );
    }

    #[test]
    fn what_could_be_models_or_responses_is_refused_and_rows_are_left_alone() {
        let unclear = Json::parse(r#"{"x": {"u": -1, "v": -2}, "y": {"u": -3, "v": -4}}"#).unwrap();
        assert!(unwrap(&unclear, true).unwrap_err().message.contains("not known"));
        for row in
            [r#"{"id": 1, "logProb": -1}"#, r#"{"id": 1, "tokens": [{"logprob": -1}]}"#, r#"{"id": 1, "a": {"b": 2}}"#]
        {
            assert_eq!(rows(row, true), None, "{row}");
        }
    }
}
