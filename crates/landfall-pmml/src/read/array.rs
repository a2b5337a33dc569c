//! `<Array>` and its kin: values that stand as text between blanks, or sparse with indices.

use super::{Element, Xml};
use landfall_model::Problem;

/// The values of an `<Array>`, as text; the declared count is held against them.
pub(crate) fn texts<'a>(xml: &mut Xml<'a>, element: &Element<'a>) -> Result<Vec<String>, Problem> {
    element.only(xml, &["n", "type"])?;
    let declared = element.count(xml, "n")?;
    let text = xml.text(element)?;
    let values = split(&text)
        .ok_or_else(|| xml.malformed(element.place, format!("<{}>: a quote does not end", element.name)))?;
    match declared {
        Some(n) if n != values.len() => Err(xml.malformed(
            element.place,
            format!("<{}> declares {n} values and has {}", element.name, values.len()),
        )),
        _ => Ok(values),
    }
}

/// The values of an `<Array>` of numbers.
pub(crate) fn numbers<'a>(xml: &mut Xml<'a>, element: &Element<'a>) -> Result<Vec<f64>, Problem> {
    let texts = texts(xml, element)?;
    to_numbers(xml, element, &texts)
}

fn to_numbers<'a>(xml: &Xml<'a>, element: &Element<'a>, texts: &[String]) -> Result<Vec<f64>, Problem> {
    let number = |text: &String| {
        crate::value::number(text)
            .ok_or_else(|| xml.malformed(element.place, format!("<{}>: {text:?} is no number", element.name)))
    };
    texts.iter().map(number).collect()
}

/// A `<REAL-SparseArray>` as pairs of place (from 0) and value, ascending.
pub(crate) fn sparse<'a>(xml: &mut Xml<'a>, element: &Element<'a>) -> Result<Vec<(usize, f64)>, Problem> {
    element.only(xml, &["n", "defaultValue"])?;
    if element.number(xml, "defaultValue")?.is_some_and(|value| value != 0.0) {
        return Err(element.value(xml, "defaultValue"));
    }
    let length = element.count(xml, "n")?;
    let (mut indices, mut values) = (Vec::new(), Vec::new());
    while let Some(child) = xml.child(element)? {
        let text = xml.text(&child)?;
        let words: Vec<String> = text.split_ascii_whitespace().map(str::to_owned).collect();
        match child.name.as_ref() {
            "Indices" => indices = to_numbers(xml, &child, &words)?,
            "REAL-Entries" | "INT-Entries" => values = to_numbers(xml, &child, &words)?,
            _ => return Err(xml.unknown(&child, element)),
        }
    }
    let mut pairs = Vec::with_capacity(values.len());
    for (&index, &value) in indices.iter().zip(&values) {
        let whole = index >= 1.0 && index.fract() == 0.0 && length.is_none_or(|n| index <= n as f64);
        if !whole {
            return Err(xml.malformed(element.place, format!("index {index} of a sparse array")));
        }
        pairs.push((index as usize - 1, value));
    }
    if indices.len() != values.len() {
        return Err(xml.malformed(element.place, "a sparse array has as many indices as entries"));
    }
    pairs.sort_by_key(|pair| pair.0);
    Ok(pairs)
}

/// Splits at blanks; a value in double quotes may hold blanks, and `\"`. `None` when a quote does not end.
fn split(text: &str) -> Option<Vec<String>> {
    let mut values = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        if let Some(quoted) = rest.strip_prefix('"') {
            let (value, after) = unquote(quoted)?;
            values.push(value);
            rest = after.trim_start();
        } else {
            let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
            values.push(rest[..end].replace("\\\"", "\""));
            rest = rest[end..].trim_start();
        }
    }
    Some(values)
}

fn unquote(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &text[at + 1..])),
            '\\' if text[at + 1..].starts_with('"') => {
                characters.next();
                value.push('"');
            }
            _ => value.push(character),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_hold_blanks_and_quotes() {
        assert_eq!(split(" 1  2\n3 ").unwrap(), ["1", "2", "3"]);
        assert_eq!(split(r#""a b" "c\"d" "" e"#).unwrap(), ["a b", "c\"d", "", "e"]);
        assert_eq!(split(r#""a"#), None);
    }

    #[test]
    fn a_count_that_lies_is_refused() {
        let mut xml = Xml::new("<Array n=\"3\" type=\"int\">1 2</Array>", "m");
        let root = xml.root().unwrap();
        assert!(numbers(&mut xml, &root).unwrap_err().to_string().contains("declares 3 values and has 2"));
    }
}
