//! The binary readers on files that NumPy and safetensors wrote, good and bad (`__test__/fixtures/binary/make.py`).

use std::path::{Path, PathBuf};

use coverage_principle_core::log_probs::read::{ReadOptions, read_integers, read_matrix, read_vector};
use coverage_principle_core::log_probs::{Row, Rows};
use coverage_principle_core::{Code, Control, Error, LogProbs, Workers};
use proptest::prelude::*;

fn fixture(name: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../__test__/fixtures/binary")).join(name)
}

fn expected(model: usize, response: usize) -> f64 {
    if (model, response) == (2, 3) {
        return f64::NEG_INFINITY;
    }
    -(1.0 + model as f64 / 2.0 + 5.0 * response as f64 / 4.0)
}

fn assert_expected(log_probs: &LogProbs, what: &str) {
    assert_eq!((log_probs.models(), log_probs.responses()), (3, 5), "{what}");
    for model in 0..3 {
        for response in 0..5 {
            assert_eq!(log_probs.get(model, response), expected(model, response), "{what} [{model}, {response}]");
        }
    }
}

const NAMES: [&str; 3] = ["base", "step-1000", "step-2000"];

#[test]
fn every_format_gives_the_same_matrix_mapped_or_not_at_any_number_of_threads() {
    let transposed = ReadOptions { transpose: true, ..ReadOptions::default() };
    let negated = ReadOptions { negate: true, ..ReadOptions::default() };
    let cases = [
        ("f2-little.npy", ReadOptions::default(), "float16", false),
        ("f2-big.npy", ReadOptions::default(), "float16", false),
        ("f4-little.npy", ReadOptions::default(), "float32", false),
        ("f4-big.npy", ReadOptions::default(), "float32", false),
        ("f8-little.npy", ReadOptions::default(), "float64", false),
        ("f8-big.npy", ReadOptions::default(), "float64", false),
        ("fortran.npy", ReadOptions::default(), "float64", false),
        ("fortran-big.npy", ReadOptions::default(), "float32", false),
        ("transposed.npy", transposed.clone(), "float64", false),
        ("negated.npy", negated, "float64", false),
        ("version2.npy", ReadOptions::default(), "float64", false),
        ("version3.npy", ReadOptions::default(), "float64", false),
        ("per-model.npz", ReadOptions::default(), "float64", true),
        ("per-model-deflated.npz", ReadOptions::default(), "float32", true),
        ("named-matrix.npz", ReadOptions::default(), "float64", true),
        ("named-matrix-deflated.npz", transposed, "float64", true),
        ("per-model.safetensors", ReadOptions::default(), "float32", true),
        ("matrix.safetensors", ReadOptions::default(), "float64", true),
        ("bf16.safetensors", ReadOptions::default(), "bfloat16", false),
    ];
    for (name, options, dtype, named) in cases {
        for (threads, map_above) in [(1, u64::MAX), (3, 0)] {
            let workers = Workers::new(Some(threads)).unwrap();
            let options = ReadOptions { map_above, ..options.clone() };
            let matrix = read_matrix(&fixture(name), &options, &workers, &Control::new()).unwrap();
            assert_expected(&matrix.log_probs, name);
            assert_eq!(matrix.dtype, dtype, "{name}");
            assert_eq!(matrix.names.is_some(), named, "{name}");
            assert!(matrix.names.is_none_or(|names| names == NAMES), "{name}");
        }
    }
}

#[test]
fn large_native_files_are_views_into_the_map() {
    let read = |name, map_above| {
        let options = ReadOptions { map_above, ..ReadOptions::default() };
        read_matrix(&fixture(name), &options, &Workers::sequential(), &Control::new()).unwrap().log_probs
    };
    for name in ["f4-little.npy", "f8-little.npy", "per-model.safetensors", "matrix.safetensors"] {
        if cfg!(target_endian = "little") {
            assert_eq!(read(name, 0).owned_bytes(), 0, "{name}");
        }
        assert!(read(name, u64::MAX).owned_bytes() > 0, "{name}");
    }
    let Rows::F64(rows) = read("f8-big.npy", 0).rows().clone() else { panic!("double precision") };
    assert!(rows.iter().all(|row| matches!(row, Row::Owned(_))), "the other byte order is copied");
}

