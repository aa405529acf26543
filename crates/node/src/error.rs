//! Core errors as N-API errors.

use coverage_principle_core::{Code, Error};

/// The error as N-API carries it: its message is the JSON of code, message and place, which the facade decodes.
pub(crate) fn to_napi(error: &Error) -> napi::Error {
    let json = serde_json::to_string(error).unwrap_or_else(|_| error.message.clone());
    napi::Error::new(napi::Status::GenericFailure, json)
}

/// Reads an options object from its JSON.
pub(crate) fn parse_options<T: serde::de::DeserializeOwned>(json: &str) -> napi::Result<T> {
    serde_json::from_str(json)
        .map_err(|error| to_napi(&Error::new(Code::InvalidOption, format!("The options are not valid: {error}."))))
}

/// The JSON of a plain result.
pub(crate) fn to_json(value: &impl serde::Serialize) -> napi::Result<String> {
    serde_json::to_string(value)
        .map_err(|error| to_napi(&Error::new(Code::Internal, format!("A result cannot be serialised: {error}."))))
}
