//! Outputs as lines of JSON.

use crate::json::{JsonNan, nested, push_string};
use crate::kept_cells::Cells;
use crate::layout::Layout;
use crate::number_text::Values;
use landfall_model::{Problem, Tensor};

/// One line for each row, as bytes.
pub(crate) fn encode(
    layout: &Layout,
    kept: &[Cells],
    tensors: &[Tensor],
    rows: usize,
    nan: JsonNan,
) -> Result<Vec<u8>, Problem> {
    let kept_keys: Vec<Vec<u8>> = layout.kept.iter().map(|column| key(&column.name)).collect();
    let keys: Vec<Vec<u8>> = layout.columns.iter().map(|column| key(&column.name)).collect();
    let mut columns = Vec::with_capacity(tensors.len());
    for (tensor, column) in tensors.iter().zip(&layout.columns) {
        let values = Values::of(tensor).map_err(|problem| problem.at(format!("output {:?}", column.name)))?;
        columns.push((values, column.axes_of(tensor)?, tensor.row_elements(), tensor));
    }
    let mut out = Vec::with_capacity(rows * 32 * columns.len());
    for row in 0..rows {
        out.push(b'{');
        for (cells, key) in kept.iter().zip(&kept_keys) {
            out.extend_from_slice(key);
            push_kept(cells, row, nan, &mut out);
            out.push(b',');
        }
        for (i, ((values, axes, width, tensor), key)) in columns.iter().zip(&keys).enumerate() {
            if i > 0 {
                out.push(b',');
            }
            out.extend_from_slice(key);
            nested(values, tensor, row * width, axes, nan, &mut out);
        }
        out.extend_from_slice(b"}\n");
    }
    Ok(out)
}

fn push_kept(cells: &Cells, row: usize, nan: JsonNan, out: &mut Vec<u8>) {
    match cells.get(row) {
        None => out.extend_from_slice(b"null"),
        Some(text) if !cells.json => push_string(text, out),
        Some(b"NaN" | b"Infinity" | b"-Infinity") if nan == JsonNan::Null => out.extend_from_slice(b"null"),
        Some(json) => out.extend_from_slice(json),
    }
}

/// `"name":`
fn key(name: &str) -> Vec<u8> {
    let mut out = Vec::new();
    push_string(name.as_bytes(), &mut out);
    out.push(b':');
    out
}
