//! Reading a matrix of log-probabilities, or of counts, from `.npy`, `.npz` and `.safetensors` files.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::container::{Array, Container};
use super::decode::{self, Axes, Number, number};
use super::layout::{Dtype, Layout};
use super::sidecar::Sidecar;
use crate::error::{Code, Error, Result};
use crate::files::bytes::{Digest, Stream, check_memory};
use crate::log_probs::{LogProbs, Rows};
use crate::parallel::Workers;
use crate::progress::Control;

/// Keys under which an archive may hold the names of its models, one a row of the matrix.
const MODEL_KEYS: [&str; 4] = ["models", "model_names", "checkpoints", "names"];

/// Keys under which an archive may hold the ids of its responses.
const ID_KEYS: [&str; 4] = ["ids", "response_ids", "responses", "id"];

/// An array of numbers of any shape.
#[derive(Debug, Serialize)]
pub struct NumberArray {
    /// Lengths of its axes.
    pub shape: Vec<usize>,
    /// The values, the last axis varying fastest.
    #[serde(skip)]
    pub values: Vec<f64>,
    /// Hash of the bytes that were read.
    #[serde(flatten)]
    pub digest: Digest,
}

/// How to read a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ReadOptions {
    /// The matrix has a row a response and a column a model. Default: false, a row a model.
    pub transpose: bool,
    /// The values are negative log-probabilities (losses, surprisals): change their sign. Default: false.
    pub negate: bool,
    /// Accept a `.npy` file that holds a 1-D array, as the values of one model. Default: false, which is an error that
    /// says how to pass one file a model.
    pub allow_vector: bool,
}

/// A matrix of log-probabilities as a file holds it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Matrix {
    /// The values, models × responses.
    #[serde(skip)]
    pub log_probs: LogProbs,
    /// Names of the models, if the file or the one beside it has them.
    pub names: Option<Vec<String>>,
    /// Ids of the responses, if the file or the one beside it has them.
    pub ids: Option<Vec<String>>,
    /// Which prompt each response belongs to, if the file beside it says so.
    pub prompt_ids: Option<Vec<String>>,
    /// Tokens of each response, if the file beside it says so.
    pub token_counts: Option<Vec<u64>>,
    /// Element type in the file: `float16`, `bfloat16`, `float32` or `float64`; several joined by `, ` if arrays differ.
    pub dtype: String,
    /// Models, responses.
    pub shape: [usize; 2],
    /// The file, as the caller named it.
    pub file: String,
    /// Hash of the bytes that were read.
    #[serde(flatten)]
    pub digest: Digest,
}

/// A matrix as a file holds it, its values not yet looked at one by one.
pub(in crate::files) struct Unchecked {
    pub(in crate::files) rows: Rows,
    /// All values are known to be log-probabilities.
    pub(in crate::files) legal: bool,
    pub(in crate::files) names: Option<Vec<String>>,
    pub(in crate::files) ids: Option<Vec<String>>,
    pub(in crate::files) prompt_ids: Option<Vec<String>>,
    pub(in crate::files) token_counts: Option<Vec<u64>>,
    pub(in crate::files) dtype: String,
    pub(in crate::files) digest: Digest,
}

/// A matrix of integers, such as counts of correct samples.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Integers {
    /// The values, row after row; every one lies within ±2⁵³.
    #[serde(skip)]
    pub values: Vec<i64>,
    /// Rows (models), columns (problems).
    pub shape: [usize; 2],
    /// Names of the rows, if the file or the one beside it has them.
    pub names: Option<Vec<String>>,
    /// Ids of the columns, if the file or the one beside it has them.
    pub ids: Option<Vec<String>>,
    /// How many samples each problem has, if the file beside it says so.
    pub samples_per_problem: Option<u64>,
    /// Element type in the file.
    pub dtype: String,
    /// The file, as the caller named it.
    pub file: String,
    /// Hash of the bytes that were read.
    #[serde(flatten)]
    pub digest: Digest,
}

