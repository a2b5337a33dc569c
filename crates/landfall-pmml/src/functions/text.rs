//! Functions of text, regular expressions and formats of numbers.

use super::{Applied, Function, boolean, integer, numbers, string};
use crate::pattern::{Pattern, Way};
use crate::run::Cx;
use crate::value::Value;
use std::borrow::Cow;

pub(super) const TABLE: &[Function] = &[
    Function::of("uppercase", (1, 1), string, |cx, applied, v| {
        map(cx, applied, v, |text| text.to_uppercase())
    }),
    Function::of("lowercase", (1, 1), string, |cx, applied, v| {
        map(cx, applied, v, |text| text.to_lowercase())
    }),
    Function::of("trimBlanks", (1, 1), string, |cx, applied, v| {
        map(cx, applied, v, |text| text.trim().to_owned())
    }),
    Function::of("stringLength", (1, 1), integer, |cx, applied, v| {
        Value::Num(cx.shown(v[0], applied.types[0]).chars().count() as f64)
    }),
    Function::of("substring", (3, 3), string, substring).of_numbers(1..3),
    Function::of("concat", (1, usize::MAX), string, concat).taking_missing(),
    Function::of("replace", (3, 3), string, replace).with_pattern(),
    Function::of("matches", (2, 2), boolean, matches).with_pattern(),
    Function::of("formatNumber", (2, 2), string, format_number).of_numbers(0..1),
];

fn map(cx: &mut Cx<'_>, applied: &Applied, values: &[Value], of: fn(&str) -> String) -> Value {
    let text = of(&cx.shown(values[0], applied.types[0]));
    Value::Text(cx.symbol(&text))
}

/// Characters from a place (from 1), so many of them.
fn substring(cx: &mut Cx<'_>, applied: &Applied, values: &[Value]) -> Value {
    let Some([start, length]) = numbers::<2>(&values[1..]) else { return Value::Invalid };
    if start < 1.0 || length < 0.0 {
        return Value::Invalid;
    }
    let text = cx.shown(values[0], applied.types[0]);
    let part: String = text.chars().skip(start as usize - 1).take(length as usize).collect();
    Value::Text(cx.symbol(&part))
}

fn concat(cx: &mut Cx<'_>, applied: &Applied, values: &[Value]) -> Value {
    let mut all = String::new();
    // What is missing adds nothing.
    for (value, dtype) in values.iter().zip(&applied.types) {
        all.push_str(&cx.shown(*value, *dtype));
    }
    Value::Text(cx.symbol(&all))
}

/// The pattern of the document, or that of this row; `None` where it is none.
fn pattern<'p>(cx: &Cx<'_>, applied: &'p Applied, values: &[Value]) -> Option<Cow<'p, Pattern>> {
    if let Some(pattern) = &applied.pattern {
        return Some(Cow::Borrowed(pattern));
    }
    Pattern::new(&cx.shown(values[1], applied.types[1]), Way::DATA).ok().map(Cow::Owned)
}

fn matches(cx: &mut Cx<'_>, applied: &Applied, values: &[Value]) -> Value {
    let text = cx.shown(values[0], applied.types[0]);
    let found = pattern(cx, applied, values).and_then(|pattern| pattern.is_match(&text).ok());
    found.map_or(Value::Invalid, Value::Bool)
}

/// All matches are replaced; `$1` in the replacement is a group.
fn replace(cx: &mut Cx<'_>, applied: &Applied, values: &[Value]) -> Value {
    let text = cx.shown(values[0], applied.types[0]);
    let with = cx.shown(values[2], applied.types[2]);
    let replaced = pattern(cx, applied, values).and_then(|pattern| pattern.replace_all(&text, &with).ok());
    replaced.map_or(Value::Invalid, |replaced| Value::Text(cx.symbol(&replaced)))
}

/// By a pattern of C: flags, width, precision and one of `d`, `i`, `u`, `f`, `e`, `g`, `x`, `o`, `s`, some in capitals.
fn format_number(cx: &mut Cx<'_>, applied: &Applied, values: &[Value]) -> Value {
    let pattern = cx.shown(values[1], applied.types[1]);
    let Some(number) = values[0].num() else { return Value::Invalid };
    match formatted(number, &pattern) {
        Some(text) => Value::Text(cx.symbol(&text)),
        None => Value::Invalid,
    }
}

/// Characters of a formatted number, at most.
const WIDTH_MAX: usize = 500;

/// A pattern's one directive, and what stands around it.
struct Directive<'p> {
    before: &'p str,
    flags: &'p str,
    width: usize,
    precision: Option<usize>,
    letter: char,
    after: &'p str,
}

