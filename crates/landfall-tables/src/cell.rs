//! The text of one value, as a cell or a JSON number has it, into a tensor.

use half::{bf16, f16};
use landfall_model::{DType, Element, InputSpec, NullRule, Problem, TensorMut};
use smallvec::SmallVec;

/// Appends the value that `text` says; `false` when it says none of the tensor's type. Numbers may have blanks around.
pub(crate) fn push_text(tensor: &mut TensorMut, text: &[u8]) -> bool {
    match tensor.dtype() {
        DType::String => {
            tensor.push_str(text);
            true
        }
        DType::Bool => match truth(text.trim_ascii()) {
            Some(value) => {
                tensor.push_bool(value);
                true
            }
            None => false,
        },
        DType::U8 => push(tensor, integer::<u8>(text)),
        DType::U16 => push(tensor, integer::<u16>(text)),
        DType::U32 => push(tensor, integer::<u32>(text)),
        DType::U64 => push(tensor, integer::<u64>(text)),
        DType::I8 => push(tensor, integer::<i8>(text)),
        DType::I16 => push(tensor, integer::<i16>(text)),
        DType::I32 => push(tensor, integer::<i32>(text)),
        DType::I64 => push(tensor, integer::<i64>(text)),
        DType::F16 => push(tensor, float::<f64>(text).map(f16::from_f64)),
        DType::BF16 => push(tensor, float::<f64>(text).map(bf16::from_f64)),
        DType::F32 => push(tensor, float::<f32>(text)),
        DType::F64 => push(tensor, float::<f64>(text)),
        DType::Complex64 | DType::Complex128 => false,
    }
}

#[inline]
fn push<T: Element>(tensor: &mut TensorMut, value: Option<T>) -> bool {
    match value {
        Some(value) => {
            tensor.push(value);
            true
        }
        None => false,
    }
}

/// `NaN`, `inf` and `-inf` in any case are numbers.
#[inline]
fn float<T: fast_float2::FastFloat>(text: &[u8]) -> Option<T> {
    match fast_float2::parse(text) {
        Ok(value) => Some(value),
        Err(_) => fast_float2::parse(text.trim_ascii()).ok(),
    }
}

/// A whole number, also when written as a float (`3.0`, as tables with gaps have it).
#[inline]
fn integer<T: TryFrom<i128>>(text: &[u8]) -> Option<T> {
    let text = text.trim_ascii();
    let value = match short_integer(text) {
        Some(value) => i128::from(value),
        None => long_integer(text)?,
    };
    T::try_from(value).ok()
}

/// Up to 18 digits, which cannot overflow.
#[inline]
fn short_integer(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text.split_first()? {
        (b'-', rest) => (true, rest),
        _ => (false, text),
    };
    if digits.is_empty() || digits.len() > 18 {
        return None;
    }
    let mut value = 0i64;
    for &digit in digits {
        let digit = digit.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + i64::from(digit);
    }
    Some(if negative { -value } else { value })
}

#[cold]
fn long_integer(text: &[u8]) -> Option<i128> {
    if let Ok(value) = std::str::from_utf8(text).ok()?.parse::<i128>() {
        return Some(value);
    }
    let value: f64 = fast_float2::parse(text).ok()?;
    // Beyond 2^53 a float no longer says which whole number was meant.
    (value.fract() == 0.0 && value.abs() <= 2f64.powi(53)).then_some(value as i128)
}

fn truth(text: &[u8]) -> Option<bool> {
    match text {
        b"1" | b"1.0" => Some(true),
        b"0" | b"0.0" => Some(false),
        _ if text.eq_ignore_ascii_case(b"true") => Some(true),
        _ if text.eq_ignore_ascii_case(b"false") => Some(false),
        _ => None,
    }
}

/// Appends a truth value to a column of numbers: 1 or 0, as out of Parquet and JSON. pandas writes its own as words.
pub(crate) fn push_truth(tensor: &mut TensorMut, text: &[u8]) -> bool {
    let number = truth(text.trim_ascii()).map(|value| if value { b"1" } else { b"0" });
    number.is_some_and(|number| push_text(tensor, number))
}

/// Appends a missing value by the input's rule.
///
/// # Errors
/// Invalid argument, where the rule is to refuse.
pub(crate) fn push_missing(tensor: &mut TensorMut, spec: &InputSpec, column: &str) -> Result<(), Problem> {
    match spec.null {
        NullRule::Refuse => Err(missing(column)),
        _ => tensor.push_missing(&spec.null, &spec.name, 0),
    }
}