/// Reads the log-probabilities of one or more models: a 2-D array (`.npy`, or the only array of a `.npz` or
/// `.safetensors`), or 1-D arrays, one a model, named by their keys.
///
/// An archive may name the rows of its matrix by a text array `models` and the responses by a text array `ids`, a
/// `.safetensors` file its rows by a JSON list in the metadata entry `models`, a JSON file beside any of them both. f2,
/// bf16 and f4 give a matrix in single precision, f8 in double; one f8 array among others makes all double. The file may
/// be compressed as a whole (gzip, zstd, xz, bzip2).
///
/// # Errors
/// [`Code::Io`] if the file cannot be read, [`Code::InputChanged`] if it changes meanwhile, [`Code::MalformedFile`] if it
/// is damaged or lies about its size, [`Code::UnsupportedFile`] for pickles, records, integers and other kinds of data,
/// [`Code::TooLarge`] if memory does not suffice, [`Code::ShapeMismatch`] for arrays that are no matrix, and as
/// [`LogProbs::new`]. The place of every error has the file; that of an illegal value also model and response.
pub fn read_matrix(path: &Path, options: &ReadOptions, workers: &Workers, control: &Control) -> Result<Matrix> {
    let Unchecked { rows, legal, names, ids, prompt_ids, token_counts, dtype, digest } =
        read_unchecked(path, options, control)?;
    in_file(path, || {
        let log_probs = if legal { LogProbs::of_legal(rows) } else { LogProbs::new(rows, workers, control) };
        let log_probs = log_probs.map_err(|error| name_model(error, names.as_deref()))?;
        let shape = [log_probs.models(), log_probs.responses()];
        let file = path.display().to_string();
        Ok(Matrix { log_probs, names, ids, prompt_ids, token_counts, dtype, shape, file, digest })
    })
}

/// [`read_matrix`] without a look at the values.
pub(in crate::files) fn read_unchecked(path: &Path, options: &ReadOptions, control: &Control) -> Result<Unchecked> {
    in_file(path, || {
        let sidecar = Sidecar::beside(path)?;
        let mut container = Container::open(Stream::open(path)?, control)?;
        let row_names = container.take_texts(&MODEL_KEYS, control)?.or(container.models.take());
        let ids = container.take_texts(&ID_KEYS, control)?.or(sidecar.ids);
        if let Some(array) = container.arrays.iter().find(|array| !array.layout.dtype.is_float()) {
            return Err(Error::new(
                Code::UnsupportedFile,
                format!(
                    "{}: log-probabilities are floating-point numbers. Counts of correct samples belong to Pass@k; any other array must be left out of the file.",
                    array.describe()
                ),
            ));
        }
        let arrays = container.arrays.clone();
        let dtype = dtypes(&arrays);
        let (axes, names) = match arrays.as_slice() {
            [] => return Err(Error::new(Code::NoResponses, "the file holds no array of log-probabilities.")),
            [matrix] if matrix.layout.shape.len() == 2 => (axes(&matrix.layout, options.transpose)?, row_names),
            [vector] if vector.layout.shape.len() == 1 && vector.name.is_none() && !options.allow_vector => {
                return Err(Error::new(
                    Code::ShapeMismatch,
                    format!(
                        "{}, where a matrix (models × responses) is needed. If it is one model of several, give one file for each, NAME=FILE.",
                        vector.describe()
                    ),
                ));
            }
            arrays => (vectors(arrays, options)?, key_names(arrays)),
        };
        let names = names.or(sidecar.models);
        check_not_empty(axes.models, axes.responses)?;
        check_labels("models", names.as_deref(), axes.models)?;
        check_labels("ids", ids.as_deref(), axes.responses)?;
        check_count("promptIds", sidecar.prompt_ids.as_ref().map(Vec::len), axes.responses)?;
        check_count("tokenCounts", sidecar.token_counts.as_ref().map(Vec::len), axes.responses)?;
        let (rows, legal, digest) = gather(container, &arrays, axes, options.negate, control)?;
        let (prompt_ids, token_counts) = (sidecar.prompt_ids, sidecar.token_counts);
        Ok(Unchecked { rows, legal, names, ids, prompt_ids, token_counts, dtype, digest })
    })
}

/// Reads a matrix of integers, models × problems: a 2-D array of any integer type, of booleans, or of floating-point
/// values that are whole; a 1-D array is one row. [`ReadOptions::transpose`] applies, [`ReadOptions::negate`] does not.
///
/// # Errors
/// As [`read_matrix`], and [`Code::MalformedFile`] for a value that is not a whole number within ±2⁵³.
pub fn read_integers(path: &Path, options: &ReadOptions, control: &Control) -> Result<Integers> {
    in_file(path, || {
        let sidecar = Sidecar::beside(path)?;
        let mut container = Container::open(Stream::open(path)?, control)?;
        let names = container.take_texts(&MODEL_KEYS, control)?.or(container.models.take()).or(sidecar.models);
        let ids = container.take_texts(&ID_KEYS, control)?.or(sidecar.problems).or(sidecar.ids);
        let array = only_array(&container)?;
        let axes = match array.layout.shape[..] {
            [len] => Axes { models: 1, responses: len, models_outer: true },
            _ => axes(&array.layout, options.transpose)?,
        };
        check_not_empty(axes.models, axes.responses)?;
        check_labels("models", names.as_deref(), axes.models)?;
        check_labels("problems", ids.as_deref(), axes.responses)?;
        let (values, digest) = collect(container, &array, axes, control, whole_number)?;
        let shape = [axes.models, axes.responses];
        let dtype = array.layout.dtype.name().to_owned();
        let (samples_per_problem, file) = (sidecar.samples_per_problem, path.display().to_string());
        Ok(Integers { values, shape, names, ids, samples_per_problem, dtype, file, digest })
    })
}

