//! Sizes that a file declares and does not have: no memory is taken for them, and no work is done.

use crate::house::{input, read, signature, with_null};
use arrow_array::{ArrayRef, Int64Array, NullArray, RecordBatch};
use arrow_ipc::CompressionType;
use arrow_ipc::writer::{FileWriter, IpcWriteOptions, StreamWriter};
use landfall_model::{DType, Kind, NullRule, RowRule, Signature};
use landfall_tables::Format;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, GzipLevel};
use parquet::file::properties::WriterProperties;
use std::sync::Arc;

/// A number in each row, which may be missing.
fn number(rows: RowRule) -> Arc<Signature> {
    signature(vec![with_null(input("n", DType::I64, &[]), NullRule::Accept)], rows)
}

fn batch(column: ArrayRef) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable([("n", column, true)]).unwrap()
}

fn stream(batch: &RecordBatch) -> Vec<u8> {
    let mut writer = StreamWriter::try_new(Vec::new(), &batch.schema()).unwrap();
    writer.write(batch).unwrap();
    writer.into_inner().unwrap()
}

fn file(batch: &RecordBatch) -> Vec<u8> {
    let mut writer = FileWriter::try_new(Vec::new(), &batch.schema()).unwrap();
    writer.write(batch).unwrap();
    writer.into_inner().unwrap()
}

/// The same bytes with one number of 64 bits for another, wherever it stands.
fn with_number(bytes: &[u8], number: i64, other: i64) -> Vec<u8> {
    let mut changed = bytes.to_vec();
    let mut places = 0;
    for place in 0..changed.len() - 8 {
        if changed[place..place + 8] == number.to_le_bytes() {
            changed[place..place + 8].copy_from_slice(&other.to_le_bytes());
            places += 1;
        }
    }
    assert!(places > 0, "{number} stands nowhere");
    changed
}

#[test]
fn rows_of_nulls_that_no_byte_stands_for_are_refused_and_not_made() {
    let bytes = stream(&batch(Arc::new(NullArray::new(1 << 40))));
    for rows in [RowRule::None, RowRule::Independent] {
        let problem = read(Format::ArrowStream, &bytes, &number(rows), 100).unwrap_err();
        assert!(problem.to_string().contains("1099511627776 rows without a value"), "{problem}");
    }
}

#[test]
fn a_batch_that_says_it_is_larger_than_what_is_there_is_cut_off_and_takes_no_memory() {
    // A body of 64 × 7 bytes: a number that stands for nothing else.
    let batch = batch(Arc::new(Int64Array::from_iter_values(0..56)));
    for (format, bytes) in [(Format::ArrowStream, stream(&batch)), (Format::ArrowFile, file(&batch))] {
        assert_eq!(read(format, &bytes, &number(RowRule::None), 100).unwrap().rows.len(), 56);
        for size in [1 << 46, i64::MAX, -448] {
            let problem =
                read(format, &with_number(&bytes, 448, size), &number(RowRule::None), 100).unwrap_err();
            assert_eq!(problem.kind(), Kind::InvalidArgument, "{size}: {problem}");
        }
    }
}

#[test]
fn a_packed_buffer_that_says_it_unpacks_to_more_than_it_can_is_refused_and_takes_no_memory() {
    let batch = batch(Arc::new(Int64Array::from_iter_values(0..56)));
    for packing in [CompressionType::LZ4_FRAME, CompressionType::ZSTD] {
        let options = || IpcWriteOptions::default().try_with_compression(Some(packing)).unwrap();
        let (schema, mut bytes) = (batch.schema(), [Vec::new(), Vec::new()]);
        let mut writer = StreamWriter::try_new_with_options(&mut bytes[0], &schema, options()).unwrap();
        writer.write(&batch).and_then(|()| writer.finish()).unwrap();
        drop(writer);
        let mut writer = FileWriter::try_new_with_options(&mut bytes[1], &schema, options()).unwrap();
        writer.write(&batch).and_then(|()| writer.finish()).unwrap();
        drop(writer);
        for (format, bytes) in [Format::ArrowStream, Format::ArrowFile].into_iter().zip(bytes) {
            assert_eq!(read(format, &bytes, &number(RowRule::None), 100).unwrap().rows.len(), 56);
            for size in [1 << 46, i64::MAX] {
                let bytes = with_number(&bytes, 448, size);
                let problem = read(format, &bytes, &number(RowRule::None), 100).unwrap_err();
                assert!(problem.to_string().contains("unpacks to more than it can"), "{problem}");
            }
        }
    }
}

#[test]
fn texts_of_no_length_count_as_many_as_their_rows_and_not_as_their_header_likes() {
    let npy = |shape: &str| {
        let text = format!("{{'descr': '|S0', 'fortran_order': False, 'shape': {shape}, }}\n");
        [b"\x93NUMPY\x01\x00", &(text.len() as u16).to_le_bytes()[..], text.as_bytes()].concat()
    };
    let texts = signature(vec![input("s", DType::String, &[])], RowRule::Independent);
    let found = read(Format::Npy, &npy("(5,)"), &texts, 2).unwrap();
    assert_eq!(found.rows, [1, 2, 3, 4, 5]);
    let texts = signature(vec![input("s", DType::String, &[-1])], RowRule::Independent);
    let problem = read(Format::Npy, &npy("(3, 1125899906842624)"), &texts, 2).unwrap_err();
    assert!(problem.to_string().contains("3 rows without a value"), "{problem}");
}

#[test]
fn a_parquet_page_that_says_it_unpacks_to_more_than_it_can_is_refused_and_takes_no_memory() {
    let batch = batch(Arc::new(Int64Array::from_iter_values(0..1000)));
    for packing in [Compression::SNAPPY, Compression::LZ4_RAW, Compression::GZIP(GzipLevel::default())] {
        let properties =
            WriterProperties::builder().set_compression(packing).set_dictionary_enabled(false).build();
        let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties)).unwrap();
        writer.write(&batch).unwrap();
        let bytes = writer.into_inner().unwrap();
        assert_eq!(read(Format::Parquet, &bytes, &number(RowRule::None), 100).unwrap().rows.len(), 1000);
        // The first page's header: its kind, then its size, in two or three bytes of seven bits.
        assert_eq!(bytes[4..7], [0x15, 0, 0x15], "{packing}");
        let length = 1 + bytes[7..].iter().take_while(|byte| **byte > 127).count();
        let mut huge = bytes.clone();
        huge.splice(7..7 + length, [0xfe, 0xff, 0xff, 0xff, 0x0f]);
        let problem = read(Format::Parquet, &huge, &number(RowRule::None), 100).unwrap_err();
        assert!(
            problem.to_string().contains("says that it unpacks to 2147483647 bytes"),
            "{packing}: {problem}"
        );
    }
}
