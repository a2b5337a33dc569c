//! Small Parquet files that the signatures of the fuzz bodies take, in the encodings, packings and types that Parquet has.

use arrow_array::builder::{FixedSizeListBuilder, Float32Builder, ListBuilder};
use arrow_array::types::Int32Type;
use arrow_array::{
    ArrayRef, BooleanArray, Decimal128Array, DictionaryArray, Float32Array, Float64Array, Int64Array,
    RecordBatch, StringArray, StructArray, TimestampMillisecondArray,
};
use arrow_schema::{DataType, Field};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding};
use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder, WriterVersion};
use std::sync::Arc;

/// Each file, with a name.
pub(crate) fn parquet_seeds() -> Vec<(&'static str, Vec<u8>)> {
    let plain = || WriterProperties::builder().set_dictionary_enabled(false);
    let pages = |version| {
        WriterProperties::builder()
            .set_writer_version(version)
            .set_data_page_row_count_limit(2)
            .set_write_batch_size(1)
            .set_max_row_group_row_count(Some(3))
    };
    let packed = |compression| WriterProperties::builder().set_compression(compression);
    vec![
        ("plain", written(flat(), plain())),
        ("dictionary", written(flat(), WriterProperties::builder())),
        ("delta", written(flat(), delta(plain()))),
        ("pages_of_version_1", written(lists(), pages(WriterVersion::PARQUET_1_0))),
        ("pages_of_version_2", written(lists(), pages(WriterVersion::PARQUET_2_0))),
        ("snappy", written(lists(), packed(Compression::SNAPPY))),
        ("zstd", written(flat(), packed(Compression::ZSTD(Default::default())))),
        ("lz4", written(flat(), packed(Compression::LZ4_RAW))),
        ("gzip", written(flat(), packed(Compression::GZIP(Default::default())))),
        ("other_types", written(other_types(), plain())),
        ("no_rows", written(lists().into_iter().map(|(n, a)| (n, a.slice(0, 0))).collect(), plain())),
    ]
}

type Columns = Vec<(&'static str, ArrayRef)>;

/// Numbers, texts and truth values; all inputs but `x` may be missing.
fn flat() -> Columns {
    vec![
        ("a", Arc::new(Float32Array::from(vec![Some(1.5), None, Some(-0.0), Some(f32::NAN), Some(2.0)]))),
        ("b", Arc::new(Float64Array::from(vec![0.5, 1e300, -1.0, f64::INFINITY, 0.25]))),
        ("x", Arc::new(Float32Array::from(vec![1.0, 2.0, 3.0, 4.0, 5.0]))),
        ("n", Arc::new(Int64Array::from(vec![Some(1), None, Some(i64::MIN), Some(i64::MAX), Some(-7)]))),
        ("s", Arc::new(StringArray::from(vec![Some("a"), Some(""), None, Some("aé"), Some("aéb")]))),
        ("t", Arc::new(BooleanArray::from(vec![Some(true), Some(false), None, Some(true), Some(true)]))),
    ]
}

/// The same with lists of unequal lengths, and with columns that nobody takes: lists in lists, structures.
fn lists() -> Columns {
    let mut ragged = ListBuilder::new(Float32Builder::new());
    let mut nested = ListBuilder::new(FixedSizeListBuilder::new(Float32Builder::new(), 2));
    for row in 0..5u16 {
        (0..row % 3).for_each(|i| ragged.values().append_value(f32::from(i)));
        ragged.append(true);
        for i in 0..row % 2 {
            nested.values().values().append_slice(&[f32::from(i), 1.0]);
            nested.values().append(true);
        }
        nested.append(row != 2);
    }
    let field = Arc::new(Field::new("of", DataType::Float32, true));
    let inner: ArrayRef = Arc::new(Float32Array::from(vec![Some(1.0), None, Some(3.0), None, Some(5.0)]));
    let mut columns = flat();
    columns[2].1 = Arc::new(ragged.finish());
    columns.push(("nested", Arc::new(nested.finish())));
    columns.push(("structure", Arc::new(StructArray::from(vec![(field, inner)]))));
    columns
}

/// Lists of one length, dictionaries, decimals and moments, where other types may stand.
fn other_types() -> Columns {
    let mut pairs = FixedSizeListBuilder::new(Float32Builder::new(), 2);
    for row in 0..5u16 {
        pairs.values().append_slice(&[f32::from(row), 0.5]);
        pairs.append(true);
    }
    let texts: DictionaryArray<Int32Type> =
        vec![Some("a"), None, Some("b"), Some("a"), Some("b")].into_iter().collect();
    let decimals = Decimal128Array::from(vec![Some(150), None, Some(-5), Some(0), Some(1)]);
    let moments = TimestampMillisecondArray::from(vec![Some(0), Some(1), None, Some(-1), Some(1 << 40)]);
    let mut columns = flat();
    columns[0].1 = Arc::new(decimals.with_precision_and_scale(5, 2).unwrap());
    columns[2].1 = Arc::new(pairs.finish());
    columns[3].1 = Arc::new(moments);
    columns[4].1 = Arc::new(texts);
    columns
}

/// Each type in the encoding that is made for it.
fn delta(builder: WriterPropertiesBuilder) -> WriterPropertiesBuilder {
    [
        ("a", Encoding::BYTE_STREAM_SPLIT),
        ("b", Encoding::BYTE_STREAM_SPLIT),
        ("n", Encoding::DELTA_BINARY_PACKED),
        ("s", Encoding::DELTA_BYTE_ARRAY),
        ("t", Encoding::RLE),
    ]
    .into_iter()
    .fold(builder, |builder, (column, encoding)| builder.set_column_encoding(column.into(), encoding))
}

fn written(columns: Columns, properties: WriterPropertiesBuilder) -> Vec<u8> {
    let batch = RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, array)| (name, array, true)),
    )
    .unwrap();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties.build())).unwrap();
    writer.write(&batch).unwrap();
    writer.into_inner().unwrap()
}
