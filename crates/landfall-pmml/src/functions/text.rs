//! Functions of text, regular expressions and formats of numbers.

use super::{Function, boolean, integer, numbers, string};
use crate::expression::Apply;
use crate::pattern::{Pattern, Way};
use crate::run::Cx;
use crate::value::Value;
use std::borrow::Cow;

pub(super) const TABLE: &[Function] = &[
    Function::of("uppercase", (1, 1), string, |cx, apply, v| map(cx, apply, v, |text| text.to_uppercase())),
    Function::of("lowercase", (1, 1), string, |cx, apply, v| map(cx, apply, v, |text| text.to_lowercase())),
    Function::of("trimBlanks", (1, 1), string, |cx, apply, v| {
        map(cx, apply, v, |text| text.trim().to_owned())
    }),
    Function::of("stringLength", (1, 1), integer, |cx, apply, v| {
        Value::Num(cx.shown(v[0], apply.types[0]).chars().count() as f64)
    }),
    Function::of("substring", (3, 3), string, substring),
    Function::of("concat", (1, usize::MAX), string, concat).taking_missing(),
    Function::of("replace", (3, 3), string, replace).with_pattern(),
    Function::of("matches", (2, 2), boolean, matches).with_pattern(),
    Function::of("formatNumber", (2, 2), string, format_number),
];

fn map(cx: &mut Cx<'_>, apply: &Apply, values: &[Value], of: fn(&str) -> String) -> Value {
    let text = of(&cx.shown(values[0], apply.types[0]));
    Value::Text(cx.symbol(&text))
}

/// Characters from a place (from 1), so many of them.
fn substring(cx: &mut Cx<'_>, apply: &Apply, values: &[Value]) -> Value {
    let Some([start, length]) = numbers::<2>(&values[1..]) else { return Value::Invalid };
    if start < 1.0 || length < 0.0 {
        return Value::Invalid;
    }
    let text = cx.shown(values[0], apply.types[0]);
    let part: String = text.chars().skip(start as usize - 1).take(length as usize).collect();
    Value::Text(cx.symbol(&part))
}

fn concat(cx: &mut Cx<'_>, apply: &Apply, values: &[Value]) -> Value {
    let mut all = String::new();
    // What is missing adds nothing.
    for (value, dtype) in values.iter().zip(&apply.types) {
        all.push_str(&cx.shown(*value, *dtype));
    }
    Value::Text(cx.symbol(&all))
}

/// The pattern of the document, or that of this row; `None` where it is none.
fn pattern<'p>(cx: &Cx<'_>, apply: &'p Apply, values: &[Value]) -> Option<Cow<'p, Pattern>> {
    if let Some(pattern) = &apply.pattern {
        return Some(Cow::Borrowed(pattern));
    }
    Pattern::new(&cx.shown(values[1], apply.types[1]), Way::DATA).ok().map(Cow::Owned)
}

fn matches(cx: &mut Cx<'_>, apply: &Apply, values: &[Value]) -> Value {
    let text = cx.shown(values[0], apply.types[0]);
    let found = pattern(cx, apply, values).and_then(|pattern| pattern.is_match(&text).ok());
    found.map_or(Value::Invalid, Value::Bool)
}

/// All matches are replaced; `$1` in the replacement is a group.
fn replace(cx: &mut Cx<'_>, apply: &Apply, values: &[Value]) -> Value {
    let text = cx.shown(values[0], apply.types[0]);
    let with = cx.shown(values[2], apply.types[2]);
    let replaced = pattern(cx, apply, values).and_then(|pattern| pattern.replace_all(&text, &with).ok());
    replaced.map_or(Value::Invalid, |replaced| Value::Text(cx.symbol(&replaced)))
}

/// By a pattern of C: flags, width, precision and one of `d`, `i`, `u`, `f`, `e`, `g`, `x`, `o`, `s`, some in capitals.
fn format_number(cx: &mut Cx<'_>, apply: &Apply, values: &[Value]) -> Value {
    let pattern = cx.shown(values[1], apply.types[1]);
    let Some(number) = values[0].num() else { return Value::Invalid };
    match formatted(number, &pattern) {
        Some(text) => Value::Text(cx.symbol(&text)),
        None => Value::Invalid,
    }
}

