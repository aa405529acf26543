//! The header of a `.npy` array, versions 1 to 3 (NumPy Enhancement Proposal 1).

use super::layout::{Dtype, Layout};
use super::python_literal::{self, Literal};
use crate::error::{Code, Error, Result};

/// First bytes of every `.npy` file.
const MAGIC: &[u8] = b"\x93NUMPY";

/// Whether a file that begins with `head` is a `.npy` file.
pub(super) fn looks_like(head: &[u8]) -> bool {
    head.starts_with(MAGIC)
}

/// Longest header that is read, in bytes; NumPy itself stops at 10,000 unless told otherwise.
const MAX_HEADER: usize = 1 << 20;

/// Magic, version and the longer form of the header's length.
pub(super) const PRELUDE: usize = 12;

/// Bytes from the start of the file to the first element, as its first [`PRELUDE`] bytes say.
pub(super) fn data_offset(prelude: &[u8]) -> Result<usize> {
    let Some(rest) = prelude.strip_prefix(MAGIC) else {
        return Err(malformed("it does not begin like a .npy file"));
    };
    let (start, length) = match *rest {
        [1, _, low, high, ..] => (10, usize::from(u16::from_le_bytes([low, high]))),
        [2 | 3, _, a, b, c, d, ..] => (12, u32::from_le_bytes([a, b, c, d]) as usize),
        [version, minor, ..] if !(1..=3).contains(&version) => {
            return Err(Error::new(
                Code::UnsupportedFile,
                format!("version {version}.{minor} of the .npy format is not known here: save it with np.save."),
            ));
        }
        _ => return Err(malformed("it ends within its header")),
    };
    if length > MAX_HEADER {
        return Err(malformed(&format!("its header claims to be {length} bytes long")));
    }
    Ok(start + length)
}

/// The layout that `file`, a whole `.npy` file or at least all of its header, announces, and the offset of the
/// first element.
pub(super) fn parse_header(file: &[u8]) -> Result<(Layout, usize)> {
    let offset = data_offset(file)?;
    let start = if file[MAGIC.len()] == 1 { 10 } else { PRELUDE };
    let header = file.get(start..offset).ok_or_else(|| malformed("it ends within its header"))?;
    let Some(Literal::Dict(entries)) = python_literal::parse(header) else {
        return Err(malformed("its header is not a Python dictionary"));
    };
    let field = |name: &str| {
        let mut found = entries.iter().filter(|(key, _)| key == name);
        match (found.next(), found.next()) {
            (Some((_, value)), None) => Ok(value),
            _ => Err(malformed(&format!("its header does not have exactly one '{name}'"))),
        }
    };
    let (descr, fortran, shape) = (field("descr")?, field("fortran_order")?, field("shape")?);
    if entries.len() != 3 {
        return Err(malformed("its header has other entries than descr, fortran_order and shape"));
    }
    let (dtype, big_endian) = parse_descr(descr)?;
    let Literal::Bool(fortran) = *fortran else { return Err(malformed("fortran_order is neither True nor False")) };
    let Literal::Tuple(axes) = shape else { return Err(malformed("its shape is not a tuple")) };
    let shape: Option<Vec<usize>> = axes
        .iter()
        .map(|axis| if let Literal::Int(length) = axis { usize::try_from(*length).ok() } else { None })
        .collect();
    let shape = shape.ok_or_else(|| malformed("its shape is not a tuple of lengths"))?;
    Ok((Layout::new(dtype, big_endian, fortran, shape)?, offset))
}

fn parse_descr(descr: &Literal) -> Result<(Dtype, bool)> {
    let descr = match descr {
        Literal::Text(descr) => descr.as_str(),
        Literal::List(_) => {
            return Err(unsupported(
                "it holds records with named fields (a structured dtype): save one field at a time, np.save(file, records['log_prob']).",
            ));
        }
        _ => return Err(malformed("its dtype is not a string")),
    };
    let (order, kind) = match descr.as_bytes() {
        [order @ (b'<' | b'>' | b'=' | b'|'), ..] => (*order, &descr[1..]),
        _ => (b'=', descr),
    };
    let big_endian = match order {
        b'<' => false,
        b'>' => true,
        _ => cfg!(target_endian = "big"),
    };
    let dtype = match kind {
        "f2" => Dtype::F16,
        "f4" => Dtype::F32,
        "f8" => Dtype::F64,
        "i1" => Dtype::I8,
        "i2" => Dtype::I16,
        "i4" => Dtype::I32,
        "i8" => Dtype::I64,
        "u1" => Dtype::U8,
        "u2" => Dtype::U16,
        "u4" => Dtype::U32,
        "u8" => Dtype::U64,
        "b1" | "?" => Dtype::Bool,
        _ => return parse_other_kind(descr, kind).map(|dtype| (dtype, big_endian)),
    };
    Ok((dtype, big_endian))
}

