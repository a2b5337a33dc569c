//! Outputs as Arrow batches, into Parquet or Arrow IPC.

use super::write_failed;
use crate::format::Format;
use crate::layout::{Layout, OutputColumn};
use crate::number::cast;
use arrow_array::types::*;
use arrow_array::{
    Array, ArrayRef, ArrowPrimitiveType, BooleanArray, ListArray, PrimitiveArray, RecordBatch,
    RecordBatchOptions, StringArray,
};
use arrow_buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_ipc::writer::{FileWriter, StreamWriter};
use arrow_schema::{ArrowError, DataType, Field, Schema};
use landfall_model::{DType, Problem, Tensor};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use std::io::Write;
use std::sync::Arc;

/// Rows of a Parquet row group: small enough to be held, large enough to read fast.
const ROW_GROUP_ROWS: usize = 1 << 17;

/// The schema of the outputs, as declared or as chunks have shown them.
pub(crate) fn schema(layout: &Layout) -> Result<Arc<Schema>, Problem> {
    let field = |column: &OutputColumn| {
        let item = data_type(column.dtype, column.axes().len());
        let item = item.ok_or_else(|| no_complex(&format!("output {:?}", column.name)))?;
        Ok(Field::new(&column.name, item, true))
    };
    let kept = layout.kept.iter().map(|column| Ok(Field::new(&column.name, column.data_type(), true)));
    let fields: Result<Vec<Field>, Problem> = kept.chain(layout.columns.iter().map(field)).collect();
    Ok(Arc::new(Schema::new(fields?)))
}

/// What is kept and the outputs as one batch.
pub(crate) fn encode(
    layout: &Layout,
    kept: Vec<ArrayRef>,
    tensors: &[Tensor],
    rows: usize,
) -> Result<RecordBatch, Problem> {
    let mut arrays = kept;
    for (tensor, column) in tensors.iter().zip(&layout.columns) {
        let axes = column.fixed_axes(tensor)?;
        arrays.push(nested(flat(tensor, &format!("output {:?}", column.name))?, rows, &axes)?);
    }
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(schema(layout)?, arrays, &options).map_err(|e| write_failed(&e))
}

/// The type of a column of values, or of lists in lists so deep; `None` for complex numbers.
fn data_type(dtype: DType, depth: usize) -> Option<DataType> {
    let item = match dtype {
        DType::Bool => DataType::Boolean,
        DType::U8 => DataType::UInt8,
        DType::U16 => DataType::UInt16,
        DType::U32 => DataType::UInt32,
        DType::U64 => DataType::UInt64,
        DType::I8 => DataType::Int8,
        DType::I16 => DataType::Int16,
        DType::I32 => DataType::Int32,
        DType::I64 => DataType::Int64,
        DType::F16 => DataType::Float16,
        // Every bfloat16 is a float32.
        DType::BF16 | DType::F32 => DataType::Float32,
        DType::F64 => DataType::Float64,
        DType::String => DataType::Utf8,
        DType::Complex64 | DType::Complex128 => return None,
    };
    Some((0..depth).fold(item, |item, _| DataType::List(Arc::new(Field::new("item", item, true)))))
}

/// The type that [`column`] has for an array of this shape; `None` for complex numbers.
pub(crate) fn column_type(dtype: DType, shape: &[usize]) -> Option<DataType> {
    data_type(dtype, row_axes(shape).len())
}

/// An array's rows as a column: lists of its further axes, as outputs have them.
///
/// # Errors
/// Invalid argument, for texts that are no UTF-8; unimplemented, for complex numbers. `what` names the array.
pub(crate) fn column(what: &str, tensor: &Tensor) -> Result<ArrayRef, Problem> {
    let rows = tensor.shape().first().copied().unwrap_or(0);
    nested(flat(tensor, what)?, rows, row_axes(tensor.shape()))
}

/// The axes of one row: none where it is a single value.
fn row_axes(shape: &[usize]) -> &[usize] {
    match shape.get(1..) {
        None | Some([1]) => &[],
        Some(axes) => axes,
    }
}

#[cold]
fn no_complex(what: &str) -> Problem {
    Problem::unsupported(format!("{what}: complex numbers in this format"), "write NPY or NPZ")
}

/// All values in one array; `what` names the tensor.
fn flat(tensor: &Tensor, what: &str) -> Result<ArrayRef, Problem> {
    let nulls = tensor
        .missing()
        .map(|missing| NullBuffer::new(BooleanBuffer::collect_bool(tensor.len(), |i| !missing.get(i))));
    Ok(match tensor.dtype() {
        DType::Bool => {
            let bools = tensor.bools()?;
            Arc::new(BooleanArray::new(BooleanBuffer::collect_bool(bools.len(), |i| bools[i] != 0), nulls))
        }
        DType::U8 => plain::<UInt8Type>(tensor, nulls),
        DType::U16 => plain::<UInt16Type>(tensor, nulls),
        DType::U32 => plain::<UInt32Type>(tensor, nulls),
        DType::U64 => plain::<UInt64Type>(tensor, nulls),
        DType::I8 => plain::<Int8Type>(tensor, nulls),
        DType::I16 => plain::<Int16Type>(tensor, nulls),
        DType::I32 => plain::<Int32Type>(tensor, nulls),
        DType::I64 => plain::<Int64Type>(tensor, nulls),
        DType::F16 => plain::<Float16Type>(tensor, nulls),
        DType::BF16 => plain::<Float32Type>(&cast(tensor, DType::F32)?.tensor, nulls),
        DType::F32 => plain::<Float32Type>(tensor, nulls),
        DType::F64 => plain::<Float64Type>(tensor, nulls),
        DType::String => texts(tensor, what)?,
        DType::Complex64 | DType::Complex128 => return Err(no_complex(what)),
    })
}

