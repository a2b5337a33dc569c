//! Why a body does not fit its signature, in the original's words and in its order of checks.
//!
//! Reading stops at the first thing that does not fit and says nothing about it. Here the data is read once more, value
//! by value, as the original does with its tree. The JSON is well-formed by now.

use super::base64::{is_base64, is_named};
use super::columnar::read_column;
use super::form::Form;
use super::item::{Dims, Items, MAX_RANK};
use super::rows::nameless_slot;
use super::scalar::{has_json_form, read_cell};
use crate::json::{Scanner, quoted};
use crate::tfs::names::type_word;
use landfall_model::{DType, InputSpec, Kind, Problem, Shape, Signature, SlotColumn, TensorMut};
use std::collections::{BTreeSet, HashMap};

/// `JSON Value: … what`, quoting the value at this place.
pub(super) fn about(value: &Scanner<'_>, what: &str) -> Problem {
    Problem::invalid(format!("JSON Value: {} {what}", quoted(value)))
}

/// Why the data at `at` does not fit.
#[cold]
pub(super) fn explain(
    form: Form,
    document: &Scanner<'_>,
    root: usize,
    at: usize,
    signature: &Signature,
) -> Problem {
    let data = document.moved_to(at);
    match form {
        Form::Rows => rows(document.moved_to(root), data, signature),
        Form::Columns => columns(data, signature),
    }
    .unwrap_or_else(|| Problem::invalid("the request does not fit the model's signature"))
}

/// A text, and the kind that the original gives it.
type Complaint = (Kind, String);

fn invalid<T>(text: String) -> Result<T, Complaint> {
    Err((Kind::InvalidArgument, text))
}

fn rows(document: Scanner<'_>, mut list: Scanner<'_>, signature: &Signature) -> Option<Problem> {
    if !list.take(b'[') {
        return Some(about(&document, "Expecting 'instances' to be an list/array"));
    }
    if !list.next_element(true).ok()? {
        return Some(about(&document, "No values in 'instances' array"));
    }
    let objects = is_named(&list);
    let nameless = nameless_slot(signature);
    if !objects && nameless.is_none() {
        return Some(Problem::invalid(
            "instances is a plain list, but expecting list of objects as multiple input tensors required as per \
             tensorinfo_map",
        ));
    }
    let mut shapes = Shapes::default();
    let mut row = 0;
    loop {
        let problem = match (objects, is_named(&list), nameless) {
            (true, true, _) => object(row, list.clone(), signature, &mut shapes),
            (true, false, _) => Some(format!("Expecting object but got list at item {row} of input list")),
            (false, true, _) => {
                Some(format!("Expecting value/list but got object at item {row} of input list"))
            }
            (false, false, slot) => {
                let target = SlotColumn { slot: slot?, column: None };
                shapes.check(&list, signature, target).err().map(|complaint| in_row(row, None, complaint))
            }
        };
        if problem.is_some() {
            return problem.map(Problem::invalid);
        }
        list.skip_value().ok()?;
        if !list.next_element(false).ok()? {
            return None;
        }
        row += 1;
    }
}

/// Why a row of named values does not fit.
fn object(row: usize, mut object: Scanner<'_>, signature: &Signature, shapes: &mut Shapes) -> Option<String> {
    let whole = object.clone();
    object.step();
    let mut given = BTreeSet::new();
    while let Some(name) = object.next_name(given.is_empty()).ok()? {
        let name = String::from_utf8_lossy(&name).into_owned();
        let checked = match signature.slot(&name) {
            None => invalid(format!("JSON object: does not have named input: {name}")),
            Some(_) if given.contains(&name) => {
                invalid(format!("JSON object: has named input more than once: {name}"))
            }
            Some(target) => shapes.check(&object, signature, target),
        };
        if let Err(complaint) = checked {
            return Some(in_row(row, Some(&name), complaint));
        }
        given.insert(name);
        object.skip_value().ok()?;
    }
    let expected = shapes.expected_names(signature, row, &given);
    (given != expected).then(|| {
        let names = expected.iter().map(String::as_str).collect::<Vec<_>>().join(",");
        format!(
            "Failed to process element: {row} of 'instances' list. JSON object: {} keys must be equal to: {names}",
            quoted(&whole)
        )
    })
}

