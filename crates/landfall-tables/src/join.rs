//! What several files of one table decode to, put together row by row.

use crate::opened::Part;
use landfall_model::{Csr, Input, Problem, Shape, Tensor};
use std::cmp::Ordering;
use std::ops::Range;

/// All inputs of all files as one part, whatever their rows; none where all rows are bad.
pub(crate) fn together(files: Vec<Vec<Part>>, any_bad: bool) -> Result<Vec<Part>, Problem> {
    let mut all = Part { inputs: Vec::new(), rows: Vec::new() };
    let nothing = files.iter().all(Vec::is_empty);
    if any_bad && nothing {
        return Ok(Vec::new());
    }
    for mut parts in files {
        let Some(part) = parts.pop() else { continue };
        if !parts.is_empty() {
            return Err(Problem::invalid(
                "the rows differ in shape, and the model takes all rows in one call: they must be alike",
            ));
        }
        all.inputs.extend(part.inputs);
        if part.rows.len() > all.rows.len() {
            all.rows = part.rows;
        }
    }
    Ok(vec![all])
}

/// Parts of several files as parts with the inputs of all: cut where any file's parts end, without rows that are bad in
/// another file.
pub(crate) fn joined(mut files: Vec<Vec<Part>>, bad: &[(usize, Problem)]) -> Result<Vec<Part>, Problem> {
    if files.len() <= 1 {
        return Ok(files.pop().unwrap_or_default());
    }
    if bad.is_empty() && files.iter().all(|parts| parts.len() == 1) {
        let mut parts = files.into_iter().flatten();
        let mut all = parts.next().ok_or_else(|| Problem::internal("a table of no files"))?;
        parts.for_each(|part| all.inputs.extend(part.inputs));
        return Ok(vec![all]);
    }
    let Some((first, others)) = files.split_first() else { return Ok(Vec::new()) };
    let mut parts = first.clone();
    for other in others {
        parts = intersected(&parts, other)?;
    }
    Ok(parts)
}

/// The runs of rows that both have, each in one part of either.
fn intersected(left: &[Part], right: &[Part]) -> Result<Vec<Part>, Problem> {
    let mut parts = Vec::new();
    for (a, b) in left.iter().flat_map(|a| right.iter().map(move |b| (a, b))) {
        let (mut i, mut j) = (0, 0);
        while i < a.rows.len() && j < b.rows.len() {
            match a.rows[i].cmp(&b.rows[j]) {
                Ordering::Less => i += 1,
                Ordering::Greater => j += 1,
                Ordering::Equal => {
                    let common = a.rows[i..].iter().zip(&b.rows[j..]).take_while(|(x, y)| x == y).count();
                    let mut inputs = Vec::with_capacity(a.inputs.len() + b.inputs.len());
                    for (part, at) in [(a, i), (b, j)] {
                        for (slot, input) in &part.inputs {
                            inputs.push((*slot, input_rows(input, at..at + common)?));
                        }
                    }
                    parts.push(Part { inputs, rows: a.rows[i..i + common].to_vec() });
                    (i, j) = (i + common, j + common);
                }
            }
        }
    }
    parts.sort_by_key(|part| part.rows.first().copied());
    Ok(parts)
}

/// The rows `range` of an input.
fn input_rows(input: &Input, range: Range<usize>) -> Result<Input, Problem> {
    Ok(match input {
        Input::Dense(tensor) => Input::Dense(tensor.rows(range)),
        Input::Csr(csr) => Input::Csr(Box::new(csr_rows(csr, range)?)),
        Input::Columns(_) | Input::Ragged(_) => return Err(Problem::internal("a table made no array")),
    })
}

fn csr_rows(csr: &Csr, range: Range<usize>) -> Result<Csr, Problem> {
    let indptr = &csr.indptr.values::<i64>()?[range.start..=range.end];
    let base = indptr[0];
    let part = base as usize..indptr[indptr.len() - 1] as usize;
    let moved: Vec<i64> = indptr.iter().map(|end| end - base).collect();
    Ok(Csr {
        data: csr.data.rows(part.clone()),
        indices: csr.indices.rows(part),
        indptr: Tensor::from_slice(&Shape::new(&[moved.len()]), &moved)?,
    })
}
