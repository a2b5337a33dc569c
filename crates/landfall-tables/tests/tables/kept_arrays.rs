//! Arrays of an NPZ file that are kept beside the answers.

use crate::house::*;
use crate::kept::{back, keeping, scored_by};
use landfall_model::*;
use landfall_tables::*;
use std::io::Cursor;

fn texts(texts: &[&str]) -> Tensor {
    Tensor::from_strings(Shape::new(&[texts.len()]), texts.iter().collect()).unwrap()
}

fn file(arrays: &[(&str, Tensor)]) -> Vec<TableInput> {
    vec![TableInput::stream("t.npz", Some(Format::Npz), Cursor::new(npz(arrays)))]
}

fn arrays() -> Vec<(&'static str, Tensor)> {
    vec![
        ("note", Tensor::from_slice(&[4, 2], &[1i64, 2, 3, 4, 5, 6, 7, 8]).unwrap()),
        ("id", texts(&["007", "a,b", "", "é"])),
        ("x", Tensor::from_slice(&[4], &[1.0f32, 2.5, -1.0, 4.0]).unwrap()),
        ("on", Tensor::from_slice(&[4, 1], &[0.5f64, f64::NAN, 1.0, 2.0]).unwrap()),
        ("rest", Tensor::from_slice(&[4], &[0u8; 4]).unwrap()),
    ]
}

fn scored(format: Format, rows: RowRule, keep: &[&str]) -> Result<Vec<u8>, Problem> {
    let signature = signature(vec![input("x", DType::F32, &[])], rows);
    scored_by(&signature, file(&arrays()), &keeping(keep, 2), format)
}

const CSV: &str =
    "id,note,on,x,y\n007,\"[1,2]\",0.5,1.0,1.0\n\"a,b\",\"[3,4]\",NaN,2.5,2.5\né,\"[7,8]\",2.0,4.0,4.0\n";
const NAMES: [&str; 4] = ["id", "note", "on", "x"];

#[test]
fn arrays_stand_beside_the_answers_in_every_format() {
    for rows in [RowRule::Independent, RowRule::None] {
        let written = |format| scored(format, rows.clone(), &NAMES).unwrap();
        assert_eq!(String::from_utf8(written(Format::Csv)).unwrap(), CSV, "{rows:?}");
        let lines = String::from_utf8(written(Format::JsonLines)).unwrap();
        assert!(
            lines.starts_with("{\"id\":\"007\",\"note\":[1,2],\"on\":0.5,\"x\":1.0,\"y\":1.0}\n"),
            "{lines}"
        );
        for format in [Format::Parquet, Format::ArrowFile, Format::ArrowStream, Format::Npz] {
            assert_eq!(back(format, written(format), &NAMES), CSV.replace(",y\n", ",again\n"), "{format:?}");
        }
    }
}

#[test]
fn an_array_that_is_kept_is_not_told_as_one_that_nobody_takes() {
    let signature = signature(vec![input("x", DType::F32, &[])], RowRule::Independent);
    let wanted = signature.default_outputs().clone();
    let reader = TableReader::open(file(&arrays()), signature, wanted, &keeping(&["id", "on"], 2)).unwrap();
    assert_eq!(reader.ignored(), ["note", "rest"]);
}

#[test]
fn an_array_beside_sparse_rows_is_kept() {
    let mut features = input("features", DType::F32, &[4]);
    features.columns =
        ["a", "b", "c", "d"].map(|name| Column { name: name.into(), doc: String::new() }).into();
    let signature = signature(vec![features], RowRule::Independent);
    let files = vec![TableInput::file(fixture("sparse_beside.npz"))];
    let wanted = signature.default_outputs().clone();
    let reader = TableReader::open(files, signature, wanted, &keeping(&["base_margin"], 2)).unwrap();
    assert_eq!(reader.ignored(), ["note"]);
    let mut kept = 0;
    while let Some(raw) = reader.next().unwrap() {
        let pieces = reader.decode(&raw).unwrap().pieces;
        kept +=
            pieces.iter().filter(|piece| !piece.kept.is_empty()).map(|piece| piece.rows.len()).sum::<usize>();
    }
    assert_eq!(kept, 5);
}

#[test]
fn what_cannot_be_kept_of_arrays_is_refused_by_name() {
    let refused = |name: &str, tensor: Tensor, rows: RowRule| {
        let signature = signature(vec![input("x", DType::F32, &[])], rows);
        let arrays = [("x", Tensor::from_slice(&[2], &[1.0f32, 2.0]).unwrap()), (name, tensor)];
        scored_by(&signature, file(&arrays), &keeping(&["id"], 9), Format::Csv).unwrap_err().to_string()
    };
    let short = || texts(&["a"]);
    let told = refused("id", short(), RowRule::Independent);
    assert!(told.contains("array \"id\" has 1 rows, t.npz, array \"x\" has 2"), "{told}");
    let told = refused("id", short(), RowRule::None);
    assert!(told.contains("--keep: t.npz, array \"id\" has other rows than the table's 2"), "{told}");
    let complex = Tensor::from_slice(&[2], &[[1.0f32, 2.0], [0.0, 0.0]]).unwrap();
    let told = refused("id", complex, RowRule::Independent);
    assert!(told.contains("array \"id\" holds complex numbers, which no column has"), "{told}");
    let told = refused("ID", texts(&["a", "b"]), RowRule::Independent);
    assert_eq!(told, "--keep: the table has no column \"id\" (there are x, ID)");
}

#[test]
fn a_bad_row_of_arrays_has_their_names_whatever_they_are() {
    let name = "an array \"q\"";
    let signature = signature(vec![input(name, DType::I32, &[])], RowRule::Independent);
    let numbers = Tensor::from_slice(&[2], &[1i64, 1 << 40]).unwrap();
    let found = gather(file(&[(name, numbers)]), &signature, &ReadOptions::default()).unwrap();
    assert_eq!(found.bad[0].2, "{\"an array \\\"q\\\"\":1099511627776}");
}
