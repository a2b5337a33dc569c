//! Outputs as JSON, laid out as RapidJSON's indenting writer does it.

use super::decimal;
use super::form::Form;
use super::scalar::has_json_form;
use crate::JsonNan;
use crate::failed_rows;
use crate::json::write;
use crate::tfs::names::type_word;
use landfall_model::{DType, Outputs, Problem, Signature, Tensor};
use smallvec::SmallVec;

/// Outputs whose name ends so carry bytes, not text.
const BYTES_SUFFIX: &str = "_bytes";
const INDENT: usize = 4;

/// Writes the answer. The name of an only output is left out. A row that failed alone is `{"error": "…"}` in its place.
///
/// # Errors
/// Invalid argument, in the original's words: outputs without a common number of rows, of types without a JSON form,
/// text that is no UTF-8; in column form, rows that failed. `out` then holds a part of the answer.
pub fn encode(
    form: &Form,
    signature: &Signature,
    outputs: &Outputs,
    nan: JsonNan,
    out: &mut Vec<u8>,
) -> Result<(), Problem> {
    let named =
        outputs.iter().map(|(place, tensor)| Output::new(&signature.outputs()[place].name, tensor, nan));
    let named: SmallVec<[Output<'_>; 4]> = named.collect::<Result<_, _>>()?;
    if named.is_empty() {
        return Err(Problem::invalid("Cannot convert empty tensor map to JSON"));
    }
    match form {
        Form::Rows => rows(&named, outputs, out),
        Form::Columns => columns(&named, outputs, out),
    }
}

fn rows(named: &[Output<'_>], outputs: &Outputs, out: &mut Vec<u8>) -> Result<(), Problem> {
    let count = row_count(named)?;
    out.extend_from_slice(b"{\n    \"predictions\": [");
    let mut failed: Vec<&(usize, Problem)> = outputs.failed().iter().collect();
    failed.sort_by_key(|(row, _)| *row);
    let mut failed = failed.into_iter().peekable();
    for row in 0..count {
        start_row(named, row, out);
        if let Some((_, problem)) = failed.next_if(|(failed, _)| *failed == row) {
            failed_row(problem, out);
            continue;
        }
        match named {
            [only] => only.row(row, out)?,
            _ => object(named, 2, out, |output, out| output.row(row, out))?,
        }
    }
    if count > 0 {
        line(out, 1);
    }
    out.extend_from_slice(b"]\n}");
    Ok(())
}

/// Rows that are values stand on one line, rows that are objects on lines of their own.
fn start_row(named: &[Output<'_>], row: usize, out: &mut Vec<u8>) {
    match (named.len(), row) {
        (1, 0) => {}
        (1, _) => out.extend_from_slice(b", "),
        (_, row) => {
            if row > 0 {
                out.push(b',');
            }
            line(out, 2);
        }
    }
}

#[cold]
fn failed_row(problem: &Problem, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"error\": ");
    write::string(out, problem.to_string().as_bytes());
    out.push(b'}');
}

/// Members of an object at this depth, each on its line.
fn object(
    named: &[Output<'_>],
    depth: usize,
    out: &mut Vec<u8>,
    value: impl Fn(&Output<'_>, &mut Vec<u8>) -> Result<(), Problem>,
) -> Result<(), Problem> {
    out.push(b'{');
    for (i, output) in named.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        line(out, depth + 1);
        write::string(out, output.name.as_bytes());
        out.extend_from_slice(b": ");
        value(output, out)?;
    }
    line(out, depth);
    out.push(b'}');
    Ok(())
}

fn columns(named: &[Output<'_>], outputs: &Outputs, out: &mut Vec<u8>) -> Result<(), Problem> {
    failed_rows::refuse(outputs)?;
    out.extend_from_slice(b"{\n    \"outputs\": ");
    match named {
        [only] => only.whole(1, out)?,
        _ => object(named, 1, out, |output, out| output.whole(2, out))?,
    }
    out.extend_from_slice(b"\n}");
    Ok(())
}

/// The number of rows that all outputs have: what came out decides, not what was asked.
fn row_count(named: &[Output<'_>]) -> Result<usize, Problem> {
    let mut count = None;
    for output in named {
        let name = output.name;
        let Some(&rows) = output.tensor.shape().first() else {
            return Err(Problem::invalid(format!("Tensor name: {name} has no shape information ")));
        };
        match count {
            Some(expected) if expected != rows => {
                return Err(Problem::invalid(format!(
                    "Tensor name: {name} has inconsistent batch size: {rows} expecting: {expected}"
                )));
            }
            _ => count = Some(rows),
        }
    }
    Ok(count.unwrap_or(0))
}

fn line(out: &mut Vec<u8>, depth: usize) {
    out.push(b'\n');
    out.extend(std::iter::repeat_n(b' ', depth * INDENT));
}

/// How the elements of a list are set apart.
#[derive(Clone, Copy)]
enum Layout {
    OneLine,
    /// Each on a line of its own; the number is the depth of the list.
    Lines(usize),
}

struct Output<'a> {
    name: &'a str,
    tensor: &'a Tensor,
    as_base64: bool,
    nan: JsonNan,
}

impl<'a> Output<'a> {
    fn new(name: &'a str, tensor: &'a Tensor, nan: JsonNan) -> Result<Self, Problem> {
        let dtype = tensor.dtype();
        if !has_json_form(dtype) && !tensor.is_empty() {
            let word = type_word(dtype);
            return Err(Problem::invalid(format!("Failed to write JSON value for tensor type: {word}")));
        }
        let as_base64 = dtype == DType::String && name.ends_with(BYTES_SUFFIX);
        Ok(Output { name, tensor, as_base64, nan })
    }

    fn row(&self, row: usize, out: &mut Vec<u8>) -> Result<(), Problem> {
        let width = self.tensor.row_elements();
        self.value(1, row * width, width, Layout::OneLine, out)
    }

    fn whole(&self, depth: usize, out: &mut Vec<u8>) -> Result<(), Problem> {
        self.value(0, 0, self.tensor.len(), Layout::Lines(depth), out)
    }

    /// The `elements` from `start` on, nested by the axes from `axis` on.
    fn value(
        &self,
        axis: usize,
        start: usize,
        elements: usize,
        layout: Layout,
        out: &mut Vec<u8>,
    ) -> Result<(), Problem> {
        let Some(&length) = self.tensor.shape().get(axis) else {
            return self.scalars(start, 1, |_, _| {}, out);
        };
        out.push(b'[');
        let separate = |i: usize, out: &mut Vec<u8>| match layout {
            Layout::OneLine if i == 0 => {}
            Layout::OneLine => out.extend_from_slice(b", "),
            Layout::Lines(depth) => {
                if i > 0 {
                    out.push(b',');
                }
                line(out, depth + 1);
            }
        };
        if axis + 1 == self.tensor.shape().len() {
            self.scalars(start, length, separate, out)?;
        } else {
            let part = elements / length.max(1);
            let within = match layout {
                Layout::OneLine => Layout::OneLine,
                Layout::Lines(depth) => Layout::Lines(depth + 1),
            };
            for i in 0..length {
                separate(i, out);
                self.value(axis + 1, start + i * part, part, within, out)?;
            }
        }
        if let Layout::Lines(depth) = layout
            && length > 0
        {
            line(out, depth);
        }
        out.push(b']');
        Ok(())
    }

    fn scalars(
        &self,
        start: usize,
        count: usize,
        separate: impl Fn(usize, &mut Vec<u8>),
        out: &mut Vec<u8>,
    ) -> Result<(), Problem> {
        let tensor = self.tensor;
        let missing = tensor.missing();
        macro_rules! each {
            ($values:expr, $write:expr) => {{
                let write = $write;
                for (i, value) in $values[start..start + count].iter().enumerate() {
                    separate(i, out);
                    match missing {
                        Some(missing) if missing.get(start + i) => out.extend_from_slice(b"null"),
                        _ => write(out, *value),
                    }
                }
                Ok(())
            }};
        }
        let nan = self.nan;
        match tensor.dtype() {
            DType::F32 => each!(tensor.values::<f32>()?, |out: &mut _, v| decimal::float(out, v, nan)),
            DType::F64 => each!(tensor.values::<f64>()?, |out: &mut _, v| decimal::double(out, v, nan)),
            DType::I64 => each!(tensor.values::<i64>()?, write::integer),
            DType::I32 => each!(tensor.values::<i32>()?, write::integer),
            DType::I16 => each!(tensor.values::<i16>()?, write::integer),
            DType::I8 => each!(tensor.values::<i8>()?, write::integer),
            DType::U64 => each!(tensor.values::<u64>()?, write::integer),
            DType::U32 => each!(tensor.values::<u32>()?, write::integer),
            DType::U8 => each!(tensor.values::<u8>()?, write::integer),
            DType::Bool => each!(tensor.bools()?, |out: &mut _, v| write::boolean(out, v != 0)),
            DType::String => self.strings(start, count, separate, out),
            // A tensor without values has a form whatever its type.
            DType::F16 | DType::BF16 | DType::U16 | DType::Complex64 | DType::Complex128 if count == 0 => {
                Ok(())
            }
            DType::F16 | DType::BF16 | DType::U16 | DType::Complex64 | DType::Complex128 => {
                Err(Problem::internal("a type without a JSON form passed the check"))
            }
        }
    }

    fn strings(
        &self,
        start: usize,
        count: usize,
        separate: impl Fn(usize, &mut Vec<u8>),
        out: &mut Vec<u8>,
    ) -> Result<(), Problem> {
        let strings = self.tensor.strings()?;
        for i in 0..count {
            separate(i, out);
            let bytes = strings.get(start + i);
            if self.tensor.is_missing(start + i) {
                out.extend_from_slice(b"null");
            } else if self.as_base64 {
                base64(bytes, out);
            } else if std::str::from_utf8(bytes).is_ok() {
                write::string(out, bytes);
            } else {
                let name = self.name;
                return Err(Problem::invalid(format!(
                    "Tensor name: {name} has a string that is no UTF-8; outputs of bytes need a name that ends in \
                     {BYTES_SUFFIX}"
                )));
            }
        }
        Ok(())
    }
}

fn base64(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"b64\": \"");
    base64_simd::STANDARD.encode_append(bytes, out);
    out.extend_from_slice(b"\"}");
}
