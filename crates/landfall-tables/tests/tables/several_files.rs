//! Several files read in step.

use crate::house::*;
use landfall_model::*;
use landfall_tables::*;
use std::io::Cursor;

#[test]
fn rows_of_several_files_are_joined_and_a_bad_row_drops_out_of_all() {
    let signature =
        signature(vec![input("x", DType::F32, &[]), input("n", DType::I64, &[])], RowRule::Independent);
    let csv = |text: &str| TableInput::stream("t.csv", None, Cursor::new(text.as_bytes().to_vec()));
    let mut seen = Vec::new();
    for chunk_rows in [1, 2, 1000] {
        let files =
            vec![csv("x\n1\nbad\n3\n4\n5\n").for_input("x"), csv("n\n10\n20\n30\nbad\n50\n").for_input("n")];
        let options = ReadOptions { chunk_rows, ..ReadOptions::default() };
        let all = gather(files, &signature, &options).unwrap();
        assert_eq!(all.rows, [1, 3, 5]);
        assert_eq!(all.tensors[0].as_ref().unwrap().values::<f32>().unwrap(), [1.0, 3.0, 5.0]);
        assert_eq!(all.tensors[1].as_ref().unwrap().values::<i64>().unwrap(), [10, 30, 50]);
        assert_eq!(all.bad.iter().map(|bad| bad.0).collect::<Vec<_>>(), [2, 4]);
        seen.push(all.bad);
    }
    assert!(seen.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn files_of_unequal_length_are_refused_after_the_rows_in_common() {
    let signature =
        signature(vec![input("x", DType::F32, &[]), input("n", DType::I64, &[])], RowRule::Independent);
    let csv = |text: &str| TableInput::stream("t.csv", None, Cursor::new(text.as_bytes().to_vec()));
    let files = vec![csv("x\n1\n2\n").for_input("x"), csv("n\n1\n").for_input("n")];
    let problem = gather(files, &signature, &ReadOptions::default()).unwrap_err();
    assert!(problem.to_string().contains("ends after 1 rows"), "{problem}");
    let unknown = vec![csv("x\n1\n").for_input("z")];
    assert!(gather(unknown, &signature, &ReadOptions::default()).is_err());
}

#[test]
fn an_input_that_two_files_hold_is_refused_by_name() {
    let signature =
        signature(vec![input("x", DType::F32, &[]), input("n", DType::I64, &[])], RowRule::Independent);
    let csv = |text: &str| TableInput::stream("t.csv", None, Cursor::new(text.as_bytes().to_vec()));
    let problem =
        gather(vec![csv("x,n\n1,2\n"), csv("x,n\n3,4\n")], &signature, &ReadOptions::default()).unwrap_err();
    assert!(problem.to_string().starts_with("input \"x\" is in two of the files: "), "{problem}");
}

#[test]
fn parquet_beside_an_array_goes_in_step() {
    let signature =
        signature(vec![input("fixed", DType::I32, &[2]), input("x", DType::F32, &[3])], RowRule::Independent);
    let files = || {
        vec![
            TableInput::file(fixture("types.parquet")).for_input("fixed"),
            TableInput::file(fixture("version1.npy")).for_input("x"),
        ]
    };
    let one = gather(files(), &signature, &ReadOptions { chunk_rows: 1, ..ReadOptions::default() }).unwrap();
    let all = gather(files(), &signature, &ReadOptions::default()).unwrap();
    assert_eq!(one.tensors, all.tensors);
    assert_eq!(all.tensors[0].as_ref().unwrap().values::<i32>().unwrap(), [1, 2, 3, 4, 5, 6, 7, 8]);
}
