//! `<TableLocator>`: a table in a file beside the document.
//!
//! The schema gives the element nothing but extensions. This one names the file, in the document's folder or below it:
//! `<Extension name="file" value="zones.csv"/>`. Its first line names the columns; cells stand between commas, or between
//! semicolons or tabs where the first line has no comma; an empty cell is missing.

use super::table::Table;
use super::{Element, Place, Xml};
use landfall_model::Problem;

/// What an extension that names a file is called.
const NAMES: &[&str] = &["file", "path", "location", "href", "url"];

const INSTEAD: &str = "name a CSV file in the model's folder, <Extension name=\"file\" value=\"table.csv\"/>, or put the rows \
    into an <InlineTable>";

/// Reads a `<TableLocator>` and the table that it names.
pub(super) fn located<'a>(xml: &mut Xml<'a>, element: &Element<'a>) -> Result<Table, Problem> {
    if element.only(xml, &[]).is_err() {
        return Err(xml.refused(element.place, "a <TableLocator> with attributes of its own", INSTEAD));
    }
    let mut found = None;
    while let Some(child) = xml.any_child(element)? {
        if child.name != "Extension" {
            return Err(xml.unknown(&child, element));
        }
        if child.get("name").is_some_and(|name| NAMES.contains(&name)) && found.is_none() {
            found = Some((child.need(xml, "value")?.to_owned(), child.place));
        }
        xml.skip(&child)?;
    }
    match found {
        Some((name, place)) => file(xml, &name, place),
        None => Err(xml.refused(element.place, "a <TableLocator> that names no file", INSTEAD)),
    }
}

fn file(xml: &Xml<'_>, name: &str, place: Place) -> Result<Table, Problem> {
    let Some(files) = xml.files() else {
        return Err(xml.refused(place, "a <TableLocator> in a document that lies in no folder", INSTEAD));
    };
    let wrong = |why: String| xml.malformed(place, format!("<TableLocator>, file {name:?}: {why}"));
    let bytes = files.bytes(name).map_err(|problem| wrong(problem.to_string()))?;
    let text = std::str::from_utf8(bytes.bytes()).map_err(|_| wrong("not text in UTF-8".to_owned()))?;
    table(text).map_err(wrong)
}

/// The rows of a text; the first names the columns.
pub(crate) fn table(text: &str) -> Result<Table, String> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_its_columns_named_first_and_misses_empty_cells() {
        let rows = table("\u{feff}a;b\r\n1;\"x;\"\"y\"\r\n\r\n;2").unwrap();
        let cell = |name: &str, text: &str| (name.to_owned(), text.to_owned());
        assert_eq!(rows, [vec![cell("a", "1"), cell("b", "x;\"y")], vec![cell("b", "2")]]);
        assert_eq!(table("a\tb\n1\t2\n").unwrap(), [vec![cell("a", "1"), cell("b", "2")]]);
    }

    #[test]
    fn what_is_wrong_in_a_table_has_its_line() {
        assert_eq!(table("a,b\n1,2\n3\n").unwrap_err(), "line 3: expected 2 cells, found 1");
        assert_eq!(table("a,b\n1,\"2\n3,4\n").unwrap_err(), "a quotation mark has no partner");
        assert!(table("").unwrap_err().contains("names the columns"));
    }
}
