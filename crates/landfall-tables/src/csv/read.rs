//! CSV into inputs: cells straight into columns of the model's types.

use super::record::{Cell, Records, cells, first_cells};
use crate::cell;
use crate::column_names::{named_slot, settled};
use crate::kept::{self, Holds};
use crate::opened::{Decoded, Decoder, Opened, Raw, TextRows, Wants};
use crate::options::ReadOptions;
use crate::plan::{self, Plan, SourceColumn};
use crate::rows_builder::{Row, RowsBuilder};
use crate::text_rows::{FirstThenRest, RecordReader};
use arrow_array::ArrayRef;
use arrow_array::builder::BinaryBuilder;
use landfall_model::{DType, InputSpec, NullRule, Problem, Slot, TensorMut};
use std::io::Read;
use std::sync::Arc;

/// Reads the header, or finds that there is none, and decides which column fills what.
pub(crate) fn open(
    name: &str,
    stream: Box<dyn Read + Send>,
    wants: &Wants,
    options: &ReadOptions,
) -> Result<Opened, Problem> {
    let mut separator = if options.decimal_comma { b';' } else { b',' };
    let mut records = RecordReader::new(name, stream, Records::new(separator), options.eager);
    let first = records.block(1)?;
    let mut by_place = false;
    let (plan, names, first) = match first {
        None => (no_columns(wants), Vec::new(), None),
        Some(first) => {
            let mut names =
                header(first.record(0), separator).map_err(|problem| problem.at(name.to_owned()))?;
            let mut named = names_inputs(wants, &names);
            if !named && let Some((other, better)) = other_separator(wants, first.record(0), separator) {
                (separator, names, named) = (other, better, true);
                records.splitter().separator = separator;
            }
            match (!named).then(|| without_header(wants, &first, separator, options)).flatten() {
                Some(plan) => {
                    let numbered = (0..names.len()).map(|i| (i + 1).to_string()).collect();
                    (plan, numbered, Some(first))
                }
                None if !named => {
                    let plan = plan::elements_by_place(&wants.signature, wants.only, &columns(&names));
                    let plan = plan.ok_or_else(|| no_name_fits(wants, &names).at(name.to_owned()))?;
                    by_place = true;
                    (plan, names, None)
                }
                None => (with_header(wants, &names).map_err(|p| p.at(name.to_owned()))?, names, None),
            }
        }
    };
    let kept = match (&first, names.as_slice()) {
        // A first row is there where no header is: its columns have no names.
        (Some(_), _) => vec![None; wants.keep.len()],
        // An empty file: no rows of whatever columns.
        (None, []) => vec![Some(NO_CELL); wants.keep.len()],
        (None, names) => {
            kept::places(&wants.keep, names.iter().map(String::as_str)).map_err(|p| p.at(name.to_owned()))?
        }
    };
    let is_kept = |name: &String| kept.iter().flatten().any(|&place| names.get(place) == Some(name));
    let ignored = plan.ignored.iter().filter(|name| !is_kept(name)).cloned().collect();
    let named = first.is_none();
    let (missing, decimal_comma) = (options.missing.clone(), options.decimal_comma);
    let decoder = CsvDecoder { plan, names, named, by_place, separator, missing, decimal_comma, kept };
    Ok(Opened::new(FirstThenRest { first, records }, decoder, ignored))
}

/// A sign that stands between cells in the place of the expected one, and the header's names by it: where a name is then
/// one of the model's.
fn other_separator(wants: &Wants, record: &[u8], expected: u8) -> Option<(u8, Vec<String>)> {
    [b',', b';', b'\t', b'|'].into_iter().filter(|&separator| separator != expected).find_map(|separator| {
        let names = header(record, separator).ok()?;
        (names.len() > 1 && names_inputs(wants, &names)).then_some((separator, names))
    })
}

fn header(record: &[u8], separator: u8) -> Result<Vec<String>, Problem> {
    let mut row = Vec::new();
    if !cells(record, separator, &mut row) {
        return Err(Problem::invalid("a quote in the header is not closed"));
    }
    Ok(row.iter().map(|cell| String::from_utf8_lossy(&cell.text()).into_owned()).collect())
}

fn columns(names: &[String]) -> Vec<SourceColumn> {
    names.iter().map(|name| SourceColumn { name: name.clone(), plain: true }).collect()
}

fn with_header(wants: &Wants, names: &[String]) -> Result<Plan, Problem> {
    plan::by_name(&wants.signature, wants.only, &columns(names))
}

/// Whether any name of the first record is one that an input would take.
fn names_inputs(wants: &Wants, names: &[String]) -> bool {
    let inputs = wants.signature.inputs();
    let nothing_to_name = inputs.is_empty() || plan::takes_any_column(&wants.signature);
    nothing_to_name
        || settled(&wants.signature, &names.iter().map(String::as_str).collect::<Vec<_>>())
            .into_iter()
            .filter_map(|name| named_slot(&wants.signature, name))
            .any(|slot| wants.only.is_none_or(|only| only == slot))
}

