//! Outputs into a file: encoded by whoever has time, appended in order by one writer.

use crate::arrow::{self, ArrowSink};
use crate::csv;
use crate::format::Format;
use crate::json::JsonNan;
use crate::json_lines;
use crate::kept::{Kept, KeptColumn};
use crate::kept_cells;
use crate::layout::Layout;
use crate::npy::{ArraySpool, write_npy, write_npz};
use arrow_array::RecordBatch;
use landfall_model::{Outputs, Problem, Shape, Signature, Tensor, Wanted, stack};
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

/// How outputs are written.
#[derive(Clone, Debug)]
pub struct WriteOptions {
    /// How NaN and infinities are written in JSON.
    pub json_nan: JsonNan,
    /// Where NPY and NPZ keep arrays until their end is known: best the folder of the output.
    pub scratch: PathBuf,
    /// Flush after each append, for a reader that waits.
    pub eager: bool,
    /// Columns that stand before the outputs, as the reader has them.
    pub kept: Vec<KeptColumn>,
}

impl Default for WriteOptions {
    fn default() -> Self {
        WriteOptions {
            json_nan: JsonNan::Bare,
            scratch: std::env::temp_dir(),
            eager: false,
            kept: Vec::new(),
        }
    }
}

/// Encodes outputs; shared by worker threads.
#[derive(Clone)]
pub struct TableEncoder(Arc<Encoder>);

struct Encoder {
    format: Format,
    layout: Layout,
    json_nan: JsonNan,
}

/// The answers of one call, encoded.
pub struct Encoded(Form);

enum Form {
    Text(Vec<u8>),
    Batch(RecordBatch),
    Arrays(Vec<Tensor>),
}

/// A table being written.
pub struct TableWriter {
    encoder: TableEncoder,
    sink: Sink,
    eager: bool,
}

enum Sink {
    /// Whether the header is still to be written, and where to.
    Text {
        out: Box<dyn Write + Send>,
        header: bool,
    },
    Arrow(Box<ArrowSink>),
    Arrays {
        out: Box<dyn Write + Send>,
        arrays: Vec<(ArraySpool, Vec<usize>)>,
    },
}

impl TableWriter {
    /// Starts a table of the outputs `wanted`, in the model's order.
    ///
    /// # Errors
    /// Invalid argument, for libsvm, for NPY with more or less than one output, and for kept columns that are named as an
    /// output or cannot stand in the format.
    pub fn create(
        format: Format,
        out: Box<dyn Write + Send>,
        signature: &Signature,
        wanted: &Wanted,
        options: &WriteOptions,
    ) -> Result<Self, Problem> {
        let layout = Layout::of(signature, wanted, &options.kept)?;
        layout.kept.iter().try_for_each(|column| kept_cells::check(column, format))?;
        let sink = match format {
            Format::Libsvm => {
                return Err(Problem::unsupported(
                    "libsvm text as output",
                    "write CSV, JSON Lines, Parquet or NPZ",
                ));
            }
            Format::Npy if layout.columns.len() != 1 => {
                return Err(Problem::invalid(format!(
                    "NPY holds one array, the model gives {}: name one with --output, or write NPZ",
                    layout.columns.len()
                )));
            }
            Format::Csv | Format::JsonLines => Sink::Text { out, header: format == Format::Csv },
            Format::Parquet | Format::ArrowFile | Format::ArrowStream => {
                arrow::schema(&layout)?;
                Sink::Arrow(Box::new(ArrowSink::new(format, out)))
            }
            Format::Npy | Format::Npz => {
                let spool =
                    |name: &str, dtype, axes| Ok((ArraySpool::new(name, dtype, &options.scratch)?, axes));
                let kept = layout
                    .kept
                    .iter()
                    .map(|column| spool(&column.name, kept_cells::dtype(column)?, Vec::new()));
                let outputs = layout
                    .columns
                    .iter()
                    .map(|column| spool(&column.name, column.dtype, column.declared_axes()));
                Sink::Arrays { out, arrays: kept.chain(outputs).collect::<Result<_, Problem>>()? }
            }
        };
        let encoder = TableEncoder(Arc::new(Encoder { format, layout, json_nan: options.json_nan }));
        Ok(TableWriter { encoder, sink, eager: options.eager })
    }

    /// What turns outputs into bytes, for worker threads.
    pub fn encoder(&self) -> TableEncoder {
        self.encoder.clone()
    }

    /// Appends answers. The caller keeps the order.
    ///
    /// # Errors
    /// When the file cannot be written to, or the answers cannot follow those before.
    pub fn append(&mut self, encoded: &Encoded) -> Result<(), Problem> {
        let failed = |e: &std::io::Error| Problem::io("write the output", e);
        match (&mut self.sink, &encoded.0) {
            (Sink::Text { out, header }, Form::Text(text)) => {
                if std::mem::take(header) {
                    out.write_all(&csv::header(&self.encoder.0.layout)).map_err(|e| failed(&e))?;
                }
                out.write_all(text).map_err(|e| failed(&e))?;
                if self.eager { out.flush().map_err(|e| failed(&e)) } else { Ok(()) }
            }
            (Sink::Arrow(sink), Form::Batch(batch)) => sink.append(batch),
            (Sink::Arrays { arrays, .. }, Form::Arrays(tensors)) => {
                arrays.iter_mut().zip(tensors).try_for_each(|((array, _), tensor)| array.append(tensor))
            }
            _ => Err(Problem::internal("answers encoded for another format")),
        }
    }

