//! Sparse rows as text.

use crate::house::*;
use landfall_model::*;
use landfall_tables::*;

#[test]
fn sparse_rows_become_a_matrix_in_compressed_rows() {
    let mut features = input("features", DType::F32, &[4]);
    features.columns =
        ["a", "b", "c", "d"].map(|name| Column { name: name.into(), doc: String::new() }).to_vec();
    let signature = signature(vec![features], RowRule::Independent);
    let text = b"1 0:1.5 3:2 # note\n# only a note\n0 qid:7\n-1 2:-inf\n1 9:1\n1 2:1 1:1\n1 a:1\n";
    let input = TableInput::stream("t.svm", None, std::io::Cursor::new(text.to_vec()));
    let wanted = signature.default_outputs().clone();
    let reader = TableReader::open(vec![input], signature, wanted, &ReadOptions::default()).unwrap();
    let raw = reader.next().unwrap().unwrap();
    let chunk = reader.decode(&raw).unwrap();
    let Some(Input::Csr(csr)) = chunk.pieces[0].call.input(0) else { panic!("no sparse matrix") };
    assert_eq!(csr.data.values::<f32>().unwrap(), [1.5, 2.0, f32::NEG_INFINITY]);
    assert_eq!(csr.indices.values::<i64>().unwrap(), [0, 3, 2]);
    assert_eq!(csr.indptr.values::<i64>().unwrap(), [0, 2, 2, 3]);
    let bad: Vec<String> = chunk.bad.iter().map(|bad| bad.problem.to_string()).collect();
    assert_eq!(bad.len(), 3, "{bad:?}");
    assert!(bad[0].contains("index 9 is beyond the model's 4 columns"), "{bad:?}");
}

#[test]
fn a_model_without_named_columns_refuses_sparse_rows() {
    let signature = signature(vec![input("x", DType::F32, &[4])], RowRule::Independent);
    assert!(read(Format::Libsvm, b"1 0:1\n", &signature, 10).is_err());
}
