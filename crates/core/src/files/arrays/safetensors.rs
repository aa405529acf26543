//! The header of a `.safetensors` file: eight bytes of length, then JSON.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};

use super::layout::{Dtype, Layout};
use crate::error::{Code, Error, Result};
use crate::order;

/// Longest header that the format allows, in bytes.
const MAX_HEADER: u64 = 100_000_000;

/// One tensor: its name, what it holds, and where its bytes begin behind the header.
#[derive(Debug)]
pub(super) struct Tensor {
    pub(super) name: String,
    pub(super) layout: Layout,
    pub(super) offset: u64,
}

/// The tensors of a file in the order of their bytes, and the free text that may go with them.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) tensors: Vec<Tensor>,
    pub(super) metadata: Vec<(String, String)>,
    /// Bytes of all tensors.
    pub(super) bytes: u64,
}

/// Whether `file` begins like a `.safetensors` file.
pub(super) fn looks_like(file: &[u8]) -> bool {
    let length = file.first_chunk::<8>().map(|bytes| u64::from_le_bytes(*bytes));
    length.is_some_and(|length| (2..=MAX_HEADER).contains(&length)) && file.get(8) == Some(&b'{')
}

/// Bytes of the JSON text that follows the first eight bytes of a file, which say it.
pub(super) fn header_length(prelude: &[u8]) -> Result<u64> {
    let length = prelude.first_chunk::<8>().map(|bytes| u64::from_le_bytes(*bytes));
    let length = length.ok_or_else(|| malformed("it is shorter than the length of its header"))?;
    if length > MAX_HEADER {
        return Err(malformed(&format!(
            "its header claims to be {length} bytes long, more than the {MAX_HEADER} that the format allows"
        )));
    }
    Ok(length)
}

/// Reads and checks the JSON text of a header, all of it: tensors must fill the rest of the file, `data` bytes where that
/// is known, without gap or overlap.
pub(super) fn parse_header(json: &[u8], data: Option<u64>) -> Result<Header> {
    let header: JsonHeader =
        crate::json::from_bytes(json).map_err(|error| malformed(&format!("its header is not valid ({error})")))?;
    let mut tensors = Vec::with_capacity(header.tensors.len());
    let mut entries = header.tensors;
    order::values_by_key(&mut entries, |(_, tensor)| tensor.data_offsets);
    let mut end = 0_u64;
    for (name, tensor) in entries {
        let layout = Layout::new(parse_dtype(&name, &tensor.dtype)?, false, false, tensor.shape)
            .map_err(|error| malformed(&format!("tensor '{name}': {}", error.message)))?;
        let (from, to) = tensor.data_offsets;
        if from != end {
            return Err(malformed(&format!(
                "tensor '{name}' begins at byte {from} where the one before it ends at {end}: tensors may neither overlap nor leave gaps"
            )));
        }
        if to.checked_sub(from) != Some(layout.bytes as u64) {
            return Err(malformed(&format!(
                "tensor '{name}' is {}, which is {} bytes, but occupies bytes {from} to {to}",
                layout.describe(),
                layout.bytes
            )));
        }
        end = to;
        tensors.push(Tensor { name, layout, offset: from });
    }
    if let Some(data) = data.filter(|&data| data != end) {
        return Err(malformed(&format!(
            "its tensors occupy {end} bytes, the file has {data} for them: it is truncated or was changed"
        )));
    }
    Ok(Header { tensors, metadata: header.metadata, bytes: end })
}

fn parse_dtype(tensor: &str, dtype: &str) -> Result<Dtype> {
    Ok(match dtype {
        "F16" => Dtype::F16,
        "BF16" => Dtype::BF16,
        "F32" => Dtype::F32,
        "F64" => Dtype::F64,
        "I8" => Dtype::I8,
        "I16" => Dtype::I16,
        "I32" => Dtype::I32,
        "I64" => Dtype::I64,
        "U8" => Dtype::U8,
        "U16" => Dtype::U16,
        "U32" => Dtype::U32,
        "U64" => Dtype::U64,
        "BOOL" => Dtype::Bool,
        _ => {
            return Err(Error::new(
                Code::UnsupportedFile,
                format!("tensor '{tensor}' has dtype {dtype}: log-probabilities are read from F64, F32, BF16 or F16."),
            ));
        }
    })
}