fn plain<T: ArrowPrimitiveType>(tensor: &Tensor, nulls: Option<NullBuffer>) -> ArrayRef {
    let bytes = Buffer::from(tensor.bytes().unwrap_or_default());
    Arc::new(PrimitiveArray::<T>::new(ScalarBuffer::new(bytes, 0, tensor.len()), nulls))
}

fn texts(tensor: &Tensor, what: &str) -> Result<ArrayRef, Problem> {
    let mut texts: Vec<Option<&str>> = Vec::with_capacity(tensor.len());
    for (i, bytes) in tensor.strings()?.iter().enumerate() {
        let text = std::str::from_utf8(bytes).map_err(|_| {
            Problem::invalid(format!("{what} has bytes that are no UTF-8: write JSON Lines, CSV or NPZ"))
        })?;
        texts.push((!tensor.is_missing(i)).then_some(text));
    }
    Ok(Arc::new(StringArray::from(texts)))
}

/// Values as so many rows of these axes, each axis a list.
pub(super) fn nested(values: ArrayRef, rows: usize, axes: &[usize]) -> Result<ArrayRef, Problem> {
    (0..axes.len()).rev().try_fold(values, |values, axis| {
        lists(values, rows * axes[..axis].iter().product::<usize>(), axes[axis])
    })
}

/// So many lists of equal length.
fn lists(values: ArrayRef, count: usize, length: usize) -> Result<ArrayRef, Problem> {
    if i32::try_from(values.len()).is_err() {
        let what = "lists of more than 2^31 values of one call in this format";
        return Err(Problem::unsupported(what, "write NPY or NPZ"));
    }
    let field = Arc::new(Field::new("item", values.data_type().clone(), true));
    let offsets = OffsetBuffer::<i32>::from_lengths(std::iter::repeat_n(length, count));
    Ok(Arc::new(ListArray::try_new(field, offsets, values, None).map_err(|e| write_failed(&e))?))
}

/// A file being written: made with the first batch, since only that shows the columns.
pub(crate) struct ArrowSink {
    format: Format,
    sink: Option<Box<dyn Write + Send>>,
    writer: Option<Writer>,
}

enum Writer {
    Parquet(ArrowWriter<Box<dyn Write + Send>>),
    File(FileWriter<Box<dyn Write + Send>>),
    Stream(StreamWriter<Box<dyn Write + Send>>),
}

impl ArrowSink {
    pub(crate) fn new(format: Format, sink: Box<dyn Write + Send>) -> Self {
        ArrowSink { format, sink: Some(sink), writer: None }
    }

    pub(crate) fn append(&mut self, batch: &RecordBatch) -> Result<(), Problem> {
        self.open(&batch.schema())?;
        let written = match &mut self.writer {
            Some(Writer::Parquet(writer)) => writer.write(batch).map_err(ArrowError::from),
            Some(Writer::File(writer)) => writer.write(batch),
            Some(Writer::Stream(writer)) => writer.write(batch),
            None => return Err(Problem::internal("no writer")),
        };
        written.map_err(|e| write_failed(&e))
    }

    /// Ends the file. `schema` is for one without rows.
    pub(crate) fn finish(mut self, schema: &Arc<Schema>) -> Result<(), Problem> {
        self.open(schema)?;
        let mut sink = match self.writer {
            Some(Writer::Parquet(writer)) => writer.into_inner().map_err(ArrowError::from),
            Some(Writer::File(writer)) => writer.into_inner(),
            Some(Writer::Stream(writer)) => writer.into_inner(),
            None => return Err(Problem::internal("no writer")),
        }
        .map_err(|e| write_failed(&e))?;
        sink.flush().map_err(|e| Problem::io("write the output", &e))
    }

    fn open(&mut self, schema: &Arc<Schema>) -> Result<(), Problem> {
        let Some(sink) = self.sink.take() else { return Ok(()) };
        let writer = match self.format {
            Format::Parquet => {
                let properties = WriterProperties::builder()
                    .set_compression(Compression::ZSTD(ZstdLevel::default()))
                    .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
                    .build();
                ArrowWriter::try_new(sink, schema.clone(), Some(properties))
                    .map(Writer::Parquet)
                    .map_err(ArrowError::from)
            }
            Format::ArrowStream => StreamWriter::try_new(sink, schema).map(Writer::Stream),
            _ => FileWriter::try_new(sink, schema).map(Writer::File),
        };
        self.writer = Some(writer.map_err(|e| write_failed(&e))?);
        Ok(())
    }
}
