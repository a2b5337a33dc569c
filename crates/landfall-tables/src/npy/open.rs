//! Arrays off files: headers first, then rows of all arrays in step.

use super::array_stream::ArrayStream;
use super::decode::{ArrayDecoder, ArrayFacts};
use super::header::{Header, Items};
use super::npz::{self, Entry};
use super::sparse;
use crate::columns::check_type;
use crate::kept;
use crate::opened::{EMPTY_VALUES, Opened, Raw, RawArray, RawSource, Wants};
use crate::plan::{self, Filling, Plan, SourceColumn};
use crate::source::OpenSource;
use landfall_model::{Buffer, Problem};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::BufReader;

/// What NumPy calls the first array that it is not given a name for.
const NAMELESS: &str = "arr_0";

/// Opens one array, for the one input that it can mean.
pub(crate) fn open_npy(name: &str, source: OpenSource, wants: &Wants) -> Result<Opened, Problem> {
    let slot = wants.only.or_else(|| wants.signature.only_required_input()).ok_or_else(|| {
        let taken = match wants.signature.inputs() {
            [] => "no inputs",
            _ => "several inputs: give each as NAME=FILE, or all in one NPZ",
        };
        Problem::invalid(format!("{name} is one array, but the model takes {taken}"))
    })?;
    let stream = BufReader::with_capacity(1 << 20, source.stream());
    let array = ArrayStream::open(name, Box::new(stream), false)?;
    let plan = Plan {
        signature: wants.signature.clone(),
        fills: vec![(slot, Filling::Whole(0))],
        ignored: Vec::new(),
    };
    let kept = vec![None; wants.keep.len()];
    opened(vec![array], plan, wants, (None, kept))
}

/// Opens arrays by name.
pub(crate) fn open_npz(name: &str, file: &File, wants: &Wants) -> Result<Vec<Opened>, Problem> {
    let mut entries = npz::entries(name, file)?;
    if let Some(matrix) = sparse::taken_out(name, file, &mut entries, wants)? {
        return with_others(name, file, matrix, entries, wants);
    }
    let names: Vec<String> = entries.iter().map(|entry| entry.name.clone()).collect();
    let mut kept = kept_places(name, &names, wants)?;
    let inputs = wants.signature.inputs();
    let known = |entry: &Entry| inputs.iter().any(|input| input.name == entry.name);
    let only = wants.only.or_else(|| wants.signature.only_required_input());
    let nameless = entries.len() == 1 && entries[0].name == NAMELESS && !known(&entries[0]);
    let mut streams = Vec::with_capacity(entries.len());
    let mut columns = Vec::with_capacity(entries.len());
    for entry in entries {
        let stream = ArrayStream::of(name, file, &entry)?;
        // An array that bears an input's name is that input, whatever its axes.
        let plain = stream.header.shape.len() == 1 && !known(&entry);
        columns.push(SourceColumn { name: entry.name, plain });
        streams.push(stream);
    }
    let mut plan = match only.filter(|_| nameless) {
        Some(slot) => Plan {
            signature: wants.signature.clone(),
            fills: vec![(slot, Filling::Whole(0))],
            ignored: Vec::new(),
        },
        None => plan::by_name(&wants.signature, wants.only, &columns).map_err(|p| p.at(name.to_owned()))?,
    };
    let streams = only_needed(streams, &mut plan, &mut kept);
    Ok(vec![opened(streams, plan, wants, (Some(names), kept))?])
}

/// Where the arrays to keep stand among the arrays of a file.
fn kept_places(name: &str, names: &[String], wants: &Wants) -> Result<Vec<Option<usize>>, Problem> {
    kept::places(&wants.keep, names.iter().map(String::as_str)).map_err(|problem| problem.at(name.to_owned()))
}

/// Sparse rows, and beside them those arrays that bear the names of other inputs, or are kept.
fn with_others(
    name: &str,
    file: &File,
    mut matrix: Opened,
    entries: Vec<Entry>,
    wants: &Wants,
) -> Result<Vec<Opened>, Problem> {
    let mut plan = Plan { signature: wants.signature.clone(), fills: Vec::new(), ignored: Vec::new() };
    let names: Vec<String> = entries.iter().map(|entry| entry.name.clone()).collect();
    let mut kept = kept_places(name, &names, wants)?;
    let mut streams = Vec::new();
    for (place, entry) in entries.into_iter().enumerate() {
        let slot = wants.signature.inputs().iter().position(|input| input.name == entry.name);
        let slot = slot.filter(|_| wants.only.is_none());
        let kept = kept.iter_mut().flatten().find(|kept| **kept == place);
        if slot.is_none() && kept.is_none() {
            matrix.ignored.push(entry.name);
            continue;
        }
        plan.fills.extend(slot.map(|slot| (slot, Filling::Whole(streams.len()))));
        // No place further on is as small.
        kept.into_iter().for_each(|kept| *kept = streams.len());
        streams.push(ArrayStream::of(name, file, &entry)?);
    }
    if streams.is_empty() {
        return Ok(vec![matrix]);
    }
    let others = opened(streams, plan, wants, (Some(names), kept))?;
    if let (Some(sparse), Some(dense)) = (matrix.total, others.total)
        && sparse != dense
    {
        return Err(Problem::invalid(format!(
            "{name}: the sparse matrix has {sparse} rows, the other arrays have {dense}"
        )));
    }
    Ok(vec![matrix, others])
}

