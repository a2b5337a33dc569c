//! Functions of text, regular expressions and formats of numbers.

use super::{Function, boolean, integer, numbers, string};
use crate::expression::Apply;
use crate::run::Cx;
use crate::value::Value;

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
    Function::of("concat", (1, usize::MAX), string, concat),
    Function::of("replace", (3, 3), string, replace).with_pattern(),
    Function::of("matches", (2, 2), boolean, |cx, apply, v| {
        let text = cx.shown(v[0], apply.types[0]);
        apply.regex.as_ref().map_or(Value::Invalid, |regex| Value::Bool(regex.is_match(&text)))
    })
    .with_pattern(),
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
    for (value, dtype) in values.iter().zip(&apply.types) {
        all.push_str(&cx.shown(*value, *dtype));
    }
    Value::Text(cx.symbol(&all))
}

/// All matches are replaced; `$1` in the replacement is a group.
fn replace(cx: &mut Cx<'_>, apply: &Apply, values: &[Value]) -> Value {
    let text = cx.shown(values[0], apply.types[0]);
    let with = grouped(&cx.shown(values[2], apply.types[2]));
    let Some(regex) = &apply.regex else { return Value::Invalid };
    let replaced = regex.replace_all(&text, with.as_str()).into_owned();
    Value::Text(cx.symbol(&replaced))
}

/// `$1a` means group 1 before an `a`, not a group named `1a`.
fn grouped(replacement: &str) -> String {
    let mut all = String::new();
    let mut characters = replacement.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '$' if characters.peek().is_some_and(char::is_ascii_digit) => {
                let digit = characters.next().unwrap_or('0');
                all.push_str(&format!("${{{digit}}}"));
            }
            '\\' => {
                all.extend(characters.next().map(|c| if c == '$' { "$$".to_owned() } else { c.to_string() }))
            }
            _ => all.push(character),
        }
    }
    all
}

/// By a pattern of C: flags, width, precision and one of `d`, `f`, `e`, `g`, `s`.
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
        "d" | "i" => format!("{:.0}", magnitude.trunc()),
        "f" => format!("{magnitude:.*}", precision.unwrap_or(6)),
        "e" => exponent(&format!("{magnitude:.*e}", precision.unwrap_or(6))),
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
        assert_eq!(formatted(1.0, "%999d"), None);
    }

    #[test]
    fn groups_of_one_digit_are_taken() {
        assert_eq!(grouped("$1a\\$"), "${1}a$$");
    }
}
