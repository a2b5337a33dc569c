//! Sparse rows as arrays of an NPZ file: under an input's name, and as SciPy writes them (`tests/data/make.py`).

use crate::house::*;
use landfall_model::*;
use landfall_tables::*;
use std::io::Cursor;
use std::sync::Arc;

const COLUMNS: [&str; 4] = ["a", "b", "c", "d"];

/// The rows of `sparse.npz` as libsvm text.
const TEXT: &[u8] = b"0 0:1.5 3:-2\n0\n0 1:0 2:3.25\n0 0:nan\n0 1:7\n";

fn matrix_and(others: Vec<InputSpec>, columns: &[&str]) -> Arc<Signature> {
    let mut features = input("features", DType::F32, &[columns.len() as i64]);
    let column = |name: &&str| Column { name: (*name).into(), doc: String::new() };
    features.columns = columns.iter().map(column).collect();
    signature(std::iter::once(features).chain(others).collect(), RowRule::Independent)
}

fn matrix() -> Arc<Signature> {
    matrix_and(Vec::new(), &COLUMNS)
}

/// What a table comes to: each good row's number and its (column, value bits) in order of the columns, each other
/// input, and bad rows with the row as it lies there.
#[derive(Debug, PartialEq, Default)]
struct Rows {
    good: Vec<(u64, Vec<(i64, u32)>)>,
    others: Vec<f32>,
    bad: Vec<(String, String)>,
    ignored: Vec<String>,
}

fn rows(files: Vec<TableInput>, signature: &Arc<Signature>, chunk_rows: usize) -> Result<Rows, Problem> {
    let options = ReadOptions { chunk_rows, ..ReadOptions::default() };
    let reader = TableReader::open(files, signature.clone(), signature.default_outputs().clone(), &options)?;
    let mut found = Rows { ignored: reader.ignored(), ..Rows::default() };
    while let Some(raw) = reader.next()? {
        let chunk = reader.decode(&raw)?;
        for piece in &chunk.pieces {
            let Some(Input::Csr(csr)) = piece.call.input(0) else { panic!("no sparse matrix") };
            let (data, indices) = (csr.data.values::<f32>()?, csr.indices.values::<i64>()?);
            let indptr = csr.indptr.values::<i64>()?;
            assert_eq!(indptr.len(), piece.rows.len() + 1);
            assert_eq!(indptr[indptr.len() - 1] as usize, data.len());
            for (row, ends) in piece.rows.iter().zip(indptr.windows(2)) {
                let value = |i: usize| (indices[i], data[i].to_bits());
                let mut values: Vec<_> = (ends[0] as usize..ends[1] as usize).map(value).collect();
                values.sort_unstable();
                found.good.push((*row, values));
            }
            for other in piece.call.inputs()[1..].iter().flatten() {
                found.others.extend(other.dense().unwrap().values::<f32>()?);
            }
        }
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        found.bad.extend(chunk.bad.into_iter().map(|bad| (bad.problem.to_string(), text(bad.raw))));
    }
    Ok(found)
}

fn of_file(name: &str, chunk_rows: usize) -> Result<Rows, Problem> {
    rows(vec![TableInput::file(fixture(name))], &matrix(), chunk_rows)
}

fn of_text(chunk_rows: usize) -> Rows {
    let text = TableInput::stream("t.svm", None, Cursor::new(TEXT.to_vec()));
    rows(vec![text], &matrix(), chunk_rows).unwrap()
}

fn of_arrays(arrays: &[(&str, Tensor)], chunk_rows: usize) -> Result<Rows, Problem> {
    let file = TableInput::stream("t.npz", Some(Format::Npz), Cursor::new(npz(arrays)));
    rows(vec![file], &matrix(), chunk_rows)
}

fn flat<T: Element>(values: &[T]) -> Tensor {
    Tensor::from_slice(&[values.len()], values).unwrap()
}

