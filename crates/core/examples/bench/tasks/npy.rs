//! The `.npy` files of the benchmark itself: C-ordered, little-endian, of a few types.

use std::path::Path;

use crate::Refusal;

/// Reads the shape and the bytes of the values of a file of that element type.
fn read(file: &str, descr: &str) -> Result<(Vec<usize>, Vec<u8>), Refusal> {
    let mut bytes = std::fs::read(file)?;
    let malformed = || Refusal::Failed(format!("{file} is not a file of this benchmark of type {descr}"));
    let length = bytes.get(8..10).ok_or_else(malformed)?;
    let start = 10 + usize::from(u16::from_le_bytes([length[0], length[1]]));
    let header = String::from_utf8_lossy(bytes.get(10..start).ok_or_else(malformed)?).into_owned();
    if !header.contains(&format!("'descr': '{descr}'")) {
        return Err(malformed());
    }
    let sizes = header.split_once("'shape': (").and_then(|(_, rest)| rest.split_once(')')).ok_or_else(malformed)?.0;
    let shape = sizes.split(',').map(str::trim).filter(|size| !size.is_empty()).map(str::parse);
    let shape = shape.collect::<Result<Vec<usize>, _>>()?;
    Ok((shape, bytes.split_off(start)))
}

/// An array of doubles.
pub(super) fn read_f64(file: &str) -> Result<(Vec<usize>, Vec<f64>), Refusal> {
    let (shape, bytes) = read(file, "<f8")?;
    let (values, _) = bytes.as_chunks::<8>();
    Ok((shape, values.iter().map(|&value| f64::from_le_bytes(value)).collect()))
}

/// An array of unsigned integers.
pub(super) fn read_u32(file: &str) -> Result<(Vec<usize>, Vec<u32>), Refusal> {
    let (shape, bytes) = read(file, "<u4")?;
    let (values, _) = bytes.as_chunks::<4>();
    Ok((shape, values.iter().map(|&value| u32::from_le_bytes(value)).collect()))
}

/// Writes a matrix of unsigned integers.
pub(super) fn write_u32(file: &Path, [rows, columns]: [usize; 2], values: &[u32]) -> Result<(), Refusal> {
    let header = format!("{{'descr': '<u4', 'fortran_order': False, 'shape': ({rows}, {columns}), }}");
    // Prologue and header together fill a multiple of 64 bytes, the last of which ends the line.
    let length = (10 + header.len() + 1).next_multiple_of(64) - 10;
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend(u16::try_from(length)?.to_le_bytes());
    bytes.extend(format!("{header:<width$}\n", width = length - 1).into_bytes());
    bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    Ok(std::fs::write(file, bytes)?)
}
