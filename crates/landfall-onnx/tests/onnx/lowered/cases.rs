//! The shared cases of `ai.onnx.ml` graphs, and the arrays of numbers and texts that NumPy wrote for them.

use crate::support::shared;
use landfall_model::{Shape, Strings, Tensor};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The unpacked archive; `None`, said in a line, where there is none or it cannot be unpacked here.
pub(super) fn unpacked() -> Option<PathBuf> {
    let archive = shared("conformance/trees/onnx.tar.xz")?;
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("onnx-conformance");
    let mark = target.join("done");
    if !mark.exists() {
        std::fs::create_dir_all(&target).unwrap();
        let status = Command::new("tar").arg("-xJf").arg(&archive).arg("-C").arg(&target).status();
        if !status.as_ref().is_ok_and(std::process::ExitStatus::success) {
            eprintln!("left out: {} was not unpacked (tar and xz are needed: {status:?})", archive.display());
            return None;
        }
        std::fs::write(mark, "").unwrap();
    }
    Some(target.join("onnx"))
}

/// An array as NumPy wrote it: float32, float64 and int64 as they are, texts as strings.
pub(super) fn array(path: &Path) -> Tensor {
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert_eq!(&bytes[..6], b"\x93NUMPY", "{}", path.display());
    let length = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let header = std::str::from_utf8(&bytes[10..10 + length]).unwrap();
    let field = |key: &str, end: char| {
        let rest = &header[header.find(key).unwrap() + key.len()..];
        let rest = rest.trim_start_matches([':', ' ', '\'', '(']);
        rest[..rest.find(end).unwrap()].to_owned()
    };
    let shape: Vec<usize> =
        field("'shape'", ')').split(',').filter_map(|length| length.trim().parse().ok()).collect();
    let data = &bytes[10 + length..];
    let numbers = |width: usize| data.chunks_exact(width);
    match field("'descr'", '\'').as_str() {
        "<f4" => {
            let values: Vec<f32> = numbers(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect();
            Tensor::from_slice(&shape, &values).unwrap()
        }
        "<f8" => {
            let values: Vec<f64> = numbers(8).map(|b| f64::from_le_bytes(b.try_into().unwrap())).collect();
            Tensor::from_slice(&shape, &values).unwrap()
        }
        "<i8" => {
            let values: Vec<i64> = numbers(8).map(|b| i64::from_le_bytes(b.try_into().unwrap())).collect();
            Tensor::from_slice(&shape, &values).unwrap()
        }
        text => {
            let width = text.strip_prefix("<U").and_then(|width| width.parse::<usize>().ok()).unwrap();
            let letter = |b: &[u8]| char::from_u32(u32::from_le_bytes(b.try_into().unwrap())).unwrap();
            let one =
                |bytes: &[u8]| bytes.chunks_exact(4).map(letter).filter(|&c| c != '\0').collect::<String>();
            let texts: Strings = numbers(4 * width).map(one).collect();
            Tensor::from_strings(Shape::new(&shape), texts).unwrap()
        }
    }
}

/// Columns of a table by name; cells of these tables hold neither quotes nor commas.
pub(super) fn columns(path: &Path) -> Vec<(String, Vec<String>)> {
    let text = std::fs::read_to_string(path).unwrap();
    let mut lines = text.lines();
    let mut columns: Vec<(String, Vec<String>)> =
        lines.next().unwrap().split(',').map(|name| (name.to_owned(), Vec::new())).collect();
    for line in lines {
        for (cell, (_, column)) in line.split(',').zip(&mut columns) {
            column.push(cell.to_owned());
        }
    }
    columns
}
