//! Several threads take chunks of one table at once: every row still holds its own values.

use crate::house::*;
use landfall_model::*;
use landfall_tables::*;

const ROWS: usize = 400_000;
const COLUMNS: usize = 4;

/// Values that no two places have in common, so that nothing is taken for something else.
fn value(row: usize, column: usize) -> i64 {
    ((row * COLUMNS + column) as i64).wrapping_mul(0x9E37_79B9_7F4A_7C15_u64 as i64)
}

#[test]
fn columns_of_parquet_that_threads_read_side_by_side_are_not_mixed_up() {
    let names: Vec<String> = (0..COLUMNS).map(|column| format!("c{column}")).collect();
    let specs =
        names.iter().map(|name| OutputSpec::new(name, DType::I64, Some(vec![Dim::Free(None)]))).collect();
    let chunks: Vec<Vec<Tensor>> = (0..ROWS)
        .step_by(10_000)
        .map(|start| {
            let column =
                |column| -> Vec<i64> { (start..start + 10_000).map(|row| value(row, column)).collect() };
            (0..COLUMNS).map(|c| Tensor::from_slice(&[10_000], &column(c)).unwrap()).collect()
        })
        .collect();
    let bytes = write(Format::Parquet, specs, &chunks).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table.parquet");
    std::fs::write(&path, bytes).unwrap();
    let inputs = names.iter().map(|name| input(name, DType::I64, &[])).collect();
    let signature = signature(inputs, RowRule::Independent);
    let wanted = signature.default_outputs().clone();
    let options = ReadOptions { chunk_rows: 512, ..ReadOptions::default() };
    for _ in 0..3 {
        let reader =
            TableReader::open(vec![TableInput::file(&path)], signature.clone(), wanted.clone(), &options)
                .unwrap();
        let seen: usize = std::thread::scope(|scope| {
            let work = || {
                let mut seen = 0;
                while let Some(raw) = reader.next().unwrap() {
                    for piece in reader.decode(&raw).unwrap().pieces {
                        for column in 0..COLUMNS {
                            let tensor = piece.call.input(column).and_then(Input::dense).unwrap();
                            for (place, &row) in piece.rows.iter().enumerate() {
                                let expected = value(row as usize - 1, column);
                                assert_eq!(
                                    tensor.scalar(place),
                                    Scalar::Int(expected),
                                    "row {row}, c{column}"
                                );
                            }
                        }
                        seen += piece.rows.len();
                    }
                }
                seen
            };
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(work)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(seen, ROWS);
    }
}
