//! Lines of JSON into inputs.

use super::value::{element, value};
use crate::cell;
use crate::json::{Scanner, Start};
use crate::kept::{self, Holds};
use crate::opened::{Decoded, Decoder, Opened, Raw, Wants, lock, text_row};
use crate::options::ReadOptions;
use crate::plan;
use crate::row_dims::RowDims;
use crate::rows_builder::{Row, RowsBuilder, SlotRows};
use crate::text_rows::{FirstThenRest, Lines, RecordReader};
use arrow_array::ArrayRef;
use arrow_array::builder::BinaryBuilder;
use landfall_model::{NullRule, Problem, Reason, Signature, Slot};
use std::collections::{BTreeSet, HashSet};
use std::io::Read;
use std::ops::Range;
use std::sync::{Arc, Mutex};

/// Opens lines of JSON. Which keys there are is decided line by line.
pub(crate) fn open(
    name: &str,
    stream: Box<dyn Read + Send>,
    wants: &Wants,
    options: &ReadOptions,
) -> Result<Opened, Problem> {
    let mut lines = RecordReader::new(name, stream, Lines, options.eager);
    let first = lines.block(1)?;
    let mut decoder = JsonDecoder { wants: wants.clone(), ignored: Mutex::default(), names: None };
    // Without a line it is a table of no rows, for any model.
    if let Some(first) = &first {
        decoder.check_first(first.record(0)).map_err(|problem| problem.at(name.to_owned()))?;
        decoder.names = Some(keys(first.record(0)).unwrap_or_default());
    }
    Ok(Opened::new(FirstThenRest { first, records: lines }, decoder, Vec::new()))
}

struct JsonDecoder {
    wants: Wants,
    ignored: Mutex<BTreeSet<String>>,
    /// The first line's; `None` where there is no line.
    names: Option<Vec<String>>,
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
        lock(&self.ignored).iter().filter(|name| !self.wants.keep.contains(name)).cloned().collect()
    }

    fn names(&self) -> Option<Vec<String>> {
        self.names.clone()
    }

    fn kept(&self) -> Vec<Option<Holds>> {
        let has = |name: &String| self.names.as_ref().is_none_or(|names| names.contains(name));
        self.wants.keep.iter().map(|name| has(name).then_some(Holds::Json)).collect()
    }

    fn keep(&self, raw: &Raw) -> Result<Vec<Option<ArrayRef>>, Problem> {
        let Raw::Text(text) = raw else { return Err(Problem::internal("JSON Lines are text")) };
        kept::bytes_fit(text.size())?;
        let mut columns: Vec<BinaryBuilder> = self.wants.keep.iter().map(|_| BinaryBuilder::new()).collect();
        let mut found = vec![None; columns.len()];
        for line in text.iter() {
            found.fill(None);
            // A line that cannot be read is no row of any call.
            let _ = kept_values(line, &self.wants.keep, &mut found);
            for (column, place) in columns.iter_mut().zip(&found) {
                let json = place.clone().map(|place: Range<usize>| &line[place]);
                column.append_option(json.filter(|json| json != b"null"));
            }
        }
        Ok(columns.iter_mut().map(|column| Some(Arc::new(column.finish()) as ArrayRef)).collect())
    }
}

