//! Arrays: `.npy`, `.npz` and `.safetensors`. The first two are NumPy's, the last is Hugging Face's; none is opened by
//! running code.

mod container;
mod decode;
pub(super) mod formats;
mod layout;
mod npy;
mod npz;
mod python_literal;
mod read;
mod safetensors;
mod sidecar;
mod text;

pub use read::{Integers, Matrix, NumberArray, ReadOptions, read_array, read_integers, read_matrix, read_vector};