/// A first record that is data: as many cells as the inputs take, each of its input's type, and not all of them text.
fn without_header(wants: &Wants, first: &TextRows, separator: u8, options: &ReadOptions) -> Option<Plan> {
    let mut row = Vec::new();
    if !cells(first.record(0), separator, &mut row) {
        return None;
    }
    let plan = plan::by_place(&wants.signature, wants.only, row.len())?;
    let types: Vec<DType> = plan
        .fills
        .iter()
        .flat_map(|(slot, filling)| {
            std::iter::repeat_n(wants.signature.inputs()[*slot].dtype, filling.places().len())
        })
        .collect();
    let is_value = |(cell, &dtype): (&Cell<'_>, &DType)| {
        let text = cell.text();
        let mut value = TensorMut::new(dtype);
        is_missing(&text, dtype, false, &options.missing)
            || push_text(&mut value, &text, options.decimal_comma)
            || cell::push_truth(&mut value, &text)
    };
    let data = row.iter().zip(&types).all(is_value) && types.iter().any(|dtype| *dtype != DType::String);
    data.then_some(plan)
}

/// An empty file, or a pipe through which nothing came: a table of no rows, whatever its columns would have been.
fn no_columns(wants: &Wants) -> Plan {
    Plan { signature: wants.signature.clone(), fills: Vec::new(), ignored: Vec::new() }
}

fn no_name_fits(wants: &Wants, names: &[String]) -> Problem {
    const SHOWN: usize = 30;
    if names.iter().any(|name| name.contains('\0')) {
        return Problem::invalid("its first line is no text: the file is of a format that is not read");
    }
    if names.first().is_some_and(|name| name.trim_start().starts_with('<')) {
        return Problem::unsupported("a page or a table in HTML or XML", "save it as CSV");
    }
    let more = if names.len() > SHOWN { ", …" } else { "" };
    let other_sign = match names {
        [only] if only.contains([',', ';', '\t', '|']) => {
            " Read with another sign between cells (a comma, a semicolon, a bar or a tab) its names fit no better."
        }
        _ => "",
    };
    Problem::invalid(format!(
        "no column of the file is named for the model: {}; the file has {}{more}. Name the columns so; or, where the \
         order is the model's, leave the header out.{other_sign}",
        plan::wanted_columns(&wants.signature, wants.only),
        names[..names.len().min(SHOWN)].iter().map(|name| shown(name)).collect::<Vec<_>>().join(", ")
    ))
}

/// A name as a message shows it: what is no text, or would move a terminal's cursor, is escaped.
fn shown(name: &str) -> String {
    if name.chars().any(|sign| sign.is_control() || sign == '\u{fffd}') {
        name.escape_debug().to_string()
    } else {
        name.to_owned()
    }
}

/// Appends the value of a cell; `false` when it is none of the tensor's type. Among decimal commas a point is no part of a
/// number.
#[inline]
fn push_text(tensor: &mut TensorMut, text: &[u8], decimal_comma: bool) -> bool {
    if decimal_comma && tensor.dtype() != DType::String {
        return cell::with_point(text).is_some_and(|text| cell::push_text(tensor, &text));
    }
    cell::push_text(tensor, text)
}

fn is_missing(text: &[u8], dtype: DType, accepts: bool, tokens: &[Vec<u8>]) -> bool {
    let empty = text.is_empty() || (dtype != DType::String && text.trim_ascii().is_empty());
    (empty && (dtype != DType::String || accepts)) || tokens.iter().any(|token| token == text)
}

/// The place of a column in a file that has none.
const NO_CELL: usize = usize::MAX;

struct CsvDecoder {
    plan: Plan,
    /// Of all columns; in a file without header: their places, from 1.
    names: Vec<String>,
    /// Whether the names are those of a header.
    named: bool,
    by_place: bool,
    /// What stands between cells.
    separator: u8,
    missing: Vec<Vec<u8>>,
    decimal_comma: bool,
    /// Places of the columns to keep.
    kept: Vec<Option<usize>>,
}

impl Decoder for CsvDecoder {
    fn filled(&self) -> Option<Vec<Slot>> {
        // An empty file shows no columns: nothing is known of what it would have filled.
        let fills = self.plan.fills.iter().map(|(slot, _)| *slot);
        (!self.names.is_empty()).then(|| fills.collect())
    }

    fn names(&self) -> Option<Vec<String>> {
        self.named.then(|| self.names.clone())
    }

    fn kept(&self) -> Vec<Option<Holds>> {
        self.kept.iter().map(|place| place.map(|_| Holds::Text)).collect()
    }

    fn keep(&self, raw: &Raw) -> Result<Vec<Option<ArrayRef>>, Problem> {
        let Raw::Text(text) = raw else { return Err(Problem::internal("CSV is text")) };
        self.kept.iter().map(|place| place.map(|place| self.column(text, place)).transpose()).collect()
    }

