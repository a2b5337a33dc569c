//! Lines of JSON into inputs.

use super::scan::{DEPTH, Scanner, Start};
use crate::cell;
use crate::chunk::{Decoded, Raw};
use crate::plan;
use crate::reader::{Decoder, Opened, ReadOptions, Wants, lock, text_row};
use crate::rows_builder::{Row, RowsBuilder, SlotRows};
use crate::text_rows::{FirstThenRest, Lines, RecordReader};
use landfall_model::{DType, NullRule, Problem, Reason, Slot};
use std::collections::{BTreeSet, HashSet};
use std::io::Read;
use std::sync::Mutex;

/// Opens lines of JSON. Which keys there are is decided line by line.
pub(crate) fn open(
    name: &str,
    stream: Box<dyn Read + Send>,
    wants: &Wants,
    options: &ReadOptions,
) -> Result<Opened, Problem> {
    let mut lines = RecordReader::new(name, stream, Lines, options.eager);
    let first = lines.block(1)?;
    let decoder = JsonDecoder { wants: wants.clone(), ignored: Mutex::default() };
    // Without a line it is a table of no rows, for any model.
    if let Some(first) = &first {
        decoder.check_first(first.record(0)).map_err(|problem| problem.at(name.to_owned()))?;
    }
    Ok(Opened::new(FirstThenRest { first, records: lines }, decoder, Vec::new()))
}

struct JsonDecoder {
    wants: Wants,
    ignored: Mutex<BTreeSet<String>>,
}

impl Decoder for JsonDecoder {
    fn decode(&self, raw: &Raw) -> Result<Decoded, Problem> {
        let Raw::Text(text) = raw else { return Err(Problem::internal("JSON Lines are text")) };
        let slots = self.slots();
        let mut rows = RowsBuilder::new(&self.wants.signature, slots.clone());
        let mut seen = Vec::new();
        let mut ignored = HashSet::new();
        for (number, line) in text.iter().enumerate() {
            rows.row(number, |rows| self.line(line, &slots, rows, &mut seen, &mut ignored));
        }
        let names = ignored.into_iter().map(|name| String::from_utf8_lossy(&name).into_owned());
        lock(&self.ignored).extend(names);
        rows.finish()
    }

    fn raw_row(&self, raw: &Raw, row: usize) -> Vec<u8> {
        text_row(raw, row)
    }

    fn ignored(&self) -> Vec<String> {
        lock(&self.ignored).iter().cloned().collect()
    }
}

impl JsonDecoder {
    fn slots(&self) -> Vec<Slot> {
        self.wants.only.map_or_else(|| (0..self.wants.signature.inputs().len()).collect(), |slot| vec![slot])
    }

    /// A first line that has not one input that it must have: the file is not meant for the model.
    fn check_first(&self, line: &[u8]) -> Result<(), Problem> {
        let text = line.trim_ascii();
        if text == b"[" || (text.starts_with(b"[{") && !text.starts_with(b"[{\"b64\"")) {
            return Err(Problem::invalid(
                "a JSON array of rows: each row has to be on a line of its own (JSON Lines)",
            ));
        }
        let mut scanner = Scanner::new(line);
        if scanner.start().is_ok_and(|start| start != Start::Object) {
            return match self.nameless() {
                Some(_) => Ok(()),
                None => Err(Problem::invalid(format!(
                    "the lines have no names: {}",
                    plan::wanted_columns(&self.wants.signature, self.wants.only)
                ))),
            };
        }
        let Ok(given) = keys(line) else { return Ok(()) };
        let inputs = self.wants.signature.inputs();
        let required: Vec<Slot> = self.slots().into_iter().filter(|&slot| !inputs[slot].optional).collect();
        let has = |slot: &Slot| {
            given.iter().any(|key| self.wants.signature.slot(key).is_some_and(|found| found.slot == *slot))
        };
        if required.is_empty() || required.iter().any(has) {
            return Ok(());
        }
        let missing = required.iter().map(|&slot| inputs[slot].name.clone()).collect();
        Err(Problem::new(Reason::InputsMissing { missing, given }))
    }