fn parts(data: &[f32], indices: &[i64], indptr: &[i64]) -> [(&'static str, Tensor); 3] {
    [("features.data", flat(data)), ("features.indices", flat(indices)), ("features.indptr", flat(indptr))]
}

/// Arrays as SciPy names them.
fn scipy(layout: &str, shape: &[i64], data: Tensor) -> Vec<(&'static str, Tensor)> {
    let layout = [layout.as_bytes()].into_iter().collect();
    vec![
        ("indices", flat(&[0i32, 3])),
        ("indptr", flat(&[0i32, 1, 2])),
        ("format", Tensor::from_strings(Shape::new(&[]), layout).unwrap()),
        ("shape", flat(shape)),
        ("data", data),
    ]
}

#[test]
fn arrays_of_sparse_rows_are_the_rows_that_text_says() {
    for chunk_rows in [1, 2, 3, 1000] {
        for name in ["sparse.npz", "sparse_array.npz", "sparse_named.npz"] {
            assert_eq!(of_file(name, chunk_rows).unwrap(), of_text(chunk_rows), "{name}");
        }
    }
    assert_eq!(of_text(9).good[2], (3, vec![(1, 0f32.to_bits()), (2, 3.25f32.to_bits())]));
    let alone = TableInput::file(fixture("sparse.npz")).for_input("features");
    assert_eq!(rows(vec![alone], &matrix(), 2).unwrap(), of_text(2));
}

#[test]
fn arrays_that_bear_other_inputs_names_stand_beside_the_matrix() {
    let margin = InputSpec { optional: true, ..input("base_margin", DType::F32, &[]) };
    let signature = matrix_and(vec![margin], &COLUMNS);
    let expected = [0.0f32, 0.25, 0.5, 0.75, 1.0];
    for chunk_rows in [1, 2, 1000] {
        let beside = TableInput::file(fixture("sparse_beside.npz"));
        let found = rows(vec![beside], &signature, chunk_rows).unwrap();
        assert_eq!((found.good, found.others), (of_text(1).good, expected.to_vec()));
        assert_eq!(found.ignored, ["note"]);
        // A matrix and an array of two files, whose chunks do not end together.
        let margins = OutputSpec::new("base_margin", DType::F32, None);
        let margins = write(Format::JsonLines, vec![margins], &[vec![flat(&expected)]]).unwrap();
        let lines = TableInput::stream("m.jsonl", Some(Format::JsonLines), Cursor::new(margins));
        let files = vec![
            TableInput::file(fixture("sparse.npz")).for_input("features"),
            lines.for_input("base_margin"),
        ];
        let found = rows(files, &signature, chunk_rows).unwrap();
        assert_eq!((found.good, found.others), (of_text(1).good, expected.to_vec()));
    }
    let short = [&parts(&[1.0], &[0], &[0, 1, 1])[..], &[("base_margin", flat(&[1.0f32]))]].concat();
    let file = TableInput::stream("t.npz", Some(Format::Npz), Cursor::new(npz(&short)));
    let problem = rows(vec![file], &signature, 10).unwrap_err().to_string();
    assert!(problem.contains("the sparse matrix has 2 rows, the other arrays have 1"), "{problem}");
}

#[test]
fn other_layouts_and_shapes_are_refused_with_the_way_out() {
    for layout in ["csc", "coo", "bsr", "dia"] {
        let problem = of_file(&format!("sparse_{layout}.npz"), 10).unwrap_err();
        let text = problem.to_string();
        assert_eq!(problem.kind(), Kind::Unimplemented, "{text}");
        assert!(text.contains(layout) && text.contains("matrix.tocsr()"), "{text}");
    }
    let narrow = of_file("sparse_narrow.npz", 10).unwrap_err().to_string();
    assert!(narrow.contains("the matrix has 2 columns, the model takes 4"), "{narrow}");
    let values = || flat(&[1.0f64, 2.0]);
    assert_eq!(of_arrays(&scipy("csr", &[2, 4], values()), 10).unwrap().good.len(), 2);
    for (shape, why) in [
        (&[3, 4][..], "\"indptr\": 2 rows, but the array \"shape\" says 3"),
        (&[2, -4], "the matrix has -4 columns, the model takes 4"),
        (&[4], "\"shape\": expected the numbers of rows and columns"),
    ] {
        let problem = of_arrays(&scipy("csr", shape, values()), 10).unwrap_err().to_string();
        assert!(problem.contains(why), "{problem}");
    }
    let dense = signature(vec![input("x", DType::F32, &[4])], RowRule::Independent);
    let problem = rows(vec![TableInput::file(fixture("sparse.npz"))], &dense, 10).unwrap_err().to_string();
    assert!(problem.contains("without a matrix of named columns"), "{problem}");
}

#[test]
fn rows_with_wrong_columns_are_bad_rows_and_the_others_go_on() {
    let arrays = parts(
        &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0],
        &[3, 0, 4, 1, 1, -1, 0, 1, 2, 3, 0, 1, 2],
        &[0, 2, 3, 5, 5, 6, 12, 13],
    );
    let one = of_arrays(&arrays, 1).unwrap();
    for chunk_rows in [2, 3, 1000] {
        assert_eq!(of_arrays(&arrays, chunk_rows).unwrap(), one);
    }
    let bits = f32::to_bits;
    let good = [(1, vec![(0, bits(2.0)), (3, bits(1.0))]), (4, vec![]), (7, vec![(2, bits(13.0))])];
    assert_eq!(one.good, good);
    let at = "t.npz, array \"features.indices\": column";
    let beyond = "is beyond the model's 4 columns (columns count from 0)";
    let twice = "stands twice: matrix.sum_duplicates() adds such values up";
    let bad = [
        (format!("row 2: {at} 4 {beyond}"), r#"{"features.data":[3.0],"features.indices":[4]}"#),
        (format!("row 3: {at} 1 {twice}"), r#"{"features.data":[4.0,5.0],"features.indices":[1,1]}"#),
        (format!("row 5: {at} -1 {beyond}"), r#"{"features.data":[6.0],"features.indices":[-1]}"#),
        // Of a row of more values than there are columns, one more than those is held.
        (
            format!("row 6: {at} 0 {twice}"),
            r#"{"features.data":[7.0,8.0,9.0,10.0,11.0],"features.indices":[0,1,2,3,0]}"#,
        ),
    ];
    assert_eq!(one.bad, bad.map(|(why, raw)| (why, raw.to_owned())));
}

#[test]
fn arrays_that_do_not_hold_together_are_refused_by_name() {
    let cases = [
        (
            parts(&[1.0], &[0, 1], &[0, 1]),
            "\"features.indices\" has 2 values, t.npz, array \"features.data\" has 1",
        ),
        (parts(&[1.0], &[0], &[]), "\"features.indptr\" is empty"),
        (parts(&[1.0], &[0], &[1, 1]), "\"features.indptr\": the first row starts at 1, expected 0"),
        (
            parts(&[1.0, 2.0], &[0, 1], &[0, 2, 1]),
            "\"features.indptr\": row 2 ends at 1, before it starts, at 2",
        ),
        (parts(&[1.0], &[0], &[0, -1]), "row 1 ends at -1, before it starts, at 0"),
        (parts(&[1.0], &[0], &[0, 0, 5]), "row 2 ends at 5, but the array \"features.data\" has 1 values"),
        (
            parts(&[1.0, 2.0], &[0, 1], &[0, 1]),
            "the last row ends at 1, but the array \"features.data\" has 2",
        ),
        (parts(&[1.0], &[0], &[0]), "the last row ends at 0, but the array \"features.data\" has 1"),
    ];
    for (arrays, why) in cases {
        for chunk_rows in [1, 1000] {
            let problem = of_arrays(&arrays, chunk_rows).unwrap_err();
            assert_eq!(problem.kind(), Kind::InvalidArgument);
            assert!(problem.to_string().contains(why), "{problem}");
        }
    }
    let sound = parts(&[1.0], &[0], &[0, 1]);
    for (place, wrong, why) in [
        (0, Tensor::from_slice(&[1, 1], &[1.0f32]).unwrap(), "expected one axis, found shape [1,1]"),
        (1, flat(&[0.0f32]), "\"features.indices\": expected int32 or int64, found float32"),
        (2, flat(&[0u64, 1]), "\"features.indptr\": expected int32 or int64, found uint64"),
    ] {
        let mut arrays = sound.clone();
        arrays[place].1 = wrong;
        let problem = of_arrays(&arrays, 10).unwrap_err().to_string();
        assert!(problem.contains(why), "{problem}");
    }
    let mut text = sound.clone();
    text[0].1 = Tensor::from_strings(Shape::new(&[1]), [b"1"].into_iter().collect()).unwrap();
    assert!(matches!(of_arrays(&text, 10).unwrap_err().reason(), Reason::WrongDType { .. }));
    let missing = of_arrays(&sound[..2], 10).unwrap_err();
    assert!(
        matches!(missing.reason(), Reason::InputsMissing { missing, .. } if *missing == ["features.indptr"]),
        "{missing}"
    );
}

#[test]
fn numbers_of_any_type_become_the_inputs_and_no_rows_are_a_table() {
    for data in [flat(&[1i8, 2]), flat(&[1u64, 2]), flat(&[1.0f64, 2.0])] {
        let found = of_arrays(&scipy("csr", &[2, 4], data), 10).unwrap();
        assert_eq!(found.good[1].1, [(3, 2f32.to_bits())]);
    }
    assert_eq!(of_arrays(&parts(&[], &[], &[0]), 10).unwrap(), Rows::default());
}

#[test]
fn a_table_of_columns_named_as_scipys_arrays_stays_one() {
    let columns = ["data", "format", "shape"];
    let signature = matrix_and(Vec::new(), &columns);
    let arrays = columns.map(|name| (name, flat(&[1.0f32, 2.0])));
    let file = TableInput::stream("t.npz", Some(Format::Npz), Cursor::new(npz(&arrays)));
    let read = gather(vec![file], &signature, &ReadOptions::default()).unwrap();
    let values = read.tensors[0].as_ref().unwrap().values::<f32>().unwrap();
    assert_eq!(values, [1.0, 1.0, 1.0, 2.0, 2.0, 2.0]);
}

#[test]
fn whole_columns_are_not_read_from_sparse_rows() {
    let columns = matrix().inputs().to_vec();
    let problem = read_columns(TableInput::file(fixture("sparse_named.npz")), columns).unwrap_err();
    assert_eq!(problem.kind(), Kind::Unimplemented);
    assert!(problem.to_string().contains("input \"features\" as sparse rows"), "{problem}");
}
