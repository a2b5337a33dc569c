//! Dates and times of Arrow and Parquet: text for inputs of text, refused for numbers.

use crate::house::{input, read, signature, with_null};
use arrow_array::{ArrayRef, Date32Array, RecordBatch, TimestampMicrosecondArray};
use landfall_model::{DType, NullRule, RowRule, Tensor};
use landfall_tables::Format;
use parquet::arrow::ArrowWriter;
use std::sync::Arc;

/// Columns `day` and `at`, the second one in this zone.
fn parquet(zone: Option<&str>) -> Vec<u8> {
    let days: ArrayRef = Arc::new(Date32Array::from(vec![Some(19_782), None, Some(0)]));
    let at = TimestampMicrosecondArray::from(vec![Some(1_709_251_198_000_000), Some(86_400_000_000), None]);
    let at: ArrayRef = Arc::new(at.with_timezone_opt(zone));
    let batch = RecordBatch::try_from_iter_with_nullable([("day", days, true), ("at", at, true)]).unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

fn texts(tensor: &Option<Tensor>) -> Vec<String> {
    let strings = tensor.as_ref().unwrap().strings().unwrap();
    strings.iter().map(|text| String::from_utf8_lossy(text).into_owned()).collect()
}

#[test]
fn dates_and_moments_fill_inputs_of_text_and_nulls_are_missing() {
    let inputs = ["day", "at"].map(|name| with_null(input(name, DType::String, &[]), NullRule::Accept));
    let signature = signature(inputs.to_vec(), RowRule::Independent);
    for zone in [None, Some("UTC")] {
        let found = read(Format::Parquet, &parquet(zone), &signature, 2).unwrap();
        assert_eq!(texts(&found.tensors[0]), ["2024-02-29", "", "1970-01-01"]);
        assert_eq!(texts(&found.tensors[1]), ["2024-02-29T23:59:58", "1970-01-02", ""]);
        let missing = |slot: usize, row| found.tensors[slot].as_ref().unwrap().is_missing(row);
        assert!(missing(0, 1) && missing(1, 2) && !missing(0, 0));
    }
    let problem =
        read(Format::Parquet, &parquet(Some("Europe/Berlin")), &signature, 2).unwrap_err().to_string();
    assert!(problem.contains("column \"at\"") && problem.contains("bring it to UTC"), "{problem}");
}

#[test]
fn a_date_is_no_number() {
    let signature = signature(vec![input("day", DType::F64, &[])], RowRule::Independent);
    let problem = read(Format::Parquet, &parquet(None), &signature, 2).unwrap_err().to_string();
    assert!(problem.contains("a column of type Date32 is not supported: cast it to numbers"), "{problem}");
}
