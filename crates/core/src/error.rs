//! Errors with a stable code, the place they concern, and what to do about them.

use std::fmt;
use std::ops::{Deref, DerefMut};

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
    /// A part of what several processes share is missing, or there twice.
    MissingPart = "ERR_MISSING_PART",
    /// The format of a file cannot be told.
    UnknownFormat = "ERR_UNKNOWN_FORMAT",
    /// A column that is needed is not there.
    MissingColumn = "ERR_MISSING_COLUMN",
    /// Several columns could be what is looked for.
    AmbiguousColumn = "ERR_AMBIGUOUS_COLUMN",
    /// Something that has to be said cannot be told from the input.
    MissingOption = "ERR_MISSING_OPTION",
    /// A row without an id.
    MissingId = "ERR_MISSING_ID",
    /// A row that names no model where others do.
    MissingModel = "ERR_MISSING_MODEL",
    /// A value that should be a number and is none.
    NotANumber = "ERR_NOT_A_NUMBER",
    /// A log-probability that is missing or null.
    NullLogProb = "ERR_NULL_LOG_PROB",
    /// Where the response lies in a list of tokens is not known, or does not fit the list.
    ResponseSlice = "ERR_RESPONSE_SLICE",
    /// A server's answer without log-probabilities of the given text.
    NoLogProbs = "ERR_NO_LOG_PROBS",
    /// The log-probability of the actual token cannot be told from those of others.
    UnknownToken = "ERR_UNKNOWN_TOKEN",
    /// Which of several choices is the right one cannot be told.
    UnknownTarget = "ERR_UNKNOWN_TARGET",
    /// Two models of one name.
    DuplicateModel = "ERR_DUPLICATE_MODEL",
    /// One response twice for one model.
    DuplicateResponse = "ERR_DUPLICATE_RESPONSE",
    /// One id, two texts.
    MismatchedResponse = "ERR_MISMATCHED_RESPONSE",
    /// A response that one model was scored on and another was not.
    MissingResponse = "ERR_MISSING_RESPONSE",
    /// A count that cannot be right.
    InvalidCount = "ERR_INVALID_COUNT",
    /// One problem, or one sample of it, twice for one model.
    DuplicateProblem = "ERR_DUPLICATE_PROBLEM",
    /// A problem that one model has samples of and another has not.
    MissingProblem = "ERR_MISSING_PROBLEM",
    /// A value that says neither right nor wrong.
    NotAFlag = "ERR_NOT_A_FLAG",
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
    /// One-based line, or zero-based record where the format has no lines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub row: Option<usize>,
    /// Zero-based index of the model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<usize>,
    /// Zero-based index of the response.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response: Option<usize>,
    /// Name of the model, where names are known and indices are not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model_name: Option<String>,
    /// Id of the response, where ids are known and indices are not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_id: Option<String>,
    /// Dotted path of the option or field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
}

/// An error: stable code, message that says what to do, place. It is one pointer, so that a `Result` is hardly larger than
/// what it holds, and passing one on is no more than a comparison.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(transparent)]
pub struct Error(Box<Fault>);

/// What an [`Error`] says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// Stable reason.
    pub code: Code,
    /// One or two sentences: what is wrong, where, and the way out.
    pub message: String,
    /// The place in the caller's data.
    pub place: Place,
}

impl Deref for Error {
    type Target = Fault;

    fn deref(&self) -> &Fault {
        &self.0
    }
}

impl DerefMut for Error {
    fn deref_mut(&mut self) -> &mut Fault {
        &mut self.0
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

// Never inlined: there are a thousand places where an error is made, and none where that must be fast.
impl Error {
    /// An error with no place yet.
    #[cold]
    #[inline(never)]
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self(Box::new(Fault { code, message: message.into(), place: Place::default() }))
    }

    /// An [`Code::InvalidOption`] for the option `field`.
    #[cold]
    #[inline(never)]
    pub fn option(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Code::InvalidOption, message).at_field(field)
    }

    /// The same error, placed in `file`.
    #[cold]
    #[inline(never)]
    #[must_use]
    pub fn in_file(mut self, file: impl Into<String>) -> Self {
        self.place.file = Some(file.into());
        self
    }

    /// The same error, placed at zero-based `row`.
    #[cold]
    #[inline(never)]
    #[must_use]
    pub fn at_row(mut self, row: usize) -> Self {
        self.place.row = Some(row);
        self
    }

    /// The same error, placed at zero-based `model`.
    #[cold]
    #[inline(never)]
    #[must_use]
    pub fn at_model(mut self, model: usize) -> Self {
        self.place.model = Some(model);
        self
    }

    /// The same error, placed at zero-based `response`.
    #[cold]
    #[inline(never)]
    #[must_use]
    pub fn at_response(mut self, response: usize) -> Self {
        self.place.response = Some(response);
        self
    }

    /// The same error, of the model called `name`.
    #[cold]
    #[inline(never)]
    #[must_use]
    pub fn of_model(mut self, name: impl Into<String>) -> Self {
        self.place.model_name = Some(name.into());
        self
    }

    /// The same error, of the response with this id.
    #[cold]
    #[inline(never)]
    #[must_use]
    pub fn of_response(mut self, id: impl Into<String>) -> Self {
        self.place.response_id = Some(id.into());
        self
    }

    /// The same error, placed at the option `field`.
    #[cold]
    #[inline(never)]
    #[must_use]
    pub fn at_field(mut self, field: impl Into<String>) -> Self {
        self.place.field = Some(field.into());
        self
    }

    /// What the error says, to be taken apart.
    #[must_use]
    pub fn into_fault(self) -> Fault {
        *self.0
    }

    /// The same error at another place.
    #[cold]
    #[inline(never)]
    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        self.place = place;
        self
    }

    /// The same error with another message.
    #[cold]
    #[inline(never)]
    #[must_use]
    pub fn saying(mut self, message: impl Into<String>) -> Self {
        self.message = message.into();
        self
    }
}