impl<'p> Directive<'p> {
    /// `Ok(None)` where the pattern has none; an error where it is none of C's.
    fn of(pattern: &'p str) -> Result<Option<Directive<'p>>, ()> {
        let mut at = 0;
        let start = loop {
            let Some(found) = pattern[at..].find('%') else { return Ok(None) };
            at += found;
            if !pattern[at + 1..].starts_with('%') {
                break at;
            }
            at += 2;
        };
        let (before, rest) = (&pattern[..start], &pattern[start + 1..]);
        let (flags, rest) = rest.split_at(rest.find(|c| !"-+ 0,#".contains(c)).ok_or(())?);
        let letter_at = rest.find(|c: char| c.is_ascii_alphabetic()).ok_or(())?;
        let (size, rest) = rest.split_at(letter_at);
        let number = |text: &str| match text {
            "" => Ok(0),
            _ => text.parse().ok().filter(|width| *width <= WIDTH_MAX).ok_or(()),
        };
        let (width, precision) = match size.split_once('.') {
            Some((width, precision)) => (width, Some(number(precision)?)),
            None => (size, None),
        };
        let letter = rest.chars().next().ok_or(())?;
        Ok(Some(Directive { before, flags, width: number(width)?, precision, letter, after: &rest[1..] }))
    }

    /// The digits of a number without its sign; `None` for a letter that is none of C's for numbers.
    fn digits(&self, number: f64) -> Option<String> {
        let magnitude = number.abs();
        let alternate = self.flags.contains('#');
        let precision = self.precision.unwrap_or(6);
        // The precision of a whole number is its digits at least.
        let at_least =
            |digits: String| "0".repeat(self.precision.unwrap_or(1).saturating_sub(digits.len())) + &digits;
        // What is below zero shows its bits, those of an int of C where it is one.
        let bits = match number as i64 {
            whole @ 0.. => whole as u64,
            whole => i32::try_from(whole).map_or(whole as u64, |whole| u64::from(whole as u32)),
        };
        let prefix = |prefix: &'static str| if alternate && bits != 0 { prefix } else { "" };
        let with_point = |digits: String| if alternate && precision == 0 { digits + "." } else { digits };
        Some(match self.letter {
            'f' | 'e' | 'g' if magnitude.is_infinite() => "inf".to_owned(),
            'F' | 'E' | 'G' if magnitude.is_infinite() => "INF".to_owned(),
            'd' | 'i' => at_least(format!("{:.0}", magnitude.trunc())),
            'u' => at_least(bits.to_string()),
            'x' => prefix("0x").to_owned() + &at_least(format!("{bits:x}")),
            'X' => prefix("0X").to_owned() + &at_least(format!("{bits:X}")),
            'o' => prefix("0").to_owned() + &at_least(format!("{bits:o}")),
            'f' | 'F' => with_point(format!("{magnitude:.precision$}")),
            'e' => exponent(&format!("{magnitude:.precision$e}")),
            'E' => exponent(&format!("{magnitude:.precision$e}")).to_uppercase(),
            'g' => general(magnitude, precision, alternate),
            'G' => general(magnitude, precision, alternate).to_uppercase(),
            's' => format!("{magnitude:?}"),
            _ => return None,
        })
    }
}

fn formatted(number: f64, pattern: &str) -> Option<String> {
    let Some(directive) = Directive::of(pattern).ok()? else { return Some(pattern.replace("%%", "%")) };
    let flags = directive.flags;
    let mut digits = directive.digits(number)?;
    if flags.contains(',') {
        digits = thousands(&digits);
    }
    let sign = match number {
        _ if "xXou".contains(directive.letter) => "",
        _ if number < 0.0 => "-",
        _ if flags.contains('+') => "+",
        _ if flags.contains(' ') => " ",
        _ => "",
    };
    let pad = directive.width.saturating_sub(digits.chars().count() + sign.len());
    // A precision of whole numbers says already how many zeros stand before them; an infinity has no digits.
    let zeros = flags.contains('0')
        && number.is_finite()
        && !("diuxXo".contains(directive.letter) && directive.precision.is_some());
    let body = match flags {
        _ if flags.contains('-') => format!("{sign}{digits}{}", " ".repeat(pad)),
        _ if zeros => format!("{sign}{}{digits}", "0".repeat(pad)),
        _ => format!("{}{sign}{digits}", " ".repeat(pad)),
    };
    let literal = |text: &str| text.replace("%%", "%");
    Some(format!("{}{body}{}", literal(directive.before), literal(directive.after)))
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
        assert_eq!(formatted(255.0, "a%%b%#x").as_deref(), Some("a%b0xff"));
        assert_eq!(formatted(8.0, "%#o").as_deref(), Some("010"));
        assert_eq!(formatted(0.0, "%#x").as_deref(), Some("0"));
        assert_eq!(formatted(-7.0, "%x").as_deref(), Some("fffffff9"));
        assert_eq!(formatted(7.0, "%08.3d").as_deref(), Some("     007"));
        assert_eq!(formatted(3.0, "%#.0f").as_deref(), Some("3."));
        assert_eq!(formatted(3.0, "plain %%").as_deref(), Some("plain %"));
        assert_eq!(formatted(f64::NEG_INFINITY, "%.3e").as_deref(), Some("-inf"));
        assert_eq!(formatted(f64::INFINITY, "%06G").as_deref(), Some("   INF"));
        for wrong in ["%999d", "%", "%5", "%q", "%1.2.3f"] {
            assert_eq!(formatted(1.0, wrong), None, "{wrong}");
        }
    }
}
