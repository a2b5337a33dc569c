//! Arrays of numbers as NumPy writes them (format 1.0 and 2.0), for expectations.

use std::path::Path;

/// An array, its numbers widened, which changes none of them.
#[derive(Debug)]
pub(crate) struct Array {
    pub(crate) shape: Vec<usize>,
    pub(crate) values: Vec<f64>,
}

pub(crate) fn read(path: &Path) -> Array {
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert_eq!(&bytes[..6], b"\x93NUMPY", "{}", path.display());
    let (start, length) = match bytes[6] {
        1 => (10, usize::from(u16::from_le_bytes([bytes[8], bytes[9]]))),
        _ => (12, u32::from_le_bytes([bytes[8], bytes[9], bytes[10], bytes[11]]) as usize),
    };
    let header = std::str::from_utf8(&bytes[start..start + length]).unwrap();
    let field = |key: &str, end: char| {
        let from = header.find(key).unwrap() + key.len();
        let rest = header[from..].trim_start_matches([':', ' ', '\'', '(']);
        rest[..rest.find(end).unwrap()].to_owned()
    };
    let dtype = field("'descr'", '\'');
    let shape: Vec<usize> =
        field("'shape'", ')').split(',').filter_map(|length| length.trim().parse().ok()).collect();
    let is_fortran = header.contains("'fortran_order': True");
    assert!(!is_fortran || shape.len() < 2, "{}: column-major", path.display());
    let data = &bytes[start + length..];
    let values: Vec<f64> = match dtype.as_str() {
        "<f4" => data.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap()).into()).collect(),
        "<f8" => data.chunks_exact(8).map(|b| f64::from_le_bytes(b.try_into().unwrap())).collect(),
        "<i4" => data.chunks_exact(4).map(|b| i32::from_le_bytes(b.try_into().unwrap()).into()).collect(),
        "<i8" => data.chunks_exact(8).map(|b| i64::from_le_bytes(b.try_into().unwrap()) as f64).collect(),
        other => panic!("{}: type {other}", path.display()),
    };
    assert_eq!(values.len(), shape.iter().product::<usize>(), "{}", path.display());
    Array { shape, values }
}