/// Where on a line the values of these keys stand; of a key that comes twice the last one, as most readers have it.
fn kept_values(line: &[u8], keep: &[String], found: &mut [Option<Range<usize>>]) -> Result<(), Problem> {
    let mut scanner = Scanner::new(line);
    scanner.expect(b'{')?;
    loop {
        let key = scanner.string()?;
        scanner.expect(b':')?;
        match keep.iter().position(|name| name.as_bytes() == &*key) {
            Some(place) => found[place] = Some(scanner.passed_over()?),
            None => scanner.skip(0)?,
        }
        if !scanner.more(b'}')? {
            return Ok(());
        }
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
                "a JSON array of rows: each row has to be on a line of its own (JSON Lines; pandas writes them with \
                 orient=\"records\", lines=True)",
            ));
        }
        if text == b"{" {
            return Err(Problem::invalid(
                "a JSON object over several lines: each row has to be on one line of its own (JSON Lines)",
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
        if let Some(what) = whole_table(&given) {
            return Err(Problem::invalid(format!(
                "{what}: each row has to be on a line of its own (JSON Lines; pandas writes them with \
                 orient=\"records\", lines=True)"
            )));
        }
        let shapes = self.wants.signature.shapes();
        let names = |&slot: &Slot| plan::names_of(&inputs[slot], &RowDims::of(&inputs[slot], shapes));
        let missing: Vec<String> = required.iter().map(names).collect();
        let model = Some(&*self.wants.signature);
        let given = plan::those_alike(given.iter().map(String::as_str).collect(), &missing, model);
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
        self.close(line, rows, seen)
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
    fn close(&self, line: &[u8], rows: &mut RowsBuilder<'_>, seen: &mut [Seen]) -> Result<Row, Problem> {
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
            return Err(lacking_of(&lacking, line, &self.wants.signature));
        }
        // A line with nothing of the model's is a row all the same: without any input there would be none.
        let nothing = seen.iter().all(|seen| matches!(seen, Seen::No));
        for (place, seen) in seen.iter_mut().enumerate() {
            let slot = &mut rows.slots[place];
            let stays = nothing && slot.spec.null == NullRule::Accept;
            let shape = match std::mem::replace(seen, Seen::No) {
                Seen::Whole(shape) => Some(shape),
                Seen::Columns(columns) => Some(matrix_row(slot, line, &columns)?),
                Seen::No if slot.spec.optional && !stays => None,
                Seen::No => Some(slot.push_missing_row()?),
            };
            if let Row::OtherShape = rows.close(place, shape.as_deref()) {
                return Ok(Row::OtherShape);
            }
        }
        Ok(Row::Taken)
    }
}

/// Inputs that a line does not have, with the keys that it has: a misspelt one is among them.
#[cold]
fn lacking_of(lacking: &[String], line: &[u8], model: &Signature) -> Problem {
    let given = keys(line).unwrap_or_default();
    let given = plan::those_alike(given.iter().map(String::as_str).collect(), lacking, Some(model));
    Problem::invalid(format!("missing: {} (given: {})", lacking.join(", "), given.join(", ")))
}

/// What an object with these keys is, where it stands for more rows than one.
fn whole_table(keys: &[String]) -> Option<&'static str> {
    let has = |names: &[&str]| names.iter().all(|name| keys.iter().any(|key| key == name));
    if has(&["instances"]) || has(&["inputs"]) {
        return Some("the body of a request");
    }
    // pandas' orient="split" and orient="table".
    (has(&["columns", "data"]) || has(&["schema", "data"])).then_some("one object for the whole table")
}

/// What a line has of an input so far.
#[derive(Clone)]
enum Seen {
    No,
    /// All of it, with its axes.
    Whole(Vec<usize>),
    /// Some columns of a matrix: where on the line the value of each stands.
    Columns(Vec<Option<Range<usize>>>),
}

fn matrix_value(
    scanner: &mut Scanner<'_>,
    slot: &SlotRows<'_>,
    column: usize,
    state: &mut Seen,
    key: &[u8],
) -> Result<(), Problem> {
    if let Seen::No = state {
        *state = Seen::Columns(vec![None; slot.spec.columns.len()]);
    }
    let place = scanner.passed_over()?;
    match state {
        Seen::Columns(columns) if columns[column].is_none() => columns[column] = Some(place),
        _ => {
            let input = String::from_utf8_lossy(key).into_owned();
            return Err(Problem::new(Reason::InputRepeated { input }));
        }
    }
    Ok(())
}

/// The values of a matrix row in the matrix's order; columns that did not come are missing.
fn matrix_row(
    slot: &mut SlotRows<'_>,
    line: &[u8],
    columns: &[Option<Range<usize>>],
) -> Result<Vec<usize>, Problem> {
    for (place, column) in columns.iter().zip(&slot.spec.columns) {
        match place {
            Some(place) => {
                let text = &line[place.clone()];
                if !element(&mut Scanner::new(text), slot, &column.name)? {
                    return Err(cell::unfit(&column.name, slot.spec.dtype, text));
                }
            }
            None => cell::push_missing(&mut slot.tensor, slot.spec, &column.name)?,
        }
    }
    slot.dims.fitted(&[columns.len()]).ok_or_else(|| Problem::internal("a matrix does not fit its columns"))
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
