//! Answers to classify and regress: `{"results": [[[label, score], …], …]}` and `{"results": [number, …]}`, laid out as
//! RapidJSON's indenting writer does it.

use super::decimal;
use crate::JsonNan;
use crate::json::write;
use crate::tfs::inference::{Answered, Form, answered};
use landfall_model::{Outputs, Problem, Signature};

/// Writes the answer.
///
/// # Errors
/// Invalid argument, in the original's words, for outputs that are no answer; labels that are no UTF-8; rows that failed
/// alone. `out` then holds a part of the answer.
pub fn encode_answer(
    form: &Form,
    signature: &Signature,
    outputs: &Outputs,
    nan: JsonNan,
    out: &mut Vec<u8>,
) -> Result<(), Problem> {
    let answered = answered(form, signature, outputs)?;
    out.extend_from_slice(b"{\n    \"results\": [");
    match answered {
        Answered::Regressed(numbers) => {
            for (place, number) in numbers.into_iter().enumerate() {
                separate(place, out);
                decimal::float(out, number, nan);
            }
        }
        Answered::Classified(classified) => {
            for (example, classes) in classified.examples().enumerate() {
                // Each example on a line of its own.
                out.extend_from_slice(if example == 0 { b"\n        [" } else { b",\n        [" });
                for (place, (label, score)) in classes.enumerate() {
                    separate(place, out);
                    if std::str::from_utf8(label).is_err() {
                        return Err(Problem::invalid(format!(
                            "the label of class {place} of example {example} is no UTF-8"
                        )));
                    }
                    out.push(b'[');
                    write::string(out, label);
                    out.extend_from_slice(b", ");
                    decimal::float(out, score, nan);
                    out.push(b']');
                }
                out.push(b']');
            }
        }
    }
    out.extend_from_slice(b"\n    ]\n}");
    Ok(())
}

fn separate(place: usize, out: &mut Vec<u8>) {
    if place > 0 {
        out.extend_from_slice(b", ");
    }
}