pub(super) fn malformed(what: &str) -> Error {
    Error::new(Code::MalformedFile, format!("not a valid .safetensors file: {what}. Write it again."))
}

#[derive(Deserialize)]
struct JsonTensor {
    dtype: String,
    shape: Vec<usize>,
    data_offsets: (u64, u64),
}

struct JsonHeader {
    tensors: Vec<(String, JsonTensor)>,
    metadata: Vec<(String, String)>,
}

impl<'de> Deserialize<'de> for JsonHeader {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_map(HeaderVisitor)
    }
}

/// Keeps every entry: a map type would drop all but one of two tensors of the same name.
struct HeaderVisitor;

impl<'de> Visitor<'de> for HeaderVisitor {
    type Value = JsonHeader;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of tensors")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<JsonHeader, A::Error> {
        let mut header = JsonHeader { tensors: Vec::new(), metadata: Vec::new() };
        while let Some(name) = map.next_key::<String>()? {
            if name == "__metadata__" {
                let metadata: std::collections::BTreeMap<String, String> = map.next_value()?;
                header.metadata.extend(metadata);
            } else {
                header.tensors.push((name, map.next_value()?));
            }
        }
        Ok(header)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(json: &str, data: u64) -> Result<Header> {
        parse_header(json.as_bytes(), Some(data))
    }

    #[test]
    fn reads_tensors_in_byte_order() {
        let json = r#"{"b":{"dtype":"F64","shape":[1,2],"data_offsets":[4,20]},"__metadata__":{"format":"pt"},
            "a":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]}}"#;
        assert!(looks_like(&[&(json.len() as u64).to_le_bytes()[..], json.as_bytes()].concat()));
        let header = parse(json, 20).unwrap();
        assert_eq!(header.tensors.iter().map(|tensor| tensor.name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!((header.tensors[1].offset, header.bytes), (4, 20));
        assert_eq!(header.metadata, [("format".to_owned(), "pt".to_owned())]);
    }

    #[test]
    fn refuses_what_the_format_forbids() {
        for (json, data, hint) in [
            (r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, 4, "truncated"),
            (r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, 12, "occupy"),
            (r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,12]}}"#, 12, "occupies"),
            (r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}"#, 8, "begins at"),
            (
                r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}"#,
                12,
                "overlap",
            ),
            (
                r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#,
                4,
                "overlap",
            ),
            (
                r#"{"a":{"dtype":"F64","shape":[4294967296,4294967296],"data_offsets":[0,18446744073709551615]}}"#,
                8,
                "more bytes",
            ),
            (r#"{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,8]}}"#, 8, "not valid"),
            ("[1]", 0, "not valid"),
        ] {
            let error = parse(json, data).unwrap_err();
            assert_eq!(error.code, Code::MalformedFile, "{json}");
            assert!(error.message.contains(hint), "{json}: {}", error.message);
        }
        let long = (MAX_HEADER + 1).to_le_bytes();
        assert!(header_length(&long).unwrap_err().message.contains("allows"));
        let fp8 = r#"{"a":{"dtype":"F8_E4M3","shape":[2],"data_offsets":[0,2]}}"#;
        assert_eq!(parse(fp8, 2).unwrap_err().code, Code::UnsupportedFile);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = parse_header(&bytes, None);
            let _ = header_length(&bytes);
        }

        #[test]
        fn no_offsets_panic(from in any::<u64>(), to in any::<u64>(), axis in any::<u64>(), data in 0_u64..64) {
            let json = format!(r#"{{"a":{{"dtype":"F32","shape":[{axis}],"data_offsets":[{from},{to}]}}}}"#);
            let _ = parse(&json, data);
        }
    }
}
