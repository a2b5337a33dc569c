//! Values of a few kinds within a request: ids, parameters, names.

use crate::json::{Fault, Number, Scanner, SyntaxError};
use crate::oip::asked::Asked;
use crate::oip::errors::Refusal;
use landfall_model::Problem;

impl From<SyntaxError> for Refusal {
    /// In RapidJSON's words, which Triton passes on.
    #[cold]
    fn from(error: SyntaxError) -> Self {
        Refusal::Problem(syntax(error))
    }
}

/// A body that is no JSON.
#[cold]
pub(super) fn syntax(error: SyntaxError) -> Problem {
    let reason = match error.fault {
        // Its RapidJSON is newer than TensorFlow Serving's, and quotes what is missing.
        Fault::MissingCommaOrBrace => "Missing a comma or '}' after an object member.",
        Fault::MissingCommaOrBracket => "Missing a comma or ']' after an array element.",
        fault => fault.reason(),
    };
    Problem::invalid(format!("failed to parse the request JSON buffer: {reason} at {}", error.offset))
}

/// A string, as its bytes.
pub(super) fn string<'a>(
    scanner: &mut Scanner<'a>,
    key: &str,
) -> Result<std::borrow::Cow<'a, [u8]>, Refusal> {
    match scanner.peek() {
        b'"' => Ok(scanner.string()?),
        _ => Err(other_kind(scanner, &format!("Unable to parse '{key}'"), "non-string as string")),
    }
}

/// `true` or `false`.
pub(super) fn boolean(scanner: &mut Scanner<'_>, key: &str) -> Result<bool, Refusal> {
    match scanner.peek() {
        b't' => Ok(scanner.word(b"true").map(|()| true)?),
        b'f' => Ok(scanner.word(b"false").map(|()| false)?),
        _ => Err(other_kind(scanner, &format!("Unable to parse '{key}'"), "non-boolean as boolean")),
    }
}

/// An integer from 0 to 2⁶⁴ − 1. `doing` starts the sentence of an error.
pub(super) fn unsigned(scanner: &mut Scanner<'_>, doing: &str) -> Result<u64, Refusal> {
    let start = scanner.at();
    if let Some(value) = scanner.short_integer().and_then(|value| u64::try_from(value).ok()) {
        return Ok(value);
    }
    *scanner = scanner.moved_to(start);
    if scanner.peek().is_ascii_digit() {
        match scanner.number()? {
            Number::Int(value) if value >= 0 => return Ok(value.unsigned_abs()),
            Number::UInt(value) => return Ok(value),
            _ => *scanner = scanner.moved_to(start),
        }
    }
    Err(other_kind(scanner, doing, "non-unsigned-integer as unsigned-integer"))
}

/// A value of another kind, in Triton's words; what is malformed is said in RapidJSON's.
#[cold]
pub(super) fn other_kind(scanner: &mut Scanner<'_>, doing: &str, words: &str) -> Refusal {
    match scanner.skip_value() {
        Ok(()) => Refusal::invalid(format!("{doing}: attempt to access JSON {words}")),
        Err(error) => error.into(),
    }
}

/// The parameters of the whole request.
pub(super) fn of_request(scanner: &mut Scanner<'_>, asked: &mut Asked) -> Result<(), Refusal> {
    if !scanner.take(b'{') {
        scanner.skip_value()?;
        return Err(Refusal::invalid("failed to get request params.: attempt to get members for non-object"));
    }
    let mut first = true;
    while let Some(key) = scanner.next_name(first)? {
        first = false;
        match &*key {
            b"timeout" => asked.timeout_us = unsigned(scanner, "Unable to parse 'timeout'")?,
            b"priority" => asked.priority = unsigned(scanner, "Unable to parse 'priority'")?,
            b"binary_data_output" => asked.binary = boolean(scanner, "binary_data_output")?,
            b"signature_name" => {
                let name = string(scanner, "signature_name")?;
                asked.signature = Some(String::from_utf8_lossy(&name).into_owned());
            }
            b"sequence_id" => sequence_id(scanner)?,
            b"sequence_start" => drop(boolean(scanner, "sequence_start")?),
            b"sequence_end" => drop(boolean(scanner, "sequence_end")?),
            key if key.starts_with(b"triton_") => return Err(reserved()),
            // Others would reach a model that reads parameters; none does.
            key => any_kind(scanner, key)?,
        }
    }
    Ok(())
}

/// A sequence's id is an integer above or equal 0, or a string; a model without state does nothing with it.
fn sequence_id(scanner: &mut Scanner<'_>) -> Result<(), Refusal> {
    match scanner.peek() {
        b'0'..=b'9' => {
            let start = scanner.at();
            match scanner.number()? {
                Number::Int(_) | Number::UInt(_) => Ok(()),
                Number::Float(_) => {
                    *scanner = scanner.moved_to(start);
                    string(scanner, "sequence_id").map(drop)
                }
            }
        }
        _ => string(scanner, "sequence_id").map(drop),
    }
}

/// A string, number or bool.
fn any_kind(scanner: &mut Scanner<'_>, key: &[u8]) -> Result<(), Refusal> {
    let simple = !matches!(scanner.peek(), b'{' | b'[' | b'n');
    scanner.skip_value()?;
    if simple { Ok(()) } else { Err(wrong_kind(key)) }
}

#[cold]
fn wrong_kind(key: &[u8]) -> Refusal {
    let key = String::from_utf8_lossy(key);
    Refusal::invalid(format!(
        "parameter '{key}' has invalid type. It should be either 'int', 'bool', or 'string'."
    ))
}

#[cold]
fn reserved() -> Refusal {
    Refusal::invalid(
        "parameter keys starting with 'triton_' are reserved for Triton usage and should not be specified.",
    )
}
