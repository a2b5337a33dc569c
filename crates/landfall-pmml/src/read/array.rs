//! `<Array>` and its kin: values that stand as text between blanks, or sparse with indices.

use super::{Element, Xml};
use landfall_model::Problem;

/// The values of an `<Array>`, as text; the declared count is held against them.
pub(crate) fn texts<'a>(xml: &mut Xml<'a>, element: &Element<'a>) -> Result<Vec<String>, Problem> {
    element.only(xml, &["n", "type"])?;
    // What values are is up to who asks for them.
    if !matches!(element.get("type"), None | Some("int" | "real" | "string")) {
        return Err(element.value(xml, "type"));
    }
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

/// Values of a sparse array that are written out, at most: a declared length alone must not take memory.
const FILLED_MAX: usize = 1 << 20;

/// A `<REAL-SparseArray>` as pairs of place (from 0) and value, ascending: the entries that it has, or all where others
/// than these are not zero. `length` is how many values it has where it does not say so.
pub(crate) fn sparse<'a>(
    xml: &mut Xml<'a>,
    element: &Element<'a>,
    length: Option<usize>,
) -> Result<Vec<(usize, f64)>, Problem> {
    element.only(xml, &["n", "defaultValue"])?;
    let default = element.number(xml, "defaultValue")?.unwrap_or(0.0);
    let length = element.count(xml, "n")?.or(length);
    let (mut indices, mut values) = (Vec::new(), Vec::new());
    while let Some(child) = xml.child(element)? {
        child.only(xml, &[])?;
        let text = xml.text(&child)?;
        let words: Vec<String> = text.split_ascii_whitespace().map(str::to_owned).collect();
        match child.name.as_ref() {
            "Indices" => indices = to_numbers(xml, &child, &words)?,
            // `Entries` is what the schemas of 3.0 and 3.1 call them.
            "REAL-Entries" | "INT-Entries" | "Entries" => values = to_numbers(xml, &child, &words)?,
            _ => return Err(xml.unknown(&child, element)),
        }
    }
    let mut pairs = Vec::with_capacity(values.len());
    for (&index, &value) in indices.iter().zip(&values) {
        let whole = index >= 1.0 && index.fract() == 0.0 && length.is_none_or(|n| index <= n as f64);
        if !whole {
            let range = length.map_or("from 1 on".to_owned(), |length| format!("from 1 to {length}"));
            let what = format!("index {index} of a sparse array: expected a whole number {range}");
            return Err(xml.malformed(element.place, what));
        }
        pairs.push((index as usize - 1, value));
    }
    if indices.len() != values.len() {
        return Err(xml.malformed(element.place, "a sparse array has as many indices as entries"));
    }
    pairs.sort_by_key(|pair| pair.0);
    if default == 0.0 {
        return Ok(pairs);
    }
    let Some(length) = length.filter(|length| *length <= FILLED_MAX) else {
        let what = format!("a sparse array with a defaultValue has n, at most {FILLED_MAX}");
        return Err(xml.malformed(element.place, what));
    };
    let mut all = vec![default; length];
    pairs.into_iter().for_each(|(place, value)| all[place] = value);
    Ok(all.into_iter().enumerate().collect())
}

/// What stands between values: a blank that does not break a line is part of one.
const BLANKS: [char; 4] = [' ', '\t', '\r', '\n'];

/// Splits at blanks; a value in double quotes may hold blanks, and `\"`. `None` when a quote does not end.
fn split(text: &str) -> Option<Vec<String>> {
    let mut values = Vec::new();
    let mut rest = text.trim_start_matches(BLANKS);
    while !rest.is_empty() {
        if let Some(quoted) = rest.strip_prefix('"') {
            let (value, after) = unquote(quoted)?;
            values.push(value);
            rest = after.trim_start_matches(BLANKS);
        } else {
            let end = rest.find(BLANKS).unwrap_or(rest.len());
            values.push(rest[..end].replace("\\\"", "\""));
            rest = rest[end..].trim_start_matches(BLANKS);
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
        assert_eq!(split("a\u{a0}b \u{2009}c").unwrap(), ["a\u{a0}b", "\u{2009}c"]);
    }

    #[test]
    fn what_a_sparse_array_does_not_name_has_its_default() {
        let read = |attributes: &str, length| {
            let text = format!(
                "<REAL-SparseArray {attributes}><Indices>2</Indices><REAL-Entries>5</REAL-Entries></REAL-SparseArray>"
            );
            let mut xml = Xml::new(&text, "m");
            let root = xml.root().unwrap();
            sparse(&mut xml, &root, length).map_err(|problem| problem.to_string())
        };
        assert_eq!(read("n=\"3\"", None).unwrap(), [(1, 5.0)]);
        assert_eq!(read("n=\"3\" defaultValue=\"7\"", None).unwrap(), [(0, 7.0), (1, 5.0), (2, 7.0)]);
        assert_eq!(read("defaultValue=\"7\"", Some(2)).unwrap(), [(0, 7.0), (1, 5.0)]);
        assert!(read("defaultValue=\"7\"", None).unwrap_err().contains("has n"));
        assert!(read("n=\"999999999\" defaultValue=\"7\"", None).unwrap_err().contains("at most"));
        assert!(
            read("n=\"1\" defaultValue=\"7\"", None)
                .unwrap_err()
                .contains("index 2 of a sparse array: expected a whole number from 1 to 1")
        );
    }

    #[test]
    fn a_count_that_lies_is_refused() {
        let mut xml = Xml::new("<Array n=\"3\" type=\"int\">1 2</Array>", "m");
        let root = xml.root().unwrap();
        assert!(numbers(&mut xml, &root).unwrap_err().to_string().contains("declares 3 values and has 2"));
    }
}
