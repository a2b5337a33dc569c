//! Values that are no messages.

use super::lexer::{Lexer, Token};
use super::quoted::unescape;
use crate::protobuf::Writer;
use crate::protobuf::proto_text::{Enum, Field};
use landfall_model::Problem;

/// Reads a value of a scalar field and appends it.
pub(super) fn read(lexer: &mut Lexer<'_>, field: &Field, out: &mut Writer<'_>) -> Result<(), Problem> {
    let number = field.number as u32;
    match &*field.of {
        "string" => {
            let at = lexer.start();
            let text = quoted(lexer)?;
            let text = String::from_utf8(text).map_err(|_| {
                lexer.problem_at(at, format!("field \"{}\": text that is no UTF-8", field.name))
            })?;
            out.string_field(number, &text);
        }
        "bytes" => out.bytes_field(number, &quoted(lexer)?),
        "bool" => {
            let value = boolean(lexer, field)?;
            out.bool_field(number, value);
        }
        "float" => {
            let value = double(lexer)? as f32;
            out.float_field(number, value);
        }
        "double" => {
            let value = double(lexer)?;
            out.double_field(number, value);
        }
        "int32" => out.signed_field(number, integer(lexer, i32::MIN.into(), i32::MAX.into())? as i64),
        "int64" => out.signed_field(number, integer(lexer, i64::MIN.into(), i64::MAX.into())? as i64),
        "uint32" => out.varint_field(number, integer(lexer, 0, u32::MAX.into())? as u64),
        "uint64" => out.varint_field(number, integer(lexer, 0, u64::MAX.into())? as u64),
        other => return Err(Problem::internal(format!("{other} is no scalar type"))),
    }
    Ok(())
}

/// Reads a value of an enum, by name or number, and appends it.
pub(super) fn read_enum(
    lexer: &mut Lexer<'_>,
    field: &Field,
    of: &Enum,
    out: &mut Writer<'_>,
) -> Result<(), Problem> {
    let number = match lexer.token() {
        Token::Name(name) => match of.values.iter().find(|(value, _)| value == name) {
            Some((_, number)) => {
                lexer.advance()?;
                *number as i64
            }
            None => {
                return Err(lexer.problem(format!(
                    "Unknown enumeration value of \"{name}\" for field \"{}\".",
                    field.name
                )));
            }
        },
        // Numbers that are not declared are kept: later definitions may declare them.
        _ => integer(lexer, i32::MIN.into(), i32::MAX.into())? as i64,
    };
    out.signed_field(field.number as u32, number);
    Ok(())
}

/// One text or several in a row, which are one.
fn quoted(lexer: &mut Lexer<'_>) -> Result<Vec<u8>, Problem> {
    let mut bytes = Vec::new();
    let mut any = false;
    while let Token::Quoted(text) = lexer.token() {
        any = true;
        unescape(text, &mut bytes).map_err(|what| lexer.problem(what))?;
        lexer.advance()?;
    }
    if any { Ok(bytes) } else { Err(expected(lexer, "string")) }
}

fn boolean(lexer: &mut Lexer<'_>, field: &Field) -> Result<bool, Problem> {
    let value = match lexer.token() {
        Token::Name("true" | "True" | "t") => true,
        Token::Name("false" | "False" | "f") => false,
        Token::Name(other) => {
            return Err(lexer.problem(format!(
                "Invalid value for boolean field \"{}\". Value: \"{other}\".",
                field.name
            )));
        }
        _ => return Ok(integer(lexer, 0, 1)? == 1),
    };
    lexer.advance()?;
    Ok(value)
}

/// Decimal, hexadecimal (`0x`) or octal (a leading `0`).
fn integer(lexer: &mut Lexer<'_>, least: i128, most: i128) -> Result<i128, Problem> {
    let negative = least < 0 && lexer.take_sign('-')?;
    let Token::Number(text) = lexer.token() else { return Err(expected(lexer, "integer")) };
    let (digits, radix) = match text.as_bytes() {
        [b'0', b'x' | b'X', _, ..] => (&text[2..], 16),
        [b'0', _, ..] => (&text[1..], 8),
        _ => (text, 10),
    };
    if !digits.chars().all(|digit| digit.is_digit(radix)) {
        return Err(expected(lexer, "integer"));
    }
    let value = i128::from_str_radix(digits, radix).ok().map(|value| if negative { -value } else { value });
    match value.filter(|value| (least..=most).contains(value)) {
        Some(value) => lexer.advance().map(|()| value),
        None => Err(lexer.problem(format!("Integer out of range ({text})"))),
    }
}

/// A number with or without fraction and exponent, `inf`, `infinity`, `nan` in any case. A trailing `f` says no more.
fn double(lexer: &mut Lexer<'_>) -> Result<f64, Problem> {
    let negative = lexer.take_sign('-')?;
    let value = match lexer.token() {
        Token::Number(text) => text.trim_end_matches(['f', 'F']).parse::<f64>().ok(),
        Token::Name(word) if ["inf", "infinity"].iter().any(|inf| word.eq_ignore_ascii_case(inf)) => {
            Some(f64::INFINITY)
        }
        Token::Name(word) if word.eq_ignore_ascii_case("nan") => Some(f64::NAN),
        _ => None,
    };
    let value = value.ok_or_else(|| expected(lexer, "double"))?;
    lexer.advance()?;
    Ok(if negative { -value } else { value })
}

#[cold]
fn expected(lexer: &Lexer<'_>, what: &str) -> Problem {
    lexer.problem(format!("Expected {what}, got: {}", lexer.shown()))
}