fn formatted(number: f64, pattern: &str) -> Option<String> {
    const WIDTH_MAX: usize = 500;
    let (before, rest) = pattern.split_once('%')?;
    let flags_end = rest.find(|c| !"-+ 0,#".contains(c))?;
    let (flags, rest) = rest.split_at(flags_end);
    let letter_at = rest.find(|c: char| c.is_ascii_alphabetic())?;
    let (size, rest) = rest.split_at(letter_at);
    let (width, precision) = match size.split_once('.') {
        Some((width, precision)) => (width, Some(precision.parse::<usize>().ok()?)),
        None => (size, None),
    };
    let width: usize = if width.is_empty() { 0 } else { width.parse().ok()? };
    if width > WIDTH_MAX || precision.is_some_and(|precision| precision > WIDTH_MAX) {
        return None;
    }
    let (letter, after) = rest.split_at(1);
    let magnitude = number.abs();
    let mut digits = match letter {
        "d" | "i" | "u" => {
            let digits = format!("{:.0}", magnitude.trunc());
            // The precision of a whole number is its digits at least.
            "0".repeat(precision.unwrap_or(1).saturating_sub(digits.len())) + &digits
        }
        "x" => format!("{:x}", magnitude as u64),
        "X" => format!("{:X}", magnitude as u64),
        "o" => format!("{:o}", magnitude as u64),
        "f" | "F" => format!("{magnitude:.*}", precision.unwrap_or(6)),
        "e" => exponent(&format!("{magnitude:.*e}", precision.unwrap_or(6))),
        "E" => exponent(&format!("{magnitude:.*e}", precision.unwrap_or(6))).to_uppercase(),
        "g" => general(magnitude, precision.unwrap_or(6), flags.contains('#')),
        "G" => general(magnitude, precision.unwrap_or(6), flags.contains('#')).to_uppercase(),
        "s" => format!("{magnitude:?}"),
        _ => return None,
    };
    if flags.contains(',') {
        digits = thousands(&digits);
    }
    let sign = match number {
        _ if number < 0.0 => "-",
        _ if flags.contains('+') => "+",
        _ if flags.contains(' ') => " ",
        _ => "",
    };
    let pad = width.saturating_sub(digits.chars().count() + sign.len());
    let body = match flags {
        _ if flags.contains('-') => format!("{sign}{digits}{}", " ".repeat(pad)),
        _ if flags.contains('0') => format!("{sign}{}{digits}", "0".repeat(pad)),
        _ => format!("{}{sign}{digits}", " ".repeat(pad)),
    };
    Some(format!("{before}{body}{}", after.replace("%%", "%")))
}

/// So many digits, with a power of ten where that is shorter; zeros at the end are left out but `keep` says otherwise.
fn general(number: f64, precision: usize, keep: bool) -> String {
    let digits = precision.max(1);
    let power = format!("{number:.*e}", digits - 1);
    let place: i64 = power.split_once('e').and_then(|(_, place)| place.parse().ok()).unwrap_or(0);
    let short = |text: &str| match text.contains('.') && !keep {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    };
    if place < -4 || place >= digits as i64 {
        let (mantissa, place) = power.split_once('e').unwrap_or((&power, "0"));
        return exponent(&format!("{}e{place}", short(mantissa)));
    }
    short(&format!("{number:.*}", (digits as i64 - 1 - place).max(0) as usize))
}

/// `1.5e2` as `1.5e+02`.
fn exponent(text: &str) -> String {
    let (mantissa, power) = text.split_once('e').unwrap_or((text, "0"));
    let (sign, digits) = power.strip_prefix('-').map_or(('+', power), |digits| ('-', digits));
    format!("{mantissa}e{sign}{digits:0>2}")
}

fn thousands(digits: &str) -> String {
    let (whole, rest) = digits.find('.').map_or((digits, ""), |at| digits.split_at(at));
    let mut all = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at) % 3 == 0 {
            all.push(',');
        }
        all.push(digit);
    }
    all + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_formatted_as_in_c() {
        assert_eq!(formatted(2.0, "%3d").as_deref(), Some("  2"));
        assert_eq!(formatted(-1234.5, "%,.2f").as_deref(), Some("-1,234.50"));
        assert_eq!(formatted(7.0, "%05.1f|").as_deref(), Some("007.0|"));
        assert_eq!(formatted(150.0, "%.1e").as_deref(), Some("1.5e+02"));
        assert_eq!(formatted(7.0, "%.3d").as_deref(), Some("007"));
        assert_eq!(formatted(255.0, "%x %%").as_deref(), Some("ff %"));
        assert_eq!(formatted(0.0001, "%g").as_deref(), Some("0.0001"));
        assert_eq!(formatted(1234567.0, "%g").as_deref(), Some("1.23457e+06"));
        assert_eq!(formatted(0.5, "%.3G").as_deref(), Some("0.5"));
        assert_eq!(formatted(1.0, "%999d"), None);
    }
}
