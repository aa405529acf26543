//! The formats of arrays, as files of log-probabilities or of counts.

use super::read::{ReadOptions, read_integers, read_unchecked};
use crate::error::Result;
use crate::files::format::Format;
use crate::files::input::Input;
use crate::files::reading::{CountMatrix, FileContext, Matrix, Reading, Target};

/// One array of NumPy.
pub(in crate::files) const NPY: Format =
    Format { name: "npy", extensions: &["npy"], sniff: |head| head.bytes.starts_with(b"\x93NUMPY"), read };

/// Arrays of NumPy, by key.
pub(in crate::files) const NPZ: Format = Format {
    name: "npz",
    extensions: &["npz"],
    sniff: |head| head.bytes.starts_with(b"PK\x03\x04") || head.bytes.starts_with(b"PK\x05\x06"),
    read,
};

/// Tensors of Hugging Face, by key.
pub(in crate::files) const SAFETENSORS: Format = Format {
    name: "safetensors",
    extensions: &["safetensors"],
    sniff: |head| head.bytes.get(8) == Some(&b'{') && head.bytes[4..8].iter().all(|&byte| byte == 0),
    read,
};

fn read(input: &mut Input, context: &FileContext, reading: &mut Reading<'_>) -> Result<()> {
    let allow_vector = context.inputs > 1 || context.given.is_some();
    let control = reading.control;
    match &reading.target {
        Target::Scores(scores) => {
            let (transpose, negate) = (scores.options.transpose, scores.options.negate);
            let options = ReadOptions { transpose, negate, allow_vector };
            let unchecked = read_unchecked(input.path(), &options, control)?;
            input.was_read(unchecked.digest);
            let matrix = Matrix {
                rows: unchecked.rows,
                legal: unchecked.legal,
                models: unchecked.names,
                ids: unchecked.ids,
                prompt_ids: unchecked.prompt_ids,
                token_counts: unchecked.token_counts,
                dtype: unchecked.dtype,
            };
            reading.add_matrix(context, matrix)
        }
        Target::Counts(counts) => {
            let options = ReadOptions { transpose: counts.options.transpose, negate: false, allow_vector: true };
            let integers = read_integers(input.path(), &options, control)?;
            input.was_read(integers.digest);
            let matrix = CountMatrix {
                values: integers.values,
                shape: integers.shape,
                models: integers.names,
                problems: integers.ids,
                samples: integers.samples_per_problem,
            };
            reading.add_counts(context, matrix)
        }
    }
}
