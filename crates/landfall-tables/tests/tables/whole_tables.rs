//! Tables that go in one call, and tables as named tensors.

use crate::house::*;
use landfall_model::*;
use landfall_tables::*;
use std::io::Cursor;

#[test]
fn a_model_that_is_never_split_gets_all_rows_at_once() {
    let signature = signature(vec![input("x", DType::F32, &[])], RowRule::None);
    let many: String = (0..3000).map(|i| format!("{i}\n")).collect();
    for text in [format!("x\n{many}"), many] {
        let files = vec![TableInput::stream("t.csv", None, Cursor::new(text.into_bytes()))];
        let wanted = signature.default_outputs().clone();
        let options = ReadOptions { chunk_rows: 10, eager: true, ..ReadOptions::default() };
        let reader = TableReader::open(files, signature.clone(), wanted, &options).unwrap();
        let chunk = reader.decode(&reader.next().unwrap().unwrap()).unwrap();
        assert_eq!(chunk.pieces[0].rows.len(), 3000);
        assert!(reader.next().unwrap().is_none());
    }
    for file in ["types.arrow", "types.parquet", "types.arrows"] {
        let signature = self::signature(vec![input("fixed", DType::I64, &[2])], RowRule::None);
        let wanted = signature.default_outputs().clone();
        let files = vec![TableInput::file(fixture(file))];
        let options = ReadOptions { chunk_rows: 1, ..ReadOptions::default() };
        let reader = TableReader::open(files, signature, wanted, &options).unwrap();
        let chunk = reader.decode(&reader.next().unwrap().unwrap()).unwrap();
        assert_eq!(chunk.pieces.len(), 1, "{file}");
        assert_eq!(chunk.pieces[0].rows, [1, 2, 3, 4], "{file}");
        assert!(reader.next().unwrap().is_none(), "{file}");
    }
}

fn specs() -> Vec<InputSpec> {
    vec![
        InputSpec::new("one", DType::F32, Some(vec![])),
        InputSpec::new("pair", DType::I64, Some(vec![Dim::Known(2)])),
        InputSpec::new("grid", DType::F32, None),
    ]
}

#[test]
fn arrays_of_a_model_without_rows_need_no_rows_in_common() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("in.npz");
    let tensors = vec![
        Tensor::from_slice(&[], &[2.5f32]).unwrap(),
        Tensor::from_slice(&[2], &[1i64, 2]).unwrap(),
        Tensor::from_slice(&[3, 1], &[1.0f32, 2.0, 3.0]).unwrap(),
    ];
    let outputs: Vec<OutputSpec> =
        specs().into_iter().map(|spec| OutputSpec::new(spec.name, spec.dtype, spec.dims)).collect();
    std::fs::write(&path, write(Format::Npz, outputs, std::slice::from_ref(&tensors)).unwrap()).unwrap();
    let signature = signature(specs(), RowRule::None);
    let all = gather(vec![TableInput::file(&path)], &signature, &ReadOptions::default()).unwrap();
    assert_eq!(all.tensors, tensors.iter().cloned().map(Some).collect::<Vec<_>>());
    let columns = read_columns(TableInput::file(&path), specs()).unwrap();
    assert_eq!(columns, tensors.into_iter().map(Some).collect::<Vec<_>>());
}

#[test]
fn a_model_without_inputs_is_called_once() {
    let signature = signature(Vec::new(), RowRule::None);
    let wanted = signature.default_outputs().clone();
    let files = vec![TableInput::file("/dev/null")];
    let reader = TableReader::open(files, signature, wanted, &ReadOptions::default()).unwrap();
    let chunk = reader.decode(&reader.next().unwrap().unwrap()).unwrap();
    assert_eq!(chunk.pieces.len(), 1);
    assert!(reader.next().unwrap().is_none());
}

#[test]
fn golden_rows_hold_inputs_and_outputs_under_their_names() {
    let mut output = OutputSpec::new("p", DType::F32, Some(vec![Dim::Free(None), Dim::Known(2)]));
    output.class_names = Some(vec!["no".into(), "yes".into()]);
    let csv = b"x,p[no],p[yes],row\n1,0.25,0.75,a\n2,0.5,,b\n";
    let file = || TableInput::stream("golden.csv", None, Cursor::new(csv.to_vec()));
    let columns = vec![input("x", DType::F64, &[]), column_of_output(&output), {
        column_of_output(&OutputSpec::new("absent", DType::F32, None))
    }];
    let read = read_columns(file(), columns).unwrap();
    assert_eq!(read[0].as_ref().unwrap().values::<f64>().unwrap(), [1.0, 2.0]);
    let p = read[1].as_ref().unwrap();
    assert_eq!(
        (p.shape().to_vec(), p.values::<f32>().unwrap()[..3].to_vec()),
        (vec![2, 2], vec![0.25, 0.75, 0.5])
    );
    assert!(p.is_missing(3));
    assert!(read[2].is_none());
    let broken = read_columns(file(), vec![input("row", DType::F64, &[])]).unwrap_err();
    assert!(broken.to_string().starts_with("row 1: column \"row\""), "{broken}");
}
