//! Outputs as CSV: RFC 4180 quotes, `\n` at line ends, numbers in shortest form.

use crate::kept_cells::Cells;
use crate::layout::Layout;
use crate::number_text::{Values, push_number};
use landfall_model::{Problem, Tensor};

/// The header line.
pub(crate) fn header(layout: &Layout) -> Vec<u8> {
    let mut out = Vec::new();
    let kept = layout.kept.iter().map(|column| column.name.clone());
    for name in kept.chain(layout.columns.iter().flat_map(|column| column.flat_names())) {
        if !out.is_empty() {
            out.push(b',');
        }
        push_text(name.as_bytes(), &mut out);
    }
    out.push(b'\n');
    out
}

/// One line for each row, as bytes: what is kept, then the outputs.
pub(crate) fn encode(
    layout: &Layout,
    kept: &[Cells],
    tensors: &[Tensor],
    rows: usize,
) -> Result<Vec<u8>, Problem> {
    let mut columns = Vec::with_capacity(tensors.len());
    for (tensor, column) in tensors.iter().zip(&layout.columns) {
        column.fixed_axes(tensor)?;
        let values = Values::of(tensor).map_err(|problem| problem.at(format!("output {:?}", column.name)))?;
        columns.push((values, tensor, tensor.row_elements()));
    }
    let cells: usize = columns.iter().map(|(.., width)| width).sum();
    let mut out = Vec::with_capacity(rows * ((kept.len() + cells) * 12 + 1));
    for row in 0..rows {
        let start = out.len();
        for cells in kept {
            push_kept(cells, row, &mut out);
            out.push(b',');
        }
        for (values, tensor, width) in &columns {
            for at in row * width..(row + 1) * width {
                if !tensor.is_missing(at) {
                    push_cell(values, at, &mut out);
                }
                out.push(b',');
            }
        }
        out.pop();
        // A line without a character would be passed over by readers.
        if out.len() == start {
            out.extend_from_slice(b"\"\"");
        }
        out.push(b'\n');
    }
    Ok(out)
}

#[inline]
fn push_cell(values: &Values<'_>, at: usize, out: &mut Vec<u8>) {
    if let Values::Strings(strings) = values {
        return match strings.get(at) {
            // Quoted, so that it is told from a missing one.
            b"" => out.extend_from_slice(b"\"\""),
            text => push_text(text, out),
        };
    }
    match values.not_finite(at) {
        None => push_number(values, at, out),
        Some(value) if value.is_nan() => out.extend_from_slice(b"NaN"),
        Some(value) => out.extend_from_slice(if value > 0.0 { b"inf" } else { b"-inf" }),
    }
}

fn push_kept(cells: &Cells, row: usize, out: &mut Vec<u8>) {
    match cells.text(row).as_deref() {
        None => {}
        Some(b"") => out.extend_from_slice(b"\"\""),
        Some(text) => push_text(text, out),
    }
}

fn push_text(text: &[u8], out: &mut Vec<u8>) {
    if !text.iter().any(|byte| matches!(byte, b',' | b'"' | b'\n' | b'\r')) {
        return out.extend_from_slice(text);
    }
    push_quoted(text, out);
}

/// Appends a cell of CSV in quotes, those within it doubled (RFC 4180).
pub fn push_quoted(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for &byte in text {
        if byte == b'"' {
            out.push(b'"');
        }
        out.push(byte);
    }
    out.push(b'"');
}
