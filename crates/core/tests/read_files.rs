//! The binary readers on files that NumPy and safetensors wrote, good and bad (`__test__/fixtures/binary/make.py`).

use std::io::Write;
use std::path::{Path, PathBuf};

use coverage_principle_core::files::arrays::{ReadOptions, read_array, read_integers, read_matrix, read_vector};
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
fn every_format_gives_the_same_matrix_at_any_number_of_threads() {
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
        for threads in [1, 3] {
            let workers = Workers::new(Some(threads)).unwrap();
            let matrix = read_matrix(&fixture(name), &options, &workers, &Control::new()).unwrap();
            assert_expected(&matrix.log_probs, name);
            assert_eq!(matrix.dtype, dtype, "{name}");
            assert_eq!(matrix.names.is_some(), named, "{name}");
            assert!(matrix.names.is_none_or(|names| names == NAMES), "{name}");
        }
    }
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
        ("pickle.npy", Code::UnsupportedFile, "pickle"),
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

/// A file of these bytes in a folder of the test's own.
fn written(name: &str, bytes: &[u8]) -> PathBuf {
    let path = super::scratch("read-files").join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

fn read(path: &Path) -> coverage_principle_core::Result<coverage_principle_core::files::arrays::Matrix> {
    read_matrix(path, &ReadOptions::default(), &Workers::sequential(), &Control::new())
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A `.npy` file with this header and these elements.
fn npy(header: &str, elements: &[u8]) -> Vec<u8> {
    let length = u16::try_from(header.len()).unwrap().to_le_bytes();
    [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes(), elements].concat()
}

#[test]
fn a_compressed_file_is_told_by_its_content_and_checked_to_its_end() {
    let plain = std::fs::read(fixture("f8-little.npy")).unwrap();
    let mut bzip2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    bzip2.write_all(&plain).unwrap();
    let packed = [
        ("gzip", gzip(&plain)),
        ("members", [gzip(&plain[..100]), gzip(&plain[100..])].concat()),
        ("zstd", zstd::encode_all(&plain[..], 3).unwrap()),
        ("bzip2", bzip2.finish().unwrap()),
        ("xz", std::fs::read(fixture("f8-little.npy.xz")).unwrap()),
    ];
    for (name, bytes) in packed {
        // No extension says what it is.
        let matrix = read(&written(name, &bytes)).unwrap();
        assert_expected(&matrix.log_probs, name);
        assert_eq!(matrix.digest.bytes, bytes.len() as u64, "{name}");
        for cut in [1, 4, 8, bytes.len() / 2] {
            let error = read(&written(name, &bytes[..bytes.len() - cut])).unwrap_err();
            assert_eq!(error.code, Code::MalformedFile, "{name}, cut by {cut}: {}", error.message);
        }
        let error = read(&written(name, &[&bytes[..], b"and more"].concat())).unwrap_err();
        assert_eq!(error.code, Code::MalformedFile, "{name}, with more behind: {}", error.message);
    }
    // The checksum of gzip stands eight bytes before its end.
    let mut flipped = gzip(&plain);
    let at = flipped.len() - 8;
    flipped[at] ^= 1;
    assert_eq!(read(&written("flipped", &flipped)).unwrap_err().code, Code::MalformedFile);
    // An archive is read from memory when it is inflated.
    let archive = gzip(&std::fs::read(fixture("per-model.npz")).unwrap());
    assert_expected(&read(&written("archive.gz", &archive)).unwrap().log_probs, "per-model.npz, gzipped");
}

#[test]
fn the_hash_is_of_the_bytes_that_were_parsed() {
    // b3sum of the fixtures.
    for (name, expected) in [
        ("f8-little.npy", "22ce6561010d2f575a47b49b824b63f91232d80737bdc022e6940709070a5153"),
        ("per-model.npz", "a508f4352e6f7e35448b36d93f9025594c68934d8eb8b58358b3b0aa4d338a6a"),
        ("per-model.safetensors", "fe901f0689b219da88768463de98090d604925f1bcd045218e1c1decd229a47d"),
    ] {
        assert_eq!(read(&fixture(name)).unwrap().digest.blake3, expected, "{name}");
    }
}

#[test]
fn a_header_cannot_take_memory_that_the_file_does_not_fill() {
    // Strings of no characters take no bytes: a header can claim any number of them.
    for (kind, count) in [("<U0", 1_u64 << 29), ("<U0", 1 << 40), ("|S0", 1 << 40), ("<U0", 2)] {
        for key in ["ids", "models"] {
            let texts = npy(&format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': ({count},), }}"), b"");
            let values = std::fs::read(fixture("f8-little.npy")).unwrap();
            let path = written("strings.npz", &zip_of(&[("values.npy", &values), (&format!("{key}.npy"), &texts)]));
            let error = read(&path).unwrap_err();
            assert_eq!(error.code, Code::MalformedFile, "{kind} × {count}: {}", error.message);
            assert!(error.message.contains("empty strings"), "{}", error.message);
        }
    }
    // Compressed, a small file may hold much, but not anything.
    let claims = npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1000, 1000000000), }", &[0; 64]);
    for bytes in [claims.clone(), gzip(&claims), zstd::encode_all(&claims[..], 3).unwrap()] {
        let error = read(&written("claims", &bytes)).unwrap_err();
        assert_eq!(error.code, Code::MalformedFile, "{}", error.message);
    }
    // Zeros shrink more than data does.
    let zeros = zstd::encode_all(&vec![0; 64 << 20][..], 19).unwrap();
    let header = npy("{'descr': '<f8', 'fortran_order': False, 'shape': (2, 4194304), }", b"");
    let bomb = [zstd::encode_all(&header[..], 3).unwrap(), zeros].concat();
    let error = read(&written("bomb", &bomb)).unwrap_err();
    assert!(matches!(error.code, Code::TooLarge | Code::MalformedFile), "{}", error.message);
}

fn zip_of(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in entries {
        let stored = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        zip.start_file(*name, stored).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

#[test]
fn known_kinds_are_refused_with_the_way_to_one_that_is_read() {
    for (bytes, hint) in [
        (&b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"[..], "git lfs pull"),
        (b"\x89HDF\r\n\x1a\n\0\0", "np.save"),
        (b"\x80\x04\x95\0\0", "pickle"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "CSV"),
        (b"SQLite format 3\0", "CSV"),
        (b"\x04\x22\x4d\x18\x64", "lz4 -d"),
    ] {
        let error = read(&written("refused.npy", bytes)).unwrap_err();
        assert_eq!(error.code, Code::UnsupportedFile, "{}", error.message);
        assert!(error.message.contains(hint), "{}", error.message);
    }
}

#[test]
fn a_file_that_changes_while_it_is_read_is_noticed() {
    // Large enough to be read by the thread: values that no row of the first piece decides.
    let (models, responses) = (4, 1 << 20);
    let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({models}, {responses}), }}");
    let bytes = npy(&header, &(-1_f32).to_le_bytes().repeat(models * responses));
    type Change = fn(&Path, &[u8]);
    let truncate: Change =
        |path, _| std::fs::OpenOptions::new().write(true).open(path).unwrap().set_len(1 << 21).unwrap();
    let append: Change = |path, _| {
        std::fs::OpenOptions::new().append(true).open(path).unwrap().write_all(b"more").unwrap();
    };
    let replace: Change = |path, bytes| {
        let other = path.with_extension("other");
        std::fs::write(&other, bytes).unwrap();
        std::fs::rename(&other, path).unwrap();
    };
    for (name, change) in [("truncated", truncate), ("appended", append), ("replaced", replace)] {
        let path = written(&format!("changes-{name}.npy"), &bytes);
        let control = Control::new();
        let error = std::thread::scope(|scope| {
            let changing = scope.spawn(|| {
                // As soon as something was read: the first piece comes long before the last.
                while control.snapshot().0 == 0 {
                    std::hint::spin_loop();
                }
                change(&path, &bytes);
            });
            let result = read_matrix(&path, &ReadOptions::default(), &Workers::sequential(), &control);
            changing.join().unwrap();
            result.map(drop)
        });
        // The reader may have been done before the change; then what it read is what it hashed.
        if let Err(error) = error {
            assert_eq!(error.code, Code::InputChanged, "{name}: {}", error.message);
        }
    }
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
    let path = super::scratch("read-bytes").join(format!("{thread}.bin"));
    std::fs::write(&path, bytes).unwrap();
    let control = Control::new();
    let _ = read_integers(&path, &ReadOptions::default(), &control);
    let _ = read_vector(&path, &control);
    let _ = read_array(&path, &control);
    let vector = ReadOptions { allow_vector: true, transpose: true, ..ReadOptions::default() };
    let _ = read_matrix(&path, &vector, &Workers::sequential(), &control);
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

#[test]
fn an_archive_agrees_with_its_index() {
    let mut bytes = std::fs::read(fixture("per-model.npz")).unwrap();
    let name = b"step-1000.npy";
    // The index comes last; names have no checksum.
    let place = bytes.windows(name.len()).rposition(|part| part == name).unwrap();
    bytes[place + 5] = b'9';
    let path = super::scratch("read-files").join("renamed.npz");
    std::fs::write(&path, bytes).unwrap();
    let read = read_matrix(&path, &ReadOptions::default(), &Workers::sequential(), &Control::new());
    let Err(error) = read else { panic!("it was read") };
    assert_eq!(error.code, Code::MalformedFile);
    assert!(error.message.contains("another name"), "{}", error.message);
}