    /// The input that a line without names means.
    fn nameless(&self) -> Option<Slot> {
        self.wants.only.or_else(|| self.wants.signature.only_required_input())
    }

    fn line(
        &self,
        line: &[u8],
        slots: &[Slot],
        rows: &mut RowsBuilder<'_>,
        seen: &mut Vec<Seen>,
        ignored: &mut HashSet<Vec<u8>>,
    ) -> Result<Row, Problem> {
        seen.clear();
        seen.resize(slots.len(), Seen::No);
        let mut scanner = Scanner::new(line);
        if scanner.start()? == Start::Object {
            self.object(&mut scanner, slots, rows, seen, ignored)?;
        } else {
            let only = self.nameless().and_then(|only| slots.iter().position(|slot| *slot == only));
            let place = only.ok_or_else(|| scanner.unexpected("an object with the inputs' names"))?;
            seen[place] = Seen::Whole(value(&mut scanner, &mut rows.slots[place], &[])?);
        }
        scanner.end()?;
        self.close(rows, seen)
    }

    fn object(
        &self,
        scanner: &mut Scanner<'_>,
        slots: &[Slot],
        rows: &mut RowsBuilder<'_>,
        seen: &mut [Seen],
        ignored: &mut HashSet<Vec<u8>>,
    ) -> Result<(), Problem> {
        scanner.expect(b'{')?;
        if scanner.take(b'}') {
            return Ok(());
        }
        loop {
            let key = scanner.string()?;
            scanner.expect(b':')?;
            let found = std::str::from_utf8(&key).ok().and_then(|key| self.wants.signature.slot(key));
            let place = found.and_then(|found| slots.iter().position(|slot| *slot == found.slot));
            match (found, place) {
                (Some(found), Some(place)) => {
                    let slot = &mut rows.slots[place];
                    match (found.column, &mut seen[place]) {
                        (None, state @ Seen::No) => *state = Seen::Whole(value(scanner, slot, &key)?),
                        (Some(column), state) => matrix_value(scanner, slot, column, state, &key)?,
                        (None, _) => {
                            return Err(Problem::new(Reason::InputRepeated {
                                input: slot.spec.name.clone(),
                            }));
                        }
                    }
                }
                _ => {
                    if !ignored.contains(&*key) {
                        ignored.insert(key.into_owned());
                    }
                    scanner.skip(0)?;
                }
            }
            if !scanner.more(b'}')? {
                return Ok(());
            }
        }
    }

    /// Ends the row: what is not there is missing, or left out where it may be.
    fn close(&self, rows: &mut RowsBuilder<'_>, seen: &mut [Seen]) -> Result<Row, Problem> {
        let lacking: Vec<String> = rows
            .slots
            .iter()
            .zip(seen.iter())
            .filter(|(slot, seen)| {
                matches!(seen, Seen::No) && !slot.spec.optional && slot.spec.null == NullRule::Refuse
            })
            .map(|(slot, _)| slot.spec.name.clone())
            .collect();
        if !lacking.is_empty() {
            return Err(Problem::invalid(format!("missing: {}", lacking.join(", "))));
        }
        for (place, seen) in seen.iter_mut().enumerate() {
            let slot = &mut rows.slots[place];
            let shape = match std::mem::replace(seen, Seen::No) {
                Seen::Whole(shape) => Some(shape),
                Seen::Columns(columns) => Some(matrix_row(slot, columns)?),
                Seen::No if slot.spec.optional => None,
                Seen::No => Some(slot.push_missing_row()?),
            };
            if let Row::OtherShape = rows.close(place, shape.as_deref()) {
                return Ok(Row::OtherShape);
            }
        }
        Ok(Row::Taken)
    }
}

/// What a line has of an input so far.
#[derive(Clone)]
enum Seen {
    No,
    /// All of it, with its axes.
    Whole(Vec<usize>),
    /// Some columns of a matrix: where the value of each lies, and the values.
    Columns(Columns),
}

