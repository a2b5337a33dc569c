//! Kept columns in the form that the output's format has for them.

use crate::arrow;
use crate::format::Format;
use crate::kept::{Holds, Kept, KeptColumn, text_of_json, wrong};
use crate::layout::Layout;
use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, BinaryArray, StringArray};
use landfall_model::{DType, Outputs, Problem, Shape, StringsMut, Tensor};
use std::borrow::Cow;
use std::sync::Arc;

/// A kept column as text or as JSON, for formats of text.
pub(crate) struct Cells {
    pub(crate) json: bool,
    values: BinaryArray,
}

impl Cells {
    /// The cell, as text or JSON; `None` for what is missing.
    #[inline]
    pub(crate) fn get(&self, row: usize) -> Option<&[u8]> {
        self.values.is_valid(row).then(|| self.values.value(row))
    }

    /// The cell as a format has it that knows nothing but text.
    pub(crate) fn text(&self, row: usize) -> Option<Cow<'_, [u8]>> {
        let cell = self.get(row)?;
        if !self.json {
            return Some(cell.into());
        }
        // As outputs have them in CSV.
        match cell {
            b"Infinity" => Some(b"inf"[..].into()),
            b"-Infinity" => Some(b"-inf"[..].into()),
            json => text_of_json(json),
        }
    }
}

/// Refuses a column that the format cannot hold.
///
/// # Errors
/// A wrong setting, or unimplemented: naming the column, its type and other formats.
pub(crate) fn check(column: &KeptColumn, format: Format) -> Result<(), Problem> {
    match (format, &column.holds) {
        (Format::Npy, _) => {
            Err(wrong("NPY holds one array: write NPZ, CSV, JSON Lines, Parquet or Arrow".to_owned()))
        }
        (Format::Npz, _) => dtype(column).map(drop),
        (Format::Csv | Format::JsonLines, Holds::Typed(data_type)) => {
            arrow::can_be_worded(data_type).map_err(|problem| problem.at(format!("--keep {}", column.name)))
        }
        _ => Ok(()),
    }
}

/// The element type of a kept column's array.
///
/// # Errors
/// Unimplemented, for a type that has none.
pub(crate) fn dtype(column: &KeptColumn) -> Result<DType, Problem> {
    match &column.holds {
        Holds::Text | Holds::Json => Ok(DType::String),
        Holds::Typed(data_type) => {
            arrow::array_dtype(data_type).map_err(|problem| problem.at(format!("--keep {}", column.name)))
        }
    }
}

/// What is kept of the rows that were answered.
///
/// # Errors
/// A wrong setting, where the model gives other rows than it gets.
pub(crate) fn beside(
    layout: &Layout,
    kept: &Kept,
    outputs: &Outputs,
    tensors: &[Tensor],
) -> Result<Kept, Problem> {
    if layout.kept.is_empty() {
        return Ok(Kept::default());
    }
    let failed = outputs.failed();
    let kept = match failed {
        [] => kept.clone(),
        failed => kept.without(|row| failed.iter().any(|(failed, _)| *failed == row))?,
    };
    let rows = kept.0.first().map_or(0, |column| column.len());
    let other =
        tensors.iter().map(|tensor| tensor.shape().first().copied().unwrap_or(1)).find(|&n| n != rows);
    match other {
        None => Ok(kept),
        Some(answers) => Err(wrong(format!(
            "the model gives {answers} rows for {rows} rows of the table, and which belongs to which is not known"
        ))),
    }
}

/// As text or JSON.
///
/// # Errors
/// Unimplemented, for types that have neither.
pub(crate) fn worded(layout: &Layout, kept: &Kept) -> Result<Vec<Cells>, Problem> {
    let cells = |(column, values): (&KeptColumn, &ArrayRef)| match &column.holds {
        Holds::Text => Ok(Cells { json: false, values: values.as_binary::<i32>().clone() }),
        Holds::Json => Ok(Cells { json: true, values: values.as_binary::<i32>().clone() }),
        Holds::Typed(_) => {
            let (json, values) =
                arrow::worded(values).map_err(|problem| problem.at(format!("--keep {}", column.name)))?;
            Ok(Cells { json, values })
        }
    };
    layout.kept.iter().zip(&kept.0).map(cells).collect()
}

/// As Arrow arrays: typed columns as they are, text and JSON as text.
///
/// # Errors
/// Invalid argument, for bytes that are no UTF-8.
pub(crate) fn arrays(layout: &Layout, kept: Kept) -> Result<Vec<ArrayRef>, Problem> {
    let array = |(column, values): (&KeptColumn, ArrayRef)| {
        let json = match column.holds {
            Holds::Typed(_) => return Ok(values),
            Holds::Text => false,
            Holds::Json => true,
        };
        let cells = Cells { json, values: values.as_binary::<i32>().clone() };
        let text = |row| {
            let text = cells.text(row).map(|text| String::from_utf8(text.into_owned())).transpose();
            text.map_err(|_| {
                Problem::invalid(format!(
                    "--keep {}: a value has bytes that are no UTF-8: write JSON Lines, CSV or NPZ",
                    column.name
                ))
            })
        };
        let texts: Vec<Option<String>> = (0..values.len()).map(text).collect::<Result<_, Problem>>()?;
        Ok(Arc::new(StringArray::from(texts)) as ArrayRef)
    };
    layout.kept.iter().zip(kept.0).map(array).collect()
}

/// As tensors, for NPZ. A missing text is an empty one, a missing float NaN.
///
/// # Errors
/// Invalid argument, for missing values of other types, and lists that differ in length.
pub(crate) fn tensors(layout: &Layout, kept: &Kept) -> Result<Vec<Tensor>, Problem> {
    let tensor = |(column, values): (&KeptColumn, &ArrayRef)| {
        let json = match column.holds {
            Holds::Typed(_) => {
                let place = |problem: Problem| problem.at(format!("--keep {}", column.name));
                return arrow::array_tensor(values).map_err(place);
            }
            Holds::Text => false,
            Holds::Json => true,
        };
        let cells = Cells { json, values: values.as_binary::<i32>().clone() };
        let mut texts = StringsMut::new();
        (0..values.len()).for_each(|row| texts.push(&cells.text(row).unwrap_or_default()));
        Tensor::from_strings(Shape::new(&[values.len()]), texts.freeze())
    };
    layout.kept.iter().zip(&kept.0).map(tensor).collect()
}