/// The problem of a value that is missing where that is refused.
#[cold]
pub(crate) fn missing(column: &str) -> Problem {
    Problem::invalid(format!(
        "column {column:?}: the value is missing (a rule for missing values can be set with --on-missing)"
    ))
}

/// The problem of a value that is not what the column's input takes.
#[cold]
pub(crate) fn unfit(column: &str, expected: impl std::fmt::Display, text: &[u8]) -> Problem {
    unfit_since(column, expected, text, why_unfit(text))
}

/// The same, with why it is none where that is known.
#[cold]
pub(crate) fn unfit_since(
    column: &str,
    expected: impl std::fmt::Display,
    text: &[u8],
    why: Option<&str>,
) -> Problem {
    let why = why.map_or_else(String::new, |why| format!(" ({why})"));
    Problem::invalid(format!("column {column:?}: expected {expected}, found {}{why}", quoted(text)))
}

/// The problem of a text of JSON where a number is expected: one that reads as a number is told so.
#[cold]
pub(crate) fn unfit_text(column: &str, expected: DType, text: &[u8]) -> Problem {
    if float::<f64>(text.trim_ascii()).is_none() {
        return unfit(column, expected, text);
    }
    Problem::invalid(format!(
        "column {column:?}: expected {expected}, found the text {} (JSON's numbers stand without quotes)",
        quoted(text)
    ))
}

/// What a message shows of a text, no more than fits into a line or two, and what says that there is more.
fn cut(text: &[u8]) -> (String, &'static str) {
    const SHOWN: usize = 100;
    if text.len() <= SHOWN {
        return (String::from_utf8_lossy(text).into_owned(), "");
    }
    // The cut may go through a character.
    let shown = String::from_utf8_lossy(&text[..SHOWN]);
    (shown.trim_end_matches(char::REPLACEMENT_CHARACTER).to_owned(), "…")
}

fn quoted(text: &[u8]) -> String {
    let (shown, more) = cut(text);
    format!("{shown:?}{more}")
}

/// The problem of a number or a truth value that is not what the column's input takes.
#[cold]
pub(crate) fn unfit_number(column: &str, expected: impl std::fmt::Display, number: &[u8]) -> Problem {
    let (number, more) = cut(number);
    Problem::invalid(format!("column {column:?}: expected {expected}, found {number}{more}"))
}

/// Refuses a text that is not UTF-8: read as bytes it would be a text that the model has never seen.
///
/// # Errors
/// Invalid argument, with the text.
#[inline]
pub(crate) fn utf8(column: &str, text: &[u8]) -> Result<(), Problem> {
    std::str::from_utf8(text).map(drop).map_err(|_| {
        let shown = quoted(text);
        let way_out = "save the file as UTF-8 (was it in Latin-1, or in one of Windows' code pages?)";
        Problem::invalid(format!("column {column:?}: {shown} is not UTF-8: {way_out}"))
    })
}

/// A text's decimal comma as the point that numbers are read with; `None` of a text that has a point already.
pub(crate) fn with_point(text: &[u8]) -> Option<SmallVec<[u8; 32]>> {
    let point = |&byte: &u8| if byte == b',' { b'.' } else { byte };
    (!text.contains(&b'.')).then(|| text.iter().map(point).collect())
}

/// Whether a text is a number but for its decimal comma.
pub(crate) fn has_decimal_comma(text: &[u8]) -> bool {
    text.contains(&b',') && with_point(text).is_some_and(|text| float::<f64>(&text).is_some())
}

/// Whether the comma of a number that [has one](has_decimal_comma) may stand between thousands: `41,215`, not `0,125`.
pub(crate) fn may_be_thousands(text: &[u8]) -> bool {
    let text = text.trim_ascii();
    let mut parts = text.strip_prefix(b"-").unwrap_or(text).split(|&byte| byte == b',');
    let digits = |part: &[u8]| part.iter().all(u8::is_ascii_digit);
    let (Some(before), Some(after), None) = (parts.next(), parts.next(), parts.next()) else { return false };
    digits(before)
        && (1..=3).contains(&before.len())
        && before[0] != b'0'
        && digits(after)
        && after.len() == 3
}

