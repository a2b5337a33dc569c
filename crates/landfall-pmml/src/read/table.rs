//! Tables: rows of named cells.

use super::{Element, Xml, locator};
use landfall_model::Problem;

/// The rows of an `<InlineTable>`: each its cells by name, in their order.
pub(crate) type Table = Vec<Vec<(String, String)>>;

/// A table within the document, or beside it; `None` for an element that is neither.
pub(crate) fn read<'a>(xml: &mut Xml<'a>, element: &Element<'a>) -> Result<Option<Table>, Problem> {
    match element.name.as_ref() {
        "InlineTable" => inline(xml, element).map(Some),
        "TableLocator" => locator::located(xml, element, of_lines).map(Some),
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
        row.only(xml, &[])?;
        let mut cells = Vec::new();
        // Columns may be called as writers call elements of their own.
        while let Some(cell) = xml.any_child(&row)? {
            if cell.name == "Extension" {
                xml.skip(&cell)?;
                continue;
            }
            let text = xml.text(&cell)?;
            cells.push((cell.name.into_owned(), text));
        }
        rows.push(cells);
    }
    Ok(rows)
}

/// The rows of a text: its first line names the columns; cells stand between commas, or between semicolons or tabs where
/// that line has no comma; an empty cell is missing.
pub(crate) fn of_lines(text: &str) -> Result<Table, String> {
    let text = text.trim_start_matches('\u{feff}');
    // Read to its end, a cell that is not closed would take in all rows after it.
    if text.matches('"').count() % 2 == 1 {
        return Err("a quotation mark has no partner".to_owned());
    }
    let first = text.lines().next().unwrap_or_default();
    let separator =
        [b',', b';', b'\t'].into_iter().find(|sign| first.as_bytes().contains(sign)).unwrap_or(b',');
    let mut reader = csv::ReaderBuilder::new().delimiter(separator).from_reader(text.as_bytes());
    let head = reader.headers().map_err(|error| in_line(&error))?.clone();
    if head.is_empty() {
        return Err("no line that names the columns".to_owned());
    }
    let named = |cells: csv::StringRecord| {
        let named = head.iter().zip(&cells).filter(|(_, cell)| !cell.is_empty());
        named.map(|(name, cell)| (name.to_owned(), cell.to_owned())).collect()
    };
    reader.records().map(|cells| cells.map(named).map_err(|error| in_line(&error))).collect()
}

fn in_line(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::UnequalLengths { pos: Some(place), expected_len, len } => {
            format!("line {}: expected {expected_len} cells, found {len}", place.line())
        }
        _ => error.to_string(),
    }
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

    #[test]
    fn a_table_has_its_columns_named_first_and_misses_empty_cells() {
        let rows = of_lines("\u{feff}a;b\r\n1;\"x;\"\"y\"\r\n\r\n;2").unwrap();
        let cell = |name: &str, text: &str| (name.to_owned(), text.to_owned());
        assert_eq!(rows, [vec![cell("a", "1"), cell("b", "x;\"y")], vec![cell("b", "2")]]);
        assert_eq!(of_lines("a\tb\n1\t2\n").unwrap(), [vec![cell("a", "1"), cell("b", "2")]]);
    }

    #[test]
    fn what_is_wrong_in_a_table_has_its_line() {
        assert_eq!(of_lines("a,b\n1,2\n3\n").unwrap_err(), "line 3: expected 2 cells, found 1");
        assert_eq!(of_lines("a,b\n1,\"2\n3,4\n").unwrap_err(), "a quotation mark has no partner");
        assert!(of_lines("").unwrap_err().contains("names the columns"));
    }
}
