//! Parameters of a request, an input or an output: entries of a map from names to values of a few kinds.

use crate::oip::asked::Asked;
use landfall_model::Problem;
use landfall_model::protobuf::{Fields, Value};

/// One parameter's value.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Parameter<'a> {
    /// No value was set.
    Unset,
    /// `bool_param`
    Bool(bool),
    /// `int64_param`
    Int(i64),
    /// `string_param`
    Text(&'a str),
    /// `double_param`
    Double(f64),
    /// `uint64_param`
    UInt(u64),
}

/// An entry of a map of parameters: key 1, value 2.
pub(super) fn entry(mut fields: Fields<'_>) -> Result<(&str, Parameter<'_>), Problem> {
    let (mut key, mut parameter) = ("", Parameter::Unset);
    while let Some((field, value)) = fields.next()? {
        match field {
            1 => key = value.text()?,
            2 => parameter = choice(value.message()?)?,
            _ => {}
        }
    }
    Ok((key, parameter))
}

fn choice(mut fields: Fields<'_>) -> Result<Parameter<'_>, Problem> {
    let mut parameter = Parameter::Unset;
    while let Some((field, value)) = fields.next()? {
        parameter = match (field, value) {
            (1, value) => Parameter::Bool(value.varint()? != 0),
            (2, value) => Parameter::Int(value.signed()?),
            (3, value) => Parameter::Text(value.text()?),
            (4, Value::Fixed64(bytes)) => Parameter::Double(f64::from_le_bytes(bytes)),
            (5, value) => Parameter::UInt(value.varint()?),
            _ => parameter,
        };
    }
    Ok(parameter)
}

/// A parameter of the whole request.
pub(super) fn of_request(asked: &mut Asked, key: &str, value: Parameter<'_>) -> Result<(), Problem> {
    match (key, value) {
        ("signature_name", Parameter::Text(name)) => asked.signature = Some(name.to_owned()),
        ("signature_name", _) => return Err(wrong_kind(key, "string_param")),
        ("timeout", Parameter::Int(us)) => asked.timeout_us = not_negative(key, us)?,
        ("timeout", _) => return Err(wrong_kind(key, "int64_param")),
        ("priority", Parameter::Int(priority)) => asked.priority = not_negative(key, priority)?,
        ("priority", Parameter::UInt(priority)) => asked.priority = priority,
        ("priority", _) => return Err(wrong_kind(key, "int64_param or uint64_param")),
        ("sequence_id", Parameter::Int(_) | Parameter::Text(_)) => {}
        ("sequence_id", _) => return Err(wrong_kind(key, "int64_param or string_param")),
        ("sequence_start" | "sequence_end", Parameter::Bool(_)) => {}
        ("sequence_start" | "sequence_end", _) => return Err(wrong_kind(key, "bool_param")),
        ("triton_enable_empty_final_response", Parameter::Bool(_)) => {}
        ("triton_enable_empty_final_response", _) => return Err(wrong_kind(key, "bool_param")),
        (_, Parameter::Unset) => return Err(wrong_kind(key, "int64_param, bool_param, or string_param")),
        _ if key.starts_with("triton_") => return Err(reserved()),
        // Others would reach a model that reads parameters; none does.
        _ => {}
    }
    Ok(())
}

fn not_negative(key: &str, value: i64) -> Result<u64, Problem> {
    u64::try_from(value)
        .map_err(|_| Problem::invalid(format!("invalid value for '{key}', expected value >= 0.")))
}

/// `classification` of an output: how many classes.
pub(super) fn classification(value: Parameter<'_>) -> Result<usize, Problem> {
    match value {
        Parameter::Int(k) if k > 0 => Ok(usize::try_from(k).unwrap_or(usize::MAX)),
        Parameter::Int(_) => {
            Err(Problem::invalid("invalid value for 'classification' parameter, expected >= 0"))
        }
        _ => Err(Problem::invalid("invalid value type for 'classification' parameter, expected int64_param")),
    }
}

#[cold]
fn wrong_kind(key: &str, expected: &str) -> Problem {
    Problem::invalid(format!("invalid value type for '{key}' parameter, expected {expected}."))
}

#[cold]
fn reserved() -> Problem {
    Problem::invalid(
        "parameter keys starting with 'triton_' are reserved for Triton usage. Only the following keys starting with \
         'triton_' are allowed: triton_enable_empty_final_response",
    )
}

/// The key of a map's entry, whatever its value.
pub(super) fn name<'a>(value: Value<'a>) -> Result<&'a str, Problem> {
    let mut key = "";
    let mut fields = value.message()?;
    while let Some((field, value)) = fields.next()? {
        if field == 1 {
            key = value.text()?;
        }
    }
    Ok(key)
}
