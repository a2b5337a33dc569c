//! Bodies of fuzz targets: any bytes, read as each format, give rows or problems, never a panic.

use crate::{Format, ReadOptions, Source, TableInput, TableReader, TableWriter, WriteOptions};
use landfall_model::{
    Column, DType, Dim, InputSpec, Method, NullRule, OutputSpec, Outputs, RowRule, ShapeRule, Signature,
    Tensor,
};
use std::io::{Cursor, sink};
use std::sync::Arc;

/// CSV.
pub fn csv(bytes: &[u8]) {
    stream(Format::Csv, bytes);
}

/// JSON Lines.
pub fn json_lines(bytes: &[u8]) {
    stream(Format::JsonLines, bytes);
}

/// NPY.
pub fn npy(bytes: &[u8]) {
    stream(Format::Npy, bytes);
}

/// libsvm text.
pub fn libsvm(bytes: &[u8]) {
    stream(Format::Libsvm, bytes);
}

/// Arrow IPC, stream form.
pub fn arrow_stream(bytes: &[u8]) {
    stream(Format::ArrowStream, bytes);
}

/// NPZ, Parquet, or Arrow IPC in file form, in a file at `path`, which is written first.
pub fn file(format: Format, path: &std::path::Path, bytes: &[u8]) {
    if std::fs::write(path, bytes).is_err() {
        return;
    }
    read_all(|| {
        let source = Source::File(path.to_owned());
        TableInput { name: None, label: "fuzz".to_owned(), format: Some(format), source }
    });
}

fn stream(format: Format, bytes: &[u8]) {
    read_all(|| TableInput::stream("fuzz", Some(format), Cursor::new(bytes.to_vec())));
}

/// For each signature, with a column kept (and, of CSV, decimal commas) and with none.
fn read_all(input: impl Fn() -> TableInput) {
    for (signature, kept) in signatures().into_iter().zip(["b", "n", "s"]) {
        read(input(), signature.clone(), Vec::new());
        read(input(), signature, vec![kept.to_owned()]);
    }
}

fn read(input: TableInput, signature: Arc<Signature>, keep: Vec<String>) {
    let wanted = signature.default_outputs().clone();
    let decimal_comma = input.format == Some(Format::Csv) && !keep.is_empty();
    let missing = vec![b"NA".to_vec()];
    let options = ReadOptions { chunk_rows: 3, missing, decimal_comma, keep, eager: false };
    let Ok(reader) = TableReader::open(vec![input], signature.clone(), wanted.clone(), &options) else {
        return;
    };
    let options = WriteOptions { kept: reader.kept(), ..WriteOptions::default() };
    let writer = TableWriter::create(Format::JsonLines, Box::new(sink()), &signature, &wanted, &options);
    // A file of empty rows can announce any number of them.
    for _ in 0..1000 {
        let Ok(Some(raw)) = reader.next() else { break };
        let Ok(chunk) = reader.decode(&raw) else { continue };
        for piece in &chunk.pieces {
            let counted = piece.call.rows().is_none_or(|rows| rows == piece.rows.len());
            assert!(counted, "each row of a call has its number");
            let Ok(writer) = &writer else { continue };
            let mut outputs = Outputs::new();
            let answers = Tensor::from_slice(&[piece.rows.len()], &vec![0.5f32; piece.rows.len()]);
            outputs.set(0, answers.expect("as many values as the shape says"));
            // Bytes that are no values of their type may be refused; rows are not lost.
            let _ = writer.encoder().encode(&outputs, &piece.kept);
        }
    }
    let _ = reader.ignored();
}

/// One matrix of named columns; and inputs of several types, ranks and rules, of a model that takes rows in chunks and of one
/// that takes all at once.
fn signatures() -> [Arc<Signature>; 3] {
    let free = || Dim::Free(None);
    let mut matrix = InputSpec::new("features", DType::F32, Some(vec![free(), Dim::Known(2)]));
    matrix.columns = ["a", "b"].map(|name| Column { name: name.into(), doc: String::new() }).to_vec();
    matrix.null = NullRule::Nan;
    let mut mixed = vec![
        InputSpec::new("x", DType::F32, Some(vec![free(), free()])),
        InputSpec::new("n", DType::I64, Some(vec![free()])),
        InputSpec::new("s", DType::String, Some(vec![free(), Dim::Known(1)])),
        InputSpec::new("t", DType::Bool, None),
    ];
    mixed.iter_mut().skip(1).for_each(|spec| (spec.optional, spec.null) = (true, NullRule::Accept));
    let independent = RowRule::Independent;
    [(vec![matrix], independent.clone()), (mixed.clone(), independent), (mixed, RowRule::None)].map(
        |(inputs, rows)| {
            let outputs = vec![OutputSpec::new("y", DType::F32, None)];
            Signature::new("fuzz", Method::Predict, inputs, outputs, rows, ShapeRule::Checked)
                .expect("the names differ")
                .shared()
        },
    )
}
