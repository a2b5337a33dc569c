//! Sparse rows off an NPZ file: the three arrays of compressed rows, under an input's name (`features.data`,
//! `features.indices`, `features.indptr`), or as SciPy's `save_npz` writes them.

use super::array_stream::ArrayStream;
use super::decode::ArrayFacts;
use super::npz::Entry;
use super::sparse_rows::{Arrays, SparseDecoder, SparseSource, integers};
use crate::columns::check_type;
use crate::libsvm::sparse_input;
use crate::opened::{Opened, RawArray, Wants};
use landfall_model::{Buffer, DType, Problem, Reason, Shape, Slot};
use std::fs::File;

const PARTS: [&str; 3] = ["data", "indices", "indptr"];
/// Bytes of the longest name of a layout, with room: SciPy's have three letters.
const LAYOUT_BYTES: usize = 64;

/// Takes the arrays of a sparse matrix out of a file's arrays, and opens them; `None` where there is no such matrix.
///
/// # Errors
/// When an array is missing, of another type or length than it must be, or in another layout than compressed rows.
pub(super) fn taken_out(
    name: &str,
    file: &File,
    entries: &mut Vec<Entry>,
    wants: &Wants,
) -> Result<Option<Opened>, Problem> {
    let matrix = match scipy_matrix(name, file, entries, wants)? {
        Some(matrix) => matrix,
        None => match named_matrix(name, entries, wants)? {
            Some(matrix) => matrix,
            None => return Ok(None),
        },
    };
    let names = PARTS.map(|part| format!("{}{part}", matrix.prefix));
    let there = |name: &&String| entries.iter().any(|entry| entry.name == **name);
    let (given, missing): (Vec<_>, Vec<_>) = names.iter().partition(there);
    if !missing.is_empty() {
        let owned = |names: Vec<&String>| names.into_iter().cloned().collect();
        let reason = Reason::InputsMissing { missing: owned(missing), given: owned(given) };
        return Err(Problem::new(reason).at(name.to_owned()));
    }
    let mut stream = |part: &str| ArrayStream::of(name, file, &taken(name, entries, part)?);
    let arrays = Arrays { data: stream(&names[0])?, indices: stream(&names[1])?, indptr: stream(&names[2])? };
    arrays.checked(matrix.slot, wants)?.opened(&matrix, wants).map(Some)
}

/// A matrix that a file has.
struct Matrix {
    /// What stands before the names of its arrays.
    prefix: String,
    slot: Slot,
    /// Columns of the model.
    width: usize,
    /// Where the file says how many there are.
    rows: Option<i64>,
}

/// SciPy's matrix. Of its arrays the three that hold the rows are left in `entries`.
fn scipy_matrix(
    name: &str,
    file: &File,
    entries: &mut Vec<Entry>,
    wants: &Wants,
) -> Result<Option<Matrix>, Problem> {
    let Some(layout) = scipy_layout(name, file, entries, wants)? else { return Ok(None) };
    if layout != "csr" {
        let what = format!("{name}: a sparse matrix in the layout {layout:?}");
        return Err(Problem::unsupported(what, "save it as CSR: matrix.tocsr()"));
    }
    let (slot, width) = sparse_input(name, wants)?;
    let [rows, columns] = matrix_shape(ArrayStream::of(name, file, &taken(name, entries, "shape")?)?)?;
    entries.retain(|entry| !["format", "_is_array"].contains(&entry.name.as_str()));
    if columns != width as i64 {
        return Err(Problem::invalid(format!(
            "{name}: the matrix has {columns} columns, the model takes {width}"
        )));
    }
    Ok(Some(Matrix { prefix: String::new(), slot, width, rows: Some(rows) }))
}

/// The matrix under the name of an input.
fn named_matrix(name: &str, entries: &[Entry], wants: &Wants) -> Result<Option<Matrix>, Problem> {
    let Some(slot) = named(entries, wants) else { return Ok(None) };
    let (_, width) = sparse_input(name, &Wants { only: Some(slot), ..wants.clone() })?;
    let prefix = format!("{}.", wants.signature.inputs()[slot].name);
    Ok(Some(Matrix { prefix, slot, width, rows: None }))
}

/// The array of a name, which no other array bears.
fn taken(name: &str, entries: &mut Vec<Entry>, array: &str) -> Result<Entry, Problem> {
    let mut found: Vec<Entry> = entries.extract_if(.., |entry| entry.name == array).collect();
    match found.len() {
        0 => Err(Problem::invalid(format!("{name}: the array {array:?} is missing"))),
        1 => Ok(found.remove(0)),
        _ => Err(Problem::invalid(format!("{name}: two arrays are named {array:?}"))),
    }
}

/// The matrix of which one of the three arrays is there, unless an array or a column has that name for itself.
fn named(entries: &[Entry], wants: &Wants) -> Option<Slot> {
    let has = |name: &str| entries.iter().any(|entry| entry.name == name);
    let slots = wants.only.map_or(0..wants.signature.inputs().len(), |slot| slot..slot + 1);
    slots.into_iter().find(|&slot| {
        let spec = &wants.signature.inputs()[slot];
        let part = |part: &&str| has(&format!("{}.{part}", spec.name));
        let of_its_own = |part: &&str| wants.signature.slot(&format!("{}.{part}", spec.name)).is_some();
        !spec.columns.is_empty()
            && !has(&spec.name)
            && PARTS.iter().any(part)
            && !PARTS.iter().any(of_its_own)
    })
}