/// Reads a 1-D array of numbers of any type, widened: token counts, prompt numbers, weights.
///
/// # Errors
/// As [`read_matrix`]; [`Code::ShapeMismatch`] unless the file holds exactly one array, of one axis. Values are not
/// checked.
pub fn read_vector(path: &Path, control: &Control) -> Result<Vec<f64>> {
    in_file(path, || {
        let container = Container::open(Stream::open(path)?, control)?;
        let array = only_array(&container)?;
        let [len] = array.layout.shape[..] else {
            return Err(Error::new(Code::ShapeMismatch, format!("{}, where a 1-D array is needed.", array.describe())));
        };
        let axes = Axes { models: 1, responses: len, models_outer: true };
        Ok(collect(container, &array, axes, control, |value| Some(widened(value)))?.0)
    })
}

/// Reads an array of numbers of any type and shape, widened, its last axis varying fastest: features, hidden states.
///
/// # Errors
/// As [`read_vector`], but for any number of axes; [`Code::UnsupportedFile`] for more than two axes in Fortran order.
pub fn read_array(path: &Path, control: &Control) -> Result<NumberArray> {
    in_file(path, || {
        let container = Container::open(Stream::open(path)?, control)?;
        let array = only_array(&container)?;
        let shape = array.layout.shape.clone();
        let axes = match (shape[..].first_chunk::<2>(), array.layout.fortran) {
            (Some(&[models, responses]), true) if shape.len() == 2 => Axes { models, responses, models_outer: false },
            (Some(_), true) => {
                let message = format!("{}, in Fortran order: save it with numpy.ascontiguousarray.", array.describe());
                return Err(Error::new(Code::UnsupportedFile, message));
            }
            _ => Axes { models: 1, responses: array.layout.len, models_outer: true },
        };
        let (values, digest) = collect(container, &array, axes, control, |value| Some(widened(value)))?;
        Ok(NumberArray { shape, values, digest })
    })
}

/// Integers beyond 2⁵³ are rounded, as every conversion to double precision does.
fn widened(value: Number) -> f64 {
    match value {
        Number::Int(value) => value as f64,
        Number::Float(value) => value,
    }
}

/// The rows of `arrays`, one after another, whether they are known to be legal, and the hash of the file.
fn gather(
    mut container: Container,
    arrays: &[Array],
    axes: Axes,
    negate: bool,
    control: &Control,
) -> Result<(Rows, bool, Digest)> {
    let double = arrays.iter().any(|array| array.layout.dtype == Dtype::F64);
    let mut matrix = decode::Matrix::new(axes, double)?;
    for array in arrays {
        container.elements(array, control, &mut |piece| matrix.take(&array.layout, negate, piece))?;
    }
    let legal = matrix.is_legal();
    Ok((matrix.into_rows()?, legal, container.finish(control)?))
}

/// The numbers of an array, model after model, and the hash of the file.
fn collect<T: Clone + Default>(
    mut container: Container,
    array: &Array,
    axes: Axes,
    control: &Control,
    convert: impl Fn(Number) -> Option<T>,
) -> Result<(Vec<T>, Digest)> {
    let Axes { models, responses, models_outer } = axes;
    let len = array.layout.len;
    check_memory(len.checked_mul(size_of::<T>()), || format!("{} does not fit into memory.", array.describe()))?;
    let size = array.layout.dtype.size()?;
    let mut values = vec![T::default(); len];
    let mut index = 0;
    container.elements(array, control, &mut |piece| {
        for element in piece.chunks_exact(size) {
            let (model, response) =
                if models_outer { (index / responses, index % responses) } else { (index % models, index / models) };
            let value = number(&array.layout, element).and_then(&convert).ok_or_else(|| {
                let message = format!("row {model}, column {response} is not a whole number: counts were expected.");
                Error::new(Code::MalformedFile, message).at_model(model).at_response(response)
            })?;
            values[model * responses + response] = value;
            index += 1;
        }
        Ok(())
    })?;
    Ok((values, container.finish(control)?))
}

fn whole_number(value: Number) -> Option<i64> {
    const LARGEST: i64 = 1 << 53;
    let whole = match value {
        Number::Int(value) => i64::try_from(value).ok()?,
        // The cast saturates, and what it changes fails the comparison.
        Number::Float(value) => Some(value as i64).filter(|&whole| whole as f64 == value)?,
    };
    (-LARGEST..=LARGEST).contains(&whole).then_some(whole)
}

