//! Why one response is there twice for one model. The same finding has several causes, and each has its own way out.

use super::super::json::shorten;
use super::join::{At, Model};
use crate::error::{Code, Error};

/// Where the name of a model is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Origin {
    /// A column of a wide table.
    WideColumn,
    /// The value of one or more columns of a long table.
    Value,
    /// The name of the file, or the one given with it.
    File,
    /// A file of lm-evaluation-harness.
    LmEval,
    /// A row or key of a file of arrays.
    Array,
}

/// The error of a response that `model` has with `before` and now with `value`.
pub(super) fn error(model: &Model, before: f64, value: f64, at: At, files: &[String]) -> Error {
    let name = shorten(&model.name);
    let other = files.get(model.source).map_or("another file", String::as_str);
    let elsewhere = model.source != at.source;
    let values = if before == value {
        format!("with the same value, {value}")
    } else {
        format!("with different values, {before} and {value}")
    };
    let cause = match model.origin {
        Origin::WideColumn if elsewhere => format!(
            "column {name} is taken for a model, and {other} has one of that name, too. If it is the log-probability and the files are of different models, \
             say so (--column logProb={name}); if both are of one model, keep one"
        ),
        Origin::LmEval => {
            "lm-evaluation-harness appends to an existing file when a run is repeated: keep the rows of one run".to_owned()
        }
        Origin::Value if elsewhere => {
            format!("{other} names the same model: give one of the files, or tell the models apart in their rows")
        }
        _ if elsewhere => format!("{other} is of a model of the same name: name the files, NAME=PATH"),
        _ if before == value => "the row is there twice: keep one".to_owned(),
        Origin::Value => format!(
            "rows of several checkpoints, seeds or samples have the model {name}: name the column that tells them apart (--column model=…), or the one with an id \
             of each response (--column id=…)"
        ),
        _ => "the ids are not of responses, or the rows are of several models: name the column with an id of each response (--column id=…) or with the model \
              (--column model=…)"
            .to_owned(),
    };
    Error::new(Code::DuplicateResponse, format!("The response occurs twice for this model, {values}: {cause}."))
}

/// The error of an id under which one model has two texts.
pub(super) fn other_text(id: &str, kind: &str, model: &str) -> Error {
    let message = format!(
        "Two rows of model {} have the id {} and a different {kind}: the id is not that of a response. Name the column that is (--column id=…), or give each response \
         an id of its own.",
        shorten(model),
        shorten(id)
    );
    Error::new(Code::DuplicateResponse, message)
}