fn in_row(row: usize, name: Option<&str>, (kind, text): Complaint) -> String {
    let key = name.map(|name| format!(" key: {name}")).unwrap_or_default();
    format!("Failed to process element: {row}{key} of 'instances' list. Error: {}: {text}", kind.name())
}

fn columns(value: Scanner<'_>, signature: &Signature) -> Option<Problem> {
    let mut shapes = Shapes::default();
    if !is_named(&value) {
        let Some(slot) = nameless_slot(signature) else {
            return Some(Problem::invalid(
                "inputs is a plain value/list, but expecting an object as multiple input tensors required as per \
                 tensorinfo_map",
            ));
        };
        return shapes.check(&value, signature, SlotColumn { slot, column: None }).err().map(problem);
    }
    let mut object = value;
    object.step();
    let mut seen = BTreeSet::new();
    let mut given = vec![false; signature.inputs().len()];
    while let Some(name) = object.next_name(seen.is_empty()).ok()? {
        let target = std::str::from_utf8(&name).ok().and_then(|name| signature.slot(name));
        if seen.insert(name.into_owned())
            && let Some(target) = target
        {
            given[target.slot] = true;
            let checked = match target.column {
                None => shapes.check(&object, signature, target),
                Some(_) => column(&object, &signature.inputs()[target.slot]),
            };
            if let Err(complaint) = checked {
                return Some(problem(complaint));
            }
        }
        object.skip_value().ok()?;
    }
    let missing = signature.inputs().iter().zip(given).find(|(spec, given)| !spec.optional && !given);
    missing
        .map(|(spec, _)| Problem::invalid(format!("Missing named input: {} in 'inputs' object.", spec.name)))
}

fn problem((kind, text): Complaint) -> Problem {
    Problem::worded(kind, text)
}

/// Why a column of a matrix, given whole, is no flat list of its values.
fn column(value: &Scanner<'_>, spec: &InputSpec) -> Result<(), Complaint> {
    if read_column(spec, &mut value.clone()).is_ok() {
        return Ok(());
    }
    let mut list = value.clone();
    if !list.take(b'[') {
        return type_error(value, spec);
    }
    let mut first = true;
    while let Ok(true) = list.next_element(first) {
        first = false;
        cell(&list, spec)?;
        if list.skip_value().is_err() {
            break;
        }
    }
    Ok(())
}

fn cell(value: &Scanner<'_>, spec: &InputSpec) -> Result<(), Complaint> {
    let mut values = TensorMut::new(spec.dtype);
    match read_cell(&mut value.clone(), spec, 0, &mut values) {
        Ok(()) => Ok(()),
        Err(_) => type_error(value, spec),
    }
}

/// The shapes that the first row's values have, by name's target.
#[derive(Default)]
struct Shapes {
    first: HashMap<(usize, Option<usize>), Dims>,
}

impl Shapes {
    /// Holds a value against its input, and against the shape of the first row's value.
    fn check(
        &mut self,
        value: &Scanner<'_>,
        signature: &Signature,
        target: SlotColumn,
    ) -> Result<(), Complaint> {
        let spec = &signature.inputs()[target.slot];
        let key = (target.slot, target.column);
        if target.column.is_some() {
            self.first.entry(key).or_default();
            return cell(value, spec);
        }
        let dims = nested(value, spec)?;
        let size = |dims: &Dims| dims.iter().product::<usize>();
        match self.first.get(&key) {
            None => {
                self.first.insert(key, dims);
                Ok(())
            }
            Some(first) if size(first) != size(&dims) => {
                invalid(format!("Expecting tensor size: {} but got: {}", size(first), size(&dims)))
            }
            Some(first) if *first != dims => {
                invalid(format!("Expecting shape {} but got: {}", Shape::new(first), Shape::new(&dims)))
            }
            Some(_) => Ok(()),
        }
    }

    /// The names that a row must have: all inputs but those that may be left out and are left out of the first row; the
    /// columns of a matrix that is given by columns, unless missing ones are allowed.
    fn expected_names(
        &self,
        signature: &Signature,
        row: usize,
        given: &BTreeSet<String>,
    ) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        for (slot, spec) in signature.inputs().iter().enumerate() {
            let by_column = self.first.keys().any(|&(other, column)| other == slot && column.is_some());
            if by_column {
                let strict = spec.null == landfall_model::NullRule::Refuse;
                let wanted = |name: &&String| strict || given.contains(*name);
                names.extend(spec.columns.iter().map(|column| &column.name).filter(wanted).cloned());
            } else if !spec.optional
                || (self.first.contains_key(&(slot, None)) && (row > 0 || given.contains(&spec.name)))
            {
                names.insert(spec.name.clone());
            }
        }
        names
    }
}