/// How 1-D arrays lie, one a model.
fn vectors(arrays: &[Array], options: &ReadOptions) -> Result<Axes> {
    if let Some(other) = arrays.iter().find(|array| array.layout.shape.len() != 1) {
        let need = "either one 2-D array (models × responses) or 1-D arrays, one a model, is needed";
        return Err(Error::new(Code::ShapeMismatch, format!("the file holds {}, where {need}.", other.describe())));
    }
    if options.transpose {
        return Err(Error::option("transpose", "the file holds one array a model: there is nothing to transpose."));
    }
    let responses = arrays.first().map_or(0, |array| array.layout.len);
    if let Some((model, other)) = arrays.iter().enumerate().find(|(_, array)| array.layout.len != responses) {
        return Err(Error::new(
            Code::ShapeMismatch,
            format!(
                "the file holds {} and {}: all models must be scored on the same responses.",
                arrays[0].describe(),
                other.describe()
            ),
        )
        .at_model(model));
    }
    Ok(Axes { models: arrays.len(), responses, models_outer: true })
}

fn key_names(arrays: &[Array]) -> Option<Vec<String>> {
    arrays.iter().map(|array| array.name.clone()).collect()
}

fn dtypes(arrays: &[Array]) -> String {
    let mut names: Vec<&str> = Vec::new();
    for array in arrays {
        let name = array.layout.dtype.name();
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names.join(", ")
}

fn only_array(container: &Container) -> Result<Array> {
    match container.arrays.as_slice() {
        [array] if array.layout.dtype.is_text() => {
            Err(Error::new(Code::UnsupportedFile, format!("{}, where numbers are needed.", array.describe())))
        }
        [array] => Ok(array.clone()),
        [] => Err(Error::new(Code::NoResponses, "the file holds no array.")),
        [first, second, ..] => Err(Error::new(
            Code::ShapeMismatch,
            format!(
                "the file holds {} and {}, where one array is needed: save it alone.",
                first.describe(),
                second.describe()
            ),
        )),
    }
}

fn axes(layout: &Layout, transpose: bool) -> Result<Axes> {
    let [first, second] = layout.shape[..] else {
        return Err(Error::new(
            Code::ShapeMismatch,
            format!("{}, where a matrix (models × responses) is needed.", layout.describe()),
        ));
    };
    let (models, responses) = if transpose { (second, first) } else { (first, second) };
    // A single row or column lies the same way in either order.
    let models_outer = layout.fortran == transpose || models == 1 || responses == 1;
    Ok(Axes { models, responses, models_outer })
}

/// Called before anything is allocated by the number of models: an empty matrix may claim any number of rows.
fn check_not_empty(models: usize, responses: usize) -> Result<()> {
    if models == 0 {
        return Err(Error::new(
            Code::TooFewModels,
            "the matrix has no model (no row). With responses in rows, transpose it (--transpose).",
        ));
    }
    if responses == 0 {
        return Err(Error::new(Code::NoResponses, "the matrix has no response (no column)."));
    }
    Ok(())
}

fn check_count(key: &str, count: Option<usize>, len: usize) -> Result<()> {
    let Some(count) = count.filter(|&count| count != len) else { return Ok(()) };
    let message = if key == "models" {
        format!(
            "{count} models are named for {len} rows: correct the list, or, if responses are in rows, transpose the matrix (--transpose)."
        )
    } else {
        format!("{count} {key} are given for {len} of them in the array.")
    };
    Err(Error::new(Code::ShapeMismatch, message))
}

fn check_labels(key: &str, labels: Option<&[String]>, len: usize) -> Result<()> {
    let Some(labels) = labels else { return Ok(()) };
    check_count(key, Some(labels.len()), len)?;
    let mut sorted: Vec<&String> = labels.iter().collect();
    sorted.sort_unstable();
    match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        None => Ok(()),
        Some(pair) => Err(Error::new(
            Code::MalformedFile,
            format!("'{}' occurs twice among the {key} of the file: each must be unique.", pair[0]),
        )),
    }
}

/// Puts the name that the file gives a model into the message of an error that has only its index.
fn name_model(error: Error, names: Option<&[String]>) -> Error {
    match error.place.model.and_then(|model| names?.get(model)) {
        None => error,
        Some(name) => {
            let message = format!("model '{name}': {}", error.message);
            error.saying(message)
        }
    }
}

/// Runs `read` and places its error in the file; messages are composed of parts, so the capital comes last.
fn in_file<T>(path: &Path, read: impl FnOnce() -> Result<T>) -> Result<T> {
    read().map_err(|error| {
        let mut rest = error.message.chars();
        let message = rest.next().map(|first| first.to_uppercase().collect::<String>() + rest.as_str());
        error.saying(message.unwrap_or_default()).in_file(path.display().to_string())
    })
}