/// What a text that is no value looks like, and how it would be one.
pub(crate) fn why_unfit(text: &[u8]) -> Option<&'static str> {
    let without = |signs: &[u8]| -> Vec<u8> {
        text.trim_ascii().iter().copied().filter(|byte| !signs.contains(byte)).collect()
    };
    let is_number = |text: &[u8]| float::<f64>(text).is_some();
    if has_decimal_comma(text) {
        return Some("a decimal point is read, a comma is not");
    }
    let dressed = |signs: &[u8]| text.trim_ascii().iter().any(|byte| signs.contains(byte));
    let (groups, units) = (b",'_ ", b"$%");
    if dressed(groups) && is_number(&without(groups)) {
        return Some("write thousands without a sign between them");
    }
    if dressed(units) && is_number(&without(units)) {
        return Some("write the number without its unit");
    }
    let truths: [&[u8]; 8] = [b"yes", b"no", b"y", b"n", b"t", b"f", b"on", b"off"];
    let truth = truths.iter().any(|word| word.eq_ignore_ascii_case(text.trim_ascii()));
    truth.then_some("truth values are true and false, or 1 and 0")
}

#[cfg(test)]
mod tests {
    use super::*;
    use landfall_model::{Scalar, Shape};

    fn read(dtype: DType, text: &str) -> Option<Scalar> {
        let mut tensor = TensorMut::new(dtype);
        push_text(&mut tensor, text.as_bytes()).then(|| tensor.freeze(Shape::new(&[])).unwrap().scalar(0))
    }

    #[test]
    fn messages_stay_short_however_long_a_cell_is() {
        let long = "ä".repeat(1 << 20);
        for problem in [
            unfit("x", "float32", long.as_bytes()),
            unfit_number("x", "int64", "9".repeat(1 << 20).as_bytes()),
            unfit_text("x", DType::I64, "9".repeat(1 << 20).as_bytes()),
            utf8("x", &[0xE4; 1 << 20]).unwrap_err(),
        ] {
            assert!(problem.to_string().len() < 700, "{} bytes", problem.to_string().len());
        }
        let text = unfit_text("x", DType::F32, b"1.5").to_string();
        assert!(text.ends_with("found the text \"1.5\" (JSON's numbers stand without quotes)"), "{text}");
        assert!(unfit_text("x", DType::F32, b"1,5").to_string().contains("a decimal point is read"));
    }

    #[test]
    fn a_decimal_comma_is_told_from_other_text() {
        let told = |text: &str| {
            unfit("x", "float32", text.as_bytes()).to_string().contains("a decimal point is read")
        };
        assert!(["5,1", "-0,25", " 1,5e3"].into_iter().all(told));
        assert!(!["5,100.1", "a,b", "five", ","].into_iter().any(told));
    }

    #[test]
    fn a_number_in_another_dress_is_told_how_it_is_read() {
        let said = |text: &str| unfit("x", "float32", text.as_bytes()).to_string();
        for text in ["1,234.5", "1'000", "1_000", "12 000"] {
            assert!(said(text).ends_with("(write thousands without a sign between them)"), "{}", said(text));
        }
        for text in ["5%", "$1.50"] {
            assert!(said(text).ends_with("(write the number without its unit)"), "{}", said(text));
        }
        for text in ["yes", "N", " off "] {
            assert!(said(text).contains("truth values are true and false"), "{}", said(text));
        }
        assert!(["abc", "", "0x10", "$", "%", "nurse"].into_iter().all(|text| !said(text).contains('(')));
    }

    #[test]
    fn cells_are_read_by_the_type_of_their_input() {
        let cases = [
            (DType::I64, "9223372036854775807", Some(Scalar::Int(i64::MAX))),
            (DType::I64, "9223372036854775808", None),
            (DType::U64, "18446744073709551615", Some(Scalar::UInt(u64::MAX))),
            (DType::I8, "-128", Some(Scalar::Int(-128))),
            (DType::I8, "128", None),
            (DType::I32, " +7 ", Some(Scalar::Int(7))),
            (DType::I32, "3.0", Some(Scalar::Int(3))),
            (DType::I32, "1e3", Some(Scalar::Int(1000))),
            (DType::I32, "3.5", None),
            (DType::I32, "abc", None),
            (DType::I32, "-", None),
            (DType::U8, "-1", None),
            (DType::F32, " 1.5", Some(Scalar::Float(1.5))),
            (DType::F64, "-inf", Some(Scalar::Float(f64::NEG_INFINITY))),
            (DType::F64, "1,5", None),
            (DType::Bool, "TRUE", Some(Scalar::Bool(true))),
            (DType::Bool, "0", Some(Scalar::Bool(false))),
            (DType::Bool, "yes", None),
            (DType::String, " a ", Some(Scalar::Bytes(b" a ".to_vec()))),
        ];
        for (dtype, text, expected) in cases {
            assert_eq!(read(dtype, text), expected, "{dtype} {text:?}");
        }
        assert!(matches!(read(DType::F32, "NaN"), Some(Scalar::Float(v)) if v.is_nan()));
    }
}