#[test]
fn names_ids_and_vectors() {
    let read = |name: &str, options: &ReadOptions| {
        read_matrix(&fixture(name), options, &Workers::sequential(), &Control::new())
    };
    let matrix = read("named-matrix.npz", &ReadOptions::default()).unwrap();
    assert_eq!(matrix.ids.unwrap(), ["r0", "r1", "r2", "r3", "r4"]);
    let vector = ReadOptions { allow_vector: true, ..ReadOptions::default() };
    let matrix = read("vector.npy", &vector).unwrap();
    assert_eq!((matrix.shape, matrix.log_probs.get(0, 4)), ([1, 5], -6.0));
    assert_eq!(read_vector(&fixture("vector.npy"), &Control::new()).unwrap(), [-1.0, -2.25, -3.5, -4.75, -6.0]);
    assert_eq!(read_vector(&fixture("counts-i8.npy"), &Control::new()).unwrap_err().code, Code::ShapeMismatch);
}

#[test]
fn counts_of_every_integer_type() {
    for name in ["counts-i8.npy", "counts-i2-big.npy", "counts-u1.npy", "counts-f4.npy"] {
        let counts = read_integers(&fixture(name), &ReadOptions::default(), &Control::new()).unwrap();
        assert_eq!((counts.shape, counts.values), ([2, 3], vec![0, 3, 10, 7, 1, 10]), "{name}");
        let transpose = ReadOptions { transpose: true, ..ReadOptions::default() };
        let counts = read_integers(&fixture(name), &transpose, &Control::new()).unwrap();
        assert_eq!((counts.shape, counts.values), ([3, 2], vec![0, 7, 3, 1, 10, 10]), "{name}");
    }
    let flags = read_integers(&fixture("flags.npy"), &ReadOptions::default(), &Control::new()).unwrap();
    assert_eq!(flags.values, [0, 1, 1, 1, 0, 1]);
    let error = read_integers(&fixture("f8-little.npy"), &ReadOptions::default(), &Control::new()).unwrap_err();
    assert_eq!((error.code, error.place.model, error.place.response), (Code::MalformedFile, Some(0), Some(1)));
}

fn refusal(name: &str, options: &ReadOptions) -> Error {
    let path = fixture(name);
    let error = read_matrix(&path, options, &Workers::sequential(), &Control::new()).unwrap_err();
    assert_eq!(error.place.file, Some(path.display().to_string()), "{name}");
    error
}

#[test]
fn bad_files_are_refused_with_the_reason() {
    for (name, code, hint) in [
        ("missing.npy", Code::Io, "no such file"),
        ("", Code::UnsupportedFile, "directory"),
        ("empty.npy", Code::MalformedFile, "empty"),
        ("object.npy", Code::UnsupportedFile, "pickled"),
        ("object.npz", Code::UnsupportedFile, "pickled"),
        ("structured.npy", Code::UnsupportedFile, "structured"),
        ("complex.npy", Code::UnsupportedFile, "complex"),
        ("longdouble.npy", Code::UnsupportedFile, "astype"),
        ("counts-i8.npy", Code::UnsupportedFile, "Pass@k"),
        ("cube.npy", Code::ShapeMismatch, "3-D array (2×2×2)"),
        ("scalar.npy", Code::ShapeMismatch, "single"),
        ("vector.npy", Code::ShapeMismatch, "NAME=FILE"),
        ("no-responses.npy", Code::NoResponses, "no response"),
        ("no-models.npy", Code::TooFewModels, "--transpose"),
        ("truncated.npy", Code::MalformedFile, "111 bytes follow"),
        ("trailing.npy", Code::MalformedFile, "np.savez"),
        ("terabytes.npy", Code::MalformedFile, "2000000000000 bytes"),
        ("pickle.npy", Code::MalformedFile, "pickle"),
        ("make.py", Code::MalformedFile, "text"),
        ("different-lengths.npz", Code::ShapeMismatch, "'b', a 1-D array of 4"),
        ("bzip2.npz", Code::UnsupportedFile, "savez_compressed"),
        ("other-entries.npz", Code::UnsupportedFile, "readme.txt"),
        ("pytorch.npz", Code::UnsupportedFile, "PyTorch"),
        ("nan.npy", Code::NanLogProb, "NaN"),
        ("negated.npy", Code::PositiveLogProb, "--negate"),
    ] {
        let error = refusal(name, &ReadOptions::default());
        assert_eq!(error.code, code, "{name}: {}", error.message);
        assert!(error.message.contains(hint), "{name}: {}", error.message);
    }
    let transpose = ReadOptions { transpose: true, ..ReadOptions::default() };
    assert_eq!(refusal("per-model.npz", &transpose).place.field.as_deref(), Some("transpose"));
    assert_eq!(refusal("named-matrix.npz", &transpose).code, Code::ShapeMismatch);
    let negate = ReadOptions { negate: true, ..ReadOptions::default() };
    let error = refusal("per-model.npz", &negate);
    assert_eq!((error.code, error.place.model), (Code::PositiveLogProb, Some(0)));
    assert!(error.message.contains("base"), "{}", error.message);
}

