//! `.npy`, `.npz` and `.safetensors`, compressed or not, in each way of reading them.
#![no_main]

use coverage_principle_core::files::arrays::{ReadOptions, read_array, read_integers, read_matrix};
use coverage_principle_core::{Control, Workers};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let path = std::env::temp_dir().join(format!("coverage-fuzz-arrays-{}", std::process::id()));
    std::fs::write(&path, bytes).expect("a temporary file");
    let (control, workers) = (Control::new(), Workers::sequential());
    for transpose in [false, true] {
        let options = ReadOptions { transpose, allow_vector: true, ..ReadOptions::default() };
        if let Ok(matrix) = read_matrix(&path, &options, &workers, &control) {
            // What is accepted obeys the promises of a matrix.
            for model in 0..matrix.log_probs.models() {
                assert!(matrix.log_probs.row_f64(model).iter().all(|value| *value <= 1e-6));
            }
        }
        let _ = read_integers(&path, &options, &control);
    }
    let _ = read_array(&path, &control);
});
