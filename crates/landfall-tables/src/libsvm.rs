//! Sparse rows as text: `label index:value …`, as libsvm, XGBoost and LightGBM write them.
//!
//! The label, `qid:N` and what follows `#` are passed over. Indices count from 0, as XGBoost and LightGBM read them.

use crate::opened::{Decoded, Decoder, Opened, Part, Raw, Wants, text_row};
use crate::options::ReadOptions;
use crate::text_rows::{Lines, RecordReader};
use crate::{cell, row_dims::RowDims};
use landfall_model::{Csr, DType, Input, Problem, Shape, Signature, Slot, TensorMut};
use std::io::Read;
use std::sync::Arc;

/// Opens sparse rows, for the one matrix of named columns that the model takes.
pub(crate) fn open(
    name: &str,
    stream: Box<dyn Read + Send>,
    wants: &Wants,
    options: &ReadOptions,
) -> Result<Opened, Problem> {
    let (slot, width) = sparse_input(name, wants)?;
    let decoder = SparseDecoder { signature: wants.signature.clone(), slot, width };
    let lines = RecordReader::new(name, stream, Lines, options.eager);
    Ok(Opened::new(lines, decoder, Vec::new()))
}

/// The input that sparse rows fill, and its number of columns: the one matrix of named columns that the model takes.
///
/// # Errors
/// Unsupported, when the model takes none, or one of no floats.
pub(crate) fn sparse_input(name: &str, wants: &Wants) -> Result<(Slot, usize), Problem> {
    let slot = wants.only.or_else(|| wants.signature.only_required_input());
    let matrix = slot.filter(|&slot| !wants.signature.inputs()[slot].columns.is_empty());
    let slot = matrix.ok_or_else(|| {
        Problem::unsupported(
            format!("{name}: sparse rows for a model without a matrix of named columns"),
            "give the rows as CSV, Parquet or NPY",
        )
    })?;
    let spec = &wants.signature.inputs()[slot];
    if !spec.dtype.is_float() {
        return Err(Problem::unsupported(format!("{name}: sparse rows of {}", spec.dtype), ""));
    }
    let dims = RowDims::of(spec, wants.signature.shapes());
    Ok((slot, dims.elements().unwrap_or(spec.columns.len())))
}

struct SparseDecoder {
    signature: Arc<Signature>,
    slot: Slot,
    width: usize,
}

impl Decoder for SparseDecoder {
    fn decode(&self, raw: &Raw) -> Result<Decoded, Problem> {
        let Raw::Text(text) = raw else { return Err(Problem::internal("sparse rows are text")) };
        let mut matrix = Matrix {
            data: TensorMut::new(self.signature.inputs()[self.slot].dtype),
            indices: TensorMut::new(DType::I64),
            indptr: TensorMut::new(DType::I64),
        };
        matrix.indptr.push(0i64);
        let mut decoded = Decoded::default();
        let mut rows = Vec::new();
        for (number, line) in text.iter().enumerate() {
            let start = matrix.data.len();
            match self.row(line, &mut matrix) {
                Ok(true) => {
                    matrix.indptr.push(matrix.data.len() as i64);
                    rows.push(number);
                }
                Ok(false) => {}
                Err(problem) => {
                    matrix.data.truncate(start);
                    matrix.indices.truncate(start);
                    decoded.bad.push((number, problem));
                }
            }
        }
        if !rows.is_empty() {
            let inputs = vec![(self.slot, Input::Csr(Box::new(matrix.freeze()?)))];
            decoded.parts.push(Part { inputs, rows });
        }
        Ok(decoded)
    }

    fn raw_row(&self, raw: &Raw, row: usize) -> Vec<u8> {
        text_row(raw, row)
    }
}

struct Matrix {
    data: TensorMut,
    indices: TensorMut,
    indptr: TensorMut,
}

impl Matrix {
    fn freeze(self) -> Result<Csr, Problem> {
        let flat = |tensor: TensorMut| {
            let shape = Shape::new(&[tensor.len()]);
            tensor.freeze(shape)
        };
        Ok(Csr { data: flat(self.data)?, indices: flat(self.indices)?, indptr: flat(self.indptr)? })
    }
}

impl SparseDecoder {
    /// Appends a row; `false` for a line that is a comment alone.
    fn row(&self, line: &[u8], matrix: &mut Matrix) -> Result<bool, Problem> {
        let content = line.split(|&byte| byte == b'#').next().unwrap_or_default();
        let mut fields = content.split(u8::is_ascii_whitespace).filter(|field| !field.is_empty());
        let Some(label) = fields.next() else { return Ok(false) };
        if label.contains(&b':') {
            return Err(Problem::invalid("the row starts with a pair: its label is missing"));
        }
        let mut last = None;
        for field in fields {
            let shown = || String::from_utf8_lossy(field).into_owned();
            let colon = field.iter().position(|&byte| byte == b':');
            let colon = colon
                .ok_or_else(|| Problem::invalid(format!("expected index:value, found {:?}", shown())))?;
            let (index, value) = (&field[..colon], &field[colon + 1..]);
            if index == b"qid" {
                continue;
            }
            let index = std::str::from_utf8(index).ok().and_then(|text| text.parse::<usize>().ok());
            let index = index
                .ok_or_else(|| Problem::invalid(format!("expected index:value, found {:?}", shown())))?;
            if index >= self.width {
                return Err(Problem::invalid(format!(
                    "index {index} is beyond the model's {} columns (indices count from 0)",
                    self.width
                )));
            }
            if last.is_some_and(|last| index <= last) {
                return Err(Problem::invalid(format!("index {index} does not ascend")));
            }
            last = Some(index);
            if !cell::push_text(&mut matrix.data, value) {
                let spec = &self.signature.inputs()[self.slot];
                let column = spec.columns.get(index).map_or(spec.name.as_str(), |column| &column.name);
                return Err(cell::unfit(column, matrix.data.dtype(), value));
            }
            matrix.indices.push(index as i64);
        }
        Ok(true)
    }
}