/// Drops the arrays that nobody takes or keeps; the places count those that are left.
fn only_needed(
    mut streams: Vec<ArrayStream>,
    plan: &mut Plan,
    kept: &mut [Option<usize>],
) -> Vec<ArrayStream> {
    let taken = plan.fills.iter().flat_map(|(_, filling)| filling.places()).chain(kept.iter().flatten());
    let needed: BTreeSet<usize> = taken.copied().collect();
    let filled = plan.fills.iter_mut().flat_map(|(_, filling)| filling.places_mut());
    filled.chain(kept.iter_mut().flatten()).for_each(|place| *place = needed.range(..*place).count());
    let mut place = 0..;
    streams.retain(|_| place.next().is_some_and(|place| needed.contains(&place)));
    streams
}

/// Of a file with names: those of its arrays, and the places among `arrays` of those to keep.
fn opened(
    arrays: Vec<ArrayStream>,
    plan: Plan,
    wants: &Wants,
    (names, kept): (Option<Vec<String>>, Vec<Option<usize>>),
) -> Result<Opened, Problem> {
    for (slot, filling) in &plan.fills {
        let spec = &wants.signature.inputs()[*slot];
        for &place in filling.places() {
            let found = arrays[place].header.items.dtype();
            check_type(spec, found).map_err(|problem| problem.at(arrays[place].name.clone()))?;
        }
    }
    let rows = common_rows(&arrays, wants.whole)?;
    let facts: Vec<_> = arrays.iter().map(ArrayFacts::of).collect();
    let keeps = |place: usize| {
        let array = &facts[place];
        if array.shape.first().copied().unwrap_or(1) != rows {
            return Err(kept::wrong(format!("{} has other rows than the table's {rows}", array.name)));
        }
        let complex = || kept::wrong(format!("{} holds complex numbers, which no column has", array.name));
        array.cells().map(|holds| (place, holds)).ok_or_else(complex)
    };
    let kept: Vec<_> =
        kept.iter().map(|place| place.map(keeps).transpose()).collect::<Result<_, Problem>>()?;
    let is_kept = |name: &String| kept.iter().flatten().any(|&(place, _)| facts[place].array == *name);
    let ignored = plan.ignored.iter().filter(|name| !is_kept(name)).cloned().collect();
    let decoder = ArrayDecoder { plan, arrays: facts, names, kept, whole: wants.whole };
    let source = Arrays { arrays, left: rows, started: false, whole: wants.whole };
    Ok(Opened::new(source, decoder, ignored).with_total(rows as u64))
}

/// The number of rows that all arrays have; where all goes as one chunk: the largest.
fn common_rows(arrays: &[ArrayStream], whole: bool) -> Result<usize, Problem> {
    let mut rows: Option<(usize, &str)> = None;
    for array in arrays {
        let found = match array.header.shape.first() {
            Some(&found) => found,
            None if whole => 1,
            None => {
                return Err(Problem::invalid(format!("{}: an array without axes has no rows", array.name)));
            }
        };
        let values = found.saturating_mul(array.header.row_items().max(1));
        if array.row_bytes() == 0 && values > EMPTY_VALUES {
            return Err(Problem::invalid(format!("{}: {found} rows without a value", array.name)));
        }
        match rows {
            Some((expected, first)) if expected != found && !whole => {
                return Err(Problem::invalid(format!(
                    "{} has {found} rows, {first} has {expected}",
                    array.name
                )));
            }
            Some((expected, _)) if expected >= found => {}
            _ => rows = Some((found, &array.name)),
        }
    }
    Ok(rows.map_or(0, |(rows, _)| rows))
}

/// Rows of all arrays in step.
struct Arrays {
    arrays: Vec<ArrayStream>,
    left: usize,
    started: bool,
    whole: bool,
}

impl RawSource for Arrays {
    fn next(&mut self, max_rows: usize) -> Result<Option<Raw>, Problem> {
        let first = !std::mem::replace(&mut self.started, true);
        if self.left == 0 && !(first && self.whole) {
            return Ok(None);
        }
        let rows = self.left.min(max_rows);
        self.left -= rows;
        let mut raw = Vec::with_capacity(self.arrays.len());
        for array in &mut self.arrays {
            let row_bytes = array.row_bytes();
            let count = if self.whole { array.header.bytes_total().unwrap_or(0) } else { rows * row_bytes };
            raw.push(RawArray { bytes: Buffer::from_owner(array.take(count)?), row_bytes });
            if self.left == 0 {
                array.finish()?;
            }
        }
        Ok(Some(Raw::Arrays { arrays: raw, rows }))
    }
}

/// Only what the decoder needs to know.
impl ArrayFacts {
    pub(super) fn of(stream: &ArrayStream) -> Self {
        let Header { items, big_endian, shape, .. } = &stream.header;
        ArrayFacts {
            name: stream.name.clone(),
            array: stream.array.clone(),
            items: *items,
            big_endian: *big_endian && !matches!(items, Items::Bytes(_)),
            shape: shape.clone(),
        }
    }
}