fn parse_other_kind(descr: &str, kind: &str) -> Result<Dtype> {
    let width = || kind.get(1..).and_then(|digits| digits.parse::<usize>().ok());
    match (kind.as_bytes().first(), width()) {
        (Some(b'U'), Some(characters)) => Ok(Dtype::Text(characters)),
        (Some(b'S' | b'a'), Some(bytes)) => Ok(Dtype::ByteText(bytes)),
        (Some(b'O'), _) => Err(unsupported(
            "it holds pickled Python objects, which can run code and are never opened here: save plain numbers, np.save(file, np.asarray(rows, dtype=np.float64)); rows of different lengths are the usual cause.",
        )),
        (Some(b'c'), _) => Err(unsupported("it holds complex numbers: log-probabilities are real.")),
        (Some(b'f'), _) => Err(unsupported(&format!(
            "dtype '{descr}' is not portable between machines: save it with .astype(np.float64)."
        ))),
        (Some(b'V'), _) => Err(unsupported(&format!(
            "dtype '{descr}' says nothing about the numbers (NumPy has no bfloat16): save it with .astype(np.float32)."
        ))),
        (Some(b'M' | b'm'), _) => Err(unsupported("it holds dates or times, not log-probabilities.")),
        _ => Err(malformed(&format!("dtype '{descr}' is not known"))),
    }
}

fn malformed(what: &str) -> Error {
    Error::new(Code::MalformedFile, format!("not a valid .npy array: {what}. Write it again with np.save."))
}

fn unsupported(what: &str) -> Error {
    Error::new(Code::UnsupportedFile, what)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn file(version: u8, header: &str) -> Vec<u8> {
        let mut bytes = [MAGIC, &[version, 0]].concat();
        if version == 1 {
            bytes.extend(u16::try_from(header.len()).unwrap().to_le_bytes());
        } else {
            bytes.extend(u32::try_from(header.len()).unwrap().to_le_bytes());
        }
        bytes.extend(header.as_bytes());
        bytes
    }

    #[test]
    fn reads_all_versions_and_spellings() {
        for version in 1..=3 {
            for (header, dtype, big_endian, fortran, shape) in [
                (
                    "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }  \n",
                    Dtype::F64,
                    false,
                    false,
                    vec![2, 3],
                ),
                ("{\"shape\": (7,), \"fortran_order\": True, \"descr\": \">f2\"}", Dtype::F16, true, true, vec![7]),
                ("{'descr':'|i1','fortran_order':False,'shape':(4L, 5L)}", Dtype::I8, false, false, vec![4, 5]),
                ("{'descr': '<U12', 'fortran_order': False, 'shape': (), }", Dtype::Text(12), false, false, vec![]),
            ] {
                let bytes = file(version, header);
                let (layout, offset) = parse_header(&bytes).unwrap();
                assert_eq!(layout, Layout::new(dtype, big_endian, fortran, shape).unwrap());
                assert_eq!(offset, bytes.len());
            }
        }
    }

    #[test]
    fn says_why_it_refuses() {
        for (descr, code, hint) in [
            ("'|O'", Code::UnsupportedFile, "pickled"),
            ("'<c16'", Code::UnsupportedFile, "complex"),
            ("'<f16'", Code::UnsupportedFile, "astype"),
            ("'|V2'", Code::UnsupportedFile, "bfloat16"),
            ("'<M8[ns]'", Code::UnsupportedFile, "dates"),
            ("[('id', '<i8'), ('lp', '<f8')]", Code::UnsupportedFile, "structured"),
            ("'<q9'", Code::MalformedFile, "not known"),
            ("7", Code::MalformedFile, "not a string"),
        ] {
            let bytes = file(1, &format!("{{'descr': {descr}, 'fortran_order': False, 'shape': (2, 3), }}"));
            let error = parse_header(&bytes).unwrap_err();
            assert_eq!(error.code, code, "{descr}");
            assert!(error.message.contains(hint), "{descr}: {}", error.message);
        }
    }

    #[test]
    fn lying_headers_are_malformed() {
        for header in [
            "{'descr': '<f8', 'fortran_order': False, 'shape': (4294967296, 4294967296), }",
            "{'descr': '<f8', 'fortran_order': False, 'shape': (-1, 2), }",
            "{'descr': '<f8', 'fortran_order': False, 'shape': (1e3, 2), }",
            "{'descr': '<f8', 'fortran_order': 0, 'shape': (1, 2), }",
            "{'descr': '<f8', 'fortran_order': False}",
            "{'descr': '<f8', 'descr': '<f8', 'fortran_order': False, 'shape': (1, 2)}",
            "{'descr': '<f8', 'fortran_order': False, 'shape': (1, 2), 'more': 1}",
            "{'descr': '<U99999999999999999999', 'fortran_order': False, 'shape': (1, 2)}",
            "__import__('os').system('true')",
            "",
        ] {
            assert_eq!(parse_header(&file(2, header)).unwrap_err().code, Code::MalformedFile, "{header}");
        }
        let mut long = file(2, "{}");
        long[8..12].fill(0xff);
        assert_eq!(parse_header(&long).unwrap_err().code, Code::MalformedFile);
        assert_eq!(parse_header(&file(9, "{}")).unwrap_err().code, Code::UnsupportedFile);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(tail in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse_header(&tail);
            let _ = parse_header(&[MAGIC, &tail].concat());
        }

        #[test]
        fn no_header_text_panics(version in 0_u8..5, header in "[{}()\\[\\]',:0-9a-zL<>|=\\\\ -]{0,80}") {
            let _ = parse_header(&file(version, &header));
        }
    }
}
