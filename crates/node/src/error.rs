//! Core errors as N-API errors.

use coverage_principle_core::{Code, Error, json};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// The error as N-API carries it: its message is the JSON of code, message and place, which the facade decodes.
pub(crate) fn to_napi(error: &Error) -> napi::Error {
    let json = serde_json::to_string(error).unwrap_or_else(|_| error.message.clone());
    napi::Error::new(napi::Status::GenericFailure, json)
}

/// Reads an options object from its JSON.
pub(crate) fn parse_options<T: DeserializeOwned>(json: &str) -> napi::Result<T> {
    // By way of a value, as options of a job are: one copy of each struct's reader is enough.
    json.parse().map_err(|error| invalid(&error)).and_then(from_value)
}

/// Reads the options of a job: those of the computation, and `threads` beside them.
pub(crate) fn parse_job_options<T: DeserializeOwned>(json: &str) -> napi::Result<(T, Option<usize>)> {
    let mut options: serde_json::Value = json.parse().map_err(|error| invalid(&error))?;
    let threads = options.as_object_mut().and_then(|fields| fields.remove("threads")).unwrap_or_default();
    Ok((from_value(options)?, from_value(threads)?))
}

/// The options of a job that has none but `threads`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NoOptions {}

fn from_value<T: DeserializeOwned>(value: serde_json::Value) -> napi::Result<T> {
    json::options(value).map_err(|error| invalid(&error))
}

fn invalid(error: &serde_json::Error) -> napi::Error {
    to_napi(&Error::new(Code::InvalidOption, format!("The options are not valid: {error}.")))
}

/// The JSON of a plain result.
pub(crate) fn to_json(value: &impl serde::Serialize) -> napi::Result<String> {
    serde_json::to_string(value)
        .map_err(|error| to_napi(&Error::new(Code::Internal, format!("A result cannot be serialised: {error}."))))
}
