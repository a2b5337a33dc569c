//! Values of a line into an input: one, or nested lists of them.

use crate::cell;
use crate::json::{DEPTH, Scanner, Start};
use crate::rows_builder::SlotRows;
use landfall_model::{DType, Problem};

/// Reads a whole input; gives the axes of its row.
pub(super) fn value(
    scanner: &mut Scanner<'_>,
    slot: &mut SlotRows<'_>,
    key: &[u8],
) -> Result<Vec<usize>, Problem> {
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
pub(super) fn element(
    scanner: &mut Scanner<'_>,
    slot: &mut SlotRows<'_>,
    name: &str,
) -> Result<bool, Problem> {
    let dtype = slot.spec.dtype;
    match scanner.start()? {
        Start::List => return Ok(false),
        Start::Number => {
            let text = scanner.number()?;
            if slot.spec.integers_as_text && is_whole(text) {
                slot.tensor.push_str(if text == b"-0" { b"0" } else { text });
            } else if dtype == DType::String || !cell::push_text(&mut slot.tensor, text) {
                push_unfit(slot, name, text, cell::unfit_number)?;
            }
        }
        start @ (Start::True | Start::False) => {
            let truth = start == Start::True;
            scanner.word(if truth { "true" } else { "false" })?;
            let text: &[u8] = if truth { b"1" } else { b"0" };
            if slot.spec.integers_as_text {
                slot.tensor.push_str(text);
            } else if dtype == DType::String || !cell::push_text(&mut slot.tensor, text) {
                let word: &[u8] = if truth { b"true" } else { b"false" };
                push_unfit(slot, name, word, cell::unfit_number)?;
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
                push_unfit(slot, name, &text, cell::unfit_text)?;
            } else {
                cell::utf8(name, &text)?;
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
fn push_unfit(
    slot: &mut SlotRows<'_>,
    name: &str,
    text: &[u8],
    problem: fn(&str, DType, &[u8]) -> Problem,
) -> Result<(), Problem> {
    if slot.spec.accepts_invalid && slot.spec.dtype != DType::String {
        slot.tensor.push_invalid(text);
        return Ok(());
    }
    Err(problem(name, slot.spec.dtype, text))
}

/// `{"b64": "…"}`: bytes that are no text.
fn base64(scanner: &mut Scanner<'_>, name: &str) -> Result<Vec<u8>, Problem> {
    scanner.expect(b'{')?;
    let key = scanner.string()?;
    scanner.expect(b':')?;
    if &*key != b"b64" {
        return Err(Problem::invalid(format!(
            "column {name:?}: an object is no value (where it is a whole column: pandas writes rows with \
             orient=\"records\", lines=True)"
        )));
    }
    let text = scanner.string()?;
    scanner.expect(b'}')?;
    base64_simd::STANDARD
        .decode_to_vec(&*text)
        .map_err(|_| Problem::invalid(format!("column {name:?}: this is no base64")))
}