    fn taken_by_place(&self) -> bool {
        self.by_place
    }

    fn decode(&self, raw: &Raw) -> Result<Decoded, Problem> {
        let Raw::Text(text) = raw else { return Err(Problem::internal("CSV is text")) };
        let signature = &self.plan.signature;
        let mut rows = RowsBuilder::new(signature, self.plan.fills.iter().map(|(slot, _)| *slot));
        let shapes = self.shapes(&rows)?;
        let mut row = Vec::new();
        for (number, record) in text.iter().enumerate() {
            rows.row(number, |rows| {
                if !cells(record, self.separator, &mut row) {
                    return Err(Problem::invalid("a quoted cell is not closed"));
                }
                if row.len() != self.names.len() {
                    return Err(Problem::invalid(format!(
                        "expected {} cells, found {}",
                        self.names.len(),
                        row.len()
                    )));
                }
                for (i, (_, filling)) in self.plan.fills.iter().enumerate() {
                    let slot = &mut rows.slots[i];
                    for &place in filling.places() {
                        self.push(&mut slot.tensor, slot.spec, place, &row[place])?;
                    }
                    rows.close(i, Some(&shapes[i]));
                }
                Ok(Row::Taken)
            });
        }
        rows.finish()
    }

    fn raw_row(&self, raw: &Raw, row: usize) -> Vec<u8> {
        crate::opened::text_row(raw, row)
    }
}

impl CsvDecoder {
    /// Axes of a row of each input: the same in all rows.
    fn shapes(&self, rows: &RowsBuilder<'_>) -> Result<Vec<Vec<usize>>, Problem> {
        let columns = self.plan.fills.iter().map(|(_, filling)| filling.places().len());
        columns.zip(&rows.slots).map(|(count, slot)| slot.dims.of_columns(count)).collect()
    }

    /// The text of a column's cells; null where nothing stands, and in rows that cannot be read.
    fn column(&self, text: &TextRows, place: usize) -> Result<ArrayRef, Problem> {
        kept::bytes_fit(text.size())?;
        let mut column = BinaryBuilder::new();
        let mut row = Vec::new();
        for record in text.iter() {
            let cell = first_cells(record, self.separator, place, &mut row).then(|| row.get(place)).flatten();
            column.append_option(cell.filter(|cell| !cell.is_nothing()).map(Cell::text));
        }
        Ok(Arc::new(column.finish()))
    }

    #[inline]
    fn push(
        &self,
        tensor: &mut TensorMut,
        spec: &InputSpec,
        place: usize,
        cell: &Cell<'_>,
    ) -> Result<(), Problem> {
        let text = cell.text();
        // Most cells are numbers: what cannot be parsed is looked at again.
        let number = spec.dtype != DType::String;
        if number && self.missing.is_empty() && push_text(tensor, &text, self.decimal_comma) {
            return Ok(());
        }
        let accepts = spec.null == NullRule::Accept;
        if is_missing(&text, spec.dtype, accepts, &self.missing) {
            return cell::push_missing(tensor, spec, &self.names[place]);
        }
        if !number {
            cell::utf8(&self.names[place], &text)?;
        }
        if push_text(tensor, &text, self.decimal_comma) {
            return Ok(());
        }
        if spec.accepts_invalid {
            tensor.push_invalid(&text);
            return Ok(());
        }
        if cell::push_truth(tensor, &text) {
            return Ok(());
        }
        Err(unfit(&self.names[place], spec.dtype, &text, self.decimal_comma))
    }
}

/// What programs write for a missing value beside the empty cell: pandas' list (`STR_NA_VALUES`), SAS' point, Hive's and
/// MySQL's `\N`, and marks.
const MISSING_WORDS: [&str; 15] =
    ["NA", "N/A", "n/a", "#N/A", "<NA>", "NULL", "null", "None", "NaN", "nan", "NaT", "\\N", ".", "?", "-"];

/// The problem of a cell; one that looks missing, or has another decimal mark, is told how it is read.
#[cold]
fn unfit(column: &str, expected: DType, text: &[u8], decimal_comma: bool) -> Problem {
    if let Some(word) = MISSING_WORDS.iter().find(|word| word.as_bytes() == text) {
        let quote = if word.bytes().all(|b| b.is_ascii_alphabetic()) { "" } else { "'" };
        let why = format!("--missing {quote}{word}{quote} takes it for a missing value");
        return cell::unfit_since(column, expected, text, Some(&why));
    }
    let why = match (decimal_comma, cell::has_decimal_comma(text)) {
        (false, true) if cell::may_be_thousands(text) => {
            Some("write thousands without the comma; --decimal-comma reads it where it is a decimal one")
        }
        (false, true) => Some("a decimal point is read, a comma is not; --decimal-comma reads it"),
        (true, true) => None,
        (true, false) if text.contains(&b'.') => Some("with --decimal-comma a number has no point"),
        (_, false) => cell::why_unfit(text),
    };
    cell::unfit_since(column, expected, text, why)
}
