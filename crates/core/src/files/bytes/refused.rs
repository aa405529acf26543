//! Files that are recognised and not read, each with the way to one that is.

use crate::error::{Code, Error};

/// First bytes, what they are, and what to do.
const SIGNATURES: &[(&[u8], &str)] = &[
    (
        b"version https://git-lfs.github.com/spec/",
        "this is a Git LFS pointer, not the data it stands for: run git lfs pull, or download the file itself.",
    ),
    (
        b"\x89HDF\r\n\x1a\n",
        "this is an HDF5 file: save the data set with NumPy, np.save('scores.npy', h5py.File(path)['scores'][:]).",
    ),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "this is an old Excel workbook (.xls): save the sheet as CSV."),
    (b"SQLite format 3\0", "this is an SQLite database: export the table as CSV."),
    (b"MATLAB 5.0 MAT-file", "this is a MATLAB file: save the matrix with np.save after scipy.io.loadmat."),
    (b"GGUF", "these are the weights of a model (GGUF), not scores of responses."),
    (b"ORC", "this is an ORC file: write it as Parquet."),
    (b"Obj\x01", "this is an Avro file: write it as Parquet."),
    (
        b"FEA1",
        "this is a Feather file of version 1: write it with version 2, pyarrow.feather.write_feather(table, path).",
    ),
    (b"7z\xbc\xaf\x27\x1c", "this is a 7z archive: unpack it first."),
    (b"Rar!\x1a\x07", "this is a RAR archive: unpack it first."),
    (
        b"\x04\x22\x4d\x18",
        "the file is compressed with lz4: decompress it first (lz4 -d), or use gzip, zstd, xz or bzip2.",
    ),
    (b"\x1f\x9d", "the file is compressed with compress (.Z): decompress it first (uncompress)."),
    (b"%PDF-", "this is a PDF document: give the data behind it."),
];

const PICKLE: &str = "this is a Python pickle, which can run code and is never opened here: save plain numbers with np.save, or the table with to_parquet or to_csv.";
const TAR: &str = "this is a tar archive: unpack it first.";

/// Why a file that begins with `head` is not read, if it is of a known kind that is not.
pub(in crate::files) fn refused(head: &[u8]) -> Option<Error> {
    let known = SIGNATURES.iter().find(|(signature, _)| head.starts_with(signature)).map(|(_, advice)| *advice);
    let pickle = matches!(head, [0x80, 2..=5, ..]).then_some(PICKLE);
    let tar = (head.get(257..262) == Some(b"ustar")).then_some(TAR);
    Some(Error::new(Code::UnsupportedFile, known.or(pickle).or(tar)?))
}