/// What SciPy calls the layout of the matrix, where the file is SciPy's: a text without axes, which no table has.
fn scipy_layout(
    name: &str,
    file: &File,
    entries: &[Entry],
    wants: &Wants,
) -> Result<Option<String>, Problem> {
    let array = |name: &str| entries.iter().find(|entry| entry.name == name);
    let (Some(format), Some(_), Some(_)) = (array("format"), array("shape"), array("data")) else {
        return Ok(None);
    };
    let mut stream = ArrayStream::of(name, file, format)?;
    let (items, size) = (stream.header.items, stream.header.items.size());
    let is_word = items.dtype() == DType::String && stream.header.shape.is_empty() && size <= LAYOUT_BYTES;
    if !is_word || wants.signature.slot("format").is_some() {
        return Ok(None);
    }
    let bytes = Buffer::from_owner(stream.take(size)?);
    let facts = ArrayFacts::of(&stream);
    let words = facts.tensor(&RawArray { bytes, row_bytes: size }, None)?;
    Ok(words.strings()?.iter().next().map(|word| String::from_utf8_lossy(word).into_owned()))
}

/// Rows and columns, as SciPy's array says them.
fn matrix_shape(mut stream: ArrayStream) -> Result<[i64; 2], Problem> {
    let wrong = |stream: &ArrayStream| {
        Problem::invalid(format!("{}: expected the numbers of rows and columns", stream.name))
    };
    if stream.header.shape != [2] || !is_index(stream.header.items.dtype()) {
        return Err(wrong(&stream));
    }
    let bytes = stream.take(2 * stream.header.items.size())?;
    stream.finish()?;
    let numbers = integers(&ArrayFacts::of(&stream), Buffer::from_owner(bytes))?;
    numbers.values::<i64>()?.try_into().map_err(|_| wrong(&stream))
}

/// Whether every value of the type is one of int64.
fn is_index(dtype: DType) -> bool {
    dtype.is_integer() && dtype != DType::U64
}

impl Arrays {
    /// Holds their types and lengths against each other and the input.
    fn checked(self, slot: Slot, wants: &Wants) -> Result<Self, Problem> {
        let Arrays { data, indices, indptr } = &self;
        for array in [data, indices, indptr] {
            if array.header.shape.len() != 1 {
                let shape = Shape::new(&array.header.shape);
                return Err(Problem::invalid(format!(
                    "{}: expected one axis, found shape {shape}",
                    array.name
                )));
            }
        }
        let at = |array: &ArrayStream| array.name.clone();
        let found = data.header.items.dtype();
        check_type(&wants.signature.inputs()[slot], found).map_err(|problem| problem.at(at(data)))?;
        for array in [indices, indptr] {
            let found = array.header.items.dtype();
            if !is_index(found) {
                return Err(Problem::invalid(format!(
                    "{}: expected int32 or int64, found {found}",
                    at(array)
                )));
            }
        }
        let (values, columns) = (data.length(), indices.length());
        if values != columns {
            return Err(Problem::invalid(format!(
                "{} has {columns} values, {} has {values}",
                at(indices),
                at(data)
            )));
        }
        if indptr.length() == 0 {
            return Err(Problem::invalid(format!(
                "{} is empty: it has one value more than there are rows",
                at(indptr)
            )));
        }
        Ok(self)
    }

    /// Reads the first pointer.
    fn opened(mut self, matrix: &Matrix, wants: &Wants) -> Result<Opened, Problem> {
        let &Matrix { slot, width, rows: told, .. } = matrix;
        let rows = self.indptr.length() - 1;
        if let Some(told) = told.filter(|told| *told != rows as i64) {
            return Err(Problem::invalid(format!(
                "{}: {rows} rows, but the array \"shape\" says {told}",
                self.indptr.name
            )));
        }
        let pointers = ArrayFacts::of(&self.indptr);
        let bytes = self.indptr.take(pointers.items.size())?;
        let first = integers(&pointers, Buffer::from_owner(bytes))?;
        if first.values::<i64>()? != [0] {
            return Err(Problem::invalid(format!(
                "{}: the first row starts at {}, expected 0",
                pointers.name,
                first.scalar(0)
            )));
        }
        let facts = ArrayFacts::of;
        let decoder = SparseDecoder {
            slot,
            dtype: wants.signature.inputs()[slot].dtype,
            width,
            data: facts(&self.data),
            indices: facts(&self.indices),
        };
        let mut source =
            SparseSource { arrays: self, pointers, width, row: 0, left: rows, end: 0, first: wants.whole };
        if rows == 0 {
            source.finish()?;
        }
        Ok(Opened::new(source, decoder, Vec::new()).with_total(rows as u64))
    }
}
