//! Tables: rows of named cells.

use super::{Element, Xml};
use landfall_model::Problem;

/// The rows of an `<InlineTable>`: each its cells by name, in their order.
pub(crate) type Table = Vec<Vec<(String, String)>>;

/// A table within the document, or beside it; `None` for an element that is neither.
pub(crate) fn read<'a>(xml: &mut Xml<'a>, element: &Element<'a>) -> Result<Option<Table>, Problem> {
    match element.name.as_ref() {
        "InlineTable" => inline(xml, element).map(Some),
        "TableLocator" => super::locator::located(xml, element).map(Some),
        _ => Ok(None),
    }
}

/// Reads an `<InlineTable>`. Names of cells lose their prefix, as `data:input`.
pub(crate) fn inline<'a>(xml: &mut Xml<'a>, element: &Element<'a>) -> Result<Table, Problem> {
    element.only(xml, &[])?;
    let mut rows = Vec::new();
    while let Some(row) = xml.child(element)? {
        if row.name != "row" {
            return Err(xml.unknown(&row, element));
        }
        let mut cells = Vec::new();
        while let Some(cell) = xml.child(&row)? {
            let text = xml.text(&cell)?;
            cells.push((cell.name.into_owned(), text));
        }
        rows.push(cells);
    }
    Ok(rows)
}

/// The cell of this name; names may be written with a prefix or with blanks as `_x0020_`.
pub(crate) fn cell<'t>(row: &'t [(String, String)], name: &str) -> Option<&'t str> {
    let plain = name.rsplit(':').next().unwrap_or(name);
    let matches = |key: &str| key == plain || key == name || decoded(key) == plain;
    row.iter().find(|(key, _)| matches(key)).map(|(_, text)| text.as_str())
}

/// `_x0020_` and the like as the characters that they stand for.
fn decoded(name: &str) -> String {
    let mut all = String::with_capacity(name.len());
    let mut rest = name;
    while let Some(at) = rest.find("_x") {
        let code = rest.get(at + 2..at + 6).and_then(|hex| u32::from_str_radix(hex, 16).ok());
        match code.and_then(char::from_u32).filter(|_| rest.as_bytes().get(at + 6) == Some(&b'_')) {
            Some(character) => {
                all.push_str(&rest[..at]);
                all.push(character);
                rest = &rest[at + 7..];
            }
            None => {
                all.push_str(&rest[..at + 2]);
                rest = &rest[at + 2..];
            }
        }
    }
    all.push_str(rest);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_found_by_name_with_or_without_prefix() {
        let row = vec![("a".to_owned(), "1".to_owned()), ("b_x0020_c".to_owned(), "2".to_owned())];
        assert_eq!(cell(&row, "data:a"), Some("1"));
        assert_eq!(cell(&row, "b c"), Some("2"));
        assert_eq!(cell(&row, "d"), None);
    }
}