#[test]
fn encrypted_archives_are_refused() {
    // Set the encryption bit of every header of a good archive.
    let mut bytes = std::fs::read(fixture("per-model.npz")).unwrap();
    for (signature, flags) in [(b"PK\x03\x04", 6), (b"PK\x01\x02", 8)] {
        for start in 0..bytes.len() - 4 {
            if bytes[start..].starts_with(signature) {
                bytes[start + flags] |= 1;
            }
        }
    }
    let error = read_bytes(&bytes).unwrap_err();
    assert_eq!(error.code, Code::UnsupportedFile);
    assert!(error.message.contains("encrypted"), "{}", error.message);
}

#[test]
fn cancellation_stops_a_read() {
    let control = Control::new();
    control.cancel();
    let options = ReadOptions::default();
    let error = read_matrix(&fixture("fortran.npy"), &options, &Workers::sequential(), &control).unwrap_err();
    assert_eq!(error.code, Code::Aborted);
}

#[test]
#[expect(clippy::print_stdout, reason = "a skipped test says so")]
fn the_shared_measurements_are_read_as_numpy_reads_them() {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/olmo7b_checkpoints_lambada.npy"));
    if !path.exists() {
        println!("skipped: {} is not there", path.display());
        return;
    }
    let matrix = read_matrix(path, &ReadOptions::default(), &Workers::sequential(), &Control::new()).unwrap();
    assert_eq!((matrix.shape, matrix.dtype.as_str()), ([10, 5153], "float64"));
    let min = (0..10).flat_map(|model| matrix.log_probs.row_f64(model)).fold(0.0, f64::min);
    assert_eq!(min, -31.206958770751953);
}

/// Reads a file of these bytes, in every way there is.
fn read_bytes(bytes: &[u8]) -> coverage_principle_core::Result<()> {
    let thread = std::thread::current().name().unwrap_or("").replace("::", "-");
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{thread}.bin"));
    std::fs::write(&path, bytes).unwrap();
    let control = Control::new();
    let _ = read_integers(&path, &ReadOptions::default(), &control);
    let _ = read_vector(&path, &control);
    let mapped = ReadOptions { map_above: 0, allow_vector: true, ..ReadOptions::default() };
    let _ = read_matrix(&path, &mapped, &Workers::sequential(), &control);
    let result = read_matrix(&path, &ReadOptions::default(), &Workers::sequential(), &control).map(drop);
    std::fs::remove_file(&path).unwrap();
    result
}

fn any_file() -> impl Strategy<Value = Vec<u8>> {
    let names = [
        "f2-little.npy",
        "f8-big.npy",
        "fortran.npy",
        "vector.npy",
        "counts-i8.npy",
        "structured.npy",
        "per-model.npz",
        "per-model-deflated.npz",
        "named-matrix.npz",
        "bzip2.npz",
        "per-model.safetensors",
        "matrix.safetensors",
        "bf16.safetensors",
    ];
    prop::sample::select(names.to_vec()).prop_map(|name| std::fs::read(fixture(name)).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn mutated_files_never_panic(
        mut bytes in any_file(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        keep in prop::option::weighted(0.3, any::<prop::sample::Index>()),
    ) {
        for (index, byte) in changes {
            let index = index.index(bytes.len());
            bytes[index] = byte;
        }
        if let Some(keep) = keep {
            bytes.truncate(keep.index(bytes.len()));
        }
        let _ = read_bytes(&bytes);
    }

    #[test]
    fn random_bytes_never_panic(
        prefix in prop::sample::select(vec![
            &b""[..],
            b"\x93NUMPY\x01\x00",
            b"PK\x03\x04",
            b"PK\x05\x06",
            b"\x10\0\0\0\0\0\0\0{",
        ]),
        tail in prop::collection::vec(any::<u8>(), 0..120),
    ) {
        prop_assert!(read_bytes(&[prefix, &tail].concat()).is_err());
    }
}
