//! Errors with a stable code, the place they concern, and what to do about them.

use std::fmt;

use serde::Serialize;

/// Result of everything in this crate that can fail.
pub type Result<T> = std::result::Result<T, Error>;

/// Declares [`Code`] together with its stable spelling.
macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)+) => {
        /// Stable machine-readable reason of an [`Error`]; spelled `ERR_…` outside Rust.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Code { $($(#[$doc])* $name,)+ }

        impl Code {
            /// The stable spelling, the same in Rust, TypeScript and on the command line.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }
        }
    };
}

codes! {
    /// The caller asked to stop.
    Aborted = "ERR_ABORTED",
    /// An option is missing, of the wrong kind or out of its range.
    InvalidOption = "ERR_INVALID_OPTION",
    /// Arrays that belong together differ in length or shape.
    ShapeMismatch = "ERR_SHAPE_MISMATCH",
    /// Fewer than two models where a comparison needs two.
    TooFewModels = "ERR_TOO_FEW_MODELS",
    /// No response at all.
    NoResponses = "ERR_NO_RESPONSES",
    /// A log-probability is NaN.
    NanLogProb = "ERR_NAN_LOG_PROB",
    /// A log-probability is +∞ or greater than the tolerance above zero.
    PositiveLogProb = "ERR_POSITIVE_LOG_PROB",
    /// The file cannot be opened or read.
    Io = "ERR_IO",
    /// The file is not what its name or header says.
    MalformedFile = "ERR_MALFORMED_FILE",
    /// The file is of a kind that is understood but not supported.
    UnsupportedFile = "ERR_UNSUPPORTED_FILE",
    /// Input is not what it was when a saved result was made from it.
    InputChanged = "ERR_INPUT_CHANGED",
    /// More memory would be needed than is sensible or allowed.
    TooLarge = "ERR_TOO_LARGE",
    /// A handle is used after it was disposed of.
    Disposed = "ERR_DISPOSED",
    /// A bug in this library; the message says where.
    Internal = "ERR_INTERNAL",
}

impl Serialize for Code {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Where in the caller's data an error lies; every part is optional.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Place {
    /// Path of the file as the caller gave it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Zero-based row (line, record) in the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub row: Option<usize>,
    /// Zero-based index of the model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<usize>,
    /// Zero-based index of the response.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response: Option<usize>,
    /// Dotted path of the option or field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
}

/// An error: stable code, message that says what to do, place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
pub struct Error {
    /// Stable reason.
    pub code: Code,
    /// One or two sentences: what is wrong, where, and the way out.
    pub message: String,
    /// The place in the caller's data; boxed so that a `Result` stays small.
    pub place: Box<Place>,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error {
    /// An error with no place yet.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), place: Box::default() }
    }

    /// An [`Code::InvalidOption`] for the option `field`.
    pub fn option(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Code::InvalidOption, message).at_field(field)
    }

    /// The same error, placed in `file`.
    #[must_use]
    pub fn in_file(mut self, file: impl Into<String>) -> Self {
        self.place.file = Some(file.into());
        self
    }

    /// The same error, placed at zero-based `row`.
    #[must_use]
    pub fn at_row(mut self, row: usize) -> Self {
        self.place.row = Some(row);
        self
    }

    /// The same error, placed at zero-based `model`.
    #[must_use]
    pub fn at_model(mut self, model: usize) -> Self {
        self.place.model = Some(model);
        self
    }

    /// The same error, placed at zero-based `response`.
    #[must_use]
    pub fn at_response(mut self, response: usize) -> Self {
        self.place.response = Some(response);
        self
    }

    /// The same error, placed at the option `field`.
    #[must_use]
    pub fn at_field(mut self, field: impl Into<String>) -> Self {
        self.place.field = Some(field.into());
        self
    }
}