/// The shape of a value, taken from its first elements at every level, with all others held against it.
fn nested(value: &Scanner<'_>, spec: &InputSpec) -> Result<Dims, Complaint> {
    let lengths = list_lengths(value.clone());
    let rank = first_path(value.clone());
    if rank > MAX_RANK {
        return invalid(format!(
            "lists are nested {rank} deep, but a tensor has at most {MAX_RANK} dimensions"
        ));
    }
    let dims: Dims = lengths[..rank].iter().copied().collect();
    let mut lengths = lengths.into_iter();
    let (mut scanner, mut level) = (value.clone(), 0);
    loop {
        let mut ended = true;
        if scanner.skip_space() == b'[' {
            list(level, lengths.next().unwrap_or(0), &dims)?;
            scanner.step();
            level += 1;
            ended = scanner.skip_space() == b']';
            if ended {
                scanner.step();
                level -= 1;
            }
        } else {
            leaf(&scanner, level, rank, spec)?;
            if scanner.skip_value().is_err() {
                return Ok(dims);
            }
        }
        while ended {
            if level == 0 {
                return Ok(dims);
            }
            match scanner.next_element(false) {
                Ok(true) => ended = false,
                Ok(false) => level -= 1,
                Err(_) => return Ok(dims),
            }
        }
    }
}

fn list(level: usize, length: usize, dims: &Dims) -> Result<(), Complaint> {
    match dims.get(level) {
        None => {
            let rank = dims.len();
            invalid(format!("Encountered list at unexpected level: {level} expected < {rank}"))
        }
        Some(&expected) if expected != length => invalid(format!(
            "Encountered list at unexpected size: {length} at level: {level} expected size: {expected}"
        )),
        Some(_) => Ok(()),
    }
}

fn leaf(value: &Scanner<'_>, level: usize, rank: usize, spec: &InputSpec) -> Result<(), Complaint> {
    if level != rank {
        return invalid(format!(
            "JSON Value: {} found at incorrect level: {} in the JSON DOM. Expected at level: {rank}",
            quoted(value),
            level + 1
        ));
    }
    if Items::new(spec).read(&mut value.clone()).is_ok() {
        return Ok(());
    }
    type_error(value, spec)
}

fn type_error(value: &Scanner<'_>, spec: &InputSpec) -> Result<(), Complaint> {
    let text = quoted(value);
    let object = value.peek() == b'{';
    if object && spec.dtype == DType::String {
        return invalid(match is_base64(value) {
            true => "Unable to base64 decode".to_owned(),
            false => format!("JSON Value: {text} not formatted correctly for base64 data"),
        });
    }
    let expected = type_word(spec.dtype);
    if !has_json_form(spec.dtype) && !object {
        return Err((Kind::Unimplemented, format!("Conversion of JSON Value: {text} to type: {expected}")));
    }
    let found = value.type_name();
    invalid(format!("JSON Value: {text} Type: {found} is not of expected type: {expected}"))
}

/// How deep the first elements of the first elements are lists.
fn first_path(mut value: Scanner<'_>) -> usize {
    let mut depth = 0;
    while value.skip_space() == b'[' {
        value.step();
        depth += 1;
    }
    depth
}

/// The length of every list, in the order in which they start.
fn list_lengths(mut value: Scanner<'_>) -> Vec<usize> {
    let (mut lengths, mut open) = (Vec::new(), Vec::<usize>::new());
    loop {
        let mut ended = true;
        if value.skip_space() == b'[' {
            value.step();
            open.push(lengths.len());
            lengths.push(0);
            ended = value.skip_space() == b']';
            if ended {
                value.step();
                open.pop();
            }
        } else if value.skip_value().is_err() {
            return lengths;
        }
        while ended {
            let Some(&list) = open.last() else { return lengths };
            lengths[list] += 1;
            match value.next_element(false) {
                Ok(true) => ended = false,
                Ok(false) => drop(open.pop()),
                Err(_) => return lengths,
            }
        }
    }
}