/// Values of a matrix row in the order in which they came.
#[derive(Clone)]
struct Columns {
    /// By column of the matrix: the place among the values.
    places: Vec<Option<usize>>,
    /// The values as they stand on the line.
    texts: Vec<Vec<u8>>,
}

fn matrix_value(
    scanner: &mut Scanner<'_>,
    slot: &SlotRows<'_>,
    column: usize,
    state: &mut Seen,
    key: &[u8],
) -> Result<(), Problem> {
    if let Seen::No = state {
        let width = slot.spec.columns.len();
        *state = Seen::Columns(Columns { places: vec![None; width], texts: Vec::new() });
    }
    let name = || String::from_utf8_lossy(key).into_owned();
    let Seen::Columns(columns) = state else {
        return Err(Problem::new(Reason::InputRepeated { input: name() }));
    };
    if columns.places[column].replace(columns.texts.len()).is_some() {
        return Err(Problem::new(Reason::InputRepeated { input: name() }));
    }
    columns.texts.push(scanner.raw()?.to_vec());
    Ok(())
}

/// The values of a matrix row in the matrix's order; columns that did not come are missing.
fn matrix_row(slot: &mut SlotRows<'_>, columns: Columns) -> Result<Vec<usize>, Problem> {
    for (column, place) in columns.places.iter().enumerate() {
        let name = &slot.spec.columns[column].name;
        match place {
            Some(place) => {
                let axes = element(&mut Scanner::new(&columns.texts[*place]), slot, name)?;
                if !axes {
                    return Err(cell::unfit(name, slot.spec.dtype, &columns.texts[*place]));
                }
            }
            None => cell::push_missing(&mut slot.tensor, slot.spec, name)?,
        }
    }
    slot.dims
        .fitted(&[columns.places.len()])
        .ok_or_else(|| Problem::internal("a matrix does not fit its columns"))
}

/// Reads a whole input; gives the axes of its row.
fn value(scanner: &mut Scanner<'_>, slot: &mut SlotRows<'_>, key: &[u8]) -> Result<Vec<usize>, Problem> {
    let name =
        if key.is_empty() { slot.spec.name.clone() } else { String::from_utf8_lossy(key).into_owned() };
    if scanner.start()? == Start::Null {
        scanner.word("null")?;
        return slot.push_missing_row();
    }
    let mut axes = Vec::new();
    list(scanner, slot, &name, 0, &mut axes)?;
    slot.dims.fitted(&axes).ok_or_else(|| {
        let found = landfall_model::Shape::new(&axes);
        Problem::invalid(format!("column {name:?}: expected {}, found shape {found}", slot.dims.words()))
    })
}

/// A value or nested lists of values; `axes` takes the length of each level.
fn list(
    scanner: &mut Scanner<'_>,
    slot: &mut SlotRows<'_>,
    name: &str,
    depth: usize,
    axes: &mut Vec<usize>,
) -> Result<(), Problem> {
    const UNKNOWN: usize = usize::MAX;
    if scanner.start()? != Start::List {
        let leaf_depth = axes.len();
        if depth != leaf_depth || !element(scanner, slot, name)? {
            return Err(ragged(name));
        }
        return Ok(());
    }
    if depth == DEPTH {
        return Err(Problem::invalid(format!("column {name:?}: lists are nested deeper than {DEPTH}")));
    }
    let level_is_new = axes.len() == depth;
    if level_is_new {
        axes.push(UNKNOWN);
    }
    scanner.expect(b'[')?;
    let mut length = 0;
    if !scanner.take(b']') {
        loop {
            // The first element of the first list says how deep the values lie; others must lie as deep.
            if level_is_new && length == 0 {
                list(scanner, slot, name, depth + 1, axes)?;
            } else {
                let levels = axes.len();
                list(scanner, slot, name, depth + 1, axes)?;
                if axes.len() != levels {
                    return Err(ragged(name));
                }
            }
            length += 1;
            if !scanner.more(b']')? {
                break;
            }
        }
    }
    if axes[depth] == UNKNOWN {
        axes[depth] = length;
    } else if axes[depth] != length {
        return Err(ragged(name));
    }
    Ok(())
}

