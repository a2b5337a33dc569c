//! Arrays of numbers and texts as NumPy writes them (format 1.0 and 2.0), for expectations.

use std::path::Path;

/// An array, its numbers widened, which changes none of them; of texts there are no numbers.
#[derive(Debug)]
pub(crate) struct Array {
    pub(crate) shape: Vec<usize>,
    pub(crate) values: Vec<f64>,
    pub(crate) texts: Vec<String>,
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
    assert!(!is_fortran || shape.len() < 3, "{}: column-major", path.display());
    let data = &bytes[start + length..];
    if let Some(length) = dtype.strip_prefix("<U") {
        let bytes = 4 * length.parse::<usize>().unwrap();
        let texts: Vec<String> = data.chunks_exact(bytes.max(1)).map(text).collect();
        return Array { shape, values: Vec::new(), texts };
    }
    let values: Vec<f64> = match dtype.as_str() {
        "<f4" => data.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap()).into()).collect(),
        "<f8" => data.chunks_exact(8).map(|b| f64::from_le_bytes(b.try_into().unwrap())).collect(),
        "<i4" => data.chunks_exact(4).map(|b| i32::from_le_bytes(b.try_into().unwrap()).into()).collect(),
        "<i8" => data.chunks_exact(8).map(|b| i64::from_le_bytes(b.try_into().unwrap()) as f64).collect(),
        other => panic!("{}: type {other}", path.display()),
    };
    assert_eq!(values.len(), shape.iter().product::<usize>(), "{}", path.display());
    let values = match shape[..] {
        [rows, columns] if is_fortran => {
            (0..rows * columns).map(|i| values[i % columns * rows + i / columns]).collect()
        }
        _ => values,
    };
    Array { shape, values, texts: Vec::new() }
}

/// Characters of four bytes, zeros behind the last one.
fn text(bytes: &[u8]) -> String {
    let codes = bytes.chunks_exact(4).map(|b| u32::from_le_bytes(b.try_into().unwrap()));
    codes.take_while(|&code| code != 0).map(|code| char::from_u32(code).unwrap()).collect()
}
