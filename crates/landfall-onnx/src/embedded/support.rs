//! What the embedded engine cannot do, said at load, by name, with the way out.

use super::WAY_OUT;
use super::options::EmbeddedOptions;
use crate::declared::{Declared, ElementType, Size, SizedBy, WideConstant, first_wide};
use crate::interface::{Interface, OutputForm};
use landfall_model::{Buffer, DType, Problem};
use std::collections::BTreeMap;

/// Refuses what would come out wrong or not at all. Gives notes about what comes out less precise than declared.
///
/// # Errors
/// Unsupported, naming operator, input, output or constant.
pub(super) fn check(
    declared: &Declared,
    interface: &Interface,
    externals: &BTreeMap<String, Buffer>,
    options: &EmbeddedOptions,
) -> Result<Vec<String>, Problem> {
    let foreign: Vec<String> = declared
        .operators
        .keys()
        .filter(|operator| !operator.0.is_empty() && !declared.functions.contains(*operator))
        .map(|(domain, name)| format!("{domain}.{name}"))
        .filter(|name| !name.starts_with("com.microsoft."))
        .collect();
    if !foreign.is_empty() {
        return Err(refused(format!("operator {}", foreign.join(", "))));
    }
    // Its booleans are integers: a cast would leave 2 as it is, and make 0 of a half.
    if declared.casts.contains(&ElementType::of(DType::Bool)) {
        return Err(refused("operator Cast to bool".to_owned()));
    }
    let mut used = Vec::new();
    for input in interface.signature.inputs() {
        used.push((input.dtype, format!("input {:?}", input.name)));
    }
    for (output, form) in interface.signature.outputs().iter().zip(&interface.forms) {
        if *form == OutputForm::Maps {
            return Err(refused(format!("output {:?} (a sequence of maps)", output.name)));
        }
        used.push((output.dtype, format!("output {:?}", output.name)));
    }
    let inner = declared.inner_types.iter().filter_map(|element| element.dtype());
    used.extend(inner.map(|dtype| (dtype, "a constant".to_owned())));
    for (dtype, place) in &used {
        check_type(*dtype, place, options)?;
    }
    if let Some(WideConstant { name, value }) = declared.wide_constants.first() {
        return Err(refused(format!("constant {name:?}: {value} does not fit into 32 bits, and that")));
    }
    check_externals(declared, externals)?;
    declared.sized_by.iter().try_for_each(check_size)?;
    Ok(notes(&used))
}

/// What this engine does not compute, with the way out.
pub(super) fn refused(what: String) -> Problem {
    Problem::unsupported(format!("{what}, by the engine embedded,"), WAY_OUT)
}

fn check_type(dtype: DType, place: &str, options: &EmbeddedOptions) -> Result<(), Problem> {
    match dtype {
        DType::F32 | DType::I32 | DType::I8 | DType::U8 | DType::I64 | DType::Bool | DType::F16 => Ok(()),
        DType::F64 if options.narrows_floats => Ok(()),
        DType::F64 => Err(Problem::unsupported(
            format!("{place} of float64, by the engine embedded,"),
            format!("{WAY_OUT}; or let it compute in float32: --set precision=float32"),
        )),
        _ => Err(refused(format!("{place} of {dtype}"))),
    }
}

/// Elements of the largest tensor that a file may ask for by its constants.
const LARGEST: u64 = 1 << 31;

/// This engine ends the process when memory is not to be had: no file and no caller may ask for any amount.
fn check_size(sized: &SizedBy) -> Result<(), Problem> {
    let SizedBy { node, operator, size } = sized;
    match size {
        Size::Elements(elements) if *elements < LARGEST => Ok(()),
        Size::Elements(elements) => {
            Err(refused(format!("node {node:?} ({operator}) of {elements} elements")))
        }
        Size::Input(input) => Err(refused(format!(
            "node {node:?} ({operator}), whose output is as large as the values of input {input:?} say"
        ))),
    }
}

/// Integers that lie in external files are held against 32 bits, too.
fn check_externals(declared: &Declared, externals: &BTreeMap<String, Buffer>) -> Result<(), Problem> {
    for part in &declared.externals {
        if part.element != ElementType::of(DType::I64) {
            continue;
        }
        let bytes = externals.get(&part.location).map_or(&[][..], Buffer::bytes);
        let start = usize::try_from(part.offset).unwrap_or(usize::MAX);
        let length = part.bytes.and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
        let tensor = start.checked_add(length).and_then(|end| bytes.get(start..end)).unwrap_or_default();
        if let Some(value) = first_wide(tensor) {
            return Err(refused(format!(
                "constant {:?}: {value} does not fit into 32 bits, and that",
                part.tensor
            )));
        }
    }
    Ok(())
}

fn notes(used: &[(DType, String)]) -> Vec<String> {
    let has = |dtype: DType| used.iter().any(|(used, _)| *used == dtype);
    let mut notes = Vec::new();
    for (dtype, note) in [
        (DType::F64, "float64 is computed as float32"),
        (DType::F16, "float16 is computed as float32, and outputs are rounded to it"),
        (DType::I64, "int64 is computed as int32: inputs beyond 32 bits are refused"),
    ] {
        if has(dtype) {
            notes.push(note.to_owned());
        }
    }
    notes
}