    /// Ends the table.
    ///
    /// # Errors
    /// When the file cannot be written to.
    pub fn finish(self) -> Result<(), Problem> {
        let layout = &self.encoder.0.layout;
        let failed = |e: &std::io::Error| Problem::io("write the output", e);
        match self.sink {
            Sink::Text { mut out, header } => {
                if header {
                    out.write_all(&csv::header(layout)).map_err(|e| failed(&e))?;
                }
                out.flush().map_err(|e| failed(&e))
            }
            Sink::Arrow(sink) => sink.finish(&arrow::schema(layout)?),
            Sink::Arrays { mut out, mut arrays } => match (self.encoder.0.format, arrays.as_mut_slice()) {
                (Format::Npy, [(array, declared)]) => write_npy(array, declared, &mut *out),
                (_, arrays) => write_npz(arrays, &mut *out),
            },
        }
    }
}

impl TableEncoder {
    /// The answers of one call beside what is kept of its rows, ready to be appended. Rows that are marked failed are left
    /// out: whoever runs the model has told of them.
    ///
    /// # Errors
    /// When an output is lacking, cannot stand in the format beside those of earlier chunks, or has other rows than what is
    /// kept.
    pub fn encode(&self, outputs: &Outputs, kept: &Kept) -> Result<Encoded, Problem> {
        let Encoder { format, layout, json_nan } = &*self.0;
        let mut tensors = Vec::with_capacity(layout.columns.len());
        for column in &layout.columns {
            let tensor = outputs.get(column.place);
            let tensor = tensor
                .ok_or_else(|| Problem::internal(format!("output {:?} was not computed", column.name)))?;
            tensors.push(without_failed(tensor, outputs)?);
        }
        let kept = kept_cells::beside(layout, kept, outputs, &tensors)?;
        if matches!(format, Format::Npy | Format::Npz) {
            let mut arrays = kept_cells::tensors(layout, &kept)?;
            arrays.append(&mut tensors);
            return Ok(Encoded(Form::Arrays(arrays)));
        }
        let (tensors, rows) = with_common_rows(tensors, layout)?;
        let cells = || kept_cells::worded(layout, &kept);
        Ok(Encoded(match format {
            Format::Csv => Form::Text(csv::encode(layout, &cells()?, &tensors, rows)?),
            Format::JsonLines => {
                Form::Text(json_lines::encode(layout, &cells()?, &tensors, rows, *json_nan)?)
            }
            _ => Form::Batch(arrow::encode(layout, kept_cells::arrays(layout, kept)?, &tensors, rows)?),
        }))
    }
}

fn without_failed(tensor: &Tensor, outputs: &Outputs) -> Result<Tensor, Problem> {
    if outputs.failed().is_empty() || tensor.shape().is_empty() {
        return Ok(tensor.clone());
    }
    let failed = |row: usize| outputs.failed().iter().any(|(failed, _)| *failed == row);
    let good: Vec<usize> = (0..tensor.shape()[0]).filter(|&row| !failed(row)).collect();
    let runs: Vec<Tensor> =
        good.chunk_by(|a, b| a + 1 == *b).map(|run| tensor.rows(run[0]..run[0] + run.len())).collect();
    if runs.is_empty() {
        return Ok(tensor.rows(0..0));
    }
    stack(&runs.iter().collect::<Vec<_>>())
}

/// A table's columns are of one length. An output without axes is one row.
fn with_common_rows(tensors: Vec<Tensor>, layout: &Layout) -> Result<(Vec<Tensor>, usize), Problem> {
    let mut common: Option<(usize, &str)> = None;
    let mut aligned = Vec::with_capacity(tensors.len());
    for (tensor, column) in tensors.into_iter().zip(&layout.columns) {
        let tensor = if tensor.shape().is_empty() { tensor.reshaped(Shape::new(&[1]))? } else { tensor };
        let rows = tensor.shape()[0];
        match common {
            Some((expected, first)) if expected != rows => {
                return Err(Problem::invalid(format!(
                    "output {:?} has {rows} rows, output {first:?} has {expected}: they make no table; write NPZ",
                    column.name
                )));
            }
            _ => common = Some((rows, &column.name)),
        }
        aligned.push(tensor);
    }
    Ok((aligned, common.map_or(0, |(rows, _)| rows)))
}

impl Encoded {
    /// About how many bytes it holds, for a bound on what waits to be written.
    pub fn bytes(&self) -> usize {
        match &self.0 {
            Form::Text(text) => text.len(),
            Form::Batch(batch) => batch.get_array_memory_size(),
            Form::Arrays(tensors) => tensors.iter().map(Tensor::bytes_total).sum(),
        }
    }
}

impl std::fmt::Debug for Encoded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Encoded({} bytes)", self.bytes())
    }
}

impl std::fmt::Debug for TableEncoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TableEncoder({})", self.0.format.name())
    }
}

impl std::fmt::Debug for TableWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TableWriter({})", self.encoder.0.format.name())
    }
}