fn ragged(name: &str) -> Problem {
    Problem::invalid(format!("column {name:?}: lists within a row differ in length or depth"))
}

/// One value of the input's type; `false` where a list stands in its place.
fn element(scanner: &mut Scanner<'_>, slot: &mut SlotRows<'_>, name: &str) -> Result<bool, Problem> {
    let dtype = slot.spec.dtype;
    match scanner.start()? {
        Start::List => return Ok(false),
        Start::Number => {
            let text = scanner.number()?;
            if slot.spec.integers_as_text && is_whole(text) {
                slot.tensor.push_str(if text == b"-0" { b"0" } else { text });
            } else if dtype == DType::String || !cell::push_text(&mut slot.tensor, text) {
                push_unfit(slot, name, text)?;
            }
        }
        start @ (Start::True | Start::False) => {
            let truth = start == Start::True;
            scanner.word(if truth { "true" } else { "false" })?;
            let text: &[u8] = if truth { b"1" } else { b"0" };
            if slot.spec.integers_as_text {
                slot.tensor.push_str(text);
            } else if dtype == DType::String || !cell::push_text(&mut slot.tensor, text) {
                push_unfit(slot, name, if truth { b"true" } else { b"false" })?;
            }
        }
        Start::Null => {
            scanner.word("null")?;
            cell::push_missing(&mut slot.tensor, slot.spec, name)?;
        }
        Start::Text => {
            let text = scanner.string()?;
            let number = dtype.is_float() && matches!(&*text, b"NaN" | b"Infinity" | b"-Infinity");
            if dtype != DType::String && !number {
                push_unfit(slot, name, &text)?;
            } else {
                cell::push_text(&mut slot.tensor, &text);
            }
        }
        Start::Object => {
            let bytes = base64(scanner, name)?;
            if dtype != DType::String {
                return Err(cell::unfit(name, dtype, b"{\"b64\": ...}"));
            }
            slot.tensor.push_str(&bytes);
        }
    }
    Ok(true)
}

/// Whether a number of JSON's is written without fraction and exponent.
fn is_whole(text: &[u8]) -> bool {
    text.strip_prefix(b"-").unwrap_or(text).iter().all(u8::is_ascii_digit)
}

/// A value that is none of the input's type: marked invalid where the input takes that, else refused. Numbers are no
/// texts for anybody.
fn push_unfit(slot: &mut SlotRows<'_>, name: &str, text: &[u8]) -> Result<(), Problem> {
    if slot.spec.accepts_invalid && slot.spec.dtype != DType::String {
        slot.tensor.push_invalid(text);
        return Ok(());
    }
    Err(cell::unfit(name, slot.spec.dtype, text))
}

/// `{"b64": "…"}`: bytes that are no text.
fn base64(scanner: &mut Scanner<'_>, name: &str) -> Result<Vec<u8>, Problem> {
    scanner.expect(b'{')?;
    let key = scanner.string()?;
    scanner.expect(b':')?;
    if &*key != b"b64" {
        return Err(Problem::invalid(format!("column {name:?}: an object is no value")));
    }
    let text = scanner.string()?;
    scanner.expect(b'}')?;
    base64_simd::STANDARD
        .decode_to_vec(&*text)
        .map_err(|_| Problem::invalid(format!("column {name:?}: this is no base64")))
}

fn keys(line: &[u8]) -> Result<Vec<String>, Problem> {
    let mut scanner = Scanner::new(line);
    let mut keys = Vec::new();
    scanner.expect(b'{')?;
    if scanner.take(b'}') {
        return Ok(keys);
    }
    loop {
        keys.push(String::from_utf8_lossy(&scanner.string()?).into_owned());
        scanner.expect(b':')?;
        scanner.skip(0)?;
        if !scanner.more(b'}')? {
            return Ok(keys);
        }
    }
}
